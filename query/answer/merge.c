/* Parallel steps become edges; each keeps every record that it rests on. */
#include <stdlib.h>

#include "parts.h"

/* A step with what decides which edge it joins. */
struct item {
    uint32_t from, to, step;
    uint8_t operation, doubt, interval, pair;
};

static struct item item_of(const struct btr_trace *t, uint32_t i)
{
    const struct btr_trace_step *s = &t->steps[i];
    return (struct item){.from = s->from,
                         .to = s->to,
                         .step = i,
                         .operation = s->operation,
                         .doubt = s->doubt,
                         .interval = (s->flags & BTR_EVENT_INTERVAL) != 0,
                         .pair = s->ref == BTR_REF_PAIR};
}

static int compare_u32(uint32_t a, uint32_t b)
{
    return a < b ? -1 : a > b;
}

static int group_compare(const struct item *a, const struct item *b)
{
    int d = compare_u32(a->from, b->from);
    if (d == 0)
        d = compare_u32(a->to, b->to);
    if (d == 0)
        d = a->operation - b->operation;
    if (d == 0)
        d = a->interval - b->interval;
    if (d == 0)
        d = a->doubt - b->doubt;
    return d ? d : a->pair - b->pair;
}

/* Within a group the trace's own order stays, which is that of time. */
static int item_compare(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    int d = group_compare(a, b);
    return d ? d : compare_u32(a->step, b->step);
}

/* ---- Records of an edge ---- */

struct cited {
    uint32_t event, origin;
    uint64_t line, record_id;
    uint32_t order; /* place in time */
};

static int cited_compare(const void *x, const void *y)
{
    const struct cited *a = x, *b = y;
    if (a->origin != b->origin)
        return compare_u32(a->origin, b->origin);
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->record_id != b->record_id)
        return a->record_id < b->record_id ? -1 : 1;
    return compare_u32(a->order, b->order);
}

static int order_compare(const void *x, const void *y)
{
    return compare_u32(((const struct cited *)x)->order, ((const struct cited *)y)->order);
}

static uint32_t event_find(const struct btr_answer *a, btr_event_ref ref)
{
    uint64_t low = 0, high = a->event_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (a->events[middle].ref < ref)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

static void cited_add(const struct btr_answer *a, struct cited *list, uint32_t *count,
                      uint32_t event)
{
    const struct answer_event *e = &a->events[event];
    list[*count] = (struct cited){event, e->origin, e->line, e->record_id, *count};
    ++*count;
}

/* All records of a group's events, each once, in order of time. @return their count */
static uint32_t records_of(const struct btr_answer *a, const struct item *items, uint32_t count,
                           struct cited *list)
{
    uint32_t n = 0, kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct btr_trace_step *s = &a->trace->steps[items[i].step];
        if (s->ref == BTR_REF_PAIR) {
            cited_add(a, list, &n, event_find(a, a->trace->pairs[s->pair].client_ref));
            cited_add(a, list, &n, event_find(a, a->trace->pairs[s->pair].server_ref));
        } else {
            cited_add(a, list, &n, a->step_event[items[i].step]);
        }
    }
    if (n > 1)
        qsort(list, n, sizeof *list, cited_compare);
    for (uint32_t i = 0; i < n; i++) {
        bool again = kept && list[kept - 1].origin == list[i].origin &&
                     list[kept - 1].line == list[i].line &&
                     list[kept - 1].record_id == list[i].record_id;
        if (!again)
            list[kept++] = list[i];
    }
    if (kept > 1)
        qsort(list, kept, sizeof *list, order_compare);
    return kept;
}

/* ---- Edges ---- */

