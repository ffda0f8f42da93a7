/*
 * Assets that are no files: whole hosts, accounts, containers, services, shares. They are reached
 * when something of theirs is the intrusion's, or content can have come to it by something of
 * theirs.
 */
#include "loss/loss.h"

struct touching {
    struct btr_loss *loss;
    uint32_t item; /* of the extent, LOSS_NONE: of the closure */
};

static int asset_visit(void *self, uint32_t asset, const struct btr_entity *entity,
                       const char *doubt)
{
    const struct touching *t = self;
    struct loss_row *row = &t->loss->rows[asset];
    (void)entity;
    (void)doubt;
    if (btr_assets_at(t->loss->options.assets, asset)->kind == BTR_ASSET_FILES)
        return 0;
    row->reached = true;
    if (row->extent_item == LOSS_NONE)
        row->extent_item = t->item;
    return 0;
}

static int entity_take(struct touching *t, struct btr_id id, struct btr_err *err)
{
    struct btr_entity e;
    int rc = loss_entity(t->loss, id, &e, err);
    if (rc < 0 || e.kind == BTR_KIND_NONE)
        return rc;
    return btr_assets_of(t->loss->options.assets, &e, asset_visit, t, err);
}

static bool only_files(const struct btr_loss *loss)
{
    for (uint32_t i = 0; i < loss->row_count; i++)
        if (btr_assets_at(loss->options.assets, i)->kind != BTR_ASSET_FILES)
            return false;
    return true;
}

int loss_touched_find(struct btr_loss *loss, struct btr_err *err)
{
    struct touching t = {.loss = loss};
    int rc = 0;
    if (only_files(loss))
        return 0;
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        t.item = i;
        rc = entity_take(&t, loss->extent.items[i].entity, err);
    }
    t.item = LOSS_NONE;
    for (uint32_t i = 0; rc == 0 && i < loss->reach->node_count; i++)
        rc = entity_take(&t, loss->reach->nodes[i].id, err);
    return rc;
}
