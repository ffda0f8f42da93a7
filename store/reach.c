#include "reach.h"

#include "read.h"

#include <btr/list.h>

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a store");
}

/* ---- In the making -------------------------------------------------------------------------- */

enum { STRETCHES_OPEN = 4096 }; /* of a stream, until they are joined */

void store_stretches_fini(struct store_stretches *s)
{
    free(s->items);
    *s = (struct store_stretches){0};
}

static uint64_t hole_of(const struct store_stretches *s)
{
    return s->hole > STORE_STRETCH_HOLE ? s->hole : STORE_STRETCH_HOLE;
}

/* Whether a line is within a stretch, or closer to it than a hole. */
static bool stretch_takes(const struct store_stretches *s, uint32_t i, uint64_t line)
{
    const struct store_reach *r = &s->items[i];
    return line < r->least_line ? r->least_line - line < hole_of(s)
                                : line <= r->greatest_line || line - r->greatest_line < hole_of(s);
}

static void stretch_join(struct store_reach *to, const struct store_reach *r)
{
    to->event_count += r->event_count;
    to->first_ns = r->first_ns < to->first_ns ? r->first_ns : to->first_ns;
    to->last_ns = r->last_ns > to->last_ns ? r->last_ns : to->last_ns;
    to->least_line = r->least_line < to->least_line ? r->least_line : to->least_line;
    to->greatest_line = r->greatest_line > to->greatest_line ? r->greatest_line : to->greatest_line;
}

/* Joins those that came closer together than a hole. */
static void stretches_join(struct store_stretches *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 1; i < s->count; i++) {
        if (stretch_takes(s, kept, s->items[i].least_line))
            stretch_join(&s->items[kept], &s->items[i]);
        else
            s->items[++kept] = s->items[i];
    }
    s->count = s->count > 0 ? kept + 1 : 0;
    s->latest = 0;
}

static void hole_grow(struct store_stretches *s)
{
    s->hole = hole_of(s) > UINT64_MAX / 2 ? UINT64_MAX : hole_of(s) * 2;
    stretches_join(s);
}

void store_stretches_settle(struct store_stretches *s)
{
    stretches_join(s);
    while (s->count > STORE_STRETCHES_MOST)
        hole_grow(s);
}

/* The first stretch that takes a line or stands behind it. */
static uint32_t stretch_find(const struct store_stretches *s, uint64_t line)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->items[middle].greatest_line < line && !stretch_takes(s, middle, line))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stretch_insert(struct store_stretches *s, uint32_t at)
{
    if (!btr_list_room(&s->items, s->count, &s->capacity, 4, sizeof *s->items))
        return false;
    memmove(s->items + at + 1, s->items + at, (s->count - at) * sizeof(*s->items));
    s->items[at] = (struct store_reach){0};
    s->count++;
    return true;
}

bool store_stretches_add(struct store_stretches *s, int64_t last_ns, uint64_t line)
{
    uint32_t at = s->latest;
    if (at >= s->count || !stretch_takes(s, at, line)) {
        if (s->count >= STRETCHES_OPEN)
            hole_grow(s);
        at = stretch_find(s, line);
    }
    if ((at == s->count || !stretch_takes(s, at, line)) && !stretch_insert(s, at))
        return false;
    store_reach_widen(&s->items[at], last_ns, line);
    s->latest = at;
    return true;
}

/* ---- Of a segment --------------------------------------------------------------------------- */

void store_reaches_fini(struct store_reaches *r)
{
    free(r->items);
    free(r->begins);
    *r = (struct store_reaches){0};
}

static void reach_read(struct store_read *r, struct store_reach *reach)
{
    reach->event_count = store_read_varint(r);
    reach->first_ns = (int64_t)store_read_u64(r);
    reach->last_ns = (int64_t)store_read_u64(r);
    reach->least_line = store_read_varint(r);
    reach->greatest_line = store_read_varint(r);
}

/* Without the section, or with a damaged one, a part may be anywhere in its segment. */
int store_reaches_read(struct store_segment *seg, struct store_reach *reaches, struct btr_err *err)
{
    struct btr_err ignored;
    uint8_t *raw = NULL;
    size_t size = 0;
    uint32_t count = seg->header.stream_count;
    int rc = store_segment_single(seg, STORE_REACH, count, &raw, &size, &ignored);
    struct store_read r = store_read_of((struct btr_span){raw, size});
    for (uint32_t i = 0; raw && i < count; i++)
        reach_read(&r, &reaches[i]);
    bool told = rc == 0 && raw && store_read_done(&r);
    for (uint32_t i = 0; !told && i < count; i++)
        reaches[i] = (struct store_reach){seg->header.event_count, seg->header.first_ns,
                                          seg->header.last_ns, 0, UINT64_MAX};
    free(raw);
    return rc == BTR_E_NOMEM ? out_of_memory(err) : 0;
}

enum { REACH_SIZE_LEAST = 19 }; /* bytes of one */

/* Takes the stretches of all streams. @return whether they are told, and can be read; else false */
static bool stretches_take(struct store_read r, uint32_t count, struct store_reaches *out)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t stretches = store_read_upto(&r, STORE_STRETCHES_MOST);
        out->begins[i] = at;
        for (uint32_t k = 0; !r.failed && k < stretches; k++) {
            reach_read(&r, &out->items[at]);
            at += !r.failed && out->items[at].event_count > 0;
        }
    }
    out->begins[count] = at;
    return store_read_done(&r);
}

/* All that a stream reaches as its one stretch. */
static int wholes_take(struct store_segment *seg, struct store_reaches *out, struct btr_err *err)
{
    uint32_t count = seg->header.stream_count, at = 0;
    int rc = store_reaches_read(seg, out->items, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        out->begins[i] = at;
        if (out->items[i].event_count > 0)
            out->items[at++] = out->items[i];
    }
    out->begins[count] = at;
    return rc;
}

int store_stretches_read(struct store_segment *seg, struct store_reaches *out, struct btr_err *err)
{
    struct btr_err ignored;
    uint8_t *raw = NULL;
    size_t size = 0;
    uint32_t count = seg->header.stream_count;
    int rc = store_segment_single(seg, STORE_STRETCHES, count, &raw, &size, &ignored);
    bool is_read = rc == 0 && raw;
    size_t most = is_read ? size / REACH_SIZE_LEAST : 0;
    *out = (struct store_reaches){malloc(((most > count ? most : count) + 1) * sizeof(*out->items)),
                                  calloc((size_t)count + 1, sizeof(*out->begins))};
    if (rc == BTR_E_NOMEM || !out->items || !out->begins)
        rc = out_of_memory(err);
    else if (is_read && stretches_take(store_read_of((struct btr_span){raw, size}), count, out))
        rc = 0;
    else
        rc = wholes_take(seg, out, err);
    free(raw);
    return rc;
}
