/* Compares what a reader tells with the plain lists of the model. */
#include <test.h>

#include "model.h"

/* ---- Events ---------------------------------------------------------------------------------- */

static int cmp_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int event_compare(const void *x, const void *y)
{
    const struct model_event *a = x, *b = y;
    int c[] = {btr_id_compare(a->event.subject, b->event.subject),
               btr_id_compare(a->event.object, b->event.object),
               cmp_u64((uint64_t)a->event.time_ns, (uint64_t)b->event.time_ns),
               cmp_u64((uint64_t)a->event.first_ns, (uint64_t)b->event.first_ns),
               cmp_u64((uint64_t)a->event.last_ns, (uint64_t)b->event.last_ns),
               cmp_u64(a->event.bytes, b->event.bytes),
               cmp_u64(a->event.record_id, b->event.record_id),
               cmp_u64(a->event.line, b->event.line),
               a->event.operation - b->event.operation,
               a->event.doubt - b->event.doubt,
               a->event.flags - b->event.flags,
               btr_span_compare(a->host, b->host),
               btr_span_compare(a->source, b->source),
               btr_span_compare(a->input, b->input)};
    for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
        if (c[i] != 0)
            return c[i];
    return 0;
}

struct event_list {
    struct btr_reader *reader;
    struct model_event *items;
    uint32_t count, capacity;
};

static int event_take(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct event_list *list = self;
    struct btr_event_full again;
    struct btr_err err;
    assert_true(list->count < list->capacity);
    assert_int_equal(btr_reader_event(list->reader, ref, &again, &err), 0);
    assert_memory_equal(&again.event.subject, &full->event.subject, sizeof(struct btr_id) * 2);
    assert_true(again.event.line == full->event.line && again.event.time_ns == full->event.time_ns);
    assert_int_equal(full->input_digest.size, 16);
    list->items[list->count++] =
        (struct model_event){full->event, full->host, full->source, full->input};
    return 0;
}

static struct event_list list_of(struct btr_reader *reader, uint32_t capacity)
{
    struct event_list list = {reader, calloc((size_t)capacity + 1, sizeof(struct model_event)), 0,
                              capacity};
    assert_non_null(list.items);
    return list;
}

/* Both lists hold the same events, however often each. */
static void same_events(struct model_event *a, uint32_t a_count, struct model_event *b,
                        uint32_t b_count)
{
    assert_int_equal(a_count, b_count);
    if (a_count == 0)
        return;
    qsort(a, a_count, sizeof(*a), event_compare);
    qsort(b, b_count, sizeof(*b), event_compare);
    for (uint32_t i = 0; i < a_count; i++)
        assert_int_equal(event_compare(&a[i], &b[i]), 0);
}

typedef bool event_wish(const struct model_event *e, const struct model_event *wanted);

static bool any_event(const struct model_event *e, const struct model_event *wanted)
{
    (void)e;
    (void)wanted;
    return true;
}

static bool of_record(const struct model_event *e, const struct model_event *wanted)
{
    return e->event.record_id == wanted->event.record_id && btr_span_equal(e->host, wanted->host) &&
           btr_span_equal(e->source, wanted->source);
}

static bool of_origin(const struct model_event *e, const struct model_event *wanted)
{
    return e->event.line == wanted->event.line && btr_span_equal(e->input, wanted->input);
}

static bool of_host_and_time(const struct model_event *e, const struct model_event *wanted)
{
    return btr_span_equal(e->host, wanted->host) && e->event.first_ns <= wanted->event.last_ns &&
           e->event.last_ns >= wanted->event.first_ns;
}

static void same_as_model(const struct model *m, struct event_list *got, event_wish *wish,
                          const struct model_event *wanted)
{
    struct event_list expected = list_of(NULL, m->event_count);
    for (uint32_t i = 0; i < m->event_count; i++)
        if (wish(&m->events[i], wanted))
            expected.items[expected.count++] = m->events[i];
    same_events(expected.items, expected.count, got->items, got->count);
    free(expected.items);
    free(got->items);
}

