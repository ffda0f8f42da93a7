#ifndef STORE_KEPT_MERGE_H
#define STORE_KEPT_MERGE_H
/**
 * Small files of kept records become large ones, as segments do: within those that are filed under
 * the same days, by tiers of their size. Records stay byte for byte, each with its input and line.
 */
#include "catalog_kept.h"
#include "merge.h"

enum {
    KEPT_MERGE_TIERS = 5,
    KEPT_MERGE_LEAST = 4 << 10,   /* bytes of records: a file of fewer is of tier 0 */
    KEPT_MERGE_FINAL = 64 << 20,  /* one of so many is not merged again */
    KEPT_MERGE_MOST = 256 << 20,  /* of a merged file */
    KEPT_MERGE_FILES = 64         /* that are merged at once */
};

/**
 * Merges once. The new file is durable before one transaction of the catalog names it in the place of
 * the old ones; these are then removed. A reader that looks for one of them reads the catalog again.
 * @param all   what a tier does not fill, too
 * @return as store_merge_once
 */
int store_kept_merge_once(struct store_merger *m, bool all, bool (*stop)(void *self), void *self,
                          struct btr_err *err);

/**
 * Chooses files to merge.
 * @param rows    in any order; become sorted by days and times
 * @param skip    whether a file is left as it is; or NULL
 * @param chosen  receives places of rows, at most KEPT_MERGE_FILES
 * @return how many: 0, or at least 2
 */
uint32_t store_kept_merge_plan(struct catalog_kept *rows, uint32_t count,
                               bool (*skip)(const void *self, struct btr_id hash), const void *self,
                               bool all, uint32_t chosen[KEPT_MERGE_FILES]);

#endif
