#include "manners.h"

void graph_manners_fini(struct graph_manners *m)
{
    free(m->items);
    btr_u64map_fini(&m->known);
    *m = (struct graph_manners){0};
}

uint64_t graph_manners_bytes(const struct graph_manners *m)
{
    return (uint64_t)m->capacity * sizeof(*m->items) +
           (uint64_t)m->known.capacity * (sizeof(uint64_t) + sizeof(uint32_t));
}

static bool make_room(struct graph_manners *m)
{
    if (m->count < m->capacity)
        return true;
    uint32_t capacity = m->capacity ? 2 * m->capacity : 32;
    struct btr_manner *items = realloc(m->items, capacity * sizeof(*items));
    if (!items)
        return false;
    m->items = items;
    m->capacity = capacity;
    return true;
}

uint32_t graph_manners_seek(struct graph_manners *m, struct btr_manner manner)
{
    uint64_t key = graph_manner_key(manner);
    uint32_t at = btr_u64map_get(&m->known, key);
    if (at == UINT32_MAX) {
        if (!make_room(m) || !btr_u64map_set(&m->known, key, m->count))
            return UINT32_MAX;
        at = m->count++;
        m->items[at] = manner;
    }
    m->last_key = key;
    m->last = at;
    return at;
}
