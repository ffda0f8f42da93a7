#include "unwrap.h"

#include <btr/decoder.h>
#include <btr/json.h>
#include <btr/list.h>
#include <stdlib.h>

#include "envelope.h"
#include "json_parts.h"

enum {
    FOUND_KEPT_MAX = 4096, /* entries; a longer list is given back at the next clear */
    SIZE_MIN = 1 << 12,    /* room for one record at the least, whatever size_max says */
};

struct source_unwrap {
    struct btr_arena *arena;        /* what waits */
    struct source_unwrapped *found; /* of the call in hand */
    uint32_t count, capacity;
};

/* What is taken apart: the value of a message, or the text in an envelope. */
struct layer {
    struct btr_span text;
    struct btr_span host;
    unsigned depth; /* envelopes around it */
};

struct source_unwrap *source_unwrap_new(size_t size_max)
{
    struct source_unwrap *u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->arena = btr_arena_new(size_max < SIZE_MIN ? SIZE_MIN : size_max);
    if (!u->arena) {
        free(u);
        return NULL;
    }
    return u;
}

void source_unwrap_free(struct source_unwrap *u)
{
    if (!u)
        return;
    btr_arena_free(u->arena);
    free(u->found);
    free(u);
}

void source_unwrap_clear(struct source_unwrap *u)
{
    btr_arena_reset(u->arena);
    if (u->capacity > FOUND_KEPT_MAX) {
        free(u->found);
        u->found = NULL;
        u->capacity = 0;
    }
}

size_t source_unwrap_size(const struct source_unwrap *u)
{
    return btr_arena_used(u->arena) + u->capacity * sizeof(*u->found);
}

/* @return 0, BTR_E_LIMIT, BTR_E_NOMEM */
static int found_add(struct source_unwrap *u, struct btr_span record, struct btr_span host)
{
    if (u->count == SOURCE_UNWRAP_RECORDS_MAX)
        return BTR_E_LIMIT;
    if (!btr_list_room(&u->found, u->count, &u->capacity, 64, sizeof *u->found))
        return BTR_E_NOMEM;
    u->found[u->count++] = (struct source_unwrapped){record, host};
    return 0;
}

/* ---- Envelopes ------------------------------------------------------------------------------ */

static int layer_take(struct source_unwrap *u, const struct layer *l);

/* Whether a decoder is sure of a record, or finds the event that it belongs to. */
static bool is_known(struct btr_span record)
{
    if (btr_decoder_detect(&record, 1))
        return true;
    for (size_t i = 0; btr_decoders[i]; i++)
        if (btr_decoders[i]->event_key && btr_decoders[i]->event_key(record) != 0)
            return true;
    return false;
}

/* `raw` is what stands between the quotes. @return 0, BTR_E_FORMAT, BTR_E_FULL, BTR_E_NOMEM */
static int unescape(struct source_unwrap *u, struct btr_span raw, struct btr_span *out)
{
    int rc = btr_json_unescape(raw, u->arena, out, NULL);
    return rc == BTR_E_NOMEM && btr_arena_refused(u->arena) ? BTR_E_FULL : rc;
}

static int host_take(struct source_unwrap *u, const struct source_envelope *e,
                     struct btr_span *host)
{
    for (unsigned i = 0; i < SOURCE_ENVELOPE_HOSTS; i++) {
        if (!e->hosts[i].at)
            continue;
        int rc = unescape(u, e->hosts[i], host);
        if (rc != BTR_E_FORMAT)
            return rc;
    }
    return 0;
}

/* @return 1 when the text holds records of a known format, which were taken; 0 when not, and
 * nothing was */
static int text_take(struct source_unwrap *u, struct btr_span raw, const struct layer *outer,
                     struct btr_span host)
{
    struct layer inner = {.host = host, .depth = outer->depth + 1};
    uint32_t mark = u->count;
    int rc = unescape(u, raw, &inner.text);
    if (rc == 0)
        rc = layer_take(u, &inner);
    if (rc == BTR_E_FORMAT)
        return 0;
    if (rc < 0)
        return rc;
    if (u->count > mark && is_known(u->found[mark].record))
        return 1;
    u->count = mark;
    return 0;
}

