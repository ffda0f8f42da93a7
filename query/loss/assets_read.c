/* assets.yaml: its rows, their places, and what is refused (docs/LOSS.md). */
#include "assets.h"
#include "assets_rows.h"
#include "assets_yaml.h"

#include <stdio.h>
#include <stdlib.h>

enum { MEMORY_MAX = 128 << 20, KEYS_TEXT_MAX = 160 };

struct reading {
    struct yaml_reader *yaml;
    struct btr_assets *assets;
    struct btr_idmap names, container_names;
    struct btr_err *err;
};

static int no_memory(const struct reading *r)
{
    return btr_fail(r->err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading the assets");
}

static int next(const struct reading *r, struct yaml_piece *out)
{
    return query_yaml_next(r->yaml, out, r->err);
}

#define REFUSE(r, place, ...)                                                                      \
    query_yaml_refuse((r)->yaml, BTR_E_FORMAT, place, (r)->err, __VA_ARGS__)

/* ---- Mappings ---- */

struct key {
    const char *name;
    bool is_list;
    uint32_t size_max; /* bytes; 0: no text */
};

static const struct key ROW_KEYS[ASSET_FIELDS] = {
    [ASSET_FIELD_HOST] = {"host", false, ASSETS_HOST_MAX},
    [ASSET_FIELD_PATH] = {"path", false, ASSETS_PATH_MAX},
    [ASSET_FIELD_NAME] = {"name", false, ASSETS_NAME_MAX},
    [ASSET_FIELD_CLASSIFICATION] = {"classification", false, ASSETS_NAME_MAX},
    [ASSET_FIELD_OWNER] = {"owner", false, ASSETS_NAME_MAX},
    [ASSET_FIELD_ACCOUNT] = {"account", false, ASSETS_HOST_MAX},
    [ASSET_FIELD_CONTAINER] = {"container", false, ASSETS_HOST_MAX},
    [ASSET_FIELD_SERVICE] = {"service", false, ASSETS_HOST_MAX},
    [ASSET_FIELD_SHARE] = {"share", false, ASSETS_HOST_MAX},
    [ASSET_FIELD_ADDRESS] = {"address", false, ASSETS_HOST_MAX},
};

static const struct key CONTAINER_KEYS[CONTAINER_FIELDS] = {
    [CONTAINER_FIELD_HOST] = {"host", false, ASSETS_HOST_MAX},
    [CONTAINER_FIELD_NAME] = {"name", false, ASSETS_HOST_MAX},
    [CONTAINER_FIELD_ROOT] = {"root", false, ASSETS_PATH_MAX},
    [CONTAINER_FIELD_MOUNTS] = {"mounts", true, 0},
};

static const struct key TOP_KEYS[] = {{"assets", true, 0}, {"containers", true, 0}};

static void keys_text(char *out, const struct key *keys, uint32_t count)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size +=
            (size_t)snprintf(out + size, KEYS_TEXT_MAX - size, "%s%s", i ? ", " : "", keys[i].name);
}

/* @return the number of a key that a piece is, or a failure */
static int key_find(const struct reading *r, const struct yaml_piece *piece, const struct key *keys,
                    uint32_t count, uint32_t *seen)
{
    char known[KEYS_TEXT_MAX];
    keys_text(known, keys, count);
    if (piece->what != YAML_TEXT)
        return REFUSE(r, piece->place, "a key is no text; known are %s", known);
    for (uint32_t i = 0; i < count; i++) {
        if (!btr_span_equal(piece->text, btr_span_of(keys[i].name)))
            continue;
        if (*seen & UINT32_C(1) << i)
            return REFUSE(r, piece->place, "'%s' stands twice", keys[i].name);
        *seen |= UINT32_C(1) << i;
        return (int)i;
    }
    int shown = piece->text.size < 64 ? (int)piece->text.size : 64;
    return REFUSE(r, piece->place, "no such key '%.*s'; known are %s", shown,
                  (const char *)piece->text.at, known);
}

static bool has_control(struct btr_span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] < 0x20 || text.at[i] == 0x7f)
            return true;
    return false;
}

/* Takes the text of a key, or of an item of a list. */
static int text_take(const struct reading *r, const struct key *key, const struct yaml_piece *piece,
                     struct asset_field *out)
{
    if (piece->what != YAML_TEXT)
        return REFUSE(r, piece->place, "'%s' must be text, not a %s", key->name,
                      piece->what == YAML_MAP ? "mapping" : "list");
    if (piece->is_null || piece->text.size == 0)
        return REFUSE(r, piece->place, "'%s' is empty", key->name);
    if (piece->text.size > key->size_max)
        return REFUSE(r, piece->place, "'%s' has %zu bytes; at most %u", key->name,
                      piece->text.size, key->size_max);
    if (has_control(piece->text))
        return REFUSE(r, piece->place, "'%s' has a control character", key->name);
    out->place = piece->place;
    out->is_set = true;
    return btr_arena_copy(r->assets->arena, piece->text, &out->text) ? 0 : no_memory(r);
}

