#include "state.h"

/* open(2) flags as on x86-64, i386 and the generic table; O_DIRECTORY and O_LARGEFILE differ on arm
 * and are not used. */
enum {
    OPEN_ACCESS = 3,
    OPEN_WRONLY = 1,
    OPEN_RDWR = 2,
    OPEN_CREAT = 0100,
    OPEN_TRUNC = 01000,
    OPEN_CLOEXEC = 02000000,
    OPEN_PATH = 010000000,
    OPEN_TMPFILE = 020000000, /* __O_TMPFILE: the name is the folder's, the file has none */
    TYPE_MASK = 0170000,
    TYPE_DIRECTORY = 0040000,
    TYPE_CHARACTER = 0020000,
    TYPE_REGULAR = 0100000,
    DEVICE_MEMORY =
        1, /* major of /dev/null, zero, full, random: what is written there is never read there */
};

/* A name that a record gives, resolved. */
struct named {
    const struct audit_path *path;
    struct btr_span full, root;
    struct btr_id id;
    uint32_t inode;
    uint16_t slot;
    bool unnamed; /* a file without a name in the folder that the record names */
};

static bool is_type(const struct audit_path *p, uint32_t type)
{
    return (p->mode & TYPE_MASK) == type;
}

/* The record's path items of a kind, in order. @return NULL when there is no `nth` */
static const struct audit_path *path_nth(const struct audit_event *e, unsigned nametype,
                                         uint32_t nth)
{
    for (uint32_t i = 0; i < e->path_count; i++)
        if (e->paths[i].nametype == nametype && nth-- == 0)
            return &e->paths[i];
    return NULL;
}

/* The object of a call with one name: what was created, deleted, or was there. */
static const struct audit_path *path_object(const struct audit_event *e)
{
    static const uint8_t order[] = {AUDIT_NAME_CREATE, AUDIT_NAME_DELETE, AUDIT_NAME_NORMAL,
                                    AUDIT_NAME_UNKNOWN};
    for (size_t i = 0; i < sizeof(order); i++) {
        const struct audit_path *p = path_nth(e, order[i], 0);
        if (p && p->name.form != AUDIT_TEXT_NONE)
            return p;
    }
    return NULL;
}

/* What the kernel calls a file without a name: that of its inode, in the folder. */
static bool unnamed_full(struct audit_host *h, uint64_t inode, struct btr_span *full)
{
    char name[24];
    int size = snprintf(name, sizeof(name), "/#%llu", (unsigned long long)inode);
    bool root = full->size == 1 && full->at[0] == '/';
    size_t folder = root ? 0 : full->size;
    uint8_t *at = btr_arena_alloc(h->arena, folder + (size_t)size, 1);
    if (!at) {
        h->out_of_memory = true;
        return false;
    }
    if (folder)
        memcpy(at, full->at, folder);
    memcpy(at + folder, name, (size_t)size);
    *full = (struct btr_span){at, folder + (size_t)size};
    return true;
}

/* Resolves a name and joins it to the life of its inode. @param unnamed  the call made a file
 * without a name in the folder of that name */
static bool resolve(struct audit_host *h, uint32_t process, const struct audit_path *path,
                    int64_t dirfd, bool unnamed, struct named *out)
{
    *out = (struct named){.path = path, .inode = AUDIT_NONE, .unnamed = unnamed};
    if (!path || !audit_path_full(h, process, path->name, dirfd, &out->full))
        return false;
    if (unnamed && !unnamed_full(h, path->inode, &out->full))
        return false;
    out->id = audit_file_id(h, process, out->full, &out->root);
    audit_note_file(h, out->id, out->root, out->full);
    if (path->inode == 0 || is_type(path, TYPE_DIRECTORY))
        return true;
    out->inode = audit_inode_add(h, path->device, path->inode);
    if (out->inode == AUDIT_NONE)
        return true;
    if ((path->nametype == AUDIT_NAME_CREATE || unnamed) && h->inodes[out->inode].refs == 0 &&
        h->e->call != AUDIT_CALL_link && h->e->call != AUDIT_CALL_linkat &&
        h->e->call != AUDIT_CALL_rename && h->e->call != AUDIT_CALL_renameat &&
        h->e->call != AUDIT_CALL_renameat2)
        audit_inode_clear(h, out->inode); /* the number is used again: another life */
    out->slot = audit_inode_name(h, out->inode, out->id, out->root, out->full);
    return true;
}

