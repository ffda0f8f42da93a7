#ifndef GRAPH_CLOCKS_H
#define GRAPH_CLOCKS_H
/** The clocks of one question: hosts, and which of them met where. */
#include <btr/clocks.h>

enum {
    CLOCKS_HOSTS_MAX = 4096,    /* whose clocks are measured; others count as right */
    CLOCKS_GROUPS_MAX = 1 << 16 /* noted; more are not */
};
/* Times that two hosts tell of one thing differ by less when their clocks do not: steps of their
 * clocks, and what passes between a connect and its accept. */
#define CLOCKS_TOLERANCE_NS (2 * BTR_SOURCE_ERROR_NS)

struct clocks_host {
    struct btr_span name;
    int64_t ahead_ns; /* when known; else what is assumed of all that are not */
    int64_t used_ns;  /* what the walk went by */
    int64_t error_ns;
    uint32_t pair_count, beside;
    bool known, measured;
};

/* Hosts that met somewhere. */
struct clocks_pair {
    uint32_t host[2]; /* by name */
};

/* Where two hosts met: a rendezvous, or a connection that both tell of. */
struct clocks_group {
    struct btr_id id;
    uint32_t pair;
    int64_t at_ns; /* as told, where the walk came to it: the nearest to the first start */
    uint32_t matched,
        possible; /* connects that an accept stands by, of so many that could have one */
    bool rendezvous;
};

/* An instant that a host tells of. */
struct clocks_point {
    int64_t at_ns;
    uint32_t host;
    bool out;   /* a connect, something sent; else an accept, something received */
    bool opens; /* a connection that both ends tell of */
};

struct clocks_points {
    struct clocks_point *items;
    uint32_t count, capacity;
};

struct btr_clocks {
    struct btr_edges edges;
    struct btr_clock_hosts hosts;
    struct btr_start *starts, *set_right;
    uint32_t start_count;

    struct clocks_host *host;
    uint32_t host_count, host_capacity;
    uint32_t *host_of; /* by source, or UINT32_MAX: not asked yet */
    uint32_t source_count;
    uint32_t *start_host; /* of each start, or UINT32_MAX */
    uint8_t *names;       /* of these */
    uint32_t first_host;       /* of the first start, or UINT32_MAX */
    int64_t assumed_ns;        /* how far ahead clocks are that are not known */
    int64_t used_ns;           /* the same, as the walk went by it */
    int64_t most_ns, least_ns; /* that any is ahead */

    struct clocks_pair *pairs;
    struct btr_u64map pair_of; /* both hosts */
    uint32_t pair_count, pair_capacity;
    struct clocks_group *groups;
    struct btr_idmap group_of; /* its id, mixed with the pair */
    uint32_t group_count, group_capacity;
    struct clocks_points points; /* of what is being looked at */
    struct btr_clock *list;
    bool failed; /* out of memory for a host: nothing that is told from then on is right */
};

/** The host of a source. @return UINT32_MAX: none, or out of memory (`failed`) */
uint32_t clocks_host(struct btr_clocks *c, uint32_t source);
int64_t clocks_ahead(struct btr_clocks *c, uint32_t source);
int64_t clocks_host_ahead(const struct btr_clocks *c, uint32_t host);
/** Sets the starts right, as clocks are known now. */
void clocks_starts_set(struct btr_clocks *c);
/** A time that was told, set right; the ends of time stay. */
int64_t clocks_minus(int64_t t_ns, int64_t ahead_ns);
int64_t clocks_plus(int64_t t_ns, int64_t ahead_ns);

bool clocks_points_add(struct clocks_points *p, struct clocks_point point);
/** Notes the hosts whose points these are (times as told) as having met. @return false when out of
 * memory */
bool clocks_note(struct btr_clocks *c, struct btr_id id, bool rendezvous, int64_t at_ns);

/** Reads what the ends of a connection tell of it into the points, times as told. */
int clocks_connection_read(struct btr_clocks *c, struct btr_id flow, struct btr_err *err);

/** How the clocks of two hosts stand, as what they tell of the same connections says. */
struct clocks_verdict {
    int64_t ahead_ns; /* the second host's clock, of the first's, beyond what the walk went by */
    int64_t error_ns;
    uint32_t pair_count; /* that fit */
    bool measured;       /* else nothing says that it is not 0 */
    bool fits;           /* what was noted fits as it is */
};
int clocks_measure(struct btr_clocks *c, uint32_t pair, struct clocks_verdict *out,
                   struct btr_err *err);

#endif
