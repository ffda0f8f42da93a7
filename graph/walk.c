#include "walk.h"

#include <assert.h>
#include <btr/clock.h>

/*
 * Settling: the node with the latest bound goes first, as in Dijkstra's algorithm with min for
 * plus. Within one source a bound is final when its node comes up. Between sources a later event
 * may still raise the bound for one source (never R(v)); the node then comes up again, and only
 * what the raised bound newly admits is added.
 */

enum { WALK_STOP = 1 }; /* a limit was met; w->cut tells which */

/* ---- Memory --------------------------------------------------------------------------------- */

/* What the answer is made with counts too: a second array of steps and their keys, the nodes and
 * their orders. */
enum {
    STEP_COST = 2 * sizeof(struct btr_trace_step) + 32,
    NODE_COST = sizeof(struct graph_node) + sizeof(struct btr_trace_node) + 40
};

static uint64_t walk_bytes(const struct graph_walk *w)
{
    uint64_t slot = sizeof(struct btr_id) + sizeof(uint32_t);
    return (uint64_t)w->node_capacity * NODE_COST + w->step_capacity * STEP_COST +
           w->index.capacity * slot + graph_frontier_bytes(&w->frontier) +
           graph_halves_bytes(&w->halves);
}

static int walk_stop(struct graph_walk *w, enum btr_cut cut)
{
    w->cut = cut;
    return WALK_STOP;
}

/* Whether `more` bytes may be taken. The starts are always taken in, so that a cut answer tells
 * them. */
static bool affords(const struct graph_walk *w, uint64_t more)
{
    uint64_t bytes_max = w->limits->memory_max;
    return bytes_max == 0 || !w->started || walk_bytes(w) + more <= bytes_max;
}

static int no_memory(struct graph_walk *w)
{
    return btr_fail(w->err, BTR_E_NOMEM, UINT64_MAX, "walk of %u nodes and %llu steps",
                    w->node_count, (unsigned long long)w->step_count);
}

/* ---- Nodes and steps ------------------------------------------------------------------------ */

static int grow_nodes(struct graph_walk *w)
{
    if (w->node_count < w->node_capacity)
        return 0;
    uint32_t capacity = w->node_capacity ? 2 * w->node_capacity : 64;
    if (capacity < w->node_capacity ||
        !affords(w, (uint64_t)(capacity - w->node_capacity) * NODE_COST))
        return walk_stop(w, BTR_CUT_MEMORY);
    struct graph_node *nodes = realloc(w->nodes, capacity * sizeof(*nodes));
    if (!nodes)
        return no_memory(w);
    w->nodes = nodes;
    w->node_capacity = capacity;
    return 0;
}

static int find_node(struct graph_walk *w, struct btr_id id, uint32_t *node)
{
    *node = btr_idmap_get(&w->index, id);
    if (*node != UINT32_MAX) {
        assert(*node < w->node_count);
        return 0;
    }
    int rc = grow_nodes(w);
    if (rc)
        return rc;
    if (btr_idmap_add(&w->index, id, w->node_count) == UINT32_MAX)
        return no_memory(w);
    *node = w->node_count++;
    w->nodes[*node] = (struct graph_node){.id = id, .first_pair = UINT32_MAX};
    return 0;
}

static int add_step(struct graph_walk *w, struct btr_trace_step step)
{
    if (w->limits->edge_max && w->step_count >= w->limits->edge_max)
        return walk_stop(w, BTR_CUT_EDGES);
    if (w->step_count == w->step_capacity) {
        uint64_t capacity = w->step_capacity ? 2 * w->step_capacity : 256;
        if (!affords(w, (capacity - w->step_capacity) * STEP_COST))
            return walk_stop(w, BTR_CUT_MEMORY);
        struct btr_trace_step *steps = realloc(w->steps, capacity * sizeof(*steps));
        if (!steps)
            return no_memory(w);
        w->steps = steps;
        w->step_capacity = capacity;
    }
    w->steps[w->step_count++] = step;
    return 0;
}

