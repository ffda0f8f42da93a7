/*
 * Closures over stores against closures over the same events in plain arrays (plain_closure.h):
 * sampled entities and times, backward and forward. Usage: closures SEED COUNT HOW:STORES... Each
 * of STORES is a store, or several with commas between them that are asked as one. The events are
 * taken from the first. HOW says what must be equal: `all` nodes, bounds and steps, of as many
 * events; `nodes` nodes and bounds alone, of a store that lost events which no closure needs;
 * `thinned` nodes, and which pairs of nodes have a step of an operation and doubt: bounds may lie
 * elsewhere in a gap in which nothing happened, and one event stands for many.
 * Prints counts; status 1 when a closure differs.
 */
#include "memory_edges.h"
#include "plain_closure.h"
#include "test_random.h"

#include <btr/trace.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STORES_MAX = 12, PATHS_MAX = 8, DIFFERENCES_SAID = 20 };

struct source {
    uint64_t name; /* hash of host and source */
    uint32_t stream;
};

/** One of STORES, and what its sources are called. */
struct told {
    const char *name;
    char how; /* of HOW the first letter */
    struct btr_reader *reader;
    uint32_t event_count, source_count;
    struct source sources[PLAIN_SOURCES_MAX];
    uint64_t differing;
};

/** All events of the first store; `stream` is the index of a source in it. */
struct events {
    struct told *of;
    struct btr_event *items;
    uint32_t count, capacity;
    struct btr_idmap rendezvous;
};

/* Digests in which no order counts, and no references. */
struct closure {
    uint64_t nodes, steps, node_digest, step_digest;
    uint64_t id_digest, kind_digest;
    struct btr_idmap kinds; /* of steps: each counts once */
};

static void die(const char *what, const struct btr_err *err)
{
    (void)fprintf(stderr, "closures: %s%s%s\n", what, err ? ": " : "", err ? err->text : "");
    exit(2);
}

/* ---- What stores tell ----------------------------------------------------------------------- */

/* @return the index of a source */
static uint32_t source_add(struct told *t, const struct btr_event_full *full)
{
    uint64_t name = btr_hash64_seeded(full->source, btr_hash64(full->host));
    for (uint32_t i = 0; i < t->source_count; i++)
        if (t->sources[i].name == name)
            return i;
    if (t->source_count == PLAIN_SOURCES_MAX)
        die("too many sources", NULL);
    t->sources[t->source_count] = (struct source){name, full->event.stream};
    return t->source_count++;
}

static int event_count(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    (void)ref;
    struct told *t = self;
    t->event_count++;
    source_add(t, full);
    return 0;
}

static int event_take(void *self, btr_event_ref ref, const struct btr_event_full *full)
{
    (void)ref;
    struct events *all = self;
    if (all->count == all->capacity) {
        all->capacity = all->capacity == 0 ? 1 << 16 : all->capacity * 2;
        all->items = realloc(all->items, all->capacity * sizeof(*all->items));
        if (!all->items)
            die("out of memory", NULL);
    }
    struct btr_event *e = &all->items[all->count++];
    *e = full->event;
    e->stream = source_add(all->of, full);
    if (btr_operation_direction(e->operation) == BTR_FLOW_MEET &&
        btr_idmap_add(&all->rendezvous, e->object, all->rendezvous.count) == UINT32_MAX)
        die("out of memory", NULL);
    return 0;
}

static void told_open(struct told *t, char *argument)
{
    struct btr_err err = {0};
    const char *paths[PATHS_MAX];
    uint32_t count = 0;
    char *path = strchr(argument, ':');
    if (!path || (strncmp(argument, "all:", 4) != 0 && strncmp(argument, "nodes:", 6) != 0 &&
                  strncmp(argument, "thinned:", 8) != 0))
        die(argument, &(struct btr_err){.text = "begins not with all:, nodes: or thinned:"});
    t->how = argument[0];
    t->name = argument;
    for (path++; path && count < PATHS_MAX;) {
        char *comma = strchr(path, ',');
        paths[count++] = path;
        if (comma)
            *comma++ = 0;
        path = comma;
    }
    if (btr_reader_open(&t->reader, paths, count, &err) < 0 ||
        btr_reader_events(t->reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_count, t,
                          &err) < 0)
        die(paths[0], &err);
    if (t->event_count == 0)
        die("the store has no events", NULL);
}

static void events_take(struct events *all, struct told *of)
{
    struct btr_err err = {0};
    all->of = of;
    if (btr_reader_events(of->reader, INT64_MIN, INT64_MAX, (struct btr_span){0}, event_take, all,
                          &err) < 0)
        die("events", &err);
}

