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
    MAY_MAX = 1 << 16,      /* items that follow of one reader */
    ALONE_MAX = 64          /* readers that are followed each alone; the rest are together */
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
        bool again = t->count && btr_id_equal(t->ids[t->count - 1], flows[i].other);
        if (loss_sends(flows[i].operation) && !again)
            t->ids[t->count++] = flows[i].other;
    }
    return t->count == CONNECTIONS_MAX;
}

/* Whether something is a way out: of an exit, a question to a name server, a file that a server
 * hands out, or a connection that was made by this end, or had no making. A server writes much of
 * which it is itself that hands it out. */
static int is_turned(struct btr_loss *loss, struct btr_id id, bool serves, bool *turned,
                     struct btr_err *err)
{
    struct btr_fact fact;
    struct btr_entity e;
    struct loss_end end;
    int rc = loss->facts.fact(loss->facts.self, id, &fact, err);
    *turned = rc == 0 && (loss_exit_asset(loss, id) != LOSS_NONE || fact.kind == BTR_KIND_DNS);
    if (rc == 0 && fact.kind == BTR_KIND_FILE && !*turned && !serves)
        return loss_is_page(loss, id, turned, err);
    if (rc < 0 || *turned || fact.kind != BTR_KIND_FLOW || !fact.outside)
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
    bool serves = false;
    t->count = 0;
    int rc = loss->all.flows(loss->all.self, process, BTR_SIDE_OUT_OF, since_ns, NULL, turns_visit,
                             t, err);
    *out = rc == 1; /* so many are not all looked at */
    rc = rc < 0 ? rc : 0;
    if (rc == 0 && t->count && !*out)
        rc = btr_extent_serves_many(&loss->all, process, &serves, err);
    for (uint32_t i = 0; rc == 0 && !*out && i < t->count; i++)
        rc = is_turned(loss, t->ids[i], serves, out, err);
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

static int seed_add(struct btr_extent *may, const struct loss_steered *reader, struct btr_err *err)
{
    return btr_extent_add(may,
                          &(struct btr_extent_item){.entity = reader->process,
                                                    .since_ns = reader->since_ns,
                                                    .until_ns = INT64_MAX,
                                                    .source = reader->source,
                                                    .by = LOSS_NONE,
                                                    .role = BTR_EXTENT_PROCESS,
                                                    .why = BTR_EXTENT_GIVEN},
                          err);
}

/* Whether content of something must be looked at: what it read; or what it moved to where things
 * leave, without having read it. What a server wrote it hands out itself. */
static int is_holder(struct btr_loss *loss, const struct btr_extent *may, uint32_t at, bool *holder,
                     struct btr_err *err)
{
    const struct btr_extent_item *item = &may->items[at];
    struct btr_fact fact;
    bool serves = false;
    *holder = item->role <= BTR_EXTENT_SERVER ||
              (item->role == BTR_EXTENT_OBJECT && loss_exit_asset(loss, item->entity) != LOSS_NONE);
    if (*holder || item->role != BTR_EXTENT_OBJECT)
        return 0;
    int rc = loss->facts.fact(loss->facts.self, item->entity, &fact, err);
    if (rc < 0 || fact.kind != BTR_KIND_FILE)
        return rc;
    uint32_t by = item->by;
    while (by != LOSS_NONE && may->items[by].role == BTR_EXTENT_OBJECT)
        by = may->items[by].by;
    if (by != LOSS_NONE)
        rc = btr_extent_serves_many(&loss->all, may->items[by].entity, &serves, err);
    return rc == 0 && !serves ? loss_is_page(loss, item->entity, holder, err) : rc;
}

/* Whether something of that turned out: sent something, or put it where things leave. */
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
            rc = is_holder(loss, may, i, out, err);
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
    if (!btr_list_room(&list->items, list->count, &list->capacity, 64, sizeof *list->items))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who turned to the outside");
    list->items[list->count++] = *item;
    return 0;
}

/* Sifting: which readers, and what followed of them, turned out. */
struct sifting {
    struct btr_loss *loss;
    struct turning turning;
    struct btr_extent may;
    struct steered_list list;
    uint32_t alone; /* readers that were followed each alone */
    struct btr_err *err;
};

/* What follows of readers, the first of which is named for all. */
static int may_take(struct sifting *s, const struct loss_steered *named, bool follow)
{
    struct btr_extent_rules rules = {s->loss, may_read};
    bool out = false;
    int rc = 0;
    if (follow) {
        loss_asked_again(s->loss);
        rc = btr_extent_find(&s->may, 0, &s->loss->all, &rules, s->err);
    }
    if (rc == 0)
        rc = may_turns(s->loss, &s->turning, &s->may, &out, s->err);
    out |= named->hands;
    s->loss->cut |= s->may.cut;
    for (uint32_t i = 0; rc == 0 && out && i < s->may.count; i++) {
        const struct btr_extent_item *item = &s->may.items[i];
        struct loss_steered one = *named;
        bool holder;
        rc = is_holder(s->loss, &s->may, i, &holder, s->err);
        if (rc < 0 || !holder)
            continue;
        one.holder = item->entity;
        one.process = item->role <= BTR_EXTENT_SERVER ? item->entity : named->process;
        one.since_ns = item->since_ns;
        rc = list_add(s->loss, &s->list, &one, s->err);
    }
    s->may.count = 0;
    s->may.cut = false;
    return rc;
}

