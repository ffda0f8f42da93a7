#ifndef GRAPH_SCORE_CRITICAL_H
#define GRAPH_SCORE_CRITICAL_H
/**
 * The critical component, in parts (docs/SCORING.md has the argument):
 *   critical_places.c  entities that the walk has come to
 *   critical_flows.c   what flows into them, read as far back as it is asked for
 *   critical_asked.c   what is asked of all that flows into one
 *   critical_weight.c  how much a flow tells of what a program does
 *   critical_walk.c    the walk: best path first
 *   critical_heap.c     what to look at next, the best first
 *   critical_index.c    from a flow to what may have caused it, and what it may have
 *   critical_ways.c    the ways in that it came to, ranked
 *   critical_given.c   one that the question gives, in their place
 *   critical_component.h   what is shown of a way in
 *   critical.c          all of it
 * Backward only; what came of a start is ahead.h. Information flows from far to near.
 */
#include "halves.h"
#include "label.h"
#include "score/kept.h"

/* ---- The one setting, of all cases ---- */

/* The walk: how fast what came before fades behind what came since; what a message tells at least,
 * however usual; how much of a thing's score is lost to the others that may have put there what was
 * found (0: none, 1: their share); what a flow tells, beside one that was seen, that nobody saw but
 * an open descriptor allows; of paths from the alert, the least score that is followed. */
#define CRITICAL_POWER 2.0
#define CRITICAL_USUAL 0.1
#define CRITICAL_SHARED 0.5
#define CRITICAL_IMPLIED 0.5
#define CRITICAL_FLOOR 1e-4
/* The least where the way in is given. */
#define CRITICAL_FLOOR_GIVEN 1e-12

/* What is kept: of the best path from the way in, the share that another must have; how surely
 * something must have come of the way in for LEAST of that to do. */
#define CRITICAL_SHARE 0.03
#define CRITICAL_TIGHT 0.7
#define CRITICAL_LEAST 0.005

/* Of what a step that is kept took: its share of the best cause, and how much it must tell. */
#define CRITICAL_NEEDED 0.25
#define CRITICAL_TELLS 0.3

/* What the beginning of a thing scores, of its best; what another way in must score, of the best,
 * to be shown, too, and of its best path the share that others must have then. */
#define CRITICAL_CONTEXT 0.1
#define CRITICAL_RIVAL 0.5
#define CRITICAL_OTHER 0.3

/* Bytes that a walk takes at most when no budget says so. */
#define CRITICAL_MEMORY (UINT64_C(1) << 30)

enum { CRITICAL_NONE = -1, CRITICAL_BANDS = 16, CRITICAL_WAYS = 4 };

/** A flow into a place. */
struct critical_flow {
    int64_t key_ns;            /* when it counts as having happened, among others */
    int64_t first_ns, last_ns; /* in the walk's time */
    uint64_t tie;              /* of the far place's id: flows of one moment stand in this order */
    uint32_t far, near;        /* places */
    uint32_t source;           /* GRAPH_SOURCE_NONE: of no source */
    float weight;              /* 0..1: how much it tells */
    float score;    /* of the best path from the alert that ends with it; 0: none was found */
    int64_t effect; /* the flow before it on that path, or CRITICAL_NONE */
    uint8_t operation, flags;
    bool settled;
};

/** Flows into a place: all of which the key lies in a stretch of time, both ends included. */
struct critical_stretch {
    int64_t from_ns, until_ns;
    int64_t width_ns;      /* that was asked for: how far the next goes back */
    uint32_t begin, count; /* flows, by key */
    uint32_t earlier;      /* the place's stretch before it, or UINT32_MAX; they share no time */
};

struct critical_place {
    struct btr_id id;
    struct btr_fact fact;
    uint64_t address; /* of a connection from outside that may be a way in: of that end; 0 */
    bool accepted;    /* it is one that was accepted */
    double score;     /* of the best path from the alert that it begins */
    uint32_t order; /* places that the walk came to before it; UINT32_MAX: it did not come there */
    uint32_t stretch;         /* the latest that was read, or UINT32_MAX */
    uint32_t pair;            /* the first of a half flow, or UINT32_MAX */
    uint32_t stamp;           /* of the expansion that has seen it last */
    uint32_t parent;          /* the process that started it, once that was asked, or UINT32_MAX */
    uint32_t ends, end_count; /* of a connection, once they were asked */
    uint32_t readers, reader_count; /* likewise */
    bool paired;                    /* pairs were asked for */
    bool asked, seen;               /* whether anything flows into it was asked, and found */
    bool asked_parent, asked_ends, asked_readers;
    bool start, alert; /* alert: a connection in which a start's own event lies */
};

