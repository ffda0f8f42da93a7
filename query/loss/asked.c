/*
 * What others run because a file of the intrusion says so: an interpreter that is told to run it,
 * by its arguments; and what cron, at, init or systemd start that they never started before they
 * read it.
 */
#include <stdlib.h>
#include <string.h>

#include "loss/after.h"

enum {
    JOBS_MAX = 1 << 16,  /* that one process started and that are looked at */
    LINES_MAX = 1 << 16, /* command lines that are kept */
    LINE_BYTES = 2048,   /* of one of them */
    RAN_MAX = 16,        /* command lines of one job */
    BELOW_MAX = 16       /* processes below one that are looked at for the program that it ran */
};
/* How long before a file was changed others' jobs are looked at: those of a week are among them. */
#define BEFORE_NS (INT64_C(8) * 86400 * 1000000000)

/* ---- Scripts -------------------------------------------------------------------------------- */

/* Whether a word of a command line names a path, whole or from one of its folders on. */
static bool word_names(struct btr_span word, struct btr_span path)
{
    while (btr_span_begins(word, BTR_SPAN("./")))
        word = (struct btr_span){word.at + 2, word.size - 2};
    if (word.size == 0 || word.size > path.size)
        return false;
    size_t begin = path.size - word.size;
    return memcmp(path.at + begin, word.at, word.size) == 0 &&
           (word.at[0] == '/' || begin == 0 || path.at[begin - 1] == '/');
}

static bool line_names(struct btr_span line, struct btr_span path)
{
    size_t begin = 0;
    for (size_t i = 0; i <= line.size; i++) {
        if (i < line.size && !memchr(" \t\n;|&<>'\"()", line.at[i], 12))
            continue;
        if (word_names((struct btr_span){line.at + begin, i - begin}, path))
            return true;
        begin = i + 1;
    }
    return false;
}

static int acts_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    (void)self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_FORK || flows[i].operation == BTR_OP_CONNECT)
            return 1;
    return 0;
}

/* All that a process was told to do, a line each. */
static void lines_say(struct btr_buffer *out, const struct btr_entity *e)
{
    for (uint32_t i = 0; e->kind == BTR_KIND_PROCESS && i < e->attr_count; i++)
        if (e->attrs[i].key == BTR_ATTR_PROCESS_COMMAND_LINE) {
            btr_buffer_span(out, e->attrs[i].value);
            btr_buffer_u8(out, '\n');
        }
}

/* Keeps what a process was told: one reads many files. Of very many, or very much, nothing is kept.
 */
static bool line_keep(struct btr_loss *loss, struct btr_id process, struct btr_span *line)
{
    struct loss_asked *a = &loss->asked;
    if (a->line_count == LINES_MAX || line->size > LINE_BYTES)
        return true;
    if (!btr_list_room(&a->lines, a->line_count, &a->line_capacity, 64, sizeof *a->lines))
        return false;
    if (!btr_arena_copy(loss->arena, *line, line) ||
        btr_idmap_add(&a->of_reader, process, a->line_count) == LOSS_NONE)
        return false;
    a->lines[a->line_count++] = *line;
    return true;
}

/* What a process was told to do; empty: it is no process. Lives until the next one is asked for. */
static int line_of(struct btr_loss *loss, struct btr_id process, struct btr_span *line,
                   struct btr_err *err)
{
    struct loss_asked *a = &loss->asked;
    struct btr_entity e;
    uint32_t at = btr_idmap_get(&a->of_reader, process);
    if (at != LOSS_NONE) {
        *line = a->lines[at];
        return 0;
    }
    int rc = loss_entity(loss, process, &e, err);
    if (rc < 0)
        return rc;
    btr_buffer_clear(&a->words);
    lines_say(&a->words, &e);
    *line = btr_buffer_view(&a->words);
    return !a->words.failed && line_keep(loss, process, line)
               ? 0
               : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who read what the intrusion wrote");
}

int loss_acts(struct btr_loss *loss, struct btr_id process, int64_t since_ns, bool *acts,
              struct btr_err *err)
{
    int rc = loss->all.flows(loss->all.self, process, BTR_SIDE_OUT_OF, since_ns, NULL, acts_visit,
                             NULL, err);
    *acts = rc == 1;
    return rc < 0 ? rc : 0;
}

/* Whether a process that was told to read a file then did something: `cat` does not. */
static int runs_it(struct btr_loss *loss, const struct btr_flow *read, struct btr_span path,
                   bool *runs, struct btr_err *err)
{
    struct btr_span line;
    int rc = line_of(loss, read->other, &line, err);
    *runs = false;
    if (rc < 0 || !line_names(line, path))
        return rc;
    return loss_acts(loss, read->other, read->first_ns, runs, err);
}

/* ---- Jobs ----------------------------------------------------------------------------------- */

struct jobs {
    struct btr_flow *list; /* starts by one process, by time */
    uint32_t count, capacity;
    bool cut;
    struct btr_err *err;
};

