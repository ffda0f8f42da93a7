#ifndef STORE_STRING_TABLE_H
#define STORE_STRING_TABLE_H
/** Strings that are kept once and known by number, in the order of their first mention. */
#include <btr/buffer.h>
#include <btr/id.h>

struct store_strings {
    struct btr_buffer bytes;
    uint64_t *ends; /* of each string in bytes */
    uint32_t *next; /* string of the same hash, or UINT32_MAX */
    uint32_t count, capacity;
    struct btr_u64map by_hash;
};

void store_strings_fini(struct store_strings *s);
void store_strings_clear(struct store_strings *s);
/** Finds or adds. @return the number, or UINT32_MAX when out of memory */
uint32_t store_strings_add(struct store_strings *s, struct btr_span text);
/** The span lives until the next add. */
struct btr_span store_strings_at(const struct store_strings *s, uint32_t number);

#endif
