/* A walk that meets a limit says so, and what it may have missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "graph_tests.h"
#include "story.h"

enum { CHAIN = 2000 };

/* p0 <- f0 <- p1 <- f1 ... each step a millisecond earlier, with a second reader at each file; two
 * sources in turn. */
struct chain {
    struct btr_event events[4 * CHAIN];
    uint32_t event_count;
    struct memory_edges memory;
    struct btr_edges edges;
    struct btr_start start;
};

static struct btr_id chain_id(uint32_t kind, uint32_t i)
{
    return (struct btr_id){kind, (i + 1) * UINT64_C(0x9e3779b97f4a7c15)};
}

static void chain_add(struct chain *c, struct btr_id subject, enum btr_operation operation,
                      struct btr_id object, int64_t ms, uint32_t source)
{
    c->events[c->event_count++] = (struct btr_event){.subject = subject,
                                                     .object = object,
                                                     .first_ns = story_ms(ms),
                                                     .last_ns = story_ms(ms),
                                                     .stream = source,
                                                     .operation = (uint8_t)operation};
}

static void chain_init(struct chain *c, uint32_t part_count, uint64_t seed)
{
    c->event_count = 0;
    for (uint32_t i = 0; i < CHAIN; i++) {
        int64_t ms = 10 * (int64_t)(CHAIN - i);
        chain_add(c, chain_id(1, i), BTR_OP_READ, chain_id(2, i), ms, i / 50 % 2);
        chain_add(c, chain_id(1, i + 1), BTR_OP_WRITE, chain_id(2, i), ms - 2, i / 50 % 2);
        chain_add(c, chain_id(1, i), BTR_OP_READ, chain_id(3, i % 7), ms - 4, i / 50 % 2);
        chain_add(c, chain_id(4, i), BTR_OP_WRITE, chain_id(3, i % 7), ms - 7, (i / 50 + 1) % 2);
    }
    memory_edges_init(&c->memory, c->events, c->event_count);
    if (part_count)
        memory_edges_part(&c->memory, part_count, seed);
    c->edges = memory_edges_of(&c->memory);
    c->start = (struct btr_start){chain_id(1, 0), story_ms(10 * CHAIN + 5), 0};
}

static struct btr_trace *chain_walk(struct chain *c, enum btr_walk_direction direction,
                                    const struct btr_walk_limits *limits)
{
    struct btr_trace *trace = NULL;
    struct btr_start start = c->start;
    if (direction == BTR_WALK_FORWARD)
        start = (struct btr_start){chain_id(1, CHAIN), story_ms(0), 0};
    assert_int_equal(btr_walk(&trace, &c->edges, direction, &start, 1, limits, NULL), 0);
    return trace;
}

/* Marks, by event, those whose step is in the trace. */
static void mark_events(bool *marks, const struct btr_trace *trace)
{
    memset(marks, 0, 4 * CHAIN);
    for (uint64_t i = 0; i < trace->step_count; i++)
        marks[trace->steps[i].ref] = true;
}

/* Whatever the whole answer has and the cut one lacks lies on the far side of the bound it tells.
 */
static void assert_nothing_later_was_missed(const struct chain *c, const struct btr_trace *whole,
                                            const struct btr_trace *cut, bool backward)
{
    static bool in_whole[4 * CHAIN], in_cut[4 * CHAIN];
    mark_events(in_whole, whole);
    mark_events(in_cut, cut);
    for (uint32_t i = 0; i < c->event_count; i++) {
        assert_false(in_cut[i] && !in_whole[i]);
        if (!in_whole[i] || in_cut[i])
            continue;
        if (backward)
            assert_true(c->events[i].first_ns <= cut->unexplored_bound_ns);
        else
            assert_true(c->events[i].last_ns >= cut->unexplored_bound_ns);
    }
}

