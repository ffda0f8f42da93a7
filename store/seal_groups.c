/* Within a block, the events of a subject that are alike stand together: a group has one object,
 * operation, doubt, flags, stream and shape. */
#include "seal.h"

enum { SLOTS = 1 << 14 }; /* of a table of groups; twice the events of a block */

/** The groups of a part of a run, found by what they have in common. */
struct group_table {
    uint32_t stamp;
    uint32_t stamps[SLOTS], groups[SLOTS]; /* a slot is in use when its stamp is that of the part */
    uint32_t first[STORE_BLOCK_EVENTS];    /* group -> an event of it */
    uint32_t at[STORE_BLOCK_EVENTS];       /* group -> where its next event stands */
};

static bool is_same(const struct builder_event *a, const struct builder_event *b)
{
    return a->subject == b->subject && a->object == b->object && a->operation == b->operation &&
           a->doubt == b->doubt && a->flags == b->flags && a->stream == b->stream &&
           store_event_shape(a) == store_event_shape(b);
}

static uint32_t slot_of(const struct builder_event *e)
{
    uint64_t h = (uint64_t)e->object << 32 | (uint64_t)e->operation << 24 |
                 (uint64_t)e->doubt << 16 | (uint64_t)e->flags << 8 | (e->stream & 0xff);
    h = (h ^ store_event_shape(e)) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 50); /* 14 bits */
}

/* Finds or adds the group of an event. */
static uint32_t group_of(struct group_table *t, const struct builder_event *events, uint32_t event,
                         uint32_t *group_count)
{
    uint32_t slot = slot_of(&events[event]);
    while (t->stamps[slot] == t->stamp) {
        uint32_t group = t->groups[slot];
        if (is_same(&events[t->first[group]], &events[event]))
            return group;
        slot = (slot + 1) % SLOTS;
    }
    t->stamps[slot] = t->stamp;
    t->groups[slot] = *group_count;
    t->first[*group_count] = event;
    t->at[*group_count] = 0;
    return (*group_count)++;
}

static bool moment_before(const void *self, uint32_t a, uint32_t b)
{
    const struct store_sealer *s = self;
    if (s->moment_of[a] != s->moment_of[b])
        return s->moment_of[a] < s->moment_of[b];
    return s->end_of[a] < s->end_of[b];
}

/* Events order[begin..end) of one subject and block: groups in the order of their first events,
 * within one by moment. */
static void part_group(struct store_sealer *s, struct group_table *t, uint32_t begin, uint32_t end)
{
    const struct builder_event *events = s->builder->events;
    uint32_t group_count = 0, place = begin;
    uint32_t *groups = s->scratch, *moved = s->scratch_more;
    t->stamp++;
    for (uint32_t i = begin; i < end; i++) {
        groups[i - begin] = group_of(t, events, s->order[i], &group_count);
        t->at[groups[i - begin]]++;
    }
    for (uint32_t g = 0; g < group_count; g++) {
        uint32_t count = t->at[g];
        t->at[g] = place;
        s->group_begin[s->group_count++] = place;
        place += count;
    }
    for (uint32_t i = begin; i < end; i++)
        moved[t->at[groups[i - begin]]++ - begin] = s->order[i];
    memcpy(s->order + begin, moved, (end - begin) * sizeof(*moved));
    for (uint32_t g = 0; g < group_count; g++) {
        uint32_t first = g == 0 ? begin : t->at[g - 1];
        store_sort(s->order + first, t->at[g] - first, s->scratch_more, moment_before, s);
    }
}

int store_seal_groups(struct store_sealer *s, struct btr_err *err)
{
    const struct store_builder *b = s->builder;
    struct group_table *t = calloc(1, sizeof(*t));
    if (!t)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    s->group_count = 0;
    for (uint32_t at = 0, end; at < b->event_count; at = end) {
        uint32_t subject = b->events[s->order[at]].subject;
        uint32_t block_end = (at / STORE_BLOCK_EVENTS + 1) * STORE_BLOCK_EVENTS;
        for (end = at + 1; end < b->event_count && end < block_end; end++)
            if (b->events[s->order[end]].subject != subject)
                break;
        part_group(s, t, at, end);
    }
    s->group_begin[s->group_count] = b->event_count;
    free(t);
    return 0;
}
