#include <btr/event.h>

/* Most batches have few streams and names, and the last ones used come again: a search from the end
 * is short. In a batch of very many hosts they are found by hash. */
enum { BATCH_CAPACITY_MIN = 64, SEARCH_MOST = 16 };

void btr_batch_init(struct btr_batch *batch)
{
    *batch = (struct btr_batch){0};
}

void btr_batch_fini(struct btr_batch *batch)
{
    free(batch->events);
    free(batch->notes);
    free(batch->attrs);
    free(batch->gaps);
    free(batch->quarantined);
    free(batch->streams);
    free(batch->names);
    btr_idmap_fini(&batch->stream_map);
    btr_idmap_fini(&batch->name_map);
    *batch = (struct btr_batch){0};
}

void btr_batch_clear(struct btr_batch *batch)
{
    batch->event_count = batch->note_count = batch->attr_count = 0;
    batch->gap_count = batch->quarantined_count = 0;
    if (batch->stream_count > SEARCH_MOST)
        btr_idmap_clear(&batch->stream_map);
    if (batch->name_count > SEARCH_MOST)
        btr_idmap_clear(&batch->name_map);
    batch->stream_count = batch->name_count = 0;
    batch->record_count = 0;
}

/* Room for one more item. @return the array, moved if need be, or NULL when out of memory */
static void *with_room(void *items, uint32_t count, uint32_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return items;
    if (*capacity > UINT32_MAX / 2)
        return NULL;
    uint32_t wanted = *capacity == 0 ? BATCH_CAPACITY_MIN : *capacity * 2;
    void *grown = realloc(items, wanted * item_size);
    if (grown)
        *capacity = wanted;
    return grown;
}

struct btr_event *btr_batch_event(struct btr_batch *batch)
{
    struct btr_event *items =
        with_room(batch->events, batch->event_count, &batch->event_capacity, sizeof(*items));
    if (!items)
        return NULL;
    batch->events = items;
    items[batch->event_count] = (struct btr_event){0};
    return &items[batch->event_count++];
}

struct btr_note *btr_batch_note(struct btr_batch *batch)
{
    struct btr_note *items =
        with_room(batch->notes, batch->note_count, &batch->note_capacity, sizeof(*items));
    if (!items)
        return NULL;
    batch->notes = items;
    items[batch->note_count] = (struct btr_note){.attr_first = batch->attr_count};
    return &items[batch->note_count++];
}

struct btr_gap *btr_batch_gap(struct btr_batch *batch)
{
    struct btr_gap *items =
        with_room(batch->gaps, batch->gap_count, &batch->gap_capacity, sizeof(*items));
    if (!items)
        return NULL;
    batch->gaps = items;
    items[batch->gap_count] = (struct btr_gap){0};
    return &items[batch->gap_count++];
}

struct btr_quarantined *btr_batch_quarantine(struct btr_batch *batch)
{
    struct btr_quarantined *items = with_room(batch->quarantined, batch->quarantined_count,
                                              &batch->quarantined_capacity, sizeof(*items));
    if (!items)
        return NULL;
    batch->quarantined = items;
    items[batch->quarantined_count] = (struct btr_quarantined){0};
    return &items[batch->quarantined_count++];
}

bool btr_batch_attr(struct btr_batch *batch, enum btr_attr_key key, int64_t since_ns,
                    struct btr_span value)
{
    if (value.size == 0 || batch->note_count == 0)
        return true;
    struct btr_attr *items =
        with_room(batch->attrs, batch->attr_count, &batch->attr_capacity, sizeof(*items));
    if (!items)
        return false;
    batch->attrs = items;
    items[batch->attr_count++] = (struct btr_attr){(uint16_t)key, since_ns, value};
    batch->notes[batch->note_count - 1].attr_count++;
    return true;
}

static bool stream_is(const struct btr_batch *batch, uint32_t i, struct btr_span host,
                      struct btr_span source)
{
    return btr_span_equal(batch->streams[i].host, host) &&
           btr_span_equal(batch->streams[i].source, source);
}

static struct btr_id stream_key(struct btr_span host, struct btr_span source)
{
    struct btr_span parts[] = {host, source};
    return btr_id_of(parts, 2);
}

/* From where on `count` items are searched one by one; those before stand in a map, with them. */
static uint32_t search_begin(uint32_t count)
{
    return count > SEARCH_MOST ? count - SEARCH_MOST : 0;
}

/* The first that is to be put into the map when one more is added; all before it are there. */
static uint32_t map_begin(uint32_t count)
{
    return count > SEARCH_MOST ? count : count == SEARCH_MOST ? 0 : count + 1;
}

uint32_t btr_batch_stream(struct btr_batch *batch, struct btr_span host, struct btr_span source)
{
    uint32_t count = batch->stream_count, at = UINT32_MAX;
    for (uint32_t i = count; i-- > search_begin(count);)
        if (stream_is(batch, i, host, source))
            return i;
    if (count > SEARCH_MOST)
        at = btr_idmap_get(&batch->stream_map, stream_key(host, source));
    if (at < count && stream_is(batch, at, host, source))
        return at;
    struct btr_stream *items =
        with_room(batch->streams, count, &batch->stream_capacity, sizeof(*items));
    if (!items)
        return UINT32_MAX;
    batch->streams = items;
    items[count] = (struct btr_stream){host, source};
    for (uint32_t i = map_begin(count); i <= count; i++)
        if (btr_idmap_add(&batch->stream_map, stream_key(items[i].host, items[i].source), i) ==
            UINT32_MAX)
            return UINT32_MAX;
    return batch->stream_count++;
}

uint32_t btr_batch_name(struct btr_batch *batch, struct btr_span name)
{
    uint32_t count = batch->name_count, at = UINT32_MAX;
    for (uint32_t i = count; i-- > search_begin(count);)
        if (btr_span_equal(batch->names[i], name))
            return i;
    if (count > SEARCH_MOST)
        at = btr_idmap_get(&batch->name_map, btr_id_of(&name, 1));
    if (at < count && btr_span_equal(batch->names[at], name))
        return at;
    struct btr_span *items = with_room(batch->names, count, &batch->name_capacity, sizeof(*items));
    if (!items)
        return UINT32_MAX;
    batch->names = items;
    items[count] = name;
    for (uint32_t i = map_begin(count); i <= count; i++)
        if (btr_idmap_add(&batch->name_map, btr_id_of(&items[i], 1), i) == UINT32_MAX)
            return UINT32_MAX;
    return batch->name_count++;
}
