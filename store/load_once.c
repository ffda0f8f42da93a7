/* Drops from a load what several of its inputs or segments tell. */
#include "once.h"

struct load_once {
    struct store_load *load;
    uint32_t *source_of; /* stream of the builder -> source */
    uint32_t *rank_of;   /* input -> its place in the order of names and head hashes */
    struct once_part *parts;
    struct once_windows windows;
    bool *again; /* by event */
    uint32_t source_count;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while merging segments");
}

/* ---- Numbers -------------------------------------------------------------------------------- */

/* Streams of one host and source have one number, in the order of the first of each.
   @return false when out of memory */
static bool sources_number(struct load_once *o)
{
    const struct store_builder *b = o->load->builder;
    struct btr_u64map numbers = {0};
    bool ok = true;
    for (uint32_t i = 0; i < b->stream_count && ok; i++) {
        uint64_t key = (uint64_t)b->streams[i].host << 32 | b->streams[i].source;
        o->source_of[i] = btr_u64map_get(&numbers, key);
        if (o->source_of[i] != UINT32_MAX)
            continue;
        o->source_of[i] = o->source_count++;
        ok = btr_u64map_set(&numbers, key, o->source_of[i]);
    }
    btr_u64map_fini(&numbers);
    return ok;
}

static bool input_before(const void *self, uint32_t a, uint32_t b)
{
    const struct store_load *l = self;
    int c = btr_span_compare(store_strings_at(&l->names, l->inputs[a].name),
                             store_strings_at(&l->names, l->inputs[b].name));
    return c != 0 ? c < 0 : l->inputs[a].head_hash < l->inputs[b].head_hash;
}

/* @return false when out of memory */
static bool inputs_rank(struct load_once *o)
{
    uint32_t count = o->load->input_count;
    uint32_t *sorted = malloc(2 * ((size_t)count + 1) * sizeof(*sorted));
    for (uint32_t i = 0; sorted && i < count; i++)
        sorted[i] = i;
    if (sorted)
        store_sort(sorted, count, sorted + count, input_before, o->load);
    for (uint32_t i = 0; sorted && i < count; i++)
        o->rank_of[sorted[i]] = i;
    free(sorted);
    return sorted != NULL;
}

static uint32_t parts_make(struct load_once *o)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < o->load->part_count; i++) {
        const struct load_part *p = &o->load->parts[i];
        if (p->reach.event_count == 0)
            continue;
        uint32_t input = o->load->builder->streams[p->stream].input;
        o->parts[count++] = (struct once_part){p->reach, input, o->source_of[p->stream]};
    }
    return count;
}

/* ---- Events --------------------------------------------------------------------------------- */

/* Events within the windows of their sources. @param to  NULL: only to count them */
static size_t events_gather(const struct load_once *o, struct once_event *to)
{
    const struct store_builder *b = o->load->builder;
    size_t count = 0;
    uint32_t segment = 0;
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct builder_event *e = &b->events[i];
        uint32_t source = o->source_of[e->stream];
        while (i >= o->load->segment_ends[segment].events)
            segment++;
        if (!store_once_in(&o->windows, source, e->last_ns))
            continue;
        if (to)
            to[count] = (struct once_event){.event = {.subject = b->entities[e->subject].id,
                                                      .object = b->entities[e->object].id,
                                                      .time_ns = e->time_ns,
                                                      .first_ns = e->first_ns,
                                                      .last_ns = e->last_ns,
                                                      .bytes = e->bytes,
                                                      .record_id = e->record_id,
                                                      .line = e->line,
                                                      .operation = e->operation,
                                                      .doubt = e->doubt,
                                                      .flags = e->flags},
                                            .source = source,
                                            .input = o->rank_of[b->streams[e->stream].input],
                                            .segment = segment,
                                            .place = i,
                                            .count = store_builder_count_of(b, i)};
        count++;
    }
    return count;
}

static int events_mark(struct load_once *o, struct btr_err *err)
{
    size_t count = events_gather(o, NULL);
    struct once_event *events = malloc((count + 1) * sizeof(*events));
    if (!events)
        return out_of_memory(err);
    (void)events_gather(o, events);
    store_once_mark(events, count);
    for (size_t i = 0; i < count; i++)
        o->again[events[i].place] = events[i].again;
    free(events);
    return 0;
}

static void events_drop(struct load_once *o)
{
    struct store_builder *b = o->load->builder;
    uint32_t kept = 0, stand = 0, stands_kept = 0;
    for (uint32_t i = 0; i < b->event_count; i++) {
        bool stands = stand < b->stand_count && b->stands[stand].event == i;
        if (stands && !o->again[i]) {
            b->stands[stands_kept] = b->stands[stand];
            b->stands[stands_kept++].event = kept;
        }
        stand += stands;
        if (!o->again[i])
            b->events[kept++] = b->events[i];
    }
    o->load->dropped = b->event_count - kept;
    b->event_count = kept;
    b->stand_count = stands_kept;
}

