/* One history of a seed: hosts, what they have and who serves there, and what happens. */
#include <stdio.h>

#include "sim.h"

#define MS INT64_C(1000000)

static int listener_add(struct sim_world *w, int host, int process, uint16_t port, const char *path)
{
    struct sim_listener *l = &w->listeners[w->listener_count];
    *l = (struct sim_listener){.host = host, .process = process, .port = port};
    snprintf(l->path, sizeof l->path, "%s", path);
    return w->listener_count++;
}

/* ---- What a history is like ---- */

static void nature_choose(struct sim_world *w)
{
    w->jitter_ns = sim_chance(w, 50) ? 3 * MS : 0;
    w->whole_flows = sim_chance(w, 25);
    w->quiet = sim_chance(w, 20);
    w->drop = sim_chance(w, 15) ? 5 + (int)sim_below(w, 30) : 0;
}

static void host_nature(struct sim_world *w, struct sim_host *h)
{
    h->skew_ns = w->whole_flows || sim_chance(w, 70) ? 0 : (int64_t)sim_below(w, 7) * MS - 3 * MS;
    for (int user = 0; user < SIM_USERS; user++)
        h->told[user] = w->quiet && sim_chance(w, 60) ? (uint8_t)sim_below(w, 3)
                                                      : SIM_TOLD_READS | SIM_TOLD_WRITES;
}

/* ---- What there is ---- */

static void assets_place(struct sim_world *w, struct sim_place *place)
{
    static const char *const FOLDERS[] = {"/srv/docs/",  "/srv/secret/", "/var/lib/db/",
                                          "/etc/shadow", "/srv/backup/", "/media/usb/"};
    int hosts[] = {place->web_host,   (int)sim_below(w, (uint64_t)w->host_count), place->db_host,
                   place->entry_host, (int)sim_below(w, (uint64_t)w->host_count), place->exit_host};
    for (int a = 0; a < SIM_ASSETS; a++) {
        struct sim_asset *asset = &w->assets[w->asset_count++];
        *asset = (struct sim_asset){.host = hosts[a], .is_exit = a == 5};
        snprintf(asset->folder, sizeof asset->folder, "%s", FOLDERS[a]);
    }
}

static void files_place(struct sim_world *w, struct sim_place *place)
{
    char path[48];
    for (int a = 0; a < 3; a++) {
        place->file_count[a] = 1 + (int)sim_below(w, 4);
        for (int i = 0; i < place->file_count[a]; i++) {
            snprintf(path, sizeof path, "%sf%d", w->assets[a].folder, i);
            place->files[a][i] =
                sim_file_add(w, w->assets[a].host, path, 1 + (int)sim_below(w, 250));
        }
    }
    for (int host = 0; host < w->host_count; host++)
        place->shadow[host] = sim_file_add(w, host, "/etc/shadow", 80);
    place->files[3][0] = place->shadow[place->entry_host];
    place->file_count[3] = 1;
    place->files[4][0] = sim_file_add(w, w->assets[4].host, "/srv/backup/first.tgz", 50);
    place->file_count[4] = 1;
}

static void tools_place(struct sim_world *w, struct sim_place *place)
{
    static const char *const TOOLS[] = {"/usr/bin/sh",   "/usr/bin/cat",  "/usr/bin/tar",
                                        "/usr/bin/gzip", "/usr/bin/curl", "/usr/bin/cp"};
    for (int host = 0; host < w->host_count; host++)
        for (int i = 0; i < 6; i++)
            place->tools[host][i] = sim_file_add(w, host, TOOLS[i], 100);
}

