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
    free(seg->by_id.blocks);
    free(seg->sorted);
    free(seg->old_ids);
    seg->id_blocks = NULL;
    seg->by_id.blocks = NULL;
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
        seg->sorted = calloc((size_t)count + 1, sizeof(*seg->sorted));
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

static int id_directory(struct store_segment *seg, struct btr_err *err)
{
    uint32_t blocks = 0, count = seg->header.entity_count;
    int rc = store_segment_stored(seg, STORE_IDS, &blocks, err);
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

static int sort_check(struct store_segment *seg, const uint32_t *sorted, struct btr_err *err)
{
    struct btr_id before = {0, 0}, id = {0, 0};
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

int store_segment_ids_by_number(struct store_segment *seg, struct btr_err *err)
{
    if (seg->has_ids)
        return 0;
    ids_drop(seg); /* of a try that failed */
    int rc = seg->header.version > 1 ? id_directory(seg, err) : 0;
    if (rc < 0)
        return rc;
    seg->id_blocks = calloc((size_t)blocks_of(seg->header.entity_count, STORE_ID_ROWS) + 1,
                            sizeof(*seg->id_blocks));
    if (!seg->id_blocks)
        return out_of_memory(err);
    rc = seg->header.version > 1 ? 0 : old_ids(seg, err);
    return rc == 0 && seg->header.version == 1 ? sort_check(seg, seg->sorted, err) : rc;
}

int store_segment_ids(struct store_segment *seg, struct btr_err *err)
{
    if (seg->has_ids)
        return 0;
    int rc = store_segment_ids_by_number(seg, err);
    if (rc == 0 && seg->header.version > 1)
        rc = store_buckets_open(seg, &seg->by_id, STORE_NUMBERS, seg->header.entity_count,
                                seg->header.entity_count, err);
    seg->has_ids = rc == 0;
    return rc;
}

int store_segment_ids_block(struct store_segment *seg, uint32_t block, struct btr_err *err)
{
    int rc = store_segment_check(seg, STORE_IDS, block, err);
    if (rc < 0)
        return rc;
    struct store_read r = store_read_of(store_segment_place_of(seg, STORE_IDS, block));
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

/* Ids ascend in a bucket. */
static int bucket_find(struct store_segment *seg, const struct segment_lookup *l, uint32_t low,
                       uint32_t high, struct btr_id id, uint32_t *number, struct btr_err *err)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t found = l ? store_buckets_number(&seg->by_id, l, middle) : seg->sorted[middle];
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
    uint32_t begin, end;
    struct segment_lookup l;
    int rc = store_buckets_range(seg, &seg->by_id, id.hi, &l, &begin, &end, err);
    if (rc < 0)
        return rc;
    return bucket_find(seg, &l, begin, end, id, number, err);
}

static int sort_fill(struct store_segment *seg, uint32_t *sorted, struct btr_err *err)
{
    uint32_t at = 0;
    for (uint32_t block = 0; block < seg->by_id.block_count; block++) {
        struct segment_lookup l;
        int rc = store_buckets_block(seg, &seg->by_id, block, &l, err);
        for (uint32_t i = 0; rc == 0 && i < seg->directory[STORE_NUMBERS][block].count; i++) {
            sorted[at] = store_buckets_number(&seg->by_id, &l, i);
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
    uint32_t *sorted = calloc((size_t)seg->header.entity_count + 1, sizeof(*sorted));
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
    if (store_segment_stored(seg, STORE_FILTER, &parts, &ignored) < 0 || parts == 0 ||
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
        (void)store_fuse_read(
            fuse, store_segment_place_of(seg, STORE_FILTER, part)); /* else: may be here */
    seg->fuse_checked[part] = 1;
    return store_fuse_may(fuse, id);
}
