#ifndef BTR_TRACE_H
#define BTR_TRACE_H
/** Walks over provenance edges, backward from an alert or forward, and what they answer. */
#include <btr/edges.h>

enum btr_walk_direction { BTR_WALK_BACKWARD, BTR_WALK_FORWARD };

/* Times of two sources compare only within this error until offsets are estimated (docs/EVENTS.md,
 * "Order"). */
#define BTR_SOURCE_ERROR_NS INT64_C(10000000)

struct btr_start {
    struct btr_id entity;
    int64_t time_ns; /* order time: events after it (forward: before it) are not looked at */
    uint32_t source; /* of the event that time is from, or UINT32_MAX: the source of none */
};

struct btr_walk_limits {
    uint64_t edge_max;   /* steps in the closure; 0 = no limit */
    int64_t budget_ns;   /* monotonic; 0 = no limit */
    int64_t since_ns;    /* when that time began, monotonic; 0: with the call */
    uint64_t memory_max; /* bytes; 0 = no limit. 2^32 - 1 steps are the most in any case */
};

struct btr_trace_node {
    struct btr_id id;
    int64_t bound_ns; /* of its strictest source: what happened to it after (forward: before) this
                         does not matter to the alert */
    uint32_t step_begin, step_count; /* in the trace's steps: those into it (forward: out of it) */
    bool start;
};

/** What steps have in common that are told by one source in one way. */
struct btr_manner {
    uint32_t source; /* as flows have it; BTR_SOURCE_NONE for steps that pairing made */
    uint8_t operation, doubt, flags;
    bool pair; /* pairing made it */
};

#define BTR_SOURCE_NONE UINT32_MAX

/** One event of the closure, as a directed flow between nodes: it stands with the node that it was
 * admitted at, the one nearer to the alert. An event that flows both ways is two. */
struct btr_trace_step {
    int64_t first_ns, last_ns;
    btr_event_ref ref; /* or BTR_REF_PAIR + index in the trace's pairs, for a step that pairing
                          made: operation BTR_OP_CONNECT, from first_ns of the pair until the bound
                          of the node that it was crossed from (but never before first_ns) */
    uint32_t other;    /* node at the far end: where it came from (forward: where it went) */
    uint32_t manner;   /* in the trace's manners */
};

#define BTR_REF_PAIR UINT64_C(0xffffffff00000000)

static inline bool btr_step_is_pair(const struct btr_trace_step *step)
{
    return step->ref >= BTR_REF_PAIR;
}

/** Whether something happened at moments unknown between its first and last. */
static inline bool btr_manner_is_interval(const struct btr_manner *manner)
{
    return (manner->flags & (BTR_EVENT_INTERVAL | BTR_EVENT_THINNED)) != 0;
}

/** What tells steps between the same two nodes apart as edges: their operation, whether they are
 * intervals, their doubt, and whether pairing made them. */
static inline uint32_t btr_manner_kind(const struct btr_manner *manner)
{
    return (uint32_t)manner->operation << 10 |
           (btr_manner_is_interval(manner) ? UINT32_C(1) << 9 : 0) | (uint32_t)manner->doubt << 1 |
           manner->pair;
}

/** The same for a merged trace: only whether they are intervals, and whether pairing made them. */
static inline uint32_t btr_manner_way(const struct btr_manner *manner)
{
    return (btr_manner_is_interval(manner) ? 2U : 0U) | manner->pair;
}

/** Two halves of one connection, joined at their rendezvous. */
struct btr_pair {
    struct btr_id client, server, rendezvous;
    btr_event_ref client_ref, server_ref;  /* the MEET events */
    uint32_t client_source, server_source; /* that tell them */
    int64_t first_ns;                      /* the connection cannot have carried anything before */
    uint8_t doubt;                         /* PAIR_BY_ORDER or PAIR_AMBIGUOUS */
};

enum btr_cut { BTR_CUT_NONE, BTR_CUT_EDGES, BTR_CUT_TIME, BTR_CUT_MEMORY };

/** The answer. Nodes by bound (most recent first, forward: earliest first), ties to the lower id.
 * Steps of a node by (other, btr_step_kind, last_ns, ref), so that parallel ones stand together;
 * which node's come first is not told. Pairs by rendezvous, client, server: those that a step
 * crosses. */
struct btr_trace {
    struct btr_trace_node *nodes;
    struct btr_trace_step *steps;
    struct btr_pair *pairs;
    struct btr_manner *manners; /* of steps that there are, each once */
    uint32_t node_count, pair_count, manner_count;
    uint32_t step_count;
    enum btr_walk_direction direction;
    bool merged; /* see btr_trace_merge() */
    enum btr_cut cut;
    uint64_t unexplored;         /* nodes whose events were not (all) looked at when it was cut */
    int64_t unexplored_bound_ns; /* the latest (forward: earliest) R among them: no event that
                                    begins later (forward: ends earlier) was missed, in any source;
                                    it may exceed the start by BTR_SOURCE_ERROR_NS */
};

static inline const struct btr_manner *btr_step_manner(const struct btr_trace *trace,
                                                       const struct btr_trace_step *step)
{
    return &trace->manners[step->manner];
}

static inline uint32_t btr_step_kind(const struct btr_trace *trace,
                                     const struct btr_trace_step *step)
{
    const struct btr_manner *manner = btr_step_manner(trace, step);
    return trace->merged ? btr_manner_way(manner) : btr_manner_kind(manner);
}

/**
 * The closure exactly as docs/EVENTS.md, "Causality" defines it: least fixed point of R over the
 * events, times compared exactly within a source and within BTR_SOURCE_ERROR_NS between two.
 * @param out     free with btr_trace_free()
 * @param starts  one or more; duplicates allowed
 * Cost: O(E log V) time for E events around the answer, O(V + E of the answer) memory.
 * Source: King & Chen, Backtracking Intrusions, SOSP 2003, with intervals as in DESIGN section 4.
 * @return 0, BTR_E_FORMAT, BTR_E_CHECKSUM, BTR_E_IO, BTR_E_NOMEM. Meeting a limit is no failure.
 */
int btr_walk(struct btr_trace **out, const struct btr_edges *edges,
             enum btr_walk_direction direction, const struct btr_start *starts,
             uint32_t start_count, const struct btr_walk_limits *limits, struct btr_err *err);
void btr_trace_free(struct btr_trace *trace);

/** When a share of the time that a walk may take is over, monotonic; INT64_MAX: it may take any. */
int64_t btr_walk_deadline(const struct btr_walk_limits *limits, unsigned percent);
/** Makes all that flowed between two nodes one way parallel, whatever the operation and the doubt,
 * but for intervals and pairs. @return 0 or BTR_E_NOMEM, after which it must be freed */
int btr_trace_merge(struct btr_trace *trace, struct btr_err *err);

/**
 * Pairs all meetings at a rendezvous by order and time (graph/pair.c).
 * @param pairs  receives an array from malloc; the caller frees it
 */
int btr_pair_rendezvous(const struct btr_edges *edges, struct btr_id rendezvous,
                        struct btr_pair **pairs, uint32_t *pair_count, struct btr_err *err);

#endif
