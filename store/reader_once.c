#include "reader_once.h"

#include "reader.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a store");
}

void reader_once_fini(struct reader_once *o)
{
    free(o->parts);
    free(o->windows.items);
    free(o->ranks);
    free(o->rank_begins);
}

/* Makes room for `more` items. */
static bool room(void *items, size_t count, size_t more, uint32_t *capacity, size_t item_size)
{
    if (count + more <= *capacity)
        return true;
    size_t wanted = (size_t)*capacity * 2 > count + more ? (size_t)*capacity * 2 : count + more;
    void *old, *grown = NULL;
    memcpy(&old, items, sizeof(old));
    if (wanted <= UINT32_MAX)
        grown = realloc(old, wanted * item_size);
    if (!grown)
        return false;
    memcpy(items, &grown, sizeof(grown));
    *capacity = (uint32_t)wanted;
    return true;
}

/* ---- Parts and windows ---------------------------------------------------------------------- */

static uint64_t input_key(const struct segment_input *input)
{
    return btr_hash64_seeded(input->name, input->head_hash);
}

int reader_once_learn(struct btr_reader *r, uint32_t segment, struct btr_err *err)
{
    struct reader_once *o = &r->once;
    struct store_segment *seg = &r->segments[segment].seg;
    struct store_reaches told = {0};
    uint32_t count = seg->header.stream_count;
    if (r->segment_count == 1 && count <= 1)
        return 0;
    int rc = store_stretches_read(seg, &told, err);
    if (rc == 0 &&
        !room(&o->parts, o->part_count, told.begins[count], &o->part_capacity, sizeof(*o->parts)))
        rc = out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        for (uint32_t k = told.begins[i]; k < told.begins[i + 1]; k++)
            o->parts[o->part_count++] =
                (struct once_part){told.items[k], input_key(&seg->inputs[seg->streams[i].input]),
                                   seg->streams[i].snapshot_source};
    store_reaches_fini(&told);
    return rc;
}

int reader_once_settle(struct btr_reader *r, struct btr_err *err)
{
    struct reader_once *o = &r->once;
    if (o->settled_parts != o->part_count) {
        if (!store_once_windows(&o->windows, o->parts, o->part_count))
            return out_of_memory(err);
        o->settled_parts = o->part_count;
    }
    return o->windows.count > 0;
}

bool reader_once_may(const struct btr_reader *r, int64_t since_ns, int64_t until_ns)
{
    for (uint32_t i = 0; i < r->once.windows.count; i++)
        if (r->once.windows.items[i].first_ns <= until_ns &&
            r->once.windows.items[i].last_ns >= since_ns)
            return true;
    return false;
}

/* ---- Ranks ---------------------------------------------------------------------------------- */

/** An input of a segment, to be put in order. */
struct ranked {
    const struct segment_input *input;
    uint32_t place; /* in ranks */
};

static int ranked_compare(const void *x, const void *y)
{
    const struct segment_input *a = ((const struct ranked *)x)->input;
    const struct segment_input *b = ((const struct ranked *)y)->input;
    int c = btr_span_compare(a->name, b->name);
    return c != 0 ? c : (a->head_hash > b->head_hash) - (a->head_hash < b->head_hash);
}

static void ranks_give(struct reader_once *o, struct ranked *all, uint32_t count)
{
    uint32_t rank = 0;
    if (count > 1)
        qsort(all, count, sizeof(*all), ranked_compare);
    for (uint32_t i = 0; i < count; i++) {
        rank += i > 0 && ranked_compare(&all[i - 1], &all[i]) != 0;
        o->ranks[all[i].place] = rank;
    }
}

/* Gives inputs their places in the order of name and head hash, as far as segments are ready. */
static int ranks_settle(struct btr_reader *r, struct btr_err *err)
{
    struct reader_once *o = &r->once;
    uint32_t count = 0, at = 0;
    if (o->ranks && o->ranked_parts == o->part_count)
        return 0;
    free(o->ranks);
    free(o->rank_begins);
    for (uint32_t i = 0; i < r->segment_count; i++)
        count += r->segments[i].is_ready ? r->segments[i].seg.header.input_count : 0;
    o->ranks = calloc((size_t)count + 1, sizeof(*o->ranks));
    o->rank_begins = calloc((size_t)r->segment_count + 1, sizeof(*o->rank_begins));
    struct ranked *all = calloc((size_t)count + 1, sizeof(*all));
    if (!o->ranks || !o->rank_begins || !all) {
        free(all);
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < r->segment_count; i++) {
        const struct store_segment *seg = &r->segments[i].seg;
        o->rank_begins[i] = at;
        for (uint32_t k = 0; r->segments[i].is_ready && k < seg->header.input_count; k++, at++)
            all[at] = (struct ranked){&seg->inputs[k], at};
    }
    ranks_give(o, all, count);
    free(all);
    o->ranked_parts = o->part_count;
    return 0;
}

