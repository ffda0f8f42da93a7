/* backtrail store prune: what lies before a time goes; what a hold touches stays. */
#include "store_prune.h"

#include <btr/clock.h>
#include <btr/escape.h>
#include <btr/store.h>
#include <inttypes.h>

#include "commands.h"
#include "output.h"

static const struct cli_option OPTIONS[] = {
    {"store", "DIR", false, "the store"},
    {"before", "T", false,
     "segments go of which every event has ended before T, and their records"},
    {"records-before", "T", false,
     "kept records go (ingest --keep-records) of before T; segments stay"},
    {"keep-days", "N", false,
     "the same as --before, so many days (UTC) before the newest event, or before now if that is "
     "earlier"},
    {"keep-record-days", "N", false, "the same as --records-before"},
    {"dry-run", NULL, false, "tell what would go, and change nothing"},
    {"output", "FORMAT", false, "text (default) or json"},
    {0},
};

const struct cli_usage CLI_PRUNE_USAGE = {
    "store prune", "--store DIR (--before T | --keep-days N) [--records-before T] [--dry-run]",
    "Removes whole segments that lie before a time: the partitions of days that are over. What a\n"
    "hold touches stays, and is told (store hold). Queries that run go on with what they opened.",
    "  backtrail store prune --store case.btr --before 2026-06-01T00:00:00Z --dry-run", OPTIONS};

struct prune {
    const char *store;
    struct btr_buffer segments;
    uint64_t days;
    char day[16]; /* of the last segment that was told */
    bool json, dry_run;
};

static void hosts_text(struct btr_buffer *out, const struct btr_pruned *s)
{
    if (!s->hosts_told)
        btr_buffer_text(out, " of many hosts");
    for (uint32_t i = 0; i < s->host_count; i++) {
        btr_buffer_text(out, i ? ", " : " of ");
        btr_escape_terminal(out, s->hosts[i].size ? s->hosts[i] : BTR_SPAN("-"));
    }
}

static void hosts_json(struct btr_buffer *out, const struct btr_pruned *s)
{
    if (!s->hosts_told) {
        btr_buffer_text(out, "null");
        return;
    }
    btr_buffer_text(out, "[");
    for (uint32_t i = 0; i < s->host_count; i++) {
        btr_buffer_text(out, i ? "," : "");
        btr_escape_json(out, s->hosts[i]);
    }
    btr_buffer_text(out, "]");
}

static int segment_tell(void *self, const struct btr_pruned *s)
{
    struct prune *p = self;
    struct btr_buffer *out = &p->segments;
    char first[BTR_TIME_TEXT_SIZE], last[BTR_TIME_TEXT_SIZE];
    if (strcmp(p->day, s->day) != 0)
        p->days++;
    (void)snprintf(p->day, sizeof p->day, "%s", s->day);
    btr_time_text(s->first_ns, first);
    btr_time_text(s->last_ns, last);
    if (p->json) {
        btr_buffer_format(out,
                          "%s\n{\"segment\":\"%s\",\"day\":\"%s\",\"events\":%" PRIu64
                          ",\"bytes\":%" PRIu64 ",\"first_ns\":%" PRId64 ",\"last_ns\":%" PRId64
                          ",\"hosts\":",
                          out->size ? "," : "", s->segment, s->day, s->event_count, s->bytes,
                          s->first_ns, s->last_ns);
        hosts_json(out, s);
        btr_buffer_text(out, "}");
        return 0;
    }
    btr_buffer_format(out, "  %s  %s .. %s  %" PRIu64 " events, %" PRIu64 " bytes", s->segment,
                      first, last, s->event_count, s->bytes);
    hosts_text(out, s);
    btr_buffer_text(out, "\n");
    return 0;
}

