/*
 * Hassan, Guo, Li, Chen, Jee, Li, Bates: "NoDoze: Combatting Threat Alert Fatigue with Automated
 * Provenance Triage", NDSS 2019: paths from the alert are scored by how seldom their events are,
 * and the most anomalous are merged. docs/SCORING.md tells what is as published.
 */
#include <math.h>
#include <stdlib.h>

#include "score/event_counts.h"
#include "score/strategies.h"

/* The paper has both as parameters: the most edges of a path, and how far the score of a path that
 * is merged may lie below that of the best. */
enum { LENGTH_MAX = 5 };
#define MERGE_DISTANCE 0.05

enum { NO_EDGE = UINT32_MAX };

/* The most anomalous path of a length from the alert to a node. */
struct hop {
    double cost;   /* sum of the logarithms of regularity, negated; more is more anomalous */
    uint32_t edge; /* its last, or NO_EDGE: none (a start, or no path) */
    bool there;
    int64_t nearness; /* what happens later than this can be no part of it */
};

/* A path by its end. */
struct path {
    double score; /* of anomaly, 0 to 1 */
    uint32_t node, length;
};

struct triage {
    struct closure_graph graph;
    struct event_starts starts;
    double *costs;    /* by edge */
    struct hop *hops; /* by length, then node */
    struct path *paths;
    uint32_t path_count;
};

static struct hop *hop_of(const struct triage *t, uint32_t length, uint32_t node)
{
    return &t->hops[(size_t)length * t->graph.node_count + node];
}

/* ---- How regular an edge is ---- */

/* How usual a thing is among all programs; a process tells nothing by itself. */
static double thing_usual(const struct btr_usual *usual, const struct btr_fact *fact)
{
    double share = event_thing_share(usual, fact);
    double least = 1 / ((double)usual->programs_all(usual->self) + 1);
    if (fact->kind == BTR_KIND_PROCESS || !(fact->file || fact->source || fact->destination))
        return 1;
    return share > least ? share : least;
}

/* IN of the far end, the probability of the transition, OUT of the near end. */
static double regularity(const struct triage *t, const struct btr_scene *scene,
                         const struct closure_edge *edge)
{
    const struct closure_node *nodes = t->graph.nodes;
    struct event_count c = event_count_of(scene->usual, &t->starts, &t->graph, edge);
    double transition = 1;
    if (c.counted)
        transition = (double)(c.alike ? c.alike : 1) / ((double)c.most + 1);
    return thing_usual(scene->usual, &nodes[edge->far].fact) * transition *
           thing_usual(scene->usual, &nodes[edge->near].fact);
}

/* ---- Paths ---- */

static bool is_on_path(const struct triage *t, uint32_t length, uint32_t node, uint32_t wanted)
{
    for (;; length--) {
        if (node == wanted)
            return true;
        if (length == 0)
            return false;
        node = t->graph.edges[hop_of(t, length, node)->edge].near;
    }
}

/* Lengthens the path of a node by each edge into it that can have happened before. */
static void hop_extend(struct triage *t, uint32_t length, uint32_t node)
{
    const struct closure_graph *g = &t->graph;
    const struct closure_node *n = &g->nodes[node];
    const struct hop *from = hop_of(t, length, node);
    for (uint32_t i = n->in_begin; i < n->in_begin + n->in_count; i++) {
        const struct closure_edge *e = &g->edges[i];
        struct hop *to = hop_of(t, length + 1, e->far);
        double cost = from->cost + t->costs[i];
        int64_t passed;
        if (!closure_edge_admits(g, e, from->nearness, &passed) ||
            (to->there && to->cost >= cost) || is_on_path(t, length, node, e->far))
            continue;
        *to = (struct hop){cost, i, true, passed};
    }
}

static void paths_find(struct triage *t)
{
    const struct closure_graph *g = &t->graph;
    for (uint32_t i = 0; i < g->node_count; i++)
        if (g->nodes[i].start)
            *hop_of(t, 0, i) = (struct hop){0, NO_EDGE, true, INT64_MAX};
    for (uint32_t length = 0; length < LENGTH_MAX; length++)
        for (uint32_t i = 0; i < g->node_count; i++)
            if (hop_of(t, length, i)->there)
                hop_extend(t, length, i);
    for (uint32_t i = 0; i < g->node_count; i++)
        for (uint32_t length = 1; length <= LENGTH_MAX; length++)
            if (hop_of(t, length, i)->there && (length == LENGTH_MAX || g->nodes[i].in_count == 0))
                t->paths[t->path_count++] =
                    (struct path){1 - exp(-hop_of(t, length, i)->cost / length), i, length};
}

static int compare_paths(const void *x, const void *y)
{
    const struct path *a = x, *b = y;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return a->node != b->node ? (a->node > b->node) - (a->node < b->node)
                              : (a->length > b->length) - (a->length < b->length);
}

static void path_keep(const struct triage *t, const struct path *path, struct kept_list *list)
{
    uint32_t node = path->node;
    for (uint32_t length = path->length; length > 0; length--) {
        uint32_t edge = hop_of(t, length, node)->edge;
        closure_edge_keep(&t->graph, edge, path->score, list);
        node = t->graph.edges[edge].near;
    }
}

static void paths_merge(struct triage *t, struct kept_list *list)
{
    qsort(t->paths, t->path_count, sizeof *t->paths, compare_paths);
    for (uint32_t i = 0; i < t->path_count; i++) {
        if (t->paths[i].score < t->paths[0].score - MERGE_DISTANCE)
            break;
        path_keep(t, &t->paths[i], list);
    }
}

/* ---- The strategy ---- */

static bool triage_init(struct triage *t, const struct btr_scene *scene)
{
    size_t nodes = (size_t)t->graph.node_count + 1;
    t->costs = malloc(((size_t)t->graph.edge_count + 1) * sizeof *t->costs);
    t->hops = calloc(nodes * (LENGTH_MAX + 1), sizeof *t->hops);
    t->paths = malloc(nodes * (LENGTH_MAX + 1) * sizeof *t->paths);
    if (!t->costs || !t->hops || !t->paths || !event_starts_count(&t->starts, &t->graph))
        return false;
    for (uint32_t i = 0; i < t->graph.edge_count; i++)
        t->costs[i] = -log(regularity(t, scene, &t->graph.edges[i]));
    return true;
}

int nodoze_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err)
{
    struct triage t = {0};
    struct kept_list list = {0};
    int rc = closure_graph_walk(&t.graph, scene, false, err);
    if (rc == 0 && !triage_init(&t, scene))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u edges", t.graph.edge_count);
    if (rc == 0) {
        paths_find(&t);
        paths_merge(&t, &list);
    }
    rc = closure_graph_kept(&t.graph, rc, &list, out, err);
    free(t.costs);
    free(t.hops);
    free(t.paths);
    event_starts_fini(&t.starts);
    closure_graph_fini(&t.graph);
    return rc;
}
