#include <stdlib.h>

#include "score/critical.h"

/* What a place weighs as a way in that no connection from outside is: anything that is there from
 * before the records has no known origin, most of it harmless. So a daemon that has started what
 * the alert is about, as it starts all there is, does not come before a connection at the end of a
 * longer path. */
#define WEIGHT_SESSION 0.5
#define WEIGHT_HALF 0.5
#define WEIGHT_PROCESS 0.02
#define WEIGHT_OBJECT 0.004

static bool starts_process(uint8_t operation)
{
    return operation == BTR_OP_FORK || operation == BTR_OP_SERVICE_START ||
           operation == BTR_OP_TASK_RUN || operation == BTR_OP_WMI_RUN;
}

static bool accepts(uint8_t operation)
{
    return operation == BTR_OP_ACCEPT;
}

static bool connects(uint8_t operation)
{
    return operation == BTR_OP_CONNECT;
}

/* Tells the address of a connection's end that is not ours, and whether it was accepted. */
static int address_tell(struct critical *c, uint32_t place)
{
    struct critical_place *p = &c->places[place];
    bool connected = false, entered = p->order != UINT32_MAX;
    int rc = entered ? critical_operation(c, place, accepts, &p->accepted) : 0;
    if (rc == 0 && entered && !(p->accepted && p->fact.source) && p->fact.destination)
        rc = critical_operation(c, place, connects, &connected);
    p->address = p->fact.source ? p->fact.source : p->fact.destination;
    if (connected && p->fact.destination)
        p->address = p->fact.destination;
    return rc;
}

/* Whether both ends of a connection are in the records: it goes on at the other one. */
static bool is_told_whole(struct critical *c, uint32_t place)
{
    const struct critical_end *ends = critical_ends(c, place);
    bool accepted = false, asked = false;
    for (uint32_t i = 0; i < c->places[place].end_count; i++) {
        accepted = accepted || accepts(ends[i].operation);
        asked = asked || connects(ends[i].operation);
    }
    return (accepted && asked) || critical_is_paired(c, place);
}

/* @param weight  receives what it weighs, 0: it is no way in  @return 0, or as the edges */
static int place_weigh(struct critical *c, uint32_t place, double *weight)
{
    const struct critical_place *p = &c->places[place];
    bool found = false;
    int rc = 0;
    *weight = 0;
    switch (p->fact.kind) {
    case BTR_KIND_FLOW:
        *weight = p->fact.outside ? 1 : is_told_whole(c, place) ? 0 : WEIGHT_HALF;
        rc = c->failed;
        break;
    case BTR_KIND_CHANNEL:
        break;
    case BTR_KIND_PROCESS:
        rc = critical_operation(c, place, starts_process, &found);
        *weight = found || critical_is_late(c) ? 0 : WEIGHT_PROCESS;
        break;
    default:
        rc = critical_seen(c, place, &found);
        *weight = found || critical_is_late(c)       ? 0
                  : p->fact.kind == BTR_KIND_SESSION ? WEIGHT_SESSION
                                                     : WEIGHT_OBJECT;
        break;
    }
    return rc;
}

/* What happens at the moment of a start. */
struct moment {
    struct critical *c;
    int64_t time_ns;
};

static int moment_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct moment *m = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        uint32_t place = btr_idmap_get(&m->c->map, flows[i].other);
        bool at = flows[i].first_ns == m->time_ns || flows[i].last_ns == m->time_ns;
        if (at && place != UINT32_MAX && m->c->places[place].fact.kind == BTR_KIND_FLOW)
            m->c->places[place].alert = true;
    }
    return 0;
}

/* The alert's own connection leads to it and from it, and says nothing of where it came from. */
static int alerts_tell(struct critical *c)
{
    const struct btr_edges *edges = c->scene->edges;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < c->scene->start_count; i++) {
        const struct btr_start *start = &c->scene->starts[i];
        struct moment m = {c, start->time_ns};
        struct btr_flow_parts parts = {.until_ns = start->time_ns, .only = true};
        rc = edges->flows(edges->self, start->entity, BTR_SIDE_OUT_OF, start->time_ns, &parts,
                          moment_visit, &m, c->err);
    }
    return rc;
}

/* Told once of each place: it is asked for each flow. */
static int addresses_tell(struct critical *c)
{
    int rc = alerts_tell(c);
    for (uint32_t i = 0; rc == 0 && i < c->place_count; i++) {
        struct critical_place *p = &c->places[i];
        if (p->fact.kind == BTR_KIND_FLOW && p->fact.outside)
            rc = address_tell(c, i);
        if (p->start || p->alert)
            p->address = 0;
    }
    return rc;
}

bool critical_way_has(const struct critical *c, const struct critical_way *way, uint32_t place)
{
    return way->address ? c->places[place].address == way->address : place == way->place;
}

bool critical_is_rival(const struct critical *c, const struct critical_way *way, uint32_t place)
{
    return c->places[place].accepted && !critical_way_has(c, way, place);
}

static int ways_compare(const void *x, const void *y)
{
    const struct critical_way *a = x, *b = y;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return btr_id_compare(a->id, b->id);
}

/* @return false when out of memory */
static bool way_add(struct critical_way *ways, uint32_t *count, struct btr_u64map *by_address,
                    struct critical_way way)
{
    uint32_t at = way.address ? btr_u64map_get(by_address, way.address) : UINT32_MAX;
    if (at >= *count) {
        ways[(*count)++] = way;
        return way.address == 0 || btr_u64map_set(by_address, way.address, *count - 1);
    }
    struct critical_way *old = &ways[at];
    if (way.score > old->score || (way.score == old->score && btr_id_compare(way.id, old->id) < 0))
        way.count = old->count, *old = way;
    old->count++;
    return true;
}

/* Adds the place to the ways in, if it is one. @return 0, or a failure */
static int way_find(struct critical *c, uint32_t place, struct critical_way *ways, uint32_t *count,
                    struct btr_u64map *by_address)
{
    const struct critical_place *p = &c->places[place];
    double weight = 0;
    if (p->score <= 0 || p->order == UINT32_MAX || p->start || p->alert)
        return 0;
    int rc = place_weigh(c, place, &weight);
    if (rc < 0 || weight <= 0)
        return rc;
    struct critical_way way = {p->id, p->address, place, p->score * weight, 1};
    return way_add(ways, count, by_address, way)
               ? 0
               : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "ways in among %u entities",
                          c->place_count);
}

int critical_ways(struct critical *c, struct critical_way **ways, uint32_t *way_count)
{
    struct btr_u64map by_address = {0};
    *ways = malloc(((size_t)c->place_count + 1) * sizeof **ways);
    *way_count = 0;
    int rc = *ways ? addresses_tell(c)
                   : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "ways in among %u entities",
                              c->place_count);
    for (uint32_t i = 0; rc == 0 && i < c->place_count; i++)
        rc = way_find(c, i, *ways, way_count, &by_address);
    if (*way_count > 1)
        qsort(*ways, *way_count, sizeof **ways, ways_compare);
    btr_u64map_fini(&by_address);
    return rc;
}
