#include <test.h>

#include <temp_files.h>

#include "model.h"
#include "store_tests.h"

static void what_was_appended_is_read_back(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct model m;
        char folder[256], path[300];
        temp_folder_make(folder);
        (void)snprintf(path, sizeof(path), "%s/store", folder);
        model_init(&m, seed);
        m.extreme = seed % 2 == 0;
        model_store(&m, path, 1 + (uint32_t)seed % 4, 3, seed == 1 ? 1 : 150);
        model_check_store(&m, path, 2);
        model_fini(&m);
        temp_folder_remove(folder);
    }
}

static void events_of_many_blocks_are_read_back(void **state)
{
    (void)state;
    struct model m;
    char folder[256], path[300];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 99);
    model_store(&m, path, 2, 40, 1000);
    assert_true(m.event_count > 3 * 8192);
    model_check_store(&m, path, 0);
    model_fini(&m);
    temp_folder_remove(folder);
}

int round_trip_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_is_read_back),
        cmocka_unit_test(events_of_many_blocks_are_read_back),
    };
    return cmocka_run_group_tests_name("round trip", tests, NULL, NULL);
}
