/*
 * Which connect belongs to which accept of a rendezvous. align.c lays them beside each other; here
 * meetings become ends and matches become pairs with their doubt.
 */
#include "pair.h"
#include "align.h"

struct meetings {
    struct btr_flow *flows;
    uint32_t count, capacity;
};

struct sides {
    struct meetings client, server;
};

struct window {
    int64_t first_ns, last_ns;
};

static bool keep(struct meetings *m, const struct btr_flow *flow)
{
    if (m->count == m->capacity) {
        if (m->capacity > UINT32_MAX / 2)
            return false;
        uint32_t capacity = m->capacity ? 2 * m->capacity : 16;
        struct btr_flow *flows = realloc(m->flows, capacity * sizeof(*flows));
        if (!flows)
            return false;
        m->flows = flows;
        m->capacity = capacity;
    }
    m->flows[m->count++] = *flow;
    return true;
}

static int collect(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct sides *s = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        bool client = flows[i].operation == BTR_OP_MEET_CLIENT;
        if (!client && flows[i].operation != BTR_OP_MEET_SERVER)
            continue;
        if (!keep(client ? &s->client : &s->server, &flows[i]))
            return BTR_E_NOMEM;
    }
    return 0;
}

static int compare_meetings(const void *a, const void *b)
{
    const struct btr_flow *x = a;
    const struct btr_flow *y = b;
    if (x->last_ns != y->last_ns)
        return x->last_ns < y->last_ns ? -1 : 1;
    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    int order = btr_id_compare(x->other, y->other);
    return order ? order : (x->ref > y->ref) - (x->ref < y->ref);
}

/* Sorts by order; a meeting that two stores tell counts once. */
static void sort_meetings(struct meetings *m)
{
    if (m->count == 0)
        return;
    qsort(m->flows, m->count, sizeof(*m->flows), compare_meetings);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < m->count; i++) {
        const struct btr_flow *last = &m->flows[kept - 1];
        if (last->last_ns != m->flows[i].last_ns || !btr_id_equal(last->other, m->flows[i].other))
            m->flows[kept++] = m->flows[i];
    }
    m->count = kept;
}

static struct graph_end *ends_of(const struct meetings *m)
{
    struct graph_end *ends = malloc((m->count + (size_t)1) * sizeof(*ends));
    for (uint32_t i = 0; ends && i < m->count; i++)
        ends[i] = (struct graph_end){m->flows[i].first_ns, m->flows[i].last_ns};
    return ends;
}

/* Within the error of times both connects and both accepts could have come in the other order. */
static bool could_cross(const struct sides *s, const struct graph_match *a,
                        const struct graph_match *b)
{
    const struct btr_flow *client[] = {&s->client.flows[a->client], &s->client.flows[b->client]};
    const struct btr_flow *server[] = {&s->server.flows[a->server], &s->server.flows[b->server]};
    return client[1]->first_ns <= client[0]->last_ns &&
           client[1]->last_ns - client[0]->last_ns <= BTR_SOURCE_ERROR_NS &&
           server[1]->last_ns - server[0]->last_ns <= BTR_SOURCE_ERROR_NS;
}

static void doubt_crossings(const struct sides *s, struct graph_match *matches,
                            uint32_t match_count)
{
    for (uint32_t i = 1; i < match_count; i++) {
        struct graph_match *a = &matches[i - 1];
        struct graph_match *b = &matches[i];
        if (a->client < b->client && a->server < b->server && could_cross(s, a, b))
            a->ambiguous = b->ambiguous = true;
    }
}

/* Nothing was carried before the connect was called, nor before the accept returned. */
static struct btr_pair make_pair(const struct sides *s, struct btr_id rendezvous,
                                 const struct graph_match *match)
{
    const struct btr_flow *client = &s->client.flows[match->client];
    const struct btr_flow *server = &s->server.flows[match->server];
    return (struct btr_pair){
        .client = client->other,
        .server = server->other,
        .rendezvous = rendezvous,
        .client_ref = client->ref,
        .server_ref = server->ref,
        .client_source = client->source,
        .server_source = server->source,
        .first_ns = client->first_ns < server->last_ns ? client->first_ns : server->last_ns,
        .doubt = match->ambiguous ? BTR_DOUBT_PAIR_AMBIGUOUS : BTR_DOUBT_PAIR_BY_ORDER,
    };
}

static int pair_sides(struct sides *s, struct btr_id rendezvous, struct btr_pair **pairs,
                      uint32_t *pair_count)
{
    struct graph_match *matches = NULL;
    uint32_t match_count = 0;
    sort_meetings(&s->client);
    sort_meetings(&s->server);
    struct graph_end *clients = ends_of(&s->client);
    struct graph_end *servers = ends_of(&s->server);
    int rc = clients && servers ? 0 : BTR_E_NOMEM;
    if (rc == 0)
        rc =
            graph_align(clients, s->client.count, servers, s->server.count, &matches, &match_count);
    if (rc == 0) {
        doubt_crossings(s, matches, match_count);
        *pairs = malloc((match_count + (size_t)1) * sizeof(**pairs));
        rc = *pairs ? 0 : BTR_E_NOMEM;
    }
    for (uint32_t i = 0; rc == 0 && i < match_count; i++) {
        struct btr_pair pair = make_pair(s, rendezvous, &matches[i]);
        if (!btr_id_equal(pair.client,
                          pair.server)) /* contradictory records: nothing meets itself */
            (*pairs)[(*pair_count)++] = pair;
    }
    free(clients);
    free(servers);
    free(matches);
    return rc;
}

