#include "segment.h"

#include "ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack.h"
#include "read.h"

/* Header and table. */
enum { SEGMENT_HEAD_MAX = STORE_HEADER_SIZE + STORE_SECTIONS_MAX * STORE_SECTION_ROW_SIZE };

/* Tells the reader which segment it was. */
static void failed_tell(const struct store_segment *seg)
{
    if (seg->failed)
        *seg->failed = seg->place;
}

int store_segment_name(const struct store_segment *seg, int rc, struct btr_err *err)
{
    if (rc < 0)
        failed_tell(seg);
    if (rc >= 0 || !err)
        return rc;
    char text[BTR_ERR_TEXT_SIZE];
    memcpy(text, err->text, sizeof(text));
    return btr_fail(err, rc, err->offset, "segment %s: %s", seg->name, text);
}

int store_segment_bad(const struct store_segment *seg, struct btr_err *err, unsigned section,
                      uint32_t block, const char *what)
{
    failed_tell(seg);
    return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "segment %s: section %s, block %u: %s",
                    seg->name, store_section_word(section), block, what);
}

int store_segment_unfit(const struct store_segment *seg, int code, struct btr_err *err,
                        const char *what)
{
    failed_tell(seg);
    return btr_fail(err, code, UINT64_MAX, "segment %s: %s", seg->name, what);
}

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ                                                                         \
    22 /* Linux 5.14; before that the kernel refuses it, and nothing is told */
#endif

int store_segment_readable(const struct store_segment *seg, struct btr_span bytes,
                           struct btr_err *err)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)bytes.at;
    uintptr_t begin = at / page * page;
    if (!seg->is_mapped || bytes.size == 0 ||
        madvise((void *)begin, at + bytes.size - begin, MADV_POPULATE_READ) == 0 ||
        (errno != EFAULT && errno != EHWPOISON))
        return 0;
    return store_segment_unfit(seg, BTR_E_TRUNCATED, err,
                               "bytes of its file cannot be read: the disk fails, or it was cut");
}

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

int store_segment_open(struct store_segment *seg, struct btr_span bytes, struct btr_err *err)
{
    int rc = store_header_read(bytes, &seg->header, seg->sections, err);
    if (rc < 0)
        return store_segment_name(seg, rc, err);
    seg->bytes = bytes;
    for (unsigned i = 0; i < seg->header.section_count; i++)
        if (seg->sections[i].type <= STORE_SECTION_MAX)
            seg->section_of[seg->sections[i].type] = &seg->sections[i];
    seg->is_open = true;
    return 0;
}

/* What hinders this process is a failure of it; all else that keeps a published file from being
 * read is damage of the store. */
static int open_fail(const struct store_segment *seg, const char *path, int reason,
                     struct btr_err *err)
{
    if (reason == EMFILE || reason == ENFILE || reason == ENOMEM)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot open %s: %s", path, strerror(reason));
    char what[160];
    (void)snprintf(what, sizeof(what), "its file %s%s",
                   reason == ENOENT ? "is missing" : "cannot be opened: ",
                   reason == ENOENT ? "" : strerror(reason));
    return store_segment_unfit(seg, BTR_E_TRUNCATED, err, what);
}

/* Has the kernel begin to read what is not in memory, and does not wait for it. */
static void pages_want(const struct store_segment *seg, uint64_t offset, uint64_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)seg->bytes.at + offset;
    void *begin = (void *)(at / page * page);
    unsigned char is_in = 0;
    if (size > 0 && mincore(begin, 1, &is_in) == 0 && !(is_in & 1))
        (void)madvise(begin, at + size - (uintptr_t)begin, MADV_WILLNEED);
}

void store_segment_want_filter(const struct store_segment *seg)
{
    const struct store_section *filter = seg->section_of[STORE_FILTER];
    if (seg->is_mapped && filter)
        pages_want(seg, filter->offset, filter->size);
}

