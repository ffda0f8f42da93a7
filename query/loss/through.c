/*
 * What the alert came through from the ways in: who was told by what came in what to do. A shell
 * that a download is piped into, or `make` in a folder that was fetched, is no server of the
 * intrusion's and is told by no argument to run it; that the alert came of what it then started
 * shows that it does. From then on it is the intrusion's, if it had started nothing before: those
 * who do such a thing for others, too, as cron, are not. Nor is who merely carried it, as a backup.
 */
#include <stdlib.h>

#include "loss/loss.h"

enum { ALONE_MAX = 64, PARTS_MAX = 16 /* of a program, each begun by the one before */ };

struct passing {
    struct btr_loss *loss;
    const struct btr_extent_rules *rules;
    const struct btr_trace *trace; /* of the alert: each of its nodes leads there */
    struct btr_idmap nodes;        /* of an entity, its node */
    struct btr_idmap came;         /* entities that something of a way in came to */
    int64_t *came_ns; /* of a node, when something of a way in was there first; INT64_MAX: never */
    uint32_t *onward; /* steps by the node that they come from */
    uint32_t *begin;  /* of a node, its first in onward; and where the last one's end */
    uint32_t *near;   /* of a step, the node that it leads to */
    struct btr_idmap own; /* of a process of the extent, its place in since_ns */
    int64_t *since_ns;    /* when it is the intrusion's first */
    uint32_t own_count, own_capacity;
    uint32_t noted;    /* of the extent's items so many are among them */
    uint32_t followed; /* and so many were followed */
    uint32_t alone;    /* processes that were taken in one by one */
    struct btr_err *err;
};

static void passing_fini(struct passing *p)
{
    btr_idmap_fini(&p->nodes);
    btr_idmap_fini(&p->came);
    btr_idmap_fini(&p->own);
    free(p->came_ns);
    free(p->onward);
    free(p->begin);
    free(p->near);
    free(p->since_ns);
}

/* ---- The alert's trace, forward ------------------------------------------------------------- */

/* Steps by the node that they come from, where each node has those that lead to it. */
static bool onward_make(struct passing *p)
{
    const struct btr_trace *t = p->trace;
    p->begin = calloc((size_t)t->node_count + 2, sizeof *p->begin);
    p->near = malloc(((size_t)t->step_count + 1) * sizeof *p->near);
    p->onward = malloc(((size_t)t->step_count + 1) * sizeof *p->onward);
    p->came_ns = malloc(((size_t)t->node_count + 1) * sizeof *p->came_ns);
    bool ok = p->begin && p->near && p->onward && p->came_ns;
    for (uint32_t i = 0; ok && i < t->node_count; i++) {
        const struct btr_trace_node *near = &t->nodes[i];
        p->came_ns[i] = INT64_MAX;
        ok = btr_idmap_add(&p->nodes, near->id, i) != UINT32_MAX;
        for (uint32_t s = near->step_begin; s < near->step_begin + near->step_count; s++) {
            p->near[s] = i;
            p->begin[t->steps[s].other + 1]++;
        }
    }
    for (uint32_t i = 0; ok && i < t->node_count; i++)
        p->begin[i + 1] += p->begin[i];
    for (uint32_t s = t->step_count; ok && s-- > 0;)
        p->onward[--p->begin[t->steps[s].other + 1]] = s;
    return ok;
}

/* The steps of a node begin where those of the one before it end. */
static uint32_t onward_begin(const struct passing *p, uint32_t node)
{
    return p->begin[node + 1];
}

static uint32_t onward_end(const struct passing *p, uint32_t node)
{
    return node + 1 < p->trace->node_count ? p->begin[node + 2] : p->trace->step_count;
}

