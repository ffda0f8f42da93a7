#include "state.h"

#include <btr/list.h>

enum {
    SIZE_DEFAULT = 16 << 20,                  /* bytes for a host when the caller names none */
    ITEM_COST = sizeof(struct win_item) + 32, /* with its place in the maps */
    LIMIT_MIN = 64,
    ITEMS_FIRST = 4, /* most hosts of a fleet have few sessions, services and tasks; of a flood, one
                        process */
    LIMIT_MAX = 1 << 18,
    HELD_MAX = 8192, /* records */
};

bool win_state_init(struct btr_decoder_state *state, const struct btr_decoder_config *config)
{
    static const unsigned shares[] = {
#define WIN_TABLE_SHARES(name, parts) parts,
        WIN_TABLES(WIN_TABLE_SHARES)
#undef WIN_TABLE_SHARES
    };
    uint64_t size = config->size_max ? config->size_max : SIZE_DEFAULT;
    state->config = *config;
    state->text_max = size / 4;
    state->held_max = size / 4;
    for (unsigned i = 0; i < WIN_TABLE_COUNT; i++) {
        uint64_t limit = size / 2 * shares[i] / 64 / ITEM_COST;
        limit = limit < LIMIT_MIN ? LIMIT_MIN : limit > LIMIT_MAX ? LIMIT_MAX : limit;
        state->tables[i] =
            (struct win_table){.limit = (uint32_t)limit, .newest = WIN_NONE, .oldest = WIN_NONE};
    }
    state->reader = config->json ? config->json : btr_json_reader_new();
    return state->reader != NULL;
}

static void item_clear(struct btr_decoder_state *state, struct win_item *item)
{
    for (unsigned i = 0; i < WIN_TEXTS; i++) {
        state->text_size -= item->text[i].size;
        free(item->text[i].at);
    }
}

static void table_fini(struct btr_decoder_state *state, struct win_table *table)
{
    for (uint32_t i = table->newest; i != WIN_NONE; i = table->items[i].older_use)
        item_clear(state, &table->items[i]);
    free(table->items);
    btr_u64map_fini(&table->slots);
}

static void channel_free(struct win_channel *c)
{
    free(c->name);
    free(c);
}

void win_state_fini(struct btr_decoder_state *state)
{
    for (unsigned i = 0; i < WIN_TABLE_COUNT; i++)
        table_fini(state, &state->tables[i]);
    for (uint32_t i = 0; i < state->channel_count; i++)
        channel_free(state->channels[i]);
    win_held_drop(state, state->held_count);
    free(state->held);
    btr_u64map_fini(&state->pids);
    btr_idmap_fini(&state->noted);
    if (!state->config.json)
        btr_json_reader_free(state->reader);
}

uint64_t win_state_memory(const struct btr_decoder_state *state)
{
    uint64_t bytes = sizeof(*state) + state->text_size + state->held_size +
                     state->held_capacity * sizeof(*state->held) +
                     state->channel_count * sizeof(struct win_channel) +
                     state->pids.capacity * (sizeof(uint64_t) + sizeof(uint32_t)) +
                     state->noted.capacity * (sizeof(struct btr_id) + sizeof(uint32_t));
    for (unsigned i = 0; i < WIN_TABLE_COUNT; i++)
        bytes += state->tables[i].capacity * (uint64_t)ITEM_COST;
    return bytes;
}

/* ---- Use ------------------------------------------------------------------------------------ */

static void use_remove(struct win_table *t, uint32_t slot)
{
    struct win_item *item = &t->items[slot];
    if (item->newer_use == WIN_NONE)
        t->newest = item->older_use;
    else
        t->items[item->newer_use].older_use = item->older_use;
    if (item->older_use == WIN_NONE)
        t->oldest = item->newer_use;
    else
        t->items[item->older_use].newer_use = item->newer_use;
}

static void use_push(struct win_table *t, uint32_t slot)
{
    t->items[slot].newer_use = WIN_NONE;
    t->items[slot].older_use = t->newest;
    if (t->newest != WIN_NONE)
        t->items[t->newest].newer_use = slot;
    t->newest = slot;
    if (t->oldest == WIN_NONE)
        t->oldest = slot;
}

struct win_item *win_item_find(struct btr_decoder_state *state, enum win_table_name table,
                               struct btr_id key)
{
    struct win_table *t = &state->tables[table];
    uint32_t slot = btr_u64map_get(&t->slots, key.lo);
    if (slot == WIN_NONE || !btr_id_equal(t->items[slot].key, key))
        return NULL;
    if (t->newest != slot) {
        use_remove(t, slot);
        use_push(t, slot);
    }
    return &t->items[slot];
}

