/* Events in full: by reference, by time, by the agent's record id, by origin. */
#include "reader.h"
#include "segment_event.h"

/* What an event of a group stands for: itself, unless it is thinned. */
static int stand_find(struct store_segment *seg, const struct segment_block *b, uint32_t i,
                      const struct segment_group *g, const struct segment_detail *d,
                      struct segment_stand *out, struct btr_err *err)
{
    *out = (struct segment_stand){i, 1, d->time_ns, d->record_id, d->line};
    return (g->flags & BTR_EVENT_THINNED) == 0
               ? 0
               : store_segment_stand(seg, b->first / store_segment_block_rows(seg), i, out, err);
}

/* @param i  the event's place in the block, g its group, d its details */
static int event_join(struct store_segment *seg, const struct segment_block *b, uint32_t i,
                      const struct segment_group *g, const struct segment_detail *d,
                      struct btr_event_full *out, struct btr_err *err)
{
    struct btr_id subject, object;
    struct segment_stand stand;
    uint8_t kind;
    int rc = store_segment_who(seg, g->subject, &subject, &kind, err);
    if (rc == 0)
        rc = store_segment_who(seg, g->object, &object, &kind, err);
    if (rc == 0)
        rc = stand_find(seg, b, i, g, d, &stand, err);
    if (rc < 0)
        return rc;
    const struct segment_stream *stream = &seg->streams[g->stream];
    const struct segment_input *input = &seg->inputs[stream->input];
    *out = (struct btr_event_full){
        .event = {.subject = subject,
                  .object = object,
                  .time_ns = d->time_ns,
                  .first_ns = b->first_ns[i],
                  .last_ns = b->last_ns[i],
                  .bytes = d->bytes,
                  .record_id = d->record_id,
                  .line = d->line,
                  .stream = stream->snapshot_source,
                  .operation = g->operation,
                  .doubt = g->doubt,
                  .flags = g->flags},
        .host = stream->host,
        .source = stream->source,
        .input = input->name,
        .input_digest = {input->digest, sizeof(input->digest)},
        .stands_for = stand.count,
        .last_time_ns = stand.last_time_ns,
        .last_record_id = stand.last_record_id,
        .last_line = stand.last_line,
    };
    return 0;
}

int reader_event_fill(struct btr_reader *r, uint32_t segment, uint32_t event,
                      struct btr_event_full *out, struct btr_err *err)
{
    struct store_segment *seg = &r->segments[segment].seg;
    struct event_cursor c = STORE_EVENT_CURSOR(seg);
    struct segment_detail detail;
    int rc = store_event_move(&c, event, err);
    if (rc == 0)
        rc = store_event_detail(&c, &detail, err);
    if (rc == 0)
        rc = event_join(seg, store_event_block(&c), c.place, store_event_group(&c), &detail, out,
                        err);
    store_event_fini(&c);
    return rc;
}

int btr_reader_event(struct btr_reader *r, btr_event_ref ref, struct btr_event_full *out,
                     struct btr_err *err)
{
    uint32_t segment = (uint32_t)(ref >> 32), event = (uint32_t)ref;
    if (segment >= r->segment_count || event >= r->segments[segment].row.sealed.event_count)
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "no such event");
    int rc = reader_segment_entities(r, segment, err);
    return rc < 0 ? rc : reader_event_fill(r, segment, event, out, err);
}

/* ---- Many, for what is cited of them -------------------------------------------------------- */

static int cited_fill(const struct event_cursor *c, const struct segment_detail *d,
                      struct btr_event_cited *out, struct btr_err *err)
{
    const struct segment_group *g = store_event_group(c);
    struct segment_stand stand;
    int rc = stand_find(c->seg, store_event_block(c), c->place, g, d, &stand, err);
    *out = (struct btr_event_cited){.record_id = d->record_id,
                                    .line = d->line,
                                    .bytes = d->bytes,
                                    .stream = g->stream,
                                    .stands_for = stand.count,
                                    .last_record_id = stand.last_record_id,
                                    .last_line = stand.last_line};
    return rc;
}

