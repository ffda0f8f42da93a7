#include "kept_format.h"

#include <btr/id.h>

#include "format.h"

enum { CHECKED_SIZE = KEPT_HEADER_SIZE - 8 }; /* bytes of the header under its checksum */

void kept_header_write(uint8_t *out, const struct kept_header *h)
{
    memcpy(out, "BREC", 4);
    out[4] = KEPT_VERSION;
    out[5] = out[6] = out[7] = 0;
    store_put_u32(out + 8, h->input_count);
    store_put_u32(out + 12, h->block_count);
    store_put_u64(out + 16, h->record_count);
    store_put_u64(out + 24, h->raw_size);
    store_put_u32(out + 32, h->names_size);
    store_put_u32(out + 36, h->dictionary_size);
    store_put_u64(out + 40, h->file_size);
    store_put_u64(out + 48, h->checksum);
    store_put_u64(out + 56, btr_hash64((struct btr_span){out, CHECKED_SIZE}));
}

static uint64_t head_size(const struct kept_header *h)
{
    return KEPT_HEADER_SIZE + (uint64_t)h->names_size + (uint64_t)h->block_count * KEPT_ROW_SIZE +
           h->dictionary_size;
}

static int header_check(struct btr_span file, const struct kept_header *h, struct btr_err *err)
{
    if (h->input_count > KEPT_INPUTS_MAX || h->block_count > KEPT_BLOCKS_MAX ||
        h->names_size > KEPT_NAMES_MAX || h->dictionary_size > KEPT_DICTIONARY_MAX)
        return btr_fail(err, BTR_E_LIMIT, 8, "a size that no file of kept records has");
    if (h->file_size != file.size || head_size(h) > file.size)
        return btr_fail(err, BTR_E_TRUNCATED, file.size, "not all of the file is there");
    struct btr_span checked = {file.at + KEPT_HEADER_SIZE,
                               (size_t)(head_size(h) - KEPT_HEADER_SIZE)};
    if (btr_hash64(checked) != h->checksum)
        return btr_fail(err, BTR_E_CHECKSUM, KEPT_HEADER_SIZE,
                        "inputs and rows do not match their checksum");
    return 0;
}

int kept_header_read(struct btr_span file, struct kept_header *out, struct btr_err *err)
{
    const uint8_t *at = file.at;
    if (file.size < KEPT_HEADER_SIZE)
        return btr_fail(err, BTR_E_TRUNCATED, file.size, "header is cut");
    if (memcmp(at, "BREC", 4) != 0)
        return btr_fail(err, BTR_E_FORMAT, 0, "not a file of kept records");
    unsigned version = at[4] | (unsigned)at[5] << 8;
    if (version != KEPT_VERSION)
        return btr_fail(err, BTR_E_VERSION, 4, "kept records of format %u, this program reads %d",
                        version, KEPT_VERSION);
    if (btr_hash64((struct btr_span){at, CHECKED_SIZE}) != store_get_u64(at + CHECKED_SIZE))
        return btr_fail(err, BTR_E_CHECKSUM, 0, "header does not match its checksum");
    if ((at[6] | at[7]) != 0)
        return btr_fail(err, BTR_E_FORMAT, 6, "unknown flags");
    *out = (struct kept_header){.input_count = store_get_u32(at + 8),
                                .block_count = store_get_u32(at + 12),
                                .record_count = store_get_u64(at + 16),
                                .raw_size = store_get_u64(at + 24),
                                .names_size = store_get_u32(at + 32),
                                .dictionary_size = store_get_u32(at + 36),
                                .file_size = store_get_u64(at + 40),
                                .checksum = store_get_u64(at + 48)};
    return header_check(file, out, err);
}

void kept_row_put(struct btr_buffer *out, const struct kept_row *row)
{
    btr_buffer_u32(out, row->packed_size);
    btr_buffer_u32(out, row->raw_size);
    btr_buffer_u32(out, row->input);
    btr_buffer_u32(out, row->record_count);
    btr_buffer_u64(out, row->first_line);
    btr_buffer_u64(out, row->last_line);
    btr_buffer_u64(out, row->checksum);
}

struct kept_row kept_row_get(const uint8_t *at)
{
    return (struct kept_row){.packed_size = store_get_u32(at),
                             .raw_size = store_get_u32(at + 4),
                             .input = store_get_u32(at + 8),
                             .record_count = store_get_u32(at + 12),
                             .first_line = store_get_u64(at + 16),
                             .last_line = store_get_u64(at + 24),
                             .checksum = store_get_u64(at + 32)};
}
