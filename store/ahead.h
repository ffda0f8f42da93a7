#ifndef STORE_AHEAD_H
#define STORE_AHEAD_H
/**
 * Event blocks decoded by a second thread before they are asked for. A walk through an explosion
 * comes to nearly every block of a segment, in no order: once it has read a sixteenth of them, the
 * rest is decoded beside it, up to AHEAD_READY bytes that nobody has asked for yet. Answers are the
 * same with and without: a block that cannot be decoded is left to who asks for it. One owner
 * thread.
 */
#include "segment.h"

#include <pthread.h>

enum { AHEAD_READY = 96 << 20, AHEAD_BLOCKS_LEAST = 64, AHEAD_SHARE = 16 };

/** A segment whose blocks are decoded. */
struct ahead_job;

/** Zeroed, it does nothing yet. */
struct store_ahead {
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    pthread_t thread;
    bool runs, refused; /* refused: there is no second processor, or no thread to be had */
    bool stops;
    struct ahead_job *jobs;       /* the latest first */
    const struct ahead_job *busy; /* whose block is being decoded */
    size_t ready;                 /* bytes of blocks that nobody has asked for yet */
    void *unpacker;
};

/** Ends the thread, and forgets all segments. It can begin anew. */
void store_ahead_fini(struct store_ahead *ahead);
/**
 * A block was not in the cache. After enough of them the segment's others are begun.
 * @return the block, the caller's to free, its bytes in *size; NULL: it is for the caller to decode
 */
struct segment_block *store_ahead_take(struct store_ahead *ahead, struct store_segment *seg,
                                       uint32_t block, size_t *size);
/** Forgets a segment that is about to be closed. */
void store_ahead_leave(struct store_ahead *ahead, struct store_segment *seg);

#endif
