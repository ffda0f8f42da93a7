
#include "score/ahead.h"

/*
 * A flow that came of the start has, of each flow that it may have caused, a share. Scores multiply
 * along a path, so that the surest effect comes first, as in Dijkstra's algorithm.
 */

/* Scores as numbers of the same order: bits of a float that is not negative. */
static int64_t key_of(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits;
}

static float score_of(int64_t key)
{
    uint32_t bits = (uint32_t)key;
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* @return false when out of memory */
static bool flow_reach(struct ahead *a, uint32_t flow, double score)
{
    struct ahead_flow *f = &a->flows[flow];
    if (f->settled || score < AHEAD_LEAST || (float)score <= f->score || f->last_ns < a->since_ns)
        return true;
    f->score = (float)score;
    struct btr_id tie = {(uint64_t)f->last_ns, f->tie}; /* whatever number it has here */
    return graph_frontier_raise(&a->frontier, flow, tie, key_of(f->score));
}

/* A place that is come to at a time: what each flow out of it since may have come of. */
static int place_enter(struct ahead *a, uint32_t place, int64_t since_ns)
{
    int rc = ahead_load(a, place);
    if (rc < 0)
        return rc;
    struct ahead_place *p = ahead_group(a, place);
    int64_t until_ns = p->linked ? p->linked_ns : INT64_MAX;
    for (uint32_t i = 0; rc == 0 && i < p->out_count && since_ns < until_ns; i++) {
        const struct ahead_flow *f = &a->flows[p->out[i]];
        if (f->last_ns >= since_ns && (!p->linked || f->last_ns < until_ns))
            rc = ahead_causes_find(a, p->out[i]);
        if (i % 256 == 255 && (ahead_is_full(a) || ahead_is_late(a)))
            break;
    }
    p->linked_ns = since_ns < until_ns ? since_ns : until_ns;
    p->linked = true;
    return rc;
}

static int flow_expand(struct ahead *a, uint32_t flow)
{
    a->flows[flow].settled = true;
    int rc = place_enter(a, a->flows[flow].to, graph_time_earlier(a->flows[flow].first_ns));
    for (uint32_t l = a->flows[flow].effects; rc == 0 && l != AHEAD_NONE; l = a->links[l].next)
        if (!flow_reach(a, a->links[l].effect, a->flows[flow].score * a->links[l].weight))
            rc = btr_fail(a->c.err, BTR_E_NOMEM, UINT64_MAX, "walk of %u events", a->flow_count);
    return rc;
}

/* ---- Starts ---- */

bool ahead_begins(uint8_t operation)
{
    return operation == BTR_OP_FORK || operation == BTR_OP_EXEC ||
           operation == BTR_OP_SERVICE_START || operation == BTR_OP_TASK_RUN ||
           operation == BTR_OP_WMI_RUN;
}

/* A process that took something at the moment of the start did with that what came of it. Anything
 * else is itself the start: all that comes of it does. */
static int start_push(struct ahead *a, const struct btr_start *start)
{
    uint32_t place = ahead_place_of(a, start->entity);
    int rc = place == AHEAD_NONE ? a->c.err->code : place_enter(a, place, a->since_ns);
    bool took = false, ok = true;
    if (rc < 0)
        return rc;
    const struct ahead_place p = *ahead_group(a, place);
    for (uint32_t i = 0; ok && i < p.into_count; i++) {
        const struct ahead_flow *f = &a->flows[p.into[i]];
        bool live = false;
        if (a->c.places[place].fact.kind != BTR_KIND_PROCESS || f->last_ns != start->time_ns ||
            start->source == UINT32_MAX || ahead_begins(f->operation))
            continue;
        rc = ahead_is_live(a, f->from, &live);
        if (rc < 0)
            return rc;
        if (!live)
            continue;
        took = true;
        ok = flow_reach(a, p.into[i], 1);
    }
    a->places[place].start = !took;
    for (uint32_t i = 0; ok && !took && i < p.out_count; i++)
        if (a->flows[p.out[i]].last_ns >= start->time_ns)
            ok = flow_reach(a, p.out[i], 1);
    return ok ? 0 : btr_fail(a->c.err, BTR_E_NOMEM, UINT64_MAX, "starts");
}

static bool is_cut(struct ahead *a)
{
    const struct btr_walk_limits *limits = a->c.scene->limits;
    if (limits->edge_max && a->c.settled >= limits->edge_max)
        a->c.cut = BTR_CUT_EDGES;
    else if (!ahead_is_full(a))
        ahead_is_late(a);
    return a->c.cut != BTR_CUT_NONE;
}

int ahead_walk(struct ahead *a)
{
    const struct btr_scene *scene = a->c.scene;
    float last = 1; /* of what was looked at last: in part, when memory or time ran short */
    int rc = 0;
    a->since_ns = INT64_MAX;
    for (uint32_t i = 0; i < scene->start_count; i++)
        a->since_ns = graph_time_min(a->since_ns, graph_time_earlier(scene->starts[i].time_ns));
    for (uint32_t i = 0; rc == 0 && i < scene->start_count; i++)
        rc = start_push(a, &scene->starts[i]);
    while (rc == 0 && a->frontier.count > 0 && !is_cut(a)) {
        struct graph_frontier_entry next = graph_frontier_pop(&a->frontier);
        a->c.settled++;
        last = score_of(next.key);
        rc = flow_expand(a, next.node);
    }
    a->c.left = a->frontier.count;
    a->c.left_score = a->c.cut > BTR_CUT_EDGES ? last
                      : a->frontier.count > 0  ? score_of(a->frontier.heap[0].key)
                                               : 0;
    return rc;
}
