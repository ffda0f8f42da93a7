#include <stdio.h>

#include "feed.h"

static void event_seen(struct feed_state *s, const struct btr_batch *b, uint32_t before)
{
    if (b->event_count > before && b->events[b->event_count - 1].last_ns > s->last_ns)
        s->last_ns = b->events[b->event_count - 1].last_ns;
}

static int decode(struct feed *f, const struct feed_input *in, const struct feed_state *s,
                  const struct source_line *line, struct btr_err *err)
{
    if (line->read)
        return in->decoder->decode_read(s->state, line->bytes, line->read, &f->batch, f->arena,
                                        err);
    return in->decoder->decode(s->state, line->bytes, &f->batch, f->arena, err);
}

/* A decoder that found no memory may have stopped amid an event: its state is no longer what the
 * records say, and must not be published. But a record may also ask for more than a batch may hold.
 */
int feed_record_decode(struct feed *f, struct feed_input *in, struct feed_state *s,
                       const struct source_line *line, struct btr_err *err)
{
    uint32_t before = f->batch.event_count;
    f->batch.line = line->number;
    int rc = decode(f, in, s, line, err);
    if (rc == BTR_E_NOMEM && btr_arena_refused(f->arena)) { /* once more with an empty batch */
        rc = feed_batch_flush(f);
        if (rc < 0)
            return rc;
        before = 0;
        rc = decode(f, in, s, line, err);
    }
    if (rc == BTR_E_NOMEM && !btr_arena_refused(f->arena))
        return feed_sink_failed(f, btr_fail(f->err, rc, UINT64_MAX, "%s: line %llu: out of memory",
                                            in->path, (unsigned long long)line->number));
    if (rc == 0)
        event_seen(s, &f->batch, before);
    return rc;
}

void feed_record_count(struct feed *f, struct feed_input *in, struct feed_state *s)
{
    f->batch.record_count++;
    f->stats->records++;
    in->row.records++;
    if (!s)
        return;
    s->moved = s->flush_due = true;
    s->input = in->id;
    in->state = s;
    if (in->row.host.size == 0) { /* the state may go before the input */
        memcpy(in->host, s->host, s->host_size);
        in->row.host = (struct btr_span){in->host, s->host_size};
    }
}

int feed_record_take(struct feed *f, struct feed_input *in, struct feed_state *s,
                     const struct source_line *line, const char *refused)
{
    struct btr_err err = {.offset = UINT64_MAX};
    char reason[BTR_ERR_TEXT_SIZE];
    feed_record_count(f, in, s);
    if (refused) {
        (void)snprintf(reason, sizeof reason, "%s", refused);
    } else if (!s) {
        (void)snprintf(reason, sizeof reason, "the record names no host");
    } else if (line->too_long) {
        (void)snprintf(reason, sizeof reason, "the record has %llu bytes, more than %u",
                       (unsigned long long)line->size, in->decoder->record_max);
    } else {
        int rc = feed_record_decode(f, in, s, line, &err);
        if (rc == 0)
            return feed_record_keep(f, in, s, line);
        if (f->stats->sink_failed)
            return rc;
        (void)snprintf(reason, sizeof reason, "%s", err.text[0] ? err.text : btr_code_text(rc));
    }
    return feed_quarantine(f, in, s, line, err.offset, reason);
}
