#include "halves.h"

#include <btr/list.h>

/* ---- Lists ---------------------------------------------------------------------------------- */

static void lists_fini(struct halves_lists *l)
{
    btr_idmap_fini(&l->by_id);
    free(l->heads);
}

static uint64_t lists_bytes(const struct halves_lists *l)
{
    return (uint64_t)l->capacity * sizeof(*l->heads) +
           (uint64_t)l->by_id.capacity * (sizeof(struct btr_id) + sizeof(uint32_t));
}

/* @return where the first of an id's list is kept, or NULL when out of memory */
static uint32_t *list_of(struct halves_lists *l, struct btr_id id)
{
    uint32_t at = btr_idmap_get(&l->by_id, id);
    if (at != UINT32_MAX)
        return &l->heads[at];
    if (!btr_list_room(&l->heads, l->count, &l->capacity, 64, sizeof *l->heads))
        return NULL;
    if (btr_idmap_add(&l->by_id, id, l->count) == UINT32_MAX)
        return NULL;
    l->heads[l->count] = UINT32_MAX;
    return &l->heads[l->count++];
}

/* ---- Pairs and stretches -------------------------------------------------------------------- */

void graph_halves_fini(struct graph_halves *h)
{
    free(h->pairs);
    free(h->next[0]);
    free(h->next[1]);
    free(h->meets);
    free(h->stretches);
    lists_fini(&h->halves);
    lists_fini(&h->rendezvous);
    *h = (struct graph_halves){0};
}

uint64_t graph_halves_bytes(const struct graph_halves *h)
{
    return (uint64_t)h->pair_capacity * (sizeof(*h->pairs) + 2 * sizeof(uint32_t)) +
           (uint64_t)h->meet_capacity * sizeof(*h->meets) +
           (uint64_t)h->stretch_capacity * sizeof(*h->stretches) + lists_bytes(&h->halves) +
           lists_bytes(&h->rendezvous);
}

/* Receives the meetings of a half flow: the other end is the rendezvous. */
static int collect_meets(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct graph_halves *h = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (!btr_list_room(&h->meets, h->meet_count, &h->meet_capacity, 8, sizeof *h->meets))
            return BTR_E_NOMEM;
        h->meets[h->meet_count++] = (struct halves_meet){flows[i].other, flows[i].last_ns};
    }
    return 0;
}

static bool grow_pairs(struct graph_halves *h, uint32_t more)
{
    if (more <= h->pair_capacity - h->pair_count)
        return true;
    uint64_t wanted = 2 * ((uint64_t)h->pair_count + more);
    uint32_t capacity = wanted > UINT32_MAX ? UINT32_MAX : (uint32_t)wanted;
    if (more > capacity - h->pair_count)
        return false;
    struct btr_pair *pairs = realloc(h->pairs, capacity * sizeof(*pairs));
    if (pairs)
        h->pairs = pairs;
    bool grown = pairs != NULL;
    for (int side = 0; side < 2; side++) {
        uint32_t *next = realloc(h->next[side], capacity * sizeof(*next));
        if (next)
            h->next[side] = next;
        grown = grown && next;
    }
    if (grown)
        h->pair_capacity = capacity;
    return grown;
}

/* Chains a pair into the list of one of its ends. */
static bool chain(struct graph_halves *h, uint32_t pair, int side, struct btr_id half)
{
    uint32_t *head = list_of(&h->halves, half);
    if (!head)
        return false;
    h->next[side][pair] = *head;
    *head = pair;
    return true;
}

static bool add_pairs(struct graph_halves *h, const struct btr_pair *pairs, uint32_t pair_count)
{
    if (!grow_pairs(h, pair_count))
        return false;
    for (uint32_t i = 0; i < pair_count; i++) {
        uint32_t at = h->pair_count;
        h->pairs[at] = pairs[i];
        if (!chain(h, at, 0, pairs[i].client) || !chain(h, at, 1, pairs[i].server))
            return false;
        h->pair_count++;
    }
    return true;
}

static bool stretch_add(struct graph_halves *h, uint32_t *paired, struct pair_stretch time)
{
    if (!btr_list_room(&h->stretches, h->stretch_count, &h->stretch_capacity, 16,
                       sizeof *h->stretches))
        return false;
    h->stretches[h->stretch_count] = (struct halves_stretch){time, *paired};
    *paired = h->stretch_count++;
    return true;
}

static bool is_paired(const struct graph_halves *h, uint32_t stretch, int64_t at_ns)
{
    for (; stretch != UINT32_MAX; stretch = h->stretches[stretch].next)
        if (h->stretches[stretch].time.first_ns <= at_ns &&
            at_ns <= h->stretches[stretch].time.last_ns)
            return true;
    return false;
}

static int pair_once(struct graph_halves *h, const struct btr_edges *edges,
                     const struct halves_meet *meet, struct btr_err *err)
{
    struct btr_pair *pairs = NULL;
    struct pair_stretch time;
    uint32_t pair_count = 0;
    uint32_t *paired = list_of(&h->rendezvous, meet->rendezvous);
    if (paired && is_paired(h, *paired, meet->at_ns))
        return 0;
    int rc = paired ? graph_pair_stretch(edges, meet->rendezvous, meet->at_ns, &time, &pairs,
                                         &pair_count, err)
                    : BTR_E_NOMEM;
    if (rc != 0 && paired)
        return rc;
    bool added = rc == 0 && add_pairs(h, pairs, pair_count) && stretch_add(h, paired, time);
    free(pairs);
    return added ? 0
                 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u pairs of connections", pair_count);
}

int graph_halves_find(struct graph_halves *h, const struct btr_edges *edges, struct btr_id entity,
                      uint8_t kind, uint32_t *first, struct btr_err *err)
{
    *first = UINT32_MAX;
    h->meet_count = 0;
    int rc = edges->flows(edges->self, entity, BTR_SIDE_MEET, 0, NULL, collect_meets, h, err);
    if (rc == BTR_E_NOMEM)
        return btr_fail(err, rc, UINT64_MAX, "meetings of a half flow");
    if (rc == 0 && h->meet_count == 0 && kind != BTR_KIND_CHANNEL && edges->connection)
        rc = edges->connection(edges->self, entity, err);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < h->meet_count; i++) {
        rc = pair_once(h, edges, &h->meets[i], err);
        if (rc != 0)
            return rc;
    }
    uint32_t at = h->meet_count ? btr_idmap_get(&h->halves.by_id, entity) : UINT32_MAX;
    if (at != UINT32_MAX)
        *first = h->halves.heads[at];
    return 0;
}

uint32_t graph_halves_next(const struct graph_halves *h, struct btr_id entity, uint32_t pair)
{
    return h->next[btr_id_equal(h->pairs[pair].client, entity) ? 0 : 1][pair];
}