static void text_write(struct btr_buffer *out, const struct prune *p,
                       const struct btr_prune_stat *s)
{
    const char *goes = p->dry_run ? "would go" : "gone";
    btr_escape_terminal(out, btr_span_of(p->store));
    btr_buffer_format(out,
                      ": %s: %" PRIu64 " segments of %" PRIu64 " days, %" PRIu64 " events, %" PRIu64
                      " bytes\n",
                      goes, s->segments, p->days, s->events, s->bytes);
    btr_buffer_span(out, btr_buffer_view(&p->segments));
    if (s->record_files)
        btr_buffer_format(out, "%s: %" PRIu64 " kept records, %" PRIu64 " bytes\n", goes,
                          s->records, s->record_bytes);
    if (s->held_segments + s->held_record_files)
        btr_buffer_format(out,
                          "kept by a hold: %" PRIu64 " segments, %" PRIu64 " events, %" PRIu64
                          " files of records (store hold list)\n",
                          s->held_segments, s->held_events, s->held_record_files);
}

static void json_write(struct btr_buffer *out, const struct prune *p,
                       const struct btr_prune_stat *s)
{
    btr_buffer_text(out, "{\"schema\":\"backtrail-prune/1\",\"store\":");
    btr_escape_json(out, btr_span_of(p->store));
    btr_buffer_format(out,
                      ",\"dry_run\":%s,\"events\":%" PRIu64 ",\"bytes\":%" PRIu64
                      ",\"days\":%" PRIu64 ",\"records\":%" PRIu64 ",\"record_bytes\":%" PRIu64
                      ",\"held\":{\"segments\":%" PRIu64 ",\"events\":%" PRIu64
                      ",\"record_files\":%" PRIu64 "},\"segments\":[",
                      p->dry_run ? "true" : "false", s->events, s->bytes, p->days, s->records,
                      s->record_bytes, s->held_segments, s->held_events, s->held_record_files);
    btr_buffer_span(out, btr_buffer_view(&p->segments));
    btr_buffer_text(out, "]}\n");
}

static int prune_options(struct prune *p, struct btr_prune_options *options,
                         const struct cli_args *args, struct btr_err *err)
{
    const char *output = cli_arg(args, "output");
    p->store = cli_arg(args, "store");
    p->json = output && strcmp(output, "json") == 0;
    p->dry_run = options->dry_run = cli_arg(args, "dry-run") != NULL;
    options->before_ns = options->records_before_ns = INT64_MIN;
    options->keep_days = options->keep_record_days = 0;
    if (!p->store)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--store DIR is missing");
    if (output && !p->json && strcmp(output, "text") != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--output \"%s\": text or json", output);
    if (!cli_arg(args, "before") && !cli_arg(args, "records-before") &&
        !cli_arg(args, "keep-days") && !cli_arg(args, "keep-record-days"))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--before T or --keep-days N is missing");
    int rc = cli_arg_time(args, "before", &options->before_ns, err);
    if (rc == 0)
        rc = cli_arg_time(args, "records-before", &options->records_before_ns, err);
    if (rc == 0)
        rc = cli_arg_days(args, "keep-days", &options->keep_days, err);
    return rc < 0 ? rc : cli_arg_days(args, "keep-record-days", &options->keep_record_days, err);
}

int cli_store_prune(const struct cli_args *args, struct btr_err *err)
{
    struct prune p = {0};
    struct btr_prune_options options;
    struct btr_prune_stat stat;
    struct btr_buffer out = {0};
    int rc = prune_options(&p, &options, args, err);
    if (rc == 0)
        rc = btr_store_prune(p.store, &options, &stat, segment_tell, &p, err);
    if (rc == 0 && p.json)
        json_write(&out, &p, &stat);
    else if (rc == 0)
        text_write(&out, &p, &stat);
    out.failed |= p.segments.failed;
    int status =
        rc < 0 ? cli_fail("store prune", err) : cli_print("store prune", &out, CLI_ANSWERED);
    btr_buffer_fini(&out);
    btr_buffer_fini(&p.segments);
    return status;
}
