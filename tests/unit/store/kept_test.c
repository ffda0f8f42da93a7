/* Kept records: back as they were given, found by place, published with the rest or not, refused
 * when damaged. */
#include <test.h>

#include <btr/kept.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <temp_files.h>
#include <test_random.h>
#include <unistd.h>

#include "kept_file.h"
#include "kept_merge.h"
#include "kept_write.h"
#include "model.h"
#include "pack.h"
#include "store_tests.h"
#include "writer.h"

enum { INPUTS = 3 };

static const char *const NAME[INPUTS] = {"web01.audit.log", "ws01.json", "copy/of/web01.audit.log"};
static const char *const DIGEST[INPUTS] = {"0000000000000011", "ffffffffffffffff",
                                           "0000000000000011"};

static struct btr_input input_of(uint32_t i)
{
    return (struct btr_input){.name = btr_span_of(NAME[i]),
                              .head_hash = i == 1 ? UINT64_MAX : 0x11,
                              .format = i == 1 ? BTR_SPAN("winlog") : BTR_SPAN("auditd")};
}

static struct btr_kept_place place_of(uint32_t input, uint64_t line, uint64_t id)
{
    return (struct btr_kept_place){btr_span_of(NAME[input]), btr_span_of(DIGEST[input]), line, id};
}

struct place {
    char folder[256], path[300];
};

static void place_make(struct place *p)
{
    temp_folder_make(p->folder);
    (void)snprintf(p->path, sizeof p->path, "%s/store", p->folder);
}

static struct btr_writer *writer_of(const struct place *p)
{
    struct btr_writer *writer = NULL;
    struct btr_err err = {0};
    assert_int_equal(btr_writer_open(&writer, p->path, &err), 0);
    return writer;
}

static int keep(struct btr_writer *writer, uint32_t input, uint64_t line, struct btr_span bytes)
{
    struct btr_err err = {0};
    const struct btr_sink *sink = btr_writer_sink(writer);
    struct btr_input row = input_of(input);
    struct btr_raw_record record = {&row, input, BTR_SPAN("web01"), line, bytes};
    return sink->keep(sink->self, &record, &err);
}

static void publish(struct btr_writer *writer)
{
    struct btr_err err = {0};
    const struct btr_sink *sink = btr_writer_sink(writer);
    static const uint32_t ids[] = {0, 1, 2};
    struct btr_input inputs[] = {input_of(0), input_of(1), input_of(2)};
    struct btr_progress progress = {.inputs = inputs, .input_ids = ids, .input_count = INPUTS};
    assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    assert_int_equal(sink->drain(sink->self, &err), 0);
}

/* "KEY rest": records that share a number at their beginning are of one event. */
static uint64_t key_of(struct btr_span format, struct btr_span record)
{
    uint64_t key = 0;
    size_t size = 0;
    while (size < record.size && record.at[size] >= '0' && record.at[size] <= '9')
        size++;
    (void)btr_span_number((struct btr_span){record.at, size}, 10, &key);
    return btr_span_equal(format, BTR_SPAN("auditd")) ? key : 0;
}

static struct btr_kept *kept_of(const char *const *paths, uint32_t count)
{
    struct btr_kept *kept = NULL;
    struct btr_err err = {0};
    assert_int_equal(btr_kept_open(&kept, paths, count, key_of, &err), 0);
    return kept;
}

static struct btr_kept *kept_at(const struct place *p)
{
    const char *path = p->path;
    return kept_of(&path, 1);
}

/* @return the records as text, each followed by a bar, or NULL when none is kept; lives until the
 * next call */
static const char *find(struct btr_kept *kept, uint32_t input, uint64_t line, uint64_t id)
{
    static char text[1 << 16];
    struct btr_kept_found found;
    struct btr_err err = {0};
    struct btr_kept_place place = place_of(input, line, id);
    int rc = btr_kept_find(kept, &place, &found, &err);
    if (rc == BTR_E_NOTFOUND)
        return NULL;
    assert_int_equal(rc, 0);
    size_t at = 0;
    for (uint32_t i = 0; i < found.count; i++)
        at +=
            (size_t)snprintf(text + at, sizeof text - at, "%.*s|", (int)found.records[i].bytes.size,
                             (const char *)found.records[i].bytes.at);
    return text;
}

/* ---- Back as given ---- */

/* Random bytes of random size at random lines. */
static size_t random_record(struct test_random *random, uint8_t *to, size_t size_max)
{
    size_t size = test_random_next(random) % size_max;
    for (size_t i = 0; i < size; i++) {
        to[i] = (uint8_t)(test_random_next(random) >> 20);
        if (to[i] == '\n')
            to[i] = 0;
    }
    return size;
}

