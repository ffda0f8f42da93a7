#include "thin_set.h"

#include <assert.h>
#include <stdlib.h>

#include "once.h"
#include "reach.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while thinning");
}

/** What is gathered for a set. */
struct gather {
    struct thin_set *t;
    const struct catalog_segment *row; /* of the segment */
    int64_t since_ns, until_ns;        /* around it, as far as the rule looks */
    struct btr_thin_event *events;
    struct once_part *parts; /* of the sources */
    uint64_t *source_names;  /* hashes of host and source; a source's number is its place */
    uint32_t event_capacity, part_count, part_capacity, source_count, source_capacity;
    uint32_t id_capacity;
    uint32_t *number_of; /* of the segment at hand -> of the set, or UINT32_MAX */
};

/* Makes room for one more. */
static bool room(void *items, uint32_t count, uint32_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return true;
    uint32_t wanted = *capacity < 512 ? 1024 : *capacity * 2;
    void *old, *grown;
    memcpy(&old, items, sizeof(old));
    grown = wanted > *capacity ? realloc(old, (size_t)wanted * item_size) : NULL;
    if (!grown)
        return false;
    memcpy(items, &grown, sizeof(grown));
    *capacity = wanted;
    return true;
}

/* ---- Sources -------------------------------------------------------------------------------- */

/* @return its number, UINT32_MAX when out of memory */
static uint32_t source_of(struct gather *g, struct btr_span host, struct btr_span source)
{
    uint64_t name = btr_hash64_seeded(source, btr_hash64(host));
    for (uint32_t i = 0; i < g->source_count; i++)
        if (g->source_names[i] == name)
            return i;
    if (!room(&g->source_names, g->source_count, &g->source_capacity, sizeof(*g->source_names)))
        return UINT32_MAX;
    g->source_names[g->source_count] = name;
    return g->source_count++;
}

static int stream_parts(struct gather *g, const struct store_segment *seg, uint32_t stream,
                        const struct store_reaches *told, struct btr_err *err)
{
    const struct segment_stream *s = &seg->streams[stream];
    const struct segment_input *input = &seg->inputs[s->input];
    uint32_t source = source_of(g, s->host, s->source);
    if (source == UINT32_MAX)
        return out_of_memory(err);
    for (uint32_t i = told->begins[stream]; i < told->begins[stream + 1]; i++) {
        if (!room(&g->parts, g->part_count, &g->part_capacity, sizeof(*g->parts)))
            return out_of_memory(err);
        g->parts[g->part_count++] = (struct once_part){
            told->items[i], btr_hash64_seeded(input->name, input->head_hash), source};
    }
    return 0;
}

/* What each stream of a segment reaches: where others reach, too, it may be told twice. */
static int parts_gather(struct gather *g, struct store_segment *seg, struct btr_err *err)
{
    uint32_t count = seg->header.stream_count;
    struct store_reaches told = {0};
    int rc = store_segment_names(seg, err);
    if (rc < 0)
        return rc;
    rc = store_stretches_read(seg, &told, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = stream_parts(g, seg, i, &told, err);
    store_reaches_fini(&told);
    return rc;
}

/* ---- The segment itself --------------------------------------------------------------------- */

static int own_load(struct gather *g, struct btr_err *err)
{
    struct store_segment *seg = calloc(1, sizeof(*seg));
    if (!seg)
        return out_of_memory(err);
    store_builder_clear(&g->t->merger->builder);
    int rc = store_merge_map(g->t->merger, seg, g->row, err);
    if (rc == 0)
        rc = parts_gather(g, seg, err);
    if (rc == 0)
        rc = store_load_segment(&g->t->load, seg, err);
    store_merge_unmap(g->t->merger, seg, 1);
    return rc;
}

static bool id_add(struct gather *g, struct btr_id id)
{
    struct thin_set *t = g->t;
    if (!room(&t->ids, t->set.entity_count, &g->id_capacity, sizeof(*t->ids)))
        return false;
    t->ids[t->set.entity_count++] = id;
    return true;
}

static int own_gather(struct gather *g, struct btr_err *err)
{
    const struct store_builder *b = &g->t->merger->builder;
    uint32_t *source_by_stream = calloc((size_t)b->stream_count + 1, sizeof(*source_by_stream));
    int rc = source_by_stream ? 0 : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < b->stream_count; i++)
        source_by_stream[i] = source_of(g, store_strings_at(&b->strings, b->streams[i].host),
                                        store_strings_at(&b->strings, b->streams[i].source));
    for (uint32_t i = 0; rc == 0 && i < b->entity_count; i++)
        if (!id_add(g, b->entities[i].id))
            rc = out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < b->event_count; i++) {
        const struct builder_event *e = &b->events[i];
        if (!room(&g->events, g->t->set.event_count, &g->event_capacity, sizeof(*g->events))) {
            rc = out_of_memory(err);
            break;
        }
        g->events[g->t->set.event_count++] =
            (struct btr_thin_event){.first_ns = e->first_ns,
                                    .last_ns = e->last_ns,
                                    .bytes = e->bytes,
                                    .subject = e->subject,
                                    .object = e->object,
                                    .source = source_by_stream[e->stream],
                                    .stream = e->stream,
                                    .operation = e->operation,
                                    .doubt = e->doubt,
                                    .flags = e->flags,
                                    .fixed = (e->flags & BTR_EVENT_THINNED) != 0};
    }
    g->t->set.own_count = g->t->set.event_count;
    free(source_by_stream);
    return rc;
}

