#ifndef TEST_FOLLOW_WORLD_H
#define TEST_FOLLOW_WORLD_H
/** Members of a group around a broker in memory, each with a store in memory; and the plain reading of the same messages. */
#include "line_decoder.h"
#include "memory_sink.h"
#include "memory_topics.h"
#include "source/follow.h"

struct follow_member {
    struct memory_sink sink;
    struct memory_topics topics;
    struct btr_follow *follow; /* NULL: it does not run */
    uint32_t ack_late;     /* of its topics, from the next opening on */
    uint32_t crash_arrive; /* how many of the records of states that were not taken arrive when it crashes */
    char notes[4096];
};

struct follow_world {
    struct memory_broker broker;
    struct follow_member members[MEMORY_MEMBERS];
    struct btr_follow_options options;
};

/** The clock of all: nothing else moves it. */
extern int64_t follow_clock_ns;

void follow_world_init(struct follow_world *world, uint32_t partitions);
void follow_world_fini(struct follow_world *world);
void follow_member_open(struct follow_world *world, uint32_t member, bool once);
/** @return what btr_follow_step does; a failure is the test's */
int follow_member_step(struct follow_world *world, uint32_t member);
/** As kill -9. */
void follow_member_crash(struct follow_world *world, uint32_t member);
void follow_member_stop(struct follow_world *world, uint32_t member, bool finish);
/** Opens, reads all there is, ends. */
void follow_member_once(struct follow_world *world, uint32_t member);

#endif