void model_check_events(const struct model *m, struct btr_reader *reader)
{
    struct btr_err err;
    struct event_list got = list_of(reader, m->event_count);
    assert_int_equal(btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0},
                                       event_take, &got, &err),
                     0);
    same_as_model(m, &got, any_event, NULL);
    for (uint32_t i = 0; i < m->event_count; i += 1 + m->event_count / 16) {
        const struct model_event *e = &m->events[i];
        got = list_of(reader, m->event_count);
        if (e->host.size > 0) { /* empty would mean any */
            assert_int_equal(btr_reader_by_record(reader, e->host, e->source, e->event.record_id,
                                                  event_take, &got, &err),
                             0);
            same_as_model(m, &got, of_record, e);
            got = list_of(reader, m->event_count);
            assert_int_equal(btr_reader_events(reader, e->event.first_ns, e->event.last_ns, e->host,
                                               event_take, &got, &err),
                             0);
            same_as_model(m, &got, of_host_and_time, e);
            got = list_of(reader, m->event_count);
        }
        struct btr_span input = e->input;
        if (btr_span_equal(input, model_input(1)))
            input = BTR_SPAN("b.log"); /* the end of a path names it too */
        assert_int_equal(btr_reader_by_origin(reader, input, e->event.line, event_take, &got, &err),
                         0);
        same_as_model(m, &got, of_origin, e);
    }
}

uint32_t model_keep_events(struct model *m, struct btr_reader *reader)
{
    struct btr_err err;
    struct event_list got = list_of(reader, m->event_count);
    uint32_t before = m->event_count, kept = 0;
    assert_int_equal(btr_reader_events(reader, INT64_MIN, INT64_MAX, (struct btr_span){0},
                                       event_take, &got, &err),
                     0);
    if (before > 0)
        qsort(m->events, before, sizeof(*m->events), event_compare);
    if (got.count > 0)
        qsort(got.items, got.count, sizeof(*got.items), event_compare);
    for (uint32_t i = 0; i < before; i++)
        if (kept < got.count && event_compare(&m->events[i], &got.items[kept]) == 0)
            m->events[kept++] = m->events[i];
    assert_int_equal(kept, got.count);
    m->event_count = kept;
    free(got.items);
    return before - kept;
}

/* ---- Flows ----------------------------------------------------------------------------------- */

static int flow_compare(const void *x, const void *y)
{
    const struct btr_flow *a = x, *b = y;
    int c[] = {btr_id_compare(a->other, b->other),
               cmp_u64((uint64_t)a->first_ns, (uint64_t)b->first_ns),
               cmp_u64((uint64_t)a->last_ns, (uint64_t)b->last_ns),
               a->operation - b->operation,
               a->doubt - b->doubt,
               a->flags - b->flags};
    for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
        if (c[i] != 0)
            return c[i];
    return 0;
}

struct flow_list {
    struct btr_flow *items;
    uint32_t count, capacity;
};

static int flows_take(void *self, const struct btr_flow *flows, uint32_t count)
{
    struct flow_list *list = self;
    assert_true(count > 0 && count <= list->capacity - list->count);
    memcpy(list->items + list->count, flows, count * sizeof(*flows));
    list->count += count;
    return 0;
}

/* The sides of docs and header, one event at a time. */
static bool oracle_fits(const struct btr_event *e, struct btr_id v, enum btr_side side,
                        int64_t bound)
{
    bool subject = btr_id_equal(e->subject, v), object = btr_id_equal(e->object, v);
    enum btr_direction d = btr_operation_direction(e->operation);
    if (!subject && !object)
        return false;
    if (side == BTR_SIDE_ALL)
        return true;
    if (side == BTR_SIDE_MEET)
        return d == BTR_FLOW_MEET;
    bool both = d == BTR_FLOW_BOTH;
    if (side == BTR_SIDE_INTO)
        return e->first_ns <= bound &&
               (both || (subject && d == BTR_FLOW_IN) || (object && d == BTR_FLOW_OUT));
    return e->last_ns >= bound &&
           (both || (subject && d == BTR_FLOW_OUT) || (object && d == BTR_FLOW_IN));
}

