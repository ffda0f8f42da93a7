/* What was read before is not read again: other names, other packings, growth at every cut, crashes
 * at every call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "feed_run.h"
#include "temp_files.h"

static char folder[256];

static int folder_setup(void **state)
{
    (void)state;
    temp_folder_make(folder);
    return 0;
}

static int folder_teardown(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void the_same_content_adds_nothing_under_any_name_or_packing(void **state)
{
    (void)state;
    struct btr_buffer log = {0}, packed = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    char path[256];
    memory_sink_init(&sink);
    feed_log_make(&log, 1, 3000, 1);
    temp_file_write(folder, "a.audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    uint32_t events = sink.event_published, publishes = sink.publishes;
    assert_true(events > 1000);
    temp_pack_zstd(&packed, btr_buffer_view(&log));
    temp_file_write(folder, "b.audit.log.1.zst", btr_buffer_view(&packed), NULL);
    btr_buffer_clear(&packed);
    temp_pack_gzip(&packed, (struct btr_span){log.at, 5000});
    temp_pack_gzip(&packed, (struct btr_span){log.at + 5000, log.size - 5000});
    temp_file_write(folder, "c.audit.log.2.gz", btr_buffer_view(&packed), NULL);
    assert_int_equal(feed_run_one(&run, &sink, folder), 0);
    assert_int_equal(run.stats.inputs_known, 3);
    assert_int_equal(sink.event_published, events);
    assert_int_equal(sink.publishes, publishes); /* not even an empty transaction */
    assert_int_equal(sink.row_count, 1);
    assert_non_null(strstr(run.notes, "already read as"));
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
    btr_buffer_fini(&packed);
}

