/* Sections statistics, gaps, quarantine (docs/FORMAT.md). */
#include "seal.h"

enum { QUARANTINE_BLOCK_SIZE = 1 << 20 };

struct stream_stat {
    int64_t first_ns, last_ns;
    uint64_t event_count, undecoded, gap_count;
    bool reads_told, writes_told;
};

/* Of each stream, and how often it has each of the operations that the segment has at all: few of
   those that there are, while the streams of a segment may be many. */
struct stats {
    struct stream_stat *streams;
    uint64_t *operation_count; /* [stream][place of the operation] */
    uint8_t operations[UINT8_MAX + 1], place[UINT8_MAX + 1];
    unsigned count; /* of operations */
};

static bool stats_make(struct stats *t, const struct store_builder *b)
{
    bool told[UINT8_MAX + 1] = {false};
    for (uint32_t i = 0; i < b->event_count; i++)
        told[b->events[i].operation] = true;
    for (unsigned i = 0; i <= UINT8_MAX; i++) {
        t->place[i] = (uint8_t)t->count;
        if (told[i])
            t->operations[t->count++] = (uint8_t)i;
    }
    t->streams = calloc((size_t)b->stream_count + 1, sizeof(*t->streams));
    t->operation_count =
        calloc((size_t)b->stream_count * t->count + 1, sizeof(*t->operation_count));
    return t->streams && t->operation_count;
}

static void stats_free(struct stats *t)
{
    free(t->streams);
    free(t->operation_count);
}

static void event_tally(struct stats *stats, const struct builder_event *e, uint32_t count)
{
    struct stream_stat *t = &stats->streams[e->stream];
    if (e->flags & (BTR_EVENT_IMPLIED | BTR_EVENT_PART))
        return;
    if (t->event_count == 0 || e->first_ns < t->first_ns)
        t->first_ns = e->first_ns;
    if (t->event_count == 0 || e->last_ns > t->last_ns)
        t->last_ns = e->last_ns;
    t->event_count += count;
    stats->operation_count[(size_t)e->stream * stats->count + stats->place[e->operation]] += count;
    if (!(e->flags & BTR_EVENT_INTERVAL)) {
        t->reads_told = t->reads_told || e->operation == BTR_OP_READ;
        t->writes_told = t->writes_told || e->operation == BTR_OP_WRITE;
    }
}

static void stat_put(struct btr_buffer *raw, const struct stats *stats, uint32_t stream)
{
    const struct stream_stat *t = &stats->streams[stream];
    const uint64_t *count = &stats->operation_count[(size_t)stream * stats->count];
    unsigned operations = 0;
    for (unsigned i = 0; i < stats->count; i++)
        operations += count[i] > 0;
    btr_buffer_varint(raw, t->event_count);
    btr_buffer_u64(raw, (uint64_t)t->first_ns);
    btr_buffer_u64(raw, (uint64_t)t->last_ns);
    btr_buffer_varint(raw, t->undecoded);
    btr_buffer_varint(raw, t->gap_count);
    btr_buffer_u8(raw, (uint8_t)((t->reads_told ? 1 : 0) | (t->writes_told ? 2 : 0)));
    btr_buffer_varint(raw, operations);
    for (unsigned i = 0; i < stats->count; i++) {
        if (count[i] == 0)
            continue;
        btr_buffer_u8(raw, stats->operations[i]);
        btr_buffer_varint(raw, count[i]);
    }
}

static int stats_section(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    struct stats stats = {0};
    if (!stats_make(&stats, b)) {
        stats_free(&stats);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    }
    for (uint32_t i = 0; i < b->event_count; i++)
        event_tally(&stats, &b->events[i], store_builder_count_of(b, i));
    for (uint32_t i = 0; i < b->gap_count; i++)
        stats.streams[b->gaps[i].gap.stream].gap_count++;
    for (uint32_t i = 0; i < b->quarantined_count; i++)
        stats.streams[b->quarantined[i].record.stream].undecoded++;
    store_section_begin(&s->packer, STORE_STATS, 0);
    for (uint32_t i = 0; i < b->stream_count; i++)
        stat_put(&s->packer.raw, &stats, i);
    stats_free(&stats);
    int rc = store_section_block(&s->packer, b->stream_count, err);
    store_section_end(&s->packer);
    return rc;
}

static void kept_put(struct store_sealer *s, size_t at, size_t size)
{
    btr_buffer_varint(&s->packer.raw, size);
    btr_buffer_put(&s->packer.raw, size > 0 ? s->builder->text.at + at : NULL, size);
}

static void gap_put(struct store_sealer *s, const struct builder_gap *g)
{
    struct btr_buffer *raw = &s->packer.raw;
    btr_buffer_varint(raw, g->gap.stream);
    btr_buffer_u8(raw, g->gap.kind);
    btr_buffer_u64(raw, (uint64_t)g->gap.from_ns);
    btr_buffer_u64(raw, (uint64_t)g->gap.until_ns);
    btr_buffer_varint(raw, g->gap.from_id);
    btr_buffer_varint(raw, g->gap.until_id);
    btr_buffer_varint(raw, g->gap.count);
    btr_buffer_varint(raw, g->gap.line);
    kept_put(s, g->why_at, g->why_size);
}

static void quarantined_put(struct store_sealer *s, const struct builder_quarantined *q)
{
    struct btr_buffer *raw = &s->packer.raw;
    btr_buffer_varint(raw, q->record.stream);
    btr_buffer_varint(raw, q->record.line);
    btr_buffer_varint(raw, q->record.offset);
    btr_buffer_varint(raw, q->record.record_size);
    kept_put(s, q->reason_at, q->reason_size);
    kept_put(s, q->record_at, q->record_size);
}

int store_seal_rows(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    int rc = stats_section(s, err);
    store_section_begin(&s->packer, STORE_GAPS, 0);
    for (uint32_t i = 0; i < b->gap_count; i++)
        gap_put(s, &b->gaps[i]);
    if (rc == 0)
        rc = store_section_block(&s->packer, b->gap_count, err);
    store_section_end(&s->packer);
    store_section_begin(&s->packer, STORE_QUARANTINE, 0);
    for (uint32_t i = 0, first = 0; rc == 0 && i < b->quarantined_count; i++) {
        quarantined_put(s, &b->quarantined[i]);
        if (s->packer.raw.size < QUARANTINE_BLOCK_SIZE && i + 1 < b->quarantined_count)
            continue;
        rc = store_section_block(&s->packer, i + 1 - first, err);
        first = i + 1;
    }
    store_section_end(&s->packer);
    return rc;
}
