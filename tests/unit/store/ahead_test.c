/* Blocks that a second thread decodes before they are asked for are what who asks would decode. */
#include <test.h>

#include <temp_files.h>

#include "ahead.h"
#include "pack.h"
#include "segment_store.h"
#include "store_tests.h"

enum {
    BLOCKS = 150,
    EVENTS = BLOCKS * STORE_BLOCK_EVENTS,
    SUBJECTS = 5000,
    CACHE_SIZE = 4 << 20, /* some forty blocks */
    ASKED = 4 * BLOCKS,
};

static void batch_fill(struct btr_batch *batch)
{
    struct test_random random = {5};
    uint32_t stream = btr_batch_stream(batch, BTR_SPAN("web01"), BTR_SPAN("auditd"));
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct btr_event *e = btr_batch_event(batch);
        assert_non_null(e);
        *e = (struct btr_event){.subject = {1, test_random_below(&random, SUBJECTS)},
                                .object = {2, test_random_below(&random, SUBJECTS)},
                                .operation =
                                    test_random_below(&random, 2) ? BTR_OP_READ : BTR_OP_WRITE,
                                .first_ns = i,
                                .last_ns = i + (int64_t)test_random_below(&random, 3),
                                .time_ns = i,
                                .bytes = BTR_BYTES_UNKNOWN,
                                .record_id = i,
                                .line = i,
                                .stream = stream};
    }
    batch->record_count = EVENTS;
}

static void file_make(struct btr_buffer *out)
{
    char folder[256], store[300], path[4096];
    struct btr_batch batch;
    temp_folder_make(folder);
    (void)snprintf(store, sizeof store, "%s/store", folder);
    btr_batch_init(&batch);
    batch_fill(&batch);
    batch_store_make(store, &batch);
    btr_batch_fini(&batch);
    segment_file_read(store, 0, path, out);
    temp_folder_remove(folder);
}

/** One that reads the file: with a second thread, or without. */
struct reading {
    struct store_segment seg;
    struct store_cache cache;
    struct store_ahead ahead;
    void *unpacker;
};

static void reading_begin(struct reading *r, const struct btr_buffer *file, bool ahead)
{
    struct btr_err err = {0};
    *r = (struct reading){.cache = {.size_max = CACHE_SIZE}};
    r->unpacker = store_unpacker_new();
    assert_non_null(r->unpacker);
    r->seg = (struct store_segment){
        .cache = &r->cache, .unpacker = r->unpacker, .ahead = ahead ? &r->ahead : NULL};
    assert_int_equal(store_segment_open(&r->seg, btr_buffer_view(file), &err), 0);
}

static void reading_end(struct reading *r)
{
    store_cache_fini(&r->cache);
    store_segment_close(&r->seg);
    store_ahead_fini(&r->ahead);
    store_unpacker_free(r->unpacker);
}

static void same_block(const struct segment_block *a, const struct segment_block *b)
{
    assert_int_equal(a->first, b->first);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->group_count, b->group_count);
    assert_memory_equal(a->groups, b->groups, a->group_count * sizeof *a->groups);
    assert_int_equal(a->groups[a->group_count].begin, b->groups[b->group_count].begin);
    assert_memory_equal(a->moments, b->moments, a->count * sizeof *a->moments);
    for (uint32_t g = 0; g < a->group_count; g++)
        for (uint32_t i = a->groups[g].begin; i < a->groups[g + 1].begin; i++)
            if (a->groups[g].shape & STORE_SHAPE_LASTS)
                assert_int_equal(a->ends[i], b->ends[i]);
}

/* Asks both for the same blocks, at random. @return how many of them were damaged */
static uint32_t both_ask(struct reading *plain, struct reading *ahead, uint64_t seed,
                         uint32_t asked)
{
    struct test_random random = {seed};
    uint32_t damaged = 0;
    for (uint32_t i = 0; i < asked; i++) {
        uint32_t block = (uint32_t)test_random_below(&random, BLOCKS);
        struct cache_slot *a = NULL, *b = NULL;
        struct btr_err why_a = {0}, why_b = {0};
        int rc_a = store_segment_groups(&plain->seg, block, &a, &why_a);
        int rc_b = store_segment_groups(&ahead->seg, block, &b, &why_b);
        assert_int_equal(rc_a, rc_b);
        damaged += rc_a < 0;
        if (rc_a < 0) {
            assert_string_equal(why_a.text, why_b.text);
            continue;
        }
        same_block(a->data, b->data);
        store_cache_unpin(a);
        store_cache_unpin(b);
    }
    return damaged;
}

static struct btr_buffer file;

static int file_begin(void **state)
{
    (void)state;
    file_make(&file);
    return 0;
}

static int file_end(void **state)
{
    (void)state;
    btr_buffer_fini(&file);
    return 0;
}

static void blocks_are_the_same_whoever_decodes_them(void **state)
{
    struct reading plain, ahead;
    (void)state;
    reading_begin(&plain, &file, false);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        reading_begin(&ahead, &file, true);
        assert_int_equal(both_ask(&plain, &ahead, seed, ASKED), 0);
        assert_true(ahead.ahead.runs || ahead.ahead.refused);
        reading_end(&ahead);
    }
    reading_end(&plain);
}

/* A block that is damaged is left to who asks, who tells what is wrong. */
static void damage_is_told_by_who_asks(void **state)
{
    struct reading plain, ahead;
    (void)state;
    reading_begin(&plain, &file, false);
    uint32_t count;
    struct btr_err err = {0};
    assert_int_equal(store_segment_directory(&plain.seg, STORE_EVENTS, &count, &err), 0);
    for (uint32_t i = 40; i < BLOCKS; i += 7)
        file.at[plain.seg.directory[STORE_EVENTS][i].offset] ^= 0x10;
    reading_begin(&ahead, &file, true);
    assert_true(both_ask(&plain, &ahead, 9, ASKED) > 0);
    for (uint32_t i = 40; i < BLOCKS; i += 7)
        file.at[plain.seg.directory[STORE_EVENTS][i].offset] ^= 0x10;
    reading_end(&ahead);
    reading_end(&plain);
}

/* At any moment, also while a block is being decoded. */
static void a_segment_can_be_closed_at_any_moment(void **state)
{
    struct reading plain, ahead;
    (void)state;
    reading_begin(&plain, &file, false);
    for (uint32_t asked = 5; asked < 60; asked++) {
        reading_begin(&ahead, &file, true);
        (void)both_ask(&plain, &ahead, asked, asked);
        if (asked % 2)
            store_ahead_fini(&ahead.ahead); /* first, as a reader does */
        reading_end(&ahead);
    }
    reading_end(&plain);
}

int ahead_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_the_same_whoever_decodes_them),
        cmocka_unit_test(damage_is_told_by_who_asks),
        cmocka_unit_test(a_segment_can_be_closed_at_any_moment),
    };
    return cmocka_run_group_tests_name("ahead", tests, file_begin, file_end);
}
