/*
 * By which ways out something can have gone that the intrusion has: forward over content, by its
 * own hands and what passes between them.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* What it comes to, by entity: since when it is there. Of parts of one entity the earliest. */
struct coming {
    struct btr_idmap by_id; /* its place in since_ns */
    int64_t *since_ns;
    uint32_t count;
};

static void coming_fini(struct coming *c)
{
    btr_idmap_fini(&c->by_id);
    free(c->since_ns);
}

static int coming_find(struct coming *c, const struct btr_trace *t, struct btr_err *err)
{
    c->since_ns = malloc(((size_t)t->node_count + 1) * sizeof *c->since_ns);
    bool ok = c->since_ns != NULL;
    for (uint32_t i = 0; ok && i < t->node_count; i++) {
        const struct btr_trace_node *n = &t->nodes[i];
        uint32_t at = btr_idmap_add(&c->by_id, n->id, c->count);
        ok = at != UINT32_MAX;
        if (at == c->count)
            c->since_ns[c->count++] = n->bound_ns;
        else if (ok && n->bound_ns < c->since_ns[at])
            c->since_ns[at] = n->bound_ns;
    }
    return ok ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what became of an asset");
}

/* By way out whether something of it went there straight out of a file; NULL when out of memory. */
static uint8_t *moved_find(const struct btr_loss *loss, const struct coming *c,
                           const struct btr_trace *t, const struct loss_take *takes,
                           uint32_t take_count)
{
    uint8_t *moved = calloc((size_t)loss->exit_count + 1, 1);
    for (uint32_t i = 0; moved && loss->straight_count && i < t->node_count; i++)
        loss_straights_mark(loss, t->nodes[i].id,
                            c->since_ns[btr_idmap_get(&c->by_id, t->nodes[i].id)], moved);
    for (uint32_t i = 0; moved && i < take_count; i++) {
        loss_straights_mark(loss, takes[i].from, INT64_MIN, moved);
        loss_straights_mark(loss, takes[i].name, INT64_MIN, moved);
    }
    return moved;
}

/* Something may leave by a way out that was used at, or after, the time when it was there: by what
 * a process sent, a file that was moved there or that a server handed out; not what was sent by
 * calls alone that moved files which do not have it. They stand in the order of their use. */
static int exits_take(struct loss_outlets *out, const struct btr_loss *loss, const struct coming *c,
                      const uint8_t *moved, struct btr_err *err)
{
    out->exits = calloc((size_t)loss->exit_count + 1, sizeof *out->exits);
    if (!out->exits)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ways out");
    for (uint32_t i = 0; i < loss->exit_count; i++) {
        const struct loss_exit *exit = &loss->exits[i];
        uint32_t at = btr_idmap_get(&c->by_id, exit->holder);
        int64_t used_ns = exit->kind == LOSS_EXIT_PAGE ? exit->read_last_ns : exit->last_ns;
        if (at != UINT32_MAX && used_ns >= c->since_ns[at] &&
            (!exit->moved || exit->sent || moved[i]))
            out->exits[out->exit_count++] = i;
    }
    return 0;
}

int loss_outlets_find(struct loss_outlets *out, struct btr_loss *loss,
                      const struct loss_take *takes, uint32_t take_count, struct btr_err *err)
{
    struct btr_edges edges = loss_hands_edges(loss);
    struct btr_start *starts = malloc(((size_t)take_count + 1) * sizeof *starts);
    struct coming coming = {.count = 0};
    *out = (struct loss_outlets){0};
    for (uint32_t i = 0; starts && i < take_count; i++)
        starts[i] = (struct btr_start){takes[i].holder, takes[i].at_ns, takes[i].source};
    int rc = starts
                 ? loss_walk(loss, &out->trace, &edges, BTR_WALK_FORWARD, starts, take_count, err)
                 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what became of an asset");
    for (uint32_t i = 0; rc == 0 && i < out->trace->node_count; i++)
        out->trace->nodes[i].id = btr_apart_whole_of(loss->parts, out->trace->nodes[i].id);
    if (rc == 0)
        rc = coming_find(&coming, out->trace, err);
    uint8_t *moved = rc == 0 ? moved_find(loss, &coming, out->trace, takes, take_count) : NULL;
    if (rc == 0 && !moved)
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ways out");
    if (rc == 0)
        rc = exits_take(out, loss, &coming, moved, err);
    free(moved);
    coming_fini(&coming);
    free(starts);
    return rc;
}

void loss_outlets_fini(struct loss_outlets *outlets)
{
    btr_trace_free(outlets->trace);
    free(outlets->exits);
    *outlets = (struct loss_outlets){0};
}
