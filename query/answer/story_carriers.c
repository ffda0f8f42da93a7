/* Where the cause of a step came from, among the steps that are told. */
#include <stdlib.h>

#include "story.h"

enum { SEARCH_MAX = 4096 }; /* steps looked at for the cause of one */

struct search {
    const struct story *s;
    const struct story_step *of; /* whose cause is sought */
    uint32_t *queue;             /* nodes that the cause may have come through */
    uint32_t count, capacity;
    const struct story_step *latest, *best;
    bool failed;
};

static void queue_add(struct search *q, uint32_t node)
{
    for (uint32_t i = 0; i < q->count; i++)
        if (q->queue[i] == node)
            return;
    if (q->count == q->capacity) {
        uint32_t capacity = q->capacity ? q->capacity * 2 : 16;
        uint32_t *more = realloc(q->queue, capacity * sizeof *more);
        q->failed |= !more;
        if (!more)
            return;
        q->queue = more;
        q->capacity = capacity;
    }
    q->queue[q->count++] = node;
}

/* The last moment at which a step can have mattered to the one whose cause is sought. */
static int64_t mattered(const struct search *q, const struct story_step *step)
{
    return step->last_ns < q->of->last_ns ? step->last_ns : q->of->last_ns;
}

static void told_consider(struct search *q, const struct story_step *step)
{
    if (step->number >= q->of->number)
        return;
    if (!q->latest || mattered(q, step) > mattered(q, q->latest) ||
        (mattered(q, step) == mattered(q, q->latest) && step->number > q->latest->number))
        q->latest = step;
    if (!q->best || step->score > q->best->score ||
        (step->score == q->best->score && step->number > q->best->number))
        q->best = step;
}

/* Looks at the steps into a node; those that are not told lead on. @return how many there were */
static uint32_t node_visit(struct search *q, uint32_t node)
{
    const struct story *s = q->s;
    for (uint32_t i = s->into_begin[node]; i < s->into_begin[node + 1]; i++) {
        const struct story_step *step = &s->steps[s->into[i]];
        if (step == q->of || step->first_ns > q->of->last_ns)
            continue;
        if (step->number)
            told_consider(q, step);
        else
            queue_add(q, step->from);
    }
    return s->into_begin[node + 1] - s->into_begin[node] + 1;
}

/* What a node is fed by: the steps into it, and into the ends that it is paired with. */
static uint32_t place_visit(struct search *q, uint32_t node)
{
    const struct story *s = q->s;
    uint32_t visited = node_visit(q, node);
    for (uint32_t i = s->links_begin[node]; i < s->links_begin[node + 1]; i++)
        visited += node_visit(q, s->links[s->links_into[i]].from);
    return visited;
}

int story_carriers(const struct story *s, const struct story_step *step, struct story_carriers *out,
                   struct btr_err *err)
{
    struct search q = {.s = s, .of = step};
    uint32_t visited = 0, level_end = 1;
    *out = (struct story_carriers){.count = 0};
    queue_add(&q, step->from);
    for (uint32_t i = 0; i < q.count && visited < SEARCH_MAX && !q.failed; i++) {
        if (i == level_end && q.latest)
            break; /* the nearest are enough */
        if (i == level_end)
            level_end = q.count;
        out->through = i > 0;
        visited += place_visit(&q, q.queue[i]);
    }
    free(q.queue);
    if (q.failed)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "story of the answer");
    out->through = out->through && q.latest;
    if (q.latest && q.latest != q.best)
        out->numbers[out->count++] =
            q.latest->number < q.best->number ? q.latest->number : q.best->number;
    if (q.latest)
        out->numbers[out->count++] =
            q.latest->number > q.best->number ? q.latest->number : q.best->number;
    return 0;
}
