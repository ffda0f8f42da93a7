/* Entities, merged over the segments that tell of them. */
#include "reader.h"
#include "segment_load.h"

#include <btr/list.h>

/** Attributes gathered from segments before they are settled. */
struct attr_list {
    struct btr_attr *items;
    uint32_t count, capacity;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while reading an entity");
}

/* Copies a string of a segment into the arena. */
static int string_copy(struct store_segment *seg, uint32_t string, struct btr_arena *arena,
                       struct btr_span *out, struct btr_err *err)
{
    struct cache_slot *slot = NULL;
    int rc = store_segment_strings(seg, string, &slot, err);
    if (rc < 0)
        return rc;
    bool ok = btr_arena_copy(arena, store_strings_span(slot->data, string), out);
    store_cache_unpin(slot);
    return ok ? 0 : out_of_memory(err);
}

static struct btr_attr *attr_room(struct attr_list *list)
{
    if (!btr_list_room(&list->items, list->count, &list->capacity, 32, sizeof *list->items))
        return NULL;
    return &list->items[list->count];
}

/* Widens times and counts of an entity by what a segment tells. */
static void row_merge(struct btr_entity *to, const struct segment_entity *row, uint8_t kind)
{
    if (row->event_count > 0) {
        bool first = to->event_count == 0;
        to->first_ns = first || row->first_ns < to->first_ns ? row->first_ns : to->first_ns;
        to->last_ns = first || row->last_ns > to->last_ns ? row->last_ns : to->last_ns;
    }
    to->event_count += row->event_count;
    if (kind == BTR_KIND_NONE) /* mentioned only: its flags say nothing */
        return;
    to->flags = store_flags_join(to->kind, to->flags, row->flags);
    to->kind = kind;
}

static int attrs_gather(struct store_segment *seg, const struct segment_attr *attrs, uint32_t count,
                        struct btr_arena *arena, struct attr_list *list, struct btr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        struct btr_attr *to = attr_room(list);
        if (!to)
            return out_of_memory(err);
        *to = (struct btr_attr){.key = attrs[i].key, .since_ns = attrs[i].since_ns};
        int rc = string_copy(seg, attrs[i].value, arena, &to->value, err);
        if (rc < 0)
            return rc;
        list->count++;
    }
    return 0;
}

static int host_gather(struct store_segment *seg, uint32_t string, struct btr_arena *arena,
                       struct btr_entity *to, struct btr_err *err)
{
    struct btr_span host;
    int rc = string_copy(seg, string, arena, &host, err);
    if (rc == 0 && store_host_before(host, to->host))
        to->host = host;
    return rc;
}

/* Adds what one segment tells of the entity with this number. */
static int entity_gather(struct store_segment *seg, uint32_t number, struct btr_arena *arena,
                         struct attr_list *list, struct btr_entity *to, struct btr_err *err)
{
    struct cache_slot *slot = NULL;
    int rc = store_segment_entities(seg, number / store_segment_entity_rows(seg), &slot, err);
    if (rc < 0)
        return rc;
    const struct segment_entities *e = slot->data;
    const struct segment_entity *row = &e->rows[number - e->first];
    struct btr_id id;
    uint8_t kind;
    rc = store_segment_who(seg, number, &id, &kind, err);
    if (rc == 0)
        row_merge(to, row, kind);
    if (rc == 0 && row->host > 0)
        rc = host_gather(seg, row->host - 1, arena, to, err);
    if (rc == 0)
        rc = attrs_gather(seg, e->attrs + row->attr_begin, row[1].attr_begin - row->attr_begin,
                          arena, list, err);
    store_cache_unpin(slot);
    return rc;
}

static int attr_compare(const void *x, const void *y)
{
    const struct btr_attr *a = x, *b = y;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (a->since_ns != b->since_ns)
        return a->since_ns < b->since_ns ? -1 : 1;
    return btr_span_compare(a->value, b->value);
}

/* Sorts by key, then time; a value that repeats the one before it tells nothing. */
static int attrs_settle(struct attr_list *list, struct btr_arena *arena, struct btr_entity *to,
                        struct btr_err *err)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), attr_compare);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct btr_attr *a = &list->items[i];
        if (kept > 0 && list->items[kept - 1].key == a->key &&
            btr_span_equal(list->items[kept - 1].value, a->value))
            continue;
        list->items[kept++] = *a;
    }
    struct btr_attr *attrs =
        btr_arena_alloc(arena, kept * sizeof(*attrs), _Alignof(struct btr_attr));
    if (!attrs)
        return out_of_memory(err);
    if (kept > 0)
        memcpy(attrs, list->items, kept * sizeof(*attrs));
    to->attrs = attrs;
    to->attr_count = kept;
    return 0;
}

static int flows_count(void *self, const struct btr_flow *flows, uint32_t count)
{
    (void)flows;
    *(uint64_t *)self += count;
    return 0;
}

