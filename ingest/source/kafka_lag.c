#include <btr/clock.h>
#include <stdlib.h>

#include "kafka.h"

static int left_ms(int64_t until_ns)
{
    int64_t left = (until_ns - btr_monotonic_ns()) / 1000000;
    return left > 1 ? (int)left : 1;
}

/* Age of the first message that waits: its time is asked for by reading it. */
static int64_t behind_of(struct kafka_topics *k, const rd_kafka_topic_partition_t *at, int64_t from,
                         int64_t until_ns)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, at->topic, at->partition)->offset = from;
    int64_t behind_ms = -1;
    bool again = rd_kafka_assign(k->consumer, list) == 0;
    while (again && btr_monotonic_ns() < until_ns) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(k->consumer, 100);
        if (!m)
            continue;
        rd_kafka_timestamp_type_t type;
        int64_t time_ms = m->err ? -1 : rd_kafka_message_timestamp(m, &type);
        if (time_ms >= 0) {
            behind_ms = btr_wall_ns() / 1000000 - time_ms;
            behind_ms = behind_ms < 0 ? 0 : behind_ms;
        } else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            behind_ms = 0; /* marks of transactions alone */
        }
        again = false;
        rd_kafka_message_destroy(m);
    }
    (void)rd_kafka_assign(k->consumer, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    return behind_ms;
}

static int partition_ask(struct kafka_topics *k, const rd_kafka_topic_partition_t *at,
                         int64_t until_ns, btr_kafka_lag_visit *visit, void *self,
                         struct btr_err *err)
{
    int64_t low = 0, high = 0;
    rd_kafka_resp_err_t why = rd_kafka_query_watermark_offsets(
        k->consumer, at->topic, at->partition, &low, &high, left_ms(until_ns));
    if (why != 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s:%d: %s", at->topic, at->partition,
                        rd_kafka_err2str(why));
    int64_t from = at->offset < low ? low : at->offset;
    struct btr_kafka_lag lag = {.topic = at->topic,
                                .partition = at->partition,
                                .committed = at->offset < 0 ? -1 : at->offset,
                                .end = high,
                                .behind_ms = from < high ? behind_of(k, at, from, until_ns) : 0};
    return visit(self, &lag);
}

static int topic_ask(struct kafka_topics *k, const char *topic, int64_t until_ns,
                     btr_kafka_lag_visit *visit, void *self, struct btr_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    int rc = kafka_topic_list(k, topic, left_ms(until_ns), list, err);
    rd_kafka_resp_err_t why =
        rc == 0 ? rd_kafka_committed(k->consumer, list, left_ms(until_ns)) : 0;
    if (why != 0)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: %s", k->words.group, rd_kafka_err2str(why));
    for (int i = 0; i < list->cnt && rc == 0; i++)
        rc = partition_ask(k, &list->elems[i], until_ns, visit, self, err);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

int btr_kafka_lag(const struct btr_kafka_options *options, int timeout_ms,
                  btr_kafka_lag_visit *visit, void *self, struct btr_err *err)
{
    struct kafka_topics *k = calloc(1, sizeof *k);
    if (!k)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    (void)pthread_mutex_init(&k->mutex, NULL);
    k->log = options->log;
    k->log_self = options->log_self;
    int64_t until_ns = btr_monotonic_ns() + timeout_ms * INT64_C(1000000);
    int rc = kafka_words_copy(&k->words, options, err);
    if (rc == 0)
        rc = kafka_consumer_new(&k->consumer, k, k->words.group, false, err);
    for (uint32_t i = 0; i < k->words.topic_count && rc == 0; i++)
        rc = topic_ask(k, k->words.topics[i], until_ns, visit, self, err);
    if (k->consumer) {
        (void)rd_kafka_consumer_close(k->consumer);
        rd_kafka_destroy(k->consumer);
    }
    kafka_words_fini(&k->words);
    (void)pthread_mutex_destroy(&k->mutex);
    free(k);
    return rc;
}
