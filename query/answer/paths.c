/*
 * One path from each node to a start, whose times are admissible by docs/EVENTS.md, "Causality":
 * the one of fewest steps, of those the one that keeps the latest bound. A search by levels over
 * labels: a node is labelled again only where more steps bring a bound that none of its labels has.
 * Forward is the same search with time turned round.
 */
#include <stdlib.h>

#include "parts.h"

enum { LABELS_PER_NODE = 16 };

struct search {
    struct btr_answer *a;
    uint32_t *first; /* of each node: its steps in `steps`; node_count + 1 of them */
    uint32_t *steps; /* by the node that they are crossed from, in the trace's order */
    uint32_t *heads; /* latest label of each node */
    uint8_t *counts; /* labels of each node, up to LABELS_PER_NODE */
    bool forward;
};

static int64_t plus(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Of a step: the node that a search stands on when it crosses it, and the one it comes to. */
static uint32_t near_end(const struct search *s, uint32_t step)
{
    const struct btr_trace_step *t = &s->a->trace->steps[step];
    return s->forward ? t->from : t->to;
}

static uint32_t far_end(const struct search *s, uint32_t step)
{
    const struct btr_trace_step *t = &s->a->trace->steps[step];
    return s->forward ? t->to : t->from;
}

static int steps_index(struct search *s, struct btr_err *err)
{
    const struct btr_trace *t = s->a->trace;
    s->first = calloc((size_t)t->node_count + 2, sizeof *s->first);
    s->steps = malloc((t->step_count + 1) * sizeof *s->steps);
    s->heads = malloc(((size_t)t->node_count + 1) * sizeof *s->heads);
    s->counts = calloc((size_t)t->node_count + 1, 1);
    s->a->paths.of_node = malloc(((size_t)t->node_count + 1) * sizeof *s->heads);
    if (!s->first || !s->steps || !s->heads || !s->counts || !s->a->paths.of_node)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "paths of the answer");
    for (uint32_t i = 0; i < t->node_count; i++)
        s->heads[i] = s->a->paths.of_node[i] = ANSWER_NONE;
    for (uint32_t i = 0; i < t->step_count; i++)
        s->first[near_end(s, i) + 2]++;
    for (uint32_t i = 2; i <= t->node_count; i++)
        s->first[i] += s->first[i - 1];
    for (uint32_t i = 0; i < t->step_count; i++)
        s->steps[s->first[near_end(s, i) + 1]++] = i;
    return 0;
}

static int64_t bound_in(const struct answer_label *label, uint32_t source)
{
    return source != ANSWER_NONE && source == label->source ? label->bound_ns : label->other_ns;
}

/* Whether `old` reaches all that `label` can. */
static bool covers(const struct answer_label *old, const struct answer_label *label)
{
    return old->other_ns >= label->other_ns &&
           bound_in(old, label->source) >= bound_in(label, label->source) &&
           bound_in(old, old->source) >= bound_in(label, old->source);
}

static int label_add(struct search *s, const struct answer_label *label, struct btr_err *err)
{
    struct answer_paths *paths = &s->a->paths;
    for (uint32_t i = s->heads[label->node]; i != ANSWER_NONE; i = paths->labels[i].next) {
        if (covers(&paths->labels[i], label))
            return 0;
    }
    if (s->counts[label->node] == LABELS_PER_NODE)
        return 0;
    if (paths->label_count == paths->label_capacity) {
        uint32_t capacity = paths->label_capacity ? paths->label_capacity * 2 : 256;
        struct answer_label *more = realloc(paths->labels, capacity * sizeof *more);
        if (!more)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "paths of the answer");
        paths->labels = more;
        paths->label_capacity = capacity;
    }
    uint32_t i = paths->label_count++, *best = &paths->of_node[label->node];
    paths->labels[i] = *label;
    paths->labels[i].next = s->heads[label->node];
    s->heads[label->node] = i;
    s->counts[label->node]++;
    if (*best == ANSWER_NONE || (paths->labels[*best].level == label->level &&
                                 paths->labels[*best].other_ns < label->other_ns))
        *best = i;
    return 0;
}