/* The counts of segments add up, unless they may tell the same: then the events are counted. */
static int count_settle(struct btr_reader *r, struct btr_entity *e, struct btr_err *err)
{
    uint64_t count = 0;
    int rc = reader_once_settle(r, err);
    if (rc <= 0 || e->event_count < 2 || !reader_once_may(r, e->first_ns, e->last_ns))
        return rc < 0 ? rc : 0;
    rc = btr_reader_flows(r, e->id, BTR_SIDE_ALL, 0, NULL, flows_count, &count, err);
    e->event_count = count;
    return rc;
}

/* Adds what a segment tells of an entity that may be in it. @return 1, 0 when it is not, or a
 * failure */
static int entity_seek(struct btr_reader *r, uint32_t segment, struct btr_arena *arena,
                       struct attr_list *list, struct btr_entity *to, struct btr_err *err)
{
    struct store_segment *seg = &r->segments[segment].seg;
    uint32_t number = UINT32_MAX;
    int rc = reader_segment_may_hold(r, segment, to->id, err);
    if (rc <= 0)
        return rc;
    rc = reader_segment_entities(r, segment, err);
    if (rc == 0)
        rc = store_segment_find(seg, to->id, &number, err);
    if (rc < 0 || number == UINT32_MAX)
        return rc;
    rc = entity_gather(seg, number, arena, list, to, err);
    return rc < 0 ? rc : 1;
}

/* Adds what all segments tell, in their order. @return whether any does, or a failure */
static int entity_collect(struct btr_reader *r, struct btr_arena *arena, struct attr_list *list,
                          struct btr_entity *to, struct btr_err *err)
{
    int rc = 0, found = 0;
    if (!reader_places_ask(r)) {
        reader_segments_hold_ask(r, to->id);
        for (uint32_t i = 0; rc >= 0 && i < r->segment_count; i++) {
            rc = entity_seek(r, i, arena, list, to, err);
            found |= rc > 0;
        }
        return rc < 0 ? rc : found;
    }
    int count = reader_places_find(r, to->id, err);
    for (int i = 0; rc == 0 && i < count; i++) {
        struct reader_place place = r->places.found[i];
        rc = reader_segment_entities(r, place.segment, err);
        if (rc == 0)
            rc = entity_gather(&r->segments[place.segment].seg, place.number, arena, list, to, err);
    }
    return rc < 0 ? rc : count;
}

int btr_reader_entity(struct btr_reader *r, struct btr_id id, struct btr_arena *arena,
                      struct btr_entity *out, struct btr_err *err)
{
    int rc = btr_reader_entity_uncounted(r, id, arena, out, err);
    return rc == 0 ? count_settle(r, out, err) : rc;
}

int btr_reader_entity_uncounted(struct btr_reader *r, struct btr_id id, struct btr_arena *arena,
                                struct btr_entity *out, struct btr_err *err)
{
    struct attr_list list = {0};
    struct btr_entity entity = {.id = id};
    reader_segments_want(r);
    int found = entity_collect(r, arena, &list, &entity, err);
    int rc = found < 0 ? found : 0;
    if (found == 0) {
        char text[BTR_ID_TEXT_SIZE];
        btr_id_text(id, text);
        rc = btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "no entity %s", text);
    }
    if (rc == 0)
        rc = attrs_settle(&list, arena, &entity, err);
    free(list.items);
    if (rc == 0)
        *out = entity;
    return rc;
}

int btr_reader_entity_at(struct btr_reader *r, btr_event_ref ref, struct btr_id id,
                         struct btr_arena *arena, struct btr_entity *out, struct btr_err *err)
{
    struct attr_list list = {0};
    struct btr_entity entity = {.id = id};
    uint32_t segment = (uint32_t)(ref >> 32), number = UINT32_MAX;
    if (segment >= r->segment_count)
        return BTR_E_NOTFOUND;
    int rc = reader_segment_entities(r, segment, err);
    if (rc == 0)
        rc = store_segment_find(&r->segments[segment].seg, id, &number, err);
    if (rc == 0 && number == UINT32_MAX)
        return BTR_E_NOTFOUND;
    if (rc == 0)
        rc = entity_gather(&r->segments[segment].seg, number, arena, &list, &entity, err);
    if (rc == 0)
        rc = attrs_settle(&list, arena, &entity, err);
    free(list.items);
    if (rc == 0)
        *out = entity;
    return rc;
}

struct btr_span btr_entity_attr(const struct btr_entity *entity, enum btr_attr_key key,
                                int64_t at_ns)
{
    struct btr_span value = {NULL, 0};
    bool found = false;
    for (uint32_t i = 0; i < entity->attr_count; i++) {
        const struct btr_attr *a = &entity->attrs[i];
        if (a->key != key || (found && a->since_ns > at_ns))
            continue;
        value = a->value;
        found = true;
    }
    return value;
}

/* ---- All entities --------------------------------------------------------------------------- */

/** A segment's place in the merge. */
struct merge_cursor {
    struct store_segment *seg;
    uint32_t segment, place;
    struct btr_id id; /* at place */
};

