/* Spans, cursors, buffers, arenas, errors, digests: everything that holds bytes. */
#include <btr/arena.h>
#include <btr/buffer.h>
#include <btr/digest.h>
#include <btr/err.h>
#include <errno.h>

#include "test.h"
#include "test_random.h"

static struct btr_cursor cursor_of(const struct btr_buffer *b)
{
    return (struct btr_cursor){.rest = btr_buffer_view(b)};
}

static void spans_order_bytewise_and_a_prefix_comes_first(void **state)
{
    (void)state;
    assert_true(btr_span_compare(BTR_SPAN("ab"), BTR_SPAN("abc")) < 0);
    assert_true(btr_span_compare(BTR_SPAN("b"), BTR_SPAN("abc")) > 0);
    assert_true(btr_span_compare(BTR_SPAN("\xff"), BTR_SPAN("a")) > 0);
    assert_int_equal(btr_span_compare((struct btr_span){0}, BTR_SPAN("")), 0);
}

/* The plain way, on random bytes of two kinds, which often begin alike. */
static void a_part_is_found_wherever_it_stands(void **state)
{
    struct test_random r = {11};
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t text[12], part[4];
        struct btr_span t = {text, test_random_below(&r, 13)}, p = {part, test_random_below(&r, 5)};
        bool stands = p.size == 0;
        for (size_t i = 0; i < t.size; i++)
            text[i] = (uint8_t)('a' + test_random_below(&r, 2));
        for (size_t i = 0; i < p.size; i++)
            part[i] = (uint8_t)('a' + test_random_below(&r, 2));
        for (size_t i = 0; i + p.size <= t.size; i++)
            stands |= memcmp(text + i, part, p.size) == 0;
        assert_int_equal(btr_span_contains(t, p), stands);
    }
}

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_true(btr_span_number(BTR_SPAN("18446744073709551615"), 10, &value));
    assert_true(value == UINT64_MAX);
    assert_true(btr_span_number(BTR_SPAN("fFfFffffffffffff"), 16, &value));
    assert_true(value == UINT64_MAX);
    value = 7;
    static const char *const bad[] = {"",   " 1", "1 ", "-1", "+1", "1a", "18446744073709551616",
                                      "0x1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(btr_span_number(btr_span_of(bad[i]), 10, &value));
    assert_false(btr_span_number(BTR_SPAN("10000000000000000"), 16, &value));
    assert_true(value == 7);
}

