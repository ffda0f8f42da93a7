/*
 * Which steps of a trace are on a path between two ends.
 *
 * A path is admitted when of any two of its events, an earlier one i and a later one j, first(i) <=
 * last(j), within the error where something of another source lies between them or they are of two.
 * The closures say so of the beginning of a path and of its end, but a step is on a whole path only
 * when some beginning and some end fit each other. So both are kept as labels that are not joined:
 * of each node all that no other covers, which differ by less than the error.
 */
#include "between.h"

#include <btr/clock.h>
#include <btr/list.h>
#include <stdlib.h>

#include "frontier.h"
#include "label.h"

struct path_label {
    struct graph_label label;
    uint32_t next; /* another of its node, or UINT32_MAX */
    uint32_t node;
    bool covered; /* by one that came later */
};

/** Paths from one side to all nodes, in the time of a walk from there. */
struct paths {
    const struct btr_trace *trace;
    bool forward;
    struct path_label *labels;
    uint32_t *heads; /* of each node */
    uint32_t count, capacity;
    struct graph_frontier frontier; /* labels to go on from, by rest_ns */
};

struct marking {
    const struct btr_trace *trace;
    uint32_t *near; /* of each step: the node that has it */
    uint32_t *begin,
        *out_from; /* steps by where they come from: of node n [begin[n], begin[n + 1]) */
    struct paths ahead, behind; /* from `from`; to `to` */
    const struct between_limits *limits;
    enum btr_cut cut;
};

/* ---- Labels ---- */

static int64_t walk_time(const struct paths *p, int64_t t_ns)
{
    if (!p->forward)
        return t_ns;
    return t_ns == INT64_MIN ? INT64_MAX : -t_ns;
}

/* Whether `a` admits all that `b` does, before and after any step. What is own of `b` is never
 * above its rest, so of that source nothing more is to be asked. */
static bool covers(struct graph_label a, struct graph_label b)
{
    return a.rest_ns >= b.rest_ns &&
           graph_label_bound(a, a.source) >= graph_label_bound(b, a.source);
}

/* Whether a beginning of a path and an end of one are a path together. */
static bool fit(struct graph_label ahead, struct graph_label behind)
{
    const uint32_t sources[] = {ahead.source, behind.source};
    for (int i = 0; i < 2; i++)
        if (-graph_label_bound(ahead, sources[i]) > graph_label_bound(behind, sources[i]))
            return false;
    return graph_time_later(-ahead.rest_ns) <= behind.rest_ns;
}

static bool label_add(struct paths *p, uint32_t node, struct graph_label label)
{
    for (uint32_t i = p->heads[node]; i != UINT32_MAX; i = p->labels[i].next) {
        if (p->labels[i].covered)
            continue;
        if (covers(p->labels[i].label, label))
            return true;
        p->labels[i].covered = covers(label, p->labels[i].label);
    }
    if (!btr_list_room(&p->labels, p->count, &p->capacity, 256, sizeof *p->labels))
        return false;
    p->labels[p->count] = (struct path_label){label, p->heads[node], node, false};
    p->heads[node] = p->count++;
    return graph_frontier_raise(&p->frontier, p->count - 1, p->trace->nodes[node].id,
                                label.rest_ns);
}

/* The times of a step in the walk's time: what a label must reach, and what it is cut to. */
static void step_times(const struct paths *p, const struct btr_trace_step *step, bool pair,
                       int64_t *first_ns, int64_t *last_ns)
{
    *first_ns = walk_time(p, p->forward ? step->last_ns : step->first_ns);
    *last_ns = walk_time(p, p->forward ? step->first_ns : step->last_ns);
    if (pair && p->forward) /* a pair lasts from its first time on */
        *first_ns = INT64_MIN;
    if (pair && !p->forward)
        *last_ns = INT64_MAX;
}

/* Whether a label lets a path go on over a step. @param out  the label behind it */
static bool crosses(const struct paths *p, struct graph_label label,
                    const struct btr_trace_step *step, struct graph_label *out)
{
    const struct btr_manner *manner = btr_step_manner(p->trace, step);
    uint32_t source = manner->pair ? GRAPH_SOURCE_NONE : manner->source;
    int64_t first_ns, last_ns;
    step_times(p, step, manner->pair, &first_ns, &last_ns);
    if (first_ns > (manner->pair ? label.rest_ns : graph_label_bound(label, source)))
        return false;
    *out = graph_label_pass(label, source, last_ns);
    return true;
}

/* ---- Paths from one side ---- */

static bool is_full(struct marking *m)
{
    uint64_t bytes =
        ((uint64_t)m->ahead.capacity + m->behind.capacity) * sizeof(struct path_label) +
        graph_frontier_bytes(&m->ahead.frontier) + graph_frontier_bytes(&m->behind.frontier);
    if (m->limits->memory_max && bytes > m->limits->memory_max)
        m->cut = BTR_CUT_MEMORY;
    else if (m->limits->deadline_ns != INT64_MAX && btr_monotonic_ns() >= m->limits->deadline_ns)
        m->cut = BTR_CUT_TIME;
    return m->cut != BTR_CUT_NONE;
}

