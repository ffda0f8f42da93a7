#include "score/depimpact.h"

#include <math.h>
#include <stdlib.h>

#include "score/strategies.h"

enum { SPREAD_ROUNDS_MAX = 10000000 }; /* with weights that sum to 0.99, some 2,300 are enough */
#define SPREAD_CHANGE 1e-10

/* ---- Impact ---- */

static double node_update(double *impact, const struct closure_graph *g, const double *weights,
                          uint32_t node)
{
    const struct closure_node *n = &g->nodes[node];
    double sum = 0, before = impact[node];
    if (n->start)
        return 0;
    for (uint32_t k = 0; k < n->out_count; k++) {
        uint32_t edge = g->out[n->out_begin + k];
        sum += weights[edge] * impact[g->edges[edge].near];
    }
    impact[node] = sum;
    return fabs(sum - before);
}

/* New values count within their round, and rounds go to and fro: the nearest nodes come first, so
 * that most is done in few. */
void depimpact_spread(double *impact, const struct closure_graph *g, const double *weights)
{
    double change = 1;
    for (uint32_t i = 0; i < g->node_count; i++)
        impact[i] = g->nodes[i].start;
    for (uint32_t round = 0; round < SPREAD_ROUNDS_MAX && change >= SPREAD_CHANGE; round++) {
        change = 0;
        for (uint32_t i = 0; i < g->node_count; i++)
            change += node_update(impact, g, weights, round % 2 ? g->node_count - 1 - i : i);
    }
}

/* ---- Entries ---- */

enum category { CATEGORY_NETWORK, CATEGORY_FILE, CATEGORY_PROCESS };

static bool is_entry(const struct closure_node *n)
{
    return !n->start && n->out_count > 0 && (n->fact.kind == BTR_KIND_FLOW || n->in_count == 0);
}

static uint32_t category_of(const struct closure_node *n)
{
    return n->fact.kind == BTR_KIND_FLOW      ? CATEGORY_NETWORK
           : n->fact.kind == BTR_KIND_PROCESS ? CATEGORY_PROCESS
                                              : CATEGORY_FILE;
}

static int compare_nodes(const struct depimpact_entry *a, const struct depimpact_entry *b)
{
    if (a->impact != b->impact)
        return a->impact < b->impact ? 1 : -1;
    return (a->node > b->node) - (a->node < b->node);
}

static int compare_in_category(const void *x, const void *y)
{
    const struct depimpact_entry *a = x, *b = y;
    if (a->category != b->category)
        return a->category < b->category ? -1 : 1;
    return compare_nodes(a, b);
}

static int compare_places(const void *x, const void *y)
{
    const struct depimpact_entry *a = x, *b = y;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return compare_nodes(a, b);
}

uint32_t depimpact_rank(struct depimpact_entry *entries, const struct closure_graph *g,
                        const double *impact)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->node_count; i++)
        if (is_entry(&g->nodes[i]))
            entries[count++] = (struct depimpact_entry){i, category_of(&g->nodes[i]), 0, impact[i]};
    qsort(entries, count, sizeof *entries, compare_in_category);
    for (uint32_t i = 1; i < count; i++)
        if (entries[i].category == entries[i - 1].category)
            entries[i].place = entries[i - 1].place + 1;
    qsort(entries, count, sizeof *entries, compare_places);
    return count;
}

/* ---- Forward from the first entries, within the closure ---- */

struct component {
    struct closure_graph graph;
    double *weights, *impact;
    struct depimpact_entry *entries;
    struct btr_start *starts; /* of the entries that are taken */
    uint32_t taken;
};

/* An entry begins with the first that came from it. */
static struct btr_start entry_start(const struct closure_graph *g, uint32_t node)
{
    const struct closure_node *n = &g->nodes[node];
    bool backward = g->direction == BTR_WALK_BACKWARD;
    struct btr_start start = {n->id, backward ? INT64_MAX : INT64_MIN, UINT32_MAX};
    for (uint32_t k = 0; k < n->out_count; k++) {
        const struct closure_edge *e = &g->edges[g->out[n->out_begin + k]];
        if (backward ? e->first_ns < start.time_ns : e->last_ns > start.time_ns)
            start.time_ns = backward ? e->first_ns : e->last_ns;
    }
    return start;
}

/* The closure's pairs, for a walk that must stay within it. */
static int closure_pairs(struct btr_kept_pairs *out, const struct closure_graph *g,
                         struct btr_err *err)
{
    struct kept_list list = {0};
    for (uint32_t i = 0; i < g->edge_count; i++)
        closure_edge_keep(g, i, 1, &list);
    return kept_finish(&list, out, err);
}

