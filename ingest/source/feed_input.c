#include <btr/clock.h>
#include <btr/list.h>
#include <stdio.h>
#include <stdlib.h>

#include "feed.h"

enum { PROGRESS_NS = 100000000 };

void feed_input_free(struct feed_input *input)
{
    if (!input)
        return;
    free(input->name);
    free(input);
}

/* ---- One record ---- */

/* The state of the host that the record names, else of the input's; *out is NULL when neither is
 * known. */
static int state_of(struct feed *f, struct feed_input *in, struct btr_span record,
                    struct feed_state **out)
{
    struct btr_span host = {in->host, in->host_size};
    struct btr_span raw =
        in->decoder->host_peek ? in->decoder->host_peek(record) : (struct btr_span){0};
    uint8_t canonical[FEED_NAME_SIZE];
    int rc = 0;
    if (raw.size == 0) {
        if (!in->default_state && host.size > 0)
            rc = feed_state_get(f, in->decoder, host, &in->default_state);
        *out = in->default_state;
        return rc;
    }
    if (in->peeked_state && raw.size == in->peeked_size &&
        memcmp(raw.at, in->peeked, raw.size) == 0) {
        *out = in->peeked_state;
        return 0;
    }
    host = btr_host_canonical(f->options->hosts, raw, canonical);
    rc = feed_state_get(f, in->decoder, host, out);
    if (rc == 0 && raw.size <= sizeof in->peeked) {
        memcpy(in->peeked, raw.at, raw.size);
        in->peeked_size = raw.size;
        in->peeked_state = *out;
    }
    return rc;
}

static int record_feed(struct feed *f, struct feed_input *in, const struct source_line *line)
{
    struct feed_state *s = NULL;
    uint64_t digest = 0;
    int rc = state_of(f, in, line->bytes, &s);
    if (rc < 0 && rc != BTR_E_LIMIT)
        return feed_sink_failed(f, rc);
    bool hosts_full = rc == BTR_E_LIMIT;
    bool by_record = in->by_record && !hosts_full && !line->too_long;
    rc = by_record ? feed_record_known(f, in, s, line, &digest) : 0;
    if (rc != 0)
        return rc < 0 ? feed_sink_failed(f, rc) : 0;
    rc = s ? feed_state_settle(f, in, line->bytes, &s) : 0;
    if (rc < 0)
        return feed_sink_failed(f, rc);
    char refused[64];
    (void)snprintf(refused, sizeof refused, "more than %d hosts in one run", FEED_HOSTS_MAX);
    rc = feed_record_take(f, in, s, line, hosts_full ? refused : NULL);
    return rc == 0 && by_record ? feed_record_taken(f, digest) : rc;
}

/* ---- One block ---- */

struct reading {
    struct source_tape *tape;
    struct source_lines lines;
    struct source_lines skipped; /* lines that were read in an earlier run, for their hosts only */
    struct feed_candidate known; /* size 0: nothing is */
    bool mid_line;               /* what was read before ended without a newline */
    uint64_t end;                /* of the last block */
    uint8_t sha256[BTR_SHA256_SIZE]; /* up to there */
};

static int lines_feed(struct feed *f, struct feed_input *in, struct reading *r)
{
    struct source_line line;
    while (source_lines_next(&r->lines, &line)) {
        int rc = line.size > 0 ? record_feed(f, in, &line) : 0;
        if (rc == 0)
            rc = feed_batch_room(f);
        if (rc < 0)
            return rc;
    }
    return feed_batch_flush(f); /* its spans point into the block */
}

