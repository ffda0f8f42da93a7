/* The text of `store stat`: totals, then by source, by input, and what could not be decoded. */
#include "store_stat.h"

#include <btr/clock.h>
#include <btr/escape.h>
#include <inttypes.h>

#include "output.h"

enum { QUARANTINE_SHOWN = 10, PIECE_SHOWN = 120 };

static void times(struct btr_buffer *out, int64_t first_ns, int64_t last_ns)
{
    char first[BTR_TIME_TEXT_SIZE], last[BTR_TIME_TEXT_SIZE];
    btr_time_text(first_ns, first);
    btr_time_text(last_ns, last);
    btr_buffer_format(out, "%s .. %s", first, last);
}

static void line(struct btr_buffer *out, const char *name, uint64_t value)
{
    btr_buffer_format(out, "%-16s %" PRIu64 "\n", name, value);
}

/* Records have a retention of their own: they are no part of "bytes per event". */
static void kept_totals(struct btr_buffer *out, const struct btr_kept *kept)
{
    struct btr_kept_stat s;
    btr_kept_stat(kept, &s);
    if (s.file_count == 0)
        return;
    line(out, "kept records", s.record_count);
    line(out, "kept bytes", s.bytes);
}

static void totals(struct btr_buffer *out, const struct btr_store_stat *s)
{
    uint64_t bytes = s->segment_bytes + s->catalog_bytes;
    line(out, "inputs", s->input_count);
    line(out, "records", s->record_count);
    line(out, "events", s->event_count);
    if (s->thinned > 0)
        btr_buffer_format(out, "%-16s %" PRIu64 " of these stand for %" PRIu64 "\n", "thinned",
                          s->thinned, s->stood_for);
    line(out, "entities", s->entity_count);
    line(out, "segments", s->segment_count);
    line(out, "gaps", s->gap_count);
    line(out, "undecoded", s->undecoded);
    line(out, "segment bytes", s->segment_bytes);
    line(out, "catalog bytes", s->catalog_bytes);
    if (s->event_count == 0)
        return;
    btr_buffer_format(out, "%-16s %.2f\n", "bytes per event",
                      (double)bytes / (double)(s->event_count - s->thinned + s->stood_for));
    btr_buffer_format(out, "%-16s ", "time");
    times(out, s->first_ns, s->last_ns);
    btr_buffer_text(out, "\n");
}

static int chain_visit(void *self, const struct btr_chain *chain)
{
    struct btr_buffer *out = self;
    if (chain->sequence == 0)
        return 0;
    btr_buffer_format(out, "%-16s ", "head");
    cli_hex(out, chain->head, sizeof chain->head);
    btr_buffer_format(out, " after %" PRIu64 " changes of ", chain->sequence);
    btr_escape_terminal(out, btr_span_of(chain->store));
    btr_buffer_text(out, "\n");
    return 0;
}

/* ---- By source ---- */

static void operations(struct btr_buffer *out, const struct btr_source_stat *s)
{
    for (unsigned op = 1; op <= BTR_OP_MAX; op++) {
        const char *word = btr_operation_word(op);
        if (s->operation_count[op])
            btr_buffer_format(out, "    %-16s %" PRIu64 "\n", word ? word : "unknown",
                              s->operation_count[op]);
    }
}

static int source_visit(void *self, const struct btr_source_stat *s)
{
    struct btr_buffer *out = self;
    btr_buffer_text(out, "\n");
    btr_escape_terminal(out, s->host);
    btr_buffer_text(out, "  ");
    btr_escape_terminal(out, s->source);
    btr_buffer_text(out, "\n  ");
    times(out, s->first_ns, s->last_ns);
    btr_buffer_format(out, "\n  events %" PRIu64 ", gaps %" PRIu64 ", undecoded %" PRIu64 "\n",
                      s->event_count, s->gap_count, s->undecoded);
    btr_buffer_format(out, "  read calls %s, write calls %s\n",
                      s->reads_told ? "told" : "not told: only open and close",
                      s->writes_told ? "told" : "not told: only open and close");
    operations(out, s);
    return 0;
}

