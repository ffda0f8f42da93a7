/* The closure as a graph: against its trace, on random events. */
#include "score/closure_graph.h"

#include "memory_edges.h"
#include "memory_facts.h"
#include "papers_tests.h"
#include "test.h"
#include "test_random.h"
#include "test_steps.h"

enum { ROUNDS = 500, EVENTS = 60, ENTITIES = 12 };

static struct btr_id id_of(uint64_t number)
{
    return (struct btr_id){7, number};
}

static void events_random(struct btr_event *events, struct test_random *random)
{
    static const enum btr_operation OPERATIONS[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_PASS,
                                                    BTR_OP_FORK};
    for (uint32_t i = 0; i < EVENTS; i++) {
        int64_t first = (int64_t)test_random_below(random, 100) * 1000000;
        events[i] = (struct btr_event){
            .subject = id_of(test_random_below(random, ENTITIES)),
            .object = id_of(test_random_below(random, ENTITIES)),
            .first_ns = first,
            .last_ns = first + (int64_t)test_random_below(random, 3) * 1000000,
            .bytes =
                test_random_below(random, 4) ? test_random_below(random, 1000) : BTR_BYTES_UNKNOWN,
            .operation = (uint8_t)OPERATIONS[test_random_below(random, 4)]};
    }
}

/* What an edge should be, from the steps between its ends. */
static struct closure_edge edge_of_steps(const struct btr_trace *t, const struct btr_event *events,
                                         uint32_t far, uint32_t near)
{
    struct closure_edge e = {.far = far, .near = near, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
    const struct btr_trace_node *n = &t->nodes[near];
    for (uint32_t i = n->step_begin; i < n->step_begin + n->step_count; i++) {
        const struct btr_trace_step *s = &t->steps[i];
        if (s->other != far)
            continue;
        e.event_count++;
        e.first_ns = s->first_ns < e.first_ns ? s->first_ns : e.first_ns;
        e.last_ns = s->last_ns > e.last_ns ? s->last_ns : e.last_ns;
        e.bytes += events[s->ref].bytes == BTR_BYTES_UNKNOWN ? 0 : events[s->ref].bytes;
    }
    return e;
}

static void edges_check(const struct closure_graph *g, const struct btr_trace *t,
                        const struct btr_event *events)
{
    uint32_t next = 0;
    for (uint32_t near = 0; near < g->node_count; near++) {
        assert_int_equal(g->nodes[near].in_begin, next);
        for (uint32_t far = 0; far < g->node_count; far++) {
            struct closure_edge e = edge_of_steps(t, events, far, near);
            if (far == near || e.event_count == 0)
                continue;
            assert_true(next < g->edge_count);
            assert_memory_equal(&g->edges[next], &e, sizeof e);
            next++;
        }
        assert_int_equal(g->nodes[near].in_begin + g->nodes[near].in_count, next);
    }
    assert_int_equal(next, g->edge_count);
}

static void out_check(const struct closure_graph *g)
{
    uint32_t next = 0;
    for (uint32_t far = 0; far < g->node_count; far++) {
        assert_int_equal(g->nodes[far].out_begin, next);
        for (uint32_t i = 0; i < g->edge_count; i++) {
            if (g->edges[i].far == far)
                assert_int_equal(g->out[next++], i);
        }
        assert_int_equal(g->nodes[far].out_begin + g->nodes[far].out_count, next);
    }
    assert_int_equal(next, g->edge_count);
}

static void round_check(struct test_random *random, enum btr_walk_direction direction)
{
    static struct memory_facts facts_memory;
    struct btr_event events[EVENTS];
    struct memory_edges memory;
    struct closure_graph g;
    struct btr_trace *trace = NULL;
    struct btr_walk_limits none = {0};
    events_random(events, random);
    memory_edges_init(&memory, events, EVENTS);
    facts_memory.events = events;
    struct btr_edges edges = memory_edges_of(&memory);
    struct btr_facts facts = memory_facts_of(&facts_memory);
    struct btr_start start = {id_of(0), 50 * INT64_C(1000000), 0};
    struct btr_scene scene = {&edges, &facts, NULL, direction, &start, 1, &none, 0, NULL, false};
    assert_int_equal(btr_walk(&trace, &edges, direction, &start, 1, &none, NULL), 0);
    assert_int_equal(closure_graph_walk(&g, &scene, true, NULL), 0);
    assert_int_equal(g.node_count, trace->node_count);
    for (uint32_t i = 0; i < g.node_count; i++) {
        assert_true(btr_id_equal(g.nodes[i].id, trace->nodes[i].id));
        assert_int_equal(g.nodes[i].start, btr_id_equal(g.nodes[i].id, start.entity));
    }
    edges_check(&g, trace, events);
    out_check(&g);
    closure_graph_fini(&g);
    btr_trace_free(trace);
    memory_edges_fini(&memory);
}

static void edges_are_what_their_steps_say_both_ways(void **state)
{
    struct test_random random = {20261130};
    (void)state;
    for (uint32_t i = 0; i < ROUNDS; i++)
        round_check(&random, i % 2 ? BTR_WALK_FORWARD : BTR_WALK_BACKWARD);
}

int closure_graph_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_what_their_steps_say_both_ways),
    };
    return cmocka_run_group_tests_name("closure_graph", tests, NULL, NULL);
}
