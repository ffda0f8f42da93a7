/* When something came to each node: what lies between that and what the node did next. */
#include <stdlib.h>

#include "parts.h"

/* The node that a step flows into. */
static uint32_t target_of(const struct btr_answer *a, uint32_t near, const struct btr_trace_step *s)
{
    return a->direction == BTR_WALK_BACKWARD ? near : s->other;
}

static void arrivals_count(const struct btr_answer *a, uint32_t *begin)
{
    const struct btr_trace *t = a->trace;
    for (uint32_t n = 0; n < t->node_count; n++) {
        const struct btr_trace_step *steps = &t->steps[t->nodes[n].step_begin];
        for (uint32_t i = 0; i < t->nodes[n].step_count; i++)
            begin[target_of(a, n, &steps[i]) + 2]++;
    }
    for (uint32_t n = 0; n < t->node_count; n++)
        begin[n + 2] += begin[n + 1];
}

/* begin[n + 1] goes from where those of node n begin to where they end. */
static void arrivals_fill(struct answer_arrivals *r, const struct btr_answer *a)
{
    const struct btr_trace *t = a->trace;
    for (uint32_t n = 0; n < t->node_count; n++) {
        const struct btr_trace_step *steps = &t->steps[t->nodes[n].step_begin];
        for (uint32_t i = 0; i < t->nodes[n].step_count; i++)
            r->list[r->begin[target_of(a, n, &steps[i]) + 1]++] =
                (struct answer_arrival){steps[i].last_ns, steps[i].first_ns};
    }
}

int answer_arrivals_find(struct btr_answer *a, struct btr_err *err)
{
    struct answer_arrivals *r = &a->arrivals;
    r->list = malloc(((size_t)a->trace->step_count + 1) * sizeof *r->list);
    r->begin = calloc((size_t)a->trace->node_count + 2, sizeof *r->begin);
    r->sorted = calloc((size_t)a->trace->node_count + 1, 1);
    if (!r->list || !r->begin || !r->sorted) {
        answer_arrivals_free(a);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "doubts of the answer");
    }
    arrivals_count(a, r->begin);
    arrivals_fill(r, a);
    return 0;
}

static int arrival_compare(const void *x, const void *y)
{
    const struct answer_arrival *a = x, *b = y;
    return (a->last_ns > b->last_ns) - (a->last_ns < b->last_ns);
}

static void node_sort(struct answer_arrival *list, uint32_t count)
{
    if (count > 1)
        qsort(list, count, sizeof *list, arrival_compare);
    for (uint32_t i = count; i-- > 1;)
        if (list[i].first_ns < list[i - 1].first_ns)
            list[i - 1].first_ns = list[i].first_ns;
}

bool answer_came_before(struct btr_answer *a, uint32_t node, int64_t hole_ns, int64_t ns,
                        int64_t *when_ns)
{
    struct answer_arrivals *r = &a->arrivals;
    struct answer_arrival *list = &r->list[r->begin[node]];
    uint32_t count = r->begin[node + 1] - r->begin[node], low = 0, high = count;
    if (!r->sorted[node])
        node_sort(list, count);
    r->sorted[node] = 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list[middle].last_ns <= hole_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || (low < count && list[low].first_ns <= ns))
        return false;
    *when_ns = list[low - 1].last_ns;
    return true;
}

void answer_arrivals_free(struct btr_answer *a)
{
    free(a->arrivals.list);
    free(a->arrivals.begin);
    free(a->arrivals.sorted);
    a->arrivals = (struct answer_arrivals){0};
}