static void check_edge_limit(enum btr_walk_direction direction, uint32_t part_count)
{
    static struct chain c;
    chain_init(&c, part_count, part_count == 8 ? 1 : 0);
    struct btr_trace *whole = chain_walk(&c, direction, NULL);
    assert_true(whole->step_count > CHAIN);
    for (uint64_t edge_max = 1; edge_max < whole->step_count + 100;
         edge_max = edge_max * 5 / 3 + 1) {
        struct btr_walk_limits limits = {.edge_max = edge_max};
        struct btr_trace *cut = chain_walk(&c, direction, &limits);
        if (edge_max < whole->step_count) {
            assert_int_equal(cut->cut, BTR_CUT_EDGES);
            assert_int_equal(cut->step_count, edge_max);
            assert_true(cut->unexplored > 0);
            assert_nothing_later_was_missed(&c, whole, cut, direction == BTR_WALK_BACKWARD);
        } else {
            assert_int_equal(cut->cut, BTR_CUT_NONE);
            assert_int_equal(cut->step_count, whole->step_count);
        }
        btr_trace_free(cut);
    }
    btr_trace_free(whole);
    memory_edges_fini(&c.memory);
}

static void nothing_later_than_the_told_bound_was_missed_backward(void **state)
{
    (void)state;
    check_edge_limit(BTR_WALK_BACKWARD, 0);
    check_edge_limit(BTR_WALK_BACKWARD, 5);
    check_edge_limit(BTR_WALK_BACKWARD, 8);
}

static void nothing_earlier_than_the_told_bound_was_missed_forward(void **state)
{
    (void)state;
    check_edge_limit(BTR_WALK_FORWARD, 0);
    check_edge_limit(BTR_WALK_FORWARD, 5);
    check_edge_limit(BTR_WALK_FORWARD, 8);
}

static void a_limit_that_just_fits_does_not_cut(void **state)
{
    (void)state;
    static struct chain c;
    chain_init(&c, 0, 0);
    struct btr_trace *whole = chain_walk(&c, BTR_WALK_BACKWARD, NULL);
    struct btr_walk_limits limits = {.edge_max = whole->step_count};
    struct btr_trace *same = chain_walk(&c, BTR_WALK_BACKWARD, &limits);
    assert_int_equal(same->cut, BTR_CUT_NONE);
    assert_int_equal(same->unexplored, 0);
    btr_trace_free(whole);
    btr_trace_free(same);
    memory_edges_fini(&c.memory);
}

static void a_budget_already_spent_leaves_the_start_unexplored(void **state)
{
    (void)state;
    static struct chain c;
    chain_init(&c, 0, 0);
    struct btr_walk_limits limits = {.budget_ns = 1};
    struct btr_trace *cut = chain_walk(&c, BTR_WALK_BACKWARD, &limits);
    assert_int_equal(cut->cut, BTR_CUT_TIME);
    assert_true(cut->node_count >= 1);
    assert_true(cut->unexplored >= 1);
    assert_true(cut->unexplored_bound_ns >= c.start.time_ns);
    btr_trace_free(cut);
    memory_edges_fini(&c.memory);
}

static void a_walk_within_little_memory_is_cut_and_one_within_enough_is_not(void **state)
{
    (void)state;
    static struct chain c;
    chain_init(&c, 0, 0);
    struct btr_trace *whole = chain_walk(&c, BTR_WALK_BACKWARD, NULL);
    for (uint64_t memory_max = 1; memory_max < 8u << 20; memory_max *= 4) {
        struct btr_walk_limits limits = {.memory_max = memory_max};
        struct btr_trace *cut = chain_walk(&c, BTR_WALK_BACKWARD, &limits);
        if (cut->cut == BTR_CUT_MEMORY)
            assert_nothing_later_was_missed(&c, whole, cut, true);
        else
            assert_int_equal(cut->step_count, whole->step_count);
        if (memory_max < 10000)
            assert_int_equal(cut->cut, BTR_CUT_MEMORY);
        btr_trace_free(cut);
    }
    struct btr_walk_limits enough = {.memory_max = 8u << 20};
    struct btr_trace *same = chain_walk(&c, BTR_WALK_BACKWARD, &enough);
    assert_int_equal(same->cut, BTR_CUT_NONE);
    btr_trace_free(same);
    btr_trace_free(whole);
    memory_edges_fini(&c.memory);
}

int limits_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_later_than_the_told_bound_was_missed_backward),
        cmocka_unit_test(nothing_earlier_than_the_told_bound_was_missed_forward),
        cmocka_unit_test(a_limit_that_just_fits_does_not_cut),
        cmocka_unit_test(a_budget_already_spent_leaves_the_start_unexplored),
        cmocka_unit_test(a_walk_within_little_memory_is_cut_and_one_within_enough_is_not),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
