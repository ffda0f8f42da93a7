/* Reads all of a store and names what is damaged, and what is lost by it. */
#include "kept_verify.h"
#include "reader.h"
#include "root.h"
#include "segment_write.h"
#include "verify_files.h"
#include "verify_loss.h"

struct verify {
    struct btr_reader *reader;
    btr_fault_visit *visit;
    void *self;
    int worst; /* code of the first fault */
    int stop;  /* what the visitor returned, if not 0 */
};

/* A line about a segment: text after text. `lost` is freed. */
static void line_visit(struct verify *v, uint32_t segment, const char *what,
                       struct btr_buffer *lost)
{
    struct btr_buffer line = {0};
    btr_buffer_text(&line, what);
    btr_buffer_span(&line, btr_buffer_view(lost));
    btr_buffer_u8(&line, 0);
    if (v->stop == 0 && !line.failed && !lost->failed)
        v->stop = v->visit(v->self, v->reader->segments[segment].seg.name, (const char *)line.at);
    btr_buffer_fini(&line);
    btr_buffer_fini(lost);
}

static void fault(struct verify *v, uint32_t segment, int code, const char *what,
                  struct btr_buffer *lost)
{
    char text[BTR_ERR_TEXT_SIZE + 16];
    (void)snprintf(text, sizeof(text), "%s; lost by it: ", what);
    if (v->worst == 0)
        v->worst = code == BTR_E_CHECKSUM ? BTR_E_CHECKSUM : BTR_E_FORMAT;
    line_visit(v, segment, text, lost);
}

/* @param block  UINT32_MAX: the section as a whole */
static void block_fault(struct verify *v, uint32_t segment, unsigned section, uint32_t block,
                        const struct btr_err *err)
{
    struct btr_buffer lost = {0};
    verify_lost_by(&lost, v->reader, segment, section, block);
    fault(v, segment, err->code, err->text, &lost);
}

/* Every block of a section: checksum, and that it unpacks. @return 0, BTR_E_NOMEM */
static int section_verify(struct verify *v, uint32_t segment, unsigned section)
{
    struct store_segment *seg = &v->reader->segments[segment].seg;
    struct btr_err err;
    uint32_t blocks = 0;
    int rc = store_segment_directory(seg, section, &blocks, &err);
    if (rc == BTR_E_NOMEM)
        return rc;
    if (rc < 0) {
        block_fault(v, segment, section, UINT32_MAX, &err);
        return 0;
    }
    for (uint32_t i = 0; i < blocks && v->stop == 0; i++) {
        uint8_t *raw = NULL;
        rc = store_segment_block(seg, section, i, &raw, &err);
        free(raw);
        if (rc == BTR_E_NOMEM)
            return rc;
        if (rc < 0)
            block_fault(v, segment, section, i, &err);
    }
    return 0;
}

/* ---- Contents ------------------------------------------------------------------------------- */

typedef int part_read(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                      struct btr_err *err);

static int part_verify(struct verify *v, uint32_t segment, unsigned section, part_read *read)
{
    struct store_segment *seg = &v->reader->segments[segment].seg;
    uint32_t blocks = 0;
    struct btr_err err;
    int rc = store_segment_directory(seg, section, &blocks, &err);
    for (uint32_t i = 0; rc == 0 && i < blocks && v->stop == 0; i++) {
        struct cache_slot *slot = NULL;
        int code = read(seg, i, &slot, &err);
        if (code == BTR_E_NOMEM)
            return code;
        if (code == 0)
            store_cache_unpin(slot);
        else if (code == BTR_E_FORMAT) /* a checksum was named before */
            block_fault(v, segment, section, i, &err);
    }
    return rc == BTR_E_NOMEM ? rc : 0;
}

static int strings_read_block(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                              struct btr_err *err)
{
    const struct store_block *b = &seg->directory[STORE_STRINGS][block];
    if (b->count == 0)
        return store_segment_bad(seg, err, STORE_STRINGS, block, "holds no string");
    return store_segment_strings(seg, b->first, slot, err);
}

static unsigned list_of(enum btr_direction direction)
{
    return direction == BTR_FLOW_OUT ? 0 : direction == BTR_FLOW_IN ? 1 : 2;
}

