/* Globs, numbers and address ranges. */
#include <btr/buffer.h>

#include "filter/compare.h"
#include "filter/glob.h"
#include "plain_glob.h"
#include "query_tests.h"
#include "test.h"
#include "test_random.h"

static struct btr_span text(const char *s)
{
    return btr_span_of(s);
}

static void globs_match_as_documented(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool fits;
    } ROWS[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "any/thing", true},
        {"?", "a", true},
        {"?", "", false},
        {"?", "ab", false},
        {"*/curl", "/usr/bin/curl", true},
        {"*/curl", "curl", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "acb", false},
        {"a**c", "abc", true},
        {"A*", "abc", false},
        {"[*]", "*", true},
        {"[*]", "x", false},
        {"[?]x", "?x", true},
        {"[[]", "[", true},
        {"[ab]", "a", false},
        {"[ab]", "[ab]", true},
        {"C:\\Windows\\*", "C:\\Windows\\x", true},
        {"*.ex?", "a.exe", true},
        {"*aab", "aaaaab", true},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        assert_int_equal(query_glob(text(ROWS[i].pattern), text(ROWS[i].text), false),
                         ROWS[i].fits);
    assert_true(query_glob(text("c:\\WIN*\\CMD.exe"), text("C:\\Windows\\cmd.EXE"), true));
}

/* The plainest definition there is. */
static bool glob_plain(const char *p, const char *t)
{
    if (*p == 0)
        return *t == 0;
    if (*p == '*')
        return glob_plain(p + 1, t) || (*t && glob_plain(p, t + 1));
    return *t && (*p == '?' || *p == *t) && glob_plain(p + 1, t + 1);
}

static void random_globs_match_as_the_plain_definition_does(void **state)
{
    (void)state;
    struct test_random random = {20261125};
    static const char LETTERS[] = "ab*?";
    for (int round = 0; round < 20000; round++) {
        char pattern[9], subject[9];
        size_t i, n = test_random_below(&random, 8), m = test_random_below(&random, 8);
        for (i = 0; i < n; i++)
            pattern[i] = LETTERS[test_random_below(&random, 4)];
        pattern[n] = 0;
        for (i = 0; i < m; i++)
            subject[i] = LETTERS[test_random_below(&random, 2)];
        subject[m] = 0;
        assert_int_equal(query_glob(text(pattern), text(subject), false),
                         glob_plain(pattern, subject));
    }
}

static void a_hostile_glob_ends(void **state)
{
    (void)state;
    struct btr_buffer pattern = {0}, subject = {0};
    for (int i = 0; i < 50; i++)
        btr_buffer_text(&pattern, "*a");
    btr_buffer_text(&pattern, "b");
    for (int i = 0; i < 50000; i++)
        btr_buffer_text(&subject, "a");
    assert_false(query_glob(btr_buffer_view(&pattern), btr_buffer_view(&subject), false));
    btr_buffer_fini(&pattern);
    btr_buffer_fini(&subject);
}

/* ---- Globs of paths ---- */

