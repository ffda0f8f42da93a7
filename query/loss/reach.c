/*
 * What content can have come to the intrusion: the closure backward over edges that can carry
 * content, from all that it had in its hands, each as long as it had it, and from what it put where
 * things leave, and files that a server handed out: that can be there without having been in its
 * hands, as a file that it moved. What is not in it did not come to the intrusion by anything that
 * the records tell.
 */
#include <stdlib.h>

#include "loss/loss.h"

static bool holds_content(const struct btr_extent_item *item)
{
    return item->role == BTR_EXTENT_PROCESS || item->role == BTR_EXTENT_SERVER;
}

int loss_starts_make(struct btr_loss *loss, struct btr_start **starts, uint32_t *count,
                     struct btr_err *err)
{
    const struct btr_extent *x = &loss->extent;
    struct btr_buffer list = {0};
    int rc = btr_buffer_reserve(&list, ((size_t)x->count + loss->exit_count + 1) * sizeof **starts)
                 ? 0
                 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "where content can have come from");
    for (uint32_t i = 0; rc == 0 && i < x->count; i++) {
        bool lasts = x->items[i].until_ns == INT64_MAX;
        struct btr_start start = {x->items[i].entity, x->items[i].until_ns,
                                  lasts ? BTR_SOURCE_NONE : x->items[i].source};
        if (holds_content(&x->items[i]))
            btr_buffer_put(&list, &start, sizeof start);
    }
    for (uint32_t i = 0; rc == 0 && i < loss->exit_count; i++) {
        const struct loss_exit *exit = &loss->exits[i];
        if (exit->kind == LOSS_EXIT_PAGE)
            rc = loss_starts_add(loss, &list, exit->holder, exit->read_ns, exit->read_last_ns, err);
        else if (exit->asset != LOSS_NONE)
            rc = loss_starts_add(loss, &list, exit->entity, exit->first_ns, exit->last_ns, err);
    }
    *count = (uint32_t)(list.size / sizeof **starts);
    *starts = (struct btr_start *)(void *)list.at;
    return rc == 0 && list.failed
               ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "where content can have come from")
               : rc;
}

static void pieces_mark(struct btr_loss *loss, const struct btr_idmap *reached)
{
    for (uint32_t i = 0; i < loss->piece_count; i++) {
        struct loss_piece *piece = &loss->pieces[i];
        piece->reached = btr_idmap_get(reached, piece->entity) != UINT32_MAX;
        loss->rows[piece->asset].reached |= piece->reached;
    }
}

int loss_reach_find(struct btr_loss *loss, struct btr_err *err)
{
    uint32_t count = 0;
    struct btr_start *starts = NULL;
    struct btr_idmap reached = {0};
    int rc = loss_starts_make(loss, &starts, &count, err);
    if (rc == 0)
        rc = loss_walk(loss, &loss->reach, &loss->apart, BTR_WALK_BACKWARD, starts, count, err);
    for (uint32_t i = 0; rc == 0 && i < loss->reach->node_count; i++)
        loss->reach->nodes[i].id = btr_apart_whole_of(loss->parts, loss->reach->nodes[i].id);
    for (uint32_t i = 0; rc == 0 && i < loss->reach->node_count; i++)
        if (btr_idmap_add(&reached, loss->reach->nodes[i].id, i) == UINT32_MAX)
            rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u entities", loss->reach->node_count);
    if (rc == 0)
        pieces_mark(loss, &reached);
    btr_idmap_fini(&reached);
    free(starts);
    return rc;
}
