#include "trash.h"

#include <errno.h>
#include <unistd.h>

#include "catalog_rows.h"
#include "files.h"
#include "kept_write.h"

int store_trash_empty(const char *store, struct store_catalog *catalog, int64_t now_ns,
                      struct btr_err *err)
{
    struct catalog_segment *rows = NULL;
    uint32_t count = 0;
    int rc = store_catalog_trash(catalog, now_ns - TRASH_KEEP_NS, &rows, &count, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        char path[STORE_PATH_SIZE];
        if (!store_files_path(path, store, &rows[i]))
            rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
        else if (unlink(path) != 0 && errno != ENOENT)
            rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot remove %s: %s", path, strerror(errno));
    }
    if (rc == 0 && count > 0)
        rc = store_catalog_trash_forget(catalog, rows, count, err);
    free(rows);
    return rc;
}

int store_trash_sweep(const char *store, struct store_catalog *catalog, int64_t now_ns,
                      struct btr_err *err)
{
    struct catalog_segment *rows = NULL, *trash = NULL, *all = NULL;
    uint32_t row_count = 0, trash_count = 0;
    int rc = store_trash_empty(store, catalog, now_ns, err);
    if (rc == 0)
        rc = store_catalog_segments(catalog, &rows, &row_count, err);
    if (rc == 0)
        rc = store_catalog_trash(catalog, INT64_MAX, &trash, &trash_count, err);
    if (rc == 0) {
        all = calloc((size_t)row_count + trash_count + 1, sizeof(*all));
        rc = all ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    if (rc == 0) {
        if (row_count > 0)
            memcpy(all, rows, row_count * sizeof(*all));
        if (trash_count > 0)
            memcpy(all + row_count, trash, trash_count * sizeof(*all));
        qsort(all, row_count + trash_count, sizeof(*all), catalog_segment_compare);
        rc = store_files_sweep(store, "segments", all, row_count + trash_count, err);
    }
    free(rows);
    free(trash);
    free(all);
    return rc < 0 ? rc : store_kept_sweep(store, catalog, err);
}
