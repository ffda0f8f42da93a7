/* Rows of the chain as bytes, one by one and in packs (docs/FORMAT.md, "The chain"). */
#include <errno.h>
#include <stdlib.h>

#include "catalog_chain.h"
#include "catalog_rows.h"
#include "pack.h"

enum { PACK_RAW_MAX = 64 << 20 };

/* ---- Rows ----------------------------------------------------------------------------------- */

static bool roots_get(struct btr_cursor *c, struct btr_span *roots)
{
    uint64_t count;
    return btr_cursor_varint(c, &count) && count <= c->rest.size / BTR_SHA256_SIZE &&
           btr_cursor_span(c, (size_t)count * BTR_SHA256_SIZE, roots);
}

/* Reads what is told, which must be all of it. */
static bool told_get(struct chain_row *row)
{
    struct btr_cursor c = {.rest = row->told};
    uint64_t time_ns;
    if (!btr_cursor_u64(&c, &time_ns) || !btr_cursor_u8(&c, &row->kind) ||
        !roots_get(&c, &row->added) || !roots_get(&c, &row->removed) || c.rest.size != 0)
        return false;
    row->time_ns = (int64_t)time_ns;
    return true;
}

bool chain_get(struct btr_span key, struct btr_span value, struct chain_row *row)
{
    if (key.size != CHAIN_KEY_SIZE || value.size < 2 * (size_t)BTR_SHA256_SIZE)
        return false;
    *row = (struct chain_row){
        .sequence = catalog_number_of(key.at),
        .before = value.at,
        .head = value.at + value.size - BTR_SHA256_SIZE,
        .told = {value.at + BTR_SHA256_SIZE, value.size - 2 * (size_t)BTR_SHA256_SIZE}};
    return told_get(row);
}

bool chain_head_of(uint64_t sequence, const uint8_t before[BTR_SHA256_SIZE], struct btr_span told,
                   uint8_t head[BTR_SHA256_SIZE])
{
    uint8_t key[CHAIN_KEY_SIZE];
    catalog_number_key(key, sequence);
    const struct btr_span parts[] = {{key, sizeof(key)}, {before, BTR_SHA256_SIZE}, told};
    return btr_sha256_of(parts, 3, head);
}

/* ---- Visiting ------------------------------------------------------------------------------- */

struct visiting {
    chain_row_visit *visit;
    void *self;
};

static int row_visit(void *self, struct btr_span key, struct btr_span value)
{
    const struct visiting *v = self;
    struct chain_row row;
    return chain_get(key, value, &row) ? v->visit(v->self, &row) : CHAIN_MALFORMED;
}

static int raw_visit(const struct visiting *v, uint64_t sequence, uint32_t count,
                     struct btr_span raw)
{
    struct btr_cursor c = {.rest = raw};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct chain_row row = {.sequence = sequence + i};
        rc = catalog_text_get(&c, &row.told) && told_get(&row) ? v->visit(v->self, &row)
                                                               : CHAIN_MALFORMED;
    }
    return rc == 0 && c.rest.size != 0 ? CHAIN_MALFORMED : rc;
}

static int pack_visit(void *self, struct btr_span key, struct btr_span value)
{
    struct btr_cursor c = {.rest = value};
    uint32_t count, raw_size;
    if (key.size != CHAIN_KEY_SIZE || !btr_cursor_u32(&c, &count) ||
        !btr_cursor_u32(&c, &raw_size) || raw_size > PACK_RAW_MAX)
        return CHAIN_MALFORMED;
    uint8_t *raw = malloc((size_t)raw_size + 1);
    void *unpacker = store_unpacker_new();
    int rc = raw && unpacker ? 0 : ENOMEM;
    if (rc == 0)
        rc = store_unpack(unpacker, c.rest, raw, raw_size)
                 ? raw_visit(self, catalog_number_of(key.at), count,
                             (struct btr_span){raw, raw_size})
                 : CHAIN_MALFORMED;
    store_unpacker_free(unpacker);
    free(raw);
    return rc;
}