static int starts_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct jobs *j = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (flows[i].operation != BTR_OP_FORK)
            continue;
        if (j->count == JOBS_MAX) {
            j->cut = true;
            return 0;
        }
        if (!btr_list_room(&j->list, j->count, &j->capacity, 64, sizeof *j->list))
            return btr_fail(j->err, BTR_E_NOMEM, UINT64_MAX, "jobs that others started");
        j->list[j->count++] = flows[i];
    }
    return 0;
}

static int job_compare(const void *x, const void *y)
{
    const struct btr_flow *a = x, *b = y;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return btr_id_compare(a->other, b->other);
}

/* What came of a start: the first below it that ran another program than the one that started, and
 * all that it ran. What stands between is that one's own doing. */
struct job {
    struct btr_id line[BELOW_MAX]; /* what was looked at; the last one ran it */
    uint32_t count;
    struct btr_id ran[RAN_MAX]; /* keys of its command lines */
    int64_t ran_ns[RAN_MAX];    /* when it began to be that */
    uint32_t ran_count;         /* 0: it ran none */
    bool fits;                  /* it is of the account that is asked for */
};

static void job_runs(const struct btr_loss *loss, struct job *job, const struct btr_entity *e)
{
    int64_t ahead_ns = btr_clocks_host_ahead(loss->found->clocks, e->host);
    for (uint32_t i = 0; i < e->attr_count && job->ran_count < RAN_MAX; i++) {
        if (e->attrs[i].key != BTR_ATTR_PROCESS_COMMAND_LINE)
            continue;
        job->ran[job->ran_count] = btr_id_of(&e->attrs[i].value, 1);
        job->ran_ns[job->ran_count++] = e->attrs[i].since_ns - ahead_ns;
    }
}

static bool is_of(const struct btr_entity *e, struct btr_span account)
{
    struct btr_span name = btr_entity_attr(e, BTR_ATTR_USER_NAME, INT64_MAX);
    return account.size == 0 || name.size == 0 || btr_span_equal(name, account);
}

static int below_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct job *job = self;
    for (uint32_t i = 0; i < flow_count && job->count < BELOW_MAX; i++)
        if (flows[i].operation == BTR_OP_FORK)
            job->line[job->count++] = flows[i].other;
    return 0;
}

static int job_find(struct btr_loss *loss, struct btr_id starter, struct btr_id started,
                    struct btr_span account, struct job *job, struct btr_err *err)
{
    int rc = 0;
    *job = (struct job){.line = {started}, .count = 1};
    for (uint32_t i = 0; rc == 0 && i < job->count; i++) {
        struct btr_entity e = {.kind = BTR_KIND_NONE};
        bool differs = false;
        rc = loss_program_differs(loss, job->line[i], starter, &differs, err);
        if (rc == 0 && !differs) {
            rc = loss->all.flows(loss->all.self, job->line[i], BTR_SIDE_OUT_OF, INT64_MIN, NULL,
                                 below_visit, job, err);
            continue;
        }
        if (rc == 0)
            rc = loss_entity(loss, job->line[i], &e, err);
        if (rc < 0)
            break;
        job_runs(loss, job, &e);
        job->fits = is_of(&e, account);
        job->count = i + 1;
        break;
    }
    return rc;
}

/* What the one that starts jobs is itself, as its children are at first. */
static int starter_add(struct btr_loss *loss, struct btr_id starter, struct btr_idmap *before,
                       struct btr_err *err)
{
    struct job self = {.ran_count = 0};
    struct btr_entity e;
    int rc = loss_entity(loss, starter, &e, err);
    if (rc == 0)
        job_runs(loss, &self, &e);
    for (uint32_t i = 0; rc == 0 && i < self.ran_count; i++)
        if (btr_idmap_add(before, self.ran[i], 0) == UINT32_MAX)
            rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "jobs that others started");
    return rc;
}

/* What a job runs that was never run before it is the intrusion's, from then on. */
static int job_judge(const struct job *job, const struct btr_flow *start, bool had,
                     struct btr_idmap *before, btr_extent_take *take, void *growth,
                     struct btr_err *err)
{
    for (uint32_t i = 0; i < job->ran_count; i++) {
        if (had && btr_idmap_add(before, job->ran[i], 0) == UINT32_MAX)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "jobs that others started");
        if (had || !job->fits || btr_idmap_get(before, job->ran[i]) != UINT32_MAX)
            continue;
        return take(growth, job->line[job->count - 1],
                    job->ran_ns[i] > start->first_ns ? job->ran_ns[i] : start->first_ns,
                    start->source, BTR_EXTENT_ASKED);
    }
    return 0;
}

/* Whether what somebody started was judged by an earlier file of anybody's jobs, or of the same
 * account's: then a later one takes in nothing more. What was judged last is kept. */
