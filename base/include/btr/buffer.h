#ifndef BTR_BUFFER_H
#define BTR_BUFFER_H
/**
 * A growing byte string. A failed growth is remembered: later writes do nothing, and `failed` is
 * checked once at the end. `at` is NULL only while nothing was written.
 */
#include <btr/span.h>

struct btr_buffer {
    uint8_t *at;
    size_t size;
    size_t capacity;
    bool failed; /* out of memory happened */
};

/* A zeroed struct is an empty buffer. */
void btr_buffer_fini(struct btr_buffer *b);
void btr_buffer_clear(struct btr_buffer *b); /* keeps the memory */
bool btr_buffer_reserve(struct btr_buffer *b, size_t more);
void btr_buffer_put(struct btr_buffer *b, const void *bytes, size_t size);
void btr_buffer_span(struct btr_buffer *b, struct btr_span s);
void btr_buffer_text(struct btr_buffer *b, const char *text);
void btr_buffer_format(struct btr_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void btr_buffer_u8(struct btr_buffer *b, uint8_t v);
void btr_buffer_u16(struct btr_buffer *b, uint16_t v); /* little-endian, as all below */
void btr_buffer_u32(struct btr_buffer *b, uint32_t v);
void btr_buffer_u64(struct btr_buffer *b, uint64_t v);
void btr_buffer_varint(struct btr_buffer *b, uint64_t v);  /* LEB128 */
void btr_buffer_svarint(struct btr_buffer *b, int64_t v);  /* zigzag LEB128 */

static inline struct btr_span btr_buffer_view(const struct btr_buffer *b)
{
    return (struct btr_span){b->at, b->size};
}

#endif
