#include "frontier.h"

#include <assert.h>

static bool goes_first(const struct graph_frontier_entry *a, const struct graph_frontier_entry *b)
{
    if (a->key != b->key)
        return a->key > b->key;
    return btr_id_compare(a->id, b->id) < 0;
}

static void put(struct graph_frontier *f, uint32_t at, struct graph_frontier_entry entry)
{
    f->heap[at] = entry;
    f->place[entry.node] = at;
}

static void sift_up(struct graph_frontier *f, uint32_t at, struct graph_frontier_entry entry)
{
    while (at > 0 && goes_first(&entry, &f->heap[(at - 1) / 2])) {
        put(f, at, f->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(f, at, entry);
}

static void sift_down(struct graph_frontier *f, uint32_t at, struct graph_frontier_entry entry)
{
    for (;;) {
        uint64_t child = 2 * (uint64_t)at + 1;
        if (child >= f->count)
            break;
        if (child + 1 < f->count && goes_first(&f->heap[child + 1], &f->heap[child]))
            child++;
        if (!goes_first(&f->heap[child], &entry))
            break;
        put(f, at, f->heap[child]);
        at = (uint32_t)child;
    }
    put(f, at, entry);
}

static bool make_place(struct graph_frontier *f, uint32_t node)
{
    if (node < f->place_capacity)
        return true;
    uint32_t capacity = f->place_capacity ? f->place_capacity : 64;
    while (capacity <= node)
        capacity = capacity > UINT32_MAX / 2 ? UINT32_MAX : 2 * capacity;
    uint32_t *place = realloc(f->place, capacity * sizeof(*place));
    if (!place)
        return false;
    for (uint32_t i = f->place_capacity; i < capacity; i++)
        place[i] = UINT32_MAX;
    f->place = place;
    f->place_capacity = capacity;
    return true;
}

static bool make_room(struct graph_frontier *f)
{
    if (f->count < f->capacity)
        return true;
    uint32_t capacity = f->capacity ? 2 * f->capacity : 64;
    struct graph_frontier_entry *heap = realloc(f->heap, capacity * sizeof(*heap));
    if (!heap)
        return false;
    f->heap = heap;
    f->capacity = capacity;
    return true;
}

void graph_frontier_fini(struct graph_frontier *f)
{
    free(f->heap);
    free(f->place);
    *f = (struct graph_frontier){0};
}

uint64_t graph_frontier_bytes(const struct graph_frontier *f)
{
    return (uint64_t)f->capacity * sizeof(*f->heap) +
           (uint64_t)f->place_capacity * sizeof(*f->place);
}

bool graph_frontier_raise(struct graph_frontier *f, uint32_t node, struct btr_id id, int64_t key)
{
    if (!make_place(f, node))
        return false;
    uint32_t at = f->place[node];
    if (at == UINT32_MAX) {
        if (!make_room(f))
            return false;
        at = f->count++;
    } else if (f->heap[at].key >= key) {
        return true;
    }
    sift_up(f, at, (struct graph_frontier_entry){key, id, node});
    return true;
}

struct graph_frontier_entry graph_frontier_pop(struct graph_frontier *f)
{
    assert(f->count > 0);
    struct graph_frontier_entry first = f->heap[0];
    f->place[first.node] = UINT32_MAX;
    f->count--;
    if (f->count > 0)
        sift_down(f, 0, f->heap[f->count]);
    return first;
}
