/* One snapshot for each reader: what it keeps, and what a dead one does not keep. */
#include <test.h>

#include <signal.h>
#include <sys/wait.h>
#include <temp_files.h>
#include <unistd.h>

#include "files.h"
#include "model.h"
#include "store_tests.h"
#include "trash.h"

static void compact(const char *path)
{
    struct btr_err err = {0};
    struct btr_merge_stat stat;
    if (btr_store_compact(path, &stat, &err) != 0)
        fail_msg("%s", err.text);
}

static uint32_t trash_count(struct store_catalog *catalog)
{
    struct btr_err err;
    struct catalog_segment *rows = NULL;
    uint32_t count = 0;
    assert_int_equal(store_catalog_trash(catalog, &rows, &count, &err), 0);
    free(rows);
    return count;
}

/* A store of four segments; the catalog is a writer's, so that a reader of this process can share
 * it. `row` receives one of them. */
static struct store_catalog *four_make(struct model *m, const char *path,
                                       struct catalog_segment *row)
{
    struct btr_err err;
    struct store_catalog *catalog = NULL;
    struct catalog_segment *rows = NULL;
    uint32_t count = 0;
    model_store(m, path, 4, 3, 40);
    assert_int_equal(store_catalog_open(&catalog, path, true, &err), 0);
    assert_int_equal(store_catalog_segments(catalog, &rows, &count, &err), 0);
    assert_int_equal(count, 4);
    *row = rows[0];
    free(rows);
    return catalog;
}

static void files_stay_for_the_readers_of_before(void **state)
{
    (void)state;
    struct model m;
    struct btr_err err = {0};
    struct btr_reader *before = NULL, *after = NULL;
    struct catalog_segment row;
    char folder[256], path[300], file[STORE_PATH_SIZE];
    const char *paths[] = {path};
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 31);
    struct store_catalog *catalog = four_make(&m, path, &row);
    assert_true(store_files_path(file, path, &row));
    assert_int_equal(btr_reader_open(&before, paths, 1, &err), 0);
    compact(path);
    compact(path); /* opens and sweeps again */
    assert_int_equal(btr_reader_open(&after, paths, 1, &err), 0);
    assert_int_equal(store_trash_empty(path, catalog, &err), 0);
    assert_int_equal(trash_count(catalog), 4);
    assert_int_equal(access(file, F_OK), 0);
    model_check_events(&m, before);
    btr_reader_close(before);
    assert_int_equal(store_trash_empty(path, catalog, &err), 0);
    assert_int_equal(trash_count(catalog), 0);
    assert_int_equal(access(file, F_OK), -1);
    model_check_events(&m, after);
    btr_reader_close(after);
    store_catalog_close(catalog);
    model_fini(&m);
    temp_folder_remove(folder);
}

/* The snapshot is that of the opening for all that is asked of a catalog. */
static void a_reader_of_the_catalog_sees_one_moment(void **state)
{
    (void)state;
    struct model m;
    struct btr_err err = {0};
    struct store_catalog *reader = NULL;
    struct catalog_segment row, *rows = NULL;
    uint32_t count = 0;
    char folder[256], path[300];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 32);
    struct store_catalog *catalog = four_make(&m, path, &row);
    assert_int_equal(store_catalog_open(&reader, path, false, &err), 0);
    compact(path);
    assert_int_equal(store_catalog_segments(reader, &rows, &count, &err), 0);
    assert_int_equal(count, 4);
    free(rows);
    store_catalog_close(reader);
    store_catalog_close(catalog);
    model_fini(&m);
    temp_folder_remove(folder);
}

static int no_file(void *self, const struct catalog_segment *row, struct btr_err *err)
{
    (void)self;
    (void)row;
    return btr_fail(err, BTR_E_IO, UINT64_MAX, "no file can be removed");
}

