/*
 * What the intrusion itself took. A process that it drives read a piece, or gave it another name,
 * and that is no usual business of the program that it runs: who logs in makes sshd read the
 * password file, who calls sudo makes that read it, and takes nothing by it. Or a process of it
 * asked the keeper.
 */
#include <stdlib.h>

#include "loss/loss.h"

/* A flow out of a piece, by some name, to what the intrusion had in its hands. */
struct reading {
    struct btr_flow flow;
    uint32_t name; /* in names; LOSS_NONE: the piece's own */
};

struct taking {
    struct btr_loss *loss;
    struct loss_piece *piece;
    struct reading *reads; /* by name */
    uint32_t count, capacity;
    struct loss_names names;
    struct loss_lives lives; /* of the name at hand */
    uint32_t name;           /* of the flows that are looked at; LOSS_NONE */
    int64_t made_ns;         /* when the intrusion made the piece, and nothing is told of it before;
                                INT64_MAX */
    bool others;             /* somebody else put something into it */
    int64_t mixed_ns; /* since when it may have what is not its own: something of the intrusion, or
                         of another file; INT64_MAX */
    struct btr_err *err;
};

static int take_add(struct loss_row *row, const struct loss_take *take, struct btr_err *err)
{
    if (!btr_list_room(&row->takes, row->held_count, &row->take_capacity, 8, sizeof *row->takes))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what the intrusion took");
    row->takes[row->held_count++] = *take;
    row->take_count += !take->usual;
    return 0;
}

/* ---- Reads ---- */

bool loss_renames(uint8_t operation)
{
    return operation == BTR_OP_RENAMED || operation == BTR_OP_LINKED;
}

/* Whether something that has the content after a flow is a process, or another name. */
static bool holds(const struct btr_flow *f)
{
    return f->other_kind == BTR_KIND_NONE || f->other_kind == BTR_KIND_PROCESS ||
           loss_renames(f->operation);
}

static int reading_add(struct taking *t, const struct btr_flow *f)
{
    if (!btr_list_room(&t->reads, t->count, &t->capacity, 64, sizeof *t->reads))
        return btr_fail(t->err, BTR_E_NOMEM, UINT64_MAX, "reads of assets");
    t->reads[t->count++] = (struct reading){*f, t->name};
    return 0;
}

static bool is_own_end(const struct taking *t, const struct btr_flow *f)
{
    return holds(f) && loss_extent_at(t->loss, f->other, f->first_ns, f->last_ns) != LOSS_NONE;
}

/* Whether something made a name for a file, or put content into it. */
static bool fills(uint8_t operation)
{
    return btr_extent_writes(operation) || loss_renames(operation);
}

/* Notes since when a piece may have something else in it: of the intrusion, by this name or another
 * that it has, or of a file that got its name. */
static void mixed_note(struct taking *t, const struct btr_flow *f, bool own)
{
    bool named = f->operation == BTR_OP_SAME || f->operation == BTR_OP_LINK ||
                 f->operation == BTR_OP_RENAME || loss_renames(f->operation);
    if ((named || (own && fills(f->operation))) && f->first_ns < t->mixed_ns)
        t->mixed_ns = f->first_ns;
}

/* Other names that are the asset's too have their own reads. */
static int reads_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct taking *t = self;
    int64_t since_ns = t->name == LOSS_NONE ? t->loss->since_ns : t->names.list[t->name].since_ns;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        bool same = f->operation == BTR_OP_SAME && f->other_kind == BTR_KIND_FILE;
        if (t->name == LOSS_NONE)
            mixed_note(t, f, false);
        if (same && !loss_is_piece_of(t->loss, f->other, t->piece->asset))
            rc = loss_names_add(&t->names, t->loss, f, since_ns, t->err);
        else if (is_own_end(t, f))
            rc = reading_add(t, f);
    }
    return rc;
}

/* Finds what the intrusion read of a piece, by its own name and by others, which may have others in
 * turn. */
