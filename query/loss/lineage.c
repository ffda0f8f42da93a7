/*
 * What an erased file had held, and where that may still be. Followed are the intrusion's own
 * processes and files, the pipes between them and both ends of its connections; where its content
 * came from anything else, that is named and not followed.
 */
#include <stdlib.h>

#include "loss/after.h"

enum { LINEAGE_NODES = 512, LINEAGE_FLOWS = 4096, LINEAGE_ROUNDS = 16 };

/* A read tells where content came from when its program does such a thing as seldom. */
#define LINEAGE_TELLS 0.3

struct place {
    struct btr_id id;
    int64_t
        bound_ns; /* backward: what came to it later does not count; forward: what left before */
    uint8_t kind;
    bool due; /* to be looked at, again when its bound has changed */
};

struct following {
    struct btr_loss *loss;
    struct btr_id file; /* the erased one */
    struct place places[LINEAGE_NODES];
    uint32_t count;
    struct btr_idmap seen;
    struct loss_flows flows;
    bool backward;
    struct btr_err *err;
};

/* ---- Where a way goes on --------------------------------------------------------------------- */

static bool is_pipe(uint8_t kind)
{
    return kind == BTR_KIND_CHANNEL || kind == BTR_KIND_MEMORY;
}

static int place_add(struct following *f, struct btr_id id, int64_t bound_ns)
{
    struct btr_fact fact;
    uint32_t had = btr_idmap_get(&f->seen, id);
    if (had != UINT32_MAX) {
        struct place *p = &f->places[had];
        if (f->backward ? bound_ns > p->bound_ns : bound_ns < p->bound_ns) {
            p->bound_ns = bound_ns;
            p->due = true;
        }
        return 0;
    }
    if (f->count == LINEAGE_NODES)
        return 0;
    int rc = f->loss->facts.fact(f->loss->facts.self, id, &fact, f->err);
    if (rc < 0)
        return rc;
    if (btr_idmap_add(&f->seen, id, f->count) == UINT32_MAX)
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "lineage of an erased file");
    f->places[f->count++] = (struct place){id, bound_ns, fact.kind, true};
    return 0;
}

/* Whether it is the intrusion's own at that time, or a pipe: what comes to it comes from somewhere
 * else. */
static bool goes_on(const struct following *f, const struct place *p)
{
    int64_t first_ns = f->backward ? INT64_MIN : p->bound_ns;
    int64_t last_ns = f->backward ? p->bound_ns : INT64_MAX;
    uint32_t item = loss_extent_at(f->loss, p->id, first_ns, last_ns);
    if (is_pipe(p->kind) || btr_id_equal(p->id, f->file))
        return true;
    if (item == LOSS_NONE || btr_idmap_get(&f->loss->of_piece, p->id) != LOSS_NONE)
        return false;
    uint8_t role = f->loss->extent.items[item].role;
    return p->kind == BTR_KIND_FLOW ? role == BTR_EXTENT_CONNECTION
                                    : role == BTR_EXTENT_PROCESS || role == BTR_EXTENT_OBJECT;
}

/* The other ends of a connection. */
static int ends_add(struct following *f, const struct place *p)
{
    uint32_t place = LOSS_NONE;
    struct btr_id other;
    int rc = 0;
    while (rc == 0 && loss_joint_each(f->loss, p->id, &place, &other))
        rc = place_add(f, other, p->bound_ns);
    return rc;
}

/* Programs and what they hand to their children say nothing of where a file's content came from. */
static bool is_content(void *self, const struct btr_flow *flow)
{
    const struct following *f = self;
    switch (flow->operation) {
    case BTR_OP_FORK:
    case BTR_OP_EXEC:
    case BTR_OP_LOAD:
    case BTR_OP_MAP:
        return false;
    default:
        return f->flows.count < LINEAGE_FLOWS;
    }
}

