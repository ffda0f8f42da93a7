/* Which reads came to the end of a file: those of a regular one that gave less than was asked for.
 */
#include "audit_lines.h"

enum {
    READ = 0,
    PIPE = 22,
    PREAD64 = 17,
    READV = 19,
    DUP2 = 33,
    SENDFILE = 40,
    FORK = 57,
    OPENAT = 257,
    PREADV2 = 327
};

#define REGULAR "0100644"

static void open_at(struct told *t, unsigned pid, const char *name, const char *mode, long fd)
{
    char path[256];
    snprintf(path, sizeof(path),
             "PATH item=0 name=\"%s\" inode=7 dev=fe:00 mode=%s ouid=0 ogid=0 rdev=00:00 "
             "nametype=NORMAL",
             name, mode);
    told_call(t, OPENAT, fd, pid, 1, "a0=ffffff9c a1=7ffe1000 a2=0 a3=0", "CWD cwd=\"/srv\"", path,
              NULL);
}

/* One file is opened and read once. */
static bool ends(const char *name, const char *mode, int call, long exit, const char *arguments)
{
    struct told t;
    told_init(&t, "web01", NULL);
    open_at(&t, 10, name, mode, 3);
    told_call(&t, call, exit, 10, 1, arguments, NULL);
    told_end(&t);
    const struct btr_event *e = NULL;
    for (uint32_t i = 0; i < t.batch.event_count; i++)
        if (t.batch.events[i].operation == BTR_OP_READ && t.batch.events[i].record_id)
            e = &t.batch.events[i];
    bool flag = e && btr_event_ends(e->flags);
    for (uint32_t i = 0; i < t.batch.event_count; i++) /* nothing else has it */
        assert_true(&t.batch.events[i] == e || !(t.batch.events[i].flags & BTR_EVENT_ENDS));
    told_fini(&t);
    return flag;
}

