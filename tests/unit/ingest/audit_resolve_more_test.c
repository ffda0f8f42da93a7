/* What the resolver makes of audit events where descriptors, numbers and records contradict what
 * was seen before. */
#include "audit_lines.h"

enum {
    READ = 0,
    WRITE = 1,
    CLOSE = 3,
    PIPE = 22,
    SOCKET = 41,
    CONNECT = 42,
    CLONE = 56,
    FORK = 57,
    EXECVE = 59,
    CHDIR = 80,
    CHMOD = 90,
    FCHMOD = 91,
    CHROOT = 161,
    EXIT_GROUP = 231,
    OPENAT = 257,
    FCHMODAT = 268,
    UNSHARE = 272,
    MEMFD_CREATE = 319,
    EXECVEAT = 322,
    CLOSE_RANGE = 436
};

#define CWD "CWD cwd=\"/srv\""
#define FILE_AT(name, inode)                                                                       \
    "PATH item=0 name=\"" name "\" inode=" inode                                                   \
    " dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL"
#define FOLDER_AT(name)                                                                            \
    "PATH item=0 name=\"" name                                                                     \
    "\" inode=2 dev=fe:00 mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL"
#define NO_ARGUMENTS "a0=0 a1=0 a2=0 a3=0"

static void open_both(struct told *t, unsigned pid, const char *name, long fd)
{
    char path[256];
    snprintf(path, sizeof(path),
             "PATH item=0 name=\"%s\" inode=7 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 "
             "nametype=NORMAL",
             name);
    told_call(t, OPENAT, fd, pid, 1, "a0=ffffff9c a1=0 a2=2 a3=0", CWD, path, NULL);
}

static unsigned writes_by(const struct told *t, struct btr_id process)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < t->batch.event_count; i++)
        count += t->batch.events[i].operation == BTR_OP_WRITE &&
                 btr_id_equal(t->batch.events[i].subject, process);
    return count;
}

