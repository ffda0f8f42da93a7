/* Pairing: the aligner against all alignments, and rendezvous as they are met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "align.h"
#include "graph_tests.h"
#include "memory_edges.h"
#include "pair.h"

static const int64_t MS = 1000000;

static uint64_t random_next(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t random_below(uint64_t *seed, uint32_t n)
{
    return (uint32_t)(random_next(seed) % n);
}

/* ---- All alignments, one by one ---------------------------------------------------------------
 */

enum { SMALL = 5 };

struct all {
    const struct graph_end *clients, *servers;
    uint32_t client_count, server_count;
    uint32_t best;
    uint32_t good; /* second pass: pairs of alignments no dearer are marked */
    bool mark, marked[SMALL + 1][SMALL + 1]; /* [server][client], from 1 */
    uint32_t partner[SMALL + 1];
};

static void try_all(struct all *a, uint32_t i, uint32_t j, uint32_t cost)
{
    if (i == a->client_count && j == a->server_count) {
        if (cost < a->best)
            a->best = cost;
        for (uint32_t s = 1; a->mark && cost <= a->good && s <= a->server_count; s++) {
            if (a->partner[s])
                a->marked[s][a->partner[s]] = true;
        }
        return;
    }
    if (i < a->client_count)
        try_all(a, i + 1, j, cost + GRAPH_ALIGN_ALONE);
    if (j < a->server_count) {
        a->partner[j + 1] = 0;
        try_all(a, i, j + 1, cost + GRAPH_ALIGN_ALONE);
    }
    if (i < a->client_count && j < a->server_count) {
        uint32_t more = graph_align_cost(&a->clients[i], &a->servers[j]);
        a->partner[j + 1] = i + 1;
        if (more < GRAPH_ALIGN_NEVER)
            try_all(a, i + 1, j + 1, cost + more);
    }
}

static void sort_ends(struct graph_end *ends, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t k = i; k > 0 && ends[k].last_ns < ends[k - 1].last_ns; k--) {
            struct graph_end moved = ends[k];
            ends[k] = ends[k - 1];
            ends[k - 1] = moved;
        }
    }
}

static void random_ends(struct graph_end *ends, uint32_t count, uint64_t *seed, int64_t step_ns)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t last_ns = (int64_t)random_below(seed, 24) * step_ns;
        ends[i] = (struct graph_end){last_ns - (int64_t)random_below(seed, 4) * step_ns, last_ns};
    }
    sort_ends(ends, count);
}

/* The cost of what the aligner tells, taking an unambiguous or each accept's first match. */
static void check_matches(struct all *a, const struct graph_match *matches, uint32_t match_count)
{
    bool told[SMALL + 1][SMALL + 1] = {{false}};
    uint32_t of_server[SMALL + 1] = {0};
    uint32_t of_client[SMALL + 1] = {0};
    for (uint32_t i = 0; i < match_count; i++) {
        told[matches[i].server + 1][matches[i].client + 1] = true;
        of_server[matches[i].server + 1]++;
        of_client[matches[i].client + 1]++;
    }
    for (uint32_t j = 1; j <= a->server_count; j++) {
        for (uint32_t i = 1; i <= a->client_count; i++) {
            assert_true(!told[j][i] ||
                        a->marked[j][i]); /* what is told is in an alignment as good as the best */
            bool room = of_server[j] < GRAPH_ALIGN_CHOICES && of_client[i] < GRAPH_ALIGN_CHOICES;
            assert_true(told[j][i] || !a->marked[j][i] ||
                        !room); /* and all of those are told, up to the bound */
        }
    }
    for (uint32_t k = 0; k < match_count; k++) {
        if (of_server[matches[k].server + 1] > 1 || of_client[matches[k].client + 1] > 1)
            assert_true(matches[k].ambiguous);
    }
}