/* What is cited of many events is what each tells. */
static void check_cited(struct btr_reader *reader, const struct btr_flow *flows, uint32_t count)
{
    struct btr_err err;
    btr_event_ref *refs = calloc((size_t)count + 1, sizeof(*refs));
    struct btr_event_cited *cited = calloc((size_t)count + 1, sizeof(*cited));
    assert_true(refs && cited);
    for (uint32_t i = 0; i < count; i++)
        refs[i] = flows[i].ref;
    assert_int_equal(btr_reader_cite(reader, refs, count, cited, &err), 0);
    for (uint32_t i = 0; i < count; i += 1 + count / 8) {
        struct btr_event_full full;
        assert_int_equal(btr_reader_event(reader, refs[i], &full, &err), 0);
        assert_true(cited[i].record_id == full.event.record_id);
        assert_true(cited[i].line == full.event.line && cited[i].bytes == full.event.bytes);
        for (uint32_t k = 0; k < i; k += 1 + count / 8) { /* one stream, one origin */
            struct btr_event_full other;
            if (refs[k] >> 32 != refs[i] >> 32 || cited[k].stream != cited[i].stream)
                continue;
            assert_int_equal(btr_reader_event(reader, refs[k], &other, &err), 0);
            assert_true(full.host.at == other.host.at && full.source.at == other.source.at);
            assert_true(full.input.at == other.input.at);
        }
    }
    refs[0] = (btr_event_ref)UINT32_MAX << 32;
    assert_int_equal(btr_reader_cite(reader, refs, 1, cited, &err), BTR_E_NOTFOUND);
    free(refs);
    free(cited);
}

static void check_side(const struct model *m, struct btr_reader *reader, struct btr_id v,
                       enum btr_side side, int64_t bound)
{
    struct btr_err err;
    struct btr_flow *expected = calloc((size_t)m->event_count + 1, sizeof(*expected));
    struct flow_list got = {calloc((size_t)m->event_count + 1, sizeof(*expected)), 0,
                            m->event_count};
    uint32_t count = 0;
    assert_true(expected && got.items);
    for (uint32_t i = 0; i < m->event_count; i++) {
        const struct btr_event *e = &m->events[i].event;
        if (oracle_fits(e, v, side, bound))
            expected[count++] =
                (struct btr_flow){.other = btr_id_equal(e->subject, v) ? e->object : e->subject,
                                  .first_ns = e->first_ns,
                                  .last_ns = e->last_ns,
                                  .operation = e->operation,
                                  .doubt = e->doubt,
                                  .flags = e->flags};
    }
    assert_int_equal(btr_reader_flows(reader, v, side, bound, NULL, flows_take, &got, &err), 0);
    assert_int_equal(got.count, count);
    if (count > 0) {
        qsort(expected, count, sizeof(*expected), flow_compare);
        qsort(got.items, count, sizeof(*expected), flow_compare);
    }
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(flow_compare(&expected[i], &got.items[i]), 0);
    for (uint32_t i = 0; i < count; i++) { /* a ref leads to the event */
        struct btr_event_full full;
        assert_int_equal(btr_reader_event(reader, got.items[i].ref, &full, &err), 0);
        assert_true(full.event.first_ns == got.items[i].first_ns);
        assert_int_equal(full.event.stream, got.items[i].source);
        i += count / 8;
    }
    check_cited(reader, got.items, count);
    free(expected);
    free(got.items);
}

/* What is left lies behind the time that is told of it. */
static void check_rest(const struct flow_list *got, uint32_t first, enum btr_side side,
                       int64_t rest_ns)
{
    for (uint32_t i = first; i < got->count; i++) {
        if (side == BTR_SIDE_INTO)
            assert_true(got->items[i].last_ns <= rest_ns);
        else
            assert_true(got->items[i].first_ns >= rest_ns);
    }
}

