/* A publish is split by day: where events land, that no more segments come than may, and that what
 * is old can go alone. */
#include <test.h>

#include <temp_files.h>

#include "files.h"
#include "model.h"
#include "segment_facts.h"
#include "split.h"
#include "store_tests.h"
#include "writer.h"

#define DAY_NS (INT64_C(86400) * 1000000000)
#define TODAY (INT64_C(20600) * DAY_NS) /* a midnight, of 2026-05-27 */

struct place {
    char folder[256], path[300];
};

static void place_make(struct place *p)
{
    temp_folder_make(p->folder);
    (void)snprintf(p->path, sizeof(p->path), "%s/store", p->folder);
}

/* ---- What a store has ----------------------------------------------------------------------- */

struct rows {
    struct catalog_segment *items;
    uint32_t count;
};

static struct rows rows_of(const char *path)
{
    struct btr_err err;
    struct rows rows = {0};
    struct store_catalog *catalog = NULL;
    assert_int_equal(store_catalog_open(&catalog, path, false, &err), 0);
    assert_int_equal(store_catalog_segments(catalog, &rows.items, &rows.count, &err), 0);
    store_catalog_close(catalog);
    return rows;
}

/* Days of the events that a reader tells of one segment after the other. */
struct segment_days {
    int64_t day[512];
    bool several[512];
    uint32_t events[512], count;
};

static int day_note(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct segment_days *d = self;
    uint32_t segment = (uint32_t)(ref >> 32);
    int64_t day = store_day_number(full->event.last_ns);
    assert_true(segment < 512);
    if (segment >= d->count) {
        d->count = segment + 1;
        d->day[segment] = day;
    }
    d->several[segment] |= d->day[segment] != day;
    d->events[segment]++;
    return 0;
}

static struct segment_days days_of(const char *path)
{
    struct btr_err err;
    struct segment_days days = {0};
    struct btr_reader *reader = NULL;
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
    assert_int_equal(btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, day_note,
                                       &days, &err),
                     0);
    btr_reader_close(reader);
    return days;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* Event i of a log: what a process (of its number modulo 7) wrote, on a day of our choice. */
static void event_add(struct btr_batch *batch, uint32_t i, int64_t last_ns)
{
    struct btr_event *e = btr_batch_event(batch);
    assert_non_null(e);
    *e = (struct btr_event){.subject = {1, i % 7},
                            .object = {2, i % 3},
                            .time_ns = last_ns,
                            .first_ns = last_ns,
                            .last_ns = last_ns,
                            .bytes = BTR_BYTES_UNKNOWN,
                            .record_id = i + 1,
                            .line = i + 1,
                            .operation = BTR_OP_WRITE};
}

