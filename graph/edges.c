#include <btr/edges.h>

static int flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                 struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                 struct btr_err *err)
{
    return btr_reader_flows(self, entity, side, bound_ns, parts, visit, visitor, err);
}

struct btr_edges btr_edges_of_reader(struct btr_reader *reader)
{
    return (struct btr_edges){reader, flows, NULL, NULL};
}
