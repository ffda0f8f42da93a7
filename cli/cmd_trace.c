/* backtrail trace: from an alert back to the ways in, or forward from it. */
#include <btr/answer.h>
#include <btr/clock.h>
#include <btr/damage.h>
#include <btr/filter.h>
#include <btr/question.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "commands.h"
#include "damaged.h"
#include "output.h"
#include "starts.h"
#include "stores.h"

static const struct cli_option OPTIONS[] = {
    CLI_STORE_OPTION,
    {"from", "SPEC", true, "where to start: record:HOST/ID, process:HOST/PID@T, ..."},
    {"at", "T", false, "time to start from; default: the record's own, else the last event"},
    {"backward", NULL, false, "to what led to it (default)"},
    {"forward", NULL, false, "to what came of it; without a time, from the first event"},
    {"strategy", "NAME", false,
     "critical: what matters (default); backtracker: all that can have led to it, or come of it; "
     "readonly, priotracker, nodoze, depimpact: as published"},
    {"entries", "N", false, "with depimpact: from how many ways in it goes forward (default 6)"},
    {"budget", "LIMIT", true, "edges=N, time=100ms, memory=64MB: exit status 4 when it cut"},
    {"evidence", "WHICH", false, "first (default: first and last record of an edge) or all"},
    {"output", "FORMAT", false, "text (default), json, dot, graphml"},
    {"timeline", NULL, false, "text: every step by time, a line each"},
    {"tree", NULL, false, "text: the processes under their parents, with what each did"},
    {"show-records", NULL, false,
     "the very bytes of the records behind each step (ingest --keep-records)"},
    {"no-stats", NULL, false, "leave out times and costs: the same question, the same bytes"},
    CLI_MAX_S_OPTION,
    {"between", "SPEC SPEC", false,
     "in place of --from: what lies on paths from the first to the second"},
    {"without", "FILTER", false,
     "leave out every entity that this fits (find FILTER lists them), with all events at it"},
    {"explain", NULL, false,
     "why the strategy kept each step, and what it left out: in JSON, or in the timeline"},
    {0},
};

static const struct cli_usage USAGE = {
    "trace",
    "--store DIR (--from SPEC [--at T] [--forward] | --between SPEC SPEC) [--budget LIMIT] "
    "[--output FORMAT] [--timeline|--tree] [--show-records]",
    "Walks from an alert to all that can have led to it, and shows the most likely ways in first.\n"
    "SPEC: record:HOST/ID[@T]  record:HOST/CHANNEL/ID  origin:FILE:LINE  process:HOST/PID[@T]\n"
    "      file:HOST//path  flow:IP:PORT-IP:PORT (a port may be *)  id:HEX32",
    "  backtrail trace --store case.btr --from record:web01/3714009\n"
    "  backtrail trace --store case.btr --from process:web01/9835 --output json --evidence all\n"
    "  backtrail trace --store case.btr --between file:web01//var/www/upload/x.php record:db01/52",
    OPTIONS,
};

struct trace {
    struct btr_reader *reader;
    struct btr_shown shown;
    struct cli_starts starts;
    uint32_t count; /* of them; behind these, with --between, stands where it goes from */
    int64_t at_ns;
    enum btr_walk_direction direction;
    struct btr_found found;
    struct btr_walk_limits limits;
    struct btr_filter *filter; /* of --without, or NULL */
    struct btr_without *without;
    const struct btr_export *export;
    const struct btr_strategy *strategy;
    uint32_t rank_max; /* as of struct btr_scene */
    struct btr_answer_options options;
    struct btr_buffer out;
    bool cut, no_path;
};

/* ---- Options ---- */

static int without_option(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    const char *text = cli_arg(args, "without");
    struct btr_err why = {0};
    if (!text)
        return 0;
    t->options.filter = btr_span_of(text);
    if (t->options.filter.size == 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "--without \"\": an empty FILTER would leave out everything");
    int rc = btr_filter_parse(&t->filter, t->options.filter, &why);
    return rc < 0 ? btr_fail(err, rc, why.offset, "--without: %s", why.text) : 0;
}

static int entries_option(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    uint64_t count = 0;
    if (!cli_arg(args, "entries"))
        return 0;
    if (strcmp(t->strategy->name, "depimpact") != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--entries is for --strategy depimpact only");
    int rc = cli_arg_number(args, "entries", &count, err);
    if (rc == 0 && (count == 0 || count > UINT32_MAX))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--entries \"%s\": a number from 1 on",
                        cli_arg(args, "entries"));
    t->rank_max = (uint32_t)count;
    return rc;
}

static int strategy_option(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    const char *name = cli_arg(args, "strategy");
    t->strategy = btr_strategy_find(name ? name : "critical");
    if (!t->strategy)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "no strategy \"%s\": critical, backtracker, readonly, priotracker, nodoze, "
                        "depimpact",
                        name);
    t->options.strategy = btr_span_of(t->strategy->name);
    return entries_option(t, args, err);
}

