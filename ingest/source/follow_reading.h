#ifndef SOURCE_FOLLOW_READING_H
#define SOURCE_FOLLOW_READING_H
/** How far a decoder's state reflects the partitions that its host's records come from. */
#include "follow_order.h"

struct follow_partition;

/** Of one partition. Offsets are of messages. */
struct follow_mark {
    const struct follow_partition *partition; /* NULL while it is not read here */
    uint64_t head_hash;                       /* names the partition */
    int64_t next;    /* the state has taken all of its host's records below */
    int64_t unsaved; /* the first record since its saved form; -1: there is none */
    int64_t current; /* the message that is taken now, also when it holds several records of the host */
    struct btr_place last; /* of the records that came through it */
};

struct follow_reading {
    struct follow_mark *marks;
    uint32_t mark_count, mark_capacity;
    struct follow_order order; /* records that wait for those of other partitions */
    int64_t dirty_ns; /* monotonic: since when it is not as saved; 0: it is */
    int64_t due_ns;   /* when it must be saved */
    int64_t seen_ns;  /* last record */
    int64_t told_ns;  /* what it has open was told last */
    bool settled;     /* since its last record what waited was given out */
    bool finished;    /* and what is open was told */
    bool split;       /* others read of it, too: to be told with its next event */
    bool unkeyed;     /* records came without a key: they may come through any partition */
};

struct follow_reading *follow_reading_new(void);
void follow_reading_free(struct follow_reading *reading);
/** Finds or adds. @return NULL when out of memory */
struct follow_mark *follow_mark_of(struct follow_reading *reading, uint64_t head_hash, int64_t first);
/** The marks as they stand before a saved state. */
void follow_marks_put(struct btr_buffer *out, const struct follow_reading *reading);
/** @return false when it is none, or out of memory */
bool follow_marks_get(struct btr_cursor *in, struct follow_reading *reading);

#endif
