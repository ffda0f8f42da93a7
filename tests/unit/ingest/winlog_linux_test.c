/* Sysmon for Linux: XML in rows of syslog. */
#include <btr/identity.h>

#include "decode/winlog/linux_xml.h"

#include "winlog_run.h"

#define GUID_A "{aabbccdd-1000-6632-0100-a1b2c3550000}"
#define GUID_B "{aabbccdd-1001-6632-0200-a1b2c3550000}"
#define GUID_C "{aabbccdd-1001-6632-0300-a1b2c3550000}"
#define ZEROS "{00000000-0000-0000-0000-000000000000}"
#define DATA(name, value) "<Data Name=\\'" name "\\'>" value "</Data>"
#define CREATE(guid, pid, image, parent, parent_pid)                                               \
    DATA("ProcessGuid", guid)                                                                      \
    DATA("ProcessId", pid)                                                                         \
    DATA("Image", image)                                                                           \
    DATA("CommandLine", image " -x")                                                               \
    DATA("User", "eve")                                                                            \
    DATA("LogonId", "1001") DATA("ParentProcessGuid", parent) DATA("ParentProcessId", parent_pid)
#define ACTOR(guid, pid, image)                                                                    \
    DATA("ProcessGuid", guid) DATA("ProcessId", pid) DATA("Image", image) DATA("User", "eve")

/* A row `ms` milliseconds after 2024-05-01 10:00; `end` is what follows the data. */
static int try_row(struct win_run *run, unsigned event_id, unsigned ms, const char *data,
                   const char *end)
{
    char json[8192];
    (void)snprintf(
        json, sizeof(json),
        "{'Computer':'LX1','EventTime':'2024-05-01T10:%02u:%02uZ','HostName':'LX1',"
        "'SyslogMessage':'<Event><System><Provider Name=\\'Linux-Sysmon\\' Guid=\\'{f}\\'/>"
        "<EventID>%u</EventID><TimeCreated SystemTime=\\'2024-05-01T10:%02u:%02u.%03u000Z\\'/>"
        "<EventRecordID>%u</EventRecordID><Correlation/><Execution ProcessID=\\'9\\' "
        "ThreadID=\\'9\\'/><Channel>Linux-Sysmon/Operational</Channel><Computer>LX1</Computer>"
        "</System><EventData>" DATA("RuleName", "-")
            DATA("UtcTime", "2024-05-01 10:%02u:%02u.%03u") "%s%s','ProcessName':'sysmon'}",
        ms / 60000, ms / 1000 % 60, event_id, ms / 60000, ms / 1000 % 60, ms % 1000,
        ++run->record_id, ms / 60000, ms / 1000 % 60, ms % 1000, data, end);
    return win_run_line(run, json);
}

static void row(struct win_run *run, unsigned event_id, unsigned ms, const char *data)
{
    if (try_row(run, event_id, ms, data, "</EventData></Event>") != 0)
        fail_msg("%s", run->err.text);
}

static struct btr_id process(const char *guid)
{
    return btr_identity_process_native(BTR_SPAN("lx1"), btr_span_of(guid));
}

static struct btr_id file(const char *path)
{
    return btr_identity_file(BTR_SPAN("lx1"), BTR_SPAN(""), btr_span_of(path));
}

static void assert_nth(const struct win_run *run, enum btr_operation operation, unsigned n,
                       struct btr_id subject, struct btr_id object)
{
    const struct btr_event *e = win_run_event(run, operation, n);
    assert_non_null(e);
    assert_true(btr_id_equal(e->subject, subject));
    assert_true(btr_id_equal(e->object, object));
}

