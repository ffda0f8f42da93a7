/*
 * What the alert came through from the way in: who was told by what came in what to start. A shell
 * that a download is piped into, or `make` in a folder that was fetched, is no server of the
 * intrusion's and is told by no argument to run it; that the alert came of what it then started
 * shows that it does. From then on it is the intrusion's, if it had started nothing before: those
 * who do such a thing for others, too, as cron, are not. Nor is who merely carried it, as a backup.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* Who was passed on one way, from the way in to the alert. */
struct passing {
    struct btr_loss *loss;
    const struct btr_trace *trace;
    struct btr_idmap passed; /* entities of the way so far */
    struct btr_idmap own;    /* of the extent */
    struct btr_err *err;
};

struct earlier {
    const struct btr_idmap *passed;
    int64_t before_ns;
};

static int earlier_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    const struct earlier *e = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_FORK && flows[i].first_ns < e->before_ns &&
            btr_idmap_get(e->passed, flows[i].other) == UINT32_MAX)
            return 1;
    return 0;
}

/* Whether a process was told what to do when the cause came to it: it is seen to begin, serves
 * nobody, and had started nothing but what the cause came by. */
static int is_told(struct passing *p, struct btr_id process, int64_t at_ns, bool *told)
{
    struct btr_loss *loss = p->loss;
    struct earlier earlier = {&p->passed, at_ns};
    struct btr_fact fact;
    bool begun = false, many = true;
    *told = false;
    if (btr_idmap_get(&p->own, process) != UINT32_MAX)
        return 0;
    int rc = loss->facts.fact(loss->facts.self, process, &fact, p->err);
    if (rc == 0 && fact.kind == BTR_KIND_PROCESS)
        rc = loss_is_begun(loss, process, &begun, p->err);
    if (rc == 0 && begun)
        rc = btr_extent_serves_many(&loss->all, process, &many, p->err);
    *told = rc == 0 && begun && !many;
    if (!*told)
        return rc;
    rc = loss->all.flows(loss->all.self, process, BTR_SIDE_OUT_OF, INT64_MIN, NULL, earlier_visit,
                         &earlier, p->err);
    *told = rc == 0;
    return rc < 0 ? rc : 0;
}

/* Whether the way goes on from a node by what that starts. */
static bool starts_next(const struct passing *p, const struct loss_ways *ways, uint32_t node)
{
    const struct btr_trace *t = p->trace;
    return ways->node[node] != LOSS_NONE &&
           btr_step_manner(t, &t->steps[ways->step[node]])->operation == BTR_OP_FORK;
}

static int step_pass(struct passing *p, const struct loss_ways *ways, uint32_t to,
                     const struct btr_trace_step *step)
{
    struct btr_id id = p->trace->nodes[to].id;
    bool told = false;
    int rc = starts_next(p, ways, to) ? is_told(p, id, step->first_ns, &told) : 0;
    if (rc == 0 && told)
        rc = btr_extent_add(&p->loss->extent,
                            &(struct btr_extent_item){.entity = id,
                                                      .since_ns = step->first_ns,
                                                      .until_ns = INT64_MAX,
                                                      .source = BTR_SOURCE_NONE,
                                                      .by = LOSS_NONE,
                                                      .role = BTR_EXTENT_PROCESS,
                                                      .why = BTR_EXTENT_THROUGH},
                            p->err);
    bool ok = !told || btr_idmap_add(&p->own, id, to) != UINT32_MAX;
    if (rc == 0 && (!ok || btr_idmap_add(&p->passed, id, to) == UINT32_MAX))
        rc = btr_fail(p->err, BTR_E_NOMEM, UINT64_MAX, "what the alert came through");
    return rc;
}

static uint32_t node_of(const struct btr_trace *t, struct btr_id id)
{
    uint32_t i = 0;
    while (i < t->node_count && !btr_id_equal(t->nodes[i].id, id))
        i++;
    return i < t->node_count ? i : LOSS_NONE;
}

/* @param at  the node of a way in, from which `ways` lead to the alert */
static int way_pass(struct passing *p, const struct loss_ways *ways, uint32_t at)
{
    int rc = 0;
    btr_idmap_clear(&p->passed);
    for (uint32_t left = p->trace->node_count; rc == 0 && left; left--) {
        uint32_t to = ways->node[at];
        if (to == LOSS_NONE)
            break;
        rc = step_pass(p, ways, to, &p->trace->steps[ways->step[at]]);
        at = to;
    }
    return rc;
}

static int own_note(struct passing *p)
{
    const struct btr_extent *x = &p->loss->extent;
    for (uint32_t i = 0; i < x->count; i++)
        if (x->items[i].role == BTR_EXTENT_PROCESS &&
            btr_idmap_add(&p->own, x->items[i].entity, i) == UINT32_MAX)
            return btr_fail(p->err, BTR_E_NOMEM, UINT64_MAX, "extent of %u items", x->count);
    return 0;
}

int loss_through_find(struct btr_loss *loss, struct btr_err *err)
{
    const struct btr_kept_pairs *kept = &loss->found->kept;
    struct passing p = {.loss = loss, .trace = loss->found->trace, .err = err};
    struct loss_ways ways = {0};
    if (!p.trace || kept->way_count == 0)
        return 0;
    int rc = own_note(&p);
    if (rc == 0)
        rc = loss_ways_of(&ways, p.trace, err);
    for (uint32_t i = 0; rc == 0 && i < kept->way_count; i++) {
        uint32_t at = loss_way_counts(loss, i) ? node_of(p.trace, kept->ways[i].entity) : LOSS_NONE;
        if (at != LOSS_NONE)
            rc = way_pass(&p, &ways, at);
    }
    loss_ways_fini(&ways);
    btr_idmap_fini(&p.passed);
    btr_idmap_fini(&p.own);
    return rc;
}
