/* backtrail ingest: records of hosts into a store. */
#include <btr/clock.h>
#include <btr/source.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "file_read.h"
#include "ingest_kafka.h"
#include "known.h"
#include "output.h"

#define TOOL "backtrail " BTR_VERSION

enum { SEGMENT_EVENTS_MAX = 4000000 };

static const struct cli_option OPTIONS[] = {
    {"store", "DIR", false, "the store; made when it is not there"},
    {"hosts", "FILE", false, "inventory: addresses, users and serial spaces of hosts (hosts.json)"},
    {"format", "NAME", false,
     "take all inputs for this format instead of looking at their first records"},
    {"case", "ID", false, "case id, kept with each input for custody"},
    {"segment-events", "N", false, "publish when so many events wait (default 400000)"},
    {"keep-records", NULL, false,
     "keep the records themselves, too, for --show-records: about 20 bytes an audit event"},
    {"retention-days", "N", false,
     "after each publish, what is over N days (UTC) old goes, whole days at once; a hold keeps it"},
    {"retention-record-days", "N", false, "the same of kept records alone"},
    {"quiet", NULL, false, "no summary, no notes; complaints stay"},
    {"kafka", "BROKERS", false, "read from Kafka: host:port, several with commas between"},
    {"topic", "TOPIC", true, "what to read there"},
    {"once", NULL, false,
     "read what is there by now, without a group, and end; else it goes on until it is "
     "interrupted"},
    {"group", "NAME", false, "consumer group (default backtrail)"},
    {"state-topic", "TOPIC", false,
     "compacted topic through which decoder states move between the ingesters of a group"},
    {"dead-letter-topic", "TOPIC", false, "gets the messages that do not decode"},
    {"X", "KEY=VALUE", true,
     "setting of librdkafka; KEY=@FILE takes the value from a file, as secrets must be"},
    {NULL, NULL, false, NULL},
};

static const struct cli_usage USAGE = {
    .command = "ingest",
    .synopsis = "--store DIR [--hosts FILE] [--format NAME] [--case ID] [--keep-records] "
                "[--retention-days N]\n"
                "                 {[HOST=]PATH... | --kafka BROKERS --topic TOPIC [-X "
                "KEY=VALUE]... [--once]}",
    .what = "Reads records into a store. PATH is a file, a glob, a folder (rotated logs in order), "
            "or - for standard\n"
            "input; .zst and .gz are read through. HOST= names the host of records that do not "
            "name it themselves.\n"
            "Content that was read before adds nothing, whatever the file is called now; of a file "
            "that has grown only\n"
            "the tail is read. Records of standard input are known one by one. After an "
            "interruption give the same\n"
            "command again.",
    .example =
        "backtrail ingest --store case.btr --hosts hosts.json web01.audit.log.zst "
        "db01=/evidence/db/audit.log\n"
        "backtrail ingest --store case.btr --case IR-2026-11 /evidence/logs\n"
        "backtrail ingest --store fleet.btr --kafka broker1:9092 --topic audit --topic sysmon",
    .options = OPTIONS,
};

/* What one run holds. */
struct ingest {
    struct cli_args args;
    struct btr_hosts *hosts;
    struct btr_paths paths;
    struct cli_known store;
    bool quiet;
    bool line_open; /* a progress line stands on the terminal */
};

static void line_close(struct ingest *run)
{
    if (run->line_open)
        fputs("\r\033[K", stderr);
    run->line_open = false;
}

/* Lines of ingest are escaped already. */
static void complain(void *self, const char *line)
{
    line_close(self);
    fprintf(stderr, "backtrail ingest: %s\n", line);
}

static void note(void *self, const char *line)
{
    struct ingest *run = self;
    if (!run->quiet)
        complain(run, line);
}

static void progress(void *self, const char *path, uint64_t stored_bytes, uint64_t events)
{
    struct ingest *run = self;
    const char *slash = strrchr(path, '/');
    struct btr_err name;
    (void)btr_fail(&name, BTR_E_USAGE, UINT64_MAX, "%.40s", slash ? slash + 1 : path);
    fprintf(stderr, "\r\033[K%s: %.1f MB read, %.1f M events in all", name.text,
            (double)stored_bytes / 1e6, (double)events / 1e6);
    fflush(stderr);
    run->line_open = true;
}

