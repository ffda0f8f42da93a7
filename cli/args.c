/* Options of a command. */
#include "args.h"

#include <btr/clock.h>
#include <btr/store.h>
#include <stdlib.h>

static const struct cli_option *option_find(const struct cli_option *options, const char *name,
                                            size_t size)
{
    for (; options->name; options++) {
        if (strlen(options->name) == size && memcmp(options->name, name, size) == 0)
            return options;
    }
    return NULL;
}

/* Whether a word is an option: "-" alone is a path (standard input), "-5" none that we know. */
static bool word_is_option(const char *word)
{
    return word[0] == '-' && word[1] != 0;
}

static void value_add(struct cli_args *args, const struct cli_option *option, const char *value)
{
    args->given[args->given_count++] = (struct cli_given){option, value};
}

/* How many values an option takes that takes one at least: the words by which --help calls them. */
static int value_count(const struct cli_option *option)
{
    int count = 1;
    for (const char *c = option->value; *c; c++)
        count += *c == ' ';
    return count;
}

/* @param first  its value, or NULL: that is the next word */
static int values_take(struct cli_args *args, const struct cli_option *option, const char *first,
                       int argc, char **argv, int *i, struct btr_err *err)
{
    int wanted = value_count(option) - (first ? 1 : 0);
    if (argc - 1 - *i < wanted)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "option %s needs %s: %s", argv[*i],
                        value_count(option) > 1 ? "values" : "a value", option->value);
    if (first)
        value_add(args, option, first);
    for (; wanted > 0; wanted--)
        value_add(args, option, argv[++*i]);
    return 0;
}

/* Takes the option at argv[*i], and its value where that is the next word. */
static int option_take(struct cli_args *args, const struct cli_usage *usage, int argc, char **argv,
                       int *i, struct btr_err *err)
{
    const char *word = argv[*i];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    if ((is_long && size == 4 && memcmp(name, "help", 4) == 0) || strcmp(word, "-h") == 0) {
        args->help = true;
        return 0;
    }
    const struct cli_option *option = option_find(usage->options, name, size);
    if (!option || is_long != (option->name[1] != 0))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "no option \"%.*s\" (see --help)",
                        (int)(size + (is_long ? 2 : 1)), word);
    if (!option->value && equals)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "option --%s takes no value", option->name);
    if (!option->many && cli_arg(args, option->name))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "option %s%s is given twice",
                        option->name[1] ? "--" : "-", option->name);
    if (option->value)
        return values_take(args, option, equals ? equals + 1 : NULL, argc, argv, i, err);
    value_add(args, option, "");
    return 0;
}

int cli_args_parse(struct cli_args *out, const struct cli_usage *usage, int argc, char **argv,
                   struct btr_err *err)
{
    *out = (struct cli_args){0};
    size_t most = (size_t)argc + 1;
    out->given = calloc(most, sizeof *out->given);
    out->words = calloc(most, sizeof *out->words);
    if (!out->given || !out->words)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%d arguments", argc);

    bool ended = false;
    for (int i = 0; i < argc; i++) {
        int rc = 0;
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && word_is_option(argv[i]))
            rc = option_take(out, usage, argc, argv, &i, err);
        else
            out->words[out->word_count++] = argv[i];
        if (rc < 0)
            return rc;
    }
    return 0;
}

void cli_args_fini(struct cli_args *args)
{
    free(args->given);
    free(args->words);
    *args = (struct cli_args){0};
}

const char *cli_arg_nth(const struct cli_args *args, const char *name, uint32_t i)
{
    for (uint32_t k = 0; k < args->given_count; k++) {
        if (strcmp(args->given[k].option->name, name) == 0 && i-- == 0)
            return args->given[k].value;
    }
    return NULL;
}

const char *cli_arg(const struct cli_args *args, const char *name)
{
    return cli_arg_nth(args, name, 0);
}

uint32_t cli_arg_count(const struct cli_args *args, const char *name)
{
    uint32_t count = 0;
    while (cli_arg_nth(args, name, count))
        count++;
    return count;
}

int cli_arg_time(const struct cli_args *args, const char *name, int64_t *out, struct btr_err *err)
{
    const char *text = cli_arg(args, name);
    if (!text || btr_time_parse(btr_span_of(text), out))
        return 0;
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                    "--%s \"%s\" is no time (2026-11-23T10:15:00Z, or seconds since the epoch)",
                    name, text);
}

int cli_arg_days(const struct cli_args *args, const char *name, uint32_t *out, struct btr_err *err)
{
    uint64_t days = 1;
    int rc = cli_arg_number(args, name, &days, err);
    if (rc == 0 && (days == 0 || days > BTR_RETENTION_DAYS_MAX))
        rc = btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--%s: from 1 to %d", name,
                      BTR_RETENTION_DAYS_MAX);
    *out = rc == 0 && cli_arg(args, name) ? (uint32_t)days : 0;
    return rc;
}

int cli_arg_number(const struct cli_args *args, const char *name, uint64_t *out,
                   struct btr_err *err)
{
    const char *text = cli_arg(args, name);
    if (!text || btr_span_number(btr_span_of(text), 10, out))
        return 0;
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--%s \"%s\" is no number", name, text);
}