/* ---- By input ---- */

static void word_line(struct btr_buffer *out, const char *name, struct btr_span value)
{
    if (!value.size)
        return;
    btr_buffer_format(out, "  %-16s ", name);
    btr_escape_terminal(out, value);
    btr_buffer_text(out, "\n");
}

static int input_visit(void *self, const struct btr_input *input)
{
    struct btr_buffer *out = self;
    char time[BTR_TIME_TEXT_SIZE];
    btr_time_text(input->read_ns, time);
    btr_buffer_text(out, "\n");
    btr_escape_terminal(out, input->name);
    btr_buffer_format(out, "\n  %-16s %" PRIu64 "\n", "size", input->file_size);
    btr_buffer_format(out, "  %-16s ", "sha256");
    cli_hex(out, input->file_sha256, BTR_SHA256_SIZE);
    btr_buffer_format(out, "\n  %-16s %" PRIu64 " in %" PRIu64 " lines, %" PRIu64 " records%s\n",
                      "content", input->content_size, input->content_lines, input->records,
                      input->complete ? "" : ", not read to its end");
    btr_buffer_format(out, "  %-16s ", "content sha256");
    cli_hex(out, input->content_sha256, BTR_SHA256_SIZE);
    btr_buffer_format(out, "\n  %-16s %s\n", "read", time);
    word_line(out, "tool", input->tool);
    word_line(out, "case", input->case_id);
    word_line(out, "host", input->host);
    word_line(out, "format", input->format);
    return 0;
}

/* ---- Quarantine ---- */

struct quarantine {
    struct btr_buffer *out;
    uint64_t count, shown;
};

static int quarantine_visit(void *self, const struct btr_quarantined_full *full)
{
    struct quarantine *q = self;
    const struct btr_quarantined *r = &full->record;
    if (q->count++ >= q->shown)
        return 0;
    if (q->count == 1)
        btr_buffer_text(q->out, "\nundecoded records\n");
    btr_buffer_text(q->out, "  ");
    btr_escape_terminal(q->out, full->input);
    btr_buffer_format(q->out, ":%" PRIu64 "  ", r->line);
    btr_escape_terminal(q->out, full->host);
    btr_buffer_text(q->out, "  ");
    btr_escape_terminal(q->out, r->reason);
    btr_buffer_format(q->out, " (byte %" PRIu64 " of %" PRIu64 "): ", r->offset, r->record_size);
    struct btr_span piece = r->record;
    if (piece.size > PIECE_SHOWN)
        piece.size = PIECE_SHOWN;
    btr_escape_terminal(q->out, piece);
    btr_buffer_text(q->out, piece.size < r->record_size ? "...\n" : "\n");
    return 0;
}

static int quarantine_write(struct btr_buffer *out, struct btr_reader *reader, bool all,
                            struct btr_err *err)
{
    struct quarantine q = {out, 0, all ? UINT64_MAX : QUARANTINE_SHOWN};
    int rc = btr_reader_quarantine(reader, quarantine_visit, &q, err);
    if (q.count > q.shown)
        btr_buffer_format(out, "  and %" PRIu64 " more (--quarantine shows all)\n",
                          q.count - q.shown);
    return rc;
}

int cli_stat_write(struct btr_buffer *out, struct btr_reader *reader, const struct btr_kept *kept,
                   const struct cli_stat_parts *parts, struct btr_err *err)
{
    struct btr_store_stat stat;
    int rc = btr_reader_stat(reader, &stat, err);
    if (rc < 0)
        return rc;
    totals(out, &stat);
    kept_totals(out, kept);
    rc = btr_reader_chains(reader, chain_visit, out, err);
    if (rc == 0 && parts->sources)
        rc = btr_reader_sources(reader, source_visit, out, err);
    if (rc == 0 && parts->inputs)
        rc = btr_reader_inputs(reader, input_visit, out, err);
    if (rc == 0)
        rc = quarantine_write(out, reader, parts->quarantine, err);
    return rc;
}
