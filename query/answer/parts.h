#ifndef QUERY_ANSWER_PARTS_H
#define QUERY_ANSWER_PARTS_H
/** What an answer holds. Exporters read it; the files beside this one fill it in, in the order of
 * answer.c. */
#include <btr/answer.h>

#include <assert.h>

#define ANSWER_NONE UINT32_MAX

struct answer_node {
    struct btr_entity entity; /* attributes lie in the answer's arena */
    struct btr_span label;    /* raw bytes */
    struct btr_span doubt;    /* why it is not known where it came from; empty: it is (doubts.c) */
    int64_t seen_ns;          /* attributes are those of this time */
    double score; /* the highest of the pairs it is in, of a way in its own; 0: not scored */
    uint8_t rank; /* enum answer_rank: what sort of way in it is, or would be if it were no start */
    bool hole;    /* the doubt is one of a hole in the records, not of their beginning */
};

/** Where events come from. Spans are the reader's. */
struct answer_origin {
    struct btr_span host, source, input, digest;
};

/** The record that an event rests on. */
struct answer_record {
    uint64_t record_id, line;
    uint64_t bytes; /* that the event tells; BTR_BYTES_UNKNOWN when it does not */
    uint32_t origin;
    uint32_t again : 1;  /* an earlier step of the same edge rests on the same record */
    uint32_t stand : 31; /* what its event stands for, of the answer's, from 1; 0: itself */
};

/** What a thinned event stands for. */
struct answer_stand {
    uint32_t count;
    struct answer_record last;
};

/** Where an edge's steps stand. */
struct answer_place {
    uint32_t node; /* that has them, the one nearer to the start */
    uint32_t step_begin, step_count;
};

/** A bit for each operation. */
#define ANSWER_BIT(operation) (UINT64_C(1) << (operation))
static_assert(BTR_OP_MAX < 64, "a bit for each operation");
/** Those that only open something, and those that start a process. */
#define ANSWER_OPENS                                                                               \
    (ANSWER_BIT(BTR_OP_OPEN_READ) | ANSWER_BIT(BTR_OP_OPEN_WRITE) | ANSWER_BIT(BTR_OP_OPEN_BOTH) | \
     ANSWER_BIT(BTR_OP_CONNECT) | ANSWER_BIT(BTR_OP_ACCEPT) | ANSWER_BIT(BTR_OP_PIPE_CREATE) |     \
     ANSWER_BIT(BTR_OP_PIPE_CONNECT))
#define ANSWER_STARTS                                                                              \
    (ANSWER_BIT(BTR_OP_FORK) | ANSWER_BIT(BTR_OP_SERVICE_START) | ANSWER_BIT(BTR_OP_TASK_RUN) |    \
     ANSWER_BIT(BTR_OP_WMI_RUN))

/** Steps alike between the same two nodes (btr_step_kind): of one operation and doubt; in a merged
 * trace all that flowed one way, but for intervals. */
struct answer_edge {
    uint32_t from, to; /* node indexes */
    uint32_t step_begin, step_count;
    int64_t first_ns, last_ns;
    uint64_t bytes;        /* sum of what was told; BTR_BYTES_UNKNOWN when nothing was */
    uint32_t record_count; /* records that the steps rest on, each once */
    uint32_t thinned;      /* of these, how many are not told any more */
    uint64_t operations;   /* of its steps */
    uint8_t operation;     /* of them, the one that tells most */
    uint8_t doubt; /* BTR_DOUBT_NONE when one of them is certain; else the first in the table */
    bool mixed;    /* its steps differ in operation or doubt */
    bool interval, pair;
    int64_t ahead_ns; /* of the clock that tells it */
};

/** A way in. */
struct answer_entry {
    uint32_t node;
    uint32_t
        hops; /* steps of the shortest path to a start that times admit; UINT32_MAX: none found */
    int64_t left_ns;    /* bound that the path leaves to it; negated when forward */
    uint32_t label;     /* of the path, in paths */
    uint8_t rank;       /* enum answer_rank */
    bool alert_address; /* a connection with the same far address as a start */
    bool carried;       /* its path begins with something that is told to have passed */
    uint32_t way; /* place among a strategy's ways in; UINT32_MAX: it does not rank them, or not
                     this one */
    double score;
    const char *why;
};

