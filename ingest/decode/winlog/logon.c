/* Logons: who came by which connection, and what ran in the session. */
#include "call.h"

#define SOON_NS INT64_C(5000000000) /* a logon that another record announced */
#define USER_NS                                                                                    \
    INT64_C(600000000000) /* a user who acts does so in a session begun at most this long ago */

static bool within(const struct win_call *c, int64_t ns, int64_t max_ns)
{
    int64_t d;
    return !__builtin_sub_overflow(c->first_ns, ns, &d) && d <= max_ns && d >= -max_ns;
}

static struct btr_id credential_key(struct win_call *c, const char *tag, struct btr_span user)
{
    const uint8_t *slash = user.size ? memchr(user.at, '\\', user.size) : NULL;
    if (slash) /* one provider writes the domain's DNS name, another its short name */
        user = (struct btr_span){slash + 1, user.size - (size_t)(slash - user.at) - 1};
    return btr_identity_named(tag, c->host, win_fold(c->arena, user));
}

static void announce(struct win_call *c, const char *tag, struct btr_span user, struct btr_id by)
{
    struct win_item *item =
        c->rc < 0 ? NULL : win_item_get(c->state, WIN_CREDENTIAL, credential_key(c, tag, user));
    if (!item) {
        c->rc = BTR_E_NOMEM;
        return;
    }
    item->id = by;
    item->first_ns = c->first_ns;
}

static struct btr_id newest_session(struct win_call *c, struct btr_span user)
{
    const struct win_table *t = &c->state->tables[WIN_SESSION];
    for (uint32_t i = t->newest; i != WIN_NONE; i = t->items[i].older_use)
        if (win_equal_fold(win_basename(win_item_span(&t->items[i], 0)), win_basename(user)) &&
            (t->items[i].flags & WIN_ITEM_CREATED) && within(c, t->items[i].first_ns, USER_NS))
            return t->items[i].id;
    return (struct btr_id){0};
}

struct win_who win_user_acts(struct win_call *c, struct btr_span user)
{
    if (user.size == 0)
        return (struct win_who){0};
    struct btr_id session = newest_session(c, user);
    struct win_who who =
        win_known(btr_id_is_none(session) ? win_user(c, (struct btr_span){0}, user) : session);
    who.doubt = BTR_DOUBT_INFERRED;
    if (btr_id_is_none(session))
        announce(c, "user acts", user, who.id);
    return who;
}

/* What was announced for this user by another record within seconds. */
static void tell_announced(struct win_call *c, struct btr_span user, struct btr_id session)
{
    const struct win_item *item =
        win_item_find(c->state, WIN_CREDENTIAL, credential_key(c, "credential", user));
    if (item && within(c, item->first_ns, SOON_NS))
        win_imply(c, BTR_OP_LOGIN, win_known(item->id), session);
    item = win_item_find(c->state, WIN_CREDENTIAL, credential_key(c, "user acts", user));
    if (!item || !within(c, item->first_ns, SOON_NS))
        return;
    int64_t first = item->first_ns;
    uint32_t before = c->out->event_count;
    win_imply(c, BTR_OP_SESSION_OF, win_known(session), item->id);
    if (c->rc == 0 && c->out->event_count > before && first < c->out->events[before].first_ns)
        c->out->events[before].first_ns = first; /* the record of the logon came after the deed */
}

static struct btr_id logon_flow(struct win_call *c, struct btr_span ip, uint64_t port,
                                struct btr_id session)
{
    if (ip.size == 0 || btr_address_is_any(ip) || port == 0 || port > UINT16_MAX)
        return (struct btr_id){0};
    struct btr_id flow = win_connection_find(c, ip, port);
    if (!btr_id_is_none(flow))
        return flow;
    if (!btr_id_is_none(session))
        win_connection_await(c, ip, port, session);
    return win_flow_half(c, ip, port);
}

/* A logon, or the attempt: by the process that asked for it, and by the connection it came over. */
static void tell_logon(struct win_call *c, struct btr_id target, struct btr_id session,
                       unsigned flags)
{
    struct win_mention m = {.pid_text = WIN_FIELD(c, ProcessId),
                            .image = WIN_FIELD(c, ProcessName)};
    struct win_who who = win_process(c, &m);
    uint64_t port = 0;
    win_number(WIN_FIELD(c, IpPort), &port);
    struct btr_id flow = logon_flow(c, WIN_FIELD(c, IpAddress), port, session);
    win_tell(c, BTR_OP_LOGIN, who, target, BTR_DOUBT_NONE, flags);
    win_tell(c, BTR_OP_LOGIN, win_known(flow), target, BTR_DOUBT_NONE, flags);
    if (!c->first_told)
        win_tell_only(c, win_known(target), (struct btr_id){0});
}

static void logon_begun(struct win_call *c)
{
    struct btr_span user = WIN_FIELD(c, TargetUserName);
    struct btr_id session =
        win_session(c, WIN_FIELD(c, TargetLogonId), WIN_FIELD(c, TargetDomainName), user);
    if (btr_id_is_none(session)) {
        win_tell_only(c, win_security_actor(c), session);
        return;
    }
    struct win_item *item = win_item_find(c->state, WIN_SESSION, session);
    if (item && !(item->flags & WIN_ITEM_CREATED)) {
        item->flags |= WIN_ITEM_CREATED;
        item->first_ns = c->first_ns;
    }
    tell_logon(c, session, session, 0);
    tell_announced(c, user, session);
}

static void logon_failed(struct win_call *c)
{
    struct btr_id target =
        win_failed_logon(c, WIN_FIELD(c, TargetDomainName), WIN_FIELD(c, TargetUserName));
    tell_logon(c, target, (struct btr_id){0}, BTR_EVENT_FAILED);
}

static void logon_explicit(struct win_call *c)
{
    struct btr_span user = WIN_FIELD(c, TargetUserName);
    struct btr_id target = win_user(c, WIN_FIELD(c, TargetDomainName), user);
    struct win_who who = win_security_actor(c);
    if (!who.known || btr_id_is_none(target)) {
        win_tell_only(c, who, target);
        return;
    }
    win_tell(c, BTR_OP_LOGIN, who, target, BTR_DOUBT_NONE, 0);
    announce(c, "credential", user, who.id);
}

static void logon_ended(struct win_call *c)
{
    struct btr_id session =
        win_session(c, WIN_FIELD(c, TargetLogonId), WIN_FIELD(c, TargetDomainName),
                    WIN_FIELD(c, TargetUserName));
    if (btr_id_is_none(session))
        win_tell_only(c, win_security_actor(c), session);
    else
        win_tell(c, BTR_OP_LOGOUT, win_known(session), win_host(c), BTR_DOUBT_NONE, 0);
}

bool win_logon(struct win_call *c)
{
    switch (c->f->event_id) {
    case 4624:
        logon_begun(c);
        return true;
    case 4625:
        logon_failed(c);
        return true;
    case 4634:
    case 4647:
        logon_ended(c);
        return true;
    case 4648:
        logon_explicit(c);
        return true;
    default:
        return false;
    }
}