/* When something of a way in was first where, along steps in the order of their times. */
static bool times_find(struct passing *p)
{
    const struct btr_trace *t = p->trace;
    const struct btr_kept_pairs *kept = &p->loss->found->kept;
    uint32_t *queue = malloc(((size_t)t->node_count + 1) * sizeof *queue), count = 0, at = 0;
    bool *queued = calloc((size_t)t->node_count + 1, sizeof *queued);
    bool ok = queue && queued;
    for (uint32_t i = 0; ok && i < kept->way_count && loss_way_counts(p->loss, i); i++) {
        uint32_t node = btr_idmap_get(&p->nodes, kept->ways[i].entity);
        if (node == UINT32_MAX || queued[node])
            continue;
        p->came_ns[node] = INT64_MIN;
        queued[node] = true;
        queue[count++] = node;
    }
    while (ok && count > 0) { /* a ring: none is in it twice */
        uint32_t from = queue[at];
        at = (at + 1) % (t->node_count + 1);
        count--;
        queued[from] = false;
        for (uint32_t i = onward_begin(p, from); i < onward_end(p, from); i++) {
            const struct btr_trace_step *s = &t->steps[p->onward[i]];
            uint32_t to = p->near[p->onward[i]];
            int64_t ns = p->came_ns[from] > s->first_ns ? p->came_ns[from] : s->first_ns;
            if (p->came_ns[from] > s->last_ns + 2 * BTR_SOURCE_ERROR_NS || ns >= p->came_ns[to])
                continue;
            p->came_ns[to] = ns;
            if (!queued[to])
                queue[(at + count++) % (t->node_count + 1)] = to;
            queued[to] = true;
        }
    }
    free(queue);
    free(queued);
    return ok;
}

/* ---- What is the intrusion's already -------------------------------------------------------- */

/* @return false when out of memory */
static bool own_add(struct passing *p, const struct btr_extent_item *item)
{
    if (!btr_list_room(&p->since_ns, p->own_count, &p->own_capacity, 64, sizeof *p->since_ns))
        return false;
    uint32_t at = btr_idmap_add(&p->own, item->entity, p->own_count);
    if (at == p->own_count)
        p->since_ns[p->own_count++] = item->since_ns;
    else if (at != UINT32_MAX && item->since_ns < p->since_ns[at])
        p->since_ns[at] = item->since_ns;
    return at != UINT32_MAX;
}

static int own_note(struct passing *p)
{
    const struct btr_extent *x = &p->loss->extent;
    bool ok = true;
    for (; ok && p->noted < x->count; p->noted++)
        ok = x->items[p->noted].role != BTR_EXTENT_PROCESS || own_add(p, &x->items[p->noted]);
    return ok ? 0 : btr_fail(p->err, BTR_E_NOMEM, UINT64_MAX, "extent of %u items", x->count);
}

static bool is_own(const struct passing *p, struct btr_id process, int64_t at_ns)
{
    uint32_t own = btr_idmap_get(&p->own, process);
    return own < p->own_count && p->since_ns && p->since_ns[own] <= at_ns;
}

/* ---- Who was told --------------------------------------------------------------------------- */

struct earlier {
    const struct btr_idmap *but;
    int64_t before_ns;
};

static int earlier_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    const struct earlier *e = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_FORK && flows[i].first_ns < e->before_ns &&
            (!e->but || btr_idmap_get(e->but, flows[i].other) == UINT32_MAX))
            return 1;
    return 0;
}

/* Whether an entity is a process, and serves nobody. */
static int serves_none(struct btr_loss *loss, struct btr_id id, bool *none, struct btr_err *err)
{
    struct btr_fact fact;
    bool many = true;
    int rc = loss->facts.fact(loss->facts.self, id, &fact, err);
    if (rc == 0 && fact.kind == BTR_KIND_PROCESS)
        rc = btr_extent_serves_many(&loss->all, id, &many, err);
    *none = rc == 0 && !many;
    return rc;
}

int loss_is_tool(struct btr_loss *loss, struct btr_id process, bool *tool, struct btr_err *err)
{
    bool none;
    int rc = serves_none(loss, process, &none, err);
    *tool = false;
    if (rc == 0 && none)
        rc = loss_is_begun(loss, process, tool, err);
    return rc;
}

