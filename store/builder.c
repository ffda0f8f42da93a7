#include "builder.h"

#include "format.h"

void store_builder_fini(struct store_builder *b)
{
    free(b->events);
    free(b->entities);
    free(b->attrs);
    free(b->streams);
    free(b->inputs);
    free(b->gaps);
    free(b->quarantined);
    free(b->stands);
    free(b->proofs);
    free(b->stream_map);
    free(b->name_map);
    btr_idmap_fini(&b->by_id);
    btr_idmap_fini(&b->stream_of);
    btr_u64map_fini(&b->attr_latest);
    store_strings_fini(&b->strings);
    btr_buffer_fini(&b->text);
    *b = (struct store_builder){0};
}

void store_builder_clear(struct store_builder *b)
{
    b->event_count = b->entity_count = b->attr_count = b->stream_count = b->input_count = 0;
    b->gap_count = b->quarantined_count = b->stand_count = b->proof_count = 0;
    btr_idmap_clear(&b->by_id);
    btr_idmap_clear(&b->stream_of);
    btr_u64map_clear(&b->attr_latest);
    store_strings_clear(&b->strings);
    btr_buffer_clear(&b->text);
}

bool store_builder_is_empty(const struct store_builder *b)
{
    return b->event_count == 0 && b->entity_count == 0 && b->gap_count == 0 &&
           b->quarantined_count == 0 && b->input_count == 0;
}

size_t store_builder_size(const struct store_builder *b)
{
    return (size_t)b->event_count * sizeof(*b->events) +
           (size_t)b->entity_count * (sizeof(*b->entities) + 40) +
           (size_t)b->attr_count * (sizeof(*b->attrs) + 24) + (size_t)b->strings.count * 40 +
           b->strings.bytes.size + b->text.size + (size_t)b->gap_count * sizeof(*b->gaps) +
           (size_t)b->quarantined_count * sizeof(*b->quarantined) +
           (size_t)b->stand_count * sizeof(*b->stands);
}

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while appending to a segment");
}

/* Makes room for `more` items. @return false when out of memory; *items is then unchanged */
static bool room(void *items, uint32_t count, uint32_t *capacity, uint32_t more, size_t item_size)
{
    if (more <= *capacity - count)
        return true;
    uint64_t wanted = (uint64_t)*capacity + *capacity / 2;
    if (wanted < (uint64_t)count + more)
        wanted = (uint64_t)count + more;
    if (wanted < 256)
        wanted = 256;
    void *old, *grown = NULL;
    memcpy(&old, items, sizeof(old));
    if (wanted <= UINT32_MAX)
        grown = realloc(old, (size_t)wanted * item_size);
    if (!grown)
        return false;
    memcpy(items, &grown, sizeof(grown));
    *capacity = (uint32_t)wanted;
    return true;
}

uint32_t store_builder_entity(struct store_builder *b, struct btr_id id)
{
    uint32_t found = btr_idmap_add(&b->by_id, id, b->entity_count);
    if (found != b->entity_count)
        return found;
    if (!room(&b->entities, b->entity_count, &b->entity_capacity, 1, sizeof(*b->entities)))
        return UINT32_MAX;
    b->entities[b->entity_count] = (struct builder_entity){.id = id};
    return b->entity_count++;
}

uint32_t store_builder_input(struct store_builder *b, uint32_t id)
{
    for (uint32_t i = b->input_count; i-- > 0;)
        if (b->inputs[i].id == id)
            return i;
    if (!room(&b->inputs, b->input_count, &b->input_capacity, 1, sizeof(*b->inputs)))
        return UINT32_MAX;
    b->inputs[b->input_count] = (struct builder_input){.id = id};
    return b->input_count++;
}

uint32_t store_builder_stream(struct store_builder *b, const struct btr_stream *stream,
                              uint32_t input)
{
    struct builder_stream row = {store_strings_add(&b->strings, stream->host),
                                 store_strings_add(&b->strings, stream->source), input};
    if (row.host == UINT32_MAX || row.source == UINT32_MAX)
        return UINT32_MAX;
    if (!room(&b->streams, b->stream_count, &b->stream_capacity, 1, sizeof(*b->streams)))
        return UINT32_MAX;
    struct btr_span key = {(const uint8_t *)&row, sizeof row};
    uint32_t at = btr_idmap_add(&b->stream_of, btr_id_of(&key, 1), b->stream_count);
    if (at == b->stream_count)
        b->streams[b->stream_count++] = row;
    return at;
}

