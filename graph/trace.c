/* The answer of a walk: everything put in an order that does not depend on how the walk came there.
 */
#include "steps.h"
#include "walk.h"

/* A node among those of its bound. */
struct node_tie {
    struct btr_id id;
    uint32_t node;
};

static int compare_ids(const void *a, const void *b)
{
    return btr_id_compare(((const struct node_tie *)a)->id, ((const struct node_tie *)b)->id);
}

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

struct pair_key {
    struct btr_pair pair;
    uint32_t at; /* in halves */
};

static int compare_pairs(const void *a, const void *b)
{
    const struct btr_pair *x = &((const struct pair_key *)a)->pair;
    const struct btr_pair *y = &((const struct pair_key *)b)->pair;
    int order = btr_id_compare(x->rendezvous, y->rendezvous);
    if (order == 0)
        order = btr_id_compare(x->client, y->client);
    if (order == 0)
        order = btr_id_compare(x->server, y->server);
    if (order == 0)
        order = COMPARE(x->client_ref, y->client_ref);
    return order ? order : COMPARE(x->server_ref, y->server_ref);
}

/* What a trace is made with; freed at the end. */
struct making {
    struct graph_walk *w;
    struct btr_trace *trace;
    struct graph_stretch *keys; /* of nodes, twice as many: their bounds, the latest least */
    struct node_tie *ties;
    uint32_t *place;        /* node of the walk -> node of the trace */
    struct pair_key *pairs; /* of the walk, by rendezvous and ends */
    uint32_t *pair_rank;    /* pair of the walk -> its place in `pairs` */
    uint32_t *kinds;        /* of manners */
    struct graph_sorter sorter;
};

/* The bound within the source that gave it; never later than the latest start. */
static int64_t node_bound(const struct graph_walk *w, const struct graph_node *n)
{
    return graph_time_min(n->label.own_ns, w->cap_ns);
}

/* Puts nodes of one bound in the order of their ids. */
static void ties_sort(struct making *m, struct graph_stretch *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        m->ties[i] = (struct node_tie){m->w->nodes.items[keys[i].begin].id, keys[i].begin};
    qsort(m->ties, count, sizeof(*m->ties), compare_ids);
    for (uint32_t i = 0; i < count; i++)
        keys[i].begin = m->ties[i].node;
}

static void place_nodes(struct making *m)
{
    const struct graph_nodes *nodes = &m->w->nodes;
    uint32_t count = 0;
    for (uint32_t i = 0; i < nodes->count; i++) {
        uint64_t bound = (uint64_t)node_bound(m->w, &nodes->items[i]) ^ UINT64_C(1) << 63;
        if (nodes->items[i].reached) /* a limit may stop between finding a node and reaching it */
            m->keys[count++] = (struct graph_stretch){.key = ~bound, .begin = i};
    }
    struct graph_stretch *keys = graph_stretches_sort(m->keys, m->keys + count, count, 64);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && keys[end].key == keys[i].key; end++)
            continue;
        if (end - i > 1)
            ties_sort(m, keys + i, end - i);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct graph_node *n = &nodes->items[keys[i].begin];
        m->trace->nodes[i] = (struct btr_trace_node){
            n->id, graph_walk_time(m->w, node_bound(m->w, n)), 0, 0, n->start};
        m->place[keys[i].begin] = i;
    }
    m->trace->node_count = count;
}

/* Manners go over to the trace. */
static void place_manners(struct making *m)
{
    struct graph_manners *manners = &m->w->manners;
    for (uint32_t i = 0; i < manners->count; i++)
        m->kinds[i] = btr_manner_kind(&manners->items[i]);
    m->sorter.kinds = m->kinds;
    m->trace->manners = manners->items;
    m->trace->manner_count = manners->count;
    manners->items = NULL;
}

static void rank_pairs(struct making *m)
{
    uint32_t pair_count = m->w->halves.pair_count;
    for (uint32_t i = 0; i < pair_count; i++)
        m->pairs[i] = (struct pair_key){m->w->halves.pairs[i], i};
    qsort(m->pairs, pair_count, sizeof(*m->pairs), compare_pairs);
    for (uint32_t i = 0; i < pair_count; i++)
        m->pair_rank[m->pairs[i].at] = i;
}

/* A pair lasts as long as its settled end's bound says. */
static void place_pair(struct making *m, struct btr_trace_step *step, uint32_t node)
{
    int64_t bound_ns = graph_walk_time(m->w, node_bound(m->w, &m->w->nodes.items[node]));
    step->last_ns = graph_time_max(step->first_ns, bound_ns);
    step->ref = BTR_REF_PAIR + m->pair_rank[step->ref - BTR_REF_PAIR];
}

/* The steps of one node, whatever number of times it was settled, as the answer has them. */
static bool place_node_steps(struct making *m, uint32_t node)
{
    struct btr_trace *trace = m->trace;
    struct btr_trace_step *steps = trace->steps + trace->step_count;
    struct btr_trace_node *n = &trace->nodes[m->place[node]];
    uint32_t count = 0;
    for (uint32_t r = m->w->nodes.settlings[node].range_first; r != UINT32_MAX;
         r = m->w->ranges[r].next) {
        graph_steps_copy(steps + count, &m->w->steps, &m->w->ranges[r]);
        count += m->w->ranges[r].count;
    }
    for (uint32_t i = 0; i < count; i++) {
        steps[i].other = m->place[steps[i].other];
        if (btr_step_is_pair(&steps[i]))
            place_pair(m, &steps[i], node);
    }
    if (!graph_steps_sort(&m->sorter, steps, &count))
        return false;
    n->step_begin = trace->step_count;
    n->step_count = count;
    trace->step_count += count;
    return true;
}

