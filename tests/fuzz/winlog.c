/* Properties: no record breaks the Windows decoder; a failure leaves the batch as it was; an event
 * does not end before it begins; a state has one encoding and loads from it; a record that is read
 * before its turn tells the same. The input is lines of a log. */
#include <assert.h>

#include <btr/decoder.h>
#include <btr/json.h>

#include "decode/decoders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_state(struct btr_decoder_state *state, const struct btr_decoder_config *config)
{
    struct btr_buffer saved = {0}, again = {0};
    struct btr_decoder_state *other = btr_decoder_winlog.state_new(config);
    assert(other && btr_decoder_winlog.state_save(state, &saved) == 0);
    int rc = btr_decoder_winlog.state_load(other, btr_buffer_view(&saved), NULL);
    assert(rc == 0 && btr_decoder_winlog.state_save(other, &again) == 0);
    assert(btr_span_equal(btr_buffer_view(&saved), btr_buffer_view(&again)));
    btr_decoder_winlog.state_free(other);
    btr_buffer_fini(&saved);
    btr_buffer_fini(&again);
}

static void check_events(const struct btr_batch *batch)
{
    for (uint32_t i = 0; i < batch->event_count; i++) {
        const struct btr_event *e = &batch->events[i];
        assert(e->first_ns <= e->last_ns && e->stream < batch->stream_count &&
               e->operation <= BTR_OP_MAX);
    }
    for (uint32_t i = 0; i < batch->gap_count; i++)
        assert(batch->gaps[i].from_ns <= batch->gaps[i].until_ns &&
               batch->gaps[i].stream < batch->stream_count);
    for (uint32_t i = 0; i < batch->note_count; i++)
        assert(batch->notes[i].attr_first + batch->notes[i].attr_count <= batch->attr_count);
}

static void feed(struct btr_decoder_state *state, struct btr_batch *batch, struct btr_arena *arena,
                 struct btr_span line)
{
    struct btr_err err;
    uint32_t events = batch->event_count, notes = batch->note_count, gaps = batch->gap_count;
    batch->line++;
    btr_decoder_winlog.detect(&line, 1);
    btr_decoder_winlog.host_peek(line);
    if (btr_decoder_winlog.decode(state, line, batch, arena, &err) < 0)
        assert(batch->event_count == events && batch->note_count == notes &&
               batch->gap_count == gaps);
}

/* The same line, read first. @param told  what decode told into the other batch */
static void feed_read(struct btr_decoder_state *state, struct btr_batch *batch,
                      struct btr_json_reader *json, struct btr_arena *arena, struct btr_span line,
                      const struct btr_batch *told)
{
    struct btr_err err;
    batch->line++;
    const void *read = btr_decoder_winlog.read(line, json, arena);
    if (read)
        (void)btr_decoder_winlog.decode_read(state, line, read, batch, arena, &err);
    else
        (void)btr_decoder_winlog.decode(state, line, batch, arena, &err);
    assert(batch->event_count == told->event_count && batch->note_count == told->note_count &&
           batch->attr_count == told->attr_count && batch->gap_count == told->gap_count);
    for (uint32_t i = 0; i < batch->event_count; i++) {
        const struct btr_event *a = &batch->events[i], *b = &told->events[i];
        assert(btr_id_equal(a->subject, b->subject) && btr_id_equal(a->object, b->object) &&
               a->first_ns == b->first_ns && a->operation == b->operation);
    }
}

static void check_same(const struct btr_decoder_state *a, const struct btr_decoder_state *b)
{
    struct btr_buffer one = {0}, other = {0};
    assert(btr_decoder_winlog.state_save(a, &one) == 0 &&
           btr_decoder_winlog.state_save(b, &other) == 0);
    assert(btr_span_equal(btr_buffer_view(&one), btr_buffer_view(&other)));
    btr_buffer_fini(&one);
    btr_buffer_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct btr_decoder_config config = {.host = BTR_SPAN("ws1"), .size_max = 1 << 20};
    struct btr_decoder_state *state = btr_decoder_winlog.state_new(&config),
                             *twin = btr_decoder_winlog.state_new(&config);
    struct btr_arena *arena = btr_arena_new(128 << 20);
    struct btr_json_reader *json = btr_json_reader_new();
    struct btr_batch batch, twin_batch;
    assert(state && twin && arena && json);
    btr_batch_init(&batch);
    btr_batch_init(&twin_batch);
    while (size) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t line = end ? (size_t)(end - data) : size;
        feed(state, &batch, arena, (struct btr_span){data, line});
        feed_read(twin, &twin_batch, json, arena, (struct btr_span){data, line}, &batch);
        data += line + (end != NULL);
        size -= line + (end != NULL);
    }
    check_same(state, twin);
    check_state(state, &config);
    assert(btr_decoder_winlog.flush(state, INT64_MAX, &batch, arena) == 0);
    check_events(&batch);
    check_state(state, &config);
    btr_batch_fini(&batch);
    btr_batch_fini(&twin_batch);
    btr_arena_free(arena);
    btr_json_reader_free(json);
    btr_decoder_winlog.state_free(state);
    btr_decoder_winlog.state_free(twin);
    return 0;
}
