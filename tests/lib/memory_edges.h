#ifndef TESTS_MEMORY_EDGES_H
#define TESTS_MEMORY_EDGES_H
/** The in-memory twin of a store's edges: a plain array of events. An event's `stream` is its
 * source, its index its ref. */
#include <btr/edges.h>

/* An event as seen from one of its ends. */
struct memory_edges_end {
    struct btr_id entity;
    struct btr_flow flow;
    bool into, out_of, meet;
};

struct memory_edges {
    const struct btr_event *events; /* borrowed */
    uint32_t event_count;
    struct memory_edges_end *ends; /* both ends of each event, sorted by entity, then event */
    uint32_t end_count;
    struct btr_idmap index;               /* entity -> its first end */
    uint8_t (*kind_of)(struct btr_id id); /* tells other_kind; NULL: not told */
    uint32_t run_max;                     /* flows a visit at most; 0 = 256 */
    uint64_t asked[BTR_SIDE_ALL + 1];     /* calls, by side */
};

/** Borrows the events until memory_edges_fini. Aborts the test when out of memory. */
void memory_edges_init(struct memory_edges *m, const struct btr_event *events,
                       uint32_t event_count);
void memory_edges_fini(struct memory_edges *m);
struct btr_edges memory_edges_of(struct memory_edges *m);

#endif
