/* Which rows an entity belongs to. A path is held against them under each name that its file may
 * have. */
#include "assets.h"

#include <btr/identity.h>
#include <stdlib.h>

static const char *const DOUBT_LATE =
    "the start of the container was not recorded: the path may be one inside it";
static const char *const DOUBT_ROOT =
    "it was seen inside a container of which the records do not tell which one it is";
static const char *const DOUBT_SHARED =
    "it was seen inside a container, and the records name several that it may be";
static const char *const DOUBT_UNLISTED =
    "it was seen inside a container that the inventory does not list: it may be another file of "
    "this path";

/* ---- Hits ---- */

static void hits_begin(struct btr_assets *a)
{
    a->hits.count = 0;
    if (++a->hits.stamp == 0) { /* once in four billion questions */
        memset(a->hits.stamps, 0, a->count * sizeof *a->hits.stamps);
        a->hits.stamp = 1;
    }
}

/* A row that is found twice has the lesser doubt. */
static void hit(struct btr_assets *a, const struct asset_row *row, const char *doubt)
{
    uint32_t i = (uint32_t)(row - a->rows);
    if (a->hits.stamps[i] == a->hits.stamp) {
        if (!doubt)
            a->hits.doubts[i] = NULL;
        return;
    }
    a->hits.stamps[i] = a->hits.stamp;
    a->hits.doubts[i] = doubt;
    a->hits.rows[a->hits.count++] = i;
}

static int row_compare(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return (a > b) - (a < b);
}

static void hits_sort(struct btr_assets *a)
{
    if (a->hits.count > 1)
        qsort(a->hits.rows, a->hits.count, sizeof *a->hits.rows, row_compare);
}

/* ---- Names ---- */

/* The value of an attribute, the last that was told. */
static struct btr_span value_of(const struct btr_entity *e, enum btr_attr_key key)
{
    return btr_entity_attr(e, key, INT64_MAX);
}

static bool any_value_fits(const struct btr_entity *e, enum btr_attr_key key, struct btr_span glob)
{
    for (uint32_t i = 0; i < e->attr_count; i++)
        if (e->attrs[i].key == key && query_glob_name(glob, e->attrs[i].value))
            return true;
    return false;
}

static bool is_anywhere(struct btr_span glob)
{
    return glob.size == 1 && glob.at[0] == '*';
}

/* What belongs to no host is of a row that holds for all. */
static bool host_fits(struct btr_span glob, struct btr_span host)
{
    return is_anywhere(glob) || (host.size > 0 && query_glob_name(glob, host));
}

/* ---- Files ---- */

/** A name that a file may have, and who sees it. */
struct view {
    struct btr_assets *assets;
    struct btr_span host, path;
    bool is_inner;             /* as a container sees it */
    struct btr_span container; /* its name */
    const char *doubt;
};

static void view_row(void *self, const struct asset_row *row)
{
    const struct view *v = self;
    const struct btr_asset *a = &row->asset;
    if (v->is_inner != (a->container.size > 0))
        return;
    if (!host_fits(a->host, v->host))
        return;
    if (v->is_inner && !query_glob_name(a->container, v->container))
        return;
    if (query_glob_path(row->pattern, v->path))
        hit(v->assets, row, v->doubt);
}

/** Where a file was seen. */
struct sight {
    struct btr_assets *assets;
    struct btr_span host, path;
};

static void as_outer(const struct sight *s, struct btr_span path, const char *doubt)
{
    struct view v = {s->assets, s->host, path, false, {NULL, 0}, doubt};
    query_assets_places(s->assets, path, view_row, &v);
}

static void as_inner(const struct sight *s, struct btr_span path, struct btr_span container,
                     const char *doubt)
{
    struct view v = {s->assets, s->host, path, true, container, doubt};
    if (s->assets->has_inner)
        query_assets_places(s->assets, path, view_row, &v);
}

static bool is_of(const struct sight *s, const struct asset_container *c)
{
    return host_fits(c->host, s->host);
}

/* The names that containers have for a path of the host. */
static int as_named_inside(const struct sight *s, struct btr_span outer, const char *doubt)
{
    struct btr_assets *a = s->assets;
    for (uint32_t n = 0; a->has_inner && n < a->container_count; n++) {
        const struct asset_container *c = &a->containers[n];
        for (uint32_t i = 0; is_of(s, c) && i <= c->mount_count; i++) {
            bool found = query_assets_inner(c, outer, i, &a->inner);
            if (a->inner.failed)
                return BTR_E_NOMEM;
            if (found)
                as_inner(s, btr_buffer_view(&a->inner), c->name, doubt);
        }
    }
    return 0;
}

