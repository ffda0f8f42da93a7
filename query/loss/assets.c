/* An inventory in memory. */
#include "assets.h"

#include <assert.h>
#include <stdlib.h>

void btr_assets_free(struct btr_assets *assets)
{
    if (!assets)
        return;
    btr_u64map_fini(&assets->index.first);
    query_assets_pairs_fini(&assets->pairs);
    btr_buffer_fini(&assets->outer);
    btr_buffer_fini(&assets->inner);
    btr_arena_free(assets->arena);
    btr_arena_free(assets->learned);
    free(assets->hits.rows);
    free(assets->hits.stamps);
    free(assets->hits.doubts);
    free(assets->others);
    free(assets->containers);
    free(assets->addresses);
    free(assets->roots);
    free(assets->rows);
    free(assets);
}

uint32_t btr_assets_count(const struct btr_assets *assets)
{
    return assets->count;
}

const struct btr_asset *btr_assets_at(const struct btr_assets *assets, uint32_t i)
{
    assert(i < assets->count);
    return &assets->rows[i].asset;
}

const char *btr_asset_kind_word(enum btr_asset_kind kind)
{
    static const char *const WORDS[BTR_ASSET_KINDS] = {"files",   "host",  "account", "container",
                                                       "service", "share", "address"};
    assert((unsigned)kind < BTR_ASSET_KINDS);
    return WORDS[kind];
}

void *query_assets_room(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    uint32_t more = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = realloc(items, more * size);
    if (grown)
        *capacity = more;
    return grown;
}
