/* Pipes and connections, and open descriptors. */
#include <btr/identity.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

static const char *const OUTSIDE[] = {"203.0.113.66", "198.51.100.7", "198.51.100.8"};

/* ---- Descriptors ---- */

struct sim_open *sim_open_find(struct sim_world *w, int p, int handle)
{
    if (!w->processes[p].alive)
        return NULL;
    for (int i = w->open_count - 1; i >= 0; i--)
        if (w->opens[i].process == p && w->opens[i].handle == handle)
            return &w->opens[i];
    return NULL;
}

struct sim_open *sim_open_add(struct sim_world *w, int p, int handle)
{
    int i = 0;
    while (i < w->open_count && w->opens[i].process != SIM_NONE)
        i++;
    if (i == SIM_OPENS)
        abort();
    if (i == w->open_count)
        w->open_count++;
    w->opens[i] = (struct sim_open){.process = p,
                                    .handle = handle,
                                    .name = SIM_NONE,
                                    .inode = SIM_NONE,
                                    .talk = SIM_NONE,
                                    .since_ns = w->call_last_ns,
                                    .serial = w->hosts[w->processes[p].host].serial};
    return &w->opens[i];
}

/* What may have flowed through it is told now, where calls are not. */
void sim_open_close(struct sim_world *w, struct sim_open *o)
{
    int p = o->process;
    bool reads = o->reads && !sim_told(w, p, SIM_TOLD_READS);
    bool writes = o->writes && !sim_told(w, p, SIM_TOLD_WRITES);
    bool flow = o->talk != SIM_NONE && w->talks[o->talk].kind == SIM_TCP;
    struct btr_id id = o->inode != SIM_NONE ? w->names[o->name].id : w->talks[o->talk].ends[o->end];
    if (o->inode != SIM_NONE && (reads || writes)) {
        int64_t first_ns = w->call_first_ns;
        w->call_first_ns = o->since_ns;
        sim_inode_used(w, p, o->inode, o->name, writes, true);
        w->call_first_ns = first_ns;
    }
    if (reads)
        sim_tell_interval(w, o, flow ? BTR_OP_RECV : BTR_OP_READ, id);
    if (writes)
        sim_tell_interval(w, o, flow ? BTR_OP_SEND : BTR_OP_WRITE, id);
    o->process = SIM_NONE;
}

/* ---- Making them ---- */

static int talk_add(struct sim_world *w, enum sim_talk_kind kind)
{
    if (w->talk_count == SIM_TALKS)
        abort();
    w->talks[w->talk_count] =
        (struct sim_talk){.kind = kind, .outside = SIM_NONE, .listener = SIM_NONE};
    return w->talk_count++;
}

static struct sim_open *end_open(struct sim_world *w, int p, int handle, int talk, int end)
{
    struct sim_open *o = sim_open_add(w, p, handle);
    o->talk = talk;
    o->end = end;
    o->reads = w->talks[talk].kind != SIM_PIPE || end == 1;
    o->writes = w->talks[talk].kind != SIM_PIPE || end == 0;
    return o;
}

static struct btr_id numbered(struct sim_world *w, int p, const char *tag)
{
    int host = w->processes[p].host;
    return btr_identity_numbered(tag, btr_span_of(w->hosts[host].name), (uint64_t)w->call_last_ns,
                                 w->hosts[host].serial);
}

void sim_pipe(struct sim_world *w, const struct sim_step *s)
{
    int talk = talk_add(w, SIM_PIPE);
    struct sim_talk *t = &w->talks[talk];
    sim_call(w, s->p);
    t->ends[0] = t->ends[1] = numbered(w, s->p, "pipe");
    sim_note(w, t->ends[0], BTR_KIND_CHANNEL, w->processes[s->p].host, 0);
    sim_tell(w, s->p, w->processes[s->p].id, BTR_OP_PIPE_CREATE, t->ends[0], SIM_OUT,
             BTR_BYTES_UNKNOWN, 0);
    end_open(w, s->p, s->handle, talk, 0);
    end_open(w, s->p, s->handle2, talk, 1);
}

/* ---- Connections ---- */

static struct btr_id flow_id(struct sim_world *w, const char *client, uint16_t port,
                             const struct sim_listener *l)
{
    const struct sim_host *h = &w->hosts[l->host];
    return btr_identity_flow(BTR_SPAN("tcp"), btr_span_of(h->ip), l->port, btr_span_of(client),
                             port, btr_span_of(h->name), BTR_SPAN(""));
}

