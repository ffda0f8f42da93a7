#include <assert.h>

#include "state.h"

struct audit_slot *audit_slot_get(struct audit_host *h, uint32_t process, uint64_t fd)
{
    uint32_t table = h->processes[process].table;
    if (table == AUDIT_NONE || fd >= h->tables[table].slot_count)
        return NULL;
    struct audit_slot *slot = &h->tables[table].slots[fd];
    return slot->object == AUDIT_NONE ? NULL : slot;
}

static bool slots_grow(struct audit_host *h, struct audit_table *t, uint64_t fd)
{
    if (fd < t->slot_count)
        return true;
    if (fd >= AUDIT_DESCRIPTOR_MAX)
        return false;
    uint32_t count = t->slot_count ? t->slot_count : 8;
    while (count <= fd)
        count *= 2;
    struct audit_slot *grown = realloc(t->slots, count * sizeof(*grown));
    if (!grown) {
        h->out_of_memory = true;
        return false;
    }
    for (uint32_t i = t->slot_count; i < count; i++)
        grown[i] = (struct audit_slot){.object = AUDIT_NONE};
    h->bytes += (count - t->slot_count) * sizeof(*grown);
    t->slots = grown;
    t->slot_count = count;
    return true;
}

/* Which of reads and writes the records of this process's user tell one by one. Sockets have calls
   of their own as well: both kinds must have been seen, these on the host at all. */
static uint32_t told_of(const struct audit_host *h, uint32_t process, bool flow)
{
    uint32_t told = btr_u64map_get(&h->told, h->processes[process].uid);
    told = told == AUDIT_NONE ? 0 : told;
    if (flow && !(h->told_any & AUDIT_TOLD_RECEIVES))
        told &= ~(uint32_t)AUDIT_TOLD_READS;
    if (flow && !(h->told_any & AUDIT_TOLD_SENDS))
        told &= ~(uint32_t)AUDIT_TOLD_WRITES;
    return told;
}

/* One direction of an interval, located at the record that opened the descriptor. */
static void interval_emit(struct audit_host *h, uint32_t process, const struct audit_object *o,
                          int64_t since_ns, enum btr_operation operation)
{
    struct btr_event *e = audit_emit_implied(h, h->processes[process].id, o->id, operation);
    e->flags |= BTR_EVENT_INTERVAL;
    e->doubt = o->doubt;
    e->first_ns = since_ns < h->now_ns ? since_ns : h->now_ns;
    e->last_ns = h->now_ns;
    e->time_ns = o->opened_time_ns;
    e->record_id = o->opened_serial;
    e->line = o->opened_line;
}

/* What may have flowed through an open descriptor from `since_ns` to now, where calls were not
 * recorded. */
static void interval_tell(struct audit_host *h, uint32_t process, uint32_t object, int64_t since_ns)
{
    const struct audit_object *o = &h->objects[object];
    bool flows = o->kind == AUDIT_OBJECT_FILE || o->kind == AUDIT_OBJECT_CHANNEL ||
                 o->kind == AUDIT_OBJECT_FLOW;
    uint32_t told = told_of(h, process, o->kind == AUDIT_OBJECT_FLOW);
    bool reads = (o->access & AUDIT_CAN_READ) && !(told & AUDIT_TOLD_READS);
    bool writes = (o->access & AUDIT_CAN_WRITE) && !(told & AUDIT_TOLD_WRITES);
    if (!flows || (!reads && !writes))
        return;
    bool flow = o->kind == AUDIT_OBJECT_FLOW;
    audit_note_process(h, process);
    audit_note_object(h, object);
    if (o->inode != AUDIT_NONE && writes)
        audit_inode_write(h, o->inode, o->name_slot, since_ns, h->now_ns, true);
    else if (o->inode != AUDIT_NONE)
        audit_inode_read(h, o->inode, o->name_slot, since_ns, h->now_ns, true);
    h->objects[object].changed |= writes;
    o = &h->objects[object];
    if (reads)
        interval_emit(h, process, o, since_ns, flow ? BTR_OP_RECV : BTR_OP_READ);
    if (writes)
        interval_emit(h, process, o, since_ns, flow ? BTR_OP_SEND : BTR_OP_WRITE);
}

