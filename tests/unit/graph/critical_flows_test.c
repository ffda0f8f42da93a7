/* Flows into a place, read a stretch at a time, against all of them at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "memory_edges.h"
#include "memory_facts.h"
#include "score/critical.h"
#include "score/strategies.h"
#include "test_random.h"

enum { EVENTS = 400, NODES = 6, VISITS = 12, ROUNDS = 600 };

static struct btr_id node(uint64_t number)
{
    return (struct btr_id){1, number};
}

/* Times from one moment to years, so that stretches of all widths come up. */
static void events_make(struct btr_event *events, struct test_random *random)
{
    static const uint8_t operations[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_FORK, BTR_OP_OPEN_BOTH};
    static const uint8_t flags[] = {0, 0, 0, BTR_EVENT_INTERVAL, BTR_EVENT_IMPLIED};
    unsigned bits = (unsigned)test_random_below(random, 58);
    for (uint32_t i = 0; i < EVENTS; i++) {
        int64_t first_ns = (int64_t)test_random_below(random, UINT64_C(16) << bits) - 8;
        uint64_t lasts = test_random_below(random, 3) ? 1 : UINT64_C(8) << bits;
        events[i] = (struct btr_event){
            .subject = node(test_random_below(random, NODES)),
            .object = node(test_random_below(random, NODES)),
            .first_ns = first_ns,
            .last_ns = first_ns + (int64_t)test_random_below(random, lasts),
            .stream = (uint32_t)test_random_below(random, 2),
            .operation = operations[test_random_below(random, sizeof operations)],
            .flags = flags[test_random_below(random, sizeof flags)]};
    }
}

struct world {
    struct btr_event events[EVENTS];
    struct memory_edges memory;
    struct memory_facts facts;
    struct memory_usual usual;
    struct btr_edges edges;
    struct btr_facts facts_table;
    struct btr_usual usual_table;
    struct btr_walk_limits limits;
    struct btr_scene scene;
    struct btr_err err;
    struct critical c;
};

static void world_make(struct world *w, struct test_random *random)
{
    events_make(w->events, random);
    memory_edges_init(&w->memory, w->events, EVENTS);
    w->memory.run_max = 1 + (uint32_t)test_random_below(random, 20);
    w->memory.rest_late_ns = (int64_t)test_random_below(random, 3) << test_random_below(random, 40);
    w->edges = memory_edges_of(&w->memory);
    w->facts_table = memory_facts_of(&w->facts);
    w->usual_table = memory_usual_of(&w->usual);
    w->limits = (struct btr_walk_limits){0};
    w->scene = (struct btr_scene){.edges = &w->edges,
                                  .facts = &w->facts_table,
                                  .usual = &w->usual_table,
                                  .direction = BTR_WALK_BACKWARD,
                                  .limits = &w->limits};
    w->c = (struct critical){.scene = &w->scene,
                             .err = &w->err,
                             .floor = CRITICAL_FLOOR,
                             .deadline_ns = INT64_MAX,
                             .until_ns = INT64_MAX};
}

static void world_end(struct world *w)
{
    critical_fini(&w->c);
    memory_edges_fini(&w->memory);
}

/* What a flow is known by. */
struct seen {
    int64_t key_ns, first_ns, last_ns;
    uint64_t other;
    uint8_t operation, flags;
};

static int seen_compare(const void *x, const void *y)
{
    return memcmp(x, y, sizeof(struct seen));
}

static struct seen seen_make(int64_t first_ns, int64_t last_ns, struct btr_id other,
                             uint8_t operation, uint8_t flags)
{
    struct seen s;
    memset(&s, 0, sizeof s); /* holes, too: they are compared */
    s.key_ns = flags & BTR_EVENT_INTERVAL ? first_ns : last_ns;
    s.first_ns = first_ns;
    s.last_ns = last_ns;
    s.other = other.lo;
    s.operation = operation;
    s.flags = flags;
    return s;
}

/* All flows into a place with a key until a time, in no order. */
static uint32_t flows_plain(struct seen *out, const struct world *w, struct btr_id v,
                            int64_t until_ns)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < EVENTS; i++) {
        const struct btr_event *e = &w->events[i];
        enum btr_direction d = btr_operation_direction(e->operation);
        bool subject = btr_id_equal(e->subject, v), object = btr_id_equal(e->object, v);
        bool into = d == BTR_FLOW_BOTH || (subject ? d == BTR_FLOW_IN : d == BTR_FLOW_OUT);
        if (subject == object || !into)
            continue;
        struct seen s = seen_make(e->first_ns, e->last_ns, subject ? e->object : e->subject,
                                  e->operation, e->flags);
        if (s.key_ns <= until_ns)
            out[count++] = s;
    }
    return count;
}

/* The same as the cursor has them; they come with the latest key first. */
static uint32_t flows_read(struct seen *out, struct world *w, uint32_t place, int64_t until_ns,
                           uint32_t most)
{
    struct critical_cursor cursor;
    uint32_t count = 0, at;
    int64_t before_ns = INT64_MAX;
    int rc = critical_cursor_begin(&cursor, &w->c, place, until_ns);
    assert_int_equal(rc, 0);
    while (count < most && (rc = critical_cursor_next(&cursor, &w->c, &at)) == 1) {
        const struct critical_flow *f = &w->c.flows[at];
        assert_true(f->key_ns <= before_ns && f->key_ns <= until_ns);
        before_ns = f->key_ns;
        out[count++] =
            seen_make(f->first_ns, f->last_ns, w->c.places[f->far].id, f->operation, f->flags);
    }
    assert_true(rc >= 0);
    return count;
}

