/* Decoding of event blocks (docs/FORMAT.md, "Events"). */
#include "ahead.h"
#include "read.h"
#include "segment.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

uint32_t store_segment_block_events(const struct store_segment *seg, uint32_t block)
{
    uint32_t rows = store_segment_block_rows(seg), left = seg->header.event_count - block * rows;
    return left < rows ? left : rows;
}

int store_segment_events_check(struct store_segment *seg, unsigned section, uint32_t block,
                               struct btr_err *err)
{
    if (seg->section_of[section]->block_count != store_segment_block_count(seg) ||
        seg->directory[section][block].count != store_segment_block_events(seg, block))
        return store_segment_bad(seg, err, section, block, "has not the events it should have");
    return 0;
}

struct numbering {
    uint32_t next, end; /* next new number; how many the block may reach */
};

static uint32_t number_of(struct store_read *r, struct numbering *n, uint64_t code)
{
    if (code == 0 && n->next < n->end)
        return n->next++;
    if (code == 0 || code > n->next) {
        r->failed = true;
        return 0;
    }
    return (uint32_t)(code - 1);
}

/* Subjects by runs, and objects: both count in one numbering, subject before object. */
static void ends_read(struct store_read *r, struct segment_block *b, struct numbering numbering)
{
    uint32_t codes[STORE_BLOCK_EVENTS_OLD], sizes[STORE_BLOCK_EVENTS_OLD]; /* 64 KiB of stack */
    uint32_t count = b->group_count, run_count = store_read_upto(r, count);
    uint32_t run = 0, left = 0, total = 0, subject = 0;
    for (uint32_t i = 0; i < run_count; i++)
        codes[i] = store_read_upto(r, numbering.end);
    for (uint32_t i = 0; i < run_count; i++) {
        sizes[i] = store_read_upto(r, count - total);
        total += sizes[i];
        r->failed = r->failed || sizes[i] == 0;
    }
    if (total != count || r->failed) {
        r->failed = true;
        return;
    }
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        if (left == 0) {
            subject = number_of(r, &numbering, codes[run]);
            left = sizes[run++];
        }
        b->groups[i].subject = subject;
        b->groups[i].object = number_of(r, &numbering, store_read_varint(r));
        left--;
    }
    r->failed = r->failed || numbering.next != numbering.end;
}

/* Where the groups begin, from their counts of events. */
static void begins_read(struct store_read *r, struct segment_block *b)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < b->group_count; i++) {
        uint32_t count = store_read_upto(r, b->count - at);
        b->groups[i].begin = at & SEGMENT_BEGIN_MASK;
        at += count;
        r->failed = r->failed || count == 0;
    }
    b->groups[b->group_count].begin = at & SEGMENT_BEGIN_MASK;
    r->failed = r->failed || at != b->count;
}

/* What groups are: in format 1 and 2 each event is one. */
static void kinds_read(struct store_read *r, const struct store_segment *seg,
                       struct segment_block *b)
{
    bool is_old = seg->header.version < STORE_VERSION_GROUPS;
    uint32_t count = b->group_count;
    struct btr_span operations = store_read_bytes(r, count), doubts = store_read_bytes(r, count);
    struct btr_span flags = store_read_bytes(r, count);
    struct btr_span shapes = is_old ? flags : store_read_bytes(r, count);
    if (r->failed)
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct segment_group *g = &b->groups[i];
        g->operation = operations.at[i];
        g->doubt = doubts.at[i];
        g->flags = flags.at[i];
        r->failed =
            r->failed || ((g->flags & BTR_EVENT_THINNED) != 0 && !seg->section_of[STORE_COUNTS]);
        unsigned shape = is_old ? STORE_SHAPE_LASTS | STORE_SHAPE_BYTES : shapes.at[i];
        r->failed = r->failed || shape > (STORE_SHAPE_LASTS | STORE_SHAPE_BYTES);
        g->shape = shape & (STORE_SHAPE_LASTS | STORE_SHAPE_BYTES);
        g->begin = i & SEGMENT_BEGIN_MASK;
    }
    uint32_t streams = seg->header.stream_count;
    streams = streams < SEGMENT_STREAMS_MAX ? streams : SEGMENT_STREAMS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t stream = store_read_upto(r, UINT32_MAX);
        r->failed = r->failed || stream >= streams;
        b->groups[i].stream = stream & (SEGMENT_STREAMS_MAX - 1);
    }
    b->groups[count].begin = count & SEGMENT_BEGIN_MASK;
    if (!is_old)
        begins_read(r, b);
}

