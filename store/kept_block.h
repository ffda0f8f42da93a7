#ifndef STORE_KEPT_BLOCK_H
#define STORE_KEPT_BLOCK_H
/** Records of an unpacked block. */
#include "kept_format.h"

struct kept_block {
    uint8_t *raw;    /* owned */
    uint32_t *at;    /* begin of each record in `raw`, and of one behind the last */
    uint64_t *lines; /* ascending */
    uint64_t *keys;  /* of events, or NULL until they are asked for */
    uint32_t count;
};

void kept_block_fini(struct kept_block *block);
/**
 * Takes unpacked bytes apart.
 * @param raw  from malloc; the block's from now on, also after a failure
 * @return 0, BTR_E_FORMAT (not what the row says), BTR_E_NOMEM
 */
int kept_block_parse(struct kept_block *out, uint8_t *raw, const struct kept_row *row,
                     struct btr_err *err);
struct btr_span kept_block_record(const struct kept_block *block, uint32_t i);
/** The first record of at least this line, or `count`. */
uint32_t kept_block_line(const struct kept_block *block, uint64_t line);

#endif
