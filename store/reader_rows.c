/* Gaps, quarantine, inputs, statistics. */
#include "read.h"
#include "reader.h"
#include "segment_load.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a store");
}

/* Host, source and input of a stream. @return false when there is no such stream */
static bool stream_names(const struct store_segment *seg, uint32_t stream, struct btr_span *host,
                         struct btr_span *source, struct btr_span *input)
{
    if (stream >= seg->header.stream_count)
        return false;
    const struct segment_stream *s = &seg->streams[stream];
    *host = s->host;
    *source = s->source;
    *input = seg->inputs[s->input].name;
    return true;
}

/* ---- Gaps ----------------------------------------------------------------------------------- */

struct gap_list {
    struct btr_gap_full *items;
    uint32_t *segments; /* by item, as it was gathered */
    uint32_t count, capacity;
    struct btr_arena *arena; /* of the texts */
};

static struct btr_gap_full *gap_room(struct gap_list *list)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct btr_gap_full *grown = realloc(list->items, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        list->items = grown;
        uint32_t *segments = realloc(list->segments, capacity * sizeof(*segments));
        if (!segments)
            return NULL;
        list->segments = segments;
        list->capacity = capacity;
    }
    return &list->items[list->count];
}

void store_gap_read(struct store_read *r, struct btr_gap *gap)
{
    *gap = (struct btr_gap){.stream = store_read_upto(r, UINT32_MAX)};
    gap->kind = store_read_u8(r);
    gap->from_ns = (int64_t)store_read_u64(r);
    gap->until_ns = (int64_t)store_read_u64(r);
    gap->from_id = store_read_varint(r);
    gap->until_id = store_read_varint(r);
    gap->count = store_read_varint(r);
    gap->line = store_read_varint(r);
    gap->why = store_read_bytes(r, store_read_varint(r));
}

static int gaps_gather(struct store_segment *seg, struct gap_list *list, struct store_read *r,
                       uint32_t count, struct btr_err *err)
{
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct btr_gap_full *to = gap_room(list);
        if (!to)
            return out_of_memory(err);
        store_gap_read(r, &to->gap);
        if (!stream_names(seg, to->gap.stream, &to->host, &to->source, &to->input))
            r->failed = true;
        if (!btr_arena_copy(list->arena, to->gap.why, &to->gap.why))
            return out_of_memory(err);
        list->count++;
    }
    return store_read_done(r) ? 0 : store_segment_bad(seg, err, STORE_GAPS, 0, "malformed");
}

static int gaps_of_segment(struct btr_reader *reader, uint32_t segment, struct gap_list *list,
                           struct btr_err *err)
{
    struct store_segment *seg = &reader->segments[segment].seg;
    uint32_t count = reader->segments[segment].row.sealed.gap_count;
    uint8_t *raw = NULL;
    size_t size = 0;
    if (count == 0)
        return 0;
    int rc = reader_segment_ready(reader, segment, err);
    if (rc == 0)
        rc = store_segment_single(seg, STORE_GAPS, count, &raw, &size, err);
    if (rc < 0)
        return rc;
    struct store_read r = store_read_of((struct btr_span){raw, size});
    uint32_t before = list->count;
    rc = raw ? gaps_gather(seg, list, &r, count, err) : 0;
    for (uint32_t i = before; i < list->count; i++)
        list->segments[i] = segment;
    free(raw);
    return rc;
}

static int gap_compare(const void *x, const void *y)
{
    const struct btr_gap_full *a = x, *b = y;
    int c = btr_span_compare(a->host, b->host);
    if (c == 0)
        c = btr_span_compare(a->source, b->source);
    if (c == 0)
        c = (a->gap.from_ns > b->gap.from_ns) - (a->gap.from_ns < b->gap.from_ns);
    if (c == 0)
        c = (a->gap.until_ns > b->gap.until_ns) - (a->gap.until_ns < b->gap.until_ns);
    if (c == 0)
        c = a->gap.kind - b->gap.kind;
    if (c == 0)
        c = (a->gap.line > b->gap.line) - (a->gap.line < b->gap.line);
    return c != 0 ? c : btr_span_compare(a->input, b->input);
}

