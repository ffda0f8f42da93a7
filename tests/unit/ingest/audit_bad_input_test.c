/* Hostile and broken audit text: what is refused says where and why, and nothing is changed by it.
 */
#include "audit_events.h"
#include "test_random.h"

static struct audit_events run;

static int setup(void **state)
{
    (void)state;
    audit_events_init(&run, 64, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    audit_events_fini(&run);
    return 0;
}

static struct btr_buffer saved_bytes(void)
{
    struct btr_buffer b = {0};
    assert_int_equal(audit_assembler_save(run.assembler, &b), 0);
    return b;
}

/* The record is refused with a place and words, and the state is what it was. */
static void refuses(struct btr_span record, uint64_t offset, const char *words)
{
    struct btr_buffer before = saved_bytes();
    int rc = audit_events_add(&run, record);
    struct btr_buffer after = saved_bytes();
    if (rc != BTR_E_FORMAT || run.err.offset != offset || !strstr(run.err.text, words))
        fail_msg("%.*s: code %d, offset %d: %s", (int)record.size, (const char *)record.at, rc,
                 (int)run.err.offset, run.err.text);
    assert_true(btr_span_equal(btr_buffer_view(&before), btr_buffer_view(&after)));
    assert_string_equal(audit_events_told(&run), "");
    btr_buffer_fini(&before);
    btr_buffer_fini(&after);
}

static void what_is_no_audit_record_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint64_t offset;
        const char *words;
    } rows[] = {
        {"", 0, "not an audit record"},
        {" ", 0, "not an audit record"},
        {"hello world", 0, "not an audit record"},
        {"{\"type\":\"SYSCALL\"}", 0, "not an audit record"},
        {"{\"log\":\"type=CWD msg=audit(1.0:1): cwd=\\\"/\\\"\"}", 0, "JSON, not an audit record"},
        {" {\"log\":\"audit: audit_lost=7\"}", 0, "JSON, not an audit record"},
        {"type=", 5, "type= has no end"},
        {"type=SYSCALL", 5, "type= has no end"},
        {"type= msg=audit(1.0:1): x", 5, "type= has no end"},
        {"type=SYSCALL arch=c000003e", 13, "no msg=audit("},
        {"type=SYSCALL msg=", 13, "no msg=audit("},
        {"type=SYSCALL msg=audit", 13, "no msg=audit("},
        {"type=SYSCALL msg=audit(", 23, "not a number of seconds"},
        {"type=SYSCALL msg=audit(x", 23, "not a number of seconds"},
        {"type=SYSCALL msg=audit(-1.0:1): ", 23, "not a number of seconds"},
        {"type=SYSCALL msg=audit(11/25/2026 02:22:26.123:456) : ", 25, "not followed by a serial"},
        {"type=SYSCALL msg=audit(1.000", 28, "not followed by a serial"},
        {"type=SYSCALL msg=audit(1.0000000001:1): ", 34, "not followed by a serial"},
        {"type=SYSCALL msg=audit(1.000:", 29, "serial is not a number"},
        {"type=SYSCALL msg=audit(1.000:x): ", 29, "serial is not a number"},
        {"type=SYSCALL msg=audit(1.000:-5): ", 29, "serial is not a number"},
        {"type=SYSCALL msg=audit(1.000:4294967296): ", 29, "32 bits"},
        {"type=SYSCALL msg=audit(1.000:99999999999999999999999): ", 29, "serial is not a number"},
        {"type=SYSCALL msg=audit(9000000000.000:1): ", 23, "out of range"},
        {"type=SYSCALL msg=audit(18446744073709551616.000:1): ", 23, "not a number of seconds"},
        {"type=SYSCALL msg=audit(1.000:1", 30, "not closed"},
        {"type=SYSCALL msg=audit(1.000:1 arch=", 30, "not closed"},
        {"node= type=CWD msg=audit(1.0:1): cwd=\"/\"", 5, "node= has no end"},
        {"audit: audit_lost=7 audit_rate_limit=0", 0, "before any record"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        refuses(btr_span_of(rows[i].line), rows[i].offset, rows[i].words);
}

static void a_type_is_looked_for_in_the_first_bytes_only(void **state)
{
    (void)state;
    static const char record[] = " type=CWD msg=audit(1.0:1): cwd=\"/\"";
    char line[512];
    memset(line, 'x', sizeof(line));
    memcpy(line + 300, record, strlen(record));
    refuses((struct btr_span){(const uint8_t *)line, sizeof(line)}, 0, "not an audit record");
    memset(line, 'x', sizeof(line));
    memcpy(line + 199, record, strlen(record));
    assert_int_equal(audit_events_add(&run, (struct btr_span){(const uint8_t *)line, sizeof(line)}),
                     0);
}

static void a_name_beyond_its_length_is_refused(void **state)
{
    (void)state;
    char line[1024] = "node=";
    memset(line + 5, 'n', 256);
    strncpy(line + 261, " type=CWD msg=audit(1.0:1): cwd=\"/\"", 64);
    refuses(btr_span_of(line), 0, "not an audit record");
    strncpy(line, "type=", 6);
    memset(line + 5, 'T', 256);
    refuses(btr_span_of(line), 5, "type= has no end");
}

static void every_truncation_of_a_head_is_refused(void **state)
{
    (void)state;
    const char *whole = "type=SYSCALL msg=audit(1700000000.123:77)";
    for (size_t size = 0; size < strlen(whole); size++) {
        struct btr_buffer before = saved_bytes();
        assert_int_equal(audit_events_add(&run, (struct btr_span){(const uint8_t *)whole, size}),
                         BTR_E_FORMAT);
        assert_true(run.err.offset <= size);
        struct btr_buffer after = saved_bytes();
        assert_true(btr_span_equal(btr_buffer_view(&before), btr_buffer_view(&after)));
        btr_buffer_fini(&before);
        btr_buffer_fini(&after);
    }
}

#define GOOD_CALL                                                                                  \
    "type=SYSCALL msg=audit(1.0:7): arch=c000003e syscall=59 success=yes exit=-5 a0=1f a1=2 a2=3 " \
    "a3=4 items=1 ppid=10 pid=11 "                                                                 \
    "auid=12 uid=13 gid=14 euid=15 suid=16 fsuid=17 egid=18 sgid=19 fsgid=20 tty=pts0 ses=21 "     \
    "comm=\"c\" exe=\"/c\" key=\"k\""

/* One event, then the end of the input; what came out. */
static const char *event_of(const char *first, const char *second)
{
    audit_events_fini(&run);
    audit_events_init(&run, 64, 1 << 20);
    if (audit_events_line(&run, first) != 0 || (second && audit_events_line(&run, second) != 0))
        fail_msg("%s", run.err.text);
    audit_events_flush(&run, INT64_MAX);
    assert_int_equal(audit_assembler_waiting(run.assembler), 0);
    return audit_events_told(&run);
}

static void every_truncation_of_a_call_is_refused_or_tells_what_is_left(void **state)
{
    (void)state;
    const char *whole = GOOD_CALL;
    size_t needed = (size_t)(strstr(whole, "uid=13 gid") - whole) + 5;
    for (size_t size = strlen("type=SYSCALL msg=audit(1.0:7):"); size <= strlen(whole); size++) {
        char *cut = strndup(whole, size);
        const char *told = event_of(cut, NULL);
        bool refused = strncmp(told, "refused 1@", 10) == 0;
        if (size < needed && !refused)
            fail_msg("taken: %s", cut);
        if (refused)
            assert_true(strstr(told, "record") != NULL);
        else
            assert_true(strncmp(told, "call SYSCALL 7@", 15) == 0);
        free(cut);
    }
    assert_int_equal(run.refused, 0);
}

/* The refusal names field and place: the offset is in the event's text, of which the record is a
 * part. */
static void bad_numbers_refuse_the_event(void **state)
{
    (void)state;
    static const struct {
        const char *field, *bad;
    } rows[] = {
        {"arch=c000003e", "arch=x86_64"},
        {"syscall=59", "syscall=execve"},
        {"syscall=59", "syscall="},
        {"exit=-5", "exit=EPERM"},
        {"exit=-5", "exit=99999999999999999999"},
        {"a0=1f", "a0=0xfg"},
        {"a0=1f", "a0=11111111111111111"},
        {"items=1", "items=4294967296"},
        {"ppid=10", "ppid=-2"},
        {" pid=11", " pid=11x"},
        {" pid=11", " pid="},
        {"auid=12", "auid=root"},
        {" uid=13", " uid=99999999999"},
        {"ses=21", "ses=0x15"},
        {"ppid=10", "ppid=1 0=1 ppid=10"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[1024];
        const char *at = strstr(GOOD_CALL, rows[i].field);
        int size = snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - GOOD_CALL), GOOD_CALL,
                            rows[i].bad, at + strlen(rows[i].field));
        assert_true(size > 0 && (size_t)size < sizeof(line));
        const char *told = event_of(line, "type=CWD msg=audit(1.0:7): cwd=\"/\"");
        bool good = i == sizeof(rows) / sizeof(rows[0]) -
                             1; /* the last one is odd, but the numbers are numbers */
        if ((strncmp(told, "refused 1@", 10) == 0) == good)
            fail_msg("%s -> %s", rows[i].bad, told);
        if (!good)
            assert_true(run.err.offset >= (uint64_t)(at - GOOD_CALL) &&
                        run.err.offset < strlen(line));
    }
}

