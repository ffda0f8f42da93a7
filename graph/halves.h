#ifndef GRAPH_HALVES_H
#define GRAPH_HALVES_H
/** Which half flows meet which, remembered for one walk: each stretch of a rendezvous is paired
 * once. */
#include "pair.h"

/** A stretch of a rendezvous that is paired. */
struct halves_stretch {
    struct pair_stretch time;
    uint32_t next; /* another of the rendezvous, or UINT32_MAX */
};

/** Chained lists, each of an id: where they begin. */
struct halves_lists {
    struct btr_idmap by_id; /* its number in `heads` */
    uint32_t *heads;        /* what is first in each, or UINT32_MAX */
    uint32_t count, capacity;
};

/** A meeting of a half flow. */
struct halves_meet {
    struct btr_id rendezvous;
    int64_t at_ns;
};

/* A zeroed struct is empty. */
struct graph_halves {
    struct btr_pair *pairs; /* of all rendezvous seen, in the order in which the walk came there */
    uint32_t *
        next[2]; /* per pair: the next pair of its client [0], of its server [1]; UINT32_MAX ends */
    uint32_t pair_count, pair_capacity;
    struct halves_lists halves;     /* of half flows: pairs */
    struct halves_lists rendezvous; /* of rendezvous: stretches that are paired */
    struct halves_stretch *stretches;
    uint32_t stretch_count, stretch_capacity;
    struct halves_meet *meets; /* of the half flow asked for last */
    uint32_t meet_count, meet_capacity;
};

void graph_halves_fini(struct graph_halves *h);
/** Bytes held, for the memory limit. */
uint64_t graph_halves_bytes(const struct graph_halves *h);
/**
 * Pairs the rendezvous of an entity, if it is a half flow.
 * @param kind   of the entity
 * @param first  its first pair, or UINT32_MAX when it has none
 * @return 0, or what the edges return (a positive code, too: what is not found then is found when
 * asked again), BTR_E_NOMEM
 */
int graph_halves_find(struct graph_halves *h, const struct btr_edges *edges, struct btr_id entity,
                      uint8_t kind, uint32_t *first, struct btr_err *err);
/** The pair of the entity after this one, or UINT32_MAX. */
uint32_t graph_halves_next(const struct graph_halves *h, struct btr_id entity, uint32_t pair);

#endif
