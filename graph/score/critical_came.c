#include <stdlib.h>

#include "score/critical_component.h"

enum { ANCESTORS = 32 }; /* generations that are looked at */

static bool is_ancestor(struct critical_component *m, uint32_t place, uint32_t of)
{
    for (int i = 0; i < ANCESTORS && of != UINT32_MAX; i++, of = critical_parent(m->c, of))
        if (of == place)
            return true;
    return false;
}

/* The place that a flow's path brought it from. */
static uint32_t origin_of(struct critical_component *m, uint32_t flow)
{
    const struct critical *c = m->c;
    const struct critical_flow *f = &c->flows[flow];
    int64_t came = m->came[flow];
    uint8_t kind = c->places[f->far].fact.kind;
    if (came == CRITICAL_NONE)
        return f->far;
    if (kind == BTR_KIND_PROCESS)
        return m->origin[came];
    if (kind != BTR_KIND_CHANNEL)
        return f->far;
    uint32_t writer = c->flows[came].far;
    bool within = c->places[f->near].fact.kind != BTR_KIND_PROCESS ||
                  is_ancestor(m, writer, f->near) || is_ancestor(m, f->near, writer);
    return within ? m->origin[came] : f->far;
}

static bool reach(struct critical_component *m, struct critical_heap *h, double score,
                  uint32_t flow, int64_t came)
{
    if ((float)score <= m->forward[flow])
        return true;
    m->forward[flow] = (float)score;
    m->came[flow] = came;
    return critical_heap_push(h, m->c,
                              (struct critical_state){.score = (float)score, .flow = flow});
}

static bool way_reach(struct critical_component *m, struct critical_heap *h)
{
    const struct critical *c = m->c;
    bool ok = true;
    for (uint32_t i = 0; ok && i < c->flow_count; i++)
        if (c->flows[i].score > 0 && critical_way_has(c, m->way, c->flows[i].far))
            ok = reach(m, h, 1, i, CRITICAL_NONE);
    return ok;
}

static bool effects_reach(struct critical_component *m, struct critical_heap *h, int64_t flow)
{
    const struct critical_index *index = m->by_cause;
    bool ok = true;
    for (uint32_t i = index->begin[flow]; ok && i < index->begin[flow + 1]; i++) {
        const struct critical_cause *cause = &m->c->causes[index->causes[i]];
        if (cause->effect != CRITICAL_NONE)
            ok = reach(m, h, m->forward[flow] * cause->weight, (uint32_t)cause->effect, flow);
    }
    return ok;
}

bool critical_came(struct critical_component *m)
{
    struct critical_heap h = {0};
    bool ok = way_reach(m, &h);
    while (ok && h.count > 0) {
        struct critical_state at = critical_heap_pop(&h, m->c);
        if ((float)at.score < m->forward[at.flow])
            continue; /* a better path was found since */
        m->origin[at.flow] = origin_of(m, (uint32_t)at.flow);
        ok = effects_reach(m, &h, at.flow);
    }
    free(h.items);
    return ok;
}
