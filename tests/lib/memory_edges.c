#include "memory_edges.h"

#include <assert.h>

#include "test_random.h"

enum { RUN_MAX = 256 };

static int compare_ends(const void *a, const void *b)
{
    const struct memory_edges_end *x = a;
    const struct memory_edges_end *y = b;
    int order = btr_id_compare(x->entity, y->entity);
    return order ? order : (x->flow.ref > y->flow.ref) - (x->flow.ref < y->flow.ref);
}

static struct memory_edges_end end_of(const struct btr_event *e, uint32_t ref, bool subject)
{
    enum btr_direction direction = btr_operation_direction(e->operation);
    bool self = btr_id_equal(e->subject, e->object);
    bool in = direction == BTR_FLOW_IN || direction == BTR_FLOW_BOTH; /* object -> subject */
    bool out = direction == BTR_FLOW_OUT || direction == BTR_FLOW_BOTH;
    return (struct memory_edges_end){
        .entity = subject ? e->subject : e->object,
        .flow = {.other = subject ? e->object : e->subject,
                 .first_ns = e->first_ns,
                 .last_ns = e->last_ns,
                 .ref = ref,
                 .source = e->stream,
                 .operation = e->operation,
                 .doubt = e->doubt,
                 .flags = e->flags},
        .subject = subject,
        .into = self      ? in || out
                : subject ? in
                          : out,
        .out_of = self      ? in || out
                  : subject ? out
                            : in,
        .meet = direction == BTR_FLOW_MEET,
    };
}

void memory_edges_init(struct memory_edges *m, const struct btr_event *events, uint32_t event_count)
{
    *m = (struct memory_edges){.events = events, .event_count = event_count};
    m->ends = malloc((2 * (size_t)event_count + 1) * sizeof(*m->ends));
    assert(m->ends);
    for (uint32_t i = 0; i < event_count; i++) {
        m->ends[m->end_count++] = end_of(&events[i], i, true);
        if (!btr_id_equal(events[i].subject, events[i].object))
            m->ends[m->end_count++] = end_of(&events[i], i, false);
    }
    qsort(m->ends, m->end_count, sizeof(*m->ends), compare_ends);
    for (uint32_t i = 0; i < m->end_count; i++) {
        uint32_t first = btr_idmap_add(&m->index, m->ends[i].entity, i);
        assert(first != UINT32_MAX);
        (void)first;
    }
}

void memory_edges_fini(struct memory_edges *m)
{
    free(m->ends);
    free(m->part_of);
    btr_idmap_fini(&m->index);
    *m = (struct memory_edges){0};
}

static int latest_first(const void *a, const void *b)
{
    const struct memory_edges_part *x = a, *y = b;
    return x->last_ns == y->last_ns ? (int)x->number - (int)y->number
                                    : (x->last_ns < y->last_ns) - (x->last_ns > y->last_ns);
}

