/*
 * The part that joins two ends: forward from the one until the other's time, then back from the
 * other over what that reached, then what lies on whole paths of it.
 */
#include "between.h"

#include <btr/clock.h>
#include <stdlib.h>

#include "label.h"

/* What a walk is let see of the edges. */
struct joining {
    const struct btr_edges *edges;
    int64_t until_ns;     /* forward: nothing that begins later */
    struct btr_idmap map; /* backward: what can be reached, */
    int64_t *since_ns; /* and from when on, about: no event that ends before flows on from there */
    bool backward;
};

/* ---- Edges ---- */

static int is_seen(void *self, const struct btr_flow *f, bool same, bool *seen)
{
    const struct joining *j = self;
    (void)same;
    if (!j->backward) {
        *seen = f->first_ns <= j->until_ns;
        return 0;
    }
    uint32_t at = btr_idmap_get(&j->map, f->other);
    *seen = at != UINT32_MAX && f->last_ns >= j->since_ns[at];
    return 0;
}

static int flows_of(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                    struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                    struct btr_err *err)
{
    struct joining *j = self;
    struct btr_flow_sieve sieve = {is_seen, j, visit, visitor};
    if (side != BTR_SIDE_INTO && side != BTR_SIDE_OUT_OF)
        return j->edges->flows(j->edges->self, entity, side, bound_ns, parts, visit, visitor, err);
    int rc =
        j->edges->flows(j->edges->self, entity, side, bound_ns, parts, btr_flows_sift, &sieve, err);
    if (rc == 0 && side == BTR_SIDE_OUT_OF && parts && parts->end != UINT32_MAX &&
        parts->rest_ns > j->until_ns)
        parts->end = UINT32_MAX; /* all that is left begins too late */
    return rc;
}

static bool crosses(void *self, struct btr_id from, struct btr_id to)
{
    const struct joining *j = self;
    return !j->edges->crosses || j->edges->crosses(j->edges->self, from, to);
}

static int connection_pass(void *self, struct btr_id flow, struct btr_err *err)
{
    const struct joining *j = self;
    return j->edges->connection ? j->edges->connection(j->edges->self, flow, err) : 0;
}

/* ---- The two walks ---- */

static int64_t until_find(const struct btr_between *ends)
{
    int64_t until_ns = INT64_MIN;
    for (uint32_t i = 0; i < ends->to_count; i++)
        until_ns = graph_time_max(until_ns, ends->to[i].time_ns);
    return graph_time_later(until_ns);
}

/* A bound is told of the strictest source: others admit what ends up to the error before. */
static int reached_note(struct joining *j, const struct btr_trace *ahead, struct btr_err *err)
{
    j->since_ns = malloc(((size_t)ahead->node_count + 1) * sizeof *j->since_ns);
    bool ok = j->since_ns != NULL;
    for (uint32_t i = 0; ok && i < ahead->node_count; i++) {
        j->since_ns[i] = graph_time_earlier(ahead->nodes[i].bound_ns);
        ok = btr_idmap_add(&j->map, ahead->nodes[i].id, i) != UINT32_MAX;
    }
    j->backward = true;
    return ok ? 0
              : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u entities reached", ahead->node_count);
}

static int walk_ahead(struct joining *j, struct btr_between_searched *searched,
                      const struct btr_between *ends, const struct btr_walk_limits *limits,
                      struct btr_trace *cut, struct btr_err *err)
{
    struct btr_trace *ahead = NULL;
    struct btr_edges edges = {j, flows_of, crosses, connection_pass};
    int rc = btr_walk(&ahead, &edges, BTR_WALK_FORWARD, ends->from, ends->from_count, limits, err);
    if (rc == 0)
        rc = reached_note(j, ahead, err);
    if (rc == 0) {
        searched->node_count = ahead->node_count;
        searched->event_count = ahead->step_count;
        cut->cut = ahead->cut;
        cut->unexplored = ahead->unexplored;
    }
    btr_trace_free(ahead);
    return rc;
}

