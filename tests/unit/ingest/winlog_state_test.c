/* What the Windows decoder remembers: bounded, saved and loaded without a change; and what it
 * refuses. */
#include "test_random.h"
#include "winlog_run.h"

enum { STORY = 400 };

/* A random record of a small world, in which pids, guids, logons and services meet often. */
static void story_line(struct test_random *random, unsigned n, char *json, size_t size)
{
    unsigned pid = 4 + (unsigned)test_random_below(random, 9) * 4,
             other = 4 + (unsigned)test_random_below(random, 9) * 4;
    unsigned seconds = n / 8, drop = (unsigned)test_random_below(random, 20) == 0;
    char head[256];
    bool sysmon = test_random_below(random, 2);
    (void)snprintf(head, sizeof(head),
                   "'Channel':'%s','RecordNumber':%u,'EventTime':'2024-05-01 12:%02u:%02u'",
                   sysmon ? "Microsoft-Windows-Sysmon/Operational" : "Security", n * 2 + drop * 5,
                   seconds / 60, seconds % 60);
    if (sysmon)
        (void)snprintf(json, size,
                       "{%s,'EventID':%u,'UtcTime':'2024-05-01 "
                       "10:%02u:%02u.%03u','ProcessGuid':'{aabbccdd-12a%u-6632-%04u-000000000400}',"
                       "'ProcessId':'%u','Image':'C:\\\\p%u.exe','ParentProcessGuid':'{aabbccdd-"
                       "12a0-6632-%04u-000000000400}',"
                       "'ParentProcessId':'%u','CommandLine':'p%u "
                       "-x','TargetFilename':'C:\\\\f%u','Protocol':'tcp','Initiated':'false',"
                       "'SourceIp':'10.0.0.9','SourcePort':'%u','DestinationIp':'10.0.0.1','"
                       "DestinationPort':'445','LogonId':'0x%x'}",
                       head, (unsigned)test_random_below(random, 27), seconds / 60, seconds % 60,
                       n % 1000, pid % 10, pid, pid, pid, other, other, pid, n % 7, 50000 + pid,
                       0x1000 + other);
    else
        (void)snprintf(json, size,
                       "{%s,'EventID':%u,'NewProcessId':'0x%x','ProcessId':'0x%x','NewProcessName':"
                       "'C:\\\\p%u.exe','TargetLogonId':'0x%x',"
                       "'SubjectLogonId':'0x%x','TargetUserName':'u%u','IpAddress':'10.0.0.9','"
                       "IpPort':'%u','ServiceName':'s%u',"
                       "'ServiceFileName':'p%u -x','ClientProcessId':'%u'}",
                       head,
                       (unsigned[]){4624, 4648, 4688, 4689, 4697, 4634, 4663, 4672,
                                    1102}[test_random_below(random, 9)],
                       pid, other, pid, 0x1000 + other, 0x1000 + pid, other % 3, 50000 + pid, pid,
                       pid, pid);
}

static void story_feed(struct win_run *run, uint64_t seed, unsigned from, unsigned until)
{
    for (unsigned n = 0; n < until; n++) {
        struct test_random random = {seed * 1000003 + n};
        char json[2048];
        story_line(&random, n, json, sizeof(json));
        if (n >= from && win_run_line(run, json) != 0)
            fail_msg("%s: %s", run->err.text, json);
    }
}

static void assert_same_events(const struct win_run *a, uint32_t skip, const struct win_run *b)
{
    assert_int_equal(a->batch.event_count - skip, b->batch.event_count);
    for (uint32_t i = 0; i < b->batch.event_count; i++) {
        const struct btr_event *x = &a->batch.events[skip + i], *y = &b->batch.events[i];
        assert_true(btr_id_equal(x->subject, y->subject) && btr_id_equal(x->object, y->object));
        assert_true(x->first_ns == y->first_ns && x->last_ns == y->last_ns &&
                    x->time_ns == y->time_ns);
        assert_true(x->operation == y->operation && x->doubt == y->doubt && x->flags == y->flags);
        assert_true(x->line == y->line && x->record_id == y->record_id);
    }
}

/* Goes on from a saved state as the one that was never saved does, to the last byte. */
static void a_state_saves_and_loads_without_a_change(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct win_run whole, resumed;
        unsigned cut = (unsigned)(seed * 37) % STORY;
        win_run_init(&whole, "ws1");
        win_run_init(&resumed, "ws1");
        story_feed(&whole, seed, 0, cut);
        uint32_t told = whole.batch.event_count;
        struct btr_buffer saved = win_run_saved(&whole), again;
        assert_int_equal(
            resumed.decoder->state_load(resumed.state, btr_buffer_view(&saved), &resumed.err), 0);
        again = win_run_saved(&resumed);
        assert_true(btr_span_equal(btr_buffer_view(&saved), btr_buffer_view(&again)));
        btr_buffer_fini(&saved);
        btr_buffer_fini(&again);
        resumed.batch.line = whole.batch.line;
        story_feed(&whole, seed, cut, STORY);
        story_feed(&resumed, seed, cut, STORY);
        assert_same_events(&whole, told, &resumed);
        saved = win_run_saved(&whole);
        again = win_run_saved(&resumed);
        assert_true(btr_span_equal(btr_buffer_view(&saved), btr_buffer_view(&again)));
        btr_buffer_fini(&saved);
        btr_buffer_fini(&again);
        win_run_fini(&whole);
        win_run_fini(&resumed);
    }
}