/* The label that crossing a step gives. @return false when the times forbid it */
static bool cross(const struct search *s, uint32_t from, uint32_t step, struct answer_label *out)
{
    const struct answer_label *at = &s->a->paths.labels[from];
    const struct btr_trace_step *t = &s->a->trace->steps[step];
    uint32_t source = answer_step_stream(s->a, step);
    int64_t begin = s->forward ? -t->last_ns : t->first_ns;
    int64_t end = s->forward ? -t->first_ns : t->last_ns;
    int64_t most = later(at->bound_ns, at->other_ns);
    *out = (struct answer_label){
        .node = far_end(s, step), .previous = from, .step = step, .level = at->level + 1};
    if (source == ANSWER_NONE) { /* a pair belongs to no source and hands bounds on */
        int64_t cap = s->forward ? plus(end, BTR_SOURCE_ERROR_NS) : INT64_MAX;
        out->source = at->source;
        out->bound_ns = earlier(at->bound_ns, cap);
        out->other_ns = earlier(at->other_ns, cap);
        return begin <= most;
    }
    out->source = source;
    out->bound_ns = earlier(end, bound_in(at, source));
    out->other_ns = earlier(plus(end, BTR_SOURCE_ERROR_NS), most);
    return begin <= bound_in(at, source);
}

/* Crosses all steps at a label's node, the latest (forward: earliest) first: they keep the widest
 * bounds. */
static int expand(struct search *s, uint32_t label, struct btr_err *err)
{
    uint32_t node = s->a->paths.labels[label].node;
    uint32_t begin = s->first[node], count = s->first[node + 1] - begin;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t step = s->steps[begin + (s->forward ? i : count - 1 - i)];
        struct answer_label next;
        if (far_end(s, step) == node || !cross(s, label, step, &next))
            continue;
        int rc = label_add(s, &next, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The bound at a start is a little wide (its source is not told apart): the steps there were all
 * admitted. */
static int starts_add(struct search *s, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < s->a->trace->node_count; i++) {
        if (!s->a->trace->nodes[i].start)
            continue;
        int64_t at = s->forward ? -s->a->last_ns : s->a->first_ns;
        for (uint32_t k = 0; k < s->a->start_count; k++) {
            if (btr_id_equal(s->a->starts[k].entity, s->a->trace->nodes[i].id))
                at = later(at, s->forward ? -s->a->starts[k].time_ns : s->a->starts[k].time_ns);
        }
        at = plus(at, BTR_SOURCE_ERROR_NS);
        struct answer_label label = {i,           ANSWER_NONE, ANSWER_NONE, 0,
                                     ANSWER_NONE, at,          at,          ANSWER_NONE};
        rc = label_add(s, &label, err);
    }
    return rc;
}

bool answer_only_opens(uint8_t operation, uint8_t doubt)
{
    return operation == BTR_OP_CONNECT || operation == BTR_OP_ACCEPT || doubt == BTR_DOUBT_INFERRED;
}

uint32_t answer_path_last(const struct btr_answer *a, uint32_t label)
{
    const struct search s = {.a = (struct btr_answer *)a,
                             .forward = a->direction == BTR_WALK_FORWARD};
    const struct answer_label *l = &a->paths.labels[label];
    const struct btr_trace_step *steps = a->trace->steps;
    uint32_t best = l->step;
    if (!answer_only_opens(steps[best].operation, steps[best].doubt) ||
        steps[best].ref == BTR_REF_PAIR)
        return best;
    for (uint32_t i = 0; i < a->trace->step_count; i++) {
        struct answer_label next;
        bool same = steps[i].from == steps[l->step].from && steps[i].to == steps[l->step].to;
        if (!same || answer_only_opens(steps[i].operation, steps[i].doubt) ||
            !cross(&s, l->previous, i, &next))
            continue;
        best = i;
        if (s.forward)
            break; /* the earliest; backward the latest stays */
    }
    return best;
}

int answer_paths_find(struct btr_answer *a, struct btr_err *err)
{
    struct search s = {.a = a, .forward = a->direction == BTR_WALK_FORWARD};
    int rc = steps_index(&s, err);
    if (rc == 0)
        rc = starts_add(&s, err);
    for (uint32_t i = 0; rc == 0 && i < a->paths.label_count; i++)
        rc = expand(&s, i, err);
    free(s.first);
    free(s.steps);
    free(s.heads);
    free(s.counts);
    return rc;
}
