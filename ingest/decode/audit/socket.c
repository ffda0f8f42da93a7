#include "state.h"

enum {
    SOCK_DGRAM_ = 2,
    SOCK_TYPE_MASK = 0xf,
    SOCK_CLOEXEC_ = 02000000,
    ADDRESSES_MAX = 16,
    BOUND_MAX = 65536
};

static const struct btr_span NOTHING = {NULL, 0};

static void text_set(char *out, size_t size, struct btr_span value)
{
    size_t n = value.size < size - 1 ? value.size : size - 1;
    if (n)
        memcpy(out, value.at, n);
    out[n] = 0;
}

static uint32_t object_make(struct audit_host *h, uint8_t kind, uint8_t entity)
{
    uint32_t object = audit_object_new(h);
    if (object == AUDIT_NONE)
        return object;
    struct audit_object *o = &h->objects[object];
    o->kind = kind;
    o->entity = entity;
    o->access = AUDIT_CAN_READ | AUDIT_CAN_WRITE;
    o->opened_serial = h->e->serial;
    o->opened_line = h->e->line;
    o->opened_ns = h->now_ns;
    o->opened_time_ns = h->e->time_ns;
    return object;
}

static struct btr_id made_here(const struct audit_host *h, const char *tag, uint64_t part)
{
    return btr_identity_numbered(tag, h->host, (uint64_t)h->now_ns, h->e->serial * 4 + part);
}

static struct btr_span transport_of(const struct audit_object *o)
{
    return o->datagram ? BTR_SPAN("udp") : BTR_SPAN("tcp");
}

/* ---- Pipes and pairs ------------------------------------------------------------------------- */

static void channel_end(struct audit_host *h, uint32_t process, struct btr_id id, int32_t fd,
                        uint8_t access, bool cloexec, struct btr_span name)
{
    uint32_t object = fd < 0 ? AUDIT_NONE : object_make(h, AUDIT_OBJECT_CHANNEL, BTR_KIND_CHANNEL);
    if (object == AUDIT_NONE)
        return;
    h->objects[object].id = id;
    h->objects[object].access = access;
    audit_string_set(h, &h->objects[object].path, name);
    audit_note_object(h, object);
    audit_slot_put(h, process, (uint64_t)fd, object, cloexec);
}

static void call_pipe(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    if (!e->has_fd_pair)
        return;
    bool pair = e->call == AUDIT_CALL_socketpair;
    uint64_t flags = e->a[1];
    bool cloexec = e->call != AUDIT_CALL_pipe && (flags & SOCK_CLOEXEC_);
    struct btr_id id = made_here(h, pair ? "socketpair" : "pipe", 0);
    struct btr_span name = pair ? BTR_SPAN("socket pair") : BTR_SPAN("pipe");
    uint8_t both = AUDIT_CAN_READ | AUDIT_CAN_WRITE;
    channel_end(h, process, id, e->fd_pair[0], pair ? both : AUDIT_CAN_READ, cloexec, name);
    channel_end(h, process, id, e->fd_pair[1], pair ? both : AUDIT_CAN_WRITE, cloexec, name);
    audit_emit_in(h, process, id, BTR_OP_TOLD);
}

