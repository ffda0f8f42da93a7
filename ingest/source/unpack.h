#ifndef SOURCE_UNPACK_H
#define SOURCE_UNPACK_H
/** Streaming decompression of zstd and gzip, or plain bytes passed through; the packing is found
 * from the first bytes. */
#include <btr/err.h>
#include <btr/span.h>

struct source_unpack;

/* Bytes from the beginning of a file that show how it is packed. */
enum { SOURCE_MAGIC_SIZE = 6 };

/**
 * @param head  the first SOURCE_MAGIC_SIZE bytes of the file, fewer if it is shorter
 * @return 0, BTR_E_FORMAT (a packing that is not read: xz, bzip2, zip), BTR_E_NOMEM
 */
int source_unpack_new(struct source_unpack **out, struct btr_span head, struct btr_err *err);
void source_unpack_free(struct source_unpack *unpack);
/**
 * Unpacks a part; several frames or members follow each other without a seam.
 * @param in        moved behind what was taken
 * @param out       room for the unpacked bytes
 * @param out_size  room in, bytes written out; also set on failure (they were good)
 * @return 0, BTR_E_FORMAT (damaged), BTR_E_LIMIT (a window of more than 128 MiB), BTR_E_NOMEM
 */
int source_unpack_run(struct source_unpack *unpack, struct btr_span *in, uint8_t *out,
                      size_t *out_size, struct btr_err *err);
/** Whether unpacked bytes wait inside, so that run should be called again although no input is
 * left. */
bool source_unpack_holds(const struct source_unpack *unpack);
/** At the end of the file. @return 0, or BTR_E_TRUNCATED when it ends inside a frame or member */
int source_unpack_end(const struct source_unpack *unpack, struct btr_err *err);

#endif
