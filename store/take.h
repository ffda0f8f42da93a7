#ifndef STORE_TAKE_H
#define STORE_TAKE_H
/** A store that is there, taken as its only writer. */
#include "catalog.h"

struct store_taken {
    struct store_catalog *catalog;
    int lock_fd;
};

/**
 * As a writer opens a store, but makes none. store_release() in either case.
 * @return 0, BTR_E_NOTFOUND (no store there), BTR_E_BUSY, or what opening fails with
 */
int store_take(struct store_taken *out, const char *path, struct btr_err *err);
void store_release(struct store_taken *taken);

#endif
