/*
 * Properties of what stands before the decoders. Unpacking: hostile packed bytes are refused or
 * give the same content however the file is cut into reads. Lines: the same lines come out however
 * the content is cut into blocks, none longer than allowed is given whole, and no byte between
 * newlines is lost.
 */
#include <assert.h>
#include <btr/event.h>
#include <stdlib.h>

#include "source/lines.h"
#include "source/unpack.h"

enum { CONTENT_MAX = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unpacks in reads of `step` bytes into room of `room` bytes. @return what ended it */
static int unpack(struct btr_span packed, size_t step, size_t room, struct btr_buffer *out)
{
    struct source_unpack *u;
    struct btr_err err = {0};
    int rc = source_unpack_new(&u, packed, &err);
    if (rc < 0)
        return rc;
    struct btr_span rest = packed, in = {0};
    while (rc == 0 && out->size < CONTENT_MAX) {
        if (in.size == 0 && !source_unpack_holds(u)) {
            if (rest.size == 0)
                break;
            in = (struct btr_span){rest.at, rest.size < step ? rest.size : step};
            rest.at += in.size;
            rest.size -= in.size;
        }
        size_t n = room;
        assert(btr_buffer_reserve(out, room));
        rc = source_unpack_run(u, &in, out->at + out->size, &n, &err);
        assert(n <= room);
        out->size += n;
    }
    if (rc == 0 && out->size < CONTENT_MAX)
        rc = source_unpack_end(u, &err);
    assert(rc == 0 || err.text[0] != '\0');
    source_unpack_free(u);
    return rc;
}

static void told(struct btr_buffer *out, const struct source_line *line, size_t record_max)
{
    assert(line->too_long == (line->size > record_max));
    assert(line->too_long ? line->bytes.size <= BTR_QUARANTINE_RECORD_MAX
                          : line->bytes.size == line->size);
    btr_buffer_u64(out, line->number);
    btr_buffer_u64(out, line->size);
    btr_buffer_span(out, line->bytes);
}

static void split(struct btr_span text, size_t step, size_t record_max, struct btr_buffer *out)
{
    struct source_lines lines = {.record_max = record_max};
    struct source_line line;
    while (text.size > 0) {
        size_t n = text.size < step ? text.size : step;
        uint8_t *block = malloc(n); /* of its own: a read beyond it, or after it, shows */
        assert(block);
        memcpy(block, text.at, n);
        source_lines_block(&lines, (struct btr_span){block, n});
        while (source_lines_next(&lines, &line))
            told(out, &line, record_max);
        assert(source_lines_keep(&lines));
        assert(lines.carry.size <= record_max + BTR_QUARANTINE_RECORD_MAX + 1);
        free(block);
        text.at += n;
        text.size -= n;
    }
    if (source_lines_last(&lines, &line))
        told(out, &line, record_max);
    source_lines_fini(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t step = data[0] + (size_t)1, record_max = data[1];
    struct btr_span packed = {data + 2, size - 2};
    struct btr_buffer whole = {0}, parts = {0}, lines = {0}, again = {0};
    int rc = unpack(packed, size, 64 << 10, &whole);
    int rc_parts = unpack(packed, step, step, &parts);
    size_t common = whole.size < parts.size ? whole.size : parts.size;
    assert(common == 0 || memcmp(whole.at, parts.at, common) == 0);
    assert(whole.size >= CONTENT_MAX || parts.size >= CONTENT_MAX || (rc < 0) == (rc_parts < 0));
    assert(rc < 0 || whole.size >= CONTENT_MAX || whole.size == parts.size);
    split(btr_buffer_view(&whole), SIZE_MAX, record_max, &lines);
    split(btr_buffer_view(&whole), step, record_max, &again);
    assert(btr_span_equal(btr_buffer_view(&lines), btr_buffer_view(&again)));
    btr_buffer_fini(&whole);
    btr_buffer_fini(&parts);
    btr_buffer_fini(&lines);
    btr_buffer_fini(&again);
    return 0;
}
