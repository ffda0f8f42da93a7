/* How the clocks of two hosts stand: reads what both tell of connections between them, first of
 * those that the walk came to, then of others between the same addresses. */
#include <btr/list.h>
#include <stdlib.h>

#include "clocks.h"
#include "clocks_peak.h"

enum {
    GROUPS_MAX = 32,     /* of those that the walk came to; and as many others */
    CONNECTS_MAX = 4096, /* of a group, the nearest */
    ACCEPTS_MAX = 128,
    TOLD_MAX = 1024, /* events of a connection that are looked at for what followed its accept */
    HALVES_MAX = 4,  /* whose addresses are asked for other connections */
};

/* An end of a connection: a point, and the flow that follows from it. */
struct end {
    int64_t at_ns;
    struct btr_id flow;
    uint32_t host;
    bool out;
};

struct measure {
    struct btr_clocks *c;
    const struct clocks_pair *pair;
    struct clocks_series *series;
    uint32_t series_count, series_capacity;
    struct btr_idmap seen; /* groups */
    struct btr_id halves[HALVES_MAX];
    uint32_t half_count, other_count;
    bool half_taken; /* of the group at hand */
    int64_t at_ns;   /* of the group at hand */
    struct end *ends;
    uint32_t end_count, end_capacity;
    struct btr_err *err;
};

static int no_memory(struct measure *m)
{
    return btr_fail(m->err, BTR_E_NOMEM, UINT64_MAX, "connections between two hosts");
}

static bool end_add(struct measure *m, struct end end)
{
    if (m->end_count == m->end_capacity) {
        if (m->end_capacity > UINT32_MAX / 2)
            return false;
        uint32_t capacity = m->end_capacity ? 2 * m->end_capacity : 256;
        struct end *grown = realloc(m->ends, capacity * sizeof *grown);
        if (!grown)
            return false;
        m->ends = grown;
        m->end_capacity = capacity;
    }
    m->ends[m->end_count++] = end;
    return true;
}

/* ---- What followed an accept ---------------------------------------------------------------- */

struct following {
    struct btr_clocks *c;
    uint32_t host;
    int64_t told_ns, until_ns;
    uint32_t looked_at;
};

/* The first thing that the server did with a connection was done after its accept had returned. */
static int following_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct following *f = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *flow = &flows[i];
        enum btr_direction way = btr_operation_direction(flow->operation);
        bool lasts = flow->flags & (BTR_EVENT_INTERVAL | BTR_EVENT_THINNED);
        int64_t at_ns = lasts ? flow->last_ns : flow->first_ns;
        if (way == BTR_FLOW_MEET || flow->operation == BTR_OP_ACCEPT || at_ns <= f->told_ns ||
            clocks_host(f->c, flow->source) != f->host)
            continue;
        f->until_ns = at_ns < f->until_ns ? at_ns : f->until_ns;
    }
    f->looked_at += flow_count;
    return f->looked_at < TOLD_MAX ? 0 : 1;
}

static int accept_until(struct measure *m, const struct end *accept, int64_t *until_ns)
{
    struct following f = {m->c, accept->host, accept->at_ns,
                          clocks_plus(accept->at_ns, BTR_CLOCK_MOST_NS), 0};
    const struct btr_edges *e = &m->c->edges;
    int rc = e->flows(e->self, accept->flow, BTR_SIDE_ALL, 0, NULL, following_visit, &f, m->err);
    *until_ns = f.until_ns;
    return rc < 0 ? rc : 0;
}

/* ---- Series --------------------------------------------------------------------------------- */

static uint64_t apart(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
}

static int end_compare(const void *x, const void *y)
{
    const struct end *a = x, *b = y;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    return btr_id_compare(a->flow, b->flow);
}

/* Leaves of ascending ends those nearest to a time. */
static struct end *nearest(struct end *ends, uint32_t *count, uint32_t most, int64_t at_ns)
{
    while (*count > most) {
        if (apart(ends[0].at_ns, at_ns) > apart(ends[*count - 1].at_ns, at_ns))
            ends++;
        --*count;
    }
    return ends;
}

/* Ends of one host on one side, at the beginning of `ends`; the others behind them. */
static uint32_t ends_part(struct end *ends, uint32_t count, uint32_t host, bool out)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (ends[i].host != host || ends[i].out != out)
            continue;
        struct end end = ends[i];
        ends[i] = ends[kept];
        ends[kept++] = end;
    }
    if (kept > 1)
        qsort(ends, kept, sizeof *ends, end_compare);
    return kept;
}

static struct clocks_series *series_new(struct measure *m, uint32_t connects, uint32_t accepts)
{
    if (!btr_list_room(&m->series, m->series_count, &m->series_capacity, 16, sizeof *m->series))
        return NULL;
    struct clocks_series *s = &m->series[m->series_count++];
    *s = (struct clocks_series){malloc(connects * sizeof *s->connects),
                                malloc(accepts * sizeof *s->accepts),
                                connects,
                                accepts,
                                false,
                                false};
    return s->connects && s->accepts ? s : NULL;
}

