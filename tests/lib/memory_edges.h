#ifndef TESTS_MEMORY_EDGES_H
#define TESTS_MEMORY_EDGES_H
/** The in-memory twin of a store's edges: a plain array of events. An event's `stream` is its
 * source, its index its ref. */
#include <btr/edges.h>

/* An event as seen from one of its ends. */
struct memory_edges_end {
    struct btr_id entity;
    struct btr_flow flow;
    bool subject, into, out_of, meet;
};

enum { MEMORY_PARTS_MAX = 8 };

/* A part of the events, as a segment of a store has them. */
struct memory_edges_part {
    int64_t first_ns, last_ns;
    uint32_t number; /* events of this one */
};

struct memory_edges {
    const struct btr_event *events; /* borrowed */
    uint32_t event_count;
    struct memory_edges_end *ends; /* both ends of each event, sorted by entity, then event */
    uint32_t end_count;
    struct btr_idmap index;               /* entity -> its first end */
    uint8_t (*kind_of)(struct btr_id id); /* tells other_kind; NULL: not told */
    uint32_t run_max;                     /* flows a visit at most; 0 = 256 */
    uint32_t part_count;                  /* 0: as one */
    uint8_t *part_of;                     /* by event */
    struct memory_edges_part parts[2][MEMORY_PARTS_MAX]; /* by side: in the order to visit them */
    int64_t rest_late_ns; /* of a stretch: what is left is told so much later than it is, at most */
    uint64_t asked[BTR_SIDE_ALL + 1];     /* calls, by side */
    uint64_t told;                        /* flows */
};

/** Borrows the events until memory_edges_fini. Aborts the test when out of memory. */
void memory_edges_init(struct memory_edges *m, const struct btr_event *events,
                       uint32_t event_count);
/** Tells flows in parts from now on: of events taken at random by a seed, or (seed 0) one stretch of
 * their array after the other. */
void memory_edges_part(struct memory_edges *m, uint32_t part_count, uint64_t seed);
void memory_edges_fini(struct memory_edges *m);
struct btr_edges memory_edges_of(struct memory_edges *m);

#endif
