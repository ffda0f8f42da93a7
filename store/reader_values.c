/* Entities by a value of an attribute: candidates from every segment, then each in full. */
#include "reader.h"
#include "values.h"

enum { STRING_UNKNOWN = 0, STRING_FAILS = 1, STRING_PASSES = 2 };

/** What is sought, and which ids were found. */
struct value_search {
    struct btr_reader *reader;
    enum btr_kind kind; /* NONE: any */
    enum btr_attr_key key;
    btr_value_test *test;
    void *test_self;
    bool is_exact; /* the test is for one value, of this hash */
    uint64_t hash;
    uint8_t *known; /* of the segment at hand, by string: what the test said */
    struct btr_id *ids;
    size_t count, capacity;
    struct btr_err *err;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while looking for entities");
}

static int id_keep(struct value_search *s, struct btr_id id)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity == 0 ? 64 : s->capacity * 2;
        struct btr_id *grown = realloc(s->ids, capacity * sizeof(*grown));
        if (!grown)
            return out_of_memory(s->err);
        s->ids = grown;
        s->capacity = capacity;
    }
    s->ids[s->count++] = id;
    return 0;
}

/* @return 1 when a string of a segment passes the test, 0 when not, or a failure */
static int string_test(const struct value_search *s, struct store_segment *seg, uint32_t string)
{
    struct cache_slot *slot = NULL;
    if (s->known[string] != STRING_UNKNOWN)
        return s->known[string] == STRING_PASSES;
    int rc = store_segment_strings(seg, string, &slot, s->err);
    if (rc < 0)
        return rc;
    bool passes = s->test(s->test_self, store_strings_span(slot->data, string));
    s->known[string] = passes ? STRING_PASSES : STRING_FAILS;
    store_cache_unpin(slot);
    return passes;
}

static int row_check(struct value_search *s, struct store_segment *seg,
                     const struct segment_entities *e, uint32_t row)
{
    int rc = 0;
    for (uint32_t i = e->rows[row].attr_begin; rc == 0 && i < e->rows[row + 1].attr_begin; i++)
        if (e->attrs[i].key == s->key)
            rc = string_test(s, seg, e->attrs[i].value);
    struct btr_id id;
    uint8_t kind;
    if (rc == 1)
        rc = store_segment_who(seg, e->first + row, &id, &kind, s->err);
    else
        return rc;
    if (rc < 0 || btr_id_is_none(id) || (s->kind != BTR_KIND_NONE && s->kind != kind))
        return rc;
    return id_keep(s, id);
}

static int block_check(struct value_search *s, struct store_segment *seg, uint32_t block)
{
    struct cache_slot *slot = NULL;
    int rc = store_segment_entities(seg, block, &slot, s->err);
    if (rc < 0)
        return rc;
    const struct segment_entities *e = slot->data;
    for (uint32_t i = 0; rc == 0 && i < e->count; i++)
        rc = row_check(s, seg, e, i);
    store_cache_unpin(slot);
    return rc;
}

/* All rows: of a segment without the section, or for an attribute that it does not list. */
static int segment_scan(struct value_search *s, struct store_segment *seg)
{
    uint32_t blocks = 0;
    int rc = store_segment_directory(seg, STORE_ENTITIES, &blocks, s->err);
    for (uint32_t i = 0; rc == 0 && i < blocks; i++)
        rc = block_check(s, seg, i);
    return rc;
}

/* Entity blocks are checked that stand in the bucket of the value's hash; others do not hold it. */
static int segment_look(struct value_search *s, struct store_segment *seg)
{
    struct segment_lookup l;
    uint32_t begin = 0, end = 0, before = UINT32_MAX;
    int rc = store_segment_values(seg, s->err);
    if (rc == 0 && seg->by_value.count > 0)
        rc = store_buckets_range(seg, &seg->by_value, s->hash, &l, &begin, &end, s->err);
    if (rc == BTR_E_CHECKSUM || rc == BTR_E_FORMAT)
        return segment_scan(s, seg); /* damaged: as if it was not there */
    for (uint32_t i = begin; rc == 0 && i < end; i++) {
        uint32_t block = store_buckets_number(&seg->by_value, &l, i);
        rc = block == before ? 0 : block_check(s, seg, block);
        before = block;
    }
    return rc;
}

/* Marks the entity blocks that stand in the bucket of a string's hash. */
static int blocks_mark(struct value_search *s, struct store_segment *seg, struct btr_span value,
                       uint8_t *is_in, uint32_t blocks)
{
    struct segment_lookup l;
    uint32_t begin = 0, end = 0;
    uint64_t hash = store_value_hash((uint16_t)s->key, value);
    int rc = store_buckets_range(seg, &seg->by_value, hash, &l, &begin, &end, s->err);
    for (uint32_t i = begin; rc == 0 && i < end; i++) {
        uint32_t block = store_buckets_number(&seg->by_value, &l, i);
        if (block >= blocks)
            return store_segment_bad(seg, s->err, STORE_VALUES, 0,
                                     "names a block that is not there");
        is_in[block] = true;
    }
    return rc;
}

/* Tests the strings of a block, whatever they are values of. */
static int strings_sift(struct value_search *s, struct store_segment *seg, uint32_t first,
                        uint8_t *is_in, uint32_t blocks)
{
    struct cache_slot *slot = NULL;
    int rc = store_segment_strings(seg, first, &slot, s->err);
    if (rc < 0)
        return rc;
    const struct segment_strings *strings = slot->data;
    if ((uint64_t)strings->first + strings->count > seg->header.string_count)
        rc = store_segment_bad(seg, s->err, STORE_STRINGS, 0, "has more than the header says");
    for (uint32_t i = 0; rc == 0 && i < strings->count; i++) {
        struct btr_span value = store_strings_span(strings, strings->first + i);
        bool passes = s->test(s->test_self, value);
        s->known[strings->first + i] = passes ? STRING_PASSES : STRING_FAILS;
        if (passes)
            rc = blocks_mark(s, seg, value, is_in, blocks);
    }
    store_cache_unpin(slot);
    return rc;
}

