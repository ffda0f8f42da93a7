#ifndef STORE_PRUNE_H
#define STORE_PRUNE_H
/** Retention of a store that is open. */
#include <btr/store.h>

#include "catalog.h"

/** As btr_store_prune. @param catalog  of its only writer; of a reader for a dry run */
int store_prune(const char *store, struct store_catalog *catalog,
                const struct btr_prune_options *options, struct btr_prune_stat *out,
                btr_prune_visit *visit, void *self, struct btr_err *err);

#endif
