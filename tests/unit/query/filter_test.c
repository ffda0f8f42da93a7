/* The filter language: what it accepts, refuses, and finds. */
#include <btr/filter.h>

#include "query_tests.h"
#include "test.h"

static const struct btr_attr CURL_ATTRS[] = {
    {BTR_ATTR_PROCESS_PID, 10, {(const uint8_t *)"9835", 4}},
    {BTR_ATTR_PROCESS_EXECUTABLE, 10, {(const uint8_t *)"/usr/bin/dash", 13}},
    {BTR_ATTR_PROCESS_EXECUTABLE, 20, {(const uint8_t *)"/usr/bin/curl", 13}},
    {BTR_ATTR_PROCESS_COMMAND_LINE, 20, {(const uint8_t *)"curl -d \"a\" \xff", 13}},
    {BTR_ATTR_USER_ID, 10, {(const uint8_t *)"33", 2}},
    {BTR_ATTR_DESTINATION_IP, 10, {(const uint8_t *)"10.77.0.139", 11}},
};
static const struct btr_entity CURL = {
    .kind = BTR_KIND_PROCESS,
    .host = {(const uint8_t *)"web01", 5},
    .id = {1, 2},
    .attrs = CURL_ATTRS,
    .attr_count = sizeof CURL_ATTRS / sizeof *CURL_ATTRS,
};

static const struct btr_attr CMD_ATTRS[] = {
    {BTR_ATTR_PROCESS_EXECUTABLE, 10, {(const uint8_t *)"C:\\Windows\\System32\\cmd.exe", 27}},
    {BTR_ATTR_PROCESS_ENTITY_ID, 10, {(const uint8_t *)"{AB-12}", 7}},
};
static const struct btr_entity CMD = {
    .kind = BTR_KIND_PROCESS,
    .host = {(const uint8_t *)"ws5", 3},
    .attrs = CMD_ATTRS,
    .attr_count = sizeof CMD_ATTRS / sizeof *CMD_ATTRS,
};

/* What satisfies a filter must have what the filter needs. */
static bool has_need(const struct btr_filter *filter, const struct btr_entity *entity)
{
    struct btr_filter_need need;
    if (!btr_filter_need(filter, &need))
        return true;
    for (uint32_t i = 0; i < entity->attr_count; i++) {
        const struct btr_attr *a = &entity->attrs[i];
        if (a->key == need.key && btr_filter_need_test(&need, a->value) &&
            (!need.is_exact || a->value.size == need.value.size))
            return true;
    }
    return false;
}

static bool fits(const char *text, const struct btr_entity *entity)
{
    struct btr_filter *filter = NULL;
    struct btr_err err;
    if (btr_filter_parse(&filter, btr_span_of(text), &err) != 0)
        fail_msg("%s: %s", text, err.text);
    bool result = btr_filter_entity(filter, entity);
    assert_true(!result || has_need(filter, entity));
    btr_filter_free(filter);
    return result;
}

static void filters_accept_what_they_should(void **state)
{
    (void)state;
    static const char *const YES[] = {
        "",
        "  \n",
        "process.executable like \"*/curl\" and host.name == \"web01\"",
        "host.name == 'WEB01'",
        "process.executable == \"/usr/bin/dash\"", /* any value of the field */
        "process.pid == 9835",
        "process.pid > 999",
        "process.pid <= 9835.0",
        "process.pid in (1, 2, 9835)",
        "process.pid not in (1, 2)",
        "not process.pid in (1)",
        "process.pid != 1",
        "process.executable != \"/bin/sh\"",
        "process.name == \"curl\"",
        "user.id == \"33\"",
        "destination.ip cidr \"10.0.0.0/8\"",
        "process.command_line matches /^curl -d/",
        "process.command_line matches /CURL/i",
        "process.executable matches /\\/bin\\/curl$/",
        "process.command_line == \"curl -d \\\"a\\\" \\xff\"",
        "process.command_line like 'curl -d \"a\"*'",
        "process.pid == 1 or user.id == \"33\" and host.name == \"web01\"",
        "(process.pid == 1 or user.id == \"33\") and host.name == \"web01\"",
        "not (process.pid == 1 or user.id == \"34\")",
        "not not process.pid == 9835",
        "process.pid == 1 OR NOT process.pid == 1", /* words of the language in either case; fields
                                                       not */
        "backtrail.kind == \"process\"",
        "backtrail.id == \"00000000000000010000000000000002\"",
        "not file.path like \"*\"", /* has no such field */
    };
    for (size_t i = 0; i < sizeof YES / sizeof *YES; i++) {
        if (!fits(YES[i], &CURL))
            fail_msg("does not fit: %s", YES[i]);
    }
}

