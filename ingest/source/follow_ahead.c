#include "follow_ahead.h"

#include "follow_seen.h"

#include <btr/json.h>
#include <pthread.h>
#include <stdlib.h>

/*
 * Messages that are taken by one reader at once; where fewer than two such pieces have come, nobody
 * else is woken. What two readers have read of one round is bounded by twice READ_SIZE for records,
 * and as much for what envelopes held. A value that alone needs more than that would stand as one
 * record, who reads it and when: one of VALUE_SIZE never does (three envelopes' texts, and a list
 * of sixteen times its size).
 */
enum { PIECE = 16, READ_SIZE = 8 << 20, VALUE_SIZE = READ_SIZE / 32 };

/* What one thread reads into. */
struct reader {
    struct source_unwrap *unwrap;
    struct btr_arena *arena;
    struct btr_json_reader *json;
};

struct follow_ahead {
    const struct topics_ops *ops;
    struct follow_ahead_message *messages;
    uint32_t message_max;
    struct reader own, other; /* the follower's; the thread's */
    uint32_t count;           /* of the round */
    uint32_t got;             /* pieces that the follower knows to be read: all before this one */
    pthread_t thread;
    bool threaded, made;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t more, done;
    bool *read; /* by piece; also tells who may look at its messages */
    uint32_t piece_next, piece_count;
    uint32_t reading; /* pieces in the thread's hands */
    bool stop;
};

/* ---- Reading ---- */

static bool reader_make(struct reader *r)
{
    r->unwrap = source_unwrap_new(READ_SIZE);
    r->arena = btr_arena_new(READ_SIZE);
    r->json = btr_json_reader_new();
    return r->unwrap && r->arena && r->json;
}

static void reader_fini(struct reader *r)
{
    source_unwrap_free(r->unwrap);
    btr_arena_free(r->arena);
    btr_json_reader_free(r->json);
}

static void record_read(const struct reader *r, const struct btr_decoder *decoder,
                        struct follow_ahead_record *out)
{
    struct btr_span record = out->unwrapped.record;
    if (decoder && decoder->host_peek)
        out->host = decoder->host_peek(record);
    if (decoder && decoder->read && record.size <= decoder->record_max)
        out->read = decoder->read(record, r->json, r->arena);
}

struct btr_span follow_host_sent(const struct topics_ops *ops, const struct topics_message *message)
{
    static const char *const names[] = {"host.name", "host", "hostname", NULL};
    struct btr_span host = {0};
    if (message->inner)
        (void)ops->header(message, names, &host);
    return host;
}

static void message_read(const struct topics_ops *ops, const struct reader *r,
                         struct follow_ahead_message *m)
{
    const struct source_unwrapped *unwrapped = NULL;
    uint32_t count = 0;
    struct btr_err err;
    struct follow_seen seen = {.seed = m->seed};
    m->digest = follow_seen_digest(&seen, m->message.key, m->message.value);
    m->records = NULL;
    m->record_count = 0;
    m->headers_known = false;
    if (m->message.value.size > VALUE_SIZE)
        return;
    if (source_unwrap(r->unwrap, m->message.value, &unwrapped, &count, &err) < 0)
        return;
    struct follow_ahead_record *records =
        btr_arena_alloc(r->arena, count * sizeof *records, _Alignof(struct follow_ahead_record));
    if (!records)
        return;
    for (uint32_t i = 0; i < count; i++) {
        records[i] = (struct follow_ahead_record){.unwrapped = unwrapped[i]};
        record_read(r, m->decoder, &records[i]);
    }
    m->records = records;
    m->record_count = count;
    m->headers_known = count > 0 && m->decoder && records[0].host.size == 0;
    if (m->headers_known)
        m->host_sent = follow_host_sent(ops, &m->message);
}

static void piece_read(struct follow_ahead *a, const struct reader *r, uint32_t piece)
{
    uint32_t end = (piece + 1) * PIECE < a->count ? (piece + 1) * PIECE : a->count;
    for (uint32_t i = piece * PIECE; i < end; i++)
        message_read(a->ops, r, &a->messages[i]);
}

/* ---- The thread ---- */

