/* Sections moments and locators: when the events of a stream are, and which record tells each
 * (docs/FORMAT.md, "Moments"). Events of one record share a moment; an event that lasts has one
 * where it begins, with its record, and one where it ends. */
#include "seal.h"

static const struct builder_event *event_of(const struct store_sealer *s, uint32_t entry)
{
    return &s->builder->events[entry];
}

static bool is_end(const struct store_sealer *s, uint32_t entry)
{
    return entry >= s->builder->event_count;
}

/* Entries are the events, at their beginnings, and after them the ends of those that last. */
static int64_t entry_at(const struct store_sealer *s, uint32_t entry)
{
    return is_end(s, entry) ? event_of(s, s->lasting[entry - s->builder->event_count])->last_ns
                            : event_of(s, entry)->first_ns;
}

/* By order time; of one time those with a record first. */
static bool entry_before(const void *self, uint32_t a, uint32_t b)
{
    const struct store_sealer *s = self;
    int64_t at_a = entry_at(s, a), at_b = entry_at(s, b);
    if (at_a != at_b || is_end(s, a) || is_end(s, b))
        return at_a != at_b ? at_a < at_b : is_end(s, a) < is_end(s, b);
    const struct builder_event *x = event_of(s, a), *y = event_of(s, b);
    if (x->record_id != y->record_id)
        return x->record_id < y->record_id;
    return x->line != y->line ? x->line < y->line : x->time_ns < y->time_ns;
}

static uint32_t entry_stream(const struct store_sealer *s, uint32_t entry)
{
    return event_of(s, is_end(s, entry) ? s->lasting[entry - s->builder->event_count] : entry)
        ->stream;
}

/* Sorts all entries by stream, then as above, into `entries`. @return how many there are */
static uint32_t entries_sort(struct store_sealer *s, uint32_t *entries, uint32_t *ends)
{
    const struct store_builder *b = s->builder;
    uint32_t count = b->event_count;
    for (uint32_t i = 0; i < b->event_count; i++)
        if (b->events[i].first_ns < b->events[i].last_ns)
            s->lasting[count++ - b->event_count] = i;
    memset(ends, 0, (size_t)b->stream_count * sizeof(*ends));
    for (uint32_t i = 0; i < count; i++)
        ends[entry_stream(s, i)]++;
    for (uint32_t i = 0, at = 0; i < b->stream_count; i++)
        ends[i] = at += ends[i];
    for (uint32_t i = count; i-- > 0;)
        entries[--ends[entry_stream(s, i)]] = i;
    for (uint32_t i = 0; i < b->stream_count; i++) {
        uint32_t end = i + 1 < b->stream_count ? ends[i + 1] : count;
        store_sort(entries + ends[i], end - ends[i], s->scratch_more, entry_before, s);
    }
    return count;
}

/* Whether an entry is the same moment as the one before it. */
static bool entry_again(const struct store_sealer *s, uint32_t before, uint32_t entry)
{
    return entry_stream(s, before) == entry_stream(s, entry) &&
           entry_at(s, before) == entry_at(s, entry) &&
           (is_end(s, entry) || !entry_before(s, before, entry));
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* What own times of a builder's events are multiples of. */
static uint64_t time_unit(const struct store_builder *b)
{
    uint64_t unit = 0;
    for (uint32_t i = 0; i < b->event_count && unit != 1; i++)
        if (unit == 0 || (uint64_t)b->events[i].time_ns % unit != 0)
            unit = common_divisor((uint64_t)b->events[i].time_ns, unit);
    return unit == 0 || unit > INT64_MAX ? 1 : unit;
}

/* A moment at which something ends has no record: it repeats the one before, and its own time is
 * the one that is expected. */
static struct seal_moment end_moment(int64_t at_ns, const struct seal_moment *before, uint64_t unit)
{
    struct seal_moment m = *before;
    m.last_ns = at_ns;
    m.time_ns = store_time_expect(at_ns, unit);
    return m;
}

void store_seal_moments(struct store_sealer *s)
{
    const struct store_builder *b = s->builder;
    uint32_t *entries = s->scratch, *ends = s->stream_ends;
    uint32_t count = entries_sort(s, entries, ends), moment_count = 0;
    struct seal_moment none = {0};
    s->time_unit = time_unit(b);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t entry = entries[i];
        bool again = i > 0 && entry_again(s, entries[i - 1], entry);
        if (!again && is_end(s, entry)) {
            const struct seal_moment *before =
                moment_count > 0 ? &s->moments[moment_count - 1] : &none;
            s->moments[moment_count++] = end_moment(entry_at(s, entry), before, s->time_unit);
        } else if (!again) {
            const struct builder_event *e = event_of(s, entry);
            s->moments[moment_count++] =
                (struct seal_moment){e->first_ns, e->time_ns, e->record_id, e->line};
        }
        if (is_end(s, entry))
            s->end_of[s->lasting[entry - b->event_count]] = moment_count - 1;
        else
            s->moment_of[entry] = s->end_of[entry] = moment_count - 1;
    }
    s->moment_count = moment_count;
}