static void what_is_held_is_saved_too(void **state)
{
    (void)state;
    struct win_run a, b;
    win_run_init(&a, "ws1");
    win_run_init(&b, "ws1");
    assert_int_equal(win_run_line(&a, "{'EventID':4689,'Channel':'Security','TimeCreated':'2024-05-"
                                      "01T03:00:07Z','ProcessId':'0x64'}"),
                     0);
    struct btr_buffer saved = win_run_saved(&a);
    assert_int_equal(b.decoder->state_load(b.state, btr_buffer_view(&saved), &b.err), 0);
    assert_int_equal(b.decoder->input_end(b.state, &b.batch, b.arena), 0);
    assert_int_equal(b.batch.event_count, 1);
    assert_int_equal(b.batch.events[0].line, 1);
    btr_buffer_fini(&saved);
    win_run_fini(&a);
    win_run_fini(&b);
}

static void a_damaged_state_is_refused(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    story_feed(&run, 7, 0, 60);
    struct btr_buffer saved = win_run_saved(&run);
    for (size_t size = 0; size < saved.size; size++) {
        struct win_run other;
        win_run_init(&other, "ws1");
        assert_true(other.decoder->state_load(other.state, (struct btr_span){saved.at, size},
                                              &other.err) < 0);
        win_run_fini(&other);
    }
    saved.at[1] = 99;
    struct win_run other;
    win_run_init(&other, "ws1");
    assert_int_equal(other.decoder->state_load(other.state, btr_buffer_view(&saved), &other.err),
                     BTR_E_VERSION);
    win_run_fini(&other);
    btr_buffer_fini(&saved);
    win_run_fini(&run);
}

static void flipped_bytes_never_crash_a_load(void **state)
{
    (void)state;
    struct win_run run;
    struct test_random random = {99};
    win_run_init(&run, "ws1");
    story_feed(&run, 3, 0, 80);
    struct btr_buffer saved = win_run_saved(&run);
    for (int i = 0; i < 1500; i++) {
        size_t at = test_random_below(&random, saved.size);
        uint8_t kept = saved.at[at];
        saved.at[at] = (uint8_t)test_random_next(&random);
        struct win_run other;
        win_run_init(&other, "ws1");
        if (other.decoder->state_load(other.state, btr_buffer_view(&saved), &other.err) == 0)
            story_feed(&other, 3, 80, 90);
        win_run_fini(&other);
        saved.at[at] = kept;
    }
    btr_buffer_fini(&saved);
    win_run_fini(&run);
}

static void memory_is_bounded_and_evictions_are_counted(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    run.decoder->state_free(run.state);
    struct btr_decoder_config config = {.host = BTR_SPAN("ws1"), .size_max = 256 << 10};
    run.state = run.decoder->state_new(&config);
    for (unsigned n = 0; n < 20000; n++) {
        char json[2048];
        (void)snprintf(json, sizeof(json),
                       "{'EventID':11,'Channel':'Microsoft-Windows-Sysmon/"
                       "Operational','UtcTime':'2024-05-01 10:00:00.000',"
                       "'ProcessGuid':'{aabbccdd-12a0-6632-%04x-%012x}','ProcessId':'%u','Image':'"
                       "C:\\\\%0500u.exe','TargetFilename':'C:\\\\f'}",
                       n % 65536, n, n % 3000 + 1, n);
        assert_int_equal(win_run_line(&run, json), 0);
        btr_batch_clear(&run.batch);
        btr_arena_reset(run.arena);
    }
    struct btr_decoder_stats stats;
    run.decoder->stats(run.state, &stats);
    assert_true(stats.evicted > 19000);
    struct btr_buffer saved = win_run_saved(&run);
    assert_true(saved.size < 256 << 10);
    btr_buffer_fini(&saved);
    win_run_fini(&run);
}