static void each_event_tells_what_it_tells_on_windows(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "lx1");
    row(&run, 1, 1500, CREATE(GUID_B, "200", "/bin/Nc", GUID_A, "100"));
    row(&run, 3, 1600,
        ACTOR(GUID_B, "200", "/bin/Nc") DATA("Protocol", "tcp") DATA("Initiated", "true")
            DATA("SourceIp", "10.0.0.1") DATA("SourcePort", "40000")
                DATA("DestinationIp", "10.0.0.2") DATA("DestinationPort", "443"));
    row(&run, 9, 1700, ACTOR(GUID_B, "200", "/bin/Nc") DATA("Device", "/dev/sda"));
    row(&run, 11, 1800, ACTOR(GUID_B, "200", "/bin/Nc") DATA("TargetFilename", "/tmp/A b"));
    row(&run, 23, 1900, ACTOR(GUID_B, "200", "/bin/Nc") DATA("TargetFilename", "/tmp/a b"));
    row(&run, 5, 2000, ACTOR(GUID_B, "200", "/bin/Nc"));
    assert_nth(&run, BTR_OP_FORK, 0, process(GUID_A), process(GUID_B));
    assert_nth(&run, BTR_OP_EXEC, 0, process(GUID_B), file("/bin/Nc"));
    assert_int_equal(win_run_count(&run, BTR_OP_SESSION_OF), 0);
    assert_int_equal(win_run_count(&run, BTR_OP_CONNECT), 1);
    assert_nth(&run, BTR_OP_READ, 0, process(GUID_B), file("/dev/sda"));
    assert_nth(&run, BTR_OP_CREATE, 0, process(GUID_B), file("/tmp/A b"));
    assert_nth(&run, BTR_OP_DELETE, 0, process(GUID_B), file("/tmp/a b"));
    assert_false(btr_id_equal(file("/tmp/A b"), file("/tmp/a b")));
    assert_nth(&run, BTR_OP_EXIT, 0, process(GUID_B), process(GUID_B));
    const struct btr_event *fork = win_run_event(&run, BTR_OP_FORK, 0);
    assert_int_equal(fork->first_ns, WIN_RUN_START_NS + 1500000000);
    assert_int_equal(fork->record_id, 1);
    assert_string_equal(win_run_attr(&run, process(GUID_B), BTR_ATTR_PROCESS_COMMAND_LINE),
                        "/bin/Nc -x");
    win_run_fini(&run);
}

static void a_parent_of_no_guid_is_found_by_its_pid(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "lx1");
    row(&run, 1, 1000, CREATE(GUID_A, "100", "/bin/sh", ZEROS, "1"));
    row(&run, 5, 1100, ACTOR(GUID_A, "100", "sh")); /* a thread: it goes on */
    row(&run, 1, 9000, CREATE(GUID_B, "200", "/bin/id", ZEROS, "100"));
    assert_nth(&run, BTR_OP_FORK, 1, process(GUID_A), process(GUID_B));
    assert_int_equal(win_run_event(&run, BTR_OP_FORK, 1)->doubt, BTR_DOUBT_GUID_BY_PID);
    win_run_fini(&run);
}

static void processes_that_executed_nothing_are_told_apart_by_pid(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "lx1");
    row(&run, 5, 1000,
        ACTOR("{aabbccdd-1001-6632-0000-000000000000}", "300", "&lt unknown process&gt "));
    row(&run, 5, 1001,
        ACTOR("{aabbccdd-1001-6632-0000-000000000000}", "301", "&lt;unknown process&gt;"));
    struct btr_id a = win_run_event(&run, BTR_OP_EXIT, 0)->subject,
                  b = win_run_event(&run, BTR_OP_EXIT, 1)->subject;
    assert_false(btr_id_equal(a, b));
    assert_string_equal(win_run_attr(&run, a, BTR_ATTR_PROCESS_PID), "300");
    assert_string_equal(win_run_attr(&run, b, BTR_ATTR_PROCESS_EXECUTABLE), "");
    win_run_fini(&run);
}

static void a_new_guid_of_a_living_pid_is_what_it_executed(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "lx1");
    row(&run, 1, 1000, CREATE(GUID_B, "200", "/bin/dpkg", GUID_A, "100"));
    row(&run, 1, 1001, CREATE(GUID_C, "200", "/bin/query", GUID_A, "100"));
    assert_nth(&run, BTR_OP_FORK, 1, process(GUID_B), process(GUID_C));
    const struct btr_event *e = win_run_event(&run, BTR_OP_FORK, 1);
    assert_int_equal(e->doubt, BTR_DOUBT_GUID_BY_PID);
    assert_int_equal(e->flags & BTR_EVENT_IMPLIED, BTR_EVENT_IMPLIED);
    win_run_fini(&run);
}

static void records_of_one_time_tell_by_their_ids_which_program_was_first(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "lx1");
    run.record_id = 5;
    row(&run, 1, 1000, CREATE(GUID_C, "200", "/bin/query", GUID_A, "100"));
    run.record_id = 4;
    row(&run, 1, 1000, CREATE(GUID_B, "200", "/bin/dpkg", GUID_A, "100"));
    const struct btr_event *e = NULL;
    for (unsigned n = 0; (e = win_run_event(&run, BTR_OP_FORK, n)); n++)
        if (btr_id_equal(e->object, process(GUID_C)) && btr_id_equal(e->subject, process(GUID_B)))
            break;
    assert_non_null(e);
    win_run_fini(&run);
}

