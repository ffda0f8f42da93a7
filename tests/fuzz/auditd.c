/* Properties of the whole audit decoder, with room for little so that things are given up all the
 * time: no record breaks it; an event does not end before it begins; a state has one encoding and
 * loads from it; a record that is read before its turn tells the same. The input is lines of a log
 * or, after a byte 1, calls of eight bytes each that are written out as such lines: pid, parent,
 * call, exit, and what the arguments and names are. */
#include <assert.h>
#include <stdio.h>

#include <btr/decoder.h>

#include "decode/decoders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALL_SIZE = 8, ROOM = 24 << 10 };

struct run {
    struct btr_decoder_state *state, *old[8]; /* a batch names what its states own */
    unsigned old_count, serial;
    struct btr_batch batch;
    struct btr_arena *arena;
    struct btr_decoder_state *twin; /* is told the same lines, read first */
    struct btr_batch twin_batch;
};

static void state_load(struct run *r, struct btr_decoder_state **state,
                       const struct btr_decoder_config *config, struct btr_span saved)
{
    struct btr_buffer again = {0};
    struct btr_err err = {0};
    struct btr_decoder_state *other = btr_decoder_auditd.state_new(config);
    int rc = other ? btr_decoder_auditd.state_load(other, saved, &err) : -1;
    assert(rc == 0 && btr_decoder_auditd.state_save(other, &again) == 0);
    assert(btr_span_equal(saved, btr_buffer_view(&again)));
    btr_buffer_fini(&again);
    r->old[r->old_count++] = *state;
    *state = other;
}

/* Both go on from what they saved, which is the same. */
static void state_again(struct run *r, const struct btr_decoder_config *config)
{
    struct btr_buffer saved = {0}, twin = {0};
    assert(btr_decoder_auditd.state_save(r->state, &saved) == 0 &&
           btr_decoder_auditd.state_save(r->twin, &twin) == 0);
    assert(btr_span_equal(btr_buffer_view(&saved), btr_buffer_view(&twin)));
    state_load(r, &r->state, config, btr_buffer_view(&saved));
    state_load(r, &r->twin, config, btr_buffer_view(&saved));
    btr_buffer_fini(&saved);
    btr_buffer_fini(&twin);
}

static void check_batch(const struct btr_batch *batch)
{
    for (uint32_t i = 0; i < batch->event_count; i++) {
        const struct btr_event *e = &batch->events[i];
        assert(e->first_ns <= e->last_ns && e->stream < batch->stream_count);
        assert(e->operation <= BTR_OP_MAX && e->doubt <= BTR_DOUBT_MAX);
    }
    for (uint32_t i = 0; i < batch->gap_count; i++)
        assert(batch->gaps[i].from_ns <= batch->gaps[i].until_ns);
    for (uint32_t i = 0; i < batch->note_count; i++)
        assert(batch->notes[i].attr_first + batch->notes[i].attr_count <= batch->attr_count);
}

static int twin_decode(struct run *r, struct btr_span line)
{
    struct btr_err err;
    const void *read = btr_decoder_auditd.read(line, NULL, r->arena);
    if (read)
        return btr_decoder_auditd.decode_read(r->twin, line, read, &r->twin_batch, r->arena, &err);
    return btr_decoder_auditd.decode(r->twin, line, &r->twin_batch, r->arena, &err);
}

static void feed(struct run *r, struct btr_span line)
{
    struct btr_err err;
    const struct btr_batch *a = &r->batch, *b = &r->twin_batch;
    r->batch.line++;
    r->twin_batch.line++;
    btr_decoder_auditd.detect(&line, 1);
    btr_decoder_auditd.host_peek(line);
    int rc = btr_decoder_auditd.decode(r->state, line, &r->batch, r->arena, &err);
    assert(twin_decode(r, line) == rc);
    assert(a->event_count == b->event_count && a->note_count == b->note_count &&
           a->attr_count == b->attr_count && a->gap_count == b->gap_count &&
           a->quarantined_count == b->quarantined_count);
}

static void feed_text(struct run *r, const char *text)
{
    struct btr_span copy;
    assert(btr_arena_copy(r->arena, btr_span_of(text), &copy));
    feed(r, copy);
}

