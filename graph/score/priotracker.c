/*
 * Liu, Zhang, Li, Jee, Li, Wu, Rhee, Mittal: "Towards a Timely Causality Analysis for Enterprise
 * Security", NDSS 2018: the frontier of the closure is explored by priority, rare events first, and
 * those that lead to few others, for as long as there is time. docs/SCORING.md tells what is as
 * published.
 */
#include <stdlib.h>

#include "score/event_counts.h"
#include "score/strategies.h"

/* The paper learns the weights of both parts from labelled attacks; here they are equal. Its budget
 * is time, which does not give the same answer twice; here it is a count of edges. */
#define RARENESS_WEIGHT 0.5
#define FANOUT_WEIGHT 0.5
enum { EDGES_MAX = 1000 };

struct reached {
    double priority;
    uint32_t edge;
};

struct exploration {
    struct closure_graph graph;
    struct event_starts starts;
    struct reached *heap; /* the frontier; each edge comes to it once */
    uint32_t heap_count;
    int64_t
        *bounds;    /* by node: what is nearer than that is no part of it; INT64_MIN: not reached */
    uint8_t *edges; /* enum edge_state */
    uint32_t *raised; /* nodes of which the bound went up, to be expanded; each once */
    bool *is_raised;
    uint32_t raised_count;
};

enum edge_state { EDGE_UNSEEN, EDGE_QUEUED, EDGE_KEPT };

/* ---- The priority ---- */

/* 1 of what was never seen or once, less with each time; 0 of what nobody counts. */
static double rareness(const struct exploration *x, const struct btr_scene *scene,
                       const struct closure_edge *edge)
{
    struct event_count c = event_count_of(scene->usual, &x->starts, &x->graph, edge);
    if (!c.counted)
        return 0;
    return c.alike > 1 ? 1 / (double)c.alike : 1;
}

/* How many edges the tracking would have to follow from there: none from a file that is read only,
 * where it ends, and which tells nothing more. */
static double fanout(const struct exploration *x, const struct closure_edge *edge)
{
    const struct closure_node *far = &x->graph.nodes[edge->far];
    if (far->in_count == 0)
        return far->fact.kind == BTR_KIND_FILE ? 0 : 1;
    return 1 / (double)far->in_count;
}

static double priority(const struct exploration *x, const struct btr_scene *scene, uint32_t edge)
{
    const struct closure_edge *e = &x->graph.edges[edge];
    return RARENESS_WEIGHT * rareness(x, scene, e) + FANOUT_WEIGHT * fanout(x, e);
}

/* ---- The frontier ---- */

static bool before(const struct exploration *x, const struct reached *a, const struct reached *b)
{
    const struct closure_graph *g = &x->graph;
    const struct closure_edge *i = &g->edges[a->edge], *k = &g->edges[b->edge];
    if (a->priority != b->priority)
        return a->priority > b->priority;
    int order = btr_id_compare(g->nodes[i->far].id, g->nodes[k->far].id);
    order = order ? order : btr_id_compare(g->nodes[i->near].id, g->nodes[k->near].id);
    return order < 0;
}

static void heap_push(struct exploration *x, struct reached r)
{
    struct reached *h = x->heap;
    uint32_t at = x->heap_count++;
    for (; at > 0 && before(x, &r, &h[(at - 1) / 2]); at = (at - 1) / 2)
        h[at] = h[(at - 1) / 2];
    h[at] = r;
}

static struct reached heap_pop(struct exploration *x)
{
    struct reached *h = x->heap, first = h[0], last = h[--x->heap_count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < x->heap_count; at = child) {
        if (child + 1 < x->heap_count && before(x, &h[child + 1], &h[child]))
            child++;
        if (!before(x, &h[child], &last))
            break;
        h[at] = h[child];
    }
    if (x->heap_count > 0)
        h[at] = last;
    return first;
}

static void bound_raise(struct exploration *x, uint32_t node, int64_t bound_ns)
{
    if (bound_ns <= x->bounds[node])
        return;
    x->bounds[node] = bound_ns;
    if (!x->is_raised[node])
        x->raised[x->raised_count++] = node;
    x->is_raised[node] = true;
}

/* Edges into a node that can have happened before what is known of it come to the frontier; those
 * that were explored already hand the bound on. */
static void expand(struct exploration *x, const struct btr_scene *scene, uint32_t node)
{
    const struct closure_node *n = &x->graph.nodes[node];
    int64_t passed;
    for (uint32_t i = n->in_begin; i < n->in_begin + n->in_count; i++) {
        if (!closure_edge_admits(&x->graph, &x->graph.edges[i], x->bounds[node], &passed))
            continue;
        if (x->edges[i] == EDGE_KEPT)
            bound_raise(x, x->graph.edges[i].far, passed);
        if (x->edges[i] == EDGE_UNSEEN) {
            x->edges[i] = EDGE_QUEUED;
            heap_push(x, (struct reached){priority(x, scene, i), i});
        }
    }
}

static void raised_expand(struct exploration *x, const struct btr_scene *scene)
{
    while (x->raised_count > 0) {
        uint32_t node = x->raised[--x->raised_count];
        x->is_raised[node] = false;
        expand(x, scene, node);
    }
}

static void explore(struct exploration *x, const struct btr_scene *scene, struct kept_list *list)
{
    for (uint32_t i = 0; i < x->graph.node_count; i++) {
        x->bounds[i] = INT64_MIN;
        if (x->graph.nodes[i].start)
            bound_raise(x, i, INT64_MAX);
    }
    raised_expand(x, scene);
    for (uint32_t count = 0; count < EDGES_MAX && x->heap_count > 0; count++) {
        struct reached r = heap_pop(x);
        const struct closure_edge *e = &x->graph.edges[r.edge];
        int64_t passed;
        closure_edge_keep(&x->graph, r.edge, r.priority, list);
        x->edges[r.edge] = EDGE_KEPT;
        if (closure_edge_admits(&x->graph, e, x->bounds[e->near], &passed))
            bound_raise(x, e->far, passed);
        raised_expand(x, scene);
    }
}

static bool exploration_init(struct exploration *x)
{
    size_t nodes = (size_t)x->graph.node_count + 1, edges = (size_t)x->graph.edge_count + 1;
    x->heap = malloc(edges * sizeof *x->heap);
    x->edges = calloc(edges, sizeof *x->edges);
    x->bounds = malloc(nodes * sizeof *x->bounds);
    x->raised = malloc(nodes * sizeof *x->raised);
    x->is_raised = calloc(nodes, sizeof *x->is_raised);
    return x->heap && x->edges && x->bounds && x->raised && x->is_raised &&
           event_starts_count(&x->starts, &x->graph);
}

static void exploration_fini(struct exploration *x)
{
    free(x->heap);
    free(x->edges);
    free(x->bounds);
    free(x->raised);
    free(x->is_raised);
    event_starts_fini(&x->starts);
    closure_graph_fini(&x->graph);
}

int priotracker_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err)
{
    struct exploration x = {0};
    struct kept_list list = {0};
    int rc = closure_graph_walk(&x.graph, scene, false, err);
    if (rc == 0 && !exploration_init(&x))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u edges", x.graph.edge_count);
    if (rc == 0)
        explore(&x, scene, &list);
    rc = closure_graph_kept(&x.graph, rc, &list, out, err);
    exploration_fini(&x);
    return rc;
}
