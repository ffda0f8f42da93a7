/*
 * The extent by entity and time; and its connections by their ends. A server may have served the
 * intrusion a hundred thousand times: of each entity its items stand by role and time, with how far
 * those before them reach.
 */
#include <stdlib.h>

#include "loss/loss.h"

static const struct btr_extent_item *item_at(const struct btr_loss *loss, uint32_t place)
{
    return &loss->extent.items[loss->extent_order[place]];
}

struct ordered {
    struct btr_id entity;
    int64_t since_ns;
    uint32_t item;
    uint8_t role;
};

static int ordered_compare(const void *x, const void *y)
{
    const struct ordered *a = x, *b = y;
    int c = btr_id_compare(a->entity, b->entity);
    if (c == 0)
        c = (a->role > b->role) - (a->role < b->role);
    if (c == 0)
        c = (a->since_ns > b->since_ns) - (a->since_ns < b->since_ns);
    return c ? c : (a->item > b->item) - (a->item < b->item);
}

static bool order_fill(struct btr_loss *loss)
{
    const struct btr_extent *x = &loss->extent;
    struct ordered *sorted = malloc(((size_t)x->count + 1) * sizeof *sorted);
    for (uint32_t i = 0; sorted && i < x->count; i++)
        sorted[i] = (struct ordered){x->items[i].entity, x->items[i].since_ns, i, x->items[i].role};
    if (sorted && x->count)
        qsort(sorted, x->count, sizeof *sorted, ordered_compare);
    for (uint32_t i = 0; sorted && i < x->count; i++)
        loss->extent_order[i] = sorted[i].item;
    free(sorted);
    return sorted != NULL;
}

static bool groups_fill(struct btr_loss *loss)
{
    for (uint32_t i = 0; loss->extent.items && i < loss->extent.count; i++) {
        const struct btr_extent_item *item = item_at(loss, i);
        const struct btr_extent_item *before = i ? item_at(loss, i - 1) : NULL;
        bool same = before && btr_id_equal(before->entity, item->entity);
        loss->extent_reach_ns[i] = item->until_ns;
        if (same && before->role == item->role &&
            loss->extent_reach_ns[i - 1] > loss->extent_reach_ns[i])
            loss->extent_reach_ns[i] = loss->extent_reach_ns[i - 1];
        if (!same && btr_idmap_add(&loss->of_extent, item->entity, i) == UINT32_MAX)
            return false;
    }
    return true;
}

static int joint_compare(const void *x, const void *y)
{
    const struct loss_joint *a = x, *b = y;
    int c = btr_id_compare(a->id, b->id);
    return c ? c : (a->item > b->item) - (a->item < b->item);
}

/* The two ends of each connection, as the extent has them: each by the other. */
static bool joints_fill(struct btr_loss *loss)
{
    const struct btr_extent *x = &loss->extent;
    for (uint32_t i = 0; i < x->count; i++) {
        const struct btr_extent_item *item = &x->items[i];
        if (item->why != BTR_EXTENT_OTHER_END || item->by == LOSS_NONE)
            continue;
        struct btr_id near = x->items[item->by].entity;
        if (!btr_list_room(&loss->joints, loss->joint_count + 1, &loss->joint_capacity, 64,
                           sizeof *loss->joints))
            return false;
        loss->joints[loss->joint_count++] = (struct loss_joint){item->entity, near, i};
        loss->joints[loss->joint_count++] = (struct loss_joint){near, item->entity, i};
    }
    if (loss->joint_count)
        qsort(loss->joints, loss->joint_count, sizeof *loss->joints, joint_compare);
    return true;
}