/* The same for every process that has the table: each may have used the descriptor. The one in hand
 * comes first. */
static void sharers_tell(struct audit_host *h, uint32_t process, uint32_t table, uint32_t object,
                         int64_t since_ns)
{
    uint32_t others = h->tables[table].refs - 1;
    interval_tell(h, process, object, since_ns);
    for (uint32_t i = 0; others > 0 && i < h->process_count; i++) {
        const struct audit_process *p = &h->processes[i];
        if (i == process || p->pid == 0 || p->table != table)
            continue;
        others--;
        interval_tell(h, i, object, since_ns > p->start_ns ? since_ns : p->start_ns);
    }
}

/* What one process may have used of a table that it leaves to others. */
static void left_tell(struct audit_host *h, uint32_t process, uint32_t table)
{
    for (uint32_t fd = 0; fd < h->tables[table].slot_count; fd++) {
        const struct audit_slot *s = &h->tables[table].slots[fd];
        int64_t start_ns = h->processes[process].start_ns;
        if (s->object != AUDIT_NONE)
            interval_tell(h, process, s->object, s->since_ns > start_ns ? s->since_ns : start_ns);
    }
}

void audit_slots_unshare(struct audit_host *h, uint32_t process)
{
    uint32_t table = h->processes[process].table;
    if (table == AUDIT_NONE || h->tables[table].refs == 1)
        return;
    uint32_t own = audit_table_copy(h, table, h->now_ns);
    if (own == AUDIT_NONE)
        return;
    left_tell(h, process, table);
    audit_table_drop(h, table);
    h->processes[process].table = own;
}

void audit_slot_put(struct audit_host *h, uint32_t process, uint64_t fd, uint32_t object,
                    bool cloexec)
{
    if (object == AUDIT_NONE)
        return;
    audit_slot_close(h, process, fd);
    struct audit_process *p = &h->processes[process];
    if (p->table == AUDIT_NONE)
        p->table = audit_table_new(h);
    if (p->table == AUDIT_NONE || !slots_grow(h, &h->tables[p->table], fd)) {
        audit_object_drop(h, object);
        h->evicted++;
        return;
    }
    h->tables[p->table].slots[fd] = (struct audit_slot){object, cloexec, h->now_ns};
}

void audit_slot_close(struct audit_host *h, uint32_t process, uint64_t fd)
{
    struct audit_slot *slot = audit_slot_get(h, process, fd);
    if (!slot)
        return;
    uint32_t object = slot->object;
    int64_t since_ns = slot->since_ns;
    slot->object = AUDIT_NONE;
    sharers_tell(h, process, h->processes[process].table, object, since_ns);
    const struct audit_object *o = &h->objects[object];
    if (o->refs == 1 && o->changed && o->inode != AUDIT_NONE) /* the last of its descriptors */
        audit_inode_spread(h, o->inode, o->name_slot, o->opened_ns);
    audit_object_drop(h, object);
}

void audit_slots_close(struct audit_host *h, uint32_t process, uint64_t first, uint64_t last)
{
    uint32_t table = h->processes[process].table;
    if (table == AUDIT_NONE)
        return;
    uint64_t count = h->tables[table].slot_count;
    for (uint64_t fd = first; fd < count && fd <= last; fd++)
        audit_slot_close(h, process, fd);
}

void audit_slots_exec(struct audit_host *h, uint32_t process)
{
    audit_slots_unshare(h, process); /* exec ends the sharing of a table */
    uint32_t table = h->processes[process].table;
    if (table == AUDIT_NONE)
        return;
    for (uint32_t fd = 0; fd < h->tables[table].slot_count; fd++)
        if (h->tables[table].slots[fd].object != AUDIT_NONE && h->tables[table].slots[fd].cloexec)
            audit_slot_close(h, process, fd);
    audit_maps_end(h, process);
}

void audit_slots_end(struct audit_host *h, uint32_t process)
{
    uint32_t table = h->processes[process].table;
    audit_maps_end(h, process);
    if (table == AUDIT_NONE)
        return;
    if (h->tables[table].refs == 1)
        audit_slots_close(h, process, 0, UINT64_MAX);
    else
        left_tell(h, process, table);
    audit_table_drop(h, table);
    h->processes[process].table = AUDIT_NONE;
}

