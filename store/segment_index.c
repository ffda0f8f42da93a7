/* Decoding of index blocks (docs/FORMAT.md, "Index"). */
#include "read.h"
#include "segment.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

static void runs_read(struct store_read *r, struct segment_index *x, uint32_t group_count)
{
    uint64_t expected = 0;
    for (uint32_t i = 0; i < x->count; i++)
        x->run_groups[i] = store_read_upto(r, group_count);
    for (uint32_t i = 0; i < x->count; i++) {
        x->run_first[i] = 0;
        if (x->run_groups[i] == 0)
            continue;
        uint64_t first = expected + store_unzigzag(store_read_varint(r));
        if (first > group_count || x->run_groups[i] > group_count - first) {
            r->failed = true;
            return;
        }
        x->run_first[i] = (uint32_t)first;
        expected = first + x->run_groups[i];
    }
}

/* @return postings of all lists; they were counted against what is left to read */
static uint32_t lists_read(struct store_read *r, struct segment_index *x)
{
    uint64_t total = 0;
    for (uint32_t list = 0; list < SEGMENT_LISTS; list++) {
        for (uint32_t i = 0; i < x->count; i++) {
            uint32_t size = store_read_upto(r, UINT32_MAX);
            x->list_begin[(size_t)i * SEGMENT_LISTS + list] = size;
            total += size;
        }
    }
    if (total > store_read_rest(r)) { /* a posting is at least a byte */
        r->failed = true;
        return 0;
    }
    uint32_t begin = 0;
    for (size_t i = 0; i < (size_t)x->count * SEGMENT_LISTS; i++) {
        uint32_t size = x->list_begin[i];
        x->list_begin[i] = begin;
        begin += size;
    }
    x->list_begin[(size_t)x->count * SEGMENT_LISTS] = begin;
    return begin;
}

static void postings_read(struct store_read *r, struct segment_index *x, uint32_t group_count)
{
    uint64_t before = 0;
    for (size_t i = 0; i < (size_t)x->count * SEGMENT_LISTS && !r->failed; i++) {
        uint64_t at = before;
        for (uint32_t k = x->list_begin[i]; k < x->list_begin[i + 1]; k++) {
            bool is_first = k == x->list_begin[i];
            uint64_t step = store_read_varint(r);
            at += is_first ? store_unzigzag(step) : step + 1;
            r->failed = r->failed || at >= group_count;
            x->postings[k] = (uint32_t)at;
            before = is_first ? at : before;
        }
    }
}

/* The arrays, but for postings, in one allocation with the struct. */
static struct segment_index *index_new(uint32_t first, uint32_t count, size_t raw_size,
                                       size_t *size)
{
    size_t numbers = (size_t)count * (2 + SEGMENT_LISTS) + 1 + raw_size;
    *size = sizeof(struct segment_index) + numbers * sizeof(uint32_t);
    struct segment_index *x = malloc(*size);
    if (!x)
        return NULL;
    uint32_t *at = (uint32_t *)(x + 1);
    *x = (struct segment_index){.first = first, .count = count};
    x->run_first = at;
    x->run_groups = at + count;
    x->list_begin = at + (size_t)count * 2;
    x->postings = x->list_begin + (size_t)count * SEGMENT_LISTS + 1;
    return x;
}

/* Gives back what was asked for too many postings. */
static struct segment_index *index_trim(struct segment_index *x, uint32_t posting_count,
                                        size_t *size)
{
    size_t used = (size_t)((uint8_t *)(x->postings + posting_count) - (uint8_t *)x);
    struct segment_index *moved = realloc(x, used);
    if (!moved)
        return x;
    *size = used;
    uint32_t *at = (uint32_t *)(moved + 1);
    moved->run_first = at;
    moved->run_groups = at + moved->count;
    moved->list_begin = at + (size_t)moved->count * 2;
    moved->postings = moved->list_begin + (size_t)moved->count * SEGMENT_LISTS + 1;
    return moved;
}

static int index_decode(struct store_segment *seg, uint32_t block, struct cache_slot *slot,
                        struct btr_err *err)
{
    uint8_t *raw = NULL;
    int rc = store_segment_block(seg, STORE_INDEX, block, &raw, err);
    if (rc < 0)
        return rc;
    const struct store_block *b = &seg->directory[STORE_INDEX][block];
    size_t size = 0;
    uint32_t postings = 0;
    struct segment_index *x = index_new(b->first, b->count, b->raw_size, &size);
    if (!x) {
        free(raw);
        return out_of_memory(err);
    }
    struct store_read r = store_read_of((struct btr_span){raw, b->raw_size});
    runs_read(&r, x, seg->header.event_count);
    if (!r.failed)
        postings = lists_read(&r, x);
    if (!r.failed)
        postings_read(&r, x, seg->header.event_count);
    free(raw);
    if (!store_read_done(&r)) {
        free(x);
        return store_segment_bad(seg, err, STORE_INDEX, block, "malformed");
    }
    x = index_trim(x, postings, &size);
    return store_segment_keep(seg, slot, x, size, err);
}

int store_segment_index(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                        struct btr_err *err)
{
    int rc = store_segment_slot(seg, PART_INDEX, STORE_INDEX, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    const struct store_block *b = &seg->directory[STORE_INDEX][block];
    uint64_t left = (uint64_t)seg->header.entity_count - (uint64_t)block * STORE_INDEX_ENTITIES;
    if (b->first != block * STORE_INDEX_ENTITIES ||
        b->count != (left < STORE_INDEX_ENTITIES ? left : STORE_INDEX_ENTITIES))
        return store_segment_bad(seg, err, STORE_INDEX, block,
                                 "has not the entities it should have");
    return index_decode(seg, block, *slot, err);
}
