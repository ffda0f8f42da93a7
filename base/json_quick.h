#ifndef BASE_JSON_QUICK_H
#define BASE_JSON_QUICK_H
#include <btr/json.h>

/** Where the members of one object go; the names and values are as of btr_json_flatten. */
struct base_json_members {
    struct btr_json_member *members; /* the caller's */
    uint32_t count, capacity;
};

/**
 * Reads one whole JSON object of the usual kind in one pass.
 * @return false when it is not sure of something: what is malformed, has a number that is not whole, is nested deep, or does
 * not fit members or arena. Then nothing is said of the text; bytes of the arena may have been used
 */
bool base_json_quick(struct base_json_members *out, struct btr_span text, struct btr_arena *arena);

/**
 * What a string with escapes means.
 * @param raw  what stands between its quotes
 * @param to   room for raw.size bytes
 * @return bytes written, or SIZE_MAX for an escape that RFC 8259 does not know; *bad is then where it stands
 */
size_t base_json_unescape(uint8_t *to, struct btr_span raw);

#endif
