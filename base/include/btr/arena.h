#ifndef BTR_ARENA_H
#define BTR_ARENA_H
/**
 * Memory that lives and dies together. Allocation is a pointer bump in blocks taken as needed up to a
 * bound; nothing is freed alone. One thread.
 */
#include <btr/span.h>

struct btr_arena;

/** @param size_max  bytes it may hold in all; more is refused  @return NULL when out of memory */
struct btr_arena *btr_arena_new(size_t size_max);
void btr_arena_free(struct btr_arena *arena);
/** Forgets all allocations; keeps the blocks for use again. */
void btr_arena_reset(struct btr_arena *arena);
/** @param align power of two, at most 16  @return uninitialised bytes, or NULL when full. Size 0 gives a valid pointer. */
void *btr_arena_alloc(struct btr_arena *arena, size_t size, size_t align);
/** Copies bytes. @return false when full; *out is then unchanged */
bool btr_arena_copy(struct btr_arena *arena, struct btr_span bytes, struct btr_span *out);
/** @return bytes handed out since the last reset */
size_t btr_arena_used(const struct btr_arena *arena);
/** Whether something was refused since the last reset because of its size_max; else a NULL was for want of memory. */
bool btr_arena_refused(const struct btr_arena *arena);

#endif
