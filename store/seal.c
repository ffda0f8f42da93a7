#include "seal.h"

#include "usual.h"

bool store_sealer_init(struct store_sealer *s)
{
    *s = (struct store_sealer){0};
    return store_packer_init(&s->packer);
}

void store_sealer_fini(struct store_sealer *s)
{
    store_packer_fini(&s->packer);
    free(s->order);
    free(s->number_of);
    free(s->entity_of);
    free(s->run_first);
    free(s->run_groups);
    free(s->moments);
    free(s->moment_of);
    free(s->end_of);
    free(s->lasting);
    free(s->group_begin);
    free(s->stream_ends);
    free(s->entity_first);
    free(s->entity_last);
    free(s->entity_events);
    free(s->attr_order);
    free(s->attr_begin);
    free(s->string_of);
    free(s->used_strings);
    free(s->scratch);
    free(s->scratch_more);
}

/* Gives an array room for `count` items; what it held is lost. */
static bool array_new(void *array, uint32_t count, size_t item_size)
{
    void *old, *fresh = malloc(((size_t)count + 1) * item_size);
    memcpy(&old, array, sizeof(old));
    free(old);
    memcpy(array, &fresh, sizeof(fresh));
    return fresh != NULL;
}

static bool entities_room(struct store_sealer *s, uint32_t count)
{
    if (count <= s->entity_capacity && s->number_of)
        return true;
    s->entity_capacity = 0;
    if (!array_new(&s->number_of, count, sizeof(uint32_t)) ||
        !array_new(&s->entity_of, count, sizeof(uint32_t)) ||
        !array_new(&s->run_first, count, sizeof(uint32_t)) ||
        !array_new(&s->run_groups, count, sizeof(uint32_t)) ||
        !array_new(&s->entity_first, count, sizeof(int64_t)) ||
        !array_new(&s->entity_last, count, sizeof(int64_t)) ||
        !array_new(&s->entity_events, count, sizeof(uint32_t)) ||
        !array_new(&s->attr_begin, count, sizeof(uint32_t)))
        return false;
    s->entity_capacity = count;
    return true;
}

static bool events_room(struct store_sealer *s, const struct store_builder *b, uint32_t entries)
{
    if (entries > s->entry_capacity || !s->moments) {
        s->entry_capacity = 0;
        if (!array_new(&s->moments, entries, sizeof(*s->moments)) ||
            !array_new(&s->moment_of, entries, sizeof(uint32_t)) ||
            !array_new(&s->end_of, entries, sizeof(uint32_t)) ||
            !array_new(&s->lasting, entries, sizeof(uint32_t)) ||
            !array_new(&s->group_begin, entries, sizeof(uint32_t)))
            return false;
        s->entry_capacity = entries;
    }
    if (b->stream_count <= s->stream_capacity && s->stream_ends)
        return true;
    s->stream_capacity = 0;
    if (!array_new(&s->stream_ends, b->stream_count, sizeof(uint32_t)))
        return false;
    s->stream_capacity = b->stream_count;
    return true;
}

/* Beginnings of events, and the ends of those that last. */
static uint32_t entries_count(const struct store_builder *b)
{
    uint32_t count = b->event_count; /* at most 8 Mi in all, by STORE_EVENTS_MAX */
    for (uint32_t i = 0; i < b->event_count; i++)
        count += b->events[i].first_ns < b->events[i].last_ns;
    return count;
}

/* scratch has room for entries of events, for the strings in use, and for four numbers an entity.
 */
