#include "follower.h"

#include <btr/clock.h>
#include <btr/escape.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "known.h"
#include "log.h"

enum { STEP_MS = 200, DELAY_MIN_MS = 1000, DELAY_MAX_MS = 60000, LASTED_S = 60, DISK_S = 5 };

struct follower {
    pthread_t thread;
    pthread_mutex_t lock; /* of all down to the line */
    pthread_cond_t turned;
    struct daemon_plan *next; /* to go on with; NULL: none */
    bool stop;
    enum daemon_state state;
    struct btr_follow *follow;      /* that runs */
    struct btr_follow_stats before; /* counters of those that ran, and their last publish */
    uint64_t failures, openings, delay_ms, store_free;
    /* ---- */
    atomic_int_fast64_t stepped_ns; /* monotonic */
    atomic_uint_fast64_t plans_refused;
    atomic_bool opened, ended;
    void (*wake)(void *self);
    void *wake_self;

    /* Of the thread alone, until it was joined. */
    struct daemon_plan *plan;
    char *store_path;
    int result;
    struct btr_err why; /* of `result` */
    bool was_open;      /* the store and the broker's client, once */
    bool lasted;        /* the last session came further than its opening */
    int64_t disk_ns;    /* when the disk was last asked, monotonic */
};

static void state_set(struct follower *f, enum daemon_state state)
{
    (void)pthread_mutex_lock(&f->lock);
    f->state = state;
    (void)pthread_mutex_unlock(&f->lock);
}

static bool turned(struct follower *f)
{
    (void)pthread_mutex_lock(&f->lock);
    bool is = f->stop || f->next;
    (void)pthread_mutex_unlock(&f->lock);
    return is;
}

static void stepped(struct follower *f)
{
    atomic_store(&f->stepped_ns, btr_monotonic_ns());
}

/* ---- A session: everything open ----------------------------------------------------------------
 */

struct session {
    struct follower *f;
    struct cli_known store;
    struct btr_kafka_setting *settings;
    struct btr_topics *topics;
    struct btr_follow *follow;
};

static void note(void *self, const char *line)
{
    (void)self;
    daemon_log_often(DAEMON_WARNING, "ingest", "note", "text", line);
}

/* Lines of the client library: they name hosts and errors that others chose. */
static void library_log(void *self, int level, const char *line)
{
    (void)self;
    struct btr_buffer text = {0};
    btr_escape_terminal(&text, btr_span_of(line));
    btr_buffer_u8(&text, 0);
    enum daemon_level as = level <= 3   ? DAEMON_ERROR
                           : level <= 5 ? DAEMON_WARNING
                           : level == 6 ? DAEMON_INFO
                                        : DAEMON_DEBUG;
    if (!text.failed)
        daemon_log_often(as, "kafka", "library", "text", (const char *)text.at);
    btr_buffer_fini(&text);
}

/* A folder that is there is opened at once, and not when the first batch comes. */
static int store_open(struct session *s, struct btr_err *err)
{
    struct follower *f = s->f;
    struct cli_retention retention = {(uint32_t)f->plan->config.retention_days,
                                      (uint32_t)f->plan->config.retention_record_days};
    if (mkdir(f->store_path, 0700) != 0 && errno != EEXIST)
        return btr_fail(err, btr_code_of_errno(errno), UINT64_MAX, "%s: %s", f->store_path,
                        strerror(errno));
    return cli_known_open(&s->store, f->store_path, retention, err);
}

static int session_open(struct session *s, struct btr_err *err)
{
    const struct daemon_plan *plan = s->f->plan;
    int rc = store_open(s, err);
    if (rc < 0)
        return rc;
    s->settings = calloc(daemon_plan_settings(plan) + 1, sizeof *s->settings);
    if (!s->settings)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    struct btr_kafka_options kafka = daemon_plan_kafka(plan, s->settings);
    kafka.log = library_log;
    rc = btr_kafka_open(&s->topics, &kafka, err);
    if (rc < 0)
        return rc;
    struct btr_follow_options options = daemon_plan_follow(plan);
    options.known = &s->store.known;
    options.note = note;
    return btr_follow_open(&s->follow, s->topics, &options, &s->store.sink, err);
}

static void session_show(struct follower *f, struct btr_follow *follow)
{
    (void)pthread_mutex_lock(&f->lock);
    f->follow = follow;
    f->state = DAEMON_RUNNING;
    (void)pthread_mutex_unlock(&f->lock);
}

