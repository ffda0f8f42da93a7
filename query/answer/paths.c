/*
 * One path from each node to a start, whose times are admissible by docs/EVENTS.md, "Causality":
 * the one of fewest steps, of those the one that keeps the latest bound. A search by levels over
 * labels: a node is labelled again only where more steps bring a bound that none of its labels has.
 * Forward is the same search with time turned round.
 */
#include <btr/list.h>
#include <stdlib.h>

#include "parts.h"

enum { LABELS_PER_NODE = 16 };

/* A step that a label may cross to somewhere new. */
struct crossing {
    const struct search *search;
    uint64_t order; /* by its last time: least is tried first */
    uint32_t step, source;
};

struct search {
    struct btr_answer *a;
    uint32_t *heads;            /* latest label of each node */
    uint8_t *counts;            /* labels of each node, up to LABELS_PER_NODE */
    struct crossing *crossings; /* from the label at hand */
    uint32_t crossing_count, crossing_capacity;
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

static int search_init(struct search *s, struct btr_err *err)
{
    size_t nodes = (size_t)s->a->trace->node_count + 1;
    s->heads = malloc(nodes * sizeof *s->heads);
    s->counts = calloc(nodes, 1);
    s->a->paths.of_node = malloc(nodes * sizeof *s->heads);
    if (!s->heads || !s->counts || !s->a->paths.of_node)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "paths of the answer");
    for (size_t i = 0; i < nodes; i++)
        s->heads[i] = s->a->paths.of_node[i] = ANSWER_NONE;
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

/* Whether one of the labels that its node has reaches all that a label can. */
static bool is_covered(const struct search *s, const struct answer_label *label)
{
    const struct answer_label *labels = s->a->paths.labels;
    for (uint32_t i = s->heads[label->node]; i != ANSWER_NONE; i = labels[i].next) {
        if (covers(&labels[i], label))
            return true;
    }
    return false;
}

static int label_add(struct search *s, const struct answer_label *label, struct btr_err *err)
{
    struct answer_paths *paths = &s->a->paths;
    if (is_covered(s, label))
        return 0;
    if (s->counts[label->node] == LABELS_PER_NODE)
        return 0;
    if (!btr_list_room(&paths->labels, paths->label_count, &paths->label_capacity, 256,
                       sizeof *paths->labels))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "paths of the answer");
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

/* Whether the times of a step let a label cross it. Hot. */
static bool admits(const struct search *s, const struct answer_label *at,
                   const struct btr_trace_step *step)
{
    const struct btr_manner *manner = btr_step_manner(s->a->trace, step);
    int64_t begin = s->forward ? -step->last_ns : step->first_ns;
    return begin <=
           (manner->pair ? later(at->bound_ns, at->other_ns) : bound_in(at, manner->source));
}

/* The label that crossing a step gives, which the times must admit. */
static void cross(const struct search *s, uint32_t from, uint32_t step, struct answer_label *out)
{
    const struct answer_label *at = &s->a->paths.labels[from];
    const struct btr_trace_step *t = &s->a->trace->steps[step];
    uint32_t source = answer_step_source(s->a, step);
    int64_t end = s->forward ? -t->first_ns : t->last_ns;
    int64_t most = later(at->bound_ns, at->other_ns);
    *out = (struct answer_label){
        .node = t->other, .previous = from, .step = step, .level = at->level + 1};
    if (source == ANSWER_NONE) { /* a pair belongs to no source and hands bounds on */
        int64_t cap = s->forward ? plus(end, BTR_SOURCE_ERROR_NS) : INT64_MAX;
        out->source = at->source;
        out->bound_ns = earlier(at->bound_ns, cap);
        out->other_ns = earlier(at->other_ns, cap);
        return;
    }
    out->source = source;
    out->bound_ns = earlier(end, bound_in(at, source));
    out->other_ns = earlier(plus(end, BTR_SOURCE_ERROR_NS), most);
}

/* Of steps that end at one time and lead to one node. */
static int alike_compare(const struct btr_trace *t, const struct btr_trace_step *x,
                         const struct btr_trace_step *y)
{
    uint8_t p = btr_step_manner(t, x)->operation, q = btr_step_manner(t, y)->operation;
    if (p != q)
        return p < q ? -1 : 1;
    return (x->ref > y->ref) - (x->ref < y->ref);
}

/* The latest (forward: earliest) is tried first, as it keeps the widest bounds; ties go to the
 * greater (forward: lower) id of the node that it leads to. */
static int crossing_compare(const void *left, const void *right)
{
    const struct crossing *x = left, *y = right;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    const struct btr_trace *t = x->search->a->trace;
    const struct btr_trace_step *a = &t->steps[x->step], *b = &t->steps[y->step];
    int d = btr_id_compare(t->nodes[a->other].id, t->nodes[b->other].id);
    d = d ? d : alike_compare(t, a, b);
    return x->search->forward ? d : -d;
}

static struct crossing crossing_of(const struct search *s, uint32_t step)
{
    uint64_t last = (uint64_t)s->a->trace->steps[step].last_ns ^ UINT64_C(1) << 63;
    return (struct crossing){s, s->forward ? last : ~last, step, answer_step_source(s->a, step)};
}

static int crossing_keep(struct search *s, const struct crossing *crossing, struct btr_err *err)
{
    if (!btr_list_room(&s->crossings, s->crossing_count, &s->crossing_capacity, 256,
                       sizeof *s->crossings))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "paths of the answer");
    s->crossings[s->crossing_count++] = *crossing;
    return 0;
}

