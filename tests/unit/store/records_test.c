/* Digests of records: packed and back, refused when damaged, published with the rest or not. */
#include "records.h"

#include <test.h>

#include <lmdb.h>
#include <temp_files.h>
#include <test_random.h>

#include "store_tests.h"
#include "writer.h"

static void fill(uint64_t *digests, size_t count, uint64_t seed)
{
    struct test_random random = {seed};
    for (size_t i = 0; i < count; i++)
        digests[i] = test_random_next(&random);
}

static void digests_come_back_as_they_were_given(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static uint64_t digests[COUNT], others[COUNT];
    struct store_records set = {0};
    struct btr_buffer packed = {0};
    struct btr_err err;
    uint32_t count;
    fill(digests, COUNT, 1);
    fill(others, COUNT, 2);
    digests[0] = 0;
    digests[1] = UINT64_MAX;
    digests[2] = digests[3] = 1; /* told twice */
    assert_false(store_records_has(&set, 0) || store_records_has(&set, 1));
    assert_int_equal(store_records_pack(&packed, digests, COUNT, &err), 0);
    assert_true(store_records_count(btr_buffer_view(&packed), &count));
    assert_int_equal(count, COUNT - 1);
    assert_true(store_records_init(&set, count));
    assert_int_equal(store_records_add(&set, btr_buffer_view(&packed), &err), 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(store_records_has(&set, digests[i]));
        assert_false(store_records_has(&set, others[i]));
    }
    assert_false(store_records_has(&set, 2) || store_records_has(&set, UINT64_MAX - 1));
    store_records_fini(&set);
    btr_buffer_fini(&packed);
}

static void a_value_with_any_byte_changed_or_cut_is_refused(void **state)
{
    (void)state;
    uint64_t digests[40];
    struct store_records set = {0};
    struct btr_buffer packed = {0};
    struct btr_err err;
    fill(digests, 40, 3);
    assert_int_equal(store_records_pack(&packed, digests, 40, &err), 0);
    assert_true(store_records_init(&set, 40));
    for (size_t i = 0; i < packed.size; i++) {
        packed.at[i] ^= 0x20;
        assert_int_equal(store_records_add(&set, btr_buffer_view(&packed), &err), BTR_E_CHECKSUM);
        packed.at[i] ^= 0x20;
        assert_true(store_records_add(&set, (struct btr_span){packed.at, i}, &err) < 0);
    }
    assert_int_equal(store_records_add(&set, btr_buffer_view(&packed), &err), 0);
    store_records_fini(&set);
    btr_buffer_fini(&packed);
}

static void publish(struct btr_writer *writer, const uint64_t *digests, size_t count)
{
    struct btr_err err = {0};
    const struct btr_sink *sink = btr_writer_sink(writer);
    struct btr_progress progress = {.record_digests = digests, .record_digest_count = count};
    assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    assert_int_equal(sink->drain(sink->self, &err), 0);
}

static void records_are_known_from_the_next_run_on_and_after_reopening(void **state)
{
    (void)state;
    char folder[256], path[300];
    struct btr_err err;
    struct btr_writer *writer = NULL;
    uint64_t digests[300];
    fill(digests, 300, 4);
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    uint64_t seed = btr_writer_record_seed(writer);
    publish(writer, digests, 100);
    assert_false(btr_writer_known_record(writer, digests[0])); /* this run's own */
    publish(writer, digests + 100, 100);
    assert_true(btr_writer_record_seed(writer) == seed);
    assert_true(btr_writer_known_record(writer, digests[0]));
    btr_writer_close(writer);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    assert_true(btr_writer_record_seed(writer) == seed);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(btr_writer_known_record(writer, digests[i]), i < 200);
    assert_int_equal(btr_writer_records_left_out(writer), 0);
    btr_writer_close(writer);
    temp_folder_remove(folder);
}

static void stores_have_seeds_of_their_own(void **state)
{
    (void)state;
    char folder[256], path[300];
    uint64_t seeds[2];
    struct btr_err err;
    temp_folder_make(folder);
    for (unsigned i = 0; i < 2; i++) {
        struct btr_writer *writer = NULL;
        (void)snprintf(path, sizeof(path), "%s/store%u", folder, i);
        assert_int_equal(btr_writer_open(&writer, path, &err), 0);
        seeds[i] = btr_writer_record_seed(writer);
        btr_writer_close(writer);
    }
    assert_true(seeds[0] != seeds[1]);
    temp_folder_remove(folder);
}