int store_segment_lay(struct store_segment *seg, const char *path, uint64_t size,
                      struct btr_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int reason = errno;
        if (fd >= 0)
            (void)close(fd);
        return open_fail(seg, path, reason, err);
    }
    if ((uint64_t)st.st_size != size || size == 0) {
        char what[80];
        (void)close(fd);
        (void)snprintf(what, sizeof(what), "%llu bytes, should be %llu",
                       (unsigned long long)st.st_size, (unsigned long long)size);
        return store_segment_unfit(seg, BTR_E_TRUNCATED, err, what);
    }
    void *at = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    int reason = errno;
    (void)close(fd);
    if (at == MAP_FAILED)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot map %s: %s", path, strerror(reason));
    seg->is_mapped = true;
    seg->bytes = (struct btr_span){at, (size_t)size};
    pages_want(seg, 0, size < SEGMENT_HEAD_MAX ? size : SEGMENT_HEAD_MAX);
    return 0;
}

int store_segment_map(struct store_segment *seg, const char *path, uint64_t size,
                      struct btr_err *err)
{
    int rc = seg->is_mapped ? 0 : store_segment_lay(seg, path, size, err);
    if (rc < 0)
        return rc;
    struct btr_span head = {seg->bytes.at,
                            size < SEGMENT_HEAD_MAX ? (size_t)size : SEGMENT_HEAD_MAX};
    rc = store_segment_readable(seg, head, err);
    return rc < 0 ? rc : store_segment_open(seg, seg->bytes, err);
}

void store_segment_close(struct store_segment *seg)
{
    if (seg->ahead)
        store_ahead_leave(seg->ahead, seg);
    if (seg->is_mapped)
        (void)munmap((void *)(uintptr_t)seg->bytes.at, seg->bytes.size);
    for (unsigned i = 0; i <= STORE_SECTION_MAX; i++) {
        free(seg->directory[i]);
        store_dictionary_free(seg->dictionaries[i]);
    }
    for (unsigned i = 0; i < PART_COUNT; i++)
        free(seg->slots[i]);
    free(seg->streams);
    free(seg->inputs);
    free(seg->names_raw[0]);
    free(seg->names_raw[1]);
    store_segment_ids_fini(seg);
    free(seg->by_value.blocks);
    free(seg->bounds);
}

/* ---- Blocks --------------------------------------------------------------------------------- */

int store_segment_directory(struct store_segment *seg, unsigned section, uint32_t *count,
                            struct btr_err *err)
{
    const struct store_section *s = seg->section_of[section];
    *count = s ? s->block_count : 0;
    if (!s || seg->directory[section])
        return 0;
    struct store_block *blocks = malloc(((size_t)s->block_count + 1) * sizeof(*blocks));
    if (!blocks)
        return out_of_memory(err);
    struct btr_span place = {seg->bytes.at + s->offset,
                             (size_t)s->block_count * STORE_BLOCK_ROW_SIZE};
    int rc = store_segment_readable(seg, place, err);
    if (rc == 0)
        rc = store_segment_name(seg, store_directory_read(seg->bytes, s, blocks, err), err);
    if (rc < 0) {
        free(blocks);
        return rc;
    }
    seg->directory[section] = blocks;
    return 0;
}

int store_segment_check(const struct store_segment *seg, unsigned section, uint32_t block,
                        struct btr_err *err)
{
    const struct store_block *b = &seg->directory[section][block];
    struct btr_span bytes = {seg->bytes.at + b->offset, b->packed_size};
    int rc = store_segment_readable(seg, bytes, err);
    if (rc < 0)
        return rc;
    if (btr_hash64(bytes) == b->checksum)
        return 0;
    failed_tell(seg);
    return btr_fail(err, BTR_E_CHECKSUM, b->offset, "segment %s: section %s, block %u is damaged",
                    seg->name, store_section_word(section), block);
}

int store_segment_stored(struct store_segment *seg, unsigned section, uint32_t *blocks,
                         struct btr_err *err)
{
    int rc = store_segment_directory(seg, section, blocks, err);
    if (rc == 0 && *blocks > 0 && !(seg->section_of[section]->flags & STORE_SECTION_STORED))
        rc = store_segment_bad(seg, err, section, 0, "is packed");
    return rc;
}

/* Reads the dictionary of a section. */
static int dictionary_ready(struct store_segment *seg, unsigned section, struct btr_err *err)
{
    uint32_t count = 0;
    if (seg->dictionaries[section])
        return 0;
    int rc = store_segment_stored(seg, STORE_DICTIONARIES, &count, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct btr_span bytes = store_segment_place_of(seg, STORE_DICTIONARIES, i);
        rc = store_segment_readable(seg, bytes, err);
        if (rc < 0 || bytes.size < 2 ||
            ((unsigned)bytes.at[0] | (unsigned)bytes.at[1] << 8) != section)
            continue;
        rc = store_segment_check(seg, STORE_DICTIONARIES, i, err);
        if (rc == 0)
            seg->dictionaries[section] =
                store_dictionary_new((struct btr_span){bytes.at + 2, bytes.size - 2});
        break;
    }
    if (rc == 0 && !seg->dictionaries[section])
        rc = store_segment_bad(seg, err, section, 0, "has not the dictionary it was packed with");
    return rc;
}

