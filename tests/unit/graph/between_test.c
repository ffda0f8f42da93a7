/* The part between two ends, against all walks from the one to the other, written down one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <btr/between.h>

#include "graph_tests.h"
#include "memory_edges.h"
#include "test_random.h"
#include "test_steps.h"

enum {
    GRAPHS = 1500,
    EVENTS = 9,
    NODES = 5,
    RENDEZVOUS = 1,
    FLOWS_MAX = 64,
    PAIRS_MAX = 16,
    ENDS_MAX = 2,
    USES = 2,        /* of a flow in one walk */
    LENGTH_MAX = 14, /* of a walk */
};

/* One way in which something may pass. */
struct flow {
    uint32_t from, to, source;
    int64_t first_ns, last_ns;
    uint32_t event, pair; /* one of them UINT32_MAX */
    bool marked;
};

struct world {
    struct btr_event events[EVENTS];
    uint32_t event_count;
    struct btr_id nodes[NODES + RENDEZVOUS];
    struct btr_pair pairs[PAIRS_MAX];
    uint32_t pair_count;
    struct flow flows[FLOWS_MAX];
    uint32_t flow_count;
    struct btr_start from[ENDS_MAX], to[ENDS_MAX];
    uint32_t from_count, to_count;
};

/* ---- A random world ---- */

static int64_t random_time(struct test_random *r)
{
    return INT64_C(1000000000) + (int64_t)test_random_below(r, 14) * (BTR_SOURCE_ERROR_NS / 4);
}

static struct btr_event random_event(struct world *w, struct test_random *r, uint32_t sources)
{
    static const uint8_t ANY[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_SEND,      BTR_OP_RECV,
                                  BTR_OP_FORK, BTR_OP_WRITE, BTR_OP_OPEN_BOTH, BTR_OP_PASS};
    struct btr_event e = {.first_ns = random_time(r)};
    e.last_ns = e.first_ns;
    if (test_random_below(r, 3) == 0)
        e.last_ns += (int64_t)test_random_below(r, 8) * (BTR_SOURCE_ERROR_NS / 4);
    e.subject = w->nodes[test_random_below(r, NODES)];
    e.object = w->nodes[test_random_below(r, NODES)];
    e.stream = (uint32_t)test_random_below(r, sources);
    e.operation = ANY[test_random_below(r, sizeof ANY)];
    if (test_random_below(r, 6) == 0) {
        e.operation = (uint8_t)(test_random_below(r, 2) ? BTR_OP_MEET_CLIENT : BTR_OP_MEET_SERVER);
        e.object = w->nodes[NODES];
    }
    return e;
}

static uint32_t random_ends(struct btr_start *ends, struct world *w, struct test_random *r,
                            uint32_t sources)
{
    uint32_t count = 1 + (test_random_below(r, 5) == 0);
    for (uint32_t i = 0; i < count; i++)
        ends[i] = (struct btr_start){
            w->nodes[test_random_below(r, NODES)], random_time(r),
            test_random_below(r, 4) ? (uint32_t)test_random_below(r, sources) : UINT32_MAX};
    return count;
}

static void random_world(struct world *w, struct test_random *r)
{
    uint32_t sources = 1 + (uint32_t)test_random_below(r, 3);
    *w = (struct world){.event_count = 3 + (uint32_t)test_random_below(r, EVENTS - 2)};
    for (uint32_t i = 0; i < NODES + RENDEZVOUS; i++)
        w->nodes[i] = (struct btr_id){i + 1, test_random_next(r)};
    for (uint32_t i = 0; i < w->event_count; i++)
        w->events[i] = random_event(w, r, sources);
    w->from_count = random_ends(w->from, w, r, sources);
    w->to_count = random_ends(w->to, w, r, sources);
    for (uint32_t i = 0; i < w->from_count; i++) /* so that many have a path */
        w->from[i].time_ns -= 4 * (BTR_SOURCE_ERROR_NS / 4);
    for (uint32_t i = 0; i < w->to_count; i++)
        w->to[i].time_ns += 4 * (BTR_SOURCE_ERROR_NS / 4);
}

/* ---- Its flows ---- */

static uint32_t node_of(const struct world *w, struct btr_id id)
{
    uint32_t n = 0;
    while (!btr_id_equal(w->nodes[n], id))
        n++;
    return n;
}

static void flow_add(struct world *w, struct btr_id from, struct btr_id to, struct flow flow)
{
    assert_true(w->flow_count < FLOWS_MAX);
    flow.from = node_of(w, from);
    flow.to = node_of(w, to);
    w->flows[w->flow_count++] = flow;
}

