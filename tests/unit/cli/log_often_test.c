/* What the log writes once a minute. */
#include "test.h"

#include "daemon/log_often.h"

#define S INT64_C(1000000000)

static bool take(struct daemon_often *often, const char *line, int64_t now_s, uint64_t *held)
{
    return daemon_often_take(often, btr_span_of(line), now_s * S, held);
}

static void what_differs_in_numbers_is_the_same(void **state)
{
    (void)state;
    struct daemon_often often = {0};
    uint64_t held;
    assert_true(take(&often, "no answer after 7 ms", 1000, &held));
    assert_false(take(&often, "no answer after 12 ms", 1001, &held));
    assert_true(take(&often, "an answer after 12 ms", 1001, &held));
    assert_false(take(&often, "no answer after 7 ms", 1059, &held));
    assert_true(take(&often, "no answer after 7 ms", 1060, &held));
    assert_int_equal(held, 2);
    assert_false(take(&often, "no answer after 7 ms", 1061, &held));
    assert_true(take(&often, "no room for 00ff17ab.bseg", 1061, &held));
    assert_false(take(&often, "no room for e43019c7.bseg", 1062, &held));
    assert_true(take(&often, "no room for abed.bseg", 1062, &held)); /* a word */
    assert_true(take(&often, "no room for cafe.bseg", 1062, &held));
    assert_true(take(&often, "", 1062, &held));
    assert_false(take(&often, "17", 1062, &held));
}

static void many_kinds_push_out_the_oldest_and_never_block(void **state)
{
    (void)state;
    struct daemon_often often = {0};
    uint64_t held;
    char line[2] = " ";
    for (int i = 0; i < 94; i++) {
        line[0] = (char)(' ' + i + (i >= 16 ? 10 : 0)); /* no digits */
        assert_true(take(&often, line, 1000 + i, &held));
    }
    assert_false(take(&often, line, 1094, &held));
    assert_true(take(&often, " ", 1094, &held)); /* the oldest is forgotten, and said again */
    assert_int_equal(held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_differs_in_numbers_is_the_same),
        cmocka_unit_test(many_kinds_push_out_the_oldest_and_never_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
