#ifndef QUERY_ANSWER_STORY_H
#define QUERY_ANSWER_STORY_H
/**
 * The story of an answer: its edges as steps that people think in. All that one did to another is
 * one step, and what passes from process to process through a channel or a connection is one, too.
 */
#include "parts.h"

enum { STORY_CARRIERS = 2 };

/** What a step is made of, of one sort: what only opens, or what passes. */
struct story_tally {
    uint64_t operations; /* a bit for each */
    uint64_t count;      /* records */
    int64_t first_ns, last_ns;
    int64_t ahead_ns; /* of the clock that tells it */
    uint32_t edge; /* the first of the answer's edges that it is made of */
    uint8_t doubt; /* of all; BTR_DOUBT_NONE when something is certain */
};

struct story_step {
    uint32_t from, to;         /* nodes, the way information flowed */
    uint32_t via;              /* of a message: what it went through; else ANSWER_NONE */
    uint32_t actor, other;     /* actor: the process that did it, or ANSWER_NONE */
    int64_t first_ns, last_ns; /* of what it did */
    int64_t first_ahead_ns, last_ahead_ns; /* of the clocks that tell these */
    uint64_t bytes;            /* BTR_BYTES_UNKNOWN when none were told */
    double score;
    struct story_tally opened, done;
    uint32_t hole;   /* an edge of it that stands on a hole in the records, or ANSWER_NONE */
    bool gone;       /* it is a part of another step */
    uint32_t number; /* in the story, from 1; 0: not told */
};

/** A pair of a connection's ends. */
struct story_link {
    uint32_t from, to;
    uint8_t doubt;
};

struct story {
    struct btr_answer *a;
    struct story_step *steps; /* by the two nodes; some are gone */
    struct story_link *links;
    uint32_t step_count, link_count;
    /* Steps, links by the node that they lead to: those of node n are [begin[n], begin[n + 1]). */
    uint32_t *into, *into_begin, *links_into, *links_begin;
    uint32_t *told; /* steps in the order of the story */
    uint32_t told_count, left_count;
};

/** Makes the steps of an answer, one for each pair of nodes and way. @param out free with
 * story_fini(), also after a failure @return 0, or as answer_edges_need */
int story_make(struct story *out, struct btr_answer *a, struct btr_err *err);
/** Joins what one process gave into a channel or connection with what one other took out of it
 * (story_join.c). @return 0 or BTR_E_NOMEM */
int story_join(struct story *s, struct btr_err *err);
/** Picks the steps to tell: backward, those of the highest scores that led to the alert by steps
 * that are told, too; forward, those of the highest scores. Numbers them in the order of time
 * (story_pick.c).
 * @return 0 or BTR_E_NOMEM */
int story_pick(struct story *s, uint32_t step_max, struct btr_err *err);
void story_fini(struct story *s);
/** Lists steps and links by the node that they lead to. @return false when out of memory */
bool story_index(struct story *s);

/** The earlier steps that the cause of a told step came with. */
struct story_carriers {
    uint32_t numbers[STORY_CARRIERS]; /* ascending */
    uint32_t count;
    bool through; /* it came through steps that are not told */
};
/** (story_carriers.c) @return 0 or BTR_E_NOMEM */
int story_carriers(const struct story *s, const struct story_step *step, struct story_carriers *out,
                   struct btr_err *err);

/** What a step did: what passed, or where nothing did, what was opened. */
static inline const struct story_tally *story_said(const struct story_step *step)
{
    return step->done.count ? &step->done : &step->opened;
}

static inline bool story_is(const struct story *s, uint32_t node, uint8_t kind)
{
    return node != ANSWER_NONE && s->a->nodes[node].entity.kind == kind;
}

/** The time that a step stands at in the story: its first, of the alert itself the last. */
int64_t story_time(const struct story *s, const struct story_step *step);
/** The same, as its host told it. */
int64_t story_told(const struct story *s, const struct story_step *step);
/** Whether a step started a process. */
bool story_starts(const struct story_step *step);

#endif
