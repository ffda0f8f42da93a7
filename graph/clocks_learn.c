/* From what was noted to clocks: from the first start's host on, each host beside the one of those
 * already known with which it shares most. */
#include <stdlib.h>

#include "clocks.h"

struct learning {
    struct btr_clocks *c;
    struct clocks_verdict *verdicts; /* by pair */
    bool *asked;
    struct btr_err *err;
};

/* The end of a pair that is not known, when the other is. */
static uint32_t unknown_end(const struct btr_clocks *c, uint32_t pair)
{
    const struct clocks_pair *p = &c->pairs[pair];
    bool known[2] = {c->host[p->host[0]].known, c->host[p->host[1]].known};
    return known[0] == known[1] ? UINT32_MAX : p->host[known[0] ? 1 : 0];
}

/* Names decide among pairs that say as much. */
static bool is_better(const struct learning *l, uint32_t pair, uint32_t than)
{
    const struct clocks_verdict *a = &l->verdicts[pair], *b = &l->verdicts[than];
    bool sure = a->fits || a->measured, sure_than = b->fits || b->measured;
    if (sure != sure_than)
        return sure;
    if (a->pair_count != b->pair_count)
        return a->pair_count > b->pair_count;
    const struct clocks_host *h = l->c->host;
    const uint32_t *x = l->c->pairs[pair].host, *y = l->c->pairs[than].host;
    int order = btr_span_compare(h[x[0]].name, h[y[0]].name);
    return order ? order < 0 : btr_span_compare(h[x[1]].name, h[y[1]].name) < 0;
}

static int best_find(struct learning *l, uint32_t *best)
{
    *best = UINT32_MAX;
    for (uint32_t i = 0; i < l->c->pair_count; i++) {
        if (unknown_end(l->c, i) == UINT32_MAX)
            continue;
        if (!l->asked[i]) {
            int rc = clocks_measure(l->c, i, &l->verdicts[i], l->err);
            if (rc < 0)
                return rc;
            l->asked[i] = true;
        }
        if (*best == UINT32_MAX || is_better(l, i, *best))
            *best = i;
    }
    return 0;
}

/* What most of the known have: most clocks are right. Of equally many, the least. */
static int64_t most_have(const struct btr_clocks *c)
{
    uint32_t most = 0;
    int64_t out_ns = 0;
    for (uint32_t i = 0; i < c->host_count; i++) {
        int64_t ns = c->host[i].ahead_ns;
        uint32_t same = 0;
        if (!c->host[i].known)
            continue;
        for (uint32_t k = 0; k < c->host_count; k++)
            same += c->host[k].known && c->host[k].ahead_ns == ns;
        bool nearer = llabs(ns) != llabs(out_ns) ? llabs(ns) < llabs(out_ns) : ns < out_ns;
        if (same > most || (same == most && nearer)) {
            most = same;
            out_ns = ns;
        }
    }
    return out_ns;
}

/* A verdict tells what is beyond the offsets that the walk went by. Where nothing fits, a clock is
 * as most are. */
static void host_set(struct btr_clocks *c, uint32_t pair, const struct clocks_verdict *v)
{
    uint32_t host = unknown_end(c, pair), first = c->pairs[pair].host[0];
    uint32_t beside = host == first ? c->pairs[pair].host[1] : first;
    int64_t more_ns = host == first ? -v->ahead_ns : v->ahead_ns;
    struct clocks_host *h = &c->host[host], *by = &c->host[beside];
    h->ahead_ns = v->pair_count ? by->ahead_ns + h->used_ns - by->used_ns + more_ns : most_have(c);
    h->error_ns = v->error_ns;
    h->pair_count = v->pair_count;
    h->beside = beside;
    h->measured = v->measured;
    h->known = true;
}

static void assumed_set(struct btr_clocks *c)
{
    c->assumed_ns = c->least_ns = c->most_ns = most_have(c);
    for (uint32_t i = 0; i < c->host_count; i++) {
        int64_t ns = c->host[i].ahead_ns;
        if (!c->host[i].known)
            continue;
        c->least_ns = ns < c->least_ns ? ns : c->least_ns;
        c->most_ns = ns > c->most_ns ? ns : c->most_ns;
    }
}

/* Of a walk that begins with a connection no host is the first: then it is the least by name. */
static void first_choose(struct btr_clocks *c)
{
    for (uint32_t i = 0; i < c->pair_count && c->first_host == UINT32_MAX; i++) {
        uint32_t first = c->pairs[i].host[0];
        for (uint32_t k = 1; k < c->pair_count; k++) {
            uint32_t host = c->pairs[k].host[0];
            first = btr_span_compare(c->host[host].name, c->host[first].name) < 0 ? host : first;
        }
        c->first_host = first;
        c->host[first].known = true;
    }
}

static int all_learn(struct learning *l)
{
    uint32_t best;
    int rc;
    first_choose(l->c);
    do {
        rc = best_find(l, &best);
        if (rc == 0 && best != UINT32_MAX)
            host_set(l->c, best, &l->verdicts[best]);
    } while (rc == 0 && best != UINT32_MAX);
    return rc;
}

int btr_clocks_learn(struct btr_clocks *c, bool *learnt, struct btr_err *err)
{
    struct learning l = {c, calloc(c->pair_count + (size_t)1, sizeof *l.verdicts),
                         calloc(c->pair_count + (size_t)1, sizeof *l.asked), err};
    bool made = l.verdicts && l.asked;
    for (uint32_t i = 0; i < c->host_count; i++)
        c->host[i].used_ns = clocks_host_ahead(c, i);
    c->used_ns = c->assumed_ns;
    int rc = made ? all_learn(&l) : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "clocks of hosts");
    *learnt = false;
    if (rc == 0) {
        assumed_set(c);
        clocks_starts_set(c);
        for (uint32_t i = 0; i < c->host_count; i++)
            *learnt = *learnt || clocks_host_ahead(c, i) != c->host[i].used_ns;
    }
    free(l.verdicts);
    free(l.asked);
    return rc;
}

void btr_clocks_unlearn(struct btr_clocks *c)
{
    for (uint32_t i = 0; i < c->host_count; i++)
        c->host[i].ahead_ns = c->host[i].used_ns;
    c->assumed_ns = c->used_ns;
    clocks_starts_set(c);
}

static int clock_compare(const void *x, const void *y)
{
    return btr_span_compare(((const struct btr_clock *)x)->host,
                            ((const struct btr_clock *)y)->host);
}

int btr_clocks_list(struct btr_clocks *c, const struct btr_clock **list, uint32_t *count,
                    struct btr_err *err)
{
    free(c->list);
    c->list = malloc((c->host_count + (size_t)1) * sizeof *c->list);
    if (!c->list)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "clocks of hosts");
    *count = 0;
    for (uint32_t i = 0; i < c->host_count; i++) {
        const struct clocks_host *h = &c->host[i];
        if (h->known)
            c->list[(*count)++] = (struct btr_clock){
                h->name,
                h->ahead_ns,
                h->error_ns,
                h->pair_count,
                h->beside == UINT32_MAX ? (struct btr_span){0} : c->host[h->beside].name,
                h->measured};
    }
    if (*count > 1)
        qsort(c->list, *count, sizeof *c->list, clock_compare);
    *list = c->list;
    return 0;
}
