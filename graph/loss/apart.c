#include "loss/apart.h"

#include <btr/list.h>
#include <stdlib.h>

int btr_apart_new(struct btr_apart **out, const struct btr_edges *edges,
                  const struct btr_facts *facts, const struct btr_apart_rules *rules,
                  struct btr_err *err)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "parts of entities");
    (*out)->edges = edges;
    (*out)->facts = *facts;
    (*out)->rules = *rules;
    return 0;
}

void btr_apart_free(struct btr_apart *a)
{
    if (!a)
        return;
    btr_idmap_fini(&a->by_id);
    btr_idmap_fini(&a->ends);
    graph_halves_fini(&a->halves);
    apart_emptied_fini(a);
    free(a->parts);
    free(a->flows);
    free(a);
}

struct btr_id btr_apart_whole_of(const struct btr_apart *a, struct btr_id id)
{
    uint32_t at = btr_idmap_get(&a->by_id, id);
    return at == UINT32_MAX ? id : a->parts[at].whole;
}

bool apart_id(struct btr_apart *a, struct btr_id *id, uint32_t number)
{
    struct apart_part part = {*id, number};
    if (number == 0)
        return true;
    id->lo += number * UINT64_C(0x9e3779b97f4a7c15);
    if (btr_idmap_get(&a->by_id, *id) != UINT32_MAX)
        return true;
    if (!btr_list_room(&a->parts, a->part_count, &a->part_capacity, 256, sizeof *a->parts))
        return false;
    if (btr_idmap_add(&a->by_id, *id, a->part_count) == UINT32_MAX)
        return false;
    a->parts[a->part_count++] = part;
    return true;
}

/* ---- Parts by time -------------------------------------------------------------------------- */

/* Of an entity, when its parts begin: but for the first. */
struct apart_times {
    const struct btr_fact_image *images; /* of a process, with the first; or NULL */
    const int64_t *at_ns;                /* of a file */
    uint32_t count;
};

/* Which parts something concerns. */
struct stretch {
    uint32_t first, last;
};

static int64_t begins_ns(const struct apart_times *t, uint32_t i)
{
    return t->images ? t->images[i + 1].since_ns : t->at_ns[i];
}

static uint32_t number_at(const struct apart_times *t, int64_t at_ns)
{
    uint32_t i = t->count;
    while (i > 0 && begins_ns(t, i - 1) > at_ns)
        i--;
    return i;
}

/* A process is born with its parent's memory, before it runs anything, however late its parent's
 * record of that comes. What a process does is told when it is done; what a descriptor allows
 * lasts as long as that is open. */
static struct stretch stretch_of(const struct apart_times *t, const struct btr_flow *f, bool born)
{
    uint32_t last = number_at(t, f->last_ns);
    bool lasts = (f->flags & BTR_EVENT_INTERVAL) || f->operation == BTR_OP_SAME;
    if (born)
        return (struct stretch){0, 0};
    return (struct stretch){lasts ? number_at(t, f->first_ns) : last, last};
}

/* The times of an entity of a kind, none where it is whole. */
static int times_of(struct btr_apart *a, struct btr_id id, uint8_t kind, struct apart_times *out,
                    struct btr_err *err)
{
    struct btr_fact fact = {.kind = kind};
    const struct apart_emptied *emptied = NULL;
    int rc = 0;
    *out = (struct apart_times){0};
    if (kind == BTR_KIND_PROCESS && !(a->rules.whole && a->rules.whole(a->rules.self, id))) {
        rc = a->facts.fact(a->facts.self, id, &fact, err);
        if (rc == 0 && fact.image_count > 1)
            *out = (struct apart_times){.images = fact.images, .count = fact.image_count - 1};
    } else if (kind == BTR_KIND_FILE) {
        rc = apart_emptied_of(a, id, &emptied, err);
        if (emptied)
            *out = (struct apart_times){.at_ns = emptied->at_ns, .count = emptied->count};
    }
    return rc;
}

static int kind_of(struct btr_apart *a, struct btr_id id, uint8_t *kind, struct btr_err *err)
{
    struct btr_fact fact;
    int rc = a->facts.fact(a->facts.self, id, &fact, err);
    *kind = rc == 0 ? fact.kind : BTR_KIND_NONE;
    return rc;
}

int btr_apart_at(struct btr_apart *a, struct btr_id *id, int64_t at_ns, struct btr_err *err)
{
    struct apart_times times;
    uint8_t kind;
    int rc = kind_of(a, *id, &kind, err);
    if (rc == 0)
        rc = times_of(a, *id, kind, &times, err);
    if (rc == 0 && times.count && !apart_id(a, id, number_at(&times, at_ns)))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "parts of entities");
    return rc;
}

int btr_apart_next(struct btr_apart *a, struct btr_id id, int64_t *at_ns, struct btr_err *err)
{
    struct apart_times times = {0};
    uint8_t kind;
    int rc = kind_of(a, id, &kind, err);
    if (rc == 0)
        rc = times_of(a, id, kind, &times, err);
    uint32_t next = rc == 0 ? number_at(&times, *at_ns) : 0;
    bool more = rc == 0 && (times.images || times.at_ns) && next < times.count;
    *at_ns = more ? begins_ns(&times, next) : INT64_MAX;
    return rc;
}

