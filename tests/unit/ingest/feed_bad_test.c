/* Inputs that are damaged, cut, empty, odd or of nobody: each is told in one line, and the good
 * part is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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

static uint32_t lines_of(const char *text)
{
    uint32_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void numbered_lines(struct btr_buffer *out, int first, int count)
{
    for (int id = first; id < first + count; id++)
        btr_buffer_format(out, "line t=%d id=%d\n", id * 10, id);
}

/* Feeds bytes as NAME into an empty sink. */
static int feed_bytes(struct feed_run *run, struct memory_sink *sink, const char *name,
                      struct btr_span bytes)
{
    char path[256];
    memory_sink_init(sink);
    temp_file_write(folder, name, bytes, path);
    return feed_run_one(run, sink, path);
}

static void a_damaged_file_gives_its_good_part_and_one_complaint(void **state)
{
    (void)state;
    struct btr_buffer log = {0}, packed = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    numbered_lines(&log, 1, 100000);
    temp_pack_zstd(&packed, btr_buffer_view(&log));
    struct btr_span cut = {packed.at, packed.size / 2};
    assert_int_equal(feed_bytes(&run, &sink, "cut.audit.log.zst", cut), BTR_E_TRUNCATED);
    assert_true(sink.event_published > 10000 && sink.event_published < 100000);
    assert_int_equal(lines_of(run.complaints), 1);
    assert_non_null(strstr(run.complaints, "cut.audit.log.zst: "));
    assert_int_equal(run.stats.inputs_bad, 1);
    assert_false(sink.rows[0].row.complete);
    assert_int_equal(sink.rows[0].row.file_size, cut.size);
    uint32_t events = sink.event_published, gaps = sink.gap_published;
    assert_int_equal(gaps, 1);
    assert_int_equal(sink.gaps[0].gap.kind, BTR_GAP_CUT);
    char path[300];
    (void)snprintf(path, sizeof path, "%s/cut.audit.log.zst", folder);
    assert_int_equal(feed_run_one(&run, &sink, path),
                     BTR_E_TRUNCATED); /* again: the same complaint, nothing added */
    assert_int_equal(sink.event_published, events);
    assert_int_equal(sink.gap_published, gaps);
    assert_int_equal(sink.publishes, 1);
    temp_file_write(folder, "cut.audit.log.zst", btr_buffer_view(&packed),
                    path); /* the whole file came later */
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    assert_int_equal(sink.event_published, 100000);
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
    btr_buffer_fini(&packed);
}

