#ifndef BTR_BETWEEN_H
#define BTR_BETWEEN_H
/** The part of the graph that joins two ends: what lies on paths from one to the other. */
#include <btr/trace.h>

/** From where, since when; to where, until when. Each may be several. Borrowed. */
struct btr_between {
    const struct btr_start *from, *to;
    uint32_t from_count, to_count;
};

/** What was looked at, so that "there is no path" says how far that holds. */
struct btr_between_searched {
    uint64_t node_count, event_count; /* reached from `from` until `to`'s time; flows of events */
};

/**
 * Every flow that lies on a path from an end `from`, at its time or later, to an end `to`, at its time or earlier: a
 * path whose steps the closure back from `to` admits one after the other, and the closure forward from `from`, too
 * (docs/EVENTS.md, "Causality"). So of an interval that both closures hold it counts whether one moment of it serves both.
 * Nothing else: each flow of the answer is on such a path as a whole.
 * @param out       a trace as of a walk backward from `to`: bounds of nodes are that walk's over what `from` can reach.
 *                  It always has the ends as nodes, those of `to` as starts; without steps there is no path, unless it was cut.
 *                  A cut one is a part of the whole. Free with btr_trace_free()
 * @param searched  or NULL
 * @param limits    each of the two closures keeps them; time is that of both
 * Cost: of both closures, of which the second sees only what the first reached; then, for each node, what paths to it
 * differ in within BTR_SOURCE_ERROR_NS, times its flows.
 * @return 0, or as btr_walk
 */
int btr_between(struct btr_trace **out, struct btr_between_searched *searched,
                const struct btr_edges *edges, const struct btr_between *ends,
                const struct btr_walk_limits *limits, struct btr_err *err);

#endif
