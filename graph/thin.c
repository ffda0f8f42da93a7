/*
 * Which alike events become one. The condition is that of CPR (Xu et al., CCS 2016): events x -> y
 * become one interval when nothing else flows into x, and nothing else out of y, in between; then
 * the bounds that a walk hands on within the interval admit no more than those that it handed on
 * before. docs/decisions/0010 proves it for bounds of several sources, and for all groups at once.
 */
#include <btr/thinning.h>
#include <btr/trace.h>

#include <stdlib.h>

#include "thin_flows.h"

static const int64_t ERROR_NS = BTR_SOURCE_ERROR_NS;

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while thinning");
}

/* ---- What may be thinned at all ------------------------------------------------------------- */

/* Data that moves, and openings for it: of many alike each is hardly an act of its own. What
 * changes a state (a name, a mode, an image, a process, an account, a log) stays, each with its
 * record. */
static bool is_bulk(unsigned operation)
{
    switch (operation) {
    case BTR_OP_READ:
    case BTR_OP_RECV:
    case BTR_OP_LOAD:
    case BTR_OP_MAP:
    case BTR_OP_OPEN_READ:
    case BTR_OP_WRITE:
    case BTR_OP_SEND:
    case BTR_OP_OPEN_WRITE:
    case BTR_OP_OPEN_BOTH:
    case BTR_OP_SAME:
    case BTR_OP_ACCESS:
    case BTR_OP_REG_READ:
    case BTR_OP_DNS_QUERY:
    case BTR_OP_SHARE_ACCESS:
        return true;
    default:
        return false;
    }
}

/* A pair of halves hands on a bound as it is, to whoever is the partner then. */
static bool may_thin(const struct btr_thin_set *set, const struct btr_thin_event *e)
{
    return !e->fixed && is_bulk(e->operation) && (e->flags & BTR_EVENT_FAILED) == 0 &&
           e->subject != e->object && !set->half[e->subject] && !set->half[e->object];
}

/* ---- Alike ---------------------------------------------------------------------------------- */

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int alike_compare(const struct btr_thin_event *x, const struct btr_thin_event *y)
{
    int c = compare(x->subject, y->subject);
    if (c == 0)
        c = compare(x->object, y->object);
    if (c == 0)
        c = compare(x->stream, y->stream);
    if (c == 0)
        c = x->operation - y->operation;
    if (c == 0)
        c = x->doubt - y->doubt;
    if (c == 0)
        c = compare(btr_event_flags_alike(x->flags), btr_event_flags_alike(y->flags));
    return c ? c : (x->bytes == BTR_BYTES_UNKNOWN) - (y->bytes == BTR_BYTES_UNKNOWN);
}

struct candidate {
    struct btr_thin_event event;
    uint32_t place;
};

/* Alike ones together, in the order in which they begin, of those that begin at once the longest
 * first. */
static int candidate_compare(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    int c = alike_compare(&x->event, &y->event);
    if (c == 0)
        c = (x->event.first_ns > y->event.first_ns) - (x->event.first_ns < y->event.first_ns);
    if (c == 0)
        c = (x->event.last_ns < y->event.last_ns) - (x->event.last_ns > y->event.last_ns);
    return c ? c : compare(x->place, y->place);
}

static uint32_t candidates_gather(const struct btr_thin_set *set, struct candidate *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->own_count; i++)
        if (may_thin(set, &set->events[i]))
            out[count++] = (struct candidate){set->events[i], i};
    qsort(out, count, sizeof(*out), candidate_compare);
    return count;
}

/* ---- Choosing ------------------------------------------------------------------------------- */

/** Events of a group that are to become one. */
struct stretch {
    int64_t first_ns, last_ns;
    int64_t held_until_ns; /* where the first event ends */
    int64_t held_from_ns;  /* where the one begins that ends last */
    uint64_t bytes;
    uint32_t from, to, group;
};

static int64_t later(int64_t t_ns)
{
    return t_ns > INT64_MAX - ERROR_NS ? INT64_MAX : t_ns + ERROR_NS;
}

static int64_t earlier(int64_t t_ns)
{
    return t_ns < INT64_MIN + ERROR_NS ? INT64_MIN : t_ns - ERROR_NS;
}

/*
 * Whether no closure can tell a stretch from its events: nothing else flows into `from` between the
 * first event's end and the last's, nor out of `to`, the mirror. What does so within the error
 * after the last (before the first) counts when labels of other sources may be there. Flows of the
 * group itself do not count.
 */
