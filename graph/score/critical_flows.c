#include <btr/list.h>
#include <stdlib.h>

#include "score/critical.h"
#include "timed.h"

/*
 * What flows into a place is read in stretches of time, as the walk asks for it: from the time that
 * it comes with backward, and no further than it looks. Where it comes with another time, another
 * stretch is begun. How long stretches are hangs on how a store lies; which flows are in one does
 * not.
 */

enum {
    STOPPED = 1,       /* a visitor has seen enough, or a limit is met */
    CELL_NS = 1 << 28, /* a first stretch is the one of these that its time lies in */
    WIDER = 4,         /* the next goes back so much further, */
    ENOUGH = 128       /* unless so many flows were found */
};

static int no_memory(struct critical *c)
{
    return btr_fail(c->err, BTR_E_NOMEM, UINT64_MAX, "walk of %u entities and %u events",
                    c->place_count, c->flow_count);
}

static struct btr_id pair_other(const struct critical *c, uint32_t place,
                                const struct btr_pair *pair)
{
    return btr_id_equal(pair->client, c->places[place].id) ? pair->server : pair->client;
}

static bool pair_crosses(const struct critical *c, uint32_t place, const struct btr_pair *pair)
{
    const struct btr_edges *edges = c->scene->edges;
    struct btr_id id = c->places[place].id, other = pair_other(c, place, pair);
    return !edges->crosses || edges->crosses(edges->self, other, id);
}

int critical_pairs_find(struct critical *c, uint32_t place)
{
    struct critical_place *p = &c->places[place];
    struct graph_timed timed = {c->scene->edges, c->deadline_ns};
    const struct btr_edges edges = graph_timed_edges(&timed);
    if (p->paired || critical_is_late(c))
        return 0;
    p->paired = true;
    if (p->fact.kind != BTR_KIND_FLOW && p->fact.kind != BTR_KIND_CHANNEL &&
        p->fact.kind != BTR_KIND_NONE)
        return 0;
    int rc = graph_halves_find(&c->halves, &edges, p->id, p->fact.kind, &p->pair, c->err);
    if (rc == GRAPH_LATE)
        c->unread = critical_is_late(c);
    return rc == GRAPH_LATE ? 0 : rc;
}

/* ---- Reading a stretch ---------------------------------------------------------------------- */

struct reading {
    struct critical *c;
    uint32_t place;
    int64_t from_ns, until_ns;
    int64_t rest_ns; /* no key before the stretch is later; INT64_MIN: there is none */
};

static struct critical_flow *flow_new(struct critical *c)
{
    if (!btr_list_room(&c->flows, c->flow_count, &c->flow_capacity, 4096, sizeof *c->flows))
        return NULL;
    return &c->flows[c->flow_count++];
}

/* Something that went on for a while counts from its beginning: what is open stays open. */
static bool lasts(uint8_t flags)
{
    return (flags & (BTR_EVENT_INTERVAL | BTR_EVENT_THINNED)) != 0;
}

struct critical_flow critical_flow_of(const struct btr_flow *f)
{
    return (struct critical_flow){.key_ns = lasts(f->flags) ? f->first_ns : f->last_ns,
                                  .first_ns = f->first_ns,
                                  .last_ns = f->last_ns,
                                  .tie = f->other.lo,
                                  .source = f->source,
                                  .operation = f->operation,
                                  .flags = f->flags};
}

static int flow_take(struct reading *r, const struct btr_flow *f)
{
    struct critical *c = r->c;
    struct critical_flow new = critical_flow_of(f);
    if (new.key_ns < r->from_ns)
        r->rest_ns = graph_time_max(r->rest_ns, new.key_ns);
    if (new.key_ns < r->from_ns || new.key_ns > r->until_ns)
        return 0;
    new.near = r->place;
    new.far = critical_place_of(c, f);
    struct critical_flow *flow = new.far == UINT32_MAX ? NULL : flow_new(c);
    if (!flow)
        return new.far == UINT32_MAX ? c->err->code : no_memory(c);
    new.weight = (float)critical_weight(c, new.far, new.near, f->last_ns);
    if ((f->flags & BTR_EVENT_IMPLIED) && lasts(f->flags))
        new.weight *= (float)CRITICAL_IMPLIED;
    *flow = new;
    return 0;
}

static int flows_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct reading *r = self;
    int rc = 0;
    for (uint32_t i = 0; i < flow_count && rc == 0; i++)
        if (!btr_id_equal(flows[i].other, r->c->places[r->place].id))
            rc = flow_take(r, &flows[i]);
    return rc == 0 && critical_is_late(r->c) ? STOPPED : rc;
}

