#ifndef KAFKA_TOOL_H
#define KAFKA_TOOL_H
/**
 * A client for tests that need what an ordinary one (kcat) does not have: it survives a broker's crash, says what
 * was acknowledged, and makes duplicates and transactions on request. One thread; callbacks run inside of polls.
 */
#include <btr/buffer.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

enum { TOOL_SETTINGS_MAX = 32, TOOL_HEADERS_MAX = 8, TOOL_PARTITIONS_MAX = 4096 };
enum { TOOL_MESSAGE_MAX = 64 << 20 }; /* bytes */

/* Exit statuses. */
enum { TOOL_OK = 0, TOOL_USAGE = 2, TOOL_FAILED = 3 };

/* Messages without regard to their order: any two lists of the same ones have the same tally. */
struct tally {
    uint64_t messages;
    uint64_t bytes;  /* of values */
    uint64_t digest; /* sum of XXH3 of each value; one without value (a tombstone) has a hash of its own */
};

void tally_add(struct tally *t, const struct btr_span *value); /* NULL: no value */
void tally_join(struct tally *t, const struct tally *other);
/** Prints it as a JSON object. */
void tally_print(const struct tally *t);

/* How bytes are split into messages: "lines", "audit" (consecutive lines of one audit stamp are one message),
 * "sized" (size of the key, size of the value, both 32 bits little-endian, then the bytes; 0xffffffff: none). */
enum frame_form { FRAME_LINES, FRAME_AUDIT, FRAME_SIZED };

struct message {
    struct btr_span key, value;
    bool has_key, has_value;
};

struct frames {
    FILE *from;
    enum frame_form form;
    char *line; /* of getline: lines, and the line after an audit message */
    size_t line_capacity;
    bool line_waits; /* audit: `line` was read, and begins the next message */
    size_t line_size;
    struct btr_buffer message; /* audit: its lines; sized: key and value */
};

/** @return 0, or -1: no form of that name */
int frames_form(enum frame_form *form, const char *name);
/** @return 1 and a message that is valid until the next call, 0 at the end, -1 when the input is cut or too large */
int frames_next(struct frames *f, struct message *out);
void frames_fini(struct frames *f);

struct options {
    const char *settings[TOOL_SETTINGS_MAX]; /* key=value, of librdkafka; the last word */
    size_t setting_count;
    const char *headers[TOOL_HEADERS_MAX]; /* name=value, on each message */
    size_t header_count;
    const char *key;          /* of every message that has none; NULL: none */
    const char *codec;        /* of librdkafka's compression.codec */
    const char *transactions; /* transactional.id; NULL: none */
    enum frame_form form;
    int32_t partition;      /* RD_KAFKA_PARTITION_UA: by key, as Java's clients do */
    uint64_t rate;          /* messages a second; 0: as fast as it goes */
    uint64_t hosts;           /* that tell the recording again, at `rate`; 0: it is sent as it is */
    uint64_t seconds;         /* of telling it */
    uint64_t twice_each;    /* every n-th message is sent twice; 0: none */
    uint64_t commit_each;   /* messages of a transaction */
    uint64_t abort_each;    /* every n-th transaction is aborted; 0: none */
    uint32_t deadline_s;    /* of the whole call */
    bool records;           /* read: print the records themselves */
    int word_count;         /* what follows the options */
    const char *const *words;
};

/* A recording that so many hosts tell again, with the time of now. */
struct replay {
    struct btr_buffer bytes;     /* all messages of the recording */
    size_t *ends;                /* of each in `bytes` */
    uint64_t recorded;           /* messages */
    uint64_t *whole, whole_count; /* numbers of those that hold all lines of their event */
    uint64_t hosts, rate, total; /* total: messages that are sent */
    uint64_t sent;
    int64_t began_ms;            /* of the epoch */
    struct btr_buffer message;   /* the one that was given last */
    char key[32];
};

/** Reads the recording from stdin. @return 0, or -1: it is empty, cut, or too large */
int replay_load(struct replay *r, const struct options *o);
/** As frames_next(): round robin over the hosts, "host-0000000" and so on by key. */
int replay_next(struct replay *r, struct message *out);
void replay_fini(struct replay *r);

struct client {
    rd_kafka_t *kafka;
    int64_t deadline_ms;  /* monotonic */
    bool refused;         /* the broker does not want this client: no use in trying again */
    char last_error[256]; /* what librdkafka said last */
};

/**
 * A client with the options' settings over `defaults` (pairs of key and value, NULL at the end).
 * @param delivered  of a producer; NULL makes a consumer
 * @return 0, or -1 after one line on stderr
 */
int client_open(struct client *c, const struct options *o, const char *const *defaults,
                void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *), void *self);
void client_close(struct client *c);
/** @return ms until the deadline, at most `most`; 0: it has passed */
int client_left_ms(const struct client *c, int most);
/** Says on stderr that `what` failed, and why. @return TOOL_FAILED */
int client_failed(const struct client *c, const char *what, const char *why);
int64_t monotonic_ms(void);

/* The verbs. Each returns an exit status. */
int verb_digest(const struct options *o);
int verb_produce(const struct options *o);
int verb_read(const struct options *o);
int verb_watermarks(const struct options *o);
int verb_create(const struct options *o);
int verb_delete(const struct options *o);
int verb_delete_records(const struct options *o);
int verb_committed(const struct options *o);

/** Low and high offset of each partition of a topic. @return count of partitions, or -1 after a line on stderr */
int watermarks_get(struct client *c, const char *topic, int64_t *low, int64_t *high);

#endif
