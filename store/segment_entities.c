/* Decoding of entity rows, strings, and the places of records and lines (docs/FORMAT.md). */
#include "read.h"
#include "segment.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

/* ---- Entities ------------------------------------------------------------------------------- */

/* All columns but the attributes. @return how many attributes follow */
static uint32_t rows_read(struct store_read *r, const struct store_segment *seg,
                          struct segment_entity *rows, uint32_t count)
{
    struct btr_span flags = store_read_bytes(r, count);
    uint64_t first = 0, attrs = 0;
    for (uint32_t i = 0; !r->failed && i < count; i++)
        rows[i].flags = flags.at[i];
    for (uint32_t i = 0; i < count; i++)
        rows[i].host = store_read_upto(r, seg->header.string_count);
    for (uint32_t i = 0; i < count; i++) {
        first += store_unzigzag(store_read_varint(r));
        rows[i].first_ns = (int64_t)first;
    }
    for (uint32_t i = 0; i < count; i++) {
        rows[i].last_ns = (int64_t)((uint64_t)rows[i].first_ns + store_read_varint(r));
        r->failed = r->failed || rows[i].first_ns > rows[i].last_ns;
    }
    uint32_t most = seg->section_of[STORE_COUNTS] ? UINT32_MAX : seg->header.event_count;
    for (uint32_t i = 0; i < count; i++)
        rows[i].event_count = store_read_upto(r, most);
    for (uint32_t i = 0; i < count; i++) {
        rows[i].attr_begin = (uint32_t)attrs;
        attrs += store_read_upto(r, UINT32_MAX);
        if (attrs > store_read_rest(r) / 3) /* each takes at least three bytes */
            r->failed = true;
        attrs = r->failed ? 0 : attrs;
    }
    rows[count] = (struct segment_entity){.attr_begin = (uint32_t)attrs};
    return (uint32_t)attrs;
}

static void attrs_read(struct store_read *r, const struct store_segment *seg,
                       struct segment_entities *e, uint32_t next_string)
{
    uint32_t total = e->rows[e->count].attr_begin;
    for (uint32_t i = 0; i < total; i++)
        e->attrs[i].key = (uint16_t)store_read_upto(r, UINT16_MAX);
    for (uint32_t i = 0; i < total; i++) {
        uint32_t code = store_read_upto(r, seg->header.string_count);
        e->attrs[i].value = code == 0 ? next_string++ : code - 1;
        r->failed = r->failed || e->attrs[i].value >= seg->header.string_count;
    }
    for (uint32_t n = 0; n < e->count && !r->failed; n++)
        for (uint32_t i = e->rows[n].attr_begin; i < e->rows[n + 1].attr_begin; i++)
            e->attrs[i].since_ns =
                (int64_t)((uint64_t)e->rows[n].first_ns + store_unzigzag(store_read_varint(r)));
}

/* Gives rows, and as many attributes as they have, one piece of memory: new, or grown. */
static struct segment_entities *entities_room(struct segment_entities *e, uint32_t count,
                                              size_t attrs, size_t *size)
{
    *size = sizeof(struct segment_entities) + ((size_t)count + 1) * sizeof(struct segment_entity) +
            attrs * sizeof(struct segment_attr);
    struct segment_entities *grown = realloc(e, *size);
    if (!grown) {
        free(e);
        return NULL;
    }
    grown->rows = (struct segment_entity *)(grown + 1);
    grown->attrs = (struct segment_attr *)(grown->rows + count + 1);
    return grown;
}

static int entities_parse(struct store_segment *seg, uint32_t block, const uint8_t *raw,
                          struct segment_entities **out, size_t *size, struct btr_err *err)
{
    const struct store_block *b = &seg->directory[STORE_ENTITIES][block];
    struct store_read r = store_read_of((struct btr_span){raw, b->raw_size});
    struct segment_entities *e = entities_room(NULL, b->count, 0, size);
    if (!e)
        return out_of_memory(err);
    e->first = b->first;
    e->count = b->count;
    uint32_t next_string = store_read_upto(&r, seg->header.string_count);
    uint32_t attrs = rows_read(&r, seg, e->rows, e->count);
    if (!r.failed) { /* so they are no more than bytes are left */
        e = entities_room(e, e->count, attrs, size);
        if (!e)
            return out_of_memory(err);
        attrs_read(&r, seg, e, next_string);
    }
    if (!store_read_done(&r)) {
        free(e);
        return store_segment_bad(seg, err, STORE_ENTITIES, block, "malformed");
    }
    *out = e;
    return 0;
}

