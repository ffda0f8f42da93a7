/*
 * The writer: two builders, one that fills while a thread seals and publishes the other. The
 * caller's thread owns `building`; the sealing thread owns what `job` points to while job.busy is
 * set; the mutex guards busy, stop and failure. Once a publish has failed nothing later is
 * published, so that what is published is always a beginning of what was handed over.
 */
#include "writer.h"

#include <btr/clock.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "kept_write.h"
#include "merge_thread.h"
#include "segment_write.h"
#include "trash.h"

/* An input by its number in this run. */
struct input_name {
    uint32_t id, name; /* name: string */
    uint64_t head_hash;
};

struct job {
    struct store_builder *builder;
    struct seal_input *inputs; /* of the builder */
    struct btr_progress progress;
    struct kept_image kept;
    struct btr_arena *arena; /* holds the copies */
    bool busy;
};

struct btr_writer {
    char *path;
    int lock_fd;
    struct store_catalog *catalog;
    const struct store_faults *faults;
    struct btr_sink sink;
    struct store_builder builders[2];
    struct store_builder *building;
    bool append_failed; /* the builder holds half a batch */
    struct store_strings names;
    struct input_name *inputs;
    uint32_t input_count, input_capacity;
    struct btr_buffer known;      /* of the last known_input */
    struct store_records records; /* published when record_seed was asked */
    uint64_t records_left_out;
    struct store_keeper *keeper;  /* NULL until a record is kept */
    struct kept_times kept_times; /* the sealing thread's: of the last segment that had events */
    struct job job;
    struct store_sealer sealer; /* the sealing thread's */
    pthread_t thread;
    bool thread_runs;
    struct store_merge_thread *merging; /* NULL: a writer that does not merge */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stop;
    struct btr_err failure; /* code 0: none */
};

/* ---- The sealing thread --------------------------------------------------------------------- */

/* Records are filed under the times of the events that are published with them; without any, under
 * those before, or the time of reading. */
static struct kept_times kept_times_of(struct btr_writer *w, const struct catalog_segment *rows,
                                       uint32_t count)
{
    const struct btr_progress *p = &w->job.progress;
    struct kept_times times = {INT64_MAX, INT64_MIN};
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].sealed.event_count == 0)
            continue;
        times.first_ns =
            rows[i].sealed.first_ns < times.first_ns ? rows[i].sealed.first_ns : times.first_ns;
        times.last_ns =
            rows[i].sealed.last_ns > times.last_ns ? rows[i].sealed.last_ns : times.last_ns;
    }
    if (times.first_ns <= times.last_ns)
        w->kept_times = times;
    else if (w->kept_times.last_ns == 0 && p->input_count > 0)
        return (struct kept_times){p->inputs[0].read_ns, p->inputs[0].read_ns};
    return w->kept_times;
}

static int job_run(struct btr_writer *w, struct btr_err *err)
{
    struct catalog_segment *rows = NULL;
    struct catalog_kept kept;
    uint32_t count = 0;
    bool has_kept = w->job.kept.file.size > 0;
    int rc = store_builder_is_empty(w->job.builder)
                 ? 0
                 : store_segments_write(&rows, &count, w->path, w->catalog, &w->sealer,
                                        w->job.builder, w->job.inputs, w->faults, err);
    struct kept_times times = kept_times_of(w, rows, count);
    if (rc == 0 && has_kept)
        rc = store_kept_write(&kept, w->path, &w->job.kept, times, w->faults, err);
    if (rc == 0)
        rc = store_catalog_change(w->catalog,
                                  &(struct catalog_change){.kind = CATALOG_INGESTED,
                                                           .now_ns = btr_wall_ns(),
                                                           .added = rows,
                                                           .added_count = count,
                                                           .kept = has_kept ? &kept : NULL,
                                                           .progress = &w->job.progress},
                                  w->faults, err);
    free(rows);
    store_builder_clear(w->job.builder);
    kept_image_fini(&w->job.kept);
    return rc;
}