static void each_process_that_shares_a_table_may_have_used_what_one_of_them_closes(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_both(&t, 10, "/data", 3);
    told_call(&t, CLONE, 11, 10, 1, "a0=400 a1=0 a2=0 a3=0", NULL); /* CLONE_FILES */
    told_call(&t, CLOSE, 0, 11, 10, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    struct btr_id parent = told_event(&t, BTR_OP_OPEN_BOTH, 0)->subject,
                  child = told_event(&t, BTR_OP_FORK, 0)->object;
    assert_int_equal(writes_by(&t, parent), 1);
    assert_int_equal(writes_by(&t, child), 1);
    told_fini(&t);
}

static void a_process_that_leaves_a_shared_table_may_have_used_what_is_in_it(void **state)
{
    (void)state;
    static const struct {
        int call;
        const char *arguments;
    } leaving[] = {{EXIT_GROUP, NO_ARGUMENTS},
                   {UNSHARE, "a0=400 a1=0 a2=0 a3=0"},
                   {EXECVE, NO_ARGUMENTS},
                   {CLOSE_RANGE, "a0=3 a1=ffffffff a2=2 a3=0"}};
    for (size_t i = 0; i < sizeof(leaving) / sizeof(leaving[0]); i++) {
        struct told t;
        told_init(&t, "web01", NULL);
        open_both(&t, 10, "/data", 3);
        told_call(&t, CLONE, 11, 10, 1, "a0=400 a1=0 a2=0 a3=0", NULL);
        told_call(&t, leaving[i].call, 0, 11, 10, leaving[i].arguments, CWD, FILE_AT("/bin/x", "9"),
                  NULL);
        told_call(&t, CLOSE, 0, 11, 10, "a0=3 a1=0 a2=0 a3=0",
                  NULL); /* in its own table, if at all */
        told_end(&t);
        assert_true(writes_by(&t, told_event(&t, BTR_OP_FORK, 0)->object) >= 1);
        assert_int_equal(writes_by(&t, told_event(&t, BTR_OP_OPEN_BOTH, 0)->subject), 1);
        told_fini(&t);
    }
}

static void a_number_that_acts_long_after_its_process_ended_is_another_process(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_both(&t, 11, "/first", 3);
    told_call(&t, EXIT_GROUP, 0, 11, 1, NO_ARGUMENTS, NULL);
    t.now += 60;
    open_both(&t, 11, "/second", 3);
    told_end(&t);
    assert_false(btr_id_equal(told_event(&t, BTR_OP_OPEN_BOTH, 0)->subject,
                              told_event(&t, BTR_OP_OPEN_BOTH, 1)->subject));
    told_fini(&t);
}

static void a_number_inside_a_container_is_not_the_hosts(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, CLONE, 20, 10, 1, "a0=20000000 a1=0 a2=0 a3=0", NULL); /* CLONE_NEWPID */
    told_call(&t, FORK, 7, 20, 10, NO_ARGUMENTS, NULL);
    open_both(&t, 7, "/of-the-host", 3);
    told_call(&t, READ, 1, 21, 20, "a0=0 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    struct btr_id child = told_event(&t, BTR_OP_READ, 0)->subject;
    const struct btr_event *fork = told_event(&t, BTR_OP_FORK, 1);
    assert_int_equal(told_count(&t, BTR_OP_FORK), 2);
    assert_true(btr_id_equal(fork->object, child) && fork->doubt == BTR_DOUBT_PARENT_BY_ORDER);
    told_fini(&t);
}

static void a_process_is_not_its_own_child(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_both(&t, 10, "/a", 3);
    told_call(&t, FORK, 10, 10, 1, NO_ARGUMENTS, NULL);
    told_call(&t, READ, 1, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    assert_int_equal(told_count(&t, BTR_OP_FORK), 0);
    assert_true(btr_id_equal(told_event(&t, BTR_OP_READ, 0)->object,
                             told_event(&t, BTR_OP_OPEN_BOTH, 0)->object));
    told_fini(&t);
}

static void a_program_in_memory_is_what_an_exec_of_its_descriptor_reads(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, MEMFD_CREATE, 4, 10, 1, "a0=0 a1=1 a2=0 a3=0", NULL); /* close-on-exec */
    told_call(&t, WRITE, 9, 10, 1, "a0=4 a1=0 a2=9 a3=0", NULL);
    told_call(&t, EXECVEAT, 0, 10, 1, "a0=4 a1=0 a2=0 a3=0", CWD, FILE_AT("", "77"), NULL);
    told_call(&t, MEMFD_CREATE, 4, 10, 1, "a0=0 a1=1 a2=0 a3=0", NULL);
    told_call(&t, EXECVE, 0, 10, 1, NO_ARGUMENTS, CWD, FILE_AT("/proc/self/fd/4", "78"), NULL);
    told_end(&t);
    assert_true(btr_id_equal(told_event(&t, BTR_OP_EXEC, 0)->object,
                             told_event(&t, BTR_OP_WRITE, 0)->object));
    assert_false(btr_id_equal(told_event(&t, BTR_OP_EXEC, 1)->object,
                              told_event(&t, BTR_OP_EXEC, 0)->object));
    assert_string_equal(
        told_attr(&t, told_event(&t, BTR_OP_EXEC, 1)->object, BTR_ATTR_CHANNEL_NAME),
        "memory file");
    told_fini(&t);
}

static void a_name_inside_a_chroot_has_the_outer_folder_once(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, CHROOT, 0, 10, 1, NO_ARGUMENTS, CWD, FOLDER_AT("/jail"), NULL);
    told_call(&t, CHDIR, 0, 10, 1, NO_ARGUMENTS, "CWD cwd=\"/\"", FOLDER_AT("/tmp"), NULL);
    told_call(&t, OPENAT, 3, 10, 1, "a0=ffffff9c a1=0 a2=0 a3=0", FILE_AT("x", "9"),
              NULL); /* no CWD record */
    told_end(&t);
    assert_string_equal(
        told_attr(&t, told_event(&t, BTR_OP_OPEN_READ, 0)->object, BTR_ATTR_FILE_PATH),
        "/jail/tmp/x");
    told_fini(&t);
}

