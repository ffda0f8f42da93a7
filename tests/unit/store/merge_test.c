#include <test.h>

#include <segment_bytes.h>
#include <temp_files.h>
#include <unistd.h>

#include "files.h"
#include "merge.h"
#include "model.h"
#include "segment_store.h"
#include "store_tests.h"
#include "writer.h"

static struct btr_merge_stat compact(const char *path)
{
    struct btr_err err = {0};
    struct btr_merge_stat stat;
    if (btr_store_compact(path, &stat, &err) != 0)
        fail_msg("%s", err.text);
    return stat;
}

/* A writer that does not merge. */
static void publish_all(struct model *m, const char *path, uint32_t publishes, uint32_t events)
{
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    assert_int_equal(store_writer_open(&writer, path, NULL, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    for (uint32_t i = 0; i < publishes; i++)
        model_publish(m, sink, 3, events);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
}

static void a_merged_store_tells_what_its_segments_told(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct model m;
        char folder[256], path[300];
        temp_folder_make(folder);
        (void)snprintf(path, sizeof(path), "%s/store", folder);
        model_init(&m, seed);
        m.extreme = seed % 2 == 0;
        publish_all(&m, path, 2 + (uint32_t)seed, seed == 1 ? 1 : 60);
        struct btr_merge_stat stat = compact(path);
        if (!m.extreme)
            assert_int_equal(stat.segments_after, 1);
        assert_int_equal(stat.dropped, 0);
        assert_int_equal(stat.damaged, 0);
        model_check_store(&m, path, 1);
        stat = compact(path); /* twice is once */
        assert_int_equal(stat.merges, 0);
        publish_all(&m, path, 2, 60); /* and again, with a merged one among them */
        (void)compact(path);
        model_check_store(&m, path, 1);
        model_fini(&m);
        temp_folder_remove(folder);
    }
}

/* @return as store_spread_once */
static int spread(const char *path, uint64_t events_max)
{
    struct btr_err err = {0};
    struct store_catalog *catalog = NULL;
    struct store_merger merger;
    assert_int_equal(store_catalog_open(&catalog, path, true, &err), 0);
    assert_int_equal(store_merger_init(&merger, path, catalog, NULL, &err), 0);
    merger.spread_events = events_max;
    int rc = store_spread_once(&merger, NULL, NULL, &err);
    if (rc < 0)
        fail_msg("%s", err.text);
    assert_int_equal(merger.stat.damaged, 0);
    if (rc == 1) {
        assert_true(merger.stat.segments_after > 1);
        assert_int_equal(store_spread_once(&merger, NULL, NULL, &err), 0); /* seen already */
    }
    store_merger_fini(&merger);
    store_catalog_close(catalog);
    return rc;
}

static void segments_sealed_anew_by_host_tell_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct model m;
        char folder[256], path[300];
        temp_folder_make(folder);
        (void)snprintf(path, sizeof(path), "%s/store", folder);
        model_init(&m, seed);
        publish_all(&m, path, 8 + (uint32_t)seed % 3, 60);
        assert_int_equal(spread(path, 100), 0); /* a host alone is more than that */
        assert_int_equal(spread(path, 350), 1);
        model_check_store(&m, path, 1);
        assert_int_equal(spread(path, 350), 0); /* every host stands in one segment now */
        publish_all(&m, path, 7, 60);
        assert_int_equal(spread(path, 650), 1);
        model_check_store(&m, path, 1);
        (void)compact(path);
        model_check_store(&m, path, 1);
        model_fini(&m);
        temp_folder_remove(folder);
    }
}

static void merging_of_many_blocks_keeps_all(void **state)
{
    (void)state;
    struct model m;
    char folder[256], path[300];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 98);
    publish_all(&m, path, 9, 4000);
    assert_true(m.event_count > 3 * 8192);
    (void)compact(path);
    model_check_store(&m, path, 0);
    model_fini(&m);
    temp_folder_remove(folder);
}

/* The same order of publishes gives the same segments. */
static void merging_is_deterministic(void **state)
{
    (void)state;
    struct btr_id hashes[2];
    for (unsigned i = 0; i < 2; i++) {
        struct model m;
        struct btr_err err;
        struct store_catalog *catalog = NULL;
        struct catalog_segment *rows = NULL;
        uint32_t count = 0;
        char folder[256], path[300];
        temp_folder_make(folder);
        (void)snprintf(path, sizeof(path), "%s/store", folder);
        model_init(&m, 7);
        publish_all(&m, path, 5, 100);
        (void)compact(path);
        assert_int_equal(store_catalog_open(&catalog, path, false, &err), 0);
        assert_int_equal(store_catalog_segments(catalog, &rows, &count, &err), 0);
        assert_int_equal(count, 1);
        hashes[i] = rows[0].hash;
        free(rows);
        store_catalog_close(catalog);
        model_fini(&m);
        temp_folder_remove(folder);
    }
    assert_true(btr_id_equal(hashes[0], hashes[1]));
}

