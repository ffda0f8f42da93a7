#ifndef STORE_KEPT_VERIFY_H
#define STORE_KEPT_VERIFY_H
/** Checking of kept records, for btr_store_verify. */
#include <btr/store.h>

/**
 * Reads every block of every file of kept records.
 * @return 0, what the visit returned, BTR_E_CHECKSUM or BTR_E_FORMAT after visiting all faults, BTR_E_IO, BTR_E_NOMEM
 */
int store_kept_verify(const char *path, btr_fault_visit *visit, void *self, struct btr_err *err);

#endif