/* Unpacks the bytes of a block as its section says. */
static int block_unpack(struct store_segment *seg, unsigned section, uint32_t block, uint8_t *raw,
                        struct btr_err *err)
{
    const struct store_block *b = &seg->directory[section][block];
    struct btr_span packed = {seg->bytes.at + b->offset, b->packed_size};
    unsigned flags = seg->section_of[section]->flags;
    bool ok = true;
    if (flags & STORE_SECTION_STORED) {
        memcpy(raw, packed.at, b->raw_size); /* of a stored block the same as packed */
    } else if (flags & STORE_SECTION_TRAINED) {
        int rc = dictionary_ready(seg, section, err);
        if (rc < 0)
            return rc;
        ok = store_unpack_with(seg->unpacker, seg->dictionaries[section], packed, raw, b->raw_size);
    } else {
        ok = store_unpack(seg->unpacker, packed, raw, b->raw_size);
    }
    return ok ? 0 : store_segment_bad(seg, err, section, block, "does not unpack");
}

int store_segment_block(struct store_segment *seg, unsigned section, uint32_t block, uint8_t **raw,
                        struct btr_err *err)
{
    uint32_t count = 0;
    int rc = store_segment_directory(seg, section, &count, err);
    if (rc < 0)
        return rc;
    if (block >= count)
        return store_segment_bad(seg, err, section, block, "there is no such block");
    rc = store_segment_check(seg, section, block, err);
    if (rc < 0)
        return rc;
    const struct store_block *b = &seg->directory[section][block];
    uint8_t *bytes = malloc((size_t)b->raw_size + 1);
    if (!bytes)
        return out_of_memory(err);
    rc = block_unpack(seg, section, block, bytes, err);
    if (rc < 0) {
        free(bytes);
        return rc;
    }
    *raw = bytes;
    return 0;
}

int store_segment_single(struct store_segment *seg, unsigned section, uint32_t items, uint8_t **raw,
                         size_t *size, struct btr_err *err)
{
    uint32_t count = 0;
    int rc = store_segment_directory(seg, section, &count, err);
    if (rc < 0)
        return rc;
    *raw = NULL;
    *size = 0;
    if (count == 0 && (items == 0 || section > STORE_REQUIRED_MAX))
        return 0;
    if (count != 1 || seg->directory[section][0].count != items)
        return store_segment_bad(seg, err, section, 0, "has not as many rows as the header says");
    *size = seg->directory[section][0].raw_size;
    return store_segment_block(seg, section, 0, raw, err);
}

int store_segment_slot(struct store_segment *seg, enum segment_part part, unsigned section,
                       uint32_t block, struct cache_slot **slot, struct btr_err *err)
{
    uint32_t count = 0;
    int rc = store_segment_directory(seg, section, &count, err);
    if (rc < 0)
        return rc;
    if (block >= count)
        return store_segment_bad(seg, err, section, block, "there is no such block");
    if (!seg->slots[part])
        seg->slots[part] = calloc(count, sizeof(struct cache_slot));
    if (!seg->slots[part])
        return out_of_memory(err);
    *slot = &seg->slots[part][block];
    return 0;
}

int store_segment_keep(struct store_segment *seg, struct cache_slot *slot, void *data, size_t size,
                       struct btr_err *err)
{
    if (!store_cache_put(seg->cache, slot, data, size))
        return out_of_memory(err);
    store_cache_pin(slot);
    if (seg->cost)
        seg->cost->blocks_decoded++;
    return 0;
}

/* ---- Names ---------------------------------------------------------------------------------- */