int loss_is_fresh(struct btr_loss *loss, struct btr_id process, int64_t at_ns,
                  const struct btr_idmap *but, bool *fresh, struct btr_err *err)
{
    struct earlier earlier = {but, at_ns};
    int rc = loss_is_tool(loss, process, fresh, err);
    if (rc < 0 || !*fresh)
        return rc;
    rc = loss->all.flows(loss->all.self, process, BTR_SIDE_OUT_OF, INT64_MIN, NULL, earlier_visit,
                         &earlier, err);
    *fresh = rc == 0;
    return rc < 0 ? rc : 0;
}

struct connecting {
    const struct btr_idmap *nodes;
    int64_t since_ns;
};

static int connects_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    const struct connecting *c = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_CONNECT && flows[i].last_ns >= c->since_ns &&
            btr_idmap_get(c->nodes, flows[i].other) != UINT32_MAX)
            return 1;
    return 0;
}

/* Whether the alert came by a connection that a process made then. */
static int connects(const struct passing *p, uint32_t node, bool *made)
{
    struct connecting c = {&p->nodes, p->came_ns[node]};
    int rc = p->loss->all.flows(p->loss->all.self, p->trace->nodes[node].id, BTR_SIDE_OUT_OF,
                                p->came_ns[node], NULL, connects_visit, &c, p->err);
    *made = rc == 1;
    return rc < 0 ? rc : 0;
}

typedef bool step_is(const struct passing *p, const struct btr_trace_step *step, uint32_t near);

/* Whether one of the steps that go on from a node, once the cause was there, is such a one. */
static bool goes_on(const struct passing *p, uint32_t node, step_is *is)
{
    for (uint32_t i = onward_begin(p, node); i < onward_end(p, node); i++) {
        const struct btr_trace_step *s = &p->trace->steps[p->onward[i]];
        if (s->last_ns >= p->came_ns[node] && is(p, s, p->near[p->onward[i]]))
            return true;
    }
    return false;
}

/* Starts or changes a process, or is what the alert is about. */
static bool is_act(const struct passing *p, const struct btr_trace_step *step, uint32_t near)
{
    uint8_t operation = btr_step_manner(p->trace, step)->operation;
    return operation == BTR_OP_FORK || operation == BTR_OP_INJECT || operation == BTR_OP_PTRACE ||
           p->trace->nodes[near].start;
}

/* Makes somebody do something: is run, or read by somebody whom nothing had come to before, and who
 * then starts something. */
static bool is_use(const struct passing *p, const struct btr_trace_step *step, uint32_t near)
{
    uint8_t operation = btr_step_manner(p->trace, step)->operation;
    bool runs = operation == BTR_OP_EXEC || operation == BTR_OP_LOAD || operation == BTR_OP_MAP;
    bool reads = operation == BTR_OP_READ || operation == BTR_OP_OPEN_READ;
    return runs || (reads && p->came_ns[near] >= step->first_ns && goes_on(p, near, is_act));
}

/* Acts, or writes what is then used. */
static bool is_cause(const struct passing *p, const struct btr_trace_step *step, uint32_t near)
{
    uint8_t operation = btr_step_manner(p->trace, step)->operation;
    return is_act(p, step, near) || (btr_extent_writes(operation) && goes_on(p, near, is_use));
}

/* With all that follows of it: of who serves a connection that it made no more is asked. Of very
 * many that follows when all are found. */
static int process_take(struct passing *p, struct btr_id id, int64_t since_ns)
{
    struct btr_loss *loss = p->loss;
    uint32_t from = p->followed;
    int rc = btr_extent_add(&loss->extent,
                            &(struct btr_extent_item){.entity = id,
                                                      .since_ns = since_ns,
                                                      .until_ns = INT64_MAX,
                                                      .source = BTR_SOURCE_NONE,
                                                      .by = LOSS_NONE,
                                                      .role = BTR_EXTENT_PROCESS,
                                                      .why = BTR_EXTENT_THROUGH},
                            p->err);
    if (rc == 0 && p->alone++ < ALONE_MAX) {
        rc = btr_extent_find(&loss->extent, from, &loss->all, p->rules, p->err);
        p->followed = loss->extent.count;
    }
    return rc == 0 ? own_note(p) : rc;
}

