/* What the intruder does. */
#include <stdio.h>

#include "sim.h"

struct intruder {
    struct sim_world *w;
    struct sim_place *place;
    struct sim_session *s;
    int host, shell;
    int back, back_through; /* handles: the shell's pipe or connection; who passes it on, or NONE */
    int back_from, back_out, depth;
};

static int pick(struct sim_world *w, const int *of, int count)
{
    return of[sim_below(w, (uint64_t)count)];
}

static int staged(struct intruder *in, const char *folder)
{
    char path[48];
    snprintf(path, sizeof path, "%s/x%d", folder, in->place->stage_count++);
    return sim_name_add(in->w, in->host, path);
}

/* A file of an asset on the intruder's host, or one that somebody left there. */
static int loot(struct intruder *in)
{
    struct sim_world *w = in->w;
    for (int tries = 0; tries < 6; tries++) {
        int asset = (int)sim_below(w, 5);
        if (w->assets[asset].host == in->host && in->place->file_count[asset])
            return pick(w, in->place->files[asset], in->place->file_count[asset]);
        int name = (int)sim_below(w, (uint64_t)w->name_count);
        if (w->names[name].host == in->host && sim_chance(w, 50))
            return name;
    }
    return in->place->shadow[in->host];
}

static int worker(struct intruder *in, int tool)
{
    struct sim_world *w = in->w;
    if (sim_chance(w, 25))
        return in->shell;
    return sim_plan_run(w, in->s, in->shell, in->place->tools[in->host][tool]);
}

static void done(struct intruder *in, int p)
{
    if (p != in->shell && sim_chance(in->w, 80))
        sim_add(in->s, SIM_EXIT, p);
}

static void put(struct intruder *in, int p, int handle, int pieces)
{
    for (int i = 0; i < pieces; i++) {
        struct sim_step *step = sim_add(in->s, SIM_SEND, p);
        step->handle = handle;
        step->mode = sim_chance(in->w, 70) ? SIM_PUT_ALL : SIM_PUT_ANY;
    }
}

/* All of a file, or a piece, by one call. */
static void move(struct intruder *in, int p, int to)
{
    struct sim_world *w = in->w;
    sim_plan_move(w, in->s, p, loot(in), to, sim_chance(w, 30) ? 1 + (int)sim_below(w, 150) : 0);
}

/* ---- Deeds ---- */

static void take(struct intruder *in, int p)
{
    struct sim_world *w = in->w;
    int count = 1 + (int)sim_below(w, 3);
    for (int i = 0; i < count; i++)
        sim_plan_read(w, in->s, p, loot(in), sim_chance(w, 40) ? 1 + (int)sim_below(w, 150) : 0);
}

static void send_outside(struct intruder *in)
{
    struct sim_world *w = in->w;
    int p = worker(in, SIM_CURL), handle = sim_handle(w);
    if (sim_chance(w, 60))
        take(in, p);
    struct sim_step *step = sim_add(in->s, SIM_CONNECT, p);
    step->handle = handle;
    step->n = SIM_NONE;
    step->m = (int)sim_below(w, 3);
    for (int i = (int)sim_below(w, 4); i > 1; i--)
        move(in, p, handle);
    put(in, p, handle, 1 + (int)sim_below(w, 3));
    done(in, p);
}

static void send_back(struct intruder *in, int p)
{
    put(in, p, in->back, 1);
    if (in->back_through == SIM_NONE)
        return;
    sim_add(in->s, SIM_RECV, in->back_through)->handle = in->back_from;
    put(in, in->back_through, in->back_out, 1);
}

static void read_back(struct intruder *in)
{
    int p = worker(in, SIM_CAT);
    take(in, p);
    send_back(in, p);
    done(in, p);
}

static void stage(struct intruder *in)
{
    struct sim_world *w = in->w;
    int p = worker(in, sim_chance(w, 50) ? SIM_TAR : SIM_CP), name = staged(in, "/tmp");
    take(in, p);
    sim_plan_write(w, in->s, p, name, SIM_OPEN_TRUNCATE, sim_chance(w, 50) ? 20 : 400);
    if (sim_chance(w, 50)) {
        struct sim_step *step = sim_add(in->s, sim_chance(w, 50) ? SIM_RENAME : SIM_LINK, p);
        step->name = name;
        step->name2 = staged(in, sim_chance(w, 50) ? "/var/tmp" : "/srv/docs");
    }
    if (sim_chance(w, 30))
        sim_add(in->s, SIM_DELETE, p)->name = name;
    done(in, p);
}