static void a_pid_that_ended_or_has_another_parent_executed_nothing(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "lx1");
    row(&run, 1, 1000, CREATE(GUID_B, "200", "/bin/a", GUID_A, "100"));
    row(&run, 5, 1100, ACTOR(GUID_B, "200", "/bin/a"));
    row(&run, 1, 1200, CREATE(GUID_C, "200", "/bin/b", GUID_A, "100"));
    row(&run, 1, 5000,
        CREATE("{aabbccdd-1005-6632-0400-a1b2c3550000}", "200", "/bin/c", ZEROS, "1"));
    assert_int_equal(win_run_count(&run, BTR_OP_FORK), 3); /* of the parents only */
    win_run_fini(&run);
}

static void a_forked_child_acts_with_the_guid_of_its_parent(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "lx1");
    row(&run, 1, 1000, CREATE(GUID_A, "100", "/bin/bash", ZEROS, "1"));
    row(&run, 11, 1500, ACTOR(GUID_A, "101", "bash") DATA("TargetFilename", "/tmp/x"));
    const struct btr_event *fork = win_run_event(&run, BTR_OP_FORK, 1),
                           *made = win_run_event(&run, BTR_OP_CREATE, 0);
    assert_non_null(fork);
    assert_true(btr_id_equal(fork->subject, process(GUID_A)));
    assert_true(btr_id_equal(fork->object, made->subject));
    assert_false(btr_id_equal(made->subject, process(GUID_A)));
    assert_int_equal(fork->doubt, BTR_DOUBT_GUID_BY_PID);
    assert_int_equal(made->flags, 0); /* the record's own event */
    struct btr_id child = made->subject;
    row(&run, 1, 1600, CREATE(GUID_B, "101", "/bin/bash", GUID_A, "100"));
    assert_nth(&run, BTR_OP_EXEC, 1, child, file("/bin/bash"));
    win_run_fini(&run);
}

static void one_guid_of_two_starts_is_two_processes(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "lx1");
    row(&run, 1, 1000, CREATE(GUID_B, "200", "/opt/cli", GUID_A, "100"));
    row(&run, 1, 1200, CREATE(GUID_B, "201", "/opt/cli", GUID_A, "100"));
    row(&run, 5, 1300, ACTOR(GUID_B, "201", "/opt/cli"));
    assert_nth(&run, BTR_OP_FORK, 0, process(GUID_A), process(GUID_B));
    struct btr_id second = win_run_event(&run, BTR_OP_FORK, 1)->object;
    assert_false(btr_id_equal(second, process(GUID_B)));
    assert_nth(&run, BTR_OP_EXIT, 0, second, second);
    win_run_fini(&run);
}

static void an_event_that_syslog_cut_keeps_its_whole_fields(void **state)
{
    (void)state;
    struct win_run run;
    static const char *const ends[] = {"<Data Name=\\'ParentCommandLine\\'>/bin/sh -c a",
                                       "<Data Na", "", "</EventDa", "</EventData></Ev"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        win_run_init(&run, "lx1");
        assert_int_equal(
            try_row(&run, 1, 1000, CREATE(GUID_B, "200", "/bin/a", GUID_A, "100"), ends[i]), 0);
        assert_nth(&run, BTR_OP_FORK, 0, process(GUID_A), process(GUID_B));
        assert_int_equal(run.batch.gap_count, 1);
        assert_int_equal(run.batch.gaps[0].kind, BTR_GAP_CUT);
        win_run_fini(&run);
    }
}

static void other_rows_are_refused_with_their_reason(void **state)
{
    (void)state;
    static const struct {
        const char *row, *why;
    } rows[] = {
        {"{'SyslogMessage':'type=EXECVE audit(1.0:1): a0=x','Computer':'u'}", "holds no event"},
        {"{'Computer':'u','ConnectionId':'1','BytesSent':5}", "totals of connections"},
        {"{'SyslogMessage':'<Event>'}", "cut off"},
        {"{'SyslogMessage':'<Event><System></System><EventData></EventData></Event>'}",
         "Linux-Sysmon"},
        {"{'SyslogMessage':'<Event><System><Provider "
         "Name=\\'Linux-Sysmon\\'/></System><EventData></EventData></Event>'}",
         "no event id"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct win_run run;
        win_run_init(&run, "lx1");
        assert_int_equal(win_run_line(&run, rows[i].row), BTR_E_FORMAT);
        if (!strstr(run.err.text, rows[i].why))
            fail_msg("%s: %s", rows[i].row, run.err.text);
        assert_int_equal(run.batch.event_count, 0);
        win_run_fini(&run);
    }
}

/* ---- The text itself ------------------------------------------------------------------------ */

#define AROUND(data) "<Event><System></System><EventData>" data "</EventData></Event>"

static void references_are_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *value;
    } cases[] = {
        {"plain", "plain"},
        {"&lt;&gt;&amp;&quot;&apos;", "<>&\"'"},
        {"a &amp &amp  b", "a && b"}, /* the collector's blanks */
        {"&#65;&#x42;&#xe9;&#8364;&#x1F600;", "AB\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"&amp;lt;", "&lt;"}, /* once only */
        {"", ""},
    };
    struct btr_arena *arena = btr_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[512];
        struct win_linux_event event;
        (void)snprintf(text, sizeof(text), AROUND("<Data Name=\"x\">%s</Data>"), cases[i].raw);
        assert_int_equal(win_linux_xml_read(btr_span_of(text), arena, &event, NULL), 0);
        assert_int_equal(event.count, 1);
        assert_true(btr_span_equal(event.members[0].value, btr_span_of(cases[i].value)));
        assert_false(event.cut);
    }
    btr_arena_free(arena);
}