static int output_option(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    const char *name = cli_arg(args, "output"), *evidence = cli_arg(args, "evidence");
    for (t->export = btr_exports; t->export->name; t->export ++) {
        if (strcmp(name ? name : "text", t->export->name) == 0)
            break;
    }
    if (!t->export->name)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--output \"%s\": text, json, dot or graphml",
                        name);
    t->options.evidence_all = evidence && strcmp(evidence, "all") == 0;
    if (evidence && !t->options.evidence_all && strcmp(evidence, "first") != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--evidence \"%s\": first or all", evidence);
    bool shows = cli_arg(args, "show-records") != NULL;
    if (shows && strcmp(t->export->name, "text") != 0 && strcmp(t->export->name, "json") != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--show-records: with text or json only");
    t->options.shown = shows ? &t->shown : NULL;
    t->options.edges = t->export->edges;
    t->options.no_stats = cli_arg(args, "no-stats") != NULL;
    t->options.drain = cli_print_some;
    return 0;
}

static int view_option(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    bool timeline = cli_arg(args, "timeline") != NULL, tree = cli_arg(args, "tree") != NULL;
    const char *name = timeline ? "timeline" : "tree";
    t->options.explain = cli_arg(args, "explain") != NULL;
    bool text = strcmp(t->export->name, "text") == 0;
    if (t->options.explain && !text && strcmp(t->export->name, "json") != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--explain: with text or json only");
    if (t->options.explain && tree)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--explain: not with --tree");
    timeline = timeline || (t->options.explain && text && !t->options.shown);
    if (timeline && tree)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--timeline and --tree exclude each other");
    if (timeline || tree) {
        t->options.view = timeline ? BTR_VIEW_TIMELINE : BTR_VIEW_TREE;
        t->options.edges = true;
        if (!text)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--%s: with text only, not %s", name,
                            t->export->name);
        if (t->options.shown)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--%s shows no records", name);
    }
    return 0;
}

static int start_options(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    static const char *const ALONE[] = {"from", "forward", "backward"};
    bool between = cli_arg(args, "between") != NULL;
    for (size_t i = 0; between && i < sizeof ALONE / sizeof *ALONE; i++)
        if (cli_arg(args, ALONE[i]))
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--between and --%s exclude each other",
                            ALONE[i]);
    if (cli_arg(args, "forward") && cli_arg(args, "backward"))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "--forward and --backward exclude each other");
    if (cli_arg(args, "forward"))
        t->direction = BTR_WALK_FORWARD;
    if (args->word_count)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                        "unexpected \"%s\": a start is given by --from", args->words[0]);
    if (!between && !cli_arg(args, "from"))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--from SPEC is missing");
    return 0;
}

static int trace_options(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    int rc = without_option(t, args, err);
    if (rc == 0)
        rc = strategy_option(t, args, err);
    if (rc == 0)
        rc = output_option(t, args, err);
    if (rc == 0)
        rc = view_option(t, args, err);
    if (rc == 0)
        rc = cli_budget_parse(args, &t->limits, err);
    if (rc == 0)
        rc = cli_arg_time(args, "at", &t->at_ns, err);
    return rc == 0 ? start_options(t, args, err) : rc;
}

/* ---- Starts ---- */

static bool is_between(const struct trace *t)
{
    return t->starts.count > t->count;
}

/* With --between, a walk goes back from the second SPEC. */
static int specs_new(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    bool between = cli_arg(args, "between") != NULL;
    t->count = between ? 1 : cli_arg_count(args, "from");
    uint32_t count = between ? 2 : t->count;
    struct btr_span *texts = calloc(count, sizeof *texts);
    if (!texts)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "starts");
    for (uint32_t i = 0; i < count; i++)
        texts[i] = btr_span_of(between ? cli_arg_nth(args, "between", 1 - i)
                                       : cli_arg_nth(args, "from", i));
    int rc = cli_starts_parse(&t->starts, texts, count, err);
    free(texts);
    t->options.specs = t->starts.texts;
    if (rc == 0 && is_between(t))
        t->options.between = &t->found.between;
    t->options.searched = &t->found.searched;
    return rc;
}

/* --at is the time of the end that a walk goes back from. */
static int starts_resolve(struct trace *t, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < t->starts.count; i++) {
        bool origin = i >= t->count;
        rc = cli_starts_find(&t->starts, i, is_between(t) ? "between" : "from", t->reader,
                             origin ? INT64_MIN : t->at_ns,
                             origin || t->direction == BTR_WALK_FORWARD, err);
    }
    return rc;
}

/* ---- The walk, and its answer ---- */

/* A walk cannot begin where nothing is to be seen. */
static int without_open(struct trace *t, struct btr_err *err)
{
    btr_without_free(t->without);
    t->options.without = t->without = NULL;
    if (!t->filter)
        return 0;
    int rc = btr_without_new(&t->without, t->reader, t->filter, err);
    t->options.without = t->without;
    for (uint32_t i = 0; rc == 0 && i < t->starts.count; i++) {
        bool fits;
        rc = btr_without_fits(t->without, t->starts.starts[i].entity, &fits, err);
        if (rc == 0 && fits)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--without leaves out what %.*s names",
                            (int)(t->starts.texts[i].size < 200 ? t->starts.texts[i].size : 200),
                            (const char *)t->starts.texts[i].at);
    }
    return rc;
}

