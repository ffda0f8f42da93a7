#include "split.h"

#include <btr/list.h>
#include <stdlib.h>

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
}

int64_t store_day_number(int64_t time_ns)
{
    int64_t day = time_ns / STORE_DAY_NS;
    return time_ns % STORE_DAY_NS < 0 ? day - 1 : day;
}

void store_split_fini(struct store_split *s)
{
    free(s->part_of);
    free(s->stream_parts);
    free(s->count_part);
    free(s->mentioned);
    free(s->entity_of);
    free(s->stream_of);
    *s = (struct store_split){0};
}

/* ---- Days ----------------------------------------------------------------------------------- */

/** The days of a builder's events, in the order of their first mention. */
struct days {
    struct split_part *items;
    uint32_t count, capacity;
    struct btr_u64map by_day;
};

static bool day_count(struct days *days, int64_t last_ns)
{
    int64_t day = store_day_number(last_ns);
    uint32_t at = btr_u64map_get(&days->by_day, (uint64_t)day);
    if (at >= days->count) { /* not there */
        if (!btr_list_room(&days->items, days->count, &days->capacity, 16, sizeof *days->items))
            return false;
        at = days->count++;
        days->items[at] = (struct split_part){.day = day, .last_ns = last_ns};
        if (!btr_u64map_set(&days->by_day, (uint64_t)day, at))
            return false;
    }
    struct split_part *item = &days->items[at];
    item->event_count++;
    item->last_ns = last_ns > item->last_ns ? last_ns : item->last_ns;
    return true;
}

/* Those with the most events first, of these the later: who invents days keeps no other out. */
static int days_by_weight(const void *x, const void *y)
{
    const struct split_part *a = x, *b = y;
    if (a->event_count != b->event_count)
        return a->event_count > b->event_count ? -1 : 1;
    return (a->day < b->day) - (a->day > b->day);
}

static int days_by_time(const void *x, const void *y)
{
    const struct split_part *a = x, *b = y;
    return (a->day > b->day) - (a->day < b->day);
}

/* @return false when out of memory */
static bool parts_choose(struct store_split *s, struct days *days)
{
    uint32_t own = days->count;
    if (own > STORE_DAY_PARTS_MAX) {
        own = STORE_DAY_PARTS_MAX - 1;
        qsort(days->items, days->count, sizeof(*days->items), days_by_weight);
        struct split_part rest = {.last_ns = INT64_MIN, .is_rest = true};
        for (uint32_t i = own; i < days->count; i++) {
            rest.event_count += days->items[i].event_count;
            if (days->items[i].last_ns > rest.last_ns)
                rest.last_ns = days->items[i].last_ns;
        }
        s->parts[own] = rest;
    }
    if (own > 1)
        qsort(days->items, own, sizeof(*days->items), days_by_time);
    memcpy(s->parts, days->items, own * sizeof(*s->parts));
    s->part_count = own + (own < days->count);
    for (uint32_t i = 0; i < s->part_count; i++)
        s->home = s->parts[i].last_ns > s->parts[s->home].last_ns ? i : s->home;
    btr_u64map_clear(&days->by_day);
    bool ok = true;
    for (uint32_t i = 0; ok && i < own; i++)
        ok = btr_u64map_set(&days->by_day, (uint64_t)s->parts[i].day, i);
    return ok;
}

/* ---- What goes where ------------------------------------------------------------------------ */

static bool arrays_make(struct store_split *s, const struct store_builder *b)
{
    s->part_of = calloc((size_t)b->event_count + 1, 1);
    s->stream_parts = calloc((size_t)b->stream_count * s->part_count + 1, 1);
    s->count_part = malloc((size_t)b->input_count + 1);
    s->mentioned = calloc((size_t)b->entity_count + 1, sizeof(*s->mentioned));
    s->entity_of = malloc(((size_t)b->entity_count + 1) * sizeof(*s->entity_of));
    s->stream_of = malloc(((size_t)b->stream_count + 1) * sizeof(*s->stream_of));
    return s->part_of && s->stream_parts && s->count_part && s->mentioned && s->entity_of &&
           s->stream_of;
}

/* A gap goes with the day on which it ends, or the next that has events. */
static uint32_t part_of_gap(const struct store_split *s, const struct btr_gap *gap)
{
    int64_t day = store_day_number(gap->until_ns);
    for (uint32_t i = 0; i < s->part_count; i++)
        if (!s->parts[i].is_rest && s->parts[i].day >= day)
            return i;
    return s->home;
}

