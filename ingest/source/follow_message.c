#include <btr/clock.h>
#include <btr/list.h>
#include <stdio.h>
#include <stdlib.h>

#include "follow.h"

enum { JUMPS_MAX = 20 };

/* A record of a message, and what is tried with it. */
struct taking {
    struct btr_follow *w;
    struct follow_partition *p;
    const struct topics_message *message;
    const struct source_unwrapped *unwrapped;
    const struct follow_ahead_record *ahead; /* what was read of it ahead, or NULL */
    const struct btr_decoder *ahead_as;      /* as a record of this */
    struct source_line line;
    struct sent *sent; /* of the message */
    bool replayed;     /* its events are in the store */
    int64_t now_ns;
};

/* What the headers of a message tell, once they were looked at: the library reads them anew each
 * time. */
struct sent {
    bool known;
    struct btr_span host;
};

static int no_memory(struct btr_follow *w)
{
    return feed_sink_failed(&w->feed,
                            btr_fail(w->feed.err, BTR_E_NOMEM, UINT64_MAX, "out of memory"));
}

/* ---- Whose record ---- */

/* A key may be anything: it names a host when it is written as one. */
static bool is_host_name(struct btr_span s)
{
    if (s.size == 0 || s.size > 253)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '.' || c == '-' || c == '_';
        if (!plain)
            return false;
    }
    return true;
}

static struct btr_span host_sent(const struct taking *t)
{
    if (!t->sent->known)
        t->sent->host = follow_host_sent(t->w->topics->ops, t->message);
    t->sent->known = true;
    return t->sent->host;
}

/* Of all that may tell the host the record itself is believed first, then who sent it. */
static struct btr_span host_of(const struct taking *t, const struct btr_decoder *decoder)
{
    struct btr_span host = {0};
    if (t->ahead && t->ahead_as == decoder)
        host = t->ahead->host;
    else if (decoder->host_peek)
        host = decoder->host_peek(t->line.bytes);
    if (host.size == 0)
        host = host_sent(t);
    if (host.size == 0)
        host = t->unwrapped->host;
    if (host.size == 0 && is_host_name(t->message->key))
        host = t->message->key;
    return host;
}

/* @return 0 with *out NULL when nothing tells the host; BTR_E_LIMIT, or a failure */
static int state_of(const struct taking *t, const struct btr_decoder *decoder,
                    struct feed_state **out)
{
    struct btr_follow *w = t->w;
    struct btr_span raw = host_of(t, decoder);
    uint8_t canonical[FEED_NAME_SIZE];
    *out = NULL;
    if (raw.size == 0)
        return 0;
    struct follow_recent *recent = &t->p->recent[btr_hash64(raw) % FOLLOW_RECENT];
    if (recent->state && recent->state->decoder == decoder && recent->state->state &&
        btr_span_equal(raw, (struct btr_span){recent->host, recent->host_size})) {
        recent->state->used = ++w->feed.tick;
        *out = recent->state;
        return 0;
    }
    struct btr_span host = btr_host_canonical(w->options.hosts, raw, canonical);
    int rc = feed_state_get(&w->feed, decoder, host, out);
    if (rc < 0)
        return rc;
    if (!(*out)->reading && !((*out)->reading = follow_reading_new()))
        return BTR_E_NOMEM;
    if (raw.size <= sizeof recent->host) {
        recent->state = *out;
        memcpy(recent->host, raw.at, raw.size);
        recent->host_size = raw.size;
    }
    return 0;
}

/* ---- Decoding ---- */

static void state_touch(const struct taking *t, struct feed_state *s)
{
    struct follow_reading *r = s->reading;
    struct follow_mark *mark = follow_mark_of(r, t->p->head_hash, t->message->offset);
    int64_t longest = (int64_t)t->w->options.checkpoint_ms * 1000000;
    if (r->dirty_ns == 0) { /* not all at once: each somewhere in the second half of the time */
        uint64_t spread = btr_hash64((struct btr_span){s->host, s->host_size}) % 1024;
        r->dirty_ns = t->now_ns;
        r->due_ns = t->now_ns + longest / 2 + longest / 2048 * (int64_t)spread;
    }
    if (r->seen_ns == 0)
        r->told_ns = t->now_ns;
    r->seen_ns = t->now_ns;
    if (mark && mark->unsaved < 0)
        mark->unsaved = t->message->offset;
    r->settled = r->finished = false;
}

