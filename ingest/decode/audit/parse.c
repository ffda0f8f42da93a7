#include "parse.h"

enum {
    ENRICHED_MARK = 0x1d
}; /* auditd's log_format = ENRICHED: what follows are names for the numbers before */

struct audit_scan audit_part_scan(const struct audit_slot_event *slot,
                                  const struct audit_part *part)
{
    const uint8_t *at = slot->text.at + part->at + part->body_at;
    size_t size = part->size - part->body_at;
    const uint8_t *mark = size ? memchr(at, ENRICHED_MARK, size) : NULL;
    return (struct audit_scan){at, mark ? mark : at + size, slot->text.at};
}

/* The arrays are left as they are: their counts tell what of them is meant. */
static void event_reset(struct audit_event *e)
{
    const struct audit_text none = {.form = AUDIT_TEXT_NONE};
    e->call = AUDIT_CALL_OTHER;
    e->arch = AUDIT_ARCH_OTHER_;
    e->success_known = e->success = e->has_exit = false;
    e->exit = 0;
    memset(e->a, 0, sizeof(e->a));
    e->pid = e->ppid = e->auid = e->uid = e->gid = e->euid = e->suid = e->fsuid = e->egid = e->ses =
        UINT32_MAX;
    e->comm = e->exe = e->tty = e->key = e->cwd = e->proctitle = none;
    e->path_count = e->paths_left_out = e->arg_count = e->args_left_out = e->obj_pid_count = 0;
    e->sockaddr.family = AUDIT_FAMILY_NONE;
    e->has_fd_pair = e->has_mmap = e->has_openat2 = false;
    memset(&e->user, 0, sizeof(e->user));
    e->user.old_auid = e->user.old_ses = UINT32_MAX;
    e->lost = e->backlog = UINT64_MAX;
}

static void event_head(const struct audit_slot_event *slot, uint32_t lead, struct audit_event *e)
{
    const struct audit_part *first = &slot->parts[0],
                            *part = &slot->parts[lead == AUDIT_SLOT_NONE ? 0 : lead];
    const uint8_t *at = slot->text.at + part->at;
    struct audit_scan body = audit_part_scan(slot, part);
    bool call = part->type == AUDIT_TYPE_SYSCALL_ || part->type == AUDIT_TYPE_URINGOP_;
    e->class_ = lead == AUDIT_SLOT_NONE ? AUDIT_CLASS_PARTS : (uint8_t)audit_type_class(part->type);
    e->serial = slot->serial;
    e->time_ns = slot->time_ns;
    e->line = call ? first->line : part->line;
    bool last = slot->given + 1 >= slot->leads; /* it has the companions, too */
    e->record_count = last ? slot->part_count - (slot->leads ? slot->leads - 1 : 0) : 1;
    e->node = (struct btr_span){slot->text.at + first->at + first->node_at, first->node_size};
    e->type = (struct btr_span){at + part->type_at, part->type_size};
    if (part->type == AUDIT_TYPE_KERNEL_)
        e->type = BTR_SPAN("KERNEL"); /* printed text has no type= */
    e->body = (struct btr_span){body.at, (size_t)(body.end - body.at)};
}

/* One event has one call. The same record told twice is no contradiction. */
static int calls_compare(const struct audit_slot_event *slot, const struct audit_part *first,
                         const struct audit_part *other, struct btr_err *err)
{
    const uint8_t *text = slot->text.at;
    if (first->size - first->body_at == other->size - other->body_at &&
        memcmp(text + first->at + first->body_at, text + other->at + other->body_at,
               first->size - first->body_at) == 0)
        return 0;
    return btr_fail(err, BTR_E_FORMAT, other->at,
                    "two SYSCALL records with one time and serial contradict each other");
}

static void paths_sort(struct audit_event *e)
{
    for (uint32_t i = 1; i < e->path_count; i++) {
        if (e->paths[i - 1].item <= e->paths[i].item)
            continue;
        struct audit_path p = e->paths[i];
        uint32_t to = i;
        for (; to > 0 && e->paths[to - 1].item > p.item; to--)
            e->paths[to] = e->paths[to - 1];
        e->paths[to] = p;
    }
}

static int parts_parse(const struct audit_slot_event *slot, struct audit_event *e,
                       struct audit_call_told *told, bool *execve, struct btr_err *err)
{
    const struct audit_part *call = NULL;
    for (uint32_t i = 0; i < slot->part_count && slot->calls > 0; i++) {
        const struct audit_part *part = &slot->parts[i];
        if (part->type != AUDIT_TYPE_SYSCALL_ && part->type != AUDIT_TYPE_URINGOP_)
            continue;
        int rc = call ? calls_compare(slot, call, part, err)
                      : audit_syscall_parse(audit_part_scan(slot, part), e, told, err);
        if (rc < 0)
            return rc;
        call = call ? call : part;
        if (slot->calls == 1)
            break;
    }
    for (uint32_t i = 0; i < slot->part_count; i++) {
        const struct audit_part *part = &slot->parts[i];
        if (part == call)
            continue;
        *execve |= part->type == AUDIT_TYPE_EXECVE_;
        int rc = audit_companion_parse(part->type, audit_part_scan(slot, part), e, told, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int audit_event_parse(const struct audit_slot_event *slot, uint32_t lead, bool whole,
                      struct btr_buffer *joined, struct audit_event *out, struct btr_err *err)
{
    struct audit_call_told told = {0};
    bool execve = false;
    int rc = 0;
    event_reset(out);
    event_head(slot, lead, out);
    if (out->class_ != AUDIT_CLASS_SYSCALL && lead != AUDIT_SLOT_NONE)
        rc = audit_lead_parse(audit_part_scan(slot, &slot->parts[lead]), out, err);
    if (rc == 0)
        rc = parts_parse(slot, out, &told, &execve, err);
    if (rc == 0 && execve)
        rc = audit_execve_parse(slot, joined, out, err);
    if (rc < 0)
        return rc;
    uint32_t paths = out->path_count + out->paths_left_out;
    if (!whole && paths < told.items)
        return 0;
    if (paths < told.items)
        out->paths_left_out += told.items - paths;
    if (told.socketcall) /* its arguments were not told */
        out->call = AUDIT_CALL_OTHER;
    paths_sort(out);
    return 1;
}
