#include "follow.h"
#include "state_pack.h"

#include <btr/clock.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VISIBLE_MS = 1000,
    CHECKPOINT_MS = 30000,
    IDLE_MS = 60000,
    ORDER_MS = 500,
    UNWRAP_SIZE = 64 << 20,
    BOUND_EVERY_MS = 1000,
    BOUND_EVERY_STATES = 4096, /* new ones: a flood of host names must not fill the memory before a
                                  second has passed */
};
#define MEMORY_MAX (UINT64_C(1) << 30)

const uint32_t btr_follow_bucket_ms[BTR_FOLLOW_BUCKETS] = {
    100, 250, 500, 1000, 1500, 2000, 3000, 5000, 10000, 30000, 60000, UINT32_MAX};

void follow_note(struct btr_follow *w, const char *format, ...)
{
    char text[BTR_ERR_TEXT_SIZE];
    struct btr_err line = {0};
    va_list args;
    if (!w->options.note)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)btr_fail(&line, BTR_E_FORMAT, UINT64_MAX, "%s", text); /* escapes what a name may hold */
    w->options.note(w->options.note_self, line.text);
}

struct follow_partition *follow_partition_find(struct btr_follow *w, const char *topic,
                                               int32_t number)
{
    if (w->last && w->last->part.partition == number && w->last->part.topic == topic)
        return w->last;
    for (uint32_t i = 0; i < w->part_count; i++) {
        struct follow_partition *p = w->parts[i];
        if (p->part.partition == number && strcmp(p->part.topic, topic) == 0) {
            p->part.topic = topic;
            return w->last = p;
        }
    }
    return NULL;
}

struct follow_partition *follow_partition_of(const struct btr_follow *w, uint64_t head_hash)
{
    for (uint32_t i = 0; i < w->part_count; i++)
        if (w->parts[i]->head_hash == head_hash)
            return w->parts[i];
    return NULL;
}

uint64_t follow_memory(const struct btr_follow *w)
{
    uint64_t all = w->options.memory_max;
    return all - (all / 8 < FOLLOW_AHEAD_MEMORY ? all / 8 : FOLLOW_AHEAD_MEMORY);
}

/* ---- What the source tells ---- */

/* For a while a jump in offsets is not believed at once, of partitions that stay either. */
static void jumps_doubt(struct btr_follow *w)
{
    for (uint32_t i = 0; i < w->part_count; i++)
        w->parts[i]->fresh_ns = w->now_ns() + FOLLOW_FRESH_NS;
}

static int assigned(void *self, const struct topics_part *parts, uint32_t count,
                    struct btr_err *err)
{
    struct btr_follow *w = self;
    int rc = 0;
    w->stats.rebalances++;
    jumps_doubt(w);
    for (uint32_t i = 0; i < count && rc == 0; i++)
        rc = follow_partition_assign(w, &parts[i], err);
    if (rc == 0)
        rc = feed_batch_flush(&w->feed); /* gaps */
    if (count > 0)
        follow_note(w, "%u partitions more are read here", count);
    return rc;
}

/* States of hosts whose records come from a partition that goes are another's now. */
static bool is_gone(void *self, const struct feed_state *s)
{
    const struct btr_follow *w = self;
    (void)w;
    for (uint32_t i = 0; s->reading && i < s->reading->mark_count; i++)
        if (s->reading->marks[i].partition && !s->reading->marks[i].partition->assigned)
            return true;
    return false;
}

static int revoked(void *self, const struct topics_part *parts, uint32_t count, bool lost,
                   struct btr_err *err)
{
    struct btr_follow *w = self;
    for (uint32_t i = 0; lost && i < count;
         i++) { /* another's by now: nothing more of it is handed over */
        struct follow_partition *p = follow_partition_find(w, parts[i].topic, parts[i].partition);
        if (p)
            p->lost = true;
    }
    int rc = follow_publish(w, true);
    if (rc == 0)
        rc = follow_land(w, true);
    for (uint32_t i = 0; i < count; i++) {
        struct follow_partition *p = follow_partition_find(w, parts[i].topic, parts[i].partition);
        if (!p)
            continue;
        p->assigned = p->moved = p->lost = false;
        p->begins = true;
    }
    for (uint32_t i = 0; i < w->part_count; i++)
        follow_partition_loosen(w->parts[i]);
    feed_states_sweep(&w->feed, is_gone, w);
    if (count > 0)
        follow_note(w, "%u partitions are %s", count, lost ? "lost to others" : "given to others");
    if (rc < 0 && err)
        *err = *w->feed.err;
    return rc;
}

