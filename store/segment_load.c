#include "segment_load.h"

#include <btr/list.h>

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while merging segments");
}

void store_load_fini(struct store_load *l)
{
    store_strings_fini(&l->names);
    free(l->inputs);
    free(l->parts);
    free(l->segment_ends);
    free(l->entity_of);
    free(l->string_of);
    free(l->stream_of);
    free(l->needed);
    *l = (struct store_load){0};
}

/* Whether a failure is one that a load passes over, as it tells of the loss. */
static bool goes_on(const struct store_load *l, int rc)
{
    return l->loss && store_code_is_damage(rc);
}

/* Gives an array of numbers a new size, all UINT32_MAX. */
static bool numbers_new(uint32_t **numbers, uint32_t count)
{
    free(*numbers);
    *numbers = malloc(((size_t)count + 1) * sizeof(**numbers));
    if (*numbers)
        memset(*numbers, 0xff, ((size_t)count + 1) * sizeof(**numbers));
    return *numbers != NULL;
}

/* ---- Inputs and streams --------------------------------------------------------------------- */

/* Finds or adds an input by its name and head hash. @return its number, or UINT32_MAX */
static uint32_t input_of(struct store_load *l, const struct segment_input *input)
{
    uint32_t name = store_strings_add(&l->names, input->name);
    if (name == UINT32_MAX)
        return UINT32_MAX;
    for (uint32_t i = l->input_count; i-- > 0;)
        if (l->inputs[i].name == name && l->inputs[i].head_hash == input->head_hash)
            return i;
    if (!btr_list_room(&l->inputs, l->input_count, &l->input_capacity, 16, sizeof(*l->inputs)) ||
        store_builder_input(l->builder, l->input_count) != l->input_count)
        return UINT32_MAX;
    l->inputs[l->input_count] = (struct load_input){name, input->head_hash};
    return l->input_count++;
}

/* Whether the records that a segment counts of an input go with the range: they do with the host of
 * its first stream. */
static bool input_counts(const struct store_load *l, const struct store_segment *seg,
                         uint32_t input)
{
    struct btr_span host = {NULL, 0};
    for (uint32_t i = seg->header.stream_count; i-- > 0;)
        if (seg->streams[i].input == input)
            host = seg->streams[i].host;
    return !l->range || store_range_has(l->range, host);
}

static int inputs_load(struct store_load *l, struct store_segment *seg, struct btr_err *err)
{
    for (uint32_t i = 0; i < seg->header.input_count; i++) {
        if (!input_counts(l, seg, i))
            continue;
        uint32_t input = input_of(l, &seg->inputs[i]);
        if (input == UINT32_MAX)
            return out_of_memory(err);
        l->builder->inputs[input].record_count += seg->inputs[i].record_count;
    }
    return 0;
}

/* Every stream has a part, those of other hosts an empty one. */
static int streams_load(struct store_load *l, struct store_segment *seg, struct btr_err *err)
{
    if (!numbers_new(&l->stream_of, seg->header.stream_count))
        return out_of_memory(err);
    for (uint32_t i = 0; i < seg->header.stream_count; i++) {
        const struct segment_stream *s = &seg->streams[i];
        struct btr_stream names = {s->host, s->source};
        if (!btr_list_room(&l->parts, l->part_count, &l->part_capacity, 16, sizeof(*l->parts)))
            return out_of_memory(err);
        if (!l->range || store_range_has(l->range, s->host)) {
            uint32_t input = input_of(l, &seg->inputs[s->input]);
            if (input != UINT32_MAX)
                l->stream_of[i] = store_builder_stream(l->builder, &names, input);
            if (l->stream_of[i] == UINT32_MAX)
                return out_of_memory(err);
        }
        l->parts[l->part_count++] = (struct load_part){.stream = l->stream_of[i]};
    }
    return 0;
}

