#include "assemble.h"
#include "fields.h"

enum { FRACTION_DIGITS = 9 };
#define SECONDS_MAX (AUDIT_TIME_NS_MAX / 1000000000)

static size_t where(struct btr_span record, const uint8_t *at)
{
    return (size_t)(at - record.at);
}

/* First place of a word in the first bytes of a record, or NULL. */
static const uint8_t *word_find(struct btr_span record, struct btr_span word)
{
    size_t size =
        record.size < AUDIT_HEAD_SEARCH + word.size ? record.size : AUDIT_HEAD_SEARCH + word.size;
    for (size_t i = 0; i + word.size <= size; i++)
        if (record.at[i] == word.at[0] && memcmp(record.at + i, word.at, word.size) == 0)
            return record.at + i;
    return NULL;
}

/* "1795423557.614:2027155):" -> time and serial. The fraction has three digits by rule; up to nine
 * are taken. */
static int stamp_parse(struct btr_span record, struct audit_scan *s, struct audit_head *out,
                       struct btr_err *err)
{
    uint64_t seconds, serial, fraction = 0;
    const uint8_t *begin = s->at;
    if (!audit_scan_decimal(s, &seconds))
        return btr_fail(err, BTR_E_FORMAT, where(record, begin),
                        "audit record's time is not a number of seconds");
    if (seconds >= SECONDS_MAX)
        return btr_fail(err, BTR_E_FORMAT, where(record, begin),
                        "audit record's time is out of range");
    if (AUDIT_SCAN(s, ".")) {
        unsigned digits = 0;
        for (; s->at < s->end && audit_is_digit(*s->at) && digits < FRACTION_DIGITS;
             s->at++, digits++)
            fraction = fraction * 10 + (uint64_t)(*s->at - '0');
        for (; digits < FRACTION_DIGITS; digits++)
            fraction *= 10;
    }
    if (!AUDIT_SCAN(s, ":"))
        return btr_fail(err, BTR_E_FORMAT, where(record, s->at),
                        "audit record's time is not followed by a serial");
    begin = s->at;
    if (!audit_scan_decimal(s, &serial))
        return btr_fail(err, BTR_E_FORMAT, where(record, begin),
                        "audit record's serial is not a number");
    if (serial > UINT32_MAX)
        return btr_fail(err, BTR_E_FORMAT, where(record, begin),
                        "audit record's serial does not fit in 32 bits");
    if (!AUDIT_SCAN(s, ")"))
        return btr_fail(err, BTR_E_FORMAT, where(record, s->at),
                        "audit record's stamp is not closed");
    out->time_ns = (int64_t)(seconds * 1000000000 + fraction);
    out->serial = (uint32_t)serial;
    return 0;
}

/* Steps over the stamp of the record before, if it is the same. */
static bool stamp_again(struct audit_scan *s, const struct audit_stamp *stamp,
                        struct audit_head *out)
{
    if (!stamp || stamp->size == 0 || (size_t)(s->end - s->at) < stamp->size ||
        memcmp(s->at, stamp->text, stamp->size) != 0)
        return false;
    s->at += stamp->size;
    out->time_ns = stamp->time_ns;
    out->serial = stamp->serial;
    return true;
}

static void stamp_keep(struct audit_stamp *stamp, const uint8_t *begin, const uint8_t *end,
                       const struct audit_head *head)
{
    if (!stamp || (size_t)(end - begin) > sizeof(stamp->text))
        return;
    stamp->size = (uint8_t)(end - begin);
    memcpy(stamp->text, begin, stamp->size);
    stamp->time_ns = head->time_ns;
    stamp->serial = head->serial;
}

/* Step over what stands between the stamp and the body. */
static void body_find(struct btr_span record, struct audit_scan *s, struct audit_head *out)
{
    out->stamped = true;
    AUDIT_SCAN(s, ":");
    while (s->at < s->end && *s->at == ' ')
        s->at++;
    out->body_at = (uint32_t)where(record, s->at);
}