/* Resolves a name and joins it to the life of its inode. */
static bool name_resolve(struct audit_host *h, uint32_t process, const struct audit_path *path,
                         int64_t dirfd, struct named *out)
{
    return resolve(h, process, path, dirfd, false, out);
}

/* The content behind a name is used, or changed, by the event in hand. */
static void name_read(struct audit_host *h, const struct named *n)
{
    if (n->inode != AUDIT_NONE)
        audit_inode_read(h, n->inode, n->slot, h->now_ns, h->now_ns, false);
}

static void name_write(struct audit_host *h, const struct named *n)
{
    if (n->inode != AUDIT_NONE)
        audit_inode_write(h, n->inode, n->slot, h->first_ns, h->now_ns, false);
}

static int64_t dirfd_of(uint64_t argument)
{
    int32_t fd = (int32_t)(uint32_t)argument;
    return fd < 0 ? AUDIT_FDCWD : fd;
}

/* Open flags, close-on-exec and the folder that a relative name counts from, by call. */
static uint64_t open_flags(const struct audit_event *e, int64_t *dirfd)
{
    *dirfd = AUDIT_FDCWD;
    switch (e->call) {
    case AUDIT_CALL_open:
        return e->a[1];
    case AUDIT_CALL_creat:
        return OPEN_WRONLY | OPEN_CREAT | OPEN_TRUNC;
    case AUDIT_CALL_openat2:
        *dirfd = dirfd_of(e->a[0]);
        return e->has_openat2 ? e->openat2_flags : 0;
    default:
        *dirfd = dirfd_of(e->a[0]);
        return e->a[2];
    }
}

static uint8_t access_of(uint64_t flags)
{
    switch (flags & OPEN_ACCESS) {
    case OPEN_WRONLY:
        return AUDIT_CAN_WRITE;
    case OPEN_RDWR:
        return AUDIT_CAN_READ | AUDIT_CAN_WRITE;
    default:
        return AUDIT_CAN_READ;
    }
}

static uint8_t object_kind(const struct audit_path *p)
{
    if (is_type(p, TYPE_DIRECTORY))
        return AUDIT_OBJECT_DIRECTORY;
    if (is_type(p, TYPE_CHARACTER) && p->rdev >> 20 == DEVICE_MEMORY)
        return AUDIT_OBJECT_DEVICE;
    return AUDIT_OBJECT_FILE;
}

static bool lies_below(struct btr_span path, struct btr_span folder)
{
    for (size_t at = 0; at + folder.size <= path.size; at++)
        if (memcmp(path.at + at, folder.at, folder.size) == 0)
            return true;
    return false;
}

/* Whether a read of it that gives less than was asked for came to its end: what the kernel makes up
 * as it is read may give less anywhere. It is mounted as proc and sys, in jails and containers,
 * too. */
static bool ends_short(const struct named *n)
{
    return is_type(n->path, TYPE_REGULAR) && !lies_below(n->full, BTR_SPAN("/proc/")) &&
           !lies_below(n->full, BTR_SPAN("/sys/"));
}

static uint32_t file_object(struct audit_host *h, const struct named *n, uint64_t flags)
{
    uint32_t object = audit_object_new(h);
    if (object == AUDIT_NONE)
        return object;
    struct audit_object *o = &h->objects[object];
    o->id = n->id;
    o->kind = flags & OPEN_PATH ? AUDIT_OBJECT_DIRECTORY : object_kind(n->path);
    o->entity = BTR_KIND_FILE;
    o->access = access_of(flags) | (ends_short(n) ? AUDIT_ENDS_SHORT : 0);
    o->root = n->root;
    o->noted_epoch = h->batch->epoch;
    o->opened_serial = h->e->serial;
    o->opened_line = h->e->line;
    o->opened_ns = h->now_ns;
    o->opened_time_ns = h->e->time_ns;
    if (n->inode != AUDIT_NONE) {
        o->inode = n->inode;
        o->name_slot = n->slot;
        h->inodes[n->inode].refs++;
    }
    audit_string_set(h, &o->path, n->full);
    return object;
}

