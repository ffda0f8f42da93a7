#ifndef BTR_SPAN_H
#define BTR_SPAN_H
/** Borrowed bytes, and a checked cursor over them. A span owns nothing. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct btr_span {
    const uint8_t *at; /* may be NULL when size is 0 */
    size_t size;       /* bytes */
};

/** @return the bytes of a C string, without its NUL */
static inline struct btr_span btr_span_of(const char *text)
{
    return (struct btr_span){(const uint8_t *)text, strlen(text)};
}

/* A string literal as a span, with no strlen at run time. */
#define BTR_SPAN(literal) ((struct btr_span){(const uint8_t *)("" literal), sizeof(literal) - 1})

static inline bool btr_span_equal(struct btr_span a, struct btr_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

static inline bool btr_span_begins(struct btr_span s, struct btr_span prefix)
{
    return s.size >= prefix.size && (prefix.size == 0 || memcmp(s.at, prefix.at, prefix.size) == 0);
}

/** Bytewise order; a prefix comes first. @return <0, 0, >0 */
int btr_span_compare(struct btr_span a, struct btr_span b);
/** Whether a part stands somewhere in a text; an empty one stands in any. */
bool btr_span_contains(struct btr_span text, struct btr_span part);

/**
 * Reads a whole span as an unsigned number.
 * @param base  10 or 16 (no 0x prefix)
 * @return false when it is empty, has another byte, or does not fit in 64 bits; *value is then unchanged
 */
bool btr_span_number(struct btr_span s, unsigned base, uint64_t *value);

/** Reads little-endian integers and spans; never beyond the end. A failed read moves nothing. */
struct btr_cursor {
    struct btr_span rest;
    size_t offset; /* bytes read so far */
};

bool btr_cursor_u8(struct btr_cursor *c, uint8_t *value);
bool btr_cursor_u16(struct btr_cursor *c, uint16_t *value);
bool btr_cursor_u32(struct btr_cursor *c, uint32_t *value);
bool btr_cursor_u64(struct btr_cursor *c, uint64_t *value);
/** LEB128, at most 10 bytes; an overlong or over-wide encoding is refused. */
bool btr_cursor_varint(struct btr_cursor *c, uint64_t *value);
/** Zigzag LEB128. */
bool btr_cursor_svarint(struct btr_cursor *c, int64_t *value);
bool btr_cursor_span(struct btr_cursor *c, size_t size, struct btr_span *value);

#endif
