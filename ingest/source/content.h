#ifndef SOURCE_CONTENT_H
#define SOURCE_CONTENT_H
/** What the feeder needs of a content beyond btr/source.h: where a block stands, and the digest up
 * to its end. */
#include <btr/source.h>

enum { SOURCE_BLOCK_SIZE = 1 << 20 };

/** Unpacked bytes. A block ends behind a newline wherever a line fits into a block, and at the end
 * of the content. */
struct source_block {
    struct btr_span bytes;
    uint64_t offset;                 /* of its first byte in the unpacked content */
    uint8_t sha256[BTR_SHA256_SIZE]; /* of the content up to the end of this block */
};

/**
 * Reads from an open descriptor, from where it stands; takes it over (also on failure).
 * @return 0, BTR_E_IO, BTR_E_NOMEM
 */
int source_content_open(struct btr_content **out, int fd, struct btr_err *err);
/** Opens a path for reading, "-" is stdin. @return a descriptor, BTR_E_NOTFOUND, BTR_E_IO (a
 * folder, no permission) */
int source_content_fd(const char *path, struct btr_err *err);
/** As btr_content_next, with place and digest. */
int source_content_next(struct btr_content *content, struct source_block *block,
                        struct btr_err *err);
/** Bytes of the stored file read so far; for progress. */
uint64_t source_content_stored(struct btr_content *content);

#endif
