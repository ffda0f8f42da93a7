#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H
/** The plain closure of docs/EVENTS.md, "Causality": repeated scans over all events until nothing
 * changes. For small inputs. */
#include <btr/trace.h>

enum { ORACLE_NODES_MAX = 256, ORACLE_SOURCES_MAX = 8, ORACLE_STEPS_MAX = 4096 };

struct oracle_step {
    struct btr_id from, to;
    uint64_t ref;  /* index of the event, or BTR_REF_PAIR */
    uint64_t pair; /* index of the pair, or 0 */
};

struct oracle {
    uint32_t node_count, step_count;
    struct btr_id ids[ORACLE_NODES_MAX];
    bool reached[ORACLE_NODES_MAX];
    int64_t bounds[ORACLE_NODES_MAX][ORACLE_SOURCES_MAX +
                                     1]; /* per source; the last is any source that tells nothing */
    int64_t told_ns[ORACLE_NODES_MAX];   /* what btr_trace_node.bound_ns says */
    struct oracle_step steps[ORACLE_STEPS_MAX];
};

void oracle_closure(struct oracle *o, const struct btr_event *events, uint32_t event_count,
                    const struct btr_pair *pairs, uint32_t pair_count,
                    enum btr_walk_direction direction, const struct btr_start *starts,
                    uint32_t start_count);

#endif
