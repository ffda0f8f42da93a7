#ifndef SOURCE_FOLLOW_H
#define SOURCE_FOLLOW_H
/**
 * Following topics: the parts. docs/KAFKA.md has the argument why nothing is lost and nothing counted twice.
 *   follow.c            the steps, opening and stopping
 *   follow_partition.c  a partition: where it begins, what is kept of it
 *   follow_ahead.c      what of messages needs no state, read before their turn
 *   follow_message.c    one message to records to states
 *   follow_states.c     which states are saved, told, put to sleep
 *   follow_publish.c    what becomes true together; what follows when it is durable
 *   follow_seen.c       messages that come again
 *   follow_handover.c   states through the state topic
 */
#include "feed.h"
#include "follow_ahead.h"
#include "follow_reading.h"
#include "follow_seen.h"
#include "topics.h"
#include "unwrap.h"

#include <pthread.h>

enum {
    FOLLOW_MESSAGES = 2048,      /* taken at once */
    FOLLOW_EXPECT = 8,           /* so many messages before it is taken, what was seen is asked for */
    FOLLOW_NAME_SIZE = 272,      /* TOPIC:PARTITION; a topic has at most 249 bytes */
    FOLLOW_FORMATS = 8,          /* inputs of one partition */
    FOLLOW_RECENT = 16,          /* states of a partition, by a hash of the host's name */
    FOLLOW_ARRIVALS = 256,       /* moments of arrival that a publish tells apart */
    FOLLOW_SKIPS_MAX = 1 << 16,  /* messages passed over that must be remembered: all states are saved at this many */
    FOLLOW_UNSENT_MAX = 1 << 17, /* messages of a partition that are read again when neither group nor state topic know of it */
    FOLLOW_STATES_MAX = 1 << 18, /* ever */
    FOLLOW_STATE_SHARE = 64 << 10, /* bytes: so many states are kept, live or packed, as memory_max has shares of this */
};
#define FOLLOW_HOUR_NS (INT64_C(3600) * 1000000000)
#define FOLLOW_FRESH_NS (INT64_C(60) * 1000000000) /* after a rebalance a jump in offsets is doubted */
#define FOLLOW_TELL_NS (INT64_C(900) * 1000000000) /* a busy host tells what it has open this often */

#define FOLLOW_PARTITION_FORMAT "kafka"  /* of the saved rows of partitions */
#define FOLLOW_STATE_PREFIX "kafka "     /* of those of decoders */

/** A saved state that came through the state topic and was not taken up yet. */
struct follow_moved {
    char key[FEED_KEY_SIZE];
    uint8_t host[FEED_NAME_SIZE];
    size_t host_size;
    struct btr_buffer bytes;
    bool own; /* the store has saved a newer one since */
};

/** A record below `next` that waits for others of its host: its events are in no store. */
struct follow_waiting {
    int64_t offset;
    uint64_t host; /* hash of the name */
};

/** A state that a record went to, and its host as the record had it. */
struct follow_recent {
    struct feed_state *state; /* NULL: free */
    uint8_t host[FEED_NAME_SIZE];
    size_t host_size;
};

struct follow_partition {
    struct topics_part part;
    char name[FOLLOW_NAME_SIZE];
    uint32_t epoch;     /* grows when the broker has lost what was read: its offsets are other messages then */
    uint64_t head_hash; /* of cluster, topic, number and epoch: names it in marks and inputs */
    bool assigned, ended, lost;
    int64_t fresh_ns; /* until then a jump in offsets is not believed at once; 0: it is */
    int64_t jump;     /* where the last one led */
    uint32_t jumps;   /* in a row */
    bool reset_due; /* what was asked for is not there */
    int64_t ends_at; /* the source has told that all was given, up to here; -1 */
    bool begins;    /* assigned while messages were taken: what came before in that round is dropped */
    int64_t next;   /* the next offset to take */
    int64_t published;  /* events of messages below are in this store */
    int64_t seen_below; /* messages below were looked at before: `skips` tells which came again */
    int64_t doubted;    /* first offset there is, until the next message tells whether this is still the same log; -1 */
    int64_t end;        /* -1: not known */
    int64_t last_ns;    /* order time of the newest event; INT64_MIN */
    bool moved;         /* since the last publish */
    int64_t replay_from; /* as its row says */
    int64_t replay_least; /* as it stands now: follow_replay_find */
    struct follow_seen seen;
    int64_t *skips; /* offsets passed over as delivered again, ascending, from the oldest state on */
    uint32_t skip_count, skip_capacity;
    uint32_t skip_at; /* the first that is not below `next`, while replaying */
    struct follow_waiting *waiting; /* as its row said when it was loaded; by offset */
    uint32_t waiting_count;
    struct feed_input *inputs[FOLLOW_FORMATS];
    uint32_t input_count;
    const struct btr_decoder *decoder; /* of the last record */
    struct follow_recent recent[FOLLOW_RECENT];
    int64_t hour_ns;    /* when counting of undecodable records began */
    int64_t dead_letter; /* the last message that was sent to the dead-letter topic; -1 */
    bool unsent;                /* the state topic has nothing of it: its hosts' states are sent when they are met */
    bool is_given;              /* it came through the state topic, and its hosts' states with it */
    struct follow_moved *given; /* states that came with the partition */
    uint32_t given_count, given_capacity;
    struct btr_idmap given_map;
    struct btr_buffer *bases; /* what was sent whole of states last */
    uint32_t base_count, base_capacity;
    struct btr_idmap base_map;
    /* of the publish under way */
    int64_t flight_next, landed_next, committed; /* landed: durable, and sent to the state topic; -1 */
    uint32_t flight_chunk, flight_chunks;
    bool in_flight;
};

