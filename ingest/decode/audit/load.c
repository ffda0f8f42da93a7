#include "state.h"

/* A saved state read back (save.c has the layout): every count is held against what is left, every
 * index against its pool. */

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

static void get_holes(struct reader *r, struct audit_host *h)
{
    h->hole_line = get(r, UINT64_MAX);
    h->holes_open = (uint32_t)get(r, AUDIT_HOLES_MAX);
    for (uint32_t i = 0; i < h->holes_open && !r->bad; i++) {
        struct audit_hole *hole = &h->holes[i];
        hole->from = get(r, UINT64_MAX);
        hole->until = get(r, UINT64_MAX);
        hole->from_ns = get_signed(r);
        hole->until_ns = get_signed(r);
        hole->line = get(r, UINT64_MAX);
    }
    if (r->bad)
        h->holes_open = 0;
}

static void get_scalars(struct reader *r, struct audit_host *h, uint8_t version)
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
    if (version > AUDIT_SAVE_VERSION_LEAST)
        get_holes(r, h);
    h->events = get(r, UINT64_MAX);
    h->evicted = get(r, UINT64_MAX);
    h->orphans = get(r, UINT64_MAX);
    if (h->order_ns < 0 || h->order_ns > AUDIT_TIME_NS_MAX ||
        h->clock_offset_ns < -AUDIT_TIME_NS_MAX || h->clock_offset_ns > AUDIT_TIME_NS_MAX)
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
        c->table = (uint32_t)get(r, UINT32_MAX) -
                   1; /* held once the tables are there; 0 wraps to AUDIT_NONE */
    }
}

static void get_inodes(struct reader *r, struct audit_host *h)
{
    uint64_t count = get(r, (uint64_t)h->inode_max + h->object_max +
                                AUDIT_INODES_IN_HAND); /* more when all are open */
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
    if (o->kind > AUDIT_OBJECT_LISTENER || o->entity == 0 || o->entity > BTR_KIND_MAX ||
        o->doubt > BTR_DOUBT_MAX)
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
    if (r->bad || pid == 0 || btr_u64map_get(&h->pids, pid) != AUDIT_NONE ||
        h->pids.count >= h->process_max) {
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
    uint8_t version = get_u8(&r);
    if (version < AUDIT_SAVE_VERSION_LEAST || version > AUDIT_SAVE_VERSION)
        return btr_fail(err, BTR_E_VERSION, 0, "saved audit state of an unknown version");
    get_scalars(&r, h, version);
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
        return btr_fail(err, h->out_of_memory ? BTR_E_NOMEM : BTR_E_FORMAT, r.c.offset,
                        "saved audit state is damaged");
    references_settle(h, (uint32_t)tables, (uint32_t)objects);
    return 0;
}
