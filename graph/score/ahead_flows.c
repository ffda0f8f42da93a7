#include <btr/clock.h>
#include <btr/list.h>
#include <stdlib.h>

#include "score/ahead.h"
#include "timed.h"

static int no_memory(struct ahead *a)
{
    return btr_fail(a->c.err, BTR_E_NOMEM, UINT64_MAX, "walk of %u entities and %u events",
                    a->c.place_count, a->flow_count);
}

uint32_t ahead_place_of(struct ahead *a, struct btr_id id)
{
    uint32_t place = critical_place(&a->c, id);
    if (place == UINT32_MAX)
        return AHEAD_NONE;
    if (place >= a->place_capacity) {
        uint32_t capacity = a->place_capacity ? a->place_capacity * 2 : 1024;
        struct ahead_place *grown = realloc(a->places, capacity * sizeof *grown);
        if (!grown)
            return (void)no_memory(a), AHEAD_NONE;
        memset(grown + a->place_capacity, 0, (capacity - a->place_capacity) * sizeof *grown);
        a->places = grown;
        a->place_capacity = capacity;
    }
    return place;
}

static bool list_add(struct ahead *a, uint32_t **list, uint32_t *count, uint32_t *capacity,
                     uint32_t flow)
{
    if (*count == *capacity) {
        uint32_t more = *capacity ? *capacity * 2 : 8;
        uint32_t *grown = realloc(*list, more * sizeof *grown);
        if (!grown)
            return false;
        a->list_bytes += (more - *capacity) * sizeof *grown;
        *list = grown;
        *capacity = more;
    }
    (*list)[(*count)++] = flow;
    return true;
}

/* What two tellings of one event have in common, in whatever segments they stand. */
static uint64_t content_of(struct btr_id from, struct btr_id to, const struct ahead_flow *f)
{
    uint64_t words[8] = {from.hi,
                         from.lo,
                         to.hi,
                         to.lo,
                         (uint64_t)f->first_ns,
                         (uint64_t)f->last_ns,
                         (uint64_t)f->source << 16 | (uint64_t)f->operation << 8 | f->flags,
                         0};
    return btr_hash64((struct btr_span){(const uint8_t *)words, sizeof words});
}

/* Finds the flow, or notes it. @return AHEAD_NONE when out of memory */
static uint32_t flow_of(struct ahead *a, const struct ahead_flow *told)
{
    struct btr_id from = a->c.places[told->from].id, to = a->c.places[told->to].id;
    uint64_t content = content_of(from, to, told);
    uint32_t at = btr_u64map_get(&a->by_content, content);
    if (at != UINT32_MAX)
        return at;
    if (!btr_list_room(&a->flows, a->flow_count, &a->flow_capacity, 4096, sizeof *a->flows))
        return AHEAD_NONE;
    struct ahead_flow *f = &a->flows[a->flow_count];
    *f = *told;
    f->tie = from.lo ^ to.lo * 3;
    f->effects = AHEAD_NONE;
    f->weight = (float)critical_weight(&a->c, f->from, f->to, f->last_ns);
    bool lasts = (f->flags & (BTR_EVENT_INTERVAL | BTR_EVENT_THINNED)) != 0;
    f->key_ns = lasts ? f->first_ns : f->last_ns;
    if (lasts && (f->flags & BTR_EVENT_IMPLIED))
        f->weight *= (float)CRITICAL_IMPLIED;
    return btr_u64map_set(&a->by_content, content, a->flow_count) ? a->flow_count++ : AHEAD_NONE;
}

/* ---- Loading ---- */

struct loading {
    struct ahead *a;
    uint32_t place, group;
    bool into;
};

static int flow_take(struct loading *l, const struct btr_flow *told)
{
    struct ahead *a = l->a;
    uint32_t other = ahead_place_of(a, told->other);
    if (other == AHEAD_NONE)
        return a->c.err->code;
    struct ahead_flow f = {.first_ns = told->first_ns,
                           .last_ns = told->last_ns,
                           .from = l->into ? other : l->place,
                           .to = l->into ? l->place : other,
                           .source = told->source,
                           .operation = told->operation,
                           .flags = told->flags};
    uint32_t flow = flow_of(a, &f);
    struct ahead_place *p = &a->places[l->group];
    if (!l->into && f.operation == BTR_OP_ACCEPT)
        a->places[other].taker = l->place + 1;
    bool ok = flow != AHEAD_NONE &&
              (l->into ? list_add(a, &p->into, &p->into_count, &p->into_capacity, flow)
                       : list_add(a, &p->out, &p->out_count, &p->out_capacity, flow));
    return ok ? 0 : no_memory(a);
}

