/* backtrail loss: what an intrusion reached, took and changed of an inventory of assets. */
#include <btr/clock.h>
#include <btr/damage.h>
#include <btr/loss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "commands.h"
#include "damaged.h"
#include "file_read.h"
#include "output.h"
#include "starts.h"
#include "stores.h"

static const struct cli_option OPTIONS[] = {
    CLI_STORE_OPTION,
    {"from", "SPEC", true, "the alert, or several of one incident: record:HOST/ID, ..."},
    {"at", "T", false, "time to start from; default: the record's own, else the last event"},
    {"assets", "FILE", false, "the inventory of assets (docs/LOSS.md)"},
    {"budget", "LIMIT", true, "edges=N, time=100ms, memory=64MB: exit status 4 when it cut"},
    {"output", "FORMAT", false, "text (default) or json"},
    CLI_MAX_S_OPTION,
    {0},
};

static const struct cli_usage USAGE = {
    "loss",
    "--store DIR --from SPEC --assets FILE [--budget LIMIT] [--output FORMAT]",
    "Follows the intrusion behind an alert, and says of each asset whether it was lost: to whom, "
    "how\nmuch at least and at most, and on which records a \"not lost\" rests. Then what was "
    "erased, what is\nstill there, and what to cut first.",
    "  backtrail loss --store case.btr --from record:web01/3714009 --assets assets.yaml",
    OPTIONS,
};

struct ledger {
    struct btr_reader *reader;
    struct cli_starts starts;
    int64_t at_ns;
    struct btr_walk_limits limits;
    struct btr_assets *assets;
    struct btr_loss_options options;
    bool json, cut;
    struct btr_buffer out;
};

/* ---- Options ---- */

static int assets_load(struct ledger *l, const struct cli_args *args, struct btr_err *err)
{
    const char *path = cli_arg(args, "assets");
    struct btr_buffer text = {0};
    if (!path)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--assets FILE is missing");
    int rc = cli_file_read(path, BTR_ASSETS_TEXT_MAX, &text, err);
    if (rc == 0)
        rc = btr_assets_read(&l->assets, btr_buffer_view(&text), path, err);
    if (rc < 0 && rc != BTR_E_NOMEM && rc != BTR_E_IO && rc != BTR_E_FULL)
        rc = err->code = BTR_E_USAGE; /* what a user wrote is bad usage */
    btr_buffer_fini(&text);
    l->options.assets = l->assets;
    return rc;
}

static int output_option(struct ledger *l, const struct cli_args *args, struct btr_err *err)
{
    const char *name = cli_arg(args, "output");
    l->json = name && strcmp(name, "json") == 0;
    if (name && !l->json && strcmp(name, "text") != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--output \"%s\": text or json", name);
    if (args->word_count)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "unexpected \"%s\": an alert is given by --from", args->words[0]);
    return 0;
}

static int starts_take(struct ledger *l, const struct cli_args *args, struct btr_err *err)
{
    uint32_t count = cli_arg_count(args, "from");
    struct btr_span *texts = calloc((size_t)count + 1, sizeof *texts);
    if (count == 0 || !texts) {
        free(texts);
        return count ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "starts")
                     : btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--from SPEC is missing");
    }
    for (uint32_t i = 0; i < count; i++)
        texts[i] = btr_span_of(cli_arg_nth(args, "from", i));
    int rc = cli_starts_parse(&l->starts, texts, count, err);
    free(texts);
    l->options.specs = l->starts.texts;
    return rc;
}

static int options_take(struct ledger *l, const struct cli_args *args, struct btr_err *err)
{
    int rc = output_option(l, args, err);
    if (rc == 0)
        rc = cli_budget_parse(args, &l->limits, err);
    if (rc == 0)
        rc = cli_arg_time(args, "at", &l->at_ns, err);
    if (rc == 0)
        rc = starts_take(l, args, err);
    return rc == 0 ? assets_load(l, args, err) : rc;
}

/* ---- The question ---- */

static int ledger_make(struct ledger *l, struct btr_err *err)
{
    struct btr_question question = {.reader = l->reader,
                                    .starts = l->starts.starts,
                                    .start_count = l->starts.count,
                                    .direction = BTR_WALK_BACKWARD,
                                    .strategy = btr_strategy_find("critical"),
                                    .limits = l->limits};
    struct btr_found found = {0};
    struct btr_loss *loss = NULL;
    int rc = btr_question_ask(&found, &question, err);
    if (rc == 0)
        rc = btr_loss_find(&loss, &question, &found, &l->options, err);
    if (rc == 0)
        rc = l->json ? btr_loss_json(loss, &l->out, err)
                     : btr_loss_text(loss, cli_colour(), &l->out, err);
    l->cut = loss && btr_loss_is_cut(loss);
    btr_loss_free(loss);
    btr_found_fini(&found);
    return rc;
}

static int ledger_ask(void *self, struct btr_err *err)
{
    struct ledger *l = self;
    int rc = 0;
    btr_buffer_clear(&l->out);
    btr_buffer_clear(&l->starts.candidates);
    for (uint32_t i = 0; rc == 0 && i < l->starts.count; i++)
        rc = cli_starts_find(&l->starts, i, "from", l->reader, l->at_ns, false, err);
    return rc == 0 ? ledger_make(l, err) : rc;
}

static int ledger_say(struct ledger *l, int rc, const struct btr_err *err)
{
    if (rc == 0)
        return cli_print("loss", &l->out,
                         cli_damaged_status("loss", l->reader, l->cut ? CLI_CUT : CLI_ANSWERED));
    btr_buffer_clear(&l->out);
    if (l->reader)
        btr_damage_text(&l->out, l->reader);
    if (l->out.size)
        fwrite(l->out.at, 1, l->out.size, stderr);
    int status = cli_damaged_status("loss", l->reader, cli_fail("loss", err));
    if (rc == BTR_E_AMBIGUOUS && l->starts.candidates.size)
        fwrite(l->starts.candidates.at, 1, l->starts.candidates.size, stderr);
    return status;
}

static int ledger_run(const struct cli_args *args, struct btr_err *err)
{
    struct ledger l = {.at_ns = INT64_MIN};
    int rc = options_take(&l, args, err);
    l.limits.since_ns = btr_monotonic_ns();
    if (rc == 0)
        rc = cli_reader_open(&l.reader, args, err);
    if (rc == 0)
        rc = cli_ask(l.reader, ledger_ask, &l, err);
    int status = ledger_say(&l, rc, err);
    btr_reader_close(l.reader);
    btr_assets_free(l.assets);
    cli_starts_fini(&l.starts);
    btr_buffer_fini(&l.out);
    return status;
}

int cmd_loss(int argc, char **argv)
{
    struct cli_args args;
    struct btr_err err;
    int status;
    if (cli_args_parse(&args, &USAGE, argc, argv, &err) < 0)
        status = cli_fail("loss", &err);
    else
        status = args.help ? cli_help(&USAGE) : ledger_run(&args, &err);
    cli_args_fini(&args);
    return status;
}