#define TO(hex) "SOCKADDR saddr=" hex

static void a_connection_that_is_asked_for_again_is_one(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, SOCKET, 3, 10, 1, "a0=2 a1=1 a2=0 a3=0", NULL);
    told_call(&t, CONNECT, -115, 10, 1, "a0=3 a1=0 a2=10 a3=0",
              TO("020000500A4D000C0000000000000000"), NULL);
    told_call(&t, CONNECT, 0, 10, 1, "a0=3 a1=0 a2=10 a3=0", TO("020000500A4D000C0000000000000000"),
              NULL);
    told_end(&t);
    assert_int_equal(told_count(&t, BTR_OP_CONNECT), 1);
    told_fini(&t);
}

static void a_connection_that_is_refused_makes_no_flow_and_one_that_is_dissolved_ends(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, SOCKET, 3, 10, 1, "a0=2 a1=1 a2=0 a3=0", NULL);
    told_call(&t, CONNECT, -111, 10, 1, "a0=3 a1=0 a2=10 a3=0",
              TO("020000500A4D000C0000000000000000"), NULL);
    assert_int_equal(told_count(&t, BTR_OP_CONNECT), 0);
    told_call(&t, CONNECT, 0, 10, 1, "a0=3 a1=0 a2=10 a3=0", TO("020000500A4D000C0000000000000000"),
              NULL);
    told_call(&t, CONNECT, 0, 10, 1, "a0=3 a1=0 a2=10 a3=0", TO("00000000000000000000000000000000"),
              NULL);
    told_call(&t, CONNECT, 0, 10, 1, "a0=3 a1=0 a2=10 a3=0", TO("020000500A4D000C0000000000000000"),
              NULL);
    told_end(&t);
    assert_int_equal(told_count(&t, BTR_OP_CONNECT), 2);
    told_fini(&t);
}

