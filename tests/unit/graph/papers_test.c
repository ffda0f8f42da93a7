/* Each published strategy on a small recording that it must tell apart, and all of them on random
 * ones. */
#include <math.h>

#include "memory_edges.h"
#include "memory_facts.h"
#include "papers_tests.h"
#include "score/depimpact.h"
#include "score/strategies.h"
#include "test.h"
#include "test_random.h"

enum { EVENTS_MAX = 4096, ROUNDS = 300, ROUND_EVENTS = 60, ROUND_ENTITIES = 14 };
enum { PROGRAM = 1, OTHER_PROGRAM };

/* Entities are numbers; the alert is what happens to ALERT at the end. */
enum { ALERT = 1 };

struct recording {
    struct btr_event events[EVENTS_MAX];
    uint32_t event_count;
    struct memory_facts facts;
    struct memory_usual usual;
    struct memory_edges edges;
    struct btr_kept_pairs kept;
};

static struct recording r;

static struct btr_id id_of(uint64_t number)
{
    return (struct btr_id){7, number};
}

static void tell(uint64_t subject, enum btr_operation operation, uint64_t object, int64_t at_ms,
                 uint64_t bytes)
{
    assert_true(r.event_count < EVENTS_MAX);
    r.events[r.event_count++] = (struct btr_event){.subject = id_of(subject),
                                                   .object = id_of(object),
                                                   .first_ns = at_ms * 1000000,
                                                   .last_ns = at_ms * 1000000,
                                                   .bytes = bytes,
                                                   .operation = (uint8_t)operation};
}

static void process(uint64_t number, uint64_t program)
{
    memory_facts_add(&r.facts, id_of(number), (struct btr_fact){.kind = BTR_KIND_PROCESS}, program);
}

/* A file's key among what is usual is 1000 and its number. */
static void file(uint64_t number)
{
    memory_facts_add(&r.facts, id_of(number),
                     (struct btr_fact){.kind = BTR_KIND_FILE, .file = 1000 + number}, 0);
}

static void flow(uint64_t number)
{
    memory_facts_add(
        &r.facts, id_of(number),
        (struct btr_fact){.kind = BTR_KIND_FLOW, .outside = true, .source = 1000 + number}, 0);
}

static void recording_begin(void)
{
    btr_kept_pairs_free(&r.kept);
    memset(&r, 0, sizeof r);
    r.facts.events = r.events;
}

static void keep_parts(const char *strategy, enum btr_walk_direction direction, int64_t at_ms,
                       uint32_t rank_max, uint32_t parts, uint64_t seed)
{
    static const struct btr_walk_limits none = {0};
    memory_edges_init(&r.edges, r.events, r.event_count);
    if (parts)
        memory_edges_part(&r.edges, parts, seed);
    struct btr_edges edges = memory_edges_of(&r.edges);
    struct btr_facts facts = memory_facts_of(&r.facts);
    struct btr_usual usual = memory_usual_of(&r.usual);
    struct btr_start start = {id_of(ALERT), at_ms * 1000000, 0};
    struct btr_scene scene = {&edges, &facts, &usual,   direction, &start,
                              1,      &none,  rank_max, NULL,      false};
    btr_kept_pairs_free(&r.kept);
    assert_int_equal(btr_strategy_find(strategy)->keep(&r.kept, &scene, NULL), 0);
    memory_edges_fini(&r.edges);
}

static void keep(const char *strategy, int64_t at_ms, uint32_t rank_max)
{
    keep_parts(strategy, BTR_WALK_BACKWARD, at_ms, rank_max, 0, 0);
}

static bool has(uint64_t from, uint64_t to)
{
    return btr_kept_pairs_has(&r.kept, id_of(from), id_of(to));
}

/* ---- readonly ---- */

enum { LIBRARY = 10, SETTINGS, EDITOR, HELPER, PIPE, CHILD, RESULT };

static void files_that_nothing_wrote_are_pruned(void **state)
{
    (void)state;
    recording_begin();
    process(ALERT, PROGRAM);
    process(EDITOR, OTHER_PROGRAM);
    file(LIBRARY);
    file(SETTINGS);
    tell(ALERT, BTR_OP_LOAD, LIBRARY, 10, 0);
    tell(EDITOR, BTR_OP_WRITE, SETTINGS, 20, 5);
    tell(EDITOR, BTR_OP_FORK, RESULT, 25, 0);
    tell(ALERT, BTR_OP_READ, SETTINGS, 30, 5);
    keep("readonly", 40, 0);
    assert_false(has(LIBRARY, ALERT));
    assert_true(has(SETTINGS, ALERT));
    keep("backtracker", 40, 0);
    assert_true(has(LIBRARY, ALERT));
}

