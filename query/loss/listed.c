/* Which entities of the snapshot the assets are. */
#include <stdlib.h>

#include "loss/loss.h"

struct listing {
    struct btr_loss *loss;
    struct btr_err *err;
};

static int piece_add(void *self, uint32_t asset, const struct btr_entity *entity, const char *doubt)
{
    const struct listing *l = self;
    struct btr_loss *loss = l->loss;
    if (!btr_list_room(&loss->pieces, loss->piece_count, &loss->piece_capacity, 1024,
                       sizeof *loss->pieces))
        return btr_fail(l->err, BTR_E_NOMEM, UINT64_MAX, "%u pieces of assets", loss->piece_count);
    loss->pieces[loss->piece_count++] =
        (struct loss_piece){.entity = entity->id,
                            .asset = asset,
                            .kind = entity->kind,
                            .host_key = entity->host.size ? btr_hash64(entity->host) | 1 : 0,
                            .doubt = doubt,
                            .read_ns = INT64_MAX,
                            .changed_ns = INT64_MAX};
    return 0;
}

static int piece_compare(const void *x, const void *y)
{
    const struct loss_piece *a = x, *b = y;
    if (a->asset != b->asset)
        return a->asset < b->asset ? -1 : 1;
    return btr_id_compare(a->entity, b->entity);
}

/* Chains the pieces of one entity. */
static int pieces_index(struct btr_loss *loss, struct btr_err *err)
{
    for (uint32_t i = 0; i < loss->piece_count; i++) {
        uint32_t first = btr_idmap_add(&loss->of_piece, loss->pieces[i].entity, i);
        if (first == UINT32_MAX)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u pieces of assets", i);
        loss->pieces[i].next = LOSS_NONE;
        if (first == i)
            continue;
        loss->pieces[i].next = loss->pieces[first].next;
        loss->pieces[first].next = i;
    }
    return 0;
}

bool loss_is_piece_of(const struct btr_loss *loss, struct btr_id entity, uint32_t asset)
{
    uint32_t piece = btr_idmap_get(&loss->of_piece, entity);
    while (piece != LOSS_NONE && loss->pieces[piece].asset != asset)
        piece = loss->pieces[piece].next;
    return piece != LOSS_NONE;
}

static void rows_fill(struct btr_loss *loss)
{
    for (uint32_t i = 0; i < loss->row_count; i++)
        loss->rows[i].extent_item = loss->rows[i].steered = LOSS_NONE;
    for (uint32_t i = 0; i < loss->piece_count; i++) {
        struct loss_row *row = &loss->rows[loss->pieces[i].asset];
        if (row->piece_count++ == 0)
            row->piece_begin = i;
    }
}

int loss_pieces_find(struct btr_loss *loss, struct btr_err *err)
{
    struct btr_assets *assets = loss->options.assets;
    struct listing l = {loss, err};
    loss->row_count = btr_assets_count(assets);
    loss->rows = calloc((size_t)loss->row_count + 1, sizeof *loss->rows);
    if (!loss->rows)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u assets", loss->row_count);
    int rc = btr_assets_learn(assets, loss->reader, err);
    if (rc == 0)
        rc = btr_assets_find(assets, loss->reader, piece_add, &l, err);
    if (rc == 0 && loss->piece_count)
        qsort(loss->pieces, loss->piece_count, sizeof *loss->pieces, piece_compare);
    if (rc == 0)
        rows_fill(loss);
    return rc == 0 ? pieces_index(loss, err) : rc;
}
