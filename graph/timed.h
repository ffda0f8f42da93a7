#ifndef GRAPH_TIMED_H
#define GRAPH_TIMED_H
/** Edges of which the time may run out: for questions that are asked in one go and may be long. */
#include <btr/edges.h>

enum { GRAPH_LATE = 1 }; /* what a question returns then; what it told before holds */

struct graph_timed {
    const struct btr_edges *edges;
    int64_t deadline_ns; /* monotonic; INT64_MAX: none */
};

/** Borrows `t`. Whether halves are crossed is not asked through them. */
struct btr_edges graph_timed_edges(struct graph_timed *t);

#endif
