/* Section index: where to find the groups of an entity (docs/FORMAT.md, "Index"). */
#include "seal.h"

enum { LISTS = 3 }; /* posting lists of an entity, by direction */

/* 0: flows into the object; 1: out of it; 2: both ways, meetings, no flow. */
static unsigned list_of(unsigned operation)
{
    enum btr_direction direction = btr_operation_direction(operation);
    return direction == BTR_FLOW_OUT ? 0 : direction == BTR_FLOW_IN ? 1 : 2;
}

/* Counts the postings of (entity, list), then makes of each count the place of its end. */
static void postings_count(struct store_sealer *s, uint32_t *ends)
{
    const struct store_builder *b = s->builder;
    memset(ends, 0, (size_t)b->entity_count * LISTS * sizeof(*ends));
    for (uint32_t g = 0; g < s->group_count; g++) {
        const struct builder_event *e = &b->events[s->order[s->group_begin[g]]];
        if (e->subject != e->object)
            ends[(size_t)s->number_of[e->object] * LISTS + list_of(e->operation)]++;
    }
    uint32_t sum = 0;
    for (size_t i = 0; i < (size_t)b->entity_count * LISTS; i++) {
        sum += ends[i];
        ends[i] = sum;
    }
}

/* Fills the lists from their ends, so that afterwards `begins` holds where each begins. */
static void postings_fill(struct store_sealer *s, uint32_t *begins, uint32_t *postings)
{
    const struct store_builder *b = s->builder;
    for (uint32_t g = s->group_count; g-- > 0;) {
        const struct builder_event *e = &b->events[s->order[s->group_begin[g]]];
        if (e->subject != e->object)
            postings[--begins[(size_t)s->number_of[e->object] * LISTS + list_of(e->operation)]] = g;
    }
}

static void runs_put(struct store_sealer *s, uint32_t begin, uint32_t end)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint32_t expected = 0;
    for (uint32_t n = begin; n < end; n++)
        btr_buffer_varint(raw, s->run_groups[n]);
    for (uint32_t n = begin; n < end; n++) {
        if (s->run_groups[n] == 0)
            continue;
        btr_buffer_varint(raw, store_zigzag((uint64_t)s->run_first[n] - expected));
        expected = s->run_first[n] + s->run_groups[n];
    }
}

static void lists_put(struct store_sealer *s, uint32_t begin, uint32_t end, const uint32_t *begins,
                      const uint32_t *postings)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint64_t before = 0;
    for (unsigned list = 0; list < LISTS; list++)
        for (size_t n = begin; n < end; n++)
            btr_buffer_varint(raw, begins[n * LISTS + list + 1] - begins[n * LISTS + list]);
    for (size_t i = (size_t)begin * LISTS; i < (size_t)end * LISTS; i++) {
        for (uint32_t k = begins[i]; k < begins[i + 1]; k++) {
            if (k == begins[i])
                btr_buffer_varint(raw, store_zigzag(postings[k] - before));
            else
                btr_buffer_varint(raw, (uint64_t)postings[k] - postings[k - 1] - 1);
        }
        if (begins[i] < begins[i + 1])
            before = postings[begins[i]];
    }
}

int store_seal_index(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    uint32_t *begins = s->scratch, *postings = s->scratch_more; /* entities * LISTS + 1; groups */
    postings_count(s, begins);
    begins[(size_t)b->entity_count * LISTS] =
        b->entity_count > 0 ? begins[(size_t)b->entity_count * LISTS - 1] : 0;
    postings_fill(s, begins, postings);
    int rc = 0;
    store_section_begin(&s->packer, STORE_INDEX, 0);
    for (uint32_t at = 0; rc == 0 && at < b->entity_count;) {
        uint32_t left = b->entity_count - at;
        uint32_t end = at + (left < STORE_INDEX_ENTITIES ? left : STORE_INDEX_ENTITIES);
        runs_put(s, at, end);
        lists_put(s, at, end, begins, postings);
        rc = store_section_block(&s->packer, end - at, err);
        at = end;
    }
    store_section_end(&s->packer);
    return rc;
}