/* It is what its parent made it, and told nobody else. */
static void a_helper_of_one_process_is_pruned(void **state)
{
    (void)state;
    recording_begin();
    process(ALERT, PROGRAM);
    process(HELPER, OTHER_PROGRAM);
    process(CHILD, OTHER_PROGRAM);
    process(EDITOR, OTHER_PROGRAM);
    file(LIBRARY);
    file(RESULT);
    memory_facts_add(&r.facts, id_of(PIPE), (struct btr_fact){.kind = BTR_KIND_CHANNEL}, 0);
    tell(EDITOR, BTR_OP_FORK, ALERT, 5, 0);
    tell(ALERT, BTR_OP_FORK, HELPER, 10, 0);
    tell(HELPER, BTR_OP_LOAD, LIBRARY, 11, 0);
    tell(HELPER, BTR_OP_WRITE, PIPE, 12, 9);
    tell(ALERT, BTR_OP_READ, PIPE, 13, 9);
    tell(ALERT, BTR_OP_FORK, CHILD, 20, 0);
    tell(EDITOR, BTR_OP_SIGNAL, CHILD, 21, 0);
    tell(CHILD, BTR_OP_WRITE, RESULT, 22, 9);
    tell(ALERT, BTR_OP_READ, RESULT, 23, 9);
    keep("readonly", 40, 0);
    assert_false(has(HELPER, PIPE) || has(ALERT, HELPER));
    assert_true(has(CHILD, RESULT) && has(RESULT, ALERT) && has(EDITOR, CHILD));
}

/* ---- priotracker ---- */

enum { COMMON_FILES = 1400, COMMON = 2000, DROPPED = 9000, DROPPER, ORIGIN };

static void rare_events_are_explored_before_the_budget_ends(void **state)
{
    (void)state;
    recording_begin();
    process(ALERT, PROGRAM);
    process(DROPPER, OTHER_PROGRAM);
    file(DROPPED);
    flow(ORIGIN);
    for (uint64_t i = 0; i < COMMON_FILES; i++) {
        file(COMMON + i);
        tell(ALERT, BTR_OP_READ, COMMON + i, 100 + (int64_t)i, 1);
    }
    memory_usual_add(&r.usual, PROGRAM, 1000 + COMMON, 50); /* the first of them is no news */
    tell(DROPPER, BTR_OP_RECV, ORIGIN, 10, 1);
    tell(DROPPER, BTR_OP_WRITE, DROPPED, 20, 1);
    tell(ALERT, BTR_OP_READ, DROPPED, 50, 1);
    keep("priotracker", 5000, 0);
    assert_int_equal(r.kept.pair_count, 1000);
    assert_true(has(DROPPED, ALERT) && has(DROPPER, DROPPED) && has(ORIGIN, DROPPER));
    assert_false(has(COMMON, ALERT));
}

/* ---- nodoze ---- */

static void the_least_usual_paths_are_merged(void **state)
{
    (void)state;
    recording_begin();
    process(ALERT, PROGRAM);
    process(DROPPER, OTHER_PROGRAM);
    file(DROPPED);
    flow(ORIGIN);
    file(COMMON);
    tell(DROPPER, BTR_OP_RECV, ORIGIN, 10, 1);
    tell(DROPPER, BTR_OP_WRITE, DROPPED, 20, 1);
    tell(ALERT, BTR_OP_READ, DROPPED, 50, 1);
    tell(ALERT, BTR_OP_READ, COMMON, 60, 1);
    tell(ALERT, BTR_OP_READ, COMMON + 1, 5, 1); /* nothing is known of that one */
    for (uint64_t program = PROGRAM; program < 20; program++)
        memory_usual_add(&r.usual, program, 1000 + COMMON, 500);
    keep("nodoze", 100, 0);
    assert_true(has(ORIGIN, DROPPER) && has(DROPPER, DROPPED) && has(DROPPED, ALERT));
    assert_false(has(COMMON, ALERT) || has(COMMON + 1, ALERT));
    assert_true(btr_kept_pairs_score(&r.kept, id_of(DROPPED), id_of(ALERT)) > 0.9);
}