/* Whether a state has taken this record before; else it is marked as taken. @return 1, 0,
 * BTR_E_NOMEM */
static int state_mark(const struct taking *t, struct feed_state *s)
{
    struct follow_mark *mark = follow_mark_of(s->reading, t->p->head_hash, t->message->offset);
    if (!mark)
        return no_memory(t->w);
    mark->partition = t->p;
    if (mark->next > t->message->offset && mark->current != t->message->offset) {
        if (s->reading->seen_ns == 0) /* what it has to tell it tells from now on */
            s->reading->seen_ns = s->reading->told_ns = t->now_ns;
        return 1;
    }
    mark->current = t->message->offset;
    mark->next = t->message->offset + 1;
    return 0;
}

/* A batch is of one input. */
static int input_turn(struct feed *f, struct feed_input *in)
{
    int rc = f->batch.input == in->id ? 0 : feed_batch_flush(f);
    f->batch.input = in->id;
    in->moved = true; /* what is told of it needs its name */
    return rc;
}

/* What a replayed record told is in the store; its state alone is wanted. */
static void batch_drop(struct btr_follow *w)
{
    struct feed *f = &w->feed;
    w->notes_dropped = true;
    btr_batch_clear(&f->batch);
    f->batch.record_count = 0;
    btr_arena_reset(f->arena);
}

static int split_tell(const struct taking *t, struct feed_state *s)
{
    if (!s->reading->split || s->last_ns == INT64_MIN)
        return 0;
    s->reading->split = false;
    return feed_gap(&t->w->feed, s, BTR_GAP_SPLIT, INT64_MIN, 0, t->line.number,
                    "other ingesters read records of this host, too: what it has open there is not "
                    "followed here");
}

/* @return 1, 0 = the decoder does not take it (`err`), or a failure */
static int decode_now(const struct taking *t, struct feed_input *in, struct feed_state *s,
                      struct btr_err *err)
{
    struct btr_follow *w = t->w;
    struct feed *f = &w->feed;
    int rc = input_turn(f, in);
    if (rc == 0 && t->replayed)
        rc = feed_batch_flush(f);
    if (!t->replayed &&
        w->notes_dropped) { /* what replaying noted of entities went with its events */
        w->notes_dropped = false;
        f->batch.epoch++;
    }
    if (rc < 0)
        return rc;
    rc = feed_record_decode(f, in, s, &t->line, err);
    if (t->replayed)
        batch_drop(w);
    if (rc < 0)
        return f->stats->sink_failed ? rc : 0;
    t->p->decoder = s->decoder;
    state_touch(t, s);
    if (t->replayed) {
        w->stats.records_replayed++;
        return 1;
    }
    feed_record_count(f, in, s);
    if (s->last_ns > t->p->last_ns)
        t->p->last_ns = s->last_ns;
    rc = split_tell(t, s);
    if (rc < 0)
        return rc;
    rc = feed_record_keep(f, in, s, &t->line);
    return rc < 0 ? rc : 1;
}

/* Counting of what is kept in quarantine begins anew every hour. */
static void hour_turn(const struct taking *t)
{
    struct follow_partition *p = t->p;
    if (p->hour_ns != 0 && t->now_ns - p->hour_ns < FOLLOW_HOUR_NS)
        return;
    p->hour_ns = t->now_ns;
    for (uint32_t i = 0; i < p->input_count; i++)
        p->inputs[i]->quarantined = 0;
}

