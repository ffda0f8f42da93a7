/*
 * Others who may do as a file of the intrusion says: they read what a process that it drove had
 * written, as a configuration, a list or a script, or a pipe of its that is all that they were told
 * so far, and then they, or what followed of them, turned to the outside. None of that is the
 * intrusion's, and what they had is not said to be lost; but it is not certified either.
 */
#include <stdlib.h>

#include "loss/loss.h"

enum {
    CONNECTIONS_MAX = 4096, /* of one process that are looked at */
    MAY_MAX = 4096          /* items that follow of one reader */
};

/* ---- Who turned to the outside -------------------------------------------------------------- */

struct turning {
    struct btr_id *ids; /* CONNECTIONS_MAX */
    uint32_t count;
};

static int turns_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct turning *t = self;
    for (uint32_t i = 0; i < flow_count && t->count < CONNECTIONS_MAX; i++) {
        const struct btr_flow *f = &flows[i];
        bool may = f->other_kind == BTR_KIND_FLOW || f->other_kind == BTR_KIND_NONE;
        bool turns = f->operation == BTR_OP_CONNECT || f->operation == BTR_OP_SEND;
        bool again = t->count && btr_id_equal(t->ids[t->count - 1], f->other);
        if (may && turns && !again)
            t->ids[t->count++] = f->other;
    }
    return t->count == CONNECTIONS_MAX;
}

/* Whether a connection was made by this end, or had no making. */
static int is_turned(struct btr_loss *loss, struct btr_id id, bool *turned, struct btr_err *err)
{
    struct btr_fact fact;
    struct btr_entity e;
    struct loss_end end;
    *turned = false;
    int rc = loss->facts.fact(loss->facts.self, id, &fact, err);
    if (rc < 0 || fact.kind != BTR_KIND_FLOW || !fact.outside)
        return rc;
    rc = loss_entity(loss, id, &e, err);
    struct btr_span to = btr_entity_attr(&e, BTR_ATTR_DESTINATION_IP, INT64_MAX);
    bool tcp =
        btr_span_equal(btr_entity_attr(&e, BTR_ATTR_NETWORK_TRANSPORT, INT64_MAX), BTR_SPAN("tcp"));
    if (rc == 0)
        rc = loss_far_end(loss, &e, &end, err);
    *turned = rc == 0 && (end.ip.size ? btr_span_equal(end.ip, to) : !tcp);
    return rc;
}

/* A process that only answers is asked by others, and does what it does for them. */
static int turns_out(struct btr_loss *loss, struct turning *t, struct btr_id process,
                     int64_t since_ns, bool *out, struct btr_err *err)
{
    t->count = 0;
    int rc = loss->all.flows(loss->all.self, process, BTR_SIDE_OUT_OF, since_ns, NULL, turns_visit,
                             t, err);
    *out = rc == 1; /* so many are not all looked at */
    rc = rc < 0 ? rc : 0;
    for (uint32_t i = 0; rc == 0 && !*out && i < t->count; i++)
        rc = is_turned(loss, t->ids[i], out, err);
    return rc;
}

/* ---- What may have followed ----------------------------------------------------------------- */

/* Who reads what followed, had been told nothing before, and then does something, may do as that
 * says in turn: `make` as a file says that `git` fetched. */
static int may_read(void *self, const struct btr_extent_item *object, const struct btr_flow *read,
                    btr_extent_take *take, void *growth, struct btr_err *err)
{
    struct btr_loss *loss = self;
    bool fresh = false, acts = false;
    int rc = loss_asked_take(loss, object, read, take, growth, err);
    if (rc < 0 || !loss->asked.file || loss_is_own_at(loss, read->other, read->last_ns))
        return rc;
    rc = loss_acts(loss, read->other, read->first_ns, &acts, err);
    if (rc == 0 && acts)
        rc = loss_is_fresh(loss, read->other, read->first_ns, &loss->of_extent, &fresh, err);
    return rc == 0 && fresh
               ? take(growth, read->other, read->first_ns, read->source, BTR_EXTENT_RAN)
               : rc;
}

/* What would be the intrusion's if a reader did as the file says: of one that had been told nothing
 * before all that follows of it, else itself. */
static int may_find(struct btr_loss *loss, const struct loss_steered *reader,
                    struct btr_extent *may, struct btr_err *err)
{
    struct btr_extent_rules rules = {loss, may_read};
    bool fresh = false;
    may->count = 0;
    may->cut = false;
    int rc = loss_is_fresh(loss, reader->process, reader->since_ns, &loss->of_extent, &fresh, err);
    if (reader->pipe && !fresh) /* it hears of its child, or logs what it is told */
        return rc;
    if (rc == 0)
        rc = btr_extent_add(may,
                            &(struct btr_extent_item){.entity = reader->process,
                                                      .since_ns = reader->since_ns,
                                                      .until_ns = INT64_MAX,
                                                      .source = reader->source,
                                                      .by = LOSS_NONE,
                                                      .role = BTR_EXTENT_PROCESS,
                                                      .why = BTR_EXTENT_GIVEN},
                            err);
    loss_asked_again(loss);
    if (rc == 0 && fresh)
        rc = btr_extent_find(may, 0, &loss->all, &rules, err);
    loss->cut |= may->cut;
    return rc;
}

