#include <btr/list.h>
#include <stdlib.h>

#include "score/critical.h"

enum { STOPPED = 1 }; /* a visitor has seen enough */

int critical_ask(struct critical *c, uint32_t place, int64_t from_ns, int64_t until_ns,
                 bool as_object, btr_flow_visit *visit, void *self)
{
    const struct btr_edges *edges = c->scene->edges;
    struct btr_flow_parts parts = {.until_ns = from_ns, .only = true, .as_object = as_object};
    if (critical_is_late(c))
        return 0;
    return edges->flows(edges->self, c->places[place].id, BTR_SIDE_INTO, until_ns, &parts, visit,
                        self, c->err);
}

static int all_ask(struct critical *c, uint32_t place, bool as_object, btr_flow_visit *visit,
                   void *self)
{
    return critical_ask(c, place, INT64_MIN, c->until_ns, as_object, visit, self);
}

/* ---- Whether there is one ---- */

/* What is looked for, until one is found. */
struct looking {
    struct btr_id place;
    bool (*is)(uint8_t operation); /* NULL: any */
    bool found;
};

static int looking_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct looking *l = self;
    for (uint32_t i = 0; i < flow_count && !l->found; i++)
        l->found = !btr_id_equal(flows[i].other, l->place) && (!l->is || l->is(flows[i].operation));
    return l->found ? STOPPED : 0;
}

static int look(struct critical *c, uint32_t place, bool (*is)(uint8_t operation), bool *found)
{
    struct looking l = {c->places[place].id, is, false};
    int rc = all_ask(c, place, is != NULL, looking_visit, &l);
    *found = l.found;
    return rc < 0 ? rc : 0;
}

int critical_seen(struct critical *c, uint32_t place, bool *seen)
{
    struct critical_place *p = &c->places[place];
    int rc = 0;
    critical_enter(c, place);
    for (uint32_t s = p->stretch; s != UINT32_MAX && !p->seen; s = c->stretches[s].earlier)
        p->seen = c->stretches[s].count > 0;
    if (!p->seen && !p->asked) {
        rc = look(c, place, NULL, &p->seen);
        if (rc == 0 && !p->seen)
            rc = critical_pairs_find(c, place);
        p->seen = p->seen || critical_is_paired(c, place);
        p->asked = true;
    }
    *seen = p->seen;
    return rc;
}

int critical_operation(struct critical *c, uint32_t place, bool (*is)(uint8_t operation),
                       bool *found)
{
    *found = false;
    for (uint32_t s = c->places[place].stretch; s != UINT32_MAX; s = c->stretches[s].earlier)
        for (uint32_t i = 0; i < c->stretches[s].count && !*found; i++)
            *found = is(c->flows[c->stretches[s].begin + i].operation);
    return *found || critical_is_whole(c, place) ? 0 : look(c, place, is, found);
}

/* ---- Whether what came of a process was taken from it ---- */

struct tracing {
    struct btr_id by;
    bool found;
};

static int tracing_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct tracing *t = self;
    for (uint32_t i = 0; i < flow_count; i++)
        t->found |= flows[i].operation == BTR_OP_PTRACE && btr_id_equal(flows[i].other, t->by);
    return 0;
}

int critical_was_taken(struct critical *c, const struct critical_flow *f, bool *taken)
{
    struct tracing t = {c->places[f->far].id, false};
    *taken = f->operation == BTR_OP_ACCESS;
    if (f->operation != BTR_OP_PTRACE)
        return 0;
    int rc = critical_ask(c, f->near, f->first_ns, f->last_ns, true, tracing_visit, &t);
    *taken = !t.found && !critical_is_late(c); /* it was not asked then */
    return rc < 0 ? rc : 0;
}

/* ---- Who started a process ---- */

struct parents {
    struct critical *c;
    struct btr_id place;
    struct critical_flow first;
    struct btr_id id; /* of the process that did it */
    bool found;
};