/* Input of an event by its name, which is that of its segment's own memory. */
static uint32_t rank_of(const struct btr_reader *r, uint32_t segment,
                        const struct btr_event_full *full)
{
    const struct store_segment *seg = &r->segments[segment].seg;
    uint32_t k = 0;
    while (k + 1 < seg->header.input_count && (seg->inputs[k].name.at != full->input.at ||
                                               memcmp(seg->inputs[k].digest, full->input_digest.at,
                                                      sizeof(seg->inputs[k].digest)) != 0))
        k++;
    return r->once.ranks[r->once.rank_begins[segment] + k];
}

static struct once_event once_of(const struct btr_reader *r, btr_event_ref ref,
                                 const struct btr_event_full *full, uint32_t place)
{
    uint32_t segment = (uint32_t)(ref >> 32);
    return (struct once_event){.event = full->event,
                               .source = full->event.stream,
                               .input = rank_of(r, segment, full),
                               .segment = segment,
                               .place = place,
                               .count = full->stands_for};
}

/* ---- Flows ---------------------------------------------------------------------------------- */

int once_flows_hold(struct once_flows *held, const struct btr_flow *flow, struct btr_err *err)
{
    if (!room(&held->items, held->count, 1, &held->capacity, sizeof(*held->items)))
        return out_of_memory(err);
    held->items[held->count++] = *flow;
    return 0;
}

/* By all that a flow tells but its ref, which comes last. */
static int flow_compare(const void *x, const void *y)
{
    const struct btr_flow *a = x, *b = y;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    int c = btr_id_compare(a->other, b->other);
    if (c == 0)
        c = a->operation - b->operation;
    if (c == 0)
        c = a->doubt - b->doubt;
    if (c == 0)
        c = (int)btr_event_flags_alike(a->flags) - (int)btr_event_flags_alike(b->flags);
    return c != 0 ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

static bool flows_alike(const struct btr_flow *a, const struct btr_flow *b)
{
    struct btr_flow other = *b;
    other.ref = a->ref;
    return flow_compare(a, &other) == 0;
}

/* Flows that look alike: what their events tell decides. Moves those that stay to `to`. */
static int alike_settle(struct btr_reader *r, const struct btr_flow *alike, uint32_t count,
                        struct btr_flow *to, uint32_t *kept, struct btr_err *err)
{
    struct once_event *events = calloc(count, sizeof(*events));
    int rc = events ? 0 : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct btr_event_full full;
        rc = btr_reader_event(r, alike[i].ref, &full, err);
        if (rc == 0)
            events[i] = once_of(r, alike[i].ref, &full, i);
    }
    if (rc == 0)
        store_once_mark(events, count);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        if (!events[i].again)
            to[(*kept)++] = alike[events[i].place];
    free(events);
    return rc;
}

static int held_settle(struct once_flows *held, struct btr_reader *r, struct btr_flow *settled,
                       uint32_t *kept, struct btr_err *err)
{
    int rc = ranks_settle(r, err);
    qsort(held->items, held->count, sizeof(*held->items), flow_compare);
    for (uint32_t i = 0, n; rc == 0 && i < held->count; i += n) {
        for (n = 1; i + n < held->count && flows_alike(&held->items[i], &held->items[i + n]); n++)
            continue;
        if (n == 1)
            settled[(*kept)++] = held->items[i];
        else
            rc = alike_settle(r, held->items + i, n, settled, kept, err);
    }
    return rc;
}

int once_flows_release(struct once_flows *held, struct btr_reader *r, btr_flow_visit *visit,
                       void *self, struct btr_err *err)
{
    uint32_t kept = 0;
    int rc = 0;
    if (held->count > 0) {
        struct btr_flow *settled = malloc(held->count * sizeof(*settled));
        rc = settled ? held_settle(held, r, settled, &kept, err) : out_of_memory(err);
        if (rc == 0 && kept > 0)
            rc = visit(self, settled, kept);
        free(settled);
    }
    free(held->items);
    *held = (struct once_flows){0};
    return rc;
}

/* ---- Slices of time ------------------------------------------------------------------------- */

enum { SLICE_FULL = 1 };

