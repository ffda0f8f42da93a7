#include "state.h"

enum {
    CLONE_FS_ = 0x200,
    CLONE_FILES_ = 0x400,
    CLONE_PARENT_ = 0x8000,
    CLONE_THREAD_ = 0x10000,
    CLONE_NEWPID_ = 0x20000000,
};

/* Entry times have steps of a few ms; an entry may look this much later than what it caused. */
#define CLOCK_STEP_NS INT64_C(20000000)

/* Calls of other threads may be told after their process ended, but not this long. */
#define ENDED_NS INT64_C(1000000000)

uint32_t audit_process_by_pid(struct audit_host *h, uint32_t pid)
{
    return btr_u64map_get(&h->pids, pid);
}

/* A pid's new life. The id counts from its first sight; a start that was not seen is uncertain. */
static uint32_t life_begin(struct audit_host *h, uint32_t pid, uint32_t ppid, bool fork_told)
{
    uint32_t old = audit_process_by_pid(h, pid);
    if (old != AUDIT_NONE)
        audit_slots_end(h, old);
    uint32_t at = audit_process_new(h, pid);
    if (at == AUDIT_NONE) /* no room */
        return at;
    struct audit_process *p = &h->processes[at];
    p->ppid = ppid;
    p->start_ns = p->image_ns = p->user_ns = p->last_ns = h->now_ns;
    p->first_ns = INT64_MAX;
    p->id = btr_identity_process(h->host, pid, h->now_ns);
    p->flags = fork_told ? AUDIT_PROC_FORK_TOLD : AUDIT_PROC_UNCERTAIN;
    return at;
}

/* What a child has from its parent. */
static void life_inherit(struct audit_host *h, uint32_t child, uint32_t parent, bool share_files)
{
    struct audit_process *c = &h->processes[child];
    const struct audit_process *p = &h->processes[parent];
    audit_string_set(h, &c->exe, p->exe);
    audit_string_set(h, &c->comm, p->comm);
    audit_string_set(h, &c->command, p->command);
    audit_string_set(h, &c->cwd, p->cwd);
    c->uid = p->uid;
    c->euid = p->euid;
    c->auid = p->auid;
    c->ses = p->ses;
    c->root = p->root;
    c->prefix = p->prefix;
    c->flags |= p->flags & (AUDIT_PROC_OWN_PIDS | AUDIT_PROC_IMAGE_TOLD);
    if (p->flags & AUDIT_PROC_CHILD_PIDS)
        c->flags |= AUDIT_PROC_OWN_PIDS;
    for (uint32_t i = 0; i < p->map_count; i++) { /* shared mappings are shared with it as well */
        audit_object_hold(h, p->maps[i]);
        c->maps[i] = p->maps[i];
        c->map_since_ns[i] = h->now_ns;
    }
    c->map_count = p->map_count;
    if (p->table == AUDIT_NONE)
        return;
    if (share_files) {
        audit_table_hold(h, p->table);
        c->table = p->table;
    } else {
        c->table = audit_table_copy(h, p->table, h->now_ns);
    }
}

static struct btr_event *fork_emit(struct audit_host *h, uint32_t parent, uint32_t child)
{
    audit_note_process(h, child);
    return audit_emit_out(h, parent, h->processes[child].id, BTR_OP_FORK);
}

/* Takes an open clone out of the list. */
static void clone_remove(struct audit_host *h, uint32_t i)
{
    h->clone_count--;
    memmove(&h->clones[i], &h->clones[i + 1], (h->clone_count - i) * sizeof(h->clones[0]));
}

void audit_clone_drop(struct audit_host *h, uint32_t i)
{
    if (h->clones[i].table != AUDIT_NONE)
        audit_table_drop(h, h->clones[i].table);
    clone_remove(h, i);
}

