#include "state.h"

/*
 * A host's state as bytes. Things are numbered in the order in which a walk over the processes, by pid, meets them, so
 * that one state has one encoding whatever the order of the pools. Layout: scalars; inodes from the clock hand on;
 * objects; tables; processes.
 */

enum { SAVE_VERSION = 2 };

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
            number_of(n->object_number, n->object_order, &n->object_count, h->tables[table].slots[fd].object);
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
    if (!n->process_order || !n->object_number || !n->object_order || !n->table_number || !n->table_order || !n->inode_number) {
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

static void put_object(struct btr_buffer *b, const struct audit_object *o, const struct numbering *n)
{
    put_id(b, o->id);
    put_id(b, o->rendezvous);
    const uint8_t small[] = {o->kind, o->access, o->entity, o->flags, o->doubt, o->family, o->datagram, o->changed};
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
        btr_buffer_varint(b, s->object == AUDIT_NONE ? 0 : (uint64_t)n->object_number[s->object] + 1);
        if (s->object == AUDIT_NONE)
            continue;
        btr_buffer_u8(b, s->cloexec);
        btr_buffer_svarint(b, s->since_ns);
    }
}

static void put_process(struct btr_buffer *b, const struct audit_process *p, const struct numbering *n)
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
    btr_buffer_u8(out, SAVE_VERSION);
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

/* ---- Reading: every count is held against what is left, every index against its pool -------------- */

struct reader {
    struct btr_cursor c;
    bool bad;
};

static uint64_t get(struct reader *r, uint64_t max)
{
    uint64_t v = 0;
    if (r->bad || !btr_cursor_varint(&r->c, &v) || v > max)
        r->bad = true;
    return r->bad ? 0 : v;
}

static int64_t get_signed(struct reader *r)
{
    int64_t v = 0;
    if (r->bad || !btr_cursor_svarint(&r->c, &v))
        r->bad = true;
    return r->bad ? 0 : v;
}

static uint8_t get_u8(struct reader *r)
{
    uint8_t v = 0;
    if (r->bad || !btr_cursor_u8(&r->c, &v))
        r->bad = true;
    return v;
}

static uint64_t get_u64(struct reader *r)
{
    uint64_t v = 0;
    if (r->bad || !btr_cursor_u64(&r->c, &v))
        r->bad = true;
    return v;
}

static struct btr_id get_id(struct reader *r)
{
    struct btr_id id = {0, 0};
    id.hi = get_u64(r);
    id.lo = get_u64(r);
    return id;
}

static struct btr_span get_text(struct reader *r)
{
    struct btr_span s = {NULL, 0};
    uint64_t size = get(r, r->c.rest.size);
    if (!r->bad && !btr_cursor_span(&r->c, (size_t)size, &s))
        r->bad = true;
    return s;
}

static void get_chars(struct reader *r, char *out, size_t size)
{
    struct btr_span s = get_text(r);
    if (s.size >= size)
        r->bad = true;
    else if (s.size)
        memcpy(out, s.at, s.size);
}

static void get_map(struct reader *r, struct btr_u64map *map, uint64_t max)
{
    uint64_t count = get(r, max);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        uint64_t key = get_u64(r), value = get(r, UINT32_MAX - 1);
        if (!r->bad && !btr_u64map_set(map, key, (uint32_t)value))
            r->bad = true;
    }
}

static void get_scalars(struct reader *r, struct audit_host *h)
{
    h->order_ns = get_signed(r);
    h->clock_offset_ns = get_signed(r);
    h->behind_count = (uint32_t)get(r, UINT32_MAX);
    h->last_serial = get(r, UINT64_MAX);
    h->any = get_u8(r) != 0;
    h->agent_started = get_u8(r) != 0;
    h->agent_started_ns = get_signed(r);
    h->old_boot_ns = get_signed(r);
    h->told_any = (uint32_t)get(r, 15);
    h->hole_from = get(r, UINT64_MAX);
    h->hole_until = get(r, UINT64_MAX);
    h->hole_count = get(r, UINT64_MAX);
    h->hole_from_ns = get_signed(r);
    h->hole_until_ns = get_signed(r);
    h->events = get(r, UINT64_MAX);
    h->evicted = get(r, UINT64_MAX);
    h->orphans = get(r, UINT64_MAX);
    if (h->order_ns < 0 || h->order_ns > AUDIT_TIME_NS_MAX || h->clock_offset_ns < -AUDIT_TIME_NS_MAX ||
        h->clock_offset_ns > AUDIT_TIME_NS_MAX)
        r->bad = true;
    h->recent_next = 0;
    for (uint32_t i = 0; i < AUDIT_RECENT_MAX; i++) {
        h->recent[i].serial = get(r, UINT64_MAX);
        h->recent[i].order_ns = get_signed(r);
    }
    get_map(r, &h->told, 4096);
    get_map(r, &h->bound, 65536);
    h->clone_count = (uint32_t)get(r, AUDIT_OPEN_CLONES_MAX);
    for (uint32_t i = 0; i < h->clone_count && !r->bad; i++) {
        struct audit_open_clone *c = &h->clones[i];
        c->parent_pid = (uint32_t)get(r, UINT32_MAX);
        c->returned = (uint32_t)get(r, UINT32_MAX);
        c->serial = get(r, UINT64_MAX);
        c->line = get(r, UINT64_MAX);
        c->time_ns = get_signed(r);
        c->first_ns = get_signed(r);
        c->last_ns = get_signed(r);
        c->parent = get_id(r);
        c->table = (uint32_t)get(r, UINT32_MAX) - 1; /* held once the tables are there; 0 wraps to AUDIT_NONE */
    }
}

