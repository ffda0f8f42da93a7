/* What commands say. */
#include "output.h"

#include <btr/escape.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"

enum { PRINT_AT = 64 << 10 };

static int status_of(int code)
{
    switch (code) {
    case BTR_E_NOTFOUND:
        return CLI_NOTHING;
    case BTR_E_USAGE:
    case BTR_E_AMBIGUOUS:
        return CLI_USAGE;
    default:
        return CLI_FAILED;
    }
}

int cli_fail(const char *command, const struct btr_err *err)
{
    fprintf(stderr, "backtrail %s: %s\n", command, err->text);
    return status_of(err->code);
}

int cli_refuse(const char *command, const char *format, ...)
{
    char text[BTR_ERR_TEXT_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct btr_err err;
    btr_fail(&err, BTR_E_USAGE, UINT64_MAX, "%s", text);
    return cli_fail(command, &err);
}

void cli_note(const char *command, const char *format, ...)
{
    char text[BTR_ERR_TEXT_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct btr_buffer line = {0};
    btr_escape_terminal(&line, btr_span_of(text));
    if (!line.failed)
        fprintf(stderr, "backtrail %s: %.*s\n", command, (int)line.size, (const char *)line.at);
    btr_buffer_fini(&line);
}

/* A reader that went away (head, less) is no failure worth a line; a full disk is. */
static int print_failed(const char *command)
{
    if (errno != EPIPE)
        fprintf(stderr, "backtrail %s: cannot write to standard output: %s\n", command,
                strerror(errno));
    return CLI_FAILED;
}

int cli_print_end(const char *command, int status)
{
    if (ferror(stdout) || fflush(stdout) != 0)
        return print_failed(command);
    return status;
}

bool cli_print_some(struct btr_buffer *out)
{
    if (out->size < PRINT_AT)
        return true;
    bool good = fwrite(out->at, 1, out->size, stdout) == out->size;
    btr_buffer_clear(out);
    return good;
}

void cli_hex(struct btr_buffer *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        btr_buffer_format(out, "%02x", bytes[i]);
}

int cli_print(const char *command, const struct btr_buffer *out, int status)
{
    if (out->failed) {
        fprintf(stderr, "backtrail %s: out of memory\n", command);
        return CLI_FAILED;
    }
    if (out->size && fwrite(out->at, 1, out->size, stdout) != out->size)
        return print_failed(command);
    return cli_print_end(command, status);
}

bool cli_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

bool cli_progress(void)
{
    return isatty(STDERR_FILENO);
}

static void help_option(struct btr_buffer *out, const struct cli_option *option)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s%s", option->name[1] ? "--" : "-", option->name,
             option->value ? " " : "", option->value ? option->value : "");
    btr_buffer_format(out, "  %-24s %s%s\n", left, option->what,
                      option->many ? " (may be repeated)" : "");
}

int cli_help(const struct cli_usage *usage)
{
    struct btr_buffer out = {0};
    btr_buffer_format(&out, "usage: backtrail %s %s\n\n%s\n\n", usage->command, usage->synopsis,
                      usage->what);
    for (const struct cli_option *option = usage->options; option->name; option++)
        help_option(&out, option);
    btr_buffer_format(&out, "  %-24s %s\n\nexample:\n%s\n", "--help", "this text", usage->example);
    int status = cli_print(usage->command, &out, CLI_ANSWERED);
    btr_buffer_fini(&out);
    return status;
}