static void what_is_no_windows_event_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *json, *reason;
    } rows[] = {
        {"", "empty"},
        {"<Event/>", "JSON"},
        {"{'a':1", "JSON"},
        {"{'a':1}", "no event id"},
        {"{'EventID':'x','Channel':'Security'}", "no event id"},
        {"{'EventID':1,'Channel':'Security'}", "no time"},
        {"{'EventID':1,'Channel':'Security','EventTime':'yesterday'}", "no time"},
        {"{'Computer':'u','SyslogMessage':'<Event/>','TimeGenerated':'2022-05-11T18:10:20Z'}",
         "syslog"},
        {"{'ActionType':'LdapSearch','Timestamp':'2022-05-11T18:10:20Z'}", "cloud"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct win_run run;
        win_run_init(&run, "ws1");
        assert_int_equal(win_run_line(&run, rows[i].json), BTR_E_FORMAT);
        if (!strstr(run.err.text, rows[i].reason))
            fail_msg("%s: %s", rows[i].json, run.err.text);
        assert_int_equal(run.batch.event_count + run.batch.note_count + run.batch.gap_count +
                             run.batch.stream_count,
                         0);
        struct btr_decoder_stats stats;
        run.decoder->stats(run.state, &stats);
        assert_int_equal(stats.undecoded, 1);
        win_run_fini(&run);
    }
}

static void a_record_too_long_is_refused_whole(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    size_t size = run.decoder->record_max + 1;
    char *json = malloc(size + 1);
    assert_non_null(json);
    memset(json, ' ', size);
    json[0] = '{';
    json[size] = '\0';
    assert_int_equal(win_run_line(&run, json), BTR_E_LIMIT);
    assert_int_equal(run.batch.event_count, 0);
    free(json);
    win_run_fini(&run);
}

static void a_decode_out_of_memory_leaves_the_batch_as_it_was(void **state)
{
    (void)state;
    static const char json[] = "{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/"
                               "Operational\",\"UtcTime\":\"2024-05-01 10:00:00\","
                               "\"ProcessGuid\":\"{aabbccdd-12a0-6632-0001-000000000400}\","
                               "\"ProcessId\":\"100\",\"Image\":\"C:\\\\a.exe\","
                               "\"LogonId\":\"0x1234\",\"User\":\"LAB\\\\eve\"}";
    struct win_run run;
    win_run_init(&run, "ws1");
    bool done = false;
    for (size_t size = 16; size < 16384 && !done; size += 8) {
        struct btr_arena *arena = btr_arena_new(size);
        int rc = run.decoder->decode(run.state, btr_span_of(json), &run.batch, arena, &run.err);
        assert_true(rc == 0 || rc == BTR_E_NOMEM);
        done = rc == 0;
        if (!done)
            assert_int_equal(run.batch.event_count + run.batch.note_count + run.batch.attr_count,
                             0);
        btr_arena_free(arena);
    }
    assert_true(done);
    assert_int_equal(win_run_count(&run, BTR_OP_SESSION_OF), 1);
    assert_int_not_equal(run.batch.note_count, 0);
    win_run_fini(&run);
}

static void the_format_and_the_host_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *json, *host;
        int least, most;
    } rows[] = {
        {"{\"Hostname\":\"WS1.lab\",\"EventID\":1,\"Channel\":\"Security\"}", "WS1.lab", 90, 100},
        {"{\"host\":{\"name\":\"collector\"},\"event_id\":1,\"log_name\":\"S\",\"computer_name\":"
         "\"WS2\"}",
         "WS2", 90, 100},
        {"{\"winlog\":{\"channel\":\"S\",\"computer_name\":\"WS3\"},\"event\":{\"code\":\"1\"}}",
         "WS3", 90, 100},
        {"{\"Computer\":\"WS4\",\"EventID\":1,\"TimeGenerated\":\"x\"}", "WS4", 1, 50},
        {"{\"Message\":\"\\\"Hostname\\\":\\\"forged\\\"\",\"x\":{\"Hostname\":\"deep\"},"
         "\"EventID\":1,\"Channel\":\"S\"}",
         "", 90, 100},
        {"{\"a\":\"b\"}", "", 0, 0},
        {"type=SYSCALL msg=audit(1.0:1): arch=c000003e", "", 0, 0},
        {"{\"Hostname\":\"cut", "cut", 0, 0},
        {"", "", 0, 0},
    };
    const struct btr_decoder *decoder = btr_decoder_find(BTR_SPAN("winlog"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct btr_span record = btr_span_of(rows[i].json);
        int sure = decoder->detect(&record, 1);
        assert_in_range(sure, rows[i].least, rows[i].most);
        struct btr_span host = decoder->host_peek(record);
        if (rows[i].least > 0)
            assert_true(btr_span_equal(host, btr_span_of(rows[i].host)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_saves_and_loads_without_a_change),
        cmocka_unit_test(what_is_held_is_saved_too),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(flipped_bytes_never_crash_a_load),
        cmocka_unit_test(memory_is_bounded_and_evictions_are_counted),
        cmocka_unit_test(what_is_no_windows_event_is_refused_with_a_reason),
        cmocka_unit_test(a_record_too_long_is_refused_whole),
        cmocka_unit_test(a_decode_out_of_memory_leaves_the_batch_as_it_was),
        cmocka_unit_test(the_format_and_the_host_are_found),
    };
    return cmocka_run_group_tests_name("winlog_state", tests, NULL, NULL);
}