/* Parts one after the other, each up to a time, are the whole. */
static void check_parts(struct model *m, struct btr_reader *reader, struct btr_id v,
                        enum btr_side side, int64_t bound)
{
    struct btr_err err;
    struct flow_list whole = {calloc((size_t)m->event_count + 1, sizeof(*whole.items)), 0,
                              m->event_count};
    struct flow_list got = {calloc((size_t)m->event_count + 1, sizeof(*got.items)), 0,
                            m->event_count};
    int64_t rest_ns = side == BTR_SIDE_INTO ? INT64_MAX : INT64_MIN;
    assert_true(whole.items && got.items);
    assert_int_equal(btr_reader_flows(reader, v, side, bound, NULL, flows_take, &whole, &err), 0);
    for (uint32_t begin = 0; begin != UINT32_MAX;) {
        const struct btr_event *e = &m->events[test_random_below(&m->random, m->event_count)].event;
        struct btr_flow_parts parts = {.begin = begin, .end = UINT32_MAX, .until_ns = e->last_ns};
        uint32_t count = got.count;
        assert_int_equal(btr_reader_flows(reader, v, side, bound, &parts, flows_take, &got, &err),
                         0);
        check_rest(&got, count, side, rest_ns);
        assert_true(parts.end > begin);
        assert_true(!parts.repeats || parts.end == UINT32_MAX);
        begin = parts.end;
        rest_ns = parts.rest_ns;
    }
    assert_int_equal(got.count, whole.count);
    if (got.count > 0) {
        qsort(got.items, got.count, sizeof(*got.items), flow_compare);
        qsort(whole.items, got.count, sizeof(*got.items), flow_compare);
    }
    for (uint32_t i = 0; i < got.count; i++)
        assert_int_equal(flow_compare(&got.items[i], &whole.items[i]), 0);
    free(whole.items);
    free(got.items);
}

/* Whether a flow is one of a stretch, as the definition has it. */
static bool only_fits(struct btr_reader *reader, const struct btr_flow *f, struct btr_id v,
                      enum btr_side side, const struct btr_flow_parts *parts)
{
    struct btr_event_full full;
    struct btr_err err;
    bool in_time =
        side == BTR_SIDE_INTO ? f->last_ns >= parts->until_ns : f->first_ns <= parts->until_ns;
    if (!parts->as_object || !in_time)
        return in_time;
    assert_int_equal(btr_reader_event(reader, f->ref, &full, &err), 0);
    return !btr_id_equal(full.event.subject, v);
}

/* A stretch of time has exactly the flows that share a moment with it, and nothing that is left
 * lies nearer than what is told of it. */
static void check_only(const struct model *m, struct btr_reader *reader, struct btr_id v,
                       enum btr_side side, int64_t bound)
{
    struct btr_err err;
    struct flow_list whole = {calloc((size_t)m->event_count + 1, sizeof(*whole.items)), 0,
                              m->event_count};
    struct flow_list got = {calloc((size_t)m->event_count + 1, sizeof(*got.items)), 0,
                            m->event_count};
    struct flow_list left = {calloc((size_t)m->event_count + 1, sizeof(*left.items)), 0, 0};
    struct test_random random = {v.lo ^ (uint64_t)bound}; /* the model's has more to make */
    const struct btr_event *e = &m->events[test_random_below(&random, m->event_count)].event;
    struct btr_flow_parts parts = {
        .until_ns = e->last_ns, .only = true, .as_object = test_random_below(&random, 2) == 0};
    uint32_t count = 0;
    assert_true(whole.items && got.items && left.items);
    assert_int_equal(btr_reader_flows(reader, v, side, bound, NULL, flows_take, &whole, &err), 0);
    assert_int_equal(btr_reader_flows(reader, v, side, bound, &parts, flows_take, &got, &err), 0);
    for (uint32_t i = 0; i < whole.count; i++) {
        struct btr_flow f = whole.items[i];
        if (only_fits(reader, &f, v, side, &parts))
            whole.items[count++] = f;
        else if (side == BTR_SIDE_INTO ? f.last_ns < e->last_ns : f.first_ns > e->last_ns)
            left.items[left.count++] = f;
    }
    assert_int_equal(got.count, count);
    if (count > 0) {
        qsort(got.items, count, sizeof(*got.items), flow_compare);
        qsort(whole.items, count, sizeof(*got.items), flow_compare);
    }
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(flow_compare(&got.items[i], &whole.items[i]), 0);
    if (!parts.as_object)
        check_rest(&left, 0, side, parts.rest_ns);
    if (side == BTR_SIDE_INTO)
        assert_true(parts.rest_ns < e->last_ns || e->last_ns == INT64_MIN);
    else
        assert_true(parts.rest_ns > e->last_ns || e->last_ns == INT64_MAX);
    free(whole.items);
    free(got.items);
    free(left.items);
}

