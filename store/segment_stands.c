/* Decoding of counts and proofs: what thinned events stand for (docs/FORMAT.md). */
#include <stdlib.h>

#include "read.h"
#include "segment.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

/* Lists the thinned events of a block, if there is room. @return how many */
static uint32_t thinned_list(const struct segment_block *b, struct segment_stand *rows)
{
    uint32_t count = 0;
    for (uint32_t g = 0; g < b->group_count; g++) {
        if (!(b->groups[g].flags & BTR_EVENT_THINNED))
            continue;
        for (uint32_t i = b->groups[g].begin; i < b->groups[g + 1].begin; i++, count++)
            if (rows)
                rows[count].event = i;
    }
    return count;
}

static bool rows_read(struct store_read *r, const struct segment_block *b,
                      const struct segment_detail *details, struct segment_stand *rows,
                      uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        rows[i].count = store_read_upto(r, UINT32_MAX);
        r->failed = r->failed || rows[i].count < 2;
    }
    for (uint32_t i = 0; i < count; i++)
        rows[i].last_time_ns =
            (int64_t)((uint64_t)b->last_ns[rows[i].event] + store_unzigzag(store_read_varint(r)));
    for (uint32_t i = 0; i < count; i++)
        rows[i].last_record_id =
            details[rows[i].event].record_id + store_unzigzag(store_read_varint(r));
    for (uint32_t i = 0; i < count; i++)
        rows[i].last_line = details[rows[i].event].line + store_unzigzag(store_read_varint(r));
    return store_read_done(r);
}

static int block_read(struct store_segment *seg, uint32_t block, const struct segment_block *b,
                      const struct segment_detail *details, struct cache_slot *slot,
                      struct btr_err *err)
{
    uint8_t *raw = NULL;
    uint32_t count = thinned_list(b, NULL);
    size_t size = sizeof(struct segment_stands) + count * sizeof(struct segment_stand);
    int rc = store_segment_events_check(seg, STORE_COUNTS, block, err);
    if (rc == 0)
        rc = store_segment_block(seg, STORE_COUNTS, block, &raw, err);
    if (rc < 0)
        return rc;
    struct segment_stands *stands = malloc(size);
    if (!stands) {
        free(raw);
        return out_of_memory(err);
    }
    struct store_read r =
        store_read_of((struct btr_span){raw, seg->directory[STORE_COUNTS][block].raw_size});
    stands->count = thinned_list(b, stands->rows);
    bool ok = rows_read(&r, b, details, stands->rows, count);
    free(raw);
    if (ok)
        return store_segment_keep(seg, slot, stands, size, err);
    free(stands);
    return store_segment_bad(seg, err, STORE_COUNTS, block, "malformed");
}

int store_segment_stands(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                         struct btr_err *err)
{
    struct cache_slot *events = NULL, *details = NULL;
    int rc = store_segment_slot(seg, PART_STANDS, STORE_COUNTS, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    rc = store_segment_events(seg, block, &events, err);
    if (rc < 0)
        return rc;
    rc = store_segment_details(seg, block, &details, err);
    if (rc == 0) {
        rc = block_read(seg, block, events->data, details->data, *slot, err);
        store_cache_unpin(details);
    }
    store_cache_unpin(events);
    return rc;
}

int store_segment_stand(struct store_segment *seg, uint32_t block, uint32_t event,
                        struct segment_stand *out, struct btr_err *err)
{
    struct cache_slot *slot = NULL;
    int rc = store_segment_stands(seg, block, &slot, err);
    if (rc < 0)
        return rc;
    const struct segment_stands *stands = slot->data;
    uint32_t low = 0, high = stands->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (stands->rows[middle].event < event)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < stands->count && stands->rows[low].event == event)
        *out = stands->rows[low];
    else
        rc = store_segment_bad(seg, err, STORE_COUNTS, block, "lacks a thinned event");
    store_cache_unpin(slot);
    return rc;
}

int store_segment_stood_for(struct store_segment *seg, uint64_t *thinned, uint64_t *stood_for,
                            struct btr_err *err)
{
    int rc = 0;
    if (!seg->section_of[STORE_COUNTS])
        return 0;
    for (uint32_t i = 0; rc == 0 && i < store_segment_block_count(seg); i++) {
        struct cache_slot *slot = NULL;
        rc = store_segment_stands(seg, i, &slot, err);
        if (rc < 0)
            break;
        const struct segment_stands *stands = slot->data;
        *thinned += stands->count;
        for (uint32_t k = 0; k < stands->count; k++)
            *stood_for += stands->rows[k].count;
        store_cache_unpin(slot);
    }
    return rc;
}

int store_segment_proofs(struct store_segment *seg,
                         int (*visit)(void *self, const struct builder_proof *proof), void *self,
                         struct btr_err *err)
{
    uint8_t *raw = NULL;
    uint32_t blocks = 0;
    int rc = store_segment_directory(seg, STORE_PROOFS, &blocks, err);
    if (rc < 0 || blocks == 0)
        return rc;
    rc = blocks == 1 ? store_segment_block(seg, STORE_PROOFS, 0, &raw, err)
                     : store_segment_bad(seg, err, STORE_PROOFS, 0, "is not one block");
    if (rc < 0)
        return rc;
    struct store_block *b = seg->directory[STORE_PROOFS];
    struct store_read r = store_read_of((struct btr_span){raw, b->raw_size});
    for (uint32_t i = 0; rc == 0 && i < b->count; i++) {
        struct builder_proof p = {0};
        struct btr_span root = store_read_bytes(&r, sizeof(p.root));
        p.events_before = store_read_varint(&r);
        p.events_after = store_read_varint(&r);
        p.entities = store_read_varint(&r);
        p.closures = store_read_varint(&r);
        if (r.failed || !root.at)
            break;
        memcpy(p.root, root.at, sizeof(p.root));
        rc = visit(self, &p);
    }
    if (rc == 0 && !store_read_done(&r))
        rc = store_segment_bad(seg, err, STORE_PROOFS, 0, "malformed");
    free(raw);
    return rc;
}
