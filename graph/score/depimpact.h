#ifndef GRAPH_SCORE_DEPIMPACT_H
#define GRAPH_SCORE_DEPIMPACT_H
/**
 * Fang, Gao, Liu, Ayday, Jee, Wang, Ye, Liu, Xiao: "Back-Propagating System Dependency Impact for
 * Attack Investigation", USENIX Security 2022, in parts. docs/SCORING.md tells what is as
 * published.
 *   depimpact_weight.c  how much each edge counts: features, two clusters, the best projection
 *   depimpact.c         impact from the alert to the ways in, their ranking, forward from the first
 */
#include "score/closure_graph.h"

enum { DEPIMPACT_ENTRIES = 6, DEPIMPACT_FEATURES = 3 };

/** The alert, as edges are compared with it. */
struct depimpact_alert {
    int64_t time_ns;
    uint64_t bytes;
};

/**
 * Weighs edges: of those out of one far end the weights sum to 0.99.
 * @param weights  receives one of each edge, 0 to 1
 * @return false when out of memory
 */
bool depimpact_weigh(double *weights, const struct closure_graph *g,
                     const struct depimpact_alert *alert);

/**
 * Spreads impact: nodes that are starts have 1, any other the sum of that of the near ends of its
 * edges, each times the edge's weight. Rounds go on until all changes of one sum to less than
 * 1e-10.
 * @param impact  receives one of each node
 */
void depimpact_spread(double *impact, const struct closure_graph *g, const double *weights);

/** An entry: where the closure comes from. */
struct depimpact_entry {
    uint32_t node, category, place; /* place: in its category, from 0 */
    double impact;
};

/**
 * The entries, in the order in which they are taken: the first of each category, by impact, then
 * the second of each, and so on. An entry is a connection that something came from, or any node that
 * nothing went into; a start is none.
 * @param entries  receives at most one of each node
 * @return how many
 */
uint32_t depimpact_rank(struct depimpact_entry *entries, const struct closure_graph *g,
                        const double *impact);

#endif