static int entities_decode(struct store_segment *seg, uint32_t block, struct cache_slot *slot,
                           struct btr_err *err)
{
    uint8_t *raw = NULL;
    struct segment_entities *e = NULL;
    size_t size = 0;
    int rc = store_segment_block(seg, STORE_ENTITIES, block, &raw, err);
    if (rc == 0)
        rc = entities_parse(seg, block, raw, &e, &size, err);
    free(raw);
    return rc < 0 ? rc : store_segment_keep(seg, slot, e, size, err);
}

int store_segment_entities(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                           struct btr_err *err)
{
    int rc = store_segment_slot(seg, PART_ENTITIES, STORE_ENTITIES, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    const struct store_block *b = &seg->directory[STORE_ENTITIES][block];
    uint32_t rows = store_segment_entity_rows(seg);
    uint64_t first = (uint64_t)block * rows, count = seg->header.entity_count;
    uint64_t left = count > first ? count - first : 0;
    if (b->first != first || b->count != (left < rows ? left : rows))
        return store_segment_bad(seg, err, STORE_ENTITIES, block,
                                 "has not the entities it should have");
    return entities_decode(seg, block, *slot, err);
}

/* ---- Strings -------------------------------------------------------------------------------- */

/*
 * Sizes first, so that what the strings come to is known before memory is taken: a block closes
 * with the string that takes it to STORE_STRING_BLOCK_MAX, so all others are smaller than that
 * together.
 */
static bool sizes_read(struct store_read *r, struct segment_strings *s, uint64_t *total)
{
    uint64_t before = 0, size = 0;
    *total = 0;
    for (uint32_t i = 0; i < s->count; i++)
        s->ends[i] = store_read_upto(r, UINT32_MAX); /* what it shares with the one before */
    for (uint32_t i = 0; i < s->count && !r->failed; i++) {
        if (s->ends[i] > size || before >= STORE_STRING_BLOCK_MAX)
            return false;
        size = s->ends[i] + (uint64_t)store_read_upto(r, STORE_BLOCK_RAW_MAX);
        *total += size;
        before = *total;
    }
    return !r->failed && *total <= STORE_BLOCK_RAW_MAX + STORE_STRING_BLOCK_MAX;
}

static bool texts_fill(struct store_read *r, struct store_read sizes, struct segment_strings *s)
{
    uint32_t end = 0, before = 0; /* before: begin of the string before */
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t shared = s->ends[i];
        struct btr_span rest = store_read_bytes(r, store_read_varint(&sizes));
        if (r->failed)
            return false;
        memcpy(s->bytes + end, s->bytes + before, shared);
        if (rest.size > 0)
            memcpy(s->bytes + end + shared, rest.at, rest.size);
        before = end;
        end += shared + (uint32_t)rest.size;
        s->ends[i] = end;
    }
    return store_read_done(r);
}

/* Skips the column of shared prefixes, to stand at the column of sizes. */
static struct store_read sizes_column(struct store_read r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        (void)store_read_varint(&r);
    return r;
}

static struct segment_strings *strings_decode(const struct store_block *b, const uint8_t *raw,
                                              size_t *size, bool *no_memory)
{
    struct store_read r = store_read_of((struct btr_span){raw, b->raw_size});
    if (b->count > b->raw_size) /* a string takes at least two bytes */
        return NULL;
    *size = sizeof(struct segment_strings) + (size_t)b->count * sizeof(uint32_t);
    struct segment_strings *s = malloc(*size);
    *no_memory = s == NULL;
    if (!s)
        return NULL;
    *s =
        (struct segment_strings){.first = b->first, .count = b->count, .ends = (uint32_t *)(s + 1)};
    struct store_read sizes = sizes_column(r, b->count);
    uint64_t total = 0;
    if (!sizes_read(&r, s, &total)) {
        free(s);
        return NULL;
    }
    struct segment_strings *grown = realloc(s, *size + (size_t)total);
    *no_memory = grown == NULL;
    if (!grown) {
        free(s);
        return NULL;
    }
    *size += (size_t)total;
    grown->ends = (uint32_t *)(grown + 1);
    grown->bytes = (uint8_t *)(grown->ends + grown->count);
    if (texts_fill(&r, sizes, grown))
        return grown;
    free(grown);
    return NULL;
}

