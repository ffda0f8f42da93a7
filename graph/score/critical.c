#include <btr/clock.h>
#include <stdlib.h>

#include "score/critical.h"
#include "score/strategies.h"

/* What is kept, by what is known of each flow. */
struct component {
    struct critical *c;
    const struct critical_way *way; /* NULL: there is none */
    const struct critical_index *by_cause, *by_effect;
    float *forward; /* of each flow: of the best path from the way in; 0: there is none */
    float *kept;    /* score by which it is kept, 0: it is not */
    uint8_t *why;   /* enum btr_kept_why, where it is */
    float best;     /* of a whole path */
    double share;   /* of the best way's score, that this one has */
};

/* ---- From the way in ---- */

static bool ahead_push(const struct component *m, struct critical_heap *h, double score,
                       uint32_t flow)
{
    return critical_heap_push(h, m->c, (struct critical_state){.score = score, .flow = flow});
}

static bool way_flows_push(struct component *m, struct critical_heap *h)
{
    struct critical *c = m->c;
    bool ok = true;
    for (uint32_t i = 0; ok && i < c->flow_count; i++)
        if (c->flows[i].score > 0 && critical_way_has(c, m->way, c->flows[i].far))
            ok = ahead_push(m, h, 1, i);
    return ok;
}

static bool effects_push(const struct component *m, struct critical_heap *h,
                         struct critical_state from)
{
    const struct critical *c = m->c;
    bool ok = true;
    const struct critical_index *index = m->by_cause;
    for (uint32_t i = index->begin[from.flow]; ok && i < index->begin[from.flow + 1]; i++) {
        const struct critical_cause *cause = &c->causes[index->causes[i]];
        float score = (float)from.score * cause->weight;
        if (cause->effect != CRITICAL_NONE && score > m->forward[cause->effect])
            ok = ahead_push(m, h, score, (uint32_t)cause->effect);
    }
    return ok;
}

static bool forward_find(struct component *m)
{
    struct critical_heap h = {0};
    bool ok = way_flows_push(m, &h);
    while (ok && h.count > 0) {
        struct critical_state at = critical_heap_pop(&h, m->c);
        if (m->forward[at.flow] > 0)
            continue;
        m->forward[at.flow] = (float)at.score;
        ok = effects_push(m, &h, at);
    }
    free(h.items);
    return ok;
}

/* ---- What is kept ---- */

static void flow_keep(struct component *m, uint32_t flow, float score, enum btr_kept_why why)
{
    if (score <= m->kept[flow])
        return;
    m->kept[flow] = score;
    m->why[flow] = (uint8_t)why;
}

/* What lies on a good path from the way in to the alert, or surely came of the way in. */
static void paths_keep(struct component *m)
{
    const struct critical *c = m->c;
    for (uint32_t i = 0; i < c->flow_count; i++) {
        float through = m->forward[i] * c->flows[i].score;
        m->best = through > m->best ? through : m->best;
    }
    for (uint32_t i = 0; i < c->flow_count; i++) {
        float through = m->forward[i] * c->flows[i].score;
        if (through >= (float)CRITICAL_SHARE * m->best)
            flow_keep(m, i, through, BTR_KEPT_PATH);
        else if (m->forward[i] >= (float)CRITICAL_TIGHT &&
                 through >= (float)CRITICAL_LEAST * m->best)
            flow_keep(m, i, through, BTR_KEPT_CAME);
    }
}

/* Each connection of the way in is shown. */
static void way_keep(struct component *m)
{
    const struct critical *c = m->c;
    for (uint32_t i = 0; i < c->flow_count; i++)
        if (m->forward[i] >= 1 && critical_way_has(c, m->way, c->flows[i].far))
            flow_keep(m, i, (float)CRITICAL_SHARE * m->best, BTR_KEPT_WAY);
}

/* Only passes on what comes from its other end. */
static bool passes_on(const struct critical *c, uint32_t place)
{
    uint8_t kind = c->places[place].fact.kind;
    return kind == BTR_KIND_FLOW || kind == BTR_KIND_CHANNEL;
}

/* What else a kept step needed: the data that was taken, and where it came from as far as the
 * process at the other end. */
