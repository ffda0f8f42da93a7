#ifndef STORE_MERGE_PLAN_H
#define STORE_MERGE_PLAN_H
/**
 * Which segments to merge next. Within a day (of the segment's first event), by size: a segment of
 * n events (gaps and undecoded records count too) is of tier floor(log_8 n). Eight of one tier are
 * merged, in their order of time, into one of a higher tier; one that has MERGE_FINAL_EVENTS is
 * never merged again. So a day keeps at most seven of each of the seven tiers below, and an event
 * is written at most once as fresh and once a tier: 1 + 7 times (docs/FORMAT.md, "Merging").
 */
#include "catalog.h"

enum {
    MERGE_FAN = 8,
    MERGE_TIERS = 7,
    MERGE_EVENTS_MAX = 2 << 20,   /* events of a merged segment: bounds the memory of a merge */
    MERGE_ENTITIES_MAX = 4 << 20, /* the same for entities, counted once a segment */
    MERGE_BYTES_MAX = 256 << 20,  /* the same for the bytes of the files that are merged */
    MERGE_FINAL_EVENTS = 1 << 20,
    SPREAD_SEGMENTS = 64 /* segments of a stretch that is sealed anew by host */
};

/** Sorts rows as a plan wants them: by day, then by where they end, so that neighbours are
 * neighbours in their logs, too. */
void store_merge_sort(struct catalog_segment *rows, uint32_t count);
/** Compares rows in the order in which they are loaded, a reader's: first time, last time, hash. */
int store_merge_compare(const void *x, const void *y);
/**
 * Chooses what to merge next: of the lowest full tier, of the earliest day that has one.
 * @param rows     sorted
 * @param skip     one flag a row: not to be merged (damaged); or NULL
 * @param all      take what is there (compaction): also tiers that are not full, across tiers
 * @param chosen   receives indexes of rows, ascending; room for `count`
 * @return how many: 0, or at least 2
 */
uint32_t store_merge_plan(const struct catalog_segment *rows, uint32_t count, const bool *skip,
                          bool all, uint32_t *chosen);
/** @return how many segments stand in full tiers: what waits to be merged */
uint32_t store_merge_waiting(const struct catalog_segment *rows, uint32_t count);

#endif
