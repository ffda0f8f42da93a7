/*
 * JSON as agents write it, in one pass over the text and with no copy of it: about a third of what
 * the reader by structure (json_simd.cc) takes, which reads whatever this one leaves. What is taken
 * here is RFC 8259 to the letter.
 */
#include "json_quick.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 16, INDEX_SIZE = 12 };

/* The text, and where reading stands. */
struct quick {
    struct base_json_members *out;
    struct btr_span text;
    size_t at;
    struct btr_arena *arena;
};

/* What names of members begin with. */
struct prefix {
    struct btr_span name;
    unsigned depth; /* 1: the root, which has none */
};

/* ---- Strings -------------------------------------------------------------------------------- */

/* What `string_find` has seen of a string so far. */
struct scan {
    size_t at;    /* index of the next byte to look at */
    bool escaped; /* there is a backslash in it */
};

enum found { FOUND_NOTHING, FOUND_END, FOUND_CONTROL };

#ifdef __SSE2__
/* Bits of the bytes of a block at which a string may end. */
static unsigned stops_of(const uint8_t *at)
{
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i stops = _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                 _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
    __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(stops, controls));
}

/* Whole blocks of the text. A backslash hides the byte behind it, be it of the next block. */
static enum found blocks_scan(struct btr_span text, struct scan *s)
{
    while (s->at + BLOCK <= text.size) { /* it may stand one behind the end */
        unsigned stops = stops_of(text.at + s->at), bit = 0;
        for (; stops; stops &= ~(3U << bit)) {
            bit = (unsigned)__builtin_ctz(stops);
            uint8_t c = text.at[s->at + bit];
            if (c != '\\') {
                s->at += bit;
                return c == '"' ? FOUND_END : FOUND_CONTROL;
            }
            s->escaped = true;
        }
        s->at += BLOCK + (size_t)(bit == BLOCK - 1);
    }
    return FOUND_NOTHING;
}
#else
static enum found blocks_scan(struct btr_span text, struct scan *s)
{
    (void)text;
    (void)s;
    return FOUND_NOTHING;
}
#endif

static enum found bytes_scan(struct btr_span text, struct scan *s)
{
    for (; s->at < text.size; s->at++) {
        uint8_t c = text.at[s->at];
        if (c == '"')
            return FOUND_END;
        if (c < 0x20)
            return FOUND_CONTROL;
        s->escaped |= c == '\\';
        s->at += c == '\\';
    }
    return FOUND_NOTHING;
}

/* Copies what stands before the next backslash. Of `to`, which has room for what is left of the
   string, more may be written than that. @return bytes copied */
static size_t plain_copy(uint8_t *to, const uint8_t *from, size_t left)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i slash = _mm_set1_epi8('\\');
    for (; left - i >= BLOCK; i += BLOCK) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
        unsigned found = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, slash));
        _mm_storeu_si128((__m128i *)(void *)(to + i), block);
        if (found)
            return i + (size_t)__builtin_ctz(found);
    }
#endif
    for (; i < left && from[i] != '\\'; i++)
        to[i] = from[i];
    return i;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* Four hex digits at `at`, which has `left` bytes. @return the unit, or -1 */
