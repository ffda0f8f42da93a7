#include "state.h"

enum { CLONE_NEWPID_ = 0x20000000, CLONE_FILES_ = 0x400 };

/* The first path item that names the thing itself. */
static const struct audit_path *first_path(const struct audit_event *e)
{
    for (uint32_t i = 0; i < e->path_count; i++)
        if (e->paths[i].nametype != AUDIT_NAME_PARENT && e->paths[i].name.form != AUDIT_TEXT_NONE)
            return &e->paths[i];
    return NULL;
}

/* chroot: names count from a folder of the same view; keys keep the outer name. */
static void call_chroot(struct audit_host *h, uint32_t process)
{
    const struct audit_path *path = first_path(h->e);
    struct btr_span full;
    if (!path || !audit_path_full(h, process, path->name, AUDIT_FDCWD, &full))
        return;
    bool top = full.size == 1 && h->processes[process].prefix.size == 0;
    h->processes[process].prefix = top ? (struct btr_span){NULL, 0} : audit_intern(h, full);
    h->processes[process].noted_epoch = h->batch->epoch - 1;
}

/* pivot_root: another tree. It is known by the inode of its root folder, which every process in it
 * shares. */
static void call_pivot(struct audit_host *h, uint32_t process)
{
    const struct audit_path *path = first_path(h->e);
    char text[64];
    int size;
    if (path && path->inode)
        size = snprintf(text, sizeof(text), "%llx:%llu", (unsigned long long)path->device,
                        (unsigned long long)path->inode);
    else
        size = snprintf(text, sizeof(text), "serial %llu", (unsigned long long)h->e->serial);
    struct audit_process *p = &h->processes[process];
    p->root = audit_intern(h, (struct btr_span){(const uint8_t *)text, (size_t)size});
    p->prefix = (struct btr_span){NULL, 0};
    p->flags |=
        AUDIT_PROC_OWN_PIDS; /* a container's first process: what it clones is numbered inside */
    audit_string_set(h, &p->cwd, BTR_SPAN("/"));
    p->noted_epoch = h->batch->epoch - 1;
}

/* setns: the namespaces of another process, when the descriptor is one of its /proc/PID/ns files.
 */
static void call_setns(struct audit_host *h, uint32_t process)
{
    struct audit_slot *slot = audit_slot_get(h, process, h->e->a[0]);
    if (!slot)
        return;
    struct btr_span path = h->objects[slot->object].path, proc = BTR_SPAN("/proc/");
    if (!btr_span_begins(path, proc))
        return;
    uint64_t pid = 0;
    size_t at = proc.size;
    for (; at < path.size && path.at[at] >= '0' && path.at[at] <= '9' && pid < UINT32_MAX; at++)
        pid = pid * 10 + (uint64_t)(path.at[at] - '0');
    struct btr_span rest = {path.at + at, path.size - at};
    uint32_t other = audit_process_by_pid(h, (uint32_t)pid);
    if (other == AUDIT_NONE)
        return;
    if (btr_span_equal(rest, BTR_SPAN("/ns/mnt"))) {
        h->processes[process].root = h->processes[other].root;
        h->processes[process].prefix = h->processes[other].prefix;
    } else if (btr_span_begins(rest, BTR_SPAN("/ns/pid"))) {
        h->processes[process].flags |= AUDIT_PROC_CHILD_PIDS;
    }
}

static void call_mount(struct audit_host *h, uint32_t process)
{
    const struct audit_path *path = first_path(h->e);
    struct btr_span full, root;
    if (!path || !audit_path_full(h, process, path->name, AUDIT_FDCWD, &full))
        return;
    struct btr_id id = audit_file_id(h, process, full, &root);
    audit_note_file(h, id, root, full);
    audit_emit_out(h, process, id, BTR_OP_MOUNT);
}

static void call_module(struct audit_host *h, uint32_t process)
{
    audit_emit_out(h, process, audit_host_entity(h), BTR_OP_MODULE_LOAD);
    if (h->e->call != AUDIT_CALL_finit_module)
        return;
    uint32_t object = audit_descriptor(h, process, h->e->a[0]);
    if (object == AUDIT_NONE)
        return;
    audit_note_object(h, object);
    audit_emit_in(h, process, h->objects[object].id, BTR_OP_LOAD);
}

/* pidfd_getfd copies another process's descriptor; which process is behind the pidfd is not
 * recorded. */
static void call_told(struct audit_host *h, uint32_t process)
{
    audit_emit_in(h, process, audit_host_entity(h), BTR_OP_TOLD);
}

void audit_call_space(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    switch (e->call) {
    case AUDIT_CALL_chroot:
        call_chroot(h, process);
        break;
    case AUDIT_CALL_pivot_root:
        call_pivot(h, process);
        break;
    case AUDIT_CALL_setns:
        call_setns(h, process);
        break;
    case AUDIT_CALL_unshare:
        if (e->a[0] & CLONE_NEWPID_)
            h->processes[process].flags |= AUDIT_PROC_CHILD_PIDS;
        if (e->a[0] & CLONE_FILES_)
            audit_slots_unshare(h, process);
        break;
    case AUDIT_CALL_mount:
        call_mount(h, process);
        return;
    case AUDIT_CALL_init_module:
    case AUDIT_CALL_finit_module:
    case AUDIT_CALL_delete_module:
        call_module(h, process);
        return;
    default:
        break;
    }
    call_told(h, process);
}
