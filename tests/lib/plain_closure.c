#include "plain_closure.h"

#include <assert.h>
#include <stdlib.h>

static const int64_t ERROR_NS = BTR_SOURCE_ERROR_NS;

static void *room(size_t count, size_t size)
{
    void *at = calloc(count + 1, size);
    assert(at);
    return at;
}

/* ---- Nodes and flows ------------------------------------------------------------------------ */

static uint32_t node_add(struct plain_graph *g, struct btr_id id)
{
    uint32_t node = btr_idmap_add(&g->numbers, id, g->node_count);
    assert(node != UINT32_MAX);
    if (node == g->node_count)
        g->ids[g->node_count++] = id;
    return node;
}

static void flow_add(struct plain_graph *g, struct btr_id from, struct btr_id to,
                     struct plain_flow flow)
{
    uint32_t source = node_add(g, from), sink = node_add(g, to);
    uint32_t at = g->flow_count++;
    g->sides[BTR_WALK_BACKWARD].flows[at] = g->sides[BTR_WALK_FORWARD].flows[at] = flow;
    g->sides[BTR_WALK_BACKWARD].flows[at].near = g->sides[BTR_WALK_FORWARD].flows[at].far = sink;
    g->sides[BTR_WALK_BACKWARD].flows[at].far = g->sides[BTR_WALK_FORWARD].flows[at].near = source;
}

static void event_add(struct plain_graph *g, const struct btr_event *e)
{
    struct plain_flow flow = {.first_ns = e->first_ns,
                              .last_ns = e->last_ns,
                              .source = e->stream,
                              .operation = e->operation,
                              .doubt = e->doubt,
                              .flags = e->flags};
    enum btr_direction d = btr_operation_direction(e->operation);
    bool self = btr_id_equal(e->subject, e->object);
    assert(e->stream < g->source_count);
    if (d == BTR_FLOW_IN || d == BTR_FLOW_BOTH)
        flow_add(g, e->object, e->subject, flow);
    if (d == BTR_FLOW_OUT || (d == BTR_FLOW_BOTH && !self))
        flow_add(g, e->subject, e->object, flow);
}

static void pair_add(struct plain_graph *g, const struct btr_pair *p)
{
    struct plain_flow flow = {.first_ns = p->first_ns,
                              .last_ns = p->first_ns,
                              .source = PLAIN_NO_SOURCE,
                              .operation = BTR_OP_CONNECT,
                              .doubt = p->doubt};
    flow_add(g, p->client, p->server, flow);
    flow_add(g, p->server, p->client, flow);
}

static int first_ascending(const void *a, const void *b)
{
    const struct plain_flow *x = a, *y = b;
    return x->near == y->near ? (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns)
                              : (x->near > y->near) - (x->near < y->near);
}

/* A pair lasts: forward it is admitted at any time. */
static int64_t end_of(const struct plain_flow *f)
{
    return f->source == PLAIN_NO_SOURCE ? INT64_MAX : f->last_ns;
}

static int last_descending(const void *a, const void *b)
{
    const struct plain_flow *x = a, *y = b;
    return x->near == y->near ? (end_of(x) < end_of(y)) - (end_of(x) > end_of(y))
                              : (x->near > y->near) - (x->near < y->near);
}

static void side_sort(struct plain_graph *g, enum btr_walk_direction direction)
{
    struct plain_side *s = &g->sides[direction];
    qsort(s->flows, g->flow_count, sizeof(*s->flows),
          direction == BTR_WALK_BACKWARD ? first_ascending : last_descending);
    s->begins = room((size_t)g->node_count + 1, sizeof(*s->begins));
    for (uint32_t i = 0; i < g->flow_count; i++)
        s->begins[s->flows[i].near + 1]++;
    for (uint32_t n = 0; n < g->node_count; n++)
        s->begins[n + 1] += s->begins[n];
}

