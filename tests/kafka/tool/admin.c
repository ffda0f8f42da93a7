#include "tool.h"

#include <inttypes.h>

enum { CALL_MS = 15000 };

struct admin {
    struct client client;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
};

static int admin_open(struct admin *a, const struct options *o, rd_kafka_admin_op_t call)
{
    static const char *const defaults[] = {"group.id", "kafka_tool", NULL};
    char why[256];
    int call_ms = o->deadline_s * 1000 < CALL_MS ? (int)o->deadline_s * 1000 : CALL_MS;
    if (client_open(&a->client, o, defaults, NULL, NULL) < 0)
        return -1;
    a->queue = rd_kafka_queue_new(a->client.kafka);
    a->options = rd_kafka_AdminOptions_new(a->client.kafka, call);
    rd_kafka_AdminOptions_set_request_timeout(a->options, call_ms, why, sizeof(why));
    /* Not of every call: those that change topics wait until the change is known. */
    rd_kafka_AdminOptions_set_operation_timeout(a->options, call_ms, why, sizeof(why));
    return 0;
}

/* Waits for the call's answer. @return TOOL_OK with the answer, which the caller destroys, or
 * TOOL_FAILED after a line */
static int admin_answer(struct admin *a, const char *what, rd_kafka_event_t **answer)
{
    *answer = rd_kafka_queue_poll(a->queue, CALL_MS + 1000);
    if (!*answer)
        return client_failed(&a->client, what, "no answer");
    if (!rd_kafka_event_error(*answer))
        return TOOL_OK;
    return client_failed(&a->client, what, rd_kafka_event_error_string(*answer));
}

static void admin_close(struct admin *a, rd_kafka_event_t *answer)
{
    if (answer)
        rd_kafka_event_destroy(answer);
    rd_kafka_AdminOptions_destroy(a->options);
    rd_kafka_queue_destroy(a->queue);
    client_close(&a->client);
}

static int topic_told(struct admin *a, const rd_kafka_topic_result_t *result)
{
    if (!rd_kafka_topic_result_error(result))
        return TOOL_OK;
    const char *why = rd_kafka_topic_result_error_string(result);
    return client_failed(&a->client, rd_kafka_topic_result_name(result), why ? why : "refused");
}

/* create TOPIC PARTITIONS [KEY=VALUE...] */
int verb_create(const struct options *o)
{
    struct admin a;
    char why[256];
    rd_kafka_event_t *answer;
    if (admin_open(&a, o, RD_KAFKA_ADMIN_OP_CREATETOPICS) < 0)
        return TOOL_USAGE;
    int partitions = (int)strtol(o->words[1], NULL, 10);
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(o->words[0], partitions, 1, why, sizeof(why));
    if (!topic) {
        int failed = client_failed(&a.client, o->words[0], why);
        admin_close(&a, NULL);
        return failed;
    }
    for (int i = 2; i < o->word_count; i++) {
        const char *value = strchr(o->words[i], '=');
        char key[128];
        snprintf(key, sizeof(key), "%.*s", value ? (int)(value - o->words[i]) : 0, o->words[i]);
        rd_kafka_NewTopic_set_config(topic, key, value ? value + 1 : "");
    }
    rd_kafka_CreateTopics(a.client.kafka, &topic, 1, a.options, a.queue);
    int rc = admin_answer(&a, o->words[0], &answer);
    if (rc == TOOL_OK) {
        size_t count;
        rc = topic_told(&a, rd_kafka_CreateTopics_result_topics(
                                rd_kafka_event_CreateTopics_result(answer), &count)[0]);
    }
    rd_kafka_NewTopic_destroy(topic);
    admin_close(&a, answer);
    return rc;
}

/* delete TOPIC */
int verb_delete(const struct options *o)
{
    struct admin a;
    rd_kafka_event_t *answer;
    if (admin_open(&a, o, RD_KAFKA_ADMIN_OP_DELETETOPICS) < 0)
        return TOOL_USAGE;
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(o->words[0]);
    rd_kafka_DeleteTopics(a.client.kafka, &topic, 1, a.options, a.queue);
    int rc = admin_answer(&a, o->words[0], &answer);
    if (rc == TOOL_OK) {
        size_t count;
        rc = topic_told(&a, rd_kafka_DeleteTopics_result_topics(
                                rd_kafka_event_DeleteTopics_result(answer), &count)[0]);
    }
    rd_kafka_DeleteTopic_destroy(topic);
    admin_close(&a, answer);
    return rc;
}

/* delete-records TOPIC PARTITION BEFORE: as retention would; the partition then begins at that
 * offset */
int verb_delete_records(const struct options *o)
{
    struct admin a;
    rd_kafka_event_t *answer;
    if (admin_open(&a, o, RD_KAFKA_ADMIN_OP_DELETERECORDS) < 0)
        return TOOL_USAGE;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int32_t partition = (int32_t)strtol(o->words[1], NULL, 10);
    rd_kafka_topic_partition_list_add(list, o->words[0], partition)->offset =
        strtoll(o->words[2], NULL, 10);
    rd_kafka_DeleteRecords_t *before = rd_kafka_DeleteRecords_new(list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_DeleteRecords(a.client.kafka, &before, 1, a.options, a.queue);
    int rc = admin_answer(&a, o->words[0], &answer);
    if (rc == TOOL_OK) {
        const rd_kafka_topic_partition_list_t *done =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(answer));
        if (done->elems[0].err)
            rc = client_failed(&a.client, o->words[0], rd_kafka_err2str(done->elems[0].err));
    }
    rd_kafka_DeleteRecords_destroy(before);
    admin_close(&a, answer);
    return rc;
}

static int committed_print(struct admin *a, const rd_kafka_event_t *answer, const char *topic)
{
    size_t count;
    const rd_kafka_group_result_t *group = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result((rd_kafka_event_t *)(uintptr_t)answer),
        &count)[0];
    const rd_kafka_error_t *error = rd_kafka_group_result_error(group);
    if (error)
        return client_failed(&a->client, rd_kafka_group_result_name(group),
                             rd_kafka_error_string(error));
    const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(group);
    const char *before = "";
    printf("{");
    for (int i = 0; i < list->cnt; i++)
        if (strcmp(list->elems[i].topic, topic) == 0 && list->elems[i].offset >= 0) {
            printf("%s\"%d\": %" PRId64, before, list->elems[i].partition, list->elems[i].offset);
            before = ", ";
        }
    printf("}\n");
    return TOOL_OK;
}

/* committed GROUP TOPIC: the group's offset in each partition that it has one in */
int verb_committed(const struct options *o)
{
    struct admin a;
    rd_kafka_event_t *answer;
    if (admin_open(&a, o, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS) < 0)
        return TOOL_USAGE;
    rd_kafka_ListConsumerGroupOffsets_t *group =
        rd_kafka_ListConsumerGroupOffsets_new(o->words[0], NULL);
    rd_kafka_ListConsumerGroupOffsets(a.client.kafka, &group, 1, a.options, a.queue);
    int rc = admin_answer(&a, o->words[0], &answer);
    if (rc == TOOL_OK)
        rc = committed_print(&a, answer, o->words[1]);
    rd_kafka_ListConsumerGroupOffsets_destroy(group);
    admin_close(&a, answer);
    return rc;
}
