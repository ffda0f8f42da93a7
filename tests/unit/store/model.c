#include <test.h>

#include "model.h"

static const char *const hosts[] = {"web01", "", "h\xff\x01\n", "db01"};
static const char *const sources[] = {"auditd", "Microsoft-Windows-Sysmon/Operational"};
static const char *const inputs[MODEL_INPUTS] = {"logs/a.log", "/var/log/b.log", "-"};

void model_init(struct model *m, uint64_t seed)
{
    *m = (struct model){.random = {seed}, .arena = btr_arena_new(SIZE_MAX / 4)};
    assert_non_null(m->arena);
    for (uint32_t i = 0; i < MODEL_IDS; i++)
        m->ids[i] = (struct btr_id){test_random_next(&m->random), test_random_next(&m->random)};
    m->ids[0] = (struct btr_id){0, 0};
    m->ids[1] = (struct btr_id){UINT64_MAX, UINT64_MAX};
    m->ids[2] = (struct btr_id){m->ids[3].hi, 0}; /* equal in one half */
}

void model_fini(struct model *m)
{
    btr_arena_free(m->arena);
    free(m->events);
    free(m->attrs);
    free(m->gaps);
    free(m->quarantined);
}

static void *one_more(void *items, uint32_t count, size_t size)
{
    if ((count & (count - 1)) == 0) {
        items = realloc(items, (count ? 2 * (size_t)count : 1) * size);
        assert_non_null(items);
    }
    return items;
}

struct btr_span model_input(uint32_t input)
{
    return btr_span_of(inputs[input]);
}

struct btr_progress model_progress(void)
{
    static struct btr_input rows[MODEL_INPUTS];
    static const uint32_t ids[MODEL_INPUTS] = {0, 1, 2};
    for (uint32_t i = 0; i < MODEL_INPUTS; i++)
        rows[i] = (struct btr_input){.name = model_input(i), .head_hash = 77 + i / 2, .read_ns = i};
    return (struct btr_progress){.inputs = rows, .input_ids = ids, .input_count = MODEL_INPUTS};
}

/* ---- Random ---------------------------------------------------------------------------------- */

static uint64_t below(struct model *m, uint64_t bound)
{
    return test_random_below(&m->random, bound);
}

static struct btr_span random_bytes(struct model *m, size_t size_max)
{
    size_t size = below(m, size_max + 1);
    uint8_t *bytes = btr_arena_alloc(m->arena, size, 1);
    assert_non_null(bytes);
    bool plain = below(m, 2) == 0;
    for (size_t i = 0; i < size; i++)
        bytes[i] = plain ? (uint8_t)('a' + below(m, 3)) : (uint8_t)below(m, 256);
    return (struct btr_span){bytes, size};
}

static int64_t random_time(struct model *m)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    if (!m->extreme)
        return (int64_t)below(m, 200) + 1795424315000000000;
    if (below(m, 2) == 0)
        return edges[below(m, 7)];
    if (m->many_days)
        return (int64_t)test_random_next(&m->random);
    return (int64_t)(UINT64_C(0x9e3779b97f4a7c15) * (1 + below(m, 6)) + below(m, 200));
}

static uint64_t random_number(struct model *m)
{
    static const uint64_t edges[] = {0, 1, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63};
    if (!m->extreme)
        return below(m, 300);
    return below(m, 2) == 0 ? edges[below(m, 5)] : test_random_next(&m->random);
}

static void random_event(struct model *m, struct btr_event *e)
{
    uint32_t subject = (uint32_t)below(m, below(m, 2) ? 4 : MODEL_IDS);
    uint32_t object = below(m, 20) == 0 ? subject : (uint32_t)below(m, MODEL_IDS);
    int64_t a = random_time(m), b = below(m, 2) ? a : random_time(m);
    uint64_t flags = below(m, 32);
    *e = (struct btr_event){.subject = m->ids[subject],
                            .object = m->ids[object],
                            .time_ns = random_time(m),
                            .first_ns = a < b ? a : b,
                            .last_ns = a < b ? b : a,
                            .bytes = below(m, 3) ? BTR_BYTES_UNKNOWN : random_number(m),
                            .record_id = random_number(m),
                            .line = random_number(m),
                            .operation = (uint8_t)below(m, below(m, 20) ? BTR_OP_MAX + 1 : 256),
                            .doubt = (uint8_t)below(m, BTR_DOUBT_MAX + 1),
                            .flags = (uint8_t)((flags & 15) | (flags & 16 ? BTR_EVENT_ENDS : 0))};
    m->mentioned[subject] = m->mentioned[object] = true;
}

