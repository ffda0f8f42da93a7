/* Nodes and edges of what the intrusion holds and what that leads to. */
#include <stdlib.h>

#include "loss/contain.h"

const char *loss_hold_word(unsigned kind)
{
    static const char *const WORDS[] = {
#define HOLD_WORD(name, word, cost) word,
        LOSS_HOLD_TABLE(HOLD_WORD)
#undef HOLD_WORD
    };
    return kind < LOSS_HOLD_KINDS ? WORDS[kind] : NULL;
}

uint32_t loss_hold_cost(unsigned kind)
{
    static const uint32_t COSTS[] = {
#define HOLD_COST(name, word, cost) (uint32_t)(cost),
        LOSS_HOLD_TABLE(HOLD_COST)
#undef HOLD_COST
    };
    return kind < LOSS_HOLD_KINDS ? COSTS[kind] : (uint32_t)BTR_MINCUT_NEVER;
}

static struct btr_id key_of(const struct loss_hold *h)
{
    uint8_t kind = h->kind, asset[4];
    uint8_t id[16];
    for (int i = 0; i < 4; i++)
        asset[i] = (uint8_t)(h->asset >> 8 * i);
    for (int i = 0; i < 8; i++) {
        id[i] = (uint8_t)(h->entity.hi >> 8 * i);
        id[8 + i] = (uint8_t)(h->entity.lo >> 8 * i);
    }
    /* an account and a flow are what they are called; others are what stands for them */
    bool named = h->kind == LOSS_HOLD_ACCOUNT || h->kind == LOSS_HOLD_FLOW ||
                 h->kind == LOSS_HOLD_SERVICE || h->kind == LOSS_HOLD_BEYOND;
    struct btr_span parts[] = {{&kind, 1},
                               h->host,
                               h->from,
                               named ? h->name : (struct btr_span){0},
                               {id, named ? 0 : sizeof id},
                               {asset, sizeof asset}};
    return btr_id_of(parts, sizeof parts / sizeof *parts);
}

static int hold_new(struct contain *c, const struct loss_hold *hold)
{
    struct loss_containment *to = c->to;
    if (!btr_list_room(&to->holds, to->hold_count, &to->hold_capacity, 64, sizeof *to->holds))
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment of %u things",
                        to->hold_count);
    struct loss_hold *h = &to->holds[to->hold_count];
    *h = *hold;
    if (!btr_arena_copy(c->loss->arena, hold->host, &h->host) ||
        !btr_arena_copy(c->loss->arena, hold->from, &h->from) ||
        !btr_arena_copy(c->loss->arena, hold->name, &h->name))
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment of %u things",
                        to->hold_count);
    h->host_key = h->host.size ? btr_hash64(h->host) | 1 : 0;
    to->hold_count++;
    return 0;
}

int contain_hold(struct contain *c, const struct loss_hold *hold, uint32_t *at)
{
    struct btr_id key = key_of(hold);
    *at = btr_idmap_get(&c->by_key, key);
    if (*at != LOSS_NONE && btr_id_is_none(c->to->holds[*at].entity))
        c->to->holds[*at].entity = hold->entity;
    if (*at != LOSS_NONE)
        return 0;
    if (c->to->hold_count == CONTAIN_HOLDS_MAX) {
        c->to->cut = true;
        return 0;
    }
    int rc = hold_new(c, hold);
    if (rc < 0)
        return rc;
    *at = btr_idmap_add(&c->by_key, key, c->to->hold_count - 1);
    return *at == LOSS_NONE ? btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment") : 0;
}

int contain_lead(struct contain *c, uint32_t from, uint32_t to, const char *why, btr_event_ref ref)
{
    struct loss_containment *all = c->to;
    if (from == LOSS_NONE || to == LOSS_NONE || from == to)
        return 0;
    if (all->lead_count == CONTAIN_LEADS_MAX) {
        all->cut = true;
        return 0;
    }
    uint32_t had =
        btr_idmap_add(&c->by_lead, (struct btr_id){1 + (uint64_t)from, to}, all->lead_count);
    if (had == LOSS_NONE)
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment");
    if (had < all->lead_count)
        return 0;
    if (!btr_list_room(&all->leads, all->lead_count, &all->lead_capacity, 128, sizeof *all->leads))
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "containment");
    all->leads[all->lead_count++] = (struct loss_lead){from, to, why, ref};
    return 0;
}

int contain_talker_add(struct contain *c, struct btr_id process, uint32_t hold)
{
    if (hold == LOSS_NONE)
        return 0;
    uint32_t first = btr_idmap_get(&c->first_talker, process);
    for (uint32_t at = first; at != LOSS_NONE; at = c->talkers[at].next)
        if (c->talkers[at].hold == hold)
            return 0;
    if (!btr_list_room(&c->talkers, c->talker_count, &c->talker_capacity, 64, sizeof *c->talkers))
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "who serves connections");
    c->talkers[c->talker_count] = (struct contain_talker){process, hold, LOSS_NONE};
    if (first == LOSS_NONE &&
        btr_idmap_add(&c->first_talker, process, c->talker_count) == LOSS_NONE)
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "who serves connections");
    if (first != LOSS_NONE) { /* the first stays first */
        c->talkers[c->talker_count].next = c->talkers[first].next;
        c->talkers[first].next = c->talker_count;
    }
    c->talker_count++;
    return 0;
}