static void old_times_read(struct store_read *r, struct segment_block *b, int64_t base_ns)
{
    uint64_t at = (uint64_t)base_ns;
    for (uint32_t i = 0; i < b->count; i++) {
        at += store_unzigzag(store_read_varint(r));
        b->last_ns[i] = (int64_t)at;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        b->first_ns[i] = (int64_t)((uint64_t)b->last_ns[i] - store_read_varint(r));
        r->failed = r->failed || b->first_ns[i] > b->last_ns[i];
    }
}

/* Columns of moments. */
static void moments_read(struct store_read *r, struct segment_block *b)
{
    uint64_t moment = 0;
    for (uint32_t g = 0; g < b->group_count; g++) {
        moment += store_unzigzag(store_read_varint(r));
        r->failed = r->failed || moment > UINT32_MAX;
        b->moments[b->groups[g].begin] = (uint32_t)moment;
    }
    for (uint32_t g = 0; g < b->group_count; g++)
        for (uint32_t i = b->groups[g].begin + 1; i < b->groups[g + 1].begin; i++)
            b->moments[i] = b->moments[i - 1] + store_read_upto(r, UINT32_MAX - b->moments[i - 1]);
    for (uint32_t g = 0; g < b->group_count; g++) {
        if (!(b->groups[g].shape & STORE_SHAPE_LASTS))
            continue;
        for (uint32_t i = b->groups[g].begin; i < b->groups[g + 1].begin; i++)
            b->ends[i] = b->moments[i] + store_read_upto(r, UINT32_MAX - b->moments[i]);
    }
}

/* Order times of moments[begin..end) into `times`. */
static int times_fill(struct moment_cursor *c, const uint32_t *moments, uint32_t begin,
                      uint32_t end, int64_t *times, struct btr_err *err)
{
    for (uint32_t i = begin; i < end; i++) {
        int rc = store_cursor_need(c, moments[i], err);
        if (rc < 0)
            return rc;
        const int64_t *rows = c->slot->data;
        times[i] = rows[moments[i] % STORE_MOMENT_ROWS];
    }
    return 0;
}

static bool group_sound(const struct segment_block *b, uint32_t begin, uint32_t end)
{
    bool sound = b->first_ns[begin] <= b->last_ns[begin];
    for (uint32_t i = begin + 1; i < end; i++)
        sound = sound && b->first_ns[i] <= b->last_ns[i] && b->first_ns[i - 1] <= b->first_ns[i];
    return sound;
}

/* Room for the times of a block, none of them there. */
static bool times_new(const struct store_segment *seg, struct segment_block *b)
{
    size_t size = (size_t)b->count * 2 * sizeof(int64_t) + b->group_count;
    int64_t *times = malloc(size);
    if (!times)
        return false;
    b->first_ns = times;
    b->last_ns = times + b->count;
    b->timed = (uint8_t *)(b->last_ns + b->count);
    memset(b->timed, 0, b->group_count);
    store_cache_add(seg->cache, b->slot, times, size);
    return true;
}

int store_block_times_read(struct segment_block *b, uint32_t group, struct moment_cursor *moments,
                           struct btr_err *err)
{
    uint32_t begin = b->groups[group].begin, end = b->groups[group + 1].begin;
    if (!b->timed && !times_new(moments->seg, b))
        return out_of_memory(err);
    int rc = times_fill(moments, b->moments, begin, end, b->first_ns, err);
    if (rc == 0 && (b->groups[group].shape & STORE_SHAPE_LASTS))
        rc = times_fill(moments, b->ends, begin, end, b->last_ns, err);
    else if (rc == 0)
        memcpy(b->last_ns + begin, b->first_ns + begin, (end - begin) * sizeof(*b->last_ns));
    if (rc < 0)
        return rc;
    if (!group_sound(b, begin, end))
        return store_segment_bad(moments->seg, err, STORE_EVENTS,
                                 b->first / store_segment_block_rows(moments->seg), "malformed");
    b->timed[group] = 1;
    return 0;
}