/* A gap as an event, for what is told twice: its hash stands for all but input and line. */
static struct once_event gap_event(const struct gap_list *list, uint32_t i)
{
    const struct btr_gap_full *g = &list->items[i];
    struct once_names names = {g->host, g->source, g->input};
    return store_gap_event(&g->gap, &names, list->segments[i], i);
}

/* Drops gaps that several inputs or segments tell. */
static int gaps_once(struct gap_list *list, struct btr_err *err)
{
    uint32_t kept = 0;
    struct once_event *events = calloc((size_t)list->count + 1, sizeof(*events));
    bool *again = calloc((size_t)list->count + 1, sizeof(*again));
    int rc = events && again ? 0 : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < list->count; i++)
        events[i] = gap_event(list, i);
    if (rc == 0)
        store_once_mark(events, list->count);
    for (uint32_t i = 0; rc == 0 && i < list->count; i++)
        again[events[i].place] = events[i].again;
    for (uint32_t i = 0; rc == 0 && i < list->count; i++)
        if (!again[i])
            list->items[kept++] = list->items[i];
    list->count = rc == 0 ? kept : list->count;
    free(events);
    free(again);
    return rc;
}

int btr_reader_gaps(struct btr_reader *r, btr_gap_visit *visit, void *self, struct btr_err *err)
{
    struct gap_list list = {.arena = btr_arena_new(SIZE_MAX / 4)};
    int rc = list.arena ? 0 : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < r->segment_count; i++)
        rc = gaps_of_segment(r, i, &list, err);
    if (rc == 0 && list.count > 1)
        rc = gaps_once(&list, err);
    if (rc == 0 && list.count > 1)
        qsort(list.items, list.count, sizeof(*list.items), gap_compare);
    for (uint32_t i = 0; rc == 0 && i < list.count; i++)
        rc = visit(self, &list.items[i]);
    free(list.items);
    free(list.segments);
    btr_arena_free(list.arena);
    return rc;
}

/* ---- Quarantine ----------------------------------------------------------------------------- */

void store_quarantined_read(struct store_read *r, struct btr_quarantined *q)
{
    *q = (struct btr_quarantined){.stream = store_read_upto(r, UINT32_MAX)};
    q->line = store_read_varint(r);
    q->offset = store_read_varint(r);
    q->record_size = store_read_varint(r);
    q->reason = store_read_bytes(r, store_read_varint(r));
    q->record = store_read_bytes(r, store_read_varint(r));
}

/** A visitor of quarantine, and what it has seen. */
struct quarantine_visit {
    btr_quarantined_visit *visit;
    void *self;
    struct btr_idmap seen; /* hashes of all that an entry tells */
};

static int quarantine_block(struct store_segment *seg, uint32_t block, struct quarantine_visit *v,
                            struct btr_err *err)
{
    uint8_t *raw = NULL;
    int rc = store_segment_block(seg, STORE_QUARANTINE, block, &raw, err);
    if (rc < 0)
        return rc;
    const struct store_block *b = &seg->directory[STORE_QUARANTINE][block];
    struct store_read r = store_read_of((struct btr_span){raw, b->raw_size});
    for (uint32_t i = 0; rc == 0 && i < b->count && !r.failed; i++) {
        struct btr_quarantined_full q;
        store_quarantined_read(&r, &q.record);
        if (!stream_names(seg, q.record.stream, &q.host, &q.source, &q.input))
            r.failed = true;
        if (r.failed)
            break;
        struct once_names names = {q.host, q.source, q.input};
        rc = store_quarantined_again(&v->seen, &q.record, &names);
        if (rc == 0)
            rc = v->visit(v->self, &q);
        else if (rc == 1)
            rc = 0;
        else
            rc = out_of_memory(err);
    }
    if (rc == 0 && !store_read_done(&r))
        rc = store_segment_bad(seg, err, STORE_QUARANTINE, block, "malformed");
    free(raw);
    return rc;
}

