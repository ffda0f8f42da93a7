/* The critical component on small recordings, and the closure over what a strategy keeps. */
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

enum { READ_MANY = 3000, ROUNDS = 3000, ROUND_EVENTS = 40, ROUND_NODES = 12 };

/* ---- A server, of which one request is an attack -------------------------------------------- */

/*
 * S serves requests from flows A..E of five addresses; each makes it read page P. With that of C it
 * starts a shell X, which writes the file F. Later request E makes the server read F and send it:
 * that is the alert. L is a library of all programs, that nobody writes.
 */

enum { SERVER = 1, SHELL, WRITER, READER };
enum { PAGE = 100, LIBRARY, FILE_F, OWN, DATABASE };

static void request(struct recording *r, char flow, int64_t at_ms)
{
    struct btr_fact fact = {.kind = BTR_KIND_FLOW,
                            .outside = true,
                            .source = 200 + (uint64_t)(unsigned char)flow,
                            .destination = OWN};
    memory_facts_add(&r->facts, id_of(flow), fact, 0);
    tell(r, 'S', BTR_OP_ACCEPT, flow, at_ms);
    tell(r, 'S', BTR_OP_RECV, flow, at_ms + 1);
    tell(r, 'S', BTR_OP_OPEN_READ, 'P', at_ms + 2);
}

static void process(struct recording *r, char name, uint64_t program)
{
    struct btr_fact fact = {.kind = BTR_KIND_PROCESS, .host = 9};
    memory_facts_add(&r->facts, id_of(name), fact, program);
    tell(r, name, BTR_OP_LOAD, 'L', 1);
}

static void recording_make(struct recording *r)
{
    *r = (struct recording){0};
    process(r, 'S', SERVER);
    process(r, 'X', SHELL);
    memory_facts_add(&r->facts, id_of('P'),
                     (struct btr_fact){.kind = BTR_KIND_FILE, .host = 9, .file = PAGE}, 0);
    memory_facts_add(&r->facts, id_of('L'),
                     (struct btr_fact){.kind = BTR_KIND_FILE, .host = 9, .file = LIBRARY}, 0);
    memory_facts_add(&r->facts, id_of('F'),
                     (struct btr_fact){.kind = BTR_KIND_FILE, .host = 9, .file = FILE_F}, 0);
    request(r, 'A', 100);
    request(r, 'B', 200);
    request(r, 'C', 300);
    tell(r, 'S', BTR_OP_FORK, 'X', 310);
    tell(r, 'X', BTR_OP_CREATE, 'F', 320);
    request(r, 'D', 400);
    request(r, 'E', 500);
    tell(r, 'S', BTR_OP_OPEN_READ, 'F', 510);
    tell(r, 'S', BTR_OP_SEND, 'E', 511);
    memory_usual_add(&r->usual, SERVER, PAGE, 1000);
    memory_usual_add(&r->usual, SERVER, LIBRARY, 1);
    memory_usual_add(&r->usual, SHELL, LIBRARY, 50);
    memory_usual_add(&r->usual, WRITER, LIBRARY, 1000);
    memory_usual_add(&r->usual, SERVER, FILE_F, 1);
}

static void answer_make(struct answer *a, struct recording *r, const struct btr_walk_limits *limits,
                        uint32_t parts, uint64_t seed)
{
    struct btr_start start = {id_of('E'), 511 * INT64_C(1000000), 0};
    answer_from(a, r, BTR_WALK_BACKWARD, start, limits, parts, seed);
}

static void answer_at(struct answer *a, struct recording *r, char entity, int64_t at_ms)
{
    struct btr_start start = {id_of(entity), at_ms * 1000000, 0};
    answer_from(a, r, BTR_WALK_BACKWARD, start, NULL, 0, 0);
}

