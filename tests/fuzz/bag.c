/*
 * A bag of arbitrary bytes is refused and makes no store, or it makes one that can be checked and
 * is known when it comes again. (What stands in the blocks of a segment is for `store verify` to
 * judge.) The first byte says what the rest is: 0 a tar; 1 a segment, 2 one whose checksums are
 * made good, in a bag that tells the truth of it; 3 the manifest and, behind a byte 0, the list of
 * roots, in a bag that is sound else.
 */
#include <btr/digest.h>
#include <btr/id.h>
#include <btr/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bag.h"
#include "fuzz_folder.h"
#include "root.h"
#include "segment_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TAR_BLOCK = 512, TAGS = 5 };

static char folder[FUZZ_PATH_SIZE];

static void folder_remove(void)
{
    fuzz_folder_remove(folder);
}

/* A file of a tar, POSIX ustar. */
static void tar_add(struct btr_buffer *tar, const char *name, struct btr_span bytes)
{
    uint8_t head[TAR_BLOCK] = {0}, zeros[TAR_BLOCK] = {0};
    unsigned sum = 0;
    (void)snprintf((char *)head, 100, BAG_ROOT "%s", name);
    (void)snprintf((char *)head + 100, 8, "0000600");
    (void)snprintf((char *)head + 124, 12, "%011zo", bytes.size);
    (void)snprintf((char *)head + 136, 12, "00000000000");
    memset(head + 148, ' ', 8);
    head[156] = '0';
    memcpy(head + 257, "ustar\00000", 8);
    for (unsigned i = 0; i < TAR_BLOCK; i++)
        sum += head[i];
    (void)snprintf((char *)head + 148, 8, "%06o", sum);
    btr_buffer_put(tar, head, sizeof(head));
    btr_buffer_span(tar, bytes);
    btr_buffer_put(tar, zeros, (TAR_BLOCK - bytes.size % TAR_BLOCK) % TAR_BLOCK);
}

static void line_add(struct btr_buffer *out, const uint8_t digest[BTR_SHA256_SIZE],
                     const char *name)
{
    for (unsigned i = 0; i < BTR_SHA256_SIZE; i++)
        btr_buffer_format(out, "%02x", digest[i]);
    btr_buffer_format(out, "  %s\n", name);
}

static void tags_add(struct btr_buffer *tar, struct btr_span manifest, struct btr_span roots)
{
    const char *const names[TAGS] = {BAG_DECLARATION, BAG_INFO, BAG_MANIFEST, BAG_ROOTS,
                                     BAG_INPUTS};
    const struct btr_span files[TAGS] = {
        btr_span_of(BAG_DECLARATION_TEXT), {0}, manifest, roots, {0}};
    struct btr_buffer tags = {0};
    uint8_t digest[BTR_SHA256_SIZE];
    for (unsigned i = 0; i < TAGS; i++) {
        tar_add(tar, names[i], files[i]);
        if (!btr_sha256_of(&files[i], 1, digest))
            abort();
        line_add(&tags, digest, names[i]);
    }
    tar_add(tar, BAG_TAGS, btr_buffer_view(&tags));
    btr_buffer_fini(&tags);
}

/* The bag of one segment, with its name, digest and root. */
static void segment_add(struct btr_buffer *tar, struct btr_span segment)
{
    struct btr_buffer manifest = {0}, roots = {0};
    uint8_t digest[BTR_SHA256_SIZE], root[BTR_SHA256_SIZE];
    char name[64], hash[BTR_ID_TEXT_SIZE];
    btr_id_text(btr_id_hash(segment), hash);
    (void)snprintf(name, sizeof(name), "data/%s.bseg", hash);
    if (!btr_sha256_of(&segment, 1, digest) || !store_root(segment, root))
        abort();
    line_add(&manifest, digest, name);
    line_add(&roots, root, name);
    tags_add(tar, btr_buffer_view(&manifest), btr_buffer_view(&roots));
    tar_add(tar, name, segment);
    btr_buffer_fini(&manifest);
    btr_buffer_fini(&roots);
}

static void bag_make(struct btr_buffer *tar, uint8_t how, struct btr_span rest)
{
    uint8_t *bytes = malloc(rest.size + 1);
    if (!bytes)
        abort();
    if (rest.size > 0)
        memcpy(bytes, rest.at, rest.size);
    const uint8_t *middle = memchr(bytes, 0, rest.size);
    size_t first = middle ? (size_t)(middle - bytes) : rest.size;
    if (how == 2)
        segment_bytes_repair(bytes, rest.size);
    if (how == 0)
        btr_buffer_span(tar, rest);
    else if (how == 3)
        tags_add(tar, (struct btr_span){bytes, first},
                 middle ? (struct btr_span){middle + 1, rest.size - first - 1}
                        : (struct btr_span){0});
    else
        segment_add(tar, (struct btr_span){bytes, rest.size});
    free(bytes);
}

static int fault_pass(void *self, const char *segment, const char *what)
{
    (void)self;
    (void)segment;
    return *what ? 0 : BTR_E_FORMAT;
}

static void import_check(const char *bag)
{
    char store[FUZZ_PATH_SIZE + 8];
    struct btr_bag_stat stat;
    struct btr_err err = {0};
    (void)snprintf(store, sizeof(store), "%s/store", folder);
    int rc = btr_store_import(store, bag, &stat, &err);
    if (rc < 0 && access(store, F_OK) == 0)
        abort();
    if (rc < 0)
        return;
    rc = btr_store_verify(store, fault_pass, NULL, &err);
    if (rc != 0 && rc != BTR_E_CHECKSUM && rc != BTR_E_FORMAT)
        abort();
    if (btr_store_import(store, bag, &stat, &err) != 0 || stat.segments != 0)
        abort();
    fuzz_folder_remove(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bag[FUZZ_PATH_SIZE + 8];
    struct btr_buffer tar = {0};
    if (size < 1)
        return 0;
    if (!folder[0]) {
        fuzz_folder_make(folder);
        (void)atexit(folder_remove);
        (void)snprintf(bag, sizeof(bag), "%s/bag.tar", folder);
    }
    bag_make(&tar, data[0] % 4, (struct btr_span){data + 1, size - 1});
    FILE *file = fopen(bag, "wb");
    if (!file || fwrite(tar.at ? tar.at : data, 1, tar.size, file) != tar.size ||
        fclose(file) != 0 || tar.failed)
        abort();
    btr_buffer_fini(&tar);
    import_check(bag);
    return 0;
}
