#include "state.h"

#define FAR_NS                                                                                     \
    INT64_C(10000000000) /* a record further off than this from its neighbours has a wrong clock   \
                          */
enum { BEHIND_LASTING = 8 };
#define SERIAL_HALF UINT32_C(0x80000000)

/* Serials are 32 bits wide in the kernel and wrap. */
static bool serial_after(uint64_t a, uint64_t b)
{
    return (uint32_t)(a - b) != 0 && (uint32_t)(a - b) < SERIAL_HALF;
}

/* A record's time in this clock epoch. Forged times stay in a range in which sums do not overflow.
 */
int64_t audit_time_here(const struct audit_host *h, int64_t time_ns)
{
    const int64_t most = AUDIT_TIME_NS_MAX - AUDIT_TIME_NS_MAX / 4;
    int64_t time = time_ns < 0 ? 0 : time_ns > most ? most : time_ns;
    if (h->clock_offset_ns > 0 && time > most - h->clock_offset_ns)
        return most;
    return time + h->clock_offset_ns < 0 ? 0 : time + h->clock_offset_ns;
}

/* A record that comes after higher serials: its order time lies between its neighbours'. */
static int64_t order_late(const struct audit_host *h, uint64_t serial)
{
    int64_t best = INT64_MIN;
    uint64_t below = 0;
    for (uint32_t i = 0; i < AUDIT_RECENT_MAX; i++) {
        const struct audit_recent *r = &h->recent[i];
        if (r->order_ns && serial_after(serial, r->serial) &&
            (best == INT64_MIN || serial_after(r->serial, below))) {
            best = r->order_ns;
            below = r->serial;
        }
    }
    if (best != INT64_MIN)
        return best;
    for (uint32_t i = 0; i < AUDIT_RECENT_MAX;
         i++) /* older than all that is remembered: before the oldest */
        if (h->recent[i].order_ns && (best == INT64_MIN || h->recent[i].order_ns < best))
            best = h->recent[i].order_ns;
    return best == INT64_MIN ? h->order_ns : best;
}

/* The clock was set back for good: record times get an offset from here on. */
static void clock_step(struct audit_host *h, int64_t time_ns)
{
    h->clock_offset_ns = 0;
    h->clock_offset_ns = h->order_ns - audit_time_here(h, time_ns);
    h->behind_count = 0;
    h->now_ns = h->order_ns + 1;
    char text[96];
    int size = snprintf(text, sizeof(text),
                        "the clock was set back by %lld ms; times since are shifted by that",
                        (long long)(h->clock_offset_ns / 1000000));
    audit_gap(h, BTR_GAP_CLOCK, h->order_ns, h->last_serial, 0,
              (struct btr_span){(const uint8_t *)text, (size_t)size});
}

/* Order time of the next event of the sequence (docs/EVENTS.md, "Order"). */
static int64_t order_next(struct audit_host *h, int64_t time_ns, int64_t ahead_ns)
{
    int64_t time = audit_time_here(h, time_ns);
    if (!h->any)
        return time;
    int64_t least = h->order_ns + 1;
    if (h->clock_offset_ns != 0 && time_ns >= h->order_ns) { /* the clock was set right again */
        h->clock_offset_ns = 0;
        time = audit_time_here(h, time_ns);
    }
    if (time < h->order_ns - FAR_NS) {
        if (++h->behind_count >= BEHIND_LASTING)
            clock_step(h, time_ns);
        return least;
    }
    h->behind_count = 0;
    bool outlier = time > h->order_ns + FAR_NS && ahead_ns != INT64_MIN &&
                   audit_time_here(h, ahead_ns) < time - FAR_NS;
    if (outlier) {
        h->now_ns = least;
        audit_gap(h, BTR_GAP_CLOCK, h->order_ns, h->last_serial, 0,
                  BTR_SPAN("one record's time is far ahead of those that follow"));
        return least;
    }
    return time > least ? time : least;
}

/* Whether a record comes after one with a higher serial of the same counter. */
static bool is_late(const struct audit_host *h, const struct audit_event *e)
{
    return h->any && serial_after(h->last_serial, e->serial) &&
           audit_time_here(h, e->time_ns) <= h->order_ns + FAR_NS &&
           h->last_serial - e->serial < AUDIT_LATE_MAX;
}

/* Hosts that share a counter have holes by nature: who reads them compares them together. */
static void shared_see(struct audit_host *h, uint64_t serial)
{
    if (h->shared)
        serials_see(h->shared, h->shared_member, serial, h->now_ns);
}