static void the_request_that_started_the_shell_is_the_way_in(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    recording_make(&r);
    answer_make(&a, &r, NULL, 0, 0);
    assert_true(a.kept.way_count > 0);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('C')));
    assert_true(holds(&a, 'C') && holds(&a, 'S') && holds(&a, 'X') && holds(&a, 'F'));
    assert_false(holds(&a, 'A') || holds(&a, 'B') || holds(&a, 'L'));
    assert_true(btr_kept_pairs_score(&a.kept, id_of('X'), id_of('F')) >
                btr_kept_pairs_score(&a.kept, id_of('D'), id_of('S')));
    answer_end(&a);
}

static void the_alerts_own_connection_is_no_way_in(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    recording_make(&r);
    answer_make(&a, &r, NULL, 0, 0);
    for (uint32_t i = 0; i < a.kept.way_count; i++)
        assert_false(btr_id_equal(a.kept.ways[i].entity, id_of('E')));
    answer_end(&a);
}

/* However many libraries the shell loads that nobody wrote, its start explains it. */
static void what_nobody_wrote_does_not_stand_before_the_start(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    recording_make(&r);
    for (char name = 'a'; name < 'q'; name++) {
        struct btr_fact fact = {.kind = BTR_KIND_FILE, .host = 9, .file = 300 + (uint64_t)name};
        memory_facts_add(&r.facts, id_of(name), fact, 0);
        memory_usual_add(&r.usual, SHELL, fact.file, 1);
        tell(&r, 'X', BTR_OP_OPEN_READ, name, 315);
    }
    answer_make(&a, &r, NULL, 0, 0);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('C')));
    answer_end(&a);
}

/* Whoever makes a program read thousands of things does not hide who started it. */
static void however_much_it_read_its_start_explains_it(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    recording_make(&r);
    for (uint32_t i = 0; i < READ_MANY; i++) {
        tell(&r, 'X', BTR_OP_OPEN_READ, 'L', 315);
        r.events[r.event_count - 1].object = (struct btr_id){8, i};
    }
    answer_make(&a, &r, NULL, 0, 0);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('C')));
    assert_true(holds(&a, 'C') && holds(&a, 'F'));
    answer_end(&a);
}

/* A login G goes through three processes of the server before its shell writes F. */
static void login_make(struct recording *r)
{
    *r = (struct recording){0};
    recording_make(r);
    r->event_count -= 2; /* without E's reading of F, and its answer */
    process(r, 'Y', SERVER);
    process(r, 'Z', SERVER);
    process(r, 'W', WRITER);
    memory_facts_add(&r->facts, id_of('|'), (struct btr_fact){.kind = BTR_KIND_CHANNEL}, 0);
    memory_facts_add(&r->facts, id_of('H'), (struct btr_fact){.kind = BTR_KIND_FILE, .host = 9}, 0);
    request(r, 'G', 600);
    tell(r, 'S', BTR_OP_FORK, 'Y', 610);
    tell(r, 'Y', BTR_OP_RECV, 'G', 620);
    tell(r, 'Y', BTR_OP_FORK, 'Z', 630);
    tell(r, 'Y', BTR_OP_WRITE, '|', 640);
    tell(r, 'Z', BTR_OP_READ, '|', 641);
    tell(r, 'Z', BTR_OP_RECV, 'G', 650);
    tell(r, 'Z', BTR_OP_FORK, 'W', 660);
    tell(r, 'W', BTR_OP_CREATE, 'H', 670);
}

/* Why a pair is left out, or -1. What is left out is not kept. */
static int left_why(const struct answer *a, char from, char to)
{
    int why = -1;
    for (uint32_t i = 0; i < a->kept.left_out_count; i++) {
        const struct btr_left_pair *pair = &a->kept.left_out[i];
        assert_false(btr_kept_pairs_has(&a->kept, pair->from, pair->to));
        assert_true(i == 0 || pair->score <= a->kept.left_out[i - 1].score);
        if (btr_id_equal(pair->from, id_of(from)) && btr_id_equal(pair->to, id_of(to)))
            why = pair->why;
    }
    return why;
}

