#include "follow_world.h"

#include "test.h"

int64_t follow_clock_ns = 1;

static int64_t now_ns(void)
{
    return follow_clock_ns;
}

static void noted(void *self, const char *line)
{
    struct follow_member *m = self;
    size_t n = strlen(m->notes);
    (void)snprintf(m->notes + n, sizeof m->notes - n, "%s\n", line);
}

void follow_world_init(struct follow_world *world, uint32_t partitions)
{
    *world = (struct follow_world){.options = {.format = &line_decoder, .segment_events = 1}};
    memory_broker_init(&world->broker, partitions);
    for (uint32_t i = 0; i < MEMORY_MEMBERS; i++)
        memory_sink_init(&world->members[i].sink);
}

void follow_world_fini(struct follow_world *world)
{
    for (uint32_t i = 0; i < MEMORY_MEMBERS; i++) {
        btr_follow_free(world->members[i].follow);
        memory_topics_fini(&world->members[i].topics, 0);
        memory_sink_fini(&world->members[i].sink);
    }
    memory_broker_fini(&world->broker);
}

void follow_member_open(struct follow_world *world, uint32_t member, bool once)
{
    struct follow_member *m = &world->members[member];
    struct btr_follow_options options = world->options;
    struct btr_err err = {0};
    memory_topics_init(&m->topics, &world->broker);
    m->topics.once = once;
    m->topics.ack_late = m->ack_late;
    options.known = &m->sink.known;
    options.note = noted;
    options.note_self = m;
    assert_int_equal(btr_follow_open(&m->follow, &m->topics.base, &options, &m->sink.sink, &err),
                     0);
    m->follow->now_ns = now_ns;
}

int follow_member_step(struct follow_world *world, uint32_t member)
{
    struct btr_err err = {0};
    int rc = btr_follow_step(world->members[member].follow, 0, &err);
    if (rc < 0)
        print_error("step: %s\n", err.text);
    assert_true(rc >= 0);
    return rc;
}

void follow_member_crash(struct follow_world *world, uint32_t member)
{
    btr_follow_free(world->members[member].follow);
    world->members[member].follow = NULL;
    memory_topics_fini(&world->members[member].topics, world->members[member].crash_arrive);
    memory_sink_crash(&world->members[member].sink);
}

void follow_member_stop(struct follow_world *world, uint32_t member, bool finish)
{
    struct btr_err err = {0};
    assert_int_equal(btr_follow_stop(world->members[member].follow, finish, &err), 0);
    btr_follow_free(world->members[member].follow);
    world->members[member].follow = NULL;
    memory_topics_fini(&world->members[member].topics, 0);
}

void follow_member_once(struct follow_world *world, uint32_t member)
{
    follow_member_open(world, member, true);
    for (int turn = 0; turn < 100000 && follow_member_step(world, member) == 1; turn++)
        follow_clock_ns += 1000000;
    follow_member_stop(world, member, true);
}
