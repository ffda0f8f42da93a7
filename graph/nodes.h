#ifndef GRAPH_NODES_H
#define GRAPH_NODES_H
/** The nodes of a walk, and from an id to its node: open addressing by the id's own bits, eight
 * bytes a slot. */
#include "label.h"

/* What every flow that leads to a node touches. */
struct graph_node {
    struct btr_id id;
    struct graph_label label; /* the best known */
    uint8_t kind;             /* enum btr_kind; 0 when no flow told it */
    bool reached, settled, start;
};

/* What only settling it touches. */
struct graph_settling {
    struct graph_label done; /* the one it was settled with last */
    uint32_t part;           /* of its flows, the first that was not read; UINT32_MAX: all were */
    uint32_t first_pair;     /* in halves; valid once settled */
    uint32_t range_first, range_last; /* in the walk's ranges; UINT32_MAX: it has no steps */
};

/* A zeroed struct is empty. */
struct graph_nodes {
    struct graph_node *items;
    struct graph_settling *settlings;
    uint32_t count, capacity;
    uint64_t *slots;     /* upper half of an id's `hi`, then its node; UINT64_MAX: free */
    uint32_t slot_count; /* a power of two, at least 10/7 of the capacity */
};

void graph_nodes_fini(struct graph_nodes *n);
/** Bytes held, for the memory limit. */
uint64_t graph_nodes_bytes(const struct graph_nodes *n);
/** Bytes that graph_nodes_room would take beyond these; UINT64_MAX: so many there cannot be. */
uint64_t graph_nodes_growth(const struct graph_nodes *n, uint32_t more);
/** Makes room for `more` nodes. @return false when out of memory */
bool graph_nodes_room(struct graph_nodes *n, uint32_t more);
/** Adds a node, for which there must be room. @return its index */
uint32_t graph_nodes_add(struct graph_nodes *n, struct btr_id id);
/** @return the node of an id, or UINT32_MAX */
uint32_t graph_nodes_find(const struct graph_nodes *n, struct btr_id id);

static inline uint32_t graph_nodes_home(const struct graph_nodes *n, struct btr_id id)
{
    return (uint32_t)id.lo & (n->slot_count - 1);
}

/** Asks the processor for what graph_nodes_find is going to read: its slot; then, when that is
 * there, the node. Both need room for a node. */
static inline void graph_nodes_ask_slot(const struct graph_nodes *n, struct btr_id id)
{
    if (n->slot_count)
        __builtin_prefetch(&n->slots[graph_nodes_home(n, id)]);
}

static inline void graph_nodes_ask_node(const struct graph_nodes *n, struct btr_id id)
{
    uint32_t node = (uint32_t)n->slots[graph_nodes_home(n, id)];
    if (node < n->count)
        __builtin_prefetch(&n->items[node], 1);
}

#endif