/* ---- What else is told ---------------------------------------------------------------------- */

/* Numbers the entities that the set knows. @return how many, or a failure */
static int shared_find(struct gather *g, struct store_segment *seg, struct btr_err *err)
{
    const struct store_builder *b = &g->t->merger->builder;
    int shared = 0, rc = store_segment_ids_by_number(seg, err);
    free(g->number_of);
    g->number_of = malloc(((size_t)seg->header.entity_count + 1) * sizeof(*g->number_of));
    if (rc == 0 && !g->number_of)
        rc = out_of_memory(err);
    for (uint32_t n = 0; rc == 0 && g->number_of && n < seg->header.entity_count; n++) {
        struct btr_id id;
        uint8_t kind;
        rc = store_segment_who(seg, n, &id, &kind, err);
        g->number_of[n] = rc == 0 ? btr_idmap_get(&b->by_id, id) : UINT32_MAX;
        shared |= g->number_of[n] != UINT32_MAX;
    }
    return rc < 0 ? rc : shared;
}

/* The number of an end; one that the set does not know becomes a new one, of which nothing is known
 * but this. */
static int number_take(struct gather *g, struct store_segment *seg, uint32_t n, uint32_t *out,
                       struct btr_err *err)
{
    if (g->number_of[n] == UINT32_MAX) {
        struct btr_id id;
        uint8_t kind;
        int rc = store_segment_who(seg, n, &id, &kind, err);
        if (rc < 0)
            return rc;
        g->number_of[n] = g->t->set.entity_count;
        if (!id_add(g, id))
            return out_of_memory(err);
    }
    *out = g->number_of[n];
    return 0;
}

static int group_gather(struct gather *g, struct store_segment *seg, const struct segment_block *b,
                        const struct segment_group *group, struct btr_err *err)
{
    const struct segment_stream *stream = &seg->streams[group->stream];
    uint32_t source = source_of(g, stream->host, stream->source);
    for (uint32_t i = group->begin; i < group[1].begin; i++) {
        struct btr_thin_event e = {.first_ns = b->first_ns[i],
                                   .last_ns = b->last_ns[i],
                                   .bytes = BTR_BYTES_UNKNOWN,
                                   .source = source,
                                   .stream = UINT32_MAX,
                                   .operation = group->operation,
                                   .doubt = group->doubt,
                                   .flags = group->flags,
                                   .fixed = true};
        if (e.first_ns > g->until_ns || e.last_ns < g->since_ns)
            continue;
        int rc = number_take(g, seg, group->subject, &e.subject, err);
        if (rc == 0)
            rc = number_take(g, seg, group->object, &e.object, err);
        if (rc == 0 &&
            !room(&g->events, g->t->set.event_count, &g->event_capacity, sizeof(*g->events)))
            rc = out_of_memory(err);
        if (rc < 0)
            return rc;
        g->events[g->t->set.event_count++] = e;
    }
    return 0;
}

/* Whether one end of a group is an entity of the segment that is thinned: those that were numbered
 * on the way are not. */
static bool is_around(const struct gather *g, const struct segment_group *group)
{
    uint32_t own = g->t->merger->builder.entity_count;
    assert(g->number_of); /* shared_find made it */
    return g->number_of[group->subject] < own || g->number_of[group->object] < own;
}

static int blocks_gather(struct gather *g, struct store_segment *seg, struct btr_err *err)
{
    int rc = store_segment_bounds(seg, err);
    for (uint32_t i = 0; rc == 0 && i < store_segment_block_count(seg); i++) {
        struct cache_slot *slot = NULL;
        if (seg->bounds[i].first_ns > g->until_ns || seg->bounds[i].last_ns < g->since_ns)
            continue;
        rc = store_segment_events(seg, i, &slot, err);
        if (rc < 0)
            break;
        const struct segment_block *b = slot->data;
        for (uint32_t k = 0; rc == 0 && k < b->group_count; k++)
            if (is_around(g, &b->groups[k]))
                rc = group_gather(g, seg, b, &b->groups[k], err);
        store_cache_unpin(slot);
    }
    return rc;
}

