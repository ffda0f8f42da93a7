#include <assert.h>

#include "state.h"

/* Bytes that one process, object and inode may cost on average; sets how many fit in the state's
 * bound. */
enum { PROCESS_COST = 1200, OBJECT_COST = 400, INODE_COST = 600 };

static void limits_set(struct audit_host *h)
{
    uint32_t size = h->config.size_max ? h->config.size_max : 64u << 20;
    h->process_max = size / 4 / PROCESS_COST + 64;
    h->object_max = size / 2 / OBJECT_COST + 256;
    h->inode_max = size / 4 / INODE_COST + 256;
    h->bytes_max = size;
}

struct audit_host *audit_host_new(const struct btr_decoder_config *config)
{
    struct audit_host *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    h->config = *config;
    h->object_free = h->process_free = h->table_free = AUDIT_NONE;
    h->noted_epoch = UINT32_MAX;
    h->in_hand[0] = h->in_hand[1] = AUDIT_NONE;
    memset(h->inodes_in_hand, 0xff, sizeof(h->inodes_in_hand));
    audit_string_set(h, &h->host, config->host);
    h->serial_space = btr_hosts_serial_space(config->hosts, config->host);
    h->shared = serials_of(config->serials, config->host, &h->shared_member);
    h->interned_most = 256;
    limits_set(h);
    return h;
}

uint64_t audit_host_memory(const struct audit_host *h)
{
    return sizeof(*h) + h->bytes + h->object_capacity * sizeof(*h->objects) +
           h->process_capacity * sizeof(*h->processes) + h->table_capacity * sizeof(*h->tables) +
           h->inode_capacity * sizeof(*h->inodes) + h->interned_capacity * sizeof(*h->interned) +
           (h->pids.capacity + h->inode_map.capacity) * (sizeof(uint64_t) + sizeof(uint32_t));
}

void audit_host_free(struct audit_host *h)
{
    if (!h)
        return;
    for (uint32_t i = 0; i < h->process_count; i++) {
        free((void *)h->processes[i].exe.at);
        free((void *)h->processes[i].comm.at);
        free((void *)h->processes[i].command.at);
        free((void *)h->processes[i].cwd.at);
    }
    for (uint32_t i = 0; i < h->object_count; i++)
        free((void *)h->objects[i].path.at);
    for (uint32_t i = 0; i < h->inode_count; i++)
        audit_inode_clear(h, i);
    for (uint32_t i = 0; i < h->table_count; i++)
        free(h->tables[i].slots);
    for (uint32_t i = 0; i < h->interned_count; i++)
        free((void *)h->interned[i].at);
    free(h->interned);
    free(h->processes);
    free(h->objects);
    free(h->tables);
    free(h->inodes);
    btr_u64map_fini(&h->pids);
    btr_u64map_fini(&h->inode_map);
    btr_u64map_fini(&h->told);
    btr_u64map_fini(&h->bound);
    btr_idmap_fini(&h->noted);
    free((void *)h->host.at);
    free(h);
}

void audit_string_set(struct audit_host *h, struct btr_span *owned, struct btr_span value)
{
    if (btr_span_equal(*owned, value))
        return;
    uint8_t *copy = NULL;
    if (value.size > 0) {
        copy = malloc(value.size);
        if (!copy) {
            h->out_of_memory = true;
            return;
        }
        memcpy(copy, value.at, value.size);
    }
    h->bytes += value.size - owned->size;
    free((void *)owned->at);
    *owned = (struct btr_span){copy, value.size};
}

struct btr_span audit_intern(struct audit_host *h, struct btr_span value)
{
    if (value.size == 0)
        return (struct btr_span){NULL, 0};
    for (uint32_t i = 0; i < h->interned_count; i++)
        if (btr_span_equal(h->interned[i], value))
            return h->interned[i];
    if (h->interned_count == h->interned_capacity) {
        uint32_t capacity = h->interned_capacity ? 2 * h->interned_capacity : 16;
        struct btr_span *grown = realloc(h->interned, capacity * sizeof(*grown));
        if (!grown) {
            h->out_of_memory = true;
            return (struct btr_span){NULL, 0};
        }
        h->interned = grown;
        h->interned_capacity = capacity;
    }
    struct btr_span *slot = &h->interned[h->interned_count];
    *slot = (struct btr_span){NULL, 0};
    audit_string_set(h, slot, value);
    if (slot->size)
        h->interned_count++;
    return *slot;
}

/* Marks the interned string that a span is, if it is one. */
static void interned_mark(const struct audit_host *h, uint8_t *marks, struct btr_span s)
{
    for (uint32_t i = 0; s.size && i < h->interned_count; i++)
        if (h->interned[i].at == s.at) {
            marks[i] = 1;
            return;
        }
}

