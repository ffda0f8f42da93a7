/* What the shapes of a message's value give. Records are those of the shipped recording and of
 * Sysmon records in the shapes of several shippers; envelopes are as the shippers write them. */
#include <btr/decoder.h>

#include "source/unwrap.h"
#include "test.h"

#define CALL                                                                                       \
    "type=SYSCALL msg=audit(1795424231.026:3533545): arch=c000003e syscall=59 success=yes exit=0 " \
    "ppid=7983 pid=8277 uid=0 comm=\"runsvdir\" exe=\"/usr/bin/runsvdir\" key=(null)"
/* The same within a JSON string. */
#define CALL_QUOTED                                                                                \
    "type=SYSCALL msg=audit(1795424231.026:3533545): arch=c000003e syscall=59 success=yes exit=0 " \
    "ppid=7983 pid=8277 uid=0 comm=\\\"runsvdir\\\" exe=\\\"/usr/bin/runsvdir\\\" key=(null)"
#define CWD "type=CWD msg=audit(1795424231.026:3533545): cwd=\"/\""
#define CWD_QUOTED "type=CWD msg=audit(1795424231.026:3533545): cwd=\\\"/\\\""
#define SYSMON                                                                                     \
    "{\"EventID\":11,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Hostname\":\"WS5\","   \
    "\"RecordNumber\":7,\"Image\":\"C:\\\\a.exe\",\"Message\":\"File created:\\r\\nImage: a\"}"
/* The same within a JSON string. */
#define SYSMON_QUOTED                                                                              \
    "{\\\"EventID\\\":11,\\\"Channel\\\":\\\"Microsoft-Windows-Sysmon/"                            \
    "Operational\\\",\\\"Hostname\\\":\\\"WS5\\\",\\\"RecordNumber\\\":7,"                         \
    "\\\"Image\\\":\\\"C:\\\\\\\\a.exe\\\",\\\"Message\\\":\\\"File created:\\\\r\\\\nImage: "     \
    "a\\\"}"

enum { SIZE_MAX_ROOMY = 64 << 20 };

static struct source_unwrap *unwrap_new(void)
{
    struct source_unwrap *u = source_unwrap_new(SIZE_MAX_ROOMY);
    assert_non_null(u);
    return u;
}

/* A value in memory of its own, so that a read beyond it shows. */
static struct btr_span copy_of(struct btr_span value)
{
    uint8_t *at = malloc(value.size ? value.size : 1);
    assert_non_null(at);
    if (value.size)
        memcpy(at, value.at, value.size);
    return (struct btr_span){at, value.size};
}

static void assert_span(struct btr_span got, struct btr_span want)
{
    if (!btr_span_equal(got, want))
        print_error("got  %.*s\nwant %.*s\n", (int)got.size, (const char *)got.at, (int)want.size,
                    (const char *)want.at);
    assert_true(btr_span_equal(got, want));
}

/* "record|record", each with "host>" before it where the envelope names one. */
static struct btr_buffer told(struct source_unwrap *u, struct btr_span value)
{
    const struct source_unwrapped *records = NULL;
    uint32_t count = UINT32_MAX;
    struct btr_err err = {0};
    struct btr_buffer out = {0};
    btr_buffer_reserve(&out, 1);
    assert_int_equal(source_unwrap(u, value, &records, &count, &err), 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(records[i].record.size > 0);
        btr_buffer_text(&out, i ? "|" : "");
        btr_buffer_span(&out, records[i].host);
        btr_buffer_text(&out, records[i].host.size ? ">" : "");
        btr_buffer_span(&out, records[i].record);
    }
    return out;
}

static void assert_unwraps_span(struct btr_span value, struct btr_span want)
{
    struct source_unwrap *u = unwrap_new();
    struct btr_span own = copy_of(value);
    struct btr_buffer got = told(u, own);
    assert_span(btr_buffer_view(&got), want);
    btr_buffer_fini(&got);
    free((void *)(uintptr_t)own.at);
    source_unwrap_free(u);
}

static void assert_unwraps(const char *value, const char *want)
{
    assert_unwraps_span(btr_span_of(value), btr_span_of(want));
}

