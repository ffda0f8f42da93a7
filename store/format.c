#include "format.h"

#include <btr/id.h>

static const char *const section_words[STORE_SECTION_MAX + 1] = {
    [STORE_STRINGS] = "strings",     [STORE_STREAMS] = "streams",
    [STORE_INPUTS] = "inputs",       [STORE_IDS] = "ids",
    [STORE_NUMBERS] = "numbers",     [STORE_KINDS] = "kinds",
    [STORE_ENTITIES] = "entities",   [STORE_BLOCKS] = "blocks",
    [STORE_EVENTS] = "events",       [STORE_DETAILS] = "details",
    [STORE_INDEX] = "index",         [STORE_RECORDS] = "records",
    [STORE_LINES] = "lines",         [STORE_STATS] = "statistics",
    [STORE_GAPS] = "gaps",           [STORE_QUARANTINE] = "quarantine",
    [STORE_REACH] = "reach",         [STORE_FILTER] = "filter",
    [STORE_VALUES] = "values",       [STORE_DICTIONARIES] = "dictionaries",
    [STORE_MOMENTS] = "moments",     [STORE_LOCATORS] = "locators",
    [STORE_STRETCHES] = "stretches", [STORE_COUNTS] = "counts",
    [STORE_PROOFS] = "proofs",       [STORE_USUAL] = "usual",
};

const char *store_section_word(unsigned type)
{
    return type > 0 && type <= STORE_SECTION_MAX ? section_words[type] : "unknown";
}

static void put_u16(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)v;
    at[1] = (uint8_t)(v >> 8);
}

static void row_write(uint8_t *at, const struct store_section *s)
{
    put_u16(at, s->type);
    put_u16(at + 2, s->flags);
    store_put_u32(at + 4, s->block_count);
    store_put_u64(at + 8, s->offset);
    store_put_u64(at + 16, s->size);
    store_put_u64(at + 24, s->raw_size);
    store_put_u64(at + 32, s->checksum);
}

/* Over all of header and table but the checksum itself. */
static uint64_t header_checksum(const uint8_t *file, unsigned section_count)
{
    uint64_t parts[2];
    uint8_t bytes[16];
    size_t table_size = (size_t)section_count * STORE_SECTION_ROW_SIZE;
    parts[0] = btr_hash64((struct btr_span){file, STORE_HEADER_SIZE - 8});
    parts[1] = btr_hash64((struct btr_span){file + STORE_HEADER_SIZE, table_size});
    store_put_u64(bytes, parts[0]);
    store_put_u64(bytes + 8, parts[1]);
    return btr_hash64((struct btr_span){bytes, sizeof(bytes)});
}

void store_header_write(uint8_t *file, const struct store_header *h,
                        const struct store_section *sections)
{
    memcpy(file, "BSEG", 4);
    put_u16(file + 4, h->version);
    put_u16(file + 6, 0);
    store_put_u32(file + 8, h->section_count);
    store_put_u32(file + 12, h->event_count);
    store_put_u32(file + 16, h->entity_count);
    store_put_u32(file + 20, h->string_count);
    store_put_u32(file + 24, h->stream_count);
    store_put_u32(file + 28, h->input_count);
    store_put_u64(file + 32, (uint64_t)h->first_ns);
    store_put_u64(file + 40, (uint64_t)h->last_ns);
    store_put_u64(file + 48, h->file_size);
    for (unsigned i = 0; i < h->section_count; i++)
        row_write(file + STORE_HEADER_SIZE + (size_t)i * STORE_SECTION_ROW_SIZE, &sections[i]);
    store_put_u64(file + 56, header_checksum(file, h->section_count));
}

static void row_read(const uint8_t *at, struct store_section *s)
{
    s->type = (uint16_t)(at[0] | at[1] << 8);
    s->flags = (uint16_t)(at[2] | at[3] << 8);
    s->block_count = store_get_u32(at + 4);
    s->offset = store_get_u64(at + 8);
    s->size = store_get_u64(at + 16);
    s->raw_size = store_get_u64(at + 24);
    s->checksum = store_get_u64(at + 32);
}

static bool is_required(const struct store_header *h, unsigned type)
{
    if (type == STORE_KINDS)
        return h->version == 1;
    if (type == STORE_MOMENTS || type == STORE_LOCATORS)
        return h->version >= 3;
    return type > 0 && type <= STORE_REQUIRED_MAX;
}

/* Sections fill the file from the end of the table to its last byte, without a hole. */
static int table_check(const struct store_header *h, const struct store_section *sections,
                       struct btr_err *err)
{
    uint64_t end = STORE_HEADER_SIZE + (uint64_t)h->section_count * STORE_SECTION_ROW_SIZE;
    unsigned missing = 0, type_before = 0;
    for (unsigned type = 0; type <= STORE_SECTION_MAX; type++)
        missing += is_required(h, type);
    for (unsigned i = 0; i < h->section_count; i++) {
        const struct store_section *s = &sections[i];
        uint64_t directory_size = (uint64_t)s->block_count * STORE_BLOCK_ROW_SIZE;
        if (s->type <= type_before || s->offset != end || s->size > h->file_size - end ||
            directory_size > s->size || (s->flags & ~7U) != 0)
            return btr_fail(err, BTR_E_FORMAT, s->offset, "bad row %u of the section table", i);
        if (s->type > STORE_SECTION_MAX && !(s->flags & STORE_SECTION_OPTIONAL))
            return btr_fail(err, BTR_E_VERSION, s->offset, "section of unknown type %u", s->type);
        end += s->size;
        type_before = s->type;
        missing -= is_required(h, s->type);
    }
    if (end != h->file_size)
        return btr_fail(err, BTR_E_FORMAT, end, "bytes that belong to no section");
    if (missing > 0)
        return btr_fail(err, BTR_E_FORMAT, STORE_HEADER_SIZE, "a required section is missing");
    return 0;
}

