#ifndef STORE_CACHE_H
#define STORE_CACHE_H
/** Decoded blocks within a budget of bytes; the one that was not used for a round goes first. One
 * thread. */
#include <btr/span.h>

#include <assert.h>

/** Place of one decoded block. A pinned one stays. */
struct cache_slot {
    void *data; /* malloc'd; NULL = not decoded */
    void *more; /* malloc'd, what was added to it; NULL = nothing */
    size_t size;
    uint32_t pins;
    bool used; /* since the hand came by */
};

struct store_cache {
    struct cache_slot **slots; /* those with data */
    size_t count, capacity, hand;
    size_t size, size_max;
};

void store_cache_fini(struct store_cache *cache); /* frees the data of all slots */
/** Hands data over to a slot and makes room for it. @return false when out of memory; data is then
 * freed */
bool store_cache_put(struct store_cache *cache, struct cache_slot *slot, void *data, size_t size);

/** Hands more over to a slot with data, in addition: it goes when they go. The slot has none yet.
 */
void store_cache_add(struct store_cache *cache, struct cache_slot *slot, void *more, size_t size);

static inline void store_cache_pin(struct cache_slot *slot)
{
    slot->pins++;
    slot->used = true;
}

static inline void store_cache_unpin(struct cache_slot *slot)
{
    assert(slot && slot->pins > 0);
    slot->pins--;
}

#endif
