/* Clocks of hosts: what is measured from random connections, and walks over hosts whose clocks are
 * wrong, which must answer as over hosts whose clocks are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "clocks.h"
#include "clocks_peak.h"
#include "memory_edges.h"
#include "oracle.h"
#include "test_random.h"
#include "test_steps.h"

static const int64_t MS = 1000000, SECOND = 1000000000, BEGIN = INT64_C(1795424315000000000);

/* ---- Heaps of differences -------------------------------------------------------------------- */

enum { CONNECTIONS_MAX = 200 };

struct sample {
    int64_t connects[CONNECTIONS_MAX];
    struct clocks_accept accepts[CONNECTIONS_MAX];
    struct clocks_series series;
};

static int compare_times(const void *x, const void *y)
{
    const int64_t *a = x, *b = y; /* of accepts, the first member */
    return (*a > *b) - (*a < *b);
}

static void sample_sort(struct sample *s)
{
    s->series.connects = s->connects;
    s->series.accepts = s->accepts;
    qsort(s->connects, s->series.connect_count, sizeof *s->connects, compare_times);
    qsort(s->accepts, s->series.accept_count, sizeof *s->accepts, compare_times);
}

/* Times in steps of 4 ms, as Linux audit has them; a queue is short as a rule, and at times long.
 */
static void connection_add(struct sample *s, struct test_random *r, int64_t at_ns, int64_t later_ns)
{
    int64_t delay_ns = (int64_t)test_random_below(r, 3) * MS;
    if (test_random_below(r, 20) == 0)
        delay_ns += (int64_t)test_random_below(r, 2000) * MS;
    bool refused = test_random_below(r, 12) == 0, lost = test_random_below(r, 12) == 0;
    int64_t accept_ns = (at_ns + delay_ns) / (4 * MS) * (4 * MS) + later_ns;
    if (!lost)
        s->connects[s->series.connect_count++] = at_ns / (4 * MS) * (4 * MS);
    if (!refused)
        s->accepts[s->series.accept_count++] = (struct clocks_accept){accept_ns, accept_ns + MS};
}

static void an_offset_is_found_or_the_clock_stays_right(void **state)
{
    (void)state;
    static const int64_t OFFSETS_MS[] = {0, 40000, -40000, 300, -300, 1800000, -1800000};
    struct test_random r = {3};
    for (int round = 0; round < 280; round++) {
        static struct sample s;
        int64_t ahead_ns = OFFSETS_MS[round % 7] * MS;
        uint32_t count = 3 + (uint32_t)test_random_below(&r, CONNECTIONS_MAX - 3);
        s.series = (struct clocks_series){.back = test_random_below(&r, 2)};
        for (uint32_t i = 0; i < count; i++)
            connection_add(&s, &r, BEGIN + (int64_t)test_random_below(&r, 900000) * MS,
                           s.series.back ? -ahead_ns : ahead_ns);
        sample_sort(&s);
        struct clocks_peak peak;
        assert_int_equal(clocks_peak_find(&s.series, 1, &peak), 0);
        if (peak.found)
            assert_true(llabs(peak.ahead_ns - ahead_ns) <= peak.error_ns);
        else
            assert_int_equal(peak.ahead_ns, 0);
        if (count >= 12)
            assert_int_equal(peak.found, ahead_ns != 0);
    }
}

/* Each regular connection could as well be the one before, and the ends of a recording need not be
 * those of its connections. */
static void regular_connections_prove_nothing_false(void **state)
{
    (void)state;
    static const int64_t OFFSETS_MS[] = {0, 40000, -40000, 7000};
    for (int round = 0; round < 8; round++) {
        static struct sample s;
        int64_t ahead_ns = OFFSETS_MS[round % 4] * MS, lost = round < 4 ? 0 : 3;
        s.series = (struct clocks_series){.back = round % 2};
        for (int64_t i = 0; i < 60; i++) {
            int64_t at_ns = BEGIN + i * 10 * SECOND;
            int64_t accept_ns = at_ns + (s.series.back ? -ahead_ns : ahead_ns);
            if (i < 60 - lost)
                s.connects[s.series.connect_count++] = at_ns;
            if (i >= lost)
                s.accepts[s.series.accept_count++] =
                    (struct clocks_accept){accept_ns, accept_ns + MS};
        }
        sample_sort(&s);
        struct clocks_peak peak;
        assert_int_equal(clocks_peak_find(&s.series, 1, &peak), 0);
        assert_true(!peak.found || peak.ahead_ns == ahead_ns);
        assert_true(ahead_ns || !peak.found);
    }
}

