/* Which rows a path may belong to: by the folder that their globs spell out, or the whole path, or
 * the last name. */
#include "assets.h"

#include <assert.h>

/* FNV-1a (Fowler, Noll, Vo), as it grows with a path byte by byte. What meets by chance, or on
 * purpose, is told apart by the glob. */
static const uint64_t FNV_PRIME = UINT64_C(0x100000001b3);

enum place { PLACE_FOLDER, PLACE_WHOLE, PLACE_NAME };

static uint64_t hash_begin(enum place place)
{
    return UINT64_C(0xcbf29ce484222325) + (uint64_t)place;
}

/* Letters of either case, and both separators, are one: so a place serves paths of all systems. */
static uint64_t hash_add(uint64_t hash, uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        c = (uint8_t)(c + 32);
    return (hash ^ (c == '\\' ? '/' : c)) * FNV_PRIME;
}

static uint64_t hash_of(enum place place, struct btr_span text)
{
    uint64_t hash = hash_begin(place);
    for (size_t i = 0; i < text.size; i++)
        hash = hash_add(hash, text.at[i]);
    return hash;
}

/* ---- Sizes: of most paths nothing that is spelled out has the size, and no hash is needed ---- */

static void size_add(struct asset_sizes *sizes, size_t size)
{
    assert(size / 64 < sizeof sizes->bits / sizeof *sizes->bits);
    sizes->bits[size / 64] |= UINT64_C(1) << size % 64;
}

static bool size_occurs(const struct asset_sizes *sizes, size_t size)
{
    return size / 64 < sizeof sizes->bits / sizeof *sizes->bits &&
           (sizes->bits[size / 64] >> size % 64 & 1);
}

/* ---- Places ---- */

static bool is_separator(uint8_t c)
{
    return c == '/' || c == '\\';
}

static bool is_special(uint8_t c)
{
    return c == '*' || c == '?' || c == '[';
}

static struct btr_span last_name(struct btr_span path)
{
    size_t i = path.size;
    while (i > 0 && !is_separator(path.at[i - 1]))
        i--;
    return (struct btr_span){path.at + i, path.size - i};
}

static bool is_literal(struct btr_span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (is_special(text.at[i]))
            return false;
    return true;
}

/* The last name of what a pattern fits, as far as the pattern tells it alone. */
static struct btr_span loose_of(struct btr_span pattern)
{
    struct btr_span name = last_name(pattern), from = name;
    for (size_t i = 0; i + 1 < name.size; i++)
        if (name.at[i] == '*' && name.at[i + 1] == '*')
            from = (struct btr_span){name.at + i, name.size - i};
    return from;
}

/* Where a row stands: under its whole path, or the folders that it spells out; one that spells out
 * none, under its last name if it spells out that. */
static uint64_t place_of(struct asset_index *index, struct asset_row *row)
{
    struct btr_span pattern = row->pattern, name = last_name(pattern);
    size_t spelled = 0, folder = 0;
    while (spelled < pattern.size && !is_special(pattern.at[spelled])) {
        folder = is_separator(pattern.at[spelled]) ? spelled + 1 : folder;
        spelled++;
    }
    row->loose = loose_of(pattern);
    row->spelled = (struct btr_span){pattern.at, spelled == pattern.size ? spelled : folder};
    if (spelled == pattern.size) {
        size_add(&index->wholes, spelled);
        return hash_of(PLACE_WHOLE, pattern);
    }
    if (folder <= 1 && is_literal(name)) {
        size_add(&index->names, name.size);
        return hash_of(PLACE_NAME, name);
    }
    size_add(&index->folders, folder);
    index->longest = folder > index->longest ? folder : index->longest;
    return hash_of(PLACE_FOLDER, row->spelled);
}

bool query_assets_index(struct btr_assets *assets)
{
    for (uint32_t i = assets->count; i-- > 0;) { /* so that rows of a place ascend */
        struct asset_row *row = &assets->rows[i];
        if (row->asset.kind != BTR_ASSET_FILES)
            continue;
        uint64_t place = place_of(&assets->index, row);
        row->next = btr_u64map_get(&assets->index.first, place);
        if (!btr_u64map_set(&assets->index.first, place, i))
            return false;
    }
    return true;
}

static void place_visit(const struct btr_assets *assets, uint64_t place, query_asset_row *visit,
                        void *self)
{
    uint32_t i = btr_u64map_get(&assets->index.first, place);
    for (; i != UINT32_MAX; i = assets->rows[i].next)
        visit(self, &assets->rows[i]);
}

void query_assets_places(const struct btr_assets *assets, struct btr_span path,
                         query_asset_row *visit, void *self)
{
    const struct asset_index *index = &assets->index;
    uint64_t folder = hash_begin(PLACE_FOLDER);
    if (size_occurs(&index->folders, 0))
        place_visit(assets, folder, visit, self);
    for (size_t i = 0; i < path.size && i < index->longest; i++) {
        folder = hash_add(folder, path.at[i]);
        if (is_separator(path.at[i]) && size_occurs(&index->folders, i + 1))
            place_visit(assets, folder, visit, self);
    }
    if (size_occurs(&index->wholes, path.size))
        place_visit(assets, hash_of(PLACE_WHOLE, path), visit, self);
    struct btr_span name = last_name(path);
    if (size_occurs(&index->names, name.size))
        place_visit(assets, hash_of(PLACE_NAME, name), visit, self);
}
