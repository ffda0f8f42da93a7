/* Files that a user names. */
#include "file_read.h"

#include <errno.h>
#include <stdio.h>

enum { HOSTS_FILE_MAX = 64 << 20 };

int cli_code_of_named(int code)
{
    return code == BTR_E_IO || code == BTR_E_FULL || code == BTR_E_NOMEM ? code : BTR_E_USAGE;
}

int cli_file_read(const char *path, size_t size_max, struct btr_buffer *out, struct btr_err *err)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return btr_fail(err, cli_code_of_named(btr_code_of_errno(errno)), UINT64_MAX, "%s: %s",
                        path, strerror(errno));
    size_t n = 1;
    while (n > 0 && out->size <= size_max && btr_buffer_reserve(out, 64 << 10)) {
        n = fread(out->at + out->size, 1, 64 << 10, file);
        out->size += n;
    }
    bool failed = ferror(file) != 0;
    int why = errno;
    (void)fclose(file);
    if (failed)
        return btr_fail(err, cli_code_of_named(btr_code_of_errno(why)), UINT64_MAX, "%s: %s", path,
                        strerror(why));
    if (out->failed)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%s: out of memory", path);
    if (out->size > size_max)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: too large, over %zu bytes", path,
                        size_max);
    return 0;
}

int cli_hosts_load_digest(struct btr_hosts **out, const char *path, uint8_t sha256[BTR_SHA256_SIZE],
                          struct btr_err *err)
{
    struct btr_buffer text = {0};
    struct btr_err why = {0};
    if (!path)
        return 0;
    int rc = cli_file_read(path, HOSTS_FILE_MAX, &text, err);
    struct btr_span json = btr_buffer_view(&text);
    if (rc == 0 && (rc = btr_hosts_parse(out, json, &why)) < 0)
        rc = btr_fail(err, cli_code_of_named(rc), UINT64_MAX, "%s: %s", path, why.text);
    if (rc == 0 && !btr_sha256_of(&json, 1, sha256))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%s: out of memory", path);
    btr_buffer_fini(&text);
    return rc;
}

int cli_hosts_load(struct btr_hosts **out, const char *path, struct btr_err *err)
{
    uint8_t sha256[BTR_SHA256_SIZE];
    return cli_hosts_load_digest(out, path, sha256, err);
}