/* @return 1 when the object was an envelope and its records were taken, 0 when it is none */
static int envelope_take(struct source_unwrap *u, struct btr_span object, const struct layer *l)
{
    struct source_envelope e;
    if (l->depth == SOURCE_UNWRAP_DEPTH_MAX || !source_envelope_possible(object) ||
        !source_envelope_read(&e, object) || is_known(object))
        return 0;
    struct btr_span host = l->host;
    int rc = host_take(u, &e, &host);
    for (unsigned i = 0; rc == 0 && i < SOURCE_ENVELOPE_TEXTS; i++)
        if (e.texts[i].at)
            rc = text_take(u, e.texts[i], l, host);
    return rc;
}

/* ---- Shapes --------------------------------------------------------------------------------- */

static int object_take(struct source_unwrap *u, struct btr_span object, const struct layer *l)
{
    int rc = envelope_take(u, object, l);
    return rc == 0 ? found_add(u, object, l->host) : rc < 0 ? rc : 0;
}

/* The first byte that is no blank, behind a byte order mark; the size when there is none. */
static size_t first_byte(struct btr_span text)
{
    return source_json_blank_end(text, btr_span_begins(text, BTR_SPAN("\xef\xbb\xbf")) ? 3 : 0);
}

/* An array of which the first element is an object, or that has none. @return 1 when it was one and
 * its elements were taken, 0 when it is none */
static int array_take(struct source_unwrap *u, struct btr_span text, const struct layer *l)
{
    struct source_json_walk walk = {.text = text, .at = first_byte(text)};
    size_t second = source_json_blank_end(text, walk.at + 1);
    if (second >= text.size || (text.at[second] != '{' && text.at[second] != ']'))
        return 0;
    uint32_t mark = u->count;
    struct btr_span element;
    enum source_json_step step;
    while ((step = source_json_element(&walk, &element)) == SOURCE_JSON_PART) {
        int rc = element.at[0] == '{' ? object_take(u, element, l) : found_add(u, element, l->host);
        if (rc < 0)
            return rc;
    }
    if (step == SOURCE_JSON_END && source_json_blank_end(text, walk.at) == text.size)
        return 1;
    u->count = mark;
    return 0;
}

/* A line, or a JSON value of several lines; not blank. */
static int item_take(struct source_unwrap *u, struct btr_span item, const struct layer *l)
{
    uint8_t c = item.at[first_byte(item)];
    if (c == '{')
        return object_take(u, item, l);
    int rc = c == '[' ? array_take(u, item, l) : 0;
    return rc == 0 ? found_add(u, item, l->host) : rc < 0 ? rc : 0;
}