struct seal_input *store_load_inputs(const struct store_load *l)
{
    struct seal_input *inputs = calloc((size_t)l->input_count + 1, sizeof(*inputs));
    for (uint32_t i = 0; inputs && i < l->input_count; i++)
        inputs[i] = (struct seal_input){store_strings_at(&l->names, l->inputs[i].name),
                                        l->inputs[i].head_hash};
    return inputs;
}

/* ---- Entities ------------------------------------------------------------------------------- */

static int string_load(struct store_load *l, struct store_segment *seg, uint32_t string,
                       uint32_t *out, struct btr_err *err)
{
    struct cache_slot *slot = NULL;
    if (l->string_of[string] == 0) {
        int rc = store_segment_strings(seg, string, &slot, err);
        if (rc < 0)
            return rc;
        struct btr_span text = store_strings_span(slot->data, string);
        uint32_t added = store_strings_add(&l->builder->strings, text);
        store_cache_unpin(slot);
        if (added == UINT32_MAX)
            return out_of_memory(err);
        l->string_of[string] = added + 1;
    }
    *out = l->string_of[string] - 1;
    return 0;
}

/* @return 0, 1 when some cannot be read, or a failure */
static int attrs_load(struct store_load *l, struct store_segment *seg, uint32_t entity,
                      const struct segment_attr *attrs, uint32_t count, struct btr_err *err)
{
    int lacking = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct builder_attr attr = {
            .since_ns = attrs[i].since_ns, .entity = entity, .key = attrs[i].key};
        int rc = string_load(l, seg, attrs[i].value, &attr.value, err);
        if (rc < 0 && goes_on(l, rc)) {
            lacking = 1;
            continue;
        }
        if (rc < 0)
            return rc;
        if (!store_builder_attr(l->builder, &attr))
            return out_of_memory(err);
    }
    return lacking;
}

/* Host and attributes of an entity of the builder. @return as attrs_load */
static int entity_describe(struct store_load *l, struct store_segment *seg, uint32_t entity,
                           const struct segment_entities *rows, const struct segment_entity *row,
                           struct btr_err *err)
{
    uint32_t host = 0;
    int rc = row->host > 0 ? string_load(l, seg, row->host - 1, &host, err) : 0;
    bool lacking = rc < 0 && goes_on(l, rc);
    if (rc == 0 && row->host > 0)
        store_builder_host(l->builder, entity, host);
    if (rc < 0 && !lacking)
        return rc;
    rc = attrs_load(l, seg, entity, rows->attrs + row->attr_begin,
                    row[1].attr_begin - row->attr_begin, err);
    return rc == 0 ? lacking : rc;
}

/* Whether an entity goes with the range. @return 1, 0, or a failure */
static int entity_wanted(struct store_load *l, struct store_segment *seg, uint32_t number,
                         const struct segment_entity *row, struct btr_err *err)
{
    struct cache_slot *slot = NULL;
    if (!l->range || (l->needed[number] & LOAD_WANTED) != 0 || !row || row->host == 0)
        return store_load_takes(l, number, (struct btr_span){NULL, 0});
    int rc = store_segment_strings(seg, row->host - 1, &slot, err);
    if (rc < 0)
        return rc;
    bool takes = store_load_takes(l, number, store_strings_span(slot->data, row->host - 1));
    store_cache_unpin(slot);
    return takes;
}

/* @param rows  NULL: the block that describes it cannot be read */
static int entity_load(struct store_load *l, struct store_segment *seg,
                       const struct segment_entities *rows, uint32_t number, struct btr_err *err)
{
    const struct segment_entity *row = rows ? &rows->rows[number - rows->first] : NULL;
    struct btr_id id;
    uint8_t kind = 0;
    int rc = entity_wanted(l, seg, number, row, err);
    if (rc > 0)
        rc = store_segment_who(seg, number, &id, &kind, err);
    else if (rc == 0)
        return 0;
    if (rc < 0)
        return goes_on(l, rc) ? 0 : rc; /* its events are passed over, too */
    uint32_t entity = store_builder_entity(l->builder, id);
    if (entity == UINT32_MAX)
        return out_of_memory(err);
    l->entity_of[number] = entity;
    struct builder_entity *e = &l->builder->entities[entity];
    if (kind != BTR_KIND_NONE) {
        e->flags = row ? store_flags_join(e->kind, e->flags, row->flags) : e->flags;
        e->kind = kind;
    }
    rc = row ? entity_describe(l, seg, entity, rows, row, err) : 1;
    if (rc == 1)
        l->loss->undescribed++;
    return rc < 0 ? rc : 0;
}

