#ifndef BTR_ID_H
#define BTR_ID_H
/**
 * Entity ids: 128-bit XXH3 of a canonical key (docs/EVENTS.md, "Identity"). Two machines that see
 * the same thing compute the same id.
 */
#include <btr/span.h>

struct btr_id {
    uint64_t hi, lo;
};

enum { BTR_ID_TEXT_SIZE = 33 }; /* 32 hex digits and NUL */

static inline bool btr_id_equal(struct btr_id a, struct btr_id b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

static inline bool btr_id_is_none(struct btr_id a)
{
    return (a.hi | a.lo) == 0;
}

static inline int btr_id_compare(struct btr_id a, struct btr_id b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return a.lo < b.lo ? -1 : a.lo > b.lo;
}

/** Hash of a canonical key. */
struct btr_id btr_id_hash(struct btr_span key);
/** Hash of several parts, each written with its length, so that ("ab","c") and ("a","bc") differ.
 * At most 8 parts. */
struct btr_id btr_id_of(const struct btr_span *parts, size_t part_count);
void btr_id_text(struct btr_id id, char out[BTR_ID_TEXT_SIZE]);
bool btr_id_parse(struct btr_span text, struct btr_id *id);

/** 64-bit XXH3, for checksums and tables; not for identity. */
uint64_t btr_hash64(struct btr_span bytes);
/** The same under a seed. With a secret one nobody outside can look for bytes of the same hash. */
uint64_t btr_hash64_seeded(struct btr_span bytes, uint64_t seed);

/** Open-addressing map id -> uint32_t. A zeroed struct is an empty map. */
struct btr_idmap {
    struct btr_id *keys;
    uint32_t *values; /* UINT32_MAX marks an empty slot */
    uint32_t capacity, count;
};

void btr_idmap_fini(struct btr_idmap *map);
/** Empties it; it keeps its room, so that as many keys fit again. */
void btr_idmap_clear(struct btr_idmap *map);
/** Empties one that is filled and emptied again and again: once it is far larger than what it held,
 * it gives its room back instead of being wiped whole each time. */
void btr_idmap_reset(struct btr_idmap *map);
/** @return the value, or UINT32_MAX when the id is not there */
uint32_t btr_idmap_get(const struct btr_idmap *map, struct btr_id id);
/**
 * Finds the id, or adds it with `value`.
 * @return the value that the map now holds for it (an older one wins), or UINT32_MAX when out of
 * memory
 */
uint32_t btr_idmap_add(struct btr_idmap *map, struct btr_id id, uint32_t value);

/** The same for 64-bit keys, with replace and remove. */
struct btr_u64map {
    uint64_t *keys;
    uint32_t *values; /* UINT32_MAX marks an empty slot */
    uint32_t capacity, count;
};

void btr_u64map_fini(struct btr_u64map *map);
/** As btr_idmap_clear. */
void btr_u64map_clear(struct btr_u64map *map);
uint32_t btr_u64map_get(const struct btr_u64map *map, uint64_t key);
/** Adds or replaces. @return false when out of memory */
bool btr_u64map_set(struct btr_u64map *map, uint64_t key, uint32_t value);
/** As btr_idmap_add. */
uint32_t btr_u64map_add(struct btr_u64map *map, uint64_t key, uint32_t value);
/** Makes room for so many keys in all. @return false when out of memory */
bool btr_u64map_room(struct btr_u64map *map, uint32_t count);
/** Has the memory that a key would be looked for in fetched, for one who looks soon. */
void btr_u64map_ask(const struct btr_u64map *map, uint64_t key);
void btr_u64map_remove(struct btr_u64map *map, uint64_t key);

#endif
