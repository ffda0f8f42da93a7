#include <btr/edges.h>

static int flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                 struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                 struct btr_err *err)
{
    return btr_reader_flows(self, entity, side, bound_ns, parts, visit, visitor, err);
}

int btr_flows_sift(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    enum { RUN = 256 };
    const struct btr_flow_sieve *sieve = self;
    struct btr_flow run[RUN];
    uint32_t count = 0;
    bool keeps = false;
    int rc = 0;
    for (uint32_t i = 0; i < flow_count && rc == 0; i++) {
        bool same = i > 0 && btr_id_equal(flows[i].other, flows[i - 1].other);
        rc = sieve->keeps(sieve->self, &flows[i], same, &keeps);
        if (rc == 0 && keeps)
            run[count++] = flows[i];
        if (rc == 0 && count == RUN) {
            rc = sieve->visit(sieve->visitor, run, count);
            count = 0;
        }
    }
    return rc == 0 && count ? sieve->visit(sieve->visitor, run, count) : rc;
}

struct btr_edges btr_edges_of_reader(struct btr_reader *reader)
{
    return (struct btr_edges){reader, flows, NULL, NULL};
}
