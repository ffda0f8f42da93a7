/* Thinning against the plain oracle: every entity, every time, every source, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <btr/thinning.h>

#include "graph_tests.h"
#include "memory_edges.h"
#include "oracle.h"
#include "test_random.h"

enum { GRAPHS = 300, EVENTS = 40, NODES = 7, PAIRS_MAX = 256 };

static const int64_t TICK_NS = BTR_SOURCE_ERROR_NS / 4, BEGIN_NS = 1000000000;

struct graph {
    struct btr_event events[EVENTS], thinned[EVENTS];
    uint32_t event_count, thinned_count, node_count, source_count, span;
    struct btr_id nodes[NODES + 1]; /* the last is a rendezvous */
    struct btr_thin_event set_events[EVENTS];
    bool half[NODES + 1];
    uint32_t leader[EVENTS];
    uint32_t image[EVENTS]; /* event -> what stands for it among the thinned */
};

static uint32_t below(struct test_random *r, uint32_t n)
{
    return (uint32_t)test_random_below(r, n);
}

static uint32_t node_of(const struct graph *g, struct btr_id id)
{
    uint32_t n = 0;
    while (!btr_id_equal(g->nodes[n], id))
        n++;
    return n;
}

/* A few ends and operations, so that many events are alike; each entity is mostly of one source. */
static struct btr_event random_event(const struct graph *g, struct test_random *r)
{
    static const uint8_t operations[] = {BTR_OP_READ, BTR_OP_READ,      BTR_OP_WRITE,
                                         BTR_OP_SEND, BTR_OP_OPEN_BOTH, BTR_OP_FORK};
    uint32_t subject = below(r, g->node_count), object = below(r, g->node_count);
    struct btr_event e = {.first_ns = BEGIN_NS + TICK_NS * below(r, g->span),
                          .bytes = below(r, 4),
                          .operation = operations[below(r, sizeof(operations))],
                          .stream =
                              (below(r, 5) ? subject + object : below(r, 8)) % g->source_count};
    e.last_ns = e.first_ns + (below(r, 3) ? 0 : TICK_NS * below(r, 8));
    e.subject = g->nodes[subject];
    e.object = g->nodes[object];
    if (below(r, 25) == 0) {
        e.operation = below(r, 2) ? BTR_OP_MEET_CLIENT : BTR_OP_MEET_SERVER;
        e.object = g->nodes[NODES];
        e.bytes = BTR_BYTES_UNKNOWN;
    }
    return e;
}

static void random_graph(struct graph *g, struct test_random *r)
{
    g->node_count = 2 + below(r, NODES - 1);
    g->event_count = below(r, EVENTS + 1);
    g->source_count = 1 + below(r, 3);
    g->span = 6 + below(r, 60);
    for (uint32_t i = 0; i <= NODES; i++)
        g->nodes[i] = (struct btr_id){i, test_random_next(r)};
    for (uint32_t i = 0; i < g->event_count; i++) {
        g->events[i] = random_event(g, r);
        if (i > 0 && below(r, 2)) { /* one like another */
            struct btr_event like = g->events[below(r, i)];
            like.first_ns = g->events[i].first_ns;
            like.last_ns = g->events[i].last_ns;
            g->events[i] = like;
        }
    }
}

static struct btr_thin_set set_of(struct graph *g)
{
    memset(g->half, 0, sizeof(g->half));
    for (uint32_t i = 0; i < g->event_count; i++) {
        const struct btr_event *e = &g->events[i];
        uint32_t subject = node_of(g, e->subject);
        if (btr_operation_direction(e->operation) == BTR_FLOW_MEET)
            g->half[subject] = true;
        g->set_events[i] = (struct btr_thin_event){.first_ns = e->first_ns,
                                                   .last_ns = e->last_ns,
                                                   .bytes = e->bytes,
                                                   .subject = subject,
                                                   .object = node_of(g, e->object),
                                                   .source = e->stream,
                                                   .stream = e->stream,
                                                   .operation = e->operation};
    }
    return (struct btr_thin_set){g->set_events, g->half, g->event_count, g->event_count, NODES + 1};
}

