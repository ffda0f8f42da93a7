#ifndef SOURCE_STATE_PACK_H
#define SOURCE_STATE_PACK_H
/** Saved decoder states as they are handed to the store: one zstd frame with its size and checksum.
 */
#include <btr/buffer.h>
#include <btr/err.h>

enum { SOURCE_STATE_MAX = 1 << 30 }; /* bytes unpacked; a larger one is refused */

/** Appends the packed form. @return false when out of memory */
bool source_state_pack(struct btr_buffer *out, struct btr_span state);
/** Appends the unpacked form. @return 0, BTR_E_FORMAT (damaged), BTR_E_LIMIT, BTR_E_NOMEM */
int source_state_unpack(struct btr_buffer *out, struct btr_span packed, struct btr_err *err);

#endif
