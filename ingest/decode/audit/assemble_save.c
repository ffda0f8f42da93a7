#include "assemble.h"

/*
 * The assembler's state as bytes: the stream, then the open events in order, each with its records
 * as they came. What follows from the records is not written, so one state has one encoding; on
 * loading everything is checked anew.
 */

enum {
    SAVE_VERSION = 1,
    STREAM_ANY = 1,
    STREAM_MARKED = 2,
    SLOT_DUE = 1,
    SLOT_WAITS = 2,
    SLOT_ENDED = 4,
    SLOT_FLAGS = 7
};
#define ORDER_MAX (UINT64_MAX / 2)

static void slot_put(const struct audit_slot_event *slot, struct btr_buffer *out)
{
    btr_buffer_u8(out, (uint8_t)((slot->due ? SLOT_DUE : 0) | (slot->waits ? SLOT_WAITS : 0) |
                                 (slot->ended ? SLOT_ENDED : 0)));
    btr_buffer_varint(out, slot->order);
    btr_buffer_varint(out, slot->until_order);
    btr_buffer_svarint(out, slot->until_ns);
    btr_buffer_svarint(out, slot->time_ns);
    btr_buffer_varint(out, slot->serial);
    btr_buffer_varint(out, slot->given);
    btr_buffer_varint(out, slot->part_count);
    for (uint32_t i = 0; i < slot->part_count; i++) {
        const struct audit_part *part = &slot->parts[i];
        btr_buffer_varint(out, part->line);
        btr_buffer_varint(out, part->size);
        btr_buffer_put(out, slot->text.at + part->at, part->size);
    }
}

int audit_assembler_save(const struct audit_assembler *a, struct btr_buffer *out)
{
    btr_buffer_u8(out, SAVE_VERSION);
    btr_buffer_u8(out, (uint8_t)((a->any ? STREAM_ANY : 0) | (a->ends_marked ? STREAM_MARKED : 0)));
    btr_buffer_varint(out, a->highest);
    btr_buffer_svarint(out, a->clock_ns);
    btr_buffer_svarint(out, a->last_ns);
    btr_buffer_varint(out, a->strays);
    btr_buffer_varint(out, a->outliers);
    btr_buffer_varint(out, a->behind);
    btr_buffer_varint(out, a->evicted);
    btr_buffer_varint(out, a->open);
    for (uint32_t i = a->first; i != AUDIT_SLOT_NONE; i = a->slots[i].next)
        slot_put(&a->slots[i], out);
    return out->failed ? BTR_E_NOMEM : 0;
}

