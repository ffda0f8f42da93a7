#ifndef GRAPH_PAIR_H
#define GRAPH_PAIR_H
/** Pairing of a part of a rendezvous' meetings. */
#include <btr/trace.h>

/** Meetings that no other meeting is within GRAPH_ALIGN_DELAY_NS of, so that all of them are paired
 * among themselves. */
struct pair_stretch {
    int64_t first_ns, last_ns;
};

/**
 * What btr_pair_rendezvous tells of the stretch around a time, and reads little more for it.
 * @param at_ns    of a meeting at the rendezvous
 * @param stretch  receives what was paired
 */
int graph_pair_stretch(const struct btr_edges *edges, struct btr_id rendezvous, int64_t at_ns,
                       struct pair_stretch *stretch, struct btr_pair **pairs,
                       uint32_t *pair_count, struct btr_err *err);

#endif
