/*
 * The proof of a thinning: the closures of all entities at all times, before and after, in one pass
 * over time for each 512 entities. A pass keeps for each entity, as bits, which of the 512 are in
 * its closure by now; a flow hands those of one end on to the other for as long as it lasts. The
 * events before and those after go through it side by side: at every moment, what changed in the
 * one must be equal in the other. Times count as exact, also between sources (docs/decisions/0010).
 */
#include <btr/thinning.h>
#include <btr/trace.h>

#include <stdlib.h>
#include <string.h>

enum { WORDS = 8, BITS = 64 * WORDS, SIDES = 2, NONE = UINT32_MAX };

struct reach {
    uint64_t words[WORDS];
};

/** An event one way, in the time of the pass. */
struct flow {
    int64_t first_ns, last_ns;
    uint32_t from, to;
    uint32_t next, before; /* while it is open: in the list of `from` */
};

/** The events before thinning, or after. */
struct side {
    struct flow *flows; /* by first_ns */
    uint32_t *ending;   /* flows by last_ns */
    uint32_t flow_count, at, ended;
    struct reach *reach; /* by entity */
    bool *has_any;       /* by entity: one of its bits is set */
    uint32_t *open;      /* by entity: its first open flow */
    uint32_t *stack;     /* entities that have something to hand on */
    uint32_t stack_count;
    bool *is_waiting; /* by entity: in the stack */
};

struct prove {
    const struct btr_thin_set *set;
    const uint32_t *leader;
    int64_t *last_ns; /* by own event: of what it leads */
    struct side sides[SIDES];
    uint32_t *sought;  /* entities that something flows from: no other is in another's closure */
    uint32_t *changed; /* entities that changed at this moment */
    bool *is_changed;
    uint32_t sought_count, changed_count;
    struct btr_thin_proof *out;
};

/* ---- Flows ---------------------------------------------------------------------------------- */

static int64_t negated(int64_t t_ns)
{
    return t_ns == INT64_MIN ? INT64_MAX : -t_ns;
}

static void flow_add(struct side *s, uint32_t from, uint32_t to, int64_t first_ns, int64_t last_ns,
                     bool forward)
{
    s->flows[s->flow_count++] = (struct flow){.first_ns = forward ? negated(last_ns) : first_ns,
                                              .last_ns = forward ? negated(first_ns) : last_ns,
                                              .from = forward ? to : from,
                                              .to = forward ? from : to,
                                              .next = NONE,
                                              .before = NONE};
}

static int flow_compare(const void *a, const void *b)
{
    const struct flow *x = a, *y = b;
    return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

struct ending {
    int64_t last_ns;
    uint32_t flow;
};

static int ending_compare(const void *a, const void *b)
{
    const struct ending *x = a, *y = b;
    return (x->last_ns > y->last_ns) - (x->last_ns < y->last_ns);
}

/* @return false when out of memory */
static bool endings_fill(struct side *s)
{
    struct ending *sorted = malloc(((size_t)s->flow_count + 1) * sizeof(*sorted));
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < s->flow_count; i++)
        sorted[i] = (struct ending){s->flows[i].last_ns, i};
    qsort(sorted, s->flow_count, sizeof(*sorted), ending_compare);
    for (uint32_t i = 0; i < s->flow_count; i++)
        s->ending[i] = sorted[i].flow;
    free(sorted);
    return true;
}

/* @return false when out of memory */
static bool flows_fill(struct prove *p, unsigned side, bool forward)
{
    struct side *s = &p->sides[side];
    s->flow_count = 0;
    for (uint32_t i = 0; i < p->set->event_count; i++) {
        const struct btr_thin_event *e = &p->set->events[i];
        enum btr_direction d = btr_operation_direction(e->operation);
        bool own = side == 1 && i < p->set->own_count;
        int64_t last_ns = own ? p->last_ns[i] : e->last_ns;
        if ((own && p->leader[i] != i) || e->subject == e->object)
            continue;
        if (d == BTR_FLOW_IN || d == BTR_FLOW_BOTH)
            flow_add(s, e->object, e->subject, e->first_ns, last_ns, forward);
        if (d == BTR_FLOW_OUT || d == BTR_FLOW_BOTH)
            flow_add(s, e->subject, e->object, e->first_ns, last_ns, forward);
    }
    qsort(s->flows, s->flow_count, sizeof(*s->flows), flow_compare);
    return endings_fill(s);
}

/* ---- A moment ------------------------------------------------------------------------------- */