/* Zeros before a number make it one of many digits, which are looked at one by one. */
static void short_numbers_are_read_as_long_ones(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdefABCDEFg/:@G` ";
    struct test_random random = {20260106};
    for (int i = 0; i < 100000; i++) {
        char text[40] = "00000000000000000000";
        size_t size = 1 + test_random_below(&random, 17);
        size_t kinds = test_random_below(&random, 3) ? 10 : sizeof(digits) - 1;
        for (size_t k = 0; k < size; k++)
            text[20 + k] = digits[test_random_below(&random, kinds)];
        for (unsigned base = 10; base <= 16; base += 6) {
            uint64_t a = 1, b = 1;
            bool is_number =
                btr_span_number((struct btr_span){(uint8_t *)text + 20, size}, base, &a);
            assert_int_equal(
                is_number,
                btr_span_number((struct btr_span){(uint8_t *)text, 20 + size}, base, &b));
            assert_true(a == b);
        }
    }
}

static void varints_come_back_and_every_cut_is_refused(void **state)
{
    (void)state;
    struct test_random random = {1};
    struct btr_buffer b = {0};
    for (int i = 0; i < 20000; i++) {
        uint64_t value = test_random_next(&random) >> test_random_below(&random, 64), back;
        btr_buffer_clear(&b);
        btr_buffer_varint(&b, value);
        struct btr_cursor c = cursor_of(&b);
        assert_true(btr_cursor_varint(&c, &back));
        assert_true(back == value && c.rest.size == 0 && c.offset == b.size);
        for (size_t size = 0; size < b.size; size++) {
            c = (struct btr_cursor){.rest = {b.at, size}};
            assert_false(btr_cursor_varint(&c, &back));
            assert_int_equal(c.offset, 0);
        }
    }
    btr_buffer_fini(&b);
}

static void signed_varints_come_back(void **state)
{
    (void)state;
    static const int64_t values[] = {0,   -1,  1,         63,        64,
                                     -64, -65, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    struct btr_buffer b = {0};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        btr_buffer_svarint(&b, values[i]);
    struct btr_cursor c = cursor_of(&b);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        int64_t back;
        assert_true(btr_cursor_svarint(&c, &back));
        assert_true(back == values[i]);
    }
    assert_int_equal(c.rest.size, 0);
    btr_buffer_fini(&b);
}

static void overlong_and_overwide_varints_are_refused(void **state)
{
    (void)state;
    const struct btr_span bad[] = {
        BTR_SPAN("\x80\x00"),
        BTR_SPAN("\x81\x80\x00"),
        BTR_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        BTR_SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        BTR_SPAN("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct btr_cursor c = {.rest = bad[i]};
        uint64_t value = 9;
        assert_false(btr_cursor_varint(&c, &value));
        assert_true(value == 9 && c.offset == 0);
    }
}

static void fixed_integers_are_little_endian_and_a_failed_read_moves_nothing(void **state)
{
    (void)state;
    struct btr_buffer b = {0};
    btr_buffer_u8(&b, 0x01);
    btr_buffer_u16(&b, 0x0203);
    btr_buffer_u32(&b, 0x04050607);
    btr_buffer_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(b.size, 15);
    assert_memory_equal(b.at, "\x01\x03\x02\x07\x06\x05\x04\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08", 15);

    struct btr_cursor c = cursor_of(&b);
    uint8_t one = 0;
    uint16_t two = 0;
    uint32_t four = 0;
    uint64_t eight = 0;
    struct btr_span rest;
    assert_true(btr_cursor_u8(&c, &one) && btr_cursor_u16(&c, &two) && btr_cursor_u32(&c, &four));
    assert_true(one == 1 && two == 0x0203 && four == 0x04050607);
    assert_false(btr_cursor_span(&c, 9, &rest));
    assert_true(btr_cursor_u64(&c, &eight));
    assert_true(eight == UINT64_C(0x08090a0b0c0d0e0f));
    assert_false(btr_cursor_u8(&c, &one) || btr_cursor_u16(&c, &two) || btr_cursor_u32(&c, &four));
    assert_true(btr_cursor_span(&c, 0, &rest));
    assert_int_equal(c.offset, 15);
    btr_buffer_fini(&b);
}

static void a_buffer_that_cannot_grow_remembers_it(void **state)
{
    (void)state;
    struct btr_buffer b = {0};
    btr_buffer_format(&b, "%s-%d", "a", 12);
    assert_memory_equal(b.at, "a-12", 4);
    assert_false(btr_buffer_reserve(&b, SIZE_MAX));
    btr_buffer_text(&b, "more");
    assert_true(b.failed && b.size == 4);
    btr_buffer_clear(&b);
    assert_true(!b.failed && b.size == 0);
    btr_buffer_fini(&b);
    assert_null(b.at);
}

static void an_arena_refuses_what_exceeds_its_bound_and_lives_on(void **state)
{
    (void)state;
    struct btr_arena *arena = btr_arena_new(1000);
    assert_non_null(btr_arena_alloc(arena, 600, 1));
    assert_false(btr_arena_refused(arena));
    assert_null(btr_arena_alloc(arena, 401, 1));
    assert_true(btr_arena_refused(arena));
    assert_non_null(btr_arena_alloc(arena, 400, 1));
    assert_null(btr_arena_alloc(arena, 1, 1));
    assert_null(btr_arena_alloc(arena, SIZE_MAX, 16));
    assert_non_null(btr_arena_alloc(arena, 0, 1));
    assert_int_equal(btr_arena_used(arena), 1000);
    btr_arena_reset(arena);
    assert_int_equal(btr_arena_used(arena), 0);
    assert_false(btr_arena_refused(arena));
    assert_non_null(btr_arena_alloc(arena, 1000, 1));
    struct btr_span out = BTR_SPAN("kept");
    assert_false(btr_arena_copy(arena, BTR_SPAN("x"), &out));
    assert_true(btr_span_equal(out, BTR_SPAN("kept")));
    btr_arena_free(arena);
}

struct piece {
    uint8_t *at;
    size_t size;
    uint8_t fill;
};

/* Random sizes with random alignment never overlap and hold what was written, over several lives.
 */
static void arena_pieces_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    enum { PIECES = 400 };
    struct test_random random = {2};
    struct btr_arena *arena = btr_arena_new(64 << 20);
    struct piece pieces[PIECES];
    for (int life = 0; life < 10; life++) {
        for (int i = 0; i < PIECES; i++) {
            size_t align = (size_t)1 << test_random_below(&random, 5);
            size_t size =
                (size_t)(test_random_next(&random) >> (47 + test_random_below(&random, 17)));
            pieces[i] = (struct piece){btr_arena_alloc(arena, size, align), size, (uint8_t)i};
            assert_non_null(pieces[i].at);
            assert_int_equal((uintptr_t)pieces[i].at % align, 0);
            memset(pieces[i].at, pieces[i].fill, size);
        }
        for (int i = 0; i < PIECES; i++)
            for (size_t at = 0; at < pieces[i].size; at++)
                assert_int_equal(pieces[i].at[at], pieces[i].fill);
        btr_arena_reset(arena);
    }
    btr_arena_free(arena);
}

static void an_error_text_is_one_line_of_printable_text(void **state)
{
    (void)state;
    struct btr_err err;
    assert_int_equal(btr_fail(&err, BTR_E_FORMAT, 12, "bad \"%s\"",
                              "a\nb\x1b[31m\x7f\xff\xc3\xa9\xe2\x80\xae\\"),
                     BTR_E_FORMAT);
    assert_int_equal(err.code, BTR_E_FORMAT);
    assert_int_equal(err.offset, 12);
    assert_string_equal(err.text, "bad \"a\\x0ab\\x1b[31m\\x7f\\xff\xc3\xa9\\xe2\\x80\\xae\\\"");
    assert_int_equal(btr_fail(NULL, BTR_E_IO, 0, "nobody listens"), BTR_E_IO);
}

static void a_long_error_text_is_cut_at_a_whole_character(void **state)
{
    (void)state;
    struct btr_err err;
    char text[2 * BTR_ERR_TEXT_SIZE];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t at = shift; at + 2 < sizeof(text); at += 2)
            memcpy(text + at, "\xc3\xa9", 3);
        text[sizeof(text) - 1] = '\0';
        btr_fail(&err, BTR_E_LIMIT, 0, "%s", text);
        size_t size = strlen(err.text);
        assert_true(size >= BTR_ERR_TEXT_SIZE - 3 && size < BTR_ERR_TEXT_SIZE);
        assert_null(strchr(err.text, '\\'));
    }
    memset(text, '\x01', sizeof(text) - 1);
    btr_fail(&err, BTR_E_LIMIT, 0, "%s", text);
    assert_int_equal(strlen(err.text) % 4, 0);
}

static void every_code_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(btr_code_text(BTR_E_NOMEM), "out of memory");
    assert_string_equal(btr_code_text(BTR_E_FULL), "no space left");
    assert_string_equal(btr_code_text(0), "no error");
    assert_string_equal(btr_code_text(-9999), "unknown error");
    assert_int_equal(btr_code_of_errno(ENOENT), BTR_E_NOTFOUND);
    assert_int_equal(btr_code_of_errno(EACCES), BTR_E_USAGE);
    assert_int_equal(btr_code_of_errno(EDQUOT), BTR_E_FULL);
    assert_int_equal(btr_code_of_errno(ENOMEM), BTR_E_NOMEM);
    assert_int_equal(btr_code_of_errno(EMFILE), BTR_E_IO);
}

static void hex_of(const uint8_t digest[BTR_SHA256_SIZE], char out[2 * BTR_SHA256_SIZE + 1])
{
    for (size_t i = 0; i < BTR_SHA256_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* FIPS 180-4 examples; a peek does not end the state. */
static void a_digest_can_be_looked_at_and_goes_on(void **state)
{
    (void)state;
    struct btr_sha256 *sha = btr_sha256_new();
    uint8_t digest[BTR_SHA256_SIZE];
    char hex[2 * BTR_SHA256_SIZE + 1];
    assert_true(btr_sha256_peek(sha, digest));
    hex_of(digest, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    btr_sha256_update(sha, BTR_SPAN("a"));
    assert_true(btr_sha256_peek(sha, digest));
    btr_sha256_update(sha, BTR_SPAN("bc"));
    assert_true(btr_sha256_peek(sha, digest));
    hex_of(digest, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    btr_sha256_free(sha);
    btr_sha256_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_order_bytewise_and_a_prefix_comes_first),
        cmocka_unit_test(a_part_is_found_wherever_it_stands),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(varints_come_back_and_every_cut_is_refused),
        cmocka_unit_test(signed_varints_come_back),
        cmocka_unit_test(overlong_and_overwide_varints_are_refused),
        cmocka_unit_test(fixed_integers_are_little_endian_and_a_failed_read_moves_nothing),
        cmocka_unit_test(a_buffer_that_cannot_grow_remembers_it),
        cmocka_unit_test(an_arena_refuses_what_exceeds_its_bound_and_lives_on),
        cmocka_unit_test(arena_pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(an_error_text_is_one_line_of_printable_text),
        cmocka_unit_test(a_long_error_text_is_cut_at_a_whole_character),
        cmocka_unit_test(short_numbers_are_read_as_long_ones),
        cmocka_unit_test(every_code_has_a_text),
        cmocka_unit_test(a_digest_can_be_looked_at_and_goes_on),
    };
    return cmocka_run_group_tests_name("base_bytes", tests, NULL, NULL);
}
