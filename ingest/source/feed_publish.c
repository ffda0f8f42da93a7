#include <stdio.h>
#include <stdlib.h>

#include "feed.h"

static int no_memory(struct feed *f)
{
    return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

static bool batch_is_empty(const struct btr_batch *b)
{
    return b->event_count == 0 && b->note_count == 0 && b->gap_count == 0 &&
           b->quarantined_count == 0 && b->record_count == 0;
}

int feed_batch_flush(struct feed *f)
{
    struct btr_batch *b = &f->batch;
    int rc = batch_is_empty(b) ? 0 : f->sink->append(f->sink->self, b, f->err);
    f->stats->events += b->event_count;
    f->stats->gaps += b->gap_count;
    f->stats->undecoded += b->quarantined_count;
    btr_batch_clear(b);
    b->record_count = 0;
    btr_arena_reset(f->arena);
    return rc < 0 ? feed_sink_failed(f, rc) : 0;
}

int feed_batch_room(struct feed *f)
{
    bool full =
        f->batch.record_count >= FEED_BATCH_RECORDS || btr_arena_used(f->arena) >= FEED_BATCH_SIZE;
    return full ? feed_batch_flush(f) : 0;
}

/* The copy lives as long as the batch. */
static bool text_keep(struct feed *f, const char *text, struct btr_span *out)
{
    return btr_arena_copy(f->arena, btr_span_of(text), out);
}

static uint32_t stream_of(struct feed *f, const struct feed_input *input,
                          const struct feed_state *state)
{
    struct btr_span host = {input->host, input->host_size};
    if (state)
        host = (struct btr_span){state->host, state->host_size};
    return btr_batch_stream(&f->batch, host, input->row.format);
}

static int entry_add(struct feed *f, const struct feed_input *input, const struct feed_state *state,
                     struct btr_quarantined entry, const char *reason)
{
    entry.stream = stream_of(f, input, state);
    if (entry.stream == UINT32_MAX || !text_keep(f, reason, &entry.reason))
        return no_memory(f);
    struct btr_quarantined *q = btr_batch_quarantine(&f->batch);
    if (!q)
        return no_memory(f);
    *q = entry;
    return 0;
}

int feed_quarantine(struct feed *f, struct feed_input *input, struct feed_state *state,
                    const struct source_line *line, uint64_t offset, const char *reason)
{
    if (state) {
        if (state->undecoded++ == 0) {
            state->undecoded_line = line->number;
            state->undecoded_from_ns = state->last_ns;
        }
    }
    input->undecoded++;
    if (input->quarantined >= FEED_QUARANTINE_MAX) {
        if (input->rest++ == 0)
            input->rest_line = line->number;
        return 0;
    }
    input->quarantined++;
    struct btr_quarantined entry = {.line = line->number,
                                    .offset = offset == UINT64_MAX ? 0 : offset,
                                    .record_size = line->size,
                                    .record = line->bytes};
    if (entry.record.size > BTR_QUARANTINE_RECORD_MAX)
        entry.record.size = BTR_QUARANTINE_RECORD_MAX;
    return entry_add(f, input, state, entry, reason);
}

int feed_gap_add(struct feed *f, struct btr_span host, struct btr_span source, struct btr_gap gap,
                 const char *why)
{
    gap.stream = btr_batch_stream(&f->batch, host, source);
    struct btr_gap *to = gap.stream == UINT32_MAX ? NULL : btr_batch_gap(&f->batch);
    if (!to || !text_keep(f, why, &gap.why))
        return no_memory(f);
    *to = gap;
    return 0;
}

int feed_gap(struct feed *f, struct feed_state *state, enum btr_gap_kind kind, int64_t from_ns,
             uint64_t count, uint64_t line, const char *why)
{
    if (state->last_ns == INT64_MIN)
        return 0;
    struct btr_gap gap = {.kind = (uint8_t)kind,
                          .from_ns = from_ns == INT64_MIN ? state->last_ns : from_ns,
                          .until_ns = state->last_ns,
                          .count = count,
                          .line = line};
    return feed_gap_add(f, (struct btr_span){state->host, state->host_size},
                        btr_span_of(state->decoder->name), gap, why);
}

int feed_rest_settle(struct feed *f, struct feed_input *input)
{
    char reason[128];
    if (input->rest == 0)
        return 0;
    (void)snprintf(
        reason, sizeof reason,
        "%llu more records that cannot be decoded, from this line on; the first %llu are kept",
        (unsigned long long)input->rest, (unsigned long long)input->quarantined);
    int rc = entry_add(f, input, input->state, (struct btr_quarantined){.line = input->rest_line},
                       reason);
    f->stats->undecoded += input->rest - 1; /* the entry itself is counted with its batch */
    input->rest = 0;
    return rc;
}

int feed_undecoded_settle(struct feed *f, struct feed_state *s)
{
    uint64_t count = s->undecoded;
    s->undecoded = 0;
    return feed_gap(f, s, BTR_GAP_UNDECODED, s->undecoded_from_ns, count, s->undecoded_line,
                    "records could not be decoded; they are in quarantine");
}

int feed_counts_settle(struct feed *f, struct feed_input *input)
{
    int rc = feed_rest_settle(f, input);
    for (uint32_t i = 0; i < f->state_count && rc == 0; i++)
        if (f->states[i]->undecoded > 0)
            rc = feed_undecoded_settle(f, f->states[i]);
    return rc;
}

bool feed_publish_due(const struct feed *f)
{
    uint32_t events = 0;
    size_t size = f->sink->pending(f->sink->self, &events);
    uint32_t most =
        f->options->segment_events ? f->options->segment_events : (uint32_t)FEED_SEGMENT_EVENTS;
    return events >= most || size >= FEED_PENDING_SIZE || f->digest_count >= FEED_DIGESTS;
}

/* What a publish hands over; the arrays live until it returns. */
struct progress_parts {
    struct btr_input *rows;
    uint32_t *ids;
    struct btr_saved_state *states;
    struct btr_buffer *saved; /* one a state, then one a shared counter */
    uint32_t row_count, state_count, saved_count;
};

static bool rows_collect(const struct feed *f, struct progress_parts *p)
{
    p->rows = calloc(f->input_count + 1, sizeof *p->rows);
    p->ids = calloc(f->input_count + 1, sizeof *p->ids);
    if (!p->rows || !p->ids)
        return false;
    for (uint32_t i = 0; i < f->input_count; i++) {
        if (!f->inputs[i]->moved)
            continue;
        p->ids[p->row_count] = f->inputs[i]->id;
        p->rows[p->row_count++] = f->inputs[i]->row;
    }
    return true;
}

static bool states_collect(struct feed *f, struct progress_parts *p)
{
    uint32_t serials = feed_serials_count(f);
    p->saved_count = f->state_count + serials;
    p->states = calloc(p->saved_count + f->more_count + 1, sizeof *p->states);
    p->saved = calloc(p->saved_count + 1, sizeof *p->saved);
    if (!p->states || !p->saved)
        return false;
    for (uint32_t i = 0; i < f->state_count; i++) {
        const struct feed_state *s = f->states[i];
        if (!s->moved)
            continue;
        struct btr_buffer *saved = &p->saved[p->state_count];
        if (!f->keeping->write(f, s, saved))
            return false;
        f->state_bytes += saved->size;
        p->states[p->state_count++] = (struct btr_saved_state){.format = btr_span_of(s->key),
                                                               .host = {s->host, s->host_size},
                                                               .bytes = btr_buffer_view(saved)};
    }
    int shared = feed_serials_save(f, &p->states[p->state_count], &p->saved[f->state_count]);
    p->state_count += shared > 0 ? (uint32_t)shared : 0;
    for (uint32_t i = 0; i < f->more_count; i++)
        p->states[p->state_count++] = f->more[i];
    return shared >= 0;
}

static void parts_free(struct progress_parts *p)
{
    for (uint32_t i = 0; p->saved && i < p->saved_count; i++)
        btr_buffer_fini(&p->saved[i]);
    free(p->saved);
    free(p->states);
    free(p->rows);
    free(p->ids);
}

static void moved_clear(struct feed *f)
{
    for (uint32_t i = 0; i < f->input_count; i++)
        f->inputs[i]->moved = false;
    for (uint32_t i = 0; i < f->state_count; i++)
        f->states[i]->moved = false;
    f->digest_count = 0;
}

int feed_publish(struct feed *f)
{
    uint32_t events = 0;
    struct progress_parts p = {0};
    int rc = feed_batch_flush(f);
    if (rc < 0)
        return rc;
    bool ok = rows_collect(f, &p) && states_collect(f, &p);
    if (!ok)
        rc = no_memory(f);
    else if (p.row_count > 0 || p.state_count > 0 || f->sink->pending(f->sink->self, &events) > 0) {
        struct btr_progress progress = {p.rows,        p.ids,      p.row_count,    p.states,
                                        p.state_count, f->digests, f->digest_count};
        rc = f->sink->publish(f->sink->self, &progress, f->err);
        if (rc < 0)
            feed_sink_failed(f, rc);
        f->batch.epoch++;
        moved_clear(f);
    }
    parts_free(&p);
    return rc;
}
