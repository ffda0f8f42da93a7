#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <btr/source.h>

#include "source/names.h"
#include "temp_files.h"

static char folder[256];

static int folder_setup(void **state)
{
    (void)state;
    temp_folder_make(folder);
    return 0;
}

static int folder_teardown(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static void files_make(const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        temp_file_write(folder, names[i], BTR_SPAN("x"), NULL);
}

static int add(struct btr_paths *paths, struct btr_err *err, const char *format, const char *name)
{
    char argument[600];
    (void)snprintf(argument, sizeof argument, format, folder, name);
    return btr_paths_add(paths, argument, err);
}

/* The paths hold exactly these, in this order. */
static void holds(const struct btr_paths *paths, const char *const *names)
{
    for (uint32_t i = 0; i < paths->count; i++) {
        assert_non_null(names[i]);
        assert_string_equal(paths->items[i].path + strlen(folder) + 1, names[i]);
    }
    assert_null(names[paths->count]);
}

static void a_folder_gives_rotated_logs_oldest_first_whatever_their_packing(void **state)
{
    (void)state;
    static const char *const names[] = {"r/audit.log",
                                        "r/audit.log.1",
                                        "r/audit.log.10.gz",
                                        "r/audit.log.2.zst",
                                        "r/audit.log-20261101.gz",
                                        "r/audit.log-20261103",
                                        "r/audit.log-2026110215.zst",
                                        "r/other.log",
                                        "r/other-2026-11-02.log",
                                        "r/other-2026-11-01.log.gz",
                                        "r/notes.txt",
                                        "r/.hidden.log",
                                        "r/events.jsonl",
                                        NULL};
    static const char *const want[] = {"r/audit.log-20261101.gz",
                                       "r/audit.log-2026110215.zst",
                                       "r/audit.log-20261103",
                                       "r/audit.log.10.gz",
                                       "r/audit.log.2.zst",
                                       "r/audit.log.1",
                                       "r/audit.log",
                                       "r/events.jsonl",
                                       "r/other-2026-11-01.log.gz",
                                       "r/other-2026-11-02.log",
                                       "r/other.log",
                                       NULL};
    struct btr_paths paths = {0};
    struct btr_err err;
    files_make(names);
    assert_int_equal(add(&paths, &err, "%s/%s", "r"), 0);
    holds(&paths, want);
    assert_true(paths.items[0].found);
    btr_paths_fini(&paths);
}

static void names_given_in_the_shells_order_are_put_in_the_logs_order(void **state)
{
    (void)state;
    static const char *const names[] = {"s/a.log", "s/a.log.1", "s/a.log.2",
                                        "s/b.log", "s/b.log.1", NULL};
    static const char *const want[] = {"s/a.log.2", "s/a.log.1", "s/a.log",
                                       "s/b.log.1", "s/b.log",   NULL};
    struct btr_paths paths = {0};
    struct btr_err err;
    files_make(names);
    for (size_t i = 0; names[i]; i++)
        assert_int_equal(add(&paths, &err, "%s/%s", names[i]), 0);
    holds(&paths, want);
    assert_false(paths.items[0].found);
    btr_paths_fini(&paths);
    assert_int_equal(add(&paths, &err, "%s/%s", "s/*.log*"), 0);
    holds(&paths, want);
    btr_paths_fini(&paths);
}

static void folders_are_searched_to_their_depths_and_links_to_folders_are_not_followed(void **state)
{
    (void)state;
    static const char *const names[] = {"t/web01/audit.log.1", "t/web01/audit.log",
                                        "t/db01/log/audit.log", NULL};
    static const char *const want[] = {"t/db01/log/audit.log", "t/web01/audit.log.1",
                                       "t/web01/audit.log", NULL};
    struct btr_paths paths = {0};
    struct btr_err err;
    char link[300];
    files_make(names);
    (void)snprintf(link, sizeof link, "%s/t/web01/round", folder);
    assert_int_equal(symlink("..", link), 0);
    assert_int_equal(add(&paths, &err, "%s/%s", "t"), 0);
    holds(&paths, want);
    btr_paths_fini(&paths);
}

static void a_host_may_stand_before_a_path(void **state)
{
    (void)state;
    static const char *const names[] = {"u/audit.log", "u/odd=name.log", NULL};
    struct btr_paths paths = {0};
    struct btr_err err;
    files_make(names);
    assert_int_equal(add(&paths, &err, "web01=%s/%s", "u/audit.log"), 0);
    assert_int_equal(add(&paths, &err, "%s/%s", "u/odd=name.log"), 0);
    assert_int_equal(btr_paths_add(&paths, "db01=-", &err), 0);
    assert_string_equal(paths.items[0].host, "web01");
    assert_null(paths.items[1].host);
    assert_string_equal(paths.items[2].path, "-");
    assert_string_equal(paths.items[2].host, "db01");
    assert_int_equal(btr_paths_add(&paths, "-", &err), BTR_E_USAGE); /* it can be read once */
    assert_int_equal(btr_paths_add(&paths, "web01=", &err), BTR_E_USAGE);
    btr_paths_fini(&paths);
}

static void what_is_not_there_is_named(void **state)
{
    (void)state;
    static const char *const rows[] = {"absent.log", "absent*.log", "web01=absent.log", "empty",
                                       "none"};
    struct btr_paths paths = {0};
    struct btr_err err;
    char empty[300];
    (void)snprintf(empty, sizeof empty, "%s/empty", folder);
    assert_int_equal(mkdir(empty, 0700), 0);
    temp_file_write(folder, "none/readme.txt", BTR_SPAN("x"), NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char argument[600];
        const char *equals = strchr(rows[i], '=');
        (void)snprintf(argument, sizeof argument, "%.*s%s/%s",
                       equals ? (int)(equals - rows[i]) + 1 : 0, rows[i], folder,
                       equals ? equals + 1 : rows[i]);
        assert_int_equal(btr_paths_add(&paths, argument, &err), BTR_E_NOTFOUND);
        assert_non_null(strstr(err.text, equals ? equals + 1 : rows[i]));
        assert_null(strchr(err.text, '\n'));
    }
    assert_int_equal(paths.count, 0);
    assert_int_equal(btr_paths_add(&paths, "", &err), BTR_E_USAGE);
    btr_paths_fini(&paths);
}

static void a_name_is_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *path, *base;
    } rows[] = {
        {"/x/web01.audit.log.3.zst", "web01.audit.log"},
        {"audit.log-20261101.gz", "audit.log"},
        {"audit-20261101.log", "audit.log"},
        {"audit.log-20261101-120000", "audit.log"},
        {"audit.log-1795424315", "audit.log"},
        {"audit.log.2026", "audit.log"},
        {"host-1234567.log", "host-1234567.log"},
        {"a", "a"},
        {"20261101.log", "20261101.log"},
        {".1", ".1"},
        {"-20261101", "-20261101"},
        {"web-01.log", "web-01.log"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct source_name name;
        source_name_parse(&name, rows[i].path);
        assert_string_equal(name.base, rows[i].base);
    }
}