struct entity_merge {
    struct btr_reader *reader;
    struct merge_cursor *heap; /* least id first, then segment */
    uint32_t heap_count;
    struct attr_list attrs;
    struct btr_arena *arena; /* of the entity at hand */
    enum btr_kind kind;
    int64_t since_ns, until_ns;
};

static bool cursor_before(const struct merge_cursor *a, const struct merge_cursor *b)
{
    int c = btr_id_compare(a->id, b->id);
    return c != 0 ? c < 0 : a->segment < b->segment;
}

static void heap_sink(struct entity_merge *m, uint32_t at)
{
    struct merge_cursor moved = m->heap[at];
    for (uint32_t child; (child = 2 * at + 1) < m->heap_count; at = child) {
        if (child + 1 < m->heap_count && cursor_before(&m->heap[child + 1], &m->heap[child]))
            child++;
        if (!cursor_before(&m->heap[child], &moved))
            break;
        m->heap[at] = m->heap[child];
    }
    m->heap[at] = moved;
}

/* Reads the id at the place of a cursor. */
static int cursor_read(struct merge_cursor *c, struct btr_err *err)
{
    uint8_t kind;
    return store_segment_who(c->seg, c->seg->sorted[c->place], &c->id, &kind, err);
}

static int heap_step(struct entity_merge *m, struct btr_err *err)
{
    struct merge_cursor *c = &m->heap[0];
    int rc = 0;
    if (++c->place < c->seg->header.entity_count)
        rc = cursor_read(c, err);
    else
        *c = m->heap[--m->heap_count];
    if (m->heap_count > 0)
        heap_sink(m, 0);
    return rc;
}

static int heap_make(struct entity_merge *m, struct btr_err *err)
{
    struct btr_reader *r = m->reader;
    m->heap = calloc((size_t)r->segment_count + 1, sizeof(*m->heap));
    if (!m->heap)
        return out_of_memory(err);
    for (uint32_t i = 0; i < r->segment_count; i++) {
        struct store_segment *seg = &r->segments[i].seg;
        struct merge_cursor *c = &m->heap[m->heap_count];
        int rc = reader_segment_entities(r, i, err);
        if (rc == 0)
            rc = store_segment_sort(seg, err);
        *c = (struct merge_cursor){.seg = seg, .segment = i};
        if (rc == 0 && seg->header.entity_count > 0) {
            rc = cursor_read(c, err);
            m->heap_count++;
        }
        if (rc < 0)
            return rc;
    }
    for (uint32_t i = m->heap_count / 2; i-- > 0;)
        heap_sink(m, i);
    return 0;
}

bool reader_entity_wanted(const struct btr_entity *e, enum btr_kind kind, int64_t since_ns,
                          int64_t until_ns)
{
    if (kind != BTR_KIND_NONE && e->kind != kind)
        return false;
    if (e->event_count == 0) /* noted only: part of an unbounded answer */
        return since_ns == INT64_MIN && until_ns == INT64_MAX;
    return e->first_ns <= until_ns && e->last_ns >= since_ns;
}

/* Gathers the entity at the top of the heap from all segments that have it, in their order. */
static int entity_next(struct entity_merge *m, struct btr_entity *e, struct btr_err *err)
{
    *e = (struct btr_entity){.id = m->heap[0].id};
    m->attrs.count = 0;
    btr_arena_reset(m->arena);
    while (m->heap_count > 0 && btr_id_equal(m->heap[0].id, e->id)) {
        struct merge_cursor *c = &m->heap[0];
        int rc = entity_gather(c->seg, c->seg->sorted[c->place], m->arena, &m->attrs, e, err);
        if (rc == 0)
            rc = heap_step(m, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int merge_run(struct entity_merge *m, btr_entity_visit *visit, void *self,
                     struct btr_err *err)
{
    int rc = heap_make(m, err);
    while (rc == 0 && m->heap_count > 0) {
        struct btr_entity e;
        rc = entity_next(m, &e, err);
        if (rc == 0 && !btr_id_is_none(e.id) &&
            reader_entity_wanted(&e, m->kind, m->since_ns, m->until_ns)) {
            rc = attrs_settle(&m->attrs, m->arena, &e, err);
            if (rc == 0)
                rc = count_settle(m->reader, &e, err);
            if (rc == 0)
                rc = visit(self, &e);
        }
    }
    return rc;
}

int btr_reader_entities(struct btr_reader *r, enum btr_kind kind, int64_t since_ns,
                        int64_t until_ns, btr_entity_visit *visit, void *self, struct btr_err *err)
{
    struct entity_merge m = {.reader = r, .kind = kind, .since_ns = since_ns, .until_ns = until_ns};
    m.arena = btr_arena_new(SIZE_MAX / 4);
    int rc = m.arena ? merge_run(&m, visit, self, err) : out_of_memory(err);
    btr_arena_free(m.arena);
    free(m.heap);
    free(m.attrs.items);
    return rc;
}
