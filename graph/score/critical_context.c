#include <stdlib.h>

#include "score/critical_component.h"

bool critical_passes_on(const struct critical *c, uint32_t place)
{
    uint8_t kind = c->places[place].fact.kind;
    return kind == BTR_KIND_FLOW || kind == BTR_KIND_CHANNEL;
}

static bool starts_process(uint8_t operation)
{
    return operation == BTR_OP_FORK || operation == BTR_OP_EXEC ||
           operation == BTR_OP_SERVICE_START || operation == BTR_OP_TASK_RUN ||
           operation == BTR_OP_WMI_RUN || operation == BTR_OP_SESSION_OF;
}

void critical_pair_add(const struct critical *c, struct kept_list *list, uint32_t far,
                       uint32_t near, double score, enum btr_kept_why why)
{
    bool backward = c->scene->direction == BTR_WALK_BACKWARD;
    kept_add_why(list, c->places[backward ? far : near].id, c->places[backward ? near : far].id,
                 score, why);
}

/* @param best  of each place, zeroed: receives the best score of what is shown of it */
static void flows_add(const struct critical_component *m, struct kept_list *list, double *best)
{
    const struct critical *c = m->c;
    for (uint32_t i = 0; i < c->flow_count; i++) {
        const struct critical_flow *f = &c->flows[i];
        double score = m->best > 0 ? m->share * m->kept[i] / m->best : 0;
        if (m->kept[i] <= 0)
            continue;
        critical_pair_add(c, list, f->far, f->near, score, (enum btr_kept_why)m->why[i]);
        best[f->far] = score > best[f->far] ? score : best[f->far];
        best[f->near] = score > best[f->near] ? score : best[f->near];
    }
}

/* ---- How things began ---- */

/* @return the process that started it, when that is not shown and did so since the way in */
static uint32_t start_add(const struct critical_component *m, struct kept_list *list,
                          const double *best, uint32_t place, double score)
{
    const struct critical *c = m->c;
    const struct critical_place *p = &c->places[place];
    uint32_t parent = UINT32_MAX;
    for (uint32_t i = 0; p->loaded && i < p->count; i++) {
        const struct critical_flow *f = &c->flows[p->begin + i];
        if (!starts_process(f->operation) || f->last_ns < m->since_ns)
            continue;
        critical_pair_add(c, list, f->far, place, score, BTR_KEPT_BEGAN);
        if (f->operation == BTR_OP_FORK && best[f->far] <= 0)
            parent = f->far;
    }
    return parent;
}

/* How a process that is shown began, and what it ran; then its parent's start, until one is shown:
 * what is shown hangs together. A start from before the way in says nothing of what came of it. */
static void process_explain(const struct critical_component *m, struct kept_list *list,
                            const double *best, bool *explained, uint32_t place)
{
    double score = best[place] * CRITICAL_CONTEXT;
    while (place != UINT32_MAX && !explained[place]) {
        explained[place] = true;
        place = start_add(m, list, best, place, score);
    }
}

/* Who accepted a connection that is shown, or asked for it. */
static void connection_explain(const struct critical_component *m, struct kept_list *list,
                               uint32_t place, double score)
{
    const struct critical *c = m->c;
    const struct critical_place *p = &c->places[place];
    for (uint32_t i = 0; p->loaded && i < p->count; i++) {
        const struct critical_flow *f = &c->flows[p->begin + i];
        if (c->places[f->far].fact.kind != BTR_KIND_PROCESS)
            continue;
        if (f->operation == BTR_OP_ACCEPT)
            kept_add_why(list, p->id, c->places[f->far].id, score, BTR_KEPT_BEGAN);
        if (f->operation == BTR_OP_CONNECT)
            kept_add_why(list, c->places[f->far].id, p->id, score, BTR_KEPT_BEGAN);
    }
}

bool critical_pairs_add(const struct critical_component *m, struct kept_list *list)
{
    const struct critical *c = m->c;
    double *best = calloc((size_t)c->place_count + 1, sizeof *best);
    bool *explained = calloc((size_t)c->place_count + 1, sizeof *explained);
    bool ok = best && explained;
    if (ok)
        flows_add(m, list, best);
    for (uint32_t i = 0; ok && i < c->place_count; i++) {
        if (best[i] > 0 && c->places[i].fact.kind == BTR_KIND_PROCESS)
            process_explain(m, list, best, explained, i);
        if (best[i] > 0 && c->places[i].fact.kind == BTR_KIND_FLOW)
            connection_explain(m, list, i, best[i] * CRITICAL_CONTEXT);
    }
    free(best);
    free(explained);
    return ok;
}

/* ---- A component ---- */

uint32_t *critical_parents(const struct critical *c)
{
    uint32_t *parents = malloc(((size_t)c->place_count + 1) * sizeof *parents);
    for (uint32_t i = 0; parents && i < c->place_count; i++)
        parents[i] = UINT32_MAX;
    for (uint32_t i = 0; parents && i < c->flow_count; i++)
        if (c->flows[i].operation == BTR_OP_FORK && parents[c->flows[i].near] == UINT32_MAX)
            parents[c->flows[i].near] = c->flows[i].far;
    return parents;
}

bool critical_component_init(struct critical_component *m)
{
    size_t flows = (size_t)m->c->flow_count + 1, places = (size_t)m->c->place_count + 1;
    m->forward = calloc(flows, sizeof *m->forward);
    m->came = calloc(flows, sizeof *m->came);
    m->origin = calloc(flows, sizeof *m->origin);
    m->kept = calloc(flows, sizeof *m->kept);
    m->why = calloc(flows, sizeof *m->why);
    m->origin_best = calloc(places, sizeof *m->origin_best);
    m->origin_stamp = calloc(places, sizeof *m->origin_stamp);
    return m->forward && m->came && m->origin && m->kept && m->why && m->origin_best &&
           m->origin_stamp;
}

void critical_component_fini(struct critical_component *m)
{
    free(m->forward);
    free(m->came);
    free(m->origin);
    free(m->kept);
    free(m->why);
    free(m->origin_best);
    free(m->origin_stamp);
}