/* ---- Pids ----------------------------------------------------------------------------------- */

static void pid_unchain(struct btr_decoder_state *state, const struct win_item *process)
{
    struct win_item *items = state->tables[WIN_PROCESS].items;
    uint32_t slot = (uint32_t)(process - items);
    uint32_t at = btr_u64map_get(&state->pids, process->number);
    if (process->born == 0 || at == WIN_NONE)
        return;
    if (at == slot) {
        if (process->older == WIN_NONE)
            btr_u64map_remove(&state->pids, process->number);
        else
            btr_u64map_set(&state->pids, process->number,
                           process->older); /* replaces: needs no memory */
        return;
    }
    while (items[at].older != slot && items[at].older != WIN_NONE)
        at = items[at].older;
    items[at].older = process->older;
}

static bool pid_link(struct btr_decoder_state *state, struct win_item *process)
{
    uint32_t slot = (uint32_t)(process - state->tables[WIN_PROCESS].items);
    uint32_t head = btr_u64map_get(&state->pids, process->number);
    if (!btr_u64map_set(&state->pids, process->number, slot))
        return false;
    process->older = head;
    return true;
}

bool win_pid_chain(struct btr_decoder_state *state, struct win_item *process, uint64_t pid)
{
    if (process->born)
        return true;
    process->number = pid;
    if (!pid_link(state, process))
        return false;
    process->born = ++state->born;
    return true;
}

struct win_item *win_pid_first(struct btr_decoder_state *state, uint64_t pid)
{
    uint32_t slot = btr_u64map_get(&state->pids, pid);
    return slot == WIN_NONE ? NULL : &state->tables[WIN_PROCESS].items[slot];
}

struct win_item *win_pid_next(struct btr_decoder_state *state, const struct win_item *process)
{
    return process->older == WIN_NONE ? NULL : &state->tables[WIN_PROCESS].items[process->older];
}

/* ---- Adding and forgetting ------------------------------------------------------------------ */

/* Takes an item out; its slot is free then. */
static void item_drop(struct btr_decoder_state *state, struct win_table *t, uint32_t slot)
{
    if (t == &state->tables[WIN_PROCESS])
        pid_unchain(state, &t->items[slot]);
    use_remove(t, slot);
    btr_u64map_remove(&t->slots, t->items[slot].key.lo);
    item_clear(state, &t->items[slot]);
    t->count--;
}

/* Keeps the items dense: the last one moves into the freed slot. */
static void item_fill_slot(struct btr_decoder_state *state, struct win_table *t, uint32_t slot)
{
    uint32_t last = t->count;
    if (slot == last)
        return;
    struct win_item *moved = &t->items[last];
    if (t == &state->tables[WIN_PROCESS] && moved->born) {
        uint32_t at = btr_u64map_get(&state->pids, moved->number);
        if (at == last)
            btr_u64map_set(&state->pids, moved->number, slot);
        else
            for (; at != WIN_NONE; at = t->items[at].older)
                if (t->items[at].older == last) {
                    t->items[at].older = slot;
                    break;
                }
    }
    if (moved->newer_use == WIN_NONE)
        t->newest = slot;
    else
        t->items[moved->newer_use].older_use = slot;
    if (moved->older_use == WIN_NONE)
        t->oldest = slot;
    else
        t->items[moved->older_use].newer_use = slot;
    btr_u64map_set(&t->slots, moved->key.lo, slot);
    t->items[slot] = *moved;
}

static void evict_oldest(struct btr_decoder_state *state, struct win_table *t)
{
    uint32_t slot = t->oldest;
    item_drop(state, t, slot);
    item_fill_slot(state, t, slot);
    state->stats.evicted++;
}

void win_item_forget(struct btr_decoder_state *state, enum win_table_name table, struct btr_id key)
{
    struct win_table *t = &state->tables[table];
    uint32_t slot = btr_u64map_get(&t->slots, key.lo);
    if (slot == WIN_NONE || !btr_id_equal(t->items[slot].key, key))
        return;
    item_drop(state, t, slot);
    item_fill_slot(state, t, slot);
}

