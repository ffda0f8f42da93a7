/* backtrail store: what a store holds, what it misses, and whether it is sound. */
#include <btr/clock.h>
#include <btr/damage.h>
#include <btr/escape.h>
#include <inttypes.h>
#include <stdio.h>

#include "commands.h"
#include "damaged.h"
#include "output.h"
#include "store_bag.h"
#include "store_compact.h"
#include "store_prune.h"
#include "store_stat.h"
#include "store_thin.h"
#include "store_verify.h"

static const struct cli_option STAT_OPTIONS[] = {
    CLI_STORE_OPTION,
    {"by", "host,source", false, "a part for each source: what it told, from when to when"},
    {"inputs", NULL, false, "custody: each input with size, SHA-256, time, tool and case"},
    {"quarantine", NULL, false, "every record that could not be decoded, with place and reason"},
    CLI_MAX_S_OPTION,
    {0},
};
static const struct cli_option GAPS_OPTIONS[] = {CLI_STORE_OPTION, CLI_MAX_S_OPTION, {0}};
static const struct cli_option STORE_OPTIONS[] = {CLI_STORE_OPTION, {0}};
static const struct cli_option VERIFY_OPTIONS[] = {
    CLI_STORE_OPTION,
    {"root", "HEX", false, "a head that was noted elsewhere: it must be one of the store's chain"},
    {"output", "FORMAT", false, "text (default) or json"},
    {"certify", NULL, false,
     "thin each segment (or those named) in memory, and compare all closures before and after"},
    {0},
};

static const struct cli_usage STAT_USAGE = {
    "store stat", "--store DIR [--by host,source] [--inputs] [--quarantine]",
    "Counts what a store holds.", "  backtrail store stat --by host,source --store case.btr",
    STAT_OPTIONS};
static const struct cli_usage GAPS_USAGE = {
    "store gaps", "--store DIR",
    "Lists where a source is known, or must be suspected, not to have told everything.",
    "  backtrail store gaps --store case.btr", GAPS_OPTIONS};
static const struct cli_usage VERIFY_USAGE = {
    "store verify",
    "--store DIR [--root HEX] [--output text|json] | --store DIR --certify [SEGMENT...]",
    "Reads every block of every segment and checks it, and the chain of changes from its "
    "beginning.\n"
    "With --certify it proves instead, for each segment, that thinning it (store thin) changes no\n"
    "closure, backward and forward, of any entity at any time, by computing them; of a segment "
    "that\n"
    "is thinned it tells what was proved when its original was still there.\n"
    "Exit status 3 when something is damaged, --root is no head of the chain, or a closure "
    "differs.",
    "  backtrail store verify --store case.btr\n"
    "  backtrail store verify --store case.btr --certify",
    VERIFY_OPTIONS};
static const struct cli_usage COMPACT_USAGE = {
    "store compact", "--store DIR",
    "Merges the small segments of each day into large ones, and sorts long stretches of a day by\n"
    "host, now, and prints what that did. While ingest runs it merges by itself, and compact is\n"
    "refused. Queries go on. Records that several inputs told are kept once.",
    "  backtrail store compact --store case.btr", STORE_OPTIONS};
static const struct cli_usage USAGE = {
    "store", "stat | gaps | verify | compact | thin | prune | hold | export | import ...",
    "stat    what a store holds, by source, by input (custody), and what could not be decoded\n"
    "gaps    where a source did not tell everything\n"
    "verify  checksums, bounds and cross references of every segment; the chain of changes\n"
    "compact merges small segments into large ones\n"
    "thin    keeps of alike old events first, last and count, where no closure can tell\n"
    "prune   removes what lies before a time, whole segments at once\n"
    "hold    keeps what it names from being pruned\n"
    "export  sealed segments into a bag\n"
    "import  segments of a bag into a store",
    "  backtrail store stat --by host,source --store case.btr\n"
    "  backtrail store stat --help",
    (const struct cli_option[]){{0}}};

/* ---- Gaps ---- */

struct gap_list {
    struct btr_reader *reader;
    struct btr_buffer out;
    uint64_t count;
    bool unwritable;
};

static int gap_visit(void *self, const struct btr_gap_full *full)
{
    struct gap_list *list = self;
    const struct btr_gap *g = &full->gap;
    char from[BTR_TIME_TEXT_SIZE], until[BTR_TIME_TEXT_SIZE];
    const char *word = btr_gap_word(g->kind), *text = btr_gap_text(g->kind);
    btr_time_text(g->from_ns, from);
    btr_time_text(g->until_ns, until);
    btr_escape_terminal(&list->out, full->host);
    btr_buffer_text(&list->out, "  ");
    btr_escape_terminal(&list->out, full->source);
    btr_buffer_format(&list->out, "  %s .. %s  %s: %s", from, until, word ? word : "unknown",
                      text ? text : "of a kind that this version does not know");
    if (g->count)
        btr_buffer_format(&list->out, ", %" PRIu64 " missing", g->count);
    if (g->from_id || g->until_id)
        btr_buffer_format(&list->out, ", ids %" PRIu64 " .. %" PRIu64, g->from_id, g->until_id);
    btr_buffer_text(&list->out, ", ");
    btr_escape_terminal(&list->out, full->input);
    if (g->line)
        btr_buffer_format(&list->out, ":%" PRIu64, g->line);
    if (g->why.size) {
        btr_buffer_text(&list->out, "  ");
        btr_escape_terminal(&list->out, g->why);
    }
    btr_buffer_text(&list->out, "\n");
    list->count++;
    list->unwritable = !cli_print_some(&list->out);
    return list->unwritable;
}

