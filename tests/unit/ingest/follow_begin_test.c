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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_client_has_left_of_before_hides_nothing),
        cmocka_unit_test(offsets_that_are_not_there_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