static void get_inodes(struct reader *r, struct audit_host *h)
{
    uint64_t count = get(r, (uint64_t)h->inode_max + h->object_max + AUDIT_INODES_IN_HAND); /* more when all are open */
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        uint64_t device = get(r, UINT64_MAX), number = get(r, UINT64_MAX);
        uint32_t at = audit_inode_add(h, device, number);
        if (at != i) { /* told twice */
            r->bad = true;
            return;
        }
        h->inodes[at].used = get_u8(r);
        h->inodes[at].version = (uint32_t)get(r, UINT32_MAX);
        uint16_t last = (uint16_t)get(r, AUDIT_NAMES_MAX - 1);
        uint64_t names = get(r, AUDIT_NAMES_MAX);
        for (uint64_t n = 0; n < names && !r->bad; n++) {
            struct btr_id id = get_id(r);
            struct btr_span root = get_text(r), path = get_text(r);
            uint16_t slot = audit_inode_name(h, at, id, audit_intern(h, root), path);
            uint32_t version = (uint32_t)get(r, UINT32_MAX);
            bool changed = get_u8(r) != 0;
            if (slot < h->inodes[at].name_count) {
                h->inodes[at].names[slot].version = version;
                h->inodes[at].names[slot].changed = changed;
            }
        }
        h->inodes[at].last_name = last;
        if (h->inodes[at].name_count != names || (names && last >= names))
            r->bad = true;
    }
}

static void get_object(struct reader *r, struct audit_host *h)
{
    uint32_t at = audit_object_new(h);
    if (at == AUDIT_NONE) {
        r->bad = true;
        return;
    }
    struct audit_object *o = &h->objects[at];
    o->id = get_id(r);
    o->rendezvous = get_id(r);
    o->kind = get_u8(r);
    o->access = get_u8(r);
    o->entity = get_u8(r);
    o->flags = get_u8(r);
    o->doubt = get_u8(r);
    o->family = get_u8(r);
    o->datagram = get_u8(r);
    o->changed = get_u8(r) != 0;
    uint64_t inode = get(r, h->inode_count);
    if (inode && !r->bad) {
        o->inode = (uint32_t)inode - 1;
        h->inodes[o->inode].refs++;
    }
    o->name_slot = (uint16_t)get(r, AUDIT_NAMES_MAX);
    o->opened_serial = get(r, UINT64_MAX);
    o->opened_line = get(r, UINT64_MAX);
    o->opened_ns = get_signed(r);
    o->opened_time_ns = get_signed(r);
    o->port = (uint16_t)get(r, UINT16_MAX);
    o->peer_port = (uint16_t)get(r, UINT16_MAX);
    get_chars(r, o->ip, sizeof(o->ip));
    get_chars(r, o->peer_ip, sizeof(o->peer_ip));
    o->root = audit_intern(h, get_text(r));
    audit_string_set(h, &o->path, get_text(r));
    if (o->kind > AUDIT_OBJECT_LISTENER || o->entity == 0 || o->entity > BTR_KIND_MAX || o->doubt > BTR_DOUBT_MAX)
        r->bad = true;
}

static void get_table(struct reader *r, struct audit_host *h)
{
    uint32_t at = audit_table_new(h);
    uint64_t count = get(r, AUDIT_DESCRIPTOR_MAX);
    if (at == AUDIT_NONE || r->bad || count > r->c.rest.size) {
        r->bad = true;
        return;
    }
    h->tables[at].slots = calloc(count + 1, sizeof(struct audit_slot));
    if (!h->tables[at].slots) {
        r->bad = true;
        return;
    }
    h->tables[at].slot_count = (uint32_t)count;
    h->bytes += count * sizeof(struct audit_slot);
    for (uint64_t fd = 0; fd < count; fd++) {
        struct audit_slot *s = &h->tables[at].slots[fd];
        uint64_t object = get(r, h->object_count);
        s->object = object ? (uint32_t)object - 1 : AUDIT_NONE;
        if (s->object == AUDIT_NONE)
            continue;
        s->cloexec = get_u8(r);
        s->since_ns = get_signed(r);
        audit_object_hold(h, s->object);
    }
}

