/* Syscall numbers against the headers of this machine; what it lacks is checked by hand below. */
#include "audit_calls_numbers.h"
#include "test.h"

#include <stdbool.h>

#include "decode/audit/syscalls.h"

enum { X32_BIT = 0x40000000, CALLS = AUDIT_CALL_COUNT - 1 };

/* @return the number of a row, or -1 when the header has none */
static long number_of(const char *text)
{
    const char *sum = strchr(text, '+');
    const char *digits = sum ? sum + 2 : text;
    return *digits >= '0' && *digits <= '9' ? strtol(digits, NULL, 10) : -1;
}

/* Every call of the table that the header has is found by the header's number. @return how many it
 * has */
static unsigned check(enum audit_arch arch, const struct call_number *rows, unsigned count)
{
    unsigned known = 0;
    for (unsigned i = 0; i < count; i++) {
        long number = number_of(rows[i].text);
        if (number < 0)
            continue;
        enum audit_call call = audit_call_find(arch, (uint64_t)number);
        bool left_out = arch == AUDIT_ARCH_I386_ && number == 90; /* old mmap */
        if (!left_out && strcmp(audit_call_name(call), rows[i].name) != 0)
            fail_msg("architecture %d: %s is %ld, told as %s", arch, rows[i].name, number,
                     audit_call_name(call));
        known++;
    }
    if (known == 0) {
        print_message("skipped: no header for this architecture here\n");
        skip();
    }
    return known;
}

static void numbers_of_x86_64(void **state)
{
    (void)state;
    assert_int_equal(check(AUDIT_ARCH_X86_64_, calls_x86_64, CALLS), CALLS);
}

static void numbers_of_i386(void **state)
{
    (void)state;
    unsigned known = check(AUDIT_ARCH_I386_, calls_i386, CALLS);
    assert_true(known >= CALLS - 3); /* no accept of its own; mmap and umount2 by other names */
    assert_int_equal(audit_call_find(AUDIT_ARCH_I386_, 192), AUDIT_CALL_mmap); /* mmap2 */
    assert_int_equal(audit_call_find(AUDIT_ARCH_I386_, 90),
                     AUDIT_CALL_OTHER); /* arguments behind a pointer */
    assert_int_equal(audit_call_find(AUDIT_ARCH_I386_, 102), AUDIT_CALL_OTHER);  /* socketcall */
    assert_int_equal(audit_call_find(AUDIT_ARCH_I386_, 221), AUDIT_CALL_fcntl);  /* fcntl64 */
    assert_int_equal(audit_call_find(AUDIT_ARCH_I386_, 213), AUDIT_CALL_setuid); /* setuid32 */
    assert_int_equal(audit_call_find(AUDIT_ARCH_I386_, 417), AUDIT_CALL_recvmmsg);
}

static void numbers_of_x32(void **state)
{
    (void)state;
    uint64_t number = X32_BIT | 520;
    assert_int_equal(audit_arch_find(0xc000003e, &number), AUDIT_ARCH_X32_);
    assert_int_equal(number, 520);
    assert_int_equal(audit_call_find(AUDIT_ARCH_X32_, number), AUDIT_CALL_execve);
    check(AUDIT_ARCH_X32_, calls_x32, CALLS);
}

static void numbers_of_aarch64_are_the_generic_ones(void **state)
{
    (void)state;
    unsigned known = check(AUDIT_ARCH_AARCH64_, calls_generic, CALLS);
    assert_true(known >= CALLS - 20); /* the old calls without `at` are gone there */
    assert_int_equal(audit_call_find(AUDIT_ARCH_AARCH64_, 435), AUDIT_CALL_clone3);
}

static void numbers_of_arm(void **state)
{
    (void)state;
    static const struct call_number rows[] = {
        {"read", "3"},           {"execve", "11"},      {"socket", "281"},
        {"bind", "282"},         {"connect", "283"},    {"accept", "285"},
        {"sendto", "290"},       {"recvfrom", "292"},   {"sendmsg", "296"},
        {"recvmsg", "297"},      {"openat", "322"},     {"unlinkat", "328"},
        {"renameat", "329"},     {"splice", "340"},     {"dup3", "358"},
        {"pipe2", "359"},        {"accept4", "366"},    {"setns", "375"},
        {"finit_module", "379"}, {"renameat2", "382"},  {"memfd_create", "385"},
        {"execveat", "387"},     {"exit_group", "248"}, {"pivot_root", "218"},
        {"openat2", "437"},      {"mmap", "192"},
    };
    check(AUDIT_ARCH_ARM_, rows, sizeof(rows) / sizeof(rows[0]));
}

static void architectures_are_told_apart(void **state)
{
    (void)state;
    uint64_t number = 1;
    assert_int_equal(audit_arch_find(0xc000003e, &number), AUDIT_ARCH_X86_64_);
    assert_int_equal(audit_arch_find(0x40000003, &number), AUDIT_ARCH_I386_);
    assert_int_equal(audit_arch_find(0xc00000b7, &number), AUDIT_ARCH_AARCH64_);
    assert_int_equal(audit_arch_find(0x40000028, &number), AUDIT_ARCH_ARM_);
    assert_int_equal(audit_arch_find(0x80000016, &number), AUDIT_ARCH_OTHER_); /* s390x */
    assert_int_equal(audit_call_find(AUDIT_ARCH_OTHER_, 1), AUDIT_CALL_OTHER);
    assert_int_equal(number, 1);
}

static void numbers_beyond_the_tables_are_other_calls(void **state)
{
    (void)state;
    for (int arch = AUDIT_ARCH_OTHER_; arch <= AUDIT_ARCH_ARM_; arch++) {
        assert_int_equal(audit_call_find((enum audit_arch)arch, 100000), AUDIT_CALL_OTHER);
        assert_int_equal(audit_call_find((enum audit_arch)arch, UINT64_MAX), AUDIT_CALL_OTHER);
    }
    assert_int_equal(audit_socketcall_find(5), AUDIT_CALL_accept);
    assert_int_equal(audit_socketcall_find(99), AUDIT_CALL_OTHER);
    assert_string_equal(audit_call_name(AUDIT_CALL_COUNT), "other");
    assert_string_equal(audit_call_name(AUDIT_CALL_pidfd_getfd), "pidfd_getfd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_x86_64),
        cmocka_unit_test(numbers_of_i386),
        cmocka_unit_test(numbers_of_x32),
        cmocka_unit_test(numbers_of_aarch64_are_the_generic_ones),
        cmocka_unit_test(numbers_of_arm),
        cmocka_unit_test(architectures_are_told_apart),
        cmocka_unit_test(numbers_beyond_the_tables_are_other_calls),
    };
    return cmocka_run_group_tests_name("audit calls", tests, NULL, NULL);
}
