/*
 * Where what the intrusion holds leads on to. Who has an account of a host can connect to whatever
 * anybody of that host is seen to connect to, and come to what is seen to come of that there: the
 * accounts of the sessions that a server starts. Times are not asked for: what was done once can be
 * done again.
 */
#include <btr/identity.h>
#include <stdlib.h>

#include "loss/contain.h"

int contain_address_add(struct contain *c, struct btr_span host, struct btr_span ip)
{
    struct contain_address a = {.host_key = btr_hash64(host) | 1};
    if (ip.size == 0 || host.size == 0 || btr_address_is_any(ip) || btr_address_is_loopback(ip))
        return 0;
    for (uint32_t i = 0; i < c->address_count; i++)
        if (c->addresses[i].host_key == a.host_key && btr_span_equal(c->addresses[i].ip, ip))
            return 0;
    if (!btr_list_room(&c->addresses, c->address_count, &c->address_capacity, 16,
                       sizeof *c->addresses))
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "addresses of hosts");
    if (!btr_arena_copy(c->loss->arena, host, &a.host) ||
        !btr_arena_copy(c->loss->arena, ip, &a.ip))
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "addresses of hosts");
    c->addresses[c->address_count++] = a;
    return 0;
}

int contain_flow(struct contain *c, struct btr_span from, struct btr_span host,
                 const struct btr_entity *connection, uint32_t *at)
{
    struct btr_span transport = btr_entity_attr(connection, BTR_ATTR_NETWORK_TRANSPORT, INT64_MAX);
    struct btr_span port = btr_entity_attr(connection, BTR_ATTR_DESTINATION_PORT, INT64_MAX);
    struct btr_span to = btr_entity_attr(connection, BTR_ATTR_DESTINATION_IP, INT64_MAX);
    struct loss_hold h = {.kind = from.size ? LOSS_HOLD_FLOW : LOSS_HOLD_SERVICE,
                          .host = host,
                          .from = from,
                          .entity = connection->id};
    btr_buffer_clear(&c->words);
    btr_buffer_span(&c->words, transport.size ? transport : BTR_SPAN("connection"));
    if (port.size)
        btr_buffer_u8(&c->words, '/');
    btr_buffer_span(&c->words, port);
    if (c->words.failed)
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment");
    h.name = btr_buffer_view(&c->words);
    int rc = btr_span_equal(host, to) ? 0 : contain_address_add(c, host, to);
    if (rc == 0 && from.size)
        rc = contain_address_add(c, from,
                                 btr_entity_attr(connection, BTR_ATTR_SOURCE_IP, INT64_MAX));
    return rc == 0 ? contain_hold(c, &h, at) : rc;
}

/* ---- Connections from one host, by where they go ---- */

/* Those to one port of one address; the newest are kept. */
struct target {
    struct btr_span ip, port;
    struct btr_id ids[CONTAIN_SAMPLES];
    int64_t last_ns[CONTAIN_SAMPLES];
    uint32_t count;
};

enum { TARGETS_MAX = 4096 };

struct looking {
    struct contain *c;
    struct btr_arena *arena;
    struct target *targets;
    uint32_t count, capacity;
    struct btr_idmap known;
};

static struct target *target_of(struct looking *l, struct btr_span ip, struct btr_span port)
{
    struct btr_span parts[] = {ip, port};
    uint32_t at = btr_idmap_add(&l->known, btr_id_of(parts, 2), l->count);
    if (at == LOSS_NONE || at < l->count)
        return at == LOSS_NONE ? NULL : &l->targets[at];
    if (!btr_list_room(&l->targets, l->count, &l->capacity, 16, sizeof *l->targets))
        return NULL;
    struct target *t = &l->targets[l->count];
    *t = (struct target){.count = 0};
    if (!btr_arena_copy(l->arena, ip, &t->ip) || !btr_arena_copy(l->arena, port, &t->port))
        return NULL;
    l->count++;
    return t;
}

static void sample_take(struct target *t, struct btr_id id, int64_t last_ns)
{
    uint32_t at = t->count;
    if (t->count == CONTAIN_SAMPLES) {
        at = 0;
        for (uint32_t i = 1; i < CONTAIN_SAMPLES; i++)
            if (t->last_ns[i] < t->last_ns[at])
                at = i;
        if (t->last_ns[at] >= last_ns)
            return;
    } else {
        t->count++;
    }
    t->ids[at] = id;
    t->last_ns[at] = last_ns;
}

