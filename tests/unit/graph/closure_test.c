/* The walk against the plain oracle, on random graphs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "graph_tests.h"
#include "memory_edges.h"
#include "oracle.h"
#include "steps.h"
#include "test_steps.h"

enum {
    GRAPHS = 12000,
    EVENTS = 60,
    NODES = 12,
    EXPLOSIONS = 24,
    EVENTS_MAX = 1600,
    NODES_MAX = 200,
    RENDEZVOUS_MAX = 2,
    PAIRS_MAX = 2048
};

struct graph {
    struct btr_event events[EVENTS_MAX];
    uint32_t event_count, node_count, source_count;
    struct btr_id nodes[NODES_MAX], rendezvous[RENDEZVOUS_MAX];
    struct btr_start starts[3];
    uint32_t start_count;
    struct btr_pair pairs[PAIRS_MAX];
    uint32_t pair_count;
};

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
    return (uint32_t)(random_next(seed) % n);
}

/* Steps of a quarter of the error between sources, so that ties and both sides of it are common. */
static int64_t random_time(uint64_t *seed, uint32_t span)
{
    return INT64_C(1000000000) + (int64_t)random_below(seed, span) * (BTR_SOURCE_ERROR_NS / 4);
}

static struct btr_event random_event(struct graph *g, uint64_t *seed, uint32_t span)
{
    static const uint8_t both[] = {BTR_OP_OPEN_BOTH, BTR_OP_PTRACE, BTR_OP_LOGIN, BTR_OP_PASS};
    static const uint8_t any[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_FORK, BTR_OP_RECV,
                                  BTR_OP_SEND, BTR_OP_SAME,  BTR_OP_EXIT};
    struct btr_event e = {.first_ns = random_time(seed, span)};
    e.last_ns = random_below(seed, 2)
                    ? e.first_ns
                    : e.first_ns + (int64_t)random_below(seed, 12) * (BTR_SOURCE_ERROR_NS / 4);
    e.subject = g->nodes[random_below(seed, g->node_count)];
    e.object = g->nodes[random_below(seed, g->node_count)];
    e.stream = random_below(seed, g->source_count);
    uint32_t choice = random_below(seed, 10);
    if (choice < 2) {
        e.operation = (uint8_t)(random_below(seed, 2) ? BTR_OP_MEET_CLIENT : BTR_OP_MEET_SERVER);
        e.object = g->rendezvous[random_below(seed, RENDEZVOUS_MAX)];
    } else {
        e.operation = choice < 4 ? both[random_below(seed, sizeof(both))]
                                 : any[random_below(seed, sizeof(any))];
    }
    return e;
}

static void random_graph(struct graph *g, uint64_t *seed)
{
    g->node_count = 3 + random_below(seed, NODES - 2);
    g->event_count = random_below(seed, EVENTS + 1);
    g->source_count = 1 + random_below(seed, 4);
    uint32_t span = 4 + random_below(seed, 60);
    for (uint32_t i = 0; i < g->node_count; i++)
        g->nodes[i] = (struct btr_id){random_below(seed, 3), random_next(seed)};
    for (uint32_t i = 0; i < RENDEZVOUS_MAX; i++)
        g->rendezvous[i] = (struct btr_id){9, random_next(seed)};
    for (uint32_t i = 0; i < g->event_count; i++) {
        g->events[i] = random_event(g, seed, span);
        g->events[i].line = i;
    }
    g->start_count = 1 + random_below(seed, 8) / 6;
    for (uint32_t i = 0; i < g->start_count; i++) {
        g->starts[i].entity = g->nodes[random_below(seed, g->node_count)];
        g->starts[i].time_ns = random_time(seed, span);
        g->starts[i].source =
            random_below(seed, 5) ? random_below(seed, g->source_count) : UINT32_MAX;
    }
}

/* Most events are at a few hubs, which everybody reads and writes: more flows of a node, and more
 * steps, than the walk takes at a time. */
static void random_explosion(struct graph *g, uint64_t *seed)
{
    uint32_t hubs = 1 + random_below(seed, 4), span = 50 + random_below(seed, 2000);
    random_graph(g, seed);
    g->node_count = NODES_MAX;
    g->event_count = EVENTS_MAX - random_below(seed, 100);
    g->source_count = 1 + random_below(seed, 4);
    for (uint32_t i = 0; i < g->node_count; i++)
        g->nodes[i] = (struct btr_id){random_next(seed), random_below(seed, 64)};
    for (uint32_t i = 0; i < g->event_count; i++) {
        g->events[i] = random_event(g, seed, span);
        g->events[i].line = i;
        if (btr_operation_direction(g->events[i].operation) != BTR_FLOW_MEET &&
            random_below(seed, 4))
            g->events[i].object = g->nodes[random_below(seed, hubs)];
    }
    for (uint32_t i = 0; i < g->start_count; i++) {
        g->starts[i].entity = g->nodes[random_below(seed, g->node_count)];
        g->starts[i].time_ns = random_time(seed, span);
    }
}

