/* backtrail: the table of commands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "output.h"

struct command {
    const char *name;
    const char *what;
    int (*run)(int argc, char **argv); /* NULL: named by the contract, not built yet */
};

static const struct command COMMANDS[] = {
    {"ingest", "read records of hosts into a store", cmd_ingest},
    {"find", "list entities by a filter: where was it first and last seen", cmd_find},
    {"trace", "walk back from an alert to the way in, or forward from it", cmd_trace},
    {"store", "what a store holds and misses, whether it is sound, what is to go", cmd_store},
    {"daemon", "follow topics of Apache Kafka into a store", cmd_daemon},
    {"lag", "how far a group of ingesters is behind", cmd_lag},
    {"loss", "what an intrusion took of an inventory of assets, and what it did not", cmd_loss},
    {"report", NULL, NULL},
    {"replay", NULL, NULL},
    {NULL, NULL, NULL},
};

static int help(void)
{
    struct btr_buffer out = {0};
    btr_buffer_text(&out, "usage: backtrail COMMAND ...\n\n"
                          "Reconstructs an attack from the records of host agents.\n\n");
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (c->run)
            btr_buffer_format(&out, "  %-8s %s\n", c->name, c->what);
    }
    btr_buffer_text(
        &out,
        "\n  --help     this text; backtrail COMMAND --help: a command's own\n"
        "  --version  the version\n\n"
        "exit status: 0 answered, 1 nothing found, 2 bad usage or input, 3 the store or a source\n"
        "failed (of a damaged store: the answer is of the rest, and says so first), 4 answered "
        "but\n"
        "cut by a limit that was set\n\n"
        "example:\n"
        "  backtrail ingest --store case.btr --hosts hosts.json web01.audit.log.zst\n"
        "  backtrail trace --store case.btr --from record:web01/3714009\n");
    int status = cli_print("help", &out, CLI_ANSWERED);
    btr_buffer_fini(&out);
    return status;
}

static int version(void)
{
    struct btr_buffer out = {0};
    btr_buffer_text(&out, "backtrail " BTR_VERSION "\n");
    int status = cli_print("--version", &out, CLI_ANSWERED);
    btr_buffer_fini(&out);
    return status;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that went away shows as EPIPE where we write */
    if (argc < 2) {
        fputs("backtrail: a command is missing (see backtrail --help)\n", stderr);
        return CLI_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return help();
    if (strcmp(name, "--version") == 0)
        return version();
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (strcmp(c->name, name) != 0)
            continue;
        return c->run ? c->run(argc - 2, argv + 2) : cli_refuse(name, "not built yet");
    }
    struct btr_err err;
    btr_fail(&err, BTR_E_USAGE, UINT64_MAX, "no command \"%s\" (see backtrail --help)", name);
    fprintf(stderr, "backtrail: %s\n", err.text);
    return CLI_USAGE;
}