static void open_emit(struct audit_host *h, uint32_t process, const struct named *n, uint64_t flags)
{
    uint8_t kind = object_kind(n->path), access = access_of(flags);
    if (kind != AUDIT_OBJECT_FILE || (flags & OPEN_PATH)) {
        audit_emit_in(h, process, n->id, BTR_OP_TOLD);
        return;
    }
    if (access == AUDIT_CAN_READ)
        name_read(h, n);
    else
        name_write(h, n);
    if (n->path->nametype == AUDIT_NAME_CREATE || n->unnamed)
        audit_emit_out(h, process, n->id, BTR_OP_CREATE);
    else if (access == AUDIT_CAN_READ)
        audit_emit_in(h, process, n->id, BTR_OP_OPEN_READ);
    else
        audit_emit_out(h, process, n->id,
                       access == AUDIT_CAN_WRITE ? BTR_OP_OPEN_WRITE : BTR_OP_OPEN_BOTH);
    if ((flags & OPEN_TRUNC) && n->path->nametype != AUDIT_NAME_CREATE &&
        (access & AUDIT_CAN_WRITE))
        audit_emit_out(h, process, n->id, BTR_OP_TRUNCATE);
}

static void call_open(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    int64_t dirfd;
    uint64_t flags = open_flags(e, &dirfd);
    struct named n;
    bool opened = e->has_exit && e->exit >= 0;
    const struct audit_path *path = path_object(e);
    /* older kernels tell the folder's inode, newer ones the file's: only that is one of its own */
    bool unnamed = opened && (flags & OPEN_TMPFILE) && path && is_type(path, TYPE_REGULAR);
    bool known = resolve(h, process, path, dirfd, unnamed, &n);
    if (!opened) {
        if (known)
            audit_emit_in(h, process, n.id, BTR_OP_OPEN_DENIED)->flags |= BTR_EVENT_FAILED;
        return;
    }
    if (!known) { /* the name cannot be resolved: the descriptor is told by what follows, with a
                     doubt */
        audit_slot_close(h, process, (uint64_t)e->exit);
        uint32_t object = audit_descriptor(h, process, (uint64_t)e->exit);
        if (object != AUDIT_NONE) {
            audit_note_object(h, object);
            audit_emit_out(h, process, h->objects[object].id, BTR_OP_OPEN_BOTH)->doubt =
                BTR_DOUBT_DESCRIPTOR_UNKNOWN;
        }
        return;
    }
    open_emit(h, process, &n, flags);
    audit_slot_put(h, process, (uint64_t)e->exit, file_object(h, &n, flags), flags & OPEN_CLOEXEC);
}

static void call_unlink(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    struct named n;
    int64_t dirfd = e->call == AUDIT_CALL_unlinkat ? dirfd_of(e->a[0]) : AUDIT_FDCWD;
    if (!name_resolve(h, process, path_object(e), dirfd, &n))
        return;
    name_read(h, &n);
    audit_emit_out(h, process, n.id, BTR_OP_DELETE);
    if (n.inode != AUDIT_NONE)
        audit_inode_forget_name(h, n.inode, n.id);
}

/* An event of its own carried the content to this name: what is read under it comes from there. */
static void name_moved(struct audit_host *h, uint32_t inode, uint16_t slot)
{
    struct audit_inode *i = &h->inodes[inode];
    if (slot >= i->name_count)
        return;
    i->version = i->version == UINT32_MAX ? 1 : i->version + 1;
    i->last_name = slot;
    i->names[slot].version = i->version;
    i->names[slot].changed = true;
}

/* rename: the process takes away the old name and makes the new one, whose content is the old
   one's. An exchange (RENAME_EXCHANGE) has two names of each kind and is told both ways. */
static void rename_tell(struct audit_host *h, uint32_t process, struct named *from,
                        struct named *to)
{
    if (from->inode != AUDIT_NONE)
        audit_inode_read(h, from->inode, from->slot, h->first_ns, h->now_ns, false);
    audit_emit_out(h, process, to->id, BTR_OP_RENAME);
    audit_emit_out(h, process, from->id, BTR_OP_DELETE);
    struct btr_event *e = audit_emit(h, from->id, to->id, BTR_OP_RENAMED);
    e->first_ns = h->first_ns;
    uint32_t inode = to->inode != AUDIT_NONE ? to->inode : from->inode;
    if (inode == AUDIT_NONE)
        return;
    uint16_t slot = audit_inode_name(h, inode, to->id, to->root, to->full);
    name_moved(h, inode, slot);
    audit_inode_forget_name(h, inode, from->id);
}