/* All but times; of formats without groups these, too. */
static bool columns_read(const struct store_segment *seg, uint32_t block, struct btr_span raw,
                         struct segment_block *b)
{
    struct store_read r = store_read_of(raw);
    struct numbering numbering = {block == 0 ? 0 : seg->bounds[block - 1].next_number,
                                  seg->bounds[block].next_number};
    ends_read(&r, b, numbering);
    if (!r.failed)
        kinds_read(&r, seg, b);
    if (!r.failed && seg->header.version < STORE_VERSION_GROUPS)
        old_times_read(&r, b, seg->bounds[block].first_ns);
    else if (!r.failed)
        moments_read(&r, b);
    return store_read_done(&r);
}

/* One allocation: the struct, in formats without groups first, last, timed; groups, moments, ends.
 */
static struct segment_block *block_new(const struct store_segment *seg, uint32_t block,
                                       size_t *size)
{
    bool is_old = seg->header.version < STORE_VERSION_GROUPS;
    uint32_t group_first = block == 0 ? 0 : seg->bounds[block - 1].next_group;
    uint32_t count = store_segment_block_events(seg, block);
    uint32_t group_count = seg->bounds[block].next_group - group_first;
    size_t times = is_old ? (size_t)count * 2 * sizeof(int64_t) : 0;
    size_t moments = is_old ? 0 : (size_t)count * 2 * sizeof(uint32_t);
    *size = sizeof(struct segment_block) + times + moments +
            ((size_t)group_count + 1) * sizeof(struct segment_group) + (is_old ? group_count : 0);
    struct segment_block *b = malloc(*size);
    if (!b)
        return NULL;
    *b = (struct segment_block){.first = block * store_segment_block_rows(seg),
                                .count = count,
                                .group_first = group_first,
                                .group_count = group_count};
    int64_t *at = (int64_t *)(b + 1);
    if (is_old) {
        b->first_ns = at;
        b->last_ns = at + count;
    }
    b->groups = (struct segment_group *)((uint8_t *)at + times);
    uint32_t *behind = (uint32_t *)(b->groups + group_count + 1);
    if (is_old) {
        b->timed = (uint8_t *)behind;
        memset(b->timed, 1, group_count);
    } else {
        b->moments = behind;
        b->ends = behind + count;
    }
    return b;
}

int store_segment_events_read(struct store_segment *seg, uint32_t block, struct segment_block **out,
                              size_t *size, struct btr_err *err)
{
    uint8_t *raw = NULL;
    int rc = store_segment_events_check(seg, STORE_EVENTS, block, err);
    if (rc == 0)
        rc = store_segment_bounds(seg, err);
    if (rc == 0)
        rc = store_segment_block(seg, STORE_EVENTS, block, &raw, err);
    if (rc < 0)
        return rc;
    struct segment_block *b = block_new(seg, block, size);
    struct btr_span bytes = {raw, seg->directory[STORE_EVENTS][block].raw_size};
    rc = b ? 0 : out_of_memory(err);
    if (b && !columns_read(seg, block, bytes, b))
        rc = store_segment_bad(seg, err, STORE_EVENTS, block, "malformed");
    free(raw);
    if (rc < 0) {
        free(b);
        return rc;
    }
    *out = b;
    return 0;
}

int store_segment_groups(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                         struct btr_err *err)
{
    size_t size = 0;
    int rc = store_segment_slot(seg, PART_EVENTS, STORE_EVENTS, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    struct segment_block *b = seg->ahead ? store_ahead_take(seg->ahead, seg, block, &size) : NULL;
    if (!b)
        rc = store_segment_events_read(seg, block, &b, &size, err);
    if (rc < 0)
        return rc;
    b->slot = *slot;
    return store_segment_keep(seg, *slot, b, size, err);
}

int store_segment_events(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                         struct btr_err *err)
{
    int rc = store_segment_groups(seg, block, slot, err);
    if (rc < 0)
        return rc;
    struct moment_cursor moments = STORE_MOMENT_CURSOR(seg);
    struct segment_block *b = (*slot)->data;
    for (uint32_t g = 0; rc == 0 && g < b->group_count; g++)
        rc = store_block_times(b, g, &moments, err);
    store_cursor_fini(&moments);
    if (rc < 0)
        store_cache_unpin(*slot);
    return rc;
}

uint32_t store_block_group(const struct segment_block *b, uint32_t event)
{
    uint32_t low = 0, high = b->group_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (b->groups[middle].begin <= event)
            low = middle;
        else
            high = middle;
    }
    return low;
}
