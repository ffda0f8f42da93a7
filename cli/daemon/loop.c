#include "loop.h"

#include <btr/clock.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "follower.h"
#include "http.h"
#include "log.h"
#include "notify.h"

enum {
    STOP_LATE_MS = 5000, /* a stop that takes longer is told */
    STALL_MS = 300000,   /* the consumer did not come round for so long: unhealthy */
    STALL_WATCHDOGS = 5, /* or, with a watchdog, for so many of its times */
};

struct service {
    uv_loop_t loop;
    uv_signal_t term, interrupt, hup;
    uv_async_t wake;
    uv_timer_t watchdog, late;
    struct daemon_http *http;
    struct follower *follower;
    struct daemon_plan *plan; /* in use */
    const char *path;
    bool told_ready, stopping;
    uint64_t watchdog_ms; /* 0: none */
    int result;           /* of the follower, once it was joined */
    struct btr_err why;
    uint64_t reloads, reload_failures;
    int64_t start_ns;
};

/* ---- Pages ------------------------------------------------------------------------------------
 */

/* proc(5): pages of the whole, a blank, pages that are resident. */
static uint64_t resident_bytes(void)
{
    char line[128] = "";
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    const char *blank = fgets(line, sizeof line, file) ? strchr(line, ' ') : NULL;
    (void)fclose(file);
    if (blank)
        (void)btr_span_number(
            (struct btr_span){(const uint8_t *)blank + 1, strcspn(blank + 1, " ")}, 10, &pages);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t descriptors_open(void)
{
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        (void)closedir(folder);
    return count > 3 ? count - 3 : 0; /* ".", "..", and the folder's own */
}

static void process_figures(struct daemon_figures *out)
{
    struct rusage used;
    struct rlimit files;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        out->cpu_ms = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
                      (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        out->max_fds = files.rlim_cur;
    out->resident = resident_bytes();
    out->open_fds = descriptors_open();
}

static unsigned metrics_page(void *self, struct btr_buffer *out)
{
    struct service *d = self;
    struct daemon_figures figures = {
        .reloads = d->reloads,
        .reload_failures = d->reload_failures,
        .config_ns = d->plan->read_ns,
        .start_ns = d->start_ns,
        .log_suppressed = daemon_log_suppressed(),
    };
    follower_figures(d->follower, &figures);
    process_figures(&figures);
    daemon_metrics_page(out, &figures, follower_partitions, d->follower);
    return 200;
}

static bool healthy(const struct service *d, const struct daemon_figures *figures)
{
    uint64_t most_ms = d->watchdog_ms > 0 ? STALL_WATCHDOGS * d->watchdog_ms : STALL_MS;
    return figures->state != DAEMON_STOPPED && figures->step_age_ms < most_ms;
}

static unsigned state_page(struct btr_buffer *out, bool good, const struct daemon_figures *figures)
{
    btr_buffer_format(out, "%s\nstate=%s partitions=%llu broker_up=%d step_age_ms=%llu\n",
                      good ? "ok" : "not ok", daemon_state_names[figures->state],
                      (unsigned long long)figures->follow.partitions, figures->follow.broker_up,
                      (unsigned long long)figures->step_age_ms);
    return good ? 200 : 503;
}

static unsigned health_page(void *self, struct btr_buffer *out)
{
    const struct service *d = self;
    struct daemon_figures figures = {0};
    follower_figures(d->follower, &figures);
    return state_page(out, healthy(d, &figures), &figures);
}

static unsigned ready_page(void *self, struct btr_buffer *out)
{
    struct daemon_figures figures = {0};
    follower_figures(((struct service *)self)->follower, &figures);
    return state_page(out, figures.ready, &figures);
}

static const struct daemon_page PAGES[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics_page},
    {"/healthz", "text/plain; charset=utf-8", health_page},
    {"/readyz", "text/plain; charset=utf-8", ready_page},
    {NULL, NULL, NULL},
};

/* ---- SIGHUP -----------------------------------------------------------------------------------
 */

struct reload {
    struct daemon_plan *after;
    const struct daemon_plan *before;
    bool reopens, failed;
};

/* The daemon and its plan go on with the old value of what needs a restart. */
static void changed(void *self, const char *key, enum cli_config_apply apply)
{
    struct reload *r = self;
    daemon_log(apply == CLI_CONFIG_RESTART ? DAEMON_WARNING : DAEMON_INFO, "cli", "config_changed",
               "key", key, "takes", cli_config_apply_text(apply), NULL);
    r->reopens = r->reopens || apply == CLI_CONFIG_REOPENS;
    for (const struct cli_config_row *row = cli_config_table; row->key; row++) {
        if (apply == CLI_CONFIG_RESTART && strcmp(row->key, key) == 0)
            r->failed = r->failed || !cli_config_keep(&r->after->config, &r->before->config, row);
    }
}

static void warned(void *self, const char *line)
{
    (void)self;
    daemon_log(DAEMON_WARNING, "cli", "config_unsafe", "text", line, NULL);
}

static void reload_refuse(struct service *d, const char *why)
{
    d->reload_failures++;
    daemon_log(DAEMON_ERROR, "cli", "reload_failed", "reason", why, NULL);
}

static void reload(struct service *d)
{
    struct btr_err why = {0};
    struct daemon_plan *plan = NULL;
    if (daemon_plan_load(&plan, d->path, warned, d, &why) < 0) {
        reload_refuse(d, why.text);
        return;
    }
    struct reload r = {.after = plan, .before = d->plan};
    daemon_plan_compare(d->plan, plan, changed, &r);
    if (r.failed) {
        reload_refuse(d, "out of memory");
        daemon_plan_release(plan);
        return;
    }
    d->reloads++;
    daemon_log_level(plan->config.log_level);
    if (r.reopens)
        follower_replan(d->follower, plan);
    daemon_plan_release(d->plan);
    d->plan = plan;
    daemon_log(DAEMON_INFO, "cli", "reloaded", "path", d->path, "consumer",
               r.reopens ? "begins anew" : "goes on", NULL);
}

static void hup_came(uv_signal_t *handle, int number)
{
    struct service *d = handle->data;
    char lines[96];
    (void)number;
    if (d->stopping)
        return;
    (void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                   (long long)(btr_monotonic_ns() / 1000));
    daemon_notify(lines);
    reload(d);
    daemon_notify("READY=1\n");
}

/* ---- The end ----------------------------------------------------------------------------------
 */

static void stop_is_late(uv_timer_t *timer)
{
    (void)timer;
    daemon_log(DAEMON_WARNING, "cli", "stop_is_late", "text",
               "still sealing or leaving the group; a second signal ends it at once, and what was "
               "not published is read again",
               NULL);
}

static void stop_came(uv_signal_t *handle, int number)
{
    struct service *d = handle->data;
    if (d->stopping) {
        daemon_log(DAEMON_WARNING, "cli", "stopped_at_once", NULL);
        _exit(3);
    }
    d->stopping = true;
    daemon_log(DAEMON_INFO, "cli", "stopping", "signal", number == SIGINT ? "INT" : "TERM", NULL);
    daemon_notify("STOPPING=1\nSTATUS=sealing, leaving the group\n");
    follower_stop(d->follower);
    (void)uv_timer_start(&d->late, stop_is_late, STOP_LATE_MS, 0);
}

static void handle_close(uv_handle_t *handle, void *self)
{
    const struct service *d = self;
    if (handle->data == d && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* With no handle left the loop ends. */
static void handles_close(struct service *d)
{
    daemon_http_close(d->http);
    d->http = NULL;
    uv_walk(&d->loop, handle_close, d);
}

static void follower_woke(uv_async_t *handle)
{
    struct service *d = handle->data;
    if (follower_ended(d->follower)) {
        d->result = follower_join(d->follower, &d->why); /* nobody wakes us any more */
        handles_close(d);
    } else if (follower_opened(d->follower) && !d->told_ready) {
        d->told_ready = true;
        daemon_notify("READY=1\nSTATUS=consuming\n");
        daemon_log(DAEMON_INFO, "cli", "started", NULL);
    }
}

static void wake(void *self)
{
    struct service *d = self;
    (void)uv_async_send(&d->wake);
}

static void watchdog_ran(uv_timer_t *timer)
{
    struct service *d = timer->data;
    struct daemon_figures figures = {0};
    follower_figures(d->follower, &figures);
    if (healthy(d, &figures))
        daemon_notify("WATCHDOG=1\n");
    else
        daemon_log_often(DAEMON_ERROR, "cli", "stalled", "text",
                         "the consumer does not come round: the watchdog is left alone");
}

/* ---- The beginning ----------------------------------------------------------------------------
 */

static void handles_open(struct service *d)
{
    (void)uv_signal_init(&d->loop, &d->term);
    (void)uv_signal_init(&d->loop, &d->interrupt);
    (void)uv_signal_init(&d->loop, &d->hup);
    (void)uv_async_init(&d->loop, &d->wake, follower_woke);
    (void)uv_timer_init(&d->loop, &d->watchdog);
    (void)uv_timer_init(&d->loop, &d->late);
    d->term.data = d->interrupt.data = d->hup.data = d;
    d->wake.data = d->watchdog.data = d->late.data = d;
}

static void handles_start(struct service *d)
{
    (void)uv_signal_start(&d->term, stop_came, SIGTERM);
    (void)uv_signal_start(&d->interrupt, stop_came, SIGINT);
    (void)uv_signal_start(&d->hup, hup_came, SIGHUP);
    if (d->watchdog_ms > 0)
        (void)uv_timer_start(&d->watchdog, watchdog_ran, 0, (d->watchdog_ms + 1) / 2);
}

static int http_start(struct service *d, struct btr_err *err)
{
    char port[8];
    if (d->plan->config.listen.size == 0)
        return 0;
    int rc = daemon_http_open(&d->http, &d->loop, &d->plan->config.listen, PAGES, d, err);
    if (rc < 0)
        return rc;
    (void)snprintf(port, sizeof port, "%u", daemon_http_port(d->http));
    daemon_log(DAEMON_INFO, "cli", "listening", "port", port, NULL);
    return 0;
}

static int service_run(struct service *d, struct btr_err *err)
{
    handles_open(d);
    int rc = http_start(d, err);
    if (rc == 0)
        rc = follower_start(&d->follower, d->plan, wake, d, err);
    if (rc == 0)
        handles_start(d);
    else
        handles_close(d);
    (void)uv_run(&d->loop, UV_RUN_DEFAULT);
    if (rc == 0 && d->result < 0)
        *err = d->why;
    return rc < 0 ? rc : d->result;
}

int daemon_run(struct daemon_plan *plan, const char *path, struct btr_err *err)
{
    struct service d = {.plan = daemon_plan_hold(plan),
                        .path = path,
                        .watchdog_ms = daemon_watchdog_ms(),
                        .start_ns = btr_wall_ns()};
    daemon_log_level(plan->config.log_level);
    if (uv_loop_init(&d.loop) != 0) {
        daemon_plan_release(d.plan);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "no event loop");
    }
    int rc = service_run(&d, err);
    (void)uv_loop_close(&d.loop);
    daemon_plan_release(d.plan);
    daemon_log(rc < 0 ? DAEMON_ERROR : DAEMON_INFO, "cli", "stopped", "reason",
               rc < 0 ? err->text : "asked to", NULL);
    return rc;
}