/* Of what the login brought, the best is shown: not how the server handed it on within itself. */
static void of_what_one_connection_brought_the_best_is_kept(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    login_make(&r);
    answer_at(&a, &r, 'H', 670);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('G')));
    assert_true(keeps(&a, 'W', 'H') && keeps(&a, 'Z', 'W') && keeps(&a, 'G', 'Z'));
    assert_true(keeps(&a, 'G', 'S') && keeps(&a, 'S', 'Y') && keeps(&a, 'Y', 'Z'));
    assert_false(keeps(&a, 'G', 'Y') || keeps(&a, 'Y', '|') || keeps(&a, '|', 'Z'));
    assert_int_equal(left_why(&a, '|', 'Z'), BTR_LEFT_SECOND);
    answer_end(&a);
}

/* Beside the login, W lays hands on a process that had just served somebody from outside. */
static void other_touch(struct recording *r, enum btr_operation operation)
{
    login_make(r);
    process(r, 'V', READER);
    request(r, 'J', 661);
    tell(r, 'V', BTR_OP_RECV, 'J', 662);
    tell(r, 'W', operation, 'V', 669);
}

/* What is read of a process, or traced, was taken; it did not come in by what that one had
 * received. */
static void a_process_that_was_read_brought_nobody_in(void **state)
{
    static const enum btr_operation READS[] = {BTR_OP_ACCESS, BTR_OP_PTRACE};
    static struct recording r;
    struct answer a;
    (void)state;
    for (size_t i = 0; i < sizeof READS / sizeof *READS; i++) {
        other_touch(&r, READS[i]);
        answer_at(&a, &r, 'H', 670);
        assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('G')));
        assert_true(keeps(&a, 'V', 'W'));
        answer_end(&a);
    }
}

/* What a process does that was traced may come of its tracer. */
static void the_traced_has_what_its_tracer_brought(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    other_touch(&r, BTR_OP_PTRACE);
    tell(&r, 'V', BTR_OP_CREATE, 'F', 680);
    answer_at(&a, &r, 'F', 680);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('G')));
    assert_true(keeps(&a, 'W', 'V'));
    answer_end(&a);
}

/* What W takes of a database before it writes: of both ends there are records. */
static void database_ask(struct recording *r, uint64_t often)
{
    struct btr_fact flow = {.kind = BTR_KIND_FLOW, .source = OWN, .destination = DATABASE};
    login_make(r);
    process(r, 'D', READER);
    memory_facts_add(&r->facts, id_of('p'), flow, 0);
    tell(r, 'W', BTR_OP_CONNECT, 'p', 661);
    tell(r, 'D', BTR_OP_ACCEPT, 'p', 662);
    tell(r, 'D', BTR_OP_SEND, 'p', 663);
    tell(r, 'W', BTR_OP_RECV, 'p', 664);
    memory_usual_add(&r->usual, WRITER, DATABASE, often);
    memory_usual_add(&r->usual, READER, LIBRARY, 1000000);
}

/* What is usual for a program is no find, however seldom it is beside what the busiest does. A
 * connection of which both ends are known is no way in. */
static void what_a_program_seldom_takes_is_shown(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    database_ask(&r, 2);
    answer_at(&a, &r, 'H', 670);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('G')));
    assert_true(keeps(&a, 'p', 'W'));
    for (uint32_t i = 0; i < a.kept.way_count; i++)
        assert_false(btr_id_equal(a.kept.ways[i].entity, id_of('p')));
    answer_end(&a);
    database_ask(&r, 900);
    answer_at(&a, &r, 'H', 670);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('G')));
    assert_false(keeps(&a, 'p', 'W'));
    answer_end(&a);
}