/* The server of a quiet host waits from one connection to the next: its accepts are told when they
 * were called. What it did then tells when they returned. */
static void an_accept_that_waited_is_no_offset(void **state)
{
    (void)state;
    struct test_random r = {5};
    for (int round = 0; round < 4; round++) {
        static struct sample s;
        int64_t called_ns = BEGIN, serves_ns = round < 2 ? 3 * MS : 500 * MS;
        bool regular = round % 2;
        s.series = (struct clocks_series){.back = false};
        for (int i = 0; i < 50; i++) {
            int64_t wait_ns = regular ? 10 * SECOND : (int64_t)test_random_below(&r, 20000) * MS;
            int64_t at_ns = called_ns + wait_ns;
            s.connects[s.series.connect_count++] = at_ns;
            s.accepts[s.series.accept_count++] = (struct clocks_accept){called_ns, at_ns + MS};
            called_ns = at_ns + serves_ns; /* as if it was the accept of a clock that is ahead */
        }
        sample_sort(&s);
        struct clocks_peak peak;
        assert_int_equal(clocks_peak_find(&s.series, 1, &peak), 0);
        assert_false(peak.found);
    }
}

static void one_connection_proves_an_offset_where_its_accept_comes_first(void **state)
{
    (void)state;
    static struct sample s;
    struct clocks_peak peak;
    for (int sure = 0; sure < 2; sure++) {
        for (int64_t later = -30; later <= 30; later += 60) {
            s.series = (struct clocks_series){.connect_count = 1, .accept_count = 1, .sure = sure};
            s.connects[0] = BEGIN;
            s.accepts[0] =
                (struct clocks_accept){BEGIN + later * SECOND, BEGIN + later * SECOND + MS};
            sample_sort(&s);
            assert_int_equal(clocks_peak_find(&s.series, 1, &peak), 0);
            assert_int_equal(peak.found, sure && later < 0);
            assert_int_equal(peak.ahead_ns, peak.found ? later * SECOND : 0);
        }
    }
}

/* Some connections that nobody can tell apart, and more that were made to tell a lie. */
static void a_few_false_connections_do_not_move_a_clock(void **state)
{
    (void)state;
    struct test_random r = {11};
    static struct sample s;
    s.series = (struct clocks_series){.back = false};
    for (int i = 0; i < 120; i++) {
        int64_t at_ns = BEGIN + (int64_t)test_random_below(&r, 600000) * MS;
        bool lie =
            i % 3 == 0; /* a refused connect, and 25 s later an accept that nobody called for */
        s.connects[s.series.connect_count++] = at_ns;
        int64_t accept_ns = at_ns + (lie ? 25 * SECOND : 0);
        s.accepts[s.series.accept_count++] = (struct clocks_accept){accept_ns, accept_ns + MS};
    }
    sample_sort(&s);
    struct clocks_peak peak;
    assert_int_equal(clocks_peak_find(&s.series, 1, &peak), 0);
    assert_false(peak.found);
}

/* ---- Walks ----------------------------------------------------------------------------------- */

enum { HOSTS = 4, PROCESSES = 3, EVENTS_MAX = 1600, CONNECTIONS = 14, CASES = 60 };

struct net {
    struct btr_event events[EVENTS_MAX];
    uint32_t event_count, host_count, flow_count;
    int64_t ahead_ns[HOSTS];
    struct btr_id rendezvous[HOSTS * HOSTS];
    uint32_t rendezvous_count;
};

static struct btr_id process_id(uint32_t host, uint64_t k)
{
    return (struct btr_id){1, host * 16 + k};
}

static void net_tell(struct net *n, uint32_t host, struct btr_id subject, uint8_t operation,
                     struct btr_id object, int64_t first_ns, int64_t last_ns)
{
    assert_true(n->event_count < EVENTS_MAX);
    n->events[n->event_count] = (struct btr_event){.subject = subject,
                                                   .object = object,
                                                   .first_ns = first_ns,
                                                   .last_ns = last_ns,
                                                   .stream = host,
                                                   .line = n->event_count,
                                                   .operation = operation};
    n->event_count++;
}