int chain_visit(struct store_catalog *c, chain_row_visit *visit, void *self)
{
    struct visiting v = {visit, self};
    int rc =
        c->has_packs ? catalog_table_visit(c, c->packs, (struct btr_span){0}, pack_visit, &v) : 0;
    return rc == 0 ? catalog_table_visit(c, c->chain, (struct btr_span){0}, row_visit, &v) : rc;
}

/* ---- Packing -------------------------------------------------------------------------------- */

/* Gathers the oldest rows that stand alone. @return how many, 0 when they do not follow from each
 * other */
static uint32_t rows_gather(const struct store_catalog *c, MDB_cursor *cursor, uint64_t *sequence,
                            struct btr_buffer *raw)
{
    struct btr_span key = {0}, value;
    uint8_t head[BTR_SHA256_SIZE], before[BTR_SHA256_SIZE];
    uint32_t count = 0;
    int rc = catalog_cursor_get(c, cursor, &key, &value, MDB_FIRST);
    for (; rc == 0 && count < CHAIN_PACK_ROWS; count++) {
        struct chain_row row;
        if (!chain_get(key, value, &row) ||
            !chain_head_of(row.sequence, row.before, row.told, head) ||
            memcmp(head, row.head, sizeof(head)) != 0 ||
            (count > 0 && (row.sequence != *sequence + count ||
                           memcmp(row.before, before, sizeof(before)) != 0)))
            return 0;
        memcpy(before, head, sizeof(before));
        if (count == 0)
            *sequence = row.sequence;
        catalog_text_put(raw, row.told);
        rc = catalog_cursor_get(c, cursor, &key, &value, MDB_NEXT);
    }
    return rc == 0 && !raw->failed && raw->size <= PACK_RAW_MAX ? count : 0;
}

static int pack_put(struct store_catalog *c, MDB_txn *txn, uint64_t sequence, uint32_t count,
                    const struct btr_buffer *raw)
{
    struct btr_buffer value = {0};
    uint8_t key[CHAIN_KEY_SIZE];
    catalog_number_key(key, sequence);
    btr_buffer_u32(&value, count);
    btr_buffer_u32(&value, (uint32_t)raw->size);
    int rc = store_pack(&value, btr_buffer_view(raw)) && !value.failed
                 ? catalog_row_put(txn, c->packs, (struct btr_span){key, sizeof(key)},
                                   btr_buffer_view(&value))
                 : ENOMEM;
    btr_buffer_fini(&value);
    return rc;
}

static int rows_remove(MDB_cursor *cursor, uint32_t count)
{
    MDB_val key, value;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (rc == 0)
            rc = mdb_cursor_del(cursor, 0);
    }
    return rc;
}

/* @param packed  whether there was something to pack */
static int pack_one(struct store_catalog *c, MDB_txn *txn, uint64_t last, bool *packed)
{
    struct btr_buffer raw = {0};
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    uint64_t sequence = 0;
    uint32_t count = 0;
    int rc = mdb_cursor_open(txn, c->chain, &cursor);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    if (rc == 0 && key.mv_size == CHAIN_KEY_SIZE &&
        last - catalog_number_of(key.mv_data) >= 2 * (uint64_t)CHAIN_PACK_ROWS)
        count = rows_gather(c, cursor, &sequence, &raw);
    if (rc == 0 && count > 0)
        rc = pack_put(c, txn, sequence, count, &raw);
    if (rc == 0)
        rc = rows_remove(cursor, count);
    mdb_cursor_close(cursor);
    btr_buffer_fini(&raw);
    *packed = count > 0;
    return rc;
}

int chain_pack(struct store_catalog *c, MDB_txn *txn, uint64_t last)
{
    bool packed = last % CHAIN_PACK_EVERY == 0;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && packed && i < CHAIN_PACKS_AT_ONCE; i++) {
        rc = pack_one(c, txn, last, &packed);
        if (rc == 0 && packed && c->version < CATALOG_VERSION_PACKS)
            rc = catalog_version_put(c, txn, CATALOG_VERSION_PACKS);
    }
    return rc;
}
