#ifndef STORE_SEAL_H
#define STORE_SEAL_H
/**
 * Makes the bytes of a segment from what was built. The same batches give the same bytes.
 * Events are clustered by subject (in the order of the subjects' first events), then by order time.
 */
#include "builder.h"
#include "pack.h"

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

/** Order and numbers shared by the makers of sections; arrays are the sealer's and are used again.
 */
struct store_sealer {
    struct store_packer packer;
    const struct store_builder *builder; /* during a call */
    const struct seal_input *inputs;     /* one per input of the builder */
    uint32_t *order;                     /* place in the segment -> event of the builder */
    uint32_t *number_of;                 /* entity of the builder -> number in the segment */
    uint32_t *entity_of;                 /* number -> entity of the builder */
    uint32_t *run_first, *run_count;     /* by number: its events as subject */
    int64_t *entity_first, *entity_last; /* by number: order times */
    uint32_t *entity_events;             /* by number */
    uint32_t *attr_order;                /* attributes by number, key, time */
    uint32_t *attr_begin; /* by number, and the end: where its attributes begin in attr_order */
    uint32_t *string_of; /* string of the builder -> number in the segment, UINT32_MAX = not used */
    uint32_t *used_strings; /* number -> string of the builder */
    uint32_t used_string_count;
    uint32_t *scratch, *scratch_more;
    uint32_t event_capacity, entity_capacity, attr_capacity, string_capacity;
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

/* ---- The steps, in their order -------------------------------------------------------------- */

/** Fills order, numbers, runs and times. */
void store_seal_order(struct store_sealer *s);
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
/** Sections records and lines. */
int store_seal_places(struct store_sealer *s, struct btr_err *err);
/** Sections statistics, gaps, quarantine, reach. */
int store_seal_rows(struct store_sealer *s, struct btr_err *err);

/** Sorts numbers stably. `before(self, a, b)`: a must stand before b. Sorted input costs one pass.
 */
void store_sort(uint32_t *items, uint32_t count, uint32_t *scratch,
                bool (*before)(const void *self, uint32_t a, uint32_t b), const void *self);

#endif