static void bad_companions_refuse_the_event_with_all_its_records(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "PATH item=x name=\"/a\"",
        "PATH item=0 name=\"/a",
        "PATH item=0 name=\"/a\" inode=-1 dev=fe:00",
        "PATH item=0 name=\"/a\" inode=1 dev=fe00",
        "PATH item=0 name=\"/a\" inode=1 dev=fe:00:00",
        "PATH item=0 name=\"/a\" inode=1 dev=100000000:00",
        "PATH item=0 name=\"/a\" inode=1 dev=00:100000",
        "PATH item=0 name=\"/a\" inode=1 dev=fe:00 mode=0100888",
        "PATH item=0 name=\"/a\" mode=777777777777777777777777",
        "PATH item=0 name=\"/a\" ouid=root",
        "CWD cwd=\"/a",
        "SOCKADDR saddr=020",
        "SOCKADDR saddr=02zz",
        "SOCKADDR saddr=\"0200",
        "FD_PAIR fd0=3 fd1=four",
        "FD_PAIR fd0=99999999999 fd1=4",
        "MMAP fd=3 flags=0x",
        "MMAP fd=3 flags=rw",
        "OPENAT2 oflag=9",
        "OBJ_PID opid=x",
        "OBJ_PID opid=1 ocomm=\"x",
        "EXECVE argc=x a0=\"a\"",
        "EXECVE argc=1 a0=\"a",
        "PROCTITLE proctitle=\"a",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[512];
        const char *space = strchr(rows[i], ' ');
        snprintf(line, sizeof(line), "type=%.*s msg=audit(1.0:7): %s", (int)(space - rows[i]),
                 rows[i], space + 1);
        const char *told = event_of(GOOD_CALL, line);
        if (strncmp(told, "refused 1@", 10) != 0)
            fail_msg("%s -> %s", rows[i], told);
        assert_true(run.err.offset > strlen(GOOD_CALL)); /* in the second record */
        assert_true(run.err.offset <= strlen(GOOD_CALL) + 1 + strlen(line));
    }
}