/* What follows of these waits until the messages that came before them are taken. */
static int out_of_range(void *self, const struct topics_part *part, struct btr_err *err)
{
    struct btr_follow *w = self;
    struct follow_partition *p = follow_partition_find(w, part->topic, part->partition);
    (void)err;
    if (p)
        p->reset_due = true;
    return 0;
}

static int ended(void *self, const struct topics_part *part, int64_t next, struct btr_err *err)
{
    struct btr_follow *w = self;
    struct follow_partition *p = follow_partition_find(w, part->topic, part->partition);
    (void)err;
    if (p)
        p->ends_at = next;
    return 0;
}

/* ---- A step ---- */

static void arrivals_add(struct follow_arrivals *a, int64_t now_ns, uint64_t count)
{
    if (a->count ==
        FOLLOW_ARRIVALS) { /* the latest stand for each other: the first tells when it is due */
        a->items[FOLLOW_ARRIVALS - 1].count += count;
        return;
    }
    a->items[a->count++] = (struct follow_arrival){now_ns, count};
}

static int wait_of(const struct btr_follow *w, int timeout_ms)
{
    int64_t most = timeout_ms;
    if (w->arrivals.count > 0) {
        int64_t left =
            (int64_t)w->options.visible_ms - (w->now_ns() - w->arrivals.items[0].at_ns) / 1000000;
        most = left < most ? left : most;
    }
    if (w->flight && most > 10)
        most = 10; /* what is durable is told soon */
    return most < 0 ? 0 : (int)most;
}

/* Each message has a place of its own in what was seen of its partition, which is not in the cache:
   it is asked for a few messages before. */
static void message_expect(struct btr_follow *w, uint32_t i)
{
    const struct follow_ahead_message *m = follow_ahead_get(w->ahead, i);
    const struct follow_partition *p =
        follow_partition_find(w, m->message.topic, m->message.partition);
    if (p)
        follow_seen_expect(&p->seen, m->digest, FOLLOW_EXPECT);
}

static void round_begin(struct btr_follow *w, uint32_t count)
{
    struct follow_ahead_message *to = follow_ahead_messages(w->ahead);
    for (uint32_t i = 0; i < count; i++) {
        const struct topics_message *m = &w->messages[i];
        const struct follow_partition *p = follow_partition_find(w, m->topic, m->partition);
        to[i].message = *m;
        to[i].decoder = w->options.format ? w->options.format : p ? p->decoder : NULL;
        to[i].seed = p ? p->seen.seed : 0;
    }
    follow_ahead_begin(w->ahead, count);
    for (uint32_t i = 0; i < count && i < FOLLOW_EXPECT; i++)
        message_expect(w, i);
}

static int messages_take(struct btr_follow *w, uint32_t count)
{
    int rc = 0;
    uint64_t taken = 0;
    w->round_ns = w->now_ns();
    round_begin(w, count);
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        if (i + FOLLOW_EXPECT < count)
            message_expect(w, i + FOLLOW_EXPECT);
        const struct topics_message *m = &w->messages[i];
        struct follow_partition *p = follow_partition_find(w, m->topic, m->partition);
        if (!p || !p->assigned || p->begins)
            continue;
        taken++;
        w->stats.message_bytes += m->value.size;
        rc = follow_message(w, p, follow_ahead_get(w->ahead, i));
    }
    w->stats.messages += taken;
    if (taken > 0)
        arrivals_add(&w->arrivals, w->round_ns, taken);
    if (rc == 0)
        rc = feed_batch_flush(&w->feed);
    follow_ahead_end(w->ahead);
    source_unwrap_clear(w->unwrap);
    w->topics->ops->release(w->topics);
    return rc;
}

/* Marks of transactions may stand behind the last message. */
static void partition_end(struct follow_partition *p)
{
    p->ended = true;
    if (p->next < p->ends_at && p->next >= p->published) {
        p->next = p->ends_at;
        p->moved = true;
    }
    p->ends_at = -1;
}

/* What was told of partitions while messages were taken. One that went and came back begins again:
 * what was taken of it may be of before. */