/** Who accepted a connection, or asked for it. */
struct critical_end {
    struct btr_id far;
    int64_t last_ns; /* in the walk's time */
    uint8_t operation;
};

/** That a flow may have caused another, and how surely. */
struct critical_cause {
    uint32_t cause;
    int64_t effect; /* a flow, or CRITICAL_NONE: the alert itself */
    float weight;
};

/** A flow that may have caused the state that is being looked at. */
struct critical_candidate {
    uint32_t flow;
    bool brings; /* something: nobody took it, and its far end is live */
    double weight;
};

struct critical_candidates {
    struct critical_candidate *items;
    uint32_t count, capacity;
    double best, sum; /* of those that may have brought something */
    double own;       /* of what came by the connection the state's flow went into; 0: nothing */
};

/** @return false when out of memory */
bool critical_candidate_add(struct critical_candidates *found, uint32_t flow, bool brings,
                            double weight);

/** Who read from a connection, and the key of the first flow. */
struct critical_reader {
    struct btr_id process;
    int64_t first_ns;
};

struct critical {
    const struct btr_scene *scene;
    struct btr_err *err;
    struct critical_place *places;
    uint32_t place_count, place_capacity;
    struct btr_idmap map; /* entity -> place */
    uint32_t ordered;     /* places with an order */
    struct critical_stretch *stretches;
    uint32_t stretch_count, stretch_capacity;
    struct critical_flow *flows;
    uint32_t flow_count, flow_capacity;
    struct critical_end *ends;
    uint32_t end_count, end_capacity;
    struct critical_reader *readers;
    uint32_t reader_count, reader_capacity;
    int failed; /* what the edges returned when they were asked of all that flows into a place */
    int64_t until_ns; /* of the walk: nothing that begins later matters to any start */
    struct critical_cause *causes;
    uint32_t cause_count, cause_capacity;
    struct graph_halves halves;
    struct critical_candidates candidates;
    uint32_t stamp;
    double floor;        /* CRITICAL_FLOOR, or CRITICAL_FLOOR_GIVEN where the way in is given */
    int64_t deadline_ns; /* monotonic; INT64_MAX without a budget */
    bool unread;         /* a limit kept flows from being read that were asked for */
    uint64_t settled;    /* events that are the last of a path */
    enum btr_cut cut;
    uint64_t left; /* as struct btr_kept_pairs has them */
    double left_score;
};

/* ---- critical_places.c ---- */

/** The place of an entity. @return its number, or UINT32_MAX with c->err set */
uint32_t critical_place(struct critical *c, struct btr_id id);
/** The same of the far end of a flow. */
uint32_t critical_place_of(struct critical *c, const struct btr_flow *flow);
/** Notes that the walk comes to a place. */
void critical_enter(struct critical *c, uint32_t place);
/** Whether memory_max, or CRITICAL_MEMORY without one, is met; c->cut says so then. */
bool critical_is_full(struct critical *c);
/** Whether the time is over; c->cut says so then. */
bool critical_is_late(struct critical *c);
/** Bytes held. */
uint64_t critical_memory(const struct critical *c);
void critical_fini(struct critical *c);

/* ---- critical_flows.c ---- */

/** Goes through the flows into a place, those with the latest key first. */
struct critical_cursor {
    int64_t at_ns; /* what is left has no later key */
    uint32_t place, stretch, at;
};

/** Begins with the latest that counts until a time. @return 0, or as the edges */
int critical_cursor_begin(struct critical_cursor *cursor, struct critical *c, uint32_t place,
                          int64_t until_ns);
/** @param flow  receives the next  @return 1, 0 when there is none, or when a limit is met, or as
 * the edges */
int critical_cursor_next(struct critical_cursor *cursor, struct critical *c, uint32_t *flow);
/** The order of a place's flows: by key, and what is alike by what it tells. */
int critical_flow_compare(const struct critical_flow *a, const struct critical_flow *b);
/** What a flow tells by itself: all but its places and its weight. */
struct critical_flow critical_flow_of(const struct btr_flow *f);
/** Finds the pairs of a place that may be a half flow. @return 0, or as the edges */
int critical_pairs_find(struct critical *c, uint32_t place);
/** Whether it has one that is crossed, of those that were found. */
bool critical_is_paired(const struct critical *c, uint32_t place);
/** Whether all that flows into a place was read. */
bool critical_is_whole(const struct critical *c, uint32_t place);

/* ---- critical_asked.c: of what flows into a place until the alert, read or not ---- */

