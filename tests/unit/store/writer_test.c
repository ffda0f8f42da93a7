/* What a writer promises: order, durability, refusal, nothing half published. */
#include <test.h>

#include <errno.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <temp_files.h>
#include <unistd.h>

#include "format.h"
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

static struct btr_reader *reader_of(const char *path)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    if (btr_reader_open(&reader, &path, 1, &err) != 0)
        fail_msg("%s", err.text);
    return reader;
}

static uint64_t events_in(const char *path)
{
    struct btr_err err;
    struct btr_store_stat stat;
    struct btr_reader *reader = reader_of(path);
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    btr_reader_close(reader);
    return stat.event_count;
}

static void a_second_writer_is_refused(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err = {0};
    struct btr_writer *writer = NULL, *second = NULL;
    place_make(&p);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    assert_int_equal(btr_writer_open(&second, p.path, &err), BTR_E_BUSY);
    assert_null(second);
    btr_writer_close(writer);
    assert_int_equal(btr_writer_open(&second, p.path, &err), 0);
    btr_writer_close(second);
    temp_folder_remove(p.folder);
}

static void a_folder_with_other_files_is_no_store(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_reader *reader = NULL;
    place_make(&p);
    const char *path = p.path;
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), BTR_E_NOTFOUND);
    temp_file_write(p.folder, "store/thesis.txt", BTR_SPAN("do not touch"), NULL);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), BTR_E_FORMAT);
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), BTR_E_NOTFOUND);
    (void)snprintf(p.path, sizeof(p.path), "%s/store/thesis.txt", p.folder);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), BTR_E_FORMAT);
    assert_null(writer);
    temp_folder_remove(p.folder);
}

static void version_write(const char *store, uint32_t version)
{
    char path[400];
    uint8_t bytes[4];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi meta;
    store_put_u32(bytes, version);
    MDB_val key = {6, (void *)(uintptr_t) "format"}, value = {4, bytes};
    (void)snprintf(path, sizeof(path), "%s/catalog", store);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 16), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    assert_int_equal(mdb_put(txn, meta, &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void a_store_of_a_newer_version_is_refused(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_reader *reader = NULL;
    place_make(&p);
    const char *path = p.path;
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    btr_writer_close(writer);
    version_write(p.path, STORE_CATALOG_VERSION + 1);
    writer = NULL;
    assert_int_equal(btr_writer_open(&writer, p.path, &err), BTR_E_VERSION);
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), BTR_E_VERSION);
    assert_non_null(strstr(err.text, "format 4"));
    temp_folder_remove(p.folder);
}

static void a_damaged_catalog_is_refused(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_reader *reader = NULL;
    uint8_t noise[8192];
    memset(noise, 0xa5, sizeof(noise));
    place_make(&p);
    const char *path = p.path;
    temp_file_write(p.folder, "store/x", BTR_SPAN(""), NULL);
    temp_file_write(p.folder, "store/catalog/data.mdb", (struct btr_span){noise, sizeof(noise)},
                    NULL);
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), BTR_E_FORMAT);
    temp_folder_remove(p.folder);
}