int btr_reader_quarantine(struct btr_reader *r, btr_quarantined_visit *visit, void *self,
                          struct btr_err *err)
{
    struct quarantine_visit v = {.visit = visit, .self = self};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < r->segment_count; i++) {
        uint32_t blocks = 0;
        struct store_segment *seg = &r->segments[i].seg;
        if (r->segments[i].row.sealed.undecoded == 0)
            continue;
        rc = reader_segment_ready(r, i, err);
        if (rc == 0)
            rc = store_segment_directory(seg, STORE_QUARANTINE, &blocks, err);
        for (uint32_t k = 0; rc == 0 && k < blocks; k++)
            rc = quarantine_block(seg, k, &v, err);
    }
    btr_idmap_fini(&v.seen);
    return rc;
}

/* ---- Inputs, statistics --------------------------------------------------------------------- */

int btr_reader_inputs(struct btr_reader *r, btr_input_visit *visit, void *self, struct btr_err *err)
{
    (void)err;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < r->input_count; i++)
        rc = visit(self, &r->inputs[i]);
    return rc;
}

/* Adds one row of the statistics section to its source's. */
static void stat_read(struct store_read *r, struct btr_source_stat *to)
{
    uint64_t events = store_read_varint(r);
    int64_t first_ns = (int64_t)store_read_u64(r), last_ns = (int64_t)store_read_u64(r);
    if (events > 0 && (to->event_count == 0 || first_ns < to->first_ns))
        to->first_ns = first_ns;
    if (events > 0 && (to->event_count == 0 || last_ns > to->last_ns))
        to->last_ns = last_ns;
    to->event_count += events;
    to->undecoded += store_read_varint(r);
    to->gap_count += store_read_varint(r);
    uint8_t told = store_read_u8(r);
    to->reads_told = to->reads_told || (told & 1);
    to->writes_told = to->writes_told || (told & 2);
    uint32_t operations = store_read_upto(r, UINT8_MAX + 1);
    for (uint32_t i = 0; i < operations && !r->failed; i++) {
        uint8_t operation = store_read_u8(r);
        uint64_t count = store_read_varint(r);
        if (operation <= BTR_OP_MAX)
            to->operation_count[operation] += count;
    }
}

static int stats_of_segment(struct btr_reader *reader, uint32_t segment,
                            struct btr_source_stat **stats, uint32_t *stat_count,
                            struct btr_err *err)
{
    struct store_segment *seg = &reader->segments[segment].seg;
    uint8_t *raw = NULL;
    size_t size = 0;
    int rc = reader_segment_ready(reader, segment, err);
    if (rc == 0)
        rc = store_segment_single(seg, STORE_STATS, seg->header.stream_count, &raw, &size, err);
    if (rc < 0)
        return rc;
    if (*stat_count < reader->source_count) {
        struct btr_source_stat *grown = realloc(*stats, reader->source_count * sizeof(*grown));
        if (!grown) {
            free(raw);
            return out_of_memory(err);
        }
        memset(grown + *stat_count, 0, (reader->source_count - *stat_count) * sizeof(*grown));
        *stats = grown;
        *stat_count = reader->source_count;
    }
    struct store_read r = store_read_of((struct btr_span){raw, size});
    for (uint32_t i = 0; raw && *stats && i < seg->header.stream_count && !r.failed; i++)
        stat_read(&r, &(*stats)[seg->streams[i].snapshot_source]);
    if (raw && !store_read_done(&r))
        rc = store_segment_bad(seg, err, STORE_STATS, 0, "malformed");
    free(raw);
    return rc;
}