struct given {
    uint32_t input;
    uint64_t line;
    struct btr_span bytes;
};

static void found_check(struct btr_kept *kept, const struct given *g)
{
    struct btr_kept_found found;
    struct btr_err err;
    struct btr_kept_place place = place_of(g->input, g->line, 0);
    assert_int_equal(btr_kept_find(kept, &place, &found, &err), 0);
    assert_int_equal(found.count, 1);
    assert_true(found.records[0].line == g->line && found.left_out == 0);
    assert_true(btr_span_equal(found.records[0].bytes, g->bytes));
}

static void records_come_back_as_they_were_given_and_others_are_not_found(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static struct given given[COUNT];
    static uint8_t bytes[COUNT][600];
    struct test_random random = {5};
    struct place p;
    uint64_t line[INPUTS] = {1, 1, UINT64_C(1) << 40}; /* offsets of a topic may be anything */
    place_make(&p);
    struct btr_writer *writer = writer_of(&p);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t input = test_random_next(&random) % 50 == 0 ? 1 : i < COUNT / 2 ? 0 : 2;
        line[input] += test_random_next(&random) % 9 == 0 ? 3 : 1;
        /* no digits at the beginning: each is an event by itself */
        size_t size = random_record(&random, bytes[i] + 1, sizeof bytes[i] - 1) + 1;
        bytes[i][0] = 'x';
        given[i] = (struct given){input, line[input], {bytes[i], size}};
        assert_int_equal(keep(writer, input, line[input], given[i].bytes), 0);
        if (i % 700 == 699)
            publish(writer);
    }
    publish(writer);
    btr_writer_close(writer);
    struct btr_kept *kept = kept_at(&p);
    for (uint32_t i = 0; i < COUNT; i++)
        found_check(kept, &given[i]);
    assert_null(find(kept, 0, 0, 0));
    assert_null(find(kept, 1, line[1] + 1, 0));
    struct btr_kept_stat stat;
    btr_kept_stat(kept, &stat);
    assert_true(stat.record_count == COUNT && stat.file_count == 5 && stat.bytes > 0);
    btr_kept_close(kept);
    temp_folder_remove(p.folder);
}

static void long_records_are_kept_whole_and_longer_ones_refused(void **state)
{
    (void)state;
    enum { LONG = 10 << 20 };
    struct place p;
    struct btr_kept_found found;
    struct btr_err err;
    uint8_t *bytes = malloc(KEPT_RECORD_MAX + 1);
    assert_non_null(bytes);
    memset(bytes, 'x', KEPT_RECORD_MAX + 1);
    place_make(&p);
    struct btr_writer *writer = writer_of(&p);
    assert_int_equal(keep(writer, 0, 1, BTR_SPAN("before")), 0);
    assert_int_equal(keep(writer, 0, 2, (struct btr_span){bytes, LONG}), 0);
    assert_int_equal(keep(writer, 0, 3, (struct btr_span){bytes, KEPT_RECORD_MAX}), 0);
    assert_int_equal(keep(writer, 0, 4, BTR_SPAN("")), 0);
    publish(writer);
    assert_int_equal(keep(writer, 0, 5, (struct btr_span){bytes, KEPT_RECORD_MAX + 1}),
                     BTR_E_LIMIT);
    btr_writer_close(writer);
    struct btr_kept *kept = kept_at(&p);
    for (uint64_t line = 2; line <= 3; line++) {
        struct btr_kept_place place = place_of(0, line, 0);
        assert_int_equal(btr_kept_find(kept, &place, &found, &err), 0);
        assert_true(found.count == 1 &&
                    found.records[0].bytes.size == (line == 2 ? LONG : KEPT_RECORD_MAX));
        assert_memory_equal(found.records[0].bytes.at, bytes, LONG);
    }
    assert_string_equal(find(kept, 0, 1, 0), "before|");
    assert_string_equal(find(kept, 0, 4, 0), "|");
    btr_kept_close(kept);
    free(bytes);
    temp_folder_remove(p.folder);
}

static void a_record_with_a_newline_is_refused(void **state)
{
    (void)state;
    struct place p;
    place_make(&p);
    struct btr_writer *writer = writer_of(&p);
    assert_int_equal(keep(writer, 0, 1, BTR_SPAN("a\nb")), BTR_E_FORMAT);
    btr_writer_close(writer);
    temp_folder_remove(p.folder);
}

