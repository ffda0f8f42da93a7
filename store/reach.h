#ifndef STORE_REACH_H
#define STORE_REACH_H
/**
 * Which lines and times of its inputs a segment tells. A stream of a fresh segment reaches from
 * one line to another. One that was merged may have holes, which other segments fill: it is cut
 * into stretches there, so that what stands beside it is not taken for what is told twice (once.h).
 */
#include "segment.h"

/** Where a stream, or a stretch of one, begins and ends in a segment. */
struct store_reach {
    uint64_t event_count;      /* of a stretch: not 0 */
    int64_t first_ns, last_ns; /* least and greatest `last_ns` of its events */
    uint64_t least_line, greatest_line;
};

static inline void store_reach_widen(struct store_reach *r, int64_t last_ns, uint64_t line)
{
    bool first = r->event_count++ == 0;
    r->first_ns = first || last_ns < r->first_ns ? last_ns : r->first_ns;
    r->last_ns = first || last_ns > r->last_ns ? last_ns : r->last_ns;
    r->least_line = first || line < r->least_line ? line : r->least_line;
    r->greatest_line = first || line > r->greatest_line ? line : r->greatest_line;
}

enum {
    STORE_STRETCHES_MOST = 64, /* of a stream */
    STORE_STRETCH_HOLE = 1024  /* lines: what is closer together is one stretch */
};

/** Stretches of one stream in the making, by line. The hole grows when there come to be many. */
struct store_stretches {
    struct store_reach *items;
    uint32_t count, capacity, latest; /* latest: the one widened last */
    uint64_t hole;                    /* lines; 0: STORE_STRETCH_HOLE */
};

void store_stretches_fini(struct store_stretches *s);
/** Takes in an event. @return false when out of memory */
bool store_stretches_add(struct store_stretches *s, int64_t last_ns, uint64_t line);
/** Joins stretches until there are at most STORE_STRETCHES_MOST. */
void store_stretches_settle(struct store_stretches *s);

/** What all streams of a segment reach, in stretches. */
struct store_reaches {
    struct store_reach *items; /* none is empty */
    uint32_t *begins;          /* by stream, and the end */
};

void store_reaches_fini(struct store_reaches *r);
/** Reads stretches; of a stream without any, all of its reach is one. What cannot be read may be
 * anywhere in the segment. @return 0 or BTR_E_NOMEM; store_reaches_fini() in either case */
int store_stretches_read(struct store_segment *seg, struct store_reaches *out, struct btr_err *err);
/** Reads what each stream reaches in all; where that cannot be read, all of the segment.
 * @param reaches  one per stream  @return 0 or BTR_E_NOMEM */
int store_reaches_read(struct store_segment *seg, struct store_reach *reaches, struct btr_err *err);

#endif
