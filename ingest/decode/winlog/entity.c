#include "call.h"

#include <arpa/inet.h>

static struct btr_id tell_named(struct win_call *c, const char *tag, enum btr_kind kind,
                                enum btr_attr_key key, struct btr_span name, struct btr_span shown)
{
    struct win_note note = {.id = btr_identity_named(tag, c->host, win_fold(c->arena, name)),
                            .kind = kind};
    win_note_attr(&note, key, shown);
    win_note_tell(c, &note);
    return note.id;
}

struct btr_id win_host(struct win_call *c)
{
    return tell_named(c, "host", BTR_KIND_HOST, BTR_ATTR_HOST_NAME, BTR_SPAN(""), c->host);
}

struct btr_id win_file(struct win_call *c, struct btr_span path, struct btr_span hashes)
{
    if (path.size == 0)
        return (struct btr_id){0};
    struct win_note note = {.id = btr_identity_file(c->host, BTR_SPAN(""), path),
                            .kind = BTR_KIND_FILE};
    win_note_attr(&note, BTR_ATTR_FILE_PATH, path);
    win_note_hashes(&note, hashes);
    win_note_tell(c, &note);
    return note.id;
}

/* "\REGISTRY\MACHINE\SYSTEM\ControlSet001\.." of Security is "HKLM\System\CurrentControlSet\.." of
 * Sysmon. */
static struct btr_span registry_path(struct win_call *c, struct btr_span path)
{
    static const struct {
        const char *from, *to;
    } roots[] = {{"\\REGISTRY\\MACHINE\\", "HKLM\\"}, {"\\REGISTRY\\USER\\", "HKU\\"}};
    struct btr_buffer out = {0};
    struct btr_span rest = path, result = path;
    for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
        struct btr_span from = btr_span_of(roots[i].from);
        if (rest.size > from.size && win_equal_fold((struct btr_span){rest.at, from.size}, from)) {
            btr_buffer_text(&out, roots[i].to);
            rest = (struct btr_span){rest.at + from.size, rest.size - from.size};
            break;
        }
    }
    size_t at = win_find_fold(rest, BTR_SPAN("SYSTEM\\ControlSet00"));
    if (at == 0 && rest.size > 20 && rest.at[20] == '\\') {
        btr_buffer_text(&out, "System\\CurrentControlSet");
        rest = (struct btr_span){rest.at + 20, rest.size - 20};
    }
    if (out.size) {
        btr_buffer_span(&out, rest);
        if (out.failed || !btr_arena_copy(c->arena, btr_buffer_view(&out), &result))
            c->rc = BTR_E_NOMEM;
    }
    btr_buffer_fini(&out);
    return result;
}

struct btr_id win_registry(struct win_call *c, struct btr_span path, struct btr_span value)
{
    if (path.size == 0)
        return (struct btr_id){0};
    path = registry_path(c, path);
    struct win_note note = {.id = btr_identity_named("registry", c->host, win_fold(c->arena, path)),
                            .kind = BTR_KIND_REGISTRY};
    win_note_attr(&note, BTR_ATTR_REGISTRY_PATH, path);
    win_note_attr(&note, BTR_ATTR_REGISTRY_VALUE, value);
    win_note_tell(c, &note);
    return note.id;
}

struct btr_id win_pipe(struct win_call *c, struct btr_span name, struct btr_id owner)
{
    struct win_note note = {.kind = BTR_KIND_CHANNEL};
    if (name.size == 0)
        return (struct btr_id){0};
    if (win_equal_fold(
            name, BTR_SPAN("<Anonymous Pipe>"))) /* all have this one name: each process its own */
        note.id = btr_identity_numbered("pipe", c->host, owner.hi, owner.lo);
    else
        note.id = btr_identity_named("pipe", c->host, win_fold(c->arena, name));
    win_note_attr(&note, BTR_ATTR_CHANNEL_TYPE, BTR_SPAN("pipe"));
    win_note_attr(&note, BTR_ATTR_CHANNEL_NAME, name);
    win_note_tell(c, &note);
    return note.id;
}

