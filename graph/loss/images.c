#include <btr/images.h>
#include <stdlib.h>

/* One program of a process, but the first. */
struct image {
    struct btr_id process;
    uint32_t number; /* from 1 */
};

struct btr_images {
    const struct btr_edges *edges;
    struct btr_facts facts;
    btr_images_whole *whole;
    void *self;
    struct btr_idmap by_id; /* of an image's id, its place in items */
    struct image *items;
    uint32_t count, capacity;
    struct btr_flow *flows; /* of the question under way; empty between two */
    uint32_t flow_count, flow_capacity;
};

int btr_images_new(struct btr_images **out, const struct btr_edges *edges,
                   const struct btr_facts *facts, btr_images_whole *whole, void *self,
                   struct btr_err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "programs of processes");
    (*out)->edges = edges;
    (*out)->facts = *facts;
    (*out)->whole = whole;
    (*out)->self = self;
    return 0;
}

void btr_images_free(struct btr_images *images)
{
    if (!images)
        return;
    btr_idmap_fini(&images->by_id);
    free(images->items);
    free(images->flows);
    free(images);
}

struct btr_id btr_images_process(const struct btr_images *images, struct btr_id id)
{
    uint32_t at = btr_idmap_get(&images->by_id, id);
    return at == UINT32_MAX ? id : images->items[at].process;
}

/* The id of a program of a process. @return false when out of memory */
static bool image_id(struct btr_images *m, struct btr_id *id, uint32_t number)
{
    struct image image = {*id, number};
    if (number == 0)
        return true;
    id->lo += number * UINT64_C(0x9e3779b97f4a7c15);
    if (btr_idmap_get(&m->by_id, *id) != UINT32_MAX)
        return true;
    if (m->count == m->capacity) {
        uint32_t capacity = m->capacity ? 2 * m->capacity : 256;
        struct image *grown = realloc(m->items, capacity * sizeof *grown);
        if (!grown)
            return false;
        m->items = grown;
        m->capacity = capacity;
    }
    if (btr_idmap_add(&m->by_id, *id, m->count) == UINT32_MAX)
        return false;
    m->items[m->count++] = image;
    return true;
}

/* Which programs a process was while something happened. */
struct stretch {
    uint32_t first, last;
};

static uint32_t number_at(const struct btr_fact *fact, int64_t at_ns)
{
    uint32_t i = fact->image_count;
    while (i > 1 && fact->images[i - 1].since_ns > at_ns)
        i--;
    return i ? i - 1 : 0;
}

/* A process is born with its parent's memory, before it runs anything, however late its parent's
 * record of that comes. What a process does is told when it is done; what a descriptor allows
 * lasts as long as that is open. */
static struct stretch stretch_of(const struct btr_fact *fact, const struct btr_flow *f, bool born)
{
    uint32_t last = number_at(fact, f->last_ns);
    if (born)
        return (struct stretch){0, 0};
    return (struct stretch){f->flags & BTR_EVENT_INTERVAL ? number_at(fact, f->first_ns) : last,
                            last};
}

static int collect(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct btr_images *m = self;
    if (flow_count > m->flow_capacity - m->flow_count) {
        uint64_t wanted = 2 * ((uint64_t)m->flow_count + flow_count);
        struct btr_flow *grown =
            wanted > UINT32_MAX ? NULL : realloc(m->flows, wanted * sizeof *grown);
        if (!grown)
            return BTR_E_NOMEM;
        m->flows = grown;
        m->flow_capacity = (uint32_t)wanted;
    }
    memcpy(m->flows + m->flow_count, flows, flow_count * sizeof *flows);
    m->flow_count += flow_count;
    return 0;
}

/* One question. */
struct images_question {
    struct btr_images *m;
    bool split; /* the entity is a program of a process: `number` */
    uint32_t number;
    struct btr_fact fact; /* of its process */
    bool into;
    btr_flow_visit *visit;
    void *visitor;
    struct btr_err *err;
};

static int fact_of(struct btr_images *m, struct btr_id id, struct btr_fact *fact, bool *split,
                   struct btr_err *err)
{
    *split = false;
    int rc = m->facts.fact(m->facts.self, id, fact, err);
    if (rc == 0)
        *split = fact->kind == BTR_KIND_PROCESS && fact->image_count > 1 &&
                 !(m->whole && m->whole(m->self, id));
    return rc;
}

/* Hands a flow on, once for each program at its other end. */
static int hand_on(struct images_question *q, const struct btr_flow *flow)
{
    struct btr_flow f = *flow;
    struct btr_fact fact;
    bool fork = f.operation == BTR_OP_FORK, split = false;
    if (q->split) {
        struct stretch near = stretch_of(&q->fact, &f, fork && q->into);
        if (q->number < near.first || q->number > near.last)
            return 0;
    }
    int rc = f.other_kind == BTR_KIND_NONE || f.other_kind == BTR_KIND_PROCESS
                 ? fact_of(q->m, f.other, &fact, &split, q->err)
                 : 0;
    if (rc < 0 || !split)
        return rc < 0 ? rc : q->visit(q->visitor, &f, 1);
    struct stretch far = stretch_of(&fact, &f, fork && !q->into);
    for (uint32_t i = far.first; rc == 0 && i <= far.last; i++) {
        f.other = flow->other;
        if (!image_id(q->m, &f.other, i))
            return btr_fail(q->err, BTR_E_NOMEM, UINT64_MAX, "programs of processes");
        rc = q->visit(q->visitor, &f, 1);
    }
    return rc;
}

static int images_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                        struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                        struct btr_err *err)
{
    struct btr_images *m = self;
    uint32_t at = btr_idmap_get(&m->by_id, entity);
    struct btr_id process = at == UINT32_MAX ? entity : m->items[at].process;
    struct images_question q = {.m = m,
                                .number = at == UINT32_MAX ? 0 : m->items[at].number,
                                .into = side == BTR_SIDE_INTO,
                                .visit = visit,
                                .visitor = visitor,
                                .err = err};
    if (side == BTR_SIDE_MEET)
        return m->edges->flows(m->edges->self, entity, side, bound_ns, parts, visit, visitor, err);
    int rc = fact_of(m, process, &q.fact, &q.split, err);
    m->flow_count = 0;
    if (rc == 0)
        rc = m->edges->flows(m->edges->self, process, side, bound_ns, parts, collect, m, err);
    if (rc == BTR_E_NOMEM)
        return btr_fail(err, rc, UINT64_MAX, "flows of an entity");
    for (uint32_t i = 0; rc == 0 && i < m->flow_count; i++)
        rc = hand_on(&q, &m->flows[i]);
    return rc;
}

static bool images_crosses(void *self, struct btr_id from, struct btr_id to)
{
    const struct btr_images *m = self;
    return !m->edges->crosses || m->edges->crosses(m->edges->self, from, to);
}

static int images_connection(void *self, struct btr_id flow, struct btr_err *err)
{
    const struct btr_images *m = self;
    return m->edges->connection ? m->edges->connection(m->edges->self, flow, err) : 0;
}

struct btr_edges btr_images_edges(struct btr_images *images)
{
    return (struct btr_edges){images, images_flows, images_crosses, images_connection};
}