static void session_close(struct session *s)
{
    struct follower *f = s->f;
    struct btr_follow_stats last = {0};
    if (s->follow)
        btr_follow_stats(s->follow, &last);
    (void)pthread_mutex_lock(&f->lock);
    daemon_counters_add(&f->before, &last);
    if (last.last_publish_ns > 0)
        f->before.last_publish_ns = last.last_publish_ns;
    f->follow = NULL;
    (void)pthread_mutex_unlock(&f->lock);
    f->lasted = f->lasted || last.last_publish_ns > 0;
    if (s->follow)
        btr_follow_free(s->follow);
    if (s->topics)
        btr_topics_close(s->topics);
    cli_known_close(&s->store);
    free(s->settings);
}

static void disk_look(struct follower *f)
{
    struct statvfs disk;
    int64_t now_ns = btr_monotonic_ns();
    if (now_ns - f->disk_ns < DISK_S * INT64_C(1000000000))
        return;
    f->disk_ns = now_ns;
    if (statvfs(f->store_path, &disk) != 0)
        return;
    (void)pthread_mutex_lock(&f->lock);
    f->store_free = (uint64_t)disk.f_bavail * disk.f_frsize;
    (void)pthread_mutex_unlock(&f->lock);
}

static int session_steps(struct session *s, struct btr_err *err)
{
    struct follower *f = s->f;
    int rc = 1;
    while (rc > 0 && !turned(f)) {
        rc = btr_follow_step(s->follow, STEP_MS, err);
        stepped(f);
        disk_look(f);
    }
    if (rc < 0)
        return rc;
    state_set(f, DAEMON_STOPPING);
    return btr_follow_stop(s->follow, false, err);
}

static void opened(struct follower *f)
{
    if (!atomic_exchange(&f->opened, true))
        f->wake(f->wake_self);
}

/* @return 0 when it was to stop or begin anew, or a failure */
static int session(struct follower *f, struct btr_err *err)
{
    struct session s = {.f = f};
    (void)pthread_mutex_lock(&f->lock);
    f->state = DAEMON_OPENING;
    f->openings++;
    (void)pthread_mutex_unlock(&f->lock);
    stepped(f);
    f->lasted = false;
    f->disk_ns = 0;
    int rc = session_open(&s, err);
    stepped(f);
    disk_look(f);
    if (rc == 0) {
        int64_t began_ns = btr_monotonic_ns();
        f->was_open = true;
        daemon_log(DAEMON_INFO, "ingest", "consuming", "store", f->store_path, "group",
                   f->plan->config.group, NULL);
        session_show(f, s.follow);
        opened(f);
        rc = session_steps(&s, err);
        f->lasted = btr_monotonic_ns() - began_ns > LASTED_S * INT64_C(1000000000);
    }
    session_close(&s);
    stepped(f);
    return rc;
}

/* ---- The thread ---------------------------------------------------------------------------------
 */

/* What a human has to mend before a first start makes sense; the disk and the broker may come back.
 */
static bool failure_is_final(const struct follower *f, int rc)
{
    return !f->was_open && rc != BTR_E_IO && rc != BTR_E_FULL && rc != BTR_E_NOMEM;
}

static void delay_wait(struct follower *f, uint64_t delay_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(delay_ms / 1000);
    (void)pthread_mutex_lock(&f->lock);
    f->failures++;
    f->delay_ms = delay_ms;
    f->state = DAEMON_WAITING;
    int rc = 0;
    while (!f->stop && !f->next && rc == 0)
        rc = pthread_cond_timedwait(&f->turned, &f->lock, &until);
    f->delay_ms = 0;
    (void)pthread_mutex_unlock(&f->lock);
}

static void failure_tell(const struct btr_err *why, uint64_t delay_ms)
{
    char text[BTR_ERR_TEXT_SIZE + 64];
    (void)snprintf(text, sizeof text, "%s; again in %llu s", why->text,
                   (unsigned long long)delay_ms / 1000);
    daemon_log_often(DAEMON_ERROR, "ingest", "consumer_failed", "reason", text);
}

/* What only the client library can refuse is refused here, and the plan of before goes on. */
static void plan_change(struct follower *f, struct daemon_plan *next)
{
    struct btr_err why = {0};
    if (daemon_plan_try(next, &why) == 0) {
        daemon_plan_release(f->plan);
        f->plan = next;
        return;
    }
    daemon_log(DAEMON_ERROR, "cli", "reload_failed", "reason", why.text, NULL);
    atomic_fetch_add(&f->plans_refused, 1);
    daemon_plan_release(next);
}

