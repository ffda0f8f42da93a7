#include <btr/clock.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "kafka.h"

static struct kafka_topics *of(struct btr_topics *t)
{
    return (struct kafka_topics *)t;
}

static int producer_need(struct kafka_topics *k, struct btr_err *err)
{
    return k->producer ? 0 : kafka_producer_new(&k->producer, k, err);
}

bool kafka_has_states(const struct btr_topics *t)
{
    const struct kafka_topics *k = (const struct kafka_topics *)t;
    return k->words.state_topic && !k->once;
}

/* ---- The topic ---- */

/* How many partitions the state topic has; 0: there is none. */
static int state_partitions(struct kafka_topics *k, int32_t *count, struct btr_err *err)
{
    const struct rd_kafka_metadata *data = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(k->consumer, k->words.state_topic, NULL);
    *count = 0;
    if (!handle)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: is no topic's name",
                        k->words.state_topic);
    rd_kafka_resp_err_t why;
    int64_t until_ns = kafka_patience_end(k);
    do {
        why = rd_kafka_metadata(k->consumer, 0, handle, &data, KAFKA_ANSWER_MS);
    } while (why != 0 && kafka_ask_again(k, why, k->words.state_topic, until_ns));
    if (why == 0 && data->topic_cnt == 1)
        why = data->topics[0].err;
    if (why == 0)
        *count = data->topics[0].partition_cnt;
    if (data)
        rd_kafka_metadata_destroy(data);
    rd_kafka_topic_destroy(handle);
    if (why == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return 0;
    return why ? btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: %s", k->words.state_topic,
                          rd_kafka_err2str(why))
               : 0;
}

static int topic_create(struct kafka_topics *k, int32_t partitions, struct btr_err *err)
{
    static const char *const settings[][2] = {{"cleanup.policy", "compact"},
                                              {"segment.ms", "3600000"},
                                              {"min.cleanable.dirty.ratio", "0.2"},
                                              {NULL, NULL}};
    char why[KAFKA_TEXT_SIZE];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(k->words.state_topic, partitions, -1, why, sizeof why);
    if (!topic)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: %s", k->words.state_topic, why);
    for (unsigned i = 0; settings[i][0]; i++)
        (void)rd_kafka_NewTopic_set_config(topic, settings[i][0], settings[i][1]);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->producer);
    rd_kafka_CreateTopics(k->producer, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, KAFKA_ANSWER_MS);
    const rd_kafka_CreateTopics_result_t *result =
        event ? rd_kafka_event_CreateTopics_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_topic_result_t **topics =
        result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    rd_kafka_resp_err_t failed = count == 1 ? rd_kafka_topic_result_error(topics[0])
                                 : event    ? rd_kafka_event_error(event)
                                            : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    if (failed == 0 || failed == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return 0;
    return btr_fail(err, BTR_E_IO, UINT64_MAX,
                    "%s: the state topic is not there and cannot be made: %s", k->words.state_topic,
                    rd_kafka_err2str(failed));
}

/* Partitions of all topics that are read, at least one. */
static int32_t partitions_wanted(struct kafka_topics *k)
{
    const struct rd_kafka_metadata *data = NULL;
    int32_t most = 1;
    if (rd_kafka_metadata(k->consumer, 1, NULL, &data, KAFKA_ANSWER_MS) != 0)
        return 12;
    for (int i = 0; i < data->topic_cnt; i++)
        for (uint32_t n = 0; n < k->words.topic_count; n++)
            if (strcmp(data->topics[i].topic, k->words.topics[n]) == 0 &&
                data->topics[i].partition_cnt > most)
                most = data->topics[i].partition_cnt;
    rd_kafka_metadata_destroy(data);
    return most;
}

static int topic_need(struct kafka_topics *k, struct btr_err *err)
{
    int rc = producer_need(k, err);
    for (int turn = 0; turn < 50 && rc == 0 && k->state_partitions == 0; turn++) {
        if (turn == 1)
            rc = topic_create(k, partitions_wanted(k), err);
        else if (turn > 1)
            (void)rd_kafka_poll(k->producer, 200); /* until the broker knows it everywhere */
        if (rc == 0)
            rc = state_partitions(k, &k->state_partitions, err);
    }
    if (rc == 0 && k->state_partitions == 0)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: the broker does not know it",
                      k->words.state_topic);
    return rc;
}

/* ---- Keys ----
 * Groups that share a topic do not share states: each key begins with the group's name and a zero
 * byte. */

static bool key_make(const struct kafka_topics *k, struct btr_span key, struct btr_buffer *out)
{
    btr_buffer_text(out, k->words.group);
    btr_buffer_u8(out, 0);
    btr_buffer_span(out, key);
    return !out->failed;
}

static bool key_is_ours(const struct kafka_topics *k, struct btr_span *key)
{
    size_t size = strlen(k->words.group) + 1; /* with its zero byte */
    if (key->size < size || memcmp(key->at, k->words.group, size) != 0)
        return false;
    key->at += size;
    key->size -= size;
    return true;
}

/* ---- Writing ---- */

