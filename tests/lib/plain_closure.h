#ifndef TESTS_PLAIN_CLOSURE_H
#define TESTS_PLAIN_CLOSURE_H
/**
 * The closure of docs/EVENTS.md, "Causality" over whole recordings, as plainly as their size allows: all
 * flows of an event list in arrays, sorted once by the node that they are admitted at; bounds of a node
 * are one time for each source; nodes whose bounds changed are looked at again until none changes.
 * Shares no code with the walk. Pairs of half-seen connections are given to it.
 */
#include <btr/event.h>
#include <btr/trace.h>

enum { PLAIN_SOURCES_MAX = 64 };
#define PLAIN_NO_SOURCE UINT32_MAX

/* What flows between two nodes, as one of them sees it. */
struct plain_flow {
    int64_t first_ns, last_ns;
    uint32_t near, far; /* nodes; it is admitted at `near` */
    uint32_t source;    /* PLAIN_NO_SOURCE: a pair */
    uint8_t operation, doubt, flags;
};

/* Flows by the node that they are admitted at, those that are admitted first at the front. */
struct plain_side {
    struct plain_flow *flows;
    uint32_t *begins; /* by node; one more than nodes */
};

struct plain_graph {
    struct btr_id *ids; /* of nodes */
    struct btr_idmap numbers;
    uint32_t node_count, flow_count, source_count;
    struct plain_side sides[2]; /* by enum btr_walk_direction */
    int64_t *bounds;            /* node * (source_count + 1) + source; the last is of any other source */
    bool *reached, *waiting;
    uint32_t *found, *queue; /* nodes: of the closure; a ring of those to be looked at */
    uint32_t found_count;
};

/**
 * Events' `stream` is their source, below `source_count`. Aborts when out of memory.
 * @param pairs  halves that are one connection, of all rendezvous
 */
void plain_graph_init(struct plain_graph *g, const struct btr_event *events, uint32_t event_count,
                      uint32_t source_count, const struct btr_pair *pairs, uint32_t pair_count);
void plain_graph_fini(struct plain_graph *g);

/** What the closure holds; valid in the call. */
struct plain_visitor {
    void *self;
    void (*node)(void *self, struct btr_id id, int64_t bound_ns);
    void (*step)(void *self, struct btr_id near, struct btr_id far, const struct plain_flow *flow,
                 int64_t last_ns); /* last_ns: as struct btr_trace_step has it, of pairs too */
};

/** Computes the closure of one start, and visits each node and each step of it once, in any order. */
void plain_closure(struct plain_graph *g, enum btr_walk_direction direction,
                   const struct btr_start *start, const struct plain_visitor *visitor);

#endif
