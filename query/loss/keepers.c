/*
 * A keeper is a program that reads and writes an asset's files and serves others what they hold: a
 * database's server. Then what it hands out on its connections is the asset, not its reads.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* What one program does with the files of one asset. */
struct handling {
    uint32_t asset;
    uint64_t program, reads, writes;
};

struct keeping {
    struct btr_loss *loss;
    struct handling *items;
    uint32_t count, capacity;
    struct btr_err *err;
};

int loss_runs(struct btr_loss *loss, struct btr_id process, int64_t at_ns, uint64_t program,
              bool *runs, struct btr_err *err)
{
    struct btr_fact fact;
    int rc = loss->facts.fact(loss->facts.self, process, &fact, err);
    *runs = rc == 0 && fact.kind == BTR_KIND_PROCESS && program &&
            btr_fact_program(&fact, at_ns) == program;
    return rc;
}

static int handling_add(struct keeping *k, uint32_t asset, uint64_t program, bool writes)
{
    uint32_t i = 0;
    while (i < k->count && (k->items[i].asset != asset || k->items[i].program != program))
        i++;
    if (!btr_list_room(&k->items, i, &k->capacity, 32, sizeof *k->items))
        return btr_fail(k->err, BTR_E_NOMEM, UINT64_MAX, "who keeps assets");
    if (i == k->count)
        k->items[k->count++] = (struct handling){.asset = asset, .program = program};
    k->items[i].writes += writes;
    k->items[i].reads += !writes;
    return 0;
}

/* Notes a step between a piece and a process. */
static int step_take(struct keeping *k, struct btr_id piece, struct btr_id process,
                     const struct btr_trace_step *step, bool writes)
{
    struct btr_loss *loss = k->loss;
    uint32_t at = btr_idmap_get(&loss->of_piece, piece);
    struct btr_fact fact;
    if (at == LOSS_NONE)
        return 0;
    int rc = loss->facts.fact(loss->facts.self, process, &fact, k->err);
    uint64_t program =
        rc == 0 && fact.kind == BTR_KIND_PROCESS ? btr_fact_program(&fact, step->last_ns) : 0;
    for (; rc == 0 && program && at != LOSS_NONE; at = loss->pieces[at].next)
        rc = handling_add(k, loss->pieces[at].asset, program, writes);
    return rc;
}

static int handlings_find(struct keeping *k)
{
    const struct btr_trace *t = k->loss->reach;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < t->node_count; i++) {
        const struct btr_trace_node *to = &t->nodes[i];
        for (uint32_t at = 0; rc == 0 && at < to->step_count; at++) {
            const struct btr_trace_step *step = &t->steps[to->step_begin + at];
            struct btr_id from = t->nodes[step->other].id;
            rc = step_take(k, from, to->id, step, false);
            if (rc == 0)
                rc = step_take(k, to->id, from, step, true);
        }
    }
    return rc;
}

static int accepts_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    (void)self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_ACCEPT)
            return 1;
    return 0;
}

/* Whether a process of the program, of those that content came by, takes connections. */
static int serves(struct keeping *k, uint64_t program, bool *serves)
{
    struct btr_loss *loss = k->loss;
    int rc = 0;
    *serves = false;
    for (uint32_t i = 0; rc == 0 && i < loss->reach->node_count; i++) {
        bool runs;
        const struct btr_trace_node *n = &loss->reach->nodes[i];
        rc = loss_runs(loss, n->id, n->bound_ns, program, &runs, k->err);
        if (rc == 0 && runs)
            rc = loss->all.flows(loss->all.self, n->id, BTR_SIDE_OUT_OF, INT64_MIN, NULL,
                                 accepts_visit, k, k->err);
    }
    *serves = rc == 1;
    return rc < 0 ? rc : 0;
}

int loss_keepers_find(struct btr_loss *loss, struct btr_err *err)
{
    struct keeping k = {.loss = loss, .err = err};
    int rc = handlings_find(&k);
    for (uint32_t i = 0; rc == 0 && i < k.count; i++) {
        struct loss_row *row = &loss->rows[k.items[i].asset];
        bool keeps = false;
        if (k.items[i].reads && k.items[i].writes && !row->keeper)
            rc = serves(&k, k.items[i].program, &keeps);
        if (keeps)
            row->keeper = k.items[i].program;
    }
    free(k.items);
    return rc;
}
