#ifndef TEST_TEMP_FILES_H
#define TEST_TEMP_FILES_H
/** A folder of test files that goes away again, and the packings that inputs come in. */
#include <btr/buffer.h>
#include <btr/span.h>

/** Makes a folder under $TMPDIR or /tmp; `path` receives its name. Fails the test when it cannot.
 */
void temp_folder_make(char path[256]);
/** Removes it with all that is in it. */
void temp_folder_remove(const char *path);
/** Writes `name` in `folder`; `name` may have a folder before it, which is made. `path` (256 bytes,
 * may be NULL) receives the whole name. */
void temp_file_write(const char *folder, const char *name, struct btr_span bytes, char *path);
/** Appends one zstd frame or gzip member that holds `bytes`. */
void temp_pack_zstd(struct btr_buffer *out, struct btr_span bytes);
void temp_pack_zstd_long(struct btr_buffer *out, struct btr_span bytes, int window_log);
void temp_pack_gzip(struct btr_buffer *out, struct btr_span bytes);

#endif