static void streams_place(struct store_split *s, const struct store_builder *b)
{
    for (uint32_t i = 0; i < b->event_count; i++)
        s->stream_parts[(size_t)b->events[i].stream * s->part_count + s->part_of[i]] = 1;
    for (uint32_t i = 0; i < b->gap_count; i++)
        s->stream_parts[(size_t)b->gaps[i].gap.stream * s->part_count +
                        part_of_gap(s, &b->gaps[i].gap)] = 1;
    for (uint32_t i = 0; i < b->quarantined_count; i++)
        s->stream_parts[(size_t)b->quarantined[i].record.stream * s->part_count + s->home] = 1;
    for (uint32_t i = 0; i < b->stream_count; i++) {
        uint8_t *in = &s->stream_parts[(size_t)i * s->part_count];
        if (!memchr(in, 1, s->part_count))
            in[s->home] = 1;
    }
}

static void inputs_place(struct store_split *s, const struct store_builder *b)
{
    memset(s->count_part, UINT8_MAX, b->input_count);
    for (uint32_t i = 0; i < b->stream_count; i++) {
        uint8_t *best = &s->count_part[b->streams[i].input];
        for (uint32_t p = 0; p < s->part_count; p++)
            if (s->stream_parts[(size_t)i * s->part_count + p] &&
                (*best == UINT8_MAX || s->parts[p].last_ns > s->parts[*best].last_ns))
                *best = (uint8_t)p;
    }
    for (uint32_t i = 0; i < b->input_count; i++)
        if (s->count_part[i] == UINT8_MAX)
            s->count_part[i] = (uint8_t)s->home;
}

static void events_place(struct store_split *s, const struct store_builder *b,
                         const struct days *days)
{
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct builder_event *e = &b->events[i];
        uint64_t day = (uint64_t)store_day_number(e->last_ns);
        uint32_t part = btr_u64map_get(&days->by_day, day);
        s->part_of[i] = (uint8_t)(part == UINT32_MAX ? s->part_count - 1 : part);
        s->mentioned[e->subject] = s->mentioned[e->object] = true;
    }
}

/* Most builders hold one day; that costs a look at each event and nothing else. */
static bool has_one_day(const struct store_builder *b)
{
    int64_t least = INT64_MAX, greatest = INT64_MIN;
    for (uint32_t i = 0; i < b->event_count; i++) {
        int64_t last_ns = b->events[i].last_ns;
        least = last_ns < least ? last_ns : least;
        greatest = last_ns > greatest ? last_ns : greatest;
    }
    return b->event_count == 0 || store_day_number(least) == store_day_number(greatest);
}

int store_split_plan(struct store_split *s, const struct store_builder *b, struct btr_err *err)
{
    struct days days = {0};
    bool ok = true;
    *s = (struct store_split){0};
    if (has_one_day(b))
        return 0;
    for (uint32_t i = 0; ok && i < b->event_count; i++)
        ok = day_count(&days, b->events[i].last_ns);
    ok = ok && parts_choose(s, &days) && arrays_make(s, b);
    if (ok) {
        events_place(s, b, &days);
        streams_place(s, b);
        inputs_place(s, b);
    }
    free(days.items);
    btr_u64map_fini(&days.by_day);
    return ok ? 0 : out_of_memory(err);
}

/* ---- A part --------------------------------------------------------------------------------- */

/** A part on its way into a builder of its own. */
struct filling {
    const struct store_split *split;
    const struct store_builder *from;
    const struct seal_input *inputs;
    struct store_builder *to;
    struct seal_input *to_inputs;
    uint32_t part;
};

static bool stream_fill(struct filling *f, uint32_t i)
{
    const struct builder_stream *stream = &f->from->streams[i];
    const struct builder_input *input = &f->from->inputs[stream->input];
    struct btr_stream names = {store_strings_at(&f->from->strings, stream->host),
                               store_strings_at(&f->from->strings, stream->source)};
    uint32_t to_input = store_builder_input(f->to, input->id);
    if (to_input == UINT32_MAX)
        return false;
    f->to_inputs[to_input] = f->inputs[stream->input];
    f->split->stream_of[i] = store_builder_stream(f->to, &names, to_input);
    return f->split->stream_of[i] != UINT32_MAX;
}

/* The streams that the part has something of, their inputs, and those whose records it counts. */
static bool streams_fill(struct filling *f)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < f->from->stream_count; i++)
        if (f->split->stream_parts[(size_t)i * f->split->part_count + f->part])
            ok = stream_fill(f, i);
    for (uint32_t i = 0; ok && i < f->from->input_count; i++) {
        if (f->split->count_part[i] != f->part)
            continue;
        uint32_t input = store_builder_input(f->to, f->from->inputs[i].id);
        if (input == UINT32_MAX)
            return false;
        f->to_inputs[input] = f->inputs[i];
        f->to->inputs[input].record_count = f->from->inputs[i].record_count;
    }
    return ok;
}

