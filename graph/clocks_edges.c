/* Edges whose times are set right. What passes at a rendezvous is looked at on the way: which hosts
 * meet there, and whether their clocks agree. */
#include <btr/list.h>
#include <stdlib.h>

#include "clocks.h"

enum {
    RUN = 256,
    HERE_MAX = 16 /* hosts at one place */,
    TOLD_MAX = 1024 /* flows of a connection */
};

/* ---- Noting --------------------------------------------------------------------------------- */

bool clocks_points_add(struct clocks_points *p, struct clocks_point point)
{
    if (p->count == p->capacity) {
        if (p->capacity > UINT32_MAX / 2)
            return false;
        uint32_t capacity = p->capacity ? 2 * p->capacity : 64;
        struct clocks_point *grown = realloc(p->items, capacity * sizeof *grown);
        if (!grown)
            return false;
        p->items = grown;
        p->capacity = capacity;
    }
    p->items[p->count++] = point;
    return true;
}

static uint32_t pair_seek(struct btr_clocks *c, uint32_t x, uint32_t y)
{
    if (btr_span_compare(c->host[x].name, c->host[y].name) > 0) {
        uint32_t swap = x;
        x = y, y = swap;
    }
    uint64_t key = (uint64_t)x << 32 | y;
    uint32_t at = btr_u64map_get(&c->pair_of, key);
    if (at != UINT32_MAX)
        return at;
    if (!btr_list_room(&c->pairs, c->pair_count, &c->pair_capacity, 16, sizeof *c->pairs))
        return UINT32_MAX;
    if (!btr_u64map_set(&c->pair_of, key, c->pair_count))
        return UINT32_MAX;
    c->pairs[c->pair_count] = (struct clocks_pair){{x, y}};
    return c->pair_count++;
}

/* @return NULL when out of memory, or when as many are noted as may be (`full`) */
static struct clocks_group *group_seek(struct btr_clocks *c, struct btr_id id, uint32_t pair,
                                       bool *full)
{
    struct btr_id key = {id.hi + pair, id.lo ^ (uint64_t)pair << 40};
    uint32_t at = btr_idmap_get(&c->group_of, key);
    *full = at == UINT32_MAX && c->group_count == CLOCKS_GROUPS_MAX;
    if (at != UINT32_MAX)
        return &c->groups[at];
    if (*full)
        return NULL;
    if (!btr_list_room(&c->groups, c->group_count, &c->group_capacity, 64, sizeof *c->groups))
        return NULL;
    if (btr_idmap_add(&c->group_of, key, c->group_count) == UINT32_MAX)
        return NULL;
    c->groups[c->group_count] = (struct clocks_group){.id = id, .pair = pair, .at_ns = INT64_MIN};
    return &c->groups[c->group_count++];
}

static int point_compare(const void *x, const void *y)
{
    const struct clocks_point *a = x, *b = y;
    return (a->at_ns > b->at_ns) - (a->at_ns < b->at_ns);
}

/* Counts what two hosts tell about at once; both sides ascend. */
static void pair_match(const struct btr_clocks *c, uint32_t from, uint32_t to,
                       struct clocks_group *g)
{
    const struct clocks_points *p = &c->points;
    int64_t skew_ns = clocks_host_ahead(c, to) - clocks_host_ahead(c, from);
    uint32_t outs = 0, ins = 0, matched = 0, i = 0;
    for (uint32_t j = 0; j < p->count; j++) {
        if (p->items[j].out && p->items[j].host == from)
            outs++;
        if (p->items[j].out || p->items[j].host != to)
            continue;
        int64_t at_ns = clocks_minus(p->items[j].at_ns, skew_ns);
        ins++;
        while (i < p->count && (!p->items[i].out || p->items[i].host != from ||
                                p->items[i].at_ns < clocks_minus(at_ns, CLOCKS_TOLERANCE_NS)))
            i++;
        if (i < p->count && p->items[i].at_ns <= clocks_plus(at_ns, CLOCKS_TOLERANCE_NS))
            matched++, i++;
    }
    uint32_t possible = outs < ins ? outs : ins;
    if (possible > g->possible)
        g->possible = possible;
    if (matched > g->matched)
        g->matched = matched;
}

static uint64_t apart(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
}

/* Keeps of all moments at which a walk came to a group that nearest to the start. */
static void group_time(const struct btr_clocks *c, struct clocks_group *g, int64_t at_ns)
{
    int64_t start_ns = c->start_count ? c->starts[0].time_ns : 0;
    uint64_t old = apart(g->at_ns, start_ns), now = apart(at_ns, start_ns);
    if (g->at_ns == INT64_MIN || now < old || (now == old && at_ns < g->at_ns))
        g->at_ns = at_ns;
}

