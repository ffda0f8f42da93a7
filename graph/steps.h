#ifndef GRAPH_STEPS_H
#define GRAPH_STEPS_H
/** The steps of a walk; there may be millions. They come in stretches, one each time that a node is
 * settled, and lie in chunks: none moves while a walk goes on, and chunks whose steps went into the
 * answer can go before it is whole. */
#include <btr/trace.h>

#define GRAPH_STEPS_MAX (UINT32_MAX - 1)

/* What one settling admitted. */
struct graph_range {
    uint32_t chunk, offset, count; /* goes on at the beginning of the next chunks */
    uint32_t node;                 /* that was settled */
    uint32_t next;                 /* range of the same node, or UINT32_MAX */
};

/* A zeroed struct is empty. */
struct graph_steps {
    struct btr_trace_step **chunks; /* NULL: given back */
    uint32_t chunk_count, chunk_capacity;
    uint32_t used;  /* of the last chunk */
    uint32_t count; /* in all */
    uint64_t size;  /* bytes of all chunks */
};

void graph_steps_fini(struct graph_steps *s);
/** Bytes that the next step takes: those of a chunk, or none. */
uint64_t graph_steps_growth(const struct graph_steps *s);
/** Makes room for a step. @return false when out of memory */
bool graph_steps_grow(struct graph_steps *s);
/** Where the next step will be, with no steps yet. */
struct graph_range graph_steps_here(const struct graph_steps *s, uint32_t node);
/** Copies the steps of a range. */
void graph_steps_copy(struct btr_trace_step *out, const struct graph_steps *s,
                      const struct graph_range *range);
/** Gives back the chunks before one. */
void graph_steps_forget(struct graph_steps *s, uint32_t chunk);

static inline uint32_t graph_steps_capacity(uint32_t chunk)
{
    return chunk < 12 ? UINT32_C(256) << chunk : UINT32_C(1) << 20;
}

/** Whether there is room for a step. */
static inline bool graph_steps_room(const struct graph_steps *s)
{
    return s->chunk_count > 0 && s->used < graph_steps_capacity(s->chunk_count - 1);
}

/** Adds a step, for which there must be room. */
static inline void graph_steps_add(struct graph_steps *s, struct btr_trace_step step)
{
    s->chunks[s->chunk_count - 1][s->used++] = step;
    s->count++;
}

/* A stretch of steps that stand in their order: alike, or one. */
struct graph_stretch {
    uint64_t key;          /* other, kind */
    uint32_t begin, count; /* in the steps to be sorted */
};

/** Sorts by the lowest `bits` of the keys, which have no others, then by begin; they come in its order.
 * @param spare  room for as many  @return the sorted ones: one of the two arrays */
struct graph_stretch *graph_stretches_sort(struct graph_stretch *stretches,
                                           struct graph_stretch *spare, uint32_t count,
                                           unsigned bits);

/* What sorting needs; kept from node to node. A zeroed struct is empty. */
struct graph_sorter {
    const uint32_t *kinds; /* btr_manner_kind of each manner; the caller's */
    struct btr_trace_step *spare;
    struct graph_stretch *stretches;
    size_t spare_capacity, stretch_capacity;
};

void graph_sorter_fini(struct graph_sorter *sorter);
/**
 * Puts the steps of one node in the order that btr/trace.h promises, and drops repetitions. Cheap
 * where steps alike come together in order of time, as a store tells them.
 * @param count  becomes how many are left
 * @return false when out of memory
 */
bool graph_steps_sort(struct graph_sorter *sorter, struct btr_trace_step *steps, uint32_t *count);

#endif
