/*
 * Which of the intrusion's deeds took a trace away. A log is told from other files by who writes
 * it, not by its name alone; what a program makes and removes for its own work is told apart.
 */
#include <stdlib.h>
#include <string.h>

#include "loss/after.h"

enum { PAST_WRITERS = 32, LOG_WRITES = 3, SETTLED_PROGRAMS = 16 };

/* What a program does as seldom is not its usual work. */
#define ERASED_TELLS 0.3

/* ---- What had become of a file ----------------------------------------------------------------
 */

/* A process that wrote to the file and is not the intrusion's. */
struct writer {
    struct btr_id process;
    int64_t at_ns;
    uint32_t writes;
    bool reads;
};

struct past {
    const struct btr_loss *loss;
    const struct loss_deed *deed;
    struct btr_id maker; /* that created it last before the deed; none: not seen */
    int64_t made_ns;
    int64_t first_ns; /* of the first event about it */
    int64_t view_ns;  /* since when it is seen to be a view of something of the intrusion */
    struct writer writers[PAST_WRITERS];
    uint32_t writer_count;
    struct btr_id wrote; /* a process of the intrusion that wrote to it last before the deed */
    int64_t wrote_ns;
    bool ran, sent; /* it was run; who read it sent something out */
    bool by_doer;   /* who did the deed had made it, or emptied it */
};

static bool is_own(const struct btr_loss *loss, const struct btr_flow *f)
{
    uint32_t item = loss_extent_at(loss, f->other, f->first_ns, f->last_ns);
    return item != LOSS_NONE && loss->extent.items[item].role == BTR_EXTENT_PROCESS;
}

static struct writer *writer_of(struct past *p, struct btr_id process)
{
    uint32_t i = 0;
    while (i < p->writer_count && !btr_id_equal(p->writers[i].process, process))
        i++;
    return i < PAST_WRITERS ? &p->writers[i] : NULL;
}

static void writer_note(struct past *p, const struct btr_flow *f)
{
    struct writer *w = writer_of(p, f->other);
    if (!w)
        return;
    if (w == &p->writers[p->writer_count]) {
        *w = (struct writer){.process = f->other};
        p->writer_count++;
    }
    w->at_ns = f->last_ns;
    w->writes++;
    w->reads |= f->operation == BTR_OP_OPEN_BOTH;
}

static bool written_test(void *self, const struct btr_flow *f)
{
    struct past *p = self;
    bool names = f->operation == BTR_OP_RENAMED || f->operation == BTR_OP_LINKED ||
                 f->operation == BTR_OP_SAME;
    p->first_ns = f->first_ns < p->first_ns ? f->first_ns : p->first_ns;
    if (f->operation == BTR_OP_SAME && f->first_ns < p->view_ns &&
        loss_extent_at(p->loss, f->other, f->first_ns, f->last_ns) != LOSS_NONE)
        p->view_ns = f->first_ns;
    if (names || !btr_extent_writes(f->operation))
        return false;
    if (!is_own(p->loss, f)) {
        writer_note(p, f);
    } else if (f->last_ns <= p->deed->at_ns && f->last_ns > p->wrote_ns) {
        p->wrote = f->other;
        p->wrote_ns = f->last_ns;
    }
    if (f->operation == BTR_OP_CREATE && f->last_ns <= p->deed->at_ns && f->last_ns > p->made_ns) {
        p->maker = f->other;
        p->made_ns = f->last_ns;
    }
    if (f->operation == BTR_OP_CREATE || f->operation == BTR_OP_TRUNCATE ||
        f->operation == BTR_OP_RENAME)
        p->by_doer |= btr_id_equal(f->other, p->deed->process);
    return false;
}

static bool sends_out(const struct btr_loss *loss, struct btr_id process)
{
    return btr_idmap_get(&loss->senders, process) != UINT32_MAX;
}