static void clone_add(struct audit_host *h, uint32_t parent, uint32_t returned)
{
    if (h->clone_count == AUDIT_OPEN_CLONES_MAX)
        audit_clone_drop(h, 0); /* the oldest was most likely a thread */
    uint32_t table = h->processes[parent].table;
    if (table != AUDIT_NONE)
        table = audit_table_copy(h, table, h->now_ns);
    h->clones[h->clone_count++] = (struct audit_open_clone){.parent_pid = h->processes[parent].pid,
                                                            .returned = returned,
                                                            .serial = h->e->serial,
                                                            .line = h->e->line,
                                                            .time_ns = h->e->time_ns,
                                                            .first_ns = h->first_ns,
                                                            .last_ns = h->now_ns,
                                                            .parent = h->processes[parent].id,
                                                            .table = table};
}

/* A clone told its number as it is inside the pid namespace of who called. */
static bool clone_is_inside(const struct audit_host *h, const struct audit_open_clone *c)
{
    uint32_t parent = btr_u64map_get(&h->pids, c->parent_pid);
    return parent != AUDIT_NONE && (h->processes[parent].flags & AUDIT_PROC_OWN_PIDS);
}

/* The clone that made a process which acts for the first time: by its number, else the oldest of
   its parent's that was made inside a pid namespace. */
static uint32_t clone_find(const struct audit_host *h, uint32_t pid, uint32_t ppid, uint32_t parent,
                           bool *by_order)
{
    *by_order = false;
    for (uint32_t i = 0; i < h->clone_count; i++)
        if (h->clones[i].returned == pid &&
            (h->clones[i].parent_pid == ppid || !clone_is_inside(h, &h->clones[i])))
            return i;
    if (parent == AUDIT_NONE ||
        !(h->processes[parent].flags & (AUDIT_PROC_OWN_PIDS | AUDIT_PROC_CHILD_PIDS)))
        return AUDIT_NONE;
    *by_order = true;
    for (uint32_t i = 0; i < h->clone_count; i++)
        if (h->clones[i].parent_pid == h->processes[parent].pid)
            return i;
    return AUDIT_NONE;
}

/* The fork event of an open clone, told at its own record. */
static void clone_tell(struct audit_host *h, uint32_t i, uint32_t child, bool by_order)
{
    const struct audit_open_clone *c = &h->clones[i];
    audit_note_process(h, child);
    struct btr_event *e = audit_emit_implied(h, c->parent, h->processes[child].id, BTR_OP_FORK);
    e->flags = 0; /* it has a record of its own */
    e->first_ns = c->first_ns;
    e->last_ns = c->last_ns;
    e->time_ns = c->time_ns;
    e->record_id = c->serial;
    e->line = c->line;
    e->doubt = by_order ? BTR_DOUBT_PARENT_BY_ORDER : BTR_DOUBT_NONE;
    h->processes[child].flags |= AUDIT_PROC_FORK_TOLD;
    h->processes[child].flags &= (uint8_t)~AUDIT_PROC_UNCERTAIN;
    if (c->table != AUDIT_NONE) {
        if (h->processes[child].table != AUDIT_NONE)
            audit_table_drop(h, h->processes[child].table);
        h->processes[child].table = c->table;
    }
    clone_remove(h, i);
}

/* A pid that acts and is not known: its fork is logged later (vfork), elsewhere, or never. */
static uint32_t life_unknown(struct audit_host *h, const struct audit_event *e)
{
    uint32_t parent = audit_process_by_pid(h, e->ppid);
    bool by_order;
    uint32_t clone = clone_find(h, e->pid, e->ppid, parent, &by_order);
    if (clone != AUDIT_NONE) {
        uint32_t told = audit_process_by_pid(h, h->clones[clone].parent_pid);
        if (told != AUDIT_NONE)
            parent = told;
    }
    if (parent != AUDIT_NONE && h->processes[parent].pid == e->pid) /* nobody is its own parent */
        parent = AUDIT_NONE;
    uint32_t at = life_begin(h, e->pid, e->ppid, false);
    if (at == AUDIT_NONE || parent == AUDIT_NONE)
        return at;
    life_inherit(h, at, parent, false);
    if (clone != AUDIT_NONE) {
        clone_tell(h, clone, at, by_order);
        return at;
    }
    audit_note_process(h, at);
    audit_note_process(h, parent);
    struct btr_event *f =
        audit_emit_implied(h, h->processes[parent].id, h->processes[at].id, BTR_OP_FORK);
    f->doubt = BTR_DOUBT_PARENT_BY_PPID;
    return at;
}