/* What pairing gives is an input of the closure. */
static void pair_all(struct graph *g, const struct btr_edges *edges)
{
    g->pair_count = 0;
    for (uint32_t i = 0; i < RENDEZVOUS_MAX; i++) {
        struct btr_pair *pairs = NULL;
        uint32_t pair_count = 0;
        assert_int_equal(btr_pair_rendezvous(edges, g->rendezvous[i], &pairs, &pair_count, NULL),
                         0);
        assert_true(g->pair_count + pair_count <= PAIRS_MAX);
        for (uint32_t k = 0; k < pair_count; k++)
            g->pairs[g->pair_count++] = pairs[k];
        free(pairs);
    }
}

static uint32_t trace_node(const struct btr_trace *trace, struct btr_id id)
{
    for (uint32_t i = 0; i < trace->node_count; i++) {
        if (btr_id_equal(trace->nodes[i].id, id))
            return i;
    }
    return UINT32_MAX;
}

static bool same_pair(const struct btr_pair *a, const struct btr_pair *b)
{
    return btr_id_equal(a->client, b->client) && btr_id_equal(a->server, b->server) &&
           a->client_ref == b->client_ref && a->server_ref == b->server_ref &&
           btr_id_equal(a->rendezvous, b->rendezvous);
}

static bool is_step(const struct btr_trace *trace, const struct graph *g, struct test_step s,
                    const struct oracle_step *step)
{
    if (!btr_id_equal(trace->nodes[s.from].id, step->from) ||
        !btr_id_equal(trace->nodes[s.to].id, step->to))
        return false;
    if (!btr_step_is_pair(s.step))
        return s.step->ref == step->ref;
    return step->ref == BTR_REF_PAIR &&
           same_pair(&trace->pairs[s.step->ref - BTR_REF_PAIR], &g->pairs[step->pair]);
}

static bool has_step(const struct btr_trace *trace, const struct graph *g,
                     const struct oracle_step *step)
{
    for (uint32_t n = 0; n < trace->node_count; n++) {
        for (uint32_t i = 0; i < trace->nodes[n].step_count; i++) {
            if (is_step(trace, g, test_step_of(trace, n, i), step))
                return true;
        }
    }
    return false;
}

static void assert_agree(const struct btr_trace *trace, const struct oracle *o,
                         const struct graph *g)
{
    uint32_t reached = 0;
    for (uint32_t i = 0; i < o->node_count; i++) {
        if (!o->reached[i])
            continue;
        uint32_t node = trace_node(trace, o->ids[i]);
        assert_int_not_equal(node, UINT32_MAX);
        assert_int_equal(trace->nodes[node].bound_ns, o->told_ns[i]);
        reached++;
    }
    assert_int_equal(trace->node_count, reached);
    assert_int_equal(trace->step_count, o->step_count);
    for (uint32_t i = 0; i < o->step_count; i++)
        assert_true(has_step(trace, g, &o->steps[i]));
    assert_int_equal(trace->cut, BTR_CUT_NONE);
    assert_int_equal(trace->unexplored, 0);
}

static void check_graph(struct graph *g, enum btr_walk_direction direction, uint64_t *seed)
{
    static struct oracle o;
    struct memory_edges m;
    memory_edges_init(&m, g->events, g->event_count);
    m.run_max = random_below(seed, 4) ? 1 + random_below(seed, 5) : 0;
    if (random_below(seed, 3))
        memory_edges_part(&m, 1 + random_below(seed, MEMORY_PARTS_MAX), random_next(seed) % 4);
    struct btr_edges edges = memory_edges_of(&m);
    pair_all(g, &edges);
    oracle_closure(&o, g->events, g->event_count, g->pairs, g->pair_count, direction, g->starts,
                   g->start_count);
    struct btr_trace *trace = NULL;
    assert_int_equal(btr_walk(&trace, &edges, direction, g->starts, g->start_count, NULL, NULL), 0);
    assert_agree(trace, &o, g);
    btr_trace_free(trace);
    memory_edges_fini(&m);
}

static void the_walk_is_the_oracles_closure_in_both_directions(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < GRAPHS; i++) {
        static struct graph g;
        random_graph(&g, &seed);
        check_graph(&g, BTR_WALK_BACKWARD, &seed);
        check_graph(&g, BTR_WALK_FORWARD, &seed);
    }
}

