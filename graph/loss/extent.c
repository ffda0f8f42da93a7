#include <btr/extent.h>
#include <btr/list.h>
#include <btr/trace.h>
#include <stdlib.h>

#include "halves.h"

#define ACCEPT_FAR_NS (INT64_C(65536) * 1000000000)

/* What is known of an entity while the extent grows. */
struct known {
    uint32_t item; /* the newest of the entity, or UINT32_MAX */
    bool many;     /* it serves many */
    bool counted;  /* that is known */
};

/* What one process did on a connection. */
struct talk {
    struct btr_id process;
    int64_t first_ns, last_ns; /* first: of what came to it; last: of either way */
    int64_t began_ns;          /* first of either way */
    int64_t said_ns;           /* the last that it sent; INT64_MIN: it never did */
    uint32_t source;
    bool heard, asked; /* something came to it; it made the connection */
    bool read;         /* it took more than the connection itself */
};

struct growth {
    struct btr_extent *extent;
    const struct btr_edges *edges;
    struct btr_err *err;
    struct graph_halves halves;
    struct btr_idmap by_id; /* its place in known */
    struct known *known;
    uint32_t known_count, known_capacity;
    struct talk *talks; /* of the connection being looked at */
    uint32_t talk_count, talk_capacity;
    struct btr_idmap talkers;
    const struct btr_extent_rules *rules; /* NULL: none */
    struct btr_flow *reads;               /* of the object being looked at, by others */
    uint32_t read_count, read_capacity;
    struct btr_idmap readers;
    uint32_t now; /* the item being looked at */
    struct btr_extent_item item;
    bool outside; /* the connection being looked at is of the intrusion's own address */
};

const char *btr_extent_why_text(uint8_t why)
{
    static const char *const TEXTS[] = {
#define EXTENT_WHY_TEXT(name, text) text,
        BTR_EXTENT_WHY_TABLE(EXTENT_WHY_TEXT)
#undef EXTENT_WHY_TEXT
    };
    return why < sizeof TEXTS / sizeof *TEXTS ? TEXTS[why] : NULL;
}

void btr_extent_fini(struct btr_extent *extent)
{
    free(extent->items);
    *extent = (struct btr_extent){0};
}

int btr_extent_add(struct btr_extent *extent, const struct btr_extent_item *item,
                   struct btr_err *err)
{
    if (extent->count == (extent->most ? extent->most : BTR_EXTENT_MAX)) {
        extent->cut = true;
        return 0;
    }
    if (!btr_list_room(&extent->items, extent->count, &extent->capacity, 256,
                       sizeof *extent->items))
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "extent of %u items", extent->count);
    extent->items[extent->count++] = *item;
    return 0;
}

/* ---- What is known of entities -------------------------------------------------------------- */

/* @return its place, or UINT32_MAX when out of memory */
static uint32_t known_of(struct growth *g, struct btr_id id)
{
    uint32_t at = btr_idmap_get(&g->by_id, id);
    if (at != UINT32_MAX)
        return at;
    if (!btr_list_room(&g->known, g->known_count, &g->known_capacity, 256, sizeof *g->known))
        return UINT32_MAX;
    if (btr_idmap_add(&g->by_id, id, g->known_count) == UINT32_MAX)
        return UINT32_MAX;
    g->known[g->known_count] = (struct known){.item = UINT32_MAX};
    return g->known_count++;
}

/* Whether a time of an entity is covered already. A server's times lie apart, and are each kept. */
static bool is_covered(const struct growth *g, uint32_t known, const struct btr_extent_item *item)
{
    uint32_t at = g->known[known].item;
    if (at == UINT32_MAX)
        return false;
    const struct btr_extent_item *had = &g->extent->items[at];
    return had->since_ns <= item->since_ns && had->until_ns >= item->until_ns &&
           had->role <= item->role; /* whose own it is says more than whom it served */
}

static int grow(struct growth *g, struct btr_extent_item item)
{
    uint32_t known = known_of(g, item.entity);
    if (known == UINT32_MAX)
        return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "extent of %u entities", g->known_count);
    if (is_covered(g, known, &item))
        return 0;
    uint32_t before = g->extent->count;
    int rc = btr_extent_add(g->extent, &item, g->err);
    if (rc == 0 && g->extent->count > before)
        g->known[known].item = before;
    return rc;
}

