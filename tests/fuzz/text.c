/* Properties: one number has one encoding; a time written is read back; what is escaped as JSON is
 * read back. */
#include <assert.h>

#include <btr/arena.h>
#include <btr/clock.h>
#include <btr/escape.h>
#include <btr/identity.h>
#include <btr/json.h>

#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_varint(struct btr_span bytes)
{
    struct btr_cursor c = {.rest = bytes};
    uint64_t value;
    if (!btr_cursor_varint(&c, &value))
        return;
    struct btr_buffer again = {0};
    btr_buffer_varint(&again, value);
    assert(btr_span_equal(btr_buffer_view(&again), (struct btr_span){bytes.at, c.offset}));
    btr_buffer_fini(&again);
}

static void check_time(struct btr_span text)
{
    int64_t ns, back;
    char written[BTR_TIME_TEXT_SIZE];
    if (!btr_time_parse(text, &ns))
        return;
    btr_time_text(ns, written);
    assert(btr_time_parse(btr_span_of(written), &back) && back == ns);
    btr_duration_text(ns, written);
}

static bool is_utf8(struct btr_span text)
{
    uint32_t code;
    while (text.size > 0) {
        size_t size = base_utf8_next(text, &code);
        if (size == 0 || code == 0) /* the readers refuse NUL */
            return false;
        text = (struct btr_span){text.at + size, text.size - size};
    }
    return true;
}

static void check_json(struct btr_span text)
{
    struct btr_buffer out = {0};
    btr_buffer_text(&out, "{\"a\":");
    btr_escape_json(&out, text);
    btr_buffer_text(&out, "}");
    struct btr_arena *arena = btr_arena_new(text.size * 8 + (1 << 16));
    struct btr_json_member *members;
    uint32_t count;
    int rc = btr_json_flatten_plain(btr_buffer_view(&out), arena, &members, &count, NULL);
    if (is_utf8(text)) {
        assert(rc == 0 && count == 1);
        assert(btr_span_equal(members[0].value, text));
    }
    btr_arena_free(arena);
    btr_buffer_fini(&out);
}

static void check_printable(struct btr_span text)
{
    struct btr_buffer out = {0};
    btr_escape_terminal(&out, text);
    for (struct btr_span rest = btr_buffer_view(&out); rest.size > 0;) {
        uint32_t code = 0;
        size_t size = base_utf8_next(rest, &code);
        assert(size > 0 && !base_code_is_unprintable(code));
        rest = (struct btr_span){rest.at + size, rest.size - size};
    }
    btr_buffer_clear(&out);
    btr_escape_dot(&out, text);
    btr_escape_xml(&out, text);
    for (size_t i = 0; i < out.size; i++)
        assert(out.at[i] >= 0x20 && out.at[i] != 0x7f);
    btr_buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct btr_span text = {data, size};
    check_varint(text);
    check_time(text);
    check_json(text);
    check_printable(text);
    struct btr_id a = btr_identity_flow(BTR_SPAN("tcp"), text, 1, BTR_SPAN("::1"), 2, text, text);
    struct btr_id b = btr_identity_flow(BTR_SPAN("TCP"), BTR_SPAN("::1"), 2, text, 1, text, text);
    assert(btr_id_equal(a, b));
    (void)btr_identity_file(text, text, text);
    return 0;
}