static int put_aside(const struct taking *t, struct feed_state *s,
                     const struct btr_decoder *decoder, const struct btr_err *why)
{
    struct feed *f = &t->w->feed;
    if (t->replayed)
        return 0;
    struct feed_input *in = follow_input(t->w, t->p, decoder);
    if (!in)
        return no_memory(t->w);
    hour_turn(t);
    int rc = input_turn(f, in);
    if (rc < 0)
        return rc;
    f->batch.record_count++;
    f->stats->records++;
    in->row.records++;
    const char *reason = why->text[0] ? why->text : btr_code_text(why->code);
    if (t->p->dead_letter != t->message->offset) /* once, whatever it holds */
        (void)t->w->topics->ops->dead_letter(t->w->topics, t->message, reason);
    t->p->dead_letter = t->message->offset;
    if (s && s->reading && s->reading->mark_count == 0)
        s = NULL; /* nothing of this host was ever decoded: no host is vouched for */
    return feed_quarantine(f, in, s, &t->line, why->offset, reason);
}

/* ---- Records of a host that come through several partitions ---- */

static int held_decode(struct btr_follow *w, struct feed_state *s, const struct follow_held *held)
{
    struct follow_partition *p = follow_partition_adopt(w, follow_held_name(held), held->head_hash);
    struct feed_input *in = p ? follow_input(w, p, s->decoder) : NULL;
    if (!in)
        return no_memory(w);
    struct btr_span record = follow_held_record(held);
    struct topics_message message = {.topic = p->part.topic,
                                     .partition = p->part.partition,
                                     .offset = held->offset,
                                     .value = record};
    struct source_unwrapped unwrapped = {.record = record};
    struct btr_err err = {.offset = UINT64_MAX};
    struct taking t = {
        .w = w,
        .p = p,
        .message = &message,
        .unwrapped = &unwrapped,
        .line = {.bytes = record, .number = (uint64_t)held->offset, .size = record.size},
        .replayed = held->replayed,
        .now_ns = w->now_ns()};
    int rc = decode_now(&t, in, s, &err);
    if (rc == 0)
        rc = put_aside(&t, s, s->decoder, &err);
    return rc < 0 ? rc : 0;
}

static const struct follow_mark *mark_in(const struct follow_reading *r,
                                         const struct follow_partition *p)
{
    for (uint32_t i = 0; i < r->mark_count; i++)
        if (r->marks[i].head_hash == p->head_hash)
            return &r->marks[i];
    return NULL;
}

/* Whether nothing that is still to come stands before the first that waits, as far as can be told:
 * each partition has given something behind it, or has nothing more and `order_ms` have passed. */
static bool first_is_due(const struct btr_follow *w, const struct follow_reading *r,
                         const struct follow_held *first, int64_t now_ns)
{
    bool waited = now_ns - first->arrived_ns >= (int64_t)w->options.order_ms * 1000000;
    for (uint32_t i = 0; i < w->part_count; i++) {
        const struct follow_partition *p = w->parts[i];
        const struct follow_mark *mark = p->assigned ? mark_in(r, p) : NULL;
        bool may_come = mark || (p->assigned && r->unkeyed);
        if (!may_come || (mark && follow_place_compare(mark->last, first->place) >= 0))
            continue;
        if (!waited || p->next < p->end)
            return false;
    }
    return true;
}

int follow_held_release(struct btr_follow *w, struct feed_state *s, bool all)
{
    struct follow_reading *r = s->reading;
    int64_t now_ns = w->now_ns();
    const struct follow_held *first;
    int rc = 0;
    while (rc == 0 && (first = follow_order_first(&r->order)) != NULL &&
           (all || follow_order_is_full(&r->order) || first_is_due(w, r, first, now_ns))) {
        struct follow_held held = follow_order_take(&r->order);
        rc = held_decode(w, s, &held);
        if (rc == 0)
            rc = feed_batch_flush(&w->feed); /* its spans point into what is freed */
        btr_buffer_fini(&held.bytes);
    }
    return rc;
}

/* Records of a host come through several partitions when they did before, and may when their sender
 * gives them no key. */
static bool is_spread(const struct taking *t, struct follow_reading *r)
{
    if (t->message->key.size == 0 && t->w->part_count > 1)
        r->unkeyed = true;
    return r->mark_count > 1 || r->unkeyed;
}

