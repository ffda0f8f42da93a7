/* What programs usually do: each lookup equals a plain count over all events, however these are cut
 * into segments and stores. */
#include <test.h>

#include <plain_usual.h>
#include <segment_bytes.h>
#include <temp_files.h>

#include "format.h"
#include "model.h"
#include "reader_usual.h"
#include "segment_store.h"
#include "store_tests.h"
#include "writer.h"

enum { PROCESSES = 7, FILES = 9, FLOWS = 6, OTHERS = 3, IDS = PROCESSES + FILES + FLOWS + OTHERS };
#define BEGIN_NS INT64_C(1795424315000000000)

/** Entities with all that is ever told of them, which each publish tells again, as ingest does. */
struct world {
    struct test_random random;
    struct btr_attr attrs[IDS][4];
    uint32_t attr_count[IDS];
    uint64_t record; /* of the event told last */
    bool many_days;
    char folder[256], path[300], more[300];
};

static uint64_t below(struct world *w, uint64_t bound)
{
    return test_random_below(&w->random, bound);
}

static struct btr_id id_of(uint32_t entity)
{
    return (struct btr_id){UINT64_C(0x9e3779b97f4a7c15) * (entity + 1), entity};
}

static uint8_t kind_of(uint32_t entity)
{
    if (entity < PROCESSES)
        return BTR_KIND_PROCESS;
    if (entity < PROCESSES + FILES)
        return BTR_KIND_FILE;
    return entity < IDS - OTHERS ? BTR_KIND_FLOW : BTR_KIND_CHANNEL;
}

/* Few times, so that events and attributes often meet in one. */
static int64_t some_time(struct world *w)
{
    int64_t day = w->many_days ? (int64_t)below(w, 5) * 86400 * 1000000000 : 0;
    return BEGIN_NS + day + (int64_t)below(w, 40);
}

static struct btr_span some_name(struct world *w, uint8_t kind)
{
    static const char *const programs[] = {"/usr/bin/cat", "/bin/sh", "C:\\x.exe", "c:\\X.EXE"};
    static const char *const paths[] = {"/etc/passwd", "/bin/sh", "10.0.0.1", "D:\\a", "d:\\A"};
    static const char *const ends[] = {"10.0.0.1", "::1", "192.168.7.9"};
    if (kind == BTR_KIND_PROCESS)
        return btr_span_of(programs[below(w, 4)]);
    return btr_span_of(kind == BTR_KIND_FLOW ? ends[below(w, 3)] : paths[below(w, 5)]);
}

static void world_make(struct world *w, uint64_t seed)
{
    static const enum btr_attr_key keys[] = {
        [BTR_KIND_PROCESS] = BTR_ATTR_PROCESS_EXECUTABLE,
        [BTR_KIND_FILE] = BTR_ATTR_FILE_PATH,
        [BTR_KIND_FLOW] = BTR_ATTR_DESTINATION_IP,
        [BTR_KIND_CHANNEL] = BTR_ATTR_CHANNEL_NAME,
    };
    *w = (struct world){.random = {seed}, .many_days = seed % 3 == 0};
    temp_folder_make(w->folder);
    (void)snprintf(w->path, sizeof(w->path), "%s/store", w->folder);
    (void)snprintf(w->more, sizeof(w->more), "%s/more", w->folder);
    for (uint32_t i = 0; i < IDS; i++) {
        uint8_t kind = kind_of(i);
        w->attr_count[i] = (uint32_t)below(w, 5);
        for (uint32_t k = 0; k < w->attr_count[i]; k++) {
            enum btr_attr_key key = keys[kind];
            if (kind == BTR_KIND_FLOW && k % 2 != 0)
                key = BTR_ATTR_SOURCE_IP;
            if (kind == BTR_KIND_FILE && k == 3) /* what is no process is no program */
                key = BTR_ATTR_PROCESS_EXECUTABLE;
            w->attrs[i][k] = (struct btr_attr){(uint16_t)key, some_time(w), some_name(w, kind)};
        }
    }
}

static void entities_tell(struct world *w, struct btr_batch *b)
{
    for (uint32_t i = 0; i < IDS; i++) {
        struct btr_note *note = btr_batch_note(b);
        note->id = id_of(i);
        note->kind = kind_of(i);
        note->host = UINT32_MAX;
        uint32_t turn =
            (uint32_t)below(w, 4); /* the order in which they are told must not matter */
        for (uint32_t k = 0; k < w->attr_count[i]; k++) {
            const struct btr_attr *a = &w->attrs[i][(k + turn) % w->attr_count[i]];
            assert_true(btr_batch_attr(b, (enum btr_attr_key)a->key, a->since_ns, a->value));
        }
    }
}