/* Whether a known pid has visibly begun another life: another parent that is no adoption, and
   another image, without a fork or exec that told. */
static bool life_is_other(struct audit_host *h, const struct audit_process *p,
                          const struct audit_event *e, struct btr_span exe)
{
    if ((p->flags & AUDIT_PROC_ENDED) && audit_time_here(h, e->time_ns) > p->last_ns + ENDED_NS)
        return true;
    if (e->call == AUDIT_CALL_execve || e->call == AUDIT_CALL_execveat)
        return (p->flags & AUDIT_PROC_ENDED) && p->ppid != e->ppid;
    if (p->ppid == e->ppid || p->exe.size == 0 || btr_span_equal(p->exe, exe))
        return false;
    const uint32_t parent = audit_process_by_pid(h, p->ppid);
    bool orphan = parent == AUDIT_NONE || (h->processes[parent].flags & AUDIT_PROC_ENDED);
    return (p->flags & AUDIT_PROC_ENDED) || !orphan;
}

/* Keeps what every record tells of its process: image, user, session. */
static void process_update(struct audit_host *h, struct audit_process *p,
                           const struct audit_event *e, struct btr_span exe, struct btr_span comm)
{
    bool changed = false;
    if (exe.size && !btr_span_equal(p->exe, exe)) {
        audit_string_set(h, &p->exe, exe);
        p->image_ns = h->now_ns;
        changed = true;
    }
    if (p->comm.size == 0 && comm.size)
        audit_string_set(h, &p->comm, comm);
    if (e->uid != p->uid || e->euid != p->euid) {
        p->uid = e->uid;
        p->euid = e->euid;
        p->user_ns = h->now_ns;
        changed = true;
    }
    if (e->ses != p->ses || e->auid != p->auid) {
        p->ses = e->ses;
        p->auid = e->auid;
        changed = true;
    }
    if (e->ppid)
        p->ppid = e->ppid;
    if (changed)
        p->noted_epoch = h->batch->epoch - 1;
}

/* The command line of a process whose exec was not recorded, from PROCTITLE: arguments end in NUL.
 */
static void process_title(struct audit_host *h, struct audit_process *p,
                          const struct audit_event *e)
{
    struct btr_span title;
    if (e->proctitle.form == AUDIT_TEXT_NONE ||
        !audit_text_decode(e->proctitle, h->arena, &title) || title.size == 0)
        return;
    uint8_t *text = btr_arena_alloc(h->arena, title.size, 1);
    if (!text)
        return;
    for (size_t i = 0; i < title.size; i++)
        text[i] = title.at[i] ? title.at[i] : ' ';
    while (title.size > 1 && text[title.size - 1] == ' ')
        title.size--;
    audit_string_set(h, &p->command, (struct btr_span){text, title.size});
}

