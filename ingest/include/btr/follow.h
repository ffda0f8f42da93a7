#ifndef BTR_FOLLOW_H
#define BTR_FOLLOW_H
/**
 * Topics of a broker as a source, followed for as long as the caller wants: messages to records, records through the
 * decoders into a sink, what was read into the sink's progress. docs/KAFKA.md tells what is exactly once, and how.
 *
 * Threads: one thread steps; btr_follow_stats and btr_follow_partitions may be asked from another. A source of
 * messages has threads of its own.
 */
#include <btr/source.h>

/** Where messages come from: a broker (btr_kafka_open), or memory in tests. */
struct btr_topics;
void btr_topics_close(struct btr_topics *topics);

/** A setting of the client library under its own name, as -X KEY=VALUE gives it. */
struct btr_kafka_setting {
    const char *key, *value;
};

struct btr_kafka_options {
    const char *brokers; /* "host:port,host:port" */
    const char *group;   /* consumer group */
    const char *const *topics;
    uint32_t topic_count;
    const char *state_topic;       /* compacted; decoder states move through it. NULL: they stay in the store */
    const char *dead_letter_topic; /* gets records that do not decode; or NULL */
    const struct btr_kafka_setting *settings;
    uint32_t setting_count;
    bool once; /* read what is there by now: partitions are assigned without a group, nothing is committed */
    void (*log)(void *self, int level, const char *line); /* level as of syslog(3); from any thread; or NULL */
    void *log_self;
};

/**
 * Makes the client; connecting is its own business, and goes on for as long as it takes.
 * @return 0, BTR_E_USAGE (a setting is refused; the line names it and never a value), BTR_E_NOMEM
 */
int btr_kafka_open(struct btr_topics **out, const struct btr_kafka_options *options, struct btr_err *err);

/** How far behind a partition of a group is. */
struct btr_kafka_lag {
    const char *topic;
    int32_t partition;
    int64_t committed, end; /* next offset of the group, -1 when it has none; one behind the last message */
    int64_t behind_ms;      /* age of the first message that was not read; 0: none waits; -1: not known */
};
typedef int btr_kafka_lag_visit(void *self, const struct btr_kafka_lag *lag);
/** Asks the broker, by topic and partition. @return 0, BTR_E_USAGE, BTR_E_IO (no answer within timeout_ms), BTR_E_NOMEM */
int btr_kafka_lag(const struct btr_kafka_options *options, int timeout_ms, btr_kafka_lag_visit *visit, void *self,
                  struct btr_err *err);

struct btr_follow_options {
    const struct btr_hosts *hosts;    /* or NULL */
    const struct btr_decoder *format; /* or NULL: found from the records */
    struct btr_span case_id, tool;
    const struct btr_known *known;    /* what the store has: offsets, states; or NULL */
    uint32_t visible_ms;              /* longest time from arrival to publishing; 0 = default 1000 */
    uint32_t checkpoint_ms;           /* longest time that a state stays unsaved; 0 = default 30000 */
    uint32_t idle_ms;                 /* a host that is silent for so long tells what it has open; 0 = default 60000 */
    uint32_t order_ms;                /* a host's records on several partitions are put in order within this; 0 = default 500 */
    uint64_t memory_max;              /* bytes: messages, states and what waits in the sink; 0 = default 1 GiB */
    uint32_t segment_events;          /* as in btr_feed_options */
    bool keep_records;
    void (*note)(void *self, const char *line); /* what an operator should know: gaps, rebalances, retries; escaped; or NULL */
    void *note_self;
};

enum { BTR_FOLLOW_BUCKETS = 12 };
/** Upper ends, in ms, of the buckets of `visible`; the last is open. */
extern const uint32_t btr_follow_bucket_ms[BTR_FOLLOW_BUCKETS];

/** Counters since the opening, and gauges of now. */
struct btr_follow_stats {
    uint64_t messages, message_bytes; /* that arrived; of which */
    uint64_t messages_empty;          /* tombstones and blank values */
    uint64_t messages_known;          /* below what the store has */
    uint64_t records, events, undecoded, gaps;
    uint64_t records_replayed;        /* decoded again for their host's state alone: their events are in the store */
    uint64_t records_known;           /* delivered again by the sender under another offset: counted once */
    uint64_t dead_lettered, dead_letter_failed;
    uint64_t publishes;               /* transactions of the catalog */
    uint64_t states_saved, state_bytes, state_topic_bytes; /* saved at publishes; sent to the state topic */
    uint64_t offsets_lost;            /* that the broker no longer has, or never had */
    uint64_t rebalances, retries;     /* retries: of requests to the broker */
    uint64_t visible[BTR_FOLLOW_BUCKETS]; /* messages by the time from arrival to publishing */
    uint64_t visible_ms_sum;
    /* gauges */
    uint64_t partitions, hosts, hosts_live, memory, memory_max; /* bytes */
    int64_t last_publish_ns;          /* wall clock; 0: none yet */
    bool broker_up;                   /* at least one broker is connected */
};

/** A partition that is read, as of the last step. */
struct btr_follow_partition {
    const char *topic;
    int32_t partition;
    int64_t next, end; /* next offset to read; one behind the last message that the broker has told of, -1 not known */
};

struct btr_follow;

/**
 * Begins to follow. The sink, the source and what the options point to are borrowed until free.
 * @return 0, BTR_E_NOMEM, or what the store's saved states fail with
 */
int btr_follow_open(struct btr_follow **out, struct btr_topics *topics, const struct btr_follow_options *options,
                    const struct btr_sink *sink, struct btr_err *err);
/**
 * Takes what has arrived, and publishes when that is due. Waits for messages for at most `timeout_ms`.
 * @return 1 = go on, 0 = all that was there at the opening was read (a source that is read once), or a failure of the sink,
 *         of memory, or one that the broker calls final (BTR_E_IO: wrong password, no such topic). After a failure only free
 *         may be called; what was not published is read again by the next one.
 */
int btr_follow_step(struct btr_follow *follow, int timeout_ms, struct btr_err *err);
/**
 * Publishes all, saves states, hands them over, commits, leaves the group.
 * @param finish  also tells what is still open, as the end of a file does
 * @return 0 or a failure as of step
 */
int btr_follow_stop(struct btr_follow *follow, bool finish, struct btr_err *err);
void btr_follow_free(struct btr_follow *follow);

/** From any thread. */
void btr_follow_stats(struct btr_follow *follow, struct btr_follow_stats *out);
typedef void btr_follow_visit(void *self, const struct btr_follow_partition *partition);
void btr_follow_partitions(struct btr_follow *follow, btr_follow_visit *visit, void *self);

#endif
