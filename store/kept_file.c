#include "kept_file.h"

#include <btr/id.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack.h"

static int no_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory for kept records");
}

/* ---- Opening -------------------------------------------------------------------------------- */

static bool text_next(struct btr_cursor *c, struct btr_span *text)
{
    uint64_t size;
    return btr_cursor_varint(c, &size) && size <= c->rest.size &&
           btr_cursor_span(c, (size_t)size, text);
}

static int inputs_read(struct kept_file *f, struct btr_span names, struct btr_err *err)
{
    struct btr_cursor c = {.rest = names};
    uint32_t count = f->header.input_count;
    if (count > names.size)
        return btr_fail(err, BTR_E_FORMAT, KEPT_HEADER_SIZE, "more inputs than names");
    f->inputs = calloc((size_t)count + 1, sizeof *f->inputs);
    if (!f->inputs)
        return no_memory(err);
    for (uint32_t i = 0; i < count; i++) {
        struct kept_input *in = &f->inputs[i];
        if (!text_next(&c, &in->name) || !btr_cursor_u64(&c, &in->head_hash) ||
            !text_next(&c, &in->format))
            return btr_fail(err, BTR_E_FORMAT, KEPT_HEADER_SIZE + c.offset, "input %u is cut", i);
    }
    if (c.rest.size > 0)
        return btr_fail(err, BTR_E_FORMAT, KEPT_HEADER_SIZE + c.offset, "bytes after the inputs");
    return 0;
}

static bool row_is_good(const struct kept_file *f, const struct kept_row *row)
{
    return row->input < f->header.input_count && row->raw_size <= KEPT_BLOCK_RAW_MAX &&
           row->record_count > 0 && row->record_count <= KEPT_BLOCK_RECORDS &&
           row->record_count <= row->raw_size && row->first_line <= row->last_line &&
           row->last_line - row->first_line >= row->record_count - 1;
}

/* Blocks fill the rest of the file without a hole. */
static int rows_read(struct kept_file *f, uint64_t at, struct btr_err *err)
{
    uint64_t records = 0, raw = 0;
    f->offsets = calloc((size_t)f->header.block_count + 1, sizeof *f->offsets);
    if (!f->offsets)
        return no_memory(err);
    for (uint32_t i = 0; i < f->header.block_count; i++) {
        struct kept_row row = kept_file_row(f, i);
        if (!row_is_good(f, &row) || row.packed_size > f->header.file_size - at)
            return btr_fail(err, BTR_E_FORMAT, at, "bad row of block %u", i);
        f->offsets[i] = at;
        at += row.packed_size;
        records += row.record_count;
        raw += row.raw_size;
    }
    if (at != f->header.file_size || records != f->header.record_count || raw != f->header.raw_size)
        return btr_fail(err, BTR_E_FORMAT, at, "rows and header contradict each other");
    return 0;
}

static int dictionary_read(struct kept_file *f, struct btr_span bytes, struct btr_err *err)
{
    if (bytes.size == 0)
        return 0;
    f->dictionary = store_dictionary_new(bytes);
    return f->dictionary ? 0 : btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "its dictionary is none");
}

int kept_file_open(struct kept_file *f, struct btr_span bytes, struct btr_err *err)
{
    int rc = kept_header_read(bytes, &f->header, err);
    if (rc < 0)
        return rc;
    const struct kept_header *h = &f->header;
    struct btr_span names = {bytes.at + KEPT_HEADER_SIZE, h->names_size};
    struct btr_span dictionary = {names.at + names.size + (size_t)h->block_count * KEPT_ROW_SIZE,
                                  h->dictionary_size};
    f->bytes = bytes;
    f->rows = names.at + names.size;
    rc = inputs_read(f, names, err);
    if (rc == 0)
        rc = rows_read(f, (uint64_t)(dictionary.at - bytes.at) + dictionary.size, err);
    return rc < 0 ? rc : dictionary_read(f, dictionary, err);
}

int kept_file_map(struct kept_file *f, const char *path, uint64_t size, struct btr_err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return btr_fail(err, errno == ENOENT ? BTR_E_NOTFOUND : BTR_E_IO, UINT64_MAX,
                        "cannot open %s: %s", path, strerror(errno));
    bool whole = fstat(fd, &st) == 0 && (uint64_t)st.st_size == size && size > 0;
    void *at = whole ? mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    int reason = errno;
    (void)close(fd);
    if (!whole)
        return btr_fail(err, BTR_E_TRUNCATED, UINT64_MAX, "%s: not of the size that was written",
                        path);
    if (at == MAP_FAILED)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot map %s: %s", path, strerror(reason));
    f->bytes = (struct btr_span){at, (size_t)size};
    f->is_mapped = true;
    struct btr_err why;
    int rc = kept_file_open(f, f->bytes, &why);
    return rc < 0 ? btr_fail(err, rc, why.offset, "%s: %s", path, why.text) : 0;
}

void kept_file_close(struct kept_file *f)
{
    if (f->is_mapped)
        (void)munmap((void *)(uintptr_t)f->bytes.at, f->bytes.size);
    free(f->inputs);
    free(f->offsets);
    store_dictionary_free(f->dictionary);
    *f = (struct kept_file){0};
}

/* ---- Blocks --------------------------------------------------------------------------------- */

struct kept_row kept_file_row(const struct kept_file *f, uint32_t block)
{
    return kept_row_get(f->rows + (size_t)block * KEPT_ROW_SIZE);
}

int kept_file_block(const struct kept_file *f, void *unpacker, uint32_t block,
                    struct kept_block *out, struct btr_err *err)
{
    struct kept_row row = kept_file_row(f, block);
    struct btr_span packed = {f->bytes.at + f->offsets[block], row.packed_size};
    struct btr_err why;
    *out = (struct kept_block){0};
    if (btr_hash64(packed) != row.checksum)
        return btr_fail(err, BTR_E_CHECKSUM, f->offsets[block],
                        "block %u of kept records does not match its checksum", block);
    uint8_t *raw = malloc((size_t)row.raw_size + 1);
    if (!raw)
        return no_memory(err);
    bool good = f->dictionary
                    ? store_unpack_with(unpacker, f->dictionary, packed, raw, row.raw_size)
                    : store_unpack(unpacker, packed, raw, row.raw_size);
    if (!good) {
        free(raw);
        return btr_fail(err, BTR_E_FORMAT, f->offsets[block],
                        "block %u of kept records does not unpack", block);
    }
    int rc = kept_block_parse(out, raw, &row, &why);
    return rc < 0 ? btr_fail(err, rc, f->offsets[block], "block %u of kept records: %s", block,
                             why.text)
                  : 0;
}