static void interned_mark_all(const struct audit_host *h, uint8_t *marks)
{
    for (uint32_t i = 0; i < h->process_count; i++) {
        interned_mark(h, marks, h->processes[i].root);
        interned_mark(h, marks, h->processes[i].prefix);
    }
    for (uint32_t i = 0; i < h->object_count; i++)
        interned_mark(h, marks, h->objects[i].root);
    for (uint32_t i = 0; i < h->inode_count; i++)
        for (uint16_t n = 0; n < h->inodes[i].name_count; n++)
            interned_mark(h, marks, h->inodes[i].names[n].root);
}

void audit_interned_sweep(struct audit_host *h, uint32_t least)
{
    uint8_t *marks = calloc(h->interned_count + 1, 1);
    if (!marks) {
        h->out_of_memory = true;
        return;
    }
    interned_mark_all(h, marks);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < h->interned_count; i++) {
        if (marks[i])
            h->interned[kept++] = h->interned[i];
        else
            audit_string_set(h, &h->interned[i], (struct btr_span){NULL, 0});
    }
    free(marks);
    h->interned_count = kept;
    h->interned_most = 2 * kept > least ? 2 * kept : least;
}

/* Grows a pool to hold one more. */
static bool pool_grow(struct audit_host *h, void **items, uint32_t count, uint32_t *capacity,
                      size_t item_size)
{
    if (count < *capacity)
        return true;
    uint32_t wanted = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(*items, wanted * item_size);
    if (!grown) {
        h->out_of_memory = true;
        return false;
    }
    *items = grown;
    *capacity = wanted;
    return true;
}

/* While a state is loaded its own counts are the bound. */
uint32_t audit_object_new(struct audit_host *h)
{
    if (h->batch && (h->object_live >= h->object_max || h->bytes > h->bytes_max)) {
        h->evicted++;
        return AUDIT_NONE;
    }
    uint32_t at = h->object_free;
    if (at != AUDIT_NONE) {
        h->object_free = h->objects[at].inode; /* the free list runs through this field */
    } else {
        if (!pool_grow(h, (void **)&h->objects, h->object_count, &h->object_capacity,
                       sizeof(*h->objects)))
            return AUDIT_NONE;
        at = h->object_count++;
    }
    h->object_live++;
    h->objects[at] =
        (struct audit_object){.refs = 1, .inode = AUDIT_NONE, .noted_epoch = UINT32_MAX};
    return at;
}

void audit_object_hold(struct audit_host *h, uint32_t object)
{
    h->objects[object].refs++;
}

void audit_object_drop(struct audit_host *h, uint32_t object)
{
    struct audit_object *o = &h->objects[object];
    assert(o->refs > 0);
    if (--o->refs > 0)
        return;
    if (o->inode != AUDIT_NONE)
        h->inodes[o->inode].refs--;
    h->bytes -= o->path.size;
    free((void *)o->path.at);
    *o = (struct audit_object){.inode = h->object_free};
    h->object_free = object;
    h->object_live--;
}

uint32_t audit_process_new(struct audit_host *h, uint32_t pid)
{
    uint32_t old = btr_u64map_get(&h->pids, pid);
    if (old != AUDIT_NONE)
        audit_process_free(h, old);
    if (h->pids.count >= h->process_max) {
        h->evicted++;
        return AUDIT_NONE;
    }
    uint32_t at = h->process_free;
    if (at != AUDIT_NONE) {
        h->process_free = h->processes[at].ppid; /* the free list runs through this field */
    } else {
        if (!pool_grow(h, (void **)&h->processes, h->process_count, &h->process_capacity,
                       sizeof(*h->processes)))
            return AUDIT_NONE;
        at = h->process_count++;
    }
    h->processes[at] = (struct audit_process){.pid = pid,
                                              .table = AUDIT_NONE,
                                              .noted_epoch = UINT32_MAX,
                                              .uid = UINT32_MAX,
                                              .auid = UINT32_MAX,
                                              .ses = UINT32_MAX};
    if (!btr_u64map_set(&h->pids, pid, at)) {
        h->out_of_memory = true;
        return AUDIT_NONE;
    }
    return at;
}

void audit_process_free(struct audit_host *h, uint32_t process)
{
    struct audit_process *p = &h->processes[process];
    audit_maps_end(h, process);
    if (p->table != AUDIT_NONE)
        audit_table_drop(h, p->table);
    h->bytes -= p->exe.size + p->comm.size + p->command.size + p->cwd.size;
    free((void *)p->exe.at);
    free((void *)p->comm.at);
    free((void *)p->command.at);
    free((void *)p->cwd.at);
    btr_u64map_remove(&h->pids, p->pid);
    *p = (struct audit_process){.ppid = h->process_free};
    h->process_free = process;
}