static void the_host_comes_from_the_name_or_from_a_folder_that_the_inventory_knows(void **state)
{
    (void)state;
    static const struct {
        const char *path, *host;
    } rows[] = {
        {"web01.audit.log", "web01"},
        {"/x/new.example.audit.log.2.gz", "new.example"},
        {"/x/db01.log.zst", "db01"},
        {"/x/DB01.json", "DB01"},
        {"/evidence/db01/audit.log.1", "db01"},
        {"/evidence/db02/audit.log", ""},
        {"/x/stranger.log", ""},
        {"audit.log", ""},
        {".audit.log", ""},
        {"/audit.log", ""},
    };
    struct btr_hosts *hosts;
    struct btr_err err;
    assert_int_equal(
        btr_hosts_parse(&hosts, BTR_SPAN("{\"web01\":{\"ip\":\"10.0.0.1\"},\"db01\":{}}"), &err),
        0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buffer[SOURCE_BASE_SIZE];
        struct btr_span host = source_name_host(rows[i].path, hosts, buffer);
        assert_int_equal(host.size, strlen(rows[i].host));
        assert_true(btr_span_equal(host, btr_span_of(rows[i].host)));
    }
    btr_hosts_free(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_gives_rotated_logs_oldest_first_whatever_their_packing),
        cmocka_unit_test(names_given_in_the_shells_order_are_put_in_the_logs_order),
        cmocka_unit_test(
            folders_are_searched_to_their_depths_and_links_to_folders_are_not_followed),
        cmocka_unit_test(a_host_may_stand_before_a_path),
        cmocka_unit_test(what_is_not_there_is_named),
        cmocka_unit_test(a_name_is_taken_apart),
        cmocka_unit_test(the_host_comes_from_the_name_or_from_a_folder_that_the_inventory_knows),
    };
    return cmocka_run_group_tests_name("paths", tests, folder_setup, folder_teardown);
}