static uint32_t entity_fill(struct filling *f, uint32_t i)
{
    uint32_t *at = &f->split->entity_of[i];
    if (*at != UINT32_MAX)
        return *at;
    const struct builder_entity *entity = &f->from->entities[i];
    *at = store_builder_entity(f->to, entity->id);
    if (*at == UINT32_MAX)
        return *at;
    f->to->entities[*at].kind = entity->kind;
    f->to->entities[*at].flags = entity->flags;
    if (entity->host > 0) {
        uint32_t host = store_strings_add(&f->to->strings,
                                          store_strings_at(&f->from->strings, entity->host - 1));
        if (host == UINT32_MAX)
            return UINT32_MAX;
        f->to->entities[*at].host = host + 1;
    }
    return *at;
}

/* What an event stands for; it is the next of the part. */
static bool stand_fill(struct filling *f, uint32_t i)
{
    const struct builder_stand *s =
        f->from->stand_count > 0 ? store_builder_stand_of(f->from, i) : NULL;
    if (!s)
        return true;
    struct builder_stand stand = *s;
    stand.event = f->to->event_count;
    return store_builder_stand(f->to, &stand);
}

static bool events_fill(struct filling *f)
{
    if (!store_builder_reserve(f->to, f->split->parts[f->part].event_count))
        return false;
    for (uint32_t i = 0; i < f->from->event_count; i++) {
        if (f->split->part_of[i] != f->part)
            continue;
        struct builder_event e = f->from->events[i];
        e.subject = entity_fill(f, e.subject);
        e.object = entity_fill(f, e.object);
        e.stream = f->split->stream_of[e.stream];
        if (e.subject == UINT32_MAX || e.object == UINT32_MAX || !stand_fill(f, i))
            return false;
        f->to->events[f->to->event_count++] = e;
    }
    return true;
}

/* What no event mentions stands at home; then all that is told of those that are here. */
static bool entities_fill(struct filling *f)
{
    for (uint32_t i = 0; f->part == f->split->home && i < f->from->entity_count; i++)
        if (!f->split->mentioned[i] && entity_fill(f, i) == UINT32_MAX)
            return false;
    for (uint32_t i = 0; i < f->from->attr_count; i++) {
        struct builder_attr attr = f->from->attrs[i];
        attr.entity = f->split->entity_of[attr.entity];
        if (attr.entity == UINT32_MAX)
            continue;
        attr.value =
            store_strings_add(&f->to->strings, store_strings_at(&f->from->strings, attr.value));
        if (attr.value == UINT32_MAX || !store_builder_attr(f->to, &attr))
            return false;
    }
    return true;
}

static struct btr_span text_of(const struct store_builder *b, size_t at, size_t size)
{
    return (struct btr_span){size > 0 ? b->text.at + at : NULL, size};
}

/* Proofs are of all that the builder came of: each part carries them. */
static bool rows_fill(struct filling *f)
{
    const struct store_builder *b = f->from;
    bool ok = true;
    for (uint32_t i = 0; ok && i < b->proof_count; i++)
        ok = store_builder_proof(f->to, &b->proofs[i]);
    for (uint32_t i = 0; ok && i < b->gap_count; i++) {
        struct btr_gap gap = b->gaps[i].gap;
        if (part_of_gap(f->split, &gap) != f->part)
            continue;
        gap.stream = f->split->stream_of[gap.stream];
        gap.why = text_of(b, b->gaps[i].why_at, b->gaps[i].why_size);
        ok = store_builder_gap(f->to, &gap);
    }
    for (uint32_t i = 0; ok && f->part == f->split->home && i < b->quarantined_count; i++) {
        const struct builder_quarantined *q = &b->quarantined[i];
        struct btr_quarantined record = q->record;
        record.stream = f->split->stream_of[record.stream];
        record.reason = text_of(b, q->reason_at, q->reason_size);
        record.record = text_of(b, q->record_at, q->record_size);
        ok = store_builder_quarantined(f->to, &record);
    }
    return ok;
}

int store_split_fill(const struct store_split *s, const struct store_builder *b, uint32_t part,
                     const struct seal_input *inputs, struct store_builder *to,
                     struct seal_input *to_inputs, struct btr_err *err)
{
    struct filling f = {s, b, inputs, to, to_inputs, part};
    memset(s->entity_of, 0xff, b->entity_count * sizeof(*s->entity_of));
    memset(s->stream_of, 0xff, b->stream_count * sizeof(*s->stream_of));
    return streams_fill(&f) && events_fill(&f) && entities_fill(&f) && rows_fill(&f)
               ? 0
               : out_of_memory(err);
}
