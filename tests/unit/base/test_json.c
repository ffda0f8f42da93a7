/* The readers of JSON: what they accept, what they tell, and that they agree. */
#include "json_quick.h"

#include "test.h"
#include "test_random.h"

struct readers {
    struct btr_json_reader *fast;
    struct btr_arena *arena;
    struct btr_json_member *members;
    uint32_t count;
    struct btr_err err;
    uint8_t *text; /* of the last call: one byte, then the text */
};

static void readers_init(struct readers *r)
{
    *r = (struct readers){.fast = btr_json_reader_new(), .arena = btr_arena_new(64 << 20)};
    assert_true(r->fast && r->arena);
}

static void readers_fini(struct readers *r)
{
    btr_arena_free(r->arena);
    btr_json_reader_free(r->fast);
    free(r->text);
}

static void assert_same_members(const struct readers *r, const struct btr_json_member *members,
                                uint32_t count)
{
    assert_int_equal(r->count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(r->members[i].type, members[i].type);
        assert_true(btr_span_equal(r->members[i].name, members[i].name));
        assert_true(btr_span_equal(r->members[i].value, members[i].value));
    }
}

/* Reads by all, and holds them to one another. @return the code of the fast one; its members lie in
 * `r` until the next call, and nothing behind the text can be read unnoticed */
static int read_all(struct readers *r, struct btr_span given)
{
    struct btr_json_member *others = NULL;
    uint32_t count = 0;
    r->members = NULL;
    r->count = 0;
    free(r->text);
    r->text = malloc(given.size + 1);
    assert_non_null(r->text);
    struct btr_span text = {r->text + 1, given.size};
    if (text.size)
        memcpy(r->text + 1, given.at, given.size);
    int plain_rc = btr_json_flatten_plain(text, r->arena, &others, &count, &r->err);
    int rc = btr_json_flatten(r->fast, text, r->arena, &r->members, &r->count, &r->err);
    assert_int_equal(rc < 0, plain_rc < 0);
    assert_same_members(r, others, count);
    struct btr_err err;
    count = 0;
    assert_int_equal(btr_json_flatten_careful(r->fast, text, r->arena, &others, &count, &err), rc);
    assert_same_members(r, others, count);
    return rc;
}

static void assert_member(const struct readers *r, uint32_t i, const char *name,
                          enum btr_json_type type, struct btr_span value)
{
    assert_in_range(i, 0, r->count - 1);
    assert_true(btr_span_equal(r->members[i].name, btr_span_of(name)));
    assert_int_equal(r->members[i].type, type);
    assert_true(btr_span_equal(r->members[i].value, value));
}

static void nested_members_have_dotted_names_in_the_order_of_the_text(void **state)
{
    (void)state;
    struct readers r;
    readers_init(&r);
    struct btr_span text = BTR_SPAN(
        " {\"b\":1,\"a\":{\"x\":true,\"y\":[null,\"z\",{\"d\":-0.50}]},\"e\":{},\"f\":[]}\r\n");
    assert_int_equal(read_all(&r, text), 0);
    assert_int_equal(r.count, 5);
    assert_member(&r, 0, "b", BTR_JSON_NUMBER, BTR_SPAN("1"));
    assert_member(&r, 1, "a.x", BTR_JSON_BOOL, BTR_SPAN("true"));
    assert_member(&r, 2, "a.y.0", BTR_JSON_NULL, BTR_SPAN("null"));
    assert_member(&r, 3, "a.y.1", BTR_JSON_STRING, BTR_SPAN("z"));
    assert_member(&r, 4, "a.y.2.d", BTR_JSON_NUMBER, BTR_SPAN("-0.50"));
    readers_fini(&r);
}

static void both_duplicates_of_a_name_are_told(void **state)
{
    (void)state;
    struct readers r;
    readers_init(&r);
    assert_int_equal(read_all(&r, BTR_SPAN("{\"a\":1,\"a\":\"2\",\"\":{\"\":3}}")), 0);
    assert_int_equal(r.count, 3);
    assert_member(&r, 0, "a", BTR_JSON_NUMBER, BTR_SPAN("1"));
    assert_member(&r, 1, "a", BTR_JSON_STRING, BTR_SPAN("2"));
    assert_member(&r, 2, ".", BTR_JSON_NUMBER, BTR_SPAN("3"));
    readers_fini(&r);
}

static void numbers_are_told_as_written(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "0",        "-0",
        "10",       "1.0",
        "1e5",      "1E+05",
        "-0.0e-0",  "123456789012345678901234567890123456789012345678901234567890123456789",
        "1e999999", "-9223372036854775809"};
    struct readers r;
    readers_init(&r);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "{\"n\":%s}", numbers[i]);
        assert_int_equal(read_all(&r, btr_span_of(text)), 0);
        assert_member(&r, 0, "n", BTR_JSON_NUMBER, btr_span_of(numbers[i]));
    }
    readers_fini(&r);
}

