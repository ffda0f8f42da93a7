#include "merge_thread.h"

#include <pthread.h>
#include <unistd.h>

#include "merge.h"
#include "prune.h"

enum { LOWEST_PRIORITY = 19 };

struct store_merge_thread {
    struct store_merger merger; /* the thread's */
    pthread_t thread;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    bool due, stop;
    uint32_t waiting;           /* segments in full tiers, as the last plan saw them */
    struct btr_merge_stat stat; /* a copy of the merger's */
    struct btr_err failure;     /* code 0: none; else there is no more merging */
    struct btr_prune_options retention;
    bool prune_due, pruning; /* only with retention */
    struct btr_prune_stat pruned;
    struct btr_err prune_failure; /* code 0: none; else there is no more pruning */
};

static bool is_stopped(void *self)
{
    struct store_merge_thread *t = self;
    (void)pthread_mutex_lock(&t->mutex);
    bool stop = t->stop;
    (void)pthread_mutex_unlock(&t->mutex);
    return stop;
}

/* ---- Retention ------------------------------------------------------------------------------ */

static void pruned_add(struct btr_prune_stat *sum, const struct btr_prune_stat *more)
{
    sum->segments += more->segments;
    sum->events += more->events;
    sum->bytes += more->bytes;
    sum->record_files += more->record_files;
    sum->records += more->records;
    sum->record_bytes += more->record_bytes;
    sum->held_segments = more->held_segments;
    sum->held_events = more->held_events;
    sum->held_record_files = more->held_record_files;
}

/* Prunes when it is due, with the mutex held at the beginning and at the end. */
static void prune_step(struct store_merge_thread *t)
{
    struct btr_prune_options options = t->retention;
    struct btr_prune_stat stat;
    struct btr_err err = {0};
    if (!t->prune_due || t->prune_failure.code != 0)
        return;
    t->prune_due = false;
    t->pruning = true;
    (void)pthread_mutex_unlock(&t->mutex);
    int rc = store_prune(t->merger.store, t->merger.catalog, &options, &stat, NULL, NULL, &err);
    (void)pthread_mutex_lock(&t->mutex);
    t->pruning = false;
    if (rc < 0)
        t->prune_failure = err;
    else
        pruned_add(&t->pruned, &stat);
    (void)pthread_cond_broadcast(&t->changed);
}

void store_merge_thread_retain(struct store_merge_thread *t, uint32_t days, uint32_t record_days)
{
    (void)pthread_mutex_lock(&t->mutex);
    t->retention = (struct btr_prune_options){.before_ns = INT64_MIN,
                                              .records_before_ns = INT64_MIN,
                                              .keep_days = days,
                                              .keep_record_days = record_days};
    t->prune_due = days + record_days > 0;
    t->due = true;
    (void)pthread_cond_broadcast(&t->changed);
    (void)pthread_mutex_unlock(&t->mutex);
}

int store_merge_thread_retained(struct store_merge_thread *t, struct btr_prune_stat *out,
                                struct btr_err *err)
{
    (void)pthread_mutex_lock(&t->mutex);
    while ((t->prune_due || t->pruning) && t->prune_failure.code == 0)
        (void)pthread_cond_wait(&t->changed, &t->mutex);
    *out = t->pruned;
    int code = t->prune_failure.code;
    if (code < 0 && err)
        *err = t->prune_failure;
    (void)pthread_mutex_unlock(&t->mutex);
    return code;
}

/* ---- The thread ----------------------------------------------------------------------------- */

/* One merge, without the mutex. @return whether there may be another */
static bool merge_step(struct store_merge_thread *t)
{
    struct btr_err err = {0};
    int rc = store_merge_once(&t->merger, false, is_stopped, t, &err);
    (void)pthread_mutex_lock(&t->mutex);
    if (rc < 0)
        t->failure = err;
    t->stat = t->merger.stat;
    t->waiting = rc > 0 ? t->merger.waiting : 0;
    (void)pthread_cond_broadcast(&t->changed);
    prune_step(t);
    (void)pthread_mutex_unlock(&t->mutex);
    return rc > 0;
}

static void *merge_run(void *self)
{
    struct store_merge_thread *t = self;
    (void)nice(LOWEST_PRIORITY); /* of this thread alone on Linux: setpriority(2), "C library/kernel
                                    differences" */
    (void)pthread_mutex_lock(&t->mutex);
    while (!t->stop) {
        if (!t->due) {
            (void)pthread_cond_wait(&t->changed, &t->mutex);
            continue;
        }
        t->due = false;
        prune_step(t);
        bool merges = t->failure.code == 0;
        (void)pthread_mutex_unlock(&t->mutex);
        while (merges && merge_step(t))
            continue;
        (void)pthread_mutex_lock(&t->mutex);
    }
    prune_step(t);
    (void)pthread_mutex_unlock(&t->mutex);
    return NULL;
}

static void thread_free(struct store_merge_thread *t)
{
    store_merger_fini(&t->merger);
    (void)pthread_mutex_destroy(&t->mutex);
    (void)pthread_cond_destroy(&t->changed);
    free(t);
}

int store_merge_thread_start(struct store_merge_thread **out, const char *store,
                             struct store_catalog *catalog, struct btr_err *err)
{
    struct store_merge_thread *t = calloc(1, sizeof(*t));
    if (!t)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    (void)pthread_mutex_init(&t->mutex, NULL);
    (void)pthread_cond_init(&t->changed, NULL);
    t->due = true; /* what an earlier writer left */
    int rc = store_merger_init(&t->merger, store, catalog, NULL, err);
    if (rc == 0 && pthread_create(&t->thread, NULL, merge_run, t) != 0)
        rc = btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot start a thread");
    if (rc < 0)
        thread_free(t);
    else
        *out = t;
    return rc;
}

void store_merge_thread_stop(struct store_merge_thread *t)
{
    if (!t)
        return;
    (void)pthread_mutex_lock(&t->mutex);
    t->stop = true;
    (void)pthread_cond_broadcast(&t->changed);
    (void)pthread_mutex_unlock(&t->mutex);
    (void)pthread_join(t->thread, NULL);
    thread_free(t);
}

void store_merge_thread_wake(struct store_merge_thread *t)
{
    (void)pthread_mutex_lock(&t->mutex);
    t->due = true;
    t->prune_due = t->retention.keep_days + t->retention.keep_record_days > 0;
    (void)pthread_cond_broadcast(&t->changed);
    (void)pthread_mutex_unlock(&t->mutex);
}

void store_merge_thread_wait(struct store_merge_thread *t)
{
    (void)pthread_mutex_lock(&t->mutex);
    while (t->waiting > MERGE_WAITING_MAX && t->failure.code == 0 && !t->stop)
        (void)pthread_cond_wait(&t->changed, &t->mutex);
    (void)pthread_mutex_unlock(&t->mutex);
}

int store_merge_thread_told(struct store_merge_thread *t, struct btr_merge_stat *out,
                            struct btr_err *err)
{
    (void)pthread_mutex_lock(&t->mutex);
    *out = t->stat;
    int code = t->failure.code;
    if (code < 0 && err)
        *err = t->failure;
    (void)pthread_mutex_unlock(&t->mutex);
    return code;
}