/* A subscription that the login set up ran the program, by the service that runs all of them. */
static void who_set_a_subscription_up_comes_before_who_runs_it(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    login_make(&r);
    process(&r, 'R', READER);
    process(&r, 'Q', WRITER);
    memory_facts_add(&r.facts, id_of('B'), (struct btr_fact){.kind = BTR_KIND_WMI}, 0);
    request(&r, 'K', 700);
    tell(&r, 'R', BTR_OP_RECV, 'K', 710);
    tell(&r, 'W', BTR_OP_WRITE, 'B', 680);
    tell(&r, 'B', BTR_OP_WMI_RUN, 'Q', 719);
    tell(&r, 'R', BTR_OP_FORK, 'Q', 720);
    tell(&r, 'Q', BTR_OP_WRITE, 'H', 730);
    answer_at(&a, &r, 'H', 730);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('G')));
    assert_true(keeps(&a, 'B', 'Q') && keeps(&a, 'W', 'B'));
    answer_end(&a);
}

/* What a server sends to one connection is the answer to what was asked there, not to what others
 * asked at the time. */
static void an_answer_is_not_for_what_others_asked(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    recording_make(&r);
    memory_facts_add(&r.facts, id_of('k'), (struct btr_fact){.kind = BTR_KIND_CHANNEL}, 0);
    memory_facts_add(&r.facts, id_of('l'), (struct btr_fact){.kind = BTR_KIND_CHANNEL}, 0);
    tell(&r, 'X', BTR_OP_READ, 'k', 312);
    tell(&r, 'X', BTR_OP_READ, 'l', 313);
    request(&r, 'M', 505);
    answer_make(&a, &r, NULL, 0, 0);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('C')));
    answer_end(&a);
}

/* The program that a login started asks a server of another host, which had served somebody from
 * outside before: that one is not who came in. */
static void a_server_answers_for_what_it_was_asked(void **state)
{
    static struct recording r;
    struct answer a;
    struct btr_fact asked = {.kind = BTR_KIND_FLOW, .source = OWN, .destination = DATABASE};
    struct btr_fact other = {
        .kind = BTR_KIND_FLOW, .outside = true, .source = 299, .destination = DATABASE};
    (void)state;
    login_make(&r);
    memory_facts_add(&r.facts, id_of('T'), (struct btr_fact){.kind = BTR_KIND_PROCESS, .host = 8},
                     READER);
    memory_facts_add(&r.facts, id_of('p'), asked, 0);
    memory_facts_add(&r.facts, id_of('K'), other, 0);
    tell(&r, 'T', BTR_OP_ACCEPT, 'K', 640);
    tell(&r, 'T', BTR_OP_RECV, 'K', 641);
    tell(&r, 'W', BTR_OP_CONNECT, 'p', 661);
    tell(&r, 'W', BTR_OP_SEND, 'p', 662);
    tell(&r, 'T', BTR_OP_ACCEPT, 'p', 663);
    tell(&r, 'T', BTR_OP_RECV, 'p', 664);
    tell(&r, 'T', BTR_OP_SEND, 'p', 665);
    tell(&r, 'W', BTR_OP_RECV, 'p', 666);
    answer_at(&a, &r, 'H', 670);
    assert_true(btr_id_equal(a.kept.ways[0].entity, id_of('G')));
    for (uint32_t i = 1; i < a.kept.way_count; i++)
        if (btr_id_equal(a.kept.ways[i].entity, id_of('K')))
            assert_true(a.kept.ways[i].score < a.kept.ways[0].score / 2);
    assert_true(keeps(&a, 'Z', 'W'));
    answer_end(&a);
}