/* Raises a node's label and queues it when that admits more. */
static int raise_label(struct graph_walk *w, uint32_t node, struct graph_label label)
{
    struct graph_node *n = &w->nodes[node];
    struct graph_label joined = n->reached ? graph_label_join(n->label, label) : label;
    if (n->reached && graph_label_equal(joined, n->label))
        return 0;
    n->label = joined;
    n->reached = true;
    bool wider = !n->settled || joined.rest_ns > n->done.rest_ns;
    if (!graph_frontier_raise(&w->frontier, node, n->id, wider ? joined.rest_ns : joined.own_ns))
        return no_memory(w);
    return 0;
}

/* ---- Settling ------------------------------------------------------------------------------- */

/* An event as the walk sees it, in its time. */
struct passage {
    struct btr_id other;
    int64_t first_ns, last_ns;
    uint32_t source;
    uint8_t other_kind;
};

/* Admits an event into the node being settled if its bound allows: a step, and a label for the
 * other end. */
static int admit(struct graph_walk *w, const struct passage *p, struct btr_trace_step step)
{
    if (p->first_ns > graph_label_bound(w->label, p->source))
        return 0;
    uint32_t other;
    int rc = find_node(w, p->other, &other);
    if (rc)
        return rc;
    if (!w->again || p->first_ns > graph_label_bound(w->done, p->source)) {
        step.from = w->direction == BTR_WALK_BACKWARD ? other : w->now;
        step.to = w->direction == BTR_WALK_BACKWARD ? w->now : other;
        rc = add_step(w, step);
        if (rc)
            return rc;
    }
    if (w->nodes[other].kind == BTR_KIND_NONE)
        w->nodes[other].kind = p->other_kind;
    if (other == w->now) /* from itself an entity learns nothing */
        return 0;
    return raise_label(w, other, graph_label_pass(w->label, p->source, p->last_ns));
}

static bool out_of_time(const struct graph_walk *w)
{
    return w->deadline_ns != INT64_MAX && btr_monotonic_ns() >= w->deadline_ns;
}

static int visit_flows(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct graph_walk *w = self;
    bool backward = w->direction == BTR_WALK_BACKWARD;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        struct passage p = {.other = f->other,
                            .first_ns = graph_walk_time(w, backward ? f->first_ns : f->last_ns),
                            .last_ns = graph_walk_time(w, backward ? f->last_ns : f->first_ns),
                            .source = f->source,
                            .other_kind = f->other_kind};
        struct btr_trace_step step = {.first_ns = f->first_ns,
                                      .last_ns = f->last_ns,
                                      .ref = f->ref,
                                      .operation = f->operation,
                                      .doubt = f->doubt,
                                      .flags = f->flags};
        int rc = admit(w, &p, step);
        if (rc)
            return rc;
    }
    return out_of_time(w) ? walk_stop(w, BTR_CUT_TIME) : 0;
}

/* Only flows and channels have halves; a node of unknown kind is asked too. */
static bool may_be_half(const struct graph_node *n)
{
    return n->kind == BTR_KIND_NONE || n->kind == BTR_KIND_FLOW || n->kind == BTR_KIND_CHANNEL;
}

/* Crosses from a half flow to its partners. A pair lasts from its first time on, in no source. */
static int cross_pairs(struct graph_walk *w)
{
    bool backward = w->direction == BTR_WALK_BACKWARD;
    struct btr_id id = w->nodes[w->now].id;
    for (uint32_t at = w->nodes[w->now].first_pair; at != UINT32_MAX;
         at = graph_halves_next(&w->halves, id, at)) {
        const struct btr_pair *pair = &w->halves.pairs[at];
        struct passage p = {.other = btr_id_equal(pair->client, id) ? pair->server : pair->client,
                            .first_ns = backward ? pair->first_ns : INT64_MIN,
                            .last_ns = backward ? INT64_MAX : graph_walk_time(w, pair->first_ns),
                            .source = GRAPH_SOURCE_NONE};
        struct btr_trace_step step = {.first_ns = pair->first_ns,
                                      .last_ns = pair->first_ns,
                                      .ref = BTR_REF_PAIR,
                                      .pair = at,
                                      .operation = BTR_OP_CONNECT,
                                      .doubt = pair->doubt};
        int rc = admit(w, &p, step);
        if (rc)
            return rc;
    }
    return 0;
}