static void assert_stands(const char *value)
{
    assert_unwraps(value, value);
}

/* JSON with its quotes written ' for legibility. */
static struct btr_buffer json(const char *text)
{
    struct btr_buffer out = {0};
    for (; *text; text++)
        btr_buffer_u8(&out, *text == '\'' ? '"' : (uint8_t)*text);
    assert_false(out.failed);
    return out;
}

static void assert_json_unwraps(const char *value, const char *want)
{
    struct btr_buffer text = json(value);
    assert_unwraps_span(btr_buffer_view(&text), btr_span_of(want));
    btr_buffer_fini(&text);
}

static void assert_json_stands(const char *value)
{
    struct btr_buffer text = json(value);
    assert_unwraps_span(btr_buffer_view(&text), btr_buffer_view(&text));
    btr_buffer_fini(&text);
}

/* ---- Lines ---------------------------------------------------------------------------------- */

static void a_line_is_a_record_with_and_without_its_end(void **state)
{
    (void)state;
    assert_stands(CALL);
    assert_unwraps(CALL "\n", CALL);
    assert_unwraps(CALL "\r\n", CALL);
    assert_stands("node=web01 " CALL);
    assert_stands("<13>Nov 29 10:00:00 web01 audispd: " CALL);
    assert_stands("any text at all");
}

static void lines_are_records_and_blank_ones_are_none(void **state)
{
    (void)state;
    assert_unwraps(CALL "\n" CWD "\n", CALL "|" CWD);
    assert_unwraps(CALL "\r\n" CWD, CALL "|" CWD);
    assert_unwraps("\n \t\r\n" CALL "\n\n\r\n" CWD "\n  ", CALL "|" CWD);
    assert_unwraps("  " CALL "  \n", "  " CALL "  "); /* blanks of a line are the line's */
    assert_unwraps(CALL "\r\r\n", CALL "\r");
    assert_unwraps("[   12.345678] audit: " CALL "\n[   12.345679] audit: " CWD,
                   "[   12.345678] audit: " CALL "|[   12.345679] audit: " CWD);
}

static void an_empty_or_blank_value_holds_no_record(void **state)
{
    (void)state;
    assert_unwraps("", "");
    assert_unwraps(" \r\n\t\n", "");
    assert_unwraps("\xef\xbb\xbf", "");
    assert_unwraps_span((struct btr_span){NULL, 0}, BTR_SPAN(""));
}

static void bytes_that_are_no_text_survive(void **state)
{
    (void)state;
    assert_unwraps_span(BTR_SPAN("type=\xff\x80 a\0b\nc"), BTR_SPAN("type=\xff\x80 a\0b|c"));
    assert_json_stands("{'EventID':1,'Channel':'\xff\xfe'}");
    assert_json_unwraps("{'message':'" CWD_QUOTED " \xff\xc0'}", CWD " \xff\xc0");
}

/* ---- Events in JSON ------------------------------------------------------------------------- */

static void an_event_is_taken_as_it_is(void **state)
{
    (void)state;
    assert_stands(SYSMON);
    assert_unwraps(SYSMON "\r\n", SYSMON);
    assert_stands("\xef\xbb\xbf" SYSMON);
    assert_stands("{}");
}

/* Winlogbeat's own fields are called as those of envelopes. */
static void an_event_is_no_envelope_whatever_its_message_holds(void **state)
{
    (void)state;
    assert_json_stands("{'@timestamp':'2024-05-01T10:00:00.000Z','message':'" CALL_QUOTED
                       "','host':{'name':'WS5'},'log':{'level':'information'},'winlog':{'channel':"
                       "'Security','event_id':4688,'computer_name':'ws5.lab'}}");
    assert_json_stands(
        "{'computer_name':'ws5','event_id':1,'log_name':'Security','message':'" CALL_QUOTED "'}");
    assert_json_stands("{'EventID':1,'Channel':'Security','event':{'original':'" CALL_QUOTED "'}}");
    assert_json_stands("{'EventID':1,'Channel':'Security','CommandLine':'" CALL_QUOTED "'}");
}

