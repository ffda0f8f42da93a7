#include "follow_seen.h"

#include <btr/id.h>
#include <stdlib.h>

/*
 * A slot is four bytes, and holds enough of the digest that a message which is new seldom asks the
 * ring: a table of all digests would be read from memory at each message, as a partition's turn
 * ends before it is in the cache.
 */
enum { PLACE_BITS = 15, PLACE_MASK = (1 << PLACE_BITS) - 1, SLOT_MASK = SEEN_SLOTS - 1 };
_Static_assert(SEEN_WINDOW < 1 << PLACE_BITS, "a slot holds a place and 1");

void follow_seen_fini(struct follow_seen *s)
{
    free(s->ring);
    free(s->slots);
    *s = (struct follow_seen){0};
}

uint64_t follow_seen_digest(const struct follow_seen *s, struct btr_span key, struct btr_span value)
{
    return btr_hash64_seeded(value, key.size > 0 ? btr_hash64_seeded(key, s->seed) : s->seed);
}

static uint32_t slot_value(uint64_t digest, uint32_t place)
{
    return (uint32_t)(digest >> (32 + PLACE_BITS)) << PLACE_BITS | (place + 1);
}

static uint32_t place_of(uint32_t slot)
{
    return (slot & PLACE_MASK) - 1;
}

/* The slot that holds the digest, or the free one where it belongs. */
static uint32_t slot_find(const struct follow_seen *s, uint64_t digest)
{
    uint32_t at = (uint32_t)digest & SLOT_MASK, high = slot_value(digest, 0) >> PLACE_BITS;
    while (s->slots[at] != 0 &&
           (s->slots[at] >> PLACE_BITS != high || s->ring[place_of(s->slots[at])] != digest))
        at = (at + 1) & SLOT_MASK;
    return at;
}

/* Frees a slot; those behind it move up to where they are found. */
static void slot_free(struct follow_seen *s, uint32_t free_at)
{
    for (uint32_t at = (free_at + 1) & SLOT_MASK; s->slots[at] != 0; at = (at + 1) & SLOT_MASK) {
        uint32_t home = (uint32_t)s->ring[place_of(s->slots[at])] & SLOT_MASK;
        if (((at - home) & SLOT_MASK) < ((at - free_at) & SLOT_MASK))
            continue;
        s->slots[free_at] = s->slots[at];
        free_at = at;
    }
    s->slots[free_at] = 0;
}

void follow_seen_expect(const struct follow_seen *s, uint64_t digest, uint32_t ahead)
{
    if (!s->slots)
        return;
    __builtin_prefetch(&s->slots[(uint32_t)digest & SLOT_MASK], 1);
    uint64_t oldest = s->ring[(s->count + ahead) % SEEN_WINDOW];
    __builtin_prefetch(&s->slots[(uint32_t)oldest & SLOT_MASK], 1);
}

bool follow_seen_has(const struct follow_seen *s, uint64_t digest)
{
    return s->slots && s->slots[slot_find(s, digest)] != 0;
}

static bool ring_make(struct follow_seen *s)
{
    if (!s->ring)
        s->ring = calloc(SEEN_WINDOW, sizeof *s->ring);
    if (!s->slots)
        s->slots = calloc(SEEN_SLOTS, sizeof *s->slots);
    return s->ring && s->slots;
}

bool follow_seen_add(struct follow_seen *s, uint64_t digest)
{
    if (!ring_make(s))
        return false;
    uint32_t place = (uint32_t)(s->count % SEEN_WINDOW);
    if (s->count >= SEEN_WINDOW) {
        uint32_t oldest = slot_find(s, s->ring[place]);
        if (s->slots[oldest] != 0 && place_of(s->slots[oldest]) == place)
            slot_free(s, oldest);
    }
    s->slots[slot_find(s, digest)] = slot_value(digest, place);
    s->ring[place] = digest;
    s->count++;
    return true;
}

void follow_seen_changed(const struct follow_seen *s, uint32_t *first, uint32_t *count)
{
    uint64_t from = s->saved / SEEN_CHUNK, until = (s->count + SEEN_CHUNK - 1) / SEEN_CHUNK;
    *count = s->count == s->saved         ? 0
             : until - from > SEEN_CHUNKS ? SEEN_CHUNKS
                                          : (uint32_t)(until - from);
    *first = (uint32_t)((until - *count) % SEEN_CHUNKS);
}

/* Digests of a chunk that are in the window, as numbers of additions: [*from, *until). */
static void chunk_range(const struct follow_seen *s, uint32_t chunk, uint64_t *from,
                        uint64_t *until)
{
    uint64_t last = s->count == 0 ? 0 : (s->count - 1) / SEEN_CHUNK; /* chunk ever, not modulo */
    uint64_t behind = (last - chunk) % SEEN_CHUNKS;
    if (behind > last || s->count == 0) {
        *from = *until = 0;
        return;
    }
    *from = (last - behind) * SEEN_CHUNK;
    *until = *from + SEEN_CHUNK < s->count ? *from + SEEN_CHUNK : s->count;
}

void follow_seen_chunk_put(const struct follow_seen *s, uint32_t chunk, struct btr_buffer *out)
{
    uint64_t from, until;
    chunk_range(s, chunk, &from, &until);
    btr_buffer_u64(out, from);
    for (uint64_t i = from; i < until; i++)
        btr_buffer_u64(out, s->ring ? s->ring[i % SEEN_WINDOW]
                                    : 0); /* what could not be loaded is no digest */
}

bool follow_seen_chunk_get(struct follow_seen *s, uint32_t chunk, struct btr_span saved)
{
    struct btr_cursor c = {.rest = saved};
    uint64_t from, until, begins, digest;
    chunk_range(s, chunk, &from, &until);
    if (from == until)
        return true; /* of a window that was not full: an older one of this number says nothing */
    if (!btr_cursor_u64(&c, &begins) || begins != from || c.rest.size < (until - from) * 8 ||
        !ring_make(s))
        return false;
    for (uint64_t i = from; i < until && btr_cursor_u64(&c, &digest); i++) {
        uint32_t place = (uint32_t)(i % SEEN_WINDOW);
        s->slots[slot_find(s, digest)] = slot_value(digest, place);
        s->ring[place] = digest;
    }
    return true;
}