static int series_add(struct measure *m, uint32_t from, uint32_t to, bool sure)
{
    uint32_t connects = ends_part(m->ends, m->end_count, from, true);
    struct end *rest = m->ends + connects;
    uint32_t accepts = ends_part(rest, m->end_count - connects, to, false);
    if (connects == 0 || accepts == 0)
        return 0;
    const struct end *out = nearest(m->ends, &connects, CONNECTS_MAX, m->at_ns);
    const struct end *in = nearest(rest, &accepts, ACCEPTS_MAX, m->at_ns);
    struct clocks_series *s = series_new(m, connects, accepts);
    if (!s)
        return no_memory(m);
    s->back = from == m->pair->host[1];
    s->sure = sure && connects == 1 && accepts == 1;
    int64_t from_ns = m->c->host[from].used_ns, to_ns = m->c->host[to].used_ns;
    for (uint32_t i = 0; i < connects; i++)
        s->connects[i] = clocks_minus(out[i].at_ns, from_ns);
    int rc = 0;
    for (uint32_t i = 0; i < accepts && rc == 0; i++) {
        int64_t until_ns;
        rc = accept_until(m, &in[i], &until_ns);
        s->accepts[i] =
            (struct clocks_accept){clocks_minus(in[i].at_ns, to_ns), clocks_minus(until_ns, to_ns)};
    }
    return rc;
}

static int series_both(struct measure *m, bool sure)
{
    int rc = series_add(m, m->pair->host[0], m->pair->host[1], sure);
    return rc < 0 ? rc : series_add(m, m->pair->host[1], m->pair->host[0], sure);
}

/* ---- Groups --------------------------------------------------------------------------------- */

/* A flow of which both addresses are known, for what else there is between them. */
static void half_take(struct measure *m, struct btr_id flow)
{
    if (!m->half_taken && m->half_count < HALVES_MAX)
        m->halves[m->half_count++] = flow;
    m->half_taken = true;
}

static int meetings_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct measure *m = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        bool client = flows[i].operation == BTR_OP_MEET_CLIENT;
        uint32_t host = clocks_host(m->c, flows[i].source);
        if ((!client && flows[i].operation != BTR_OP_MEET_SERVER) ||
            (host != m->pair->host[0] && host != m->pair->host[1]))
            continue;
        if (!client)
            half_take(m, flows[i].other);
        if (!end_add(m, (struct end){flows[i].last_ns, flows[i].other, host, client}))
            return BTR_E_NOMEM;
    }
    return 0;
}

static int rendezvous_read(struct measure *m, struct btr_id id)
{
    const struct btr_edges *e = &m->c->edges;
    struct btr_flow_parts parts = {.end = UINT32_MAX,
                                   .until_ns = clocks_plus(m->at_ns, BTR_CLOCK_MOST_NS)};
    int rc = e->flows(e->self, id, BTR_SIDE_MEET, clocks_minus(m->at_ns, BTR_CLOCK_MOST_NS), &parts,
                      meetings_visit, m, m->err);
    if (rc == BTR_E_NOMEM)
        return no_memory(m);
    return rc < 0 ? rc : series_both(m, false);
}

static int connection_read(struct measure *m, struct btr_id id)
{
    int rc = clocks_connection_read(m->c, id, m->err);
    bool opens = false;
    half_take(m, id);
    for (uint32_t i = 0; i < m->c->points.count && rc == 0; i++) {
        const struct clocks_point *p = &m->c->points.items[i];
        opens = opens || p->opens;
        if (!end_add(m, (struct end){p->at_ns, id, p->host, p->out}))
            rc = no_memory(m);
    }
    return rc < 0 ? rc : series_both(m, opens);
}

static int group_read(struct measure *m, struct btr_id id, bool rendezvous, int64_t at_ns)
{
    if (btr_idmap_add(&m->seen, id, 0) == UINT32_MAX)
        return no_memory(m);
    m->end_count = 0;
    m->half_taken = false;
    m->at_ns = at_ns;
    return rendezvous ? rendezvous_read(m, id) : connection_read(m, id);
}

static int others_visit(void *self, struct btr_id id, bool rendezvous)
{
    struct measure *m = self;
    if (m->other_count == GROUPS_MAX || btr_idmap_get(&m->seen, id) != UINT32_MAX)
        return 0;
    m->other_count++;
    return group_read(m, id, rendezvous, m->at_ns);
}

static int others_read(struct measure *m, int64_t at_ns)
{
    const struct btr_clock_hosts *h = &m->c->hosts;
    uint32_t count = h->others ? m->half_count : 0; /* more come while they are read */
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        m->at_ns = at_ns;
        rc = h->others(h->self, m->halves[i], at_ns, others_visit, m, m->err);
    }
    return rc;
}

