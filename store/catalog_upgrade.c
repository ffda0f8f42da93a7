/* Version 1 of the catalog becomes version 2, in the transaction in which a writer opens it. */
#include <btr/clock.h>
#include <errno.h>

#include "catalog_env.h"
#include "catalog_rows.h"
#include "files.h"
#include "pack.h"
#include "segment_facts.h"
#include "segment_write.h"

/* ---- Rows that only get their checksum ------------------------------------------------------- */

/* Puts every row of a table again. Goes by keys, as a put may move rows. */
static int table_seal(MDB_txn *txn, MDB_dbi table, struct btr_buffer *key, struct btr_buffer *value)
{
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn, table, &cursor);
    bool first = true;
    while (rc == 0) {
        MDB_val k = {.mv_size = key->size, .mv_data = key->at}, v;
        rc = mdb_cursor_get(cursor, &k, &v, first ? MDB_FIRST : MDB_SET_RANGE);
        if (rc == 0 && !first)
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT); /* the key itself was put before */
        if (rc != 0)
            break;
        first = false;
        btr_buffer_clear(key);
        btr_buffer_put(key, k.mv_data, k.mv_size);
        btr_buffer_clear(value);
        btr_buffer_put(value, v.mv_data, v.mv_size);
        rc = key->failed || value->failed
                 ? ENOMEM
                 : catalog_row_put(txn, table, btr_buffer_view(key), btr_buffer_view(value));
    }
    if (cursor)
        mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The seed of digests; the version is a row of its own kind. */
static int seed_seal(struct store_catalog *c, MDB_txn *txn)
{
    uint8_t seed[8];
    MDB_val key = {.mv_size = 11, .mv_data = (void *)(uintptr_t) "record-seed"}, value;
    int rc = mdb_get(txn, c->meta, &key, &value);
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc != 0 || value.mv_size != sizeof(seed))
        return rc != 0 ? rc : MDB_CORRUPTED;
    memcpy(seed, value.mv_data, sizeof(seed));
    return catalog_row_put(txn, c->meta, btr_span_of("record-seed"),
                           (struct btr_span){seed, sizeof(seed)});
}

static int tables_seal(struct store_catalog *c, MDB_txn *txn)
{
    const MDB_dbi tables[] = {c->inputs, c->states, c->records, c->kept};
    struct btr_buffer key = {0}, value = {0};
    int rc = seed_seal(c, txn);
    for (size_t i = 0; rc == 0 && i < sizeof(tables) / sizeof(*tables); i++)
        rc = table_seal(txn, tables[i], &key, &value);
    btr_buffer_fini(&key);
    btr_buffer_fini(&value);
    return rc;
}

/* Rows of the trash had no transaction: from now on they wait for the readers of today. */
static int trash_seal(struct store_catalog *c, MDB_txn *txn)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    int rc = mdb_cursor_open(txn, c->trash, &cursor);
    if (rc != 0)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        struct catalog_segment old = {0};
        const uint8_t *id = key.mv_data;
        if (key.mv_size != CATALOG_SEGMENT_KEY_SIZE || value.mv_size < 8 + STORE_DAY_SIZE)
            rc = MDB_CORRUPTED;
        if (rc != 0)
            break;
        old.hash = (struct btr_id){store_get_u64(id), store_get_u64(id + 8)};
        memcpy(old.day, (const uint8_t *)value.mv_data + value.mv_size - STORE_DAY_SIZE,
               STORE_DAY_SIZE);
        rc = catalog_trash_put(c, txn, &old, btr_wall_ns());
        if (rc != 0)
            break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- Segments ------------------------------------------------------------------------------- */

/* Roots, hosts and kinds from a file that is the one that was published. What cannot be read stays
 * untold; verify names it. */
static int segment_learn(const char *store, void *unpacker, struct catalog_segment *row,
                         struct btr_err *err)
{
    char path[STORE_PATH_SIZE];
    struct store_cache cache = {.size_max = 1 << 20};
    struct store_segment *seg = calloc(1, sizeof(*seg));
    struct catalog_segment told;
    struct btr_err ignored;
    if (!seg)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    seg->cache = &cache;
    seg->unpacker = unpacker;
    int rc = store_files_path(path, store, row) ? 0 : BTR_E_IO;
    if (rc == 0)
        rc = store_segment_map(seg, path, row->file_size, &ignored);
    if (rc == 0)
        rc = store_segment_readable(seg, seg->bytes, &ignored);
    if (rc == 0 && (rc = store_segment_prove(row, seg->bytes)) == 1) {
        rc = store_segment_facts(seg, &told, &ignored);
        row->root_told = rc == 0;
        if (rc == 0) {
            memcpy(row->root, told.root, sizeof(row->root));
            memcpy(row->hosts, told.hosts, sizeof(row->hosts));
            row->hosts_told = told.hosts_told;
            row->hosts_size = told.hosts_size;
            row->kinds = told.kinds;
        }
    }
    store_cache_fini(&cache);
    store_segment_close(seg);
    free(seg);
    return rc == BTR_E_NOMEM ? btr_fail(err, rc, UINT64_MAX, "out of memory") : 0;
}

static int segments_seal(struct store_catalog *c, MDB_txn *txn, struct catalog_segment *rows,
                         uint32_t count, struct btr_err *err)
{
    struct catalog_change begin = {
        .kind = CATALOG_UPGRADED, .now_ns = btr_wall_ns(), .added = rows, .added_count = count};
    void *unpacker = store_unpacker_new();
    int rc = unpacker ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = segment_learn(c->path, unpacker, &rows[i], err);
        int put = rc == 0 ? catalog_segment_add(c, txn, &rows[i]) : 0;
        if (put != 0)
            rc = catalog_fail(err, put, c->path, "upgrade");
    }
    store_unpacker_free(unpacker);
    int put = rc == 0 && count > 0 ? catalog_chain_put(c, txn, &begin) : 0;
    return put == 0 ? rc : catalog_fail(err, put, c->path, "upgrade");
}

int catalog_upgrade(struct store_catalog *c, MDB_txn *txn, struct btr_err *err)
{
    struct catalog_segment *rows = NULL;
    uint32_t count = 0;
    c->snapshot = txn; /* the tables were opened in it, so no other can read them yet */
    int rc = store_catalog_segments(c, &rows, &count, err);
    c->snapshot = NULL;
    if (rc < 0)
        return rc;
    int put = trash_seal(c, txn);
    if (put == 0)
        put = tables_seal(c, txn);
    if (put == 0)
        put = catalog_version_put(c, txn, CATALOG_VERSION_MADE);
    rc = put == 0 ? segments_seal(c, txn, rows, count, err)
                  : catalog_fail(err, put, c->path, "upgrade");
    free(rows);
    return rc;
}
