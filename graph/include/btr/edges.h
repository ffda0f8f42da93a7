#ifndef BTR_EDGES_H
#define BTR_EDGES_H
/** What a walk reads: the events around an entity. The store is one; tests have one in memory. */
#include <btr/store.h>

struct btr_edges {
    void *self;
    /** As btr_reader_flows. */
    int (*flows)(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                 struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                 struct btr_err *err);
    /** Whether a walk crosses from one half of a connection to the other, as information would
     * flow. NULL: always. */
    bool (*crosses)(void *self, struct btr_id from, struct btr_id to);
    /** Hears of each connection that a walk comes to and that stands at no rendezvous: both of its
     * ends may tell of it. NULL: nobody asks. */
    int (*connection)(void *self, struct btr_id flow, struct btr_err *err);
};

/** Who looks at the flows that a question is answered with, and at which of them. */
struct btr_flow_sieve {
    /** Whether a flow is handed on. @param same  its other end is that of the flow that was asked
     * for before it, of which `*keeps` tells what was said. @return 0 or a failure */
    int (*keeps)(void *self, const struct btr_flow *flow, bool same, bool *keeps);
    void *self;
    btr_flow_visit *visit;
    void *visitor;
};

/** A btr_flow_visit that hands on what a struct btr_flow_sieve keeps, in their order. */
int btr_flows_sift(void *sieve, const struct btr_flow *flows, uint32_t flow_count);

/** The edges of a store's snapshot. */
struct btr_edges btr_edges_of_reader(struct btr_reader *reader);

#endif
