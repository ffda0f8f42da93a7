/* Events of an entity, as a walk asks for them. Hot: a walk spends its time here. */
#include "reader.h"

enum { FLOWS_RUN = 128 };

/** One question to one segment. */
struct flow_search {
    struct btr_reader *reader;
    struct store_segment *seg;
    uint32_t segment, number; /* number: of the entity in the segment */
    enum btr_side side;
    int64_t bound_ns;
    btr_flow_visit *visit;
    void *self;
    struct btr_err *err;
    struct cache_slot *slot; /* the event block at hand, pinned; NULL = none */
    uint32_t block;
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

static int block_take(struct flow_search *f, uint32_t block)
{
    block_drop(f);
    int rc = store_segment_events(f->seg, block, &f->slot, f->err);
    if (rc < 0)
        f->slot = NULL;
    f->block = block;
    return rc;
}

/* Whether a block may hold an answer. */
static bool block_may(const struct flow_search *f, uint32_t block)
{
    const struct segment_bounds *b = &f->seg->bounds[block];
    if (f->side == BTR_SIDE_INTO)
        return b->first_ns <= f->bound_ns;
    return f->side != BTR_SIDE_OUT_OF || b->last_ns >= f->bound_ns;
}

/* Whether information flows as asked in an event of which the entity is an end. */
static bool event_fits(const struct flow_search *f, const struct segment_event *e)
{
    bool is_subject = e->subject == f->number, is_object = e->object == f->number;
    unsigned d = e->direction;
    switch (f->side) {
    case BTR_SIDE_INTO:
        return e->first_ns <= f->bound_ns &&
               (d == BTR_FLOW_BOTH || (d == BTR_FLOW_IN && is_subject) ||
                (d == BTR_FLOW_OUT && is_object));
    case BTR_SIDE_OUT_OF:
        return e->last_ns >= f->bound_ns &&
               (d == BTR_FLOW_BOTH || (d == BTR_FLOW_OUT && is_subject) ||
                (d == BTR_FLOW_IN && is_object));
    case BTR_SIDE_MEET:
        return d == BTR_FLOW_MEET;
    case BTR_SIDE_ALL:
        return true;
    }
    return false;
}

static int flow_emit(struct flow_search *f, const struct segment_event *e, uint32_t event)
{
    uint32_t other = e->subject == f->number ? e->object : e->subject;
    struct btr_flow *flow = &f->flows[f->flow_count];
    struct btr_id id;
    uint8_t kind;
    int rc = store_segment_who(f->seg, other, &id, &kind, f->err);
    if (rc < 0)
        return rc;
    *flow = (struct btr_flow){.other = id,
                              .first_ns = e->first_ns,
                              .last_ns = e->last_ns,
                              .ref = reader_ref(f->segment, event),
                              .source = f->seg->streams[e->stream].snapshot_source,
                              .operation = e->operation,
                              .doubt = e->doubt,
                              .flags = e->flags,
                              .other_kind = kind};
    if (f->once && store_once_in(&f->reader->once.windows, flow->source, flow->last_ns))
        return once_flows_hold(&f->held, flow, f->err);
    return ++f->flow_count == FLOWS_RUN ? flows_flush(f) : 0;
}

/* Events begin..end of one block, all of which must have the entity as subject. */
static int run_part_visit(struct flow_search *f, uint32_t begin, uint32_t end)
{
    const struct segment_event *events = f->slot->data;
    uint32_t base = f->block * STORE_BLOCK_EVENTS;
    f->reader->cost.events_scanned += end - begin;
    for (uint32_t i = begin; i < end; i++) {
        const struct segment_event *e = &events[i - base];
        if (e->subject != f->number)
            return store_segment_bad(f->seg, f->err, STORE_INDEX, f->number / STORE_INDEX_ENTITIES,
                                     "does not fit the events");
        int rc = event_fits(f, e) ? flow_emit(f, e, i) : 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int run_visit(struct flow_search *f, uint32_t first, uint32_t count)
{
    for (uint32_t at = first, end = first + count; at < end;) {
        uint32_t block = at / STORE_BLOCK_EVENTS;
        uint32_t block_end = (block + 1) * STORE_BLOCK_EVENTS;
        uint32_t part_end = end < block_end ? end : block_end;
        if (block_may(f, block)) {
            int rc = block_take(f, block);
            if (rc == 0)
                rc = run_part_visit(f, at, part_end);
            if (rc != 0)
                return rc;
        }
        at = part_end;
    }
    return 0;
}

static int list_visit(struct flow_search *f, const uint32_t *postings, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t block = postings[i] / STORE_BLOCK_EVENTS;
        if (!block_may(f, block))
            continue;
        int rc = f->slot && f->block == block ? 0 : block_take(f, block);
        if (rc != 0)
            return rc;
        const struct segment_event *events = f->slot->data;
        const struct segment_event *e = &events[postings[i] % STORE_BLOCK_EVENTS];
        f->reader->cost.events_scanned++;
        if (e->object != f->number || e->subject == f->number)
            return store_segment_bad(f->seg, f->err, STORE_INDEX, f->number / STORE_INDEX_ENTITIES,
                                     "does not fit the events");
        rc = event_fits(f, e) ? flow_emit(f, e, postings[i]) : 0;
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
    rc = run_visit(f, x->run_first[i], x->run_count[i]);
    for (unsigned list = 0; rc == 0 && list < SEGMENT_LISTS; list++) {
        const uint32_t *begin = &x->list_begin[(size_t)i * SEGMENT_LISTS + list];
        if (list_may(f->side, list))
            rc = list_visit(f, x->postings + begin[0], begin[1] - begin[0]);
    }
    store_cache_unpin(slot);
    if (rc == 0)
        rc = flows_flush(f);
    block_drop(f);
    return rc;
}

/* What the catalog tells is enough to pass over a segment. */
static bool segment_may(const struct catalog_segment *row, enum btr_side side, int64_t bound_ns)
{
    if (row->sealed.event_count == 0)
        return false;
    if (side == BTR_SIDE_INTO)
        return row->sealed.first_ns <= bound_ns;
    return side != BTR_SIDE_OUT_OF || row->sealed.last_ns >= bound_ns;
}

/* Finds the entity in the segments that may answer: in all of them, before what they tell is
 * compared. @return as reader_once_settle */
static int entity_locate(struct flow_search *f, struct btr_id entity, uint32_t *located)
{
    struct btr_reader *r = f->reader;
    for (uint32_t i = 0; i < r->segment_count; i++) {
        struct store_segment *seg = &r->segments[i].seg;
        located[i] = UINT32_MAX;
        if (!segment_may(&r->segments[i].row, f->side, f->bound_ns))
            continue;
        int rc = reader_segment_may_hold(r, i, entity, f->err);
        if (rc == 0)
            continue;
        rc = rc < 0 ? rc : reader_segment_entities(r, i, f->err);
        if (rc == 0)
            rc = store_segment_find(seg, entity, &located[i], f->err);
        if (rc == 0 && located[i] != UINT32_MAX)
            rc = store_segment_bounds(seg, f->err);
        if (rc < 0)
            return rc;
    }
    return reader_once_settle(r, f->err);
}

static int segments_visit(struct flow_search *f, const uint32_t *located)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < f->reader->segment_count; i++) {
        f->seg = &f->reader->segments[i].seg;
        f->segment = i;
        f->number = located[i];
        if (f->number != UINT32_MAX)
            rc = segment_visit(f);
    }
    if (rc == 0)
        return once_flows_release(&f->held, f->reader, f->visit, f->self, f->err);
    free(f->held.items);
    return rc;
}

int btr_reader_flows(struct btr_reader *r, struct btr_id entity, enum btr_side side,
                     int64_t bound_ns, btr_flow_visit *visit, void *self, struct btr_err *err)
{
    struct flow_search f;
    f.reader = r;
    f.side = side;
    f.bound_ns = bound_ns;
    f.visit = visit;
    f.self = self;
    f.err = err;
    f.slot = NULL;
    f.flow_count = 0;
    f.held = (struct once_flows){0};
    uint32_t *located = calloc((size_t)r->segment_count + 1, sizeof(*located));
    if (!located)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a store");
    int rc = entity_locate(&f, entity, located);
    f.once = rc == 1;
    if (rc >= 0)
        rc = segments_visit(&f, located);
    free(located);
    return rc;
}
