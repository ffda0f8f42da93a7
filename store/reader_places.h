#ifndef STORE_READER_PLACES_H
#define STORE_READER_PLACES_H
/**
 * Where entities are: from an id to its numbers in the segments of a snapshot. A walk that asks for
 * few entities looks each up in the segments, whose filters deny most. One that asks for a good
 * part of all there are has them put in one table first, which costs a reading of all ids and then
 * one look for each.
 */
#include <btr/store.h>

struct reader_place {
    uint32_t segment, number;
};

/* A zeroed struct is a table that is not made. */
struct reader_places {
    uint64_t *slots; /* open addressing; NULL: not made */
    uint32_t slot_mask;
    uint32_t asked; /* entities, since the first question */
    bool tried;
    struct reader_place *found; /* of the entity that was asked for last; one for each segment */
};

enum { READER_PLACES_MAX = 6 << 20 }; /* entities in a table: bounds its memory to 64 MiB */

void reader_places_fini(struct reader_places *p);
/** Counts an entity that is asked for, and makes the table when it is time to. @return whether it
 * is there; when it cannot be made it is not, which costs time only */
bool reader_places_ask(struct btr_reader *reader);
/** Fills places.found with all places of an id, segments ascending. The table must be there.
 * @return how many, or a failure: BTR_E_CHECKSUM, BTR_E_FORMAT */
int reader_places_find(struct btr_reader *reader, struct btr_id id, struct btr_err *err);

#endif