/* The earliest first of a host's streams in a segment. */
static int host_first(struct btr_reader *reader, uint32_t segment, struct btr_span host,
                      int64_t *first_ns, struct btr_err *err)
{
    struct store_segment *seg = &reader->segments[segment].seg;
    uint8_t *raw = NULL;
    size_t size = 0;
    int rc = reader_segment_ready(reader, segment, err);
    if (rc == 0)
        rc = store_segment_single(seg, STORE_STATS, seg->header.stream_count, &raw, &size, err);
    if (rc < 0)
        return rc;
    struct store_read r = store_read_of((struct btr_span){raw, size});
    for (uint32_t i = 0; raw && i < seg->header.stream_count && !r.failed; i++) {
        struct btr_source_stat stat = {.event_count = 0};
        stat_read(&r, &stat);
        if (!r.failed && stat.event_count > 0 && stat.first_ns < *first_ns &&
            btr_span_equal(seg->streams[i].host, host))
            *first_ns = stat.first_ns;
    }
    if (raw && !store_read_done(&r))
        rc = store_segment_bad(seg, err, STORE_STATS, 0, "malformed");
    free(raw);
    return rc;
}

int btr_reader_host_begin(struct btr_reader *r, struct btr_span host, int64_t *first_ns,
                          struct btr_err *err)
{
    int rc = 0;
    *first_ns = INT64_MAX;
    for (uint32_t i = 0; rc == 0 && i < r->segment_count; i++) {
        const struct catalog_segment *row = &r->segments[i].row;
        if (row->sealed.first_ns >= *first_ns) /* segments stand by first time */
            break;
        if (row->sealed.event_count > 0 && catalog_segment_may_have(row, host))
            rc = host_first(r, i, host, first_ns, err);
    }
    if (rc < 0 || *first_ns < INT64_MAX)
        return rc;
    return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "a host of which nothing is told");
}

/* Takes back what another input or store told too. First and last stay: all tell the same times. */
static void stat_again(void *self, const struct once_event *e)
{
    struct btr_source_stat *stat = &((struct btr_source_stat *)self)[e->source];
    if (e->event.flags & (BTR_EVENT_IMPLIED | BTR_EVENT_PART))
        return;
    stat->event_count -= e->count;
    if (e->event.operation <= BTR_OP_MAX)
        stat->operation_count[e->event.operation] -= e->count;
}

/** Counts of gaps and undecoded records, by source. */
struct recount {
    struct btr_reader *reader;
    struct btr_source_stat *stats;
    uint32_t count;
};

static struct btr_source_stat *recount_of(const struct recount *c, struct btr_span host,
                                          struct btr_span source)
{
    uint32_t i = 0;
    while (i < c->count && (!btr_span_equal(c->reader->sources[i].host, host) ||
                            !btr_span_equal(c->reader->sources[i].source, source)))
        i++;
    return i < c->count ? &c->stats[i] : NULL;
}

static int gap_recount(void *self, const struct btr_gap_full *gap)
{
    struct btr_source_stat *stat = recount_of(self, gap->host, gap->source);
    if (stat)
        stat->gap_count++;
    return 0;
}

static int undecoded_recount(void *self, const struct btr_quarantined_full *record)
{
    struct btr_source_stat *stat = recount_of(self, record->host, record->source);
    if (stat)
        stat->undecoded++;
    return 0;
}

/* Whether gaps and undecoded records may be told twice. */
static bool rows_may_repeat(const struct btr_reader *r)
{
    return r->path_count > 1 || r->once.windows.count > 0;
}

static int rows_recount(struct btr_reader *r, struct btr_source_stat *stats, uint32_t count,
                        struct btr_err *err)
{
    struct recount c = {r, stats, count};
    for (uint32_t i = 0; i < count; i++)
        stats[i].gap_count = stats[i].undecoded = 0;
    int rc = btr_reader_gaps(r, gap_recount, &c, err);
    return rc == 0 ? btr_reader_quarantine(r, undecoded_recount, &c, err) : rc;
}

static int stats_once(struct btr_reader *r, struct btr_source_stat *stats, uint32_t count,
                      struct btr_err *err)
{
    struct once_marks again = {.told = stat_again, .self = stats};
    int rc = reader_events_again(r, &again, err);
    once_marks_fini(&again);
    return rc == 0 && rows_may_repeat(r) ? rows_recount(r, stats, count, err) : rc;
}

