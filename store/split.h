#ifndef STORE_SPLIT_H
#define STORE_SPLIT_H
/**
 * A builder in parts, one a day (UTC) of its events' `last_ns`, so that each is sealed in the
 * partition that its time names. Equal events have equal times: what one segment told of one input
 * stays in one. A part has the entities that its events mention, with all that is told of them.
 */
#include "seal.h"

#define STORE_DAY_NS (INT64_C(86400) * 1000000000)

enum {
    STORE_DAY_PARTS_MAX = 64 /* parts of a builder: with more days the last part has all the rest */
};

struct split_part {
    int64_t day; /* since the epoch; of the rest, several */
    int64_t last_ns;
    uint32_t event_count;
    bool is_rest;
};

struct store_split {
    struct split_part parts[STORE_DAY_PARTS_MAX]; /* by day, the rest last */
    uint32_t part_count;                          /* at most one: the builder is a part as it is */
    uint32_t home;         /* the part that ends last: it has what tells no time */
    uint8_t *part_of;      /* event -> part */
    uint8_t *stream_parts; /* stream * part_count + part: whether it has something of it */
    uint8_t *count_part;   /* input -> the part that counts its records: of those that have some of
                              it the one that ends last, else home */
    bool *mentioned;       /* entity -> by an event */
    uint32_t *entity_of;   /* entity -> of the part being filled, or UINT32_MAX */
    uint32_t *stream_of;   /* the same of streams */
};

/** The day of a time, since the epoch. */
int64_t store_day_number(int64_t time_ns);

/** Finds the parts of a builder. @return 0 or BTR_E_NOMEM; store_split_fini() in either case */
int store_split_plan(struct store_split *s, const struct store_builder *b, struct btr_err *err);
/**
 * Fills a builder with a part.
 * @param to         empty
 * @param inputs     one per input of b
 * @param to_inputs  receives those of `to`; room for as many as b has
 * @return 0 or BTR_E_NOMEM
 */
int store_split_fill(const struct store_split *s, const struct store_builder *b, uint32_t part,
                     const struct seal_input *inputs, struct store_builder *to,
                     struct seal_input *to_inputs, struct btr_err *err);
void store_split_fini(struct store_split *s);

#endif