static bool get_u32(struct btr_cursor *c, uint32_t *out)
{
    uint64_t value;
    if (!btr_cursor_varint(c, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool get_order(struct btr_cursor *c, uint64_t *out)
{
    return btr_cursor_varint(c, out) && *out <= ORDER_MAX;
}

/* A record time, or INT64_MIN where there may be none. */
static bool get_time(struct btr_cursor *c, bool none, int64_t *out)
{
    if (!btr_cursor_svarint(c, out))
        return false;
    return (none && *out == INT64_MIN) ||
           (*out >= 0 && *out <= AUDIT_TIME_NS_MAX + AUDIT_WINDOW_NS);
}

static int refuse(const struct btr_cursor *c, struct btr_err *err)
{
    return btr_fail(err, BTR_E_FORMAT, c->offset, "saved audit records are damaged");
}

static int part_get(struct audit_assembler *a, struct audit_slot_event *slot, struct btr_cursor *c,
                    struct btr_err *err)
{
    uint64_t line, size;
    struct btr_span record;
    struct audit_head head;
    if (!btr_cursor_varint(c, &line) || !btr_cursor_varint(c, &size) || size > c->rest.size ||
        !btr_cursor_span(c, (size_t)size, &record) || record.size > a->size_max)
        return refuse(c, err);
    if (audit_head_parse(record, NULL, &head, NULL) < 0 || head.type == AUDIT_TYPE_EOE_)
        return refuse(c, err);
    if (head.stamped && (head.time_ns != slot->time_ns || head.serial != slot->serial))
        return refuse(c, err);
    int rc = audit_slot_append(a, slot, &head, record, line);
    if (rc < 0)
        return btr_fail(err, rc, c->offset, "saved audit records");
    return 0;
}

static int parts_get(struct audit_assembler *a, struct audit_slot_event *slot, struct btr_cursor *c,
                     struct btr_err *err)
{
    uint32_t count;
    if (!get_u32(c, &count) || count == 0)
        return refuse(c, err);
    for (uint32_t i = 0; i < count; i++) {
        int rc = part_get(a, slot, c, err);
        if (rc < 0)
            return rc;
    }
    bool good = (!slot->alone || count == 1) && (slot->given == 0 || slot->given < slot->leads);
    return good ? 0 : refuse(c, err);
}

static int slot_get(struct audit_assembler *a, struct btr_cursor *c, struct btr_err *err)
{
    struct audit_slot_event *slot = audit_slot_take(a);
    uint8_t flags;
    if (!slot && a->slot_capacity < audit_slots_most(a))
        return btr_fail(err, BTR_E_NOMEM, c->offset, "saved audit events");
    if (!slot)
        return btr_fail(err, BTR_E_LIMIT, c->offset, "more saved audit events than may be open");
    bool good = btr_cursor_u8(c, &flags) && flags <= SLOT_FLAGS && get_order(c, &slot->order) &&
                get_order(c, &slot->until_order) && get_time(c, false, &slot->until_ns) &&
                get_time(c, false, &slot->time_ns) && get_u32(c, &slot->serial) &&
                get_u32(c, &slot->given) &&
                (a->last == AUDIT_SLOT_NONE || a->slots[a->last].order <= slot->order);
    if (!good)
        return refuse(c, err);
    int rc = parts_get(a, slot, c, err);
    if (rc < 0)
        return rc;
    slot->due = flags & SLOT_DUE;
    slot->waits = flags & SLOT_WAITS;
    slot->ended = flags & SLOT_ENDED;
    audit_slot_link(a, slot);
    return 0;
}

static int stream_get(struct audit_assembler *a, struct btr_cursor *c, uint32_t *open,
                      struct btr_err *err)
{
    uint8_t version, flags;
    if (!btr_cursor_u8(c, &version))
        return btr_fail(err, BTR_E_TRUNCATED, 0, "saved audit records are empty");
    if (version != SAVE_VERSION)
        return btr_fail(err, BTR_E_VERSION, 0,
                        "saved audit records have version %u, this program knows %d", version,
                        SAVE_VERSION);
    bool good = btr_cursor_u8(c, &flags) && flags <= (STREAM_ANY | STREAM_MARKED) &&
                get_order(c, &a->highest) && get_time(c, true, &a->clock_ns) &&
                get_time(c, true, &a->last_ns) && get_u32(c, &a->strays) &&
                get_u32(c, &a->outliers) && get_u32(c, &a->behind) &&
                btr_cursor_varint(c, &a->evicted) && get_u32(c, open);
    if (!good)
        return refuse(c, err);
    a->any = flags & STREAM_ANY;
    a->ends_marked = flags & STREAM_MARKED;
    return *open <= a->slot_max + 1
               ? 0
               : btr_fail(err, BTR_E_LIMIT, c->offset,
                          "%u saved audit events, at most %u may be open", *open, a->slot_max);
}

int audit_assembler_load(struct audit_assembler *a, struct btr_span saved, struct btr_err *err)
{
    struct btr_cursor c = {saved, 0};
    uint32_t open = 0;
    audit_assembler_clear(a);
    int rc = stream_get(a, &c, &open, err);
    for (uint32_t i = 0; rc == 0 && i < open; i++)
        rc = slot_get(a, &c, err);
    if (rc == 0 && c.rest.size > 0)
        rc = refuse(&c, err);
    if (rc < 0)
        audit_assembler_clear(a);
    return rc;
}