static int gap_count(void *self, const struct btr_gap_full *gap)
{
    (void)gap;
    ++*(uint64_t *)self;
    return 0;
}

static int undecoded_count(void *self, const struct btr_quarantined_full *record)
{
    (void)record;
    ++*(uint64_t *)self;
    return 0;
}

static void event_again(void *self, const struct once_event *e)
{
    (void)e;
    --*(uint64_t *)self;
}

static int stat_compare(const void *x, const void *y)
{
    const struct btr_source_stat *a = x, *b = y;
    int c = btr_span_compare(a->host, b->host);
    return c != 0 ? c : btr_span_compare(a->source, b->source);
}

int btr_reader_sources(struct btr_reader *r, btr_source_stat_visit *visit, void *self,
                       struct btr_err *err)
{
    struct btr_source_stat *stats = NULL;
    uint32_t count = 0;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < r->segment_count; i++)
        rc = stats_of_segment(r, i, &stats, &count, err);
    for (uint32_t i = 0; i < count; i++) {
        stats[i].host = r->sources[i].host;
        stats[i].source = r->sources[i].source;
    }
    if (rc == 0 && count > 0)
        rc = stats_once(r, stats, count, err);
    if (rc == 0 && count > 1)
        qsort(stats, count, sizeof(*stats), stat_compare);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = visit(self, &stats[i]);
    free(stats);
    return rc;
}

/* Entities of all segments, each once. */
static int entities_count(struct btr_reader *r, uint64_t *count, struct btr_err *err)
{
    struct btr_idmap seen = {0};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < r->segment_count; i++) {
        rc = reader_segment_entities(r, i, err);
        struct store_segment *seg = &r->segments[i].seg;
        for (uint32_t k = 0; rc == 0 && k < seg->header.entity_count; k++) {
            struct btr_id id;
            uint8_t kind;
            rc = store_segment_who(seg, k, &id, &kind, err);
            if (rc == 0 && !btr_id_is_none(id) && btr_idmap_add(&seen, id, 0) == UINT32_MAX)
                rc = out_of_memory(err);
        }
    }
    *count = seen.count;
    btr_idmap_fini(&seen);
    return rc;
}

int btr_reader_stat(struct btr_reader *r, struct btr_store_stat *out, struct btr_err *err)
{
    *out = (struct btr_store_stat){.segment_count = r->segment_count,
                                   .input_count = r->input_count,
                                   .catalog_bytes = r->catalog_bytes};
    for (uint32_t i = 0; i < r->segment_count; i++) {
        const struct store_sealed *s = &r->segments[i].row.sealed;
        if (s->event_count > 0 && (out->event_count == 0 || s->first_ns < out->first_ns))
            out->first_ns = s->first_ns;
        if (s->event_count > 0 && (out->event_count == 0 || s->last_ns > out->last_ns))
            out->last_ns = s->last_ns;
        out->event_count += s->event_count;
        out->record_count += s->record_count;
        out->undecoded += s->undecoded;
        out->gap_count += s->gap_count;
        out->segment_bytes += r->segments[i].row.file_size;
    }
    int rc = entities_count(r, &out->entity_count, err);
    struct once_marks again = {.told = event_again, .self = &out->event_count};
    if (rc == 0)
        rc = reader_events_again(r, &again, err);
    once_marks_fini(&again);
    for (uint32_t i = 0; rc == 0 && i < r->segment_count; i++)
        if (r->segments[i].is_ready)
            rc = store_segment_stood_for(&r->segments[i].seg, &out->thinned, &out->stood_for, err);
    if (rc != 0 || !rows_may_repeat(r))
        return rc;
    out->gap_count = out->undecoded = 0;
    rc = btr_reader_gaps(r, gap_count, &out->gap_count, err);
    return rc == 0 ? btr_reader_quarantine(r, undecoded_count, &out->undecoded, err) : rc;
}