static int entities_load(struct store_load *l, struct store_segment *seg, struct btr_err *err)
{
    uint32_t count = seg->header.entity_count;
    free(l->string_of); /* zeroed, not written to: only strings in use cost memory */
    l->string_of = calloc((size_t)seg->header.string_count + 1, sizeof(*l->string_of));
    if (!l->string_of || !numbers_new(&l->entity_of, count))
        return out_of_memory(err);
    for (uint32_t number = 0; number < count;) {
        struct cache_slot *slot = NULL;
        uint32_t size = store_segment_entity_rows(seg);
        uint32_t end = count - number < size ? count : number + size;
        int rc = store_segment_entities(seg, number / size, &slot, err);
        bool is_read = rc == 0;
        if (rc < 0 && !goes_on(l, rc))
            return rc;
        for (rc = 0; rc == 0 && number < end; number++)
            rc = entity_load(l, seg, is_read ? slot->data : NULL, number, err);
        if (is_read)
            store_cache_unpin(slot);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- Events --------------------------------------------------------------------------------- */

/* Widens the time of what is lost; what it counts is known at the end. */
static void events_lose(struct store_loss *loss, int64_t first_ns, int64_t last_ns)
{
    bool first = loss->events == 0;
    loss->first_ns = first || first_ns < loss->first_ns ? first_ns : loss->first_ns;
    loss->last_ns = first || last_ns > loss->last_ns ? last_ns : loss->last_ns;
    loss->events = 1;
}

static void block_lose(struct store_loss *loss, const struct store_segment *seg, uint32_t block)
{
    const struct store_header *h = &seg->header;
    events_lose(loss, seg->has_bounds ? seg->bounds[block].first_ns : h->first_ns,
                seg->has_bounds ? seg->bounds[block].last_ns : h->last_ns);
}

/* What an event of a thinned group stands for; it is the builder's next. */
static int stand_load(struct store_load *l, struct store_segment *seg, uint32_t block,
                      uint32_t event, struct store_reach *reach, struct btr_err *err)
{
    struct segment_stand stand;
    int rc = store_segment_stand(seg, block, event, &stand, err);
    if (rc < 0)
        return rc;
    if (stand.last_line > reach->greatest_line)
        reach->greatest_line = stand.last_line;
    struct builder_stand loaded = {.event = l->builder->event_count,
                                   .count = stand.count,
                                   .last_time_ns = stand.last_time_ns,
                                   .last_record_id = stand.last_record_id,
                                   .last_line = stand.last_line};
    return store_builder_stand(l->builder, &loaded) ? 0 : out_of_memory(err);
}

static int group_load(struct store_load *l, struct store_segment *seg, uint32_t block_number,
                      const struct segment_block *block, const struct segment_group *g,
                      const struct segment_detail *details, struct store_reach *reach,
                      struct btr_err *err)
{
    struct store_builder *b = l->builder;
    if (l->stream_of[g->stream] == UINT32_MAX) /* of another range */
        return 0;
    bool is_lost = l->loss && (l->entity_of[g->subject] == UINT32_MAX ||
                               l->entity_of[g->object] == UINT32_MAX);
    for (uint32_t i = g->begin; i < g[1].begin; i++) {
        if (is_lost) {
            events_lose(l->loss, block->first_ns[i], block->last_ns[i]);
            continue;
        }
        int rc = (g->flags & BTR_EVENT_THINNED) != 0
                     ? stand_load(l, seg, block_number, i, reach, err)
                     : 0;
        if (rc < 0 && goes_on(l, rc)) {
            events_lose(l->loss, block->first_ns[i], block->last_ns[i]);
            continue;
        }
        if (rc < 0)
            return rc;
        b->events[b->event_count++] = (struct builder_event){.time_ns = details[i].time_ns,
                                                             .first_ns = block->first_ns[i],
                                                             .last_ns = block->last_ns[i],
                                                             .bytes = details[i].bytes,
                                                             .record_id = details[i].record_id,
                                                             .line = details[i].line,
                                                             .subject = l->entity_of[g->subject],
                                                             .object = l->entity_of[g->object],
                                                             .stream = l->stream_of[g->stream],
                                                             .operation = g->operation,
                                                             .doubt = g->doubt,
                                                             .flags = g->flags};
        store_reach_widen(reach, block->last_ns[i], details[i].line);
    }
    return 0;
}

static bool block_has_any(const struct store_load *l, const struct segment_block *b)
{
    for (uint32_t g = 0; g < b->group_count; g++)
        if (l->stream_of[b->groups[g].stream] != UINT32_MAX)
            return true;
    return false;
}

static int block_load(struct store_load *l, struct store_segment *seg, uint32_t block,
                      struct load_part *parts, struct btr_err *err)
{
    struct cache_slot *events_slot = NULL, *details_slot = NULL;
    int rc = store_segment_events(seg, block, &events_slot, err);
    if (rc < 0)
        return rc;
    const struct segment_block *b = events_slot->data;
    if (!block_has_any(l, b)) {
        store_cache_unpin(events_slot);
        return 0;
    }
    rc = store_builder_reserve(l->builder, b->count) ? 0 : out_of_memory(err);
    if (rc == 0 && b->count > STORE_EVENTS_MAX - l->builder->event_count)
        rc = btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "merged segments have too many events");
    if (rc == 0)
        rc = store_segment_details(seg, block, &details_slot, err);
    if (rc == 0) {
        for (uint32_t g = 0; rc == 0 && g < b->group_count; g++)
            rc = group_load(l, seg, block, b, &b->groups[g], details_slot->data,
                            &parts[b->groups[g].stream].reach, err);
        store_cache_unpin(details_slot);
    }
    store_cache_unpin(events_slot);
    return rc;
}

static int events_load(struct store_load *l, struct store_segment *seg, struct btr_err *err)
{
    struct load_part *parts = l->parts + (l->part_count - seg->header.stream_count);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < store_segment_block_count(seg); i++) {
        rc = block_load(l, seg, i, parts, err);
        if (rc < 0 && goes_on(l, rc)) {
            block_lose(l->loss, seg, i);
            rc = 0;
        }
    }
    return rc;
}

