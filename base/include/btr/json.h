#ifndef BTR_JSON_H
#define BTR_JSON_H
/**
 * Reading JSON, two ways. The tree (cJSON) for configuration and small documents, and the reference.
 * The flat reader (simdjson) for records: it visits the scalar members of one object in the order of
 * the text, nested members under dotted names.
 */
#include <btr/arena.h>
#include <btr/buffer.h>
#include <btr/err.h>

enum btr_json_type { BTR_JSON_NULL, BTR_JSON_BOOL, BTR_JSON_NUMBER, BTR_JSON_STRING };

struct btr_json_member {
    struct btr_span name;  /* path from the root, "winlog.event_data.Image"; array items are named by their index */
    struct btr_span value; /* a string unescaped (lone surrogates become their WTF-8 bytes), a number as written, true/false */
    enum btr_json_type type;
};

enum { BTR_JSON_DEPTH_MAX = 16, BTR_JSON_MEMBERS_MAX = 4096, BTR_JSON_NAME_MAX = 1024 };

struct btr_json_reader;
struct btr_json_reader *btr_json_reader_new(void); /* NULL when out of memory; one thread */
void btr_json_reader_free(struct btr_json_reader *reader);

/**
 * Flattens one JSON object. Accepted: RFC 8259, a byte order mark before it, and any bytes >= 0x80 inside strings
 * (names are bytes, not text). Values and names borrow from `text` or lie in `arena`. Duplicates of a name all appear.
 * @param members  receives a pointer into `arena`; member_count of them
 * @param text     need not be padded or NUL-terminated
 * @return 0, or BTR_E_FORMAT (not one whole JSON object; err->offset points into text), BTR_E_LIMIT, BTR_E_NOMEM
 */
int btr_json_flatten(struct btr_json_reader *reader, struct btr_span text, struct btr_arena *arena,
                     struct btr_json_member **members, uint32_t *member_count, struct btr_err *err);
/** The same by simdjson alone, which else reads what is not of the usual kind: for tests. */
int btr_json_flatten_careful(struct btr_json_reader *reader, struct btr_span text, struct btr_arena *arena,
                             struct btr_json_member **members, uint32_t *member_count, struct btr_err *err);
/** The same by cJSON: the reference that tests and fuzzers hold the fast one to. Text with NUL bytes is refused alike. */
int btr_json_flatten_plain(struct btr_span text, struct btr_arena *arena, struct btr_json_member **members,
                           uint32_t *member_count, struct btr_err *err);
/**
 * What a JSON string means.
 * @param raw  what stands between its quotes
 * @param out  `raw` itself when it has no escape, else bytes in `arena`; unchanged on failure
 * @return 0, BTR_E_FORMAT (an escape that RFC 8259 does not know), BTR_E_NOMEM (also when the arena is full)
 */
int btr_json_unescape(struct btr_span raw, struct btr_arena *arena, struct btr_span *out, struct btr_err *err);

#endif
