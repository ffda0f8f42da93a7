/* The entities of a snapshot that stand for assets: one look into the store for each attribute that
 * names some. */
#include "assets.h"

#include <btr/identity.h>

/** One question to all assets. */
struct finding {
    struct btr_assets *assets;
    struct btr_reader *reader;
    btr_asset_visit *visit;
    void *self;
    struct btr_span host; /* that was told of last */
    uint32_t look;        /* which of LOOKS is at work */
    bool no_memory;
    struct btr_err *err;
};

static int no_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while looking for assets");
}

/* ---- Whether a value may be of an asset ---- */

static bool path_test(void *self, struct btr_span path)
{
    struct finding *f = self;
    int rc = query_assets_may_be(f->assets, path);
    f->no_memory = f->no_memory || rc < 0;
    return rc != 0;
}

typedef bool row_test(const struct asset_row *row, struct btr_span value);

static bool any_row(const struct finding *f, enum btr_asset_kind kind, row_test *test,
                    struct btr_span value)
{
    const struct btr_assets *a = f->assets;
    for (uint32_t i = 0; i < a->other_count; i++) {
        const struct asset_row *row = &a->rows[a->others[i]];
        if (row->asset.kind == kind && test(row, value))
            return true;
    }
    return false;
}

static bool row_named(const struct asset_row *row, struct btr_span value)
{
    return query_glob_name(row->asset.what, value);
}

static bool row_container(const struct asset_row *row, struct btr_span value)
{
    return query_glob_name(row->asset.container, value);
}

static bool row_port(const struct asset_row *row, struct btr_span value)
{
    uint64_t port = 0;
    return btr_span_number(value, 10, &port) && port == row->port;
}

static bool row_address(const struct asset_row *row, struct btr_span value)
{
    return query_cidr_holds(&row->cidr, value);
}

static bool account_test(void *self, struct btr_span value)
{
    return any_row(self, BTR_ASSET_ACCOUNT, row_named, value);
}

static bool container_test(void *self, struct btr_span value)
{
    return any_row(self, BTR_ASSET_CONTAINER, row_container, value);
}

static bool port_test(void *self, struct btr_span value)
{
    return any_row(self, BTR_ASSET_SERVICE, row_port, value);
}

static bool share_test(void *self, struct btr_span value)
{
    return any_row(self, BTR_ASSET_SHARE, row_named, value);
}

static bool address_test(void *self, struct btr_span value)
{
    return any_row(self, BTR_ASSET_ADDRESS, row_address, value);
}

/* ---- Looks ---- */

/** Entities of a kind that a value of an attribute may make stand for assets of a kind. */
static const struct look {
    enum btr_asset_kind asset;
    enum btr_kind kind;
    enum btr_attr_key key;
    btr_value_test *test;
} LOOKS[] = {
    {BTR_ASSET_FILES, BTR_KIND_FILE, BTR_ATTR_FILE_PATH, path_test},
    {BTR_ASSET_ACCOUNT, BTR_KIND_USER, BTR_ATTR_USER_NAME, account_test},
    {BTR_ASSET_ACCOUNT, BTR_KIND_USER, BTR_ATTR_USER_ID, account_test},
    {BTR_ASSET_ACCOUNT, BTR_KIND_SESSION, BTR_ATTR_USER_NAME, account_test},
    {BTR_ASSET_ACCOUNT, BTR_KIND_SESSION, BTR_ATTR_USER_ID, account_test},
    {BTR_ASSET_CONTAINER, BTR_KIND_CONTAINER, BTR_ATTR_CONTAINER_ID, container_test},
    {BTR_ASSET_SERVICE, BTR_KIND_FLOW, BTR_ATTR_DESTINATION_PORT, port_test},
    {BTR_ASSET_SHARE, BTR_KIND_SHARE, BTR_ATTR_SHARE_NAME, share_test},
    {BTR_ASSET_ADDRESS, BTR_KIND_FLOW, BTR_ATTR_SOURCE_IP, address_test},
    {BTR_ASSET_ADDRESS, BTR_KIND_FLOW, BTR_ATTR_DESTINATION_IP, address_test},
};

enum { LOOK_COUNT = sizeof LOOKS / sizeof *LOOKS };

/* Whether a look before this one for the same kind of asset has found the entity, too. */
static bool was_found(struct finding *f, const struct btr_entity *e)
{
    for (uint32_t n = 0; n < f->look; n++) {
        if (LOOKS[n].asset != LOOKS[f->look].asset || LOOKS[n].kind != LOOKS[f->look].kind)
            continue;
        for (uint32_t i = 0; i < e->attr_count; i++)
            if (e->attrs[i].key == LOOKS[n].key && LOOKS[n].test(f, e->attrs[i].value))
                return true;
    }
    return false;
}

/* Tells the assets of one kind that an entity belongs to. */
static int entity_tell(struct finding *f, enum btr_asset_kind kind, const struct btr_entity *e)
{
    struct btr_assets *a = f->assets;
    int rc = query_assets_gather(a, e);
    if (rc < 0)
        return no_memory(f->err);
    for (uint32_t i = 0; rc == 0 && i < a->hits.count; i++) {
        uint32_t row = a->hits.rows[i];
        if (a->rows[row].asset.kind == kind)
            rc = f->visit(f->self, row, e, a->hits.doubts[row]);
    }
    return rc;
}

static int candidate_tell(void *self, const struct btr_entity *e)
{
    struct finding *f = self;
    if (f->no_memory)
        return no_memory(f->err);
    return was_found(f, e) ? 0 : entity_tell(f, LOOKS[f->look].asset, e);
}

/* ---- Hosts ---- */

static int host_tell(void *self, const struct btr_source_stat *stat)
{
    struct finding *f = self;
    struct btr_entity e;
    if (btr_span_equal(stat->host, f->host)) /* another source of the host before */
        return 0;
    f->host = stat->host;
    struct btr_arena *arena = btr_arena_new(SIZE_MAX / 4);
    struct btr_id id = btr_identity_named("host", stat->host, (struct btr_span){NULL, 0});
    int rc = arena ? btr_reader_entity(f->reader, id, arena, &e, f->err) : no_memory(f->err);
    if (rc == BTR_E_NOTFOUND)
        rc = 0;
    else if (rc == 0)
        rc = entity_tell(f, BTR_ASSET_HOST, &e);
    btr_arena_free(arena);
    return rc;
}

int btr_assets_find(struct btr_assets *assets, struct btr_reader *reader, btr_asset_visit *visit,
                    void *self, struct btr_err *err)
{
    struct finding f = {
        .assets = assets, .reader = reader, .visit = visit, .self = self, .err = err};
    int rc = 0;
    for (f.look = 0; rc == 0 && f.look < LOOK_COUNT; f.look++) {
        const struct look *l = &LOOKS[f.look];
        if (assets->of_kind[l->asset] > 0)
            rc = btr_reader_entities_where(reader, l->kind, INT64_MIN, INT64_MAX, l->key, l->test,
                                           &f, candidate_tell, &f, err);
    }
    if (rc == 0 && assets->of_kind[BTR_ASSET_HOST] > 0)
        rc = btr_reader_sources(reader, host_tell, &f, err);
    return rc;
}