/*
 * Adds a step to those from `begin` on, which lead to the same node, unless one of them, of the
 * same source, is tried before it and keeps bounds as wide. Backward that is the latest of each
 * source; forward, intervals of one kind of steps come by their ends, and one that began earlier
 * may follow.
 */
static int crossing_add(struct search *s, uint32_t begin, const struct crossing *crossing,
                        struct btr_err *err)
{
    const struct btr_trace_step *steps = s->a->trace->steps, *step = &steps[crossing->step];
    for (uint32_t i = s->crossing_count; i-- > begin;) {
        struct crossing *kept = &s->crossings[i];
        if (kept->source != crossing->source)
            continue;
        if (!s->forward) {
            if (crossing_compare(crossing, kept) < 0)
                *kept = *crossing;
            return 0;
        }
        if (btr_step_kind(s->a->trace, &steps[kept->step]) == btr_step_kind(s->a->trace, step)) {
            if (steps[kept->step].first_ns <= step->first_ns)
                return 0;
            break;
        }
    }
    return crossing_keep(s, crossing, err);
}

/* Gathers what a label may cross, by the node that it leads to; forward. */
static int gather_forward(struct search *s, const struct answer_label *at, struct btr_err *err)
{
    const struct btr_trace *t = s->a->trace;
    uint32_t node = at->node, begin = 0;
    uint32_t end = t->nodes[node].step_begin + t->nodes[node].step_count;
    s->crossing_count = 0;
    for (uint32_t i = t->nodes[node].step_begin; i < end; i++) {
        if (i > t->nodes[node].step_begin && t->steps[i].other != t->steps[i - 1].other)
            begin = s->crossing_count;
        if (t->steps[i].other == node || !admits(s, at, &t->steps[i]))
            continue;
        struct crossing crossing = crossing_of(s, i);
        int rc = crossing_add(s, begin, &crossing, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The same backward, from each node's last step on: of steps of one manner the latest goes first,
 * and those before it keep no wider bounds. */
static int gather_backward(struct search *s, const struct answer_label *at, struct btr_err *err)
{
    const struct btr_trace *t = s->a->trace;
    const struct btr_trace_step *kept = NULL; /* that was admitted last */
    uint32_t first = t->nodes[at->node].step_begin, begin = 0;
    s->crossing_count = 0;
    for (uint32_t i = first + t->nodes[at->node].step_count; i-- > first;) {
        const struct btr_trace_step *step = &t->steps[i];
        if (kept && step->other != kept->other)
            begin = s->crossing_count;
        else if (kept && step->manner == kept->manner)
            continue;
        if (step->other == at->node || !admits(s, at, step))
            continue;
        struct crossing crossing = crossing_of(s, i);
        int rc = crossing_add(s, begin, &crossing, err);
        if (rc < 0)
            return rc;
        kept = step;
    }
    return 0;
}

/* Drops those that lead nowhere new: most do, once the search has come around. */
static void crossings_thin(struct search *s, uint32_t label)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->crossing_count; i++) {
        struct answer_label next;
        cross(s, label, s->crossings[i].step, &next);
        if (!is_covered(s, &next))
            s->crossings[kept++] = s->crossings[i];
    }
    s->crossing_count = kept;
}

static int expand(struct search *s, uint32_t label, struct btr_err *err)
{
    const struct answer_label at = s->a->paths.labels[label]; /* which move when some are added */
    int rc = s->forward ? gather_forward(s, &at, err) : gather_backward(s, &at, err);
    crossings_thin(s, label);
    if (s->crossing_count > 1)
        qsort(s->crossings, s->crossing_count, sizeof *s->crossings, crossing_compare);
    for (uint32_t i = 0; rc == 0 && i < s->crossing_count; i++) {
        struct answer_label next;
        cross(s, label, s->crossings[i].step, &next);
        rc = label_add(s, &next, err);
    }
    return rc;
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

bool answer_only_opens(const struct btr_manner *manner)
{
    return manner->operation == BTR_OP_CONNECT || manner->operation == BTR_OP_ACCEPT ||
           manner->doubt == BTR_DOUBT_INFERRED;
}

uint32_t answer_path_last(const struct btr_answer *a, uint32_t label)
{
    const struct search s = {.a = (struct btr_answer *)a,
                             .forward = a->direction == BTR_WALK_FORWARD};
    const struct answer_label *l = &a->paths.labels[label];
    const struct btr_trace_step *steps = a->trace->steps;
    const struct btr_trace_node *near = &a->trace->nodes[a->paths.labels[l->previous].node];
    uint32_t best = l->step;
    if (!answer_only_opens(btr_step_manner(a->trace, &steps[best])) ||
        btr_step_is_pair(&steps[best]))
        return best;
    bool found = false;
    for (uint32_t i = near->step_begin; i < near->step_begin + near->step_count; i++) {
        if (steps[i].other != l->node || answer_only_opens(btr_step_manner(a->trace, &steps[i])) ||
            !admits(&s, &a->paths.labels[l->previous], &steps[i]))
            continue;
        struct crossing now = crossing_of(&s, i), before = crossing_of(&s, best);
        if (!found || crossing_compare(&now, &before) < 0)
            best = i;
        found = true;
    }
    return best;
}

int answer_paths_find(struct btr_answer *a, struct btr_err *err)
{
    struct search s = {.a = a, .forward = a->direction == BTR_WALK_FORWARD};
    int rc = search_init(&s, err);
    if (rc == 0)
        rc = starts_add(&s, err);
    for (uint32_t i = 0; rc == 0 && i < a->paths.label_count; i++)
        rc = expand(&s, i, err);
    free(s.heads);
    free(s.counts);
    free(s.crossings);
    return rc;
}
