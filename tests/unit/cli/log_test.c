/* Lines of the daemon's log, as they leave. */
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

#include "daemon/log.h"

enum { LINE_SIZE = 1024 };

static int ends[2], kept;

/* Standard error goes into a pipe until told() gives what came. */
static int catch_it(void **state)
{
    (void)state;
    kept = dup(STDERR_FILENO);
    return kept < 0 || pipe(ends) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ||
           dup2(ends[1], STDERR_FILENO) < 0;
}

static int let_go(void **state)
{
    (void)state;
    (void)dup2(kept, STDERR_FILENO);
    (void)close(kept);
    (void)close(ends[0]);
    (void)close(ends[1]);
    daemon_log_level("info");
    return unsetenv("JOURNAL_STREAM");
}

static const char *told(char out[LINE_SIZE])
{
    ssize_t size = read(ends[0], out, LINE_SIZE - 1);
    out[size > 0 ? size : 0] = '\0';
    return out;
}

static void values_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    char line[LINE_SIZE];
    daemon_log(DAEMON_WARNING, "cli", "tried", "plain", "a/b:1", "empty", "", "blank", "a b",
               "quote", "say \"x\"=y", NULL);
    const char *level = strstr(told(line), " level=");
    assert_non_null(level);
    assert_string_equal(level, " level=warning room=cli event=tried plain=a/b:1 empty=\"\" "
                               "blank=\"a b\" quote=\"say \\x22x\\x22=y\"\n");
    assert_memory_equal(line, "time=20", 7);
}

static void what_is_below_the_level_is_not_written(void **state)
{
    (void)state;
    char line[LINE_SIZE];
    daemon_log(DAEMON_DEBUG, "cli", "tried", NULL);
    assert_string_equal(told(line), "");
    daemon_log_level("debug");
    daemon_log(DAEMON_DEBUG, "cli", "tried", NULL);
    assert_non_null(strstr(told(line), "level=debug"));
    daemon_log_level("error");
    daemon_log(DAEMON_WARNING, "cli", "tried", NULL);
    assert_string_equal(told(line), "");
}

static void the_journal_is_told_the_level(void **state)
{
    (void)state;
    char line[LINE_SIZE];
    assert_int_equal(setenv("JOURNAL_STREAM", "8:1", 1), 0);
    daemon_log(DAEMON_ERROR, "cli", "tried", NULL);
    assert_memory_equal(told(line), "<3>time=", 8);
}

static void what_is_said_again_is_counted(void **state)
{
    (void)state;
    char line[LINE_SIZE];
    uint64_t before = daemon_log_suppressed();
    daemon_log_often(DAEMON_ERROR, "cli", "tried", "text", "no answer after 7 ms");
    daemon_log_often(DAEMON_ERROR, "cli", "tried", "text", "no answer after 8 ms");
    const char *text = strstr(told(line), "text=");
    assert_non_null(text);
    assert_string_equal(text, "text=\"no answer after 7 ms\"\n");
    assert_int_equal(daemon_log_suppressed() - before, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_quoted_where_they_must_be, catch_it, let_go),
        cmocka_unit_test_setup_teardown(what_is_below_the_level_is_not_written, catch_it, let_go),
        cmocka_unit_test_setup_teardown(the_journal_is_told_the_level, catch_it, let_go),
        cmocka_unit_test_setup_teardown(what_is_said_again_is_counted, catch_it, let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