/* What the cause came to a node by. */
static struct btr_id brought_by(const struct passing *p, uint32_t node)
{
    const struct btr_trace *t = p->trace;
    const struct btr_trace_node *n = &t->nodes[node];
    for (uint32_t i = n->step_begin; i < n->step_begin + n->step_count; i++) {
        int64_t came_ns = p->came_ns[t->steps[i].other], first_ns = t->steps[i].first_ns;
        if (came_ns != INT64_MAX && (came_ns > first_ns ? came_ns : first_ns) == p->came_ns[node])
            return t->nodes[t->steps[i].other].id;
    }
    return n->id;
}

/* How a process began, as far as a time. */
struct beginning {
    struct btr_id parent;
    int64_t at_ns;
    bool forked, ran; /* ran: a program since */
};

static int beginning_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct beginning *b = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        b->ran |= f->operation == BTR_OP_EXEC;
        if (f->operation == BTR_OP_FORK)
            *b = (struct beginning){f->other, f->first_ns, true, b->ran};
    }
    return b->ran;
}

/* What a process runs, and with which arguments. */
static int image_of(struct btr_loss *loss, struct btr_id process, int64_t at_ns,
                    struct btr_id *image, struct btr_err *err)
{
    struct btr_entity e;
    int rc = loss_entity(loss, process, &e, err);
    if (rc < 0)
        return rc;
    struct btr_span parts[] = {btr_entity_attr(&e, BTR_ATTR_PROCESS_EXECUTABLE, at_ns),
                               btr_entity_attr(&e, BTR_ATTR_PROCESS_COMMAND_LINE, at_ns)};
    *image = btr_id_of(parts, 2);
    return 0;
}

/* Whom a process is a part of at a time: who began it, if it has run nothing since. Not every agent
 * tells that it ran something apart from its beginning. @param b  forked: it is a part */
static int whole_find(const struct passing *p, struct btr_id id, int64_t at_ns, struct beginning *b)
{
    const struct btr_edges *all = &p->loss->all;
    struct btr_id mine = {0}, theirs = {0};
    *b = (struct beginning){.forked = false};
    int rc = all->flows(all->self, id, BTR_SIDE_INTO, at_ns, NULL, beginning_visit, b, p->err);
    b->forked = b->forked && !b->ran;
    if (rc < 0 || !b->forked)
        return rc < 0 ? rc : 0;
    rc = image_of(p->loss, id, at_ns, &mine, p->err);
    if (rc == 0)
        rc = image_of(p->loss, b->parent, b->at_ns, &theirs, p->err);
    b->forked = btr_id_equal(mine, theirs);
    return rc;
}

/* Whether a process is a part, at a time, of a program that had started others before it, or of
 * which nobody tells that: then it does what that does, as cron's child that begins a job. */
static int is_part_of_busy(const struct passing *p, struct btr_id id, int64_t at_ns, bool *busy)
{
    const struct btr_edges *all = &p->loss->all;
    struct beginning b = {.forked = true};
    int rc = 0;
    *busy = false;
    for (int depth = 0; rc == 0 && b.forked && !*busy && depth < PARTS_MAX; depth++) {
        bool begun = true;
        rc = whole_find(p, id, at_ns, &b);
        struct earlier earlier = {&p->came, b.at_ns};
        if (rc == 0 && b.forked)
            rc = loss_is_begun(p->loss, b.parent, &begun, p->err);
        if (rc == 0 && !begun) /* what that had started nobody tells */
            rc = 1;
        else if (rc == 0 && b.forked)
            rc = all->flows(all->self, b.parent, BTR_SIDE_OUT_OF, INT64_MIN, NULL, earlier_visit,
                            &earlier, p->err);
        *busy = rc == 1;
        id = b.parent;
        at_ns = b.at_ns;
    }
    return rc < 0 ? rc : 0;
}

/* The first program that a process ran of its own. */
static int running_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    int64_t *first_ns = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_EXEC && flows[i].first_ns < *first_ns)
            *first_ns = flows[i].first_ns;
    return 0;
}

