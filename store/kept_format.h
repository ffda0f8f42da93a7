#ifndef STORE_KEPT_FORMAT_H
#define STORE_KEPT_FORMAT_H
/**
 * A file of kept records: header, inputs, rows of blocks, dictionary, blocks (docs/FORMAT.md, "Kept
 * records"). All integers are little-endian and are encoded field by field.
 */
#include <btr/buffer.h>
#include <btr/err.h>

enum {
    KEPT_VERSION = 1,
    KEPT_HEADER_SIZE = 64,
    KEPT_ROW_SIZE = 40,
    KEPT_RECORD_MAX = 16 << 20,     /* bytes of a record */
    KEPT_BLOCK_SIZE = 256 << 10,    /* bytes from which a block is closed */
    KEPT_BLOCK_RAW_MAX = 32 << 20,  /* bytes of an unpacked block */
    KEPT_BLOCK_RECORDS = 64 << 10,  /* records of a block */
    KEPT_BLOCKS_MAX = 1 << 20,      /* of a file, as the next two */
    KEPT_INPUTS_MAX = 1 << 20,
    KEPT_NAMES_MAX = 64 << 20,      /* bytes of the part with the inputs */
    KEPT_DICTIONARY_MAX = 64 << 10, /* bytes */
};

struct kept_header {
    uint32_t input_count, block_count;
    uint64_t record_count, raw_size; /* raw_size: bytes of all blocks unpacked */
    uint32_t names_size, dictionary_size;
    uint64_t file_size;
    uint64_t checksum; /* of inputs, rows and dictionary */
};

/** Where a block lies, and what it holds: records of one input. */
struct kept_row {
    uint32_t packed_size, raw_size;
    uint32_t input, record_count;
    uint64_t first_line, last_line;
    uint64_t checksum; /* of the bytes in the file */
};

/** @param out  KEPT_HEADER_SIZE bytes */
void kept_header_write(uint8_t *out, const struct kept_header *h);
/**
 * Reads and checks a header against the bytes of its file.
 * @return 0, BTR_E_FORMAT, BTR_E_VERSION, BTR_E_TRUNCATED, BTR_E_CHECKSUM, BTR_E_LIMIT
 */
int kept_header_read(struct btr_span file, struct kept_header *out, struct btr_err *err);
void kept_row_put(struct btr_buffer *out, const struct kept_row *row);
/** @param at  KEPT_ROW_SIZE bytes */
struct kept_row kept_row_get(const uint8_t *at);

#endif