/* States of hosts in content that an interrupted run has read: they wait for their flush. */
static int hosts_revive(struct feed *f, struct feed_input *in, struct reading *r,
                        struct btr_span bytes)
{
    struct source_line line;
    source_lines_block(&r->skipped, bytes);
    while (source_lines_next(&r->skipped, &line)) {
        struct feed_state *s = NULL;
        int rc = line.size > 0 ? state_of(f, in, line.bytes, &s) : 0;
        if (rc < 0 && rc != BTR_E_LIMIT)
            return feed_sink_failed(f, rc);
        if (rc == 0 && s)
            rc = feed_state_revive(f, in, s);
        if (rc < 0 && rc != BTR_E_LIMIT)
            return feed_sink_failed(f, rc);
    }
    return source_lines_keep(&r->skipped)
               ? 0
               : btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

/* The newline of a last line that was read although it had none yet. */
static struct btr_span newline_skip(struct reading *r, struct btr_span bytes)
{
    size_t n = bytes.size > 1 && bytes.at[0] == '\r' && bytes.at[1] == '\n' ? 2
               : bytes.at[0] == '\n'                                        ? 1
                                                                            : 0;
    r->mid_line = false;
    return (struct btr_span){bytes.at + n, bytes.size - n};
}

/* Leaves of a block what is new. */
static int known_skip(struct feed *f, struct feed_input *in, struct reading *r,
                      const struct source_block *block, struct btr_span *fresh)
{
    *fresh = block->bytes;
    if (block->offset < r->known.size) {
        uint64_t known = r->known.size - block->offset;
        struct btr_span old = {fresh->at, known < fresh->size ? (size_t)known : fresh->size};
        fresh->at += old.size;
        fresh->size -= old.size;
        f->stats->known_bytes += old.size;
        r->mid_line = old.at[old.size - 1] != '\n';
        if (!r->known.finished) {
            int rc = hosts_revive(f, in, r, old);
            if (rc < 0)
                return rc;
        }
    }
    if (r->mid_line && fresh->size > 0)
        *fresh = newline_skip(r, *fresh);
    return 0;
}

static void progress_tell(struct feed *f, const struct feed_input *in, struct reading *r)
{
    if (!f->options->progress)
        return;
    int64_t now = btr_monotonic_ns();
    if (now - f->progress_ns < PROGRESS_NS)
        return;
    f->progress_ns = now;
    f->options->progress(f->options->progress_self, in->path, source_tape_progress(r->tape),
                         f->stats->events);
}

static void consumed_set(struct feed *f, struct feed_input *in, const struct reading *r)
{
    if (r->end <= in->row.content_size)
        return;
    f->stats->content_bytes += r->end - in->row.content_size;
    in->row.content_size = r->end;
    in->row.content_lines = r->lines.line;
    memcpy(in->row.content_sha256, r->sha256, sizeof r->sha256);
    in->moved = true;
}

static int block_feed(struct feed *f, struct feed_input *in, struct reading *r,
                      const struct source_block *block)
{
    struct btr_span fresh;
    int rc = known_skip(f, in, r, block, &fresh);
    if (rc < 0)
        return rc;
    source_lines_block(&r->lines, fresh);
    rc = lines_feed(f, in, r);
    if (rc < 0)
        return rc;
    if (!source_lines_keep(&r->lines))
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    r->end = block->offset + block->bytes.size;
    memcpy(r->sha256, block->sha256, sizeof r->sha256);
    progress_tell(f, in, r);
    if (source_lines_inside(&r->lines))
        return 0;
    consumed_set(f, in, r);
    if (!feed_publish_due(f))
        return 0;
    rc = feed_counts_settle(f, in);
    return rc < 0 ? rc : feed_publish(f);
}

/* ---- The end of an input ---- */

/* A last line without a newline is whole when it is a JSON object that decodes; other text may have
 * been cut anywhere. */
static bool last_decodes(struct feed *f, struct feed_input *in, const struct source_line *line,
                         int *failed)
{
    struct btr_span s = line->bytes;
    struct feed_state *s_of = NULL;
    struct btr_err err;
    while (s.size > 0 && (s.at[s.size - 1] == ' ' || s.at[s.size - 1] == '\t'))
        s.size--;
    if (line->too_long || s.size < 2 || s.at[0] != '{' || s.at[s.size - 1] != '}')
        return false;
    int rc = state_of(f, in, line->bytes, &s_of);
    if (rc < 0 || !s_of) {
        *failed = rc < 0 && rc != BTR_E_LIMIT ? feed_sink_failed(f, rc) : 0;
        return false;
    }
    uint64_t digest = 0;
    rc = in->by_record ? feed_record_known(f, in, s_of, line, &digest) : 0;
    if (rc != 0) {
        *failed = rc < 0 ? feed_sink_failed(f, rc) : 0;
        return rc > 0;
    }
    rc = feed_state_settle(f, in, line->bytes, &s_of);
    if (rc < 0) {
        *failed = feed_sink_failed(f, rc);
        return false;
    }
    rc = feed_record_decode(f, in, s_of, line, &err);
    if (rc < 0) {
        *failed = f->stats->sink_failed ? rc : 0;
        return false;
    }
    feed_record_count(f, in, s_of);
    *failed = in->by_record ? feed_record_taken(f, digest) : 0;
    if (*failed == 0)
        *failed = feed_record_keep(f, in, s_of, line);
    return *failed == 0;
}

static int cut_tell(struct feed *f, struct feed_input *in, const struct source_line *line)
{
    f->stats->inputs_cut++;
    feed_note(f, in->path,
              "ends inside a record (line %llu), which is left out; a file that has the whole of "
              "it adds it",
              (unsigned long long)line->number);
    if (!in->moved || !in->state)
        return 0;
    return feed_gap(f, in->state, BTR_GAP_CUT, INT64_MIN, 1, line->number,
                    "the input ends inside a record");
}

static int last_feed(struct feed *f, struct feed_input *in, struct reading *r, bool damaged)
{
    struct source_line line;
    int failed = 0;
    if (!source_lines_last(&r->lines, &line) || line.size == 0)
        return 0;
    if (!damaged && last_decodes(f, in, &line, &failed))
        consumed_set(f, in, r);
    else if (failed == 0) {
        in->cut = true;
        failed = cut_tell(f, in, &line);
    }
    return failed;
}

/* An input that was forced to a format, and is none of it: kept, but no success. */
static int noise_tell(struct feed *f, const struct feed_input *in)
{
    char text[128];
    bool some_known = in->by_record && f->stats->records_known > 0;
    if (in->row.records == 0 || in->undecoded < in->row.records || some_known)
        return 0;
    (void)snprintf(text, sizeof text, "not one of its %llu records is %s; they are in quarantine",
                   (unsigned long long)in->row.records, in->decoder->name);
    return feed_complain(f, in->path, in->group, BTR_E_FORMAT, text);
}

/* It stands as an interrupted run leaves it: what was read of it is published, and nothing is told
 * of what comes after. */
static int input_interrupt(struct feed *f, struct feed_input *in)
{
    int rc = feed_counts_settle(f, in);
    return rc == 0 ? feed_batch_flush(f) : rc;
}

static int input_end(struct feed *f, struct feed_input *in, struct reading *r, int rc,
                     const struct btr_err *err)
{
    int failed = rc < 0 ? feed_complain(f, in->path, in->group, rc, err->text) : 0;
    in->moved = in->moved || (r->known.size > 0 && !r->known.finished);
    if (feed_code_is_failure(rc))
        return failed < 0 ? failed : input_interrupt(f, in);
    if (failed == 0)
        failed = last_feed(f, in, r, rc < 0);
    if (failed == 0 && rc == 0)
        failed = noise_tell(f, in);
    if (failed == 0)
        failed = feed_states_input_end(f, in->id);
    if (failed == 0)
        failed = feed_counts_settle(f, in);
    if (failed == 0)
        failed = feed_batch_flush(f);
    if (failed < 0)
        return failed;
    in->ended = true;
    in->whole = rc == 0 && !in->cut;
    if (!source_tape_stored(r->tape, &in->file_size, in->file_sha256))
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    return feed_states_park(f);
}

static int input_feed(struct feed *f, struct feed_input *in, struct reading *r)
{
    struct source_block block;
    struct btr_err err = {0};
    int rc;
    f->batch.input = in->id;
    r->lines.record_max = r->skipped.record_max = in->decoder->record_max;
    r->lines.line = in->row.content_lines = r->known.lines;
    in->row.content_size = r->known.size;
    in->row.records = r->known.records;
    memcpy(in->row.content_sha256, r->known.sha256, sizeof r->known.sha256);
    while ((rc = source_tape_next(r->tape, &block, &err)) == 1) {
        int failed = block_feed(f, in, r, &block);
        if (failed < 0)
            return failed;
    }
    return input_end(f, in, r, rc, &err);
}

/* ---- From a path to an input ---- */

static void row_fill(const struct feed *f, struct feed_input *in, const struct feed_probe *probe)
{
    in->row.name = btr_span_of(in->name);
    in->row.host = (struct btr_span){in->host, in->host_size};
    in->row.format = btr_span_of(in->decoder->name);
    in->row.case_id = f->options->case_id;
    in->row.tool = f->options->tool;
    in->row.head_hash = probe->head_hash;
    in->row.read_ns = btr_wall_ns();
}

int feed_input_add(struct feed *f, struct feed_input *in)
{
    if (!btr_list_room(&f->inputs, f->input_count, &f->input_capacity, 16, sizeof *f->inputs))
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    in->id = f->input_count;
    f->inputs[f->input_count++] = in;
    return 0;
}

static void known_tell(struct feed *f, const struct feed_input *in,
                       const struct feed_candidate *known)
{
    f->stats->inputs_known++;
    feed_note(f, in->path, "already read as %s", known->name);
}

/* An input that told nothing new leaves no trace. */
static void inputs_drop_idle(struct feed *f, struct feed_input *in,
                             const struct feed_candidate *known)
{
    if (in->row.records > known->records || in->row.content_size > known->size || in->moved)
        return;
    if (known->size > 0)
        known_tell(f, in, known);
    f->input_count--;
    feed_input_free(in);
}

static int tape_read(struct feed *f, struct source_tape *tape, bool host_given,
                     struct feed_input *in)
{
    struct btr_err err = {0};
    struct reading r = {.tape = tape};
    int rc = feed_known_find(f, in, host_given, tape, &r.known, &err);
    int failed = rc < 0 ? feed_complain(f, in->path, in->group, rc, err.text) : 0;
    if (rc == FEED_KNOWN_WHOLE) {
        f->stats->inputs++;
        f->stats->known_bytes += r.known.size;
        known_tell(f, in, &r.known);
    }
    if (rc < 0 || rc == FEED_KNOWN_WHOLE) {
        feed_input_free(in);
        return failed;
    }
    source_tape_settle(tape);
    rc = feed_input_add(f, in);
    if (rc < 0) {
        feed_input_free(in);
        return rc;
    }
    f->stats->inputs++;
    rc = input_feed(f, in, &r);
    source_lines_fini(&r.lines);
    source_lines_fini(&r.skipped);
    if (rc == 0)
        inputs_drop_idle(f, in, &r.known);
    return rc;
}

/* @return 0: go on with `in`; 1: there is nothing to read here, all was said; or a failure */
static int input_probe(struct feed *f, const struct btr_path *path, struct source_tape *tape,
                       struct feed_input *in)
{
    struct feed_probe *probe = calloc(1, sizeof *probe);
    struct btr_err err = {0};
    if (!probe)
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    int rc = feed_probe_read(probe, tape, &err), said = 1;
    bool good = rc == 0;
    if (good && !probe->empty)
        rc = feed_probe_decide(f, probe, path, in, &err);
    if (good && probe->empty) {
        f->stats->inputs_empty++;
        feed_note(f, path->path, "is empty");
    } else if (rc == 0) {
        row_fill(f, in, probe);
        said = 0;
    } else if (good && rc == BTR_E_FORMAT && path->found) {
        f->stats->inputs_passed_over++;
        btr_buffer_format(&f->passed_over, "%s%s", f->passed_over.size > 0 ? ", " : "", path->path);
    } else {
        rc = feed_complain(f, path->path, path->group, rc, err.text);
        said = rc < 0 ? rc : 1;
    }
    feed_probe_fini(probe);
    free(probe);
    return said;
}

int feed_input_read(struct feed *f, const struct btr_path *path)
{
    struct source_tape *tape;
    struct btr_err err = {0};
    int rc = source_tape_open(&tape, path->path, &err);
    if (rc < 0)
        return feed_complain(f, path->path, path->group, rc, err.text);
    struct feed_input *in = calloc(1, sizeof *in);
    char *name = strdup(path->path);
    if (!in || !name) {
        free(in);
        free(name);
        source_tape_close(tape);
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    in->path = in->name = name;
    in->group = path->group;
    in->by_record = feed_records_asked(f, path->path);
    rc = input_probe(f, path, tape, in);
    if (rc == 0)
        rc = tape_read(f, tape, path->host != NULL, in);
    else
        feed_input_free(in);
    source_tape_close(tape);
    return rc < 0 ? rc : 0;
}