/* Since when a process does what came to it: at once, but as a part of a busy program when it runs
 * one of its own. @param since_ns  INT64_MAX: never */
static int told_find(const struct passing *p, uint32_t node, bool *busy, int64_t *since_ns)
{
    const struct btr_edges *all = &p->loss->all;
    struct btr_id id = p->trace->nodes[node].id;
    int rc = is_part_of_busy(p, id, p->came_ns[node], busy);
    *since_ns = *busy ? INT64_MAX : p->came_ns[node];
    if (rc == 0 && *busy) /* it has run none before */
        rc = all->flows(all->self, id, BTR_SIDE_INTO, INT64_MAX, NULL, running_visit, since_ns,
                        p->err);
    return rc < 0 ? rc : 0;
}

/* One that had been told things before, or of which nobody knows that, may do this for another
 * reason: what it then starts is none of the intrusion, but may be. */
static int node_pass(struct passing *p, uint32_t node)
{
    struct btr_id id = p->trace->nodes[node].id;
    int64_t came_ns = p->came_ns[node], since_ns = INT64_MAX;
    bool none = false, told = false, acts = false, busy = false;
    if (is_own(p, id, came_ns))
        return 0;
    int rc = serves_none(p->loss, id, &none, p->err);
    if (rc == 0 && none)
        rc = connects(p, node, &acts);
    if (rc < 0 || !none || !(acts || goes_on(p, node, is_cause)))
        return rc;
    rc = loss_is_fresh(p->loss, id, came_ns, &p->came, &told, p->err);
    if (rc == 0 && told)
        rc = told_find(p, node, &busy, &since_ns);
    if (rc == 0 && since_ns != INT64_MAX)
        return process_take(p, id, since_ns);
    return rc == 0 ? loss_passed_note(p->loss, id, brought_by(p, node), came_ns, busy, p->err) : rc;
}

/* ---- All ------------------------------------------------------------------------------------ */

struct arrival {
    int64_t came_ns;
    uint32_t node;
};

static int arrival_compare(const void *x, const void *y)
{
    const struct arrival *a = x, *b = y;
    if (a->came_ns != b->came_ns)
        return a->came_ns < b->came_ns ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

static int nodes_pass(struct passing *p)
{
    const struct btr_trace *t = p->trace;
    struct arrival *list = malloc(((size_t)t->node_count + 1) * sizeof *list);
    uint32_t count = 0;
    int rc = list ? own_note(p)
                  : btr_fail(p->err, BTR_E_NOMEM, UINT64_MAX, "what the alert came through");
    for (uint32_t i = 0; rc == 0 && i < t->node_count; i++) {
        if (p->came_ns[i] == INT64_MAX)
            continue;
        if (btr_idmap_add(&p->came, t->nodes[i].id, i) == UINT32_MAX)
            rc = btr_fail(p->err, BTR_E_NOMEM, UINT64_MAX, "what the alert came through");
        if (p->came_ns[i] != INT64_MIN)
            list[count++] = (struct arrival){p->came_ns[i], i};
    }
    if (rc == 0 && count)
        qsort(list, count, sizeof *list, arrival_compare);
    for (uint32_t i = 0; rc == 0 && i < count; i++)
        rc = node_pass(p, list[i].node);
    if (rc == 0 && p->followed < p->loss->extent.count)
        rc = btr_extent_find(&p->loss->extent, p->followed, &p->loss->all, p->rules, p->err);
    free(list);
    return rc;
}

int loss_through_find(struct btr_loss *loss, const struct btr_extent_rules *rules,
                      struct btr_err *err)
{
    struct passing p = {.loss = loss,
                        .rules = rules,
                        .trace = loss->found->trace,
                        .followed = loss->extent.count,
                        .err = err};
    if (!p.trace || loss->found->kept.way_count == 0)
        return 0;
    bool ok = onward_make(&p) && times_find(&p);
    int rc =
        ok ? nodes_pass(&p) : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what the alert came through");
    passing_fini(&p);
    return rc;
}