static void an_event_over_several_lines_is_one_record(void **state)
{
    (void)state;
    const char *event = "{\n  'EventID': 1,\n  'Channel': 'Security',\n  'Data': {\n  }\n}";
    assert_json_stands(event);
    assert_json_stands("{'a':\n{'b':1}}");
    assert_json_stands("{\n'a':1}{\n'b':2}"); /* nothing between them */
    assert_json_unwraps("{\n'EventID':1}\n\n{\n'EventID':2}\n",
                        "{\n\"EventID\":1}|{\n\"EventID\":2}");
}

static void an_array_gives_its_elements_byte_for_byte(void **state)
{
    (void)state;
    assert_unwraps("[" SYSMON "," SYSMON "]", SYSMON "|" SYSMON);
    assert_unwraps(" [\n " SYSMON " ,\r\n\t" SYSMON "\n]\n", SYSMON "|" SYSMON);
    assert_json_unwraps("[{ 'a' : [1, {'b':']'}] },null,1.0e5,'x',[{}]]",
                        "{ \"a\" : [1, {\"b\":\"]\"}] }|null|1.0e5|\"x\"|[{}]");
    assert_unwraps("[]", "");
    assert_unwraps(" [ ]\n", "");
}

static void a_batch_of_lines_gives_its_lines(void **state)
{
    (void)state;
    assert_unwraps(SYSMON "\n" SYSMON "\n", SYSMON "|" SYSMON);
    assert_unwraps(SYSMON "\r\n\r\n" SYSMON, SYSMON "|" SYSMON);
    assert_unwraps("[" SYSMON "]\n[" SYSMON "," SYSMON "]\n", SYSMON "|" SYSMON "|" SYSMON);
    assert_json_unwraps("{'message':'" CALL_QUOTED "'}\n{'message':'" CWD_QUOTED "'}\n" SYSMON,
                        CALL "|" CWD "|" SYSMON);
    assert_unwraps(CALL "\n" SYSMON "\n", CALL "|" SYSMON);
    assert_unwraps(SYSMON "\n" CALL "\n", SYSMON "|" CALL);
}

/* ---- Envelopes ------------------------------------------------------------------------------ */

static void fluent_bit_is_unwrapped(void **state)
{
    (void)state;
    assert_json_unwraps("{'@timestamp':1795424231.031337,'log':'" CALL_QUOTED "'}", CALL);
    assert_json_unwraps("{'date':'2026-11-23T10:17:11.031337Z','log':'" CALL_QUOTED
                        "\\n','stream':'stdout','hostname':'web01'}",
                        "web01>" CALL);
}

static void vector_is_unwrapped(void **state)
{
    (void)state;
    assert_json_unwraps("{'file':'/var/log/audit/audit.log','host':'web01','message':'" CALL_QUOTED
                        "','source_type':'file','timestamp':'2026-11-23T10:17:11.031337Z'}",
                        "web01>" CALL);
}

static void filebeat_is_unwrapped(void **state)
{
    (void)state;
    assert_json_unwraps(
        "{'@timestamp':'2026-11-23T10:17:11.031Z','@metadata':{'beat':'filebeat','type':'_doc',"
        "'version':'8.15.0'},'log':{'offset':3210,'file':{'path':'/var/log/audit/audit.log'}},"
        "'message':'" CALL_QUOTED "','input':{'type':'filestream'},'ecs':{'version':'8.0.0'},"
        "'host':{'name':'web01'},'agent':{'name':'web01','type':'filebeat','hostname':'other'}}",
        "web01>" CALL);
}

static void what_an_agent_read_comes_before_what_a_pipeline_made_of_it(void **state)
{
    (void)state;
    assert_json_unwraps("{'message':'" CWD_QUOTED
                        "','event':{'module':'auditd','original':'" CALL_QUOTED
                        "'},'host':'web01'}",
                        "web01>" CALL);
    assert_json_unwraps("{'message':'" CWD_QUOTED "','event.original':'not that'}", CWD);
}

