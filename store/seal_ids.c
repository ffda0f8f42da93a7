/* Sections ids, numbers, filter (docs/FORMAT.md). */
#include "fuse.h"
#include "seal.h"
#include "seal_buckets.h"
#include "segment_buckets.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
}

static const struct builder_entity *entity_at(const struct store_sealer *s, uint32_t number)
{
    return &s->builder->entities[s->entity_of[number]];
}

/* ---- By number ------------------------------------------------------------------------------ */

/** Kinds that occur in a block, in the order of their first. */
struct kind_words {
    uint8_t words[UINT8_MAX + 1], code_of[UINT8_MAX + 1];
    bool is_in[UINT8_MAX + 1];
    unsigned count, bits; /* bits of a code; 8: a code is a kind */
};

static void words_gather(struct kind_words *w, const struct store_sealer *s, uint32_t begin,
                         uint32_t end)
{
    *w = (struct kind_words){0};
    for (uint32_t n = begin; n < end; n++) {
        uint8_t kind = entity_at(s, n)->kind;
        if (w->is_in[kind])
            continue;
        w->is_in[kind] = true;
        w->code_of[kind] = (uint8_t)w->count;
        w->words[w->count++] = kind;
    }
    while (w->bits < 8 && (1U << w->bits) < w->count)
        w->bits = w->bits == 0 ? 1 : w->bits * 2;
}

static void kinds_put(struct btr_buffer *raw, const struct store_sealer *s, uint32_t begin,
                      uint32_t end)
{
    struct kind_words w;
    unsigned held = 0, filled = 0;
    words_gather(&w, s, begin, end);
    btr_buffer_u8(raw, (uint8_t)w.bits);
    if (w.bits < 8)
        btr_buffer_put(raw, w.words, (size_t)1 << w.bits);
    for (uint32_t n = begin; w.bits > 0 && n < end; n++) {
        uint8_t kind = entity_at(s, n)->kind;
        held |= (unsigned)(w.bits == 8 ? kind : w.code_of[kind]) << filled;
        filled += w.bits;
        if (filled < 8 && n + 1 < end)
            continue;
        btr_buffer_u8(raw, (uint8_t)held);
        held = filled = 0;
    }
}

static int ids_section(struct store_sealer *s, struct btr_err *err)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint32_t count = s->builder->entity_count;
    int rc = 0;
    store_section_begin(&s->packer, STORE_IDS, STORE_SECTION_STORED);
    for (uint32_t at = 0; rc == 0 && at < count;) {
        uint32_t end = count - at < STORE_ID_ROWS ? count : at + STORE_ID_ROWS;
        kinds_put(raw, s, at, end);
        for (uint32_t n = at; n < end; n++) {
            btr_buffer_u64(raw, entity_at(s, n)->id.hi);
            btr_buffer_u64(raw, entity_at(s, n)->id.lo);
        }
        rc = store_section_block(&s->packer, end - at, err);
        at = end;
    }
    store_section_end(&s->packer);
    return rc;
}

/* ---- By id ---------------------------------------------------------------------------------- */

static bool id_before(const void *self, uint32_t a, uint32_t b)
{
    const struct store_builder *builder = self;
    return btr_id_compare(builder->entities[a].id, builder->entities[b].id) < 0;
}

/* Entities of the builder in the order of ids: in s->scratch. */
static const uint32_t *entities_sort(struct store_sealer *s)
{
    uint32_t count = s->builder->entity_count;
    for (uint32_t i = 0; i < count; i++)
        s->scratch[i] = i;
    store_sort(s->scratch, count, s->scratch + count, id_before, s->builder);
    return s->scratch;
}

static int numbers_section(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    const uint32_t *sorted = entities_sort(s);
    uint64_t *rows = malloc(((size_t)b->entity_count + 1) * sizeof(*rows));
    if (!rows)
        return out_of_memory(err);
    for (uint32_t i = 0; i < b->entity_count; i++)
        rows[i] = (b->entities[sorted[i]].id.hi >> 32 << 32) | s->number_of[sorted[i]];
    int rc =
        store_seal_buckets(&s->packer, STORE_NUMBERS, rows, b->entity_count, b->entity_count, err);
    free(rows);
    return rc;
}

int store_seal_ids(struct store_sealer *s, struct btr_err *err)
{
    int rc = ids_section(s, err);
    return rc < 0 ? rc : numbers_section(s, err);
}

/* ---- Whether one is here -------------------------------------------------------------------- */

int store_seal_filter(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    const uint32_t *sorted = entities_sort(s);
    unsigned bits = store_bits_below((b->entity_count + STORE_FILTER_IDS - 1) / STORE_FILTER_IDS);
    struct btr_id *ids = malloc(((size_t)b->entity_count + 1) * sizeof(*ids));
    int rc = ids ? 0 : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < b->entity_count; i++)
        ids[i] = b->entities[sorted[i]].id;
    store_section_begin(&s->packer, STORE_FILTER, STORE_SECTION_STORED);
    for (uint32_t part = 0, at = 0; rc == 0 && part < UINT32_C(1) << bits; part++) {
        uint32_t end = at;
        while (end < b->entity_count && (bits == 0 ? 0 : ids[end].hi >> (64 - bits)) == part)
            end++;
        rc = store_fuse_make(&s->packer.raw, ids + at, end - at) ? 0 : out_of_memory(err);
        if (rc == 0)
            rc = store_section_block(&s->packer, end - at, err);
        at = end;
    }
    store_section_end(&s->packer);
    free(ids);
    return rc;
}
