/* Ids of entities: by number, by id, and whether one may be here (docs/FORMAT.md). What is touched
 * is checked then, block by block, and read in place. */
#include "read.h"
#include "segment.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

static void ids_drop(struct store_segment *seg)
{
    free(seg->id_blocks);
    free(seg->lookups);
    free(seg->sorted);
    free(seg->old_ids);
    seg->id_blocks = NULL;
    seg->lookups = NULL;
    seg->sorted = NULL;
    seg->old_ids = NULL;
}

void store_segment_ids_fini(struct store_segment *seg)
{
    ids_drop(seg);
    free(seg->fuses);
    free(seg->fuse_checked);
}

static uint32_t blocks_of(uint32_t items, uint32_t rows)
{
    return items / rows + (items % rows != 0);
}

/* Reads the directory of a section of bytes in place. */
static int stored_directory(struct store_segment *seg, unsigned section, uint32_t *blocks,
                            struct btr_err *err)
{
    int rc = store_segment_directory(seg, section, blocks, err);
    if (rc == 0 && *blocks > 0 && !(seg->section_of[section]->flags & STORE_SECTION_STORED))
        rc = store_segment_bad(seg, err, section, 0, "is packed");
    return rc;
}

static struct btr_span block_bytes(const struct store_segment *seg, unsigned section,
                                   uint32_t block)
{
    const struct store_block *b = &seg->directory[section][block];
    return (struct btr_span){seg->bytes.at + b->offset, b->packed_size};
}

/* ---- Format 1 ------------------------------------------------------------------------------- */

/* Four planes of bytes -> numbers, which must be a permutation of ids that ascend. */
static bool old_fill(struct store_segment *seg, const uint8_t *ids, const uint8_t *planes,
                     const uint8_t *kinds)
{
    size_t count = seg->header.entity_count;
    uint8_t *seen = seg->old_ids + count * 17;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)planes[i] | (uint32_t)planes[i + count] << 8 |
                          (uint32_t)planes[i + 2 * count] << 16 |
                          (uint32_t)planes[i + 3 * count] << 24;
        if (number >= count || seen[number])
            return false;
        seen[number] = 1;
        seg->sorted[i] = number;
        memcpy(seg->old_ids + (size_t)number * 16, ids + i * 16, 16);
    }
    if (count > 0)
        memcpy(seg->old_ids + count * 16, kinds, count);
    for (uint32_t i = 0; i * (size_t)STORE_ID_ROWS < count; i++)
        seg->id_blocks[i] =
            (struct segment_ids){.ids = seg->old_ids + (size_t)i * STORE_ID_ROWS * 16,
                                 .codes = seg->old_ids + count * 16 + (size_t)i * STORE_ID_ROWS,
                                 .bits = 8};
    return true;
}

/* Whole sections at once: ids in their order, numbers and kinds packed. */
static int old_ids(struct store_segment *seg, struct btr_err *err)
{
    uint32_t count = seg->header.entity_count;
    uint8_t *raw[3] = {NULL, NULL, NULL};
    size_t size[3] = {0, 0, 0};
    int rc = store_segment_single(seg, STORE_IDS, count, &raw[0], &size[0], err);
    if (rc == 0)
        rc = store_segment_single(seg, STORE_NUMBERS, count, &raw[1], &size[1], err);
    if (rc == 0)
        rc = store_segment_single(seg, STORE_KINDS, count, &raw[2], &size[2], err);
    if (rc == 0) {
        seg->sorted = malloc(((size_t)count + 1) * sizeof(*seg->sorted));
        seg->old_ids = calloc((size_t)count + 1, 18);
        if (!seg->sorted || !seg->old_ids)
            rc = out_of_memory(err);
        else if (size[0] != (size_t)count * 16 || size[1] != (size_t)count * 4 ||
                 size[2] != count || !old_fill(seg, raw[0], raw[1], raw[2]))
            rc = store_segment_bad(seg, err, STORE_NUMBERS, 0, "malformed");
    }
    for (unsigned i = 0; i < 3; i++)
        free(raw[i]);
    return rc;
}

/* ---- By number ------------------------------------------------------------------------------ */

/* Number of bits that values below `count` take. */
static uint8_t bits_below(uint32_t count)
{
    uint8_t bits = 0;
    while (bits < 31 && (UINT32_C(1) << bits) < count)
        bits++;
    return bits;
}

static int id_directory(struct store_segment *seg, struct btr_err *err)
{
    uint32_t blocks = 0, count = seg->header.entity_count;
    int rc = stored_directory(seg, STORE_IDS, &blocks, err);
    if (rc < 0)
        return rc;
    if (blocks != blocks_of(count, STORE_ID_ROWS))
        return store_segment_bad(seg, err, STORE_IDS, 0, "has not as many rows as the header says");
    for (uint32_t i = 0; i < blocks; i++) {
        uint32_t left = count - i * STORE_ID_ROWS;
        if (seg->directory[STORE_IDS][i].count != (left < STORE_ID_ROWS ? left : STORE_ID_ROWS))
            return store_segment_bad(seg, err, STORE_IDS, i, "has not the ids it should have");
    }
    return 0;
}

