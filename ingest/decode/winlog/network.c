/* Which connection a logon came by. Security 4624, 5140 and 5145 name the far end only; the
 * connection itself is told by 5156 or Sysmon 3, before or (Sysmon: seconds) after the logon. */
#include "call.h"

#define CONNECTION_MAX_NS                                                                          \
    INT64_C(43200000000000) /* a port of the far end may be another connection after 12 hours */
#define AWAIT_MAX_NS INT64_C(60000000000)

static struct btr_id far_key(struct win_call *c, struct btr_span ip, uint64_t port)
{
    struct btr_id far = btr_identity_named("far end", c->host, win_address(c, ip));
    return btr_identity_numbered("far end", c->host, far.lo, port);
}

static bool is_recent(const struct win_call *c, const struct win_item *item, int64_t max_ns)
{
    int64_t d;
    return !__builtin_sub_overflow(c->first_ns, item->first_ns, &d) && d < max_ns && d > -max_ns;
}

/* The logon's own record is cited, not the one that told the connection. */
static void tell_awaited(struct win_call *c, const struct win_item *logon, struct btr_id flow)
{
    uint32_t before = c->out->event_count;
    win_imply(c, BTR_OP_LOGIN, win_known(flow), logon->id);
    if (c->rc < 0 || c->out->event_count == before)
        return;
    struct btr_event *e = &c->out->events[before];
    e->first_ns = logon->first_ns < e->first_ns ? logon->first_ns : e->first_ns;
    e->flags |= e->first_ns < e->last_ns ? BTR_EVENT_INTERVAL : 0;
}

/* The connection, for logons that name its far end only. */
static void connection_seen(struct win_call *c, struct btr_span ip, uint64_t port,
                            struct btr_id flow)
{
    if (c->rc < 0 || port == 0 || btr_id_is_none(flow))
        return;
    struct btr_id key = far_key(c, ip, port);
    struct win_item *item = win_item_get(c->state, WIN_FLOW, key);
    if (!item) {
        c->rc = BTR_E_NOMEM;
        return;
    }
    item->id = flow;
    item->first_ns = c->first_ns;
    struct win_item *logon = win_item_find(c->state, WIN_LOGON, key);
    if (!logon)
        return;
    if (is_recent(c, logon, AWAIT_MAX_NS))
        tell_awaited(c, logon, flow);
    win_item_forget(c->state, WIN_LOGON, key);
}

struct btr_id win_connection_find(struct win_call *c, struct btr_span ip, uint64_t port)
{
    if (ip.size == 0 || port == 0)
        return (struct btr_id){0};
    const struct win_item *item = win_item_find(c->state, WIN_FLOW, far_key(c, ip, port));
    return item && is_recent(c, item, CONNECTION_MAX_NS) ? item->id : (struct btr_id){0};
}

void win_connection_await(struct win_call *c, struct btr_span ip, uint64_t port,
                          struct btr_id session)
{
    if (c->rc < 0 || ip.size == 0 || port == 0)
        return;
    struct win_item *item = win_item_get(c->state, WIN_LOGON, far_key(c, ip, port));
    if (!item) {
        c->rc = BTR_E_NOMEM;
        return;
    }
    item->id = session;
    item->first_ns = c->first_ns;
}

void win_connection_tell(struct win_call *c, struct win_who who, const struct win_ends *ends,
                         struct btr_id flow, bool accepted)
{
    bool a_is_client = ends->port_a > ends->port_b; /* which end is called the source varies */
    win_tell(c, accepted ? BTR_OP_ACCEPT : BTR_OP_CONNECT, who, flow, BTR_DOUBT_NONE, 0);
    /* Nobody tells bytes: what came back is taken to have come at once (docs/EVENTS.md,
     * "Direction"). */
    win_imply(c, BTR_OP_RECV, who, flow);
    if (accepted)
        connection_seen(c, a_is_client ? ends->ip_a : ends->ip_b,
                        a_is_client ? ends->port_a : ends->port_b, flow);
}
