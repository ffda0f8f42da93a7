#ifndef STORE_SEGMENT_BUCKETS_H
#define STORE_SEGMENT_BUCKETS_H
/**
 * A table from the top bits of a hash to small numbers, in place: section numbers, from ids to
 * entities, and section values, from values of attributes to entity blocks (docs/FORMAT.md).
 */
#include <btr/err.h>

struct store_segment;

/** A block of buckets in place. */
struct segment_lookup {
    const uint8_t
        *buckets; /* a one for each number of a bucket, a zero ends it; NULL: not checked */
    const uint8_t *numbers; /* number_bits each */
};

struct segment_buckets {
    uint16_t section;
    uint8_t bucket_bits, number_bits;
    uint32_t count, block_count; /* count: of numbers */
    struct segment_lookup *blocks;
};

/** Number of bits that numbers below `count` take. */
uint8_t store_bits_below(uint32_t count);

/**
 * Reads the directory.
 * @param count  numbers that must be there; UINT32_MAX: as many as there are
 * @param below  that numbers should be below
 */
int store_buckets_open(struct store_segment *seg, struct segment_buckets *t, unsigned section,
                       uint32_t count, uint32_t below, struct btr_err *err);
/** Checks a block when it is touched first. */
int store_buckets_block(struct store_segment *seg, struct segment_buckets *t, uint32_t block,
                        struct segment_lookup *out, struct btr_err *err);
/** Finds the numbers of a hash: begin .. end - 1 of the block *out. There must be some number. */
int store_buckets_range(struct store_segment *seg, struct segment_buckets *t, uint64_t hash,
                        struct segment_lookup *out, uint32_t *begin, uint32_t *end,
                        struct btr_err *err);
/** The i-th number of a block; hostile: may be any of its bits. */
uint32_t store_buckets_number(const struct segment_buckets *t, const struct segment_lookup *l,
                              uint32_t i);

#endif
