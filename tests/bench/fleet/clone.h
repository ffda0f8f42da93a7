#ifndef FLEET_CLONE_H
#define FLEET_CLONE_H
/** One clone: a recording as another site saw it on another day. */
#include "recording.h"
#include "shape.h"

struct fleet_site {
    const struct fleet_recording *recording;
    uint32_t number;
    struct btr_span *hosts;  /* own name of each of the recording's */
    struct btr_span *inputs; /* own name of each stream's input */
    uint32_t input_first;    /* number of the first stream's input; the others follow */
    struct btr_arena *arena; /* holds the names */
};

bool fleet_site_init(struct fleet_site *site, const struct fleet_recording *recording,
                     uint32_t number, uint32_t input_first);
void fleet_site_fini(struct fleet_site *site);

struct fleet_unit {
    const struct fleet_site *site;
    struct fleet_place place;
    int64_t shift_ns;
    int64_t site_shift_ns; /* the same on the site's first day: since when lasting things are known */
    uint64_t record_shift;
    bool files_joined;
    struct btr_id *ids;    /* own id of each of the recording's entities */
    uint32_t *noted_epoch; /* in which each was noted last; 0 = never */
    uint32_t *next;        /* event to come, of each stream */
};

/**
 * @param site_shift_ns  shift of the site's first day
 * @param shift_ns       shift of this day
 * @param files_joined   lasting files keep host and id of the recording, as if all sites had the same
 */
bool fleet_unit_init(struct fleet_unit *unit, const struct fleet_site *site, uint32_t day,
                     int64_t site_shift_ns, int64_t shift_ns, bool files_joined);
void fleet_unit_fini(struct fleet_unit *unit);

/**
 * Adds the unit's version of one event, and notes of its entities that the batch's epoch does not know yet.
 * @param texts  holds values of attributes; must not grow smaller while the batch lives
 */
bool fleet_unit_emit(struct fleet_unit *unit, const struct fleet_event *event,
                     struct btr_arena *texts, struct btr_batch *batch);

#endif
