#ifndef GRAPH_SCORE_CRITICAL_COMPONENT_H
#define GRAPH_SCORE_CRITICAL_COMPONENT_H
/**
 * What is shown of one way in, once the walk is done:
 *   critical_came.c      what came of the way in, and by what it came
 *   critical_keep.c      flows that are kept, and why
 *   critical_left.c      what is left out, and why
 *   critical_context.c   how what is shown began; what is kept as pairs of entities
 */
#include "score/critical.h"

struct critical_component {
    struct critical *c;
    const struct critical_way *way; /* NULL: there is none */
    const struct critical_index *by_cause, *by_effect;
    double share; /* of the best way's score, that this one has */
    bool rival;   /* it is not the best: less of it is shown */

    /* of each flow */
    float *forward;   /* of the best path from the way in; 0: there is none */
    int64_t *came;    /* the flow before it on that path, or CRITICAL_NONE */
    uint32_t *origin; /* the place that its path brought it from: see critical_came() */
    float *kept;      /* score by which it is kept, 0: it is not */
    uint8_t *why;     /* enum btr_kept_why, where it is */

    /* of each place, while the causes of one flow are compared */
    float *origin_best;
    uint32_t *origin_stamp;
    uint32_t stamp;

    float best;       /* of a whole path */
    int64_t since_ns; /* the first that is shown of the way in; what began before it did not come
                         of it. The walk's time */
};

/** @return false when out of memory; critical_component_fini() in either case */
bool critical_component_init(struct critical_component *m);
void critical_component_fini(struct critical_component *m);

/* ---- critical_came.c ---- */

/**
 * Finds the best path from the way in to each flow, and what brought it: the connection or the
 * object that is the last on that path before the flow. What a process has of its parent, by being
 * started or through a pipe that the two share, was brought by what the parent had it of.
 * @return false when out of memory
 */
bool critical_came(struct critical_component *m);

/* ---- critical_keep.c ---- */

/** Decides which flows are kept. @return false when out of memory */
bool critical_keep_flows(struct critical_component *m);

/** The least share of the best path by which something is kept: less of what surely came of the
 * way in; of another way in more. */
float critical_share_of(const struct critical_component *m, float forward);

/* ---- critical_left.c ---- */

/** Notes of each flow why this component leaves it out, if it does. */
void critical_left_note(const struct critical_component *m, uint8_t *why);
/** Tells what is left out. @return false when out of memory */
bool critical_left_tell(const struct critical *c, const uint8_t *why, struct btr_kept_pairs *kept);

/* ---- critical_context.c ---- */

/** Whether a place only passes on what comes from its other end. */
bool critical_passes_on(const struct critical *c, uint32_t place);
/** Adds the pairs of what is kept, and how each thing that is shown began. @return false when out
 * of memory */
bool critical_pairs_add(const struct critical_component *m, struct kept_list *list);

#endif
