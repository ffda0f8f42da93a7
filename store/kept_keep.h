#ifndef STORE_KEPT_KEEP_H
#define STORE_KEPT_KEEP_H
/**
 * Takes records to keep, block by block: the caller's thread fills a block while a thread of its own
 * packs the one before. The caller owns what it fills; the thread owns the packer and `packing`
 * while `busy` is set.
 */
#include <btr/sink.h>

#include "catalog_kept.h"

struct store_keeper;

/** A file of kept records that is not written yet. */
struct kept_image {
    struct btr_buffer file;          /* empty: no record was kept */
    struct btr_buffer hosts, ranges; /* as in struct catalog_kept */
    uint64_t record_count, raw_size;
};

void kept_image_fini(struct kept_image *image);

/** @return 0, BTR_E_NOMEM, BTR_E_IO (no thread) */
int store_keeper_new(struct store_keeper **out, struct btr_err *err);
void store_keeper_free(struct store_keeper *keeper);
/** @return 0, BTR_E_FORMAT (a newline in it), BTR_E_LIMIT, BTR_E_NOMEM */
int store_keeper_add(struct store_keeper *keeper, const struct btr_raw_record *record,
                     struct btr_err *err);
/** Bytes that wait, about. */
size_t store_keeper_size(struct store_keeper *keeper);
/** All since the last call as a file; the keeper begins a new one. @return 0, BTR_E_NOMEM, BTR_E_LIMIT */
int store_keeper_take(struct store_keeper *keeper, struct kept_image *out, struct btr_err *err);

#endif
