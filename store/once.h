#ifndef STORE_ONCE_H
#define STORE_ONCE_H
/**
 * Records told twice count once (docs/EVENTS.md, "Told twice"). Two events are one when they agree
 * in all but stream, input, line and the flag ENDS, and come from different inputs, or from one line
 * of one input in different segments: what one segment tells of one input is never taken for a
 * repetition.
 */
#include "segment_load.h"

struct once_event {
    struct btr_event event; /* stream: not used */
    uint32_t source;        /* number of (host, source) */
    uint32_t input;         /* number of (name, head hash), in their order */
    uint32_t segment;       /* number of the segment, in a reader's order */
    uint32_t place;         /* the caller's */
    uint32_t count;         /* events that it stands for */
    bool again;             /* result: another event tells the same */
};

/** Sorts by identity and marks all but one telling of each event. */
void store_once_mark(struct once_event *events, size_t count);

/** A stretch of one source that one segment tells of one input. */
struct once_part {
    struct store_reach reach;
    uint64_t input; /* hash of name and head hash */
    uint32_t source;
};

struct once_window {
    uint32_t source;
    int64_t first_ns, last_ns; /* `last_ns` of events */
};

/** Where parts overlap, so that events may be told twice: by source, then time, apart from each
 * other. */
struct once_windows {
    struct once_window *items;
    uint32_t count, capacity;
};

/** Finds the windows: parts share a moment, and come from different inputs, or share lines of one.
 * Parts are sorted by it. @return false when out of memory */
bool store_once_windows(struct once_windows *windows, struct once_part *parts, uint32_t count);
/** Whether an event of a source that ends between two times may be told twice. */
bool store_once_touches(const struct once_windows *windows, uint32_t source, int64_t first_ns,
                        int64_t last_ns);
/** Whether one that ends at last_ns may be. */
static inline bool store_once_in(const struct once_windows *windows, uint32_t source,
                                 int64_t last_ns)
{
    return store_once_touches(windows, source, last_ns, last_ns);
}

/** What a gap or an undecoded record is told of. */
struct once_names {
    struct btr_span host, source, input;
};

/** A gap as an event that is one with another when the gaps agree in all but input and line. The
 * input's number is a part of its hash. */
struct once_event store_gap_event(const struct btr_gap *gap, const struct once_names *names,
                                  uint32_t segment, uint32_t place);

/** Whether the same line of the same input was told before with the same words, by the hashes in
 * `seen`.
 * @return 1, 0, or BTR_E_NOMEM */
int store_quarantined_again(struct btr_idmap *seen, const struct btr_quarantined *record,
                            const struct once_names *names);

/** Drops what a load tells twice: events (these are counted), gaps, undecoded records. @return 0,
 * BTR_E_NOMEM */
int store_load_once(struct store_load *load, struct btr_err *err);

#endif
