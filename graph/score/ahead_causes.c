#include <btr/list.h>
#include <stdlib.h>

#include "score/ahead.h"
#include "score/critical_since.h"

/*
 * How surely one flow came of another is asked from the effect's side, as in the walk backward: of
 * what flowed into its beginning before, the more the later, among those that tell at least as
 * much.
 */

/* Until when a flow may have been caused by something of a source. */
static int64_t until(const struct ahead_flow *effect, int64_t at_ns, uint32_t source)
{
    return source == effect->source ? at_ns : graph_time_later(at_ns);
}

static uint8_t kind_of(const struct ahead *a, uint32_t place)
{
    return a->c.places[place].fact.kind;
}

static bool passes_on(const struct ahead *a, uint32_t place)
{
    return kind_of(a, place) == BTR_KIND_FLOW || kind_of(a, place) == BTR_KIND_CHANNEL;
}

/* What a process reads of a connection is what the other end sent; and a file that it has just
 * written brings it nothing. */
static bool turns_back(const struct ahead *a, const struct ahead_flow *effect, uint32_t far)
{
    const struct btr_fact *f = &a->c.places[effect->from].fact;
    const struct btr_fact *sender = &a->c.places[far].fact;
    bool loopback = f->source != 0 && f->source == f->destination;
    return (far == effect->to && !passes_on(a, far)) ||
           (f->kind == BTR_KIND_FLOW && !loopback && sender->kind == BTR_KIND_PROCESS &&
            sender->host != 0 && sender->host == a->c.places[effect->to].fact.host);
}

/* The first in a list behind all that count until a time. */
static uint32_t causes_end(const struct ahead *a, const struct ahead_place *p, int64_t until_ns)
{
    uint32_t low = 0, high = p->into_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (a->flows[p->into[middle]].key_ns <= until_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* However usual a message, it may be the one that mattered: with `even` all tell the same. */
static double told(const struct ahead *a, const struct ahead_flow *f, bool even)
{
    return even && passes_on(a, f->from) ? 1 : f->weight;
}

/* What may have caused an effect until a time, the latest first; of what answers a connection, what
 * came from there stands among the others. */
static int candidates_find(struct ahead *a, const struct ahead_flow *effect, int64_t at_ns,
                           bool even)
{
    const struct ahead_place *p = ahead_group(a, effect->from);
    struct critical_candidates *found = &a->candidates;
    struct critical_since all = {0}, living = {0};
    uint32_t stamp = ++a->stamp, turn = 0;
    found->count = 0;
    found->best = found->sum = 0;
    for (uint32_t i = causes_end(a, p, graph_time_later(at_ns)); i-- > 0;) {
        const struct ahead_flow *f = &a->flows[p->into[i]];
        bool live;
        if (a->places[f->from].stamp == stamp || f->first_ns > until(effect, at_ns, f->source) ||
            turns_back(a, effect, f->from))
            continue;
        a->places[f->from].stamp = stamp;
        int rc = ahead_is_live(a, f->from, &live);
        if (rc < 0)
            return rc;
        live = live && f->operation != BTR_OP_ACCESS;
        double tells = told(a, f, even);
        double weight = tells * critical_fade(live ? &living : &all, tells);
        critical_since_add(&all, tells);
        if (!live)
            continue;
        critical_since_add(&living, tells);
        found->best = weight > found->best ? weight : found->best;
        found->sum += weight;
        if (weight >= AHEAD_LEAST * found->best &&
            !critical_candidate_add(found, p->into[i], true, weight))
            return BTR_E_NOMEM;
        if (++turn % 16 == 0 && critical_fade_best(&living) < AHEAD_LEAST * found->best)
            break;
    }
    return 0;
}

/* What a server sends to a connection that it received from is the answer to that, not to what came
 * in the others that it took: these tell little. */
static void others_discount(struct ahead *a, const struct ahead_flow *effect)
{
    struct critical_candidates *found = &a->candidates;
    bool answers = false;
    if (kind_of(a, effect->to) != BTR_KIND_FLOW)
        return;
    for (uint32_t i = 0; i < found->count && !answers; i++)
        answers = a->flows[found->items[i].flow].from == effect->to;
    for (uint32_t i = 0; answers && i < found->count; i++) {
        uint32_t far = a->flows[found->items[i].flow].from;
        if (kind_of(a, far) == BTR_KIND_FLOW && a->places[far].taker == effect->from + 1)
            found->items[i].weight *= CRITICAL_USUAL;
    }
}

static bool link_add(struct ahead *a, uint32_t cause, uint32_t effect, double weight)
{
    if (!btr_list_room(&a->links, a->link_count, &a->link_capacity, 4096, sizeof *a->links))
        return false;
    a->links[a->link_count] = (struct ahead_link){effect, a->flows[cause].effects, (float)weight};
    a->flows[cause].effects = a->link_count++;
    return true;
}

/* Of a thing that several wrote it is less sure whose was read. */
static double scale_of(const struct ahead *a, uint32_t place)
{
    const struct critical_candidates *found = &a->candidates;
    if (found->best <= 0 || a->c.places[place].fact.kind == BTR_KIND_PROCESS)
        return found->best;
    return found->best * pow(found->sum / found->best, CRITICAL_SHARED);
}

/* Of what a program always reads and writes little is an effect: it would have happened anyway. */
static double unusual(const struct ahead *a, const struct ahead_flow *effect)
{
    if (effect->operation == BTR_OP_ACCEPT) /* the other side's doing */
        return 0;
    if (kind_of(a, effect->from) == BTR_KIND_FILE)
        return pow(effect->weight, AHEAD_READ);
    if (kind_of(a, effect->from) != BTR_KIND_PROCESS || kind_of(a, effect->to) != BTR_KIND_FILE)
        return 1;
    double tells = critical_weight(&a->c, effect->to, effect->from, effect->last_ns);
    return pow(tells, AHEAD_WRITTEN);
}

static int causes_link(struct ahead *a, uint32_t flow, int64_t at_ns, bool even)
{
    const struct ahead_flow effect = a->flows[flow];
    const struct critical_candidates *found = &a->candidates;
    double most = unusual(a, &effect);
    int rc = most >= AHEAD_LEAST ? candidates_find(a, &effect, at_ns, even) : 0;
    double scale = rc == 0 && most >= AHEAD_LEAST ? scale_of(a, effect.from) : 0;
    if (scale > 0)
        others_discount(a, &effect);
    for (uint32_t i = 0; rc == 0 && scale > 0 && i < found->count; i++) {
        double weight = found->items[i].weight / scale * most;
        if (weight >= AHEAD_LEAST && a->flows[found->items[i].flow].from != effect.to &&
            !link_add(a, found->items[i].flow, flow, weight))
            rc = BTR_E_NOMEM;
    }
    return rc == BTR_E_NOMEM
               ? btr_fail(a->c.err, rc, UINT64_MAX, "causes of %u events", a->flow_count)
               : rc;
}

/* What went on for a while may have begun for one reason and ended for another. Of the messages
 * that a server had in hand, the usual and the last count alike. */
int ahead_causes_find(struct ahead *a, uint32_t flow)
{
    int64_t first_ns = a->flows[flow].first_ns, last_ns = a->flows[flow].last_ns;
    bool lasts = a->flows[flow].key_ns == first_ns && first_ns < last_ns;
    int rc = 0;
    for (int even = 0; rc == 0 && even < 2; even++) {
        rc = causes_link(a, flow, last_ns, even);
        if (rc == 0 && lasts)
            rc = causes_link(a, flow, first_ns, even);
    }
    return rc;
}