static void a_bad_input_does_not_stop_the_others(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    char good[256], bad[256];
    memory_sink_init(&sink);
    numbered_lines(&log, 1, 10);
    temp_file_write(folder, "bad.audit.log", BTR_SPAN("\x28\xb5\x2f\xfd rubbish"), bad);
    temp_file_write(folder, "good.audit.log", btr_buffer_view(&log), good);
    const char *const arguments[] = {bad, good, NULL};
    assert_int_equal(feed_run(&run, &sink, arguments), BTR_E_FORMAT);
    assert_false(run.stats.sink_failed);
    assert_int_equal(sink.event_published, 10);
    assert_int_equal(lines_of(run.complaints), 1);
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

static void what_cannot_be_decoded_is_kept_with_its_place(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    numbered_lines(&log, 1, 3);
    btr_buffer_put(&log, "nul \0 and \xff\xfe bytes\r\n", 20);
    numbered_lines(&log, 4, 3);
    assert_int_equal(feed_bytes(&run, &sink, "q.audit.log", btr_buffer_view(&log)), 0);
    assert_int_equal(sink.event_published, 6);
    assert_int_equal(run.stats.undecoded, 1);
    assert_int_equal(sink.quarantined_published, 1);
    assert_int_equal(sink.quarantined[0].entry.line, 4);
    assert_int_equal(sink.quarantined[0].entry.record_size, 18);
    assert_memory_equal(sink.quarantined[0].head, "nul \0 and \xff\xfe bytes", 18);
    assert_string_equal(sink.quarantined[0].reason, "not a line");
    assert_string_equal(sink.quarantined[0].host, "q");
    assert_int_equal(sink.gap_published, 1);
    assert_int_equal(sink.gaps[0].gap.kind, BTR_GAP_UNDECODED);
    assert_int_equal(sink.gaps[0].gap.from_ns, 30);
    assert_int_equal(sink.gaps[0].gap.until_ns, 60);
    assert_int_equal(sink.gaps[0].gap.count, 1);
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

static void long_lines_are_refused_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = {LINE_RECORD_MAX + 1, 64 << 10, (64 << 20) + 5};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct btr_buffer log = {0};
        struct memory_sink sink;
        struct feed_run run = {0};
        if (i != 1) /* once it is the very first line */
            numbered_lines(&log, 1, 1);
        assert_true(btr_buffer_reserve(&log, sizes[i]));
        memset(log.at + log.size, 'x', sizes[i]);
        log.size += sizes[i];
        btr_buffer_text(&log, "\n");
        numbered_lines(&log, 2, 5);
        assert_int_equal(feed_bytes(&run, &sink, "long.audit.log", btr_buffer_view(&log)), 0);
        assert_int_equal(sink.event_published, i != 1 ? 6 : 5);
        assert_int_equal(sink.quarantined_published, 1);
        assert_int_equal(sink.quarantined[0].entry.record_size, sizes[i]);
        assert_int_equal(sink.quarantined[0].entry.line, i != 1 ? 2 : 1);
        assert_true(sink.quarantined[0].kept_size <= BTR_QUARANTINE_RECORD_MAX);
        memory_sink_fini(&sink);
        btr_buffer_fini(&log);
    }
}

static void a_storm_of_noise_is_bounded_and_counted(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    numbered_lines(&log, 1, 1);
    for (int i = 0; i < 12345; i++)
        btr_buffer_format(&log, "noise %d\n", i);
    numbered_lines(&log, 2, 1);
    assert_int_equal(feed_bytes(&run, &sink, "storm.audit.log", btr_buffer_view(&log)), 0);
    assert_int_equal(sink.event_published, 2);
    assert_int_equal(run.stats.undecoded, 12345);
    assert_int_equal(sink.quarantined_published, 10001);
    assert_non_null(strstr(sink.quarantined[10000].reason, "2345 more records"));
    assert_int_equal(sink.quarantined[10000].entry.line, 10002);
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

static void a_cut_last_line_is_said_and_read_when_the_file_has_grown(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    char path[256];
    assert_int_equal(
        feed_bytes(&run, &sink, "c.audit.log", BTR_SPAN("line t=10 id=1\nline t=20 id=2")), 0);
    assert_int_equal(sink.event_published, 1);
    assert_int_equal(run.stats.inputs_cut, 1);
    assert_non_null(strstr(run.notes, "ends inside a record (line 2)"));
    assert_int_equal(sink.gap_published, 1);
    assert_int_equal(sink.gaps[0].gap.kind, BTR_GAP_CUT);
    assert_false(sink.rows[0].row.complete);
    assert_int_equal(sink.rows[0].row.content_size, 15);
    temp_file_write(folder, "c.audit.log", BTR_SPAN("line t=10 id=1\nline t=20 id=22\n"), path);
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    assert_int_equal(sink.event_published, 2);
    assert_int_equal(sink.events[1].event.record_id, 22);
    assert_int_equal(sink.events[1].event.line, 2);
    assert_true(sink.rows[0].row.complete);
    memory_sink_fini(&sink);
}

static void empty_inputs_are_no_fault_and_leave_no_trace(void **state)
{
    (void)state;
    static const char *const contents[] = {"", "\n", "\r\n\n  \n"};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct memory_sink sink;
        struct feed_run run = {0};
        assert_int_equal(feed_bytes(&run, &sink, "e.audit.log", btr_span_of(contents[i])), 0);
        assert_int_equal(run.stats.inputs_empty, 1);
        assert_int_equal(sink.publishes, 0);
        memory_sink_fini(&sink);
    }
}

