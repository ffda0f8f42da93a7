#ifndef STORE_VERIFY_FILES_H
#define STORE_VERIFY_FILES_H
/** Segment files without a catalog: each is named by the hash of its bytes. */
#include <btr/store.h>

/**
 * Visits, as faults, each file that is not what its name says, and then what all the others hold.
 * @param store  folder of the store, whose catalog is damaged
 */
int verify_files(const char *store, btr_fault_visit *visit, void *self);

#endif
