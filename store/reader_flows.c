/* Events of an entity, as a walk asks for them. Hot: a walk spends its time here. */
#include "reader.h"

enum {
    FLOWS_RUN = 128,
    WINDOWS = 16, /* a power of two */
    AHEAD = 8     /* how far ahead memory is fetched */
};

/** What is known by now of a stream's moments, which stand by time: those before `before` are
 * before the time that is asked for, those from `after` on behind it. What is left by that was
 * noted: of each side the one that is closest. */
struct moment_window {
    uint32_t stream; /* UINT32_MAX: of none yet */
    uint32_t before, after;
};

/** One question to one segment. */
struct flow_search {
    struct btr_reader *reader;
    struct store_segment *seg;
    uint32_t segment, number; /* number: of the entity in the segment */
    enum btr_side side;
    int64_t since_ns, until_ns; /* asked for is what shares a moment with these */
    bool only, as_object;       /* as the parts have them */
    int64_t rest_ns;            /* as the parts have it; used with `only` */
    btr_flow_visit *visit;
    void *self;
    struct btr_err *err;
    struct cache_slot *slot; /* the event block at hand, pinned; NULL = none */
    uint32_t block;
    struct moment_cursor moments; /* of the segment */
    struct moment_window windows[WINDOWS];
    bool once; /* some of the segments may tell the same: see reader_once.h */
    struct once_flows held;
    uint32_t flow_count;
    struct btr_flow flows[FLOWS_RUN];
};

static int flows_flush(struct flow_search *f)
{
    if (f->flow_count == 0)
        return 0;
    uint32_t count = f->flow_count;
    f->flow_count = 0;
    return f->visit(f->self, f->flows, count);
}

static void block_drop(struct flow_search *f)
{
    if (f->slot)
        store_cache_unpin(f->slot);
    f->slot = NULL;
}

/* What was found is told before more is read, to who asks for a stretch: it may be enough, or the
 * time be over. */
static int block_take(struct flow_search *f, uint32_t block)
{
    int rc = f->only || f->side == BTR_SIDE_MEET ? flows_flush(f) : 0;
    if (rc != 0)
        return rc;
    block_drop(f);
    rc = store_segment_groups(f->seg, block, &f->slot, f->err);
    if (rc < 0)
        f->slot = NULL;
    f->block = block;
    return rc;
}

/* Whether a time is asked for: of an event, or of a block or a segment that may hold one. */
static bool in_time(const struct flow_search *f, int64_t first_ns, int64_t last_ns)
{
    return first_ns <= f->until_ns && last_ns >= f->since_ns;
}

/* Notes that something was left: an event, or all of a block or a segment that may hold one. */
static void left_note(struct flow_search *f, int64_t first_ns, int64_t last_ns)
{
    bool into = f->side == BTR_SIDE_INTO;
    if (into && last_ns < f->since_ns && last_ns > f->rest_ns)
        f->rest_ns = last_ns;
    if (!into && first_ns > f->until_ns && first_ns < f->rest_ns)
        f->rest_ns = first_ns;
}

static bool block_may(struct flow_search *f, uint32_t block)
{
    const struct segment_bounds *b = &f->seg->bounds[block];
    bool may = in_time(f, b->first_ns, b->last_ns);
    if (!may)
        left_note(f, b->first_ns, b->last_ns);
    return may;
}

/* How information has to flow for what is asked of an entity. */
static unsigned direction_fits(enum btr_side side, enum btr_direction d)
{
    unsigned both = READER_FITS_SUBJECT | READER_FITS_OBJECT;
    switch (side) {
    case BTR_SIDE_INTO:
        return d == BTR_FLOW_BOTH  ? both
               : d == BTR_FLOW_IN  ? READER_FITS_SUBJECT
               : d == BTR_FLOW_OUT ? READER_FITS_OBJECT
                                   : 0;
    case BTR_SIDE_OUT_OF:
        return d == BTR_FLOW_BOTH  ? both
               : d == BTR_FLOW_OUT ? READER_FITS_SUBJECT
               : d == BTR_FLOW_IN  ? READER_FITS_OBJECT
                                   : 0;
    case BTR_SIDE_MEET:
        return d == BTR_FLOW_MEET ? both : 0;
    case BTR_SIDE_ALL:
        return both;
    }
    return 0;
}