static void get_process(struct reader *r, struct audit_host *h)
{
    struct btr_id id = get_id(r);
    uint32_t pid = (uint32_t)get(r, UINT32_MAX);
    if (r->bad || pid == 0 || btr_u64map_get(&h->pids, pid) != AUDIT_NONE || h->pids.count >= h->process_max) {
        r->bad = true;
        return;
    }
    uint32_t at = audit_process_new(h, pid);
    if (at == AUDIT_NONE) {
        r->bad = true;
        return;
    }
    struct audit_process *p = &h->processes[at];
    p->id = id;
    p->ppid = (uint32_t)get(r, UINT32_MAX);
    p->uid = (uint32_t)get(r, UINT32_MAX);
    p->auid = (uint32_t)get(r, UINT32_MAX);
    p->ses = (uint32_t)get(r, UINT32_MAX);
    p->euid = (uint32_t)get(r, UINT32_MAX);
    uint64_t table = get(r, h->table_count);
    if (table) {
        p->table = (uint32_t)table - 1;
        audit_table_hold(h, p->table);
    }
    p->flags = get_u8(r);
    p->start_ns = get_signed(r);
    p->first_ns = get_signed(r);
    p->last_ns = get_signed(r);
    p->image_ns = get_signed(r);
    p->user_ns = get_signed(r);
    audit_string_set(h, &p->exe, get_text(r));
    audit_string_set(h, &p->comm, get_text(r));
    audit_string_set(h, &p->command, get_text(r));
    audit_string_set(h, &p->cwd, get_text(r));
    p->root = audit_intern(h, get_text(r));
    p->prefix = audit_intern(h, get_text(r));
    uint64_t maps = get_u8(r);
    for (uint64_t m = 0; m < maps && !r->bad; m++) {
        uint64_t object = get(r, h->object_count ? h->object_count - 1 : 0);
        int64_t since_ns = get_signed(r);
        if (r->bad || maps > AUDIT_MAPS_MAX || h->object_count == 0) {
            r->bad = true;
            return;
        }
        audit_object_hold(h, (uint32_t)object);
        p->maps[p->map_count] = (uint32_t)object;
        p->map_since_ns[p->map_count++] = since_ns;
    }
}

/* Open clones were read before the tables they name. */
static void get_clone_tables(struct reader *r, struct audit_host *h)
{
    for (uint32_t i = 0; i < h->clone_count && !r->bad; i++) {
        uint32_t table = h->clones[i].table;
        if (table != AUDIT_NONE && table >= h->table_count)
            r->bad = true;
        else if (table != AUDIT_NONE)
            audit_table_hold(h, table);
    }
}

/* The loader held one reference to everything it made; what nothing else holds goes. */
static void references_settle(struct audit_host *h, uint32_t tables, uint32_t objects)
{
    for (uint32_t i = 0; i < tables; i++)
        audit_table_drop(h, i);
    for (uint32_t i = 0; i < objects; i++)
        audit_object_drop(h, i);
}

int audit_host_load(struct audit_host *h, struct btr_span saved, struct btr_err *err)
{
    struct reader r = {{saved, 0}, false};
    if (h->process_count || h->object_count || h->inode_count || h->any)
        return btr_fail(err, BTR_E_USAGE, 0, "a state is loaded into a new one only");
    if (get_u8(&r) != SAVE_VERSION)
        return btr_fail(err, BTR_E_VERSION, 0, "saved audit state of an unknown version");
    get_scalars(&r, h);
    get_inodes(&r, h);
    uint64_t objects = get(&r, h->object_max);
    for (uint64_t i = 0; i < objects && !r.bad; i++)
        get_object(&r, h);
    uint64_t tables = get(&r, UINT32_MAX);
    for (uint64_t i = 0; i < tables && !r.bad; i++)
        get_table(&r, h);
    get_clone_tables(&r, h);
    uint64_t processes = get(&r, h->process_max);
    for (uint64_t i = 0; i < processes && !r.bad; i++)
        get_process(&r, h);
    if (r.bad || r.c.rest.size != 0 || h->out_of_memory)
        return btr_fail(err, h->out_of_memory ? BTR_E_NOMEM : BTR_E_FORMAT, r.c.offset, "saved audit state is damaged");
    references_settle(h, (uint32_t)tables, (uint32_t)objects);
    return 0;
}
