#include "memory_edges.h"

#include <assert.h>

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
    btr_idmap_fini(&m->index);
    *m = (struct memory_edges){0};
}

static bool is_asked_for(const struct memory_edges_end *end, enum btr_side side, int64_t bound_ns)
{
    switch (side) {
    case BTR_SIDE_INTO:
        return end->into && end->flow.first_ns <= bound_ns;
    case BTR_SIDE_OUT_OF:
        return end->out_of && end->flow.last_ns >= bound_ns;
    case BTR_SIDE_MEET:
        return end->meet;
    case BTR_SIDE_ALL:
    default:
        return true;
    }
}

static int memory_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                        btr_flow_visit *visit, void *visitor, struct btr_err *err)
{
    (void)err;
    struct memory_edges *m = self;
    struct btr_flow run[RUN_MAX];
    uint32_t run_max = m->run_max && m->run_max < RUN_MAX ? m->run_max : RUN_MAX;
    uint32_t count = 0;
    m->asked[side]++;
    for (uint32_t i = btr_idmap_get(&m->index, entity);
         i < m->end_count && btr_id_equal(m->ends[i].entity, entity); i++) {
        if (!is_asked_for(&m->ends[i], side, bound_ns))
            continue;
        run[count] = m->ends[i].flow;
        run[count].other_kind = m->kind_of ? m->kind_of(run[count].other) : 0;
        if (++count < run_max)
            continue;
        int rc = visit(visitor, run, count);
        if (rc)
            return rc;
        count = 0;
    }
    return count ? visit(visitor, run, count) : 0;
}

struct btr_edges memory_edges_of(struct memory_edges *m)
{
    return (struct btr_edges){m, memory_flows};
}