static void pipeline(struct intruder *in)
{
    struct sim_world *w = in->w;
    int to = sim_handle(w), from = sim_handle(w), out = sim_handle(w);
    struct sim_step *step = sim_add(in->s, SIM_PIPE_OP, in->shell);
    step->handle = to;
    step->handle2 = from;
    int left = sim_plan_run(w, in->s, in->shell, in->place->tools[in->host][SIM_CAT]);
    int right = sim_plan_run(w, in->s, in->shell, in->place->tools[in->host][SIM_GZIP]);
    take(in, left);
    put(in, left, to, 1 + (int)sim_below(w, 2));
    sim_add(in->s, SIM_RECV, right)->handle = from;
    if (sim_chance(w, 50)) {
        step = sim_add(in->s, SIM_CONNECT, right);
        step->handle = out;
        step->n = SIM_NONE;
        step->m = 0;
        put(in, right, out, 1);
    } else {
        sim_plan_write(w, in->s, right, staged(in, "/tmp"), SIM_OPEN_TRUNCATE, 60);
    }
    done(in, left);
    done(in, right);
    sim_add(in->s, SIM_CLOSE, in->shell)->handle = to;
    sim_add(in->s, SIM_CLOSE, in->shell)->handle = from;
}

/* In the arguments of a program: what the shell holds comes along. */
static void in_arguments(struct intruder *in)
{
    take(in, in->shell);
    int p = sim_plan_run(in->w, in->s, in->shell, in->place->tools[in->host][SIM_CURL]);
    int handle = sim_handle(in->w);
    struct sim_step *step = sim_add(in->s, SIM_CONNECT, p);
    step->handle = handle;
    step->n = SIM_NONE;
    step->m = 0;
    put(in, p, handle, 1);
    sim_add(in->s, SIM_EXIT, p);
}

static void ask_servers(struct intruder *in)
{
    struct sim_world *w = in->w;
    int p = worker(in, SIM_CURL), kind = (int)sim_below(w, 3);
    if (kind == 0)
        sim_plan_web(w, in->place, in->s, p, 0);
    else if (kind == 1)
        sim_plan_proxy(w, in->place, in->s, p, 0);
    else
        sim_plan_query(w, in->place, in->s, p, 0);
    if (sim_chance(w, 50))
        send_back(in, p);
    else
        sim_plan_write(w, in->s, p, staged(in, "/tmp"), SIM_OPEN_TRUNCATE, 100);
    done(in, p);
}

static void to_exit(struct intruder *in)
{
    struct sim_world *w = in->w;
    if (in->host != in->place->exit_host)
        return;
    int p = worker(in, SIM_CP), name = staged(in, "/media/usb");
    if (sim_chance(w, 40)) {
        int handle = sim_handle(w);
        struct sim_step *step = sim_add(in->s, SIM_OPEN, p);
        step->handle = handle;
        step->name = name;
        step->mode = SIM_OPEN_TRUNCATE;
        for (int i = (int)sim_below(w, 3); i >= 0; i--)
            move(in, p, handle);
        sim_add(in->s, SIM_CLOSE, p)->handle = handle;
        done(in, p);
        return;
    }
    take(in, p);
    if (sim_chance(w, 70)) {
        sim_plan_write(w, in->s, p, name, SIM_OPEN_TRUNCATE, 200);
    } else {
        int here = sim_chance(w, 50) ? loot(in) : staged(in, "/tmp");
        if (here == w->name_count - 1)
            sim_plan_write(w, in->s, p, here, SIM_OPEN_TRUNCATE, 200);
        struct sim_step *step = sim_add(in->s, sim_chance(w, 50) ? SIM_RENAME : SIM_LINK, p);
        step->name = here;
        step->name2 = name;
    }
    done(in, p);
}

static void drop_script(struct intruder *in)
{
    int p = worker(in, SIM_CP);
    in->place->dropped = staged(in, "/etc/cron.d");
    in->place->dropped_host = in->host;
    sim_plan_write(in->w, in->s, p, in->place->dropped, SIM_OPEN_TRUNCATE, 50);
    done(in, p);
}

static void change(struct intruder *in)
{
    int p = worker(in, SIM_CP), asset = (int)sim_below(in->w, 4);
    if (in->w->assets[asset].host == in->host)
        sim_plan_write(in->w, in->s, p,
                       pick(in->w, in->place->files[asset], in->place->file_count[asset]),
                       sim_chance(in->w, 50) ? SIM_OPEN_APPEND : SIM_OPEN_TRUNCATE, 60);
    done(in, p);
}