/** The kinds of ways in, least likely first. This order, then the far address of the alert's own
 * connection, then whether something passed, then fewest steps, then the latest, is the rule that
 * sorts them until steps are scored. */
enum answer_rank {
    ANSWER_RANK_NONE,
    ANSWER_RANK_OBJECT,
    ANSWER_RANK_PROCESS,
    ANSWER_RANK_SESSION,
    ANSWER_RANK_FLOW,    /* the other end was not recorded */
    ANSWER_RANK_OUTSIDE, /* the other end is outside the inventory */
};

/** A node reached from a start by a path whose times are admissible (paths.c). */
struct answer_label {
    uint32_t node, previous;    /* previous: label nearer to the start, or ANSWER_NONE at it */
    uint32_t step;              /* taken from `previous` to here */
    uint32_t level;             /* steps from the start */
    uint32_t source;            /* whose bound is `bound_ns`, or ANSWER_NONE */
    int64_t bound_ns, other_ns; /* bounds in that source and in all others; negated when forward */
    uint32_t next;              /* another label of the node, or ANSWER_NONE */
};

struct answer_paths {
    struct answer_label *labels; /* by level */
    uint32_t *of_node;           /* first label of each node, or ANSWER_NONE */
    uint32_t label_count, label_capacity;
};

struct answer_gap {
    struct btr_span host, source, why; /* in the arena */
    int64_t from_ns, until_ns;
    uint64_t count;
    uint32_t holes; /* that it was joined of, to be shown; 1: itself */
    uint8_t kind;
};

/** A gap that may hide records (holes.c). */
struct answer_hole {
    int64_t from_ns, until_ns;
    int64_t reach_ns;       /* the greatest until_ns of those of its host until here */
    uint64_t count, before; /* records it lacks, 0: not known; that those before it lack */
    uint32_t wide;          /* the last wide one of its host until here; UINT32_MAX: none */
    uint8_t kind;
};

struct answer_hole_host {
    struct btr_span host;
    uint32_t begin, end; /* its holes, by from_ns */
};

struct answer_holes {
    struct answer_hole *holes;      /* by host */
    struct answer_hole_host *hosts; /* by name */
    uint32_t hole_count, host_count;
};

/** What came to a node, for holes that lie between it and what the node did next (arrivals.c). */
struct answer_arrival {
    int64_t last_ns, first_ns; /* first: the least of this and all that end later */
};

enum { ANSWER_RIVALS = 4, ANSWER_RIVALS_LOOKED = 16 };

/** A way in that is none of the answer's nodes. */
struct answer_rival {
    struct btr_entity entity;
    struct btr_span label; /* in the answer's arena */
    double score;
};

struct answer_arrivals {
    struct answer_arrival *list; /* by node, then last_ns */
    uint32_t *begin;             /* of each node, and one more; NULL: not asked for */
    uint8_t *sorted;             /* by node */
};

struct btr_answer {
    struct btr_reader *reader;
    const struct btr_trace *trace;
    enum btr_walk_direction direction;
    const struct btr_start *starts;
    uint32_t start_count;
    struct btr_answer_options options;
    struct btr_arena *arena;

    struct answer_node *nodes;     /* as the trace's */
    struct answer_origin *origins; /* of the records that were read */
    struct answer_record *records; /* of each step; then, of each step that pairing made, of both
                                      ends (answer_records_of). NULL until answer_edges_need */
    struct answer_stand *stands;   /* of records that were read */
    uint32_t stand_count, stand_capacity;
    struct answer_place *places; /* of edges: by first, last, ids, operation. So, too */
    struct answer_entry
        *entries;              /* most likely first; forward: ends that leave the recorded hosts */
    struct answer_rival rivals[ANSWER_RIVALS]; /* ways in that were weighed and have no steps in the answer */
    uint32_t rival_count;
    struct answer_gap *gaps;   /* of its hosts and time, as the reader tells them */
    struct answer_holes holes; /* of all hosts, until its end */
    struct answer_arrivals arrivals;
    const struct btr_clock *clocks; /* of the hosts that the walk came to, by name */
    uint32_t clock_count;
    struct answer_paths paths;
    uint32_t *incidents;  /* of each start: the first that shares a trace with it; NULL: there is one start */
    uint64_t event_count; /* distinct events */
    uint32_t edge_count, origin_count, entry_count, gap_count, gap_capacity;
    int64_t first_ns, last_ns; /* of the steps and starts */
    struct btr_reader_cost cost;
};

