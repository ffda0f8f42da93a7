/* Decoding of moments and locators (docs/FORMAT.md, "Moments"). */
#include "read.h"
#include "segment.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

static bool unit_fits(uint64_t unit)
{
    return unit > 0 && unit <= INT64_MAX;
}

static bool moments_read(struct store_segment *seg, struct btr_span raw, void *rows, uint32_t count)
{
    int64_t *moments = rows;
    struct store_read r = store_read_of(raw);
    uint64_t unit = store_read_varint(&r), at = 0, base = 0; /* base: a multiple before `at` */
    if (!unit_fits(unit) || (seg->time_unit != 0 && unit != seg->time_unit))
        return false;
    seg->time_unit = unit;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t code = store_read_varint(&r);
        if (code == 0) {
            at++;
        } else if (code & 1) {
            if (at - base >= unit)
                base = (uint64_t)store_time_expect((int64_t)at, unit);
            at = base += (code / 2 + 1) * unit;
        } else {
            at += store_unzigzag(store_read_varint(&r));
            base = (uint64_t)store_time_expect((int64_t)at, unit);
            r.failed = r.failed || code != 2;
        }
        moments[i] = (int64_t)at;
    }
    return store_read_done(&r);
}

/* Own times are differences until they are asked for: what is expected hangs on the order time. */
static bool locators_read(struct store_segment *seg, struct btr_span raw, void *rows,
                          uint32_t count)
{
    (void)seg;
    struct segment_locator *locators = rows;
    struct store_read r = store_read_of(raw);
    uint64_t before = 0;
    for (uint32_t i = 0; i < count; i++)
        locators[i].time_off = store_unzigzag(store_read_varint(&r));
    for (uint32_t i = 0; i < count; i++)
        locators[i].record_id = before += store_unzigzag(store_read_varint(&r));
    before = 0;
    for (uint32_t i = 0; i < count; i++)
        locators[i].line = before += store_unzigzag(store_read_varint(&r));
    return store_read_done(&r);
}

/** A section of rows by moment. */
struct moment_part {
    enum segment_part part;
    unsigned section;
    size_t row_size;
    bool (*read)(struct store_segment *seg, struct btr_span raw, void *rows, uint32_t count);
};

static int block_decode(struct store_segment *seg, const struct moment_part *p, uint32_t block,
                        struct cache_slot *slot, struct btr_err *err)
{
    uint8_t *raw = NULL;
    const struct store_block *b = &seg->directory[p->section][block];
    bool is_last = block + 1 == seg->section_of[p->section]->block_count;
    if (b->first != block * STORE_MOMENT_ROWS || b->count == 0 ||
        (is_last ? b->count > STORE_MOMENT_ROWS : b->count != STORE_MOMENT_ROWS))
        return store_segment_bad(seg, err, p->section, block, "has not the rows it should have");
    int rc = store_segment_block(seg, p->section, block, &raw, err);
    if (rc < 0)
        return rc;
    size_t size = b->count * p->row_size;
    void *rows = malloc(size);
    if (!rows)
        rc = out_of_memory(err);
    else if (!p->read(seg, (struct btr_span){raw, b->raw_size}, rows, b->count))
        rc = store_segment_bad(seg, err, p->section, block, "malformed");
    free(raw);
    if (rc < 0) {
        free(rows);
        return rc;
    }
    return store_segment_keep(seg, slot, rows, size, err);
}

static int block_take(struct store_segment *seg, const struct moment_part *p, uint32_t block,
                      struct cache_slot **slot, struct btr_err *err)
{
    int rc = store_segment_slot(seg, p->part, p->section, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    return block_decode(seg, p, block, *slot, err);
}

int store_segment_moments(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                          struct btr_err *err)
{
    static const struct moment_part part = {PART_MOMENTS, STORE_MOMENTS, sizeof(int64_t),
                                            moments_read};
    return block_take(seg, &part, block, slot, err);
}

int store_segment_locators(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                           struct btr_err *err)
{
    static const struct moment_part part = {PART_LOCATORS, STORE_LOCATORS,
                                            sizeof(struct segment_locator), locators_read};
    return block_take(seg, &part, block, slot, err);
}

void store_cursor_fini(struct moment_cursor *c)
{
    if (c->slot)
        store_cache_unpin(c->slot);
    c->slot = NULL;
}

int store_cursor_move(struct moment_cursor *c, uint32_t moment, struct btr_err *err)
{
    store_cursor_fini(c);
    c->block = moment / STORE_MOMENT_ROWS;
    int rc = c->take(c->seg, c->block, &c->slot, err);
    if (rc < 0) {
        c->slot = NULL;
        return rc;
    }
    c->count = c->seg->directory[c->section][c->block].count;
    return 0;
}
