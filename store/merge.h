#ifndef STORE_MERGE_H
#define STORE_MERGE_H
/**
 * Several sealed segments become one. The new file is durable before one transaction of the catalog
 * names it in the place of the old ones, so a crash leaves either these or that.
 * A merge holds one builder (of at most MERGE_EVENTS_MAX events), its sealer, and a cache of
 * MERGE_CACHE_SIZE. One thread.
 */
#include <btr/store.h>

#include "merge_plan.h"
#include "segment_load.h"

enum { MERGE_CACHE_SIZE = 32 << 20 };

struct store_merger {
    const char *store; /* the caller's */
    struct store_catalog *catalog;
    const struct store_faults *faults; /* or NULL */
    struct store_sealer sealer;
    struct store_builder builder;
    struct store_cache cache;
    void *unpacker;
    struct btr_merge_stat stat;
    struct catalog_segment *rows; /* published, as the last plan saw them */
    bool *skip;                   /* by row: damaged, left as it is */
    uint32_t *chosen, row_count, waiting;
    struct btr_id *damaged; /* segments that could not be read */
    uint32_t damaged_count;
    char spread_day[STORE_DAY_SIZE]; /* store_spread_once is done until here */
    int64_t spread_ns;
    uint64_t spread_events; /* of a segment that it makes: MERGE_EVENTS_MAX, but in tests */
};

/** @return 0 or BTR_E_NOMEM; store_merger_fini() in either case */
int store_merger_init(struct store_merger *m, const char *store, struct store_catalog *catalog,
                      const struct store_faults *faults, struct btr_err *err);
void store_merger_fini(struct store_merger *m);
/**
 * Merges once, what a plan chooses.
 * @param all   as store_merge_plan
 * @param stop  asked between segments; true ends the merge without a change. Or NULL
 * @return 1 merged (or a damaged segment was found, and is left out from now on), 0 nothing to do
 *         or stopped, BTR_E_IO, BTR_E_FULL, BTR_E_NOMEM
 */
int store_merge_once(struct store_merger *m, bool all, bool (*stop)(void *self), void *self,
                     struct btr_err *err);

/**
 * Seals a stretch of a day's segments anew by host: of up to SPREAD_SEGMENTS that tell of the same
 * hosts as many come to be that each tell of a few, over the whole stretch. What a host tells again
 * and again (its files, its long-lived processes) then stands once, and a question about a host
 * touches one of them. Each stretch is looked at once in a merger's life.
 * @return as store_merge_once
 */
int store_spread_once(struct store_merger *m, bool (*stop)(void *self), void *self,
                      struct btr_err *err);

/* ---- For both ------------------------------------------------------------------------------- */

/** Reads what is published now into rows and skip. */
int store_merge_look(struct store_merger *m, struct btr_err *err);
/** Maps a segment, zeroed before, and proves it. */
int store_merge_map(struct store_merger *m, struct store_segment *seg,
                    const struct catalog_segment *row, struct btr_err *err);
/** Closes segments, and frees their array. */
void store_merge_unmap(struct store_merger *m, struct store_segment *segs, uint32_t count);
/** Leaves a segment out from now on: what is damaged must stay as it is, for verify to name.
 * @return 1 or BTR_E_NOMEM */
int store_merge_damaged(struct store_merger *m, struct btr_id hash, struct btr_err *err);

#endif