static void the_writer_merges_beside_its_publishes(void **state)
{
    (void)state;
    struct model m;
    struct btr_err err = {0};
    struct btr_merge_stat stat;
    char folder[256], path[300];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 5);
    for (uint32_t round = 0; round < 3; round++) {
        model_store(&m, path, 40, 1, 20);
        model_check_store(&m, path, 0);
    }
    struct btr_writer *writer = NULL;
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    assert_int_equal(btr_writer_merged(writer, &stat, &err), 0);
    btr_writer_close(writer);
    (void)compact(path);
    model_check_store(&m, path, 1);
    model_fini(&m);
    temp_folder_remove(folder);
}

/* Bytes written an event that stays: fresh files and merges, over what is there in the end. */
static void thousands_of_small_publishes_are_written_a_few_times(void **state)
{
    (void)state;
    struct model m;
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    struct btr_merge_stat merged;
    struct btr_reader *reader = NULL;
    struct btr_store_stat stat;
    uint32_t publishes = getenv("BTR_LONG") ? 6000 : 1000;
    char folder[256], path[300];
    const char *paths[] = {path};
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 41);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    for (uint32_t i = 0; i < publishes; i++)
        model_publish(&m, sink, 1, 60);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    assert_int_equal(btr_writer_merged(writer, &merged, &err), 0);
    btr_writer_close(writer);
    uint64_t gone = merged.bytes_before;
    merged = compact(path);
    gone += merged.bytes_before;
    assert_int_equal(btr_reader_open(&reader, paths, 1, &err), 0);
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    model_check_events(&m, reader);
    btr_reader_close(reader);
    double written = (double)(gone + stat.segment_bytes) / (double)stat.segment_bytes;
    print_message(
        "%u publishes, %u events: %.2f bytes written a byte that stays, one file of %u bytes\n",
        publishes, m.event_count, written, (unsigned)stat.segment_bytes);
    assert_true(written <
                1 + MERGE_TIERS + 16); /* small files cost more an event than large ones */
    model_fini(&m);
    temp_folder_remove(folder);
}

/* ---- Failures -------------------------------------------------------------------------------- */

struct failing {
    uint32_t step, fail_at;
};

static bool step_fails(void *self, const char *step)
{
    struct failing *f = self;
    (void)step;
    return ++f->step == f->fail_at;
}

/* Merges, or seals by host, with each step failing in turn. */
static void fail_each_step(bool by_host)
{
    bool merged = false;
    for (uint32_t at = 1; !merged; at++) {
        struct model m;
        struct btr_err err = {0};
        struct store_catalog *catalog = NULL;
        struct store_merger merger;
        struct failing failing = {0, at};
        struct store_faults faults = {&failing, step_fails};
        char folder[256], path[300];
        temp_folder_make(folder);
        (void)snprintf(path, sizeof(path), "%s/store", folder);
        model_init(&m, 11);
        publish_all(&m, path, by_host ? 8 : 3, 40);
        assert_int_equal(store_catalog_open(&catalog, path, true, &err), 0);
        assert_int_equal(store_merger_init(&merger, path, catalog, &faults, &err), 0);
        merger.spread_events = 250;
        int rc = by_host ? store_spread_once(&merger, NULL, NULL, &err)
                         : store_merge_once(&merger, true, NULL, NULL, &err);
        merged = rc == 1;
        if (!merged)
            assert_int_equal(rc, BTR_E_FULL);
        store_merger_fini(&merger);
        store_catalog_close(catalog);
        model_check_store(&m, path, 0);
        publish_all(&m, path, 1, 40); /* the next writer goes on */
        (void)compact(path);
        model_check_store(&m, path, 0);
        model_fini(&m);
        temp_folder_remove(folder);
    }
}

static void a_step_that_fails_leaves_the_old_segments(void **state)
{
    (void)state;
    fail_each_step(false);
    fail_each_step(true);
}

