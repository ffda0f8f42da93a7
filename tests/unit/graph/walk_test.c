/* Hand-made cases: a capital letter is a process, a small one a file, flow or pipe, a digit a
 * rendezvous. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <btr/clock.h>

#include "graph_tests.h"
#include "story.h"

static const enum btr_walk_direction BACK = BTR_WALK_BACKWARD;
static const enum btr_walk_direction FORWARD = BTR_WALK_FORWARD;

static void an_effect_before_its_cause_is_not_followed(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'A', BTR_OP_WRITE, 'f', 10, 10);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 20, 20);
    story_tell(&s, 0, 'C', BTR_OP_WRITE, 'f', 30, 30); /* after B read */
    story_walk(&s, BACK, 'B', 50);
    assert_true(story_reached(&s, 'A'));
    assert_false(story_reached(&s, 'C'));
    assert_int_equal(story_bound(&s, 'f'), 20);
    assert_int_equal(story_bound(&s, 'A'), 10);
    story_end(&s);
}

static void an_event_after_the_alert_is_not_followed_but_one_at_its_instant_is(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 20, 20);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'g', 21, 21);
    story_walk(&s, BACK, 'B', 20);
    assert_true(story_reached(&s, 'f'));
    assert_false(story_reached(&s, 'g'));
    story_end(&s);
}

/* accept and read are stamped when they are called; what counts is when they return. */
static void a_blocking_accept_is_the_instant_of_its_return(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'C', BTR_OP_SEND, 'c', 15, 18);
    story_tell(&s, 0, 'S', BTR_OP_RECV, 'c', 20, 20); /* called at 5, before anything was sent */
    story_walk(&s, BACK, 'S', 30);
    assert_true(story_reached(&s, 'C'));
    assert_int_equal(story_bound(&s, 'C'), 18);
    story_end(&s);
}

static void an_open_interval_may_have_written_at_any_moment_of_it(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'A', BTR_OP_OPEN_WRITE, 'f', 10, 100);
    story_tell(&s, 0, 'A', BTR_OP_READ, 'x', 40,
               40); /* read before the last moment it can have written for B */
    story_tell(&s, 0, 'A', BTR_OP_READ, 'y', 60, 60);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 50, 50);
    story_walk(&s, BACK, 'B', 200);
    assert_int_equal(story_bound(&s, 'A'), 50);
    assert_true(story_reached(&s, 'x'));
    assert_false(story_reached(&s, 'y'));
    story_end(&s);
}

static void a_child_that_acted_before_its_fork_was_logged_has_its_parent(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'P', BTR_OP_READ, 'x', 5, 5);
    story_tell(&s, 0, 'P', BTR_OP_FORK, 'C', 10, 30); /* logged at 30 */
    story_tell(&s, 0, 'C', BTR_OP_WRITE, 'f', 12, 12);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 14, 14);
    story_walk(&s, BACK, 'B', 40);
    assert_true(story_reached(&s, 'P'));
    assert_true(story_reached(&s, 'x'));
    assert_int_equal(story_bound(&s, 'P'), 12);
    story_end(&s);
}

static void a_later_path_with_a_higher_bound_wins(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'A', BTR_OP_WRITE, 'f', 10, 10);
    story_tell(&s, 0, 'A', BTR_OP_WRITE, 'g', 40, 40);
    story_tell(&s, 0, 'A', BTR_OP_READ, 'x', 30, 30);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 50, 50);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'g', 45, 45);
    story_walk(&s, BACK, 'B', 60);
    assert_int_equal(story_bound(&s, 'A'), 40);
    assert_true(story_reached(&s, 'x'));
    story_end(&s);
}

static void events_without_flow_and_meetings_lead_nowhere(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'B', BTR_OP_EXIT, 'B', 5, 5);
    story_tell(&s, 0, 'B', BTR_OP_BIND, 'f', 5, 5);
    story_tell(&s, 0, 'B', BTR_OP_MEET_CLIENT, '1', 5, 5);
    story_walk(&s, BACK, 'B', 60);
    assert_int_equal(s.trace->node_count, 1);
    assert_int_equal(s.trace->step_count, 0);
    assert_true(s.trace->nodes[0].start);
    story_end(&s);
}

static void an_event_both_ways_is_two_steps_once_its_other_end_was_looked_at(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'A', BTR_OP_OPEN_BOTH, 'f', 10, 20);
    story_walk(&s, BACK, 'A', 30);
    assert_int_equal(story_steps(&s, 'f', 'A'), 1);
    assert_int_equal(story_steps(&s, 'A', 'f'), 1);
    story_end(&s);
}

