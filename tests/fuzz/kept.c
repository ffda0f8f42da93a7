/* A file of kept records of arbitrary bytes is refused or read without a fault, and what it tells
 * of itself holds. The first byte says whether checksums are made good first, so that what lies
 * behind them is met, too. */
#include <btr/id.h>
#include <stdlib.h>

#include "format.h"
#include "kept_file.h"
#include "pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As far as the sizes can be followed. */
static void repair(uint8_t *bytes, size_t size)
{
    if (size < KEPT_HEADER_SIZE)
        return;
    uint64_t names = store_get_u32(bytes + 32), rows = store_get_u32(bytes + 12);
    uint64_t begin = KEPT_HEADER_SIZE + names + rows * KEPT_ROW_SIZE + store_get_u32(bytes + 36);
    store_put_u64(bytes + 40, size);
    uint64_t at = begin;
    for (uint64_t i = 0; begin <= size && i < rows; i++) {
        uint8_t *row = bytes + KEPT_HEADER_SIZE + names + i * KEPT_ROW_SIZE;
        uint32_t packed = store_get_u32(row);
        if (packed <= size - at)
            store_put_u64(row + 32, btr_hash64((struct btr_span){bytes + at, packed}));
        at += packed <= size - at ? packed : 0;
    }
    if (begin <= size)
        store_put_u64(bytes + 48, btr_hash64((struct btr_span){bytes + KEPT_HEADER_SIZE,
                                                               (size_t)begin - KEPT_HEADER_SIZE}));
    store_put_u64(bytes + 56, btr_hash64((struct btr_span){bytes, 56}));
}

static void block_check(const struct kept_file *file, uint32_t number, const struct kept_block *b)
{
    struct kept_row row = kept_file_row(file, number);
    if (b->count != row.record_count || b->lines[0] != row.first_line)
        abort();
    for (uint32_t i = 0; i < b->count; i++) {
        struct btr_span record = kept_block_record(b, i);
        if (memchr(record.at, '\n', record.size) || kept_block_line(b, b->lines[i]) != i)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kept_file file = {0};
    struct btr_err err;
    if (size < 1)
        return 0;
    uint8_t *bytes = malloc(size);
    void *unpacker = store_unpacker_new();
    if (!bytes || !unpacker)
        abort();
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1)
        repair(bytes, size - 1);
    int rc = kept_file_open(&file, (struct btr_span){bytes, size - 1}, &err);
    for (uint32_t i = 0; rc == 0 && i < file.header.block_count; i++) {
        struct kept_block block;
        if (kept_file_block(&file, unpacker, i, &block, &err) == 0)
            block_check(&file, i, &block);
        kept_block_fini(&block);
    }
    kept_file_close(&file);
    store_unpacker_free(unpacker);
    free(bytes);
    return 0;
}
