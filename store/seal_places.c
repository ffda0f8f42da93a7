/* Sections records, lines: where to look for a record id or a line (docs/FORMAT.md). */
#include "seal.h"

enum { BUCKET_EVENTS = 256, BUCKETS_MAX = 1 << 16 };

/* How the values of one stream are cut into equal ranges. */
struct place_range {
    uint64_t least, greatest, width;
    uint32_t event_count, bucket_count, bucket_first;
};

static uint64_t place_of(const struct builder_event *e, bool by_line)
{
    return by_line ? e->line : e->record_id;
}

/* @return buckets of all streams */
static uint32_t ranges_make(const struct store_builder *b, struct place_range *ranges, bool by_line)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < b->event_count; i++) {
        struct place_range *r = &ranges[b->events[i].stream];
        uint64_t value = place_of(&b->events[i], by_line);
        r->least = r->event_count == 0 || value < r->least ? value : r->least;
        r->greatest = value > r->greatest ? value : r->greatest;
        r->event_count++;
    }
    for (uint32_t i = 0; i < b->stream_count; i++) {
        struct place_range *r = &ranges[i];
        if (r->event_count == 0)
            continue;
        uint64_t wanted = r->event_count / BUCKET_EVENTS + 1;
        wanted = wanted > BUCKETS_MAX ? BUCKETS_MAX : wanted;
        r->width = (r->greatest - r->least) / wanted;
        r->width += r->width < UINT64_MAX;
        r->bucket_count = (uint32_t)((r->greatest - r->least) / r->width + 1);
        r->bucket_first = total;
        total += r->bucket_count;
    }
    return total;
}

static void bits_fill(const struct store_sealer *s, const struct place_range *ranges, bool by_line,
                      uint64_t *bits, uint32_t words)
{
    for (uint32_t i = 0; i < s->builder->event_count; i++) {
        const struct builder_event *e = &s->builder->events[s->order[i]];
        const struct place_range *r = &ranges[e->stream];
        uint64_t bucket = r->bucket_first + (place_of(e, by_line) - r->least) / r->width;
        uint32_t block = i / STORE_BLOCK_EVENTS;
        bits[bucket * words + block / 64] |= UINT64_C(1) << block % 64;
    }
}

static void bucket_put(struct btr_buffer *raw, const uint64_t *bits, uint32_t words)
{
    uint32_t count = 0, before = 0;
    for (uint32_t i = 0; i < words * 64; i++)
        count += (uint32_t)(bits[i / 64] >> i % 64 & 1);
    btr_buffer_varint(raw, count);
    for (uint32_t i = 0; i < words * 64; i++) {
        if (!(bits[i / 64] >> i % 64 & 1))
            continue;
        btr_buffer_varint(raw, i - before);
        before = i;
    }
}

static int places_section(struct store_sealer *s, bool by_line, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    struct btr_buffer *raw = &s->packer.raw;
    uint32_t words = (b->event_count + STORE_BLOCK_EVENTS * 64 - 1) / (STORE_BLOCK_EVENTS * 64);
    struct place_range *ranges = calloc((size_t)b->stream_count + 1, sizeof(*ranges));
    uint32_t buckets = ranges ? ranges_make(b, ranges, by_line) : 0;
    uint64_t *bits = ranges ? calloc((size_t)buckets * words + 1, sizeof(*bits)) : NULL;
    int rc = BTR_E_NOMEM;
    if (bits) {
        bits_fill(s, ranges, by_line, bits, words);
        store_section_begin(&s->packer, by_line ? STORE_LINES : STORE_RECORDS, 0);
        for (uint32_t i = 0; i < b->stream_count; i++) {
            btr_buffer_varint(raw, ranges[i].bucket_count);
            if (ranges[i].bucket_count == 0)
                continue;
            btr_buffer_varint(raw, ranges[i].least);
            btr_buffer_varint(raw, ranges[i].width);
            for (uint32_t k = 0; k < ranges[i].bucket_count; k++)
                bucket_put(raw, bits + (size_t)(ranges[i].bucket_first + k) * words, words);
        }
        rc = store_section_block(&s->packer, b->stream_count, err);
        store_section_end(&s->packer);
    } else {
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    }
    free(ranges);
    free(bits);
    return rc;
}

int store_seal_places(struct store_sealer *s, struct btr_err *err)
{
    int rc = places_section(s, false, err);
    return rc < 0 ? rc : places_section(s, true, err);
}