static int32_t hex_unit(const uint8_t *at, size_t left)
{
    int32_t unit = 0;
    if (left < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* UTF-8, and the same scheme for lone surrogates (WTF-8, https://simonsapin.github.io/wtf-8/). */
static size_t put_code_point(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* `*i` stands behind "\u". @return bytes written, 0 when the digits are bad; *i moves on */
static size_t unescape_unit(struct btr_span raw, size_t *i, uint8_t *to)
{
    int32_t high = hex_unit(raw.at + *i, raw.size - *i);
    if (high < 0)
        return 0;
    *i += 4;
    if (high >= 0xd800 && high < 0xdc00 && raw.size - *i >= 6 && raw.at[*i] == '\\' &&
        raw.at[*i + 1] == 'u') {
        int32_t low = hex_unit(raw.at + *i + 2, 4);
        if (low >= 0xdc00 && low < 0xe000) {
            *i += 6;
            return put_code_point(to, 0x10000 + ((uint32_t)(high - 0xd800) << 10) +
                                          (uint32_t)(low - 0xdc00));
        }
    }
    return put_code_point(to, (uint32_t)high);
}

size_t base_json_unescape(uint8_t *to, struct btr_span raw)
{
    /* One letter behind a backslash, as RFC 8259 section 7 has them; 0: there is none such. */
    static const uint8_t letters[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                         ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    size_t size = 0;
    for (size_t i = 0;;) {
        size_t plain = plain_copy(to + size, raw.at + i, raw.size - i);
        size += plain;
        i += plain;
        /* Escapes often follow one another: a path in a path, the end of a line. */
        for (; i < raw.size && raw.at[i] == '\\'; i += 2) {
            if (i + 1 == raw.size)
                return SIZE_MAX;
            uint8_t c = raw.at[i + 1];
            if (letters[c] != 0) {
                to[size++] = letters[c];
                continue;
            }
            if (c != 'u')
                return SIZE_MAX;
            i += 2;
            size_t put = unescape_unit(raw, &i, to + size);
            if (put == 0)
                return SIZE_MAX;
            size += put;
            i -= 2; /* the step of the loop */
        }
        if (i == raw.size)
            return size;
    }
}

/* `at` stands behind the opening quote, and comes to stand behind the closing one. What a backslash
   hides is looked at when it is unescaped. */
static bool string_find(struct quick *q, struct btr_span *raw, bool *escaped)
{
    struct scan s = {.at = q->at};
    enum found found = blocks_scan(q->text, &s);
    if (found == FOUND_NOTHING)
        found = bytes_scan(q->text, &s);
    if (found != FOUND_END)
        return false;
    *raw = (struct btr_span){q->text.at + q->at, s.at - q->at};
    *escaped = s.escaped;
    q->at = s.at + 1;
    return true;
}

static bool string_take(struct quick *q, struct btr_span *out)
{
    bool escaped;
    if (!string_find(q, out, &escaped))
        return false;
    if (!escaped)
        return true;
    uint8_t *to =
        btr_arena_alloc(q->arena, out->size, 1); /* no escape is shorter than its meaning */
    size_t size = to ? base_json_unescape(to, *out) : SIZE_MAX;
    *out = (struct btr_span){to, size};
    return size != SIZE_MAX;
}

/* ---- Scalars -------------------------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static uint8_t blanks_pass(struct quick *q)
{
    while (q->at < q->text.size && is_blank(q->text.at[q->at]))
        q->at++;
    return q->at < q->text.size ? q->text.at[q->at] : 0;
}

/* The byte that comes next, which is no blank; 0 at the end. */
static inline uint8_t next_byte(struct quick *q)
{
    if (q->at < q->text.size && q->text.at[q->at] > ' ')
        return q->text.at[q->at];
    return blanks_pass(q);
}

static bool emit(struct quick *q, struct btr_span name, struct btr_span value,
                 enum btr_json_type type)
{
    struct base_json_members *out = q->out;
    if (out->count == out->capacity)
        return false;
    out->members[out->count++] = (struct btr_json_member){name, value, type};
    return true;
}

/* Whole numbers: those with a point or an exponent are left. What follows one must end it. */
static bool number_take(struct quick *q, struct btr_span name)
{
    const uint8_t *text = q->text.at;
    size_t begin = q->at, first = begin + (text[begin] == '-'), end = first;
    while (end < q->text.size && text[end] >= '0' && text[end] <= '9')
        end++;
    if (end == first || (text[first] == '0' && end > first + 1))
        return false;
    q->at = end;
    return emit(q, name, (struct btr_span){text + begin, end - begin}, BTR_JSON_NUMBER);
}

static bool word_take(struct quick *q, struct btr_span name)
{
    static const struct {
        struct btr_span word;
        enum btr_json_type type;
    } words[] = {{{(const uint8_t *)"true", 4}, BTR_JSON_BOOL},
                 {{(const uint8_t *)"false", 5}, BTR_JSON_BOOL},
                 {{(const uint8_t *)"null", 4}, BTR_JSON_NULL}};
    struct btr_span rest = {q->text.at + q->at, q->text.size - q->at};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        if (!btr_span_begins(rest, words[i].word))
            continue;
        q->at += words[i].word.size;
        return emit(q, name, (struct btr_span){rest.at, words[i].word.size}, words[i].type);
    }
    return false;
}

/* ---- What holds others ---------------------------------------------------------------------- */

static bool join(struct quick *q, const struct prefix *outer, struct btr_span key,
                 struct btr_span *name)
{
    size_t size = outer->depth == 1 ? key.size : outer->name.size + 1 + key.size;
    if (size > BTR_JSON_NAME_MAX)
        return false;
    *name = key;
    if (outer->depth == 1)
        return true;
    uint8_t *to = btr_arena_alloc(q->arena, size, 1);
    if (!to)
        return false;
    memcpy(to, outer->name.at, outer->name.size);
    to[outer->name.size] = '.';
    if (key.size)
        memcpy(to + outer->name.size + 1, key.at, key.size);
    *name = (struct btr_span){to, size};
    return true;
}

static bool object_take(struct quick *q, const struct prefix *at);
static bool array_take(struct quick *q, const struct prefix *at);

static bool value_take(struct quick *q, struct btr_span name, unsigned depth)
{
    struct prefix inner = {name, depth + 1};
    struct btr_span value;
    switch (next_byte(q)) {
    case '"':
        q->at++;
        return string_take(q, &value) && emit(q, name, value, BTR_JSON_STRING);
    case '{':
        return object_take(q, &inner);
    case '[':
        return array_take(q, &inner);
    case 't':
    case 'f':
    case 'n':
        return word_take(q, name);
    case 0:
        return false;
    default:
        return number_take(q, name);
    }
}

/* Behind a value: whether another one follows; *ended tells the closing bracket. */
static bool goes_on(struct quick *q, uint8_t close, bool *ended)
{
    uint8_t c = next_byte(q);
    q->at++;
    *ended = c == close;
    return c == ',';
}

static bool member_take(struct quick *q, const struct prefix *at)
{
    struct btr_span key, name;
    if (next_byte(q) != '"')
        return false;
    q->at++;
    if (!string_take(q, &key) || next_byte(q) != ':')
        return false;
    q->at++;
    return join(q, at, key, &name) && value_take(q, name, at->depth);
}

static bool object_take(struct quick *q, const struct prefix *at)
{
    bool ended = false;
    q->at++;
    if (at->depth > BTR_JSON_DEPTH_MAX)
        return false;
    if (next_byte(q) == '}') {
        q->at++;
        return true;
    }
    do
        if (!member_take(q, at))
            return false;
    while (goes_on(q, '}', &ended));
    return ended;
}

/* The index as text. */
static struct btr_span index_text(char to[INDEX_SIZE], unsigned index)
{
    char *first = to + INDEX_SIZE;
    do
        *--first = (char)('0' + index % 10);
    while ((index /= 10) > 0);
    return (struct btr_span){(const uint8_t *)first, (size_t)(to + INDEX_SIZE - first)};
}

static bool array_take(struct quick *q, const struct prefix *at)
{
    char text[INDEX_SIZE];
    bool ended = false;
    unsigned index = 0;
    struct btr_span name;
    q->at++;
    if (at->depth > BTR_JSON_DEPTH_MAX)
        return false;
    if (next_byte(q) == ']') {
        q->at++;
        return true;
    }
    do
        if (!join(q, at, index_text(text, index++), &name) || !value_take(q, name, at->depth))
            return false;
    while (goes_on(q, ']', &ended));
    return ended;
}

bool base_json_quick(struct base_json_members *out, struct btr_span text, struct btr_arena *arena)
{
    struct quick q = {.out = out, .text = text, .arena = arena};
    struct prefix root = {.depth = 1};
    out->count = 0;
    return next_byte(&q) == '{' && object_take(&q, &root) && next_byte(&q) == 0 &&
           q.at == text.size;
}
