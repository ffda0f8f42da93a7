#ifndef SOURCE_FOLLOW_AHEAD_H
#define SOURCE_FOLLOW_AHEAD_H
/**
 * Reading ahead: what a message says without its host's state is read before its turn, by a thread of its own, and by the
 * follower where that one is not there yet. All of it are pure functions of bytes: who has read it changes no answer. What
 * finds no room here is read in its turn.
 */
#include "topics.h"
#include "unwrap.h"

#include <btr/decoder.h>

/* Bytes that it takes of large messages, near enough: two readers, of each a list beside what is bounded. */
enum { FOLLOW_AHEAD_MEMORY = 64 << 20 };

struct follow_ahead_record {
    struct source_unwrapped unwrapped;
    struct btr_span host; /* as the decoder's host_peek */
    const void *read;     /* as its read; NULL: it is not read */
};

struct follow_ahead_message {
    /* Of the follower, before the round begins. */
    struct topics_message message;
    const struct btr_decoder *decoder; /* that of the partition's last record; NULL: there is none */
    uint64_t seed;                     /* of the digest */
    /* Read; they live until the round ends. */
    uint64_t digest;                           /* as follow_seen_digest */
    const struct follow_ahead_record *records; /* NULL: they are to be read in their turn */
    uint32_t record_count;
    bool headers_known; /* they were looked at, as the first record names no host */
    struct btr_span host_sent;
};

struct follow_ahead;

/** What headers call the host that a message comes from; empty when they do not tell. */
struct btr_span follow_host_sent(const struct topics_ops *ops, const struct topics_message *message);

/** @param ops  of the messages' source  @param message_max  of one round  @return NULL when out of memory; without a thread where none can be made */
struct follow_ahead *follow_ahead_new(const struct topics_ops *ops, uint32_t message_max);
void follow_ahead_free(struct follow_ahead *ahead);
/** The messages of the next round, to be filled in by the follower. */
struct follow_ahead_message *follow_ahead_messages(struct follow_ahead *ahead);
/** Begins to read that many of them. They, and what they point to, are left alone until the round ends. */
void follow_ahead_begin(struct follow_ahead *ahead, uint32_t count);
/** A message of the round, read. From the first on, in their order. */
const struct follow_ahead_message *follow_ahead_get(struct follow_ahead *ahead, uint32_t i);
/** Ends the round: nothing of it is read any more, and what was read is gone. */
void follow_ahead_end(struct follow_ahead *ahead);

#endif