static int grow_from(struct growth *g, struct btr_id entity, int64_t since_ns, uint32_t source,
                     enum btr_extent_role role, enum btr_extent_why why)
{
    return grow(g, (struct btr_extent_item){.entity = entity,
                                            .since_ns = since_ns,
                                            .until_ns = INT64_MAX,
                                            .source = source,
                                            .by = g->now,
                                            .role = (uint8_t)role,
                                            .why = (uint8_t)why});
}

/* ---- Who serves a connection ---------------------------------------------------------------- */

struct accepting {
    struct btr_id first; /* the first that was accepted */
    uint32_t count;      /* of different ones; 2 are several */
};

static int accepts_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct accepting *a = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (flows[i].operation != BTR_OP_ACCEPT)
            continue;
        if (a->count && btr_id_equal(a->first, flows[i].other))
            continue;
        a->first = flows[i].other;
        if (++a->count > 1)
            return 1;
    }
    return 0;
}

int btr_extent_serves_many(const struct btr_edges *edges, struct btr_id process, bool *many,
                           struct btr_err *err)
{
    struct accepting a = {.count = 0};
    int rc = edges->flows(edges->self, process, BTR_SIDE_OUT_OF, INT64_MIN, NULL, accepts_visit, &a,
                          err);
    *many = a.count > 1;
    return rc < 0 ? rc : 0;
}

/* The same, asked once. */
static int serves_many(struct growth *g, struct btr_id process, bool *many)
{
    uint32_t known = known_of(g, process);
    if (known == UINT32_MAX)
        return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "extent of %u entities", g->known_count);
    int rc = 0;
    if (!g->known[known].counted)
        rc = btr_extent_serves_many(g->edges, process, &g->known[known].many, g->err);
    g->known[known].counted = rc == 0;
    *many = g->known[known].many;
    return rc;
}

static struct talk *talk_of(struct growth *g, struct btr_id process)
{
    uint32_t at = btr_idmap_get(&g->talkers, process);
    if (at != UINT32_MAX)
        return &g->talks[at];
    if (!btr_list_room(&g->talks, g->talk_count, &g->talk_capacity, 16, sizeof *g->talks))
        return NULL;
    if (btr_idmap_add(&g->talkers, process, g->talk_count) == UINT32_MAX)
        return NULL;
    g->talks[g->talk_count] = (struct talk){.process = process,
                                            .first_ns = INT64_MAX,
                                            .last_ns = INT64_MIN,
                                            .began_ns = INT64_MAX,
                                            .said_ns = INT64_MIN,
                                            .source = UINT32_MAX};
    return &g->talks[g->talk_count++];
}

/* Of some entities no flow tells the kind: then the operation has to. */
static bool may_be(uint8_t kind, enum btr_kind wanted)
{
    return kind == BTR_KIND_NONE || kind == wanted;
}

static void hear(struct talk *talk, const struct btr_flow *f, int64_t since_ns)
{
    int64_t first_ns = f->first_ns > since_ns ? f->first_ns : since_ns;
    if (first_ns < talk->first_ns) {
        talk->first_ns = first_ns;
        talk->source = f->source;
    }
    talk->heard = true;
    talk->read |= !(f->flags & BTR_EVENT_IMPLIED) || (f->flags & BTR_EVENT_INTERVAL);
}

static int talks_visit(struct growth *g, const struct btr_flow *flows, uint32_t flow_count,
                       bool out_of)
{
    for (uint32_t i = 0; i < flow_count; i++) {
        const struct btr_flow *f = &flows[i];
        if (f->last_ns < g->item.since_ns || !may_be(f->other_kind, BTR_KIND_PROCESS))
            continue;
        struct talk *talk = talk_of(g, f->other);
        if (!talk)
            return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "who serves a connection");
        if (out_of)
            hear(talk, f, g->item.since_ns);
        talk->asked |= !out_of && f->operation == BTR_OP_CONNECT;
        if (!out_of && f->operation != BTR_OP_ACCEPT && f->last_ns > talk->said_ns)
            talk->said_ns = f->last_ns;
        talk->last_ns = f->last_ns > talk->last_ns ? f->last_ns : talk->last_ns;
        talk->began_ns = f->first_ns < talk->began_ns ? f->first_ns : talk->began_ns;
    }
    return 0;
}

static int heard_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    return talks_visit(self, flows, flow_count, true);
}

static int said_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    return talks_visit(self, flows, flow_count, false);
}

struct next_accept {
    int64_t after_ns, ns;
};

static int next_accept_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct next_accept *n = self;
    for (uint32_t i = 0; i < flow_count; i++)
        if (flows[i].operation == BTR_OP_ACCEPT && flows[i].last_ns > n->after_ns &&
            flows[i].last_ns < n->ns)
            n->ns = flows[i].last_ns;
    return 0;
}