/* ---- Containers ---- */

/** Mounts of the container at hand. */
struct mounts {
    struct asset_mount *items;
    uint32_t count, capacity;
};

static int mount_take(const struct reading *r, const struct yaml_piece *piece, struct mounts *out)
{
    static const struct key ITEM = {"mounts", false, 2 * ASSETS_PATH_MAX + 1};
    struct asset_field field = {0};
    if (out->count >= ASSETS_MOUNTS_MAX)
        return REFUSE(r, piece->place, "more than %d mounts of one container", ASSETS_MOUNTS_MAX);
    int rc = text_take(r, &ITEM, piece, &field);
    if (rc < 0)
        return rc;
    struct asset_mount *grown =
        query_assets_room(out->items, out->count, &out->capacity, sizeof *grown);
    if (!grown)
        return no_memory(r);
    out->items = grown;
    const char *wrong = query_mount_make(&grown[out->count++], field.text);
    return wrong ? REFUSE(r, field.place, "'mounts': %s", wrong) : 0;
}

static int mounts_read(const struct reading *r, const struct yaml_piece *list, struct mounts *out)
{
    struct yaml_piece piece;
    int rc;
    if (list->what != YAML_LIST)
        return REFUSE(r, list->place, "'mounts' must be a list");
    while ((rc = next(r, &piece)) == 0 && piece.what != YAML_END)
        if ((rc = mount_take(r, &piece, out)) < 0)
            return rc;
    return rc;
}

/* Takes keys and values up to the end of the mapping. */
static int container_fill(const struct reading *r, struct asset_field *fields,
                          struct mounts *mounts)
{
    struct yaml_piece piece;
    uint32_t seen = 0;
    for (;;) {
        int rc = next(r, &piece);
        if (rc < 0 || piece.what == YAML_END)
            return rc;
        int key = key_find(r, &piece, CONTAINER_KEYS, CONTAINER_FIELDS, &seen);
        rc = key < 0 ? key : next(r, &piece);
        if (rc == 0 && key == CONTAINER_FIELD_MOUNTS)
            rc = mounts_read(r, &piece, mounts);
        else if (rc == 0)
            rc = text_take(r, &CONTAINER_KEYS[key], &piece, &fields[key]);
        if (rc < 0)
            return rc;
    }
}

static int container_add(struct reading *r, const struct asset_field *fields,
                         const struct mounts *mounts, struct yaml_place place)
{
    struct btr_assets *a = r->assets;
    struct asset_container *grown =
        query_assets_room(a->containers, a->container_count, &a->container_capacity, sizeof *grown);
    struct asset_mount *kept =
        btr_arena_alloc(a->arena, mounts->count * sizeof *kept, _Alignof(struct asset_mount));
    if (grown)
        a->containers = grown;
    if (!grown || !kept)
        return no_memory(r);
    if (mounts->count > 0)
        memcpy(kept, mounts->items, mounts->count * sizeof *kept);
    struct asset_container *c = &grown[a->container_count];
    *c = (struct asset_container){.mounts = kept, .mount_count = mounts->count};
    struct asset_wrong wrong = {0};
    if (!query_container_make(c, fields, &wrong))
        return REFUSE(r, wrong.field ? wrong.field->place : place, "%s", wrong.what);
    struct btr_span parts[] = {c->host, c->name};
    uint32_t was = btr_idmap_add(&r->container_names, btr_id_of(parts, 2), a->container_count);
    if (was == UINT32_MAX)
        return no_memory(r);
    if (was != a->container_count)
        return REFUSE(r, fields[CONTAINER_FIELD_NAME].place,
                      "a container of this name and host stands there before");
    a->container_count++;
    return 0;
}

static int container_read(struct reading *r, struct yaml_place place)
{
    struct asset_field fields[CONTAINER_FIELDS] = {0};
    struct mounts mounts = {0};
    if (r->assets->container_count >= ASSETS_CONTAINERS_MAX)
        return query_yaml_refuse(r->yaml, BTR_E_LIMIT, place, r->err, "more than %d containers",
                                 ASSETS_CONTAINERS_MAX);
    int rc = container_fill(r, fields, &mounts);
    if (rc == 0)
        rc = container_add(r, fields, &mounts, place);
    free(mounts.items);
    return rc;
}

/* ---- Assets ---- */

static int row_fill(const struct reading *r, struct asset_field *fields)
{
    struct yaml_piece piece;
    uint32_t seen = 0;
    for (;;) {
        int rc = next(r, &piece);
        if (rc < 0 || piece.what == YAML_END)
            return rc;
        int key = key_find(r, &piece, ROW_KEYS, ASSET_FIELDS, &seen);
        rc = key < 0 ? key : next(r, &piece);
        if (rc == 0)
            rc = text_take(r, &ROW_KEYS[key], &piece, &fields[key]);
        if (rc < 0)
            return rc;
    }
}

