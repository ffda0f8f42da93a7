/*
 * Whether a path may be of any asset, when neither the host nor the view is known: asked of every
 * string of a store. What may be is looked at in full later, so more may pass than is found; but
 * nothing may fail that would be found. So mounts that cover others, and hosts, are left out of it.
 */
#include "assets.h"

struct may {
    struct btr_assets *assets;
    struct btr_span path, name; /* the name at hand, and its last part */
    bool found;
};

static struct btr_span last_part(struct btr_span path)
{
    size_t i = path.size;
    while (i > 0 && path.at[i - 1] != '/' && path.at[i - 1] != '\\')
        i--;
    return (struct btr_span){path.at + i, path.size - i};
}

/* A row that spells out no folder may fit the path under a name that is not tried, as its last part
 * is one under all of them. */
static void may_row(void *self, const struct asset_row *row)
{
    struct may *m = self;
    if (m->found)
        return;
    m->found = query_glob_path(row->pattern, m->path);
    if (!m->found && m->assets->pairs.count > 0 && row->spelled.size <= 1)
        m->found = query_glob_name(row->loose, m->name);
}

static bool as_path(struct btr_assets *a, struct btr_span path)
{
    struct may m = {.assets = a, .path = path, .name = last_part(path)};
    query_assets_places(a, path, may_row, &m);
    return m.found;
}

/* The path of a folder that is kept without a slash. */
static struct btr_span folder_path(struct btr_span folder)
{
    return folder.size ? folder : BTR_SPAN("/");
}

static struct btr_span path_folder(struct btr_span path)
{
    return path.size == 1 && path.at[0] == '/' ? (struct btr_span){NULL, 0} : path;
}

/* What containers call a path of the host. */
static int may_be_inner(struct btr_assets *a, struct btr_span outer)
{
    const struct asset_pairs *pairs = &a->pairs;
    struct btr_span rest, folder = path_folder(outer);
    uint32_t i = query_pairs_of(pairs, folder, false);
    for (; i != UINT32_MAX; i = pairs->items[i].next_outer)
        if (btr_span_equal(pairs->items[i].outer, folder) &&
            as_path(a, folder_path(pairs->items[i].inner)))
            return 1;
    for (uint32_t n = 0; n < pairs->inner_lead_count; n++) {
        const struct asset_pair *p = &pairs->items[pairs->inner_lead[n]];
        if (!query_path_under(p->outer, outer, &rest))
            continue;
        query_path_join(&a->inner, p->inner, rest);
        if (a->inner.failed)
            return BTR_E_NOMEM;
        if (as_path(a, btr_buffer_view(&a->inner)))
            return 1;
    }
    return 0;
}

static int may_be_outer(struct btr_assets *a, struct btr_span outer)
{
    if (as_path(a, outer))
        return 1;
    return a->has_inner ? may_be_inner(a, outer) : 0;
}

int query_assets_may_be(struct btr_assets *a, struct btr_span path)
{
    const struct asset_pairs *pairs = &a->pairs;
    struct btr_span rest, folder = path_folder(path);
    int rc = may_be_outer(a, path);
    uint32_t i = pairs->count ? query_pairs_of(pairs, folder, true) : UINT32_MAX;
    for (; rc == 0 && i != UINT32_MAX; i = pairs->items[i].next_inner)
        if (btr_span_equal(pairs->items[i].inner, folder))
            rc = may_be_outer(a, folder_path(pairs->items[i].outer));
    for (uint32_t n = 0; rc == 0 && n < pairs->outer_lead_count; n++) {
        const struct asset_pair *p = &pairs->items[pairs->outer_lead[n]];
        if (!query_path_under(p->inner, path, &rest))
            continue;
        query_path_join(&a->outer, p->outer, rest);
        rc = a->outer.failed ? BTR_E_NOMEM : may_be_outer(a, btr_buffer_view(&a->outer));
    }
    return rc;
}
