#ifndef FLEET_FEED_H
#define FLEET_FEED_H
/** Feeds a fleet into a sink, in the order in which a shared topic would bring it. */
#include <btr/sink.h>

#include "clone.h"

enum { FLEET_PUBLISH_EVENTS = 1 << 20 }; /* such segments are never merged (docs/FORMAT.md, "Merging") */

struct fleet_plan {
    const struct fleet_recording *recordings;
    uint32_t recording_count;
    uint32_t sites, days;
    uint64_t events_max;    /* stops there; 0: all */
    uint32_t publish_events; /* a publish is due with that many; 0: FLEET_PUBLISH_EVENTS */
    bool explosion;      /* sites one after the other, site 0 last, joined at their common files */
};

struct fleet_counts {
    uint64_t events, notes, attrs, batches, publishes;
};

/**
 * Site s has recording s % recording_count. Days follow each other; within one, the hosts take turns, one
 * second of each, until all have told theirs. The attack is told by site 0 on day 0 only.
 * @return 0, or what the sink failed with, or BTR_E_NOMEM
 */
int fleet_feed(const struct fleet_plan *plan, const struct btr_sink *sink,
               struct fleet_counts *counts, struct btr_err *err);

#endif