void model_check_flows(struct model *m, struct btr_reader *reader, uint32_t bounds)
{
    for (uint32_t i = 0; i < MODEL_IDS; i++) {
        check_side(m, reader, m->ids[i], BTR_SIDE_ALL, 0);
        check_side(m, reader, m->ids[i], BTR_SIDE_MEET, 0);
        for (uint32_t k = 0; m->event_count > 0 && k < bounds; k++) {
            const struct btr_event *e =
                &m->events[test_random_below(&m->random, m->event_count)].event;
            check_only(m, reader, m->ids[i], BTR_SIDE_INTO, e->first_ns);
            check_only(m, reader, m->ids[i], BTR_SIDE_OUT_OF, e->last_ns);
            check_side(m, reader, m->ids[i], BTR_SIDE_INTO, e->first_ns);
            check_side(m, reader, m->ids[i], BTR_SIDE_OUT_OF, e->last_ns);
            check_parts(m, reader, m->ids[i], BTR_SIDE_INTO, e->first_ns);
            check_parts(m, reader, m->ids[i], BTR_SIDE_OUT_OF, e->last_ns);
        }
        check_side(m, reader, m->ids[i], BTR_SIDE_INTO, INT64_MAX);
        check_side(m, reader, m->ids[i], BTR_SIDE_OUT_OF, INT64_MIN);
    }
    check_side(m, reader, (struct btr_id){1, 2}, BTR_SIDE_ALL, 0); /* not there: no flow */
}

/* ---- Entities -------------------------------------------------------------------------------- */

static int attr_compare(const void *x, const void *y)
{
    const struct btr_attr *a = x, *b = y;
    int c = a->key - b->key;
    if (c == 0)
        c = (a->since_ns > b->since_ns) - (a->since_ns < b->since_ns);
    return c != 0 ? c : btr_span_compare(a->value, b->value);
}

/* Attributes of an id in order, each value once as long as it stays. */
static uint32_t oracle_attrs(const struct model *m, struct btr_id id, struct btr_attr *out)
{
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < m->attr_count; i++)
        if (btr_id_equal(m->attrs[i].id, id))
            out[count++] = m->attrs[i].attr;
    if (count > 0)
        qsort(out, count, sizeof(*out), attr_compare);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || out[kept - 1].key != out[i].key ||
            !btr_span_equal(out[kept - 1].value, out[i].value))
            out[kept++] = out[i];
    return kept;
}

static void check_times(const struct model *m, const struct btr_entity *e)
{
    uint64_t count = 0;
    int64_t first = 0, last = 0;
    for (uint32_t i = 0; i < m->event_count; i++) {
        const struct btr_event *x = &m->events[i].event;
        if (!btr_id_equal(x->subject, e->id) && !btr_id_equal(x->object, e->id))
            continue;
        first = count == 0 || x->first_ns < first ? x->first_ns : first;
        last = count == 0 || x->last_ns > last ? x->last_ns : last;
        count++;
    }
    assert_int_equal(e->event_count, count);
    assert_true(e->first_ns == first && e->last_ns == last);
}