static int is_judged(struct btr_loss *loss, struct btr_id starter, struct btr_span account,
                     const struct loss_judged *now, bool *judged, struct btr_err *err)
{
    struct loss_asked *a = &loss->asked;
    const struct btr_span accounts[] = {{0}, account};
    *judged = false;
    for (size_t i = 0; i < 2; i++) {
        struct btr_span parts[] = {{(const uint8_t *)&starter, sizeof starter}, accounts[i]};
        struct btr_id key = btr_id_of(parts, 2);
        uint32_t at = btr_idmap_get(&a->of_judged, key);
        if (at != LOSS_NONE)
            *judged |=
                a->judged[at].since_ns <= now->since_ns && a->judged[at].read_ns <= now->read_ns;
        if (i == 0 || *judged)
            continue;
        if (at == LOSS_NONE && a->judged_count == a->judged_capacity) {
            uint32_t capacity = a->judged_capacity ? 2 * a->judged_capacity : 16;
            struct loss_judged *grown = realloc(a->judged, capacity * sizeof *grown);
            if (!grown)
                return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "jobs that others started");
            a->judged = grown;
            a->judged_capacity = capacity;
        }
        if (at == LOSS_NONE)
            at = btr_idmap_add(&a->of_judged, key, a->judged_count++);
        if (at == LOSS_NONE)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "jobs that others started");
        a->judged[at] = *now;
    }
    return 0;
}

/* What a reader started after it read the file, and never before the file was changed. */
static int jobs_take(struct btr_loss *loss, const struct btr_extent_item *object,
                     const struct btr_flow *read, struct btr_span path, btr_extent_take *take,
                     void *growth, struct btr_err *err)
{
    struct jobs jobs = {.err = err};
    struct btr_idmap before = {0};
    struct job job;
    bool judged = false;
    int rc = is_judged(loss, read->other, loss_jobs_account(path),
                       &(struct loss_judged){object->since_ns, read->first_ns}, &judged, err);
    if (rc < 0 || judged)
        return rc;
    rc = loss->all.flows(loss->all.self, read->other, BTR_SIDE_OUT_OF, object->since_ns - BEFORE_NS,
                         NULL, starts_visit, &jobs, err);
    if (rc == 0 && jobs.count)
        qsort(jobs.list, jobs.count, sizeof *jobs.list, job_compare);
    if (rc == 0 && jobs.count)
        rc = starter_add(loss, read->other, &before, err);
    for (uint32_t i = 0; rc == 0 && i < jobs.count; i++) {
        const struct btr_flow *start = &jobs.list[i];
        bool had = start->first_ns < object->since_ns;
        if (!had && start->first_ns < read->first_ns)
            continue;
        rc = job_find(loss, read->other, start->other, loss_jobs_account(path), &job, err);
        if (rc == 0)
            rc = job_judge(&job, start, had, &before, take, growth, err);
    }
    loss->cut |= jobs.cut;
    btr_idmap_fini(&before);
    free(jobs.list);
    return rc;
}

/* ---- All ------------------------------------------------------------------------------------ */

static bool starts_jobs(const struct loss_place *place)
{
    static const char *const TECHNIQUES[] = {"T1053.002", "T1053.003", "T1543.002", "T1037.004"};
    for (size_t i = 0; place && i < sizeof TECHNIQUES / sizeof *TECHNIQUES; i++)
        if (strcmp(place->technique, TECHNIQUES[i]) == 0)
            return true;
    return false;
}

/* What is known of the object that is being asked about: it is asked of with each of its readers.
 */
static int object_know(struct btr_loss *loss, struct btr_id object, struct btr_err *err)
{
    struct loss_asked *a = &loss->asked;
    struct btr_entity e;
    if (a->known && btr_id_equal(a->object, object))
        return 0;
    int rc = loss_entity(loss, object, &e, err);
    if (rc < 0)
        return rc;
    struct btr_span path = btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX);
    bool fits = e.kind == BTR_KIND_FILE && path.size <= sizeof a->bytes;
    a->file = e.kind == BTR_KIND_FILE;
    a->object = object;
    a->known = true;
    a->path = (struct btr_span){a->bytes, fits ? path.size : 0};
    if (a->path.size)
        memcpy(a->bytes, path.at, path.size);
    a->jobs = a->path.size && starts_jobs(loss_place_of_file(a->path));
    return 0;
}

void loss_asked_again(struct btr_loss *loss)
{
    btr_idmap_clear(&loss->asked.of_judged);
    loss->asked.judged_count = 0;
}

int loss_asked_take(void *self, const struct btr_extent_item *object, const struct btr_flow *read,
                    btr_extent_take *take, void *growth, struct btr_err *err)
{
    struct btr_loss *loss = self;
    bool runs = false;
    int rc = object_know(loss, object->entity, err);
    if (rc < 0 || !loss->asked.file)
        return rc;
    if (loss->asked.path.size)
        rc = runs_it(loss, read, loss->asked.path, &runs, err);
    if (rc == 0 && runs)
        return take(growth, read->other, read->first_ns, read->source, BTR_EXTENT_RAN);
    if (rc == 0 && loss->asked.jobs)
        rc = jobs_take(loss, object, read, loss->asked.path, take, growth, err);
    return rc;
}

int loss_asked_read(void *self, const struct btr_extent_item *object, const struct btr_flow *read,
                    btr_extent_take *take, void *growth, struct btr_err *err)
{
    struct btr_loss *loss = self;
    int rc = loss_asked_take(loss, object, read, take, growth, err);
    return rc == 0 && loss->asked.file ? loss_reader_note(loss, object, read, err) : rc;
}
