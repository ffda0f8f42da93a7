#include "walk.h"

#include "timed.h"

#include <assert.h>
#include <btr/clock.h>
#include <btr/list.h>

/*
 * Settling: the node with the latest bound goes first, as in Dijkstra's algorithm with min for
 * plus. Within one source a bound is final when its node comes up. Between sources a later event
 * may still raise the bound for one source (never R(v)); the node then comes up again, and only
 * what the raised bound newly admits is added.
 */

enum { WALK_STOP = 1 }; /* a limit was met; w->cut tells which */

/* ---- Memory --------------------------------------------------------------------------------- */

/* What the answer is made with counts too: steps and nodes once more, and their orders. */
enum { STEP_MORE = sizeof(struct btr_trace_step), NODE_MORE = sizeof(struct btr_trace_node) + 64 };

static uint64_t walk_bytes(const struct graph_walk *w)
{
    return graph_nodes_bytes(&w->nodes) + (uint64_t)w->nodes.capacity * NODE_MORE + w->steps.size +
           (uint64_t)w->steps.count * STEP_MORE + w->range_capacity * sizeof(*w->ranges) +
           graph_frontier_bytes(&w->frontier) + graph_halves_bytes(&w->halves) +
           graph_manners_bytes(&w->manners);
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
    return btr_fail(w->err, BTR_E_NOMEM, UINT64_MAX, "walk of %u nodes and %u steps",
                    w->nodes.count, w->steps.count);
}

/* ---- Nodes and steps ------------------------------------------------------------------------ */

static int room_for_nodes(struct graph_walk *w, uint32_t more)
{
    if (more <= w->nodes.capacity - w->nodes.count)
        return 0;
    uint64_t growth = graph_nodes_growth(&w->nodes, more);
    if (growth == UINT64_MAX || !affords(w, growth))
        return walk_stop(w, BTR_CUT_MEMORY);
    return graph_nodes_room(&w->nodes, more) ? 0 : no_memory(w);
}

/* There must be room. */
static uint32_t find_node(struct graph_walk *w, struct btr_id id)
{
    uint32_t node = graph_nodes_find(&w->nodes, id);
    return node == UINT32_MAX ? graph_nodes_add(&w->nodes, id) : node;
}

static int add_step(struct graph_walk *w, struct btr_trace_step step, struct btr_manner manner)
{
    if (w->limits->edge_max && w->steps.count >= w->limits->edge_max)
        return walk_stop(w, BTR_CUT_EDGES);
    if (!graph_steps_room(&w->steps)) {
        if (w->steps.count >= GRAPH_STEPS_MAX - graph_steps_capacity(w->steps.chunk_count) ||
            !affords(w, graph_steps_growth(&w->steps)))
            return walk_stop(w, BTR_CUT_MEMORY);
        if (!graph_steps_grow(&w->steps))
            return no_memory(w);
    }
    step.manner = graph_manners_of(&w->manners, manner);
    if (step.manner == UINT32_MAX)
        return no_memory(w);
    graph_steps_add(&w->steps, step);
    return 0;
}

/* Raises a node's label and queues it when that admits more. */
static int raise_label(struct graph_walk *w, uint32_t node, struct graph_label label)
{
    struct graph_node *n = &w->nodes.items[node];
    struct graph_label joined = n->reached ? graph_label_join(n->label, label) : label;
    if (n->reached && graph_label_equal(joined, n->label))
        return 0;
    n->label = joined;
    n->reached = true;
    bool wider = !n->settled || joined.rest_ns > w->nodes.settlings[node].done.rest_ns;
    if (!graph_frontier_raise(&w->frontier, node, n->id, wider ? joined.rest_ns : joined.own_ns))
        return no_memory(w);
    return 0;
}

/* ---- Settling ------------------------------------------------------------------------------- */

enum { BATCH = 128 };

/* Flows that the node being settled admits, and the stretches of them that share their other end.
 */
struct batch {
    const struct btr_flow *flows[BATCH];
    uint32_t begins[BATCH + 1], nodes[BATCH]; /* of each stretch; the last begin is the end */
    uint32_t flow_count, stretch_count;
};

/* When a flow begins and ends in the walk's time. */
static int64_t flow_first(const struct graph_walk *w, const struct btr_flow *f)
{
    return graph_walk_time(w, w->direction == BTR_WALK_BACKWARD ? f->first_ns : f->last_ns);
}

