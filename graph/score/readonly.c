/*
 * What King & Chen prune of a closure ("Backtracking Intrusions", SOSP 2003, section 3.5): files
 * that are read only, and helper processes that take from one process and give back to that alone.
 */
#include <stdlib.h>

#include "score/closure_graph.h"
#include "score/strategies.h"

struct pruning {
    struct closure_graph graph;
    bool *gone; /* by node */
};

/* A file that nothing in the closure wrote: it was there before, as it was. */
static bool is_read_only(const struct closure_node *n)
{
    return n->fact.kind == BTR_KIND_FILE && n->in_count == 0 && !n->start;
}

/* ---- Helpers ---- */

enum { NOBODY = -1, SEVERAL = -2 };

static int64_t joined(int64_t a, int64_t b)
{
    return a == NOBODY ? b : b == NOBODY || a == b ? a : SEVERAL;
}

/* Who is at the other end, as seen from a process: of a channel, the one other node at it. */
static int64_t partner(const struct pruning *p, uint32_t process, uint32_t other)
{
    const struct closure_graph *g = &p->graph;
    const struct closure_node *n = &g->nodes[other];
    int64_t found = NOBODY;
    if (p->gone[other])
        return NOBODY;
    if (n->fact.kind != BTR_KIND_CHANNEL || n->start)
        return other;
    for (uint32_t i = 0; i < n->in_count && found != SEVERAL; i++)
        if (g->edges[n->in_begin + i].far != process)
            found = joined(found, g->edges[n->in_begin + i].far);
    for (uint32_t i = 0; i < n->out_count && found != SEVERAL; i++)
        if (g->edges[g->out[n->out_begin + i]].near != process)
            found = joined(found, g->edges[g->out[n->out_begin + i]].near);
    return found;
}

static bool is_helper(const struct pruning *p, uint32_t process)
{
    const struct closure_graph *g = &p->graph;
    const struct closure_node *n = &g->nodes[process];
    int64_t found = NOBODY;
    if (n->fact.kind != BTR_KIND_PROCESS || n->start)
        return false;
    for (uint32_t i = 0; i < n->in_count && found != SEVERAL; i++)
        found = joined(found, partner(p, process, g->edges[n->in_begin + i].far));
    for (uint32_t i = 0; i < n->out_count && found != SEVERAL; i++)
        found = joined(found, partner(p, process, g->edges[g->out[n->out_begin + i]].near));
    return found >= 0 && g->nodes[found].fact.kind == BTR_KIND_PROCESS;
}

/* ---- The strategy ---- */

static void prune(struct pruning *p)
{
    for (uint32_t i = 0; i < p->graph.node_count; i++)
        p->gone[i] = is_read_only(&p->graph.nodes[i]);
    /* Those farthest first: a helper's own helpers go before it. */
    for (uint32_t i = p->graph.node_count; i-- > 0;)
        p->gone[i] = p->gone[i] || is_helper(p, i);
}

int readonly_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err)
{
    struct pruning p = {0};
    struct kept_list list = {0};
    int rc = closure_graph_walk(&p.graph, scene, false, err);
    if (rc == 0) {
        p.gone = calloc((size_t)p.graph.node_count + 1, sizeof *p.gone);
        rc = p.gone ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u nodes", p.graph.node_count);
    }
    if (rc == 0)
        prune(&p);
    for (uint32_t i = 0; rc == 0 && i < p.graph.edge_count; i++)
        if (!p.gone[p.graph.edges[i].far] && !p.gone[p.graph.edges[i].near])
            closure_edge_keep(&p.graph, i, 1, &list);
    rc = closure_graph_kept(&p.graph, rc, &list, out, err);
    free(p.gone);
    closure_graph_fini(&p.graph);
    return rc;
}
