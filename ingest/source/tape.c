#include "tape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept_block {
    size_t size;
    uint8_t sha256[BTR_SHA256_SIZE];
};

struct source_tape {
    struct btr_content *content;
    int fd; /* of a regular file, else -1 */
    bool settled;

    /* What is no file: its blocks so far, in an unlinked file. */
    int spool;       /* -1 until the first block */
    uint8_t *replay; /* memory of the block that was given again */
    struct kept_block *kept;
    size_t kept_count, kept_capacity, given; /* given: kept blocks handed out since the rewind */
    uint64_t given_offset;
};

static int content_begin(struct source_tape *t, int fd, struct btr_err *err)
{
    int own = dup(fd);
    if (own < 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s", strerror(errno));
    return source_content_open(&t->content, own, err);
}

/* A file that is read from its beginning can be wound back by itself. */
static int kind_find(int fd, bool *regular, struct btr_err *err)
{
    struct stat at;
    if (fstat(fd, &at) != 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s", strerror(errno));
    off_t place = S_ISREG(at.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
    if (S_ISREG(at.st_mode) && place < 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s", strerror(errno));
    *regular = place == 0;
    return 0;
}

int source_tape_open(struct source_tape **out, const char *path, struct btr_err *err)
{
    *out = NULL;
    int fd = source_content_fd(path, err);
    if (fd < 0)
        return fd;
    struct source_tape *t = calloc(1, sizeof *t);
    if (!t) {
        close(fd);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    t->fd = fd;
    t->spool = -1;
    bool regular = false;
    int rc = kind_find(fd, &regular, err);
    if (rc == 0)
        rc = content_begin(t, fd, err);
    if (rc < 0) {
        source_tape_close(t);
        return rc;
    }
    if (!regular) {
        close(fd);
        t->fd = -1;
    }
    *out = t;
    return 0;
}

static const char *spool_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

static int spool_open(struct source_tape *t, struct btr_err *err)
{
    char path[512];
    int n = snprintf(path, sizeof path, "%s/backtrail-XXXXXX", spool_folder());
    if (n < 0 || (size_t)n >= sizeof path)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "TMPDIR is too long a name");
    t->spool = mkstemp(path);
    if (t->spool < 0)
        return btr_fail(err, btr_code_of_errno(errno) == BTR_E_FULL ? BTR_E_FULL : BTR_E_IO,
                        UINT64_MAX, "no temporary file %s: %s", path, strerror(errno));
    (void)unlink(path);
    return 0;
}

static int spool_write(struct source_tape *t, struct btr_span bytes, struct btr_err *err)
{
    while (bytes.size > 0) {
        ssize_t n = write(t->spool, bytes.at, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return btr_fail(err, btr_code_of_errno(errno), UINT64_MAX, "temporary file in %s: %s",
                            spool_folder(), strerror(errno));
        bytes.at += n;
        bytes.size -= (size_t)n;
    }
    return 0;
}

static int block_keep(struct source_tape *t, const struct source_block *block, struct btr_err *err)
{
    int rc = t->spool < 0 ? spool_open(t, err) : 0;
    if (rc == 0)
        rc = spool_write(t, block->bytes, err);
    if (rc < 0)
        return rc;
    if (t->kept_count == t->kept_capacity) {
        size_t capacity = t->kept_capacity ? t->kept_capacity * 2 : 16;
        struct kept_block *kept = realloc(t->kept, capacity * sizeof *kept);
        if (!kept)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
        t->kept = kept;
        t->kept_capacity = capacity;
    }
    struct kept_block *k = &t->kept[t->kept_count++];
    k->size = block->bytes.size;
    memcpy(k->sha256, block->sha256, sizeof k->sha256);
    t->given = t->kept_count;
    return 0;
}

static int block_replay(struct source_tape *t, struct source_block *block, struct btr_err *err)
{
    const struct kept_block *k = &t->kept[t->given];
    if (!t->replay && !(t->replay = malloc(SOURCE_BLOCK_SIZE)))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    for (size_t have = 0; have < k->size;) {
        ssize_t n =
            pread(t->spool, t->replay + have, k->size - have, (off_t)(t->given_offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return btr_fail(err, BTR_E_IO, UINT64_MAX, "temporary file in %s: %s", spool_folder(),
                            n < 0 ? strerror(errno) : "cut");
        have += (size_t)n;
    }
    *block = (struct source_block){.bytes = {t->replay, k->size}, .offset = t->given_offset};
    memcpy(block->sha256, k->sha256, sizeof k->sha256);
    t->given_offset += k->size;
    t->given++;
    return 1;
}

int source_tape_next(struct source_tape *t, struct source_block *block, struct btr_err *err)
{
    if (t->given < t->kept_count)
        return block_replay(t, block, err);
    int rc = source_content_next(t->content, block, err);
    if (rc == 1 && t->fd < 0 && !t->settled) {
        int kept = block_keep(t, block, err);
        return kept < 0 ? kept : rc;
    }
    return rc;
}

int source_tape_rewind(struct source_tape *t, struct btr_err *err)
{
    t->given = 0;
    t->given_offset = 0;
    if (t->fd < 0)
        return 0;
    btr_content_close(t->content);
    t->content = NULL;
    if (lseek(t->fd, 0, SEEK_SET) < 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot be read again: %s", strerror(errno));
    return content_begin(t, t->fd, err);
}

void source_tape_settle(struct source_tape *t)
{
    t->settled = true;
}

bool source_tape_stored(const struct source_tape *t, uint64_t *size,
                        uint8_t sha256[BTR_SHA256_SIZE])
{
    bool ok = btr_content_stored(t->content, size, sha256);
    if (t->fd < 0)
        *size = 0;
    return ok;
}

static bool file_hash(int fd, uint64_t size, struct btr_sha256 *sha, uint8_t *chunk)
{
    for (uint64_t at = 0; at < size;) {
        ssize_t n = pread(fd, chunk, SOURCE_BLOCK_SIZE, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        btr_sha256_update(sha, (struct btr_span){chunk, (size_t)n});
        at += (uint64_t)n;
    }
    return true;
}

bool source_tape_digest(struct source_tape *t, uint64_t size, uint8_t sha256[BTR_SHA256_SIZE])
{
    struct stat at;
    if (t->fd < 0 || fstat(t->fd, &at) != 0 || (uint64_t)at.st_size != size)
        return false;
    struct btr_sha256 *sha = btr_sha256_new();
    uint8_t *chunk = malloc(SOURCE_BLOCK_SIZE);
    bool ok = sha && chunk && file_hash(t->fd, size, sha, chunk) && btr_sha256_peek(sha, sha256);
    btr_sha256_free(sha);
    free(chunk);
    return ok;
}

uint64_t source_tape_progress(struct source_tape *t)
{
    return source_content_stored(t->content);
}

void source_tape_close(struct source_tape *t)
{
    if (!t)
        return;
    btr_content_close(t->content);
    if (t->fd >= 0)
        close(t->fd);
    if (t->spool >= 0)
        close(t->spool);
    free(t->replay);
    free(t->kept);
    free(t);
}
