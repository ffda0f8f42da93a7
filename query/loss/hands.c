/* Edges that lie in the intrusion's hands: what can carry content between its own processes, those
 * that serve it while they do, and what passes between them. */
#include "loss/loss.h"

struct hands_question {
    const struct btr_loss *loss;
    struct btr_id entity;
    bool process; /* the entity is one of the intrusion's processes */
};

static bool is_process_item(const struct btr_loss *loss, uint32_t item)
{
    return item != LOSS_NONE && loss->extent.items[item].role <= BTR_EXTENT_SERVER;
}

static int hands_keep(void *self, const struct btr_flow *f, bool same, bool *keeps)
{
    const struct hands_question *q = self;
    const struct btr_loss *loss = q->loss;
    (void)same;
    *keeps = true;
    if (q->process)
        *keeps = is_process_item(loss, loss_extent_at(loss, q->entity, f->first_ns, f->last_ns));
    if (*keeps && f->other_kind == BTR_KIND_PROCESS)
        *keeps =
            is_process_item(loss, loss_extent_at(loss, btr_apart_whole_of(loss->parts, f->other),
                                                 f->first_ns, f->last_ns));
    return 0;
}

static int hands_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                       struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                       struct btr_err *err)
{
    const struct btr_loss *loss = self;
    struct btr_id whole = btr_apart_whole_of(loss->parts, entity);
    struct hands_question q = {
        loss, whole, is_process_item(loss, loss_extent_at(loss, whole, INT64_MIN, INT64_MAX))};
    struct btr_flow_sieve sieve = {hands_keep, &q, visit, visitor};
    return loss->apart.flows(loss->apart.self, entity, side, bound_ns, parts, btr_flows_sift,
                             &sieve, err);
}

struct btr_edges loss_hands_edges(struct btr_loss *loss)
{
    return (struct btr_edges){loss, hands_flows, NULL, NULL};
}