/* Enough text for a dictionary to be made, and files that are packed with it. */
static void a_large_file_has_a_dictionary_and_reads_the_same(void **state)
{
    (void)state;
    enum { COUNT = 40000 };
    struct place p;
    char text[400], want[410];
    place_make(&p);
    struct btr_writer *writer = writer_of(&p);
    for (unsigned i = 1; i <= COUNT; i++) {
        int size = snprintf(text, sizeof text, "rec %u %0300u", i, i * 7);
        assert_int_equal(keep(writer, 0, i, (struct btr_span){(uint8_t *)text, (size_t)size}), 0);
    }
    publish(writer);
    btr_writer_close(writer);
    struct btr_kept *kept = kept_at(&p);
    for (unsigned i = 1; i <= COUNT; i += 37) {
        (void)snprintf(want, sizeof want, "rec %u %0300u|", i, i * 7);
        assert_string_equal(find(kept, 0, i, i), want);
    }
    struct btr_kept_stat stat;
    btr_kept_stat(kept, &stat);
    assert_true(stat.bytes * 20 < stat.raw_size);
    btr_kept_close(kept);
    temp_folder_remove(p.folder);
}

/* ---- Which records are found ---- */

static void all_records_of_an_event_are_found_in_whatever_publish_they_are(void **state)
{
    (void)state;
    struct place p;
    place_make(&p);
    struct btr_writer *writer = writer_of(&p);
    assert_int_equal(keep(writer, 0, 1, BTR_SPAN("70 a")), 0);
    assert_int_equal(keep(writer, 0, 2, BTR_SPAN("71 a")), 0);
    assert_int_equal(keep(writer, 0, 3, BTR_SPAN("70 b")), 0);
    publish(writer); /* between the records of one event */
    assert_int_equal(keep(writer, 0, 4, BTR_SPAN("71 b")), 0);
    assert_int_equal(keep(writer, 0, 6, BTR_SPAN("70 c")), 0);
    assert_int_equal(keep(writer, 0, 6 + BTR_KEPT_NEAR + 1, BTR_SPAN("70 too far")), 0);
    assert_int_equal(keep(writer, 2, 5, BTR_SPAN("70 of another input")), 0);
    publish(writer);
    btr_writer_close(writer);
    struct btr_kept *kept = kept_at(&p);
    assert_string_equal(find(kept, 0, 1, 70), "70 a|70 b|70 c|");
    assert_string_equal(find(kept, 0, 6, 70), "70 a|70 b|70 c|");
    assert_string_equal(find(kept, 0, 2, 71), "71 a|71 b|");
    assert_null(find(kept, 0, 2, 7)); /* the line is another record's */
    assert_string_equal(find(kept, 0, 5, 70), "70 of another input|"); /* same first line */
    btr_kept_close(kept);
    temp_folder_remove(p.folder);
}

/* Content that began alike and then differed was read again, under the same name. */
static void where_two_records_have_one_place_the_id_tells_which(void **state)
{
    (void)state;
    struct place p;
    place_make(&p);
    for (unsigned turn = 0; turn < 3; turn++) {
        struct btr_writer *writer = writer_of(&p);
        assert_int_equal(keep(writer, 1, 9, turn ? BTR_SPAN("id=22 b") : BTR_SPAN("id=21 a")), 0);
        publish(writer);
        btr_writer_close(writer);
    }
    struct btr_kept *kept = kept_at(&p);
    assert_string_equal(find(kept, 1, 9, 21), "id=21 a|");
    assert_string_equal(find(kept, 1, 9, 22), "id=22 b|"); /* told twice, printed once */
    assert_null(find(kept, 1, 9, 2));
    struct btr_kept_found found;
    struct btr_kept_place wrong = place_of(1, 9, 2), none = place_of(1, 8, 2);
    struct btr_err err;
    assert_int_equal(btr_kept_find(kept, &wrong, &found, &err), BTR_E_NOTFOUND);
    assert_true(found.other);
    assert_int_equal(btr_kept_find(kept, &none, &found, &err), BTR_E_NOTFOUND);
    assert_false(found.other);
    const char *both = find(kept, 1, 9, 0);
    assert_true(strstr(both, "id=21 a|") && strstr(both, "id=22 b|"));
    btr_kept_close(kept);
    temp_folder_remove(p.folder);
}

static void records_of_several_stores_are_found_and_told_once(void **state)
{
    (void)state;
    struct place places[2];
    const char *paths[2];
    for (unsigned i = 0; i < 2; i++) {
        place_make(&places[i]);
        paths[i] = places[i].path;
        struct btr_writer *writer = writer_of(&places[i]);
        assert_int_equal(keep(writer, 0, 1, BTR_SPAN("70 a")), 0);
        assert_int_equal(keep(writer, 0, 2, i ? BTR_SPAN("70 c") : BTR_SPAN("70 b")), 0);
        publish(writer);
        btr_writer_close(writer);
    }
    struct btr_kept *kept = kept_of(paths, 2);
    const char *got = find(kept, 0, 1, 70);
    assert_true(strcmp(got, "70 a|70 b|70 c|") == 0 || strcmp(got, "70 a|70 c|70 b|") == 0);
    btr_kept_close(kept);
    temp_folder_remove(places[0].folder);
    temp_folder_remove(places[1].folder);
}

