/* A trace made ready to be shown. */
#include <btr/clock.h>
#include <pthread.h>
#include <stdlib.h>

#include "holes.h"
#include "parts.h"

enum {
    ARENA_MAX = 1 << 30, /* bytes of labels and attributes */
    ASIDE_MIN = 4096     /* nodes that make a second thread worth its beginning */
};

static void bounds_widen(struct btr_answer *a, const struct btr_start *starts, uint32_t start_count)
{
    for (uint32_t i = 0; i < start_count; i++) {
        int64_t at = starts[i].time_ns;
        a->first_ns = at < a->first_ns ? at : a->first_ns;
        a->last_ns = at > a->last_ns ? at : a->last_ns;
    }
}

/* The time that the answer speaks of: no later than the starts (forward: no earlier), however long
 * an interval is. */
static void bounds_find(struct btr_answer *a)
{
    const struct btr_trace *t = a->trace;
    a->first_ns = a->last_ns = a->start_count ? a->starts[0].time_ns : 0;
    bounds_widen(a, a->starts, a->start_count);
    if (a->options.between)
        bounds_widen(a, a->options.between->from, a->options.between->from_count);
    for (uint32_t i = 0; i < t->step_count; i++) {
        const struct btr_trace_step *s = &t->steps[i];
        if (a->direction == BTR_WALK_BACKWARD)
            a->first_ns = s->first_ns < a->first_ns ? s->first_ns : a->first_ns;
        else
            a->last_ns = s->last_ns > a->last_ns ? s->last_ns : a->last_ns;
    }
}

/* What needs the trace alone, beside the thread of the reader. */
struct aside {
    struct btr_answer *a;
    struct btr_err err;
    int rc;
};

static void *aside_run(void *self)
{
    struct aside *aside = self;
    aside->rc = answer_events_count(aside->a, &aside->err);
    if (aside->rc == 0)
        aside->rc = answer_paths_find(aside->a, &aside->err);
    return NULL;
}

/* Descriptions of many nodes are read while their paths are sought. */
static int nodes_and_paths_make(struct btr_answer *a, struct btr_err *err)
{
    struct aside aside = {.a = a};
    pthread_t thread;
    bool apart =
        a->trace->node_count >= ASIDE_MIN && pthread_create(&thread, NULL, aside_run, &aside) == 0;
    int rc = answer_nodes_describe(a, err);
    if (apart)
        (void)pthread_join(thread, NULL);
    else if (rc == 0)
        aside_run(&aside);
    if (rc == 0 && aside.rc < 0 && err)
        *err = aside.err;
    return rc < 0 ? rc : aside.rc;
}

/* The time that the query has taken until now. */
static void wall_take(struct btr_answer *a)
{
    if (a->options.began_ns)
        a->options.wall_ns = btr_monotonic_ns() - a->options.began_ns;
}

static int make(struct btr_answer *a, struct btr_err *err)
{
    bounds_find(a);
    int rc = answer_clocks_find(a, err);
    if (rc == 0 && a->options.edges)
        rc = answer_edges_need(a, err);
    if (rc == 0)
        rc = nodes_and_paths_make(a, err);
    if (rc == 0)
        answer_scores_find(a);
    if (rc == 0)
        rc = answer_entries_find(a, err);
    if (rc == 0)
        rc = answer_rivals_find(a, err);
    if (rc == 0)
        rc = answer_gaps_find(a, err);
    if (rc == 0)
        rc = answer_incidents_find(a, err);
    if (rc == 0)
        rc = answer_doubts_find(a, err);
    wall_take(a);
    return rc;
}

int answer_edges_need(struct btr_answer *a, struct btr_err *err)
{
    if (a->places)
        return 0;
    int rc = answer_events_read(a, err);
    if (rc == 0)
        rc = answer_edges_merge(a, err);
    wall_take(a);
    if (rc < 0) { /* it may be asked again */
        free(a->records);
        free(a->places);
        a->records = NULL;
        a->places = NULL;
        a->edge_count = 0;
    }
    return rc;
}

int btr_answer_make(struct btr_answer **out, struct btr_reader *reader,
                    const struct btr_trace *trace, enum btr_walk_direction direction,
                    const struct btr_start *starts, uint32_t start_count,
                    const struct btr_answer_options *options, struct btr_err *err)
{
    *out = NULL;
    struct btr_answer *a = calloc(1, sizeof *a);
    if (!a)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer");
    a->reader = reader;
    a->trace = trace;
    a->direction = direction;
    a->starts = starts;
    a->start_count = start_count;
    a->options = *options;
    a->arena = btr_arena_new(ARENA_MAX);
    btr_reader_cost(reader, &a->cost); /* of the walk, before entities are looked up */
    int rc = a->arena ? make(a, err) : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer");
    if (rc < 0) {
        btr_answer_free(a);
        return rc;
    }
    *out = a;
    return 0;
}

void btr_answer_free(struct btr_answer *answer)
{
    if (!answer)
        return;
    free(answer->nodes);
    free(answer->origins);
    free(answer->records);
    free(answer->stands);
    free(answer->places);
    free(answer->entries);
    free(answer->gaps);
    free(answer->incidents);
    holes_fini(&answer->holes);
    answer_arrivals_free(answer);
    free(answer->paths.labels);
    free(answer->paths.of_node);
    btr_arena_free(answer->arena);
    free(answer);
}
