#ifndef STORE_BAG_TAR_H
#define STORE_BAG_TAR_H
/** The door to libarchive: a tar of regular files, written whole or not at all, read as hostile. */
#include <btr/buffer.h>
#include <btr/err.h>

enum { BAG_NAME_SIZE = 256, BAG_FILE_MAX = 1 << 30 /* bytes of one file */ };

struct bag_out;

/** Begins a tar beside `path`. @return 0, BTR_E_USAGE (something is there), BTR_E_IO, BTR_E_NOMEM */
int bag_out_new(struct bag_out **out, const char *path, struct btr_err *err);
/** Appends a file. @return 0, BTR_E_FULL, BTR_E_IO */
int bag_out_add(struct bag_out *out, const char *name, struct btr_span bytes, struct btr_err *err);
/** Makes it durable under its path. @return 0, BTR_E_USAGE, BTR_E_FULL, BTR_E_IO */
int bag_out_finish(struct bag_out *out, struct btr_err *err);
/** Removes what was not finished. NULL is nothing. */
void bag_out_free(struct bag_out *out);

struct bag_in;

/** @return 0, BTR_E_USAGE (cannot be opened), BTR_E_NOMEM */
int bag_in_new(struct bag_in **out, const char *path, struct btr_err *err);
/**
 * Reads the next regular file; folders are passed over.
 * @return 1, 0 at the end, BTR_E_USAGE (no tar, cut, a file too large, a link, a long name), BTR_E_NOMEM
 */
int bag_in_next(struct bag_in *in, char name[BAG_NAME_SIZE], struct btr_buffer *bytes,
                struct btr_err *err);
void bag_in_free(struct bag_in *in);

#endif