static void call_memfd(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    uint32_t object = e->has_exit && e->exit >= 0
                          ? object_make(h, AUDIT_OBJECT_CHANNEL, BTR_KIND_MEMORY)
                          : AUDIT_NONE;
    if (object == AUDIT_NONE)
        return;
    h->objects[object].id = made_here(h, "memfd", 0);
    audit_string_set(h, &h->objects[object].path, BTR_SPAN("memory file"));
    audit_note_object(h, object);
    audit_emit_in(h, process, h->objects[object].id, BTR_OP_TOLD);
    audit_slot_put(h, process, (uint64_t)e->exit, object, e->a[1] & 1);
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static void call_socket(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    if (!e->has_exit || e->exit < 0)
        return;
    uint32_t object = object_make(h, AUDIT_OBJECT_SOCKET, BTR_KIND_FLOW);
    if (object == AUDIT_NONE)
        return;
    h->objects[object].datagram = (e->a[1] & SOCK_TYPE_MASK) == SOCK_DGRAM_;
    audit_slot_put(h, process, (uint64_t)e->exit, object, e->a[1] & SOCK_CLOEXEC_);
}

/* Where a unix socket's two sides meet: by the socket file's inode, which bind mounts and links
 * share, else by name. */
static struct btr_id unix_rendezvous(struct audit_host *h, uint32_t process,
                                     const struct audit_sockaddr *address)
{
    struct btr_span path = {address->path, address->path_size};
    if (path.size > 0 && path.at[0] == '@')
        return btr_identity_rendezvous_unix(h->host, NOTHING, path);
    for (uint32_t i = 0; i < h->e->path_count; i++) {
        const struct audit_path *p = &h->e->paths[i];
        if (p->nametype == AUDIT_NAME_PARENT || p->inode == 0)
            continue;
        char text[64];
        int size = snprintf(text, sizeof(text), "inode:%llx:%llu", (unsigned long long)p->device,
                            (unsigned long long)p->inode);
        return btr_identity_rendezvous_unix(h->host, NOTHING,
                                            (struct btr_span){(const uint8_t *)text, (size_t)size});
    }
    struct audit_text name = {path, AUDIT_TEXT_PLAIN};
    struct btr_span full = path;
    audit_path_full(h, process, name, AUDIT_FDCWD, &full);
    return btr_identity_rendezvous_unix(h->host, h->processes[process].root, full);
}

static void note_rendezvous(struct audit_host *h, struct btr_id id, struct btr_span name)
{
    struct btr_note *n = audit_note_new(h, id, BTR_KIND_RENDEZVOUS);
    if (n)
        audit_attr(h, BTR_ATTR_CHANNEL_NAME, h->now_ns, name);
}

/* Remembers a named unix socket; one that never listens takes datagrams. */
static void bound_add(struct audit_host *h, struct btr_id rendezvous, uint32_t what)
{
    if (h->bound.count >= BOUND_MAX && btr_u64map_get(&h->bound, rendezvous.lo) == AUDIT_NONE) {
        h->evicted += h->bound.count;
        btr_u64map_clear(&h->bound);
    }
    if (!btr_u64map_set(&h->bound, rendezvous.lo, what))
        h->out_of_memory = true;
}

static bool takes_datagrams(const struct audit_host *h, struct btr_id rendezvous)
{
    return btr_u64map_get(&h->bound, rendezvous.lo) == AUDIT_BOUND;
}

/* All datagrams to one named unix socket are one channel: who sent which is not recorded. */
static struct btr_id datagram_channel(struct audit_host *h, struct btr_id rendezvous,
                                      struct btr_span path)
{
    char hex[BTR_ID_TEXT_SIZE];
    btr_id_text(rendezvous, hex);
    struct btr_id id = btr_identity_named("datagrams", h->host, btr_span_of(hex));
    if (audit_note_new(h, id, BTR_KIND_CHANNEL))
        audit_attr(h, BTR_ATTR_CHANNEL_NAME, h->now_ns, path);
    return id;
}

/* The socket that a descriptor stands for, whatever it was known as; kept when it is still
 * unconnected. */
static uint32_t socket_of(struct audit_host *h, uint32_t process, uint64_t fd)
{
    struct audit_slot *slot = audit_slot_get(h, process, fd);
    if (slot && (h->objects[slot->object].kind == AUDIT_OBJECT_SOCKET ||
                 h->objects[slot->object].kind == AUDIT_OBJECT_LISTENER))
        return slot->object;
    uint32_t object = object_make(h, AUDIT_OBJECT_SOCKET, BTR_KIND_FLOW);
    if (object == AUDIT_NONE)
        return object;
    bool cloexec = slot ? slot->cloexec : false;
    audit_slot_put(h, process, fd, object, cloexec);
    slot = audit_slot_get(h, process, fd);
    return slot ? slot->object : AUDIT_NONE;
}

static struct btr_id listener_entity(struct audit_host *h, const struct audit_object *o)
{
    char text[80];
    int size = snprintf(text, sizeof(text), "%s:%u", o->ip, o->port);
    struct btr_id id = btr_identity_named("listener", h->host,
                                          (struct btr_span){(const uint8_t *)text, (size_t)size});
    if (audit_note_new(h, id, BTR_KIND_FLOW)) {
        audit_attr(h, BTR_ATTR_DESTINATION_IP, h->now_ns, btr_span_of(o->ip));
        audit_attr_number(h, BTR_ATTR_DESTINATION_PORT, h->now_ns, o->port);
        audit_attr(h, BTR_ATTR_NETWORK_TRANSPORT, h->now_ns, transport_of(o));
    }
    return id;
}

static void call_bind(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    const struct audit_sockaddr *s = &e->sockaddr;
    uint32_t object = socket_of(h, process, e->a[0]);
    if (object == AUDIT_NONE || s->family == AUDIT_FAMILY_NONE)
        return;
    struct audit_object *o = &h->objects[object];
    o->family = s->family;
    if (s->family == AUDIT_FAMILY_UNIX) {
        o->entity = BTR_KIND_RENDEZVOUS;
        o->rendezvous = unix_rendezvous(h, process, s);
        struct btr_span path = {s->path, s->path_size};
        audit_string_set(h, &h->objects[object].path, path);
        bound_add(h, o->rendezvous, AUDIT_BOUND);
        note_rendezvous(h, o->rendezvous, path);
        audit_emit_in(h, process, h->objects[object].rendezvous, BTR_OP_BIND);
    } else if (s->family == AUDIT_FAMILY_INET || s->family == AUDIT_FAMILY_INET6) {
        o->port = s->port;
        text_set(o->ip, sizeof(o->ip), btr_span_of(s->ip));
        audit_emit_in(h, process, listener_entity(h, o), BTR_OP_BIND);
    }
}

static void call_listen(struct audit_host *h, uint32_t process)
{
    uint32_t object = socket_of(h, process, h->e->a[0]);
    if (object == AUDIT_NONE)
        return;
    struct audit_object *o = &h->objects[object];
    o->kind = AUDIT_OBJECT_LISTENER;
    struct btr_id id = o->family == AUDIT_FAMILY_UNIX ? o->rendezvous : listener_entity(h, o);
    if (o->family == AUDIT_FAMILY_UNIX) {
        bound_add(h, id, AUDIT_BOUND_LISTENS);
        note_rendezvous(h, id, o->path);
    }
    audit_emit_in(h, process, id, BTR_OP_LISTEN);
}

/* ---- Datagrams ------------------------------------------------------------------------------- */

static bool is_outside(const struct audit_host *h, struct btr_span address)
{
    return h->config.hosts && !btr_address_is_loopback(address) &&
           btr_hosts_owner(h->config.hosts, address).size == 0;
}

/* The flow of a datagram whose record names the other end. */
static struct btr_id datagram_flow(struct audit_host *h, const struct audit_object *o)
{
    const struct audit_sockaddr *s = &h->e->sockaddr;
    struct btr_span own = btr_span_of(o->ip), peer = btr_span_of(s->ip);
    if (btr_address_is_any(own))
        own = btr_address_is_loopback(peer) ? peer : btr_hosts_address(h->config.hosts, h->host, 0);
    /* The server's port is known on both sides, the client's on the server's side only: it is left
     * out. */
    bool server = o->port != 0;
    uint32_t own_port = server ? o->port : 0, peer_port = server ? 0 : s->port;
    struct btr_id id =
        btr_identity_flow(BTR_SPAN("udp"), own, own_port, peer, peer_port, h->host, NOTHING);
    struct btr_note *n = audit_note_new(h, id, BTR_KIND_FLOW);
    if (n) {
        n->host = UINT32_MAX;
        n->flags = is_outside(h, peer) ? BTR_ENTITY_OUTSIDE : 0;
        audit_attr(h, BTR_ATTR_NETWORK_TRANSPORT, h->now_ns, BTR_SPAN("udp"));
        audit_attr(h, BTR_ATTR_SOURCE_IP, h->now_ns, server ? peer : own);
        audit_attr(h, BTR_ATTR_DESTINATION_IP, h->now_ns, server ? own : peer);
        audit_attr_number(h, BTR_ATTR_DESTINATION_PORT, h->now_ns, server ? o->port : s->port);
    }
    return id;
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void meet(struct audit_host *h, uint32_t object, struct btr_id rendezvous,
                 struct btr_span name, bool client)
{
    note_rendezvous(h, rendezvous, name);
    struct btr_event *e = audit_emit_implied(h, h->objects[object].id, rendezvous,
                                             client ? BTR_OP_MEET_CLIENT : BTR_OP_MEET_SERVER);
    if (client)
        e->first_ns = h->first_ns;
    e->doubt = h->objects[object].doubt;
}

/* Meets at every address that the unknown end may have: the inventory's, or the one that is known.
 */
static void meet_inet(struct audit_host *h, uint32_t object, bool client)
{
    const struct audit_object *o = &h->objects[object];
    struct btr_span own = btr_span_of(o->ip), peer = btr_span_of(o->peer_ip),
                    transport = transport_of(o);
    bool loopback = btr_address_is_loopback(peer);
    for (uint32_t i = 0; i < ADDRESSES_MAX; i++) {
        struct btr_span address = own;
        if (btr_address_is_any(own))
            address = loopback ? peer : btr_hosts_address(h->config.hosts, h->host, i);
        if (address.size == 0)
            return;
        char name[160];
        int size = client ? snprintf(name, sizeof(name), "%.*s:%u from %.*s", (int)peer.size,
                                     (const char *)peer.at, o->peer_port, (int)address.size,
                                     (const char *)address.at)
                          : snprintf(name, sizeof(name), "%.*s:%u from %.*s", (int)address.size,
                                     (const char *)address.at, o->port, (int)peer.size,
                                     (const char *)peer.at);
        struct btr_id id =
            client
                ? btr_identity_rendezvous(transport, peer, o->peer_port, address, h->host, NOTHING)
                : btr_identity_rendezvous(transport, address, o->port, peer, h->host, NOTHING);
        meet(h, object, id, (struct btr_span){(const uint8_t *)name, (size_t)size}, client);
        if (!btr_address_is_any(own) || loopback)
            return;
        o = &h->objects[object];
    }
}

/* A datagram socket with a fixed other end: no handshake, nothing flows yet. */
static void connect_datagram(struct audit_host *h, uint32_t process, uint32_t socket)
{
    const struct audit_sockaddr *s = &h->e->sockaddr;
    struct audit_slot *slot = audit_slot_get(h, process, h->e->a[0]);
    bool cloexec = slot ? slot->cloexec : false;
    struct btr_id id = datagram_flow(h, &h->objects[socket]);
    uint32_t object = object_make(h, AUDIT_OBJECT_FLOW, BTR_KIND_FLOW);
    if (object == AUDIT_NONE)
        return;
    struct audit_object *o = &h->objects[object];
    o->id = id;
    o->family = s->family;
    o->datagram = true;
    o->peer_port = s->port;
    o->noted_epoch = h->batch->epoch;
    text_set(o->peer_ip, sizeof(o->peer_ip), btr_span_of(s->ip));
    text_set(o->ip, sizeof(o->ip), btr_hosts_address(h->config.hosts, h->host, 0));
    audit_emit_in(h, process, id, BTR_OP_TOLD);
    audit_slot_put(h, process, h->e->a[0], object, cloexec);
}

static void connect_inet(struct audit_host *h, uint32_t process, const struct audit_object *was)
{
    const struct audit_sockaddr *s = &h->e->sockaddr;
    struct audit_object bound = was ? *was : (struct audit_object){.kind = 0};
    struct audit_slot *slot = audit_slot_get(h, process, h->e->a[0]);
    bool cloexec = slot ? slot->cloexec : false;
    uint32_t object = object_make(h, AUDIT_OBJECT_FLOW, BTR_KIND_FLOW);
    if (object == AUDIT_NONE)
        return;
    struct audit_object *o = &h->objects[object];
    o->id = made_here(h, "half", 0);
    o->family = s->family;
    o->port = bound.port;
    o->peer_port = s->port;
    o->flags = BTR_ENTITY_HALF;
    text_set(o->peer_ip, sizeof(o->peer_ip), btr_span_of(s->ip));
    struct btr_span own = btr_span_of(bound.ip);
    if (btr_address_is_any(own))
        own = btr_address_is_loopback(btr_span_of(s->ip))
                  ? btr_span_of(s->ip)
                  : btr_hosts_address(h->config.hosts, h->host, 0);
    text_set(o->ip, sizeof(o->ip), own);
    if (is_outside(h, btr_span_of(o->peer_ip)))
        o->flags |= BTR_ENTITY_OUTSIDE;
    audit_note_object(h, object);
    audit_emit_out(h, process, h->objects[object].id, BTR_OP_CONNECT);
    meet_inet(h, object, true);
    audit_slot_put(h, process, h->e->a[0], object, cloexec);
}

static void connect_unix(struct audit_host *h, uint32_t process)
{
    const struct audit_sockaddr *s = &h->e->sockaddr;
    struct audit_slot *slot = audit_slot_get(h, process, h->e->a[0]);
    bool cloexec = slot ? slot->cloexec : false;
    uint32_t object = object_make(h, AUDIT_OBJECT_CHANNEL, BTR_KIND_CHANNEL);
    if (object == AUDIT_NONE)
        return;
    struct btr_span path = {s->path, s->path_size};
    struct btr_id rendezvous = unix_rendezvous(h, process, s);
    bool datagrams = takes_datagrams(h, rendezvous);
    struct btr_id id = datagrams ? datagram_channel(h, rendezvous, path) : made_here(h, "unix", 0);
    h->objects[object].id = id;
    h->objects[object].flags = datagrams ? 0 : BTR_ENTITY_HALF;
    audit_string_set(h, &h->objects[object].path, path);
    audit_note_object(h, object);
    if (datagrams) { /* a name for what is sent: nothing flows yet */
        audit_emit_in(h, process, id, BTR_OP_TOLD);
    } else {
        audit_emit_out(h, process, id, BTR_OP_CONNECT);
        meet(h, object, rendezvous, path, true);
    }
    audit_slot_put(h, process, h->e->a[0], object, cloexec);
}

static bool is_connected_to(const struct audit_object *o, const struct audit_sockaddr *s)
{
    bool inet = s->family == AUDIT_FAMILY_INET || s->family == AUDIT_FAMILY_INET6;
    return inet && o->kind == AUDIT_OBJECT_FLOW && !o->datagram && o->peer_port == s->port &&
           btr_span_equal(btr_span_of(o->peer_ip), btr_span_of(s->ip));
}

/* The descriptor is a socket without another end again. */
static void connection_dissolve(struct audit_host *h, uint32_t process)
{
    struct audit_slot *slot = audit_slot_get(h, process, h->e->a[0]);
    bool cloexec = slot && slot->cloexec, datagram = slot && h->objects[slot->object].datagram;
    uint32_t object = object_make(h, AUDIT_OBJECT_SOCKET, BTR_KIND_FLOW);
    if (object == AUDIT_NONE)
        return;
    h->objects[object].datagram = datagram;
    audit_slot_put(h, process, h->e->a[0], object, cloexec);
}

static void call_connect(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    struct audit_slot *slot = audit_slot_get(h, process, e->a[0]);
    const struct audit_object *was = slot ? &h->objects[slot->object] : NULL;
    bool going = e->success || (e->has_exit && e->exit == -115); /* EINPROGRESS */
    if (!going ||
        (was && is_connected_to(was, &e->sockaddr))) /* asked again how a connection went */
        return;
    switch (e->sockaddr.family) {
    case AUDIT_FAMILY_INET:
    case AUDIT_FAMILY_INET6:
        if (was && was->datagram)
            connect_datagram(h, process, slot->object);
        else
            connect_inet(h, process, was);
        break;
    case AUDIT_FAMILY_UNIX:
        connect_unix(h, process);
        break;
    case AUDIT_FAMILY_OTHER:
    case AUDIT_FAMILY_NONE: /* AF_UNSPEC dissolves a connection */
        if (was && (was->kind == AUDIT_OBJECT_FLOW || was->kind == AUDIT_OBJECT_CHANNEL))
            connection_dissolve(h, process);
        break;
    default:
        break;
    }
}

static void accept_inet(struct audit_host *h, uint32_t process, uint32_t listener, bool cloexec)
{
    const struct audit_event *e = h->e;
    uint32_t object = object_make(h, AUDIT_OBJECT_FLOW, BTR_KIND_FLOW);
    if (object == AUDIT_NONE)
        return;
    const struct audit_object *l = &h->objects[listener];
    struct audit_object *o = &h->objects[object];
    o->family = e->sockaddr.family;
    o->port = l->port;
    o->doubt = l->port ? BTR_DOUBT_NONE : BTR_DOUBT_DESCRIPTOR_UNKNOWN;
    o->peer_port = e->sockaddr.port;
    text_set(o->peer_ip, sizeof(o->peer_ip), btr_span_of(e->sockaddr.ip));
    struct btr_span own = btr_span_of(l->ip), peer = btr_span_of(o->peer_ip);
    bool any = btr_address_is_any(own);
    if (any)
        own = btr_address_is_loopback(peer) ? peer : btr_hosts_address(h->config.hosts, h->host, 0);
    text_set(o->ip, sizeof(o->ip), own);
    o->id = own.size && o->port ? btr_identity_flow(transport_of(o), own, o->port, peer,
                                                    o->peer_port, h->host, NOTHING)
                                : made_here(h, "half", 0);
    if (is_outside(h, peer))
        o->flags |= BTR_ENTITY_OUTSIDE;
    audit_note_object(h, object);
    audit_emit_in(h, process, h->objects[object].id, BTR_OP_ACCEPT);
    if (o->flags & BTR_ENTITY_OUTSIDE ||
        !h->config.hosts) /* nobody tells what that end did: it may have reached the acceptor */
        audit_emit_implied(h, h->processes[process].id, h->objects[object].id, BTR_OP_RECV)->doubt =
            BTR_DOUBT_INFERRED;
    if (any) /* at each of the host's addresses: which one it was is not told */
        h->objects[object].ip[0] = 0;
    if (h->objects[object].port)
        meet_inet(h, object, false);
    text_set(h->objects[object].ip, sizeof(h->objects[object].ip), own);
    audit_slot_put(h, process, (uint64_t)e->exit, object, cloexec);
}

static void accept_unix(struct audit_host *h, uint32_t process, uint32_t listener, bool cloexec)
{
    uint32_t object = object_make(h, AUDIT_OBJECT_CHANNEL, BTR_KIND_CHANNEL);
    if (object == AUDIT_NONE)
        return;
    struct btr_id rendezvous = h->objects[listener].rendezvous;
    h->objects[object].id = made_here(h, "unix", 0);
    h->objects[object].flags = BTR_ENTITY_HALF;
    audit_string_set(h, &h->objects[object].path, h->objects[listener].path);
    audit_note_object(h, object);
    audit_emit_in(h, process, h->objects[object].id, BTR_OP_ACCEPT);
    if (!btr_id_is_none(rendezvous))
        meet(h, object, rendezvous, h->objects[listener].path, false);
    else
        h->objects[object].doubt = BTR_DOUBT_DESCRIPTOR_UNKNOWN;
    audit_slot_put(h, process, (uint64_t)h->e->exit, object, cloexec);
}

static void call_accept(struct audit_host *h, uint32_t process)
{
    const struct audit_event *e = h->e;
    if (!e->has_exit || e->exit < 0)
        return;
    uint32_t listener = socket_of(h, process, e->a[0]);
    if (listener == AUDIT_NONE)
        return;
    bool cloexec = e->call == AUDIT_CALL_accept4 && (e->a[3] & SOCK_CLOEXEC_);
    bool inet = e->sockaddr.family == AUDIT_FAMILY_INET || e->sockaddr.family == AUDIT_FAMILY_INET6;
    audit_object_hold(h, listener); /* the new descriptor may take the listener's own place */
    if (inet)
        accept_inet(h, process, listener, cloexec);
    else
        accept_unix(h, process, listener, cloexec);
    audit_object_drop(h, listener);
}

/* ---- Messages ------------------------------------------------------------------------------ */

/* What a message moves through: the connection; else the flow or channel of the address that the
   record or the socket's own name tells. None when nothing can be said of the other end. */
static struct btr_id message_object(struct audit_host *h, uint32_t process, uint32_t *object)
{
    const struct audit_event *e = h->e;
    const struct btr_id none = {0, 0};
    struct audit_slot *slot = audit_slot_get(h, process, e->a[0]);
    uint8_t kind = slot ? h->objects[slot->object].kind : AUDIT_OBJECT_CHANNEL;
    uint8_t family = e->sockaddr.family;
    if (slot && kind != AUDIT_OBJECT_SOCKET && kind != AUDIT_OBJECT_LISTENER) {
        *object = slot->object;
        audit_note_object(h, *object);
        return h->objects[*object].id;
    }
    bool inet = family == AUDIT_FAMILY_INET || family == AUDIT_FAMILY_INET6;
    *object = slot || inet || family == AUDIT_FAMILY_UNIX ? socket_of(h, process, e->a[0])
                                                          : audit_descriptor(h, process, e->a[0]);
    if (*object == AUDIT_NONE)
        return none;
    if (inet)
        return datagram_flow(h, &h->objects[*object]);
    struct btr_span path = {e->sockaddr.path, e->sockaddr.path_size};
    if (family == AUDIT_FAMILY_UNIX && path.size > 0)
        return datagram_channel(h, unix_rendezvous(h, process, &e->sockaddr), path);
    if (h->objects[*object].family == AUDIT_FAMILY_UNIX)
        return datagram_channel(h, h->objects[*object].rendezvous, h->objects[*object].path);
    if (!btr_id_is_none(h->objects[*object].id))
        audit_note_object(h, *object);
    return h->objects[*object].id;
}

static void call_message(struct audit_host *h, uint32_t process, bool in)
{
    const struct audit_event *e = h->e;
    uint32_t object = AUDIT_NONE;
    h->told_any |= in ? AUDIT_TOLD_RECEIVES : AUDIT_TOLD_SENDS;
    struct btr_id id = message_object(h, process, &object);
    if (btr_id_is_none(id))
        return;
    struct btr_event *out = in ? audit_emit_in(h, process, id, BTR_OP_RECV)
                               : audit_emit_out(h, process, id, BTR_OP_SEND);
    bool many = e->call == AUDIT_CALL_sendmmsg ||
                e->call == AUDIT_CALL_recvmmsg; /* returns messages, not bytes */
    out->bytes = !many && e->has_exit && e->exit >= 0 ? (uint64_t)e->exit : BTR_BYTES_UNKNOWN;
    out->doubt = h->objects[object].doubt;
}

void audit_call_socket(struct audit_host *h, uint32_t process)
{
    switch (h->e->call) {
    case AUDIT_CALL_pipe:
    case AUDIT_CALL_pipe2:
    case AUDIT_CALL_socketpair:
        call_pipe(h, process);
        break;
    case AUDIT_CALL_memfd_create:
        call_memfd(h, process);
        break;
    case AUDIT_CALL_socket:
        call_socket(h, process);
        break;
    case AUDIT_CALL_bind:
        call_bind(h, process);
        break;
    case AUDIT_CALL_listen:
        call_listen(h, process);
        break;
    case AUDIT_CALL_connect:
        call_connect(h, process);
        break;
    case AUDIT_CALL_accept:
    case AUDIT_CALL_accept4:
        call_accept(h, process);
        break;
    case AUDIT_CALL_sendto:
    case AUDIT_CALL_sendmsg:
    case AUDIT_CALL_sendmmsg:
        call_message(h, process, false);
        break;
    default: /* recvfrom, recvmsg, recvmmsg */
        call_message(h, process, true);
        break;
    }
}
