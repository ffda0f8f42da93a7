#include "loss/apart.h"

static int meets_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    (void)self;
    (void)flows;
    return flow_count > 0;
}

int apart_is_end(struct btr_apart *a, struct btr_id id, uint8_t kind, bool *end,
                 struct btr_err *err)
{
    uint32_t known = btr_idmap_get(&a->ends, id);
    *end = known == APART_END;
    if ((kind != BTR_KIND_FLOW && kind != BTR_KIND_CHANNEL) || known != UINT32_MAX)
        return 0;
    int rc = a->edges->flows(a->edges->self, id, BTR_SIDE_MEET, 0, NULL, meets_visit, a, err);
    if (rc < 0)
        return rc;
    *end = rc > 0;
    if (btr_idmap_add(&a->ends, id, *end ? APART_END : APART_END_NONE) == UINT32_MAX)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ends of connections");
    return 0;
}

int apart_cross(struct btr_apart *a, struct btr_id end, bool into, btr_flow_visit *visit,
                void *visitor, struct btr_err *err)
{
    uint32_t at = UINT32_MAX;
    int rc = graph_halves_find(&a->halves, a->edges, end, BTR_KIND_CHANNEL, &at, err);
    for (; rc == 0 && at != UINT32_MAX; at = graph_halves_next(&a->halves, end, at)) {
        const struct btr_pair *p = &a->halves.pairs[at];
        bool client = btr_id_equal(p->client, end);
        struct btr_id far = client ? p->server : p->client;
        if (a->edges->crosses &&
            !a->edges->crosses(a->edges->self, into ? far : end, into ? end : far))
            continue;
        struct btr_flow flow = {.other = far,
                                .first_ns = p->first_ns,
                                .last_ns = INT64_MAX,
                                .ref = BTR_REF_CROSSING + at,
                                .source = BTR_SOURCE_NONE,
                                .operation = BTR_OP_CONNECT,
                                .doubt = p->doubt,
                                .other_kind = BTR_KIND_FLOW};
        if (into && !apart_id(a, &flow.other, 1))
            return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "ends of connections");
        rc = visit(visitor, &flow, 1);
    }
    return rc;
}
