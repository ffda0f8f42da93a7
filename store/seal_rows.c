/* Sections statistics, gaps, quarantine (docs/FORMAT.md). */
#include "seal.h"

enum { QUARANTINE_BLOCK_SIZE = 1 << 20 };

struct stream_stat {
    int64_t first_ns, last_ns;
    uint64_t event_count, undecoded, gap_count;
    uint64_t operation_count[UINT8_MAX + 1];
    bool reads_told, writes_told;
};

static void event_tally(struct stream_stat *t, const struct builder_event *e, uint32_t count)
{
    if (e->flags & (BTR_EVENT_IMPLIED | BTR_EVENT_PART))
        return;
    if (t->event_count == 0 || e->first_ns < t->first_ns)
        t->first_ns = e->first_ns;
    if (t->event_count == 0 || e->last_ns > t->last_ns)
        t->last_ns = e->last_ns;
    t->event_count += count;
    t->operation_count[e->operation] += count;
    if (!(e->flags & BTR_EVENT_INTERVAL)) {
        t->reads_told = t->reads_told || e->operation == BTR_OP_READ;
        t->writes_told = t->writes_told || e->operation == BTR_OP_WRITE;
    }
}

static void stat_put(struct btr_buffer *raw, const struct stream_stat *t)
{
    unsigned operations = 0;
    for (unsigned i = 0; i <= UINT8_MAX; i++)
        operations += t->operation_count[i] > 0;
    btr_buffer_varint(raw, t->event_count);
    btr_buffer_u64(raw, (uint64_t)t->first_ns);
    btr_buffer_u64(raw, (uint64_t)t->last_ns);
    btr_buffer_varint(raw, t->undecoded);
    btr_buffer_varint(raw, t->gap_count);
    btr_buffer_u8(raw, (uint8_t)((t->reads_told ? 1 : 0) | (t->writes_told ? 2 : 0)));
    btr_buffer_varint(raw, operations);
    for (unsigned i = 0; i <= UINT8_MAX; i++) {
        if (t->operation_count[i] == 0)
            continue;
        btr_buffer_u8(raw, (uint8_t)i);
        btr_buffer_varint(raw, t->operation_count[i]);
    }
}

static int stats_section(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    struct stream_stat *stats = calloc((size_t)b->stream_count + 1, sizeof(*stats));
    if (!stats)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    for (uint32_t i = 0; i < b->event_count; i++)
        event_tally(&stats[b->events[i].stream], &b->events[i], store_builder_count_of(b, i));
    for (uint32_t i = 0; i < b->gap_count; i++)
        stats[b->gaps[i].gap.stream].gap_count++;
    for (uint32_t i = 0; i < b->quarantined_count; i++)
        stats[b->quarantined[i].record.stream].undecoded++;
    store_section_begin(&s->packer, STORE_STATS, 0);
    for (uint32_t i = 0; i < b->stream_count; i++)
        stat_put(&s->packer.raw, &stats[i]);
    free(stats);
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