void reader_fits_make(struct btr_reader *r)
{
    for (unsigned side = 0; side <= BTR_SIDE_ALL; side++)
        for (unsigned i = 0; i <= UINT8_MAX; i++)
            r->fits[side][i] =
                (uint8_t)direction_fits((enum btr_side)side, btr_operation_direction(i));
}

/* Whether information flows as asked in the events of a group of which the entity is an end. */
static bool group_fits(const struct flow_search *f, const struct segment_group *g)
{
    unsigned ends = (g->subject == f->number ? READER_FITS_SUBJECT : 0) |
                    (g->object == f->number ? READER_FITS_OBJECT : 0);
    return (f->reader->fits[f->side][g->operation] & ends) != 0;
}

static int flow_emit(struct flow_search *f, const struct btr_flow *flow)
{
    if (f->once && store_once_in(&f->reader->once.windows, flow->source, flow->last_ns))
        return once_flows_hold(&f->held, flow, f->err);
    f->flows[f->flow_count] = *flow;
    return ++f->flow_count == FLOWS_RUN ? flows_flush(f) : 0;
}

static struct moment_window *window_of(struct flow_search *f, uint32_t stream)
{
    struct moment_window *w = &f->windows[stream & (WINDOWS - 1)];
    if (w->stream != stream)
        *w = (struct moment_window){stream, 0, UINT32_MAX};
    return w;
}

static void windows_clear(struct flow_search *f)
{
    for (uint32_t i = 0; i < WINDOWS; i++)
        f->windows[i].stream = UINT32_MAX;
}

/* The moment of the end of an event. */
static uint32_t end_of(const struct segment_block *b, const struct segment_group *g, uint32_t event)
{
    return g->shape & STORE_SHAPE_LASTS ? b->ends[event] : b->moments[event];
}

/* Looks at the times of an event. What is not asked for is noted, and its moments need not be
 * looked at again. @return 1 when it is asked for, 0, or a failure */
static int event_look(struct flow_search *f, struct moment_window *w, uint32_t group,
                      uint32_t event, struct btr_flow *flow)
{
    const struct segment_block *b = f->slot->data;
    int rc =
        store_event_time(b, group, event, &f->moments, &flow->first_ns, &flow->last_ns, f->err);
    if (rc < 0)
        return rc;
    if (flow->first_ns > flow->last_ns)
        return store_segment_bad(f->seg, f->err, STORE_EVENTS, f->block, "malformed");
    if (in_time(f, flow->first_ns, flow->last_ns))
        return 1;
    left_note(f, flow->first_ns, flow->last_ns);
    if (!b->moments)
        return 0;
    uint32_t end = end_of(b, &b->groups[group], event);
    if (flow->last_ns < f->since_ns && end >= w->before)
        w->before = end + 1;
    if (flow->first_ns > f->until_ns && b->moments[event] < w->after)
        w->after = b->moments[event];
    return 0;
}

/* The first event of a group that may be asked for: those of one that does not last ascend. */
static int group_begin(struct flow_search *f, struct moment_window *w, uint32_t group,
                       uint32_t *begin)
{
    const struct segment_block *b = f->slot->data;
    const struct segment_group *g = &b->groups[group];
    uint32_t low = g->begin, high = g[1].begin;
    struct btr_flow flow;
    *begin = low;
    if (f->since_ns == INT64_MIN || (g->shape & STORE_SHAPE_LASTS))
        return 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2, moment = b->moments[middle];
        int rc = 0;
        if (moment >= w->before && moment < w->after)
            rc = event_look(f, w, group, middle, &flow);
        if (rc < 0)
            return rc;
        if (moment < w->before)
            low = middle + 1;
        else
            high = middle;
    }
    *begin = low;
    return 0;
}