/* Gives the event in hand its order time. auditd's own records (DAEMON_*) have a counter of their
   own: they stand where they arrive. */
static void order_set(struct audit_host *h, const struct audit_event *e, int64_t ahead_ns)
{
    int64_t before_ns = h->order_ns;
    bool own_counter = btr_span_begins(e->type, BTR_SPAN("DAEMON_"));
    if (!own_counter && is_late(h, e)) {
        h->now_ns = order_late(h, e->serial);
        audit_holes_fill(h, e->serial);
        shared_see(h, e->serial);
        return;
    }
    h->now_ns = order_next(h, e->time_ns, ahead_ns);
    audit_boot_see(h, before_ns, !own_counter && h->any && serial_after(h->last_serial, e->serial));
    if (own_counter) {
        h->order_ns = h->any ? h->now_ns : h->order_ns;
        return;
    }
    if (h->any && h->serial_space.size == 0)
        audit_holes_see(h, e->serial, before_ns);
    shared_see(h, e->serial);
    h->order_ns = h->now_ns;
    h->last_serial = e->serial;
    h->any = true;
    h->recent[h->recent_next] = (struct audit_recent){e->serial, h->now_ns};
    h->recent_next = (h->recent_next + 1) % AUDIT_RECENT_MAX;
}

typedef void call_handler(struct audit_host *h, uint32_t process);

/* Calls by the file that resolves them; all others are calls on names. */
static call_handler *const handlers[] = {
    [AUDIT_CALL_read] = audit_call_io,
    [AUDIT_CALL_pread64] = audit_call_io,
    [AUDIT_CALL_readv] = audit_call_io,
    [AUDIT_CALL_preadv] = audit_call_io,
    [AUDIT_CALL_preadv2] = audit_call_io,
    [AUDIT_CALL_write] = audit_call_io,
    [AUDIT_CALL_pwrite64] = audit_call_io,
    [AUDIT_CALL_writev] = audit_call_io,
    [AUDIT_CALL_pwritev] = audit_call_io,
    [AUDIT_CALL_pwritev2] = audit_call_io,
    [AUDIT_CALL_sendfile] = audit_call_io,
    [AUDIT_CALL_splice] = audit_call_io,
    [AUDIT_CALL_tee] = audit_call_io,
    [AUDIT_CALL_vmsplice] = audit_call_io,
    [AUDIT_CALL_copy_file_range] = audit_call_io,
    [AUDIT_CALL_mmap] = audit_call_io,
    [AUDIT_CALL_fork] = audit_call_clone,
    [AUDIT_CALL_vfork] = audit_call_clone,
    [AUDIT_CALL_clone] = audit_call_clone,
    [AUDIT_CALL_clone3] = audit_call_clone,
    [AUDIT_CALL_execve] = audit_call_process,
    [AUDIT_CALL_execveat] = audit_call_process,
    [AUDIT_CALL_exit] = audit_call_process,
    [AUDIT_CALL_exit_group] = audit_call_process,
    [AUDIT_CALL_kill] = audit_call_process,
    [AUDIT_CALL_tkill] = audit_call_process,
    [AUDIT_CALL_tgkill] = audit_call_process,
    [AUDIT_CALL_rt_sigqueueinfo] = audit_call_process,
    [AUDIT_CALL_rt_tgsigqueueinfo] = audit_call_process,
    [AUDIT_CALL_ptrace] = audit_call_process,
    [AUDIT_CALL_process_vm_readv] = audit_call_process,
    [AUDIT_CALL_process_vm_writev] = audit_call_process,
    [AUDIT_CALL_setuid] = audit_call_process,
    [AUDIT_CALL_setreuid] = audit_call_process,
    [AUDIT_CALL_setresuid] = audit_call_process,
    [AUDIT_CALL_setfsuid] = audit_call_process,
    [AUDIT_CALL_pipe] = audit_call_socket,
    [AUDIT_CALL_pipe2] = audit_call_socket,
    [AUDIT_CALL_socketpair] = audit_call_socket,
    [AUDIT_CALL_socket] = audit_call_socket,
    [AUDIT_CALL_connect] = audit_call_socket,
    [AUDIT_CALL_accept] = audit_call_socket,
    [AUDIT_CALL_accept4] = audit_call_socket,
    [AUDIT_CALL_bind] = audit_call_socket,
    [AUDIT_CALL_listen] = audit_call_socket,
    [AUDIT_CALL_memfd_create] = audit_call_socket,
    [AUDIT_CALL_sendto] = audit_call_socket,
    [AUDIT_CALL_sendmsg] = audit_call_socket,
    [AUDIT_CALL_sendmmsg] = audit_call_socket,
    [AUDIT_CALL_recvfrom] = audit_call_socket,
    [AUDIT_CALL_recvmsg] = audit_call_socket,
    [AUDIT_CALL_recvmmsg] = audit_call_socket,
    [AUDIT_CALL_chroot] = audit_call_space,
    [AUDIT_CALL_pivot_root] = audit_call_space,
    [AUDIT_CALL_setns] = audit_call_space,
    [AUDIT_CALL_unshare] = audit_call_space,
    [AUDIT_CALL_mount] = audit_call_space,
    [AUDIT_CALL_umount2] = audit_call_space,
    [AUDIT_CALL_init_module] = audit_call_space,
    [AUDIT_CALL_finit_module] = audit_call_space,
    [AUDIT_CALL_delete_module] = audit_call_space,
    [AUDIT_CALL_bpf] = audit_call_space,
    [AUDIT_CALL_setgid] = audit_call_space,
    [AUDIT_CALL_setregid] = audit_call_space,
    [AUDIT_CALL_setresgid] = audit_call_space,
    [AUDIT_CALL_setfsgid] = audit_call_space,
    [AUDIT_CALL_setgroups] = audit_call_space,
    [AUDIT_CALL_capset] = audit_call_space,
    [AUDIT_CALL_setsid] = audit_call_space,
    [AUDIT_CALL_prctl] = audit_call_space,
    [AUDIT_CALL_OTHER] = audit_call_space,
    [AUDIT_CALL_pidfd_open] = audit_call_space,
    [AUDIT_CALL_pidfd_getfd] = audit_call_space,
    [AUDIT_CALL_pidfd_send_signal] = audit_call_space,
    [AUDIT_CALL_io_uring_setup] = audit_call_space,
    [AUDIT_CALL_mprotect] = audit_call_space,
    [AUDIT_CALL_munmap] = audit_call_space,
    [AUDIT_CALL_shmat] = audit_call_space,
    [AUDIT_CALL_shmget] = audit_call_space,
    [AUDIT_CALL_shmdt] = audit_call_space,
    [AUDIT_CALL_mq_open] = audit_call_space,
    [AUDIT_CALL_name_to_handle_at] = audit_call_space,
    [AUDIT_CALL_open_by_handle_at] = audit_call_space,
};

