#ifndef STORE_WRITER_H
#define STORE_WRITER_H
/** What tests need of a writer beyond btr/store.h. */
#include <btr/store.h>

#include "catalog.h"

/** btr_writer_open without merging, with steps that fail on demand. @param faults NULL, or valid
 * until close */
int store_writer_open(struct btr_writer **out, const char *path, const struct store_faults *faults,
                      struct btr_err *err);

#endif
