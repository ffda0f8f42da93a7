/* Memory runs out at each allocation in turn: the walk says so, and leaves nothing behind (the leak
 * checker looks). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <btr/clocks.h>

#include "graph_tests.h"
#include "memory_facts.h"
#include "story.h"

/* The linker sends the allocations of this executable here (CMakeLists.txt: --wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static uint32_t allocations_left = UINT32_MAX; /* UINT32_MAX: never fails */

static bool fails(void)
{
    if (allocations_left == UINT32_MAX)
        return false;
    if (allocations_left == 0)
        return true;
    allocations_left--;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

enum { FILES = 200, CONNECTIONS = 30 };

static uint32_t tell_much(struct btr_event *events)
{
    uint32_t count = 0;
    for (uint64_t i = 0; i < FILES; i++)
        events[count++] = (struct btr_event){.subject = {1, 1},
                                             .object = {2, i},
                                             .operation = BTR_OP_READ,
                                             .first_ns = (int64_t)i,
                                             .last_ns = (int64_t)i};
    for (uint64_t i = 0; i < CONNECTIONS; i++) {
        int64_t ns = (int64_t)i * 1000;
        events[count++] = (struct btr_event){.subject = {3, i},
                                             .object = {5, 5},
                                             .operation = BTR_OP_MEET_CLIENT,
                                             .first_ns = ns,
                                             .last_ns = ns};
        events[count++] = (struct btr_event){.subject = {4, i},
                                             .object = {5, 5},
                                             .operation = BTR_OP_MEET_SERVER,
                                             .first_ns = ns,
                                             .last_ns = ns + 1};
        events[count++] = (struct btr_event){.subject = {1, 1},
                                             .object = {4, i},
                                             .operation = BTR_OP_RECV,
                                             .first_ns = ns + 2,
                                             .last_ns = ns + 2};
    }
    return count;
}

static void running_out_of_memory_at_any_allocation_is_told(void **state)
{
    (void)state;
    static struct btr_event events[FILES + 3 * CONNECTIONS];
    struct memory_edges m;
    memory_edges_init(&m, events, tell_much(events));
    struct btr_edges edges = memory_edges_of(&m);
    struct btr_start start = {{1, 1}, INT64_C(1000000), 0};
    uint32_t n = 0;
    for (int rc = BTR_E_NOMEM; rc != 0; n++) {
        struct btr_trace *trace = NULL;
        struct btr_err err = {0};
        allocations_left = n;
        rc = btr_walk(&trace, &edges, BTR_WALK_BACKWARD, &start, 1, NULL, &err);
        allocations_left = UINT32_MAX;
        if (rc == 0) {
            assert_int_equal(trace->step_count,
                             FILES + 3 * CONNECTIONS); /* read, received, met both ways */
            btr_trace_free(trace);
            break;
        }
        assert_int_equal(rc, BTR_E_NOMEM);
        assert_int_equal(err.code, BTR_E_NOMEM);
        assert_null(trace);
    }
    assert_true(n > 20);
    memory_edges_fini(&m);
}

/* @return how many allocations it takes */
static uint32_t strategy_starves(const struct btr_strategy *strategy, const struct btr_scene *scene)
{
    uint32_t n = 0;
    for (int rc = BTR_E_NOMEM; rc != 0; n++) {
        struct btr_kept_pairs kept = {0};
        struct btr_err err = {0};
        allocations_left = n;
        rc = strategy->keep(&kept, scene, &err);
        allocations_left = UINT32_MAX;
        if (rc != 0) {
            assert_int_equal(rc, BTR_E_NOMEM);
            assert_int_equal(err.code, BTR_E_NOMEM);
            assert_null(kept.pairs);
        }
        btr_kept_pairs_free(&kept);
    }
    return n;
}

static void strategies_tell_it_too(void **state)
{
    (void)state;
    static struct btr_event events[FILES + 3 * CONNECTIONS];
    static struct memory_facts facts_memory;
    static struct memory_usual usual_memory;
    struct memory_edges m;
    memory_edges_init(&m, events, tell_much(events));
    memory_facts_add(&facts_memory, (struct btr_id){1, 1},
                     (struct btr_fact){.kind = BTR_KIND_PROCESS}, 1);
    memory_facts_add(&facts_memory, (struct btr_id){3, 1},
                     (struct btr_fact){.kind = BTR_KIND_PROCESS}, 2);
    facts_memory.events = events;
    struct btr_edges edges = memory_edges_of(&m);
    struct btr_facts facts = memory_facts_of(&facts_memory);
    struct btr_usual usual = memory_usual_of(&usual_memory);
    struct btr_start start = {{1, 1}, INT64_C(1000000), 0};
    struct btr_walk_limits none = {0};
    struct btr_scene scene = {&edges, &facts, &usual, BTR_WALK_BACKWARD, &start, 1, &none,
                              0,      NULL,   true};
    for (const struct btr_strategy *s = btr_strategies; s->name; s++)
        assert_true(strategy_starves(s, &scene) > 10 || strcmp(s->name, "backtracker") == 0);
    scene.direction = BTR_WALK_FORWARD;
    start.time_ns = 0;
    assert_true(strategy_starves(btr_strategy_find("critical"), &scene) > 10);
    memory_edges_fini(&m);
}

/* A client whose clock is 40 s ahead, and connections at times of no order. */
static uint32_t tell_of_a_wrong_clock(struct btr_event *events)
{
    uint32_t count = tell_much(events);
    for (uint32_t i = 0; i < count; i++) {
        int64_t ns = events[i].first_ns / 1000;
        events[i].first_ns += events[i].subject.hi < 3 && i < FILES ? 0 : ns * ns * 1000000000;
        events[i].last_ns = events[i].first_ns;
        if (events[i].subject.hi == 3) {
            events[i].stream = 1;
            events[i].first_ns = events[i].last_ns += INT64_C(40000000000);
        }
    }
    return count;
}

static struct btr_span two_hosts(void *self, uint32_t source)
{
    (void)self;
    return btr_span_of(source ? "web01" : "db01");
}

/* Walks, learns, and walks again. */
static int clocked_starves(struct btr_trace **trace, struct btr_clocks **clocks,
                           const struct btr_edges *edges, const struct btr_start *start,
                           struct btr_err *err)
{
    static const struct btr_clock_hosts hosts = {NULL, two_hosts, NULL};
    const struct btr_span host = two_hosts(NULL, 0);
    bool learnt = true;
    int rc = btr_clocks_new(clocks, edges, &hosts, start, &host, 1, err);
    while (rc == 0 && learnt) {
        struct btr_edges right = btr_clocks_edges(*clocks);
        btr_trace_free(*trace);
        *trace = NULL;
        rc = btr_walk(trace, &right, BTR_WALK_BACKWARD, btr_clocks_starts(*clocks), 1, NULL, err);
        if (rc == 0)
            rc = btr_clocks_learn(*clocks, &learnt, err);
    }
    return rc;
}

static void clocks_tell_it_too(void **state)
{
    (void)state;
    static struct btr_event events[FILES + 3 * CONNECTIONS];
    struct memory_edges m;
    memory_edges_init(&m, events, tell_of_a_wrong_clock(events));
    struct btr_edges edges = memory_edges_of(&m);
    struct btr_start start = {{1, 1}, INT64_C(2000000000000), 0};
    uint32_t n = 0;
    for (int rc = BTR_E_NOMEM; rc != 0; n++) {
        struct btr_trace *trace = NULL;
        struct btr_clocks *clocks = NULL;
        struct btr_err err = {0};
        allocations_left = n;
        rc = clocked_starves(&trace, &clocks, &edges, &start, &err);
        allocations_left = UINT32_MAX;
        if (rc == 0)
            assert_int_equal(btr_clocks_ahead(clocks, 1), INT64_C(40000000000));
        else
            assert_int_equal(rc, err.code);
        assert_true(rc == 0 || rc == BTR_E_NOMEM);
        btr_trace_free(trace);
        btr_clocks_free(clocks);
    }
    assert_true(n > 60);
    memory_edges_fini(&m);
}

int nomem_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_at_any_allocation_is_told),
        cmocka_unit_test(strategies_tell_it_too),
        cmocka_unit_test(clocks_tell_it_too),
    };
    return cmocka_run_group_tests_name("nomem", tests, NULL, NULL);
}
