#include "score/event_counts.h"

static uint64_t programs_key(uint64_t starter, uint64_t started)
{
    uint64_t both[2] = {starter, started};
    return btr_hash64((struct btr_span){(const uint8_t *)both, sizeof both});
}

/* The two ends of an edge between processes, as information flowed. */
static bool processes_of(const struct closure_graph *g, const struct closure_edge *e,
                         uint64_t *starter, uint64_t *started)
{
    bool backward = g->direction == BTR_WALK_BACKWARD;
    const struct btr_fact *from = &g->nodes[backward ? e->far : e->near].fact;
    const struct btr_fact *to = &g->nodes[backward ? e->near : e->far].fact;
    if (from->kind != BTR_KIND_PROCESS || to->kind != BTR_KIND_PROCESS)
        return false;
    *starter = btr_fact_program(from, e->last_ns);
    *started = to->image_count ? to->images[to->image_count - 1].program : 0;
    return true;
}

static uint32_t map_count(const struct btr_u64map *map, uint64_t key)
{
    uint32_t count = btr_u64map_get(map, key);
    return count == UINT32_MAX ? 0 : count;
}

bool event_starts_count(struct event_starts *starts, const struct closure_graph *g)
{
    for (uint32_t i = 0; i < g->edge_count; i++) {
        uint64_t starter, started;
        if (!processes_of(g, &g->edges[i], &starter, &started))
            continue;
        uint64_t key = programs_key(starter, started);
        uint32_t count = map_count(&starts->pairs, key) + 1;
        if (!btr_u64map_set(&starts->pairs, key, count))
            return false;
        if (count > map_count(&starts->programs, starter) &&
            !btr_u64map_set(&starts->programs, starter, count))
            return false;
    }
    return true;
}

void event_starts_fini(struct event_starts *starts)
{
    btr_u64map_fini(&starts->pairs);
    btr_u64map_fini(&starts->programs);
}

static bool is_thing(const struct btr_fact *fact)
{
    return fact->file || fact->source || fact->destination;
}

static uint64_t thing_both(const struct btr_usual *u, uint64_t program,
                           const struct btr_fact *thing)
{
    const uint64_t keys[] = {thing->file, thing->source, thing->destination};
    uint64_t most = 0;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t both = keys[i] ? u->both(u->self, program, keys[i]) : 0;
        most = both > most ? both : most;
    }
    return most;
}

struct event_count event_count_of(const struct btr_usual *usual, const struct event_starts *starts,
                                  const struct closure_graph *g, const struct closure_edge *edge)
{
    const struct btr_fact *far = &g->nodes[edge->far].fact, *near = &g->nodes[edge->near].fact;
    const struct btr_fact *actor = far->kind == BTR_KIND_PROCESS ? far : near;
    const struct btr_fact *thing = actor == far ? near : far;
    struct event_count c = {0, 1, false};
    uint64_t program, started;
    if (processes_of(g, edge, &program, &started)) {
        c.counted = program && started;
        c.alike = map_count(&starts->pairs, programs_key(program, started));
        c.most = map_count(&starts->programs, program);
    } else if (actor->kind == BTR_KIND_PROCESS && is_thing(thing)) {
        program = btr_fact_program(actor, edge->last_ns);
        c.counted = program != 0;
        c.alike = program ? thing_both(usual, program, thing) : 0;
        c.most = program ? usual->most(usual->self, program) : 0;
    }
    c.most = c.most > c.alike ? c.most : c.alike;
    c.most = c.most ? c.most : 1;
    return c;
}

double event_thing_share(const struct btr_usual *usual, const struct btr_fact *fact)
{
    const uint64_t keys[] = {fact->file, fact->source, fact->destination};
    uint64_t most = 0, all = usual->programs_all(usual->self);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t programs = keys[i] ? usual->programs(usual->self, keys[i]) : 0;
        most = programs > most ? programs : most;
    }
    return all ? (most < all ? (double)most / (double)all : 1) : 0;
}
