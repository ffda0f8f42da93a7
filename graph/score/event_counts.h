#ifndef GRAPH_SCORE_EVENT_COUNTS_H
#define GRAPH_SCORE_EVENT_COUNTS_H
/** How often a fleet has seen events like those of an edge, for the strategies that weigh it. */
#include "score/closure_graph.h"

/** What is known of the events of an edge. */
struct event_count {
    uint64_t alike; /* events of that program and that thing; of a start of a process, those of the
                       closure between the two programs */
    uint64_t most;  /* the most events of the program with any one thing; at least `alike` and 1 */
    bool counted;   /* false: of a thing without a name (a pipe), or of a program not known */
};

/** Programs that started programs, counted in the closure. A zeroed struct is empty. */
struct event_starts {
    struct btr_u64map pairs, programs; /* starts by (starter, started); the most of a starter */
};

/** @return false when out of memory */
bool event_starts_count(struct event_starts *starts, const struct closure_graph *g);
void event_starts_fini(struct event_starts *starts);

struct event_count event_count_of(const struct btr_usual *usual, const struct event_starts *starts,
                                  const struct closure_graph *g, const struct closure_edge *edge);

/** The share of all programs that have the thing that a node is: 0 when it is not counted. */
double event_thing_share(const struct btr_usual *usual, const struct btr_fact *fact);

#endif