/* @return 1, or a failure */
static int record_hold(const struct taking *t, struct feed_state *s)
{
    struct follow_mark *mark = follow_mark_of(s->reading, t->p->head_hash, t->message->offset);
    struct btr_place place = mark->last; /* what does not tell stands behind what came before it */
    (void)s->decoder->place(t->line.bytes, &place);
    if (follow_place_compare(place, mark->last) > 0)
        mark->last = place;
    struct follow_held held = {.place = place,
                               .head_hash = t->p->head_hash,
                               .offset = t->message->offset,
                               .arrived_ns = t->now_ns,
                               .replayed = t->replayed};
    state_touch(t, s);
    if (!follow_order_add(&s->reading->order, &held, btr_span_of(t->p->name), t->line.bytes))
        return no_memory(t->w);
    int rc = follow_held_release(t->w, s, false);
    return rc < 0 ? rc : 1;
}

/* @return 1 = done (decoded, or taken before), 0 = this decoder does not take it (`err`), or a
 * failure */
static int decode_as(struct taking *t, const struct btr_decoder *decoder, struct feed_state **state,
                     struct btr_err *err)
{
    struct btr_follow *w = t->w;
    struct feed *f = &w->feed;
    struct feed_input *in = follow_input(w, t->p, decoder);
    int rc = state_of(t, decoder, state);
    if (rc == BTR_E_LIMIT) {
        (void)btr_fail(err, rc, UINT64_MAX, "more hosts than there is room for");
        return 0;
    }
    if (rc < 0 || !in)
        return rc == BTR_E_NOMEM || !in ? no_memory(w) : feed_sink_failed(f, rc);
    if (!*state) {
        (void)btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                       "neither the record nor its message tells the host");
        return 0;
    }
    if (t->line.size > decoder->record_max) {
        (void)btr_fail(err, BTR_E_LIMIT, UINT64_MAX, "the record has %llu bytes, more than %u",
                       (unsigned long long)t->line.size, decoder->record_max);
        return 0;
    }
    rc = state_mark(t, *state);
    if (rc != 0)
        return rc;
    t->line.read = t->ahead && t->ahead_as == decoder ? t->ahead->read : NULL;
    t->replayed = follow_is_published(t->p, t->message->offset,
                                      (struct btr_span){(*state)->host, (*state)->host_size});
    return decoder->place && is_spread(t, (*state)->reading) ? record_hold(t, *state)
                                                             : decode_now(t, in, *state, err);
}

