#include "audit_events.h"

#include <inttypes.h>

enum { ARENA_SIZE = 8 << 20 };

void audit_events_init(struct audit_events *a, uint32_t slot_max, size_t size_max)
{
    memset(a, 0, sizeof(*a));
    a->assembler = audit_assembler_new(slot_max, size_max);
    a->arena = btr_arena_new(ARENA_SIZE);
    assert_true(a->assembler && a->arena);
}

void audit_events_fini(struct audit_events *a)
{
    audit_assembler_free(a->assembler);
    btr_arena_free(a->arena);
    btr_buffer_fini(&a->text);
}

static void drain(struct audit_events *a)
{
    struct btr_span raw = {NULL, 0};
    uint64_t line = 0;
    int rc;
    while ((rc = audit_assembler_next(a->assembler, &a->event, &raw, &line, &a->err)) != 0) {
        if (rc < 0) {
            assert_int_equal(rc, BTR_E_FORMAT);
            assert_true(raw.size > 0 && a->err.offset <= raw.size && a->err.text[0]);
            a->refused++;
            btr_buffer_format(&a->text, "refused %" PRIu64 "@%" PRIu64 ": %s\n", line,
                              a->err.offset, a->err.text);
            continue;
        }
        a->count++;
        if (a->with_lines)
            btr_buffer_format(&a->text, "line=%" PRIu64 " ", a->event.line);
        audit_event_write(&a->event, a->arena, &a->text);
        btr_arena_reset(a->arena);
    }
}

int audit_events_add(struct audit_events *a, struct btr_span record)
{
    uint8_t *copy = malloc(record.size + 1); /* of its own size, so that a read beyond shows */
    assert_non_null(copy);
    copy = realloc(copy, record.size ? record.size : 1);
    if (record.size)
        memcpy(copy, record.at, record.size);
    int rc =
        audit_assembler_add(a->assembler, (struct btr_span){copy, record.size}, ++a->line, &a->err);
    free(copy);
    drain(a);
    return rc;
}

int audit_events_line(struct audit_events *a, const char *line)
{
    return audit_events_add(a, btr_span_of(line));
}

void audit_events_text(struct audit_events *a, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        int rc = audit_events_add(a, (struct btr_span){(const uint8_t *)text, size});
        if (rc != 0)
            fail_msg("%s: %.*s", a->err.text, (int)size, text);
        text += size + (text[size] == '\n');
    }
}

void audit_events_flush(struct audit_events *a, int64_t until_ns)
{
    audit_assembler_flush(a->assembler, until_ns);
    drain(a);
}

void audit_events_move(struct audit_events *a)
{
    struct btr_buffer saved = {0}, again = {0};
    assert_int_equal(audit_assembler_save(a->assembler, &saved), 0);
    struct audit_assembler *other = audit_assembler_new(1024, 16 << 20);
    assert_non_null(other);
    if (audit_assembler_load(other, btr_buffer_view(&saved), &a->err) != 0)
        fail_msg("%s at %" PRIu64, a->err.text, a->err.offset);
    assert_int_equal(audit_assembler_save(other, &again), 0);
    assert_int_equal(saved.size, again.size);
    assert_memory_equal(saved.at, again.at, saved.size);
    assert_int_equal(audit_assembler_waiting(a->assembler), audit_assembler_waiting(other));
    assert_int_equal(audit_assembler_ahead(a->assembler), audit_assembler_ahead(other));
    audit_assembler_free(a->assembler);
    a->assembler = other;
    btr_buffer_fini(&saved);
    btr_buffer_fini(&again);
}

const char *audit_events_told(struct audit_events *a)
{
    btr_buffer_u8(&a->text, 0);
    assert_false(a->text.failed);
    a->text.size = 0;
    return (const char *)a->text.at;
}

static void put_text(struct btr_buffer *out, struct btr_arena *arena, const char *name,
                     struct audit_text text)
{
    struct btr_span bytes;
    if (text.form == AUDIT_TEXT_NONE)
        return;
    assert_true(audit_text_decode(text, arena, &bytes));
    btr_buffer_format(out, " %s=", name);
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.at[i] >= 0x20 && bytes.at[i] < 0x7f && bytes.at[i] != '\\')
            btr_buffer_u8(out, bytes.at[i]);
        else
            btr_buffer_format(out, "\\%02x", bytes.at[i]);
}

static void put_id(struct btr_buffer *out, const char *name, uint32_t id)
{
    if (id != UINT32_MAX)
        btr_buffer_format(out, " %s=%" PRIu32, name, id);
}

static void put_call(const struct audit_event *e, struct btr_arena *arena, struct btr_buffer *out)
{
    static const char *const arches[] = {"?", "x86_64", "i386", "x32", "aarch64", "arm"};
    btr_buffer_format(out, " %s/%s", arches[e->arch], audit_call_name((enum audit_call)e->call));
    if (e->success_known)
        btr_buffer_format(out, " success=%d", e->success);
    if (e->has_exit)
        btr_buffer_format(out, " exit=%" PRId64, e->exit);
    btr_buffer_format(out, " a=%" PRIx64 ",%" PRIx64 ",%" PRIx64 ",%" PRIx64, e->a[0], e->a[1],
                      e->a[2], e->a[3]);
    put_text(out, arena, "tty", e->tty);
}

