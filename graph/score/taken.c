/*
 * What a forward answer shows beside its closure: what something that came of the start took from
 * elsewhere. No path leads there from the start, so a walk does not see it.
 */
#include <stdlib.h>

#include "label.h"
#include "manners.h"
#include "score/kept.h"
#include "steps.h"

struct taken {
    struct btr_id from;
    struct btr_flow flow;
    uint32_t near; /* node that took it */
};

struct taking {
    struct btr_trace *trace;
    const struct btr_kept_pairs *kept;
    struct btr_idmap nodes, takers;
    struct taken *items;
    uint32_t count, capacity, near;
    struct graph_manners manners; /* of the trace and of what is taken */
    bool failed;
};

static void taken_add(struct taking *t, const struct btr_flow *flow)
{
    if (t->count == t->capacity) {
        uint32_t capacity = t->capacity ? t->capacity * 2 : 64;
        struct taken *grown = realloc(t->items, capacity * sizeof *grown);
        t->failed |= !grown;
        if (!grown)
            return;
        t->items = grown;
        t->capacity = capacity;
    }
    t->items[t->count++] = (struct taken){flow->other, *flow, t->near};
}

/* What a node of the closure took before it was reached is none of its deeds. */
static int flows_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct taking *t = self;
    const struct btr_trace_node *near = &t->trace->nodes[t->near];
    int64_t since_ns = graph_time_earlier(near->bound_ns);
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].last_ns >= since_ns &&
            btr_idmap_get(&t->nodes, flows[i].other) == UINT32_MAX &&
            kept_is_taken(t->kept, flows[i].other, near->id))
            taken_add(t, &flows[i]);
    return 0;
}

static bool takers_find(struct taking *t)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < t->trace->node_count; i++)
        ok = btr_idmap_add(&t->nodes, t->trace->nodes[i].id, i) != UINT32_MAX;
    for (uint32_t i = 0; ok && i < t->kept->pair_count; i++) {
        const struct btr_kept_pair *pair = &t->kept->pairs[i];
        uint32_t node = btr_idmap_get(&t->nodes, pair->to);
        if (kept_is_taken(t->kept, pair->from, pair->to) && node != UINT32_MAX)
            ok = btr_idmap_add(&t->takers, pair->to, node) != UINT32_MAX;
    }
    return ok;
}

static int all_find(struct taking *t, const struct btr_edges *edges, struct btr_err *err)
{
    int rc = 0;
    t->failed = !takers_find(t);
    for (t->near = 0; rc == 0 && !t->failed && t->near < t->trace->node_count; t->near++) {
        struct btr_id id = t->trace->nodes[t->near].id;
        if (btr_idmap_get(&t->takers, id) != UINT32_MAX)
            rc = edges->flows(edges->self, id, BTR_SIDE_INTO, INT64_MAX, NULL, flows_visit, t, err);
    }
    return rc;
}

/* ---- Into the trace ---- */

static int taken_compare(const void *x, const void *y)
{
    const struct taken *a = x, *b = y;
    int order = btr_id_compare(a->from, b->from);
    if (order == 0)
        order = (a->flow.last_ns > b->flow.last_ns) - (a->flow.last_ns < b->flow.last_ns);
    return order ? order : (a->flow.ref > b->flow.ref) - (a->flow.ref < b->flow.ref);
}

static struct btr_trace_step step_of(struct taking *t, const struct taken *taken)
{
    const struct btr_flow *f = &taken->flow;
    uint32_t manner = graph_manners_of(&t->manners, (struct btr_manner){.source = f->source,
                                                                        .operation = f->operation,
                                                                        .doubt = f->doubt,
                                                                        .flags = f->flags});
    t->failed |= manner == UINT32_MAX;
    return (struct btr_trace_step){.first_ns = f->first_ns,
                                   .last_ns = f->last_ns,
                                   .ref = f->ref,
                                   .other = taken->near,
                                   .manner = manner};
}

static bool manners_take(struct taking *t)
{
    for (uint32_t i = 0; i < t->trace->manner_count && !t->failed; i++) {
        uint32_t at = graph_manners_of(&t->manners, t->trace->manners[i]);
        t->failed = at != i; /* each is there once, so they keep their numbers */
    }
    return !t->failed;
}