/* The old name of what got a new one: the deleted item of the same inode, else the one at the same
 * place. */
static const struct audit_path *rename_old(const struct audit_event *e,
                                           const struct audit_path *new, uint32_t nth)
{
    const struct audit_path *old;
    for (uint32_t i = 0; (old = path_nth(e, AUDIT_NAME_DELETE, i)) != NULL; i++)
        if (old->inode == new->inode && old->device == new->device && old->inode != 0)
            return old;
    return path_nth(e, AUDIT_NAME_DELETE, nth);
}

/* A target that was replaced: its content lost this name. */
static void rename_replaced(struct audit_host *h, const struct audit_path *new, struct btr_id name)
{
    const struct audit_path *gone;
    for (uint32_t i = 0; (gone = path_nth(h->e, AUDIT_NAME_DELETE, i)) != NULL; i++) {
        uint32_t inode =
            gone->inode == new->inode ? AUDIT_NONE : audit_inode_find(h, gone->device, gone->inode);
        if (inode != AUDIT_NONE)
            audit_inode_forget_name(h, inode, name);
    }
}

static void call_rename(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    bool at = e->call != AUDIT_CALL_rename;
    int64_t from_dir = at ? dirfd_of(e->a[0]) : AUDIT_FDCWD,
            to_dir = at ? dirfd_of(e->a[2]) : AUDIT_FDCWD;
    const struct audit_path *new;
    for (uint32_t i = 0; i < 2 && (new = path_nth(e, AUDIT_NAME_CREATE, i)) != NULL; i++) {
        struct named from, to;
        const struct audit_path *old = rename_old(e, new, i);
        if (!old || !name_resolve(h, process, old, from_dir, &from) ||
            !name_resolve(h, process, new, to_dir, &to))
            continue;
        rename_replaced(h, new, to.id);
        rename_tell(h, process, &from, &to);
    }
}

static void call_link(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    bool at = e->call == AUDIT_CALL_linkat;
    struct named from, to;
    bool known = name_resolve(h, process, path_nth(e, AUDIT_NAME_NORMAL, 0),
                              at ? dirfd_of(e->a[0]) : AUDIT_FDCWD, &from);
    if (!name_resolve(h, process, path_nth(e, AUDIT_NAME_CREATE, 0),
                      at ? dirfd_of(e->a[2]) : AUDIT_FDCWD, &to))
        return;
    if (known && from.inode != AUDIT_NONE)
        audit_inode_read(h, from.inode, from.slot, h->first_ns, h->now_ns, false);
    audit_emit_out(h, process, to.id, BTR_OP_LINK);
    if (!known)
        return;
    audit_emit(h, from.id, to.id, BTR_OP_LINKED)->first_ns = h->first_ns;
    if (to.inode != AUDIT_NONE && to.slot < h->inodes[to.inode].name_count)
        h->inodes[to.inode].names[to.slot].version =
            h->inodes[to.inode].version; /* `linked` joined it */
}

/* What a call that succeeded made the permissions of a file. */
static void mode_note(struct audit_host *h, struct btr_id id)
{
    const struct audit_event *e = h->e;
    bool at = e->call == AUDIT_CALL_fchmodat;
    if (e->success)
        audit_note_mode(h, id, e->a[at ? 2 : 1]);
}

/* Calls that change one named thing. */
static void call_named(struct audit_host *h, uint32_t process, int64_t dirfd,
                       enum btr_operation operation)
{
    struct named n;
    if (!name_resolve(h, process, path_object(h->e), dirfd, &n))
        return;
    name_write(h, &n);
    audit_emit_out(h, process, n.id, operation);
    if (operation == BTR_OP_CHMOD && !is_type(n.path, TYPE_DIRECTORY))
        mode_note(h, n.id);
}

