/* Section values: which entity blocks hold a value of an attribute (docs/FORMAT.md). */
#include "seal.h"
#include "seal_buckets.h"
#include "values.h"

static int row_compare(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    return (a > b) - (a < b);
}

/* Top half of the hash, and the entity block, of every attribute that is listed. */
static uint32_t rows_gather(const struct store_sealer *s, uint64_t *rows)
{
    const struct store_builder *b = s->builder;
    uint32_t count = 0, kept = 0;
    for (uint32_t n = 0; n < b->entity_count; n++)
        for (uint32_t i = s->attr_begin[n]; i < s->attr_begin[n + 1]; i++) {
            const struct builder_attr *a = &b->attrs[s->attr_order[i]];
            if (!store_value_is_listed(a->key))
                continue;
            uint64_t hash = store_value_hash(a->key, store_strings_at(&b->strings, a->value));
            rows[count++] = (hash >> 32 << 32) | n / STORE_ENTITY_ROWS;
        }
    if (count > 1)
        qsort(rows, count, sizeof(*rows), row_compare);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || rows[i] != rows[kept - 1])
            rows[kept++] = rows[i];
    return kept;
}

int store_seal_values(struct store_sealer *s, struct btr_err *err)
{
    uint64_t *rows = malloc(((size_t)s->attr_count + 1) * sizeof(*rows));
    if (!rows)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    uint32_t count = rows_gather(s, rows);
    uint32_t blocks = (s->builder->entity_count + STORE_ENTITY_ROWS - 1) / STORE_ENTITY_ROWS;
    int rc = store_seal_buckets(&s->packer, STORE_VALUES, rows, count, blocks, err);
    free(rows);
    return rc;
}
