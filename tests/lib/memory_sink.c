#include "memory_sink.h"

#include <stdio.h>
#include <stdlib.h>

static void text_put(char *out, size_t size, struct btr_span s)
{
    (void)snprintf(out, size, "%.*s", (int)s.size, s.size > 0 ? (const char *)s.at : "");
}

static void *grown(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity ? *capacity * 2 : 256;
    items = realloc(items, *capacity * size);
    if (!items)
        abort();
    return items;
}

static void event_put(struct memory_sink *m, const struct btr_batch *b,
                      const struct btr_event *event)
{
    m->events = grown(m->events, m->event_count, &m->event_capacity, sizeof *m->events);
    struct memory_event *e = &m->events[m->event_count++];
    memset(e, 0, sizeof *e);
    e->event = *event;
    e->event.stream = b->input;
    text_put(e->host, sizeof e->host, b->streams[event->stream].host);
    text_put(e->source, sizeof e->source, b->streams[event->stream].source);
}

static void quarantined_put(struct memory_sink *m, const struct btr_batch *b,
                            const struct btr_quarantined *q)
{
    m->quarantined = grown(m->quarantined, m->quarantined_count, &m->quarantined_capacity,
                           sizeof *m->quarantined);
    struct memory_quarantined *to = &m->quarantined[m->quarantined_count++];
    memset(to, 0, sizeof *to);
    to->entry = *q;
    to->kept_size = q->record.size;
    memcpy(to->head, q->record.at ? q->record.at : (const uint8_t *)"",
           q->record.size < 64 ? q->record.size : 64);
    text_put(to->reason, sizeof to->reason, q->reason);
    text_put(to->host, sizeof to->host, b->streams[q->stream].host);
}

static int append(void *self, const struct btr_batch *b, struct btr_err *err)
{
    struct memory_sink *m = self;
    if (++m->appends == m->fail_append)
        return btr_fail(err, BTR_E_FULL, UINT64_MAX, "no space left (test)");
    for (uint32_t i = 0; i < b->event_count; i++)
        event_put(m, b, &b->events[i]);
    for (uint32_t i = 0; i < b->quarantined_count; i++)
        quarantined_put(m, b, &b->quarantined[i]);
    for (uint32_t i = 0; i < b->gap_count && m->gap_count < 512; i++) {
        struct memory_gap *g = &m->gaps[m->gap_count++];
        g->gap = b->gaps[i];
        g->gap.why = (struct btr_span){0};
        text_put(g->host, sizeof g->host, b->streams[b->gaps[i].stream].host);
    }
    m->pending += b->event_count;
    m->records += b->record_count;
    return 0;
}

static struct memory_row *row_find(struct memory_sink *m, const struct btr_input *row)
{
    for (uint32_t i = 0; i < m->row_count; i++)
        if (btr_span_equal(m->rows[i].row.name, row->name) &&
            m->rows[i].row.head_hash == row->head_hash)
            return &m->rows[i];
    if (m->row_count == m->row_capacity) { /* spans point into the rows: they are made again */
        m->rows = grown(m->rows, m->row_count, &m->row_capacity, sizeof *m->rows);
        for (uint32_t i = 0; i < m->row_count; i++) {
            struct btr_input *r = &m->rows[i].row;
            struct btr_span *spans[] = {&r->name, &r->host, &r->format, &r->case_id, &r->tool};
            for (size_t s = 0; s < 5; s++)
                spans[s]->at = (const uint8_t *)m->rows[i].text[s];
        }
    }
    memset(&m->rows[m->row_count], 0, sizeof *m->rows);
    return &m->rows[m->row_count++];
}

static void row_copy(struct memory_row *to, const struct btr_input *row)
{
    to->row = *row;
    struct btr_span *spans[] = {&to->row.name, &to->row.host, &to->row.format, &to->row.case_id,
                                &to->row.tool};
    for (size_t s = 0; s < 5; s++) {
        text_put(to->text[s], sizeof to->text[s], *spans[s]);
        *spans[s] = btr_span_of(to->text[s]);
    }
}

static void row_put(struct memory_sink *m, const struct btr_input *row)
{
    row_copy(row_find(m, row), row);
}