static bool is_one(const struct thin_flows *f, const struct stretch *s)
{
    int64_t early_ns = earlier(s->first_ns), late_ns = later(s->last_ns);
    if (thin_latest(&f->into, s->from, s->last_ns, s->group) > s->held_until_ns ||
        thin_latest(&f->out_of, s->to, s->held_from_ns - 1, s->group) >= s->first_ns)
        return false;
    if (thin_latest(&f->out_of, s->to, s->held_from_ns - 1, s->group) >= early_ns &&
        thin_may_reach(f, &f->into, s->to, early_ns, s->first_ns - 1))
        return false;
    return thin_latest(&f->into, s->from, late_ns, s->group) <= s->held_until_ns ||
           !thin_may_reach(f, &f->out_of, s->from, s->last_ns + 1, late_ns);
}

static struct stretch stretch_begin(const struct btr_thin_event *e, uint32_t group)
{
    bool in = btr_operation_direction(e->operation) == BTR_FLOW_IN;
    return (struct stretch){.first_ns = e->first_ns,
                            .last_ns = e->last_ns,
                            .held_until_ns = e->last_ns,
                            .held_from_ns = e->first_ns,
                            .bytes = e->bytes,
                            .from = in ? e->object : e->subject,
                            .to = in ? e->subject : e->object,
                            .group = group};
}

/* Takes one more event in. @return false: it does not fit */
static bool stretch_extend(struct stretch *s, const struct btr_thin_event *e,
                           const struct thin_flows *flows)
{
    struct stretch wide = *s;
    if (e->bytes != BTR_BYTES_UNKNOWN) {
        if (e->bytes >= BTR_BYTES_UNKNOWN - s->bytes)
            return false;
        wide.bytes += e->bytes;
    }
    if (e->last_ns > wide.last_ns) {
        wide.last_ns = e->last_ns;
        wide.held_from_ns = e->first_ns;
    }
    if (!is_one(flows, &wide))
        return false;
    if (btr_operation_direction(e->operation) == BTR_FLOW_BOTH) {
        struct stretch back = wide;
        back.from = wide.to;
        back.to = wide.from;
        if (!is_one(flows, &back))
            return false;
    }
    *s = wide;
    return true;
}

/* One group. A condition that fails goes on failing as a stretch grows: the longest is the best. */
static void group_choose(const struct candidate *c, uint32_t count, const struct thin_flows *flows,
                         uint32_t *leader)
{
    uint32_t begin = 0, group = flows->group_of[c[0].place];
    struct stretch s = stretch_begin(&c[0].event, group);
    for (uint32_t i = 1; i < count; i++) {
        if (stretch_extend(&s, &c[i].event, flows)) {
            leader[c[i].place] = c[begin].place;
            continue;
        }
        begin = i;
        s = stretch_begin(&c[i].event, group);
    }
}

static uint32_t group_size(const struct candidate *c, uint32_t count)
{
    uint32_t n = 1;
    while (n < count && alike_compare(&c[0].event, &c[n].event) == 0)
        n++;
    return n;
}

static int choose(const struct btr_thin_set *set, struct candidate *c, struct thin_flows *flows,
                  uint32_t *leader, struct btr_err *err)
{
    uint32_t count = candidates_gather(set, c), group = 0;
    for (uint32_t i = 0, n; i < count; i += n, group++) {
        n = group_size(c + i, count - i);
        for (uint32_t k = i; k < i + n; k++)
            flows->group_of[c[k].place] = group;
    }
    if (!thin_flows_fill(flows, set))
        return out_of_memory(err);
    for (uint32_t i = 0, n; i < count; i += n) {
        n = group_size(c + i, count - i);
        group_choose(c + i, n, flows, leader);
    }
    return 0;
}

int btr_thin_choose(const struct btr_thin_set *set, uint32_t *leader, struct btr_err *err)
{
    struct thin_flows flows = {0};
    struct candidate *c = malloc(((size_t)set->own_count + 1) * sizeof(*c));
    for (uint32_t i = 0; i < set->own_count; i++)
        leader[i] = i;
    int rc = c && thin_flows_init(&flows, set) ? choose(set, c, &flows, leader, err)
                                               : out_of_memory(err);
    thin_flows_fini(&flows);
    free(c);
    return rc;
}
