#include "root.h"

enum { LEVELS_MAX = 64 };

static bool node(uint8_t left[BTR_SHA256_SIZE], const uint8_t right[BTR_SHA256_SIZE])
{
    static const uint8_t mark = 1;
    const struct btr_span parts[] = {{&mark, 1}, {left, BTR_SHA256_SIZE}, {right, BTR_SHA256_SIZE}};
    return btr_sha256_of(parts, 3, left);
}

static bool leaf(struct btr_span piece, uint8_t out[BTR_SHA256_SIZE])
{
    static const uint8_t mark = 0;
    const struct btr_span parts[] = {{&mark, 1}, piece};
    return btr_sha256_of(parts, 2, out);
}

/* Whole subtrees so far, the largest first: those of as many leaves as the number of pieces has
 * bits set. The rest of the tree joins them from the smallest on, which is RFC 6962's split at the
 * largest power of two. */
bool store_root(struct btr_span bytes, uint8_t out[BTR_SHA256_SIZE])
{
    uint8_t stack[LEVELS_MAX][BTR_SHA256_SIZE];
    unsigned depth = 0;
    if (bytes.size == 0)
        return btr_sha256_of(NULL, 0, out);
    for (size_t at = 0, pieces = 1; at < bytes.size; at += STORE_ROOT_PIECE, pieces++) {
        size_t rest = bytes.size - at;
        struct btr_span piece = {bytes.at + at, rest < STORE_ROOT_PIECE ? rest : STORE_ROOT_PIECE};
        if (!leaf(piece, stack[depth++]))
            return false;
        for (size_t n = pieces; n % 2 == 0; n /= 2, depth--)
            if (!node(stack[depth - 2], stack[depth - 1]))
                return false;
    }
    for (; depth > 1; depth--)
        if (!node(stack[depth - 2], stack[depth - 1]))
            return false;
    memcpy(out, stack[0], BTR_SHA256_SIZE);
    return true;
}
