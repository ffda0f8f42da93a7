/* Drops from a load what several of its inputs or segments tell. */
#include "once.h"

struct load_once {
    struct store_load *load;
    uint32_t *source_of; /* stream of the builder -> source */
    uint32_t *rank_of;   /* input -> its place in the order of names and head hashes */
    struct once_part *parts;
    struct once_window *windows; /* by source */
    bool *again;                 /* by event */
    uint32_t source_count;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while merging segments");
}

/* ---- Numbers -------------------------------------------------------------------------------- */

static void sources_number(struct load_once *o)
{
    const struct store_builder *b = o->load->builder;
    for (uint32_t i = 0; i < b->stream_count; i++) {
        uint32_t k = 0;
        while (k < i && (b->streams[k].host != b->streams[i].host ||
                         b->streams[k].source != b->streams[i].source))
            k++;
        o->source_of[i] = k < i ? o->source_of[k] : o->source_count++;
    }
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
        if (p->event_count > 0)
            o->parts[count++] =
                (struct once_part){p->first_ns, p->last_ns, o->source_of[p->stream]};
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
        while (i >= o->load->segment_ends[segment])
            segment++;
        if (!store_once_in(&o->windows[source], e->last_ns))
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
                                            .place = i};
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
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->event_count; i++)
        if (!o->again[i])
            b->events[kept++] = b->events[i];
    o->load->dropped = b->event_count - kept;
    b->event_count = kept;
}

static int events_once(struct load_once *o, struct btr_err *err)
{
    o->again = calloc((size_t)o->load->builder->event_count + 1, sizeof(*o->again));
    int rc = o->again ? events_mark(o, err) : out_of_memory(err);
    if (rc == 0)
        events_drop(o);
    return rc;
}

/* ---- The whole ------------------------------------------------------------------------------ */

int store_load_once(struct store_load *load, struct btr_err *err)
{
    struct load_once o = {.load = load};
    o.source_of = calloc((size_t)load->builder->stream_count + 1, sizeof(*o.source_of));
    o.rank_of = calloc((size_t)load->input_count + 1, sizeof(*o.rank_of));
    o.parts = calloc((size_t)load->part_count + 1, sizeof(*o.parts));
    o.windows = calloc((size_t)load->builder->stream_count + 1, sizeof(*o.windows));
    int rc = o.source_of && o.rank_of && o.parts && o.windows && inputs_rank(&o)
                 ? 0
                 : out_of_memory(err);
    if (rc == 0) {
        sources_number(&o);
        uint32_t part_count = parts_make(&o);
        if (store_once_windows(o.parts, part_count, o.windows, o.source_count))
            rc = events_once(&o, err);
    }
    free(o.source_of);
    free(o.rank_of);
    free(o.parts);
    free(o.windows);
    free(o.again);
    return rc;
}
