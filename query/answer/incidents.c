/*
 * Which of several alerts share a trace: those to which (forward: from which) one event of the
 * answer leads. Each alert is followed through the answer by itself, within the error between
 * sources.
 */
#include <stdlib.h>

#include "parts.h"

struct following {
    struct btr_answer *a;
    int64_t *bounds; /* of each node, in the walk's time; INT64_MIN: not reached */
    uint32_t *queue; /* nodes whose bound was raised, in a ring */
    bool *queued;
    uint32_t first, count;
    uint32_t *owner; /* of each step: an alert that came to it, or ANSWER_NONE */
};

static int64_t walk_time(const struct btr_answer *a, int64_t ns)
{
    if (a->direction == BTR_WALK_BACKWARD)
        return ns;
    return ns == INT64_MIN ? INT64_MAX : -ns;
}

static int64_t later(int64_t ns)
{
    return ns > INT64_MAX - BTR_SOURCE_ERROR_NS ? INT64_MAX : ns + BTR_SOURCE_ERROR_NS;
}

static uint32_t root_of(const struct btr_answer *a, uint32_t alert)
{
    while (a->incidents[alert] != alert)
        alert = a->incidents[alert];
    return alert;
}

/* The first of them stands for both. */
static void alerts_join(struct btr_answer *a, uint32_t x, uint32_t y)
{
    uint32_t p = root_of(a, x), q = root_of(a, y);
    a->incidents[p > q ? p : q] = p < q ? p : q;
}

static void bound_raise(struct following *f, uint32_t node, int64_t bound_ns)
{
    uint32_t nodes = f->a->trace->node_count;
    if (bound_ns <= f->bounds[node])
        return;
    f->bounds[node] = bound_ns;
    if (f->queued[node])
        return;
    f->queued[node] = true;
    f->queue[(f->first + f->count++) % nodes] = node;
}

static void step_follow(struct following *f, uint32_t alert, uint32_t node, uint32_t at)
{
    const struct btr_trace_step *step = &f->a->trace->steps[at];
    bool forward = f->a->direction == BTR_WALK_FORWARD, pair = btr_step_is_pair(step);
    int64_t first_ns = walk_time(f->a, forward ? step->last_ns : step->first_ns);
    int64_t last_ns = walk_time(f->a, forward ? step->first_ns : step->last_ns);
    first_ns = pair && forward ? INT64_MIN : first_ns; /* a pair lasts */
    last_ns = pair && !forward ? INT64_MAX : later(last_ns);
    int64_t bound_ns = f->bounds[node];
    if (first_ns > bound_ns)
        return;
    if (f->owner[at] == ANSWER_NONE)
        f->owner[at] = alert;
    alerts_join(f->a, alert, f->owner[at]);
    bound_raise(f, step->other, last_ns < bound_ns ? last_ns : bound_ns);
}

static void alert_follow(struct following *f, uint32_t alert)
{
    const struct btr_trace *t = f->a->trace;
    for (uint32_t i = 0; i < t->node_count; i++)
        f->bounds[i] = INT64_MIN;
    for (uint32_t i = 0; i < t->node_count; i++)
        if (btr_id_equal(t->nodes[i].id, f->a->starts[alert].entity))
            bound_raise(f, i, later(walk_time(f->a, f->a->starts[alert].time_ns)));
    while (f->count > 0) {
        uint32_t node = f->queue[f->first];
        f->first = (f->first + 1) % t->node_count;
        f->count--;
        f->queued[node] = false;
        for (uint32_t i = 0; i < t->nodes[node].step_count; i++)
            step_follow(f, alert, node, t->nodes[node].step_begin + i);
    }
}

/* Alerts at one thing share it, even when nothing leads there. */
static void equals_join(struct btr_answer *a)
{
    for (uint32_t i = 0; i < a->start_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (btr_id_equal(a->starts[i].entity, a->starts[k].entity) &&
                a->starts[i].time_ns == a->starts[k].time_ns)
                alerts_join(a, i, k);
}

int answer_incidents_find(struct btr_answer *a, struct btr_err *err)
{
    size_t nodes = (size_t)a->trace->node_count + 1, steps = (size_t)a->trace->step_count + 1;
    if (a->start_count < 2)
        return 0;
    a->incidents = malloc(a->start_count * sizeof *a->incidents);
    struct following f = {.a = a,
                          .bounds = malloc(nodes * sizeof *f.bounds),
                          .queue = malloc(nodes * sizeof *f.queue),
                          .queued = calloc(nodes, sizeof *f.queued),
                          .owner = malloc(steps * sizeof *f.owner)};
    bool ok = a->incidents && f.bounds && f.queue && f.queued && f.owner;
    if (ok) {
        memset(f.owner, 0xff, steps * sizeof *f.owner); /* ANSWER_NONE */
        for (uint32_t i = 0; i < a->start_count; i++)
            a->incidents[i] = i;
        for (uint32_t i = 0; i < a->start_count; i++)
            alert_follow(&f, i);
        equals_join(a);
        for (uint32_t i = 0; i < a->start_count; i++)
            a->incidents[i] = root_of(a, i);
    }
    free(f.bounds);
    free(f.queue);
    free(f.queued);
    free(f.owner);
    return ok ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u alerts", a->start_count);
}
