#include "parse.h"

/*
 * Records that lead an event and are no system call: from user space (audit_log_user_message() and
 * its like in libaudit, with fields of the program in msg='...'), from auditd itself, and the
 * kernel's own. What a program wrote into msg='...' may be an attacker's words: it only ever fills
 * `user`, and never the fields that the kernel put before it. A field's first mention counts, but
 * for res=, which libaudit writes last.
 */

static bool result_is_good(struct btr_span value)
{
    return btr_span_equal(value, BTR_SPAN("success")) || btr_span_equal(value, BTR_SPAN("1")) ||
           btr_span_equal(value, BTR_SPAN("yes"));
}

static void result_take(struct audit_event *e, struct btr_span value)
{
    e->user.res_known = true;
    e->user.res = result_is_good(value);
}

static void text_first(struct audit_text *out, struct audit_text text)
{
    if (out->form == AUDIT_TEXT_NONE)
        *out = text;
}

static void inner_take(struct audit_event *e, const struct audit_field *f)
{
    if (AUDIT_KEY(f, "op"))
        text_first(&e->user.op, audit_text_plain(f));
    else if (AUDIT_KEY(f, "acct"))
        text_first(&e->user.acct, audit_text_loose(f));
    else if (AUDIT_KEY(f, "exe"))
        text_first(&e->user.exe, audit_text_loose(f));
    else if (AUDIT_KEY(f, "hostname"))
        text_first(&e->user.hostname, audit_text_plain(f));
    else if (AUDIT_KEY(f, "addr"))
        text_first(&e->user.addr, audit_text_plain(f));
    else if (AUDIT_KEY(f, "terminal"))
        text_first(&e->user.terminal, audit_text_plain(f));
    else if (AUDIT_KEY(f, "cmd"))
        text_first(&e->user.cmd, audit_text_loose(f));
    else if (AUDIT_KEY(f, "cwd"))
        text_first(&e->user.cwd, audit_text_loose(f));
    else if (AUDIT_KEY(f, "unit"))
        text_first(&e->user.unit, audit_text_plain(f));
    else if (AUDIT_KEY(f, "res") || AUDIT_KEY(f, "result"))
        result_take(e, f->value);
}

/* The text between the quotes of msg='...'; the last quote of the record closes it. */
static void inner_parse(struct audit_scan s, struct audit_event *e)
{
    const uint8_t *close = s.end;
    while (close > s.at && close[-1] != '\'')
        close--;
    if (close > s.at)
        s.end = close - 1;
    struct audit_field f;
    while (audit_field_next_inner(&s, &f) != AUDIT_FIELD_END)
        if (f.key.size)
            inner_take(e, &f);
}

/* A number of the record itself; the first mention counts. */
static bool number_first(uint32_t *out, bool *given, struct btr_span value)
{
    if (*given)
        return true;
    *given = true;
    return audit_number_u32(value, out);
}

enum lead_number {
    LEAD_PID,
    LEAD_PPID,
    LEAD_UID,
    LEAD_GID,
    LEAD_AUID,
    LEAD_SES,
    LEAD_OLD_AUID,
    LEAD_OLD_SES,
    LEAD_NUMBERS
};

/* `before`: the bare word in front of the field. Kernels before 3.14 wrote "old auid=... new
 * auid=...". */
static unsigned number_find(const struct audit_field *f, struct btr_span before)
{
    static const char *const names[LEAD_NUMBERS] = {"pid",  "ppid", "uid",      "gid",
                                                    "auid", "ses",  "old-auid", "old-ses"};
    unsigned i = 0;
    while (i < LEAD_NUMBERS && !btr_span_equal(f->key, btr_span_of(names[i])))
        i++;
    bool old = btr_span_equal(before, BTR_SPAN("old"));
    if (old && i == LEAD_AUID)
        return LEAD_OLD_AUID;
    return old && i == LEAD_SES ? LEAD_OLD_SES : i;
}

static bool count_take(uint64_t *out, struct btr_span value)
{
    return *out != UINT64_MAX || btr_span_number(value, 10, out);
}

/* Fields that are no identity. @return whether the value is what the field wants */
static bool lead_take(struct audit_event *e, const struct audit_field *f)
{
    if (AUDIT_KEY(f, "comm"))
        text_first(&e->comm, audit_text_of(f));
    else if (AUDIT_KEY(f, "exe"))
        text_first(&e->exe, audit_text_of(f));
    else if (AUDIT_KEY(f, "tty"))
        text_first(&e->tty, audit_text_plain(f));
    else if (AUDIT_KEY(f, "key"))
        text_first(&e->key, audit_text_of(f));
    else if (AUDIT_KEY(f, "op"))
        text_first(&e->user.op, audit_text_plain(f));
    else if (AUDIT_KEY(f, "res"))
        result_take(e, f->value);
    else if (AUDIT_KEY(f, "lost") || AUDIT_KEY(f, "audit_lost"))
        return count_take(&e->lost, f->value);
    else if (AUDIT_KEY(f, "backlog") || AUDIT_KEY(f, "audit_backlog"))
        return count_take(&e->backlog, f->value);
    return true;
}

/* "audit: backlog limit exceeded": it tells no number, but at least one record waited. */
static void words_take(struct audit_event *e, struct btr_span before, struct btr_span word)
{
    if (e->class_ == AUDIT_CLASS_KERNEL && e->backlog == UINT64_MAX &&
        btr_span_equal(before, BTR_SPAN("backlog")) && btr_span_equal(word, BTR_SPAN("limit")))
        e->backlog = 1;
}

int audit_lead_parse(struct audit_scan s, struct audit_event *e, struct btr_err *err)
{
    uint32_t *const places[LEAD_NUMBERS] = {&e->pid,           &e->ppid,        &e->uid,
                                            &e->gid,           &e->auid,        &e->ses,
                                            &e->user.old_auid, &e->user.old_ses};
    bool given[LEAD_NUMBERS] = {false};
    struct btr_span before = {NULL, 0};
    struct audit_field f;
    for (;;) {
        struct audit_scan value = s;
        enum audit_field_step step = audit_field_next(&s, &f);
        if (step == AUDIT_FIELD_END)
            return 0;
        if (f.quoted && f.key.size && AUDIT_KEY(&f, "msg") && f.value.at[-1] == '\'') {
            value.at = f.value.at;
            inner_parse(value, e);
            return 0;
        }
        if (step == AUDIT_FIELD_OPEN)
            return audit_field_refuse(&s, &f, "audit", "has a quote that is not closed", err);
        unsigned which = f.key.size ? number_find(&f, before) : LEAD_NUMBERS;
        bool good = which < LEAD_NUMBERS ? number_first(places[which], &given[which], f.value)
                    : f.key.size         ? lead_take(e, &f)
                                         : true;
        if (!good)
            return audit_field_refuse(&s, &f, "audit", "is not the number it must be", err);
        if (f.key.size == 0)
            words_take(e, before, f.value);
        before = f.key.size ? (struct btr_span){NULL, 0} : f.value;
    }
}