static int reads_find(struct taking *t)
{
    const struct btr_edges *edges = &t->loss->edges;
    t->name = LOSS_NONE;
    int rc = edges->flows(edges->self, t->piece->entity, BTR_SIDE_OUT_OF, t->loss->since_ns, NULL,
                          reads_visit, t, t->err);
    for (uint32_t i = 0; rc == 0 && i < t->names.count; i++) {
        t->name = i;
        rc = edges->flows(edges->self, t->names.list[i].id, BTR_SIDE_OUT_OF,
                          t->names.list[i].since_ns, NULL, reads_visit, t, t->err);
    }
    loss_names_order(&t->names);
    t->name = LOSS_NONE; /* nothing of a name is at hand yet */
    return rc;
}

/* Whether what was read was the piece: a name may have been given to another file since. Readings
 * are asked for by name. */
static int is_of_piece(struct taking *t, const struct reading *r, bool *is)
{
    int rc = 0;
    *is = r->name == LOSS_NONE;
    if (*is)
        return 0;
    if (t->name != r->name)
        rc = loss_lives_find(&t->lives, t->loss, t->names.list[r->name].id, t->err);
    t->name = r->name;
    *is = rc == 0 && loss_names_hold(&t->names, r->name, &t->lives, r->flow.other, r->flow.last_ns);
    return rc;
}

/* Notes who made and filled a piece: others, or the intrusion alone. */
static void origin_note(struct taking *t, const struct btr_flow *f)
{
    bool own = loss_extent_at(t->loss, f->other, f->first_ns, f->last_ns) != LOSS_NONE;
    mixed_note(t, f, own);
    if (!fills(f->operation))
        return;
    t->others |= !own;
    bool makes = f->operation == BTR_OP_CREATE || f->operation == BTR_OP_LINK ||
                 f->operation == BTR_OP_RENAME;
    if (own && makes && f->first_ns < t->made_ns)
        t->made_ns = f->first_ns;
}

static int writes_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct taking *t = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        origin_note(t, f);
        bool changes = btr_extent_writes(f->operation) || f->operation == BTR_OP_DELETE;
        uint32_t item =
            changes ? loss_extent_at(t->loss, f->other, f->first_ns, f->last_ns) : LOSS_NONE;
        if (item == LOSS_NONE || t->loss->extent.items[item].role != BTR_EXTENT_PROCESS)
            continue;
        if (f->last_ns < t->piece->changed_ns) {
            t->piece->changed_ns = f->last_ns;
            t->piece->changer = f->other;
        }
    }
    return 0;
}

static bool is_interval(const struct btr_flow *f)
{
    return (f->flags & BTR_EVENT_INTERVAL) != 0;
}

/* Of another name that something got, who gave it. */
struct naming {
    const struct btr_loss *loss;
    int64_t first_ns, last_ns;
    uint32_t item; /* of who did it; LOSS_NONE: nobody of the intrusion */
};

static int naming_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct naming *n = self;
    for (uint32_t i = 0; i < flow_count && n->item == LOSS_NONE; i++) {
        const struct btr_flow *f = &flows[i];
        if ((f->operation == BTR_OP_RENAME || f->operation == BTR_OP_LINK) &&
            f->first_ns == n->first_ns && f->last_ns == n->last_ns)
            n->item = loss_extent_at(n->loss, f->other, f->first_ns, f->last_ns);
    }
    return n->item != LOSS_NONE;
}

int loss_namer_find(struct btr_loss *loss, struct btr_id name, int64_t first_ns, int64_t last_ns,
                    uint32_t *item, struct btr_err *err)
{
    struct naming n = {loss, first_ns, last_ns, LOSS_NONE};
    struct btr_flow_parts then = {.only = true, .until_ns = first_ns};
    int rc =
        loss->all.flows(loss->all.self, name, BTR_SIDE_INTO, last_ns, &then, naming_visit, &n, err);
    *item = n.item;
    return rc < 0 ? rc : 0;
}