static void fluentd_and_rsyslog_are_unwrapped(void **state)
{
    (void)state;
    assert_json_unwraps("{'message':'" CALL_QUOTED "'}", CALL);
    assert_json_unwraps("{'@timestamp':'2026-11-23T10:17:11+00:00','@version':'1','message':"
                        "' audispd: " CALL_QUOTED "','host':'web01','severity':'info'}",
                        "web01> audispd: " CALL);
}

static void an_event_in_an_envelope_is_unwrapped(void **state)
{
    (void)state;
    assert_json_unwraps("{'message':'" SYSMON_QUOTED "','host':'collector'}", "collector>" SYSMON);
    assert_json_unwraps("{'log':'[" SYSMON_QUOTED ", " SYSMON_QUOTED "]\\n'}", SYSMON "|" SYSMON);
}

static void an_event_over_several_lines_in_an_envelope_is_one_record(void **state)
{
    (void)state;
    assert_json_unwraps(
        "{'message':'{\\r\\n\\t \\'EventID\\': 1,\\n \\'Channel\\': \\'Security\\'\\n}\\n'}",
        "{\r\n\t \"EventID\": 1,\n \"Channel\": \"Security\"\n}");
}

static void several_lines_in_an_envelope_are_several_records(void **state)
{
    (void)state;
    assert_json_unwraps("{'message':'" CALL_QUOTED "\\n" CWD_QUOTED "\\r\\n','host':'web01'}",
                        "web01>" CALL "|web01>" CWD);
}

static void envelopes_in_an_array_are_unwrapped(void **state)
{
    (void)state;
    assert_json_unwraps("[{'log':'" CALL_QUOTED "'},{'log':'" CWD_QUOTED "','host':'web01'}," SYSMON
                        "]",
                        CALL "|web01>" CWD "|" SYSMON);
}

static void the_outer_host_counts_where_the_inner_envelope_names_none(void **state)
{
    (void)state;
    assert_json_unwraps(
        "{'host':'collector','message':'{\\'log\\':\\'type=EOE msg=audit(1.002:3): \\'}'}",
        "collector>type=EOE msg=audit(1.002:3): ");
}

/* Puts a value into an envelope. */
static void wrap(struct btr_buffer *value)
{
    struct btr_buffer outer = {0};
    btr_buffer_text(&outer, "{\"message\":\"");
    for (size_t i = 0; i < value->size; i++) {
        if (value->at[i] == '"' || value->at[i] == '\\')
            btr_buffer_u8(&outer, '\\');
        if (value->at[i] == '\n')
            btr_buffer_text(&outer, "\\n");
        else
            btr_buffer_u8(&outer, value->at[i]);
    }
    btr_buffer_text(&outer, "\",\"host\":{\"name\":\"collector\"}}");
    assert_false(outer.failed);
    btr_buffer_fini(value);
    *value = outer;
}

static void envelopes_within_each_other_are_unwrapped_three_deep(void **state)
{
    (void)state;
    struct btr_buffer value = json("{'log':'" CWD_QUOTED "','hostname':'web01'}");
    for (unsigned depth = 1; depth <= SOURCE_UNWRAP_DEPTH_MAX; depth++) {
        assert_unwraps_span(btr_buffer_view(&value), BTR_SPAN("web01>" CWD)); /* the innermost */
        wrap(&value);
    }
    assert_unwraps_span(btr_buffer_view(&value), btr_buffer_view(&value));
    btr_buffer_fini(&value);
}

static void a_host_is_taken_in_the_order_of_trust(void **state)
{
    (void)state;
#define LINE "{'message':'" CWD_QUOTED "'"
    assert_json_unwraps(LINE "}", CWD);
    assert_json_unwraps(LINE ",'beat':{'hostname':'f'}}", "f>" CWD);
    assert_json_unwraps(LINE ",'beat':{'hostname':'f'},'agent':{'hostname':'e'}}", "e>" CWD);
    assert_json_unwraps(LINE ",'agent':{'hostname':'e'},'hostname':'d'}", "d>" CWD);
    assert_json_unwraps(LINE ",'hostname':'d','host':'c'}", "c>" CWD);
    assert_json_unwraps(LINE ",'hostname':'d','host':{'hostname':'b'}}", "b>" CWD);
    assert_json_unwraps(LINE ",'host':{'hostname':'b','name':'a'}}", "a>" CWD);
    assert_json_unwraps(LINE ",'host.name':'a','host':'c'}", "a>" CWD);
    assert_json_unwraps(LINE ",'host':{'name':''},'hostname':'d'}", "d>" CWD);
    assert_json_unwraps(LINE ",'host':{'name':7},'hostname':'d'}", "d>" CWD);
    assert_json_unwraps(LINE ",'host':'a\\u0062\\/'}", "ab/>" CWD);
    assert_json_unwraps(LINE ",'host':'first','host':'second'}", "first>" CWD);
    assert_json_unwraps(LINE ",'host':{'name':'\\x'},'hostname':'d'}", "d>" CWD);
#undef LINE
}

