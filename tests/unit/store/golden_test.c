/* Segments of every format, sealed when it was new: they must read the same for ever. */
#include <test.h>

#include <temp_files.h>

#include "seal.h"
#include "segment_store.h"
#include "store_tests.h"

#define DAY_NS INT64_C(1795424315834000000)
#define ID(n)                                                                                      \
    {                                                                                              \
        UINT64_C(0x1111111111111111) * (n), n                                                      \
    }

struct golden_event {
    struct btr_event event;
    const char *host, *source, *input;
};

/* In the order of the file: by subject, by order time. */
static const struct golden_event golden[] = {
    {{.subject = ID(1),
      .object = ID(2),
      .time_ns = DAY_NS,
      .first_ns = DAY_NS,
      .last_ns = DAY_NS,
      .bytes = BTR_BYTES_UNKNOWN,
      .record_id = 3714009,
      .line = 1,
      .operation = BTR_OP_EXEC},
     "web01",
     "auditd",
     "web01.audit.log"},
    {{.subject = ID(1),
      .object = ID(3),
      .time_ns = DAY_NS + 4000000,
      .first_ns = DAY_NS + 4000000,
      .last_ns = DAY_NS + 4000001,
      .bytes = 461377,
      .record_id = 3714010,
      .line = 5,
      .operation = BTR_OP_SEND,
      .flags = BTR_EVENT_INTERVAL},
     "web01",
     "auditd",
     "web01.audit.log"},
    {{.subject = ID(1),
      .object = ID(1),
      .time_ns = DAY_NS + 5000000,
      .first_ns = DAY_NS + 5000000,
      .last_ns = DAY_NS + 5000000,
      .bytes = 0,
      .record_id = 3714012,
      .line = 9,
      .operation = BTR_OP_PTRACE,
      .doubt = BTR_DOUBT_INFERRED},
     "web01",
     "auditd",
     "web01.audit.log"},
    {{.subject = ID(4),
      .object = ID(2),
      .time_ns = INT64_MIN,
      .first_ns = DAY_NS + 1,
      .last_ns = INT64_MAX,
      .bytes = UINT64_MAX - 1,
      .record_id = UINT64_MAX,
      .line = UINT64_MAX,
      .operation = BTR_OP_WRITE,
      .flags = 15},
     "WS\xff",
     "Microsoft-Windows-Sysmon/Operational",
     "web01.audit.log"},
};

enum golden_kind { GOLDEN_PLAIN, GOLDEN_THINNED, GOLDEN_USUAL };
enum { GOLDEN_EVENTS = sizeof(golden) / sizeof(golden[0]) };

static int event_check(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    uint32_t *count = self;
    assert_true(ref == *count && *count < GOLDEN_EVENTS);
    const struct golden_event *g = &golden[(*count)++];
    const struct btr_event *a = &g->event, *b = &full->event;
    assert_true(btr_id_equal(a->subject, b->subject) && btr_id_equal(a->object, b->object));
    assert_true(a->time_ns == b->time_ns && a->first_ns == b->first_ns && a->last_ns == b->last_ns);
    assert_true(a->bytes == b->bytes && a->record_id == b->record_id && a->line == b->line);
    assert_true(a->operation == b->operation && a->doubt == b->doubt && a->flags == b->flags);
    assert_true(btr_span_equal(full->host, btr_span_of(g->host)));
    assert_true(btr_span_equal(full->source, btr_span_of(g->source)));
    assert_true(btr_span_equal(full->input, btr_span_of(g->input)));
    assert_true(btr_span_equal(full->input_digest, BTR_SPAN("0123456789abcdef")));
    return 0;
}

static int gap_check(void *self, const struct btr_gap_full *g)
{
    (void)self;
    assert_int_equal(g->gap.kind, BTR_GAP_LOST);
    assert_true(g->gap.from_ns == DAY_NS && g->gap.until_ns == DAY_NS + 7 && g->gap.count == 12);
    assert_true(btr_span_equal(g->gap.why, BTR_SPAN("lost=12")));
    return 0;
}

static int quarantined_check(void *self, const struct btr_quarantined_full *q)
{
    (void)self;
    assert_int_equal(q->record.line, 77);
    assert_int_equal(q->record.offset, 2);
    assert_int_equal(q->record.record_size, 900);
    assert_true(btr_span_equal(q->record.reason, BTR_SPAN("no msg=")));
    assert_true(btr_span_equal(q->record.record, BTR_SPAN("\0\x01\xff")));
    return 0;
}

