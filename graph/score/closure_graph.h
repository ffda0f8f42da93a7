#ifndef GRAPH_SCORE_CLOSURE_GRAPH_H
#define GRAPH_SCORE_CLOSURE_GRAPH_H
/**
 * The plain closure as a graph, for the published strategies: they begin with all that can have led
 * to an alert, and prune or rank it. Steps between the same two nodes are one edge. An edge goes
 * from far to near, as information flowed in a walk backward; forward is the mirror, so that a
 * strategy is written once.
 */
#include "score/kept.h"

struct closure_node {
    struct btr_id id;
    struct btr_fact fact;
    uint32_t in_begin, in_count;   /* edges of which it is the near end, in `edges` */
    uint32_t out_begin, out_count; /* edges of which it is the far end, in `out` */
    bool start;
};

struct closure_edge {
    uint32_t far, near;        /* nodes */
    int64_t first_ns, last_ns; /* of its events, order time: the least and the greatest */
    uint64_t bytes; /* moved by its events, as far as they tell; 0: none does, or not read */
    uint32_t event_count;
};

struct closure_graph {
    struct closure_node *nodes; /* in the order of the trace: those nearest to the alert first */
    struct closure_edge *edges; /* by near end, then far end */
    uint32_t *out;              /* edges by far end, then in the order of `edges` */
    uint32_t node_count, edge_count;
    enum btr_walk_direction direction;
    enum btr_cut cut;    /* of the closure */
    uint64_t unexplored; /* nodes of the closure that were not (all) looked at then */
};

/**
 * Walks the closure of a scene and makes its graph. A step from a node to itself is no edge.
 * @param with_bytes  reads what each event moved, too
 * @param out  free with closure_graph_fini(), on failure, too
 * @return 0, or as btr_walk
 */
int closure_graph_walk(struct closure_graph *out, const struct btr_scene *scene, bool with_bytes,
                       struct btr_err *err);

/**
 * Makes `in_*`, `out_*` and `out` of nodes and edges that are there, and sorts the edges.
 * @return false when out of memory
 */
bool closure_graph_index(struct closure_graph *g);
void closure_graph_fini(struct closure_graph *g);

/** Time toward the alert: as it is when the walk is backward, else negated. */
static inline int64_t closure_nearness(const struct closure_graph *g, int64_t t_ns)
{
    return g->direction == BTR_WALK_BACKWARD ? t_ns : -t_ns;
}

/**
 * Whether events of an edge can have mattered to what was near it until a bound, as far as its
 * first and last tell, within BTR_SOURCE_ERROR_NS.
 * @param bound_ns  nearness  @param passed_ns  receives the bound of its far end
 */
bool closure_edge_admits(const struct closure_graph *g, const struct closure_edge *edge,
                         int64_t bound_ns, int64_t *passed_ns);

/** Keeps the pair of an edge, the way information flowed. */
void closure_edge_keep(const struct closure_graph *g, uint32_t edge, double score,
                       struct kept_list *list);

/**
 * The end of what a strategy does: hands over what it kept, unless it failed; the list is empty
 * then. Of a closure that was cut anything may be missing, with scores as high as 1.
 * @param rc  how it went so far
 * @return rc, or as kept_finish
 */
int closure_graph_kept(const struct closure_graph *g, int rc, struct kept_list *list,
                       struct btr_kept_pairs *out, struct btr_err *err);

#endif
