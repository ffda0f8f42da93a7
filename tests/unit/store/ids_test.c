/* Filters of ids, and segments that are asked by id: every member is found, others are not. */
#include <test.h>

#include <segment_bytes.h>
#include <temp_files.h>

#include "pack.h"
#include "segment.h"
#include "segment_store.h"
#include "store_tests.h"
#include "writer.h"

static void ids_fill(struct test_random *random, struct btr_id *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        ids[i] = (struct btr_id){test_random_next(random), test_random_next(random)};
}

static void a_filter_holds_its_members_and_lets_one_in_256_others_pass(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 2, 3, 7, 40, 500, 2048, 4096, 9000, 40000};
    struct test_random random = {71};
    struct btr_id *ids = calloc(40000, sizeof(*ids));
    assert_non_null(ids);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct btr_buffer bytes = {0}, again = {0};
        struct store_fuse fuse;
        uint32_t passed = 0;
        ids_fill(&random, ids, counts[i]);
        assert_true(store_fuse_make(&bytes, ids, counts[i]));
        assert_true(store_fuse_make(&again, ids, counts[i]));
        assert_true(btr_span_equal(btr_buffer_view(&bytes), btr_buffer_view(&again)));
        assert_true(store_fuse_read(&fuse, btr_buffer_view(&bytes)));
        assert_non_null(fuse.prints);
        for (uint32_t k = 0; k < counts[i]; k++)
            assert_true(store_fuse_may(&fuse, ids[k]));
        for (uint32_t k = 0; k < 100000; k++) {
            struct btr_id other = {test_random_next(&random), test_random_next(&random)};
            passed += store_fuse_may(&fuse, other);
        }
        assert_true(passed < 550); /* 390 of 100,000 are expected */
        btr_buffer_fini(&bytes);
        btr_buffer_fini(&again);
    }
    free(ids);
}

static void ids_of_one_hash_are_all_held(void **state)
{
    (void)state;
    struct btr_id ids[64];
    struct btr_buffer bytes = {0};
    struct store_fuse fuse;
    for (uint32_t i = 0; i < 64; i++) { /* the halves are joined by xor: all alike */
        uint64_t half = UINT64_C(0x100000001) * i;
        ids[i] = (struct btr_id){half, half};
    }
    assert_true(store_fuse_make(&bytes, ids, 64));
    assert_true(store_fuse_read(&fuse, btr_buffer_view(&bytes)));
    for (uint32_t i = 0; i < 64; i++)
        assert_true(store_fuse_may(&fuse, ids[i]));
    btr_buffer_fini(&bytes);
}

static void a_filter_of_arbitrary_bytes_is_refused_or_read_within_them(void **state)
{
    (void)state;
    struct test_random random = {72};
    struct btr_id ids[100];
    struct btr_buffer bytes = {0};
    struct store_fuse fuse;
    ids_fill(&random, ids, 100);
    assert_true(store_fuse_make(&bytes, ids, 100));
    for (uint32_t round = 0; round < 20000; round++) {
        size_t size = test_random_below(&random, bytes.size + 1);
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, bytes.at, size);
        if (size > 0)
            copy[test_random_below(&random, size < 16 ? size : 16)] =
                (uint8_t)test_random_next(&random);
        if (store_fuse_read(&fuse, (struct btr_span){copy, size}) && size > 0)
            (void)store_fuse_may(&fuse, ids[round % 100]);
        free(copy);
    }
    btr_buffer_fini(&bytes);
}

/* ---- Segments ------------------------------------------------------------------------------- */

/* Seals a segment that notes these ids, each of a kind that its place tells. */
static void ids_seal(const struct btr_id *ids, uint32_t count, unsigned kinds,
                     struct btr_buffer *out)
{
    char folder[256], path[300], file[4096];
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_batch batch;
    static const struct btr_progress none;
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    btr_batch_init(&batch);
    for (uint32_t i = 0; i < count; i++)
        *btr_batch_note(&batch) =
            (struct btr_note){.id = ids[i],
                              .kind = (uint8_t)(1 + i % kinds),
                              .host = btr_batch_name(&batch, BTR_SPAN("web01"))};
    const struct btr_sink *sink = btr_writer_sink(writer);
    assert_int_equal(sink->append(sink->self, &batch, &err), 0);
    assert_int_equal(sink->publish(sink->self, &none, &err), 0);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
    btr_batch_fini(&batch);
    segment_file_read(path, 0, file, out);
    temp_folder_remove(folder);
}