static int events_once(struct load_once *o, struct btr_err *err)
{
    o->again = calloc((size_t)o->load->builder->event_count + 1, sizeof(*o->again));
    int rc = o->again ? events_mark(o, err) : out_of_memory(err);
    if (rc == 0)
        events_drop(o);
    return rc;
}

/* ---- Gaps and quarantine -------------------------------------------------------------------- */

static struct btr_span text_at(const struct store_builder *b, size_t at, size_t size)
{
    return (struct btr_span){size > 0 ? b->text.at + at : NULL, size};
}

static struct once_names names_of(const struct store_load *l, uint32_t stream)
{
    const struct builder_stream *s = &l->builder->streams[stream];
    return (struct once_names){
        store_strings_at(&l->builder->strings, s->host),
        store_strings_at(&l->builder->strings, s->source),
        store_strings_at(&l->names, l->inputs[s->input].name),
    };
}

static void gaps_gather(const struct store_load *l, struct once_event *events)
{
    const struct store_builder *b = l->builder;
    uint32_t segment = 0;
    for (uint32_t i = 0; i < b->gap_count; i++) {
        struct btr_gap gap = b->gaps[i].gap;
        struct once_names names = names_of(l, gap.stream);
        while (i >= l->segment_ends[segment].gaps)
            segment++;
        gap.why = text_at(b, b->gaps[i].why_at, b->gaps[i].why_size);
        events[i] = store_gap_event(&gap, &names, segment, i);
    }
}

static int gaps_once(struct store_load *l, struct btr_err *err)
{
    struct store_builder *b = l->builder;
    uint32_t kept = 0;
    struct once_event *events = calloc((size_t)b->gap_count + 1, sizeof(*events));
    bool *again = calloc((size_t)b->gap_count + 1, sizeof(*again));
    int rc = events && again ? 0 : out_of_memory(err);
    if (rc == 0) {
        gaps_gather(l, events);
        store_once_mark(events, b->gap_count);
        for (uint32_t i = 0; i < b->gap_count; i++)
            again[events[i].place] = events[i].again;
        for (uint32_t i = 0; i < b->gap_count; i++)
            if (!again[i])
                b->gaps[kept++] = b->gaps[i];
        b->gap_count = kept;
    }
    free(events);
    free(again);
    return rc;
}

static int quarantine_once(struct store_load *l, struct btr_err *err)
{
    struct store_builder *b = l->builder;
    struct btr_idmap seen = {0};
    uint32_t kept = 0;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < b->quarantined_count; i++) {
        const struct builder_quarantined *q = &b->quarantined[i];
        struct btr_quarantined record = q->record;
        struct once_names names = names_of(l, record.stream);
        record.reason = text_at(b, q->reason_at, q->reason_size);
        record.record = text_at(b, q->record_at, q->record_size);
        int again = store_quarantined_again(&seen, &record, &names);
        if (again == 0)
            b->quarantined[kept++] = *q;
        rc = again < 0 ? out_of_memory(err) : 0;
    }
    b->quarantined_count = rc == 0 ? kept : b->quarantined_count;
    btr_idmap_fini(&seen);
    return rc;
}

/* ---- The whole ------------------------------------------------------------------------------ */

int store_load_once(struct store_load *load, struct btr_err *err)
{
    struct load_once o = {.load = load};
    o.source_of = calloc((size_t)load->builder->stream_count + 1, sizeof(*o.source_of));
    o.rank_of = calloc((size_t)load->input_count + 1, sizeof(*o.rank_of));
    o.parts = calloc((size_t)load->part_count + 1, sizeof(*o.parts));
    bool ok = o.source_of && o.rank_of && o.parts && inputs_rank(&o) && sources_number(&o);
    int rc = ok ? 0 : out_of_memory(err);
    if (rc == 0) {
        uint32_t part_count = parts_make(&o);
        if (!store_once_windows(&o.windows, o.parts, part_count))
            rc = out_of_memory(err);
        else if (o.windows.count > 0)
            rc = events_once(&o, err);
    }
    if (rc == 0 && load->builder->gap_count > 1)
        rc = gaps_once(load, err);
    if (rc == 0 && load->builder->quarantined_count > 1)
        rc = quarantine_once(load, err);
    free(o.source_of);
    free(o.rank_of);
    free(o.parts);
    free(o.windows.items);
    free(o.again);
    return rc;
}
