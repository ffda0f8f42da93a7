#include "segment_bytes.h"

#include "pack.h"
#include "salvage.h"
#include "segment.h"

enum { CACHE_SIZE = 4 << 20 }; /* small, so that blocks are evicted, too */

typedef int part_read(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                      struct btr_err *err);

static int blocks_read(struct store_segment *seg, unsigned section, part_read *read,
                       struct btr_err *err)
{
    uint32_t count = 0;
    int rc = store_segment_directory(seg, section, &count, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct cache_slot *slot = NULL;
        rc = read(seg, i, &slot, err);
        if (rc == 0)
            store_cache_unpin(slot);
    }
    return rc;
}

static volatile uint8_t byte_seen;
static volatile bool id_seen;

static int strings_read(struct store_segment *seg, struct btr_err *err)
{
    for (uint32_t i = 0; i < seg->header.string_count;) {
        struct cache_slot *slot = NULL;
        int rc = store_segment_strings(seg, i, &slot, err);
        if (rc < 0)
            return rc;
        const struct segment_strings *strings = slot->data;
        for (uint32_t k = 0; k < strings->count; k++) {
            struct btr_span text = store_strings_span(strings, strings->first + k);
            for (size_t b = 0; b < text.size; b++)
                byte_seen = text.at[b]; /* so that sanitizers see the reading of every byte */
        }
        if (strings->count == 0)
            abort();
        i = strings->first + strings->count;
        store_cache_unpin(slot);
    }
    return 0;
}

static int places_read(struct store_segment *seg, struct btr_err *err)
{
    static const uint64_t values[] = {0, 1, 300, UINT64_MAX};
    bool *is_in = calloc((size_t)store_segment_block_count(seg) + 1, 1);
    int rc = is_in ? 0 : BTR_E_NOMEM;
    for (uint32_t stream = 0; rc == 0 && stream < seg->header.stream_count && stream < 4; stream++)
        for (size_t i = 0; rc == 0 && i < 4; i++) {
            rc = store_segment_place(seg, false, stream, values[i], is_in, err);
            if (rc == 0)
                rc = store_segment_place(seg, true, stream, values[i], is_in, err);
        }
    free(is_in);
    return rc;
}

static int values_read(struct store_segment *seg, struct btr_err *err)
{
    uint32_t begin, end;
    if (!seg->section_of[STORE_VALUES])
        return 0;
    int rc = store_segment_values(seg, err);
    for (uint32_t i = 0; rc == 0 && i < seg->by_value.block_count; i++) {
        struct segment_lookup l;
        rc = store_buckets_range(seg, &seg->by_value, (uint64_t)i << 60, &l, &begin, &end, err);
        for (uint32_t k = begin; rc == 0 && k < end; k++)
            byte_seen = (uint8_t)store_buckets_number(&seg->by_value, &l, k);
    }
    return rc;
}

