/* The way in that is asked for, where a question has two ends. */
#include <stdlib.h>

#include "score/critical.h"

int critical_ways_given(struct critical *c, struct critical_way **ways, uint32_t *way_count)
{
    const struct btr_between *ends = c->scene->between;
    *way_count = 0;
    *ways = malloc(((size_t)ends->from_count + 1) * sizeof **ways);
    if (!*ways)
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "%u ends", ends->from_count);
    for (uint32_t i = 0; i < ends->from_count; i++) {
        struct btr_id id = ends->from[i].entity;
        uint32_t place = btr_idmap_get(&c->map, id);
        if (place != UINT32_MAX && c->places[place].score > 0)
            (*ways)[(*way_count)++] = (struct critical_way){
                .id = id, .place = place, .score = c->places[place].score, .count = 1};
    }
    return 0;
}
