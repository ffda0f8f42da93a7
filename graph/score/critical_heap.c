#include <btr/list.h>
#include <stdlib.h>

#include "score/critical.h"

/* The flow whose near end the walk came to first, and of one place the earlier. */
static int flow_order(const struct critical *c, int64_t x, int64_t y)
{
    if (x == CRITICAL_NONE || y == CRITICAL_NONE)
        return x == y ? 0 : x == CRITICAL_NONE ? -1 : 1;
    const struct critical_flow *a = &c->flows[x], *b = &c->flows[y];
    if (a->near != b->near)
        return c->places[a->near].order < c->places[b->near].order ? -1 : 1;
    return critical_flow_compare(a, b);
}

static bool before(const struct critical *c, const struct critical_state *a,
                   const struct critical_state *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    if (a->label.rest_ns != b->label.rest_ns)
        return a->label.rest_ns > b->label.rest_ns;
    int order = btr_id_compare(c->places[a->place].id, c->places[b->place].id);
    return order ? order < 0 : flow_order(c, a->flow, b->flow) < 0;
}

bool critical_heap_push(struct critical_heap *h, const struct critical *c, struct critical_state s)
{
    if (!btr_list_room(&h->items, h->count, &h->capacity, 1024, sizeof *h->items))
        return false;
    uint32_t at = h->count++;
    for (; at > 0 && before(c, &s, &h->items[(at - 1) / 2]); at = (at - 1) / 2)
        h->items[at] = h->items[(at - 1) / 2];
    h->items[at] = s;
    return true;
}

struct critical_state critical_heap_pop(struct critical_heap *h, const struct critical *c)
{
    struct critical_state first = h->items[0], last = h->items[--h->count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && before(c, &h->items[child + 1], &h->items[child]))
            child++;
        if (!before(c, &h->items[child], &last))
            break;
        h->items[at] = h->items[child];
    }
    if (h->count > 0)
        h->items[at] = last;
    return first;
}
