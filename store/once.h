#ifndef STORE_ONCE_H
#define STORE_ONCE_H
/**
 * Records told twice count once (docs/FORMAT.md, "Merging"). Two events are one when they agree
 * in all but stream, input and line, and come from different inputs, or from one line of one input
 * in different segments: what one segment tells of one input is never taken for a repetition.
 */
#include "segment_load.h"

struct once_event {
    struct btr_event event; /* stream: not used */
    uint32_t source;        /* number of (host, source) */
    uint32_t input;         /* number of (name, head hash), in their order */
    uint32_t segment;       /* number of the segment, in a reader's order */
    uint32_t place;         /* the caller's */
    bool again;             /* result: another event tells the same */
};

/** Sorts by identity and marks all but one telling of each event. */
void store_once_mark(struct once_event *events, size_t count);

/** A stretch of one source that one segment tells of one input. */
struct once_part {
    int64_t first_ns, last_ns; /* least and greatest `last_ns` of its events */
    uint32_t source;
};

/** Where parts of a source overlap, so that events may be told twice; none: first > last. */
struct once_window {
    int64_t first_ns, last_ns;
};

/**
 * Finds the windows. Parts are sorted by it.
 * @param windows  one a source, filled
 * @return whether there is any
 */
bool store_once_windows(struct once_part *parts, uint32_t count, struct once_window *windows,
                        uint32_t source_count);

static inline bool store_once_in(const struct once_window *window, int64_t last_ns)
{
    return last_ns >= window->first_ns && last_ns <= window->last_ns;
}

/** Drops events of a load that are told twice, and counts them. @return 0,
 * BTR_E_NOMEM */
int store_load_once(struct store_load *load, struct btr_err *err);

#endif
