#include "assemble.h"

/*
 * Puts the records of one event together. The key of an event is its whole stamp, time and serial:
 * a serial alone comes again after a boot. Events are kept in a list by `order`, the serial widened
 * to 64 bits: compared within half of its range it survives the wrap, and a counter that began anew
 * gets an upper half of its own.
 */

#define ORDER_FIRST (UINT64_C(1) << 32)
enum { STRAYS_LASTING = 16, CLOCK_LASTING = 64, GOES_ON_SERIALS = 100000 };
#define FAR_NS INT64_C(10000000000)

/* The event's place in order. A serial far below the highest is a stray, unless its time or its
   like say that the counter began anew. */
static uint64_t order_find(struct audit_assembler *a, const struct audit_head *head)
{
    if (!a->any)
        return ORDER_FIRST + head->serial;
    int32_t ahead = (int32_t)(head->serial - (uint32_t)a->highest);
    uint64_t order = a->highest + (uint64_t)(int64_t)ahead;
    bool stray = ahead < -AUDIT_WINDOW_SERIALS;
    a->strays = stray ? a->strays + 1 : 0;
    if (!stray || (head->time_ns <= a->clock_ns && a->strays < STRAYS_LASTING))
        return order;
    a->strays = 0;
    return (a->highest | UINT32_MAX) + 1 + head->serial;
}

/* One record's time far ahead of all others says nothing; two in a row do. A clock set back is
 * followed after a while. */
static void clock_move(struct audit_assembler *a, int64_t time_ns)
{
    if (a->clock_ns == INT64_MIN) {
        a->clock_ns = time_ns;
        return;
    }
    bool far = time_ns > a->clock_ns + FAR_NS;
    a->outliers = far ? a->outliers + 1 : 0;
    a->behind = time_ns < a->clock_ns - FAR_NS ? a->behind + 1 : 0;
    if (a->behind >= CLOCK_LASTING || (time_ns > a->clock_ns && (!far || a->outliers > 1))) {
        a->clock_ns = time_ns;
        a->outliers = a->behind = 0;
    }
}

int audit_assembler_older(const struct audit_assembler *a, struct btr_span record)
{
    struct audit_stamp stamp = {0};
    struct audit_head head;
    struct btr_err err;
    if (audit_head_parse(record, &stamp, &head, &err) < 0 || !head.stamped)
        return -1;
    if (!a->any || a->clock_ns == INT64_MIN)
        return 0;
    int32_t ahead = (int32_t)(head.serial - (uint32_t)a->highest);
    bool goes_on = ahead > 0 && ahead <= GOES_ON_SERIALS;
    return head.time_ns < a->clock_ns - FAR_NS && !goes_on;
}

static struct audit_slot_event *slot_find(struct audit_assembler *a, const struct audit_head *head,
                                          uint64_t order)
{
    for (uint32_t i = a->last; i != AUDIT_SLOT_NONE && a->slots[i].order >= order;
         i = a->slots[i].previous) {
        struct audit_slot_event *slot = &a->slots[i];
        if (slot->serial == head->serial && slot->time_ns == head->time_ns && !slot->alone &&
            slot->given == 0)
            return slot;
    }
    return NULL;
}

/* An open event with this stamp, wherever a counter's restart has put it. */
static struct audit_slot_event *slot_match(struct audit_assembler *a, const struct audit_head *head)
{
    if (!a->any)
        return NULL;
    int32_t ahead = (int32_t)(head->serial - (uint32_t)a->highest);
    uint64_t order = a->highest + (uint64_t)(int64_t)ahead;
    struct audit_slot_event *slot = slot_find(a, head, order);
    bool near = ahead >= -AUDIT_WINDOW_SERIALS && ahead <= AUDIT_WINDOW_SERIALS;
    return slot || near ? slot : slot_find(a, head, 0);
}

static bool daemon_type(uint16_t type)
{
    return type >= AUDIT_TYPE_DAEMON_FIRST_ && type <= AUDIT_TYPE_DAEMON_LAST_;
}

