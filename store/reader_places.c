#include "reader_places.h"

#include "reader.h"

/*
 * A slot tells a segment, a number in it, and some bits of the id that its place does not tell;
 * what fits is looked at. An id stands once for each segment that has it.
 */
enum { NUMBER_BITS = 23, SEGMENT_BITS = 21, TAG_BITS = 64 - NUMBER_BITS - SEGMENT_BITS };
#define SLOT_FREE UINT64_MAX /* there is no such segment */

enum {
    SHARE = 8,     /* made when one in so many entities was asked of a segment */
    ASKED_MIN = 8, /* and at least so many: of a small store soon */
    AHEAD = 16     /* ids whose slots are on their way from memory: each lies anywhere */
};

void reader_places_fini(struct reader_places *p)
{
    free(p->slots);
    free(p->found);
    *p = (struct reader_places){0};
}

static uint64_t tag_of(struct btr_id id)
{
    return id.hi >> (64 - TAG_BITS);
}

static void slot_fill(struct reader_places *p, struct btr_id id, uint32_t segment, uint32_t number)
{
    uint32_t at = (uint32_t)id.lo & p->slot_mask;
    while (p->slots[at] != SLOT_FREE)
        at = (at + 1) & p->slot_mask;
    p->slots[at] =
        tag_of(id) << (NUMBER_BITS + SEGMENT_BITS) | (uint64_t)segment << NUMBER_BITS | number;
}

static int segment_fill(struct btr_reader *r, uint32_t segment)
{
    struct store_segment *seg = &r->segments[segment].seg;
    struct btr_err ignored;
    struct btr_id ahead[AHEAD];
    int rc = reader_segment_map(r, segment, &ignored);
    if (rc == 0)
        rc = store_segment_ids_by_number(seg, &ignored);
    uint32_t count = rc == 0 ? seg->header.entity_count : 0;
    for (uint32_t i = 0; rc == 0 && i < count + AHEAD; i++) {
        uint8_t kind;
        if (i >= AHEAD && i - AHEAD < count)
            slot_fill(&r->places, ahead[i % AHEAD], segment, i - AHEAD);
        if (i >= count)
            continue;
        rc = store_segment_who(seg, i, &ahead[i % AHEAD], &kind, &ignored);
        if (rc == 0)
            __builtin_prefetch(&r->places.slots[ahead[i % AHEAD].lo & r->places.slot_mask], 1);
    }
    return rc;
}

static uint64_t entities_of(const struct btr_reader *r)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < r->segment_count; i++)
        count += r->segments[i].row.sealed.entity_count;
    return count;
}

/* At most three quarters full. @return false when out of memory */
static bool slots_make(struct btr_reader *r, uint64_t entity_count)
{
    struct reader_places *p = &r->places;
    size_t slots = 64;
    while (3 * slots < 4 * entity_count)
        slots *= 2;
    p->slots = malloc(slots * sizeof(*p->slots));
    p->found = calloc((size_t)r->segment_count + 1, sizeof(*p->found));
    p->slot_mask = (uint32_t)(slots - 1);
    if (p->slots && p->found)
        memset(p->slots, 0xff, slots * sizeof(*p->slots));
    return p->slots && p->found;
}

/* Damage that is met here is no damage of the answer: who needs those ids meets it again. */
static void table_make(struct btr_reader *r, uint64_t entity_count)
{
    uint32_t failed = r->failed;
    bool made = slots_make(r, entity_count);
    for (uint32_t i = 0; made && i < r->segment_count; i++)
        made = segment_fill(r, i) == 0;
    r->failed = failed;
    if (!made) {
        free(r->places.slots);
        r->places.slots = NULL;
    }
}

bool reader_places_ask(struct btr_reader *r)
{
    struct reader_places *p = &r->places;
    if (p->slots || p->tried)
        return p->slots != NULL;
    if (++p->asked < ASKED_MIN)
        return false;
    uint64_t entity_count = entities_of(r);
    if ((uint64_t)p->asked * r->segment_count * SHARE < entity_count)
        return false;
    p->tried = true;
    if (entity_count <= READER_PLACES_MAX && r->segment_count < UINT32_C(1) << SEGMENT_BITS)
        table_make(r, entity_count);
    return p->slots != NULL;
}

/* Keeps segments ascending, each once. */
static uint32_t place_add(struct reader_place *found, uint32_t count, struct reader_place place)
{
    uint32_t at = count;
    while (at > 0 && found[at - 1].segment > place.segment)
        at--;
    if (at > 0 && found[at - 1].segment == place.segment)
        return count;
    memmove(found + at + 1, found + at, (count - at) * sizeof(*found));
    found[at] = place;
    return count + 1;
}

int reader_places_find(struct btr_reader *r, struct btr_id id, struct btr_err *err)
{
    struct reader_places *p = &r->places;
    uint32_t count = 0;
    uint64_t tag = tag_of(id);
    for (uint32_t at = (uint32_t)id.lo & p->slot_mask; p->slots[at] != SLOT_FREE;
         at = (at + 1) & p->slot_mask) {
        uint64_t slot = p->slots[at];
        struct reader_place place = {(uint32_t)(slot >> NUMBER_BITS) &
                                         ((UINT32_C(1) << SEGMENT_BITS) - 1),
                                     (uint32_t)slot & ((UINT32_C(1) << NUMBER_BITS) - 1)};
        if (slot >> (NUMBER_BITS + SEGMENT_BITS) != tag)
            continue;
        struct btr_id other;
        uint8_t kind;
        int rc =
            store_segment_who(&r->segments[place.segment].seg, place.number, &other, &kind, err);
        if (rc < 0)
            return rc;
        if (btr_id_equal(other, id))
            count = place_add(p->found, count, place);
    }
    return (int)count;
}
