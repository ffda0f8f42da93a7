/* backtrail lag: how far behind the group of ingesters is. */
#include <btr/escape.h>
#include <btr/follow.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "args.h"
#include "commands.h"
#include "daemon/plan.h"
#include "output.h"

enum { TIMEOUT_S = 10, TIMEOUT_MAX_S = 600 };

static const struct cli_option OPTIONS[] = {
    {"config", "FILE", false, "the daemon's configuration"},
    {"output", "text|json", false, "default text"},
    {"max-s", "N", false, "how long the broker may take to answer (default 10)"},
    {NULL, NULL, false, NULL},
};

static const struct cli_usage USAGE = {
    .command = "lag",
    .synopsis = "--config FILE [--output text|json] [--max-s N]",
    .what = "Asks the broker how far the group of ingesters is behind in each partition: messages "
            "that wait, and\n"
            "the age of the first of them. NEXT is what the group has committed, which follows "
            "what is in the stores.",
    .example = "backtrail lag --config /etc/backtrail/backtrail.conf",
    .options = OPTIONS,
};

/* What one run holds. */
struct lag {
    struct cli_args args;
    struct daemon_plan *plan;
    struct btr_kafka_setting *settings;
    struct btr_buffer out;
    bool json;
    uint64_t partitions, messages;
    uint64_t unknown;     /* partitions of which the group has no offset */
    int64_t behind_ms;    /* the longest; -1: one is not known */
    pthread_mutex_t lock; /* of said */
    char said[BTR_ERR_TEXT_SIZE / 2];
};

/* Messages that wait: all that there is when nothing was committed. */
static int64_t waiting(const struct btr_kafka_lag *p)
{
    int64_t from = p->committed < 0 ? 0 : p->committed;
    return p->end > from ? p->end - from : 0;
}

static void put_number(struct btr_buffer *out, int64_t value)
{
    if (value < 0)
        btr_buffer_text(out, "null");
    else
        btr_buffer_format(out, "%lld", (long long)value);
}