/* A path inside a container, and what it is for the host and for other containers. */
static int seen_inside(const struct sight *s, const struct asset_container *c, const char *doubt)
{
    struct btr_assets *a = s->assets;
    as_inner(s, s->path, c->name, doubt);
    bool found = query_assets_outer(c, s->path, &a->outer);
    if (a->outer.failed)
        return BTR_E_NOMEM;
    if (!found)
        return 0;
    as_outer(s, btr_buffer_view(&a->outer), doubt);
    return as_named_inside(s, btr_buffer_view(&a->outer), doubt);
}

/* Whether the records tell a container's root on a host: then all that it names is known to be
 * inside. */
static bool was_seen(const struct btr_assets *a, uint32_t container, struct btr_span host)
{
    for (uint32_t i = 0; i < a->root_count; i++)
        if (a->roots[i].container == container && btr_span_equal(a->roots[i].host, host))
            return true;
    return false;
}

/* Containers of which no start was seen may be where a path was told. */
static int seen_inside_unseen(const struct sight *s, const char *doubt)
{
    struct btr_assets *a = s->assets;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < a->container_count; i++)
        if (is_of(s, &a->containers[i]) && !was_seen(a, i, s->host))
            rc = seen_inside(s, &a->containers[i], doubt);
    return rc;
}

/* @return whether a root is that of a listed container, or a failure */
static int seen_under_root(const struct sight *s, struct btr_span root)
{
    struct btr_assets *a = s->assets;
    int rc = 0;
    bool known = false;
    for (uint32_t i = 0; rc == 0 && i < a->root_count; i++) {
        const struct asset_root *r = &a->roots[i];
        if (!btr_span_equal(r->root, root) || !btr_span_equal(r->host, s->host))
            continue;
        known = true;
        rc = seen_inside(s, &a->containers[r->container], r->is_shared ? DOUBT_SHARED : NULL);
    }
    return rc < 0 ? rc : known;
}

static int path_gather(const struct sight *s, struct btr_span root)
{
    if (root.size == 0) {
        as_outer(s, s->path, NULL);
        int rc = as_named_inside(s, s->path, NULL);
        return rc < 0 ? rc : seen_inside_unseen(s, DOUBT_LATE);
    }
    int known = seen_under_root(s, root);
    if (known != 0)
        return known < 0 ? known : 0;
    as_outer(s, s->path, DOUBT_UNLISTED);
    as_inner(s, s->path, root, NULL); /* a row may name a container that is not listed */
    return seen_inside_unseen(s, DOUBT_ROOT);
}

static int file_gather(struct btr_assets *a, const struct btr_entity *e)
{
    struct btr_span root = value_of(e, BTR_ATTR_FILE_ROOT);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < e->attr_count; i++) {
        struct sight s = {a, e->host, e->attrs[i].value};
        if (e->attrs[i].key == BTR_ATTR_FILE_PATH)
            rc = path_gather(&s, root);
    }
    return rc;
}

/* ---- All else ---- */

static bool account_fits(const struct btr_asset *a, const struct btr_entity *e)
{
    if (e->kind != BTR_KIND_USER && e->kind != BTR_KIND_SESSION && e->kind != BTR_KIND_PROCESS)
        return false;
    return any_value_fits(e, BTR_ATTR_USER_NAME, a->what) ||
           any_value_fits(e, BTR_ATTR_USER_ID, a->what);
}

/* @param doubt  receives one when the root may be of several */
static bool container_fits(const struct btr_assets *assets, const struct btr_asset *a,
                           const struct btr_entity *e, const char **doubt)
{
    struct btr_span root = value_of(e, BTR_ATTR_FILE_ROOT);
    if (any_value_fits(e, BTR_ATTR_CONTAINER_ID, a->container))
        return true;
    if (root.size == 0)
        return false;
    if (is_anywhere(a->container) || query_glob_name(a->container, root))
        return true;
    bool known = false;
    for (uint32_t i = 0; i < assets->root_count; i++) {
        const struct asset_root *r = &assets->roots[i];
        if (!btr_span_equal(r->root, root) || !btr_span_equal(r->host, e->host))
            continue;
        known = true;
        *doubt = r->is_shared ? DOUBT_SHARED : NULL;
        if (query_glob_name(a->container, assets->containers[r->container].name))
            return true;
    }
    *doubt = DOUBT_ROOT;
    for (uint32_t i = 0; !known && i < assets->container_count; i++) {
        const struct asset_container *c = &assets->containers[i];
        if (!was_seen(assets, i, e->host) && host_fits(c->host, e->host) &&
            query_glob_name(a->container, c->name))
            return true;
    }
    return false;
}

