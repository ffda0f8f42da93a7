#include <btr/clock.h>

#include "test.h"
#include "test_random.h"

#define SECOND INT64_C(1000000000)

static void assert_parses(const char *text, int64_t expected)
{
    int64_t ns = 0;
    if (!btr_time_parse(btr_span_of(text), &ns))
        fail_msg("not read: %s", text);
    if (ns != expected)
        fail_msg("%s gave %lld", text, (long long)ns);
}

static void times_are_read_in_every_form(void **state)
{
    (void)state;
    assert_parses("1970-01-01T00:00:00Z", 0);
    assert_parses("2026-11-23T10:15:00.25Z", 1795428900 * SECOND + 250000000);
    assert_parses("2026-11-23t10:15:00z", 1795428900 * SECOND);
    assert_parses("2026-11-23 10:15:00", 1795428900 * SECOND);
    assert_parses("2026-11-23T12:15:00+02:00", 1795428900 * SECOND);
    assert_parses("2026-11-23T04:45:00-05:30", 1795428900 * SECOND);
    assert_parses("2026-11-23", 1795392000 * SECOND);
    assert_parses("1969-12-31T23:59:59.5Z", -SECOND / 2);
    assert_parses("2024-02-29T00:00:00Z", 1709164800 * SECOND);
    assert_parses("2016-12-31T23:59:60Z", 1483228800 * SECOND); /* a leap second */
    assert_parses("1795428900.25", 1795428900 * SECOND + 250000000);
    assert_parses("1795428900", 1795428900 * SECOND);
    assert_parses("0.0000000019", 1);
    assert_parses("-1.5", -1500000000);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "now",
        "-",
        ".",
        "1.",
        ".5",
        "1.5s",
        "--1",
        "1e9",
        "2026",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01T00:00:00+2:00",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00Z",
        "2026-1-1T00:00:00Z",
        "1600-01-01T00:00:00Z",
        "2263-01-01T00:00:00Z",
        "9223372037",
        "99999999999999999999",
        "0x10",
        "2026-01-01T00:00:00Z\n",
        " 2026-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ns = 42;
        if (bad[i][0] == '2' && strlen(bad[i]) == 4)
            continue; /* a bare year is seconds since the epoch */
        if (btr_time_parse(btr_span_of(bad[i]), &ns))
            fail_msg("accepted: %s", bad[i]);
        assert_true(ns == 42);
    }
    int64_t ns;
    assert_false(btr_time_parse((struct btr_span){(const uint8_t *)"1\0", 2}, &ns));
    assert_false(btr_time_parse((struct btr_span){(const uint8_t *)"2026-01-01\0", 11}, &ns));
}

static void any_time_written_is_read_back(void **state)
{
    (void)state;
    struct test_random random = {5};
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -SECOND,       -1,       0,
                                    1,         SECOND - 1,    INT64_MAX - 1, INT64_MAX};
    enum { EDGES = sizeof(edges) / sizeof(edges[0]) };
    for (int i = 0; i < 50000; i++) {
        int64_t ns = i < EDGES ? edges[i] : (int64_t)test_random_next(&random);
        if (i >= EDGES && i % 3 == 1)
            ns -= ns % SECOND;
        if (i >= EDGES && i % 3 == 2)
            ns -= ns % 1000000;
        char text[BTR_TIME_TEXT_SIZE];
        btr_time_text(ns, text);
        assert_parses(text, ns);
    }
}

/* The usual form is read at once, that with a small t by parts. */
static void the_usual_form_is_read_as_any_other(void **state)
{
    (void)state;
    static const char bytes[] = "0123459-:T tZz.+x";
    struct test_random random = {20260105};
    unsigned taken = 0;
    for (int i = 0; i < 200000; i++) {
        char usual[] = "2024-02-29T23:59:60.123456789Z", parts[sizeof(usual)];
        size_t size = test_random_below(&random, 4) ? sizeof(usual) - 1
                                                    : test_random_below(&random, sizeof(usual));
        for (uint64_t n = test_random_below(&random, 3); n > 0; n--) {
            size_t at = test_random_below(&random, sizeof(usual) - 1);
            if (at != 10)
                usual[at] = bytes[test_random_below(&random, sizeof(bytes) - 1)];
        }
        memcpy(parts, usual, sizeof(usual));
        parts[10] = 't';
        int64_t a = 1, b = 1;
        bool is_time = btr_time_parse((struct btr_span){(uint8_t *)usual, size}, &a);
        assert_int_equal(is_time, btr_time_parse((struct btr_span){(uint8_t *)parts, size}, &b));
        assert_true(a == b);
        taken += is_time;
    }
    assert_in_range(taken, 20000, 180000);
}

static void a_time_has_as_many_decimals_as_it_needs(void **state)
{
    (void)state;
    char text[BTR_TIME_TEXT_SIZE];
    btr_time_text(1795428900 * SECOND, text);
    assert_string_equal(text, "2026-11-23T10:15:00Z");
    btr_time_text(1795428900 * SECOND + 25000000, text);
    assert_string_equal(text, "2026-11-23T10:15:00.025Z");
    btr_time_text(1795428900 * SECOND + 1000, text);
    assert_string_equal(text, "2026-11-23T10:15:00.000001Z");
    btr_time_text(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999999Z");
}

static void durations_are_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {0, "0 ns"},
        {999, "999 ns"},
        {1500, "1.5 us"},
        {2340000, "2.3 ms"},
        {4200000000, "4.2 s"},
        {-4200000000, "-4.2 s"},
        {61 * SECOND, "1 min 1 s"},
        {11520 * SECOND, "3 h 12 min"},
        {(86400 * 2 + 3600) * SECOND, "2 d 1 h"},
        {INT64_MIN, "-106751 d 23 h"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[BTR_TIME_TEXT_SIZE];
        btr_duration_text(rows[i].ns, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void the_monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    int64_t before = btr_monotonic_ns();
    assert_true(btr_monotonic_ns() >= before);
    assert_true(btr_wall_ns() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_every_form),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(any_time_written_is_read_back),
        cmocka_unit_test(a_time_has_as_many_decimals_as_it_needs),
        cmocka_unit_test(the_usual_form_is_read_as_any_other),
        cmocka_unit_test(durations_are_for_people),
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
    };
    return cmocka_run_group_tests_name("base_clock", tests, NULL, NULL);
}
