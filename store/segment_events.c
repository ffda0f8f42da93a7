/* Decoding of events, details and index blocks (docs/FORMAT.md, "Events", "Index"). */
#include "read.h"
#include "segment.h"

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading a segment");
}

/* An event block holds STORE_BLOCK_EVENTS events, the last one the rest. */
static uint32_t events_of_block(const struct store_segment *seg, uint32_t block)
{
    uint32_t left = seg->header.event_count - block * STORE_BLOCK_EVENTS;
    return left < STORE_BLOCK_EVENTS ? left : STORE_BLOCK_EVENTS;
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
static void ends_read(struct store_read *r, struct segment_event *events, uint32_t count,
                      struct numbering numbering)
{
    uint32_t codes[STORE_BLOCK_EVENTS], sizes[STORE_BLOCK_EVENTS]; /* 64 KiB of stack */
    uint32_t run_count = store_read_upto(r, count), run = 0, left = 0, total = 0;
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
    uint32_t subject = 0;
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        if (left == 0) {
            subject = number_of(r, &numbering, codes[run]);
            left = sizes[run++];
        }
        events[i].subject = subject;
        events[i].object = number_of(r, &numbering, store_read_varint(r));
        left--;
    }
    r->failed = r->failed || numbering.next != numbering.end;
}

static void times_read(struct store_read *r, struct segment_event *events, uint32_t count,
                       int64_t base_ns)
{
    uint64_t at = (uint64_t)base_ns;
    for (uint32_t i = 0; i < count; i++) {
        at += store_unzigzag(store_read_varint(r));
        events[i].last_ns = (int64_t)at;
    }
    for (uint32_t i = 0; i < count; i++) {
        events[i].first_ns = (int64_t)((uint64_t)events[i].last_ns - store_read_varint(r));
        r->failed = r->failed || events[i].first_ns > events[i].last_ns;
    }
}

static bool events_read(const struct store_segment *seg, uint32_t block, struct btr_span raw,
                        struct segment_event *events, uint32_t count)
{
    struct store_read r = store_read_of(raw);
    struct numbering numbering = {block == 0 ? 0 : seg->bounds[block - 1].next_number,
                                  seg->bounds[block].next_number};
    ends_read(&r, events, count, numbering);
    struct btr_span operations = store_read_bytes(&r, count), doubts = store_read_bytes(&r, count);
    struct btr_span flags = store_read_bytes(&r, count);
    if (r.failed)
        return false;
    uint8_t direction[UINT8_MAX + 1];
    for (unsigned i = 0; i <= UINT8_MAX; i++)
        direction[i] = (uint8_t)btr_operation_direction(i);
    for (uint32_t i = 0; i < count; i++) {
        events[i].operation = operations.at[i];
        events[i].doubt = doubts.at[i];
        events[i].flags = flags.at[i];
        events[i].direction = direction[operations.at[i]];
    }
    for (uint32_t i = 0; i < count; i++) {
        events[i].stream = store_read_upto(&r, UINT32_MAX);
        r.failed = r.failed || events[i].stream >= seg->header.stream_count;
    }
    times_read(&r, events, count, seg->bounds[block].first_ns);
    return store_read_done(&r);
}

/* Checks that a block of a section of events has the count that its place asks for. */
static int count_check(struct store_segment *seg, unsigned section, uint32_t block,
                       struct btr_err *err)
{
    if (seg->section_of[section]->block_count != store_segment_block_count(seg) ||
        seg->directory[section][block].count != events_of_block(seg, block))
        return store_segment_bad(seg, err, section, block, "has not the events it should have");
    return 0;
}

