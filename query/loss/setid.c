/*
 * Programs that a process of the intrusion made to run as whom they belong to: its own, or one that
 * was there, as a shell. The permissions are what the last call that set them says.
 */
#include "loss/after.h"

static bool is_setid(const struct btr_entity *e)
{
    uint64_t mode = 0;
    struct btr_span text = btr_entity_attr(e, BTR_ATTR_FILE_MODE, INT64_MAX);
    for (size_t i = 0; i < text.size && i < 8; i++)
        mode = mode * 8 + (uint64_t)(text.at[i] - '0') % 8;
    /* set-group-id of what nobody may run is the mark of a lock, not of a program: chmod(2) */
    return (mode & 04000) != 0 || ((mode & 02000) != 0 && (mode & 00010) != 0);
}

static bool sets_mode(void *self, const struct btr_flow *f)
{
    (void)self;
    return f->operation == BTR_OP_CHMOD;
}

static int setid_take(struct btr_loss *loss, struct btr_id process, const struct btr_flow *f,
                      struct btr_idmap *told, struct btr_err *err)
{
    struct btr_entity e;
    bool gone = false;
    struct loss_remain r = {.entity = f->other,
                            .process = process,
                            .at_ns = f->last_ns,
                            .ref = f->ref,
                            .kind = "set-user-id program",
                            .technique = LOSS_SETID};
    if (btr_idmap_get(told, f->other) != UINT32_MAX)
        return 0;
    int rc = loss_entity(loss, f->other, &e, err);
    if (rc < 0 || e.kind != BTR_KIND_FILE || !is_setid(&e))
        return rc;
    if (!btr_arena_copy(loss->arena, e.host, &r.host) ||
        !btr_arena_copy(loss->arena, loss_object_name(&e, INT64_MAX), &r.path) ||
        btr_idmap_add(told, f->other, 0) == UINT32_MAX)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what remains");
    rc = loss_is_gone(loss, f->other, &gone, err);
    return rc == 0 && !gone ? loss_remain_add(loss, &r, err) : rc;
}

int loss_setid_find(struct btr_loss *loss, struct btr_idmap *told, struct btr_err *err)
{
    struct loss_flows flows = {0};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->extent.count; i++) {
        const struct btr_extent_item *item = &loss->extent.items[i];
        if (item->role != BTR_EXTENT_PROCESS || !loss_extent_is_first(loss, i))
            continue;
        rc = loss_flows_of(&flows, &loss->all, item->entity, BTR_SIDE_OUT_OF, item->since_ns,
                           sets_mode, NULL, err);
        for (uint32_t n = 0; rc == 0 && n < flows.count; n++)
            rc = setid_take(loss, item->entity, &flows.list[n], told, err);
    }
    loss_flows_fini(&flows);
    return rc;
}
