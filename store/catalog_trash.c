/* One segment in the place of others; and the others, which readers may still need for a while. */
#include <errno.h>

#include "catalog_env.h"
#include "catalog_rows.h"

enum { KEY_SIZE = 16 };

static void key_make(uint8_t key[KEY_SIZE], struct btr_id hash)
{
    store_put_u64(key, hash.hi);
    store_put_u64(key + 8, hash.lo);
}

/* A row of the trash: when, then the day. */
static int trash_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *old,
                     int64_t now_ns)
{
    uint8_t key[KEY_SIZE], value[8 + STORE_DAY_SIZE] = {0};
    key_make(key, old->hash);
    store_put_u64(value, (uint64_t)now_ns);
    memcpy(value + 8, old->day, STORE_DAY_SIZE);
    return catalog_row_put(txn, c->trash, (struct btr_span){key, KEY_SIZE},
                           (struct btr_span){value, sizeof(value)});
}

static int rows_remove(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *old,
                       uint32_t old_count, int64_t now_ns)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < old_count; i++) {
        uint8_t key[KEY_SIZE];
        key_make(key, old[i].hash);
        MDB_val k = {.mv_size = sizeof(key), .mv_data = key};
        rc = mdb_del(txn, c->segments, &k, NULL);
        if (rc == 0)
            rc = trash_put(c, txn, &old[i], now_ns);
    }
    return rc;
}

/* A file that comes again is no trash. */
static int segment_add(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *segment)
{
    struct btr_buffer row = {0};
    uint8_t key[KEY_SIZE];
    key_make(key, segment->hash);
    catalog_segment_put(&row, segment);
    int rc = row.failed ? ENOMEM
                        : catalog_row_put(txn, c->segments, (struct btr_span){key, KEY_SIZE},
                                          btr_buffer_view(&row));
    btr_buffer_fini(&row);
    MDB_val k = {.mv_size = sizeof(key), .mv_data = key};
    if (rc == 0)
        rc = mdb_del(txn, c->trash, &k, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_catalog_replace(struct store_catalog *c, const struct catalog_segment *segment,
                          const struct catalog_segment *old, uint32_t old_count, int64_t now_ns,
                          const struct store_faults *faults, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "write");
    rc = rows_remove(c, txn, old, old_count, now_ns);
    bool gone = rc == MDB_NOTFOUND;
    if (rc == 0)
        rc = segment_add(c, txn, segment);
    if (rc == 0 && faults && faults->fails(faults->self, "commit"))
        rc = ENOSPC;
    if (rc != 0)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    if (gone)
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "a segment is gone from the catalog");
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "write");
}

/* ---- The trash ------------------------------------------------------------------------------ */

static bool trash_get(MDB_val key, MDB_val value, struct catalog_segment *row, int64_t *when_ns)
{
    if (key.mv_size != KEY_SIZE || value.mv_size != 8 + STORE_DAY_SIZE)
        return false;
    const uint8_t *k = key.mv_data, *v = value.mv_data;
    *row = (struct catalog_segment){.hash = {store_get_u64(k), store_get_u64(k + 8)}};
    *when_ns = (int64_t)store_get_u64(v);
    memcpy(row->day, v + 8, STORE_DAY_SIZE);
    return catalog_day_is_plain((struct btr_span){v + 8, strnlen(row->day, STORE_DAY_SIZE)});
}

static int trash_list(struct store_catalog *c, MDB_cursor *cursor, int64_t before_ns,
                      struct catalog_segment **rows, uint32_t *count, struct btr_err *err)
{
    uint32_t capacity = 0;
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        struct catalog_segment row;
        int64_t when_ns;
        if (!trash_get(key, value, &row, &when_ns))
            return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: a row of the trash is malformed",
                            c->path);
        if (when_ns >= before_ns)
            continue;
        if (*count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            struct catalog_segment *grown = realloc(*rows, capacity * sizeof(*grown));
            if (!grown)
                return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
            *rows = grown;
        }
        (*rows)[(*count)++] = row;
    }
    return rc == MDB_NOTFOUND ? 0 : catalog_fail(err, rc, c->path, "read");
}

int store_catalog_trash(struct store_catalog *c, int64_t before_ns, struct catalog_segment **rows,
                        uint32_t *count, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    *rows = NULL;
    *count = 0;
    int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "read");
    rc = mdb_cursor_open(txn, c->trash, &cursor);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return catalog_fail(err, rc, c->path, "read");
    }
    rc = trash_list(c, cursor, before_ns, rows, count, err);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    if (rc < 0) {
        free(*rows);
        *rows = NULL;
        *count = 0;
    }
    return rc;
}

int store_catalog_trash_forget(struct store_catalog *c, const struct catalog_segment *rows,
                               uint32_t count, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "write");
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        uint8_t key[KEY_SIZE];
        key_make(key, rows[i].hash);
        MDB_val k = {.mv_size = sizeof(key), .mv_data = key};
        rc = mdb_del(txn, c->trash, &k, NULL);
        rc = rc == MDB_NOTFOUND ? 0 : rc;
    }
    if (rc != 0)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "write");
}