uint32_t audit_process_of(struct audit_host *h)
{
    const struct audit_event *e = h->e;
    struct btr_span exe = {NULL, 0}, comm = {NULL, 0};
    audit_text_decode(e->exe, h->arena, &exe);
    audit_text_decode(e->comm, h->arena, &comm);
    uint32_t at = audit_process_by_pid(h, e->pid);
    if (at == AUDIT_NONE || life_is_other(h, &h->processes[at], e, exe))
        at = life_unknown(h, e);
    if (at == AUDIT_NONE)
        return at;
    struct audit_process *p = &h->processes[at];
    if (!(p->flags & AUDIT_PROC_ACTED)) {
        p->flags |= AUDIT_PROC_ACTED;
        p->first_ns = h->now_ns;
        if (p->command.size == 0)
            process_title(h, p, e);
    }
    process_update(h, p, e, exe, comm);
    /* The call was entered no earlier than this thread's previous event ended, unless threads
     * overlap. */
    int64_t entry = audit_time_here(h, e->time_ns);
    if (!(p->flags & AUDIT_PROC_THREADED) && p->last_ns >= entry)
        entry = p->last_ns + 1;
    h->first_ns = entry < h->now_ns ? entry : h->now_ns;
    p->last_ns = h->now_ns;
    return at;
}

/* A child that acted before its fork was logged: the same pid and parent, first seen during this
 * call. */
static bool child_acted_first(const struct audit_host *h, uint32_t child, uint32_t parent)
{
    if (child == AUDIT_NONE)
        return false;
    const struct audit_process *c = &h->processes[child], *p = &h->processes[parent];
    return !(c->flags & AUDIT_PROC_FORK_TOLD) && c->start_ns + CLOCK_STEP_NS >= h->first_ns &&
           (c->ppid == p->pid || (c->flags & AUDIT_PROC_ENDED) || c->start_ns >= h->first_ns);
}

static void child_make(struct audit_host *h, uint32_t parent, uint32_t pid, uint64_t clone_flags)
{
    if (pid == h->processes[parent].pid) /* nobody is its own child */
        return;
    uint32_t child = audit_process_by_pid(h, pid);
    if (child_acted_first(h, child, parent)) {
        struct audit_process *c = &h->processes[child];
        c->flags |= AUDIT_PROC_FORK_TOLD;
        c->flags &= (uint8_t)~AUDIT_PROC_UNCERTAIN;
        c->noted_epoch = h->batch->epoch - 1;
        struct btr_event *e = fork_emit(h, parent, child);
        if (c->first_ns < e->first_ns)
            e->first_ns = c->first_ns;
        return;
    }
    child = life_begin(h, pid, h->processes[parent].pid, true);
    if (child == AUDIT_NONE)
        return;
    life_inherit(h, child, parent, clone_flags & CLONE_FILES_);
    if (clone_flags & CLONE_NEWPID_)
        h->processes[child].flags |= AUDIT_PROC_OWN_PIDS;
    if (clone_flags & CLONE_PARENT_)
        h->processes[child].ppid = h->processes[parent].ppid;
    fork_emit(h, parent, child);
}

void audit_call_clone(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    if (!e->has_exit || e->exit <= 0 || e->exit > UINT32_MAX)
        return;
    struct audit_process *p = &h->processes[process];
    uint32_t pid = (uint32_t)e->exit;
    uint64_t flags = e->call == AUDIT_CALL_clone ? e->a[0] : 0;
    if (flags & CLONE_THREAD_) {
        p->flags |= AUDIT_PROC_THREADED;
        return;
    }
    if (e->call ==
        AUDIT_CALL_clone3) { /* its flags lie behind a pointer: a process is known when it acts */
        uint32_t child = audit_process_by_pid(h, pid);
        if (child_acted_first(h, child, process)) {
            child_make(h, process, pid, 0);
        } else {
            clone_add(h, process, pid);
        }
        return;
    }
    if (p->flags & (AUDIT_PROC_OWN_PIDS | AUDIT_PROC_CHILD_PIDS)) {
        clone_add(h, process, pid);
        return;
    }
    child_make(h, process, pid, flags);
}

/* Arguments joined by spaces: what a person typed, near enough. The list itself is in the record.
 */