static struct btr_id meeting_id(struct sim_world *w, const char *client,
                                const struct sim_listener *l)
{
    const struct sim_host *h = &w->hosts[l->host];
    if (l->port == 0)
        return btr_identity_rendezvous_unix(btr_span_of(h->name), BTR_SPAN(""),
                                            btr_span_of(l->path));
    return btr_identity_rendezvous(BTR_SPAN("tcp"), btr_span_of(h->ip), l->port,
                                   btr_span_of(client), btr_span_of(h->name), BTR_SPAN(""));
}

static void flow_note(struct sim_world *w, struct btr_id id, int host, unsigned flags,
                      const char *client, uint16_t client_port, const char *server, uint16_t port)
{
    sim_note(w, id, BTR_KIND_FLOW, host, flags);
    sim_attr(w, BTR_ATTR_NETWORK_TRANSPORT, w->now_ns, "tcp");
    sim_attr(w, BTR_ATTR_SOURCE_IP, w->now_ns, client);
    sim_attr(w, BTR_ATTR_DESTINATION_IP, w->now_ns, server);
    if (client_port)
        sim_attr_number(w, BTR_ATTR_SOURCE_PORT, w->now_ns, client_port);
    sim_attr_number(w, BTR_ATTR_DESTINATION_PORT, w->now_ns, port);
}

static void meet(struct sim_world *w, int p, struct btr_id half, struct btr_id meeting, bool client)
{
    sim_note(w, meeting, BTR_KIND_RENDEZVOUS, w->processes[p].host, 0);
    sim_tell(w, p, half, client ? BTR_OP_MEET_CLIENT : BTR_OP_MEET_SERVER, meeting,
             client ? SIM_OUT : SIM_INTO, BTR_BYTES_UNKNOWN, BTR_EVENT_IMPLIED);
}

static uint16_t next_port(struct sim_world *w)
{
    return (uint16_t)(40000 + w->port_count++);
}

static void connect_outside(struct sim_world *w, const struct sim_step *s)
{
    int talk = talk_add(w, SIM_TCP), p = s->p;
    struct sim_talk *t = &w->talks[talk];
    const struct sim_host *h = &w->hosts[w->processes[p].host];
    t->outside = 1;
    t->intruder = s->m == 0 || w->processes[p].intruder;
    t->ends[0] = t->ends[1] =
        w->whole_flows
            ? btr_identity_flow(BTR_SPAN("tcp"), btr_span_of(h->ip), next_port(w),
                                btr_span_of(OUTSIDE[s->m]), 443, btr_span_of(h->name), BTR_SPAN(""))
            : numbered(w, p, "half");
    flow_note(w, t->ends[0], w->whole_flows ? SIM_NONE : w->processes[p].host,
              BTR_ENTITY_OUTSIDE | (w->whole_flows ? 0 : BTR_ENTITY_HALF), h->ip, 0, OUTSIDE[s->m],
              443);
    sim_tell(w, p, w->processes[p].id, BTR_OP_CONNECT, t->ends[0], SIM_OUT, BTR_BYTES_UNKNOWN, 0);
    if (!w->whole_flows)
        meet(w, p, t->ends[0],
             btr_identity_rendezvous(BTR_SPAN("tcp"), btr_span_of(OUTSIDE[s->m]), 443,
                                     btr_span_of(h->ip), btr_span_of(h->name), BTR_SPAN("")),
             true);
    end_open(w, p, s->handle, talk, 0);
}

