#include <stdlib.h>

#include "score/critical.h"

static int64_t key_of(const struct critical_cause *cause, bool by_effect)
{
    return by_effect ? cause->effect : (int64_t)cause->cause;
}

bool critical_index_make(struct critical_index *index, const struct critical *c, bool by_effect)
{
    index->begin = calloc((size_t)c->flow_count + 2, sizeof *index->begin);
    index->causes = malloc(((size_t)c->cause_count + 1) * sizeof *index->causes);
    if (!index->begin || !index->causes)
        return false;
    uint32_t *next = index->begin + 1; /* of each flow: where its next goes, and at last its end */
    for (uint32_t i = 0; i < c->cause_count; i++) {
        int64_t key = key_of(&c->causes[i], by_effect);
        if (key != CRITICAL_NONE && key + 1 < c->flow_count)
            next[key + 1]++;
    }
    for (uint32_t i = 1; i < c->flow_count; i++)
        next[i] += next[i - 1];
    for (uint32_t i = 0; i < c->cause_count; i++) {
        int64_t key = key_of(&c->causes[i], by_effect);
        if (key != CRITICAL_NONE)
            index->causes[next[key]++] = i;
    }
    return true;
}

void critical_index_fini(struct critical_index *index)
{
    free(index->begin);
    free(index->causes);
    *index = (struct critical_index){0};
}
