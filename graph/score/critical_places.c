#include <stdlib.h>

#include "score/critical.h"

static int no_memory(struct critical *c)
{
    return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "walk of %u entities and %u events",
                    c->place_count, c->flow_count);
}

uint32_t critical_place(struct critical *c, struct btr_id id)
{
    uint32_t at = btr_idmap_get(&c->map, id);
    if (at != UINT32_MAX)
        return at;
    if (c->place_count == c->place_capacity) {
        uint32_t capacity = c->place_capacity ? c->place_capacity * 2 : 1024;
        struct critical_place *grown = realloc(c->places, capacity * sizeof *grown);
        if (!grown)
            return (void)no_memory(c), UINT32_MAX;
        c->places = grown;
        c->place_capacity = capacity;
    }
    struct critical_place *place = &c->places[c->place_count];
    *place = (struct critical_place){.id = id};
    const struct btr_facts *facts = c->scene->facts;
    if (facts->fact(facts->self, id, &place->fact, c->err) < 0)
        return UINT32_MAX;
    if (btr_idmap_add(&c->map, id, c->place_count) == UINT32_MAX)
        return (void)no_memory(c), UINT32_MAX;
    return c->place_count++;
}

static struct critical_flow *flow_new(struct critical *c)
{
    if (c->flow_count == c->flow_capacity) {
        uint32_t capacity = c->flow_capacity ? c->flow_capacity * 2 : 4096;
        struct critical_flow *grown = realloc(c->flows, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        c->flows = grown;
        c->flow_capacity = capacity;
    }
    return &c->flows[c->flow_count++];
}

/* ---- Loading ---- */

struct loading {
    struct critical *c;
    uint32_t place;
};

/* Something that went on for a while counts from its beginning: what is open stays open. */
static bool lasts(uint8_t flags)
{
    return (flags & (BTR_EVENT_INTERVAL | BTR_EVENT_THINNED)) != 0;
}

static int flow_take(struct loading *l, const struct btr_flow *f)
{
    struct critical *c = l->c;
    uint32_t far = critical_place(c, f->other);
    struct critical_flow *flow = far == UINT32_MAX ? NULL : flow_new(c);
    if (!flow)
        return far == UINT32_MAX ? c->err->code : no_memory(c);
    bool backward = c->scene->direction == BTR_WALK_BACKWARD;
    int64_t first = critical_time(c, backward ? f->first_ns : f->last_ns);
    int64_t last = critical_time(c, backward ? f->last_ns : f->first_ns);
    *flow = (struct critical_flow){.key_ns = lasts(f->flags) ? first : last,
                                   .first_ns = first,
                                   .last_ns = last,
                                   .tie = c->places[far].id.lo,
                                   .far = far,
                                   .near = l->place,
                                   .source = f->source,
                                   .operation = f->operation,
                                   .flags = f->flags};
    flow->weight = (float)critical_weight(c, far, l->place, f->last_ns);
    if ((f->flags & BTR_EVENT_IMPLIED) && lasts(f->flags))
        flow->weight *= (float)CRITICAL_IMPLIED;
    return 0;
}

static int flows_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct loading *l = self;
    int rc = 0;
    for (uint32_t i = 0; i < flow_count && rc == 0; i++)
        if (!btr_id_equal(flows[i].other, l->c->places[l->place].id))
            rc = flow_take(l, &flows[i]);
    return rc;
}

static int pair_take(struct critical *c, uint32_t place, const struct btr_pair *pair)
{
    struct btr_id id = c->places[place].id;
    bool backward = c->scene->direction == BTR_WALK_BACKWARD;
    struct btr_id other = btr_id_equal(pair->client, id) ? pair->server : pair->client;
    const struct btr_edges *edges = c->scene->edges;
    if (edges->crosses &&
        !edges->crosses(edges->self, backward ? other : id, backward ? id : other))
        return 0;
    uint32_t far = critical_place(c, other);
    struct critical_flow *flow = far == UINT32_MAX ? NULL : flow_new(c);
    if (!flow)
        return far == UINT32_MAX ? c->err->code : no_memory(c);
    int64_t first = backward ? pair->first_ns : INT64_MIN;
    *flow =
        (struct critical_flow){.key_ns = critical_time(c, pair->first_ns),
                               .first_ns = first,
                               .last_ns = backward ? INT64_MAX : critical_time(c, pair->first_ns),
                               .tie = c->places[far].id.lo,
                               .far = far,
                               .near = place,
                               .source = GRAPH_SOURCE_NONE,
                               .weight = 1,
                               .operation = BTR_OP_CONNECT,
                               .flags = BTR_EVENT_INTERVAL};
    return 0;
}

