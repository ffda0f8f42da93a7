#ifndef GRAPH_FRONTIER_H
#define GRAPH_FRONTIER_H
/** The nodes that a walk has yet to settle: a heap by key, the largest first, ties to the lower id.
 * A node is in it once. */
#include <btr/id.h>

struct graph_frontier_entry {
    int64_t key;
    struct btr_id id;
    uint32_t node;
};

/* A zeroed struct is an empty frontier. */
struct graph_frontier {
    struct graph_frontier_entry *heap;
    uint32_t *place; /* of a node in the heap; UINT32_MAX when it is not there */
    uint32_t count, capacity, place_capacity;
};

void graph_frontier_fini(struct graph_frontier *f);
/** Bytes held, for the memory limit. */
uint64_t graph_frontier_bytes(const struct graph_frontier *f);
/** Puts a node in, or raises its key; a lower key than it has changes nothing. @return false when
 * out of memory */
bool graph_frontier_raise(struct graph_frontier *f, uint32_t node, struct btr_id id, int64_t key);
/** Takes the first out. The frontier must not be empty. */
struct graph_frontier_entry graph_frontier_pop(struct graph_frontier *f);

#endif