static void put_paths(const struct audit_event *e, struct btr_arena *arena, struct btr_buffer *out)
{
    static const char *const types[] = {"unknown", "normal", "parent", "create", "delete"};
    for (uint32_t i = 0; i < e->path_count; i++) {
        const struct audit_path *p = &e->paths[i];
        btr_buffer_format(out, " path[%" PRIu32 " %s %" PRIx64 ":%" PRIx64 "/%" PRIu64 " %o",
                          p->item, types[p->nametype], p->device >> 20, p->device & 0xfffff,
                          p->inode, p->mode);
        put_id(out, "owner", p->owner);
        if (p->rdev)
            btr_buffer_format(out, " rdev=%" PRIx64 ":%" PRIx64, p->rdev >> 20, p->rdev & 0xfffff);
        put_text(out, arena, "name", p->name);
        btr_buffer_text(out, "]");
    }
    if (e->paths_left_out)
        btr_buffer_format(out, " paths_left_out=%" PRIu32, e->paths_left_out);
}

static void put_sockaddr(const struct audit_sockaddr *s, struct btr_buffer *out)
{
    static const char *const families[] = {"none", "unix", "inet", "inet6", "netlink", "other"};
    if (s->family == AUDIT_FAMILY_NONE)
        return;
    btr_buffer_format(out, " sockaddr=%s", families[s->family]);
    if (s->family == AUDIT_FAMILY_INET || s->family == AUDIT_FAMILY_INET6)
        btr_buffer_format(out, ":%s:%u", s->ip, s->port);
    if (s->family == AUDIT_FAMILY_UNIX)
        btr_buffer_format(out, ":%.*s", s->path_size, (const char *)s->path);
}

static void put_companions(const struct audit_event *e, struct btr_arena *arena,
                           struct btr_buffer *out)
{
    put_text(out, arena, "cwd", e->cwd);
    for (uint32_t i = 0; i < e->arg_count; i++) {
        put_text(out, arena, "arg", e->args[i]);
        if (e->args[i].form == AUDIT_TEXT_NONE)
            btr_buffer_text(out, " arg-absent");
    }
    if (e->args_left_out)
        btr_buffer_format(out, " args_left_out=%" PRIu32, e->args_left_out);
    put_paths(e, arena, out);
    put_sockaddr(&e->sockaddr, out);
    if (e->has_fd_pair)
        btr_buffer_format(out, " fds=%" PRId32 ",%" PRId32, e->fd_pair[0], e->fd_pair[1]);
    if (e->has_mmap)
        btr_buffer_format(out, " mmap=%" PRId32 ",%" PRIx64, e->mmap_fd, e->mmap_flags);
    if (e->has_openat2)
        btr_buffer_format(out, " openat2=%" PRIx64, e->openat2_flags);
    for (uint32_t i = 0; i < e->obj_pid_count; i++) {
        const struct audit_obj_pid *o = &e->obj_pids[i];
        btr_buffer_format(out, " obj=%" PRIu32 "/%" PRIu32 "/%" PRIu32, o->pid, o->uid, o->ses);
        put_text(out, arena, "ocomm", o->comm);
    }
    put_text(out, arena, "proctitle", e->proctitle);
}

static void put_user(const struct audit_event *e, struct btr_arena *arena, struct btr_buffer *out)
{
    put_text(out, arena, "op", e->user.op);
    put_text(out, arena, "acct", e->user.acct);
    put_text(out, arena, "user-exe", e->user.exe);
    put_text(out, arena, "hostname", e->user.hostname);
    put_text(out, arena, "addr", e->user.addr);
    put_text(out, arena, "terminal", e->user.terminal);
    put_text(out, arena, "cmd", e->user.cmd);
    put_text(out, arena, "user-cwd", e->user.cwd);
    put_text(out, arena, "unit", e->user.unit);
    put_id(out, "old-auid", e->user.old_auid);
    put_id(out, "old-ses", e->user.old_ses);
    if (e->user.res_known)
        btr_buffer_format(out, " res=%d", e->user.res);
    if (e->lost != UINT64_MAX)
        btr_buffer_format(out, " lost=%" PRIu64, e->lost);
    if (e->backlog != UINT64_MAX)
        btr_buffer_format(out, " backlog=%" PRIu64, e->backlog);
}

void audit_event_write(const struct audit_event *e, struct btr_arena *arena, struct btr_buffer *out)
{
    static const char *const classes[] = {"call", "user", "kernel", "other", "parts"};
    btr_buffer_format(out, "%s %.*s %" PRIu64 "@%" PRId64 " records=%" PRIu32, classes[e->class_],
                      (int)e->type.size, (const char *)e->type.at, e->serial, e->time_ns,
                      e->record_count);
    if (e->node.size)
        btr_buffer_format(out, " node=%.*s", (int)e->node.size, (const char *)e->node.at);
    if (e->class_ == AUDIT_CLASS_SYSCALL)
        put_call(e, arena, out);
    put_id(out, "ppid", e->ppid);
    put_id(out, "pid", e->pid);
    put_id(out, "auid", e->auid);
    put_id(out, "uid", e->uid);
    put_id(out, "gid", e->gid);
    put_id(out, "euid", e->euid);
    put_id(out, "suid", e->suid);
    put_id(out, "fsuid", e->fsuid);
    put_id(out, "egid", e->egid);
    put_id(out, "ses", e->ses);
    put_text(out, arena, "comm", e->comm);
    put_text(out, arena, "exe", e->exe);
    put_text(out, arena, "key", e->key);
    put_companions(e, arena, out);
    put_user(e, arena, out);
    btr_buffer_text(out, "\n");
}
