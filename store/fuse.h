#ifndef STORE_FUSE_H
#define STORE_FUSE_H
/**
 * Whether an id may be in a set: a binary fuse filter of three places and 8-bit fingerprints (Graf
 * and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", JEA 27, 2022). A member is
 * never denied; of others one in 256 passes. Its bytes stand in docs/FORMAT.md, section "Filter".
 */
#include <btr/buffer.h>
#include <btr/id.h>

enum { STORE_FUSE_HEAD = 16, STORE_FUSE_LOG_MAX = 14 };

/** A filter in place. Without fingerprints everything may be in the set. */
struct store_fuse {
    const uint8_t *prints;
    uint64_t seed;
    uint32_t reach; /* first places: below it; two stretches of mask + 1 follow */
    uint32_t mask;  /* length of a stretch, a power of two, less one */
};

static inline uint64_t store_fuse_hash(struct btr_id id, uint64_t seed)
{
    uint64_t h = (id.lo ^ (id.hi << 32 | id.hi >> 32)) + seed;
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd); /* the finalizer of MurmurHash3 */
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static inline uint8_t store_fuse_print(uint64_t h)
{
    return (uint8_t)(h ^ h >> 32);
}

/** The three places of a hash, each in a stretch of its own. */
static inline void store_fuse_places(const struct store_fuse *f, uint64_t h, uint32_t at[3])
{
    at[0] = (uint32_t)((h >> 32) * f->reach >> 32);
    at[1] = (at[0] + f->mask + 1) ^ ((uint32_t)(h >> 14) & f->mask);
    at[2] = (at[0] + 2 * (f->mask + 1)) ^ ((uint32_t)h & f->mask);
}

static inline bool store_fuse_may(const struct store_fuse *f, struct btr_id id)
{
    uint32_t at[3];
    if (!f->prints)
        return true;
    uint64_t h = store_fuse_hash(id, f->seed);
    store_fuse_places(f, h, at);
    return (f->prints[at[0]] ^ f->prints[at[1]] ^ f->prints[at[2]]) == store_fuse_print(h);
}

/** Has the memory fetched that an answer about an id lies in. */
static inline void store_fuse_ask(const struct store_fuse *f, struct btr_id id)
{
    uint32_t at[3];
    if (!f->prints)
        return;
    store_fuse_places(f, store_fuse_hash(id, f->seed), at);
    for (int i = 0; i < 3; i++)
        __builtin_prefetch(&f->prints[at[i]]);
}

/**
 * Appends a filter of these ids, or nothing when none can be made: then everything may be in it.
 * The same ids give the same bytes.
 * @param ids  each once  @return false when out of memory
 */
bool store_fuse_make(struct btr_buffer *out, const struct btr_id *ids, uint32_t count);
/** Reads a filter in place. @return false when malformed */
bool store_fuse_read(struct store_fuse *out, struct btr_span bytes);

#endif