static void an_input_of_no_known_host_is_refused_with_the_remedy(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    char named[300];
    assert_int_equal(feed_bytes(&run, &sink, "audit.log", BTR_SPAN("line t=1 id=1\n")),
                     BTR_E_NOTFOUND);
    assert_non_null(strstr(run.complaints, "HOST="));
    assert_int_equal(sink.publishes, 0);
    (void)snprintf(named, sizeof named, "Web01.example.org=%s/audit.log", folder);
    assert_int_equal(feed_run_one(&run, &sink, named), 0);
    assert_string_equal(sink.events[0].host, "web01");
    assert_string_equal(sink.rows[0].text[1], "web01");
    assert_string_equal(sink.rows[0].text[3], "case-7");
    memory_sink_fini(&sink);
}

static void records_that_name_their_host_go_to_its_state(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    for (int id = 1; id <= 300; id++)
        btr_buffer_format(&log, "line t=%d id=%d host=H%d.example\n", id, id, id % 30);
    btr_buffer_text(&log, "line t=9 id=9\n"); /* names none, and nor does the file */
    assert_int_equal(feed_bytes(&run, &sink, "audit.log", btr_buffer_view(&log)), 0);
    assert_int_equal(sink.event_published, 300);
    for (uint32_t i = 0; i < 300; i++) {
        char host[16];
        (void)snprintf(host, sizeof host, "h%u", (i + 1) % 30);
        assert_string_equal(sink.events[i].host, host);
        assert_int_equal(sink.events[i].event.bytes, i / 30); /* each host counts for itself */
    }
    assert_int_equal(sink.quarantined_published, 1);
    assert_string_equal(sink.quarantined[0].reason, "the record names no host");
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

static void states_of_many_files_survive_being_put_aside(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    char whole[300];
    memory_sink_init(&sink);
    for (int part = 0; part < 2; part++)
        for (int host = 0; host < 20; host++) {
            char name[64], text[200];
            (void)snprintf(name, sizeof name, "many/%d/h%d.audit.log", part, host);
            (void)snprintf(text, sizeof text, "%s id=%d hold\nline t=%d id=%d\n",
                           part == 0 ? "line t=5" : "line ends", 7000 + host, 10 + part,
                           100 * part + host);
            temp_file_write(folder, name, btr_span_of(text), NULL);
        }
    (void)snprintf(whole, sizeof whole, "%s/many", folder);
    assert_int_equal(feed_run_one(&run, &sink, whole), 0);
    assert_int_equal(sink.event_published, 60);
    assert_int_equal(run.stats.waiting, 0);
    for (uint32_t i = 20; i < 60; i++) /* each host: the held event and the one after it */
        assert_true(sink.events[i].event.bytes == 1 + (i - 20) % 2);
    memory_sink_fini(&sink);
}

static void a_host_too_many_is_put_in_quarantine_and_said(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    for (int id = 1; id <= 4100; id++)
        btr_buffer_format(&log, "line t=%d id=%d host=m%d\n", id, id, id);
    memory_sink_init(&sink);
    sink.states_ignored = true;
    char path[256];
    temp_file_write(folder, "audit.log", btr_buffer_view(&log), path);
    assert_int_equal(feed_run_one(&run, &sink, path), 0);
    assert_int_equal(sink.event_published, 4096);
    assert_int_equal(sink.quarantined_published, 4);
    assert_non_null(strstr(sink.quarantined[0].reason, "more than 4096 hosts"));
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

static void a_log_found_in_a_folder_that_cannot_be_read_is_complained_of(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    char whole[300];
    memory_sink_init(&sink);
    temp_file_write(folder, "mixed/h.audit.log.xz",
                    (struct btr_span){(const uint8_t *)"\xfd\x37zXZ\0rest", 10}, NULL);
    temp_file_write(folder, "mixed/a.audit.log", BTR_SPAN("line t=1 id=1\n"), NULL);
    (void)snprintf(whole, sizeof whole, "%s/mixed", folder);
    assert_int_equal(feed_run_one(&run, &sink, whole), BTR_E_FORMAT);
    assert_non_null(strstr(run.complaints, "xz, which is not read"));
    assert_int_equal(sink.event_published, 1);
    memory_sink_fini(&sink);
}

static void names_of_files_are_escaped_in_messages(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    assert_true(
        feed_bytes(&run, &sink, "e\x1b[2J\n.audit.log", BTR_SPAN("\x28\xb5\x2f\xfd rubbish")) < 0);
    assert_null(strchr(run.complaints, '\x1b'));
    assert_int_equal(lines_of(run.complaints), 1);
    memory_sink_fini(&sink);
}

static void a_sink_that_fails_ends_the_run_with_its_own_error(void **state)
{
    (void)state;
    struct btr_buffer log = {0};
    struct memory_sink sink;
    struct feed_run run = {0};
    char path[256];
    numbered_lines(&log, 1, 10000);
    temp_file_write(folder, "f.audit.log", btr_buffer_view(&log), path);
    memory_sink_init(&sink);
    sink.fail_append = 2;
    assert_int_equal(feed_run_one(&run, &sink, path), BTR_E_FULL);
    assert_true(run.stats.sink_failed);
    assert_string_equal(run.complaints, "");
    assert_int_equal(sink.event_published, 0);
    memory_sink_crash(&sink);
    sink.fail_publish = 1;
    assert_int_equal(feed_run_one(&run, &sink, path), BTR_E_IO);
    assert_true(run.stats.sink_failed);
    memory_sink_fini(&sink);
    btr_buffer_fini(&log);
}

static void a_damaged_saved_state_is_told_and_nothing_is_read(void **state)
{
    (void)state;
    struct memory_sink sink;
    struct feed_run run = {0};
    char path[256];
    assert_int_equal(feed_bytes(&run, &sink, "s.audit.log", BTR_SPAN("line t=1 id=1\n")), 0);
    btr_buffer_text(&sink.states[0].bytes, "more");
    temp_file_write(folder, "s.audit.log", BTR_SPAN("line t=1 id=1\nline t=2 id=2\n"), path);
    assert_int_equal(feed_run_one(&run, &sink, path), BTR_E_FORMAT);
    assert_true(run.stats.sink_failed);
    assert_non_null(strstr(run.err.text, "saved line state of host s"));
    assert_int_equal(sink.event_published, 1);
    memory_sink_fini(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_file_gives_its_good_part_and_one_complaint),
        cmocka_unit_test(a_bad_input_does_not_stop_the_others),
        cmocka_unit_test(what_cannot_be_decoded_is_kept_with_its_place),
        cmocka_unit_test(long_lines_are_refused_whole),
        cmocka_unit_test(a_storm_of_noise_is_bounded_and_counted),
        cmocka_unit_test(a_cut_last_line_is_said_and_read_when_the_file_has_grown),
        cmocka_unit_test(empty_inputs_are_no_fault_and_leave_no_trace),
        cmocka_unit_test(an_input_of_no_known_host_is_refused_with_the_remedy),
        cmocka_unit_test(records_that_name_their_host_go_to_its_state),
        cmocka_unit_test(states_of_many_files_survive_being_put_aside),
        cmocka_unit_test(a_host_too_many_is_put_in_quarantine_and_said),
        cmocka_unit_test(a_log_found_in_a_folder_that_cannot_be_read_is_complained_of),
        cmocka_unit_test(names_of_files_are_escaped_in_messages),
        cmocka_unit_test(a_sink_that_fails_ends_the_run_with_its_own_error),
        cmocka_unit_test(a_damaged_saved_state_is_told_and_nothing_is_read),
    };
    return cmocka_run_group_tests_name("feed", tests, folder_setup, folder_teardown);
}