static int told_heed(struct btr_follow *w, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; i < w->part_count && rc == 0; i++) {
        struct follow_partition *p = w->parts[i];
        if (p->begins && p->assigned)
            rc = w->topics->ops->begin(w->topics, &p->part, p->next, err);
        else if (p->reset_due && p->assigned)
            rc = follow_partition_reset(w, p, err);
        else if (p->ends_at >= 0 && p->assigned)
            partition_end(p);
        p->begins = p->reset_due = false;
    }
    return rc == 0 ? feed_batch_flush(&w->feed) : rc; /* gaps */
}

static bool all_ended(const struct btr_follow *w)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->part_count; i++) {
        if (w->parts[i]->assigned && !w->parts[i]->ended)
            return false;
        count += w->parts[i]->assigned;
    }
    return count > 0;
}

static void stats_tell(struct btr_follow *w)
{
    w->stats.records = w->feed_stats.records;
    w->stats.events = w->feed_stats.events;
    w->stats.undecoded = w->feed_stats.undecoded;
    w->stats.gaps = w->feed_stats.gaps;
    w->stats.memory_max = w->options.memory_max;
    w->topics->ops->stats(w->topics, &w->stats);
    uint32_t count = 0;
    (void)pthread_mutex_lock(&w->mutex);
    for (uint32_t i = 0; i < w->part_count && w->told_capacity >= w->part_count; i++) {
        const struct follow_partition *p = w->parts[i];
        if (p->assigned)
            w->told_parts[count++] =
                (struct btr_follow_partition){p->part.topic, p->part.partition, p->next, p->end};
    }
    w->told_count = count;
    w->stats.partitions = count;
    w->told = w->stats;
    (void)pthread_mutex_unlock(&w->mutex);
}

static bool told_room(struct btr_follow *w)
{
    if (w->told_capacity >= w->part_count)
        return true;
    (void)pthread_mutex_lock(&w->mutex);
    struct btr_follow_partition *grown = realloc(w->told_parts, w->part_capacity * sizeof *grown);
    if (grown) {
        w->told_parts = grown;
        w->told_capacity = w->part_capacity;
    }
    (void)pthread_mutex_unlock(&w->mutex);
    return grown != NULL;
}

static int round_end(struct btr_follow *w, struct btr_err *err)
{
    int64_t now_ns = w->now_ns();
    int rc = follow_land(w, false);
    uint64_t events = w->feed_stats.events;
    if (rc == 0)
        rc = follow_states_tell(w, now_ns);
    if (w->feed_stats.events != events) /* no message may come that they are published with */
        arrivals_add(&w->arrivals, now_ns, 0);
    if (rc == 0 && (now_ns - w->bounded_ns >= BOUND_EVERY_MS * INT64_C(1000000) ||
                    w->feed.state_count >= w->bounded_count + BOUND_EVERY_STATES)) {
        follow_commit_again(w, now_ns);
        rc = follow_states_bound(w);
        w->bounded_ns = now_ns;
        w->bounded_count = w->feed.state_count;
    }
    if (rc == 0 && follow_publish_due(w, now_ns))
        rc = follow_publish(w, false);
    if (rc == 0 && !told_room(w))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    if (rc == 0)
        stats_tell(w);
    return rc;
}

int btr_follow_step(struct btr_follow *w, int timeout_ms, struct btr_err *err)
{
    int rc = 0;
    w->feed.err = err;
    if (!w->started)
        rc = w->topics->ops->start(w->topics, &w->owner, err);
    w->started = true;
    if (rc == 0)
        rc = w->topics->ops->next(w->topics, wait_of(w, timeout_ms), w->messages, FOLLOW_MESSAGES,
                                  err);
    if (rc >= 0)
        rc = messages_take(w, (uint32_t)rc);
    if (rc == 0)
        rc = told_heed(w, err);
    if (rc == 0)
        rc = round_end(w, err);
    if (rc < 0)
        return rc;
    return !all_ended(w);
}

int btr_follow_stop(struct btr_follow *w, bool finish, struct btr_err *err)
{
    w->feed.err = err;
    int rc = finish ? follow_states_finish(w) : 0;
    if (rc == 0)
        rc = follow_publish(w, true);
    if (rc == 0)
        rc = follow_land(w, true);
    if (rc == 0)
        rc = follow_states_bound(w);
    stats_tell(w);
    return rc;
}

/* ---- Opening ---- */