struct btr_id win_dns(struct win_call *c, struct btr_span name)
{
    return name.size ? tell_named(c, "dns", BTR_KIND_DNS, BTR_ATTR_DNS_QUESTION_NAME, name, name)
                     : (struct btr_id){0};
}

/* DOMAIN\name, in the arena when there is a domain. */
static struct btr_span user_text(struct win_call *c, struct btr_span domain, struct btr_span name)
{
    if (domain.size == 0 || name.size == 0)
        return name;
    uint8_t *at = btr_arena_alloc(c->arena, domain.size + 1 + name.size, 1);
    if (!at) {
        c->rc = BTR_E_NOMEM;
        return name;
    }
    memcpy(at, domain.at, domain.size);
    at[domain.size] = '\\';
    memcpy(at + domain.size + 1, name.at, name.size);
    return (struct btr_span){at, domain.size + 1 + name.size};
}

static struct btr_id tell_user(struct win_call *c, const char *tag, enum btr_kind kind,
                               struct btr_span user)
{
    struct win_note note = {.id = btr_identity_named(tag, c->host, win_fold(c->arena, user)),
                            .kind = kind};
    win_note_user(&note, user);
    win_note_tell(c, &note);
    return note.id;
}

struct btr_id win_user(struct win_call *c, struct btr_span domain, struct btr_span name)
{
    return name.size ? tell_user(c, "user", BTR_KIND_USER, user_text(c, domain, name))
                     : (struct btr_id){0};
}

struct btr_id win_failed_logon(struct win_call *c, struct btr_span domain, struct btr_span name)
{
    return tell_user(c, "failed logon", BTR_KIND_USER, user_text(c, domain, name));
}

struct btr_id win_share(struct win_call *c, struct btr_span name)
{
    return name.size ? tell_named(c, "share", BTR_KIND_SHARE, BTR_ATTR_SHARE_NAME, name, name)
                     : (struct btr_id){0};
}

struct btr_id win_service(struct win_call *c, struct btr_span name)
{
    return name.size ? tell_named(c, "service", BTR_KIND_SERVICE, BTR_ATTR_SERVICE_NAME, name, name)
                     : (struct btr_id){0};
}

struct btr_id win_task(struct win_call *c, struct btr_span name)
{
    return name.size ? tell_named(c, "task", BTR_KIND_TASK, BTR_ATTR_TASK_NAME, name, name)
                     : (struct btr_id){0};
}

struct btr_id win_wmi(struct win_call *c, struct btr_span kind, struct btr_span name)
{
    if (name.size == 0)
        return (struct btr_id){0};
    struct btr_span key =
        user_text(c, kind, name); /* "filter\name": no name of another kind is this one */
    return tell_named(c, "wmi", BTR_KIND_WMI, BTR_ATTR_WMI_NAME, key, name);
}

/* 0x3e7 SYSTEM, 0x3e4 NETWORK SERVICE, 0x3e5 LOCAL SERVICE, 0x3e6 anonymous: they hold half of all
 * processes. */
static bool is_system_session(uint64_t logon_id)
{
    return logon_id == 0 || (logon_id >= 0x3e3 && logon_id <= 0x3e7);
}

struct btr_id win_session(struct win_call *c, struct btr_span logon_id, struct btr_span domain,
                          struct btr_span name)
{
    uint64_t number;
    if (!win_number(logon_id, &number) || is_system_session(number))
        return (struct btr_id){0};
    struct win_note note = {.id = btr_identity_numbered("session", c->host, number, 0),
                            .kind = BTR_KIND_SESSION};
    struct win_item *item = win_item_get(c->state, WIN_SESSION, note.id);
    struct btr_span user = user_text(c, domain, name);
    if (!item || (item->text[0].size == 0 && !win_item_text(c->state, item, 0, user))) {
        c->rc = BTR_E_NOMEM;
        return note.id;
    }
    item->number = number;
    win_note_attr(&note, BTR_ATTR_SESSION_ID, logon_id);
    struct btr_span known;
    if (item->text[0].size && btr_arena_copy(c->arena, win_item_span(item, 0), &known))
        win_note_user(&note, known);
    win_note_tell(c, &note);
    return note.id;
}

