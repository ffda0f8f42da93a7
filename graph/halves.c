#include "halves.h"

void graph_halves_fini(struct graph_halves *h)
{
    free(h->pairs);
    free(h->next[0]);
    free(h->next[1]);
    free(h->heads);
    free(h->meets);
    btr_idmap_fini(&h->halves);
    btr_idmap_fini(&h->rendezvous);
    *h = (struct graph_halves){0};
}

uint64_t graph_halves_bytes(const struct graph_halves *h)
{
    uint64_t slot = sizeof(struct btr_id) + sizeof(uint32_t);
    return (uint64_t)h->pair_capacity * (sizeof(*h->pairs) + 2 * sizeof(uint32_t)) +
           (uint64_t)h->head_capacity * sizeof(*h->heads) +
           (uint64_t)h->meet_capacity * sizeof(*h->meets) +
           ((uint64_t)h->halves.capacity + h->rendezvous.capacity) * slot;
}

/* Receives the meetings of a half flow: the other end is the rendezvous. */
static int collect_meets(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct graph_halves *h = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (h->meet_count == h->meet_capacity) {
            uint32_t capacity = h->meet_capacity ? 2 * h->meet_capacity : 8;
            struct btr_id *meets = realloc(h->meets, capacity * sizeof(*meets));
            if (!meets)
                return BTR_E_NOMEM;
            h->meets = meets;
            h->meet_capacity = capacity;
        }
        h->meets[h->meet_count++] = flows[i].other;
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

/* @return where the first pair of a half flow is kept, or NULL when out of memory */
static uint32_t *head_of(struct graph_halves *h, struct btr_id half)
{
    uint32_t at = btr_idmap_get(&h->halves, half);
    if (at != UINT32_MAX)
        return &h->heads[at];
    if (h->head_count == h->head_capacity) {
        uint32_t capacity = h->head_capacity ? 2 * h->head_capacity : 64;
        uint32_t *heads = realloc(h->heads, capacity * sizeof(*heads));
        if (!heads)
            return NULL;
        h->heads = heads;
        h->head_capacity = capacity;
    }
    if (btr_idmap_add(&h->halves, half, h->head_count) == UINT32_MAX)
        return NULL;
    h->heads[h->head_count] = UINT32_MAX;
    return &h->heads[h->head_count++];
}

/* Chains a pair into the list of one of its ends. */
static bool chain(struct graph_halves *h, uint32_t pair, int side, struct btr_id half)
{
    uint32_t *head = head_of(h, half);
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

static int pair_once(struct graph_halves *h, const struct btr_edges *edges,
                     struct btr_id rendezvous, struct btr_err *err)
{
    if (btr_idmap_get(&h->rendezvous, rendezvous) != UINT32_MAX)
        return 0;
    struct btr_pair *pairs = NULL;
    uint32_t pair_count = 0;
    int rc = btr_pair_rendezvous(edges, rendezvous, &pairs, &pair_count, err);
    if (rc < 0)
        return rc;
    bool added = add_pairs(h, pairs, pair_count) &&
                 btr_idmap_add(&h->rendezvous, rendezvous, 0) != UINT32_MAX;
    free(pairs);
    return added ? 0
                 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "%u pairs of connections", pair_count);
}

int graph_halves_find(struct graph_halves *h, const struct btr_edges *edges, struct btr_id entity,
                      uint32_t *first, struct btr_err *err)
{
    *first = UINT32_MAX;
    h->meet_count = 0;
    int rc = edges->flows(edges->self, entity, BTR_SIDE_MEET, 0, NULL, collect_meets, h, err);
    if (rc == BTR_E_NOMEM)
        return btr_fail(err, rc, UINT64_MAX, "meetings of a half flow");
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < h->meet_count; i++) {
        rc = pair_once(h, edges, h->meets[i], err);
        if (rc < 0)
            return rc;
    }
    uint32_t at = h->meet_count ? btr_idmap_get(&h->halves, entity) : UINT32_MAX;
    if (at != UINT32_MAX)
        *first = h->heads[at];
    return 0;
}

uint32_t graph_halves_next(const struct graph_halves *h, struct btr_id entity, uint32_t pair)
{
    return h->next[btr_id_equal(h->pairs[pair].client, entity) ? 0 : 1][pair];
}
