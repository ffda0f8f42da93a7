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

/* @param best  of each place, zeroed: receives the best score of what is shown of it */
static void flows_add(const struct critical_component *m, struct kept_list *list, double *best)
{
    const struct critical *c = m->c;
    for (uint32_t i = 0; i < c->flow_count; i++) {
        const struct critical_flow *f = &c->flows[i];
        double score = m->best > 0 ? m->share * m->kept[i] / m->best : 0;
        if (m->kept[i] <= 0)
            continue;
        kept_add_why(list, c->places[f->far].id, c->places[f->near].id, score,
                     (enum btr_kept_why)m->why[i]);
        best[f->far] = score > best[f->far] ? score : best[f->far];
        best[f->near] = score > best[f->near] ? score : best[f->near];
    }
}

/* ---- How things began ---- */

/* How one process began. */
struct beginning {
    const struct critical *c;
    struct kept_list *list;
    const double *best;
    double score;
    struct btr_id id;
    uint32_t parent;           /* that is not shown; UINT32_MAX: none is met */
    bool forked;               /* one is not shown, */
    struct critical_flow last; /* and this is the last that was done by such a one */
};

static int beginning_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct beginning *b = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        struct critical_flow f = critical_flow_of(&flows[i]);
        if (!starts_process(f.operation) || btr_id_equal(flows[i].other, b->id))
            continue;
        kept_add_why(b->list, flows[i].other, b->id, b->score, BTR_KEPT_BEGAN);
        uint32_t far = btr_idmap_get(&b->c->map, flows[i].other);
        if (f.operation != BTR_OP_FORK || (far != UINT32_MAX && b->best[far] > 0) ||
            (b->forked && critical_flow_compare(&f, &b->last) < 0))
            continue;
        b->forked = true;
        b->last = f;
        b->parent = far;
    }
    return 0;
}

/* @return the process that started it, when that is not shown and did so since the way in */
static uint32_t start_add(const struct critical_component *m, struct kept_list *list,
                          const double *best, uint32_t place, double score)
{
    struct critical *c = m->c;
    struct beginning b = {.c = c,
                          .list = list,
                          .best = best,
                          .score = score,
                          .id = c->places[place].id,
                          .parent = UINT32_MAX};
    int rc = c->places[place].order == UINT32_MAX || m->since_ns > c->until_ns
                 ? 0
                 : critical_ask(c, place, m->since_ns, c->until_ns, false, beginning_visit, &b);
    if (rc < 0)
        c->failed = rc;
    return b.parent;
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

static bool is_process(struct critical *c, struct btr_id id)
{
    struct btr_fact fact;
    uint32_t place = btr_idmap_get(&c->map, id);
    if (place != UINT32_MAX)
        return c->places[place].fact.kind == BTR_KIND_PROCESS;
    int rc = c->scene->facts->fact(c->scene->facts->self, id, &fact, c->err);
    if (rc < 0)
        c->failed = rc;
    return rc == 0 && fact.kind == BTR_KIND_PROCESS;
}

/* Who accepted a connection that is shown, or asked for it. */
static void connection_explain(const struct critical_component *m, struct kept_list *list,
                               uint32_t place, double score)
{
    struct critical *c = m->c;
    const struct critical_end *ends = critical_ends(c, place);
    for (uint32_t i = 0; i < c->places[place].end_count; i++) {
        struct btr_id id = c->places[place].id, far = ends[i].far;
        if (!is_process(c, far))
            continue;
        if (ends[i].operation == BTR_OP_ACCEPT)
            kept_add_why(list, id, far, score, BTR_KEPT_BEGAN);
        else
            kept_add_why(list, far, id, score, BTR_KEPT_BEGAN);
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