/* ---- Flows ---------------------------------------------------------------------------------- */

struct btr_span win_address(struct win_call *c, struct btr_span ip)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    if (ip.size == 0 || ip.size >= sizeof(text) || !memchr(ip.at, ':', ip.size))
        return ip;
    memcpy(text, ip.at, ip.size);
    text[ip.size] = '\0';
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return ip;
    bool four = memcmp(bytes, mapped, sizeof(mapped)) == 0;
    if (!inet_ntop(four ? AF_INET : AF_INET6, four ? bytes + 12 : bytes, text, sizeof(text)))
        return ip;
    struct btr_span out = ip;
    if (!btr_arena_copy(c->arena, btr_span_of(text), &out))
        c->rc = BTR_E_NOMEM;
    return out;
}

/* With an inventory: whether an end belongs to no host of it. */
static bool is_outside(struct win_call *c, struct btr_span ip)
{
    const struct btr_hosts *hosts = c->state->config.hosts;
    return hosts && !btr_address_is_loopback(ip) && btr_hosts_owner(hosts, ip).size == 0;
}

/* Both hosts must tell the same ends under the same names, and Sysmon's word on who began is not
   always right: the end with the higher port is taken for the source. */
static void note_ends(struct win_call *c, struct win_note *note, const struct win_ends *e)
{
    bool a_first = e->port_a > e->port_b ||
                   (e->port_a == e->port_b && btr_span_compare(e->ip_a, e->ip_b) <= 0);
    win_note_attr(note, BTR_ATTR_NETWORK_TRANSPORT, e->transport);
    win_note_attr(note, BTR_ATTR_SOURCE_IP, a_first ? e->ip_a : e->ip_b);
    win_note_number(c, note, BTR_ATTR_SOURCE_PORT, a_first ? e->port_a : e->port_b);
    win_note_attr(note, BTR_ATTR_DESTINATION_IP, a_first ? e->ip_b : e->ip_a);
    win_note_number(c, note, BTR_ATTR_DESTINATION_PORT, a_first ? e->port_b : e->port_a);
}

struct btr_id win_flow(struct win_call *c, const struct win_ends *ends)
{
    struct win_ends e = *ends;
    if (e.ip_a.size == 0 || e.ip_b.size == 0 || e.port_a > UINT16_MAX || e.port_b > UINT16_MAX)
        return (struct btr_id){0};
    e.ip_a = win_address(c, e.ip_a);
    e.ip_b = win_address(c, e.ip_b);
    struct win_note note = {.kind = BTR_KIND_FLOW, .everywhere = true};
    note.id = btr_identity_flow(e.transport, e.ip_a, (uint32_t)e.port_a, e.ip_b, (uint32_t)e.port_b,
                                c->host, BTR_SPAN(""));
    if (is_outside(c, e.ip_a) || is_outside(c, e.ip_b))
        note.flags = BTR_ENTITY_OUTSIDE;
    note_ends(c, &note, &e);
    win_note_tell(c, &note);
    return note.id;
}

struct btr_id win_flow_half(struct win_call *c, struct btr_span ip, uint64_t port)
{
    struct win_note note = {.kind = BTR_KIND_FLOW, .flags = BTR_ENTITY_HALF};
    struct btr_span name = win_address(c, ip);
    struct btr_id far = btr_identity_named("far end", c->host, name);
    note.id = btr_identity_numbered("half flow", c->host, (uint64_t)c->first_ns, far.lo ^ port);
    win_note_attr(&note, BTR_ATTR_NETWORK_TRANSPORT, BTR_SPAN("tcp"));
    win_note_attr(&note, BTR_ATTR_SOURCE_IP, name);
    win_note_number(c, &note, BTR_ATTR_SOURCE_PORT, port);
    if (is_outside(c, name))
        note.flags |= BTR_ENTITY_OUTSIDE;
    win_note_tell(c, &note);
    return note.id;
}