/* Moves to an event, also to another segment. @param c  without a segment: nothing is at hand */
static int cite_move(struct btr_reader *r, struct event_cursor *c, btr_event_ref ref,
                     struct btr_err *err)
{
    uint32_t segment = (uint32_t)(ref >> 32), event = (uint32_t)ref;
    if (segment >= r->segment_count || event >= r->segments[segment].row.sealed.event_count)
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "no such event");
    int rc = reader_segment_ready(r, segment, err);
    if (rc < 0)
        return rc;
    struct store_segment *seg = &r->segments[segment].seg;
    if (c->seg != seg) {
        store_event_fini(c);
        *c = (struct event_cursor)STORE_EVENT_CURSOR(seg);
    }
    return store_event_move(c, event, err);
}

int btr_reader_cite(struct btr_reader *r, const btr_event_ref *refs, uint32_t count,
                    struct btr_event_cited *out, struct btr_err *err)
{
    struct event_cursor c = STORE_EVENT_CURSOR(NULL);
    int rc = 0;
    for (uint32_t k = 0; rc == 0 && k < count; k++) {
        struct segment_detail d;
        rc = cite_move(r, &c, refs[k], err);
        if (rc == 0)
            rc = store_event_locate(&c, &d, err);
        if (rc == 0)
            rc = cited_fill(&c, &d, &out[k], err);
    }
    store_event_fini(&c);
    return rc;
}

/* ---- Scans ---------------------------------------------------------------------------------- */

/** What a scan of blocks looks for; every condition that is set must hold. */
struct event_search {
    struct btr_reader *reader;
    struct btr_span host; /* only segments that may have it; empty: all */
    int64_t since_ns, until_ns;
    const bool *stream_in;              /* by stream of the segment */
    const struct once_windows *windows; /* only sources that have one in this time; NULL: all */
    bool by_record, by_line;
    uint64_t value; /* of the record id or the line */
    btr_event_visit *visit;
    void *self;
    struct btr_err *err;
};

static bool event_wanted(const struct event_search *s, const struct segment_block *b, uint32_t i,
                         const struct segment_detail *d)
{
    if (b->first_ns[i] > s->until_ns || b->last_ns[i] < s->since_ns)
        return false;
    if (s->by_record)
        return d->record_id == s->value;
    return !s->by_line || d->line == s->value;
}