void plain_graph_init(struct plain_graph *g, const struct btr_event *events, uint32_t event_count,
                      uint32_t source_count, const struct btr_pair *pairs, uint32_t pair_count)
{
    size_t flow_max = 2 * ((size_t)event_count + pair_count);
    assert(source_count > 0 && source_count <= PLAIN_SOURCES_MAX);
    *g = (struct plain_graph){.source_count = source_count};
    g->ids = room(2 * flow_max, sizeof(*g->ids));
    for (int side = 0; side < 2; side++)
        g->sides[side].flows = room(flow_max, sizeof(*g->sides[side].flows));
    for (uint32_t i = 0; i < event_count; i++)
        event_add(g, &events[i]);
    for (uint32_t i = 0; i < pair_count; i++)
        pair_add(g, &pairs[i]);
    side_sort(g, BTR_WALK_BACKWARD);
    side_sort(g, BTR_WALK_FORWARD);
    g->bounds = room((size_t)(g->node_count + 1) * (source_count + 1), sizeof(*g->bounds));
    g->reached = room((size_t)g->node_count + 1, sizeof(*g->reached));
    g->waiting = room((size_t)g->node_count + 1, sizeof(*g->waiting));
    g->found = room((size_t)g->node_count + 1, sizeof(*g->found));
    g->queue = room((size_t)g->node_count + 1, sizeof(*g->queue));
}

void plain_graph_fini(struct plain_graph *g)
{
    for (int side = 0; side < 2; side++) {
        free(g->sides[side].flows);
        free(g->sides[side].begins);
    }
    free(g->ids);
    free(g->bounds);
    free(g->reached);
    free(g->waiting);
    free(g->found);
    free(g->queue);
    btr_idmap_fini(&g->numbers);
    *g = (struct plain_graph){0};
}

/* ---- Closure -------------------------------------------------------------------------------- */

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Of all sources the bound that admits most, or least. */
static int64_t bound_of_all(const struct plain_graph *g, const int64_t *bounds, bool latest)
{
    int64_t best = bounds[0];
    for (uint32_t s = 1; s <= g->source_count; s++)
        best = latest ? max(best, bounds[s]) : min(best, bounds[s]);
    return best;
}

/* Joins a node's bounds with those that a flow hands on. @return whether they changed */
static bool loosen(struct plain_graph *g, uint32_t node, const int64_t *bounds, bool backward)
{
    int64_t *mine = &g->bounds[(size_t)node * (g->source_count + 1)];
    bool changed = !g->reached[node];
    for (uint32_t s = 0; s <= g->source_count; s++) {
        if (g->reached[node] && (backward ? bounds[s] <= mine[s] : bounds[s] >= mine[s]))
            continue;
        mine[s] = bounds[s];
        changed = true;
    }
    if (!g->reached[node])
        g->found[g->found_count++] = node;
    g->reached[node] = true;
    return changed;
}

static bool is_admitted(const struct plain_flow *f, const int64_t *bounds, int64_t loosest,
                        bool backward)
{
    if (f->source == PLAIN_NO_SOURCE)
        return !backward || f->first_ns <= loosest;
    return backward ? f->first_ns <= bounds[f->source] : f->last_ns >= bounds[f->source];
}

/* The bounds that an admitted flow hands to its far end. */
static void hand_on(const struct plain_graph *g, const struct plain_flow *f, const int64_t *near,
                    int64_t loosest, bool backward, int64_t *out)
{
    for (uint32_t s = 0; s <= g->source_count; s++) {
        if (f->source == PLAIN_NO_SOURCE)
            out[s] = backward ? near[s] : max(f->first_ns - ERROR_NS, near[s]);
        else if (s == f->source)
            out[s] = backward ? min(f->last_ns, near[s]) : max(f->first_ns, near[s]);
        else
            out[s] = backward ? min(f->last_ns + ERROR_NS, loosest)
                              : max(f->first_ns - ERROR_NS, loosest);
    }
}

/* Flows of a node that its loosest bound admits stand before all others. */
static bool is_beyond(const struct plain_flow *f, int64_t loosest, bool backward)
{
    return backward ? f->first_ns > loosest : end_of(f) < loosest;
}