uint32_t audit_table_new(struct audit_host *h)
{
    uint32_t at = h->table_free;
    if (at != AUDIT_NONE) {
        h->table_free = h->tables[at].slot_count; /* the free list runs through this field */
    } else {
        if (!pool_grow(h, (void **)&h->tables, h->table_count, &h->table_capacity,
                       sizeof(*h->tables)))
            return AUDIT_NONE;
        at = h->table_count++;
    }
    h->tables[at] = (struct audit_table){.refs = 1};
    return at;
}

uint32_t audit_table_copy(struct audit_host *h, uint32_t table, int64_t since_ns)
{
    uint32_t at = audit_table_new(h);
    if (at == AUDIT_NONE || table == AUDIT_NONE || h->tables[table].slot_count == 0)
        return at;
    const struct audit_table *from = &h->tables[table];
    struct audit_slot *slots = malloc(from->slot_count * sizeof(*slots));
    if (!slots) {
        h->out_of_memory = true;
        return at;
    }
    for (uint32_t i = 0; i < from->slot_count; i++) {
        slots[i] = from->slots[i];
        slots[i].since_ns = since_ns;
        if (slots[i].object != AUDIT_NONE)
            audit_object_hold(h, slots[i].object);
    }
    h->tables[at].slots = slots;
    h->tables[at].slot_count = from->slot_count;
    h->bytes += from->slot_count * sizeof(*slots);
    return at;
}

void audit_table_hold(struct audit_host *h, uint32_t table)
{
    h->tables[table].refs++;
}

void audit_table_drop(struct audit_host *h, uint32_t table)
{
    struct audit_table *t = &h->tables[table];
    assert(t->refs > 0);
    if (--t->refs > 0)
        return;
    for (uint32_t i = 0; i < t->slot_count; i++)
        if (t->slots[i].object != AUDIT_NONE)
            audit_object_drop(h, t->slots[i].object);
    h->bytes -= t->slot_count * sizeof(*t->slots);
    free(t->slots);
    *t = (struct audit_table){.slot_count = h->table_free};
    h->table_free = table;
}

static uint64_t inode_key(uint64_t device, uint64_t number)
{
    uint64_t parts[2] = {device, number};
    return btr_hash64((struct btr_span){(const uint8_t *)parts, sizeof(parts)});
}

uint32_t audit_inode_find(struct audit_host *h, uint64_t device, uint64_t number)
{
    uint32_t at = btr_u64map_get(&h->inode_map, inode_key(device, number));
    if (at == AUDIT_NONE || h->inodes[at].device != device || h->inodes[at].number != number)
        return AUDIT_NONE;
    h->inodes[at].used = 1;
    return at;
}

static bool inode_in_hand(const struct audit_host *h, uint32_t inode)
{
    for (uint32_t i = 0; i < AUDIT_INODES_IN_HAND; i++)
        if (h->inodes_in_hand[i] == inode)
            return true;
    return false;
}

/* The event in hand works on this inode: it stays until the next one. */
static uint32_t inode_take(struct audit_host *h, uint32_t inode)
{
    h->inodes_in_hand[h->inode_taken] = inode;
    h->inode_taken = (uint8_t)((h->inode_taken + 1) % AUDIT_INODES_IN_HAND);
    return inode;
}

/* Second-chance clock over inodes that no descriptor holds. @return a slot to use again, or
 * AUDIT_NONE */
static uint32_t inode_evict(struct audit_host *h)
{
    for (uint32_t turn = 0; turn < 2 * h->inode_count; turn++) {
        uint32_t at = h->inode_hand;
        h->inode_hand = (h->inode_hand + 1) % h->inode_count;
        struct audit_inode *i = &h->inodes[at];
        if (i->refs > 0 || inode_in_hand(h, at))
            continue;
        if (i->used) {
            i->used = 0;
            continue;
        }
        btr_u64map_remove(&h->inode_map, inode_key(i->device, i->number));
        audit_inode_clear(h, at);
        h->evicted++;
        return at;
    }
    return AUDIT_NONE;
}

uint32_t audit_inode_add(struct audit_host *h, uint64_t device, uint64_t number)
{
    uint32_t at = audit_inode_find(h, device, number);
    if (at != AUDIT_NONE)
        return inode_take(h, at);
    if (btr_u64map_get(&h->inode_map, inode_key(device, number)) != AUDIT_NONE)
        return AUDIT_NONE; /* two inodes with one hash: the second is not joined */
    if (h->inode_count >= h->inode_max)
        at = inode_evict(h);
    if (at == AUDIT_NONE) {
        if (!pool_grow(h, (void **)&h->inodes, h->inode_count, &h->inode_capacity,
                       sizeof(*h->inodes)))
            return AUDIT_NONE;
        at = h->inode_count++;
    }
    h->inodes[at] = (struct audit_inode){.device = device, .number = number, .used = 1};
    if (!btr_u64map_set(&h->inode_map, inode_key(device, number), at))
        h->out_of_memory = true;
    return inode_take(h, at);
}
