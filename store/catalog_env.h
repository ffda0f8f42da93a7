#ifndef STORE_CATALOG_ENV_H
#define STORE_CATALOG_ENV_H
/** What the files of the catalog share. None else includes lmdb.h. */
#include <lmdb.h>

#include "catalog.h"

enum { CATALOG_PATH_SIZE = 4096 };

struct shared_env;

struct store_catalog {
    struct shared_env *shared;
    MDB_env *env;
    MDB_dbi meta, segments, inputs, states, records;
    MDB_dbi trash, kept, chain, packs, holds;
    bool has_trash, has_records, has_kept, has_chain, has_packs, has_holds; /* not a store of before, until a writer comes */
    MDB_txn *snapshot;    /* a reader's, from open to close; NULL for a writer */
    uint32_t version;
    uint64_t record_seed; /* a writer's */
    char path[CATALOG_PATH_SIZE];
};

/** @param rc  of LMDB or errno  @return a code of btr/err.h */
int catalog_fail(struct btr_err *err, int rc, const char *path, const char *doing);
/** What reading a row that fails its checksum returns; no code of LMDB or errno. */
enum { CATALOG_ROW_BAD = -40001 };

/** Puts a row with its checksum. @return 0 or what LMDB says, as the next */
int catalog_row_put(MDB_txn *txn, MDB_dbi table, struct btr_span key, struct btr_span value);

struct catalog_kept;

/** Reads a row; the value is valid until the transaction ends or writes. @return also CATALOG_ROW_BAD
 */
int catalog_row_get(const struct store_catalog *c, MDB_txn *txn, MDB_dbi table, struct btr_span key,
                    struct btr_span *value);
/** The same at a cursor. */
int catalog_cursor_get(const struct store_catalog *c, MDB_cursor *cursor, struct btr_span *key,
                       struct btr_span *value, MDB_cursor_op op);
int catalog_version_put(struct store_catalog *c, MDB_txn *txn, uint32_t number);
/** Writes all rows of an older version as those of today. @return 0 or a code */
int catalog_upgrade(struct store_catalog *c, MDB_txn *txn, struct btr_err *err);
/** Appends to the chain what a change adds and removes. @return 0 or what LMDB says */
int catalog_chain_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_change *change);

int catalog_kept_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_kept *kept);

/* ---- Transactions (catalog_readers.c) ---- */

/** A read transaction of its own. @return 0 or what LMDB says, as all of these */
int catalog_txn_begin(MDB_env *env, MDB_txn **txn);
/** One to read in: the snapshot of a reader, a new one of a writer. */
int catalog_read_begin(struct store_catalog *c, MDB_txn **txn);
void catalog_read_end(struct store_catalog *c, MDB_txn *txn);
/** Forgets readers that died. */
void catalog_readers_clear(MDB_env *env);
/**
 * One to write in; first readers that died are forgotten, so that their pages can be used. Threads wait for each other: each
 * transaction ends with one of the three below. @return 0, or what LMDB says, and *txn is NULL
 */
int catalog_write_begin(struct store_catalog *c, MDB_txn **txn);
/** Drops it; NULL is none. */
void catalog_write_drop(MDB_txn *txn);
/**
 * Commits. When that fails, the meta page that LMDB wrote to is what it was before: it leaves one that names new pages under
 * an old number, which cannot be told from damage. @return 0 or what LMDB says; the transaction is gone
 */
int catalog_write_end(MDB_txn *txn);
/** Ends a transaction as its steps went: commits when `rc` is 0, else drops it. @return rc, or as catalog_write_end */
int catalog_write_settle(MDB_txn *txn, int rc, const struct store_faults *faults);
/**
 * The transaction that the oldest living reader sees as the last one; readers of all processes.
 * @return UINT64_MAX without readers, 0 when the table of readers cannot be read
 */
uint64_t catalog_oldest_reader(struct store_catalog *c);

/** Adds a segment's row; one of the same name is no trash any more. @return 0 or what LMDB says */
int catalog_segment_add(struct store_catalog *c, MDB_txn *txn,
                        const struct catalog_segment *segment);
/** Puts a row of the trash. @return 0 or what LMDB says */
int catalog_trash_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_segment *old,
                      int64_t now_ns);

/** What a visit of rows returns to end it; the reason is kept by the visitor. */
enum { CATALOG_VISIT_END = 1 };

/**
 * Visits the rows of a table from a key on.
 * @return 0, what the visit returned, or an LMDB error
 */
int catalog_table_visit(struct store_catalog *c, MDB_dbi table, struct btr_span from,
                        int (*visit)(void *self, struct btr_span key, struct btr_span value),
                        void *self);

#endif
