/* The one transaction in which the catalog changes what it publishes. */
#include <errno.h>

#include "catalog_env.h"
#include "catalog_rows.h"

/* ---- Rows ----------------------------------------------------------------------------------- */

int catalog_row_put(MDB_txn *txn, MDB_dbi table, struct btr_span key, struct btr_span value)
{
    MDB_val k = {.mv_size = key.size, .mv_data = (void *)(uintptr_t)key.at};
    MDB_val v = {.mv_size = value.size + CATALOG_CHECKSUM_SIZE};
    int rc = mdb_put(txn, table, &k, &v, MDB_RESERVE);
    if (rc != 0)
        return rc;
    if (value.size > 0)
        memcpy(v.mv_data, value.at, value.size);
    store_put_u64((uint8_t *)v.mv_data + value.size, catalog_row_checksum(key, value));
    return 0;
}

/* A file that comes again is no trash. */
int catalog_segment_add(struct store_catalog *c, MDB_txn *txn,
                        const struct catalog_segment *segment)
{
    struct btr_buffer row = {0};
    uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
    catalog_segment_key(key, segment->hash);
    catalog_segment_put(&row, segment);
    int rc = row.failed ? ENOMEM
                        : catalog_row_put(txn, c->segments, (struct btr_span){key, sizeof(key)},
                                          btr_buffer_view(&row));
    btr_buffer_fini(&row);
    MDB_val k = {.mv_size = sizeof(key), .mv_data = key};
    if (rc == 0)
        rc = mdb_del(txn, c->trash, &k, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* @return also MDB_NOTFOUND when it is not there */
static int segment_remove(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *old,
                          int64_t now_ns)
{
    uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
    catalog_segment_key(key, old->hash);
    MDB_val k = {.mv_size = sizeof(key), .mv_data = key};
    int rc = mdb_del(txn, c->segments, &k, NULL);
    return rc == 0 ? catalog_trash_put(c, txn, old, now_ns) : rc;
}

static int progress_put(struct store_catalog *c, MDB_txn *txn, const struct btr_progress *progress)
{
    struct btr_buffer row = {0};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < progress->input_count; i++) {
        uint8_t key[CATALOG_INPUT_KEY_SIZE];
        btr_buffer_clear(&row);
        catalog_input_key(key, &progress->inputs[i]);
        catalog_input_put(&row, &progress->inputs[i]);
        rc = row.failed ? ENOMEM
                        : catalog_row_put(txn, c->inputs, (struct btr_span){key, sizeof(key)},
                                          btr_buffer_view(&row));
    }
    for (uint32_t i = 0; rc == 0 && i < progress->state_count; i++) {
        uint8_t key[CATALOG_STATE_KEY_SIZE];
        catalog_state_key(key, progress->states[i].format, progress->states[i].host);
        rc = catalog_row_put(txn, c->states, (struct btr_span){key, sizeof(key)},
                             progress->states[i].bytes);
    }
    btr_buffer_fini(&row);
    return rc;
}

/* Keys count the publishes, high byte first, so that they stand in their order. */
static int records_put(struct store_catalog *c, MDB_txn *txn, struct btr_span packed)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    uint64_t number = 0;
    int rc = mdb_cursor_open(txn, c->records, &cursor);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    for (size_t i = 0; rc == 0 && i < key.mv_size && i < 8; i++)
        number = number << 8 | ((const uint8_t *)key.mv_data)[i];
    mdb_cursor_close(cursor);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    uint8_t next[8];
    catalog_number_key(next, number + 1);
    return catalog_row_put(txn, c->records, (struct btr_span){next, sizeof(next)}, packed);
}

/* ---- The change ----------------------------------------------------------------------------- */

/* @return 0 or what LMDB says; *gone when a segment to be removed was not there */
static int change_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_change *change,
                      struct btr_span digests, bool *gone)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < change->removed_count; i++)
        rc = segment_remove(c, txn, &change->removed[i], change->now_ns);
    *gone = rc == MDB_NOTFOUND;
    for (uint32_t i = 0; rc == 0 && i < change->added_count; i++)
        rc = catalog_segment_add(c, txn, &change->added[i]);
    if (rc == 0 && change->progress)
        rc = progress_put(c, txn, change->progress);
    if (rc == 0 && digests.size > 0)
        rc = records_put(c, txn, digests);
    if (rc == 0 && change->kept)
        rc = catalog_kept_put(c, txn, change->kept);
    if (rc == 0 && change->added_count + change->removed_count > 0)
        rc = catalog_chain_put(c, txn, change);
    return rc;
}

static int change_commit(struct store_catalog *c, const struct catalog_change *change,
                         struct btr_span digests, const struct store_faults *faults,
                         struct btr_err *err)
{
    MDB_txn *txn = NULL;
    bool gone = false;
    int rc = catalog_write_begin(c, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "write");
    rc = change_put(c, txn, change, digests, &gone);
    rc = catalog_write_settle(txn, rc, faults);
    if (gone)
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "a segment is gone from the catalog");
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "write");
}

int store_catalog_change(struct store_catalog *c, const struct catalog_change *change,
                         const struct store_faults *faults, struct btr_err *err)
{
    struct btr_buffer packed = {0};
    const struct btr_progress *p = change->progress;
    int rc = p && p->record_digest_count > 0
                 ? store_records_pack(&packed, p->record_digests, p->record_digest_count, err)
                 : 0;
    if (rc == 0)
        rc = change_commit(c, change, btr_buffer_view(&packed), faults, err);
    btr_buffer_fini(&packed);
    return rc;
}
