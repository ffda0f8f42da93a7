/* The answer of a walk: everything put in an order that does not depend on how the walk came there.
 */
#include "steps.h"
#include "walk.h"

struct node_key {
    int64_t bound_ns; /* in the walk's time */
    struct btr_id id;
    uint32_t node;
};

static int compare_ids(const void *a, const void *b)
{
    const struct node_key *x = a;
    const struct node_key *y = b;
    return btr_id_compare(x->id, y->id);
}

static int compare_bounds(const void *a, const void *b)
{
    const struct node_key *x = a;
    const struct node_key *y = b;
    if (x->bound_ns != y->bound_ns)
        return x->bound_ns > y->bound_ns ? -1 : 1;
    return btr_id_compare(x->id, y->id);
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
    struct node_key *keys;
    uint32_t *rank;         /* node of the walk -> its rank by id */
    uint32_t *place;        /* rank by id -> node of the trace */
    struct pair_key *pairs; /* of the walk, by rendezvous and ends */
    uint32_t *pair_rank;    /* pair of the walk -> its place in `pairs` */
};

/* The bound within the source that gave it; never later than the latest start. */
static int64_t node_bound(const struct graph_walk *w, const struct graph_node *n)
{
    return graph_time_min(n->label.own_ns, w->cap_ns);
}

static void place_nodes(struct making *m)
{
    struct graph_walk *w = m->w;
    uint32_t node_count = 0;
    for (uint32_t i = 0; i < w->node_count; i++) {
        if (w->nodes[i].reached) /* a limit may stop between finding a node and reaching it */
            m->keys[node_count++] =
                (struct node_key){node_bound(w, &w->nodes[i]), w->nodes[i].id, i};
    }
    qsort(m->keys, node_count, sizeof(*m->keys), compare_ids);
    for (uint32_t i = 0; i < node_count; i++)
        m->rank[m->keys[i].node] = i;
    qsort(m->keys, node_count, sizeof(*m->keys), compare_bounds);
    for (uint32_t i = 0; i < node_count; i++) {
        const struct graph_node *n = &w->nodes[m->keys[i].node];
        m->trace->nodes[i] =
            (struct btr_trace_node){n->id, graph_walk_time(w, m->keys[i].bound_ns), n->start};
        m->place[m->rank[m->keys[i].node]] = i;
    }
    m->trace->node_count = node_count;
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
static void close_pair(const struct graph_walk *w, struct btr_trace_step *step)
{
    bool backward = w->direction == BTR_WALK_BACKWARD;
    const struct graph_node *settled = &w->nodes[backward ? step->to : step->from];
    step->last_ns = graph_time_max(step->first_ns, graph_walk_time(w, node_bound(w, settled)));
}

static void drop_equal_steps(struct btr_trace *trace)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < trace->step_count; i++) {
        if (kept == 0 || graph_steps_compare(&trace->steps[kept - 1], &trace->steps[i]) != 0)
            trace->steps[kept++] = trace->steps[i];
    }
    trace->step_count = kept;
}

/* Ranks by id stand for the ends while steps are sorted. */
static bool place_steps(struct making *m)
{
    struct graph_walk *w = m->w;
    struct btr_trace *trace = m->trace;
    trace->steps = w->steps;
    trace->step_count = w->step_count;
    w->steps = NULL;
    for (uint64_t i = 0; i < trace->step_count; i++) {
        struct btr_trace_step *step = &trace->steps[i];
        if (step->ref == BTR_REF_PAIR) {
            close_pair(w, step);
            step->pair = m->pair_rank[step->pair];
        }
        step->from = m->rank[step->from];
        step->to = m->rank[step->to];
    }
    if (!graph_steps_sort(&trace->steps, trace->step_count))
        return false;
    drop_equal_steps(trace);
    for (uint64_t i = 0; i < trace->step_count; i++) {
        trace->steps[i].from = m->place[trace->steps[i].from];
        trace->steps[i].to = m->place[trace->steps[i].to];
    }
    return true;
}

/* Keeps the pairs that a step crosses. */
static void place_pairs(struct making *m)
{
    struct btr_trace *trace = m->trace;
    uint32_t pair_count = m->w->halves.pair_count;
    memset(m->pair_rank, 0, pair_count * sizeof(*m->pair_rank));
    for (uint64_t i = 0; i < trace->step_count; i++) {
        if (trace->steps[i].ref == BTR_REF_PAIR)
            m->pair_rank[trace->steps[i].pair] =
                1; /* from here on: crossed, then its place in the answer */
    }
    for (uint32_t i = 0; i < pair_count; i++) {
        if (m->pair_rank[i]) {
            m->pair_rank[i] = trace->pair_count;
            trace->pairs[trace->pair_count++] = m->pairs[i].pair;
        }
    }
    for (uint64_t i = 0; i < trace->step_count; i++) {
        if (trace->steps[i].ref == BTR_REF_PAIR)
            trace->steps[i].pair = m->pair_rank[trace->steps[i].pair];
    }
}

static void tell_cut(struct btr_trace *trace, const struct graph_walk *w)
{
    trace->cut = w->cut;
    if (w->cut == BTR_CUT_NONE)
        return;
    int64_t bound_ns = INT64_MIN;
    for (uint32_t i = 0; i < w->frontier.count; i++)
        bound_ns = graph_time_max(bound_ns, w->nodes[w->frontier.heap[i].node].label.rest_ns);
    trace->unexplored = w->frontier.count;
    trace->unexplored_bound_ns = graph_walk_time(w, bound_ns);
}

static bool making_init(struct making *m)
{
    size_t nodes = (size_t)m->w->node_count + 1; /* no array is empty */
    size_t pairs = (size_t)m->w->halves.pair_count + 1;
    m->trace = calloc(1, sizeof(*m->trace));
    m->keys = malloc(nodes * sizeof(*m->keys));
    m->rank = malloc(nodes * sizeof(*m->rank));
    m->place = malloc(nodes * sizeof(*m->place));
    m->pairs = malloc(pairs * sizeof(*m->pairs));
    m->pair_rank = malloc(pairs * sizeof(*m->pair_rank));
    if (!m->trace || !m->keys || !m->rank || !m->place || !m->pairs || !m->pair_rank)
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
    free(m.rank);
    free(m.place);
    free(m.pairs);
    free(m.pair_rank);
    return made ? 0
                : btr_fail(w->err, BTR_E_NOMEM, UINT64_MAX, "answer of %u nodes", w->node_count);
}

void btr_trace_free(struct btr_trace *trace)
{
    if (!trace)
        return;
    free(trace->nodes);
    free(trace->steps);
    free(trace->pairs);
    free(trace);
}
