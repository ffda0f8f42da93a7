#ifndef STORE_RECORDS_H
#define STORE_RECORDS_H
/**
 * Digests of records from stdin: what one publish tells, packed (docs/FORMAT.md, "The catalog"),
 * and the set that answers whether a record was read before.
 */
#include <btr/buffer.h>
#include <btr/err.h>

enum {
    STORE_RECORDS_MAX = 16 << 20,        /* digests of one publish */
    STORE_RECORDS_KNOWN_MAX = 16000000,  /* digests in memory */
    STORE_RECORDS_HEAD_SIZE = 8 + 4 + 4, /* bytes: checksum, digests, raw size */
};

/** Appends the packed form of digests, told in any order. @return 0, BTR_E_NOMEM, BTR_E_LIMIT */
int store_records_pack(struct btr_buffer *out, const uint64_t *digests, size_t count,
                       struct btr_err *err);
/** @return false when the value is too short to be one */
bool store_records_count(struct btr_span packed, uint32_t *count);

/** Open addressing; the digests are as good as random, so a slot is told by their high half. A
 * zeroed struct is an empty set. */
struct store_records {
    uint64_t *slots; /* 0 marks an empty one */
    uint32_t capacity;
    bool has_zero;
};

void store_records_fini(struct store_records *set);
/** Empties it and makes room for `count` digests: more must not be added. @return false when out of
 * memory */
bool store_records_init(struct store_records *set, uint32_t count);
/** Adds those of a packed value. @return 0, BTR_E_CHECKSUM, BTR_E_FORMAT, BTR_E_NOMEM */
int store_records_add(struct store_records *set, struct btr_span packed, struct btr_err *err);
bool store_records_has(const struct store_records *set, uint64_t digest);

#endif
