#include <btr/clock.h>
#include <stdio.h>
#include <stdlib.h>

#include "follow.h"

enum { ROWS_MORE = SEEN_CHUNKS + 1, ACKNOWLEDGE_MS = 3000, COMMIT_AGAIN_MS = 1000 };

static int no_memory(struct btr_follow *w)
{
    return btr_fail(w->feed.err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
}

/* ---- When ---- */

/* More was passed over than can be remembered until every state is saved. */
static bool skips_are_many(const struct btr_follow *w)
{
    for (uint32_t i = 0; i < w->part_count; i++)
        if (w->parts[i]->skip_count >= FOLLOW_SKIPS_MAX)
            return true;
    return false;
}

bool follow_publish_due(const struct btr_follow *w, int64_t now_ns)
{
    if (w->arrivals.count > 0 &&
        now_ns - w->arrivals.items[0].at_ns >= (int64_t)w->options.visible_ms * 1000000)
        return true;
    if (w->forget_used != 0 && !w->forgetting && !w->flight)
        return true;
    uint32_t events = 0;
    const struct btr_sink *sink = w->feed.sink;
    return feed_publish_due(&w->feed) || skips_are_many(w) ||
           sink->pending(sink->self, &events) > follow_memory(w) / 8;
}

/* ---- Rows of partitions ---- */

static bool rows_room(struct btr_follow *w, uint32_t count)
{
    if (count <= w->row_capacity)
        return true;
    struct btr_saved_state *rows = realloc(w->rows, count * sizeof *rows);
    if (rows)
        w->rows = rows;
    struct follow_row *bytes = realloc(w->row_bytes, count * sizeof *bytes);
    if (bytes)
        w->row_bytes = bytes;
    char(*keys)[FEED_KEY_SIZE] = realloc(w->row_keys, count * sizeof *keys);
    if (keys)
        w->row_keys = keys;
    if (!rows || !bytes || !keys)
        return false;
    memset(w->row_bytes + w->row_capacity, 0, (count - w->row_capacity) * sizeof *bytes);
    w->row_capacity = count;
    return true;
}

/* The n-th row: its bytes, to be filled, and its host, "CLUSTER TOPIC:PARTITION". */
static struct btr_buffer *row_begin(struct btr_follow *w, const struct follow_partition *p)
{
    struct follow_row *row = &w->row_bytes[w->row_count];
    btr_buffer_clear(&row->bytes);
    btr_buffer_clear(&row->host);
    btr_buffer_span(&row->host, btr_buffer_view(&w->cluster));
    btr_buffer_u8(&row->host, ' ');
    btr_buffer_text(&row->host, p->name);
    return &row->bytes;
}

static bool row_end(struct btr_follow *w)
{
    const struct follow_row *row = &w->row_bytes[w->row_count];
    w->rows[w->row_count] =
        (struct btr_saved_state){.format = btr_span_of(w->row_keys[w->row_count]),
                                 .host = btr_buffer_view(&row->host),
                                 .bytes = btr_buffer_view(&row->bytes)};
    w->row_count++;
    return !row->bytes.failed && !row->host.failed;
}

static bool seen_rows(struct btr_follow *w, struct follow_partition *p)
{
    uint32_t first, count;
    bool ok = true;
    follow_seen_changed(&p->seen, &first, &count);
    for (uint32_t i = 0; i < count && ok; i++) {
        uint32_t chunk = (first + i) % SEEN_CHUNKS;
        (void)snprintf(w->row_keys[w->row_count], FEED_KEY_SIZE, FOLLOW_PARTITION_FORMAT " seen %u",
                       chunk);
        follow_seen_chunk_put(&p->seen, chunk, row_begin(w, p));
        ok = row_end(w);
    }
    p->flight_chunk = first;
    p->flight_chunks = count;
    p->seen.saved = p->seen.count;
    return ok;
}

static void skips_drop(struct follow_partition *p, int64_t replay_from)
{
    uint32_t first = 0;
    while (first < p->skip_count && p->skips[first] < replay_from)
        first++;
    if (first == 0)
        return;
    memmove(p->skips, p->skips + first, (p->skip_count - first) * sizeof *p->skips);
    p->skip_count -= first;
    p->skip_at -= p->skip_at < first ? p->skip_at : first;
}

static bool partition_row(struct btr_follow *w, struct follow_partition *p)
{
    if (!seen_rows(w, p))
        return false;
    (void)snprintf(w->row_keys[w->row_count], FEED_KEY_SIZE, FOLLOW_PARTITION_FORMAT);
    follow_partition_put(w, p, p->replay_least, row_begin(w, p));
    p->flight_next = p->next;
    p->in_flight = true;
    p->moved = false;
    p->replay_from = p->replay_least;
    skips_drop(p, p->replay_from);
    for (uint32_t i = 0; i < p->input_count; i++) {
        struct btr_input *row = &p->inputs[i]->row;
        p->inputs[i]->moved = p->inputs[i]->moved || row->content_lines != (uint64_t)p->next;
        row->content_lines = (uint64_t)p->next;
    }
    return row_end(w);
}

/* A row is written when it says something new. That of a partition that is being replayed stands
 * already. */
static bool row_need(struct btr_follow *w, struct follow_partition *p)
{
    if (!p->assigned || p->next < p->published)
        return true;
    return (!p->moved && p->replay_least == p->replay_from) || partition_row(w, p);
}

static int rows_fill(struct btr_follow *w)
{
    w->row_count = 0;
    if (!rows_room(w, w->part_count * ROWS_MORE)) /* at once: rows point into it */
        return no_memory(w);
    follow_replay_find(w);
    for (uint32_t i = 0; i < w->part_count; i++)
        if (!row_need(w, w->parts[i]))
            return no_memory(w);
    return 0;
}

/* ---- Publishing ---- */

static int counts_settle(struct btr_follow *w)
{
    struct feed *f = &w->feed;
    int rc = feed_batch_flush(f);
    for (uint32_t i = 0; i < f->input_count && rc == 0; i++) {
        if (f->inputs[i]->rest == 0)
            continue;
        f->batch.input = i;
        rc = feed_rest_settle(f, f->inputs[i]);
        if (rc == 0)
            rc = feed_batch_flush(f);
    }
    for (uint32_t i = 0; i < f->state_count && rc == 0; i++) {
        if (f->states[i]->undecoded == 0)
            continue;
        f->batch.input = f->states[i]->input;
        rc = feed_undecoded_settle(f, f->states[i]);
        if (rc == 0)
            rc = feed_batch_flush(f);
    }
    return rc;
}

int follow_publish(struct btr_follow *w, bool all)
{
    struct feed *f = &w->feed;
    int rc = follow_land(w, true);
    if (rc == 0)
        rc = counts_settle(w);
    if (rc == 0)
        rc = follow_states_choose(w, all || skips_are_many(w));
    if (rc == 0)
        rc = rows_fill(w);
    if (rc < 0)
        return rc;
    f->more = w->rows;
    f->more_count = w->row_count;
    uint32_t pending = 0;
    (void)f->sink->pending(f->sink->self, &pending);
    if (w->row_count + w->chosen + pending == 0 && f->batch.record_count == 0 &&
        f->batch.gap_count == 0) {
        w->arrivals.count = 0;
        if (w->forget_used != 0)
            follow_states_forget(w);
        return 0;
    }
    rc = feed_publish(f);
    if (rc < 0)
        return rc;
    w->stats.state_bytes = f->state_bytes;
    w->flying = w->arrivals;
    w->arrivals.count = 0;
    w->flight = true;
    w->forgetting = w->forget_used != 0;
    w->stats.publishes++;
    return 0;
}

/* ---- Durable ---- */

static void visible_count(struct btr_follow *w, int64_t now_ns)
{
    for (uint32_t i = 0; i < w->flying.count; i++) {
        uint64_t ms = (uint64_t)(now_ns - w->flying.items[i].at_ns) / 1000000;
        uint32_t bucket = 0;
        while (bucket + 1 < BTR_FOLLOW_BUCKETS && ms > btr_follow_bucket_ms[bucket])
            bucket++;
        w->stats.visible[bucket] += w->flying.items[i].count;
        w->stats.visible_ms_sum += ms * w->flying.items[i].count;
    }
    w->flying.count = 0;
}

static void commit_send(struct btr_follow *w, bool wait, int64_t now_ns)
{
    if (!w->topics->ops->commit_send(w->topics, wait))
        w->commit_ns = now_ns + COMMIT_AGAIN_MS * INT64_C(1000000);
}

/* The group hears of what the store has, and the state topic acknowledged. */
static void commit_all(struct btr_follow *w, bool wait)
{
    const struct topics_ops *ops = w->topics->ops;
    for (uint32_t i = 0; i < w->part_count; i++) {
        struct follow_partition *p = w->parts[i];
        if (!p->assigned || p->lost || p->landed_next < 0 || p->landed_next == p->committed)
            continue;
        p->committed = p->landed_next;
        ops->commit(w->topics, &p->part, p->landed_next);
    }
    commit_send(w, wait, w->now_ns());
}

void follow_commit_again(struct btr_follow *w, int64_t now_ns)
{
    bool due = w->commit_ns != 0 && now_ns >= w->commit_ns;
    if (w->handing)
        return; /* what was sent is not acknowledged yet */
    for (uint32_t i = 0; due && i < w->part_count; i++)
        w->parts[i]->committed = -1;
    if (due)
        w->commit_ns = 0;
    commit_all(w, false);
}

/* The publish is durable: what it saved goes to the state topic. */
static int flight_land(struct btr_follow *w)
{
    w->flight = false;
    w->stats.last_publish_ns = btr_wall_ns();
    visible_count(w, w->now_ns());
    int rc = w->topics->ops->has_states(w->topics) ? follow_handover_send(w, w->feed.err) : 0;
    for (uint32_t i = 0; i < w->part_count; i++) {
        struct follow_partition *p = w->parts[i];
        if (p->in_flight)
            p->landed_next = p->flight_next;
        p->unsent = p->unsent && !p->in_flight;
        p->in_flight = false;
    }
    if (w->forgetting)
        follow_states_forget(w);
    w->handing = true;
    return rc;
}

/* @return 0 also when the broker has not acknowledged yet: it is asked again in the next step */
static int handing_end(struct btr_follow *w, bool wait)
{
    int rc = w->topics->ops->has_states(w->topics)
                 ? w->topics->ops->state_flush(w->topics, wait ? ACKNOWLEDGE_MS : 0, w->feed.err)
                 : 1;
    if (rc <= 0)
        return rc;
    w->handing = false;
    commit_all(w, wait);
    return 0;
}

int follow_land(struct btr_follow *w, bool wait)
{
    const struct btr_sink *sink = w->feed.sink;
    if (w->flight && (wait || !sink->busy || !sink->busy(sink->self))) {
        int rc = sink->drain ? sink->drain(sink->self, w->feed.err) : 0;
        if (rc < 0)
            return feed_sink_failed(&w->feed, rc);
        rc = flight_land(w);
        if (rc < 0)
            return rc;
    }
    return w->handing ? handing_end(w, wait) : 0;
}