static void filters_leave_out_what_they_should(void **state)
{
    (void)state;
    static const char *const NO[] = {
        "process.pid == 983",
        "process.pid < 100", /* as text "9835" < "99", as numbers not */
        "process.pid == \"09835\"",
        "process.executable like \"*/CURL\"",
        "process.executable != \"/usr/bin/dash\"", /* one of its values is that */
        "file.path != \"/x\"",                     /* it has no file.path at all */
        "file.path like \"*\"",
        "destination.ip cidr \"192.168.0.0/16\"",
        "process.command_line matches /^-d/",
        "process.pid == 9835 and user.id == \"34\"",
        "not (process.pid == 9835)",
        "backtrail.kind == \"file\"",
    };
    for (size_t i = 0; i < sizeof NO / sizeof *NO; i++) {
        if (fits(NO[i], &CURL))
            fail_msg("fits: %s", NO[i]);
    }
}

static void windows_paths_and_agents_ids_ignore_case(void **state)
{
    (void)state;
    assert_true(fits("process.executable == 'c:\\windows\\system32\\CMD.EXE'", &CMD));
    assert_true(fits("process.executable like '*\\CMD.exe'", &CMD));
    assert_true(fits("process.executable like \"c:\\\\windows\\\\*\"", &CMD));
    assert_true(fits("process.name == \"CMD.exe\"", &CMD));
    assert_true(fits("process.entity_id == \"{ab-12}\"", &CMD));
    assert_false(fits("process.executable matches /CMD/", &CMD));
}

struct refusal {
    const char *text;
    uint64_t offset;
    const char *says;
};

static void a_filter_tells_the_value_that_it_needs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum btr_attr_key key; /* BTR_ATTR_NONE: nothing is needed */
        const char *exact;
    } CASES[] = {
        {"", BTR_ATTR_NONE, NULL},
        {"file.path == \"/a\"", BTR_ATTR_FILE_PATH, "/a"},
        {"file.path like \"/a*\" and user.id == \"0\"", BTR_ATTR_USER_ID, "0"},
        {"file.path like \"/a*\" and user.id == 0", BTR_ATTR_FILE_PATH, NULL},
        {"file.name == \"a\"", BTR_ATTR_FILE_PATH, NULL},
        {"process.pid == 5", BTR_ATTR_PROCESS_PID, NULL},
        {"file.path in (\"/a\", \"/b\")", BTR_ATTR_FILE_PATH, NULL},
        {"source.ip cidr \"10.0.0.0/8\"", BTR_ATTR_SOURCE_IP, NULL},
        {"file.path == \"/a\" or file.path == \"/b\"", BTR_ATTR_NONE, NULL},
        {"not file.path == \"/a\"", BTR_ATTR_NONE, NULL},
        {"file.path != \"/a\"", BTR_ATTR_NONE, NULL},
        {"file.path not in (\"/a\")", BTR_ATTR_NONE, NULL},
        {"file.path matches /a/", BTR_ATTR_NONE, NULL},
        {"host.name == \"a\"", BTR_ATTR_NONE, NULL},
        {"process.name == \"a\"", BTR_ATTR_NONE, NULL},
        {"backtrail.kind == \"file\"", BTR_ATTR_NONE, NULL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct btr_filter *filter = NULL;
        struct btr_filter_need need;
        struct btr_err err;
        assert_int_equal(btr_filter_parse(&filter, btr_span_of(CASES[i].text), &err), 0);
        assert_int_equal(btr_filter_need(filter, &need), CASES[i].key != BTR_ATTR_NONE);
        if (CASES[i].key != BTR_ATTR_NONE) {
            assert_int_equal(need.key, CASES[i].key);
            assert_int_equal(need.is_exact, CASES[i].exact != NULL);
            assert_true(!need.is_exact || btr_span_equal(need.value, btr_span_of(CASES[i].exact)));
        }
        btr_filter_free(filter);
    }
}