void audit_maps_end(struct audit_host *h, uint32_t process)
{
    struct audit_process *p = &h->processes[process];
    uint32_t count = p->map_count;
    p->map_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t object = p->maps[i];
        if (h->batch) {
            audit_note_process(h, process);
            audit_note_object(h, object);
            interval_emit(h, process, &h->objects[object], p->map_since_ns[i], BTR_OP_WRITE);
            interval_emit(h, process, &h->objects[object], p->map_since_ns[i], BTR_OP_READ);
        }
        audit_object_drop(h, object);
    }
}

/* Tells the shared mappings of a process up to now, and goes on from here. */
static void maps_tell(struct audit_host *h, uint32_t process)
{
    struct audit_process *p = &h->processes[process];
    for (uint32_t i = 0; i < p->map_count; i++) {
        if (p->map_since_ns[i] >= h->now_ns)
            continue;
        audit_note_process(h, process);
        audit_note_object(h, p->maps[i]);
        interval_emit(h, process, &h->objects[p->maps[i]], p->map_since_ns[i], BTR_OP_WRITE);
        interval_emit(h, process, &h->objects[p->maps[i]], p->map_since_ns[i], BTR_OP_READ);
        p->map_since_ns[i] = h->now_ns;
    }
}

/* Tells what one process has open up to now, and goes on from here. */
static void slots_tell(struct audit_host *h, uint32_t process)
{
    uint32_t table = h->processes[process].table;
    if (table == AUDIT_NONE)
        return;
    for (uint32_t fd = 0; fd < h->tables[table].slot_count; fd++) {
        struct audit_slot *slot = &h->tables[table].slots[fd];
        if (slot->object == AUDIT_NONE || slot->since_ns >= h->now_ns)
            continue;
        sharers_tell(h, process, table, slot->object, slot->since_ns);
        h->tables[table].slots[fd].since_ns = h->now_ns;
    }
}

void audit_slots_tell(struct audit_host *h)
{
    uint32_t count;
    uint32_t *order = audit_processes_by_pid(h, &count);
    if (!order) {
        h->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        maps_tell(h, order[i]);
        slots_tell(h, order[i]);
    }
    free(order);
}

uint32_t audit_descriptor(struct audit_host *h, uint32_t process, uint64_t fd)
{
    struct audit_slot *slot = audit_slot_get(h, process, fd);
    if (slot)
        return slot->object;
    if (fd >= AUDIT_DESCRIPTOR_MAX)
        return AUDIT_NONE;
    uint32_t object = audit_object_new(h);
    if (object == AUDIT_NONE)
        return AUDIT_NONE;
    struct audit_object *o = &h->objects[object];
    char key[BTR_ID_TEXT_SIZE + 8];
    btr_id_text(h->processes[process].id, key);
    int key_size =
        snprintf(key + BTR_ID_TEXT_SIZE - 1, 8, ":%u", (unsigned)fd) + BTR_ID_TEXT_SIZE - 1;
    o->id = btr_identity_named("descriptor", h->host,
                               (struct btr_span){(const uint8_t *)key, (size_t)key_size});
    o->kind = AUDIT_OBJECT_CHANNEL;
    o->entity = BTR_KIND_CHANNEL;
    o->access = AUDIT_CAN_READ | AUDIT_CAN_WRITE;
    o->doubt = BTR_DOUBT_DESCRIPTOR_UNKNOWN;
    o->opened_serial = h->e->serial;
    o->opened_line = h->e->line;
    o->opened_ns = h->now_ns;
    o->opened_time_ns = h->e->time_ns;
    char text[64];
    int size = snprintf(text, sizeof(text), "descriptor %llu, opened before the records begin",
                        (unsigned long long)fd);
    audit_string_set(h, &o->path, (struct btr_span){(const uint8_t *)text, (size_t)size});
    audit_slot_put(h, process, fd, object, false);
    slot = audit_slot_get(h, process, fd);
    return slot ? slot->object : AUDIT_NONE;
}