static void edge_make(struct btr_answer *a, const struct item *items, uint32_t count,
                      struct cited *list)
{
    struct answer_edge *e = &a->edges[a->edge_count];
    *e = (struct answer_edge){.from = items->from,
                              .to = items->to,
                              .operation = items->operation,
                              .doubt = items->doubt,
                              .interval = items->interval,
                              .pair = items->pair,
                              .first_ns = INT64_MAX,
                              .last_ns = INT64_MIN,
                              .bytes = BTR_BYTES_UNKNOWN,
                              .record_first = (uint32_t)a->record_total};
    for (uint32_t i = 0; i < count; i++) {
        const struct btr_trace_step *s = &a->trace->steps[items[i].step];
        uint32_t event = a->step_event[items[i].step];
        uint64_t bytes = event == ANSWER_NONE ? BTR_BYTES_UNKNOWN : a->events[event].bytes;
        e->first_ns = s->first_ns < e->first_ns ? s->first_ns : e->first_ns;
        e->last_ns = s->last_ns > e->last_ns ? s->last_ns : e->last_ns;
        if (bytes != BTR_BYTES_UNKNOWN)
            e->bytes = e->bytes == BTR_BYTES_UNKNOWN ? bytes : e->bytes + bytes;
    }
    e->record_count = records_of(a, items, count, list);
    for (uint32_t i = 0; i < e->record_count; i++)
        a->records[a->record_total++] = list[i].event;
    a->edge_count++;
}

/* The order in which edges are shown. Their key is unique, so it is total. */
struct place {
    const struct btr_answer *answer;
    uint32_t edge;
};

static int place_compare(const void *x, const void *y)
{
    const struct place *p = x, *q = y;
    const struct btr_trace_node *nodes = p->answer->trace->nodes;
    const struct answer_edge *a = &p->answer->edges[p->edge], *b = &q->answer->edges[q->edge];
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    int d = btr_id_compare(nodes[a->from].id, nodes[b->from].id);
    if (d == 0)
        d = btr_id_compare(nodes[a->to].id, nodes[b->to].id);
    if (d == 0)
        d = a->operation - b->operation;
    if (d == 0)
        d = a->interval - b->interval;
    if (d == 0)
        d = a->doubt - b->doubt;
    return d ? d : a->pair - b->pair;
}

static int fail_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "edges of the answer");
}

/* Puts edges into their order; `of_item[i]` is the edge, as made, of the i-th item. */
static int edges_sort(struct btr_answer *a, const struct item *items, const uint32_t *of_item,
                      struct btr_err *err)
{
    size_t n = a->edge_count;
    struct place *places = malloc((n + 1) * sizeof *places);
    struct answer_edge *sorted = malloc((n + 1) * sizeof *sorted);
    uint32_t *now = calloc(n + 1, sizeof *now);
    int rc = places && sorted && now ? 0 : fail_memory(err);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        places[i] = (struct place){a, i};
    if (rc == 0 && n > 1)
        qsort(places, n, sizeof *places, place_compare);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        sorted[i] = a->edges[places[i].edge];
        now[places[i].edge] = i;
    }
    for (uint64_t i = 0; rc == 0 && i < a->trace->step_count; i++)
        a->step_edge[items[i].step] = now[of_item[i]];
    free(places);
    free(now);
    if (rc < 0) {
        free(sorted);
        return rc;
    }
    free(a->edges);
    a->edges = sorted;
    return 0;
}

static uint32_t group_size(const struct item *items, uint32_t count)
{
    uint32_t n = 1;
    while (n < count && group_compare(items, items + n) == 0)
        n++;
    return n;
}

int answer_edges_merge(struct btr_answer *a, struct btr_err *err)
{
    uint32_t count = (uint32_t)a->trace->step_count;
    size_t room = (size_t)count + 1;
    struct item *items = calloc(room, sizeof *items);
    uint32_t *of_item = calloc(room, sizeof *of_item);
    struct cited *list = malloc(2 * room * sizeof *list);
    a->edges = malloc(room * sizeof *a->edges);
    a->records = malloc(2 * room * sizeof *a->records);
    a->step_edge = malloc(room * sizeof *a->step_edge);
    int rc =
        items && of_item && list && a->edges && a->records && a->step_edge ? 0 : fail_memory(err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        items[i] = item_of(a->trace, i);
    if (rc == 0 && count > 1)
        qsort(items, count, sizeof *items, item_compare);
    for (uint32_t i = 0, n; rc == 0 && i < count; i += n) {
        n = group_size(items + i, count - i);
        for (uint32_t k = 0; k < n; k++)
            of_item[i + k] = a->edge_count;
        edge_make(a, items + i, n, list);
    }
    if (rc == 0)
        rc = edges_sort(a, items, of_item, err);
    free(items);
    free(of_item);
    free(list);
    return rc;
}
