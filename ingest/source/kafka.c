#include "kafka.h"

#include <btr/clock.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct kafka_topics *of(struct btr_topics *t)
{
    return (struct kafka_topics *)t;
}

static int refused(struct btr_err *err, const char *what, rd_kafka_resp_err_t why)
{
    return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: %s", what, rd_kafka_err2str(why));
}

static void broker_is_up(struct kafka_topics *k)
{
    (void)pthread_mutex_lock(&k->mutex);
    k->broker_up = true;
    (void)pthread_mutex_unlock(&k->mutex);
}

/* The names of topics are ours: equal pointers are equal names. */
static const char *topic_of(const struct kafka_topics *k, const char *name)
{
    for (uint32_t i = 0; i < k->words.topic_count; i++)
        if (strcmp(k->words.topics[i], name) == 0)
            return k->words.topics[i];
    return NULL;
}

/* ---- Partitions that come and go ---- */

bool kafka_is_cooperative(rd_kafka_t *rk)
{
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

static void settle_error(struct kafka_topics *k, rd_kafka_error_t *error)
{
    if (!error)
        return;
    kafka_say(k, LOG_WARNING, "assignment: %s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

static void owner_failed(struct kafka_topics *k, int rc, const struct btr_err *err)
{
    if (rc >= 0 || k->failed < 0)
        return;
    k->failed = rc;
    k->failure = *err;
}

/* The partitions of a list that are of our topics. *parts is the caller's to free. */
static uint32_t parts_of(const struct kafka_topics *k, const rd_kafka_topic_partition_list_t *list,
                         struct topics_part **parts)
{
    uint32_t count = 0;
    *parts = calloc((size_t)list->cnt + 1, sizeof **parts);
    for (int i = 0; *parts && i < list->cnt; i++) {
        const char *topic = topic_of(k, list->elems[i].topic);
        if (topic)
            (*parts)[count++] = (struct topics_part){topic, list->elems[i].partition};
    }
    return count;
}

static void came(struct kafka_topics *k, rd_kafka_t *rk,
                 const rd_kafka_topic_partition_list_t *list)
{
    struct topics_part *parts;
    struct btr_err err = {0};
    uint32_t count = parts_of(k, list, &parts);
    broker_is_up(k);
    k->joined = true;
    k->placing = rd_kafka_topic_partition_list_new(list->cnt);
    int rc = k->failed < 0 ? k->failed : k->owner->assigned(k->owner->self, parts, count, &err);
    owner_failed(k, rc, &err);
    if (kafka_is_cooperative(rk))
        settle_error(k, rd_kafka_incremental_assign(rk, k->placing));
    else
        (void)rd_kafka_assign(rk, k->placing);
    rd_kafka_topic_partition_list_destroy(k->placing);
    k->placing = NULL;
    free(parts);
}

static void went(struct kafka_topics *k, rd_kafka_t *rk,
                 const rd_kafka_topic_partition_list_t *list)
{
    struct topics_part *parts;
    struct btr_err err = {0};
    uint32_t count = parts_of(k, list, &parts);
    if (k->owner && k->failed >= 0) {
        bool lost = rd_kafka_assignment_lost(rk) != 0;
        owner_failed(k, k->owner->revoked(k->owner->self, parts, count, lost, &err), &err);
    }
    if (kafka_is_cooperative(rk))
        settle_error(k, rd_kafka_incremental_unassign(rk, list));
    else
        (void)rd_kafka_assign(rk, NULL);
    free(parts);
}

void kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
                     rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_topics *k = opaque;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && k->owner) {
        came(k, rk, list);
    } else if (what == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || kafka_is_cooperative(rk)) {
        went(k, rk, list);
    } else {
        kafka_say(k, LOG_WARNING, "rebalance: %s", rd_kafka_err2str(what));
        (void)rd_kafka_assign(rk, NULL);
    }
}

/* ---- Beginning ---- */

int kafka_topic_list(struct kafka_topics *k, const char *topic, int timeout_ms,
                     rd_kafka_topic_partition_list_t *list, struct btr_err *err)
{
    const struct rd_kafka_metadata *data = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(k->consumer, topic, NULL);
    if (!handle)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: is no topic's name", topic);
    rd_kafka_resp_err_t why = rd_kafka_metadata(k->consumer, 0, handle, &data, timeout_ms);
    int rc = 0;
    if (why == 0 && data->topic_cnt == 1)
        why = data->topics[0].err;
    if (why == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        rc = btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: the broker has no such topic", topic);
    else if (why != 0)
        rc = refused(err, k->words.brokers, why);
    for (int i = 0; rc == 0 && i < data->topics[0].partition_cnt; i++)
        (void)rd_kafka_topic_partition_list_add(list, topic, data->topics[0].partitions[i].id);
    if (data)
        rd_kafka_metadata_destroy(data);
    rd_kafka_topic_destroy(handle);
    return rc;
}

static int start_once(struct kafka_topics *k, struct btr_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    int rc = 0;
    for (uint32_t i = 0; i < k->words.topic_count && rc == 0; i++)
        rc = kafka_topic_list(k, k->words.topics[i], KAFKA_ANSWER_MS, list, err);
    if (rc == 0)
        came(k, k->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

static int start(struct btr_topics *t, const struct topics_owner *owner, struct btr_err *err)
{
    struct kafka_topics *k = of(t);
    k->owner = owner;
    if (k->once)
        return start_once(k, err);
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)k->words.topic_count);
    for (uint32_t i = 0; i < k->words.topic_count; i++)
        (void)rd_kafka_topic_partition_list_add(list, k->words.topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t why = rd_kafka_subscribe(k->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return why ? refused(err, "subscribing", why) : 0;
}

static int begin(struct btr_topics *t, const struct topics_part *part, int64_t offset,
                 struct btr_err *err)
{
    struct kafka_topics *k = of(t);
    if (k->placing) {
        rd_kafka_topic_partition_list_add(k->placing, part->topic, part->partition)->offset =
            offset;
        return 0;
    }
    /* A partition that asked for what is not there has stopped: it is given up and taken again. */
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset = offset;
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(k->consumer, list);
    if (!error)
        error = rd_kafka_incremental_assign(k->consumer, list);
    int rc = error ? btr_fail(err, BTR_E_IO, UINT64_MAX, "%s:%d: %s", part->topic, part->partition,
                              rd_kafka_error_string(error))
                   : 0;
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* ---- Messages ---- */

/* What comes in the place of a message. */
static int told(struct kafka_topics *k, const rd_kafka_message_t *m, struct btr_err *err)
{
    const char *topic = m->rkt ? topic_of(k, rd_kafka_topic_name(m->rkt)) : NULL;
    struct topics_part part = {topic, m->partition};
    char why[KAFKA_TEXT_SIZE];
    switch (m->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        broker_is_up(k);
        return topic && k->once ? k->owner->ended(k->owner->self, &part, m->offset, err) : 0;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return topic ? k->owner->out_of_range(k->owner->self, &part, err) : 0;
    case RD_KAFKA_RESP_ERR__FATAL:
        (void)rd_kafka_fatal_error(k->consumer, why, sizeof why);
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s", why);
    default:
        kafka_say(k, LOG_WARNING, "%s%s%s", topic ? topic : "", topic ? ": " : "",
                  rd_kafka_message_errstr(m));
        return 0;
    }
}

static void give(struct kafka_topics *k, rd_kafka_message_t *m, struct topics_message *out)
{
    k->held[k->held_count++] = m;
    *out = (struct topics_message){.topic = topic_of(k, rd_kafka_topic_name(m->rkt)),
                                   .partition = m->partition,
                                   .offset = m->offset,
                                   .key = {m->key, m->key_len},
                                   .value = {m->payload, m->len},
                                   .inner = m};
}

void kafka_release(struct btr_topics *t)
{
    struct kafka_topics *k = of(t);
    for (uint32_t i = 0; i < k->held_count; i++)
        rd_kafka_message_destroy(k->held[i]);
    k->held_count = 0;
}

/* What is read once ends when the broker is gone for long: there is nobody who would wait. */
static int once_patience(struct kafka_topics *k, struct btr_err *err)
{
    (void)pthread_mutex_lock(&k->mutex);
    bool up = k->broker_up;
    (void)pthread_mutex_unlock(&k->mutex);
    int64_t now_ns = btr_monotonic_ns();
    if (up || k->down_ns == 0)
        k->down_ns = up ? 0 : now_ns;
    if (k->down_ns == 0 || now_ns - k->down_ns < KAFKA_ONCE_MS * INT64_C(1000000))
        return 0;
    return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: no broker answers any more", k->words.brokers);
}

/* One by one: the library's call for many (2.0.2, rd_kafka_consume_batch_queue) throws away what it
 * has in hand when an assignment comes, also of partitions that stay, and goes on behind it. */
static int next(struct btr_topics *t, int timeout_ms, struct topics_message *out, uint32_t room,
                struct btr_err *err)
{
    struct kafka_topics *k = of(t);
    rd_kafka_message_t *m = rd_kafka_consumer_poll(k->consumer, timeout_ms);
    uint32_t most = room < KAFKA_MESSAGES ? room : KAFKA_MESSAGES, count = 0;
    uint64_t size = 0;
    int rc = 0;
    for (uint32_t turn = 1; m; turn++) {
        if (m->err == 0 && topic_of(k, rd_kafka_topic_name(m->rkt))) {
            size += m->len + m->key_len;
            give(k, m, &out[count++]);
        } else {
            rc = told(k, m, err);
            rd_kafka_message_destroy(m);
        }
        bool more = rc == 0 && k->failed == 0 && turn < most;
        m = more ? rd_kafka_consumer_poll(k->consumer, 0) : NULL;
    }
    kafka_wake_taken(&k->wake, k->consumer, count, size);
    if (k->producer)
        (void)rd_kafka_poll(k->producer, 0);
    if (count > 0)
        broker_is_up(k);
    if (count == 0 && rc == 0 && k->once)
        rc = once_patience(k, err);
    if (k->failed < 0) {
        *err = k->failure;
        return k->failed;
    }
    return rc < 0 ? rc : (int)count;
}

static bool header(const struct topics_message *message, const char *const *names,
                   struct btr_span *value)
{
    rd_kafka_headers_t *headers;
    const void *at;
    size_t size;
    if (rd_kafka_message_headers(message->inner, &headers) != 0)
        return false;
    for (; *names; names++) {
        if (rd_kafka_header_get_last(headers, *names, &at, &size) != 0 || !at || size == 0)
            continue;
        *value = (struct btr_span){at, size};
        return true;
    }
    return false;
}

/* ---- Questions ---- */

bool kafka_ask_again(struct kafka_topics *k, rd_kafka_resp_err_t why, const char *what,
                     int64_t until_ns)
{
    bool passes = why == RD_KAFKA_RESP_ERR__TRANSPORT || why == RD_KAFKA_RESP_ERR__TIMED_OUT ||
                  why == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
                  why == RD_KAFKA_RESP_ERR__WAIT_COORD || why == RD_KAFKA_RESP_ERR__RESOLVE ||
                  why == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
                  why == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
                  why == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
                  why == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                  why == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    if (!passes || btr_monotonic_ns() >= until_ns)
        return false;
    kafka_say(k, LOG_WARNING, "%s: %s; asked again", what, rd_kafka_err2str(why));
    struct timespec pause = {.tv_nsec = 200000000};
    (void)nanosleep(&pause, NULL);
    return true;
}

int64_t kafka_patience_end(const struct kafka_topics *k)
{
    return btr_monotonic_ns() + (k->once ? 0 : KAFKA_PATIENCE_MS) * INT64_C(1000000);
}

static int bounds(struct btr_topics *t, const struct topics_part *part, int64_t *low, int64_t *high,
                  struct btr_err *err)
{
    rd_kafka_resp_err_t why;
    int64_t until_ns = kafka_patience_end(of(t));
    do {
        why = rd_kafka_query_watermark_offsets(of(t)->consumer, part->topic, part->partition, low,
                                               high, KAFKA_ANSWER_MS);
    } while (why != 0 && kafka_ask_again(of(t), why, part->topic, until_ns));
    if (why == 0)
        return 0;
    return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s:%d: where it begins and ends: %s", part->topic,
                    part->partition, rd_kafka_err2str(why));
}

static int committed(struct btr_topics *t, const struct topics_part *part, int64_t *offset,
                     struct btr_err *err)
{
    rd_kafka_resp_err_t why;
    int64_t until_ns = kafka_patience_end(of(t));
    *offset = -1;
    if (of(t)->once)
        return 0;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
    do {
        why = rd_kafka_committed(of(t)->consumer, list, KAFKA_ANSWER_MS);
    } while (why != 0 && kafka_ask_again(of(t), why, part->topic, until_ns));
    if (why == 0)
        why = list->elems[0].err;
    if (why == 0 && list->elems[0].offset >= 0)
        *offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return why ? refused(err, "what the group has committed", why) : 0;
}

static int cluster(struct btr_topics *t, struct btr_span *id, struct btr_err *err)
{
    struct kafka_topics *k = of(t);
    int64_t until_ns = kafka_patience_end(k);
    while (!k->cluster) {
        k->cluster = rd_kafka_clusterid(k->consumer, KAFKA_ANSWER_MS);
        if (!k->cluster &&
            !kafka_ask_again(k, RD_KAFKA_RESP_ERR__TIMED_OUT, k->words.brokers, until_ns))
            return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s: no broker answers", k->words.brokers);
    }
    *id = btr_span_of(k->cluster);
    return 0;
}

static void commit(struct btr_topics *t, const struct topics_part *part, int64_t offset)
{
    struct kafka_topics *k = of(t);
    if (k->once)
        return;
    if (!k->committing)
        k->committing = rd_kafka_topic_partition_list_new(16);
    rd_kafka_topic_partition_list_add(k->committing, part->topic, part->partition)->offset = offset;
}

static void commit_refused(struct kafka_topics *k, rd_kafka_resp_err_t why)
{
    k->commit_failed = true;
    kafka_say(k, LOG_INFO, "the group does not take offsets: %s", rd_kafka_err2str(why));
}

void kafka_committed(rd_kafka_t *rk, rd_kafka_resp_err_t why, rd_kafka_topic_partition_list_t *list,
                     void *opaque)
{
    (void)rk;
    for (int i = 0; why == 0 && list && i < list->cnt; i++)
        why = list->elems[i].err;
    if (why != 0 && why != RD_KAFKA_RESP_ERR__NO_OFFSET)
        commit_refused(opaque, why);
}

static bool commit_send(struct btr_topics *t, bool wait)
{
    struct kafka_topics *k = of(t);
    bool taken = !k->commit_failed;
    k->commit_failed = false;
    if (!k->committing)
        return taken;
    rd_kafka_resp_err_t why = rd_kafka_commit(k->consumer, k->committing, !wait);
    if (why != 0)
        commit_refused(k, why);
    rd_kafka_topic_partition_list_destroy(k->committing);
    k->committing = NULL;
    return taken && why == 0;
}

static void stats(const struct btr_topics *t, struct btr_follow_stats *out)
{
    struct kafka_topics *k = of((struct btr_topics *)t);
    (void)pthread_mutex_lock(&k->mutex);
    out->retries = k->retries;
    out->dead_lettered = k->dead_lettered;
    out->dead_letter_failed = k->dead_letter_failed;
    out->broker_up = k->broker_up;
    (void)pthread_mutex_unlock(&k->mutex);
}

/* ---- Opening ---- */

static const struct topics_ops ops = {
    .start = start,
    .next = next,
    .release = kafka_release,
    .header = header,
    .bounds = bounds,
    .committed = committed,
    .begin = begin,
    .commit = commit,
    .commit_send = commit_send,
    .has_states = kafka_has_states,
    .state_put = kafka_state_put,
    .state_flush = kafka_state_flush,
    .state_load = kafka_state_load,
    .dead_letter = kafka_dead_letter,
    .cluster = cluster,
    .stats = stats,
    .close = kafka_close,
};

int btr_kafka_open(struct btr_topics **out, const struct btr_kafka_options *options,
                   struct btr_err *err)
{
    struct kafka_topics *k = calloc(1, sizeof *k);
    char group[64];
    if (!k)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    k->base.ops = &ops;
    (void)pthread_mutex_init(&k->mutex, NULL);
    k->once = options->once;
    k->log = options->log;
    k->log_self = options->log_self;
    /* No group is joined where all is read once, but the library wants a name. */
    (void)snprintf(group, sizeof group, "backtrail-once-%d", (int)getpid());
    int rc = kafka_words_copy(&k->words, options, err);
    if (rc == 0)
        rc = kafka_consumer_new(&k->consumer, k, k->once ? group : k->words.group, false, err);
    if (rc < 0) {
        kafka_close(&k->base);
        return rc;
    }
    kafka_wake_init(&k->wake, k->consumer);
    *out = &k->base;
    return 0;
}

void btr_topics_close(struct btr_topics *topics)
{
    if (topics)
        topics->ops->close(topics);
}