int answer_events_count(struct btr_answer *a, struct btr_err *err);   /* distinct.c */
int answer_nodes_describe(struct btr_answer *a, struct btr_err *err); /* nodes.c */
int answer_paths_find(struct btr_answer *a, struct btr_err *err);     /* paths.c */
void answer_scores_find(struct btr_answer *a);                        /* scores.c: of nodes */
int answer_entries_find(struct btr_answer *a, struct btr_err *err);   /* entries.c */
int answer_rivals_find(struct btr_answer *a, struct btr_err *err);    /* rivals.c */
int answer_incidents_find(struct btr_answer *a, struct btr_err *err); /* incidents.c: of several starts */
int answer_gaps_find(struct btr_answer *a, struct btr_err *err);      /* gaps.c: and holes */
int answer_doubts_find(struct btr_answer *a, struct btr_err *err);    /* doubts.c: of nodes */
int answer_clocks_find(struct btr_answer *a, struct btr_err *err);    /* clocks.c */
/** Whether an operation starts its object, a process. */
bool answer_starts_process(uint8_t operation);
/** Lists what came to each node (arrivals.c). @return 0 or BTR_E_NOMEM */
int answer_arrivals_find(struct btr_answer *a, struct btr_err *err);
/** Whether something came to a node until `hole_ns`, and nothing from then until `ns`. @param when_ns
 * receives when the last of it did */
bool answer_came_before(struct btr_answer *a, uint32_t node, int64_t hole_ns, int64_t ns,
                        int64_t *when_ns);
void answer_arrivals_free(struct btr_answer *a);

/** Joins gaps of one source and kind that lie close together until each source has at most `most`
 * of a kind; nothing is left out. @param out  from malloc, in the order of the answer's gaps
 * @return false when out of memory */
bool answer_gaps_join(const struct btr_answer *a, uint32_t most, struct answer_gap **out,
                      uint32_t *count);
/**
 * Why an edge is not certain, in words (doubts.c): what its events doubt, and the hole in the
 * records that it stands on.
 * @param out  receives them, raw; NULL: they are not asked for
 * @return whether it stands on a hole
 */
bool answer_edge_doubt(struct btr_answer *a, const struct answer_edge *e, struct btr_buffer *out);

/** Whether two connections join the same two addresses, as told at these times (rivals.c). */
bool answer_addresses_alike(const struct btr_entity *x, int64_t x_ns, const struct btr_entity *y,
                            int64_t y_ns);

/** Whether a node is an end that the question goes from. */
bool answer_is_from(const struct btr_answer *a, uint32_t node);
/** Whether the question has two ends, and no path joins them, as far as was looked. */
bool answer_has_no_path(const struct btr_answer *a);

/* Times of a trace are set right, as the clock of the first start's host tells them. Shown are
 * those that the hosts themselves told: times by which their clocks are ahead. */

/** By how much the clock is ahead that tells a step; of a pair, its client's. */
int64_t answer_ahead(const struct btr_answer *a, const struct btr_trace_step *step);
/** The same of what tells of a node: of its host, else of the first of its steps. */
int64_t answer_node_ahead(const struct btr_answer *a, uint32_t node);
/** When a start was, as its own host tells it. */
int64_t answer_start_told(const struct btr_answer *a, const struct btr_start *start);
/** A time as a host tells it. */
int64_t answer_host_told(const struct btr_answer *a, struct btr_span host, int64_t t_ns);
/** A time as a clock tells it; the ends of time stay. */
static inline int64_t answer_told(int64_t t_ns, int64_t ahead_ns)
{
    bool end = t_ns == INT64_MIN || t_ns == INT64_MAX;
    bool beyond = ahead_ns > 0 ? t_ns > INT64_MAX - ahead_ns : t_ns < INT64_MIN - ahead_ns;
    return end || beyond ? t_ns : t_ns + ahead_ns;
}

