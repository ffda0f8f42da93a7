#ifndef GRAPH_RECORDING_H
#define GRAPH_RECORDING_H
/** Small hand-made recordings with what strategies ask of them: entities are letters, times are
 * milliseconds; and what `critical` answers. */
#include <btr/strategy.h>

#include "memory_edges.h"
#include "memory_facts.h"

enum { RECORDING_EVENTS_MAX = 4096 };

/* A zeroed struct is empty. */
struct recording {
    struct btr_event events[RECORDING_EVENTS_MAX];
    uint32_t event_count;
    struct memory_facts facts;
    struct memory_usual usual;
};

struct btr_id id_of(char name);
void tell(struct recording *r, char subject, enum btr_operation operation, char object,
          int64_t at_ms);

struct answer {
    struct btr_kept_pairs kept;
    struct btr_trace *trace;
};

/** @param parts  0: the recording is told whole; else in so many parts, and what is told of what is
 * left is as far off as a store may tell it, by the seed */
void answer_from(struct answer *a, struct recording *r, enum btr_walk_direction direction,
                 struct btr_start start, const struct btr_walk_limits *limits, uint32_t parts,
                 uint64_t seed);
void answer_end(struct answer *a);
bool holds(const struct answer *a, char name);
bool keeps(const struct answer *a, char from, char to);
void assert_same_answer(const struct answer *x, const struct answer *y);

#endif