static int strings_sift_all(struct value_search *s, struct store_segment *seg, uint8_t *is_in,
                            uint32_t blocks)
{
    uint32_t count = 0;
    int rc = store_segment_values(seg, s->err);
    if (rc == 0)
        rc = store_segment_directory(seg, STORE_STRINGS, &count, s->err);
    if (seg->by_value.count == 0) /* no entity has a value of what is listed */
        return rc;
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        if (seg->directory[STORE_STRINGS][i].count > 0)
            rc = strings_sift(s, seg, seg->directory[STORE_STRINGS][i].first, is_in, blocks);
    return rc;
}

/* Strings are fewer bytes than the rows that point to them: all are tested, and entity blocks are
 * checked that hold one which passes. */
static int segment_sift(struct value_search *s, struct store_segment *seg)
{
    uint32_t blocks = 0;
    int rc = store_segment_directory(seg, STORE_ENTITIES, &blocks, s->err);
    if (rc < 0)
        return rc;
    uint8_t *is_in = calloc((size_t)blocks + 1, 1);
    if (!is_in)
        return out_of_memory(s->err);
    rc = strings_sift_all(s, seg, is_in, blocks);
    bool damaged = rc == BTR_E_CHECKSUM || rc == BTR_E_FORMAT;
    for (uint32_t i = 0; rc == 0 && i < blocks; i++)
        if (is_in[i])
            rc = block_check(s, seg, i);
    free(is_in);
    return damaged ? segment_scan(s, seg) : rc;
}

static int segment_search(struct value_search *s, struct store_segment *seg)
{
    free(s->known);
    s->known = calloc((size_t)seg->header.string_count + 1, 1);
    if (!s->known)
        return out_of_memory(s->err);
    if (!seg->section_of[STORE_VALUES] || !store_value_is_listed((uint16_t)s->key))
        return segment_scan(s, seg);
    return s->is_exact ? segment_look(s, seg) : segment_sift(s, seg);
}

static int candidates_find(struct value_search *s)
{
    struct btr_reader *r = s->reader;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < r->segment_count; i++) {
        rc = reader_segment_entities(r, i, s->err);
        if (rc == 0)
            rc = segment_search(s, &r->segments[i].seg);
    }
    free(s->known);
    return rc;
}

static int id_compare(const void *x, const void *y)
{
    return btr_id_compare(*(const struct btr_id *)x, *(const struct btr_id *)y);
}

/** Who is told of what is found. */
struct value_answer {
    enum btr_kind kind;
    int64_t since_ns, until_ns;
    btr_entity_visit *visit;
    void *self;
};

/* Each candidate once, in the order of ids. */
static int candidates_visit(const struct value_search *s, const struct value_answer *a,
                            struct btr_arena *arena)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->count; i++) {
        struct btr_entity e;
        if (i > 0 && btr_id_equal(s->ids[i - 1], s->ids[i]))
            continue;
        btr_arena_reset(arena);
        rc = btr_reader_entity(s->reader, s->ids[i], arena, &e, s->err);
        if (rc == 0 && reader_entity_wanted(&e, a->kind, a->since_ns, a->until_ns))
            rc = a->visit(a->self, &e);
    }
    return rc;
}

static int search_run(struct value_search *s, const struct value_answer *a)
{
    struct btr_arena *arena = btr_arena_new(SIZE_MAX / 4);
    int rc = arena ? candidates_find(s) : out_of_memory(s->err);
    if (rc == 0 && s->count > 1)
        qsort(s->ids, s->count, sizeof(*s->ids), id_compare);
    if (rc == 0)
        rc = candidates_visit(s, a, arena);
    btr_arena_free(arena);
    free(s->ids);
    return rc;
}

int btr_reader_entities_where(struct btr_reader *r, enum btr_kind kind, int64_t since_ns,
                              int64_t until_ns, enum btr_attr_key key, btr_value_test *test,
                              void *test_self, btr_entity_visit *visit, void *self,
                              struct btr_err *err)
{
    struct value_search s = {
        .reader = r, .kind = kind, .key = key, .test = test, .test_self = test_self, .err = err};
    struct value_answer a = {kind, since_ns, until_ns, visit, self};
    return search_run(&s, &a);
}

/** One value, as a test. */
struct value_equal {
    uint16_t key;
    struct btr_span value;
};

static bool equal_test(void *self, struct btr_span value)
{
    const struct value_equal *wanted = self;
    return store_value_equal(wanted->key, wanted->value, value);
}

int btr_reader_entities_with(struct btr_reader *r, enum btr_kind kind, int64_t since_ns,
                             int64_t until_ns, enum btr_attr_key key, struct btr_span value,
                             btr_entity_visit *visit, void *self, struct btr_err *err)
{
    struct value_equal wanted = {(uint16_t)key, value};
    struct value_search s = {.reader = r,
                             .kind = kind,
                             .key = key,
                             .test = equal_test,
                             .test_self = &wanted,
                             .is_exact = true,
                             .hash = store_value_hash((uint16_t)key, value),
                             .err = err};
    struct value_answer a = {kind, since_ns, until_ns, visit, self};
    return search_run(&s, &a);
}