static call_handler *handler_of(uint8_t call)
{
    bool named = call >= sizeof(handlers) / sizeof(handlers[0]) || !handlers[call];
    return named ? audit_call_file : handlers[call];
}

/* Marks or closes a range of descriptors. */
static void call_close_range(struct audit_host *h, uint32_t process)
{
    enum { RANGE_UNSHARE = 2, RANGE_CLOEXEC = 4 };
    const struct audit_event *e = h->e;
    if (e->a[2] & RANGE_UNSHARE)
        audit_slots_unshare(h, process);
    if (!(e->a[2] & RANGE_CLOEXEC)) {
        audit_slots_close(h, process, e->a[0], e->a[1]);
        return;
    }
    for (uint64_t fd = e->a[0]; fd <= e->a[1] && fd < AUDIT_DESCRIPTOR_MAX; fd++) {
        struct audit_slot *slot = audit_slot_get(h, process, fd);
        if (slot)
            slot->cloexec = true;
    }
}

static void call_dup(struct audit_host *h, uint32_t process, bool cloexec)
{
    const struct audit_event *e = h->e;
    if (!e->has_exit || e->exit < 0 || (uint64_t)e->exit == e->a[0])
        return;
    uint32_t object = audit_descriptor(h, process, e->a[0]);
    if (object == AUDIT_NONE)
        return;
    audit_object_hold(h, object);
    audit_slot_put(h, process, (uint64_t)e->exit, object, cloexec);
}

static void call_fcntl(struct audit_host *h, uint32_t process)
{
    enum { DUPFD = 0, SETFD = 2, DUPFD_CLOEXEC = 1030 };
    const struct audit_event *e = h->e;
    if (e->a[1] == SETFD) {
        struct audit_slot *slot = audit_slot_get(h, process, e->a[0]);
        if (slot)
            slot->cloexec = e->a[2] & 1;
    } else if (e->a[1] == DUPFD || e->a[1] == DUPFD_CLOEXEC) {
        call_dup(h, process, e->a[1] == DUPFD_CLOEXEC);
    }
}

