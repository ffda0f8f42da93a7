/*
 * What was taken and sent that no asset names: files that the intrusion read, or had read for it,
 * by a program that is hardly seen to read them for others, and of which content is seen to have
 * come to a way out.
 */
#include <stdlib.h>
#include <string.h>

#include "loss/loss.h"

/* Where the system's own files lie (FHS 3.0; Windows): the same everywhere, and no secret. */
static const char *const SYSTEM[] = {
    "/usr/", "/lib/", "/lib64/", "/bin/",         "/sbin/",           "/proc/",
    "/sys/", "/dev/", "/run/",   "c:\\windows\\", "c:\\program files"};

static int is_system(struct btr_loss *loss, struct btr_id file, bool *is, struct btr_err *err)
{
    struct btr_entity e;
    int rc = loss_entity(loss, file, &e, err);
    struct btr_span path =
        rc == 0 ? btr_entity_attr(&e, BTR_ATTR_FILE_PATH, INT64_MAX) : (struct btr_span){0};
    *is = false;
    for (size_t i = 0; i < sizeof SYSTEM / sizeof *SYSTEM && !*is; i++) {
        size_t size = strlen(SYSTEM[i]), at = 0;
        while (at < size && at < path.size) {
            uint8_t c = path.at[at];
            if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != (uint8_t)SYSTEM[i][at])
                break;
            at++;
        }
        *is = at == size;
    }
    return rc;
}

static int unlisted_add(struct btr_loss *loss, const struct loss_unlisted *item,
                        struct btr_err *err)
{
    if (!btr_list_room(&loss->unlisted, loss->unlisted_count, &loss->unlisted_capacity, 32,
                       sizeof *loss->unlisted))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "files that no asset names");
    loss->unlisted[loss->unlisted_count++] = *item;
    return 0;
}

/* A file that the intrusion wrote itself is how it took something, not what. */
static bool is_listed(const struct btr_loss *loss, struct btr_id file)
{
    return btr_idmap_get(&loss->of_piece, file) != LOSS_NONE ||
           btr_idmap_get(&loss->of_extent, file) != LOSS_NONE;
}

/* Of a file that came to `to`, who took it by that: who read it, or gave it another name. */
static int taker_find(struct btr_loss *loss, struct btr_id to, const struct btr_trace_step *step,
                      uint8_t operation, uint32_t *item, struct btr_err *err)
{
    *item = LOSS_NONE;
    if (loss_renames(operation))
        return loss_namer_find(loss, to, step->first_ns, step->last_ns, item, err);
    if (operation == BTR_OP_READ || operation == BTR_OP_OPEN_READ)
        *item = loss_extent_at(loss, to, step->first_ns, step->last_ns);
    return 0;
}

static int step_take(struct btr_loss *loss, struct btr_id file, struct btr_id to,
                     const struct btr_trace_step *step, uint8_t operation, struct btr_err *err)
{
    struct btr_fact a, b;
    uint32_t item;
    int rc = is_listed(loss, file) ? 1 : taker_find(loss, to, step, operation, &item, err);
    if (rc != 0 || item == LOSS_NONE || loss->extent.items[item].role > BTR_EXTENT_SERVER)
        return rc < 0 ? rc : 0;
    struct btr_id process = loss->extent.items[item].entity;
    rc = loss->facts.fact(loss->facts.self, file, &a, err);
    if (rc == 0)
        rc = loss->facts.fact(loss->facts.self, process, &b, err);
    if (rc != 0 || a.kind != BTR_KIND_FILE || b.kind != BTR_KIND_PROCESS || !a.file)
        return rc;
    bool system;
    rc = is_system(loss, file, &system, err);
    if (rc < 0 || system)
        return rc;
    return unlisted_add(loss,
                        &(struct loss_unlisted){.file = file,
                                                .process = process,
                                                .program = btr_fact_program(&b, step->last_ns),
                                                .thing = a.file,
                                                .read_ns = step->first_ns,
                                                .ref = step->ref},
                        err);
}

static int unlisted_compare(const void *x, const void *y)
{
    const struct loss_unlisted *a = x, *b = y;
    int c = btr_id_compare(a->file, b->file);
    if (c == 0)
        c = btr_id_compare(a->process, b->process);
    if (c == 0)
        c = (a->read_ns > b->read_ns) - (a->read_ns < b->read_ns);
    return c ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

static int by_time(const void *x, const void *y)
{
    const struct loss_unlisted *a = x, *b = y;
    if (a->read_ns != b->read_ns)
        return a->read_ns < b->read_ns ? -1 : 1;
    return btr_id_compare(a->file, b->file);
}

/* The first read of a file of which items lie in a range, and how many processes read it. */
static struct loss_unlisted first_of(const struct btr_loss *loss, uint32_t begin, uint32_t end,
                                     uint32_t *processes)
{
    struct loss_unlisted first = loss->unlisted[begin];
    *processes = 0;
    for (uint32_t i = begin; i < end; i++) {
        const struct loss_unlisted *u = &loss->unlisted[i];
        *processes += i == begin || !btr_id_equal(u->process, loss->unlisted[i - 1].process);
        if (u->read_ns < first.read_ns)
            first = *u;
    }
    return first;
}

/* Of each file the first read, when the program that did that does it hardly for others. */
static void unlisted_merge(struct btr_loss *loss)
{
    const struct btr_usual *usual = &loss->found->usual;
    uint32_t count = 0, processes;
    if (loss->unlisted_count)
        qsort(loss->unlisted, loss->unlisted_count, sizeof *loss->unlisted, unlisted_compare);
    for (uint32_t i = 0, end; i < loss->unlisted_count; i = end) {
        for (end = i + 1; end < loss->unlisted_count &&
                          btr_id_equal(loss->unlisted[end].file, loss->unlisted[i].file);
             end++)
            ;
        struct loss_unlisted first = first_of(loss, i, end, &processes);
        uint64_t all = first.program ? usual->both(usual->self, first.program, first.thing) : 0;
        if (all <= 2 * (uint64_t)processes)
            loss->unlisted[count++] = first;
    }
    loss->unlisted_count = count;
    if (count)
        qsort(loss->unlisted, count, sizeof *loss->unlisted, by_time);
}

int loss_unlisted_find(struct btr_loss *loss, struct btr_err *err)
{
    struct btr_edges edges = loss_hands_edges(loss);
    struct btr_start *starts = malloc(((size_t)loss->exit_count + 1) * sizeof *starts);
    struct btr_trace *t = NULL;
    for (uint32_t i = 0; starts && i < loss->exit_count; i++)
        starts[i] =
            (struct btr_start){loss->exits[i].holder, loss->exits[i].last_ns, BTR_SOURCE_NONE};
    int rc = starts ? loss_walk(loss, &t, &edges, BTR_WALK_BACKWARD, starts, loss->exit_count, err)
                    : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "files that no asset names");
    for (uint32_t i = 0; rc == 0 && i < t->node_count; i++) {
        const struct btr_trace_node *to = &t->nodes[i];
        struct btr_id whole = btr_apart_whole_of(loss->parts, to->id);
        for (uint32_t at = to->step_begin; rc == 0 && at < to->step_begin + to->step_count; at++)
            rc = step_take(loss, btr_apart_whole_of(loss->parts, t->nodes[t->steps[at].other].id),
                           whole, &t->steps[at], btr_step_manner(t, &t->steps[at])->operation, err);
    }
    if (rc == 0)
        unlisted_merge(loss);
    btr_trace_free(t);
    free(starts);
    return rc;
}
