#include "oracle.h"

#include <assert.h>

enum { SOURCES = ORACLE_SOURCES_MAX + 1 };
static const int64_t ERROR_NS = BTR_SOURCE_ERROR_NS;

static uint32_t node_of(struct oracle *o, struct btr_id id)
{
    for (uint32_t i = 0; i < o->node_count; i++) {
        if (btr_id_equal(o->ids[i], id))
            return i;
    }
    assert(o->node_count < ORACLE_NODES_MAX);
    o->ids[o->node_count] = id;
    o->reached[o->node_count] = false;
    return o->node_count++;
}

/* Latest (backward) or earliest (forward) bound over all sources. */
static int64_t loosest(const int64_t bounds[SOURCES], bool backward)
{
    int64_t best = bounds[0];
    for (int s = 1; s < SOURCES; s++) {
        if (backward ? bounds[s] > best : bounds[s] < best)
            best = bounds[s];
    }
    return best;
}

static bool loosen(struct oracle *o, uint32_t node, const int64_t bounds[SOURCES], bool backward)
{
    bool changed = !o->reached[node];
    for (int s = 0; s < SOURCES; s++) {
        if (!o->reached[node] ||
            (backward ? bounds[s] > o->bounds[node][s] : bounds[s] < o->bounds[node][s])) {
            o->bounds[node][s] = bounds[s];
            changed = true;
        }
    }
    o->reached[node] = true;
    return changed;
}

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Backward over one flow from -> to. With `take` it only records the step. @return whether a bound
 * changed */
static bool backward_over(struct oracle *o, const struct btr_event *e, uint64_t ref,
                          struct btr_id from_id, struct btr_id to_id, bool take)
{
    uint32_t from = node_of(o, from_id);
    uint32_t to = node_of(o, to_id);
    if (!o->reached[to] || e->first_ns > o->bounds[to][e->stream])
        return false;
    if (take)
        o->steps[o->step_count++] = (struct oracle_step){from_id, to_id, ref, 0};
    if (take || from == to)
        return false;
    int64_t bounds[SOURCES];
    for (uint32_t s = 0; s < SOURCES; s++)
        bounds[s] = min(e->last_ns + ERROR_NS, loosest(o->bounds[to], true));
    bounds[e->stream] = min(e->last_ns, o->bounds[to][e->stream]);
    return loosen(o, from, bounds, true);
}

static bool forward_over(struct oracle *o, const struct btr_event *e, uint64_t ref,
                         struct btr_id from_id, struct btr_id to_id, bool take)
{
    uint32_t from = node_of(o, from_id);
    uint32_t to = node_of(o, to_id);
    if (!o->reached[from] || e->last_ns < o->bounds[from][e->stream])
        return false;
    if (take)
        o->steps[o->step_count++] = (struct oracle_step){from_id, to_id, ref, 0};
    if (take || from == to)
        return false;
    int64_t bounds[SOURCES];
    for (uint32_t s = 0; s < SOURCES; s++)
        bounds[s] = max(e->first_ns - ERROR_NS, loosest(o->bounds[from], false));
    bounds[e->stream] = max(e->first_ns, o->bounds[from][e->stream]);
    return loosen(o, to, bounds, false);
}

/* Over a pair, from one half to the other: of no source, from its first time on. */
static bool pair_over(struct oracle *o, const struct btr_pair *p, uint64_t pair,
                      struct btr_id from_id, struct btr_id to_id, bool backward, bool take)
{
    uint32_t from = node_of(o, from_id);
    uint32_t to = node_of(o, to_id);
    uint32_t known = backward ? to : from;
    if (!o->reached[known] || (backward && p->first_ns > loosest(o->bounds[known], true)))
        return false;
    if (take)
        o->steps[o->step_count++] = (struct oracle_step){from_id, to_id, BTR_REF_PAIR, pair};
    if (take || from == to)
        return false;
    int64_t bounds[SOURCES];
    for (uint32_t s = 0; s < SOURCES; s++)
        bounds[s] =
            backward ? o->bounds[known][s] : max(p->first_ns - ERROR_NS, o->bounds[known][s]);
    return loosen(o, backward ? from : to, bounds, backward);
}

static bool scan(struct oracle *o, const struct btr_event *events, uint32_t event_count,
                 const struct btr_pair *pairs, uint32_t pair_count, bool backward, bool take)
{
    bool (*over)(struct oracle *, const struct btr_event *, uint64_t, struct btr_id, struct btr_id,
                 bool) = backward ? backward_over : forward_over;
    bool changed = false;
    for (uint32_t i = 0; i < event_count; i++) {
        const struct btr_event *e = &events[i];
        enum btr_direction d = btr_operation_direction(e->operation);
        bool self = btr_id_equal(e->subject, e->object);
        if (d == BTR_FLOW_IN || d == BTR_FLOW_BOTH)
            changed |= over(o, e, i, e->object, e->subject, take);
        if (d == BTR_FLOW_OUT || (d == BTR_FLOW_BOTH && !self))
            changed |= over(o, e, i, e->subject, e->object, take);
    }
    for (uint32_t i = 0; i < pair_count; i++) {
        changed |= pair_over(o, &pairs[i], i, pairs[i].client, pairs[i].server, backward, take);
        changed |= pair_over(o, &pairs[i], i, pairs[i].server, pairs[i].client, backward, take);
    }
    return changed;
}

void oracle_closure(struct oracle *o, const struct btr_event *events, uint32_t event_count,
                    const struct btr_pair *pairs, uint32_t pair_count,
                    enum btr_walk_direction direction, const struct btr_start *starts,
                    uint32_t start_count)
{
    bool backward = direction == BTR_WALK_BACKWARD;
    int64_t cap_ns = starts[0].time_ns;
    o->node_count = o->step_count = 0;
    for (uint32_t i = 0; i < start_count; i++) {
        int64_t bounds[SOURCES];
        for (int s = 0; s < SOURCES; s++)
            bounds[s] = starts[i].time_ns + (backward ? ERROR_NS : -ERROR_NS);
        if (starts[i].source != UINT32_MAX)
            bounds[starts[i].source] = starts[i].time_ns;
        loosen(o, node_of(o, starts[i].entity), bounds, backward);
        cap_ns = backward ? max(cap_ns, starts[i].time_ns) : min(cap_ns, starts[i].time_ns);
    }
    while (scan(o, events, event_count, pairs, pair_count, backward, false))
        continue;
    scan(o, events, event_count, pairs, pair_count, backward, true);
    for (uint32_t i = 0; i < o->node_count; i++) {
        if (o->reached[i]) /* what the strictest source admits, but not beyond the start */
            o->told_ns[i] = backward ? min(loosest(o->bounds[i], false), cap_ns)
                                     : max(loosest(o->bounds[i], true), cap_ns);
    }
}