static void globs_of_paths_match_as_documented(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool fits;
    } ROWS[] = {
        {"/a/*", "/a/b", true},
        {"/a/*", "/a/b/c", false},
        {"/a/*", "/a/", true},
        {"/a/**", "/a/b/c", true},
        {"/a/**", "/a", false},
        {"/a/**/b", "/a/b", true},
        {"/a/**/b", "/a/x/y/b", true},
        {"/a/**/b", "/a/xb", false},
        {"**/b", "/b", true},
        {"**/b", "b", true},
        {"**/b", "/a/xb", false},
        {"/a/**b", "/a/x/yb", true},
        {"/a**b", "/a/x/yb", true},
        {"/a/?/c", "/a/b/c", true},
        {"/a?b", "/a/b", false},
        {"/[a-c]x", "/bx", true},
        {"/[!a-c]x", "/bx", false},
        {"/[!a-c]x", "/dx", true},
        {"/a[!x]b", "/a/b", false},
        {"/[*]", "/*", true},
        {"/[*]", "/x", false},
        {"/[]]", "/]", true},
        {"/[a-]", "/-", true},
        {"/[a", "/[a", true},
        {"/A/*", "/a/b", false},
        {"C:\\A\\*", "c:\\a\\B", true},
        {"C:\\A\\*", "c:\\a\\b\\c", false},
        {"C:/a/**/c", "c:\\a\\b\\C", true},
        {"**/secret.txt", "d:\\x\\Secret.TXT", true},
        {"**/secret.txt", "/x/Secret.TXT", false},
        {"\\\\nas\\public\\**", "\\\\NAS\\Public\\a\\b", true},
        {"/a\\b", "/a/b", false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (query_glob_path(text(ROWS[i].pattern), text(ROWS[i].path)) != ROWS[i].fits)
            fail_msg("%s of %s", ROWS[i].pattern, ROWS[i].path);
}

static void random_globs_of_paths_match_as_the_plain_definition_does(void **state)
{
    (void)state;
    struct test_random random = {20261130};
    static const char PARTS[][4] = {"a", "b", "/", "*", "**", "?", "/**", "/"};
    uint32_t fits = 0;
    for (int round = 0; round < 200000; round++) {
        char pattern[40] = "", path[16];
        size_t i, n = test_random_below(&random, 9), m = test_random_below(&random, 12), at = 0;
        for (i = 0; i < n; i++)
            at += (size_t)snprintf(pattern + at, sizeof pattern - at, "%s",
                                   PARTS[test_random_below(&random, 8)]);
        for (i = 0; i < m; i++)
            path[i] = PARTS[test_random_below(&random, 3)][0];
        path[m] = 0;
        bool wanted = plain_glob_path(pattern, pattern, path);
        fits += wanted;
        if (query_glob_path(text(pattern), text(path)) != wanted)
            fail_msg("%s of %s", pattern, path);
    }
    assert_true(fits > 5000); /* so that both answers are tried */
}

static void a_hostile_path_ends(void **state)
{
    (void)state;
    struct btr_buffer path = {0};
    for (int i = 0; i < 1000000; i++)
        btr_buffer_text(&path, "a");
    assert_false(query_glob_path(text("/x/**a*a*a*a*b"), btr_buffer_view(&path)));
    assert_false(query_glob_path(text("**a*a*a*a*b"), btr_buffer_view(&path)));
    assert_false(query_glob_path(text("**a**a*a**a*b"), btr_buffer_view(&path)));
    btr_buffer_fini(&path);
}

static void numbers_compare_exactly_however_long(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        int order;
    } ROWS[] = {
        {"9", "10", -1},
        {"10", "9", 1},
        {"007", "7", 0},
        {"-1", "1", -1},
        {"-10", "-9", -1},
        {"0", "-0", 0},
        {"1.50", "1.5", 0},
        {"1.05", "1.5", -1},
        {"18446744073709551616", "18446744073709551615", 1},
        {"9999999999999999999999999", "10000000000000000000000000", -1},
        {"-0.5", "0.25", -1},
        {"-0.5", "-0.25", -1},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        assert_int_equal(query_compare_numbers(text(ROWS[i].a), text(ROWS[i].b)), ROWS[i].order);
    static const char *const NONE[] = {"", "-", "1.", ".5", "1e5", "0x10", "1 ", "--1", "1.2.3"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++)
        assert_false(query_is_number(text(NONE[i])));
}

static void address_ranges_hold_what_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *range, *address;
        bool holds;
    } ROWS[] = {
        {"10.0.0.0/8", "10.77.0.11", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.77.0.128/25", "10.77.0.139", true},
        {"10.77.0.128/25", "10.77.0.11", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"fe80::/10", "fe80::1", true},
        {"fe80::/10", "2001:db8::1", false},
        {"::/0", "10.0.0.1", false},
        {"10.0.0.0/8", "host", false},
        {"10.0.0.0/8", "", false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct query_cidr cidr;
        assert_true(query_cidr_parse(&cidr, text(ROWS[i].range)));
        assert_int_equal(query_cidr_holds(&cidr, text(ROWS[i].address)), ROWS[i].holds);
    }
    static const char *const NONE[] = {"",         "/8",     "10.0.0.0/",   "10.0.0.0/33",
                                       "10.0.0/8", "::/129", "10.0.0.0/-1", "10.0.0.0/8/9",
                                       "web01"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        struct query_cidr cidr;
        assert_false(query_cidr_parse(&cidr, text(NONE[i])));
    }
}

int compare_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_as_documented),
        cmocka_unit_test(random_globs_match_as_the_plain_definition_does),
        cmocka_unit_test(a_hostile_glob_ends),
        cmocka_unit_test(globs_of_paths_match_as_documented),
        cmocka_unit_test(random_globs_of_paths_match_as_the_plain_definition_does),
        cmocka_unit_test(a_hostile_path_ends),
        cmocka_unit_test(numbers_compare_exactly_however_long),
        cmocka_unit_test(address_ranges_hold_what_they_should),
    };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
