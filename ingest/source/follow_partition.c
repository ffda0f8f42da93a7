#include <btr/clock.h>
#include <btr/list.h>
#include <stdio.h>
#include <stdlib.h>

#include "follow.h"

enum { ROW_VERSION = 1 };

/* ---- What is kept ---- */

static void skips_put(const struct follow_partition *p, int64_t replay_from, struct btr_buffer *out)
{
    uint32_t first = 0;
    int64_t before = replay_from;
    while (first < p->skip_count && p->skips[first] < replay_from)
        first++;
    btr_buffer_varint(out, p->skip_count - first);
    for (uint32_t i = first; i < p->skip_count; i++) {
        btr_buffer_varint(out, (uint64_t)(p->skips[i] - before));
        before = p->skips[i];
    }
}

static void waiting_one(struct btr_buffer *out, int64_t offset, uint64_t host)
{
    btr_buffer_varint(out, (uint64_t)offset);
    btr_buffer_u64(out, host);
}

/* Of states in memory; and what the row said when it was loaded, of what is still to be replayed.
 */
static void waiting_put(const struct btr_follow *w, const struct follow_partition *p,
                        struct btr_buffer *out)
{
    for (uint32_t i = 0; i < w->feed.state_count; i++) {
        const struct feed_state *s = w->feed.states[i];
        for (uint32_t k = 0; s->reading && k < s->reading->order.count; k++) {
            const struct follow_held *held = &s->reading->order.items[k];
            if (held->head_hash == p->head_hash && !held->replayed)
                waiting_one(out, held->offset,
                            btr_hash64((struct btr_span){s->host, s->host_size}));
        }
    }
    for (uint32_t i = 0; i < p->waiting_count; i++)
        if (p->waiting[i].offset >= p->next)
            waiting_one(out, p->waiting[i].offset, p->waiting[i].host);
}

void follow_partition_put(const struct btr_follow *w, const struct follow_partition *p,
                          int64_t replay_from, struct btr_buffer *out)
{
    btr_buffer_u8(out, ROW_VERSION);
    btr_buffer_varint(out, p->epoch);
    btr_buffer_varint(out, (uint64_t)p->next);
    btr_buffer_varint(out, (uint64_t)(p->seen_below > p->next ? p->seen_below : p->next));
    btr_buffer_varint(out, (uint64_t)replay_from);
    btr_buffer_u64(out, (uint64_t)p->last_ns);
    btr_buffer_u64(out, p->seen.seed);
    btr_buffer_varint(out, p->seen.count);
    skips_put(p, replay_from, out);
    waiting_put(w, p, out);
}

/* What a row says. */
struct row {
    int64_t next, seen_below, replay_from, last_ns;
    uint64_t epoch, seed, seen_count, skip_count;
    struct btr_cursor skips;
};

static bool row_get(struct btr_span bytes, struct row *row)
{
    struct btr_cursor c = {.rest = bytes};
    uint8_t version;
    uint64_t next, seen_below, replay_from, last_ns;
    if (!btr_cursor_u8(&c, &version) || version != ROW_VERSION ||
        !btr_cursor_varint(&c, &row->epoch) || !btr_cursor_varint(&c, &next) ||
        !btr_cursor_varint(&c, &seen_below) || !btr_cursor_varint(&c, &replay_from) ||
        !btr_cursor_u64(&c, &last_ns) || !btr_cursor_u64(&c, &row->seed) ||
        !btr_cursor_varint(&c, &row->seen_count) || !btr_cursor_varint(&c, &row->skip_count) ||
        seen_below > INT64_MAX || next > seen_below || replay_from > next ||
        row->skip_count > UINT64_C(2) * FOLLOW_SKIPS_MAX)
        return false;
    row->next = (int64_t)next;
    row->seen_below = (int64_t)seen_below;
    row->replay_from = (int64_t)replay_from;
    row->last_ns = (int64_t)last_ns;
    row->skips = c;
    return true;
}

static bool skips_get(struct follow_partition *p, const struct row *row)
{
    struct btr_cursor in = row->skips;
    uint64_t step;
    int64_t at = row->replay_from;
    p->skip_count = p->skip_at = 0;
    if (row->skip_count > p->skip_capacity) {
        int64_t *grown = realloc(p->skips, row->skip_count * sizeof *grown);
        if (!grown)
            return false;
        p->skips = grown;
        p->skip_capacity = (uint32_t)row->skip_count;
    }
    for (uint64_t i = 0; i < row->skip_count; i++) {
        if (!btr_cursor_varint(&in, &step) || step > (uint64_t)(row->seen_below - at))
            return false;
        at += (int64_t)step;
        p->skips[p->skip_count++] = at;
    }
    return true;
}

