/* Questions go on without what is damaged: what is left answers exactly, what is lost is told. */
#include <test.h>

#include <temp_files.h>
#include <unistd.h>

#include "reader.h"
#include "segment_store.h"
#include "store_tests.h"

/** A store of several segments, and its twin. */
struct world {
    struct model m;
    char folder[256], path[300];
};

static void world_make(struct world *w, uint64_t seed, uint32_t publishes, uint32_t events)
{
    temp_folder_make(w->folder);
    (void)snprintf(w->path, sizeof(w->path), "%s/store", w->folder);
    model_init(&w->m, seed);
    model_store(&w->m, w->path, publishes, 2, events);
}

static void world_remove(struct world *w)
{
    model_fini(&w->m);
    temp_folder_remove(w->folder);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static int event_pass(void *self, btr_event_ref ref, const struct btr_event_full *event)
{
    (void)self;
    (void)ref;
    (void)event;
    return 0;
}

static int flow_pass(void *self, const struct btr_flow *flows, uint32_t count)
{
    (void)self;
    (void)flows;
    (void)count;
    return 0;
}

static int entity_pass(void *self, const struct btr_entity *entity)
{
    (void)self;
    (void)entity;
    return 0;
}

static int gap_pass(void *self, const struct btr_gap_full *gap)
{
    (void)self;
    (void)gap;
    return 0;
}

static int quarantined_pass(void *self, const struct btr_quarantined_full *q)
{
    (void)self;
    (void)q;
    return 0;
}

static int source_pass(void *self, const struct btr_source_stat *stat)
{
    (void)self;
    (void)stat;
    return 0;
}

static int fault_pass(void *self, const char *segment, const char *what)
{
    (void)self;
    (void)segment;
    (void)what;
    return 0;
}

/* Asks for all that a store tells; the first failure is returned. */
static int ask_all(const struct model *m, struct btr_reader *r, struct btr_err *err)
{
    struct btr_store_stat stat;
    int rc =
        btr_reader_events(r, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_pass, NULL, err);
    if (rc == 0)
        rc = btr_reader_by_record(r, BTR_SPAN("web01"), BTR_SPAN(""), 3, event_pass, NULL, err);
    for (uint32_t i = 0; rc == 0 && i < MODEL_INPUTS; i++)
        rc = btr_reader_by_origin(r, model_input(i), 3, event_pass, NULL, err);
    for (uint32_t i = 0; rc == 0 && i < MODEL_IDS; i++)
        rc = btr_reader_flows(r, m->ids[i], BTR_SIDE_ALL, 0, NULL, flow_pass, NULL, err);
    if (rc == 0)
        rc = btr_reader_entities(r, BTR_KIND_NONE, INT64_MIN, INT64_MAX, entity_pass, NULL, err);
    if (rc == 0)
        rc = btr_reader_gaps(r, gap_pass, NULL, err);
    if (rc == 0)
        rc = btr_reader_quarantine(r, quarantined_pass, NULL, err);
    if (rc == 0)
        rc = btr_reader_sources(r, source_pass, NULL, err);
    return rc == 0 ? btr_reader_stat(r, &stat, err) : rc;
}

/* Opens a store, and asks until everything is answered. @return how often it was asked */
static uint32_t mend(const struct world *w, struct btr_reader **reader)
{
    struct btr_err err;
    uint32_t asked = 1;
    const char *path = w->path;
    assert_int_equal(btr_reader_open(reader, &path, 1, &err), 0);
    while (ask_all(&w->m, *reader, &err) < 0) {
        assert_int_equal(btr_reader_mend(*reader, &err), 1);
        asked++;
    }
    return asked;
}

/** What a reader told of the damage, added up. */
struct told {
    uint32_t segments, whole;
    uint64_t events, entities, gaps, undecoded, undescribed;
    char what[512];
};

static int damage_add(void *self, const struct btr_damage *d)
{
    struct told *t = self;
    t->segments++;
    t->whole += d->whole;
    t->events += d->lost_events;
    t->entities += d->lost_entities;
    t->gaps += d->lost_gaps;
    t->undecoded += d->lost_undecoded;
    t->undescribed += d->undescribed;
    (void)snprintf(t->what, sizeof(t->what), "%s", d->what);
    assert_int_equal(strlen(d->segment), 32);
    assert_int_equal(strlen(d->day), 10);
    assert_true(d->lost_events <= d->event_count);
    if (d->lost_events > 0)
        assert_true(d->first_ns <= d->lost_first_ns && d->lost_last_ns <= d->last_ns);
    return 0;
}

static struct told damage_told(const struct btr_reader *reader)
{
    struct told told = {0};
    assert_int_equal(btr_reader_damage(reader, damage_add, &told), 0);
    assert_int_equal(told.segments, btr_reader_damage_count(reader));
    return told;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* What finds things is made anew, so that damage to it costs nothing. */
static bool loses_nothing(unsigned section)
{
    return section == STORE_NUMBERS || section == STORE_INDEX || section == STORE_RECORDS ||
           section == STORE_LINES || section == STORE_STATS || section == STORE_REACH ||
           section == STORE_FILTER || section == STORE_VALUES;
}

static void check_lossless(struct world *w, struct btr_reader *reader)
{
    model_check_events(&w->m, reader);
    model_check_flows(&w->m, reader, 2);
    model_check_entities(&w->m, reader);
    model_check_values(&w->m, reader);
    model_check_rows(&w->m, reader);
}

/* What is left must answer as a store that never held the rest. */
static void check_rest(struct world *w, struct btr_reader *reader, const struct told *told)
{
    assert_int_equal(model_keep_events(&w->m, reader), told->events);
    assert_true(told->events + told->entities + told->gaps + told->undecoded + told->undescribed >
                0);
    model_check_events(&w->m, reader);
    model_check_flows(&w->m, reader, 2);
    if (told->undescribed == 0 && told->entities == 0)
        model_check_values(&w->m, reader);
}

static void damage_to_any_section_costs_what_is_told_and_no_more(void **state)
{
    (void)state;
    for (unsigned section = 1; section <= STORE_SECTION_MAX; section++) {
        struct world w;
        struct btr_buffer file = {0};
        struct btr_reader *reader = NULL;
        char damaged[4096];
        world_make(&w, 31 + section, 3, 300);
        segment_file_read(w.path, 1, damaged, &file);
        if (segment_file_damage(damaged, &file, section)) {
            (void)mend(&w, &reader);
            struct told told = damage_told(reader);
            assert_true(told.segments <= 1);
            if (loses_nothing(section) || told.segments == 0) { /* nothing stood there */
                assert_int_equal(told.events + told.entities + told.gaps + told.undescribed, 0);
                check_lossless(&w, reader);
            } else {
                assert_non_null(strstr(told.what, store_section_word(section)));
                check_rest(&w, reader, &told);
            }
            btr_reader_close(reader);
        }
        btr_buffer_fini(&file);
        world_remove(&w);
    }
}

/* Of several event blocks one is lost, with its times; the others of its segment stay. */
static void a_damaged_block_of_events_leaves_the_others(void **state)
{
    (void)state;
    static const unsigned sections[] = {STORE_EVENTS, STORE_DETAILS};
    for (unsigned i = 0; i < 2; i++) {
        struct world w;
        struct btr_buffer file = {0};
        struct btr_reader *reader = NULL;
        char damaged[4096];
        world_make(&w, 61, 2, 9000);
        segment_file_read(w.path, 0, damaged, &file);
        assert_true(segment_file_damage(damaged, &file, sections[i]));
        (void)mend(&w, &reader);
        struct told told = damage_told(reader);
        assert_true(told.whole == 0 && told.events > 0 && told.events < STORE_BLOCK_EVENTS);
        check_rest(&w, reader, &told);
        btr_reader_close(reader);
        btr_buffer_fini(&file);
        world_remove(&w);
    }
}

static void files_that_are_missing_or_cut_are_passed_over_at_once(void **state)
{
    (void)state;
    struct world w;
    struct btr_buffer file = {0};
    struct btr_reader *reader = NULL;
    char damaged[4096];
    world_make(&w, 62, 6, 200);
    for (uint32_t i = 1; i < 5; i++) {
        segment_file_read(w.path, i, damaged, &file);
        FILE *out = i < 4 ? NULL : fopen(damaged, "wb");
        if (i < 4)
            assert_int_equal(remove(damaged), 0);
        else
            assert_true(out && fwrite(file.at, 1, 70, out) == 70 && fclose(out) == 0);
    }
    assert_int_equal(mend(&w, &reader), 2);
    struct told told = damage_told(reader);
    assert_int_equal(told.segments, 4);
    assert_int_equal(told.whole, 4);
    check_rest(&w, reader, &told);
    btr_reader_close(reader);
    btr_buffer_fini(&file);
    world_remove(&w);
}

/* As a disk does that fails: reading on would end the process by a signal. */
static void what_is_cut_off_under_a_reader_is_told(void **state)
{
    (void)state;
    struct world w;
    struct btr_err err;
    struct btr_buffer file = {0};
    struct btr_reader *reader = NULL;
    char damaged[4096];
    uint32_t asked = 0;
    world_make(&w, 65, 2, 9000);
    const char *path = w.path;
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(reader_segment_map(reader, i, &err), 0);
    segment_file_read(w.path, 0, damaged, &file);
    assert_true(file.size > 16384);
    assert_int_equal(truncate(damaged, 8192), 0);
    while (ask_all(&w.m, reader, &err) < 0 && ++asked < 8)
        assert_int_equal(btr_reader_mend(reader, &err), 1);
    struct told told = damage_told(reader);
    assert_int_equal(told.segments, 1);
    assert_non_null(strstr(told.what, "cannot be read"));
    check_rest(&w, reader, &told);
    btr_reader_close(reader);
    assert_true(btr_store_verify(w.path, fault_pass, NULL, &err) < 0);
    btr_buffer_fini(&file);
    world_remove(&w);
}

static void a_store_of_which_nothing_is_left_answers_with_nothing(void **state)
{
    (void)state;
    struct world w;
    struct btr_buffer file = {0};
    struct btr_reader *reader = NULL;
    char damaged[4096];
    world_make(&w, 63, 1, 100);
    uint32_t events = w.m.event_count;
    segment_file_read(w.path, 0, damaged, &file);
    assert_int_equal(remove(damaged), 0);
    (void)mend(&w, &reader);
    struct told told = damage_told(reader);
    assert_int_equal(told.events, events);
    assert_non_null(strstr(told.what, "its file is missing"));
    assert_int_equal(model_keep_events(&w.m, reader), events);
    btr_reader_close(reader);
    btr_buffer_fini(&file);
    world_remove(&w);
}

/* What is no damage of a segment stands: asking again would not end. */
static void other_failures_are_not_mended(void **state)
{
    (void)state;
    struct world w;
    struct btr_reader *reader = NULL;
    struct btr_err err = {.code = BTR_E_NOMEM};
    world_make(&w, 64, 1, 50);
    assert_int_equal(mend(&w, &reader), 1);
    assert_int_equal(btr_reader_mend(reader, &err), 0);
    err.code = BTR_E_CHECKSUM;
    assert_int_equal(btr_reader_mend(reader, &err), 0); /* of nothing that was read */
    assert_int_equal(btr_reader_damage_count(reader), 0);
    btr_reader_close(reader);
    world_remove(&w);
}

int mend_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_to_any_section_costs_what_is_told_and_no_more),
        cmocka_unit_test(a_damaged_block_of_events_leaves_the_others),
        cmocka_unit_test(files_that_are_missing_or_cut_are_passed_over_at_once),
        cmocka_unit_test(what_is_cut_off_under_a_reader_is_told),
        cmocka_unit_test(a_store_of_which_nothing_is_left_answers_with_nothing),
        cmocka_unit_test(other_failures_are_not_mended),
    };
    return cmocka_run_group_tests_name("mend", tests, NULL, NULL);
}
