/* Each name is found by its text, and nothing else is. */
#include "decode/winlog/names.h"

#include "test.h"
#include "test_random.h"

static void each_name_is_found(void **state)
{
    (void)state;
    for (unsigned i = 1; i < WIN_NAMES; i++) {
        struct btr_span text = win_name_text((enum win_name)i);
        assert_true(text.size > 0);
        assert_int_equal(win_name_find(text), i);
    }
    assert_int_equal(win_name_find(BTR_SPAN("winlog.event_id")), WIN_NAME(winlog_event_id));
    assert_int_equal(win_name_text(WIN_NAME_NONE).size, 0);
}

/* Texts that differ in one byte, are cut, or are any. */
static void others_are_not(void **state)
{
    (void)state;
    struct test_random r = {20261130};
    assert_int_equal(win_name_find((struct btr_span){0}), WIN_NAME_NONE);
    for (unsigned n = 0; n < 200000; n++) {
        struct btr_span from = win_name_text((enum win_name)(1 + n % (WIN_NAMES - 1)));
        uint8_t text[64];
        memcpy(text, from.at, from.size);
        text[test_random_below(&r, from.size)] = (uint8_t)test_random_next(&r);
        struct btr_span other = {text, from.size - test_random_below(&r, 2)};
        enum win_name found = win_name_find(other);
        assert_true(found == WIN_NAME_NONE || btr_span_equal(win_name_text(found), other));
        if (btr_span_equal(other, from))
            assert_int_not_equal(found, WIN_NAME_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_is_found),
        cmocka_unit_test(others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