static void a_file_that_comes_again_is_no_trash(void **state)
{
    (void)state;
    struct model m;
    struct btr_err err = {0};
    struct btr_reader *before = NULL;
    struct catalog_segment row;
    char folder[256], path[300], file[STORE_PATH_SIZE];
    const char *paths[] = {path};
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 33);
    struct store_catalog *catalog = four_make(&m, path, &row);
    assert_true(store_files_path(file, path, &row));
    assert_int_equal(btr_reader_open(&before, paths, 1, &err), 0);
    compact(path);
    btr_reader_close(before);
    assert_int_equal(store_catalog_trash_empty(catalog, no_file, NULL, &err), BTR_E_IO);
    assert_int_equal(trash_count(catalog), 4); /* what could not be removed stays in it */
    assert_int_equal(store_catalog_trash_take(catalog, row.hash, &err), 0);
    assert_int_equal(store_catalog_trash_take(catalog, row.hash, &err), 0);
    assert_int_equal(trash_count(catalog), 3);
    assert_int_equal(store_trash_empty(path, catalog, &err), 0);
    assert_int_equal(trash_count(catalog), 0);
    assert_int_equal(access(file, F_OK), 0);
    store_catalog_close(catalog);
    model_fini(&m);
    temp_folder_remove(folder);
}

/* ---- Readers that are killed ----------------------------------------------------------------- */

/* A process that opens a reader when it is told to, says so, and waits to be killed. */
struct pinned {
    pid_t pid;
    int go, ready;
};

static void pinned_run(const char *path, int go, int ready)
{
    struct btr_err err;
    struct btr_reader *reader = NULL;
    char byte;
    if (read(go, &byte, 1) == 1 && btr_reader_open(&reader, &path, 1, &err) == 0 &&
        write(ready, &byte, 1) == 1)
        (void)pause();
    _exit(1);
}

/* Before anything of the store is open here: a child must not use its parent's environment. */
static struct pinned pinned_start(const char *path)
{
    int go[2], ready[2];
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(ready), 0);
    struct pinned p = {fork(), go[1], ready[0]};
    assert_true(p.pid >= 0);
    if (p.pid == 0) {
        (void)close(go[1]); /* so that the child ends with its parent */
        pinned_run(path, go[0], ready[1]);
    }
    (void)close(go[0]);
    (void)close(ready[1]);
    return p;
}

static void pinned_open(const struct pinned *p)
{
    char byte = 0;
    assert_int_equal(write(p->go, &byte, 1), 1);
    assert_int_equal(read(p->ready, &byte, 1), 1);
}

static void pinned_kill(const struct pinned *p)
{
    assert_int_equal(kill(p->pid, SIGKILL), 0);
    assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
    (void)close(p->go);
    (void)close(p->ready);
}

enum beside { NOBODY, A_DEAD_READER, A_LIVING_READER };

/* Bytes of the catalog after many publishes and merges beside a reader of the first. */
static uint64_t size_after(enum beside beside)
{
    struct model m;
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    struct store_catalog *catalog = NULL;
    char folder[256], path[300];
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 34);
    struct pinned reader = pinned_start(path);
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    model_publish(&m, sink, 1, 5);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    if (beside != NOBODY)
        pinned_open(&reader);
    if (beside != A_LIVING_READER)
        pinned_kill(&reader);
    for (uint32_t i = 0; i < 200; i++)
        model_publish(&m, sink, 1, 5);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    assert_int_equal(store_catalog_open(&catalog, path, true, &err), 0);
    uint64_t size = 0;
    assert_int_equal(store_catalog_size(catalog, &size, &err), 0);
    store_catalog_close(catalog);
    if (beside == A_LIVING_READER)
        pinned_kill(&reader);
    btr_writer_close(writer);
    model_fini(&m);
    temp_folder_remove(folder);
    return size;
}

static void a_reader_that_was_killed_keeps_no_pages(void **state)
{
    (void)state;
    uint64_t alone = size_after(NOBODY), dead = size_after(A_DEAD_READER),
             living = size_after(A_LIVING_READER);
    print_message("catalog after 200 publishes: %u bytes, beside a dead reader %u, a living %u\n",
                  (unsigned)alone, (unsigned)dead, (unsigned)living);
    assert_true(alone < living / 8); /* so that the next line can fail */
    assert_true(dead < living / 8);
}

int snapshot_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_stay_for_the_readers_of_before),
        cmocka_unit_test(a_reader_of_the_catalog_sees_one_moment),
        cmocka_unit_test(a_file_that_comes_again_is_no_trash),
        cmocka_unit_test(a_reader_that_was_killed_keeps_no_pages),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