static struct btr_id rendezvous_id(struct net *n, uint32_t from, uint32_t to)
{
    struct btr_id id = {3, from * HOSTS + to};
    uint32_t i = 0;
    while (i < n->rendezvous_count && !btr_id_equal(n->rendezvous[i], id))
        i++;
    if (i == n->rendezvous_count)
        n->rendezvous[n->rendezvous_count++] = id;
    return id;
}

/* A request and its answer; both ends tell of one flow, or each of its own half. */
static void net_connect(struct net *n, struct test_random *r, uint32_t from, uint32_t to,
                        bool whole)
{
    int64_t t = BEGIN + (int64_t)test_random_below(r, 600000) * MS;
    struct btr_id client = process_id(from, test_random_below(r, PROCESSES));
    struct btr_id server = process_id(to, test_random_below(r, PROCESSES));
    struct btr_id near = {2, n->flow_count++},
                  far = whole ? near : (struct btr_id){2, n->flow_count++};
    net_tell(n, from, client, BTR_OP_CONNECT, near, t, t + MS / 2);
    net_tell(n, to, server, BTR_OP_ACCEPT, far, t + MS, t + MS);
    if (!whole) {
        struct btr_id meeting = rendezvous_id(n, from, to);
        net_tell(n, from, near, BTR_OP_MEET_CLIENT, meeting, t, t + MS / 2);
        net_tell(n, to, far, BTR_OP_MEET_SERVER, meeting, t + MS, t + MS);
    }
    net_tell(n, from, client, BTR_OP_SEND, near, t + 2 * MS, t + 2 * MS);
    net_tell(n, to, server, BTR_OP_RECV, far, t + 20 * MS, t + 20 * MS);
    net_tell(n, to, server, BTR_OP_SEND, far, t + 40 * MS, t + 41 * MS);
    net_tell(n, from, client, BTR_OP_RECV, near, t + 60 * MS, t + 60 * MS);
}

static void net_make(struct net *n, struct test_random *r)
{
    static const int64_t AHEAD_MS[] = {0, 0, 0, 40000, -40000, 300, -1800000, 1200000};
    *n = (struct net){.host_count = 2 + (uint32_t)test_random_below(r, HOSTS - 1)};
    for (uint32_t h = 0; h < n->host_count; h++)
        n->ahead_ns[h] = AHEAD_MS[test_random_below(r, 8)] * MS;
    for (uint32_t h = 0; h + 1 < n->host_count; h++) { /* h + 1 is behind one of those before */
        uint32_t other = (uint32_t)test_random_below(r, h + 1);
        bool whole = test_random_below(r, 3) == 0, back = test_random_below(r, 2);
        for (int i = 0; i < CONNECTIONS; i++)
            net_connect(n, r, back ? h + 1 : other, back ? other : h + 1, whole);
    }
    for (int i = 0; i < 40; i++) {
        uint32_t h = (uint32_t)test_random_below(r, n->host_count);
        int64_t t = BEGIN + (int64_t)test_random_below(r, 600000) * MS;
        struct btr_id file = {4, h * 4 + test_random_below(r, 4)};
        net_tell(n, h, process_id(h, test_random_below(r, PROCESSES)),
                 test_random_below(r, 2) ? BTR_OP_READ : BTR_OP_WRITE, file, t, t);
    }
}

static struct btr_span host_name(void *self, uint32_t source)
{
    static const char *const NAMES[] = {"web01", "db01", "app01", "bast01"};
    (void)self;
    return btr_span_of(NAMES[source]);
}

/* Connections beside one: all that there are, of any hosts. */
static int all_flows(void *self, struct btr_id half, int64_t at_ns,
                     int (*visit)(void *visitor, struct btr_id id, bool rendezvous), void *visitor,
                     struct btr_err *err)
{
    const struct net *n = self;
    int rc = 0;
    (void)half, (void)at_ns, (void)err;
    for (uint32_t i = 0; i < n->flow_count && rc == 0; i++)
        rc = visit(visitor, (struct btr_id){2, i}, false);
    return rc;
}

/* Walks until nothing more is learnt. */
static struct btr_trace *clocked_walk(struct btr_clocks *clocks, enum btr_walk_direction direction,
                                      uint32_t start_count)
{
    struct btr_edges edges = btr_clocks_edges(clocks);
    struct btr_trace *trace = NULL;
    bool learnt = true;
    for (int round = 0; learnt; round++) {
        assert_true(round < 8);
        btr_trace_free(trace);
        assert_int_equal(
            btr_walk(&trace, &edges, direction, btr_clocks_starts(clocks), start_count, NULL, NULL),
            0);
        assert_int_equal(btr_clocks_learn(clocks, &learnt, NULL), 0);
    }
    return trace;
}

