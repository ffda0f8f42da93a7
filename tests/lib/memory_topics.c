#include "memory_topics.h"

#include <stdlib.h>

static const char *const topic = "t";

void memory_broker_init(struct memory_broker *b, uint32_t partition_count)
{
    *b = (struct memory_broker){.partition_count = partition_count};
    for (uint32_t i = 0; i < MEMORY_PARTITIONS; i++)
        b->logs[i].committed = -1;
}

static void messages_drop(struct memory_log *log, uint32_t from, uint32_t until)
{
    for (uint32_t i = from; i < until; i++) {
        btr_buffer_fini(&log->items[i].key);
        btr_buffer_fini(&log->items[i].value);
    }
    for (uint32_t i = until; i < log->count; i++)
        log->items[from + i - until] = log->items[i];
    log->count -= until - from;
}

void memory_broker_fini(struct memory_broker *b)
{
    for (uint32_t i = 0; i < MEMORY_PARTITIONS; i++) {
        messages_drop(&b->logs[i], 0, b->logs[i].count);
        free(b->logs[i].items);
    }
    for (uint32_t i = 0; i < b->state_count; i++) {
        btr_buffer_fini(&b->states[i].key);
        btr_buffer_fini(&b->states[i].value);
    }
    free(b->states);
}

void memory_broker_put(struct memory_broker *b, uint32_t partition, const char *key,
                       const char *value)
{
    struct memory_log *log = &b->logs[partition];
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? log->capacity * 2 : 64;
        log->items = realloc(log->items, log->capacity * sizeof *log->items);
        if (!log->items)
            abort();
    }
    struct memory_message *m = &log->items[log->count++];
    *m = (struct memory_message){.offset = log->end++, .has_key = key != NULL};
    if (key)
        btr_buffer_text(&m->key, key);
    if (value) {
        btr_buffer_reserve(&m->value, strlen(value) + 1);
        btr_buffer_text(&m->value, value);
    }
}

void memory_broker_delete(struct memory_broker *b, uint32_t partition, int64_t before)
{
    struct memory_log *log = &b->logs[partition];
    uint32_t n = 0;
    while (n < log->count && log->items[n].offset < before)
        n++;
    messages_drop(log, 0, n);
    log->low = before;
}

void memory_broker_truncate(struct memory_broker *b, uint32_t partition, int64_t from)
{
    struct memory_log *log = &b->logs[partition];
    uint32_t n = log->count;
    while (n > 0 && log->items[n - 1].offset >= from)
        n--;
    messages_drop(log, n, log->count);
    log->end = from;
}

/* ---- The source ---- */

static struct memory_topics *of(struct btr_topics *t)
{
    return (struct memory_topics *)t;
}

static int start(struct btr_topics *t, const struct topics_owner *owner, struct btr_err *err)
{
    struct memory_topics *m = of(t);
    (void)err;
    m->owner = owner;
    if (m->once)
        m->give = (1U << m->broker->partition_count) - 1;
    return 0;
}

/* The partitions of a set of bits, as the owner is told them. */
static uint32_t parts_of(uint32_t bits, struct topics_part parts[MEMORY_PARTITIONS])
{
    uint32_t count = 0;
    for (int32_t i = 0; i < MEMORY_PARTITIONS; i++)
        if (bits & 1U << i)
            parts[count++] = (struct topics_part){topic, i};
    return count;
}

static int went(struct memory_topics *m, uint32_t bits, bool lost, struct btr_err *err)
{
    struct topics_part parts[MEMORY_PARTITIONS];
    uint32_t count = parts_of(bits, parts);
    int rc = count ? m->owner->revoked(m->owner->self, parts, count, lost, err) : 0;
    for (uint32_t i = 0; i < count; i++)
        m->ours[parts[i].partition] = false;
    return rc;
}

static int came(struct memory_topics *m, uint32_t bits, struct btr_err *err)
{
    struct topics_part parts[MEMORY_PARTITIONS];
    uint32_t count = parts_of(bits, parts);
    for (uint32_t i = 0; i < count; i++)
        m->ours[parts[i].partition] = true;
    return count ? m->owner->assigned(m->owner->self, parts, count, err) : 0;
}

