#ifndef STORE_TRASH_H
#define STORE_TRASH_H
/** Files that the catalog does not name, or does not name any more. */
#include "catalog.h"

/** Removes files of the trash that no living reader needs. The writer's, who holds the lock. */
int store_trash_empty(const char *store, struct store_catalog *catalog, struct btr_err *err);
/** The same, and all segment files that neither catalog nor trash names: for a writer that opens.
 */
int store_trash_sweep(const char *store, struct store_catalog *catalog, struct btr_err *err);

#endif
