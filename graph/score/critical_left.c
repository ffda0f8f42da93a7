#include <stdlib.h>

#include "score/critical_component.h"

void critical_left_note(const struct critical_component *m, uint8_t *why)
{
    for (uint32_t i = 0; i < m->c->flow_count; i++) {
        float through = m->forward[i] * m->c->flows[i].score;
        if (m->way && m->forward[i] <= 0)
            why[i] = BTR_LEFT_ORIGIN;
        else if (!m->way || through < critical_share_of(m, m->forward[i]) * m->best)
            why[i] = BTR_LEFT_SCORE;
        else
            why[i] = BTR_LEFT_SECOND;
    }
}

static int by_pair(const void *x, const void *y)
{
    const struct btr_left_pair *a = x, *b = y;
    int order = btr_id_compare(a->from, b->from);
    if (order == 0)
        order = btr_id_compare(a->to, b->to);
    if (order == 0 && a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return order ? order : (a->why > b->why) - (a->why < b->why);
}

static int by_score(const void *x, const void *y)
{
    const struct btr_left_pair *a = x, *b = y;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return by_pair(x, y);
}

/* Flows that the walk came to, between entities that are not kept as a pair. */
static uint32_t pairs_find(const struct critical *c, const uint8_t *why,
                           const struct btr_kept_pairs *kept, struct btr_left_pair *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->flow_count; i++) {
        const struct critical_flow *f = &c->flows[i];
        struct btr_id far = c->places[f->far].id, near = c->places[f->near].id;
        struct btr_left_pair pair = {far, near, (double)f->score, why[i]};
        if (f->score > 0 && !btr_kept_pairs_has(kept, pair.from, pair.to))
            out[count++] = pair;
    }
    return count;
}

bool critical_left_tell(const struct critical *c, const uint8_t *why, struct btr_kept_pairs *kept)
{
    struct btr_left_pair *pairs = malloc(((size_t)c->flow_count + 1) * sizeof *pairs);
    uint32_t found = pairs ? pairs_find(c, why, kept, pairs) : 0, count = 0;
    if (!pairs)
        return false;
    if (found > 1)
        qsort(pairs, found, sizeof *pairs, by_pair);
    for (uint32_t i = 0; i < found; i++) {
        if (count > 0 && btr_id_equal(pairs[count - 1].from, pairs[i].from) &&
            btr_id_equal(pairs[count - 1].to, pairs[i].to))
            continue;
        pairs[count++] = pairs[i];
        kept->left_out_all[pairs[i].why]++;
    }
    if (count > 1)
        qsort(pairs, count, sizeof *pairs, by_score);
    kept->left_out_count = count < BTR_LEFT_MAX ? count : BTR_LEFT_MAX;
    kept->left_out = pairs;
    return true;
}