static void command_set(struct audit_host *h, struct audit_process *p)
{
    const struct audit_event *e = h->e;
    struct btr_buffer line = {0};
    for (uint32_t i = 0; i < e->arg_count; i++) {
        struct btr_span arg;
        if (!audit_text_decode(e->args[i], h->arena, &arg))
            break;
        if (i > 0)
            btr_buffer_u8(&line, ' ');
        btr_buffer_span(&line, arg);
    }
    if (line.failed)
        h->out_of_memory = true;
    else if (e->arg_count > 0)
        audit_string_set(h, &p->command, btr_buffer_view(&line));
    btr_buffer_fini(&line);
}

static void call_exec(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    struct audit_process *p = &h->processes[process];
    command_set(h, p);
    struct btr_span comm;
    if (audit_text_decode(e->comm, h->arena, &comm))
        audit_string_set(h, &p->comm, comm);
    p->flags |= AUDIT_PROC_IMAGE_TOLD;
    p->flags &= (uint8_t)~AUDIT_PROC_THREADED;
    p->image_ns = h->now_ns;
    p->noted_epoch = h->batch->epoch - 1; /* told anew, whole, by the first event below */
    audit_exec_files(h, process); /* the program may be behind a descriptor that closes now */
    audit_slots_exec(h, process);
}

static void call_exit(struct audit_host *h, uint32_t process)
{
    audit_emit_in(h, process, h->processes[process].id, BTR_OP_EXIT);
    audit_slots_end(h, process);
    h->processes[process].flags |= AUDIT_PROC_ENDED;
}

/* The processes a call names: OBJ_PID records, else the argument, which is a number of the caller's
 * namespace. */
static void call_target(struct audit_host *h, uint32_t process, uint64_t argument,
                        enum btr_operation operation)
{
    const struct audit_event *e = h->e;
    for (uint32_t i = 0; i < e->obj_pid_count; i++) {
        uint32_t target = audit_process_by_pid(h, e->obj_pids[i].pid);
        if (target != AUDIT_NONE && target != process) {
            audit_note_process(h, target);
            audit_emit_out(h, process, h->processes[target].id, operation);
        }
    }
    if (e->obj_pid_count > 0 || argument == 0 || argument > UINT32_MAX ||
        (h->processes[process].flags & AUDIT_PROC_OWN_PIDS))
        return;
    uint32_t target = audit_process_by_pid(h, (uint32_t)argument);
    if (target != AUDIT_NONE && target != process) {
        audit_note_process(h, target);
        audit_emit_out(h, process, h->processes[target].id, operation);
    }
}

static void call_setuid(struct audit_host *h, uint32_t process)
{
    struct btr_id user = audit_user_entity(h, h->e->euid);
    audit_emit_in(h, process, user, BTR_OP_SETUID);
}

void audit_call_process(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    switch (e->call) {
    case AUDIT_CALL_execve:
    case AUDIT_CALL_execveat:
        call_exec(h, process);
        break;
    case AUDIT_CALL_exit_group:
        call_exit(h, process);
        break;
    case AUDIT_CALL_exit: /* one thread; the process only when it has no others */
        if (!(h->processes[process].flags & AUDIT_PROC_THREADED))
            call_exit(h, process);
        break;
    case AUDIT_CALL_kill:
    case AUDIT_CALL_tkill:
    case AUDIT_CALL_tgkill:
    case AUDIT_CALL_rt_sigqueueinfo:
    case AUDIT_CALL_rt_tgsigqueueinfo:
        call_target(h, process, e->a[0], BTR_OP_SIGNAL);
        break;
    case AUDIT_CALL_ptrace:
        call_target(h, process, e->a[1], BTR_OP_PTRACE);
        break;
    case AUDIT_CALL_process_vm_readv:
        call_target(h, process, e->a[0], BTR_OP_PTRACE);
        break;
    case AUDIT_CALL_process_vm_writev:
        call_target(h, process, e->a[0], BTR_OP_INJECT);
        break;
    default: /* setuid and its like */
        call_setuid(h, process);
        break;
    }
}
