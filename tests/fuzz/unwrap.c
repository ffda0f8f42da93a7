/*
 * Properties of taking messages apart, of values that the byte 0x1e separates: what was called
 * before changes no answer, and all that was told stays until the clear; lines that are no JSON
 * come out as a plain splitter has them; without envelopes no byte is lost but blanks and
 * separators of arrays; objects come out of an array, and of lines, as they went in; a small memory
 * is told and changes nothing.
 */
#include <assert.h>
#include <btr/buffer.h>
#include <btr/json.h>
#include <stdlib.h>

#include "source/envelope.h"
#include "source/unwrap.h"

enum { VALUES_MAX = 32, ROOMY = 64 << 20, SEPARATOR = 0x1e };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answer {
    struct btr_span value; /* of its own: a read beyond it shows */
    const struct source_unwrapped *records;
    uint32_t count;
};

static bool is_blank(struct btr_span s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.at[i] != ' ' && s.at[i] != '\t' && s.at[i] != '\r' && s.at[i] != '\n')
            return false;
    return true;
}

static struct btr_span copy_of(struct btr_span s)
{
    uint8_t *at = malloc(s.size ? s.size : 1);
    assert(at);
    if (s.size)
        memcpy(at, s.at, s.size);
    return (struct btr_span){at, s.size};
}

static void answer_free(struct answer *a)
{
    free((void *)(uintptr_t)a->value.at);
}

static void same(const struct answer *a, const struct answer *b)
{
    assert(a->count == b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        assert(btr_span_equal(a->records[i].record, b->records[i].record));
        assert(btr_span_equal(a->records[i].host, b->records[i].host));
    }
}

static void take(struct source_unwrap *u, struct answer *a)
{
    assert(source_unwrap(u, a->value, &a->records, &a->count, NULL) == 0);
    assert(a->count <= SOURCE_UNWRAP_RECORDS_MAX);
    for (uint32_t i = 0; i < a->count; i++)
        assert(!is_blank(a->records[i].record));
}

static struct btr_span line_next(struct btr_span *rest)
{
    const uint8_t *end = memchr(rest->at, '\n', rest->size);
    struct btr_span line = {rest->at, end ? (size_t)(end - rest->at) : rest->size};
    size_t step = line.size + (end != NULL);
    rest->at += step;
    rest->size -= step;
    if (line.size && line.at[line.size - 1] == '\r')
        line.size--;
    return line;
}

/* Lines, where no line begins as JSON. */
static void check_lines(const struct answer *a)
{
    struct btr_span rest = a->value;
    uint32_t n = 0;
    while (rest.size) {
        struct btr_span line = line_next(&rest), text = line;
        if (btr_span_begins(text, BTR_SPAN("\xef\xbb\xbf")))
            text = (struct btr_span){text.at + 3, text.size - 3};
        while (text.size && is_blank((struct btr_span){text.at, 1}))
            text = (struct btr_span){text.at + 1, text.size - 1};
        if (text.size && (text.at[0] == '{' || text.at[0] == '['))
            return;
        if (text.size && n < a->count)
            assert(btr_span_equal(a->records[n].record, line) && a->records[n].host.size == 0);
        n += text.size > 0;
    }
    assert(n == a->count);
}

/* What stands between records that were borrowed from the value. */
static void check_nothing_is_lost(const struct answer *a)
{
    const uint8_t *at = a->value.at, *end = at + a->value.size;
    for (uint32_t i = 0; i <= a->count; i++) {
        const uint8_t *next = i < a->count ? a->records[i].record.at : end;
        assert(at <= next && next <= end);
        for (; at < next; at++)
            assert(*at && strchr(" \t\r\n,[]\xef\xbb\xbf", *at));
        at += i < a->count ? a->records[i].record.size : 0;
    }
}

static bool is_object(struct btr_span record, struct btr_arena *arena)
{
    struct btr_json_member *members;
    uint32_t count;
    btr_arena_reset(arena);
    return record.at[0] == '{' && record.at[record.size - 1] == '}' &&
           btr_json_flatten_plain(record, arena, &members, &count, NULL) == 0;
}

static void check_joined(const struct answer *a, const char *open, const char *between,
                         const char *close)
{
    struct btr_buffer joined = {0};
    btr_buffer_text(&joined, open);
    for (uint32_t i = 0; i < a->count; i++) {
        btr_buffer_text(&joined, i ? between : "");
        btr_buffer_span(&joined, a->records[i].record);
    }
    btr_buffer_text(&joined, close);
    struct answer again = {.value = copy_of(btr_buffer_view(&joined))};
    struct source_unwrap *u = source_unwrap_new(ROOMY);
    assert(u);
    take(u, &again);
    same(a, &again);
    source_unwrap_free(u);
    answer_free(&again);
    btr_buffer_fini(&joined);
}

static void check_objects(const struct answer *a)
{
    struct btr_arena *arena = btr_arena_new(ROOMY);
    bool objects = a->count > 0;
    assert(arena);
    for (uint32_t i = 0; objects && i < a->count; i++)
        objects = is_object(a->records[i].record, arena);
    btr_arena_free(arena);
    if (!objects)
        return;
    check_joined(a, "[", ",", "]");
    check_joined(a, "\xef\xbb\xbf [\n", " ,\r\n\t", "\n] \n");
    check_joined(a, "\n", "\r\n\n", "\n");
}

static void check_little_memory(struct source_unwrap *small, const struct answer *a)
{
    struct answer b = {.value = a->value}, fresh = b;
    int rc = source_unwrap(small, b.value, &b.records, &b.count, NULL);
    assert(rc == 0 || rc == BTR_E_LIMIT);
    if (rc == BTR_E_LIMIT) {
        source_unwrap_clear(small);
        take(small, &b);
    }
    struct source_unwrap *other = source_unwrap_new(0);
    assert(other);
    take(other, &fresh);
    same(&b, &fresh);
    source_unwrap_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct answer answers[VALUES_MAX] = {0};
    uint32_t count = 0;
    struct source_unwrap *all = source_unwrap_new(ROOMY), *small = source_unwrap_new(0);
    assert(all && small);
    while (count < VALUES_MAX) {
        const uint8_t *end = size ? memchr(data, SEPARATOR, size) : NULL;
        size_t part = end ? (size_t)(end - data) : size;
        answers[count].value = copy_of((struct btr_span){data, part});
        take(all, &answers[count]);
        check_little_memory(small, &answers[count++]);
        if (!end)
            break;
        data += part + 1;
        size -= part + 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct answer alone = {.value = copy_of(answers[i].value)};
        struct source_unwrap *fresh = source_unwrap_new(ROOMY);
        assert(fresh);
        take(fresh, &alone);
        same(&answers[i], &alone);
        check_lines(&alone);
        if (!source_envelope_possible(alone.value)) {
            check_nothing_is_lost(&alone);
            check_objects(&alone);
        }
        source_unwrap_free(fresh);
        answer_free(&alone);
    }
    for (uint32_t i = 0; i < count; i++)
        answer_free(&answers[i]);
    source_unwrap_free(small);
    source_unwrap_free(all);
    return 0;
}