static void beyond_the_bound_the_newest_publishes_are_loaded_and_the_others_counted(void **state)
{
    (void)state;
    char folder[256], path[300];
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct store_catalog *catalog = NULL;
    struct store_records set = {0};
    uint64_t digests[3000], left_out = 9;
    fill(digests, 3000, 5);
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    for (unsigned i = 0; i < 300; i++) /* more than one byte of the key counts */
        publish(writer, digests + i * 10, 10);
    btr_writer_close(writer);
    assert_int_equal(store_catalog_open(&catalog, path, true, &err), 0);
    assert_int_equal(store_catalog_records(catalog, &set, 1005, &left_out, &err), 0);
    assert_int_equal(left_out, 2000);
    for (unsigned i = 0; i < 3000; i++)
        assert_int_equal(store_records_has(&set, digests[i]), i >= 2000);
    assert_int_equal(store_catalog_records(catalog, &set, 9, &left_out, &err), 0);
    assert_int_equal(left_out, 3000);
    assert_false(store_records_has(&set, digests[2999]));
    store_records_fini(&set);
    store_catalog_close(catalog);
    temp_folder_remove(folder);
}

/* Changes the last byte of the first set, or drops the table, as a store of before has none. */
static void records_change(const char *store, bool drop)
{
    char path[400];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi records;
    uint8_t first[8] = {0, 0, 0, 0, 0, 0, 0, 1}, bytes[4096];
    MDB_val key = {sizeof(first), first}, value;
    (void)snprintf(path, sizeof(path), "%s/catalog", store);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "records", 0, &records), 0);
    if (drop) {
        assert_int_equal(mdb_drop(txn, records, 1), 0);
    } else {
        assert_int_equal(mdb_get(txn, records, &key, &value), 0);
        assert_true(value.mv_size <= sizeof(bytes));
        memcpy(bytes, value.mv_data, value.mv_size);
        bytes[value.mv_size - 1] ^= 1;
        value.mv_data = bytes;
        assert_int_equal(mdb_put(txn, records, &key, &value, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void damaged_digests_fail_the_next_append_with_a_clear_line(void **state)
{
    (void)state;
    char folder[256], path[300];
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_batch batch;
    uint64_t digests[50];
    fill(digests, 50, 6);
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    publish(writer, digests, 50);
    btr_writer_close(writer);
    records_change(path, false);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    (void)btr_writer_record_seed(writer);
    assert_false(btr_writer_known_record(writer, digests[0]));
    btr_batch_init(&batch);
    assert_int_equal(sink->append(sink->self, &batch, &err), BTR_E_CHECKSUM);
    assert_non_null(strstr(err.text, "cannot read records of the catalog"));
    btr_batch_fini(&batch);
    btr_writer_close(writer);
    temp_folder_remove(folder);
}

static void a_store_without_the_table_is_read_and_gets_it_when_it_is_written(void **state)
{
    (void)state;
    char folder[256], path[300];
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_reader *reader = NULL;
    uint64_t digests[50];
    const char *paths[] = {path};
    fill(digests, 50, 7);
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    publish(writer, digests, 50);
    btr_writer_close(writer);
    records_change(path, true);
    assert_int_equal(btr_reader_open(&reader, paths, 1, &err), 0);
    btr_reader_close(reader);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    (void)btr_writer_record_seed(writer);
    assert_false(btr_writer_known_record(writer, digests[0]));
    publish(writer, digests, 50);
    (void)btr_writer_record_seed(writer);
    assert_true(btr_writer_known_record(writer, digests[0]));
    btr_writer_close(writer);
    temp_folder_remove(folder);
}

int records_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_come_back_as_they_were_given),
        cmocka_unit_test(a_value_with_any_byte_changed_or_cut_is_refused),
        cmocka_unit_test(records_are_known_from_the_next_run_on_and_after_reopening),
        cmocka_unit_test(stores_have_seeds_of_their_own),
        cmocka_unit_test(beyond_the_bound_the_newest_publishes_are_loaded_and_the_others_counted),
        cmocka_unit_test(damaged_digests_fail_the_next_append_with_a_clear_line),
        cmocka_unit_test(a_store_without_the_table_is_read_and_gets_it_when_it_is_written),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
