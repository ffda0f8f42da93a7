#include "temp_files.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

void temp_folder_make(char path[256])
{
    const char *root = getenv("TMPDIR");
    (void)snprintf(path, 256, "%s/btr-test-XXXXXX", root && *root ? root : "/tmp");
    assert_non_null(mkdtemp(path));
}

void temp_folder_remove(const char *path)
{
    char name[1024];
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat at;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (lstat(name, &at) == 0 && S_ISDIR(at.st_mode))
            temp_folder_remove(name);
        else
            (void)unlink(name);
    }
    if (folder)
        closedir(folder);
    (void)rmdir(path);
}

void temp_file_write(const char *folder, const char *name, struct btr_span bytes, char *path)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "%s/%s", folder, name);
    for (char *slash = strchr(whole + strlen(folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at ? bytes.at : (const uint8_t *)"", 1, bytes.size, file),
                     bytes.size);
    assert_int_equal(fclose(file), 0);
    if (path)
        (void)snprintf(path, 256, "%s", whole);
}

void temp_pack_zstd_long(struct btr_buffer *out, struct btr_span bytes, int window_log)
{
    ZSTD_CCtx *ctx = ZSTD_createCCtx();
    assert_non_null(ctx);
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1)));
    if (window_log > 0)
        assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_windowLog, window_log)));
    assert_true(btr_buffer_reserve(out, ZSTD_compressBound(bytes.size) + 64));
    ZSTD_outBuffer target = {out->at + out->size, ZSTD_compressBound(bytes.size) + 64, 0};
    ZSTD_inBuffer source = {bytes.at, bytes.size, 0};
    /* In two steps: a frame that knows its size would get no wider window than it needs. */
    while (source.pos < source.size)
        assert_false(ZSTD_isError(ZSTD_compressStream2(ctx, &target, &source, ZSTD_e_continue)));
    while (ZSTD_compressStream2(ctx, &target, &source, ZSTD_e_end) != 0)
        ;
    out->size += target.pos;
    ZSTD_freeCCtx(ctx);
}

void temp_pack_zstd(struct btr_buffer *out, struct btr_span bytes)
{
    temp_pack_zstd_long(out, bytes, 0);
}

void temp_pack_gzip(struct btr_buffer *out, struct btr_span bytes)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, bytes.size) + 64;
    assert_true(btr_buffer_reserve(out, room));
    z.next_in = (Bytef *)(uintptr_t)bytes.at;
    z.avail_in = (uInt)bytes.size;
    z.next_out = out->at + out->size;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->size += room - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
}
