#include <btr/clock.h>
#include <btr/list.h>
#include <stdlib.h>

#include "score/critical.h"

static int no_memory(struct critical *c)
{
    return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "walk of %u entities and %u events",
                    c->place_count, c->flow_count);
}

/* @param flow  of which it is the far end, or NULL */
static uint32_t place_seek(struct critical *c, struct btr_id id, const struct btr_flow *flow)
{
    uint32_t at = btr_idmap_get(&c->map, id);
    if (at != UINT32_MAX)
        return at;
    if (!btr_list_room(&c->places, c->place_count, &c->place_capacity, 1024, sizeof *c->places))
        return (void)no_memory(c), UINT32_MAX;
    struct critical_place *place = &c->places[c->place_count];
    *place = (struct critical_place){.id = id,
                                     .order = UINT32_MAX,
                                     .stretch = UINT32_MAX,
                                     .pair = UINT32_MAX,
                                     .parent = UINT32_MAX};
    const struct btr_facts *facts = c->scene->facts;
    int rc = flow && facts->fact_of ? facts->fact_of(facts->self, flow, &place->fact, c->err)
                                    : facts->fact(facts->self, id, &place->fact, c->err);
    if (rc < 0)
        return UINT32_MAX;
    if (btr_idmap_add(&c->map, id, c->place_count) == UINT32_MAX)
        return (void)no_memory(c), UINT32_MAX;
    return c->place_count++;
}

uint32_t critical_place(struct critical *c, struct btr_id id)
{
    return place_seek(c, id, NULL);
}

uint32_t critical_place_of(struct critical *c, const struct btr_flow *flow)
{
    return place_seek(c, flow->other, flow);
}

void critical_enter(struct critical *c, uint32_t place)
{
    if (c->places[place].order == UINT32_MAX)
        c->places[place].order = c->ordered++;
}

uint64_t critical_memory(const struct critical *c)
{
    return (uint64_t)c->place_capacity * (sizeof *c->places + 64) +
           (uint64_t)c->stretch_capacity * sizeof *c->stretches +
           (uint64_t)c->end_capacity * sizeof *c->ends +
           (uint64_t)c->reader_capacity * sizeof *c->readers +
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

bool critical_is_late(struct critical *c)
{
    if (c->deadline_ns != INT64_MAX && btr_monotonic_ns() >= c->deadline_ns)
        c->cut = BTR_CUT_TIME;
    return c->cut == BTR_CUT_TIME;
}

void critical_fini(struct critical *c)
{
    free(c->places);
    free(c->stretches);
    free(c->flows);
    free(c->ends);
    free(c->readers);
    free(c->causes);
    free(c->candidates.items);
    btr_idmap_fini(&c->map);
    graph_halves_fini(&c->halves);
}
