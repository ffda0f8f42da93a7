/* A catalog whose pages are damaged is found by a child, and this process never reads it. */
#include <test.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <temp_files.h>

#include "catalog_probe.h"
#include "segment_store.h"
#include "store_tests.h"

enum { PAGE = 4096, KINDS = 5 };

struct place {
    char folder[256], path[300], file[330];
    struct btr_buffer bytes; /* of the sound catalog */
};

static void place_make(struct place *p, uint64_t seed)
{
    struct model m;
    char name[4096];
    *p = (struct place){.bytes = {0}};
    temp_folder_make(p->folder);
    (void)snprintf(p->path, sizeof(p->path), "%s/store", p->folder);
    model_init(&m, seed);
    model_store(&m, p->path, 5, 1, 60);
    model_fini(&m);
    (void)snprintf(p->file, sizeof(p->file), "%s/catalog/data.mdb", p->path);
    FILE *in = fopen(p->file, "rb");
    assert_non_null(in);
    for (size_t n; (n = fread(name, 1, sizeof(name), in)) > 0;)
        btr_buffer_put(&p->bytes, name, n);
    (void)fclose(in);
}

static void place_remove(struct place *p)
{
    btr_buffer_fini(&p->bytes);
    temp_folder_remove(p->folder);
}

/* Long ago: a file that was written just now is looked at for longer. */
static void file_write(const struct place *p, const uint8_t *bytes)
{
    static const struct timespec long_ago[2] = {{1000000, 0}, {1000000, 0}};
    FILE *out = fopen(p->file, "r+b");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, p->bytes.size, out), p->bytes.size);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(utimensat(AT_FDCWD, p->file, long_ago, 0), 0);
}

/** What verify said last of the catalog. */
struct said {
    uint32_t lines;
    char segment[64], what[512];
};

static int line_keep(void *self, const char *segment, const char *what)
{
    struct said *s = self;
    s->lines++;
    (void)snprintf(s->segment, sizeof(s->segment), "%s", segment);
    (void)snprintf(s->what, sizeof(s->what), "%s", what);
    return 0;
}

/* Damages a page so that LMDB follows it to nowhere, goes round, or asserts. */
static void page_damage(uint8_t *page, unsigned kind, struct test_random *random)
{
    if (kind == 0)
        memset(page, 0, PAGE);
    else if (kind == 1)
        memset(page, 0xff, PAGE);
    else
        for (uint32_t i = kind == 2 ? 10 : 16; i < (kind == 2 ? 16 : kind == 3 ? 64 : PAGE); i++)
            page[i] = (uint8_t)test_random_next(random);
}

static void damaged_pages_are_said_and_never_met_by_this_process(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct test_random random = {8};
    uint32_t refused = 0;
    place_make(&p, 71);
    const char *path = p.path;
    uint8_t *copy = malloc(p.bytes.size);
    assert_non_null(copy);
    for (size_t page = 2; page < p.bytes.size / PAGE; page++) {
        for (unsigned kind = 0; kind < KINDS; kind++) {
            struct btr_reader *reader = NULL;
            memcpy(copy, p.bytes.at, p.bytes.size);
            page_damage(copy + page * PAGE, kind, &random);
            file_write(&p, copy);
            int rc = btr_reader_open(&reader, &path, 1, &err);
            btr_reader_close(reader);
            if (rc == 0) /* a page that is in no use */
                continue;
            assert_int_equal(rc, BTR_E_FORMAT);
            assert_non_null(strstr(err.text, "the catalog is damaged"));
            assert_non_null(strstr(err.text, p.path));
            refused++;
        }
    }
    assert_true(refused >= 4 * KINDS);
    free(copy);
    place_remove(&p);
}

/* Else LMDB would show the store as it was one publish before. */
static void a_lost_newest_transaction_is_noticed(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    place_make(&p, 72);
    const char *path = p.path;
    for (size_t meta = 0; meta < 2; meta++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            struct btr_reader *reader = NULL;
            uint8_t *txn = p.bytes.at + meta * PAGE + 144 + bit / 8;
            *txn ^= (uint8_t)(1U << bit % 8);
            file_write(&p, p.bytes.at);
            *txn ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(btr_reader_open(&reader, &path, 1, &err), BTR_E_FORMAT);
        }
    }
    file_write(&p, p.bytes.at);
    struct btr_reader *reader = NULL;
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
    btr_reader_close(reader);
    place_remove(&p);
}

static void verify_tells_that_the_segments_are_sound_without_it(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_buffer file = {0};
    struct said said = {0};
    char damaged[4096];
    place_make(&p, 73);
    segment_file_read(p.path, 2, damaged, &file);
    memset(p.bytes.at, 0xff, 150);
    uint8_t *copy = p.bytes.at;
    file_write(&p, copy);
    assert_int_equal(btr_store_verify(p.path, line_keep, &said, &err), BTR_E_FORMAT);
    assert_int_equal(said.lines, 1);
    assert_string_equal(said.segment, "catalog");
    assert_non_null(strstr(said.what, "5 of 5 segment files are what their names say"));
    assert_true(segment_file_damage(damaged, &file, 9));
    said = (struct said){0};
    assert_int_equal(btr_store_verify(p.path, line_keep, &said, &err), BTR_E_FORMAT);
    assert_int_equal(said.lines, 2);
    assert_non_null(strstr(said.what, "4 of 5 segment files are what their names say"));
    btr_buffer_fini(&file);
    place_remove(&p);
}

/* Many rows, values on pages of their own, pages given up and used again. */
static void a_catalog_with_a_long_life_is_sound(void **state)
{
    (void)state;
    char folder[256];
    struct test_random random = {9};
    MDB_env *env = NULL;
    temp_folder_make(folder);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 4), 0);
    assert_int_equal(mdb_env_set_mapsize(env, (size_t)64 << 20), 0);
    assert_int_equal(mdb_env_open(env, folder, MDB_NOTLS | MDB_NOSYNC, 0600), 0);
    for (uint32_t round = 0; round < 120; round++) {
        MDB_txn *txn = NULL;
        MDB_dbi table;
        static uint8_t bytes[40000];
        assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
        assert_int_equal(mdb_dbi_open(txn, round % 2 ? "odd" : "even", MDB_CREATE, &table), 0);
        for (uint32_t i = 0; i < 60; i++) {
            uint64_t name = test_random_below(&random, 3000);
            MDB_val key = {sizeof(name), &name};
            MDB_val value = {test_random_below(&random, i % 8 ? 300 : sizeof(bytes)), bytes};
            int rc = test_random_below(&random, 3) ? mdb_put(txn, table, &key, &value, 0)
                                                   : mdb_del(txn, table, &key, NULL);
            assert_true(rc == 0 || rc == MDB_NOTFOUND);
        }
        assert_int_equal(mdb_txn_commit(txn), 0);
        assert_true(catalog_pages_sound(env));
    }
    mdb_env_close(env);
    temp_folder_remove(folder);
}

int probe_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_pages_are_said_and_never_met_by_this_process),
        cmocka_unit_test(a_lost_newest_transaction_is_noticed),
        cmocka_unit_test(verify_tells_that_the_segments_are_sound_without_it),
        cmocka_unit_test(a_catalog_with_a_long_life_is_sound),
    };
    return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