static int pair_take(struct reading *r, const struct btr_pair *pair, int64_t key_ns)
{
    struct critical *c = r->c;
    struct btr_id other = pair_other(c, r->place, pair);
    uint32_t far = critical_place(c, other);
    struct critical_flow *flow = far == UINT32_MAX ? NULL : flow_new(c);
    if (!flow)
        return far == UINT32_MAX ? c->err->code : no_memory(c);
    *flow = (struct critical_flow){.key_ns = key_ns,
                                   .first_ns = key_ns,
                                   .last_ns = INT64_MAX,
                                   .tie = c->places[far].id.lo,
                                   .far = far,
                                   .near = r->place,
                                   .source = GRAPH_SOURCE_NONE,
                                   .weight = 1,
                                   .operation = BTR_OP_CONNECT,
                                   .flags = BTR_EVENT_INTERVAL};
    return 0;
}

static int pairs_take(struct reading *r)
{
    struct critical *c = r->c;
    struct btr_id id = c->places[r->place].id;
    int rc = critical_pairs_find(c, r->place);
    for (uint32_t at = c->places[r->place].pair; rc == 0 && at != UINT32_MAX;
         at = graph_halves_next(&c->halves, id, at)) {
        int64_t key_ns = c->halves.pairs[at].first_ns;
        if (key_ns < r->from_ns)
            r->rest_ns = graph_time_max(r->rest_ns, key_ns);
        else if (key_ns <= r->until_ns && pair_crosses(c, r->place, &c->halves.pairs[at]))
            rc = pair_take(r, &c->halves.pairs[at], key_ns);
    }
    return rc;
}

int critical_flow_compare(const struct critical_flow *a, const struct critical_flow *b)
{
    if (a->key_ns != b->key_ns)
        return a->key_ns < b->key_ns ? -1 : 1;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    if (a->tie != b->tie)
        return a->tie < b->tie ? -1 : 1;
    if (a->operation != b->operation)
        return a->operation < b->operation ? -1 : 1;
    if (a->first_ns != b->first_ns)
        return a->first_ns < b->first_ns ? -1 : 1;
    return (a->flags > b->flags) - (a->flags < b->flags);
}

static int by_key(const void *x, const void *y)
{
    return critical_flow_compare(x, y);
}

/* Reads what is in a stretch. @return 0, STOPPED (nothing is kept of it), or as the edges */
static int stretch_read(struct reading *r)
{
    struct critical *c = r->c;
    const struct btr_edges *edges = c->scene->edges;
    uint32_t begin = c->flow_count;
    int64_t until_ns = graph_time_min(r->until_ns, c->until_ns);
    struct btr_flow_parts parts = {.until_ns = r->from_ns, .only = true};
    if (critical_is_full(c) || critical_is_late(c))
        return STOPPED;
    int rc = edges->flows(edges->self, c->places[r->place].id, BTR_SIDE_INTO, until_ns, &parts,
                          flows_visit, r, c->err);
    if (rc == 0)
        r->rest_ns = graph_time_max(r->rest_ns, parts.rest_ns);
    if (rc == 0)
        rc = pairs_take(r);
    if (rc)
        c->flow_count = begin;
    if (c->flow_count - begin > 1)
        qsort(c->flows + begin, c->flow_count - begin, sizeof *c->flows, by_key);
    return rc;
}

/* ---- Stretches of a place ------------------------------------------------------------------- */

static int64_t earlier_by(int64_t at_ns, int64_t width_ns)
{
    return at_ns < INT64_MIN + width_ns ? INT64_MIN : at_ns - width_ns;
}

/* The stretch to read for a time that lies between two that were read: `later` begins and `earlier`
 * ends outside of it; UINT32_MAX: there is none. */
static struct critical_stretch stretch_plan(const struct critical *c, int64_t at_ns, uint32_t later,
                                            uint32_t earlier)
{
    struct critical_stretch s = {.from_ns = at_ns & ~(int64_t)(CELL_NS - 1),
                                 .until_ns = at_ns | (CELL_NS - 1),
                                 .width_ns = CELL_NS,
                                 .begin = c->flow_count,
                                 .earlier = earlier};
    const struct critical_stretch *next = later == UINT32_MAX ? NULL : &c->stretches[later];
    if (next && next->from_ns - 1 <= s.until_ns)
        s.until_ns = next->from_ns - 1;
    if (next && next->from_ns - 1 == at_ns) { /* it goes on */
        bool wide = next->count >= ENOUGH || next->width_ns > INT64_MAX / WIDER;
        s.width_ns = next->width_ns * (wide ? 1 : WIDER);
        s.from_ns = earlier_by(at_ns, s.width_ns);
    }
    if (s.until_ns >= c->until_ns)
        s.until_ns = INT64_MAX; /* none is asked for behind it */
    if (earlier != UINT32_MAX && s.from_ns <= c->stretches[earlier].until_ns)
        s.from_ns = c->stretches[earlier].until_ns + 1;
    return s;
}

