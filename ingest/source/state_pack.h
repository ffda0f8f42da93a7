#ifndef SOURCE_STATE_PACK_H
#define SOURCE_STATE_PACK_H
/** Saved decoder states as they are handed to the store: one zstd frame with its size and checksum.
 */
#include <btr/buffer.h>
#include <btr/err.h>

enum { SOURCE_STATE_MAX = 1 << 30 }; /* bytes unpacked; a larger one is refused */

/** What packing and unpacking work with: of one thread. To make it costs more than to pack a small state. */
struct source_packer;
struct source_packer *source_packer_new(void); /* NULL when out of memory */
void source_packer_free(struct source_packer *packer);
/** Appends the packed form. @param packer  NULL: one for this call  @return false when out of memory */
bool source_state_pack(struct source_packer *packer, struct btr_buffer *out, struct btr_span state);
/** The same as what has changed since another one: much smaller, and of use beside that one alone. */
bool source_state_pack_since(struct btr_buffer *out, struct btr_span state, struct btr_span base);
/** Appends the unpacked form of what pack_since made. @return as source_state_unpack */
int source_state_unpack_since(struct btr_buffer *out, struct btr_span packed, struct btr_span base, struct btr_err *err);
/** Appends the unpacked form. @param packer  as above  @return 0, BTR_E_FORMAT (damaged), BTR_E_LIMIT, BTR_E_NOMEM */
int source_state_unpack(struct source_packer *packer, struct btr_buffer *out, struct btr_span packed, struct btr_err *err);

#endif