static void entity_check(struct btr_reader *reader)
{
    struct btr_err err;
    struct btr_entity e;
    struct btr_arena *arena = btr_arena_new(1 << 20);
    assert_int_equal(btr_reader_entity(reader, golden[0].event.subject, arena, &e, &err), 0);
    assert_true(e.kind == BTR_KIND_PROCESS && e.flags == BTR_ENTITY_UNCERTAIN &&
                e.event_count == 3);
    assert_true(btr_span_equal(e.host, BTR_SPAN("web01")));
    assert_true(btr_span_equal(btr_entity_attr(&e, BTR_ATTR_PROCESS_EXECUTABLE, DAY_NS),
                               BTR_SPAN("/usr/bin/dash")));
    assert_true(btr_span_equal(btr_entity_attr(&e, BTR_ATTR_PROCESS_EXECUTABLE, DAY_NS + 9),
                               BTR_SPAN("/usr/bin/dashboard")));
    assert_int_equal(btr_entity_attr(&e, BTR_ATTR_PROCESS_PID, DAY_NS).size, 0);
    btr_arena_free(arena);
}

static void golden_check(struct btr_reader *reader)
{
    struct btr_err err;
    uint32_t count = 0;
    assert_int_equal(btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0},
                                       event_check, &count, &err),
                     0);
    assert_int_equal(count, GOLDEN_EVENTS);
    assert_int_equal(btr_reader_gaps(reader, gap_check, NULL, &err), 0);
    assert_int_equal(btr_reader_quarantine(reader, quarantined_check, NULL, &err), 0);
    entity_check(reader);
}

static void golden_batch(struct btr_batch *b)
{
    btr_batch_init(b);
    struct btr_note *note = btr_batch_note(b);
    *note = (struct btr_note){.id = golden[0].event.subject,
                              .kind = BTR_KIND_PROCESS,
                              .flags = BTR_ENTITY_UNCERTAIN,
                              .host = btr_batch_name(b, BTR_SPAN("web01"))};
    assert_true(
        btr_batch_attr(b, BTR_ATTR_PROCESS_EXECUTABLE, DAY_NS + 9, BTR_SPAN("/usr/bin/dashboard")));
    assert_true(btr_batch_attr(b, BTR_ATTR_PROCESS_EXECUTABLE, DAY_NS, BTR_SPAN("/usr/bin/dash")));
    for (uint32_t i = 0; i < GOLDEN_EVENTS; i++) {
        uint32_t stream =
            btr_batch_stream(b, btr_span_of(golden[i].host), btr_span_of(golden[i].source));
        struct btr_event *e = btr_batch_event(b);
        *e = golden[i].event;
        e->stream = stream;
    }
    struct btr_gap *gap = btr_batch_gap(b);
    *gap = (struct btr_gap){.kind = BTR_GAP_LOST,
                            .from_ns = DAY_NS,
                            .until_ns = DAY_NS + 7,
                            .count = 12,
                            .why = BTR_SPAN("lost=12")};
    struct btr_quarantined *q = btr_batch_quarantine(b);
    *q = (struct btr_quarantined){.line = 77,
                                  .offset = 2,
                                  .record_size = 900,
                                  .reason = BTR_SPAN("no msg="),
                                  .record = BTR_SPAN("\0\x01\xff")};
    b->record_count = GOLDEN_EVENTS;
}

/* The second event as one that stands for five. */
static void golden_thin(struct store_builder *b)
{
    struct builder_stand stand = {.event = 1,
                                  .count = 5,
                                  .last_time_ns = DAY_NS + 4000000,
                                  .last_record_id = 3714011,
                                  .last_line = 8};
    struct builder_proof proof = {
        .root = {1, 2, 3}, .events_before = 8, .events_after = 4, .entities = 4, .closures = 300};
    b->events[1].flags |= BTR_EVENT_THINNED;
    assert_true(store_builder_stand(b, &stand) && store_builder_proof(b, &proof));
}

static int thinned_check(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    (void)self;
    if (ref != 1) {
        assert_int_equal(full->stands_for, 1);
        assert_true(full->last_record_id == full->event.record_id &&
                    full->last_line == full->event.line &&
                    full->last_time_ns == full->event.time_ns);
        return 0;
    }
    assert_int_equal(full->event.flags, BTR_EVENT_INTERVAL | BTR_EVENT_THINNED);
    assert_true(full->stands_for == 5 && full->last_time_ns == DAY_NS + 4000000);
    assert_true(full->last_record_id == 3714011 && full->last_line == 8);
    return 0;
}

/* ---- What programs usually do ---------------------------------------------------------------- */

