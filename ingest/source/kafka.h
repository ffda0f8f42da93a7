#ifndef SOURCE_KAFKA_H
#define SOURCE_KAFKA_H
/**
 * The door to librdkafka: a broker's topics as a source (topics.h).
 *   kafka.c         messages, partitions that come and go
 *   kafka_open.c    settings and clients
 *   kafka_wake.c    fetching goes on as soon as there is room
 *   kafka_states.c  the state topic, dead letters
 *   kafka_close.c   giving it all back, also when no broker is there
 *   kafka_lag.c     how far a group is behind
 */
#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "topics.h"

enum {
    KAFKA_MESSAGES = 4096,  /* taken at once */
    KAFKA_ANSWER_MS = 15000, /* a broker's answer to one question */
    KAFKA_PATIENCE_MS = 120000, /* for a broker that is gone while we are asking; below max.poll.interval.ms */
    KAFKA_ONCE_MS = 60000, /* the same of what is read once */
    KAFKA_READ_MS = 120000, /* the whole of one state partition */
    KAFKA_TEXT_SIZE = 512,
};

/** What options point to, copied; the names live as long as the source. */
struct kafka_words {
    char *brokers, *group, *state_topic, *dead_letter_topic;
    char **topics, **keys, **values;
    uint32_t topic_count, setting_count;
};

/** Keeps the library fetching (kafka_wake.c). All 0: it is not woken. */
struct kafka_wake {
    char *user, *secret; /* of the consumer; NULL: none are set */
    uint64_t count, size, count_max, size_max; /* messages and bytes taken since it was woken, and at which it is again */
};

struct kafka_topics {
    struct btr_topics base;
    struct kafka_words words;
    bool once, joined; /* joined: the group has given us partitions */
    void (*log)(void *self, int level, const char *line);
    void *log_self;
    rd_kafka_t *consumer, *producer, *loader; /* the last two when they are needed */
    rd_kafka_queue_t *farewell, *loader_farewell; /* of what did not end when it was closed: it is told there */
    struct kafka_wake wake;
    const struct topics_owner *owner;
    rd_kafka_topic_partition_list_t *placing; /* partitions that are being assigned */
    rd_kafka_topic_partition_list_t *committing;
    rd_kafka_message_t *held[KAFKA_MESSAGES];
    uint32_t held_count;
    int failed; /* what the owner failed with inside a call of the library */
    struct btr_err failure;
    int32_t state_partitions;
    bool commit_failed; /* since it was asked for last */
    char *cluster;
    int64_t down_ns; /* since when no broker is there; 0: one is */

    pthread_mutex_t mutex; /* the library's threads tell these */
    uint64_t retries, dead_lettered, dead_letter_failed, states_failed;
    bool broker_up;
    char said[KAFKA_TEXT_SIZE]; /* the last complaint, and when: the same is said once a minute */
    int64_t said_ns;
};

/* ---- kafka.c ---- */

bool kafka_is_cooperative(rd_kafka_t *rk);
/** Gives the messages taken last back to the library. */
void kafka_release(struct btr_topics *t);
/** All partitions of a topic, as the broker tells them. @return 0, BTR_E_USAGE (no such topic), BTR_E_IO */
int kafka_topic_list(struct kafka_topics *k, const char *topic, int timeout_ms, rd_kafka_topic_partition_list_t *list,
                     struct btr_err *err);
/** Until when a question is asked again (monotonic ns), and whether it is: a broker that is gone for a moment, or gives a
 * partition to another one, will answer. Waits a little before it says so. */
int64_t kafka_patience_end(const struct kafka_topics *k);
bool kafka_ask_again(struct kafka_topics *k, rd_kafka_resp_err_t why, const char *what, int64_t until_ns);
/** The library's callback with the group's answer to a commit. */
void kafka_committed(rd_kafka_t *rk, rd_kafka_resp_err_t why, rd_kafka_topic_partition_list_t *list, void *opaque);
/** The library's callback when partitions come and go. */
void kafka_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *list, void *opaque);

/* ---- kafka_open.c ---- */

/** @return 0, BTR_E_USAGE (names the key, never a value), BTR_E_NOMEM */
int kafka_consumer_new(rd_kafka_t **out, struct kafka_topics *k, const char *group, bool states, struct btr_err *err);
int kafka_producer_new(rd_kafka_t **out, struct kafka_topics *k, struct btr_err *err);
int kafka_words_copy(struct kafka_words *to, const struct btr_kafka_options *options, struct btr_err *err);
void kafka_words_fini(struct kafka_words *words);
/** Frees a text, of which nothing is left in memory. */
void kafka_secret_free(char *text);
/** Something that an operator should know; the same is told once a minute. From any thread. */
void kafka_say(struct kafka_topics *k, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- kafka_wake.c ---- */

void kafka_wake_init(struct kafka_wake *wake, rd_kafka_t *consumer);
void kafka_wake_fini(struct kafka_wake *wake);
/** So much was taken from the consumer's queue. @param size  bytes */
void kafka_wake_taken(struct kafka_wake *wake, rd_kafka_t *consumer, uint64_t count, uint64_t size);

/* ---- kafka_close.c ---- */

/** Leaves the group and frees all, within a few seconds: of a consumer whose broker does not answer until then some memory
 * and threads stay until the process ends. */
void kafka_close(struct btr_topics *t);

/* ---- kafka_states.c ---- */

bool kafka_has_states(const struct btr_topics *t);
int kafka_state_put(struct btr_topics *t, const struct topics_part *part, const struct topics_state *record, struct btr_err *err);
int kafka_state_flush(struct btr_topics *t, int timeout_ms, struct btr_err *err);
int kafka_state_load(struct btr_topics *t, const struct topics_part *part, topics_state_visit *visit, void *self, struct btr_err *err);
bool kafka_dead_letter(struct btr_topics *t, const struct topics_message *message, const char *reason);

#endif
