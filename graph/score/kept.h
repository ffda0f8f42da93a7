#ifndef GRAPH_SCORE_KEPT_H
#define GRAPH_SCORE_KEPT_H
/** Pairs and ways in the making. */
#include <btr/strategy.h>

/* A zeroed struct is empty. */
struct kept_list {
    struct btr_kept_pair *pairs;
    struct btr_kept_way *ways;
    uint32_t pair_count, pair_capacity, way_count, way_capacity;
    bool failed; /* out of memory */
};

/** Keeps a pair; of several scores the highest counts. */
void kept_add(struct kept_list *list, struct btr_id from, struct btr_id to, double score);
/** The same, with a reason; of equal scores the first in the table counts. */
void kept_add_why(struct kept_list *list, struct btr_id from, struct btr_id to, double score, enum btr_kept_why why);
void kept_way_add(struct kept_list *list, struct btr_id entity, double score);
/** Sorts, joins what was kept twice, and hands over; the list is empty then. @return 0 or
 * BTR_E_NOMEM */
int kept_finish(struct kept_list *list, struct btr_kept_pairs *out, struct btr_err *err);

/** Whether a pair is kept for what its end took, which forward nothing leads to. */
bool kept_is_taken(const struct btr_kept_pairs *kept, struct btr_id from, struct btr_id to);
/** Adds to a forward trace what its nodes took, of kept pairs, since they were reached: as nodes that no path leads to, with their
 * steps (taken.c). @return 0, or as the edges; the trace must be freed then */
int kept_take(struct btr_trace *trace, const struct btr_edges *edges, const struct btr_kept_pairs *kept,
              struct btr_err *err);

/** Edges of which only events between kept pairs are seen. */
struct kept_edges {
    const struct btr_edges *edges; /* borrowed, as `kept` is */
    const struct btr_kept_pairs *kept;
    int64_t since_ns; /* nor those that ended before; INT64_MIN: all */
};
struct btr_edges kept_edges_of(struct kept_edges *k);

#endif
