#include "follow_reading.h"

#include <stdlib.h>

enum { MARKS_MAX = 65536 };

struct follow_reading *follow_reading_new(void)
{
    return calloc(1, sizeof(struct follow_reading));
}

void follow_reading_free(struct follow_reading *r)
{
    if (!r)
        return;
    follow_order_fini(&r->order);
    free(r->marks);
    free(r);
}

static struct follow_mark *mark_add(struct follow_reading *r)
{
    if (r->mark_count == r->mark_capacity) {
        uint32_t capacity = r->mark_capacity ? r->mark_capacity * 2 : 1;
        struct follow_mark *grown =
            capacity > MARKS_MAX ? NULL : realloc(r->marks, capacity * sizeof *grown);
        if (!grown)
            return NULL;
        r->marks = grown;
        r->mark_capacity = capacity;
    }
    struct follow_mark *mark = &r->marks[r->mark_count++];
    *mark = (struct follow_mark){.unsaved = -1, .current = -1, .last.time_ns = INT64_MIN};
    return mark;
}

struct follow_mark *follow_mark_of(struct follow_reading *r, uint64_t head_hash, int64_t first)
{
    for (uint32_t i = 0; i < r->mark_count; i++)
        if (r->marks[i].head_hash == head_hash)
            return &r->marks[i];
    struct follow_mark *mark = mark_add(r);
    if (!mark)
        return NULL;
    mark->head_hash = head_hash;
    mark->next = first;
    return mark;
}

void follow_marks_put(struct btr_buffer *out, const struct follow_reading *r)
{
    btr_buffer_varint(out, r->mark_count);
    for (uint32_t i = 0; i < r->mark_count; i++) {
        btr_buffer_u64(out, r->marks[i].head_hash);
        btr_buffer_varint(out, (uint64_t)r->marks[i].next);
    }
    follow_order_put(out, &r->order);
}

bool follow_marks_get(struct btr_cursor *in, struct follow_reading *r)
{
    uint64_t count, head_hash, next;
    if (!btr_cursor_varint(in, &count) || count > MARKS_MAX)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!btr_cursor_u64(in, &head_hash) || !btr_cursor_varint(in, &next) || next > INT64_MAX)
            return false;
        struct follow_mark *mark = mark_add(r);
        if (!mark)
            return false;
        mark->head_hash = head_hash;
        mark->next = (int64_t)next;
    }
    return follow_order_get(in, &r->order);
}