static void a_damaged_segment_stays_as_it_is_and_the_others_are_sealed_by_host(void **state)
{
    (void)state;
    struct model m;
    struct btr_err err = {0};
    struct store_catalog *catalog = NULL;
    struct store_merger merger;
    struct btr_buffer file = {0};
    char folder[256], path[300], damaged[4096];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 12);
    publish_all(&m, path, 9, 40);
    segment_file_read(path, 4, damaged, &file);
    assert_true(segment_file_damage(damaged, &file, STORE_EVENTS));
    assert_int_equal(store_catalog_open(&catalog, path, true, &err), 0);
    assert_int_equal(store_merger_init(&merger, path, catalog, NULL, &err), 0);
    merger.spread_events = 250;
    assert_int_equal(store_spread_once(&merger, NULL, NULL, &err), 1); /* found */
    assert_int_equal(merger.stat.damaged, 1);
    assert_int_equal(merger.stat.merges, 0);
    int rc = 1;
    for (unsigned i = 0; i < 9 && rc == 1; i++)
        rc = store_spread_once(&merger, NULL, NULL, &err);
    assert_int_equal(rc, 0);
    assert_int_equal(merger.stat.damaged, 1);
    assert_true(merger.stat.merges > 0);
    store_merger_fini(&merger);
    store_catalog_close(catalog);
    assert_int_equal(access(damaged, F_OK), 0);
    btr_buffer_fini(&file);
    model_fini(&m);
    temp_folder_remove(folder);
}

static void cut(struct btr_buffer *file)
{
    file->size = 100;
}

/* One byte of the filter, which merging does not read, and all checksums made good. */
static void forge(struct btr_buffer *file)
{
    struct btr_err err;
    struct store_header header;
    struct store_section sections[STORE_SECTIONS_MAX];
    assert_int_equal(store_header_read(btr_buffer_view(file), &header, sections, &err), 0);
    for (unsigned i = 0; i < header.section_count; i++)
        if (sections[i].type == STORE_FILTER)
            file->at[sections[i].offset + sections[i].size - 1] ^= 1;
    segment_bytes_repair(file->at, file->size);
    assert_int_equal(segment_bytes_read(btr_buffer_view(file), &err), 0);
}

/* @param change  NULL: the file is taken away */
static void check_left_alone(void (*change)(struct btr_buffer *file))
{
    struct model m;
    struct btr_buffer bytes = {0};
    char folder[256], path[300], file[4096];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 12);
    publish_all(&m, path, 4, 40);
    segment_file_read(path, 1, file, &bytes);
    if (change) {
        change(&bytes);
        FILE *out = fopen(file, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(bytes.at, 1, bytes.size, out), bytes.size);
        assert_int_equal(fclose(out), 0);
    } else {
        assert_int_equal(remove(file), 0);
    }
    btr_buffer_fini(&bytes);
    struct btr_merge_stat stat = compact(path);
    assert_int_equal(stat.damaged, 1);
    assert_int_equal(stat.segments_before, 3);
    assert_int_equal(stat.segments_after, 1);
    assert_int_equal(access(file, F_OK) == 0, change != NULL);
    model_fini(&m);
    temp_folder_remove(folder);
}

static void a_damaged_segment_is_left_as_it_is(void **state)
{
    (void)state;
    check_left_alone(cut);
}

/* It stays published, so that verify and every answer name it. */
static void a_segment_whose_file_is_missing_does_not_stop_merging(void **state)
{
    (void)state;
    check_left_alone(NULL);
}

/* Sealing it anew would hide that it was changed. */
static void a_forged_segment_is_left_as_it_is(void **state)
{
    (void)state;
    check_left_alone(forge);
}

static void a_store_that_is_not_there_is_not_made(void **state)
{
    (void)state;
    struct btr_err err;
    struct btr_merge_stat stat;
    char folder[256], path[300];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/none", folder);
    assert_int_equal(btr_store_compact(path, &stat, &err), BTR_E_NOTFOUND);
    assert_int_equal(access(path, F_OK), -1);
    temp_folder_remove(folder);
}

static void a_store_that_is_written_to_is_not_compacted(void **state)
{
    (void)state;
    struct btr_err err;
    struct btr_merge_stat stat;
    struct btr_writer *writer = NULL;
    char folder[256], path[300];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    assert_int_equal(btr_store_compact(path, &stat, &err), BTR_E_BUSY);
    btr_writer_close(writer);
    temp_folder_remove(folder);
}

/* ---- The plan -------------------------------------------------------------------------------- */

struct plan_run {
    struct catalog_segment *rows;
    uint32_t count;
    uint64_t next, fresh, written; /* events */
    uint32_t *rewrites;            /* by row: the most that an event in it was written */
};