static void odd_companions_are_taken_as_they_are(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "PATH item=0 name=61620 inode=1",
        "PATH item=4294967295 name=(null)",
        "PATH",
        "CWD",
        "CWD cwd=",
        "SOCKADDR",
        "EXECVE argc=99999",
        "EXECVE a99999999999=\"x\"",
        "EXECVE a0[99999]=61",
        "EXECVE a1[=61 a2[]=61 a[0]=61 a3]=1",
        "MMAP fd=-1 flags=0",
        "PROCTITLE proctitle=",
        "OBJ_PID",
        "SOCKETCALL nargs=3 a0=1",
        "CAPSET pid=x cap_pi=zz",
        "BPRM_FCAPS fver=zz",
        "IPC ouid=zz",
        "KERN_MODULE name=\"x",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[512];
        const char *space = strchr(rows[i], ' ') ? strchr(rows[i], ' ') : rows[i] + strlen(rows[i]);
        snprintf(line, sizeof(line), "type=%.*s msg=audit(1.0:7):%s", (int)(space - rows[i]),
                 rows[i], space);
        const char *told = event_of(GOOD_CALL, line);
        if (strncmp(told, "call SYSCALL 7@1000000000 records=2", 35) != 0)
            fail_msg("%s -> %s", rows[i], told);
    }
}

static void zeros_and_bytes_that_are_no_text_survive(void **state)
{
    (void)state;
    static const char line[] = "type=SYSCALL msg=audit(1.0:7): arch=c000003e syscall=0 success=yes "
                               "exit=0 a0=0 a1=0 a2=0 a3=0 items=0 ppid=1 "
                               "pid=2 auid=3 uid=4 gid=5 euid=6 suid=7 fsuid=8 egid=9 sgid=10 "
                               "fsgid=11 tty=\0\xff ses=1 comm=\"a\0\xfe b\" "
                               "exe=\"/\xc3\x28\" key=(null)\0";
    assert_int_equal(
        audit_events_add(&run, (struct btr_span){(const uint8_t *)line, sizeof(line) - 1}), 0);
    audit_events_flush(&run, INT64_MAX);
    const char *told = audit_events_told(&run);
    assert_non_null(strstr(told, "comm=a\\00\\fe b"));
    assert_non_null(strstr(told, "exe=/\\c3("));
    assert_non_null(strstr(told, "tty=\\00\\ff"));
}

