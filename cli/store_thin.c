/* backtrail store thin, backtrail store verify --certify: fewer events, and that no closure can
 * tell. */
#include "store_thin.h"

#include <btr/clock.h>
#include <btr/escape.h>
#include <btr/store.h>
#include <btr/thinning.h>
#include <inttypes.h>

#include "commands.h"
#include "output.h"

static const struct cli_option OPTIONS[] = {
    {"store", "DIR", false, "the store"},
    {"before", "T", false, "segments are thinned of which every event has ended before T"},
    {"dry-run", NULL, false, "tell what would go, and change nothing"},
    {"output", "FORMAT", false, "text (default) or json"},
    {0},
};

const struct cli_usage CLI_THIN_USAGE = {
    "store thin", "--store DIR --before T [--dry-run]",
    "Keeps of many alike old events (reads, writes, openings) one that stands for them, with "
    "first\n"
    "and last time and record, count, and sum of bytes: only where nothing else flowed in "
    "between,\n"
    "so that no closure can tell. That is proved for each segment, by computing all closures "
    "before\n"
    "and after, or the segment stays as it is. The records of the events between are not cited "
    "any\n"
    "more, and cannot be asked for. What a hold touches stays (store hold).",
    "  backtrail store thin --store case.btr --before 2026-06-01T00:00:00Z --dry-run", OPTIONS};

struct thin {
    const char *store;
    struct btr_buffer segments;
    bool json, dry_run;
};

/* ---- A proof -------------------------------------------------------------------------------- */

static void difference_text(struct btr_buffer *out, const struct btr_thinned *s)
{
    char time[BTR_TIME_TEXT_SIZE], entity[BTR_ID_TEXT_SIZE], other[BTR_ID_TEXT_SIZE];
    btr_time_text(s->proof.time_ns, time);
    btr_id_text(s->entity, entity);
    btr_id_text(s->other, other);
    btr_buffer_format(out,
                      "differs: the %s closure of id:%s at %s has id:%s after thinning, and had it "
                      "not before",
                      s->proof.forward ? "forward" : "backward", entity, time, other);
}

static void proof_text(struct btr_buffer *out, const struct btr_thinned *s)
{
    if (!s->proof.equal)
        difference_text(out, s);
    else
        btr_buffer_format(out, "%" PRIu64 " entities, %" PRIu64 " closures: equal",
                          s->proof.entities, s->proof.closures);
}

/* ---- Thinning ------------------------------------------------------------------------------- */

static int segment_tell(void *self, const struct btr_thinned *s)
{
    struct thin *t = self;
    struct btr_buffer *out = &t->segments;
    char first[BTR_TIME_TEXT_SIZE], last[BTR_TIME_TEXT_SIZE];
    btr_time_text(s->first_ns, first);
    btr_time_text(s->last_ns, last);
    if (t->json) {
        btr_buffer_format(
            out,
            "%s\n{\"segment\":\"%s\",\"made\":%s%s%s,\"day\":\"%s\",\"events\":%" PRIu64
            ",\"events_after\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"bytes_after\":%" PRIu64
            ",\"first_ns\":%" PRId64 ",\"last_ns\":%" PRId64 ",\"entities\":%" PRIu64
            ",\"closures\":%" PRIu64 "}",
            out->size ? "," : "", s->segment, s->made[0] ? "\"" : "", s->made[0] ? s->made : "null",
            s->made[0] ? "\"" : "", s->day, s->events, s->events_after, s->bytes, s->bytes_after,
            s->first_ns, s->last_ns, s->proof.entities, s->proof.closures);
        return 0;
    }
    btr_buffer_format(
        out, "  %s  %s .. %s  %" PRIu64 " events to %" PRIu64 ", %" PRIu64 " bytes to %" PRIu64,
        s->segment, first, last, s->events, s->events_after, s->bytes, s->bytes_after);
    if (s->proof.entities > 0) {
        btr_buffer_text(out, "; ");
        proof_text(out, s);
    }
    btr_buffer_text(out, "\n");
    return 0;
}

static void text_write(struct btr_buffer *out, const struct thin *t, const struct btr_thin_stat *s)
{
    btr_escape_terminal(out, btr_span_of(t->store));
    btr_buffer_format(out,
                      ": %s: %" PRIu64 " segments, %" PRIu64 " events to %" PRIu64 ", %" PRIu64
                      " bytes to %" PRIu64 "\n",
                      t->dry_run ? "would be thinned" : "thinned", s->segments, s->events,
                      s->events_after, s->bytes, s->bytes_after);
    btr_buffer_span(out, btr_buffer_view(&t->segments));
    if (s->left)
        btr_buffer_format(
            out, "left as they are: %" PRIu64 " segments of which hardly an event would go\n",
            s->left);
    if (s->held_segments)
        btr_buffer_format(
            out, "kept by a hold: %" PRIu64 " segments, %" PRIu64 " events (store hold list)\n",
            s->held_segments, s->held_events);
    if (s->damaged)
        btr_buffer_format(out,
                          "left as they are: %" PRIu64
                          " segments that are damaged, or stand beside one (store verify)\n",
                          s->damaged);
}