static void thin(struct graph *g)
{
    g->thinned_count = 0;
    for (uint32_t i = 0; i < g->event_count; i++)
        if (g->leader[i] == i) {
            g->image[i] = g->thinned_count;
            g->thinned[g->thinned_count++] = g->events[i];
        }
    for (uint32_t i = 0; i < g->event_count; i++) {
        struct btr_event *t = &g->thinned[g->image[g->leader[i]]];
        g->image[i] = g->image[g->leader[i]];
        assert_true(t->first_ns <= g->events[i].first_ns);
        t->last_ns = t->last_ns > g->events[i].last_ns ? t->last_ns : g->events[i].last_ns;
    }
}

struct pairs {
    struct btr_pair items[PAIRS_MAX];
    uint32_t count;
};

static void pair_all(struct pairs *p, const struct btr_event *events, uint32_t count,
                     struct btr_id rendezvous)
{
    struct memory_edges m;
    struct btr_pair *items = NULL;
    memory_edges_init(&m, events, count);
    struct btr_edges edges = memory_edges_of(&m);
    assert_int_equal(btr_pair_rendezvous(&edges, rendezvous, &items, &p->count, NULL), 0);
    assert_true(p->count <= PAIRS_MAX);
    for (uint32_t i = 0; i < p->count; i++)
        p->items[i] = items[i];
    free(items);
    memory_edges_fini(&m);
}

/* Steps as bits: by event of the thinned, or by pair, and by the node that it leads to. */
static void steps_mark(const struct oracle *o, const struct graph *g, const uint32_t *image,
                       bool marks[2 * EVENTS + PAIRS_MAX])
{
    for (uint32_t i = 0; i < o->step_count; i++) {
        const struct oracle_step *s = &o->steps[i];
        if (s->ref == BTR_REF_PAIR) {
            marks[2 * EVENTS + s->pair] = true;
            continue;
        }
        uint32_t event = image ? image[s->ref] : (uint32_t)s->ref;
        marks[2 * event + btr_id_equal(s->to, g->thinned[event].object)] = true;
    }
}

/* @return whether both closures have the same nodes, and (unless only these are asked for) steps */
static bool is_same(const struct graph *g, const struct pairs pairs[2], struct btr_start start,
                    enum btr_walk_direction direction, bool nodes_only)
{
    static struct oracle o[2];
    bool marks[2][2 * EVENTS + PAIRS_MAX] = {0};
    oracle_closure(&o[0], g->events, g->event_count, pairs[0].items, pairs[0].count, direction,
                   &start, 1);
    oracle_closure(&o[1], g->thinned, g->thinned_count, pairs[1].items, pairs[1].count, direction,
                   &start, 1);
    bool reached[2][NODES + 1] = {0};
    for (int k = 0; k < 2; k++) {
        for (uint32_t i = 0; i < o[k].node_count; i++)
            reached[k][node_of(g, o[k].ids[i])] = o[k].reached[i];
        steps_mark(&o[k], g, k == 0 ? g->image : NULL, marks[k]);
    }
    return memcmp(reached[0], reached[1], sizeof(reached[0])) == 0 &&
           (nodes_only || memcmp(marks[0], marks[1], sizeof(marks[0])) == 0);
}

/* Every entity, every time and half a tick beside it, every source and none, both ways. */
static bool is_same_everywhere(const struct graph *g, bool nodes_only)
{
    static struct pairs pairs[2];
    pair_all(&pairs[0], g->events, g->event_count, g->nodes[NODES]);
    pair_all(&pairs[1], g->thinned, g->thinned_count, g->nodes[NODES]);
    for (uint32_t n = 0; n < g->node_count; n++)
        for (int64_t t = 0; t < 2 * ((int64_t)g->span + 12); t++)
            for (uint32_t s = 0; s <= g->source_count; s++) {
                struct btr_start start = {g->nodes[n], BEGIN_NS + (t - 8) * TICK_NS / 2,
                                          s < g->source_count ? s : UINT32_MAX};
                if (!is_same(g, pairs, start, BTR_WALK_BACKWARD, nodes_only) ||
                    !is_same(g, pairs, start, BTR_WALK_FORWARD, nodes_only))
                    return false;
            }
    return true;
}

static uint32_t choose(struct graph *g)
{
    struct btr_thin_set set = set_of(g);
    assert_int_equal(btr_thin_choose(&set, g->leader, NULL), 0);
    thin(g);
    return g->event_count - g->thinned_count;
}

static struct btr_thin_proof prove(struct graph *g)
{
    struct btr_thin_set set = {g->set_events, g->half, g->event_count, g->event_count, NODES + 1};
    struct btr_thin_proof proof;
    assert_int_equal(btr_thin_prove(&set, g->leader, &proof, NULL), 0);
    return proof;
}