bool query_assets_listens(const struct btr_entity *e)
{
    return e->host.size > 0 && !(e->flags & BTR_ENTITY_HALF) &&
           value_of(e, BTR_ATTR_SOURCE_IP).size == 0;
}

bool query_assets_port_fits(const struct asset_row *row, const struct btr_entity *e)
{
    uint64_t port = 0;
    return e->kind == BTR_KIND_FLOW &&
           btr_span_number(value_of(e, BTR_ATTR_DESTINATION_PORT), 10, &port) &&
           port == row->port &&
           query_equal_folded(value_of(e, BTR_ATTR_NETWORK_TRANSPORT), row->transport);
}

/* A connection to a port is of the service when its server is one of the row's hosts: because that
 * host listens there, or connects to itself, or was seen to serve at the address. */
static bool service_fits(const struct btr_assets *assets, uint32_t i, const struct btr_entity *e)
{
    const struct asset_row *row = &assets->rows[i];
    if (!query_assets_port_fits(row, e))
        return false;
    struct btr_span ip = value_of(e, BTR_ATTR_DESTINATION_IP);
    bool own = query_assets_listens(e) || btr_address_is_any(ip) || btr_address_is_loopback(ip);
    if (is_anywhere(row->asset.host) || (own && host_fits(row->asset.host, e->host)))
        return true;
    for (uint32_t n = 0; n < assets->address_count; n++)
        if (assets->addresses[n].row == i && btr_span_equal(assets->addresses[n].ip, ip))
            return true;
    return false;
}

static bool address_fits(const struct asset_row *row, const struct btr_entity *e)
{
    return e->kind == BTR_KIND_FLOW &&
           (query_cidr_holds(&row->cidr, value_of(e, BTR_ATTR_SOURCE_IP)) ||
            query_cidr_holds(&row->cidr, value_of(e, BTR_ATTR_DESTINATION_IP)));
}

static bool row_fits(const struct btr_assets *assets, uint32_t i, const struct btr_entity *e,
                     const char **doubt)
{
    const struct asset_row *row = &assets->rows[i];
    if (row->asset.kind == BTR_ASSET_SERVICE)
        return service_fits(assets, i, e);
    if (row->asset.kind == BTR_ASSET_ADDRESS)
        return address_fits(row, e);
    if (!host_fits(row->asset.host, e->host))
        return false;
    switch (row->asset.kind) {
    case BTR_ASSET_HOST:
        return e->host.size > 0;
    case BTR_ASSET_ACCOUNT:
        return account_fits(&row->asset, e);
    case BTR_ASSET_CONTAINER:
        return container_fits(assets, &row->asset, e, doubt);
    case BTR_ASSET_SHARE:
        return e->kind == BTR_KIND_SHARE && any_value_fits(e, BTR_ATTR_SHARE_NAME, row->asset.what);
    default:
        return false;
    }
}

int query_assets_gather(struct btr_assets *assets, const struct btr_entity *e)
{
    hits_begin(assets);
    int rc = e->kind == BTR_KIND_FILE ? file_gather(assets, e) : 0;
    for (uint32_t i = 0; i < assets->other_count; i++) {
        const char *doubt = NULL;
        if (row_fits(assets, assets->others[i], e, &doubt))
            hit(assets, &assets->rows[assets->others[i]], doubt);
    }
    hits_sort(assets);
    return rc;
}

int btr_assets_of(struct btr_assets *assets, const struct btr_entity *entity,
                  btr_asset_visit *visit, void *self, struct btr_err *err)
{
    int rc = query_assets_gather(assets, entity);
    if (rc < 0)
        return btr_fail(err, rc, UINT64_MAX, "out of memory while looking for assets");
    for (uint32_t i = 0; rc == 0 && i < assets->hits.count; i++) {
        uint32_t row = assets->hits.rows[i];
        rc = visit(self, row, entity, assets->hits.doubts[row]);
    }
    return rc;
}