/* @return the block of strings that holds a string, or UINT32_MAX */
static uint32_t strings_block(const struct store_segment *seg, uint32_t count, uint32_t string)
{
    const struct store_block *blocks = seg->directory[STORE_STRINGS];
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (string - blocks[middle].first < blocks[middle].count && string >= blocks[middle].first)
            return middle;
        if (blocks[middle].first < string)
            low = middle + 1;
        else
            high = middle;
    }
    return UINT32_MAX;
}

int store_segment_strings(struct store_segment *seg, uint32_t string, struct cache_slot **slot,
                          struct btr_err *err)
{
    uint32_t count = 0;
    int rc = store_segment_directory(seg, STORE_STRINGS, &count, err);
    if (rc < 0)
        return rc;
    uint32_t block = strings_block(seg, count, string);
    rc = store_segment_slot(seg, PART_STRINGS, STORE_STRINGS, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    uint8_t *raw = NULL;
    size_t size = 0;
    bool no_memory = false;
    rc = store_segment_block(seg, STORE_STRINGS, block, &raw, err);
    if (rc < 0)
        return rc;
    struct segment_strings *strings =
        strings_decode(&seg->directory[STORE_STRINGS][block], raw, &size, &no_memory);
    free(raw);
    if (no_memory)
        return out_of_memory(err);
    if (!strings)
        return store_segment_bad(seg, err, STORE_STRINGS, block, "malformed");
    return store_segment_keep(seg, *slot, strings, size, err);
}

struct btr_span store_strings_span(const struct segment_strings *s, uint32_t string)
{
    uint32_t i = string - s->first;
    uint32_t begin = i == 0 ? 0 : s->ends[i - 1];
    return (struct btr_span){s->bytes + begin, s->ends[i] - begin};
}

/* ---- Places --------------------------------------------------------------------------------- */

/* Reads one bucket; sets the flags of its blocks when it is the one asked for. */
static void bucket_read(struct store_read *r, uint32_t blocks, bool wanted, bool *is_in)
{
    uint32_t count = store_read_upto(r, blocks);
    uint64_t block = 0;
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        block += store_read_varint(r);
        if (block >= blocks)
            r->failed = true;
        else if (wanted)
            is_in[block] = true;
    }
}

static void stream_read(struct store_read *r, uint32_t blocks, bool wanted, uint64_t value,
                        bool *is_in)
{
    uint32_t buckets = store_read_upto(r, UINT32_MAX);
    if (buckets == 0)
        return;
    uint64_t least = store_read_varint(r), width = store_read_varint(r);
    if (width == 0)
        r->failed = true;
    for (uint32_t i = 0; i < buckets && !r->failed; i++)
        bucket_read(r, blocks, wanted && value >= least && (value - least) / width == i, is_in);
}

int store_segment_place(struct store_segment *seg, bool by_line, uint32_t stream, uint64_t value,
                        bool *is_in, struct btr_err *err)
{
    unsigned section = by_line ? STORE_LINES : STORE_RECORDS;
    uint32_t blocks = store_segment_block_count(seg);
    uint8_t *raw = NULL;
    size_t size = 0;
    if (!seg->section_of[section]) { /* an optional section: without it any block may hold it */
        for (uint32_t i = 0; i < blocks; i++)
            is_in[i] = true;
        return 0;
    }
    int rc = store_segment_single(seg, section, seg->header.stream_count, &raw, &size, err);
    if (rc < 0)
        return rc;
    struct store_read r = store_read_of((struct btr_span){raw, size});
    for (uint32_t i = 0; i < seg->header.stream_count && !r.failed; i++)
        stream_read(&r, blocks, i == stream, value, is_in);
    bool sound = store_read_done(&r);
    free(raw);
    return sound ? 0 : store_segment_bad(seg, err, section, 0, "malformed");
}