static void escapes_are_undone(void **state)
{
    (void)state;
    assert_json_unwraps("{'log':'" CWD_QUOTED
                        " \\u001dA=\\u00e9\\ud83d\\ude00\\t\\b\\f\\/ \\ud800'}",
                        CWD " \x1d"
                            "A=\xc3\xa9\xf0\x9f\x98\x80\t\b\f/ \xed\xa0\x80");
    assert_json_stands("{'log':'" CWD_QUOTED " \\x'}");
    assert_json_stands("{'log':'" CWD_QUOTED " \\u00g0'}");
}

static void what_holds_no_record_of_a_known_format_is_no_envelope(void **state)
{
    (void)state;
    assert_json_stands("{'message':'user logged in','host':'web01'}");
    assert_json_stands("{'message':'{\\\"level\\\":\\\"info\\\"}','host':'web01'}");
    assert_json_stands("{'message':{'type':'" CALL_QUOTED "'}}");
    assert_json_stands("{'other':'" CALL_QUOTED "'}");
    assert_json_stands("{'inner':{'message':'" CALL_QUOTED "'}}");
    assert_json_stands("{'message':'','log':null,'host':'web01'}");
    assert_json_unwraps("{'message':'no record','log':'" CALL_QUOTED "'}", CALL);
}

/* ---- Hostile values ------------------------------------------------------------------------- */

static void broken_json_is_one_record_as_it_stands(void **state)
{
    (void)state;
    static const char *const values[] = {"{",
                                         "[",
                                         "[{",
                                         "[{}",
                                         "[{},",
                                         "[{},]",
                                         "[{},,{}]",
                                         "[{}}",
                                         "[{]",
                                         "[{]]",
                                         "[{\"a\":[}]}]",
                                         "[{}] x",
                                         "{}}",
                                         "{\"",
                                         "[{\"a\":\"\\\"}]",
                                         "{\"message\"",
                                         "{\"message\":",
                                         "{\"message\":\"" CWD_QUOTED,
                                         "{\"message\":\"" CWD_QUOTED "\"",
                                         "{\"message\":\"" CWD_QUOTED "\"} x",
                                         "{\"message\":\"" CWD_QUOTED "\",}",
                                         "{\"message\" \"" CWD_QUOTED "\"}",
                                         "{\"message\":\"" CWD_QUOTED "\" \"host\":1}",
                                         "{\n \"a\": 1,\n \"b\"",
                                         "[\n {},\n {}"};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        assert_stands(values[i]);
    assert_unwraps("[\n {},\n {}\n\n", "[\n {},\n {}");
    /* no newline may stand in a string */
    assert_stands("{\"message\":\"" CWD_QUOTED "\n" CWD_QUOTED "\"}");
}

static void every_truncation_of_an_envelope_is_one_record(void **state)
{
    (void)state;
    struct btr_buffer text =
        json("{'host':{'name':'web01'},'message':'" CALL_QUOTED "','n':[1,{}]}");
    for (size_t size = 1; size < text.size; size++) {
        struct btr_span cut = {text.at, size};
        assert_unwraps_span(cut, cut);
    }
    btr_buffer_fini(&text);
}

