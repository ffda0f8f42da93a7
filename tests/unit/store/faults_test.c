/* What a disk that fails may leave behind, and what is made of it. */
#include <test.h>

#include <sys/stat.h>
#include <temp_files.h>
#include <unistd.h>

#include "model.h"
#include "store_tests.h"
#include "writer.h"

struct place {
    char folder[256], path[300];
};

static void place_make(struct place *p)
{
    temp_folder_make(p->folder);
    (void)snprintf(p->path, sizeof(p->path), "%s/store", p->folder);
}

static void store_open_and_close(const char *path)
{
    struct btr_err err;
    struct btr_writer *writer = NULL;
    if (btr_writer_open(&writer, path, &err) != 0)
        fail_msg("%s", err.text);
    btr_writer_close(writer);
}

static void a_catalog_whose_making_was_cut_short_is_begun_anew(void **state)
{
    (void)state;
    static const off_t sizes[] = {1, 100, 4096, 8191};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct place p;
        struct btr_err err;
        struct btr_reader *reader = NULL;
        char file[400];
        place_make(&p);
        store_open_and_close(p.path);
        (void)snprintf(file, sizeof(file), "%s/catalog/data.mdb", p.path);
        assert_int_equal(truncate(file, 0), 0);
        assert_int_equal(truncate(file, sizes[i]), 0); /* nothing but zeros */
        const char *path = p.path;
        assert_int_equal(btr_reader_open(&reader, &path, 1, &err), BTR_E_NOTFOUND);
        store_open_and_close(p.path);
        assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
        btr_reader_close(reader);
        temp_folder_remove(p.folder);
    }
}

/* What a catalog does not name is swept away: an empty one would sweep away all. */
static void segments_without_a_catalog_are_kept_and_the_store_is_refused(void **state)
{
    (void)state;
    for (off_t size = -1; size < 8192; size += 4096) { /* -1: no file */
        struct place p;
        struct model m;
        struct btr_err err;
        struct btr_writer *writer = NULL;
        struct btr_reader *reader = NULL;
        char file[400], beside[400];
        place_make(&p);
        model_init(&m, 21);
        model_store(&m, p.path, 2, 1, 50);
        (void)snprintf(file, sizeof(file), "%s/catalog/data.mdb", p.path);
        (void)snprintf(beside, sizeof(beside), "%s/kept.mdb", p.folder);
        assert_int_equal(rename(file, beside), 0);
        if (size >= 0)
            temp_file_write(p.path, "catalog/data.mdb", BTR_SPAN(""), NULL);
        if (size > 0)
            assert_int_equal(truncate(file, size), 0);
        assert_int_equal(btr_writer_open(&writer, p.path, &err), BTR_E_FORMAT);
        assert_non_null(strstr(err.text, p.path));
        (void)unlink(file);
        assert_int_equal(rename(beside, file), 0);
        const char *path = p.path;
        assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
        model_check_events(&m, reader);
        btr_reader_close(reader);
        model_fini(&m);
        temp_folder_remove(p.folder);
    }
}

int faults_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_catalog_whose_making_was_cut_short_is_begun_anew),
        cmocka_unit_test(segments_without_a_catalog_are_kept_and_the_store_is_refused),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