static void an_explosion_over_hubs_is_the_oracles_closure_too(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < EXPLOSIONS; i++) {
        static struct graph g;
        random_explosion(&g, &seed);
        check_graph(&g, i % 2 ? BTR_WALK_BACKWARD : BTR_WALK_FORWARD, &seed);
    }
}

static void shuffle(struct btr_event *events, uint32_t event_count, uint64_t *seed)
{
    for (uint32_t i = event_count; i > 1; i--) {
        uint32_t k = random_below(seed, i);
        struct btr_event moved = events[i - 1];
        events[i - 1] = events[k];
        events[k] = moved;
    }
}

/* The same events in another order have other refs; `line` tells which they were. */
static void assert_same_answer(const struct btr_trace *a, const struct btr_event *of_a,
                               const struct btr_trace *b, const struct btr_event *of_b)
{
    assert_int_equal(a->node_count, b->node_count);
    for (uint32_t i = 0; i < a->node_count; i++) {
        assert_true(btr_id_equal(a->nodes[i].id, b->nodes[i].id));
        assert_int_equal(a->nodes[i].bound_ns, b->nodes[i].bound_ns);
    }
    assert_int_equal(a->step_count, b->step_count);
    uint64_t lines[2] = {0, 0};
    for (uint32_t n = 0; n < a->node_count; n++) {
        assert_int_equal(a->nodes[n].step_count, b->nodes[n].step_count);
        for (uint32_t i = 0; i < a->nodes[n].step_count; i++) {
            const struct btr_trace_step *x = test_step_of(a, n, i).step;
            const struct btr_trace_step *y = test_step_of(b, n, i).step;
            assert_int_equal(x->other, y->other);
            assert_int_equal(x->last_ns, y->last_ns);
            assert_int_equal(btr_step_kind(a, x), btr_step_kind(b, y));
            if (!btr_step_is_pair(x)) { /* equal events may stand in either order */
                lines[0] += of_a[x->ref].line * of_a[x->ref].line;
                lines[1] += of_b[y->ref].line * of_b[y->ref].line;
            }
        }
    }
    assert_int_equal(lines[0], lines[1]);
}

static void the_order_of_events_does_not_change_the_answer(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 2000; i++) {
        static struct graph g, other;
        random_graph(&g, &seed);
        other = g;
        shuffle(other.events, other.event_count, &seed);
        struct memory_edges m[2];
        struct btr_trace *trace[2] = {NULL, NULL};
        memory_edges_init(&m[0], g.events, g.event_count);
        memory_edges_init(&m[1], other.events, other.event_count);
        memory_edges_part(&m[1], 1 + random_below(&seed, MEMORY_PARTS_MAX), random_next(&seed));
        for (int k = 0; k < 2; k++) {
            struct btr_edges edges = memory_edges_of(&m[k]);
            assert_int_equal(btr_walk(&trace[k], &edges,
                                      i % 2 ? BTR_WALK_FORWARD : BTR_WALK_BACKWARD, g.starts,
                                      g.start_count, NULL, NULL),
                             0);
        }
        assert_same_answer(trace[0], g.events, trace[1], other.events);
        for (int k = 0; k < 2; k++) {
            btr_trace_free(trace[k]);
            memory_edges_fini(&m[k]);
        }
    }
}

static void assert_in_order(const struct btr_trace *t, const struct btr_trace_step *steps,
                            uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct btr_trace_step *x = &steps[i - 1], *y = &steps[i];
        assert_true(x->other <= y->other);
        if (x->other < y->other)
            continue;
        assert_true(btr_step_kind(t, x) <= btr_step_kind(t, y));
        if (btr_step_kind(t, x) == btr_step_kind(t, y))
            assert_true(x->last_ns < y->last_ns || (x->last_ns == y->last_ns && x->ref < y->ref));
    }
}

/* Steps and nodes as trace.h promises them. */
static void the_answer_is_in_the_promised_order(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 500; i++) {
        static struct graph g;
        random_graph(&g, &seed);
        struct memory_edges m;
        memory_edges_init(&m, g.events, g.event_count);
        struct btr_edges edges = memory_edges_of(&m);
        struct btr_trace *t = NULL;
        assert_int_equal(
            btr_walk(&t, &edges, BTR_WALK_BACKWARD, g.starts, g.start_count, NULL, NULL), 0);
        for (uint32_t k = 1; k < t->node_count; k++) {
            const struct btr_trace_node *x = &t->nodes[k - 1];
            const struct btr_trace_node *y = &t->nodes[k];
            assert_true(x->bound_ns > y->bound_ns ||
                        (x->bound_ns == y->bound_ns && btr_id_compare(x->id, y->id) < 0));
        }
        uint32_t step_count = 0;
        for (uint32_t n = 0; n < t->node_count; n++) {
            assert_in_order(t, t->steps + t->nodes[n].step_begin, t->nodes[n].step_count);
            step_count += t->nodes[n].step_count;
        }
        assert_int_equal(step_count, t->step_count);
        btr_trace_free(t);
        memory_edges_fini(&m);
    }
}

