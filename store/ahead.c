#include "ahead.h"
#include "pack.h"

#include <unistd.h>

enum state { FREE, BUSY, READY, TAKEN }; /* TAKEN: by the owner, or for it to decode */

struct ahead_job {
    struct ahead_job *next;
    struct store_segment *owner;
    /* As it stood when the job was made, with all that decoding events needs: the owner changes
     * its own. */
    struct store_segment view;
    uint32_t count, at; /* blocks; below `at` none is free */
    uint8_t *states;
    struct segment_block **blocks;
    size_t *sizes;
};

static void job_free(struct ahead_job *job)
{
    for (uint32_t i = 0; job->blocks && i < job->count; i++)
        free(job->blocks[i]);
    free(job->states);
    free(job->blocks);
    free(job->sizes);
    free(job);
}

/* @return NULL when out of memory */
static struct ahead_job *job_new(struct store_segment *seg, void *unpacker)
{
    struct ahead_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    job->owner = seg;
    job->count = store_segment_block_count(seg);
    job->view = *seg;
    job->view.unpacker = unpacker;
    job->view.failed = NULL;
    job->view.cost = NULL;
    job->view.ahead = NULL;
    job->states = calloc(job->count, sizeof *job->states);
    job->blocks = calloc(job->count, sizeof *job->blocks);
    job->sizes = calloc(job->count, sizeof *job->sizes);
    if (!job->states || !job->blocks || !job->sizes) {
        job_free(job);
        return NULL;
    }
    for (uint32_t i = 0; i < job->count; i++)
        if (seg->slots[PART_EVENTS][i].data)
            job->states[i] = TAKEN;
    return job;
}

/* ---- The thread ----------------------------------------------------------------------------- */

/* The first free block of the latest segment that has one. */
static struct ahead_job *job_next(const struct store_ahead *a)
{
    for (struct ahead_job *job = a->jobs; job; job = job->next) {
        while (job->at < job->count && job->states[job->at] != FREE)
            job->at++;
        if (job->at < job->count)
            return job;
    }
    return NULL;
}

/* Decodes a block with the mutex given up. */
static void block_decode(struct store_ahead *a, struct ahead_job *job)
{
    struct btr_err err = {0};
    struct segment_block *b = NULL;
    size_t size = 0;
    uint32_t block = job->at++;
    job->states[block] = BUSY;
    a->busy = job;
    (void)pthread_mutex_unlock(&a->mutex);
    int rc = store_segment_events_read(&job->view, block, &b, &size, &err);
    (void)pthread_mutex_lock(&a->mutex);
    a->busy = NULL;
    job->states[block] = rc == 0 ? READY : TAKEN;
    job->blocks[block] = rc == 0 ? b : NULL;
    job->sizes[block] = size;
    a->ready += rc == 0 ? size : 0;
    (void)pthread_cond_broadcast(&a->done);
}

static void *ahead_main(void *self)
{
    struct store_ahead *a = self;
    (void)pthread_mutex_lock(&a->mutex);
    while (!a->stops) {
        struct ahead_job *job = a->ready < AHEAD_READY ? job_next(a) : NULL;
        if (job)
            block_decode(a, job);
        else
            (void)pthread_cond_wait(&a->work, &a->mutex);
    }
    (void)pthread_mutex_unlock(&a->mutex);
    return NULL;
}

/* ---- The owner ------------------------------------------------------------------------------ */

static bool begin(struct store_ahead *a)
{
    a->refused = sysconf(_SC_NPROCESSORS_ONLN) < 2;
    a->unpacker = a->refused ? NULL : store_unpacker_new();
    if (!a->unpacker) {
        a->refused = true;
        return false;
    }
    (void)pthread_mutex_init(&a->mutex, NULL);
    (void)pthread_cond_init(&a->work, NULL);
    (void)pthread_cond_init(&a->done, NULL);
    a->runs = pthread_create(&a->thread, NULL, ahead_main, a) == 0;
    a->refused = !a->runs;
    if (!a->runs) {
        store_unpacker_free(a->unpacker);
        a->unpacker = NULL;
    }
    return a->runs;
}

void store_ahead_fini(struct store_ahead *a)
{
    if (a->runs) {
        (void)pthread_mutex_lock(&a->mutex);
        a->stops = true;
        (void)pthread_cond_signal(&a->work);
        (void)pthread_mutex_unlock(&a->mutex);
        (void)pthread_join(a->thread, NULL);
        (void)pthread_cond_destroy(&a->done);
        (void)pthread_cond_destroy(&a->work);
        (void)pthread_mutex_destroy(&a->mutex);
    }
    for (struct ahead_job *job = a->jobs, *next; job; job = next) {
        next = job->next;
        job->owner->ahead_job = NULL;
        job_free(job);
    }
    store_unpacker_free(a->unpacker);
    *a = (struct store_ahead){0};
}

static void job_add(struct store_ahead *a, struct store_segment *seg)
{
    if (!a->runs && !begin(a))
        return;
    struct ahead_job *job = job_new(seg, a->unpacker);
    if (!job)
        return;
    seg->ahead_job = job;
    (void)pthread_mutex_lock(&a->mutex);
    job->next = a->jobs;
    a->jobs = job;
    (void)pthread_cond_signal(&a->work);
    (void)pthread_mutex_unlock(&a->mutex);
}

/* Whether so much of a segment was read that the rest will be, too. */
static bool is_dense(const struct store_segment *seg)
{
    uint32_t count = store_segment_block_count(seg);
    return count >= AHEAD_BLOCKS_LEAST && seg->events_read >= count / AHEAD_SHARE;
}

/* Whether all that decoding needs is there: the thread must not have to read it. */
static bool is_ready(const struct store_segment *seg)
{
    bool trained = (seg->section_of[STORE_EVENTS]->flags & STORE_SECTION_TRAINED) != 0;
    return seg->has_bounds && seg->directory[STORE_EVENTS] &&
           (!trained || seg->dictionaries[STORE_EVENTS]);
}

struct segment_block *store_ahead_take(struct store_ahead *a, struct store_segment *seg,
                                       uint32_t block, size_t *size)
{
    struct segment_block *b = NULL;
    struct ahead_job *job = seg->ahead_job;
    if (!job) {
        if (!a->refused && is_dense(seg) && is_ready(seg))
            job_add(a, seg);
        seg->events_read++;
        return NULL;
    }
    (void)pthread_mutex_lock(&a->mutex);
    while (job->states[block] == BUSY)
        (void)pthread_cond_wait(&a->done, &a->mutex);
    if (job->states[block] == READY) {
        b = job->blocks[block];
        *size = job->sizes[block];
        job->blocks[block] = NULL;
        a->ready -= *size;
        (void)pthread_cond_signal(&a->work);
    }
    job->states[block] = TAKEN;
    (void)pthread_mutex_unlock(&a->mutex);
    return b;
}

void store_ahead_leave(struct store_ahead *a, struct store_segment *seg)
{
    struct ahead_job *job = seg->ahead_job;
    if (!job)
        return;
    (void)pthread_mutex_lock(&a->mutex);
    while (a->busy == job)
        (void)pthread_cond_wait(&a->done, &a->mutex);
    struct ahead_job **at = &a->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    for (uint32_t i = 0; i < job->count; i++)
        a->ready -= job->states[i] == READY ? job->sizes[i] : 0;
    (void)pthread_mutex_unlock(&a->mutex);
    job_free(job);
    seg->ahead_job = NULL;
}