/* @param at_ns  of all events, or 0: some time each */
static void publish(struct world *w, const struct btr_sink *sink, uint32_t events, int64_t at_ns)
{
    struct btr_err err = {0};
    struct btr_batch b;
    struct btr_progress progress = model_progress();
    btr_batch_init(&b);
    entities_tell(w, &b);
    uint32_t stream = btr_batch_stream(&b, BTR_SPAN("web01"), BTR_SPAN("auditd"));
    for (uint32_t i = 0; i < events; i++) {
        struct btr_event *e = btr_batch_event(&b);
        int64_t first_ns = at_ns ? at_ns : some_time(w), last_ns = at_ns ? at_ns : some_time(w);
        w->record++;
        *e = (struct btr_event){.subject = id_of((uint32_t)below(w, below(w, 8) ? PROCESSES : IDS)),
                                .object = id_of((uint32_t)below(w, IDS)),
                                .time_ns = first_ns,
                                .first_ns = first_ns < last_ns ? first_ns : last_ns,
                                .last_ns = last_ns > first_ns ? last_ns : first_ns,
                                .bytes = BTR_BYTES_UNKNOWN,
                                .record_id = w->record,
                                .line = w->record,
                                .stream = stream,
                                .operation =
                                    (uint8_t)below(w, below(w, 20) ? BTR_OP_ACCEPT + 2 : 256),
                                .flags = (uint8_t)below(w, 16)};
    }
    b.record_count = events;
    assert_int_equal(sink->append(sink->self, &b, &err), 0);
    assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    btr_batch_fini(&b);
}