/* A new open event with its first record; takes its place in the stream. */
static int slot_open(struct audit_assembler *a, const struct audit_head *head,
                     struct btr_span record, uint64_t line)
{
    struct audit_slot_event *slot = audit_slot_take(a);
    if (!slot)
        return a->slot_capacity < audit_slots_most(a) ? BTR_E_NOMEM : BTR_E_LIMIT;
    int rc = audit_slot_append(a, slot, head, record, line);
    if (rc < 0) {
        audit_slot_drop(a, slot);
        return rc;
    }
    slot->time_ns = head->time_ns;
    slot->serial = head->serial;
    if (head->stamped && !daemon_type(head->type)) {
        slot->order = order_find(a, head);
        a->highest = a->any && slot->order < a->highest ? a->highest : slot->order;
        a->any = true;
    } else { /* auditd counts its own records: they stand where they came */
        slot->order = a->any ? a->highest : ORDER_FIRST;
    }
    if (head->stamped)
        clock_move(a, head->time_ns);
    a->last_ns = head->time_ns;
    slot->until_order =
        (slot->order > a->highest ? slot->order : a->highest) + AUDIT_WINDOW_SERIALS;
    int64_t from_ns = slot->time_ns > a->clock_ns ? slot->time_ns : a->clock_ns;
    slot->until_ns = from_ns < INT64_MAX - AUDIT_WINDOW_NS ? from_ns + AUDIT_WINDOW_NS : INT64_MAX;
    audit_slot_link(a, slot);
    return 0;
}

/* Gives back the event that was in the caller's hand. */
static void held_drop(struct audit_assembler *a)
{
    if (a->held == AUDIT_SLOT_NONE)
        return;
    audit_slot_drop(a, &a->slots[a->held]);
    a->held = AUDIT_SLOT_NONE;
}

static bool full(const struct audit_assembler *a)
{
    return a->open > a->slot_max || a->size > a->size_max;
}

static int refuse(const struct audit_assembler *a, int rc, struct btr_err *err)
{
    if (rc == BTR_E_LIMIT)
        return btr_fail(err, rc, UINT64_MAX, "%u audit events are open, %zu bytes: the limit",
                        a->open, a->size);
    return rc < 0 ? btr_fail(err, rc, UINT64_MAX, "an audit record") : rc;
}

static int size_check(const struct audit_assembler *a, struct btr_span record, struct btr_err *err)
{
    return record.size <= a->size_max ? 0
                                      : btr_fail(err, BTR_E_LIMIT, a->size_max,
                                                 "audit record of %zu bytes, at most %zu are taken",
                                                 record.size, a->size_max);
}

int audit_assembler_add_read(struct audit_assembler *a, struct btr_span record,
                             const struct audit_head *read, uint64_t line, struct btr_err *err)
{
    struct audit_head head = *read;
    held_drop(a);
    int rc = size_check(a, record, err);
    if (rc < 0)
        return rc;
    if (!head.stamped) {
        if (a->last_ns == INT64_MIN)
            return btr_fail(err, BTR_E_FORMAT, 0,
                            "audit text without time and serial before any record that has them");
        head.time_ns = a->last_ns;
        head.serial = (uint32_t)a->highest;
    }
    if (full(a))
        return refuse(a, BTR_E_LIMIT, err);
    struct audit_slot_event *slot = audit_type_alone(head.type) ? NULL : slot_match(a, &head);
    if (head.type == AUDIT_TYPE_EOE_) { /* a mark; after an event that was given out it has nothing
                                           more to tell */
        if (slot)
            slot->ended = true;
    } else if (slot) {
        rc = audit_slot_append(a, slot, &head, record, line);
    } else {
        rc = slot_open(a, &head, record, line);
    }
    return refuse(a, rc, err);
}

int audit_assembler_add(struct audit_assembler *a, struct btr_span record, uint64_t line,
                        struct btr_err *err)
{
    struct audit_head head;
    held_drop(a);
    int rc = size_check(a, record, err);
    if (rc == 0)
        rc = audit_head_parse(record, &a->stamp, &head, err);
    return rc < 0 ? rc : audit_assembler_add_read(a, record, &head, line, err);
}

static bool complete(const struct audit_assembler *a, const struct audit_slot_event *slot)
{
    return slot->alone || slot->ended || slot->due || slot->given > 0 ||
           (slot->titled && slot->leads > 0 && !slot->waits && a->highest > slot->order) ||
           a->highest >= slot->until_order || a->clock_ns >= slot->until_ns;
}

/* Nothing more of it can be waited for: what is missing stays missing. */
static bool whole(const struct audit_assembler *a, const struct audit_slot_event *slot)
{
    return slot->ended || slot->due || a->highest >= slot->until_order ||
           a->clock_ns >= slot->until_ns;
}