static bool step_go(struct marking *m, struct paths *p, struct path_label from, uint32_t step)
{
    const struct btr_trace_step *s = &m->trace->steps[step];
    struct graph_label label;
    if (s->other == m->near[step] || !crosses(p, from.label, s, &label))
        return true; /* from itself an entity learns nothing */
    return label_add(p, p->forward ? m->near[step] : s->other, label);
}

static bool label_expand(struct marking *m, struct paths *p, uint32_t at)
{
    struct path_label from = p->labels[at];
    const struct btr_trace_node *n = &m->trace->nodes[from.node];
    bool ok = true;
    if (from.covered)
        return true;
    for (uint32_t i = 0; ok && !p->forward && i < n->step_count; i++)
        ok = step_go(m, p, from, n->step_begin + i);
    for (uint32_t i = m->begin[from.node]; ok && p->forward && i < m->begin[from.node + 1]; i++)
        ok = step_go(m, p, from, m->out_from[i]);
    return ok;
}

static bool paths_find(struct marking *m, struct paths *p, const struct btr_start *starts,
                       uint32_t start_count)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < start_count; i++)
        for (uint32_t n = 0; ok && n < m->trace->node_count; n++)
            if (btr_id_equal(m->trace->nodes[n].id, starts[i].entity))
                ok = label_add(
                    p, n, graph_label_start(starts[i].source, walk_time(p, starts[i].time_ns)));
    while (ok && p->frontier.count > 0 && !is_full(m))
        ok = label_expand(m, p, graph_frontier_pop(&p->frontier).node);
    return ok;
}

/* ---- Both sides together ---- */

/* Over a step of an entity with itself nothing passes: the path without it must be one, too. */
static bool joins(const struct marking *m, struct graph_label ahead, struct graph_label behind,
                  uint32_t step)
{
    const struct btr_trace_step *s = &m->trace->steps[step];
    struct graph_label over, back;
    return crosses(&m->ahead, ahead, s, &over) && crosses(&m->behind, behind, s, &back) &&
           fit(over, behind) && (s->other != m->near[step] || fit(ahead, behind));
}

static bool is_on_path(const struct marking *m, uint32_t step)
{
    const struct path_label *ahead = m->ahead.labels, *behind = m->behind.labels;
    for (uint32_t i = m->ahead.heads[m->trace->steps[step].other]; i != UINT32_MAX;
         i = ahead[i].next)
        for (uint32_t k = m->behind.heads[m->near[step]]; k != UINT32_MAX; k = behind[k].next)
            if (!ahead[i].covered && !behind[k].covered &&
                joins(m, ahead[i].label, behind[k].label, step))
                return true;
    return false;
}

static bool paths_init(struct paths *p, const struct btr_trace *trace, bool forward)
{
    *p = (struct paths){.trace = trace, .forward = forward};
    p->heads = malloc(((size_t)trace->node_count + 1) * sizeof *p->heads);
    for (uint32_t i = 0; p->heads && i < trace->node_count; i++)
        p->heads[i] = UINT32_MAX;
    return p->heads != NULL;
}

static void paths_fini(struct paths *p)
{
    free(p->labels);
    free(p->heads);
    graph_frontier_fini(&p->frontier);
}

static bool marking_init(struct marking *m)
{
    const struct btr_trace *t = m->trace;
    m->near = malloc(((size_t)t->step_count + 1) * sizeof *m->near);
    m->out_from = malloc(((size_t)t->step_count + 1) * sizeof *m->out_from);
    m->begin = calloc((size_t)t->node_count + 2, sizeof *m->begin);
    if (!paths_init(&m->ahead, t, true) || !paths_init(&m->behind, t, false) || !m->near ||
        !m->out_from || !m->begin)
        return false;
    uint32_t *next = m->begin + 1; /* of each node: where its next goes, and at last its end */
    for (uint32_t i = 0; i < t->step_count; i++)
        if (t->steps[i].other + 1 < t->node_count)
            next[t->steps[i].other + 1]++;
    for (uint32_t n = 1; n < t->node_count; n++)
        next[n] += next[n - 1];
    for (uint32_t n = 0; n < t->node_count; n++)
        for (uint32_t i = t->nodes[n].step_begin;
             i < t->nodes[n].step_begin + t->nodes[n].step_count; i++) {
            m->near[i] = n;
            m->out_from[next[t->steps[i].other]++] = i;
        }
    return true;
}

int between_mark(bool *marks, const struct btr_trace *trace, const struct btr_between *ends,
                 const struct between_limits *limits, enum btr_cut *cut, struct btr_err *err)
{
    struct marking m = {.trace = trace, .limits = limits};
    bool ok = marking_init(&m) && paths_find(&m, &m.ahead, ends->from, ends->from_count) &&
              paths_find(&m, &m.behind, ends->to, ends->to_count);
    for (uint32_t i = 0; ok && i < trace->step_count; i++)
        marks[i] = is_on_path(&m, i);
    *cut = m.cut;
    paths_fini(&m.ahead);
    paths_fini(&m.behind);
    free(m.near);
    free(m.out_from);
    free(m.begin);
    return ok ? 0
              : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "paths over %u steps", trace->step_count);
}
