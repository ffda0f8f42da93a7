#include "parse.h"

int audit_field_refuse(const struct audit_scan *s, const struct audit_field *field,
                       const char *type, const char *why, struct btr_err *err)
{
    int size = field->key.size < 32 ? (int)field->key.size : 32;
    return btr_fail(err, BTR_E_FORMAT, (uint64_t)(field->value.at - s->begin),
                    "%s record: %.*s= %s", type, size, (const char *)field->key.at, why);
}

#define QUOTE_OPEN "has a quote that is not closed"
#define NO_NUMBER "is not the number it must be"

/* "fe:00" -> major << 20 | minor */
static bool device_scan(struct audit_scan *s, uint64_t *out)
{
    uint64_t major, minor;
    if (!audit_scan_hex(s, &major) || !AUDIT_SCAN(s, ":") || !audit_scan_hex(s, &minor) ||
        major > 0xffffffff || minor > 0xfffff)
        return false;
    *out = major << 20 | minor;
    return true;
}

static bool device_take(struct btr_span value, uint64_t *out)
{
    struct audit_scan s = {value.at, value.at + value.size, value.at};
    return device_scan(&s, out) && s.at == s.end;
}

static enum audit_nametype nametype_find(struct btr_span word)
{
    static const struct btr_span words[] = {
        [AUDIT_NAME_NORMAL] = {(const uint8_t *)"NORMAL", 6},
        [AUDIT_NAME_PARENT] = {(const uint8_t *)"PARENT", 6},
        [AUDIT_NAME_CREATE] = {(const uint8_t *)"CREATE", 6},
        [AUDIT_NAME_DELETE] = {(const uint8_t *)"DELETE", 6},
    };
    for (unsigned i = AUDIT_NAME_NORMAL; i <= AUDIT_NAME_DELETE; i++)
        if (btr_span_equal(word, words[i]))
            return (enum audit_nametype)i;
    return AUDIT_NAME_UNKNOWN;
}

