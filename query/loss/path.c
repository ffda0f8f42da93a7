/* One way through a closure: of each entity a flow that its bound comes of, which is always
 * admissible, as the bound of the entity that it was admitted at lets it in. */
#include <stdlib.h>

#include "loss/loss.h"

/* What a step hands on to its far end: how late (forward: how early) that one still matters. */
static int64_t handed_ns(const struct btr_trace *t, const struct btr_trace_node *near,
                         const struct btr_trace_step *step)
{
    bool pair = btr_step_manner(t, step)->pair;
    if (t->direction == BTR_WALK_BACKWARD)
        return pair || step->last_ns > near->bound_ns ? near->bound_ns : step->last_ns;
    return step->first_ns < near->bound_ns ? near->bound_ns : step->first_ns;
}

void loss_ways_fini(struct loss_ways *ways)
{
    free(ways->node);
    free(ways->step);
    *ways = (struct loss_ways){0};
}

/* Whether a step hands on all that its far end has, within what times of two sources tell. */
static bool is_tight(const struct btr_trace *t, const struct btr_trace_node *near,
                     const struct btr_trace_step *step)
{
    int64_t bound_ns = t->nodes[step->other].bound_ns, ns = handed_ns(t, near, step);
    if (t->direction == BTR_WALK_BACKWARD)
        return ns >= bound_ns - 2 * BTR_SOURCE_ERROR_NS;
    return ns <= bound_ns + 2 * BTR_SOURCE_ERROR_NS;
}

/* Of the flows that hand on the bound those that make the fewest steps to a start. */
int loss_ways_of(struct loss_ways *ways, const struct btr_trace *t, struct btr_err *err)
{
    uint32_t *queue = malloc(((size_t)t->node_count + 1) * sizeof *queue);
    uint32_t queued = 0;
    ways->node = malloc(((size_t)t->node_count + 1) * sizeof *ways->node);
    ways->step = malloc(((size_t)t->node_count + 1) * sizeof *ways->step);
    bool ok = queue && ways->node && ways->step;
    for (uint32_t i = 0; ok && i < t->node_count; i++) {
        ways->node[i] = LOSS_NONE;
        if (t->nodes[i].start)
            queue[queued++] = i;
    }
    for (uint32_t at = 0; ok && at < queued; at++) {
        const struct btr_trace_node *near = &t->nodes[queue[at]];
        for (uint32_t i = near->step_begin; i < near->step_begin + near->step_count; i++) {
            uint32_t other = t->steps[i].other;
            if (t->nodes[other].start || ways->node[other] != LOSS_NONE ||
                !is_tight(t, near, &t->steps[i]))
                continue;
            ways->node[other] = queue[at];
            ways->step[other] = i;
            queue[queued++] = other;
        }
    }
    free(queue);
    return ok ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ways of %u entities", t->node_count);
}

int loss_link_add(struct loss_row *row, const struct loss_link *link, struct btr_err *err)
{
    if (!btr_list_room(&row->links, row->link_count, &row->link_capacity, 8, sizeof *row->links))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "chain of an asset");
    row->links[row->link_count++] = *link;
    return 0;
}

int loss_link_step(struct loss_row *row, const struct btr_trace *t, uint32_t from, uint32_t to,
                   uint32_t step, struct btr_err *err)
{
    const struct btr_trace_step *s = &t->steps[step];
    return loss_link_add(row,
                         &(struct loss_link){.from = t->nodes[from].id,
                                             .to = t->nodes[to].id,
                                             .first_ns = s->first_ns,
                                             .last_ns = s->ref >= BTR_REF_CROSSING
                                                            ? s->first_ns /* it has no end */
                                                            : s->last_ns,
                                             .ref = s->ref,
                                             .operation = btr_step_manner(t, s)->operation},
                         err);
}

/* The piece that a chain begins with: the first that the intrusion read, else the first reached. */
static const struct loss_piece *piece_told(const struct btr_loss *loss, const struct loss_row *row)
{
    const struct loss_piece *told = NULL;
    for (uint32_t i = row->piece_begin; i < row->piece_begin + row->piece_count; i++) {
        const struct loss_piece *piece = &loss->pieces[i];
        if (piece->reached && (!told || piece->read_ns < told->read_ns))
            told = piece;
    }
    return told;
}

static int row_path(struct btr_loss *loss, struct loss_row *row, const struct loss_ways *ways,
                    const struct btr_idmap *nodes, struct btr_err *err)
{
    const struct btr_trace *t = loss->reach;
    const struct loss_piece *piece = piece_told(loss, row);
    uint32_t at = piece ? btr_idmap_get(nodes, piece->entity) : LOSS_NONE;
    int rc = 0;
    for (uint32_t left = t->node_count; rc == 0 && left && at != LOSS_NONE; left--) {
        uint32_t to = ways->node[at];
        if (to == LOSS_NONE)
            break;
        rc = loss_link_step(row, t, at, to, ways->step[at], err);
        at = to;
    }
    return rc;
}

int loss_paths_find(struct btr_loss *loss, struct btr_err *err)
{
    struct loss_ways ways = {0};
    struct btr_idmap nodes = {0};
    int rc = loss_ways_of(&ways, loss->reach, err);
    for (uint32_t i = 0; rc == 0 && i < loss->reach->node_count; i++)
        if (btr_idmap_add(&nodes, loss->reach->nodes[i].id, i) == UINT32_MAX)
            rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ways of entities");
    for (uint32_t i = 0; rc == 0 && i < loss->row_count; i++)
        if (loss->rows[i].reached && !loss->rows[i].link_count)
            rc = row_path(loss, &loss->rows[i], &ways, &nodes, err);
    btr_idmap_fini(&nodes);
    loss_ways_fini(&ways);
    return rc;
}