/* ---- What is left of the second ---- */

/* The nodes of marked steps and of the ends. @param place  of each node, receives its new number */
static void nodes_keep(struct btr_trace *t, uint32_t *place, const struct btr_between *ends)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < t->node_count; n++) {
        bool keep = place[n] != UINT32_MAX || t->nodes[n].start;
        for (uint32_t i = 0; i < ends->from_count; i++)
            keep |= btr_id_equal(t->nodes[n].id, ends->from[i].entity);
        place[n] = keep ? count : UINT32_MAX;
        if (keep)
            t->nodes[count++] = t->nodes[n];
    }
    t->node_count = count;
}

/* Numbers those that are used. @param place  UINT32_MAX: not used @return how many are */
static uint32_t places_number(uint32_t *place, uint32_t count)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        if (place[i] != UINT32_MAX)
            place[i] = used++;
    return used;
}

static void manners_keep(struct btr_trace *t, uint32_t *place)
{
    for (uint32_t i = 0; i < t->step_count; i++)
        place[t->steps[i].manner] = 0;
    uint32_t used = places_number(place, t->manner_count);
    for (uint32_t i = 0; i < t->manner_count; i++)
        if (place[i] != UINT32_MAX)
            t->manners[place[i]] = t->manners[i];
    for (uint32_t i = 0; i < t->step_count; i++)
        t->steps[i].manner = place[t->steps[i].manner];
    t->manner_count = used;
}

static void pairs_keep(struct btr_trace *t, uint32_t *place)
{
    for (uint32_t i = 0; i < t->step_count; i++)
        if (btr_step_is_pair(&t->steps[i]))
            place[t->steps[i].ref - BTR_REF_PAIR] = 0;
    uint32_t used = places_number(place, t->pair_count);
    for (uint32_t i = 0; i < t->pair_count; i++)
        if (place[i] != UINT32_MAX)
            t->pairs[place[i]] = t->pairs[i];
    for (uint32_t i = 0; i < t->step_count; i++)
        if (btr_step_is_pair(&t->steps[i]))
            t->steps[i].ref = BTR_REF_PAIR + place[t->steps[i].ref - BTR_REF_PAIR];
    t->pair_count = used;
}

/* Steps stay in the order of their nodes, which need not be that of the steps. */
static void steps_keep(struct btr_trace *t, const bool *marks, uint32_t *kept_before,
                       uint32_t *place)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->step_count; i++) {
        kept_before[i] = count;
        if (marks[i])
            t->steps[count++] = t->steps[i];
    }
    kept_before[t->step_count] = count;
    for (uint32_t n = 0; n < t->node_count; n++) {
        struct btr_trace_node *node = &t->nodes[n];
        uint32_t begin = kept_before[node->step_begin];
        uint32_t end = kept_before[node->step_begin + node->step_count];
        node->step_begin = begin;
        node->step_count = end - begin;
        if (begin < end)
            place[n] = 0;
    }
    t->step_count = count;
    for (uint32_t i = 0; i < count; i++)
        place[t->steps[i].other] = 0;
}

static uint32_t *places_new(uint32_t count)
{
    uint32_t *place = malloc(((size_t)count + 1) * sizeof *place);
    if (place)
        memset(place, 0xff, ((size_t)count + 1) * sizeof *place);
    return place;
}

/* An end from which nothing leads on is in the answer, too. */
static bool ends_add(struct btr_trace *t, const struct btr_between *ends)
{
    struct btr_trace_node *nodes =
        realloc(t->nodes, ((size_t)t->node_count + ends->from_count + 1) * sizeof *nodes);
    if (!nodes)
        return false;
    t->nodes = nodes;
    for (uint32_t i = 0; i < ends->from_count; i++) {
        uint32_t n = 0;
        while (n < t->node_count && !btr_id_equal(nodes[n].id, ends->from[i].entity))
            n++;
        if (n == t->node_count)
            nodes[t->node_count++] = (struct btr_trace_node){.id = ends->from[i].entity,
                                                             .bound_ns = ends->from[i].time_ns};
    }
    return true;
}

