#include <btr/escape.h>

#include "utf8.h"

/* One piece of the input: a well-formed character, or one byte that belongs to none. */
struct piece {
    struct btr_span bytes;
    uint32_t code;
    bool valid;
};

static bool piece_next(struct btr_span *rest, struct piece *piece)
{
    if (rest->size == 0)
        return false;
    size_t size = base_utf8_next(*rest, &piece->code);
    piece->valid = size > 0;
    piece->bytes = (struct btr_span){rest->at, size > 0 ? size : 1};
    *rest = (struct btr_span){rest->at + piece->bytes.size, rest->size - piece->bytes.size};
    return true;
}

/* How many bytes at the front are plain ASCII that no writer has to touch. */
static size_t plain_size(struct btr_span bytes)
{
    size_t size = 0;
    while (size < bytes.size) {
        uint8_t byte = bytes.at[size];
        if (byte < 0x20 || byte > 0x7e || byte == '"' || byte == '\\' || byte == '&' ||
            byte == '<' || byte == '>' || byte == '\'')
            break;
        size++;
    }
    return size;
}

/* Copies the plain beginning, then takes one piece. @return false at the end */
static bool piece_after_plain(struct btr_buffer *out, struct btr_span *rest, struct piece *piece)
{
    size_t size = plain_size(*rest);
    btr_buffer_put(out, rest->at, size);
    if (size > 0)
        *rest = (struct btr_span){rest->at + size, rest->size - size};
    return piece_next(rest, piece);
}

/* An unprintable piece as \n, \t, \r, \xNN or \u{NNNN}; `slash` is how a backslash is written. */
static void put_visible(struct btr_buffer *out, const struct piece *piece, const char *slash)
{
    btr_buffer_text(out, slash);
    if (!piece->valid)
        btr_buffer_format(out, "x%02x", piece->bytes.at[0]);
    else if (piece->code == '\n')
        btr_buffer_text(out, "n");
    else if (piece->code == '\t')
        btr_buffer_text(out, "t");
    else if (piece->code == '\r')
        btr_buffer_text(out, "r");
    else if (piece->code < 0x80)
        btr_buffer_format(out, "x%02x", (unsigned)piece->code);
    else
        btr_buffer_format(out, "u{%04x}", (unsigned)piece->code);
}

static bool is_unprintable(const struct piece *piece)
{
    return !piece->valid || base_code_is_unprintable(piece->code);
}

void btr_escape_terminal(struct btr_buffer *out, struct btr_span bytes)
{
    struct piece piece;
    while (piece_after_plain(out, &bytes, &piece)) {
        if (is_unprintable(&piece))
            put_visible(out, &piece, "\\");
        else if (piece.code == '\\')
            btr_buffer_text(out, "\\\\");
        else
            btr_buffer_span(out, piece.bytes);
    }
}