static int64_t flow_last(const struct graph_walk *w, const struct btr_flow *f)
{
    return graph_walk_time(w, w->direction == BTR_WALK_BACKWARD ? f->last_ns : f->first_ns);
}

static void batch_fill(struct batch *b, const struct graph_walk *w, const struct btr_flow *flows,
                       uint32_t flow_count)
{
    b->flow_count = b->stretch_count = 0;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        if (flow_first(w, f) > graph_label_bound(w->label, f->source))
            continue;
        if (b->flow_count == 0 || !btr_id_equal(b->flows[b->flow_count - 1]->other, f->other)) {
            graph_nodes_ask_slot(&w->nodes, f->other);
            b->begins[b->stretch_count++] = b->flow_count;
        }
        b->flows[b->flow_count++] = f;
    }
    b->begins[b->stretch_count] = b->flow_count;
}

static int batch_locate(struct batch *b, struct graph_walk *w)
{
    int rc = room_for_nodes(w, b->stretch_count);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < b->stretch_count; i++)
        graph_nodes_ask_node(&w->nodes, b->flows[b->begins[i]]->other);
    for (uint32_t i = 0; i < b->stretch_count; i++)
        b->nodes[i] = find_node(w, b->flows[b->begins[i]]->other);
    return 0;
}

/* From itself an entity learns nothing. */
static int pass_label(struct graph_walk *w, uint32_t other, uint32_t source, int64_t last_ns)
{
    return other == w->now ? 0 : raise_label(w, other, graph_label_pass(w->label, source, last_ns));
}

static int admit_flow(struct graph_walk *w, uint32_t other, const struct btr_flow *f)
{
    if (w->again && flow_first(w, f) <= graph_label_bound(w->done, f->source))
        return 0; /* it was admitted before */
    return add_step(
        w,
        (struct btr_trace_step){
            .first_ns = f->first_ns, .last_ns = f->last_ns, .ref = f->ref, .other = other},
        (struct btr_manner){
            .source = f->source, .operation = f->operation, .doubt = f->doubt, .flags = f->flags});
}

/* Admits flows that share their other end: a step each, and a label for that end. Of the flows of
 * one source the last to end hands on the most. */
static int admit_stretch(struct graph_walk *w, uint32_t other, const struct btr_flow *const *flows,
                         uint32_t flow_count)
{
    int rc = 0;
    for (uint32_t i = 0, end; rc == 0 && i < flow_count; i = end) {
        int64_t last_ns = INT64_MIN;
        for (end = i; end < flow_count && flows[end]->source == flows[i]->source; end++) {
            rc = admit_flow(w, other, flows[end]);
            if (rc)
                break;
            last_ns = graph_time_max(last_ns, flow_last(w, flows[end]));
        }
        if (w->nodes.items[other].kind == BTR_KIND_NONE)
            w->nodes.items[other].kind = flows[i]->other_kind;
        int raised = end > i ? pass_label(w, other, flows[i]->source, last_ns) : 0;
        rc = raised < 0 ? raised : rc;
    }
    return rc;
}

static bool out_of_time(const struct graph_walk *w)
{
    return w->deadline_ns != INT64_MAX && btr_monotonic_ns() >= w->deadline_ns;
}

