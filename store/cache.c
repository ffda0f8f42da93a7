#include "cache.h"

void store_cache_fini(struct store_cache *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->slots[i]->data);
        free(c->slots[i]->more);
        c->slots[i]->data = c->slots[i]->more = NULL;
    }
    free(c->slots);
    *c = (struct store_cache){0};
}

/* Two rounds: the first takes the marks away. Pinned blocks may keep it above the budget. */
static void evict(struct store_cache *c)
{
    for (size_t steps = c->count * 2; steps > 0 && c->count > 0 && c->size > c->size_max; steps--) {
        c->hand = c->hand < c->count ? c->hand : 0;
        struct cache_slot *slot = c->slots[c->hand];
        if (slot->pins > 0 || slot->used) {
            slot->used = false;
            c->hand++;
            continue;
        }
        c->size -= slot->size;
        free(slot->data);
        free(slot->more);
        slot->data = slot->more = NULL;
        c->slots[c->hand] = c->slots[--c->count];
    }
}

bool store_cache_put(struct store_cache *c, struct cache_slot *slot, void *data, size_t size)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity == 0 ? 256 : c->capacity * 2;
        struct cache_slot **slots = realloc(c->slots, capacity * sizeof(struct cache_slot *));
        if (!slots) {
            free(data);
            return false;
        }
        c->slots = slots;
        c->capacity = capacity;
    }
    /* pinned, so that it survives its own coming */
    *slot = (struct cache_slot){.data = data, .size = size, .pins = 1, .used = true};
    c->slots[c->count++] = slot;
    c->size += size;
    evict(c);
    slot->pins = 0;
    return true;
}

void store_cache_add(struct store_cache *c, struct cache_slot *slot, void *more, size_t size)
{
    assert(slot->data && !slot->more);
    slot->more = more;
    slot->size += size;
    c->size += size;
}
