#ifndef STORE_CATALOG_CHAIN_H
#define STORE_CATALOG_CHAIN_H
/**
 * Rows of the chain of changes. The newest stand one by one; older ones in packs, without what
 * follows from the row before: their heads are computed again by whoever checks them.
 */
#include "catalog_env.h"

enum {
    CHAIN_KEY_SIZE = 8,
    CHAIN_PACK_ROWS = 4096, /* so many stand one by one at least, once there are packs */
    CHAIN_PACK_EVERY = 64,  /* changes after which it is looked whether a pack is due */
    CHAIN_PACKS_AT_ONCE = 16
};

struct chain_row {
    uint64_t sequence;
    int64_t time_ns;
    const uint8_t *before, *head; /* BTR_SHA256_SIZE each; NULL in a pack */
    struct btr_span told;           /* what the head is of, but for the key and the head before */
    struct btr_span added, removed; /* roots */
    uint8_t kind;
};

/** Reads a row that stands alone. @return false when it is malformed */
bool chain_get(struct btr_span key, struct btr_span value, struct chain_row *row);
/** Computes a head. @return false when out of memory */
bool chain_head_of(uint64_t sequence, const uint8_t before[BTR_SHA256_SIZE], struct btr_span told,
                   uint8_t head[BTR_SHA256_SIZE]);

/** A visit of rows: 0 goes on, else it ends, and that is returned. */
typedef int chain_row_visit(void *self, const struct chain_row *row);
/** Visits all rows, from the first on; spans live in the call. @return also CHAIN_MALFORMED, ENOMEM
 */
enum { CHAIN_MALFORMED = -40002 };
int chain_visit(struct store_catalog *c, chain_row_visit *visit, void *self);

/** Packs what is due, in a transaction that appends; leaves what is damaged as it is, for verify to
 * name. @return 0 or what LMDB says */
int chain_pack(struct store_catalog *c, MDB_txn *txn, uint64_t last);

#endif