static int by_offset(const void *x, const void *y)
{
    const struct follow_waiting *a = x, *b = y;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* The rest of a row, behind its skips. */
static bool waiting_get(struct follow_partition *p, const struct row *row)
{
    struct btr_cursor in = row->skips;
    uint64_t step, offset, host;
    for (uint64_t i = 0; i < row->skip_count; i++)
        if (!btr_cursor_varint(&in, &step))
            return false;
    free(p->waiting);
    p->waiting_count = 0;
    p->waiting =
        malloc((in.rest.size / 9 + 1) * sizeof *p->waiting); /* each takes at least 9 bytes */
    while (p->waiting && in.rest.size > 0) {
        if (!btr_cursor_varint(&in, &offset) || offset > INT64_MAX || !btr_cursor_u64(&in, &host))
            return false;
        p->waiting[p->waiting_count++] = (struct follow_waiting){(int64_t)offset, host};
    }
    if (p->waiting_count > 1)
        qsort(p->waiting, p->waiting_count, sizeof *p->waiting, by_offset);
    return p->waiting != NULL;
}

bool follow_is_published(const struct follow_partition *p, int64_t offset, struct btr_span host)
{
    if (offset >= p->published)
        return false;
    uint32_t low = 0, high = p->waiting_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->waiting[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < p->waiting_count && p->waiting[low].offset == offset; low++)
        if (p->waiting[low].host == btr_hash64(host))
            return false;
    return true;
}

/* ---- Epochs ---- */

static uint64_t head_hash(const struct btr_follow *w, const struct follow_partition *p)
{
    uint8_t number[8];
    for (unsigned i = 0; i < 4; i++) {
        number[i] = (uint8_t)((uint32_t)p->part.partition >> 8 * i);
        number[4 + i] = (uint8_t)(p->epoch >> 8 * i);
    }
    struct btr_span parts[] = {
        btr_buffer_view(&w->cluster), btr_span_of(p->part.topic), {number, sizeof number}};
    return btr_id_of(parts, 3).lo;
}

/* Offsets of another epoch are other messages: marks and inputs of it do not fit. */
static void epoch_set(struct btr_follow *w, struct follow_partition *p, uint32_t epoch)
{
    uint64_t before = p->head_hash;
    p->epoch = epoch;
    p->head_hash = head_hash(w, p);
    if (p->head_hash == before)
        return;
    follow_partition_loosen(p); /* while its inputs are its own */
    p->input_count = 0;
}

/* ---- Inputs ---- */

struct feed_input *follow_input(struct btr_follow *w, struct follow_partition *p,
                                const struct btr_decoder *decoder)
{
    for (uint32_t i = 0; i < p->input_count; i++)
        if (p->inputs[i]->decoder == decoder)
            return p->inputs[i];
    if (p->input_count == FOLLOW_FORMATS)
        return NULL;
    struct feed_input *in = calloc(1, sizeof *in);
    if (!in || feed_input_add(&w->feed, in) < 0) {
        free(in);
        return NULL;
    }
    in->path = p->name;
    in->decoder = decoder;
    in->row = (struct btr_input){.name = btr_span_of(p->name),
                                 .format = btr_span_of(decoder ? decoder->name : "unknown"),
                                 .case_id = w->options.case_id,
                                 .tool = w->options.tool,
                                 .head_hash = p->head_hash,
                                 .read_ns = btr_wall_ns()};
    p->inputs[p->input_count++] = in;
    return in;
}

/* ---- Beginning ---- */

/* The secret of a partition's digests: made once, then it goes where the partition goes. */
static uint64_t seed_make(void)
{
    uint64_t seed = 0;
    FILE *random = fopen("/dev/urandom", "rb");
    if (random) {
        if (fread(&seed, sizeof seed, 1, random) != 1)
            seed = 0;
        (void)fclose(random);
    }
    return seed ^ (uint64_t)btr_wall_ns();
}

static bool own_find(struct btr_follow *w, const char *format, const struct follow_partition *p,
                     struct btr_buffer *out)
{
    const struct btr_known *known = w->options.known;
    struct btr_buffer host = {0};
    btr_buffer_span(&host, btr_buffer_view(&w->cluster));
    btr_buffer_u8(&host, ' ');
    btr_buffer_text(&host, p->name);
    bool found = known && known->state && !host.failed &&
                 known->state(known->self, btr_span_of(format), btr_buffer_view(&host), out);
    btr_buffer_fini(&host);
    return found;
}

/* The chunks of what was seen, from the store or from what came with the partition. One that is
 * damaged costs that messages of it are not recognised, and is told. */
static void seen_load(struct btr_follow *w, struct follow_partition *p, bool given)
{
    uint32_t bad = 0;
    for (uint32_t i = 0; i < SEEN_CHUNKS; i++) {
        struct btr_buffer bytes = {0};
        char key[FEED_KEY_SIZE];
        (void)snprintf(key, sizeof key, FOLLOW_PARTITION_FORMAT " seen %u", i);
        if (given)
            btr_buffer_span(&bytes, follow_given(p, btr_span_of(key), (struct btr_span){0}));
        else
            (void)own_find(w, key, p, &bytes);
        if (bytes.failed || !follow_seen_chunk_get(&p->seen, i, btr_buffer_view(&bytes)))
            bad++;
        btr_buffer_fini(&bytes);
    }
    p->seen.saved =
        0; /* the store, or the state topic, may have older ones: all are written again */
    if (bad > 0)
        follow_note(w, "%s: %u of %d parts of what was seen last are not there", p->name, bad,
                    SEEN_CHUNKS);
}

static int row_take(struct btr_follow *w, struct follow_partition *p, struct row *row, bool given,
                    int64_t published, struct btr_err *err)
{
    epoch_set(w, p, (uint32_t)row->epoch);
    follow_seen_fini(&p->seen);
    p->seen.seed = row->seed;
    p->seen.count = row->seen_count;
    p->waiting_count = 0;
    if (!skips_get(p, row))
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: what is kept of it is damaged",
                        p->name);
    seen_load(w, p, given);
    p->last_ns = row->last_ns;
    p->seen_below = row->seen_below;
    p->published = published;
    p->next = p->replay_from = row->replay_from;
    p->is_given = given;
    p->landed_next = row->next;
    return 1;
}

