#include "tool.h"

#include <inttypes.h>

/* The first member is the client: callbacks get one pointer. */
struct producer {
    struct client client;
    const struct options *options;
    const char *topic;
    struct tally read, acknowledged, aborted, failed;
    struct tally in_transaction; /* acknowledged, and not yet known to be committed */
    uint64_t transaction_count;
    struct replay replay;
    char why[256]; /* of the first message that failed */
};

static void delivered(rd_kafka_t *kafka, const rd_kafka_message_t *m, void *self)
{
    struct producer *p = self;
    struct btr_span value = {m->payload, m->len};
    struct tally *to = p->options->transactions ? &p->in_transaction : &p->acknowledged;
    (void)kafka;
    tally_add(m->err ? &p->failed : to, m->payload ? &value : NULL);
    if (m->err && !p->why[0])
        snprintf(p->why, sizeof(p->why), "%s", rd_kafka_err2str(m->err));
}

/* @return why no more can be sent, or NULL */
static const char *stopped(struct producer *p)
{
    static char text[256];
    if (rd_kafka_fatal_error(p->client.kafka, text, sizeof(text)))
        return text;
    if (!client_left_ms(&p->client, 1))
        return "the deadline has passed";
    return NULL;
}

static rd_kafka_headers_t *headers_new(const struct options *o)
{
    if (!o->header_count)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(o->header_count);
    for (size_t i = 0; i < o->header_count; i++) {
        const char *value = strchr(o->headers[i], '=');
        rd_kafka_header_add(headers, o->headers[i], value - o->headers[i], value + 1, -1);
    }
    return headers;
}