static void a_path_goes_back_in_time(void **state)
{
    (void)state;
    recording_begin();
    process(ALERT, PROGRAM);
    process(DROPPER, OTHER_PROGRAM);
    file(DROPPED);
    flow(ORIGIN);
    flow(ORIGIN + 1);
    tell(DROPPER, BTR_OP_RECV, ORIGIN, 10, 1);
    tell(DROPPER, BTR_OP_WRITE, DROPPED, 20, 1);
    tell(DROPPER, BTR_OP_RECV, ORIGIN + 1, 30, 1); /* too late for the file, not for the start */
    tell(DROPPER, BTR_OP_FORK, ALERT, 40, 1);
    tell(ALERT, BTR_OP_READ, DROPPED, 50, 1);
    for (uint64_t i = 0; i < 2; i++)
        memory_usual_add(&r.usual, OTHER_PROGRAM, 1000 + ORIGIN + i, 1);
    keep("nodoze", 100, 0);
    assert_true(has(ORIGIN, DROPPER) && has(DROPPED, ALERT));
}

/* The program reads what it wrote itself, which is seldom, but explains nothing. */
static void a_path_does_not_come_back(void **state)
{
    (void)state;
    recording_begin();
    process(ALERT, PROGRAM);
    process(DROPPER, OTHER_PROGRAM);
    file(DROPPED);
    tell(DROPPER, BTR_OP_FORK, ALERT, 10, 0);
    tell(ALERT, BTR_OP_WRITE, DROPPED, 20, 1);
    tell(ALERT, BTR_OP_READ, DROPPED, 50, 1);
    memory_usual_add(&r.usual, PROGRAM, 1000 + COMMON, 500);
    memory_usual_add(&r.usual, PROGRAM, 1000 + DROPPED, 1);
    keep("nodoze", 100, 0);
    assert_true(has(DROPPER, ALERT));
    assert_false(has(ALERT, DROPPED));
}

/* ---- depimpact ---- */

/* A download of a million bytes is the alert's file; the program reads many small files besides,
 * which the one that started it has read, too. */
static void download(uint64_t small_files)
{
    recording_begin();
    file(ALERT);
    process(EDITOR, PROGRAM);
    process(DROPPER, PROGRAM);
    flow(ORIGIN);
    tell(EDITOR, BTR_OP_FORK, DROPPER, 9, 0);
    for (uint64_t i = 0; i < small_files; i++) {
        file(COMMON + i);
        tell(EDITOR, BTR_OP_READ, COMMON + i, 5, 100 + i);
        tell(DROPPER, BTR_OP_READ, COMMON + i, 10 + (int64_t)i, 100 + i);
    }
    tell(DROPPER, BTR_OP_RECV, ORIGIN, 1000, 1000000);
    tell(DROPPER, BTR_OP_WRITE, ALERT, 1010, 1000000);
}

static void what_moved_the_alerts_bytes_is_the_first_entry(void **state)
{
    (void)state;
    download(20);
    keep("depimpact", 1010, 1);
    assert_int_equal(r.kept.way_count, 1);
    assert_true(btr_id_equal(r.kept.ways[0].entity, id_of(ORIGIN)));
    assert_int_equal(r.kept.pair_count, 2);
    assert_true(has(ORIGIN, DROPPER) && has(DROPPER, ALERT));
}

static void six_entries_are_kept_unless_told_otherwise(void **state)
{
    (void)state;
    download(20);
    keep("depimpact", 1010, 0);
    assert_int_equal(r.kept.way_count, DEPIMPACT_ENTRIES);
    keep("depimpact", 1010, 9);
    assert_int_equal(r.kept.way_count, 9);
    keep("depimpact", 1010, 1000); /* all there are: that is the closure */
    assert_int_equal(r.kept.way_count, 21);
    assert_int_equal(r.kept.pair_count, 43);
}

/* Forward of the entry, but not on the way to the alert in time. */
static void forward_of_an_entry_keeps_to_the_order_of_time(void **state)
{
    (void)state;
    recording_begin();
    file(ALERT);
    process(DROPPER, PROGRAM);
    process(CHILD, PROGRAM);
    process(HELPER, PROGRAM);
    flow(ORIGIN);
    file(SETTINGS);
    file(LIBRARY);
    tell(HELPER, BTR_OP_LOAD, LIBRARY, 1, 0);
    tell(CHILD, BTR_OP_LOAD, LIBRARY, 2, 0);
    tell(CHILD, BTR_OP_WRITE, SETTINGS, 10, 3);
    tell(HELPER, BTR_OP_WRITE, SETTINGS, 11, 3);
    tell(CHILD, BTR_OP_RECV, ORIGIN, 20, 1000000); /* after it wrote the file */
    tell(DROPPER, BTR_OP_READ, SETTINGS, 30, 3);
    tell(CHILD, BTR_OP_FORK, DROPPER, 40, 0);
    tell(DROPPER, BTR_OP_WRITE, ALERT, 50, 1000000);
    keep("depimpact", 50, 1);
    assert_true(btr_id_equal(r.kept.ways[0].entity, id_of(ORIGIN)));
    assert_true(has(ORIGIN, CHILD) && has(CHILD, DROPPER) && has(DROPPER, ALERT));
    assert_false(has(CHILD, SETTINGS) || has(SETTINGS, DROPPER));
}

