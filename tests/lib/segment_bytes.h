#ifndef TEST_SEGMENT_BYTES_H
#define TEST_SEGMENT_BYTES_H
/** Segment files as bytes: read to the last column, rewritten unpacked, and with checksums made good again. */
#include <btr/buffer.h>
#include <btr/err.h>

/**
 * Opens the bytes as a segment and decodes every part of it, as readers do.
 * @return 0, or the first failure; aborts when what is decoded contradicts itself
 */
int segment_bytes_read(struct btr_span bytes, struct btr_err *err);
/**
 * Makes a segment anew of what can be read of damaged bytes, which must then be sound.
 * @return 0, or why there is nothing to be read; aborts when the new one is not sound, or when sound bytes lose something
 */
int segment_bytes_salvage(struct btr_span bytes, struct btr_err *err);
/** Rewrites a sound segment with all blocks unpacked, so that a changed byte is a changed value. @return false if it is not sound */
bool segment_bytes_store(struct btr_span bytes, struct btr_buffer *out);
/** Makes the size and all checksums fit the bytes again, as far as the tables can be followed. */
void segment_bytes_repair(uint8_t *bytes, size_t size);

#endif
