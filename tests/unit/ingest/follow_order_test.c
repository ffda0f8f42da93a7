/* Records of one host that come through several partitions are decoded in the order of the agent's
 * own sequence. */
#include "follow_world.h"
#include "test.h"
#include "test_random.h"

enum { PARTITIONS = 3, RECORDS = 240 };

static void record_put(struct follow_world *world, uint32_t partition, uint64_t id)
{
    char text[64];
    (void)snprintf(text, sizeof text, "line t=%llu id=%llu host=web01",
                   1000 + 10 * (unsigned long long)id, (unsigned long long)id);
    memory_broker_put(&world->broker, partition, NULL, text);
}

/* Runs of a few records go one way, then another. */
static void records_put(struct follow_world *world, struct test_random *random)
{
    uint32_t partition = 0;
    for (uint64_t id = 1; id <= RECORDS; id++) {
        if (test_random_below(random, 6) == 0)
            partition = (uint32_t)test_random_below(random, PARTITIONS);
        record_put(world, partition, id);
    }
}

/* Each event has the number that it has in the sequence. */
static void in_order(const struct memory_sink *sink)
{
    assert_int_equal(sink->event_published, RECORDS);
    for (uint32_t i = 0; i < sink->event_published; i++)
        assert_int_equal(sink->events[i].event.bytes + 1, sink->events[i].event.record_id);
}

static void records_that_are_all_there_are_put_in_order_through_every_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct follow_world *world = calloc(1, sizeof *world);
        struct test_random random = {seed};
        assert_non_null(world);
        follow_clock_ns = 1;
        follow_world_init(world, PARTITIONS);
        world->options.segment_events = 7;
        world->options.checkpoint_ms = 60000;
        records_put(world, &random);
        follow_member_open(world, 0, false);
        world->members[0].topics.give = 7;
        for (int turn = 0; turn < 400; turn++) {
            world->members[0].topics.most = 1 + (uint32_t)test_random_below(&random, 9);
            (void)follow_member_step(world, 0);
            follow_clock_ns += 1000000;
            if (turn < 100 && test_random_below(&random, 12) == 0) {
                follow_member_crash(world, 0);
                follow_member_open(world, 0, false);
                world->members[0].topics.give = 7;
            }
        }
        follow_member_stop(world, 0, true);
        in_order(&world->members[0].sink);
        follow_world_fini(world);
        free(world);
    }
}

static void a_record_that_comes_behind_the_window_still_lands(void **state)
{
    (void)state;
    struct follow_world world;
    follow_clock_ns = 1;
    follow_world_init(&world, 2);
    world.options.segment_events = 1;
    world.options.order_ms = 500;
    record_put(&world, 0, 1);
    record_put(&world, 1, 2);
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 3;
    (void)follow_member_step(&world, 0);
    record_put(&world, 0, 5); /* 4 comes the other way, and late */
    (void)follow_member_step(&world, 0);
    assert_int_equal(world.members[0].sink.event_count, 2);
    follow_clock_ns += INT64_C(600000000);
    (void)follow_member_step(&world, 0);
    assert_int_equal(world.members[0].sink.event_count, 3);
    record_put(&world, 1, 4);
    (void)follow_member_step(&world, 0);
    follow_clock_ns += INT64_C(600000000);
    (void)follow_member_step(&world, 0);
    follow_member_stop(&world, 0, true);
    assert_int_equal(world.members[0].sink.event_published, 4);
    assert_int_equal(world.members[0].sink.events[3].event.record_id, 4);
    follow_world_fini(&world);
}

/* More repetitions than can be remembered between two saves of all states: the store stays one that
 * opens. */
static void a_message_that_comes_again_without_end_is_counted_once(void **state)
{
    (void)state;
    struct follow_world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    follow_clock_ns = 1;
    follow_world_init(world, 1);
    world->options.segment_events = 1000;
    world->options.checkpoint_ms = 600000;
    memory_broker_put(&world->broker, 0, "web01", "line t=1 id=1");
    memory_broker_put(&world->broker, 0, "db01", "line t=2 id=2");
    for (int i = 0; i < 150000; i++)
        memory_broker_put(&world->broker, 0, "web01", "line t=1 id=1");
    memory_broker_put(&world->broker, 0, "web01", "line t=3 id=3");
    follow_member_open(world, 0, false);
    world->members[0].topics.give = 1;
    for (int turn = 0; turn < 200; turn++)
        (void)follow_member_step(world, 0);
    follow_member_crash(world, 0);
    follow_member_open(world, 0, false);
    world->members[0].topics.give = 1;
    for (int turn = 0; turn < 200; turn++)
        (void)follow_member_step(world, 0);
    follow_member_stop(world, 0, true);
    assert_int_equal(world->members[0].sink.event_published, 3);
    follow_world_fini(world);
    free(world);
}

static void a_heap_gives_records_by_place_and_equals_as_they_came(void **state)
{
    (void)state;
    struct test_random random = {5};
    struct follow_order order = {0}, again = {0};
    struct btr_buffer saved = {0}, saved_again = {0};
    for (int i = 0; i < 500; i++) {
        struct follow_held held = {
            .place = {(int64_t)test_random_below(&random, 20), test_random_below(&random, 3)},
            .offset = i};
        assert_true(follow_order_add(&order, &held, BTR_SPAN("t:0"), BTR_SPAN("x")));
    }
    follow_order_put(&saved, &order);
    struct btr_cursor in = {.rest = btr_buffer_view(&saved)};
    assert_true(follow_order_get(&in, &again));
    follow_order_put(&saved_again, &again);
    assert_true(btr_span_equal(btr_buffer_view(&saved), btr_buffer_view(&saved_again)));
    for (size_t cut = 0; cut < saved.size; cut += 7) {
        struct follow_order part = {0};
        struct btr_cursor short_in = {.rest = {saved.at, cut}};
        assert_false(follow_order_get(&short_in, &part));
        follow_order_fini(&part);
    }
    struct follow_held last = {.place = {-1, 0}};
    while (order.count > 0) {
        struct follow_held held = follow_order_take(&order), twin = follow_order_take(&again);
        int c = follow_place_compare(last.place, held.place);
        assert_true(c < 0 || (c == 0 && last.offset < held.offset));
        assert_int_equal(held.offset, twin.offset);
        btr_buffer_fini(&held.bytes);
        btr_buffer_fini(&twin.bytes);
        last = held;
    }
    follow_order_fini(&order);
    follow_order_fini(&again);
    btr_buffer_fini(&saved);
    btr_buffer_fini(&saved_again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_are_all_there_are_put_in_order_through_every_crash),
        cmocka_unit_test(a_record_that_comes_behind_the_window_still_lands),
        cmocka_unit_test(a_message_that_comes_again_without_end_is_counted_once),
        cmocka_unit_test(a_heap_gives_records_by_place_and_equals_as_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