static void no_closure_can_tell_thinned_events_from_all(void **state)
{
    (void)state;
    struct test_random r = {1};
    uint32_t gone = 0, told = 0;
    for (uint32_t i = 0; i < GRAPHS; i++) {
        static struct graph g;
        random_graph(&g, &r);
        told += g.event_count;
        uint32_t fewer = choose(&g);
        gone += fewer;
        if (fewer > 0) {
            assert_true(is_same_everywhere(&g, false));
            assert_true(prove(&g).equal);
        }
    }
    assert_true(gone > told / 40);
}

/* Two alike events that the rule leaves apart, made one. @return false: there are none */
static bool plant(struct graph *g)
{
    for (uint32_t i = 0; i < g->event_count; i++)
        for (uint32_t k = 0; k < g->event_count; k++) {
            const struct btr_thin_event *a = &g->set_events[i], *b = &g->set_events[k];
            bool alike = a->subject == b->subject && a->object == b->object &&
                         a->operation == b->operation && a->stream == b->stream &&
                         (a->bytes == BTR_BYTES_UNKNOWN) == (b->bytes == BTR_BYTES_UNKNOWN);
            if (!alike || a->first_ns >= b->first_ns || g->leader[i] == g->leader[k] ||
                btr_operation_direction(a->operation) == BTR_FLOW_MEET)
                continue;
            for (uint32_t m = 0; m < g->event_count; m++)
                g->leader[m] = m;
            g->leader[k] = i;
            thin(g);
            return true;
        }
    return false;
}

/* What is alike but must not become one does change a closure, often enough to be seen. */
static void events_that_must_not_become_one_are_told_apart(void **state)
{
    (void)state;
    struct test_random r = {2};
    uint32_t planted = 0, seen = 0;
    for (uint32_t i = 0; i < GRAPHS / 3; i++) {
        static struct graph g;
        random_graph(&g, &r);
        (void)choose(&g);
        if (!plant(&g))
            continue;
        planted++;
        seen += !is_same_everywhere(&g, false);
    }
    assert_true(planted > 20 && seen > planted / 4);
}

/* Where the proof says that a closure differs, it does. */
static void assert_differs(const struct graph *g, const struct btr_thin_proof *proof)
{
    static const struct pairs none[2];
    static struct oracle o[2];
    bool reached[2] = {false, false};
    struct btr_start start = {g->nodes[proof->entity], proof->time_ns, 0};
    enum btr_walk_direction direction = proof->forward ? BTR_WALK_FORWARD : BTR_WALK_BACKWARD;
    oracle_closure(&o[0], g->events, g->event_count, none[0].items, 0, direction, &start, 1);
    oracle_closure(&o[1], g->thinned, g->thinned_count, none[1].items, 0, direction, &start, 1);
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < o[k].node_count; i++)
            if (btr_id_equal(o[k].ids[i], g->nodes[proof->other]))
                reached[k] = o[k].reached[i];
    assert_true(!reached[0] && reached[1]);
}

/* Within one source the proof is that of the oracle's closures, as to their entities. */
static void the_proof_finds_what_the_oracle_finds(void **state)
{
    (void)state;
    struct test_random r = {3};
    uint32_t planted = 0, seen = 0;
    for (uint32_t i = 0; i < GRAPHS; i++) {
        static struct graph g;
        random_graph(&g, &r);
        for (uint32_t k = 0; k < g.event_count; k++) {
            g.events[k].stream = 0;
            if (btr_operation_direction(g.events[k].operation) == BTR_FLOW_MEET)
                g.events[k].operation = BTR_OP_EXIT;
        }
        (void)choose(&g);
        if (!plant(&g))
            continue;
        struct btr_thin_proof proof = prove(&g);
        planted++;
        seen += !proof.equal;
        assert_int_equal(proof.equal, is_same_everywhere(&g, true));
        assert_true(proof.equal || (proof.entity < NODES && proof.other < NODES));
        if (!proof.equal)
            assert_differs(&g, &proof);
    }
    assert_true(planted > 50 && seen > 10 && seen < planted);
}

static struct btr_thin_event event(uint32_t subject, uint8_t operation, uint32_t object,
                                   int64_t at_ns)
{
    return (struct btr_thin_event){.first_ns = at_ns,
                                   .last_ns = at_ns,
                                   .subject = subject,
                                   .object = object,
                                   .bytes = 1,
                                   .operation = operation};
}

