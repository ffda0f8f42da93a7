#include "segment_buckets.h"

#include "read.h"
#include "segment.h"

uint8_t store_bits_below(uint32_t count)
{
    uint8_t bits = 0;
    while (bits < 31 && (UINT32_C(1) << bits) < count)
        bits++;
    return bits;
}

static uint32_t buckets_of_block(const struct segment_buckets *t)
{
    uint32_t all = UINT32_C(1) << t->bucket_bits;
    return all < STORE_LOOKUP_BUCKETS ? all : STORE_LOOKUP_BUCKETS;
}

int store_buckets_open(struct store_segment *seg, struct segment_buckets *t, unsigned section,
                       uint32_t count, uint32_t below, struct btr_err *err)
{
    uint32_t blocks = 0;
    uint64_t items = 0;
    int rc = store_segment_stored(seg, section, &blocks, err);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < blocks; i++)
        items += seg->directory[section][i].count;
    if (items > UINT32_MAX / 2 || (count != UINT32_MAX && items != count))
        return store_segment_bad(seg, err, section, 0, "has not as many rows as the header says");
    *t = (struct segment_buckets){.section = (uint16_t)section,
                                  .bucket_bits = store_bits_below((uint32_t)items),
                                  .number_bits = store_bits_below(below),
                                  .count = (uint32_t)items,
                                  .block_count = blocks};
    if (blocks != (items == 0 ? 0 : (UINT32_C(1) << t->bucket_bits) / buckets_of_block(t)))
        return store_segment_bad(seg, err, section, 0, "has not the blocks it should have");
    t->blocks = calloc((size_t)blocks + 1, sizeof(*t->blocks));
    if (!t->blocks)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
    return 0;
}

static unsigned ones(uint64_t v)
{
    v -= v >> 1 & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(v * UINT64_C(0x0101010101010101) >> 56);
}

static int block_check(struct store_segment *seg, struct segment_buckets *t, uint32_t block,
                       struct btr_err *err)
{
    uint32_t count = seg->directory[t->section][block].count, set = 0;
    uint64_t bits = (uint64_t)count + buckets_of_block(t);
    int rc = store_segment_check(seg, t->section, block, err);
    if (rc < 0)
        return rc;
    struct store_read r = store_read_of(store_segment_place_of(seg, t->section, block));
    struct btr_span buckets = store_read_bytes(&r, (bits + 7) / 8);
    struct btr_span numbers = store_read_bytes(&r, ((uint64_t)count * t->number_bits + 7) / 8 + 3);
    for (size_t i = 0; !r.failed && i < buckets.size; i++)
        set += ones(buckets.at[i]);
    if (!store_read_done(&r) || set != count)
        return store_segment_bad(seg, err, t->section, block, "malformed");
    t->blocks[block] = (struct segment_lookup){buckets.at, numbers.at};
    return 0;
}

int store_buckets_block(struct store_segment *seg, struct segment_buckets *t, uint32_t block,
                        struct segment_lookup *out, struct btr_err *err)
{
    int rc = t->blocks[block].buckets ? 0 : block_check(seg, t, block, err);
    *out = t->blocks[block];
    return rc;
}

uint32_t store_buckets_number(const struct segment_buckets *t, const struct segment_lookup *l,
                              uint32_t i)
{
    uint64_t bit = (uint64_t)i * t->number_bits;
    if (t->number_bits == 0)
        return 0;
    return store_get_u32(l->numbers + bit / 8) >> bit % 8 & ((UINT32_C(1) << t->number_bits) - 1);
}

/*
 * Numbers of a bucket: the ones between the zero of the bucket before and its own. There are as
 * many zeros as buckets, and those that fill the last byte.
 */
static void range_find(const struct segment_lookup *l, uint32_t bucket, uint32_t *begin,
                       uint32_t *end)
{
    uint32_t zeros = 0, at = 0;
    const uint8_t *byte = l->buckets;
    for (uint32_t n; l->numbers - byte >= 8; zeros += n, byte += 8) {
        n = 64 - ones(store_get_u64(byte));
        if (bucket - zeros <= n)
            break;
    }
    while (bucket - zeros > 8 - ones(*byte)) /* the zero sought lies beyond this byte */
        zeros += 8 - ones(*byte++);
    for (at = (uint32_t)(byte - l->buckets) * 8; zeros < bucket; at++)
        zeros += !(l->buckets[at / 8] >> at % 8 & 1);
    *begin = at - bucket;
    while (l->buckets[at / 8] >> at % 8 & 1)
        at++;
    *end = at - bucket;
}

int store_buckets_range(struct store_segment *seg, struct segment_buckets *t, uint64_t hash,
                        struct segment_lookup *out, uint32_t *begin, uint32_t *end,
                        struct btr_err *err)
{
    uint32_t bucket = t->bucket_bits == 0 ? 0 : (uint32_t)(hash >> (64 - t->bucket_bits));
    int rc = store_buckets_block(seg, t, bucket / STORE_LOOKUP_BUCKETS, out, err);
    if (rc == 0)
        range_find(out, bucket % STORE_LOOKUP_BUCKETS, begin, end);
    return rc;
}

int store_segment_values(struct store_segment *seg, struct btr_err *err)
{
    uint32_t blocks = 0;
    if (seg->has_values)
        return 0;
    int rc = store_segment_directory(seg, STORE_ENTITIES, &blocks, err);
    if (rc == 0)
        rc = store_buckets_open(seg, &seg->by_value, STORE_VALUES, UINT32_MAX, blocks, err);
    seg->has_values = rc == 0;
    return rc;
}