static void the_same_content_twice_in_one_command_is_read_once(void **state)
{
    (void)state;
    struct btr_buffer log = {0}, packed = {0};
    struct memory_sink sink, plain;
    struct feed_run run = {0};
    char path[256];
    memory_sink_init(&sink);
    memory_sink_init(&plain);
    feed_log_make(&log, 1, 500, 2);
    temp_file_write(folder, "twice/h.audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &plain, path), 0);
    temp_pack_zstd(&packed, btr_buffer_view(&log));
    temp_file_write(folder, "twice/h.audit.log.zst", btr_buffer_view(&packed), NULL);
    char whole[300];
    (void)snprintf(whole, sizeof whole, "%s/twice", folder);
    assert_int_equal(feed_run_one(&run, &sink, whole), 0);
    assert_int_equal(run.stats.inputs_known, 1);
    assert_true(memory_sink_same(&sink, &plain));
    memory_sink_fini(&sink);
    memory_sink_fini(&plain);
    btr_buffer_fini(&log);
    btr_buffer_fini(&packed);
}

/* Feeds the first `cut` bytes, then all, and compares with all at once. */
static void growth_is_seamless(const struct btr_buffer *log, size_t cut,
                               struct memory_sink *at_once, int packing)
{
    struct memory_sink sink;
    struct feed_run run = {.segment_events = 50};
    struct btr_buffer packed = {0};
    char path[256];
    memory_sink_init(&sink);
    temp_file_write(folder, "g.audit.log", (struct btr_span){log->at, cut}, path);
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    assert_true(sink.event_published <= at_once->event_published);
    if (packing == 0)
        btr_buffer_span(&packed, btr_buffer_view(log));
    else if (packing == 1)
        temp_pack_zstd(&packed, btr_buffer_view(log));
    else
        temp_pack_gzip(&packed, btr_buffer_view(log));
    temp_file_write(folder, "g.audit.log.1", btr_buffer_view(&packed), path);
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    assert_true(memory_sink_same(&sink, at_once));
    assert_int_equal(sink.quarantined_published, at_once->quarantined_published);
    memory_sink_fini(&sink);
    btr_buffer_fini(&packed);
}

static void a_file_that_has_grown_adds_its_tail_at_every_cut(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink at_once;
    struct feed_run run = {.segment_events = 50};
    char path[256];
    memory_sink_init(&at_once);
    feed_log_make(&log, 1, 30, 3);
    temp_file_write(folder, "g.audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &at_once, path), 0);
    for (size_t cut = 0; cut <= log.size; cut++)
        growth_is_seamless(&log, cut, &at_once, (int)(cut % 3));
    memory_sink_fini(&at_once);
    btr_buffer_fini(&log);
}

static void json_lines_grow_at_every_cut_too(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink at_once;
    struct feed_run run = {.segment_events = 50};
    char path[256];
    memory_sink_init(&at_once);
    for (int id = 1; id < 17; id++)
        btr_buffer_format(&log, "{\"t\":%d,\"id\":%d}%s", id * 10, id, id % 4 == 0 ? "\r\n" : "\n");
    log.size--; /* the last line has no newline, and is whole */
    temp_file_write(folder, "g.audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &at_once, path), 0);
    assert_int_equal(at_once.event_published, 16);
    assert_int_equal(run.stats.inputs_cut, 0);
    for (size_t cut = 0; cut <= log.size; cut++)
        growth_is_seamless(&log, cut, &at_once, (int)(cut % 3));
    memory_sink_fini(&at_once);
    btr_buffer_fini(&log);
}

static void a_log_that_grew_and_was_rotated_goes_on_in_one_state(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink, at_once;
    struct feed_run run = {0};
    char path[256], whole[300];
    memory_sink_init(&sink);
    memory_sink_init(&at_once);
    feed_log_make(&log, 1, 900, 4);
    size_t a = log.size / 3, b = log.size / 2;
    while (log.at[a - 1] != '\n')
        a++;
    while (log.at[b - 1] != '\n')
        b++;
    temp_file_write(folder, "once/h.audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &at_once, path), 0);
    temp_file_write(folder, "rot/h.audit.log", (struct btr_span){log.at, a}, path);
    (void)snprintf(whole, sizeof whole, "%s/rot", folder);
    assert_int_equal(feed_run_one(&run, &sink, whole), 0);
    temp_file_write(folder, "rot/h.audit.log.1", (struct btr_span){log.at, b}, NULL);
    temp_file_write(folder, "rot/h.audit.log", (struct btr_span){log.at + b, log.size - b}, NULL);
    assert_int_equal(feed_run_one(&run, &sink, whole), 0);
    assert_int_equal(sink.event_published, at_once.event_published);
    for (uint32_t i = 0; i < sink.event_published; i++)
        assert_int_equal(sink.events[i].event.bytes, i); /* no record lost, none twice */
    memory_sink_fini(&sink);
    memory_sink_fini(&at_once);
    btr_buffer_fini(&log);
}

static void content_that_differs_late_is_read_as_new(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    char path[256];
    memory_sink_init(&sink);
    feed_log_make(&log, 1, 300, 5);
    temp_file_write(folder, "d.audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    uint32_t events = sink.event_published;
    btr_buffer_text(&log, "line t=9999 id=9999\n");
    char *last = strstr((char *)log.at + log.size - 200, "t=");
    last[2] = '1'; /* within what was read */
    temp_file_write(folder, "d.audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    assert_true(sink.event_published > events + 100);
    assert_int_equal(run.stats.inputs_known, 0);
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

/* Runs until it succeeds, crashing at the n-th publish or append of each run. */
static void crashes_leave_nothing_twice(const char *path, struct memory_sink *at_once,
                                        uint32_t every, bool at_append)
{
    struct memory_sink sink;
    struct feed_run run = {.segment_events = 40};
    int runs = 0, rc;
    memory_sink_init(&sink);
    do {
        if (runs < 8)
            *(at_append ? &sink.fail_append : &sink.fail_publish) = every + (uint32_t)runs / 4;
        rc = feed_run_one(&run, &sink, path);
        assert_true(rc == 0 || run.stats.sink_failed);
        memory_sink_crash(&sink);
    } while (rc != 0 && ++runs < 400);
    assert_int_equal(rc, 0);
    assert_true(memory_sink_same(&sink, at_once));
    assert_int_equal(sink.quarantined_published, at_once->quarantined_published);
    assert_int_equal(sink.row_count, at_once->row_count);
    for (uint32_t i = 0; i < sink.row_count; i++)
        assert_true(sink.rows[i].row.complete);
    memory_sink_fini(&sink);
}

static void a_crash_at_any_call_and_the_same_command_again_give_the_same_events(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink at_once;
    struct feed_run run = {.segment_events = 40};
    char whole[300];
    memory_sink_init(&at_once);
    for (int host = 0; host < 2; host++) {
        char name[64];
        btr_buffer_clear(&log);
        while (log.size < (5 << 18)) /* several blocks, so several publishes */
            feed_log_make(&log, 1 + log.size, 2000, (uint32_t)(6 + host) + (uint32_t)log.size);
        (void)snprintf(name, sizeof name, "crash/h%d.audit.log", host);
        temp_file_write(folder, name, btr_buffer_view(&log), NULL);
    }
    (void)snprintf(whole, sizeof whole, "%s/crash", folder);
    assert_int_equal(feed_run_one(&run, &at_once, whole), 0);
    assert_true(at_once.publishes >= 4);
    for (uint32_t every = 1; every <= 3; every++)
        crashes_leave_nothing_twice(whole, &at_once, every, false);
    for (uint32_t every = 1; every <= 30; every += 29)
        crashes_leave_nothing_twice(whole, &at_once, every, true);
    memory_sink_fini(&at_once);
    btr_buffer_fini(&log);
}

static void standard_input_is_known_by_its_beginning(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink, at_once;
    struct feed_run run = {.segment_events = 500};
    memory_sink_init(&sink);
    memory_sink_init(&at_once);
    while (log.size < (3 << 20))
        feed_log_make(&log, 1 + log.size, 2000, 9 + (uint32_t)log.size);
    size_t cut = log.size / 2;
    assert_int_equal(feed_run_stdin(&run, &at_once, btr_buffer_view(&log)), 0);
    assert_int_equal(feed_run_stdin(&run, &sink, (struct btr_span){log.at, cut}), 0);
    assert_int_equal(feed_run_stdin(&run, &sink, btr_buffer_view(&log)), 0);
    assert_true(run.stats.known_bytes > 0);
    assert_true(memory_sink_same(&sink, &at_once));
    uint32_t publishes = sink.publishes;
    assert_int_equal(feed_run_stdin(&run, &sink, btr_buffer_view(&log)), 0);
    assert_int_equal(run.stats.inputs_known, 1);
    assert_int_equal(sink.publishes, publishes);
    assert_int_equal(run.stats.records_known, 0); /* known as a whole: no record was looked at */
    log.at[cut - 100] = 'X'; /* differs within what was read: only that record is new */
    assert_int_equal(feed_run_stdin(&run, &sink, (struct btr_span){log.at, cut}), 0);
    assert_int_equal(run.stats.inputs_known, 0);
    assert_int_equal(run.stats.records, 1);
    assert_true(run.stats.records_known > 1000);
    memory_sink_fini(&sink);
    memory_sink_fini(&at_once);
    btr_buffer_fini(&log);
}

static void a_host_given_by_the_user_tells_equal_contents_apart(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    char path[256], named[300];
    memory_sink_init(&sink);
    feed_log_make(&log, 1, 50, 10);
    temp_file_write(folder, "e.audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    uint32_t events = sink.event_published;
    (void)snprintf(named, sizeof named, "other=%s", path);
    assert_int_equal(feed_run_one(&run, &sink, named), 0);
    assert_int_equal(sink.event_published, 2 * events);
    assert_int_equal(feed_run_one(&run, &sink, named), 0);
    assert_int_equal(run.stats.inputs_known, 1);
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_content_adds_nothing_under_any_name_or_packing),
        cmocka_unit_test(the_same_content_twice_in_one_command_is_read_once),
        cmocka_unit_test(a_file_that_has_grown_adds_its_tail_at_every_cut),
        cmocka_unit_test(json_lines_grow_at_every_cut_too),
        cmocka_unit_test(a_log_that_grew_and_was_rotated_goes_on_in_one_state),
        cmocka_unit_test(content_that_differs_late_is_read_as_new),
        cmocka_unit_test(a_crash_at_any_call_and_the_same_command_again_give_the_same_events),
        cmocka_unit_test(standard_input_is_known_by_its_beginning),
        cmocka_unit_test(a_host_given_by_the_user_tells_equal_contents_apart),
    };
    return cmocka_run_group_tests_name("known", tests, folder_setup, folder_teardown);
}