static void plan_publish(struct plan_run *run, uint32_t events, unsigned day)
{
    struct catalog_segment *row = &run->rows[run->count];
    *row = (struct catalog_segment){.hash = {++run->next, 0}, .file_size = events};
    (void)snprintf(row->day, sizeof(row->day), "2026-11-%02u", day);
    row->sealed.event_count = events;
    row->sealed.first_ns = row->sealed.last_ns = (int64_t)run->next;
    run->rewrites[run->next] = 1;
    run->fresh += events;
    run->count++;
}

/* Does what a plan chose, on rows alone. @return false when it chose nothing */
static bool plan_apply(struct plan_run *run, bool all)
{
    uint32_t *chosen = calloc((size_t)run->count + 1, sizeof(*chosen)), most = 0, kept = 0, at = 0;
    store_merge_sort(run->rows, run->count);
    uint32_t n = store_merge_plan(run->rows, run->count, NULL, all, chosen);
    struct catalog_segment merged = {0};
    for (uint32_t i = 0; i < run->count; i++) {
        const struct catalog_segment *row = &run->rows[i];
        if (at == n || chosen[at] != i) {
            run->rows[kept++] = *row;
            continue;
        }
        if (at++ == 0)
            merged = *row;
        else
            merged.sealed.event_count += row->sealed.event_count;
        assert_string_equal(merged.day, row->day);
        most = run->rewrites[row->hash.hi] > most ? run->rewrites[row->hash.hi] : most;
    }
    free(chosen);
    if (n == 0)
        return false;
    assert_true(n >= 2);
    assert_true(merged.sealed.event_count <= MERGE_EVENTS_MAX);
    merged.hash.hi = ++run->next;
    run->rewrites[merged.hash.hi] = most + 1;
    run->written += merged.sealed.event_count;
    run->rows[kept++] = merged;
    run->count = kept;
    return true;
}

static void run_check(uint64_t seed, uint32_t publishes, uint32_t events_max)
{
    struct test_random random = {seed};
    struct plan_run run = {.rows = calloc(publishes + 1, sizeof(*run.rows)),
                           .rewrites = calloc(3 * (size_t)publishes, sizeof(*run.rewrites))};
    uint32_t most = 0;
    for (uint32_t i = 0; i < publishes; i++) {
        unsigned day = 1 + i * 3 / publishes; /* three days, and a late event now and then */
        uint32_t events = 1 + (uint32_t)test_random_below(&random, events_max);
        plan_publish(&run, events, test_random_below(&random, 50) == 0 ? 1 : day);
        while (plan_apply(&run, false))
            continue;
        most = run.count > most ? run.count : most;
    }
    for (uint32_t i = 0; i < run.count; i++)
        assert_true(run.rewrites[run.rows[i].hash.hi] <= 1 + MERGE_TIERS);
    uint64_t final = run.fresh / MERGE_FINAL_EVENTS;
    assert_true(most <= 3 * MERGE_TIERS * (MERGE_FAN - 1) + final + MERGE_FAN);
    print_message("%u publishes of up to %u events: %.2f written an event, at most %u segments\n",
                  publishes, events_max, 1 + (double)run.written / (double)run.fresh, most);
    while (plan_apply(&run, true))
        continue;
    assert_true(run.count <= 3 + 2 * final);
    free(run.rows);
    free(run.rewrites);
}

static void the_plan_bounds_what_is_written_and_what_is_left(void **state)
{
    (void)state;
    run_check(1, 5000, 1);
    run_check(2, 5000, 300);
    run_check(3, 3000, 5000);
    run_check(4, 500, 400000);
    run_check(5, 40, 4000000);
}

int merge_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_merged_store_tells_what_its_segments_told),
        cmocka_unit_test(segments_sealed_anew_by_host_tell_the_same),
        cmocka_unit_test(merging_of_many_blocks_keeps_all),
        cmocka_unit_test(merging_is_deterministic),
        cmocka_unit_test(the_writer_merges_beside_its_publishes),
        cmocka_unit_test(thousands_of_small_publishes_are_written_a_few_times),
        cmocka_unit_test(a_step_that_fails_leaves_the_old_segments),
        cmocka_unit_test(a_damaged_segment_stays_as_it_is_and_the_others_are_sealed_by_host),
        cmocka_unit_test(a_damaged_segment_is_left_as_it_is),
        cmocka_unit_test(a_segment_whose_file_is_missing_does_not_stop_merging),
        cmocka_unit_test(a_forged_segment_is_left_as_it_is),
        cmocka_unit_test(a_store_that_is_not_there_is_not_made),
        cmocka_unit_test(a_store_that_is_written_to_is_not_compacted),
        cmocka_unit_test(the_plan_bounds_what_is_written_and_what_is_left),
    };
    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
