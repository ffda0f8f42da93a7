#ifndef QUERY_HOLES_H
#define QUERY_HOLES_H
/** What the records of a host lack, by time: gaps that may hide a step. */
#include <btr/buffer.h>

#include "parts.h"

/** How long before something is first seen its missing cause is looked for. */
#define HOLES_BEFORE_NS (INT64_C(60) * 1000000000)
/** A hole that is told of every step that stands on both its sides: as many records at least, or
 * nobody knows how many. */
enum { HOLES_WIDE = 64 };

/** What a host lacks in a stretch of time. */
struct holes_lack {
    uint32_t hole_count;
    uint64_t record_count;             /* those of which it is known */
    const struct answer_hole *nearest; /* the last to begin; NULL: it lacks nothing */
    const struct answer_hole *first;   /* the first to begin */
};

/** Sorts gaps that may hide records by host and time. @return 0 or BTR_E_NOMEM */
int holes_make(struct answer_holes *out, const struct answer_gap *gaps, uint32_t gap_count,
               struct btr_err *err);
void holes_fini(struct answer_holes *holes);
/** The holes of a host; NULL where it has none. */
const struct answer_hole_host *holes_of(const struct answer_holes *holes, struct btr_span host);

/** What a host lacks of what began before `until_ns` and ended at `since_ns` or later. */
struct holes_lack holes_between(const struct answer_holes *holes,
                                const struct answer_hole_host *host, int64_t since_ns,
                                int64_t until_ns);
/** What it lacks in the minute before a time, or where that is nothing, since `since_ns`. */
struct holes_lack holes_before(const struct answer_holes *holes,
                               const struct answer_hole_host *host, int64_t since_ns,
                               int64_t until_ns);
/** The last wide hole that began before a time, and ended until another; NULL: there is none. */
const struct answer_hole *holes_wide(const struct answer_holes *holes,
                                     const struct answer_hole_host *host, int64_t until_ns,
                                     int64_t ended_ns);
/** Whether two hosts tell of the same hole in a counter that they share. */
bool holes_shared(const struct answer_hole *a, const struct answer_hole *b);
bool holes_any_wide(const struct answer_holes *holes);

/** "web01 lacks 31 records in 29 holes in the minute before 08:58:13.412, the nearest (1) at
 * 08:58:13.401". @param near_ns  the time that it is about */
void holes_lack_words(struct btr_buffer *out, struct btr_span host, const struct holes_lack *lack,
                      int64_t near_ns);
/** "web01 lacks 5,889 records in 120 holes between 08:58:24.834 and 08:58:34.826". */
void holes_stretch_words(struct btr_buffer *out, struct btr_span host,
                         const struct holes_lack *lack, int64_t near_ns);
/** "web01 lacks 5,113 records between 08:58:24.834 and 08:58:34.826". */
void hole_words(struct btr_buffer *out, struct btr_span host, const struct answer_hole *hole,
                int64_t near_ns);
/** A time of day, with the day where it is another than that of `near_ns`. */
void holes_time(struct btr_buffer *out, int64_t ns, int64_t near_ns);
/** "5,113" */
void holes_number(struct btr_buffer *out, uint64_t number);

#endif
