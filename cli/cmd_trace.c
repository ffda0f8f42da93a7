/* backtrail trace: from an alert back to the ways in, or forward from it. */
#include <btr/answer.h>
#include <btr/clock.h>
#include <btr/damage.h>
#include <btr/filter.h>
#include <btr/strategy.h>
#include <btr/without.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "commands.h"
#include "damaged.h"
#include "output.h"
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
    struct btr_start *starts;
    struct btr_span *from; /* texts of the specs */
    struct btr_spec *specs;
    uint32_t count, spec_count; /* behind the starts, with --between, stands where it goes from */
    int64_t at_ns;
    enum btr_walk_direction direction;
    struct btr_between between;
    struct btr_between_searched searched;
    struct btr_walk_limits limits;
    struct btr_filter *filter; /* of --without, or NULL */
    struct btr_without *without;
    const struct btr_export *export;
    const struct btr_strategy *strategy;
    uint32_t rank_max; /* as of struct btr_scene */
    struct btr_answer_options options;
    struct btr_buffer candidates; /* of a SPEC that fits several */
    struct btr_buffer out;
    bool cut, no_path;
    struct btr_clocks *clocks;
};

enum { CLOCK_ROUNDS_MAX = 8 }; /* hosts behind hosts whose clocks are wrong */

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

/* Forward from an entity as such means from its first event on. */
static int time_forward(struct trace *t, const struct btr_spec *spec, int64_t at_ns,
                        struct btr_spec_match *match, struct btr_err *err)
{
    if (at_ns != INT64_MIN || spec->at_ns != INT64_MIN || spec->form == BTR_SPEC_RECORD ||
        spec->form == BTR_SPEC_ORIGIN)
        return 0;
    struct btr_entity entity;
    struct btr_arena *arena = btr_arena_new(64 << 20);
    int rc = arena ? btr_reader_entity(t->reader, match->entity, arena, &entity, err)
                   : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "entity");
    if (rc == 0)
        match->time_ns = entity.first_ns;
    btr_arena_free(arena);
    return rc;
}

static bool is_between(const struct trace *t)
{
    return t->spec_count > t->count;
}

/* With --between, a walk goes back from the second SPEC. */
static void specs_take(struct trace *t, const struct cli_args *args)
{
    for (uint32_t i = 0; i < t->spec_count; i++)
        t->from[i] = btr_span_of(is_between(t) ? cli_arg_nth(args, "between", 1 - i)
                                               : cli_arg_nth(args, "from", i));
    t->options.specs = t->from;
    t->between = (struct btr_between){t->starts + t->count, t->starts, 1, t->count};
    if (is_between(t))
        t->options.between = &t->between;
    t->options.searched = &t->searched;
}

static int specs_new(struct trace *t, const struct cli_args *args, struct btr_err *err)
{
    bool between = cli_arg(args, "between") != NULL;
    t->count = between ? 1 : cli_arg_count(args, "from");
    t->spec_count = t->count + (between ? 1 : 0);
    t->starts = calloc(t->spec_count, sizeof *t->starts);
    t->from = calloc(t->spec_count, sizeof *t->from);
    t->specs = calloc(t->spec_count, sizeof *t->specs);
    if (!t->starts || !t->from || !t->specs)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "starts");
    specs_take(t, args);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < t->spec_count; i++)
        rc = btr_spec_parse(&t->specs[i], t->from[i], err);
    return rc;
}

/* --at is the time of the end that a walk goes back from. */
static int start_resolve(struct trace *t, uint32_t i, struct btr_err *err)
{
    bool origin = i >= t->count;
    int64_t at_ns = origin ? INT64_MIN : t->at_ns;
    struct btr_spec_match match;
    int rc = btr_spec_resolve(t->reader, &t->specs[i], at_ns, &match, &t->candidates, err);
    if (rc == 0 && (origin || t->direction == BTR_WALK_FORWARD))
        rc = time_forward(t, &t->specs[i], at_ns, &match, err);
    if (rc == 0)
        t->starts[i] = (struct btr_start){match.entity, match.time_ns, match.source};
    return rc;
}