/* Whether the index lists this group where a walk would look for it. */
static bool is_indexed(const struct segment_index *x, const struct segment_group *g, uint32_t group,
                       uint32_t number)
{
    uint32_t i = number - x->first;
    if (g->subject == number)
        return group - x->run_first[i] < x->run_groups[i];
    const uint32_t *begin =
        &x->list_begin[(size_t)i * SEGMENT_LISTS + list_of(btr_operation_direction(g->operation))];
    uint32_t low = begin[0], high = begin[1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (x->postings[middle] == group)
            return true;
        if (x->postings[middle] < group)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* @return 1 indexed, 0 not, or a failure (named before, as a damaged block) */
static int end_check(struct store_segment *seg, const struct segment_group *g, uint32_t group,
                     uint32_t number)
{
    struct cache_slot *slot = NULL;
    struct btr_err err;
    int rc = store_segment_index(seg, number / STORE_INDEX_ENTITIES, &slot, &err);
    if (rc < 0)
        return rc;
    bool found = is_indexed(slot->data, g, group, number);
    store_cache_unpin(slot);
    return found;
}

static bool bounds_hold(const struct store_segment *seg, const struct segment_bounds *bounds,
                        const struct segment_block *b)
{
    bool sound = true;
    for (uint32_t i = 0; i < b->count; i++)
        sound = sound && b->first_ns[i] >= bounds->first_ns && b->last_ns[i] <= bounds->last_ns &&
                b->first_ns[i] >= seg->header.first_ns && b->last_ns[i] <= seg->header.last_ns;
    return sound;
}

/* Every event must be found by both of its ends, and lie within the bounds of its block. */
static int cross_check(struct verify *v, uint32_t segment, uint32_t block)
{
    struct store_segment *seg = &v->reader->segments[segment].seg;
    struct cache_slot *slot = NULL;
    struct btr_err err;
    if (store_segment_events(seg, block, &slot, &err) < 0)
        return 0;
    const struct segment_block *b = slot->data;
    bool sound = bounds_hold(seg, &seg->bounds[block], b);
    int rc = 0;
    for (uint32_t i = 0; sound && rc >= 0 && i < b->group_count; i++) {
        const struct segment_group *g = &b->groups[i];
        rc = end_check(seg, g, b->group_first + i, g->subject);
        if (rc >= 0 && g->object != g->subject && rc == 1)
            rc = end_check(seg, g, b->group_first + i, g->object);
        sound = rc != 0;
    }
    store_cache_unpin(slot);
    if (!sound) {
        (void)store_segment_bad(seg, &err, STORE_INDEX, block, "does not agree with the events");
        block_fault(v, segment, STORE_INDEX, block, &err);
    }
    return rc == BTR_E_NOMEM ? rc : 0;
}

/* Every entity must be found by its id, and pass the filter. */
static int ids_verify(struct verify *v, uint32_t segment)
{
    struct store_segment *seg = &v->reader->segments[segment].seg;
    struct btr_err err;
    int rc = store_segment_sort(seg, &err);
    for (uint32_t n = 0; rc == 0 && n < seg->header.entity_count; n++) {
        struct btr_id id;
        uint8_t kind;
        uint32_t number = 0;
        rc = store_segment_who(seg, n, &id, &kind, &err);
        if (rc == 0)
            rc = store_segment_find(seg, id, &number, &err);
        if (rc == 0 && number != n)
            rc = store_segment_bad(seg, &err, STORE_NUMBERS, 0, "does not find an entity");
        if (rc == 0 && !store_segment_may_hold(seg, id))
            rc = store_segment_bad(seg, &err, STORE_FILTER, 0, "denies an entity that is here");
    }
    if (rc == BTR_E_FORMAT) /* a checksum was named before */
        block_fault(v, segment, STORE_NUMBERS, 0, &err);
    return rc == BTR_E_NOMEM ? rc : 0;
}

static int proof_pass(void *self, const struct builder_proof *proof)
{
    (void)self;
    (void)proof;
    return 0;
}

static int stands_verify(struct verify *v, uint32_t segment)
{
    struct btr_err err;
    int rc = part_verify(v, segment, STORE_COUNTS, store_segment_stands);
    if (rc < 0)
        return rc;
    rc = store_segment_proofs(&v->reader->segments[segment].seg, proof_pass, NULL, &err);
    if (rc == BTR_E_FORMAT) /* a checksum was named before */
        block_fault(v, segment, STORE_PROOFS, 0, &err);
    return rc == BTR_E_NOMEM ? rc : 0;
}

static int usual_verify(struct verify *v, uint32_t segment)
{
    struct store_segment *seg = &v->reader->segments[segment].seg;
    struct store_usual usual;
    struct btr_err err;
    if (!seg->section_of[STORE_USUAL])
        return 0;
    int rc = store_segment_usual(seg, &usual, &err);
    store_usual_fini(&usual);
    if (rc == BTR_E_FORMAT) /* a checksum was named before */
        block_fault(v, segment, STORE_USUAL, 0, &err);
    return rc == BTR_E_NOMEM ? rc : 0;
}

static int contents_verify(struct verify *v, uint32_t segment)
{
    struct store_segment *seg = &v->reader->segments[segment].seg;
    int rc = ids_verify(v, segment);
    if (rc == 0)
        rc = part_verify(v, segment, STORE_MOMENTS, store_segment_moments);
    if (rc == 0)
        rc = part_verify(v, segment, STORE_LOCATORS, store_segment_locators);
    if (rc == 0)
        rc = part_verify(v, segment, STORE_EVENTS, store_segment_events);
    if (rc == 0)
        rc = part_verify(v, segment, STORE_DETAILS, store_segment_details);
    if (rc == 0)
        rc = stands_verify(v, segment);
    if (rc == 0)
        rc = usual_verify(v, segment);
    if (rc == 0)
        rc = part_verify(v, segment, STORE_INDEX, store_segment_index);
    if (rc == 0)
        rc = part_verify(v, segment, STORE_ENTITIES, store_segment_entities);
    if (rc == 0)
        rc = part_verify(v, segment, STORE_STRINGS, strings_read_block);
    for (uint32_t i = 0; rc == 0 && v->worst == 0 && i < store_segment_block_count(seg); i++)
        rc = cross_check(v, segment, i);
    return rc;
}

/* ---- The whole ------------------------------------------------------------------------------ */

static int hash_verify(struct verify *v, uint32_t segment)
{
    const struct reader_segment *s = &v->reader->segments[segment];
    uint8_t root[BTR_SHA256_SIZE];
    struct btr_err err;
    if (store_segment_readable(&s->seg, s->seg.bytes, &err) < 0)
        return 0; /* its blocks were named */
    int rc = store_segment_prove(&s->row, s->seg.bytes);
    if (rc == 1 && s->row.root_told) {
        if (!store_root(s->seg.bytes, root))
            return BTR_E_NOMEM;
        rc = memcmp(root, s->row.root, sizeof(root)) == 0;
    }
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (v->worst == 0) {
        struct btr_buffer lost = {0};
        btr_buffer_text(&lost, "the proof that nothing was changed");
        fault(v, segment, BTR_E_CHECKSUM, "the file is not the one that was sealed", &lost);
    }
    return 0;
}

static int rest_tell(struct verify *v, uint32_t segment)
{
    struct btr_err err;
    struct btr_buffer rest = {0};
    int rc = verify_rest(&rest, v->reader, segment, &err);
    if (rc == 0)
        line_visit(v, segment, "", &rest);
    return rc;
}

/* Nothing of a segment can be read. */
static void whole_fault(struct verify *v, uint32_t segment, const struct btr_err *err)
{
    struct btr_buffer lost = {0};
    verify_lost_whole(&lost, v->reader, segment);
    fault(v, segment, err->code, err->text, &lost);
}

/* @param ready  what came of making the segment ready, with `why` */
static int parts_verify(struct verify *v, uint32_t segment, int ready, const struct btr_err *why)
{
    const struct store_segment *seg = &v->reader->segments[segment].seg;
    int rc = 0;
    for (unsigned i = 1; rc == 0 && i <= STORE_SECTION_MAX && v->stop == 0; i++)
        if (seg->section_of[i])
            rc = section_verify(v, segment, i);
    if (rc == 0 && ready == 0)
        rc = contents_verify(v, segment);
    else if (rc == 0 && v->worst == 0) /* a checksum was named before */
        whole_fault(v, segment, why);
    if (rc == 0)
        rc = hash_verify(v, segment);
    return rc == 0 && v->worst != 0 && v->stop == 0 ? rest_tell(v, segment) : rc;
}

static int segment_verify(struct verify *v, uint32_t segment)
{
    struct btr_err err;
    struct reader_segment *s = &v->reader->segments[segment];
    int before = v->worst;
    v->worst = 0;
    int ready = reader_segment_entities(v->reader, segment, &err);
    if (ready == 0)
        ready = store_segment_bounds(&s->seg, &err);
    int rc = ready == BTR_E_NOMEM ? ready : 0;
    if (rc == 0 && s->is_mapped)
        rc = parts_verify(v, segment, ready, &err);
    else if (rc == 0)
        whole_fault(v, segment, &err);
    v->worst = before != 0 ? before : v->worst;
    return rc;
}

int btr_store_verify(const char *path, btr_fault_visit *visit, void *self, struct btr_err *err)
{
    struct verify v = {.visit = visit, .self = self};
    int rc = btr_reader_open(&v.reader, &path, 1, err);
    if (rc == BTR_E_FORMAT || rc == BTR_E_CHECKSUM)
        (void)verify_files(path, visit, self);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; rc == 0 && v.stop == 0 && i < v.reader->segment_count; i++)
        rc = segment_verify(&v, i);
    btr_reader_close(v.reader);
    if (rc < 0)
        return btr_fail(err, rc, UINT64_MAX, "%s: %s", path, btr_code_text(rc));
    if (v.stop == 0) {
        rc = store_kept_verify(path, visit, self, err);
        if (rc < 0 && rc != BTR_E_CHECKSUM && rc != BTR_E_FORMAT)
            return rc;
        v.worst = v.worst != 0 || rc > 0 ? v.worst : rc;
        v.stop = rc > 0 ? rc : 0;
    }
    if (v.worst != 0)
        return btr_fail(err, v.worst, UINT64_MAX, "%s: the store is damaged", path);
    return v.stop;
}
