#include "state.h"

enum { PATH_SIZE_MAX = 8192 };

/* Removes empty and "." parts and resolves ".." by name, in place. `path` begins with '/'. @return
 * its new size */
static size_t path_normalise(uint8_t *path, size_t size)
{
    size_t out = 0, at = 0;
    while (at < size) {
        while (at < size && path[at] == '/')
            at++;
        size_t begin = at;
        while (at < size && path[at] != '/')
            at++;
        size_t part = at - begin;
        if (part == 0 || (part == 1 && path[begin] == '.'))
            continue;
        if (part == 2 && path[begin] == '.' && path[begin + 1] == '.') {
            while (out > 0 && path[--out] != '/')
                ;
            continue;
        }
        path[out++] = '/';
        memmove(path + out, path + begin, part);
        out += part;
    }
    if (out == 0)
        path[out++] = '/';
    return out;
}

/* "/proc/self/x" names another thing in every process: the key says which. "/proc/self/exe" is the
 * program itself. */
static struct btr_span proc_self(struct audit_host *h, uint32_t process, struct btr_span path)
{
    const struct audit_process *p = &h->processes[process];
    struct btr_span prefix = BTR_SPAN("/proc/self");
    if (!btr_span_begins(path, prefix))
        prefix = BTR_SPAN("/proc/thread-self");
    if (!btr_span_begins(path, prefix) || (path.size > prefix.size && path.at[prefix.size] != '/'))
        return path;
    struct btr_span rest = {path.at + prefix.size, path.size - prefix.size};
    if (btr_span_equal(rest, BTR_SPAN("/exe")) && p->exe.size > 1)
        return p->exe;
    uint8_t *out = btr_arena_alloc(h->arena, rest.size + 24, 1);
    if (!out)
        return path;
    int head = snprintf((char *)out, 24, "/proc/%u", p->pid);
    memcpy(out + head, rest.at, rest.size);
    return (struct btr_span){out, (size_t)head + rest.size};
}

/* What a relative name counts from: the descriptor, else the record's own CWD, else the last one
 * known. */
static bool base_of(struct audit_host *h, uint32_t process, int64_t dirfd, struct btr_span *base)
{
    if (dirfd >= 0) {
        struct audit_slot *slot = audit_slot_get(h, process, (uint64_t)dirfd);
        if (!slot || h->objects[slot->object].entity != BTR_KIND_FILE)
            return false;
        *base = h->objects[slot->object].path;
        return true;
    }
    if (h->e->cwd.form != AUDIT_TEXT_NONE)
        return audit_text_decode(h->e->cwd, h->arena, base);
    *base = h->processes[process].cwd;
    return base->size > 0;
}

bool audit_path_full(struct audit_host *h, uint32_t process, struct audit_text name, int64_t dirfd,
                     struct btr_span *out)
{
    struct btr_span own, base = {NULL, 0}, prefix = h->processes[process].prefix;
    if (name.form == AUDIT_TEXT_NONE || !audit_text_decode(name, h->arena, &own))
        return false;
    bool relative = own.size == 0 || own.at[0] != '/';
    if (relative && !base_of(h, process, dirfd, &base))
        return false;
    if (relative && dirfd >= 0)
        prefix = (struct btr_span){NULL, 0}; /* the descriptor's path is full already */
    size_t size = prefix.size + base.size + own.size + 2;
    uint8_t *path = size <= PATH_SIZE_MAX ? btr_arena_alloc(h->arena, size, 1) : NULL;
    if (!path)
        return false;
    size_t at = 0;
    if (prefix.size)
        memcpy(path, prefix.at, prefix.size);
    at += prefix.size;
    path[at++] = '/';
    if (base.size)
        memcpy(path + at, base.at, base.size);
    at += base.size;
    path[at++] = '/';
    if (own.size)
        memcpy(path + at, own.at, own.size);
    at += own.size;
    *out = proc_self(h, process, (struct btr_span){path, path_normalise(path, at)});
    return true;
}

struct btr_id audit_file_id(struct audit_host *h, uint32_t process, struct btr_span path,
                            struct btr_span *root)
{
    *root = h->processes[process].root;
    return btr_identity_file(h->host, *root, path);
}

static void name_set(struct audit_host *h, struct audit_name *name, struct btr_id id,
                     struct btr_span root, struct btr_span path)
{
    name->id = id;
    name->root = root;
    name->version = 0;
    name->changed = false;
    audit_string_set(h, &name->path, path);
}

