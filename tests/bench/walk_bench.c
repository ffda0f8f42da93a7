/*
 * How fast a closure of a million events settles, over edges in memory: the walk alone, without a
 * store. Prints one line a round. Usage: walk_bench [events]
 */
#include "memory_edges.h"

#include <btr/clock.h>
#include <btr/trace.h>

enum { EVENTS_DEFAULT = 1000000, ROUNDS = 3 };

struct shape {
    const char *name;
    uint32_t entities_per_1000; /* entities for 1,000 events */
    uint32_t hub_percent;       /* events on one of a few entities that everybody uses */
    uint32_t sources;
};

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static struct btr_id entity(uint64_t kind, uint64_t number)
{
    uint64_t seed = kind << 56 | number;
    return (struct btr_id){random_next(&seed), random_next(&seed)};
}

/* Reads and writes in turn, so that most of what happened before the start leads to it. */
static void make_events(struct btr_event *events, uint32_t event_count, const struct shape *shape,
                        uint64_t *seed)
{
    uint32_t processes = event_count / 2000 * shape->entities_per_1000 + 1;
    uint32_t files = processes;
    for (uint32_t i = 0; i < event_count; i++) {
        bool hub = random_next(seed) % 100 < shape->hub_percent;
        uint64_t process = random_next(seed) % processes;
        events[i] = (struct btr_event){
            .subject = entity(1, process),
            .object = hub ? entity(3, random_next(seed) % 4) : entity(2, random_next(seed) % files),
            .first_ns = (int64_t)i * 1000,
            .last_ns = (int64_t)i * 1000 + (i % 7 == 0 ? 500000 : 0),
            .stream = (uint32_t)(process % shape->sources),
            .operation = random_next(seed) % 2 ? BTR_OP_READ : BTR_OP_WRITE};
    }
}

static uint8_t no_flows(struct btr_id id)
{
    (void)id;
    return BTR_KIND_FILE;
}

static void tell(const struct shape *shape, enum btr_walk_direction direction,
                 const struct btr_trace *trace, struct memory_edges *m, int64_t took_ns)
{
    uint64_t *settled = &m->asked[direction == BTR_WALK_BACKWARD ? BTR_SIDE_INTO : BTR_SIDE_OUT_OF];
    printf("case=%s direction=%s events=%u steps=%llu nodes=%u settled=%llu ms=%.1f "
           "steps_per_s=%.0f\n",
           shape->name, direction == BTR_WALK_BACKWARD ? "backward" : "forward", m->event_count,
           (unsigned long long)trace->step_count, trace->node_count, (unsigned long long)*settled,
           (double)took_ns / 1e6, (double)trace->step_count * 1e9 / (double)took_ns);
    *settled = 0;
}

static int measure(const struct shape *shape, uint32_t event_count,
                   enum btr_walk_direction direction)
{
    uint64_t seed = 1;
    struct btr_event *events = malloc(event_count * sizeof(*events));
    if (!events)
        return 1;
    make_events(events, event_count, shape, &seed);
    struct memory_edges m;
    memory_edges_init(&m, events, event_count);
    m.kind_of = no_flows;
    struct btr_edges edges = memory_edges_of(&m);
    bool backward = direction == BTR_WALK_BACKWARD;
    struct btr_start start = {entity(1, 0), backward ? INT64_MAX / 2 : 0, 0};
    int rc = 0;
    for (int i = 0; rc == 0 && i < ROUNDS; i++) {
        struct btr_trace *trace = NULL;
        struct btr_err err;
        int64_t begin_ns = btr_monotonic_ns();
        rc = btr_walk(&trace, &edges, direction, &start, 1, NULL, &err);
        int64_t took_ns = btr_monotonic_ns() - begin_ns;
        if (rc < 0)
            fprintf(stderr, "walk_bench: %s\n", err.text);
        else
            tell(shape, direction, trace, &m, took_ns);
        btr_trace_free(trace);
    }
    memory_edges_fini(&m);
    free(events);
    return rc < 0;
}

int main(int argc, char **argv)
{
    static const struct shape shapes[] = {
        {"one_host", 100, 5, 1},
        {"hubs", 100, 50, 1},
        {"few_entities", 4, 5, 1},
        {"ten_sources", 100, 5, 10},
    };
    unsigned long event_count = argc > 1 ? strtoul(argv[1], NULL, 10) : EVENTS_DEFAULT;
    if (event_count < 2000 || event_count > UINT32_MAX / 4) {
        fputs("usage: walk_bench [events, at least 2000]\n", stderr);
        return 2;
    }
    int failed = 0;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        failed |= measure(&shapes[i], (uint32_t)event_count, BTR_WALK_BACKWARD);
        failed |= measure(&shapes[i], (uint32_t)event_count, BTR_WALK_FORWARD);
    }
    return failed;
}