static int flows_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct loading *l = self;
    int rc = 0;
    for (uint32_t i = 0; i < flow_count && rc == 0; i++)
        if (!btr_id_equal(flows[i].other, l->a->c.places[l->place].id))
            rc = flow_take(l, &flows[i]);
    return rc;
}

static int side_load(struct ahead *a, uint32_t place, uint32_t group, bool into)
{
    struct loading l = {a, place, group, into};
    struct btr_flow_parts parts = {.until_ns = into ? INT64_MIN : INT64_MAX};
    const struct btr_edges *edges = a->c.scene->edges;
    int rc;
    do {
        parts.end = UINT32_MAX;
        rc =
            edges->flows(edges->self, a->c.places[place].id, into ? BTR_SIDE_INTO : BTR_SIDE_OUT_OF,
                         into ? INT64_MAX : a->since_ns, &parts, flows_visit, &l, a->c.err);
        parts.begin = parts.end;
    } while (rc == 0 && parts.begin != UINT32_MAX && !ahead_is_full(a));
    return rc;
}

/* ---- Halves ---- */

static bool pair_add(struct ahead *a, struct ahead_pair pair)
{
    if (!btr_list_room(&a->pairs, a->pair_count, &a->pair_capacity, 64, sizeof *a->pairs))
        return false;
    a->pairs[a->pair_count++] = pair;
    return true;
}

static bool crosses(const struct ahead *a, struct btr_id from, struct btr_id to)
{
    const struct btr_edges *edges = a->c.scene->edges;
    return !edges->crosses ||
           (edges->crosses(edges->self, from, to) && edges->crosses(edges->self, to, from));
}

/* Notes the pairs of a place. */
static int pairs_load(struct ahead *a, uint32_t place)
{
    uint8_t kind = a->c.places[place].fact.kind;
    struct btr_id id = a->c.places[place].id;
    uint32_t at = UINT32_MAX;
    if (kind != BTR_KIND_FLOW && kind != BTR_KIND_CHANNEL && kind != BTR_KIND_NONE)
        return 0;
    struct graph_timed timed = {a->c.scene->edges, a->c.deadline_ns};
    const struct btr_edges edges = graph_timed_edges(&timed);
    int rc = graph_halves_find(&a->c.halves, &edges, id, kind, &at, a->c.err);
    if (rc == GRAPH_LATE) {
        (void)ahead_is_late(a);
        return 0;
    }
    for (; rc == 0 && at != UINT32_MAX; at = graph_halves_next(&a->c.halves, id, at)) {
        const struct btr_pair *pair = &a->c.halves.pairs[at];
        struct btr_id there = btr_id_equal(pair->client, id) ? pair->server : pair->client;
        if (!crosses(a, id, there))
            continue;
        uint32_t other = ahead_place_of(a, there);
        if (other == AHEAD_NONE)
            return a->c.err->code;
        if (!pair_add(a, (struct ahead_pair){place, other}))
            return no_memory(a);
    }
    return rc;
}

/* ---- Order ---- */

struct by_time {
    int64_t key_ns, last_ns, first_ns;
    uint64_t tie;
    uint32_t manner, flow;
};

static int by_time(const void *x, const void *y)
{
    const struct by_time *a = x, *b = y;
    if (a->key_ns != b->key_ns)
        return a->key_ns < b->key_ns ? -1 : 1;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    if (a->tie != b->tie)
        return a->tie < b->tie ? -1 : 1;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return (a->manner > b->manner) - (a->manner < b->manner);
}