static int group_compare(const void *x, const void *y)
{
    const struct clocks_group *a = *(const struct clocks_group *const *)x;
    const struct clocks_group *b = *(const struct clocks_group *const *)y;
    return btr_id_compare(a->id, b->id);
}

/* The groups of a pair by id: which of many are read does not depend on the way of the walk. */
static int groups_read(struct measure *m, uint32_t pair, int64_t *at_ns)
{
    struct btr_clocks *c = m->c;
    const struct clocks_group **groups = malloc((c->group_count + (size_t)1) * sizeof(void *));
    uint32_t count = 0;
    int rc = groups ? 0 : no_memory(m);
    for (uint32_t i = 0; rc == 0 && i < c->group_count; i++)
        if (c->groups[i].pair == pair)
            groups[count++] = &c->groups[i];
    if (count > 1)
        qsort(groups, count, sizeof *groups, group_compare);
    for (uint32_t i = 0; rc == 0 && i < count && i < GROUPS_MAX; i++)
        rc = group_read(m, groups[i]->id, groups[i]->rendezvous, groups[i]->at_ns);
    *at_ns = count ? groups[0]->at_ns : 0;
    free(groups);
    return rc;
}

static int peak_tell(struct measure *m, struct clocks_verdict *out)
{
    struct clocks_peak peak;
    if (clocks_peak_find(m->series, m->series_count, &peak) < 0)
        return no_memory(m);
    out->measured = peak.found;
    out->ahead_ns = peak.ahead_ns;
    out->error_ns = peak.error_ns;
    out->pair_count = peak.pair_count;
    return 0;
}

/* Of offsets that other hosts have: the one that fits best, of equal ones the least, where what the
 * walk went by does not fit. */
static int known_try(struct measure *m, struct clocks_verdict *out)
{
    const struct btr_clocks *c = m->c;
    uint32_t unknown = c->host[m->pair->host[0]].known ? 1 : 0;
    const struct clocks_host *new = &c->host[m->pair->host[unknown]];
    const struct clocks_host *old = &c->host[m->pair->host[!unknown]];
    int64_t as_is_ns = old->ahead_ns + new->used_ns - old->used_ns, best_ns = as_is_ns;
    uint32_t best = 0;
    for (uint32_t i = 0; i < c->host_count; i++) {
        int64_t try_ns = c->host[i].ahead_ns, more_ns = try_ns - as_is_ns;
        if (!c->host[i].known || more_ns == 0)
            continue;
        uint32_t fit;
        if (clocks_fit(m->series, m->series_count, unknown ? more_ns : -more_ns, &fit) < 0)
            return no_memory(m);
        bool nearer =
            llabs(try_ns) != llabs(best_ns) ? llabs(try_ns) < llabs(best_ns) : try_ns < best_ns;
        if (fit > best || (fit && fit == best && nearer)) {
            best = fit;
            best_ns = try_ns;
            *out = (struct clocks_verdict){unknown ? more_ns : -more_ns, BTR_SOURCE_ERROR_NS, fit,
                                           true, false};
        }
    }
    return 0;
}

static void measure_fini(struct measure *m)
{
    for (uint32_t i = 0; i < m->series_count; i++) {
        free(m->series[i].connects);
        free(m->series[i].accepts);
    }
    free(m->series);
    free(m->ends);
    btr_idmap_fini(&m->seen);
}

int clocks_measure(struct btr_clocks *c, uint32_t pair, struct clocks_verdict *out,
                   struct btr_err *err)
{
    struct measure m = {.c = c, .pair = &c->pairs[pair], .err = err};
    uint64_t matched = 0, possible = 0;
    for (uint32_t i = 0; i < c->group_count; i++) {
        if (c->groups[i].pair == pair) {
            matched += c->groups[i].matched;
            possible += c->groups[i].possible;
        }
    }
    *out = (struct clocks_verdict){0, BTR_SOURCE_ERROR_NS,
                                   matched < UINT32_MAX ? (uint32_t)matched : UINT32_MAX, false,
                                   2 * matched >= possible && matched > 0};
    if (out->fits || possible == 0)
        return 0;
    int64_t at_ns = 0;
    int rc = groups_read(&m, pair, &at_ns);
    if (rc == 0)
        rc = peak_tell(&m, out);
    if (rc == 0 && !out->measured)
        rc = others_read(&m, at_ns);
    if (rc == 0 && !out->measured && m.other_count)
        rc = peak_tell(&m, out);
    if (rc == 0 && !out->measured && out->pair_count == 0)
        rc = known_try(&m, out);
    if (rc == 0 && c->failed)
        rc = no_memory(&m);
    measure_fini(&m);
    return rc;
}
