/* The edges of an answer as steps: all that flows from one node to another is one. */
#include "story.h"

#include <stdlib.h>

static int fail_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "story of the answer");
}

bool story_starts(const struct story_step *step)
{
    return (step->done.operations & ANSWER_STARTS) != 0;
}

/* What is certain makes the whole certain; of two doubts the first in the table is told. */
static uint8_t doubt_of(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static void tally_add(struct story_tally *t, const struct story_tally *more)
{
    if (more->count == 0)
        return;
    if (t->count == 0) {
        *t = *more;
        return;
    }
    t->operations |= more->operations;
    t->count += more->count;
    t->first_ns = more->first_ns < t->first_ns ? more->first_ns : t->first_ns;
    t->last_ns = more->last_ns > t->last_ns ? more->last_ns : t->last_ns;
    t->edge = more->edge < t->edge ? more->edge : t->edge;
    t->doubt = doubt_of(t->doubt, more->doubt);
}

/* @param operations  of the edge, that count */
static struct story_tally tally_of(const struct btr_answer *a, uint32_t edge, uint64_t operations)
{
    struct answer_edge e = answer_edge_part(a, edge, operations);
    if (e.operations == 0)
        return (struct story_tally){0};
    return (struct story_tally){.operations = e.operations,
                                .count = e.record_count ? e.record_count : 1,
                                .first_ns = e.first_ns,
                                .last_ns = e.last_ns,
                                .ahead_ns = e.ahead_ns,
                                .edge = edge,
                                .doubt = e.doubt};
}

static struct story_step step_of(struct btr_answer *a, uint32_t edge, const struct answer_edge *e)
{
    const struct btr_trace_node *nodes = a->trace->nodes;
    struct story_step s = {.from = e->from,
                           .to = e->to,
                           .via = ANSWER_NONE,
                           .bytes = e->bytes,
                           .hole = answer_edge_doubt(a, e, NULL) ? edge : ANSWER_NONE,
                           .score = answer_score(a, nodes[e->from].id, nodes[e->to].id)};
    s.opened = tally_of(a, edge, ANSWER_OPENS);
    s.done = tally_of(a, edge, ~ANSWER_OPENS);
    return s;
}

static void step_add(struct story_step *s, const struct story_step *more)
{
    tally_add(&s->opened, &more->opened);
    tally_add(&s->done, &more->done);
    s->score = more->score > s->score ? more->score : s->score;
    s->hole = more->hole < s->hole ? more->hole : s->hole;
    if (more->bytes != BTR_BYTES_UNKNOWN)
        s->bytes = (s->bytes == BTR_BYTES_UNKNOWN ? 0 : s->bytes) + more->bytes;
}

/* The two nodes, whichever way, then the way: opposite ways stand together. */
static int step_compare(const void *x, const void *y)
{
    const struct story_step *a = x, *b = y;
    uint32_t p = a->from < a->to ? a->from : a->to, q = b->from < b->to ? b->from : b->to;
    if (p != q)
        return p < q ? -1 : 1;
    p = a->from < a->to ? a->to : a->from;
    q = b->from < b->to ? b->to : b->from;
    if (p != q)
        return p < q ? -1 : 1;
    return (a->from > b->from) - (a->from < b->from);
}

static void steps_merge(struct story *s)
{
    uint32_t kept = 0;
    if (s->step_count > 1)
        qsort(s->steps, s->step_count, sizeof *s->steps, step_compare);
    for (uint32_t i = 0; i < s->step_count; i++) {
        if (kept > 0 && step_compare(&s->steps[kept - 1], &s->steps[i]) == 0)
            step_add(&s->steps[kept - 1], &s->steps[i]);
        else
            s->steps[kept++] = s->steps[i];
    }
    s->step_count = kept;
}

/* An opening flows both ways, or the other way than what passes: it is no step of its own. */
static void openings_fold(struct story *s)
{
    for (uint32_t i = 0; i + 1 < s->step_count; i++) {
        struct story_step *a = &s->steps[i], *b = &s->steps[i + 1];
        if (a->from != b->to || a->to != b->from || (a->done.count && b->done.count))
            continue;
        bool second =
            b->done.count || (a->done.count == 0 && !story_is(s, a->from, BTR_KIND_PROCESS));
        struct story_step *kept = second ? b : a, *folded = second ? a : b;
        tally_add(&kept->opened, &folded->opened);
        kept->score = folded->score > kept->score ? folded->score : kept->score;
        kept->hole = folded->hole < kept->hole ? folded->hole : kept->hole;
        folded->gone = true;
    }
}

static void steps_drop_gone(struct story *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->step_count; i++)
        if (!s->steps[i].gone)
            s->steps[kept++] = s->steps[i];
    s->step_count = kept;
}