static void check_entity(const struct model *m, uint32_t i, const struct btr_entity *e)
{
    struct btr_attr *expected = calloc((size_t)m->attr_count + 1, sizeof(*expected));
    assert_non_null(expected);
    uint32_t count = oracle_attrs(m, m->ids[i], expected);
    assert_int_equal(e->kind, m->kind[i]);
    assert_true(btr_span_equal(e->host, m->host[i]));
    assert_int_equal(e->attr_count, count);
    for (uint32_t k = 0; k < count; k++)
        assert_int_equal(attr_compare(&expected[k], &e->attrs[k]), 0);
    check_times(m, e);
    free(expected);
}

struct visited {
    const struct model *m;
    uint32_t count;
    struct btr_id last;
};

static int entity_take(void *self, const struct btr_entity *e)
{
    struct visited *v = self;
    assert_true(v->count == 0 || btr_id_compare(v->last, e->id) < 0);
    v->last = e->id;
    v->count++;
    for (uint32_t i = 0; i < MODEL_IDS; i++)
        if (btr_id_equal(v->m->ids[i], e->id))
            check_entity(v->m, i, e);
    return 0;
}

static bool is_told(const struct model *m, struct btr_id id, const struct btr_attr *a)
{
    for (uint32_t i = 0; i < m->attr_count; i++)
        if (btr_id_equal(m->attrs[i].id, id) && attr_compare(&m->attrs[i].attr, a) == 0)
            return true;
    return false;
}

/* What the segment of an event tells of an end is a part of what all tell. */
static void check_told(const struct model *m, struct btr_reader *reader, struct btr_id id,
                       struct btr_arena *arena)
{
    struct btr_err err;
    struct flow_list got = {calloc((size_t)m->event_count + 1, sizeof(*got.items)), 0,
                            m->event_count};
    struct btr_entity all, told;
    assert_non_null(got.items);
    assert_int_equal(btr_reader_flows(reader, id, BTR_SIDE_ALL, 0, NULL, flows_take, &got, &err),
                     0);
    for (uint32_t i = 0; i < got.count && i < 40; i++) {
        struct btr_id other = got.items[i].other;
        btr_event_ref ref = got.items[i].ref;
        btr_arena_reset(arena);
        assert_int_equal(btr_reader_entity(reader, other, arena, &all, &err), 0);
        assert_int_equal(btr_reader_entity_at(reader, ref, other, arena, &told, &err), 0);
        assert_true(told.kind == all.kind || told.kind == BTR_KIND_NONE);
        assert_true(told.first_ns >= all.first_ns && told.last_ns <= all.last_ns);
        for (uint32_t k = 0; k < told.attr_count; k++)
            assert_true(is_told(m, other, &told.attrs[k]));
        assert_int_equal(
            btr_reader_entity_at(reader, ref, (struct btr_id){1, 2}, arena, &told, &err),
            BTR_E_NOTFOUND);
        assert_int_equal(btr_reader_entity_at(reader, UINT64_MAX, other, arena, &told, &err),
                         BTR_E_NOTFOUND);
    }
    free(got.items);
}

void model_check_entities(struct model *m, struct btr_reader *reader)
{
    struct btr_err err;
    struct btr_arena *arena = btr_arena_new(16 << 20), *told = btr_arena_new(16 << 20);
    uint32_t mentioned = 0;
    for (uint32_t i = 0; i < MODEL_IDS; i++) {
        struct btr_entity e = {.event_count = 0};
        int rc = btr_reader_entity(reader, m->ids[i], arena, &e, &err);
        assert_int_equal(rc, m->mentioned[i] ? 0 : BTR_E_NOTFOUND);
        if (rc == 0)
            check_entity(m, i, &e);
        uint64_t count = e.event_count;
        assert_int_equal(btr_reader_entity_uncounted(reader, m->ids[i], arena, &e, &err), rc);
        if (rc == 0) {
            assert_true(e.event_count >= count);
            e.event_count = count;
            check_entity(m, i, &e);
            check_told(m, reader, m->ids[i], told);
        }
        mentioned += i > 0 && m->mentioned[i]; /* the first id means none */
    }
    btr_arena_free(arena);
    btr_arena_free(told);
    struct visited v = {.m = m};
    assert_int_equal(
        btr_reader_entities(reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, entity_take, &v, &err), 0);
    assert_int_equal(v.count, mentioned);
}