/* Where the batch's streams and host names are in the builder. */
static bool maps_make(struct store_builder *b, const struct btr_batch *batch, uint32_t input)
{
    if (!room(&b->stream_map, 0, &b->stream_map_capacity, batch->stream_count, sizeof(uint32_t)) ||
        !room(&b->name_map, 0, &b->name_map_capacity, batch->name_count, sizeof(uint32_t)))
        return false;
    for (uint32_t i = 0; i < batch->stream_count; i++)
        if ((b->stream_map[i] = store_builder_stream(b, &batch->streams[i], input)) == UINT32_MAX)
            return false;
    for (uint32_t i = 0; i < batch->name_count; i++)
        if ((b->name_map[i] = store_strings_add(&b->strings, batch->names[i])) == UINT32_MAX)
            return false;
    return true;
}

bool store_builder_attr(struct store_builder *b, const struct builder_attr *attr)
{
    uint64_t key = (uint64_t)attr->entity << 16 | attr->key;
    uint32_t latest = btr_u64map_get(&b->attr_latest, key);
    if (latest != UINT32_MAX && b->attrs[latest].value == attr->value &&
        attr->since_ns == b->attrs[latest].since_ns)
        return true;
    if (!room(&b->attrs, b->attr_count, &b->attr_capacity, 1, sizeof(*b->attrs)) ||
        !btr_u64map_set(&b->attr_latest, key, b->attr_count))
        return false;
    b->attrs[b->attr_count++] = *attr;
    return true;
}

static bool attr_add(struct store_builder *b, uint32_t entity, const struct btr_attr *attr)
{
    struct builder_attr row = {.since_ns = attr->since_ns,
                               .entity = entity,
                               .value = store_strings_add(&b->strings, attr->value),
                               .key = attr->key};
    return row.value != UINT32_MAX && store_builder_attr(b, &row);
}

void store_builder_host(struct store_builder *b, uint32_t entity, uint32_t host)
{
    struct builder_entity *e = &b->entities[entity];
    struct btr_span before = {NULL, 0};
    if (e->host > 0)
        before = store_strings_at(&b->strings, e->host - 1);
    if (store_host_before(store_strings_at(&b->strings, host), before))
        e->host = host + 1;
}

static bool note_add(struct store_builder *b, const struct btr_batch *batch,
                     const struct btr_note *note)
{
    uint32_t entity = store_builder_entity(b, note->id);
    if (entity == UINT32_MAX)
        return false;
    struct builder_entity *e = &b->entities[entity];
    if (note->kind != BTR_KIND_NONE)
        e->kind = note->kind;
    e->flags = note->flags;
    if (note->host < batch->name_count)
        store_builder_host(b, entity, b->name_map[note->host]);
    for (uint32_t i = 0; i < note->attr_count; i++)
        if (!attr_add(b, entity, &batch->attrs[note->attr_first + i]))
            return false;
    return true;
}

static bool event_add(struct store_builder *b, const struct btr_event *from)
{
    uint32_t subject = store_builder_entity(b, from->subject),
             object = store_builder_entity(b, from->object);
    if (subject == UINT32_MAX || object == UINT32_MAX)
        return false;
    b->events[b->event_count++] = (struct builder_event){.time_ns = from->time_ns,
                                                         .first_ns = from->first_ns,
                                                         .last_ns = from->last_ns,
                                                         .bytes = from->bytes,
                                                         .record_id = from->record_id,
                                                         .line = from->line,
                                                         .subject = subject,
                                                         .object = object,
                                                         .stream = b->stream_map[from->stream],
                                                         .operation = from->operation,
                                                         .doubt = from->doubt,
                                                         .flags = from->flags};
    return true;
}

static size_t text_add(struct store_builder *b, struct btr_span text)
{
    size_t at = b->text.size;
    btr_buffer_span(&b->text, text);
    return at;
}

bool store_builder_gap(struct store_builder *b, const struct btr_gap *gap)
{
    if (!room(&b->gaps, b->gap_count, &b->gap_capacity, 1, sizeof(*b->gaps)))
        return false;
    struct builder_gap *g = &b->gaps[b->gap_count++];
    *g = (struct builder_gap){.gap = *gap, .why_size = gap->why.size};
    g->why_at = text_add(b, gap->why);
    return !b->text.failed;
}

static bool gaps_add(struct store_builder *b, const struct btr_batch *batch)
{
    for (uint32_t i = 0; i < batch->gap_count; i++) {
        struct btr_gap gap = batch->gaps[i];
        gap.stream = b->stream_map[gap.stream];
        if (!store_builder_gap(b, &gap))
            return false;
    }
    return true;
}

