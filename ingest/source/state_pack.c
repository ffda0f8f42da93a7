#include "state_pack.h"

#include <zstd.h>

enum { LEVEL = 3 };

bool source_state_pack(struct btr_buffer *out, struct btr_span state)
{
    size_t room = ZSTD_compressBound(state.size);
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    bool ok = ctx && btr_buffer_reserve(out, room) &&
              !ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, LEVEL)) &&
              !ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1));
    if (ok) {
        size_t n = ZSTD_compress2(ctx, out->at + out->size, room, state.at, state.size);
        ok = !ZSTD_isError(n);
        out->size += ok ? n : 0;
    }
    ZSTD_freeCCtx(ctx);
    return ok;
}

int source_state_unpack(struct btr_buffer *out, struct btr_span packed, struct btr_err *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.at, packed.size);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return btr_fail(err, BTR_E_FORMAT, 0, "is damaged");
    if (size > SOURCE_STATE_MAX)
        return btr_fail(err, BTR_E_LIMIT, 0, "is of %llu bytes, more than any", size);
    if (!btr_buffer_reserve(out, (size_t)size + 1))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    size_t n = ZSTD_decompress(out->at + out->size, (size_t)size, packed.at, packed.size);
    if (ZSTD_isError(n) || n != size)
        return btr_fail(err, BTR_E_FORMAT, 0, "is damaged");
    out->size += n;
    return 0;
}