static void flows_make(struct world *w, const struct btr_edges *edges)
{
    struct btr_pair *pairs = NULL;
    assert_int_equal(btr_pair_rendezvous(edges, w->nodes[NODES], &pairs, &w->pair_count, NULL), 0);
    assert_true(w->pair_count <= PAIRS_MAX);
    for (uint32_t i = 0; i < w->pair_count; i++) {
        struct flow f = {.source = UINT32_MAX,
                         .first_ns = pairs[i].first_ns,
                         .last_ns = INT64_MAX / 2,
                         .event = UINT32_MAX,
                         .pair = i};
        w->pairs[i] = pairs[i];
        flow_add(w, pairs[i].client, pairs[i].server, f);
        flow_add(w, pairs[i].server, pairs[i].client, f);
    }
    free(pairs);
    for (uint32_t i = 0; i < w->event_count; i++) {
        const struct btr_event *e = &w->events[i];
        enum btr_direction d = btr_operation_direction(e->operation);
        struct flow f = {.source = e->stream,
                         .first_ns = e->first_ns,
                         .last_ns = e->last_ns,
                         .event = i,
                         .pair = UINT32_MAX};
        if (d == BTR_FLOW_OUT || d == BTR_FLOW_BOTH)
            flow_add(w, e->subject, e->object, f);
        if (d == BTR_FLOW_IN || (d == BTR_FLOW_BOTH && !btr_id_equal(e->subject, e->object)))
            flow_add(w, e->object, e->subject, f);
    }
}

/* ---- All walks ---- */

/* What stands on a walk: flows, and its two ends. */
struct mark {
    int64_t first_ns, last_ns;
    uint32_t source;
    bool end; /* of no source that is told, it is not a pair all the same */
};

struct walk {
    struct mark marks[LENGTH_MAX + 3];
    uint32_t flows[LENGTH_MAX];
    uint32_t count; /* of flows; marks have the beginning before them */
    uint8_t uses[FLOWS_MAX];
};

/* Of two, the first has begun when the second ends, within the error where another source comes in.
 */
static bool in_order(const struct mark *marks, uint32_t i, uint32_t j)
{
    bool one = true;
    for (uint32_t k = i; k <= j; k++) {
        bool pair = marks[k].source == UINT32_MAX && !marks[k].end;
        if (pair && k > i && k < j)
            continue; /* it hands on what it got */
        one = one && marks[k].source != UINT32_MAX && marks[k].source == marks[i].source;
    }
    return marks[i].first_ns <= marks[j].last_ns + (one ? 0 : BTR_SOURCE_ERROR_NS);
}

static bool all_in_order(const struct mark *marks, uint32_t count)
{
    for (uint32_t j = 1; j < count; j++)
        for (uint32_t i = 0; i < j; i++)
            if (!in_order(marks, i, j))
                return false;
    return true;
}

static struct mark mark_of(const struct flow *f)
{
    return (struct mark){f->first_ns, f->last_ns, f->source, false};
}

/* A flow of an entity with itself lies on a walk through that, when it could be put in. */
static void selves_mark(struct world *w, const struct walk *walk, uint32_t node, uint32_t at)
{
    struct mark marks[LENGTH_MAX + 3];
    uint32_t count = walk->count + 2;
    for (uint32_t i = 0; i < w->flow_count; i++) {
        if (w->flows[i].from != node || w->flows[i].to != node)
            continue;
        memcpy(marks, walk->marks, (at + 1) * sizeof *marks);
        marks[at + 1] = mark_of(&w->flows[i]);
        memcpy(marks + at + 2, walk->marks + at + 1, (count - at - 1) * sizeof *marks);
        w->flows[i].marked |= all_in_order(marks, count + 1);
    }
}

static void end_try(struct world *w, struct walk *walk, const struct btr_start *to, uint32_t begin)
{
    walk->marks[walk->count + 1] = (struct mark){INT64_MIN, to->time_ns, to->source, true};
    if (!all_in_order(walk->marks, walk->count + 2))
        return;
    for (uint32_t i = 0; i < walk->count; i++)
        w->flows[walk->flows[i]].marked = true;
    selves_mark(w, walk, begin, 0);
    for (uint32_t i = 0; i < walk->count; i++)
        selves_mark(w, walk, w->flows[walk->flows[i]].to, i + 1);
}