static void a_broken_line_of_a_batch_costs_that_line_only(void **state)
{
    (void)state;
    assert_unwraps("{\"a\":\n" SYSMON "\n" SYSMON "\n", "{\"a\":|" SYSMON "|" SYSMON);
    assert_unwraps(SYSMON "\n{\"a\":\"x\n" SYSMON "\n", SYSMON "|{\"a\":\"x|" SYSMON);
    assert_unwraps("[" SYSMON "]\n[" SYSMON ",", SYSMON "|[" SYSMON ",");
    assert_unwraps("{\"a\":\"x\n{\"b\":\"y\n{\"c\":\"z\"}", "{\"a\":\"x|{\"b\":\"y|{\"c\":\"z\"}");
    assert_unwraps(SYSMON "\n{\"EventID\":1,\"Ch", SYSMON "|{\"EventID\":1,\"Ch");
}

static struct btr_buffer repeated(const char *text, size_t count)
{
    struct btr_buffer out = {0};
    for (size_t i = 0; i < count; i++)
        btr_buffer_text(&out, text);
    assert_false(out.failed);
    return out;
}

static void depth_bombs_stand_as_they_are(void **state)
{
    (void)state;
    static const char *const units[] = {
        "[",    "{",  "{\"a\":",          "[{\"a\":", "[\n", "{\"message\":\"{\\\"",
        "\\\"", "\\", "[{\"message\":[\""};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        struct btr_buffer bomb = repeated(units[i], 200000);
        struct btr_span want = btr_buffer_view(&bomb);
        while (want.at[want.size - 1] == '\n')
            want.size--;
        assert_unwraps_span(btr_buffer_view(&bomb), want);
        btr_buffer_fini(&bomb);
    }
}

static void elements_may_be_64_brackets_deep(void **state)
{
    (void)state;
    for (size_t depth = 64; depth <= 65; depth++) {
        struct btr_buffer value = {0}, want = {0};
        struct btr_buffer open = repeated("[", depth), close = repeated("]", depth);
        btr_buffer_text(&value, "[{},");
        btr_buffer_span(&value, btr_buffer_view(&open));
        btr_buffer_span(&value, btr_buffer_view(&close));
        btr_buffer_text(&value, "]");
        btr_buffer_text(&want, "{}|");
        btr_buffer_span(&want, (struct btr_span){value.at + 4, 2 * depth});
        assert_unwraps_span(btr_buffer_view(&value), btr_buffer_view(depth == 64 ? &want : &value));
        btr_buffer_fini(&open);
        btr_buffer_fini(&close);
        btr_buffer_fini(&value);
        btr_buffer_fini(&want);
    }
}