static bool sides_keep(struct component *m)
{
    const struct critical *c = m->c;
    struct critical_heap h = {0};
    float least = (float)CRITICAL_SHARE * m->best;
    bool ok = true;
    for (uint32_t i = 0; ok && i < c->flow_count; i++)
        if (m->kept[i] >= least)
            ok = ahead_push(m, &h, m->kept[i], i);
    while (ok && h.count > 0) {
        struct critical_state at = critical_heap_pop(&h, m->c);
        for (uint32_t i = m->by_effect->begin[at.flow]; ok && i < m->by_effect->begin[at.flow + 1];
             i++) {
            const struct critical_cause *cause = &c->causes[m->by_effect->causes[i]];
            float score = (float)at.score * cause->weight;
            if (score < least || score <= m->kept[cause->cause] ||
                critical_is_rival(c, m->way, c->flows[cause->cause].far))
                continue;
            flow_keep(m, cause->cause, score, BTR_KEPT_NEEDED);
            if (passes_on(c, c->flows[cause->cause].far))
                ok = ahead_push(m, &h, score, cause->cause);
        }
    }
    free(h.items);
    return ok;
}

/* No way in was found: what most surely led to the alert. */
static void likely_keep(struct component *m)
{
    m->best = 1;
    for (uint32_t i = 0; i < m->c->flow_count; i++)
        if (m->c->flows[i].score >= (float)CRITICAL_SHARE)
            flow_keep(m, i, m->c->flows[i].score, BTR_KEPT_LIKELY);
}

/* ---- Pairs ---- */

static bool explains(uint8_t operation)
{
    return operation == BTR_OP_FORK || operation == BTR_OP_EXEC ||
           operation == BTR_OP_SERVICE_START || operation == BTR_OP_TASK_RUN ||
           operation == BTR_OP_WMI_RUN || operation == BTR_OP_SESSION_OF;
}

static void pair_add(const struct critical *c, struct kept_list *list, uint32_t far, uint32_t near,
                     double score, enum btr_kept_why why)
{
    bool backward = c->scene->direction == BTR_WALK_BACKWARD;
    kept_add_why(list, c->places[backward ? far : near].id, c->places[backward ? near : far].id,
                 score, why);
}

/* How a process that is shown began, and what it ran. */
static void process_explain(const struct critical *c, struct kept_list *list, uint32_t place,
                            double score)
{
    const struct critical_place *p = &c->places[place];
    for (uint32_t i = 0; p->loaded && i < p->count; i++) {
        const struct critical_flow *f = &c->flows[p->begin + i];
        if (explains(f->operation))
            pair_add(c, list, f->far, place, score, BTR_KEPT_BEGAN);
    }
}

/* @param best  of each place, zeroed: receives the best score of what is shown of it */
static void flows_add(const struct component *m, struct kept_list *list, double *best)
{
    const struct critical *c = m->c;
    for (uint32_t i = 0; i < c->flow_count; i++) {
        const struct critical_flow *f = &c->flows[i];
        double score = m->best > 0 ? m->share * m->kept[i] / m->best : 0;
        if (m->kept[i] <= 0)
            continue;
        pair_add(c, list, f->far, f->near, score, (enum btr_kept_why)m->why[i]);
        uint32_t ends[] = {f->far, f->near};
        for (int e = 0; e < 2; e++) {
            best[ends[e]] = score > best[ends[e]] ? score : best[ends[e]];
            if (passes_on(c, ends[e]))
                pair_add(c, list, ends[1 - e], ends[e], score * CRITICAL_CONTEXT, BTR_KEPT_ANSWER);
        }
    }
}

static bool pairs_add(const struct component *m, struct kept_list *list)
{
    const struct critical *c = m->c;
    double *best = calloc((size_t)c->place_count + 1, sizeof *best);
    if (!best)
        return false;
    flows_add(m, list, best);
    for (uint32_t i = 0; i < c->place_count; i++)
        if (best[i] > 0 && c->places[i].fact.kind == BTR_KIND_PROCESS)
            process_explain(c, list, i, best[i] * CRITICAL_CONTEXT);
    free(best);
    return true;
}

