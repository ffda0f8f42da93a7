/* Damage is found and named, what is not damaged stays readable, and nothing crashes. */
#include <test.h>

#include <segment_bytes.h>
#include <temp_files.h>

#include "format.h"
#include "segment_store.h"
#include "store_tests.h"

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct model m;
    struct btr_buffer file = {0};
    struct btr_err err;
    model_init(&m, 21);
    segment_make(&m, 2, 40, &file);
    assert_int_equal(segment_bytes_read(btr_buffer_view(&file), &err), 0);
    for (size_t size = 0; size < file.size; size++) {
        uint8_t *cut = malloc(size + 1); /* its own memory, so that a read beyond is seen */
        assert_non_null(cut);
        memcpy(cut, file.at, size);
        assert_int_equal(segment_bytes_read((struct btr_span){cut, size}, &err), BTR_E_TRUNCATED);
        assert_true(err.offset == size);
        free(cut);
    }
    btr_buffer_fini(&file);
    model_fini(&m);
}

static void every_flipped_byte_is_found(void **state)
{
    (void)state;
    struct model m;
    struct btr_buffer file = {0};
    struct btr_err err;
    model_init(&m, 22);
    segment_make(&m, 2, 40, &file);
    for (size_t i = 0; i < file.size; i++) {
        uint8_t sound = file.at[i];
        file.at[i] = sound ^ (uint8_t)(1U << test_random_below(&m.random, 8));
        assert_true(segment_bytes_read(btr_buffer_view(&file), &err) < 0);
        file.at[i] = sound ^ 0xff;
        assert_true(segment_bytes_read(btr_buffer_view(&file), &err) < 0);
        file.at[i] = sound;
    }
    assert_int_equal(segment_bytes_read(btr_buffer_view(&file), &err), 0);
    btr_buffer_fini(&file);
    model_fini(&m);
}

static void mutate(struct test_random *random, uint8_t *bytes, size_t size)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    for (uint64_t n = 1 + test_random_below(random, 4); n > 0; n--) {
        size_t at = test_random_below(random, size);
        bytes[at] = test_random_below(random, 2) ? edges[test_random_below(random, 6)]
                                                 : (uint8_t)test_random_next(random);
    }
    segment_bytes_repair(bytes, size);
}

static void changes_behind_good_checksums_are_refused_or_harmless(void **state)
{
    (void)state;
    struct model m;
    struct btr_buffer file = {0}, plain = {0};
    struct btr_err err;
    uint32_t refused = 0;
    model_init(&m, 23);
    segment_make(&m, 2, 60, &file);
    assert_true(segment_bytes_store(btr_buffer_view(&file), &plain));
    assert_int_equal(segment_bytes_read(btr_buffer_view(&plain), &err), 0);
    uint8_t *copy = malloc(plain.size);
    assert_non_null(copy);
    for (uint32_t round = 0; round < 6000; round++) {
        memcpy(copy, plain.at, plain.size);
        mutate(&m.random, copy, plain.size);
        refused += segment_bytes_read((struct btr_span){copy, plain.size}, &err) < 0;
        (void)segment_bytes_salvage((struct btr_span){copy, plain.size}, &err);
    }
    assert_true(refused > 2000);
    free(copy);
    btr_buffer_fini(&file);
    btr_buffer_fini(&plain);
    model_fini(&m);
}

/* ---- Through the reader ---------------------------------------------------------------------- */

static int no_flow(void *self, const struct btr_flow *flows, uint32_t count)
{
    (void)self;
    return flows[count - 1].ref == UINT64_MAX;
}

static int no_event(void *self, btr_event_ref ref, const struct btr_event_full *event)
{
    (void)self;
    (void)ref;
    return event->host.size == SIZE_MAX;
}

static int no_entity(void *self, const struct btr_entity *entity)
{
    (void)self;
    return entity->attr_count == UINT32_MAX;
}

static bool odd_size(void *self, struct btr_span value)
{
    (void)self;
    return value.size % 2 == 1;
}

static int no_gap(void *self, const struct btr_gap_full *gap)
{
    (void)self;
    return gap->host.size == SIZE_MAX;
}

static int no_quarantined(void *self, const struct btr_quarantined_full *q)
{
    (void)self;
    return q->host.size == SIZE_MAX;
}