static void connect_inside(struct sim_world *w, const struct sim_step *s)
{
    struct sim_listener *l = &w->listeners[s->n];
    const struct sim_host *h = &w->hosts[w->processes[s->p].host];
    int talk = talk_add(w, l->port ? SIM_TCP : SIM_UNIX), p = s->p;
    struct sim_talk *t = &w->talks[talk];
    bool whole = w->whole_flows && l->port;
    t->listener = s->n;
    t->port = next_port(w);
    t->client_host = w->processes[p].host;
    t->intruder = w->processes[p].intruder;
    t->ends[0] = whole ? flow_id(w, h->ip, t->port, l) : numbered(w, p, l->port ? "half" : "unix");
    if (l->port)
        flow_note(w, t->ends[0], whole ? SIM_NONE : w->processes[p].host,
                  whole ? 0 : BTR_ENTITY_HALF, h->ip, whole ? t->port : 0, w->hosts[l->host].ip,
                  l->port);
    else
        sim_note(w, t->ends[0], BTR_KIND_CHANNEL, w->processes[p].host, BTR_ENTITY_HALF);
    if (!l->port)
        sim_attr(w, BTR_ATTR_CHANNEL_NAME, w->now_ns, l->path);
    sim_tell(w, p, w->processes[p].id, BTR_OP_CONNECT, t->ends[0], SIM_OUT, BTR_BYTES_UNKNOWN, 0);
    if (!whole)
        meet(w, p, t->ends[0], meeting_id(w, h->ip, l), true);
    end_open(w, p, s->handle, talk, 0);
    l->waiting[l->waiting_count++] = talk;
    w->talk_of_handle[s->handle] = talk;
}

void sim_connect(struct sim_world *w, const struct sim_step *s)
{
    bool inside = s->n != SIM_NONE;
    if (inside &&
        (w->listeners[s->n].waiting_count == 16 || !w->processes[w->listeners[s->n].process].alive))
        return;
    sim_call(w, s->p);
    if (inside)
        connect_inside(w, s);
    else
        connect_outside(w, s);
}

void sim_come(struct sim_world *w, const struct sim_step *s)
{
    struct sim_listener *l = &w->listeners[s->n];
    if (l->waiting_count == 16)
        return;
    int talk = talk_add(w, SIM_TCP);
    struct sim_talk *t = &w->talks[talk];
    t->outside = 0;
    t->intruder = s->m == 0;
    t->listener = s->n;
    t->port = next_port(w);
    t->ends[0] = flow_id(w, OUTSIDE[s->m], t->port, l);
    l->waiting[l->waiting_count++] = talk;
    w->talk_of_handle[s->handle] = talk;
}

static void accept_tell(struct sim_world *w, int p, struct sim_talk *t, int m)
{
    const struct sim_listener *l = &w->listeners[t->listener];
    const char *client = t->outside == 0 ? OUTSIDE[m] : NULL;
    if (!client) /* of the host whose process asked */
        client = w->hosts[t->client_host].ip;
    t->ends[1] = l->port ? flow_id(w, client, t->port, l) : numbered(w, p, "unix");
    if (l->port)
        flow_note(w, t->ends[1], SIM_NONE, t->outside == 0 ? BTR_ENTITY_OUTSIDE : 0, client,
                  t->port, w->hosts[l->host].ip, l->port);
    else
        sim_note(w, t->ends[1], BTR_KIND_CHANNEL, l->host, BTR_ENTITY_HALF);
    if (!l->port)
        sim_attr(w, BTR_ATTR_CHANNEL_NAME, w->now_ns, l->path);
    sim_tell(w, p, w->processes[p].id, BTR_OP_ACCEPT, t->ends[1], SIM_INTO, BTR_BYTES_UNKNOWN, 0);
    if (t->outside == 0)
        sim_tell(w, p, w->processes[p].id, BTR_OP_RECV, t->ends[1], SIM_INTO, BTR_BYTES_UNKNOWN,
                 BTR_EVENT_IMPLIED);
    if (!(w->whole_flows && l->port))
        meet(w, p, t->ends[1], meeting_id(w, client, l), false);
}

bool sim_accept(struct sim_world *w, const struct sim_step *s)
{
    int talk = w->talk_of_handle[s->handle2];
    if (talk == SIM_NONE)
        return true;
    struct sim_listener *l = &w->listeners[w->talks[talk].listener];
    if (l->waiting[0] != talk)
        return false;
    l->waiting_count--;
    memmove(l->waiting, l->waiting + 1, (size_t)l->waiting_count * sizeof l->waiting[0]);
    if (!w->processes[s->p].alive)
        return true;
    sim_call(w, s->p);
    accept_tell(w, s->p, &w->talks[talk], s->m);
    end_open(w, s->p, s->handle, talk, 1);
    return true;
}

/* ---- What they carry ---- */

