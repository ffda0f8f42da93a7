/* Stretches of lines: apart from each other, few, and each event in one of them. */
#include <test.h>

#include <test_random.h>

#include "reach.h"
#include "store_tests.h"

enum { EVENTS = 6000 };

struct told {
    int64_t last_ns;
    uint64_t line;
};

/* Lines as inputs have them: in a row, with holes, back and forth, or anywhere at all. */
static void lines_fill(struct told *events, struct test_random *random)
{
    unsigned hole = 1 + (unsigned)test_random_below(random, 400);
    uint64_t line = test_random_below(random, 100000);
    bool anywhere = test_random_below(random, 5) == 0;
    for (uint32_t i = 0; i < EVENTS; i++) {
        line += test_random_below(random, 4);
        if (test_random_below(random, hole) == 0)
            line = test_random_below(random, 2) ? line + test_random_below(random, 5000)
                                                : test_random_below(random, 3000000);
        events[i].line = anywhere ? test_random_next(random) : line;
        events[i].last_ns = (int64_t)test_random_below(random, 1000000) - 500000;
    }
}

/* What a stretch must tell, by a plain look at all events. */
static void stretch_check(const struct store_reach *stretch, const struct told *events)
{
    struct store_reach expected = {0};
    for (uint32_t i = 0; i < EVENTS; i++)
        if (events[i].line >= stretch->least_line && events[i].line <= stretch->greatest_line)
            store_reach_widen(&expected, events[i].last_ns, events[i].line);
    assert_int_equal(stretch->event_count, expected.event_count);
    assert_int_equal(stretch->first_ns, expected.first_ns);
    assert_int_equal(stretch->last_ns, expected.last_ns);
    assert_int_equal(stretch->least_line, expected.least_line);
    assert_int_equal(stretch->greatest_line, expected.greatest_line);
}

static void stretches_are_apart_and_hold_each_event_once(void **state)
{
    (void)state;
    struct told *events = calloc(EVENTS, sizeof(*events));
    assert_non_null(events);
    uint32_t several = 0, most = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct test_random random = {seed};
        struct store_stretches s = {0};
        uint64_t total = 0;
        lines_fill(events, &random);
        for (uint32_t i = 0; i < EVENTS; i++)
            assert_true(store_stretches_add(&s, events[i].last_ns, events[i].line));
        store_stretches_settle(&s);
        assert_in_range(s.count, 1, STORE_STRETCHES_MOST);
        for (uint32_t i = 0; i < s.count; i++) {
            stretch_check(&s.items[i], events);
            total += s.items[i].event_count;
            if (i > 0)
                assert_true(s.items[i].least_line - s.items[i - 1].greatest_line >=
                            STORE_STRETCH_HOLE);
        }
        assert_int_equal(total, EVENTS);
        several += s.count > 1;
        most += s.count > STORE_STRETCHES_MOST / 2;
        store_stretches_fini(&s);
    }
    assert_true(several > 10 && most > 0);
    free(events);
}

static void a_hole_of_1024_lines_ends_a_stretch(void **state)
{
    (void)state;
    static const struct {
        uint64_t line;
        uint32_t count;
    } steps[] = {{5, 1}, {5 + 1023, 1}, {5 + 1023 + 1024, 2}, {UINT64_MAX, 3}, {0, 3}, {2000, 2}};
    struct store_stretches s = {0};
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        assert_true(store_stretches_add(&s, 0, steps[i].line));
        store_stretches_settle(&s);
        assert_int_equal(s.count, steps[i].count);
    }
    store_stretches_fini(&s);
}

int reach_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stretches_are_apart_and_hold_each_event_once),
        cmocka_unit_test(a_hole_of_1024_lines_ends_a_stretch),
    };
    return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