void once_marks_fini(struct once_marks *m)
{
    for (uint32_t i = 0; m->bits && i < m->segment_count; i++)
        free(m->bits[i]);
    free(m->bits);
}

bool once_marks_has(const struct once_marks *m, btr_event_ref ref)
{
    uint32_t segment = (uint32_t)(ref >> 32), event = (uint32_t)ref;
    return m->bits[segment] && (m->bits[segment][event / 8] >> event % 8 & 1);
}

int once_list_take(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    struct once_list *l = self;
    int64_t at_ns = full->event.last_ns;
    if (at_ns < l->first_ns || at_ns > l->last_ns ||
        !store_once_in(&l->reader->once.windows, full->event.stream, at_ns))
        return 0;
    if (l->count >= ONCE_SLICE_EVENTS && l->first_ns < l->last_ns)
        return SLICE_FULL;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity == 0 ? 256 : l->capacity * 2;
        struct once_event *items = realloc(l->items, capacity * sizeof(*items));
        l->items = items ? items : l->items;
        btr_event_ref *refs = realloc(l->refs, capacity * sizeof(*refs));
        l->refs = refs ? refs : l->refs;
        if (!items || !refs || capacity > UINT32_MAX)
            return BTR_E_NOMEM;
        l->capacity = capacity;
    }
    l->items[l->count] = once_of(l->reader, ref, full, (uint32_t)l->count);
    l->refs[l->count++] = ref;
    return 0;
}

static bool mark_set(struct once_marks *m, const struct btr_reader *r, btr_event_ref ref)
{
    uint32_t segment = (uint32_t)(ref >> 32), event = (uint32_t)ref;
    if (!m->bits[segment])
        m->bits[segment] = calloc(r->segments[segment].row.sealed.event_count / 8 + 1, 1);
    if (m->bits[segment])
        m->bits[segment][event / 8] |= (uint8_t)(1U << event % 8);
    return m->bits[segment] != NULL;
}

static int slice_mark(struct once_marks *m, struct once_list *l, struct btr_err *err)
{
    store_once_mark(l->items, l->count);
    for (size_t i = 0; i < l->count; i++) {
        if (!l->items[i].again)
            continue;
        if (!mark_set(m, l->reader, l->refs[l->items[i].place]))
            return out_of_memory(err);
        if (m->told)
            m->told(m->self, &l->items[i]);
    }
    return 0;
}

/* One stretch of time in slices: halved until one fits, doubled when there is room. */
static int stretch_mark(struct once_marks *m, struct once_list *l, int64_t first_ns,
                        int64_t last_ns, once_scan *scan, void *self, struct btr_err *err)
{
    uint64_t left = (uint64_t)last_ns - (uint64_t)first_ns, width = left; /* less one each */
    for (uint64_t at = (uint64_t)first_ns;;) {
        l->count = 0;
        l->first_ns = (int64_t)at;
        l->last_ns = (int64_t)(at + width);
        int rc = scan(self, l->first_ns, l->last_ns, l);
        if (rc == SLICE_FULL) {
            width /= 2;
            continue;
        }
        rc = rc == BTR_E_NOMEM ? out_of_memory(err) : rc;
        if (rc == 0)
            rc = slice_mark(m, l, err);
        if (rc != 0 || left == width)
            return rc;
        at += width + 1;
        left -= width + 1;
        if (l->count < ONCE_SLICE_EVENTS / 4 && width <= UINT64_MAX / 4)
            width = width * 2 + 1;
        width = width < left ? width : left;
    }
}

/* From the first window to the last in one go: a scan may ask every segment whatever the stretch,
 * so that few long ones cost less than many short ones. */
int once_marks_make(struct once_marks *m, struct btr_reader *r, int64_t since_ns, once_scan *scan,
                    void *self, struct btr_err *err)
{
    struct once_list list = {.reader = r};
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    for (uint32_t i = 0; i < r->once.windows.count; i++) {
        const struct once_window *w = &r->once.windows.items[i];
        first_ns = w->first_ns < first_ns ? w->first_ns : first_ns;
        last_ns = w->last_ns > last_ns ? w->last_ns : last_ns;
    }
    first_ns = first_ns < since_ns ? since_ns : first_ns;
    m->segment_count = r->segment_count;
    m->bits = calloc((size_t)r->segment_count + 1, sizeof(*m->bits));
    int rc = m->bits ? ranks_settle(r, err) : out_of_memory(err);
    if (rc == 0 && first_ns <= last_ns)
        rc = stretch_mark(m, &list, first_ns, last_ns, scan, self, err);
    free(list.items);
    free(list.refs);
    return rc;
}