struct follow_arrival {
    int64_t at_ns; /* monotonic */
    uint64_t count;
};

/** Messages by the moment they came. */
struct follow_arrivals {
    struct follow_arrival items[FOLLOW_ARRIVALS];
    uint32_t count;
};

/** A state that the publish under way saves. */
struct follow_saved {
    char key[FEED_KEY_SIZE];
    uint8_t host[FEED_NAME_SIZE];
    size_t host_size;
    uint64_t head_hash; /* of the partition that its host's records come from */
};

/** What a row of a publish points to. */
struct follow_row {
    struct btr_buffer bytes, host;
};

struct btr_follow {
    struct feed feed;
    struct btr_feed_options feed_options;
    struct btr_feed_stats feed_stats;
    struct btr_follow_options options; /* with the defaults in */
    struct btr_topics *topics;
    int64_t (*now_ns)(void); /* monotonic; tests have their own */
    struct topics_owner owner;
    char **names; /* topics of partitions that are not read here */
    uint32_t name_count;
    struct follow_partition **parts;
    uint32_t part_count, part_capacity;
    struct follow_partition *last;   /* of the last message */
    struct follow_partition *taking; /* of the message in hand */
    struct topics_message *messages;
    struct follow_ahead *ahead; /* reads them */
    int64_t round_ns;           /* monotonic: when they came */
    struct source_unwrap *unwrap; /* of what is read in its turn */
    struct btr_buffer cluster;
    bool started, cluster_known;
    bool notes_dropped; /* since the epoch of the batch began */
    struct btr_err failure;

    struct follow_arrivals arrivals, flying; /* since the last publish; of the publish under way */
    bool flight;                             /* a publish is under way */
    bool handing;                            /* states are sent, and not acknowledged yet */
    struct follow_saved *saved;
    uint32_t saved_count, saved_capacity;
    uint64_t base_size; /* bytes of the bases of all partitions */
    uint32_t chosen;    /* states that the publish in hand saves */
    struct btr_saved_state *rows; /* partitions and seen chunks of a publish */
    struct follow_row *row_bytes;
    char (*row_keys)[FEED_KEY_SIZE];
    uint32_t row_count, row_capacity;
    int64_t swept_ns, bounded_ns;
    int64_t commit_ns; /* monotonic: when all is committed again; 0: need not be */
    uint32_t bounded_count; /* states then */
    uint64_t forget_used; /* states that were used before this tick are to be forgotten; 0: none */
    bool forgetting;      /* the publish under way saves them */
    bool forget_forced;   /* memory is full: what waits in them does not wait any longer */

    pthread_mutex_t mutex; /* of what other threads ask for */
    struct btr_follow_stats stats, told;
    struct btr_follow_partition *told_parts;
    uint32_t told_count, told_capacity;
    bool mutex_made;
};

/* ---- follow.c ---- */