static void the_aligner_tells_the_pairs_of_all_alignments_as_good_as_the_best(void **state)
{
    (void)state;
    static const int64_t steps[] = {0, 1000, 1000000, 4000000, 500000000, INT64_C(400000000000)};
    uint64_t seed = 1;
    for (int round = 0; round < 6000; round++) {
        struct graph_end clients[SMALL], servers[SMALL];
        struct all a = {.clients = clients, .servers = servers, .best = UINT32_MAX};
        a.client_count = random_below(&seed, SMALL + 1);
        a.server_count = random_below(&seed, SMALL + 1);
        int64_t step_ns = steps[random_below(&seed, 6)];
        random_ends(clients, a.client_count, &seed, step_ns);
        random_ends(servers, a.server_count, &seed, step_ns);
        try_all(&a, 0, 0, 0);
        a.good = a.best + GRAPH_ALIGN_EQUAL;
        a.mark = true;
        try_all(&a, 0, 0, 0);
        struct graph_match *matches = NULL;
        uint32_t match_count = 0;
        assert_int_equal(
            graph_align(clients, a.client_count, servers, a.server_count, &matches, &match_count),
            0);
        check_matches(&a, matches, match_count);
        free(matches);
    }
}

static void the_price_of_a_delay_is_its_logarithm_and_never_falls(void **state)
{
    (void)state;
    struct graph_end client = {0, 0};
    uint32_t before = 0;
    for (int64_t delay_ns = 1; delay_ns <= GRAPH_ALIGN_DELAY_NS; delay_ns = delay_ns * 9 / 8 + 1) {
        struct graph_end server = {delay_ns, delay_ns};
        uint32_t cost = graph_align_cost(&client, &server);
        assert_true(cost >= before);
        assert_true(cost < 2 * GRAPH_ALIGN_ALONE);
        before = cost;
    }
    struct graph_end too_late = {0, GRAPH_ALIGN_DELAY_NS + 1};
    assert_int_equal(graph_align_cost(&client, &too_late), GRAPH_ALIGN_NEVER);
    struct graph_end first = {INT64_MIN, INT64_MIN};
    struct graph_end last = {INT64_MAX, INT64_MAX};
    assert_int_equal(graph_align_cost(&first, &last), GRAPH_ALIGN_NEVER);
    assert_int_equal(graph_align_cost(&last, &first), GRAPH_ALIGN_NEVER);
}

/* ---- Rendezvous -------------------------------------------------------------------------------
 */

enum { MEETINGS_MAX = 4096 };

struct scene {
    struct btr_event events[MEETINGS_MAX];
    uint32_t event_count;
    struct btr_pair *pairs;
    uint32_t pair_count;
};

static const struct btr_id RENDEZVOUS = {5, 5};

static struct btr_id half(char side, uint32_t number)
{
    return (struct btr_id){(uint64_t)(unsigned char)side, number};
}

static void meet(struct scene *s, char side, uint32_t number, int64_t first_ms, int64_t last_ms)
{
    assert_true(s->event_count < MEETINGS_MAX);
    s->events[s->event_count++] =
        (struct btr_event){.subject = half(side, number),
                           .object = RENDEZVOUS,
                           .first_ns = first_ms * MS,
                           .last_ns = last_ms * MS,
                           .stream = side == 'c',
                           .operation = side == 'c' ? BTR_OP_MEET_CLIENT : BTR_OP_MEET_SERVER};
}

static void connects(struct scene *s, uint32_t number, int64_t at_ms)
{
    meet(s, 'c', number, at_ms, at_ms);
}

static void accepts(struct scene *s, uint32_t number, int64_t at_ms)
{
    meet(s, 's', number, at_ms, at_ms);
}

static void pair(struct scene *s)
{
    struct memory_edges m;
    memory_edges_init(&m, s->events, s->event_count);
    struct btr_edges edges = memory_edges_of(&m);
    free(s->pairs);
    assert_int_equal(btr_pair_rendezvous(&edges, RENDEZVOUS, &s->pairs, &s->pair_count, NULL), 0);
    memory_edges_fini(&m);
}

/* @return the doubt of the pair of client c and server s, or NONE when there is no such pair */
static enum btr_doubt paired(const struct scene *s, uint32_t client, uint32_t server)
{
    for (uint32_t i = 0; i < s->pair_count; i++) {
        if (btr_id_equal(s->pairs[i].client, half('c', client)) &&
            btr_id_equal(s->pairs[i].server, half('s', server)))
            return s->pairs[i].doubt;
    }
    return BTR_DOUBT_NONE;
}

