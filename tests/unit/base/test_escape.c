/* Hostile bytes on their way out. */
#include <btr/escape.h>

#include "test.h"
#include "test_random.h"

typedef void escaper(struct btr_buffer *out, struct btr_span bytes);

static void assert_escapes(escaper *escape, struct btr_span in, const char *expected)
{
    struct btr_buffer out = {0};
    escape(&out, in);
    btr_buffer_u8(&out, 0);
    assert_string_equal((const char *)out.at, expected);
    btr_buffer_fini(&out);
}

static void a_terminal_sees_only_printable_text(void **state)
{
    (void)state;
    assert_escapes(btr_escape_terminal, BTR_SPAN("plain /bin/sh -c 'id'"), "plain /bin/sh -c 'id'");
    assert_escapes(btr_escape_terminal, BTR_SPAN("a\n\t\r\x1b[2J\x7f\0z"),
                   "a\\n\\t\\r\\x1b[2J\\x7f\\x00z");
    assert_escapes(btr_escape_terminal, BTR_SPAN("C:\\Temp"), "C:\\\\Temp");
    assert_escapes(btr_escape_terminal, BTR_SPAN("caf\xc3\xa9 \xf0\x9f\x92\xa3"),
                   "caf\xc3\xa9 \xf0\x9f\x92\xa3");
    assert_escapes(btr_escape_terminal,
                   BTR_SPAN("\xc2\x9b"
                            "31m\xc2\x85"),
                   "\\u{009b}31m\\u{0085}");
    assert_escapes(btr_escape_terminal, BTR_SPAN("x\xe2\x80\xaegpj.exe\xe2\x80\x8b\xef\xbb\xbf"),
                   "x\\u{202e}gpj.exe\\u{200b}\\u{feff}");
    assert_escapes(btr_escape_terminal, BTR_SPAN("\xf3\xa0\x81\x81"),
                   "\\u{e0041}"); /* a tag character */
}

static void what_a_terminal_showed_can_be_pasted_back(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int round = 0; round < 20000; round++) {
        static const uint8_t odd[] = {'\\', 'n',  'x',  'u',  '{',  '}', 0,   10,   0x1b, 0xff,
                                      0xc3, 0xa9, 0xe2, 0x80, 0xae, 'a', '0', 0xf3, 0xa0, 0x81};
        uint8_t bytes[24];
        size_t size = (size_t)(seed >> 60);
        for (size_t i = 0; i < size; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = odd[(seed >> 33) % sizeof(odd)];
        }
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        struct btr_buffer shown = {0}, back = {0};
        btr_escape_terminal(&shown, (struct btr_span){bytes, size});
        assert_true(btr_unescape_terminal(&back, btr_buffer_view(&shown)));
        assert_true(btr_span_equal(btr_buffer_view(&back), (struct btr_span){bytes, size}));
        btr_buffer_fini(&shown);
        btr_buffer_fini(&back);
    }
    struct btr_buffer out = {0};
    assert_false(btr_unescape_terminal(&out, BTR_SPAN("C:\\Windows"))); /* as typed, not as shown */
    assert_false(btr_unescape_terminal(&out, BTR_SPAN("x\\")));
    assert_false(btr_unescape_terminal(&out, BTR_SPAN("\\u{110000}")));
    assert_false(btr_unescape_terminal(&out, BTR_SPAN("\\xg0")));
    btr_buffer_fini(&out);
}