static int row_read(struct reading *r, struct yaml_place place)
{
    struct btr_assets *a = r->assets;
    struct asset_field fields[ASSET_FIELDS] = {0};
    if (a->count >= BTR_ASSETS_MAX)
        return query_yaml_refuse(r->yaml, BTR_E_LIMIT, place, r->err, "more than %d assets",
                                 BTR_ASSETS_MAX);
    struct asset_row *grown = query_assets_room(a->rows, a->count, &a->capacity, sizeof *grown);
    if (!grown)
        return no_memory(r);
    a->rows = grown;
    int rc = row_fill(r, fields);
    if (rc < 0)
        return rc;
    struct asset_row *row = &a->rows[a->count];
    struct asset_wrong wrong = {0};
    *row = (struct asset_row){.asset = {.line = place.line, .column = place.column}};
    if (!query_row_make(row, fields, a->arena, &wrong))
        return wrong.what ? REFUSE(r, wrong.field ? wrong.field->place : place, "%s", wrong.what)
                          : no_memory(r);
    uint32_t was = btr_idmap_add(&r->names, btr_id_hash(row->asset.name), a->count);
    if (was == UINT32_MAX)
        return no_memory(r);
    if (was != a->count)
        return REFUSE(r, fields[ASSET_FIELD_NAME].place, "the asset in line %u has this name, too",
                      a->rows[was].asset.line);
    a->of_kind[row->asset.kind]++;
    a->has_inner =
        a->has_inner || (row->asset.kind == BTR_ASSET_FILES && row->asset.container.size);
    a->count++;
    return 0;
}

/* ---- The document ---- */

typedef int item_read(struct reading *r, struct yaml_place place);

static int list_read(struct reading *r, const char *name, item_read *read)
{
    struct yaml_piece piece;
    int rc = next(r, &piece);
    if (rc == 0 && piece.what != YAML_LIST)
        return REFUSE(r, piece.place, "'%s' must be a list", name);
    while (rc == 0 && (rc = next(r, &piece)) == 0 && piece.what != YAML_END) {
        if (piece.what != YAML_MAP)
            return REFUSE(r, piece.place, "an item of '%s' must be a mapping", name);
        rc = read(r, piece.place);
    }
    return rc;
}

static int document_read(struct reading *r)
{
    struct yaml_piece top, piece;
    uint32_t seen = 0;
    int rc = next(r, &top);
    if (rc == 0 && top.what != YAML_MAP)
        return REFUSE(r, top.place, "no mapping with 'assets'");
    while (rc == 0 && (rc = next(r, &piece)) == 0 && piece.what != YAML_END) {
        int key = key_find(r, &piece, TOP_KEYS, 2, &seen);
        if (key < 0)
            return key;
        rc = list_read(r, TOP_KEYS[key].name, key == 0 ? row_read : container_read);
    }
    if (rc == 0)
        rc = next(r, &piece); /* what follows the mapping, up to the end of the text */
    if (rc == 0 && r->assets->count == 0)
        rc = REFUSE(r, top.place, "no assets: the list 'assets' is empty, or not there");
    return rc;
}

static int read_all(struct reading *r)
{
    struct btr_assets *a = r->assets;
    int rc = document_read(r);
    if (rc < 0)
        return rc;
    a->hits.rows = calloc(a->count, sizeof *a->hits.rows);
    a->hits.stamps = calloc(a->count, sizeof *a->hits.stamps);
    a->hits.doubts = calloc(a->count, sizeof *a->hits.doubts);
    a->others = calloc(a->count, sizeof *a->others);
    bool made = a->hits.rows && a->hits.stamps && a->hits.doubts && a->others;
    for (uint32_t i = 0; made && i < a->count; i++)
        if (a->rows[i].asset.kind != BTR_ASSET_FILES)
            a->others[a->other_count++] = i;
    return made && query_assets_index(a) && query_assets_pairs(a) ? 0 : no_memory(r);
}

int btr_assets_read(struct btr_assets **out, struct btr_span text, const char *name,
                    struct btr_err *err)
{
    *out = NULL;
    if (text.size > BTR_ASSETS_TEXT_MAX)
        return btr_fail(err, BTR_E_LIMIT, BTR_ASSETS_TEXT_MAX, "%s: longer than %d bytes", name,
                        BTR_ASSETS_TEXT_MAX);
    struct reading r = {.assets = calloc(1, sizeof *r.assets), .err = err};
    if (r.assets)
        r.assets->arena = btr_arena_new(MEMORY_MAX);
    int rc = r.assets && r.assets->arena ? query_yaml_new(&r.yaml, text, name, err) : no_memory(&r);
    if (rc == 0)
        rc = read_all(&r);
    query_yaml_free(r.yaml);
    btr_idmap_fini(&r.names);
    btr_idmap_fini(&r.container_names);
    if (rc == 0)
        *out = r.assets;
    else
        btr_assets_free(r.assets);
    return rc;
}
