/* A record of stdin that was read before is not read again, wherever it stands in the stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "feed_run.h"

static size_t line_end(const struct btr_buffer *log, size_t at)
{
    while (at < log->size && log->at[at] != '\n')
        at++;
    return at < log->size ? at + 1 : at;
}

static void text_feed(struct feed_run *run, struct memory_sink *sink, const char *text)
{
    assert_int_equal(feed_run_stdin(run, sink, btr_span_of(text)), 0);
}

/* The same events; their lines differ, as they count from each stream's beginning. */
static bool same_events(struct memory_sink *a, struct memory_sink *b)
{
    for (uint32_t i = 0; i < a->event_count; i++)
        a->events[i].event.line = 0;
    for (uint32_t i = 0; i < b->event_count; i++)
        b->events[i].event.line = 0;
    return memory_sink_same(a, b);
}

static void two_pipes_that_overlap_at_any_line_give_the_events_of_one(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink at_once;
    struct feed_run run = {.segment_events = 40};
    memory_sink_init(&at_once);
    feed_log_make(&log, 1, 90, 3);
    assert_int_equal(feed_run_stdin(&run, &at_once, btr_buffer_view(&log)), 0);
    uint64_t records = run.stats.records;
    for (size_t first = line_end(&log, 0); first < log.size; first = line_end(&log, first)) {
        size_t cut = line_end(&log, first + (log.size - first) / 3);
        struct memory_sink sink;
        memory_sink_init(&sink);
        assert_int_equal(feed_run_stdin(&run, &sink, (struct btr_span){log.at, cut}), 0);
        uint64_t before = run.stats.records;
        struct btr_span rest = {log.at + first, log.size - first};
        assert_int_equal(feed_run_stdin(&run, &sink, rest), 0);
        assert_int_equal(before + run.stats.records, records);
        assert_true(same_events(&sink, &at_once));
        assert_int_equal(sink.quarantined_published, at_once.quarantined_published);
        memory_sink_fini(&sink);
    }
    memory_sink_fini(&at_once);
    btr_buffer_fini(&log);
}

static void a_pipe_that_was_killed_and_comes_again_from_elsewhere_adds_the_rest(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink, at_once;
    struct feed_run run = {.segment_events = 40};
    memory_sink_init(&sink);
    memory_sink_init(&at_once);
    while (log.size < (4 << 20))
        feed_log_make(&log, 1 + log.size, 2000, 9 + (uint32_t)log.size);
    assert_int_equal(feed_run_stdin(&run, &at_once, btr_buffer_view(&log)), 0);
    sink.fail_publish = 3;
    assert_int_equal(feed_run_stdin(&run, &sink, btr_buffer_view(&log)), BTR_E_IO);
    memory_sink_crash(&sink);
    assert_true(sink.event_published > 0 && sink.event_published < at_once.event_published);
    size_t first = line_end(&log, 5000);
    struct btr_span rest = {log.at + first, log.size - first};
    assert_int_equal(feed_run_stdin(&run, &sink, rest), 0);
    assert_true(run.stats.records_known > 1000 && run.stats.records > 1000);
    assert_true(same_events(&sink, &at_once));
    memory_sink_fini(&sink);
    memory_sink_fini(&at_once);
    btr_buffer_fini(&log);
}

static void a_line_that_differs_in_one_byte_is_another_record(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    memory_sink_init(&sink);
    text_feed(&run, &sink, "line t=10 id=1\nline t=20 id=2\n");
    text_feed(&run, &sink, "line t=11 id=1\nline t=20 id=2\nline t=20 id=2 host=other\n");
    assert_int_equal(run.stats.records, 2);
    assert_int_equal(run.stats.records_known, 1);
    assert_int_equal(sink.event_published, 4);
    memory_sink_fini(&sink);
}

static void equal_lines_of_one_run_are_all_kept(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {.segment_events = 1};
    struct btr_buffer log = {0};
    memory_sink_init(&sink);
    while (log.size < (3 << 20)) /* several blocks: it publishes between equal lines */
        btr_buffer_text(&log, "line t=10 id=1\n");
    assert_int_equal(feed_run_stdin(&run, &sink, btr_buffer_view(&log)), 0);
    assert_true(sink.publishes > 1);
    assert_int_equal(run.stats.records, log.size / 15);
    assert_int_equal(run.stats.records_known, 0);
    text_feed(&run, &sink, "line t=9 id=0\nline t=10 id=1\nline t=10 id=1\n");
    assert_int_equal(run.stats.records, 1);
    assert_int_equal(run.stats.records_known, 2);
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

static void records_in_another_order_are_known_and_new_ones_between_them_are_read(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    memory_sink_init(&sink);
    text_feed(&run, &sink, "line t=10 id=1\nline t=20 id=2\nline nonsense\n{\"t\":30,\"id\":3}");
    assert_int_equal(run.stats.records, 4);
    text_feed(&run, &sink,
              "line nonsense\nline t=20 id=2\nline t=25 id=5\n"
              "line t=10 id=1\n{\"t\":30,\"id\":3}");
    assert_int_equal(run.stats.records, 1);
    assert_int_equal(run.stats.records_known, 4);
    assert_int_equal(run.stats.inputs_cut, 0);
    assert_int_equal(sink.event_published, 4);
    assert_int_equal(sink.quarantined_published, 1);
    memory_sink_fini(&sink);
}

static void a_pipe_of_known_records_only_adds_nothing_but_its_row(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    memory_sink_init(&sink);
    text_feed(&run, &sink, "line t=10 id=1\nline t=20 id=2\nline t=30 id=3\n");
    text_feed(&run, &sink, "line t=20 id=2\nline t=30 id=3\n");
    assert_int_equal(run.stats.records, 0);
    assert_int_equal(run.stats.records_known, 2);
    assert_int_equal(sink.event_published, 3);
    assert_int_equal(sink.row_count, 2);
    text_feed(&run, &sink, "line t=20 id=2\nline t=30 id=3\n");
    assert_int_equal(run.stats.inputs_known, 1);
    memory_sink_fini(&sink);
}

static void without_an_answer_for_records_stdin_is_known_by_its_beginning_only(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    memory_sink_init(&sink);
    sink.known.record = NULL;
    text_feed(&run, &sink, "line t=10 id=1\nline t=20 id=2\n");
    text_feed(&run, &sink, "line t=20 id=2\n");
    assert_int_equal(run.stats.records, 1);
    assert_int_equal(sink.digest_count, 0);
    memory_sink_fini(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_pipes_that_overlap_at_any_line_give_the_events_of_one),
        cmocka_unit_test(a_pipe_that_was_killed_and_comes_again_from_elsewhere_adds_the_rest),
        cmocka_unit_test(a_line_that_differs_in_one_byte_is_another_record),
        cmocka_unit_test(equal_lines_of_one_run_are_all_kept),
        cmocka_unit_test(records_in_another_order_are_known_and_new_ones_between_them_are_read),
        cmocka_unit_test(a_pipe_of_known_records_only_adds_nothing_but_its_row),
        cmocka_unit_test(without_an_answer_for_records_stdin_is_known_by_its_beginning_only),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
