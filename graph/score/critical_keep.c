#include <stdlib.h>

#include "score/critical_component.h"

static bool flow_push(const struct critical_component *m, struct critical_heap *h, double score,
                      uint32_t flow)
{
    return critical_heap_push(h, m->c, (struct critical_state){.score = score, .flow = flow});
}

static void flow_keep(struct critical_component *m, uint32_t flow, float score,
                      enum btr_kept_why why)
{
    if (score <= m->kept[flow])
        return;
    m->kept[flow] = score;
    m->why[flow] = (uint8_t)why;
}

/* ---- Paths ---- */

/* The causes of a flow, or of the alert. */
struct causes {
    const uint32_t *at; /* their numbers; NULL: all are looked through for the alert's */
    uint32_t count;
};

static struct causes causes_of(const struct critical_component *m, int64_t effect)
{
    const struct critical_index *index = m->by_effect;
    if (effect == CRITICAL_NONE)
        return (struct causes){NULL, m->c->cause_count};
    return (struct causes){index->causes + index->begin[effect],
                           index->begin[effect + 1] - index->begin[effect]};
}

/* @return NULL when it is of another effect, or did not come of the way in */
static const struct critical_cause *cause_at(const struct critical_component *m,
                                             struct causes causes, uint32_t i, int64_t effect)
{
    const struct critical_cause *cause = &m->c->causes[causes.at ? causes.at[i] : i];
    return cause->effect == effect && m->forward[cause->cause] > 0 ? cause : NULL;
}

/* Whether of causes that were brought by one thing only the best is of interest: those of what a
 * process does. An object may be the work of several, each of which matters. */
static bool of_process(const struct critical_component *m, int64_t effect)
{
    const struct critical *c = m->c;
    return effect != CRITICAL_NONE && c->places[c->flows[effect].far].fact.kind == BTR_KIND_PROCESS;
}

/* Notes of each origin the best that it brought of the causes of one effect. */
static void origins_compare(struct critical_component *m, struct causes causes, int64_t effect)
{
    m->stamp++;
    for (uint32_t i = 0; of_process(m, effect) && i < causes.count; i++) {
        const struct critical_cause *cause = cause_at(m, causes, i, effect);
        if (!cause)
            continue;
        float value = cause->weight * m->forward[cause->cause];
        uint32_t origin = m->origin[cause->cause];
        if (m->origin_stamp[origin] != m->stamp || value > m->origin_best[origin])
            m->origin_best[origin] = value;
        m->origin_stamp[origin] = m->stamp;
    }
}

/* Whether another cause of the effect that was compared last brought the same, and better. */
static bool is_second(const struct critical_component *m, const struct critical_cause *cause)
{
    uint32_t origin = m->origin[cause->cause];
    float value = cause->weight * m->forward[cause->cause];
    return value > 0 && m->origin_stamp[origin] == m->stamp && value < m->origin_best[origin];
}

float critical_share_of(const struct critical_component *m, float forward)
{
    if (m->rival)
        return (float)CRITICAL_OTHER;
    return forward >= (float)CRITICAL_TIGHT ? (float)CRITICAL_LEAST : (float)CRITICAL_SHARE;
}

/* @param score  of the path from the effect to the alert */
static bool causes_keep(struct critical_component *m, struct critical_heap *h, int64_t effect,
                        float score)
{
    struct causes causes = causes_of(m, effect);
    bool ok = true;
    origins_compare(m, causes, effect);
    for (uint32_t i = 0; ok && i < causes.count; i++) {
        const struct critical_cause *cause = cause_at(m, causes, i, effect);
        if (!cause)
            continue;
        float forward = m->forward[cause->cause], through = score * cause->weight * forward;
        if (is_second(m, cause) || through < critical_share_of(m, forward) * m->best ||
            through <= m->kept[cause->cause])
            continue;
        flow_keep(m, cause->cause, through,
                  through >= (float)CRITICAL_SHARE * m->best ? BTR_KEPT_PATH : BTR_KEPT_CAME);
        ok = flow_push(m, h, score * cause->weight, cause->cause);
    }
    return ok;
}

/* What lies on a good path from the way in to the alert, or surely came of the way in. */
static bool paths_keep(struct critical_component *m)
{
    const struct critical *c = m->c;
    struct critical_heap h = {0};
    for (uint32_t i = 0; i < c->flow_count; i++) {
        float through = m->forward[i] * c->flows[i].score;
        m->best = through > m->best ? through : m->best;
    }
    bool ok = causes_keep(m, &h, CRITICAL_NONE, 1);
    while (ok && h.count > 0) {
        struct critical_state at = critical_heap_pop(&h, c);
        ok = causes_keep(m, &h, at.flow, (float)at.score);
    }
    free(h.items);
    return ok;
}

/* ---- The way in ---- */

