#ifndef STORE_READER_ONCE_H
#define STORE_READER_ONCE_H
/**
 * What several segments or stores tell twice counts once (once.h), for a reader: it looks only
 * where parts of a source overlap, and knows that from the section reach of the segments that it
 * opened.
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

/** Events that may be told twice, gathered by a scan. */
struct once_list {
    struct btr_reader *reader;
    struct once_event *items;
    btr_event_ref *refs; /* by place */
    size_t count, capacity;
};

void once_list_fini(struct once_list *list);
/** A btr_event_visit with the list as self: takes what lies in a window. */
int once_list_take(void *list, btr_event_ref ref, const struct btr_event_full *event);
/** Marks; then items[0..count) are those that are told again elsewhere, in order of refs. */
void once_list_settle(struct once_list *list);
/** @return whether an event is one of these */
bool once_list_has(const struct once_list *list, btr_event_ref ref);

#endif