static void spread(struct plain_graph *g, enum btr_walk_direction direction)
{
    const struct plain_side *side = &g->sides[direction];
    bool backward = direction == BTR_WALK_BACKWARD;
    uint32_t begin = 0, count = 1, room_for = g->node_count + 1;
    g->queue[0] = g->found[0];
    while (count > 0) {
        uint32_t node = g->queue[begin];
        const int64_t *bounds = &g->bounds[(size_t)node * (g->source_count + 1)];
        int64_t loosest = bound_of_all(g, bounds, backward), handed[PLAIN_SOURCES_MAX + 1];
        begin = (begin + 1) % room_for;
        count--;
        g->waiting[node] = false;
        for (uint32_t i = side->begins[node]; i < side->begins[node + 1]; i++) {
            const struct plain_flow *f = &side->flows[i];
            if (is_beyond(f, loosest, backward))
                break;
            if (f->far == node || !is_admitted(f, bounds, loosest, backward))
                continue; /* from itself a node learns nothing */
            hand_on(g, f, bounds, loosest, backward, handed);
            if (loosen(g, f->far, handed, backward) && !g->waiting[f->far]) {
                g->waiting[f->far] = true;
                g->queue[(begin + count++) % room_for] = f->far;
            }
        }
    }
}

/* What the strictest source admits, but not beyond the start. */
static int64_t told_bound(const struct plain_graph *g, uint32_t node, int64_t start_ns,
                          bool backward)
{
    const int64_t *bounds = &g->bounds[(size_t)node * (g->source_count + 1)];
    int64_t strictest = bound_of_all(g, bounds, !backward);
    return backward ? min(strictest, start_ns) : max(strictest, start_ns);
}

static void node_tell(const struct plain_graph *g, enum btr_walk_direction direction, uint32_t node,
                      int64_t start_ns, const struct plain_visitor *visitor)
{
    const struct plain_side *side = &g->sides[direction];
    bool backward = direction == BTR_WALK_BACKWARD;
    const int64_t *bounds = &g->bounds[(size_t)node * (g->source_count + 1)];
    int64_t loosest = bound_of_all(g, bounds, backward);
    int64_t told_ns = told_bound(g, node, start_ns, backward);
    visitor->node(visitor->self, g->ids[node], told_ns);
    for (uint32_t i = side->begins[node]; i < side->begins[node + 1]; i++) {
        const struct plain_flow *f = &side->flows[i];
        if (is_beyond(f, loosest, backward))
            break;
        if (!is_admitted(f, bounds, loosest, backward))
            continue;
        int64_t last_ns = f->source == PLAIN_NO_SOURCE ? max(f->first_ns, told_ns) : f->last_ns;
        visitor->step(visitor->self, g->ids[node], g->ids[f->far], f, last_ns);
    }
}

void plain_closure(struct plain_graph *g, enum btr_walk_direction direction,
                   const struct btr_start *start, const struct plain_visitor *visitor)
{
    bool backward = direction == BTR_WALK_BACKWARD;
    int64_t bounds[PLAIN_SOURCES_MAX + 1];
    uint32_t node = btr_idmap_get(&g->numbers, start->entity);
    if (node == UINT32_MAX) { /* nothing flows around it */
        visitor->node(visitor->self, start->entity, start->time_ns);
        return;
    }
    for (uint32_t i = 0; i < g->found_count; i++)
        g->reached[g->found[i]] = false;
    g->found_count = 0;
    for (uint32_t s = 0; s <= g->source_count; s++)
        bounds[s] = start->time_ns + (backward ? ERROR_NS : -ERROR_NS);
    if (start->source != UINT32_MAX)
        bounds[start->source] = start->time_ns;
    loosen(g, node, bounds, backward);
    spread(g, direction);
    for (uint32_t i = 0; i < g->found_count; i++)
        node_tell(g, direction, g->found[i], start->time_ns, visitor);
}
