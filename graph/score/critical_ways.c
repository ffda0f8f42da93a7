#include <stdlib.h>

#include "score/critical.h"

/* What a place weighs as a way in that no connection from outside is: anything that is there from
 * before the records has no known origin, most of it harmless. */
#define WEIGHT_SESSION 0.5
#define WEIGHT_HALF 0.5
#define WEIGHT_PROCESS 0.1
#define WEIGHT_OBJECT 0.02

static bool starts_process(uint8_t operation)
{
    return operation == BTR_OP_FORK || operation == BTR_OP_SERVICE_START ||
           operation == BTR_OP_TASK_RUN || operation == BTR_OP_WMI_RUN;
}

static bool has_operation(const struct critical *c, const struct critical_place *p,
                          bool (*is)(uint8_t operation))
{
    for (uint32_t i = 0; i < p->count; i++)
        if (is(c->flows[p->begin + i].operation))
            return true;
    return false;
}

static bool accepts(uint8_t operation)
{
    return operation == BTR_OP_ACCEPT;
}

static bool connects(uint8_t operation)
{
    return operation == BTR_OP_CONNECT;
}

/* The address of a connection's end that is not ours. */
static uint64_t far_address(const struct critical *c, const struct critical_place *p)
{
    if (has_operation(c, p, accepts) && p->fact.source)
        return p->fact.source;
    if (has_operation(c, p, connects) && p->fact.destination)
        return p->fact.destination;
    return p->fact.source ? p->fact.source : p->fact.destination;
}

static bool is_paired(const struct critical *c, const struct critical_place *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (c->flows[p->begin + i].source == GRAPH_SOURCE_NONE)
            return true;
    return false;
}

/* @return what it weighs, 0: it is no way in */
static double place_weight(const struct critical *c, const struct critical_place *p)
{
    switch (p->fact.kind) {
    case BTR_KIND_FLOW:
        return p->fact.outside ? 1 : is_paired(c, p) ? 0 : WEIGHT_HALF;
    case BTR_KIND_CHANNEL:
        return 0;
    case BTR_KIND_PROCESS:
        return has_operation(c, p, starts_process) ? 0 : WEIGHT_PROCESS;
    case BTR_KIND_SESSION:
        return p->count ? 0 : WEIGHT_SESSION;
    default:
        return p->count ? 0 : WEIGHT_OBJECT;
    }
}

/* The alert's own connection leads to it and from it, and says nothing of where it came from. */
static bool is_alert(const struct critical *c, uint32_t place)
{
    const struct critical_place *p = &c->places[place];
    if (p->start)
        return true;
    for (uint32_t i = 0; i < c->scene->start_count; i++) {
        const struct btr_start *start = &c->scene->starts[i];
        int64_t time_ns = critical_time(c, start->time_ns);
        for (uint32_t k = 0; p->fact.kind == BTR_KIND_FLOW && k < p->count; k++) {
            const struct critical_flow *f = &c->flows[p->begin + k];
            if (btr_id_equal(c->places[f->far].id, start->entity) &&
                (f->first_ns == time_ns || f->last_ns == time_ns))
                return true;
        }
    }
    return false;
}

/* Told once of each place: it is asked for each flow. */
static void addresses_tell(struct critical *c)
{
    for (uint32_t i = 0; i < c->place_count; i++) {
        struct critical_place *p = &c->places[i];
        bool outside = p->fact.kind == BTR_KIND_FLOW && p->fact.outside;
        p->accepted = outside && has_operation(c, p, accepts);
        p->address = outside && !is_alert(c, i) ? far_address(c, p) : 0;
    }
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
    if (way.score > old->score)
        way.count = old->count, *old = way;
    old->count++;
    return true;
}

int critical_ways(struct critical *c, struct critical_way **ways, uint32_t *way_count)
{
    struct btr_u64map by_address = {0};
    *ways = malloc(((size_t)c->place_count + 1) * sizeof **ways);
    *way_count = 0;
    bool ok = *ways != NULL;
    addresses_tell(c);
    for (uint32_t i = 0; ok && i < c->place_count; i++) {
        const struct critical_place *p = &c->places[i];
        double weight = p->score > 0 && p->loaded ? place_weight(c, p) : 0;
        if (weight > 0 && !is_alert(c, i))
            ok = way_add(*ways, way_count, &by_address,
                         (struct critical_way){p->id, p->address, i, p->score * weight, 1});
    }
    if (*way_count > 1)
        qsort(*ways, *way_count, sizeof **ways, ways_compare);
    btr_u64map_fini(&by_address);
    return ok ? 0
              : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "ways in among %u entities",
                         c->place_count);
}