static void assert_pairs_like_numbers(const struct scene *s, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        assert_int_not_equal(paired(s, i, i), BTR_DOUBT_NONE);
    assert_int_equal(s->pair_count, count);
}

static void connections_pair_in_order(void **state)
{
    (void)state;
    struct scene s = {0};
    for (uint32_t i = 0; i < 1000; i++) {
        connects(&s, i, 100 * i);
        accepts(&s, i, 100 * i + 3);
    }
    pair(&s);
    assert_pairs_like_numbers(&s, 0, 1000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(paired(&s, i, i), BTR_DOUBT_PAIR_BY_ORDER);
    free(s.pairs);
}

/* A server that was busy: hundreds wait in the queue, then all are accepted at once. */
static void a_long_queue_is_accepted_in_the_order_it_formed(void **state)
{
    (void)state;
    struct scene s = {0};
    for (uint32_t i = 0; i < 700; i++)
        connects(&s, i, 20 * i);
    for (uint32_t i = 0; i < 700; i++)
        accepts(&s, i, 20000 + i);
    pair(&s);
    assert_pairs_like_numbers(&s, 0, 700);
    free(s.pairs);
}

static void a_connect_that_nobody_accepted_shifts_nothing(void **state)
{
    (void)state;
    struct scene s = {0};
    connects(&s, 999, 0); /* given up */
    for (uint32_t i = 0; i < 50; i++) {
        connects(&s, i, 1000 + 1000 * i);
        accepts(&s, i, 1002 + 1000 * i);
    }
    pair(&s);
    assert_pairs_like_numbers(&s, 0, 50);
    free(s.pairs);
}

static void many_connects_to_a_server_that_is_down_shift_nothing(void **state)
{
    (void)state;
    struct scene s = {0};
    for (uint32_t i = 0; i < 900; i++)
        connects(&s, 1000 + i, 10 * i);
    for (uint32_t i = 0; i < 50; i++) {
        connects(&s, i, 20000 + 500 * i);
        accepts(&s, i, 20001 + 500 * i);
    }
    pair(&s);
    assert_pairs_like_numbers(&s, 0, 50);
    free(s.pairs);
}

/* The server's records begin before the client's, and the client's last connects are lost. */
static void accepts_without_a_recorded_connect_stay_alone(void **state)
{
    (void)state;
    struct scene s = {0};
    for (uint32_t i = 0; i < 60; i++) {
        if (i >= 20 && i < 55)
            connects(&s, i, 1000 * i);
        accepts(&s, i, 1000 * i + 4);
    }
    pair(&s);
    assert_pairs_like_numbers(&s, 20, 35);
    free(s.pairs);
}

static void records_lost_on_both_sides_shift_nothing_for_long(void **state)
{
    (void)state;
    struct scene s = {0};
    for (uint32_t i = 0; i < 60; i++) {
        if (i != 10)
            connects(&s, i, 1000 * i);
        if (i != 40)
            accepts(&s, i, 1000 * i + 4);
    }
    pair(&s);
    for (uint32_t i = 0; i < 60; i++) {
        if (i != 10 && i != 40)
            assert_int_not_equal(paired(&s, i, i), BTR_DOUBT_NONE);
    }
    assert_int_equal(s.pair_count, 58);
    free(s.pairs);
}

/* On a quiet host an accept that waited is stamped when it was called. */
static void an_accept_stamped_before_its_connect_is_paired(void **state)
{
    (void)state;
    struct scene s = {0};
    accepts(&s, 1, 0);
    connects(&s, 1, 60000);
    pair(&s);
    assert_pairs_like_numbers(&s, 1, 1);
    assert_int_equal(s.pairs[0].first_ns, 0); /* what the server's side told must not be cut off */
    free(s.pairs);
}

static void a_connect_still_under_way_when_it_was_accepted_is_paired(void **state)
{
    (void)state;
    struct scene s = {0};
    meet(&s, 'c', 1, 100, 105);
    meet(&s, 's', 1, 20, 102);
    pair(&s);
    assert_pairs_like_numbers(&s, 1, 1);
    assert_int_equal(s.pairs[0].first_ns, 100 * MS); /* and not 20, when the accept was called */
    free(s.pairs);
}

static void of_two_connects_at_once_and_one_accept_both_are_told_with_doubt(void **state)
{
    (void)state;
    struct scene s = {0};
    connects(&s, 1, 1000);
    connects(&s, 2, 1000);
    accepts(&s, 1, 1002);
    pair(&s);
    assert_int_equal(paired(&s, 1, 1), BTR_DOUBT_PAIR_AMBIGUOUS);
    assert_int_equal(paired(&s, 2, 1), BTR_DOUBT_PAIR_AMBIGUOUS);
    assert_int_equal(s.pair_count, 2);
    free(s.pairs);
}

static void an_end_never_has_more_than_four_partners(void **state)
{
    (void)state;
    struct scene s = {0};
    for (uint32_t i = 0; i < 40; i++)
        connects(&s, i, 1000);
    for (uint32_t i = 0; i < 20; i++)
        accepts(&s, i, 1001);
    pair(&s);
    assert_true(s.pair_count >= 20);
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t of_client = 0;
        uint32_t of_server = 0;
        for (uint32_t k = 0; k < 40; k++) {
            of_client += paired(&s, i, k) != BTR_DOUBT_NONE;
            of_server += paired(&s, k, i) != BTR_DOUBT_NONE;
        }
        assert_true(of_client <= GRAPH_ALIGN_CHOICES && of_server <= GRAPH_ALIGN_CHOICES);
    }
    free(s.pairs);
}

