#ifndef GRAPH_WALK_H
#define GRAPH_WALK_H
/** A walk under way: what walk.c fills and trace.c turns into the answer. */
#include "frontier.h"
#include "halves.h"
#include "manners.h"
#include "nodes.h"
#include "steps.h"

struct graph_walk {
    const struct btr_edges *edges;
    enum btr_walk_direction direction;
    const struct btr_walk_limits *limits;
    int64_t deadline_ns; /* monotonic; INT64_MAX without a budget */
    int64_t cap_ns;      /* the latest start, in the walk's time */
    struct btr_err *err;

    struct graph_nodes nodes;
    struct graph_frontier frontier;
    struct graph_steps steps;   /* other: node of the walk; of pairs: index in halves */
    struct graph_range *ranges; /* of the steps, as they came */
    uint32_t range_count, range_capacity;
    struct graph_manners manners;
    struct graph_halves halves;
    enum btr_cut cut;
    bool started; /* all starts are in: limits count from here */

    uint32_t now;                   /* the node being settled */
    bool again;                     /* what is read now was read before, with `done` */
    struct graph_label label, done; /* its labels when its settling began */
    int64_t left_ns;                /* the latest that what is left of it hands on */
};

/** Order time to the walk's time, and back: forward is the mirror of backward. */
static inline int64_t graph_walk_time(const struct graph_walk *w, int64_t t_ns)
{
    if (w->direction == BTR_WALK_BACKWARD)
        return t_ns;
    return t_ns == INT64_MIN ? INT64_MAX : -t_ns;
}

/** Makes the answer out of a finished or cut walk (graph/trace.c). @return 0 or BTR_E_NOMEM */
int graph_trace_make(struct btr_trace **out, struct graph_walk *w);

#endif
