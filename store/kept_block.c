#include "kept_block.h"

#include <stdlib.h>

void kept_block_fini(struct kept_block *b)
{
    free(b->raw);
    free(b->at);
    free(b->lines);
    free(b->keys);
    *b = (struct kept_block){0};
}

/* Runs of lines. @return false when they are not those of the row */
static bool lines_read(struct kept_block *b, struct btr_cursor *c, const struct kept_row *row)
{
    uint64_t runs, skipped, count, next = row->first_line;
    uint32_t done = 0;
    if (!btr_cursor_varint(c, &runs))
        return false;
    for (; runs > 0; runs--) {
        if (!btr_cursor_varint(c, &skipped) || !btr_cursor_varint(c, &count) || count == 0 ||
            count > b->count - done || skipped > UINT64_MAX - next ||
            count - 1 > UINT64_MAX - next - skipped)
            return false;
        next += skipped;
        for (uint64_t i = 0; i < count; i++)
            b->lines[done++] = next + i;
        next += count;
    }
    return done == b->count && b->lines[0] == row->first_line &&
           b->lines[done - 1] == row->last_line;
}

/* Records end in newlines. */
static bool text_read(struct kept_block *b, size_t begin, size_t size)
{
    for (uint32_t i = 0; i < b->count; i++) {
        const uint8_t *end = begin < size ? memchr(b->raw + begin, '\n', size - begin) : NULL;
        if (!end)
            return false;
        b->at[i] = (uint32_t)begin;
        begin = (size_t)(end - b->raw) + 1;
    }
    b->at[b->count] = (uint32_t)begin;
    return begin == size;
}

int kept_block_parse(struct kept_block *out, uint8_t *raw, const struct kept_row *row,
                     struct btr_err *err)
{
    struct btr_cursor c = {.rest = {raw, row->raw_size}};
    *out = (struct kept_block){.raw = raw, .count = row->record_count};
    out->at = malloc(((size_t)out->count + 1) * sizeof *out->at);
    out->lines = malloc((size_t)out->count * sizeof *out->lines);
    if (!out->at || !out->lines)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory for kept records");
    if (!lines_read(out, &c, row))
        return btr_fail(err, BTR_E_FORMAT, c.offset, "its lines are not those of its row");
    if (!text_read(out, c.offset, row->raw_size))
        return btr_fail(err, BTR_E_FORMAT, c.offset, "its records are not as many as its lines");
    return 0;
}

struct btr_span kept_block_record(const struct kept_block *b, uint32_t i)
{
    return (struct btr_span){b->raw + b->at[i], b->at[i + 1] - b->at[i] - 1};
}

uint32_t kept_block_line(const struct kept_block *b, uint64_t line)
{
    uint32_t low = 0, high = b->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (b->lines[middle] < line)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
