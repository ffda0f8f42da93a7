#include "bag_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bag_archive.h"

enum { PATH_SIZE = 4096, READ_SIZE = 1 << 20 };

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory for a bag");
}

/* ---- Writing -------------------------------------------------------------------------------- */

struct bag_out {
    char path[PATH_SIZE], beside[PATH_SIZE + 8];
    const struct bag_archive *la;
    struct archive *tar;
    struct archive_entry *entry;
    int fd;
};

static int out_fail(struct bag_out *out, int reason, struct btr_err *err)
{
    return btr_fail(err, reason == ENOSPC || reason == EDQUOT ? BTR_E_FULL : BTR_E_IO, UINT64_MAX,
                    "cannot write %s: %s", out->path, strerror(reason));
}

static int out_open(struct bag_out *out, const char *path, struct btr_err *err)
{
    out->la = bag_archive(err);
    if (!out->la)
        return BTR_E_IO;
    int size = snprintf(out->path, sizeof(out->path), "%s", path);
    if (size < 0 || size >= (int)sizeof(out->path))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "the path of the bag is too long");
    if (access(path, F_OK) == 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: is there; nothing is overwritten", path);
    (void)snprintf(out->beside, sizeof(out->beside), "%s.tmp", path);
    out->fd = open(out->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (out->fd < 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "cannot write %s: %s", path, strerror(errno));
    out->tar = out->la->archive_write_new();
    out->entry = out->la->archive_entry_new();
    if (!out->tar || !out->entry)
        return out_of_memory(err);
    if (out->la->archive_write_set_format_pax_restricted(out->tar) != ARCHIVE_OK ||
        out->la->archive_write_open_fd(out->tar, out->fd) != ARCHIVE_OK)
        return out_fail(out, out->la->archive_errno(out->tar), err);
    return 0;
}

int bag_out_new(struct bag_out **result, const char *path, struct btr_err *err)
{
    struct bag_out *out = calloc(1, sizeof(*out));
    if (!out)
        return out_of_memory(err);
    out->fd = -1;
    int rc = out_open(out, path, err);
    if (rc < 0)
        bag_out_free(out);
    else
        *result = out;
    return rc;
}

int bag_out_add(struct bag_out *out, const char *name, struct btr_span bytes, struct btr_err *err)
{
    out->la->archive_entry_clear(out->entry);
    out->la->archive_entry_set_pathname(out->entry, name);
    out->la->archive_entry_set_size(out->entry, (int64_t)bytes.size);
    out->la->archive_entry_set_filetype(out->entry, AE_IFREG);
    out->la->archive_entry_set_perm(out->entry, 0600);
    out->la->archive_entry_set_mtime(out->entry, 0, 0); /* the same segments give the same bag */
    if (out->la->archive_write_header(out->tar, out->entry) != ARCHIVE_OK)
        return out_fail(out, out->la->archive_errno(out->tar), err);
    la_ssize_t n = bytes.size > 0 ? out->la->archive_write_data(out->tar, bytes.at, bytes.size) : 0;
    return n == (la_ssize_t)bytes.size ? 0 : out_fail(out, out->la->archive_errno(out->tar), err);
}

/* Also the folder, so that the name is durable. */
static bool folder_sync(const char *path)
{
    char folder[PATH_SIZE];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = reason;
    return ok;
}

int bag_out_finish(struct bag_out *out, struct btr_err *err)
{
    if (out->la->archive_write_close(out->tar) != ARCHIVE_OK)
        return out_fail(out, out->la->archive_errno(out->tar), err);
    if (fsync(out->fd) != 0)
        return out_fail(out, errno, err);
    if (link(out->beside, out->path) != 0) /* as rename would overwrite */
        return errno == EEXIST ? btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                                          "%s: is there; nothing is overwritten", out->path)
                               : out_fail(out, errno, err);
    return folder_sync(out->path) ? 0 : out_fail(out, errno, err);
}

void bag_out_free(struct bag_out *out)
{
    if (!out)
        return;
    if (out->fd >= 0)
        (void)unlink(out->beside);
    if (out->entry)
        out->la->archive_entry_free(out->entry);
    if (out->tar)
        (void)out->la->archive_write_free(out->tar);
    if (out->fd >= 0)
        (void)close(out->fd);
    free(out);
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct bag_in {
    const char *path; /* the caller's */
    const struct bag_archive *la;
    struct archive *tar;
    uint8_t *block;
};

int bag_in_new(struct bag_in **result, const char *path, struct btr_err *err)
{
    struct bag_in *in = calloc(1, sizeof(*in));
    if (!in)
        return out_of_memory(err);
    in->path = path;
    in->la = bag_archive(err);
    in->tar = in->la ? in->la->archive_read_new() : NULL;
    in->block = malloc(READ_SIZE);
    int rc = !in->la ? BTR_E_IO : in->tar && in->block ? 0 : out_of_memory(err);
    if (rc == 0 && (in->la->archive_read_support_format_tar(in->tar) != ARCHIVE_OK ||
                    in->la->archive_read_open_filename(in->tar, path, READ_SIZE) != ARCHIVE_OK))
        rc = btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: cannot be read as a bag", path);
    if (rc < 0)
        bag_in_free(in);
    else
        *result = in;
    return rc;
}

static int in_bad(const struct bag_in *in, const char *what, struct btr_err *err)
{
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: %s", in->path, what);
}

static int in_read(struct bag_in *in, struct btr_buffer *bytes, struct btr_err *err)
{
    la_ssize_t n;
    btr_buffer_clear(bytes);
    while ((n = in->la->archive_read_data(in->tar, in->block, READ_SIZE)) > 0) {
        if (bytes->size + (size_t)n > BAG_FILE_MAX)
            return in_bad(in, "holds a file that is too large", err);
        btr_buffer_put(bytes, in->block, (size_t)n);
    }
    if (bytes->failed)
        return out_of_memory(err);
    return n == 0 ? 0 : in_bad(in, "is cut or damaged", err);
}

int bag_in_next(struct bag_in *in, char name[BAG_NAME_SIZE], struct btr_buffer *bytes,
                struct btr_err *err)
{
    struct archive_entry *entry;
    int rc;
    do
        rc = in->la->archive_read_next_header(in->tar, &entry);
    while (rc == ARCHIVE_OK && in->la->archive_entry_filetype(entry) == AE_IFDIR);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK)
        return in_bad(in, "is no tar, or is cut", err);
    const char *path = in->la->archive_entry_pathname(entry);
    if (in->la->archive_entry_filetype(entry) != AE_IFREG ||
        in->la->archive_entry_hardlink(entry) || in->la->archive_entry_sparse_count(entry) > 0)
        return in_bad(in, "holds something that is no file", err);
    if (!path || strlen(path) >= BAG_NAME_SIZE)
        return in_bad(in, "holds a file with a name too long", err);
    (void)snprintf(name, BAG_NAME_SIZE, "%s", path);
    if (in->la->archive_entry_size(entry) > BAG_FILE_MAX)
        return in_bad(in, "holds a file that is too large", err);
    rc = in_read(in, bytes, err);
    if (rc == 0 && (int64_t)bytes->size != in->la->archive_entry_size(entry))
        rc = in_bad(in, "is cut or damaged", err);
    return rc < 0 ? rc : 1;
}

void bag_in_free(struct bag_in *in)
{
    if (!in)
        return;
    if (in->tar)
        (void)in->la->archive_read_free(in->tar);
    free(in->block);
    free(in);
}
