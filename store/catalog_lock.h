#ifndef STORE_CATALOG_LOCK_H
#define STORE_CATALOG_LOCK_H
/** What readers of the catalog need of lock.mdb, LMDB's table of readers, which they write to. */
#include <stdbool.h>
#include <stddef.h>

/**
 * Makes the file where it is missing, with all its blocks: LMDB would leave holes, and a hole that is written through a
 * mapping on a full disk kills the process (SIGBUS). Must not be called while this process has the environment open.
 * @param folder  of the catalog  @param size  of the file, bytes
 * @return 0, or an errno
 */
int catalog_lock_room(const char *folder, size_t size);
/** Whether that errno tells a reader that it cannot have the file, and has to do without. */
bool catalog_lock_is_barred(int why);
/**
 * Keeps writers out by the lock of the store, so that a reader is safe without lock.mdb.
 * @param fd  receives a descriptor to close, or -1 (no writer was ever here)
 * @return 0, EBUSY (a writer is at work), or another errno
 */
int catalog_lock_share(const char *folder, int *fd);

#endif
