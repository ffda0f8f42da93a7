/* What the resolver makes of audit events, one rule a test. */
#include "audit_lines.h"

enum {
    READ = 0,
    WRITE = 1,
    OPEN = 2,
    CLOSE = 3,
    PIPE = 22,
    DUP2 = 33,
    SENDFILE = 40,
    CONNECT = 42,
    ACCEPT = 43,
    BIND = 49,
    LISTEN = 50,
    CLONE = 56,
    FORK = 57,
    VFORK = 58,
    EXECVE = 59,
    KILL = 62,
    RENAME = 82,
    LINK = 86,
    UNLINK = 87,
    EXIT_GROUP = 231,
    OPENAT = 257,
    UNSHARE = 272,
    CLONE3 = 435
};

#define CWD "CWD cwd=\"/srv\""
#define FILE_AT(name, inode)                                                                       \
    "PATH item=0 name=\"" name "\" inode=" inode                                                   \
    " dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL"
#define CREATED(name, inode)                                                                       \
    "PATH item=1 name=\"" name "\" inode=" inode                                                   \
    " dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE"
#define DELETED(name, inode)                                                                       \
    "PATH item=1 name=\"" name "\" inode=" inode                                                   \
    " dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=DELETE"

static uint64_t open_read(struct told *t, unsigned pid, const char *name, const char *inode,
                          long fd)
{
    char path[512];
    snprintf(path, sizeof(path),
             "PATH item=0 name=\"%s\" inode=%s dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 "
             "nametype=NORMAL",
             name, inode);
    return told_call(t, OPENAT, fd, pid, 1, "a0=ffffff9c a1=0 a2=0 a3=0", CWD, path, NULL);
}

static void open_write(struct told *t, unsigned pid, const char *name, const char *inode, long fd)
{
    char path[512];
    snprintf(path, sizeof(path),
             "PATH item=0 name=\"%s\" inode=%s dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 "
             "nametype=NORMAL",
             name, inode);
    told_call(t, OPENAT, fd, pid, 1, "a0=ffffff9c a1=0 a2=1 a3=0", CWD, path, NULL);
}

/* Says by example that this user's reads are recorded, so that open descriptors make no intervals.
 */
static void reads_are_told(struct told *t)
{
    open_read(t, 9, "/told", "99", 3);
    told_call(t, READ, 1, 9, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
}

static void a_read_flows_from_the_file_that_the_descriptor_was_opened_on(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/etc/passwd", "7", 3);
    uint64_t serial = told_call(&t, READ, 512, 10, 1, "a0=3 a1=0 a2=200 a3=0", NULL);
    told_end(&t);
    const struct btr_event *open = told_event(&t, BTR_OP_OPEN_READ, 0),
                           *read = told_event(&t, BTR_OP_READ, 0);
    assert_true(btr_id_equal(open->object, read->object));
    assert_string_equal(told_attr(&t, read->object, BTR_ATTR_FILE_PATH), "/etc/passwd");
    assert_int_equal(read->bytes, 512);
    assert_int_equal(read->record_id, serial);
    assert_int_equal(read->first_ns, read->last_ns);
    assert_int_equal(told_flags(&t, read->subject),
                     BTR_ENTITY_UNCERTAIN); /* its start was not seen */
    told_fini(&t);
}

static void a_relative_name_counts_from_the_descriptor_that_the_call_names(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, OPENAT, 4, 10, 1, "a0=ffffff9c a1=0 a2=10000 a3=0", CWD,
              "PATH item=0 name=\"/var/www/../lib\" inode=9 dev=fe:00 mode=040755 ouid=0 ogid=0 "
              "rdev=00:00 nametype=NORMAL",
              NULL);
    told_call(&t, OPENAT, 5, 10, 1, "a0=4 a1=0 a2=0 a3=0", CWD, FILE_AT("./dpkg//status", "11"),
              NULL);
    told_call(&t, OPENAT, 6, 10, 1, "a0=ffffff9c a1=0 a2=0 a3=0", CWD, FILE_AT("data", "12"), NULL);
    told_end(&t);
    assert_string_equal(
        told_attr(&t, told_event(&t, BTR_OP_OPEN_READ, 0)->object, BTR_ATTR_FILE_PATH),
        "/var/lib/dpkg/status");
    assert_string_equal(
        told_attr(&t, told_event(&t, BTR_OP_OPEN_READ, 1)->object, BTR_ATTR_FILE_PATH),
        "/srv/data");
    told_fini(&t);
}

