#include <btr/content.h>

bool btr_content_carries(const struct btr_flow *flow, struct btr_content_source told)
{
    switch (flow->operation) {
    case BTR_OP_CHMOD:
    case BTR_OP_CHOWN:
    case BTR_OP_SETATTR:
    case BTR_OP_SETTIME:
    case BTR_OP_DELETE:
    case BTR_OP_RENAME:
    case BTR_OP_LINK:
    case BTR_OP_TRUNCATE:
    case BTR_OP_SIGNAL:
    case BTR_OP_LOGIN:
    case BTR_OP_SESSION_OF:
    case BTR_OP_LOG_CLEAR:
    case BTR_OP_AUDIT_CHANGE:
    case BTR_OP_MOUNT:
        return false;
    case BTR_OP_OPEN_READ:
        return !told.reads_told;
    case BTR_OP_OPEN_WRITE:
    case BTR_OP_CREATE:
        return !told.writes_told;
    case BTR_OP_OPEN_BOTH:
    case BTR_OP_CONNECT:
    case BTR_OP_ACCEPT:
        return !told.reads_told || !told.writes_told;
    default:
        return true;
    }
}

/* One question. */
struct content_question {
    const struct btr_content *content;
    btr_flow_visit *visit;
    void *visitor;
    struct btr_err *err;
};

static int content_keeps(void *self, const struct btr_flow *flow, bool same, bool *keeps)
{
    const struct content_question *q = self;
    const struct btr_content_sources *sources = &q->content->sources;
    struct btr_content_source told = {0};
    (void)same;
    int rc = sources->source(sources->self, flow->source, &told, q->err);
    *keeps = btr_content_carries(flow, told);
    return rc;
}

static int content_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                         struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                         struct btr_err *err)
{
    const struct btr_content *c = self;
    struct content_question q = {c, visit, visitor, err};
    struct btr_flow_sieve sieve = {content_keeps, &q, visit, visitor};
    if (side == BTR_SIDE_MEET)
        return c->edges->flows(c->edges->self, entity, side, bound_ns, parts, visit, visitor, err);
    return c->edges->flows(c->edges->self, entity, side, bound_ns, parts, btr_flows_sift, &sieve,
                           err);
}

static bool content_crosses(void *self, struct btr_id from, struct btr_id to)
{
    const struct btr_content *c = self;
    return !c->edges->crosses || c->edges->crosses(c->edges->self, from, to);
}

static int content_connection(void *self, struct btr_id flow, struct btr_err *err)
{
    const struct btr_content *c = self;
    return c->edges->connection ? c->edges->connection(c->edges->self, flow, err) : 0;
}

struct btr_edges btr_content_edges(struct btr_content *content)
{
    return (struct btr_edges){content, content_flows, content_crosses, content_connection};
}
