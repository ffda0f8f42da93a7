#include "ingest_kafka.h"

#include <btr/clock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "commands.h"
#include "connection.h"
#include "output.h"

enum { STEP_MS = 500, PROGRESS_MS = 200 };

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* What one run holds. */
struct run {
    const struct cli_args *args;
    struct cli_connection connection;
    const char **topics;
    struct btr_kafka_setting *settings;
    struct btr_topics *broker;
    struct btr_follow *follow;
    bool quiet, once;
    int64_t progress_ns;
    bool line_open;
};

static void line_close(struct run *run)
{
    if (run->line_open)
        fputs("\r\033[K", stderr);
    run->line_open = false;
}

/* Lines of ingest are escaped already. */
static void note(void *self, const char *line)
{
    struct run *run = self;
    if (run->quiet)
        return;
    line_close(run);
    fprintf(stderr, "backtrail ingest: %s\n", line);
}

static void warned(void *self, const char *line)
{
    (void)self;
    fprintf(stderr, "backtrail ingest: %s\n", line);
}

static void logged(void *self, int level, const char *line)
{
    if (level <= LOG_WARNING)
        note(self, line);
}

static int settings_read(struct run *run, struct btr_err *err)
{
    uint32_t count = cli_arg_count(run->args, "X");
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++)
        rc = cli_connection_word(&run->connection, cli_arg_nth(run->args, "X", i), warned, NULL,
                                 err);
    run->settings = calloc(count + 1, sizeof *run->settings);
    if (rc < 0 || !run->settings)
        return rc < 0 ? rc : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    for (uint32_t i = 0; i < count; i++)
        run->settings[i] =
            (struct btr_kafka_setting){run->connection.settings.items[(size_t)i * 2],
                                       run->connection.settings.items[(size_t)i * 2 + 1]};
    return 0;
}

static int broker_open(struct run *run, struct btr_err *err)
{
    uint32_t count = cli_arg_count(run->args, "topic");
    if (count == 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--topic is missing (see --help)");
    int rc = settings_read(run, err);
    run->topics = calloc(count + 1, sizeof *run->topics);
    if (rc < 0 || !run->topics)
        return rc < 0 ? rc : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    for (uint32_t i = 0; i < count; i++)
        run->topics[i] = cli_arg_nth(run->args, "topic", i);
    struct btr_kafka_options options = {
        .brokers = cli_arg(run->args, "kafka"),
        .group = cli_arg(run->args, "group"),
        .topics = run->topics,
        .topic_count = count,
        .state_topic = cli_arg(run->args, "state-topic"),
        .dead_letter_topic = cli_arg(run->args, "dead-letter-topic"),
        .settings = run->settings,
        .setting_count = run->connection.settings.count / 2,
        .once = run->once,
        .log = logged,
        .log_self = run,
    };
    return btr_kafka_open(&run->broker, &options, err);
}

static void progress(struct run *run)
{
    struct btr_follow_stats s;
    int64_t now_ns = btr_monotonic_ns();
    if (run->quiet || !cli_progress() || now_ns - run->progress_ns < PROGRESS_MS * INT64_C(1000000))
        return;
    run->progress_ns = now_ns;
    btr_follow_stats(run->follow, &s);
    fprintf(stderr, "\r\033[K%llu messages, %.1f M events", (unsigned long long)s.messages,
            (double)s.events / 1e6);
    fflush(stderr);
    run->line_open = true;
}

static void summary(const struct btr_follow_stats *s, int64_t took_ns)
{
    double seconds = (double)took_ns / 1e9;
    cli_note(
        "ingest",
        "%llu messages of %llu partitions, %llu records, %llu events, %llu undecoded, %llu gaps",
        (unsigned long long)s->messages, (unsigned long long)s->partitions,
        (unsigned long long)s->records, (unsigned long long)s->events,
        (unsigned long long)s->undecoded, (unsigned long long)s->gaps);
    cli_note("ingest", "%.1f MB of messages in %.2f s, %.0f messages/s, %llu publishes",
             (double)s->message_bytes / 1e6, seconds,
             seconds > 0 ? (double)s->messages / seconds : 0.0, (unsigned long long)s->publishes);
    if (s->state_topic_bytes > 0)
        cli_note("ingest",
                 "%llu states saved, %.1f MB of them to the store, %.1f MB to the state topic",
                 (unsigned long long)s->states_saved, (double)s->state_bytes / 1e6,
                 (double)s->state_topic_bytes / 1e6);
    if (s->messages_known + s->records_known + s->records_replayed > 0)
        cli_note("ingest",
                 "%llu messages delivered again, %llu of them by their senders; %llu records read "
                 "again for "
                 "the state of their hosts",
                 (unsigned long long)s->messages_known + s->records_known,
                 (unsigned long long)s->records_known, (unsigned long long)s->records_replayed);
    if (s->offsets_lost > 0)
        cli_note("ingest", "%llu offsets are lost: see store gaps",
                 (unsigned long long)s->offsets_lost);
    if (s->dead_letter_failed > 0)
        cli_note("ingest", "%llu dead letters were not taken by the broker",
                 (unsigned long long)s->dead_letter_failed);
}

static int follow(struct run *run, struct btr_err *err)
{
    int64_t began_ns = btr_monotonic_ns();
    int rc = 1;
    while (rc == 1 && !interrupted) {
        rc = btr_follow_step(run->follow, STEP_MS, err);
        progress(run);
    }
    if (rc >= 0) /* all was read, or somebody wants it to end */
        rc = btr_follow_stop(run->follow, run->once && rc == 0, err);
    struct btr_follow_stats stats;
    btr_follow_stats(run->follow, &stats);
    line_close(run);
    if (rc == 0 && !run->quiet)
        summary(&stats, btr_monotonic_ns() - began_ns);
    return rc;
}

static void signals_set(void)
{
    struct sigaction action = {.sa_handler = interrupt};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static void run_fini(struct run *run)
{
    btr_follow_free(run->follow);
    btr_topics_close(run->broker);
    cli_connection_fini(&run->connection);
    free(run->settings);
    free(run->topics);
}

int cli_ingest_kafka(const struct cli_args *args, const struct btr_follow_options *given,
                     struct cli_known *store)
{
    struct btr_err err = {0};
    struct run run = {.args = args,
                      .quiet = cli_arg(args, "quiet") != NULL,
                      .once = cli_arg(args, "once") != NULL};
    struct btr_follow_options options = *given;
    options.known = &store->known;
    options.note = note;
    options.note_self = &run;
    int rc = broker_open(&run, &err);
    if (rc == 0)
        rc = btr_follow_open(&run.follow, run.broker, &options, &store->sink, &err);
    bool began = rc == 0;
    if (began) {
        signals_set();
        rc = follow(&run, &err);
    }
    int status = CLI_ANSWERED;
    if (rc < 0) {
        status = cli_fail("ingest", &err);
        if (began && err.code != BTR_E_USAGE)
            status = CLI_FAILED;
    }
    run_fini(&run);
    return status;
}
