/* Kept records in an answer. */
#include <btr/escape.h>
#include <btr/shown.h>
#include <inttypes.h>
#include <stdio.h>

#include "exports.h"
#include "json_writer.h"

/* Looks an event's records up and counts what came of it. @return whether there is something to
 * show */
static bool records_get(struct btr_shown *s, const struct btr_kept_place *place,
                        struct btr_kept_found *found, struct btr_buffer *out)
{
    struct btr_err err;
    int rc = btr_kept_find(s->kept, place, found, &err);
    for (uint32_t i = 0; rc == 0 && i < found->count; i++) {
        if (s->size + found->records[i].bytes.size > BTR_SHOWN_SIZE_MAX) {
            found->left_out += found->count - i;
            found->count = i;
            break;
        }
        s->size += found->records[i].bytes.size;
    }
    s->found += rc == 0;
    s->missing += rc == BTR_E_NOTFOUND;
    s->left_out += found->left_out;
    if (rc == BTR_E_NOMEM)
        out->failed = true;
    else if (rc < 0 && rc != BTR_E_NOTFOUND && s->damaged++ == 0)
        (void)snprintf(s->why, sizeof s->why, "%s", err.text);
    return rc == 0;
}

/* ---- Text ----------------------------------------------------------------------------------- */

void btr_shown_text(struct btr_shown *s, const struct btr_kept_place *place, const char *margin,
                    struct btr_buffer *out)
{
    struct btr_kept_found found;
    uint64_t damaged = s->damaged;
    if (!records_get(s, place, &found, out)) {
        btr_buffer_format(out, "%s(%s)\n", margin,
                          s->damaged > damaged ? "its records are damaged"
                          : found.other        ? "another record is kept at its place"
                          : place->line == 0   ? "no record tells it"
                                               : "its records are not kept");
        return;
    }
    for (uint32_t i = 0; i < found.count; i++) {
        btr_buffer_text(out, margin);
        btr_escape_terminal(out, found.records[i].bytes);
        btr_buffer_text(out, "\n");
    }
    if (found.left_out > 0)
        btr_buffer_format(out, "%s(%" PRIu64 " more of its records are left out)\n", margin,
                          found.left_out);
}

void btr_shown_lack_text(struct btr_buffer *out, const struct btr_shown *s)
{
    uint64_t all = s->found + s->missing + s->damaged;
    if (s->damaged > 0) {
        btr_buffer_format(out, "DAMAGED: the kept records of %" PRIu64 " of %" PRIu64 " events: ",
                          s->damaged, all);
        btr_escape_terminal(out, btr_span_of(s->why));
        btr_buffer_text(out, "\n");
    }
    if (s->left_out > 0)
        btr_buffer_format(out, "CUT: %" PRIu64 " records of very large events are left out\n",
                          s->left_out);
    if (s->missing > 0)
        btr_buffer_format(out,
                          "No records are kept of %" PRIu64 " of %" PRIu64
                          " events: read without --keep-records, or removed since\n",
                          s->missing, all);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

void btr_shown_json(struct btr_shown *s, const struct btr_kept_place *place, struct btr_buffer *out)
{
    struct json_writer w = {out, true};
    struct btr_kept_found found;
    if (!records_get(s, place, &found, out)) {
        json_null(&w, "records");
        return;
    }
    json_open(&w, "records", '[');
    for (uint32_t i = 0; i < found.count; i++)
        json_text(&w, NULL, found.records[i].bytes);
    json_close(&w, ']');
    if (found.left_out > 0)
        json_count(&w, "records_left_out", found.left_out);
}

void btr_shown_lack_json(struct btr_buffer *out, const struct btr_shown *s)
{
    struct json_writer w = {out, true};
    json_open(&w, "records", '{');
    json_count(&w, "shown", s->found);
    json_count(&w, "not_kept", s->missing);
    json_count(&w, "damaged", s->damaged);
    json_count(&w, "left_out", s->left_out);
    json_text_if(&w, "why", btr_span_of(s->why));
    json_close(&w, '}');
}

/* ---- First and last event ------------------------------------------------------------------- */

struct ends_search {
    struct btr_flow first, last;
    bool any;
};

static int ends_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct ends_search *s = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        if (!s->any || f->first_ns < s->first.first_ns ||
            (f->first_ns == s->first.first_ns && f->ref < s->first.ref))
            s->first = *f;
        if (!s->any || f->last_ns > s->last.last_ns ||
            (f->last_ns == s->last.last_ns && f->ref > s->last.ref))
            s->last = *f;
        s->any = true;
    }
    return 0;
}

int btr_shown_ends_find(struct btr_shown_ends *out, struct btr_reader *reader, struct btr_id entity,
                        struct btr_err *err)
{
    struct ends_search search = {0};
    *out = (struct btr_shown_ends){0};
    int rc = btr_reader_flows(reader, entity, BTR_SIDE_ALL, 0, NULL, ends_visit, &search, err);
    if (rc < 0 || !search.any)
        return rc;
    rc = btr_reader_event(reader, search.first.ref, &out->first, err);
    if (rc == 0)
        rc = btr_reader_event(reader, search.last.ref, &out->last, err);
    out->any = rc == 0;
    out->one = out->any && btr_span_equal(out->first.input, out->last.input) &&
               btr_span_equal(out->first.input_digest, out->last.input_digest) &&
               out->first.event.line == out->last.event.line &&
               out->first.event.record_id == out->last.event.record_id;
    return rc;
}

static struct btr_kept_place place_of(const struct btr_event_full *e)
{
    return (struct btr_kept_place){e->input, e->input_digest, e->event.line, e->event.record_id};
}

void btr_shown_ends_text(struct btr_shown *s, const struct btr_shown_ends *ends,
                         struct btr_buffer *out)
{
    struct btr_kept_place first = place_of(&ends->first), last = place_of(&ends->last);
    if (!ends->any)
        return;
    btr_shown_text(s, &first, "    first | ", out);
    if (!ends->one)
        btr_shown_text(s, &last, "    last  | ", out);
}

/* As backtrail-trace/1 has evidence. */
static void event_json(struct btr_shown *s, const struct btr_event_full *e, struct json_writer *w)
{
    struct btr_kept_place place = place_of(e);
    char id[24];
    (void)snprintf(id, sizeof id, "%" PRIu64, e->event.record_id);
    json_open(w, NULL, '{');
    json_text(w, "host", e->host);
    json_text(w, "source", e->source);
    json_text(w, "id", btr_span_of(id));
    json_open(w, "origin", '{');
    json_count(w, query_json_place(w, e->input), e->event.line);
    json_close(w, '}');
    btr_buffer_u8(w->out, ',');
    btr_shown_json(s, &place, w->out);
    json_close(w, '}');
}

void btr_shown_ends_json(struct btr_shown *s, const struct btr_shown_ends *ends,
                         struct btr_buffer *out)
{
    struct json_writer w = {out, true};
    json_open(&w, "evidence", '[');
    if (ends->any)
        event_json(s, &ends->first, &w);
    if (ends->any && !ends->one)
        event_json(s, &ends->last, &w);
    json_close(&w, ']');
}