/* Events of a group of the block at hand, from one on. */
static int events_visit(struct flow_search *f, struct moment_window *w, uint32_t group,
                        uint32_t begin)
{
    struct segment_block *b = f->slot->data;
    const struct segment_group *g = &b->groups[group];
    struct btr_flow flow = {.source = f->seg->streams[g->stream].snapshot_source,
                            .operation = g->operation,
                            .doubt = g->doubt,
                            .flags = g->flags};
    int64_t before_ns = INT64_MIN;
    bool named = false;
    for (uint32_t i = begin; i < g[1].begin; i++) {
        if (b->moments && b->moments[i] >= w->after)
            break; /* and so are all behind it */
        if (b->moments && end_of(b, g, i) < w->before)
            continue;
        int rc = event_look(f, w, group, i, &flow);
        if (rc >= 0 && flow.first_ns < before_ns)
            rc = store_segment_bad(f->seg, f->err, STORE_EVENTS, f->block, "malformed");
        before_ns = flow.first_ns;
        flow.ref = reader_ref(f->segment, b->first + i);
        if (rc > 0 && !named) {
            rc = store_segment_who(f->seg, g->subject == f->number ? g->object : g->subject,
                                   &flow.other, &flow.other_kind, f->err);
            named = rc == 0;
            rc = named ? 1 : rc;
        }
        if (rc > 0)
            rc = flow_emit(f, &flow);
        if (rc != 0)
            return rc;
        if (flow.first_ns > f->until_ns)
            break;
    }
    return 0;
}

/* Whether some of a group may be asked for, by what is known of its first moment and its last. */
static inline bool group_may(const struct segment_block *b, const struct segment_group *g,
                             const struct moment_window *w)
{
    return !b->moments ||
           (b->moments[g->begin] < w->after &&
            ((g->shape & STORE_SHAPE_LASTS) || b->moments[g[1].begin - 1] >= w->before));
}

/* A group of the block at hand. */
static inline int group_visit(struct flow_search *f, uint32_t group)
{
    struct segment_block *b = f->slot->data;
    const struct segment_group *g = &b->groups[group];
    f->reader->cost.events_scanned += g[1].begin - g->begin;
    if (!group_fits(f, g))
        return 0;
    struct moment_window *w = window_of(f, g->stream);
    if (!group_may(b, g, w))
        return 0;
    uint32_t begin;
    int rc = group_begin(f, w, group, &begin);
    return rc < 0 ? rc : events_visit(f, w, group, begin);
}

static int index_bad(const struct flow_search *f)
{
    return store_segment_bad(f->seg, f->err, STORE_INDEX, f->number / STORE_INDEX_ENTITIES,
                             "does not fit the events");
}

/* The block of a group that no block before `low` has: mostly that one. @return UINT32_MAX when
 * there is no such group */