static void visit_check(struct world *w, struct test_random *random)
{
    static struct seen plain[2 * EVENTS], read[2 * EVENTS];
    const struct btr_event *e = &w->events[test_random_below(random, EVENTS)];
    uint32_t place = critical_place(&w->c, node(test_random_below(random, NODES)));
    int64_t until_ns = test_random_below(random, 2) ? e->first_ns : e->last_ns;
    until_ns = graph_time_min(until_ns, w->c.until_ns);
    uint32_t most = test_random_below(random, 2) ? EVENTS : (uint32_t)test_random_below(random, 20);
    uint32_t count = flows_plain(plain, w, w->c.places[place].id, until_ns);
    uint32_t got = flows_read(read, w, place, until_ns, most);
    qsort(plain, count, sizeof *plain, seen_compare);
    qsort(read, got, sizeof *read, seen_compare);
    assert_int_equal(got, count < most ? count : most);
    uint32_t found = 0; /* what was read is part of what there is, each once */
    for (uint32_t i = 0; i < count && found < got; i++)
        found += seen_compare(&plain[i], &read[found]) == 0;
    assert_int_equal(found, got);
}

static void a_place_read_in_stretches_is_the_whole_of_it(void **state)
{
    static struct world w;
    struct test_random random = {20261130};
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        world_make(&w, &random);
        for (uint32_t i = 0; i < VISITS; i++)
            visit_check(&w, &random);
        world_end(&w);
    }
}

static bool is_fork(uint8_t operation)
{
    return operation == BTR_OP_FORK;
}

/* Whether one place has read from another until a time, by all events. */
static void readers_check(struct world *w, uint32_t place, struct test_random *random)
{
    static struct seen plain[2 * EVENTS];
    uint32_t reader = critical_place(&w->c, node(test_random_below(random, NODES)));
    int64_t until_ns = w->events[1].last_ns;
    until_ns = graph_time_min(until_ns, w->c.until_ns);
    uint32_t count = flows_plain(plain, w, w->c.places[reader].id, until_ns);
    bool read = false, found;
    if (reader == place) /* a process and a connection are two */
        return;
    for (uint32_t i = 0; i < count; i++)
        read |= plain[i].other == w->c.places[place].id.lo;
    assert_int_equal(critical_has_read(&w->c, reader, place, until_ns, &found), 0);
    assert_int_equal(found, read);
}

/* What is asked of all that flows in is answered alike, whatever was read of it. */
static void what_is_asked_of_all_does_not_hang_on_what_was_read(void **state)
{
    static struct world w;
    static struct seen plain[2 * EVENTS];
    struct test_random random = {20261201};
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        world_make(&w, &random);
        w.c.until_ns = w.events[0].last_ns;
        if (test_random_below(&random, 2))
            visit_check(&w, &random);
        for (uint64_t i = 0; i < NODES; i++) {
            bool seen, forked, fork = false;
            uint32_t place = critical_place(&w.c, node(i)), begun = 0;
            uint32_t count = flows_plain(plain, &w, node(i), INT64_MAX);
            for (uint32_t k = 0; k < count; k++) {
                begun += plain[k].first_ns <= w.c.until_ns;
                fork |= plain[k].first_ns <= w.c.until_ns && is_fork(plain[k].operation);
            }
            assert_int_equal(critical_seen(&w.c, place, &seen), 0);
            assert_int_equal(critical_operation(&w.c, place, is_fork, &forked), 0);
            readers_check(&w, place, &random);
            assert_int_equal(seen, begun > 0);
            assert_int_equal(forked, fork);
        }
        world_end(&w);
    }
}

/* A hub of many years is asked for the flows of its last moments only. */
static void no_more_is_read_than_is_looked_at(void **state)
{
    static struct world w;
    static struct seen read[2 * EVENTS];
    struct test_random random = {1};
    (void)state;
    world_make(&w, &random);
    memory_edges_fini(&w.memory);
    for (uint32_t i = 0; i < EVENTS; i++)
        w.events[i] = (struct btr_event){.subject = node(0),
                                         .object = node(1 + i % 5),
                                         .first_ns = i * INT64_C(3600000000000),
                                         .last_ns = i * INT64_C(3600000000000),
                                         .operation = BTR_OP_READ};
    memory_edges_init(&w.memory, w.events, EVENTS);
    uint32_t place = critical_place(&w.c, node(0));
    assert_int_equal(flows_read(read, &w, place, w.events[EVENTS - 1].last_ns, 5), 5);
    assert_true(w.memory.told <= 10);
    assert_int_equal(flows_read(read, &w, place, w.events[EVENTS / 2].last_ns, 5), 5);
    assert_true(w.memory.told <= 20); /* nothing of what lies between */
    world_end(&w);
}

static void no_time_is_no_reading(void **state)
{
    static struct world w;
    struct test_random random = {2};
    struct btr_kept_pairs kept = {0};
    (void)state;
    world_make(&w, &random);
    struct btr_start start = {node(0), w.events[0].last_ns, 0};
    w.limits.budget_ns = 1;
    w.scene.starts = &start;
    w.scene.start_count = 1;
    assert_int_equal(critical_keep(&kept, &w.scene, &w.err), 0);
    assert_int_equal(kept.cut, BTR_CUT_TIME);
    assert_true(kept.left > 0);
    assert_true(w.memory.asked[BTR_SIDE_INTO] + w.memory.asked[BTR_SIDE_OUT_OF] <= 4);
    btr_kept_pairs_free(&kept);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_read_in_stretches_is_the_whole_of_it),
        cmocka_unit_test(what_is_asked_of_all_does_not_hang_on_what_was_read),
        cmocka_unit_test(no_more_is_read_than_is_looked_at),
        cmocka_unit_test(no_time_is_no_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