static void walks_go(struct world *w, struct walk *walk, uint32_t begin, uint32_t node)
{
    for (uint32_t i = 0; i < w->to_count; i++)
        if (node_of(w, w->to[i].entity) == node)
            end_try(w, walk, &w->to[i], begin);
    for (uint32_t i = 0; i < w->flow_count && walk->count < LENGTH_MAX; i++) {
        const struct flow *f = &w->flows[i];
        if (f->from != node || f->to == node || walk->uses[i] == USES)
            continue;
        walk->flows[walk->count++] = i;
        walk->marks[walk->count] = mark_of(f);
        walk->uses[i]++;
        if (all_in_order(walk->marks, walk->count + 1))
            walks_go(w, walk, begin, f->to);
        walk->uses[i]--;
        walk->count--;
    }
}

static void walks_mark(struct world *w)
{
    for (uint32_t i = 0; i < w->from_count; i++) {
        struct walk walk = {0};
        uint32_t node = node_of(w, w->from[i].entity);
        walk.marks[0] = (struct mark){w->from[i].time_ns, INT64_MAX / 2, w->from[i].source, true};
        walks_go(w, &walk, node, node);
    }
}

/* ---- Both ---- */

static bool same_pair(const struct btr_pair *a, const struct btr_pair *b)
{
    return btr_id_equal(a->client, b->client) && btr_id_equal(a->server, b->server) &&
           a->client_ref == b->client_ref && a->server_ref == b->server_ref;
}

static bool is_told(const struct world *w, const struct btr_trace *t, const struct flow *f)
{
    for (uint32_t n = 0; n < t->node_count; n++)
        for (uint32_t i = 0; i < t->nodes[n].step_count; i++) {
            struct test_step s = test_step_of(t, n, i);
            bool pair = btr_step_is_pair(s.step);
            if (btr_id_equal(t->nodes[s.from].id, w->nodes[f->from]) &&
                btr_id_equal(t->nodes[s.to].id, w->nodes[f->to]) &&
                pair == (f->pair != UINT32_MAX) &&
                (pair ? same_pair(&t->pairs[s.step->ref - BTR_REF_PAIR], &w->pairs[f->pair])
                      : s.step->ref == f->event))
                return true;
        }
    return false;
}

static bool is_needed(const struct world *w, const struct btr_trace *t, struct btr_id id)
{
    for (uint32_t n = 0; n < t->node_count; n++)
        for (uint32_t i = 0; i < t->nodes[n].step_count; i++) {
            struct test_step s = test_step_of(t, n, i);
            if (btr_id_equal(t->nodes[s.from].id, id) || btr_id_equal(t->nodes[s.to].id, id))
                return true;
        }
    for (uint32_t i = 0; i < ENDS_MAX; i++)
        if ((i < w->from_count && btr_id_equal(w->from[i].entity, id)) ||
            (i < w->to_count && btr_id_equal(w->to[i].entity, id)))
            return true;
    return false;
}

static struct btr_between ends_of(const struct world *w)
{
    return (struct btr_between){w->from, w->to, w->from_count, w->to_count};
}

/* @return how many flows lie between */
static uint32_t world_check(struct world *w, struct test_random *r)
{
    struct memory_edges m;
    struct btr_trace *t = NULL;
    uint32_t marked = 0;
    memory_edges_init(&m, w->events, w->event_count);
    if (test_random_below(r, 2))
        memory_edges_part(&m, 1 + (uint32_t)test_random_below(r, 4), test_random_next(r) % 4);
    struct btr_edges edges = memory_edges_of(&m);
    struct btr_between ends = ends_of(w);
    flows_make(w, &edges);
    walks_mark(w);
    assert_int_equal(btr_between(&t, NULL, &edges, &ends, NULL, NULL), 0);
    for (uint32_t i = 0; i < w->flow_count; i++) {
        assert_int_equal(is_told(w, t, &w->flows[i]), w->flows[i].marked);
        marked += w->flows[i].marked;
    }
    assert_int_equal(t->step_count, marked);
    for (uint32_t n = 0; n < t->node_count; n++)
        assert_true(is_needed(w, t, t->nodes[n].id));
    for (uint32_t i = 0; i < t->step_count; i++)
        assert_true(t->steps[i].manner < t->manner_count && t->steps[i].other < t->node_count);
    assert_int_equal(t->cut, BTR_CUT_NONE);
    btr_trace_free(t);
    memory_edges_fini(&m);
    return marked;
}

