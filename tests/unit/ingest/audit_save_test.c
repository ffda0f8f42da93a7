/* A state saved, loaded and gone on with tells the same as one that was never interrupted. */
#include <btr/source.h>

#include "test.h"

enum { LINES = 60000, CUTS = 24 };

static struct btr_buffer text;
static struct btr_span lines[LINES];
static size_t line_count;
static struct btr_hosts *hosts;

/* The first lines of the shipped recording's web server. */
static int lines_read(void **state)
{
    (void)state;
    struct btr_content *content;
    struct btr_err err;
    struct btr_span block;
    if (btr_content_open(&content, BTR_SOURCE_DIR "/datasets/web_cmdi/web01.audit.log.zst", &err) !=
        0)
        return -1;
    while (text.size < (size_t)LINES * 300 && btr_content_next(content, &block, &err) == 1)
        btr_buffer_span(&text, block);
    btr_content_close(content);
    const uint8_t *at = text.at, *end = text.at + text.size, *newline;
    while (line_count < LINES && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        lines[line_count++] = (struct btr_span){at, (size_t)(newline - at)};
        at = newline + 1;
    }
    static const char inventory[] =
        "{\"web01\": {\"ip\": \"10.77.0.11\"}, \"db01\": {\"ip\": \"10.77.0.12\"}}";
    return btr_hosts_parse(&hosts, btr_span_of(inventory), &err);
}

static int lines_free(void **state)
{
    (void)state;
    btr_buffer_fini(&text);
    btr_hosts_free(hosts);
    return 0;
}

/* States stay until the end of a test: their batch borrows names from them. */
static struct btr_decoder_state *states[256];
static size_t state_count;

static void states_free(void)
{
    while (state_count > 0)
        btr_decoder_find(BTR_SPAN("auditd"))->state_free(states[--state_count]);
}

static struct btr_decoder_state *state_make(uint32_t size_max)
{
    const struct btr_decoder *d = btr_decoder_find(BTR_SPAN("auditd"));
    struct btr_decoder_config config = {
        .host = BTR_SPAN("web01"), .hosts = hosts, .size_max = size_max};
    struct btr_decoder_state *s = d->state_new(&config);
    assert_non_null(s);
    assert_true(state_count < sizeof(states) / sizeof(states[0]));
    states[state_count++] = s;
    return s;
}

/* Saves, loads into a new state, and checks that this one saves alike. */
static struct btr_decoder_state *state_move(struct btr_decoder_state *s, uint32_t size_max)
{
    const struct btr_decoder *d = btr_decoder_find(BTR_SPAN("auditd"));
    struct btr_buffer saved = {0}, again = {0};
    struct btr_err err;
    assert_int_equal(d->state_save(s, &saved), 0);
    struct btr_decoder_state *moved = state_make(size_max);
    if (d->state_load(moved, btr_buffer_view(&saved), &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(d->state_save(moved, &again), 0);
    assert_true(btr_span_equal(btr_buffer_view(&saved), btr_buffer_view(&again)));
    btr_buffer_fini(&saved);
    btr_buffer_fini(&again);
    return moved;
}

static void decode_all(struct btr_batch *batch, struct btr_arena *arena, unsigned cuts,
                       uint32_t size_max)
{
    const struct btr_decoder *d = btr_decoder_find(BTR_SPAN("auditd"));
    struct btr_decoder_state *s = state_make(size_max);
    btr_batch_init(batch);
    uint32_t seed = 12345;
    for (size_t i = 0; i < line_count; i++) {
        batch->line = i + 1;
        struct btr_err err;
        if (d->decode(s, lines[i], batch, arena, &err) != 0)
            fail_msg("line %zu: %s", i + 1, err.text);
        seed = seed * 1664525u + 1013904223u;
        if (cuts && seed % (line_count / cuts) == 0)
            s = state_move(s, size_max);
    }
    assert_int_equal(d->flush(s, INT64_MAX, batch, arena), 0);
}

static void assert_same_events(const struct btr_batch *a, const struct btr_batch *b)
{
    assert_int_equal(a->event_count, b->event_count);
    for (uint32_t i = 0; i < a->event_count; i++) {
        const struct btr_event *x = &a->events[i], *y = &b->events[i];
        bool same = btr_id_equal(x->subject, y->subject) && btr_id_equal(x->object, y->object) &&
                    x->first_ns == y->first_ns && x->last_ns == y->last_ns &&
                    x->record_id == y->record_id && x->line == y->line && x->bytes == y->bytes &&
                    x->operation == y->operation && x->doubt == y->doubt && x->flags == y->flags;
        if (!same)
            fail_msg("event %u (record %llu) differs", i, (unsigned long long)x->record_id);
    }
}

static void a_state_moved_at_any_line_goes_on_as_if_it_had_stayed(void **state)
{
    (void)state;
    struct btr_batch whole, moved;
    struct btr_arena *arena = btr_arena_new(SIZE_MAX / 2);
    decode_all(&whole, arena, 0, 0);
    assert_true(whole.event_count > 10000);
    decode_all(&moved, arena, CUTS, 0);
    assert_same_events(&whole, &moved);
    states_free();
    btr_batch_fini(&whole);
    btr_batch_fini(&moved);
    btr_arena_free(arena);
}

static void a_small_state_evicts_stays_within_its_bound_and_still_moves(void **state)
{
    (void)state;
    struct btr_batch whole, moved;
    struct btr_arena *arena = btr_arena_new(SIZE_MAX / 2);
    decode_all(&whole, arena, 0, 600 << 10);
    decode_all(&moved, arena, CUTS, 600 << 10);
    assert_same_events(&whole, &moved);
    states_free();
    btr_batch_fini(&whole);
    btr_batch_fini(&moved);
    btr_arena_free(arena);
}

static void a_damaged_saved_state_is_refused(void **state)
{
    (void)state;
    const struct btr_decoder *d = btr_decoder_find(BTR_SPAN("auditd"));
    struct btr_batch batch;
    struct btr_arena *arena = btr_arena_new(SIZE_MAX / 2);
    struct btr_decoder_state *s = state_make(0);
    btr_batch_init(&batch);
    for (size_t i = 0; i < 3000; i++)
        d->decode(s, lines[i], &batch, arena, NULL);
    struct btr_buffer saved = {0};
    assert_int_equal(d->state_save(s, &saved), 0);
    uint32_t seed = 7;
    for (size_t round = 0; round < 400; round++) {
        seed = seed * 1664525u + 1013904223u;
        size_t at = seed % saved.size;
        struct btr_decoder_state *fresh = state_make(0);
        assert_true(d->state_load(fresh, (struct btr_span){saved.at, at}, NULL) <
                    0); /* every cut is refused */
        d->state_free(fresh);
        state_count--;
        uint8_t was = saved.at[at];
        saved.at[at] ^= (uint8_t)(1u << (seed >> 29));
        fresh = state_make(0);
        d->state_load(fresh, btr_buffer_view(&saved),
                      NULL); /* a flipped bit may be harmless; it must not crash */
        d->state_free(fresh);
        state_count--;
        saved.at[at] = was;
    }
    btr_buffer_fini(&saved);
    states_free();
    btr_batch_fini(&batch);
    btr_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_moved_at_any_line_goes_on_as_if_it_had_stayed),
        cmocka_unit_test(a_small_state_evicts_stays_within_its_bound_and_still_moves),
        cmocka_unit_test(a_damaged_saved_state_is_refused),
    };
    return cmocka_run_group_tests(tests, lines_read, lines_free);
}
