#include "state.h"

static const struct btr_span NOTHING = {NULL, 0};

static void stream_set(struct audit_host *h)
{
    if (h->stream == AUDIT_NONE)
        h->stream = btr_batch_stream(h->batch, h->host, BTR_SPAN("auditd"));
    if (h->name == AUDIT_NONE)
        h->name = btr_batch_name(h->batch, h->host);
    if (h->stream == AUDIT_NONE || h->name == AUDIT_NONE)
        h->out_of_memory = true;
}

struct btr_event *audit_emit_implied(struct audit_host *h, struct btr_id subject,
                                     struct btr_id object, enum btr_operation operation)
{
    stream_set(h);
    struct btr_event *e = btr_batch_event(h->batch);
    if (!e) {
        h->out_of_memory = true;
        e = &h->spare_event;
    }
    *e = (struct btr_event){.subject = subject, .object = object, .operation = (uint8_t)operation};
    e->time_ns = h->e ? h->e->time_ns : h->now_ns;
    e->first_ns = e->last_ns = h->now_ns;
    e->bytes = BTR_BYTES_UNKNOWN;
    e->record_id = h->e ? h->e->serial : 0;
    e->line = h->e ? h->e->line : 0;
    e->stream = h->stream;
    e->flags = BTR_EVENT_IMPLIED;
    h->events++;
    return e;
}

struct btr_event *audit_emit(struct audit_host *h, struct btr_id subject, struct btr_id object,
                             enum btr_operation operation)
{
    struct btr_event *e = audit_emit_implied(h, subject, object, operation);
    e->flags = h->emitted > 0 ? BTR_EVENT_PART : 0;
    h->emitted++;
    return e;
}

struct btr_event *audit_emit_in(struct audit_host *h, uint32_t process, struct btr_id object,
                                enum btr_operation operation)
{
    audit_note_process(h, process);
    return audit_emit(h, h->processes[process].id, object, operation);
}

struct btr_event *audit_emit_out(struct audit_host *h, uint32_t process, struct btr_id object,
                                 enum btr_operation operation)
{
    struct btr_event *e = audit_emit_in(h, process, object, operation);
    e->first_ns = h->first_ns;
    return e;
}

struct btr_note *audit_note_new(struct audit_host *h, struct btr_id id, enum btr_kind kind)
{
    if (h->noted_epoch != h->batch->epoch) {
        btr_idmap_clear(&h->noted);
        h->noted_epoch = h->batch->epoch;
    }
    uint32_t before = h->noted.count;
    if (btr_idmap_add(&h->noted, id, 1) == AUDIT_NONE)
        h->out_of_memory = true;
    if (h->noted.count == before && !h->out_of_memory)
        return NULL;
    stream_set(h);
    struct btr_note *n = btr_batch_note(h->batch);
    if (!n) {
        h->out_of_memory = true;
        return NULL;
    }
    n->id = id;
    n->kind = (uint8_t)kind;
    n->host = h->name;
    return n;
}

void audit_attr(struct audit_host *h, enum btr_attr_key key, int64_t since_ns,
                struct btr_span value)
{
    struct btr_span copy = value;
    if (value.size && !btr_arena_copy(h->arena, value, &copy))
        h->out_of_memory = true;
    else if (!btr_batch_attr(h->batch, key, since_ns, copy))
        h->out_of_memory = true;
}

void audit_attr_number(struct audit_host *h, enum btr_attr_key key, int64_t since_ns,
                       uint64_t value)
{
    char text[24];
    int size = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    audit_attr(h, key, since_ns, (struct btr_span){(const uint8_t *)text, (size_t)size});
}

static void process_attrs(struct audit_host *h, const struct audit_process *p)
{
    audit_attr_number(h, BTR_ATTR_PROCESS_PID, p->start_ns, p->pid);
    if (p->ppid)
        audit_attr_number(h, BTR_ATTR_PROCESS_PARENT_PID, p->start_ns, p->ppid);
    audit_attr(h, BTR_ATTR_PROCESS_EXECUTABLE, p->image_ns, p->exe);
    audit_attr(h, BTR_ATTR_PROCESS_NAME, p->image_ns, p->comm);
    audit_attr(h, BTR_ATTR_PROCESS_COMMAND_LINE, p->image_ns, p->command);
    if (p->uid != UINT32_MAX) {
        char text[16];
        int size = snprintf(text, sizeof(text), "%u", p->uid);
        struct btr_span uid = {(const uint8_t *)text, (size_t)size};
        audit_attr(h, BTR_ATTR_USER_ID, p->user_ns, uid);
        audit_attr(h, BTR_ATTR_USER_NAME, p->user_ns,
                   btr_hosts_user(h->config.hosts, h->host, uid));
    }
    if (p->ses != UINT32_MAX)
        audit_attr_number(h, BTR_ATTR_SESSION_ID, p->start_ns, p->ses);
    audit_attr(h, BTR_ATTR_FILE_ROOT, p->start_ns, p->root);
}

void audit_note_process(struct audit_host *h, uint32_t process)
{
    struct audit_process *p = &h->processes[process];
    if (p->noted_epoch == h->batch->epoch)
        return;
    p->noted_epoch = h->batch->epoch;
    stream_set(h);
    struct btr_note *n = btr_batch_note(h->batch);
    if (!n) {
        h->out_of_memory = true;
        return;
    }
    n->id = p->id;
    n->kind = BTR_KIND_PROCESS;
    n->host = h->name;
    n->flags = p->flags & AUDIT_PROC_UNCERTAIN ? BTR_ENTITY_UNCERTAIN : 0;
    process_attrs(h, p);
}

