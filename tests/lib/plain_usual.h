#ifndef PLAIN_USUAL_H
#define PLAIN_USUAL_H
/** What programs usually do, counted the plain way: over all events, with the entities of both
 * ends. */
#include <btr/store.h>

struct plain_usual_row {
    uint64_t program, thing, count;
};

struct plain_usual {
    struct plain_usual_row *rows; /* by program, then thing, each pair once */
    uint32_t count, capacity;
};

/** Counts all events of a reader. @return 0, or what the reader fails with, or BTR_E_NOMEM */
int plain_usual_count(struct plain_usual *p, struct btr_reader *reader, struct btr_err *err);
void plain_usual_fini(struct plain_usual *p);
/** Compares every lookup: of each program with each thing, and those of either. @return the first
 * that differs, in words, or NULL */
const char *plain_usual_differs(const struct plain_usual *p, const struct btr_usual *usual);
bool plain_usual_equal(const struct plain_usual *a, const struct plain_usual *b);

#endif