static void usual_note(struct btr_batch *b, uint64_t id, uint8_t kind, enum btr_attr_key key,
                       const char *value)
{
    struct btr_note *note = btr_batch_note(b);
    note->id = (struct btr_id)ID(id);
    note->kind = kind;
    note->host = UINT32_MAX;
    assert_true(btr_batch_attr(b, key, DAY_NS, btr_span_of(value)));
}

static void usual_batch(struct btr_batch *b)
{
    static const struct {
        uint64_t subject, object;
        int64_t after_ns;
        enum btr_operation operation;
    } events[] = {{1, 2, 0, BTR_OP_OPEN_READ}, {1, 2, 9, BTR_OP_OPEN_READ}, {1, 2, 9, BTR_OP_EXEC},
                  {1, 5, 9, BTR_OP_CREATE},    {1, 5, 9, BTR_OP_WRITE},     {4, 2, 0, BTR_OP_LOAD},
                  {4, 3, 0, BTR_OP_CONNECT},   {1, 3, 9, BTR_OP_ACCEPT},    {4, 3, 9, BTR_OP_SEND}};
    btr_batch_init(b);
    usual_note(b, 1, BTR_KIND_PROCESS, BTR_ATTR_PROCESS_EXECUTABLE, "/usr/bin/dash");
    assert_true(
        btr_batch_attr(b, BTR_ATTR_PROCESS_EXECUTABLE, DAY_NS + 9, BTR_SPAN("/usr/bin/dashboard")));
    usual_note(b, 4, BTR_KIND_PROCESS, BTR_ATTR_PROCESS_EXECUTABLE, "C:\\Windows\\x.exe");
    usual_note(b, 2, BTR_KIND_FILE, BTR_ATTR_FILE_PATH, "/etc/passwd");
    usual_note(b, 5, BTR_KIND_FILE, BTR_ATTR_FILE_PATH, "/tmp/a");
    usual_note(b, 3, BTR_KIND_FLOW, BTR_ATTR_SOURCE_IP, "10.0.0.1");
    assert_true(btr_batch_attr(b, BTR_ATTR_DESTINATION_IP, DAY_NS, BTR_SPAN("10.0.0.2")));
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
        uint32_t stream = btr_batch_stream(b, BTR_SPAN("web01"), BTR_SPAN("auditd"));
        struct btr_event *e = btr_batch_event(b);
        *e = (struct btr_event){.subject = ID(events[i].subject),
                                .object = ID(events[i].object),
                                .time_ns = DAY_NS,
                                .first_ns = DAY_NS,
                                .last_ns = DAY_NS + events[i].after_ns,
                                .bytes = BTR_BYTES_UNKNOWN,
                                .record_id = i,
                                .line = i + 1,
                                .stream = stream,
                                .operation = (uint8_t)events[i].operation};
    }
    b->record_count = sizeof(events) / sizeof(*events);
}

static void usual_check(struct btr_reader *reader)
{
    struct btr_usual u;
    struct btr_err err;
    uint64_t dash = btr_usual_program(BTR_SPAN("/usr/bin/dash")),
             board = btr_usual_program(BTR_SPAN("/usr/bin/dashboard")),
             x = btr_usual_program(BTR_SPAN("C:\\Windows\\x.exe")),
             passwd = btr_usual_file(BTR_SPAN("/etc/passwd")),
             a = btr_usual_file(BTR_SPAN("/tmp/a")), from = btr_usual_far(BTR_SPAN("10.0.0.1")),
             to = btr_usual_far(BTR_SPAN("10.0.0.2"));
    assert_int_equal(btr_reader_usual(reader, INT64_MAX, INT64_MAX, &u, &err), 0);
    assert_true(u.both(u.self, dash, passwd) == 1 && u.both(u.self, board, passwd) == 2);
    assert_true(u.both(u.self, board, a) == 1 && u.both(u.self, board, from) == 1);
    assert_true(u.both(u.self, x, passwd) == 1 && u.both(u.self, x, to) == 1);
    assert_true(u.both(u.self, x, a) == 0 && u.both(u.self, x, from) == 0);
    assert_true(u.programs(u.self, passwd) == 3 && u.programs_all(u.self) == 3);
    assert_true(u.most(u.self, board) == 2 && u.most_of_all(u.self) == 4);
}

/* ---- Files ------------------------------------------------------------------------------------
 */

