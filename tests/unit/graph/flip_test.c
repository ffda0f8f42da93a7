/*
 * Single bytes of a small store are changed, in segments and in the catalog, and everything is
 * asked: each change is found and said, or it is harmless and the answer is the one of before.
 * BTR_LONG=1 takes every byte; else a sample by seed.
 */
#include <test.h>

#include <btr/digest.h>
#include <btr/trace.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <temp_files.h>
#include <unistd.h>

#include "../store/model.h"

enum { SAMPLE = 160, EVENTS = 60, WORKER_TRIALS = 2000 };

/* ---- What is asked --------------------------------------------------------------------------- */

static void number_add(struct btr_buffer *out, uint64_t number)
{
    btr_buffer_u64(out, number);
}

static int entity_take(void *self, const struct btr_entity *e)
{
    struct btr_buffer *out = self;
    number_add(out, e->id.hi);
    number_add(out, e->id.lo);
    number_add(out, e->kind | (uint64_t)e->flags << 8);
    number_add(out, e->event_count);
    number_add(out, (uint64_t)e->first_ns);
    number_add(out, (uint64_t)e->last_ns);
    btr_buffer_span(out, e->host);
    for (uint32_t i = 0; i < e->attr_count; i++) {
        number_add(out, e->attrs[i].key);
        number_add(out, (uint64_t)e->attrs[i].since_ns);
        btr_buffer_span(out, e->attrs[i].value);
    }
    return 0;
}

static int gap_take(void *self, const struct btr_gap_full *g)
{
    struct btr_buffer *out = self;
    number_add(out, (uint64_t)g->gap.from_ns);
    number_add(out, (uint64_t)g->gap.until_ns);
    btr_buffer_span(out, g->host);
    btr_buffer_span(out, g->gap.why);
    return 0;
}

static int input_take(void *self, const struct btr_input *i)
{
    struct btr_buffer *out = self;
    btr_buffer_span(out, i->name);
    btr_buffer_span(out, i->case_id);
    btr_buffer_put(out, i->file_sha256, sizeof(i->file_sha256));
    number_add(out, i->head_hash);
    number_add(out, i->records);
    number_add(out, (uint64_t)i->read_ns);
    return 0;
}

static int source_take(void *self, const struct btr_source_stat *s)
{
    struct btr_buffer *out = self;
    btr_buffer_span(out, s->host);
    btr_buffer_span(out, s->source);
    number_add(out, s->event_count);
    number_add(out, s->gap_count + (s->undecoded << 32));
    return 0;
}

static int event_take(void *self, btr_event_ref ref, const struct btr_event_full *e)
{
    struct btr_buffer *out = self;
    (void)ref;
    number_add(out, e->event.subject.lo);
    number_add(out, e->event.object.lo);
    number_add(out, (uint64_t)e->event.last_ns);
    number_add(out, e->event.record_id);
    number_add(out, e->event.line);
    number_add(out, e->event.operation);
    btr_buffer_span(out, e->host);
    btr_buffer_span(out, e->input);
    return 0;
}

static int trace_ask(const struct model *m, struct btr_reader *r, enum btr_walk_direction direction,
                     struct btr_buffer *out, struct btr_err *err)
{
    struct btr_trace *t = NULL;
    static const struct btr_walk_limits none;
    struct btr_edges edges = btr_edges_of_reader(r);
    int64_t at_ns = direction == BTR_WALK_BACKWARD ? INT64_MAX / 2 : 0;
    struct btr_start start = {m->ids[5], at_ns, UINT32_MAX};
    int rc = btr_walk(&t, &edges, direction, &start, 1, &none, err);
    for (uint32_t i = 0; rc == 0 && i < t->node_count; i++) {
        number_add(out, t->nodes[i].id.lo);
        number_add(out, (uint64_t)t->nodes[i].bound_ns);
    }
    for (uint64_t i = 0; rc == 0 && i < t->step_count; i++) {
        struct btr_event_full full = {.event = {.line = 0}};
        const struct btr_trace_step *s = &t->steps[i];
        number_add(out, s->other);
        number_add(out, (uint64_t)s->first_ns);
        number_add(out, (uint64_t)s->last_ns);
        rc = btr_step_is_pair(s) ? 0 : btr_reader_event(r, s->ref, &full, err);
        number_add(out, full.event.line);
    }
    btr_trace_free(t);
    return rc;
}

static int stat_ask(struct btr_reader *r, struct btr_buffer *out, struct btr_err *err)
{
    struct btr_store_stat stat;
    int rc = btr_reader_stat(r, &stat, err);
    if (rc < 0)
        return rc;
    number_add(out, stat.event_count);
    number_add(out, stat.entity_count);
    number_add(out, stat.record_count);
    number_add(out, stat.gap_count);
    number_add(out, stat.undecoded);
    number_add(out, (uint64_t)stat.first_ns);
    number_add(out, (uint64_t)stat.last_ns);
    return 0;
}