static int connection_visit(void *self, const struct btr_entity *e)
{
    struct looking *l = self;
    if (e->flags & BTR_ENTITY_OUTSIDE || e->host.size)
        return 0; /* a half tells one end alone: the other end's own tells both */
    if (l->count == TARGETS_MAX) {
        l->c->to->cut = true;
        return 0;
    }
    struct target *t = target_of(l, btr_entity_attr(e, BTR_ATTR_DESTINATION_IP, INT64_MAX),
                                 btr_entity_attr(e, BTR_ATTR_DESTINATION_PORT, INT64_MAX));
    if (!t)
        return btr_fail(l->c->err, BTR_E_NOMEM, UINT64_MAX, "connections of a host");
    sample_take(t, e->id, e->last_ns);
    return 0;
}

/* ---- What a connection leads to ---- */

struct serving {
    struct btr_id processes[CONTAIN_SAMPLES];
    bool asked[CONTAIN_SAMPLES]; /* it made the connection, and serves nobody by it */
    uint32_t count;
    struct btr_id accepter;
    bool accepted, cut;
};

static int serving_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct serving *s = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        bool process = flows[i].other_kind == BTR_KIND_PROCESS || flows[i].other_kind == 0;
        uint32_t at = 0;
        while (at < s->count && !btr_id_equal(s->processes[at], flows[i].other))
            at++;
        s->cut |= process && at == CONTAIN_SAMPLES;
        if (!process || at == CONTAIN_SAMPLES)
            continue;
        if (at == s->count) {
            s->asked[s->count] = false;
            s->processes[s->count++] = flows[i].other;
        }
        s->asked[at] |= flows[i].operation == BTR_OP_CONNECT;
        if (flows[i].operation == BTR_OP_ACCEPT) {
            s->accepter = flows[i].other;
            s->accepted = true;
        }
    }
    return 0;
}

enum { SESSION_PROCESSES = 256 };

/* Processes that one started, one after the other, with the account that each is known to have been
 * given. */
struct session {
    struct btr_id processes[SESSION_PROCESSES];
    uint32_t given[SESSION_PROCESSES];
    uint32_t count;
    bool cut;
};

static int started_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct session *s = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (flows[i].operation != BTR_OP_FORK)
            continue;
        s->cut |= s->count == SESSION_PROCESSES;
        if (s->count < SESSION_PROCESSES)
            s->processes[s->count++] = flows[i].other;
    }
    return 0;
}

/* The accounts of what a process that serves one connection alone started: a login's. What a server
 * of many runs is its own work. */
static int session_take(struct contain *c, struct btr_id server, uint32_t flow)
{
    struct session s = {.count = 1, .processes = {server}, .given = {LOSS_NONE}};
    bool many = false, others = false;
    int rc = btr_extent_serves_many(&c->loss->all, server, &many, c->err);
    for (uint32_t at = 0; rc == 0 && !many && at < s.count; at++) {
        uint32_t begin = s.count, account;
        rc = c->loss->all.flows(c->loss->all.self, s.processes[at], BTR_SIDE_OUT_OF, INT64_MIN,
                                NULL, started_visit, &s, c->err);
        for (uint32_t i = begin; rc == 0 && i < s.count; i++) {
            bool differs = false;
            s.given[i] = account = LOSS_NONE;
            rc = loss_program_differs(c->loss, s.processes[i], server, &differs, c->err);
            if (rc == 0 && differs)
                rc = contain_account_of(c, s.processes[i], &account);
            s.given[i] = contain_account_nearer(c, account, s.given[at]);
            others |= rc == 0 && s.given[i] != LOSS_NONE && !c->to->holds[s.given[i]].all;
        }
    }
    c->to->cut |= s.cut;
    for (uint32_t i = 1; rc == 0 && i < s.count; i++)
        if (s.given[i] != LOSS_NONE && (!others || !c->to->holds[s.given[i]].all))
            rc = contain_lead(c, flow, s.given[i], "gave", UINT64_MAX);
    return rc;
}

/* The host whose process accepted a connection. @param host  empty: nobody's is seen to */
static int accepter_of(struct contain *c, const struct serving *s, struct btr_span *host)
{
    uint32_t account = LOSS_NONE;
    *host = (struct btr_span){0};
    int rc = s->accepted ? contain_account_of(c, s->accepter, &account) : 0;
    if (rc == 0 && account != LOSS_NONE)
        *host = c->to->holds[account].host;
    return rc;
}

