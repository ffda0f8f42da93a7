/* What goes on anyway, before, beside and after the intrusion. */
#include <stdio.h>

#include "sim.h"

static int pick(struct sim_world *w, const int *of, int count)
{
    return of[sim_below(w, (uint64_t)count)];
}

void sim_plan_read(struct sim_world *w, struct sim_session *s, int p, int name, int n)
{
    int handle = sim_handle(w);
    struct sim_step *step = sim_add(s, SIM_OPEN, p);
    step->handle = handle;
    step->name = name;
    step->mode = SIM_OPEN_READ;
    step = sim_add(s, SIM_READ, p);
    step->handle = handle;
    step->n = n;
    step->m = sim_chance(w, 30) ? 64 : 4096;
    sim_add(s, SIM_CLOSE, p)->handle = handle;
}

void sim_plan_write(struct sim_world *w, struct sim_session *s, int p, int name, int mode, int n)
{
    int handle = sim_handle(w), pieces = 1 + (int)sim_below(w, 2);
    struct sim_step *step = sim_add(s, SIM_OPEN, p);
    step->handle = handle;
    step->name = name;
    step->mode = mode;
    for (int i = 0; i < pieces; i++) {
        step = sim_add(s, SIM_WRITE, p);
        step->handle = handle;
        step->n = 1 + (int)sim_below(w, (uint64_t)n);
        step->mode = SIM_PUT_ANY;
    }
    sim_add(s, SIM_CLOSE, p)->handle = handle;
}

int sim_plan_run(struct sim_world *w, struct sim_session *s, int parent, int tool_name)
{
    int child = sim_process_plan(w, w->processes[parent].host, w->processes[parent].user);
    sim_add(s, SIM_FORK, parent)->q = child;
    sim_add(s, SIM_EXEC, child)->name = tool_name;
    return child;
}

/* ---- Servers ---- */

void sim_plan_hand_over(struct sim_session *s, int server, int child, int handle)
{
    struct sim_step *step = sim_add(s, SIM_FORK, server);
    step->q = child;
    step->at_once = true;
    step = sim_add(s, SIM_CLOSE, server);
    step->handle = handle;
    step->at_once = true;
}

/* A client comes, says something, and is accepted. @return its handle */
static int ask(struct sim_world *w, struct sim_session *s, int p, int m, int listener, int server,
               int handle)
{
    int client = sim_handle(w);
    struct sim_step *step = sim_add(s, p == SIM_NONE ? SIM_COME : SIM_CONNECT, p);
    step->handle = client;
    step->n = listener;
    step->m = m;
    if (p != SIM_NONE) {
        step = sim_add(s, SIM_SEND, p);
        step->handle = client;
        step->n = 1 + (int)sim_below(w, 40);
        step->mode = sim_chance(w, 80) ? SIM_PUT_NOTHING : SIM_PUT_ANY;
    }
    step = sim_add(s, SIM_ACCEPT, server);
    step->handle = handle;
    step->handle2 = client;
    step->m = m;
    return client;
}

static void answer(struct sim_world *w, struct sim_session *s, int server, int handle, int n)
{
    struct sim_step *step = sim_add(s, SIM_SEND, server);
    step->handle = handle;
    step->n = n;
    step->mode = sim_chance(w, 80) ? SIM_PUT_ALL : SIM_PUT_ANY;
}

static void hang_up(struct sim_session *s, int p, int client, int server, int handle)
{
    if (p != SIM_NONE) {
        sim_add(s, SIM_RECV, p)->handle = client;
        sim_add(s, SIM_CLOSE, p)->handle = client;
    }
    sim_add(s, SIM_CLOSE, server)->handle = handle;
}

static void backend_work(struct sim_world *w, struct sim_place *place, struct sim_session *s,
                         int worker)
{
    bool pooled = place->pool != SIM_NONE && worker == place->worker[0];
    int server = pooled ? place->pool + 1 : sim_handle(w), asset = (int)sim_below(w, 2), client;
    if (pooled) {
        client = place->pool;
        struct sim_step *step = sim_add(s, SIM_SEND, worker);
        step->handle = client;
        step->n = 20;
        step->mode = SIM_PUT_NOTHING;
        sim_add(s, SIM_RECV, place->backend)->handle = server;
    } else {
        client = ask(w, s, worker, 0, place->backend_listener, place->backend, server);
        sim_add(s, SIM_RECV, place->backend)->handle = server;
    }
    if (w->assets[asset].host == place->web_host && sim_chance(w, 60))
        sim_plan_read(w, s, place->backend, pick(w, place->files[asset], place->file_count[asset]),
                      0);
    answer(w, s, place->backend, server, 0);
    sim_add(s, SIM_RECV, worker)->handle = client;
    if (!pooled)
        hang_up(s, worker, client, place->backend, server);
}

void sim_plan_move(struct sim_world *w, struct sim_session *s, int p, int name, int to, int n)
{
    int handle = sim_handle(w);
    struct sim_step *step = sim_add(s, SIM_OPEN, p);
    step->handle = handle;
    step->name = name;
    step->mode = SIM_OPEN_READ;
    step = sim_add(s, SIM_MOVE, p);
    step->handle = handle;
    step->handle2 = to;
    step->n = n;
    sim_add(s, SIM_CLOSE, p)->handle = handle;
}