static bool scan_u32(struct audit_scan *s, uint32_t *out)
{
    uint64_t value;
    if (!audit_scan_decimal(s, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool scan_mode(struct audit_scan *s, uint32_t *out)
{
    uint32_t mode = 0;
    const uint8_t *begin = s->at;
    for (; s->at < s->end && (uint8_t)(*s->at - '0') < 8 && s->at - begin < 8; s->at++)
        mode = mode << 3 | (uint32_t)(*s->at - '0');
    *out = mode;
    return s->at > begin;
}

/* In the order of kernel/auditsc.c audit_log_name(). */
static bool path_in_order(struct audit_scan s, struct audit_path *p)
{
    struct audit_field field;
    uint32_t group;
    if (!AUDIT_SCAN(&s, "item=") || !scan_u32(&s, &p->item) || !AUDIT_SCAN(&s, " name=") ||
        audit_value_next(&s, &field) != AUDIT_FIELD_ONE)
        return false;
    p->name = audit_text_of(&field);
    if (!AUDIT_SCAN(&s, "inode=") || !audit_scan_decimal(&s, &p->inode) ||
        !AUDIT_SCAN(&s, " dev=") || !device_scan(&s, &p->device) || !AUDIT_SCAN(&s, " mode=") ||
        !scan_mode(&s, &p->mode) || !AUDIT_SCAN(&s, " ouid=") || !scan_u32(&s, &p->owner) ||
        !AUDIT_SCAN(&s, " ogid=") || !scan_u32(&s, &group) || !AUDIT_SCAN(&s, " rdev=") ||
        !device_scan(&s, &p->rdev) || !AUDIT_SCAN(&s, " nametype=") ||
        audit_value_next(&s, &field) != AUDIT_FIELD_ONE)
        return false;
    p->nametype = (uint8_t)nametype_find(field.value);
    return true;
}

static void path_reset(struct audit_path *p)
{
    *p = (struct audit_path){.owner = UINT32_MAX};
}

/* @return whether the value is what the field wants; a field of no interest always is */
static bool path_take(struct audit_path *p, const struct audit_field *f)
{
    uint64_t mode;
    if (AUDIT_KEY(f, "item"))
        return audit_number_u32(f->value, &p->item);
    if (AUDIT_KEY(f, "name"))
        p->name = audit_text_of(f);
    else if (AUDIT_KEY(f, "inode"))
        return btr_span_number(f->value, 10, &p->inode);
    else if (AUDIT_KEY(f, "dev"))
        return device_take(f->value, &p->device);
    else if (AUDIT_KEY(f, "rdev"))
        return device_take(f->value, &p->rdev);
    else if (AUDIT_KEY(f, "ouid"))
        return audit_number_u32(f->value, &p->owner);
    else if (AUDIT_KEY(f, "nametype") || AUDIT_KEY(f, "objtype"))
        p->nametype = (uint8_t)nametype_find(f->value);
    else if (AUDIT_KEY(f, "mode")) {
        if (!audit_number_octal(f->value, &mode) || mode > UINT32_MAX)
            return false;
        p->mode = (uint32_t)mode;
    }
    return true;
}

int audit_path_parse(struct audit_scan s, struct audit_event *e, struct btr_err *err)
{
    struct audit_path beyond,
        *p = e->path_count < AUDIT_PATHS_MAX ? &e->paths[e->path_count] : &beyond;
    path_reset(p);
    if (!path_in_order(s, p)) {
        struct audit_field f;
        enum audit_field_step step;
        path_reset(p);
        while ((step = audit_field_next(&s, &f)) != AUDIT_FIELD_END) {
            if (step == AUDIT_FIELD_OPEN)
                return audit_field_refuse(&s, &f, "PATH", QUOTE_OPEN, err);
            if (f.key.size && !path_take(p, &f))
                return audit_field_refuse(&s, &f, "PATH", NO_NUMBER, err);
        }
    }
    if (p == &beyond)
        e->paths_left_out++;
    else
        e->path_count++;
    return 0;
}

static bool fd_take(struct btr_span value, int32_t *out)
{
    int64_t number;
    if (!audit_number_signed(value, &number) || number < INT32_MIN || number > INT32_MAX)
        return false;
    *out = (int32_t)number;
    return true;
}

static bool fd_pair_take(struct audit_event *e, const struct audit_field *f)
{
    if (AUDIT_KEY(f, "fd0"))
        return fd_take(f->value, &e->fd_pair[0]);
    return !AUDIT_KEY(f, "fd1") || fd_take(f->value, &e->fd_pair[1]);
}

static bool mmap_take(struct audit_event *e, const struct audit_field *f)
{
    if (AUDIT_KEY(f, "fd"))
        return fd_take(f->value, &e->mmap_fd);
    return !AUDIT_KEY(f, "flags") || audit_number_hex(f->value, &e->mmap_flags);
}

static bool openat2_take(struct audit_event *e, const struct audit_field *f)
{
    return !AUDIT_KEY(f, "oflag") || audit_number_octal(f->value, &e->openat2_flags);
}

static bool sockaddr_take(struct audit_event *e, const struct audit_field *f)
{
    return !AUDIT_KEY(f, "saddr") || audit_sockaddr_parse(f->value, &e->sockaddr);
}

static bool socketcall_take(struct audit_event *e, const struct audit_field *f)
{
    if (f->key.size != 2 || f->key.at[0] != 'a' || f->key.at[1] < '0' || f->key.at[1] > '5')
        return true;
    uint64_t value;
    if (!audit_number_hex(f->value, &value))
        return false;
    if (f->key.at[1] < '4')
        e->a[f->key.at[1] - '0'] = value;
    return true;
}

static bool obj_pid_take(struct audit_event *e, const struct audit_field *f)
{
    struct audit_obj_pid *o = &e->obj_pids[e->obj_pid_count - 1];
    if (AUDIT_KEY(f, "opid"))
        return audit_number_u32(f->value, &o->pid);
    if (AUDIT_KEY(f, "ouid"))
        return audit_number_u32(f->value, &o->uid);
    if (AUDIT_KEY(f, "oses"))
        return audit_number_u32(f->value, &o->ses);
    if (AUDIT_KEY(f, "ocomm"))
        o->comm = audit_text_of(f);
    return true;
}

static bool cwd_take(struct audit_event *e, const struct audit_field *f)
{
    if (AUDIT_KEY(f, "cwd"))
        e->cwd = audit_text_of(f);
    return true;
}

static bool proctitle_take(struct audit_event *e, const struct audit_field *f)
{
    if (AUDIT_KEY(f, "proctitle"))
        e->proctitle = audit_text_of(f);
    return true;
}

typedef bool field_taker(struct audit_event *e, const struct audit_field *f);

static int fields_take(struct audit_scan s, const char *type, field_taker *take,
                       struct audit_event *e, struct btr_err *err)
{
    struct audit_field f;
    enum audit_field_step step;
    while ((step = audit_field_next(&s, &f)) != AUDIT_FIELD_END) {
        if (step == AUDIT_FIELD_OPEN)
            return audit_field_refuse(&s, &f, type, QUOTE_OPEN, err);
        if (f.key.size && !take(e, &f))
            return audit_field_refuse(&s, &f, type, NO_NUMBER, err);
    }
    return 0;
}

static int obj_pid_parse(struct audit_scan s, struct audit_event *e, struct btr_err *err)
{
    if (e->obj_pid_count == AUDIT_OBJ_PIDS_MAX)
        return 0;
    e->obj_pids[e->obj_pid_count++] =
        (struct audit_obj_pid){.pid = UINT32_MAX, .uid = UINT32_MAX, .ses = UINT32_MAX};
    return fields_take(s, "OBJ_PID", obj_pid_take, e, err);
}

/* The call named by the first argument, with its own arguments in place of the two of socketcall.
 */
static int socketcall_parse(struct audit_scan s, struct audit_event *e,
                            struct audit_call_told *told, struct btr_err *err)
{
    if (!told->socketcall)
        return 0;
    e->call = (uint8_t)audit_socketcall_find(e->a[0]);
    memset(e->a, 0, sizeof(e->a));
    told->socketcall = false;
    return fields_take(s, "SOCKETCALL", socketcall_take, e, err);
}

int audit_companion_parse(uint16_t type, struct audit_scan s, struct audit_event *e,
                          struct audit_call_told *told, struct btr_err *err)
{
    switch (type) {
    case AUDIT_TYPE_PROCTITLE_:
        return fields_take(s, "PROCTITLE", proctitle_take, e, err);
    case AUDIT_TYPE_CWD_:
        return fields_take(s, "CWD", cwd_take, e, err);
    case AUDIT_TYPE_PATH_:
        return audit_path_parse(s, e, err);
    case AUDIT_TYPE_SOCKADDR_:
        return fields_take(s, "SOCKADDR", sockaddr_take, e, err);
    case AUDIT_TYPE_SOCKETCALL_:
        return socketcall_parse(s, e, told, err);
    case AUDIT_TYPE_FD_PAIR_:
        e->has_fd_pair = true;
        e->fd_pair[0] = e->fd_pair[1] = -1;
        return fields_take(s, "FD_PAIR", fd_pair_take, e, err);
    case AUDIT_TYPE_MMAP_:
        e->has_mmap = true;
        e->mmap_fd = -1;
        e->mmap_flags = 0;
        return fields_take(s, "MMAP", mmap_take, e, err);
    case AUDIT_TYPE_OPENAT2_:
        e->has_openat2 = true;
        e->openat2_flags = 0;
        return fields_take(s, "OPENAT2", openat2_take, e, err);
    case AUDIT_TYPE_OBJ_PID_:
        return obj_pid_parse(s, e, err);
    default:
        return 0;
    }
}