static int streams_read(struct store_segment *seg, struct btr_err *err)
{
    size_t size = 0;
    uint32_t count = seg->header.stream_count;
    int rc = store_segment_single(seg, STORE_STREAMS, count, &seg->names_raw[0], &size, err);
    if (rc < 0)
        return rc;
    if (count > size)
        return store_segment_bad(seg, err, STORE_STREAMS, 0, "has too few bytes");
    seg->streams = calloc((size_t)count + 1, sizeof(*seg->streams));
    if (!seg->streams)
        return out_of_memory(err);
    struct store_read r = store_read_of((struct btr_span){seg->names_raw[0], size});
    for (uint32_t i = 0; i < count; i++) {
        seg->streams[i].host = store_read_bytes(&r, store_read_varint(&r));
        seg->streams[i].source = store_read_bytes(&r, store_read_varint(&r));
        seg->streams[i].input = store_read_upto(&r, (uint64_t)seg->header.input_count - 1);
    }
    if (!store_read_done(&r) || (count > 0 && seg->header.input_count == 0))
        return store_segment_bad(seg, err, STORE_STREAMS, 0, "malformed");
    return 0;
}

static int inputs_read(struct store_segment *seg, struct btr_err *err)
{
    static const char digits[] = "0123456789abcdef";
    size_t size = 0;
    uint32_t count = seg->header.input_count;
    int rc = store_segment_single(seg, STORE_INPUTS, count, &seg->names_raw[1], &size, err);
    if (rc < 0)
        return rc;
    if (count > size)
        return store_segment_bad(seg, err, STORE_INPUTS, 0, "has too few bytes");
    seg->inputs = calloc((size_t)count + 1, sizeof(*seg->inputs));
    if (!seg->inputs)
        return out_of_memory(err);
    struct store_read r = store_read_of((struct btr_span){seg->names_raw[1], size});
    for (uint32_t i = 0; i < count; i++) {
        struct segment_input *input = &seg->inputs[i];
        input->name = store_read_bytes(&r, store_read_varint(&r));
        input->head_hash = store_read_u64(&r);
        input->record_count = store_read_varint(&r);
        for (unsigned k = 0; k < 16; k++)
            input->digest[k] = (uint8_t)digits[input->head_hash >> (60 - 4 * k) & 15];
    }
    return store_read_done(&r) ? 0 : store_segment_bad(seg, err, STORE_INPUTS, 0, "malformed");
}

int store_segment_names(struct store_segment *seg, struct btr_err *err)
{
    if (seg->has_names)
        return 0;
    free(seg->streams); /* of a try that failed */
    free(seg->inputs);
    free(seg->names_raw[0]);
    free(seg->names_raw[1]);
    seg->streams = NULL;
    seg->inputs = NULL;
    seg->names_raw[0] = seg->names_raw[1] = NULL;
    int rc = streams_read(seg, err);
    if (rc == 0)
        rc = inputs_read(seg, err);
    seg->has_names = rc == 0;
    return rc;
}

/* ---- Bounds of event blocks ------------------------------------------------------------------ */

int store_segment_bounds(struct store_segment *seg, struct btr_err *err)
{
    uint8_t *raw = NULL;
    size_t size = 0;
    uint32_t count = store_segment_block_count(seg);
    struct segment_bounds before = {0};
    if (seg->has_bounds)
        return 0;
    int rc = store_segment_single(seg, STORE_BLOCKS, count, &raw, &size, err);
    if (rc < 0)
        return rc;
    free(seg->bounds);
    seg->bounds = calloc((size_t)count + 1, sizeof(*seg->bounds));
    struct store_read r = store_read_of((struct btr_span){raw, size});
    for (uint32_t i = 0; seg->bounds && i < count; i++) {
        seg->bounds[i].first_ns = (int64_t)store_read_u64(&r);
        seg->bounds[i].last_ns = (int64_t)store_read_u64(&r);
        seg->bounds[i].next_number = store_read_u32(&r);
        struct segment_bounds *b = &seg->bounds[i];
        uint32_t events = store_segment_block_events(seg, i);
        b->next_group = seg->header.version < STORE_VERSION_GROUPS ? before.next_group + events
                                                                   : store_read_u32(&r);
        if (b->next_number < before.next_number || b->next_number > seg->header.entity_count ||
            b->next_group <= before.next_group || b->next_group - before.next_group > events)
            r.failed = true;
        before = *b;
    }
    if (!seg->bounds)
        rc = out_of_memory(err);
    else if (!store_read_done(&r))
        rc = store_segment_bad(seg, err, STORE_BLOCKS, 0, "malformed");
    free(raw);
    seg->has_bounds = rc == 0;
    return rc;
}
