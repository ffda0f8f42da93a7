#include <btr/clock.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "kafka.h"

enum { QUEUED_KIB = 65536, MESSAGE_MAX = 11 << 20, REPEAT_S = 60 };

void kafka_say(struct kafka_topics *k, int level, const char *format, ...)
{
    char text[KAFKA_TEXT_SIZE];
    struct btr_err line = {0};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int64_t now_ns = btr_monotonic_ns();
    (void)pthread_mutex_lock(&k->mutex);
    bool again = strcmp(text, k->said) == 0 && now_ns - k->said_ns < REPEAT_S * INT64_C(1000000000);
    if (!again) {
        memcpy(k->said, text, sizeof text);
        k->said_ns = now_ns;
    }
    void (*log)(void *, int, const char *) = k->log;
    (void)pthread_mutex_unlock(&k->mutex);
    if (again || !log)
        return;
    (void)btr_fail(&line, BTR_E_IO, UINT64_MAX, "%s", text); /* escapes what a name may hold */
    log(k->log_self, level, line.text);
}

/* ---- Words ---- */

static char *copy(const char *text, bool *ok)
{
    char *to = text ? strdup(text) : NULL;
    *ok = *ok && (to || !text);
    return to;
}

int kafka_words_copy(struct kafka_words *to, const struct btr_kafka_options *o, struct btr_err *err)
{
    bool ok = true;
    to->brokers = copy(o->brokers, &ok);
    to->group = copy(o->group ? o->group : "backtrail", &ok);
    to->state_topic = copy(o->state_topic, &ok);
    to->dead_letter_topic = copy(o->dead_letter_topic, &ok);
    to->topics = calloc(o->topic_count + 1, sizeof(char *));
    to->keys = calloc(o->setting_count + 1, sizeof(char *));
    to->values = calloc(o->setting_count + 1, sizeof(char *));
    ok = ok && to->topics && to->keys && to->values;
    for (uint32_t i = 0; ok && i < o->topic_count; i++)
        to->topics[to->topic_count++] = copy(o->topics[i], &ok);
    for (uint32_t i = 0; ok && i < o->setting_count; i++) {
        to->keys[i] = copy(o->settings[i].key, &ok);
        to->values[i] = copy(o->settings[i].value, &ok);
        to->setting_count++;
    }
    return ok ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

/* A secret is not left in memory that is given back. */
void kafka_secret_free(char *text)
{
    volatile char *at = text;
    while (at && *at)
        *at++ = '\0';
    free(text);
}

void kafka_words_fini(struct kafka_words *w)
{
    for (uint32_t i = 0; i < w->topic_count; i++)
        free(w->topics[i]);
    for (uint32_t i = 0; i < w->setting_count; i++) {
        free(w->keys[i]);
        kafka_secret_free(w->values[i]);
    }
    free(w->topics);
    free(w->keys);
    free(w->values);
    free(w->brokers);
    free(w->group);
    free(w->state_topic);
    free(w->dead_letter_topic);
    *w = (struct kafka_words){0};
}

/* ---- Settings ---- */

/* What is promised depends on these. */
static bool is_ours(const char *key)
{
    static const char *const ours[] = {"enable.auto.commit",   "enable.auto.offset.store",
                                       "auto.offset.reset",    "bootstrap.servers",
                                       "metadata.broker.list", "group.id",
                                       "enable.partition.eof", "isolation.level",
                                       "enable.idempotence",   NULL};
    for (unsigned i = 0; ours[i]; i++)
        if (strcmp(key, ours[i]) == 0)
            return true;
    return false;
}

static int set(rd_kafka_conf_t *conf, const char *key, const char *value, struct btr_err *err)
{
    char why[KAFKA_TEXT_SIZE];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, key, value, why, sizeof why);
    if (result == RD_KAFKA_CONF_OK)
        return 0;
    if (result == RD_KAFKA_CONF_UNKNOWN)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: no such setting of the client library",
                        key);
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: this value is not taken", key);
}

static int set_all(rd_kafka_conf_t *conf, const char *const (*pairs)[2], struct btr_err *err)
{
    int rc = 0;
    for (unsigned i = 0; pairs[i][0] && rc == 0; i++)
        rc = set(conf, pairs[i][0], pairs[i][1], err);
    return rc;
}

static int user_settings(rd_kafka_conf_t *conf, const struct kafka_words *w, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; i < w->setting_count && rc == 0; i++)
        rc = is_ours(w->keys[i])
                 ? btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                            "%s: is not to be set: that nothing is lost depends on it", w->keys[i])
                 : set(conf, w->keys[i], w->values[i], err);
    return rc;
}

/* ---- What the library tells ---- */

static void logged(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_topics *k = rd_kafka_opaque(rk);
    if (level <= LOG_WARNING || k->log)
        kafka_say(k, level > LOG_WARNING ? LOG_DEBUG : LOG_INFO, "%s: %s", facility, text);
}

