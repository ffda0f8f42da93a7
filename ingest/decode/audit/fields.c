#include "fields.h"

#define ROW16(a) a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a
const uint8_t audit_hex_values[256] = {
    ROW16(0xff), ROW16(0xff), ROW16(0xff), 0,           1,           2,           3,
    4,           5,           6,           7,           8,           9,           0xff,
    0xff,        0xff,        0xff,        0xff,        0xff,        0xff,        10,
    11,          12,          13,          14,          15,          0xff,        0xff,
    0xff,        0xff,        0xff,        0xff,        0xff,        0xff,        0xff,
    ROW16(0xff), 0xff,        10,          11,          12,          13,          14,
    15,          0xff,        0xff,        0xff,        0xff,        0xff,        0xff,
    0xff,        0xff,        0xff,        ROW16(0xff), ROW16(0xff), ROW16(0xff), ROW16(0xff),
    ROW16(0xff), ROW16(0xff), ROW16(0xff), ROW16(0xff), ROW16(0xff),
};
#undef ROW16

static struct btr_span span_between(const uint8_t *at, const uint8_t *end)
{
    return (struct btr_span){at, (size_t)(end - at)};
}

enum audit_field_step audit_value_next(struct audit_scan *s, struct audit_field *out)
{
    const uint8_t *at = s->at;
    uint8_t close = at < s->end && (*at == '"' || *at == '\'') ? *at : ' ';
    out->quoted = close != ' ';
    if (out->quoted)
        at++;
    const uint8_t *end = at < s->end ? memchr(at, close, (size_t)(s->end - at)) : NULL;
    enum audit_field_step step = !end && out->quoted ? AUDIT_FIELD_OPEN : AUDIT_FIELD_ONE;
    out->value = span_between(at, end ? end : s->end);
    s->at = end ? end + 1 : s->end;
    if (out->quoted && s->at < s->end && *s->at == ' ')
        s->at++;
    return step;
}

enum audit_field_step audit_field_next(struct audit_scan *s, struct audit_field *out)
{
    while (s->at < s->end && *s->at == ' ')
        s->at++;
    if (s->at == s->end)
        return AUDIT_FIELD_END;
    const uint8_t *begin = s->at;
    while (s->at < s->end && *s->at != '=' && *s->at != ' ')
        s->at++;
    if (s->at == s->end || *s->at == ' ') {
        *out = (struct audit_field){.key = {begin, 0}, .value = span_between(begin, s->at)};
        return AUDIT_FIELD_ONE;
    }
    out->key = span_between(begin, s->at);
    s->at++;
    return audit_value_next(s, out);
}

enum audit_field_step audit_field_next_inner(struct audit_scan *s, struct audit_field *out)
{
    while (s->at < s->end && (*s->at == '(' || *s->at == ' '))
        s->at++;
    enum audit_field_step step = audit_field_next(s, out);
    if (step != AUDIT_FIELD_ONE || out->quoted)
        return step;
    while (out->value.size > 0 &&
           (out->value.at[out->value.size - 1] == ',' || out->value.at[out->value.size - 1] == ')'))
        out->value.size--;
    return step;
}

#define IS(literal)                                                                                \
    (value.size == sizeof(literal) - 1 && audit_same(value.at, literal, sizeof(literal) - 1))

static bool text_absent(struct btr_span value)
{
    return value.size == 0 || IS("?") || (value.at[0] == '(' && (IS("(null)") || IS("(none)")));
}

#undef IS

struct audit_text audit_text_plain(const struct audit_field *field)
{
    if (!field->quoted && text_absent(field->value))
        return (struct audit_text){.form = AUDIT_TEXT_NONE};
    return (struct audit_text){field->value, AUDIT_TEXT_PLAIN};
}

/* Both the kernel and libaudit write upper-case digits; small letters are a plain word. */
static bool hex_digit(uint8_t byte)
{
    return audit_hex_values[byte] < 16 && byte < 'a';
}

struct audit_text audit_text_of(const struct audit_field *field)
{
    struct audit_text text = audit_text_plain(field);
    struct btr_span value = field->value;
    bool hex = text.form == AUDIT_TEXT_PLAIN && !field->quoted && value.size % 2 == 0 &&
               hex_digit(value.at[0]) && hex_digit(value.at[value.size - 1]);
    if (hex)
        text.form = AUDIT_TEXT_HEX;
    return text;
}

struct audit_text audit_text_loose(const struct audit_field *field)
{
    struct audit_text text = audit_text_of(field);
    for (size_t i = 0; text.form == AUDIT_TEXT_HEX && i < text.raw.size; i++)
        if (!hex_digit(text.raw.at[i]))
            text.form = AUDIT_TEXT_PLAIN;
    return text;
}

bool audit_text_decode(struct audit_text text, struct btr_arena *arena, struct btr_span *out)
{
    if (text.form != AUDIT_TEXT_HEX) {
        *out = text.form == AUDIT_TEXT_PLAIN ? text.raw : (struct btr_span){NULL, 0};
        return true;
    }
    uint8_t *bytes = btr_arena_alloc(arena, text.raw.size / 2, 1);
    if (!bytes)
        return false;
    uint8_t bad = text.raw.size % 2 ? 0xff : 0;
    for (size_t i = 0; i < text.raw.size / 2; i++) {
        uint8_t high = audit_hex_values[text.raw.at[2 * i]],
                low = audit_hex_values[text.raw.at[2 * i + 1]];
        bad |= (uint8_t)(high | low);
        bytes[i] = (uint8_t)(high << 4 | (low & 15));
    }
    *out = bad < 16 ? (struct btr_span){bytes, text.raw.size / 2}
                    : text.raw; /* not hex after all: as written */
    return true;
}

bool audit_number_u32(struct btr_span value, uint32_t *out)
{
    static const struct btr_span unset = {(const uint8_t *)"unset", 5},
                                 minus = {(const uint8_t *)"-1", 2};
    uint64_t number;
    if (btr_span_equal(value, unset) || btr_span_equal(value, minus)) {
        *out = UINT32_MAX;
        return true;
    }
    if (!btr_span_number(value, 10, &number) || number > UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

bool audit_number_hex(struct btr_span value, uint64_t *out)
{
    if (value.size > 2 && value.at[0] == '0' && (value.at[1] == 'x' || value.at[1] == 'X')) {
        value.at += 2;
        value.size -= 2;
    }
    return btr_span_number(value, 16, out);
}

bool audit_number_octal(struct btr_span value, uint64_t *out)
{
    uint64_t v = 0;
    if (value.size == 0)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t digit = (uint8_t)(value.at[i] - '0');
        if (digit > 7 || v >> 61)
            return false;
        v = v << 3 | digit;
    }
    *out = v;
    return true;
}

bool audit_number_signed(struct btr_span value, int64_t *out)
{
    uint64_t number;
    bool negative = value.size > 0 && value.at[0] == '-';
    struct btr_span digits = {value.at + negative, value.size - negative};
    uint64_t most = (uint64_t)INT64_MAX + negative;
    if (!btr_span_number(digits, 10, &number) || number > most)
        return false;
    *out = (int64_t)(negative ? 0 - number : number);
    return true;
}