static bool used_test(void *self, const struct btr_flow *f)
{
    struct past *p = self;
    p->first_ns = f->first_ns < p->first_ns ? f->first_ns : p->first_ns;
    if (f->operation == BTR_OP_OPEN_READ || f->operation == BTR_OP_READ) {
        for (uint32_t i = 0; i < p->writer_count; i++)
            p->writers[i].reads |= btr_id_equal(p->writers[i].process, f->other);
        p->sent |= f->last_ns >= p->made_ns && f->first_ns <= p->deed->at_ns &&
                   sends_out(p->loss, f->other);
    }
    p->ran |= (f->operation == BTR_OP_EXEC || f->operation == BTR_OP_LOAD ||
               f->operation == BTR_OP_MAP) &&
              f->last_ns >= p->made_ns && f->first_ns <= p->deed->at_ns;
    return false;
}

static int past_find(struct past *p, struct btr_loss *loss, const struct loss_deed *deed,
                     struct btr_err *err)
{
    struct loss_flows none = {0};
    *p = (struct past){.loss = loss,
                       .deed = deed,
                       .made_ns = INT64_MIN,
                       .wrote_ns = INT64_MIN,
                       .first_ns = INT64_MAX,
                       .view_ns = INT64_MAX};
    int rc = loss_flows_of(&none, &loss->all, deed->entity, BTR_SIDE_INTO, INT64_MAX, written_test,
                           p, err);
    if (rc == 0)
        rc = loss_flows_of(&none, &loss->all, deed->entity, BTR_SIDE_OUT_OF, INT64_MIN, used_test,
                           p, err);
    return rc;
}

/* ---- What sort of trace it is -----------------------------------------------------------------
 */

/* What is known of a deed on a file. */
struct case_of {
    const struct loss_deed *deed;
    struct past past;
    struct loss_erasure *erasure;
    uint64_t program;
    double tells;  /* how seldom that program turns to that file */
    bool made;     /* the intrusion had made it */
    bool by_usual; /* others of that program write to it */
    bool is_server;
};

static int programs_compare(struct btr_loss *loss, struct case_of *c, struct btr_err *err)
{
    struct btr_fact doer, file;
    int rc = loss->facts.fact(loss->facts.self, c->deed->process, &doer, err);
    c->program = rc == 0 ? btr_fact_program(&doer, c->deed->at_ns) : 0;
    for (uint32_t i = 0; rc == 0 && c->program && i < c->past.writer_count; i++) {
        struct btr_fact other;
        rc = loss->facts.fact(loss->facts.self, c->past.writers[i].process, &other, err);
        c->by_usual |= rc == 0 && btr_fact_program(&other, c->past.writers[i].at_ns) == c->program;
    }
    if (rc == 0)
        rc = loss->facts.fact(loss->facts.self, c->deed->entity, &file, err);
    c->tells = rc == 0 && file.file && loss->found->usual.self
                   ? btr_usual_tells(&loss->found->usual, c->program, file.file)
                   : 1;
    return rc;
}

/* Programs that write to it time and again, and never read it, write a log. */
static bool is_kept_log(const struct past *p)
{
    bool kept = false;
    for (uint32_t i = 0; i < p->writer_count; i++) {
        if (p->writers[i].reads)
            return false;
        kept |= p->writers[i].writes >= LOG_WRITES;
    }
    return kept;
}

/* Whether somebody else keeps it as a log, and this program has no business with that: the same
 * whenever the program writes to it. */
static bool may_be_log(const struct case_of *c)
{
    return !c->by_usual && c->tells >= ERASED_TELLS &&
           (is_kept_log(&c->past) || loss_is_log_name(c->erasure->path));
}

/* A log that the intrusion had not made. */
static bool is_log(const struct case_of *c)
{
    return !c->made && may_be_log(c);
}

/* Writing to a file that is no erasure, however often: a log is read whole each time. */
struct settled {
    uint64_t programs[SETTLED_PROGRAMS]; /* by which it is none */
    uint32_t count;
    int64_t made_ns; /* from then on it is none by any: the intrusion made it; INT64_MAX */
};

static bool is_settled(const struct settled *s, uint64_t program, int64_t at_ns)
{
    uint32_t i = 0;
    while (i < s->count && s->programs[i] != program)
        i++;
    return i < s->count || at_ns >= s->made_ns;
}

static void settle(struct settled *s, const struct case_of *c)
{
    if (c->deed->kind != LOSS_DEED_WRITTEN)
        return;
    if (c->made && c->past.made_ns != INT64_MIN && c->past.made_ns < s->made_ns)
        s->made_ns = c->past.made_ns;
    if (c->program && !may_be_log(c) && s->count < SETTLED_PROGRAMS)
        s->programs[s->count++] = c->program;
}

