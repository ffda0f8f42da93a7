/* The names that one file has for its host and inside of containers. */
#include "assets.h"

bool query_path_under(struct btr_span folder, struct btr_span path, struct btr_span *rest)
{
    if (!btr_span_begins(path, folder) || (path.size > folder.size && path.at[folder.size] != '/'))
        return false;
    *rest = (struct btr_span){path.at + folder.size, path.size - folder.size};
    if (rest->size == 1) /* a slash: the root itself */
        rest->size = 0;
    return true;
}

/* The mount that a path inside lies in: of those that hold it the one that lies deepest. */
static const struct asset_mount *mount_of(const struct asset_container *c, struct btr_span inner,
                                          struct btr_span *rest)
{
    const struct asset_mount *found = NULL;
    for (uint32_t i = 0; i < c->mount_count; i++) {
        struct btr_span left;
        if (!query_path_under(c->mounts[i].inner, inner, &left))
            continue;
        if (found && c->mounts[i].inner.size < found->inner.size)
            continue;
        found = &c->mounts[i];
        *rest = left;
    }
    return found;
}

void query_path_join(struct btr_buffer *out, struct btr_span folder, struct btr_span rest)
{
    btr_buffer_clear(out);
    btr_buffer_span(out, folder);
    btr_buffer_span(out, rest);
    if (out->size == 0)
        btr_buffer_u8(out, '/');
}

bool query_assets_outer(const struct asset_container *c, struct btr_span inner,
                        struct btr_buffer *out)
{
    struct btr_span rest = inner;
    const struct asset_mount *mount = mount_of(c, inner, &rest);
    if (!mount &&
        (c->root.size == 0 || !query_path_under((struct btr_span){NULL, 0}, inner, &rest)))
        return false; /* also of a name that begins nowhere */
    query_path_join(out, mount ? mount->outer : c->root, rest);
    return true;
}

/* A name inside is one only if no mount covers it. */
static bool is_open(const struct asset_container *c, const struct asset_mount *by,
                    const struct btr_buffer *inner)
{
    struct btr_span rest;
    return inner->failed || mount_of(c, btr_buffer_view(inner), &rest) == by;
}

bool query_assets_inner(const struct asset_container *c, struct btr_span outer, uint32_t i,
                        struct btr_buffer *out)
{
    struct btr_span rest;
    if (i == c->mount_count) {
        if (c->root.size == 0 || !query_path_under(c->root, outer, &rest))
            return false;
        query_path_join(out, (struct btr_span){NULL, 0}, rest);
        return is_open(c, NULL, out);
    }
    if (!query_path_under(c->mounts[i].outer, outer, &rest))
        return false;
    query_path_join(out, c->mounts[i].inner, rest);
    return is_open(c, &c->mounts[i], out);
}