static void json_write(struct btr_buffer *out, const struct thin *t, const struct btr_thin_stat *s)
{
    btr_buffer_text(out, "{\"schema\":\"backtrail-thin/1\",\"store\":");
    btr_escape_json(out, btr_span_of(t->store));
    btr_buffer_format(out,
                      ",\"dry_run\":%s,\"events\":%" PRIu64 ",\"events_after\":%" PRIu64
                      ",\"bytes\":%" PRIu64 ",\"bytes_after\":%" PRIu64 ",\"left\":%" PRIu64
                      ",\"damaged\":%" PRIu64 ",\"held\":{\"segments\":%" PRIu64
                      ",\"events\":%" PRIu64 "},\"segments\":[",
                      t->dry_run ? "true" : "false", s->events, s->events_after, s->bytes,
                      s->bytes_after, s->left, s->damaged, s->held_segments, s->held_events);
    btr_buffer_span(out, btr_buffer_view(&t->segments));
    btr_buffer_text(out, "]}\n");
}

static int thin_options(struct thin *t, struct btr_thin_options *options,
                        const struct cli_args *args, struct btr_err *err)
{
    const char *output = cli_arg(args, "output");
    t->store = cli_arg(args, "store");
    t->json = output && strcmp(output, "json") == 0;
    t->dry_run = options->dry_run = cli_arg(args, "dry-run") != NULL;
    if (!t->store)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--store DIR is missing");
    if (output && !t->json && strcmp(output, "text") != 0)
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--output \"%s\": text or json", output);
    if (!cli_arg(args, "before"))
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "--before T is missing");
    return cli_arg_time(args, "before", &options->before_ns, err);
}

int cli_store_thin(const struct cli_args *args, struct btr_err *err)
{
    struct thin t = {0};
    struct btr_thin_options options;
    struct btr_thin_stat stat = {0};
    struct btr_buffer out = {0};
    int rc = thin_options(&t, &options, args, err);
    bool asked = rc == 0;
    if (asked)
        rc = btr_store_thin(t.store, &btr_thinning, &options, &stat, segment_tell, &t, err);
    if (asked && t.json && rc == 0)
        json_write(&out, &t, &stat);
    else if (asked && (rc == 0 || t.segments.size > 0)) /* what was done before a failure, too */
        text_write(&out, &t, &stat);
    out.failed |= t.segments.failed;
    int status = rc < 0 ? cli_fail("store thin", err) : stat.damaged ? CLI_FAILED : CLI_ANSWERED;
    if (out.size > 0)
        status = cli_print("store thin", &out, status);
    btr_buffer_fini(&out);
    btr_buffer_fini(&t.segments);
    return status;
}

/* ---- Certifying ----------------------------------------------------------------------------- */

static void told_text(struct btr_buffer *out, const struct btr_thin_told *told)
{
    btr_buffer_format(out, "; of %" PRIu64 " events with the root ", told->events_before);
    cli_hex(out, told->root, sizeof told->root);
    btr_buffer_format(out,
                      ", which are gone, %" PRIu64 " were left when %" PRIu64
                      " entities and %" PRIu64 " closures had been equal",
                      told->events_after, told->entities, told->closures);
}

static int certified_tell(void *self, const struct btr_certified *c)
{
    struct btr_buffer *out = self;
    btr_buffer_format(out, "%s: ", c->segment.segment);
    if (c->segment.proof.entities > 0) {
        btr_buffer_format(out, "%" PRIu64 " events, %" PRIu64 " when thinned; ", c->segment.events,
                          c->segment.events_after);
        proof_text(out, &c->segment);
    } else {
        btr_buffer_format(out, "%" PRIu64 " events, thinned", c->segment.events);
        for (uint32_t i = 0; i < c->told_count; i++)
            told_text(out, &c->told[i]);
    }
    btr_buffer_text(out, "\n");
    return 0;
}

int cli_store_certify(const struct cli_args *args, struct btr_err *err)
{
    const char *store = cli_arg(args, "store");
    struct btr_buffer out = {0};
    if (!store)
        return cli_refuse("store verify", "--store DIR is missing");
    if (cli_arg_count(args, "store") > 1 || cli_arg(args, "root") || cli_arg(args, "output"))
        return cli_refuse("store verify",
                          "--certify is of one store, and goes without --root and --output");
    int rc = btr_store_certify(store, &btr_thinning, args->words, args->word_count, certified_tell,
                               &out, err);
    if (rc == BTR_E_NOTFOUND)
        err->code = BTR_E_USAGE;
    int status = rc < 0 ? cli_fail("store verify", err) : CLI_ANSWERED;
    status = cli_print("store verify", &out, status);
    btr_buffer_fini(&out);
    return status;
}