int kafka_state_put(struct btr_topics *t, const struct topics_part *part,
                    const struct topics_state *record, struct btr_err *err)
{
    struct kafka_topics *k = of(t);
    struct btr_buffer key = {0};
    int rc = topic_need(k, err);
    if (rc == 0 && !key_make(k, record->key, &key))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    rd_kafka_resp_err_t why = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    int64_t until_ns = btr_monotonic_ns() + KAFKA_ANSWER_MS * INT64_C(1000000);
    while (rc == 0 && why == RD_KAFKA_RESP_ERR__QUEUE_FULL && btr_monotonic_ns() < until_ns) {
        why = rd_kafka_producev(
            k->producer, RD_KAFKA_V_TOPIC(k->words.state_topic),
            RD_KAFKA_V_PARTITION(part->partition % k->state_partitions),
            RD_KAFKA_V_KEY(key.at, key.size),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)record->value.at, record->value.size),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (why == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            (void)rd_kafka_poll(k->producer, 50);
    }
    if (rc == 0 && why != 0)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: %s", k->words.state_topic,
                      rd_kafka_err2str(why));
    btr_buffer_fini(&key);
    return rc;
}

int kafka_state_flush(struct btr_topics *t, int timeout_ms, struct btr_err *err)
{
    struct kafka_topics *k = of(t);
    if (!k->producer)
        return 1;
    rd_kafka_resp_err_t why = rd_kafka_flush(k->producer, timeout_ms);
    (void)pthread_mutex_lock(&k->mutex);
    uint64_t failed = k->states_failed;
    k->states_failed = 0;
    (void)pthread_mutex_unlock(&k->mutex);
    if (failed > 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: states were not delivered",
                        k->words.state_topic);
    return why == 0;
}

/* ---- Reading ---- */

static int loader_need(struct kafka_topics *k, struct btr_err *err)
{
    return k->loader ? 0 : kafka_consumer_new(&k->loader, k, "backtrail-states", true, err);
}

/* @return 1 = goes on, 0 = the end, or a failure */
static int loaded_take(struct kafka_topics *k, topics_state_visit *visit, void *self,
                       struct btr_err *err)
{
    rd_kafka_message_t *m = rd_kafka_consumer_poll(k->loader, 200);
    int rc = 1;
    if (!m)
        return 1;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        rc = 0;
    } else if (m->err != 0) {
        kafka_say(k, LOG_WARNING, "%s: %s", k->words.state_topic, rd_kafka_message_errstr(m));
    } else {
        struct topics_state record = {{m->key, m->key_len}, {m->payload, m->len}};
        int visited = key_is_ours(k, &record.key) ? visit(self, &record) : 0;
        rc = visited < 0
                 ? btr_fail(err, visited, UINT64_MAX, "%s: out of memory", k->words.state_topic)
                 : 1;
    }
    rd_kafka_message_destroy(m);
    return rc;
}

int kafka_state_load(struct btr_topics *t, const struct topics_part *part,
                     topics_state_visit *visit, void *self, struct btr_err *err)
{
    struct kafka_topics *k = of(t);
    int rc = topic_need(k, err);
    if (rc == 0)
        rc = loader_need(k, err);
    if (rc < 0)
        return rc;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, k->words.state_topic,
                                      part->partition % k->state_partitions)
        ->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t why = rd_kafka_assign(k->loader, list);
    int64_t until_ns = btr_monotonic_ns() + KAFKA_READ_MS * INT64_C(1000000);
    rc = why ? btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: %s", k->words.state_topic,
                        rd_kafka_err2str(why))
             : 1;
    while (rc == 1 && btr_monotonic_ns() < until_ns)
        rc = loaded_take(k, visit, self, err);
    (void)rd_kafka_assign(k->loader, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    return rc == 1 ? btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: was not read to its end in time",
                              k->words.state_topic)
                   : rc;
}

/* ---- Dead letters ---- */

bool kafka_dead_letter(struct btr_topics *t, const struct topics_message *m, const char *reason)
{
    struct kafka_topics *k = of(t);
    char place[320];
    struct btr_err err;
    if (!k->words.dead_letter_topic)
        return true;
    (void)snprintf(place, sizeof place, "%s:%d:%lld", m->topic, m->partition, (long long)m->offset);
    rd_kafka_resp_err_t why = RD_KAFKA_RESP_ERR__FAIL;
    if (producer_need(k, &err) == 0)
        why = rd_kafka_producev(k->producer, RD_KAFKA_V_TOPIC(k->words.dead_letter_topic),
                                RD_KAFKA_V_KEY(m->key.at, m->key.size),
                                RD_KAFKA_V_VALUE((void *)(uintptr_t)m->value.at, m->value.size),
                                RD_KAFKA_V_HEADER("backtrail.origin", place, -1),
                                RD_KAFKA_V_HEADER("backtrail.reason", reason, -1),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (why == 0)
        return true;
    (void)pthread_mutex_lock(&k->mutex);
    k->dead_letter_failed++;
    (void)pthread_mutex_unlock(&k->mutex);
    return false;
}