static int list_sort(struct ahead *a, uint32_t *list, uint32_t *count)
{
    struct by_time *sorted = calloc((size_t)*count + 1, sizeof *sorted);
    uint32_t kept = 0;
    if (!sorted)
        return no_memory(a);
    for (uint32_t i = 0; i < *count; i++) {
        const struct ahead_flow *f = &a->flows[list[i]];
        sorted[i] = (struct by_time){
            f->key_ns, f->last_ns, f->first_ns, f->tie, (uint32_t)f->operation << 8 | f->flags,
            list[i]};
    }
    if (*count > 1)
        qsort(sorted, *count, sizeof *sorted, by_time);
    for (uint32_t i = 0; i < *count; i++)
        if (kept == 0 || list[kept - 1] != sorted[i].flow)
            list[kept++] = sorted[i].flow;
    *count = kept;
    free(sorted);
    return 0;
}

static int member_load(struct ahead *a, uint32_t place, uint32_t group)
{
    a->places[place].group = group + 1;
    int rc = side_load(a, place, group, true);
    if (rc == 0)
        rc = side_load(a, place, group, false);
    return rc == 0 ? pairs_load(a, place) : rc;
}

int ahead_load(struct ahead *a, uint32_t place)
{
    if (a->places[place].group)
        return 0;
    uint32_t pair = a->pair_count;
    int rc = member_load(a, place, place);
    for (; rc == 0 && pair < a->pair_count; pair++)
        if (!a->places[a->pairs[pair].b].group)
            rc = member_load(a, a->pairs[pair].b, place);
    if (rc < 0)
        return rc;
    struct ahead_place *p = &a->places[place];
    rc = list_sort(a, p->into, &p->into_count);
    return rc == 0 ? list_sort(a, p->out, &p->out_count) : rc;
}

/* ---- Live ---- */

enum { LIVE_NOT_ASKED, LIVE_NO, LIVE_YES, LIVE_FOUND = 1 };

static int live_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    const struct btr_id *id = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (!btr_id_equal(flows[i].other, *id))
            return LIVE_FOUND;
    return 0;
}

int ahead_is_live(struct ahead *a, uint32_t place, bool *live)
{
    struct ahead_place *p = &a->places[place];
    struct btr_id id = a->c.places[place].id;
    uint8_t kind = a->c.places[place].fact.kind;
    int rc = 0;
    if (kind == BTR_KIND_PROCESS || kind == BTR_KIND_FLOW || kind == BTR_KIND_CHANNEL)
        p->live = LIVE_YES;
    if (p->live == LIVE_NOT_ASKED) {
        const struct btr_edges *edges = a->c.scene->edges;
        rc = edges->flows(edges->self, id, BTR_SIDE_INTO, INT64_MAX, NULL, live_visit, &id,
                          a->c.err);
        p->live = rc == LIVE_FOUND ? LIVE_YES : LIVE_NO;
    }
    *live = p->live == LIVE_YES;
    return rc < 0 ? rc : 0;
}

bool ahead_is_full(struct ahead *a)
{
    uint64_t bytes_max = a->c.scene->limits->memory_max;
    uint64_t bytes = (uint64_t)a->place_capacity * sizeof *a->places +
                     (uint64_t)a->c.place_capacity * (sizeof *a->c.places + 64) +
                     (uint64_t)a->flow_capacity * sizeof *a->flows +
                     (uint64_t)a->by_content.capacity * 12 +
                     (uint64_t)a->link_capacity * sizeof *a->links + a->list_bytes +
                     graph_frontier_bytes(&a->frontier) + graph_halves_bytes(&a->c.halves);
    if (bytes > (bytes_max ? bytes_max : CRITICAL_MEMORY))
        a->c.cut = BTR_CUT_MEMORY;
    return a->c.cut == BTR_CUT_MEMORY;
}

bool ahead_is_late(struct ahead *a)
{
    if (a->c.cut == BTR_CUT_NONE && a->c.deadline_ns != INT64_MAX &&
        btr_monotonic_ns() >= a->c.deadline_ns)
        a->c.cut = BTR_CUT_TIME;
    return a->c.cut == BTR_CUT_TIME;
}

void ahead_fini(struct ahead *a)
{
    for (uint32_t i = 0; i < a->place_capacity; i++) {
        free(a->places[i].into);
        free(a->places[i].out);
    }
    free(a->places);
    free(a->flows);
    free(a->links);
    free(a->pairs);
    free(a->candidates.items);
    btr_u64map_fini(&a->by_content);
    graph_frontier_fini(&a->frontier);
    critical_fini(&a->c);
}