/* Calls that only move descriptors: they make no event, others rest on them. @return whether it was
 * one */
static bool call_descriptors(struct audit_host *h, uint32_t process)
{
    enum { CLOEXEC_FLAG = 02000000 };
    switch (h->e->call) {
    case AUDIT_CALL_close:
        audit_slot_close(h, process, h->e->a[0]);
        return true;
    case AUDIT_CALL_close_range:
        call_close_range(h, process);
        return true;
    case AUDIT_CALL_fcntl:
        call_fcntl(h, process);
        return true;
    case AUDIT_CALL_dup:
    case AUDIT_CALL_dup2:
        call_dup(h, process, false);
        return true;
    case AUDIT_CALL_dup3:
        call_dup(h, process, h->e->a[2] & CLOEXEC_FLAG);
        return true;
    default:
        return false;
    }
}

/* The last known folder, for records that give none. */
static void cwd_keep(struct audit_host *h, uint32_t process)
{
    struct btr_span cwd;
    if (h->e->cwd.form != AUDIT_TEXT_NONE && audit_text_decode(h->e->cwd, h->arena, &cwd))
        audit_string_set(h, &h->processes[process].cwd, cwd);
}

/* A call that failed changes nothing; some failures are worth telling. */
static bool call_failed(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    if (!e->success_known || e->success || e->call == AUDIT_CALL_exit ||
        e->call == AUDIT_CALL_exit_group)
        return false;
    switch (e->call) {
    case AUDIT_CALL_open:
    case AUDIT_CALL_openat:
    case AUDIT_CALL_openat2:
    case AUDIT_CALL_creat:
    case AUDIT_CALL_connect:
        return false; /* these look at the outcome themselves */
    default:
        audit_emit_in(h, process, audit_host_entity(h), BTR_OP_TOLD)->flags |= BTR_EVENT_FAILED;
        return true;
    }
}

static void resolve_call(struct audit_host *h)
{
    uint32_t process = audit_process_of(h);
    if (process == AUDIT_NONE)
        return;
    cwd_keep(h, process);
    if (call_failed(h, process) || call_descriptors(h, process))
        return;
    handler_of(h->e->call)(h, process);
    bool waits = h->e->call == AUDIT_CALL_clone ||
                 h->e->call == AUDIT_CALL_clone3; /* told when the child acts, or a thread */
    if (h->emitted == 0 && !waits) /* nothing known flows, but the record can be found */
        audit_emit_in(h, process, audit_host_entity(h), BTR_OP_TOLD);
}

static void begin(struct audit_host *h, const struct audit_event *e, struct btr_batch *out,
                  struct btr_arena *arena)
{
    h->e = e;
    h->batch = out;
    h->arena = arena;
    h->stream = h->name = AUDIT_NONE;
    h->emitted = 0;
    h->out_of_memory = false;
    memset(h->inodes_in_hand, 0xff, sizeof(h->inodes_in_hand));
}

static int end(struct audit_host *h)
{
    h->e = NULL;
    h->batch = NULL;
    h->arena = NULL;
    return h->out_of_memory ? BTR_E_NOMEM : 0;
}

int audit_resolve(struct audit_host *h, const struct audit_event *e, int64_t ahead_ns,
                  struct btr_batch *out, struct btr_arena *arena)
{
    begin(h, e, out, arena);
    order_set(h, e, ahead_ns);
    h->first_ns = h->now_ns;
    h->in_hand[0] = audit_process_by_pid(h, e->pid);
    h->in_hand[1] = audit_process_by_pid(h, e->ppid);
    audit_room_make(h);
    switch (e->class_) {
    case AUDIT_CLASS_SYSCALL:
        resolve_call(h);
        break;
    case AUDIT_CLASS_USER:
        audit_user_record(h);
        break;
    case AUDIT_CLASS_KERNEL:
        audit_kernel_record(h);
        break;
    case AUDIT_CLASS_PARTS:
        h->orphans += e->record_count;
        audit_other_record(h);
        break;
    default:
        audit_other_record(h);
        break;
    }
    return end(h);
}

int audit_resolve_flush(struct audit_host *h, struct btr_batch *out, struct btr_arena *arena)
{
    begin(h, NULL, out, arena);
    h->now_ns = h->order_ns;
    audit_holes_tell(h);
    audit_slots_tell(h);
    return end(h);
}
