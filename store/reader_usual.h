#ifndef STORE_READER_USUAL_H
#define STORE_READER_USUAL_H
/** What segments tell of what programs usually do, added up. */
#include <btr/id.h>

#include "usual.h"

enum { READER_USUAL_PAIRS_MAX = 1 << 24 };

struct reader_usual {
    struct btr_u64map programs, things; /* key -> number */
    struct btr_u64map pairs;            /* number of program << 32 | of thing -> pair */
    uint64_t *counts;                   /* by pair */
    uint64_t *thing_counts;             /* by number */
    uint64_t *program_most;             /* by number; once settled, as what follows */
    uint32_t *thing_programs;           /* by number */
    uint64_t most_of_all;
    uint32_t *thing_of; /* thing of what is added last -> number */
    uint32_t pair_capacity, thing_capacity, of_capacity;
    uint32_t pairs_max;     /* more are refused */
    uint32_t segment_count; /* segments of the snapshot that are in it: the first so many */
};

void reader_usual_fini(struct reader_usual *u);
/** Adds what a segment tells. After a failure it must be ended. @return 0, BTR_E_NOMEM, BTR_E_LIMIT
 */
int reader_usual_add(struct reader_usual *u, const struct store_usual *told, struct btr_err *err);
/** Makes what the lookups need, after all is added. @return 0, BTR_E_NOMEM */
int reader_usual_settle(struct reader_usual *u, struct btr_err *err);
/** The lookups; `u` must outlive them. */
struct btr_usual reader_usual_table(struct reader_usual *u);

#endif