static rd_kafka_resp_err_t send_try(struct producer *p, const struct message *m)
{
    const struct options *o = p->options;
    const void *key = m->has_key ? (const void *)m->key.at : o->key;
    size_t key_size = m->has_key ? m->key.size : o->key ? strlen(o->key) : 0;
    rd_kafka_headers_t *headers = headers_new(o);
    rd_kafka_resp_err_t rc = rd_kafka_producev(
        p->client.kafka, RD_KAFKA_V_TOPIC(p->topic), RD_KAFKA_V_PARTITION(o->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
        RD_KAFKA_V_VALUE(m->has_value ? (void *)(uintptr_t)m->value.at : NULL, m->value.size),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (rc && headers)
        rd_kafka_headers_destroy(headers);
    return rc;
}

/* A full queue waits for the broker. @return NULL, or why not */
static const char *send_one(struct producer *p, const struct message *m)
{
    const char *why = NULL;
    rd_kafka_resp_err_t rc;
    while ((rc = send_try(p, m)) == RD_KAFKA_RESP_ERR__QUEUE_FULL && !(why = stopped(p)))
        rd_kafka_poll(p->client.kafka, 100);
    if (!rc || why)
        return why;
    return (why = stopped(p)) ? why : rd_kafka_err2str(rc);
}

/* Everything that was sent is acknowledged or has failed. */
static const char *sent_await(struct producer *p)
{
    const char *why = NULL;
    while (rd_kafka_flush(p->client.kafka, client_left_ms(&p->client, 1000)) && !(why = stopped(p)))
        ;
    return why;
}

/* A call of the transaction's, again for as long as librdkafka says that this helps. */
#define TRANSACTION_TRY(p, call)                                                                   \
    do {                                                                                           \
        rd_kafka_error_t *error;                                                                   \
        while ((error = (call)) && rd_kafka_error_is_retriable(error) && !stopped(p))              \
            rd_kafka_error_destroy(error);                                                         \
        if (error) {                                                                               \
            snprintf((p)->why, sizeof((p)->why), "%s", rd_kafka_error_string(error));              \
            rd_kafka_error_destroy(error);                                                         \
            return (p)->why;                                                                       \
        }                                                                                          \
    } while (0)

static const char *transaction_begin(struct producer *p)
{
    if (!p->transaction_count)
        TRANSACTION_TRY(
            p, rd_kafka_init_transactions(p->client.kafka, client_left_ms(&p->client, 5000)));
    TRANSACTION_TRY(p, rd_kafka_begin_transaction(p->client.kafka));
    p->transaction_count++;
    return NULL;
}

static const char *transaction_end(struct producer *p)
{
    uint64_t each = p->options->abort_each;
    bool abort = each && p->transaction_count % each == 0;
    const char *why = sent_await(p);
    if (why)
        return why;
    if (abort)
        TRANSACTION_TRY(
            p, rd_kafka_abort_transaction(p->client.kafka, client_left_ms(&p->client, 5000)));
    else
        TRANSACTION_TRY(
            p, rd_kafka_commit_transaction(p->client.kafka, client_left_ms(&p->client, 5000)));
    tally_join(abort ? &p->aborted : &p->acknowledged, &p->in_transaction);
    p->in_transaction = (struct tally){0};
    return NULL;
}

/* Serves deliveries until it is time for the message of that number. */
static void pace(struct producer *p, int64_t began_ms)
{
    uint64_t rate = p->options->rate;
    int64_t due = rate ? began_ms + (int64_t)(p->read.messages * 1000 / rate) : 0, wait;
    while ((wait = due - monotonic_ms()) > 0)
        rd_kafka_poll(p->client.kafka, (int)(wait < 1000 ? wait : 1000));
    rd_kafka_poll(p->client.kafka, 0);
}

static const char *message_send(struct producer *p, const struct message *m)
{
    const struct options *o = p->options;
    const char *why = NULL;
    if (o->transactions && p->read.messages % o->commit_each == 0)
        why = transaction_begin(p);
    tally_add(&p->read, m->has_value ? &m->value : NULL);
    if (!why)
        why = send_one(p, m);
    if (!why && o->twice_each && p->read.messages % o->twice_each == 0)
        why = send_one(p, m);
    if (!why && o->transactions && p->read.messages % o->commit_each == 0)
        why = transaction_end(p);
    return why;
}

static int message_next(struct producer *p, struct frames *f, struct message *m)
{
    return p->options->hosts ? replay_next(&p->replay, m) : frames_next(f, m);
}

static const char *messages_send(struct producer *p)
{
    struct frames f = {.from = stdin, .form = p->options->form};
    struct message m;
    const char *why = NULL;
    int rc = p->options->hosts ? replay_load(&p->replay, p->options) : 0;
    int64_t began_ms = monotonic_ms();
    while (!why && rc >= 0 && (pace(p, began_ms), rc = message_next(p, &f, &m)) > 0)
        why = message_send(p, &m);
    frames_fini(&f);
    replay_fini(&p->replay);
    if (!why && rc < 0)
        why = "the input is empty or cut, or a message too large";
    if (!why && p->options->transactions && p->read.messages % p->options->commit_each)
        why = transaction_end(p);
    return why ? why : sent_await(p);
}

static void told(const char *name, const struct tally *t, const char *after)
{
    printf("\"%s\": ", name);
    tally_print(t);
    printf("%s", after);
}

int verb_produce(const struct options *o)
{
    const char *defaults[] = {
        "enable.idempotence", "true", "partitioner", "murmur2_random", "linger.ms", "5",
        "message.max.bytes", "67108864", "queue.buffering.max.kbytes", "262144",
        "compression.codec", o->codec,
        /* A transaction sets its own limit on the time that a message may take. */
        o->transactions ? "transactional.id" : "message.timeout.ms",
        o->transactions ? o->transactions : "0", NULL};
    struct producer p = {.options = o, .topic = o->words[0]};
    if (client_open(&p.client, o, defaults, delivered, &p) < 0)
        return TOOL_USAGE;
    const char *why = messages_send(&p);
    if (!why && p.failed.messages)
        why = p.why;
    int rc = why ? client_failed(&p.client, p.topic, why) : TOOL_OK;
    printf("{\"began_ms\": %" PRId64 ", ", p.replay.began_ms);
    told("read", &p.read, ", ");
    told("acknowledged", &p.acknowledged, ", ");
    told("aborted", &p.aborted, ", ");
    told("failed", &p.failed, "}\n");
    if (why)
        rd_kafka_purge(p.client.kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    client_close(&p.client);
    return rc;
}

int verb_digest(const struct options *o)
{
    struct frames f = {.from = stdin, .form = o->form};
    struct tally all = {0};
    struct message m;
    int rc;
    while ((rc = frames_next(&f, &m)) > 0)
        tally_add(&all, m.has_value ? &m.value : NULL);
    frames_fini(&f);
    if (rc < 0) {
        fprintf(stderr, "kafka_tool: the input is cut, or a message too large\n");
        return TOOL_FAILED;
    }
    tally_print(&all);
    printf("\n");
    return TOOL_OK;
}