/* A writer that does not merge. */
static void store_make(struct world *w, const char *path, uint32_t publishes, uint32_t events)
{
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    assert_int_equal(store_writer_open(&writer, path, NULL, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    for (uint32_t i = 0; i < publishes; i++)
        publish(w, sink, events, 0);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
}

static struct btr_reader *reader_of(const char *const *paths, uint32_t count)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    if (btr_reader_open(&reader, paths, count, &err) < 0)
        fail_msg("%s", err.text);
    return reader;
}

/* What a reader says of all times is what its events say. */
static struct plain_usual check(struct btr_reader *reader)
{
    struct btr_err err = {0};
    struct plain_usual plain;
    struct btr_usual usual;
    if (plain_usual_count(&plain, reader, &err) < 0 ||
        btr_reader_usual(reader, INT64_MAX, INT64_MAX, &usual, &err) < 0)
        fail_msg("%s", err.text);
    const char *what = plain_usual_differs(&plain, &usual);
    if (what)
        fail_msg("%s differs", what);
    return plain;
}

static struct plain_usual check_store(const char *path)
{
    struct btr_err err = {0};
    struct btr_reader *reader = reader_of(&path, 1);
    struct plain_usual plain = check(reader);
    btr_reader_close(reader);
    assert_int_equal(btr_store_verify(path, NULL, NULL, &err), 0);
    return plain;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void lookups_are_a_plain_count_of_events(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world w;
        world_make(&w, seed);
        store_make(&w, w.path, 1 + (uint32_t)seed % 4, seed == 1 ? 0 : 300);
        struct plain_usual first = check_store(w.path);
        assert_true(seed == 1 || first.count > 0);
        store_make(&w, w.more, 2, 100);
        const char *const both[] = {w.path, w.more};
        struct btr_reader *reader = reader_of(both, 2);
        struct plain_usual sum = check(reader);
        assert_true(sum.count >= first.count);
        btr_reader_close(reader);
        plain_usual_fini(&first);
        plain_usual_fini(&sum);
        temp_folder_remove(w.folder);
    }
}

static void merging_and_carrying_change_no_count(void **state)
{
    (void)state;
    for (uint64_t seed = 21; seed <= 26; seed++) {
        struct world w;
        struct btr_err err;
        struct btr_merge_stat merged;
        struct btr_bag_stat bag;
        struct btr_export_options all = {INT64_MIN, INT64_MAX, NULL};
        char file[400];
        world_make(&w, seed);
        (void)snprintf(file, sizeof(file), "%s/bag.tar", w.folder);
        store_make(&w, w.path, 9, 60);
        struct plain_usual before = check_store(w.path);
        assert_int_equal(btr_store_export(w.path, file, &all, &bag, &err), 0);
        assert_int_equal(btr_store_import(w.more, file, &bag, &err), 0);
        assert_int_equal(btr_store_compact(w.path, &merged, &err), 0);
        assert_true(merged.merges > 0);
        struct plain_usual after = check_store(w.path), carried = check_store(w.more);
        assert_true(before.count > 0 && plain_usual_equal(&before, &after));
        assert_true(plain_usual_equal(&before, &carried));
        plain_usual_fini(&before);
        plain_usual_fini(&after);
        plain_usual_fini(&carried);
        temp_folder_remove(w.folder);
    }
}

/* Three segments, one behind the other: those that begin until a time count, each as a whole. */
static void segments_that_begin_later_do_not_count(void **state)
{
    (void)state;
    struct world w;
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    struct btr_usual usual;
    uint64_t most[5];
    static const int64_t until[] = {BEGIN_NS - 1, BEGIN_NS, BEGIN_NS + 1999, BEGIN_NS + 2000,
                                    INT64_MAX};
    static const uint32_t order[] = {4, 0, 1, 3, 2, 4, 4, 1};
    world_make(&w, 31);
    assert_int_equal(store_writer_open(&writer, w.path, NULL, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    for (int i = 0; i < 3; i++)
        publish(&w, sink, 200, BEGIN_NS + 1000 * i);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
    const char *path = w.path;
    for (uint32_t i = 0; i < 5; i++) { /* a reader each, then one for all in any order */
        struct btr_reader *reader = reader_of(&path, 1);
        assert_int_equal(btr_reader_usual(reader, until[i], INT64_MAX, &usual, &err), 0);
        most[i] = usual.most_of_all(usual.self);
        btr_reader_close(reader);
    }
    assert_true(most[0] == 0 && most[1] > 0 && most[2] > most[1] && most[3] > most[2]);
    assert_true(most[4] == most[3]);
    struct btr_reader *reader = reader_of(&path, 1);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(btr_reader_usual(reader, until[order[i]], INT64_MAX, &usual, &err), 0);
        assert_true(usual.most_of_all(usual.self) == most[order[i]]);
    }
    btr_reader_close(reader);
    temp_folder_remove(w.folder);
}

/* Renames the section to one that nobody knows, which stands for a segment of before. */
static bool section_hide(struct btr_buffer *file)
{
    uint32_t count = store_get_u32(file->at + 8);
    uint8_t *last = file->at + STORE_HEADER_SIZE + (size_t)(count - 1) * STORE_SECTION_ROW_SIZE;
    if (last[0] != STORE_USUAL)
        return false;
    last[0] = STORE_SECTION_MAX + 1;
    segment_bytes_repair(file->at, file->size);
    return true;
}

static void a_segment_without_the_section_is_counted_by_its_events(void **state)
{
    (void)state;
    struct world w;
    struct btr_buffer file = {0};
    char name[4096];
    world_make(&w, 41);
    store_make(&w, w.path, 1, 500);
    struct plain_usual told = check_store(w.path);
    segment_file_read(w.path, 0, name, &file);
    assert_true(section_hide(&file));
    assert_true(segment_store_make(w.more, btr_buffer_view(&file)));
    struct plain_usual counted = check_store(w.more);
    assert_true(told.count > 0 && plain_usual_equal(&told, &counted));
    store_make(&w, w.more, 2, 100); /* and beside some that have it */
    plain_usual_fini(&counted);
    counted = check_store(w.more);
    plain_usual_fini(&told);
    plain_usual_fini(&counted);
    btr_buffer_fini(&file);
    temp_folder_remove(w.folder);
}

static void damage_is_named_and_mended_from_the_events(void **state)
{
    (void)state;
    struct world w;
    struct btr_err err = {0};
    struct btr_buffer file = {0};
    struct btr_usual usual;
    char name[4096];
    world_make(&w, 51);
    store_make(&w, w.path, 3, 200);
    struct plain_usual before = check_store(w.path);
    segment_file_read(w.path, 1, name, &file);
    assert_true(segment_file_damage(name, &file, STORE_USUAL));
    const char *path = w.path;
    struct btr_reader *reader = reader_of(&path, 1);
    assert_int_equal(btr_reader_usual(reader, INT64_MAX, INT64_MAX, &usual, &err), BTR_E_CHECKSUM);
    assert_non_null(strstr(err.text, "section usual, block 0 is damaged"));
    assert_int_equal(btr_reader_mend(reader, &err), 1);
    struct plain_usual after = check(reader);
    assert_true(plain_usual_equal(&before, &after));
    btr_reader_close(reader);
    plain_usual_fini(&before);
    plain_usual_fini(&after);
    btr_buffer_fini(&file);
    temp_folder_remove(w.folder);
}

/* A deadline that has passed: lookups find nothing, and who asks again is told all. */
static void when_the_time_is_over_nothing_is_told(void **state)
{
    (void)state;
    struct world w;
    struct btr_err err = {0};
    struct btr_usual usual;
    world_make(&w, 61);
    store_make(&w, w.path, 3, 200);
    const char *path = w.path;
    struct btr_reader *reader = reader_of(&path, 1);
    assert_int_equal(btr_reader_usual(reader, INT64_MAX, 1, &usual, &err), BTR_USUAL_LATE);
    uint64_t program = btr_usual_program(BTR_SPAN("/bin/sh"));
    uint64_t file = btr_usual_file(BTR_SPAN("/etc/passwd"));
    assert_true(usual.both(usual.self, program, file) == 0 && usual.most_of_all(usual.self) == 0);
    assert_true(usual.programs(usual.self, file) == 0 && usual.programs_all(usual.self) == 0);
    assert_true(usual.most(usual.self, program) == 0);
    struct plain_usual all = check(reader);
    assert_true(all.count > 0);
    plain_usual_fini(&all);
    btr_reader_close(reader);
    temp_folder_remove(w.folder);
}

/* ---- The table alone --------------------------------------------------------------------------
 */

/* Two programs and two things: 5 with 7 `many` times, 5 with 8 once, 9 with 7 four times. */
static struct store_usual told_make(uint64_t many)
{
    struct store_usual told;
    assert_true(store_usual_room(&told, 2, 2, 3));
    memcpy(told.programs, (uint64_t[]){5, 9}, 2 * sizeof(uint64_t));
    memcpy(told.things, (uint64_t[]){7, 8}, 2 * sizeof(uint64_t));
    memcpy(told.row_ends, (uint32_t[]){2, 3}, 2 * sizeof(uint32_t));
    memcpy(told.row_things, (uint32_t[]){0, 1, 0}, 3 * sizeof(uint32_t));
    memcpy(told.row_counts, (uint64_t[]){many, 1, 4}, 3 * sizeof(uint64_t));
    return told;
}

static void rows_are_bounded_and_counts_do_not_go_round(void **state)
{
    (void)state;
    struct btr_err err = {0};
    struct reader_usual u = {.rows_max = 6, .deadline_ns = INT64_MAX};
    for (int i = 0; i < 2; i++) {
        struct store_usual told = told_make(UINT64_MAX - 1);
        assert_int_equal(reader_usual_add(&u, &told, &err), 0);
    }
    assert_int_equal(reader_usual_settle(&u, &err), 0);
    struct btr_usual table = reader_usual_table(&u);
    assert_true(table.both(table.self, 5, 7) == UINT64_MAX && table.both(table.self, 9, 7) == 8);
    assert_true(table.programs(table.self, 7) == 2 && table.programs(table.self, 8) == 1);
    assert_int_equal(table.programs_all(table.self), 2);
    assert_true(table.most(table.self, 9) == 8 && table.most_of_all(table.self) == UINT64_MAX);
    reader_usual_fini(&u);
    u.rows_max = 2;
    struct store_usual told = told_make(1);
    assert_int_equal(reader_usual_add(&u, &told, &err), BTR_E_LIMIT);
    assert_non_null(strstr(err.text, "more than 2 times"));
    reader_usual_fini(&u);
}

int usual_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups_are_a_plain_count_of_events),
        cmocka_unit_test(merging_and_carrying_change_no_count),
        cmocka_unit_test(segments_that_begin_later_do_not_count),
        cmocka_unit_test(when_the_time_is_over_nothing_is_told),
        cmocka_unit_test(a_segment_without_the_section_is_counted_by_its_events),
        cmocka_unit_test(damage_is_named_and_mended_from_the_events),
        cmocka_unit_test(rows_are_bounded_and_counts_do_not_go_round),
    };
    return cmocka_run_group_tests_name("usual", tests, NULL, NULL);
}
