#ifndef INGEST_AUDIT_FIELDS_H
#define INGEST_AUDIT_FIELDS_H
/** Reading key=value text of audit records. Nothing here reads beyond `end`. */
#include "audit_event.h"

/** A place in a record's text. */
struct audit_scan {
    const uint8_t *at, *end;
    const uint8_t *begin; /* what offsets count from */
};

static inline bool audit_is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') < 10;
}

/** Value of a hex digit, or 0xff. */
extern const uint8_t audit_hex_values[256];

/** Two overlapping loads of one size: for a fixed size, a few instructions where memcmp would be a
 * call. */
#define AUDIT_SAME_AS(type, a, b, size)                                                            \
    do {                                                                                           \
        type a0, b0, a1, b1;                                                                       \
        memcpy(&a0, (a), sizeof(a0));                                                              \
        memcpy(&b0, (b), sizeof(b0));                                                              \
        memcpy(&a1, (a) + (size) - sizeof(a1), sizeof(a1));                                        \
        memcpy(&b1, (b) + (size) - sizeof(b1), sizeof(b1));                                        \
        return ((a0 ^ b0) | (a1 ^ b1)) == 0;                                                       \
    } while (0)

/** Whether a word of fixed size stands at a place that has at least as many bytes. */
__attribute__((always_inline)) static inline bool audit_same(const uint8_t *at, const char *word,
                                                             size_t size)
{
    if (size > 16)
        return memcmp(at, word, size) == 0;
    if (size >= 8)
        AUDIT_SAME_AS(uint64_t, at, word, size);
    if (size >= 4)
        AUDIT_SAME_AS(uint32_t, at, word, size);
    if (size >= 2)
        AUDIT_SAME_AS(uint16_t, at, word, size);
    return size == 0 || *at == (uint8_t)*word;
}

/** Steps over a fixed word, if it is there. */
__attribute__((always_inline)) static inline bool audit_scan_word(struct audit_scan *s,
                                                                  const char *word, size_t size)
{
    if ((size_t)(s->end - s->at) < size || !audit_same(s->at, word, size))
        return false;
    s->at += size;
    return true;
}

#define AUDIT_SCAN(s, literal) audit_scan_word((s), "" literal, sizeof(literal) - 1)

/** Reads digits. @return false when there is none, or more than 64 bits hold */
static inline bool audit_scan_decimal(struct audit_scan *s, uint64_t *value)
{
    const uint8_t *at = s->at,
                  *end = s->end - at > 19 ? at + 19 : s->end; /* 19 digits always fit */
    uint64_t v = 0;
    while (at < end && audit_is_digit(*at))
        v = v * 10 + (uint64_t)(*at++ - '0');
    if (at == s->at || (at < s->end && audit_is_digit(*at)))
        return false;
    s->at = at;
    *value = v;
    return true;
}

/** Reads hex digits, at most 16. @return false when there is none, or more */
static inline bool audit_scan_hex(struct audit_scan *s, uint64_t *value)
{
    const uint8_t *at = s->at, *end = s->end - at > 16 ? at + 16 : s->end;
    uint64_t v = 0;
    for (uint8_t digit; at < end && (digit = audit_hex_values[*at]) < 16; at++)
        v = v << 4 | digit;
    if (at == s->at || (at < s->end && audit_hex_values[*at] < 16))
        return false;
    s->at = at;
    *value = v;
    return true;
}

/** One word of a record: key=value, or a bare word with an empty key. */
struct audit_field {
    struct btr_span key, value; /* value: without quotes */
    bool quoted;
};

enum audit_field_step { AUDIT_FIELD_END, AUDIT_FIELD_ONE, AUDIT_FIELD_OPEN };

/**
 * The next word.
 * @return AUDIT_FIELD_OPEN when a quote is not closed: the field then reaches to the end
 */
enum audit_field_step audit_field_next(struct audit_scan *s, struct audit_field *out);

/** A value whose key is behind: quoted, or up to a space, which is passed. Sets no key. */
enum audit_field_step audit_value_next(struct audit_scan *s, struct audit_field *out);

/** The same inside a user's msg='...': commas and brackets around values are left out (old pam:
 * "(hostname=?, addr=?)"). */
enum audit_field_step audit_field_next_inner(struct audit_scan *s, struct audit_field *out);

/** What a value means as text of the kernel: quoted, or hex, or (null). Hex is checked when it is
 * decoded. */
struct audit_text audit_text_of(const struct audit_field *field);
/** A value that is never hex (tty=, op=, hostname=). */
struct audit_text audit_text_plain(const struct audit_field *field);
/** A value that may be unquoted and plain, too (acct= of old pam): hex only if it is hex
 * throughout. */
struct audit_text audit_text_loose(const struct audit_field *field);

/** Whole value as a number. `unset` words: "unset" and 4294967295 give UINT32_MAX. @return false
 * when it is no such number */
bool audit_number_u32(struct btr_span value, uint32_t *out);
bool audit_number_hex(struct btr_span value, uint64_t *out); /* 0x is allowed */
bool audit_number_octal(struct btr_span value, uint64_t *out);
bool audit_number_signed(struct btr_span value, int64_t *out);

/** Decodes saddr=. @return false when it is not hex; odd contents give AUDIT_FAMILY_OTHER */
bool audit_sockaddr_parse(struct btr_span hex, struct audit_sockaddr *out);

#endif
