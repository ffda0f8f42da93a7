/* The closure over the pairs that a strategy kept: the walk itself, which sees no other events. */
#include "score/kept.h"

enum { KEPT_PERCENT = 90 };

/* One question. */
struct kept_question {
    const struct kept_edges *k;
    struct btr_id entity;
    bool into;
    bool kept; /* the pair with the other end that was asked for last */
};

/* Flows that share their other end come together: that is asked once for each such stretch. */
static int pair_keeps(void *self, const struct btr_flow *f, bool same, bool *keeps)
{
    struct kept_question *q = self;
    if (!same)
        q->kept = q->into ? btr_kept_pairs_has(q->k->kept, f->other, q->entity)
                          : btr_kept_pairs_has(q->k->kept, q->entity, f->other);
    *keeps = q->kept && f->last_ns >= q->k->since_ns;
    return 0;
}

static int flows_of(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                    struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                    struct btr_err *err)
{
    const struct kept_edges *k = self;
    struct kept_question q = {k, entity, side == BTR_SIDE_INTO, false};
    struct btr_flow_sieve sieve = {pair_keeps, &q, visit, visitor};
    if (side != BTR_SIDE_INTO && side != BTR_SIDE_OUT_OF)
        return k->edges->flows(k->edges->self, entity, side, bound_ns, parts, visit, visitor, err);
    return k->edges->flows(k->edges->self, entity, side, bound_ns, parts, btr_flows_sift, &sieve,
                           err);
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
