#ifndef STORE_USUAL_H
#define STORE_USUAL_H
/** How often which program turned to which thing in one segment (docs/FORMAT.md, "Usual"). */
#include <btr/err.h>
#include <btr/usual.h>

struct store_usual {
    uint64_t *programs, *things; /* keys, ascending */
    uint32_t *row_ends;          /* by program: where its rows end; at least one each */
    uint32_t *row_things;        /* by row: place in `things`, ascending within a program */
    uint64_t *row_counts;        /* at least 1 */
    uint32_t program_count, thing_count, row_count;
};

enum {
    STORE_USUAL_KEY_BITS = 48,
    STORE_USUAL_COUNT_BITS = 54 /* of a row: events of a segment, each standing for 2^32 at most */
};

/** Gives the arrays room. @return false when out of memory; store_usual_fini() in either case */
bool store_usual_room(struct store_usual *u, uint32_t programs, uint32_t things, uint32_t rows);
void store_usual_fini(struct store_usual *u);

#endif