static void a_read_that_gives_less_than_was_asked_for_came_to_the_end(void **state)
{
    (void)state;
    static const struct {
        int call;
        long exit;
        const char *arguments;
        bool ends;
    } rows[] = {
        {READ, 175, "a0=3 a1=7fceb845a380 a2=1000 a3=0", true},
        {READ, 175, "a0=3 a1=7fceb845a380 a2=b0 a3=560e346fe0a0", true},
        {READ, 175, "a0=3 a1=7fceb845a380 a2=af a3=560e346fe0a0", false}, /* what was asked for */
        {READ, 4096, "a0=3 a1=7fceb845a380 a2=1000 a3=0", false},
        {READ, 0, "a0=3 a1=7fceb845a380 a2=1000 a3=0", false}, /* nothing moved */
        {READ, -11, "a0=3 a1=7fceb845a380 a2=1000 a3=0", false},
        {READ, 175, "a0=3 a1=7fceb845a380", false}, /* not told */
        {READ, 0x7ffeffff, "a0=3 a1=7f0000000000 a2=100000000 a3=0", true},
        {READ, 0x7ffff000, "a0=3 a1=7f0000000000 a2=100000000 a3=0", false}, /* a call's most */
        {PREAD64, 2908, "a0=3 a1=55d0 a2=2000 a3=10000", true},
        {PREAD64, 8192, "a0=3 a1=55d0 a2=2000 a3=10000", false},
        {READV, 175, "a0=3 a1=7ffe a2=2000 a3=0", false}, /* a2: how many buffers */
        {PREADV2, 175, "a0=3 a1=7ffe a2=2000 a3=0", false},
        {SENDFILE, 175, "a0=4 a1=3 a2=0 a3=1000", false}, /* the other end may be full */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (ends("/var/www/config.php", REGULAR, rows[i].call, rows[i].exit, rows[i].arguments) !=
            rows[i].ends)
            fail_msg("call %d, exit %ld, %s", rows[i].call, rows[i].exit, rows[i].arguments);
}

static void only_a_file_of_a_disk_ends_where_a_read_does(void **state)
{
    (void)state;
    static const struct {
        const char *name, *mode;
        bool ends;
    } rows[] = {
        {"/etc/passwd", "0100644", true},
        {"config.php", "0100600", true},          /* /srv/config.php */
        {"/srv/setuid", "0106755", true},         /* further bits of the mode */
        {"/dev/shm/staged.tgz", REGULAR, true},   /* a file in memory, as regular as others */
        {"/srv/process/sysadmin", REGULAR, true}, /* only looks like those below */
        {"/proc/net/tcp", "0100444", false},
        {"/proc/self/environ", "0100400", false},
        {"../proc/net/tcp", "0100444", false},
        {"/sys/kernel/tracing/trace", "0100640", false},
        {"/srv/jail/proc/net/tcp", "0100444", false}, /* mounted there, too */
        {"/dev/tty1", "020620", false},
        {"/dev/vda", "060660", false},
        {"/srv/fifo", "010644", false},
        {"/srv/socket", "0140755", false},
        {"/srv", "040755", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (ends(rows[i].name, rows[i].mode, READ, 100, "a0=3 a1=0 a2=1000 a3=0") != rows[i].ends)
            fail_msg("%s, mode %s", rows[i].name, rows[i].mode);
}

static void a_descriptor_that_is_no_open_file_never_ends(void **state)
{
    (void)state;
    struct told t;
    told_init(&t, "web01", NULL);
    told_call(&t, PIPE, 0, 10, 1, "a0=7ffe a1=0 a2=0 a3=0", "FD_PAIR fd0=4 fd1=5", NULL);
    told_call(&t, READ, 1, 10, 1, "a0=4 a1=0 a2=1000 a3=0", NULL);
    told_call(&t, READ, 1, 10, 1, "a0=9 a1=0 a2=1000 a3=0", NULL); /* opened before the records */
    told_end(&t);
    assert_int_equal(told_event(&t, BTR_OP_READ, 0)->flags, 0);
    assert_int_equal(told_event(&t, BTR_OP_READ, 1)->flags, 0);
    told_fini(&t);
}

static void what_was_copied_inherited_or_saved_ends_as_well(void **state)
{
    (void)state;
    struct told t;
    struct btr_err err;
    struct btr_buffer saved = {0};
    told_init(&t, "web01", NULL);
    open_at(&t, 10, "/etc/passwd", REGULAR, 3);
    told_call(&t, DUP2, 7, 10, 1, "a0=3 a1=7 a2=0 a3=0", NULL);
    told_call(&t, FORK, 11, 10, 1, "a0=0 a1=0 a2=0 a3=0", NULL);
    assert_int_equal(t.decoder->state_save(t.state, &saved), 0);
    struct btr_decoder_state *before = t.state;
    struct btr_decoder_config config = {.host = BTR_SPAN("web01"), .size_max = 64 << 20};
    t.state = t.decoder->state_new(&config);
    assert_non_null(t.state);
    assert_int_equal(t.decoder->state_load(t.state, btr_buffer_view(&saved), &err), 0);
    btr_buffer_fini(&saved);
    told_call(&t, READ, 100, 10, 1, "a0=7 a1=0 a2=1000 a3=0", NULL);
    told_call(&t, READ, 100, 11, 10, "a0=3 a1=0 a2=1000 a3=0", NULL);
    told_end(&t);
    assert_int_equal(told_event(&t, BTR_OP_READ, 0)->flags, BTR_EVENT_ENDS);
    assert_int_equal(told_event(&t, BTR_OP_READ, 1)->flags, BTR_EVENT_ENDS);
    t.decoder->state_free(before);
    told_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_that_gives_less_than_was_asked_for_came_to_the_end),
        cmocka_unit_test(only_a_file_of_a_disk_ends_where_a_read_does),
        cmocka_unit_test(a_descriptor_that_is_no_open_file_never_ends),
        cmocka_unit_test(what_was_copied_inherited_or_saved_ends_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
