/* Sections blocks, events, details: the events in blocks of groups (docs/FORMAT.md, "Events"). */
#include "seal.h"

/** A block: its events by place, and its groups. */
struct block_range {
    uint32_t begin, end, group_begin, group_end;
};

static const struct builder_event *event_at(const struct store_sealer *s, uint32_t place)
{
    return &s->builder->events[s->order[place]];
}

static const struct builder_event *group_at(const struct store_sealer *s, uint32_t group)
{
    return event_at(s, s->group_begin[group]);
}

/* The block behind one. @return false when there is none */
static bool block_next(const struct store_sealer *s, struct block_range *b)
{
    uint32_t left = s->builder->event_count - b->end;
    b->begin = b->end;
    b->end += left < STORE_BLOCK_EVENTS ? left : STORE_BLOCK_EVENTS;
    b->group_begin = b->group_end;
    while (b->group_end < s->group_count && s->group_begin[b->group_end] < b->end)
        b->group_end++;
    return b->begin < b->end;
}

/* 0 tells the next new number, else the number + 1. */
static uint32_t number_code(uint32_t number, uint32_t *next)
{
    uint32_t code = number == *next ? 0 : number + 1;
    *next += number == *next;
    return code;
}

static bool run_begins(const struct store_sealer *s, const struct block_range *b, uint32_t group)
{
    return group == b->group_begin ||
           group_at(s, group)->subject != group_at(s, group - 1)->subject;
}

/* Columns: count of runs, subjects, groups of each run, objects of groups. Both ends count in one
 * numbering. */
static void ends_put(struct store_sealer *s, const struct block_range *b, uint32_t *next)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint32_t run_count = 0, run_at = b->group_begin;
    uint32_t *objects = s->scratch;
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        run_count += run_begins(s, b, g);
    btr_buffer_varint(raw, run_count);
    for (uint32_t g = b->group_begin; g < b->group_end; g++) {
        const struct builder_event *e = group_at(s, g);
        if (run_begins(s, b, g))
            btr_buffer_varint(raw, number_code(s->number_of[e->subject], next));
        objects[g - b->group_begin] = number_code(s->number_of[e->object], next);
    }
    for (uint32_t g = b->group_begin + 1; g <= b->group_end; g++) {
        if (g < b->group_end && !run_begins(s, b, g))
            continue;
        btr_buffer_varint(raw, g - run_at);
        run_at = g;
    }
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        btr_buffer_varint(raw, objects[g - b->group_begin]);
}

static uint8_t shape_at(const struct store_sealer *s, uint32_t group)
{
    return store_event_shape(group_at(s, group));
}

/* Columns: operation, doubt, flags, shape, stream, count of events. */
static void kinds_put(struct store_sealer *s, const struct block_range *b)
{
    struct btr_buffer *raw = &s->packer.raw;
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        btr_buffer_u8(raw, group_at(s, g)->operation);
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        btr_buffer_u8(raw, group_at(s, g)->doubt);
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        btr_buffer_u8(raw, group_at(s, g)->flags);
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        btr_buffer_u8(raw, shape_at(s, g));
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        btr_buffer_varint(raw, group_at(s, g)->stream);
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        btr_buffer_varint(raw, s->group_begin[g + 1] - s->group_begin[g]);
}

/* Columns: the moment of each group's first event, of the other events, and how far behind its
 * moment an event ends that lasts. */
static void moments_put(struct store_sealer *s, const struct block_range *b)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint32_t before = 0;
    for (uint32_t g = b->group_begin; g < b->group_end; g++) {
        uint32_t moment = s->moment_of[s->order[s->group_begin[g]]];
        btr_buffer_varint(raw, store_zigzag((uint64_t)moment - before));
        before = moment;
    }
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        for (uint32_t i = s->group_begin[g] + 1; i < s->group_begin[g + 1]; i++)
            btr_buffer_varint(raw, s->moment_of[s->order[i]] - s->moment_of[s->order[i - 1]]);
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        if (shape_at(s, g) & STORE_SHAPE_LASTS)
            for (uint32_t i = s->group_begin[g]; i < s->group_begin[g + 1]; i++)
                btr_buffer_varint(raw, s->end_of[s->order[i]] - s->moment_of[s->order[i]]);
}

static void bytes_put(struct store_sealer *s, const struct block_range *b)
{
    for (uint32_t g = b->group_begin; g < b->group_end; g++)
        if (shape_at(s, g) & STORE_SHAPE_BYTES)
            for (uint32_t i = s->group_begin[g]; i < s->group_begin[g + 1]; i++)
                btr_buffer_varint(&s->packer.raw, event_at(s, i)->bytes);
}

/* Bounds of a block, the next new number and the next group at its end. */
static void bounds_put(struct store_sealer *s, const struct block_range *b, uint32_t *next)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (uint32_t i = b->begin; i < b->end; i++) {
        const struct builder_event *e = event_at(s, i);
        first = e->first_ns < first ? e->first_ns : first;
        last = e->last_ns > last ? e->last_ns : last;
    }
    for (uint32_t g = b->group_begin; g < b->group_end; g++) {
        (void)number_code(s->number_of[group_at(s, g)->subject], next);
        (void)number_code(s->number_of[group_at(s, g)->object], next);
    }
    btr_buffer_u64(&s->packer.raw, (uint64_t)first);
    btr_buffer_u64(&s->packer.raw, (uint64_t)last);
    btr_buffer_u32(&s->packer.raw, *next);
    btr_buffer_u32(&s->packer.raw, b->group_end);
}

static int bounds_section(struct store_sealer *s, struct btr_err *err)
{
    uint32_t next = 0, blocks = 0;
    store_section_begin(&s->packer, STORE_BLOCKS, 0);
    for (struct block_range b = {0}; block_next(s, &b); blocks++)
        bounds_put(s, &b, &next);
    int rc = store_section_block(&s->packer, blocks, err);
    store_section_end(&s->packer);
    return rc;
}

int store_seal_events(struct store_sealer *s, struct btr_err *err)
{
    struct store_packer *p = &s->packer;
    uint32_t next = 0;
    int rc = bounds_section(s, err);
    store_section_begin_final(p, STORE_EVENTS);
    for (struct block_range b = {0}; rc == 0 && block_next(s, &b);) {
        ends_put(s, &b, &next);
        kinds_put(s, &b);
        moments_put(s, &b);
        rc = store_section_block(p, b.end - b.begin, err);
    }
    store_section_end(p);
    store_section_begin_final(p, STORE_DETAILS);
    for (struct block_range b = {0}; rc == 0 && block_next(s, &b);) {
        bytes_put(s, &b);
        rc = store_section_block(p, b.end - b.begin, err);
    }
    store_section_end(p);
    return rc;
}