static int lookup_directory(struct store_segment *seg, struct btr_err *err)
{
    uint32_t blocks = 0, count = seg->header.entity_count, items = 0;
    int rc = stored_directory(seg, STORE_NUMBERS, &blocks, err);
    if (rc < 0)
        return rc;
    seg->bucket_bits = seg->number_bits = bits_below(count);
    seg->lookup_count = count == 0 ? 0 : blocks_of(1U << seg->bucket_bits, STORE_LOOKUP_BUCKETS);
    for (uint32_t i = 0; i < blocks; i++)
        items += seg->directory[STORE_NUMBERS][i].count;
    if (blocks != seg->lookup_count || items != count)
        return store_segment_bad(seg, err, STORE_NUMBERS, 0,
                                 "has not as many rows as the header says");
    seg->lookups = calloc((size_t)blocks + 1, sizeof(*seg->lookups));
    return seg->lookups ? 0 : out_of_memory(err);
}

static int sort_check(struct store_segment *seg, const uint32_t *sorted, struct btr_err *err)
{
    struct btr_id before = {0, 0}, id;
    uint8_t kind;
    for (uint32_t i = 0; i < seg->header.entity_count; i++) {
        int rc = store_segment_who(seg, sorted[i], &id, &kind, err);
        if (rc < 0)
            return rc;
        if (i > 0 && btr_id_compare(before, id) >= 0)
            return store_segment_bad(seg, err, STORE_NUMBERS, 0, "not in the order of ids");
        before = id;
    }
    return 0;
}

int store_segment_ids(struct store_segment *seg, struct btr_err *err)
{
    int rc = 0;
    if (seg->has_ids)
        return 0;
    ids_drop(seg); /* of a try that failed */
    if (seg->header.version > 1)
        rc = id_directory(seg, err);
    if (rc < 0)
        return rc;
    seg->id_blocks = calloc((size_t)blocks_of(seg->header.entity_count, STORE_ID_ROWS) + 1,
                            sizeof(*seg->id_blocks));
    if (!seg->id_blocks)
        return out_of_memory(err);
    rc = seg->header.version > 1 ? lookup_directory(seg, err) : old_ids(seg, err);
    if (rc == 0 && seg->header.version == 1)
        rc = sort_check(seg, seg->sorted, err);
    seg->has_ids = rc == 0;
    return rc;
}

int store_segment_ids_block(struct store_segment *seg, uint32_t block, struct btr_err *err)
{
    int rc = store_segment_check(seg, STORE_IDS, block, err);
    if (rc < 0)
        return rc;
    struct store_read r = store_read_of(block_bytes(seg, STORE_IDS, block));
    size_t count = seg->directory[STORE_IDS][block].count;
    uint8_t bits = store_read_u8(&r);
    if (bits > 8 || (bits & (bits - 1)) != 0)
        return store_segment_bad(seg, err, STORE_IDS, block, "malformed");
    struct btr_span words = store_read_bytes(&r, bits == 8 ? 0 : 1U << bits);
    struct btr_span codes = store_read_bytes(&r, (count * bits + 7) / 8);
    struct btr_span ids = store_read_bytes(&r, count * 16);
    if (!store_read_done(&r))
        return store_segment_bad(seg, err, STORE_IDS, block, "malformed");
    seg->id_blocks[block] = (struct segment_ids){ids.at, words.at, codes.at, bits};
    return 0;
}

/* ---- By id ---------------------------------------------------------------------------------- */

static unsigned ones(uint64_t v)
{
    v -= v >> 1 & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) + (v >> 2 & UINT64_C(0x3333333333333333));
    v = (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(v * UINT64_C(0x0101010101010101) >> 56);
}

static uint32_t lookup_buckets(const struct store_segment *seg)
{
    uint32_t all = 1U << seg->bucket_bits;
    return all < STORE_LOOKUP_BUCKETS ? all : STORE_LOOKUP_BUCKETS;
}

static int lookup_check(struct store_segment *seg, uint32_t block, struct btr_err *err)
{
    uint32_t count = seg->directory[STORE_NUMBERS][block].count, set = 0;
    uint64_t bits = (uint64_t)count + lookup_buckets(seg);
    int rc = store_segment_check(seg, STORE_NUMBERS, block, err);
    if (rc < 0)
        return rc;
    struct store_read r = store_read_of(block_bytes(seg, STORE_NUMBERS, block));
    struct btr_span buckets = store_read_bytes(&r, (bits + 7) / 8);
    struct btr_span numbers =
        store_read_bytes(&r, ((uint64_t)count * seg->number_bits + 7) / 8 + 3);
    for (size_t i = 0; !r.failed && i < buckets.size; i++)
        set += ones(buckets.at[i]);
    if (!store_read_done(&r) || set != count)
        return store_segment_bad(seg, err, STORE_NUMBERS, block, "malformed");
    seg->lookups[block] = (struct segment_lookup){buckets.at, numbers.at};
    return 0;
}

static int lookup_take(struct store_segment *seg, uint32_t block, struct segment_lookup *out,
                       struct btr_err *err)
{
    int rc = seg->lookups[block].buckets ? 0 : lookup_check(seg, block, err);
    *out = seg->lookups[block];
    return rc;
}