static void a_child_has_its_parents_descriptors_and_closes_its_own_copy(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    reads_are_told(&t);
    open_read(&t, 10, "/etc/passwd", "7", 3);
    told_call(&t, FORK, 11, 10, 1, "a0=0 a1=0 a2=0 a3=0", NULL);
    told_call(&t, CLOSE, 0, 11, 10, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, READ, 5, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, READ, 6, 11, 10, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    const struct btr_event *parent = told_event(&t, BTR_OP_READ, 1),
                           *child = told_event(&t, BTR_OP_READ, 2);
    assert_true(btr_id_equal(parent->object, told_event(&t, BTR_OP_OPEN_READ, 1)->object));
    assert_false(btr_id_equal(child->object, parent->object));
    assert_int_equal(child->doubt, BTR_DOUBT_DESCRIPTOR_UNKNOWN);
    assert_true(btr_id_equal(told_event(&t, BTR_OP_FORK, 0)->object, child->subject));
    assert_int_equal(told_flags(&t, child->subject), 0);
    told_fini(&t);
}

static void exec_closes_what_is_marked_and_keeps_the_process(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    reads_are_told(&t);
    told_call(&t, OPENAT, 3, 10, 1, "a0=ffffff9c a1=0 a2=80000 a3=0", CWD, FILE_AT("/secret", "7"),
              NULL);
    told_call(&t, OPENAT, 4, 10, 1, "a0=ffffff9c a1=0 a2=0 a3=0", CWD, FILE_AT("/open", "8"), NULL);
    told_call(&t, EXECVE, 0, 10, 1, "a0=0 a1=0 a2=0 a3=0", "EXECVE argc=2 a0=\"cat\" a1=2D6E2078",
              CWD, FILE_AT("/bin/cat", "9"), NULL);
    told_call(&t, READ, 1, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, READ, 1, 10, 1, "a0=4 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    assert_int_equal(told_event(&t, BTR_OP_READ, 1)->doubt, BTR_DOUBT_DESCRIPTOR_UNKNOWN);
    assert_true(btr_id_equal(told_event(&t, BTR_OP_READ, 2)->object,
                             told_event(&t, BTR_OP_OPEN_READ, 2)->object));
    const struct btr_event *exec = told_event(&t, BTR_OP_EXEC, 0);
    assert_true(btr_id_equal(exec->subject, told_event(&t, BTR_OP_OPEN_READ, 1)->subject));
    assert_string_equal(told_attr(&t, exec->object, BTR_ATTR_FILE_PATH), "/bin/cat");
    assert_string_equal(told_attr(&t, exec->subject, BTR_ATTR_PROCESS_COMMAND_LINE), "cat -n x");
    told_fini(&t);
}

/* An image history: each time tells one command line, the one that ran from then on. */
static void each_exec_tells_its_command_line_once(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, EXECVE, 0, 10, 1, "a0=0 a1=0 a2=0 a3=0", "EXECVE argc=2 a0=\"chpst\" a1=\"x\"",
              CWD, FILE_AT("/bin/chpst", "9"), NULL);
    told_line(&t,
              "type=SYSCALL msg=audit(1700000000.050:101): arch=c000003e syscall=59 success=yes "
              "exit=0 a0=0 a1=0 a2=0 a3=0 items=1 ppid=1 pid=10 auid=1000 uid=33 gid=33 euid=33 "
              "suid=33 fsuid=33 egid=33 sgid=33 fsgid=33 tty=(none) ses=1 comm=\"x\" "
              "exe=\"/bin/x\" key=(null)");
    told_line(&t, "type=EXECVE msg=audit(1700000000.050:101): argc=1 a0=\"x\"");
    told_line(&t,
              "type=PATH msg=audit(1700000000.050:101): item=0 name=\"/bin/x\" inode=10 dev=fe:00 "
              "mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL");
    told_line(&t, "type=PROCTITLE msg=audit(1700000000.050:101): proctitle=\"x\"");
    t.serial = 102;
    t.now = 1700000000.060;
    told_end(&t);
    struct btr_id process = told_event(&t, BTR_OP_EXEC, 1)->subject;
    int64_t since[2] = {0, 0};
    unsigned count = 0;
    for (uint32_t i = 0; i < t.batch.note_count; i++)
        for (uint32_t a = 0; a < t.batch.notes[i].attr_count; a++) {
            const struct btr_attr *attr = &t.batch.attrs[t.batch.notes[i].attr_first + a];
            if (!btr_id_equal(t.batch.notes[i].id, process) ||
                attr->key != BTR_ATTR_PROCESS_COMMAND_LINE)
                continue;
            assert_true(count < 2);
            since[count++] = attr->since_ns;
        }
    assert_int_equal(count, 2);
    assert_true(since[0] < since[1]);
    assert_string_equal(told_attr(&t, process, BTR_ATTR_PROCESS_COMMAND_LINE), "x");
    told_fini(&t);
}

static void a_vfork_child_that_acts_first_is_one_process_and_its_fork_is_no_later(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/x", "5", 3);
    double entry = t.now;
    t.now += 0.020;
    told_call(&t, EXECVE, 0, 11, 10, "a0=0 a1=0 a2=0 a3=0", "EXECVE argc=1 a0=\"id\"", CWD,
              FILE_AT("/bin/id", "9"), NULL);
    told_call(&t, READ, 1, 11, 10, "a0=3 a1=0 a2=0 a3=0", NULL);
    double after = t.now;
    t.now = entry; /* the record is logged last, with the time of the call's entry */
    told_call(&t, VFORK, 11, 10, 1, "a0=0 a1=0 a2=0 a3=0", NULL);
    t.now = after;
    told_call(&t, READ, 1, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    struct btr_id child = told_event(&t, BTR_OP_EXEC, 0)->subject;
    assert_int_equal(told_count(&t, BTR_OP_FORK), 2); /* by ppid at first, then by its record */
    assert_true(told_event(&t, BTR_OP_FORK, 0)->flags & BTR_EVENT_IMPLIED);
    const struct btr_event *fork = told_event(&t, BTR_OP_FORK, 1);
    assert_true(btr_id_equal(fork->object, child));
    assert_int_equal(fork->flags, 0);
    assert_true(fork->first_ns <= told_event(&t, BTR_OP_EXEC, 0)->first_ns);
    assert_int_equal(told_flags(&t, child), 0); /* healed */
    assert_true(btr_id_equal(told_event(&t, BTR_OP_READ, 0)->object,
                             told_event(&t, BTR_OP_READ, 1)->object));
    told_fini(&t);
}

static void a_pid_that_is_used_again_is_another_process(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, FORK, 11, 10, 1, "a0=0 a1=0 a2=0 a3=0", NULL);
    open_read(&t, 11, "/a", "5", 3);
    told_call(&t, FORK, 11, 10, 1, "a0=0 a1=0 a2=0 a3=0",
              NULL); /* the first was killed: no exit record */
    open_read(&t, 11, "/b", "6", 3);
    told_end(&t);
    assert_false(btr_id_equal(told_event(&t, BTR_OP_OPEN_READ, 0)->subject,
                              told_event(&t, BTR_OP_OPEN_READ, 1)->subject));
    assert_true(btr_id_equal(told_event(&t, BTR_OP_FORK, 1)->object,
                             told_event(&t, BTR_OP_OPEN_READ, 1)->subject));
    told_fini(&t);
}

static void a_thread_is_no_process_and_clone3_makes_one_only_when_it_acts(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, CLONE, 20, 10, 1, "a0=3d0f00 a1=0 a2=0 a3=0", NULL); /* CLONE_THREAD */
    told_call(&t, CLONE3, 21, 10, 1, "a0=7ffc a1=58 a2=0 a3=0", NULL);
    uint64_t serial = told_call(&t, CLONE3, 22, 10, 1, "a0=7ffc a1=58 a2=0 a3=0", NULL);
    open_read(&t, 22, "/a", "5", 3);
    told_end(&t);
    assert_int_equal(told_count(&t, BTR_OP_FORK), 1);
    const struct btr_event *fork = told_event(&t, BTR_OP_FORK, 0);
    assert_int_equal(fork->record_id, serial);
    assert_int_equal(fork->flags & BTR_EVENT_IMPLIED, 0);
    assert_true(btr_id_equal(fork->object, told_event(&t, BTR_OP_OPEN_READ, 0)->subject));
    told_fini(&t);
}

