#include "world.h"

#include "temp_files.h"
#include "test.h"

void world_open(struct world *w)
{
    struct btr_err err;
    *w = (struct world){.now_ns = WORLD_BEGIN_NS};
    temp_folder_make(w->folder);
    snprintf(w->path, sizeof w->path, "%s/store", w->folder);
    if (btr_writer_open(&w->writer, w->path, &err) != 0)
        fail_msg("%s", err.text);
    btr_batch_init(&w->batch);
}

void world_close(struct world *w)
{
    btr_reader_close(w->reader);
    btr_writer_close(w->writer);
    btr_batch_fini(&w->batch);
    temp_folder_remove(w->folder);
}

struct btr_id world_id(uint64_t number)
{
    return btr_id_hash((struct btr_span){(const uint8_t *)&number, sizeof number});
}

static uint32_t stream_of(struct world *w, uint32_t stream)
{
    static const char *const HOSTS[] = {"web01", "db01", "web01"};
    static const char *const SOURCES[] = {"auditd", "auditd", "Security"};
    return btr_batch_stream(&w->batch, btr_span_of(HOSTS[stream]), btr_span_of(SOURCES[stream]));
}

void world_note(struct world *w, uint64_t number, enum btr_kind kind, unsigned flags,
                const char *host, ...)
{
    uint32_t name = host ? btr_batch_name(&w->batch, btr_span_of(host)) : UINT32_MAX;
    struct btr_note *note = btr_batch_note(&w->batch);
    assert_non_null(note);
    note->id = world_id(number);
    note->kind = (uint8_t)kind;
    note->flags = (uint8_t)flags;
    note->host = name;
    va_list list;
    va_start(list, host);
    for (int key = va_arg(list, int); key; key = va_arg(list, int)) {
        const char *value = va_arg(list, const char *);
        assert_true(btr_batch_attr(&w->batch, (enum btr_attr_key)key, 0, btr_span_of(value)));
    }
    va_end(list);
}

struct btr_event *world_event(struct world *w, uint64_t subject, enum btr_operation operation,
                              uint64_t object, int64_t first_ns, int64_t last_ns)
{
    uint32_t stream = stream_of(w, 0);
    struct btr_event *e = btr_batch_event(&w->batch);
    assert_non_null(e);
    *e = (struct btr_event){.subject = world_id(subject),
                            .object = world_id(object),
                            .operation = (uint8_t)operation,
                            .first_ns = first_ns,
                            .last_ns = last_ns,
                            .time_ns = last_ns,
                            .bytes = BTR_BYTES_UNKNOWN,
                            .record_id = (uint64_t)w->batch.event_count + 1000,
                            .line = w->batch.event_count,
                            .stream = stream};
    return e;
}

void world_process(struct world *w, uint64_t number, const char *host, const char *program,
                   const char *command, const char *user)
{
    /* a list ends with 0: what is not told comes last */
    world_note(w, number, BTR_KIND_PROCESS, 0, host, BTR_ATTR_PROCESS_EXECUTABLE, program,
               BTR_ATTR_PROCESS_COMMAND_LINE, command, user ? BTR_ATTR_USER_NAME : 0, user, 0);
}

void world_runs(struct world *w, uint64_t number, const char *program, const char *command)
{
    struct btr_note *note = btr_batch_note(&w->batch);
    assert_non_null(note);
    note->id = world_id(number);
    note->kind = BTR_KIND_PROCESS;
    note->host = btr_batch_name(&w->batch, BTR_SPAN("web01"));
    assert_true(
        btr_batch_attr(&w->batch, BTR_ATTR_PROCESS_EXECUTABLE, w->now_ns, btr_span_of(program)));
    assert_true(
        btr_batch_attr(&w->batch, BTR_ATTR_PROCESS_COMMAND_LINE, w->now_ns, btr_span_of(command)));
}

void world_file(struct world *w, uint64_t number, const char *host, const char *path)
{
    world_note(w, number, BTR_KIND_FILE, 0, host, BTR_ATTR_FILE_PATH, path, 0);
}