static void what_is_no_such_event_is_refused_with_its_offset(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<Event>",
        "<Event><System><System></System></System>",
        "<Event><System><!-- x --></System>",
        "<Event><System><A B=c/></System>",
        "<Event><System><A B=\"<\"/></System>",
        "<Event><System><A>x</B></System>",
        AROUND("<Data Name=\"x\">&nbsp;</Data>"),
        AROUND("<Data Name=\"x\">&</Data>"),
        AROUND("<Data Name=\"x\">&#0;</Data>"),
        AROUND("<Data Name=\"x\">&#xd800;</Data>"),
        AROUND("<Data Name=\"x\">&#x110000;</Data>"),
        AROUND("<Data Name=\"x\">&#99999999999999999999;</Data>"),
        AROUND("<Data Name=\"x\"><Data Name=\"y\">z</Data></Data>"),
        AROUND("<Data Name=\"\">x</Data>"),
        AROUND("<Data>x</Data>"),
        AROUND("<Other Name=\"x\">x</Other>"),
        AROUND("text"),
        AROUND("<![CDATA[x]]>"),
        AROUND("") "<Event>",
        AROUND("") "</x>",
    };
    struct btr_arena *arena = btr_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct win_linux_event event;
        struct btr_err err = {0};
        if (win_linux_xml_read(btr_span_of(texts[i]), arena, &event, &err) != BTR_E_FORMAT)
            fail_msg("taken: %s", texts[i]);
        assert_true(err.offset <= strlen(texts[i]) && strstr(err.text, "at byte"));
    }
    btr_arena_free(arena);
}

static void an_event_has_a_bounded_number_of_fields(void **state)
{
    (void)state;
    struct btr_buffer text = {0};
    struct btr_arena *arena = btr_arena_new(1 << 20);
    struct win_linux_event event;
    btr_buffer_text(&text, "<Event><System></System><EventData>");
    for (int i = 0; i < 1000; i++)
        btr_buffer_text(&text, "<Data Name=\"x\"/>");
    btr_buffer_text(&text, "</EventData></Event>");
    assert_int_equal(win_linux_xml_read(btr_buffer_view(&text), arena, &event, NULL), BTR_E_FORMAT);
    btr_buffer_fini(&text);
    btr_arena_free(arena);
}

static void rows_are_recognised_and_name_their_host(void **state)
{
    (void)state;
    const struct btr_decoder *d = btr_decoder_find(BTR_SPAN("winlog"));
    struct btr_span row = BTR_SPAN("{\"HostName\":\"LX1\",\"SyslogMessage\":\"<Event><System>"
                                   "<Provider Name=\\\"Linux-Sysmon\\\"/>\"}");
    assert_int_equal(d->detect(&row, 1), 95);
    assert_true(btr_span_equal(d->host_peek(row), BTR_SPAN("LX1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_tells_what_it_tells_on_windows),
        cmocka_unit_test(a_parent_of_no_guid_is_found_by_its_pid),
        cmocka_unit_test(processes_that_executed_nothing_are_told_apart_by_pid),
        cmocka_unit_test(a_new_guid_of_a_living_pid_is_what_it_executed),
        cmocka_unit_test(records_of_one_time_tell_by_their_ids_which_program_was_first),
        cmocka_unit_test(a_pid_that_ended_or_has_another_parent_executed_nothing),
        cmocka_unit_test(a_forked_child_acts_with_the_guid_of_its_parent),
        cmocka_unit_test(one_guid_of_two_starts_is_two_processes),
        cmocka_unit_test(an_event_that_syslog_cut_keeps_its_whole_fields),
        cmocka_unit_test(other_rows_are_refused_with_their_reason),
        cmocka_unit_test(references_are_replaced),
        cmocka_unit_test(what_is_no_such_event_is_refused_with_its_offset),
        cmocka_unit_test(an_event_has_a_bounded_number_of_fields),
        cmocka_unit_test(rows_are_recognised_and_name_their_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
