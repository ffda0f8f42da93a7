/* SPEC: every form, and what is refused. */
#include <btr/filter.h>

#include "query_tests.h"
#include "test.h"

static struct btr_spec parsed(const char *text)
{
    struct btr_spec spec;
    struct btr_err err;
    if (btr_spec_parse(&spec, btr_span_of(text), &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return spec;
}

static void is_text(struct btr_span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.at, text, span.size);
}

static void records_are_named_by_host_channel_and_id(void **state)
{
    (void)state;
    struct btr_spec s = parsed("record:web01/3714009");
    assert_int_equal(s.form, BTR_SPEC_RECORD);
    is_text(s.host, "web01");
    assert_int_equal(s.channel.size, 0);
    assert_int_equal(s.number, 3714009);
    assert_true(s.at_ns == INT64_MIN);

    s = parsed("record:ws5/Microsoft-Windows-Sysmon/Operational/77@2026-11-23T10:15:00.25Z");
    is_text(s.channel, "Microsoft-Windows-Sysmon/Operational");
    assert_int_equal(s.number, 77);
    assert_int_equal(s.at_ns, INT64_C(1795428900250000000));
    assert_int_equal(parsed("record:a/1@1795424315.834").at_ns, INT64_C(1795424315834000000));
}

static void origins_are_a_line_of_a_file_or_an_offset_of_a_topic(void **state)
{
    (void)state;
    struct btr_spec s = parsed("origin:web01.audit.log.zst:12");
    assert_int_equal(s.form, BTR_SPEC_ORIGIN);
    is_text(s.path, "web01.audit.log.zst");
    assert_int_equal(s.number, 12);
    assert_int_equal(s.partition, UINT32_MAX);
    s = parsed("origin:audit-raw:3:0");
    is_text(s.path, "audit-raw");
    assert_int_equal(s.partition, 3);
    assert_int_equal(s.number, 0);
    s = parsed("origin:C:\\logs\\a.json:5");
    is_text(s.path, "C:\\logs\\a.json");
    s = parsed("origin:/var/log/a:7:5"); /* no topic has a slash */
    is_text(s.path, "/var/log/a:7");
}

static void processes_files_flows_and_ids_are_named(void **state)
{
    (void)state;
    struct btr_spec s = parsed("process:web01/9835@1795424284.5");
    assert_int_equal(s.form, BTR_SPEC_PROCESS);
    assert_int_equal(s.number, 9835);
    assert_int_equal(s.at_ns, INT64_C(1795424284500000000));
    s = parsed("file:web01//etc/shadow");
    assert_int_equal(s.form, BTR_SPEC_FILE);
    is_text(s.path, "/etc/shadow");
    is_text(parsed("file:web01//tmp/a@b").path, "/tmp/a@b");
    is_text(parsed("file:ws5/C:\\Users\\x").path, "C:\\Users\\x");
    is_text(parsed("file:ws5/\\\\srv\\share").path, "\\\\srv\\share");
    s = parsed("flow:10.77.0.139:57012-10.77.0.11:*");
    assert_int_equal(s.form, BTR_SPEC_FLOW);
    is_text(s.address[0], "10.77.0.139");
    assert_int_equal(s.port[0], 57012);
    is_text(s.address[1], "10.77.0.11");
    assert_int_equal(s.port[1], UINT32_MAX);
    s = parsed("flow:[::1]:80-fe80::2:443");
    is_text(s.address[0], "::1");
    is_text(s.address[1], "fe80::2");
    s = parsed("id:00000000000000010000000000000002");
    assert_int_equal(s.form, BTR_SPEC_ID);
    assert_true(s.id.hi == 1 && s.id.lo == 2);
}

static void wrong_specs_are_refused_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } ROWS[] = {
        {"", "begins with none of"},
        {"recrod:web01/1", "begins with none of"},
        {"record:", "HOST/ is missing"},
        {"record:/5", "HOST/ is missing"},
        {"record:web01", "HOST/ is missing"},
        {"record:web01/", "a record's id is a number"},
        {"record:web01/x", "a record's id is a number"},
        {"record:web01/99999999999999999999", "a record's id is a number"},
        {"record:web01//5", "the channel is empty"},
        {"record:web01/5@noon", "no time after @"},
        {"record:web01/5@", "no time after @"},
        {"origin:web01.log", "origin is FILE:LINE"},
        {"origin::5", "origin is FILE:LINE"},
        {"origin:web01.log:", "a line or offset is a number"},
        {"origin:web01.log:0", "lines count from 1"},
        {"process:web01/ping", "a pid is a number"},
        {"process:web01/4294967296", "a pid is a number"},
        {"file:web01/etc/shadow", "begins with / or a drive letter"},
        {"file:web01", "HOST/ is missing"},
        {"flow:10.0.0.1:80", "a flow is"},
        {"flow:10.0.0.1-10.0.0.2", "IP:PORT"},
        {"flow:10.0.0.1:80-web01:80", "no IP address"},
        {"flow:10.0.0.1:80-10.0.0.2:70000", "a port is a number"},
        {"id:123", "32 hex digits"},
        {"id:0000000000000001000000000000000g", "32 hex digits"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct btr_spec spec;
        struct btr_err err = {0};
        int rc = btr_spec_parse(&spec, btr_span_of(ROWS[i].text), &err);
        if (rc != BTR_E_USAGE || !strstr(err.text, ROWS[i].says))
            fail_msg("%s: %d: %s", ROWS[i].text, rc, err.text);
    }
}

static void hostile_bytes_in_a_spec_come_out_escaped(void **state)
{
    (void)state;
    struct btr_spec spec;
    struct btr_err err;
    assert_int_equal(btr_spec_parse(&spec, BTR_SPAN("record:\x1b[31m\n"), &err), BTR_E_USAGE);
    for (const char *c = err.text; *c; c++)
        assert_true((unsigned char)*c >= 0x20);
}

int spec_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_named_by_host_channel_and_id),
        cmocka_unit_test(origins_are_a_line_of_a_file_or_an_offset_of_a_topic),
        cmocka_unit_test(processes_files_flows_and_ids_are_named),
        cmocka_unit_test(wrong_specs_are_refused_with_what_is_wrong),
        cmocka_unit_test(hostile_bytes_in_a_spec_come_out_escaped),
    };
    return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
