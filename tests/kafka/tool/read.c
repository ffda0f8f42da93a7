#include "tool.h"

#include <inttypes.h>

enum { ASK_MS = 1500 }; /* of one question; it is asked again until the deadline */

/* @return count of partitions, or -1 after a line on stderr */
static int partitions_count(struct client *c, const char *topic)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(c->kafka, topic, NULL);
    rd_kafka_resp_err_t rc;
    int count = -1;
    while ((rc = rd_kafka_metadata(c->kafka, 0, handle, &found, client_left_ms(c, ASK_MS))) &&
           client_left_ms(c, 1) && !c->refused)
        rd_kafka_poll(c->kafka, 100);
    rd_kafka_topic_destroy(handle);
    if (!rc && found->topic_cnt == 1)
        rc = found->topics[0].err;
    if (!rc)
        count = found->topics[0].partition_cnt;
    if (found)
        rd_kafka_metadata_destroy(found);
    if (rc || count < 0 || count > TOOL_PARTITIONS_MAX) {
        client_failed(c, topic, rc ? rd_kafka_err2str(rc) : "too many partitions");
        return -1;
    }
    return count;
}

int watermarks_get(struct client *c, const char *topic, int64_t *low, int64_t *high)
{
    int count = partitions_count(c, topic);
    for (int i = 0; i < count; i++) {
        rd_kafka_resp_err_t rc;
        while ((rc = rd_kafka_query_watermark_offsets(c->kafka, topic, i, &low[i], &high[i],
                                                      client_left_ms(c, ASK_MS))) &&
               client_left_ms(c, 1) && !c->refused)
            rd_kafka_poll(c->kafka, 100);
        if (rc) {
            client_failed(c, topic, rd_kafka_err2str(rc));
            return -1;
        }
    }
    return count;
}

int verb_watermarks(const struct options *o)
{
    static const char *const defaults[] = {"group.id", "kafka_tool", NULL};
    static int64_t low[TOOL_PARTITIONS_MAX], high[TOOL_PARTITIONS_MAX];
    struct client c;
    if (client_open(&c, o, defaults, NULL, NULL) < 0)
        return TOOL_USAGE;
    int count = watermarks_get(&c, o->words[0], low, high);
    if (count >= 0) {
        printf("{");
        for (int i = 0; i < count; i++)
            printf("%s\"%d\": [%" PRId64 ", %" PRId64 "]", i ? ", " : "", i, low[i], high[i]);
        printf("}\n");
    }
    client_close(&c);
    return count < 0 ? TOOL_FAILED : TOOL_OK;
}

static void record_print(const rd_kafka_message_t *m)
{
    uint8_t fixed[20];
    struct btr_buffer head = {.at = fixed, .capacity = sizeof(fixed)};
    btr_buffer_u32(&head, (uint32_t)m->partition);
    btr_buffer_u64(&head, (uint64_t)m->offset);
    btr_buffer_u32(&head, m->key ? (uint32_t)m->key_len : UINT32_MAX);
    btr_buffer_u32(&head, m->payload ? (uint32_t)m->len : UINT32_MAX);
    fwrite(head.at, 1, head.size, stdout);
    if (m->key)
        fwrite(m->key, 1, m->key_len, stdout);
    if (m->payload)
        fwrite(m->payload, 1, m->len, stdout);
}

/* @return NULL, or why the partitions were not read to their ends */
static const char *partitions_read(struct client *c, int count, struct tally *all, bool print)
{
    static bool ended[TOOL_PARTITIONS_MAX];
    int open = count;
    while (open) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->kafka, client_left_ms(c, 200));
        if (!client_left_ms(c, 1) || c->refused)
            return "not read to its end";
        if (!m)
            continue;
        struct btr_span value = {m->payload, m->len};
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && !ended[m->partition]) {
            ended[m->partition] = true;
            open--;
        } else if (!m->err && !ended[m->partition]) {
            tally_add(all, m->payload ? &value : NULL);
            if (print)
                record_print(m);
        }
        rd_kafka_message_destroy(m);
    }
    return NULL;
}

int verb_read(const struct options *o)
{
    static const char *const defaults[] = {"group.id",
                                           "kafka_tool",
                                           "enable.auto.commit",
                                           "false",
                                           "auto.offset.reset",
                                           "error",
                                           "fetch.wait.max.ms",
                                           "50",
                                           "enable.partition.eof",
                                           "true",
                                           "fetch.message.max.bytes",
                                           "16777216",
                                           NULL};
    struct client c;
    struct tally all = {0};
    if (client_open(&c, o, defaults, NULL, NULL) < 0)
        return TOOL_USAGE;
    int count = partitions_count(&c, o->words[0]);
    rd_kafka_poll_set_consumer(c.kafka);
    const char *why = NULL;
    if (count >= 0) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
        for (int i = 0; i < count; i++)
            rd_kafka_topic_partition_list_add(list, o->words[0], i)->offset =
                RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_assign(c.kafka, list);
        rd_kafka_topic_partition_list_destroy(list);
        why = partitions_read(&c, count, &all, o->records);
    }
    int rc = count < 0 ? TOOL_FAILED : why ? client_failed(&c, o->words[0], why) : TOOL_OK;
    if (!o->records) {
        tally_print(&all);
        printf("\n");
    }
    client_close(&c);
    return rc;
}