/* The same through a descriptor. */
static void call_descriptor(struct audit_host *h, uint32_t process, enum btr_operation operation)
{
    uint32_t object = audit_descriptor(h, process, h->e->a[0]);
    if (object == AUDIT_NONE)
        return;
    audit_note_object(h, object);
    const struct audit_object *o = &h->objects[object];
    if (o->inode != AUDIT_NONE)
        audit_inode_write(h, o->inode, o->name_slot, h->first_ns, h->now_ns, false);
    struct btr_event *e = audit_emit_out(h, process, h->objects[object].id, operation);
    e->doubt = h->objects[object].doubt;
    if (operation == BTR_OP_CHMOD && o->kind == AUDIT_OBJECT_FILE)
        mode_note(h, o->id);
}

static void call_chdir(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    struct btr_span full = {NULL, 0};
    if (e->call == AUDIT_CALL_fchdir) {
        struct audit_slot *slot = audit_slot_get(h, process, e->a[0]);
        if (slot && h->objects[slot->object].entity == BTR_KIND_FILE)
            full = h->objects[slot->object].path;
    } else if (path_object(e)) {
        audit_path_full(h, process, path_object(e)->name, AUDIT_FDCWD, &full);
    }
    struct btr_span prefix =
        h->processes[process].prefix; /* the folder is kept as records tell it: inside */
    if (full.size > prefix.size && btr_span_begins(full, prefix) &&
        (prefix.size == 0 || full.at[prefix.size] == '/'))
        full = (struct btr_span){full.at + prefix.size, full.size - prefix.size};
    if (full.size)
        audit_string_set(h, &h->processes[process].cwd, full);
}

/* The descriptor that an exec ran its program from: execveat's, when the name is empty, else that
 * of /proc/self/fd/N. */
static uint32_t exec_descriptor(struct audit_host *h, uint32_t process)
{
    const struct audit_path *path = path_nth(h->e, AUDIT_NAME_NORMAL, 0);
    struct btr_span name, folder = BTR_SPAN("/proc/self/fd/");
    if (!path || !audit_text_decode(path->name, h->arena, &name))
        return AUDIT_NONE;
    uint64_t fd = 0;
    if (name.size == 0 && h->e->call == AUDIT_CALL_execveat) {
        fd = h->e->a[0];
    } else if (name.size > folder.size && btr_span_begins(name, folder)) {
        for (size_t i = folder.size; i < name.size; i++) {
            if (name.at[i] < '0' || name.at[i] > '9' || fd > AUDIT_DESCRIPTOR_MAX)
                return AUDIT_NONE;
            fd = fd * 10 + (uint64_t)(name.at[i] - '0');
        }
    } else {
        return AUDIT_NONE;
    }
    struct audit_slot *slot = audit_slot_get(h, process, fd);
    return slot ? slot->object : AUDIT_NONE;
}

/* A program that lies in memory or behind a descriptor whose name the record does not tell. @return
 * whether it is one */
static bool exec_from_descriptor(struct audit_host *h, uint32_t process)
{
    uint32_t object = exec_descriptor(h, process);
    if (object == AUDIT_NONE)
        return false;
    audit_note_object(h, object);
    const struct audit_object *o = &h->objects[object];
    if (o->inode != AUDIT_NONE)
        audit_inode_read(h, o->inode, o->name_slot, h->now_ns, h->now_ns, false);
    audit_emit_in(h, process, h->objects[object].id, BTR_OP_EXEC)->doubt = h->objects[object].doubt;
    return true;
}

/* What an exec read: the program first, then interpreter and loader. */
void audit_exec_files(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    bool found = exec_from_descriptor(h, process), first = !found;
    int64_t dirfd = e->call == AUDIT_CALL_execveat ? dirfd_of(e->a[0]) : AUDIT_FDCWD;
    for (uint32_t i = 0; i < e->path_count; i++) {
        struct named n;
        if (found && e->paths[i].nametype == AUDIT_NAME_NORMAL) {
            found = false; /* the program's own item */
            continue;
        }
        if (e->paths[i].nametype == AUDIT_NAME_PARENT ||
            !name_resolve(h, process, &e->paths[i], dirfd, &n))
            continue;
        name_read(h, &n);
        audit_emit_in(h, process, n.id, first ? BTR_OP_EXEC : BTR_OP_LOAD);
        first = false;
    }
    if (first) { /* no name that can be resolved: the image is what exe= says */
        struct btr_span root, exe = h->processes[process].exe;
        struct btr_id id = audit_file_id(h, process, exe, &root);
        audit_note_file(h, id, root, exe);
        audit_emit_in(h, process, id, BTR_OP_EXEC)->doubt = BTR_DOUBT_INFERRED;
    }
}