void sim_deliver(struct sim_world *w, int p, const struct sim_open *o, const struct sim_load *load,
                 int64_t bytes)
{
    struct sim_talk *t = &w->talks[o->talk];
    if (t->outside != SIM_NONE) {
        sim_load_add(&w->handed, load);
        if (t->intruder || w->processes[p].intruder)
            sim_left(w, p, load);
    } else {
        sim_load_add(&t->load[o->end], load);
        t->bytes[o->end] += bytes;
    }
    if (!sim_told(w, p, SIM_TOLD_WRITES))
        return;
    sim_tell(w, p, w->processes[p].id, t->kind == SIM_TCP ? BTR_OP_SEND : BTR_OP_WRITE,
             t->ends[o->end], SIM_OUT, (uint64_t)bytes, 0);
}

/* As much as it takes, packed, or with what a protocol adds. */
static int size_of(struct sim_world *w, int p, const struct sim_step *s)
{
    int content = 0, pack = (int)sim_below(w, 3);
    const struct sim_load *held = &w->processes[p].load;
    if (s->n)
        return s->n;
    for (int a = 0; a < w->asset_count; a++)
        content += sim_set_count(&held->real, a);
    if (w->processes[p].keeper != SIM_NONE)
        return 1 + (int)sim_below(w, 300);
    return pack == 0 ? content / 8 + 1 : pack == 1 ? content + 20 : 1 + (int)sim_below(w, 64);
}

void sim_send(struct sim_world *w, const struct sim_step *s)
{
    struct sim_open *o = sim_open_find(w, s->p, s->handle);
    struct sim_load load;
    if (!o || o->talk == SIM_NONE || !o->writes)
        return;
    sim_call(w, s->p);
    int n = size_of(w, s->p, s);
    sim_put(w, s->p, s->mode, n, &load);
    sim_deliver(w, s->p, o, &load, n + (int)sim_below(w, 30));
}

void sim_recv(struct sim_world *w, const struct sim_step *s)
{
    struct sim_open *o = sim_open_find(w, s->p, s->handle);
    if (!o || o->talk == SIM_NONE || !o->reads)
        return;
    struct sim_talk *t = &w->talks[o->talk];
    int from = t->kind == SIM_PIPE ? 0 : 1 - o->end;
    int64_t bytes = t->outside == SIM_NONE ? t->bytes[from] : 40;
    if (bytes == 0)
        return;
    sim_call(w, s->p);
    bool piece = t->outside == SIM_NONE && bytes > 1 && sim_chance(w, 20);
    bytes = piece ? bytes / 2 : bytes;
    sim_load_add(&w->processes[s->p].load, &t->load[from]);
    t->bytes[from] -= t->outside == SIM_NONE ? bytes : 0;
    if (t->bytes[from] == 0)
        t->load[from] = (struct sim_load){0};
    if (!sim_told(w, s->p, SIM_TOLD_READS))
        return;
    sim_tell(w, s->p, w->processes[s->p].id, t->kind == SIM_TCP ? BTR_OP_RECV : BTR_OP_READ,
             t->ends[o->end], SIM_INTO, (uint64_t)bytes, 0);
}

/* sendfile, copy_file_range: out of a file into something else, by no other hands. It is told as a
 * read that has the call's whole stretch, and a write. */
void sim_move(struct sim_world *w, const struct sim_step *s)
{
    struct sim_open *from = sim_open_find(w, s->p, s->handle);
    struct sim_open *to = sim_open_find(w, s->p, s->handle2);
    if (!from || !to || from->inode == SIM_NONE || !to->writes)
        return;
    sim_call(w, s->p);
    struct sim_load had = w->processes[s->p].load;
    w->processes[s->p].load = (struct sim_load){0};
    int got = sim_take(w, s->p, from, s->n ? s->n : SIM_FILE_MAX);
    struct sim_load load = w->processes[s->p].load;
    w->processes[s->p].load = had;
    if (got == 0)
        return;
    if (sim_told(w, s->p, SIM_TOLD_READS)) {
        sim_inode_used(w, s->p, from->inode, from->name, false, false);
        sim_tell(w, s->p, w->processes[s->p].id, BTR_OP_READ, w->names[from->name].id, SIM_OUT,
                 (uint64_t)got, 0);
    }
    if (to->talk == SIM_NONE)
        sim_file_put(w, s->p, to, got, &load);
    else
        sim_deliver(w, s->p, to, &load, got);
}