static int parents_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct parents *p = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        struct critical_flow f = critical_flow_of(&flows[i]);
        if (f.operation != BTR_OP_FORK || btr_id_equal(flows[i].other, p->place) ||
            (p->found && critical_flow_compare(&f, &p->first) >= 0))
            continue;
        p->first = f;
        p->id = flows[i].other;
        p->found = true;
    }
    return 0;
}

uint32_t critical_parent(struct critical *c, uint32_t place)
{
    struct parents found = {.c = c, .place = c->places[place].id};
    if (c->places[place].asked_parent || c->places[place].order == UINT32_MAX)
        return c->places[place].parent;
    c->places[place].asked_parent = true;
    int rc = all_ask(c, place, true, parents_visit, &found);
    if (rc < 0)
        c->failed = rc;
    if (rc == 0 && found.found)
        c->places[place].parent = btr_idmap_get(&c->map, found.id);
    return c->places[place].parent;
}

/* ---- Who read from a connection ---- */

struct readers {
    struct critical *c;
    uint32_t begin; /* of this connection's */
};

static int reader_note(struct readers *r, struct btr_id process, int64_t key_ns)
{
    struct critical *c = r->c;
    for (uint32_t i = r->begin; i < c->reader_count; i++) {
        if (!btr_id_equal(c->readers[i].process, process))
            continue;
        c->readers[i].first_ns = graph_time_min(c->readers[i].first_ns, key_ns);
        return 0;
    }
    if (!btr_list_room(&c->readers, c->reader_count, &c->reader_capacity, 256, sizeof *c->readers))
        return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "readers of connections");
    c->readers[c->reader_count++] = (struct critical_reader){process, key_ns};
    return 0;
}

static int readers_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct readers *r = self;
    int rc = 0;
    for (uint32_t i = 0; i < flow_count && rc == 0; i++)
        rc = reader_note(r, flows[i].other, critical_flow_of(&flows[i]).key_ns);
    return rc;
}

/* What flowed into the process from there flowed out of there: of the two the connection is small.
 */
static int readers_find(struct critical *c, uint32_t place)
{
    struct critical_place *p = &c->places[place];
    const struct btr_edges *edges = c->scene->edges;
    struct readers r = {c, c->reader_count};
    struct btr_flow_parts parts = {.until_ns = c->until_ns, .only = true};
    if (p->asked_readers)
        return 0;
    p->asked_readers = true;
    int rc = edges->flows(edges->self, p->id, BTR_SIDE_OUT_OF, INT64_MIN, &parts, readers_visit, &r,
                          c->err);
    p->readers = r.begin;
    p->reader_count = c->reader_count - r.begin;
    return rc;
}

int critical_has_read(struct critical *c, uint32_t process, uint32_t connection, int64_t until_ns,
                      bool *found)
{
    *found = false;
    int rc = readers_find(c, connection);
    const struct critical_place *p = &c->places[connection];
    for (uint32_t i = p->readers; rc == 0 && i < p->readers + p->reader_count && !*found; i++)
        *found = c->readers[i].first_ns <= until_ns &&
                 btr_id_equal(c->readers[i].process, c->places[process].id);
    return rc;
}

/* ---- Who is at the ends of a connection ---- */

static int ends_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct critical *c = self;
    for (uint32_t i = 0; i < flow_count; i++) {
        if (flows[i].operation != BTR_OP_ACCEPT && flows[i].operation != BTR_OP_CONNECT)
            continue;
        if (!btr_list_room(&c->ends, c->end_count, &c->end_capacity, 256, sizeof *c->ends))
            return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "ends of connections");
        struct critical_flow f = critical_flow_of(&flows[i]);
        c->ends[c->end_count++] = (struct critical_end){flows[i].other, f.last_ns, f.operation};
    }
    return 0;
}

const struct critical_end *critical_ends(struct critical *c, uint32_t place)
{
    struct critical_place *p = &c->places[place];
    if (!p->asked_ends && p->order != UINT32_MAX) {
        p->asked_ends = true;
        p->ends = c->end_count;
        int rc = all_ask(c, place, true, ends_visit, c);
        if (rc < 0)
            c->failed = rc;
        p->end_count = c->end_count - p->ends;
    }
    return c->ends ? c->ends + p->ends : NULL;
}