/* What a program reads whatever it is told to do is no source of what it wrote. */
static int is_usual(const struct following *f, const struct place *process,
                    const struct btr_flow *flow, bool *usual)
{
    struct btr_fact program, file;
    *usual = false;
    if (process->kind != BTR_KIND_PROCESS)
        return 0;
    int rc = f->loss->facts.fact(f->loss->facts.self, process->id, &program, f->err);
    if (rc == 0)
        rc = f->loss->facts.fact(f->loss->facts.self, flow->other, &file, f->err);
    *usual = rc == 0 && file.file && f->loss->found->usual.self &&
             btr_usual_tells(&f->loss->found->usual, btr_fact_program(&program, flow->last_ns),
                             file.file) < LINEAGE_TELLS;
    return rc;
}

static int place_follow(struct following *f, uint32_t at)
{
    const struct place p = f->places[at];
    enum btr_side side = f->backward ? BTR_SIDE_INTO : BTR_SIDE_OUT_OF;
    int rc =
        loss_flows_of(&f->flows, &f->loss->edges, p.id, side, p.bound_ns, is_content, f, f->err);
    for (uint32_t i = 0; rc == 0 && i < f->flows.count; i++) {
        const struct btr_flow *flow = &f->flows.list[i];
        bool usual = false;
        if (f->backward)
            rc = is_usual(f, &p, flow, &usual);
        int64_t bound_ns = f->backward
                               ? (flow->last_ns < p.bound_ns ? flow->last_ns : p.bound_ns)
                               : (flow->first_ns > p.bound_ns ? flow->first_ns : p.bound_ns);
        if (rc == 0 && !usual)
            rc = place_add(f, flow->other, bound_ns);
    }
    return rc == 0 && p.kind == BTR_KIND_FLOW ? ends_add(f, &p) : rc;
}

static int follow(struct following *f, struct btr_id file, int64_t bound_ns, bool backward)
{
    f->count = 0;
    f->file = file;
    f->backward = backward;
    btr_idmap_reset(&f->seen);
    int rc = place_add(f, file, bound_ns);
    bool due = true;
    for (uint32_t round = 0; rc == 0 && due && round < LINEAGE_ROUNDS; round++) {
        due = false;
        for (uint32_t at = 0; rc == 0 && at < f->count; at++) {
            if (!f->places[at].due)
                continue;
            f->places[at].due = false;
            due = true;
            if (goes_on(f, &f->places[at]))
                rc = place_follow(f, at);
        }
    }
    return rc;
}

/* ---- What it had held ------------------------------------------------------------------------ */

/* The asset that something is of; LOSS_NONE. */
static uint32_t asset_of(const struct btr_loss *loss, struct btr_id id)
{
    uint32_t piece = btr_idmap_get(&loss->of_piece, id);
    return piece == LOSS_NONE ? LOSS_NONE : loss->pieces[piece].asset;
}

/* Files of one asset are told as one, and so are connections between the same two addresses. */
static int is_told(const struct following *f, const struct btr_id *told, uint32_t count,
                   struct btr_id id, const struct btr_fact *fact, bool *is)
{
    uint32_t asset = asset_of(f->loss, id);
    int rc = 0;
    *is = false;
    for (uint32_t i = 0; rc == 0 && i < count && !*is; i++) {
        struct btr_fact before;
        *is = asset != LOSS_NONE && asset_of(f->loss, told[i]) == asset;
        if (*is || fact->kind != BTR_KIND_FLOW)
            continue;
        rc = f->loss->facts.fact(f->loss->facts.self, told[i], &before, f->err);
        *is = rc == 0 && before.kind == BTR_KIND_FLOW && before.source == fact->source &&
              before.destination == fact->destination;
    }
    return rc;
}

static int place_tell(const struct following *f, struct btr_id *told, uint32_t *count,
                      const struct place *p, const struct btr_fact *fact)
{
    bool is = false;
    uint32_t kept = *count < LOSS_LINEAGE_TOLD ? *count : LOSS_LINEAGE_TOLD;
    int rc = is_told(f, told, kept, p->id, fact, &is);
    if (rc < 0 || is)
        return rc;
    if (*count < LOSS_LINEAGE_TOLD)
        told[*count] = p->id;
    ++*count;
    return 0;
}

static int others_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    const struct btr_loss *loss = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *flow = &flows[i];
        bool program = flow->operation == BTR_OP_EXEC || flow->operation == BTR_OP_LOAD ||
                       flow->operation == BTR_OP_MAP;
        if (flow->operation != BTR_OP_SAME &&
            (program || loss_extent_at(loss, flow->other, INT64_MIN, INT64_MAX) == LOSS_NONE))
            return 1;
    }
    return 0;
}