static int no_source(void *self, const struct btr_source_stat *s)
{
    (void)self;
    return s->host.size == SIZE_MAX;
}

static int no_fault(void *self, const char *segment, const char *what)
{
    uint32_t *count = self;
    assert_true(strlen(segment) == 32 && strlen(what) > 0);
    (*count)++;
    return 0;
}

/* Asks everything once; answers may be failures. */
static void ask_everything(const struct model *m, const char *path)
{
    struct btr_err err;
    struct btr_reader *reader = NULL;
    struct btr_store_stat stat;
    uint32_t faults = 0;
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
    for (uint32_t i = 0; i < MODEL_IDS; i++)
        (void)btr_reader_flows(reader, m->ids[i], BTR_SIDE_ALL, 0, NULL, no_flow, NULL, &err);
    (void)btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, no_event, NULL,
                            &err);
    (void)btr_reader_by_record(reader, BTR_SPAN("web01"), BTR_SPAN(""), 3, no_event, NULL, &err);
    (void)btr_reader_by_origin(reader, BTR_SPAN("a.log"), 3, no_event, NULL, &err);
    (void)btr_reader_entities(reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, no_entity, NULL, &err);
    (void)btr_reader_entities_with(reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, BTR_ATTR_FILE_PATH,
                                   m->attrs[0].attr.value, no_entity, NULL, &err);
    (void)btr_reader_entities_where(reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, BTR_ATTR_FILE_PATH,
                                    odd_size, NULL, no_entity, NULL, &err);
    (void)btr_reader_gaps(reader, no_gap, NULL, &err);
    (void)btr_reader_quarantine(reader, no_quarantined, NULL, &err);
    (void)btr_reader_sources(reader, no_source, NULL, &err);
    (void)btr_reader_stat(reader, &stat, &err);
    btr_reader_close(reader);
    (void)btr_store_verify(path, no_fault, &faults, &err);
}

static void a_reader_of_forged_segments_does_not_crash(void **state)
{
    (void)state;
    struct model m;
    struct btr_buffer file = {0}, plain = {0};
    model_init(&m, 24);
    segment_make(&m, 3, 150, &file);
    assert_true(segment_bytes_store(btr_buffer_view(&file), &plain));
    uint8_t *copy = malloc(plain.size);
    assert_non_null(copy);
    for (uint32_t round = 0; round < 150; round++) {
        char folder[256], path[300];
        temp_folder_make(folder);
        (void)snprintf(path, sizeof(path), "%s/store", folder);
        memcpy(copy, plain.at, plain.size);
        mutate(&m.random, copy, plain.size);
        if (segment_store_make(path, (struct btr_span){copy, plain.size}))
            ask_everything(&m, path);
        temp_folder_remove(folder);
    }
    free(copy);
    btr_buffer_fini(&file);
    btr_buffer_fini(&plain);
    model_fini(&m);
}

/* ---- Verify ---------------------------------------------------------------------------------- */

struct faults {
    uint32_t count;
    char segment[64], what[768], last[768]; /* of the first line, and the last */
};

static int fault_keep(void *self, const char *segment, const char *what)
{
    struct faults *f = self;
    (void)snprintf(f->last, sizeof(f->last), "%s", what);
    if (f->count++ == 0) {
        (void)snprintf(f->segment, sizeof(f->segment), "%s", segment);
        (void)snprintf(f->what, sizeof(f->what), "%s", what);
    }
    return 0;
}

static uint64_t readable_events(const char *path, int *code, char *text)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    uint64_t count = 0;
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
    struct btr_event_full full;
    for (uint64_t segment = 0; segment < 3; segment++)
        for (uint64_t i = 0; btr_reader_event(reader, segment << 32 | i, &full, &err) == 0; i++)
            count++;
    *code =
        btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, no_event, NULL, &err);
    (void)snprintf(text, BTR_ERR_TEXT_SIZE, "%s", err.text);
    btr_reader_close(reader);
    return count;
}

