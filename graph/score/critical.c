#include <stdlib.h>

#include "score/critical_component.h"
#include "score/strategies.h"

/* Of the time that there is, what is over at most when the walk ends, and when what it found is
 * ranked: it has to be shown, too. */
enum { WALK_PERCENT = 70, RANK_PERCENT = 82 };

/* What happened at the moment of an alert. */
struct moment {
    const struct btr_start *start;
    struct kept_list *list;
};

static int moment_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    const struct moment *m = self;
    const struct btr_start *start = m->start;
    for (uint32_t i = 0; i < flow_count; i++)
        if (!btr_id_equal(flows[i].other, start->entity) &&
            (flows[i].first_ns == start->time_ns || flows[i].last_ns == start->time_ns))
            kept_add_why(m->list, flows[i].other, start->entity, 1, BTR_KEPT_ALERT);
    return 0;
}

/* It is in the answer, whatever it tells. */
static int alerts_add(struct critical *c, struct kept_list *list)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < c->scene->start_count; i++) {
        struct moment m = {&c->scene->starts[i], list};
        int64_t time_ns = m.start->time_ns;
        uint32_t place = btr_idmap_get(&c->map, m.start->entity);
        if (place != UINT32_MAX) /* else a budget ended the walk before it began */
            rc = critical_ask(c, place, time_ns, time_ns, false, moment_visit, &m);
    }
    return rc;
}

/* @param way  NULL: there is none  @param left_why  of each flow, or NULL  @return false when out
 * of memory */
static bool component_keep(struct critical_component m, const struct critical_way *way,
                           double share, struct kept_list *list, uint8_t *left_why)
{
    m.way = way;
    m.share = share;
    m.rival = share < 1;
    bool ok =
        critical_component_init(&m) && critical_keep_flows(&m) && critical_pairs_add(&m, list);
    if (ok && left_why)
        critical_left_note(&m, left_why);
    critical_component_fini(&m);
    return ok;
}

/* The best way in, and those that explain the alert about as well. */
static int components_keep(struct critical *c, const struct critical_way *ways, uint32_t count,
                           struct kept_list *list, uint8_t *left_why)
{
    struct critical_index by_cause = {0}, by_effect = {0};
    bool ok = critical_index_make(&by_cause, c, false) && critical_index_make(&by_effect, c, true);
    struct critical_component m = {.c = c, .by_cause = &by_cause, .by_effect = &by_effect};
    ok = ok && component_keep(m, count ? ways : NULL, 1, list, left_why);
    for (uint32_t k = 1; ok && k < count && k < CRITICAL_WAYS; k++)
        if (ways[k].score >= CRITICAL_RIVAL * ways[0].score)
            ok = component_keep(m, &ways[k], ways[k].score / ways[0].score, list, NULL);
    critical_index_fini(&by_cause);
    critical_index_fini(&by_effect);
    if (c->failed < 0)
        return c->failed;
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
    struct critical c = {.scene = scene, .err = err ? err : &unused, .floor = CRITICAL_FLOOR};
    struct critical_way *ways = NULL;
    struct kept_list list = {0};
    uint32_t way_count = 0;
    uint8_t *left_why = NULL;
    if (scene->direction == BTR_WALK_FORWARD)
        return ahead_keep(out, scene, err);
    if (scene->between)
        c.floor = CRITICAL_FLOOR_GIVEN;
    c.deadline_ns = btr_walk_deadline(scene->limits, WALK_PERCENT);
    int rc = critical_walk(&c);
    if (scene->limits->since_ns) /* what is found is looked at again */
        c.deadline_ns = btr_walk_deadline(scene->limits, RANK_PERCENT);
    if (rc == 0)
        rc = scene->between ? critical_ways_given(&c, &ways, &way_count)
                            : critical_ways(&c, &ways, &way_count);
    if (rc == 0 && scene->left_out && !(left_why = calloc((size_t)c.flow_count + 1, 1)))
        rc = btr_fail(c.err, BTR_E_NOMEM, UINT64_MAX, "%u events", c.flow_count);
    if (rc == 0)
        rc = components_keep(&c, ways, way_count, &list, left_why);
    if (rc == 0)
        rc = alerts_add(&c, &list);
    if (rc == 0)
        ways_tell(&c, ways, way_count, &list);
    if (rc == 0) {
        rc = kept_finish(&list, out, c.err);
        out->halves = true;
        out->cut = c.cut;
        out->left = c.left;
        out->left_score = c.left_score;
    } else {
        free(list.pairs);
        free(list.ways);
    }
    if (rc == 0 && left_why && !critical_left_tell(&c, left_why, out)) {
        btr_kept_pairs_free(out);
        rc = btr_fail(c.err, BTR_E_NOMEM, UINT64_MAX, "%u events", c.flow_count);
    }
    free(left_why);
    free(ways);
    critical_fini(&c);
    return rc;
}