static int part_keep(struct btr_trace *t, const bool *marks, const struct btr_between *ends,
                     struct btr_err *err)
{
    uint32_t *kept_before = places_new(t->step_count), *nodes = places_new(t->node_count);
    uint32_t *manners = places_new(t->manner_count), *pairs = places_new(t->pair_count);
    bool ok = kept_before && nodes && manners && pairs;
    if (ok) {
        steps_keep(t, marks, kept_before, nodes);
        manners_keep(t, manners);
        pairs_keep(t, pairs);
        nodes_keep(t, nodes, ends);
        for (uint32_t i = 0; i < t->step_count; i++)
            t->steps[i].other = nodes[t->steps[i].other];
        ok = ends_add(t, ends);
    }
    free(kept_before);
    free(nodes);
    free(manners);
    free(pairs);
    return ok ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "part of %u steps", t->step_count);
}

static int part_mark(struct btr_trace *t, const struct btr_between *ends,
                     const struct between_limits *limits, struct btr_err *err)
{
    enum btr_cut cut = BTR_CUT_NONE;
    bool *marks = calloc((size_t)t->step_count + 1, sizeof *marks);
    int rc = marks ? between_mark(marks, t, ends, limits, &cut, err)
                   : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u steps", t->step_count);
    if (rc == 0)
        rc = part_keep(t, marks, ends, err);
    if (t->cut == BTR_CUT_NONE)
        t->cut = cut;
    free(marks);
    return rc;
}

/* ---- All of it ---- */

/* What is left of a time, at least the least that there is. */
static struct btr_walk_limits limits_left(const struct btr_walk_limits *limits, int64_t deadline_ns)
{
    struct btr_walk_limits left = *limits;
    left.since_ns = 0;
    if (deadline_ns != INT64_MAX)
        left.budget_ns = graph_time_max(deadline_ns - btr_monotonic_ns(), 1);
    return left;
}

/* Of what an end did not come to, no time can be told, but the last of all. */
static void cut_tell(struct btr_trace *t, const struct btr_trace *ahead, int64_t until_ns)
{
    if (ahead->cut != BTR_CUT_NONE)
        t->cut = ahead->cut;
    t->unexplored += ahead->unexplored;
    t->unexplored_bound_ns = t->cut == BTR_CUT_NONE ? 0 : until_ns;
}

int btr_between(struct btr_trace **out, struct btr_between_searched *searched,
                const struct btr_edges *edges, const struct btr_between *ends,
                const struct btr_walk_limits *limits, struct btr_err *err)
{
    static const struct btr_walk_limits unlimited = {0};
    struct btr_between_searched unused;
    struct btr_trace *t = NULL, ahead = {0};
    struct joining j = {.edges = edges, .until_ns = until_find(ends)};
    struct btr_edges seen = {&j, flows_of, crosses, connection_pass};
    const struct btr_walk_limits *all = limits ? limits : &unlimited;
    int64_t deadline_ns = btr_walk_deadline(all, 100);
    struct btr_walk_limits first = *all;
    first.budget_ns = all->budget_ns / 2;
    int rc = walk_ahead(&j, searched ? searched : &unused, ends, &first, &ahead, err);
    struct btr_walk_limits second = limits_left(all, deadline_ns);
    if (rc == 0)
        rc = btr_walk(&t, &seen, BTR_WALK_BACKWARD, ends->to, ends->to_count, &second, err);
    struct between_limits marking = {deadline_ns, all->memory_max};
    if (rc == 0)
        rc = part_mark(t, ends, &marking, err);
    if (rc == 0) {
        cut_tell(t, &ahead, j.until_ns);
        *out = t;
    } else {
        btr_trace_free(t);
    }
    btr_idmap_fini(&j.map);
    free(j.since_ns);
    return rc;
}