/* The store has read on, and the state topic knows nothing of it: the member ended between the two.
 * What the group was told stands for what the topic has. So it is read from there again, the states
 * of its hosts go to the topic with the next row, and until then the group hears of nothing. A
 * group that was told nothing may be new, while the store was filled by `--once`: more than the
 * first publish can have been is not read again. */
static int unsent_take(struct btr_follow *w, struct follow_partition *p, struct btr_err *err)
{
    int64_t committed = -1, low, high;
    int rc = w->topics->ops->committed(w->topics, &p->part, &committed, err);
    if (rc == 0)
        rc = w->topics->ops->bounds(w->topics, &p->part, &low, &high, err);
    if (rc < 0)
        return rc;
    if (committed < 0)
        committed = p->published > FOLLOW_UNSENT_MAX ? p->published - FOLLOW_UNSENT_MAX : 0;
    committed = committed < low ? low : committed;
    p->next = p->replay_from = committed < p->next ? committed : p->next;
    p->landed_next = -1;
    p->unsent = true;
    follow_states_unsent(w, p);
    return 1;
}

/*
 * Where states move, what came through the state topic tells how far they are: the store may have
 * published more since, of which the topic never heard. The store's row then tells which events it
 * has. @return 1 = it was read before, 0, or a failure
 */
static int rows_choose(struct btr_follow *w, struct follow_partition *p, struct btr_err *err)
{
    struct btr_buffer own_bytes = {0}, moved_bytes = {0};
    struct row own = {0}, moved = {0};
    bool has_own = own_find(w, FOLLOW_PARTITION_FORMAT, p, &own_bytes);
    int rc = 0;
    if (has_own && !row_get(btr_buffer_view(&own_bytes), &own))
        rc =
            btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: its row in the store is damaged", p->name);
    else if (w->topics->ops->has_states(w->topics))
        rc = follow_handover_load(w, p, &moved_bytes, err);
    bool has_moved = rc == 1 && row_get(btr_buffer_view(&moved_bytes), &moved) &&
                     (!has_own || moved.epoch >= own.epoch);
    bool same_log = has_own && has_moved && own.epoch == moved.epoch;
    if (rc >= 0 && has_moved)
        rc = row_take(w, p, &moved, true,
                      same_log && own.next > moved.replay_from ? own.next : moved.replay_from, err);
    else if (rc >= 0)
        rc = has_own ? row_take(w, p, &own, false, own.next, err) : 0;
    if (rc == 1 && !has_moved && w->topics->ops->has_states(w->topics))
        rc = unsent_take(w, p, err);
    if (rc >= 0 && has_own && (same_log || !has_moved) &&
        !waiting_get(p, &own)) /* what waited is in no store */
        rc =
            btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: its row in the store is damaged", p->name);
    btr_buffer_fini(&own_bytes);
    btr_buffer_fini(&moved_bytes);
    return rc;
}

