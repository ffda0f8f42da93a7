#ifndef STORE_FILES_H
#define STORE_FILES_H
/** Segment files and folders of a store: written durably, removed when they were never published.
 */
#include "catalog.h"

enum { STORE_PATH_SIZE = 4096 };

/** Where a file of a store lies: STORE/folder/day/hash.suffix. */
struct store_place {
    const char *folder, *suffix; /* "segments", "bseg"; "records", "brec" */
    const char *day;
    struct btr_id hash;
};

/**
 * Makes the folders of a new store, or checks that a folder is one.
 * @return 0, BTR_E_FORMAT (a folder with other things in it, or a file), BTR_E_IO, BTR_E_FULL
 */
int store_files_prepare(const char *store, struct btr_err *err);
/** Takes the writer's lock. @return a descriptor to close, BTR_E_BUSY, BTR_E_IO */
int store_files_lock(const char *store, struct btr_err *err);
/**
 * Writes a segment under its name: beside it first, synced, renamed, folder synced.
 * @return 0, BTR_E_FULL, BTR_E_IO; on failure nothing stands under the name
 */
int store_files_write(const char *store, const struct catalog_segment *row, struct btr_span bytes,
                      const struct store_faults *faults, struct btr_err *err);
/** The same of any file, whose folder is made when it is not there. */
int store_files_put(const char *store, const struct store_place *place, struct btr_span bytes,
                    const struct store_faults *faults, struct btr_err *err);
/**
 * Removes files of a folder that no row names, and what a write left behind.
 * @param rows  in the order of their hashes, which alone are looked at
 */
int store_files_sweep(const char *store, const char *folder, const struct catalog_segment *rows,
                      uint32_t count, struct btr_err *err);
/** Visits the segment files of all days, in no order; other than 0 ends it and is returned. */
int store_files_each(const char *store,
                     int (*each)(void *self, const char *path, const char *name), void *self,
                     struct btr_err *err);
/** Makes sure that no segments are there. @return 0, BTR_E_FORMAT (some are), BTR_E_IO */
int store_files_none(const char *store, struct btr_err *err);
/** Bytes that this user may still write where a path is; UINT64_MAX when it cannot be told. */
uint64_t store_files_free(const char *path);
/** Path of a segment file. @return false when it does not fit */
bool store_files_path(char path[STORE_PATH_SIZE], const char *store,
                      const struct catalog_segment *row);
bool store_files_place(char path[STORE_PATH_SIZE], const char *store,
                       const struct store_place *place);

#endif
