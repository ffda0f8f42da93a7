#include "nodes.h"

#include <assert.h>

enum { CAPACITY_MIN = 64 };
#define CAPACITY_MAX (UINT32_C(1) << 30)
#define SLOT_FREE UINT64_MAX /* no node has the number UINT32_MAX */

enum { NODE_SIZE = sizeof(struct graph_node) + sizeof(struct graph_settling) };

void graph_nodes_fini(struct graph_nodes *n)
{
    free(n->items);
    free(n->settlings);
    free(n->slots);
    *n = (struct graph_nodes){0};
}

uint64_t graph_nodes_bytes(const struct graph_nodes *n)
{
    return (uint64_t)n->capacity * NODE_SIZE + (uint64_t)n->slot_count * sizeof(*n->slots);
}

/* @return the capacity that has room for more, 0 when there is none */
static uint32_t capacity_for(const struct graph_nodes *n, uint32_t more)
{
    uint32_t capacity = n->capacity ? n->capacity : CAPACITY_MIN;
    if (more > CAPACITY_MAX - n->count)
        return 0;
    while (capacity < n->count + more)
        capacity *= 2;
    return capacity;
}

/* Nodes at most half as many as slots. */
static uint64_t slots_for(uint32_t capacity)
{
    return 2 * (uint64_t)capacity;
}

uint64_t graph_nodes_growth(const struct graph_nodes *n, uint32_t more)
{
    uint64_t capacity = capacity_for(n, more);
    if (capacity == 0)
        return UINT64_MAX;
    return (capacity - n->capacity) * NODE_SIZE +
           (slots_for((uint32_t)capacity) - n->slot_count) * sizeof(*n->slots);
}

static void slot_fill(struct graph_nodes *n, uint32_t node)
{
    struct btr_id id = n->items[node].id;
    uint32_t slot = graph_nodes_home(n, id);
    while (n->slots[slot] != SLOT_FREE)
        slot = (slot + 1) & (n->slot_count - 1);
    n->slots[slot] = (id.hi >> 32 << 32) | node;
}

static bool slots_grow(struct graph_nodes *n, uint32_t slot_count)
{
    uint64_t *slots = malloc(slot_count * sizeof(*slots));
    if (!slots)
        return false;
    free(n->slots);
    n->slots = slots;
    n->slot_count = slot_count;
    memset(slots, 0xff, slot_count * sizeof(*slots));
    for (uint32_t i = 0; i < n->count; i++)
        slot_fill(n, i);
    return true;
}

bool graph_nodes_room(struct graph_nodes *n, uint32_t more)
{
    if (more <= n->capacity - n->count)
        return true;
    uint32_t capacity = capacity_for(n, more);
    if (capacity == 0)
        return false;
    struct graph_node *items = realloc(n->items, capacity * sizeof(*items));
    if (items)
        n->items = items;
    struct graph_settling *settlings = realloc(n->settlings, capacity * sizeof(*settlings));
    if (settlings)
        n->settlings = settlings;
    if (!items || !settlings || !slots_grow(n, (uint32_t)slots_for(capacity)))
        return false;
    n->capacity = capacity;
    return true;
}

uint32_t graph_nodes_add(struct graph_nodes *n, struct btr_id id)
{
    assert(n->count < n->capacity);
    uint32_t node = n->count++;
    n->items[node] = (struct graph_node){.id = id};
    n->settlings[node] = (struct graph_settling){.part = UINT32_MAX,
                                                 .first_pair = UINT32_MAX,
                                                 .range_first = UINT32_MAX,
                                                 .range_last = UINT32_MAX};
    slot_fill(n, node);
    return node;
}

uint32_t graph_nodes_find(const struct graph_nodes *n, struct btr_id id)
{
    if (n->count == 0)
        return UINT32_MAX;
    uint32_t slot = graph_nodes_home(n, id);
    for (; n->slots[slot] != SLOT_FREE; slot = (slot + 1) & (n->slot_count - 1)) {
        uint32_t node = (uint32_t)n->slots[slot];
        if (n->slots[slot] >> 32 == id.hi >> 32 && btr_id_equal(n->items[node].id, id))
            return node;
    }
    return UINT32_MAX;
}
