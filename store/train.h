#ifndef STORE_TRAIN_H
#define STORE_TRAIN_H
/** Dictionaries for zstd, made of the blocks that are to be packed with them. */
#include <btr/span.h>

#include <stdbool.h>

enum { TRAIN_MOST = 112 << 10, TRAIN_ROOM = TRAIN_MOST + 4096 /* tables before the content */ };

/** Blocks of a section: their bytes, and for each u32 size and u32 of the caller's. */
struct train_samples {
    struct btr_span bytes;
    const uint8_t *rows;
    size_t count;
};

/**
 * Makes the dictionary of a section: of a segment that stays it is searched for, of a fresh one it
 * is beginnings of blocks. The same blocks give the same dictionary.
 * @param level  of zstd, that blocks are packed with
 * @param out    room for TRAIN_ROOM bytes
 * @param made   receives its size; 0: none is made of so few, or such, blocks
 * @return false when out of memory: the same blocks must not be packed in another way for that
 */
bool store_train(const struct train_samples *samples, unsigned section, int level, uint8_t *out,
                 size_t *made);

#endif