/* Nodes 0..3: 3 and 2 feed each other, 2 and 1 feed the alert 0. */
static void impact_solves_its_equations(void **state)
{
    struct closure_node nodes[4] = {{.start = true}};
    struct closure_edge edges[] = {{.far = 1, .near = 0},
                                   {.far = 2, .near = 0},
                                   {.far = 3, .near = 2},
                                   {.far = 2, .near = 3},
                                   {.far = 3, .near = 1}};
    struct closure_graph g = {.nodes = nodes, .edges = edges, .node_count = 4, .edge_count = 5};
    double weights[5], impact[4];
    (void)state;
    assert_true(closure_graph_index(&g));
    for (uint32_t i = 0; i < 5; i++) {
        const struct closure_edge *e = &g.edges[i];
        weights[i] = e->far == 1   ? 0.99
                     : e->far == 2 ? (e->near == 0 ? 0.25 : 0.74)
                                   : (e->near == 2 ? 0.5 : 0.49);
    }
    depimpact_spread(impact, &g, weights);
    /* x2 = 0.25 + 0.74 x3 and x3 = 0.5 x2 + 0.49 * 0.99 */
    double x3 = (0.5 * 0.25 + 0.49 * 0.99) / (1 - 0.5 * 0.74), x2 = 0.25 + 0.74 * x3;
    assert_true(impact[0] == 1 && fabs(impact[1] - 0.99) < 1e-9);
    assert_true(fabs(impact[2] - x2) < 1e-9 && fabs(impact[3] - x3) < 1e-9);
    free(g.out);
}