static int group_scan(const struct event_search *s, uint32_t segment, const struct segment_block *b,
                      const struct segment_group *g, const struct segment_detail *details)
{
    struct store_segment *seg = &s->reader->segments[segment].seg;
    for (uint32_t i = g->begin; i < g[1].begin; i++) {
        struct btr_event_full full;
        if (!event_wanted(s, b, i, &details[i]))
            continue;
        int rc = event_join(seg, b, i, g, &details[i], &full, s->err);
        if (rc == 0)
            rc = s->visit(s->self, reader_ref(segment, b->first + i), &full);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Whether a source has a window in a stretch of the time that is asked for. */
static bool window_may(const struct event_search *s, uint32_t source, int64_t first_ns,
                       int64_t last_ns)
{
    return store_once_touches(s->windows, source, first_ns > s->since_ns ? first_ns : s->since_ns,
                              last_ns < s->until_ns ? last_ns : s->until_ns);
}

/* Whether a group may have an event that is wanted: where none does, no details are read. */
static bool group_may(const struct event_search *s, const struct store_segment *seg,
                      const struct segment_block *b, const struct segment_group *g)
{
    bool lasts = (g->shape & STORE_SHAPE_LASTS) != 0;
    int64_t first_ns = b->first_ns[g->begin];
    int64_t last_ns = lasts ? INT64_MAX : b->last_ns[g[1].begin - 1];
    return s->stream_in[g->stream] && first_ns <= s->until_ns && last_ns >= s->since_ns &&
           (!s->windows ||
            window_may(s, seg->streams[g->stream].snapshot_source, first_ns, last_ns));
}

static int block_scan(const struct event_search *s, uint32_t segment, uint32_t block)
{
    struct store_segment *seg = &s->reader->segments[segment].seg;
    struct cache_slot *events, *details;
    int rc = store_segment_events(seg, block, &events, s->err);
    if (rc < 0)
        return rc;
    const struct segment_block *b = events->data;
    bool has_details = false;
    s->reader->cost.events_scanned += b->count;
    for (uint32_t g = 0; rc == 0 && g < b->group_count; g++) {
        if (!group_may(s, seg, b, &b->groups[g]))
            continue;
        if (!has_details)
            rc = store_segment_details(seg, block, &details, s->err);
        has_details = has_details || rc == 0;
        if (rc == 0)
            rc = group_scan(s, segment, b, &b->groups[g], details->data);
    }
    store_cache_unpin(events);
    if (has_details)
        store_cache_unpin(details);
    return rc;
}

/* Block by block: those that time and place let through. */
static int blocks_scan(const struct event_search *s, uint32_t segment, const bool *block_in)
{
    const struct store_segment *seg = &s->reader->segments[segment].seg;
    for (uint32_t i = 0; i < store_segment_block_count(seg); i++) {
        if (seg->bounds[i].first_ns > s->until_ns || seg->bounds[i].last_ns < s->since_ns ||
            !block_in[i])
            continue;
        int rc = block_scan(s, segment, i);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/** Which streams a scan wants. Empty spans want any. */
struct stream_wish {
    struct btr_span host, source, input;
    bool by_input;
};

/* The name itself, or a path that ends in it. */
static bool input_fits(struct btr_span name, struct btr_span wanted)
{
    if (btr_span_equal(name, wanted))
        return true;
    if (wanted.size == 0 || name.size <= wanted.size)
        return false;
    const uint8_t *tail = name.at + (name.size - wanted.size);
    return tail[-1] == '/' && memcmp(tail, wanted.at, wanted.size) == 0;
}

static bool stream_fits(const struct store_segment *seg, uint32_t stream,
                        const struct stream_wish *wish)
{
    const struct segment_stream *s = &seg->streams[stream];
    return (wish->host.size == 0 || btr_span_equal(s->host, wish->host)) &&
           (wish->source.size == 0 || btr_span_equal(s->source, wish->source)) &&
           (!wish->by_input || input_fits(seg->inputs[s->input].name, wish->input));
}

/* Flags of streams, and of the blocks that may hold what is sought. @return streams that fit */
static int flags_fill(struct event_search *s, struct store_segment *seg,
                      const struct stream_wish *wish, bool *stream_in, bool *block_in)
{
    uint32_t blocks = store_segment_block_count(seg);
    int fitting = 0;
    for (uint32_t i = 0; i < seg->header.stream_count; i++) {
        uint32_t source = seg->streams[i].snapshot_source;
        stream_in[i] =
            stream_fits(seg, i, wish) &&
            (!s->windows || window_may(s, source, seg->header.first_ns, seg->header.last_ns));
        if (!stream_in[i])
            continue;
        fitting = 1;
        if (!s->by_record && !s->by_line)
            continue;
        int rc = store_segment_place(seg, s->by_line, i, s->value, block_in, s->err);
        if (rc < 0)
            return rc;
    }
    if (!s->by_record && !s->by_line)
        memset(block_in, 1, blocks);
    return fitting;
}

static int segment_scan(struct event_search *s, uint32_t segment, const struct stream_wish *wish)
{
    struct store_segment *seg = &s->reader->segments[segment].seg;
    int rc = reader_segment_entities(s->reader, segment, s->err);
    if (rc == 0)
        rc = store_segment_bounds(seg, s->err);
    if (rc < 0)
        return rc;
    bool *stream_in = calloc((size_t)seg->header.stream_count + 1, sizeof(*stream_in));
    bool *block_in = calloc((size_t)store_segment_block_count(seg) + 1, sizeof(*block_in));
    if (!stream_in || !block_in)
        rc = btr_fail(s->err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a store");
    else
        rc = flags_fill(s, seg, wish, stream_in, block_in);
    if (rc > 0) {
        s->stream_in = stream_in;
        rc = blocks_scan(s, segment, block_in);
    }
    free(stream_in);
    free(block_in);
    return rc;
}

static bool segment_may(const struct event_search *s, uint32_t segment)
{
    const struct store_sealed *row = &s->reader->segments[segment].row.sealed;
    return row->event_count > 0 && row->first_ns <= s->until_ns && row->last_ns >= s->since_ns &&
           (s->host.size == 0 ||
            catalog_segment_may_have(&s->reader->segments[segment].row, s->host));
}

static int segments_scan(struct event_search *s, const struct stream_wish *wish)
{
    for (uint32_t i = 0; i < s->reader->segment_count; i++) {
        int rc = segment_may(s, i) ? segment_scan(s, i, wish) : 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

/** A search, to be run over slices of its time. */
struct sliced_search {
    struct event_search search;
    const struct stream_wish *wish;
};

static int slice_scan(void *self, int64_t since_ns, int64_t until_ns, struct once_list *list)
{
    const struct sliced_search *sliced = self;
    struct event_search s = sliced->search;
    s.since_ns = since_ns > s.since_ns ? since_ns : s.since_ns;
    s.until_ns = until_ns < s.until_ns ? until_ns : s.until_ns;
    s.visit = once_list_take;
    s.self = list;
    s.windows = &s.reader->once.windows;
    return segments_scan(&s, sliced->wish);
}

/* Marks what is told again elsewhere, of all that a search visits. */
static int again_mark(const struct event_search *s, const struct stream_wish *wish,
                      struct once_marks *marks)
{
    struct sliced_search sliced = {*s, wish};
    return once_marks_make(marks, s->reader, s->since_ns, slice_scan, &sliced, s->err);
}

/** A visitor that passes over what is told again. */
struct once_visit {
    const struct once_marks *again;
    btr_event_visit *visit;
    void *self;
};

static int visit_once(void *self, btr_event_ref ref, const struct btr_event_full *event)
{
    const struct once_visit *v = self;
    return once_marks_has(v->again, ref) ? 0 : v->visit(v->self, ref, event);
}

/* Whether segments that a scan asks may tell the same. They become ready. */
static int search_prepare(struct event_search *s)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < s->reader->segment_count; i++)
        rc = segment_may(s, i) ? reader_segment_ready(s->reader, i, s->err) : 0;
    return rc < 0 ? rc : reader_once_settle(s->reader, s->err);
}

/* A place in an input is asked for as such: whether another one tells the same does not matter. */
static int search(struct event_search *s, const struct stream_wish *wish)
{
    int rc = s->by_line ? 0 : search_prepare(s);
    if (rc < 0)
        return rc;
    if (rc == 0 || !reader_once_may(s->reader, s->since_ns, s->until_ns))
        return segments_scan(s, wish);
    struct once_marks again = {0};
    struct once_visit once = {&again, s->visit, s->self};
    struct event_search unique = *s;
    unique.visit = visit_once;
    unique.self = &once;
    rc = again_mark(s, wish, &again);
    if (rc == 0)
        rc = segments_scan(&unique, wish);
    once_marks_fini(&again);
    return rc;
}

int btr_reader_events(struct btr_reader *r, int64_t since_ns, int64_t until_ns,
                      struct btr_span host, btr_event_visit *visit, void *self, struct btr_err *err)
{
    struct event_search s = {.reader = r,
                             .host = host,
                             .since_ns = since_ns,
                             .until_ns = until_ns,
                             .visit = visit,
                             .self = self,
                             .err = err};
    struct stream_wish wish = {.host = host};
    return search(&s, &wish);
}

int btr_reader_by_record(struct btr_reader *r, struct btr_span host, struct btr_span source,
                         uint64_t record_id, btr_event_visit *visit, void *self,
                         struct btr_err *err)
{
    struct event_search s = {.reader = r,
                             .host = host,
                             .since_ns = INT64_MIN,
                             .until_ns = INT64_MAX,
                             .by_record = true,
                             .value = record_id,
                             .visit = visit,
                             .self = self,
                             .err = err};
    struct stream_wish wish = {.host = host, .source = source};
    return search(&s, &wish);
}

int btr_reader_by_origin(struct btr_reader *r, struct btr_span input, uint64_t line,
                         btr_event_visit *visit, void *self, struct btr_err *err)
{
    struct event_search s = {.reader = r,
                             .since_ns = INT64_MIN,
                             .until_ns = INT64_MAX,
                             .by_line = true,
                             .value = line,
                             .visit = visit,
                             .self = self,
                             .err = err};
    struct stream_wish wish = {.input = input, .by_input = true};
    return search(&s, &wish);
}

int reader_events_again(struct btr_reader *r, struct once_marks *again, struct btr_err *err)
{
    struct event_search s = {.reader = r, .since_ns = INT64_MIN, .until_ns = INT64_MAX, .err = err};
    struct stream_wish wish = {0};
    int rc = search_prepare(&s);
    return rc == 1 ? again_mark(&s, &wish, again) : rc;
}
