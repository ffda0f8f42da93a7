/* Writes JSON piece by piece. */
#include "json_writer.h"

#include <btr/escape.h>

static void key(struct json_writer *w, const char *name)
{
    if (!w->first)
        btr_buffer_u8(w->out, ',');
    w->first = false;
    if (!name)
        return;
    btr_buffer_text(w->out, "\""); /* names are ours and plain */
    btr_buffer_text(w->out, name);
    btr_buffer_text(w->out, "\":");
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
void json_digits(struct btr_buffer *out, uint64_t count)
{
    char text[20];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + count % 10);
        count /= 10;
    } while (count);
    btr_buffer_put(out, text + at, sizeof text - at);
}

void json_number(struct json_writer *w, const char *name, int64_t number)
{
    key(w, name);
    if (number < 0)
        btr_buffer_u8(w->out, '-');
    json_digits(w->out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

void json_count(struct json_writer *w, const char *name, uint64_t count)
{
    key(w, name);
    json_digits(w->out, count);
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
