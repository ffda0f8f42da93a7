#include "lines.h"

#include <btr/event.h>

void source_lines_fini(struct source_lines *lines)
{
    btr_buffer_fini(&lines->carry);
}

void source_lines_block(struct source_lines *lines, struct btr_span block)
{
    lines->rest = block;
}

/* `bytes` may be the beginning of the line only; `cr` tells how the whole of it ends. */
static void line_make(struct source_lines *lines, struct source_line *out, struct btr_span bytes,
                      uint64_t size, bool cr)
{
    if (cr && bytes.size == size)
        bytes.size--;
    if (cr)
        size--;
    out->number = ++lines->line;
    out->size = size;
    out->too_long = size > lines->record_max;
    out->read = NULL;
    if (out->too_long && bytes.size > BTR_QUARANTINE_RECORD_MAX)
        bytes.size = BTR_QUARANTINE_RECORD_MAX;
    out->bytes = bytes;
}

static bool ends_cr(struct btr_span bytes)
{
    return bytes.size > 0 && bytes.at[bytes.size - 1] == '\r';
}

/* One byte more than the record may have is kept: it may be the CR of a line that just fits. */
static bool carry_add(struct source_lines *lines, struct btr_span part)
{
    lines->carry_size += part.size;
    if (part.size > 0)
        lines->carry_cr = ends_cr(part);
    size_t room = lines->record_max < BTR_QUARANTINE_RECORD_MAX ? BTR_QUARANTINE_RECORD_MAX
                                                                : lines->record_max;
    room = room + 1 - lines->carry.size;
    if (part.size > room)
        part.size = room;
    btr_buffer_span(&lines->carry, part);
    return !lines->carry.failed;
}

static void carry_take(struct source_lines *lines, struct source_line *out)
{
    line_make(lines, out, btr_buffer_view(&lines->carry), lines->carry_size, lines->carry_cr);
    lines->carry_size = 0; /* the bytes stay until keep */
}

bool source_lines_next(struct source_lines *lines, struct source_line *out)
{
    const uint8_t *at = lines->rest.at;
    const uint8_t *end = lines->rest.size > 0 ? memchr(at, '\n', lines->rest.size) : NULL;
    if (!end)
        return false;
    struct btr_span part = {at, (size_t)(end - at)};
    if (lines->carry_size > 0 && !carry_add(lines, part))
        return false;
    lines->rest.at = end + 1;
    lines->rest.size -= part.size + 1;
    if (lines->carry_size > 0)
        carry_take(lines, out);
    else
        line_make(lines, out, part, part.size, ends_cr(part));
    return true;
}

bool source_lines_keep(struct source_lines *lines)
{
    if (lines->carry.failed)
        return false;
    if (lines->carry_size == 0)
        btr_buffer_clear(&lines->carry);
    bool ok = lines->rest.size == 0 || carry_add(lines, lines->rest);
    lines->rest.size = 0;
    return ok;
}

bool source_lines_inside(const struct source_lines *lines)
{
    return lines->carry_size > 0 || lines->rest.size > 0;
}

bool source_lines_last(struct source_lines *lines, struct source_line *out)
{
    if (lines->carry_size == 0)
        return false;
    carry_take(lines, out);
    return true;
}
