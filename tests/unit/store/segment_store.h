#ifndef SEGMENT_STORE_H
#define SEGMENT_STORE_H
/** Segments in and out of stores, byte by byte. */
#include <btr/store.h>

#include "model.h"

/** Makes a store in `path` (which must not exist) of one publish of this batch. */
void batch_store_make(const char *path, const struct btr_batch *batch);
/** Makes a store of one publish, and reads its only segment's file. */
void segment_make(struct model *m, uint32_t batches, uint32_t events, struct btr_buffer *out);
/** Makes a store in `path` (which must not exist) that has these bytes as its only segment. @return
 * false if their header is refused */
bool segment_store_make(const char *path, struct btr_span bytes);
/** Flips the last byte of a section in a file. @param file  its bytes  @return false when it has no
 * such section, or an empty one */
bool segment_file_damage(const char *path, const struct btr_buffer *file, unsigned section);
/** Reads a file of a store: the i-th segment in the order of the catalog. `path` receives its name.
 */
void segment_file_read(const char *store, uint32_t i, char path[4096], struct btr_buffer *out);

#endif
