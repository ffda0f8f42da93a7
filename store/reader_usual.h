#ifndef STORE_READER_USUAL_H
#define STORE_READER_USUAL_H
/** What segments tell of what programs usually do, added up. */
#include <btr/id.h>

#include "usual.h"

enum { READER_USUAL_ROWS_MAX = 1 << 24 };

/** Events of one program with the thing at hand. */
struct usual_cell {
    uint64_t count;
    uint32_t program;
};

struct reader_usual {
    struct btr_u64map programs, things; /* key -> number */
    struct store_usual *parts;          /* what segments tell, until it is settled */
    uint32_t part_count, part_capacity;
    uint64_t row_count;         /* of all parts */
    uint64_t rows_max;          /* more are refused */
    struct usual_cell *cells;   /* once settled, as what follows: by thing, then by program */
    uint32_t *begin;            /* by thing, and the end: its cells */
    uint64_t *program_most, most_of_all;
    uint32_t segment_count; /* segments of the snapshot that are in it: the first so many */
};

void reader_usual_fini(struct reader_usual *u);
/** Takes what a segment tells, also after a failure. @return 0, BTR_E_NOMEM, BTR_E_LIMIT */
int reader_usual_add(struct reader_usual *u, struct store_usual *told, struct btr_err *err);
/** Adds it up; nothing can be added then. @return 0, BTR_E_NOMEM */
int reader_usual_settle(struct reader_usual *u, struct btr_err *err);
/** The lookups; `u` must outlive them. */
struct btr_usual reader_usual_table(struct reader_usual *u);

#endif