static bool pair_note(struct btr_clocks *c, struct btr_id id, bool rendezvous, int64_t at_ns,
                      uint32_t from, uint32_t to)
{
    bool full = false;
    uint32_t pair = pair_seek(c, from, to);
    struct clocks_group *g = pair == UINT32_MAX ? NULL : group_seek(c, id, pair, &full);
    if (!g)
        return full;
    g->rendezvous = rendezvous;
    group_time(c, g, at_ns);
    pair_match(c, from, to, g);
    return true;
}

bool clocks_note(struct btr_clocks *c, struct btr_id id, bool rendezvous, int64_t at_ns)
{
    uint32_t here[2][HERE_MAX] = {{0}}, count[2] = {0};
    struct clocks_points *p = &c->points;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t side = p->items[i].out, k = 0;
        while (k < count[side] && here[side][k] != p->items[i].host)
            k++;
        if (k == count[side] && k < HERE_MAX)
            here[side][count[side]++] = p->items[i].host;
    }
    bool several =
        count[0] && count[1] && (count[0] > 1 || count[1] > 1 || here[0][0] != here[1][0]);
    if (several)
        qsort(p->items, p->count, sizeof *p->items, point_compare);
    for (uint32_t i = 0; several && i < count[1]; i++)
        for (uint32_t k = 0; k < count[0]; k++)
            if (here[1][i] != here[0][k] &&
                !pair_note(c, id, rendezvous, at_ns, here[1][i], here[0][k]))
                return false;
    return true;
}

/* ---- Passing -------------------------------------------------------------------------------- */

/* What one question is answered with. Times are set right. */
struct passing {
    struct btr_clocks *c;
    enum btr_side side;
    bool meetings; /* of a rendezvous: noted */
    bool only;     /* as the parts have it */
    int64_t bound_ns, until_ns;
    int64_t rest_ns; /* with `only`: of what lies before it, or behind it, and was read for clocks'
                        sake */
    btr_flow_visit *visit;
    void *visitor;
    bool no_memory;
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool is_asked(struct passing *p, const struct btr_flow *f)
{
    switch (p->side) {
    case BTR_SIDE_INTO:
        if (p->only && f->last_ns < p->until_ns)
            p->rest_ns = later(p->rest_ns, f->last_ns);
        return f->first_ns <= p->bound_ns && (!p->only || f->last_ns >= p->until_ns);
    case BTR_SIDE_OUT_OF:
        if (p->only && f->first_ns > p->until_ns)
            p->rest_ns = earlier(p->rest_ns, f->first_ns);
        return f->last_ns >= p->bound_ns && (!p->only || f->first_ns <= p->until_ns);
    case BTR_SIDE_MEET:
        return !p->meetings || (f->last_ns >= p->bound_ns && f->first_ns <= p->until_ns);
    case BTR_SIDE_ALL:
    default:
        return true;
    }
}

static bool note_meeting(struct passing *p, const struct btr_flow *told)
{
    bool client = told->operation == BTR_OP_MEET_CLIENT;
    if (!p->meetings || (!client && told->operation != BTR_OP_MEET_SERVER))
        return true;
    uint32_t host = clocks_host(p->c, told->source);
    return host == UINT32_MAX ||
           clocks_points_add(&p->c->points,
                             (struct clocks_point){told->last_ns, host, client, false});
}

static int flows_pass(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct passing *p = self;
    struct btr_flow run[RUN];
    uint32_t count = 0;
    int rc = 0;
    for (uint32_t i = 0; i < flow_count && rc == 0; i++) {
        int64_t ahead_ns = clocks_ahead(p->c, flows[i].source);
        if (!note_meeting(p, &flows[i])) {
            p->no_memory = true;
            return BTR_E_NOMEM;
        }
        run[count] = flows[i];
        run[count].first_ns = clocks_minus(flows[i].first_ns, ahead_ns);
        run[count].last_ns = clocks_minus(flows[i].last_ns, ahead_ns);
        if (is_asked(p, &run[count]) && ++count == RUN) {
            rc = p->visit(p->visitor, run, count);
            count = 0;
        }
    }
    return rc == 0 && count ? p->visit(p->visitor, run, count) : rc;
}

/* Asks for as much more as clocks may differ. */
static int ask(struct passing *p, struct btr_id entity, struct btr_flow_parts *parts,
               struct btr_err *err)
{
    const struct btr_clocks *c = p->c;
    bool into = p->side == BTR_SIDE_INTO;
    int64_t bound_ns = clocks_plus(p->bound_ns, into ? c->most_ns : c->least_ns);
    if (!parts)
        return c->edges.flows(c->edges.self, entity, p->side, bound_ns, NULL, flows_pass, p, err);
    struct btr_flow_parts told = *parts;
    told.until_ns = clocks_plus(parts->until_ns, into ? c->least_ns : c->most_ns);
    int rc = c->edges.flows(c->edges.self, entity, p->side, bound_ns, &told, flows_pass, p, err);
    int64_t rest_ns = clocks_minus(told.rest_ns, into ? c->least_ns : c->most_ns);
    parts->end = told.end;
    parts->repeats = told.repeats;
    parts->rest_ns = !p->only ? rest_ns
                     : into   ? later(rest_ns, p->rest_ns)
                              : earlier(rest_ns, p->rest_ns);
    return rc;
}

static int flows_of(void *self, struct btr_id entity, enum btr_side side, int64_t bound_ns,
                    struct btr_flow_parts *parts, btr_flow_visit *visit, void *visitor,
                    struct btr_err *err)
{
    struct btr_clocks *c = self;
    bool meetings = side == BTR_SIDE_MEET && parts;
    if (c->most_ns == 0 && c->least_ns == 0 && !meetings)
        return c->edges.flows(c->edges.self, entity, side, bound_ns, parts, visit, visitor, err);
    struct passing p = {.c = c,
                        .side = side,
                        .meetings = meetings,
                        .only = parts && parts->only && side <= BTR_SIDE_OUT_OF,
                        .bound_ns = bound_ns,
                        .until_ns = parts ? parts->until_ns : INT64_MAX,
                        .rest_ns = side == BTR_SIDE_INTO ? INT64_MIN : INT64_MAX,
                        .visit = visit,
                        .visitor = visitor};
    c->points.count = 0;
    int rc = ask(&p, entity, parts, err);
    int64_t at_ns = bound_ns / 2 + p.until_ns / 2;
    if (rc == 0 && meetings && !clocks_note(c, entity, true, at_ns))
        p.no_memory = true;
    return p.no_memory || c->failed
               ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "meetings of a rendezvous")
               : rc;
}