/* Whether something of that sent something to the outside, or wrote to where things leave. */
static int may_turns(struct btr_loss *loss, struct turning *t, const struct btr_extent *may,
                     bool *out, struct btr_err *err)
{
    int rc = 0;
    *out = false;
    for (uint32_t i = 0; rc == 0 && !*out && i < may->count; i++) {
        const struct btr_extent_item *item = &may->items[i];
        if (item->role == BTR_EXTENT_PROCESS)
            rc = turns_out(loss, t, item->entity, item->since_ns, out, err);
        else if (item->role == BTR_EXTENT_OBJECT)
            *out = loss_exit_asset(loss, item->entity) != LOSS_NONE;
    }
    return rc;
}

struct steered_list {
    struct loss_steered *items;
    uint32_t count, capacity;
};

static int list_add(struct btr_loss *loss, struct steered_list *list,
                    const struct loss_steered *item, struct btr_err *err)
{
    if (list->count == LOSS_STEERED_MAX) {
        loss->cut = true;
        return 0;
    }
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? 2 * list->capacity : 64;
        struct loss_steered *grown = realloc(list->items, capacity * sizeof *grown);
        if (!grown)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who turned to the outside");
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = *item;
    return 0;
}

static int reader_take(struct btr_loss *loss, struct turning *t, const struct loss_steered *reader,
                       struct btr_extent *may, struct steered_list *list, struct btr_err *err)
{
    bool out = false;
    int rc = may_find(loss, reader, may, err);
    if (rc == 0)
        rc = may_turns(loss, t, may, &out, err);
    for (uint32_t i = 0; rc == 0 && out && i < may->count; i++) {
        struct loss_steered item = *reader;
        if (may->items[i].role > BTR_EXTENT_SERVER)
            continue;
        item.process = may->items[i].entity;
        item.since_ns = may->items[i].since_ns;
        rc = list_add(loss, list, &item, err);
    }
    return rc;
}

static int steered_sift(struct btr_loss *loss, struct btr_err *err)
{
    struct turning t = {.ids = malloc(CONNECTIONS_MAX * sizeof *t.ids)};
    struct btr_extent may = {.most = MAY_MAX};
    struct steered_list list = {0};
    int rc = t.ids ? loss_readers_find(loss, err)
                   : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who turned to the outside");
    for (uint32_t i = 0; rc == 0 && i < loss->steered_count; i++)
        rc = reader_take(loss, &t, &loss->steered[i], &may, &list, err);
    free(loss->steered);
    loss->steered = list.items;
    loss->steered_capacity = list.capacity;
    loss->steered_count = list.count;
    btr_extent_fini(&may);
    free(t.ids);
    return rc;
}

/* ---- What they may have had ----------------------------------------------------------------- */

/* A process may have run several programs: each had what it had. */
static int starts_add(struct btr_loss *loss, struct btr_id process, struct btr_buffer *starts,
                      struct btr_err *err)
{
    struct btr_fact fact;
    int rc = loss->facts.fact(loss->facts.self, process, &fact, err);
    for (uint32_t i = 0; rc == 0 && (i == 0 || i < fact.image_count); i++) {
        bool last = i + 1 >= fact.image_count;
        struct btr_start start = {process, last ? INT64_MAX : fact.images[i + 1].since_ns - 1,
                                  BTR_SOURCE_NONE};
        btr_buffer_put(starts, &start, sizeof start);
    }
    return rc;
}

/* Whose process a node of their closure is, by one way to where that began. */
static uint32_t whose(const struct btr_loss *loss, const struct btr_trace *t,
                      const struct loss_ways *ways, const struct btr_idmap *by_process,
                      uint32_t node)
{
    while (ways->node[node] != LOSS_NONE)
        node = ways->node[node];
    return btr_idmap_get(by_process, btr_apart_whole_of(loss->parts, t->nodes[node].id));
}

static void rows_mark(struct btr_loss *loss, const struct btr_trace *t,
                      const struct loss_ways *ways, const struct btr_idmap *by_process)
{
    for (uint32_t i = 0; i < t->node_count; i++) {
        struct btr_id id = btr_apart_whole_of(loss->parts, t->nodes[i].id);
        uint32_t piece = btr_idmap_get(&loss->of_piece, id);
        for (; piece != LOSS_NONE; piece = loss->pieces[piece].next) {
            struct loss_row *row = &loss->rows[loss->pieces[piece].asset];
            uint32_t who = whose(loss, t, ways, by_process, i);
            row->steered = who < row->steered ? who : row->steered;
        }
    }
}

int loss_steered_find(struct btr_loss *loss, struct btr_err *err)
{
    struct btr_idmap by_process = {0};
    struct btr_buffer starts = {0};
    struct btr_trace *t = NULL;
    struct loss_ways ways = {0};
    int rc = steered_sift(loss, err);
    for (uint32_t i = 0; rc == 0 && i < loss->steered_count; i++) {
        uint32_t at = btr_idmap_add(&by_process, loss->steered[i].process, i);
        if (at == i)
            rc = starts_add(loss, loss->steered[i].process, &starts, err);
        else if (at == UINT32_MAX)
            starts.failed = true;
    }
    if (rc == 0 && starts.failed)
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who turned to the outside");
    if (rc == 0 && starts.size)
        rc = loss_walk(loss, &t, &loss->apart, BTR_WALK_BACKWARD,
                       (const struct btr_start *)(const void *)starts.at,
                       (uint32_t)(starts.size / sizeof(struct btr_start)), err);
    if (rc == 0 && t)
        rc = loss_ways_of(&ways, t, err);
    if (rc == 0 && t)
        rows_mark(loss, t, &ways, &by_process);
    loss_ways_fini(&ways);
    btr_trace_free(t);
    btr_buffer_fini(&starts);
    btr_idmap_fini(&by_process);
    return rc;
}