static void segments_and_the_order_of_reading_change_nothing(void **state)
{
    static struct recording r;
    struct answer whole, parts;
    (void)state;
    recording_make(&r);
    answer_make(&whole, &r, NULL, 0, 0);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        answer_make(&parts, &r, NULL, 1 + (uint32_t)(seed % MEMORY_PARTS_MAX), seed);
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
    answer_make(&whole, &r, NULL, 0, 0);
    assert_int_equal(whole.kept.cut, BTR_CUT_NONE);
    for (uint64_t edges = 1; edges < 20; edges++) {
        struct btr_walk_limits limits = {.edge_max = edges};
        struct answer cut;
        answer_make(&cut, &r, &limits, 0, 0);
        assert_true(edges > 5 || cut.kept.cut == BTR_CUT_EDGES);
        assert_int_equal(cut.trace->cut, cut.kept.cut);
        for (uint32_t i = 0; i < whole.kept.way_count && cut.kept.cut; i++) {
            bool found = false;
            for (uint32_t k = 0; k < cut.kept.way_count; k++)
                found |= btr_id_equal(cut.kept.ways[k].entity, whole.kept.ways[i].entity);
            assert_true(found || whole.kept.ways[i].score <= cut.kept.left_score + 1e-6);
        }
        answer_end(&cut);
    }
    answer_end(&whole);
}

static void without_a_way_in_the_likely_is_kept(void **state)
{
    static struct recording r;
    struct answer a;
    (void)state;
    r = (struct recording){0};
    memory_facts_add(&r.facts, id_of('S'), (struct btr_fact){.kind = BTR_KIND_CHANNEL}, 0);
    memory_facts_add(&r.facts, id_of('E'), (struct btr_fact){.kind = BTR_KIND_CHANNEL}, 0);
    tell(&r, 'S', BTR_OP_RENAMED, 'E', 10);
    answer_make(&a, &r, NULL, 0, 0);
    assert_int_equal(a.kept.way_count, 0);
    assert_true(holds(&a, 'S'));
    answer_end(&a);
}

/* ---- The closure over what is kept ---------------------------------------------------------- */

static void events_random(struct btr_event *events, struct test_random *random)
{
    static const uint8_t operations[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_FORK, BTR_OP_OPEN_BOTH};
    for (uint32_t i = 0; i < ROUND_EVENTS; i++) {
        int64_t first_ns = (int64_t)test_random_below(random, 100) * 1000000;
        events[i] = (struct btr_event){
            .subject = id_of((char)('a' + test_random_below(random, ROUND_NODES))),
            .object = id_of((char)('a' + test_random_below(random, ROUND_NODES))),
            .first_ns = first_ns,
            .last_ns = first_ns + (int64_t)test_random_below(random, 3) * 1000000,
            .stream = (uint32_t)test_random_below(random, 2),
            .operation = operations[test_random_below(random, sizeof operations)]};
    }
}

/* The events that lie between kept pairs, each way for itself. @return their count */
static uint32_t events_kept(struct btr_event *out, const struct btr_event *events,
                            const struct btr_kept_pairs *kept)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ROUND_EVENTS; i++) {
        enum btr_direction way = btr_operation_direction(events[i].operation);
        struct btr_event e = events[i];
        bool in = btr_kept_pairs_has(kept, e.object, e.subject),
             self = btr_id_equal(e.object, e.subject);
        if (way != BTR_FLOW_OUT && in) {
            e.operation = BTR_OP_READ;
            out[count++] = e;
        }
        if (way != BTR_FLOW_IN && !(self && way == BTR_FLOW_BOTH) &&
            btr_kept_pairs_has(kept, e.subject, e.object)) {
            e.operation = BTR_OP_WRITE;
            out[count++] = e;
        }
    }
    return count;
}

static void kept_random(struct btr_kept_pairs *kept, struct test_random *random)
{
    struct kept_list list = {0};
    struct btr_err err;
    for (uint32_t i = 0; i < 60; i++)
        kept_add(&list, id_of((char)('a' + test_random_below(random, ROUND_NODES))),
                 id_of((char)('a' + test_random_below(random, ROUND_NODES))),
                 (double)test_random_below(random, 10));
    assert_int_equal(kept_finish(&list, kept, &err), 0);
}

