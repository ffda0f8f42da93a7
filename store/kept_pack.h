#ifndef STORE_KEPT_PACK_H
#define STORE_KEPT_PACK_H
/** Blocks of kept records become the image of a file. One thread. */
#include "kept_format.h"

/** The first blocks wait until there are enough to make a dictionary of; a file of fewer has none. */
struct kept_packer {
    void *zstd, *dictionary;            /* contexts; dictionary is NULL until there is one */
    struct btr_buffer waiting;          /* unpacked blocks */
    struct btr_buffer waiting_rows;     /* of them, as in the file, sizes and checksums apart */
    struct btr_buffer rows, blocks;     /* what is packed */
    struct btr_buffer dictionary_bytes; /* as in the file */
    bool is_settled;                    /* whether there is a dictionary is decided */
    bool failed;                        /* out of memory; told at the end */
    uint64_t record_count, raw_size;
    uint32_t block_count;
};

/** @return false when out of memory */
bool kept_packer_init(struct kept_packer *p);
void kept_packer_fini(struct kept_packer *p);
/** Takes a block: `row` without sizes and checksum, and its bytes in two parts. */
void kept_packer_block(struct kept_packer *p, const struct kept_row *row, struct btr_span runs,
                       struct btr_span text);
/** Bytes that wait for the end. */
size_t kept_packer_size(const struct kept_packer *p);
/**
 * Ends a file and begins the next.
 * @param names  the part with the inputs
 * @param image  receives the file
 * @param h      input_count is the caller's, the rest is filled in
 * @return 0 or BTR_E_NOMEM, BTR_E_LIMIT
 */
int kept_packer_end(struct kept_packer *p, struct btr_span names, struct btr_buffer *image,
                    struct kept_header *h, struct btr_err *err);

#endif
