#include <btr/clock.h>
#include <stdlib.h>

#include "kafka.h"

enum { CLOSE_MS = 5000, LOOK_MS = 50 };

static struct kafka_topics *of(struct btr_topics *t)
{
    return (struct kafka_topics *)t;
}

static void event_take(struct kafka_topics *k, rd_kafka_t *consumer, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
        kafka_rebalance(consumer, rd_kafka_event_error(event),
                        rd_kafka_event_topic_partition_list(event), k);
    rd_kafka_event_destroy(event);
}

/* Leaves the group. While a commit waits for a broker that is gone, closing does not end
 * (librdkafka issue 3740): what comes to its end later tells it in the queue.
 * @return NULL when it came to its end, else that queue, which has to stay as long as the consumer
 */
static rd_kafka_queue_t *consumer_close(struct kafka_topics *k, rd_kafka_t *consumer)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer);
    int64_t until_ns = btr_monotonic_ns() + CLOSE_MS * INT64_C(1000000);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consumer, queue);
    bool asked = error == NULL, closed = !asked;
    if (error)
        rd_kafka_error_destroy(error); /* it is closed already */
    while (asked && !closed && btr_monotonic_ns() < until_ns) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LOOK_MS);
        if (event)
            event_take(k, consumer, event);
        closed = rd_kafka_consumer_closed(consumer) != 0;
    }
    if (!closed)
        return queue;
    rd_kafka_queue_destroy(queue);
    return NULL;
}

/* librdkafka before 2.3.0 aborts when a consumer is destroyed that joins its group for the first
 * time (issue 4312). Such a one leaves the group, and is otherwise left as it is. */
static bool cannot_be_destroyed(const struct kafka_topics *k, rd_kafka_t *consumer)
{
    return consumer == k->consumer && !k->once && !k->joined && rd_kafka_version() < 0x02030000 &&
           kafka_is_cooperative(consumer);
}

/* @param farewell receives the queue of one that did not come to its end. @return whether nothing
 * of it is left */
static bool consumer_end(struct kafka_topics *k, rd_kafka_t *consumer, rd_kafka_queue_t **farewell)
{
    if (!consumer)
        return true;
    bool stays = cannot_be_destroyed(k, consumer);
    *farewell = consumer_close(k, consumer);
    if (*farewell || stays)
        return false;
    rd_kafka_destroy(consumer);
    return true;
}

void kafka_close(struct btr_topics *t)
{
    struct kafka_topics *k = of(t);
    kafka_release(t);
    k->owner = NULL; /* what is given up now was handed over */
    (void)pthread_mutex_lock(&k->mutex);
    k->log = NULL; /* what the library still has to say comes too late */
    (void)pthread_mutex_unlock(&k->mutex);
    bool ended = consumer_end(k, k->consumer, &k->farewell);
    ended = consumer_end(k, k->loader, &k->loader_farewell) && ended;
    if (k->producer) {
        (void)rd_kafka_flush(k->producer, 2000);
        rd_kafka_destroy(k->producer);
    }
    if (k->committing)
        rd_kafka_topic_partition_list_destroy(k->committing);
    if (k->cluster)
        rd_kafka_mem_free(NULL, k->cluster);
    if (!ended) /* its threads still ask what it was made with */
        return;
    kafka_words_fini(&k->words);
    kafka_wake_fini(&k->wake);
    (void)pthread_mutex_destroy(&k->mutex);
    free(k);
}