/* Takes the bytes over. */
static void state_put(struct memory_sink *m, struct memory_saved *state)
{
    uint32_t i = 0;
    while (i < m->state_count && (strcmp(m->states[i].format, state->format) != 0 ||
                                  strcmp(m->states[i].host, state->host) != 0))
        i++;
    if (i == MEMORY_STATES)
        abort();
    if (i == m->state_count)
        m->state_count++;
    else
        btr_buffer_fini(&m->states[i].bytes);
    m->states[i] = *state;
}

static struct btr_span tail_of(struct btr_span name, size_t size)
{
    size_t over = name.size > size ? name.size - size : 0;
    return (struct btr_span){name.at + over, name.size - over};
}

static void origins_resolve(struct memory_sink *m, const struct btr_progress *p)
{
    for (uint32_t i = m->event_published; i < m->event_count; i++)
        for (uint32_t k = 0; k < p->input_count; k++)
            if (p->input_ids[k] == m->events[i].event.stream)
                text_put(m->events[i].input, sizeof m->events[i].input,
                         tail_of(p->inputs[k].name, sizeof m->events[i].input - 1));
}

static void flight_clear(struct memory_flight *f)
{
    free(f->rows);
    free(f->states);
    free(f->digests);
    *f = (struct memory_flight){0};
}

/* What was published is durable. */
static void land(struct memory_sink *m)
{
    struct memory_flight *f = &m->flight;
    for (uint32_t i = 0; i < f->row_count; i++)
        row_put(m, &f->rows[i].row);
    for (uint32_t i = 0; i < f->state_count; i++)
        state_put(m, &f->states[i]);
    m->digests = realloc(m->digests, (m->digest_count + f->digest_count + 1) * 8);
    if (!m->digests)
        abort();
    if (f->digest_count > 0)
        memcpy(m->digests + m->digest_count, f->digests, f->digest_count * 8);
    m->digest_count += f->digest_count;
    m->event_published = f->event_count;
    m->gap_published = f->gap_count;
    m->quarantined_published = f->quarantined_count;
    flight_clear(f);
}

static void flight_lose(struct memory_sink *m)
{

    for (uint32_t i = 0; i < m->flight.state_count; i++)
        btr_buffer_fini(&m->flight.states[i].bytes);
    flight_clear(&m->flight);
}

static void flight_fill(struct memory_sink *m, const struct btr_progress *p)
{
    struct memory_flight *f = &m->flight;
    f->rows = calloc(p->input_count + 1U, sizeof *f->rows);
    f->states = calloc(p->state_count + 1U, sizeof *f->states);
    f->digests = calloc(p->record_digest_count + 1, sizeof *f->digests);
    if (!f->rows || !f->states || !f->digests)
        abort();
    for (uint32_t i = 0; i < p->input_count; i++)
        row_copy(&f->rows[f->row_count++], &p->inputs[i]);
    for (uint32_t i = 0; i < p->state_count && !m->states_ignored; i++) {
        struct memory_saved *to = &f->states[f->state_count++];
        text_put(to->format, sizeof to->format, p->states[i].format);
        text_put(to->host, sizeof to->host, p->states[i].host);
        btr_buffer_span(&to->bytes, p->states[i].bytes);
    }
    for (size_t i = 0; i < p->record_digest_count; i++)
        f->digests[f->digest_count++] = p->record_digests[i];
    f->event_count = m->event_count;
    f->gap_count = m->gap_count;
    f->quarantined_count = m->quarantined_count;
    f->asks_left = m->late;
    f->flies = true;
}

static int publish(void *self, const struct btr_progress *p, struct btr_err *err)
{
    struct memory_sink *m = self;
    if (++m->publishes == m->fail_publish)
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot write (test)");
    if (m->flight.flies)
        land(m);
    origins_resolve(m, p);
    flight_fill(m, p);
    m->pending = 0;
    if (m->late == 0)
        land(m);
    return 0;
}

static bool busy(void *self)
{
    struct memory_sink *m = self;
    if (m->flight.flies && m->flight.asks_left-- == 0)
        land(m);
    return m->flight.flies;
}

