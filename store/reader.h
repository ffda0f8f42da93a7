#ifndef STORE_READER_H
#define STORE_READER_H
/** A snapshot: the segments that were published when it was opened. */
#include <btr/store.h>

#include "ahead.h"
#include "catalog.h"
#include "reader_damage.h"
#include "reader_once.h"
#include "reader_places.h"
#include "reader_usual.h"
#include "segment.h"

struct reader_segment {
    struct catalog_segment row;
    uint32_t store;          /* index of its store */
    bool is_mapped;          /* and the header is the one that was published */
    bool is_ready;           /* mapped, and its sources numbered */
    struct btr_buffer image; /* in the place of a damaged file: what is left of it, sealed anew */
    struct store_segment seg;
};

struct reader_input {
    struct btr_input row; /* spans point into the arena */
};

struct btr_reader {
    char **paths;
    struct store_catalog **catalogs; /* of each path: its snapshot, until release */
    uint32_t path_count;
    struct reader_segment *segments; /* by first time, last time, hash */
    uint32_t segment_count, segment_capacity;
    uint32_t *latest;         /* segments, those that end last first; NULL: not asked for */
    struct btr_id located_id; /* the entity that flows were asked of last */
    uint32_t *located; /* its number in each segment; with READER_SHUT when the segment is not
                          opened yet; READER_ABSENT, READER_UNASKED; NULL: none was asked for */
    struct btr_stream *sources; /* unique (host, source), in the order of first sight */
    uint32_t source_count, source_capacity;
    struct btr_u64map source_by_hash; /* of those of one hash, the last */
    struct btr_input *inputs;         /* by reading time, then name */
    uint32_t input_count, input_capacity;
    uint64_t catalog_bytes;
    struct btr_arena *arena; /* what inputs and sources point to */
    struct store_cache cache;
    void *unpacker;
    struct store_ahead ahead;
    struct reader_once once;
    struct reader_places places;
    struct reader_usual usual;
    uint32_t failed;              /* segment whose bytes failed last, UINT32_MAX: none */
    bool is_wanted;               /* reader_segments_want was asked */
    struct reader_damage *damage; /* segments that questions go on without, or with what is left */
    uint32_t damage_count;
    uint8_t fits[BTR_SIDE_ALL + 1][UINT8_MAX + 1]; /* READER_FITS of each operation */
    struct btr_reader_cost cost;
};

/* Whether an operation is asked for of the entity that is its subject, that is its object. */
enum { READER_FITS_SUBJECT = 1, READER_FITS_OBJECT = 2 };

#define READER_ABSENT UINT32_MAX
#define READER_UNASKED (UINT32_MAX - 1)
#define READER_SHUT (UINT32_C(1) << 31) /* numbers are smaller */

enum { READER_CACHE_SIZE = 320 << 20 };

/** Notes that a store cannot be read at all. @param err  why; receives BTR_E_NOMEM */
int reader_store_lose(struct btr_reader *reader, uint32_t store, struct btr_err *err);
/** Readies what flows are asked by. */
void reader_fits_make(struct btr_reader *reader);
/** Readies the segments for the first question, by their places. */
void reader_segments_begin(struct btr_reader *reader);
/** Forgets all that was decoded. */
void reader_segments_end(struct btr_reader *reader);
/** Maps a segment, and checks that its header is the one that was published. */
int reader_segment_map(struct btr_reader *reader, uint32_t segment, struct btr_err *err);
/** Has the disk read heads and filters of all segments at once, before they are asked one by one.
 * What cannot be read is told then. */
void reader_segments_want(struct btr_reader *reader);
/** Makes a segment ready for reading. */
int reader_segment_ready(struct btr_reader *reader, uint32_t segment, struct btr_err *err);
/** @return 1 when an entity may be in a segment, 0 when it is not, or a failure. Of a segment only
 * the header and a part of its filter are touched. */
int reader_segment_may_hold(struct btr_reader *reader, uint32_t segment, struct btr_id id,
                            struct btr_err *err);
/** For one who asks that of all segments soon: has the memory fetched. */
void reader_segments_hold_ask(const struct btr_reader *reader, struct btr_id id);
/** Ready, with ids and kinds. */
int reader_segment_entities(struct btr_reader *reader, uint32_t segment, struct btr_err *err);
/** Tells again->told what is told again elsewhere; all segments become ready. */
int reader_events_again(struct btr_reader *reader, struct once_marks *again, struct btr_err *err);
/** Fills an event of a segment that is ready. */
int reader_event_fill(struct btr_reader *reader, uint32_t segment, uint32_t event,
                      struct btr_event_full *out, struct btr_err *err);

/** Whether an entity is of a kind (or kind is BTR_KIND_NONE) and has an event in a range; one
 * without events is in the range of all times only. */
bool reader_entity_wanted(const struct btr_entity *e, enum btr_kind kind, int64_t since_ns,
                          int64_t until_ns);

static inline btr_event_ref reader_ref(uint32_t segment, uint32_t event)
{
    return (btr_event_ref)segment << 32 | event;
}

#endif