/** Whether a strategy chose what is shown, by scores. */
bool answer_is_scored(const struct btr_answer *a);
/** The score of a pair of entities; 0 where the strategy has none. */
double answer_score(const struct btr_answer *a, struct btr_id from, struct btr_id to);
/** Why an edge is there, in words; NULL when that is not asked for. */
const char *answer_why(const struct btr_answer *a, const struct answer_edge *e);

int answer_events_read(struct btr_answer *a, struct btr_err *err); /* events.c: records, origins */
int answer_edges_merge(struct btr_answer *a,
                       struct btr_err *err); /* merge.c: places, and which records come again */
/** Reads the records of all steps and merges parallel ones, for exports that show all edges. Does
 * nothing when that was done. */
int answer_edges_need(struct btr_answer *a, struct btr_err *err);
/** An edge as its steps tell it; `edge` counts in the order in which edges are shown. Edges must be
 * there. */
struct answer_edge answer_edge_at(const struct btr_answer *a, uint32_t edge);
/** The part of an edge that some operations make. @return record_count 0: there is none */
struct answer_edge answer_edge_part(const struct btr_answer *a, uint32_t edge, uint64_t operations);

/** One edge with its records, read for it alone. */
struct answer_cited {
    struct answer_edge edge;
    struct answer_record *records; /* as answer_records_of has them; from malloc */
    uint32_t count;
};
/** The edge that a step of a node belongs to. @param out  records: the caller's to free, NULL on
 * failure */
int answer_edge_cite(struct btr_answer *a, uint32_t node, uint32_t step, struct answer_cited *out,
                     struct btr_err *err);
/** Reads the records of steps that stand together, all of pairs or none. @param records  receives
 * one of each, or those of both ends of each pair */
int answer_steps_cite(struct btr_answer *a, uint32_t step_begin, uint32_t step_count,
                      struct answer_record *records, struct btr_err *err);
/** The records that steps of one edge rest on, in the order of time: one of each step, or those of
 * both ends of each pair. @param count  of the steps; becomes that of the records */
struct answer_record *answer_records_of(const struct btr_answer *a, uint32_t step, uint32_t *count);
/** What the event of a record stands for; NULL: itself. */
static inline const struct answer_stand *answer_stand_of(const struct btr_answer *a,
                                                         const struct answer_record *record)
{
    return record->stand ? &a->stands[record->stand - 1] : NULL;
}
/** The step to show as the one at a path's far end: where the path's only opens the connection, and
 * another between the two carried something at an admissible time, that one. */
uint32_t answer_path_last(const struct btr_answer *a, uint32_t label);
/** Whether a step only opens a connection, or is inferred from that: nothing is told to have
 * passed. */
bool answer_only_opens(const struct btr_manner *manner);

/** Whether two steps of one node belong to one edge. */
static inline bool answer_steps_alike(const struct btr_trace *t, const struct btr_trace_step *x,
                                      const struct btr_trace_step *y)
{
    return x->other == y->other &&
           (x->manner == y->manner || btr_step_kind(t, x) == btr_step_kind(t, y));
}

/** Where the steps alike end that begin here. @param end  of the node's steps */
static inline uint32_t answer_steps_end(const struct btr_trace *t, uint32_t step, uint32_t end)
{
    uint32_t next = step + 1;
    while (next < end && answer_steps_alike(t, &t->steps[step], &t->steps[next]))
        next++;
    return next;
}

/** Source of a step's event, ANSWER_NONE for a pair. Hot: paths ask at every step. */
static inline uint32_t answer_step_source(const struct btr_answer *a, uint32_t step)
{
    static_assert(BTR_SOURCE_NONE == ANSWER_NONE, "one word for no source");
    return btr_step_manner(a->trace, &a->trace->steps[step])->source;
}

/** Something to be sorted by a number. */
struct answer_key {
    uint64_t key;
    uint32_t value;
};

/** Sorts by key; equal keys stay in their order. @param spare  room for `count` more, which is less
 * than 2^32 */
void answer_keys_sort(struct answer_key *keys, struct answer_key *spare, size_t count);

#endif
