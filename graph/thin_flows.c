#include "thin_flows.h"

#include <stdlib.h>

bool thin_flows_init(struct thin_flows *f, const struct btr_thin_set *set)
{
    *f = (struct thin_flows){0};
    f->group_of = malloc(((size_t)set->event_count + 1) * sizeof(*f->group_of));
    for (uint32_t i = 0; f->group_of && i < set->event_count; i++)
        f->group_of[i] = THIN_NO_GROUP;
    return f->group_of != NULL;
}

void thin_flows_fini(struct thin_flows *f)
{
    free(f->group_of);
    free(f->into.flows);
    free(f->into.begins);
    free(f->out_of.flows);
    free(f->out_of.begins);
    free(f->open);
    *f = (struct thin_flows){0};
}

/* Whether an event flows into an end of it (or out of it): what meets, or is an event of an entity
 * with itself, does both, to be on the safe side. */
static bool is_at(const struct btr_thin_event *e, bool subject, bool into)
{
    switch (btr_operation_direction(e->operation)) {
    case BTR_FLOW_IN:
        return subject == into;
    case BTR_FLOW_OUT:
        return subject != into;
    case BTR_FLOW_BOTH:
    case BTR_FLOW_MEET:
        return true;
    case BTR_FLOW_NONE:
    default:
        return false;
    }
}

struct end {
    int64_t first_ns, last_ns;
    uint32_t entity, group, other;
};

static int end_compare(const void *a, const void *b)
{
    const struct end *x = a, *y = b;
    if (x->entity != y->entity)
        return x->entity < y->entity ? -1 : 1;
    return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

/* What is known of an entity's flows once one more has begun. */
static struct thin_flow flow_behind(const struct thin_flow *before, const struct end *e)
{
    if (!before)
        return (struct thin_flow){e->first_ns, e->last_ns, e->last_ns,
                                  INT64_MIN,   e->group,   e->other};
    struct thin_flow f = *before;
    f.first_ns = e->first_ns;
    f.last_ns = e->last_ns;
    f.other = e->other;
    if (e->group == f.latest_group) {
        f.latest_ns = e->last_ns > f.latest_ns ? e->last_ns : f.latest_ns;
    } else if (e->last_ns > f.latest_ns) {
        f.other_ns = f.latest_ns;
        f.latest_ns = e->last_ns;
        f.latest_group = e->group;
    } else if (e->last_ns > f.other_ns) {
        f.other_ns = e->last_ns;
    }
    return f;
}

static bool side_fill(struct thin_side *side, const struct thin_flows *f,
                      const struct btr_thin_set *set, bool into)
{
    uint32_t count = 0, entity = 0;
    struct end *ends = malloc((2 * (size_t)set->event_count + 1) * sizeof(*ends));
    side->begins = malloc(((size_t)set->entity_count + 1) * sizeof(*side->begins));
    for (uint32_t i = 0; ends && i < set->event_count; i++) {
        const struct btr_thin_event *e = &set->events[i];
        if (is_at(e, true, into))
            ends[count++] =
                (struct end){e->first_ns, e->last_ns, e->subject, f->group_of[i], e->object};
        if (is_at(e, false, into))
            ends[count++] =
                (struct end){e->first_ns, e->last_ns, e->object, f->group_of[i], e->subject};
    }
    side->flows = ends && side->begins ? malloc(((size_t)count + 1) * sizeof(*side->flows)) : NULL;
    if (side->flows) {
        qsort(ends, count, sizeof(*ends), end_compare);
        for (uint32_t i = 0; i < count; i++) {
            bool is_first = i == 0 || ends[i - 1].entity != ends[i].entity;
            while (entity <= ends[i].entity)
                side->begins[entity++] = i;
            side->flows[i] = flow_behind(is_first ? NULL : &side->flows[i - 1], &ends[i]);
        }
        while (entity <= set->entity_count)
            side->begins[entity++] = count;
    }
    free(ends);
    return side->flows != NULL;
}

/* @return false when out of memory */
static bool open_fill(struct thin_flows *f, const struct btr_thin_set *set)
{
    enum { NONE = UINT32_MAX };
    uint32_t *source = malloc(((size_t)set->entity_count + 1) * sizeof(*source));
    f->open = malloc((size_t)set->entity_count + 1);
    for (uint32_t i = 0; source && f->open && i < set->entity_count; i++) {
        source[i] = NONE;
        f->open[i] = set->half[i];
    }
    for (uint32_t i = 0; source && f->open && i < set->event_count; i++) {
        const struct btr_thin_event *e = &set->events[i];
        const uint32_t ends[] = {e->subject, e->object};
        for (unsigned k = 0; k < 2; k++) {
            uint32_t *told = &source[ends[k]];
            f->open[ends[k]] = f->open[ends[k]] || (*told != NONE && *told != e->source);
            *told = e->source;
        }
    }
    free(source);
    return source && f->open;
}

bool thin_flows_fill(struct thin_flows *f, const struct btr_thin_set *set)
{
    return side_fill(&f->into, f, set, true) && side_fill(&f->out_of, f, set, false) &&
           open_fill(f, set);
}

/* Where the flows of an entity end that begin until a time. */
static uint32_t flows_until(const struct thin_side *side, uint32_t entity, int64_t until_ns)
{
    uint32_t low = side->begins[entity], high = side->begins[entity + 1];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (side->flows[middle].first_ns <= until_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t thin_latest(const struct thin_side *side, uint32_t entity, int64_t until_ns, uint32_t group)
{
    uint32_t end = flows_until(side, entity, until_ns);
    if (end == side->begins[entity])
        return INT64_MIN;
    const struct thin_flow *f = &side->flows[end - 1];
    return group != THIN_NO_GROUP && f->latest_group == group ? f->other_ns : f->latest_ns;
}

enum { DEPTH = 8, LOOKS = 2000 };

/* Recursion is bounded by `depth`. */
static bool may_reach(const struct thin_flows *f, const struct thin_side *side, uint32_t entity,
                      const int64_t window_ns[2], unsigned depth, unsigned *looks)
{
    if (f->open[entity] || depth == 0)
        return true;
    for (uint32_t i = flows_until(side, entity, window_ns[1]);
         i > side->begins[entity] && side->flows[i - 1].latest_ns >= window_ns[0]; i--) {
        const struct thin_flow *flow = &side->flows[i - 1];
        if (*looks == 0)
            return true;
        --*looks;
        if (flow->last_ns >= window_ns[0] && flow->other != entity &&
            may_reach(f, side, flow->other, window_ns, depth - 1, looks))
            return true;
    }
    return false;
}

bool thin_may_reach(const struct thin_flows *f, const struct thin_side *side, uint32_t entity,
                    int64_t since_ns, int64_t until_ns)
{
    unsigned looks = LOOKS;
    return may_reach(f, side, entity, (const int64_t[]){since_ns, until_ns}, DEPTH, &looks);
}