/* When a process accepts a connection next. Looked for a second far, then ever further: a busy
 * server does soon, and has a long future to read. */
static int next_accept_find(struct growth *g, struct btr_id process, int64_t after_ns, int64_t *ns)
{
    const struct btr_edges *e = g->edges;
    struct next_accept next = {after_ns, INT64_MAX};
    int rc = 0;
    for (int64_t far_ns = 1000000000; rc == 0 && next.ns == INT64_MAX && far_ns <= ACCEPT_FAR_NS;
         far_ns *= 16) {
        struct btr_flow_parts parts = {
            .end = UINT32_MAX, .until_ns = after_ns + far_ns, .only = true};
        rc = e->flows(e->self, process, BTR_SIDE_OUT_OF, after_ns, &parts, next_accept_visit, &next,
                      g->err);
    }
    if (rc == 0 && next.ns == INT64_MAX)
        rc = e->flows(e->self, process, BTR_SIDE_OUT_OF, after_ns, NULL, next_accept_visit, &next,
                      g->err);
    *ns = next.ns;
    return rc;
}

/*
 * How long a server of many serves a connection: until the last that it said there. One that never
 * answered is still at it, and all that it does may be for the intrusion: until another process, as
 * a child of it, speaks on the connection in its place. One that took nothing but the connection,
 * to hand it on, or heard more after it had answered, turns to others with the next that it
 * accepts.
 */
static int served_until(struct growth *g, const struct talk *talk, int64_t *until_ns)
{
    int rc = 0;
    *until_ns = talk->last_ns;
    if (talk->said_ns >= talk->last_ns)
        return 0;
    *until_ns = INT64_MAX;
    if (!talk->read || talk->said_ns != INT64_MIN)
        rc = next_accept_find(g, talk->process, talk->last_ns, until_ns);
    for (uint32_t i = 0; i < g->talk_count; i++) {
        const struct talk *other = &g->talks[i];
        if (other->began_ns > talk->last_ns && other->began_ns < *until_ns)
            *until_ns = other->began_ns;
    }
    return rc;
}

/* A process that made the connection is the intrusion's own, or it called the intrusion's address:
 * then what comes back is the intrusion's. */
static int talk_take(struct growth *g, const struct talk *talk)
{
    bool many = false;
    int64_t until_ns = INT64_MAX;
    if (!talk->heard || (talk->asked && !g->outside))
        return 0;
    int rc = serves_many(g, talk->process, &many);
    if (rc == 0 && many)
        rc = served_until(g, talk, &until_ns);
    if (rc < 0)
        return rc;
    return grow(g, (struct btr_extent_item){.entity = talk->process,
                                            .since_ns = talk->first_ns,
                                            .until_ns = until_ns,
                                            .source = talk->source,
                                            .by = g->now,
                                            .role = many ? BTR_EXTENT_SERVER : BTR_EXTENT_PROCESS,
                                            .why = BTR_EXTENT_SERVED});
}

static int other_ends(struct growth *g)
{
    uint32_t pair = UINT32_MAX;
    struct btr_id id = g->item.entity;
    int rc = graph_halves_find(&g->halves, g->edges, id, BTR_KIND_NONE, &pair, g->err);
    for (; rc == 0 && pair != UINT32_MAX; pair = graph_halves_next(&g->halves, id, pair)) {
        const struct btr_pair *p = &g->halves.pairs[pair];
        if (btr_id_equal(p->client, id))
            rc = grow_from(g, p->server,
                           p->first_ns > g->item.since_ns ? p->first_ns : g->item.since_ns,
                           p->server_source, BTR_EXTENT_CONNECTION, BTR_EXTENT_OTHER_END);
    }
    return rc;
}

static int connection_follow(struct growth *g)
{
    const struct btr_edges *e = g->edges;
    struct btr_id id = g->item.entity;
    g->talk_count = 0;
    btr_idmap_reset(&g->talkers);
    g->outside = g->item.why == BTR_EXTENT_ADDRESS || g->item.why == BTR_EXTENT_GIVEN;
    int rc = e->flows(e->self, id, BTR_SIDE_OUT_OF, g->item.since_ns, NULL, heard_visit, g, g->err);
    if (rc == 0)
        rc = e->flows(e->self, id, BTR_SIDE_INTO, INT64_MAX, NULL, said_visit, g, g->err);
    for (uint32_t i = 0; rc == 0 && i < g->talk_count; i++)
        rc = talk_take(g, &g->talks[i]);
    return rc == 0 ? other_ends(g) : rc;
}

