/* Lists that grow. */
#include <btr/list.h>

#include "test.h"

static void it_doubles_and_keeps_what_is_there(void **state)
{
    uint64_t *items = NULL;
    uint32_t count = 0, capacity = 0, grown = 0;
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        uint32_t before = capacity;
        assert_true(btr_list_room(&items, count, &capacity, 3, sizeof *items));
        grown += capacity != before;
        assert_true(count < capacity);
        items[count++] = i * i;
    }
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i * i);
    assert_int_equal(capacity, 1536); /* 3 doubled nine times */
    assert_int_equal(grown, 10);
    free(items);
}

static void what_cannot_grow_stays_as_it_is(void **state)
{
    char item = 'x', *items = &item;
    uint32_t capacity = UINT32_C(1) << 31; /* twice as many cannot be counted */
    (void)state;
    assert_false(btr_list_room(&items, capacity, &capacity, 1, sizeof *items));
    assert_ptr_equal(items, &item);
    assert_int_equal(capacity, UINT32_C(1) << 31);
    uint32_t none = 0;
    assert_false(btr_list_grow(&items, &none, 2, SIZE_MAX)); /* nor can their bytes */
    assert_ptr_equal(items, &item);
    assert_int_equal(none, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_doubles_and_keeps_what_is_there),
        cmocka_unit_test(what_cannot_grow_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