static struct audit_slot_event *slot_next(struct audit_assembler *a)
{
    if (a->first == AUDIT_SLOT_NONE)
        return NULL;
    struct audit_slot_event *slot = &a->slots[a->first];
    if (complete(a, slot))
        return slot;
    if (full(a)) {
        a->evicted++;
        a->due++;
        slot->due = true;
        return slot;
    }
    for (uint32_t i = a->due ? slot->next : AUDIT_SLOT_NONE; i != AUDIT_SLOT_NONE;
         i = a->slots[i].next)
        if (a->slots[i].due)
            return &a->slots[i];
    return NULL;
}

static bool part_is_call(const struct audit_part *part)
{
    return part->type == AUDIT_TYPE_SYSCALL_ || part->type == AUDIT_TYPE_URINGOP_;
}

/* The record that leads the n-th event of a slot: others in the order they came, then the call. */
static uint32_t lead_find(const struct audit_slot_event *slot, uint32_t n)
{
    uint32_t seen = 0, call = AUDIT_SLOT_NONE;
    for (uint32_t i = 0; i < slot->part_count && slot->leads > 0; i++) {
        const struct audit_part *part = &slot->parts[i];
        if (part_is_call(part)) {
            call = call == AUDIT_SLOT_NONE ? i : call;
            if (slot->leads == 1)
                return i;
        } else if (audit_type_class(part->type) != AUDIT_CLASS_PARTS && seen++ == n) {
            return i;
        }
    }
    return call;
}

/* Parses the next event of a slot. Before the first of several all are tried, so that records are
 * told or refused whole. */
static int slot_parse(struct audit_assembler *a, const struct audit_slot_event *slot,
                      struct audit_event *out, struct btr_err *err)
{
    bool last = whole(a, slot);
    uint32_t n = slot->given == 0 && slot->leads > 1 ? slot->leads - 1 : slot->given;
    for (;; n--) {
        btr_buffer_clear(&a->joined);
        int rc = audit_event_parse(slot, lead_find(slot, n), last, &a->joined, out, err);
        if (rc <= 0 || n == slot->given)
            return rc;
    }
}

/* Takes the event out of the list; its memory stays until the next call. */
static void slot_finish(struct audit_assembler *a, struct audit_slot_event *slot)
{
    if (slot->calls > 0)
        a->ends_marked = slot->ended || slot->titled;
    audit_slot_unlink(a, slot);
    a->held = (uint32_t)(slot - a->slots);
}

int audit_assembler_next(struct audit_assembler *a, struct audit_event *out, struct btr_span *raw,
                         uint64_t *line, struct btr_err *err)
{
    held_drop(a);
    struct audit_slot_event *slot;
    while ((slot = slot_next(a)) != NULL) {
        int rc = slot_parse(a, slot, out, err);
        if (rc == BTR_E_NOMEM)
            return rc;
        if (rc == 0) { /* PATH records are missing that may yet come */
            slot->waits = true;
            continue;
        }
        if (rc < 0) {
            *raw = (struct btr_span){slot->text.at, slot->text.size - 1};
            *line = slot->parts[0].line;
            slot_finish(a, slot);
            return BTR_E_FORMAT;
        }
        if (++slot->given >= slot->leads)
            slot_finish(a, slot);
        return 1;
    }
    return 0;
}

/* In a stream that marks the ends of its events, one without its mark was cut in writing and may go
 * on. */
static bool cut(const struct audit_assembler *a, const struct audit_slot_event *slot)
{
    bool newest = slot->next == AUDIT_SLOT_NONE;
    return a->ends_marked && !slot->alone && !slot->titled && !slot->ended &&
           (slot->calls > 0 || newest);
}

void audit_assembler_flush(struct audit_assembler *a, int64_t until_ns)
{
    held_drop(a);
    for (uint32_t i = a->first; i != AUDIT_SLOT_NONE; i = a->slots[i].next) {
        struct audit_slot_event *slot = &a->slots[i];
        if (slot->due || slot->time_ns > until_ns || (until_ns == INT64_MAX && cut(a, slot)))
            continue;
        slot->due = true;
        a->due++;
    }
}

int64_t audit_assembler_ahead(const struct audit_assembler *a)
{
    return a->first == AUDIT_SLOT_NONE ? INT64_MIN : a->slots[a->first].time_ns;
}

uint64_t audit_assembler_waiting(const struct audit_assembler *a)
{
    return a->waiting;
}

uint64_t audit_assembler_evicted(const struct audit_assembler *a)
{
    return a->evicted;
}

uint64_t audit_assembler_memory(const struct audit_assembler *a)
{
    return sizeof(*a) + a->size + a->slot_capacity * sizeof(*a->slots);
}