static int gaps_ask(void *self, struct btr_err *err)
{
    struct gap_list *list = self;
    btr_buffer_clear(&list->out);
    list->count = 0;
    btr_damage_text(&list->out, list->reader);
    return btr_reader_gaps(list->reader, gap_visit, list, err);
}

static int store_gaps(const struct cli_args *args, struct btr_err *err)
{
    struct gap_list list = {0};
    int status, rc = cli_reader_open(&list.reader, args, err);
    if (rc == 0)
        rc = cli_ask(list.reader, gaps_ask, &list, err);
    if (rc < 0)
        status = cli_fail("store gaps", err);
    else if (list.unwritable)
        status = cli_print_end("store gaps", CLI_FAILED);
    else {
        if (list.count == 0)
            cli_note("store gaps", "no gaps known");
        status = list.count ? CLI_ANSWERED : CLI_NOTHING;
        status = cli_print("store gaps", &list.out,
                           cli_damaged_status("store gaps", list.reader, status));
    }
    btr_reader_close(list.reader);
    btr_buffer_fini(&list.out);
    return status;
}

/* ---- Stat ---- */

struct stat_question {
    struct btr_reader *reader;
    struct btr_kept *kept;
    struct cli_stat_parts parts;
    struct btr_buffer out;
};

static int stat_ask(void *self, struct btr_err *err)
{
    struct stat_question *q = self;
    btr_buffer_clear(&q->out);
    btr_damage_text(&q->out, q->reader);
    return cli_stat_write(&q->out, q->reader, q->kept, &q->parts, err);
}

static int store_stat(const struct cli_args *args, struct btr_err *err)
{
    const char *by = cli_arg(args, "by");
    if (by && strcmp(by, "host,source") != 0)
        return cli_refuse("store stat", "--by \"%s\": only host,source is built", by);
    struct stat_question q = {.parts = {by != NULL, cli_arg(args, "inputs") != NULL,
                                        cli_arg(args, "quarantine") != NULL}};
    int rc = cli_reader_open(&q.reader, args, err);
    if (rc == 0)
        rc = cli_kept_open(&q.kept, args, err);
    if (rc == 0)
        rc = cli_ask(q.reader, stat_ask, &q, err);
    int status = rc < 0 ? cli_fail("store stat", err)
                        : cli_print("store stat", &q.out,
                                    cli_damaged_status("store stat", q.reader, CLI_ANSWERED));
    btr_kept_close(q.kept);
    btr_reader_close(q.reader);
    btr_buffer_fini(&q.out);
    return status;
}

/* ---- The table ---- */

static const struct {
    const char *name;
    const struct cli_usage *usage;
    int (*run)(const struct cli_args *args, struct btr_err *err);
    bool words; /* takes words that are no options */
} SUBCOMMANDS[] = {
    {"stat", &STAT_USAGE, store_stat, false},
    {"gaps", &GAPS_USAGE, store_gaps, false},
    {"verify", &VERIFY_USAGE, cli_store_verify, true},
    {"compact", &COMPACT_USAGE, cli_store_compact, false},
    {"thin", &CLI_THIN_USAGE, cli_store_thin, false},
    {"prune", &CLI_PRUNE_USAGE, cli_store_prune, false},
    {"hold", &CLI_HOLD_USAGE, cli_store_hold, true},
    {"export", &CLI_EXPORT_USAGE, cli_store_export, true},
    {"import", &CLI_IMPORT_USAGE, cli_store_import, true},
};

static int run(size_t i, int argc, char **argv)
{
    const struct cli_usage *usage = SUBCOMMANDS[i].usage;
    struct cli_args args;
    struct btr_err err;
    int status;
    if (cli_args_parse(&args, usage, argc, argv, &err) < 0)
        status = cli_fail(usage->command, &err);
    else if (args.help)
        status = cli_help(usage);
    else if (args.word_count && !SUBCOMMANDS[i].words)
        status = cli_refuse(usage->command, "unexpected \"%s\"", args.words[0]);
    else
        status = SUBCOMMANDS[i].run(&args, &err);
    cli_args_fini(&args);
    return status;
}

int cmd_store(int argc, char **argv)
{
    if (argc == 0)
        return cli_refuse(
            "store",
            "a subcommand is missing: stat, gaps, verify, compact, thin, prune, hold, export, "
            "import");
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
        return cli_help(&USAGE);
    for (size_t i = 0; i < sizeof SUBCOMMANDS / sizeof *SUBCOMMANDS; i++) {
        if (strcmp(argv[0], SUBCOMMANDS[i].name) == 0)
            return run(i, argc - 1, argv + 1);
    }
    return cli_refuse(
        "store",
        "no subcommand \"%s\": stat, gaps, verify, compact, thin, prune, hold, export, import",
        argv[0]);
}
