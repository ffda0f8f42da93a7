#ifndef BTR_MINCUT_H
#define BTR_MINCUT_H
/**
 * The least costly set of nodes that keeps a source from a sink: a minimum vertex cut, which by
 * Menger's theorem costs as much as the most flow that the nodes let pass (Ford and Fulkerson,
 * Canad. J. Math. 8, 1956).
 */
#include <btr/err.h>
#include <stdbool.h>

enum { BTR_MINCUT_NEVER = UINT32_MAX }; /* cost of a node that cannot be cut */

struct btr_mincut_edge {
    uint32_t from, to; /* nodes */
};

/** A graph. Source and sink are never cut, whatever they cost. Edges from nowhere or to themselves
 * may be there, and several between the same two. */
struct btr_mincut_graph {
    const uint32_t *costs; /* by node */
    uint32_t node_count;
    const struct btr_mincut_edge *edges;
    uint32_t edge_count;
    uint32_t source, sink;
};

/**
 * Of several sets that cost the least it finds the one nearest to the source: no other leaves less
 * on the source's side. Dinic's blocking flows (Soviet Math. Doklady 11, 1970).
 * @param cut   one of each node; receives which are cut
 * @param cost  receives the sum; UINT64_MAX, and nothing is cut, when no set keeps them apart
 * @return 0 or BTR_E_NOMEM
 */
int btr_mincut(const struct btr_mincut_graph *graph, bool *cut, uint64_t *cost,
               struct btr_err *err);

#endif