static int starts_resolve(struct trace *t, struct btr_err *err)
{
    for (uint32_t i = 0; i < t->spec_count; i++) {
        struct btr_err why = {0};
        int rc = start_resolve(t, i, &why);
        if (rc < 0)
            return btr_fail(err, rc, UINT64_MAX, "--%s %.*s: %s",
                            is_between(t) ? "between" : "from",
                            (int)(t->from[i].size < 200 ? t->from[i].size : 200),
                            (const char *)t->from[i].at, why.text);
    }
    return 0;
}

/* ---- The walk, and its answer ---- */

/* The last moment of the day of the latest start: segments end with the day, so that what is
 * counted until then does not depend on which of them were merged. */
static int64_t day_end(const struct trace *t)
{
    const int64_t day_ns = INT64_C(86400) * 1000000000;
    int64_t until_ns = INT64_MIN;
    for (uint32_t i = 0; i < t->count; i++)
        until_ns = t->starts[i].time_ns > until_ns ? t->starts[i].time_ns : until_ns;
    int64_t begin_ns = until_ns - ((until_ns % day_ns) + day_ns) % day_ns;
    return begin_ns > INT64_MAX - day_ns ? INT64_MAX : begin_ns + day_ns - 1;
}

/* Who tells of a start that is of no host, such as a connection: of an event at its time, else of
 * any. */
struct teller {
    int64_t time_ns;
    uint32_t source; /* BTR_SOURCE_NONE: nobody yet */
};

static int teller_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct teller *t = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        bool at = flows[i].first_ns == t->time_ns || flows[i].last_ns == t->time_ns;
        if (at || t->source == BTR_SOURCE_NONE)
            t->source = flows[i].source;
        if (at)
            return 1;
    }
    return 0;
}

/* The host of a start: that of its event, else of its entity, else of who tells of it. */
static int start_host(struct trace *t, uint32_t i, struct btr_arena *arena, struct btr_span *host,
                      struct btr_err *err)
{
    struct btr_entity entity = {.kind = 0};
    if (t->starts[i].source != BTR_SOURCE_NONE) {
        *host = btr_reader_source(t->reader, t->starts[i].source).host;
        return 0;
    }
    int rc = btr_reader_entity(t->reader, t->starts[i].entity, arena, &entity, err);
    *host = entity.host;
    if (host->size || (rc < 0 && rc != BTR_E_NOTFOUND))
        return rc < 0 ? rc : 0;
    struct teller teller = {t->starts[i].time_ns, BTR_SOURCE_NONE};
    rc = btr_reader_flows(t->reader, t->starts[i].entity, BTR_SIDE_ALL, 0, NULL, teller_visit,
                          &teller, err);
    if (teller.source != BTR_SOURCE_NONE)
        *host = btr_reader_source(t->reader, teller.source).host;
    return rc < 0 ? rc : 0;
}

static int clocks_open(struct trace *t, struct btr_err *err)
{
    struct btr_edges edges =
        t->without ? btr_without_edges(t->without) : btr_edges_of_reader(t->reader);
    struct btr_clock_hosts hosts = btr_clock_hosts_of_reader(t->reader);
    struct btr_arena *arena = btr_arena_new(64 << 20);
    struct btr_span *names = calloc(t->spec_count, sizeof *names);
    int rc = arena && names ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "hosts of starts");
    for (uint32_t i = 0; rc == 0 && i < t->spec_count; i++)
        rc = start_host(t, i, arena, &names[i], err);
    if (rc == 0)
        rc = btr_clocks_new(&t->clocks, &edges, &hosts, t->starts, names, t->spec_count, err);
    free(names);
    btr_arena_free(arena);
    return rc;
}

static int walk_kept(struct trace *t, const struct btr_usual *usual, struct btr_kept_pairs *kept,
                     struct btr_trace **trace, struct btr_err *err)
{
    struct btr_reader_facts *reader_facts = NULL;
    int rc = btr_reader_facts_open(&reader_facts, t->reader, t->clocks, err);
    if (rc < 0)
        return rc;
    struct btr_edges edges = btr_clocks_edges(t->clocks);
    struct btr_facts facts = btr_facts_of_reader(reader_facts);
    const struct btr_start *starts = btr_clocks_starts(t->clocks);
    t->between = (struct btr_between){starts + t->count, starts, 1, t->count};
    struct btr_scene scene = {&edges,
                              &facts,
                              usual,
                              t->direction,
                              starts,
                              t->count,
                              &t->limits,
                              t->rank_max,
                              is_between(t) ? &t->between : NULL,
                              t->options.explain};
    if (is_between(t))
        rc = btr_walk_between(trace, kept, &t->searched, &scene, t->strategy, err);
    else
        rc = t->strategy->keep(kept, &scene, err);
    if (rc == 0 && !is_between(t))
        rc = btr_walk_kept(trace, &scene, kept, err);
    btr_reader_facts_close(reader_facts);
    return rc;
}