static void what_is_handed_out_of_one_event_is_bounded_and_the_rest_counted(void **state)
{
    (void)state;
    struct place p;
    struct btr_kept_found found;
    struct btr_err err;
    place_make(&p);
    struct btr_writer *writer = writer_of(&p);
    for (uint64_t i = 1; i <= BTR_KEPT_COUNT_MAX + 20; i++)
        assert_int_equal(keep(writer, 0, i, BTR_SPAN("70 x") /* alike, at lines of their own */),
                         0);
    publish(writer);
    btr_writer_close(writer);
    struct btr_kept *kept = kept_at(&p);
    struct btr_kept_place place = place_of(0, 1, 70);
    assert_int_equal(btr_kept_find(kept, &place, &found, &err), 0);
    assert_true(found.count == BTR_KEPT_COUNT_MAX && found.left_out == 20);
    btr_kept_close(kept);
    temp_folder_remove(p.folder);
}

/* ---- With the rest, or not at all ---- */

struct failing {
    uint32_t steps, fail_at;
};

static bool step_fails(void *self, const char *step)
{
    struct failing *f = self;
    (void)step;
    return ++f->steps == f->fail_at;
}

/* @return whether the publish was acknowledged */
static bool publish_with_failure(struct model *m, const char *path, struct failing *failing)
{
    struct store_faults faults = {failing, step_fails};
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    struct btr_batch batch;
    struct btr_progress progress = model_progress();
    assert_int_equal(store_writer_open(&writer, path, &faults, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    btr_batch_init(&batch);
    model_batch(m, &batch, 30);
    assert_int_equal(sink->append(sink->self, &batch, &err), 0);
    assert_int_equal(keep(writer, 0, 1, BTR_SPAN("70 a")), 0);
    int rc = sink->publish(sink->self, &progress, &err);
    if (rc == 0)
        rc = sink->drain(sink->self, &err);
    assert_true(rc == 0 || rc == BTR_E_FULL);
    btr_batch_fini(&batch);
    btr_writer_close(writer);
    return rc == 0;
}

/* Files under STORE/records, whatever day. */
static unsigned files_under(const char *path, const char *folder)
{
    char command[700];
    unsigned count = 0;
    (void)snprintf(command, sizeof command, "find '%s/%s' -type f 2>/dev/null | wc -l", path,
                   folder);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): a path that the test made */
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%u", &count), 1);
    (void)pclose(pipe);
    return count;
}

static void records_are_published_with_their_events_or_not_at_all(void **state)
{
    (void)state;
    bool done = false;
    for (uint32_t n = 1; !done; n++) {
        struct place p;
        struct model m;
        struct failing failing = {0, n};
        place_make(&p);
        model_init(&m, 9);
        done = publish_with_failure(&m, p.path, &failing);
        struct btr_kept *kept = kept_at(&p);
        assert_true((find(kept, 0, 1, 70) != NULL) == done);
        btr_kept_close(kept);
        btr_writer_close(writer_of(&p)); /* takes away what was not published */
        assert_int_equal(files_under(p.path, "records"), done ? 1 : 0);
        assert_int_equal(files_under(p.path, "segments"), done ? 1 : 0);
        if (done)
            assert_true(n > 12); /* the loop met every step of both files */
        model_fini(&m);
        temp_folder_remove(p.folder);
    }
}

/* One kept record with each publish. */
static void kept_publish(struct model *m, struct btr_writer *writer, uint64_t line)
{
    struct btr_err err = {0};
    struct btr_progress progress = model_progress();
    const struct btr_sink *sink = btr_writer_sink(writer);
    char text[32];
    int size = snprintf(text, sizeof text, "%u a", 70 + (unsigned)line);
    assert_int_equal(keep(writer, 0, line, (struct btr_span){(uint8_t *)text, (size_t)size}), 0);
    struct btr_batch batch;
    btr_batch_init(&batch);
    model_batch(m, &batch, 60);
    assert_int_equal(sink->append(sink->self, &batch, &err), 0);
    assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_batch_fini(&batch);
}

static void merging_leaves_them_where_they_are(void **state)
{
    (void)state;
    struct place p;
    struct model m;
    struct btr_err err;
    struct btr_merge_stat merged;
    place_make(&p);
    model_init(&m, 12);
    struct btr_writer *writer = writer_of(&p);
    for (uint64_t line = 1; line <= 4; line++)
        kept_publish(&m, writer, line);
    btr_writer_close(writer);
    assert_int_equal(btr_store_compact(p.path, &merged, &err), 0);
    assert_true(merged.segments_before > merged.segments_after);
    struct btr_kept *kept = kept_at(&p);
    assert_string_equal(find(kept, 0, 1, 71), "71 a|");
    assert_string_equal(find(kept, 0, 4, 74), "74 a|");
    btr_kept_close(kept);
    assert_int_equal(btr_store_verify(p.path, NULL, NULL, &err), 0);
    model_fini(&m);
    temp_folder_remove(p.folder);
}

/* ---- Merging ---- */

static int fault_count(void *self, const char *segment, const char *what)
{
    unsigned *count = self;
    (void)segment;
    assert_non_null(strstr(what, "kept records"));
    ++*count;
    return 0;
}

enum { SMALL_FILES = 20, SMALL_RECORDS = 300 };

/* Many publishes of a few records each, by a writer that does not merge. */
static void small_files_make(const struct place *p, struct given given[SMALL_RECORDS])
{
    static uint8_t bytes[SMALL_RECORDS][100];
    struct test_random random = {8};
    struct btr_writer *writer = NULL;
    struct btr_err err;
    assert_int_equal(store_writer_open(&writer, p->path, NULL, &err), 0);
    for (uint32_t i = 0; i < SMALL_RECORDS; i++) {
        size_t size = random_record(&random, bytes[i] + 1, sizeof bytes[i] - 1) + 1;
        bytes[i][0] = 'x';
        given[i] = (struct given){i % 7 % INPUTS, 1 + i * 2, {bytes[i], size}};
        assert_int_equal(keep(writer, given[i].input, given[i].line, given[i].bytes), 0);
        if (i % (SMALL_RECORDS / SMALL_FILES) == SMALL_RECORDS / SMALL_FILES - 1)
            publish(writer);
    }
    btr_writer_close(writer);
}

static void small_files_become_one_and_are_found_by_who_knew_the_old(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_merge_stat merged;
    struct given given[SMALL_RECORDS];
    place_make(&p);
    small_files_make(&p, given);
    assert_int_equal(files_under(p.path, "records"), SMALL_FILES);
    struct btr_kept *before = kept_at(&p);
    found_check(before, &given[0]); /* has one of the files open */
    assert_int_equal(btr_store_compact(p.path, &merged, &err), 0);
    assert_int_equal(merged.record_files_before, SMALL_FILES);
    assert_int_equal(merged.record_files_after, 1);
    assert_int_equal(files_under(p.path, "records"), 1);
    struct btr_kept *after = kept_at(&p);
    for (uint32_t i = 0; i < SMALL_RECORDS; i++) {
        found_check(before, &given[i]);
        found_check(after, &given[i]);
    }
    assert_null(find(before, 0, 2, 0));
    struct btr_kept_stat stat;
    btr_kept_stat(after, &stat);
    assert_true(stat.record_count == SMALL_RECORDS && stat.file_count == 1);
    btr_kept_close(before);
    btr_kept_close(after);
    assert_int_equal(btr_store_verify(p.path, NULL, NULL, &err), 0);
    assert_int_equal(btr_store_compact(p.path, &merged, &err), 0);
    assert_int_equal(merged.record_files_before, 0);
    temp_folder_remove(p.folder);
}

static void a_writer_merges_files_of_records_bit_by_bit(void **state)
{
    (void)state;
    struct place p;
    struct given given[SMALL_RECORDS];
    place_make(&p);
    small_files_make(&p, given);
    struct btr_writer *writer = writer_of(&p);
    assert_int_equal(keep(writer, 0, SMALL_RECORDS * 2 + 1, BTR_SPAN("x")), 0);
    for (unsigned i = 0; i < 200 && files_under(p.path, "records") > MERGE_FAN; i++)
        publish(writer);
    btr_writer_close(writer);
    assert_true(files_under(p.path, "records") <= MERGE_FAN);
    struct btr_kept *kept = kept_at(&p);
    for (uint32_t i = 0; i < SMALL_RECORDS; i++)
        found_check(kept, &given[i]);
    btr_kept_close(kept);
    temp_folder_remove(p.folder);
}

static void a_damaged_file_is_left_where_it_is(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_merge_stat merged;
    struct given given[SMALL_RECORDS];
    char command[900];
    unsigned faults = 0;
    place_make(&p);
    small_files_make(&p, given);
    (void)snprintf(command, sizeof command,
                   "f=$(find '%s/records' -name '*.brec' | sort | head -1) && printf '\\377' | dd "
                   "of=\"$f\" bs=1 seek=$(($(stat -c %%s \"$f\") - 3)) conv=notrunc 2>/dev/null",
                   p.path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path that the test made */
    assert_int_equal(btr_store_compact(p.path, &merged, &err), 0);
    assert_int_equal(merged.damaged, 1);
    assert_int_equal(merged.record_files_before, SMALL_FILES - 1);
    assert_int_equal(files_under(p.path, "records"), 2);
    assert_int_equal(btr_store_verify(p.path, fault_count, &faults, &err), BTR_E_CHECKSUM);
    assert_int_equal(faults, 1);
    temp_folder_remove(p.folder);
}

/* Publishes records one by one until the merging thread has made larger files of some. */
struct publishing {
    struct btr_writer *writer;
    struct btr_merge_stat merged; /* once ended */
    atomic_bool ended;
};

static void *many_publish(void *self)
{
    struct publishing *work = self;
    struct btr_err err;
    for (uint64_t line = 1; line <= 250 || (line <= 20000 && work->merged.record_files_before == 0);
         line++) {
        assert_int_equal(keep(work->writer, 0, line, BTR_SPAN("x a record")), 0);
        publish(work->writer);
        assert_int_equal(btr_writer_merged(work->writer, &work->merged, &err), 0);
    }
    work->ended = true;
    return NULL;
}

static void verify_beside_merging_finds_no_damage(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err = {0};
    struct publishing work = {0};
    pthread_t thread;
    unsigned looks = 0;
    place_make(&p);
    work.writer = writer_of(&p);
    assert_int_equal(pthread_create(&thread, NULL, many_publish, &work), 0);
    for (; !work.ended; looks++)
        if (btr_store_verify(p.path, fault_count, &looks, &err) != 0)
            fail_msg("%s", err.text);
    (void)pthread_join(thread, NULL);
    btr_writer_close(work.writer);
    assert_true(looks > 0);
    assert_true(work.merged.record_files_before > work.merged.record_files_after);
    temp_folder_remove(p.folder);
}

static bool is_odd(const void *self, struct btr_id hash)
{
    (void)self;
    return hash.lo % 16 == 15;
}

static void a_plan_takes_what_goes_together(void **state)
{
    (void)state;
    enum { ROWS = 200 };
    struct test_random random = {31};
    for (unsigned round = 0; round < 300; round++) {
        struct catalog_kept rows[ROWS];
        uint32_t chosen[KEPT_MERGE_FILES], count = (uint32_t)test_random_below(&random, ROWS + 1);
        bool all = round % 2 == 0;
        uint64_t raw_size = 0;
        for (uint32_t i = 0; i < count; i++) {
            int64_t day = (int64_t)test_random_below(&random, 3);
            rows[i] = (struct catalog_kept){
                .hash = {1, test_random_next(&random)},
                .first_ns = day * 86400000000000 + (int64_t)test_random_below(&random, 50),
                .raw_size = UINT64_C(1) << test_random_below(&random, 29)};
            rows[i].last_ns =
                rows[i].first_ns + (int64_t)test_random_below(&random, 2) * 86400000000000;
            (void)snprintf(rows[i].day, sizeof rows[i].day, "1970-01-0%d", 1 + (int)day);
        }
        uint32_t n = store_kept_merge_plan(rows, count, is_odd, NULL, all, chosen);
        assert_true(n == 0 || n >= (all ? 2 : MERGE_FAN));
        for (uint32_t i = 0; i < n; i++) {
            const struct catalog_kept *row = &rows[chosen[i]], *first = &rows[chosen[0]];
            assert_true(i == 0 || chosen[i] > chosen[i - 1]);
            assert_string_equal(row->day, first->day);
            assert_int_equal(row->last_ns / 86400000000000, first->last_ns / 86400000000000);
            assert_true(row->raw_size < KEPT_MERGE_FINAL && row->hash.lo % 16 != 15);
            raw_size += row->raw_size;
        }
        assert_true(raw_size <= KEPT_MERGE_MOST);
    }
}

/* ---- Removing ---- */

static bool web01_is_held(void *self, const struct catalog_kept *row)
{
    (void)self;
    return catalog_kept_has_host(row, BTR_SPAN("web01"));
}

static void pruning_removes_records_and_nothing_else(void **state)
{
    (void)state;
    struct place p;
    struct model m;
    struct btr_err err;
    struct kept_pruned pruned;
    struct store_catalog *catalog = NULL;
    place_make(&p);
    model_init(&m, 13);
    struct btr_writer *writer = writer_of(&p);
    kept_publish(&m, writer, 1);
    btr_writer_close(writer);
    assert_int_equal(store_catalog_open(&catalog, p.path, true, &err), 0);
    assert_int_equal(store_kept_prune(p.path, catalog, INT64_MIN, NULL, NULL, false, &pruned, &err),
                     0);
    assert_int_equal(pruned.file_count, 0);
    assert_int_equal(
        store_kept_prune(p.path, catalog, INT64_MAX, web01_is_held, NULL, false, &pruned, &err), 0);
    assert_int_equal(pruned.file_count, 0);
    assert_int_equal(store_kept_prune(p.path, catalog, INT64_MAX, NULL, NULL, true, &pruned, &err),
                     0);
    assert_true(pruned.file_count == 1 && pruned.record_count == 1 && pruned.bytes > 0);
    struct btr_kept *before = kept_at(&p), *late = kept_at(&p);
    assert_string_equal(find(before, 0, 1, 71), "71 a|");
    assert_int_equal(store_kept_prune(p.path, catalog, INT64_MAX, NULL, NULL, false, &pruned, &err),
                     0);
    assert_int_equal(files_under(p.path, "records"), 0);
    assert_string_equal(find(before, 0, 1, 71), "71 a|"); /* it has the file open */
    assert_null(find(late, 0, 1, 71));                    /* it finds the file gone: no failure */
    btr_kept_close(before);
    btr_kept_close(late);
    store_catalog_close(catalog);
    assert_int_equal(btr_store_verify(p.path, NULL, NULL, &err), 0);
    model_fini(&m);
    temp_folder_remove(p.folder);
}

static void files_that_were_never_published_are_removed_when_a_writer_opens(void **state)
{
    (void)state;
    struct place p;
    char orphan[600], temporary[600], foreign[600];
    place_make(&p);
    struct btr_writer *writer = writer_of(&p);
    assert_int_equal(keep(writer, 0, 1, BTR_SPAN("70 a")), 0);
    publish(writer);
    btr_writer_close(writer);
    temp_file_write(p.path, "records/2026-01-01/0123456789abcdef0123456789abcdef.brec",
                    BTR_SPAN("x"), orphan);
    temp_file_write(p.path, "records/2026-01-01/0123456789abcdef0123456789abcdef.brec.tmp",
                    BTR_SPAN("x"), temporary);
    temp_file_write(p.path, "records/2026-01-01/notes.txt", BTR_SPAN("x"), foreign);
    btr_writer_close(writer_of(&p));
    assert_int_equal(access(orphan, F_OK), -1);
    assert_int_equal(access(temporary, F_OK), -1);
    assert_int_equal(access(foreign, F_OK), 0);
    struct btr_kept *kept = kept_at(&p);
    assert_string_equal(find(kept, 0, 1, 70), "70 a|");
    btr_kept_close(kept);
    temp_folder_remove(p.folder);
}

/* ---- Damage ---- */

/* A small file of several inputs. */
static void image_make(struct btr_buffer *out)
{
    struct store_keeper *keeper = NULL;
    struct kept_image image;
    struct btr_err err;
    assert_int_equal(store_keeper_new(&keeper, &err), 0);
    for (uint32_t i = 0; i < 12; i++) {
        char text[64];
        int size = snprintf(text, sizeof text, "record %u of a file %u", i, i * i);
        struct btr_input row = input_of(i / 5);
        struct btr_raw_record record = {
            &row, i / 5, BTR_SPAN("web01"), i + 1 + i / 3, {(uint8_t *)text, (size_t)size}};
        assert_int_equal(store_keeper_add(keeper, &record, &err), 0);
    }
    assert_int_equal(store_keeper_take(keeper, &image, &err), 0);
    btr_buffer_span(out, btr_buffer_view(&image.file));
    kept_image_fini(&image);
    store_keeper_free(keeper);
}

/* Reads all of a file. @return 0 with a digest of what it tells, or a failure */
static int image_read(struct btr_span bytes, uint64_t *digest)
{
    struct kept_file file = {0};
    struct btr_err err;
    void *unpacker = store_unpacker_new();
    int rc = kept_file_open(&file, bytes, &err);
    *digest = 0;
    for (uint32_t i = 0; rc == 0 && i < file.header.block_count; i++) {
        struct kept_block block;
        rc = kept_file_block(&file, unpacker, i, &block, &err);
        for (uint32_t n = 0; rc == 0 && n < block.count; n++)
            *digest = btr_hash64_seeded(kept_block_record(&block, n), *digest + block.lines[n]);
        kept_block_fini(&block);
    }
    kept_file_close(&file);
    store_unpacker_free(unpacker);
    return rc;
}

static void every_changed_byte_and_every_cut_is_refused(void **state)
{
    (void)state;
    struct btr_buffer image = {0};
    uint64_t digest;
    image_make(&image);
    assert_int_equal(image_read(btr_buffer_view(&image), &digest), 0);
    for (size_t i = 0; i < image.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            image.at[i] ^= (uint8_t)(1u << bit);
            assert_true(image_read(btr_buffer_view(&image), &digest) < 0);
            image.at[i] ^= (uint8_t)(1u << bit);
        }
        uint8_t *cut = malloc(i + 1); /* of its exact size, for the sanitizer */
        memcpy(cut, image.at, i);
        assert_true(image_read((struct btr_span){cut, i}, &digest) < 0);
        free(cut);
    }
    image.at[4] = 2;
    assert_int_equal(image_read(btr_buffer_view(&image), &digest), BTR_E_VERSION);
    btr_buffer_fini(&image);
}

static void damage_is_found_by_verify_and_told_where_records_are_asked_for(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_kept_found found;
    char command[900];
    unsigned faults = 0;
    place_make(&p);
    struct btr_writer *writer = writer_of(&p);
    assert_int_equal(keep(writer, 0, 1, BTR_SPAN("70 a")), 0);
    publish(writer);
    btr_writer_close(writer);
    (void)snprintf(command, sizeof command,
                   "f=$(find '%s/records' -name '*.brec') && printf x | dd of=\"$f\" bs=1 "
                   "seek=$(($(stat -c %%s \"$f\") - 3)) conv=notrunc 2>/dev/null",
                   p.path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path that the test made */
    assert_int_equal(btr_store_verify(p.path, fault_count, &faults, &err), BTR_E_CHECKSUM);
    assert_int_equal(faults, 1);
    struct btr_kept *kept = kept_at(&p);
    struct btr_kept_place place = place_of(0, 1, 70);
    assert_int_equal(btr_kept_find(kept, &place, &found, &err), BTR_E_CHECKSUM);
    assert_int_equal(found.count, 0);
    btr_kept_close(kept);
    temp_folder_remove(p.folder);
}

/* Written when the format was new: it must read the same for ever. */
static void a_file_of_format_1_reads_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    struct kept_file file = {0};
    struct kept_block block;
    struct btr_err err;
    void *unpacker = store_unpacker_new();
    FILE *golden = fopen(BTR_SOURCE_DIR "/tests/golden/records-v1.brec", "rb");
    assert_non_null(golden);
    size_t size = fread(bytes, 1, sizeof bytes, golden);
    (void)fclose(golden);
    assert_int_equal(kept_file_open(&file, (struct btr_span){bytes, size}, &err), 0);
    assert_int_equal(file.header.input_count, 2);
    assert_true(btr_span_equal(file.inputs[1].name, BTR_SPAN("ws01.json")));
    assert_true(btr_span_equal(file.inputs[1].format, BTR_SPAN("winlog")));
    assert_true(file.inputs[0].head_hash == UINT64_C(0x588019beb7606ec5));
    assert_int_equal(kept_file_block(&file, unpacker, 0, &block, &err), 0);
    assert_int_equal(block.count, 4);
    assert_int_equal(block.lines[3], 6);
    assert_true(btr_span_equal(kept_block_record(&block, 1),
                               BTR_SPAN("type=CWD msg=audit(1795424231.026:3533544): cwd=\"/\"")));
    assert_non_null(memchr(kept_block_record(&block, 2).at, 0xe9, 200));
    kept_block_fini(&block);
    kept_file_close(&file);
    store_unpacker_free(unpacker);
}

int kept_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_as_they_were_given_and_others_are_not_found),
        cmocka_unit_test(long_records_are_kept_whole_and_longer_ones_refused),
        cmocka_unit_test(a_record_with_a_newline_is_refused),
        cmocka_unit_test(a_large_file_has_a_dictionary_and_reads_the_same),
        cmocka_unit_test(all_records_of_an_event_are_found_in_whatever_publish_they_are),
        cmocka_unit_test(where_two_records_have_one_place_the_id_tells_which),
        cmocka_unit_test(records_of_several_stores_are_found_and_told_once),
        cmocka_unit_test(what_is_handed_out_of_one_event_is_bounded_and_the_rest_counted),
        cmocka_unit_test(records_are_published_with_their_events_or_not_at_all),
        cmocka_unit_test(merging_leaves_them_where_they_are),
        cmocka_unit_test(a_plan_takes_what_goes_together),
        cmocka_unit_test(small_files_become_one_and_are_found_by_who_knew_the_old),
        cmocka_unit_test(a_writer_merges_files_of_records_bit_by_bit),
        cmocka_unit_test(a_damaged_file_is_left_where_it_is),
        cmocka_unit_test(verify_beside_merging_finds_no_damage),
        cmocka_unit_test(pruning_removes_records_and_nothing_else),
        cmocka_unit_test(files_that_were_never_published_are_removed_when_a_writer_opens),
        cmocka_unit_test(a_file_of_format_1_reads_as_it_was_written),
        cmocka_unit_test(every_changed_byte_and_every_cut_is_refused),
        cmocka_unit_test(damage_is_found_by_verify_and_told_where_records_are_asked_for),
    };
    return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