static void broken_utf8_is_shown_byte_by_byte(void **state)
{
    (void)state;
    assert_escapes(btr_escape_terminal, BTR_SPAN("\xff\xc3"), "\\xff\\xc3");
    assert_escapes(btr_escape_terminal, BTR_SPAN("\xc0\xaf"), "\\xc0\\xaf");          /* overlong */
    assert_escapes(btr_escape_terminal, BTR_SPAN("\xe0\x80\xaf"), "\\xe0\\x80\\xaf"); /* overlong */
    assert_escapes(btr_escape_terminal, BTR_SPAN("\xed\xa0\x80"),
                   "\\xed\\xa0\\x80"); /* surrogate */
    assert_escapes(btr_escape_terminal, BTR_SPAN("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
    assert_escapes(btr_escape_terminal, BTR_SPAN("\xe2\x82z"), "\\xe2\\x82z");
}

static void json_strings_hold_every_byte(void **state)
{
    (void)state;
    assert_escapes(btr_escape_json, BTR_SPAN(""), "\"\"");
    assert_escapes(btr_escape_json, BTR_SPAN("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
    assert_escapes(btr_escape_json, BTR_SPAN("\n\r\t\0\x1b\x7f"),
                   "\"\\n\\r\\t\\u0000\\u001b\\u007f\"");
    assert_escapes(btr_escape_json, BTR_SPAN("\xff\x80z\xc3\xa9"), "\"\\udcff\\udc80z\xc3\xa9\"");
    assert_escapes(btr_escape_json, BTR_SPAN("\xe2\x80\xa8\xe2\x80\xae"), "\"\\u2028\\u202e\"");
    assert_escapes(btr_escape_json, BTR_SPAN("\xf3\xa0\x81\x81"), "\"\\udb40\\udc41\"");
    assert_escapes(btr_escape_json, BTR_SPAN("</script>"), "\"</script>\"");
}

static void dot_strings_cannot_be_left(void **state)
{
    (void)state;
    assert_escapes(btr_escape_dot, BTR_SPAN("a\"];evil"), "\"a\\\"];evil\"");
    assert_escapes(btr_escape_dot, BTR_SPAN("end\\"), "\"end\\\\\\\\\"");
    assert_escapes(btr_escape_dot, BTR_SPAN("a\nb\x01\xff"), "\"a\\\\nb\\\\x01\\\\xff\"");
    assert_escapes(btr_escape_dot, BTR_SPAN("&lt;"), "\"&amp;lt;\"");
}

static void xml_text_is_well_formed_and_unambiguous(void **state)
{
    (void)state;
    assert_escapes(btr_escape_xml, BTR_SPAN("a<b>&\"'"), "a&#60;b&#62;&#38;&#34;&#39;");
    assert_escapes(btr_escape_xml, BTR_SPAN("\n\t"), "&#10;&#9;");
    assert_escapes(btr_escape_xml, BTR_SPAN("\x01\xff\0"), "\\x01\\xff\\x00");
    assert_escapes(btr_escape_xml, BTR_SPAN("C:\\Temp\\xy"), "C:\\Temp\\\\xy");
    assert_escapes(btr_escape_xml, BTR_SPAN("\\x01"), "\\\\x01");
    assert_escapes(btr_escape_xml, BTR_SPAN("\\\xff"), "\\\\\\xff");
    assert_escapes(btr_escape_xml, BTR_SPAN("\xef\xbf\xbe"), "\\xef\\xbf\\xbe");
    assert_escapes(btr_escape_xml, BTR_SPAN("\xe2\x80\xae"), "&#8238;");
}

/* Undoes \n \t \r \\ \xNN \u{NNNN}: what the terminal form promises. @return size */
static size_t unescape_terminal(uint8_t *out, const char *text)
{
    size_t size = 0;
    while (*text) {
        if (*text != '\\') {
            out[size++] = (uint8_t)*text++;
            continue;
        }
        char kind = text[1];
        text += 2;
        if (kind == 'x') {
            char hex[3] = {text[0], text[1], 0};
            out[size++] = (uint8_t)strtoul(hex, NULL, 16);
            text += 2;
        } else if (kind == 'u') {
            char *end;
            unsigned long code = strtoul(text + 1, &end, 16);
            text = end + 1;
            if (code < 0x800) {
                out[size++] = (uint8_t)(0xc0 | code >> 6);
            } else if (code < 0x10000) {
                out[size++] = (uint8_t)(0xe0 | code >> 12);
                out[size++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
            } else {
                out[size++] = (uint8_t)(0xf0 | code >> 18);
                out[size++] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
                out[size++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
            }
            out[size++] = (uint8_t)(0x80 | (code & 0x3f));
        } else {
            out[size++] = kind == 'n'   ? '\n'
                          : kind == 't' ? '\t'
                          : kind == 'r' ? '\r'
                                        : (uint8_t)kind;
        }
    }
    return size;
}

static void nothing_is_dropped_and_everything_can_be_told_apart(void **state)
{
    (void)state;
    struct test_random random = {7};
    struct btr_buffer out = {0};
    static const char crowd[] = "\\xn\xc2\x80\xe2\x8b\xae\xf3\xa0\x81\"\n{}0";
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[24], back[24 * 4];
        size_t size = test_random_below(&random, sizeof(bytes));
        for (size_t at = 0; at < size; at++) {
            uint64_t pick = test_random_next(&random);
            bytes[at] = i % 2 ? (uint8_t)pick : (uint8_t)crowd[pick % (sizeof(crowd) - 1)];
        }
        btr_buffer_clear(&out);
        btr_escape_terminal(&out, (struct btr_span){bytes, size});
        for (size_t at = 0; at < out.size; at++)
            assert_true(out.at[at] >= 0x20 && out.at[at] != 0x7f);
        btr_buffer_u8(&out, 0);
        assert_int_equal(unescape_terminal(back, (const char *)out.at), size);
        assert_memory_equal(back, bytes, size);
    }
    btr_buffer_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_sees_only_printable_text),
        cmocka_unit_test(what_a_terminal_showed_can_be_pasted_back),
        cmocka_unit_test(broken_utf8_is_shown_byte_by_byte),
        cmocka_unit_test(json_strings_hold_every_byte),
        cmocka_unit_test(dot_strings_cannot_be_left),
        cmocka_unit_test(xml_text_is_well_formed_and_unambiguous),
        cmocka_unit_test(nothing_is_dropped_and_everything_can_be_told_apart),
    };
    return cmocka_run_group_tests_name("base_escape", tests, NULL, NULL);
}
