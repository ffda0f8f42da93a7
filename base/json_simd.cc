/* The careful one of the two fast JSON readers: json_quick.c has what is usual, this one all else.
   simdjson On-Demand (https://github.com/simdjson/simdjson), with a C face.
   Structure comes from simdjson; scalars are read here from their raw tokens, because numbers are
   kept as written, lone surrogates become WTF-8 (which get_string refuses), and strings with no
   escape are borrowed and not copied. */
#include <simdjson.h>

#include <stdio.h>
#include <stdlib.h>

#include <new>

/* The C headers hold compound literals, which C++ has as an extension. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wc99-extensions"
#endif
extern "C" {
#include "json_quick.h"
}
#pragma GCC diagnostic pop

namespace od = simdjson::ondemand;

struct btr_json_reader {
    od::parser parser;
    uint8_t *padded; /* the text, then SIMDJSON_PADDING zero bytes */
    size_t padded_size;
    struct btr_json_member *members;
    uint32_t member_capacity; /* grows up to BTR_JSON_MEMBERS_MAX */
};

namespace
{

/* One call of the reader. */
struct flat {
    struct btr_json_reader *reader;
    struct btr_span text; /* the caller's bytes; values borrow from here, never from `padded` */
    struct btr_arena *arena;
    uint32_t count;
    size_t offset; /* of the token in hand, for the message */
    const char *what;
};

struct path {
    struct btr_span name;
    bool root;
    unsigned depth;
};

int refuse(struct flat *f, int code, const char *what)
{
    f->what = what;
    return code;
}

/* A token ends before the next one begins: the blanks between belong to nobody. */
struct btr_span token_span(struct flat *f, std::string_view raw)
{
    f->offset = (size_t)((const uint8_t *)raw.data() - f->reader->padded);
    size_t size = raw.size();
    if (f->offset + size > f->text.size)
        size = f->text.size - f->offset;
    struct btr_span s = {f->text.at + f->offset, size};
    while (s.size && (s.at[s.size - 1] == ' ' || s.at[s.size - 1] == '\t' ||
                      s.at[s.size - 1] == '\n' || s.at[s.size - 1] == '\r'))
        s.size--;
    return s;
}

/* `raw` is what stands between the quotes. */
int unescape(struct flat *f, struct btr_span raw, struct btr_span *out)
{
    if (raw.size == 0 || !memchr(raw.at, '\\', raw.size)) {
        *out = raw;
        return 0;
    }
    uint8_t *to = (uint8_t *)btr_arena_alloc(f->arena, raw.size,
                                             1); /* no escape is shorter than what it means */
    if (!to)
        return refuse(f, BTR_E_NOMEM, "string");
    size_t size = base_json_unescape(to, raw);
    if (size == SIZE_MAX)
        return refuse(f, BTR_E_FORMAT, "bad escape in a string");
    *out = {to, size};
    return 0;
}

/* Where a string ends that begins behind a quote: its first quote that no backslash hides. */
size_t quote_end(struct btr_span s)
{
    const uint8_t *quote = s.size ? (const uint8_t *)memchr(s.at, '"', s.size) : nullptr;
    if (quote && !memchr(s.at, '\\', (size_t)(quote - s.at)))
        return (size_t)(quote - s.at);
    size_t i = 0;
    while (i < s.size && s.at[i] != '"')
        i += s.at[i] == '\\' ? 2 : 1;
    return i;
}

size_t digits(struct btr_span s, size_t i)
{
    while (i < s.size && s.at[i] >= '0' && s.at[i] <= '9')
        i++;
    return i;
}

/* RFC 8259 section 6. */
bool is_number(struct btr_span s)
{
    size_t i = s.size && s.at[0] == '-';
    size_t end = digits(s, i);
    if (end == i || (s.at[i] == '0' && end > i + 1))
        return false;
    if (end < s.size && s.at[end] == '.') {
        i = end + 1;
        end = digits(s, i);
        if (end == i)
            return false;
    }
    if (end < s.size && (s.at[end] | 0x20) == 'e') {
        i = end + 1;
        if (i < s.size && (s.at[i] == '+' || s.at[i] == '-'))
            i++;
        end = digits(s, i);
        if (end == i)
            return false;
    }
    return end == s.size;
}

bool grow(struct btr_json_reader *reader)
{
    uint32_t capacity = reader->member_capacity ? reader->member_capacity * 2 : 64;
    void *grown = realloc(reader->members, capacity * sizeof(*reader->members));
    if (!grown)
        return false;
    reader->members = (struct btr_json_member *)grown;
    reader->member_capacity = capacity;
    return true;
}

int emit(struct flat *f, struct btr_span name, struct btr_span value, enum btr_json_type type)
{
    if (f->count == BTR_JSON_MEMBERS_MAX)
        return refuse(f, BTR_E_LIMIT, "too many members");
    if (f->count == f->reader->member_capacity && !grow(f->reader))
        return refuse(f, BTR_E_NOMEM, "members");
    f->reader->members[f->count++] = {name, value, type};
    return 0;
}

int scalar(struct flat *f, struct btr_span name, std::string_view raw)
{
    struct btr_span token = token_span(f, raw);
    if (token.size == 0)
        return refuse(f, BTR_E_FORMAT, "value missing");
    if (token.at[0] == '"') {
        /* simdjson found the closing quote: a token that begins with a quote is one string. */
        if (token.size < 2 || token.at[token.size - 1] != '"')
            return refuse(f, BTR_E_FORMAT, "string does not end");
        struct btr_span inner = {token.at + 1, token.size - 2}, value;
        int rc = unescape(f, inner, &value);
        return rc < 0 ? rc : emit(f, name, value, BTR_JSON_STRING);
    }
    std::string_view word((const char *)token.at, token.size);
    if (word == "true" || word == "false")
        return emit(f, name, token, BTR_JSON_BOOL);
    if (word == "null")
        return emit(f, name, token, BTR_JSON_NULL);
    return is_number(token) ? emit(f, name, token, BTR_JSON_NUMBER)
                            : refuse(f, BTR_E_FORMAT, "no JSON value");
}

int join(struct flat *f, const struct path *at, struct btr_span key, struct btr_span *name)
{
    size_t size = at->root ? key.size : at->name.size + 1 + key.size;
    if (size > BTR_JSON_NAME_MAX)
        return refuse(f, BTR_E_LIMIT, "name too long");
    if (at->root) {
        *name = key;
        return 0;
    }
    uint8_t *to = (uint8_t *)btr_arena_alloc(f->arena, size, 1);
    if (!to)
        return refuse(f, BTR_E_NOMEM, "name");
    memcpy(to, at->name.at, at->name.size);
    to[at->name.size] = '.';
    if (key.size)
        memcpy(to + at->name.size + 1, key.at, key.size);
    *name = {to, size};
    return 0;
}

int fault(struct flat *f, simdjson::error_code error)
{
    if (error == simdjson::MEMALLOC)
        return refuse(f, BTR_E_NOMEM, "JSON reader");
    return refuse(f, BTR_E_FORMAT, simdjson::error_message(error));
}

int walk_object(struct flat *f, od::object object, const struct path *at);
int walk_array(struct flat *f, od::array array, const struct path *at);

int walk_value(struct flat *f, od::value value, struct btr_span name, unsigned depth)
{
    struct path inner = {name, false, depth + 1};
    od::json_type type;
    simdjson::error_code error = value.type().get(type);
    if (error)
        return fault(f, error);
    if (type == od::json_type::object) {
        od::object object;
        error = value.get_object().get(object);
        return error ? fault(f, error) : walk_object(f, object, &inner);
    }
    if (type == od::json_type::array) {
        od::array array;
        error = value.get_array().get(array);
        return error ? fault(f, error) : walk_array(f, array, &inner);
    }
    std::string_view raw = value.raw_json_token();
    od::raw_json_string taken; /* a string left in place would be skipped as if it could be a key */
    if (type == od::json_type::string && (error = value.get_raw_json_string().get(taken)))
        return fault(f, error);
    return scalar(f, name, raw);
}

int walk_array(struct flat *f, od::array array, const struct path *at)
{
    if (at->depth > BTR_JSON_DEPTH_MAX)
        return refuse(f, BTR_E_LIMIT, "nested too deep");
    unsigned index = 0;
    for (auto item : array) {
        od::value value;
        simdjson::error_code error = item.get(value);
        if (error)
            return fault(f, error);
        char text[16];
        int size = snprintf(text, sizeof(text), "%u", index++);
        struct btr_span name;
        int rc = join(f, at, {(const uint8_t *)text, (size_t)size}, &name);
        if (rc == 0)
            rc = walk_value(f, value, name, at->depth);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int walk_field(struct flat *f, od::field field, const struct path *at)
{
    const uint8_t *key_at = (const uint8_t *)field.key().raw();
    f->offset = (size_t)(key_at - f->reader->padded);
    struct btr_span raw = {f->text.at + f->offset, f->text.size - f->offset}, key, name;
    raw.size = quote_end(raw);
    int rc = unescape(f, raw, &key);
    if (rc == 0)
        rc = join(f, at, key, &name);
    return rc < 0 ? rc : walk_value(f, field.value(), name, at->depth);
}

int walk_object(struct flat *f, od::object object, const struct path *at)
{
    if (at->depth > BTR_JSON_DEPTH_MAX)
        return refuse(f, BTR_E_LIMIT, "nested too deep");
    for (auto item : object) {
        od::field field;
        simdjson::error_code error = std::move(item).get(field);
        if (error)
            return fault(f, error);
        int rc = walk_field(f, field, at);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Copies the text behind room for simdjson to read over the end. */
bool pad(struct btr_json_reader *reader, struct btr_span text)
{
    size_t need = text.size + simdjson::SIMDJSON_PADDING;
    if (need > reader->padded_size) {
        size_t size = need + need / 2;
        uint8_t *grown = (uint8_t *)realloc(reader->padded, size);
        if (!grown)
            return false;
        reader->padded = grown;
        reader->padded_size = size;
    }
    if (text.size)
        memcpy(reader->padded, text.at, text.size);
    memset(reader->padded + text.size, 0, simdjson::SIMDJSON_PADDING);
    return true;
}

/* simdjson insists on UTF-8; names of files and the like are bytes. Only its copy loses the high
   bit: values are taken from the caller's text at the same offsets. Outside strings such a byte
   fits no grammar either way. */
void mask(uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] >= 0x80)
            at[i] = 'x';
}

int flatten(struct flat *f)
{
    struct btr_json_reader *reader = f->reader;
    if (!pad(reader, f->text))
        return refuse(f, BTR_E_NOMEM, "JSON text");
    od::document document;
    simdjson::error_code error =
        reader->parser.iterate(reader->padded, f->text.size, reader->padded_size).get(document);
    if (error == simdjson::UTF8_ERROR) {
        mask(reader->padded, f->text.size);
        error =
            reader->parser.iterate(reader->padded, f->text.size, reader->padded_size).get(document);
    }
    if (error)
        return fault(f, error);
    od::object object;
    error = document.get_object().get(object);
    if (error)
        return fault(f, error);
    struct path root = {{nullptr, 0}, true, 1};
    int rc = walk_object(f, object, &root);
    if (rc == 0 && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
        rc = refuse(f, BTR_E_FORMAT, "something follows the object");
    return rc;
}

} // namespace

extern "C" struct btr_json_reader *btr_json_reader_new(void)
{
    return new (std::nothrow) btr_json_reader();
}

extern "C" void btr_json_reader_free(struct btr_json_reader *reader)
{
    if (!reader)
        return;
    free(reader->members);
    free(reader->padded);
    delete reader;
}

/* The members lie in the reader until the next call. */
static int members_keep(const struct btr_json_reader *reader, uint32_t count,
                        struct btr_arena *arena, struct btr_json_member **members,
                        struct btr_err *err)
{
    size_t size = count * sizeof(struct btr_json_member);
    void *copy = btr_arena_alloc(arena, size, alignof(struct btr_json_member));
    if (!copy)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "JSON: %u members", count);
    if (size)
        memcpy(copy, reader->members, size);
    *members = (struct btr_json_member *)copy;
    return 0;
}

/* A byte order mark is passed over. */
static size_t mark_size(struct btr_span text)
{
    return text.size >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

extern "C" int btr_json_flatten_careful(struct btr_json_reader *reader, struct btr_span text,
                                        struct btr_arena *arena, struct btr_json_member **members,
                                        uint32_t *member_count, struct btr_err *err)
{
    size_t skipped = mark_size(text);
    struct flat f = {reader, {text.at + skipped, text.size - skipped}, arena, 0, 0, ""};
    int rc = f.text.size == 0 ? refuse(&f, BTR_E_FORMAT, "empty") : flatten(&f);
    if (rc < 0)
        return btr_fail(err, rc, skipped + f.offset, "JSON: %s", f.what);
    *member_count = f.count;
    return members_keep(reader, f.count, arena, members, err);
}

extern "C" int btr_json_flatten(struct btr_json_reader *reader, struct btr_span text,
                                struct btr_arena *arena, struct btr_json_member **members,
                                uint32_t *member_count, struct btr_err *err)
{
    size_t skipped = mark_size(text);
    if (reader->member_capacity == 0 && !grow(reader))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "JSON: members");
    struct base_json_members quick = {reader->members, 0, reader->member_capacity};
    if (!base_json_quick(&quick, {text.at + skipped, text.size - skipped}, arena))
        return btr_json_flatten_careful(reader, text, arena, members, member_count, err);
    *member_count = quick.count;
    return members_keep(reader, quick.count, arena, members, err);
}

extern "C" int btr_json_unescape(struct btr_span raw, struct btr_arena *arena, struct btr_span *out,
                                 struct btr_err *err)
{
    struct flat f = {nullptr, raw, arena, 0, 0, ""};
    int rc = unescape(&f, raw, out);
    return rc < 0 ? btr_fail(err, rc, UINT64_MAX, "JSON: %s", f.what) : 0;
}
