#include "once.h"

/* ---- Windows -------------------------------------------------------------------------------- */

static int part_compare(const void *x, const void *y)
{
    const struct once_part *a = x, *b = y;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return (a->first_ns > b->first_ns) - (a->first_ns < b->first_ns);
}

/* Two parts of a source that have a moment in common widen its window by what they share. */
static bool window_widen(struct once_window *w, const struct once_part *part, int64_t told_until_ns)
{
    if (part->first_ns > told_until_ns)
        return false;
    int64_t last_ns = part->last_ns < told_until_ns ? part->last_ns : told_until_ns;
    w->first_ns = part->first_ns < w->first_ns ? part->first_ns : w->first_ns;
    w->last_ns = last_ns > w->last_ns ? last_ns : w->last_ns;
    return true;
}

bool store_once_windows(struct once_part *parts, uint32_t count, struct once_window *windows,
                        uint32_t source_count)
{
    bool any = false;
    int64_t told_until_ns = INT64_MIN;
    for (uint32_t i = 0; i < source_count; i++)
        windows[i] = (struct once_window){INT64_MAX, INT64_MIN};
    if (count > 1)
        qsort(parts, count, sizeof(*parts), part_compare);
    for (uint32_t i = 0; i < count; i++) {
        bool first = i == 0 || parts[i].source != parts[i - 1].source;
        if (!first && window_widen(&windows[parts[i].source], &parts[i], told_until_ns))
            any = true;
        if (first || parts[i].last_ns > told_until_ns)
            told_until_ns = parts[i].last_ns;
    }
    return any;
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
        c = x->flags - y->flags;
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