uint16_t audit_inode_name(struct audit_host *h, uint32_t inode, struct btr_id id,
                          struct btr_span root, struct btr_span path)
{
    struct audit_inode *i = &h->inodes[inode];
    if (!i->names) {
        i->names = calloc(AUDIT_NAMES_MAX, sizeof(*i->names));
        if (!i->names) {
            h->out_of_memory = true;
            return 0;
        }
        h->bytes += AUDIT_NAMES_MAX * sizeof(*i->names);
    }
    for (uint16_t n = 0; n < i->name_count; n++)
        if (btr_id_equal(i->names[n].id, id))
            return n;
    uint16_t n = i->name_count;
    if (n == AUDIT_NAMES_MAX) { /* full: the oldest name but the last used one gives way */
        n = i->last_name == 0 ? 1 : 0;
        h->evicted++;
    } else {
        i->name_count++;
    }
    name_set(h, &i->names[n], id, root, path);
    return n;
}

void audit_inode_forget_name(struct audit_host *h, uint32_t inode, struct btr_id name)
{
    struct audit_inode *i = &h->inodes[inode];
    if (i->refs > 0) /* a descriptor may go on using the content under this name */
        return;
    for (uint16_t n = 0; n < i->name_count; n++) {
        if (!btr_id_equal(i->names[n].id, name) || n == i->last_name)
            continue;
        uint16_t last = --i->name_count;
        struct audit_name gone = i->names[n];
        i->names[n] = i->names[last];
        i->names[last] = (struct audit_name){.id = {0, 0}};
        if (i->last_name == last)
            i->last_name = n;
        h->bytes -= gone.path.size;
        free((void *)gone.path.at);
        return;
    }
}

void audit_inode_clear(struct audit_host *h, uint32_t inode)
{
    struct audit_inode *i = &h->inodes[inode];
    for (uint16_t n = 0; n < i->name_count; n++) {
        h->bytes -= i->names[n].path.size;
        free((void *)i->names[n].path.at);
    }
    if (i->names)
        h->bytes -= AUDIT_NAMES_MAX * sizeof(*i->names);
    free(i->names);
    i->names = NULL;
    i->name_count = i->last_name = 0;
    i->version = 0;
}

static void same_emit(struct audit_host *h, const struct audit_name *from,
                      const struct audit_name *to, int64_t first_ns, int64_t last_ns)
{
    audit_note_file(h, from->id, from->root, from->path);
    audit_note_file(h, to->id, to->root, to->path);
    struct btr_event *e = audit_emit_implied(h, from->id, to->id, BTR_OP_SAME);
    e->first_ns = first_ns;
    e->last_ns = last_ns;
}

/* An instant needs the name of the last change only: that one was joined to those before. In an
   interval any of them may have been the last. */
void audit_inode_read(struct audit_host *h, uint32_t inode, uint16_t slot, int64_t first_ns,
                      int64_t last_ns, bool interval)
{
    struct audit_inode *i = &h->inodes[inode];
    i->used = 1;
    if (slot >= i->name_count || i->version == 0)
        return;
    struct audit_name *to = &i->names[slot];
    for (uint16_t n = 0; n < i->name_count; n++) {
        bool wanted =
            interval ? i->names[n].changed : n == i->last_name && to->version != i->version;
        if (n != slot && wanted)
            same_emit(h, &i->names[n], to, first_ns, last_ns);
    }
    to->version = i->version;
}

void audit_inode_write(struct audit_host *h, uint32_t inode, uint16_t slot, int64_t first_ns,
                       int64_t last_ns, bool interval)
{
    audit_inode_read(h, inode, slot, first_ns, last_ns, interval);
    struct audit_inode *i = &h->inodes[inode];
    if (slot >= i->name_count)
        return;
    i->version = i->version == UINT32_MAX ? 1 : i->version + 1;
    i->last_name = slot;
    i->names[slot].version = i->version;
    i->names[slot].changed = true;
}

void audit_inode_spread(struct audit_host *h, uint32_t inode, uint16_t slot, int64_t first_ns)
{
    struct audit_inode *i = &h->inodes[inode];
    for (uint16_t n = 0; slot < i->name_count && n < i->name_count; n++) {
        if (n == slot)
            continue;
        same_emit(h, &i->names[slot], &i->names[n], first_ns < h->now_ns ? first_ns : h->now_ns,
                  h->now_ns);
        if (i->last_name == slot)
            i->names[n].version = i->version;
    }
}
