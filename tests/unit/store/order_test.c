/* In which order a segment has its events. */
#include <test.h>

#include <temp_files.h>

#include "segment_store.h"
#include "store_tests.h"

enum { HOSTS = 3, SUBJECTS = 12, EVENTS = 240 };

static struct btr_id subject_of(uint32_t number)
{
    return (struct btr_id){1, number};
}

/* Subjects of all hosts take turns, so that time mixes them. */
static void batch_fill(struct btr_batch *batch)
{
    static const char *const names[HOSTS] = {"web01", "db01", "app01"};
    for (uint32_t i = 0; i < EVENTS; i++) {
        uint32_t subject = i % SUBJECTS;
        uint32_t stream =
            btr_batch_stream(batch, btr_span_of(names[subject % HOSTS]), BTR_SPAN("auditd"));
        struct btr_event *e = btr_batch_event(batch);
        assert_non_null(e);
        *e = (struct btr_event){.subject = subject_of(subject),
                                .object = {2, i % 7},
                                .operation = BTR_OP_READ,
                                .first_ns = i,
                                .last_ns = i,
                                .time_ns = i,
                                .bytes = BTR_BYTES_UNKNOWN,
                                .record_id = i,
                                .line = i,
                                .stream = stream};
    }
    batch->record_count = EVENTS;
}

struct order {
    uint64_t subjects[SUBJECTS];
    uint32_t count;
};

static int subject_note(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct order *o = self;
    (void)ref;
    if (o->count == 0 || o->subjects[o->count - 1] != full->event.subject.lo) {
        assert_in_range(o->count, 0, SUBJECTS - 1); /* each stands in one place */
        o->subjects[o->count++] = full->event.subject.lo;
    }
    return 0;
}

static void subjects_of_a_host_stand_together_by_time(void **state)
{
    (void)state;
    char folder[256], path[300];
    struct btr_reader *reader = NULL;
    struct btr_batch batch;
    struct btr_err err = {0};
    struct order order = {.count = 0};
    temp_folder_make(folder);
    snprintf(path, sizeof path, "%s/store", folder);
    btr_batch_init(&batch);
    batch_fill(&batch);
    batch_store_make(path, &batch);
    const char *store = path;
    assert_int_equal(btr_reader_open(&reader, &store, 1, &err), 0);
    struct btr_span all = {NULL, 0};
    assert_int_equal(
        btr_reader_events(reader, INT64_MIN, INT64_MAX, all, subject_note, &order, &err), 0);
    assert_int_equal(order.count, SUBJECTS);
    for (uint32_t i = 1; i < SUBJECTS; i++) {
        uint64_t before = order.subjects[i - 1], here = order.subjects[i];
        if (i % (SUBJECTS / HOSTS) == 0)
            assert_true(before % HOSTS != here % HOSTS);
        else
            assert_int_equal(here, before + HOSTS);
    }
    btr_reader_close(reader);
    btr_batch_fini(&batch);
    temp_folder_remove(folder);
}

int order_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_of_a_host_stand_together_by_time),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