/* ---- Plain arrays --------------------------------------------------------------------------- */

static void pairs_add(struct btr_pair **all, uint32_t *all_count, const struct btr_edges *edges,
                      struct btr_id rendezvous)
{
    struct btr_err err = {0};
    struct btr_pair *pairs = NULL;
    uint32_t count = 0;
    if (btr_pair_rendezvous(edges, rendezvous, &pairs, &count, &err) < 0)
        die("pairs", &err);
    struct btr_pair *grown = realloc(*all, (*all_count + (size_t)count + 1) * sizeof(*grown));
    if (!grown)
        die("out of memory", NULL);
    if (count > 0)
        memcpy(grown + *all_count, pairs, count * sizeof(*pairs));
    *all = grown;
    *all_count += count;
    free(pairs);
}

/* Which connect belongs to which accept is taken from the plain events, too. */
static void plain_make(struct plain_graph *plain, const struct events *all)
{
    struct memory_edges meetings;
    struct btr_pair *pairs = NULL;
    uint32_t pair_count = 0;
    memory_edges_init(&meetings, all->items, all->count);
    struct btr_edges edges = memory_edges_of(&meetings);
    for (uint32_t i = 0; i < all->rendezvous.capacity; i++)
        if (all->rendezvous.values[i] != UINT32_MAX)
            pairs_add(&pairs, &pair_count, &edges, all->rendezvous.keys[i]);
    plain_graph_init(plain, all->items, all->count, all->of->source_count, pairs, pair_count);
    memory_edges_fini(&meetings);
    free(pairs);
}

/* ---- Digests -------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15) + (a << 6) + (a >> 2))) *
                 UINT64_C(0xff51afd7ed558ccd);
    return h ^ h >> 33;
}

static void node_digest(void *self, struct btr_id id, int64_t bound_ns)
{
    struct closure *out = self;
    out->nodes++;
    out->node_digest += mix(mix(id.hi, id.lo), (uint64_t)bound_ns);
    out->id_digest += mix(id.hi, id.lo);
}

/* An id is a hash: half of it tells two nodes of a step apart. */
static void step_digest(struct closure *out, struct btr_id near, struct btr_id far, int64_t first,
                        int64_t last, uint64_t what)
{
    uint64_t h = mix(mix(near.lo, far.hi), mix((uint64_t)first, (uint64_t)last));
    out->steps++;
    out->step_digest += mix(h, what);
    what &= ~(uint64_t)((BTR_EVENT_THINNED | BTR_EVENT_ENDS) << 1); /* which thinning changes */
    struct btr_id kind = {mix(mix(near.hi, far.lo), what), mix(mix(near.lo, far.hi), what)};
    if (btr_idmap_get(&out->kinds, kind) != UINT32_MAX)
        return;
    if (btr_idmap_add(&out->kinds, kind, 0) == UINT32_MAX)
        die("out of memory", NULL);
    out->kind_digest += kind.hi;
}

static void plain_step(void *self, struct btr_id near, struct btr_id far,
                       const struct plain_flow *f, int64_t last_ns)
{
    uint64_t what = (uint64_t)f->operation << 17 | (uint64_t)f->doubt << 9 |
                    (uint64_t)f->flags << 1 | (f->source == PLAIN_NO_SOURCE);
    step_digest(self, near, far, f->first_ns, last_ns, what);
}

static void walk_digest(const struct btr_trace *t, struct closure *out)
{
    for (uint32_t n = 0; n < t->node_count; n++) {
        const struct btr_trace_node *node = &t->nodes[n];
        node_digest(out, node->id, node->bound_ns);
        for (uint32_t i = node->step_begin; i < node->step_begin + node->step_count; i++) {
            const struct btr_trace_step *s = &t->steps[i];
            const struct btr_manner *m = btr_step_manner(t, s);
            uint64_t what = (uint64_t)m->operation << 17 | (uint64_t)m->doubt << 9 |
                            (uint64_t)m->flags << 1 | m->pair;
            step_digest(out, node->id, t->nodes[s->other].id, s->first_ns, s->last_ns, what);
        }
    }
}

/* ---- Samples -------------------------------------------------------------------------------- */

/* The stream of a store that is called as one of the first store's is. */
static uint32_t stream_of(const struct told *first, uint32_t source, const struct told *t)
{
    for (uint32_t k = 0; k < t->source_count; k++)
        if (t->sources[k].name == first->sources[source].name)
            return t->sources[k].stream;
    die("a source is not in every store", NULL);
    return 0;
}

