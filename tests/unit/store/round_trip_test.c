#include <test.h>

#include <temp_files.h>

#include "model.h"
#include "store_tests.h"

static int fault_print(void *self, const char *segment, const char *what)
{
    (void)self;
    fail_msg("%s: %s", segment, what);
    return 0;
}

static void check_all(struct model *m, const char *path, uint32_t bounds)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    if (btr_reader_open(&reader, &path, 1, &err) != 0)
        fail_msg("%s", err.text);
    model_check_events(m, reader);
    model_check_flows(m, reader, bounds);
    model_check_entities(m, reader);
    model_check_values(m, reader);
    model_check_rows(m, reader);
    btr_reader_close(reader);
    assert_int_equal(btr_store_verify(path, fault_print, NULL, &err), 0);
}

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
        check_all(&m, path, 2);
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
    check_all(&m, path, 0);
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