/* One call, with every companion that a call may have. */
static void feed_call(struct run *r, const uint8_t *c)
{
    static const int exits[] = {0, 1, 2, 3, 4, 5, 9, 12, 70, 200, -2, -115, -111, 65535, 3000, 7};
    static const char *const kinds[] = {"NORMAL", "CREATE", "DELETE", "PARENT"};
    static const char *const addresses[] = {
        "01002F736F636B00", "0200005001020304", "020000507F000001",
        "0A000050000000000000000000000000000000000000000100000000", "0100"};
    char text[1024];
    unsigned serial = r->serial += 1 + (c[7] >> 6), call = (unsigned)(c[2] | (c[3] & 1) << 8);
    char stamp[64];
    snprintf(stamp, sizeof(stamp), "msg=audit(%u.%03u:%u):", 1700000000 + serial / 8,
             serial % 8 * 100, serial);
    snprintf(text, sizeof(text),
             "type=SYSCALL %s arch=c000003e syscall=%u success=%s exit=%d a0=%x a1=%x a2=%x a3=%x "
             "ppid=%u pid=%u auid=1 "
             "uid=%u euid=%u ses=%u comm=\"c\" exe=\"/e%u\"",
             stamp, call, exits[c[3] >> 4] < 0 ? "no" : "yes", exits[c[3] >> 4], c[4] & 15,
             c[4] >> 4, c[5] << (c[5] & 15), (unsigned)c[6] << (c[6] & 7), c[1] & 127, c[0] & 127,
             c[0] >> 7, c[1] >> 7, c[0] & 3, c[6] & 3);
    feed_text(r, text);
    snprintf(text, sizeof(text), "type=FD_PAIR %s fd0=%u fd1=%u", stamp, c[5] & 15, c[5] >> 4);
    feed_text(r, text);
    snprintf(text, sizeof(text), "type=MMAP %s fd=%u flags=0x%x", stamp, c[5] & 15, c[6] & 3);
    feed_text(r, text);
    snprintf(text, sizeof(text), "type=SOCKADDR %s saddr=%s", stamp, addresses[c[6] % 5]);
    feed_text(r, text);
    snprintf(text, sizeof(text), "type=OBJ_PID %s opid=%u", stamp, c[6] & 127);
    feed_text(r, text);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(
            text, sizeof(text),
            "type=PATH %s item=%u name=\"%sf%u\" inode=%u dev=fe:00 mode=%s rdev=00:00 nametype=%s",
            stamp, i, c[7] & 16 ? "" : "/d/", c[6] >> (4 * i) & 15, (c[7] >> (i + 1)) % 31,
            c[7] & 32 ? "0100644" : "040755", kinds[(c[7] >> 2 * i) & 3]);
        feed_text(r, text);
    }
    snprintf(text, sizeof(text), "type=PROCTITLE %s proctitle=\"p\"", stamp);
    feed_text(r, text);
}

static size_t step_size(const uint8_t *data, size_t size, bool calls)
{
    const uint8_t *end = calls ? NULL : memchr(data, '\n', size);
    size_t step = calls ? CALL_SIZE : end ? (size_t)(end - data) + 1 : size;
    return step < size ? step : size;
}

static void run_all(struct run *r, const struct btr_decoder_config *config, const uint8_t *data,
                    size_t size)
{
    bool calls = size && data[0] == 1;
    size_t half = size / 2;
    for (size_t at = calls; at < size;) {
        size_t step = step_size(data + at, size - at, calls);
        if (at < half && at + step >= half)
            state_again(r, config);
        if (!calls)
            feed(r, (struct btr_span){data + at, step - (data[at + step - 1] == '\n')});
        else if (step == CALL_SIZE)
            feed_call(r, data + at);
        at += step;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct btr_decoder_config config = {.host = BTR_SPAN("web01"), .size_max = ROOM};
    struct run r = {.state = btr_decoder_auditd.state_new(&config),
                    .twin = btr_decoder_auditd.state_new(&config),
                    .arena = btr_arena_new(128 << 20),
                    .serial = 10};
    assert(r.state && r.twin && r.arena);
    btr_batch_init(&r.batch);
    btr_batch_init(&r.twin_batch);
    run_all(&r, &config, data, size);
    state_again(&r, &config);
    btr_decoder_auditd.flush(r.state, INT64_MAX, &r.batch, r.arena);
    btr_decoder_auditd.flush(r.twin, INT64_MAX, &r.twin_batch, r.arena);
    check_batch(&r.batch);
    state_again(&r, &config);
    btr_batch_fini(&r.batch);
    btr_batch_fini(&r.twin_batch);
    btr_arena_free(r.arena);
    btr_decoder_auditd.state_free(r.state);
    btr_decoder_auditd.state_free(r.twin);
    for (unsigned i = 0; i < r.old_count; i++)
        btr_decoder_auditd.state_free(r.old[i]);
    return 0;
}
