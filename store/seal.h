#ifndef STORE_SEAL_H
#define STORE_SEAL_H
/**
 * Makes the bytes of a segment from what was built. The same batches give the same bytes.
 * Events are clustered by subject (the subjects of a host together, in the order of their first
 * events), then by order time; within a block those of a subject that are alike stand together.
 */
#include "builder.h"
#include "pack.h"

struct store_usual;

/** What the inputs of a builder are called: filled in when their progress is known. */
struct seal_input {
    struct btr_span name;
    uint64_t head_hash;
};

/** What the catalog says of a segment. */
struct store_sealed {
    uint32_t event_count, entity_count, gap_count, undecoded;
    uint64_t record_count;
    int64_t first_ns, last_ns;
};

/** A moment of a stream: order time, and the record that tells it. */
struct seal_moment {
    int64_t last_ns, time_ns; /* order time; the agent's own */
    uint64_t record_id, line;
};

/** Order and numbers shared by the makers of sections; arrays are the sealer's and are used again.
 */
struct store_sealer {
    struct store_packer packer;
    const struct store_builder *builder; /* during a call */
    const struct seal_input *inputs;     /* one per input of the builder */
    uint32_t *order;                     /* place in the segment -> event of the builder */
    uint32_t *number_of;                 /* entity of the builder -> number in the segment */
    uint32_t *entity_of;                 /* number -> entity of the builder */
    uint32_t *run_first, *run_groups;    /* by number: its groups as subject */
    int64_t *entity_first, *entity_last; /* by number: order times */
    uint32_t *entity_events;             /* by number */
    uint32_t *attr_order;                /* attributes by number, key, time */
    uint32_t *attr_begin; /* by number, and the end: where its attributes begin in attr_order */
    uint32_t *string_of; /* string of the builder -> number in the segment, UINT32_MAX = not used */
    uint32_t *used_strings; /* number -> string of the builder */
    uint32_t used_string_count;
    struct seal_moment *moments;
    uint32_t *moment_of, *end_of; /* event of the builder -> moments where it begins and ends */
    uint32_t *lasting;            /* events of the builder that last, in their order */
    uint32_t *group_begin;        /* group -> place of its first event, and the end */
    uint32_t *stream_ends;
    uint32_t moment_count, group_count;
    uint64_t time_unit; /* ns; own times are multiples of it */
    uint32_t *scratch, *scratch_more;
    uint32_t event_capacity, entry_capacity, stream_capacity, entity_capacity, attr_capacity,
        string_capacity;
    uint32_t attr_count; /* in attr_order: equal ones once */
};

bool store_sealer_init(struct store_sealer *s);
void store_sealer_fini(struct store_sealer *s);
/**
 * Seals a builder. The image is in s->packer.file until the next call.
 * @param inputs  one per input of the builder
 * @return 0, BTR_E_NOMEM, BTR_E_LIMIT
 */
int store_seal(struct store_sealer *s, const struct store_builder *builder,
               const struct seal_input *inputs, struct store_sealed *out, struct btr_err *err);

/** What section usual of a builder would tell, without sealing it. @param out  the caller's to end
 */
int store_seal_recount(struct store_sealer *s, const struct store_builder *builder,
                       struct store_usual *out, struct btr_err *err);

/* ---- The steps, in their order -------------------------------------------------------------- */

/** Fills order, numbers, runs and times. */
int store_seal_order(struct store_sealer *s, struct btr_err *err);
/** Fills moments, and those of each event. */
void store_seal_moments(struct store_sealer *s);
/** Fills groups, and brings the events of each block in their order. */
int store_seal_groups(struct store_sealer *s, struct btr_err *err);
/** Fills attr_order and the numbers of strings. */
void store_seal_attrs(struct store_sealer *s);
/** Sections strings, streams, inputs. */
int store_seal_names(struct store_sealer *s, struct btr_err *err);
/** Sections ids and numbers. */
int store_seal_ids(struct store_sealer *s, struct btr_err *err);
/** Section values. */
int store_seal_values(struct store_sealer *s, struct btr_err *err);
/** Section filter. */
int store_seal_filter(struct store_sealer *s, struct btr_err *err);
/** Section entities. */
int store_seal_entities(struct store_sealer *s, struct btr_err *err);
/** Sections blocks, events, details. */
int store_seal_events(struct store_sealer *s, struct btr_err *err);
/** Section index. */
int store_seal_index(struct store_sealer *s, struct btr_err *err);
/** Sections moments and locators. */
int store_seal_times(struct store_sealer *s, struct btr_err *err);
/** Sections records and lines. */
int store_seal_places(struct store_sealer *s, struct btr_err *err);
/** Sections statistics, gaps, quarantine. */
int store_seal_rows(struct store_sealer *s, struct btr_err *err);
/** Section reach. */
int store_seal_reach(struct store_sealer *s, struct btr_err *err);
/** Section stretches. */
int store_seal_stretches(struct store_sealer *s, struct btr_err *err);
/** Section usual. */
int store_seal_usual(struct store_sealer *s, struct btr_err *err);
/** What section usual tells; numbers and attributes must be there. `out` is the caller's to end. */
int store_seal_tally(struct store_sealer *s, struct store_usual *out, struct btr_err *err);
/** Sections counts and proofs, where there is something to tell. */
int store_seal_stands(struct store_sealer *s, struct btr_err *err);
static inline unsigned store_seal_more(const struct store_builder *b)
{
    return (b->stand_count > 0 ? 1U : 0U) + (b->proof_count > 0 ? 1U : 0U);
}

/** @return enum store_shape */
static inline uint8_t store_event_shape(const struct builder_event *e)
{
    return (uint8_t)((e->first_ns < e->last_ns ? STORE_SHAPE_LASTS : 0U) |
                     (e->bytes != BTR_BYTES_UNKNOWN ? STORE_SHAPE_BYTES : 0U));
}

/** Sorts numbers stably. `before(self, a, b)`: a must stand before b. Sorted input costs one pass.
 */
void store_sort(uint32_t *items, uint32_t count, uint32_t *scratch,
                bool (*before)(const void *self, uint32_t a, uint32_t b), const void *self);

#endif