static void a_value_of_too_many_records_is_one_record(void **state)
{
    (void)state;
    struct source_unwrap *u = unwrap_new();
    const struct source_unwrapped *records;
    uint32_t count;
    struct btr_buffer lines = repeated("a\n", SOURCE_UNWRAP_RECORDS_MAX);
    assert_int_equal(source_unwrap(u, btr_buffer_view(&lines), &records, &count, NULL), 0);
    assert_int_equal(count, SOURCE_UNWRAP_RECORDS_MAX);
    btr_buffer_text(&lines, "a");
    assert_int_equal(source_unwrap(u, btr_buffer_view(&lines), &records, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_span(records[0].record, btr_buffer_view(&lines));
    btr_buffer_fini(&lines);
    struct btr_buffer array = repeated("{},", SOURCE_UNWRAP_RECORDS_MAX);
    array.at[0] = '[';
    array.at[1] = '{';
    array.at[2] = '}';
    btr_buffer_text(&array, ",{},{}]");
    assert_int_equal(source_unwrap(u, btr_buffer_view(&array), &records, &count, NULL), 0);
    assert_int_equal(count, 1);
    source_unwrap_clear(u);
    assert_true(source_unwrap_size(u) < 1 << 20);
    btr_buffer_fini(&array);
    source_unwrap_free(u);
}

static void values_up_to_10_mib_are_taken_apart_and_longer_ones_stand(void **state)
{
    (void)state;
    struct btr_buffer value = repeated(CALL "\n", SOURCE_UNWRAP_VALUE_MAX / sizeof(CALL) - 1);
    size_t lines = value.size / sizeof(CALL);
    while (value.size < SOURCE_UNWRAP_VALUE_MAX)
        btr_buffer_u8(&value, ' ');
    struct source_unwrap *u = unwrap_new();
    const struct source_unwrapped *records;
    uint32_t count;
    assert_int_equal(source_unwrap(u, btr_buffer_view(&value), &records, &count, NULL), 0);
    assert_int_equal(count, lines);
    btr_buffer_u8(&value, 'x');
    assert_int_equal(source_unwrap(u, btr_buffer_view(&value), &records, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_span(records[0].record, btr_buffer_view(&value));
    btr_buffer_fini(&value);
    source_unwrap_free(u);
}

/* ---- Lives of memory ------------------------------------------------------------------------ */

static void with_40_mib_a_large_value_three_deep_is_taken_apart(void **state)
{
    (void)state;
    enum { LINES = 260000 };
    struct btr_buffer value = {0};
    for (size_t i = 0; i < LINES; i++)
        btr_buffer_text(&value, "type=EOE msg=audit(1.002:3): x \n");
    for (unsigned depth = 0; depth < SOURCE_UNWRAP_DEPTH_MAX; depth++)
        wrap(&value);
    struct source_unwrap *u = source_unwrap_new(40 << 20);
    const struct source_unwrapped *records;
    uint32_t count;
    assert_non_null(u);
    assert_in_range(value.size, 8 << 20, SOURCE_UNWRAP_VALUE_MAX);
    assert_int_equal(source_unwrap(u, btr_buffer_view(&value), &records, &count, NULL), 0);
    assert_int_equal(count, LINES);
    assert_in_range(source_unwrap_size(u), 30 << 20, 48 << 20);
    btr_buffer_fini(&value);
    source_unwrap_free(u);
}

static void records_of_many_values_stay_until_the_clear(void **state)
{
    (void)state;
    enum { VALUES = 3000 };
    static const struct source_unwrapped *kept[VALUES];
    struct source_unwrap *u = unwrap_new();
    struct btr_buffer plain = json("{'host':'web01','message':'" CWD_QUOTED "\\n" CALL_QUOTED "'}");
    for (size_t i = 0; i < VALUES; i++) {
        uint32_t count;
        assert_int_equal(source_unwrap(u, btr_buffer_view(&plain), &kept[i], &count, NULL), 0);
        assert_int_equal(count, 2);
    }
    for (size_t i = 0; i < VALUES; i++) {
        assert_span(kept[i][0].record, BTR_SPAN(CWD));
        assert_span(kept[i][1].record, BTR_SPAN(CALL));
        assert_span(kept[i][1].host, BTR_SPAN("web01"));
    }
    assert_true(source_unwrap_size(u) > VALUES * sizeof(CALL));
    source_unwrap_clear(u);
    assert_true(source_unwrap_size(u) < 64 << 10);
    btr_buffer_fini(&plain);
    source_unwrap_free(u);
}

static void a_full_memory_is_told_and_after_a_clear_the_same_value_is_taken(void **state)
{
    (void)state;
    struct source_unwrap *u = source_unwrap_new(16 << 10);
    struct btr_buffer value = json("{'host':'web01','message':'" CALL_QUOTED "'}");
    const struct source_unwrapped *records;
    uint32_t count;
    struct btr_err err = {0};
    unsigned clears = 0;
    assert_non_null(u);
    for (unsigned i = 0; i < 1000; i++) {
        int rc = source_unwrap(u, btr_buffer_view(&value), &records, &count, &err);
        if (rc == BTR_E_LIMIT) {
            assert_true(err.text[0] != '\0');
            clears++;
            source_unwrap_clear(u);
            rc = source_unwrap(u, btr_buffer_view(&value), &records, &count, &err);
        }
        assert_int_equal(rc, 0);
        assert_int_equal(count, 1);
        assert_span(records[0].record, BTR_SPAN(CALL));
        assert_true(source_unwrap_size(u) <= 24 << 10);
    }
    assert_true(clears > 10);
    btr_buffer_fini(&value);
    source_unwrap_free(u);
}

static void a_value_that_needs_more_than_the_whole_memory_is_one_record(void **state)
{
    (void)state;
    struct source_unwrap *u = source_unwrap_new(0);
    struct btr_buffer value = repeated(CALL "\n", 1000);
    const struct source_unwrapped *records;
    uint32_t count;
    assert_non_null(u);
    assert_int_equal(source_unwrap(u, btr_buffer_view(&value), &records, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(records[0].record.size, value.size - 1);
    assert_int_equal(source_unwrap(u, btr_buffer_view(&value), &records, &count, NULL),
                     BTR_E_LIMIT);
    source_unwrap_clear(u);
    btr_buffer_fini(&value);
    source_unwrap_free(u);
}

static void lines_and_events_are_borrowed_and_cost_no_copy(void **state)
{
    (void)state;
    static const char *const values[] = {
        CALL "\n" CWD, SYSMON, "[" SYSMON "]",
        "{\"host\":\"a\",\"log\":\"type=EOE msg=audit(1.002:3): \"}"};
    struct source_unwrap *u = unwrap_new();
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct btr_span value = btr_span_of(values[i]);
        const struct source_unwrapped *records;
        uint32_t count;
        assert_int_equal(source_unwrap(u, value, &records, &count, NULL), 0);
        for (uint32_t k = 0; k < count; k++)
            assert_in_range((uintptr_t)records[k].record.at, (uintptr_t)value.at,
                            (uintptr_t)value.at + value.size);
    }
    source_unwrap_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_record_with_and_without_its_end),
        cmocka_unit_test(lines_are_records_and_blank_ones_are_none),
        cmocka_unit_test(an_empty_or_blank_value_holds_no_record),
        cmocka_unit_test(bytes_that_are_no_text_survive),
        cmocka_unit_test(an_event_is_taken_as_it_is),
        cmocka_unit_test(an_event_is_no_envelope_whatever_its_message_holds),
        cmocka_unit_test(an_event_over_several_lines_is_one_record),
        cmocka_unit_test(an_array_gives_its_elements_byte_for_byte),
        cmocka_unit_test(a_batch_of_lines_gives_its_lines),
        cmocka_unit_test(fluent_bit_is_unwrapped),
        cmocka_unit_test(vector_is_unwrapped),
        cmocka_unit_test(filebeat_is_unwrapped),
        cmocka_unit_test(what_an_agent_read_comes_before_what_a_pipeline_made_of_it),
        cmocka_unit_test(fluentd_and_rsyslog_are_unwrapped),
        cmocka_unit_test(an_event_in_an_envelope_is_unwrapped),
        cmocka_unit_test(an_event_over_several_lines_in_an_envelope_is_one_record),
        cmocka_unit_test(several_lines_in_an_envelope_are_several_records),
        cmocka_unit_test(envelopes_in_an_array_are_unwrapped),
        cmocka_unit_test(the_outer_host_counts_where_the_inner_envelope_names_none),
        cmocka_unit_test(envelopes_within_each_other_are_unwrapped_three_deep),
        cmocka_unit_test(a_host_is_taken_in_the_order_of_trust),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(what_holds_no_record_of_a_known_format_is_no_envelope),
        cmocka_unit_test(broken_json_is_one_record_as_it_stands),
        cmocka_unit_test(every_truncation_of_an_envelope_is_one_record),
        cmocka_unit_test(a_broken_line_of_a_batch_costs_that_line_only),
        cmocka_unit_test(depth_bombs_stand_as_they_are),
        cmocka_unit_test(elements_may_be_64_brackets_deep),
        cmocka_unit_test(a_value_of_too_many_records_is_one_record),
        cmocka_unit_test(values_up_to_10_mib_are_taken_apart_and_longer_ones_stand),
        cmocka_unit_test(with_40_mib_a_large_value_three_deep_is_taken_apart),
        cmocka_unit_test(records_of_many_values_stay_until_the_clear),
        cmocka_unit_test(a_full_memory_is_told_and_after_a_clear_the_same_value_is_taken),
        cmocka_unit_test(a_value_that_needs_more_than_the_whole_memory_is_one_record),
        cmocka_unit_test(lines_and_events_are_borrowed_and_cost_no_copy),
    };
    return cmocka_run_group_tests_name("unwrap", tests, NULL, NULL);
}