static void options_fill(struct btr_follow *w, const struct btr_follow_options *options)
{
    struct btr_follow_options *o = &w->options;
    *o = *options;
    o->visible_ms = o->visible_ms ? o->visible_ms : VISIBLE_MS;
    o->checkpoint_ms = o->checkpoint_ms ? o->checkpoint_ms : CHECKPOINT_MS;
    o->idle_ms = o->idle_ms ? o->idle_ms : IDLE_MS;
    o->order_ms = o->order_ms ? o->order_ms : ORDER_MS;
    o->memory_max = o->memory_max ? o->memory_max : MEMORY_MAX;
    w->feed_options = (struct btr_feed_options){.hosts = o->hosts,
                                                .format = o->format,
                                                .case_id = o->case_id,
                                                .tool = o->tool,
                                                .segment_events = o->segment_events,
                                                .keep_records = o->keep_records,
                                                .known = o->known};
}

static bool feed_begin(struct btr_follow *w, const struct btr_sink *sink)
{
    struct feed *f = &w->feed;
    f->options = &w->feed_options;
    f->stats = &w->feed_stats;
    f->sink = sink;
    f->err = &w->failure;
    f->keeping = &follow_keeping;
    f->follow = w;
    f->states_max = FOLLOW_STATES_MAX;
    btr_batch_init(&f->batch);
    f->batch.epoch = 1;
    f->arena = btr_arena_new(FEED_ARENA_SIZE);
    f->json = btr_json_reader_new();
    f->packer = source_packer_new();
    return f->arena && f->json && f->packer;
}

int btr_follow_open(struct btr_follow **out, struct btr_topics *topics,
                    const struct btr_follow_options *options, const struct btr_sink *sink,
                    struct btr_err *err)
{
    struct btr_follow *w = calloc(1, sizeof *w);
    if (!w)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    options_fill(w, options);
    w->topics = topics;
    w->now_ns = btr_monotonic_ns;
    w->owner = (struct topics_owner){w, assigned, revoked, out_of_range, ended};
    w->messages = calloc(FOLLOW_MESSAGES, sizeof *w->messages);
    w->ahead = follow_ahead_new(topics->ops, FOLLOW_MESSAGES);
    w->unwrap = source_unwrap_new(UNWRAP_SIZE);
    w->mutex_made = pthread_mutex_init(&w->mutex, NULL) == 0;
    if (!feed_begin(w, sink) || !w->messages || !w->ahead || !w->unwrap || !w->mutex_made) {
        btr_follow_free(w);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    *out = w;
    return 0;
}

void btr_follow_free(struct btr_follow *w)
{
    if (!w)
        return;
    feed_states_fini(&w->feed);
    for (uint32_t i = 0; i < w->feed.input_count; i++)
        feed_input_free(w->feed.inputs[i]);
    free(w->feed.inputs);
    btr_batch_fini(&w->feed.batch);
    btr_arena_free(w->feed.arena);
    btr_json_reader_free(w->feed.json);
    source_packer_free(w->feed.packer);
    for (uint32_t i = 0; i < w->part_count; i++)
        follow_partition_free(w, w->parts[i]);
    free(w->parts);
    for (uint32_t i = 0; i < w->name_count; i++)
        free(w->names[i]);
    free(w->names);
    for (uint32_t i = 0; i < w->row_capacity; i++) {
        btr_buffer_fini(&w->row_bytes[i].bytes);
        btr_buffer_fini(&w->row_bytes[i].host);
    }
    free(w->row_bytes);
    free(w->rows);
    free(w->row_keys);
    free(w->saved);
    free(w->messages);
    follow_ahead_free(w->ahead);
    free(w->told_parts);
    source_unwrap_free(w->unwrap);
    btr_buffer_fini(&w->cluster);
    if (w->mutex_made)
        (void)pthread_mutex_destroy(&w->mutex);
    free(w);
}

/* ---- From any thread ---- */

void btr_follow_stats(struct btr_follow *w, struct btr_follow_stats *out)
{
    (void)pthread_mutex_lock(&w->mutex);
    *out = w->told;
    (void)pthread_mutex_unlock(&w->mutex);
}

void btr_follow_partitions(struct btr_follow *w, btr_follow_visit *visit, void *self)
{
    (void)pthread_mutex_lock(&w->mutex);
    for (uint32_t i = 0; i < w->told_count; i++)
        visit(self, &w->told_parts[i]);
    (void)pthread_mutex_unlock(&w->mutex);
}