/* The i-th number of a block; may be none that exists. */
static uint32_t lookup_number(const struct store_segment *seg, const struct segment_lookup *l,
                              uint32_t i)
{
    uint64_t bit = (uint64_t)i * seg->number_bits;
    return store_get_u32(l->numbers + bit / 8) >> bit % 8 & ((1U << seg->number_bits) - 1);
}

/*
 * Numbers of a bucket: the ones between the zero of the bucket before and its own. There are as
 * many zeros as buckets, but for those that fill the last byte.
 */
static void bucket_range(const struct segment_lookup *l, uint32_t bucket, uint32_t *begin,
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

/* Ids ascend in a bucket. */
static int bucket_find(struct store_segment *seg, const struct segment_lookup *l, uint32_t low,
                       uint32_t high, struct btr_id id, uint32_t *number, struct btr_err *err)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t found = l ? lookup_number(seg, l, middle) : seg->sorted[middle];
        struct btr_id other;
        uint8_t kind;
        if (found >= seg->header.entity_count)
            return store_segment_bad(seg, err, STORE_NUMBERS, 0, "tells a number that is none");
        int rc = store_segment_who(seg, found, &other, &kind, err);
        if (rc < 0)
            return rc;
        int c = btr_id_compare(other, id);
        if (c == 0) {
            *number = found;
            return 0;
        }
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

int store_segment_find(struct store_segment *seg, struct btr_id id, uint32_t *number,
                       struct btr_err *err)
{
    *number = UINT32_MAX;
    if (seg->header.entity_count == 0)
        return 0;
    if (seg->header.version == 1)
        return bucket_find(seg, NULL, 0, seg->header.entity_count, id, number, err);
    uint32_t bucket = seg->bucket_bits == 0 ? 0 : (uint32_t)(id.hi >> (64 - seg->bucket_bits));
    uint32_t begin, end;
    struct segment_lookup l;
    int rc = lookup_take(seg, bucket / STORE_LOOKUP_BUCKETS, &l, err);
    if (rc < 0)
        return rc;
    bucket_range(&l, bucket % STORE_LOOKUP_BUCKETS, &begin, &end);
    return bucket_find(seg, &l, begin, end, id, number, err);
}

static int sort_fill(struct store_segment *seg, uint32_t *sorted, struct btr_err *err)
{
    uint32_t at = 0;
    for (uint32_t block = 0; block < seg->lookup_count; block++) {
        struct segment_lookup l;
        int rc = lookup_take(seg, block, &l, err);
        for (uint32_t i = 0; rc == 0 && i < seg->directory[STORE_NUMBERS][block].count; i++) {
            sorted[at] = lookup_number(seg, &l, i);
            if (sorted[at++] >= seg->header.entity_count)
                rc = store_segment_bad(seg, err, STORE_NUMBERS, block,
                                       "tells a number that is none");
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

int store_segment_sort(struct store_segment *seg, struct btr_err *err)
{
    if (seg->sorted)
        return 0;
    uint32_t *sorted = malloc(((size_t)seg->header.entity_count + 1) * sizeof(*sorted));
    if (!sorted)
        return out_of_memory(err);
    int rc = sort_fill(seg, sorted, err);
    if (rc == 0)
        rc = sort_check(seg, sorted, err);
    if (rc < 0)
        free(sorted);
    else
        seg->sorted = sorted;
    return rc;
}

/* ---- The filter ----------------------------------------------------------------------------- */

/* Without the section, or with a damaged directory, no part is known. */
static void fuses_ready(struct store_segment *seg)
{
    struct btr_err ignored;
    uint32_t parts = 0;
    seg->has_fuses = true;
    if (stored_directory(seg, STORE_FILTER, &parts, &ignored) < 0 || parts == 0 ||
        (parts & (parts - 1)) != 0)
        return;
    seg->fuses = calloc(parts, sizeof(*seg->fuses));
    seg->fuse_checked = calloc(parts, 1);
    if (!seg->fuses || !seg->fuse_checked) {
        free(seg->fuses);
        free(seg->fuse_checked);
        seg->fuses = NULL;
        seg->fuse_checked = NULL;
        return;
    }
    while ((UINT32_C(1) << seg->fuse_bits) < parts)
        seg->fuse_bits++;
}

bool store_segment_filter_part(struct store_segment *seg, struct btr_id id)
{
    struct btr_err ignored;
    if (!seg->has_fuses)
        fuses_ready(seg);
    if (!seg->fuses)
        return true;
    uint32_t part = seg->fuse_bits == 0 ? 0 : (uint32_t)(id.hi >> (64 - seg->fuse_bits));
    struct store_fuse *fuse = &seg->fuses[part];
    if (!seg->fuse_checked[part] && store_segment_check(seg, STORE_FILTER, part, &ignored) == 0)
        (void)store_fuse_read(fuse, block_bytes(seg, STORE_FILTER, part)); /* else: may be here */
    seg->fuse_checked[part] = 1;
    return store_fuse_may(fuse, id);
}
