#ifndef STORE_SEAL_BUCKETS_H
#define STORE_SEAL_BUCKETS_H
/** Makes a table from the top bits of hashes to small numbers: sections numbers and values. */
#include "pack.h"

/**
 * Makes the whole section.
 * @param rows  upper half: top 32 bits of the hash; lower half: the number; in the order of hashes
 * @param below what all numbers are below
 */
int store_seal_buckets(struct store_packer *p, enum store_section_type type, const uint64_t *rows,
                       uint32_t count, uint32_t below, struct btr_err *err);

#endif