static uint32_t oracle_reached(const struct oracle *o)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < o->node_count; i++)
        count += o->reached[i];
    return count;
}

static bool oracle_has(const struct oracle *o, const struct btr_trace *t, struct test_step s)
{
    for (uint32_t i = 0; i < o->step_count; i++) {
        bool alike = btr_step_is_pair(s.step) ? o->steps[i].ref == BTR_REF_PAIR
                                              : o->steps[i].ref == s.step->ref;
        if (alike && btr_id_equal(o->steps[i].from, t->nodes[s.from].id) &&
            btr_id_equal(o->steps[i].to, t->nodes[s.to].id))
            return true;
    }
    return false;
}

static void assert_same(const struct btr_trace *t, const struct oracle *o, int64_t ahead_ns)
{
    assert_int_equal(t->node_count, oracle_reached(o));
    for (uint32_t i = 0; i < o->node_count; i++)
        for (uint32_t k = 0; o->reached[i] && k < t->node_count; k++)
            if (btr_id_equal(t->nodes[k].id, o->ids[i]))
                assert_int_equal(t->nodes[k].bound_ns - ahead_ns, o->told_ns[i]);
    assert_int_equal(t->step_count, o->step_count);
    for (uint32_t k = 0; k < t->node_count; k++)
        for (uint32_t i = 0; i < t->nodes[k].step_count; i++)
            assert_true(oracle_has(o, t, test_step_of(t, k, i)));
}

/* What the plain closure says of the events as they happened. */
static void truth_find(struct oracle *o, const struct net *n, enum btr_walk_direction direction,
                       const struct btr_start *start)
{
    static struct btr_pair pairs[1024];
    struct memory_edges m;
    uint32_t pair_count = 0;
    memory_edges_init(&m, n->events, n->event_count);
    struct btr_edges edges = memory_edges_of(&m);
    for (uint32_t i = 0; i < n->rendezvous_count; i++) {
        struct btr_pair *some = NULL;
        uint32_t count = 0;
        assert_int_equal(btr_pair_rendezvous(&edges, n->rendezvous[i], &some, &count, NULL), 0);
        assert_true(pair_count + count <= 1024);
        if (count)
            memcpy(pairs + pair_count, some, count * sizeof *some);
        pair_count += count;
        free(some);
    }
    oracle_closure(o, n->events, n->event_count, pairs, pair_count, direction, start, 1);
    memory_edges_fini(&m);
}

static void check_net(const struct net *n, struct test_random *r, enum btr_walk_direction direction)
{
    static struct oracle o;
    static struct btr_event told[EVENTS_MAX];
    uint32_t host = (uint32_t)test_random_below(r, n->host_count);
    struct btr_start start = {process_id(host, test_random_below(r, PROCESSES)),
                              BEGIN + (int64_t)test_random_below(r, 600000) * MS, host};
    truth_find(&o, n, direction, &start);
    memcpy(told, n->events, n->event_count * sizeof *told);
    for (uint32_t i = 0; i < n->event_count; i++) {
        told[i].first_ns += n->ahead_ns[told[i].stream];
        told[i].last_ns += n->ahead_ns[told[i].stream];
    }
    start.time_ns += n->ahead_ns[host];
    struct memory_edges m;
    memory_edges_init(&m, told, n->event_count);
    if (test_random_below(r, 2))
        memory_edges_part(&m, 1 + (uint32_t)test_random_below(r, MEMORY_PARTS_MAX),
                          test_random_below(r, 4));
    struct btr_edges edges = memory_edges_of(&m);
    struct net others = *n;
    struct btr_clock_hosts hosts = {&others, host_name, all_flows};
    struct btr_clocks *clocks = NULL;
    struct btr_span name = host_name(NULL, host);
    assert_int_equal(btr_clocks_new(&clocks, &edges, &hosts, &start, &name, 1, NULL), 0);
    struct btr_trace *trace = clocked_walk(clocks, direction, 1);
    assert_same(trace, &o, n->ahead_ns[host]);
    btr_trace_free(trace);
    btr_clocks_free(clocks);
    memory_edges_fini(&m);
}

