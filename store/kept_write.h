#ifndef STORE_KEPT_WRITE_H
#define STORE_KEPT_WRITE_H
/** Files of kept records: written before the catalog names them, removed when it does not. */
#include "files.h"
#include "kept_keep.h"

/** Times that a file of kept records is filed under. */
struct kept_times {
    int64_t first_ns, last_ns;
};

/**
 * Makes the file durable, invisible until the catalog names it.
 * @param row  receives what the catalog is to say; its spans borrow from the image
 * @return 0, BTR_E_NOMEM, BTR_E_IO, BTR_E_FULL
 */
int store_kept_write(struct catalog_kept *row, const char *store, const struct kept_image *image,
                     struct kept_times times, const struct store_faults *faults,
                     struct btr_err *err);
/** Path of a file. @return false when it does not fit */
bool store_kept_path(char path[STORE_PATH_SIZE], const char *store, const struct catalog_kept *row);
/** Removes files that the catalog does not name. A writer's only. */
int store_kept_sweep(const char *store, struct store_catalog *catalog, struct btr_err *err);

/** Removes files; one that is not there is no failure. @return 0 or BTR_E_IO */
int store_kept_unlink(const char *store, const struct catalog_kept *rows, uint32_t count,
                      struct btr_err *err);

/** What store_kept_prune did, or would do. */
struct kept_pruned {
    uint32_t file_count;
    uint64_t record_count, bytes; /* bytes: of the files */
};

/**
 * Removes kept records that were published with events before a time only: first from the catalog in one
 * transaction, then the files. A crash between is made good by the next sweep. Segments stay as they are. A writer's only.
 * @param is_held  tells rows that stay all the same; or NULL
 * @param dry_run  tells what would go, and changes nothing
 * @return 0, BTR_E_FORMAT, BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM
 */
int store_kept_prune(const char *store, struct store_catalog *catalog, int64_t before_ns,
                     bool (*is_held)(void *self, const struct catalog_kept *row), void *self,
                     bool dry_run, struct kept_pruned *out, struct btr_err *err);

#endif
