/* An inventory is refused with a place in the text, or its rows are whole and no two have one name;
 * and the rows that a path is told to belong to are those that a plain test of every row finds.
 * Paths are the lines of the text. */
#include <assert.h>
#include <stdlib.h>

#include "loss/assets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What was told of one entity: rows, ascending. */
struct told {
    uint32_t rows[64], count;
};

static int tell(void *self, uint32_t asset, const struct btr_entity *entity, const char *doubt)
{
    struct told *t = self;
    (void)entity;
    assert(!doubt || *doubt);
    if (t->count < 64)
        t->rows[t->count] = asset;
    assert(t->count == 0 || t->count >= 64 || t->rows[t->count - 1] < asset);
    t->count++;
    return 0;
}

static bool row_fits(const struct asset_row *row, const struct btr_entity *e)
{
    return row->asset.kind == BTR_ASSET_FILES && row->asset.container.size == 0 &&
           query_glob_name(row->asset.host, e->host) &&
           query_glob_path(row->pattern, e->attrs[0].value);
}

/* Through containers a file may belong to more. */
static void ask(struct btr_assets *assets, const struct btr_entity *e, bool exact)
{
    struct told t = {.count = 0};
    uint32_t files = 0;
    assert(btr_assets_of(assets, e, tell, &t, NULL) == 0);
    for (uint32_t i = 0; i < assets->count && t.count < 64; i++) {
        bool told = false;
        for (uint32_t n = 0; n < t.count; n++)
            told = told || t.rows[n] == i;
        if (assets->rows[i].asset.kind != BTR_ASSET_FILES)
            continue;
        bool fits = row_fits(&assets->rows[i], e);
        files += told;
        assert(fits ? told : !told || !exact);
    }
    int may = query_assets_may_be(assets, e->attrs[0].value);
    assert(may == 1 || (may == 0 && files == 0));
}

static void check_rows(const struct btr_assets *assets)
{
    for (uint32_t i = 0; i < btr_assets_count(assets); i++) {
        const struct btr_asset *a = btr_assets_at(assets, i);
        assert(a->name.size > 0 && a->host.size > 0 && a->line > 0 && a->column > 0);
        assert(btr_asset_kind_word(a->kind));
        assert(i == 0 || !btr_span_equal(a->name, btr_assets_at(assets, i - 1)->name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct btr_assets *assets = NULL;
    struct btr_err err = {0};
    int rc = btr_assets_read(&assets, (struct btr_span){data, size}, "a.yaml", &err);
    assert((rc == 0) == (assets != NULL));
    assert(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    assert(rc == 0 || err.offset <= size || err.offset == UINT64_MAX);
    if (rc < 0)
        return 0;
    check_rows(assets);
    struct btr_span root = {data, size < 4 ? size : 4};
    for (size_t at = 0, end; at < size; at = end + 1) {
        for (end = at; end < size && data[end] != '\n'; end++)
            ;
        struct btr_attr attrs[] = {{BTR_ATTR_FILE_PATH, 0, {data + at, end - at}},
                                   {BTR_ATTR_FILE_ROOT, 0, root}};
        struct btr_entity e = {
            .kind = BTR_KIND_FILE, .host = BTR_SPAN("db01"), .attrs = attrs, .attr_count = 1};
        ask(assets, &e, assets->container_count == 0);
        e.attr_count = 2; /* seen in a container */
        ask(assets, &e, false);
    }
    btr_assets_free(assets);
    return 0;
}
