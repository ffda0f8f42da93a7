#ifndef SOURCE_TOPICS_H
#define SOURCE_TOPICS_H
/**
 * Messages of topics as a source: the table that a broker's client fills in (kafka.c), and memory in tests
 * (tests/lib/memory_topics.c). All but `header` is called by the one thread that follows, and calls back only inside `next`.
 */
#include <btr/follow.h>

/** A partition by name; the text lives as long as the source. */
struct topics_part {
    const char *topic;
    int32_t partition;
};

/** Borrowed until the next `release`. */
struct topics_message {
    const char *topic; /* one pointer a topic: equal pointers are equal names */
    int32_t partition;
    int64_t offset;
    struct btr_span key, value; /* at NULL: there is none; a value that is none is a tombstone */
    void *inner;                /* of the source: headers */
};

/** What happens to partitions, told inside `next`. A negative result ends `next` with it. */
struct topics_owner {
    void *self;
    /** These are ours now: the owner calls `begin` for each. */
    int (*assigned)(void *self, const struct topics_part *parts, uint32_t count, struct btr_err *err);
    /** These go. @param lost  another owner may already read them */
    int (*revoked)(void *self, const struct topics_part *parts, uint32_t count, bool lost, struct btr_err *err);
    /** What was asked for is not there (any more, or yet): the owner asks `bounds` and calls `begin` again. */
    int (*out_of_range)(void *self, const struct topics_part *part, struct btr_err *err);
    /** All that was there at the opening was given; told of a source that is read once. `next` is the offset behind it. */
    int (*ended)(void *self, const struct topics_part *part, int64_t next, struct btr_err *err);
};

/** A record of the topic through which states move. A value at NULL removes the key. */
struct topics_state {
    struct btr_span key, value;
};
typedef int topics_state_visit(void *self, const struct topics_state *record);

struct topics_ops {
    /** Subscribes. */
    int (*start)(struct btr_topics *t, const struct topics_owner *owner, struct btr_err *err);
    /**
     * Messages that have come; waits for the first for at most `timeout_ms`.
     * @return how many, or a failure that is final, or what the owner failed with
     */
    int (*next)(struct btr_topics *t, int timeout_ms, struct topics_message *out, uint32_t room, struct btr_err *err);
    /** Gives back all messages. */
    void (*release)(struct btr_topics *t);
    /** By one thread at a time for one message. The header of a message that has the first of these names (the last is NULL) that any has; @return false when none has */
    bool (*header)(const struct topics_message *message, const char *const *names, struct btr_span *value);
    /** First offset there is, and one behind the last. @return 0, BTR_E_IO (no answer), BTR_E_NOTFOUND (no such partition) */
    int (*bounds)(struct btr_topics *t, const struct topics_part *part, int64_t *low, int64_t *high, struct btr_err *err);
    /** What the group has committed; -1: nothing. @return 0 or BTR_E_IO */
    int (*committed)(struct btr_topics *t, const struct topics_part *part, int64_t *offset, struct btr_err *err);
    /** Reads from an offset on. @return 0 or BTR_E_IO */
    int (*begin)(struct btr_topics *t, const struct topics_part *part, int64_t offset, struct btr_err *err);
    /** An offset for the group, sent with `commit_send`. A group that has gone on without us refuses, which is no failure. */
    void (*commit)(struct btr_topics *t, const struct topics_part *part, int64_t offset);
    /** @param wait  for the answer. @return false when something that was sent since the last call was not taken */
    bool (*commit_send)(struct btr_topics *t, bool wait);
    /** Whether states move; else the three below are not called. */
    bool (*has_states)(const struct btr_topics *t);
    int (*state_put)(struct btr_topics *t, const struct topics_part *part, const struct topics_state *record,
                     struct btr_err *err);
    /**
     * Waits for what was put to be acknowledged. @return 1 = all is, 0 = not yet (a broker that is gone comes back), BTR_E_IO:
     * it will not be
     */
    int (*state_flush)(struct btr_topics *t, int timeout_ms, struct btr_err *err);
    /** Visits the records of a partition's states, oldest first: the last of a key counts. */
    int (*state_load)(struct btr_topics *t, const struct topics_part *part, topics_state_visit *visit, void *self,
                      struct btr_err *err);
    /** Sends a message that did not decode to the dead-letter topic, with the reason; never waits. @return false when it cannot */
    bool (*dead_letter)(struct btr_topics *t, const struct topics_message *message, const char *reason);
    /** Tells the cluster's id; empty when it has none. @return 0 or BTR_E_IO */
    int (*cluster)(struct btr_topics *t, struct btr_span *id, struct btr_err *err);
    /** Counters and gauges that the source knows: retries, dead letters, broker_up. */
    void (*stats)(const struct btr_topics *t, struct btr_follow_stats *out);
    void (*close)(struct btr_topics *t);
};

/** The first member of each source. */
struct btr_topics {
    const struct topics_ops *ops;
};

#endif