static void lines_of_64_kib_are_taken(void **state)
{
    (void)state;
    enum { SIZE = 64 << 10 };
    char *line = malloc(SIZE + 1);
    int head = snprintf(line, SIZE, "type=EXECVE msg=audit(1.0:7): argc=1 a0=");
    memset(line + head, '6', (size_t)(SIZE - head));
    line[SIZE - head % 2] = 0;
    assert_int_equal(audit_events_line(&run, GOOD_CALL), 0);
    assert_int_equal(audit_events_line(&run, line), 0);
    audit_events_flush(&run, INT64_MAX);
    assert_int_equal(run.event.arg_count, 1);
    assert_int_equal(run.event.args[0].form, AUDIT_TEXT_HEX);
    assert_true(run.event.args[0].raw.size > SIZE - 100);
    free(line);
}

static void a_record_larger_than_the_memory_is_refused(void **state)
{
    (void)state;
    audit_events_fini(&run);
    audit_events_init(&run, 64, 1000);
    char line[1200];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = 0;
    memcpy(line, "type=CWD msg=audit(1.0:1): ", 27);
    assert_int_equal(audit_events_line(&run, line), BTR_E_LIMIT);
    assert_int_equal(audit_assembler_waiting(run.assembler), 0);
}

static void more_paths_arguments_and_targets_than_are_kept_are_counted(void **state)
{
    (void)state;
    assert_int_equal(audit_events_line(&run, GOOD_CALL), 0);
    char line[128];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(line, sizeof(line),
                 "type=PATH msg=audit(1.0:7): item=%u name=\"/p\" nametype=NORMAL", i);
        assert_int_equal(audit_events_line(&run, line), 0);
        snprintf(line, sizeof(line), "type=OBJ_PID msg=audit(1.0:7): opid=%u", i);
        assert_int_equal(audit_events_line(&run, line), 0);
    }
    for (unsigned i = 0; i < AUDIT_ARGS_MAX + 10; i++) {
        snprintf(line, sizeof(line), "type=EXECVE msg=audit(1.0:7): %sa%u=\"x\"",
                 i == 0 ? "argc=1034 " : "", i);
        assert_int_equal(audit_events_line(&run, line), 0);
    }
    audit_events_flush(&run, INT64_MAX);
    assert_int_equal(run.event.path_count, AUDIT_PATHS_MAX);
    assert_int_equal(run.event.paths_left_out, 100 - AUDIT_PATHS_MAX);
    assert_int_equal(run.event.arg_count, AUDIT_ARGS_MAX);
    assert_int_equal(run.event.args_left_out, 10);
    assert_int_equal(run.event.obj_pid_count, AUDIT_OBJ_PIDS_MAX);
}

static void unbalanced_quotes_of_a_user_stay_in_the_users_fields(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "pid=9 uid=1 auid=7 ses=11 msg='op=x acct=\"a",
        "pid=9 uid=1 auid=7 ses=11 msg='op=x acct=\"a\" exe=\"/x'",
        "pid=9 uid=1 auid=7 ses=11 msg='op=x acct=\"a' pid=0 uid=0'",
        "pid=9 uid=1 auid=7 ses=11 msg=''''",
        "pid=9 uid=1 auid=7 ses=11 msg='",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char line[512];
        snprintf(line, sizeof(line), "type=USER_AUTH msg=audit(1.0:7): %s", rows[i]);
        const char *told = event_of(line, NULL);
        if (strncmp(told, "user USER_AUTH 7@1000000000 records=1 pid=9 auid=7 uid=1 ses=11", 63) !=
            0)
            fail_msg("%s -> %s", rows[i], told);
    }
}

