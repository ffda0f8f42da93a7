/*
 * Closures over stores against closures over the same events in plain arrays: sampled entities and
 * times, backward and forward. Usage: closures SEED COUNT STORES...
 * Each of STORES is a store, or several with commas between them that are asked as one; all must
 * tell the same events, which are taken from the first. Prints counts; status 1 when one differs.
 */
#include "memory_edges.h"

#include <btr/trace.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STORES_MAX = 8, PATHS_MAX = 8, SOURCES_MAX = 64 };

struct source {
    uint64_t name; /* hash of host and source */
    uint32_t stream;
};

/** One of STORES: all of its events, and what its sources are called. */
struct told {
    struct btr_reader *reader;
    struct btr_event *events;
    uint32_t count, capacity, source_count;
    struct source sources[SOURCES_MAX];
};

struct closure {
    uint64_t nodes, steps, digest;
};

static struct btr_idmap kinds; /* of entities */

static uint8_t kind_of(struct btr_id id)
{
    uint32_t kind = btr_idmap_get(&kinds, id);
    return kind == UINT32_MAX ? BTR_KIND_NONE : (uint8_t)kind;
}

static void die(const char *what, const struct btr_err *err)
{
    (void)fprintf(stderr, "closures: %s%s%s\n", what, err ? ": " : "", err ? err->text : "");
    exit(2);
}

static int event_take(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    (void)ref;
    struct told *t = self;
    uint64_t name = btr_hash64_seeded(full->source, btr_hash64(full->host));
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 1 << 16 : t->capacity * 2;
        t->events = realloc(t->events, t->capacity * sizeof(*t->events));
        if (!t->events)
            die("out of memory", NULL);
    }
    t->events[t->count++] = full->event;
    for (uint32_t i = 0; i < t->source_count; i++)
        if (t->sources[i].name == name)
            return 0;
    if (t->source_count == SOURCES_MAX)
        die("too many sources", NULL);
    t->sources[t->source_count++] = (struct source){name, full->event.stream};
    return 0;
}

static int entity_take(void *self, const struct btr_entity *e)
{
    (void)self;
    return btr_idmap_add(&kinds, e->id, e->kind) == UINT32_MAX ? BTR_E_NOMEM : 0;
}

static void told_open(struct told *t, char *stores)
{
    struct btr_err err = {0};
    const char *paths[PATHS_MAX];
    uint32_t count = 0;
    for (char *path = stores; path && count < PATHS_MAX;) {
        char *comma = strchr(path, ',');
        paths[count++] = path;
        if (comma)
            *comma++ = 0;
        path = comma;
    }
    if (btr_reader_open(&t->reader, paths, count, &err) < 0 ||
        btr_reader_events(t->reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_take, t,
                          &err) < 0)
        die(paths[0], &err);
    if (t->count == 0)
        die("the store has no events", NULL);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15) + (a << 6) + (a >> 2))) *
                 UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 33;
}

static uint64_t id_mix(struct btr_id id)
{
    return mix(id.hi, id.lo);
}

/* A digest in which neither the order of steps nor their references count. */
static void closure_digest(const struct btr_trace *t, struct closure *out)
{
    *out = (struct closure){.nodes = t->node_count, .steps = t->step_count};
    for (uint32_t n = 0; n < t->node_count; n++) {
        const struct btr_trace_node *node = &t->nodes[n];
        out->digest += mix(id_mix(node->id), (uint64_t)node->bound_ns);
        for (uint32_t i = node->step_begin; i < node->step_begin + node->step_count; i++) {
            const struct btr_trace_step *s = &t->steps[i];
            uint64_t h = mix(id_mix(node->id), id_mix(t->nodes[s->other].id));
            h = mix(h, mix((uint64_t)s->first_ns, (uint64_t)s->last_ns));
            out->digest += mix(h, (uint64_t)s->flags << 32 | btr_step_kind(s));
        }
    }
}