/* Adds a stretch to its place. What nothing is left in counts as read. */
static int stretch_add(struct critical *c, uint32_t place, struct critical_stretch s,
                       uint32_t later, int64_t rest_ns)
{
    int64_t least = s.earlier == UINT32_MAX ? INT64_MIN : c->stretches[s.earlier].until_ns + 1;
    if (!btr_list_room(&c->stretches, c->stretch_count, &c->stretch_capacity, 1024,
                       sizeof *c->stretches))
        return no_memory(c);
    s.from_ns = graph_time_max(least, rest_ns == INT64_MIN ? rest_ns : rest_ns + 1);
    s.count = c->flow_count - s.begin;
    if (later == UINT32_MAX)
        c->places[place].stretch = c->stretch_count;
    else
        c->stretches[later].earlier = c->stretch_count;
    c->stretches[c->stretch_count++] = s;
    return 0;
}

/* The first flow behind all that count until a time. */
static uint32_t flows_end(const struct critical *c, const struct critical_stretch *s, int64_t at_ns)
{
    uint32_t low = s->begin, high = s->begin + s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->flows[middle].key_ns <= at_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Takes the stretch that the cursor's time lies in, and reads it if need be. @return 1, 0 when a
 * limit is met, or as the edges */
static int stretch_take(struct critical_cursor *cursor, struct critical *c)
{
    uint32_t later = UINT32_MAX, at = c->places[cursor->place].stretch;
    for (; at != UINT32_MAX && c->stretches[at].from_ns > cursor->at_ns;
         at = c->stretches[at].earlier)
        later = at;
    if (at == UINT32_MAX || c->stretches[at].until_ns < cursor->at_ns) {
        struct critical_stretch s = stretch_plan(c, cursor->at_ns, later, at);
        struct reading r = {c, cursor->place, s.from_ns, s.until_ns, INT64_MIN};
        int rc = stretch_read(&r);
        if (rc == 0)
            rc = stretch_add(c, cursor->place, s, later, r.rest_ns);
        c->unread = c->unread || rc == STOPPED;
        if (rc)
            return rc == STOPPED ? 0 : rc;
        at = c->stretch_count - 1;
    }
    cursor->stretch = at;
    cursor->at = flows_end(c, &c->stretches[at], cursor->at_ns);
    return 1;
}

bool critical_is_paired(const struct critical *c, uint32_t place)
{
    struct btr_id id = c->places[place].id;
    for (uint32_t at = c->places[place].pair; at != UINT32_MAX;
         at = graph_halves_next(&c->halves, id, at))
        if (pair_crosses(c, place, &c->halves.pairs[at]))
            return true;
    return false;
}

bool critical_is_whole(const struct critical *c, uint32_t place)
{
    uint32_t first = c->places[place].stretch;
    int64_t least = INT64_MAX; /* what was read so far begins here */
    for (uint32_t at = first; at != UINT32_MAX; at = c->stretches[at].earlier) {
        const struct critical_stretch *s = &c->stretches[at];
        if (at == first ? s->until_ns != INT64_MAX : s->until_ns != least - 1)
            return false;
        least = s->from_ns;
    }
    return first != UINT32_MAX && least == INT64_MIN;
}

int critical_cursor_begin(struct critical_cursor *cursor, struct critical *c, uint32_t place,
                          int64_t until_ns)
{
    critical_enter(c, place);
    *cursor = (struct critical_cursor){until_ns, place, UINT32_MAX, 0};
    return critical_pairs_find(c, place);
}

int critical_cursor_next(struct critical_cursor *cursor, struct critical *c, uint32_t *flow)
{
    for (;;) {
        if (cursor->stretch != UINT32_MAX) {
            const struct critical_stretch *s = &c->stretches[cursor->stretch];
            if (cursor->at > s->begin) {
                *flow = --cursor->at;
                return 1;
            }
            if (s->from_ns == INT64_MIN)
                return 0;
            cursor->at_ns = s->from_ns - 1;
        }
        int rc = stretch_take(cursor, c);
        if (rc <= 0)
            return rc;
    }
}