static void forward_follows_effects_and_not_causes(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'A', BTR_OP_WRITE, 'e', 5, 5); /* before the start */
    story_tell(&s, 0, 'A', BTR_OP_READ, 'x', 15, 15);
    story_tell(&s, 0, 'A', BTR_OP_WRITE, 'f', 20, 20);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 18, 18); /* before the write */
    story_tell(&s, 0, 'C', BTR_OP_READ, 'f', 25, 25);
    story_tell(&s, 0, 'C', BTR_OP_FORK, 'D', 30, 31);
    story_walk(&s, FORWARD, 'A', 10);
    assert_true(story_reached(&s, 'f'));
    assert_true(story_reached(&s, 'C'));
    assert_true(story_reached(&s, 'D'));
    assert_false(story_reached(&s, 'B'));
    assert_false(story_reached(&s, 'e'));
    assert_false(story_reached(&s, 'x'));
    assert_int_equal(story_bound(&s, 'A'), 10);
    assert_int_equal(story_bound(&s, 'f'), 20);
    assert_int_equal(story_bound(&s, 'D'), 30);
    story_end(&s);
}

static void times_of_one_source_compare_exactly(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'A', BTR_OP_WRITE, 'f', 21, 21);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 20, 20);
    story_walk(&s, BACK, 'B', 60);
    assert_false(story_reached(&s, 'A'));
    story_end(&s);
}

static void times_of_two_sources_compare_within_the_error(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 1, 'A', BTR_OP_WRITE, 'f', 30, 30);
    story_tell(&s, 1, 'C', BTR_OP_WRITE, 'f', 31, 31);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 20, 20);
    story_walk(&s, BACK, 'B', 60);
    assert_true(story_reached(&s, 'A'));
    assert_false(story_reached(&s, 'C'));
    assert_int_equal(story_bound(&s, 'A'), 30);
    story_end(&s);
}

/* To and fro between two hosts: the error does not add up. */
static void the_error_between_sources_is_spent_once(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 20, 20);
    story_tell(&s, 1, 'A', BTR_OP_WRITE, 'f', 29, 29);
    story_tell(&s, 1, 'A', BTR_OP_READ, 'g', 28, 28);
    story_tell(&s, 0, 'D', BTR_OP_WRITE, 'g', 29, 29);
    story_tell(&s, 0, 'E', BTR_OP_WRITE, 'g', 35, 35);
    story_walk(&s, BACK, 'B', 60);
    assert_true(story_reached(&s, 'D'));
    assert_false(story_reached(&s, 'E'));
    story_end(&s);
}

static void a_start_of_no_source_is_within_the_error_of_all(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 30, 30);
    story_tell(&s, 1, 'B', BTR_OP_READ, 'g', 30, 30);
    story_tell(&s, 1, 'B', BTR_OP_READ, 'h', 31, 31);
    story_walk_from(&s, BACK, (struct btr_start){story_id('B'), story_ms(20), UINT32_MAX}, NULL);
    assert_true(story_reached(&s, 'f'));
    assert_true(story_reached(&s, 'g'));
    assert_false(story_reached(&s, 'h'));
    assert_int_equal(story_bound(&s, 'B'), 20);
    story_end(&s);
}

/* Client C on source 1 connects as half flow c, server S on source 0 accepts it as half flow s. */
static void tell_connection(struct story *s)
{
    story_tell(s, 1, 'C', BTR_OP_CONNECT, 'c', 10, 11);
    story_tell(s, 1, 'c', BTR_OP_MEET_CLIENT, '1', 10, 11);
    story_tell(s, 0, 'S', BTR_OP_ACCEPT, 's', 12, 12);
    story_tell(s, 0, 's', BTR_OP_MEET_SERVER, '1', 2, 12);
    story_tell(s, 1, 'C', BTR_OP_SEND, 'c', 20, 20);
    story_tell(s, 0, 'S', BTR_OP_RECV, 's', 22, 22);
    story_tell(s, 1, 'C', BTR_OP_SEND, 'c', 60, 60);
}

static void a_walk_crosses_from_an_accept_to_its_connect(void **state)
{
    (void)state;
    struct story s = {0};
    tell_connection(&s);
    story_walk(&s, BACK, 'S', 30);
    assert_true(story_reached(&s, 'C'));
    assert_int_equal(story_bound(&s, 'C'), 20);
    assert_int_equal(story_steps(&s, 'c', 's'), 1);
    assert_int_equal(s.trace->pair_count, 1);
    assert_true(btr_id_equal(s.trace->pairs[0].client, story_id('c')));
    assert_true(btr_id_equal(s.trace->pairs[0].server, story_id('s')));
    assert_int_equal(s.trace->pairs[0].doubt, BTR_DOUBT_PAIR_BY_ORDER);
    story_end(&s);
}