bool loss_joint_each(const struct btr_loss *loss, struct btr_id end, uint32_t *place,
                     struct btr_id *other)
{
    uint32_t low = 0, high = *place == LOSS_NONE ? loss->joint_count : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (btr_id_compare(loss->joints[middle].id, end) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *place = *place == LOSS_NONE ? low : *place;
    if (*place >= loss->joint_count || !btr_id_equal(loss->joints[*place].id, end))
        return false;
    *other = loss->joints[(*place)++].other;
    return true;
}

int loss_extent_index(struct btr_loss *loss, struct btr_err *err)
{
    size_t count = (size_t)loss->extent.count + 1;
    loss->extent_order = malloc(count * sizeof *loss->extent_order);
    loss->extent_reach_ns = malloc(count * sizeof *loss->extent_reach_ns);
    bool ok = loss->extent_order && loss->extent_reach_ns && order_fill(loss) &&
              groups_fill(loss) && joints_fill(loss);
    return ok ? 0
              : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "extent of %u items", loss->extent.count);
}

bool loss_extent_each(const struct btr_loss *loss, struct btr_id entity, uint32_t *place,
                      uint32_t *item)
{
    if (*place == LOSS_NONE)
        *place = btr_idmap_get(&loss->of_extent, entity);
    if (*place >= loss->extent.count || !btr_id_equal(item_at(loss, *place)->entity, entity))
        return false;
    *item = loss->extent_order[(*place)++];
    return true;
}

bool loss_extent_is_first(const struct btr_loss *loss, uint32_t item)
{
    uint32_t place = LOSS_NONE, other;
    while (loss_extent_each(loss, loss->extent.items[item].entity, &place, &other))
        if (other < item)
            return false;
    return true;
}

/* The end of the items of one entity and role, of which the first is given. */
static uint32_t run_end(const struct btr_loss *loss, uint32_t begin)
{
    const struct btr_extent_item *first = item_at(loss, begin);
    uint32_t step = 1, end = begin + 1;
    /* runs are short as a rule, and may be very long */
    while (end < loss->extent.count && btr_id_equal(item_at(loss, end)->entity, first->entity) &&
           item_at(loss, end)->role == first->role) {
        step *= 2;
        end = end + step < loss->extent.count ? end + step : loss->extent.count;
    }
    uint32_t low = begin, high = end;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        const struct btr_extent_item *item = item_at(loss, middle);
        bool in = btr_id_equal(item->entity, first->entity) && item->role == first->role;
        *(in ? &low : &high) = middle;
    }
    return high;
}

/* An item of a run that shares a moment with a stretch: the latest to begin. */
static uint32_t run_find(const struct btr_loss *loss, uint32_t begin, uint32_t end,
                         int64_t first_ns, int64_t last_ns)
{
    uint32_t low = begin, high = end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (item_at(loss, middle)->since_ns <= last_ns)
            low = middle + 1;
        else
            high = middle;
    }
    while (low > begin && loss->extent_reach_ns[low - 1] >= first_ns) {
        if (item_at(loss, --low)->until_ns >= first_ns)
            return loss->extent_order[low];
    }
    return LOSS_NONE;
}

uint32_t loss_extent_at(const struct btr_loss *loss, struct btr_id entity, int64_t first_ns,
                        int64_t last_ns)
{
    uint32_t begin = btr_idmap_get(&loss->of_extent, entity);
    /* roles ascend: whose own it is says more than whom it served */
    while (begin < loss->extent.count && btr_id_equal(item_at(loss, begin)->entity, entity)) {
        uint32_t end = run_end(loss, begin);
        uint32_t found = run_find(loss, begin, end, first_ns, last_ns);
        if (found != LOSS_NONE)
            return found;
        begin = end;
    }
    return LOSS_NONE;
}

bool loss_is_own_at(const struct btr_loss *loss, struct btr_id process, int64_t at_ns)
{
    uint32_t item = loss_extent_at(loss, process, at_ns, at_ns);
    return item != LOSS_NONE && loss->extent.items[item].role == BTR_EXTENT_PROCESS;
}

int64_t loss_since(const struct btr_loss *loss, struct btr_id entity)
{
    uint32_t place = LOSS_NONE, at;
    int64_t since_ns = INT64_MAX;
    while (loss_extent_each(loss, entity, &place, &at))
        if (loss->extent.items[at].since_ns < since_ns)
            since_ns = loss->extent.items[at].since_ns;
    return since_ns;
}
