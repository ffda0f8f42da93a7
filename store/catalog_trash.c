/* Segments that were removed, and that readers of before may still need. */

#include "catalog_env.h"
#include "catalog_rows.h"

#include <btr/list.h>

/* A row of the trash: the transaction that put it there, when, the day. */
enum { TRASH_ROW_SIZE = 16 + STORE_DAY_SIZE };

int catalog_trash_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *old,
                      int64_t now_ns)
{
    uint8_t key[CATALOG_SEGMENT_KEY_SIZE], value[TRASH_ROW_SIZE] = {0};
    catalog_segment_key(key, old->hash);
    store_put_u64(value, mdb_txn_id(txn));
    store_put_u64(value + 8, (uint64_t)now_ns);
    memcpy(value + 16, old->day, STORE_DAY_SIZE);
    return catalog_row_put(txn, c->trash, (struct btr_span){key, CATALOG_SEGMENT_KEY_SIZE},
                           (struct btr_span){value, sizeof(value)});
}

struct trash_list {
    struct catalog_segment *rows;
    uint32_t count, capacity;
    int failed;
};

static bool trash_get(struct btr_span key, struct btr_span value, struct catalog_segment *row,
                      uint64_t *removed_txn)
{
    if (key.size != CATALOG_SEGMENT_KEY_SIZE || value.size != TRASH_ROW_SIZE)
        return false;
    const uint8_t *day = value.at + value.size - STORE_DAY_SIZE;
    *row = (struct catalog_segment){.hash = {store_get_u64(key.at), store_get_u64(key.at + 8)}};
    *removed_txn = store_get_u64(value.at);
    memcpy(row->day, day, STORE_DAY_SIZE);
    return catalog_day_is_plain((struct btr_span){day, strnlen(row->day, STORE_DAY_SIZE)});
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
    uint64_t removed_txn;
    if (!trash_get(key, value, &row, &removed_txn))
        return trash_end(list, BTR_E_FORMAT);
    if (!btr_list_room(&list->rows, list->count, &list->capacity, 64, sizeof *list->rows))
        return trash_end(list, BTR_E_NOMEM);
    list->rows[list->count++] = row;
    return 0;
}

static int trash_malformed(const struct store_catalog *c, struct btr_err *err)
{
    return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: a row of the trash is malformed", c->path);
}

int store_catalog_trash(struct store_catalog *c, struct catalog_segment **rows, uint32_t *count,
                        struct btr_err *err)
{
    struct trash_list list = {0};
    int rc = catalog_table_visit(c, c->trash, (struct btr_span){0}, trash_visit, &list);
    if (list.failed == BTR_E_FORMAT)
        rc = trash_malformed(c, err);
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

/* Deletes the rows that no reader needs, each after its file is gone. @return 0 or a code */
static int trash_sieve(struct store_catalog *c, MDB_cursor *cursor, uint64_t oldest,
                       catalog_trash_remove *remove, void *self, bool *changed, struct btr_err *err)
{
    struct btr_span key = {0}, value;
    int rc;
    while ((rc = catalog_cursor_get(c, cursor, &key, &value, MDB_NEXT)) == 0) {
        struct catalog_segment row;
        uint64_t removed_txn;
        if (!trash_get(key, value, &row, &removed_txn))
            return trash_malformed(c, err);
        if (removed_txn > oldest)
            continue;
        int code = remove(self, &row, err);
        if (code < 0)
            return code;
        rc = mdb_cursor_del(cursor, 0);
        if (rc != 0)
            return catalog_fail(err, rc, c->path, "write");
        *changed = true;
    }
    return rc == MDB_NOTFOUND ? 0 : catalog_fail(err, rc, c->path, "read");
}

int store_catalog_trash_empty(struct store_catalog *c, catalog_trash_remove *remove, void *self,
                              struct btr_err *err)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    bool changed = false;
    int rc = catalog_write_begin(c, &txn);
    if (rc == 0)
        rc = mdb_cursor_open(txn, c->trash, &cursor);
    if (rc != 0) {
        catalog_write_drop(txn);
        return catalog_fail(err, rc, c->path, "write");
    }
    rc = trash_sieve(c, cursor, catalog_oldest_reader(c), remove, self, &changed, err);
    mdb_cursor_close(cursor);
    if (!changed) {
        catalog_write_drop(txn);
        return rc;
    }
    int committed = catalog_write_end(txn); /* of what went before a failure, too */
    return rc < 0 || committed == 0 ? rc : catalog_fail(err, committed, c->path, "write");
}

int store_catalog_trash_take(struct store_catalog *c, struct btr_id hash, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
    catalog_segment_key(key, hash);
    MDB_val k = {.mv_size = sizeof(key), .mv_data = key}, value;
    int rc = catalog_read_begin(c, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "read");
    rc = mdb_get(txn, c->trash, &k, &value);
    catalog_read_end(c, txn);
    if (rc == 0)
        rc = catalog_write_begin(c, &txn);
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "write");
    rc = mdb_del(txn, c->trash, &k, NULL);
    rc = catalog_write_settle(txn, rc, NULL);
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : catalog_fail(err, rc, c->path, "write");
}