void world_connection(struct world *w, uint64_t number, unsigned flags, const char *from,
                      const char *from_port, const char *to, const char *to_port)
{
    world_note(w, number, BTR_KIND_FLOW, flags, NULL, BTR_ATTR_NETWORK_TRANSPORT, "tcp",
               BTR_ATTR_SOURCE_IP, from, BTR_ATTR_SOURCE_PORT, from_port, BTR_ATTR_DESTINATION_IP,
               to, BTR_ATTR_DESTINATION_PORT, to_port, 0);
}

struct btr_event *world_does(struct world *w, uint64_t subject, enum btr_operation operation,
                             uint64_t object)
{
    w->now_ns += 1000000000;
    return world_event(w, subject, operation, object, w->now_ns, w->now_ns);
}

struct btr_gap *world_gap(struct world *w, uint32_t stream, enum btr_gap_kind kind, int64_t from_ns,
                          int64_t until_ns, const char *why)
{
    uint32_t index = stream_of(w, stream);
    struct btr_gap *gap = btr_batch_gap(&w->batch);
    assert_non_null(gap);
    *gap = (struct btr_gap){.stream = index,
                            .kind = (uint8_t)kind,
                            .from_ns = from_ns,
                            .until_ns = until_ns,
                            .why = btr_span_of(why)};
    return gap;
}

void world_publish(struct world *w, const char *name)
{
    struct btr_err err = {0};
    const struct btr_sink *sink = btr_writer_sink(w->writer);
    struct btr_input input = {.name = btr_span_of(name), .head_hash = 7};
    const uint32_t id = 0;
    struct btr_progress progress = {.inputs = &input, .input_ids = &id, .input_count = 1};
    w->batch.record_count = w->batch.event_count;
    if (sink->append(sink->self, &w->batch, &err) != 0 ||
        sink->publish(sink->self, &progress, &err) != 0 || sink->drain(sink->self, &err) != 0)
        fail_msg("%s", err.text);
    btr_batch_clear(&w->batch);
    btr_reader_close(w->reader);
    const char *path = w->path;
    if (btr_reader_open(&w->reader, &path, 1, &err) != 0)
        fail_msg("%s", err.text);
}

static void answer_make(struct world_answer *out, struct world *w,
                        enum btr_walk_direction direction, const struct btr_answer_options *options)
{
    static const struct btr_span SPEC = {(const uint8_t *)"record:web01/5", 14};
    const struct btr_answer_options defaults = {.strategy = BTR_SPAN("backtracker"),
                                                .specs = &SPEC,
                                                .evidence_all = true,
                                                .no_stats = true};
    struct btr_err err = {0};
    if (btr_answer_make(&out->answer, w->reader, out->trace, direction, &out->start, 1,
                        options ? options : &defaults, &err) != 0)
        fail_msg("%s", err.text);
}

void world_merge(struct world_answer *out, struct world *w)
{
    btr_answer_free(out->answer);
    assert_int_equal(btr_trace_merge(out->trace, NULL), 0);
    answer_make(out, w, out->trace->direction, NULL);
}

void world_trace(struct world_answer *out, struct world *w, uint64_t start, int64_t time_ns,
                 enum btr_walk_direction direction, const struct btr_walk_limits *limits,
                 const struct btr_answer_options *options)
{
    static const struct btr_walk_limits NO_LIMITS;
    struct btr_edges edges = btr_edges_of_reader(w->reader);
    struct btr_err err = {0};
    *out = (struct world_answer){.start = {world_id(start), time_ns, UINT32_MAX}};
    if (btr_walk(&out->trace, &edges, direction, &out->start, 1, limits ? limits : &NO_LIMITS,
                 &err) != 0)
        fail_msg("%s", err.text);
    answer_make(out, w, direction, options);
}

void world_answer_free(struct world_answer *a)
{
    btr_answer_free(a->answer);
    btr_trace_free(a->trace);
}

void world_export(const struct world_answer *a, const char *format, struct btr_buffer *out)
{
    struct btr_err err = {0};
    const struct btr_export *e = btr_exports;
    while (e->name && strcmp(e->name, format) != 0)
        e++;
    assert_non_null(e->name);
    btr_buffer_clear(out);
    if (e->write(a->answer, false, out, &err) != 0)
        fail_msg("%s", err.text);
    btr_buffer_u8(out, 0);
    assert_false(out->failed);
    out->size--;
}
