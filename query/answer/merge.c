/* Parallel steps become edges; each keeps every record that it rests on. */
#include <stdlib.h>

#include "parts.h"

/* A step with what decides which edge it joins. */
struct item {
    uint32_t from, to, step;
    uint8_t operation, doubt, interval, pair;
};

/* What edges are made with. */
struct merge {
    struct btr_answer *answer;
    struct item *items; /* steps in groups; within one in the order of time */
    uint32_t *of_item;  /* edge, as made, of each item */
    uint32_t *record;   /* of each event: the first one that rests on the same record */
    uint32_t *taken;    /* of each record: 1 + the last edge that has it */
    struct answer_key *keys, *spare; /* as many as there are steps or events */
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

static uint64_t ends_key(const struct item *item)
{
    return (uint64_t)item->from << 32 | item->to;
}

static uint64_t kind_key(const struct item *item)
{
    return (uint64_t)item->operation << 16 | (uint64_t)item->interval << 15 |
           (uint64_t)item->doubt << 1 | item->pair;
}

/* By ends, then kind; within a group the trace's own order stays, which is that of time. */
static void items_sort(struct merge *m, uint32_t count)
{
    const struct btr_trace *t = m->answer->trace;
    for (uint32_t i = 0; i < count; i++) {
        struct item item = item_of(t, i);
        m->keys[i] = (struct answer_key){kind_key(&item), i};
    }
    answer_keys_sort(m->keys, m->spare, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct btr_trace_step *s = &t->steps[m->keys[i].value];
        m->keys[i].key = (uint64_t)s->from << 32 | s->to;
    }
    answer_keys_sort(m->keys, m->spare, count);
    for (uint32_t i = 0; i < count; i++)
        m->items[i] = item_of(t, m->keys[i].value);
}

/* ---- Records of an edge ---- */

static bool same_record(const struct answer_event *a, const struct answer_event *b)
{
    return a->origin == b->origin && a->line == b->line && a->record_id == b->record_id;
}

/* Finds the events that rest on one record: sorted by what tells a record, they stand together. */
static void records_find(struct merge *m)
{
    const struct answer_event *events = m->answer->events;
    size_t n = m->answer->event_count;
    for (size_t i = 0; i < n; i++)
        m->keys[i] = (struct answer_key){events[i].record_id, (uint32_t)i};
    answer_keys_sort(m->keys, m->spare, n);
    for (size_t i = 0; i < n; i++)
        m->keys[i].key = events[m->keys[i].value].line;
    answer_keys_sort(m->keys, m->spare, n);
    for (size_t i = 0; i < n; i++)
        m->keys[i].key = events[m->keys[i].value].origin;
    answer_keys_sort(m->keys, m->spare, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t event = m->keys[i].value, before = i ? m->keys[i - 1].value : event;
        bool again = i && same_record(&events[before], &events[event]);
        m->record[event] = again ? m->record[before] : event;
    }
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

/* Adds an event's record to the edge that is being made, unless it has it. */
static void record_add(struct merge *m, uint32_t event)
{
    struct btr_answer *a = m->answer;
    uint32_t *taken = &m->taken[m->record[event]];
    if (*taken == a->edge_count + 1)
        return;
    *taken = a->edge_count + 1;
    a->records[a->record_total++] = event;
}

/* All records of a group's events, each once, in order of time. @return their count */
static uint32_t records_add(struct merge *m, const struct item *items, uint32_t count)
{
    const struct btr_answer *a = m->answer;
    uint64_t before = a->record_total;
    for (uint32_t i = 0; i < count; i++) {
        const struct btr_trace_step *s = &a->trace->steps[items[i].step];
        if (s->ref == BTR_REF_PAIR) {
            record_add(m, event_find(a, a->trace->pairs[s->pair].client_ref));
            record_add(m, event_find(a, a->trace->pairs[s->pair].server_ref));
        } else {
            record_add(m, a->step_event[items[i].step]);
        }
    }
    return (uint32_t)(a->record_total - before);
}

/* ---- Edges ---- */

static void edge_make(struct merge *m, const struct item *items, uint32_t count)
{
    struct btr_answer *a = m->answer;
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
    e->record_count = records_add(m, items, count);
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

/* Edges by first time, and the few that share one by all that follows. */
static bool places_sort(struct merge *m)
{
    const struct btr_answer *a = m->answer;
    uint32_t n = a->edge_count;
    struct place *alike = malloc(((size_t)n + 1) * sizeof *alike);
    if (!alike)
        return false;
    for (uint32_t i = 0; i < n; i++)
        m->keys[i] = (struct answer_key){(uint64_t)a->edges[i].first_ns ^ UINT64_C(1) << 63, i};
    answer_keys_sort(m->keys, m->spare, n);
    for (uint32_t begin = 0, end; begin < n; begin = end) {
        for (end = begin; end < n && m->keys[end].key == m->keys[begin].key; end++)
            alike[end - begin] = (struct place){a, m->keys[end].value};
        if (end - begin > 1)
            qsort(alike, end - begin, sizeof *alike, place_compare);
        for (uint32_t i = begin; i < end; i++)
            m->keys[i].value = alike[i - begin].edge;
    }
    free(alike);
    return true;
}

/* Puts edges into their order. */
static int edges_sort(struct merge *m, struct btr_err *err)
{
    struct btr_answer *a = m->answer;
    size_t n = a->edge_count;
    struct answer_edge *sorted = malloc((n + 1) * sizeof *sorted);
    uint32_t *now = malloc((n + 1) * sizeof *now);
    if (!sorted || !now || !places_sort(m)) {
        free(sorted);
        free(now);
        return fail_memory(err);
    }
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = a->edges[m->keys[i].value];
        now[m->keys[i].value] = i;
    }
    for (uint64_t i = 0; i < a->trace->step_count; i++)
        a->step_edge[m->items[i].step] = now[m->of_item[i]];
    free(now);
    free(a->edges);
    a->edges = sorted;
    return 0;
}

static uint32_t group_size(const struct item *items, uint32_t count)
{
    uint32_t n = 1;
    while (n < count && ends_key(items) == ends_key(items + n) &&
           kind_key(items) == kind_key(items + n))
        n++;
    return n;
}

static void edges_make(struct merge *m, uint32_t count)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses sight of m here; merge_fini frees all */
    for (uint32_t i = 0, n; i < count; i += n) {
        n = group_size(m->items + i, count - i);
        for (uint32_t k = 0; k < n; k++)
            m->of_item[i + k] = m->answer->edge_count;
        edge_make(m, m->items + i, n);
    }
}

static bool merge_init(struct merge *m)
{
    struct btr_answer *a = m->answer;
    size_t steps = (size_t)a->trace->step_count + 1, events = (size_t)a->event_count + 1;
    size_t keys = steps > events ? steps : events;
    m->items = calloc(steps, sizeof *m->items);
    m->of_item = calloc(steps, sizeof *m->of_item);
    m->record = malloc(events * sizeof *m->record);
    m->taken = calloc(events, sizeof *m->taken);
    m->keys = malloc(2 * keys * sizeof *m->keys);
    m->spare = m->keys ? m->keys + keys : NULL;
    a->edges = calloc(steps, sizeof *a->edges);
    a->records = malloc(2 * steps * sizeof *a->records);
    a->step_edge = malloc(steps * sizeof *a->step_edge);
    return m->items && m->of_item && m->record && m->taken && m->keys && a->edges && a->records &&
           a->step_edge;
}

static void merge_fini(struct merge *m)
{
    free(m->items);
    free(m->of_item);
    free(m->record);
    free(m->taken);
    free(m->keys);
}

int answer_edges_merge(struct btr_answer *a, struct btr_err *err)
{
    struct merge m = {.answer = a};
    uint32_t count = (uint32_t)a->trace->step_count;
    if (!merge_init(&m)) {
        merge_fini(&m);
        return fail_memory(err);
    }
    items_sort(&m, count);
    records_find(&m);
    edges_make(&m, count);
    int rc = edges_sort(&m, err);
    merge_fini(&m);
    return rc;
}