/* Hands the bits of a flow's one end on to the other. */
static void flow_pass(struct prove *p, struct side *s, const struct flow *f)
{
    const struct reach *from = &s->reach[f->from];
    struct reach *to = &s->reach[f->to];
    uint64_t more = 0;
    if (!s->has_any[f->from])
        return;
    for (unsigned i = 0; i < WORDS; i++) {
        more |= from->words[i] & ~to->words[i];
        to->words[i] |= from->words[i];
    }
    if (more == 0)
        return;
    s->has_any[f->to] = true;
    if (!p->is_changed[f->to]) {
        p->is_changed[f->to] = true;
        p->changed[p->changed_count++] = f->to;
    }
    if (!s->is_waiting[f->to] && s->open[f->to] != NONE) {
        s->is_waiting[f->to] = true;
        s->stack[s->stack_count++] = f->to;
    }
}

static void flow_open(struct side *s, uint32_t flow)
{
    struct flow *f = &s->flows[flow];
    f->next = s->open[f->from];
    f->before = NONE;
    if (f->next != NONE)
        s->flows[f->next].before = flow;
    s->open[f->from] = flow;
}

static void flow_close(struct side *s, uint32_t flow)
{
    const struct flow *f = &s->flows[flow];
    if (f->before == NONE)
        s->open[f->from] = f->next;
    else
        s->flows[f->before].next = f->next;
    if (f->next != NONE)
        s->flows[f->next].before = f->before;
}

/* What begins at a moment passes, and so does what is open, until nothing changes any more. What
 * ends there is still open then, and closed behind it. */
static void side_move(struct prove *p, struct side *s, int64_t now_ns)
{
    uint32_t begin = s->at;
    for (; s->at < s->flow_count && s->flows[s->at].first_ns == now_ns; s->at++)
        flow_open(s, s->at);
    for (uint32_t i = begin; i < s->at; i++)
        flow_pass(p, s, &s->flows[i]);
    while (s->stack_count > 0) {
        uint32_t entity = s->stack[--s->stack_count];
        s->is_waiting[entity] = false;
        for (uint32_t i = s->open[entity]; i != NONE; i = s->flows[i].next)
            flow_pass(p, s, &s->flows[i]);
    }
    for (; s->ended < s->flow_count && s->flows[s->ending[s->ended]].last_ns <= now_ns; s->ended++)
        flow_close(s, s->ending[s->ended]);
}

/* The next moment at which something begins. Only then can anything change; what ends before it is
 * closed when that moment comes, before anything passes. */
static int64_t moment_next(const struct prove *p, bool *any)
{
    int64_t next_ns = INT64_MAX;
    *any = false;
    for (unsigned k = 0; k < SIDES; k++) {
        const struct side *s = &p->sides[k];
        if (s->at == s->flow_count)
            continue;
        next_ns = s->flows[s->at].first_ns < next_ns ? s->flows[s->at].first_ns : next_ns;
        *any = true;
    }
    return next_ns;
}

static void side_close(struct side *s, int64_t now_ns)
{
    for (; s->ended < s->flow_count && s->flows[s->ending[s->ended]].last_ns < now_ns; s->ended++)
        flow_close(s, s->ending[s->ended]);
}

/* ---- Comparing ------------------------------------------------------------------------------ */

/* @param sought  those of the pass
 * @return whether the entities that changed are equal on both sides; tells the first that is not */
static bool moment_compare(struct prove *p, const uint32_t *sought, int64_t now_ns, bool forward)
{
    bool equal = true;
    for (uint32_t i = 0; i < p->changed_count; i++) {
        uint32_t entity = p->changed[i], word = 0;
        const struct reach *a = &p->sides[0].reach[entity], *b = &p->sides[1].reach[entity];
        p->is_changed[entity] = false;
        if (!equal || memcmp(a, b, sizeof(*a)) == 0)
            continue;
        while (a->words[word] == b->words[word])
            word++;
        p->out->forward = forward;
        p->out->entity = entity;
        p->out->other =
            sought[64 * word + (uint32_t)__builtin_ctzll(a->words[word] ^ b->words[word])];
        p->out->time_ns = forward ? negated(now_ns) : now_ns;
        equal = false;
    }
    p->out->closures += p->changed_count;
    p->changed_count = 0;
    return equal;
}

static void side_begin(struct side *s, const struct btr_thin_set *set, const uint32_t *sought,
                       uint32_t count)
{
    memset(s->reach, 0, set->entity_count * sizeof(*s->reach));
    memset(s->has_any, 0, set->entity_count * sizeof(*s->has_any));
    memset(s->open, 0xff, set->entity_count * sizeof(*s->open));
    s->at = s->ended = 0;
    for (uint32_t i = 0; i < count; i++) {
        s->reach[sought[i]].words[i / 64] = UINT64_C(1) << i % 64;
        s->has_any[sought[i]] = true;
    }
}

