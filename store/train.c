#include "train.h"

#include <stdlib.h>
#include <string.h>
#include <zdict.h>
#include <zstd_errors.h>

#include "pack.h"

enum {
    LEAST = 128 << 10,      /* bytes of blocks from which a dictionary is made */
    SHARE = 64,             /* bytes of blocks a byte of it */
    FRESH_MOST = 32 << 10,  /* bytes of the content, in a fresh segment */
    FRESH_PIECES = 16,      /* of blocks, that it consists of then */
    TABLE_SAMPLES = 256,    /* blocks that its tables are made for */
    SEARCH_MOST = 6 << 20,  /* bytes that are searched */
    SEARCH_PIECE = 16 << 10 /* what blocks are cut into for that */
};

/* The beginnings of blocks from all over the section. @return their size */
static size_t beginnings_take(const struct train_samples *s, uint8_t *content, size_t size)
{
    size_t at = 0, have = 0;
    for (size_t i = 0, piece = 0; i < s->count && piece < FRESH_PIECES; i++) {
        size_t raw = store_get_u32(s->rows + i * 8);
        if (i == piece * s->count / FRESH_PIECES) {
            size_t part = raw < size / FRESH_PIECES ? raw : size / FRESH_PIECES;
            memcpy(content + have, s->bytes.at + at, part);
            have += part;
            piece++;
        }
        at += raw;
    }
    return have;
}

/* Cuts a part of the blocks, from all over the section, into pieces that follow one another in
 * `bytes`. @return how many */
static unsigned pieces_cut(const struct train_samples *s, uint8_t *bytes, size_t *sizes)
{
    size_t every = s->bytes.size / SEARCH_MOST + 1, at = 0, have = 0;
    unsigned count = 0;
    for (size_t i = 0; i < s->count; i++) {
        size_t raw = store_get_u32(s->rows + i * 8);
        size_t left = i % every == 0 && raw <= SEARCH_MOST - have ? raw : 0;
        memcpy(bytes + have, s->bytes.at + at, left);
        have += left;
        at += raw;
        for (size_t n; left > 0; left -= n) {
            n = left < SEARCH_PIECE ? left : SEARCH_PIECE;
            sizes[count++] = n;
        }
    }
    return count;
}

/* What of the blocks pays most (zstd's cover). @return its size, 0 when nothing is found, or a
 * code of zstd */
static size_t content_search(const struct train_samples *s, uint8_t *content, size_t wanted)
{
    uint8_t *bytes = malloc(SEARCH_MOST);
    size_t *sizes = malloc((s->count + SEARCH_MOST / SEARCH_PIECE + 1) * sizeof(*sizes));
    size_t size = (size_t)-ZSTD_error_memory_allocation;
    if (bytes && sizes) {
        unsigned count = pieces_cut(s, bytes, sizes);
        size = ZDICT_trainFromBuffer(content, wanted, bytes, sizes, count);
    }
    free(bytes);
    free(sizes);
    if (ZDICT_isError(size))
        return ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation ? size : 0;
    size_t head = ZDICT_getDictHeaderSize(content, size); /* its own tables, for another level */
    memmove(content, content + head, size - head);
    return size - head;
}

bool store_train(const struct train_samples *s, unsigned section, int level, uint8_t *out,
                 size_t *made)
{
    bool stays = level >= STORE_LEVEL_FINAL;
    size_t most = stays ? TRAIN_MOST : FRESH_MOST, wanted = s->bytes.size / SHARE;
    size_t sizes[TABLE_SAMPLES], size = 0;
    unsigned samples = s->count < TABLE_SAMPLES ? (unsigned)s->count : TABLE_SAMPLES;
    *made = 0;
    if (s->bytes.size < LEAST)
        return true;
    uint8_t *content = malloc(TRAIN_MOST);
    if (!content)
        return false;
    wanted = wanted < most ? wanted : most;
    for (unsigned i = 0; i < samples; i++)
        sizes[i] = store_get_u32(s->rows + (size_t)i * 8);
    if (stays)
        size = content_search(s, content, wanted);
    if (size == 0)
        size = beginnings_take(s, content, wanted);
    ZDICT_params_t params = {.compressionLevel = level, .dictID = section};
    if (!ZDICT_isError(size))
        size = ZDICT_finalizeDictionary(out, TRAIN_ROOM, content, size, s->bytes.at, sizes, samples,
                                        params);
    free(content);
    if (!ZDICT_isError(size))
        *made = size;
    return ZSTD_getErrorCode(size) != ZSTD_error_memory_allocation;
}
