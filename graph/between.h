#ifndef GRAPH_BETWEEN_H
#define GRAPH_BETWEEN_H
/** What of a trace lies on paths between two ends (between_paths.c). */
#include <btr/between.h>

/** Where marking has to end early: what is marked by then is on a path. */
struct between_limits {
    int64_t deadline_ns; /* monotonic; INT64_MAX: none */
    uint64_t memory_max; /* bytes; 0: no limit */
};

/**
 * Marks the steps of a backward trace that lie on a path from `from` to `to`.
 * @param marks  of each step, zeroed
 * @param cut    becomes the limit that was met
 * @return 0 or BTR_E_NOMEM
 */
int between_mark(bool *marks, const struct btr_trace *trace, const struct btr_between *ends,
                 const struct between_limits *limits, enum btr_cut *cut, struct btr_err *err);

#endif
