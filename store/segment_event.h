#ifndef STORE_SEGMENT_EVENT_H
#define STORE_SEGMENT_EVENT_H
/** Single events of a segment, each from no more blocks than it needs; those at hand stay pinned.
 */
#include "segment.h"

struct event_cursor {
    struct store_segment *seg;
    struct cache_slot *events;    /* NULL: none at hand */
    struct cache_slot *bytes;     /* of the same block, or NULL; of old formats details */
    uint32_t block, place, group; /* of the event at hand: place in its block, group of that */
    struct moment_cursor moments, locators;
};

#define STORE_EVENT_CURSOR(seg)                                                                    \
    {                                                                                              \
        (seg), NULL, NULL, 0, 0, 0, STORE_MOMENT_CURSOR(seg), STORE_LOCATOR_CURSOR(seg)            \
    }

void store_event_fini(struct event_cursor *cursor);
/** Takes an event of the segment, which has so many. @return 0, BTR_E_CHECKSUM, BTR_E_FORMAT,
 * BTR_E_NOMEM, as all */
int store_event_move(struct event_cursor *cursor, uint32_t event, struct btr_err *err);
static inline struct segment_block *store_event_block(const struct event_cursor *c)
{
    return c->events->data;
}
static inline const struct segment_group *store_event_group(const struct event_cursor *c)
{
    return &store_event_block(c)->groups[c->group];
}
/** Makes sure that the event's times are in its block. */
int store_event_times(struct event_cursor *cursor, struct btr_err *err);
/** Bytes, record and line; the own time is not filled in. */
int store_event_locate(struct event_cursor *cursor, struct segment_detail *detail,
                       struct btr_err *err);
/** All of the details; asks for times. */
int store_event_detail(struct event_cursor *cursor, struct segment_detail *detail,
                       struct btr_err *err);

#endif
