/*
 * More hosts than there is memory for their states: those that were used least are forgotten once
 * the store has them, without waiting for it, and nothing that one had to tell is lost by that.
 */
#include "follow_world.h"
#include "test.h"

enum { TIGHT = 128 << 10, SOME = 4 << 20, OTHERS = 300, STATES_MOST = 8 };

static void others_send(struct follow_world *world, uint32_t from, uint32_t until)
{
    for (uint32_t i = from; i < until; i++) {
        char host[16], text[64];
        (void)snprintf(host, sizeof host, "other%u", i);
        (void)snprintf(text, sizeof text, "line t=%u id=%u", 5000 + i, 1000 + i);
        memory_broker_put(&world->broker, 0, host, text);
        follow_clock_ns += INT64_C(500000000);
        (void)follow_member_step(world, 0);
    }
}

static uint32_t told(const struct memory_sink *s, const char *host, uint64_t id)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->event_published; i++)
        count += strcmp(s->events[i].host, host) == 0 && s->events[i].event.record_id == id;
    return count;
}

static void begin(struct follow_world *world, uint32_t late)
{
    follow_clock_ns = 1;
    follow_world_init(world, 1);
    world->options.memory_max = TIGHT;
    world->options.idle_ms = 3600 * 1000; /* nothing is told for want of records but what must go */
    world->members[0].sink.late = late;
    follow_member_open(world, 0, false);
    world->members[0].topics.give = 1;
}

static void what_a_silent_host_had_open_is_told_though_its_state_is_forgotten(void **state)
{
    struct follow_world world;
    (void)state;
    begin(&world, 3);
    memory_broker_put(&world.broker, 0, "alpha", "line t=1010 id=1 open");
    others_send(&world, 0, OTHERS);
    assert_true(world.members[0].follow->feed.state_count <= STATES_MOST);
    assert_int_equal(told(&world.members[0].sink, "alpha", 1), 1);
    follow_member_crash(&world, 0);
    assert_int_equal(told(&world.members[0].sink, "alpha", 1), 1);
    follow_world_fini(&world);
}

/* It goes on from what the store has, in the numbers that its state gives. */
static void a_host_that_comes_again_goes_on_from_its_saved_state(void **state)
{
    struct follow_world world;
    (void)state;
    begin(&world, 3);
    for (uint32_t i = 0; i < 5; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "line t=%u id=%u", 1000 + i, 1 + i);
        memory_broker_put(&world.broker, 0, "alpha", text);
        others_send(&world, i * 50, i * 50 + 50);
    }
    follow_member_stop(&world, 0, true);
    for (uint32_t i = 0; i < world.members[0].sink.event_published; i++) {
        const struct memory_event *e = &world.members[0].sink.events[i];
        if (strcmp(e->host, "alpha") == 0)
            assert_int_equal(e->event.bytes, e->event.record_id - 1);
    }
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(told(&world.members[0].sink, "alpha", 1 + i), 1);
    follow_world_fini(&world);
}

/* A store that never gets round to it is waited for before memory fills. */
static void states_stay_few_when_the_store_is_slow(void **state)
{
    struct follow_world world;
    (void)state;
    begin(&world, UINT32_MAX);
    others_send(&world, 0, OTHERS);
    assert_true(world.members[0].follow->feed.state_count <= STATES_MOST);
    follow_member_stop(&world, 0, true);
    assert_int_equal(world.members[0].sink.event_published, OTHERS);
    follow_world_fini(&world);
}

/* It is loaded by its last record, which is read again, and tells when it has caught up: until then
 * it does not go. */
static void what_is_read_again_is_not_forgotten_before_it_has_told(void **state)
{
    struct follow_world world;
    (void)state;
    begin(&world, 0);
    world.options.memory_max = 0;
    follow_member_crash(&world, 0);
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 1;
    memory_broker_put(&world.broker, 0, "alpha", "line t=1010 id=1 open");
    others_send(&world, 0, 80); /* alpha is saved, not told */
    follow_member_crash(&world, 0);
    assert_int_equal(told(&world.members[0].sink, "alpha", 1), 0);
    world.options.memory_max = SOME;
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 1;
    world.members[0].topics.most = 4;
    others_send(&world, 80, OTHERS);
    assert_int_equal(told(&world.members[0].sink, "alpha", 1), 1);
    follow_world_fini(&world);
}

/* Records without keys wait for those of a partition that is behind: when memory is full they do
 * not any longer. */
static void records_that_wait_do_not_fill_the_memory(void **state)
{
    struct follow_world world;
    uint32_t most = 0;
    (void)state;
    follow_clock_ns = 1;
    follow_world_init(&world, 2);
    world.options.memory_max = TIGHT;
    world.broker.logs[1].end = 5; /* of which nothing comes */
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 3;
    for (uint32_t i = 0; i < OTHERS; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "line t=%u id=%u host=other%u", 5000 + i, 1000 + i, i);
        memory_broker_put(&world.broker, 0, NULL, text);
        follow_clock_ns += INT64_C(500000000);
        (void)follow_member_step(&world, 0);
        uint32_t count = world.members[0].follow->feed.state_count;
        most = count > most ? count : most;
    }
    assert_true(most <= STATES_MOST);
    follow_member_stop(&world, 0, true);
    assert_int_equal(world.members[0].sink.event_published, OTHERS);
    follow_world_fini(&world);
}

/* What a silent host tells is published though no message comes any more. */
static void what_is_told_in_silence_is_published(void **state)
{
    struct follow_world world;
    (void)state;
    follow_clock_ns = 1;
    follow_world_init(&world, 1);
    world.options.segment_events = 0;
    follow_member_open(&world, 0, false);
    world.members[0].topics.give = 1;
    memory_broker_put(&world.broker, 0, "alpha", "line t=1010 id=1 open");
    for (uint32_t i = 0; i < 100; i++) {
        follow_clock_ns += INT64_C(1000000000);
        (void)follow_member_step(&world, 0);
    }
    assert_int_equal(told(&world.members[0].sink, "alpha", 1), 1);
    follow_world_fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_silent_host_had_open_is_told_though_its_state_is_forgotten),
        cmocka_unit_test(a_host_that_comes_again_goes_on_from_its_saved_state),
        cmocka_unit_test(states_stay_few_when_the_store_is_slow),
        cmocka_unit_test(what_is_read_again_is_not_forgotten_before_it_has_told),
        cmocka_unit_test(records_that_wait_do_not_fill_the_memory),
        cmocka_unit_test(what_is_told_in_silence_is_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