static void closure_make(const struct btr_edges *edges, enum btr_walk_direction direction,
                         const struct btr_start *start, struct closure *out)
{
    struct btr_err err = {0};
    struct btr_trace *trace = NULL;
    if (btr_walk(&trace, edges, direction, start, 1, NULL, &err) < 0)
        die("walk", &err);
    closure_digest(trace, out);
    btr_trace_free(trace);
}

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* The stream of a store that is called as one of the first store's is. */
static uint32_t stream_of(const struct told *first, const struct told *t, uint32_t stream)
{
    for (uint32_t i = 0; i < first->source_count; i++)
        for (uint32_t k = 0; first->sources[i].stream == stream && k < t->source_count; k++)
            if (t->sources[k].name == first->sources[i].name)
                return t->sources[k].stream;
    die("a source is not in every store", NULL);
    return 0;
}

/* An end of some event, at its time or at that of another. */
static struct btr_start start_draw(const struct told *t, uint64_t *seed)
{
    const struct btr_event *e = &t->events[random_next(seed) % t->count];
    const struct btr_event *at =
        random_next(seed) % 2 ? e : &t->events[random_next(seed) % t->count];
    return (struct btr_start){random_next(seed) % 2 ? e->subject : e->object, at->last_ns,
                              at->stream};
}

/* @return stores whose closure differs */
static unsigned sample_check(struct told *told, unsigned stores, struct memory_edges *plain,
                             uint64_t *seed, struct closure *sum)
{
    struct btr_start start = start_draw(&told[0], seed);
    enum btr_walk_direction direction =
        random_next(seed) % 2 ? BTR_WALK_BACKWARD : BTR_WALK_FORWARD;
    struct btr_edges edges = memory_edges_of(plain);
    struct closure want, got;
    unsigned differing = 0;
    closure_make(&edges, direction, &start, &want);
    sum->nodes += want.nodes;
    sum->steps += want.steps;
    for (unsigned i = 0; i < stores; i++) {
        struct btr_start here = start;
        here.source = stream_of(&told[0], &told[i], start.source);
        edges = btr_edges_of_reader(told[i].reader);
        closure_make(&edges, direction, &here, &got);
        if (memcmp(&got, &want, sizeof(got)) == 0)
            continue;
        differing++;
        (void)fprintf(stderr,
                      "closures: store %u, %016" PRIx64 "%016" PRIx64 " at %" PRId64
                      ", %s: %" PRIu64 " nodes and %" PRIu64 " steps, not %" PRIu64 " and %" PRIu64
                      "\n",
                      i + 1, start.entity.hi, start.entity.lo, start.time_ns,
                      direction == BTR_WALK_BACKWARD ? "backward" : "forward", got.nodes, got.steps,
                      want.nodes, want.steps);
    }
    return differing;
}

int main(int argc, char **argv)
{
    static struct told told[STORES_MAX];
    struct btr_err err = {0};
    if (argc < 4 || argc - 3 > STORES_MAX)
        die("usage: closures SEED COUNT STORES...", NULL);
    uint64_t seed = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    unsigned stores = (unsigned)argc - 3;
    for (unsigned i = 0; i < stores; i++) {
        told_open(&told[i], argv[3 + i]);
        if (told[i].count != told[0].count)
            die("the stores have not as many events", NULL);
    }
    if (btr_reader_entities(told[0].reader, BTR_KIND_NONE, INT64_MIN, INT64_MAX, entity_take, NULL,
                            &err) < 0)
        die("entities", &err);
    struct memory_edges plain;
    memory_edges_init(&plain, told[0].events, told[0].count);
    plain.kind_of = kind_of;
    struct closure sum = {0};
    uint64_t differing = 0;
    for (uint64_t i = 0; i < count; i++)
        differing += sample_check(told, stores, &plain, &seed, &sum);
    printf("%" PRIu64 " closures of %u events in %u stores, %" PRIu64 " nodes and %" PRIu64
           " steps: %" PRIu64 " differ\n",
           count, told[0].count, stores, sum.nodes, sum.steps, differing);
    memory_edges_fini(&plain);
    for (unsigned i = 0; i < stores; i++) {
        btr_reader_close(told[i].reader);
        free(told[i].events);
    }
    btr_idmap_fini(&kinds);
    return differing > 0;
}
