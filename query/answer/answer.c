/* A trace made ready to be shown. */
#include <btr/clock.h>
#include <stdlib.h>

#include "parts.h"

enum { ARENA_MAX = 1 << 30 }; /* bytes of labels and attributes */

/* The time that the answer speaks of: no later than the starts (forward: no earlier), however long
 * an interval is. */
static void bounds_find(struct btr_answer *a)
{
    const struct btr_trace *t = a->trace;
    a->first_ns = a->last_ns = a->start_count ? a->starts[0].time_ns : 0;
    for (uint32_t i = 0; i < a->start_count; i++) {
        int64_t at = a->starts[i].time_ns;
        a->first_ns = at < a->first_ns ? at : a->first_ns;
        a->last_ns = at > a->last_ns ? at : a->last_ns;
    }
    for (uint32_t i = 0; i < t->step_count; i++) {
        const struct btr_trace_step *s = &t->steps[i];
        if (a->direction == BTR_WALK_BACKWARD)
            a->first_ns = s->first_ns < a->first_ns ? s->first_ns : a->first_ns;
        else
            a->last_ns = s->last_ns > a->last_ns ? s->last_ns : a->last_ns;
    }
}

/* The time that the query has taken until now. */
static void wall_take(struct btr_answer *a)
{
    if (a->options.began_ns)
        a->options.wall_ns = btr_monotonic_ns() - a->options.began_ns;
}

static int make(struct btr_answer *a, struct btr_err *err)
{
    int (*const parts[])(struct btr_answer *, struct btr_err *) = {
        answer_events_count, answer_nodes_describe, answer_paths_find,
        answer_entries_find, answer_gaps_find,
    };
    bounds_find(a);
    int rc = a->options.edges ? answer_edges_need(a, err) : 0;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        rc = parts[i](a, err);
        if (rc < 0)
            return rc;
    }
    wall_take(a);
    return 0;
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
    free(answer->places);
    free(answer->entries);
    free(answer->gaps);
    free(answer->paths.labels);
    free(answer->paths.of_node);
    btr_arena_free(answer->arena);
    free(answer);
}