static void strings_are_unescaped_and_lone_surrogates_are_wtf8(void **state)
{
    (void)state;
    struct readers r;
    readers_init(&r);
    struct btr_span text =
        BTR_SPAN("{\"e\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u0000!\",\"p\":\"\\ud83d\\ude00\","
                 "\"h\":\"\\ud800x\",\"l\":\"\\udc00\",\"hh\":\"\\ud800\\ud83d\\ude00\"}");
    assert_int_equal(read_all(&r, text), 0);
    assert_member(&r, 0, "e", BTR_JSON_STRING, BTR_SPAN("\"\\/\b\f\n\r\t\xc3\xa9\0!"));
    assert_member(&r, 1, "p", BTR_JSON_STRING, BTR_SPAN("\xf0\x9f\x98\x80"));
    assert_member(&r, 2, "h", BTR_JSON_STRING, BTR_SPAN("\xed\xa0\x80x"));
    assert_member(&r, 3, "l", BTR_JSON_STRING, BTR_SPAN("\xed\xb0\x80"));
    assert_member(&r, 4, "hh", BTR_JSON_STRING, BTR_SPAN("\xed\xa0\x80\xf0\x9f\x98\x80"));
    readers_fini(&r);
}

static void a_string_alone_is_unescaped_as_in_an_object(void **state)
{
    (void)state;
    struct readers r;
    readers_init(&r);
    struct btr_span plain = BTR_SPAN("C: \xff"), out = {0};
    assert_int_equal(btr_json_unescape(plain, r.arena, &out, &r.err), 0);
    assert_ptr_equal(out.at, plain.at); /* borrowed */
    assert_int_equal(btr_json_unescape(BTR_SPAN("\\\"\\u00e9\\ud83d\\ude00\\ud800\\n\xff"), r.arena,
                                       &out, &r.err),
                     0);
    assert_true(btr_span_equal(out, BTR_SPAN("\"\xc3\xa9\xf0\x9f\x98\x80\xed\xa0\x80\n\xff")));
    static const char *const bad[] = {"\\", "\\x", "\\u", "\\u12", "\\u00g0", "a\\ud83d\\u"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(btr_json_unescape(btr_span_of(bad[i]), r.arena, &out, &r.err),
                         BTR_E_FORMAT);
    assert_int_equal(out.size, 12); /* as it was */
    readers_fini(&r);
}

static void bytes_that_are_not_utf8_survive_inside_strings(void **state)
{
    (void)state;
    struct readers r;
    readers_init(&r);
    assert_int_equal(read_all(&r, BTR_SPAN("{\"\xc0\":\"\xff\xc0\x80\xc0\xc1\xed\xa0\x80\\n\"}")),
                     0);
    assert_member(&r, 0, "\xc0", BTR_JSON_STRING, BTR_SPAN("\xff\xc0\x80\xc0\xc1\xed\xa0\x80\n"));
    assert_int_equal(read_all(&r, BTR_SPAN("{\"a\":\xff}")), BTR_E_FORMAT);
    readers_fini(&r);
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    struct readers r;
    readers_init(&r);
    assert_int_equal(read_all(&r, BTR_SPAN("\xef\xbb\xbf{\"a\":1}")), 0);
    assert_int_equal(r.count, 1);
    readers_fini(&r);
}

static void what_is_not_one_whole_object_is_refused(void **state)
{
    (void)state;
    static const struct btr_span bad[] = {
        {0},
        {(const uint8_t *)"{\"a\":\"\0\"}", 9}, /* a raw NUL */
        {(const uint8_t *)"{\"a\":1}\0", 8},
    };
    static const char *const texts[] = {
        " ",
        "1",
        "\"a\"",
        "[]",
        "null",
        "{",
        "}",
        "{}}",
        "{} {}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:2}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":nul}",
        "{\"a\":TRUE}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":0x1}",
        "{\"a\":1a}",
        "{\"a\":NaN}",
        "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":{]}",
        "{\"a\":\"b}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u123\"}",
        "{\"a\":\"\\\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"b\"c}",
        "{\"a\":\"b\":1}",
        "{\"e\":\"g\":[Z}}}",
        "{'a':1}",
        "{\"a\":1}x",
        "\xef\xbb\xbf",
        "{\"a\":1//c\n}",
        "{\"a\":\"b\"\"c\":1}",
    };
    struct readers r;
    readers_init(&r);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(read_all(&r, bad[i]), BTR_E_FORMAT);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (read_all(&r, btr_span_of(texts[i])) != BTR_E_FORMAT)
            fail_msg("accepted: %s", texts[i]);
    readers_fini(&r);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct btr_span text = BTR_SPAN(
        "{\"a\":[1,{\"b\":\"\\u00e9\\ud83d\\ude00\"},null],\"c\":-1.5e3,\"d\":{\"e\":false}}");
    struct readers r;
    readers_init(&r);
    for (size_t size = 0; size < text.size; size++) {
        assert_int_equal(read_all(&r, (struct btr_span){text.at, size}), BTR_E_FORMAT);
        assert_true(r.err.offset <= size);
    }
    readers_fini(&r);
}