/* @return whether to go on */
static bool plan_take(struct follower *f)
{
    (void)pthread_mutex_lock(&f->lock);
    bool stop = f->stop;
    struct daemon_plan *next = f->next;
    f->next = NULL;
    (void)pthread_mutex_unlock(&f->lock);
    if (next)
        plan_change(f, next);
    return !stop;
}

static void *run(void *self)
{
    struct follower *f = self;
    uint64_t delay_ms = DELAY_MIN_MS;
    while (plan_take(f)) {
        struct btr_err why = {0};
        int rc = session(f, &why);
        f->result = rc;
        f->why = why;
        if (rc == 0) {
            delay_ms = DELAY_MIN_MS;
            continue;
        }
        if (failure_is_final(f, rc))
            break;
        delay_ms = f->lasted ? DELAY_MIN_MS : delay_ms;
        failure_tell(&why, delay_ms);
        opened(f);
        delay_wait(f, delay_ms);
        f->result = 0; /* it is known; a stop while it waits is none */
        delay_ms = delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : delay_ms * 2;
    }
    state_set(f, DAEMON_STOPPED);
    atomic_store(&f->opened, true);
    atomic_store(&f->ended, true);
    f->wake(f->wake_self);
    return NULL;
}

/* ---- From other threads -------------------------------------------------------------------------
 */

int follower_start(struct follower **out, struct daemon_plan *plan, void (*wake)(void *self),
                   void *self, struct btr_err *err)
{
    pthread_condattr_t monotonic;
    struct follower *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f || !(f->store_path = strdup(plan->config.store_path))) {
        free(f);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    f->plan = daemon_plan_hold(plan);
    f->wake = wake;
    f->wake_self = self;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&f->turned, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    stepped(f);
    int rc = pthread_create(&f->thread, NULL, run, f);
    if (rc != 0) {
        daemon_plan_release(f->plan);
        free(f->store_path);
        free(f);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "no thread: %s", strerror(rc));
    }
    *out = f;
    return 0;
}

void follower_replan(struct follower *f, struct daemon_plan *plan)
{
    (void)pthread_mutex_lock(&f->lock);
    daemon_plan_release(f->next);
    f->next = daemon_plan_hold(plan);
    (void)pthread_cond_signal(&f->turned);
    (void)pthread_mutex_unlock(&f->lock);
}

void follower_stop(struct follower *f)
{
    (void)pthread_mutex_lock(&f->lock);
    f->stop = true;
    (void)pthread_cond_signal(&f->turned);
    (void)pthread_mutex_unlock(&f->lock);
}

bool follower_opened(struct follower *f)
{
    return atomic_load(&f->opened);
}

bool follower_ended(struct follower *f)
{
    return atomic_load(&f->ended);
}

void follower_figures(struct follower *f, struct daemon_figures *out)
{
    struct btr_follow_stats now = {0};
    (void)pthread_mutex_lock(&f->lock);
    if (f->follow)
        btr_follow_stats(f->follow, &now);
    out->ready =
        f->follow && f->state == DAEMON_RUNNING && (now.partitions > 0 || now.rebalances > 0);
    daemon_counters_add(&now, &f->before);
    if (now.last_publish_ns == 0)
        now.last_publish_ns = f->before.last_publish_ns;
    out->follow = now;
    out->state = f->state;
    out->failures = f->failures;
    out->openings = f->openings;
    out->retry_delay_ms = f->delay_ms;
    out->store_free = f->store_free;
    (void)pthread_mutex_unlock(&f->lock);
    int64_t age_ns = btr_monotonic_ns() - atomic_load(&f->stepped_ns);
    out->reload_failures += atomic_load(&f->plans_refused);
    /* A large store may take its time to open: its starter bounds that. */
    out->step_age_ms = out->state == DAEMON_RUNNING && age_ns > 0 ? (uint64_t)age_ns / 1000000 : 0;
}

void follower_partitions(void *self, btr_follow_visit *visit, void *visit_self)
{
    struct follower *f = self;
    (void)pthread_mutex_lock(&f->lock);
    if (f->follow)
        btr_follow_partitions(f->follow, visit, visit_self);
    (void)pthread_mutex_unlock(&f->lock);
}

int follower_join(struct follower *f, struct btr_err *err)
{
    (void)pthread_join(f->thread, NULL);
    int rc = f->result;
    if (rc < 0 && err)
        *err = f->why;
    daemon_plan_release(f->plan);
    daemon_plan_release(f->next);
    (void)pthread_cond_destroy(&f->turned);
    (void)pthread_mutex_destroy(&f->lock);
    free(f->store_path);
    free(f);
    return rc;
}
