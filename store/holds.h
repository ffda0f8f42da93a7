#ifndef STORE_HOLDS_H
#define STORE_HOLDS_H
/** Legal holds: rows of the catalog that keep what they touch from being pruned. */
#include <btr/store.h>

#include "catalog_kept.h"

/** All holds of a catalog. */
struct store_holds {
    struct btr_arena *arena; /* what the texts point to */
    struct btr_hold *rows;   /* by id */
    uint32_t count;
};

/** @return 0, BTR_E_FORMAT, BTR_E_CHECKSUM, BTR_E_IO, BTR_E_NOMEM; store_holds_fini() in any case */
int store_holds_load(struct store_holds *out, struct store_catalog *catalog, struct btr_err *err);
void store_holds_fini(struct store_holds *holds);
/** The first hold that touches a segment or a file of kept records: shares a moment, and a host
 * that its glob (fnmatch(3)) fits. What hosts these have may not be told; then any. Or NULL. */
const struct btr_hold *store_holds_segment(const struct store_holds *holds,
                                           const struct catalog_segment *row);
const struct btr_hold *store_holds_kept(const struct store_holds *holds,
                                        const struct catalog_kept *row);

#endif