static void *seal_thread(void *self)
{
    struct btr_writer *w = self;
    (void)pthread_mutex_lock(&w->mutex);
    while (w->job.busy || !w->stop) {
        if (!w->job.busy) {
            (void)pthread_cond_wait(&w->changed, &w->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&w->mutex);
        struct btr_err err = {0};
        int rc = job_run(w, &err);
        (void)pthread_mutex_lock(&w->mutex);
        if (rc < 0)
            w->failure = err;
        else if (w->merging)
            store_merge_thread_wake(w->merging);
        w->job.busy = false;
        (void)pthread_cond_broadcast(&w->changed);
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* Waits for the sealing thread. @return 0, or what an earlier publish failed with */
static int settle(struct btr_writer *w, struct btr_err *err)
{
    (void)pthread_mutex_lock(&w->mutex);
    while (w->job.busy)
        (void)pthread_cond_wait(&w->changed, &w->mutex);
    int code = w->failure.code;
    if (code < 0 && err)
        *err = w->failure;
    (void)pthread_mutex_unlock(&w->mutex);
    return code;
}

/* ---- The sink ------------------------------------------------------------------------------- */

static int failed_before(struct btr_writer *w, struct btr_err *err)
{
    (void)pthread_mutex_lock(&w->mutex);
    int code = w->failure.code;
    if (code < 0 && err)
        *err = w->failure;
    (void)pthread_mutex_unlock(&w->mutex);
    if (code == 0 && w->append_failed)
        code = btr_fail(err, BTR_E_IO, UINT64_MAX, "an earlier batch could not be taken");
    return code;
}

static int append(void *self, const struct btr_batch *batch, struct btr_err *err)
{
    struct btr_writer *w = self;
    int rc = failed_before(w, err);
    if (rc < 0)
        return rc;
    rc = store_builder_append(w->building, batch, err);
    w->append_failed = rc < 0;
    return rc;
}

static struct input_name *input_find(struct btr_writer *w, uint32_t id)
{
    for (uint32_t i = w->input_count; i-- > 0;)
        if (w->inputs[i].id == id)
            return &w->inputs[i];
    return NULL;
}

/* Remembers what the inputs of this run are called. */
static bool inputs_learn(struct btr_writer *w, const struct btr_progress *p)
{
    for (uint32_t i = 0; i < p->input_count; i++) {
        struct input_name *known = input_find(w, p->input_ids[i]);
        uint32_t name = store_strings_add(&w->names, p->inputs[i].name);
        if (name == UINT32_MAX)
            return false;
        if (!known && w->input_count == w->input_capacity) {
            uint32_t capacity = w->input_capacity == 0 ? 64 : w->input_capacity * 2;
            struct input_name *grown = realloc(w->inputs, capacity * sizeof(*grown));
            if (!grown)
                return false;
            w->inputs = grown;
            w->input_capacity = capacity;
        }
        if (!known)
            known = &w->inputs[w->input_count++];
        *known = (struct input_name){p->input_ids[i], name, p->inputs[i].head_hash};
    }
    return true;
}

static bool seal_inputs_fill(struct btr_writer *w, struct job *job)
{
    const struct store_builder *b = w->building;
    job->inputs = btr_arena_alloc(job->arena, (b->input_count + 1) * sizeof(*job->inputs), 8);
    if (!job->inputs)
        return false;
    for (uint32_t i = 0; i < b->input_count; i++) {
        struct input_name *known = input_find(w, b->inputs[i].id);
        job->inputs[i] = (struct seal_input){0};
        if (!known)
            continue;
        job->inputs[i].head_hash = known->head_hash;
        if (!btr_arena_copy(job->arena, store_strings_at(&w->names, known->name),
                            &job->inputs[i].name))
            return false;
    }
    return true;
}

static bool input_copy(struct btr_arena *arena, const struct btr_input *from, struct btr_input *to)
{
    *to = *from;
    return btr_arena_copy(arena, from->name, &to->name) &&
           btr_arena_copy(arena, from->host, &to->host) &&
           btr_arena_copy(arena, from->format, &to->format) &&
           btr_arena_copy(arena, from->case_id, &to->case_id) &&
           btr_arena_copy(arena, from->tool, &to->tool);
}

static bool progress_copy(struct btr_arena *arena, const struct btr_progress *from,
                          struct btr_progress *to)
{
    *to = (struct btr_progress){.input_count = from->input_count,
                                .state_count = from->state_count,
                                .record_digest_count = from->record_digest_count};
    struct btr_span digests = {(const uint8_t *)from->record_digests,
                               from->record_digest_count * sizeof(*from->record_digests)};
    uint64_t *copies = btr_arena_alloc(arena, digests.size, sizeof(*copies));
    struct btr_input *inputs = btr_arena_alloc(arena, from->input_count * sizeof(*inputs), 8);
    struct btr_saved_state *states = btr_arena_alloc(arena, from->state_count * sizeof(*states), 8);
    if (!inputs || !states || !copies)
        return false;
    if (digests.size > 0)
        memcpy(copies, digests.at, digests.size);
    for (uint32_t i = 0; i < from->input_count; i++)
        if (!input_copy(arena, &from->inputs[i], &inputs[i]))
            return false;
    for (uint32_t i = 0; i < from->state_count; i++)
        if (!btr_arena_copy(arena, from->states[i].format, &states[i].format) ||
            !btr_arena_copy(arena, from->states[i].host, &states[i].host) ||
            !btr_arena_copy(arena, from->states[i].bytes, &states[i].bytes))
            return false;
    to->inputs = inputs;
    to->states = states;
    to->record_digests = copies;
    return true;
}

static int publish(void *self, const struct btr_progress *progress, struct btr_err *err)
{
    struct btr_writer *w = self;
    static const struct btr_progress nothing;
    const struct btr_progress *p = progress ? progress : &nothing;
    int rc = settle(w, err);
    if (rc == 0)
        rc = failed_before(w, err);
    if (rc < 0)
        return rc;
    btr_arena_reset(w->job.arena);
    if (!inputs_learn(w, p) || !progress_copy(w->job.arena, p, &w->job.progress) ||
        !seal_inputs_fill(w, &w->job))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while publishing");
    if (w->keeper)
        rc = store_keeper_take(w->keeper, &w->job.kept, err);
    if (rc < 0) {
        w->append_failed = true;
        return rc;
    }
    if (store_builder_is_empty(w->building) && p->input_count == 0 && p->state_count == 0 &&
        p->record_digest_count == 0 && w->job.kept.file.size == 0)
        return 0;
    if (w->merging)
        store_merge_thread_wait(w->merging);
    (void)pthread_mutex_lock(&w->mutex);
    w->job.builder = w->building;
    w->building = w->building == &w->builders[0] ? &w->builders[1] : &w->builders[0];
    w->job.busy = true;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->mutex);
    return 0;
}

static size_t pending(void *self, uint32_t *event_count)
{
    struct btr_writer *w = self;
    if (event_count)
        *event_count = w->building->event_count;
    return store_builder_size(w->building) + (w->keeper ? store_keeper_size(w->keeper) : 0);
}

static int keep(void *self, const struct btr_raw_record *record, struct btr_err *err)
{
    struct btr_writer *w = self;
    int rc = w->append_failed ? failed_before(w, err) : 0;
    if (rc == 0 && !w->keeper)
        rc = store_keeper_new(&w->keeper, err);
    if (rc == 0)
        rc = store_keeper_add(w->keeper, record, err);
    w->append_failed = w->append_failed || rc < 0;
    return rc;
}

static int drain(void *self, struct btr_err *err)
{
    return settle(self, err);
}

static bool busy(void *self)
{
    struct btr_writer *w = self;
    (void)pthread_mutex_lock(&w->mutex);
    bool is_busy = w->job.busy;
    (void)pthread_mutex_unlock(&w->mutex);
    return is_busy;
}

/* ---- Known ---------------------------------------------------------------------------------- */

struct known_search {
    struct btr_buffer *to;
    struct btr_input best,
        below; /* found; and the one before it in order, of which we want the next */
    bool found, has_below;
};

/* The order of known inputs: largest content first, then by name. */
static bool known_before(const struct btr_input *a, const struct btr_input *b)
{
    if (a->content_size != b->content_size)
        return a->content_size > b->content_size;
    return btr_span_compare(a->name, b->name) < 0;
}

static int known_keep(struct known_search *k, const struct btr_input *input)
{
    struct btr_span *spans[] = {&k->best.name, &k->best.host, &k->best.format, &k->best.case_id,
                                &k->best.tool};
    const struct btr_span from[] = {input->name, input->host, input->format, input->case_id,
                                    input->tool};
    k->best = *input;
    k->found = true;
    btr_buffer_clear(k->to);
    for (unsigned i = 0; i < 5; i++)
        btr_buffer_span(k->to, from[i]);
    if (k->to->failed)
        return BTR_E_NOMEM;
    const uint8_t *at = k->to->at;
    for (unsigned i = 0; i < 5; i++) {
        *spans[i] = (struct btr_span){at, from[i].size};
        at += from[i].size;
    }
    return 0;
}

static int known_visit(void *self, const struct btr_input *input)
{
    struct known_search *k = self;
    if (k->has_below && !known_before(&k->below, input))
        return 0;
    if (k->found && !known_before(input, &k->best))
        return 0;
    return known_keep(k, input);
}

/* A catalog that cannot be read must not look like one that knows nothing: the next append says so.
 */
static void fail_later(struct btr_writer *w, const struct btr_err *err)
{
    (void)pthread_mutex_lock(&w->mutex);
    if (w->failure.code == 0)
        w->failure = *err;
    (void)pthread_mutex_unlock(&w->mutex);
}

bool btr_writer_known_input(struct btr_writer *w, uint64_t head_hash, uint32_t i,
                            struct btr_input *out)
{
    struct btr_buffer turns[2] = {{0}, {0}};
    struct known_search k = {0};
    bool found = settle(w, NULL) == 0;
    for (uint32_t n = 0; found && n <= i; n++) {
        k.has_below = n > 0;
        k.below = k.best;
        k.found = false;
        k.to = &turns[n & 1];
        struct btr_err err = {.text = "out of memory"};
        int rc = store_catalog_inputs(w->catalog, &head_hash, known_visit, &k, &err);
        err.code = rc;
        if (rc < 0)
            fail_later(w, &err);
        found = rc == 0 && k.found;
    }
    btr_buffer_fini(&turns[(i & 1) ^ 1]);
    btr_buffer_fini(&w->known);
    w->known = turns[i & 1];
    if (found)
        *out = k.best;
    return found;
}

bool btr_writer_known_state(struct btr_writer *w, struct btr_span format, struct btr_span host,
                            struct btr_buffer *out)
{
    struct btr_err err = {0};
    if (failed_before(w, &err) !=
        0) /* what is under way need not be waited for: who has published a state has it */
        return false;
    int rc = store_catalog_state(w->catalog, format, host, out, &err);
    if (rc == 1 && out->failed)
        rc = btr_fail(&err, BTR_E_NOMEM, UINT64_MAX, "out of memory for a decoder's state");
    if (rc < 0)
        fail_later(w, &err);
    return rc == 1;
}

uint64_t btr_writer_record_seed(struct btr_writer *w)
{
    struct btr_err err = {0};
    if (settle(w, NULL) != 0)
        return store_catalog_record_seed(w->catalog);
    err.code = store_catalog_records(w->catalog, &w->records, STORE_RECORDS_KNOWN_MAX,
                                     &w->records_left_out, &err);
    if (err.code < 0)
        fail_later(w, &err);
    return store_catalog_record_seed(w->catalog);
}

bool btr_writer_known_record(struct btr_writer *w, uint64_t digest)
{
    return store_records_has(&w->records, digest);
}

uint64_t btr_writer_records_left_out(const struct btr_writer *w)
{
    return w->records_left_out;
}

/* ---- Opening and closing -------------------------------------------------------------------- */

static int writer_start(struct btr_writer *w, struct btr_err *err)
{
    int rc = store_files_prepare(w->path, err);
    if (rc == 0)
        rc = w->lock_fd = store_files_lock(w->path, err);
    if (rc >= 0)
        rc = store_catalog_open(&w->catalog, w->path, true, err);
    if (rc == 0)
        rc = store_trash_sweep(w->path, w->catalog, err);
    if (rc < 0)
        return rc;
    if (pthread_create(&w->thread, NULL, seal_thread, w) != 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot start a thread");
    w->thread_runs = true;
    return 0;
}

int store_writer_open(struct btr_writer **out, const char *path, const struct store_faults *faults,
                      struct btr_err *err)
{
    struct btr_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    w->lock_fd = -1;
    w->faults = faults;
    w->building = &w->builders[0];
    w->sink = (struct btr_sink){w, append, publish, pending, drain, keep, busy};
    (void)pthread_mutex_init(&w->mutex, NULL);
    (void)pthread_cond_init(&w->changed, NULL);
    w->path = strdup(path);
    w->job.arena = btr_arena_new(SIZE_MAX / 4);
    int rc = !store_sealer_init(&w->sealer) || !w->path || !w->job.arena
                 ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory")
                 : writer_start(w, err);
    if (rc < 0) {
        btr_writer_close(w);
        return rc;
    }
    *out = w;
    return 0;
}

int btr_writer_open(struct btr_writer **out, const char *path, struct btr_err *err)
{
    int rc = store_writer_open(out, path, NULL, err);
    if (rc < 0)
        return rc;
    rc = store_merge_thread_start(&(*out)->merging, (*out)->path, (*out)->catalog, err);
    if (rc < 0) {
        btr_writer_close(*out);
        *out = NULL;
    }
    return rc;
}

int btr_writer_merged(struct btr_writer *w, struct btr_merge_stat *out, struct btr_err *err)
{
    *out = (struct btr_merge_stat){0};
    return w->merging ? store_merge_thread_told(w->merging, out, err) : 0;
}

void btr_writer_retain(struct btr_writer *w, uint32_t days, uint32_t record_days)
{
    if (w->merging)
        store_merge_thread_retain(w->merging, days, record_days);
}

int btr_writer_retained(struct btr_writer *w, struct btr_prune_stat *out, struct btr_err *err)
{
    *out = (struct btr_prune_stat){0};
    return w->merging ? store_merge_thread_retained(w->merging, out, err) : 0;
}

const struct btr_sink *btr_writer_sink(struct btr_writer *w)
{
    return &w->sink;
}

void btr_writer_close(struct btr_writer *w)
{
    if (!w)
        return;
    if (w->thread_runs) {
        (void)pthread_mutex_lock(&w->mutex);
        w->stop = true;
        (void)pthread_cond_broadcast(&w->changed);
        (void)pthread_mutex_unlock(&w->mutex);
        (void)pthread_join(w->thread, NULL);
    }
    store_merge_thread_stop(w->merging);
    store_catalog_close(w->catalog);
    if (w->lock_fd >= 0)
        (void)close(w->lock_fd);
    store_builder_fini(&w->builders[0]);
    store_builder_fini(&w->builders[1]);
    store_keeper_free(w->keeper);
    kept_image_fini(&w->job.kept);
    store_sealer_fini(&w->sealer);
    store_strings_fini(&w->names);
    btr_arena_free(w->job.arena);
    btr_buffer_fini(&w->known);
    store_records_fini(&w->records);
    free(w->inputs);
    free(w->path);
    (void)pthread_mutex_destroy(&w->mutex);
    (void)pthread_cond_destroy(&w->changed);
    free(w);
}
