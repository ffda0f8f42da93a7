#ifndef GRAPH_CLOCKS_PEAK_H
#define GRAPH_CLOCKS_PEAK_H
/**
 * By how much one clock is ahead of another, from the moments that both tell of the same
 * connections, where nobody tells which moments belong together. Each connect with each accept
 * gives a difference; those of one connection are alike and heap up at the true offset, all others
 * spread. Regular connections heap up beside it, too: then nothing is told.
 */
#include <btr/trace.h>

/* When an accept returned: between what was told of it, and what the flow's next event says. */
struct clocks_accept {
    int64_t told_ns, until_ns;
};

/* Connects of one host and accepts of another at one rendezvous, each side ascending. */
struct clocks_series {
    int64_t *connects;
    struct clocks_accept *accepts;
    uint32_t connect_count, accept_count;
    bool back; /* the client is the host whose clock is measured */
    bool sure; /* one of each, of one connection */
};

struct clocks_peak {
    int64_t ahead_ns; /* of the measured clock; 0 unless `found` */
    int64_t error_ns;
    uint32_t pair_count; /* connections that fit: with that, or with 0 */
    bool found;          /* it explains clearly more connections than 0 and than any other */
};

/** How many connections fit when a clock is ahead by so much. @return 0 or BTR_E_NOMEM */
int clocks_fit(const struct clocks_series *series, uint32_t count, int64_t ahead_ns, uint32_t *fit);
/** @return 0 or BTR_E_NOMEM. Cost: O(connects * accepts), about 4 M of them at most, and 3 MB */
int clocks_peak_find(const struct clocks_series *series, uint32_t count, struct clocks_peak *out);

#endif