/* ---- What a process does -------------------------------------------------------------------- */

static bool starts_process(uint8_t operation)
{
    return operation == BTR_OP_FORK || operation == BTR_OP_SERVICE_START ||
           operation == BTR_OP_TASK_RUN || operation == BTR_OP_WMI_RUN;
}

static bool changes_process(uint8_t operation)
{
    return operation == BTR_OP_INJECT || operation == BTR_OP_PTRACE;
}

static bool is_connection(uint8_t kind)
{
    return kind == BTR_KIND_NONE || kind == BTR_KIND_FLOW || kind == BTR_KIND_CHANNEL;
}

static bool connects(uint8_t operation)
{
    return operation == BTR_OP_CONNECT || operation == BTR_OP_PIPE_CONNECT;
}

static bool is_object(uint8_t kind)
{
    return kind == BTR_KIND_NONE || kind == BTR_KIND_FILE || kind == BTR_KIND_REGISTRY ||
           kind == BTR_KIND_SERVICE || kind == BTR_KIND_TASK || kind == BTR_KIND_WMI;
}

bool btr_extent_writes(uint8_t operation)
{
    switch (operation) {
    case BTR_OP_WRITE:
    case BTR_OP_CREATE:
    case BTR_OP_OPEN_WRITE:
    case BTR_OP_OPEN_BOTH:
    case BTR_OP_TRUNCATE:
    case BTR_OP_RENAME:
    case BTR_OP_LINK:
    case BTR_OP_REG_SET:
    case BTR_OP_SERVICE_INSTALL:
    case BTR_OP_TASK_SET:
    case BTR_OP_WMI_SET:
        return true;
    default:
        return false;
    }
}

static int deed_take(struct growth *g, const struct btr_flow *f)
{
    int64_t at_ns = f->first_ns > g->item.since_ns ? f->first_ns : g->item.since_ns;
    if (may_be(f->other_kind, BTR_KIND_PROCESS) && starts_process(f->operation))
        return grow_from(g, f->other, at_ns, f->source, BTR_EXTENT_PROCESS, BTR_EXTENT_STARTED);
    if (may_be(f->other_kind, BTR_KIND_PROCESS) && changes_process(f->operation))
        return grow_from(g, f->other, at_ns, f->source, BTR_EXTENT_PROCESS, BTR_EXTENT_CHANGED);
    if (is_connection(f->other_kind) && connects(f->operation))
        return grow_from(g, f->other, at_ns, f->source, BTR_EXTENT_CONNECTION,
                         BTR_EXTENT_CONNECTED);
    if (is_object(f->other_kind) && btr_extent_writes(f->operation))
        return grow_from(g, f->other, at_ns, f->source, BTR_EXTENT_OBJECT, BTR_EXTENT_WROTE);
    return 0;
}

static int deeds_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct growth *g = self;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < flow_count; i++)
        if (flows[i].last_ns >= g->item.since_ns && flows[i].first_ns <= g->item.until_ns)
            rc = deed_take(g, &flows[i]);
    return rc;
}

/* ---- What becomes of what it wrote ---------------------------------------------------------- */

static int use_take(struct growth *g, const struct btr_flow *f)
{
    bool ran =
        f->operation == BTR_OP_EXEC || f->operation == BTR_OP_LOAD || f->operation == BTR_OP_MAP;
    if (may_be(f->other_kind, BTR_KIND_PROCESS) && ran)
        return grow_from(g, f->other, f->last_ns, f->source, BTR_EXTENT_PROCESS, BTR_EXTENT_RAN);
    if (may_be(f->other_kind, BTR_KIND_PROCESS) && starts_process(f->operation))
        return grow_from(g, f->other, f->last_ns, f->source, BTR_EXTENT_PROCESS, BTR_EXTENT_ASKED);
    if (is_object(f->other_kind) && (f->operation == BTR_OP_RENAMED ||
                                     f->operation == BTR_OP_LINKED || f->operation == BTR_OP_SAME))
        return grow_from(g, f->other,
                         f->first_ns > g->item.since_ns ? f->first_ns : g->item.since_ns, f->source,
                         BTR_EXTENT_OBJECT, BTR_EXTENT_BECAME);
    return 0;
}

