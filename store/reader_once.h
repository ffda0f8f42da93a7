#ifndef STORE_READER_ONCE_H
#define STORE_READER_ONCE_H
/**
 * What several segments or stores tell twice counts once (once.h), for a reader: it looks only
 * where parts of a source overlap, and knows that from the sections reach and stretches of the
 * segments that it opened.
 */
#include <btr/store.h>

#include "once.h"

struct reader_once {
    struct once_part *parts; /* of the segments that are ready */
    uint32_t part_count, part_capacity;
    struct once_windows windows;
    uint32_t settled_parts; /* of which windows were made */
    uint32_t *ranks;        /* by segment, then input: its place in the order of names */
    uint32_t *rank_begins;  /* by segment */
    uint32_t ranked_parts;  /* of which ranks were made */
};

/** Flows of one question that may be told twice, held back until all are known. */
struct once_flows {
    struct btr_flow *items;
    uint32_t count, capacity;
};

void reader_once_fini(struct reader_once *o);
/** Takes in the parts of a segment that becomes ready. */
int reader_once_learn(struct btr_reader *reader, uint32_t segment, struct btr_err *err);
/** Makes windows of all parts that are known. @return 1 when there are any, 0 when none,
 * BTR_E_NOMEM */
int reader_once_settle(struct btr_reader *reader, struct btr_err *err);
/** Whether something may be told twice of what ends between two times. */
bool reader_once_may(const struct btr_reader *reader, int64_t since_ns, int64_t until_ns);

int once_flows_hold(struct once_flows *held, const struct btr_flow *flow, struct btr_err *err);
/** Visits what was held of an entity's flows, each once, and frees it. */
int once_flows_release(struct once_flows *held, struct btr_reader *reader, btr_flow_visit *visit,
                       void *self, struct btr_err *err);

enum { ONCE_SLICE_EVENTS = 1 << 18 }; /* compared at a time: bounds the memory */

/** Events that may be told twice, of a slice of time. */
struct once_list {
    struct btr_reader *reader;
    struct once_event *items;
    btr_event_ref *refs; /* by place */
    size_t count, capacity;
    int64_t first_ns, last_ns; /* of `last_ns` of events */
};

/** Runs btr_event_visit once_list_take over the events between two times, and maybe more. @return
 * what it returned */
typedef int once_scan(void *self, int64_t since_ns, int64_t until_ns, struct once_list *list);

/** Events that are told again elsewhere: a bit each. */
struct once_marks {
    uint8_t **bits; /* by segment; NULL: none in it */
    uint32_t segment_count;
    void (*told)(void *self, const struct once_event *event); /* of each; or NULL */
    void *self;
};

void once_marks_fini(struct once_marks *marks);
bool once_marks_has(const struct once_marks *marks, btr_event_ref ref);
/** A btr_event_visit with the list as self: takes what lies in its slice and in a window. */
int once_list_take(void *list, btr_event_ref ref, const struct btr_event_full *event);
/**
 * Compares what ends at since_ns or later, slice by slice of time.
 * @param marks  zeroed but for told and self
 */
int once_marks_make(struct once_marks *marks, struct btr_reader *reader, int64_t since_ns,
                    once_scan *scan, void *self, struct btr_err *err);

#endif
