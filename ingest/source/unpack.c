#include "unpack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum packing { PLAIN, ZSTD, GZIP };

/* `zstd --long=27` is read; a wider window would take more than 128 MiB for one file. */
enum { WINDOW_LOG_MAX = 27 };

struct source_unpack {
    enum packing packing;
    ZSTD_DCtx *zstd;
    size_t hint;       /* packed bytes that finish the current zstd block */
    size_t hint_first; /* the same at the beginning of a frame */
    z_stream gzip;
    bool inside; /* of a frame or member */
    bool holds;
};

static bool begins(struct btr_span head, const char *magic, size_t size)
{
    return head.size >= size && memcmp(head.at, magic, size) == 0;
}

static bool is_zstd(struct btr_span head)
{
    bool skippable = head.size >= 4 && (head.at[0] & 0xf0) == 0x50 &&
                     begins((struct btr_span){head.at + 1, 3}, "\x2a\x4d\x18", 3);
    return skippable || begins(head, "\x28\xb5\x2f\xfd", 4);
}

static const char *unread_packing(struct btr_span head)
{
    if (begins(head,
               "\xfd"
               "7zXZ\0",
               6))
        return "xz";
    if (begins(head, "BZh", 3))
        return "bzip2";
    if (begins(head, "PK\x03\x04", 4))
        return "zip";
    return NULL;
}

static bool zstd_begin(struct source_unpack *u)
{
    u->packing = ZSTD;
    u->zstd = ZSTD_createDCtx();
    if (!u->zstd)
        return false;
    u->hint = u->hint_first = ZSTD_initDStream(u->zstd);
    return !ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX));
}

static bool gzip_begin(struct source_unpack *u)
{
    u->packing = GZIP;
    return inflateInit2(&u->gzip, 15 + 16) == Z_OK;
}

int source_unpack_new(struct source_unpack **out, struct btr_span head, struct btr_err *err)
{
    *out = NULL;
    const char *unread = unread_packing(head);
    if (unread)
        return btr_fail(err, BTR_E_FORMAT, 0, "packed with %s, which is not read: unpack it first",
                        unread);
    struct source_unpack *u = calloc(1, sizeof *u);
    if (!u)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    bool ok = true;
    if (is_zstd(head))
        ok = zstd_begin(u);
    else if (begins(head, "\x1f\x8b", 2))
        ok = gzip_begin(u);
    if (!ok) {
        source_unpack_free(u);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    *out = u;
    return 0;
}

void source_unpack_free(struct source_unpack *u)
{
    if (!u)
        return;
    ZSTD_freeDCtx(u->zstd);
    if (u->packing == GZIP)
        (void)inflateEnd(&u->gzip);
    free(u);
}

static int zstd_fail(size_t code, struct btr_err *err)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_frameParameter_windowTooLarge:
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX,
                        "zstd window above 128 MiB (--long=%d): pack it again with less",
                        WINDOW_LOG_MAX + 1);
    case ZSTD_error_memory_allocation:
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    case ZSTD_error_checksum_wrong:
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                        "zstd checksum does not match: what came before may be wrong");
    default:
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "zstd data is damaged (%s)",
                        ZSTD_getErrorName(code));
    }
}

/* One block a call, by the library's own hint: when a later block is damaged, this one is safe. */
static int zstd_run(struct source_unpack *u, struct btr_span *in, uint8_t *out, size_t *out_size,
                    struct btr_err *err)
{
    size_t take = u->hint < in->size ? u->hint : in->size;
    ZSTD_inBuffer source = {in->at, take, 0};
    ZSTD_outBuffer target = {out, *out_size, 0};
    size_t rc = ZSTD_decompressStream(u->zstd, &target, &source);
    *out_size = target.pos;
    if (ZSTD_isError(rc)) {
        *out_size = 0;
        return zstd_fail(rc, err);
    }
    in->at += source.pos;
    in->size -= source.pos;
    if (source.pos > 0 || target.pos > 0)
        u->inside = rc != 0;
    u->hint = rc > 0 ? rc : u->hint_first;
    u->holds = target.pos == target.size;
    return 0;
}

static int gzip_fail(int code, const char *why, struct btr_err *err)
{
    if (code == Z_MEM_ERROR)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (why && (strstr(why, "data check") || strstr(why, "length check")))
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                        "gzip checksum does not match: what came before may be wrong");
    return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "gzip data is damaged (%s)",
                    why ? why : "no member");
}

/* gzip(1) passes over zeros behind the last member: tape blocks are filled up with them. */
static void zeros_skip(struct btr_span *in)
{
    while (in->size > 0 && *in->at == 0) {
        in->at++;
        in->size--;
    }
}

static int gzip_run(struct source_unpack *u, struct btr_span *in, uint8_t *out, size_t *out_size,
                    struct btr_err *err)
{
    size_t room = *out_size;
    *out_size = 0;
    if (!u->inside)
        zeros_skip(in);
    if (in->size == 0 && !u->holds)
        return 0;
    u->inside = true;
    u->gzip.next_in = (Bytef *)(uintptr_t)in->at; /* zlib does not write to it */
    u->gzip.avail_in = (uInt)in->size;
    u->gzip.next_out = out;
    u->gzip.avail_out = (uInt)room;
    int rc = inflate(&u->gzip, Z_NO_FLUSH);
    *out_size = room - u->gzip.avail_out;
    in->at += in->size - u->gzip.avail_in;
    in->size = u->gzip.avail_in;
    u->holds = u->gzip.avail_out == 0;
    if (rc == Z_STREAM_END) {
        u->inside = u->holds = false;
        return inflateReset(&u->gzip) == Z_OK ? 0 : gzip_fail(Z_STREAM_ERROR, NULL, err);
    }
    return rc == Z_OK || rc == Z_BUF_ERROR ? 0 : gzip_fail(rc, u->gzip.msg, err);
}

static int plain_run(struct btr_span *in, uint8_t *out, size_t *out_size)
{
    size_t n = in->size < *out_size ? in->size : *out_size;
    if (n > 0)
        memcpy(out, in->at, n);
    in->at += n;
    in->size -= n;
    *out_size = n;
    return 0;
}

int source_unpack_run(struct source_unpack *u, struct btr_span *in, uint8_t *out, size_t *out_size,
                      struct btr_err *err)
{
    switch (u->packing) {
    case ZSTD:
        return zstd_run(u, in, out, out_size, err);
    case GZIP:
        return gzip_run(u, in, out, out_size, err);
    default:
        return plain_run(in, out, out_size);
    }
}

bool source_unpack_holds(const struct source_unpack *u)
{
    return u->holds;
}

int source_unpack_end(const struct source_unpack *u, struct btr_err *err)
{
    if (!u->inside)
        return 0;
    const char *what = u->packing == ZSTD ? "zstd frame" : "gzip member";
    return btr_fail(err, BTR_E_TRUNCATED, UINT64_MAX, "the file is cut: it ends inside a %s", what);
}
