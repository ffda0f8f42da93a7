/*
 * Which assets an account or a service leads to: those that it is seen to read, by any process at
 * any time; and whoever may do all on a host reads all that lies there.
 */
#include "loss/contain.h"

#include "loss/assets.h"

/* An asset that is not lost yet, and no way out itself. */
static bool is_open(const struct contain *c, uint32_t asset)
{
    return c->loss->rows[asset].verdict != LOSS_LOST &&
           !btr_assets_at(c->loss->options.assets, asset)->is_exit;
}

static int asset_hold(struct contain *c, uint32_t asset, uint32_t *at)
{
    struct loss_hold h = {.kind = LOSS_HOLD_ASSET,
                          .name = btr_assets_at(c->loss->options.assets, asset)->name,
                          .asset = asset};
    return contain_hold(c, &h, at);
}

/* ---- Who reads ---- */

static bool read_test(void *self, const struct btr_flow *f)
{
    struct btr_idmap *seen = self;
    if (f->other_kind != BTR_KIND_PROCESS && f->other_kind != 0)
        return false;
    uint32_t before = seen->count;
    /* want of memory tells a process twice, and leaves none out */
    return btr_idmap_add(seen, f->other, 0) == UINT32_MAX || seen->count > before;
}

static int reader_take(struct contain *c, const struct btr_flow *f, uint32_t asset)
{
    uint32_t account;
    int rc = contain_account_of(c, f->other, &account);
    if (rc == 0)
        rc = contain_lead(c, account, asset, "reads", f->ref);
    uint32_t at = btr_idmap_get(&c->first_talker, f->other);
    for (; rc == 0 && at != LOSS_NONE; at = c->talkers[at].next)
        rc = contain_lead(c, c->talkers[at].hold, asset, "is served by a reader of", f->ref);
    return rc;
}

static int piece_take(struct contain *c, const struct loss_piece *piece, struct btr_idmap *seen)
{
    struct loss_flows flows = {0};
    uint32_t asset;
    btr_idmap_reset(seen);
    int rc = loss_flows_of(&flows, &c->loss->edges, piece->entity, BTR_SIDE_OUT_OF, INT64_MIN,
                           read_test, seen, c->err);
    c->to->cut |= flows.cut;
    if (rc == 0)
        rc = asset_hold(c, piece->asset, &asset);
    for (uint32_t i = 0; rc == 0 && i < flows.count; i++)
        rc = reader_take(c, &flows.list[i], asset);
    loss_flows_fini(&flows);
    return rc;
}

/* ---- Who may do all ---- */

static bool names_host(const struct btr_asset *a, struct btr_span host)
{
    return !(a->host.size == 1 && a->host.at[0] == '*') && query_glob_name(a->host, host);
}

static int all_take(struct contain *c, uint32_t account)
{
    const struct btr_loss *loss = c->loss;
    uint32_t asset;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->row_count; i++) {
        const struct loss_row *row = &loss->rows[i];
        bool here = names_host(btr_assets_at(loss->options.assets, i), c->to->holds[account].host);
        for (uint32_t p = 0; !here && p < row->piece_count; p++)
            here = loss->pieces[row->piece_begin + p].host_key == c->to->holds[account].host_key;
        if (!here || !is_open(c, i))
            continue;
        rc = asset_hold(c, i, &asset);
        if (rc == 0)
            rc = contain_lead(c, account, asset, "can read", UINT64_MAX);
    }
    return rc;
}

/* ---- Assets that are no files ---- */

struct belonging {
    struct contain *c;
    uint32_t hold;
};

static int belongs_visit(void *self, uint32_t asset, const struct btr_entity *entity,
                         const char *doubt)
{
    const struct belonging *b = self;
    uint32_t at;
    (void)entity;
    (void)doubt;
    if (btr_assets_at(b->c->loss->options.assets, asset)->kind == BTR_ASSET_FILES ||
        !is_open(b->c, asset))
        return 0;
    int rc = asset_hold(b->c, asset, &at);
    return rc == 0 ? contain_lead(b->c, b->hold, at, "is of", UINT64_MAX) : rc;
}

static int belongings_take(struct contain *c, uint32_t hold)
{
    struct belonging b = {c, hold};
    struct btr_entity e;
    if (btr_id_is_none(c->to->holds[hold].entity))
        return 0;
    int rc = loss_entity(c->loss, c->to->holds[hold].entity, &e, c->err);
    if (rc < 0 || e.kind == BTR_KIND_NONE)
        return rc;
    return btr_assets_of(c->loss->options.assets, &e, belongs_visit, &b, c->err);
}

/* ---- All ---- */

/* The hosts of all that the graph has so far. */
static int hosts_find(const struct contain *c, struct btr_u64map *hosts)
{
    for (uint32_t i = 0; i < c->to->hold_count; i++)
        if (!btr_u64map_set(hosts, c->to->holds[i].host_key, i))
            return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "hosts of the containment");
    return 0;
}

int contain_assets_find(struct contain *c)
{
    const struct btr_loss *loss = c->loss;
    uint32_t count = c->to->hold_count; /* readers that nothing leads to may come after these */
    struct btr_u64map hosts = {0};
    struct btr_idmap seen = {0};
    int rc = hosts_find(c, &hosts);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        const struct loss_hold *h = &c->to->holds[i];
        bool account = h->kind == LOSS_HOLD_ACCOUNT, all = h->all;
        bool flow = h->kind == LOSS_HOLD_FLOW || h->kind == LOSS_HOLD_SERVICE;
        if (account && all)
            rc = all_take(c, i);
        if (rc == 0 && (account || flow))
            rc = belongings_take(c, i);
    }
    for (uint32_t i = 0; rc == 0 && i < loss->piece_count; i++) {
        const struct loss_piece *piece = &loss->pieces[i];
        if (!is_open(c, piece->asset) || piece->kind != BTR_KIND_FILE)
            continue;
        if (btr_u64map_get(&hosts, piece->host_key) != UINT32_MAX)
            rc = piece_take(c, piece, &seen);
    }
    btr_u64map_fini(&hosts);
    btr_idmap_fini(&seen);
    return rc;
}
