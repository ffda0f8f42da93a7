#include "score/closure_graph.h"

#include <stdlib.h>

/* ---- Index ---- */

static int compare_edges(const void *x, const void *y)
{
    const struct closure_edge *a = x, *b = y;
    if (a->near != b->near)
        return a->near < b->near ? -1 : 1;
    return (a->far > b->far) - (a->far < b->far);
}

bool closure_graph_index(struct closure_graph *g)
{
    uint32_t in = 0, out = 0;
    g->out = malloc(((size_t)g->edge_count + 1) * sizeof *g->out);
    if (!g->out)
        return false;
    if (g->edge_count > 1)
        qsort(g->edges, g->edge_count, sizeof *g->edges, compare_edges);
    for (uint32_t i = 0; i < g->edge_count; i++) {
        g->nodes[g->edges[i].near].in_count++;
        g->nodes[g->edges[i].far].out_count++;
    }
    for (uint32_t i = 0; i < g->node_count; i++) {
        g->nodes[i].in_begin = in;
        g->nodes[i].out_begin = out;
        in += g->nodes[i].in_count;
        out += g->nodes[i].out_count;
        g->nodes[i].out_count = 0;
    }
    for (uint32_t i = 0; i < g->edge_count; i++) {
        struct closure_node *far = &g->nodes[g->edges[i].far];
        g->out[far->out_begin + far->out_count++] = i;
    }
    return true;
}

void closure_graph_fini(struct closure_graph *g)
{
    free(g->nodes);
    free(g->edges);
    free(g->out);
    *g = (struct closure_graph){0};
}

/* ---- From a trace ---- */

/* Bytes of a node's steps, those of pairing left out: no event tells them. */
static int bytes_read(const struct btr_scene *scene, const struct btr_trace_step *steps,
                      uint32_t count, uint64_t *bytes, struct btr_err *err)
{
    btr_event_ref *refs = malloc(((size_t)count + 1) * sizeof *refs);
    uint32_t asked = 0;
    if (!refs)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "bytes of %u events", count);
    for (uint32_t i = 0; i < count; i++)
        if (!btr_step_is_pair(&steps[i]))
            refs[asked++] = steps[i].ref;
    int rc = scene->facts->bytes(scene->facts->self, refs, asked, bytes, err);
    /* What was told moves to its step, from the back: no place is written before it is read. */
    for (uint32_t i = count; rc == 0 && i-- > 0;)
        bytes[i] = btr_step_is_pair(&steps[i]) ? BTR_BYTES_UNKNOWN : bytes[--asked];
    free(refs);
    return rc;
}

static void edge_take(struct closure_edge *edge, const struct btr_trace_step *step, uint64_t bytes)
{
    edge->first_ns = step->first_ns < edge->first_ns ? step->first_ns : edge->first_ns;
    edge->last_ns = step->last_ns > edge->last_ns ? step->last_ns : edge->last_ns;
    if (bytes != BTR_BYTES_UNKNOWN)
        edge->bytes = edge->bytes > UINT64_MAX - bytes ? UINT64_MAX : edge->bytes + bytes;
    edge->event_count++;
}

