#include "state.h"

/*
 * A host's state as bytes. Things are numbered in the order in which a walk over the processes, by
 * pid, meets them, so that one state has one encoding whatever the order of the pools. Layout:
 * scalars; inodes from the clock hand on; objects; tables; processes.
 */

struct numbering {
    uint32_t *process_order, process_count; /* indexes by ascending pid */
    uint32_t *object_number, *object_order, object_count;
    uint32_t *table_number, *table_order, table_count;
    uint32_t *inode_number;
};

static int u64_order(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint32_t *audit_processes_by_pid(const struct audit_host *h, uint32_t *count)
{
    uint64_t *keys = malloc((h->process_count + 1) * sizeof(*keys));
    uint32_t *order = malloc((h->process_count + 1) * sizeof(*order));
    *count = 0;
    if (!keys || !order) {
        free(keys);
        free(order);
        return NULL;
    }
    for (uint32_t i = 0; i < h->process_count; i++)
        if (h->processes[i].pid != 0)
            keys[(*count)++] = (uint64_t)h->processes[i].pid << 32 | i;
    qsort(keys, *count, sizeof(*keys), u64_order);
    for (uint32_t i = 0; i < *count; i++)
        order[i] = (uint32_t)keys[i];
    free(keys);
    return order;
}

static uint32_t number_of(uint32_t *numbers, uint32_t *order, uint32_t *count, uint32_t item)
{
    if (numbers[item] == AUDIT_NONE) {
        numbers[item] = *count;
        order[(*count)++] = item;
    }
    return numbers[item];
}

static void number_table(const struct audit_host *h, struct numbering *n, uint32_t table)
{
    uint32_t before = n->table_count;
    if (table != AUDIT_NONE)
        number_of(n->table_number, n->table_order, &n->table_count, table);
    for (uint32_t fd = 0; n->table_count > before && fd < h->tables[table].slot_count; fd++)
        if (h->tables[table].slots[fd].object != AUDIT_NONE)
            number_of(n->object_number, n->object_order, &n->object_count,
                      h->tables[table].slots[fd].object);
}

static void number_objects(const struct audit_host *h, struct numbering *n)
{
    for (uint32_t i = 0; i < h->clone_count; i++)
        number_table(h, n, h->clones[i].table);
    for (uint32_t i = 0; i < n->process_count; i++) {
        const struct audit_process *p = &h->processes[n->process_order[i]];
        number_table(h, n, p->table);
        for (uint32_t m = 0; m < p->map_count; m++)
            number_of(n->object_number, n->object_order, &n->object_count, p->maps[m]);
    }
}

static void numbering_fini(struct numbering *n)
{
    free(n->process_order);
    free(n->object_number);
    free(n->object_order);
    free(n->table_number);
    free(n->table_order);
    free(n->inode_number);
}

static uint32_t *numbers_new(uint32_t count)
{
    uint32_t *numbers = malloc((count + 1) * sizeof(*numbers));
    if (numbers)
        memset(numbers, 0xff, (count + 1) * sizeof(*numbers));
    return numbers;
}

static bool numbering_init(const struct audit_host *h, struct numbering *n)
{
    *n = (struct numbering){0};
    n->process_order = audit_processes_by_pid(h, &n->process_count);
    n->object_number = numbers_new(h->object_count);
    n->object_order = numbers_new(h->object_count);
    n->table_number = numbers_new(h->table_count);
    n->table_order = numbers_new(h->table_count);
    n->inode_number = numbers_new(h->inode_count);
    if (!n->process_order || !n->object_number || !n->object_order || !n->table_number ||
        !n->table_order || !n->inode_number) {
        numbering_fini(n);
        return false;
    }
    number_objects(h, n);
    return true;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void put_text(struct btr_buffer *b, struct btr_span s)
{
    btr_buffer_varint(b, s.size);
    btr_buffer_span(b, s);
}

static void put_id(struct btr_buffer *b, struct btr_id id)
{
    btr_buffer_u64(b, id.hi);
    btr_buffer_u64(b, id.lo);
}

static void put_map(struct btr_buffer *b, const struct btr_u64map *map)
{
    uint64_t *keys = malloc((map->count + 1) * sizeof(*keys));
    uint32_t count = 0;
    for (uint32_t i = 0; keys && i < map->capacity; i++)
        if (map->values[i] != AUDIT_NONE)
            keys[count++] = map->keys[i];
    if (!keys)
        b->failed = true;
    else
        qsort(keys, count, sizeof(*keys), u64_order);
    btr_buffer_varint(b, count);
    for (uint32_t i = 0; i < count; i++) {
        btr_buffer_u64(b, keys[i]);
        btr_buffer_varint(b, btr_u64map_get(map, keys[i]));
    }
    free(keys);
}

static void put_scalars(struct btr_buffer *b, const struct audit_host *h, const struct numbering *n)
{
    btr_buffer_svarint(b, h->order_ns);
    btr_buffer_svarint(b, h->clock_offset_ns);
    btr_buffer_varint(b, h->behind_count);
    btr_buffer_varint(b, h->last_serial);
    btr_buffer_u8(b, h->any);
    btr_buffer_u8(b, h->agent_started);
    btr_buffer_svarint(b, h->agent_started_ns);
    btr_buffer_svarint(b, h->old_boot_ns);
    btr_buffer_varint(b, h->told_any);
    btr_buffer_varint(b, h->hole_from);
    btr_buffer_varint(b, h->hole_until);
    btr_buffer_varint(b, h->hole_count);
    btr_buffer_svarint(b, h->hole_from_ns);
    btr_buffer_svarint(b, h->hole_until_ns);
    btr_buffer_varint(b, h->hole_line);
    btr_buffer_varint(b, h->holes_open);
    for (uint32_t i = 0; i < h->holes_open; i++) {
        btr_buffer_varint(b, h->holes[i].from);
        btr_buffer_varint(b, h->holes[i].until);
        btr_buffer_svarint(b, h->holes[i].from_ns);
        btr_buffer_svarint(b, h->holes[i].until_ns);
        btr_buffer_varint(b, h->holes[i].line);
    }
    btr_buffer_varint(b, h->events);
    btr_buffer_varint(b, h->evicted);
    btr_buffer_varint(b, h->orphans);
    for (uint32_t i = 0; i < AUDIT_RECENT_MAX; i++) { /* oldest first */
        const struct audit_recent *r = &h->recent[(h->recent_next + i) % AUDIT_RECENT_MAX];
        btr_buffer_varint(b, r->serial);
        btr_buffer_svarint(b, r->order_ns);
    }
    put_map(b, &h->told);
    put_map(b, &h->bound);
    btr_buffer_varint(b, h->clone_count);
    for (uint32_t i = 0; i < h->clone_count; i++) {
        const struct audit_open_clone *c = &h->clones[i];
        btr_buffer_varint(b, c->parent_pid);
        btr_buffer_varint(b, c->returned);
        btr_buffer_varint(b, c->serial);
        btr_buffer_varint(b, c->line);
        btr_buffer_svarint(b, c->time_ns);
        btr_buffer_svarint(b, c->first_ns);
        btr_buffer_svarint(b, c->last_ns);
        put_id(b, c->parent);
        btr_buffer_varint(b, c->table == AUDIT_NONE ? 0 : (uint64_t)n->table_number[c->table] + 1);
    }
}

static void put_inodes(struct btr_buffer *b, const struct audit_host *h, struct numbering *n)
{
    btr_buffer_varint(b, h->inode_count);
    for (uint32_t k = 0; k < h->inode_count; k++) {
        uint32_t at = (h->inode_hand + k) % h->inode_count;
        const struct audit_inode *i = &h->inodes[at];
        n->inode_number[at] = k;
        btr_buffer_varint(b, i->device);
        btr_buffer_varint(b, i->number);
        btr_buffer_u8(b, (uint8_t)i->used);
        btr_buffer_varint(b, i->version);
        btr_buffer_varint(b, i->last_name);
        btr_buffer_varint(b, i->name_count);
        for (uint16_t name = 0; name < i->name_count; name++) {
            put_id(b, i->names[name].id);
            put_text(b, i->names[name].root);
            put_text(b, i->names[name].path);
            btr_buffer_varint(b, i->names[name].version);
            btr_buffer_u8(b, i->names[name].changed);
        }
    }
}

static void put_object(struct btr_buffer *b, const struct audit_object *o,
                       const struct numbering *n)
{
    put_id(b, o->id);
    put_id(b, o->rendezvous);
    const uint8_t small[] = {o->kind,  o->access, o->entity,   o->flags,
                             o->doubt, o->family, o->datagram, o->changed};
    btr_buffer_put(b, small, sizeof(small));
    btr_buffer_varint(b, o->inode == AUDIT_NONE ? 0 : (uint64_t)n->inode_number[o->inode] + 1);
    btr_buffer_varint(b, o->name_slot);
    btr_buffer_varint(b, o->opened_serial);
    btr_buffer_varint(b, o->opened_line);
    btr_buffer_svarint(b, o->opened_ns);
    btr_buffer_svarint(b, o->opened_time_ns);
    btr_buffer_varint(b, o->port);
    btr_buffer_varint(b, o->peer_port);
    put_text(b, btr_span_of(o->ip));
    put_text(b, btr_span_of(o->peer_ip));
    put_text(b, o->root);
    put_text(b, o->path);
}

static void put_table(struct btr_buffer *b, const struct audit_table *t, const struct numbering *n)
{
    btr_buffer_varint(b, t->slot_count);
    for (uint32_t fd = 0; fd < t->slot_count; fd++) {
        const struct audit_slot *s = &t->slots[fd];
        btr_buffer_varint(b,
                          s->object == AUDIT_NONE ? 0 : (uint64_t)n->object_number[s->object] + 1);
        if (s->object == AUDIT_NONE)
            continue;
        btr_buffer_u8(b, s->cloexec);
        btr_buffer_svarint(b, s->since_ns);
    }
}

static void put_process(struct btr_buffer *b, const struct audit_process *p,
                        const struct numbering *n)
{
    put_id(b, p->id);
    const uint32_t numbers[] = {p->pid, p->ppid, p->uid, p->auid, p->ses, p->euid};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        btr_buffer_varint(b, numbers[i]);
    btr_buffer_varint(b, p->table == AUDIT_NONE ? 0 : (uint64_t)n->table_number[p->table] + 1);
    btr_buffer_u8(b, p->flags);
    const int64_t times[] = {p->start_ns, p->first_ns, p->last_ns, p->image_ns, p->user_ns};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        btr_buffer_svarint(b, times[i]);
    const struct btr_span texts[] = {p->exe, p->comm, p->command, p->cwd, p->root, p->prefix};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        put_text(b, texts[i]);
    btr_buffer_u8(b, p->map_count);
    for (uint32_t m = 0; m < p->map_count; m++) {
        btr_buffer_varint(b, n->object_number[p->maps[m]]);
        btr_buffer_svarint(b, p->map_since_ns[m]);
    }
}

int audit_host_save(const struct audit_host *h, struct btr_buffer *out)
{
    struct numbering n;
    if (!numbering_init(h, &n))
        return BTR_E_NOMEM;
    btr_buffer_u8(out, AUDIT_SAVE_VERSION);
    put_scalars(out, h, &n);
    put_inodes(out, h, &n);
    btr_buffer_varint(out, n.object_count);
    for (uint32_t i = 0; i < n.object_count; i++)
        put_object(out, &h->objects[n.object_order[i]], &n);
    btr_buffer_varint(out, n.table_count);
    for (uint32_t i = 0; i < n.table_count; i++)
        put_table(out, &h->tables[n.table_order[i]], &n);
    btr_buffer_varint(out, n.process_count);
    for (uint32_t i = 0; i < n.process_count; i++)
        put_process(out, &h->processes[n.process_order[i]], &n);
    numbering_fini(&n);
    return out->failed ? BTR_E_NOMEM : 0;
}