/* As one segment, which a writer would make two of: they are of two days. */
static void golden_seal(struct btr_buffer *out, enum golden_kind kind)
{
    struct btr_err err;
    struct btr_batch batch;
    struct store_builder builder = {0};
    struct store_sealer sealer;
    struct store_sealed sealed;
    static const struct seal_input input = {
        {(const uint8_t *)"web01.audit.log", sizeof("web01.audit.log") - 1}, 0x0123456789abcdef};
    if (kind == GOLDEN_USUAL)
        usual_batch(&batch);
    else
        golden_batch(&batch);
    assert_true(store_sealer_init(&sealer));
    assert_int_equal(store_builder_append(&builder, &batch, &err), 0);
    if (kind == GOLDEN_THINNED)
        golden_thin(&builder);
    assert_int_equal(store_seal(&sealer, &builder, &input, &sealed, &err), 0);
    btr_buffer_span(out, btr_buffer_view(&sealer.packer.file));
    store_sealer_fini(&sealer);
    store_builder_fini(&builder);
    btr_batch_fini(&batch);
}

static void store_check(const char *path, enum golden_kind kind)
{
    struct btr_err err;
    struct btr_reader *reader = NULL;
    assert_int_equal(btr_reader_open(&reader, &path, 1, &err), 0);
    if (kind == GOLDEN_USUAL)
        usual_check(reader);
    else if (kind == GOLDEN_THINNED)
        assert_int_equal(btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0},
                                           thinned_check, NULL, &err),
                         0);
    else
        golden_check(reader);
    btr_reader_close(reader);
}

static void file_check(const char *name, enum golden_kind kind)
{
    char folder[256], path[300];
    uint8_t bytes[8192];
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    assert_true(size > 0 && size < sizeof(bytes));
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    assert_true(segment_store_make(path, (struct btr_span){bytes, size}));
    store_check(path, kind);
    temp_folder_remove(folder);
}

static void a_segment_of_format_1_reads_as_it_was_written(void **state)
{
    (void)state;
    file_check(BTR_SOURCE_DIR "/tests/golden/segment-v1.bseg", GOLDEN_PLAIN);
}

static void a_segment_of_format_2_reads_as_it_was_written(void **state)
{
    (void)state;
    file_check(BTR_SOURCE_DIR "/tests/golden/segment-v2.bseg", GOLDEN_PLAIN);
}

static void a_segment_of_format_3_reads_as_it_was_written(void **state)
{
    (void)state;
    file_check(BTR_SOURCE_DIR "/tests/golden/segment-v3.bseg", GOLDEN_PLAIN);
}

static void a_thinned_segment_of_format_3_reads_as_it_was_written(void **state)
{
    (void)state;
    file_check(BTR_SOURCE_DIR "/tests/golden/segment-v3-thinned.bseg", GOLDEN_THINNED);
}

static void
a_segment_of_format_3_with_what_programs_usually_do_reads_as_it_was_written(void **state)
{
    (void)state;
    file_check(BTR_SOURCE_DIR "/tests/golden/segment-v3-usual.bseg", GOLDEN_USUAL);
}

/* $BTR_GOLDEN_WRITE (and _THINNED, _USUAL) names a file that receives it: how the file for a new
 * version is made. */
static void sealed_today(const char *keep, enum golden_kind kind)
{
    char folder[256], path[300];
    struct btr_buffer bytes = {0};
    golden_seal(&bytes, kind);
    assert_false(bytes.failed);
    temp_folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/store", folder);
    assert_true(segment_store_make(path, btr_buffer_view(&bytes)));
    store_check(path, kind);
    FILE *file = keep ? fopen(keep, "wb") : NULL;
    if (file) {
        assert_int_equal(fwrite(bytes.at, 1, bytes.size, file), bytes.size);
        (void)fclose(file);
    }
    btr_buffer_fini(&bytes);
    temp_folder_remove(folder);
}

static void the_same_events_sealed_today_read_the_same(void **state)
{
    (void)state;
    sealed_today(getenv("BTR_GOLDEN_WRITE"), GOLDEN_PLAIN);
    sealed_today(getenv("BTR_GOLDEN_WRITE_THINNED"), GOLDEN_THINNED);
    sealed_today(getenv("BTR_GOLDEN_WRITE_USUAL"), GOLDEN_USUAL);
}

int golden_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_events_sealed_today_read_the_same),
        cmocka_unit_test(a_segment_of_format_1_reads_as_it_was_written),
        cmocka_unit_test(a_segment_of_format_2_reads_as_it_was_written),
        cmocka_unit_test(a_segment_of_format_3_reads_as_it_was_written),
        cmocka_unit_test(a_thinned_segment_of_format_3_reads_as_it_was_written),
        cmocka_unit_test(
            a_segment_of_format_3_with_what_programs_usually_do_reads_as_it_was_written),
    };
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