void sim_plan_web(struct sim_world *w, struct sim_place *place, struct sim_session *s, int p, int m)
{
    int worker = pick(w, place->worker, place->worker_count), handle = sim_handle(w);
    int client = ask(w, s, p, m, place->web_listener, worker, handle);
    sim_add(s, SIM_RECV, worker)->handle = handle;
    int name = pick(w, place->files[0], place->file_count[0]);
    switch (sim_below(w, 5)) {
    case 0: /* out of its memory */
        break;
    case 1:
        sim_plan_move(w, s, worker, name, handle, 0);
        break;
    case 2:
        if (place->backend != SIM_NONE) {
            backend_work(w, place, s, worker);
            break;
        }
        sim_plan_read(w, s, worker, name, 0);
        break;
    default:
        sim_plan_read(w, s, worker, name, sim_chance(w, 25) ? 1 + (int)sim_below(w, 90) : 0);
        break;
    }
    answer(w, s, worker, handle, 0);
    hang_up(s, p, client, worker, handle);
}

void sim_plan_proxy(struct sim_world *w, struct sim_place *place, struct sim_session *s, int p,
                    int m)
{
    int handle = sim_handle(w);
    int client = ask(w, s, p, m, place->proxy_listener, place->proxy, handle);
    sim_add(s, SIM_RECV, place->proxy)->handle = handle;
    if (sim_chance(w, 50))
        sim_plan_web(w, place, s, place->proxy, 0);
    answer(w, s, place->proxy, handle, 0);
    hang_up(s, p, client, place->proxy, handle);
}

void sim_plan_query(struct sim_world *w, struct sim_place *place, struct sim_session *s, int p,
                    int m)
{
    int handle = sim_handle(w), child = place->db;
    int client = ask(w, s, p, m, place->db_listener, place->db, handle);
    bool forks = sim_chance(w, 50);
    if (forks) {
        child = sim_process_plan(w, place->db_host, w->processes[place->db].user);
        sim_plan_hand_over(s, place->db, child, handle);
    }
    sim_add(s, SIM_RECV, child)->handle = handle;
    int name = pick(w, place->files[2], place->file_count[2]);
    if (sim_chance(w, 70))
        sim_plan_read(w, s, child, name, sim_chance(w, 40) ? 1 + (int)sim_below(w, 120) : 0);
    if (sim_chance(w, 35))
        sim_plan_write(w, s, child, name, sim_chance(w, 50) ? SIM_OPEN_APPEND : SIM_OPEN_BOTH, 60);
    answer(w, s, child, handle, 1 + (int)sim_below(w, 200));
    hang_up(s, p, client, child, handle);
    if (forks)
        sim_add(s, SIM_EXIT, child);
}

/* ---- Jobs ---- */

static void backup(struct sim_world *w, struct sim_place *place, struct sim_session *s)
{
    int asset = (int)sim_below(w, 4), host = w->assets[asset].host;
    int tar = sim_plan_run(w, s, place->cron[host], place->tools[host][SIM_TAR]);
    char path[48], other[48];
    bool kept = w->assets[4].host == host && sim_chance(w, 60);
    int number = place->stage_count++;
    snprintf(path, sizeof path, kept ? "/srv/backup/b%d.tgz" : "/var/tmp/b%d.tgz", number);
    snprintf(other, sizeof other, kept ? "/srv/backup/old%d.tgz" : "/var/tmp/old%d.tgz", number);
    for (int i = 0; i < place->file_count[asset]; i++)
        sim_plan_read(w, s, tar, place->files[asset][i], 0);
    sim_plan_write(w, s, tar, sim_name_add(w, host, path), SIM_OPEN_TRUNCATE,
                   1 + (int)sim_below(w, 120));
    if (sim_chance(w, 30)) {
        struct sim_step *step = sim_add(s, SIM_RENAME, tar);
        step->name = sim_name_add(w, host, path);
        step->name2 = sim_name_add(w, host, other);
    }
    sim_add(s, SIM_EXIT, tar);
}

static void login(struct sim_world *w, struct sim_place *place, struct sim_session *s)
{
    int host = (int)sim_below(w, (uint64_t)w->host_count), sshd = place->sshd[host];
    int handle = sim_handle(w), to = sim_handle(w), from = sim_handle(w);
    int m = 1 + (int)sim_below(w, 2);
    ask(w, s, SIM_NONE, m, place->ssh_listener[host], sshd, handle);
    int child = sim_process_plan(w, host, 0);
    sim_plan_hand_over(s, sshd, child, handle);
    sim_add(s, SIM_RECV, child)->handle = handle;
    sim_plan_read(w, s, child, place->shadow[host], 0);
    struct sim_step *step = sim_add(s, SIM_PIPE_OP, child);
    step->handle = to;
    step->handle2 = from;
    int shell = sim_plan_run(w, s, child, place->tools[host][SIM_SH]);
    int asset = (int)sim_below(w, 2);
    if (w->assets[asset].host == host && sim_chance(w, 50))
        sim_plan_read(w, s, shell, pick(w, place->files[asset], place->file_count[asset]), 0);
    answer(w, s, shell, to, 0);
    sim_add(s, SIM_RECV, child)->handle = from;
    answer(w, s, child, handle, 0);
    sim_add(s, SIM_EXIT, shell);
    sim_add(s, SIM_EXIT, child);
}

