#include "timed.h"

#include <btr/clock.h>

/* One question. */
struct timed_question {
    const struct graph_timed *t;
    btr_flow_visit *visit;
    void *visitor;
};

static int timed_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    const struct timed_question *q = self;
    int rc = q->visit(q->visitor, flows, flow_count);
    bool late = q->t->deadline_ns != INT64_MAX && btr_monotonic_ns() >= q->t->deadline_ns;
    return rc == 0 && late ? GRAPH_LATE : rc;
}

static int timed_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                       struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                       struct btr_err *err)
{
    const struct graph_timed *t = self;
    struct timed_question q = {t, visit, visitor};
    return t->edges->flows(t->edges->self, entity, side, bound_ns, parts, timed_visit, &q, err);
}

static int timed_connection(void *self, struct btr_id flow, struct btr_err *err)
{
    const struct graph_timed *t = self;
    return t->edges->connection ? t->edges->connection(t->edges->self, flow, err) : 0;
}

struct btr_edges graph_timed_edges(struct graph_timed *t)
{
    return (struct btr_edges){.self = t, .flows = timed_flows, .connection = timed_connection};
}