static int visit_flows(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct graph_walk *w = self;
    struct batch b;
    for (uint32_t at = 0; at < flow_count; at += BATCH) {
        uint32_t left = flow_count - at;
        batch_fill(&b, w, flows + at, left < BATCH ? left : BATCH);
        int rc = batch_locate(&b, w);
        for (uint32_t i = 0; rc == 0 && i < b.stretch_count; i++)
            rc = admit_stretch(w, b.nodes[i], b.flows + b.begins[i], b.begins[i + 1] - b.begins[i]);
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

static int cross_pair(struct graph_walk *w, struct btr_id id, uint32_t at)
{
    bool backward = w->direction == BTR_WALK_BACKWARD;
    const struct btr_pair *pair = &w->halves.pairs[at];
    int64_t first_ns = backward ? pair->first_ns : INT64_MIN;
    int64_t last_ns = backward ? INT64_MAX : graph_walk_time(w, pair->first_ns);
    if (first_ns > graph_label_bound(w->label, GRAPH_SOURCE_NONE))
        return 0;
    struct btr_id far = btr_id_equal(pair->client, id) ? pair->server : pair->client;
    if (w->edges->crosses &&
        !w->edges->crosses(w->edges->self, backward ? far : id, backward ? id : far))
        return 0;
    int rc = room_for_nodes(w, 1);
    if (rc)
        return rc;
    uint32_t other = find_node(w, far);
    if (!w->again || first_ns > graph_label_bound(w->done, GRAPH_SOURCE_NONE))
        rc = add_step(w,
                      (struct btr_trace_step){.first_ns = pair->first_ns,
                                              .last_ns = pair->first_ns,
                                              .ref = BTR_REF_PAIR + at,
                                              .other = other},
                      (struct btr_manner){.source = BTR_SOURCE_NONE,
                                          .operation = BTR_OP_CONNECT,
                                          .doubt = pair->doubt,
                                          .pair = true});
    return rc ? rc : pass_label(w, other, GRAPH_SOURCE_NONE, last_ns);
}

/* Crosses from a half flow to its partners. A pair lasts from its first time on, in no source. */
static int cross_pairs(struct graph_walk *w)
{
    struct btr_id id = w->nodes.items[w->now].id;
    int rc = 0;
    for (uint32_t at = w->nodes.settlings[w->now].first_pair; rc == 0 && at != UINT32_MAX;
         at = graph_halves_next(&w->halves, id, at))
        rc = cross_pair(w, id, at);
    return rc;
}

/* Reads parts of the node's flows. Times of `parts` are the walk's. */
static int read_parts(struct graph_walk *w, struct btr_flow_parts *parts)
{
    bool backward = w->direction == BTR_WALK_BACKWARD;
    parts->until_ns = graph_walk_time(w, parts->until_ns);
    int rc = w->edges->flows(w->edges->self, w->nodes.items[w->now].id,
                             backward ? BTR_SIDE_INTO : BTR_SIDE_OUT_OF,
                             graph_walk_time(w, w->label.rest_ns), parts, visit_flows, w, w->err);
    if (rc == 0)
        parts->rest_ns = graph_walk_time(w, parts->rest_ns);
    return rc;
}

/*
 * Reads on where the node's flows were left, as far back as the next node in the frontier makes it
 * worthwhile; what is left then waits in the frontier for its time. So a hub is read a part at a
 * time, as the walk comes to each, and what is decoded of a store is used while it is there.
 */
static int read_on(struct graph_walk *w, struct graph_settling *s, int64_t until_ns)
{
    struct btr_flow_parts parts = {.begin = s->part, .end = UINT32_MAX, .until_ns = until_ns};
    w->again = false;
    if (s->part == UINT32_MAX)
        return 0;
    int rc = read_parts(w, &parts);
    if (rc == 0) {
        s->part = parts.end;
        w->left_ns = graph_time_min(graph_time_later(parts.rest_ns), w->label.rest_ns);
    }
    return rc;
}

/*
 * Reads again, with a raised label, what was read before. What ended well before the bounds of then
 * was admitted, and hands on what it did. Where parts may tell the same, all of them have to be
 * asked at once: then what is left is read first, with the label of before.
 */
static int read_again(struct graph_walk *w, struct graph_settling *s)
{
    struct graph_label raised = w->label;
    struct btr_flow_parts parts = {.end = s->part, .until_ns = graph_time_earlier(w->done.own_ns)};
    w->again = true;
    int rc = read_parts(w, &parts);
    if (rc || s->part == UINT32_MAX || !parts.repeats)
        return rc;
    w->label = w->done;
    rc = read_on(w, s, INT64_MIN);
    if (rc)
        return rc;
    w->label = raised;
    w->again = true;
    parts = (struct btr_flow_parts){.end = UINT32_MAX, .until_ns = INT64_MIN};
    return read_parts(w, &parts);
}

static int find_pairs(struct graph_walk *w, struct graph_settling *s)
{
    const struct graph_node *n = &w->nodes.items[w->now];
    struct graph_timed timed = {w->edges, w->deadline_ns};
    struct btr_edges edges = graph_timed_edges(&timed);
    if (!may_be_half(n))
        return 0;
    int rc = graph_halves_find(&w->halves, &edges, n->id, n->kind, &s->first_pair, w->err);
    return rc == GRAPH_LATE ? walk_stop(w, BTR_CUT_TIME) : rc;
}

/* Admits what the node's label lets in, or a part of it. @return 0, WALK_STOP, or an error */
static int admit_all(struct graph_walk *w)
{
    /* nodes may move while flows are admitted: what is known of settling is put back at the end */
    struct graph_settling s = w->nodes.settlings[w->now];
    bool first = !w->nodes.items[w->now].settled;
    bool raised = !first && !graph_label_equal(w->label, w->done);
    int64_t next_ns = w->frontier.count ? w->frontier.heap[0].key : INT64_MAX;
    int rc = first ? find_pairs(w, &s) : 0;
    if (rc)
        return rc;
    if (!affords(w, 0))
        return walk_stop(w, BTR_CUT_MEMORY);
    w->nodes.settlings[w->now].first_pair = s.first_pair;
    w->again = raised;
    if (first || raised)
        rc = cross_pairs(w);
    if (rc == 0 && first)
        s.part = 0;
    if (rc == 0 && raised)
        rc = read_again(w, &s);
    if (rc == 0)
        rc = read_on(w, &s, next_ns == INT64_MAX ? INT64_MAX : graph_time_earlier(next_ns));
    if (rc == 0)
        w->nodes.settlings[w->now].part = s.part;
    return rc;
}

/* Notes the steps that came since `range` began as a range of its node. */
static int keep_range(struct graph_walk *w, struct graph_range range, uint32_t count_before)
{
    range.count = w->steps.count - count_before;
    if (range.count == 0)
        return 0;
    if (!btr_list_room(&w->ranges, w->range_count, &w->range_capacity, 64, sizeof *w->ranges))
        return no_memory(w);
    struct graph_settling *s = &w->nodes.settlings[range.node];
    if (s->range_first == UINT32_MAX)
        s->range_first = w->range_count;
    else
        w->ranges[s->range_last].next = w->range_count;
    s->range_last = w->range_count;
    w->ranges[w->range_count++] = range;
    return 0;
}

/* @return 0, WALK_STOP, or an error */
static int settle(struct graph_walk *w, uint32_t node)
{
    w->now = node;
    w->label = w->nodes.items[node].label;
    w->done = w->nodes.settlings[node].done;
    uint32_t count_before = w->steps.count;
    struct graph_range range = graph_steps_here(&w->steps, node);
    int rc = admit_all(w);
    int kept = rc < 0 ? 0 : keep_range(w, range, count_before);
    if (rc || kept)
        return kept ? kept : rc;
    struct graph_node *n = &w->nodes.items[node];
    n->settled = true;
    w->nodes.settlings[node].done = w->label;
    if (w->nodes.settlings[node].part != UINT32_MAX &&
        !graph_frontier_raise(&w->frontier, node, n->id, w->left_ns))
        return no_memory(w);
    return 0;
}

static int add_starts(struct graph_walk *w, const struct btr_start *starts, uint32_t start_count)
{
    w->cap_ns = INT64_MIN;
    for (uint32_t i = 0; i < start_count; i++) {
        int rc = room_for_nodes(w, 1);
        if (rc)
            return rc;
        uint32_t node = find_node(w, starts[i].entity);
        int64_t time_ns = graph_walk_time(w, starts[i].time_ns);
        w->cap_ns = graph_time_max(w->cap_ns, time_ns);
        w->nodes.items[node].start = true;
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
    graph_nodes_fini(&w->nodes);
    graph_steps_fini(&w->steps);
    free(w->ranges);
    graph_frontier_fini(&w->frontier);
    graph_halves_fini(&w->halves);
    graph_manners_fini(&w->manners);
}

int64_t btr_walk_deadline(const struct btr_walk_limits *limits, unsigned percent)
{
    if (limits->budget_ns <= 0)
        return INT64_MAX;
    int64_t since_ns = limits->since_ns ? limits->since_ns : btr_monotonic_ns();
    int64_t left_ns = limits->budget_ns / 100 * percent;
    return left_ns > INT64_MAX - since_ns ? INT64_MAX : since_ns + left_ns;
}

int btr_walk(struct btr_trace **out, const struct btr_edges *edges,
             enum btr_walk_direction direction, const struct btr_start *starts,
             uint32_t start_count, const struct btr_walk_limits *limits, struct btr_err *err)
{
    static const struct btr_walk_limits unlimited = {0};
    struct graph_walk w = {
        .edges = edges, .direction = direction, .limits = limits ? limits : &unlimited, .err = err};
    w.deadline_ns = btr_walk_deadline(w.limits, 100);
    int rc = add_starts(&w, starts, start_count);
    w.started = true;
    if (rc == 0)
        rc = settle_all(&w);
    if (rc >= 0)
        rc = graph_trace_make(out, &w);
    walk_fini(&w);
    return rc;
}
