#ifndef STORE_READER_USUAL_H
#define STORE_READER_USUAL_H
/** What segments tell of what programs usually do, added up. */
#include <btr/id.h>

#include "usual.h"

enum { READER_USUAL_ROWS_MAX = 1 << 24 };

/** The rows of one program in one part. */
struct usual_run {
    uint32_t program, part, begin, end;
};

/** Events of the program at hand with one thing. */
struct usual_cell {
    uint64_t count;
    uint32_t thing; /* UINT32_MAX: none */
};

struct usual_program {
    uint64_t most;            /* events with one thing */
    uint32_t run;             /* its first; the next program's is its end */
    struct usual_cell *cells; /* open addressing, made when it is asked for; NULL */
    uint32_t mask;
};

struct usual_thing {
    uint64_t all; /* events */
    uint64_t now; /* those of the program `of` alone, while it is settled */
    uint32_t of, programs;
};

struct reader_usual {
    struct btr_u64map programs, things; /* key -> number */
    struct store_usual
        *parts; /* what segments tell; once settled, numbers stand for their things */
    uint32_t part_count, part_capacity;
    uint64_t row_count;  /* of all parts */
    uint64_t rows_max;   /* more are refused */
    int64_t deadline_ns; /* monotonic; INT64_MAX: none */
    bool settled;
    struct usual_run *runs;           /* once settled, as what follows: by program */
    struct usual_program *by_program; /* one more ends the runs of the last */
    struct usual_thing *by_thing;
    uint64_t most_of_all;
    uint32_t segment_count; /* segments of the snapshot that are in it: the first so many */
};

void reader_usual_fini(struct reader_usual *u);
/** Takes what a segment tells, also after a failure. @return 0, BTR_E_NOMEM, BTR_E_LIMIT */
int reader_usual_add(struct reader_usual *u, struct store_usual *told, struct btr_err *err);
/** Adds it up; nothing can be added then. @return 0, BTR_USUAL_LATE, BTR_E_NOMEM */
int reader_usual_settle(struct reader_usual *u, struct btr_err *err);
/** The lookups; `u` must outlive them. */
struct btr_usual reader_usual_table(struct reader_usual *u);

#endif