static int format_find(const struct ingest *run, const struct btr_decoder **out,
                       struct btr_err *err)
{
    const char *name = cli_arg(&run->args, "format");
    char known[256] = "";
    *out = NULL;
    if (!name || (*out = btr_decoder_find(btr_span_of(name))) != NULL)
        return 0;
    for (size_t i = 0; btr_decoders[i]; i++) {
        size_t n = strlen(known);
        (void)snprintf(known + n, sizeof known - n, "%s%s", i > 0 ? ", " : "",
                       btr_decoders[i]->name);
    }
    return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--format %s: no such format; there are %s", name,
                    known);
}

static int paths_load(struct ingest *run, struct btr_err *err)
{
    if (run->args.word_count == 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "no input is named (see --help)");
    for (uint32_t i = 0; i < run->args.word_count; i++) {
        int rc = btr_paths_add(&run->paths, run->args.words[i], err);
        if (rc < 0)
            return err->code = cli_code_of_named(rc);
    }
    return 0;
}

static void summary(const struct btr_feed_stats *s, int64_t took_ns)
{
    double seconds = (double)took_ns / 1e9;
    cli_note("ingest",
             "%llu inputs (%llu read before), %llu records, %llu events, %llu undecoded, %llu "
             "gaps, %llu records waiting",
             (unsigned long long)s->inputs, (unsigned long long)s->inputs_known,
             (unsigned long long)s->records, (unsigned long long)s->events,
             (unsigned long long)s->undecoded, (unsigned long long)s->gaps,
             (unsigned long long)s->waiting);
    cli_note("ingest", "%.1f MB of content in %.2f s, %.0f events/s",
             (double)s->content_bytes / 1e6, seconds,
             seconds > 0 ? (double)s->events / seconds : 0.0);
    if (s->records_known > 0)
        cli_note("ingest", "%llu records read before", (unsigned long long)s->records_known);
    if (s->records_kept > 0)
        cli_note("ingest", "%llu records kept as they are", (unsigned long long)s->records_kept);
    if (s->evicted + s->orphans > 0)
        cli_note("ingest",
                 "%llu parts of state were evicted, %llu parts of records had no beginning",
                 (unsigned long long)s->evicted, (unsigned long long)s->orphans);
}

static void left_out_tell(const struct btr_writer *writer)
{
    uint64_t count = writer ? btr_writer_records_left_out(writer) : 0;
    if (count > 0)
        cli_note("ingest", "%llu older records of stdin were not compared with",
                 (unsigned long long)count);
}

/* Merging is a service of the store: what ends it costs room and time, and no event. */
static void merged_tell(struct btr_writer *writer)
{
    struct btr_err err = {0};
    struct btr_merge_stat merged = {0};
    if (writer && btr_writer_merged(writer, &merged, &err) < 0)
        cli_note("ingest", "merging of segments ended: %s", err.text);
    if (merged.damaged > 0)
        cli_note("ingest", "%llu damaged files are left as they are: see store verify",
                 (unsigned long long)merged.damaged);
}

/* @return 0, or what ended the retention */
static int retained_tell(struct btr_writer *writer, bool quiet, struct btr_err *err)
{
    struct btr_prune_stat s = {0};
    int rc = writer ? btr_writer_retained(writer, &s, err) : 0;
    if (quiet)
        return rc;
    if (s.segments + s.record_files > 0)
        cli_note("ingest", "retention: gone: %llu events of %llu segments, %llu kept records",
                 (unsigned long long)s.events, (unsigned long long)s.segments,
                 (unsigned long long)s.records);
    if (s.held_segments + s.held_record_files > 0)
        cli_note("ingest",
                 "retention: kept by a hold: %llu events of %llu segments, %llu files of records",
                 (unsigned long long)s.held_events, (unsigned long long)s.held_segments,
                 (unsigned long long)s.held_record_files);
    return rc;
}

static int reading_options(struct ingest *run, const struct btr_decoder **format,
                           uint32_t *segment_events, struct btr_err *err)
{
    uint64_t events = 0;
    int rc = format_find(run, format, err);
    if (rc == 0)
        rc = cli_arg_number(&run->args, "segment-events", &events, err);
    if (rc == 0 && events > SEGMENT_EVENTS_MAX)
        rc = btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--segment-events: at most %d",
                      SEGMENT_EVENTS_MAX);
    *segment_events = (uint32_t)events;
    return rc;
}

