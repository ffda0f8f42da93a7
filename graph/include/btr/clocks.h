#ifndef BTR_CLOCKS_H
#define BTR_CLOCKS_H
/**
 * How far the clocks of hosts differ, as the connections between them tell, and edges whose times
 * are set right (docs/decisions/0013-clocks.md). Agents of one host read one clock. The clock of
 * the first start's host counts as right. A clock is right until it is shown to be wrong: what is
 * found is taken only where it explains the connections clearly better.
 *
 * A walk with btr_clocks_edges() notes which hosts it comes to; btr_clocks_learn() then measures
 * those that it did not know, and tells whether the walk would find others now: then it goes again.
 */
#include <btr/trace.h>

#define BTR_CLOCK_MOST_NS INT64_C(3600000000000) /* between two clocks that connections tell of */
#define BTR_CLOCK_GRAIN_NS INT64_C(10000000)     /* offsets are told in multiples of this */

struct btr_clocks;

/** Which hosts sources are of, and what else their connections are. */
struct btr_clock_hosts {
    void *self;
    /** The host's name; empty: not known. The span lives as long as the clocks. */
    struct btr_span (*host)(void *self, uint32_t source);
    /**
     * Visits rendezvous, and connections that both ends tell of, between the same two addresses as
     * those of a half flow, each once. NULL: none are known.
     * @return 0, or as btr_reader_flows
     */
    int (*others)(void *self, struct btr_id half, int64_t at_ns,
                  int (*visit)(void *visitor, struct btr_id id, bool rendezvous), void *visitor,
                  struct btr_err *err);
};

/** Hosts of a store's snapshot. */
struct btr_clock_hosts btr_clock_hosts_of_reader(struct btr_reader *reader);

/** The clock of a host. */
struct btr_clock {
    struct btr_span host;
    int64_t ahead_ns;    /* of the first start's host; negative: behind. Its own is 0 */
    int64_t error_ns;    /* of that; at least BTR_SOURCE_ERROR_NS */
    uint32_t pair_count; /* connections that it rests on */
    struct btr_span
        beside;    /* the host that these lead to or come from; empty: it is the first start's */
    bool measured; /* else they fit a clock that is right, or fit nothing better */
};

/**
 * @param edges, hosts  borrowed
 * @param starts        copied; times as their own hosts tell them
 * @param start_hosts   of each start, copied; empty: not known, as of a connection
 * @return 0 or BTR_E_NOMEM
 */
int btr_clocks_new(struct btr_clocks **out, const struct btr_edges *edges,
                   const struct btr_clock_hosts *hosts, const struct btr_start *starts,
                   const struct btr_span *start_hosts, uint32_t start_count, struct btr_err *err);
void btr_clocks_free(struct btr_clocks *clocks);

/** The edges with all times set right. They live as long as the clocks. */
struct btr_edges btr_clocks_edges(struct btr_clocks *clocks);
/** The starts with their times set right; they live as long as the clocks, and change with
 * btr_clocks_learn(). */
const struct btr_start *btr_clocks_starts(const struct btr_clocks *clocks);
/** When one of these was, as its own host tells it. */
int64_t btr_clocks_start_told(const struct btr_clocks *clocks, const struct btr_start *start);

/**
 * Measures clocks of hosts that were come to. What is measured once stays. Only what the walk came
 * to counts, not in which order.
 * @param learnt  receives whether times are set otherwise now
 * @return 0, or as btr_reader_flows
 */
int btr_clocks_learn(struct btr_clocks *clocks, bool *learnt, struct btr_err *err);

/** Goes back to what the last walk went by: for an answer that is not walked again. */
void btr_clocks_unlearn(struct btr_clocks *clocks);

/** What is to be taken from a time that a source told, to set it right: by how much its host's
 * clock is ahead. */
int64_t btr_clocks_ahead(const struct btr_clocks *clocks, uint32_t source);
/** The same for a host by its name. */
int64_t btr_clocks_host_ahead(const struct btr_clocks *clocks, struct btr_span host);
/** The hosts whose clocks are known, by name. They live until this or btr_clocks_learn() is called
 * again.
 * @return 0 or BTR_E_NOMEM */
int btr_clocks_list(struct btr_clocks *clocks, const struct btr_clock **list, uint32_t *count,
                    struct btr_err *err);

#endif
