#ifndef GRAPH_LOSS_APART_H
#define GRAPH_LOSS_APART_H
/** apart.c names parts and asks; apart_halves.c tells what the ends of connections are,
 * apart_emptied.c when files were emptied. */
#include <btr/apart.h>

#include "halves.h"

/* One part of an entity, but the first, which has its id. */
struct apart_part {
    struct btr_id whole;
    uint32_t number; /* from 1: a program; of an end of a connection: what was written there */
};

/** When a file was emptied, ascending. */
struct apart_emptied {
    int64_t *at_ns;
    uint32_t count;
};

enum { APART_END_UNKNOWN, APART_END_NONE, APART_END };

struct btr_apart {
    const struct btr_edges *edges;
    struct btr_facts facts;
    struct btr_apart_rules rules;
    struct btr_idmap by_id; /* of a part's id, its place in parts */
    struct apart_part *parts;
    uint32_t part_count, part_capacity;
    struct graph_halves halves;
    struct btr_idmap ends;  /* of a connection, whether it is an end of one: APART_END... */
    struct btr_idmap files; /* of a file whose contents are told apart, its place in emptied */
    struct apart_emptied *emptied;
    uint32_t file_count, file_capacity;
    struct btr_flow *flows; /* of the question under way */
    uint32_t flow_count, flow_capacity;
};

/** Makes the id of a part of an entity. @return false when out of memory */
bool apart_id(struct btr_apart *a, struct btr_id *id, uint32_t number);
/** Whether an entity is one end of a connection of which the other end may be recorded, too.
 * @return 0, or as the edges */
int apart_is_end(struct btr_apart *a, struct btr_id id, uint8_t kind, bool *end,
                 struct btr_err *err);
/** Hands on the crossings into (else out of) an end: from what was written at the other end, or to
 * what comes in there. */
int apart_cross(struct btr_apart *a, struct btr_id end, bool into, btr_flow_visit *visit,
                void *visitor, struct btr_err *err);

/** The times of a file whose contents are told apart; NULL: they are not. @return 0, or as the
 * edges */
int apart_emptied_of(struct btr_apart *a, struct btr_id id, const struct apart_emptied **out,
                     struct btr_err *err);
void apart_emptied_fini(struct btr_apart *a);

#endif
