/* The closure over the pairs that a strategy kept: the walk itself, which sees no other events. */
#include "score/kept.h"

enum { RUN = 256, KEPT_PERCENT = 90 };

/* What one question is answered with. */
struct kept_question {
    const struct kept_edges *k;
    struct btr_id entity;
    bool into;
    btr_flow_visit *visit;
    void *visitor;
};

static bool is_kept(const struct kept_question *q, const struct btr_flow *f)
{
    return q->into ? btr_kept_pairs_has(q->k->kept, f->other, q->entity)
                   : btr_kept_pairs_has(q->k->kept, q->entity, f->other);
}

/* Flows that share their other end come together: that is asked once for each such stretch. */
static int flows_pass(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct kept_question *q = self;
    struct btr_flow run[RUN];
    uint32_t count = 0;
    bool kept = false;
    int rc = 0;
    for (uint32_t i = 0; i < flow_count && rc == 0; i++) {
        if (i == 0 || !btr_id_equal(flows[i].other, flows[i - 1].other))
            kept = is_kept(q, &flows[i]);
        if (kept && flows[i].last_ns >= q->k->since_ns)
            run[count++] = flows[i];
        if (count == RUN) {
            rc = q->visit(q->visitor, run, count);
            count = 0;
        }
    }
    return rc == 0 && count ? q->visit(q->visitor, run, count) : rc;
}

static int flows_of(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                    struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                    struct btr_err *err)
{
    const struct kept_edges *k = self;
    struct kept_question q = {k, entity, side == BTR_SIDE_INTO, visit, visitor};
    if (side != BTR_SIDE_INTO && side != BTR_SIDE_OUT_OF)
        return k->edges->flows(k->edges->self, entity, side, bound_ns, parts, visit, visitor, err);
    return k->edges->flows(k->edges->self, entity, side, bound_ns, parts, flows_pass, &q, err);
}

/* Where the halves of connections are kept, others are not crossed. */
static bool crosses(void *self, struct btr_id from, struct btr_id to)
{
    const struct kept_edges *k = self;
    return (!k->kept->halves || btr_kept_pairs_has(k->kept, from, to)) &&
           (!k->edges->crosses || k->edges->crosses(k->edges->self, from, to));
}

static int connection_pass(void *self, struct btr_id flow, struct btr_err *err)
{
    const struct kept_edges *k = self;
    return k->edges->connection ? k->edges->connection(k->edges->self, flow, err) : 0;
}

struct btr_edges kept_edges_of(struct kept_edges *k)
{
    return (struct btr_edges){k, flows_of, crosses, connection_pass};
}

/* What a strategy kept has to be told, too: of the time since the question some is left for that.
 */
static int64_t kept_budget(const struct btr_walk_limits *limits)
{
    return limits->since_ns ? limits->budget_ns / 100 * KEPT_PERCENT : limits->budget_ns / 2;
}

int btr_walk_kept(struct btr_trace **out, const struct btr_scene *scene,
                  const struct btr_kept_pairs *kept, struct btr_err *err)
{
    struct kept_edges k = {scene->edges, kept, INT64_MIN};
    struct btr_edges edges = kept_edges_of(&k);
    struct btr_walk_limits limits = *scene->limits;
    if (!kept->all) /* these were the strategy's */
        limits.edge_max = 0, limits.budget_ns = kept_budget(&limits);
    *out = NULL;
    int rc = btr_walk(out, kept->all ? scene->edges : &edges, scene->direction, scene->starts,
                      scene->start_count, &limits, err);
    if (rc == 0 && !kept->all && scene->direction == BTR_WALK_FORWARD)
        rc = kept_take(*out, scene->edges, kept, err);
    if (rc == 0 && !kept->all)
        rc = btr_trace_merge(*out, err);
    if (rc < 0 && *out) {
        btr_trace_free(*out);
        *out = NULL;
    }
    if (rc == 0 && kept->cut != BTR_CUT_NONE && (*out)->cut == BTR_CUT_NONE) {
        (*out)->cut = kept->cut;
        (*out)->unexplored = kept->left;
    }
    return rc;
}
