#include "once.h"

#include <btr/list.h>

/* ---- Windows -------------------------------------------------------------------------------- */

static int part_compare(const void *x, const void *y)
{
    const struct once_part *a = x, *b = y;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return (a->reach.first_ns > b->reach.first_ns) - (a->reach.first_ns < b->reach.first_ns);
}

/* Whether two parts of a source, the first of which does not begin later, may tell one event. */
static bool parts_share(const struct once_part *a, const struct once_part *b)
{
    if (b->reach.first_ns > a->reach.last_ns)
        return false;
    return a->input != b->input || (a->reach.least_line <= b->reach.greatest_line &&
                                    b->reach.least_line <= a->reach.greatest_line);
}

/* Adds a window, or widens the last one, which does not begin later. */
static bool window_add(struct once_windows *w, struct once_window window)
{
    struct once_window *last = w->count > 0 ? &w->items[w->count - 1] : NULL;
    if (last && last->source == window.source && window.first_ns <= last->last_ns) {
        last->last_ns = window.last_ns > last->last_ns ? window.last_ns : last->last_ns;
        return true;
    }
    if (!btr_list_room(&w->items, w->count, &w->capacity, 16, sizeof *w->items))
        return false;
    w->items[w->count++] = window;
    return true;
}

/* What a part shares with those before it that reach into it. @return false when out of memory */
static bool part_windows(struct once_windows *w, const struct once_part *parts,
                         const uint32_t *reaching, uint32_t count, const struct once_part *part)
{
    struct once_window window = {part->source, part->reach.first_ns, INT64_MIN};
    bool shares = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct once_part *before = &parts[reaching[i]];
        if (!parts_share(before, part))
            continue;
        int64_t last_ns = before->reach.last_ns < part->reach.last_ns ? before->reach.last_ns
                                                                      : part->reach.last_ns;
        window.last_ns = last_ns > window.last_ns ? last_ns : window.last_ns;
        shares = true;
    }
    return !shares || window_add(w, window);
}

bool store_once_windows(struct once_windows *windows, struct once_part *parts, uint32_t count)
{
    uint32_t *reaching = malloc(((size_t)count + 1) * sizeof(*reaching)), reaching_count = 0;
    bool ok = reaching != NULL;
    windows->count = 0;
    if (count > 1)
        qsort(parts, count, sizeof(*parts), part_compare);
    for (uint32_t i = 0; ok && i < count; i++) {
        uint32_t kept = 0;
        for (uint32_t k = 0; k < reaching_count; k++)
            if (parts[reaching[k]].source == parts[i].source &&
                parts[reaching[k]].reach.last_ns >= parts[i].reach.first_ns)
                reaching[kept++] = reaching[k];
        reaching_count = kept;
        ok = part_windows(windows, parts, reaching, reaching_count, &parts[i]);
        reaching[reaching_count++] = i;
    }
    free(reaching);
    return ok;
}

bool store_once_touches(const struct once_windows *w, uint32_t source, int64_t first_ns,
                        int64_t last_ns)
{
    uint32_t low = 0, high = w->count; /* the first window that ends at first_ns or later */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct once_window *item = &w->items[middle];
        if (item->source < source || (item->source == source && item->last_ns < first_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low < w->count && w->items[low].source == source && w->items[low].first_ns <= last_ns;
}

/* ---- Events --------------------------------------------------------------------------------- */

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* What makes two events one. Without the agent's id, the line of the input has its place. */
static int identity_compare(const struct once_event *a, const struct once_event *b)
{
    const struct btr_event *x = &a->event, *y = &b->event;
    int c = compare_i64(x->last_ns, y->last_ns);
    if (c == 0)
        c = compare_u64(x->record_id, y->record_id);
    if (c == 0)
        c = compare_u64(a->source, b->source);
    if (c == 0)
        c = btr_id_compare(x->subject, y->subject);
    if (c == 0)
        c = btr_id_compare(x->object, y->object);
    if (c == 0)
        c = compare_i64(x->first_ns, y->first_ns);
    if (c == 0)
        c = compare_i64(x->time_ns, y->time_ns);
    if (c == 0)
        c = compare_u64(x->bytes, y->bytes);
    if (c == 0)
        c = x->operation - y->operation;
    if (c == 0)
        c = x->doubt - y->doubt;
    if (c == 0)
        c = compare_u64(btr_event_flags_alike(x->flags), btr_event_flags_alike(y->flags));
    if (c == 0)
        c = compare_u64(a->count, b->count);
    if (c == 0 && x->record_id == 0)
        c = compare_u64(a->input, b->input);
    if (c == 0 && x->record_id == 0)
        c = compare_u64(x->line, y->line);
    return c;
}

static int told_compare(const void *x, const void *y)
{
    const struct once_event *a = x, *b = y;
    int c = identity_compare(a, b);
    if (c == 0)
        c = compare_u64(a->input, b->input);
    if (c == 0)
        c = compare_u64(a->event.line, b->event.line);
    if (c == 0)
        c = compare_u64(a->segment, b->segment);
    return c != 0 ? c : (a->place > b->place) - (a->place < b->place);
}

/* Of one line of an input, the segment that tells most stays. @return how many stay */
static uint32_t line_mark(struct once_event *e, size_t count)
{
    size_t best = 0, best_count = 0;
    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && e[i + n].segment == e[i].segment; n++)
            continue;
        if (n > best_count) {
            best = i;
            best_count = n;
        }
    }
    for (size_t i = 0; i < count; i++)
        e[i].again = i < best || i >= best + best_count;
    return (uint32_t)best_count;
}

