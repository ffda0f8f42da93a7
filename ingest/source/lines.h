#ifndef SOURCE_LINES_H
#define SOURCE_LINES_H
/**
 * Blocks to lines. A line inside a block is borrowed from it; one that spans blocks is joined in
 * memory of its own. Order of calls: block, then next until it returns false, then keep; last once
 * after the last block.
 */
#include <btr/buffer.h>
#include <btr/span.h>

struct source_line {
    struct btr_span
        bytes; /* without newline and CR; the first BTR_QUARANTINE_RECORD_MAX bytes when too_long */
    uint64_t number; /* from 1 */
    uint64_t size;   /* of the whole line */
    bool too_long;
    const void *read; /* what its decoder's `read` made of it; NULL: nothing */
};

/* Zeroed, then record_max and line set, it is ready. */
struct source_lines {
    size_t record_max;       /* bytes; a longer line is told by its size and beginning only */
    uint64_t line;           /* lines told so far */
    struct btr_span rest;    /* of the block */
    struct btr_buffer carry; /* a line that earlier blocks began */
    uint64_t carry_size;     /* its size so far; carry holds less when it is too long */
    bool carry_cr;           /* what it has so far ends in CR */
};

void source_lines_fini(struct source_lines *lines);
/** Takes a block; it stays the caller's and must live until keep. */
void source_lines_block(struct source_lines *lines, struct btr_span block);
/** The next whole line; it lives until keep. @return false when the block has none any more */
bool source_lines_next(struct source_lines *lines, struct source_line *out);
/** Puts the unfinished end of the block aside. @return false when out of memory */
bool source_lines_keep(struct source_lines *lines);
/** Whether a line is begun and not ended: the place between blocks is then not one between records.
 */
bool source_lines_inside(const struct source_lines *lines);
/** At the end of the input: the line that no newline ended. @return false when there is none */
bool source_lines_last(struct source_lines *lines, struct source_line *out);

#endif