/* ---- Entities by a value --------------------------------------------------------------------- */

/** Entities that have a value, as the reading of all finds them; and how many were told of them. */
struct value_check {
    uint16_t key;
    struct btr_span value;
    bool many; /* not this value, but all that do not come before it */
    struct btr_id ids[MODEL_IDS];
    uint32_t count, told;
};

static bool equal_but_for_case(struct btr_span a, struct btr_span b)
{
    for (size_t i = 0; a.size == b.size && i < a.size; i++) {
        int x = a.at[i], y = b.at[i];
        if ((x >= 'A' && x <= 'Z' ? x + 32 : x) != (y >= 'A' && y <= 'Z' ? y + 32 : y))
            return false;
    }
    return a.size == b.size;
}

static bool value_test(void *self, struct btr_span value)
{
    const struct value_check *v = self;
    return v->many ? btr_span_compare(value, v->value) >= 0 : equal_but_for_case(value, v->value);
}

static bool has_value(struct value_check *v, const struct btr_entity *e)
{
    for (uint32_t i = 0; i < e->attr_count; i++)
        if (e->attrs[i].key == v->key && value_test(v, e->attrs[i].value))
            return true;
    return false;
}

static int value_gather(void *self, const struct btr_entity *e)
{
    struct value_check *v = self;
    if (has_value(v, e))
        v->ids[v->count++] = e->id;
    return 0;
}

static int value_take(void *self, const struct btr_entity *e)
{
    struct value_check *v = self;
    assert_true(v->told < v->count && btr_id_equal(v->ids[v->told], e->id));
    v->told++;
    return 0;
}

void model_check_values(struct model *m, struct btr_reader *reader)
{
    struct btr_err err;
    uint8_t text[64];
    for (uint32_t round = 0; round < 60 && m->attr_count > 0; round++) {
        const struct btr_attr *a = &m->attrs[test_random_below(&m->random, m->attr_count)].attr;
        struct value_check v = {.key = a->key, .value = a->value};
        enum btr_kind kind = round % 5 == 0 ? BTR_KIND_FILE : BTR_KIND_NONE;
        int64_t since_ns = round % 7 == 0 ? 5 : INT64_MIN;
        if (round % 4 == 1) /* of another kind, where it may not be found */
            v.key = (uint16_t)(1 + test_random_below(&m->random, BTR_ATTR_MAX));
        if (round % 4 == 2 && a->value.size <= sizeof(text)) {
            for (size_t i = 0; i < a->value.size; i++)
                text[i] = a->value.at[i] >= 'a' && a->value.at[i] <= 'z'
                              ? (uint8_t)(a->value.at[i] - 32)
                              : a->value.at[i];
            v.value = (struct btr_span){text, a->value.size};
        }
        assert_int_equal(
            btr_reader_entities(reader, kind, since_ns, INT64_MAX, value_gather, &v, &err), 0);
        assert_int_equal(btr_reader_entities_with(reader, kind, since_ns, INT64_MAX,
                                                  (enum btr_attr_key)v.key, v.value, value_take, &v,
                                                  &err),
                         0);
        assert_int_equal(v.told, v.count);
        v.told = 0;
        if (round % 2 == 1) {
            v.many = true;
            v.count = 0;
            assert_int_equal(
                btr_reader_entities(reader, kind, since_ns, INT64_MAX, value_gather, &v, &err), 0);
        }
        assert_int_equal(btr_reader_entities_where(reader, kind, since_ns, INT64_MAX,
                                                   (enum btr_attr_key)v.key, value_test, &v,
                                                   value_take, &v, &err),
                         0);
        assert_int_equal(v.told, v.count);
    }
}