static void log_line(struct sim_world *w, struct sim_place *place, struct sim_session *s)
{
    int host = (int)sim_below(w, (uint64_t)w->host_count), handle = sim_handle(w);
    int speakers[] = {place->sshd[host], place->cron[host],
                      host == place->web_host ? place->worker[0] : place->sshd[host]};
    int p = pick(w, speakers, 3), logd = place->logd[host];
    int client = ask(w, s, p, 0, place->log_listener[host], logd, handle);
    sim_add(s, SIM_RECV, logd)->handle = handle;
    sim_plan_write(w, s, logd, sim_name_add(w, host, "/var/log/syslog"), SIM_OPEN_APPEND, 80);
    hang_up(s, p, client, logd, handle);
}

static void edit(struct sim_world *w, struct sim_place *place, struct sim_session *s)
{
    static const int MODES[] = {SIM_OPEN_TRUNCATE, SIM_OPEN_APPEND, SIM_OPEN_WRITE, SIM_OPEN_BOTH};
    int asset = (int)sim_below(w, 2), host = w->assets[asset].host;
    int name = pick(w, place->files[asset], place->file_count[asset]);
    int p = sim_plan_run(w, s, place->cron[host], place->tools[host][SIM_CP]);
    if (sim_chance(w, 40))
        sim_plan_read(w, s, p, name, 0);
    int way = (int)sim_below(w, 6);
    if (way < 4) {
        sim_plan_write(w, s, p, name, MODES[way], 100);
    } else {
        char path[48];
        snprintf(path, sizeof path, "/var/tmp/new%d", place->stage_count++);
        int other = sim_name_add(w, host, path);
        if (way == 5)
            sim_add(s, SIM_DELETE, p)->name = name;
        sim_plan_write(w, s, p, other, SIM_OPEN_TRUNCATE, 150);
        struct sim_step *step = sim_add(s, SIM_RENAME, p);
        step->name = other;
        step->name2 = name;
    }
    sim_add(s, SIM_EXIT, p);
}

static void copy(struct sim_world *w, struct sim_place *place, struct sim_session *s)
{
    int asset = (int)sim_below(w, 2), host = w->assets[asset].host;
    char path[48];
    int p = sim_plan_run(w, s, place->cron[host], place->tools[host][SIM_CP]);
    sim_plan_read(w, s, p, pick(w, place->files[asset], place->file_count[asset]), 0);
    snprintf(path, sizeof path, "/home/u%d", (int)sim_below(w, 3));
    sim_plan_write(w, s, p, sim_name_add(w, host, path), SIM_OPEN_TRUNCATE, 200);
    sim_add(s, SIM_EXIT, p);
}

static void update(struct sim_world *w, struct sim_place *place, struct sim_session *s)
{
    int host = (int)sim_below(w, (uint64_t)w->host_count), handle = sim_handle(w);
    int p = sim_plan_run(w, s, place->cron[host], place->tools[host][SIM_CURL]);
    struct sim_step *step = sim_add(s, SIM_CONNECT, p);
    step->handle = handle;
    step->n = SIM_NONE;
    step->m = 1 + (int)sim_below(w, 2);
    answer(w, s, p, handle, 40);
    sim_add(s, SIM_RECV, p)->handle = handle;
    if (sim_chance(w, 50))
        sim_plan_web(w, place, s, p, 0);
    if (sim_chance(w, 30))
        sim_plan_query(w, place, s, p, 0);
    sim_add(s, SIM_EXIT, p);
}

static void benign_one(struct sim_world *w, struct sim_place *place)
{
    struct sim_session *s = sim_session_add(w);
    int m = 1 + (int)sim_below(w, 2);
    switch (sim_below(w, 12)) {
    case 0:
    case 1:
        sim_plan_web(w, place, s, SIM_NONE, m);
        break;
    case 2:
        sim_plan_proxy(w, place, s, SIM_NONE, m);
        break;
    case 3:
    case 4:
        backup(w, place, s);
        break;
    case 5:
        login(w, place, s);
        break;
    case 6:
        log_line(w, place, s);
        break;
    case 7:
    case 8:
        edit(w, place, s);
        break;
    case 9:
        copy(w, place, s);
        break;
    case 10:
        update(w, place, s);
        break;
    default: {
        int host = (int)sim_below(w, (uint64_t)w->host_count);
        int p = sim_plan_run(w, s, place->cron[host], place->tools[host][SIM_CURL]);
        sim_plan_query(w, place, s, p, 0);
        sim_add(s, SIM_EXIT, p);
        break;
    }
    }
}

void sim_benign_plan(struct sim_world *w, struct sim_place *place, int count)
{
    for (int i = 0; i < count; i++)
        benign_one(w, place);
}