/* ---- Gaps and quarantine -------------------------------------------------------------------- */

/* The streams of rows are those of the segment: UINT32_MAX when it is of another range. @return
 * false when there is no such stream */
static bool stream_load(const struct store_load *l, const struct store_segment *seg,
                        uint32_t *stream)
{
    if (*stream >= seg->header.stream_count)
        return false;
    *stream = l->stream_of[*stream];
    return true;
}

static bool gap_load(struct store_load *l, struct store_segment *seg, struct store_read *r)
{
    struct btr_gap gap;
    store_gap_read(r, &gap);
    r->failed = r->failed || !stream_load(l, seg, &gap.stream);
    return r->failed || gap.stream == UINT32_MAX || store_builder_gap(l->builder, &gap);
}

static bool quarantined_load(struct store_load *l, struct store_segment *seg, struct store_read *r)
{
    struct btr_quarantined record;
    store_quarantined_read(r, &record);
    r->failed = r->failed || !stream_load(l, seg, &record.stream);
    return r->failed || record.stream == UINT32_MAX ||
           store_builder_quarantined(l->builder, &record);
}

/* Loads the rows of all blocks of a section; *row* takes one, false when out of memory. */
static int rows_load(struct store_load *l, struct store_segment *seg, unsigned section,
                     bool (*row)(struct store_load *, struct store_segment *, struct store_read *),
                     struct btr_err *err)
{
    uint32_t blocks = 0;
    int rc = store_segment_directory(seg, section, &blocks, err);
    if (rc < 0 && goes_on(l, rc))
        return 0;
    for (uint32_t i = 0; rc == 0 && i < blocks; i++) {
        uint8_t *raw = NULL;
        rc = store_segment_block(seg, section, i, &raw, err);
        if (rc < 0 && goes_on(l, rc)) {
            rc = 0;
            continue;
        }
        if (rc < 0)
            return rc;
        const struct store_block *b = &seg->directory[section][i];
        struct store_read r = store_read_of((struct btr_span){raw, b->raw_size});
        bool room = true;
        for (uint32_t k = 0; room && !r.failed && k < b->count; k++)
            room = row(l, seg, &r);
        free(raw);
        if (!room)
            rc = out_of_memory(err);
        else if (!store_read_done(&r))
            rc = store_segment_bad(seg, err, section, i, "malformed");
        if (rc < 0 && goes_on(l, rc))
            rc = 0;
    }
    return rc;
}