static void trace_other(struct intruder *in)
{
    struct sim_place *place = in->place;
    int targets[] = {place->sshd[in->host], place->cron[in->host], place->logd[in->host],
                     in->host == place->web_host ? place->worker[0] : place->cron[in->host],
                     in->host == place->proxy_host ? place->proxy : place->sshd[in->host]};
    sim_add(in->s, SIM_PTRACE, in->shell)->q = pick(in->w, targets, 5);
}

/* By its own address, past what it runs: what a server hands out. */
static void from_outside(struct intruder *in)
{
    struct sim_session *s = in->s;
    switch (sim_below(in->w, 3)) {
    case 0:
        sim_plan_web(in->w, in->place, s, SIM_NONE, 0);
        break;
    case 1:
        sim_plan_proxy(in->w, in->place, s, SIM_NONE, 0);
        break;
    default:
        sim_plan_query(in->w, in->place, s, SIM_NONE, 0);
        break;
    }
}

static void deeds(struct intruder *in, int count);

/* ---- Ways in ---- */

/* A login: who it is for, and where a shell comes of it. @return whose shell it is then */
static void through_ssh(struct intruder *in, int client, int client_handle)
{
    struct sim_world *w = in->w;
    struct sim_place *place = in->place;
    int sshd = place->sshd[in->host], child = sim_process_plan(w, in->host, 0);
    int handle = sim_handle(w), to = sim_handle(w), from = sim_handle(w);
    struct sim_step *step = sim_add(in->s, client == SIM_NONE ? SIM_COME : SIM_CONNECT, client);
    step->handle = client_handle;
    step->n = place->ssh_listener[in->host];
    step->m = 0;
    step = sim_add(in->s, SIM_ACCEPT, sshd);
    step->handle = handle;
    step->handle2 = client_handle;
    step->m = 0;
    sim_plan_hand_over(in->s, sshd, child, handle);
    if (client != SIM_NONE)
        put(in, client, client_handle, 1);
    sim_add(in->s, SIM_RECV, child)->handle = handle;
    sim_plan_read(w, in->s, child, place->shadow[in->host], 0);
    step = sim_add(in->s, SIM_PIPE_OP, child);
    step->handle = to;
    step->handle2 = from;
    in->shell = sim_process_plan(w, in->host, (int)sim_below(w, SIM_USERS));
    sim_add(in->s, SIM_FORK, child)->q = in->shell;
    sim_add(in->s, SIM_TAKE, in->shell);
    sim_add(in->s, SIM_EXEC, in->shell)->name = place->tools[in->host][SIM_SH];
    in->back = to;
    in->back_through = child;
    in->back_from = from;
    in->back_out = handle;
}

static void move_on(struct intruder *in)
{
    struct sim_world *w = in->w;
    if (in->depth > 0)
        return;
    int client = worker(in, SIM_CURL), handle = sim_handle(w);
    struct intruder next = *in;
    next.depth++;
    next.host = (int)sim_below(w, (uint64_t)w->host_count);
    through_ssh(&next, client, handle);
    deeds(&next, 1 + (int)sim_below(w, 3));
    sim_add(in->s, SIM_RECV, client)->handle = handle;
    send_back(in, client);
    done(in, client);
}

static void through_web(struct intruder *in)
{
    struct sim_world *w = in->w;
    struct sim_place *place = in->place;
    int handle = sim_handle(w), client = sim_handle(w);
    int server = pick(w, place->worker, place->worker_count);
    in->host = place->web_host;
    struct sim_step *step = sim_add(in->s, SIM_COME, SIM_NONE);
    step->handle = client;
    step->n = place->web_listener;
    step->m = 0;
    step = sim_add(in->s, SIM_ACCEPT, server);
    step->handle = handle;
    step->handle2 = client;
    step->m = 0;
    sim_add(in->s, SIM_RECV, server)->handle = handle;
    int to = sim_handle(w), from = sim_handle(w), runs = server;
    if (place->backend != SIM_NONE && sim_chance(w, 60)) {
        /* the backend runs it, asked by a connection of its own */
        step = sim_add(in->s, SIM_CONNECT, server);
        step->handle = to;
        step->n = place->backend_listener;
        step = sim_add(in->s, SIM_SEND, server);
        step->handle = to;
        step->n = 30;
        step->mode = SIM_PUT_NOTHING;
        step = sim_add(in->s, SIM_ACCEPT, place->backend);
        step->handle = from;
        step->handle2 = to;
        sim_add(in->s, SIM_RECV, place->backend)->handle = from;
        runs = place->backend;
        in->back = from;
        in->back_through = server;
        in->back_from = to;
        in->back_out = handle;
    } else {
        in->back = handle;
        in->back_through = SIM_NONE;
    }
    in->shell = sim_process_plan(w, in->host, w->processes[runs].user);
    sim_add(in->s, SIM_FORK, runs)->q = in->shell;
    sim_add(in->s, SIM_TAKE, in->shell);
    sim_add(in->s, SIM_EXEC, in->shell)->name = place->tools[in->host][SIM_SH];
}

