/* Many keys at once: by digits, least first, so that equal keys stay in their order. */
#include <string.h>

#include "parts.h"

enum { DIGIT_BITS = 11, DIGIT_VALUES = 1 << DIGIT_BITS, DIGITS = 6 };

static unsigned digit_of(uint64_t key, unsigned digit)
{
    return (unsigned)(key >> (digit * DIGIT_BITS)) & (DIGIT_VALUES - 1);
}

/* Hot: one pass over the keys. `place` becomes where each value of the digit begins. */
static void digit_sort(const struct answer_key *from, struct answer_key *to, size_t count,
                       unsigned digit, uint32_t *place)
{
    uint32_t begin = 0;
    for (unsigned i = 0; i < DIGIT_VALUES; i++) {
        uint32_t here = place[i];
        place[i] = begin;
        begin += here;
    }
    for (size_t i = 0; i < count; i++)
        to[place[digit_of(from[i].key, digit)]++] = from[i];
}

void answer_keys_sort(struct answer_key *keys, struct answer_key *spare, size_t count)
{
    uint32_t counts[DIGITS][DIGIT_VALUES] = {0}; /* 48 KiB of stack */
    struct answer_key *at = keys, *other = spare;
    for (size_t i = 0; i < count; i++) {
        for (unsigned d = 0; d < DIGITS; d++)
            counts[d][digit_of(keys[i].key, d)]++;
    }
    for (unsigned d = 0; d < DIGITS; d++) {
        if (count == 0 || counts[d][digit_of(keys[0].key, d)] == count)
            continue; /* all alike in this digit */
        digit_sort(at, other, count, d, counts[d]);
        struct answer_key *sorted = other;
        other = at;
        at = sorted;
    }
    if (at != keys)
        memcpy(keys, at, count * sizeof *keys);
}
