#include "trash.h"

#include <errno.h>
#include <unistd.h>

#include "catalog_rows.h"
#include "files.h"
#include "kept_write.h"

static int file_remove(void *self, const struct catalog_segment *row, struct btr_err *err)
{
    char path[STORE_PATH_SIZE];
    if (!store_files_path(path, self, row))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot remove %s: %s", path, strerror(errno));
}

int store_trash_empty(const char *store, struct store_catalog *catalog, struct btr_err *err)
{
    return store_catalog_trash_empty(catalog, file_remove, (void *)(uintptr_t)store, err);
}

int store_trash_sweep(const char *store, struct store_catalog *catalog, struct btr_err *err)
{
    struct catalog_segment *rows = NULL, *trash = NULL, *all = NULL;
    uint32_t row_count = 0, trash_count = 0;
    int rc = store_trash_empty(store, catalog, err);
    if (rc == 0)
        rc = store_catalog_segments(catalog, &rows, &row_count, err);
    if (rc == 0)
        rc = store_catalog_trash(catalog, &trash, &trash_count, err);
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
