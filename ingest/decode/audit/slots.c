#include "assemble.h"

/* The open events: memory that is used again, and one list of them by order. */

enum { SLOTS_MIN = 8, PARTS_MIN = 8, TEXT_KEPT = 16 << 10, PARTS_KEPT = 128, PARTS_MAX = 65535 };

struct audit_assembler *audit_assembler_new(uint32_t slot_max, size_t size_max)
{
    struct audit_assembler *a = calloc(1, sizeof(*a));
    if (!a || slot_max == 0 || slot_max > UINT32_MAX / 2) {
        free(a);
        return NULL;
    }
    a->slot_max = slot_max;
    a->size_max = size_max < UINT32_MAX / 2 ? size_max : UINT32_MAX / 2;
    audit_assembler_clear(a);
    return a;
}

void audit_assembler_free(struct audit_assembler *a)
{
    if (!a)
        return;
    for (uint32_t i = 0; i < a->slot_capacity; i++) {
        btr_buffer_fini(&a->slots[i].text);
        free(a->slots[i].parts);
    }
    free(a->slots);
    btr_buffer_fini(&a->joined);
    free(a);
}

/* Those from one on become the free ones. */
static void slots_free_from(struct audit_assembler *a, uint32_t first)
{
    for (uint32_t i = first; i < a->slot_capacity; i++)
        a->slots[i].next = i + 1 < a->slot_capacity ? i + 1 : AUDIT_SLOT_NONE;
    a->free = first < a->slot_capacity ? first : AUDIT_SLOT_NONE;
}

/* Most hosts have few events open at a time, and there may be many hosts. */
static bool slots_grow(struct audit_assembler *a)
{
    uint32_t most = audit_slots_most(a), had = a->slot_capacity;
    uint32_t capacity = had < SLOTS_MIN ? SLOTS_MIN : 2 * had;
    capacity = capacity < most ? capacity : most;
    struct audit_slot_event *grown =
        capacity > had ? realloc(a->slots, capacity * sizeof(*grown)) : NULL;
    if (!grown)
        return false;
    memset(grown + had, 0, (capacity - had) * sizeof(*grown));
    a->slots = grown;
    a->slot_capacity = capacity;
    slots_free_from(a, had);
    return true;
}

void audit_assembler_clear(struct audit_assembler *a)
{
    for (uint32_t i = 0; i < a->slot_capacity; i++) {
        btr_buffer_clear(&a->slots[i].text);
        a->slots[i].part_count = 0;
    }
    slots_free_from(a, 0);
    a->first = a->last = a->held = AUDIT_SLOT_NONE;
    a->open = a->due = 0;
    a->size = 0;
    a->waiting = a->evicted = 0;
    a->any = a->ends_marked = false;
    a->highest = 0;
    a->clock_ns = a->last_ns = INT64_MIN;
    a->strays = a->outliers = a->behind = 0;
}

struct audit_slot_event *audit_slot_take(struct audit_assembler *a)
{
    if (a->free == AUDIT_SLOT_NONE && !slots_grow(a))
        return NULL;
    struct audit_slot_event *slot = &a->slots[a->free];
    a->free = slot->next;
    slot->part_count = slot->leads = slot->given = slot->paths = 0;
    slot->calls = 0;
    slot->alone = slot->ended = slot->titled = slot->due = slot->waits = false;
    slot->next = slot->previous = AUDIT_SLOT_NONE;
    btr_buffer_clear(&slot->text);
    return slot;
}

void audit_slot_drop(struct audit_assembler *a, struct audit_slot_event *slot)
{
    if (slot->text.capacity > TEXT_KEPT)
        btr_buffer_fini(&slot->text);
    if (slot->part_capacity > PARTS_KEPT) {
        free(slot->parts);
        slot->parts = NULL;
        slot->part_capacity = 0;
    }
    slot->next = a->free;
    a->free = (uint32_t)(slot - a->slots);
}

void audit_slot_link(struct audit_assembler *a, struct audit_slot_event *slot)
{
    uint32_t index = (uint32_t)(slot - a->slots), after = a->last;
    while (after != AUDIT_SLOT_NONE && a->slots[after].order > slot->order)
        after = a->slots[after].previous;
    slot->previous = after;
    slot->next = after == AUDIT_SLOT_NONE ? a->first : a->slots[after].next;
    if (after == AUDIT_SLOT_NONE)
        a->first = index;
    else
        a->slots[after].next = index;
    if (slot->next == AUDIT_SLOT_NONE)
        a->last = index;
    else
        a->slots[slot->next].previous = index;
    a->open++;
    a->due += slot->due;
}

void audit_slot_unlink(struct audit_assembler *a, struct audit_slot_event *slot)
{
    if (slot->previous == AUDIT_SLOT_NONE)
        a->first = slot->next;
    else
        a->slots[slot->previous].next = slot->next;
    if (slot->next == AUDIT_SLOT_NONE)
        a->last = slot->previous;
    else
        a->slots[slot->next].previous = slot->previous;
    a->open--;
    a->due -= slot->due;
    a->size -= slot->text.size + slot->part_count * sizeof(*slot->parts);
    a->waiting -= slot->part_count;
}

static bool parts_reserve(struct audit_slot_event *slot)
{
    if (slot->part_count < slot->part_capacity)
        return true;
    uint32_t capacity = slot->part_capacity < PARTS_MIN ? PARTS_MIN : 2 * slot->part_capacity;
    struct audit_part *grown = realloc(slot->parts, capacity * sizeof(*grown));
    if (!grown)
        return false;
    slot->parts = grown;
    slot->part_capacity = capacity;
    return true;
}

static bool text_reserve(struct audit_slot_event *slot, size_t more)
{
    bool room = btr_buffer_reserve(&slot->text, more);
    slot->text.failed = false; /* what is there stays good */
    return room;
}

static void marks_set(struct audit_slot_event *slot, uint16_t type)
{
    slot->alone |= audit_type_alone(type);
    slot->waits = false;
    switch (type) {
    case AUDIT_TYPE_PATH_:
        slot->paths++;
        break;
    case AUDIT_TYPE_PROCTITLE_:
        slot->titled = true;
        break;
    case AUDIT_TYPE_SYSCALL_:
    case AUDIT_TYPE_URINGOP_:
        slot->leads += slot->calls == 0;
        slot->calls = slot->calls < 2 ? (uint16_t)(slot->calls + 1) : slot->calls;
        break;
    default:
        slot->leads += audit_type_class(type) != AUDIT_CLASS_PARTS;
        break;
    }
}

int audit_slot_append(struct audit_assembler *a, struct audit_slot_event *slot,
                      const struct audit_head *head, struct btr_span record, uint64_t line)
{
    if (slot->part_count == PARTS_MAX)
        return BTR_E_LIMIT;
    if (!parts_reserve(slot) || !text_reserve(slot, record.size + 1))
        return BTR_E_NOMEM;
    slot->parts[slot->part_count++] = (struct audit_part){.line = line,
                                                          .at = (uint32_t)slot->text.size,
                                                          .size = (uint32_t)record.size,
                                                          .body_at = head->body_at,
                                                          .type = head->type,
                                                          .type_at = head->type_at,
                                                          .node_at = head->node_at,
                                                          .type_size = head->type_size,
                                                          .node_size = head->node_size};
    memcpy(slot->text.at + slot->text.size, record.at, record.size);
    slot->text.at[slot->text.size + record.size] = '\n';
    slot->text.size += record.size + 1;
    marks_set(slot, head->type);
    a->size += record.size + 1 + sizeof(*slot->parts);
    a->waiting++;
    return 0;
}
