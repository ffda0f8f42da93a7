#include "follow_order.h"

#include <stdlib.h>

int follow_place_compare(struct btr_place a, struct btr_place b)
{
    if (a.time_ns != b.time_ns)
        return a.time_ns < b.time_ns ? -1 : 1;
    return (a.number > b.number) - (a.number < b.number);
}

static bool before(const struct follow_held *a, const struct follow_held *b)
{
    int c = follow_place_compare(a->place, b->place);
    return c != 0 ? c < 0 : a->arrival < b->arrival;
}

void follow_order_fini(struct follow_order *o)
{
    for (uint32_t i = 0; i < o->count; i++)
        btr_buffer_fini(&o->items[i].bytes);
    free(o->items);
    *o = (struct follow_order){0};
}

static bool room(struct follow_order *o)
{
    if (o->count < o->capacity)
        return true;
    uint32_t capacity = o->capacity ? o->capacity * 2 : 64;
    struct follow_held *grown = realloc(o->items, capacity * sizeof *grown);
    if (!grown)
        return false;
    o->items = grown;
    o->capacity = capacity;
    return true;
}

static void swap(struct follow_held *a, struct follow_held *b)
{
    struct follow_held other = *a;
    *a = *b;
    *b = other;
}

static void rise(struct follow_order *o, uint32_t at)
{
    for (; at > 0 && before(&o->items[at], &o->items[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&o->items[at], &o->items[(at - 1) / 2]);
}

static void sink(struct follow_order *o)
{
    uint32_t at = 0;
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < o->count; child++)
            if (before(&o->items[child], &o->items[least]))
                least = child;
        if (least == at)
            return;
        swap(&o->items[at], &o->items[least]);
        at = least;
    }
}

bool follow_order_add(struct follow_order *o, const struct follow_held *from, struct btr_span name,
                      struct btr_span record)
{
    if (!room(o))
        return false;
    struct follow_held *held = &o->items[o->count];
    *held = *from;
    held->arrival = o->arrivals;
    held->name_size = name.size;
    held->bytes = (struct btr_buffer){0};
    btr_buffer_span(&held->bytes, name);
    btr_buffer_u8(&held->bytes, 0);
    btr_buffer_span(&held->bytes, record);
    if (held->bytes.failed) {
        btr_buffer_fini(&held->bytes);
        return false;
    }
    o->arrivals++;
    o->size += held->bytes.size;
    rise(o, o->count++);
    return true;
}

const struct follow_held *follow_order_first(const struct follow_order *o)
{
    return o->count > 0 ? &o->items[0] : NULL;
}

struct follow_held follow_order_take(struct follow_order *o)
{
    struct follow_held first = o->items[0];
    o->items[0] = o->items[--o->count];
    o->size -= first.bytes.size;
    sink(o);
    return first;
}

bool follow_order_is_full(const struct follow_order *o)
{
    return o->count >= FOLLOW_HELD_MAX || o->size >= FOLLOW_HELD_SIZE;
}

static int by_arrival(const void *x, const void *y)
{
    const struct follow_held *const *a = x, *const *b = y;
    return ((*a)->arrival > (*b)->arrival) - ((*a)->arrival < (*b)->arrival);
}

void follow_order_put(struct btr_buffer *out, const struct follow_order *o)
{
    const struct follow_held **sorted = malloc((o->count + 1U) * sizeof(void *));
    btr_buffer_varint(out, o->count);
    if (!sorted) {
        out->failed = true;
        return;
    }
    for (uint32_t i = 0; i < o->count; i++)
        sorted[i] = &o->items[i];
    qsort(sorted, o->count, sizeof(void *), by_arrival);
    for (uint32_t i = 0; i < o->count; i++) {
        btr_buffer_svarint(out, sorted[i]->place.time_ns);
        btr_buffer_varint(out, sorted[i]->place.number);
        btr_buffer_u64(out, sorted[i]->head_hash);
        btr_buffer_varint(out, (uint64_t)sorted[i]->offset);
        btr_buffer_u8(out, sorted[i]->replayed);
        btr_buffer_varint(out, sorted[i]->name_size);
        btr_buffer_varint(out, sorted[i]->bytes.size);
        btr_buffer_span(out, btr_buffer_view(&sorted[i]->bytes));
    }
    free(sorted);
}

/* Bytes as `add` made them. */
static bool bytes_get(struct btr_cursor *in, struct btr_span *name, struct btr_span *record)
{
    uint64_t name_size, size;
    struct btr_span bytes;
    if (!btr_cursor_varint(in, &name_size) || !btr_cursor_varint(in, &size) ||
        size > in->rest.size || name_size >= size || !btr_cursor_span(in, (size_t)size, &bytes) ||
        bytes.at[name_size] != 0)
        return false;
    *name = (struct btr_span){bytes.at, (size_t)name_size};
    *record = (struct btr_span){bytes.at + name_size + 1, (size_t)(size - name_size - 1)};
    return true;
}

bool follow_order_get(struct btr_cursor *in, struct follow_order *o)
{
    uint64_t count, offset;
    if (!btr_cursor_varint(in, &count) || count > FOLLOW_HELD_MAX + 1)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct follow_held held = {0};
        struct btr_span name, record;
        uint8_t replayed;
        if (!btr_cursor_svarint(in, &held.place.time_ns) ||
            !btr_cursor_varint(in, &held.place.number) || !btr_cursor_u64(in, &held.head_hash) ||
            !btr_cursor_varint(in, &offset) || offset > INT64_MAX ||
            !btr_cursor_u8(in, &replayed) || replayed > 1 || !bytes_get(in, &name, &record))
            return false;
        held.offset = (int64_t)offset;
        held.replayed = replayed != 0;
        if (!follow_order_add(o, &held, name, record))
            return false;
    }
    return true;
}