static void sent_drop(struct memory_topics *m, uint32_t bits);

static int rebalance(struct memory_topics *m, struct btr_err *err)
{
    uint32_t take = m->take, lose = m->lose, give = m->give;
    m->take = m->lose = m->give = 0;
    sent_drop(m, lose);
    int rc = went(m, take, false, err);
    if (rc == 0)
        rc = went(m, lose, true, err);
    return rc == 0 ? came(m, give, err) : rc;
}

static const struct memory_message *message_at(const struct memory_log *log, int64_t offset)
{
    uint32_t low = 0, high = log->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (log->items[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < log->count ? &log->items[low] : NULL;
}

/* What a partition has next. @return 1 given, 0 nothing, or a failure of the owner */
static int one_give(struct memory_topics *m, int32_t i, struct topics_message *out,
                    struct btr_err *err)
{
    struct memory_log *log = &m->broker->logs[i];
    struct topics_part part = {topic, i};
    if (m->at[i] < log->low || m->at[i] > log->end)
        return m->owner->out_of_range(m->owner->self, &part, err);
    const struct memory_message *found = message_at(log, m->at[i]);
    if (!found) {
        if (m->once && !(m->told_end & 1U << i)) {
            m->told_end |= 1U << i;
            return m->owner->ended(m->owner->self, &part, log->end, err);
        }
        return 0;
    }
    *out = (struct topics_message){.topic = topic,
                                   .partition = i,
                                   .offset = found->offset,
                                   .value = btr_buffer_view(&found->value)};
    if (found->has_key)
        out->key = btr_buffer_view(&found->key);
    m->at[i] = found->offset + 1;
    return 1;
}

static int next(struct btr_topics *t, int timeout_ms, struct topics_message *out, uint32_t room,
                struct btr_err *err)
{
    struct memory_topics *m = of(t);
    uint32_t count = 0;
    bool more = true;
    (void)timeout_ms;
    room = m->most && m->most < room ? m->most : room;
    int rc = rebalance(m, err);
    while (rc >= 0 && more && count < room) {
        more = false;
        for (int32_t i = 0; i < MEMORY_PARTITIONS && rc >= 0 && count < room; i++) {
            rc = m->ours[i] ? one_give(m, i, &out[count], err) : 0;
            count += rc == 1;
            more = more || rc == 1;
        }
    }
    return rc < 0 ? rc : (int)count;
}

static void release(struct btr_topics *t)
{
    (void)t;
}

static int bounds(struct btr_topics *t, const struct topics_part *part, int64_t *low, int64_t *high,
                  struct btr_err *err)
{
    const struct memory_log *log = &of(t)->broker->logs[part->partition];
    (void)err;
    *low = log->low;
    *high = log->end;
    return 0;
}

static int committed(struct btr_topics *t, const struct topics_part *part, int64_t *offset,
                     struct btr_err *err)
{
    (void)err;
    *offset = of(t)->once ? -1 : of(t)->broker->logs[part->partition].committed;
    return 0;
}

static int begin(struct btr_topics *t, const struct topics_part *part, int64_t offset,
                 struct btr_err *err)
{
    (void)err;
    struct memory_topics *m = of(t);
    bool stale = m->stale_times > 0;
    m->stale_times -= stale;
    m->at[part->partition] = stale ? m->stale : offset;
    return 0;
}

static void commit(struct btr_topics *t, const struct topics_part *part, int64_t offset)
{
    struct memory_topics *m = of(t);
    m->commits++;
    if (m->ours[part->partition] && !m->once)
        m->broker->logs[part->partition].committed = offset;
}

static bool commit_send(struct btr_topics *t, bool wait)
{
    (void)t;
    (void)wait;
    return true;
}

static bool has_states(const struct btr_topics *t)
{
    const struct memory_topics *m = (const struct memory_topics *)t;
    return m->broker->states_on && !m->once;
}

static struct memory_state *state_room(struct memory_state **states, uint32_t *count,
                                       uint32_t *capacity)
{
    if (*count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 64;
        *states = realloc(*states, *capacity * sizeof **states);
        if (!*states)
            abort();
    }
    return &(*states)[(*count)++];
}

static void state_free(struct memory_state *s)
{
    btr_buffer_fini(&s->key);
    btr_buffer_fini(&s->value);
}

/* As if all was compacted at once. Takes the record over. */
static void state_arrive(struct memory_broker *b, struct memory_state *state)
{
    uint32_t i = 0;
    while (i < b->state_count &&
           !btr_span_equal(btr_buffer_view(&b->states[i].key), btr_buffer_view(&state->key)))
        i++;
    if (i == b->state_count)
        (void)state_room(&b->states, &b->state_count, &b->state_capacity);
    else
        state_free(&b->states[i]);
    b->states[i] = *state;
}

static int state_put(struct btr_topics *t, const struct topics_part *part,
                     const struct topics_state *record, struct btr_err *err)
{
    struct memory_topics *m = of(t);
    (void)err;
    if (m->sent_count == 0)
        m->asks_left = m->ack_late;
    struct memory_state *s = state_room(&m->sent, &m->sent_count, &m->sent_capacity);
    *s = (struct memory_state){.partition = part->partition};
    btr_buffer_span(&s->key, record->key);
    btr_buffer_span(&s->value, record->value);
    return 0;
}

static int state_flush(struct btr_topics *t, int timeout_ms, struct btr_err *err)
{
    struct memory_topics *m = of(t);
    (void)err;
    if (m->sent_count > 0 && timeout_ms == 0 && m->asks_left > 0) {
        m->asks_left--;
        return 0;
    }
    for (uint32_t i = 0; i < m->sent_count; i++)
        state_arrive(m->broker, &m->sent[i]);
    m->sent_count = 0;
    return 1;
}

/* What another owns now is not taken any more: a broker's would be (docs/KAFKA.md, "Not fenced").
 */
static void sent_drop(struct memory_topics *m, uint32_t bits)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->sent_count; i++) {
        if (bits & 1U << m->sent[i].partition)
            state_free(&m->sent[i]);
        else
            m->sent[kept++] = m->sent[i];
    }
    m->sent_count = kept;
}

