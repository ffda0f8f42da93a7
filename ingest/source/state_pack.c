#include "state_pack.h"

#include <stdlib.h>
#include <zstd.h>

enum {
    LEVEL = 3,
    /* A state of a few hundred bytes costs more in tables of codes than these save: 386 bytes of a
     * host of one record become 243 in 6.4 us, or 253 in 1.7. */
    LEVEL_SMALL = -1,
    SMALL_MAX = 1024,
    WINDOW_MAX = 31
};

struct source_packer {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
};

static bool set(ZSTD_CCtx *ctx, ZSTD_cParameter what, int value)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(ctx, what, value));
}

struct source_packer *source_packer_new(void)
{
    struct source_packer *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->pack = ZSTD_createCCtx();
    p->unpack = ZSTD_createDCtx();
    if (p->pack && p->unpack && set(p->pack, ZSTD_c_compressionLevel, LEVEL) &&
        set(p->pack, ZSTD_c_checksumFlag, 1) &&
        !ZSTD_isError(ZSTD_DCtx_setParameter(p->unpack, ZSTD_d_windowLogMax, WINDOW_MAX)))
        return p;
    source_packer_free(p);
    return NULL;
}

void source_packer_free(struct source_packer *p)
{
    if (!p)
        return;
    ZSTD_freeCCtx(p->pack);
    ZSTD_freeDCtx(p->unpack);
    free(p);
}

static bool pack(ZSTD_CCtx *ctx, struct btr_buffer *out, struct btr_span state)
{
    size_t room = ZSTD_compressBound(state.size);
    if (!btr_buffer_reserve(out, room))
        return false;
    size_t n = ZSTD_compress2(ctx, out->at + out->size, room, state.at, state.size);
    if (ZSTD_isError(n))
        return false;
    out->size += n;
    return true;
}

/* A window that reaches from the end of the state to the beginning of what it is packed beside. */
static int window_of(size_t size)
{
    int log = 10;
    while (log < WINDOW_MAX && (size_t)1 << log < size)
        log++;
    return log;
}

static bool base_set(ZSTD_CCtx *ctx, struct btr_span state, struct btr_span base)
{
    return base.size == 0 || (set(ctx, ZSTD_c_windowLog, window_of(state.size + base.size)) &&
                              set(ctx, ZSTD_c_enableLongDistanceMatching, 1) &&
                              !ZSTD_isError(ZSTD_CCtx_refPrefix(ctx, base.at, base.size)));
}

bool source_state_pack_since(struct btr_buffer *out, struct btr_span state, struct btr_span base)
{
    struct source_packer *p = source_packer_new();
    bool ok = p && base_set(p->pack, state, base) && pack(p->pack, out, state);
    source_packer_free(p);
    return ok;
}

bool source_state_pack(struct source_packer *p, struct btr_buffer *out, struct btr_span state)
{
    if (!p)
        return source_state_pack_since(out, state, (struct btr_span){0});
    int level = state.size <= SMALL_MAX ? LEVEL_SMALL : LEVEL;
    return set(p->pack, ZSTD_c_compressionLevel, level) && pack(p->pack, out, state);
}

static int unpack(ZSTD_DCtx *ctx, struct btr_buffer *out, struct btr_span packed,
                  struct btr_err *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.at, packed.size);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return btr_fail(err, BTR_E_FORMAT, 0, "is damaged");
    if (size > SOURCE_STATE_MAX)
        return btr_fail(err, BTR_E_LIMIT, 0, "is of %llu bytes, more than any", size);
    if (!btr_buffer_reserve(out, (size_t)size + 1))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    size_t n = ZSTD_decompressDCtx(ctx, out->at + out->size, (size_t)size, packed.at, packed.size);
    if (ZSTD_isError(n) || n != size)
        return btr_fail(err, BTR_E_FORMAT, 0, "is damaged");
    out->size += n;
    return 0;
}

int source_state_unpack_since(struct btr_buffer *out, struct btr_span packed, struct btr_span base,
                              struct btr_err *err)
{
    struct source_packer *p = source_packer_new();
    bool ok =
        p && (base.size == 0 || !ZSTD_isError(ZSTD_DCtx_refPrefix(p->unpack, base.at, base.size)));
    int rc = ok ? unpack(p->unpack, out, packed, err)
                : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    source_packer_free(p);
    return rc;
}

int source_state_unpack(struct source_packer *p, struct btr_buffer *out, struct btr_span packed,
                        struct btr_err *err)
{
    return p ? unpack(p->unpack, out, packed, err)
             : source_state_unpack_since(out, packed, (struct btr_span){0}, err);
}
