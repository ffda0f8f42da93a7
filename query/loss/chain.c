/*
 * Which of what was taken is seen to go out: forward over content, by the intrusion's own hands
 * and what passes between them, to a way out.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* ---- What a chain comes to ---- */

static int node_take(struct btr_loss *loss, uint32_t asset, const struct btr_trace_node *n,
                     struct btr_err *err)
{
    struct loss_row *row = &loss->rows[asset];
    struct btr_fact fact;
    int rc = loss->facts.fact(loss->facts.self, n->id, &fact, err);
    if (rc == 0 && fact.kind == BTR_KIND_FILE && !n->start && loss_is_staged(loss, n->id) &&
        !loss_is_piece_of(loss, n->id, asset))
        row->staged[row->staged_count++] = n->id;
    return rc;
}

/* Parts of one entity are one thing, told where it came first. */
static int nodes_take(struct btr_loss *loss, uint32_t asset, const struct btr_trace *t,
                      struct btr_err *err)
{
    struct loss_row *row = &loss->rows[asset];
    struct btr_idmap seen = {0};
    row->staged = malloc(((size_t)t->node_count + 1) * sizeof *row->staged);
    int rc = row->staged ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "staged files");
    for (uint32_t i = 0; rc == 0 && i < t->node_count; i++) {
        uint32_t first = btr_idmap_add(&seen, t->nodes[i].id, i);
        if (first == UINT32_MAX)
            rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "staged files");
        else if (first == i)
            rc = node_take(loss, asset, &t->nodes[i], err);
    }
    btr_idmap_fini(&seen);
    return rc;
}

/* ---- One chain ---- */

static uint32_t node_of(const struct btr_trace *t, struct btr_id id)
{
    uint32_t i = 0;
    while (i < t->node_count && !btr_id_equal(t->nodes[i].id, id))
        i++;
    return i < t->node_count ? i : LOSS_NONE;
}

static void links_reverse(struct loss_row *row)
{
    for (uint32_t i = 0, j = row->link_count; i + 1 < j; i++) {
        struct loss_link link = row->links[i];
        row->links[i] = row->links[--j];
        row->links[j] = link;
    }
}

/* How who took it came to it: by another name of the piece, from that to the piece. */
static int take_link(struct loss_row *row, const struct loss_take *take, struct btr_err *err)
{
    bool named = !btr_id_is_none(take->name);
    struct loss_link link = {.from = named ? take->name : take->from,
                             .to = take->holder,
                             .first_ns = take->at_ns,
                             .last_ns = take->at_ns,
                             .ref = take->ref,
                             .operation = take->operation};
    int rc = loss_link_add(row, &link, err);
    if (rc == 0 && named)
        rc = loss_link_add(row,
                           &(struct loss_link){.from = take->from,
                                               .to = take->name,
                                               .first_ns = take->name_ns,
                                               .last_ns = take->name_ns,
                                               .ref = take->name_ref,
                                               .operation = BTR_OP_SAME},
                           err);
    return rc;
}

/* What one call moved is a chain of itself: the most that one did. @param filled  receives whether
 * there is one */
static int straight_fill(const struct btr_loss *loss, struct loss_row *row, bool *filled,
                         struct btr_err *err)
{
    const struct loss_straight *most = NULL;
    const struct loss_take *take = NULL;
    for (uint32_t i = 0; i < row->take_count; i++) {
        const struct loss_straight *s = loss_straight_of(loss, row->takes[i].ref);
        if (!s || (most && s->bytes <= most->bytes))
            continue;
        most = s;
        take = &row->takes[i];
    }
    *filled = most != NULL;
    if (!most)
        return 0;
    int rc = loss_link_add(row,
                           &(struct loss_link){.from = most->process,
                                               .to = most->entity,
                                               .first_ns = most->first_ns,
                                               .last_ns = most->last_ns,
                                               .ref = most->ref,
                                               .operation = BTR_OP_SEND},
                           err);
    if (rc == 0)
        rc = take_link(row, take, err);
    links_reverse(row);
    return rc;
}

/* From the way out back to who took it first, and to what that one took. */
static int links_fill(struct btr_loss *loss, struct loss_row *row, const struct btr_trace *t,
                      struct btr_err *err)
{
    const struct loss_exit *exit = &loss->exits[row->exits[0]];
    struct loss_ways ways = {0};
    uint32_t at = node_of(t, exit->holder);
    int rc = loss_ways_of(&ways, t, err);
    if (rc == 0 && exit->kind != LOSS_EXIT_MOVED)
        rc = loss_link_add(row,
                           &(struct loss_link){.from = exit->process,
                                               .to = exit->entity,
                                               .first_ns = exit->first_ns,
                                               .last_ns = exit->last_ns,
                                               .ref = exit->first_ref,
                                               .operation = BTR_OP_SEND},
                           err);
    if (rc == 0 && exit->kind == LOSS_EXIT_PAGE)
        rc = loss_link_add(row,
                           &(struct loss_link){.from = exit->holder,
                                               .to = exit->process,
                                               .first_ns = exit->read_ns,
                                               .last_ns = exit->read_ns,
                                               .ref = exit->read_ref,
                                               .operation = BTR_OP_READ},
                           err);
    for (uint32_t left = t->node_count; rc == 0 && left && at != LOSS_NONE; left--) {
        uint32_t from = ways.node[at];
        if (from == LOSS_NONE)
            break;
        rc = loss_link_step(row, t, from, at, ways.step[at], err);
        at = from;
    }
    for (uint32_t i = 0; rc == 0 && at != LOSS_NONE && i < row->take_count; i++) {
        const struct loss_take *take = &row->takes[i];
        if (!btr_id_equal(take->holder, t->nodes[at].id) || take->ref == UINT64_MAX)
            continue;
        rc = take_link(row, take, err);
        break;
    }
    links_reverse(row);
    loss_ways_fini(&ways);
    return rc;
}

static int row_chain(struct btr_loss *loss, uint32_t asset, struct btr_err *err)
{
    struct loss_row *row = &loss->rows[asset];
    struct loss_outlets outlets;
    int rc = loss_outlets_find(&outlets, loss, row->takes, row->take_count, err);
    if (rc == 0)
        rc = nodes_take(loss, asset, outlets.trace, err);
    row->exits = outlets.exits;
    row->exit_count = outlets.exit_count;
    row->left = row->exit_count > 0;
    outlets.exits = NULL;
    bool filled = false;
    row->bytes_min = row->left ? row->bytes_min : 0;
    if (rc == 0 && row->left)
        rc = straight_fill(loss, row, &filled, err);
    if (rc == 0 && row->left && !filled)
        rc = links_fill(loss, row, outlets.trace, err);
    loss_outlets_fini(&outlets);
    return rc;
}

int loss_chains_find(struct btr_loss *loss, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->row_count; i++)
        if (loss->rows[i].take_count)
            rc = row_chain(loss, i, err);
    return rc;
}