/* Node after node in the order in which they were settled first: chunks of steps go as they are
 * done with. */
static bool place_steps(struct making *m)
{
    struct graph_walk *w = m->w;
    m->trace->steps = malloc(((size_t)w->steps.count + 1) * sizeof(*m->trace->steps));
    if (!m->trace->steps)
        return false;
    for (uint32_t r = 0; r < w->range_count; r++) {
        uint32_t node = w->ranges[r].node;
        graph_steps_forget(&w->steps, w->ranges[r].chunk);
        if (w->nodes.settlings[node].range_first == r && !place_node_steps(m, node))
            return false;
    }
    return true;
}

/* Keeps the pairs that a step crosses. */
static void place_pairs(struct making *m)
{
    struct btr_trace *trace = m->trace;
    uint32_t pair_count = m->w->halves.pair_count;
    memset(m->pair_rank, 0, pair_count * sizeof(*m->pair_rank));
    for (uint32_t i = 0; pair_count > 0 && i < trace->step_count; i++) {
        if (btr_step_is_pair(&trace->steps[i])) /* crossed; then its place in the answer */
            m->pair_rank[trace->steps[i].ref - BTR_REF_PAIR] = 1;
    }
    for (uint32_t i = 0; i < pair_count; i++) {
        if (m->pair_rank[i]) {
            m->pair_rank[i] = trace->pair_count;
            trace->pairs[trace->pair_count++] = m->pairs[i].pair;
        }
    }
    for (uint32_t i = 0; pair_count > 0 && i < trace->step_count; i++) {
        struct btr_trace_step *step = &trace->steps[i];
        if (btr_step_is_pair(step))
            step->ref = BTR_REF_PAIR + m->pair_rank[step->ref - BTR_REF_PAIR];
    }
}

/* No event that was not looked at begins later. Of a node that was settled with its label, and only
 * waits to be read on, what is left ends before its place in the frontier. */
static int64_t unexplored_bound(const struct graph_walk *w,
                                const struct graph_frontier_entry *entry)
{
    const struct graph_node *n = &w->nodes.items[entry->node];
    bool waits = n->settled && graph_label_equal(n->label, w->nodes.settlings[entry->node].done);
    return waits ? entry->key : n->label.rest_ns;
}

static void tell_cut(struct btr_trace *trace, const struct graph_walk *w)
{
    trace->cut = w->cut;
    if (w->cut == BTR_CUT_NONE)
        return;
    int64_t bound_ns = INT64_MIN;
    for (uint32_t i = 0; i < w->frontier.count; i++)
        bound_ns = graph_time_max(bound_ns, unexplored_bound(w, &w->frontier.heap[i]));
    trace->unexplored = w->frontier.count;
    trace->unexplored_bound_ns = graph_walk_time(w, bound_ns);
}

static bool making_init(struct making *m)
{
    size_t nodes = (size_t)m->w->nodes.count + 1; /* no array is empty */
    size_t pairs = (size_t)m->w->halves.pair_count + 1;
    m->trace = calloc(1, sizeof(*m->trace));
    if (!m->trace)
        return false;
    m->trace->direction = m->w->direction;
    m->keys = malloc(2 * nodes * sizeof(*m->keys));
    m->ties = malloc(nodes * sizeof(*m->ties));
    m->place = malloc(nodes * sizeof(*m->place));
    m->pairs = malloc(pairs * sizeof(*m->pairs));
    m->pair_rank = malloc(pairs * sizeof(*m->pair_rank));
    m->kinds = malloc(((size_t)m->w->manners.count + 1) * sizeof(*m->kinds));
    if (!m->keys || !m->ties || !m->place || !m->pairs || !m->pair_rank || !m->kinds)
        return false;
    m->trace->nodes = malloc(nodes * sizeof(*m->trace->nodes));
    m->trace->pairs = malloc(pairs * sizeof(*m->trace->pairs));
    return m->trace->nodes && m->trace->pairs;
}

int graph_trace_make(struct btr_trace **out, struct graph_walk *w)
{
    struct making m = {.w = w};
    bool made = making_init(&m);
    if (made) {
        place_nodes(&m);
        place_manners(&m);
        rank_pairs(&m);
        made = place_steps(&m);
    }
    if (made) {
        place_pairs(&m);
        tell_cut(m.trace, w);
        *out = m.trace;
    } else {
        btr_trace_free(m.trace);
    }
    free(m.keys);
    free(m.ties);
    free(m.place);
    free(m.pairs);
    free(m.pair_rank);
    free(m.kinds);
    graph_sorter_fini(&m.sorter);
    return made ? 0
                : btr_fail(w->err, BTR_E_NOMEM, UINT64_MAX, "answer of %u nodes", w->nodes.count);
}

void btr_trace_free(struct btr_trace *trace)
{
    if (!trace)
        return;
    free(trace->nodes);
    free(trace->steps);
    free(trace->pairs);
    free(trace->manners);
    free(trace);
}

int btr_trace_merge(struct btr_trace *trace, struct btr_err *err)
{
    uint32_t *kinds = malloc(((size_t)trace->manner_count + 1) * sizeof(*kinds));
    struct graph_sorter sorter = {.kinds = kinds};
    bool made = kinds != NULL;
    for (uint32_t i = 0; made && i < trace->manner_count; i++)
        kinds[i] = btr_manner_way(&trace->manners[i]);
    for (uint32_t i = 0; made && i < trace->node_count; i++) {
        struct btr_trace_node *node = &trace->nodes[i];
        made = graph_steps_sort(&sorter, &trace->steps[node->step_begin], &node->step_count);
    }
    trace->merged = made;
    free(kinds);
    graph_sorter_fini(&sorter);
    return made ? 0
                : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer of %u nodes", trace->node_count);
}