int store_segment_events(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                         struct btr_err *err)
{
    uint8_t *raw = NULL;
    int rc = store_segment_slot(seg, PART_EVENTS, STORE_EVENTS, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    rc = count_check(seg, STORE_EVENTS, block, err);
    if (rc == 0)
        rc = store_segment_bounds(seg, err);
    if (rc == 0)
        rc = store_segment_block(seg, STORE_EVENTS, block, &raw, err);
    if (rc < 0)
        return rc;
    uint32_t count = events_of_block(seg, block);
    struct segment_event *events = malloc(count * sizeof(*events));
    struct btr_span bytes = {raw, seg->directory[STORE_EVENTS][block].raw_size};
    if (!events)
        rc = out_of_memory(err);
    else if (!events_read(seg, block, bytes, events, count))
        rc = store_segment_bad(seg, err, STORE_EVENTS, block, "malformed");
    free(raw);
    if (rc < 0) {
        free(events);
        return rc;
    }
    return store_segment_keep(seg, *slot, events, count * sizeof(*events), err);
}

/* ---- Details -------------------------------------------------------------------------------- */

/* Times are differences from the order time, which the event block tells. */
static bool details_read(struct btr_span raw, const struct segment_event *events,
                         struct segment_detail *details, uint32_t count)
{
    struct store_read r = store_read_of(raw);
    uint64_t before = 0;
    for (uint32_t i = 0; i < count; i++)
        details[i].time_ns =
            (int64_t)((uint64_t)events[i].last_ns + store_unzigzag(store_read_varint(&r)));
    for (uint32_t i = 0; i < count; i++)
        details[i].bytes = store_read_varint(&r) - 1;
    for (uint32_t i = 0; i < count; i++)
        details[i].record_id = before += store_unzigzag(store_read_varint(&r));
    before = 0;
    for (uint32_t i = 0; i < count; i++)
        details[i].line = before += store_unzigzag(store_read_varint(&r));
    return store_read_done(&r);
}

static int details_decode(struct store_segment *seg, uint32_t block, struct cache_slot *slot,
                          const struct segment_event *events, struct btr_err *err)
{
    uint8_t *raw = NULL;
    int rc = count_check(seg, STORE_DETAILS, block, err);
    if (rc == 0)
        rc = store_segment_block(seg, STORE_DETAILS, block, &raw, err);
    if (rc < 0)
        return rc;
    uint32_t count = events_of_block(seg, block);
    struct segment_detail *details = malloc(count * sizeof(*details));
    struct btr_span bytes = {raw, seg->directory[STORE_DETAILS][block].raw_size};
    if (!details)
        rc = out_of_memory(err);
    else if (!details_read(bytes, events, details, count))
        rc = store_segment_bad(seg, err, STORE_DETAILS, block, "malformed");
    free(raw);
    if (rc < 0) {
        free(details);
        return rc;
    }
    return store_segment_keep(seg, slot, details, count * sizeof(*details), err);
}

int store_segment_details(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                          struct btr_err *err)
{
    int rc = store_segment_slot(seg, PART_DETAILS, STORE_DETAILS, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    struct cache_slot *events = NULL;
    rc = store_segment_events(seg, block, &events, err);
    if (rc < 0)
        return rc;
    rc = details_decode(seg, block, *slot, events->data, err);
    store_cache_unpin(events);
    return rc;
}

/* ---- Index ---------------------------------------------------------------------------------- */

static void runs_read(struct store_read *r, struct segment_index *x, uint32_t event_count)
{
    uint64_t expected = 0;
    for (uint32_t i = 0; i < x->count; i++)
        x->run_count[i] = store_read_upto(r, event_count);
    for (uint32_t i = 0; i < x->count; i++) {
        x->run_first[i] = 0;
        if (x->run_count[i] == 0)
            continue;
        uint64_t first = expected + store_unzigzag(store_read_varint(r));
        if (first > event_count || x->run_count[i] > event_count - first) {
            r->failed = true;
            return;
        }
        x->run_first[i] = (uint32_t)first;
        expected = first + x->run_count[i];
    }
}

/* @return postings of all lists; they were counted against what is left to read */
static uint32_t lists_read(struct store_read *r, struct segment_index *x)
{
    uint64_t total = 0;
    for (uint32_t list = 0; list < SEGMENT_LISTS; list++) {
        for (uint32_t i = 0; i < x->count; i++) {
            uint32_t size = store_read_upto(r, UINT32_MAX);
            x->list_begin[(size_t)i * SEGMENT_LISTS + list] = size;
            total += size;
        }
    }
    if (total > store_read_rest(r)) { /* a posting is at least a byte */
        r->failed = true;
        return 0;
    }
    uint32_t begin = 0;
    for (size_t i = 0; i < (size_t)x->count * SEGMENT_LISTS; i++) {
        uint32_t size = x->list_begin[i];
        x->list_begin[i] = begin;
        begin += size;
    }
    x->list_begin[(size_t)x->count * SEGMENT_LISTS] = begin;
    return begin;
}

static void postings_read(struct store_read *r, struct segment_index *x, uint32_t event_count)
{
    uint64_t before = 0;
    for (size_t i = 0; i < (size_t)x->count * SEGMENT_LISTS && !r->failed; i++) {
        uint64_t at = before;
        for (uint32_t k = x->list_begin[i]; k < x->list_begin[i + 1]; k++) {
            bool is_first = k == x->list_begin[i];
            uint64_t step = store_read_varint(r);
            at += is_first ? store_unzigzag(step) : step + 1;
            r->failed = r->failed || at >= event_count;
            x->postings[k] = (uint32_t)at;
            before = is_first ? at : before;
        }
    }
}

/* The arrays, but for postings, in one allocation with the struct. */
static struct segment_index *index_new(uint32_t first, uint32_t count, size_t raw_size,
                                       size_t *size)
{
    size_t numbers = (size_t)count * (2 + SEGMENT_LISTS) + 1 + raw_size;
    *size = sizeof(struct segment_index) + numbers * sizeof(uint32_t);
    struct segment_index *x = malloc(*size);
    if (!x)
        return NULL;
    uint32_t *at = (uint32_t *)(x + 1);
    *x = (struct segment_index){.first = first, .count = count};
    x->run_first = at;
    x->run_count = at + count;
    x->list_begin = at + (size_t)count * 2;
    x->postings = x->list_begin + (size_t)count * SEGMENT_LISTS + 1;
    return x;
}

/* Gives back what was asked for too many postings. */
static struct segment_index *index_trim(struct segment_index *x, uint32_t posting_count,
                                        size_t *size)
{
    size_t used = (size_t)((uint8_t *)(x->postings + posting_count) - (uint8_t *)x);
    struct segment_index *moved = realloc(x, used);
    if (!moved)
        return x;
    *size = used;
    uint32_t *at = (uint32_t *)(moved + 1);
    moved->run_first = at;
    moved->run_count = at + moved->count;
    moved->list_begin = at + (size_t)moved->count * 2;
    moved->postings = moved->list_begin + (size_t)moved->count * SEGMENT_LISTS + 1;
    return moved;
}

static int index_decode(struct store_segment *seg, uint32_t block, struct cache_slot *slot,
                        struct btr_err *err)
{
    uint8_t *raw = NULL;
    int rc = store_segment_block(seg, STORE_INDEX, block, &raw, err);
    if (rc < 0)
        return rc;
    const struct store_block *b = &seg->directory[STORE_INDEX][block];
    size_t size = 0;
    uint32_t postings = 0;
    struct segment_index *x = index_new(b->first, b->count, b->raw_size, &size);
    if (!x) {
        free(raw);
        return out_of_memory(err);
    }
    struct store_read r = store_read_of((struct btr_span){raw, b->raw_size});
    runs_read(&r, x, seg->header.event_count);
    if (!r.failed)
        postings = lists_read(&r, x);
    if (!r.failed)
        postings_read(&r, x, seg->header.event_count);
    free(raw);
    if (!store_read_done(&r)) {
        free(x);
        return store_segment_bad(seg, err, STORE_INDEX, block, "malformed");
    }
    x = index_trim(x, postings, &size);
    return store_segment_keep(seg, slot, x, size, err);
}

int store_segment_index(struct store_segment *seg, uint32_t block, struct cache_slot **slot,
                        struct btr_err *err)
{
    int rc = store_segment_slot(seg, PART_INDEX, STORE_INDEX, block, slot, err);
    if (rc < 0)
        return rc;
    if ((*slot)->data) {
        store_cache_pin(*slot);
        return 0;
    }
    const struct store_block *b = &seg->directory[STORE_INDEX][block];
    uint64_t left = (uint64_t)seg->header.entity_count - (uint64_t)block * STORE_INDEX_ENTITIES;
    if (b->first != block * STORE_INDEX_ENTITIES ||
        b->count != (left < STORE_INDEX_ENTITIES ? left : STORE_INDEX_ENTITIES))
        return store_segment_bad(seg, err, STORE_INDEX, block,
                                 "has not the entities it should have");
    return index_decode(seg, block, *slot, err);
}
