#ifndef STORE_KEPT_FILE_H
#define STORE_KEPT_FILE_H
/** One file of kept records, mapped; its blocks are unpacked when they are asked for. */
#include "kept_block.h"

struct kept_input {
    struct btr_span name, format;
    uint64_t head_hash;
};

/* A zeroed struct is closed. */
struct kept_file {
    struct btr_span bytes;
    struct kept_header header;
    struct kept_input *inputs;
    uint64_t *offsets; /* of blocks in the file */
    const uint8_t *rows;
    void *dictionary;  /* or NULL */
    bool is_mapped;
};

/**
 * Maps a file, checks its header and what is under it. Spans live until close.
 * @return 0, BTR_E_NOTFOUND (no such file), BTR_E_TRUNCATED, BTR_E_FORMAT, BTR_E_VERSION, BTR_E_CHECKSUM, BTR_E_LIMIT,
 *         BTR_E_IO, BTR_E_NOMEM
 */
int kept_file_map(struct kept_file *file, const char *path, uint64_t size, struct btr_err *err);
/** The same of bytes that live until close. */
int kept_file_open(struct kept_file *file, struct btr_span bytes, struct btr_err *err);
void kept_file_close(struct kept_file *file);
struct kept_row kept_file_row(const struct kept_file *file, uint32_t block);
/**
 * Unpacks a block.
 * @param unpacker  of store_unpacker_new()
 * @param out       kept_block_fini() frees it, also after a failure
 * @return 0, BTR_E_CHECKSUM, BTR_E_FORMAT, BTR_E_NOMEM
 */
int kept_file_block(const struct kept_file *file, void *unpacker, uint32_t block,
                    struct kept_block *out, struct btr_err *err);

#endif