static bool say(struct loss_erasure *e, const char *technique)
{
    e->technique = technique;
    return true;
}

/* Times that a program sets on what it has just written are copied with it: cp -p, tar, rsync. */
static bool is_forged(const struct btr_loss *loss, const struct case_of *c)
{
    uint32_t item = loss_extent_at(loss, c->deed->entity, INT64_MIN, c->deed->at_ns);
    return item != LOSS_NONE && !c->past.by_doer && !c->is_server;
}

/* The kernel's own files hold nothing that could be taken away. */
static bool is_kernels(struct btr_span path)
{
    static const char *const FOLDERS[] = {"/proc/", "/sys/"};
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        size_t size = strlen(FOLDERS[i]);
        if (path.size >= size && memcmp(path.at, FOLDERS[i], size) == 0)
            return true;
    }
    return false;
}

static bool is_erasure(const struct btr_loss *loss, struct case_of *c)
{
    struct loss_erasure *e = c->erasure;
    bool there_before = c->past.first_ns < c->deed->at_ns && !c->made;
    bool other_work = !c->by_usual && c->tells >= ERASED_TELLS;
    if (c->deed->kind == LOSS_DEED_TIMED) {
        e->doubt = "what the times were set to is not recorded";
        return is_forged(loss, c) && say(e, "T1070.006");
    }
    if (loss_is_history(e->path) && c->deed->kind >= LOSS_DEED_REPLACED && !c->is_server)
        return say(e, "T1070.003");
    if (is_log(c)) {
        if (c->past.writer_count == 0)
            e->doubt = "nobody else is seen to write to it";
        return say(e, "T1070.002");
    }
    if (c->deed->kind == LOSS_DEED_DELETED) {
        e->temporary = c->made && btr_id_equal(c->past.maker, c->deed->process) && !c->past.ran &&
                       !c->past.sent;
        return (!c->is_server || c->made) && say(e, "T1070.004");
    }
    /* what it held before is gone, unless it outlives the session: then it is told as remaining */
    return (c->deed->kind == LOSS_DEED_EMPTIED || c->deed->kind == LOSS_DEED_REPLACED) &&
           there_before && other_work && !c->is_server && !is_kernels(e->path) &&
           !loss_place_of_file(e->path) && say(e, "T1565.001");
}

/* ---- Erasures ---------------------------------------------------------------------------------
 */

int loss_erasure_add(struct btr_loss *loss, const struct loss_erasure *erasure, struct btr_err *err)
{
    struct loss_after *after = loss->after;
    if (!btr_list_room(&after->erasures, after->erasure_count, &after->erasure_capacity, 32,
                       sizeof *after->erasures))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u erased traces", after->erasure_count);
    after->erasures[after->erasure_count++] = *erasure;
    return 0;
}

int loss_erasure_name(struct btr_loss *loss, struct loss_erasure *e, struct btr_err *err)
{
    struct btr_entity entity;
    int rc = loss_entity(loss, e->entity, &entity, err);
    if (rc == 0 &&
        (!btr_arena_copy(loss->arena, entity.host, &e->host) ||
         !btr_arena_copy(loss->arena, btr_entity_attr(&entity, BTR_ATTR_FILE_PATH, e->at_ns),
                         &e->path)))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "name of an erased file");
    return rc;
}

/* What a program opens whenever it runs is settled without a look at the file. */
static int is_worth_looking(struct btr_loss *loss, const struct loss_deed *d,
                            const struct settled *settled, bool *worth, struct btr_err *err)
{
    struct btr_fact fact, doer = {0};
    int rc = loss->facts.fact(loss->facts.self, d->entity, &fact, err);
    *worth = rc == 0 && fact.kind == BTR_KIND_FILE;
    if (!*worth || d->kind != LOSS_DEED_WRITTEN)
        return rc;
    rc = loss->facts.fact(loss->facts.self, d->process, &doer, err);
    uint64_t program = rc == 0 ? btr_fact_program(&doer, d->at_ns) : 0;
    *worth = rc == 0 && !is_settled(settled, program, d->at_ns);
    if (*worth && fact.file && loss->found->usual.self)
        *worth = btr_usual_tells(&loss->found->usual, program, fact.file) >= ERASED_TELLS;
    return rc;
}

