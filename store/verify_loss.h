#ifndef STORE_VERIFY_LOSS_H
#define STORE_VERIFY_LOSS_H
/** What is lost by damage, as far as the parts that are sound can tell. */
#include "reader.h"

/**
 * Appends what is lost with a block: what it held, of which time and sources.
 * @param block  UINT32_MAX: the section as a whole
 */
void verify_lost_by(struct btr_buffer *out, struct btr_reader *reader, uint32_t segment,
                    unsigned section, uint32_t block);
/** The same, when nothing of a segment can be read. */
void verify_lost_whole(struct btr_buffer *out, const struct btr_reader *reader, uint32_t segment);
/**
 * Reads what is left of a damaged segment, and appends how much that is.
 * @return 0 or BTR_E_NOMEM
 */
int verify_rest(struct btr_buffer *out, struct btr_reader *reader, uint32_t segment,
                struct btr_err *err);

#endif
