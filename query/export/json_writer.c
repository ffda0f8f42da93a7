/* Writes JSON piece by piece. */
#include "json_writer.h"

#include <btr/escape.h>

/* Two digits each. */
static const char PAIRS[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

static void key(struct json_writer *w, const char *name)
{
    size_t size = name ? strlen(name) : 0; /* names are ours and plain */
    if (!btr_buffer_reserve(w->out, size + 4))
        return;
    uint8_t *at = w->out->at + w->out->size;
    if (!w->first)
        *at++ = ',';
    w->first = false;
    if (name) {
        *at++ = '"';
        memcpy(at, name, size);
        at += size;
        *at++ = '"';
        *at++ = ':';
    }
    w->out->size = (size_t)(at - w->out->at);
}

void json_open(struct json_writer *w, const char *name, char bracket)
{
    key(w, name);
    btr_buffer_u8(w->out, (uint8_t)bracket);
    w->first = true;
}

void json_close(struct json_writer *w, char bracket)
{
    btr_buffer_u8(w->out, (uint8_t)bracket);
    w->first = false;
}

void json_text(struct json_writer *w, const char *name, struct btr_span text)
{
    key(w, name);
    btr_escape_json(w->out, text);
}

/* Hot: an answer with all its evidence is mostly numbers. */
uint8_t *json_put_digits(uint8_t *at, uint64_t count)
{
    char text[20];
    size_t begin = sizeof text;
    for (; count >= 100; count /= 100) {
        begin -= 2;
        memcpy(text + begin, PAIRS + 2 * (count % 100), 2);
    }
    if (count >= 10) {
        begin -= 2;
        memcpy(text + begin, PAIRS + 2 * count, 2);
    } else {
        text[--begin] = (char)('0' + count);
    }
    memcpy(at, text + begin, sizeof text - begin);
    return at + (sizeof text - begin);
}

/* Eight digits at once: half bytes are spread over bytes, and those above 9 moved on to the
 * letters.
 */
static uint8_t *put_hex(uint8_t *at, uint32_t bits)
{
    uint64_t x = bits;
    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    uint64_t letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    x += UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(x >> (56 - 8 * i));
    return at + 8;
}

uint8_t *json_put_id(uint8_t *at, struct btr_id id)
{
    at = put_hex(at, (uint32_t)(id.hi >> 32));
    at = put_hex(at, (uint32_t)id.hi);
    at = put_hex(at, (uint32_t)(id.lo >> 32));
    return put_hex(at, (uint32_t)id.lo);
}

static void digits(struct btr_buffer *out, uint64_t count)
{
    if (btr_buffer_reserve(out, 20))
        out->size = (size_t)(json_put_digits(out->at + out->size, count) - out->at);
}

void json_id(struct json_writer *w, const char *name, struct btr_id id)
{
    key(w, name);
    if (!btr_buffer_reserve(w->out, 34))
        return;
    uint8_t *at = w->out->at + w->out->size;
    *at++ = '"';
    at = json_put_id(at, id);
    *at++ = '"';
    w->out->size = (size_t)(at - w->out->at);
}

void json_number(struct json_writer *w, const char *name, int64_t number)
{
    key(w, name);
    if (number < 0)
        btr_buffer_u8(w->out, '-');
    digits(w->out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void json_count(struct json_writer *w, const char *name, uint64_t count)
{
    key(w, name);
    digits(w->out, count);
}

void json_real(struct json_writer *w, const char *name, double number)
{
    key(w, name);
    if (number == 0)
        btr_buffer_u8(w->out, '0');
    else
        btr_buffer_format(w->out, "%.6g", number);
}

void json_bool(struct json_writer *w, const char *name, bool value)
{
    key(w, name);
    btr_buffer_text(w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w, const char *name)
{
    key(w, name);
    btr_buffer_text(w->out, "null");
}

void json_text_if(struct json_writer *w, const char *name, struct btr_span text)
{
    if (text.size)
        json_text(w, name, text);
}

void json_digits_if(struct json_writer *w, const char *name, struct btr_span digits)
{
    uint64_t value;
    bool plain = digits.size <= 18 && btr_span_number(digits, 10, &value);
    if (plain && (digits.size == 1 || digits.at[0] != '0'))
        json_count(w, name, value);
    else
        json_text_if(w, name, digits);
}

void json_newline(struct json_writer *w)
{
    if (w->first)
        btr_buffer_u8(w->out, '\n');
    else
        btr_buffer_text(w->out, ",\n");
    w->first = true;
}
