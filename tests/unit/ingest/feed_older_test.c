/* Logs that are given in the wrong order: what is older keeps its times, and what is newer its
 * state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "feed_run.h"
#include "temp_files.h"

#define SECOND_NS INT64_C(1000000000)

enum {
    WAITING_EVENTS = 3000
}; /* more than a block of content: the input is cut in its middle, too */

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

struct world {
    struct memory_sink sink;
    struct feed_run run;
    struct btr_buffer log;
    char newer[256], older[256], newer_named[300], older_named[300];
};

/* Forks, one a second from `second` on. */
static void forks_add(struct btr_buffer *out, unsigned second, unsigned serial, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        btr_buffer_format(out,
                          "type=SYSCALL msg=audit(%u.000:%u): arch=c000003e syscall=57 success=yes "
                          "exit=%u a0=0 a1=0 a2=0 a3=0 items=0 ppid=1 pid=500 auid=0 uid=0 gid=0 "
                          "euid=0 ses=1 comm=\"sh\" exe=\"/bin/sh\" key=(null)\n",
                          second + i, serial + i, 1000 + serial + i);
}

static void file_make(struct world *w, const char *name, char path[256], char named[300])
{
    temp_file_write(folder, name, btr_buffer_view(&w->log), path);
    (void)snprintf(named, 300, "h=%.250s", path);
    btr_buffer_clear(&w->log);
}

/* The older log: serials 100.. at 10000 s; the newer: serials 200.. at 20000 s. */
static void world_init(struct world *w)
{
    *w = (struct world){.run = {.format = btr_decoder_find(BTR_SPAN("auditd"))}};
    memory_sink_init(&w->sink);
    forks_add(&w->log, 10000, 100, 50);
    file_make(w, "older.log", w->older, w->older_named);
    forks_add(&w->log, 20000, 200, 50);
    file_make(w, "newer.log", w->newer, w->newer_named);
}

static void world_fini(struct world *w)
{
    memory_sink_fini(&w->sink);
    btr_buffer_fini(&w->log);
}

/* Every fork stands within its second. */
static void times_check(const struct world *w, uint32_t forks)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < w->sink.event_published; i++) {
        const struct btr_event *e = &w->sink.events[i].event;
        if (e->operation != BTR_OP_FORK)
            continue;
        int64_t second = e->record_id < 200 ? 10000 + (int64_t)e->record_id - 100
                                            : 20000 + (int64_t)e->record_id - 200;
        assert_true(e->last_ns >= second * SECOND_NS && e->last_ns < (second + 1) * SECOND_NS);
        found++;
    }
    assert_int_equal(found, forks);
}

static uint32_t clock_gaps(const struct world *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->sink.gap_published; i++)
        n += w->sink.gaps[i].gap.kind == BTR_GAP_CLOCK;
    return n;
}

static void an_older_log_in_a_later_run_keeps_its_times(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_int_equal(feed_run_one(&w.run, &w.sink, w.newer_named), 0);
    assert_null(strstr(w.run.notes, "older than"));
    assert_int_equal(feed_run_one(&w.run, &w.sink, w.older_named), 0);
    assert_non_null(strstr(w.run.notes, "older than what was read of host h"));
    times_check(&w, 100);
    assert_int_equal(clock_gaps(&w), 0);
    world_fini(&w);
}

static void an_older_log_later_in_one_command_keeps_its_times(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const char *const arguments[] = {w.newer_named, w.older_named, NULL};
    assert_int_equal(feed_run(&w.run, &w.sink, arguments), 0);
    times_check(&w, 100);
    assert_int_equal(clock_gaps(&w), 0);
    world_fini(&w);
}

static void logs_from_the_newest_to_the_oldest_all_keep_their_times(void **state)
{
    (void)state;
    struct world w;
    char oldest[256], named[300];
    world_init(&w);
    forks_add(&w.log, 9930, 30, 50); /* second and serial keep the distance of the older log's */
    file_make(&w, "oldest.log", oldest, named);
    const char *const arguments[] = {w.newer_named, w.older_named, named, NULL};
    assert_int_equal(feed_run(&w.run, &w.sink, arguments), 0);
    times_check(&w, 150);
    assert_int_equal(clock_gaps(&w), 0);
    world_fini(&w);
}

