/* Decoding of details: own times, bytes and locators of events (docs/FORMAT.md, "Details"). */
#include "read.h"
#include "segment.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

/* Of format 1 and 2: times are differences from the order time, which the event block tells. */
static bool old_details_read(struct store_read *r, const struct segment_block *b,
                             struct segment_detail *details)
{
    uint64_t before = 0;
    for (uint32_t i = 0; i < b->count; i++)
        details[i].time_ns =
            (int64_t)((uint64_t)b->last_ns[i] + store_unzigzag(store_read_varint(r)));
    for (uint32_t i = 0; i < b->count; i++)
        details[i].bytes = store_read_varint(r) - 1;
    for (uint32_t i = 0; i < b->count; i++)
        details[i].record_id = before += store_unzigzag(store_read_varint(r));
    before = 0;
    for (uint32_t i = 0; i < b->count; i++)
        details[i].line = before += store_unzigzag(store_read_varint(r));
    return store_read_done(r);
}

/* ---- Bytes ---------------------------------------------------------------------------------- */

static bool bytes_read(struct store_read *r, const struct segment_block *b, uint64_t *bytes)
{
    for (uint32_t g = 0; g < b->group_count; g++) {
        bool told = (b->groups[g].shape & STORE_SHAPE_BYTES) != 0;
        for (uint32_t i = b->groups[g].begin; i < b->groups[g + 1].begin; i++)
            bytes[i] = told ? store_read_varint(r) : BTR_BYTES_UNKNOWN;
    }
    return store_read_done(r);
}

static int bytes_decode(struct store_segment *seg, uint32_t block, struct cache_slot *slot,
                        const struct segment_block *b, struct btr_err *err)
{
    uint8_t *raw = NULL;
    int rc = store_segment_events_check(seg, STORE_DETAILS, block, err);
    if (rc == 0)
        rc = store_segment_block(seg, STORE_DETAILS, block, &raw, err);
    if (rc < 0)
        return rc;
    struct store_read r =
        store_read_of((struct btr_span){raw, seg->directory[STORE_DETAILS][block].raw_size});
    uint64_t *bytes = malloc(b->count * sizeof(*bytes));
    if (!bytes)
        rc = out_of_memory(err);
    else if (!bytes_read(&r, b, bytes))
        rc = store_segment_bad(seg, err, STORE_DETAILS, block, "malformed");
    free(raw);
    if (rc < 0) {
        free(bytes);
        return rc;
    }
    return store_segment_keep(seg, slot, bytes, b->count * sizeof(*bytes), err);
}

/** What is decoded of the section, from a block of events. */
struct details_part {
    enum segment_part part;
    int (*events)(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                  struct btr_err *err);
    int (*decode)(struct store_segment *seg, uint32_t block, struct cache_slot *slot,
                  const struct segment_block *b, struct btr_err *err);
};

static int part_take(struct store_segment *seg, const struct details_part *p, uint32_t block,
                     struct cache_slot **slot, struct btr_err *err)
{
    int rc = store_segment_slot(seg, p->part, STORE_DETAILS, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    struct cache_slot *events = NULL;
    rc = p->events(seg, block, &events, err);
    if (rc < 0)
        return rc;
    rc = p->decode(seg, block, *slot, events->data, err);
    store_cache_unpin(events);
    return rc;
}

int store_segment_bytes(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                        struct btr_err *err)
{
    static const struct details_part part = {PART_BYTES, store_segment_groups, bytes_decode};
    return part_take(seg, &part, block, slot, err);
}

/* ---- All ------------------------------------------------------------------------------------ */

/* Own times and locators, from the moments of the events. */
static int moments_fill(struct store_segment *seg, const struct segment_block *b,
                        struct segment_detail *details, struct btr_err *err)
{
    struct moment_cursor places = STORE_LOCATOR_CURSOR(seg);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < b->count; i++) {
        rc = store_cursor_need(&places, b->moments[i], err);
        if (rc < 0)
            break;
        const struct segment_locator *rows = places.slot->data;
        const struct segment_locator *l = &rows[b->moments[i] % STORE_MOMENT_ROWS];
        uint64_t expected = (uint64_t)store_time_expect(b->first_ns[i], seg->time_unit);
        details[i].time_ns = (int64_t)(expected + l->time_off);
        details[i].record_id = l->record_id;
        details[i].line = l->line;
    }
    store_cursor_fini(&places);
    return rc;
}

static int old_details_fill(struct store_segment *seg, uint32_t block,
                            const struct segment_block *b, struct segment_detail *details,
                            struct btr_err *err)
{
    uint8_t *raw = NULL;
    int rc = store_segment_block(seg, STORE_DETAILS, block, &raw, err);
    if (rc < 0)
        return rc;
    struct store_read r =
        store_read_of((struct btr_span){raw, seg->directory[STORE_DETAILS][block].raw_size});
    if (!old_details_read(&r, b, details))
        rc = store_segment_bad(seg, err, STORE_DETAILS, block, "malformed");
    free(raw);
    return rc;
}

static int details_read(struct store_segment *seg, uint32_t block, const struct segment_block *b,
                        struct segment_detail *details, struct btr_err *err)
{
    struct cache_slot *bytes = NULL;
    if (seg->header.version < STORE_VERSION_GROUPS)
        return old_details_fill(seg, block, b, details, err);
    int rc = store_segment_bytes(seg, block, &bytes, err);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < b->count; i++)
        details[i].bytes = ((const uint64_t *)bytes->data)[i];
    store_cache_unpin(bytes);
    return moments_fill(seg, b, details, err);
}

static int details_decode(struct store_segment *seg, uint32_t block, struct cache_slot *slot,
                          const struct segment_block *b, struct btr_err *err)
{
    int rc = store_segment_events_check(seg, STORE_DETAILS, block, err);
    if (rc < 0)
        return rc;
    struct segment_detail *details = malloc(b->count * sizeof(*details));
    if (!details)
        return out_of_memory(err);
    rc = details_read(seg, block, b, details, err);
    if (rc < 0) {
        free(details);
        return rc;
    }
    return store_segment_keep(seg, slot, details, b->count * sizeof(*details), err);
}

int store_segment_details(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                          struct btr_err *err)
{
    static const struct details_part part = {PART_DETAILS, store_segment_events, details_decode};
    return part_take(seg, &part, block, slot, err);
}
