/* What came of a start, by scores: on a small recording, and on random ones against the closure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "oracle.h"
#include "recording.h"
#include "score/kept.h"
#include "score/strategies.h"
#include "test_random.h"
#include "test_steps.h"

enum { ROUNDS = 2000, ROUND_EVENTS = 40, ROUND_NODES = 12 };

/*
 * S serves requests from flows A..E. With that of C it starts a shell X, which runs the program Z,
 * reads the secret K and the library L, and writes F; P, which seldom reads F, then starts Y. To
 * its log O the server writes all the time, and a shipper T reads that and sends it to flow U, as
 * it does all the time, too.
 */

enum { SERVER = 1, SHELL, READER, SHIPPER, OTHER };
enum { LIBRARY = 100, SECRET, FILE_F, LOG, PROGRAM, OWN };

static void process(struct recording *r, char name, uint64_t program)
{
    memory_facts_add(&r->facts, id_of(name), (struct btr_fact){.kind = BTR_KIND_PROCESS, .host = 9},
                     program);
}

static void file(struct recording *r, char name, uint64_t thing)
{
    memory_facts_add(&r->facts, id_of(name),
                     (struct btr_fact){.kind = BTR_KIND_FILE, .host = 9, .file = thing}, 0);
}

static void flow(struct recording *r, char name, bool outside)
{
    memory_facts_add(&r->facts, id_of(name),
                     (struct btr_fact){.kind = BTR_KIND_FLOW,
                                       .outside = outside,
                                       .source = 200 + (uint64_t)(unsigned char)name,
                                       .destination = OWN},
                     0);
}

/* A request, its line in the log, what the shipper does with that, and the answer. */
static void request(struct recording *r, char name, int64_t at_ms)
{
    flow(r, name, true);
    tell(r, 'S', BTR_OP_ACCEPT, name, at_ms);
    tell(r, 'S', BTR_OP_RECV, name, at_ms + 1);
    tell(r, 'S', BTR_OP_WRITE, 'O', at_ms + 40);
    tell(r, 'S', BTR_OP_SEND, name, at_ms + 41);
    tell(r, 'T', BTR_OP_READ, 'O', at_ms + 42);
    tell(r, 'T', BTR_OP_SEND, 'U', at_ms + 43);
}

static void recording_make(struct recording *r)
{
    static const char PROCESSES[] = {'S', 'X', 'P', 'T', 'Y'};
    static const uint64_t PROGRAMS[] = {SERVER, SHELL, READER, SHIPPER, OTHER};
    *r = (struct recording){0};
    for (int i = 0; i < 5; i++) {
        process(r, PROCESSES[i], PROGRAMS[i]);
        memory_usual_add(&r->usual, PROGRAMS[i], LIBRARY, 500);
    }
    file(r, 'L', LIBRARY);
    file(r, 'K', SECRET);
    file(r, 'F', FILE_F);
    file(r, 'O', LOG);
    file(r, 'Z', PROGRAM);
    flow(r, 'U', false);
    request(r, 'A', 100);
    request(r, 'B', 200);
    request(r, 'C', 300);
    tell(r, 'S', BTR_OP_FORK, 'X', 310);
    tell(r, 'X', BTR_OP_EXEC, 'Z', 311);
    tell(r, 'X', BTR_OP_OPEN_READ, 'L', 312);
    tell(r, 'X', BTR_OP_OPEN_READ, 'K', 313);
    tell(r, 'X', BTR_OP_CREATE, 'F', 320);
    request(r, 'D', 400);
    tell(r, 'P', BTR_OP_OPEN_READ, 'F', 450);
    tell(r, 'P', BTR_OP_FORK, 'Y', 460);
    request(r, 'E', 500);
    memory_usual_add(&r->usual, SERVER, LOG, 1000);
    memory_usual_add(&r->usual, SHIPPER, LOG, 1000);
    memory_usual_add(&r->usual, SHELL, SECRET, 1);
    memory_usual_add(&r->usual, SHELL, FILE_F, 1);
    memory_usual_add(&r->usual, READER, FILE_F, 1);
}

static struct btr_start from_c(void)
{
    return (struct btr_start){id_of('C'), 300 * INT64_C(1000000), 0};
}

static uint32_t node_of(const struct btr_trace *t, struct btr_id id)
{
    for (uint32_t i = 0; i < t->node_count; i++)
        if (btr_id_equal(t->nodes[i].id, id))
            return i;
    return UINT32_MAX;
}