/* Four reads of a file, with something in the middle. @return events that go */
static uint32_t gone_around(struct btr_thin_event middle)
{
    static const bool half[4] = {false, false, false, true};
    struct btr_thin_event events[5] = {event(0, BTR_OP_READ, 1, 100), event(0, BTR_OP_READ, 1, 200),
                                       event(0, BTR_OP_READ, 1, 300), event(0, BTR_OP_READ, 1, 400),
                                       middle};
    struct btr_thin_set set = {events, half, 5, 4, 4};
    uint32_t leader[4], gone = 0;
    assert_int_equal(btr_thin_choose(&set, leader, NULL), 0);
    for (uint32_t i = 0; i < 4; i++)
        gone += leader[i] != i;
    return gone;
}

static void reads_become_one_unless_something_flows_in_between(void **state)
{
    (void)state;
    assert_int_equal(gone_around(event(2, BTR_OP_READ, 1, 250)), 3);  /* another reader */
    assert_int_equal(gone_around(event(0, BTR_OP_READ, 2, 250)), 3);  /* of something else, too */
    assert_int_equal(gone_around(event(2, BTR_OP_WRITE, 1, 250)), 2); /* the file changes */
    assert_int_equal(gone_around(event(0, BTR_OP_WRITE, 2, 250)), 2); /* the reader writes */
    assert_int_equal(gone_around(event(2, BTR_OP_WRITE, 1, 450)), 3); /* later */
    struct btr_thin_event other = event(2, BTR_OP_WRITE, 1, 450);
    other.source = 1; /* by another clock, within the error of each */
    assert_int_equal(gone_around(other), 0);
    other.first_ns = other.last_ns = 401 + BTR_SOURCE_ERROR_NS;
    assert_int_equal(gone_around(other), 3);
}

static void what_must_stay_stays(void **state)
{
    (void)state;
    bool half[3] = {false, false, true};
    struct btr_thin_event events[2];
    struct btr_thin_set set = {events, half, 2, 2, 3};
    uint32_t leader[2];
    static const struct {
        uint8_t operation, flags;
        uint32_t object;
        uint64_t bytes;
        bool fixed, one;
    } rows[] = {{BTR_OP_READ, 0, 1, 1, false, true},
                {BTR_OP_READ, 0, 2, 1, false, false}, /* half of a connection */
                {BTR_OP_READ, 0, 1, 1, true, false},
                {BTR_OP_READ, BTR_EVENT_FAILED, 1, 1, false, false},
                {BTR_OP_READ, 0, 1, BTR_BYTES_UNKNOWN - 1, false, false}, /* no sum */
                {BTR_OP_READ, 0, 1, BTR_BYTES_UNKNOWN, false, true},
                {BTR_OP_EXEC, 0, 1, 1, false, false},
                {BTR_OP_DELETE, 0, 1, 1, false, false},
                {BTR_OP_OPEN_BOTH, 0, 1, 1, false, true},
                {BTR_OP_READ, 0, 0, 1, false, false}}; /* with itself */
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        for (int k = 0; k < 2; k++) {
            events[k] = event(0, rows[i].operation, rows[i].object, 100 + k);
            events[k].flags = rows[i].flags;
            events[k].bytes = rows[i].bytes;
            events[k].fixed = rows[i].fixed;
        }
        assert_int_equal(btr_thin_choose(&set, leader, NULL), 0);
        assert_int_equal(leader[0], 0);
        assert_int_equal(leader[1], rows[i].one ? 0 : 1);
    }
    for (int k = 0; k < 2; k++)
        events[k] = event(0, BTR_OP_READ, 1, 100 + k);
    events[1].flags = BTR_EVENT_ENDS; /* one of them came to the end of the file */
    assert_int_equal(btr_thin_choose(&set, leader, NULL), 0);
    assert_int_equal(leader[1], 0);
}

int thin_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_closure_can_tell_thinned_events_from_all),
        cmocka_unit_test(events_that_must_not_become_one_are_told_apart),
        cmocka_unit_test(the_proof_finds_what_the_oracle_finds),
        cmocka_unit_test(reads_become_one_unless_something_flows_in_between),
        cmocka_unit_test(what_must_stay_stays),
    };
    return cmocka_run_group_tests_name("thin", tests, NULL, NULL);
}
