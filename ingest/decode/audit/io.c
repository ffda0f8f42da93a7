#include "state.h"

enum {
    PROT_WRITE_ = 2,
    PROT_EXEC_ = 4,
    MAP_SHARED_ = 1,
    READ_MAX = 0x7fff0000, /* bytes that a call moves at most, with pages of up to 64 KiB
                              (rw_verify_area) */
};

static uint64_t bytes_of(const struct audit_event *e)
{
    return e->has_exit && e->exit >= 0 ? (uint64_t)e->exit : BTR_BYTES_UNKNOWN;
}

/* Remembers that this user's reads or writes are recorded one by one. */
static void told_add(struct audit_host *h, uint32_t process, uint32_t what)
{
    uint32_t uid = h->processes[process].uid, old = btr_u64map_get(&h->told, uid);
    old = old == AUDIT_NONE ? 0 : old;
    h->told_any |= what;
    if ((old & what) == what || (old == 0 && h->told.count >= 4096))
        return;
    if (!btr_u64map_set(&h->told, uid, old | what))
        h->out_of_memory = true;
}

/* One transfer between a process and what a descriptor points at. @return the event, or NULL when
 * nothing flows */
static struct btr_event *transfer(struct audit_host *h, uint32_t process, uint64_t fd, bool in,
                                  uint64_t bytes)
{
    uint32_t object = audit_descriptor(h, process, fd);
    if (object == AUDIT_NONE)
        return NULL;
    audit_note_object(h, object);
    const struct audit_object *o = &h->objects[object];
    struct btr_event *e;
    if (o->kind == AUDIT_OBJECT_DEVICE || o->kind == AUDIT_OBJECT_DIRECTORY) {
        e = audit_emit_in(h, process, o->id, BTR_OP_TOLD);
    } else {
        if (o->inode != AUDIT_NONE && in)
            audit_inode_read(h, o->inode, o->name_slot, h->now_ns, h->now_ns, false);
        else if (o->inode != AUDIT_NONE)
            audit_inode_write(h, o->inode, o->name_slot, h->first_ns, h->now_ns, false);
        h->objects[object].changed |= !in;
        o = &h->objects[object];
        bool flow = o->kind == AUDIT_OBJECT_FLOW;
        e = in ? audit_emit_in(h, process, o->id, flow ? BTR_OP_RECV : BTR_OP_READ)
               : audit_emit_out(h, process, o->id, flow ? BTR_OP_SEND : BTR_OP_WRITE);
    }
    e->bytes = bytes;
    e->doubt = h->objects[object].doubt;
    return e;
}

/* sendfile and its like: what is read goes out while the call lasts, so the read is no later than
 * the write. */
static void call_move(struct audit_host *h, uint32_t process, uint64_t from, uint64_t to)
{
    uint64_t bytes = bytes_of(h->e);
    struct btr_event *in = transfer(h, process, from, true, bytes);
    if (in)
        in->first_ns = h->first_ns;
    transfer(h, process, to, false, bytes);
}

/* A writable shared mapping lets bytes flow both ways until the process ends or executes. */
static void map_shared(struct audit_host *h, uint32_t process, uint32_t object)
{
    struct audit_process *p = &h->processes[process];
    if (p->map_count == AUDIT_MAPS_MAX) {
        h->evicted++;
        return;
    }
    audit_object_hold(h, object);
    p->maps[p->map_count] = object;
    p->map_since_ns[p->map_count++] = h->now_ns;
}

static void call_mmap(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    if (!e->has_mmap || e->mmap_fd < 0)
        return;
    uint32_t object = audit_descriptor(h, process, (uint64_t)e->mmap_fd);
    if (object == AUDIT_NONE)
        return;
    audit_note_object(h, object);
    const struct audit_object *o = &h->objects[object];
    if (o->kind == AUDIT_OBJECT_DEVICE || o->kind == AUDIT_OBJECT_DIRECTORY)
        return;
    if (o->inode != AUDIT_NONE)
        audit_inode_read(h, o->inode, o->name_slot, h->now_ns, h->now_ns, false);
    struct btr_event *out = audit_emit_in(h, process, h->objects[object].id,
                                          e->a[2] & PROT_EXEC_ ? BTR_OP_LOAD : BTR_OP_MAP);
    out->doubt = h->objects[object].doubt;
    if ((e->mmap_flags & MAP_SHARED_) && (e->a[2] & PROT_WRITE_))
        map_shared(h, process, object);
}

/* Whether the read in hand came to the end of a file. Of readv and its like no record says how much
 * was asked for. */
static bool read_ends(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    const struct audit_slot *slot = audit_slot_get(h, process, e->a[0]);
    return (e->call == AUDIT_CALL_read || e->call == AUDIT_CALL_pread64) && slot &&
           (h->objects[slot->object].access & AUDIT_ENDS_SHORT) && e->has_exit && e->exit > 0 &&
           e->exit < READ_MAX && (uint64_t)e->exit < e->a[2];
}

static void call_read(struct audit_host *h, uint32_t process)
{
    told_add(h, process, AUDIT_TOLD_READS);
    struct btr_event *in = transfer(h, process, h->e->a[0], true, bytes_of(h->e));
    if (in && in->operation == BTR_OP_READ && read_ends(h, process))
        in->flags |= BTR_EVENT_ENDS;
}

static void call_write(struct audit_host *h, uint32_t process)
{
    told_add(h, process, AUDIT_TOLD_WRITES);
    transfer(h, process, h->e->a[0], false, bytes_of(h->e));
}

void audit_call_io(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    switch (e->call) {
    case AUDIT_CALL_read:
    case AUDIT_CALL_pread64:
    case AUDIT_CALL_readv:
    case AUDIT_CALL_preadv:
    case AUDIT_CALL_preadv2:
        call_read(h, process);
        break;
    case AUDIT_CALL_write:
    case AUDIT_CALL_pwrite64:
    case AUDIT_CALL_writev:
    case AUDIT_CALL_pwritev:
    case AUDIT_CALL_pwritev2:
        call_write(h, process);
        break;
    case AUDIT_CALL_sendfile:
        call_move(h, process, e->a[1], e->a[0]);
        break;
    case AUDIT_CALL_splice:
    case AUDIT_CALL_copy_file_range:
        call_move(h, process, e->a[0], e->a[2]);
        break;
    case AUDIT_CALL_tee:
        call_move(h, process, e->a[0], e->a[1]);
        break;
    case AUDIT_CALL_vmsplice:
        transfer(h, process, e->a[0], false, bytes_of(e));
        break;
    case AUDIT_CALL_mmap:
        call_mmap(h, process);
        break;
    default:
        break;
    }
}