static void *ahead_main(void *self)
{
    struct follow_ahead *a = self;
    pthread_mutex_lock(&a->mutex);
    while (!a->stop) {
        if (a->piece_next == a->piece_count) {
            pthread_cond_wait(&a->more, &a->mutex);
            continue;
        }
        uint32_t piece = a->piece_next++;
        a->reading++;
        pthread_mutex_unlock(&a->mutex);
        piece_read(a, &a->other, piece);
        pthread_mutex_lock(&a->mutex);
        a->reading--;
        a->read[piece] = true;
        pthread_cond_signal(&a->done);
    }
    pthread_mutex_unlock(&a->mutex);
    return NULL;
}

struct follow_ahead *follow_ahead_new(const struct topics_ops *ops, uint32_t message_max)
{
    struct follow_ahead *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->ops = ops;
    a->messages = calloc(message_max, sizeof *a->messages);
    a->read = calloc(message_max / PIECE + 1, sizeof *a->read);
    a->made = pthread_mutex_init(&a->mutex, NULL) == 0 && pthread_cond_init(&a->more, NULL) == 0 &&
              pthread_cond_init(&a->done, NULL) == 0;
    if (!a->messages || !a->read || !a->made || !reader_make(&a->own) || !reader_make(&a->other)) {
        follow_ahead_free(a);
        return NULL;
    }
    a->threaded = pthread_create(&a->thread, NULL, ahead_main, a) == 0;
    return a;
}

void follow_ahead_free(struct follow_ahead *a)
{
    if (!a)
        return;
    if (a->threaded) {
        pthread_mutex_lock(&a->mutex);
        a->stop = true;
        pthread_cond_signal(&a->more);
        pthread_mutex_unlock(&a->mutex);
        (void)pthread_join(a->thread, NULL);
    }
    if (a->made) {
        (void)pthread_cond_destroy(&a->done);
        (void)pthread_cond_destroy(&a->more);
        (void)pthread_mutex_destroy(&a->mutex);
    }
    reader_fini(&a->own);
    reader_fini(&a->other);
    free(a->messages);
    free(a->read);
    free(a);
}

/* ---- The follower's side ---- */

struct follow_ahead_message *follow_ahead_messages(struct follow_ahead *a)
{
    return a->messages;
}

void follow_ahead_begin(struct follow_ahead *a, uint32_t count)
{
    uint32_t pieces = (count + PIECE - 1) / PIECE;
    a->count = count;
    a->got = 0;
    memset(a->read, 0, pieces * sizeof *a->read);
    pthread_mutex_lock(&a->mutex);
    a->piece_next = 0;
    a->piece_count = pieces;
    if (pieces > 1)
        pthread_cond_signal(&a->more);
    pthread_mutex_unlock(&a->mutex);
}

/* Reads what nobody reads yet, until the piece is read. */
static void piece_await(struct follow_ahead *a, uint32_t piece)
{
    pthread_mutex_lock(&a->mutex);
    while (!a->read[piece]) {
        if (a->piece_next == a->piece_count) {
            pthread_cond_wait(&a->done, &a->mutex);
            continue;
        }
        uint32_t mine = a->piece_next++;
        pthread_mutex_unlock(&a->mutex);
        piece_read(a, &a->own, mine);
        pthread_mutex_lock(&a->mutex);
        a->read[mine] = true;
    }
    pthread_mutex_unlock(&a->mutex);
}

const struct follow_ahead_message *follow_ahead_get(struct follow_ahead *a, uint32_t i)
{
    for (; a->got <= i / PIECE; a->got++)
        piece_await(a, a->got);
    return &a->messages[i];
}

void follow_ahead_end(struct follow_ahead *a)
{
    pthread_mutex_lock(&a->mutex);
    a->piece_next = a->piece_count;
    while (a->reading > 0)
        pthread_cond_wait(&a->done, &a->mutex);
    pthread_mutex_unlock(&a->mutex);
    source_unwrap_clear(a->own.unwrap);
    source_unwrap_clear(a->other.unwrap);
    btr_arena_reset(a->own.arena);
    btr_arena_reset(a->other.arena);
}
