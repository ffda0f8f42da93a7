#ifndef BTR_DIGEST_H
#define BTR_DIGEST_H
/** SHA-256 (FIPS 180-4), for custody: what was read, and whether it was read before. */
#include <btr/span.h>

enum { BTR_SHA256_SIZE = 32 };

struct btr_sha256; /* opaque running state */

struct btr_sha256 *btr_sha256_new(void); /* NULL when out of memory */
void btr_sha256_free(struct btr_sha256 *state);
void btr_sha256_update(struct btr_sha256 *state, struct btr_span bytes);
/** The digest of all bytes so far; the state goes on afterwards. @return false when libcrypto refuses */
bool btr_sha256_peek(const struct btr_sha256 *state, uint8_t out[BTR_SHA256_SIZE]);
/** The digest of parts that follow one another. @return false when out of memory */
bool btr_sha256_of(const struct btr_span *parts, size_t part_count, uint8_t out[BTR_SHA256_SIZE]);

#endif
