#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <btr/event.h>

#include "source/lines.h"

/* What a splitter told, in one buffer: "number:size:bytes" a line, "L" before one that is too long.
 */
static void told(struct btr_buffer *out, const struct source_line *line)
{
    btr_buffer_format(out, "%s%llu:%llu:", line->too_long ? "L" : "",
                      (unsigned long long)line->number, (unsigned long long)line->size);
    btr_buffer_span(out, line->bytes);
    btr_buffer_text(out, "\n");
}

static void split(struct btr_buffer *out, struct btr_span text, const size_t *cuts,
                  size_t cut_count, size_t max)
{
    struct source_lines lines = {.record_max = max};
    struct source_line line;
    size_t at = 0;
    for (size_t i = 0; i <= cut_count; i++) {
        size_t end = i < cut_count ? cuts[i] : text.size;
        uint8_t *block = malloc(end - at + 1); /* of its own, so that a read beyond it shows */
        memcpy(block, text.at + at, end - at);
        source_lines_block(&lines, (struct btr_span){block, end - at});
        while (source_lines_next(&lines, &line))
            told(out, &line);
        assert_true(source_lines_keep(&lines));
        free(block);
        at = end;
    }
    bool inside = source_lines_inside(&lines);
    assert_int_equal(source_lines_last(&lines, &line), inside);
    if (inside) {
        btr_buffer_text(out, "last ");
        told(out, &line);
    }
    source_lines_fini(&lines);
}

static void blocks_may_be_cut_anywhere(void **state)
{
    (void)state;
    static const char text[] =
        "one\ntwo\r\n\n\r\nfive\r\r\nsix with \0 inside\nseven eight nine ten\nlast\r";
    struct btr_span whole = {(const uint8_t *)text, sizeof text - 1};
    struct btr_buffer want = {0};
    split(&want, whole, NULL, 0, 16);
    assert_non_null(
        strstr((const char *)want.at, "1:3:one\n2:3:two\n3:0:\n4:0:\n5:5:five\r\nL6:17:six with "));
    for (size_t a = 0; a <= whole.size; a++) {
        for (size_t b = a; b <= whole.size; b++) {
            size_t cuts[] = {a, b};
            struct btr_buffer got = {0};
            split(&got, whole, cuts, 2, 16);
            assert_true(btr_span_equal(btr_buffer_view(&got), btr_buffer_view(&want)));
            btr_buffer_fini(&got);
        }
    }
    btr_buffer_fini(&want);
}

static void a_line_just_as_long_as_allowed_is_taken_with_and_without_cr(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {{"12345678\n", "1:8:12345678\n"},
                {"12345678\r\n", "1:8:12345678\n"},
                {"123456789\n", "L1:9:123456789\n"},
                {"123456789\r\n", "L1:9:123456789\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct btr_span text = btr_span_of(rows[i].text);
        for (size_t cut = 0; cut <= text.size; cut++) {
            struct btr_buffer got = {0};
            split(&got, text, &cut, 1, 8);
            assert_true(btr_span_equal(btr_buffer_view(&got), btr_span_of(rows[i].want)));
            btr_buffer_fini(&got);
        }
    }
}

static void a_line_of_64_mib_is_told_by_its_size_and_beginning_in_little_memory(void **state)
{
    (void)state;
    enum { BLOCK = 1 << 20, BLOCKS = 64 };
    struct source_lines lines = {.record_max = 32 << 10};
    struct source_line line;
    uint8_t *block = malloc(BLOCK);
    memset(block, 'x', BLOCK);
    for (int i = 0; i < BLOCKS; i++) {
        source_lines_block(&lines, (struct btr_span){block, BLOCK});
        assert_false(source_lines_next(&lines, &line));
        assert_true(source_lines_keep(&lines));
        assert_true(lines.carry.capacity <= 4 * BTR_QUARANTINE_RECORD_MAX);
    }
    source_lines_block(&lines, BTR_SPAN("\nnext\n"));
    assert_true(source_lines_next(&lines, &line));
    assert_true(line.too_long);
    assert_int_equal(line.size, (uint64_t)BLOCK * BLOCKS);
    assert_int_equal(line.bytes.size, BTR_QUARANTINE_RECORD_MAX);
    assert_true(source_lines_next(&lines, &line));
    assert_false(line.too_long);
    assert_true(btr_span_equal(line.bytes, BTR_SPAN("next")));
    assert_int_equal(line.number, 2);
    source_lines_fini(&lines);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_may_be_cut_anywhere),
        cmocka_unit_test(a_line_just_as_long_as_allowed_is_taken_with_and_without_cr),
        cmocka_unit_test(a_line_of_64_mib_is_told_by_its_size_and_beginning_in_little_memory),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