static int sample_follow(struct contain *c, struct btr_span from, struct btr_id id)
{
    struct serving s = {.count = 0};
    struct btr_span host = {0};
    struct btr_entity e;
    uint32_t flow = LOSS_NONE;
    int rc =
        c->loss->all.flows(c->loss->all.self, id, BTR_SIDE_ALL, 0, NULL, serving_visit, &s, c->err);
    if (rc == 0)
        rc = accepter_of(c, &s, &host);
    if (rc < 0 || host.size == 0 || btr_span_equal(host, from))
        return rc;
    rc = loss_entity(c->loss, id, &e, c->err);
    if (rc == 0)
        rc = contain_flow(c, from, host, &e, &flow);
    c->to->cut |= s.cut;
    for (uint32_t i = 0; rc == 0 && flow != LOSS_NONE && i < s.count; i++) {
        if (s.asked[i])
            continue;
        rc = contain_talker_add(c, s.processes[i], flow);
        if (rc == 0)
            rc = session_take(c, s.processes[i], flow);
    }
    return rc;
}

/* ---- Host after host ---- */

static int host_follow(struct contain *c, struct btr_span host, uint64_t host_key)
{
    struct looking l = {.c = c, .arena = btr_arena_new(64 << 20)};
    int rc = l.arena ? 0 : btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "connections of a host");
    for (uint32_t i = 0; rc == 0 && i < c->address_count; i++)
        if (c->addresses[i].host_key == host_key)
            rc = btr_reader_entities_with(c->loss->reader, BTR_KIND_FLOW, INT64_MIN, INT64_MAX,
                                          BTR_ATTR_SOURCE_IP, c->addresses[i].ip, connection_visit,
                                          &l, c->err);
    for (uint32_t t = 0; rc == 0 && t < l.count; t++)
        for (uint32_t i = 0; rc == 0 && i < l.targets[t].count; i++)
            rc = sample_follow(c, host, l.targets[t].ids[i]);
    btr_idmap_fini(&l.known);
    btr_arena_free(l.arena);
    free(l.targets);
    return rc;
}

/* What was not looked at may lead anywhere: the account stands for it. */
static int beyond(struct contain *c, uint32_t account)
{
    const struct loss_hold *a = &c->to->holds[account];
    struct loss_hold h = {.kind = LOSS_HOLD_BEYOND, .host = a->host, .name = BTR_SPAN("beyond")};
    uint32_t at;
    int rc = contain_hold(c, &h, &at);
    c->to->cut = true;
    return rc == 0 ? contain_lead(c, account, at, "was not looked at", UINT64_MAX) : rc;
}

/* Each account of a host leads to all connections that were seen from there. */
static int accounts_join(struct contain *c)
{
    struct loss_containment *to = c->to;
    int rc = 0;
    for (uint32_t a = 0; rc == 0 && a < to->hold_count; a++)
        for (uint32_t f = 0;
             rc == 0 && to->holds[a].kind == LOSS_HOLD_ACCOUNT && f < to->hold_count; f++) {
            const struct loss_hold *other = &to->holds[f];
            if (other->kind == LOSS_HOLD_FLOW && btr_span_equal(other->from, to->holds[a].host))
                rc = contain_lead(c, a, f, "connects to", UINT64_MAX);
            else if (other->kind == LOSS_HOLD_FILE && other->all &&
                     other->host_key == to->holds[a].host_key)
                rc = contain_lead(c, a, f, "can run", UINT64_MAX);
            else if (other->kind == LOSS_HOLD_ACCOUNT && to->holds[a].all &&
                     other->host_key == to->holds[a].host_key)
                rc = contain_lead(c, a, f, "can act as", UINT64_MAX);
        }
    return rc;
}

int contain_onward_find(struct contain *c)
{
    uint64_t hosts[CONTAIN_HOSTS_MAX];
    uint32_t host_count = 0;
    int rc = 0;
    /* accounts are found while their hosts are looked at */
    for (uint32_t i = 0; rc == 0 && i < c->to->hold_count; i++) {
        struct loss_hold h = c->to->holds[i];
        bool known = h.kind != LOSS_HOLD_ACCOUNT;
        for (uint32_t n = 0; !known && n < host_count; n++)
            known = hosts[n] == h.host_key;
        if (known)
            continue;
        if (host_count == CONTAIN_HOSTS_MAX) {
            rc = beyond(c, i);
            continue;
        }
        hosts[host_count++] = h.host_key;
        rc = host_follow(c, h.host, h.host_key);
    }
    return rc == 0 ? accounts_join(c) : rc;
}

int contain_unseen_find(struct contain *c)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < c->to->hold_count; i++)
        if (c->to->holds[i].kind == LOSS_HOLD_ACCOUNT && !c->to->holds[i].all &&
            btr_id_is_none(c->to->holds[i].entity))
            rc = beyond(c, i);
    return rc;
}