/* Calls on one named thing or one descriptor, as rows: which argument holds the folder's descriptor
   (-1: none), what the call does to the thing. */
enum { BY_DESCRIPTOR = -2 };
static const struct change {
    uint8_t call;
    int8_t dirfd_argument;
    uint8_t operation;
} changes[] = {
    {AUDIT_CALL_symlink, -1, BTR_OP_CREATE},
    {AUDIT_CALL_symlinkat, 1, BTR_OP_CREATE},
    {AUDIT_CALL_mkdir, -1, BTR_OP_CREATE},
    {AUDIT_CALL_mkdirat, 0, BTR_OP_CREATE},
    {AUDIT_CALL_mknod, -1, BTR_OP_CREATE},
    {AUDIT_CALL_mknodat, 0, BTR_OP_CREATE},
    {AUDIT_CALL_chmod, -1, BTR_OP_CHMOD},
    {AUDIT_CALL_fchmodat, 0, BTR_OP_CHMOD},
    {AUDIT_CALL_fchmod, BY_DESCRIPTOR, BTR_OP_CHMOD},
    {AUDIT_CALL_chown, -1, BTR_OP_CHOWN},
    {AUDIT_CALL_lchown, -1, BTR_OP_CHOWN},
    {AUDIT_CALL_fchownat, 0, BTR_OP_CHOWN},
    {AUDIT_CALL_fchown, BY_DESCRIPTOR, BTR_OP_CHOWN},
    {AUDIT_CALL_truncate, -1, BTR_OP_TRUNCATE},
    {AUDIT_CALL_ftruncate, BY_DESCRIPTOR, BTR_OP_TRUNCATE},
    {AUDIT_CALL_fallocate, BY_DESCRIPTOR, BTR_OP_TRUNCATE},
    {AUDIT_CALL_utime, -1, BTR_OP_SETTIME},
    {AUDIT_CALL_utimes, -1, BTR_OP_SETTIME},
    {AUDIT_CALL_utimensat, 0, BTR_OP_SETTIME},
    {AUDIT_CALL_futimesat, 0, BTR_OP_SETTIME},
    {AUDIT_CALL_setxattr, -1, BTR_OP_SETATTR},
    {AUDIT_CALL_lsetxattr, -1, BTR_OP_SETATTR},
    {AUDIT_CALL_removexattr, -1, BTR_OP_SETATTR},
    {AUDIT_CALL_lremovexattr, -1, BTR_OP_SETATTR},
    {AUDIT_CALL_fsetxattr, BY_DESCRIPTOR, BTR_OP_SETATTR},
    {AUDIT_CALL_fremovexattr, BY_DESCRIPTOR, BTR_OP_SETATTR},
};

static void call_change(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const struct change *c = &changes[i];
        if (c->call != e->call)
            continue;
        enum btr_operation operation = (enum btr_operation)c->operation;
        bool times = c->operation == BTR_OP_SETTIME &&
                     !path_object(e); /* without a name: of the descriptor */
        if (c->dirfd_argument == BY_DESCRIPTOR || times)
            call_descriptor(h, process, operation);
        else
            call_named(h, process,
                       c->dirfd_argument < 0 ? AUDIT_FDCWD : dirfd_of(e->a[c->dirfd_argument]),
                       operation);
        return;
    }
}

void audit_call_file(struct audit_host *h, uint32_t process)
{
    switch (h->e->call) {
    case AUDIT_CALL_open:
    case AUDIT_CALL_openat:
    case AUDIT_CALL_openat2:
    case AUDIT_CALL_creat:
        call_open(h, process);
        break;
    case AUDIT_CALL_unlink:
    case AUDIT_CALL_unlinkat:
    case AUDIT_CALL_rmdir:
        call_unlink(h, process);
        break;
    case AUDIT_CALL_rename:
    case AUDIT_CALL_renameat:
    case AUDIT_CALL_renameat2:
        call_rename(h, process);
        break;
    case AUDIT_CALL_link:
    case AUDIT_CALL_linkat:
        call_link(h, process);
        break;
    case AUDIT_CALL_chdir:
    case AUDIT_CALL_fchdir:
        call_chdir(h, process);
        break;
    default:
        call_change(h, process);
        break;
    }
}