static void a_host_that_starts_anew_has_none_of_its_old_processes(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    t.serial = 90000;
    open_both(&t, 10, "/old", 3);
    t.now += 120;
    told_line(&t,
              "type=DAEMON_START msg=audit(%.3f:7): op=start ver=3.0.9 format=raw kernel=6.1.0 "
              "auid=4294967295 pid=400 uid=0 "
              "ses=4294967295 res=success",
              t.now);
    t.now += 1;
    t.serial = 5;
    told_call(&t, READ, 1, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    const struct btr_event *read =
        told_event(&t, BTR_OP_READ, 1); /* the first is what the old boot may have read */
    assert_int_equal(read->doubt, BTR_DOUBT_DESCRIPTOR_UNKNOWN);
    assert_false(btr_id_equal(read->subject, told_event(&t, BTR_OP_OPEN_BOTH, 0)->subject));
    assert_true(told_event(&t, BTR_OP_READ, 0)->last_ns <=
                told_event(&t, BTR_OP_OPEN_BOTH, 0)->last_ns);
    told_fini(&t);
}

static void an_agent_that_starts_anew_keeps_the_processes(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_both(&t, 10, "/old", 3);
    told_line(&t,
              "type=DAEMON_START msg=audit(%.3f:7): op=start ver=3.0.9 format=raw kernel=6.1.0 "
              "auid=4294967295 pid=400 uid=0 "
              "ses=4294967295 res=success",
              t.now);
    told_call(&t, READ, 1, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    assert_true(btr_id_equal(told_event(&t, BTR_OP_READ, 0)->subject,
                             told_event(&t, BTR_OP_OPEN_BOTH, 0)->subject));
    assert_true(btr_id_equal(told_event(&t, BTR_OP_READ, 0)->object,
                             told_event(&t, BTR_OP_OPEN_BOTH, 0)->object));
    told_fini(&t);
}

static void a_clock_that_was_set_back_and_right_again_shifts_nothing_afterwards(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_both(&t, 10, "/a", 3);
    t.now -= 3600;
    for (unsigned i = 0; i < 20; i++)
        told_call(&t, READ, 1, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    t.now += 3600 + 30; /* a quiet half minute in between */
    double set_right = t.now;
    told_call(&t, READ, 1, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    assert_true(told_event(&t, BTR_OP_READ, 20)->last_ns < (int64_t)((set_right + 1) * 1e9));
    told_fini(&t);
}

static void permissions_that_a_call_sets_are_the_files_from_then_on(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_both(&t, 10, "/srv/a", 3);
    told_call(&t, FCHMOD, 0, 10, 1, "a0=3 a1=1a4 a2=0 a3=0", NULL);
    told_call(&t, CHMOD, 0, 10, 1, "a0=0 a1=89ed a2=0 a3=0", CWD, FILE_AT("b", "8"), NULL);
    told_call(&t, FCHMODAT, 0, 10, 1, "a0=ffffff9c a1=0 a2=5ed a3=0", CWD, FILE_AT("c", "9"), NULL);
    told_call(&t, FCHMODAT, 0, 10, 1, "a0=ffffff9c a1=0 a2=9c9 a3=0", CWD, FILE_AT("c", "9"), NULL);
    told_end(&t);
    static const char *const MODES[] = {"0644", "4755", "2755", "4711"};
    for (unsigned i = 0; i < 3; i++)
        assert_string_equal(
            told_attr(&t, told_event(&t, BTR_OP_CHMOD, i)->object, BTR_ATTR_FILE_MODE),
            MODES[i == 2 ? 3 : i]);
    told_fini(&t);
}

/* open(2): O_TMPFILE names a folder, and makes a file in it that has no name. */
static void files_without_a_name_are_each_their_own(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, OPENAT, 3, 10, 1, "a0=ffffff9c a1=0 a2=410082 a3=180", CWD, FILE_AT("/tmp", "77"),
              NULL);
    told_call(&t, OPENAT, 3, 11, 1, "a0=ffffff9c a1=0 a2=410082 a3=180", CWD, FILE_AT("/tmp", "78"),
              NULL);
    told_end(&t);
    const struct btr_event *one = told_event(&t, BTR_OP_CREATE, 0),
                           *other = told_event(&t, BTR_OP_CREATE, 1);
    assert_false(btr_id_equal(one->object, other->object));
    assert_string_equal(told_attr(&t, one->object, BTR_ATTR_FILE_PATH), "/tmp/#77");
    assert_string_equal(told_attr(&t, other->object, BTR_ATTR_FILE_PATH), "/tmp/#78");
    assert_int_equal(told_count(&t, BTR_OP_OPEN_BOTH), 0);
    told_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_process_that_shares_a_table_may_have_used_what_one_of_them_closes),
        cmocka_unit_test(a_process_that_leaves_a_shared_table_may_have_used_what_is_in_it),
        cmocka_unit_test(a_number_that_acts_long_after_its_process_ended_is_another_process),
        cmocka_unit_test(a_number_inside_a_container_is_not_the_hosts),
        cmocka_unit_test(a_process_is_not_its_own_child),
        cmocka_unit_test(a_program_in_memory_is_what_an_exec_of_its_descriptor_reads),
        cmocka_unit_test(a_name_inside_a_chroot_has_the_outer_folder_once),
        cmocka_unit_test(a_connection_that_is_asked_for_again_is_one),
        cmocka_unit_test(a_connection_that_is_refused_makes_no_flow_and_one_that_is_dissolved_ends),
        cmocka_unit_test(a_host_that_starts_anew_has_none_of_its_old_processes),
        cmocka_unit_test(an_agent_that_starts_anew_keeps_the_processes),
        cmocka_unit_test(a_clock_that_was_set_back_and_right_again_shifts_nothing_afterwards),
        cmocka_unit_test(permissions_that_a_call_sets_are_the_files_from_then_on),
        cmocka_unit_test(files_without_a_name_are_each_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
