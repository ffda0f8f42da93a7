#include <btr/clock.h>
#include <btr/list.h>
#include <stdio.h>
#include <stdlib.h>

#include "follow.h"

enum { SETTLE_MS = 1000, LOOK_MS = 250 };

/* ---- How they are kept ---- */

static int64_t marks_sum(const struct follow_reading *r)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < r->mark_count; i++)
        sum += r->marks[i].next;
    return sum;
}

/* Marks, then the packed state. @return false when it is none */
static bool state_read(struct feed_state *s, struct btr_span bytes, struct btr_span *packed)
{
    struct btr_cursor c = {.rest = bytes};
    follow_reading_free(s->reading);
    s->reading = follow_reading_new();
    if (!s->reading || !follow_marks_get(&c, s->reading))
        return false;
    *packed = c.rest;
    return true;
}

/* What came through the state topic of a host: of several partitions that which has read on. */
static struct btr_span given_find(const struct btr_follow *w, struct feed_state *s)
{
    struct btr_span key = btr_span_of(s->key), host = {s->host, s->host_size}, packed, best = {0};
    int64_t most = -1;
    for (uint32_t i = 0; i < w->part_count; i++) {
        struct btr_span given = follow_given(w->parts[i], key, host);
        if (!w->parts[i]->assigned || given.size == 0 || !state_read(s, given, &packed) ||
            marks_sum(s->reading) <= most)
            continue;
        most = marks_sum(s->reading);
        best = given;
    }
    return best;
}

/* Whether a state has taken from a partition that is not read here. */
static bool is_split(const struct btr_follow *w, const struct follow_reading *r)
{
    for (uint32_t i = 0; i < r->mark_count; i++) {
        const struct follow_partition *p = follow_partition_of(w, r->marks[i].head_hash);
        if (!p || !p->assigned)
            return true;
    }
    return false;
}

/* It is saved with the next publish, as if a record had come. */
static void save_again(const struct btr_follow *w, struct follow_reading *r)
{
    r->dirty_ns = r->due_ns = w->now_ns();
}

static int saved_find(const struct feed *f, struct feed_state *s)
{
    const struct btr_known *known = f->options->known;
    struct btr_span host = {s->host, s->host_size}, packed = {0};
    struct btr_buffer bytes = {0};
    const struct follow_partition *p = f->follow->taking;
    if (p && p->is_given && !follow_given_is_own(p, btr_span_of(s->key), host))
        btr_buffer_span(&bytes, given_find(f->follow, s));
    else if (known && known->state)
        (void)known->state(known->self, btr_span_of(s->key), host, &bytes);
    bool found = bytes.size > 0 && state_read(s, btr_buffer_view(&bytes), &packed);
    if (found) {
        btr_buffer_span(&s->saved, packed);
        s->reading->split = is_split(f->follow, s->reading);
        if (p && p->unsent)
            save_again(f->follow, s->reading);
    }
    bool failed = bytes.failed || s->saved.failed;
    btr_buffer_fini(&bytes);
    if (!found) {
        follow_reading_free(s->reading);
        s->reading = NULL;
    }
    return failed ? BTR_E_NOMEM : found;
}

static bool saved_write(const struct feed *f, const struct feed_state *s, struct btr_buffer *out)
{
    follow_marks_put(out, s->reading);
    return feed_state_save(f, s, out);
}

const struct feed_keeping follow_keeping = {FOLLOW_STATE_PREFIX, saved_find, saved_write};

/* ---- Which are saved ---- */

void follow_states_unsent(struct btr_follow *w, const struct follow_partition *p)
{
    for (uint32_t i = 0; i < w->feed.state_count; i++) {
        struct follow_reading *r = w->feed.states[i]->reading;
        for (uint32_t k = 0; r && k < r->mark_count; k++)
            if (r->marks[k].head_hash == p->head_hash)
                save_again(w, r);
    }
}

static bool must_save(const struct follow_reading *r, int64_t now_ns)
{
    /* A host on several partitions is saved each time: in which order its records met is not to be
     * had again. */
    return r->mark_count > 1 || r->unkeyed || now_ns >= r->due_ns;
}

static struct follow_saved *saved_new(struct btr_follow *w)
{
    if (!btr_list_room(&w->saved, w->saved_count, &w->saved_capacity, 64, sizeof *w->saved))
        return NULL;
    return &w->saved[w->saved_count++];
}

/* What is saved of a state goes to the state topic, too, once for each partition that its host's
 * records come from. */
