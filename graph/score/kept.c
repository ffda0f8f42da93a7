#include "score/kept.h"

#include <btr/list.h>
#include <stdlib.h>

void kept_add(struct kept_list *list, struct btr_id from, struct btr_id to, double score)
{
    kept_add_why(list, from, to, score, BTR_KEPT_SCORE);
}

void kept_add_why(struct kept_list *list, struct btr_id from, struct btr_id to, double score,
                  enum btr_kept_why why)
{
    if (!btr_list_room(&list->pairs, list->pair_count, &list->pair_capacity, 256,
                       sizeof *list->pairs)) {
        list->failed = true;
        return;
    }
    list->pairs[list->pair_count++] = (struct btr_kept_pair){from, to, score, (uint8_t)why};
}

void kept_way_add(struct kept_list *list, struct btr_id entity, double score)
{
    if (!btr_list_room(&list->ways, list->way_count, &list->way_capacity, 64, sizeof *list->ways)) {
        list->failed = true;
        return;
    }
    list->ways[list->way_count++] = (struct btr_kept_way){entity, score};
}

static int pair_compare(const void *x, const void *y)
{
    const struct btr_kept_pair *a = x, *b = y;
    int order = btr_id_compare(a->from, b->from);
    if (order == 0)
        order = btr_id_compare(a->to, b->to);
    if (order == 0)
        order = (a->score < b->score) - (a->score > b->score);
    return order ? order : (a->why > b->why) - (a->why < b->why);
}

static int way_compare(const void *x, const void *y)
{
    const struct btr_kept_way *a = x, *b = y;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return btr_id_compare(a->entity, b->entity);
}

static bool same_pair(const struct btr_kept_pair *a, const struct btr_kept_pair *b)
{
    return btr_id_equal(a->from, b->from) && btr_id_equal(a->to, b->to);
}

int kept_finish(struct kept_list *list, struct btr_kept_pairs *out, struct btr_err *err)
{
    uint32_t count = 0;
    if (list->failed) {
        free(list->pairs);
        free(list->ways);
        *list = (struct kept_list){0};
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "what a strategy keeps");
    }
    if (list->pair_count > 1)
        qsort(list->pairs, list->pair_count, sizeof *list->pairs, pair_compare);
    if (list->way_count > 1)
        qsort(list->ways, list->way_count, sizeof *list->ways, way_compare);
    for (uint32_t i = 0; i < list->pair_count; i++)
        if (count == 0 || !same_pair(&list->pairs[count - 1], &list->pairs[i]))
            list->pairs[count++] = list->pairs[i];
    out->pairs = list->pairs;
    out->pair_count = count;
    out->ways = list->ways;
    out->way_count = list->way_count;
    *list = (struct kept_list){0};
    return 0;
}

static const struct btr_kept_pair *pair_find(const struct btr_kept_pairs *kept, struct btr_id from,
                                             struct btr_id to)
{
    struct btr_kept_pair wanted = {.from = from, .to = to};
    uint32_t low = 0, high = kept->pair_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct btr_kept_pair *at = &kept->pairs[middle];
        if (same_pair(at, &wanted))
            return at;
        int order = btr_id_compare(at->from, from);
        if (order < 0 || (order == 0 && btr_id_compare(at->to, to) < 0))
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

double btr_kept_pairs_score(const struct btr_kept_pairs *kept, struct btr_id from, struct btr_id to)
{
    const struct btr_kept_pair *pair = pair_find(kept, from, to);
    return pair ? pair->score : 0;
}

const char *btr_kept_pairs_why(const struct btr_kept_pairs *kept, struct btr_id from,
                               struct btr_id to)
{
    static const char *const TEXTS[] = {
#define BTR_KEPT_WHY_TEXT(name, text) text,
        BTR_KEPT_WHY_TABLE(BTR_KEPT_WHY_TEXT)
#undef BTR_KEPT_WHY_TEXT
    };
    const struct btr_kept_pair *pair = pair_find(kept, from, to);
    return pair ? TEXTS[pair->why] : NULL;
}

const char *btr_left_why_text(uint8_t why)
{
    static const char *const TEXTS[] = {
#define BTR_LEFT_WHY_TEXT(name, text) text,
        BTR_LEFT_WHY_TABLE(BTR_LEFT_WHY_TEXT)
#undef BTR_LEFT_WHY_TEXT
    };
    return TEXTS[why];
}

bool kept_is_taken(const struct btr_kept_pairs *kept, struct btr_id from, struct btr_id to)
{
    const struct btr_kept_pair *pair = pair_find(kept, from, to);
    return pair && (pair->why == BTR_KEPT_BEGAN || pair->why == BTR_KEPT_TAKEN);
}

bool btr_kept_pairs_has(const struct btr_kept_pairs *kept, struct btr_id from, struct btr_id to)
{
    return kept->all || pair_find(kept, from, to) != NULL;
}

void btr_kept_pairs_free(struct btr_kept_pairs *kept)
{
    free(kept->pairs);
    free(kept->ways);
    free(kept->left_out);
    *kept = (struct btr_kept_pairs){0};
}