void follow_note(struct btr_follow *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The partition of a message or of a call, or NULL. */
struct follow_partition *follow_partition_find(struct btr_follow *w, const char *topic, int32_t number);
/** The partition of a mark, or NULL. */
struct follow_partition *follow_partition_of(const struct btr_follow *w, uint64_t head_hash);

/** Bytes for states and what waits in the sink: memory_max without what reading ahead may take. */
uint64_t follow_memory(const struct btr_follow *w);

/* ---- follow_partition.c ---- */

/** A partition is ours: what is kept of it is loaded, and reading begins where that says. */
int follow_partition_assign(struct btr_follow *w, const struct topics_part *part, struct btr_err *err);
/** What was asked for is not there. */
int follow_partition_reset(struct btr_follow *w, struct follow_partition *p, struct btr_err *err);
/** A log of which the broker has lost the end. @param seen  its next message was seen before
 * @return 0 = it goes on, 1 = it is another one, read from its beginning on, or BTR_E_IO */
int follow_partition_trust(struct btr_follow *w, struct follow_partition *p, bool seen);
/** The partition of a mark; when it is not read here, one that cites its place alone. @param name  TOPIC:PARTITION
 * @return NULL when out of memory */
struct follow_partition *follow_partition_adopt(struct btr_follow *w, const char *name, uint64_t head_hash);
/** The input of a format (NULL: of records of no known format). @return NULL when out of memory */
struct feed_input *follow_input(struct btr_follow *w, struct follow_partition *p, const struct btr_decoder *decoder);
/** What is kept of it. @param replay_from  the least offset that a saved state needs */
void follow_partition_put(const struct btr_follow *w, const struct follow_partition *p, int64_t replay_from,
                          struct btr_buffer *out);
/** Whether the events of a host's record are in the store: it was read before, and did not wait then. */
bool follow_is_published(const struct follow_partition *p, int64_t offset, struct btr_span host);
/** Forgets what it holds of states, which may go. */
void follow_partition_loosen(struct follow_partition *p);
void follow_partition_free(struct btr_follow *w, struct follow_partition *p);

/* ---- follow_message.c ---- */

/** Takes one message. @return 0, or a failure of the sink or of memory */
int follow_message(struct btr_follow *w, struct follow_partition *p, const struct follow_ahead_message *message);
/** Decodes what waits for records of other partitions and need wait no more. @param all  whatever may still come */
int follow_held_release(struct btr_follow *w, struct feed_state *s, bool all);

/* ---- follow_states.c ---- */

extern const struct feed_keeping follow_keeping;
/** Marks the states that this publish saves. @param all  every one that is not as saved */
int follow_states_choose(struct btr_follow *w, bool all);
/** Gives out what waits for records that do not come, and tells what silent hosts have open. */
int follow_states_tell(struct btr_follow *w, int64_t now_ns);
/** Tells what every host has open, as at the end of a file. */
int follow_states_finish(struct btr_follow *w);
/** Keeps the states within their share of memory. */
int follow_states_bound(struct btr_follow *w);
/** Has the states of a partition's hosts saved again with the next publish, and so sent to the state topic. */
void follow_states_unsent(struct btr_follow *w, const struct follow_partition *p);
/** Forgets the states that were to be forgotten and are as the store has them. */
void follow_states_forget(struct btr_follow *w);
/** Finds of each partition the least offset that a saved state has not taken, at most `next`: `replay_least`. */
void follow_replay_find(struct btr_follow *w);

/* ---- follow_publish.c ---- */

/** Whether something waits for so long, or there is so much of it, that it must become true. */
bool follow_publish_due(const struct btr_follow *w, int64_t now_ns);
/** Publishes. @param all  saves all states, so that nothing need be replayed */
int follow_publish(struct btr_follow *w, bool all);
/** Tells the group again where it stands, when it may not have heard: after partitions came, or a commit was not taken. */
void follow_commit_again(struct btr_follow *w, int64_t now_ns);
/** Finishes the publish under way when it is durable. @param wait  for it */
int follow_land(struct btr_follow *w, bool wait);

/* ---- follow_handover.c ---- */

/** Sends what the publish has saved to the state topic, and waits until it is acknowledged. */
int follow_handover_send(struct btr_follow *w, struct btr_err *err);
/** Forgets what was sent of a partition's states: they are sent whole again. */
void follow_bases_drop(struct btr_follow *w, struct follow_partition *p);
/** Loads what came of a partition: its row into `row`, its chunks and states into `p->given`. @return 1 found, 0 none, or a failure */
int follow_handover_load(struct btr_follow *w, struct follow_partition *p, struct btr_buffer *row, struct btr_err *err);
/** A row of a partition that came through the state topic. @return empty when there is none */
struct btr_span follow_given(const struct follow_partition *p, struct btr_span key, struct btr_span host);
/** From now on the store has the newer one. @return false when out of memory */
bool follow_given_replace(struct follow_partition *p, struct btr_span key, struct btr_span host);
/** Whether it has. */
bool follow_given_is_own(const struct follow_partition *p, struct btr_span key, struct btr_span host);

#endif
