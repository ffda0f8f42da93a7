#include "seal.h"

/* Merges two sorted runs of `from` into `to`. What is in order already is copied. */
static void merge(uint32_t *to, const uint32_t *from, uint32_t begin, uint32_t middle, uint32_t end,
                  bool (*before)(const void *, uint32_t, uint32_t), const void *self)
{
    uint32_t left = begin, right = middle, at = begin;
    if (right < end)
        for (uint32_t past = middle; left < past;) { /* none of `right` stands before these */
            uint32_t half = left + (past - left) / 2;
            if (before(self, from[right], from[half]))
                past = half;
            else
                left = half + 1;
        }
    else
        left = middle;
    memcpy(to + begin, from + begin, (left - begin) * sizeof(*to));
    for (at = left; left < middle && right < end;)
        to[at++] = before(self, from[right], from[left]) ? from[right++] : from[left++];
    memcpy(to + at, from + left, (middle - left) * sizeof(*to));
    at += middle - left;
    memcpy(to + at, from + right, (end - right) * sizeof(*to));
}

void store_sort(uint32_t *items, uint32_t count, uint32_t *scratch,
                bool (*before)(const void *, uint32_t, uint32_t), const void *self)
{
    uint32_t sorted = 1;
    while (sorted < count && !before(self, items[sorted], items[sorted - 1]))
        sorted++;
    if (sorted >= count)
        return;
    uint32_t *from = items, *to = scratch;
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t begin = 0; begin < count; begin += 2 * width) {
            uint32_t middle = count - begin > width ? begin + width : count;
            uint32_t end = count - begin > 2 * width ? begin + 2 * width : count;
            merge(to, from, begin, middle, end, before, self);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, count * sizeof(*items));
}

static bool event_before(const void *self, uint32_t a, uint32_t b)
{
    const struct store_builder *builder = self;
    return builder->events[a].last_ns < builder->events[b].last_ns;
}

struct first_events {
    const struct store_builder *builder;
    const uint32_t *first; /* entity of the builder -> its first event as subject */
};

/* A host's subjects stand together: its events name the same things, and so does a question. */
static bool subject_before(const void *self, uint32_t a, uint32_t b)
{
    const struct first_events *f = self;
    const struct store_builder *builder = f->builder;
    const struct builder_event *first_a = &builder->events[f->first[a]];
    const struct builder_event *first_b = &builder->events[f->first[b]];
    uint32_t host_a = builder->streams[first_a->stream].host;
    uint32_t host_b = builder->streams[first_b->stream].host;
    if (host_a != host_b)
        return host_a < host_b;
    if (first_a->last_ns != first_b->last_ns)
        return first_a->last_ns < first_b->last_ns;
    return f->first[a] < f->first[b];
}

/* Lists the subjects by host, in the order of their first events, into scratch; counts their
 * events. */
static uint32_t subjects_order(struct store_sealer *s, uint32_t *count_of)
{
    const struct store_builder *b = s->builder;
    uint32_t *first = s->number_of, subject_count = 0; /* free until numbers are given */
    memset(count_of, 0, b->entity_count * sizeof(*count_of));
    for (uint32_t i = 0; i < b->event_count; i++) {
        uint32_t subject = b->events[i].subject;
        if (count_of[subject]++ == 0)
            s->scratch[subject_count++] = subject;
        if (count_of[subject] == 1 || b->events[i].last_ns < b->events[first[subject]].last_ns)
            first[subject] = i;
    }
    struct first_events firsts = {b, first};
    store_sort(s->scratch, subject_count, s->scratch_more, subject_before, &firsts);
    return subject_count;
}

/* Events by subject, then by time: a counting sort, and a sort of each run. */
static void events_order(struct store_sealer *s)
{
    const struct store_builder *b = s->builder;
    uint32_t *count_of = s->run_groups, *at = s->run_first, place = 0; /* by entity at first */
    uint32_t subject_count = subjects_order(s, count_of);
    for (uint32_t i = 0; i < subject_count; i++) {
        at[s->scratch[i]] = place;
        place += count_of[s->scratch[i]];
    }
    for (uint32_t i = 0; i < b->event_count; i++)
        s->order[at[b->events[i].subject]++] = i;
    place = 0;
    for (uint32_t i = 0; i < subject_count; i++) {
        uint32_t count = count_of[s->scratch[i]];
        store_sort(s->order + place, count, s->scratch_more, event_before, b);
        place += count;
    }
}

static void number_give(struct store_sealer *s, uint32_t entity, uint32_t *next)
{
    if (s->number_of[entity] != UINT32_MAX)
        return;
    s->number_of[entity] = *next;
    s->entity_of[(*next)++] = entity;
}

/* Numbers in the order of first appearance; entities without an event come last. */
static void numbers_give(struct store_sealer *s)
{
    const struct store_builder *b = s->builder;
    uint32_t next = 0;
    memset(s->number_of, 0xff, b->entity_count * sizeof(*s->number_of));
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct builder_event *e = &b->events[s->order[i]];
        number_give(s, e->subject, &next);
        number_give(s, e->object, &next);
    }
    for (uint32_t i = 0; i < b->entity_count; i++)
        number_give(s, i, &next);
}

/* An event that is thinned counts as those that it stands for. */
static void time_widen(struct store_sealer *s, uint32_t number, const struct builder_event *e,
                       uint32_t count)
{
    uint32_t before = s->entity_events[number];
    s->entity_events[number] += count < UINT32_MAX - before ? count : UINT32_MAX - before;
    if (before == 0 || e->first_ns < s->entity_first[number])
        s->entity_first[number] = e->first_ns;
    if (before == 0 || e->last_ns > s->entity_last[number])
        s->entity_last[number] = e->last_ns;
}

/* Runs, times and counts of each entity. An event of an entity with itself counts once. */
static void runs_fill(struct store_sealer *s)
{
    const struct store_builder *b = s->builder;
    memset(s->run_groups, 0, b->entity_count * sizeof(*s->run_groups));
    memset(s->run_first, 0, b->entity_count * sizeof(*s->run_first));
    memset(s->entity_first, 0, b->entity_count * sizeof(*s->entity_first));
    memset(s->entity_last, 0, b->entity_count * sizeof(*s->entity_last));
    memset(s->entity_events, 0, b->entity_count * sizeof(*s->entity_events));
    for (uint32_t i = 0; i < b->event_count; i++) {
        const struct builder_event *e = &b->events[s->order[i]];
        uint32_t subject = s->number_of[e->subject], object = s->number_of[e->object];
        uint32_t count = store_builder_count_of(b, s->order[i]);
        time_widen(s, subject, e, count);
        if (object != subject)
            time_widen(s, object, e, count);
    }
    for (uint32_t g = 0; g < s->group_count; g++) {
        uint32_t subject = s->number_of[b->events[s->order[s->group_begin[g]]].subject];
        if (s->run_groups[subject]++ == 0)
            s->run_first[subject] = g;
    }
}

int store_seal_order(struct store_sealer *s, struct btr_err *err)
{
    store_seal_moments(s);
    events_order(s);
    int rc = store_seal_groups(s, err);
    if (rc < 0)
        return rc;
    numbers_give(s);
    runs_fill(s);
    return 0;
}
