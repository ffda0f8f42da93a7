#include "follow_seen.h"

#include <stdlib.h>

void follow_seen_fini(struct follow_seen *s)
{
    free(s->ring);
    btr_u64map_fini(&s->places);
    *s = (struct follow_seen){0};
}

uint64_t follow_seen_digest(const struct follow_seen *s, struct btr_span key, struct btr_span value)
{
    return btr_hash64_seeded(value, key.size > 0 ? btr_hash64_seeded(key, s->seed) : s->seed);
}

bool follow_seen_has(const struct follow_seen *s, uint64_t digest)
{
    return btr_u64map_get(&s->places, digest) != UINT32_MAX;
}

static bool ring_make(struct follow_seen *s)
{
    if (!s->ring)
        s->ring = calloc(SEEN_WINDOW, sizeof *s->ring);
    return s->ring != NULL;
}

bool follow_seen_add(struct follow_seen *s, uint64_t digest)
{
    if (!ring_make(s))
        return false;
    uint32_t place = (uint32_t)(s->count % SEEN_WINDOW);
    if (s->count >= SEEN_WINDOW && btr_u64map_get(&s->places, s->ring[place]) == place)
        btr_u64map_remove(&s->places, s->ring[place]);
    if (!btr_u64map_set(&s->places, digest, place))
        return false;
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
        btr_buffer_u64(out, s->ring[i % SEEN_WINDOW]);
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
        s->ring[i % SEEN_WINDOW] = digest;
        if (!btr_u64map_set(&s->places, digest, (uint32_t)(i % SEEN_WINDOW)))
            return false;
    }
    return true;
}
