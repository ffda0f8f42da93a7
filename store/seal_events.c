/* Sections blocks, events, details: the events in blocks of columns (docs/FORMAT.md, "Events"). */
#include "seal.h"

static const struct builder_event *event_at(const struct store_sealer *s, uint32_t place)
{
    return &s->builder->events[s->order[place]];
}

static uint32_t block_end(const struct store_sealer *s, uint32_t begin)
{
    uint32_t left = s->builder->event_count - begin;
    return begin + (left < STORE_BLOCK_EVENTS ? left : STORE_BLOCK_EVENTS);
}

/* 0 tells the next new number, else the number + 1. */
static void number_put(struct btr_buffer *raw, uint32_t number, uint32_t *next)
{
    btr_buffer_varint(raw, number == *next ? 0 : (uint64_t)number + 1);
    *next += number == *next;
}

static bool run_begins(const struct store_sealer *s, uint32_t begin, uint32_t i)
{
    return i == begin || event_at(s, i)->subject != event_at(s, i - 1)->subject;
}

/* Columns: count of runs, subjects, lengths of runs. Objects follow apart, in the same numbering.
 */
static void ends_put(struct store_sealer *s, uint32_t begin, uint32_t end, uint32_t *next)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint32_t run_count = 0, codes = 0, run_at = begin;
    uint32_t *objects = s->scratch;
    for (uint32_t i = begin; i < end; i++)
        run_count += run_begins(s, begin, i);
    btr_buffer_varint(raw, run_count);
    for (uint32_t i = begin; i < end; i++) {
        const struct builder_event *e = event_at(s, i);
        if (run_begins(s, begin, i))
            number_put(raw, s->number_of[e->subject], next);
        uint32_t object = s->number_of[e->object];
        objects[codes++] = object == *next ? 0 : object + 1;
        *next += object == *next;
    }
    for (uint32_t i = begin + 1; i <= end; i++) {
        if (i < end && !run_begins(s, begin, i))
            continue;
        btr_buffer_varint(raw, i - run_at);
        run_at = i;
    }
    for (uint32_t i = 0; i < codes; i++)
        btr_buffer_varint(raw, objects[i]);
}

static void bytes_put(struct store_sealer *s, uint32_t begin, uint32_t end, size_t field)
{
    struct btr_buffer *raw = &s->packer.raw;
    if (!btr_buffer_reserve(raw, end - begin))
        return;
    for (uint32_t i = begin; i < end; i++)
        raw->at[raw->size++] = ((const uint8_t *)event_at(s, i))[field];
}

static void times_put(struct store_sealer *s, uint32_t begin, uint32_t end, int64_t base_ns)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint64_t before = (uint64_t)base_ns;
    for (uint32_t i = begin; i < end; i++) {
        uint64_t last = (uint64_t)event_at(s, i)->last_ns;
        btr_buffer_varint(raw, store_zigzag(last - before));
        before = last;
    }
    for (uint32_t i = begin; i < end; i++)
        btr_buffer_varint(raw,
                          (uint64_t)event_at(s, i)->last_ns - (uint64_t)event_at(s, i)->first_ns);
}

static int64_t least_first(const struct store_sealer *s, uint32_t begin, uint32_t end)
{
    int64_t first = INT64_MAX;
    for (uint32_t i = begin; i < end; i++)
        first = event_at(s, i)->first_ns < first ? event_at(s, i)->first_ns : first;
    return first;
}

static void events_block_put(struct store_sealer *s, uint32_t begin, uint32_t end, uint32_t *next)
{
    struct btr_buffer *raw = &s->packer.raw;
    ends_put(s, begin, end, next);
    bytes_put(s, begin, end, offsetof(struct builder_event, operation));
    bytes_put(s, begin, end, offsetof(struct builder_event, doubt));
    bytes_put(s, begin, end, offsetof(struct builder_event, flags));
    for (uint32_t i = begin; i < end; i++)
        btr_buffer_varint(raw, event_at(s, i)->stream);
    times_put(s, begin, end, least_first(s, begin, end));
}

static void details_block_put(struct store_sealer *s, uint32_t begin, uint32_t end)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint64_t before = 0;
    for (uint32_t i = begin; i < end; i++) {
        const struct builder_event *e = event_at(s, i);
        btr_buffer_varint(raw, store_zigzag((uint64_t)e->time_ns - (uint64_t)e->last_ns));
    }
    for (uint32_t i = begin; i < end; i++) /* not told, the commonest, becomes 0 */
        btr_buffer_varint(raw, event_at(s, i)->bytes + 1);
    for (uint32_t i = begin; i < end; i++) {
        btr_buffer_varint(raw, store_zigzag(event_at(s, i)->record_id - before));
        before = event_at(s, i)->record_id;
    }
    before = 0;
    for (uint32_t i = begin; i < end; i++) {
        btr_buffer_varint(raw, store_zigzag(event_at(s, i)->line - before));
        before = event_at(s, i)->line;
    }
}

/* Bounds of a block, and the next new number at its end. */
static void bounds_put(struct store_sealer *s, uint32_t begin, uint32_t end, uint32_t *next)
{
    int64_t first = least_first(s, begin, end), last = INT64_MIN;
    for (uint32_t i = begin; i < end; i++) {
        const struct builder_event *e = event_at(s, i);
        last = e->last_ns > last ? e->last_ns : last;
        *next += s->number_of[e->subject] == *next;
        *next += s->number_of[e->object] == *next;
    }
    btr_buffer_u64(&s->packer.raw, (uint64_t)first);
    btr_buffer_u64(&s->packer.raw, (uint64_t)last);
    btr_buffer_u32(&s->packer.raw, *next);
}

static int bounds_section(struct store_sealer *s, struct btr_err *err)
{
    uint32_t next = 0, blocks = 0;
    store_section_begin(&s->packer, STORE_BLOCKS, 0);
    for (uint32_t at = 0; at < s->builder->event_count; at = block_end(s, at), blocks++)
        bounds_put(s, at, block_end(s, at), &next);
    int rc = store_section_block(&s->packer, blocks, err);
    store_section_end(&s->packer);
    return rc;
}

int store_seal_events(struct store_sealer *s, struct btr_err *err)
{
    struct store_packer *p = &s->packer;
    uint32_t next = 0;
    int rc = bounds_section(s, err);
    store_section_begin(p, STORE_EVENTS, 0);
    for (uint32_t at = 0; rc == 0 && at < s->builder->event_count; at = block_end(s, at)) {
        events_block_put(s, at, block_end(s, at), &next);
        rc = store_section_block(p, block_end(s, at) - at, err);
    }
    store_section_end(p);
    store_section_begin(p, STORE_DETAILS, 0);
    for (uint32_t at = 0; rc == 0 && at < s->builder->event_count; at = block_end(s, at)) {
        details_block_put(s, at, block_end(s, at));
        rc = store_section_block(p, block_end(s, at) - at, err);
    }
    store_section_end(p);
    return rc;
}
