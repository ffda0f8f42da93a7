/*
 * Open addressing with linear probing; capacity is a power of two, at most 7/10 full. Keys of empty
 * slots are zero, so that a probe reads the values only where a key matches or a run ends.
 */
#include <btr/id.h>

#include <assert.h>

enum { MAP_CAPACITY_MIN = 16, RESET_KEEPS = 1 << 12 };
#define MAP_EMPTY UINT32_MAX
#define MAP_CAPACITY_MAX (UINT32_C(1) << 31)

static bool is_full(uint32_t count, uint32_t capacity)
{
    return ((uint64_t)count + 1) * 10 > (uint64_t)capacity * 7;
}

/* New, empty arrays of twice the size. @return 0 when out of memory */
static uint32_t arrays_new(uint32_t capacity, size_t key_size, void **keys, uint32_t **values)
{
    if (capacity >= MAP_CAPACITY_MAX)
        return 0;
    capacity = capacity == 0 ? MAP_CAPACITY_MIN : capacity * 2;
    *keys = calloc(capacity, key_size);
    *values = malloc(capacity * sizeof(**values));
    if (!*keys || !*values) {
        free(*keys);
        free(*values);
        return 0;
    }
    memset(*values, 0xff, capacity * sizeof(**values));
    return capacity;
}

/* ---- Ids: already hashes, so that their own bits name the slot --------------------------------
 */