/* What happened at the moment of an alert is in its answer, whatever it tells. */
static void alerts_add(const struct critical *c, struct kept_list *list)
{
    for (uint32_t i = 0; i < c->scene->start_count; i++) {
        const struct btr_start *start = &c->scene->starts[i];
        int64_t time_ns = critical_time(c, start->time_ns);
        uint32_t place = btr_idmap_get(&c->map, start->entity);
        if (place == UINT32_MAX) /* a budget ended the walk before it began */
            continue;
        const struct critical_place *p = &c->places[place];
        for (uint32_t k = 0; p->loaded && k < p->count; k++) {
            const struct critical_flow *f = &c->flows[p->begin + k];
            if (f->first_ns == time_ns || f->last_ns == time_ns)
                pair_add(c, list, f->far, place, 1, BTR_KEPT_ALERT);
        }
    }
}

/* ---- All of it ---- */

static bool component_init(struct component *m)
{
    size_t flows = (size_t)m->c->flow_count + 1;
    m->forward = calloc(flows, sizeof *m->forward);
    m->kept = calloc(flows, sizeof *m->kept);
    m->why = calloc(flows, sizeof *m->why);
    return m->forward && m->kept && m->why;
}

static void component_fini(struct component *m)
{
    free(m->forward);
    free(m->kept);
    free(m->why);
}

/* @param way  NULL: there is none  @return false when out of memory */
static bool component_keep(struct component m, const struct critical_way *way, double share,
                           struct kept_list *list)
{
    m.way = way;
    m.share = share;
    bool ok = component_init(&m);
    if (ok && !way)
        likely_keep(&m);
    if (ok && way) {
        ok = forward_find(&m);
        paths_keep(&m);
        way_keep(&m);
        ok = ok && sides_keep(&m);
    }
    ok = ok && pairs_add(&m, list);
    component_fini(&m);
    return ok;
}

/* The best way in, and those that explain the alert about as well. */
static int components_keep(struct critical *c, const struct critical_way *ways, uint32_t count,
                           struct kept_list *list)
{
    struct critical_index by_cause = {0}, by_effect = {0};
    bool ok = critical_index_make(&by_cause, c, false) && critical_index_make(&by_effect, c, true);
    struct component m = {.c = c, .by_cause = &by_cause, .by_effect = &by_effect};
    ok = ok && component_keep(m, count ? ways : NULL, 1, list);
    for (uint32_t k = 1; ok && k < count && k < CRITICAL_WAYS; k++)
        if (ways[k].score >= CRITICAL_RIVAL * ways[0].score)
            ok = component_keep(m, &ways[k], ways[k].score / ways[0].score, list);
    critical_index_fini(&by_cause);
    critical_index_fini(&by_effect);
    return ok ? 0 : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "%u events", c->flow_count);
}

static void ways_tell(const struct critical *c, const struct critical_way *ways, uint32_t count,
                      struct kept_list *list)
{
    for (uint32_t i = 0; i < c->place_count; i++)
        for (uint32_t k = 0; k < count && k < 16; k++)
            if (ways[k].address && critical_way_has(c, &ways[k], i))
                kept_way_add(list, c->places[i].id, ways[k].score);
    for (uint32_t k = 0; k < count; k++)
        if (!ways[k].address)
            kept_way_add(list, ways[k].id, ways[k].score);
}

int critical_keep(struct btr_kept_pairs *out, const struct btr_scene *scene, struct btr_err *err)
{
    struct btr_err unused;
    struct critical c = {.scene = scene, .err = err ? err : &unused, .deadline_ns = INT64_MAX};
    struct critical_way *ways = NULL;
    struct kept_list list = {0};
    uint32_t way_count = 0;
    if (scene->limits->budget_ns > 0) /* what is found has to be shown, too */
        c.deadline_ns = btr_monotonic_ns() + scene->limits->budget_ns / 2;
    int rc = critical_walk(&c);
    if (rc == 0)
        rc = critical_ways(&c, &ways, &way_count);
    if (rc == 0)
        rc = components_keep(&c, ways, way_count, &list);
    if (rc == 0)
        alerts_add(&c, &list);
    if (rc == 0)
        ways_tell(&c, ways, way_count, &list);
    if (rc == 0) {
        rc = kept_finish(&list, out, c.err);
        out->cut = c.cut;
        out->left = c.left;
        out->left_score = c.left_score;
    } else {
        free(list.pairs);
        free(list.ways);
    }
    free(ways);
    critical_fini(&c);
    return rc;
}