static void backward_and_forged_times_lose_nothing(void **state)
{
    (void)state;
    struct test_random r = {7};
    for (unsigned i = 0; i < 3000; i++) {
        char line[256];
        unsigned long time =
            test_random_below(&r, 4) ? 1000 + i / 10 : test_random_below(&r, 8999999999);
        unsigned long serial =
            test_random_below(&r, 9) ? 50 + i : test_random_below(&r, UINT32_MAX);
        snprintf(line, sizeof(line), "type=%s msg=audit(%lu.000:%lu): x=1",
                 i % 5 ? "CWD" : "USER_AUTH", time, serial);
        assert_int_equal(audit_events_line(&run, line), 0);
        run.text.size = 0;
    }
    audit_events_flush(&run, INT64_MAX);
    assert_int_equal(audit_assembler_waiting(run.assembler), 0);
    assert_int_equal(run.count, 3000);
}

/* ---- Saved bytes ---------------------------------------------------------------------------- */

static void saved_state_fill(void)
{
    assert_int_equal(audit_events_line(&run, GOOD_CALL), 0);
    assert_int_equal(audit_events_line(&run, "type=CWD msg=audit(1.0:7): cwd=\"/\""), 0);
    assert_int_equal(audit_events_line(&run, "type=USER_AUTH msg=audit(1.0:8): pid=1"), 0);
}

static void every_truncation_of_saved_bytes_is_refused(void **state)
{
    (void)state;
    saved_state_fill();
    struct btr_buffer saved = saved_bytes();
    for (size_t size = 0; size < saved.size; size++) {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, saved.at, size);
        copy = realloc(copy, size ? size : 1);
        assert_true(audit_assembler_load(run.assembler, (struct btr_span){copy, size}, &run.err) <
                    0);
        assert_true(run.err.text[0] != 0);
        assert_int_equal(audit_assembler_waiting(run.assembler), 0);
        free(copy);
    }
    assert_int_equal(audit_assembler_load(run.assembler, btr_buffer_view(&saved), &run.err), 0);
    assert_int_equal(audit_assembler_waiting(run.assembler), 3);
    btr_buffer_u8(&saved, 0);
    assert_int_equal(audit_assembler_load(run.assembler, btr_buffer_view(&saved), &run.err),
                     BTR_E_FORMAT);
    btr_buffer_fini(&saved);
}

static void changed_saved_bytes_are_refused_or_one_state(void **state)
{
    (void)state;
    saved_state_fill();
    struct btr_buffer saved = saved_bytes();
    for (size_t at = 0; at < saved.size; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            saved.at[at] ^= (uint8_t)(1u << bit);
            if (audit_assembler_load(run.assembler, btr_buffer_view(&saved), &run.err) == 0) {
                struct btr_buffer again = saved_bytes();
                assert_true(btr_span_equal(btr_buffer_view(&again), btr_buffer_view(&saved)));
                btr_buffer_fini(&again);
            }
            audit_events_flush(&run, INT64_MAX);
            run.text.size = 0;
            saved.at[at] ^= (uint8_t)(1u << bit);
        }
    btr_buffer_fini(&saved);
}

static void saved_bytes_of_a_larger_state_are_refused(void **state)
{
    (void)state;
    saved_state_fill();
    struct btr_buffer saved = saved_bytes();
    struct audit_assembler *small = audit_assembler_new(64, 100);
    assert_int_equal(audit_assembler_load(small, btr_buffer_view(&saved), &run.err), BTR_E_FORMAT);
    audit_assembler_free(small);
    saved.at[0] = 99;
    assert_int_equal(audit_assembler_load(run.assembler, btr_buffer_view(&saved), &run.err),
                     BTR_E_VERSION);
    btr_buffer_fini(&saved);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_audit_record_is_refused),
        TEST(a_type_is_looked_for_in_the_first_bytes_only),
        TEST(a_name_beyond_its_length_is_refused),
        TEST(every_truncation_of_a_head_is_refused),
        TEST(every_truncation_of_a_call_is_refused_or_tells_what_is_left),
        TEST(bad_numbers_refuse_the_event),
        TEST(bad_companions_refuse_the_event_with_all_its_records),
        TEST(odd_companions_are_taken_as_they_are),
        TEST(zeros_and_bytes_that_are_no_text_survive),
        TEST(lines_of_64_kib_are_taken),
        TEST(a_record_larger_than_the_memory_is_refused),
        TEST(more_paths_arguments_and_targets_than_are_kept_are_counted),
        TEST(unbalanced_quotes_of_a_user_stay_in_the_users_fields),
        TEST(backward_and_forged_times_lose_nothing),
        TEST(every_truncation_of_saved_bytes_is_refused),
        TEST(changed_saved_bytes_are_refused_or_one_state),
        TEST(saved_bytes_of_a_larger_state_are_refused),
    };
    return cmocka_run_group_tests_name("audit bad input", tests, NULL, NULL);
}
