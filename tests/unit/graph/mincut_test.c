/* The minimum cut against the plainest oracle: every set of nodes is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <btr/mincut.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 9, EDGES = 26, GRAPHS = 40000 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*seed >> 33) % below);
}

/* The nodes that the source reaches while some are gone, as bits. */
static uint32_t reached(const struct btr_mincut_graph *g, uint32_t gone)
{
    uint32_t seen = UINT32_C(1) << g->source, before = 0;
    while (seen != before) {
        before = seen;
        for (uint32_t i = 0; i < g->edge_count; i++)
            if (seen >> g->edges[i].from & 1 && !(gone >> g->edges[i].to & 1))
                seen |= UINT32_C(1) << g->edges[i].to;
    }
    return seen;
}

static bool keeps_apart(const struct btr_mincut_graph *g, uint32_t gone)
{
    return !(reached(g, gone) >> g->sink & 1);
}

/* What a set costs; UINT64_MAX: it cannot be cut. */
static uint64_t cost_of(const struct btr_mincut_graph *g, uint32_t gone)
{
    uint64_t sum = 0;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (!(gone >> n & 1))
            continue;
        if (n == g->source || n == g->sink || g->costs[n] == (uint32_t)BTR_MINCUT_NEVER)
            return UINT64_MAX;
        sum += g->costs[n];
    }
    return sum;
}

static uint64_t least(const struct btr_mincut_graph *g)
{
    uint64_t best = UINT64_MAX;
    for (uint32_t gone = 0; gone < UINT32_C(1) << g->node_count; gone++) {
        uint64_t cost = cost_of(g, gone);
        if (cost < best && keeps_apart(g, gone))
            best = cost;
    }
    return best;
}

/* No other set of the same cost leaves less on the source's side. */
static void check_nearest(const struct btr_mincut_graph *g, uint32_t mine, uint64_t cost)
{
    uint32_t side = reached(g, mine);
    for (uint32_t gone = 0; gone < UINT32_C(1) << g->node_count; gone++) {
        if (cost_of(g, gone) != cost || !keeps_apart(g, gone))
            continue;
        uint32_t other = reached(g, gone);
        assert_true((side & other) == side);
    }
}

static void check(const struct btr_mincut_graph *g)
{
    bool cut[NODES];
    uint64_t cost;
    uint32_t mine = 0;
    assert_int_equal(btr_mincut(g, cut, &cost, NULL), 0);
    for (uint32_t n = 0; n < g->node_count; n++)
        mine |= (uint32_t)cut[n] << n;
    uint64_t want = least(g);
    assert_true(cost == want);
    if (want == UINT64_MAX) {
        assert_int_equal(mine, 0);
        return;
    }
    assert_true(cost_of(g, mine) == want);
    assert_true(keeps_apart(g, mine));
    check_nearest(g, mine, cost);
}

static void test_random(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (int round = 0; round < GRAPHS; round++) {
        uint32_t costs[NODES];
        struct btr_mincut_edge edges[EDGES];
        struct btr_mincut_graph g = {.costs = costs, .edges = edges};
        g.node_count = 2 + draw(&seed, NODES - 1);
        g.edge_count = draw(&seed, EDGES + 1);
        g.sink = g.node_count - 1;
        for (uint32_t n = 0; n < g.node_count; n++)
            costs[n] = draw(&seed, 8) ? 1 + draw(&seed, 4) : (uint32_t)BTR_MINCUT_NEVER;
        for (uint32_t i = 0; i < g.edge_count; i++)
            edges[i] =
                (struct btr_mincut_edge){draw(&seed, g.node_count), draw(&seed, g.node_count)};
        check(&g);
    }
}

static void test_nothing_between(void **state)
{
    uint32_t costs[2] = {1, 1};
    struct btr_mincut_edge edge = {0, 1};
    (void)state;
    check(&(struct btr_mincut_graph){costs, 2, NULL, 0, 0, 1});
    check(&(struct btr_mincut_graph){costs, 2, &edge, 1, 0, 1}); /* no node to cut */
}

/* A long chain, and a wide one: no recursion, and each path once. */
static void test_large(void **state)
{
    enum { LONG = 100000 };
    uint32_t *costs = malloc(LONG * sizeof *costs);
    struct btr_mincut_edge *edges = malloc(2 * (size_t)LONG * sizeof *edges);
    bool *cut = malloc(LONG * sizeof *cut);
    uint64_t cost = 0;
    uint32_t count = 0;
    (void)state;
    assert_true(costs && edges && cut);
    for (uint32_t n = 0; n < LONG; n++) {
        costs[n] = n == 777 ? 2 : 3;
        edges[n] = (struct btr_mincut_edge){n, n + 1 < LONG ? n + 1 : n};
    }
    struct btr_mincut_graph g = {costs, LONG, edges, LONG, 0, LONG - 1};
    assert_int_equal(btr_mincut(&g, cut, &cost, NULL), 0);
    assert_int_equal(cost, 2);
    assert_true(cut[777]);
    for (uint32_t n = 1; n + 1 < LONG; n++) {
        edges[count++] = (struct btr_mincut_edge){0, n};
        edges[count++] = (struct btr_mincut_edge){n, LONG - 1};
    }
    g.edge_count = count;
    assert_int_equal(btr_mincut(&g, cut, &cost, NULL), 0);
    assert_int_equal(cost, 3 * (uint64_t)(LONG - 2) - 1);
    free(costs);
    free(edges);
    free(cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_nothing_between),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
