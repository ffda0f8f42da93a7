/* The resolver's state stays within its bound whatever a host's records tell. */
#include "audit_lines.h"

enum { OPENAT = 257, FORK = 57, CHROOT = 161, CLONE3 = 435, SIZE_MAX_ = 256 << 10, ROUNDS = 600 };

#define NO_ARGUMENTS "a0=0 a1=0 a2=0 a3=0"

static void small_init(struct told *t)
{
    told_init(t, "web01", NULL);
    t->decoder->state_free(t->state);
    struct btr_decoder_config config = {.host = BTR_SPAN("web01"), .size_max = SIZE_MAX_};
    t->state = t->decoder->state_new(&config);
    assert_non_null(t->state);
}

static size_t saved_size(const struct told *t)
{
    struct btr_buffer saved = {0};
    assert_int_equal(t->decoder->state_save(t->state, &saved), 0);
    size_t size = saved.size;
    btr_buffer_fini(&saved);
    return size;
}

static void check_bounded(struct told *t)
{
    struct btr_decoder_stats stats;
    t->decoder->stats(t->state, &stats);
    assert_true(stats.evicted > 0);
    assert_true(saved_size(t) < 3 * SIZE_MAX_);
    told_fini(t);
}

static void open_at(struct told *t, unsigned pid, unsigned n, long fd)
{
    char path[256];
    snprintf(path, sizeof(path),
             "PATH item=0 name=\"/a/long/folder/of/files/number/%u\" inode=%u dev=fe:00 "
             "mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL",
             n, n + 10);
    told_call(t, OPENAT, fd, pid, 1, "a0=ffffff9c a1=0 a2=2 a3=0", "CWD cwd=\"/\"", path, NULL);
}

static void many_processes_files_and_inodes_are_bounded(void **state)
{
    (void)state;
    struct told t;
    small_init(&t);
    for (unsigned i = 0; i < ROUNDS; i++)
        open_at(&t, 100 + i, i, 3);
    check_bounded(&t);
}

static void tables_with_high_descriptors_are_bounded_also_through_clones(void **state)
{
    (void)state;
    struct told t;
    small_init(&t);
    open_at(&t, 99, 1, 2000);
    for (unsigned i = 0; i < ROUNDS; i++)
        told_call(&t, i % 2 ? FORK : CLONE3, 100 + (long)i, 99, 1, NO_ARGUMENTS, NULL);
    check_bounded(&t);
}

static void roots_are_bounded(void **state)
{
    (void)state;
    struct told t;
    small_init(&t);
    for (unsigned i = 0; i < ROUNDS; i++) {
        char path[3000];
        snprintf(path, sizeof(path),
                 "PATH item=0 name=\"/%0*u\" inode=%u dev=fe:00 mode=040755 nametype=NORMAL", 2000,
                 i, i + 1);
        told_call(&t, CHROOT, 0, 100 + i, 1, NO_ARGUMENTS, "CWD cwd=\"/\"", path, NULL);
    }
    check_bounded(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_processes_files_and_inodes_are_bounded),
        cmocka_unit_test(tables_with_high_descriptors_are_bounded_also_through_clones),
        cmocka_unit_test(roots_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