static int case_look(struct btr_loss *loss, const struct loss_deed *d, struct settled *settled,
                     struct loss_erasure *e, bool *is, struct btr_err *err)
{
    struct case_of c = {.deed = d, .erasure = e};
    c.is_server = loss->extent.items[d->item].role == BTR_EXTENT_SERVER;
    int rc = is_worth_looking(loss, d, settled, is, err);
    if (rc < 0 || !*is)
        return rc;
    *e = (struct loss_erasure){.entity = d->entity,
                               .process = d->process,
                               .at_ns = d->at_ns,
                               .ref = d->ref,
                               .deed = d->kind};
    rc = loss_erasure_name(loss, e, err);
    if (rc == 0)
        rc = past_find(&c.past, loss, d, err);
    if (rc == 0)
        rc = programs_compare(loss, &c, err);
    uint32_t maker = rc == 0 && !btr_id_is_none(c.past.maker)
                         ? loss_extent_at(loss, c.past.maker, c.past.made_ns, c.past.made_ns)
                         : LOSS_NONE;
    /* or nothing is known of it before it was a view of what the intrusion had made */
    c.made =
        maker != LOSS_NONE || (c.past.view_ns != INT64_MAX && c.past.view_ns <= c.past.first_ns);
    e->made = c.made;
    if (c.made && d->kind != LOSS_DEED_TIMED && !btr_id_equal(c.past.wrote, d->process))
        e->writer = c.past.wrote;
    *is = rc == 0 && is_erasure(loss, &c);
    if (rc == 0)
        settle(settled, &c);
    return rc;
}

/* Deeds on one file are one trace: of those that erased, the greatest and last. Set times are told
 * beside it. */
static int file_take(struct btr_loss *loss, const struct loss_deed *deeds, uint32_t count,
                     struct btr_err *err)
{
    struct loss_erasure best = {.technique = NULL}, times = {.technique = NULL};
    struct settled settled = {.made_ns = INT64_MAX};
    int rc = 0;
    for (uint32_t i = count; rc == 0 && i-- > 0;) { /* of two alike the last is told */
        struct loss_erasure e;
        bool is = false, timed = deeds[i].kind == LOSS_DEED_TIMED;
        struct loss_erasure *to = timed ? &times : &best;
        if (to->technique && deeds[i].kind <= to->deed)
            continue;
        rc = case_look(loss, &deeds[i], &settled, &e, &is, err);
        if (rc < 0 || !is)
            continue;
        *to = e;
    }
    if (rc == 0 && best.technique && !best.temporary)
        rc = loss_lineage_find(loss, &best, best.made, err);
    if (rc == 0 && best.technique)
        rc = loss_erasure_add(loss, &best, err);
    if (rc == 0 && times.technique)
        rc = loss_erasure_add(loss, &times, err);
    return rc;
}

static int erasure_compare(const void *x, const void *y)
{
    const struct loss_erasure *a = x, *b = y;
    if (a->temporary != b->temporary)
        return a->temporary ? 1 : -1;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    int c = btr_id_compare(a->entity, b->entity);
    if (c == 0)
        c = btr_span_compare(a->path, b->path);
    return c ? c : (int)a->deed - (int)b->deed;
}

int loss_erased_find(struct btr_loss *loss, struct btr_err *err)
{
    struct loss_deed *deeds = NULL;
    uint32_t count = 0;
    int rc = loss_deeds_find(loss, &deeds, &count, err);
    for (uint32_t begin = 0, end; rc == 0 && begin < count; begin = end) {
        for (end = begin + 1; end < count && btr_id_equal(deeds[end].entity, deeds[begin].entity);)
            end++;
        rc = file_take(loss, &deeds[begin], end - begin, err);
    }
    if (rc == 0)
        rc = loss_tried_find(loss, err);
    if (rc == 0)
        rc = loss_logging_find(loss, deeds, count, err);
    free(deeds);
    if (rc == 0 && loss->after->erasure_count)
        qsort(loss->after->erasures, loss->after->erasure_count, sizeof *loss->after->erasures,
              erasure_compare);
    return rc;
}