static size_t repeat(char *out, size_t at, const char *text, unsigned times)
{
    size_t size = strlen(text);
    for (unsigned i = 0; i < times; i++, at += size)
        memcpy(out + at, text, size);
    return at;
}

static void limits_are_kept_and_named(void **state)
{
    (void)state;
    static char text[BTR_JSON_MEMBERS_MAX * 4];
    struct readers r;
    readers_init(&r);
    for (unsigned depth = BTR_JSON_DEPTH_MAX - 2; depth < BTR_JSON_DEPTH_MAX + 2; depth++) {
        size_t at = repeat(text, 0, "{\"a\":", 1);
        at = repeat(text, at, "[", depth);
        at = repeat(text, at, "]", depth);
        at = repeat(text, at, "}", 1);
        int want = depth + 1 > BTR_JSON_DEPTH_MAX ? BTR_E_LIMIT : 0;
        assert_int_equal(read_all(&r, (struct btr_span){(uint8_t *)text, at}), want);
    }
    for (unsigned members = BTR_JSON_MEMBERS_MAX - 1; members < BTR_JSON_MEMBERS_MAX + 2;
         members++) {
        size_t at = repeat(text, 0, "{\"a\":[1", 1);
        at = repeat(text, at, ",1", members - 1);
        at = repeat(text, at, "]}", 1);
        int want = members > BTR_JSON_MEMBERS_MAX ? BTR_E_LIMIT : 0;
        assert_int_equal(read_all(&r, (struct btr_span){(uint8_t *)text, at}), want);
    }
    for (unsigned name = BTR_JSON_NAME_MAX - 1; name < BTR_JSON_NAME_MAX + 2; name++) {
        size_t at = repeat(text, 0, "{\"", 1);
        at = repeat(text, at, "n", name);
        at = repeat(text, at, "\":1}", 1);
        int want = name > BTR_JSON_NAME_MAX ? BTR_E_LIMIT : 0;
        assert_int_equal(read_all(&r, (struct btr_span){(uint8_t *)text, at}), want);
    }
    readers_fini(&r);
}

static void a_full_arena_is_out_of_memory(void **state)
{
    (void)state;
    struct btr_json_reader *fast = btr_json_reader_new();
    struct btr_json_member *members;
    uint32_t count;
    struct btr_err err;
    struct btr_span text = BTR_SPAN("{\"a\":{\"b\":\"\\n\",\"c\":\"\\n\"}}");
    bool done = false;
    for (size_t size = 1; size < 4096 && !done; size++) {
        struct btr_arena *arena = btr_arena_new(size);
        int rc = btr_json_flatten(fast, text, arena, &members, &count, &err);
        assert_true(rc == 0 || rc == BTR_E_NOMEM);
        done = rc == 0;
        btr_arena_free(arena);
    }
    assert_true(done);
    btr_json_reader_free(fast);
}

/* Strings are looked at in blocks: what ends one, or hides its end, may stand anywhere in them. */
static void strings_of_any_length_are_read_and_cut_anywhere_refused(void **state)
{
    (void)state;
    static const char *const escapes[] = {"\\n", "\\\\", "\\\"", "\\u00e9", "\\\\\\\"\\\\"};
    char text[256];
    struct readers r;
    readers_init(&r);
    for (unsigned kind = 0; kind < sizeof(escapes) / sizeof(*escapes); kind++)
        for (unsigned before = 0; before < 36; before++)
            for (unsigned behind = 0; behind < 20; behind++) {
                size_t at = repeat(text, 0, "{\"k\":\"", 1);
                at = repeat(text, at, "x", before);
                at = repeat(text, at, escapes[kind], 1);
                at = repeat(text, at, "y", behind);
                at = repeat(text, at, "\"}", 1);
                assert_int_equal(read_all(&r, (struct btr_span){(uint8_t *)text, at}), 0);
                for (size_t size = at - 1; behind == 3 && size > 6; size--)
                    assert_int_equal(read_all(&r, (struct btr_span){(uint8_t *)text, size}),
                                     BTR_E_FORMAT);
                btr_arena_reset(r.arena);
            }
    readers_fini(&r);
}

