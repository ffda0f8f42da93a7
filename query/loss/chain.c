/*
 * Which of what was taken is seen to go out: forward over content, by the intrusion's own hands
 * and what passes between them, to a way out.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* ---- What a chain comes to ---- */

static int exit_index_add(struct loss_row *row, uint32_t exit, struct btr_err *err)
{
    for (uint32_t i = 0; i < row->exit_count; i++)
        if (row->exits[i] == exit)
            return 0;
    uint32_t *grown = realloc(row->exits, ((size_t)row->exit_count + 1) * sizeof *grown);
    if (!grown)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ways out");
    row->exits = grown;
    row->exits[row->exit_count++] = exit;
    return 0;
}

/* What a process of the intrusion wrote; a server's log of it is no copy. */
static bool is_staged(const struct btr_loss *loss, struct btr_id file)
{
    uint32_t place = LOSS_NONE, at;
    while (loss_extent_each(loss, file, &place, &at)) {
        uint32_t by = loss->extent.items[at].by;
        while (by != LOSS_NONE && loss->extent.items[by].role == BTR_EXTENT_OBJECT)
            by = loss->extent.items[by].by;
        if (by != LOSS_NONE && loss->extent.items[by].role == BTR_EXTENT_PROCESS)
            return true;
    }
    return false;
}

static int staged_add(struct loss_row *row, struct btr_id file, struct btr_err *err)
{
    for (uint32_t i = 0; i < row->staged_count; i++)
        if (btr_id_equal(row->staged[i], file))
            return 0;
    struct btr_id *grown = realloc(row->staged, ((size_t)row->staged_count + 1) * sizeof *grown);
    if (!grown)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "staged files");
    row->staged = grown;
    row->staged[row->staged_count++] = file;
    return 0;
}

/* Who has what leaves by an exit. */
static struct btr_id holder_of(const struct loss_exit *exit)
{
    return exit->moved ? exit->entity : exit->process;
}

/* Something may leave by a way out that was used at, or after, the time when it was there: by what
 * a process sent, or a file that was moved there. */
static int exits_of(struct btr_loss *loss, struct loss_row *row, struct btr_id holder,
                    int64_t since_ns, bool moved, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->exit_count; i++) {
        const struct loss_exit *exit = &loss->exits[i];
        if (exit->moved == moved && btr_id_equal(holder_of(exit), holder) &&
            exit->last_ns >= since_ns)
            rc = exit_index_add(row, i, err);
    }
    return rc;
}

static bool is_piece_of(const struct btr_loss *loss, struct btr_id entity, uint32_t asset)
{
    uint32_t piece = btr_idmap_get(&loss->of_piece, entity);
    while (piece != LOSS_NONE && loss->pieces[piece].asset != asset)
        piece = loss->pieces[piece].next;
    return piece != LOSS_NONE;
}

static int node_take(struct btr_loss *loss, uint32_t asset, const struct btr_trace_node *n,
                     struct btr_err *err)
{
    struct loss_row *row = &loss->rows[asset];
    struct btr_fact fact;
    int rc = loss->facts.fact(loss->facts.self, n->id, &fact, err);
    if (rc == 0 && fact.kind == BTR_KIND_PROCESS) {
        bool hands;
        rc = loss_hands_on(loss, n->id, n->bound_ns, &hands, err);
        row->handed = row->handed && hands;
        if (rc == 0)
            rc = exits_of(loss, row, n->id, n->bound_ns, false, err);
    } else if (rc == 0 && fact.kind == BTR_KIND_FILE && !n->start) {
        rc = exits_of(loss, row, n->id, n->bound_ns, true, err);
        if (rc == 0 && is_staged(loss, n->id) && !is_piece_of(loss, n->id, asset))
            rc = staged_add(row, n->id, err);
    }
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

/* Ways out in the order in which they were used. */
static void exits_sort(const struct btr_loss *loss, struct loss_row *row)
{
    for (uint32_t i = 1; i < row->exit_count; i++) {
        uint32_t exit = row->exits[i], at = i;
        for (; at > 0 && loss->exits[row->exits[at - 1]].first_ns > loss->exits[exit].first_ns;
             at--)
            row->exits[at] = row->exits[at - 1];
        row->exits[at] = exit;
    }
}

static void links_reverse(struct loss_row *row)
{
    for (uint32_t i = 0, j = row->link_count; i + 1 < j; i++) {
        struct loss_link link = row->links[i];
        row->links[i] = row->links[--j];
        row->links[j] = link;
    }
}

/* From the way out back to who took it first, and to what that one took. */
static int links_fill(struct btr_loss *loss, struct loss_row *row, const struct btr_trace *t,
                      struct btr_err *err)
{
    const struct loss_exit *exit = &loss->exits[row->exits[0]];
    struct loss_ways ways = {0};
    uint32_t at = node_of(t, holder_of(exit));
    int rc = loss_ways_of(&ways, t, err);
    if (rc == 0 && !exit->moved)
        rc = loss_link_add(row,
                           &(struct loss_link){.from = exit->process,
                                               .to = exit->entity,
                                               .first_ns = exit->first_ns,
                                               .last_ns = exit->last_ns,
                                               .ref = exit->first_ref,
                                               .operation = BTR_OP_SEND},
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
        if (!btr_id_equal(take->by, t->nodes[at].id) || take->ref == UINT64_MAX)
            continue;
        rc = loss_link_add(row,
                           &(struct loss_link){.from = take->from,
                                               .to = take->by,
                                               .first_ns = take->at_ns,
                                               .last_ns = take->at_ns,
                                               .ref = take->ref,
                                               .operation = BTR_OP_READ},
                           err);
        break;
    }
    links_reverse(row);
    loss_ways_fini(&ways);
    return rc;
}

static int row_chain(struct btr_loss *loss, uint32_t asset, struct btr_err *err)
{
    struct loss_row *row = &loss->rows[asset];
    struct btr_edges edges = loss_hands_edges(loss);
    struct btr_start *starts = malloc(((size_t)row->take_count + 1) * sizeof *starts);
    struct btr_trace *trace = NULL;
    row->handed = true;
    for (uint32_t i = 0; starts && i < row->take_count; i++)
        starts[i] = (struct btr_start){row->takes[i].by, row->takes[i].at_ns, row->takes[i].source};
    int rc = starts ? btr_walk(&trace, &edges, BTR_WALK_FORWARD, starts, row->take_count,
                               &loss->question->limits, err)
                    : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what became of an asset");
    for (uint32_t i = 0; rc == 0 && i < trace->node_count; i++)
        trace->nodes[i].id = btr_apart_whole_of(loss->parts, trace->nodes[i].id);
    for (uint32_t i = 0; rc == 0 && i < trace->node_count; i++)
        rc = node_take(loss, asset, &trace->nodes[i], err);
    row->left = row->exit_count > 0;
    exits_sort(loss, row);
    if (rc == 0 && row->left)
        rc = links_fill(loss, row, trace, err);
    btr_trace_free(trace);
    free(starts);
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
