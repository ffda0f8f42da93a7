#include "state_pack.h"

#include <zstd.h>

enum { LEVEL = 3, WINDOW_MAX = 31 };

/* A window that reaches from the end of the state to the beginning of what it is packed beside. */
static int window_of(size_t size)
{
    int log = 10;
    while (log < WINDOW_MAX && (size_t)1 << log < size)
        log++;
    return log;
}

static bool set(ZSTD_CCtx *ctx, ZSTD_cParameter what, int value)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(ctx, what, value));
}

static bool base_set(ZSTD_CCtx *ctx, struct btr_span state, struct btr_span base)
{
    return base.size == 0 || (set(ctx, ZSTD_c_windowLog, window_of(state.size + base.size)) &&
                              set(ctx, ZSTD_c_enableLongDistanceMatching, 1) &&
                              !ZSTD_isError(ZSTD_CCtx_refPrefix(ctx, base.at, base.size)));
}

bool source_state_pack_since(struct btr_buffer *out, struct btr_span state, struct btr_span base)
{
    size_t room = ZSTD_compressBound(state.size);
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    bool ok = ctx && btr_buffer_reserve(out, room) && set(ctx, ZSTD_c_compressionLevel, LEVEL) &&
              set(ctx, ZSTD_c_checksumFlag, 1) && base_set(ctx, state, base);
    if (ok) {
        size_t n = ZSTD_compress2(ctx, out->at + out->size, room, state.at, state.size);
        ok = !ZSTD_isError(n);
        out->size += ok ? n : 0;
    }
    ZSTD_freeCCtx(ctx);
    return ok;
}

bool source_state_pack(struct btr_buffer *out, struct btr_span state)
{
    return source_state_pack_since(out, state, (struct btr_span){0});
}

static bool unpack(uint8_t *to, size_t size, struct btr_span packed, struct btr_span base)
{
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    bool ok = ctx && !ZSTD_isError(ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, WINDOW_MAX)) &&
              (base.size == 0 || !ZSTD_isError(ZSTD_DCtx_refPrefix(ctx, base.at, base.size)));
    size_t n = ok ? ZSTD_decompressDCtx(ctx, to, size, packed.at, packed.size) : 0;
    ZSTD_freeDCtx(ctx);
    return ok && !ZSTD_isError(n) && n == size;
}

int source_state_unpack_since(struct btr_buffer *out, struct btr_span packed, struct btr_span base,
                              struct btr_err *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.at, packed.size);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return btr_fail(err, BTR_E_FORMAT, 0, "is damaged");
    if (size > SOURCE_STATE_MAX)
        return btr_fail(err, BTR_E_LIMIT, 0, "is of %llu bytes, more than any", size);
    if (!btr_buffer_reserve(out, (size_t)size + 1))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (!unpack(out->at + out->size, (size_t)size, packed, base))
        return btr_fail(err, BTR_E_FORMAT, 0, "is damaged");
    out->size += (size_t)size;
    return 0;
}

int source_state_unpack(struct btr_buffer *out, struct btr_span packed, struct btr_err *err)
{
    return source_state_unpack_since(out, packed, (struct btr_span){0}, err);
}
