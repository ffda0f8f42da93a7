#ifndef STORE_SALVAGE_H
#define STORE_SALVAGE_H
/** What can still be read of a damaged segment, sealed anew in memory: a segment like any other. */
#include "segment_load.h"

/**
 * Loads what its blocks still tell, and seals that. Indexes, filters and tables to find by are made
 * anew, so damage to these loses nothing.
 * @param seg     of the damaged file, with cache and unpacker; its header and table are sound
 * @param before  what the catalog says of the segment
 * @param image   receives the bytes of the new segment
 * @param sealed  receives what the catalog would say of it
 * @param loss    receives what is missing
 * @return 0, a code of damage (nothing of it can be read), BTR_E_NOMEM
 */
int store_salvage(struct store_segment *seg, const struct store_sealed *before,
                  struct btr_buffer *image, struct store_sealed *sealed, struct store_loss *loss,
                  struct btr_err *err);

#endif