static int ask_once(const struct model *m, struct btr_reader *r, struct btr_buffer *out,
                    struct btr_err *err)
{
    btr_buffer_clear(out);
    int rc = btr_reader_entities(r, BTR_KIND_NONE, INT64_MIN, INT64_MAX, entity_take, out, err);
    if (rc == 0)
        rc = btr_reader_entities_with(r, BTR_KIND_NONE, INT64_MIN, INT64_MAX, BTR_ATTR_PROCESS_PID,
                                      BTR_SPAN("a"), entity_take, out, err);
    if (rc == 0)
        rc = trace_ask(m, r, BTR_WALK_BACKWARD, out, err);
    if (rc == 0)
        rc = trace_ask(m, r, BTR_WALK_FORWARD, out, err);
    if (rc == 0)
        rc = btr_reader_by_record(r, BTR_SPAN("web01"), BTR_SPAN(""), 3, event_take, out, err);
    if (rc == 0)
        rc = btr_reader_by_origin(r, model_input(0), 3, event_take, out, err);
    if (rc == 0)
        rc = btr_reader_gaps(r, gap_take, out, err);
    if (rc == 0)
        rc = btr_reader_sources(r, source_take, out, err);
    if (rc == 0)
        rc = btr_reader_inputs(r, input_take, out, err);
    return rc == 0 ? stat_ask(r, out, err) : rc;
}

/** What comes of a change. */
enum outcome { SAID, HARMLESS, SILENT, REFUSED_WITHOUT_A_WORD, OUTCOMES };

/* Asks as the commands do. *answer is of what could be read. */
static enum outcome ask(const struct model *m, const char *path, uint64_t sound, uint64_t *answer)
{
    struct btr_err err = {0};
    struct btr_reader *reader = NULL;
    struct btr_buffer out = {0};
    int rc = btr_reader_open(&reader, &path, 1, &err);
    if (rc < 0)
        return err.text[0] != '\0' ? SAID : REFUSED_WITHOUT_A_WORD;
    do
        rc = ask_once(m, reader, &out, &err);
    while (rc < 0 && btr_reader_mend(reader, &err) == 1);
    bool said = rc < 0 || btr_reader_damage_count(reader) > 0;
    *answer = btr_hash64(btr_buffer_view(&out));
    btr_reader_close(reader);
    btr_buffer_fini(&out);
    if (rc < 0 && err.text[0] == '\0')
        return REFUSED_WITHOUT_A_WORD;
    if (said)
        return SAID;
    return *answer == sound ? HARMLESS : SILENT;
}

static int fault_count(void *self, const char *segment, const char *what)
{
    (void)segment;
    (void)what;
    ++*(uint32_t *)self;
    return 0;
}

/* ---- Trials ---------------------------------------------------------------------------------- */

/** Counts of a file; a worker writes them into a pipe. */
struct counts {
    uint32_t trials, of[OUTCOMES];
    uint32_t verified;  /* also found by verify */
    uint32_t first_bad; /* offset, UINT32_MAX: none */
};

struct file {
    char path[600];
    uint32_t size;
    bool is_segment;
};

struct flips {
    struct model m;
    char folder[256], path[300];
    struct file files[8];
    uint32_t file_count;
    uint64_t sound;
};

static void byte_change(int fd, uint32_t at, uint8_t mask)
{
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= mask;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static void trial(const struct flips *f, const struct file *file, uint32_t at, struct counts *c)
{
    static const struct timespec long_ago[2] = {{1000000, 0}, {1000000, 0}};
    struct test_random random = {((uint64_t)at << 8) + 1};
    struct btr_err err;
    uint64_t answer = 0;
    uint32_t faults = 0;
    uint8_t mask = (uint8_t)(1U << test_random_below(&random, 8));
    if (test_random_below(&random, 4) == 0)
        mask = (uint8_t)(1 + test_random_below(&random, 255));
    int fd = open(file->path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    byte_change(fd, at, mask);
    assert_int_equal(futimens(fd, long_ago), 0); /* what was written just now is looked at longer */
    enum outcome outcome = ask(&f->m, f->path, f->sound, &answer);
    int verified = btr_store_verify(f->path, fault_count, &faults, &err);
    byte_change(fd, at, mask);
    (void)close(fd);
    c->trials++;
    c->of[outcome]++;
    c->verified += verified < 0;
    bool bad = outcome == SILENT || outcome == REFUSED_WITHOUT_A_WORD ||
               (verified == 0 && (file->is_segment || outcome == SAID));
    if (bad && c->first_bad == UINT32_MAX)
        c->first_bad = at;
    if (bad && getenv("BTR_FLIP_SHOW"))
        fprintf(stderr, "byte %u of %s, mask %02x: outcome %d, verify %d\n", at, file->path, mask,
                (int)outcome, verified);
}

/* In a process of its own, so that a death is seen and nothing piles up. */
static void worker_run(const struct flips *f, const struct file *file, const uint32_t *places,
                       uint32_t count, struct counts *c)
{
    int ends[2];
    struct counts mine = {.first_bad = UINT32_MAX};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (uint32_t i = 0; i < count; i++)
            trial(f, file, places[i], &mine);
        (void)!write(ends[1], &mine, sizeof(mine));
        _exit(0);
    }
    int status = 0;
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &mine, sizeof(mine)), sizeof(mine)); /* else it died */
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    c->trials += mine.trials;
    c->verified += mine.verified;
    for (unsigned i = 0; i < OUTCOMES; i++)
        c->of[i] += mine.of[i];
    c->first_bad = c->first_bad == UINT32_MAX ? mine.first_bad : c->first_bad;
}

