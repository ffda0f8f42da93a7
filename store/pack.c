#include "pack.h"

#include <btr/id.h>
#include <stdlib.h>
#include <zstd.h>

#include "train.h"

bool store_packer_init(struct store_packer *p)
{
    *p = (struct store_packer){.zstd = ZSTD_createCCtx(), .level = STORE_LEVEL_FRESH};
    return p->zstd != NULL;
}

void store_packer_fini(struct store_packer *p)
{
    ZSTD_freeCCtx(p->zstd);
    btr_buffer_fini(&p->file);
    btr_buffer_fini(&p->behind);
    btr_buffer_fini(&p->blocks);
    btr_buffer_fini(&p->directory);
    btr_buffer_fini(&p->raw);
    btr_buffer_fini(&p->gathered);
    btr_buffer_fini(&p->rows);
    btr_buffer_fini(&p->dictionaries);
}

void store_packer_begin(struct store_packer *p, unsigned sections)
{
    static const uint8_t room[STORE_HEADER_SIZE + STORE_SECTION_MAX * STORE_SECTION_ROW_SIZE];
    btr_buffer_clear(&p->file);
    btr_buffer_put(&p->file, room, STORE_HEADER_SIZE + (size_t)sections * STORE_SECTION_ROW_SIZE);
    p->section_count = 0;
    btr_buffer_clear(&p->behind);
    btr_buffer_clear(&p->dictionaries);
}

void store_section_begin(struct store_packer *p, enum store_section_type type, unsigned flags)
{
    if (type > STORE_REQUIRED_MAX && type != STORE_COUNTS)
        flags |= STORE_SECTION_OPTIONAL;
    p->sections[p->section_count] =
        (struct store_section){.type = (uint16_t)type, .flags = (uint16_t)flags};
    p->item = 0;
    p->is_gathering = false;
    btr_buffer_clear(&p->blocks);
    btr_buffer_clear(&p->directory);
    btr_buffer_clear(&p->raw);
}

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
}

/* Appends the packed form of `raw` to the section's blocks. @return its size, or 0 on failure */
static size_t frame_put(struct store_packer *p, bool stored)
{
    size_t room = stored ? p->raw.size : ZSTD_compressBound(p->raw.size);
    if (!btr_buffer_reserve(&p->blocks, room))
        return 0;
    uint8_t *to = p->blocks.at + p->blocks.size;
    size_t size = p->raw.size;
    if (stored)
        memcpy(to, p->raw.at, p->raw.size);
    else if (p->dictionary)
        size = ZSTD_compress_usingCDict(p->zstd, to, room, p->raw.at, p->raw.size, p->dictionary);
    else
        size = ZSTD_compressCCtx(p->zstd, to, room, p->raw.at, p->raw.size, p->level);
    if (ZSTD_isError(size))
        return 0;
    p->blocks.size += size;
    return size;
}

int store_section_block(struct store_packer *p, uint32_t count, struct btr_err *err)
{
    struct store_section *s = &p->sections[p->section_count];
    if (p->raw.failed)
        return out_of_memory(err);
    if (p->raw.size > STORE_BLOCK_RAW_MAX)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "section %s: a block of %zu bytes",
                        store_section_word(s->type), p->raw.size);
    if (p->is_gathering) {
        btr_buffer_span(&p->gathered, btr_buffer_view(&p->raw));
        btr_buffer_u32(&p->rows, (uint32_t)p->raw.size);
        btr_buffer_u32(&p->rows, count);
        btr_buffer_clear(&p->raw);
        return p->gathered.failed || p->rows.failed ? out_of_memory(err) : 0;
    }
    size_t begin = p->blocks.size;
    size_t size = p->raw.size == 0 ? 0 : frame_put(p, (s->flags & STORE_SECTION_STORED) != 0);
    if (size == 0 && p->raw.size != 0)
        return out_of_memory(err);
    btr_buffer_u32(&p->directory, (uint32_t)size);
    btr_buffer_u32(&p->directory, (uint32_t)p->raw.size);
    btr_buffer_u32(&p->directory, p->item);
    btr_buffer_u32(&p->directory, count);
    struct btr_span packed = {size ? p->blocks.at + begin : NULL, size};
    btr_buffer_u64(&p->directory, btr_hash64(packed));
    s->raw_size += p->raw.size;
    s->block_count++;
    p->item += count;
    btr_buffer_clear(&p->raw);
    return 0;
}

/* ---- Dictionaries --------------------------------------------------------------------------- */

void store_section_begin_final(struct store_packer *p, enum store_section_type type)
{
    if (p->level >= STORE_LEVEL_FINAL)
        store_section_begin_trained(p, type);
    else
        store_section_begin(p, type, 0);
}

void store_section_begin_trained(struct store_packer *p, enum store_section_type type)
{
    store_section_begin(p, type, 0);
    p->is_gathering = true;
    btr_buffer_clear(&p->gathered);
    btr_buffer_clear(&p->rows);
}