static uint32_t input_mark(struct once_event *e, size_t count)
{
    uint32_t kept = 0;
    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && e[i + n].event.line == e[i].event.line; n++)
            continue;
        kept += line_mark(e + i, n);
    }
    return kept;
}

/* Of equal events those of the input stay that tells most of them. */
static void class_mark(struct once_event *e, size_t count)
{
    size_t best = 0, best_size = 0;
    uint32_t best_kept = 0;
    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && e[i + n].input == e[i].input; n++)
            continue;
        uint32_t kept = input_mark(e + i, n);
        if (kept > best_kept) {
            best = i;
            best_size = n;
            best_kept = kept;
        }
    }
    for (size_t i = 0; i < count; i++)
        e[i].again = e[i].again || i < best || i >= best + best_size;
}

void store_once_mark(struct once_event *events, size_t count)
{
    if (count > 1)
        qsort(events, count, sizeof(*events), told_compare);
    for (size_t i = 0, n; i < count; i += n) {
        for (n = 1; i + n < count && identity_compare(&events[i], &events[i + n]) == 0; n++)
            continue;
        class_mark(events + i, n);
    }
}

struct once_event store_gap_event(const struct btr_gap *gap, const struct once_names *names,
                                  uint32_t segment, uint32_t place)
{
    uint8_t numbers[41];
    uint64_t hash = btr_hash64_seeded(names->source, btr_hash64(names->host));
    store_put_u64(numbers, (uint64_t)gap->from_ns);
    store_put_u64(numbers + 8, (uint64_t)gap->until_ns);
    store_put_u64(numbers + 16, gap->from_id);
    store_put_u64(numbers + 24, gap->until_id);
    store_put_u64(numbers + 32, gap->count);
    numbers[40] = gap->kind;
    return (struct once_event){
        .event = {.subject = {btr_hash64((struct btr_span){numbers, sizeof(numbers)}),
                              btr_hash64_seeded(gap->why, hash)},
                  .first_ns = gap->from_ns,
                  .last_ns = gap->until_ns,
                  .record_id = 1, /* a gap need not cite one */
                  .line = gap->line},
        .input = (uint32_t)btr_hash64(names->input),
        .segment = segment,
        .place = place,
        .count = 1};
}

int store_quarantined_again(struct btr_idmap *seen, const struct btr_quarantined *record,
                            const struct once_names *names)
{
    struct btr_buffer told = {0};
    const struct btr_span texts[] = {names->host, names->source, names->input, record->reason,
                                     record->record};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        btr_buffer_varint(&told, texts[i].size);
        btr_buffer_span(&told, texts[i]);
    }
    btr_buffer_u64(&told, record->line);
    btr_buffer_u64(&told, record->offset);
    btr_buffer_u64(&told, record->record_size);
    uint32_t count = seen->count;
    bool ok = !told.failed && btr_idmap_add(seen, btr_id_hash(btr_buffer_view(&told)), 0) == 0;
    btr_buffer_fini(&told);
    return ok ? seen->count == count : BTR_E_NOMEM;
}