static bool is_its_own(const struct growth *g, struct btr_id id, int64_t at_ns)
{
    uint32_t known = btr_idmap_get(&g->by_id, id);
    uint32_t item = known == UINT32_MAX ? UINT32_MAX : g->known[known].item;
    return item != UINT32_MAX && g->extent->items[item].role == BTR_EXTENT_PROCESS &&
           g->extent->items[item].since_ns <= at_ns;
}

/* Keeps who else read it, each once, to be asked about when all is visited. */
static int read_keep(struct growth *g, const struct btr_flow *f)
{
    bool reads = f->operation == BTR_OP_READ || f->operation == BTR_OP_OPEN_READ ||
                 f->operation == BTR_OP_OPEN_BOTH;
    if (!g->rules || !reads || !may_be(f->other_kind, BTR_KIND_PROCESS) ||
        is_its_own(g, f->other, f->last_ns))
        return 0;
    uint32_t had = btr_idmap_add(&g->readers, f->other, g->read_count);
    if (had != UINT32_MAX && had < g->read_count)
        return 0;
    if (had != UINT32_MAX && g->read_count == g->read_capacity) {
        uint32_t capacity = g->read_capacity ? 2 * g->read_capacity : 64;
        struct btr_flow *grown = realloc(g->reads, capacity * sizeof *grown);
        had = grown ? had : UINT32_MAX;
        g->reads = grown ? grown : g->reads;
        g->read_capacity = grown ? capacity : g->read_capacity;
    }
    if (had == UINT32_MAX)
        return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "who read what the intrusion wrote");
    g->reads[g->read_count++] = *f;
    return 0;
}

static int uses_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct growth *g = self;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < flow_count; i++)
        if (flows[i].last_ns >= g->item.since_ns) {
            rc = use_take(g, &flows[i]);
            if (rc == 0)
                rc = read_keep(g, &flows[i]);
        }
    return rc;
}

static int rule_take(void *growth, struct btr_id process, int64_t since_ns, uint32_t source,
                     enum btr_extent_why why)
{
    return grow_from(growth, process, since_ns, source, BTR_EXTENT_PROCESS, why);
}

static int object_follow(struct growth *g)
{
    const struct btr_edges *e = g->edges;
    g->read_count = 0;
    btr_idmap_reset(&g->readers);
    int rc = e->flows(e->self, g->item.entity, BTR_SIDE_OUT_OF, g->item.since_ns, NULL, uses_visit,
                      g, g->err);
    for (uint32_t i = 0; rc == 0 && i < g->read_count; i++)
        rc = g->rules->read(g->rules->self, &g->item, &g->reads[i], rule_take, g, g->err);
    return rc;
}

/* ---- All ------------------------------------------------------------------------------------ */

static int follow(struct growth *g)
{
    const struct btr_edges *e = g->edges;
    if (g->item.role == BTR_EXTENT_CONNECTION)
        return connection_follow(g);
    if (g->item.role == BTR_EXTENT_OBJECT)
        return object_follow(g);
    /* of a server only what it did meanwhile: it may serve a hundred thousand times */
    struct btr_flow_parts meanwhile = {.only = true, .until_ns = g->item.until_ns};
    return e->flows(e->self, g->item.entity, BTR_SIDE_OUT_OF, g->item.since_ns,
                    g->item.role == BTR_EXTENT_SERVER ? &meanwhile : NULL, deeds_visit, g, g->err);
}

/* Takes in where to begin, as if it had been found. */
static int begin(struct growth *g)
{
    for (uint32_t i = 0; g->extent->items && i < g->extent->count; i++) {
        uint32_t known = known_of(g, g->extent->items[i].entity);
        if (known == UINT32_MAX || !g->known)
            return btr_fail(g->err, BTR_E_NOMEM, UINT64_MAX, "extent of %u entities",
                            g->known_count);
        g->known[known].item = i;
    }
    return 0;
}

int btr_extent_find(struct btr_extent *extent, uint32_t from, const struct btr_edges *edges,
                    const struct btr_extent_rules *rules, struct btr_err *err)
{
    struct growth g = {.extent = extent, .edges = edges, .rules = rules, .err = err};
    int rc = begin(&g);
    for (g.now = from; rc == 0 && g.now < extent->count && !extent->cut; g.now++) {
        g.item = extent->items[g.now];
        rc = follow(&g);
    }
    graph_halves_fini(&g.halves);
    btr_idmap_fini(&g.by_id);
    btr_idmap_fini(&g.talkers);
    btr_idmap_fini(&g.readers);
    free(g.reads);
    free(g.known);
    free(g.talks);
    return rc;
}