static bool arrays_room(struct store_sealer *s, const struct store_builder *b)
{
    uint32_t most = b->attr_count + b->entity_count, entries = entries_count(b);
    if (entries > most)
        most = entries;
    if (b->entity_count > most / 4)
        most = b->entity_count * 4; /* at most 64 Mi, by STORE_ENTITIES_MAX */
    if (most > s->event_capacity || !s->order) {
        s->event_capacity = 0;
        if (!array_new(&s->order, most, sizeof(uint32_t)) ||
            !array_new(&s->scratch, most, sizeof(uint32_t)) ||
            !array_new(&s->scratch_more, most, sizeof(uint32_t)) ||
            !array_new(&s->attr_order, most, sizeof(uint32_t)))
            return false;
        s->event_capacity = most;
    }
    if (b->strings.count > s->string_capacity || !s->string_of) {
        s->string_capacity = 0;
        if (!array_new(&s->string_of, b->strings.count, sizeof(uint32_t)) ||
            !array_new(&s->used_strings, b->strings.count, sizeof(uint32_t)))
            return false;
        s->string_capacity = b->strings.count;
    }
    return events_room(s, b, entries) && entities_room(s, b->entity_count);
}

static void sealed_fill(const struct store_builder *b, struct store_sealed *out)
{
    *out = (struct store_sealed){.event_count = b->event_count,
                                 .entity_count = b->entity_count,
                                 .gap_count = b->gap_count,
                                 .undecoded = b->quarantined_count};
    for (uint32_t i = 0; i < b->input_count; i++)
        out->record_count += b->inputs[i].record_count;
    for (uint32_t i = 0; i < b->event_count; i++) {
        if (i == 0 || b->events[i].first_ns < out->first_ns)
            out->first_ns = b->events[i].first_ns;
        if (i == 0 || b->events[i].last_ns > out->last_ns)
            out->last_ns = b->events[i].last_ns;
    }
}

/* Order, numbers and attributes of a builder. */
static int order_make(struct store_sealer *s, const struct store_builder *b, struct btr_err *err)
{
    if (!arrays_room(s, b))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    s->builder = b;
    int rc = store_seal_order(s, err);
    if (rc == 0)
        store_seal_attrs(s);
    return rc;
}

int store_seal_recount(struct store_sealer *s, const struct store_builder *b,
                       struct store_usual *out, struct btr_err *err)
{
    *out = (struct store_usual){0};
    int rc = order_make(s, b, err);
    return rc < 0 ? rc : store_seal_tally(s, out, err);
}

int store_seal(struct store_sealer *s, const struct store_builder *b,
               const struct seal_input *inputs, struct store_sealed *out, struct btr_err *err)
{
    s->inputs = inputs;
    sealed_fill(b, out);
    int rc = order_make(s, b, err);
    if (rc < 0)
        return rc;
    store_packer_begin(&s->packer, STORE_SECTIONS_EXACT + store_seal_more(b));

    rc = store_seal_names(s, err);
    if (rc == 0)
        rc = store_seal_ids(s, err);
    if (rc == 0)
        rc = store_seal_entities(s, err);
    if (rc == 0)
        rc = store_seal_events(s, err);
    if (rc == 0)
        rc = store_seal_index(s, err);
    if (rc == 0)
        rc = store_seal_places(s, err);
    if (rc == 0)
        rc = store_seal_rows(s, err);
    if (rc == 0)
        rc = store_seal_reach(s, err);
    if (rc == 0)
        rc = store_seal_filter(s, err);
    if (rc == 0)
        rc = store_seal_values(s, err);
    if (rc == 0)
        rc = store_seal_times(s, err);
    if (rc == 0)
        rc = store_seal_stretches(s, err);
    if (rc == 0)
        rc = store_seal_stands(s, err);
    if (rc == 0)
        rc = store_seal_usual(s, err);
    if (rc == 0)
        rc = store_packer_dictionaries(&s->packer, err);
    if (rc < 0)
        return rc;
    struct store_header header = {.event_count = b->event_count,
                                  .entity_count = b->entity_count,
                                  .string_count = s->used_string_count,
                                  .stream_count = b->stream_count,
                                  .input_count = b->input_count,
                                  .first_ns = out->first_ns,
                                  .last_ns = out->last_ns};
    return store_packer_end(&s->packer, &header, err);
}
