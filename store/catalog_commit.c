/* Commits, and what a failed one leaves. */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "catalog_env.h"

enum { META_SIZE = 512 }; /* bytes of a meta page that LMDB may write to */

/* The meta page that this transaction will write to. */
struct meta_page {
    mdb_filehandle_t fd;
    off_t at;
    uint8_t bytes[META_SIZE];
};

static int meta_keep(struct meta_page *page, MDB_txn *txn)
{
    MDB_env *env = mdb_txn_env(txn);
    MDB_stat stat;
    int rc = mdb_env_get_fd(env, &page->fd);
    if (rc == 0)
        rc = mdb_env_stat(env, &stat);
    if (rc != 0)
        return rc;
    page->at = (off_t)(mdb_txn_id(txn) % 2 * stat.ms_psize);
    ssize_t n = pread(page->fd, page->bytes, sizeof(page->bytes), page->at);
    return n == (ssize_t)sizeof(page->bytes) ? 0 : n < 0 ? errno : EIO;
}

/*
 * Threads of a writer take turns, each to the end of its transaction: LMDB lets the next one begin
 * before what a failed commit leaves is put right, and that would take back what the next one has
 * committed.
 */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

int catalog_write_begin(struct store_catalog *c, MDB_txn **txn)
{
    (void)pthread_mutex_lock(&turn);
    catalog_readers_clear(c->env);
    int rc = mdb_txn_begin(c->env, NULL, 0, txn);
    if (rc != 0) {
        *txn = NULL;
        (void)pthread_mutex_unlock(&turn);
    }
    return rc;
}

void catalog_write_drop(MDB_txn *txn)
{
    if (!txn)
        return;
    mdb_txn_abort(txn);
    (void)pthread_mutex_unlock(&turn);
}

static int write_commit(MDB_txn *txn)
{
    struct meta_page page;
    int rc = meta_keep(&page, txn);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = mdb_txn_commit(txn);
    if (rc != 0 &&
        pwrite(page.fd, page.bytes, sizeof(page.bytes), page.at) == (ssize_t)sizeof(page.bytes))
        (void)fdatasync(page.fd);
    return rc;
}

int catalog_write_end(MDB_txn *txn)
{
    int rc = write_commit(txn);
    (void)pthread_mutex_unlock(&turn);
    return rc;
}

int catalog_write_settle(MDB_txn *txn, int rc, const struct store_faults *faults)
{
    if (rc == 0 && faults && faults->fails(faults->self, "commit"))
        rc = ENOSPC;
    if (rc == 0)
        return catalog_write_end(txn);
    catalog_write_drop(txn);
    return rc;
}
