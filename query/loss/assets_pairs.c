/* What containers call folders of their hosts, over all of them: each pair of names once, and
 * whether a look at it may lead to a row. */
#include "assets.h"

#include <stdlib.h>

/** What rows spell out, sorted. */
struct spelled {
    struct btr_span *items;
    uint32_t count;
};

static int span_compare(const void *x, const void *y)
{
    return btr_span_compare(*(const struct btr_span *)x, *(const struct btr_span *)y);
}

static bool spelled_make(struct spelled *out, const struct btr_assets *a)
{
    out->items = malloc(((size_t)a->count + 1) * sizeof *out->items);
    out->count = 0;
    for (uint32_t i = 0; out->items && i < a->count; i++)
        if (a->rows[i].spelled.size > 1)
            out->items[out->count++] = a->rows[i].spelled;
    if (out->count > 1)
        qsort(out->items, out->count, sizeof *out->items, span_compare);
    return out->items != NULL;
}

/* The first that does not come before a text. */
static uint32_t spelled_from(const struct spelled *s, struct btr_span text)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (btr_span_compare(s->items[middle], text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether something that is spelled out begins with a folder and a slash, or the folder lies in it.
 */
static bool is_spelled(const struct spelled *s, struct btr_span folder, struct btr_buffer *scratch)
{
    btr_buffer_clear(scratch);
    btr_buffer_span(scratch, folder);
    btr_buffer_u8(scratch, '/');
    if (scratch->failed)
        return true;
    struct btr_span whole = btr_buffer_view(scratch);
    uint32_t at = spelled_from(s, whole);
    if (at < s->count && btr_span_begins(s->items[at], whole))
        return true;
    for (size_t size = 1; size <= whole.size; size++) {
        struct btr_span above = {whole.at, size};
        if (whole.at[size - 1] != '/')
            continue;
        at = spelled_from(s, above);
        if (at < s->count && btr_span_equal(s->items[at], above))
            return true;
    }
    return false;
}

/* ---- Pairs ---- */

static bool pair_add(struct asset_pairs *pairs, struct btr_idmap *known, struct btr_span outer,
                     struct btr_span inner)
{
    struct btr_span parts[] = {outer, inner};
    uint32_t was = btr_idmap_add(known, btr_id_of(parts, 2), pairs->count);
    if (was == pairs->count)
        pairs->items[pairs->count++] = (struct asset_pair){.outer = outer, .inner = inner};
    return was != UINT32_MAX;
}

static bool pairs_gather(struct btr_assets *a)
{
    struct asset_pairs *pairs = &a->pairs;
    struct btr_idmap known = {0};
    size_t most = a->container_count;
    bool made = true;
    for (uint32_t i = 0; i < a->container_count; i++)
        most += a->containers[i].mount_count;
    pairs->items = calloc(most + 1, sizeof *pairs->items);
    pairs->outer_lead = calloc(most + 1, sizeof *pairs->outer_lead);
    pairs->inner_lead = calloc(most + 1, sizeof *pairs->inner_lead);
    made = pairs->items && pairs->outer_lead && pairs->inner_lead;
    for (uint32_t i = 0; made && i < a->container_count; i++) {
        const struct asset_container *c = &a->containers[i];
        if (c->root.size > 0)
            made = pair_add(pairs, &known, c->root, (struct btr_span){NULL, 0});
        for (uint32_t m = 0; made && m < c->mount_count; m++)
            made = pair_add(pairs, &known, c->mounts[m].outer, c->mounts[m].inner);
    }
    btr_idmap_fini(&known);
    return made;
}

static bool pairs_index(struct asset_pairs *pairs)
{
    bool made = true;
    for (uint32_t i = 0; made && i < pairs->count; i++) {
        struct asset_pair *p = &pairs->items[i];
        uint64_t outer = btr_hash64(p->outer), inner = btr_hash64(p->inner);
        p->next_outer = btr_u64map_get(&pairs->by_outer, outer);
        p->next_inner = btr_u64map_get(&pairs->by_inner, inner);
        made = btr_u64map_set(&pairs->by_outer, outer, i) &&
               btr_u64map_set(&pairs->by_inner, inner, i);
    }
    return made;
}

/* Whether a folder of the host is also that of another pair, or lies in one of them. */
static bool has_above(const struct asset_pairs *pairs, uint32_t pair)
{
    struct btr_span outer = pairs->items[pair].outer;
    for (size_t size = 0; size <= outer.size; size++) {
        if (size < outer.size && outer.at[size] != '/')
            continue;
        uint32_t i = query_pairs_of(pairs, (struct btr_span){outer.at, size}, false);
        for (; i != UINT32_MAX; i = pairs->items[i].next_outer)
            if (i != pair && pairs->items[i].outer.size == size &&
                btr_span_begins(outer, pairs->items[i].outer))
                return true;
    }
    return false;
}

/* Marks the pairs whose folder of the host holds that of another, or lies in it: what one container
 * names, others name, too. */
static bool neighbours_mark(struct asset_pairs *pairs, struct btr_buffer *scratch)
{
    struct spelled folders = {malloc(((size_t)pairs->count + 1) * sizeof *folders.items), 0};
    for (uint32_t i = 0; folders.items && i < pairs->count; i++)
        folders.items[folders.count++] = pairs->items[i].outer;
    if (folders.count > 1)
        qsort(folders.items, folders.count, sizeof *folders.items, span_compare);
    for (uint32_t i = 0; i < folders.count; i++) {
        struct asset_pair *p = &pairs->items[i];
        p->outer_leads =
            p->outer_leads || has_above(pairs, i) || is_spelled(&folders, p->outer, scratch);
    }
    free(folders.items);
    return folders.items != NULL;
}

static void leads_list(struct asset_pairs *pairs)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (pairs->items[i].outer_leads)
            pairs->outer_lead[pairs->outer_lead_count++] = i;
        if (pairs->items[i].inner_leads)
            pairs->inner_lead[pairs->inner_lead_count++] = i;
    }
}

bool query_assets_pairs(struct btr_assets *a)
{
    struct asset_pairs *pairs = &a->pairs;
    struct btr_buffer scratch = {0};
    struct spelled spelled = {NULL, 0};
    if (a->container_count == 0)
        return true;
    bool made = pairs_gather(a) && pairs_index(pairs) && spelled_make(&spelled, a);
    for (uint32_t i = 0; made && i < pairs->count; i++) {
        struct asset_pair *p = &pairs->items[i];
        p->outer_leads = is_spelled(&spelled, p->outer, &scratch);
        p->inner_leads = a->has_inner && is_spelled(&spelled, p->inner, &scratch);
    }
    if (made && a->has_inner)
        made = neighbours_mark(pairs, &scratch);
    if (made)
        leads_list(pairs);
    made = made && !scratch.failed;
    btr_buffer_fini(&scratch);
    free(spelled.items);
    return made;
}

uint32_t query_pairs_of(const struct asset_pairs *pairs, struct btr_span folder, bool inner)
{
    return btr_u64map_get(inner ? &pairs->by_inner : &pairs->by_outer, btr_hash64(folder));
}

void query_assets_pairs_fini(struct asset_pairs *pairs)
{
    btr_u64map_fini(&pairs->by_outer);
    btr_u64map_fini(&pairs->by_inner);
    free(pairs->outer_lead);
    free(pairs->inner_lead);
    free(pairs->items);
}
