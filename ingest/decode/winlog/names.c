#include "names.h"

#include <pthread.h>

enum { SLOTS = 1024 };

#define TEXT(id, text) {(const uint8_t *)(text), sizeof(text) - 1},
static const struct btr_span texts[WIN_NAMES] = {[WIN_NAME_NONE] = {0}, WIN_NAMES_ALL(TEXT)};
#undef TEXT

/* By hash; made once, and the same ever after. */
static uint8_t slots[SLOTS];
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;
_Static_assert(WIN_NAMES <= UINT8_MAX, "a slot holds a name");

static uint64_t load(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

/* Of all bytes of a text of up to 16. */
static unsigned hash_of(struct btr_span text)
{
    const uint8_t *at = text.at, *end = text.at + text.size;
    uint64_t hash = text.size * UINT64_C(0x9e3779b97f4a7c15);
    if (text.size >= 8)
        hash ^= load(at, 8) * UINT64_C(0xff51afd7ed558ccd) ^ load(end - 8, 8);
    else if (text.size >= 4)
        hash ^= load(at, 4) << 32 ^ load(end - 4, 4);
    else if (text.size > 0)
        hash ^= (uint64_t)at[0] << 16 ^ (uint64_t)at[text.size / 2] << 8 ^ end[-1];
    return (unsigned)((hash * UINT64_C(0xc4ceb9fe1a85ec53)) >> 54);
}

/* Where a text is, or the free slot where it belongs. */
static unsigned slot_of(struct btr_span text)
{
    unsigned at = hash_of(text);
    while (slots[at] != 0 && !btr_span_equal(texts[slots[at]], text))
        at = (at + 1) % SLOTS;
    return at;
}

static void slots_make(void)
{
    for (unsigned name = 1; name < WIN_NAMES; name++)
        slots[slot_of(texts[name])] = (uint8_t)name;
}

enum win_name win_name_find(struct btr_span text)
{
    (void)pthread_once(&slots_once, slots_make);
    return (enum win_name)slots[slot_of(text)];
}

struct btr_span win_name_text(enum win_name name)
{
    return texts[name];
}