/* ---- Questions ------------------------------------------------------------------------------ */

static int collect(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct btr_apart *a = self;
    if (flow_count > a->flow_capacity - a->flow_count) {
        uint64_t wanted = 2 * ((uint64_t)a->flow_count + flow_count);
        struct btr_flow *grown =
            wanted > UINT32_MAX ? NULL : realloc(a->flows, wanted * sizeof *grown);
        if (!grown)
            return BTR_E_NOMEM;
        a->flows = grown;
        a->flow_capacity = (uint32_t)wanted;
    }
    memcpy(a->flows + a->flow_count, flows, flow_count * sizeof *flows);
    a->flow_count += flow_count;
    return 0;
}

struct apart_question {
    struct btr_apart *a;
    uint32_t number;          /* of the part asked about */
    struct apart_times times; /* of the entity */
    bool into;
    btr_flow_visit *visit;
    void *visitor;
    struct btr_err *err;
};

static int hand_to_parts(struct apart_question *q, const struct btr_flow *flow,
                         const struct apart_times *times)
{
    struct btr_flow f = *flow;
    struct stretch far = stretch_of(times, &f, f.operation == BTR_OP_FORK && !q->into);
    int rc = 0;
    for (uint32_t i = far.first; rc == 0 && i <= far.last; i++) {
        f.other = flow->other;
        if (!apart_id(q->a, &f.other, i))
            return btr_fail(q->err, BTR_E_NOMEM, UINT64_MAX, "parts of entities");
        rc = q->visit(q->visitor, &f, 1);
    }
    return rc;
}

/* What flows out of an end of a connection came in there; what flows into it was written. */
static int hand_to_end(struct apart_question *q, const struct btr_flow *flow)
{
    struct btr_flow f = *flow;
    bool end;
    int rc = apart_is_end(q->a, f.other, f.other_kind, &end, q->err);
    if (rc == 0 && end && !q->into && !apart_id(q->a, &f.other, 1))
        rc = btr_fail(q->err, BTR_E_NOMEM, UINT64_MAX, "ends of connections");
    return rc == 0 ? q->visit(q->visitor, &f, 1) : rc;
}

/* Hands a flow on, once for each part at its other end. */
static int hand_on(struct apart_question *q, const struct btr_flow *f)
{
    struct apart_times times;
    uint8_t kind = f->other_kind;
    if (q->times.count) {
        struct stretch near = stretch_of(&q->times, f, f->operation == BTR_OP_FORK && q->into);
        if (q->number < near.first || q->number > near.last)
            return 0;
    }
    int rc = kind == BTR_KIND_NONE ? kind_of(q->a, f->other, &kind, q->err) : 0;
    if (rc == 0)
        rc = times_of(q->a, f->other, kind, &times, q->err);
    if (rc != 0)
        return rc;
    return times.count ? hand_to_parts(q, f, &times) : hand_to_end(q, f);
}

/* An end of a connection has flows on one side only: what comes in flows out to who reads it, and
 * what was written flows in from who wrote it. The other side of each is the other end. */
static int end_flows(struct btr_apart *a, struct btr_id end, bool written, bool into,
                     bool *crossing, btr_flow_visit *visit, void *visitor, struct btr_err *err)
{
    *crossing = written != into;
    return *crossing ? apart_cross(a, end, into, visit, visitor, err) : 0;
}

static void parts_none(struct btr_flow_parts *parts, enum btr_side side)
{
    if (!parts)
        return;
    parts->end = UINT32_MAX;
    parts->rest_ns = side == BTR_SIDE_INTO ? INT64_MIN : INT64_MAX;
    parts->repeats = false;
}

static int apart_flows(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                       struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                       struct btr_err *err)
{
    struct btr_apart *a = self;
    uint32_t at = btr_idmap_get(&a->by_id, entity);
    struct btr_id id = at == UINT32_MAX ? entity : a->parts[at].whole;
    struct apart_question q = {.a = a,
                               .number = at == UINT32_MAX ? 0 : a->parts[at].number,
                               .into = side == BTR_SIDE_INTO,
                               .visit = visit,
                               .visitor = visitor,
                               .err = err};
    bool end = false, crossing = false;
    if (side == BTR_SIDE_MEET) /* crossings are flows here */
        return 0;
    uint8_t kind;
    int rc = kind_of(a, id, &kind, err);
    if (rc == 0)
        rc = times_of(a, id, kind, &q.times, err);
    if (rc == 0)
        rc = apart_is_end(a, id, kind, &end, err);
    if (rc == 0 && end)
        rc = end_flows(a, id, q.number == 1, q.into, &crossing, visit, visitor, err);
    if (rc || crossing) {
        parts_none(parts, side);
        return rc;
    }
    a->flow_count = 0;
    rc = a->edges->flows(a->edges->self, id, side, bound_ns, parts, collect, a, err);
    if (rc == BTR_E_NOMEM)
        return btr_fail(err, rc, UINT64_MAX, "flows of an entity");
    for (uint32_t i = 0; rc == 0 && i < a->flow_count; i++)
        rc = hand_on(&q, &a->flows[i]);
    return rc;
}

struct btr_edges btr_apart_edges(struct btr_apart *apart)
{
    return (struct btr_edges){apart, apart_flows, NULL, NULL};
}