static bool saved_note(struct btr_follow *w, const struct feed_state *s, uint64_t head_hash)
{
    struct follow_partition *p = follow_partition_of(w, head_hash);
    if (!p || !w->topics->ops->has_states(w->topics))
        return true;
    struct follow_saved *to = saved_new(w);
    if (!to)
        return false;
    memcpy(to->key, s->key, sizeof to->key);
    memcpy(to->host, s->host, sizeof to->host);
    to->host_size = s->host_size;
    to->head_hash = head_hash;
    return !p->is_given ||
           follow_given_replace(p, btr_span_of(s->key), (struct btr_span){s->host, s->host_size});
}

/* Whether a state is wanted by the store now: it is to be forgotten, or its time has come. */
static bool is_due(const struct btr_follow *w, const struct feed_state *s, bool all, int64_t now_ns)
{
    return all || s->used < w->forget_used || must_save(s->reading, now_ns);
}

int follow_states_choose(struct btr_follow *w, bool all)
{
    int64_t now_ns = w->now_ns();
    w->saved_count = w->chosen = 0;
    for (uint32_t i = 0; i < w->feed.state_count; i++) {
        struct feed_state *s = w->feed.states[i];
        struct follow_reading *r = s->reading;
        s->moved = r && r->dirty_ns != 0 && r->mark_count > 0 && is_due(w, s, all, now_ns);
        if (!s->moved)
            continue;
        r->dirty_ns = 0;
        w->stats.states_saved++;
        w->chosen++;
        for (uint32_t k = 0; k < r->mark_count; k++) {
            r->marks[k].unsaved = -1;
            if (!saved_note(w, s, r->marks[k].head_hash))
                return btr_fail(w->feed.err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
        }
    }
    return 0;
}

/* Not from before where the row begins: what was delivered again there is not remembered. A state
 * that reaches back further was loaded by a record of another partition, and will be again. */
static void replay_from(struct follow_partition *p, int64_t offset)
{
    if (p && offset >= p->replay_from && offset < p->replay_least)
        p->replay_least = offset;
}

/* A state is loaded by a record of its host: what waits in it must not be forgotten until one comes
 * again. */
static void replay_held(const struct btr_follow *w, const struct follow_order *o)
{
    for (uint32_t i = 0; i < o->count; i++)
        replay_from(follow_partition_of(w, o->items[i].head_hash), o->items[i].offset);
}

static void replay_mark(const struct btr_follow *w, const struct follow_reading *r,
                        const struct follow_mark *mark)
{
    struct follow_partition *p = follow_partition_of(w, mark->head_hash);
    /* A saved state is loaded by a record of its host: as long as it has something to tell without
     * one, its last is read again, and passed over. */
    if (p && r->seen_ns != 0 && !r->finished && p->skip_count < FOLLOW_SKIPS_MAX)
        replay_from(p, mark->next - 1);
    if (r->dirty_ns != 0 && mark->unsaved >= 0)
        replay_from(p, mark->unsaved);
}

void follow_replay_find(struct btr_follow *w)
{
    for (uint32_t i = 0; i < w->part_count; i++)
        w->parts[i]->replay_least = w->parts[i]->next;
    for (uint32_t i = 0; i < w->feed.state_count; i++) {
        const struct follow_reading *r = w->feed.states[i]->reading;
        if (!r)
            continue;
        replay_held(w, &r->order);
        for (uint32_t k = 0; k < r->mark_count; k++)
            replay_mark(w, r, &r->marks[k]);
    }
}

/* ---- What they tell of themselves ---- */

/* @param finish  also what is open */
static int state_tell(struct btr_follow *w, struct feed_state *s, bool finish, int64_t now_ns)
{
    struct feed *f = &w->feed;
    int rc = s->state ? 0 : feed_state_wake(f, s);
    if (rc < 0)
        return rc;
    rc = feed_batch_flush(f);
    if (rc < 0)
        return rc;
    f->batch.input = s->input;
    f->inputs[s->input]->moved = true;
    f->batch.line = 0;
    if (finish)
        rc = s->decoder->flush(s->state, INT64_MAX, &f->batch, f->arena);
    else if (s->decoder->settle)
        rc = s->decoder->settle(s->state, &f->batch, f->arena);
    if (rc < 0)
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    struct follow_reading *r = s->reading;
    r->settled = true;
    if (finish) {
        r->finished = true;
        r->told_ns = now_ns;
    }
    if (r->dirty_ns == 0)
        r->dirty_ns = now_ns;
    r->due_ns = now_ns; /* what was told must not be told again */
    return feed_batch_flush(f);
}

/* Whether a state takes part: it is read here, and what it was given is in order. */
static bool is_read(const struct feed_state *s)
{
    return s->reading && s->reading->mark_count > 0 && s->reading->seen_ns != 0;
}

/* A state that is behind what the store has of its host: what it would tell was told. */
static bool is_replaying(const struct feed_state *s)
{
    for (uint32_t i = 0; i < s->reading->mark_count; i++) {
        const struct follow_mark *mark = &s->reading->marks[i];
        if (mark->partition && mark->partition->next < mark->partition->published)
            return true;
    }
    return false;
}

static bool waits(const struct feed_state *s)
{
    struct btr_decoder_stats now = {.waiting = s->waiting};
    if (s->state && s->decoder->stats)
        s->decoder->stats(s->state, &now);
    return now.waiting > 0;
}

int follow_states_tell(struct btr_follow *w, int64_t now_ns)
{
    int64_t idle_ns = (int64_t)w->options.idle_ms * 1000000;
    int rc = 0;
    if (now_ns - w->swept_ns < LOOK_MS * INT64_C(1000000))
        return 0;
    w->swept_ns = now_ns;
    for (uint32_t i = 0; i < w->feed.state_count && rc == 0; i++) {
        struct feed_state *s = w->feed.states[i];
        struct follow_reading *r = s->reading;
        if (r && r->order.count > 0)
            rc = s->state ? 0 : feed_state_wake(&w->feed, s);
        if (r && r->order.count > 0 && rc == 0)
            rc = follow_held_release(w, s, false);
        if (rc < 0 || !is_read(s) || is_replaying(s))
            continue;
        int64_t silent_ns = now_ns - r->seen_ns;
        if ((silent_ns >= idle_ns && !r->finished) ||
            (!r->finished && now_ns - r->told_ns >= FOLLOW_TELL_NS && FOLLOW_TELL_NS > idle_ns))
            rc = state_tell(w, s, true, now_ns);
        else if (silent_ns >= SETTLE_MS * INT64_C(1000000) && !r->settled && waits(s))
            rc = state_tell(w, s, false, now_ns);
    }
    return rc;
}

int follow_states_finish(struct btr_follow *w)
{
    int rc = 0;
    for (uint32_t i = 0; i < w->feed.state_count && rc == 0; i++) {
        struct feed_state *s = w->feed.states[i];
        if (s->reading && s->reading->order.count > 0)
            rc = s->state ? 0 : feed_state_wake(&w->feed, s);
        if (s->reading && rc == 0)
            rc = follow_held_release(w, s, true);
        if (rc == 0 && is_read(s) && !s->reading->finished)
            rc = state_tell(w, s, true, w->now_ns());
    }
    return rc;
}

/* ---- Memory ---- */

static size_t memory_of(const struct feed_state *s)
{
    struct btr_decoder_stats now = {0};
    if (s->state && s->decoder->stats)
        s->decoder->stats(s->state, &now);
    /* Of many small blocks the allocator takes twice what they hold: 500 hosts of audit events, of
     * which 350 MiB were counted, took 700 to 900. */
    size_t held = s->reading ? s->reading->order.size : 0;
    return sizeof *s + s->saved.capacity + held + 2 * (size_t)now.memory;
}

static int by_use(const void *x, const void *y)
{
    const struct feed_state *const *a = x, *const *b = y;
    return ((*a)->used > (*b)->used) - ((*a)->used < (*b)->used);
}

/* Whether a state may be forgotten once it is saved: nothing waits in it for a record that comes
 * soon. */
static bool may_go(const struct feed_state *s, int64_t now_ns)
{
    const struct follow_reading *r = s->reading;
    return !r || (r->order.count == 0 &&
                  (now_ns - r->seen_ns >= SETTLE_MS * INT64_C(1000000) || !waits(s)));
}

/* Whether it has something to tell before it goes: it is loaded by the next record of its host, and
 * that may never come. */
static bool is_untold(const struct feed_state *s)
{
    return s->reading && is_read(s) && !s->reading->finished;
}

/* What the store has: saved with the publish that landed, and no record came since. What is
 * replayed tells when it has caught up; where there is no room for so long, it goes without. */
static bool goes(void *self, const struct feed_state *s)
{
    const struct btr_follow *w = self;
    const struct follow_reading *r = s->reading;
    if (s->used >= w->forget_used || (r && (r->dirty_ns != 0 || r->order.count > 0)))
        return false;
    return !is_untold(s) || (w->forget_forced && is_replaying(s));
}

void follow_states_forget(struct btr_follow *w)
{
    for (uint32_t i = 0; i < w->part_count; i++)
        follow_partition_loosen(w->parts[i]);
    feed_states_sweep(&w->feed, goes, w);
    w->forget_used = 0;
    w->forgetting = w->forget_forced = false;
}

/* What states take, against what they may. */
struct sum {
    uint64_t total, live;
    uint32_t live_count;
};

static struct sum sum_of(const struct btr_follow *w)
{
    struct sum sum = {0};
    for (uint32_t i = 0; i < w->feed.state_count; i++) {
        const struct feed_state *s = w->feed.states[i];
        size_t memory = memory_of(s);
        sum.total += memory;
        sum.live += s->state ? memory : 0;
        sum.live_count += s->state != NULL;
    }
    return sum;
}

/* What a state that is to be forgotten has to tell before. @param forced  also what waits in it */
static int state_leave(struct btr_follow *w, struct feed_state *s, bool forced)
{
    int64_t now_ns = w->now_ns();
    int rc = 0;
    if (forced && s->reading && s->reading->order.count > 0) {
        rc = s->state ? 0 : feed_state_wake(&w->feed, s);
        if (rc == 0)
            rc = follow_held_release(w, s, true);
    }
    if (rc == 0 && is_untold(s) && !is_replaying(s) && (forced || may_go(s, now_ns)))
        rc = state_tell(w, s, true, now_ns);
    return rc;
}

/* Packs states one after the other, those first that were used least: those that are to be
 * forgotten, which tell before, and more until what is live is within a bound. */
static int states_park(struct btr_follow *w, struct feed_state **sorted, bool leave,
                       uint64_t live_most, struct sum *sum)
{
    int rc = 0;
    for (uint32_t i = 0; i < w->feed.state_count && rc == 0; i++) {
        struct feed_state *s = sorted[i];
        bool leaves = leave && s->used < w->forget_used;
        if (!leaves && sum->live <= live_most)
            break;
        size_t before = memory_of(s);
        sum->live -= s->state ? before : 0;
        rc = leaves ? state_leave(w, s, w->forget_forced) : 0;
        if (rc == 0 && s->state)
            rc = feed_state_park(&w->feed, s);
        sum->total = sum->total - before + memory_of(s);
    }
    return rc;
}

/* Bytes of states that are not packed. */
static uint64_t live_max(const struct btr_follow *w)
{
    return follow_memory(w) / 8 * 3;
}

static bool is_many(const struct btr_follow *w, const struct sum *sum)
{
    uint64_t most = follow_memory(w);
    return sum->total > most / 2 || w->feed.state_count > most / FOLLOW_STATE_SHARE;
}

/* So many, that they must go at once. */
static bool is_over(const struct btr_follow *w, const struct sum *sum)
{
    uint64_t most = follow_memory(w);
    return sum->total > most / 8 * 5 || w->feed.state_count > 2 * (most / FOLLOW_STATE_SHARE);
}

/* Those that go are forgotten when the publish that has them has landed, without waiting, unless so
 * many come meanwhile that they would fill the memory. */
static int states_shrink(struct btr_follow *w, struct feed_state **sorted, struct sum *sum)
{
    bool chosen = is_many(w, sum) && !w->forgetting && (w->forget_used == 0 || is_over(w, sum));
    if (chosen) {
        w->forget_used = sorted[w->feed.state_count / 2]->used;
        w->forget_forced = is_over(w, sum);
    }
    int rc = states_park(w, sorted, chosen, live_max(w) / 4 * 3, sum);
    if (rc < 0 || !is_over(w, sum))
        return rc;
    if (!w->forgetting)
        rc = follow_publish(w, false);
    return rc < 0 ? rc : follow_land(w, true);
}

int follow_states_bound(struct btr_follow *w)
{
    struct feed *f = &w->feed;
    struct sum sum = sum_of(w);
    w->stats.hosts = f->state_count;
    w->stats.hosts_live = sum.live_count;
    w->stats.memory = sum.total;
    if (sum.live <= live_max(w) && !is_many(w, &sum))
        return 0;
    struct feed_state **sorted = malloc((f->state_count + 1U) * sizeof(void *));
    if (!sorted)
        return btr_fail(f->err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    memcpy(sorted, f->states, f->state_count * sizeof(void *));
    qsort(sorted, f->state_count, sizeof(void *), by_use);
    int rc = states_shrink(w, sorted, &sum);
    free(sorted);
    return rc;
}