/* Nodes for what was taken, behind the others, with their steps. There is room. */
static void nodes_append(struct taking *t)
{
    struct btr_trace *trace = t->trace;
    for (uint32_t i = 0; i < t->count; i++) {
        const struct taken *taken = &t->items[i];
        struct btr_trace_node *node = &trace->nodes[trace->node_count - 1];
        if (i == 0 || !btr_id_equal(taken->from, t->items[i - 1].from)) {
            node = &trace->nodes[trace->node_count++];
            *node = (struct btr_trace_node){.id = taken->from,
                                            .bound_ns = taken->flow.last_ns,
                                            .step_begin = trace->step_count};
        }
        trace->steps[trace->step_count++] = step_of(t, taken);
        node->step_count++;
    }
}

/* Takes the place of the trace's, which begin with the same. */
static void manners_give(struct taking *t)
{
    free(t->trace->manners);
    t->trace->manners = t->manners.items;
    t->trace->manner_count = t->manners.count;
    t->manners.items = NULL;
}

static bool steps_sort(struct taking *t)
{
    struct btr_trace *trace = t->trace;
    uint32_t *kinds = malloc(((size_t)trace->manner_count + 1) * sizeof *kinds);
    struct graph_sorter sorter = {.kinds = kinds};
    bool made = kinds != NULL;
    for (uint32_t i = 0; made && i < trace->manner_count; i++)
        kinds[i] = btr_manner_kind(&trace->manners[i]);
    for (uint32_t i = 0; made && i < trace->node_count; i++) {
        struct btr_trace_node *node = &trace->nodes[i];
        made = graph_steps_sort(&sorter, &trace->steps[node->step_begin], &node->step_count);
    }
    free(kinds);
    graph_sorter_fini(&sorter);
    return made;
}

struct node_order {
    struct btr_trace_node node;
    uint32_t was;
};

static int order_compare(const void *x, const void *y)
{
    const struct node_order *a = x, *b = y;
    if (a->node.bound_ns != b->node.bound_ns)
        return a->node.bound_ns < b->node.bound_ns ? -1 : 1;
    return btr_id_compare(a->node.id, b->node.id);
}

static bool nodes_sort(struct btr_trace *trace)
{
    struct node_order *order = malloc(((size_t)trace->node_count + 1) * sizeof *order);
    uint32_t *place = malloc(((size_t)trace->node_count + 1) * sizeof *place);
    bool made = order && place;
    for (uint32_t i = 0; made && i < trace->node_count; i++)
        order[i] = (struct node_order){trace->nodes[i], i};
    if (made && trace->node_count > 1)
        qsort(order, trace->node_count, sizeof *order, order_compare);
    for (uint32_t i = 0; made && i < trace->node_count; i++) {
        trace->nodes[i] = order[i].node;
        place[order[i].was] = i;
    }
    for (uint32_t i = 0; made && i < trace->step_count; i++)
        trace->steps[i].other = place[trace->steps[i].other];
    free(order);
    free(place);
    return made;
}

static bool all_put(struct taking *t)
{
    struct btr_trace *trace = t->trace;
    size_t nodes = (size_t)trace->node_count + t->count + 1;
    size_t steps = (size_t)trace->step_count + t->count + 1;
    struct btr_trace_node *more_nodes = realloc(trace->nodes, nodes * sizeof *more_nodes);
    if (more_nodes)
        trace->nodes = more_nodes;
    struct btr_trace_step *more_steps = realloc(trace->steps, steps * sizeof *more_steps);
    if (more_steps)
        trace->steps = more_steps;
    if (!more_nodes || !more_steps || !manners_take(t))
        return false;
    qsort(t->items, t->count, sizeof *t->items, taken_compare);
    nodes_append(t);
    if (t->failed)
        return false;
    manners_give(t);
    return nodes_sort(trace) && steps_sort(t);
}

int kept_take(struct btr_trace *trace, const struct btr_edges *edges,
              const struct btr_kept_pairs *kept, struct btr_err *err)
{
    struct taking t = {.trace = trace, .kept = kept};
    int rc = all_find(&t, edges, err);
    if (rc == 0 && (t.failed || (t.count > 0 && !all_put(&t))))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what %u entities took", trace->node_count);
    btr_idmap_fini(&t.nodes);
    btr_idmap_fini(&t.takers);
    graph_manners_fini(&t.manners);
    free(t.items);
    return rc;
}