static void walks_over_wrong_clocks_answer_as_over_right_ones(void **state)
{
    (void)state;
    struct test_random r = {17};
    for (int i = 0; i < CASES; i++) {
        static struct net n;
        net_make(&n, &r);
        check_net(&n, &r, BTR_WALK_BACKWARD);
        check_net(&n, &r, BTR_WALK_FORWARD);
    }
}

/* ---- Edges ----------------------------------------------------------------------------------- */

/* What one question tells: flows by ref, and of what is left. */
struct told {
    struct btr_flow flows[EVENTS_MAX];
    uint32_t count;
    int64_t rest_ns;
};

static int told_visit(void *self, const struct btr_flow *flows, uint32_t flow_count)
{
    struct told *t = self;
    for (uint32_t i = 0; i < flow_count; i++)
        t->flows[t->count++] = flows[i];
    return 0;
}

static int compare_refs(const void *x, const void *y)
{
    const struct btr_flow *a = x, *b = y;
    return (a->ref > b->ref) - (a->ref < b->ref);
}

static void ask(struct told *t, const struct btr_edges *edges, struct btr_id entity,
                enum btr_side side, int64_t bound_ns, int64_t until_ns, bool only)
{
    struct btr_flow_parts parts = {.end = UINT32_MAX, .until_ns = until_ns, .only = only};
    bool with_parts = only || side == BTR_SIDE_MEET;
    t->count = 0;
    assert_int_equal(edges->flows(edges->self, entity, side, bound_ns, with_parts ? &parts : NULL,
                                  told_visit, t, NULL),
                     0);
    t->rest_ns = parts.rest_ns;
    if (t->count > 1)
        qsort(t->flows, t->count, sizeof *t->flows, compare_refs);
}

/* What ends before a stretch (backward) or begins behind it (forward) does so by `rest_ns`. */
static void assert_rest(const struct told *all, const struct told *t, bool into, int64_t until_ns)
{
    for (uint32_t i = 0; i < all->count; i++) {
        const struct btr_flow *f = &all->flows[i];
        if (into && f->last_ns < until_ns)
            assert_true(f->last_ns <= t->rest_ns);
        if (!into && f->first_ns > until_ns)
            assert_true(f->first_ns >= t->rest_ns);
    }
    assert_true(into ? t->rest_ns < until_ns : t->rest_ns > until_ns);
}

static void check_question(const struct btr_edges *right, const struct btr_edges *set_right,
                           struct btr_id entity, enum btr_side side, struct test_random *r)
{
    static struct told expected, got, all;
    bool into = side == BTR_SIDE_INTO, only = side <= BTR_SIDE_OUT_OF && test_random_below(r, 2);
    int64_t at_ns = BEGIN + (int64_t)test_random_below(r, 600000) * MS;
    int64_t width_ns = (int64_t)test_random_below(r, 100000) * MS;
    int64_t until_ns = into ? at_ns - width_ns : at_ns + width_ns;
    ask(&expected, right, entity, side, at_ns, until_ns, only);
    ask(&got, set_right, entity, side, at_ns, until_ns, only);
    assert_int_equal(got.count, expected.count);
    for (uint32_t i = 0; i < got.count; i++) {
        assert_int_equal(got.flows[i].ref, expected.flows[i].ref);
        assert_int_equal(got.flows[i].first_ns, expected.flows[i].first_ns);
        assert_int_equal(got.flows[i].last_ns, expected.flows[i].last_ns);
    }
    if (!only)
        return;
    ask(&all, right, entity, side, into ? INT64_MAX : INT64_MIN, 0, false);
    assert_rest(&all, &got, into, until_ns);
}