static int found_find(struct trace *t, struct btr_err *err)
{
    int rc = without_open(t, err);
    if (rc < 0)
        return rc;
    struct btr_question question = {.reader = t->reader,
                                    .starts = t->starts.starts,
                                    .start_count = t->count,
                                    .origin_count = t->starts.count - t->count,
                                    .direction = t->direction,
                                    .strategy = t->strategy,
                                    .limits = t->limits,
                                    .rank_max = t->rank_max,
                                    .left_out = t->options.explain,
                                    .without = t->without};
    rc = btr_question_ask(&t->found, &question, err);
    return rc == 0 && t->without ? btr_without_failed(t->without, err) : rc;
}

static int trace_walk(struct trace *t, struct btr_err *err)
{
    struct btr_answer *answer = NULL;
    int rc = found_find(t, err);
    const struct btr_trace *trace = t->found.trace;
    t->options.kept = &t->found.kept;
    t->options.clocks = t->found.clocks;
    if (rc == 0)
        rc = btr_answer_make(&answer, t->reader, trace, t->direction,
                             btr_clocks_starts(t->found.clocks), t->count, &t->options, err);
    if (rc == 0)
        rc = t->export->write(answer, cli_colour(), &t->out, err);
    t->cut = trace && trace->cut != BTR_CUT_NONE;
    t->no_path = trace && is_between(t) && trace->step_count == 0 && !t->cut;
    btr_answer_free(answer);
    btr_found_fini(&t->found);
    return rc;
}

static int trace_ask(void *self, struct btr_err *err)
{
    struct trace *t = self;
    btr_buffer_clear(&t->out);
    btr_buffer_clear(&t->starts.candidates);
    t->shown = (struct btr_shown){.kept = t->shown.kept};
    int rc = starts_resolve(t, err);
    return rc < 0 ? rc : trace_walk(t, err);
}

/* What a text could not show of kept records stands before it, and is known behind it. */
static int answer_print(struct trace *t)
{
    struct btr_buffer out = {0};
    if (strcmp(t->export->name, "text") == 0)
        btr_shown_lack_text(&out, &t->shown);
    btr_buffer_span(&out, btr_buffer_view(&t->out));
    int status = t->cut ? CLI_CUT : t->no_path ? CLI_NOTHING : CLI_ANSWERED;
    status = cli_damaged_status("trace", t->reader, status);
    status = cli_shown_status("trace", &t->shown, status);
    status = ferror(stdout) ? cli_print_end("trace", status) : cli_print("trace", &out, status);
    btr_buffer_fini(&out);
    return status;
}

/* The answer, or why there is none: of a damaged store, what was not looked at, too. */
static int trace_say(struct trace *t, int rc, const struct btr_err *err)
{
    if (rc == 0)
        return answer_print(t);
    btr_buffer_clear(&t->out);
    if (t->reader)
        btr_damage_text(&t->out, t->reader);
    if (t->out.size)
        fwrite(t->out.at, 1, t->out.size, stderr);
    int status = cli_damaged_status("trace", t->reader, cli_fail("trace", err));
    if (rc == BTR_E_AMBIGUOUS && t->starts.candidates.size)
        fwrite(t->starts.candidates.at, 1, t->starts.candidates.size, stderr);
    return status;
}

static int trace_run(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    struct btr_buffer again = {0};
    int rc = specs_new(t, args, err);
    t->options.began_ns = t->limits.since_ns = btr_monotonic_ns();
    cli_stores_again(&again, args);
    t->options.again = btr_buffer_view(&again);
    if (rc == 0)
        rc = cli_reader_open(&t->reader, args, err);
    if (rc == 0 && t->options.shown)
        rc = cli_kept_open(&t->shown.kept, args, err);
    if (rc == 0)
        rc = cli_ask(t->reader, trace_ask, t, err);
    if (rc == 0 && t->filter && btr_filter_given_up(t->filter))
        cli_note("trace",
                 "a regular expression gave up on %" PRIu64
                 " values that cost too much; they count as no match",
                 btr_filter_given_up(t->filter));
    int status = trace_say(t, rc, err);
    btr_kept_close(t->shown.kept);
    btr_reader_close(t->reader);
    btr_buffer_fini(&again);
    cli_starts_fini(&t->starts);
    return status;
}

static int trace_show(const struct cli_args *args, struct btr_err *err)
{
    struct trace t = {.at_ns = INT64_MIN};
    int rc = trace_options(&t, args, err);
    int status = rc < 0 ? cli_fail("trace", err) : trace_run(&t, args, err);
    btr_buffer_fini(&t.out);
    btr_without_free(t.without);
    btr_filter_free(t.filter);
    return status;
}

int cmd_trace(int argc, char **argv)
{
    struct cli_args args;
    struct btr_err err;
    int status;
    if (cli_args_parse(&args, &USAGE, argc, argv, &err) < 0)
        status = cli_fail("trace", &err);
    else
        status = args.help ? cli_help(&USAGE) : trace_show(&args, &err);
    cli_args_fini(&args);
    return status;
}