void memory_topics_fini(struct memory_topics *m, uint32_t arrive)
{
    for (uint32_t i = 0; i < m->sent_count; i++) {
        if (i < arrive)
            state_arrive(m->broker, &m->sent[i]);
        else
            state_free(&m->sent[i]);
    }
    free(m->sent);
    m->sent = NULL;
    m->sent_count = m->sent_capacity = 0;
}

static int state_load(struct btr_topics *t, const struct topics_part *part,
                      topics_state_visit *visit, void *self, struct btr_err *err)
{
    const struct memory_broker *b = of(t)->broker;
    int rc = 0;
    (void)err;
    (void)part; /* a partition of the state topic may hold those of several */
    for (uint32_t i = 0; i < b->state_count && rc == 0; i++) {
        struct topics_state record = {btr_buffer_view(&b->states[i].key),
                                      btr_buffer_view(&b->states[i].value)};
        rc = visit(self, &record);
    }
    return rc;
}

static bool dead_letter(struct btr_topics *t, const struct topics_message *message,
                        const char *reason)
{
    (void)message;
    (void)reason;
    of(t)->broker->dead_letters++;
    return true;
}

static int cluster(struct btr_topics *t, struct btr_span *id, struct btr_err *err)
{
    (void)t;
    (void)err;
    *id = BTR_SPAN("memory");
    return 0;
}

static void stats(const struct btr_topics *t, struct btr_follow_stats *out)
{
    (void)t;
    out->broker_up = true;
}

static void topics_close(struct btr_topics *t)
{
    (void)t;
}

void memory_topics_init(struct memory_topics *m, struct memory_broker *broker)
{
    static const struct topics_ops ops = {
        .start = start,
        .next = next,
        .release = release,
        .bounds = bounds,
        .committed = committed,
        .begin = begin,
        .commit = commit,
        .commit_send = commit_send,
        .has_states = has_states,
        .state_put = state_put,
        .state_flush = state_flush,
        .state_load = state_load,
        .dead_letter = dead_letter,
        .cluster = cluster,
        .stats = stats,
        .close = topics_close,
    };
    *m = (struct memory_topics){.base = {&ops}, .broker = broker};
}