static void daemons_place(struct sim_world *w, struct sim_place *place)
{
    for (int host = 0; host < w->host_count; host++) {
        place->sshd[host] = sim_process_first(w, host, "/usr/sbin/sshd");
        place->cron[host] = sim_process_first(w, host, "/usr/sbin/cron");
        place->logd[host] = sim_process_first(w, host, "/usr/sbin/rsyslogd");
        place->ssh_listener[host] = listener_add(w, host, place->sshd[host], 22, "");
        place->log_listener[host] = listener_add(w, host, place->logd[host], 0, "/dev/log");
    }
    place->worker_count = 1 + (int)sim_below(w, 2);
    for (int i = 0; i < place->worker_count; i++) {
        place->worker[i] = sim_process_first(w, place->web_host, "/usr/sbin/nginx");
        w->processes[place->worker[i]].user = 1;
    }
    place->web_listener = listener_add(w, place->web_host, place->worker[0], 80, "");
    place->backend = SIM_NONE;
    if (sim_chance(w, 60)) {
        place->backend = sim_process_first(w, place->web_host, "/usr/sbin/php-fpm");
        w->processes[place->backend].user = 1;
        place->backend_listener =
            listener_add(w, place->web_host, place->backend, 0, "/run/app.sock");
    }
    place->proxy = sim_process_first(w, place->proxy_host, "/usr/sbin/squid");
    place->proxy_listener = listener_add(w, place->proxy_host, place->proxy, 8080, "");
    place->db = sim_process_first(w, place->db_host, "/usr/sbin/dbd");
    w->processes[place->db].keeper = 2;
    w->processes[place->db].user = 2;
    place->db_listener = listener_add(w, place->db_host, place->db, 5432, "");
}

/* The worker's lasting connection to its backend, from the beginning on. */
static void pool_plan(struct sim_world *w, struct sim_place *place)
{
    place->pool = SIM_NONE;
    if (place->backend == SIM_NONE || !sim_chance(w, 40))
        return;
    struct sim_session *s = sim_session_add(w);
    place->pool = sim_handle(w);
    int server = sim_handle(w);
    struct sim_step *step = sim_add(s, SIM_CONNECT, place->worker[0]);
    step->handle = place->pool;
    step->n = place->backend_listener;
    step = sim_add(s, SIM_ACCEPT, place->backend);
    step->handle = server;
    step->handle2 = place->pool;
}

void sim_history_make(struct sim_world *w, uint64_t seed)
{
    struct sim_place place = {.dropped = SIM_NONE};
    struct btr_arena *arena = w->arena;
    struct btr_batch batch = w->batch;
    bool verbose = w->verbose;
    memset(w, 0, offsetof(struct sim_world, sessions));
    w->session_count = w->handle_count = w->port_count = w->alerts = 0;
    w->host_count = w->asset_count = w->process_count = w->name_count = w->inode_count = 0;
    w->open_count = w->talk_count = w->listener_count = 0;
    w->out = w->handed = (struct sim_load){0};
    w->fetched = SIM_NONE;
    w->event_count = w->alert_serial = 0;
    w->arena = arena;
    w->batch = batch;
    w->verbose = verbose;
    w->seed = seed;
    w->random = (struct test_random){seed * UINT64_C(0x2545f4914f6cdd1d) + 1};
    btr_arena_reset(w->arena);
    btr_batch_clear(&w->batch);
    nature_choose(w);
    int host_count = 2 + (int)sim_below(w, 3);
    for (int i = 0; i < host_count; i++)
        host_nature(w, &w->hosts[sim_host_add(w)]);
    place.db_host = 1;
    place.proxy_host = (int)sim_below(w, (uint64_t)host_count);
    place.entry_host = (int)sim_below(w, (uint64_t)host_count);
    place.exit_host = (int)sim_below(w, (uint64_t)host_count);
    assets_place(w, &place);
    files_place(w, &place);
    tools_place(w, &place);
    daemons_place(w, &place);
    pool_plan(w, &place);
    sim_benign_plan(w, &place, (int)sim_below(w, 12));
    sim_intruder_plan(w, &place);
    sim_benign_plan(w, &place, (int)sim_below(w, 6));
    sim_later_plan(w, &place);
    sim_run(w);
    sim_holes_end(w);
}