/* One code point as UTF-8 (RFC 3629). */
static void put_utf8(struct btr_buffer *out, uint32_t code)
{
    if (code < 0x80) {
        btr_buffer_u8(out, (uint8_t)code);
    } else if (code < 0x800) {
        btr_buffer_u8(out, (uint8_t)(0xc0 | code >> 6));
        btr_buffer_u8(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else {
        if (code < 0x10000) {
            btr_buffer_u8(out, (uint8_t)(0xe0 | code >> 12));
        } else {
            btr_buffer_u8(out, (uint8_t)(0xf0 | code >> 18));
            btr_buffer_u8(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        }
        btr_buffer_u8(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        btr_buffer_u8(out, (uint8_t)(0x80 | (code & 0x3f)));
    }
}

/* The escape after a backslash. @return bytes of `rest` that it took, 0 when it is none */
static size_t escape_read(struct btr_buffer *out, struct btr_span rest)
{
    static const char letters[] = "\\\\n\nt\tr\r"; /* pairs: what is written, what is meant */
    uint64_t code;
    for (size_t i = 0; rest.size > 0 && i + 1 < sizeof(letters); i += 2) {
        if (rest.at[0] == (uint8_t)letters[i]) {
            btr_buffer_u8(out, (uint8_t)letters[i + 1]);
            return 1;
        }
    }
    if (rest.size >= 3 && rest.at[0] == 'x' &&
        btr_span_number((struct btr_span){rest.at + 1, 2}, 16, &code)) {
        btr_buffer_u8(out, (uint8_t)code);
        return 3;
    }
    const uint8_t *close = rest.size > 2 && rest.at[0] == 'u' && rest.at[1] == '{'
                               ? memchr(rest.at, '}', rest.size < 10 ? rest.size : 10)
                               : NULL;
    if (!close ||
        !btr_span_number((struct btr_span){rest.at + 2, (size_t)(close - rest.at) - 2}, 16,
                         &code) ||
        code > 0x10ffff)
        return 0;
    put_utf8(out, (uint32_t)code);
    return (size_t)(close - rest.at) + 1;
}

bool btr_unescape_terminal(struct btr_buffer *out, struct btr_span text)
{
    while (text.size > 0) {
        const uint8_t *slash = memchr(text.at, '\\', text.size);
        size_t plain = slash ? (size_t)(slash - text.at) : text.size;
        btr_buffer_put(out, text.at, plain);
        text = (struct btr_span){text.at + plain, text.size - plain};
        if (text.size == 0)
            break;
        size_t taken = escape_read(out, (struct btr_span){text.at + 1, text.size - 1});
        if (taken == 0)
            return false;
        text = (struct btr_span){text.at + 1 + taken, text.size - 1 - taken};
    }
    return true;
}

static void put_json_code(struct btr_buffer *out, uint32_t code)
{
    if (code < 0x10000) {
        btr_buffer_format(out, "\\u%04x", (unsigned)code);
        return;
    }
    code -= 0x10000;
    btr_buffer_format(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + (code >> 10)),
                      (unsigned)(0xdc00 + (code & 0x3ff)));
}

static void put_json_piece(struct btr_buffer *out, const struct piece *piece)
{
    if (!piece->valid) {
        btr_buffer_format(out, "\\udc%02x",
                          piece->bytes.at[0]); /* Python's surrogateescape, PEP 383 */
        return;
    }
    switch (piece->code) {
    case '"':
    case '\\':
        btr_buffer_u8(out, '\\');
        btr_buffer_u8(out, (uint8_t)piece->code);
        return;
    case '\n':
        btr_buffer_text(out, "\\n");
        return;
    case '\r':
        btr_buffer_text(out, "\\r");
        return;
    case '\t':
        btr_buffer_text(out, "\\t");
        return;
    default:
        if (base_code_is_unprintable(piece->code))
            put_json_code(out, piece->code);
        else
            btr_buffer_span(out, piece->bytes);
    }
}

void btr_escape_json(struct btr_buffer *out, struct btr_span bytes)
{
    struct piece piece;
    btr_buffer_u8(out, '"');
    while (piece_after_plain(out, &bytes, &piece))
        put_json_piece(out, &piece);
    btr_buffer_u8(out, '"');
}

/* Graphviz reads escapes and HTML entities in a quoted label, so backslash and ampersand are
 * written as such. */
void btr_escape_dot(struct btr_buffer *out, struct btr_span bytes)
{
    struct piece piece;
    btr_buffer_u8(out, '"');
    while (piece_after_plain(out, &bytes, &piece)) {
        if (is_unprintable(&piece))
            put_visible(out, &piece, "\\\\");
        else if (piece.code == '\\')
            btr_buffer_text(out, "\\\\\\\\");
        else if (piece.code == '"')
            btr_buffer_text(out, "\\\"");
        else if (piece.code == '&')
            btr_buffer_text(out, "&amp;");
        else
            btr_buffer_span(out, piece.bytes);
    }
    btr_buffer_u8(out, '"');
}

/* XML 1.0, section 2.2: what a document can hold at all. */
static bool xml_can_hold(const struct piece *piece)
{
    if (!piece->valid)
        return false;
    if (piece->code < 0x20)
        return piece->code == '\t' || piece->code == '\n' || piece->code == '\r';
    return piece->code != 0xfffe && piece->code != 0xffff;
}

/* Whether what follows begins with a backslash or an x once written, so that a backslash must be
 * told apart from \xNN. */
static bool xml_backslash_is_unclear(struct btr_span rest)
{
    struct piece next;
    if (!piece_next(&rest, &next))
        return false;
    return next.code == '\\' || next.code == 'x' || !xml_can_hold(&next);
}

static void put_xml_piece(struct btr_buffer *out, const struct piece *piece, struct btr_span rest)
{
    if (!xml_can_hold(piece)) {
        for (size_t i = 0; i < piece->bytes.size; i++)
            btr_buffer_format(out, "\\x%02x", piece->bytes.at[i]);
        return;
    }
    if (piece->code == '\\') {
        btr_buffer_text(out, xml_backslash_is_unclear(rest) ? "\\\\" : "\\");
        return;
    }
    bool special = piece->code == '&' || piece->code == '<' || piece->code == '>' ||
                   piece->code == '"' || piece->code == '\'';
    if (special || base_code_is_unprintable(piece->code))
        btr_buffer_format(out, "&#%u;", (unsigned)piece->code);
    else
        btr_buffer_span(out, piece->bytes);
}

void btr_escape_xml(struct btr_buffer *out, struct btr_span bytes)
{
    struct piece piece;
    while (piece_after_plain(out, &bytes, &piece))
        put_xml_piece(out, &piece, bytes);
}