static void a_newer_log_goes_on_where_it_was_after_an_older_one(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_int_equal(feed_run_one(&w.run, &w.sink, w.newer_named), 0);
    assert_int_equal(feed_run_one(&w.run, &w.sink, w.older_named), 0);
    uint32_t gaps = w.sink.gap_published;
    forks_add(&w.log, 20000, 200, 80); /* the newer log has grown */
    file_make(&w, "newer.log", w.newer, w.newer_named);
    assert_int_equal(feed_run_one(&w.run, &w.sink, w.newer_named), 0);
    times_check(&w, 130);
    assert_int_equal(w.sink.gap_published, gaps); /* its serials go on: nothing is missing */
    world_fini(&w);
}

/* An older log of reads and forks, where at every moment a record waits and a file is open. */
static void waiting_make(struct world *w)
{
    for (unsigned i = 0; i < WAITING_EVENTS; i++) {
        unsigned serial = 100 + i * 2;
        btr_buffer_format(
            &w->log,
            "type=SYSCALL msg=audit(%u.000:%u): arch=c000003e syscall=257 success=yes "
            "exit=%u a0=ffffff9c a1=0 a2=2 a3=0 items=1 ppid=1 pid=500 auid=0 uid=0 gid=0 "
            "euid=0 ses=1 comm=\"sh\" exe=\"/bin/sh\" key=(null)\n"
            "type=PATH msg=audit(%u.000:%u): item=0 name=\"/f%u\" inode=%u dev=fe:00 "
            "mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n",
            10000 + i, serial, 3 + i % 8, 10000 + i, serial, i, 1000 + i);
        forks_add(&w->log, 10000 + i, serial + 1, 1);
    }
    file_make(w, "waiting.log", w->older, w->older_named);
}

/* Both logs; a crash after each publish, then the same again. */
static void an_older_log_cut_by_a_crash_ends_with_the_same_events(void **state)
{
    (void)state;
    struct world plain, w;
    world_init(&plain);
    waiting_make(&plain);
    const char *const logs[] = {plain.newer_named, plain.older_named, NULL};
    plain.run.segment_events = 3;
    assert_int_equal(feed_run(&plain.run, &plain.sink, logs), 0);
    assert_true(plain.sink.publishes > 3);
    for (uint32_t n = 1; n <= plain.sink.publishes; n++) {
        world_init(&w);
        waiting_make(&w);
        w.run.segment_events = 3;
        w.sink.fail_publish = n;
        assert_true(feed_run(&w.run, &w.sink, logs) < 0);
        memory_sink_crash(&w.sink);
        w.sink.fail_publish = 0;
        assert_int_equal(feed_run(&w.run, &w.sink, logs), 0);
        assert_true(memory_sink_same(&plain.sink, &w.sink));
        uint32_t events = w.sink.event_published;
        assert_int_equal(feed_run(&w.run, &w.sink, logs), 0);
        assert_int_equal(w.sink.event_published, events);
        world_fini(&w);
    }
    world_fini(&plain);
}

static void a_clock_set_back_between_two_logs_is_no_older_log(void **state)
{
    (void)state;
    struct world w;
    char next[256], named[300];
    world_init(&w);
    forks_add(&w.log, 19000, 250, 50);
    file_make(&w, "next.log", next, named);
    assert_int_equal(feed_run_one(&w.run, &w.sink, w.newer_named), 0);
    assert_int_equal(feed_run_one(&w.run, &w.sink, named), 0);
    assert_null(strstr(w.run.notes, "older than"));
    assert_int_equal(clock_gaps(&w), 1);
    for (uint32_t i = 0; i < w.sink.event_published; i++)
        assert_true(w.sink.events[i].event.last_ns >= 20000 * SECOND_NS);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_log_in_a_later_run_keeps_its_times),
        cmocka_unit_test(an_older_log_later_in_one_command_keeps_its_times),
        cmocka_unit_test(logs_from_the_newest_to_the_oldest_all_keep_their_times),
        cmocka_unit_test(a_newer_log_goes_on_where_it_was_after_an_older_one),
        cmocka_unit_test(an_older_log_cut_by_a_crash_ends_with_the_same_events),
        cmocka_unit_test(a_clock_set_back_between_two_logs_is_no_older_log),
    };
    return cmocka_run_group_tests_name("older", tests, folder_setup, folder_teardown);
}
