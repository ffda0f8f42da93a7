/* Source: RFC 8259. */
#include "json_parts.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

size_t source_json_blank_end(struct btr_span text, size_t at)
{
    while (at < text.size && is_blank(text.at[at]))
        at++;
    return at;
}

/* `at` stands behind the opening quote. Backslashes are counted back from each quote, at most to
 * the one before it. @return the index behind the closing quote, or SIZE_MAX */
static size_t string_end(struct btr_span text, size_t at)
{
    for (size_t begin = at; at < text.size;) {
        const uint8_t *quote = memchr(text.at + at, '"', text.size - at);
        if (!quote)
            return SIZE_MAX;
        size_t slashes = 0, end = (size_t)(quote - text.at);
        while (end - slashes > at && text.at[end - slashes - 1] == '\\')
            slashes++;
        at = end + 1;
        if (slashes % 2 == 0)
            return memchr(text.at + begin, '\n', end - begin) ? SIZE_MAX : at;
    }
    return SIZE_MAX;
}

/* Numbers and words. */
static size_t word_end(struct btr_span text, size_t at)
{
    while (at < text.size && !is_blank(text.at[at]) && !strchr(",:[]{}\"", text.at[at]))
        at++;
    return at;
}

static size_t nested_end(struct btr_span text, size_t at)
{
    uint64_t objects = 0; /* a bit for each open bracket: an object's */
    unsigned depth = 0;
    while (at < text.size) {
        uint8_t c = text.at[at++];
        if (c == '"') {
            at = string_end(text, at);
            if (at == SIZE_MAX)
                return SIZE_MAX;
        } else if (c == '{' || c == '[') {
            if (depth++ == SOURCE_JSON_DEPTH_MAX)
                return SIZE_MAX;
            objects = objects << 1 | (c == '{');
        } else if (c == '}' || c == ']') {
            if ((objects & 1) != (c == '}'))
                return SIZE_MAX;
            objects >>= 1;
            if (--depth == 0)
                return at;
        }
    }
    return SIZE_MAX;
}

size_t source_json_end(struct btr_span text, size_t at)
{
    if (at >= text.size)
        return SIZE_MAX;
    uint8_t c = text.at[at];
    if (c == '"')
        return string_end(text, at + 1);
    if (c == '{' || c == '[')
        return nested_end(text, at);
    size_t end = word_end(text, at);
    return end > at ? end : SIZE_MAX;
}

/* Steps to where the next part begins. */
static enum source_json_step part_find(struct source_json_walk *w, uint8_t open, uint8_t close)
{
    bool first = !w->inside;
    if (first && (w->at >= w->text.size || w->text.at[w->at++] != open))
        return SOURCE_JSON_BAD;
    w->inside = true;
    w->at = source_json_blank_end(w->text, w->at);
    if (w->at >= w->text.size)
        return SOURCE_JSON_BAD;
    uint8_t c = w->text.at[w->at];
    if (c == close) {
        w->at++;
        return SOURCE_JSON_END;
    }
    if (first)
        return SOURCE_JSON_PART;
    if (c != ',')
        return SOURCE_JSON_BAD;
    w->at = source_json_blank_end(w->text, w->at + 1);
    return SOURCE_JSON_PART;
}

static enum source_json_step value_take(struct source_json_walk *w, struct btr_span *value)
{
    size_t end = source_json_end(w->text, w->at);
    if (end == SIZE_MAX)
        return SOURCE_JSON_BAD;
    *value = (struct btr_span){w->text.at + w->at, end - w->at};
    w->at = end;
    return SOURCE_JSON_PART;
}

enum source_json_step source_json_member(struct source_json_walk *w, struct btr_span *key,
                                         struct btr_span *value)
{
    enum source_json_step step = part_find(w, '{', '}');
    if (step != SOURCE_JSON_PART)
        return step;
    if (w->at >= w->text.size || w->text.at[w->at] != '"')
        return SOURCE_JSON_BAD;
    struct btr_span quoted;
    if (value_take(w, &quoted) != SOURCE_JSON_PART)
        return SOURCE_JSON_BAD;
    *key = (struct btr_span){quoted.at + 1, quoted.size - 2};
    w->at = source_json_blank_end(w->text, w->at);
    if (w->at >= w->text.size || w->text.at[w->at] != ':')
        return SOURCE_JSON_BAD;
    w->at = source_json_blank_end(w->text, w->at + 1);
    return value_take(w, value);
}

enum source_json_step source_json_element(struct source_json_walk *w, struct btr_span *value)
{
    enum source_json_step step = part_find(w, '[', ']');
    return step == SOURCE_JSON_PART ? value_take(w, value) : step;
}
