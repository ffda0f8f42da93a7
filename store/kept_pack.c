#include "kept_pack.h"

#include <btr/id.h>
#include <stdlib.h>
#include <zdict.h>
#include <zstd.h>

enum {
    LEVEL = 1,                          /* of zstd: docs/FORMAT.md has what others would give */
    TRAINED_FROM = 8 << 20,             /* bytes of blocks from which a dictionary pays */
    TRAINED_SIZE = 16 << 10,            /* bytes of its content */
    TRAINED_PIECES = 16,                /* of blocks, that it consists of */
    TRAINED_ROOM = TRAINED_SIZE + 4096, /* its tables come before the content */
};

bool kept_packer_init(struct kept_packer *p)
{
    *p = (struct kept_packer){.zstd = ZSTD_createCCtx()};
    return p->zstd != NULL;
}

void kept_packer_fini(struct kept_packer *p)
{
    ZSTD_freeCCtx(p->zstd);
    ZSTD_freeCDict(p->dictionary);
    btr_buffer_fini(&p->waiting);
    btr_buffer_fini(&p->waiting_rows);
    btr_buffer_fini(&p->rows);
    btr_buffer_fini(&p->blocks);
    btr_buffer_fini(&p->dictionary_bytes);
}

static void block_pack(struct kept_packer *p, struct kept_row row, struct btr_span raw)
{
    size_t room = ZSTD_compressBound(raw.size);
    if (!btr_buffer_reserve(&p->blocks, room)) {
        p->failed = true;
        return;
    }
    uint8_t *to = p->blocks.at + p->blocks.size;
    size_t size = p->dictionary
                      ? ZSTD_compress_usingCDict(p->zstd, to, room, raw.at, raw.size, p->dictionary)
                      : ZSTD_compressCCtx(p->zstd, to, room, raw.at, raw.size, LEVEL);
    if (ZSTD_isError(size)) {
        p->failed = true;
        return;
    }
    p->blocks.size += size;
    row.packed_size = (uint32_t)size;
    row.raw_size = (uint32_t)raw.size;
    row.checksum = btr_hash64((struct btr_span){to, size});
    kept_row_put(&p->rows, &row);
    p->record_count += row.record_count;
    p->raw_size += raw.size;
    p->block_count++;
}

/* Pieces from all over what waits, and tables made for its blocks. @return false when out of memory
 */
static bool dictionary_make(struct kept_packer *p)
{
    uint8_t content[TRAINED_SIZE];
    size_t count = p->waiting_rows.size / KEPT_ROW_SIZE;
    size_t *sizes = malloc((count + 1) * sizeof *sizes);
    if (!sizes || !btr_buffer_reserve(&p->dictionary_bytes, TRAINED_ROOM)) {
        free(sizes);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        sizes[i] = kept_row_get(p->waiting_rows.at + i * KEPT_ROW_SIZE).raw_size;
    for (size_t i = 0, piece = TRAINED_SIZE / TRAINED_PIECES; i < TRAINED_PIECES; i++)
        memcpy(content + i * piece, p->waiting.at + p->waiting.size / TRAINED_PIECES * i, piece);
    ZDICT_params_t params = {.compressionLevel = LEVEL};
    size_t size =
        ZDICT_finalizeDictionary(p->dictionary_bytes.at, TRAINED_ROOM, content, sizeof content,
                                 p->waiting.at, sizes, (unsigned)count, params);
    free(sizes);
    if (ZDICT_isError(size)) /* none is made of such blocks */
        return true;
    p->dictionary_bytes.size = size;
    p->dictionary = ZSTD_createCDict(p->dictionary_bytes.at, size, LEVEL);
    return p->dictionary != NULL;
}

/* Packs what waited. A file has one dictionary: it is made once, or never. */
static void settle(struct kept_packer *p)
{
    if (!p->is_settled && p->waiting.size >= TRAINED_FROM && !dictionary_make(p))
        p->failed = true;
    p->is_settled = true;
    for (size_t i = 0, at = 0; !p->failed && i < p->waiting_rows.size; i += KEPT_ROW_SIZE) {
        struct kept_row row = kept_row_get(p->waiting_rows.at + i);
        block_pack(p, row, (struct btr_span){p->waiting.at + at, row.raw_size});
        at += row.raw_size;
    }
    btr_buffer_clear(&p->waiting);
    btr_buffer_clear(&p->waiting_rows);
}

void kept_packer_block(struct kept_packer *p, const struct kept_row *row, struct btr_span runs,
                       struct btr_span text)
{
    struct kept_row waiting = *row;
    waiting.raw_size = (uint32_t)(runs.size + text.size);
    btr_buffer_span(&p->waiting, runs);
    btr_buffer_span(&p->waiting, text);
    kept_row_put(&p->waiting_rows, &waiting);
    p->failed = p->failed || p->waiting.failed || p->waiting_rows.failed;
    if (!p->failed && (p->is_settled || p->waiting.size >= TRAINED_FROM))
        settle(p);
}

size_t kept_packer_size(const struct kept_packer *p)
{
    return p->waiting.size + p->blocks.size;
}

/* Ready for the next file. */
static void clear(struct kept_packer *p)
{
    ZSTD_freeCDict(p->dictionary);
    p->dictionary = NULL;
    btr_buffer_clear(&p->waiting);
    btr_buffer_clear(&p->waiting_rows);
    btr_buffer_clear(&p->rows);
    btr_buffer_clear(&p->blocks);
    btr_buffer_clear(&p->dictionary_bytes);
    p->is_settled = p->failed = false;
    p->record_count = p->raw_size = p->block_count = 0;
}

int kept_packer_end(struct kept_packer *p, struct btr_span names, struct btr_buffer *image,
                    struct kept_header *h, struct btr_err *err)
{
    static const uint8_t room[KEPT_HEADER_SIZE];
    if (!p->failed)
        settle(p);
    bool too_many = p->block_count > KEPT_BLOCKS_MAX || h->input_count > KEPT_INPUTS_MAX ||
                    names.size > KEPT_NAMES_MAX;
    btr_buffer_put(image, room, sizeof room);
    btr_buffer_span(image, names);
    btr_buffer_span(image, btr_buffer_view(&p->rows));
    btr_buffer_span(image, btr_buffer_view(&p->dictionary_bytes));
    struct btr_span checked = {image->at + sizeof room, image->size - sizeof room};
    h->checksum = image->failed ? 0 : btr_hash64(checked);
    btr_buffer_span(image, btr_buffer_view(&p->blocks));
    h->block_count = p->block_count;
    h->record_count = p->record_count;
    h->raw_size = p->raw_size;
    h->names_size = (uint32_t)names.size;
    h->dictionary_size = (uint32_t)p->dictionary_bytes.size;
    h->file_size = image->size;
    bool failed = p->failed || p->rows.failed || image->failed;
    clear(p);
    if (failed)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while packing records");
    if (too_many)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "more kept records than one publish takes");
    kept_header_write(image->at, h);
    return 0;
}