/* A walk that came to hosts whose clocks are wrong goes again with their times set right. */
static int walk_clocked(struct trace *t, struct btr_kept_pairs *kept, struct btr_trace **trace,
                        struct btr_err *err)
{
    struct btr_usual usual = {0};
    bool again = true;
    int rc = strcmp(t->strategy->name, "backtracker") != 0
                 ? btr_reader_usual(t->reader, day_end(t), &usual, err)
                 : 0;
    for (int round = 0; rc == 0 && again; round++) {
        btr_trace_free(*trace);
        btr_kept_pairs_free(kept);
        *trace = NULL;
        rc = walk_kept(t, &usual, kept, trace, err);
        again = false;
        if (rc == 0 && round < CLOCK_ROUNDS_MAX)
            rc = btr_clocks_learn(t->clocks, &again, err);
        if (again && *trace && t->limits.budget_ns &&
            btr_monotonic_ns() - t->limits.since_ns >= t->limits.budget_ns) {
            btr_clocks_unlearn(t->clocks);
            (*trace)->cut = BTR_CUT_TIME;
            again = false;
        }
    }
    return rc;
}

/* A walk cannot begin where nothing is to be seen. */
static int without_open(struct trace *t, struct btr_err *err)
{
    btr_without_free(t->without);
    t->options.without = t->without = NULL;
    if (!t->filter)
        return 0;
    int rc = btr_without_new(&t->without, t->reader, t->filter, err);
    t->options.without = t->without;
    for (uint32_t i = 0; rc == 0 && i < t->spec_count; i++) {
        bool fits;
        rc = btr_without_fits(t->without, t->starts[i].entity, &fits, err);
        if (rc == 0 && fits)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--without leaves out what %.*s names",
                            (int)(t->from[i].size < 200 ? t->from[i].size : 200),
                            (const char *)t->from[i].at);
    }
    return rc;
}

static int trace_walk(struct trace *t, struct btr_err *err)
{
    struct btr_trace *trace = NULL;
    struct btr_answer *answer = NULL;
    struct btr_kept_pairs kept = {0};
    int rc = without_open(t, err);
    if (rc == 0)
        rc = clocks_open(t, err);
    if (rc == 0)
        rc = walk_clocked(t, &kept, &trace, err);
    if (rc == 0 && t->without)
        rc = btr_without_failed(t->without, err);
    t->options.kept = &kept;
    t->options.clocks = t->clocks;
    if (rc == 0)
        rc = btr_answer_make(&answer, t->reader, trace, t->direction, btr_clocks_starts(t->clocks),
                             t->count, &t->options, err);
    if (rc == 0)
        rc = t->export->write(answer, cli_colour(), &t->out, err);
    t->cut = trace && trace->cut != BTR_CUT_NONE;
    t->no_path = trace && is_between(t) && trace->step_count == 0 && !t->cut;
    btr_answer_free(answer);
    btr_trace_free(trace);
    btr_kept_pairs_free(&kept);
    btr_clocks_free(t->clocks);
    t->clocks = NULL;
    return rc;
}

static int trace_ask(void *self, struct btr_err *err)
{
    struct trace *t = self;
    btr_buffer_clear(&t->out);
    btr_buffer_clear(&t->candidates);
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
    if (rc == BTR_E_AMBIGUOUS && t->candidates.size)
        fwrite(t->candidates.at, 1, t->candidates.size, stderr);
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
    free(t->specs);
    free(t->starts);
    free(t->from);
    return status;
}

static int trace_show(const struct cli_args *args, struct btr_err *err)
{
    struct trace t = {.at_ns = INT64_MIN};
    int rc = trace_options(&t, args, err);
    int status = rc < 0 ? cli_fail("trace", err) : trace_run(&t, args, err);
    btr_buffer_fini(&t.out);
    btr_buffer_fini(&t.candidates);
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
