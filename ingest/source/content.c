#include "content.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack.h"

/* One is filled, two wait, one is with the consumer. */
enum { BLOCK_COUNT = 4, CHUNK_SIZE = 256 << 10 };

struct btr_content {
    int fd;
    int wake[2]; /* a byte in it ends a wait for a slow pipe */
    bool regular;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t moved;
    uint64_t made, taken; /* blocks filled, and handed out, since the beginning */
    bool holding;         /* the consumer still looks at block taken - 1 */
    bool ended, stop;
    int rc;
    struct btr_err err;
    uint64_t stored; /* bytes read */

    /* Written by the reader; a block belongs to the consumer from made to release. */
    struct source_block blocks[BLOCK_COUNT];
    uint8_t *memory[BLOCK_COUNT];

    /* The reader's own; the digest of the stored file is read after the end. */
    struct source_unpack *unpack;
    struct btr_sha256 *stored_sha, *content_sha;
    uint8_t *chunk;
    struct btr_span in;
    uint64_t offset;
    bool file_end;
};

/* ---- The reader's side ---- */

/* Waits until the descriptor has bytes. @return false when the consumer has closed */
static bool readable(struct btr_content *c)
{
    if (c->regular)
        return true;
    struct pollfd fds[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = c->wake[0], .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    return fds[1].revents == 0;
}

/* Adds to `in` from the file; what is left of it moves to the front. @return 0, or BTR_E_IO;
 * file_end tells the end */
static int chunk_read(struct btr_content *c, struct btr_err *err)
{
    if (c->in.size > 0)
        memmove(c->chunk, c->in.at, c->in.size);
    uint8_t *at = c->chunk + c->in.size;
    ssize_t n = 0;
    do {
        c->file_end = !readable(c);
        if (!c->file_end)
            n = read(c->fd, at, CHUNK_SIZE - c->in.size);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot be read: %s", strerror(errno));
    c->file_end = n == 0;
    c->in = (struct btr_span){c->chunk, c->in.size + (size_t)n};
    btr_sha256_update(c->stored_sha, (struct btr_span){at, (size_t)n});
    pthread_mutex_lock(&c->mutex);
    c->stored += (uint64_t)n;
    pthread_mutex_unlock(&c->mutex);
    return 0;
}

/* Waits for a free block. @return its memory, or NULL when the consumer has closed or there is none
 */
static uint8_t *block_begin(struct btr_content *c)
{
    uint8_t **place =
        &c->memory[c->made % BLOCK_COUNT]; /* taken when first needed: most files are small */
    pthread_mutex_lock(&c->mutex);
    while (!c->stop && c->made - (c->taken - (c->holding ? 1 : 0)) >= BLOCK_COUNT)
        pthread_cond_wait(&c->moved, &c->mutex);
    bool stop = c->stop;
    pthread_mutex_unlock(&c->mutex);
    if (!stop && !*place)
        *place = malloc(SOURCE_BLOCK_SIZE);
    return stop ? NULL : *place;
}

static int block_end(struct btr_content *c, size_t size, struct btr_err *err)
{
    struct source_block *block = &c->blocks[c->made % BLOCK_COUNT];
    block->bytes = (struct btr_span){c->memory[c->made % BLOCK_COUNT], size};
    block->offset = c->offset;
    c->offset += size;
    btr_sha256_update(c->content_sha, block->bytes);
    if (!btr_sha256_peek(c->content_sha, block->sha256))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    pthread_mutex_lock(&c->mutex);
    c->made++;
    pthread_cond_broadcast(&c->moved);
    pthread_mutex_unlock(&c->mutex);
    return 0;
}

/* Fills up to SOURCE_BLOCK_SIZE. @return 0; *size < SOURCE_BLOCK_SIZE only at the end or on failure
 */
static int block_fill(struct btr_content *c, uint8_t *memory, size_t *size, struct btr_err *err)
{
    while (*size < SOURCE_BLOCK_SIZE) {
        int rc = 0;
        if (c->in.size == 0 && !source_unpack_holds(c->unpack)) {
            rc = c->file_end ? 0 : chunk_read(c, err);
            if (rc < 0)
                return rc;
            if (c->file_end)
                return source_unpack_end(c->unpack, err);
        }
        size_t n = SOURCE_BLOCK_SIZE - *size;
        rc = source_unpack_run(c->unpack, &c->in, memory + *size, &n, err);
        *size += n;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Bytes up to and with the last newline, or all when there is none. */
static size_t whole_lines(const uint8_t *at, size_t size)
{
    size_t n = size;
    while (n > 0 && at[n - 1] != '\n')
        n--;
    return n > 0 ? n : size;
}

/* Each block ends behind the last newline that is in it; what follows begins the next one. */
static int blocks_make(struct btr_content *c, struct btr_err *err)
{
    size_t size = 0;
    int rc = 0;
    bool last = false;
    for (uint8_t *memory = block_begin(c);;) {
        if (!memory)
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX,
                            "out of memory"); /* or closed, and nobody looks */
        if (!last) {
            rc = block_fill(c, memory, &size, err);
            last = rc < 0 || size < SOURCE_BLOCK_SIZE;
        }
        size_t whole = whole_lines(memory, size);
        if (whole == 0)
            return rc;
        const uint8_t *tail =
            memory + whole; /* not touched by the consumer: it lies behind the block */
        int failed = block_end(c, whole, rc < 0 ? NULL : err);
        if (failed < 0)
            return rc < 0 ? rc : failed;
        size -= whole;
        memory = block_begin(c);
        if (memory && size > 0)
            memmove(memory, tail, size);
    }
}

/* A damaged file is read to its end all the same: custody wants the digest of all of it. */
static void rest_hash(struct btr_content *c)
{
    bool stop = false;
    while (c->regular && !c->file_end && !stop) {
        c->in.size = 0;
        if (chunk_read(c, NULL) < 0)
            break;
        pthread_mutex_lock(&c->mutex);
        stop = c->stop;
        pthread_mutex_unlock(&c->mutex);
    }
}

static int unpack_begin(struct btr_content *c, struct btr_err *err)
{
    while (c->in.size < SOURCE_MAGIC_SIZE &&
           !c->file_end) { /* a pipe may give one byte at a time */
        int rc = chunk_read(c, err);
        if (rc < 0)
            return rc;
    }
    return source_unpack_new(&c->unpack, c->in, err);
}

static void *reader_main(void *self)
{
    struct btr_content *c = self;
    struct btr_err err = {0};
    int rc = unpack_begin(c, &err);
    if (rc == 0)
        rc = blocks_make(c, &err);
    rest_hash(c);
    pthread_mutex_lock(&c->mutex);
    c->ended = true;
    c->rc = rc;
    c->err = err;
    pthread_cond_broadcast(&c->moved);
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

/* ---- The consumer's side ---- */

static void content_free(struct btr_content *c)
{
    for (size_t i = 0; i < BLOCK_COUNT; i++)
        free(c->memory[i]);
    free(c->chunk);
    source_unpack_free(c->unpack);
    btr_sha256_free(c->stored_sha);
    btr_sha256_free(c->content_sha);
    if (c->wake[0] >= 0)
        close(c->wake[0]);
    if (c->wake[1] >= 0)
        close(c->wake[1]);
    close(c->fd);
    free(c);
}

static int content_init(struct btr_content *c, struct btr_err *err)
{
    struct stat at;
    if (fstat(c->fd, &at) != 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "%s", strerror(errno));
    c->regular = S_ISREG(at.st_mode);
    if (pipe(c->wake) != 0)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "no pipe to read it with: %s", strerror(errno));
    c->chunk = malloc(CHUNK_SIZE);
    c->stored_sha = btr_sha256_new();
    c->content_sha = btr_sha256_new();
    return c->chunk && c->stored_sha && c->content_sha
               ? 0
               : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

static int thread_begin(struct btr_content *c, struct btr_err *err)
{
    (void)pthread_mutex_init(&c->mutex, NULL);
    (void)pthread_cond_init(&c->moved, NULL);
    int why = pthread_create(&c->thread, NULL, reader_main, c);
    if (why == 0)
        return 0;
    (void)pthread_cond_destroy(&c->moved);
    (void)pthread_mutex_destroy(&c->mutex);
    return btr_fail(err, BTR_E_IO, UINT64_MAX, "no thread to read it: %s", strerror(why));
}

int source_content_open(struct btr_content **out, int fd, struct btr_err *err)
{
    *out = NULL;
    struct btr_content *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    c->fd = fd;
    c->wake[0] = c->wake[1] = -1;
    int rc = content_init(c, err);
    if (rc == 0)
        rc = thread_begin(c, err);
    if (rc < 0) {
        content_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

int source_content_fd(const char *path, struct btr_err *err)
{
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat at;
    if (fd < 0)
        return btr_fail(err, btr_code_of_errno(errno), UINT64_MAX, "%s", strerror(errno));
    int why = fstat(fd, &at) != 0 ? errno : S_ISDIR(at.st_mode) ? EISDIR : 0;
    if (why == 0)
        return fd;
    close(fd);
    return btr_fail(err, btr_code_of_errno(why), UINT64_MAX, "%s", strerror(why));
}

int btr_content_open(struct btr_content **out, const char *path, struct btr_err *err)
{
    *out = NULL;
    int fd = source_content_fd(path, err);
    return fd < 0 ? fd : source_content_open(out, fd, err);
}

int source_content_next(struct btr_content *c, struct source_block *block, struct btr_err *err)
{
    int rc = 1;
    pthread_mutex_lock(&c->mutex);
    c->holding = false;
    pthread_cond_broadcast(&c->moved);
    while (c->made == c->taken && !c->ended)
        pthread_cond_wait(&c->moved, &c->mutex);
    if (c->made > c->taken) {
        *block = c->blocks[c->taken % BLOCK_COUNT];
        c->taken++;
        c->holding = true;
    } else {
        rc = c->rc;
        if (rc < 0 && err)
            *err = c->err;
    }
    pthread_mutex_unlock(&c->mutex);
    return rc;
}

int btr_content_next(struct btr_content *content, struct btr_span *block, struct btr_err *err)
{
    struct source_block next;
    int rc = source_content_next(content, &next, err);
    if (rc == 1)
        *block = next.bytes;
    return rc;
}

uint64_t source_content_stored(struct btr_content *c)
{
    pthread_mutex_lock(&c->mutex);
    uint64_t stored = c->stored;
    pthread_mutex_unlock(&c->mutex);
    return stored;
}

bool btr_content_stored(const struct btr_content *c, uint64_t *size,
                        uint8_t sha256[BTR_SHA256_SIZE])
{
    *size = c->stored;
    return btr_sha256_peek(c->stored_sha, sha256);
}

void btr_content_close(struct btr_content *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->mutex);
    c->stop = true;
    pthread_cond_broadcast(&c->moved);
    pthread_mutex_unlock(&c->mutex);
    (void)close(c->wake[1]); /* wakes it up, as nothing can keep that from being seen */
    c->wake[1] = -1;
    pthread_join(c->thread, NULL);
    pthread_mutex_destroy(&c->mutex);
    pthread_cond_destroy(&c->moved);
    content_free(c);
}
