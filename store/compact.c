/* Merges all that can be merged: what the writer's thread does bit by bit. */
#include "merge.h"
#include "take.h"
#include "trash.h"

int btr_store_compact(const char *path, struct btr_merge_stat *out, struct btr_err *err)
{
    struct store_taken taken;
    struct store_merger merger = {0};
    *out = (struct btr_merge_stat){0};
    int rc = store_take(&taken, path, err);
    if (rc == 0)
        rc = store_trash_sweep(path, taken.catalog, err);
    if (rc == 0) {
        rc = store_merger_init(&merger, path, taken.catalog, NULL, err);
        if (rc == 0)
            while ((rc = store_merge_once(&merger, true, NULL, NULL, err)) == 1)
                continue;
        *out = merger.stat;
        store_merger_fini(&merger);
    }
    store_release(&taken);
    return rc;
}