static void verify_names_the_damaged_block_and_the_rest_stays_readable(void **state)
{
    (void)state;
    struct model m;
    struct btr_err err;
    struct btr_buffer file = {0};
    struct faults faults = {0};
    char folder[256], path[300], damaged[4096], text[BTR_ERR_TEXT_SIZE], expected[80];
    int code = 0;
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 25);
    model_store(&m, path, 3, 2, 100);
    uint64_t all = readable_events(path, &code, text);
    assert_int_equal(all, m.event_count);
    assert_int_equal(btr_store_verify(path, fault_keep, &faults, &err), 0);

    segment_file_read(path, 1, damaged, &file);
    segment_file_damage(damaged, &file, STORE_EVENTS);
    uint64_t left = readable_events(path, &code, text);
    assert_true(left > 0 && left < all);
    assert_int_equal(code, BTR_E_CHECKSUM);
    assert_non_null(strstr(text, "section events, block 0 is damaged"));
    assert_int_equal(btr_store_verify(path, fault_keep, &faults, &err), BTR_E_CHECKSUM);
    assert_int_equal(faults.count, 2);
    assert_non_null(strstr(damaged, faults.segment));
    assert_non_null(strstr(faults.what, "section events, block 0 is damaged"));
    (void)snprintf(expected, sizeof(expected), "lost by it: %u events, ", (unsigned)(all - left));
    assert_non_null(strstr(faults.what, expected));
    assert_non_null(strstr(faults.what, ", of "));
    (void)snprintf(expected, sizeof(expected), "the rest can be read: 0 of %u events, ",
                   (unsigned)(all - left));
    assert_non_null(strstr(faults.last, expected));
    btr_buffer_fini(&file);
    model_fini(&m);
    temp_folder_remove(folder);
}

static void damage_to_any_section_is_named_by_verify(void **state)
{
    (void)state;
    for (unsigned section = 1; section <= STORE_SECTION_MAX; section++) {
        struct model m;
        if (section == STORE_KINDS || section == STORE_QUARANTINE ||
            section == STORE_DICTIONARIES || section == STORE_COUNTS ||
            section == STORE_PROOFS) /* not, or empty, here */
            continue;
        struct btr_err err;
        struct btr_buffer file = {0};
        struct faults faults = {0};
        char folder[256], path[300], damaged[4096], expected[64];
        temp_folder_make(folder);
        (void)snprintf(path, sizeof(path), "%s/store", folder);
        model_init(&m, 26);
        m.extreme = section == STORE_STRETCHES; /* lines far from each other */
        model_store(&m, path, 1, 4, 200);
        segment_file_read(path, 0, damaged, &file);
        assert_true(segment_file_damage(damaged, &file, section));
        assert_true(btr_store_verify(path, fault_keep, &faults, &err) < 0);
        (void)snprintf(expected, sizeof(expected), "section %s", store_section_word(section));
        assert_non_null(strstr(faults.what, expected));
        btr_buffer_fini(&file);
        model_fini(&m);
        temp_folder_remove(folder);
    }
}

static void a_segment_that_is_gone_or_cut_is_named(void **state)
{
    (void)state;
    struct model m;
    struct btr_err err;
    struct btr_buffer file = {0};
    struct faults faults = {0};
    char folder[256], path[300], damaged[4096], text[BTR_ERR_TEXT_SIZE];
    int code = 0;
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    model_init(&m, 27);
    model_store(&m, path, 2, 2, 100);
    segment_file_read(path, 0, damaged, &file);
    FILE *out = fopen(damaged, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(file.at, 1, file.size / 2, out), file.size / 2);
    (void)fclose(out);
    (void)readable_events(path, &code, text);
    assert_int_equal(code, BTR_E_TRUNCATED);
    assert_true(btr_store_verify(path, fault_keep, &faults, &err) < 0);
    assert_int_equal(faults.count, 1);
    assert_int_equal(remove(damaged), 0);
    (void)readable_events(path, &code, text);
    assert_int_equal(code, BTR_E_TRUNCATED);
    assert_non_null(strstr(text, "its file is missing"));
    assert_true(btr_store_verify(path, fault_keep, &faults, &err) < 0);
    assert_int_equal(faults.count, 2);
    btr_buffer_fini(&file);
    model_fini(&m);
    temp_folder_remove(folder);
}

int damage_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_byte_is_found),
        cmocka_unit_test(changes_behind_good_checksums_are_refused_or_harmless),
        cmocka_unit_test(a_reader_of_forged_segments_does_not_crash),
        cmocka_unit_test(verify_names_the_damaged_block_and_the_rest_stays_readable),
        cmocka_unit_test(damage_to_any_section_is_named_by_verify),
        cmocka_unit_test(a_segment_that_is_gone_or_cut_is_named),
    };
    return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