/* What has no reader of its own here is at least unpacked. */
static int others_read(struct store_segment *seg, struct btr_err *err)
{
    for (unsigned section = STORE_RECORDS; section <= STORE_SECTION_MAX; section++) {
        uint32_t count = 0;
        int rc = store_segment_directory(seg, section, &count, err);
        for (uint32_t i = 0; rc == 0 && i < count; i++) {
            uint8_t *raw = NULL;
            rc = store_segment_block(seg, section, i, &raw, err);
            free(raw);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* An id that is there is found under its number. */
static int ids_prove(struct store_segment *seg, struct btr_err *err)
{
    int rc = store_segment_sort(seg, err);
    for (uint32_t n = 0; rc == 0 && n < seg->header.entity_count; n++) {
        struct btr_id id;
        uint8_t kind;
        uint32_t number = 0;
        rc = store_segment_who(seg, n, &id, &kind, err);
        if (rc == 0)
            rc = store_segment_find(seg, id, &number, err);
        id_seen = store_segment_may_hold(seg, id);
        if (rc == 0 && number != n && number != UINT32_MAX)
            abort();
    }
    return rc;
}

static int usual_read(struct store_segment *seg, struct btr_err *err)
{
    struct store_usual usual;
    if (!seg->section_of[STORE_USUAL])
        return 0;
    int rc = store_segment_usual(seg, &usual, err);
    for (uint32_t i = 0; i < usual.row_count; i++)
        id_seen = usual.things[usual.row_things[i]] + usual.row_counts[i] != 0;
    for (uint32_t p = 0; p < usual.program_count; p++)
        if (usual.row_ends[p] > usual.row_count ||
            (p > 0 && usual.programs[p] <= usual.programs[p - 1]))
            abort();
    store_usual_fini(&usual);
    return rc;
}

static int all_read(struct store_segment *seg, struct btr_err *err)
{
    int rc = store_segment_names(seg, err);
    if (rc == 0)
        rc = store_segment_ids(seg, err);
    if (rc == 0)
        rc = ids_prove(seg, err);
    if (rc == 0)
        rc = store_segment_bounds(seg, err);
    if (rc == 0)
        rc = blocks_read(seg, STORE_EVENTS, store_segment_events, err);
    if (rc == 0)
        rc = blocks_read(seg, STORE_DETAILS, store_segment_details, err);
    if (rc == 0)
        rc = blocks_read(seg, STORE_INDEX, store_segment_index, err);
    if (rc == 0)
        rc = blocks_read(seg, STORE_ENTITIES, store_segment_entities, err);
    if (rc == 0)
        rc = strings_read(seg, err);
    if (rc == 0)
        rc = places_read(seg, err);
    if (rc == 0)
        rc = values_read(seg, err);
    if (rc == 0)
        rc = usual_read(seg, err);
    return rc < 0 ? rc : others_read(seg, err);
}

int segment_bytes_read(struct btr_span bytes, struct btr_err *err)
{
    struct store_cache cache = {.size_max = CACHE_SIZE};
    struct store_segment seg = {.name = "test", .cache = &cache, .unpacker = store_unpacker_new()};
    int rc = seg.unpacker ? store_segment_open(&seg, bytes, err) : BTR_E_NOMEM;
    if (rc == 0)
        rc = all_read(&seg, err);
    store_cache_fini(&cache);
    store_segment_close(&seg);
    store_unpacker_free(seg.unpacker);
    return rc;
}

int segment_bytes_salvage(struct btr_span bytes, struct btr_err *err)
{
    struct store_cache cache = {.size_max = CACHE_SIZE};
    struct store_segment seg = {.name = "test", .cache = &cache, .unpacker = store_unpacker_new()};
    struct btr_buffer image = {0};
    struct store_sealed sealed, before = {0};
    struct store_loss loss = {0};
    int rc = seg.unpacker ? store_segment_open(&seg, bytes, err) : BTR_E_NOMEM;
    if (rc == 0) {
        before.event_count = seg.header.event_count;
        before.entity_count = seg.header.entity_count;
        rc = store_salvage(&seg, &before, &image, &sealed, &loss, err);
    }
    store_cache_fini(&cache);
    store_segment_close(&seg);
    store_unpacker_free(seg.unpacker);
    struct btr_err ignored;
    if (rc == 0 && segment_bytes_read(btr_buffer_view(&image), &ignored) != 0)
        abort();
    if (rc == 0 && loss.events + loss.entities + loss.undescribed > 0 &&
        segment_bytes_read(bytes, &ignored) == 0)
        abort();
    btr_buffer_fini(&image);
    return rc;
}

/* ---- Rewriting ------------------------------------------------------------------------------- */

static bool section_store(struct store_segment *seg, const struct store_section *s,
                          struct store_packer *p)
{
    struct btr_err err;
    uint32_t count = 0;
    store_section_begin(p, (enum store_section_type)s->type, STORE_SECTION_STORED);
    if (store_segment_directory(seg, s->type, &count, &err) < 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *raw = NULL;
        if (store_segment_block(seg, s->type, i, &raw, &err) < 0)
            return false;
        btr_buffer_put(&p->raw, raw, seg->directory[s->type][i].raw_size);
        free(raw);
        if (store_section_block(p, seg->directory[s->type][i].count, &err) < 0)
            return false;
    }
    store_section_end(p);
    return true;
}

bool segment_bytes_store(struct btr_span bytes, struct btr_buffer *out)
{
    struct btr_err err;
    struct store_packer p;
    struct store_segment seg = {.name = "test", .unpacker = store_unpacker_new()};
    bool ok = store_packer_init(&p) && seg.unpacker && store_segment_open(&seg, bytes, &err) == 0;
    store_packer_begin(&p, ok ? seg.header.section_count : 0);
    for (unsigned i = 0; ok && i < seg.header.section_count; i++)
        ok = section_store(&seg, &seg.sections[i], &p);
    struct store_header header = seg.header;
    ok = ok && store_packer_end(&p, &header, &err) == 0;
    if (ok)
        btr_buffer_span(out, btr_buffer_view(&p.file));
    store_packer_fini(&p);
    store_segment_close(&seg);
    store_unpacker_free(seg.unpacker);
    return ok;
}

/* ---- Repairing ------------------------------------------------------------------------------- */

static void blocks_repair(uint8_t *bytes, size_t size, uint64_t directory, uint32_t count)
{
    uint64_t offset = directory + (uint64_t)count * STORE_BLOCK_ROW_SIZE;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *row = bytes + directory + (size_t)i * STORE_BLOCK_ROW_SIZE;
        uint32_t packed = store_get_u32(row);
        if (packed > size - offset)
            return;
        store_put_u64(row + 16, btr_hash64((struct btr_span){bytes + offset, packed}));
        offset += packed;
    }
}

void segment_bytes_repair(uint8_t *bytes, size_t size)
{
    if (size < STORE_HEADER_SIZE)
        return;
    uint32_t sections = store_get_u32(bytes + 8);
    if (sections > STORE_SECTIONS_MAX ||
        size < STORE_HEADER_SIZE + (size_t)sections * STORE_SECTION_ROW_SIZE)
        return;
    struct store_section rows[STORE_SECTIONS_MAX];
    for (uint32_t i = 0; i < sections; i++) {
        uint8_t *row = bytes + STORE_HEADER_SIZE + (size_t)i * STORE_SECTION_ROW_SIZE;
        uint32_t count = store_get_u32(row + 4);
        uint64_t offset = store_get_u64(row + 8),
                 directory_size = (uint64_t)count * STORE_BLOCK_ROW_SIZE;
        if (offset <= size && directory_size <= size - offset) {
            blocks_repair(bytes, size, offset, count);
            store_put_u64(row + 32,
                          btr_hash64((struct btr_span){bytes + offset, (size_t)directory_size}));
        }
        rows[i] = (struct store_section){.type = (uint16_t)(row[0] | row[1] << 8),
                                         .flags = (uint16_t)(row[2] | row[3] << 8),
                                         .block_count = count,
                                         .offset = offset,
                                         .size = store_get_u64(row + 16),
                                         .raw_size = store_get_u64(row + 24),
                                         .checksum = store_get_u64(row + 32)};
    }
    struct store_header h = {.version = (uint16_t)(bytes[4] | bytes[5] << 8),
                             .section_count = (uint16_t)sections,
                             .event_count = store_get_u32(bytes + 12),
                             .entity_count = store_get_u32(bytes + 16),
                             .string_count = store_get_u32(bytes + 20),
                             .stream_count = store_get_u32(bytes + 24),
                             .input_count = store_get_u32(bytes + 28),
                             .first_ns = (int64_t)store_get_u64(bytes + 32),
                             .last_ns = (int64_t)store_get_u64(bytes + 40),
                             .file_size = size};
    store_header_write(bytes, &h, rows);
}