static void what_the_request_started_is_found_over_a_file(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    recording_make(&r);
    answer_from(&a, &r, BTR_WALK_FORWARD, from_c(), NULL, 0, 0);
    assert_true(holds(&a, 'S') && holds(&a, 'X') && holds(&a, 'F') && holds(&a, 'P') &&
                holds(&a, 'Y'));
    assert_true(btr_kept_pairs_score(&a.kept, id_of('S'), id_of('X')) > 0.5);
    answer_end(&a);
}

/* A log that all is written to does not make victims of those who read it, as they always do. */
static void who_always_reads_a_log_is_no_victim(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    recording_make(&r);
    answer_from(&a, &r, BTR_WALK_FORWARD, from_c(), NULL, 0, 0);
    assert_false(holds(&a, 'T') || holds(&a, 'U') || holds(&a, 'A') || holds(&a, 'B'));
    answer_end(&a);
}

static void what_it_ran_and_seldom_reads_is_shown_and_the_usual_is_not(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    recording_make(&r);
    answer_from(&a, &r, BTR_WALK_FORWARD, from_c(), NULL, 0, 0);
    assert_true(keeps(&a, 'Z', 'X') && keeps(&a, 'K', 'X'));
    assert_false(keeps(&a, 'L', 'X') || holds(&a, 'L'));
    uint32_t secret = node_of(a.trace, id_of('K'));
    assert_int_equal(a.trace->nodes[secret].step_count, 1);
    assert_true(btr_id_equal(
        a.trace->nodes[a.trace->steps[a.trace->nodes[secret].step_begin].other].id, id_of('X')));
    answer_end(&a);
}

static void what_was_taken_before_the_start_is_not_shown(void **state)
{
    static struct recording r;
    struct answer a;
    struct btr_start start = {id_of('X'), 315 * INT64_C(1000000) + BTR_SOURCE_ERROR_NS, 0};
    (void)state;
    recording_make(&r);
    tell(&r, 'X', BTR_OP_CREATE, 'F', 330);
    answer_from(&a, &r, BTR_WALK_FORWARD, start, NULL, 0, 0);
    assert_true(holds(&a, 'F') && holds(&a, 'Y'));
    assert_false(holds(&a, 'K') || holds(&a, 'Z'));
    answer_end(&a);
}

/* What the server received is the start: what it did for others is not. */
static void a_server_that_took_something_is_not_all_suspect(void **state)
{
    static struct recording r;
    struct answer a;
    struct btr_start start = {id_of('S'), 301 * INT64_C(1000000), 0};
    (void)state;
    recording_make(&r);
    answer_from(&a, &r, BTR_WALK_FORWARD, start, NULL, 0, 0);
    assert_true(keeps(&a, 'S', 'X'));
    assert_false(keeps(&a, 'S', 'E'));
    answer_end(&a);
}

static void segments_and_the_order_of_reading_change_nothing(void **state)
{
    static struct recording r;
    struct answer whole, parts;
    (void)state;
    recording_make(&r);
    answer_from(&whole, &r, BTR_WALK_FORWARD, from_c(), NULL, 0, 0);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        answer_from(&parts, &r, BTR_WALK_FORWARD, from_c(), NULL,
                    1 + (uint32_t)(seed % MEMORY_PARTS_MAX), seed);
        assert_same_answer(&whole, &parts);
        answer_end(&parts);
    }
    answer_end(&whole);
}

/* The bound of a cut answer: what is found later scores no higher. */
static void a_cut_says_what_it_may_lack(void **state)
{
    static struct recording r;
    struct answer whole;
    (void)state;
    recording_make(&r);
    answer_from(&whole, &r, BTR_WALK_FORWARD, from_c(), NULL, 0, 0);
    assert_int_equal(whole.kept.cut, BTR_CUT_NONE);
    for (uint64_t edges = 1; edges < 12; edges++) {
        struct btr_walk_limits limits = {.edge_max = edges};
        struct answer cut;
        answer_from(&cut, &r, BTR_WALK_FORWARD, from_c(), &limits, 0, 0);
        assert_true(edges > 3 || cut.kept.cut == BTR_CUT_EDGES);
        assert_int_equal(cut.trace->cut, cut.kept.cut);
        for (uint32_t i = 0; i < whole.kept.pair_count && cut.kept.cut; i++) {
            const struct btr_kept_pair *p = &whole.kept.pairs[i];
            assert_true(p->why != BTR_KEPT_EFFECT || p->score <= cut.kept.left_score + 1e-6 ||
                        btr_kept_pairs_has(&cut.kept, p->from, p->to));
        }
        answer_end(&cut);
    }
    answer_end(&whole);
}