/* Reads the meetings that share a moment with a window. */
static int meetings_read(const struct btr_edges *edges, struct btr_id rendezvous,
                         const struct window *w, struct sides *s, struct btr_err *err)
{
    struct btr_flow_parts parts = {.end = UINT32_MAX, .until_ns = w->last_ns};
    s->client.count = s->server.count = 0;
    int rc =
        edges->flows(edges->self, rendezvous, BTR_SIDE_MEET, w->first_ns, &parts, collect, s, err);
    if (rc == BTR_E_NOMEM)
        btr_fail(err, rc, UINT64_MAX, "%u connects and %u accepts of a rendezvous", s->client.count,
                 s->server.count);
    return rc;
}

static int pairs_make(struct sides *s, struct btr_id rendezvous, struct btr_pair **pairs,
                      uint32_t *pair_count, struct btr_err *err)
{
    int rc = pair_sides(s, rendezvous, pairs, pair_count);
    if (rc == BTR_E_NOMEM)
        btr_fail(err, rc, UINT64_MAX, "%u connects and %u accepts of a rendezvous", s->client.count,
                 s->server.count);
    return rc;
}

static void sides_fini(struct sides *s)
{
    free(s->client.flows);
    free(s->server.flows);
}

int btr_pair_rendezvous(const struct btr_edges *edges, struct btr_id rendezvous,
                        struct btr_pair **pairs, uint32_t *pair_count, struct btr_err *err)
{
    static const struct window all = {INT64_MIN, INT64_MAX};
    struct sides s = {0};
    *pairs = NULL;
    *pair_count = 0;
    int rc = meetings_read(edges, rendezvous, &all, &s, err);
    if (rc == 0)
        rc = pairs_make(&s, rendezvous, pairs, pair_count, err);
    sides_fini(&s);
    return rc;
}

/* ---- Stretches ------------------------------------------------------------------------------ */

static int window_compare(const void *a, const void *b)
{
    const struct window *x = a, *y = b;
    return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

static int64_t earlier(int64_t t_ns, uint64_t by_ns)
{
    return (uint64_t)t_ns - (uint64_t)INT64_MIN < by_ns ? INT64_MIN
                                                        : (int64_t)((uint64_t)t_ns - by_ns);
}

static int64_t later(int64_t t_ns, uint64_t by_ns)
{
    return (uint64_t)INT64_MAX - (uint64_t)t_ns < by_ns ? INT64_MAX
                                                        : (int64_t)((uint64_t)t_ns + by_ns);
}

/* The stretch of meetings around a time: none outside is within the longest delay of one inside.
 * @return false when out of memory */
static bool stretch_find(const struct sides *s, int64_t at_ns, struct window *stretch)
{
    uint32_t count = s->client.count + s->server.count;
    struct window *all = malloc(((size_t)count + 1) * sizeof(*all));
    if (!all)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct btr_flow *f =
            i < s->client.count ? &s->client.flows[i] : &s->server.flows[i - s->client.count];
        all[i] = (struct window){f->first_ns, f->last_ns};
    }
    if (count > 1)
        qsort(all, count, sizeof(*all), window_compare);
    *stretch = (struct window){at_ns, at_ns};
    for (uint32_t i = 0; i < count; i++) {
        bool apart = i == 0 || all[i].first_ns > later(stretch->last_ns, GRAPH_ALIGN_DELAY_NS);
        if (apart && i > 0 && stretch->last_ns >= at_ns)
            break;
        if (apart)
            *stretch = all[i];
        else if (all[i].last_ns > stretch->last_ns)
            stretch->last_ns = all[i].last_ns;
    }
    free(all);
    return true;
}

/* Whether what a window does not show is apart from a stretch within it; else widens the window. */
static bool window_shows(struct window *w, const struct window *stretch)
{
    uint64_t width = (uint64_t)stretch->last_ns - (uint64_t)stretch->first_ns;
    uint64_t step = 2 * (uint64_t)GRAPH_ALIGN_DELAY_NS;
    bool begins = w->first_ns == INT64_MIN || stretch->first_ns >= later(w->first_ns, step / 2);
    bool ends = w->last_ns == INT64_MAX || stretch->last_ns <= earlier(w->last_ns, step / 2);
    step = width > step ? width : step;
    if (!begins)
        w->first_ns =
            earlier(w->first_ns < stretch->first_ns ? w->first_ns : stretch->first_ns, step);
    if (!ends)
        w->last_ns = later(w->last_ns > stretch->last_ns ? w->last_ns : stretch->last_ns, step);
    return begins && ends;
}

static void meetings_keep(struct meetings *m, const struct window *stretch)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->flows[i].first_ns >= stretch->first_ns && m->flows[i].last_ns <= stretch->last_ns)
            m->flows[kept++] = m->flows[i];
    m->count = kept;
}

int graph_pair_stretch(const struct btr_edges *edges, struct btr_id rendezvous, int64_t at_ns,
                       struct pair_stretch *found, struct btr_pair **pairs, uint32_t *pair_count,
                       struct btr_err *err)
{
    uint64_t step = 2 * (uint64_t)GRAPH_ALIGN_DELAY_NS;
    struct window w = {earlier(at_ns, step), later(at_ns, step)}, stretch;
    struct sides s = {0};
    int rc;
    *pairs = NULL;
    *pair_count = 0;
    do {
        rc = meetings_read(edges, rendezvous, &w, &s, err);
        if (rc == 0 && !stretch_find(&s, at_ns, &stretch))
            rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "meetings of a rendezvous");
    } while (rc == 0 && !window_shows(&w, &stretch));
    if (rc == 0) {
        meetings_keep(&s.client, &stretch);
        meetings_keep(&s.server, &stretch);
        *found = (struct pair_stretch){stretch.first_ns, stretch.last_ns};
        rc = pairs_make(&s, rendezvous, pairs, pair_count, err);
    }
    sides_fini(&s);
    return rc;
}