static void edges_of_wrong_clocks_set_right_tell_what_right_ones_do(void **state)
{
    (void)state;
    struct test_random r = {29};
    for (int i = 0; i < CASES; i++) {
        static struct net n;
        static struct btr_event told[EVENTS_MAX];
        struct memory_edges m[2];
        struct btr_clock_hosts hosts = {NULL, host_name, NULL};
        struct btr_clocks *clocks = NULL;
        net_make(&n, &r);
        memcpy(told, n.events, n.event_count * sizeof *told);
        for (uint32_t k = 0; k < n.event_count; k++) {
            told[k].first_ns += n.ahead_ns[told[k].stream];
            told[k].last_ns += n.ahead_ns[told[k].stream];
        }
        memory_edges_init(&m[0], n.events, n.event_count);
        memory_edges_init(&m[1], told, n.event_count);
        struct btr_edges right = memory_edges_of(&m[0]), wrong = memory_edges_of(&m[1]);
        assert_int_equal(btr_clocks_new(&clocks, &wrong, &hosts, NULL, NULL, 0, NULL), 0);
        for (uint32_t k = 0; k < n.host_count; k++) {
            uint32_t host = clocks_host(clocks, k);
            struct clocks_host *h = &clocks->host[host];
            h->known = true;
            h->ahead_ns = n.ahead_ns[k];
            clocks->most_ns = h->ahead_ns > clocks->most_ns ? h->ahead_ns : clocks->most_ns;
            clocks->least_ns = h->ahead_ns < clocks->least_ns ? h->ahead_ns : clocks->least_ns;
        }
        struct btr_edges set_right = btr_clocks_edges(clocks);
        for (uint32_t k = 0; k < 4 * n.flow_count; k++)
            check_question(&right, &set_right, (struct btr_id){2, k % n.flow_count},
                           (enum btr_side)test_random_below(&r, 4), &r);
        for (uint32_t k = 0; k < n.rendezvous_count; k++)
            check_question(&right, &set_right, n.rendezvous[k], BTR_SIDE_MEET, &r);
        for (uint32_t k = 0; k < 20; k++)
            check_question(&right, &set_right, process_id(k % n.host_count, k % PROCESSES),
                           (enum btr_side)(k % 2), &r);
        btr_clocks_free(clocks);
        memory_edges_fini(&m[0]);
        memory_edges_fini(&m[1]);
    }
}

/* Two alerts of hosts whose clocks differ: the second's time is set right, too. */
static void a_second_start_is_set_right_when_its_clock_is_known(void **state)
{
    (void)state;
    struct test_random r = {23};
    static struct net n;
    n = (struct net){.host_count = 2, .ahead_ns = {0, 40 * SECOND}};
    for (int i = 0; i < CONNECTIONS; i++)
        net_connect(&n, &r, 0, 1, false);
    for (uint32_t i = 0; i < n.event_count; i++) {
        n.events[i].first_ns += n.ahead_ns[n.events[i].stream];
        n.events[i].last_ns += n.ahead_ns[n.events[i].stream];
    }
    struct memory_edges m;
    memory_edges_init(&m, n.events, n.event_count);
    struct btr_edges edges = memory_edges_of(&m);
    struct btr_clock_hosts hosts = {NULL, host_name, NULL};
    struct btr_start starts[] = {{process_id(0, 0), BEGIN + 600 * SECOND, 0},
                                 {process_id(1, 0), BEGIN + 640 * SECOND, 1}};
    struct btr_clocks *clocks = NULL;
    struct btr_span names[] = {host_name(NULL, 0), host_name(NULL, 1)};
    assert_int_equal(btr_clocks_new(&clocks, &edges, &hosts, starts, names, 2, NULL), 0);
    btr_trace_free(clocked_walk(clocks, BTR_WALK_BACKWARD, 2));
    const struct btr_start *second = &btr_clocks_starts(clocks)[1];
    assert_int_equal(second->time_ns, BEGIN + 600 * SECOND);
    assert_int_equal(btr_clocks_start_told(clocks, second), starts[1].time_ns);
    assert_int_equal(btr_clocks_ahead(clocks, 1), 40 * SECOND);
    const struct btr_clock *list;
    uint32_t count;
    assert_int_equal(btr_clocks_list(clocks, &list, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_true(btr_span_equal(list[0].host, btr_span_of("db01")) && list[0].measured);
    assert_int_equal(list[0].ahead_ns, 40 * SECOND);
    btr_clocks_unlearn(clocks);
    assert_int_equal(btr_clocks_ahead(clocks, 1), 40 * SECOND); /* the last walk went by it */
    btr_clocks_free(clocks);
    memory_edges_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offset_is_found_or_the_clock_stays_right),
        cmocka_unit_test(regular_connections_prove_nothing_false),
        cmocka_unit_test(an_accept_that_waited_is_no_offset),
        cmocka_unit_test(one_connection_proves_an_offset_where_its_accept_comes_first),
        cmocka_unit_test(a_few_false_connections_do_not_move_a_clock),
        cmocka_unit_test(walks_over_wrong_clocks_answer_as_over_right_ones),
        cmocka_unit_test(edges_of_wrong_clocks_set_right_tell_what_right_ones_do),
        cmocka_unit_test(a_second_start_is_set_right_when_its_clock_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
