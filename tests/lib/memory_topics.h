#ifndef TEST_MEMORY_TOPICS_H
#define TEST_MEMORY_TOPICS_H
/**
 * A broker in memory with one topic and one group: partitions of messages, offsets that the group has committed, a
 * state topic. Members read from it through sources; what comes and goes is told when the test says so.
 */
#include "source/topics.h"

enum { MEMORY_PARTITIONS = 8, MEMORY_MEMBERS = 4 };

struct memory_message {
    int64_t offset;
    struct btr_buffer key, value;
    bool has_key;
};

struct memory_log {
    struct memory_message *items;
    uint32_t count, capacity;
    int64_t low, end;  /* offsets; `end` may be above the last's: marks of transactions */
    int64_t committed; /* -1 */
};

struct memory_state {
    int32_t partition;
    struct btr_buffer key, value;
};

struct memory_broker {
    struct memory_log logs[MEMORY_PARTITIONS];
    uint32_t partition_count;
    struct memory_state *states;
    uint32_t state_count, state_capacity;
    bool states_on;
    uint32_t dead_letters;
};

/** What a member is to be told in its next `next`. */
struct memory_topics {
    struct btr_topics base;
    struct memory_broker *broker;
    const struct topics_owner *owner;
    bool once;
    bool ours[MEMORY_PARTITIONS];
    int64_t at[MEMORY_PARTITIONS]; /* next offset to give */
    uint32_t give, take, lose;     /* partitions as bits: told in `next`, in the order take, lose, give */
    uint32_t told_end;
    uint32_t most;                 /* messages a call; 0: as many as there is room for */
    uint32_t commits;
    int64_t stale;                 /* above 0: the next beginnings lead there, as what a client has left of before */
    uint32_t stale_times;
    uint32_t ack_late;             /* records of states are taken when it was asked for them so many times, or waited for */
    struct memory_state *sent;     /* those that were not */
    uint32_t sent_count, sent_capacity, asks_left;
};

void memory_broker_init(struct memory_broker *broker, uint32_t partition_count);
void memory_broker_fini(struct memory_broker *broker);
/** Appends a message. @param key  NULL: none; @param value  NULL: a tombstone */
void memory_broker_put(struct memory_broker *broker, uint32_t partition, const char *key, const char *value);
/** Retention took all below. */
void memory_broker_delete(struct memory_broker *broker, uint32_t partition, int64_t before);
/** The end of a log is lost, from an offset on. */
void memory_broker_truncate(struct memory_broker *broker, uint32_t partition, int64_t from);

void memory_topics_init(struct memory_topics *topics, struct memory_broker *broker);
/** Its member ends: of the records of states that were not taken yet the first few arrive. */
void memory_topics_fini(struct memory_topics *topics, uint32_t arrive);

#endif