/* What agents write is read in one pass: what only the careful reader takes is rare there. */
static void what_is_usual_is_read_at_once(void **state)
{
    (void)state;
    static const char *const usual[] = {
        "{\"a\":\"C:\\\\Windows\\\\x\\r\\n\",\"b\":\"\\u00e9 \\\"quoted by one\\\" "
        "0123456789\\\\\"}",
        " { \"a\" : { \"b\" : [ true , false , null , -12 , \"\" ] } , \"c\" : { } , \"d\" : [ ] "
        "}\r\n",
        "{\"0123456789abcdef\":\"0123456789abcd\\\\\",\"b\":\"0123456789abcde\\\"f\",\"c\":0}"};
    static const char *const rest[] = {"{\"a\":1.5}", "{\"a\":1e3}", "{\"a\":01}",
                                       "{\"a\":1}x",  "{\"a\":tru}", "{\"a\"}",
                                       "{\"a\":1,}",  "[1]",         ""};
    struct btr_json_member members[16];
    struct base_json_members out = {members, 0, 16};
    struct btr_arena *arena = btr_arena_new(1 << 20);
    for (unsigned i = 0; i < sizeof(usual) / sizeof(*usual); i++)
        assert_true(base_json_quick(&out, btr_span_of(usual[i]), arena));
    for (unsigned i = 0; i < sizeof(rest) / sizeof(*rest); i++)
        assert_false(base_json_quick(&out, btr_span_of(rest[i]), arena));
    out.capacity = 2;
    assert_false(base_json_quick(&out, btr_span_of(usual[2]), arena));
    btr_arena_free(arena);
}

static void a_control_byte_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    char text[64];
    struct readers r;
    readers_init(&r);
    for (unsigned c = 1; c < 0x21; c++)
        for (unsigned before = 0; before < 33; before++) {
            size_t at = repeat(text, 0, "{\"k\":\"", 1);
            at = repeat(text, at, "\xe9", before);
            text[at++] = (char)c;
            at = repeat(text, at, "\"}", 1);
            int want = c < 0x20 ? BTR_E_FORMAT : 0;
            assert_int_equal(read_all(&r, (struct btr_span){(uint8_t *)text, at}), want);
        }
    readers_fini(&r);
}

/* Texts made of what JSON is made of: often nearly right. */
static void readers_agree_on_random_texts(void **state)
{
    (void)state;
    static const char *const pieces[] = {"{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         ":",
                                         "\"a\"",
                                         "\"\\u00e9\"",
                                         "\"\\ud800\"",
                                         "1",
                                         "-2.5e1",
                                         "true",
                                         "false",
                                         "null",
                                         " ",
                                         "\"",
                                         "\\",
                                         "\xff",
                                         "0",
                                         "\"b\":",
                                         "{\"k\":",
                                         "x",
                                         "0123456789abcdef",
                                         "\\\\\\\"",
                                         "\"C:\\\\Windows\\\\x\\r\\n\""};
    struct test_random random = {20260101};
    struct readers r;
    readers_init(&r);
    for (int i = 0; i < 60000; i++) {
        char text[256];
        size_t at = repeat(text, 0, "{\"k\":", 1);
        for (uint64_t n = test_random_below(&random, 12); n > 0; n--)
            at = repeat(text, at,
                        pieces[test_random_below(&random, sizeof(pieces) / sizeof(*pieces))], 1);
        if (i % 2)
            at = repeat(text, at, "}", 1);
        read_all(&r, (struct btr_span){(uint8_t *)text, at});
        btr_arena_reset(r.arena);
    }
    readers_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_members_have_dotted_names_in_the_order_of_the_text),
        cmocka_unit_test(both_duplicates_of_a_name_are_told),
        cmocka_unit_test(numbers_are_told_as_written),
        cmocka_unit_test(strings_are_unescaped_and_lone_surrogates_are_wtf8),
        cmocka_unit_test(a_string_alone_is_unescaped_as_in_an_object),
        cmocka_unit_test(bytes_that_are_not_utf8_survive_inside_strings),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(what_is_not_one_whole_object_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(limits_are_kept_and_named),
        cmocka_unit_test(a_full_arena_is_out_of_memory),
        cmocka_unit_test(strings_of_any_length_are_read_and_cut_anywhere_refused),
        cmocka_unit_test(what_is_usual_is_read_at_once),
        cmocka_unit_test(a_control_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(readers_agree_on_random_texts),
    };
    return cmocka_run_group_tests_name("base_json", tests, NULL, NULL);
}