static void two_connections_at_once_keep_their_order_with_doubt(void **state)
{
    (void)state;
    struct scene s = {0};
    meet(&s, 'c', 1, 1000, 1004);
    meet(&s, 'c', 2, 1001, 1005); /* called before the other returned */
    accepts(&s, 1, 1006);
    accepts(&s, 2, 1007);
    connects(&s, 3, 5000);
    accepts(&s, 3, 5001);
    pair(&s);
    assert_pairs_like_numbers(&s, 1, 3);
    assert_int_equal(paired(&s, 1, 1), BTR_DOUBT_PAIR_AMBIGUOUS);
    assert_int_equal(paired(&s, 2, 2), BTR_DOUBT_PAIR_AMBIGUOUS);
    assert_int_equal(paired(&s, 3, 3), BTR_DOUBT_PAIR_BY_ORDER);
    free(s.pairs);
}

static void a_connect_and_an_accept_days_apart_are_no_pair(void **state)
{
    (void)state;
    struct scene s = {0};
    connects(&s, 1, 0);
    accepts(&s, 1, INT64_C(86400000));
    pair(&s);
    assert_int_equal(s.pair_count, 0);
    free(s.pairs);
}

static void a_meeting_told_twice_counts_once_and_nothing_meets_itself(void **state)
{
    (void)state;
    struct scene s = {0};
    for (int i = 0; i < 2; i++) {
        connects(&s, 1, 10);
        accepts(&s, 1, 11);
    }
    pair(&s);
    assert_pairs_like_numbers(&s, 1, 1);
    s.event_count = 0;
    meet(&s, 'c', 1, 10, 10);
    meet(&s, 'c', 1, 10, 10);
    s.events[1].operation = BTR_OP_MEET_SERVER;
    pair(&s);
    assert_int_equal(s.pair_count, 0);
    free(s.pairs);
}

static void one_side_alone_makes_no_pairs(void **state)
{
    (void)state;
    struct scene s = {0};
    pair(&s);
    assert_int_equal(s.pair_count, 0);
    connects(&s, 1, 10);
    pair(&s);
    assert_int_equal(s.pair_count, 0);
    free(s.pairs);
}

/* ---- Stretches ------------------------------------------------------------------------------ */

static int pair_order(const void *a, const void *b)
{
    const struct btr_pair *x = a, *y = b;
    if (x->client_ref != y->client_ref)
        return x->client_ref < y->client_ref ? -1 : 1;
    return (x->server_ref > y->server_ref) - (x->server_ref < y->server_ref);
}

/* Meetings in bursts; between bursts it is quiet for about as long as a delay may be, so that some
 * are apart, and some are not. */