static int other_gather(struct gather *g, const struct catalog_segment *row, struct btr_err *err)
{
    struct store_segment *seg = calloc(1, sizeof(*seg));
    if (!seg)
        return out_of_memory(err);
    int rc = store_merge_map(g->t->merger, seg, row, err);
    if (rc == 0)
        rc = parts_gather(g, seg, err);
    if (rc == 0)
        rc = shared_find(g, seg, err);
    if (rc > 0)
        rc = blocks_gather(g, seg, err);
    store_merge_unmap(g->t->merger, seg, 1);
    return rc;
}

static int others_gather(struct gather *g, uint32_t *damaged, struct btr_err *err)
{
    const struct store_merger *m = g->t->merger;
    for (uint32_t i = 0; i < m->row_count; i++) {
        const struct store_sealed *s = &m->rows[i].sealed;
        if (&m->rows[i] == g->row || s->event_count == 0 || s->first_ns > g->until_ns ||
            s->last_ns < g->since_ns)
            continue;
        int rc = other_gather(g, &m->rows[i], err);
        if (rc < 0) {
            *damaged = i;
            return rc;
        }
    }
    return 0;
}

/* ---- What must stay, and who may be half of something ---------------------------------------- */

/* What may be told twice stays as it is, so that it can be known as the same. */
static int twice_fix(struct gather *g, struct btr_err *err)
{
    struct once_windows windows = {0};
    if (!store_once_windows(&windows, g->parts, g->part_count))
        return out_of_memory(err);
    for (uint32_t i = 0; windows.count > 0 && g->events && i < g->t->set.own_count; i++)
        g->events[i].fixed = g->events[i].fixed ||
                             store_once_in(&windows, g->events[i].source, g->events[i].last_ns);
    free(windows.items);
    return 0;
}

static int halves_mark(struct gather *g, struct btr_err *err)
{
    const struct store_builder *b = &g->t->merger->builder;
    struct btr_thin_set *set = &g->t->set;
    bool *half = malloc((size_t)set->entity_count + 1);
    if (!half)
        return out_of_memory(err);
    for (uint32_t i = 0; i < set->entity_count; i++)
        half[i] = i >= b->entity_count || b->entities[i].kind == BTR_KIND_NONE ||
                  (b->entities[i].flags & BTR_ENTITY_HALF) != 0;
    for (uint32_t i = 0; g->events && i < set->event_count; i++)
        if (btr_operation_direction(g->events[i].operation) == BTR_FLOW_MEET)
            half[g->events[i].subject] = true;
    g->t->half = half;
    set->half = half;
    return 0;
}

/* ---- The whole ------------------------------------------------------------------------------ */

static int64_t reach_back(int64_t t_ns, int64_t reach_ns)
{
    return t_ns < INT64_MIN + reach_ns ? INT64_MIN : t_ns - reach_ns;
}

static int64_t reach_on(int64_t t_ns, int64_t reach_ns)
{
    return t_ns > INT64_MAX - reach_ns ? INT64_MAX : t_ns + reach_ns;
}

static int rule_ask(struct thin_set *t, const struct btr_thin_rule *rule, struct btr_err *err)
{
    uint32_t count = t->set.own_count, *led = calloc((size_t)count + 1, sizeof(*led));
    t->leader = malloc(((size_t)count + 1) * sizeof(*t->leader));
    int rc = led && t->leader ? rule->choose(&t->set, t->leader, err) : out_of_memory(err);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        led[t->leader[i]]++;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        if (led[t->leader[i]] < rule->least)
            t->leader[i] = i;
        t->gone += t->leader[i] != i;
    }
    free(led);
    return rc;
}

int thin_set_make(struct thin_set *t, struct store_merger *merger, uint32_t row,
                  const struct btr_thin_rule *rule, uint32_t *damaged, struct btr_err *err)
{
    const struct catalog_segment *own = &merger->rows[row];
    struct gather g = {.t = t,
                       .row = own,
                       .since_ns = reach_back(own->sealed.first_ns, rule->reach_ns),
                       .until_ns = reach_on(own->sealed.last_ns, rule->reach_ns)};
    *t = (struct thin_set){.merger = merger, .load = {.builder = &merger->builder}};
    *damaged = row;
    int rc = own_load(&g, err);
    if (rc == 0)
        rc = own_gather(&g, err);
    if (rc == 0)
        rc = others_gather(&g, damaged, err);
    if (rc == 0)
        rc = twice_fix(&g, err);
    if (rc == 0)
        rc = halves_mark(&g, err);
    t->events = g.events;
    t->set.events = g.events;
    if (rc == 0)
        rc = rule_ask(t, rule, err);
    free(g.parts);
    free(g.source_names);
    free(g.number_of);
    return rc;
}

void thin_set_fini(struct thin_set *t)
{
    free(t->events);
    free(t->half);
    free(t->ids);
    free(t->leader);
    store_load_fini(&t->load);
    *t = (struct thin_set){0};
}