static int earliest_first(const void *a, const void *b)
{
    const struct memory_edges_part *x = a, *y = b;
    return x->first_ns == y->first_ns ? (int)x->number - (int)y->number
                                      : (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

void memory_edges_part(struct memory_edges *m, uint32_t part_count, uint64_t seed)
{
    struct test_random random = {seed};
    assert(part_count > 0 && part_count <= MEMORY_PARTS_MAX && !m->part_of);
    m->part_of = calloc((size_t)m->event_count + 1, 1);
    assert(m->part_of);
    m->part_count = part_count;
    for (uint32_t i = 0; i < part_count; i++)
        m->parts[0][i] = (struct memory_edges_part){INT64_MAX, INT64_MIN, i};
    for (uint32_t i = 0; i < m->event_count; i++) {
        uint64_t part = seed ? test_random_below(&random, part_count)
                             : (uint64_t)i * part_count / m->event_count;
        struct memory_edges_part *p = &m->parts[0][part];
        m->part_of[i] = (uint8_t)part;
        p->first_ns = m->events[i].first_ns < p->first_ns ? m->events[i].first_ns : p->first_ns;
        p->last_ns = m->events[i].last_ns > p->last_ns ? m->events[i].last_ns : p->last_ns;
    }
    memcpy(m->parts[1], m->parts[0], sizeof(m->parts[0]));
    qsort(m->parts[0], part_count, sizeof(m->parts[0][0]), latest_first);
    qsort(m->parts[1], part_count, sizeof(m->parts[1][0]), earliest_first);
}

/* What a visit asks for. */
struct question {
    struct btr_id entity;
    enum btr_side side;
    int64_t bound_ns, until_ns; /* until_ns: of meetings, and with `only` */
    uint32_t part;              /* UINT32_MAX: all */
    bool only, as_object;
};

static bool is_asked_for(const struct memory_edges_end *end, const struct question *q)
{
    if (q->as_object && end->subject)
        return false;
    switch (q->side) {
    case BTR_SIDE_INTO:
        return end->into && end->flow.first_ns <= q->bound_ns &&
               (!q->only || end->flow.last_ns >= q->until_ns);
    case BTR_SIDE_OUT_OF:
        return end->out_of && end->flow.last_ns >= q->bound_ns &&
               (!q->only || end->flow.first_ns <= q->until_ns);
    case BTR_SIDE_MEET:
        return end->meet && end->flow.first_ns <= q->until_ns && end->flow.last_ns >= q->bound_ns;
    case BTR_SIDE_ALL:
    default:
        return true;
    }
}

static int part_flows(struct memory_edges *m, const struct question *q, btr_flow_visit *visit,
                      void *visitor)
{
    struct btr_flow run[RUN_MAX];
    uint32_t run_max = m->run_max && m->run_max < RUN_MAX ? m->run_max : RUN_MAX;
    uint32_t count = 0;
    for (uint32_t i = btr_idmap_get(&m->index, q->entity);
         i < m->end_count && btr_id_equal(m->ends[i].entity, q->entity); i++) {
        if (!is_asked_for(&m->ends[i], q) ||
            (q->part != UINT32_MAX && m->part_of[m->ends[i].flow.ref] != q->part))
            continue;
        run[count] = m->ends[i].flow;
        run[count].other_kind = m->kind_of ? m->kind_of(run[count].other) : 0;
        if (++count < run_max)
            continue;
        m->told += count;
        int rc = visit(visitor, run, count);
        if (rc)
            return rc;
        count = 0;
    }
    m->told += count;
    return count ? visit(visitor, run, count) : 0;
}

/* A time that is later, but not than a limit. */
static int64_t late(int64_t at_ns, int64_t most_ns, int64_t by_ns)
{
    return at_ns < most_ns - by_ns ? at_ns + by_ns : most_ns;
}

/* A stretch of time. What is left is told as late as a part that holds it may be, as a store does
 * that did not look. */
static int only_flows(struct memory_edges *m, const struct question *q,
                      struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor)
{
    bool into = q->side == BTR_SIDE_INTO;
    int rc = part_flows(m, q, visit, visitor);
    parts->rest_ns = into ? INT64_MIN : INT64_MAX;
    for (uint32_t i = btr_idmap_get(&m->index, q->entity);
         rc == 0 && i < m->end_count && btr_id_equal(m->ends[i].entity, q->entity); i++) {
        const struct btr_flow *f = &m->ends[i].flow;
        if (into && m->ends[i].into && f->last_ns < q->until_ns)
            parts->rest_ns = f->last_ns > parts->rest_ns ? f->last_ns : parts->rest_ns;
        if (!into && m->ends[i].out_of && f->first_ns > q->until_ns)
            parts->rest_ns = f->first_ns < parts->rest_ns ? f->first_ns : parts->rest_ns;
    }
    if (rc == 0 && m->rest_late_ns && parts->rest_ns != (into ? INT64_MIN : INT64_MAX))
        parts->rest_ns = into ? late(parts->rest_ns, q->until_ns - 1, m->rest_late_ns)
                              : -late(-parts->rest_ns, -q->until_ns - 1, m->rest_late_ns);
    return rc;
}

static int memory_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                        struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                        struct btr_err *err)
{
    (void)err;
    struct memory_edges *m = self;
    bool into = side == BTR_SIDE_INTO;
    bool all_meetings = side == BTR_SIDE_MEET && !parts;
    bool only = parts && parts->only && side <= BTR_SIDE_OUT_OF;
    struct question q = {.entity = entity,
                         .side = side,
                         .bound_ns = all_meetings ? INT64_MIN : bound_ns,
                         .until_ns = parts ? parts->until_ns : INT64_MAX,
                         .part = UINT32_MAX,
                         .only = only,
                         .as_object = only && parts->as_object};
    m->asked[side]++;
    if (only)
        return only_flows(m, &q, parts, visit, visitor);
    if (!parts || m->part_count == 0 || side > BTR_SIDE_OUT_OF) {
        int rc = part_flows(m, &q, visit, visitor);
        if (parts)
            parts->end = UINT32_MAX;
        return rc;
    }
    const struct memory_edges_part *all = m->parts[into ? 0 : 1];
    uint32_t at = parts->begin, end = parts->end < m->part_count ? parts->end : m->part_count;
    for (; at < end; at++) {
        bool beyond = into ? all[at].last_ns < parts->until_ns : all[at].first_ns > parts->until_ns;
        if (at > parts->begin && beyond)
            break;
        q.part = all[at].number;
        int rc = part_flows(m, &q, visit, visitor);
        if (rc)
            return rc;
    }
    parts->end = at < m->part_count ? at : UINT32_MAX;
    if (at < m->part_count)
        parts->rest_ns = into ? all[at].last_ns : all[at].first_ns;
    return 0;
}

struct btr_edges memory_edges_of(struct memory_edges *m)
{
    return (struct btr_edges){m, memory_flows, NULL, NULL};
}