static uint32_t block_of(const struct flow_search *f, uint32_t group, uint32_t low)
{
    const struct segment_bounds *bounds = f->seg->bounds;
    uint32_t high = store_segment_block_count(f->seg);
    if (high == 0 || group >= bounds[high - 1].next_group)
        return UINT32_MAX;
    if (group < bounds[low].next_group)
        return low;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (bounds[middle].next_group <= group)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Groups of which the entity is the subject: they stand together. */
static int run_visit(struct flow_search *f, uint32_t first, uint32_t count)
{
    for (uint32_t at = first, end = first + count, block = 0; at < end; block++) {
        block = block_of(f, at, block);
        if (block == UINT32_MAX)
            return index_bad(f);
        uint32_t part_end = f->seg->bounds[block].next_group;
        part_end = end < part_end ? end : part_end;
        if (block_may(f, block)) {
            int rc = block_take(f, block);
            const struct segment_block *b = rc == 0 ? f->slot->data : NULL;
            for (; rc == 0 && at < part_end; at++) {
                uint32_t group = at - b->group_first;
                rc = b->groups[group].subject == f->number ? group_visit(f, group) : index_bad(f);
            }
            if (rc != 0)
                return rc;
        }
        at = part_end;
    }
    return 0;
}

/* The first of ascending postings, from one on, that is no less than a group: mostly close by. */
static uint32_t posting_at(const uint32_t *postings, uint32_t from, uint32_t count, uint32_t group)
{
    uint32_t step = 1, low = from;
    while (low + step < count && postings[low + step] < group) {
        low += step;
        step *= 2;
    }
    uint32_t high = low + step < count ? low + step : count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (postings[middle] < group)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Groups of the block at hand of which it is the object. */
static int list_part_visit(struct flow_search *f, const uint32_t *postings, uint32_t count)
{
    const struct segment_block *b = f->slot->data;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        if (count - i > AHEAD)
            __builtin_prefetch(&b->groups[postings[i + AHEAD] - b->group_first]);
        uint32_t group = postings[i] - b->group_first;
        const struct segment_group *g = &b->groups[group];
        if (g->object != f->number || g->subject == f->number)
            return index_bad(f);
        rc = group_visit(f, group);
    }
    return rc;
}

/* Groups of which it is the object, ascending. */
static int list_visit(struct flow_search *f, const uint32_t *postings, uint32_t count)
{
    for (uint32_t i = 0, end, block = 0; i < count; i = end, block++) {
        block = block_of(f, postings[i], block);
        if (block == UINT32_MAX)
            return index_bad(f);
        end = posting_at(postings, i, count, f->seg->bounds[block].next_group);
        if (!block_may(f, block))
            continue;
        int rc = f->slot && f->block == block ? 0 : block_take(f, block);
        if (rc == 0)
            rc = list_part_visit(f, postings + i, end - i);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Lists by direction: 0 into the object, 1 out of it, 2 the rest. */
static bool list_may(enum btr_side side, unsigned list)
{
    if (list == 2 || side == BTR_SIDE_ALL)
        return true;
    return side == BTR_SIDE_MEET ? false : list == (side == BTR_SIDE_INTO ? 0U : 1U);
}

static int segment_visit(struct flow_search *f)
{
    struct cache_slot *slot = NULL;
    int rc = store_segment_index(f->seg, f->number / STORE_INDEX_ENTITIES, &slot, f->err);
    if (rc < 0)
        return rc;
    const struct segment_index *x = slot->data;
    uint32_t i = f->number - x->first;
    f->moments = (struct moment_cursor)STORE_MOMENT_CURSOR(f->seg);
    windows_clear(f);
    rc = f->as_object ? 0 : run_visit(f, x->run_first[i], x->run_groups[i]);
    for (unsigned list = 0; rc == 0 && list < SEGMENT_LISTS; list++) {
        const uint32_t *begin = &x->list_begin[(size_t)i * SEGMENT_LISTS + list];
        if (list_may(f->side, list))
            rc = list_visit(f, x->postings + begin[0], begin[1] - begin[0]);
    }
    store_cache_unpin(slot);
    if (rc == 0)
        rc = flows_flush(f);
    block_drop(f);
    store_cursor_fini(&f->moments);
    return rc;
}

/* What the catalog tells is enough to pass over a segment. */
static bool segment_may(const struct flow_search *f, uint32_t segment)
{
    const struct store_sealed *row = &f->reader->segments[segment].row.sealed;
    return row->event_count > 0 && in_time(f, row->first_ns, row->last_ns);
}

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a store");
}

/* ---- Parts ---------------------------------------------------------------------------------- */

/** A segment that ends at a time. */
struct ending {
    int64_t last_ns;
    uint32_t segment;
};

static int ending_compare(const void *x, const void *y)
{
    const struct ending *a = x, *b = y;
    if (a->last_ns != b->last_ns)
        return a->last_ns > b->last_ns ? -1 : 1;
    return a->segment < b->segment ? -1 : a->segment > b->segment;
}

/* Makes r->latest of the segments that there are. */
static int latest_make(struct btr_reader *r, struct btr_err *err)
{
    uint32_t count = r->segment_count;
    if (r->latest)
        return 0;
    r->latest = calloc((size_t)count + 1, sizeof(*r->latest));
    struct ending *endings = calloc((size_t)count + 1, sizeof(*endings));
    if (!r->latest || !endings) {
        free(r->latest);
        r->latest = NULL;
        free(endings);
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < count; i++)
        endings[i] = (struct ending){r->segments[i].row.sealed.last_ns, i};
    qsort(endings, count, sizeof(*endings), ending_compare);
    for (uint32_t i = 0; i < count; i++)
        r->latest[i] = endings[i].segment;
    free(endings);
    return 0;
}

/* The segment of a part. They are by their first times as they are. */
static uint32_t segment_of(const struct flow_search *f, uint32_t part)
{
    return f->side == BTR_SIDE_INTO ? f->reader->latest[part] : part;
}

/* Takes the numbers of an entity from the table of all. */
static int located_find(struct btr_reader *r, struct btr_id entity, struct btr_err *err)
{
    int count = reader_places_find(r, entity, err);
    if (count < 0)
        return count;
    for (uint32_t i = 0; i < r->segment_count; i++)
        r->located[i] = READER_ABSENT;
    for (int i = 0; i < count; i++)
        r->located[r->places.found[i].segment] = READER_SHUT | r->places.found[i].number;
    return 0;
}

/* Forgets where another entity was. */
static int located_room(struct btr_reader *r, struct btr_id entity, struct btr_err *err)
{
    if (r->located && btr_id_equal(r->located_id, entity))
        return 0;
    if (!r->located)
        r->located = calloc((size_t)r->segment_count + 1, sizeof(*r->located));
    if (!r->located)
        return out_of_memory(err);
    int rc = 0;
    r->located_id = (struct btr_id){0, 0};
    if (reader_places_ask(r)) {
        rc = located_find(r, entity, err);
    } else {
        reader_segments_hold_ask(r, entity);
        for (uint32_t i = 0; i < r->segment_count; i++)
            r->located[i] = READER_UNASKED;
    }
    if (rc == 0)
        r->located_id = entity;
    return rc;
}

static int segment_locate(struct btr_reader *r, uint32_t segment, struct btr_id entity,
                          struct btr_err *err)
{
    struct store_segment *seg = &r->segments[segment].seg;
    bool asked = r->located[segment] != READER_UNASKED;
    uint32_t number = asked ? r->located[segment] & ~READER_SHUT : READER_ABSENT;
    int rc = asked ? 1 : reader_segment_may_hold(r, segment, entity, err);
    if (rc > 0) {
        rc = reader_segment_entities(r, segment, err);
        if (rc == 0 && !asked)
            rc = store_segment_find(seg, entity, &number, err);
        if (rc == 0 && number != READER_ABSENT)
            rc = store_segment_bounds(seg, err);
    }
    if (rc == 0)
        r->located[segment] = number;
    return rc;
}

/* Finds the entity in the segments that may answer, of the first part to visit and those behind it:
 * of the first of all, so that what they tell is compared. A walk asks of one entity several times
 * in a row. @return as reader_once_settle */
static int entity_locate(struct flow_search *f, struct btr_id entity, uint32_t begin)
{
    struct btr_reader *r = f->reader;
    reader_segments_want(r);
    int rc = located_room(r, entity, f->err);
    for (uint32_t part = begin; rc == 0 && part < r->segment_count; part++) {
        uint32_t i = segment_of(f, part);
        if (r->located[i] >= READER_SHUT && r->located[i] != READER_ABSENT && segment_may(f, i))
            rc = segment_locate(r, i, entity, f->err);
    }
    return rc < 0 ? rc : reader_once_settle(r, f->err);
}

/* The entity's number in a segment that may answer, or READER_ABSENT. */
static uint32_t number_in(const struct flow_search *f, uint32_t segment)
{
    const struct btr_reader *r = f->reader;
    uint32_t number = r->located[segment];
    return number < READER_SHUT && segment_may(f, segment) ? number : READER_ABSENT;
}

/* Whether all flows of a segment lie on the far side of a time. */
static bool segment_is_beyond(const struct flow_search *f, uint32_t segment, int64_t until_ns)
{
    const struct store_sealed *row = &f->reader->segments[segment].row.sealed;
    return f->side == BTR_SIDE_INTO ? row->last_ns < until_ns : row->first_ns > until_ns;
}

/* Tells what is left from a part on. */
static void rest_tell(const struct flow_search *f, uint32_t part, struct btr_flow_parts *parts)
{
    bool into = f->side == BTR_SIDE_INTO;
    parts->end = UINT32_MAX;
    parts->rest_ns = into ? INT64_MIN : INT64_MAX;
    for (; part < f->reader->segment_count; part++) {
        uint32_t i = segment_of(f, part);
        const struct store_sealed *row = &f->reader->segments[i].row.sealed;
        if (number_in(f, i) == READER_ABSENT)
            continue;
        parts->end = parts->end == UINT32_MAX ? part : parts->end;
        if (into ? row->last_ns > parts->rest_ns : row->first_ns < parts->rest_ns)
            parts->rest_ns = into ? row->last_ns : row->first_ns;
    }
}

/* Finds the latest that may be left in segments that were not looked at: as exact as can be told
 * without opening one. */
static int only_rest(struct flow_search *f, struct btr_id entity)
{
    struct btr_reader *r = f->reader;
    for (uint32_t part = 0; part < r->segment_count; part++) {
        uint32_t i = segment_of(f, part);
        const struct store_sealed *row = &r->segments[i].row.sealed;
        int64_t before_ns = f->rest_ns;
        if (row->event_count == 0 || segment_may(f, i) || r->located[i] == READER_ABSENT)
            continue;
        left_note(f, row->first_ns, row->last_ns);
        if (f->rest_ns == before_ns)
            continue;
        int may =
            r->located[i] == READER_UNASKED ? reader_segment_may_hold(r, i, entity, f->err) : 1;
        if (may < 0)
            return may;
        if (may == 0)
            f->rest_ns = before_ns;
    }
    return 0;
}

/* The stretch of time that is asked for, of all segments. */
static int only_visit(struct flow_search *f, struct btr_id entity, struct btr_flow_parts *parts)
{
    uint32_t count = f->reader->segment_count;
    int rc = 0;
    f->rest_ns = f->side == BTR_SIDE_INTO ? INT64_MIN : INT64_MAX;
    for (uint32_t part = 0; rc == 0 && part < count; part++) {
        f->segment = segment_of(f, part);
        f->seg = &f->reader->segments[f->segment].seg;
        f->number = number_in(f, f->segment);
        if (f->number != READER_ABSENT)
            rc = segment_visit(f);
    }
    if (rc == 0)
        rc = once_flows_release(&f->held, f->reader, f->visit, f->self, f->err);
    free(f->held.items);
    if (rc == 0)
        rc = only_rest(f, entity);
    if (rc == 0)
        parts->rest_ns = f->rest_ns;
    return rc;
}

static int parts_visit(struct flow_search *f, struct btr_flow_parts *parts)
{
    uint32_t part = parts->begin, count = f->reader->segment_count;
    bool visited = false, all = f->once && part == 0;
    int rc = 0;
    parts->repeats = f->once;
    if (all && parts->end != UINT32_MAX)
        return 0;
    for (; rc == 0 && part < count && part < parts->end; part++) {
        f->segment = segment_of(f, part);
        f->seg = &f->reader->segments[f->segment].seg;
        f->number = number_in(f, f->segment);
        if (f->number == READER_ABSENT)
            continue;
        if (visited && !all && segment_is_beyond(f, f->segment, parts->until_ns))
            break;
        rc = segment_visit(f);
        visited = true;
    }
    if (rc == 0)
        rc = once_flows_release(&f->held, f->reader, f->visit, f->self, f->err);
    free(f->held.items);
    if (rc == 0)
        rest_tell(f, part, parts);
    return rc;
}

/* The times that are asked for. */
static void times_ask(struct flow_search *f, int64_t bound_ns, const struct btr_flow_parts *parts)
{
    bool ends = f->only || (f->side == BTR_SIDE_MEET && parts);
    f->since_ns = INT64_MIN;
    f->until_ns = INT64_MAX;
    if (f->side == BTR_SIDE_INTO) {
        f->until_ns = bound_ns;
        f->since_ns = ends ? parts->until_ns : INT64_MIN;
    } else if (f->side == BTR_SIDE_OUT_OF || ends) {
        f->since_ns = bound_ns;
        f->until_ns = ends ? parts->until_ns : INT64_MAX;
    }
}

int btr_reader_flows(struct btr_reader *r, struct btr_id entity, enum btr_side side,
                     int64_t bound_ns, struct btr_flow_parts *parts, btr_flow_visit *visit,
                     void *self, struct btr_err *err)
{
    struct btr_flow_parts whole = {.end = UINT32_MAX,
                                   .until_ns = side == BTR_SIDE_INTO ? INT64_MIN : INT64_MAX};
    struct flow_search f;
    f.reader = r;
    f.side = side;
    f.only = parts && parts->only && side <= BTR_SIDE_OUT_OF;
    f.as_object = f.only && parts->as_object;
    f.visit = visit;
    f.self = self;
    f.err = err;
    f.slot = NULL;
    f.flow_count = 0;
    f.rest_ns = 0;
    f.held = (struct once_flows){0};
    times_ask(&f, bound_ns, parts);
    int rc = latest_make(r, err);
    if (rc == 0)
        rc = entity_locate(&f, entity, parts && !f.only ? parts->begin : 0);
    f.once = rc == 1;
    if (rc >= 0 && f.only)
        rc = only_visit(&f, entity, parts);
    else if (rc >= 0)
        rc = parts_visit(&f, parts && side <= BTR_SIDE_OUT_OF ? parts : &whole);
    return rc;
}