static int ingest_follow(struct ingest *run, struct btr_err *err)
{
    const char *case_id = cli_arg(&run->args, "case");
    struct btr_follow_options options = {
        .hosts = run->hosts,
        .case_id = btr_span_of(case_id ? case_id : ""),
        .tool = BTR_SPAN(TOOL),
        .keep_records = cli_arg(&run->args, "keep-records") != NULL,
    };
    int rc = reading_options(run, &options.format, &options.segment_events, err);
    if (rc < 0)
        return cli_fail("ingest", err);
    int status = cli_ingest_kafka(&run->args, &options, &run->store);
    if (status == CLI_ANSWERED && !run->quiet)
        merged_tell(run->store.writer);
    struct btr_err why = {0};
    if (retained_tell(run->store.writer, run->quiet, &why) < 0) {
        (void)cli_fail("ingest", &why);
        return CLI_FAILED;
    }
    return status;
}

static int ingest_feed(struct ingest *run, struct btr_err *err)
{
    struct btr_feed_stats stats = {0};
    const char *case_id = cli_arg(&run->args, "case");
    struct btr_feed_options options = {
        .hosts = run->hosts,
        .case_id = btr_span_of(case_id ? case_id : ""),
        .tool = BTR_SPAN(TOOL),
        .keep_records = cli_arg(&run->args, "keep-records") != NULL,
        .known = &run->store.known,
        .progress = !run->quiet && cli_progress() ? progress : NULL,
        .progress_self = run,
        .note = note,
        .note_self = run,
    };
    int rc = reading_options(run, &options.format, &options.segment_events, err);
    if (rc < 0)
        return cli_fail("ingest", err);
    int64_t began_ns = btr_monotonic_ns();
    rc = btr_feed(&run->paths, &options, &run->store.sink, &stats, complain, run, err);
    line_close(run);
    if (rc < 0 && (stats.sink_failed || stats.inputs_bad == 0)) {
        (void)cli_fail("ingest", err);
        return CLI_FAILED;
    }
    if (!run->quiet) {
        summary(&stats, btr_monotonic_ns() - began_ns);
        left_out_tell(run->store.writer);
        merged_tell(run->store.writer);
    }
    struct btr_err why = {0};
    if (retained_tell(run->store.writer, run->quiet, &why) < 0) {
        (void)cli_fail("ingest", &why);
        return CLI_FAILED;
    }
    if (rc == BTR_E_IO || rc == BTR_E_FULL || rc == BTR_E_NOMEM)
        return CLI_FAILED; /* a source failed, or the space to hold it */
    return rc < 0 ? CLI_USAGE : CLI_ANSWERED;
}

static int ingest_run(struct ingest *run, int argc, char **argv)
{
    struct btr_err err = {0};
    int rc = cli_args_parse(&run->args, &USAGE, argc, argv, &err);
    if (rc < 0)
        return cli_fail("ingest", &err);
    if (run->args.help)
        return cli_help(&USAGE);
    bool kafka = cli_arg(&run->args, "kafka") != NULL;
    if (kafka && run->args.word_count > 0)
        return cli_refuse("ingest", "--kafka takes topics, and %s is a path: one of both at a time",
                          run->args.words[0]);
    if (!kafka && (cli_arg(&run->args, "topic") || cli_arg(&run->args, "once")))
        return cli_refuse("ingest", "--topic and --once go with --kafka");
    if (!cli_arg(&run->args, "store"))
        return cli_refuse("ingest", "--store is missing (see --help)");
    run->quiet = cli_arg(&run->args, "quiet") != NULL;
    struct cli_retention retention = {0};
    if (cli_arg_days(&run->args, "retention-days", &retention.days, &err) < 0 ||
        cli_arg_days(&run->args, "retention-record-days", &retention.record_days, &err) < 0 ||
        cli_hosts_load(&run->hosts, cli_arg(&run->args, "hosts"), &err) < 0 ||
        (!kafka && paths_load(run, &err) < 0))
        return cli_fail("ingest", &err);
    if (cli_known_open(&run->store, cli_arg(&run->args, "store"), retention, &err) < 0) {
        (void)cli_fail("ingest", &err);
        return CLI_FAILED;
    }
    return kafka ? ingest_follow(run, &err) : ingest_feed(run, &err);
}

int cmd_ingest(int argc, char **argv)
{
    struct ingest run = {0};
    int status = ingest_run(&run, argc, argv);
    cli_known_close(&run.store);
    btr_paths_fini(&run.paths);
    btr_hosts_free(run.hosts);
    cli_args_fini(&run.args);
    return status;
}