static int name_parse(struct btr_span record, struct audit_scan *s, uint16_t *at, uint8_t *size,
                      const char *what, struct btr_err *err)
{
    size_t rest = (size_t)(s->end - s->at);
    size_t most = rest < AUDIT_NAME_SIZE_MAX + 1 ? rest : AUDIT_NAME_SIZE_MAX + 1;
    const uint8_t *end = most ? memchr(s->at, ' ', most) : NULL;
    if (!end || end == s->at)
        return btr_fail(err, BTR_E_FORMAT, where(record, s->at), "audit record's %s has no end",
                        what);
    *at = (uint16_t)where(record, s->at);
    *size = (uint8_t)(end - s->at);
    s->at = end + 1;
    return 0;
}

/* The kernel's own printed words about what it lost; no stamp (kernel/audit.c: audit_log_lost,
 * audit_printk_skb). */
static bool kernel_text(struct btr_span record, struct audit_head *out)
{
    static const struct btr_span words[] = {
        {(const uint8_t *)"audit: audit_lost=", 18},
        {(const uint8_t *)"audit: audit_backlog=", 21},
        {(const uint8_t *)"audit: backlog limit", 20},
        {(const uint8_t *)"audit: rate limit", 17},
        {(const uint8_t *)"audit: kauditd hold queue", 25},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const uint8_t *at = word_find(record, words[i]);
        if (at) {
            *out = (struct audit_head){.type = AUDIT_TYPE_KERNEL_,
                                       .body_at = (uint32_t)where(record, at)};
            out->type_at = (uint16_t)where(record, at);
            out->type_size = 5; /* "audit" */
            return true;
        }
    }
    return false;
}

bool audit_is_json(struct btr_span record)
{
    size_t i = btr_span_begins(record, BTR_SPAN("\xef\xbb\xbf")) ? 3 : 0;
    while (i < record.size && (record.at[i] == ' ' || record.at[i] == '\t'))
        i++;
    return i < record.size && record.at[i] == '{';
}

/* Where type= or the bare stamp begins when something stands before it: a syslog prefix, audispd's
 * name. */
static int prefix_skip(struct btr_span record, struct audit_scan *s, struct audit_head *out,
                       struct btr_err *err)
{
    const uint8_t *type = word_find(record, BTR_SPAN("type="));
    const uint8_t *node = word_find(record, BTR_SPAN("node="));
    const uint8_t *stamp = word_find(record, BTR_SPAN("audit("));
    if (!stamp && !type)
        return btr_fail(err, BTR_E_FORMAT, 0,
                        "not an audit record: neither type= nor audit( near its begin");
    if (node && node < (type ? type : stamp) && (node == record.at || node[-1] == ' ')) {
        s->at = node + 5;
        int rc = name_parse(record, s, &out->node_at, &out->node_size, "node=", err);
        if (rc < 0)
            return rc;
    }
    if (type && (!stamp || type < stamp))
        s->at = type;
    else
        s->at = stamp;
    return 0;
}

int audit_head_parse(struct btr_span record, struct audit_stamp *stamp, struct audit_head *out,
                     struct btr_err *err)
{
    struct audit_scan s = {record.at, record.at + record.size, record.at};
    struct audit_head head = {0};
    int rc;
    if (record.size < 6 || memcmp(record.at, "type=", 5) != 0) {
        if (audit_is_json(record))
            return btr_fail(err, BTR_E_FORMAT, 0, "JSON, not an audit record");
        if (kernel_text(record, out))
            return 0;
        rc = prefix_skip(record, &s, &head, err);
        if (rc < 0)
            return rc;
    }
    if (AUDIT_SCAN(&s, "type=")) {
        rc = name_parse(record, &s, &head.type_at, &head.type_size, "type=", err);
        if (rc < 0)
            return rc;
        head.type = audit_type_find((struct btr_span){record.at + head.type_at, head.type_size});
    }
    if (!stamp_again(&s, stamp, &head)) {
        const uint8_t *begin = s.at;
        if (!AUDIT_SCAN(&s, "msg=audit(") && !AUDIT_SCAN(&s, "audit("))
            return btr_fail(err, BTR_E_FORMAT, where(record, s.at),
                            "audit record has no msg=audit(time:serial) after its type");
        rc = stamp_parse(record, &s, &head, err);
        if (rc < 0)
            return rc;
        stamp_keep(stamp, begin, s.at, &head);
    }
    body_find(record, &s, &head);
    *out = head;
    return 0;
}