/* A flow's ends: the client's first. */
static void flow_attrs(struct audit_host *h, const struct audit_object *o)
{
    bool client = o->flags & BTR_ENTITY_HALF;
    struct btr_span own = btr_span_of(o->ip), peer = btr_span_of(o->peer_ip);
    int64_t since = o->opened_ns;
    audit_attr(h, BTR_ATTR_NETWORK_TRANSPORT, since,
               o->datagram ? BTR_SPAN("udp") : BTR_SPAN("tcp"));
    audit_attr(h, BTR_ATTR_SOURCE_IP, since, client ? own : peer);
    audit_attr(h, BTR_ATTR_DESTINATION_IP, since, client ? peer : own);
    uint16_t source = client ? o->port : o->peer_port,
             destination = client ? o->peer_port : o->port;
    if (source)
        audit_attr_number(h, BTR_ATTR_SOURCE_PORT, since, source);
    if (destination)
        audit_attr_number(h, BTR_ATTR_DESTINATION_PORT, since, destination);
}

void audit_note_object(struct audit_host *h, uint32_t object)
{
    struct audit_object *o = &h->objects[object];
    if (o->noted_epoch == h->batch->epoch)
        return;
    o->noted_epoch = h->batch->epoch;
    if (o->entity == BTR_KIND_FILE) {
        audit_note_file(h, o->id, o->root, o->path);
        return;
    }
    struct btr_note *n = audit_note_new(h, o->id, (enum btr_kind)o->entity);
    if (!n)
        return;
    n->flags = o->flags;
    if (o->entity == BTR_KIND_FLOW) {
        if (!(o->flags & BTR_ENTITY_HALF))
            n->host = UINT32_MAX;
        flow_attrs(h, o);
    } else {
        audit_attr(h, BTR_ATTR_CHANNEL_NAME, o->opened_ns, o->path.size ? o->path : NOTHING);
    }
}

void audit_note_file(struct audit_host *h, struct btr_id id, struct btr_span root,
                     struct btr_span path)
{
    if (!audit_note_new(h, id, BTR_KIND_FILE))
        return;
    audit_attr(h, BTR_ATTR_FILE_PATH, h->now_ns, path);
    audit_attr(h, BTR_ATTR_FILE_ROOT, h->now_ns, root);
}

void audit_note_mode(struct audit_host *h, struct btr_id id, uint64_t mode)
{
    char text[16];
    int size = snprintf(text, sizeof(text), "%04o", (unsigned)(mode & 07777));
    stream_set(h);
    struct btr_note *n = btr_batch_note(h->batch);
    if (!n) {
        h->out_of_memory = true;
        return;
    }
    n->id = id;
    n->kind = BTR_KIND_FILE;
    n->host = h->name;
    audit_attr(h, BTR_ATTR_FILE_MODE, h->now_ns,
               (struct btr_span){(const uint8_t *)text, (size_t)size});
}

struct btr_id audit_host_entity(struct audit_host *h)
{
    struct btr_id id = btr_identity_named("host", h->host, NOTHING);
    audit_note_new(h, id, BTR_KIND_HOST);
    return id;
}

struct btr_id audit_session_entity(struct audit_host *h, uint32_t auid, uint32_t ses)
{
    struct btr_id id = btr_identity_numbered("session", h->host, auid, ses);
    if (audit_note_new(h, id, BTR_KIND_SESSION)) {
        audit_attr_number(h, BTR_ATTR_SESSION_ID, h->now_ns, ses);
        audit_attr_number(h, BTR_ATTR_USER_ID, h->now_ns, auid);
        char text[16];
        int size = snprintf(text, sizeof(text), "%u", auid);
        struct btr_span uid = {(const uint8_t *)text, (size_t)size};
        audit_attr(h, BTR_ATTR_USER_NAME, h->now_ns, btr_hosts_user(h->config.hosts, h->host, uid));
    }
    return id;
}

struct btr_id audit_user_entity(struct audit_host *h, uint32_t uid)
{
    char text[16];
    int size = snprintf(text, sizeof(text), "%u", uid);
    struct btr_span name = {(const uint8_t *)text, (size_t)size};
    struct btr_id id = btr_identity_named("user", h->host, name);
    if (audit_note_new(h, id, BTR_KIND_USER)) {
        audit_attr(h, BTR_ATTR_USER_ID, h->now_ns, name);
        audit_attr(h, BTR_ATTR_USER_NAME, h->now_ns,
                   btr_hosts_user(h->config.hosts, h->host, name));
    }
    return id;
}

void audit_gap(struct audit_host *h, enum btr_gap_kind kind, int64_t from_ns, uint64_t from_id,
               uint64_t count, struct btr_span why)
{
    stream_set(h);
    struct btr_gap *g = btr_batch_gap(h->batch);
    if (!g) {
        h->out_of_memory = true;
        return;
    }
    g->stream = h->stream;
    g->kind = (uint8_t)kind;
    g->from_ns = from_ns < h->now_ns ? from_ns : h->now_ns;
    g->until_ns = h->now_ns;
    g->from_id = from_id;
    g->until_id = h->e ? h->e->serial : 0;
    g->count = count;
    g->line = h->e ? h->e->line : 0;
    if (!btr_arena_copy(h->arena, why, &g->why))
        h->out_of_memory = true;
}