/* @return 0, WALK_STOP, or an error */
static int settle(struct graph_walk *w, uint32_t node)
{
    struct graph_node *n = &w->nodes[node];
    w->now = node;
    w->again = n->settled;
    w->label = n->label;
    w->done = n->done;
    int rc = 0;
    if (!n->settled && may_be_half(n))
        rc = graph_halves_find(&w->halves, w->edges, n->id, &n->first_pair, w->err);
    if (rc < 0)
        return rc;
    if (!affords(w, 0))
        return walk_stop(w, BTR_CUT_MEMORY);
    rc = cross_pairs(w);
    if (rc)
        return rc;
    bool backward = w->direction == BTR_WALK_BACKWARD;
    rc = w->edges->flows(w->edges->self, w->nodes[node].id,
                         backward ? BTR_SIDE_INTO : BTR_SIDE_OUT_OF,
                         graph_walk_time(w, w->label.rest_ns), visit_flows, w, w->err);
    if (rc)
        return rc;
    w->nodes[node].settled = true;
    w->nodes[node].done = w->label;
    return 0;
}

static int add_starts(struct graph_walk *w, const struct btr_start *starts, uint32_t start_count)
{
    w->cap_ns = INT64_MIN;
    for (uint32_t i = 0; i < start_count; i++) {
        uint32_t node;
        int rc = find_node(w, starts[i].entity, &node);
        if (rc)
            return rc;
        int64_t time_ns = graph_walk_time(w, starts[i].time_ns);
        w->cap_ns = graph_time_max(w->cap_ns, time_ns);
        w->nodes[node].start = true;
        rc = raise_label(w, node, graph_label_start(starts[i].source, time_ns));
        if (rc)
            return rc;
    }
    return 0;
}

/* Settles until nothing is left or a limit is met. A node whose settling was cut goes back: it is
 * unexplored. */
static int settle_all(struct graph_walk *w)
{
    while (w->frontier.count > 0) {
        if (out_of_time(w)) {
            walk_stop(w, BTR_CUT_TIME);
            return 0;
        }
        struct graph_frontier_entry next = graph_frontier_pop(&w->frontier);
        int rc = settle(w, next.node);
        if (rc < 0)
            return rc;
        if (rc == WALK_STOP)
            return graph_frontier_raise(&w->frontier, next.node, next.id, next.key) ? 0
                                                                                    : no_memory(w);
        assert(rc == 0);
    }
    return 0;
}

static void walk_fini(struct graph_walk *w)
{
    free(w->nodes);
    free(w->steps);
    btr_idmap_fini(&w->index);
    graph_frontier_fini(&w->frontier);
    graph_halves_fini(&w->halves);
}

int btr_walk(struct btr_trace **out, const struct btr_edges *edges,
             enum btr_walk_direction direction, const struct btr_start *starts,
             uint32_t start_count, const struct btr_walk_limits *limits, struct btr_err *err)
{
    static const struct btr_walk_limits unlimited = {0};
    struct graph_walk w = {.edges = edges,
                           .direction = direction,
                           .limits = limits ? limits : &unlimited,
                           .deadline_ns = INT64_MAX,
                           .err = err};
    if (w.limits->budget_ns > 0)
        w.deadline_ns = btr_monotonic_ns() + w.limits->budget_ns;
    int rc = add_starts(&w, starts, start_count);
    w.started = true;
    if (rc == 0)
        rc = settle_all(&w);
    if (rc >= 0)
        rc = graph_trace_make(out, &w);
    walk_fini(&w);
    return rc;
}