static int trace_pairs(struct btr_kept_pairs *out, const struct btr_trace *trace,
                       struct btr_err *err)
{
    struct kept_list list = {0};
    bool forward = trace->direction == BTR_WALK_FORWARD;
    for (uint32_t i = 0; i < trace->node_count; i++) {
        const struct btr_trace_node *n = &trace->nodes[i];
        for (uint32_t k = n->step_begin; k < n->step_begin + n->step_count; k++) {
            struct btr_id other = trace->nodes[trace->steps[k].other].id;
            if (k == n->step_begin || trace->steps[k].other != trace->steps[k - 1].other)
                kept_add(&list, forward ? n->id : other, forward ? other : n->id, 1);
        }
    }
    return kept_finish(&list, out, err);
}

/* What can have come of the entries, of what can have led to the alert. */
static int forward_pairs(struct btr_kept_pairs *out, const struct component *c,
                         const struct btr_scene *scene, struct btr_err *err)
{
    struct btr_kept_pairs within = {0};
    struct btr_trace *trace = NULL;
    struct btr_scene turned = *scene;
    turned.direction = scene->direction == BTR_WALK_BACKWARD ? BTR_WALK_FORWARD : BTR_WALK_BACKWARD;
    turned.starts = c->starts;
    turned.start_count = c->taken;
    int rc = closure_pairs(&within, &c->graph, err);
    if (rc == 0)
        rc = btr_walk_kept(&trace, &turned, &within, err);
    if (rc == 0)
        rc = trace_pairs(out, trace, err);
    if (rc == 0)
        out->cut = trace->cut;
    btr_trace_free(trace);
    btr_kept_pairs_free(&within);
    return rc;
}

/* ---- The strategy ---- */

/* The alert's own event is the one nearest to it in time. */
static struct depimpact_alert alert_of(const struct closure_graph *g, const struct btr_scene *scene)
{
    struct depimpact_alert alert = {scene->starts[0].time_ns, 0};
    int64_t nearest = INT64_MIN;
    for (uint32_t i = 1; i < scene->start_count; i++)
        if (closure_nearness(g, scene->starts[i].time_ns) > closure_nearness(g, alert.time_ns))
            alert.time_ns = scene->starts[i].time_ns;
    for (uint32_t i = 0; i < g->edge_count; i++) {
        const struct closure_edge *e = &g->edges[i];
        int64_t at = g->direction == BTR_WALK_BACKWARD ? e->last_ns : -e->first_ns;
        if (g->nodes[e->near].start && at > nearest) {
            nearest = at;
            alert.bytes = e->bytes;
        }
    }
    return alert;
}

static bool component_init(struct component *c, const struct btr_scene *scene)
{
    const struct closure_graph *g = &c->graph;
    size_t nodes = (size_t)g->node_count + 1;
    struct depimpact_alert alert = alert_of(g, scene);
    uint32_t most = scene->rank_max ? scene->rank_max : DEPIMPACT_ENTRIES;
    c->weights = calloc((size_t)g->edge_count + 1, sizeof *c->weights);
    c->impact = malloc(nodes * sizeof *c->impact);
    c->entries = malloc(nodes * sizeof *c->entries);
    c->starts = malloc(nodes * sizeof *c->starts);
    if (!c->weights || !c->impact || !c->entries || !c->starts ||
        !depimpact_weigh(c->weights, g, &alert))
        return false;
    depimpact_spread(c->impact, g, c->weights);
    c->taken = depimpact_rank(c->entries, g, c->impact);
    c->taken = c->taken < most ? c->taken : most;
    for (uint32_t i = 0; i < c->taken; i++)
        c->starts[i] = entry_start(g, c->entries[i].node);
    return true;
}

static void component_keep(const struct component *c, const struct btr_kept_pairs *forward,
                           struct kept_list *list)
{
    const struct closure_graph *g = &c->graph;
    bool backward = g->direction == BTR_WALK_BACKWARD;
    for (uint32_t i = 0; i < g->edge_count; i++) {
        const struct closure_edge *e = &g->edges[i];
        struct btr_id far = g->nodes[e->far].id, near = g->nodes[e->near].id;
        if (btr_kept_pairs_has(forward, backward ? far : near, backward ? near : far))
            closure_edge_keep(g, i, c->weights[i] * c->impact[e->near], list);
    }
    for (uint32_t i = 0; i < c->taken; i++)
        kept_way_add(list, g->nodes[c->entries[i].node].id, c->entries[i].impact);
}

int depimpact_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err)
{
    struct component c = {0};
    struct kept_list list = {0};
    struct btr_kept_pairs forward = {0};
    int rc = closure_graph_walk(&c.graph, scene, true, err);
    if (rc == 0 && !component_init(&c, scene))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u edges", c.graph.edge_count);
    if (rc == 0 && c.taken > 0)
        rc = forward_pairs(&forward, &c, scene, err);
    if (rc == 0)
        component_keep(&c, &forward, &list);
    c.graph.cut = c.graph.cut ? c.graph.cut : forward.cut;
    rc = closure_graph_kept(&c.graph, rc, &list, out, err);
    btr_kept_pairs_free(&forward);
    free(c.weights);
    free(c.impact);
    free(c.entries);
    free(c.starts);
    closure_graph_fini(&c.graph);
    return rc;
}