static void batch_publish(struct btr_batch *batch, const char *path)
{
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    struct btr_progress progress = model_progress();
    batch->record_count = batch->event_count;
    assert_int_equal(store_writer_open(&writer, path, NULL, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    if (sink->append(sink->self, batch, &err) < 0 || sink->publish(sink->self, &progress, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void a_segment_holds_one_day(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct place p;
        struct model m;
        place_make(&p);
        model_init(&m, seed);
        m.extreme = true;
        model_store(&m, p.path, 1 + (uint32_t)seed % 2, 2, 100);
        struct segment_days days = days_of(p.path);
        assert_true(days.count > 5);
        for (uint32_t i = 0; i < days.count; i++)
            assert_false(days.several[i]);
        struct rows rows = rows_of(p.path);
        for (uint32_t i = 0; i < rows.count; i++) {
            char day[STORE_DAY_SIZE];
            store_day_of(rows.items[i].sealed.last_ns, rows.items[i].sealed.last_ns, day);
            assert_string_equal(rows.items[i].day, day);
        }
        free(rows.items);
        model_check_store(&m, p.path, 1);
        model_fini(&m);
        temp_folder_remove(p.folder);
    }
}

static void a_million_days_make_no_million_segments(void **state)
{
    (void)state;
    struct place p;
    struct btr_batch batch;
    uint32_t several = 0, alone = 0;
    place_make(&p);
    btr_batch_init(&batch);
    (void)btr_batch_stream(&batch, BTR_SPAN("web01"), BTR_SPAN("auditd"));
    for (uint32_t i = 0; i < 3000; i++) /* two days that are real, with five events each */
        event_add(&batch, i, i % 300 == 0 ? TODAY + i % 600 / 300 * DAY_NS + i : i * DAY_NS);
    batch_publish(&batch, p.path);
    struct segment_days days = days_of(p.path);
    struct rows rows = rows_of(p.path);
    assert_int_equal(rows.count, STORE_DAY_PARTS_MAX);
    assert_int_equal(days.count, STORE_DAY_PARTS_MAX);
    for (uint32_t i = 0; i < days.count; i++) {
        several += days.several[i];
        alone += !days.several[i] && days.events[i] == 5 &&
                 (days.day[i] == TODAY / DAY_NS || days.day[i] == TODAY / DAY_NS + 1);
    }
    assert_int_equal(several, 1);
    assert_int_equal(alone, 2);
    several = 0;
    for (uint32_t i = 0; i < rows.count; i++)
        several += strcmp(rows.items[i].day, SEVERAL_DAYS) == 0;
    assert_int_equal(several, 1);
    free(rows.items);
    btr_batch_fini(&batch);
    temp_folder_remove(p.folder);
}

static void what_has_too_many_days_is_read_back(void **state)
{
    (void)state;
    struct place p;
    struct model m;
    struct btr_merge_stat stat;
    struct btr_err err;
    place_make(&p);
    model_init(&m, 77);
    m.extreme = m.many_days = true;
    model_store(&m, p.path, 2, 3, 150);
    model_check_store(&m, p.path, 1);
    assert_int_equal(btr_store_compact(p.path, &stat, &err), 0);
    struct rows rows = rows_of(p.path);
    assert_true(rows.count < 2 * STORE_DAY_PARTS_MAX);
    free(rows.items);
    model_check_store(&m, p.path, 1);
    model_fini(&m);
    temp_folder_remove(p.folder);
}

static uint64_t events_in(const char *path)
{
    struct segment_days days = days_of(path);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < days.count; i++)
        sum += days.events[i];
    return sum;
}

static uint64_t prune(const char *path, int64_t before_ns)
{
    struct btr_err err;
    struct btr_prune_stat stat;
    struct btr_prune_options options = {.before_ns = before_ns, .records_before_ns = INT64_MIN};
    assert_int_equal(btr_store_prune(path, &options, &stat, NULL, NULL, &err), 0);
    return stat.events;
}

/* An event that lasts from yesterday is of the day on which it ends. */
static void late_events_go_where_their_time_says(void **state)
{
    (void)state;
    struct place p;
    struct btr_batch batch;
    struct btr_merge_stat stat;
    struct btr_err err;
    place_make(&p);
    for (uint32_t late = 0; late < 4; late++) { /* each publish: today, and one event of days ago */
        btr_batch_init(&batch);
        (void)btr_batch_stream(&batch, BTR_SPAN("web01"), BTR_SPAN("auditd"));
        for (uint32_t i = 0; i < 50; i++)
            event_add(&batch, late * 100 + i, TODAY + late * 100 + i);
        if (late > 0)
            event_add(&batch, late * 100 + 60, TODAY - late * DAY_NS + 5);
        batch.events[7].first_ns = TODAY - 9 * DAY_NS;
        batch_publish(&batch, p.path);
        btr_batch_fini(&batch);
    }
    assert_int_equal(events_in(p.path), 203);
    assert_int_equal(prune(p.path, TODAY - 3 * DAY_NS), 0);
    assert_int_equal(prune(p.path, TODAY - 2 * DAY_NS), 1);
    assert_int_equal(btr_store_compact(p.path, &stat, &err), 0);
    assert_int_equal(prune(p.path, TODAY), 2);
    assert_int_equal(events_in(p.path), 200);
    struct rows rows = rows_of(p.path);
    assert_int_equal(rows.count, 1);
    assert_string_equal(rows.items[0].day, "2026-05-27");
    free(rows.items);
    temp_folder_remove(p.folder);
}

/* Segments of before were of the day on which they began, and spanned days. */
static void segments_of_before_are_merged_into_days(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_merge_stat stat;
    struct store_sealer sealer;
    struct store_catalog *catalog = NULL;
    static const struct seal_input input = {{(const uint8_t *)"a.log", 5}, 77};
    place_make(&p);
    assert_int_equal(store_files_prepare(p.path, &err), 0);
    assert_int_equal(store_catalog_open(&catalog, p.path, true, &err), 0);
    assert_true(store_sealer_init(&sealer));
    for (uint32_t n = 0; n < 2; n++) {
        struct btr_batch batch;
        struct store_builder builder = {0};
        struct catalog_segment row;
        btr_batch_init(&batch);
        (void)btr_batch_stream(&batch, BTR_SPAN("web01"), BTR_SPAN("auditd"));
        for (uint32_t i = 0; i < 40; i++)
            event_add(&batch, n * 40 + i, TODAY + (n * 40 + i) * (DAY_NS / 25));
        assert_int_equal(store_builder_append(&builder, &batch, &err), 0);
        assert_int_equal(store_seal(&sealer, &builder, &input, &row.sealed, &err), 0);
        row = (struct catalog_segment){.sealed = row.sealed, .day = "2026-05-27"};
        struct btr_span bytes = btr_buffer_view(&sealer.packer.file);
        assert_int_equal(store_file_facts(bytes, &row), 0);
        assert_int_equal(store_files_write(p.path, &row, bytes, NULL, &err), 0);
        struct catalog_change change = {.kind = CATALOG_INGESTED, .added = &row, .added_count = 1};
        assert_int_equal(store_catalog_change(catalog, &change, NULL, &err), 0);
        store_builder_fini(&builder);
        btr_batch_fini(&batch);
    }
    store_sealer_fini(&sealer);
    store_catalog_close(catalog);
    assert_int_equal(btr_store_compact(p.path, &stat, &err), 0);
    assert_int_equal(stat.segments_before, 2);
    assert_int_equal(stat.segments_after, 4);
    struct segment_days days = days_of(p.path);
    assert_int_equal(days.count, 4);
    for (uint32_t i = 0; i < days.count; i++)
        assert_true(!days.several[i] && days.day[i] == TODAY / DAY_NS + i);
    assert_int_equal(events_in(p.path), 80);
    temp_folder_remove(p.folder);
}

/* ---- Retention ------------------------------------------------------------------------------ */

/* A publish of one event a day, of the last `days` days until one. */
static void days_publish(const char *path, int64_t last_day, uint32_t days)
{
    struct btr_batch batch;
    btr_batch_init(&batch);
    (void)btr_batch_stream(&batch, BTR_SPAN("web01"), BTR_SPAN("auditd"));
    for (uint32_t i = 0; i < days; i++)
        event_add(&batch, i, (last_day - i) * DAY_NS + 77);
    batch_publish(&batch, path);
    btr_batch_fini(&batch);
}

static uint64_t prune_days(const char *path, uint32_t keep_days)
{
    struct btr_err err;
    struct btr_prune_stat stat;
    struct btr_prune_options options = {
        .before_ns = INT64_MIN, .records_before_ns = INT64_MIN, .keep_days = keep_days};
    assert_int_equal(btr_store_prune(path, &options, &stat, NULL, NULL, &err), 0);
    return stat.events;
}

enum { DAY_OF_2001 = 11323 };

static void days_to_keep_are_counted_from_the_newest_event(void **state)
{
    (void)state;
    struct place p;
    place_make(&p);
    days_publish(p.path, DAY_OF_2001, 10);
    assert_int_equal(prune_days(p.path, 9), 0);
    assert_int_equal(prune_days(p.path, 4), 5);
    assert_int_equal(events_in(p.path), 5); /* its own day, and four before */
    assert_int_equal(prune_days(p.path, 4), 0);
    temp_folder_remove(p.folder);
}

/* Else one host with a clock of its own choice would empty the store. */
static void a_time_to_come_makes_nothing_old(void **state)
{
    (void)state;
    struct place p;
    place_make(&p);
    days_publish(p.path, DAY_OF_2001, 3);
    days_publish(p.path, 106751, 1); /* of 2262 */
    assert_int_equal(prune_days(p.path, 36500), 0);
    assert_int_equal(events_in(p.path), 4);
    assert_int_equal(prune_days(p.path, 1), 3); /* as 2001 lies before today, too */
    assert_int_equal(events_in(p.path), 1);
    temp_folder_remove(p.folder);
}

static void publish_through(struct btr_writer *writer, int64_t last_day, uint32_t days)
{
    struct btr_err err = {0};
    struct btr_batch batch;
    struct btr_progress progress = model_progress();
    const struct btr_sink *sink = btr_writer_sink(writer);
    btr_batch_init(&batch);
    (void)btr_batch_stream(&batch, BTR_SPAN("web01"), BTR_SPAN("auditd"));
    for (uint32_t i = 0; i < days; i++)
        event_add(&batch, i, (last_day - i) * DAY_NS + 77);
    assert_int_equal(sink->append(sink->self, &batch, &err), 0);
    assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_batch_fini(&batch);
}

static void a_writer_lets_go_what_is_too_old(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_prune_stat stat;
    struct btr_hold hold = {.host = BTR_SPAN("web*"),
                            .since_ns = (DAY_OF_2001 - 7) * DAY_NS,
                            .until_ns = (DAY_OF_2001 - 7) * DAY_NS + 1000,
                            .why = BTR_SPAN("case 7")};
    uint64_t id;
    place_make(&p);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    btr_writer_retain(writer, 5, 0);
    publish_through(writer, DAY_OF_2001, 3);
    assert_int_equal(btr_writer_retained(writer, &stat, &err), 0);
    assert_int_equal(stat.events, 0);
    btr_writer_close(writer);
    assert_int_equal(btr_store_hold_add(p.path, &hold, &id, &err), 0);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    btr_writer_retain(writer, 5, 0);
    publish_through(writer, DAY_OF_2001, 10); /* days 6, 8, 9 before are late, and too old */
    assert_int_equal(btr_writer_retained(writer, &stat, &err), 0);
    assert_int_equal(stat.events, 3);
    assert_int_equal(stat.held_events, 1);
    publish_through(writer, DAY_OF_2001 + 2, 1);
    btr_writer_close(writer); /* looks once more */
    struct segment_days days = days_of(p.path);
    for (uint32_t i = 0; i < days.count; i++)
        assert_true(days.day[i] >= DAY_OF_2001 - 3 || days.day[i] == DAY_OF_2001 - 7);
    assert_int_equal(events_in(p.path), 4 + 1 + 1); /* told twice counts once */
    temp_folder_remove(p.folder);
}

static void the_day_of_a_time_is_that_before_it(void **state)
{
    (void)state;
    assert_int_equal(store_day_number(0), 0);
    assert_int_equal(store_day_number(DAY_NS - 1), 0);
    assert_int_equal(store_day_number(DAY_NS), 1);
    assert_int_equal(store_day_number(-1), -1);
    assert_int_equal(store_day_number(-DAY_NS), -1);
    assert_int_equal(store_day_number(-DAY_NS - 1), -2);
    assert_int_equal(store_day_number(INT64_MIN), -106752);
}

int days_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_day_of_a_time_is_that_before_it),
        cmocka_unit_test(a_segment_holds_one_day),
        cmocka_unit_test(a_million_days_make_no_million_segments),
        cmocka_unit_test(what_has_too_many_days_is_read_back),
        cmocka_unit_test(late_events_go_where_their_time_says),
        cmocka_unit_test(segments_of_before_are_merged_into_days),
        cmocka_unit_test(days_to_keep_are_counted_from_the_newest_event),
        cmocka_unit_test(a_time_to_come_makes_nothing_old),
        cmocka_unit_test(a_writer_lets_go_what_is_too_old),
    };
    return cmocka_run_group_tests_name("days", tests, NULL, NULL);
}
