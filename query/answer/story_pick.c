/*
 * Which steps are told: the story grows from the alert, each time by the step of the highest score
 * among those that led to what is told, of those that score the same the latest. So that whatever
 * is told has led to the alert by steps that are told, too.
 */
#include <stdlib.h>

#include "story.h"

struct growth {
    struct story *s;
    int64_t *until_ns; /* by node: what came to it later is of no matter; INT64_MIN: not reached */
    bool *waiting;     /* by step: it is among the candidates, or was */
    uint32_t *heap;    /* candidates, the best on top */
    uint32_t count;
};

int64_t story_time(const struct story *s, const struct story_step *step)
{
    const struct btr_trace_node *nodes = s->a->trace->nodes;
    return nodes[step->from].start || nodes[step->to].start ? step->last_ns : step->first_ns;
}

int64_t story_told(const struct story *s, const struct story_step *step)
{
    const struct btr_trace_node *nodes = s->a->trace->nodes;
    bool last = nodes[step->from].start || nodes[step->to].start;
    return last ? answer_told(step->last_ns, step->last_ahead_ns)
                : answer_told(step->first_ns, step->first_ahead_ns);
}

/* Ties to the lower index, which depends on the answer alone. */
static bool is_better(const struct story *s, uint32_t x, uint32_t y)
{
    const struct story_step *a = &s->steps[x], *b = &s->steps[y];
    if (a->score != b->score)
        return a->score > b->score;
    if (a->last_ns != b->last_ns) /* the nearer to the start */
        return (s->a->direction == BTR_WALK_BACKWARD) == (a->last_ns > b->last_ns);
    return x < y;
}

static void candidate_add(struct growth *g, uint32_t step)
{
    if (g->waiting[step])
        return;
    g->waiting[step] = true;
    uint32_t at = g->count++;
    for (; at > 0 && is_better(g->s, step, g->heap[(at - 1) / 2]); at = (at - 1) / 2)
        g->heap[at] = g->heap[(at - 1) / 2];
    g->heap[at] = step;
}

static uint32_t candidate_take(struct growth *g)
{
    uint32_t best = g->heap[0], last = g->heap[--g->count], at = 0;
    for (uint32_t child; (child = 2 * at + 1) < g->count; at = child) {
        if (child + 1 < g->count && is_better(g->s, g->heap[child + 1], g->heap[child]))
            child++;
        if (!is_better(g->s, g->heap[child], last))
            break;
        g->heap[at] = g->heap[child];
    }
    if (g->count > 0)
        g->heap[at] = last;
    return best;
}

/* A program that was executed by a process whose start is known, and that nobody in the answer
 * wrote, adds nothing to that start. */
static bool is_detail(const struct story *s, const struct story_step *step)
{
    uint32_t node = step->from;
    bool exec = (step->done.operations & UINT64_C(1) << BTR_OP_EXEC) != 0;
    if (!exec || !story_is(s, node, BTR_KIND_FILE) || s->into_begin[node] < s->into_begin[node + 1])
        return false;
    for (uint32_t i = s->into_begin[step->to]; i < s->into_begin[step->to + 1]; i++)
        if (story_starts(&s->steps[s->into[i]]))
            return true;
    return false;
}

static void steps_into_add(struct growth *g, uint32_t node, int64_t until_ns)
{
    const struct story *s = g->s;
    for (uint32_t i = s->into_begin[node]; i < s->into_begin[node + 1]; i++) {
        const struct story_step *step = &s->steps[s->into[i]];
        if (step->first_ns <= until_ns && !is_detail(s, step))
            candidate_add(g, s->into[i]);
    }
}

/* What came to a node, and to the ends that it is paired with, until a time may be told next. */
static void node_reach(struct growth *g, uint32_t node, int64_t until_ns)
{
    const struct story *s = g->s;
    if (until_ns <= g->until_ns[node])
        return;
    g->until_ns[node] = until_ns;
    steps_into_add(g, node, until_ns);
    for (uint32_t i = s->links_begin[node]; i < s->links_begin[node + 1]; i++)
        steps_into_add(g, s->links[s->links_into[i]].from, until_ns);
}

static int64_t later(int64_t ns, int64_t by)
{
    return ns > INT64_MAX - by ? INT64_MAX : ns + by;
}

/* Backward from the starts. Forward, all steps are candidates. */
static void growth_begin(struct growth *g)
{
    const struct btr_answer *a = g->s->a;
    for (uint32_t i = 0; i < a->trace->node_count; i++)
        g->until_ns[i] = INT64_MIN;
    if (a->direction == BTR_WALK_FORWARD) {
        for (uint32_t i = 0; i < g->s->step_count; i++)
            if (!is_detail(g->s, &g->s->steps[i]))
                candidate_add(g, i);
        return;
    }
    for (uint32_t i = 0; i < a->trace->node_count; i++)
        if (a->trace->nodes[i].start)
            node_reach(g, i, later(a->last_ns, BTR_SOURCE_ERROR_NS));
}

static void growth_run(struct growth *g, uint32_t step_max)
{
    struct story *s = g->s;
    while (g->count > 0 && s->told_count < step_max) {
        uint32_t at = candidate_take(g);
        const struct story_step *step = &s->steps[at];
        s->told[s->told_count++] = at;
        if (s->a->direction == BTR_WALK_BACKWARD) /* times of two sources differ by an error */
            node_reach(g, step->from, later(step->last_ns, BTR_SOURCE_ERROR_NS));
    }
    s->left_count = s->step_count - s->told_count;
}

/* Something to be put in the order of time. */
struct told {
    int64_t time_ns, last_ns;
    uint32_t step;
};

static int told_compare(const void *x, const void *y)
{
    const struct told *a = x, *b = y;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    return (a->step > b->step) - (a->step < b->step);
}

static bool told_number(struct story *s)
{
    struct told *told = calloc((size_t)s->told_count + 1, sizeof *told);
    if (!told)
        return false;
    for (uint32_t i = 0; i < s->told_count; i++) {
        const struct story_step *step = &s->steps[s->told[i]];
        told[i] = (struct told){story_time(s, step), step->last_ns, s->told[i]};
    }
    if (s->told_count > 1)
        qsort(told, s->told_count, sizeof *told, told_compare);
    for (uint32_t i = 0; i < s->told_count; i++) {
        s->told[i] = told[i].step;
        s->steps[told[i].step].number = i + 1;
    }
    free(told);
    return true;
}

int story_pick(struct story *s, uint32_t step_max, struct btr_err *err)
{
    size_t nodes = (size_t)s->a->trace->node_count + 1, steps = (size_t)s->step_count + 1;
    struct growth g = {.s = s,
                       .until_ns = malloc(nodes * sizeof *g.until_ns),
                       .waiting = calloc(steps, sizeof *g.waiting),
                       .heap = malloc(steps * sizeof *g.heap)};
    s->told = calloc((size_t)step_max + 1, sizeof *s->told);
    bool good = g.until_ns && g.waiting && g.heap && s->told;
    if (good) {
        growth_begin(&g);
        growth_run(&g, step_max);
        good = told_number(s);
    }
    free(g.until_ns);
    free(g.waiting);
    free(g.heap);
    return good ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "story of the answer");
}