static void a_forward_walk_crosses_from_a_connect_to_its_accept_however_late(void **state)
{
    (void)state;
    struct story s = {0};
    tell_connection(&s);
    story_tell(&s, 0, 'S', BTR_OP_RECV, 's', 65, 65);
    story_tell(&s, 0, 'S', BTR_OP_WRITE, 'f', 70, 70);
    story_tell(&s, 0, 'S', BTR_OP_WRITE, 'g', 40, 40);
    story_walk_from(&s, FORWARD, (struct btr_start){story_id('C'), story_ms(55), 1}, NULL);
    assert_true(story_reached(&s, 'S'));
    assert_true(story_reached(&s, 'f'));
    assert_false(story_reached(&s, 'g'));
    story_end(&s);
}

static void a_connection_is_not_crossed_before_it_began(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 1, 'C', BTR_OP_CONNECT, 'c', 40, 41);
    story_tell(&s, 1, 'c', BTR_OP_MEET_CLIENT, '1', 40, 41);
    story_tell(&s, 0, 'S', BTR_OP_ACCEPT, 's', 42, 42);
    story_tell(&s, 0, 's', BTR_OP_MEET_SERVER, '1', 42, 42);
    story_walk_from(&s, BACK, (struct btr_start){story_id('s'), story_ms(20), 0}, NULL);
    assert_int_equal(s.trace->node_count, 1);
    story_end(&s);
}

static uint8_t kind_of_case(struct btr_id id)
{
    if (id.lo >= 'A' && id.lo <= 'Z')
        return BTR_KIND_PROCESS;
    return id.lo >= 'a' && id.lo < 'p' ? BTR_KIND_FILE : BTR_KIND_FLOW;
}

/* Only flows and channels are asked for their meetings, and a rendezvous once. */
static void processes_and_files_are_not_asked_for_meetings(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'A', BTR_OP_WRITE, 'f', 10, 10);
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 20, 20);
    story_tell(&s, 0, 'B', BTR_OP_RECV, 's', 22, 22);
    memory_edges_init(&s.memory, s.events, s.event_count);
    s.memory.kind_of = kind_of_case;
    struct btr_edges edges = memory_edges_of(&s.memory);
    struct btr_start start = {story_id('B'), story_ms(50), 0};
    assert_int_equal(btr_walk(&s.trace, &edges, BACK, &start, 1, NULL, NULL), 0);
    assert_int_equal(s.memory.asked[BTR_SIDE_MEET],
                     2); /* the start, whose kind nobody told, and s */
    assert_int_equal(s.memory.asked[BTR_SIDE_INTO], s.trace->node_count);
    story_end(&s);
}

static int refuse(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                  struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                  struct btr_err *err)
{
    (void)entity, (void)bound_ns, (void)visit, (void)visitor, (void)parts;
    if (side == *(const enum btr_side *)self)
        return btr_fail(err, BTR_E_CHECKSUM, UINT64_MAX, "block 7 of a segment");
    return 0;
}

static void damage_under_the_walk_is_returned_and_not_hidden(void **state)
{
    (void)state;
    enum btr_side sides[] = {BTR_SIDE_INTO, BTR_SIDE_MEET};
    for (int i = 0; i < 2; i++) {
        struct btr_edges edges = {&sides[i], refuse, NULL, NULL};
        struct btr_start start = {story_id('B'), story_ms(50), 0};
        struct btr_trace *trace = NULL;
        struct btr_err err = {0};
        assert_int_equal(btr_walk(&trace, &edges, BACK, &start, 1, NULL, &err), BTR_E_CHECKSUM);
        assert_null(trace);
        assert_string_equal(err.text, "block 7 of a segment");
    }
}

/* A half flow with many meetings, told one by one; the time that a question is given runs out at
 * the first of them. */
struct many_meetings {
    uint32_t told;
};

enum { MEETINGS = 1000, SHORT_NS = 1000000 };