/* The next line without its end (newline, or CR and newline). */
static struct btr_span line_next(struct btr_span *rest)
{
    const uint8_t *end = memchr(rest->at, '\n', rest->size);
    size_t size = end ? (size_t)(end - rest->at) : rest->size;
    struct btr_span line = {rest->at, size};
    rest->at += size + (end != NULL);
    rest->size -= size + (end != NULL);
    if (line.size && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

static int lines_take(struct source_unwrap *u, const struct layer *l)
{
    struct btr_span rest = l->text;
    while (rest.size) {
        struct btr_span line = line_next(&rest);
        int rc = first_byte(line) < line.size ? item_take(u, line, l) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static uint8_t last_byte(struct btr_span s)
{
    while (s.size && (s.at[s.size - 1] == ' ' || s.at[s.size - 1] == '\t'))
        s.size--;
    return s.size ? s.at[s.size - 1] : 0;
}

/* Text that begins as JSON and has several lines: whether each line stands for itself. No JSON
 * value can be cut into lines that all begin with { and end with }. */
static bool is_batch(struct btr_span text)
{
    while (text.size) {
        struct btr_span line = line_next(&text);
        size_t first = first_byte(line);
        if (first < line.size && (line.at[first] != '{' || last_byte(line) != '}'))
            return false;
    }
    return true;
}

/* JSON values with blanks between them. @return 1 when they were taken, 0 when the text is
 * something else */
static int values_take(struct source_unwrap *u, const struct layer *l)
{
    uint32_t mark = u->count;
    for (size_t at = first_byte(l->text); at < l->text.size;) {
        uint8_t c = l->text.at[at];
        size_t end = c == '{' || c == '[' ? source_json_end(l->text, at) : SIZE_MAX;
        size_t next = end == SIZE_MAX ? end : source_json_blank_end(l->text, end);
        if (end == SIZE_MAX || (next == end && next < l->text.size)) {
            u->count = mark;
            return 0;
        }
        int rc = item_take(u, (struct btr_span){l->text.at + at, end - at}, l);
        if (rc < 0)
            return rc;
        at = next;
    }
    return 1;
}

/* Text that begins as JSON, has several lines and is broken: whether it is a part of one value, of
 * which no line is a record. Else its lines are a batch, of which those that are whole are saved,
 * or text as "[   12.345678] ...". */
static bool is_broken_value(struct btr_span text)
{
    size_t first = first_byte(text);
    size_t second = source_json_blank_end(text, first + 1);
    bool array = text.at[first] == '[';
    if (array && second < text.size && !strchr("{[\"]", text.at[second]))
        return false;
    uint8_t last = last_byte(line_next(&text));
    if (array)
        return last != ']';
    if (last == '}')
        return false;
    while (text.size) {
        struct btr_span line = line_next(&text);
        first = first_byte(line);
        if (first < line.size && line.at[first] != '{')
            return true;
    }
    return false;
}

static int layer_stands(struct source_unwrap *u, const struct layer *l)
{
    struct btr_span text = l->text;
    while (text.size && source_json_blank_end(text, text.size - 1) == text.size)
        text.size--;
    return found_add(u, text, l->host);
}

/* @return 0; BTR_E_LIMIT when it holds too many records, BTR_E_FULL when size_max is reached,
 * BTR_E_NOMEM */
static int layer_take(struct source_unwrap *u, const struct layer *l)
{
    struct btr_span rest = l->text;
    size_t first = first_byte(rest);
    if (first == rest.size)
        return 0;
    bool json = rest.at[first] == '{' || rest.at[first] == '[';
    if (!json || (line_next(&rest), source_json_blank_end(rest, 0) == rest.size) ||
        is_batch(l->text))
        return lines_take(u, l);
    int rc = values_take(u, l);
    if (rc == 0)
        rc = is_broken_value(l->text) ? layer_stands(u, l) : lines_take(u, l);
    return rc < 0 ? rc : 0;
}

/* ---- The value ------------------------------------------------------------------------------ */

/* Gives the list a place until the next clear. */
static int found_keep(struct source_unwrap *u, const struct source_unwrapped **records)
{
    size_t size = u->count * sizeof(*u->found);
    struct source_unwrapped *kept =
        btr_arena_alloc(u->arena, size, _Alignof(struct source_unwrapped));
    if (!kept)
        return btr_arena_refused(u->arena) ? BTR_E_FULL : BTR_E_NOMEM;
    if (size)
        memcpy(kept, u->found, size);
    *records = kept;
    return 0;
}

static int value_take(struct source_unwrap *u, const struct layer *value,
                      const struct source_unwrapped **records)
{
    u->count = 0;
    int rc = value->text.size > SOURCE_UNWRAP_VALUE_MAX ? BTR_E_LIMIT : layer_take(u, value);
    return rc < 0 ? rc : found_keep(u, records);
}

static int value_stands(struct source_unwrap *u, const struct layer *value,
                        const struct source_unwrapped **records)
{
    u->count = 0;
    int rc = layer_stands(u, value);
    return rc < 0 ? rc : found_keep(u, records);
}

int source_unwrap(struct source_unwrap *u, struct btr_span value,
                  const struct source_unwrapped **records, uint32_t *count, struct btr_err *err)
{
    static const struct source_unwrapped none;
    struct layer whole = {.text = value};
    if (first_byte(value) == value.size) {
        *records = &none;
        *count = 0;
        return 0;
    }
    bool nothing_waits = btr_arena_used(u->arena) == 0;
    int rc = value_take(u, &whole, records);
    if (rc == BTR_E_FULL && nothing_waits) {
        btr_arena_reset(u->arena);
        rc = BTR_E_LIMIT;
    }
    if (rc == BTR_E_LIMIT)
        rc = value_stands(u, &whole, records);
    if (rc == BTR_E_FULL)
        return btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "records that wait take %zu bytes",
                        btr_arena_used(u->arena));
    if (rc < 0)
        return btr_fail(err, rc, UINT64_MAX, "records of a message");
    *count = u->count;
    return 0;
}