static void random_note(struct model *m, struct btr_batch *batch)
{
    uint32_t i = (uint32_t)below(m, MODEL_IDS);
    struct btr_note *note = btr_batch_note(batch);
    assert_non_null(note);
    note->id = m->ids[i];
    note->kind = (uint8_t)(1 + i % BTR_KIND_MAX);
    note->flags = (uint8_t)below(m, 8);
    note->host = UINT32_MAX;
    if (i % 3 != 0) {
        struct btr_span host = btr_span_of(i % 3 == 1 ? "host" : hosts[below(m, 4)]);
        note->host = btr_batch_name(batch, host);
        if (m->host[i].size == 0 || (host.size > 0 && btr_span_compare(host, m->host[i]) < 0))
            m->host[i] = host;
    }
    m->kind[i] = note->kind;
    m->flags[i] = note->flags;
    m->mentioned[i] = true;
    for (uint64_t n = below(m, 4); n > 0; n--) {
        struct btr_attr attr = {(uint16_t)(1 + below(m, 4)), random_time(m), random_bytes(m, 12)};
        assert_true(btr_batch_attr(batch, (enum btr_attr_key)attr.key, attr.since_ns, attr.value));
        if (attr.value.size == 0)
            continue;
        m->attrs = one_more(m->attrs, m->attr_count, sizeof(*m->attrs));
        m->attrs[m->attr_count++] = (struct model_attr){m->ids[i], attr};
    }
}

static void random_gap(struct model *m, struct btr_batch *batch, struct btr_stream stream)
{
    struct btr_gap *g = btr_batch_gap(batch);
    assert_non_null(g);
    *g = (struct btr_gap){.stream = btr_batch_stream(batch, stream.host, stream.source),
                          .kind = (uint8_t)(1 + below(m, BTR_GAP_MAX)),
                          .from_ns = random_time(m),
                          .until_ns = random_time(m),
                          .from_id = random_number(m),
                          .until_id = random_number(m),
                          .count = random_number(m),
                          .line = random_number(m),
                          .why = random_bytes(m, 40)};
    m->gaps = one_more(m->gaps, m->gap_count, sizeof(*m->gaps));
    m->gaps[m->gap_count++] =
        (struct model_gap){*g, stream.host, stream.source, model_input(batch->input)};
}

static void random_quarantined(struct model *m, struct btr_batch *batch, struct btr_stream stream)
{
    struct btr_quarantined *q = btr_batch_quarantine(batch);
    assert_non_null(q);
    *q = (struct btr_quarantined){.stream = btr_batch_stream(batch, stream.host, stream.source),
                                  .line = random_number(m),
                                  .offset = random_number(m),
                                  .record_size = random_number(m),
                                  .reason = random_bytes(m, 40),
                                  .record = random_bytes(m, 2000)};
    m->quarantined = one_more(m->quarantined, m->quarantined_count, sizeof(*m->quarantined));
    m->quarantined[m->quarantined_count++] =
        (struct model_quarantined){*q, stream.host, stream.source, model_input(batch->input)};
}

void model_batch(struct model *m, struct btr_batch *batch, uint32_t event_count)
{
    batch->input = (uint32_t)below(m, MODEL_INPUTS);
    for (uint32_t i = 0; i < event_count; i++) {
        struct btr_stream s = {btr_span_of(hosts[below(m, 4)]), btr_span_of(sources[below(m, 2)])};
        if (below(m, 3) == 0)
            random_note(m, batch);
        if (below(m, 200) == 0)
            random_gap(m, batch, s);
        if (below(m, 400) == 0)
            random_quarantined(m, batch, s);
        uint32_t stream = btr_batch_stream(batch, s.host, s.source);
        struct btr_event *e = btr_batch_event(batch);
        assert_non_null(e);
        random_event(m, e);
        e->stream = stream;
        m->events = one_more(m->events, m->event_count, sizeof(*m->events));
        m->events[m->event_count++] =
            (struct model_event){*e, s.host, s.source, model_input(batch->input)};
    }
    batch->record_count = event_count;
}

void model_publish(struct model *m, const struct btr_sink *sink, uint32_t batches, uint32_t events)
{
    struct btr_err err = {0};
    struct btr_batch batch;
    btr_batch_init(&batch);
    for (uint32_t i = 0; i < batches; i++) {
        btr_batch_clear(&batch);
        model_batch(m, &batch, (uint32_t)below(m, events + 1));
        if (sink->append(sink->self, &batch, &err) != 0)
            fail_msg("append: %s", err.text);
    }
    btr_batch_fini(&batch);
    struct btr_progress progress = model_progress();
    if (sink->publish(sink->self, &progress, &err) != 0)
        fail_msg("publish: %s", err.text);
}

void model_store(struct model *m, const char *path, uint32_t publishes, uint32_t batches,
                 uint32_t events)
{
    struct btr_err err = {0};
    struct btr_writer *writer = NULL;
    if (btr_writer_open(&writer, path, &err) != 0)
        fail_msg("open: %s", err.text);
    const struct btr_sink *sink = btr_writer_sink(writer);
    for (uint32_t i = 0; i < publishes; i++)
        model_publish(m, sink, batches, events);
    if (sink->drain(sink->self, &err) != 0)
        fail_msg("drain: %s", err.text);
    btr_writer_close(writer);
}