/* The format of the last record is tried first; one that it refuses may be of another. */
static int record_take(struct taking *t)
{
    const struct btr_decoder *forced = t->w->options.format;
    const struct btr_decoder *tried = forced ? forced : t->p->decoder;
    struct btr_err err = {.code = BTR_E_FORMAT, .offset = UINT64_MAX};
    struct feed_state *s = NULL;
    int rc = tried ? decode_as(t, tried, &s, &err) : 0;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    const struct btr_decoder *found = forced ? NULL : btr_decoder_detect(&t->line.bytes, 1);
    if (found && found != tried) {
        err.text[0] = '\0';
        rc = decode_as(t, found, &s, &err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        tried = found;
    }
    if (!tried)
        (void)btr_fail(&err, BTR_E_FORMAT, UINT64_MAX, "no known log format");
    return put_aside(t, s, tried, &err);
}

/* ---- Messages ---- */

static bool skip_add(struct follow_partition *p, int64_t offset)
{
    if (!btr_list_room(&p->skips, p->skip_count, &p->skip_capacity, 64, sizeof *p->skips))
        return false;
    p->skips[p->skip_count++] = offset;
    return true;
}

/* Whether a message was passed over when it was read the first time. */
static bool skipped_before(struct follow_partition *p, int64_t offset)
{
    while (p->skip_at < p->skip_count && p->skips[p->skip_at] < offset)
        p->skip_at++;
    return p->skip_at < p->skip_count && p->skips[p->skip_at] == offset;
}

/* Whether a message was delivered before under another offset. @return 1, 0, or a failure */
static int delivered_again(struct btr_follow *w, struct follow_partition *p,
                           const struct topics_message *m, uint64_t digest)
{
    if (m->offset < p->seen_below)
        return skipped_before(p, m->offset);
    bool seen = follow_seen_has(&p->seen, digest);
    if (p->doubted >= 0) {
        int rc = follow_partition_trust(w, p, seen);
        if (rc != 0)
            return rc < 0 ? feed_sink_failed(&w->feed, rc) : 1;
    }
    if (!(seen ? skip_add(p, m->offset) : follow_seen_add(&p->seen, digest)))
        return no_memory(w);
    w->stats.records_known += seen;
    return seen;
}

static int unwrap(struct btr_follow *w, const struct topics_message *m,
                  const struct source_unwrapped **records, uint32_t *count)
{
    struct btr_err err = {0};
    int rc = source_unwrap(w->unwrap, m->value, records, count, &err);
    if (rc == BTR_E_LIMIT) { /* what waits goes to the sink first: it may point there */
        rc = feed_batch_flush(&w->feed);
        if (rc < 0)
            return rc;
        source_unwrap_clear(w->unwrap);
        rc = source_unwrap(w->unwrap, m->value, records, count, &err);
    }
    return rc < 0 ? no_memory(w) : 0;
}

static int records_take(struct btr_follow *w, struct follow_partition *p,
                        const struct follow_ahead_message *m)
{
    const struct source_unwrapped *records = NULL;
    uint32_t count = m->record_count;
    struct sent sent = {.known = m->headers_known, .host = m->host_sent};
    struct taking t = {.w = w,
                       .p = p,
                       .message = &m->message,
                       .sent = &sent,
                       .ahead_as = m->decoder,
                       .replayed = m->message.offset < p->published,
                       .now_ns = w->round_ns};
    int rc = m->records ? 0 : unwrap(w, &m->message, &records, &count);
    if (count == 0 && rc == 0)
        w->stats.messages_empty++;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        t.ahead = m->records ? &m->records[i] : NULL;
        t.unwrapped = m->records ? &m->records[i].unwrapped : &records[i];
        t.line = (struct source_line){.bytes = t.unwrapped->record,
                                      .number = (uint64_t)m->message.offset,
                                      .size = t.unwrapped->record.size};
        rc = record_take(&t);
        if (rc == 0)
            rc = feed_batch_room(&w->feed);
    }
    return rc;
}

/*
 * Offsets that are not there (marks of transactions, what was compacted) look like messages of an
 * earlier assignment that the client library still had, behind which those that we asked for would
 * be taken for known. So for a while after the beginning a jump is believed when it comes again
 * after asking again. @return whether it is not
 */
static bool jump_is_doubted(struct btr_follow *w, struct follow_partition *p, int64_t offset)
{
    if (p->fresh_ns == 0 || offset == p->next) {
        p->jumps = 0;
        return false;
    }
    bool again = p->jumps > 0 && offset == p->jump;
    if (again || p->jumps >= JUMPS_MAX || w->now_ns() > p->fresh_ns) {
        p->fresh_ns = again ? 0 : p->fresh_ns; /* this log has holes */
        p->jumps = 0;
        return false;
    }
    p->jump = offset;
    p->jumps++;
    p->begins = true; /* what else was taken of it is dropped, and asked for again */
    follow_note(w, "%s: offset %lld came, and %lld was asked for: asked again", p->name,
                (long long)offset, (long long)p->next);
    return true;
}

int follow_message(struct btr_follow *w, struct follow_partition *p,
                   const struct follow_ahead_message *ahead)
{
    const struct topics_message *m = &ahead->message;
    if (m->offset < p->next) {
        w->stats.messages_known++;
        return 0;
    }
    w->taking = p;
    if (jump_is_doubted(w, p, m->offset))
        return 0;
    int64_t next = p->next;
    int rc = delivered_again(w, p, m, ahead->digest);
    if (rc < 0 || p->next < next)
        return rc < 0 ? rc : 0; /* it is another log: read from its beginning */
    if (rc == 0) {
        rc = records_take(w, p, ahead);
    } else {
        rc = 0;
    }
    p->next = m->offset + 1;
    p->moved = true;
    if (p->end < p->next)
        p->end = p->next;
    return rc;
}