static int many_meetings_flows(void *self, struct btr_id entity, enum btr_side side,
                               int64_t bound_ns, struct btr_flow_parts *parts,
                               btr_flow_visit *visit, void *visitor, struct btr_err *err)
{
    struct many_meetings *m = self;
    struct btr_flow flow = {.other = story_id('r'), .operation = BTR_OP_MEET_CLIENT};
    int rc = 0;
    (void)entity, (void)bound_ns, (void)parts, (void)err;
    if (side != BTR_SIDE_MEET)
        return 0;
    for (int64_t end_ns = btr_monotonic_ns() + SHORT_NS; btr_monotonic_ns() < end_ns;)
        continue;
    for (uint32_t i = 0; i < MEETINGS && rc == 0; i++, m->told++)
        rc = visit(visitor, &flow, 1);
    return rc;
}

static void pairing_ends_when_the_time_is_over(void **state)
{
    (void)state;
    struct many_meetings m = {0};
    struct btr_edges edges = {.self = &m, .flows = many_meetings_flows};
    struct btr_start start = {story_id('h'), story_ms(50), 0};
    struct btr_walk_limits limits = {.budget_ns = SHORT_NS};
    struct btr_trace *trace = NULL;
    assert_int_equal(btr_walk(&trace, &edges, BACK, &start, 1, &limits, NULL), 0);
    assert_int_equal(trace->cut, BTR_CUT_TIME);
    assert_true(trace->unexplored >= 1);
    assert_true(m.told <= 1);
    btr_trace_free(trace);
}

static void a_start_given_twice_counts_once_with_the_later_time(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'B', BTR_OP_READ, 'f', 20, 20);
    memory_edges_init(&s.memory, s.events, s.event_count);
    struct btr_edges edges = memory_edges_of(&s.memory);
    struct btr_start starts[] = {{story_id('B'), story_ms(10), 0},
                                 {story_id('B'), story_ms(30), 0}};
    assert_int_equal(btr_walk(&s.trace, &edges, BACK, starts, 2, NULL, NULL), 0);
    assert_int_equal(s.trace->node_count, 2);
    assert_int_equal(s.trace->step_count, 1);
    assert_int_equal(story_bound(&s, 'B'), 30);
    story_end(&s);
}

static void times_at_the_ends_of_the_range_do_not_overflow(void **state)
{
    (void)state;
    struct story s = {0};
    story_tell(&s, 0, 'A', BTR_OP_OPEN_BOTH, 'f', 0, 0);
    s.events[0].first_ns = INT64_MIN;
    s.events[0].last_ns = INT64_MAX;
    story_walk_from(&s, BACK, (struct btr_start){story_id('A'), INT64_MAX, 1}, NULL);
    assert_int_equal(s.trace->step_count, 2);
    story_walk_from(&s, FORWARD, (struct btr_start){story_id('A'), INT64_MIN, 1}, NULL);
    assert_int_equal(s.trace->step_count, 2);
    story_end(&s);
}

int walk_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_effect_before_its_cause_is_not_followed),
        cmocka_unit_test(an_event_after_the_alert_is_not_followed_but_one_at_its_instant_is),
        cmocka_unit_test(a_blocking_accept_is_the_instant_of_its_return),
        cmocka_unit_test(an_open_interval_may_have_written_at_any_moment_of_it),
        cmocka_unit_test(a_child_that_acted_before_its_fork_was_logged_has_its_parent),
        cmocka_unit_test(a_later_path_with_a_higher_bound_wins),
        cmocka_unit_test(events_without_flow_and_meetings_lead_nowhere),
        cmocka_unit_test(an_event_both_ways_is_two_steps_once_its_other_end_was_looked_at),
        cmocka_unit_test(forward_follows_effects_and_not_causes),
        cmocka_unit_test(times_of_one_source_compare_exactly),
        cmocka_unit_test(times_of_two_sources_compare_within_the_error),
        cmocka_unit_test(the_error_between_sources_is_spent_once),
        cmocka_unit_test(a_start_of_no_source_is_within_the_error_of_all),
        cmocka_unit_test(a_walk_crosses_from_an_accept_to_its_connect),
        cmocka_unit_test(a_forward_walk_crosses_from_a_connect_to_its_accept_however_late),
        cmocka_unit_test(a_connection_is_not_crossed_before_it_began),
        cmocka_unit_test(processes_and_files_are_not_asked_for_meetings),
        cmocka_unit_test(damage_under_the_walk_is_returned_and_not_hidden),
        cmocka_unit_test(pairing_ends_when_the_time_is_over),
        cmocka_unit_test(a_start_given_twice_counts_once_with_the_later_time),
        cmocka_unit_test(times_at_the_ends_of_the_range_do_not_overflow),
    };
    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