enum { MANNERS = 16 };

/* Two operations, with and without doubt, intervals and not, of two sources. */
static void manners_fill(struct btr_manner *manners, uint32_t *kinds)
{
    for (uint32_t i = 0; i < MANNERS; i++) {
        manners[i] = (struct btr_manner){.source = i & 1,
                                         .operation = i & 2 ? BTR_OP_READ : BTR_OP_WRITE,
                                         .doubt = (uint8_t)(i >> 2 & 1),
                                         .flags = i & 8 ? BTR_EVENT_INTERVAL : 0};
        kinds[i] = btr_manner_kind(&manners[i]);
    }
}

/* As a store tells the flows of a hub: stretches of few kinds, most in order of time, some
 * crossing.
 */
static void random_steps(struct btr_trace_step *steps, uint32_t count, uint32_t others,
                         uint64_t *seed)
{
    int64_t at_ns = 0;
    for (uint32_t i = 0; i < count;) {
        uint32_t end = i + 1 + random_below(seed, 6);
        struct btr_trace_step step = {.other = random_below(seed, others)};
        uint32_t manner = random_below(seed, MANNERS / 2);
        for (at_ns -= random_below(seed, 20); i < end && i < count; i++) {
            step.manner = manner + (random_below(seed, 9) ? 0 : MANNERS / 2);
            step.last_ns = at_ns += random_below(seed, 9);
            step.ref = i;
            steps[i] = i > 0 && random_below(seed, 30) == 0 ? steps[i - 1] : step;
        }
    }
}

static void steps_of_a_node_are_sorted_and_each_stays_once(void **state)
{
    (void)state;
    enum { STEPS = 20000 };
    static struct btr_trace_step steps[STEPS];
    static bool told[STEPS];
    static const uint32_t others[] = {1, 3, 200, UINT32_C(1) << 31};
    static const uint32_t counts[] = {0, 1, 2, 20, 24, 25, 26, 500, 2000, STEPS};
    struct btr_manner manners[MANNERS];
    uint32_t kinds[MANNERS];
    const struct btr_trace trace = {.manners = manners, .manner_count = MANNERS};
    struct graph_sorter sorter = {.kinds = kinds};
    uint64_t seed = 5;
    manners_fill(manners, kinds);
    for (uint32_t round = 0; round < 40; round++) {
        uint32_t count = counts[round % 10], refs = 0;
        random_steps(steps, count, others[round / 10], &seed);
        memset(told, 0, sizeof(told));
        for (uint32_t i = 0; i < count; i++) {
            refs += !told[steps[i].ref];
            told[steps[i].ref] = true;
        }
        assert_true(graph_steps_sort(&sorter, steps, &count));
        assert_in_order(&trace, steps, count);
        for (uint32_t i = 0; i < count; i++) {
            refs -= told[steps[i].ref];
            told[steps[i].ref] = false;
        }
        assert_int_equal(refs, 0);
    }
    graph_sorter_fini(&sorter);
}

/* With one clock a bound is final when its node comes up: nothing is looked at twice. */
static void within_one_source_each_node_is_looked_at_once(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < 2000; i++) {
        static struct graph g;
        random_graph(&g, &seed);
        for (uint32_t k = 0; k < g.event_count; k++)
            g.events[k].stream = 0;
        for (uint32_t k = 0; k < g.start_count; k++)
            g.starts[k].source = 0;
        struct memory_edges m;
        memory_edges_init(&m, g.events, g.event_count);
        struct btr_edges edges = memory_edges_of(&m);
        struct btr_trace *t = NULL;
        assert_int_equal(
            btr_walk(&t, &edges, BTR_WALK_BACKWARD, g.starts, g.start_count, NULL, NULL), 0);
        assert_int_equal(m.asked[BTR_SIDE_INTO], t->node_count);
        btr_trace_free(t);
        memory_edges_fini(&m);
    }
}

int closure_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walk_is_the_oracles_closure_in_both_directions),
        cmocka_unit_test(an_explosion_over_hubs_is_the_oracles_closure_too),
        cmocka_unit_test(the_order_of_events_does_not_change_the_answer),
        cmocka_unit_test(the_answer_is_in_the_promised_order),
        cmocka_unit_test(within_one_source_each_node_is_looked_at_once),
        cmocka_unit_test(steps_of_a_node_are_sorted_and_each_stays_once),
    };
    return cmocka_run_group_tests_name("closure", tests, NULL, NULL);
}
