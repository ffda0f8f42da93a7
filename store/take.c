#include "take.h"

#include <unistd.h>

#include "files.h"

int store_take(struct store_taken *out, const char *path, struct btr_err *err)
{
    struct store_catalog *probe = NULL;
    *out = (struct store_taken){.lock_fd = -1};
    int rc = store_catalog_open(&probe, path, false, err); /* makes nothing */
    store_catalog_close(probe);
    if (rc == BTR_E_NOTFOUND)
        return btr_fail(err, rc, UINT64_MAX, "%s: no store there", path);
    if (rc == 0)
        rc = out->lock_fd = store_files_lock(path, err);
    return rc < 0 ? rc : store_catalog_open(&out->catalog, path, true, err);
}

void store_release(struct store_taken *taken)
{
    store_catalog_close(taken->catalog);
    if (taken->lock_fd >= 0)
        (void)close(taken->lock_fd);
}