/* ---- Against the closure ---- */

static void recording_random(struct recording *r, struct test_random *random)
{
    static const uint8_t OPERATIONS[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_FORK, BTR_OP_OPEN_BOTH};
    *r = (struct recording){0};
    for (char n = 'a'; n < 'a' + ROUND_NODES; n++) {
        if (n % 2)
            process(r, n, 1 + (uint64_t)n % 3);
        else
            file(r, n, 100 + (uint64_t)n);
    }
    for (uint32_t i = 0; i < ROUND_EVENTS; i++) {
        int64_t first_ns = (int64_t)test_random_below(random, 100) * 1000000;
        r->events[r->event_count++] = (struct btr_event){
            .subject = id_of((char)('a' + test_random_below(random, ROUND_NODES))),
            .object = id_of((char)('a' + test_random_below(random, ROUND_NODES))),
            .first_ns = first_ns,
            .last_ns = first_ns + (int64_t)test_random_below(random, 3) * 1000000,
            .stream = (uint32_t)test_random_below(random, 2),
            .operation = OPERATIONS[test_random_below(random, sizeof OPERATIONS)]};
    }
}

static bool is_in(const struct oracle *o, struct test_step s, const struct btr_trace *t)
{
    for (uint32_t i = 0; i < o->step_count; i++)
        if (o->steps[i].ref == s.step->ref && btr_id_equal(o->steps[i].from, t->nodes[s.from].id) &&
            btr_id_equal(o->steps[i].to, t->nodes[s.to].id))
            return true;
    return false;
}

/* What is shown is of the closure, or taken by something of it since it was reached; in the
 * promised order. */
static void check_round(const struct answer *a, const struct recording *r, const struct oracle *o)
{
    const struct btr_trace *t = a->trace;
    for (uint32_t n = 0; n < t->node_count; n++)
        for (uint32_t i = 0; i < t->nodes[n].step_count; i++) {
            struct test_step s = test_step_of(t, n, i);
            if (is_in(o, s, t))
                continue;
            assert_true(kept_is_taken(&a->kept, t->nodes[s.from].id, t->nodes[s.to].id));
            assert_true(r->events[s.step->ref].last_ns + BTR_SOURCE_ERROR_NS >=
                        t->nodes[s.to].bound_ns);
        }
    for (uint32_t n = 1; n < t->node_count; n++)
        assert_true(t->nodes[n - 1].bound_ns < t->nodes[n].bound_ns ||
                    (t->nodes[n - 1].bound_ns == t->nodes[n].bound_ns &&
                     btr_id_compare(t->nodes[n - 1].id, t->nodes[n].id) < 0));
}

static void what_is_shown_is_of_the_closure_or_was_taken_by_it(void **state)
{
    static struct recording r;
    static struct oracle o;
    struct test_random random = {5};
    uint32_t shown = 0;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct answer a;
        recording_random(&r, &random);
        struct btr_start start = {id_of((char)('a' + test_random_below(&random, ROUND_NODES))),
                                  (int64_t)test_random_below(&random, 60) * 1000000,
                                  (uint32_t)test_random_below(&random, 2)};
        oracle_closure(&o, r.events, r.event_count, NULL, 0, BTR_WALK_FORWARD, &start, 1);
        answer_from(&a, &r, BTR_WALK_FORWARD, start, NULL, (uint32_t)test_random_below(&random, 4),
                    3);
        check_round(&a, &r, &o);
        shown += a.trace->step_count > 0;
        answer_end(&a);
    }
    assert_true(shown > ROUNDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_request_started_is_found_over_a_file),
        cmocka_unit_test(who_always_reads_a_log_is_no_victim),
        cmocka_unit_test(what_it_ran_and_seldom_reads_is_shown_and_the_usual_is_not),
        cmocka_unit_test(what_was_taken_before_the_start_is_not_shown),
        cmocka_unit_test(a_server_that_took_something_is_not_all_suspect),
        cmocka_unit_test(segments_and_the_order_of_reading_change_nothing),
        cmocka_unit_test(a_cut_says_what_it_may_lack),
        cmocka_unit_test(what_is_shown_is_of_the_closure_or_was_taken_by_it),
    };
    return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
