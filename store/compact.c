/* Merges all that can be merged: what the writer's thread does bit by bit. */
#include <unistd.h>

#include "files.h"
#include "merge.h"
#include "trash.h"

/* As a writer opens a store, but for one that is there. */
static int store_take(struct store_catalog **catalog, int *lock_fd, const char *path,
                      struct btr_err *err)
{
    struct store_catalog *probe = NULL;
    int rc = store_catalog_open(&probe, path, false, err); /* makes nothing */
    store_catalog_close(probe);
    if (rc == BTR_E_NOTFOUND)
        return btr_fail(err, rc, UINT64_MAX, "%s: no store there", path);
    if (rc == 0)
        rc = *lock_fd = store_files_lock(path, err);
    return rc < 0 ? rc : store_catalog_open(catalog, path, true, err);
}

int btr_store_compact(const char *path, struct btr_merge_stat *out, struct btr_err *err)
{
    struct store_catalog *catalog = NULL;
    struct store_merger merger = {0};
    int lock_fd = -1;
    *out = (struct btr_merge_stat){0};
    int rc = store_take(&catalog, &lock_fd, path, err);
    if (rc == 0)
        rc = store_trash_sweep(path, catalog, err);
    if (rc == 0) {
        rc = store_merger_init(&merger, path, catalog, NULL, err);
        if (rc == 0)
            while ((rc = store_merge_once(&merger, true, NULL, NULL, err)) == 1)
                continue;
        *out = merger.stat;
        store_merger_fini(&merger);
    }
    store_catalog_close(catalog);
    if (lock_fd >= 0)
        (void)close(lock_fd);
    return rc;
}