static void erred(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_topics *k = opaque;
    (void)rk;
    (void)pthread_mutex_lock(&k->mutex);
    k->retries++;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        k->broker_up = false;
    (void)pthread_mutex_unlock(&k->mutex);
    kafka_say(k, LOG_WARNING, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

/* The client's statistics, every other second: whether a broker is connected, also while no message
 * comes. */
static int measured(rd_kafka_t *rk, char *json, size_t size, void *opaque)
{
    struct kafka_topics *k = opaque;
    bool up = strstr(json, "\"state\":\"UP\"") != NULL;
    (void)rk;
    (void)size; /* it ends with a 0 */
    (void)pthread_mutex_lock(&k->mutex);
    k->broker_up = up;
    (void)pthread_mutex_unlock(&k->mutex);
    return 0;
}

/* ---- Clients ---- */

static int conf_make(rd_kafka_conf_t **out, struct kafka_topics *k, struct btr_err *err)
{
    const char *const common[][2] = {
        {"bootstrap.servers", k->words.brokers}, {"client.id", "backtrail"},
        {"socket.keepalive.enable", "true"},     {"reconnect.backoff.ms", "100"},
        {"reconnect.backoff.max.ms", "10000"},   {NULL, NULL}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, k);
    rd_kafka_conf_set_log_cb(conf, logged);
    rd_kafka_conf_set_error_cb(conf, erred);
    int rc = set_all(conf, common, err);
    if (rc == 0)
        rc = user_settings(conf, &k->words, err);
    if (rc < 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    *out = conf;
    return 0;
}

static int client_new(rd_kafka_t **out, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                      struct btr_err *err)
{
    char why[KAFKA_TEXT_SIZE];
    *out = rd_kafka_new(type, conf, why, sizeof why);
    if (*out)
        return 0;
    rd_kafka_conf_destroy(conf);
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "the broker's client cannot be made: %s", why);
}

static const char *const reading_settings[][2] = {{"auto.offset.reset", "error"},
                                                  {"queued.min.messages", "100000"},
                                                  {"fetch.message.max.bytes", "1048576"},
                                                  {"session.timeout.ms", "15000"},
                                                  {"statistics.interval.ms", "2000"},
                                                  {"topic.metadata.refresh.interval.ms", "30000"},
                                                  {NULL, NULL}};
/* The end of a partition is told with an empty answer, for which the broker waits so long. */
static const char *const loading_settings[][2] = {
    {"auto.offset.reset", "earliest"}, {"fetch.wait.max.ms", "10"}, {NULL, NULL}};

int kafka_consumer_new(rd_kafka_t **out, struct kafka_topics *k, const char *group, bool states,
                       struct btr_err *err)
{
    static const char *const fixed[][2] = {{"enable.auto.commit", "false"},
                                           {"enable.auto.offset.store", "false"},
                                           {"isolation.level", "read_committed"},
                                           {"enable.partition.eof", "true"},
                                           {NULL, NULL}};
    char queued[16];
    rd_kafka_conf_t *conf;
    int rc = conf_make(&conf, k, err);
    if (rc < 0)
        return rc;
    (void)snprintf(queued, sizeof queued, "%d", states ? QUEUED_KIB / 8 : QUEUED_KIB);
    rc = set_all(conf, fixed, err);
    if (rc == 0)
        rc = set(conf, "group.id", group, err);
    if (rc == 0)
        rc = states ? set_all(conf, loading_settings, err) : 0;
    if (rc == 0 && !states) {
        rd_kafka_conf_set_rebalance_cb(conf, kafka_rebalance);
        rd_kafka_conf_set_offset_commit_cb(conf, kafka_committed);
        rd_kafka_conf_set_stats_cb(conf, measured);
        rc = set_all(conf, reading_settings, err);
    }
    if (rc == 0)
        rc = set(conf, "queued.max.messages.kbytes", queued, err);
    if (rc == 0 && !states)
        rc = set(conf, "partition.assignment.strategy", "cooperative-sticky", err);
    /* How soon a queue that was full is looked at again; older ones have a second (kafka_wake.c).
     */
    (void)rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", NULL, 0);
    if (rc == 0)
        rc = user_settings(conf, &k->words, err); /* over what is only our advice */
    if (rc < 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rc = client_new(out, RD_KAFKA_CONSUMER, conf, err);
    if (rc == 0)
        (void)rd_kafka_poll_set_consumer(*out);
    return rc;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_topics *k = opaque;
    bool is_state = k->words.state_topic && message->rkt &&
                    strcmp(rd_kafka_topic_name(message->rkt), k->words.state_topic) == 0;
    (void)rk;
    (void)pthread_mutex_lock(&k->mutex);
    if (is_state)
        k->states_failed += message->err != 0;
    else if (message->err)
        k->dead_letter_failed++;
    else
        k->dead_lettered++;
    (void)pthread_mutex_unlock(&k->mutex);
    if (message->err)
        kafka_say(k, LOG_WARNING, "%s: not delivered: %s",
                  message->rkt ? rd_kafka_topic_name(message->rkt) : "message",
                  rd_kafka_err2str(message->err));
}

int kafka_producer_new(rd_kafka_t **out, struct kafka_topics *k, struct btr_err *err)
{
    static const char *const writing[][2] = {{"enable.idempotence", "true"},
                                             {"compression.codec", "lz4"},
                                             {"linger.ms", "5"},
                                             {"message.timeout.ms", "0"},
                                             {"queue.buffering.max.kbytes", "65536"},
                                             {NULL, NULL}};
    char most[16];
    rd_kafka_conf_t *conf;
    int rc = conf_make(&conf, k, err);
    if (rc < 0)
        return rc;
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    (void)snprintf(most, sizeof most, "%d", MESSAGE_MAX);
    rc = set_all(conf, writing, err);
    if (rc == 0)
        rc = set(conf, "message.max.bytes", most, err);
    if (rc < 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    return client_new(out, RD_KAFKA_PRODUCER, conf, err);
}