/* Whether somebody else reads a file, or it is a program. Asked once of each: what a compiler reads
 * many erased files had. */
static int by_others(struct btr_loss *loss, struct btr_id file, bool *is, struct btr_err *err)
{
    uint32_t known = btr_idmap_get(&loss->others_read, file);
    *is = known == 1;
    if (known != UINT32_MAX)
        return 0;
    int rc = loss->all.flows(loss->all.self, file, BTR_SIDE_OUT_OF, INT64_MIN, NULL, others_visit,
                             loss, err);
    *is = rc == 1;
    if (rc >= 0 && btr_idmap_add(&loss->others_read, file, *is) == UINT32_MAX)
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who reads files");
    return rc < 0 ? rc : 0;
}

enum { ORIGIN_ASSET, ORIGIN_OUTSIDE, ORIGIN_FILE, ORIGIN_OTHER, ORIGIN_NONE };

/* Assets first, then connections to the outside, then files that nobody else reads: libraries and
 * settings are read by all that run a program. */
static int origin_rank(struct following *f, const struct place *p, const struct btr_fact *fact,
                       uint32_t *rank)
{
    bool outside = fact->kind == BTR_KIND_FLOW && fact->outside;
    *rank = ORIGIN_NONE;
    if (goes_on(f, p) && !outside)
        return 0;
    if (btr_idmap_get(&f->loss->of_piece, p->id) != LOSS_NONE)
        *rank = ORIGIN_ASSET;
    else if (outside)
        *rank = ORIGIN_OUTSIDE;
    else if (p->kind != BTR_KIND_FILE)
        *rank = ORIGIN_OTHER;
    if (*rank != ORIGIN_NONE)
        return 0;
    bool others;
    int rc = by_others(f->loss, p->id, &others, f->err);
    if (rc == 0 && !others)
        *rank = ORIGIN_FILE;
    return rc;
}

static int held_find(struct following *f, struct loss_erasure *e)
{
    uint8_t ranks[LINEAGE_NODES];
    int rc = 0;
    e->held_count = 0;
    for (uint32_t i = 1; rc == 0 && i < f->count; i++) {
        struct btr_fact fact;
        uint32_t rank = ORIGIN_NONE;
        rc = f->loss->facts.fact(f->loss->facts.self, f->places[i].id, &fact, f->err);
        if (rc == 0)
            rc = origin_rank(f, &f->places[i], &fact, &rank);
        ranks[i] = (uint8_t)rank;
    }
    for (uint32_t rank = 0; rc == 0 && rank < ORIGIN_NONE; rank++) {
        if (rank == ORIGIN_OTHER && e->held_count)
            break;
        for (uint32_t i = 1; rc == 0 && i < f->count; i++) {
            struct btr_fact fact;
            if (ranks[i] != rank)
                continue;
            rc = f->loss->facts.fact(f->loss->facts.self, f->places[i].id, &fact, f->err);
            if (rc == 0)
                rc = place_tell(f, e->held, &e->held_count, &f->places[i], &fact);
        }
    }
    return rc;
}

/* ---- Where it may still be ------------------------------------------------------------------- */

struct life {
    int64_t made_ns, gone_ns;
    struct btr_id *views;
    uint32_t view_count, view_capacity;
    bool linked, failed;
};

static bool life_test(void *self, const struct btr_flow *f)
{
    struct life *l = self;
    if (f->flags & BTR_EVENT_FAILED)
        return false;
    if (f->operation == BTR_OP_DELETE && f->last_ns > l->gone_ns)
        l->gone_ns = f->last_ns;
    if ((f->operation == BTR_OP_CREATE || f->operation == BTR_OP_RENAME ||
         f->operation == BTR_OP_LINK) &&
        f->last_ns > l->made_ns)
        l->made_ns = f->last_ns;
    l->linked |= f->operation == BTR_OP_LINK || f->operation == BTR_OP_LINKED;
    return false;
}

static bool view_test(void *self, const struct btr_flow *f)
{
    (void)self;
    return f->operation == BTR_OP_SAME;
}