/* Nothing is kept of it: where the group stands, else the beginning. */
static int begin_new(struct btr_follow *w, struct follow_partition *p, struct btr_err *err)
{
    int64_t committed = -1;
    int rc = w->topics->ops->committed(w->topics, &p->part, &committed, err);
    if (rc < 0)
        return rc;
    p->seen.seed = seed_make();
    p->next = p->replay_from = p->published = p->seen_below = committed < 0 ? 0 : committed;
    if (committed > 0)
        follow_note(w,
                    "%s: begins at offset %lld, where the group stands; what its hosts had open is "
                    "not known",
                    p->name, (long long)committed);
    return 0;
}

/* A gap of offsets [from, until), as of no host: it may be of each that sends to the partition. */
static int offsets_gap(struct btr_follow *w, struct follow_partition *p, int64_t from,
                       int64_t until, const char *what)
{
    char why[FOLLOW_NAME_SIZE + 128];
    struct feed *f = &w->feed;
    struct feed_input *in = follow_input(w, p, p->decoder);
    (void)snprintf(why, sizeof why, "%s: offsets %lld to %lld %s", p->name, (long long)from,
                   (long long)until - 1, what);
    follow_note(w, "%s", why);
    w->stats.offsets_lost += until > from ? (uint64_t)(until - from) : 0;
    if (!in)
        return btr_fail(&w->failure, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    struct btr_gap gap = {.kind = BTR_GAP_OFFSETS,
                          .from_ns = p->last_ns == INT64_MIN ? 0 : p->last_ns,
                          .until_ns = btr_wall_ns(),
                          .from_id = from > 0 ? (uint64_t)from - 1 : 0,
                          .until_id = (uint64_t)until,
                          .count = (uint64_t)(until - from),
                          .line = (uint64_t)until};
    int rc = feed_batch_flush(f);
    if (rc < 0)
        return rc;
    f->batch.input = in->id;
    in->moved = p->moved = true;
    return feed_gap_add(f, (struct btr_span){0}, in->row.format, gap, why);
}

static int begin_at(struct btr_follow *w, struct follow_partition *p, struct btr_err *err)
{
    int64_t low, high;
    int rc = w->topics->ops->bounds(w->topics, &p->part, &low, &high, err);
    if (rc < 0)
        return rc;
    int64_t read = p->seen_below > p->published ? p->seen_below : p->published;
    p->end = high;
    if (read > high) {
        rc = offsets_gap(w, p, high, read, "were read, and the broker does not have them any more");
        epoch_set(w, p, p->epoch + 1);
        p->doubted = low;
        p->landed_next = -1;
        p->next = high - SEEN_WINDOW / 2 > low ? high - SEEN_WINDOW / 2 : low;
        p->seen_below = p->published = p->replay_from = p->next;
        p->skip_count = p->skip_at = 0;
    } else if (p->next < low) {
        bool all_new = p->next == 0 && read == 0; /* older than this store: not its gap */
        if (!all_new)
            rc = offsets_gap(w, p, p->next, low, "were deleted before they were read");
        p->next = low;
    }
    if (rc < 0) {
        *err = w->failure;
        return rc;
    }
    p->fresh_ns = w->now_ns() + FOLLOW_FRESH_NS;
    p->jumps = 0;
    return w->topics->ops->begin(w->topics, &p->part, p->next, err);
}

static struct follow_partition *partition_new(struct btr_follow *w, const struct topics_part *part)
{
    if (!btr_list_room(&w->parts, w->part_count, &w->part_capacity, 16, sizeof *w->parts))
        return NULL;
    struct follow_partition *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->part = *part;
    (void)snprintf(p->name, sizeof p->name, "%s:%d", part->topic, part->partition);
    epoch_set(w, p, 0);
    p->committed = p->landed_next = p->dead_letter = -1;
    w->parts[w->part_count++] = p;
    return p;
}

/* A topic's name that lives as long as the follower. */
static const char *name_keep(struct btr_follow *w, const char *name, size_t size)
{
    for (uint32_t i = 0; i < w->name_count; i++)
        if (strlen(w->names[i]) == size && memcmp(w->names[i], name, size) == 0)
            return w->names[i];
    char **grown = realloc(w->names, (w->name_count + 1) * sizeof(char *));
    if (!grown)
        return NULL;
    w->names = grown;
    char *copy = strndup(name, size);
    if (copy)
        w->names[w->name_count++] = copy;
    return copy;
}

struct follow_partition *follow_partition_adopt(struct btr_follow *w, const char *name,
                                                uint64_t head_hash)
{
    struct follow_partition *p = follow_partition_of(w, head_hash);
    const char *colon = strrchr(name, ':');
    uint64_t number = 0;
    if (p || !colon)
        return p;
    (void)btr_span_number(btr_span_of(colon + 1), 10, &number);
    const char *topic = name_keep(w, name, (size_t)(colon - name));
    struct topics_part part = {topic, (int32_t)number};
    p = topic ? partition_new(w, &part) : NULL;
    if (p)
        p->head_hash = head_hash; /* of an epoch that is past, it may be */
    return p;
}

static int cluster_learn(struct btr_follow *w, struct btr_err *err)
{
    struct btr_span id = {0};
    int rc = w->cluster_known ? 0 : w->topics->ops->cluster(w->topics, &id, err);
    if (rc < 0 || w->cluster_known)
        return rc;
    btr_buffer_span(&w->cluster, id);
    w->cluster_known = true;
    return w->cluster.failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory") : 0;
}

int follow_partition_assign(struct btr_follow *w, const struct topics_part *part,
                            struct btr_err *err)
{
    int rc = cluster_learn(w, err);
    if (rc < 0)
        return rc;
    struct follow_partition *p = follow_partition_find(w, part->topic, part->partition);
    if (!p)
        p = partition_new(w, part);
    if (!p)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    p->last_ns = INT64_MIN;
    p->end = -1;
    follow_bases_drop(w, p); /* others may have sent since */
    p->ended = p->is_given = false;
    p->doubted = p->ends_at = p->landed_next = p->committed = -1;
    p->reset_due = p->unsent = false;
    w->commit_ns = w->now_ns();
    rc = rows_choose(w, p, err);
    if (rc == 0)
        rc = begin_new(w, p, err);
    if (rc < 0)
        return rc;
    rc = begin_at(w, p, err);
    p->assigned = rc == 0;
    return rc;
}

/* The broker has lost the end of what was read. When what it has there now was not seen before, it
 * is another log of this name, of which nothing was read. */
int follow_partition_trust(struct btr_follow *w, struct follow_partition *p, bool seen)
{
    int64_t low = p->doubted;
    p->doubted = -1;
    if (seen || low >= p->next)
        return 0;
    follow_note(w, "%s: is another log than was read before, and is read from its beginning",
                p->name);
    p->next = p->seen_below = p->published = p->replay_from = low;
    return w->topics->ops->begin(w->topics, &p->part, low, &w->failure) < 0 ? BTR_E_IO : 1;
}

int follow_partition_reset(struct btr_follow *w, struct follow_partition *p, struct btr_err *err)
{
    return begin_at(w, p, err);
}

/* ---- Ending ---- */

void follow_partition_loosen(struct follow_partition *p)
{
    for (uint32_t i = 0; i < FOLLOW_RECENT; i++)
        p->recent[i].state = NULL;
    for (uint32_t i = 0; i < p->input_count; i++)
        p->inputs[i]->state = NULL;
}

void follow_partition_free(struct btr_follow *w, struct follow_partition *p)
{
    follow_bases_drop(w, p);
    free(p->bases);
    btr_idmap_fini(&p->base_map);
    for (uint32_t i = 0; i < p->given_count; i++)
        btr_buffer_fini(&p->given[i].bytes);
    free(p->given);
    btr_idmap_fini(&p->given_map);
    follow_seen_fini(&p->seen);
    free(p->skips);
    free(p->waiting);
    free(p);
}