static void inside_a_pid_namespace_the_parent_comes_from_the_open_clone(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "app01", NULL);
    told_call(&t, FORK, 500, 400, 1, "a0=0 a1=0 a2=0 a3=0", NULL);
    told_call(&t, UNSHARE, 0, 500, 400, "a0=20000000 a1=0 a2=0 a3=0",
              NULL); /* CLONE_NEWPID: its children are inside */
    uint64_t serial = told_call(&t, FORK, 1, 500, 400, "a0=0 a1=0 a2=0 a3=0", NULL);
    told_call(&t, OPENAT, 3, 501, 500, "a0=ffffff9c a1=0 a2=0 a3=0", CWD, FILE_AT("/a", "5"), NULL);
    told_end(&t);
    const struct btr_event *fork = told_event(&t, BTR_OP_FORK, 1);
    assert_int_equal(fork->record_id, serial);
    assert_int_equal(fork->doubt, BTR_DOUBT_PARENT_BY_ORDER);
    assert_true(btr_id_equal(fork->object, told_event(&t, BTR_OP_OPEN_READ, 0)->subject));
    told_fini(&t);
}

static void a_rename_carries_the_content_to_the_new_name(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_write(&t, 10, "/tmp/new", "5", 3);
    told_call(&t, WRITE, 9, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, RENAME, 0, 10, 1, "a0=0 a1=0 a2=0 a3=0", CWD,
              "PATH item=0 name=\"/tmp/\" inode=2 dev=fe:00 mode=040755 ouid=0 ogid=0 rdev=00:00 "
              "nametype=PARENT",
              DELETED("/etc/conf", "6"), DELETED("/tmp/new", "5"), CREATED("/etc/conf", "5"), NULL);
    open_read(&t, 11, "/etc/conf", "5", 3);
    told_end(&t);
    const struct btr_event *lineage = told_event(&t, BTR_OP_RENAMED, 0);
    assert_true(btr_id_equal(lineage->subject, told_event(&t, BTR_OP_WRITE, 0)->object));
    assert_true(btr_id_equal(lineage->object, told_event(&t, BTR_OP_OPEN_READ, 0)->object));
    assert_int_equal(told_count(&t, BTR_OP_SAME), 0); /* the lineage says it all */
    told_fini(&t);
}

