/* Keys of programs and things: what is one name has one key, what is two has two. */
#include <btr/usual.h>

#include "test.h"

static uint64_t program(const char *name)
{
    return btr_usual_program(btr_span_of(name));
}

static uint64_t file(const char *name)
{
    return btr_usual_file(btr_span_of(name));
}

static void names_of_one_thing_have_one_key(void **state)
{
    (void)state;
    assert_true(program("/bin/sh") == program("/bin/sh"));
    assert_true(program("C:\\Windows\\x.exe") == program("c:\\WINDOWS\\X.exe"));
    assert_true(program("C:\\Windows\\x.exe") ==
                program("\\Device\\HarddiskVolume12\\windows\\x.exe"));
    assert_true(program("C:\\Windows\\x.exe") == program("\\??\\C:/Windows/x.exe"));
    assert_true(file("C:\\a") == file("c:\\A") && file("D:\\a") == file("d:\\A"));
}

static void other_names_have_other_keys(void **state)
{
    (void)state;
    static const char *const names[] = {"/bin/sh",
                                        "/bin/SH",
                                        "/bin/s",
                                        "sh",
                                        "C:\\bin\\sh",
                                        "D:\\bin\\sh",
                                        "\\bin\\sh",
                                        "C:bin\\sh",
                                        "C:",
                                        "c",
                                        "1.2.3.4",
                                        "::1",
                                        "\\Device",
                                        "\\Device\\HarddiskVolume\\bin\\sh",
                                        "\\Device\\HarddiskVolume2",
                                        "\\Device\\HarddiskVolumf2\\bin\\sh",
                                        "\\Device\\Mup\\bin\\sh"};
    enum { NAMES = sizeof(names) / sizeof(*names) };
    uint64_t keys[3 * NAMES];
    for (unsigned i = 0; i < NAMES; i++) {
        keys[3 * i] = program(names[i]);
        keys[3 * i + 1] = file(names[i]);
        keys[3 * i + 2] = btr_usual_far(btr_span_of(names[i]));
    }
    for (unsigned i = 0; i < 3 * NAMES; i++) {
        assert_true(keys[i] > 0 && keys[i] >> 48 == 0);
        for (unsigned k = 0; k < i; k++)
            assert_true(keys[i] != keys[k]);
    }
}

static void what_has_no_name_has_no_key(void **state)
{
    (void)state;
    assert_true(program("") == 0 && file("") == 0 && btr_usual_far(BTR_SPAN("")) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_one_thing_have_one_key),
        cmocka_unit_test(other_names_have_other_keys),
        cmocka_unit_test(what_has_no_name_has_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
