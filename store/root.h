#ifndef STORE_ROOT_H
#define STORE_ROOT_H
/** The root of a file: of what a head of the chain is made, and what proves a segment anywhere. */
#include <btr/digest.h>

enum { STORE_ROOT_PIECE = 64 << 10 }; /* bytes */

/**
 * The Merkle tree hash of RFC 6962, section 2.1, with SHA-256: leaves are the consecutive pieces of
 * STORE_ROOT_PIECE bytes, the last the rest; a leaf is the digest of 0x00 and its piece, a node that
 * of 0x01 and both below it. So a piece can be proved without the others, whatever is in the file.
 * @return false when out of memory
 */
bool store_root(struct btr_span bytes, uint8_t out[BTR_SHA256_SIZE]);

#endif