/* Whether what a reader starts counts, too: it is one that is told what to do; by a pipe, if it was
 * told nothing before, as it hears what its children say. */
static int is_followed(struct sifting *s, const struct loss_steered *reader, bool *follow)
{
    *follow = reader->grows;
    if (reader->pipe)
        return loss_is_fresh(s->loss, reader->process, reader->since_ns, &s->loss->of_extent,
                             follow, s->err);
    return reader->grows ? 0 : loss_is_tool(s->loss, reader->process, follow, s->err);
}

/* Many readers of one file are followed together: each looks at all that the others left there. */
static int readers_take(struct sifting *s)
{
    struct btr_loss *loss = s->loss;
    uint32_t first = LOSS_NONE;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < loss->steered_count; i++) {
        const struct loss_steered *reader = &loss->steered[i];
        bool follow = false;
        rc = is_followed(s, reader, &follow);
        if (rc < 0 ||
            (reader->pipe && !follow)) /* it hears of its child, or logs what it is told */
            continue;
        if (follow && s->alone == ALONE_MAX) {
            first = first == LOSS_NONE ? i : first;
            continue;
        }
        s->alone += follow;
        rc = seed_add(&s->may, reader, s->err);
        if (rc == 0)
            rc = may_take(s, reader, follow);
    }
    for (uint32_t i = first; rc == 0 && i < loss->steered_count; i++) {
        bool follow = false;
        rc = is_followed(s, &loss->steered[i], &follow);
        if (rc == 0 && follow)
            rc = seed_add(&s->may, &loss->steered[i], s->err);
    }
    return rc == 0 && first != LOSS_NONE ? may_take(s, &loss->steered[first], true) : rc;
}

static int steered_sift(struct btr_loss *loss, struct btr_err *err)
{
    struct sifting s = {.loss = loss, .may = {.most = MAY_MAX}, .err = err};
    s.turning.ids = malloc(CONNECTIONS_MAX * sizeof *s.turning.ids);
    int rc = s.turning.ids ? loss_readers_find(loss, err)
                           : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "who turned to the outside");
    if (rc == 0)
        rc = readers_take(&s);
    free(loss->steered);
    loss->steered = s.list.items;
    loss->steered_capacity = s.list.capacity;
    loss->steered_count = s.list.count;
    btr_extent_fini(&s.may);
    free(s.turning.ids);
    return rc;
}

/* ---- What they may have had ----------------------------------------------------------------- */

/* Whose process a node of their closure is, by one way to where that began. */
static uint32_t whose(const struct btr_loss *loss, const struct btr_trace *t,
                      const struct loss_ways *ways, const struct btr_idmap *by_holder,
                      uint32_t node)
{
    while (ways->node[node] != LOSS_NONE)
        node = ways->node[node];
    return btr_idmap_get(by_holder, btr_apart_whole_of(loss->parts, t->nodes[node].id));
}

static void rows_mark(struct btr_loss *loss, const struct btr_trace *t,
                      const struct loss_ways *ways, const struct btr_idmap *by_holder)
{
    for (uint32_t i = 0; i < t->node_count; i++) {
        struct btr_id id = btr_apart_whole_of(loss->parts, t->nodes[i].id);
        uint32_t piece = btr_idmap_get(&loss->of_piece, id);
        for (; piece != LOSS_NONE; piece = loss->pieces[piece].next) {
            struct loss_row *row = &loss->rows[loss->pieces[piece].asset];
            uint32_t who = whose(loss, t, ways, by_holder, i);
            row->steered = who < row->steered ? who : row->steered;
        }
    }
}

int loss_steered_find(struct btr_loss *loss, struct btr_err *err)
{
    struct btr_idmap by_holder = {0};
    struct btr_buffer starts = {0};
    struct btr_trace *t = NULL;
    struct loss_ways ways = {0};
    int rc = steered_sift(loss, err);
    for (uint32_t i = 0; rc == 0 && i < loss->steered_count; i++) {
        const struct loss_steered *item = &loss->steered[i];
        uint32_t at = btr_idmap_add(&by_holder, item->holder, i);
        if (at == i)
            rc = loss_starts_add(loss, &starts, item->holder, item->since_ns, INT64_MAX - 1, err);
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
        rows_mark(loss, t, &ways, &by_holder);
    loss_ways_fini(&ways);
    btr_trace_free(t);
    btr_buffer_fini(&starts);
    btr_idmap_fini(&by_holder);
    return rc;
}
