#ifndef QUERY_JSON_WRITER_H
#define QUERY_JSON_WRITER_H
/** Writes JSON piece by piece: commas and escapes are its business. */
#include <btr/buffer.h>
#include <btr/id.h>

struct json_writer {
    struct btr_buffer *out;
    bool first; /* no comma before the next item */
};

void json_open(struct json_writer *w, const char *name,
               char bracket); /* name NULL: an item of an array */
void json_close(struct json_writer *w, char bracket);
void json_text(struct json_writer *w, const char *name, struct btr_span text);
/** A bare decimal number of at most 20 digits, an id of 32: where they end. There must be room. */
uint8_t *json_put_digits(uint8_t *at, uint64_t count);
uint8_t *json_put_id(uint8_t *at, struct btr_id id);
/** An id as text. */
void json_id(struct json_writer *w, const char *name, struct btr_id id);
void json_number(struct json_writer *w, const char *name, int64_t number);
void json_count(struct json_writer *w, const char *name, uint64_t count);
void json_real(struct json_writer *w, const char *name, double number);
void json_bool(struct json_writer *w, const char *name, bool value);
void json_null(struct json_writer *w, const char *name);
/** The text when there is one; nothing else. */
void json_text_if(struct json_writer *w, const char *name, struct btr_span text);
/** Decimal text as a number when it is a plain one of at most 18 digits; else as a string; nothing
 * when empty. */
void json_digits_if(struct json_writer *w, const char *name, struct btr_span digits);
/** A line break between the items of a long array, for people who page through it. */
void json_newline(struct json_writer *w);

#endif