/* ---- Connections that both ends tell of ------------------------------------------------------ */

enum { ENOUGH = 1 };

static bool note_event(struct btr_clocks *c, const struct btr_flow *f)
{
    uint8_t op = f->operation;
    bool opens = op == BTR_OP_CONNECT || op == BTR_OP_ACCEPT;
    bool out = op == BTR_OP_CONNECT || op == BTR_OP_SEND || op == BTR_OP_WRITE;
    bool in = op == BTR_OP_ACCEPT || op == BTR_OP_RECV || op == BTR_OP_READ;
    bool lasts = f->flags & (BTR_EVENT_INTERVAL | BTR_EVENT_THINNED | BTR_EVENT_IMPLIED);
    uint32_t host = (out || in) && !lasts ? clocks_host(c, f->source) : UINT32_MAX;
    return host == UINT32_MAX ||
           clocks_points_add(&c->points, (struct clocks_point){f->last_ns, host, out, opens});
}

static int connection_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct btr_clocks *c = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (!note_event(c, &flows[i]))
            return BTR_E_NOMEM;
    return c->points.count < TOLD_MAX ? 0 : ENOUGH;
}

/* Where one end tells of the connect and another of the accept, nothing else is needed. */
static void openings_keep(struct clocks_points *p)
{
    uint32_t from = UINT32_MAX, to = UINT32_MAX, kept = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->items[i].opens && p->items[i].out)
            from = p->items[i].host;
        else if (p->items[i].opens)
            to = p->items[i].host;
    }
    if (from == UINT32_MAX || to == UINT32_MAX || from == to)
        return;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->items[i].opens)
            p->items[kept++] = p->items[i];
    p->count = kept;
}

int clocks_connection_read(struct btr_clocks *c, struct btr_id flow, struct btr_err *err)
{
    c->points.count = 0;
    int rc = c->edges.flows(c->edges.self, flow, BTR_SIDE_ALL, 0, NULL, connection_visit, c, err);
    if (rc == BTR_E_NOMEM || c->failed)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "events of a connection");
    openings_keep(&c->points);
    return rc < 0 ? rc : 0;
}

static int connection_met(void *self, struct btr_id flow, struct btr_err *err)
{
    struct btr_clocks *c = self;
    int rc = clocks_connection_read(c, flow, err);
    if (rc == 0 && c->points.count && !clocks_note(c, flow, false, c->points.items[0].at_ns))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "connections of hosts");
    return rc;
}

static bool crosses(void *self, struct btr_id from, struct btr_id to)
{
    const struct btr_clocks *c = self;
    return c->edges.crosses(c->edges.self, from, to);
}

struct btr_edges btr_clocks_edges(struct btr_clocks *clocks)
{
    return (struct btr_edges){clocks, flows_of, clocks->edges.crosses ? crosses : NULL,
                              connection_met};
}