static int pairs_take(struct critical *c, uint32_t place)
{
    uint8_t kind = c->places[place].fact.kind;
    struct btr_id id = c->places[place].id;
    uint32_t at = UINT32_MAX;
    if (kind != BTR_KIND_FLOW && kind != BTR_KIND_CHANNEL && kind != BTR_KIND_NONE)
        return 0;
    int rc = graph_halves_find(&c->halves, c->scene->edges, id, &at, c->err);
    for (; rc == 0 && at != UINT32_MAX; at = graph_halves_next(&c->halves, id, at))
        rc = pair_take(c, place, &c->halves.pairs[at]);
    return rc;
}

static int by_key(const void *x, const void *y)
{
    const struct critical_flow *a = x, *b = y;
    if (a->key_ns != b->key_ns)
        return a->key_ns < b->key_ns ? -1 : 1;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    if (a->tie != b->tie)
        return a->tie < b->tie ? -1 : 1;
    return (a->operation > b->operation) - (a->operation < b->operation);
}

/* All of them until the alert: the walk comes back to a place at many times. */
int critical_load(struct critical *c, uint32_t place)
{
    bool backward = c->scene->direction == BTR_WALK_BACKWARD;
    struct loading l = {c, place};
    uint32_t begin = c->flow_count;
    int64_t bound_ns = INT64_MIN;
    if (c->places[place].loaded)
        return 0;
    for (uint32_t i = 0; i < c->scene->start_count; i++)
        bound_ns = graph_time_max(bound_ns, critical_time(c, c->scene->starts[i].time_ns));
    struct btr_flow_parts parts = {.until_ns = critical_time(c, INT64_MAX)};
    int rc;
    do { /* the latest part first; of what there is no memory for, the latest is kept */
        parts.end = UINT32_MAX;
        rc = c->scene->edges->flows(
            c->scene->edges->self, c->places[place].id, backward ? BTR_SIDE_INTO : BTR_SIDE_OUT_OF,
            critical_time(c, graph_time_later(bound_ns)), &parts, flows_visit, &l, c->err);
        parts.begin = parts.end;
    } while (rc == 0 && parts.begin != UINT32_MAX && !critical_is_full(c));
    if (rc == 0)
        rc = pairs_take(c, place);
    if (rc < 0)
        return rc;
    c->places[place].loaded = true;
    c->places[place].begin = begin;
    c->places[place].count = c->flow_count - begin;
    if (c->flow_count - begin > 1)
        qsort(c->flows + begin, c->flow_count - begin, sizeof *c->flows, by_key);
    return 0;
}

uint64_t critical_memory(const struct critical *c)
{
    return (uint64_t)c->place_capacity * (sizeof *c->places + 64) +
           (uint64_t)c->flow_capacity * (sizeof *c->flows + 2 * sizeof(float)) +
           (uint64_t)c->cause_capacity * 2 * sizeof *c->causes + graph_halves_bytes(&c->halves);
}

bool critical_is_full(struct critical *c)
{
    uint64_t bytes_max = c->scene->limits->memory_max;
    if (critical_memory(c) > (bytes_max ? bytes_max : CRITICAL_MEMORY))
        c->cut = BTR_CUT_MEMORY;
    return c->cut == BTR_CUT_MEMORY;
}

void critical_fini(struct critical *c)
{
    free(c->places);
    free(c->flows);
    free(c->causes);
    free(c->candidates.items);
    btr_idmap_fini(&c->map);
    graph_halves_fini(&c->halves);
}