static void wrong_filters_are_refused_by_place_and_name(void **state)
{
    (void)state;
    static const struct refusal ROWS[] = {
        {"process.exe == \"x\"", 0, "did you mean process.executable?"},
        {"proces.pid == 1", 0, "did you mean process.pid?"},
        {"PROCESS.PID == 1", 0, "no field \"PROCESS.PID\""},
        {"zzz == 1", 0, "no field \"zzz\""},
        {"process.pid = 1", 12, "equality is =="},
        {"process.pid == 1 && user.id == 2", 17, "write and"},
        {"!process.pid == 1", 0, "write not"},
        {"process.pid", 11, "expected an operator"},
        {"process.pid ==", 14, "at the end of the filter"},
        {"process.pid == web01", 15, "stands in quotes"},
        {"process.pid == \"web01", 15, "has no end"},
        {"process.pid == \"a\\q\"", 17, "no escape"},
        {"process.pid == \"a\\x1\"", 17, "no escape"},
        {"process.pid in 5", 15, "expected \"(\""},
        {"process.pid in ()", 16, "expected a string or a number"},
        {"process.pid in (5", 17, "expected \",\" or \")\""},
        {"process.pid like 5", 17, "expected a string"},
        {"source.ip cidr \"10.0.0.0/40\"", 15, "no address range"},
        {"process.name matches \"x\"", 21, "expected /a regular expression/"},
        {"process.name matches /x", 21, "has no end"},
        {"process.name matches /(/", 23, "regular expression"},
        {"process.name matches /x/q", 22, "no flag"},
        {"(process.pid == 1", 17, "expected \")\""},
        {"process.pid == 1)", 16, "expected and, or, or the end"},
        {"process.pid == 1 user.id == 2", 17, "expected and, or, or the end"},
        {"and", 0, "no field \"and\""},
        {"process.pid == 1 or", 19, "expected a field"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct btr_filter *filter = NULL;
        struct btr_err err = {0};
        int rc = btr_filter_parse(&filter, btr_span_of(ROWS[i].text), &err);
        if (rc != BTR_E_USAGE || !strstr(err.text, ROWS[i].says) || err.offset != ROWS[i].offset)
            fail_msg("%s: %d at %d: %s", ROWS[i].text, rc, (int)err.offset, err.text);
        assert_null(filter);
    }
}

static void depth_and_size_are_bounded(void **state)
{
    (void)state;
    struct btr_filter *filter = NULL;
    struct btr_err err;
    struct btr_buffer text = {0};
    for (int i = 0; i < 1000; i++)
        btr_buffer_text(&text, "(");
    assert_int_equal(btr_filter_parse(&filter, btr_buffer_view(&text), &err), BTR_E_USAGE);
    assert_non_null(strstr(err.text, "deep"));

    btr_buffer_clear(&text);
    for (int i = 0; i < 1000; i++)
        btr_buffer_text(&text, "not ");
    btr_buffer_text(&text, "process.pid == 1");
    assert_int_equal(btr_filter_parse(&filter, btr_buffer_view(&text), &err), BTR_E_USAGE);

    btr_buffer_clear(&text);
    btr_buffer_text(&text, "process.pid == 1");
    for (int i = 0; i < 2500; i++)
        btr_buffer_text(&text, " or user.id == 1");
    assert_int_equal(btr_filter_parse(&filter, btr_buffer_view(&text), &err), 0);
    assert_false(btr_filter_entity(filter, &CURL));
    btr_filter_free(filter);

    for (int i = 0; i < 2500; i++)
        btr_buffer_text(&text, " or user.id == 1");
    assert_int_equal(btr_filter_parse(&filter, btr_buffer_view(&text), &err), BTR_E_USAGE);
    btr_buffer_fini(&text);
}

static void a_costly_regular_expression_gives_up_and_is_counted(void **state)
{
    (void)state;
    struct btr_filter *filter = NULL;
    struct btr_err err;
    char subject[41];
    memset(subject, 'a', 40);
    subject[40] = 0;
    const struct btr_attr attr = {BTR_ATTR_PROCESS_COMMAND_LINE, 0, btr_span_of(subject)};
    const struct btr_entity entity = {.kind = BTR_KIND_PROCESS, .attrs = &attr, .attr_count = 1};
    const char *text = "process.command_line matches /^(a+)+$|(a|aa)+(?=x)(b)\\2/";
    assert_int_equal(btr_filter_parse(&filter, btr_span_of(text), &err), 0);
    assert_int_equal(btr_filter_given_up(filter), 0);
    assert_true(btr_filter_entity(filter, &entity)); /* the first alternative is found at once */
    btr_filter_free(filter);

    text = "process.command_line matches /^(a|aa)+([bc])\\2$/";
    assert_int_equal(btr_filter_parse(&filter, btr_span_of(text), &err), 0);
    assert_false(btr_filter_entity(filter, &entity));
    assert_int_equal(btr_filter_given_up(filter), 1);
    btr_filter_free(filter);
}

int filter_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_accept_what_they_should),
        cmocka_unit_test(filters_leave_out_what_they_should),
        cmocka_unit_test(windows_paths_and_agents_ids_ignore_case),
        cmocka_unit_test(wrong_filters_are_refused_by_place_and_name),
        cmocka_unit_test(a_filter_tells_the_value_that_it_needs),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(a_costly_regular_expression_gives_up_and_is_counted),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