/* The item of the process that did a flow out of the piece, or LOSS_NONE. */
static int doer_find(struct taking *t, const struct btr_flow *f, uint32_t *item)
{
    *item = loss_extent_at(t->loss, f->other, f->first_ns, f->last_ns);
    return loss_renames(f->operation)
               ? loss_namer_find(t->loss, f->other, f->first_ns, f->last_ns, item, t->err)
               : 0;
}

/* Whether a read went straight to a way out: of a server's, to the intrusion itself. If it was the
 * asset's own content for sure, that is the least that left. */
static bool is_sent(struct taking *t, const struct reading *r, bool driven)
{
    const struct loss_straight *s = loss_straight_of(t->loss, r->flow.ref);
    uint32_t item = s ? loss_extent_at(t->loss, s->entity, s->first_ns, s->last_ns) : LOSS_NONE;
    bool to_it = item != LOSS_NONE && t->loss->extent.items[item].role == BTR_EXTENT_CONNECTION;
    if (!s || (!driven && !to_it))
        return false;
    bool own = !t->piece->doubt && r->flow.last_ns < t->mixed_ns;
    if (own && s->bytes > t->piece->straight_bytes)
        t->piece->straight_bytes = s->bytes;
    return true;
}

static int read_take(struct taking *t, const struct reading *reading)
{
    struct btr_loss *loss = t->loss;
    const struct btr_flow *f = &reading->flow;
    struct loss_name name = {.id = {0}};
    uint32_t item = LOSS_NONE;
    bool is = false, driven = false, usual = true;
    int rc = is_of_piece(t, reading, &is);
    if (rc == 0 && is)
        rc = doer_find(t, f, &item);
    if (rc < 0 || item == LOSS_NONE)
        return rc;
    if (reading->name != LOSS_NONE)
        name = t->names.list[reading->name];
    struct btr_id file = reading->name == LOSS_NONE ? t->piece->entity : name.id;
    struct btr_id by = loss->extent.items[item].entity;
    int64_t since_ns = loss->extent.items[item].since_ns;
    int64_t at_ns = f->first_ns > since_ns ? f->first_ns : since_ns;
    int64_t when_ns = is_interval(f) ? at_ns : f->last_ns;
    if (!loss_renames(f->operation) && when_ns < t->piece->read_ns) {
        t->piece->read_ns = when_ns;
        t->piece->reader = f->other;
    }
    if (t->made_ns <= f->first_ns && !t->others) /* what it put there itself, where an asset lies */
        return 0;
    if (loss->extent.items[item].role == BTR_EXTENT_PROCESS)
        rc = loss_is_driven(loss, by, &driven, t->err);
    bool may = driven || loss_straight_of(loss, f->ref);
    if (rc == 0 && may)
        rc = loss_is_usual(loss, t->piece->asset, by, file, when_ns, &usual, t->err);
    bool sent = rc == 0 && !usual && is_sent(t, reading, driven);
    if (rc < 0 || (!driven && !sent))
        return rc;
    return take_add(
        &loss->rows[t->piece->asset],
        &(struct loss_take){.from = t->piece->entity,
                            .by = by,
                            .holder = f->other,
                            .name = name.id,
                            .at_ns = when_ns,
                            .name_ns = name.since_ns,
                            .name_ref = name.ref,
                            .ref = f->ref,
                            .source = f->source,
                            .operation = loss_renames(f->operation) ? f->operation : BTR_OP_READ,
                            .usual = usual},
        t->err);
}

/* What is told of a piece before the intrusion made it was another file, which that replaced. */
static int age_look(struct taking *t)
{
    struct btr_entity e;
    int rc = loss_entity(t->loss, t->piece->entity, &e, t->err);
    if (rc == 0 && e.first_ns - btr_clocks_host_ahead(t->loss->found->clocks, e.host) < t->made_ns)
        t->made_ns = INT64_MAX;
    return rc;
}

