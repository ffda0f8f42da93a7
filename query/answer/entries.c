/*
 * Ways in: nodes that nothing in the answer explains, and connections whose other end no agent
 * recorded. Forward, the mirror: connections by which something may have left.
 * docs/man/backtrail-trace.1 states the rule that sorts them.
 */
#include <stdlib.h>

#include "parts.h"

/* What the edges say about a node. */
struct surroundings {
    uint32_t neighbour; /* the only other node it has edges with, ANSWER_NONE: none or several */
    bool several, fed, started, paired, accepted, connected, carried;
};

bool answer_starts_process(uint8_t operation)
{
    return operation == BTR_OP_FORK || operation == BTR_OP_SERVICE_START ||
           operation == BTR_OP_TASK_RUN || operation == BTR_OP_WMI_RUN;
}

static void neighbour_add(struct surroundings *s, uint32_t other)
{
    if (s->neighbour != ANSWER_NONE && s->neighbour != other)
        s->several = true;
    s->neighbour = other;
}

/* The node that the path of a node comes from; ANSWER_NONE where there is none. */
static uint32_t path_neighbour(const struct btr_answer *a, uint32_t node)
{
    uint32_t label = a->paths.of_node[node];
    uint32_t previous = label == ANSWER_NONE ? ANSWER_NONE : a->paths.labels[label].previous;
    return previous == ANSWER_NONE ? ANSWER_NONE : a->paths.labels[previous].node;
}

/* What one edge, of which the first step is `step`, says about both its ends. */
static void surroundings_add(const struct btr_answer *a, struct surroundings *all, uint32_t near,
                             const struct btr_trace_step *step)
{
    uint32_t far = step->other;
    const struct btr_manner *manner = btr_step_manner(a->trace, step);
    bool backward = a->direction == BTR_WALK_BACKWARD, pair = manner->pair;
    struct surroundings *to = &all[backward ? near : far];
    if (far == near)
        return;
    neighbour_add(&all[near], far);
    neighbour_add(&all[far], near);
    to->fed = true;
    to->started |= answer_starts_process(manner->operation);
    if (near == path_neighbour(a, far))
        all[far].carried |= !answer_only_opens(manner);
    for (int end = 0; end < 2; end++) {
        struct surroundings *s = &all[end ? near : far];
        s->paired |= pair;
        s->accepted |= manner->operation == BTR_OP_ACCEPT;
        s->connected |= manner->operation == BTR_OP_CONNECT && !pair;
    }
}

static void surroundings_of(const struct btr_answer *a, struct surroundings *all, uint32_t node)
{
    const struct btr_trace_node *n = &a->trace->nodes[node];
    uint32_t end = n->step_begin + n->step_count;
    const struct btr_trace_step *steps = a->trace->steps;
    for (uint32_t at = n->step_begin; at < end; at++)
        if (at == n->step_begin || steps[at].other != steps[at - 1].other ||
            steps[at].manner != steps[at - 1].manner)
            surroundings_add(a, all, node, &steps[at]);
}

static struct surroundings *surroundings_find(const struct btr_answer *a)
{
    struct surroundings *all = calloc((size_t)a->trace->node_count + 1, sizeof *all);
    if (!all)
        return NULL;
    for (uint32_t i = 0; i < a->trace->node_count; i++)
        all[i].neighbour = ANSWER_NONE;
    for (uint32_t i = 0; i < a->trace->node_count; i++)
        surroundings_of(a, all, i);
    return all;
}

/* The address of a connection's end that is not the recorded one; empty when that cannot be told.
 */
static struct btr_span far_address(const struct answer_node *n, const struct surroundings *s)
{
    if (n->entity.kind != BTR_KIND_FLOW || s->accepted == s->connected)
        return (struct btr_span){0};
    return btr_entity_attr(&n->entity, s->accepted ? BTR_ATTR_SOURCE_IP : BTR_ATTR_DESTINATION_IP,
                           n->seen_ns);
}

/* Far addresses of the starts, each at most once for a start. @return NULL when out of memory */
static struct btr_span *start_addresses(const struct btr_answer *a, const struct surroundings *all,
                                        uint32_t *count)
{
    struct btr_span *addresses = malloc(((size_t)a->start_count + 1) * sizeof *addresses);
    for (uint32_t i = 0; addresses && i < a->trace->node_count; i++) {
        if (a->trace->nodes[i].start && *count < a->start_count)
            addresses[(*count)++] = far_address(&a->nodes[i], &all[i]);
    }
    return addresses;
}

static bool is_among(struct btr_span address, const struct btr_span *addresses, uint32_t count)
{
    for (uint32_t i = 0; address.size && i < count; i++) {
        if (btr_span_equal(addresses[i], address))
            return true;
    }
    return false;
}

static enum answer_rank flow_rank(const struct answer_node *n, const struct surroundings *s,
                                  const char **why)
{
    if (s->paired)
        return ANSWER_RANK_NONE;
    if (n->entity.flags & BTR_ENTITY_OUTSIDE) {
        *why = "a connection whose other end is outside the inventory";
        return ANSWER_RANK_OUTSIDE;
    }
    if (n->entity.flags & BTR_ENTITY_HALF)
        *why = "a connection of which no other agent recorded the other end";
    else if (!s->several)
        *why = "a connection of which one end only appears in the records";
    return *why ? ANSWER_RANK_FLOW : ANSWER_RANK_NONE;
}