static void put_seconds(struct btr_buffer *out, int64_t ms)
{
    if (ms < 0)
        btr_buffer_text(out, "null");
    else
        btr_buffer_format(out, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
}

/* A column of the text: a number, or - where it is not known. */
static void put_column(struct btr_buffer *out, int64_t value)
{
    if (value < 0)
        btr_buffer_format(out, "%13s", "-");
    else
        btr_buffer_format(out, "%13lld", (long long)value);
}

static void put_age(struct btr_buffer *out, int64_t ms)
{
    char text[32] = "-";
    if (ms >= 0)
        (void)snprintf(text, sizeof text, "%lld.%03lld s", (long long)(ms / 1000),
                       (long long)(ms % 1000));
    btr_buffer_format(out, "%15s", text);
}

static void put_text(struct lag *run, const struct btr_kafka_lag *p)
{
    struct btr_buffer *out = &run->out;
    btr_buffer_format(out, "%9d", (int)p->partition);
    put_column(out, p->committed);
    put_column(out, p->end);
    put_column(out, waiting(p));
    put_age(out, p->behind_ms);
    btr_buffer_text(out, "  ");
    btr_escape_terminal(out, btr_span_of(p->topic));
    btr_buffer_text(out, "\n");
}

static void put_json(struct lag *run, const struct btr_kafka_lag *p)
{
    btr_buffer_text(&run->out, run->partitions > 0 ? ",\n  {\"topic\": " : "\n  {\"topic\": ");
    btr_escape_json(&run->out, btr_span_of(p->topic));
    btr_buffer_format(&run->out, ", \"partition\": %d, \"next\": ", (int)p->partition);
    put_number(&run->out, p->committed);
    btr_buffer_text(&run->out, ", \"end\": ");
    put_number(&run->out, p->end);
    btr_buffer_format(&run->out,
                      ", \"behind_messages\": %lld, \"behind_s\": ", (long long)waiting(p));
    put_seconds(&run->out, p->behind_ms);
    btr_buffer_text(&run->out, "}");
}

static int visit(void *self, const struct btr_kafka_lag *p)
{
    struct lag *run = self;
    if (run->json)
        put_json(run, p);
    else
        put_text(run, p);
    run->partitions++;
    run->messages += (uint64_t)waiting(p);
    run->unknown += p->committed < 0;
    if (p->behind_ms < 0 || run->behind_ms < 0)
        run->behind_ms = -1;
    else if (p->behind_ms > run->behind_ms)
        run->behind_ms = p->behind_ms;
    return run->out.failed ? BTR_E_NOMEM : 0;
}

static void put_begin(struct lag *run, const char *group)
{
    if (!run->json) {
        btr_buffer_format(&run->out, "%9s%13s%13s%13s%15s  topic\n", "partition", "next", "end",
                          "messages", "behind");
        return;
    }
    btr_buffer_text(&run->out, "{\"schema\": \"backtrail-lag/1\", \"group\": ");
    btr_escape_json(&run->out, btr_span_of(group));
    btr_buffer_text(&run->out, ", \"partitions\": [");
}

static void put_end(struct lag *run)
{
    struct btr_buffer *out = &run->out;
    unsigned long long partitions = run->partitions, unknown = run->unknown,
                       messages = run->messages;
    if (run->json) {
        btr_buffer_format(out,
                          "],\n \"total\": {\"partitions\": %llu, \"uncommitted\": %llu, "
                          "\"behind_messages\": %llu, \"behind_s\": ",
                          partitions, unknown, messages);
        put_seconds(out, run->behind_ms);
        btr_buffer_text(out, "}}\n");
        return;
    }
    btr_buffer_format(out, "%9s%39llu", "total", messages);
    put_age(out, run->behind_ms);
    btr_buffer_format(out, "  %llu partitions, %llu without an offset of the group\n", partitions,
                      unknown);
}

/* What the client was told last, from a thread of its own: why nobody answers. */
static void logged(void *self, int level, const char *line)
{
    struct lag *run = self;
    if (level > LOG_WARNING)
        return;
    (void)pthread_mutex_lock(&run->lock);
    (void)snprintf(run->said, sizeof run->said, "%s", line);
    (void)pthread_mutex_unlock(&run->lock);
}

static int failed(struct lag *run, const struct btr_err *err)
{
    struct btr_err all;
    (void)pthread_mutex_lock(&run->lock);
    (void)btr_fail(&all, err->code, UINT64_MAX, run->said[0] ? "%s (%s)" : "%s", err->text,
                   run->said);
    (void)pthread_mutex_unlock(&run->lock);
    return cli_fail("lag", &all);
}

static int ask(struct lag *run, uint64_t max_s)
{
    struct btr_err err = {0};
    run->settings = calloc(daemon_plan_settings(run->plan) + 1, sizeof *run->settings);
    if (!run->settings)
        return cli_fail("lag", &(struct btr_err){.code = BTR_E_NOMEM, .text = "out of memory"});
    struct btr_kafka_options options = daemon_plan_kafka(run->plan, run->settings);
    options.log = logged;
    options.log_self = run;
    put_begin(run, run->plan->config.group);
    if (btr_kafka_lag(&options, (int)max_s * 1000, visit, run, &err) < 0)
        return failed(run, &err);
    put_end(run);
    return cli_print("lag", &run->out, run->partitions > 0 ? CLI_ANSWERED : CLI_NOTHING);
}

static void warned(void *self, const char *line)
{
    (void)self;
    cli_note("lag", "%s", line);
}

static int lag_run(struct lag *run, int argc, char **argv)
{
    struct btr_err err = {0};
    uint64_t max_s = TIMEOUT_S;
    if (cli_args_parse(&run->args, &USAGE, argc, argv, &err) < 0)
        return cli_fail("lag", &err);
    if (run->args.help)
        return cli_help(&USAGE);
    const char *path = cli_arg(&run->args, "config"), *output = cli_arg(&run->args, "output");
    if (!path)
        return cli_refuse("lag", "--config is missing (see --help)");
    if (run->args.word_count > 0)
        return cli_refuse("lag", "\"%s\" is no option (see --help)", run->args.words[0]);
    if (output && strcmp(output, "text") != 0 && strcmp(output, "json") != 0)
        return cli_refuse("lag", "--output \"%s\" is neither text nor json", output);
    if (cli_arg_number(&run->args, "max-s", &max_s, &err) < 0)
        return cli_fail("lag", &err);
    if (max_s == 0 || max_s > TIMEOUT_MAX_S)
        return cli_refuse("lag", "--max-s: from 1 to %d", TIMEOUT_MAX_S);
    run->json = output && output[0] == 'j';
    if (daemon_plan_load(&run->plan, path, warned, NULL, &err) < 0)
        return cli_fail("lag", &err);
    return ask(run, max_s);
}

int cmd_lag(int argc, char **argv)
{
    struct lag run = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int status = lag_run(&run, argc, argv);
    btr_buffer_fini(&run.out);
    free(run.settings);
    daemon_plan_release(run.plan);
    cli_args_fini(&run.args);
    return status;
}
