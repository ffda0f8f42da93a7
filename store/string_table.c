#include "string_table.h"

void store_strings_fini(struct store_strings *s)
{
    btr_buffer_fini(&s->bytes);
    free(s->ends);
    free(s->next);
    btr_u64map_fini(&s->by_hash);
    *s = (struct store_strings){0};
}

void store_strings_clear(struct store_strings *s)
{
    btr_buffer_clear(&s->bytes);
    btr_u64map_clear(&s->by_hash);
    s->count = 0;
}

struct btr_span store_strings_at(const struct store_strings *s, uint32_t number)
{
    uint64_t begin = number == 0 ? 0 : s->ends[number - 1];
    if (s->ends[number] == begin)
        return (struct btr_span){NULL, 0};
    return (struct btr_span){s->bytes.at + begin, (size_t)(s->ends[number] - begin)};
}

static bool room_for_one(struct store_strings *s)
{
    if (s->count < s->capacity)
        return true;
    if (s->capacity > UINT32_MAX / 4)
        return false;
    uint32_t capacity = s->capacity == 0 ? 256 : s->capacity * 2;
    uint64_t *ends = realloc(s->ends, capacity * sizeof(*ends));
    if (ends)
        s->ends = ends;
    uint32_t *next = realloc(s->next, capacity * sizeof(*next));
    if (next)
        s->next = next;
    if (!ends || !next)
        return false;
    s->capacity = capacity;
    return true;
}

uint32_t store_strings_add(struct store_strings *s, struct btr_span text)
{
    uint64_t hash = btr_hash64(text);
    uint32_t head = btr_u64map_get(&s->by_hash, hash);
    for (uint32_t i = head; i != UINT32_MAX; i = s->next[i])
        if (btr_span_equal(store_strings_at(s, i), text))
            return i;
    if (!room_for_one(s))
        return UINT32_MAX;
    btr_buffer_span(&s->bytes, text);
    if (s->bytes.failed || !btr_u64map_set(&s->by_hash, hash, s->count))
        return UINT32_MAX;
    s->ends[s->count] = s->bytes.size;
    s->next[s->count] = head;
    return s->count++;
}
