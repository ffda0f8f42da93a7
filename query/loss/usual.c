/*
 * What is the usual business of a program with a file: it opens it often, of all that it opens, or
 * in most of its runs, or it keeps it.
 */
#include <btr/usual.h>
#include <stdlib.h>
#include <string.h>

#include "loss/loss.h"

/* A read tells that something was taken when its program does such a thing as seldom. */
#define USUAL_TELLS 0.3
/* A program that opens it in as many of the runs that others made of it does so in any run. */
#define USUAL_ANY_RUN 0.5

enum { PATH_BYTES = 4096, PROCESSES_MAX = 4096 };

/* Whether a process names a file in its arguments. */
static bool is_named(const struct btr_entity *process, struct btr_span path, int64_t at_ns)
{
    struct btr_span line = btr_entity_attr(process, BTR_ATTR_PROCESS_COMMAND_LINE, at_ns);
    return path.size && btr_span_contains(line, path);
}

/* Counts the intrusion's own processes by program, once. */
static int own_count(struct btr_loss *loss, struct btr_err *err)
{
    const struct btr_extent *x = &loss->extent;
    struct btr_fact fact;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && !loss->own_counted && i < x->count; i++) {
        if (x->items[i].role != BTR_EXTENT_PROCESS || !loss_extent_is_first(loss, i))
            continue;
        rc = loss->facts.fact(loss->facts.self, x->items[i].entity, &fact, err);
        if (rc < 0 || fact.kind != BTR_KIND_PROCESS)
            continue;
        uint64_t program = btr_fact_program(&fact, INT64_MAX);
        uint32_t had = btr_u64map_get(&loss->own_runs, program);
        if (!btr_u64map_set(&loss->own_runs, program, had == UINT32_MAX ? 1 : had + 1))
            rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "programs of the intrusion");
    }
    loss->own_counted = rc == 0;
    return rc;
}

struct counting {
    uint64_t count;
};

static int process_visit(void *self, const struct btr_entity *e)
{
    struct counting *c = self;
    (void)e;
    return ++c->count >= PROCESSES_MAX;
}

/* How often a program was run: how often its own file was; by another name of that, as a link, how
 * many processes were it. */
static int runs_of(struct btr_loss *loss, uint64_t program, struct btr_span executable,
                   uint64_t *runs, struct btr_err *err)
{
    const struct btr_usual *u = &loss->found->usual;
    uint32_t known = btr_u64map_get(&loss->runs, program);
    struct counting c = {0};
    *runs = u->both(u->self, program, btr_usual_file(executable));
    if (*runs || executable.size == 0)
        return 0;
    *runs = known;
    if (known != UINT32_MAX)
        return 0;
    int rc =
        btr_reader_entities_with(loss->reader, BTR_KIND_PROCESS, INT64_MIN, INT64_MAX,
                                 BTR_ATTR_PROCESS_EXECUTABLE, executable, process_visit, &c, err);
    *runs = c.count;
    if (rc >= 0 && !btr_u64map_set(&loss->runs, program, (uint32_t)c.count))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "how often programs were run");
    return rc < 0 ? rc : 0;
}

/* A program and a file, and one process of it that opened it. */
struct opening {
    struct btr_id process, file;
    int64_t at_ns;
    uint64_t program, file_key; /* as struct btr_usual has them */
};

struct own_opens {
    struct btr_loss *loss;
    uint64_t count;
};

static int opens_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct own_opens *o = self;
    for (uint32_t i = 0; i < flow_count; i++)
        o->count +=
            btr_usual_counts(flows[i].operation) && loss_is_its_own(o->loss, flows[i].other);
    return 0;
}

/* How often processes of the intrusion opened a file; asked of one file for each of them. */
static int own_opens(struct btr_loss *loss, struct btr_id file, uint64_t *count,
                     struct btr_err *err)
{
    struct own_opens opens = {loss, 0};
    int rc = 0;
    if (!btr_id_equal(loss->opens_of, file))
        rc = loss->all.flows(loss->all.self, file, BTR_SIDE_OUT_OF, INT64_MIN, NULL, opens_visit,
                             &opens, err);
    if (rc == 0 && !btr_id_equal(loss->opens_of, file)) {
        loss->opens_of = file;
        loss->own_opens = opens.count;
    }
    *count = loss->own_opens;
    return rc;
}

/* Whether a program opens a file whatever it is run for, as those runs show that are not the
 * intrusion's. One that is told to, by its arguments, does it for that. */
static int in_any_run(struct btr_loss *loss, const struct opening *o, bool *any,
                      struct btr_err *err)
{
    const struct btr_usual *u = &loss->found->usual;
    struct btr_entity e;
    uint8_t path[PATH_BYTES];
    *any = false;
    int rc = loss_entity(loss, o->file, &e, err);
    struct btr_span name =
        rc == 0 ? btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX) : (struct btr_span){0};
    name.size = name.size < sizeof path ? name.size : sizeof path;
    if (name.size)
        memcpy(path, name.at, name.size);
    name.at = path;
    if (rc == 0)
        rc = loss_entity(loss, o->process, &e, err);
    if (rc < 0 || is_named(&e, name, o->at_ns))
        return rc;
    struct btr_span executable = btr_entity_attr(&e, BTR_ATTR_PROCESS_EXECUTABLE, o->at_ns);
    uint64_t runs = 0, both = u->both(u->self, o->program, o->file_key);
    rc = runs_of(loss, o->program, executable, &runs, err);
    if (rc == 0)
        rc = own_count(loss, err);
    uint64_t opens = 0;
    if (rc == 0)
        rc = own_opens(loss, o->file, &opens, err);
    uint32_t had = btr_u64map_get(&loss->own_runs, o->program);
    uint64_t own = had == UINT32_MAX ? 0 : had;
    uint64_t own_both = opens > own ? opens : own;
    if (rc == 0 && runs > own && both > own_both)
        *any = (double)(both - own_both) >= USUAL_ANY_RUN * (double)(runs - own);
    return rc;
}

int loss_is_usual(struct btr_loss *loss, uint32_t asset, struct btr_id process, struct btr_id file,
                  int64_t at_ns, bool *usual, struct btr_err *err)
{
    uint64_t keeper = asset == LOSS_NONE ? 0 : loss->rows[asset].keeper;
    struct btr_fact who = {0}, what = {0};
    int rc = loss->facts.fact(loss->facts.self, process, &who, err);
    uint64_t program = rc == 0 ? btr_fact_program(&who, at_ns) : 0;
    if (rc == 0)
        rc = loss->facts.fact(loss->facts.self, file, &what, err);
    *usual = rc == 0 && keeper && program == keeper;
    if (rc < 0 || *usual || !what.file)
        return rc;
    *usual = btr_usual_tells(&loss->found->usual, program, what.file) < USUAL_TELLS;
    if (*usual || !program)
        return 0;
    return in_any_run(loss, &(struct opening){process, file, at_ns, program, what.file}, usual,
                      err);
}
