#ifndef GRAPH_MANNERS_H
#define GRAPH_MANNERS_H
/** What the steps of a walk have in common, each once: millions of steps come in a few hundred
 * manners. */
#include <btr/trace.h>

/* A zeroed struct is empty. */
struct graph_manners {
    struct btr_manner *items;
    uint32_t count, capacity;
    struct btr_u64map known; /* from graph_manner_key to the place in items */
    uint64_t last_key;       /* that was asked for last, once there is one */
    uint32_t last;
};

void graph_manners_fini(struct graph_manners *m);
/** Bytes held, for the memory limit. */
uint64_t graph_manners_bytes(const struct graph_manners *m);
/** Finds or adds. @return its place in items, or UINT32_MAX when out of memory */
uint32_t graph_manners_seek(struct graph_manners *m, struct btr_manner manner);

static inline uint64_t graph_manner_key(struct btr_manner manner)
{
    return (uint64_t)manner.source << 32 | (uint64_t)manner.pair << 24 |
           (uint32_t)manner.operation << 16 | (uint32_t)manner.doubt << 8 | manner.flags;
}

/** The same; cheap for the manner that was asked for last. */
static inline uint32_t graph_manners_of(struct graph_manners *m, struct btr_manner manner)
{
    bool same = m->count > 0 && m->last_key == graph_manner_key(manner);
    return same ? m->last : graph_manners_seek(m, manner);
}

#endif