bool store_builder_stand(struct store_builder *b, const struct builder_stand *stand)
{
    if (!room(&b->stands, b->stand_count, &b->stand_capacity, 1, sizeof(*b->stands)))
        return false;
    b->stands[b->stand_count++] = *stand;
    return true;
}

const struct builder_stand *store_builder_stand_of(const struct store_builder *b, uint32_t event)
{
    uint32_t low = 0, high = b->stand_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (b->stands[middle].event < event)
            low = middle + 1;
        else
            high = middle;
    }
    return low < b->stand_count && b->stands[low].event == event ? &b->stands[low] : NULL;
}

bool store_builder_proof(struct store_builder *b, const struct builder_proof *proof)
{
    for (uint32_t i = 0; i < b->proof_count; i++)
        if (memcmp(b->proofs[i].root, proof->root, sizeof(proof->root)) == 0)
            return true;
    if (!room(&b->proofs, b->proof_count, &b->proof_capacity, 1, sizeof(*b->proofs)))
        return false;
    b->proofs[b->proof_count++] = *proof;
    return true;
}

bool store_builder_quarantined(struct store_builder *b, const struct btr_quarantined *record)
{
    if (!room(&b->quarantined, b->quarantined_count, &b->quarantined_capacity, 1,
              sizeof(*b->quarantined)))
        return false;
    struct builder_quarantined *q = &b->quarantined[b->quarantined_count++];
    *q = (struct builder_quarantined){.record = *record, .reason_size = record->reason.size};
    q->reason_at = text_add(b, record->reason);
    q->record_size = record->record.size < BTR_QUARANTINE_RECORD_MAX ? record->record.size
                                                                     : BTR_QUARANTINE_RECORD_MAX;
    q->record_at = text_add(b, (struct btr_span){record->record.at, q->record_size});
    return !b->text.failed;
}

static bool quarantine_add(struct store_builder *b, const struct btr_batch *batch)
{
    for (uint32_t i = 0; i < batch->quarantined_count; i++) {
        struct btr_quarantined record = batch->quarantined[i];
        record.stream = b->stream_map[record.stream];
        if (!store_builder_quarantined(b, &record))
            return false;
    }
    return true;
}

bool store_builder_reserve(struct store_builder *b, uint32_t events)
{
    return room(&b->events, b->event_count, &b->event_capacity, events, sizeof(*b->events));
}

/* An index that points nowhere, an end before the beginning: faults of a decoder. */
static bool batch_is_sound(const struct btr_batch *batch)
{
    bool sound = true;
    for (uint32_t i = 0; i < batch->event_count; i++)
        sound = sound && batch->events[i].stream < batch->stream_count &&
                batch->events[i].first_ns <= batch->events[i].last_ns;
    for (uint32_t i = 0; i < batch->gap_count; i++)
        sound = sound && batch->gaps[i].stream < batch->stream_count;
    for (uint32_t i = 0; i < batch->quarantined_count; i++)
        sound = sound && batch->quarantined[i].stream < batch->stream_count;
    for (uint32_t i = 0; i < batch->note_count; i++)
        sound = sound && batch->notes[i].attr_first <= batch->attr_count &&
                batch->notes[i].attr_count <= batch->attr_count - batch->notes[i].attr_first;
    return sound;
}

int store_builder_append(struct store_builder *b, const struct btr_batch *batch,
                         struct btr_err *err)
{
    if (!batch_is_sound(batch))
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                        "a batch contradicts itself: a fault of the decoder");
    if (batch->event_count > STORE_EVENTS_MAX - b->event_count ||
        b->entity_count + 2 * (uint64_t)batch->event_count + batch->note_count >
            STORE_ENTITIES_MAX + 2 * (uint64_t)STORE_EVENTS_MAX)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "more than %d events in one segment",
                        STORE_EVENTS_MAX);
    uint32_t input = store_builder_input(b, batch->input);
    if (input == UINT32_MAX || !maps_make(b, batch, input) ||
        !store_builder_reserve(b, batch->event_count))
        return out_of_memory(err);
    b->inputs[input].record_count += batch->record_count;
    bool ok = true;
    for (uint32_t i = 0; ok && i < batch->note_count; i++)
        ok = note_add(b, batch, &batch->notes[i]);
    for (uint32_t i = 0; ok && i < batch->event_count; i++)
        ok = event_add(b, &batch->events[i]);
    ok = ok && gaps_add(b, batch) && quarantine_add(b, batch);
    if (ok && b->entity_count > STORE_ENTITIES_MAX)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "more than %d entities in one segment",
                        STORE_ENTITIES_MAX);
    return ok ? 0 : out_of_memory(err);
}