/* ---- Gaps and quarantine --------------------------------------------------------------------- */

struct row_tally {
    const struct model *m;
    uint32_t count;
};

static int gap_take(void *self, const struct btr_gap_full *g)
{
    struct row_tally *t = self;
    bool found = false;
    for (uint32_t i = 0; i < t->m->gap_count && !found; i++) {
        const struct model_gap *e = &t->m->gaps[i];
        found = e->gap.kind == g->gap.kind && e->gap.from_ns == g->gap.from_ns &&
                e->gap.until_ns == g->gap.until_ns && e->gap.from_id == g->gap.from_id &&
                e->gap.until_id == g->gap.until_id && e->gap.count == g->gap.count &&
                e->gap.line == g->gap.line && btr_span_equal(e->gap.why, g->gap.why) &&
                btr_span_equal(e->host, g->host) && btr_span_equal(e->source, g->source) &&
                btr_span_equal(e->input, g->input);
    }
    assert_true(found);
    t->count++;
    return 0;
}

static int quarantined_take(void *self, const struct btr_quarantined_full *q)
{
    struct row_tally *t = self;
    bool found = false;
    for (uint32_t i = 0; i < t->m->quarantined_count && !found; i++) {
        const struct model_quarantined *e = &t->m->quarantined[i];
        found = e->record.line == q->record.line && e->record.offset == q->record.offset &&
                e->record.record_size == q->record.record_size &&
                btr_span_equal(e->record.reason, q->record.reason) &&
                btr_span_equal(e->record.record, q->record.record) &&
                btr_span_equal(e->host, q->host) && btr_span_equal(e->input, q->input);
    }
    assert_true(found);
    t->count++;
    return 0;
}

static int source_take(void *self, const struct btr_source_stat *s)
{
    const struct model *m = self;
    uint64_t events = 0, reads = 0;
    for (uint32_t i = 0; i < m->event_count; i++) {
        const struct model_event *e = &m->events[i];
        if (!btr_span_equal(e->host, s->host) || !btr_span_equal(e->source, s->source) ||
            (e->event.flags & (BTR_EVENT_IMPLIED | BTR_EVENT_PART)))
            continue;
        events++;
        reads += e->event.operation == BTR_OP_READ;
    }
    assert_int_equal(s->event_count, events);
    assert_int_equal(s->operation_count[BTR_OP_READ], reads);
    return 0;
}

void model_check_rows(const struct model *m, struct btr_reader *reader)
{
    struct btr_err err;
    struct row_tally gaps = {m, 0}, quarantined = {m, 0};
    struct btr_store_stat stat;
    assert_int_equal(btr_reader_gaps(reader, gap_take, &gaps, &err), 0);
    assert_int_equal(gaps.count, m->gap_count);
    assert_int_equal(btr_reader_quarantine(reader, quarantined_take, &quarantined, &err), 0);
    assert_int_equal(quarantined.count, m->quarantined_count);
    assert_int_equal(btr_reader_sources(reader, source_take, (void *)(uintptr_t)m, &err), 0);
    assert_int_equal(btr_reader_stat(reader, &stat, &err), 0);
    assert_int_equal(stat.event_count, m->event_count);
    assert_int_equal(stat.record_count, m->event_count);
    assert_int_equal(stat.gap_count, m->gap_count);
    assert_int_equal(stat.undecoded, m->quarantined_count);
}

static int fault_print(void *self, const char *segment, const char *what)
{
    (void)self;
    fail_msg("%s: %s", segment, what);
    return 0;
}

void model_check_store(struct model *m, const char *path, uint32_t bounds)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    if (btr_reader_open(&reader, &path, 1, &err) != 0)
        fail_msg("%s", err.text);
    model_check_events(m, reader);
    model_check_flows(m, reader, bounds);
    model_check_entities(m, reader);
    model_check_values(m, reader);
    model_check_rows(m, reader);
    btr_reader_close(reader);
    assert_int_equal(btr_store_verify(path, fault_print, NULL, &err), 0);
}
