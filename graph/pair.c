/* Which connect belongs to which accept. */
#include <btr/trace.h>

#include <btr/event.h>

struct meetings {
    struct btr_flow *client, *server;
    uint32_t client_count, server_count, client_capacity, server_capacity;
};

static int keep(struct btr_flow **list, uint32_t *count, uint32_t *capacity, const struct btr_flow *flow)
{
    if (*count == *capacity) {
        uint32_t more = *capacity ? 2 * *capacity : 16;
        struct btr_flow *grown = realloc(*list, more * sizeof(*grown));
        if (!grown)
            return BTR_E_NOMEM;
        *list = grown;
        *capacity = more;
    }
    (*list)[(*count)++] = *flow;
    return 0;
}

static int collect(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct meetings *m = self;
    int rc = 0;
    for (uint32_t i = 0; i < flow_count && rc == 0; i++) {
        if (flows[i].operation == BTR_OP_MEET_CLIENT)
            rc = keep(&m->client, &m->client_count, &m->client_capacity, &flows[i]);
        else if (flows[i].operation == BTR_OP_MEET_SERVER)
            rc = keep(&m->server, &m->server_count, &m->server_capacity, &flows[i]);
    }
    return rc;
}

static int compare_order(const void *a, const void *b)
{
    const struct btr_flow *x = a;
    const struct btr_flow *y = b;
    if (x->last_ns != y->last_ns)
        return x->last_ns < y->last_ns ? -1 : 1;
    int order = btr_id_compare(x->other, y->other);
    return order ? order : (x->ref > y->ref) - (x->ref < y->ref);
}

int btr_pair_rendezvous(const struct btr_edges *edges, struct btr_id rendezvous, struct btr_pair **pairs,
                        uint32_t *pair_count, struct btr_err *err)
{
    struct meetings m = {0};
    *pairs = NULL;
    *pair_count = 0;
    int rc = edges->flows(edges->self, rendezvous, BTR_SIDE_MEET, 0, collect, &m, err);
    uint32_t n = m.client_count < m.server_count ? m.client_count : m.server_count;
    if (rc == 0 && n) {
        qsort(m.client, m.client_count, sizeof(*m.client), compare_order);
        qsort(m.server, m.server_count, sizeof(*m.server), compare_order);
        *pairs = malloc(n * sizeof(**pairs));
        for (uint32_t i = 0; *pairs && i < n; i++) {
            if (btr_id_equal(m.client[i].other, m.server[i].other))
                continue;
            int64_t first_ns = m.client[i].first_ns < m.server[i].first_ns ? m.client[i].first_ns : m.server[i].first_ns;
            (*pairs)[(*pair_count)++] = (struct btr_pair){m.client[i].other, m.server[i].other, rendezvous, m.client[i].ref,
                                                          m.server[i].ref, first_ns, BTR_DOUBT_PAIR_BY_ORDER};
        }
    }
    free(m.client);
    free(m.server);
    return rc;
}
