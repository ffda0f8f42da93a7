#include "memory_edges.h"

#include <assert.h>

enum { RUN_MAX = 256 };

static int compare_ends(const void *a, const void *b)
{
    const struct memory_edges_end *x = a;
    const struct memory_edges_end *y = b;
    int order = btr_id_compare(x->entity, y->entity);
    return order ? order : (x->event > y->event) - (x->event < y->event);
}

void memory_edges_init(struct memory_edges *m, const struct btr_event *events, uint32_t event_count)
{
    *m = (struct memory_edges){.events = events, .event_count = event_count};
    m->ends = malloc((2 * (size_t)event_count + 1) * sizeof(*m->ends));
    assert(m->ends);
    for (uint32_t i = 0; i < event_count; i++) {
        m->ends[m->end_count++] = (struct memory_edges_end){events[i].subject, i};
        if (!btr_id_equal(events[i].subject, events[i].object))
            m->ends[m->end_count++] = (struct memory_edges_end){events[i].object, i};
    }
    qsort(m->ends, m->end_count, sizeof(*m->ends), compare_ends);
}

void memory_edges_fini(struct memory_edges *m)
{
    free(m->ends);
    *m = (struct memory_edges){0};
}

static uint32_t first_end(const struct memory_edges *m, struct btr_id entity)
{
    uint32_t low = 0;
    uint32_t high = m->end_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (btr_id_compare(m->ends[middle].entity, entity) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether the event belongs to a side of the entity. */
static bool is_asked_for(const struct btr_event *e, struct btr_id entity, enum btr_side side, int64_t bound_ns)
{
    enum btr_direction direction = btr_operation_direction(e->operation);
    bool into = false;
    bool out_of = false;
    if (direction == BTR_FLOW_IN || direction == BTR_FLOW_BOTH) {
        into |= btr_id_equal(e->subject, entity);
        out_of |= btr_id_equal(e->object, entity);
    }
    if (direction == BTR_FLOW_OUT || direction == BTR_FLOW_BOTH) {
        into |= btr_id_equal(e->object, entity);
        out_of |= btr_id_equal(e->subject, entity);
    }
    switch (side) {
    case BTR_SIDE_INTO:
        return into && e->first_ns <= bound_ns;
    case BTR_SIDE_OUT_OF:
        return out_of && e->last_ns >= bound_ns;
    case BTR_SIDE_MEET:
        return direction == BTR_FLOW_MEET;
    case BTR_SIDE_ALL:
    default:
        return true;
    }
}

static int memory_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns, btr_flow_visit *visit,
                        void *visitor, struct btr_err *err)
{
    (void)err;
    struct memory_edges *m = self;
    struct btr_flow run[RUN_MAX];
    uint32_t run_max = m->run_max && m->run_max < RUN_MAX ? m->run_max : RUN_MAX;
    uint32_t count = 0;
    m->asked[side]++;
    for (uint32_t i = first_end(m, entity); i < m->end_count && btr_id_equal(m->ends[i].entity, entity); i++) {
        const struct btr_event *e = &m->events[m->ends[i].event];
        if (!is_asked_for(e, entity, side, bound_ns))
            continue;
        struct btr_id other = btr_id_equal(e->subject, entity) ? e->object : e->subject;
        run[count++] = (struct btr_flow){.other = other, .first_ns = e->first_ns, .last_ns = e->last_ns,
                                         .ref = m->ends[i].event, .source = e->stream, .operation = e->operation,
                                         .doubt = e->doubt, .flags = e->flags,
                                         .other_kind = m->kind_of ? m->kind_of(other) : 0};
        if (count < run_max)
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
