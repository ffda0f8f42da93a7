#ifndef TEST_MEMORY_SINK_H
#define TEST_MEMORY_SINK_H
/**
 * A store in memory: what was published stays, what was only appended is lost by a crash. Answers
 * what it knows as the real store does, and fails at a chosen call.
 */
#include <btr/source.h>

enum { MEMORY_STATES = 4096 };

struct memory_event {
    char host[16], source[16], input[40]; /* cut; of the input's name the end */
    struct btr_event event;
};

struct memory_row {
    struct btr_input row; /* spans point into text */
    char text[5][256];
};

struct memory_saved {
    char format[64], host[64];
    struct btr_buffer bytes;
};

struct memory_gap {
    char host[64];
    struct btr_gap gap;
};

struct memory_quarantined {
    char host[64], input[256], reason[256];
    uint8_t head[64]; /* of the record */
    struct btr_quarantined entry;
    size_t kept_size;
};

/** What was published and is not durable yet. */
struct memory_flight {
    struct memory_row *rows;
    struct memory_saved *states;
    uint64_t *digests;
    uint32_t row_count, state_count, event_count, gap_count, quarantined_count, asks_left;
    size_t digest_count;
    bool flies;
};

struct memory_sink {
    struct btr_sink sink;
    struct btr_known known;
    struct memory_event *events;
    uint32_t event_count, event_capacity, event_published;
    struct memory_gap gaps[512];
    uint32_t gap_count, gap_published;
    struct memory_quarantined *quarantined;
    uint32_t quarantined_count, quarantined_capacity, quarantined_published;
    struct memory_row *rows;
    uint32_t row_count, row_capacity;
    struct memory_saved states[MEMORY_STATES];
    uint32_t state_count;
    bool states_ignored; /* for runs with more hosts than states */
    uint32_t pending;
    uint64_t records;
    uint64_t *digests; /* of records from stdin, published; those before digests_old are known */
    size_t digest_count, digests_old;
    uint32_t appends, publishes, drains;
    uint32_t late; /* a publish is durable when it was asked for so many times, or drained; until then it can be lost */
    struct memory_flight flight;
    uint32_t fail_append, fail_publish; /* the n-th call fails (from 1); 0 = never */
};

void memory_sink_init(struct memory_sink *m);
void memory_sink_fini(struct memory_sink *m);
/** What kill -9 leaves: all that was not published is gone. */
void memory_sink_crash(struct memory_sink *m);
/** Whether both hold the same published events in the same order of host, record id and time. */
bool memory_sink_same(struct memory_sink *a, struct memory_sink *b);

#endif
