#ifndef GRAPH_ALIGN_H
#define GRAPH_ALIGN_H
/**
 * Lays the connects of a rendezvous beside its accepts. A listen queue is first in, first out, so
 * that matches never cross. Ends may be missing on either side: connects that were refused or given
 * up, records from before the recording or lost. The best alignment is the cheapest: a pair costs
 * the logarithm of its delay, an end left alone GRAPH_ALIGN_ALONE. In other words, delays are
 * heavy-tailed, and a shift of all later pairs is not taken for the sake of one pair more. Method:
 * Needleman & Wunsch, J. Mol. Biol. 48 (1970), in a band around the order of time that grows while
 * the best path runs along its edge.
 */
#include <btr/trace.h>

/* One end, connect or accept. */
struct graph_end {
    int64_t first_ns; /* the call's beginning */
    int64_t last_ns;  /* its place in the order of its source; an accept that waited may have
                         returned later than told */
};

struct graph_match {
    uint32_t client, server;
    bool ambiguous; /* another alignment, about as good, joins one of the two otherwise */
};

enum {
    GRAPH_ALIGN_BIT = 256,                    /* costs count in 1/256 of a doubling of the delay */
    GRAPH_ALIGN_ALONE = 16 * GRAPH_ALIGN_BIT, /* an end without a partner */
    GRAPH_ALIGN_NEVER = 1 << 30,              /* cannot be a pair */
    GRAPH_ALIGN_EQUAL =
        GRAPH_ALIGN_BIT / 2, /* alignments whose costs differ by no more are as good */
    GRAPH_ALIGN_CHOICES = 4, /* partners of one end, at most */
};
#define GRAPH_ALIGN_DELAY_NS INT64_C(3600000000000) /* between connect and accept, at most */

/** What it costs to pair two ends. */
uint32_t graph_align_cost(const struct graph_end *client, const struct graph_end *server);

/**
 * @param clients, servers  sorted by last_ns
 * @param matches  from malloc, sorted by server, then client; the caller frees it. Where alignments
 * are as good, an end is in up to GRAPH_ALIGN_CHOICES matches, all ambiguous. Cost: O((clients +
 * servers) * band) time; 4 bytes of memory for each cell of the band.
 * @return 0 or BTR_E_NOMEM
 */
int graph_align(const struct graph_end *clients, uint32_t client_count,
                const struct graph_end *servers, uint32_t server_count,
                struct graph_match **matches, uint32_t *match_count);

#endif
