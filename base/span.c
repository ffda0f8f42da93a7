#include <btr/span.h>

int btr_span_compare(struct btr_span a, struct btr_span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.at, b.at, size);
    if (order != 0)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

bool btr_span_contains(struct btr_span text, struct btr_span part)
{
    if (part.size == 0)
        return true;
    for (size_t i = 0; i + part.size <= text.size; i++) {
        const uint8_t *found = memchr(text.at + i, part.at[0], text.size - part.size - i + 1);
        if (!found)
            return false;
        i = (size_t)(found - text.at);
        if (memcmp(found, part.at, part.size) == 0)
            return true;
    }
    return false;
}

/* Value of a digit, or 16 for any other byte. */
static unsigned digit_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - (unsigned)'0';
    if (byte >= 'a' && byte <= 'f')
        return byte - (unsigned)'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - (unsigned)'A' + 10;
    return 16;
}

/* So few digits fit in 64 bits whatever they are. */
static bool short_number(struct btr_span s, unsigned base, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s.size; i++) {
        unsigned digit = digit_value(s.at[i]);
        if (digit >= base)
            return false;
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}

bool btr_span_number(struct btr_span s, unsigned base, uint64_t *value)
{
    uint64_t sum = 0;
    if (s.size == 0)
        return false;
    if (base <= 16 && s.size <= 16)
        return short_number(s, base, value);
    for (size_t i = 0; i < s.size; i++) {
        unsigned digit = digit_value(s.at[i]);
        if (digit >= base || sum > (UINT64_MAX - digit) / base)
            return false;
        sum = sum * base + digit;
    }
    *value = sum;
    return true;
}

static void advance(struct btr_cursor *c, size_t size)
{
    c->rest.at += size;
    c->rest.size -= size;
    c->offset += size;
}

static bool read_little(struct btr_cursor *c, size_t size, uint64_t *value)
{
    if (c->rest.size < size)
        return false;
    uint64_t sum = 0;
    for (size_t i = size; i-- > 0;)
        sum = sum << 8 | c->rest.at[i];
    advance(c, size);
    *value = sum;
    return true;
}

bool btr_cursor_u8(struct btr_cursor *c, uint8_t *value)
{
    if (c->rest.size < 1)
        return false;
    *value = c->rest.at[0];
    advance(c, 1);
    return true;
}

bool btr_cursor_u16(struct btr_cursor *c, uint16_t *value)
{
    uint64_t wide;
    if (!read_little(c, 2, &wide))
        return false;
    *value = (uint16_t)wide;
    return true;
}

bool btr_cursor_u32(struct btr_cursor *c, uint32_t *value)
{
    uint64_t wide;
    if (!read_little(c, 4, &wide))
        return false;
    *value = (uint32_t)wide;
    return true;
}

bool btr_cursor_u64(struct btr_cursor *c, uint64_t *value)
{
    return read_little(c, 8, value);
}

bool btr_cursor_varint(struct btr_cursor *c, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->rest.size && i < 10; i++) {
        uint8_t byte = c->rest.at[i];
        if (i == 9 && byte > 1)
            return false; /* wider than 64 bits */
        sum |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (byte == 0 && i > 0)
            return false; /* overlong: one value has one encoding */
        advance(c, i + 1);
        *value = sum;
        return true;
    }
    return false;
}

bool btr_cursor_svarint(struct btr_cursor *c, int64_t *value)
{
    uint64_t zigzag;
    if (!btr_cursor_varint(c, &zigzag))
        return false;
    *value = (int64_t)(zigzag >> 1 ^ (0 - (zigzag & 1)));
    return true;
}

bool btr_cursor_span(struct btr_cursor *c, size_t size, struct btr_span *value)
{
    if (c->rest.size < size)
        return false;
    *value = (struct btr_span){c->rest.at, size};
    if (size > 0)
        advance(c, size);
    return true;
}