static void entries_are_taken_from_each_category_in_turn(void **state)
{
    struct closure_node nodes[7] = {{.start = true},
                                    {.fact = {.kind = BTR_KIND_PROCESS}},
                                    {.fact = {.kind = BTR_KIND_FILE}},
                                    {.fact = {.kind = BTR_KIND_FILE}},
                                    {.fact = {.kind = BTR_KIND_FLOW}},
                                    {.fact = {.kind = BTR_KIND_FLOW}},
                                    {.fact = {.kind = BTR_KIND_PROCESS}}};
    struct closure_edge edges[] = {
        {.far = 1, .near = 0}, {.far = 2, .near = 1}, {.far = 3, .near = 1}, {.far = 4, .near = 1},
        {.far = 1, .near = 4}, {.far = 6, .near = 1}, {.far = 1, .near = 5}};
    static const double IMPACT[] = {1, 0.9, 0.5, 0.6, 0.1, 0.95, 0.3};
    static const uint32_t ORDER[] = {3, 6, 4, 2};
    struct closure_graph g = {.nodes = nodes, .edges = edges, .node_count = 7, .edge_count = 7};
    struct depimpact_entry entries[7];
    (void)state;
    assert_true(closure_graph_index(&g));
    /* 4 is a connection and 5, too, but nothing came from 5; 1 is fed by others. */
    assert_int_equal(depimpact_rank(entries, &g, IMPACT), 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(entries[i].node, ORDER[i]);
    free(g.out);
}

/* ---- All of them ---- */

static void facts_random(struct test_random *random)
{
    static const uint8_t KINDS[] = {BTR_KIND_PROCESS, BTR_KIND_PROCESS, BTR_KIND_FILE,
                                    BTR_KIND_FLOW, BTR_KIND_CHANNEL};
    for (uint64_t i = 0; i < ROUND_ENTITIES; i++) {
        struct btr_fact fact = {.kind = KINDS[test_random_below(random, 5)]};
        fact.file = fact.kind == BTR_KIND_FILE ? 1000 + i : 0;
        fact.source = fact.kind == BTR_KIND_FLOW ? 1000 + i : 0;
        memory_facts_add(&r.facts, id_of(i), fact,
                         fact.kind == BTR_KIND_PROCESS ? test_random_below(random, 3) : 0);
        memory_usual_add(&r.usual, test_random_below(random, 3), 1000 + i,
                         test_random_below(random, 50));
    }
}

static void recording_random(struct test_random *random)
{
    static const enum btr_operation OPERATIONS[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_FORK,
                                                    BTR_OP_OPEN_BOTH};
    recording_begin();
    facts_random(random);
    for (uint32_t i = 0; i < ROUND_EVENTS; i++)
        tell(test_random_below(random, ROUND_ENTITIES), OPERATIONS[test_random_below(random, 4)],
             test_random_below(random, ROUND_ENTITIES), (int64_t)test_random_below(random, 100),
             test_random_below(random, 1000));
}

static bool closure_has(const struct btr_kept_pairs *closure, const struct btr_kept_pair *pair)
{
    for (uint32_t i = 0; i < closure->pair_count; i++)
        if (btr_id_equal(closure->pairs[i].from, pair->from) &&
            btr_id_equal(closure->pairs[i].to, pair->to))
            return true;
    return false;
}

/* The pairs of the closure: a depimpact that goes forward from nothing less than all is no oracle
 * for that, so they come from its graph. */
static void closure_make(struct btr_kept_pairs *out, enum btr_walk_direction direction)
{
    static const struct btr_walk_limits none = {0};
    struct closure_graph g;
    struct kept_list list = {0};
    memory_edges_init(&r.edges, r.events, r.event_count);
    struct btr_edges edges = memory_edges_of(&r.edges);
    struct btr_facts facts = memory_facts_of(&r.facts);
    struct btr_start start = {id_of(ALERT), 60 * INT64_C(1000000), 0};
    struct btr_scene scene = {&edges, &facts, NULL, direction, &start, 1, &none, 0, NULL, false};
    assert_int_equal(closure_graph_walk(&g, &scene, false, NULL), 0);
    for (uint32_t i = 0; i < g.edge_count; i++)
        closure_edge_keep(&g, i, 1, &list);
    assert_int_equal(closure_graph_kept(&g, 0, &list, out, NULL), 0);
    closure_graph_fini(&g);
    memory_edges_fini(&r.edges);
}

static void strategy_check(const char *name, enum btr_walk_direction direction,
                           const struct btr_kept_pairs *closure, struct test_random *random)
{
    struct btr_kept_pairs whole;
    keep_parts(name, direction, 60, 2, 0, 0);
    whole = r.kept;
    r.kept = (struct btr_kept_pairs){0};
    for (uint32_t i = 0; i < whole.pair_count; i++)
        assert_true(closure_has(closure, &whole.pairs[i]));
    keep_parts(name, direction, 60, 2, 3, test_random_next(random) | 1);
    assert_int_equal(whole.pair_count, r.kept.pair_count);
    assert_int_equal(whole.way_count, r.kept.way_count);
    for (uint32_t i = 0; i < whole.pair_count; i++)
        assert_memory_equal(&whole.pairs[i], &r.kept.pairs[i], sizeof *whole.pairs);
    btr_kept_pairs_free(&whole);
}

static void each_keeps_a_part_of_the_closure_however_it_is_stored(void **state)
{
    static const char *const NAMES[] = {"readonly", "priotracker", "nodoze", "depimpact"};
    struct test_random random = {20261129};
    (void)state;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        enum btr_walk_direction direction = i % 4 ? BTR_WALK_BACKWARD : BTR_WALK_FORWARD;
        struct btr_kept_pairs closure = {0};
        recording_random(&random);
        closure_make(&closure, direction);
        for (size_t k = 0; k < sizeof NAMES / sizeof *NAMES; k++)
            strategy_check(NAMES[k], direction, &closure, &random);
        btr_kept_pairs_free(&closure);
    }
    recording_begin();
}

int papers_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_nothing_wrote_are_pruned),
        cmocka_unit_test(a_helper_of_one_process_is_pruned),
        cmocka_unit_test(rare_events_are_explored_before_the_budget_ends),
        cmocka_unit_test(the_least_usual_paths_are_merged),
        cmocka_unit_test(a_path_goes_back_in_time),
        cmocka_unit_test(a_path_does_not_come_back),
        cmocka_unit_test(what_moved_the_alerts_bytes_is_the_first_entry),
        cmocka_unit_test(six_entries_are_kept_unless_told_otherwise),
        cmocka_unit_test(forward_of_an_entry_keeps_to_the_order_of_time),
        cmocka_unit_test(impact_solves_its_equations),
        cmocka_unit_test(entries_are_taken_from_each_category_in_turn),
        cmocka_unit_test(each_keeps_a_part_of_the_closure_however_it_is_stored),
    };
    return cmocka_run_group_tests_name("papers", tests, NULL, NULL);
}