/* @return whether all closures are equal, as to some entities, at most BITS */
static bool pass_run(struct prove *p, const uint32_t *sought, uint32_t count, bool forward)
{
    bool any, equal = true;
    for (unsigned k = 0; k < SIDES; k++)
        side_begin(&p->sides[k], p->set, sought, count);
    for (int64_t now_ns = moment_next(p, &any); any && equal; now_ns = moment_next(p, &any)) {
        for (unsigned k = 0; k < SIDES; k++) {
            side_close(&p->sides[k], now_ns);
            side_move(p, &p->sides[k], now_ns);
        }
        equal = moment_compare(p, sought, now_ns, forward);
    }
    return equal;
}

static void sought_fill(struct prove *p)
{
    const struct side *s = &p->sides[0];
    p->sought_count = 0;
    memset(s->has_any, 0, p->set->entity_count * sizeof(*s->has_any));
    for (uint32_t i = 0; i < s->flow_count; i++)
        s->has_any[s->flows[i].from] = true;
    for (uint32_t i = 0; i < p->set->entity_count; i++)
        if (s->has_any[i])
            p->sought[p->sought_count++] = i;
}

/* @return false when out of memory */
static bool direction_prove(struct prove *p, bool forward)
{
    if (!flows_fill(p, 0, forward) || !flows_fill(p, 1, forward))
        return false;
    sought_fill(p);
    for (uint32_t i = 0; p->out->equal && i < p->sought_count; i += BITS) {
        uint32_t left = p->sought_count - i;
        p->out->equal = pass_run(p, p->sought + i, left < BITS ? left : BITS, forward);
    }
    return true;
}

/* ---- The whole ------------------------------------------------------------------------------ */

static bool side_init(struct side *s, const struct btr_thin_set *set)
{
    size_t flows = 2 * (size_t)set->event_count + 1, entities = (size_t)set->entity_count + 1;
    s->flows = malloc(flows * sizeof(*s->flows));
    s->ending = malloc(flows * sizeof(*s->ending));
    s->reach = malloc(entities * sizeof(*s->reach));
    s->has_any = malloc(entities * sizeof(*s->has_any));
    s->open = malloc(entities * sizeof(*s->open));
    s->stack = malloc(entities * sizeof(*s->stack));
    s->is_waiting = calloc(entities, sizeof(*s->is_waiting));
    return s->flows && s->ending && s->reach && s->has_any && s->open && s->stack && s->is_waiting;
}

static bool prove_init(struct prove *p)
{
    const struct btr_thin_set *set = p->set;
    p->last_ns = malloc(((size_t)set->own_count + 1) * sizeof(*p->last_ns));
    p->sought = malloc(((size_t)set->entity_count + 1) * sizeof(*p->sought));
    p->changed = malloc(((size_t)set->entity_count + 1) * sizeof(*p->changed));
    p->is_changed = calloc((size_t)set->entity_count + 1, sizeof(*p->is_changed));
    if (!p->last_ns || !p->sought || !p->changed || !p->is_changed)
        return false;
    for (uint32_t i = 0; i < set->own_count; i++)
        p->last_ns[i] = set->events[i].last_ns;
    for (uint32_t i = 0; i < set->own_count; i++) {
        int64_t *last_ns = &p->last_ns[p->leader[i]];
        *last_ns = set->events[i].last_ns > *last_ns ? set->events[i].last_ns : *last_ns;
    }
    return side_init(&p->sides[0], set) && side_init(&p->sides[1], set);
}

static void prove_fini(struct prove *p)
{
    for (unsigned k = 0; k < SIDES; k++) {
        free(p->sides[k].flows);
        free(p->sides[k].ending);
        free(p->sides[k].reach);
        free(p->sides[k].has_any);
        free(p->sides[k].open);
        free(p->sides[k].stack);
        free(p->sides[k].is_waiting);
    }
    free(p->last_ns);
    free(p->sought);
    free(p->changed);
    free(p->is_changed);
}

int btr_thin_prove(const struct btr_thin_set *set, const uint32_t *leader,
                   struct btr_thin_proof *out, struct btr_err *err)
{
    struct prove p = {.set = set, .leader = leader, .out = out};
    bool ok = prove_init(&p);
    *out = (struct btr_thin_proof){.entities = set->entity_count, .equal = true};
    for (unsigned forward = 0; ok && out->equal && forward < 2; forward++)
        ok = direction_prove(&p, forward);
    prove_fini(&p);
    return ok ? 0
              : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while proving a thinning");
}

const struct btr_thin_rule btr_thinning = {
    .reach_ns = BTR_SOURCE_ERROR_NS,
    .least = 32, /* fewer take no more room one by one (docs/decisions/0010) */
    .choose = btr_thin_choose,
    .prove = btr_thin_prove};