static uint32_t id_slot(const struct btr_idmap *map, struct btr_id id)
{
    uint32_t mask = map->capacity - 1;
    uint32_t slot = (uint32_t)id.lo & mask;
    while (!btr_id_equal(map->keys[slot], id)) {
        if (btr_id_is_none(map->keys[slot]) && map->values[slot] == MAP_EMPTY)
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

void btr_idmap_fini(struct btr_idmap *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct btr_idmap){0};
}

void btr_idmap_clear(struct btr_idmap *map)
{
    if (map->count == 0)
        return;
    memset(map->keys, 0, map->capacity * sizeof(*map->keys));
    memset(map->values, 0xff, map->capacity * sizeof(*map->values));
    map->count = 0;
}

void btr_idmap_reset(struct btr_idmap *map)
{
    if (map->capacity > RESET_KEEPS && map->count < map->capacity / 64)
        btr_idmap_fini(map);
    else
        btr_idmap_clear(map);
}

uint32_t btr_idmap_get(const struct btr_idmap *map, struct btr_id id)
{
    return map->count == 0 ? MAP_EMPTY : map->values[id_slot(map, id)];
}

static bool id_grow(struct btr_idmap *map)
{
    struct btr_idmap grown = {.count = map->count};
    void *keys;
    grown.capacity = arrays_new(map->capacity, sizeof(*map->keys), &keys, &grown.values);
    if (grown.capacity == 0)
        return false;
    grown.keys = keys;
    for (uint32_t i = 0; i < map->capacity; i++) {
        if (map->values[i] == MAP_EMPTY)
            continue;
        uint32_t slot = id_slot(&grown, map->keys[i]);
        grown.keys[slot] = map->keys[i];
        grown.values[slot] = map->values[i];
    }
    struct btr_idmap old = *map;
    *map = grown;
    btr_idmap_fini(&old);
    return true;
}

uint32_t btr_idmap_add(struct btr_idmap *map, struct btr_id id, uint32_t value)
{
    assert(value != MAP_EMPTY);
    if (map->capacity > 0) {
        uint32_t slot = id_slot(map, id);
        if (map->values[slot] != MAP_EMPTY)
            return map->values[slot];
    }
    if (is_full(map->count, map->capacity) && !id_grow(map))
        return MAP_EMPTY;
    uint32_t slot = id_slot(map, id);
    map->keys[slot] = id;
    map->values[slot] = value;
    map->count++;
    return value;
}

/* ---- Numbers: pids, serials, inodes; mixed first, as they come in rows -------------------------
 */

static uint32_t u64_home(uint64_t key, uint32_t mask)
{
    key *= UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio; Knuth, TAOCP 3, 6.4 */
    return (uint32_t)(key >> 32) & mask;
}

static uint32_t u64_slot(const struct btr_u64map *map, uint64_t key)
{
    uint32_t mask = map->capacity - 1;
    uint32_t slot = u64_home(key, mask);
    while (map->keys[slot] != key) {
        if (map->keys[slot] == 0 && map->values[slot] == MAP_EMPTY)
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

void btr_u64map_fini(struct btr_u64map *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct btr_u64map){0};
}

void btr_u64map_clear(struct btr_u64map *map)
{
    if (map->count == 0)
        return;
    memset(map->keys, 0, map->capacity * sizeof(*map->keys));
    memset(map->values, 0xff, map->capacity * sizeof(*map->values));
    map->count = 0;
}

uint32_t btr_u64map_get(const struct btr_u64map *map, uint64_t key)
{
    return map->count == 0 ? MAP_EMPTY : map->values[u64_slot(map, key)];
}

/* To twice a capacity. */
static bool u64_grow(struct btr_u64map *map, uint32_t half)
{
    struct btr_u64map grown = {.count = map->count};
    void *keys;
    grown.capacity = arrays_new(half, sizeof(*map->keys), &keys, &grown.values);
    if (grown.capacity == 0)
        return false;
    grown.keys = keys;
    for (uint32_t i = 0; i < map->capacity; i++) {
        if (map->values[i] == MAP_EMPTY)
            continue;
        uint32_t slot = u64_slot(&grown, map->keys[i]);
        grown.keys[slot] = map->keys[i];
        grown.values[slot] = map->values[i];
    }
    struct btr_u64map old = *map;
    *map = grown;
    btr_u64map_fini(&old);
    return true;
}

bool btr_u64map_room(struct btr_u64map *map, uint32_t count)
{
    uint32_t half = map->capacity ? map->capacity : MAP_CAPACITY_MIN;
    if (!is_full(count, map->capacity))
        return true;
    while (half < MAP_CAPACITY_MAX && is_full(count, half * 2))
        half *= 2;
    return u64_grow(map, half);
}

void btr_u64map_ask(const struct btr_u64map *map, uint64_t key)
{
    if (map->capacity == 0)
        return;
    uint32_t slot = u64_home(key, map->capacity - 1);
    __builtin_prefetch(&map->keys[slot]);
    __builtin_prefetch(&map->values[slot]);
}

bool btr_u64map_set(struct btr_u64map *map, uint64_t key, uint32_t value)
{
    assert(value != MAP_EMPTY);
    if (map->capacity > 0) {
        uint32_t slot = u64_slot(map, key);
        if (map->values[slot] != MAP_EMPTY) {
            map->values[slot] = value;
            return true;
        }
    }
    if (is_full(map->count, map->capacity) && !u64_grow(map, map->capacity))
        return false;
    uint32_t slot = u64_slot(map, key);
    map->keys[slot] = key;
    map->values[slot] = value;
    map->count++;
    return true;
}

uint32_t btr_u64map_add(struct btr_u64map *map, uint64_t key, uint32_t value)
{
    assert(value != MAP_EMPTY);
    if (is_full(map->count, map->capacity)) {
        uint32_t held = btr_u64map_get(map, key);
        if (held != MAP_EMPTY || !u64_grow(map, map->capacity))
            return held;
    }
    uint32_t slot = u64_slot(map, key);
    if (map->values[slot] == MAP_EMPTY) {
        map->keys[slot] = key;
        map->values[slot] = value;
        map->count++;
    }
    return map->values[slot];
}

/* Closes the hole by shifting back what a probe could no longer reach; no tombstones. */
void btr_u64map_remove(struct btr_u64map *map, uint64_t key)
{
    if (map->count == 0)
        return;
    uint32_t mask = map->capacity - 1;
    uint32_t hole = u64_slot(map, key);
    if (map->values[hole] == MAP_EMPTY)
        return;
    for (uint32_t slot = (hole + 1) & mask; map->values[slot] != MAP_EMPTY;
         slot = (slot + 1) & mask) {
        uint32_t home = u64_home(map->keys[slot], mask);
        if (((slot - home) & mask) < ((slot - hole) & mask))
            continue; /* its home lies behind the hole */
        map->keys[hole] = map->keys[slot];
        map->values[hole] = map->values[slot];
        hole = slot;
    }
    map->keys[hole] = 0;
    map->values[hole] = MAP_EMPTY;
    map->count--;
}
