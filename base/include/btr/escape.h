#ifndef BTR_ESCAPE_H
#define BTR_ESCAPE_H
/**
 * The way out for bytes that an agent sent. Every writer goes through one of these. Names are
 * bytes, not text: nothing is dropped, everything can be told apart.
 */
#include <btr/buffer.h>

/** For a terminal or a log line: printable UTF-8 stays; control bytes (C0, DEL, C1), bidi and other
 * format characters (U+200B-200F, 2028-202E, 2060-206F, FEFF), backslash and invalid UTF-8 appear
 * as \n \t \\ \xNN or \u{NNNN}. */
void btr_escape_terminal(struct btr_buffer *out, struct btr_span bytes);
/**
 * The reverse, for what a person pastes back: every output of btr_escape_terminal gives its input
 * again.
 * @return false when the text has a backslash that no escape begins with; `out` then holds a part
 */
bool btr_unescape_terminal(struct btr_buffer *out, struct btr_span text);
/** A JSON string with its quotes. Invalid UTF-8 byte 0xNN appears as \udcNN (Python's
 * surrogateescape). */
void btr_escape_json(struct btr_buffer *out, struct btr_span bytes);
/** A DOT double-quoted string with its quotes; also safe inside. */
void btr_escape_dot(struct btr_buffer *out, struct btr_span bytes);
/** XML text or attribute value; what XML 1.0 cannot hold appears as \xNN. */
void btr_escape_xml(struct btr_buffer *out, struct btr_span bytes);

#endif