/* Whether a process took the connection, of one that is accepted: others read on in it. */
static bool accepts(struct critical *c, uint32_t flow)
{
    const struct critical_place *p = &c->places[c->flows[flow].far];
    struct btr_id near = c->places[c->flows[flow].near].id;
    if (!p->accepted)
        return true;
    const struct critical_end *ends = critical_ends(c, c->flows[flow].far);
    for (uint32_t i = 0; i < p->end_count; i++)
        if (ends[i].operation == BTR_OP_ACCEPT && btr_id_equal(ends[i].far, near))
            return true;
    return false;
}

/* Each connection of the way in is shown. */
static void way_keep(struct critical_component *m)
{
    struct critical *c = m->c;
    for (uint32_t i = 0; i < c->flow_count; i++)
        if (m->forward[i] >= 1 && critical_way_has(c, m->way, c->flows[i].far) && accepts(c, i))
            flow_keep(m, i, (float)CRITICAL_SHARE * m->best, BTR_KEPT_WAY);
}

/* When the first of a place that is shown happened. */
static int64_t first_of(struct critical *c, uint32_t flow)
{
    const struct critical_place *p = &c->places[c->flows[flow].far];
    int64_t first_ns = c->flows[flow].last_ns;
    if (p->fact.kind != BTR_KIND_FLOW)
        return first_ns;
    const struct critical_end *ends = critical_ends(c, c->flows[flow].far);
    for (uint32_t i = 0; i < p->end_count; i++)
        if (ends[i].operation == BTR_OP_ACCEPT)
            first_ns = graph_time_min(first_ns, ends[i].last_ns);
    return first_ns;
}

static void since_tell(struct critical_component *m)
{
    m->since_ns = INT64_MAX;
    for (uint32_t i = 0; i < m->c->flow_count; i++)
        if (m->kept[i] > 0)
            m->since_ns = graph_time_min(m->since_ns, first_of(m->c, i));
}

/* ---- What a step needed ---- */

/* Whether what went into a place was needed for what is shown of it. */
static bool is_followed(const struct critical *c, const struct critical_flow *f)
{
    return critical_passes_on(c, f->far) ||
           (c->places[f->far].fact.kind == BTR_KIND_PROCESS &&
            c->places[f->near].fact.kind != BTR_KIND_PROCESS && !critical_passes_on(c, f->near));
}

static bool is_needed(const struct critical_component *m, const struct critical_cause *cause,
                      float score)
{
    const struct critical_flow *f = &m->c->flows[cause->cause];
    bool taken = false;
    if (critical_tells(m->c, f) < CRITICAL_TELLS || score < (float)CRITICAL_LEAST * m->best ||
        score <= m->kept[cause->cause] || is_second(m, cause) ||
        critical_is_rival(m->c, m->way, f->far))
        return false;
    if (cause->weight >= (float)CRITICAL_NEEDED)
        return true;
    int rc = critical_was_taken(m->c, f, &taken);
    if (rc < 0)
        m->c->failed = rc;
    return taken;
}

/* What else a kept step needed: the data that was taken, and where it came from as far as the
 * process at the other end; of a file that is shown, what its writers took. */
static bool sides_keep(struct critical_component *m)
{
    const struct critical *c = m->c;
    struct critical_heap h = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < c->flow_count; i++)
        if (m->kept[i] >= (float)CRITICAL_SHARE * m->best)
            ok = flow_push(m, &h, m->kept[i], i);
    while (ok && h.count > 0) {
        struct critical_state at = critical_heap_pop(&h, m->c);
        origins_compare(m, causes_of(m, at.flow), at.flow);
        for (uint32_t i = m->by_effect->begin[at.flow]; ok && i < m->by_effect->begin[at.flow + 1];
             i++) {
            const struct critical_cause *cause = &c->causes[m->by_effect->causes[i]];
            float score = (float)at.score * cause->weight;
            if (!is_needed(m, cause, score))
                continue;
            flow_keep(m, cause->cause, score, BTR_KEPT_NEEDED);
            if (is_followed(c, &c->flows[cause->cause]))
                ok = flow_push(m, &h, score, cause->cause);
        }
    }
    free(h.items);
    return ok;
}

/* ---- All of it ---- */

/* No way in was found: what most surely led to the alert. */
static void likely_keep(struct critical_component *m)
{
    m->best = 1;
    m->since_ns = INT64_MIN;
    for (uint32_t i = 0; i < m->c->flow_count; i++)
        if (m->c->flows[i].score >= (float)CRITICAL_SHARE)
            flow_keep(m, i, m->c->flows[i].score, BTR_KEPT_LIKELY);
}

bool critical_keep_flows(struct critical_component *m)
{
    if (!m->way) {
        likely_keep(m);
        return true;
    }
    if (!critical_came(m) || !paths_keep(m))
        return false;
    if (!m->rival)
        way_keep(m);
    since_tell(m);
    return sides_keep(m);
}