/* Somebody here fetches a script of the intruder's and runs it: through a pipe, or a file. */
static void through_fetch(struct intruder *in)
{
    struct sim_world *w = in->w;
    struct sim_place *place = in->place;
    int *tools = place->tools[in->host], to = sim_handle(w), from = sim_handle(w);
    int user = sim_plan_run(w, in->s, place->cron[in->host], tools[SIM_SH]);
    int link = sim_handle(w), script = staged(in, "/var/tmp");
    bool piped = sim_chance(w, 50);
    if (piped) {
        struct sim_step *step = sim_add(in->s, SIM_PIPE_OP, user);
        step->handle = to;
        step->handle2 = from;
    }
    int curl = sim_plan_run(w, in->s, user, tools[SIM_CURL]);
    struct sim_step *step = sim_add(in->s, SIM_CONNECT, curl);
    step->handle = link;
    step->n = SIM_NONE;
    step->m = 0;
    sim_add(in->s, SIM_RECV, curl)->handle = link;
    if (!piped)
        sim_plan_write(w, in->s, curl, script, SIM_OPEN_TRUNCATE, 60);
    in->shell = sim_plan_run(w, in->s, user, tools[SIM_SH]);
    if (piped) {
        step = sim_add(in->s, SIM_SEND, curl);
        step->handle = to;
        step->n = 60;
        step->mode = SIM_PUT_NOTHING;
        sim_add(in->s, SIM_RECV, in->shell)->handle = from;
    } else {
        sim_plan_read(w, in->s, in->shell, script, 0);
    }
    sim_add(in->s, SIM_EXIT, curl);
    sim_add(in->s, SIM_TAKE, in->shell);
    w->fetched = in->shell;
    in->back = sim_handle(w);
    in->back_through = SIM_NONE;
    step = sim_add(in->s, SIM_CONNECT, in->shell);
    step->handle = in->back;
    step->n = SIM_NONE;
    step->m = 0;
}

/* ---- All ---- */

static void deeds(struct intruder *in, int count)
{
    static void (*const DEEDS[])(struct intruder *) = {
        read_back, read_back,    send_outside, send_outside, stage,       stage,
        pipeline,  in_arguments, to_exit,      ask_servers,  ask_servers, drop_script,
        change,    trace_other,  from_outside, move_on};
    for (int i = 0; i < count && in->s->count < SIM_STEPS - 90; i++)
        DEEDS[sim_below(in->w, sizeof DEEDS / sizeof *DEEDS)](in);
}

void sim_intruder_plan(struct sim_world *w, struct sim_place *place)
{
    struct intruder in = {.w = w, .place = place, .s = sim_session_add(w)};
    in.host = place->entry_host;
    if (sim_chance(w, 40))
        through_ssh(&in, SIM_NONE, sim_handle(w));
    else if (sim_chance(w, 65))
        through_web(&in);
    else
        through_fetch(&in);
    deeds(&in, 1 + (int)sim_below(w, 7));
}

/* Somebody else runs what the intruder left, or takes it further. */
void sim_later_plan(struct sim_world *w, struct sim_place *place)
{
    int host = place->dropped_host;
    if (place->dropped == SIM_NONE)
        return;
    struct intruder in = {.w = w, .place = place, .s = sim_session_add(w), .host = host};
    sim_add(in.s, SIM_HAS, SIM_NONE)->name = place->dropped;
    in.shell = sim_process_plan(w, host, 0);
    sim_add(in.s, SIM_FORK, place->cron[host])->q = in.shell;
    sim_add(in.s, SIM_EXEC, in.shell)->name = place->dropped;
    take(&in, in.shell);
    send_outside(&in);
}
