#include <btr/buffer.h>

#include <stdarg.h>

enum { BUFFER_SIZE_MIN = 64, VARINT_SIZE_MAX = 10 };

void btr_buffer_fini(struct btr_buffer *b)
{
    free(b->at);
    *b = (struct btr_buffer){0};
}

void btr_buffer_clear(struct btr_buffer *b)
{
    b->size = 0;
    b->failed = false;
}

bool btr_buffer_reserve(struct btr_buffer *b, size_t more)
{
    if (b->failed)
        return false;
    if (more <= b->capacity - b->size)
        return true;
    size_t need = b->size + more;
    size_t capacity = b->capacity < BUFFER_SIZE_MIN ? BUFFER_SIZE_MIN : b->capacity;
    while (capacity < need && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    uint8_t *grown = need < more || capacity < need ? NULL : realloc(b->at, capacity);
    if (!grown) {
        b->failed = true;
        return false;
    }
    b->at = grown;
    b->capacity = capacity;
    return true;
}

void btr_buffer_put(struct btr_buffer *b, const void *bytes, size_t size)
{
    if (size == 0 || !btr_buffer_reserve(b, size))
        return;
    memcpy(b->at + b->size, bytes, size);
    b->size += size;
}

void btr_buffer_span(struct btr_buffer *b, struct btr_span s)
{
    btr_buffer_put(b, s.at, s.size);
}

void btr_buffer_text(struct btr_buffer *b, const char *text)
{
    btr_buffer_put(b, text, strlen(text));
}

void btr_buffer_format(struct btr_buffer *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    if (size < 0) {
        b->failed = true;
    } else if (btr_buffer_reserve(b, (size_t)size + 1)) {
        vsnprintf((char *)b->at + b->size, (size_t)size + 1, format, again);
        b->size += (size_t)size;
    }
    va_end(again);
    va_end(args);
}

static void put_little(struct btr_buffer *b, uint64_t v, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    btr_buffer_put(b, bytes, size);
}

void btr_buffer_u8(struct btr_buffer *b, uint8_t v)
{
    btr_buffer_put(b, &v, 1);
}

void btr_buffer_u16(struct btr_buffer *b, uint16_t v)
{
    put_little(b, v, 2);
}

void btr_buffer_u32(struct btr_buffer *b, uint32_t v)
{
    put_little(b, v, 4);
}

void btr_buffer_u64(struct btr_buffer *b, uint64_t v)
{
    put_little(b, v, 8);
}

void btr_buffer_varint(struct btr_buffer *b, uint64_t v)
{
    if (!btr_buffer_reserve(b, VARINT_SIZE_MAX))
        return;
    while (v >= 0x80) {
        b->at[b->size++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    b->at[b->size++] = (uint8_t)v;
}

void btr_buffer_svarint(struct btr_buffer *b, int64_t v)
{
    btr_buffer_varint(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}