static bool table_grow(struct win_table *t)
{
    uint32_t capacity = t->capacity ? t->capacity * 2 : ITEMS_FIRST;
    if (capacity > t->limit)
        capacity = t->limit;
    struct win_item *items = realloc(t->items, capacity * sizeof(*items));
    if (!items)
        return false;
    t->items = items;
    t->capacity = capacity;
    return true;
}

struct win_item *win_item_add(struct btr_decoder_state *state, enum win_table_name table,
                              struct btr_id key)
{
    struct win_table *t = &state->tables[table];
    uint32_t same = btr_u64map_get(&t->slots, key.lo);
    if (same != WIN_NONE) { /* another key with the same half: the newer one stays */
        item_drop(state, t, same);
        item_fill_slot(state, t, same);
        state->stats.evicted++;
    }
    while (t->count && (t->count == t->limit || state->text_size > state->text_max))
        evict_oldest(state, t);
    if (t->count == t->capacity && !table_grow(t))
        return NULL;
    if (!btr_u64map_set(&t->slots, key.lo, t->count))
        return NULL;
    struct win_item *item = &t->items[t->count];
    *item = (struct win_item){
        .key = key, .id = key, .start_ns = INT64_MIN, .end_ns = INT64_MAX, .older = WIN_NONE};
    use_push(t, t->count++);
    return item;
}

struct win_item *win_item_get(struct btr_decoder_state *state, enum win_table_name table,
                              struct btr_id key)
{
    struct win_item *item = win_item_find(state, table, key);
    return item ? item : win_item_add(state, table, key);
}

bool win_item_text(struct btr_decoder_state *state, struct win_item *item, unsigned which,
                   struct btr_span value)
{
    struct win_text *text = &item->text[which];
    size_t size = value.size > WIN_TEXT_MAX ? WIN_TEXT_MAX : value.size;
    if (size == 0 || (size == text->size && memcmp(text->at, value.at, size) == 0))
        return true;
    uint8_t *at = realloc(text->at, size);
    if (!at)
        return false;
    memcpy(at, value.at, size);
    state->text_size = state->text_size - text->size + size;
    *text = (struct win_text){at, (uint32_t)size};
    return true;
}

/* ---- Channels ------------------------------------------------------------------------------- */

/* Room for one more; the one used longest ago makes it. */
static struct win_channel **channel_room(struct btr_decoder_state *state)
{
    if (state->channel_count < WIN_CHANNELS)
        return &state->channels[state->channel_count++];
    struct win_channel **oldest = &state->channels[0];
    for (uint32_t i = 1; i < WIN_CHANNELS; i++)
        if (state->channels[i]->used < (*oldest)->used)
            oldest = &state->channels[i];
    channel_free(*oldest);
    state->stats.evicted++;
    return oldest;
}

struct win_channel *win_channel_get(struct btr_decoder_state *state, struct btr_span name)
{
    for (uint32_t i = 0; i < state->channel_count; i++) {
        struct win_channel *c = state->channels[i];
        if (btr_span_equal((struct btr_span){c->name, c->name_size}, name)) {
            c->used = ++state->channel_clock;
            return c;
        }
    }
    struct win_channel *c = calloc(1, sizeof(*c));
    uint8_t *copy = malloc(name.size + 1);
    if (!c || !copy) {
        free(c);
        free(copy);
        return NULL;
    }
    if (name.size)
        memcpy(copy, name.at, name.size);
    *c = (struct win_channel){.name = copy, .name_size = name.size, .used = ++state->channel_clock};
    *channel_room(state) = c;
    return c;
}

/* ---- Held records --------------------------------------------------------------------------- */

int win_held_add(struct btr_decoder_state *state, struct btr_span record, uint64_t line)
{
    if (state->held_enough || state->held_count == HELD_MAX ||
        state->held_size + record.size > state->held_max)
        return 0;
    if (!btr_list_room(&state->held, state->held_count, &state->held_capacity, 64,
                       sizeof *state->held))
        return BTR_E_NOMEM;
    uint8_t *copy = malloc(record.size + 1);
    if (!copy)
        return BTR_E_NOMEM;
    memcpy(copy, record.at, record.size);
    state->held[state->held_count++] = (struct win_held){copy, (uint32_t)record.size, line};
    state->held_size += record.size;
    return 1;
}

void win_held_drop(struct btr_decoder_state *state, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        state->held_size -= state->held[i].size;
        free(state->held[i].at);
    }
    if (count == 0)
        return;
    memmove(state->held, state->held + count, (state->held_count - count) * sizeof(*state->held));
    state->held_count -= count;
}
