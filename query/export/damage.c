/* What damaged segments take from an answer, as text and as JSON. */
#include <btr/clock.h>
#include <btr/damage.h>
#include <btr/escape.h>
#include <inttypes.h>

#include "json_writer.h"

static bool loses(const struct btr_damage *d)
{
    return d->is_store || d->lost_events || d->lost_entities || d->lost_gaps || d->lost_undecoded ||
           d->undescribed;
}

static int loses_visit(void *self, const struct btr_damage *d)
{
    (void)self;
    return loses(d) ? 1 : 0;
}

bool btr_damage_loses(const struct btr_reader *reader)
{
    return btr_reader_damage(reader, loses_visit, NULL) != 0;
}

/* ---- Text ----------------------------------------------------------------------------------- */

static void times_say(struct btr_buffer *out, int64_t first_ns, int64_t last_ns)
{
    char first[BTR_TIME_TEXT_SIZE], last[BTR_TIME_TEXT_SIZE];
    btr_time_text(first_ns, first);
    btr_time_text(last_ns, last);
    btr_buffer_format(out, "%s .. %s", first, last);
}

/* Where and when: store, day, hosts, times. */
static void segment_say(struct btr_buffer *out, const struct btr_damage *d)
{
    btr_buffer_text(out, " (");
    btr_escape_terminal(out, btr_span_of(d->store));
    btr_buffer_format(out, ", day %s, ", d->day);
    times_say(out, d->first_ns, d->last_ns);
    for (uint32_t i = 0; i < d->host_count; i++) {
        btr_buffer_text(out, i ? " " : ", hosts ");
        btr_escape_terminal(out, d->hosts[i]);
    }
    btr_buffer_text(out, ")");
}

static void count_say(struct btr_buffer *out, uint64_t count, const char *what)
{
    if (count)
        btr_buffer_format(out, "; %" PRIu64 " %s", count, what);
}

static void loss_say(struct btr_buffer *out, const struct btr_damage *d)
{
    if (!loses(d)) {
        btr_buffer_text(out, ". Nothing is lost by it: what is damaged was made anew");
        return;
    }
    btr_buffer_format(out, ". This answer lacks %" PRIu64 " of its %" PRIu64 " events",
                      d->lost_events, d->event_count);
    if (d->lost_events) {
        btr_buffer_text(out, ", ");
        times_say(out, d->lost_first_ns, d->lost_last_ns);
    }
    count_say(out, d->lost_entities, "entities");
    count_say(out, d->undescribed, "entities are without some or all attributes");
    count_say(out, d->lost_gaps, "gaps");
    count_say(out, d->lost_undecoded, "undecoded records");
}

static int text_visit(void *self, const struct btr_damage *d)
{
    struct btr_buffer *out = self;
    btr_buffer_text(out, "DAMAGED: ");
    btr_escape_terminal(out, btr_span_of(d->what));
    if (d->is_store) {
        btr_buffer_text(out, ". This answer lacks all of that store.\n");
        return 0;
    }
    segment_say(out, d);
    loss_say(out, d);
    btr_buffer_text(out, ".\n");
    return 0;
}

void btr_damage_text(struct btr_buffer *out, const struct btr_reader *reader)
{
    (void)btr_reader_damage(reader, text_visit, out);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static int json_visit(void *self, const struct btr_damage *d)
{
    struct json_writer *w = self;
    json_newline(w);
    json_open(w, NULL, '{');
    json_text(w, "store", btr_span_of(d->store));
    json_text(w, "what", btr_span_of(d->what));
    if (d->is_store) {
        json_null(w, "segment");
        json_bool(w, "whole", true);
        json_close(w, '}');
        return 0;
    }
    json_text(w, "segment", btr_span_of(d->segment));
    json_text(w, "day", btr_span_of(d->day));
    json_number(w, "first_ns", d->first_ns);
    json_number(w, "last_ns", d->last_ns);
    json_count(w, "events", d->event_count);
    json_open(w, "hosts", '[');
    for (uint32_t i = 0; i < d->host_count; i++)
        json_text(w, NULL, d->hosts[i]);
    json_close(w, ']');
    json_bool(w, "whole", d->whole);
    json_count(w, "lost_events", d->lost_events);
    if (d->lost_events) {
        json_number(w, "lost_first_ns", d->lost_first_ns);
        json_number(w, "lost_last_ns", d->lost_last_ns);
    }
    json_count(w, "lost_entities", d->lost_entities);
    json_count(w, "lost_gaps", d->lost_gaps);
    json_count(w, "lost_undecoded", d->lost_undecoded);
    json_count(w, "undescribed_entities", d->undescribed);
    json_close(w, '}');
    return 0;
}

void btr_damage_json(struct btr_buffer *out, const struct btr_reader *reader)
{
    struct json_writer w = {out, true};
    json_open(&w, "damage", '[');
    (void)btr_reader_damage(reader, json_visit, &w);
    json_close(&w, ']');
}
