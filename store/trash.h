#ifndef STORE_TRASH_H
#define STORE_TRASH_H
/** Files that the catalog does not name, or does not name any more. */
#include "catalog.h"

/** How long a file stays after it was merged into another: for readers that opened before. A query
 * takes seconds. */
#define TRASH_KEEP_NS INT64_C(900000000000)

/** Removes files of the trash that were there TRASH_KEEP_NS before a time. @param now_ns  wall
 * clock */
int store_trash_empty(const char *store, struct store_catalog *catalog, int64_t now_ns,
                      struct btr_err *err);
/** The same, and all segment files that neither catalog nor trash names: for a writer that opens.
 */
int store_trash_sweep(const char *store, struct store_catalog *catalog, int64_t now_ns,
                      struct btr_err *err);

#endif