static enum answer_rank rank_of(const struct answer_node *n, const struct surroundings *s,
                                const char **why)
{
    switch (n->entity.kind) {
    case BTR_KIND_FLOW:
        return flow_rank(n, s, why);
    case BTR_KIND_PROCESS:
        if (s->started)
            return ANSWER_RANK_NONE;
        *why = n->entity.flags & BTR_ENTITY_UNCERTAIN
                   ? "a process that ran before the records begin: its parent is not known"
                   : "a process of which no record tells who started it";
        return ANSWER_RANK_PROCESS;
    case BTR_KIND_SESSION:
        *why = "a session of which no record tells where it came from";
        return s->fed ? ANSWER_RANK_NONE : ANSWER_RANK_SESSION;
    case BTR_KIND_FILE:
        *why = "a file of which no record tells who wrote it";
        return s->fed ? ANSWER_RANK_NONE : ANSWER_RANK_OBJECT;
    default:
        *why = "nothing in the records tells where it came from";
        return s->fed ? ANSWER_RANK_NONE : ANSWER_RANK_OBJECT;
    }
}

static struct answer_entry entry_make(const struct btr_answer *a, uint32_t node,
                                      enum answer_rank rank, const char *why)
{
    uint32_t label = a->paths.of_node[node];
    struct answer_entry e = {.node = node,
                             .hops = ANSWER_NONE,
                             .left_ns = INT64_MIN,
                             .label = label,
                             .rank = (uint8_t)rank,
                             .score = rank,
                             .why = why};
    if (label != ANSWER_NONE) {
        const struct answer_label *l = &a->paths.labels[label];
        e.hops = l->level;
        e.left_ns = l->other_ns;
        e.score += 0.25 / (1.0 + e.hops);
    }
    return e;
}

struct sortable {
    struct answer_entry entry;
    struct btr_id id;
};

static int sortable_compare(const void *x, const void *y)
{
    const struct sortable *p = x, *q = y;
    const struct answer_entry *a = &p->entry, *b = &q->entry;
    if (a->way != b->way)
        return a->way < b->way ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    if (a->alert_address != b->alert_address)
        return a->alert_address ? -1 : 1;
    if (a->carried != b->carried)
        return a->carried ? -1 : 1;
    if (a->hops != b->hops)
        return a->hops < b->hops ? -1 : 1;
    if (a->left_ns != b->left_ns)
        return a->left_ns > b->left_ns ? -1 : 1;
    return btr_id_compare(p->id, q->id);
}

/* Where a strategy has the node among the ways in, UINT32_MAX: nowhere. */
static uint32_t way_of(const struct btr_kept_pairs *kept, struct btr_id id)
{
    for (uint32_t i = 0; kept && i < kept->way_count; i++)
        if (btr_id_equal(kept->ways[i].entity, id))
            return i;
    return UINT32_MAX;
}

bool answer_is_from(const struct btr_answer *a, uint32_t node)
{
    const struct btr_between *between = a->options.between;
    for (uint32_t i = 0; between && i < between->from_count; i++)
        if (btr_id_equal(between->from[i].entity, a->trace->nodes[node].id))
            return true;
    return false;
}

bool answer_has_no_path(const struct btr_answer *a)
{
    return a->options.between && a->trace->step_count == 0;
}

/* Forward, only connections: everything else that was reached is in the answer's nodes. */
static bool wanted(const struct btr_answer *a, uint32_t node, enum answer_rank rank,
                   const char **why)
{
    if (a->options.between) {
        *why = "the end that was asked from";
        return !answer_has_no_path(a) && answer_is_from(a, node);
    }
    if (a->trace->nodes[node].start)
        return false;
    return a->direction == BTR_WALK_BACKWARD ? rank != ANSWER_RANK_NONE : rank >= ANSWER_RANK_FLOW;
}

int answer_entries_find(struct btr_answer *a, struct btr_err *err)
{
    struct surroundings *all = surroundings_find(a);
    struct sortable *list = calloc((size_t)a->trace->node_count + 1, sizeof *list);
    uint32_t address_count = 0;
    struct btr_span *addresses = all ? start_addresses(a, all, &address_count) : NULL;
    a->entries = malloc(((size_t)a->trace->node_count + 1) * sizeof *a->entries);
    int rc = addresses && list && a->entries
                 ? 0
                 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ways in of the answer");
    for (uint32_t i = 0; rc == 0 && i < a->trace->node_count; i++) {
        const char *why = NULL;
        enum answer_rank rank = rank_of(&a->nodes[i], &all[i], &why);
        a->nodes[i].rank = (uint8_t)rank;
        if (!wanted(a, i, rank, &why))
            continue;
        if (a->options.without && btr_without_touches(a->options.without, a->trace->nodes[i].id))
            why = "something that led to it is left out by --without";
        struct sortable *item = &list[a->entry_count++];
        item->id = a->trace->nodes[i].id;
        item->entry = entry_make(a, i, rank, why);
        item->entry.alert_address =
            is_among(far_address(&a->nodes[i], &all[i]), addresses, address_count);
        item->entry.carried = all[i].carried;
        item->entry.score += item->entry.alert_address ? 0.5 : 0;
        item->entry.score += item->entry.carried ? 0.25 : 0;
        item->entry.way = way_of(a->options.kept, item->id);
        if (item->entry.way != UINT32_MAX)
            item->entry.score = a->options.kept->ways[item->entry.way].score;
        else if (a->options.kept && a->options.kept->way_count)
            item->entry.score = 0;
    }
    if (rc == 0 && a->entry_count > 1)
        qsort(list, a->entry_count, sizeof *list, sortable_compare);
    for (uint32_t i = 0; rc == 0 && i < a->entry_count; i++) {
        a->entries[i] = list[i].entry;
        if (list[i].entry.score > 0)
            a->nodes[list[i].entry.node].score = list[i].entry.score;
    }
    free(all);
    free(addresses);
    free(list);
    return rc;
}