static void the_part_between_is_what_all_walks_pass(void **state)
{
    (void)state;
    struct test_random r = {11};
    uint32_t with_path = 0;
    for (int i = 0; i < GRAPHS; i++) {
        static struct world w;
        random_world(&w, &r);
        with_path += world_check(&w, &r) > 0;
    }
    assert_in_range(with_path, GRAPHS / 4, GRAPHS - GRAPHS / 8);
}

/* ---- By hand ---- */

static struct btr_event tell(struct btr_id from, struct btr_id to, int64_t first_ms,
                             int64_t last_ms)
{
    return (struct btr_event){.subject = from,
                              .object = to,
                              .operation = BTR_OP_WRITE,
                              .first_ns = first_ms * 1000000,
                              .last_ns = last_ms * 1000000,
                              .flags = first_ms < last_ms ? BTR_EVENT_INTERVAL : 0};
}

enum { A, B, C, D };
static const struct btr_id IDS[] = {{1, 1}, {1, 2}, {1, 3}, {1, 4}};

static struct btr_trace *between(struct btr_event *events, uint32_t count, int64_t from_ms,
                                 int64_t to_ms, const struct btr_walk_limits *limits)
{
    struct memory_edges m;
    struct btr_trace *t = NULL;
    struct btr_start from = {IDS[A], from_ms * 1000000, 0}, to = {IDS[B], to_ms * 1000000, 0};
    struct btr_between ends = {&from, &to, 1, 1};
    struct btr_between_searched searched = {0};
    memory_edges_init(&m, events, count);
    struct btr_edges edges = memory_edges_of(&m);
    assert_int_equal(btr_between(&t, &searched, &edges, &ends, limits, NULL), 0);
    assert_true(searched.node_count >= 1);
    memory_edges_fini(&m);
    return t;
}

/* C -> D lasts from 100 to 900: A reaches C at 500, and what D has by 400 reaches B. Each closure
 * has it, and no moment serves both. */
static void an_interval_in_both_closures_is_no_path(void **state)
{
    struct btr_event events[] = {tell(IDS[A], IDS[C], 500, 500), tell(IDS[C], IDS[D], 100, 900),
                                 tell(IDS[D], IDS[B], 400, 400)};
    struct btr_trace *t = between(events, 3, 0, 1000, NULL);
    (void)state;
    assert_int_equal(t->step_count, 0);
    assert_int_equal(t->node_count, 2);
    btr_trace_free(t);
    events[2] = tell(IDS[D], IDS[B], 600, 600);
    t = between(events, 3, 0, 1000, NULL);
    assert_int_equal(t->step_count, 3);
    btr_trace_free(t);
}

static void what_is_before_the_one_or_after_the_other_is_no_path(void **state)
{
    struct btr_event events[] = {tell(IDS[A], IDS[C], 200, 200), tell(IDS[C], IDS[B], 300, 300)};
    (void)state;
    const struct {
        int64_t from_ms, to_ms;
        uint32_t steps;
    } rows[] = {{0, 1000, 2}, {200, 300, 2}, {201, 1000, 0}, {0, 299, 0}, {1000, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct btr_trace *t = between(events, 2, rows[i].from_ms, rows[i].to_ms, NULL);
        assert_int_equal(t->step_count, rows[i].steps);
        assert_int_equal(t->node_count, rows[i].steps ? 3 : 2);
        assert_true(t->nodes[0].start && btr_id_equal(t->nodes[0].id, IDS[B]));
        btr_trace_free(t);
    }
}

/* Of a cut part, each step is one of the whole. */
static void a_cut_part_says_so(void **state)
{
    struct btr_event events[] = {tell(IDS[A], IDS[C], 200, 200), tell(IDS[C], IDS[D], 250, 250),
                                 tell(IDS[D], IDS[B], 300, 300)};
    struct btr_walk_limits limits = {.edge_max = 2};
    struct btr_trace *t = between(events, 3, 0, 1000, &limits);
    (void)state;
    assert_int_equal(t->cut, BTR_CUT_EDGES);
    assert_int_equal(t->step_count, 0);
    assert_true(t->unexplored > 0);
    btr_trace_free(t);
}

int between_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_part_between_is_what_all_walks_pass),
        cmocka_unit_test(an_interval_in_both_closures_is_no_path),
        cmocka_unit_test(what_is_before_the_one_or_after_the_other_is_no_path),
        cmocka_unit_test(a_cut_part_says_so),
    };
    return cmocka_run_group_tests_name("between", tests, NULL, NULL);
}