static void two_names_of_one_inode_are_joined_while_it_lives(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_write(&t, 10, "/host/hook.sh", "5", 3);
    open_read(&t, 11, "/hooks/hook.sh", "5", 3); /* a bind mount: the same inode by another name */
    told_call(&t, WRITE, 9, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, READ, 9, 11, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, READ, 9, 11, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    /* at the second open, for the first was for writing, and at the first read after the write; not
     * at the second */
    assert_int_equal(told_count(&t, BTR_OP_SAME), 2);
    const struct btr_event *last = told_event(&t, BTR_OP_SAME, 1),
                           *read = told_event(&t, BTR_OP_READ, 0);
    assert_true(btr_id_equal(last->object, read->object));
    assert_true(last->last_ns <= read->first_ns);
    told_fini(&t);
}

static void names_of_what_nobody_changes_are_not_joined(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/lib64/ld.so", "5", 3);
    open_read(&t, 11, "/usr/lib/ld.so", "5", 3);
    told_end(&t);
    assert_int_equal(told_count(&t, BTR_OP_SAME), 0);
    told_fini(&t);
}

static void what_was_written_is_there_under_every_name_when_it_is_closed(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 11, "/opt/hook.sh", "5", 3);
    open_write(&t, 10, "/host/hook.sh", "5", 3);
    told_call(&t, WRITE, 9, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, CLOSE, 0, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    const struct btr_event *same = told_event(&t, BTR_OP_SAME, 0);
    assert_string_equal(told_attr(&t, same->object, BTR_ATTR_FILE_PATH), "/opt/hook.sh");
    assert_true(same->last_ns > told_event(&t, BTR_OP_WRITE, 0)->last_ns);
    told_fini(&t);
}

static void an_inode_number_that_is_used_again_joins_nothing(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_write(&t, 10, "/a", "5", 3);
    told_call(&t, CLOSE, 0, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, UNLINK, 0, 10, 1, "a0=0 a1=0 a2=0 a3=0", CWD, DELETED("/a", "5"), NULL);
    told_call(&t, OPENAT, 3, 11, 1, "a0=ffffff9c a1=0 a2=41 a3=0", CWD, CREATED("/b", "5"), NULL);
    told_end(&t);
    assert_int_equal(told_count(&t, BTR_OP_CREATE), 1);
    assert_int_equal(told_count(&t, BTR_OP_SAME), 0);
    told_fini(&t);
}

static void an_open_descriptor_is_an_interval_only_where_calls_are_not_recorded(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    uint64_t serial = open_read(&t, 10, "/a", "5", 3);
    told_call(&t, CLOSE, 0, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    open_read(&t, 10, "/b", "6", 3);
    told_call(&t, KILL, 0, 10, 1, "a0=0 a1=0 a2=0 a3=0", NULL);
    told_end(&t); /* still open: told up to here */
    assert_int_equal(told_count(&t, BTR_OP_READ), 2);
    const struct btr_event *interval = told_event(&t, BTR_OP_READ, 0);
    assert_int_equal(interval->flags, BTR_EVENT_INTERVAL | BTR_EVENT_IMPLIED);
    assert_int_equal(interval->record_id, serial);
    const struct btr_event *open = told_event(&t, BTR_OP_OPEN_READ, 0);
    assert_int_equal(interval->first_ns, open->last_ns);
    assert_true(interval->last_ns > interval->first_ns);
    told_fini(&t);

    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/a", "5", 3);
    told_call(&t, READ, 1, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_call(&t, CLOSE, 0, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    assert_int_equal(told_count(&t, BTR_OP_READ), 1);
    told_fini(&t);
}

static void a_pipe_leads_from_its_writer_to_its_reader(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, PIPE, 0, 10, 1, "a0=0 a1=0 a2=0 a3=0", "FD_PAIR fd0=3 fd1=4", NULL);
    told_call(&t, FORK, 11, 10, 1, "a0=0 a1=0 a2=0 a3=0", NULL);
    told_call(&t, DUP2, 1, 11, 10, "a0=4 a1=1 a2=0 a3=0", NULL);
    told_call(&t, WRITE, 7, 11, 10, "a0=1 a1=0 a2=0 a3=0", NULL);
    told_call(&t, READ, 7, 10, 1, "a0=3 a1=0 a2=0 a3=0", NULL);
    told_end(&t);
    assert_true(btr_id_equal(told_event(&t, BTR_OP_WRITE, 0)->object,
                             told_event(&t, BTR_OP_READ, 0)->object));
    told_fini(&t);
}

static void sendfile_reads_no_later_than_it_sends(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/big", "5", 3);
    told_call(&t, SENDFILE, 1000, 10, 1, "a0=9 a1=3 a2=0 a3=0", NULL);
    told_end(&t);
    const struct btr_event *in = told_event(&t, BTR_OP_READ, 0),
                           *out = told_event(&t, BTR_OP_WRITE, 0);
    assert_true(in->first_ns <= out->first_ns);
    assert_int_equal(in->bytes, 1000);
    assert_int_equal(out->bytes, 1000);
    told_fini(&t);
}

static const char INVENTORY[] =
    "{\"web01\": {\"ip\": \"10.0.0.1\"}, \"db01\": {\"ip\": [\"10.0.0.2\"]}}";

static void both_ends_of_a_connection_stand_at_one_rendezvous(void **state)
{
    (void)state;
    struct told web, db;
    told_init(&web, "web01", INVENTORY);
    told_call(&web, CONNECT, -115, 10, 1, "a0=3 a1=0 a2=10 a3=0",
              "SOCKADDR saddr=020015380A0000020000000000000000", NULL);
    told_end(&web);
    told_init(&db, "db01", INVENTORY);
    told_call(&db, BIND, 0, 20, 1, "a0=5 a1=0 a2=10 a3=0",
              "SOCKADDR saddr=02001538000000000000000000000000", NULL);
    told_call(&db, LISTEN, 0, 20, 1, "a0=5 a1=80 a2=0 a3=0", NULL);
    told_call(&db, ACCEPT, 6, 20, 1, "a0=5 a1=0 a2=0 a3=0",
              "SOCKADDR saddr=020085520A0000010000000000000000", NULL);
    told_call(&db, ACCEPT, 7, 20, 1, "a0=5 a1=0 a2=0 a3=0",
              "SOCKADDR saddr=020085528BCB0001000000000000000000", NULL);
    told_end(&db);
    const struct btr_event *client = told_event(&web, BTR_OP_MEET_CLIENT, 0),
                           *server = told_event(&db, BTR_OP_MEET_SERVER, 0);
    assert_true(btr_id_equal(client->object, server->object));
    assert_false(btr_id_equal(client->subject, server->subject));
    assert_string_equal(told_attr(&db, server->subject, BTR_ATTR_SOURCE_PORT), "34130");
    assert_string_equal(told_attr(&db, server->subject, BTR_ATTR_DESTINATION_PORT), "5432");
    assert_true(told_flags(&web, client->subject) & BTR_ENTITY_HALF);
    assert_false(told_flags(&web, client->subject) & BTR_ENTITY_OUTSIDE);
    assert_true(told_flags(&db, told_event(&db, BTR_OP_ACCEPT, 1)->object) & BTR_ENTITY_OUTSIDE);
    told_fini(&web);
    told_fini(&db);
}

static void unix_connections_meet_at_the_sockets_inode(void **state)
{
    (void)state;
    struct told t;
    const char *socket = "PATH item=0 name=\"/run/php.sock\" inode=77 dev=00:18 mode=0140666 "
                         "ouid=0 ogid=0 rdev=00:00 nametype=NORMAL";
    told_init(&t, "web01", NULL);
    told_call(&t, BIND, 0, 20, 1, "a0=5 a1=0 a2=10 a3=0",
              "SOCKADDR saddr=01002F72756E2F7068702E736F636B00", CWD,
              "PATH item=0 name=\"/run/\" inode=2 dev=00:18 mode=040755 ouid=0 ogid=0 rdev=00:00 "
              "nametype=PARENT",
              "PATH item=1 name=\"/run/php.sock\" inode=77 dev=00:18 mode=0140666 ouid=0 ogid=0 "
              "rdev=00:00 nametype=CREATE",
              NULL);
    told_call(&t, LISTEN, 0, 20, 1, "a0=5 a1=80 a2=0 a3=0", NULL);
    told_call(&t, CONNECT, 0, 10, 1, "a0=3 a1=0 a2=10 a3=0",
              "SOCKADDR saddr=01002F7661722F72756E2F7068702E736F636B00", CWD, socket, NULL);
    told_call(&t, ACCEPT, 6, 20, 1, "a0=5 a1=0 a2=0 a3=0", "SOCKADDR saddr=0100", NULL);
    told_end(&t);
    assert_true(btr_id_equal(told_event(&t, BTR_OP_MEET_CLIENT, 0)->object,
                             told_event(&t, BTR_OP_MEET_SERVER, 0)->object));
    told_fini(&t);
}

static void order_follows_the_sequence_and_not_the_clock(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/a", "5", 3);
    t.now -= 5.0;
    open_read(&t, 10, "/b", "6", 4); /* a blocking call's record: dated early, ended late */
    t.now += 5.0;
    open_read(&t, 10, "/c", "7", 5);
    told_end(&t);
    int64_t a = told_event(&t, BTR_OP_OPEN_READ, 0)->last_ns,
            b = told_event(&t, BTR_OP_OPEN_READ, 1)->last_ns,
            c = told_event(&t, BTR_OP_OPEN_READ, 2)->last_ns;
    assert_int_equal(b, a + 1);
    assert_true(c > b);
    assert_int_equal(t.batch.gap_count, 0);
    told_fini(&t);
}

static void one_record_far_ahead_does_not_drag_the_rest_along(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/a", "5", 3);
    t.now += 86400.0;
    open_read(&t, 10, "/b", "6", 4);
    t.now -= 86400.0;
    open_read(&t, 10, "/c", "7", 5);
    told_end(&t);
    int64_t a = told_event(&t, BTR_OP_OPEN_READ, 0)->last_ns,
            c = told_event(&t, BTR_OP_OPEN_READ, 2)->last_ns;
    assert_true(c - a < 1000000000);
    assert_int_equal(t.batch.gap_count, 1);
    assert_int_equal(t.batch.gaps[0].kind, BTR_GAP_CLOCK);
    told_fini(&t);
}

static void missing_serials_are_a_hole_unless_hosts_share_the_counter(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/a", "5", 3);
    t.serial += 7;
    open_read(&t, 10, "/b", "6", 4);
    told_end(&t);
    assert_int_equal(t.batch.gap_count, 1);
    assert_int_equal(t.batch.gaps[0].kind, BTR_GAP_HOLE);
    assert_int_equal(t.batch.gaps[0].count, 7);
    told_fini(&t);
    told_init(&t, "web01", "{\"web01\": {\"ip\": \"10.0.0.1\", \"serial_space\": \"lab\"}}");
    open_read(&t, 10, "/a", "5", 3);
    t.serial += 7;
    open_read(&t, 10, "/b", "6", 4);
    told_end(&t);
    assert_int_equal(t.batch.gap_count, 0);
    told_fini(&t);
}

/* Opens a file with each of these serials, in this order. */
static void open_each(struct told *t, const uint32_t *serials, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        t->serial = serials[i];
        open_read(t, 10, "/a", "5", 3);
    }
}

static void assert_hole(const struct told *t, uint32_t gap, uint64_t from, uint64_t until,
                        uint64_t count)
{
    const struct btr_gap *g = &t->batch.gaps[gap];
    assert_int_equal(g->kind, BTR_GAP_HOLE);
    assert_int_equal(g->from_id, from);
    assert_int_equal(g->until_id, until);
    assert_int_equal(g->count, count);
    assert_true(g->from_ns < g->until_ns);
}

static void what_comes_late_fills_its_hole(void **state)
{
    (void)state;
    static const uint32_t SERIALS[] = {100, 102, 101, 110, 105, 106, 120, 119, 111, 130};
    struct told t;
    told_init(&t, "web01", NULL);
    open_each(&t, SERIALS, sizeof SERIALS / sizeof *SERIALS);
    told_end(&t);
    assert_int_equal(t.batch.gap_count, 1); /* they lie near each other */
    assert_hole(&t, 0, 102, 130, 2 + 3 + 7 + 9);
    told_fini(&t);
}

static void holes_far_from_each_other_are_told_apart(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    for (uint32_t serial = 100; serial < 400; serial++) {
        if (serial == 150 || serial == 155 || serial == 200 || serial == 300 || serial == 301)
            continue;
        t.serial = serial;
        open_read(&t, 10, "/a", "5", 3);
    }
    told_end(&t);
    assert_int_equal(t.batch.gap_count, 3);
    assert_hole(&t, 0, 149, 156, 2);
    assert_hole(&t, 1, 199, 201, 1);
    assert_hole(&t, 2, 299, 302, 2);
    told_fini(&t);
}

/* Others were given out long before it came. */
static void what_comes_very_late_fills_its_hole(void **state)
{
    (void)state;
    static const uint32_t BEFORE[] = {100, 102, 110}, AFTER[] = {111, 112}, LATE[] = {101, 105};
    struct told t;
    told_init(&t, "web01", NULL);
    open_each(&t, BEFORE, 3);
    t.now += 5;
    open_each(&t, AFTER, 2);
    t.now -= 5;
    open_each(&t, LATE, 2);
    told_end(&t);
    assert_int_equal(t.batch.gap_count, 1);
    assert_hole(&t, 0, 102, 110, 6);
    told_fini(&t);
}

static void more_holes_than_can_wait_are_all_told(void **state)
{
    (void)state;
    uint64_t missing = 0;
    struct told t;
    told_init(&t, "web01", NULL);
    for (uint32_t serial = 101; serial < 4000; serial++) {
        t.serial = serial;
        if (serial % 4 != 0)
            open_read(&t, 10, "/a", "5", 3);
    }
    told_end(&t);
    for (uint32_t i = 0; i < t.batch.gap_count; i++)
        missing += t.batch.gaps[i].count;
    assert_int_equal(missing, 4000 / 4 - 104 / 4);
    told_fini(&t);
}

static void the_audit_system_tells_what_it_lost(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    open_read(&t, 10, "/a", "5", 3);
    told_line(&t, "type=DAEMON_END msg=audit(1700000001.000:9001): op=terminate auid=0 uid=0 ses=1 "
                  "pid=4 subj=unconfined res=success");
    told_line(&t,
              "type=DAEMON_START msg=audit(1700000060.000:9002): op=start ver=3.0.9 format=raw "
              "kernel=6.1 auid=4294967295 pid=9 uid=0 ses=4294967295 subj=unconfined res=success");
    told_end(&t);
    bool stopped = false, started = false;
    assert_int_equal(t.batch.gap_count,
                     2); /* auditd numbers its own records: no hole between 100 and 9001 */
    for (uint32_t i = 0; i < t.batch.gap_count; i++) {
        stopped |= t.batch.gaps[i].kind == BTR_GAP_STOPPED;
        started |= t.batch.gaps[i].kind == BTR_GAP_STARTED;
    }
    assert_true(stopped && started);
    told_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_flows_from_the_file_that_the_descriptor_was_opened_on),
        cmocka_unit_test(a_relative_name_counts_from_the_descriptor_that_the_call_names),
        cmocka_unit_test(a_child_has_its_parents_descriptors_and_closes_its_own_copy),
        cmocka_unit_test(exec_closes_what_is_marked_and_keeps_the_process),
        cmocka_unit_test(each_exec_tells_its_command_line_once),
        cmocka_unit_test(a_vfork_child_that_acts_first_is_one_process_and_its_fork_is_no_later),
        cmocka_unit_test(a_pid_that_is_used_again_is_another_process),
        cmocka_unit_test(a_thread_is_no_process_and_clone3_makes_one_only_when_it_acts),
        cmocka_unit_test(inside_a_pid_namespace_the_parent_comes_from_the_open_clone),
        cmocka_unit_test(a_rename_carries_the_content_to_the_new_name),
        cmocka_unit_test(two_names_of_one_inode_are_joined_while_it_lives),
        cmocka_unit_test(names_of_what_nobody_changes_are_not_joined),
        cmocka_unit_test(what_was_written_is_there_under_every_name_when_it_is_closed),
        cmocka_unit_test(an_inode_number_that_is_used_again_joins_nothing),
        cmocka_unit_test(an_open_descriptor_is_an_interval_only_where_calls_are_not_recorded),
        cmocka_unit_test(a_pipe_leads_from_its_writer_to_its_reader),
        cmocka_unit_test(sendfile_reads_no_later_than_it_sends),
        cmocka_unit_test(both_ends_of_a_connection_stand_at_one_rendezvous),
        cmocka_unit_test(unix_connections_meet_at_the_sockets_inode),
        cmocka_unit_test(order_follows_the_sequence_and_not_the_clock),
        cmocka_unit_test(one_record_far_ahead_does_not_drag_the_rest_along),
        cmocka_unit_test(missing_serials_are_a_hole_unless_hosts_share_the_counter),
        cmocka_unit_test(what_comes_late_fills_its_hole),
        cmocka_unit_test(holes_far_from_each_other_are_told_apart),
        cmocka_unit_test(what_comes_very_late_fills_its_hole),
        cmocka_unit_test(more_holes_than_can_wait_are_all_told),
        cmocka_unit_test(the_audit_system_tells_what_it_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
