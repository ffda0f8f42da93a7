#ifndef GRAPH_THIN_FLOWS_H
#define GRAPH_THIN_FLOWS_H
/** What flows into, and out of, each entity of a set, and when: made for one question. */
#include <btr/thin.h>

/** A flow by its entity, in the order in which they begin. */
struct thin_flow {
    int64_t first_ns, last_ns;
    int64_t latest_ns, other_ns;  /* the latest to end so far, and the latest of another group */
    uint32_t latest_group, other; /* other: the entity at the other end */
};

/** Flows of all entities, one after the other. */
struct thin_side {
    struct thin_flow *flows;
    uint32_t *begins; /* by entity, and the end */
};

enum { THIN_NO_GROUP = UINT32_MAX };

struct thin_flows {
    struct thin_side into, out_of;
    bool *open;         /* by entity: other sources touch it, or may */
    uint32_t *group_of; /* by event of the set: whose flows do not count for each other; the
                           caller's to fill */
};

/** @return false when out of memory; thin_flows_fini() in either case. Groups are THIN_NO_GROUP. */
bool thin_flows_init(struct thin_flows *f, const struct btr_thin_set *set);
/** Fills both sides, once the groups are told. @return false when out of memory */
bool thin_flows_fill(struct thin_flows *f, const struct btr_thin_set *set);
void thin_flows_fini(struct thin_flows *f);

/** Of the flows of an entity that begin until `until_ns`, but for those of a group, the end of the
 * latest to end. @return INT64_MIN: there is none */
int64_t thin_latest(const struct thin_side *side, uint32_t entity, int64_t until_ns,
                    uint32_t group);

/**
 * Whether what another source tells may reach an entity along flows of a side that each share a
 * moment with [since_ns, until_ns]: one of the entities on the way is open. Gives up after a few
 * steps, and then says that it may.
 */
bool thin_may_reach(const struct thin_flows *f, const struct thin_side *side, uint32_t entity,
                    int64_t since_ns, int64_t until_ns);

#endif
