/* backtrail daemon: the topics of a broker into a store, for months. */
#include <stdio.h>

#include "args.h"
#include "commands.h"
#include "config.h"
#include "daemon/loop.h"
#include "output.h"

static const struct cli_option OPTIONS[] = {
    {"config", "FILE", false, "the configuration; its keys are below and in docs/CONFIG.md"},
    {"check", NULL, false, "try the configuration, with its secrets and its inventory, and end"},
    {NULL, NULL, false, NULL},
};

static const struct cli_usage USAGE = {
    .command = "daemon",
    .synopsis = "--config FILE [--check]",
    .what = "Follows topics of Apache Kafka into a store until SIGTERM, which publishes all and "
            "leaves the group; SIGHUP\n"
            "reads the configuration again. The log goes to standard error, metrics and health to "
            "http.listen.\n"
            "docs/OPERATIONS.md tells how to run it.",
    .example = "backtrail daemon --config /etc/backtrail/backtrail.conf --check\n"
               "systemctl enable --now backtrail",
    .options = OPTIONS,
};

static int help(void)
{
    struct btr_buffer out = {0};
    btr_buffer_text(&out, "\nkeys of the configuration (KEY = VALUE, a line each; * must be "
                          "given):\n");
    for (const struct cli_config_row *row = cli_config_table; row->key; row++) {
        char range[160];
        cli_config_range(row, range);
        bool prefix = row->type == CLI_CONFIG_PREFIX || row->type == CLI_CONFIG_PREFIX_PATH;
        btr_buffer_format(&out, "  %s%s%s (%s%s%s; SIGHUP: %s)\n      %s.\n", row->key,
                          prefix ? "SETTING" : "", row->required ? " *" : "", range,
                          row->preset ? "; default " : "", row->preset ? row->preset : "",
                          cli_config_apply_text(row->apply), row->meaning);
    }
    int status = cli_help(&USAGE);
    if (status == CLI_ANSWERED)
        status = cli_print("daemon", &out, status);
    btr_buffer_fini(&out);
    return status;
}

static void warned(void *self, const char *line)
{
    (void)self;
    fprintf(stderr, "backtrail daemon: %s\n", line);
}

static int checked(const char *path)
{
    struct btr_buffer out = {0};
    btr_buffer_format(&out, "%s: good\n", path);
    int status = cli_print("daemon", &out, CLI_ANSWERED);
    btr_buffer_fini(&out);
    return status;
}

static int run(const struct cli_args *args)
{
    struct btr_err err = {0};
    struct daemon_plan *plan = NULL;
    const char *path = cli_arg(args, "config");
    if (!path)
        return cli_refuse("daemon", "--config is missing (see --help)");
    if (args->word_count > 0)
        return cli_refuse("daemon", "\"%s\" is no option (see --help)", args->words[0]);
    if (daemon_plan_load(&plan, path, warned, NULL, &err) < 0)
        return cli_fail("daemon", &err);
    int status;
    if (cli_arg(args, "check")) {
        status = daemon_plan_try(plan, &err) < 0 ? cli_fail("daemon", &err) : checked(path);
    } else if (daemon_run(plan, path, &err) == 0) {
        status = CLI_ANSWERED;
    } else {
        (void)cli_fail("daemon", &err);
        status = err.code == BTR_E_USAGE ? CLI_USAGE : CLI_FAILED;
    }
    daemon_plan_release(plan);
    return status;
}

int cmd_daemon(int argc, char **argv)
{
    struct cli_args args = {0};
    struct btr_err err = {0};
    int status;
    if (cli_args_parse(&args, &USAGE, argc, argv, &err) < 0)
        status = cli_fail("daemon", &err);
    else
        status = args.help ? help() : run(&args);
    cli_args_fini(&args);
    return status;
}
