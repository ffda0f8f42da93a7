/*
 * By which other names a piece of an asset was used: a link to it, another view of it, or the name
 * that a file had which was renamed over it. A name holds the piece from when the two are told to
 * be the same until it is made anew or taken away, and then still for who has it open.
 */
#include <stdlib.h>

#include "loss/loss.h"

enum { NAMES_MAX = 4096 }; /* of one piece; the rest is not looked at */

void loss_names_reset(struct loss_names *names)
{
    if (names->count)
        btr_idmap_reset(&names->of_id);
    names->count = names->same_count = 0;
}

void loss_names_fini(struct loss_names *names)
{
    btr_idmap_fini(&names->of_id);
    free(names->list);
    free(names->sames);
    *names = (struct loss_names){0};
}

int loss_names_add(struct loss_names *names, struct btr_loss *loss, const struct btr_flow *same,
                   int64_t since_ns, struct btr_err *err)
{
    int64_t at_ns = same->first_ns > since_ns ? same->first_ns : since_ns;
    uint32_t at = btr_idmap_get(&names->of_id, same->other);
    if (at == UINT32_MAX && names->count == NAMES_MAX) {
        loss->cut = true;
        return 0;
    }
    bool ok = btr_list_room(&names->sames, names->same_count, &names->same_capacity, 8,
                            sizeof *names->sames);
    if (ok && at == UINT32_MAX) {
        at = names->count;
        ok = btr_list_room(&names->list, at, &names->capacity, 8, sizeof *names->list) &&
             btr_idmap_add(&names->of_id, same->other, at) != UINT32_MAX;
        if (ok)
            names->list[names->count++] = (struct loss_name){same->other, at_ns, same->ref};
    }
    if (!ok)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "names of assets");
    if (at_ns < names->list[at].since_ns)
        names->list[at] = (struct loss_name){same->other, at_ns, same->ref};
    names->sames[names->same_count++] = (struct loss_same){at, at_ns};
    return 0;
}

static int same_compare(const void *x, const void *y)
{
    const struct loss_same *a = x, *b = y;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    return (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns);
}

void loss_names_order(struct loss_names *names)
{
    if (names->same_count)
        qsort(names->sames, names->same_count, sizeof *names->sames, same_compare);
}

/* When a name was last told to be the piece, by a time; INT64_MIN: never. */
static int64_t told_ns(const struct loss_names *names, uint32_t name, int64_t until_ns)
{
    uint32_t low = 0, high = names->same_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct loss_same *s = &names->sames[middle];
        if (s->name < name || (s->name == name && s->at_ns <= until_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && names->sames[low - 1].name == name ? names->sames[low - 1].at_ns : INT64_MIN;
}

bool loss_names_hold(const struct loss_names *names, uint32_t name, const struct loss_lives *lives,
                     struct btr_id process, int64_t at_ns)
{
    int64_t told = told_ns(names, name, at_ns);
    return told != INT64_MIN && (loss_lives_began(lives, at_ns) <= told ||
                                 loss_lives_older(lives, process, at_ns, false));
}