static void round_check(struct test_random *random)
{
    static struct oracle oracle;
    struct btr_event events[ROUND_EVENTS], fewer[2 * ROUND_EVENTS];
    struct btr_kept_pairs kept = {0};
    struct memory_edges memory;
    struct btr_walk_limits none = {0};
    struct btr_trace *trace = NULL;
    struct btr_err err;
    events_random(events, random);
    kept_random(&kept, random);
    memory_edges_init(&memory, events, ROUND_EVENTS);
    struct btr_edges edges = memory_edges_of(&memory);
    struct btr_start start = {id_of('a'), 90 * INT64_C(1000000), 0};
    struct btr_scene scene = {&edges, NULL, NULL, BTR_WALK_BACKWARD, &start, 1, &none,
                              0,      NULL, false};
    assert_int_equal(btr_walk_kept(&trace, &scene, &kept, &err), 0);
    uint32_t count = events_kept(fewer, events, &kept);
    oracle_closure(&oracle, fewer, count, NULL, 0, BTR_WALK_BACKWARD, &start, 1);
    uint32_t reached = 0;
    for (uint32_t i = 0; i < oracle.node_count; i++)
        reached += oracle.reached[i];
    assert_int_equal(trace->node_count, reached);
    assert_int_equal(trace->step_count, oracle.step_count);
    for (uint32_t i = 0; i < trace->node_count; i++)
        for (uint32_t k = 0; k < oracle.node_count; k++)
            if (btr_id_equal(oracle.ids[k], trace->nodes[i].id))
                assert_int_equal(trace->nodes[i].bound_ns, oracle.told_ns[k]);
    btr_trace_free(trace);
    btr_kept_pairs_free(&kept);
    memory_edges_fini(&memory);
}

static void the_closure_over_kept_pairs_is_that_of_their_events(void **state)
{
    struct test_random random = {20261129};
    (void)state;
    for (uint32_t i = 0; i < ROUNDS; i++)
        round_check(&random);
}

static void a_pair_kept_twice_has_its_best_score(void **state)
{
    struct kept_list list = {0};
    struct btr_kept_pairs kept = {0};
    struct btr_err err;
    (void)state;
    kept_add(&list, id_of('a'), id_of('b'), 0.25);
    kept_add(&list, id_of('b'), id_of('a'), 0.125);
    kept_add(&list, id_of('a'), id_of('b'), 0.5);
    assert_int_equal(kept_finish(&list, &kept, &err), 0);
    assert_int_equal(kept.pair_count, 2);
    assert_true(btr_kept_pairs_score(&kept, id_of('a'), id_of('b')) == 0.5);
    assert_true(btr_kept_pairs_score(&kept, id_of('b'), id_of('a')) == 0.125);
    assert_false(btr_kept_pairs_has(&kept, id_of('a'), id_of('a')));
    btr_kept_pairs_free(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_that_started_the_shell_is_the_way_in),
        cmocka_unit_test(the_alerts_own_connection_is_no_way_in),
        cmocka_unit_test(what_nobody_wrote_does_not_stand_before_the_start),
        cmocka_unit_test(however_much_it_read_its_start_explains_it),
        cmocka_unit_test(an_answer_is_not_for_what_others_asked),
        cmocka_unit_test(a_server_answers_for_what_it_was_asked),
        cmocka_unit_test(of_what_one_connection_brought_the_best_is_kept),
        cmocka_unit_test(a_process_that_was_read_brought_nobody_in),
        cmocka_unit_test(the_traced_has_what_its_tracer_brought),
        cmocka_unit_test(what_a_program_seldom_takes_is_shown),
        cmocka_unit_test(who_set_a_subscription_up_comes_before_who_runs_it),
        cmocka_unit_test(segments_and_the_order_of_reading_change_nothing),
        cmocka_unit_test(a_cut_says_what_it_may_lack),
        cmocka_unit_test(without_a_way_in_the_likely_is_kept),
        cmocka_unit_test(the_closure_over_kept_pairs_is_that_of_their_events),
        cmocka_unit_test(a_pair_kept_twice_has_its_best_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