/* ---- The sections --------------------------------------------------------------------------- */

/* The next order time: 0 one ns later; odd: that many units, and one, half of it, behind the last
 * multiple of the unit; 2: a difference follows. */
static void time_put(struct btr_buffer *raw, int64_t last_ns, int64_t before_ns, uint64_t unit)
{
    uint64_t step = (uint64_t)last_ns - (uint64_t)store_time_expect(before_ns, unit);
    bool later = last_ns > before_ns;
    if (later && last_ns - 1 == before_ns) {
        btr_buffer_varint(raw, 0);
    } else if (later && step <= INT64_MAX && step % unit == 0) {
        btr_buffer_varint(raw, step / unit * 2 - 1);
    } else {
        btr_buffer_varint(raw, 2);
        btr_buffer_varint(raw, store_zigzag((uint64_t)last_ns - (uint64_t)before_ns));
    }
}

static void moments_put(struct store_sealer *s, const struct seal_moment *m, uint32_t count)
{
    int64_t before = 0;
    btr_buffer_varint(&s->packer.raw, s->time_unit);
    for (uint32_t i = 0; i < count; i++) {
        time_put(&s->packer.raw, m[i].last_ns, before, s->time_unit);
        before = m[i].last_ns;
    }
}

static void locators_put(struct store_sealer *s, const struct seal_moment *m, uint32_t count)
{
    struct btr_buffer *raw = &s->packer.raw;
    uint64_t record = 0, line = 0;
    for (uint32_t i = 0; i < count; i++)
        btr_buffer_varint(raw,
                          store_zigzag((uint64_t)m[i].time_ns -
                                       (uint64_t)store_time_expect(m[i].last_ns, s->time_unit)));
    for (uint32_t i = 0; i < count; i++) {
        btr_buffer_varint(raw, store_zigzag(m[i].record_id - record));
        record = m[i].record_id;
    }
    for (uint32_t i = 0; i < count; i++) {
        btr_buffer_varint(raw, store_zigzag(m[i].line - line));
        line = m[i].line;
    }
}

static int section_put(struct store_sealer *s, enum store_section_type type,
                       void (*put)(struct store_sealer *, const struct seal_moment *, uint32_t),
                       struct btr_err *err)
{
    int rc = 0;
    store_section_begin_final(&s->packer, type);
    for (uint32_t at = 0, count; rc == 0 && at < s->moment_count; at += count) {
        count = s->moment_count - at;
        count = count < STORE_MOMENT_ROWS ? count : STORE_MOMENT_ROWS;
        put(s, s->moments + at, count);
        rc = store_section_block(&s->packer, count, err);
    }
    store_section_end(&s->packer);
    return rc;
}

int store_seal_times(struct store_sealer *s, struct btr_err *err)
{
    int rc = section_put(s, STORE_MOMENTS, moments_put, err);
    return rc < 0 ? rc : section_put(s, STORE_LOCATORS, locators_put, err);
}