/**
 * Asks for flows that share a moment with a stretch of the walk's time, from the latest part of the
 * store on. Keeps nothing. When the time is over nothing is asked, and nothing found.
 * @param as_object  only of events of which the place is the object
 * @return 0, the visitor's, or as the edges
 */
int critical_ask(struct critical *c, uint32_t place, int64_t from_ns, int64_t until_ns,
                 bool as_object, btr_flow_visit *visit, void *self);
/** Whether a process has taken from another one's memory what flowed into it, and that one did
 * nothing: it opened it, or traced it, as a tracer; what a tracer gives the traced is not.
 * @param f  a flow into a process
 * @return 0, or as the edges
 */
int critical_was_taken(struct critical *c, const struct critical_flow *f, bool *taken);
/** Whether there is any. @return 0, or as the edges */
int critical_seen(struct critical *c, uint32_t place, bool *seen);
/** Whether there is one of an operation of which it is the object. @return 0, or as the edges */
int critical_operation(struct critical *c, uint32_t place, bool (*is)(uint8_t operation),
                       bool *found);
/** The process that first started a place to which the walk came, or UINT32_MAX, also when the walk
 * did not meet that process, or (c->failed) the edges fail. */
uint32_t critical_parent(struct critical *c, uint32_t place);
/** Whether a process has read from a connection until a time. @return 0, or as the edges */
int critical_has_read(struct critical *c, uint32_t process, uint32_t connection, int64_t until_ns,
                      bool *found);
/** Who accepted a connection to which the walk came, and asked for it. @return the first of
 * p->end_count; c->failed when the edges fail. Valid until this is asked again */
const struct critical_end *critical_ends(struct critical *c, uint32_t place);

/* ---- critical_weight.c ---- */

/** How much a flow between two places tells: near 1 what is seldom, near 0 what every run of every
 * program does. */
double critical_weight(const struct critical *c, uint32_t far, uint32_t near, int64_t at_ns);

/** How much a flow tells of what its process took, as something to be shown: of a connection how
 * seldom the program does that, of all that it does. */
double critical_tells(const struct critical *c, const struct critical_flow *f);

/* ---- critical_heap.c ---- */

/** A path as far as it was followed: what its last flow came from, and until when that matters. */
struct critical_state {
    double score;
    struct graph_label label; /* of the place that is entered */
    int64_t flow;             /* entered by, or CRITICAL_NONE */
    uint32_t place;
};

/** States, the highest score first, then the later, then the lower id. A zeroed struct is empty. */
struct critical_heap {
    struct critical_state *items; /* the caller frees them */
    uint32_t count, capacity;
};

/** @return false when out of memory */
bool critical_heap_push(struct critical_heap *h, const struct critical *c, struct critical_state s);
/** Takes the first out. The heap must not be empty. */
struct critical_state critical_heap_pop(struct critical_heap *h, const struct critical *c);

/* ---- critical_walk.c ---- */

/** Finds paths from the alerts, the best first, as far as CRITICAL_FLOOR. @return 0, or as the
 * edges */
int critical_walk(struct critical *c);

/* ---- critical_index.c ---- */

/** Causes by a flow. */
struct critical_index {
    uint32_t *begin;  /* of each flow, in `causes`; one more ends the last */
    uint32_t *causes; /* in the order in which they were noted */
};

/** @param by_effect  by their effect, without those of the alert; else by their cause
 * @return false when out of memory; critical_index_fini() in either case */
bool critical_index_make(struct critical_index *index, const struct critical *c, bool by_effect);
void critical_index_fini(struct critical_index *index);

/* ---- critical_ways.c ---- */

/** A group of places by which the alert's cause may have come in: connections with one address, or
 * one place. */
struct critical_way {
    struct btr_id id; /* of its best place */
    uint64_t address; /* 0: not a connection from outside */
    uint32_t place;
    double score;
    uint32_t count; /* its places */
};

/** Ranks the ways in. @param ways  receives an array from malloc, most likely first @return 0 or a
 * failure */
int critical_ways(struct critical *c, struct critical_way **ways, uint32_t *way_count);
/** The same of ways in that are given: the ends that the scene's `between` begins with, as far as a
 * path came to them (critical_given.c). */
int critical_ways_given(struct critical *c, struct critical_way **ways, uint32_t *way_count);
/** Whether a place is of a way in. */
bool critical_way_has(const struct critical *c, const struct critical_way *way, uint32_t place);
/** Whether it is a connection from outside that explains the alert in another way than this. */
bool critical_is_rival(const struct critical *c, const struct critical_way *way, uint32_t place);

#endif
