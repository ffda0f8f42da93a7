#ifndef GRAPH_SCORE_AHEAD_H
#define GRAPH_SCORE_AHEAD_H
/**
 * The critical component forward: what came of a start (docs/SCORING.md, "Forward").
 *   ahead_flows.c   entities that the walk has come to, with what flows into them and out of them
 *   ahead_causes.c  of one flow, what may have caused it
 *   ahead_walk.c    the walk: the surest effect first
 *   ahead.c         what is kept of it
 */
#include "frontier.h"
#include "score/critical.h"

/*
 * Its setting, beside that of critical.h:
 *   LEAST    how surely something must have come of the start to be followed, and kept
 *   SURE     how surely, for what it took to be shown
 *   READ     how far the usual counts less when it is read (0: not at all, 1: by what it tells)
 *   WRITTEN  the same of what is written
 */
#define AHEAD_LEAST 0.02
#define AHEAD_SURE 0.1
#define AHEAD_READ 0.25
#define AHEAD_WRITTEN 0.5

enum { AHEAD_NONE = UINT32_MAX };

/** One event, one way. */
struct ahead_flow {
    int64_t first_ns, last_ns;
    int64_t key_ns;    /* when it counts as having happened, among the causes of others */
    uint64_t tie;      /* of both ends: flows of one moment stand in this order */
    uint32_t from, to; /* places */
    uint32_t source;   /* GRAPH_SOURCE_NONE: of no source */
    uint32_t effects;  /* links, the first; AHEAD_NONE */
    float weight;      /* 0..1: how much it tells of what its end does */
    float score;       /* how surely it came of the start; 0: it was not reached */
    uint8_t operation, flags;
    bool settled;
};

/** A flow that another may have caused, and how surely. */
struct ahead_link {
    uint32_t effect, next;
    float weight;
};

/** An entity. Halves of connections that are paired are one: the first that was loaded has the flows of all, as group. */
struct ahead_place {
    uint32_t *into, *out; /* flows by key, each once */
    uint32_t into_count, into_capacity, out_count, out_capacity;
    uint32_t stamp;
    uint32_t group; /* the place that has its flows, plus 1; 0: it was not loaded */
    uint32_t taker; /* of a connection: the place that accepted it, plus 1; 0: none that was loaded */
    uint8_t live; /* whether something flows into it: 0 not asked, 1 no, 2 yes */
    bool linked;  /* flows out of it since linked_ns have their causes */
    int64_t linked_ns;
    bool start; /* all that it does comes of the start */
};

/** Two halves that are paired. */
struct ahead_pair {
    uint32_t a, b;
};

struct ahead {
    struct critical c; /* places and their facts, halves, limits */
    struct ahead_place *places;
    uint32_t place_capacity;
    struct ahead_flow *flows;
    uint32_t flow_count, flow_capacity;
    struct btr_u64map by_content; /* flows, by what they tell */
    struct ahead_link *links;
    uint32_t link_count, link_capacity;
    struct ahead_pair *pairs;
    uint32_t pair_count, pair_capacity;
    struct critical_candidates candidates;
    struct graph_frontier frontier; /* flows that were reached, the surest first */
    uint64_t list_bytes; /* of places */
    int64_t since_ns;    /* what ended before came of no start */
    uint32_t stamp;
};

/* ---- ahead_flows.c ---- */

/** The place of an entity, as critical_place() numbers it. @return AHEAD_NONE: c.err is set */
uint32_t ahead_place_of(struct ahead *a, struct btr_id id);
/** Loads all that flows into a place, and out of it since a.since_ns; with the halves it is paired with. @return 0, or as the edges */
int ahead_load(struct ahead *a, uint32_t place);
/** What has the flows of a loaded place. */
static inline struct ahead_place *ahead_group(const struct ahead *a, uint32_t place)
{
    return &a->places[a->places[place].group - 1];
}
/** Whether anything flows into a place, or it makes things up by itself. @return 0, or as the edges */
int ahead_is_live(struct ahead *a, uint32_t place, bool *live);
/** Whether memory_max, or CRITICAL_MEMORY without one, is met, or the time is over: c.cut says so then. */
bool ahead_is_full(struct ahead *a);
bool ahead_is_late(struct ahead *a);
void ahead_fini(struct ahead *a);

/* ---- ahead_causes.c ---- */

/** Links a flow out of a loaded place with what may have caused it. @return 0, or as the edges */
int ahead_causes_find(struct ahead *a, uint32_t flow);

/* ---- ahead_walk.c ---- */

/** Finds what came of the starts, the surest first, as far as AHEAD_LEAST. @return 0, or as the edges */
int ahead_walk(struct ahead *a);
/** Whether an operation starts a process, or what it runs. */
bool ahead_begins(uint8_t operation);

#endif
