#ifndef CLI_ARGS_H
#define CLI_ARGS_H
/** Options of a command: `--name value`, `--name=value`, `-X value`; `--` ends them. */
#include <btr/err.h>
#include <btr/span.h>

struct cli_option {
    const char *name;  /* "store"; a name of one letter is written -X */
    const char *value; /* what --help calls its value, or its values, a word each; NULL for a switch */
    bool many;         /* may be given again */
    const char *what;  /* one line for --help */
};

/** What --help of a command shows; `options` ends with a NULL name, `--help` is understood by all.
 */
struct cli_usage {
    const char *command;  /* "trace", "store stat" */
    const char *synopsis; /* after the command's name */
    const char *what;     /* one or more lines */
    const char *example;  /* one or more lines */
    const struct cli_option *options;
};

struct cli_given {
    const struct cli_option *option;
    const char *value; /* "" for a switch */
};

/** What was given, in order. Values point into argv. */
struct cli_args {
    struct cli_given *given;
    const char **words; /* what is no option */
    uint32_t given_count, word_count;
    bool help;
};

/**
 * @param out  free with cli_args_fini(), also after a failure
 * @return 0, BTR_E_USAGE (unknown option, missing value, a second value for one that takes one),
 * BTR_E_NOMEM
 */
int cli_args_parse(struct cli_args *out, const struct cli_usage *usage, int argc, char **argv,
                   struct btr_err *err);
void cli_args_fini(struct cli_args *args);

/** The value of an option, or NULL when it was not given. */
const char *cli_arg(const struct cli_args *args, const char *name);
/** The i-th value of an option that may be given again, or NULL. */
const char *cli_arg_nth(const struct cli_args *args, const char *name, uint32_t i);
uint32_t cli_arg_count(const struct cli_args *args, const char *name);

/** Reads an option as a time, a number, one of a few words. Not given: *out is unchanged. @return 0
 * or BTR_E_USAGE */
int cli_arg_time(const struct cli_args *args, const char *name, int64_t *out, struct btr_err *err);
int cli_arg_number(const struct cli_args *args, const char *name, uint64_t *out,
                   struct btr_err *err);
/** A number of days, from 1 to BTR_RETENTION_DAYS_MAX; 0 when not given. */
int cli_arg_days(const struct cli_args *args, const char *name, uint32_t *out, struct btr_err *err);

#endif