/* ---- A segment ------------------------------------------------------------------------------ */

/* A string takes two bytes at least, so that what a header claims is bounded. */
static int room_check(const struct store_load *l, const struct store_segment *seg,
                      struct btr_err *err)
{
    if (seg->header.string_count > seg->section_of[STORE_STRINGS]->raw_size / 2)
        return store_segment_bad(seg, err, STORE_STRINGS, 0,
                                 "has not as many rows as the header says");
    if (l->range || /* it is a part of the segment that must fit */
        (uint64_t)seg->header.entity_count + l->builder->entity_count <= STORE_ENTITIES_MAX)
        return 0;
    return btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "merged segments have too many entities");
}

static int proof_load(void *self, const struct builder_proof *proof)
{
    struct store_load *l = self;
    return store_builder_proof(l->builder, proof) ? 0 : BTR_E_NOMEM;
}

static int proofs_load(struct store_load *l, struct store_segment *seg, struct btr_err *err)
{
    int rc = store_segment_proofs(seg, proof_load, l, err);
    if (rc == BTR_E_NOMEM)
        return out_of_memory(err);
    return rc < 0 && goes_on(l, rc) ? 0 : rc;
}

int store_load_segment(struct store_load *l, struct store_segment *seg, struct btr_err *err)
{
    int rc = room_check(l, seg, err);
    if (rc == 0)
        rc = store_segment_names(seg, err);
    if (rc == 0)
        rc = store_segment_ids_by_number(seg, err);
    if (rc == 0)
        rc = inputs_load(l, seg, err);
    if (rc == 0)
        rc = streams_load(l, seg, err);
    if (rc == 0 && l->range)
        rc = store_segment_bounds(seg, err);
    if (rc == 0 && l->range)
        rc = store_load_need(l, seg, err);
    if (rc == 0)
        rc = entities_load(l, seg, err);
    if (rc == 0)
        rc = events_load(l, seg, err);
    if (rc == 0)
        rc = rows_load(l, seg, STORE_GAPS, gap_load, err);
    if (rc == 0)
        rc = rows_load(l, seg, STORE_QUARANTINE, quarantined_load, err);
    if (rc == 0)
        rc = proofs_load(l, seg, err);
    if (rc == 0 && !btr_list_room(&l->segment_ends, l->segment_count, &l->segment_capacity, 16,
                                  sizeof(*l->segment_ends)))
        rc = out_of_memory(err);
    if (rc == 0)
        l->segment_ends[l->segment_count++] =
            (struct load_end){l->builder->event_count, l->builder->gap_count};
    return rc;
}