static void file_add(struct flips *f, const char *path, bool is_segment)
{
    struct stat st;
    struct file *file = &f->files[f->file_count++];
    assert_true(f->file_count <= sizeof(f->files) / sizeof(*f->files));
    assert_int_equal(stat(path, &st), 0);
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    file->size = (uint32_t)st.st_size;
    file->is_segment = is_segment;
}

/* The segments of all days. */
static void files_find(struct flips *f)
{
    char folder[400], path[1000];
    (void)snprintf(folder, sizeof(folder), "%s/segments", f->path);
    DIR *days = opendir(folder);
    assert_non_null(days);
    for (struct dirent *day; (day = readdir(days)) != NULL;) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, day->d_name);
        DIR *names = day->d_name[0] == '.' ? NULL : opendir(path);
        for (struct dirent *name; names && (name = readdir(names)) != NULL;) {
            char file[1300];
            (void)snprintf(file, sizeof(file), "%s/%s", path, name->d_name);
            if (name->d_name[0] != '.')
                file_add(f, file, true);
        }
        if (names)
            (void)closedir(names);
    }
    (void)closedir(days);
    (void)snprintf(path, sizeof(path), "%s/catalog/data.mdb", f->path);
    file_add(f, path, false);
}

static void flips_init(struct flips *f)
{
    *f = (struct flips){.sound = 0};
    temp_folder_make(f->folder);
    (void)snprintf(f->path, sizeof(f->path), "%s/store", f->folder);
    model_init(&f->m, 91);
    model_store(&f->m, f->path, 2, 1, EVENTS);
    files_find(f);
    assert_int_equal(ask(&f->m, f->path, 0, &f->sound), SILENT); /* not equal to nothing */
    assert_true(f->sound != 0);
}

/* Every byte; or a sample, half of it of bytes that are not 0, as a catalog is mostly empty. */
static uint32_t *places_choose(struct flips *f, const struct file *file, uint32_t *count)
{
    bool all = getenv("BTR_LONG") != NULL;
    *count = all ? file->size : SAMPLE;
    uint32_t *places = malloc((size_t)*count * sizeof(*places));
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    assert_true(places && fd >= 0);
    for (uint32_t i = 0; i < *count; i++) {
        uint8_t byte = 0;
        do {
            places[i] = all ? i : (uint32_t)test_random_below(&f->m.random, file->size);
            assert_int_equal(pread(fd, &byte, 1, places[i]), 1);
        } while (!all && i % 2 == 0 && byte == 0);
    }
    (void)close(fd);
    return places;
}

static void a_changed_byte_is_said_or_harmless(void **state)
{
    (void)state;
    struct flips f;
    flips_init(&f);
    bool good = true;
    for (uint32_t i = 0; i < f.file_count; i++) {
        struct counts c = {.first_bad = UINT32_MAX};
        uint32_t count;
        uint32_t *places = places_choose(&f, &f.files[i], &count);
        for (uint32_t at = 0; at < count; at += WORKER_TRIALS)
            worker_run(&f, &f.files[i], places + at,
                       count - at < WORKER_TRIALS ? count - at : WORKER_TRIALS, &c);
        free(places);
        printf("%s of %u bytes: %u changed, %u said, %u harmless, %u silent, %u refused without a "
               "word; verify found %u\n",
               f.files[i].is_segment ? "segment" : "catalog", f.files[i].size, c.trials, c.of[SAID],
               c.of[HARMLESS], c.of[SILENT], c.of[REFUSED_WITHOUT_A_WORD], c.verified);
        if (c.first_bad != UINT32_MAX)
            printf("first bad: byte %u of %s\n", c.first_bad, f.files[i].path);
        good = good && c.first_bad == UINT32_MAX;
    }
    temp_folder_remove(f.folder);
    model_fini(&f.m);
    assert_true(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_byte_is_said_or_harmless),
    };
    return cmocka_run_group_tests_name("flip", tests, NULL, NULL);
}