static size_t pending(void *self, uint32_t *event_count)
{
    struct memory_sink *m = self;
    *event_count = m->pending;
    return (size_t)m->pending * sizeof *m->events;
}

static int drain(void *self, struct btr_err *err)
{
    struct memory_sink *m = self;
    (void)err;
    m->drains++;
    if (m->flight.flies)
        land(m);
    return 0;
}

static bool known_input(void *self, uint64_t head_hash, uint32_t i, struct btr_input *out)
{
    struct memory_sink *m = self;
    struct memory_row *found[64];
    uint32_t n = 0;
    for (uint32_t k = 0; k < m->row_count && n < 64; k++)
        if (m->rows[k].row.head_hash == head_hash)
            found[n++] = &m->rows[k];
    if (i >= n)
        return false;
    for (uint32_t a = 0; a < n; a++) /* largest content first */
        for (uint32_t b = a + 1; b < n; b++)
            if (found[b]->row.content_size > found[a]->row.content_size) {
                struct memory_row *swap = found[a];
                found[a] = found[b];
                found[b] = swap;
            }
    *out = found[i]->row;
    return true;
}

static bool known_state(void *self, struct btr_span format, struct btr_span host,
                        struct btr_buffer *out)
{
    struct memory_sink *m = self;
    for (uint32_t i = 0; i < m->state_count; i++) {
        if (!btr_span_equal(btr_span_of(m->states[i].format), format) ||
            !btr_span_equal(btr_span_of(m->states[i].host), host))
            continue;
        btr_buffer_span(out, btr_buffer_view(&m->states[i].bytes));
        return true;
    }
    return false;
}

static int digest_compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint64_t known_record_seed(void *self)
{
    struct memory_sink *m = self;
    if (m->digest_count > 0)
        qsort(m->digests, m->digest_count, sizeof *m->digests, digest_compare);
    m->digests_old = m->digest_count;
    return 77;
}

static bool known_record(void *self, uint64_t digest)
{
    struct memory_sink *m = self;
    return m->digests_old > 0 &&
           bsearch(&digest, m->digests, m->digests_old, sizeof digest, digest_compare) != NULL;
}

void memory_sink_init(struct memory_sink *m)
{
    *m = (struct memory_sink){
        .sink = {m, append, publish, pending, drain, NULL, busy},
        .known = {m, known_input, known_state, known_record_seed, known_record}};
}

void memory_sink_fini(struct memory_sink *m)
{
    flight_lose(m);
    for (uint32_t i = 0; i < m->state_count; i++)
        btr_buffer_fini(&m->states[i].bytes);
    free(m->events);
    free(m->quarantined);
    free(m->rows);
    free(m->digests);
}

void memory_sink_crash(struct memory_sink *m)
{
    flight_lose(m);
    m->event_count = m->event_published;
    m->gap_count = m->gap_published;
    m->quarantined_count = m->quarantined_published;
    m->pending = 0;
    m->fail_append = m->fail_publish = 0;
    m->appends = m->publishes = 0;
}

static int event_compare(const void *x, const void *y)
{
    const struct memory_event *a = x, *b = y;
    int c = strcmp(a->host, b->host);
    if (c == 0)
        c = (a->event.record_id > b->event.record_id) - (a->event.record_id < b->event.record_id);
    if (c == 0)
        c = (a->event.time_ns > b->event.time_ns) - (a->event.time_ns < b->event.time_ns);
    return c != 0 ? c : (a->event.line > b->event.line) - (a->event.line < b->event.line);
}

bool memory_sink_same(struct memory_sink *a, struct memory_sink *b)
{
    if (a->event_published != b->event_published)
        return false;
    if (a->event_published == 0)
        return true;
    qsort(a->events, a->event_published, sizeof *a->events, event_compare);
    qsort(b->events, b->event_published, sizeof *b->events, event_compare);
    for (uint32_t i = 0; i < a->event_published; i++) {
        const struct memory_event *x = &a->events[i], *y = &b->events[i];
        if (event_compare(x, y) != 0 || x->event.bytes != y->event.bytes ||
            strcmp(x->source, y->source) != 0 ||
            !btr_id_equal(x->event.subject, y->event.subject) ||
            x->event.operation != y->event.operation)
            return false;
    }
    return true;
}
