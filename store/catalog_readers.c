/* Transactions of the catalog, and what the living readers still see. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_env.h"

/* A reader that was killed keeps its slot, and with it the pages of its snapshot, until somebody
 * looks whether it lives (lmdb.h, "mdb_reader_check"). */
void catalog_readers_clear(MDB_env *env)
{
    int dead = 0;
    (void)mdb_reader_check(env, &dead); /* what it cannot clear it only keeps longer */
}

int catalog_txn_begin(MDB_env *env, MDB_txn **txn)
{
    int rc = mdb_txn_begin(env, NULL, MDB_RDONLY, txn);
    if (rc != MDB_READERS_FULL)
        return rc;
    catalog_readers_clear(env);
    return mdb_txn_begin(env, NULL, MDB_RDONLY, txn);
}

int catalog_read_begin(struct store_catalog *c, MDB_txn **txn)
{
    *txn = c->snapshot;
    return c->snapshot ? 0 : catalog_txn_begin(c->env, txn);
}

void catalog_read_end(struct store_catalog *c, MDB_txn *txn)
{
    if (txn != c->snapshot)
        mdb_txn_abort(txn);
}

/* ---- The oldest reader ---------------------------------------------------------------------- */

/*
 * liblmdb tells its reader table as text only: a heading, then a line for each slot in use,
 * "PID THREAD TRANSACTION", with "-" for the transaction of a slot that reads nothing; or one line
 * in parentheses when there is none.
 */
struct oldest {
    uint64_t txn;
    bool unclear; /* a line that is none of these */
};

static int line_take(const char *line, void *self)
{
    struct oldest *oldest = self;
    const char *last = strrchr(line, ' ');
    char *end = NULL;
    if (!last || strcmp(last, " readers)\n") == 0 || strcmp(last, " txnid\n") == 0 ||
        strcmp(last, " -\n") == 0) {
        oldest->unclear |= !last;
        return 0;
    }
    errno = 0;
    unsigned long long txn = strtoull(last + 1, &end, 10);
    if (end == last + 1 || *end != '\n' || errno != 0)
        oldest->unclear = true;
    else if (txn < oldest->txn)
        oldest->txn = txn;
    return 0;
}

uint64_t catalog_oldest_reader(struct store_catalog *c)
{
    struct oldest oldest = {.txn = UINT64_MAX};
    if (mdb_reader_list(c->env, line_take, &oldest) < 0 || oldest.unclear)
        return 0;
    return oldest.txn;
}
