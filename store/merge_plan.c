#include "merge_plan.h"

int store_merge_compare(const void *x, const void *y)
{
    const struct catalog_segment *a = x, *b = y;
    if (a->sealed.first_ns != b->sealed.first_ns)
        return a->sealed.first_ns < b->sealed.first_ns ? -1 : 1;
    if (a->sealed.last_ns != b->sealed.last_ns)
        return a->sealed.last_ns < b->sealed.last_ns ? -1 : 1;
    return btr_id_compare(a->hash, b->hash);
}

/* By their ends: what lasts long begins early wherever it is told, so that beginnings tell little
 * of the stretch of a log that a segment has. */
static int plan_compare(const void *x, const void *y)
{
    const struct catalog_segment *a = x, *b = y;
    int c = strcmp(a->day, b->day);
    if (c != 0)
        return c;
    if (a->sealed.last_ns != b->sealed.last_ns)
        return a->sealed.last_ns < b->sealed.last_ns ? -1 : 1;
    return store_merge_compare(x, y);
}

void store_merge_sort(struct catalog_segment *rows, uint32_t count)
{
    if (count > 1)
        qsort(rows, count, sizeof(*rows), plan_compare);
}

static uint64_t weight(const struct catalog_segment *row)
{
    return (uint64_t)row->sealed.event_count + row->sealed.gap_count + row->sealed.undecoded;
}

/* @return MERGE_TIERS for a segment that is not merged again */
static unsigned tier_of(const struct catalog_segment *row)
{
    unsigned tier = 0;
    if (weight(row) >= MERGE_FINAL_EVENTS)
        return MERGE_TIERS;
    for (uint64_t n = weight(row); n >= MERGE_FAN && tier < MERGE_TIERS - 1; n /= MERGE_FAN)
        tier++;
    return tier;
}

static uint32_t day_end(const struct catalog_segment *rows, uint32_t count, uint32_t begin)
{
    uint32_t end = begin + 1;
    while (end < count && strcmp(rows[begin].day, rows[end].day) == 0)
        end++;
    return end;
}

/* Takes from `list` as many as fit into one segment, from the first on that has a second with it.
 */
static uint32_t fitting(const struct catalog_segment *rows, const uint32_t *list, uint32_t count,
                        uint32_t *chosen)
{
    for (uint32_t begin = 0; begin + 1 < count; begin++) {
        uint64_t events = 0, entities = 0, bytes = 0;
        uint32_t n = 0;
        for (uint32_t i = begin; i < count; i++) {
            const struct catalog_segment *row = &rows[list[i]];
            events += weight(row);
            entities += row->sealed.entity_count;
            bytes += row->file_size;
            if (events > MERGE_EVENTS_MAX || entities > MERGE_ENTITIES_MAX ||
                bytes > MERGE_BYTES_MAX)
                break;
            chosen[n++] = list[i];
        }
        if (n >= 2)
            return n;
    }
    return 0;
}

/* Rows begin..end of a tier, or (tier MERGE_TIERS) of all tiers that are merged at all. */
static uint32_t tier_list(const struct catalog_segment *rows, uint32_t begin, uint32_t end,
                          const bool *skip, unsigned tier, uint32_t *list)
{
    uint32_t n = 0;
    for (uint32_t i = begin; i < end; i++) {
        unsigned own = tier_of(&rows[i]);
        if ((!skip || !skip[i]) && own < MERGE_TIERS && (tier == MERGE_TIERS || own == tier))
            list[n++] = i;
    }
    return n;
}

uint32_t store_merge_plan(const struct catalog_segment *rows, uint32_t count, const bool *skip,
                          bool all, uint32_t *chosen)
{
    uint32_t *list = malloc(((size_t)count + 1) * sizeof(*list)), n = 0;
    for (unsigned tier = all ? MERGE_TIERS : 0; list && n == 0 && tier <= MERGE_TIERS; tier++) {
        if (tier == MERGE_TIERS && !all)
            break;
        for (uint32_t begin = 0, end; n == 0 && begin < count; begin = end) {
            end = day_end(rows, count, begin);
            uint32_t listed = tier_list(rows, begin, end, skip, tier, list);
            if (all || listed >= MERGE_FAN)
                n = fitting(rows, list, listed, chosen);
        }
    }
    free(list);
    return n;
}

uint32_t store_merge_waiting(const struct catalog_segment *rows, uint32_t count)
{
    uint32_t waiting = 0;
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        uint32_t of_tier[MERGE_TIERS + 1] = {0};
        end = day_end(rows, count, begin);
        for (uint32_t i = begin; i < end; i++)
            of_tier[tier_of(&rows[i])]++;
        for (unsigned tier = 0; tier < MERGE_TIERS; tier++)
            waiting += of_tier[tier] >= MERGE_FAN ? of_tier[tier] : 0;
    }
    return waiting;
}