/* When it was, and who did it: the subject, and where it flows both ways the process of the two. */
static void step_describe(const struct story *s, struct story_step *step)
{
    step->first_ns = story_said(step)->first_ns;
    step->last_ns = story_said(step)->last_ns;
    step->first_ahead_ns = step->last_ahead_ns = story_said(step)->ahead_ns;
    uint64_t operations = story_said(step)->operations;
    unsigned operation = 0;
    while (operation < BTR_OP_MAX && !(operations & ANSWER_BIT(operation)))
        operation++;
    enum btr_direction direction = btr_operation_direction(operation);
    bool from = story_is(s, step->from, BTR_KIND_PROCESS);
    bool to = story_is(s, step->to, BTR_KIND_PROCESS);
    bool turned = direction == BTR_FLOW_IN || (direction == BTR_FLOW_BOTH && !from && to);
    step->actor = turned ? step->to : step->from;
    step->other = turned ? step->from : step->to;
    if (turned ? !to : !from)
        step->actor = ANSWER_NONE;
}

/* Where the items of each node begin: `begin` has counts, and gets sums. */
static void begins_sum(uint32_t *begin, uint32_t node_count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i <= node_count; i++) {
        uint32_t here = begin[i];
        begin[i] = sum;
        sum += here;
    }
}

bool story_index(struct story *s)
{
    uint32_t nodes = s->a->trace->node_count;
    free(s->into_begin);
    free(s->links_begin);
    free(s->into);
    free(s->links_into);
    s->into_begin = calloc((size_t)nodes + 2, sizeof *s->into_begin);
    s->links_begin = calloc((size_t)nodes + 2, sizeof *s->links_begin);
    s->into = calloc((size_t)s->step_count + 1, sizeof *s->into);
    s->links_into = calloc((size_t)s->link_count + 1, sizeof *s->links_into);
    if (!s->into_begin || !s->links_begin || !s->into || !s->links_into)
        return false;
    for (uint32_t i = 0; i < s->step_count; i++)
        s->into_begin[s->steps[i].to + 1]++;
    for (uint32_t i = 0; i < s->link_count; i++)
        s->links_begin[s->links[i].to + 1]++;
    begins_sum(s->into_begin, nodes + 1);
    begins_sum(s->links_begin, nodes + 1);
    for (uint32_t i = 0; i < s->step_count; i++)
        s->into[s->into_begin[s->steps[i].to + 1]++] = i;
    for (uint32_t i = 0; i < s->link_count; i++)
        s->links_into[s->links_begin[s->links[i].to + 1]++] = i;
    return true;
}

int story_make(struct story *out, struct btr_answer *a, struct btr_err *err)
{
    *out = (struct story){.a = a};
    int rc = answer_edges_need(a, err);
    if (rc < 0)
        return rc;
    out->steps = calloc((size_t)a->edge_count + 1, sizeof *out->steps);
    out->links = calloc((size_t)a->edge_count + 1, sizeof *out->links);
    if (!out->steps || !out->links)
        return fail_memory(err);
    for (uint32_t i = 0; i < a->edge_count; i++) {
        struct answer_edge e = answer_edge_at(a, i);
        if (e.pair)
            out->links[out->link_count++] = (struct story_link){e.from, e.to, e.doubt};
        else
            out->steps[out->step_count++] = step_of(a, i, &e);
    }
    steps_merge(out);
    openings_fold(out);
    steps_drop_gone(out);
    for (uint32_t i = 0; i < out->step_count; i++)
        step_describe(out, &out->steps[i]);
    return story_index(out) ? 0 : fail_memory(err);
}

void story_fini(struct story *s)
{
    free(s->steps);
    free(s->links);
    free(s->into);
    free(s->into_begin);
    free(s->links_into);
    free(s->links_begin);
    free(s->told);
    *s = (struct story){0};
}
