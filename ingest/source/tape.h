#ifndef SOURCE_TAPE_H
#define SOURCE_TAPE_H
/**
 * A content that can be wound back to its beginning. A file is read again; what cannot be (stdin, a
 * pipe) is kept in an unlinked temporary file ($TMPDIR, else /tmp) until the reader settles.
 */
#include "content.h"

struct source_tape;

/** @return 0, BTR_E_NOTFOUND, BTR_E_IO, BTR_E_NOMEM */
int source_tape_open(struct source_tape **out, const char *path, struct btr_err *err);
/** As source_content_next; also BTR_E_IO, BTR_E_FULL when the temporary file cannot take the block.
 */
int source_tape_next(struct source_tape *tape, struct source_block *block, struct btr_err *err);
/** Back to the beginning; not after settle. @return 0, BTR_E_IO, BTR_E_NOMEM */
int source_tape_rewind(struct source_tape *tape, struct btr_err *err);
/** From here on it goes forward only, and nothing more is kept. */
void source_tape_settle(struct source_tape *tape);
/** After the end: as btr_content_stored. Size is 0 for what is no file. */
bool source_tape_stored(const struct source_tape *tape, uint64_t *size,
                        uint8_t sha256[BTR_SHA256_SIZE]);
/** Digest of the file as stored, without unpacking it, when it is a file of `size` bytes. @return
 * false when it is not */
bool source_tape_digest(struct source_tape *tape, uint64_t size, uint8_t sha256[BTR_SHA256_SIZE]);
uint64_t source_tape_progress(struct source_tape *tape);
void source_tape_close(struct source_tape *tape);

#endif
