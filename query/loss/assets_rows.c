/* What a row of assets.yaml means. */
#include "assets_rows.h"

/* Keys that say what a row names; one of them at most. A container may stand beside a path. */
static const struct {
    enum asset_field_number field;
    enum btr_asset_kind kind;
} NAMED[] = {
    {ASSET_FIELD_PATH, BTR_ASSET_FILES},      {ASSET_FIELD_ACCOUNT, BTR_ASSET_ACCOUNT},
    {ASSET_FIELD_SERVICE, BTR_ASSET_SERVICE}, {ASSET_FIELD_SHARE, BTR_ASSET_SHARE},
    {ASSET_FIELD_ADDRESS, BTR_ASSET_ADDRESS},
};

static bool refuse(struct asset_wrong *wrong, const struct asset_field *field, const char *what)
{
    *wrong = (struct asset_wrong){field, what};
    return false;
}

static bool is_separator(uint8_t c)
{
    return c == '/' || c == '\\';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- Paths ---- */

static bool has_separator(struct btr_span path)
{
    for (size_t i = 0; i < path.size; i++)
        if (is_separator(path.at[i]))
            return true;
    return false;
}

static bool is_rooted(struct btr_span path)
{
    if (path.size >= 2 && is_letter(path.at[0]) && path.at[1] == ':')
        return true;
    return is_separator(path.at[0]) || btr_span_begins(path, BTR_SPAN("**"));
}

static bool has_dots(struct btr_span path)
{
    size_t begin = 0;
    for (size_t i = 0; i <= path.size; i++) {
        if (i < path.size && !is_separator(path.at[i]))
            continue;
        struct btr_span part = {path.at + begin, i - begin};
        if (btr_span_equal(part, BTR_SPAN(".")) || btr_span_equal(part, BTR_SPAN("..")))
            return true;
        begin = i + 1;
    }
    return false;
}

/* The glob of a path: a name alone is one in any folder, and a folder's name with a separator
 * behind it is all that lies in it. */
static bool pattern_make(struct asset_row *row, const struct asset_field *path,
                         struct btr_arena *arena, struct asset_wrong *wrong)
{
    struct btr_span text = path->text;
    bool named = !has_separator(text), open = is_separator(text.at[text.size - 1]);
    if (!named && !is_rooted(text))
        return refuse(wrong, path,
                      "'path' must begin with /, a drive letter, \\ or **, or be a name alone");
    if (has_dots(text))
        return refuse(wrong, path, "'path' has a part . or .., which no path in the records has");
    if (query_glob_splits(text))
        return refuse(wrong, path,
                      "'path' has a set [..] with a separator in it, which no path fits");
    row->pattern = text;
    if (!named && !open)
        return true;
    uint8_t *at = btr_arena_alloc(arena, text.size + 3, 1);
    if (!at)
        return refuse(wrong, path, NULL);
    size_t before = named ? 3 : 0, after = open ? 2 : 0;
    memcpy(at, "**/", before);
    memcpy(at + before, text.at, text.size);
    memcpy(at + before + text.size, "**", after);
    row->pattern = (struct btr_span){at, before + text.size + after};
    return true;
}

/* ---- Services and addresses ---- */

static bool service_make(struct asset_row *row, const struct asset_field *service,
                         struct asset_wrong *wrong)
{
    static const char *const FORM = "'service' must be tcp/PORT or udp/PORT";
    struct btr_span text = service->text;
    const uint8_t *slash = memchr(text.at, '/', text.size);
    size_t size = slash ? (size_t)(slash - text.at) : 0;
    uint64_t port = 0;
    struct btr_span transport = {text.at, size};
    if (!query_equal_folded(transport, BTR_SPAN("tcp")) &&
        !query_equal_folded(transport, BTR_SPAN("udp")))
        return refuse(wrong, service, FORM);
    struct btr_span rest = {slash + 1, text.size - size - 1};
    if (!btr_span_number(rest, 10, &port) || port == 0 || port > UINT16_MAX)
        return refuse(wrong, service, FORM);
    row->transport = transport;
    row->port = (uint32_t)port;
    return true;
}

static bool address_make(struct asset_row *row, const struct asset_field *address,
                         struct asset_wrong *wrong)
{
    if (!row->asset.is_exit)
        return refuse(wrong, address,
                      "an address is an asset as a way out only: 'classification: exit'");
    if (row->asset.host.size != 1 || row->asset.host.at[0] != '*')
        return refuse(wrong, address, "'address' stands without a 'host': it is nobody's");
    if (!query_cidr_parse(&row->cidr, address->text))
        return refuse(wrong, address,
                      "'address' must be an address or a range, such as 192.0.2.0/24");
    return true;
}

/* ---- Rows ---- */

static bool kind_find(struct btr_asset *asset, const struct asset_field *fields,
                      struct asset_wrong *wrong)
{
    const struct asset_field *container = &fields[ASSET_FIELD_CONTAINER], *found = NULL;
    asset->kind = container->is_set ? BTR_ASSET_CONTAINER : BTR_ASSET_HOST;
    for (size_t i = 0; i < sizeof NAMED / sizeof *NAMED; i++) {
        const struct asset_field *field = &fields[NAMED[i].field];
        if (!field->is_set)
            continue;
        if (found)
            return refuse(wrong, field,
                          "a row names one of path, account, service, share and address");
        if (container->is_set && NAMED[i].kind != BTR_ASSET_FILES)
            return refuse(wrong, container, "'container' stands alone or with 'path'");
        found = field;
        asset->kind = NAMED[i].kind;
        asset->what = field->text;
    }
    if (asset->kind == BTR_ASSET_HOST && !fields[ASSET_FIELD_HOST].is_set)
        return refuse(wrong, NULL, "an asset that names neither a host nor anything on one");
    return true;
}

bool query_row_make(struct asset_row *row, const struct asset_field fields[ASSET_FIELDS],
                    struct btr_arena *arena, struct asset_wrong *wrong)
{
    struct btr_asset *a = &row->asset;
    if (!fields[ASSET_FIELD_NAME].is_set)
        return refuse(wrong, NULL, "an asset without a 'name'");
    a->name = fields[ASSET_FIELD_NAME].text;
    a->classification = fields[ASSET_FIELD_CLASSIFICATION].text;
    a->owner = fields[ASSET_FIELD_OWNER].text;
    a->container = fields[ASSET_FIELD_CONTAINER].text;
    a->host = fields[ASSET_FIELD_HOST].is_set ? fields[ASSET_FIELD_HOST].text : BTR_SPAN("*");
    a->is_exit = query_equal_folded(a->classification, BTR_SPAN("exit"));
    if (!kind_find(a, fields, wrong))
        return false;
    switch (a->kind) {
    case BTR_ASSET_FILES:
        return pattern_make(row, &fields[ASSET_FIELD_PATH], arena, wrong);
    case BTR_ASSET_SERVICE:
        return service_make(row, &fields[ASSET_FIELD_SERVICE], wrong);
    case BTR_ASSET_ADDRESS:
        return address_make(row, &fields[ASSET_FIELD_ADDRESS], wrong);
    default:
        return true;
    }
}

/* ---- Containers ---- */

/* A folder without separators at its end; empty: the root. */
static struct btr_span folder(struct btr_span path)
{
    while (path.size > 0 && path.at[path.size - 1] == '/')
        path.size--;
    return path;
}

bool query_container_make(struct asset_container *c,
                          const struct asset_field fields[CONTAINER_FIELDS],
                          struct asset_wrong *wrong)
{
    const struct asset_field *root = &fields[CONTAINER_FIELD_ROOT];
    if (!fields[CONTAINER_FIELD_NAME].is_set)
        return refuse(wrong, NULL, "a container without a 'name'");
    if (!fields[CONTAINER_FIELD_HOST].is_set)
        return refuse(wrong, NULL, "a container without a 'host'");
    c->name = fields[CONTAINER_FIELD_NAME].text;
    c->host = fields[CONTAINER_FIELD_HOST].text;
    if (!root->is_set)
        return true;
    c->root = folder(root->text);
    if (root->text.at[0] != '/' || has_dots(root->text))
        return refuse(wrong, root, "'root' must be a folder of the host, from / on");
    if (c->root.size == 0)
        return refuse(wrong, root, "'root' is that of the host itself");
    return true;
}

const char *query_mount_make(struct asset_mount *out, struct btr_span text)
{
    static const char *const FORM = "must be /folder/of/host:/folder/inside";
    const uint8_t *colon = memchr(text.at, ':', text.size);
    if (!colon)
        return FORM;
    struct btr_span outer = {text.at, (size_t)(colon - text.at)};
    struct btr_span inner = {colon + 1, text.size - outer.size - 1};
    const uint8_t *options = inner.size ? memchr(inner.at, ':', inner.size) : NULL;
    if (options)
        inner.size = (size_t)(options - inner.at);
    if (outer.size == 0 || inner.size == 0 || outer.at[0] != '/' || inner.at[0] != '/')
        return FORM;
    if (has_dots(outer) || has_dots(inner))
        return "a part . or .., which no path in the records has";
    *out = (struct asset_mount){folder(outer), folder(inner)};
    return NULL;
}