/* Packs the blocks that were gathered. */
static bool gathered_pack(struct store_packer *p)
{
    struct store_section *s = &p->sections[p->section_count];
    p->is_gathering = false;
    if (p->gathered.failed || p->rows.failed)
        return false;
    struct train_samples samples = {btr_buffer_view(&p->gathered), p->rows.at, p->rows.size / 8};
    uint8_t *bytes = malloc(TRAIN_ROOM);
    size_t size = 0;
    bool ok = bytes && store_train(&samples, s->type, p->level, bytes, &size);
    if (ok && size > 0) {
        p->dictionary = ZSTD_createCDict(bytes, size, p->level);
        ok = p->dictionary != NULL;
        s->flags |= STORE_SECTION_TRAINED;
        btr_buffer_u32(&p->dictionaries, (uint32_t)size + 2);
        btr_buffer_u16(&p->dictionaries, s->type);
        btr_buffer_put(&p->dictionaries, bytes, size);
    }
    free(bytes);
    for (size_t i = 0, at = 0; ok && i < p->rows.size; i += 8) {
        size_t raw = store_get_u32(p->rows.at + i);
        btr_buffer_put(&p->raw, p->gathered.at + at, raw);
        ok = store_section_block(p, store_get_u32(p->rows.at + i + 4), NULL) == 0;
        at += raw;
    }
    ZSTD_freeCDict(p->dictionary);
    p->dictionary = NULL;
    return ok && !p->dictionaries.failed;
}

int store_packer_dictionaries(struct store_packer *p, struct btr_err *err)
{
    int rc = 0;
    store_section_begin(p, STORE_DICTIONARIES, STORE_SECTION_STORED);
    for (size_t at = 0; rc == 0 && at < p->dictionaries.size;) {
        size_t size = store_get_u32(p->dictionaries.at + at);
        btr_buffer_put(&p->raw, p->dictionaries.at + at + 4, size);
        rc = store_section_block(p, 1, err);
        at += 4 + size;
    }
    store_section_end(p);
    return rc;
}

/* ---- Ends ----------------------------------------------------------------------------------- */

void store_section_end(struct store_packer *p)
{
    if (p->is_gathering && !gathered_pack(p))
        p->file.failed = true;
    struct store_section *s = &p->sections[p->section_count++];
    s->offset = p->file.size;
    s->size = p->directory.size + p->blocks.size;
    s->checksum = btr_hash64(btr_buffer_view(&p->directory));
    struct btr_buffer *to = &p->file;
    if (s->type > STORE_DICTIONARIES) { /* stands behind those, which are not all known yet */
        s->offset = p->behind.size;
        to = &p->behind;
    }
    btr_buffer_span(to, btr_buffer_view(&p->directory));
    btr_buffer_span(to, btr_buffer_view(&p->blocks));
    if (p->directory.failed || p->blocks.failed || p->behind.failed)
        p->file.failed = true;
}

/* Brings the sections in the order of their types, those behind the dictionaries at the end. */
static void sections_settle(struct store_packer *p)
{
    uint64_t end = p->file.size;
    for (uint32_t i = 0; i < p->section_count; i++) {
        struct store_section s = p->sections[i];
        uint32_t at = i;
        if (s.type > STORE_DICTIONARIES)
            s.offset += end;
        for (; at > 0 && p->sections[at - 1].type > s.type; at--)
            p->sections[at] = p->sections[at - 1];
        p->sections[at] = s;
    }
    btr_buffer_span(&p->file, btr_buffer_view(&p->behind));
}

int store_packer_end(struct store_packer *p, struct store_header *header, struct btr_err *err)
{
    sections_settle(p);
    if (p->file.failed)
        return out_of_memory(err);
    header->version = STORE_VERSION;
    header->section_count = (uint16_t)p->section_count;
    header->file_size = p->file.size;
    store_header_write(p->file.at, header, p->sections);
    return 0;
}

bool store_pack(struct btr_buffer *out, struct btr_span raw)
{
    size_t room = ZSTD_compressBound(raw.size);
    if (!btr_buffer_reserve(out, room))
        return false;
    size_t size = ZSTD_compress(out->at + out->size, room, raw.at, raw.size, 1);
    if (ZSTD_isError(size))
        return false;
    out->size += size;
    return true;
}

void *store_unpacker_new(void)
{
    return ZSTD_createDCtx();
}

void store_unpacker_free(void *unpacker)
{
    ZSTD_freeDCtx(unpacker);
}

bool store_unpack(void *unpacker, struct btr_span packed, uint8_t *raw, size_t raw_size)
{
    if (packed.size == 0)
        return raw_size == 0;
    return ZSTD_decompressDCtx(unpacker, raw, raw_size, packed.at, packed.size) == raw_size;
}

void *store_dictionary_new(struct btr_span bytes)
{
    return ZSTD_createDDict(bytes.at, bytes.size);
}

void store_dictionary_free(void *dictionary)
{
    ZSTD_freeDDict(dictionary);
}

bool store_unpack_with(void *unpacker, const void *dictionary, struct btr_span packed, uint8_t *raw,
                       size_t raw_size)
{
    if (packed.size == 0)
        return raw_size == 0;
    return ZSTD_decompress_usingDDict(unpacker, raw, raw_size, packed.at, packed.size,
                                      dictionary) == raw_size;
}