static int name_gone(struct btr_loss *loss, struct btr_id file, struct life *life,
                     struct btr_err *err)
{
    struct loss_flows none = {0};
    return loss_flows_of(&none, &loss->all, file, BTR_SIDE_INTO, INT64_MAX, life_test, life, err);
}

static int gone_find(struct btr_loss *loss, struct btr_id file, bool *gone, struct btr_err *err)
{
    struct life life = {.made_ns = INT64_MIN, .gone_ns = INT64_MIN};
    struct loss_flows views = {0};
    int rc = name_gone(loss, file, &life, err);
    *gone = life.gone_ns > life.made_ns;
    if (rc == 0 && !*gone && !life.linked)
        rc = loss_flows_of(&views, &loss->all, file, BTR_SIDE_ALL, 0, view_test, NULL, err);
    /* another view of it, as a container has it: removed there it is removed here */
    for (uint32_t i = 0; rc == 0 && !*gone && i < views.count; i++) {
        struct life other = {.made_ns = INT64_MIN, .gone_ns = INT64_MIN};
        rc = name_gone(loss, views.list[i].other, &other, err);
        *gone = !other.linked && other.gone_ns > other.made_ns && other.gone_ns > life.made_ns;
    }
    loss_flows_fini(&views);
    return rc;
}

int loss_is_gone(struct btr_loss *loss, struct btr_id file, bool *gone, struct btr_err *err)
{
    uint32_t known = btr_idmap_get(&loss->gone, file);
    *gone = known == 1;
    if (known != UINT32_MAX)
        return 0;
    int rc = gone_find(loss, file, gone, err);
    return rc == 0 && btr_idmap_add(&loss->gone, file, *gone) == UINT32_MAX
               ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "which files are gone")
               : rc;
}

/* A server that read it handed it on by what it sent to the intrusion then. */
static int served_tell(struct following *f, struct loss_erasure *e, const struct place *p)
{
    const struct btr_loss *loss = f->loss;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->exit_count; i++) {
        const struct loss_exit *exit = &loss->exits[i];
        struct btr_fact fact;
        if (!btr_id_equal(exit->process, p->id) || exit->last_ns < p->bound_ns)
            continue;
        rc = loss->facts.fact(loss->facts.self, exit->entity, &fact, f->err);
        if (rc == 0)
            rc = place_tell(f, e->copies, &e->copy_count, &(struct place){.id = exit->entity},
                            &fact);
    }
    return rc;
}

static int copies_find(struct following *f, struct loss_erasure *e)
{
    int rc = 0;
    e->copy_count = 0;
    for (uint32_t i = 1; rc == 0 && i < f->count; i++) {
        struct btr_fact fact;
        const struct place *p = &f->places[i];
        bool gone = false;
        rc = f->loss->facts.fact(f->loss->facts.self, p->id, &fact, f->err);
        bool outside = fact.kind == BTR_KIND_FLOW && fact.outside;
        if (rc == 0 && fact.kind == BTR_KIND_PROCESS && !goes_on(f, p))
            rc = served_tell(f, e, p);
        if (rc < 0 || (fact.kind != BTR_KIND_FILE && !outside) || (!outside && !goes_on(f, p)))
            continue;
        if (!outside)
            rc = loss_is_gone(f->loss, p->id, &gone, f->err);
        if (rc == 0 && !gone)
            rc = place_tell(f, e->copies, &e->copy_count, p, &fact);
    }
    return rc;
}

int loss_lineage_find(struct btr_loss *loss, struct loss_erasure *e, bool made, struct btr_err *err)
{
    struct following *f = calloc(1, sizeof *f);
    int64_t since_ns = loss_since(loss, e->entity);
    if (!f)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "lineage of an erased file");
    f->loss = loss;
    f->err = err;
    int rc = 0;
    if (made && since_ns < e->at_ns) {
        rc = follow(f, e->entity, e->at_ns, true);
        if (rc == 0)
            rc = held_find(f, e);
    }
    if (rc == 0)
        rc = follow(f, e->entity, since_ns < e->at_ns ? since_ns : INT64_MIN, false);
    if (rc == 0)
        rc = copies_find(f, e);
    btr_idmap_fini(&f->seen);
    loss_flows_fini(&f->flows);
    free(f);
    return rc;
}
