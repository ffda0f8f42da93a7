#include "state.h"

/* The process of a record from user space; its pid alone may be known. */
static struct btr_id record_process(struct audit_host *h, uint32_t pid)
{
    uint32_t at = audit_process_by_pid(h, pid);
    if (at != AUDIT_NONE) {
        audit_note_process(h, at);
        return h->processes[at].id;
    }
    return audit_host_entity(h);
}

/* Which entity a user record is about: its session, else the account, else the host. */
static struct btr_id record_object(struct audit_host *h, const struct audit_event *e)
{
    if (e->ses != UINT32_MAX && e->auid != UINT32_MAX)
        return audit_session_entity(h, e->auid, e->ses);
    struct btr_span account;
    if (audit_text_decode(e->user.acct, h->arena, &account) && account.size > 0) {
        struct btr_id id = btr_identity_named("account", h->host, account);
        if (audit_note_new(h, id, BTR_KIND_USER))
            audit_attr(h, BTR_ATTR_USER_NAME, h->now_ns, account);
        return id;
    }
    return audit_host_entity(h);
}

/* What a user record tells beyond its fields, for people: kept with the session or account. */
static void record_detail(struct audit_host *h, const struct audit_event *e)
{
    struct btr_span command, from;
    if (audit_text_decode(e->user.cmd, h->arena, &command) && command.size > 0)
        audit_attr(h, BTR_ATTR_DETAIL, h->now_ns, command);
    if (audit_text_decode(e->user.addr, h->arena, &from) && from.size > 0)
        audit_attr(h, BTR_ATTR_SOURCE_IP, h->now_ns, from);
}

static void login_record(struct audit_host *h)
{
    const struct audit_event *e = h->e;
    if (e->ses != UINT32_MAX)
        audit_emit(h, record_process(h, e->pid), audit_session_entity(h, e->auid, e->ses),
                   BTR_OP_LOGIN);
}

static void rules_record(struct audit_host *h)
{
    struct btr_id subject = record_process(h, h->e->pid);
    audit_gap(h, BTR_GAP_RULES, h->now_ns, h->e->serial, 0, h->e->body);
    audit_emit(h, subject, audit_host_entity(h), BTR_OP_AUDIT_CHANGE);
}

void audit_user_record(struct audit_host *h)
{
    const struct audit_event *e = h->e;
    struct btr_id subject = record_process(h, e->pid);
    if (btr_span_equal(e->type, BTR_SPAN("LOGIN"))) {
        login_record(h);
        return;
    }
    struct btr_id object = record_object(h, e);
    bool ends = btr_span_equal(e->type, BTR_SPAN("USER_LOGOUT")) ||
                btr_span_equal(e->type, BTR_SPAN("USER_END"));
    bool failed = e->user.res_known && !e->user.res;
    if (e->user.cmd.form != AUDIT_TEXT_NONE || e->user.addr.form != AUDIT_TEXT_NONE) {
        struct btr_note *n = btr_batch_note(h->batch);
        if (!n) {
            h->out_of_memory = true;
            return;
        }
        n->id = object;
        n->host = h->name;
        n->kind = e->ses != UINT32_MAX && e->auid != UINT32_MAX ? BTR_KIND_SESSION
                  : e->user.acct.form != AUDIT_TEXT_NONE        ? BTR_KIND_USER
                                                                : BTR_KIND_HOST;
        record_detail(h, e);
    }
    struct btr_event *out = audit_emit(h, subject, object, ends ? BTR_OP_LOGOUT : BTR_OP_TOLD);
    if (failed)
        out->flags |= BTR_EVENT_FAILED;
}

void audit_kernel_record(struct audit_host *h)
{
    const struct audit_event *e = h->e;
    struct btr_id host = audit_host_entity(h);
    if (btr_span_begins(e->type, BTR_SPAN("DAEMON_START")) ||
        btr_span_begins(e->type, BTR_SPAN("DAEMON_RESUME")))
        audit_gap(h, BTR_GAP_STARTED, h->order_ns, h->last_serial, 0, e->body);
    else if (btr_span_begins(e->type, BTR_SPAN("DAEMON_END")) ||
             btr_span_begins(e->type, BTR_SPAN("DAEMON_ABORT")))
        audit_gap(h, BTR_GAP_STOPPED, h->now_ns, e->serial, 0, e->body);
    if (e->lost != UINT64_MAX && e->lost > 0)
        audit_gap(h, BTR_GAP_LOST, h->order_ns, h->last_serial, e->lost, e->body);
    else if (e->backlog != UINT64_MAX && e->backlog > 0 &&
             btr_span_begins(e->type, BTR_SPAN("KERNEL")))
        audit_gap(h, BTR_GAP_BACKLOG, h->order_ns, h->last_serial, 0, e->body);
    if (btr_span_equal(e->type, BTR_SPAN("CONFIG_CHANGE"))) {
        rules_record(h);
        return;
    }
    audit_emit(h, host, host, BTR_OP_TOLD);
}

void audit_other_record(struct audit_host *h)
{
    struct btr_id host = audit_host_entity(h);
    struct btr_id subject = h->e->pid != UINT32_MAX ? record_process(h, h->e->pid) : host;
    audit_emit(h, subject, host, BTR_OP_TOLD);
}
