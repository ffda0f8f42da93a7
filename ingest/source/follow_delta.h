#ifndef SOURCE_FOLLOW_DELTA_H
#define SOURCE_FOLLOW_DELTA_H
/**
 * What has changed of a saved state (marks, what waits, the packed state of its decoder) since another one of it: what
 * goes through the state topic at most publishes. Its bytes: u64 digest of the other one, then both unpacked, the one
 * packed beside the other.
 */
#include <btr/buffer.h>
#include <btr/err.h>

/** Appends the delta. @return false when it cannot be made: the whole is to be sent */
bool follow_delta_make(struct btr_buffer *out, struct btr_span saved, struct btr_span base);
/** Whether a delta was made beside this one. */
bool follow_delta_fits(struct btr_span delta, struct btr_span base);
/** Appends the saved state that the delta was made of. @return 0, BTR_E_FORMAT (it does not fit, is damaged), BTR_E_LIMIT, BTR_E_NOMEM */
int follow_delta_apply(struct btr_buffer *out, struct btr_span delta, struct btr_span base, struct btr_err *err);

#endif