/* Any entity that an event mentions, or an end of some event, at the time of that or of another
 * event. Its source is an index. */
static struct btr_start start_draw(const struct events *all, const struct plain_graph *plain,
                                   struct test_random *random)
{
    const struct btr_event *e = &all->items[test_random_below(random, all->count)];
    const struct btr_event *at =
        test_random_below(random, 2) ? e : &all->items[test_random_below(random, all->count)];
    struct btr_id entity = test_random_below(random, 2) ? e->subject : e->object;
    if (test_random_below(random, 2))
        entity = plain->ids[test_random_below(random, plain->node_count)];
    return (struct btr_start){entity, at->last_ns, at->stream};
}

static bool is_same(const struct told *t, const struct closure *got, const struct closure *want)
{
    if (got->nodes != want->nodes || got->id_digest != want->id_digest)
        return false;
    if (t->how == 't')
        return got->kind_digest == want->kind_digest;
    return got->node_digest == want->node_digest &&
           (t->how == 'n' || (got->steps == want->steps && got->step_digest == want->step_digest));
}

static void store_check(struct told *t, enum btr_walk_direction direction,
                        const struct btr_start *start, const struct closure *want)
{
    struct btr_err err = {0};
    struct btr_trace *trace = NULL;
    struct btr_edges edges = btr_edges_of_reader(t->reader);
    struct closure got = {0};
    if (btr_walk(&trace, &edges, direction, start, 1, NULL, &err) < 0)
        die("walk", &err);
    walk_digest(trace, &got);
    btr_trace_free(trace);
    btr_idmap_fini(&got.kinds);
    if (is_same(t, &got, want) || t->differing++ >= DIFFERENCES_SAID)
        return;
    (void)fprintf(stderr,
                  "closures: %s, %016" PRIx64 "%016" PRIx64 " at %" PRId64 ", %s: %" PRIu64
                  " nodes and %" PRIu64 " steps, not %" PRIu64 " and %" PRIu64 "\n",
                  t->name, start->entity.hi, start->entity.lo, start->time_ns,
                  direction == BTR_WALK_BACKWARD ? "backward" : "forward", got.nodes, got.steps,
                  want->nodes, want->steps);
}

static void sample_check(struct told *told, unsigned stores, struct plain_graph *plain,
                         const struct events *all, struct test_random *random, struct closure *sum)
{
    struct btr_start start = start_draw(all, plain, random);
    enum btr_walk_direction direction =
        test_random_below(random, 2) ? BTR_WALK_BACKWARD : BTR_WALK_FORWARD;
    struct closure want = {0};
    plain_closure(plain, direction, &start,
                  &(struct plain_visitor){&want, node_digest, plain_step});
    sum->nodes += want.nodes;
    sum->steps += want.steps;
    for (unsigned i = 0; i < stores; i++) {
        struct btr_start here = start;
        here.source = stream_of(&told[0], start.source, &told[i]);
        store_check(&told[i], direction, &here, &want);
    }
    btr_idmap_fini(&want.kinds);
}

int main(int argc, char **argv)
{
    static struct told told[STORES_MAX];
    if (argc < 4 || argc - 3 > STORES_MAX)
        die("usage: closures SEED COUNT HOW:STORES...", NULL);
    struct test_random random = {strtoull(argv[1], NULL, 10)};
    uint64_t count = strtoull(argv[2], NULL, 10), differing = 0;
    unsigned stores = (unsigned)argc - 3;
    for (unsigned i = 0; i < stores; i++) {
        told_open(&told[i], argv[3 + i]);
        if (told[i].how == 'a' && told[i].event_count != told[0].event_count)
            die(told[i].name, &(struct btr_err){.text = "has not as many events as the first"});
    }
    struct events all = {0};
    struct plain_graph plain;
    struct closure sum = {0};
    events_take(&all, &told[0]);
    plain_make(&plain, &all);
    for (uint64_t i = 0; i < count; i++)
        sample_check(told, stores, &plain, &all, &random, &sum);
    for (unsigned i = 0; i < stores; i++)
        differing += told[i].differing;
    printf("%" PRIu64 " closures of %u events in %u stores, %" PRIu64 " nodes and %" PRIu64
           " steps: %" PRIu64 " differ\n",
           count, all.count, stores, sum.nodes, sum.steps, differing);
    plain_graph_fini(&plain);
    btr_idmap_fini(&all.rendezvous);
    free(all.items);
    for (unsigned i = 0; i < stores; i++)
        btr_reader_close(told[i].reader);
    return differing > 0;
}
