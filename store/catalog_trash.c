/* One segment in the place of others; and the others, which readers may still need for a while. */
#include <errno.h>

#include "catalog_env.h"
#include "catalog_rows.h"

/* A row of the trash: when, then the day. */
static int trash_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *old,
                     int64_t now_ns)
{
    uint8_t key[CATALOG_SEGMENT_KEY_SIZE], value[8 + STORE_DAY_SIZE] = {0};
    catalog_segment_key(key, old->hash);
    store_put_u64(value, (uint64_t)now_ns);
    memcpy(value + 8, old->day, STORE_DAY_SIZE);
    return catalog_row_put(txn, c->trash, (struct btr_span){key, CATALOG_SEGMENT_KEY_SIZE},
                           (struct btr_span){value, sizeof(value)});
}

static int rows_remove(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *old,
                       uint32_t old_count, int64_t now_ns)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < old_count; i++) {
        uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
        catalog_segment_key(key, old[i].hash);
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
    uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
    catalog_segment_key(key, segment->hash);
    catalog_segment_put(&row, segment);
    int rc = row.failed ? ENOMEM
                        : catalog_row_put(txn, c->segments,
                                          (struct btr_span){key, CATALOG_SEGMENT_KEY_SIZE},
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

/** Rows that came into the trash before a time. */
struct trash_list {
    struct catalog_segment *rows;
    uint32_t count, capacity;
    int64_t before_ns;
    int failed;
};

static bool trash_get(struct btr_span key, struct btr_span value, struct catalog_segment *row,
                      int64_t *when_ns)
{
    if (key.size != CATALOG_SEGMENT_KEY_SIZE || value.size != 8 + STORE_DAY_SIZE)
        return false;
    *row = (struct catalog_segment){.hash = {store_get_u64(key.at), store_get_u64(key.at + 8)}};
    *when_ns = (int64_t)store_get_u64(value.at);
    memcpy(row->day, value.at + 8, STORE_DAY_SIZE);
    return catalog_day_is_plain((struct btr_span){value.at + 8, strnlen(row->day, STORE_DAY_SIZE)});
}

static int trash_end(struct trash_list *list, int code)
{
    list->failed = code;
    return CATALOG_VISIT_END;
}

static int trash_visit(void *self, struct btr_span key, struct btr_span value)
{
    struct trash_list *list = self;
    struct catalog_segment row;
    int64_t when_ns;
    if (!trash_get(key, value, &row, &when_ns))
        return trash_end(list, BTR_E_FORMAT);
    if (when_ns >= list->before_ns)
        return 0;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct catalog_segment *grown = realloc(list->rows, capacity * sizeof(*grown));
        if (!grown)
            return trash_end(list, BTR_E_NOMEM);
        list->rows = grown;
        list->capacity = capacity;
    }
    list->rows[list->count++] = row;
    return 0;
}

int store_catalog_trash(struct store_catalog *c, int64_t before_ns, struct catalog_segment **rows,
                        uint32_t *count, struct btr_err *err)
{
    struct trash_list list = {.before_ns = before_ns};
    int rc = catalog_table_visit(c, c->trash, (struct btr_span){0}, trash_visit, &list);
    if (list.failed == BTR_E_FORMAT)
        rc =
            btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: a row of the trash is malformed", c->path);
    else if (list.failed)
        rc = btr_fail(err, list.failed, UINT64_MAX, "out of memory");
    else if (rc != 0)
        rc = catalog_fail(err, rc, c->path, "read");
    if (rc < 0) {
        free(list.rows);
        list = (struct trash_list){0};
    }
    *rows = list.rows;
    *count = list.count;
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
        uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
        catalog_segment_key(key, rows[i].hash);
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