static void bursts_make(struct scene *s, uint64_t *seed)
{
    int64_t at_ms = 100000000;
    for (uint32_t i = 0; i < 60; i++) {
        if (random_below(seed, 6) == 0)
            at_ms += GRAPH_ALIGN_DELAY_NS / 1000000 / 2 * (int64_t)random_below(seed, 4) +
                     (int64_t)random_below(seed, 3);
        at_ms += (int64_t)random_below(seed, 2000);
        int64_t waited_ms = random_below(seed, 8) == 0 ? 40 * 60000 : 0;
        if (random_below(seed, 10) > 0)
            meet(s, 'c', i, at_ms - waited_ms, at_ms);
        if (random_below(seed, 10) > 0)
            accepts(s, i, at_ms + (int64_t)random_below(seed, 5));
    }
}

/* What a stretch tells is what all of the rendezvous tells of its time. */
static void stretches_of_a_rendezvous_are_its_parts(void **state)
{
    (void)state;
    uint32_t several = 0;
    uint64_t seed = 20261129;
    for (uint32_t round = 0; round < 300; round++) {
        struct scene s = {0};
        struct memory_edges m;
        bursts_make(&s, &seed);
        pair(&s);
        if (s.pair_count > 1)
            qsort(s.pairs, s.pair_count, sizeof(*s.pairs), pair_order);
        memory_edges_init(&m, s.events, s.event_count);
        struct btr_edges edges = memory_edges_of(&m);
        int64_t until_ns = INT64_MIN;
        uint32_t told = 0, stretches = 0;
        for (uint32_t i = 0; i < s.event_count; i++) {
            struct pair_stretch stretch;
            struct btr_pair *pairs = NULL;
            uint32_t count = 0;
            int64_t at_ns = s.events[i].last_ns;
            assert_int_equal(
                graph_pair_stretch(&edges, RENDEZVOUS, at_ns, &stretch, &pairs, &count, NULL), 0);
            assert_in_range(at_ns, stretch.first_ns, stretch.last_ns);
            if (count > 1)
                qsort(pairs, count, sizeof(*pairs), pair_order);
            for (uint32_t k = 0; k < count; k++) {
                const struct btr_pair *whole =
                    bsearch(&pairs[k], s.pairs, s.pair_count, sizeof(*s.pairs), pair_order);
                assert_non_null(whole);
                assert_int_equal(whole->doubt, pairs[k].doubt);
                assert_int_equal(whole->first_ns, pairs[k].first_ns);
            }
            if (stretch.first_ns > until_ns) { /* a new one, as events stand by time */
                told += count;
                stretches++;
                until_ns = stretch.last_ns;
            }
            free(pairs);
        }
        assert_int_equal(told, s.pair_count);
        several += stretches > 1;
        memory_edges_fini(&m);
        free(s.pairs);
    }
    assert_true(several > 100);
}

int pair_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_aligner_tells_the_pairs_of_all_alignments_as_good_as_the_best),
        cmocka_unit_test(the_price_of_a_delay_is_its_logarithm_and_never_falls),
        cmocka_unit_test(connections_pair_in_order),
        cmocka_unit_test(a_long_queue_is_accepted_in_the_order_it_formed),
        cmocka_unit_test(a_connect_that_nobody_accepted_shifts_nothing),
        cmocka_unit_test(many_connects_to_a_server_that_is_down_shift_nothing),
        cmocka_unit_test(accepts_without_a_recorded_connect_stay_alone),
        cmocka_unit_test(records_lost_on_both_sides_shift_nothing_for_long),
        cmocka_unit_test(an_accept_stamped_before_its_connect_is_paired),
        cmocka_unit_test(a_connect_still_under_way_when_it_was_accepted_is_paired),
        cmocka_unit_test(of_two_connects_at_once_and_one_accept_both_are_told_with_doubt),
        cmocka_unit_test(an_end_never_has_more_than_four_partners),
        cmocka_unit_test(two_connections_at_once_keep_their_order_with_doubt),
        cmocka_unit_test(a_connect_and_an_accept_days_apart_are_no_pair),
        cmocka_unit_test(a_meeting_told_twice_counts_once_and_nothing_meets_itself),
        cmocka_unit_test(one_side_alone_makes_no_pairs),
        cmocka_unit_test(stretches_of_a_rendezvous_are_its_parts),
    };
    return cmocka_run_group_tests_name("pair", tests, NULL, NULL);
}