static int piece_take(struct taking *t)
{
    struct btr_loss *loss = t->loss;
    loss_names_reset(&t->names);
    t->count = 0;
    t->made_ns = t->mixed_ns = INT64_MAX;
    t->others = false;
    if (!t->piece->touched && !t->piece->reached)
        return 0;
    int rc = loss->all.flows(loss->all.self, t->piece->entity, BTR_SIDE_INTO, INT64_MAX, NULL,
                             writes_visit, t, t->err);
    if (rc == 0 && t->made_ns != INT64_MAX)
        rc = age_look(t);
    if (rc == 0 && t->piece->reached)
        rc = reads_find(t);
    for (uint32_t i = 0; rc == 0 && i < t->count; i++)
        rc = read_take(t, &t->reads[i]);
    loss->rows[t->piece->asset].changed |= t->piece->changed_ns != INT64_MAX;
    return rc;
}

/* ---- Keepers ---- */

/* Who asked a keeper's process: the process of the intrusion that its connection came of. */
static uint32_t asker_of(const struct btr_loss *loss, uint32_t item)
{
    const struct btr_extent_item *items = loss->extent.items;
    uint32_t at = items[item].by;
    while (at != LOSS_NONE && items[at].role == BTR_EXTENT_CONNECTION)
        at = items[at].by;
    return at;
}

static int keeper_take(struct btr_loss *loss, struct loss_row *row, uint32_t at,
                       struct btr_err *err)
{
    const struct btr_extent_item *item = &loss->extent.items[at];
    uint32_t asker = item->why == BTR_EXTENT_SERVED ? asker_of(loss, at) : LOSS_NONE;
    bool runs = false;
    /* one that merely served the intrusion may have asked for somebody else, or for its own sake */
    if (asker == LOSS_NONE || loss->extent.items[asker].role != BTR_EXTENT_PROCESS)
        return 0;
    int rc = loss_runs(loss, item->entity, item->since_ns, row->keeper, &runs, err);
    if (rc == 0 && !runs)
        rc = loss_runs(loss, item->entity, INT64_MAX, row->keeper, &runs, err);
    if (rc < 0 || !runs)
        return rc;
    return take_add(row,
                    &(struct loss_take){.from = item->entity,
                                        .by = item->entity,
                                        .holder = item->entity,
                                        .at_ns = item->since_ns,
                                        .ref = UINT64_MAX,
                                        .source = item->source},
                    err);
}

static int take_compare(const void *x, const void *y)
{
    const struct loss_take *a = x, *b = y;
    if (a->usual != b->usual)
        return a->usual ? 1 : -1;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    int c = btr_id_compare(a->by, b->by);
    if (c == 0)
        c = btr_id_compare(a->holder, b->holder);
    if (c == 0)
        c = btr_id_compare(a->from, b->from);
    if (c == 0)
        c = btr_id_compare(a->name, b->name);
    return c ? c : (a->ref > b->ref) - (a->ref < b->ref);
}

/* What has left of a row at least. Of two files the one may be the other by another name, or a copy
 * of it, that no record tells of. */
static void least_find(const struct btr_loss *loss, struct loss_row *row)
{
    for (uint32_t i = 0; i < row->piece_count; i++)
        if (loss->pieces[row->piece_begin + i].straight_bytes > row->bytes_min)
            row->bytes_min = loss->pieces[row->piece_begin + i].straight_bytes;
}

int loss_taken_find(struct btr_loss *loss, struct btr_err *err)
{
    struct taking t = {.loss = loss, .err = err};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->piece_count; i++) {
        t.piece = &loss->pieces[i];
        rc = piece_take(&t);
    }
    for (uint32_t i = 0; rc == 0 && i < loss->row_count; i++) {
        struct loss_row *row = &loss->rows[i];
        for (uint32_t at = 0; rc == 0 && row->keeper && at < loss->extent.count; at++)
            if (loss->extent.items[at].role == BTR_EXTENT_PROCESS)
                rc = keeper_take(loss, row, at, err);
        if (rc == 0 && row->held_count)
            qsort(row->takes, row->held_count, sizeof *row->takes, take_compare);
        row->taken = row->take_count > 0;
        least_find(loss, row);
    }
    free(t.reads);
    loss_names_fini(&t.names);
    loss_lives_fini(&t.lives);
    return rc;
}
