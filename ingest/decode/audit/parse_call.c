#include "parse.h"

/*
 * SYSCALL records are parsed twice over: by the order in which the kernel has always written the
 * fields, and, when a record differs, by their names. Both give the same; only the second can say
 * what is wrong. Source: kernel/auditsc.c audit_log_exit(), audit_log_task_info().
 */

static bool scan_u32(struct audit_scan *s, uint32_t *out)
{
    uint64_t value;
    if (!audit_scan_decimal(s, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool scan_signed(struct audit_scan *s, int64_t *out)
{
    uint64_t value;
    bool negative = AUDIT_SCAN(s, "-");
    if (!audit_scan_decimal(s, &value) || value > INT64_MAX)
        return false;
    *out = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

#define U32(key, field) (AUDIT_SCAN(s, key) && scan_u32(s, &(field)))
#define HEX(key, field) (AUDIT_SCAN(s, key) && audit_scan_hex(s, &(field)))

static bool scan_outcome(struct audit_scan *s, struct audit_event *e)
{
    if (!AUDIT_SCAN(s, " success="))
        return true;
    e->success = AUDIT_SCAN(s, "yes");
    if (!e->success && !AUDIT_SCAN(s, "no"))
        return false;
    e->success_known = true;
    e->has_exit = true;
    return AUDIT_SCAN(s, " exit=") && scan_signed(s, &e->exit);
}

static bool scan_identity(struct audit_scan *s, struct audit_event *e)
{
    uint32_t unused;
    return U32(" ppid=", e->ppid) && U32(" pid=", e->pid) && U32(" auid=", e->auid) &&
           U32(" uid=", e->uid) && U32(" gid=", e->gid) && U32(" euid=", e->euid) &&
           U32(" suid=", e->suid) && U32(" fsuid=", e->fsuid) && U32(" egid=", e->egid) &&
           U32(" sgid=", unused) && U32(" fsgid=", unused);
}

/* Text after a key: to the closing quote, or to a space. */
static bool scan_text(struct audit_scan *s, bool plain, struct audit_text *out)
{
    struct audit_field field;
    if (audit_value_next(s, &field) != AUDIT_FIELD_ONE)
        return false;
    *out = plain ? audit_text_plain(&field) : audit_text_of(&field);
    return true;
}

/* After exe= come subj= and key= in kernels that have them, and whatever future ones add. */
static bool scan_tail(struct audit_scan *s, struct audit_event *e)
{
    struct audit_field field;
    bool keyed = false;
    enum audit_field_step step;
    while ((step = audit_field_next(s, &field)) == AUDIT_FIELD_ONE) {
        if (!keyed && AUDIT_KEY(&field, "key")) {
            e->key = audit_text_of(&field);
            keyed = true;
        }
    }
    return step == AUDIT_FIELD_END;
}

static bool syscall_in_order(struct audit_scan *s, struct audit_event *e, uint64_t *arch,
                             uint64_t *number, uint32_t *items)
{
    uint64_t unused;
    if (!HEX("arch=", *arch) || !AUDIT_SCAN(s, " syscall=") || !audit_scan_decimal(s, number))
        return false;
    if (AUDIT_SCAN(s, " per=") && !audit_scan_hex(s, &unused))
        return false;
    return scan_outcome(s, e) && HEX(" a0=", e->a[0]) && HEX(" a1=", e->a[1]) &&
           HEX(" a2=", e->a[2]) && HEX(" a3=", e->a[3]) && U32(" items=", *items) &&
           scan_identity(s, e) && AUDIT_SCAN(s, " tty=") && scan_text(s, true, &e->tty) &&
           U32("ses=", e->ses) && AUDIT_SCAN(s, " comm=") && scan_text(s, false, &e->comm) &&
           AUDIT_SCAN(s, "exe=") && scan_text(s, false, &e->exe) && scan_tail(s, e);
}

#undef U32
#undef HEX

/* The names of a SYSCALL record's fields, for the slow way. */
enum call_field {
    FIELD_ARCH,
    FIELD_SYSCALL,
    FIELD_SUCCESS,
    FIELD_EXIT,
    FIELD_A0,
    FIELD_A1,
    FIELD_A2,
    FIELD_A3,
    FIELD_ITEMS,
    FIELD_PPID,
    FIELD_PID,
    FIELD_AUID,
    FIELD_UID,
    FIELD_GID,
    FIELD_EUID,
    FIELD_SUID,
    FIELD_FSUID,
    FIELD_EGID,
    FIELD_TTY,
    FIELD_SES,
    FIELD_COMM,
    FIELD_EXE,
    FIELD_KEY,
    FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
    "arch",  "syscall", "success", "exit", "a0",   "a1",  "a2",   "a3",
    "items", "ppid",    "pid",     "auid", "uid",  "gid", "euid", "suid",
    "fsuid", "egid",    "tty",     "ses",  "comm", "exe", "key",
};

static unsigned field_find(struct btr_span key)
{
    unsigned i = 0;
    while (i < FIELD_COUNT && !btr_span_equal(key, btr_span_of(field_names[i])))
        i++;
    return i;
}

struct call_numbers {
    uint64_t arch, number;
    uint32_t items;
};

static uint32_t *identity_field(struct audit_event *e, unsigned which)
{
    uint32_t *const places[] = {&e->ppid, &e->pid,  &e->auid,  &e->uid, &e->gid,
                                &e->euid, &e->suid, &e->fsuid, &e->egid};
    return places[which - FIELD_PPID];
}

static bool outcome_take(struct audit_event *e, struct btr_span value)
{
    e->success = btr_span_equal(value, BTR_SPAN("yes"));
    e->success_known = e->success || btr_span_equal(value, BTR_SPAN("no"));
    return true;
}

/* @return whether the value is what the field wants */
static bool field_take(struct audit_event *e, unsigned which, const struct audit_field *f,
                       struct call_numbers *n)
{
    switch (which) {
    case FIELD_ARCH:
        return btr_span_number(f->value, 16, &n->arch);
    case FIELD_SYSCALL:
        return btr_span_number(f->value, 10, &n->number);
    case FIELD_SUCCESS:
        return outcome_take(e, f->value);
    case FIELD_EXIT:
        e->has_exit = true;
        return audit_number_signed(f->value, &e->exit);
    case FIELD_A0:
    case FIELD_A1:
    case FIELD_A2:
    case FIELD_A3:
        return btr_span_number(f->value, 16, &e->a[which - FIELD_A0]);
    case FIELD_ITEMS:
        return audit_number_u32(f->value, &n->items);
    case FIELD_TTY:
        e->tty = audit_text_plain(f);
        return true;
    case FIELD_SES:
        return audit_number_u32(f->value, &e->ses);
    case FIELD_COMM:
        e->comm = audit_text_of(f);
        return true;
    case FIELD_EXE:
        e->exe = audit_text_of(f);
        return true;
    case FIELD_KEY:
        e->key = audit_text_of(f);
        return true;
    default:
        return audit_number_u32(f->value, identity_field(e, which));
    }
}

static void call_reset(struct audit_event *e)
{
    e->success_known = e->success = e->has_exit = false;
    e->exit = 0;
    memset(e->a, 0, sizeof(e->a));
    e->pid = e->ppid = e->auid = e->uid = e->gid = e->euid = e->suid = e->fsuid = e->egid = e->ses =
        UINT32_MAX;
    e->comm = e->exe = e->tty = e->key = (struct audit_text){.form = AUDIT_TEXT_NONE};
}

static int syscall_by_name(struct audit_scan s, bool uring, struct audit_event *e,
                           struct call_numbers *n, struct btr_err *err)
{
    const char *type = uring ? "URINGOP" : "SYSCALL";
    uint32_t seen = 0;
    struct audit_field f;
    enum audit_field_step step;
    call_reset(e);
    *n = (struct call_numbers){0};
    while ((step = audit_field_next(&s, &f)) != AUDIT_FIELD_END) {
        if (step == AUDIT_FIELD_OPEN)
            return audit_field_refuse(&s, &f, type, "has a quote that is not closed", err);
        unsigned which = f.key.size ? field_find(f.key) : FIELD_COUNT;
        if (which == FIELD_COUNT || seen & 1u << which)
            continue;
        seen |= 1u << which;
        if (!field_take(e, which, &f, n))
            return audit_field_refuse(&s, &f, type, "is not the number it must be", err);
    }
    uint32_t need =
        1u << FIELD_PID | 1u << FIELD_UID | (uring ? 0 : 1u << FIELD_ARCH | 1u << FIELD_SYSCALL);
    if ((seen & need) != need)
        return btr_fail(err, BTR_E_FORMAT, (uint64_t)(s.end - s.begin),
                        "%s record ends before its arch, syscall, pid or uid", type);
    return 0;
}

int audit_syscall_parse(struct audit_scan s, struct audit_event *e, struct audit_call_told *told,
                        struct btr_err *err)
{
    struct call_numbers n = {0};
    struct audit_scan fast = s, uring = s;
    call_reset(e);
    if (!syscall_in_order(&fast, e, &n.arch, &n.number, &n.items)) {
        bool is_uring = AUDIT_SCAN(&uring, "uring_op=");
        int rc = syscall_by_name(s, is_uring, e, &n, err);
        if (rc < 0)
            return rc;
        if (is_uring)
            n.arch = 0;
    }
    enum { I386_SOCKETCALL = 102 };
    enum audit_arch arch =
        n.arch <= UINT32_MAX ? audit_arch_find((uint32_t)n.arch, &n.number) : AUDIT_ARCH_OTHER_;
    e->arch = (uint8_t)arch;
    e->call = (uint8_t)audit_call_find(arch, n.number);
    told->items = n.items;
    told->socketcall = arch == AUDIT_ARCH_I386_ && n.number == I386_SOCKETCALL;
    return 0;
}