/* The edges into one node. Its steps come with those of one other end together. */
static void edges_take(struct closure_graph *g, const struct btr_trace *trace, uint32_t node,
                       const uint64_t *bytes)
{
    const struct btr_trace_node *n = &trace->nodes[node];
    const uint32_t begin = g->edge_count;
    for (uint32_t i = 0; i < n->step_count; i++) {
        const struct btr_trace_step *step = &trace->steps[n->step_begin + i];
        if (step->other == node)
            continue;
        if (g->edge_count == begin || g->edges[g->edge_count - 1].far != step->other)
            g->edges[g->edge_count++] = (struct closure_edge){
                .far = step->other, .near = node, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
        edge_take(&g->edges[g->edge_count - 1], step, bytes ? bytes[i] : BTR_BYTES_UNKNOWN);
    }
}

static int nodes_take(struct closure_graph *g, const struct btr_trace *trace,
                      const struct btr_scene *scene, uint64_t *bytes, struct btr_err *err)
{
    for (uint32_t i = 0; i < trace->node_count; i++) {
        const struct btr_trace_node *n = &trace->nodes[i];
        g->nodes[i] = (struct closure_node){.id = n->id, .start = n->start};
        int rc = scene->facts->fact(scene->facts->self, n->id, &g->nodes[i].fact, err);
        if (rc == 0 && bytes)
            rc = bytes_read(scene, &trace->steps[n->step_begin], n->step_count, bytes, err);
        if (rc < 0)
            return rc;
        edges_take(g, trace, i, bytes);
    }
    return 0;
}

static int graph_make(struct closure_graph *g, const struct btr_trace *trace,
                      const struct btr_scene *scene, bool with_bytes, struct btr_err *err)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < trace->node_count; i++)
        most = trace->nodes[i].step_count > most ? trace->nodes[i].step_count : most;
    uint64_t *bytes = with_bytes ? calloc((size_t)most + 1, sizeof *bytes) : NULL;
    g->nodes = calloc((size_t)trace->node_count + 1, sizeof *g->nodes);
    g->edges = calloc((size_t)trace->step_count + 1, sizeof *g->edges);
    int rc = g->nodes && g->edges && (bytes || !with_bytes) ? 0 : BTR_E_NOMEM;
    g->node_count = trace->node_count;
    if (rc == 0)
        rc = nodes_take(g, trace, scene, bytes, err);
    free(bytes);
    if (rc == 0 && !closure_graph_index(g))
        rc = BTR_E_NOMEM;
    if (rc == BTR_E_NOMEM)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "graph of %u nodes", trace->node_count);
    return rc;
}

int closure_graph_walk(struct closure_graph *out, const struct btr_scene *scene, bool with_bytes,
                       struct btr_err *err)
{
    struct btr_trace *trace = NULL;
    struct btr_walk_limits limits = *scene->limits;
    limits.budget_ns /= 2; /* the other half is for the walk over what is kept */
    *out = (struct closure_graph){.direction = scene->direction};
    int rc = btr_walk(&trace, scene->edges, scene->direction, scene->starts, scene->start_count,
                      &limits, err);
    if (rc == 0) {
        out->cut = trace->cut;
        out->unexplored = trace->unexplored;
        rc = graph_make(out, trace, scene, with_bytes, err);
    }
    btr_trace_free(trace);
    return rc;
}

/* ---- What is kept of it ---- */

bool closure_edge_admits(const struct closure_graph *g, const struct closure_edge *edge,
                         int64_t bound_ns, int64_t *passed_ns)
{
    bool backward = g->direction == BTR_WALK_BACKWARD;
    int64_t begins = closure_nearness(g, backward ? edge->first_ns : edge->last_ns);
    int64_t ends = closure_nearness(g, backward ? edge->last_ns : edge->first_ns);
    if (bound_ns < INT64_MAX - BTR_SOURCE_ERROR_NS && begins > bound_ns + BTR_SOURCE_ERROR_NS)
        return false;
    *passed_ns = ends < bound_ns ? ends : bound_ns;
    return true;
}

void closure_edge_keep(const struct closure_graph *g, uint32_t edge, double score,
                       struct kept_list *list)
{
    struct btr_id far = g->nodes[g->edges[edge].far].id, near = g->nodes[g->edges[edge].near].id;
    bool backward = g->direction == BTR_WALK_BACKWARD;
    kept_add(list, backward ? far : near, backward ? near : far, score);
}

int closure_graph_kept(const struct closure_graph *g, int rc, struct kept_list *list,
                       struct btr_kept_pairs *out, struct btr_err *err)
{
    if (rc == 0) {
        out->cut = g->cut;
        out->left = g->unexplored;
        out->left_score = g->cut != BTR_CUT_NONE ? 1 : 0;
        return kept_finish(list, out, err);
    }
    free(list->pairs);
    free(list->ways);
    *list = (struct kept_list){0};
    return rc;
}