static void files_are_for_the_owner_only(void **state)
{
    (void)state;
    struct place p;
    struct model m;
    struct stat st;
    char data[400];
    place_make(&p);
    model_init(&m, 5);
    mode_t mask = umask(0);
    model_store(&m, p.path, 1, 1, 50);
    (void)umask(mask);
    assert_int_equal(stat(p.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    (void)snprintf(data, sizeof(data), "%s/catalog/data.mdb", p.path);
    assert_int_equal(stat(data, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    model_fini(&m);
    temp_folder_remove(p.folder);
}

static void unpublished_segments_are_removed_at_the_next_opening(void **state)
{
    (void)state;
    struct place p;
    struct model m;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    char orphan[600], temporary[600], foreign[600];
    place_make(&p);
    model_init(&m, 6);
    model_store(&m, p.path, 2, 1, 50);
    temp_file_write(p.path, "segments/2026-01-01/0123456789abcdef0123456789abcdef.bseg",
                    BTR_SPAN("x"), orphan);
    temp_file_write(p.path, "segments/2026-01-01/0123456789abcdef0123456789abcdef.bseg.tmp",
                    BTR_SPAN("x"), temporary);
    temp_file_write(p.path, "segments/2026-01-01/notes.txt", BTR_SPAN("x"), foreign);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    btr_writer_close(writer);
    assert_int_equal(access(orphan, F_OK), -1);
    assert_int_equal(access(temporary, F_OK), -1);
    assert_int_equal(access(foreign, F_OK), 0); /* no name that a store gives */
    assert_int_equal(events_in(p.path), m.event_count);
    model_fini(&m);
    temp_folder_remove(p.folder);
}

static void what_was_not_published_is_dropped_at_close(void **state)
{
    (void)state;
    struct place p;
    struct model m;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_batch batch;
    uint32_t pending = 0;
    place_make(&p);
    model_init(&m, 7);
    btr_batch_init(&batch);
    model_batch(&m, &batch, 40);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    assert_int_equal(sink->append(sink->self, &batch, &err), 0);
    assert_true(sink->pending(sink->self, &pending) > 0);
    assert_int_equal(pending, 40);
    btr_writer_close(writer);
    assert_int_equal(events_in(p.path), 0);
    btr_batch_fini(&batch);
    model_fini(&m);
    temp_folder_remove(p.folder);
}

static void a_batch_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_batch batch;
    place_make(&p);
    btr_batch_init(&batch);
    struct btr_event *e = btr_batch_event(&batch);
    e->stream = 3; /* there is none */
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    assert_int_equal(sink->append(sink->self, &batch, &err), BTR_E_FORMAT);
    btr_writer_close(writer);
    btr_batch_fini(&batch);
    temp_folder_remove(p.folder);
}

static void gaps_without_an_event_are_kept(void **state)
{
    (void)state;
    struct place p;
    struct model m;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_batch batch;
    struct btr_progress none = {0};
    place_make(&p);
    model_init(&m, 8);
    btr_batch_init(&batch);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    struct btr_gap *gap = btr_batch_gap(&batch);
    *gap =
        (struct btr_gap){.stream = btr_batch_stream(&batch, BTR_SPAN("web01"), BTR_SPAN("auditd")),
                         .kind = BTR_GAP_STOPPED};
    assert_int_equal(sink->append(sink->self, &batch, &err), 0);
    assert_int_equal(sink->publish(sink->self, &none, &err), 0);
    assert_int_equal(sink->publish(sink->self, &none, &err), 0); /* nothing new: no segment */
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
    struct btr_reader *reader = reader_of(p.path);
    struct btr_store_stat stat;
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    assert_int_equal(stat.gap_count, 1);
    assert_int_equal(stat.segment_count, 1);
    model_check_events(&m, reader);
    model_check_flows(&m, reader, 1);
    btr_reader_close(reader);
    btr_batch_fini(&batch);
    model_fini(&m);
    temp_folder_remove(p.folder);
}

static void inputs_and_states_come_back_as_they_were_given(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_buffer got = {0};
    struct btr_input in[2] = {
        {.name = BTR_SPAN("a.log"),
         .host = BTR_SPAN("web01"),
         .format = BTR_SPAN("auditd"),
         .case_id = BTR_SPAN("c\0d"),
         .tool = BTR_SPAN("backtrail"),
         .head_hash = 7,
         .content_size = 10,
         .content_lines = 3,
         .records = 2,
         .read_ns = -5,
         .file_size = 99},
        {.name = BTR_SPAN("a.log.1"), .head_hash = 7, .content_size = 20, .complete = true}};
    static const uint32_t ids[] = {0, 1};
    static uint8_t big[300000];
    memset(big, 0x5a, sizeof(big));
    struct btr_saved_state states[] = {{BTR_SPAN("auditd"), BTR_SPAN("web01"), {big, sizeof(big)}},
                                       {BTR_SPAN("auditd"), BTR_SPAN("db01"), BTR_SPAN("")}};
    struct btr_progress progress = {
        .inputs = in, .input_ids = ids, .input_count = 2, .states = states, .state_count = 2};
    in[0].file_sha256[31] = 9;
    place_make(&p);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    struct btr_input out;
    assert_true(btr_writer_known_input(writer, 7, 0, &out)); /* waits for the publish */
    assert_int_equal(out.content_size, 20);
    assert_true(out.complete);
    assert_true(btr_writer_known_input(writer, 7, 1, &out));
    assert_true(btr_span_equal(out.name, in[0].name) && btr_span_equal(out.case_id, in[0].case_id));
    assert_memory_equal(out.file_sha256, in[0].file_sha256, BTR_SHA256_SIZE);
    assert_true(out.read_ns == -5 && out.records == 2 && out.file_size == 99 && !out.complete);
    assert_false(btr_writer_known_input(writer, 7, 2, &out));
    assert_false(btr_writer_known_input(writer, 8, 0, &out));
    assert_true(btr_writer_known_state(writer, BTR_SPAN("auditd"), BTR_SPAN("web01"), &got));
    assert_true(btr_span_equal(btr_buffer_view(&got), states[0].bytes));
    btr_buffer_clear(&got);
    assert_true(btr_writer_known_state(writer, BTR_SPAN("auditd"), BTR_SPAN("db01"), &got));
    assert_int_equal(got.size, 0);
    assert_false(btr_writer_known_state(writer, BTR_SPAN("auditd"), BTR_SPAN("x"), &got));
    btr_buffer_fini(&got);
    btr_writer_close(writer);
    temp_folder_remove(p.folder);
}

/* ---- Failing steps --------------------------------------------------------------------------- */

struct failing {
    uint32_t steps, fail_at; /* from 1; 0 = never */
};

static bool step_fails(void *self, const char *step)
{
    struct failing *f = self;
    (void)step;
    return ++f->steps == f->fail_at;
}

/* Publishes three times with the n-th step failing. @return how many publishes were acknowledged */
static uint32_t publish_with_failure(struct model *m, const char *path, struct failing *failing,
                                     uint32_t *acknowledged_events)
{
    struct store_faults faults = {failing, step_fails};
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    uint32_t done = 0;
    assert_int_equal(store_writer_open(&writer, path, &faults, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    for (; done < 3; done++) {
        struct btr_batch batch;
        struct btr_progress progress = model_progress();
        const uint64_t digest = done + 1;
        progress.record_digests = &digest;
        progress.record_digest_count = 1;
        btr_batch_init(&batch);
        model_batch(m, &batch, 30);
        int rc = sink->append(sink->self, &batch, &err);
        if (rc == 0)
            rc = sink->publish(sink->self, &progress, &err);
        if (rc == 0)
            rc = sink->drain(sink->self, &err);
        btr_batch_fini(&batch);
        if (rc != 0) {
            assert_int_equal(rc, BTR_E_FULL);
            assert_int_equal(sink->drain(sink->self, &err), BTR_E_FULL); /* and stays so */
            assert_int_equal(sink->publish(sink->self, &progress, &err), BTR_E_FULL);
            break;
        }
        *acknowledged_events = m->event_count;
    }
    btr_writer_close(writer);
    return done;
}

static void a_step_that_fails_leaves_what_was_acknowledged(void **state)
{
    (void)state;
    uint32_t acknowledged = 0;
    for (uint32_t n = 1; acknowledged < 3; n++) {
        struct place p;
        struct model m;
        struct failing failing = {0, n};
        uint32_t events = 0;
        place_make(&p);
        model_init(&m, 9);
        acknowledged = publish_with_failure(&m, p.path, &failing, &events);
        assert_int_equal(events_in(p.path), events);
        if (acknowledged == 3)
            assert_true(n > 12); /* the loop met every step */
        struct btr_err err;
        struct btr_writer *writer = NULL;
        assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
        (void)btr_writer_record_seed(writer);
        for (uint64_t digest = 1; digest <= 3; digest++) /* with their publish, or not */
            assert_int_equal(btr_writer_known_record(writer, digest), digest <= acknowledged);
        btr_writer_close(writer);
        assert_int_equal(events_in(p.path), events);
        model_fini(&m);
        temp_folder_remove(p.folder);
    }
}

static void the_same_batches_give_the_same_segment(void **state)
{
    (void)state;
    struct btr_id hashes[2];
    for (unsigned i = 0; i < 2; i++) {
        struct place p;
        struct model m;
        struct btr_err err;
        struct store_catalog *catalog = NULL;
        struct catalog_segment *rows = NULL;
        uint32_t count = 0;
        place_make(&p);
        model_init(&m, 10);
        model_store(&m, p.path, 1, 3, 200);
        assert_int_equal(store_catalog_open(&catalog, p.path, false, &err), 0);
        assert_int_equal(store_catalog_segments(catalog, &rows, &count, &err), 0);
        assert_int_equal(count, 1);
        hashes[i] = rows[0].hash;
        free(rows);
        store_catalog_close(catalog);
        model_fini(&m);
        temp_folder_remove(p.folder);
    }
    assert_true(btr_id_equal(hashes[0], hashes[1]));
}

static void a_reader_keeps_its_snapshot_while_a_writer_goes_on(void **state)
{
    (void)state;
    struct place p;
    struct model m;
    struct btr_err err;
    struct btr_writer *writer = NULL;
    struct btr_store_stat stat;
    place_make(&p);
    model_init(&m, 11);
    assert_int_equal(btr_writer_open(&writer, p.path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    model_publish(&m, sink, 1, 60);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    uint32_t before = m.event_count;
    struct btr_reader *reader = reader_of(p.path);
    model_publish(&m, sink, 2, 60);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    assert_int_equal(stat.event_count, before);
    assert_int_equal(events_in(p.path), m.event_count);
    btr_reader_close(reader);
    btr_writer_close(writer);
    model_fini(&m);
    temp_folder_remove(p.folder);
}

static void several_stores_answer_as_one_and_the_same_segment_counts_once(void **state)
{
    (void)state;
    struct place p, q;
    struct model m, again;
    struct btr_err err;
    struct btr_reader *reader = NULL;
    place_make(&p);
    place_make(&q);
    model_init(&m, 12);
    model_init(&again, 12);
    model_store(&m, p.path, 2, 2, 100);
    model_store(&again, q.path, 2, 2, 100); /* the same segments */
    const char *paths[] = {p.path, q.path};
    assert_int_equal(btr_reader_open(&reader, paths, 2, &err), 0);
    model_check_events(&m, reader);
    model_check_flows(&m, reader, 1);
    btr_reader_close(reader);
    temp_folder_remove(q.folder);
    temp_folder_make(q.folder);
    (void)snprintf(q.path, sizeof(q.path), "%s/store", q.folder);
    model_store(&m, q.path, 1, 2, 100); /* others: the model knows both */
    assert_int_equal(btr_reader_open(&reader, paths, 2, &err), 0);
    model_check_events(&m, reader);
    model_check_entities(&m, reader);
    btr_reader_close(reader);
    model_fini(&m);
    model_fini(&again);
    temp_folder_remove(p.folder);
    temp_folder_remove(q.folder);
}

int writer_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_writer_is_refused),
        cmocka_unit_test(a_folder_with_other_files_is_no_store),
        cmocka_unit_test(a_store_of_a_newer_version_is_refused),
        cmocka_unit_test(a_damaged_catalog_is_refused),
        cmocka_unit_test(files_are_for_the_owner_only),
        cmocka_unit_test(unpublished_segments_are_removed_at_the_next_opening),
        cmocka_unit_test(what_was_not_published_is_dropped_at_close),
        cmocka_unit_test(a_batch_that_contradicts_itself_is_refused),
        cmocka_unit_test(gaps_without_an_event_are_kept),
        cmocka_unit_test(inputs_and_states_come_back_as_they_were_given),
        cmocka_unit_test(a_step_that_fails_leaves_what_was_acknowledged),
        cmocka_unit_test(the_same_batches_give_the_same_segment),
        cmocka_unit_test(a_reader_keeps_its_snapshot_while_a_writer_goes_on),
        cmocka_unit_test(several_stores_answer_as_one_and_the_same_segment_counts_once),
    };
    return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
