#ifndef SOURCE_FOLLOW_SEEN_H
#define SOURCE_FOLLOW_SEEN_H
/**
 * Messages that a sender delivers again: the last SEEN_WINDOW of a partition are known by a digest under a secret seed,
 * whatever offset they have. Kept in chunks, so that a publish writes those alone that have grown.
 */
#include <btr/buffer.h>
#include <btr/span.h>

enum { SEEN_WINDOW = 16384, SEEN_CHUNK = 256, SEEN_CHUNKS = SEEN_WINDOW / SEEN_CHUNK,
       SEEN_SLOTS = 2 * SEEN_WINDOW };

/* Zeroed, then a seed set, it is empty. */
struct follow_seen {
    uint64_t seed;
    uint64_t *ring;        /* SEEN_WINDOW, made at the first */
    uint64_t count, saved; /* digests ever added; as of the last save */
    uint32_t *slots;       /* SEEN_SLOTS, by digest: 1 + its place in the ring, above it the digest's highest bits; 0: free */
};

void follow_seen_fini(struct follow_seen *seen);
uint64_t follow_seen_digest(const struct follow_seen *seen, struct btr_span key, struct btr_span value);
/** Asks for what `has` and `add` will read of memory. @param ahead  additions before that one */
void follow_seen_expect(const struct follow_seen *seen, uint64_t digest, uint32_t ahead);
bool follow_seen_has(const struct follow_seen *seen, uint64_t digest);
/** The oldest of a full window is forgotten. @return false when out of memory */
bool follow_seen_add(struct follow_seen *seen, uint64_t digest);
/** The chunks that have changed since the last save: numbers from *first, `count` of them, modulo SEEN_CHUNKS. */
void follow_seen_changed(const struct follow_seen *seen, uint32_t *first, uint32_t *count);
/** Appends a chunk. */
void follow_seen_chunk_put(const struct follow_seen *seen, uint32_t chunk, struct btr_buffer *out);
/**
 * Takes a chunk back in; all of them, in any order, after `count` was set to what it was when they were saved.
 * @return false when it is none of these, or out of memory
 */
bool follow_seen_chunk_get(struct follow_seen *seen, uint32_t chunk, struct btr_span saved);

#endif