static int header_check(const struct store_header *h, struct btr_span file, unsigned flags,
                        struct btr_err *err)
{
    if (flags != 0)
        return btr_fail(err, BTR_E_VERSION, 6, "unknown flags %#x in the header", flags);
    if (h->event_count > STORE_EVENTS_MAX || h->entity_count > STORE_ENTITIES_MAX)
        return btr_fail(err, BTR_E_FORMAT, 12, "more events or entities than a segment may have");
    if (h->first_ns > h->last_ns)
        return btr_fail(err, BTR_E_FORMAT, 32, "ends before it begins");
    if (h->file_size > file.size)
        return btr_fail(err, BTR_E_TRUNCATED, file.size, "%llu of %llu bytes are there",
                        (unsigned long long)file.size, (unsigned long long)h->file_size);
    if (h->file_size < file.size)
        return btr_fail(err, BTR_E_FORMAT, h->file_size, "bytes after the end");
    return 0;
}

int store_header_read(struct btr_span file, struct store_header *h, struct store_section *sections,
                      struct btr_err *err)
{
    const uint8_t *at = file.at;
    if (file.size >= 4 && memcmp(at, "BSEG", 4) != 0)
        return btr_fail(err, BTR_E_FORMAT, 0, "not a segment");
    if (file.size < STORE_HEADER_SIZE)
        return btr_fail(err, BTR_E_TRUNCATED, file.size, "header cut");
    unsigned version = (unsigned)at[4] | (unsigned)at[5] << 8;
    if (version < STORE_VERSION_OLDEST || version > STORE_VERSION)
        return btr_fail(err, version > STORE_VERSION ? BTR_E_VERSION : BTR_E_FORMAT, 4,
                        "segment format %u, this program reads %u", version, STORE_VERSION);
    uint32_t section_count = store_get_u32(at + 8);
    if (section_count > STORE_SECTIONS_MAX)
        return btr_fail(err, BTR_E_FORMAT, 8, "%u sections", section_count);
    if (file.size < STORE_HEADER_SIZE + (uint64_t)section_count * STORE_SECTION_ROW_SIZE)
        return btr_fail(err, BTR_E_TRUNCATED, file.size, "section table cut");
    if (header_checksum(at, section_count) != store_get_u64(at + 56))
        return btr_fail(err, BTR_E_CHECKSUM, 56, "header or section table is damaged");
    *h = (struct store_header){.version = (uint16_t)version,
                               .section_count = (uint16_t)section_count,
                               .event_count = store_get_u32(at + 12),
                               .entity_count = store_get_u32(at + 16),
                               .string_count = store_get_u32(at + 20),
                               .stream_count = store_get_u32(at + 24),
                               .input_count = store_get_u32(at + 28),
                               .first_ns = (int64_t)store_get_u64(at + 32),
                               .last_ns = (int64_t)store_get_u64(at + 40),
                               .file_size = store_get_u64(at + 48)};
    int rc = header_check(h, file, (unsigned)at[6] | (unsigned)at[7] << 8, err);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < section_count; i++)
        row_read(at + STORE_HEADER_SIZE + (size_t)i * STORE_SECTION_ROW_SIZE, &sections[i]);
    return table_check(h, sections, err);
}

/* Blocks fill the section, and their items follow one another from 0. */
static int directory_check(const struct store_section *s, const struct store_block *blocks,
                           struct btr_err *err)
{
    uint64_t end = s->offset + (uint64_t)s->block_count * STORE_BLOCK_ROW_SIZE, raw_size = 0;
    uint64_t item = 0;
    for (uint32_t i = 0; i < s->block_count; i++) {
        const struct store_block *b = &blocks[i];
        bool stored = (s->flags & STORE_SECTION_STORED) != 0;
        if (b->offset != end || b->packed_size > s->offset + s->size - end || b->first != item ||
            b->raw_size > STORE_BLOCK_RAW_MAX || (stored && b->raw_size != b->packed_size))
            return btr_fail(err, BTR_E_FORMAT, s->offset, "bad block %u of section %s", i,
                            store_section_word(s->type));
        end += b->packed_size;
        item += b->count;
        raw_size += b->raw_size;
    }
    if (end != s->offset + s->size || raw_size != s->raw_size)
        return btr_fail(err, BTR_E_FORMAT, s->offset, "section %s has not the size it states",
                        store_section_word(s->type));
    return 0;
}

int store_directory_read(struct btr_span file, const struct store_section *s,
                         struct store_block *blocks, struct btr_err *err)
{
    const uint8_t *at = file.at + s->offset; /* the table was checked against the file's size */
    size_t size = (size_t)s->block_count * STORE_BLOCK_ROW_SIZE;
    if (btr_hash64((struct btr_span){at, size}) != s->checksum)
        return btr_fail(err, BTR_E_CHECKSUM, s->offset, "directory of section %s is damaged",
                        store_section_word(s->type));
    uint64_t offset = s->offset + size;
    for (uint32_t i = 0; i < s->block_count; i++, at += STORE_BLOCK_ROW_SIZE) {
        blocks[i] = (struct store_block){.offset = offset,
                                         .packed_size = store_get_u32(at),
                                         .raw_size = store_get_u32(at + 4),
                                         .first = store_get_u32(at + 8),
                                         .count = store_get_u32(at + 12),
                                         .checksum = store_get_u64(at + 16)};
        offset += blocks[i].packed_size;
    }
    return directory_check(s, blocks, err);
}