static void ids_check(struct store_segment *seg, const struct btr_id *ids, uint32_t count,
                      unsigned kinds, struct test_random *random)
{
    struct btr_err err;
    struct btr_id id;
    uint8_t kind = 0;
    uint32_t number, passed = 0;
    assert_int_equal(store_segment_ids(seg, &err), 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(store_segment_may_hold(seg, ids[i]));
        assert_int_equal(store_segment_find(seg, ids[i], &number, &err), 0);
        assert_int_not_equal(number, UINT32_MAX);
        assert_int_equal(store_segment_who(seg, number, &id, &kind, &err), 0);
        assert_true(btr_id_equal(id, ids[i]) && kind == 1 + i % kinds);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        id = (struct btr_id){test_random_next(random), test_random_next(random)};
        assert_int_equal(store_segment_find(seg, id, &number, &err), 0);
        assert_int_equal(number, UINT32_MAX);
        passed += store_segment_may_hold(seg, id);
    }
    assert_true(passed < 160);
}

static void a_segment_finds_each_of_its_ids_and_no_other(void **state)
{
    (void)state;
    static const struct {
        uint32_t count;
        unsigned kinds;
        bool crowded; /* ids of one beginning: all in one bucket, in one part */
    } cases[] = {{1, 1, false},    {2, 2, false},       {3, 3, false},
                 {511, 5, false},  {513, 17, false},    {1024, 40, false},
                 {5000, 2, false}, {20000, 200, false}, {3000, 12, true}};
    struct test_random random = {73};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct btr_buffer file = {0};
        struct btr_err err;
        struct store_cache cache = {.size_max = 1 << 20};
        struct store_segment seg = {
            .name = "test", .cache = &cache, .unpacker = store_unpacker_new()};
        struct btr_id *ids = calloc(cases[i].count, sizeof(*ids));
        assert_non_null(ids);
        ids_fill(&random, ids, cases[i].count);
        for (uint32_t k = 0; cases[i].crowded && k < cases[i].count; k++)
            ids[k].hi = UINT64_MAX - k % 7;
        ids_seal(ids, cases[i].count, cases[i].kinds, &file);
        assert_int_equal(segment_bytes_read(btr_buffer_view(&file), &err), 0);
        assert_int_equal(store_segment_open(&seg, btr_buffer_view(&file), &err), 0);
        ids_check(&seg, ids, cases[i].count, cases[i].kinds, &random);
        store_cache_fini(&cache);
        store_segment_close(&seg);
        store_unpacker_free(seg.unpacker);
        free(ids);
        btr_buffer_fini(&file);
    }
}

static void damage_to_a_dictionary_is_found_or_harmless(void **state)
{
    (void)state;
    struct test_random random = {74};
    struct btr_buffer file = {0};
    struct btr_err err;
    struct store_header h;
    struct store_section sections[STORE_SECTIONS_MAX];
    struct btr_id *ids = calloc(30000, sizeof(*ids));
    assert_non_null(ids);
    ids_fill(&random, ids, 30000);
    ids_seal(ids, 30000, 3, &file);
    free(ids);
    assert_int_equal(store_header_read(btr_buffer_view(&file), &h, sections, &err), 0);
    const struct store_section *made = sections;
    while (made->type != STORE_DICTIONARIES && made < &sections[h.section_count - 1])
        made++;
    assert_int_equal(made->type, STORE_DICTIONARIES);
    assert_true(made->block_count > 0); /* there was enough to make one */
    for (uint32_t round = 0; round < 16; round++) {
        uint64_t rows = (uint64_t)made->block_count * STORE_BLOCK_ROW_SIZE;
        size_t at = (size_t)(made->offset + rows + test_random_below(&random, made->size - rows));
        uint8_t *copy = malloc(file.size);
        assert_non_null(copy);
        memcpy(copy, file.at, file.size);
        copy[at] ^= (uint8_t)(1 + test_random_below(&random, 255));
        assert_int_equal(segment_bytes_read((struct btr_span){copy, file.size}, &err),
                         BTR_E_CHECKSUM);
        segment_bytes_repair(copy, file.size);
        (void)segment_bytes_read((struct btr_span){copy, file.size}, &err);
        free(copy);
    }
    btr_buffer_fini(&file);
}

int ids_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_holds_its_members_and_lets_one_in_256_others_pass),
        cmocka_unit_test(ids_of_one_hash_are_all_held),
        cmocka_unit_test(a_filter_of_arbitrary_bytes_is_refused_or_read_within_them),
        cmocka_unit_test(a_segment_finds_each_of_its_ids_and_no_other),
        cmocka_unit_test(damage_to_a_dictionary_is_found_or_harmless),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
