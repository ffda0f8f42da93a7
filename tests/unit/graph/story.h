#ifndef GRAPH_STORY_H
#define GRAPH_STORY_H
/** Small hand-made recordings: entities are letters, times are milliseconds. */
#include "memory_edges.h"

#include <btr/trace.h>

enum { STORY_EVENTS_MAX = 64 };

struct story {
    struct btr_event events[STORY_EVENTS_MAX];
    uint32_t event_count;
    struct memory_edges memory;
    struct btr_trace *trace;
};

struct btr_id story_id(char name);
int64_t story_ms(int64_t ms);
/** Adds an event of a source (0, 1, ...), first to last in ms. */
void story_tell(struct story *s, uint32_t source, char subject, enum btr_operation operation,
                char object, int64_t first_ms, int64_t last_ms);
/** Walks from an entity at a time of source 0. */
void story_walk(struct story *s, enum btr_walk_direction direction, char from, int64_t at_ms);
void story_walk_from(struct story *s, enum btr_walk_direction direction, struct btr_start start,
                     const struct btr_walk_limits *limits);
void story_end(struct story *s);

bool story_reached(const struct story *s, char name);
/** The bound in ms of a node that was reached. */
int64_t story_bound(const struct story *s, char name);
/** Number of steps from one entity to another. */
uint32_t story_steps(const struct story *s, char from, char to);

#endif
