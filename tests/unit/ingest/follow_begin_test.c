/* Where reading begins: messages that an earlier assignment left in the client, and offsets that
 * are not there. */
#include "follow_world.h"
#include "test.h"

static void records_put(struct follow_world *world, uint32_t first, uint32_t count)
{
    char text[64];
    for (uint32_t id = first; id < first + count; id++) {
        (void)snprintf(text, sizeof text, "line t=%u id=%u", id, id);
        memory_broker_put(&world->broker, 0, "web01", text);
    }
}

static void steps(struct follow_world *world, int count)
{
    for (int i = 0; i < count; i++)
        (void)follow_member_step(world, 0);
}

static void world_open(struct follow_world *world)
{
    follow_clock_ns = 1;
    follow_world_init(world, 1);
    world->options.segment_events = 3;
}

/* Each event has its number in the sequence. */
static void all_there(const struct follow_world *world, uint32_t count)
{
    const struct memory_sink *sink = &world->members[0].sink;
    assert_int_equal(sink->event_published, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(sink->events[i].event.record_id, i + 1);
        assert_int_equal(sink->events[i].event.bytes, i);
    }
}

static void what_the_client_has_left_of_before_hides_nothing(void **state)
{
    (void)state;
    for (int64_t stale = 1; stale < 20; stale++) {
        struct follow_world world;
        world_open(&world);
        records_put(&world, 1, 20);
        follow_member_open(&world, 0, false);
        world.members[0].topics.give = 1;
        world.members[0].topics.stale = stale;
        world.members[0].topics.stale_times = 1;
        steps(&world, 10);
        follow_member_stop(&world, 0, true);
        all_there(&world, 20);
        follow_world_fini(&world);
    }
}

static void offsets_that_are_not_there_are_passed_over(void **state)
{
    (void)state;
    struct follow_world world;
    world_open(&world);
    for (uint32_t i = 0; i < 10; i++) { /* marks of transactions behind each message */
        records_put(&world, i + 1, 1);
        world.broker.logs[0].end += 1 + i % 2;
    }
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 1;
    steps(&world, 60);
    follow_member_stop(&world, 0, true);
    all_there(&world, 10);
    follow_world_fini(&world);
}

/* The log lost its end, and what came since waits in a state: it is read again after a crash. */
static void what_waits_behind_a_lost_end_survives_a_crash(void **state)
{
    (void)state;
    struct follow_world world;
    world_open(&world);
    records_put(&world, 1, 10);
    follow_member_once(&world, 0);
    memory_broker_truncate(&world.broker, 0, 5);
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 1;
    memory_broker_put(&world.broker, 0, "web02", "line t=2000 id=1 hold");
    for (uint32_t id = 2; id < 10; id++) {
        char text[64];
        (void)snprintf(text, sizeof text, "line t=%u id=%u", 2000 + id, id);
        memory_broker_put(&world.broker, 0, "web02", text);
        follow_clock_ns += INT64_C(600000000);
        steps(&world, 1);
    }
    follow_member_crash(&world, 0);
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 1;
    memory_broker_put(&world.broker, 0, "web02", "line ends id=1");
    steps(&world, 5);
    follow_member_stop(&world, 0, true);
    uint32_t found = 0;
    for (uint32_t i = 0; i < world.members[0].sink.event_published; i++)
        found += world.members[0].sink.events[i].event.time_ns == 2000;
    assert_int_equal(found, 1);
    follow_world_fini(&world);
}

/* What was read with --once is told to no group and to no state topic: not all of it is read again.
 */
static void a_store_that_was_filled_before_is_not_read_anew(void **state)
{
    (void)state;
    struct follow_world world;
    world_open(&world);
    world.broker.states_on = true;
    records_put(&world, 1, 10);
    world.broker.logs[0].end += 2 * FOLLOW_UNSENT_MAX;
    records_put(&world, 11, 10);
    follow_member_once(&world, 0);
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 1;
    for (int i = 0; i < 5; i++) {
        follow_clock_ns += INT64_C(1000000000);
        steps(&world, 1);
    }
    assert_in_range(world.members[0].follow->stats.messages, 10,
                    12); /* a jump is looked at twice */
    assert_true(world.broker.logs[0].committed > 2 * FOLLOW_UNSENT_MAX);
    follow_member_stop(&world, 0, true);
    all_there(&world, 20);
    follow_world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_client_has_left_of_before_hides_nothing),
        cmocka_unit_test(offsets_that_are_not_there_are_passed_over),
        cmocka_unit_test(what_waits_behind_a_lost_end_survives_a_crash),
        cmocka_unit_test(a_store_that_was_filled_before_is_not_read_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
