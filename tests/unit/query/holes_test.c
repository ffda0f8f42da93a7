/* Doubts of holes in the records: each where it belongs, in its words, and nowhere else. */
#include <stdlib.h>

#include "query_tests.h"
#include "test.h"
#include "world.h"

#define SECOND INT64_C(1000000000)
#define BEGIN (INT64_C(1795424280) * SECOND) /* 2026-11-23T08:58:00Z */
#define AT(seconds) (BEGIN + (seconds)*SECOND)

enum { WEB01 = 0, DB01 = 1 };

/*
 * On web01 a server (2) of which the start is not seen reads a file (3) and starts a shell (4),
 * which reads two more (5, 6), and writes one (7), which the server reads and sends out (8, the
 * alert). Records begin with what process 1 does, at 0 s; 5 is seen then, too.
 */
static void scene(struct world *w)
{
    world_open(w);
    world_note(w, 1, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "10", 0);
    world_note(w, 2, BTR_KIND_PROCESS, BTR_ENTITY_UNCERTAIN, "web01", BTR_ATTR_PROCESS_EXECUTABLE,
               "/usr/sbin/nginx", BTR_ATTR_PROCESS_PID, "20", 0);
    world_note(w, 3, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/srv/a", 0);
    world_note(w, 4, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, "/bin/sh",
               BTR_ATTR_PROCESS_PID, "40", 0);
    world_note(w, 5, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/srv/b", 0);
    world_note(w, 6, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/srv/c", 0);
    world_note(w, 7, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/srv/d", 0);
    world_note(w, 8, BTR_KIND_FLOW, BTR_ENTITY_OUTSIDE, NULL, BTR_ATTR_SOURCE_IP, "10.9.9.9", 0);
    world_event(w, 1, BTR_OP_READ, 5, AT(0), AT(0));
    world_event(w, 2, BTR_OP_READ, 3, AT(100), AT(100));
    world_event(w, 2, BTR_OP_FORK, 4, AT(101), AT(101))->doubt = BTR_DOUBT_PARENT_BY_PPID;
    world_event(w, 4, BTR_OP_READ, 5, AT(102), AT(102));
    world_event(w, 4, BTR_OP_READ, 6, AT(103), AT(103));
    world_event(w, 4, BTR_OP_WRITE, 7, AT(104), AT(104));
    world_event(w, 2, BTR_OP_READ, 7, AT(150), AT(150));
    world_event(w, 2, BTR_OP_SEND, 8, AT(151), AT(151));
}

static const struct answer_node *node(const struct world_answer *a, uint64_t number)
{
    for (uint32_t i = 0; i < a->trace->node_count; i++)
        if (btr_id_equal(a->trace->nodes[i].id, world_id(number)))
            return &a->answer->nodes[i];
    fail_msg("no node %u", (unsigned)number);
    return NULL;
}

static void assert_doubt(const struct world_answer *a, uint64_t number, bool hole,
                         const char *expected)
{
    const struct answer_node *n = node(a, number);
    if (!btr_span_equal(n->doubt, btr_span_of(expected)))
        fail_msg("%u: \"%.*s\" is not \"%s\"", (unsigned)number, (int)n->doubt.size,
                 (const char *)n->doubt.at, expected);
    assert_int_equal(n->hole, hole);
}

/* The doubt of the edge between two nodes. */
static void assert_edge(const struct world_answer *a, uint64_t from, uint64_t to, bool hole,
                        const char *expected)
{
    assert_int_equal(answer_edges_need(a->answer, NULL), 0);
    for (uint32_t i = 0; i < a->answer->edge_count; i++) {
        struct answer_edge e = answer_edge_at(a->answer, i);
        struct btr_buffer words = {0};
        if (!btr_id_equal(a->trace->nodes[e.from].id, world_id(from)) ||
            !btr_id_equal(a->trace->nodes[e.to].id, world_id(to)))
            continue;
        assert_int_equal(answer_edge_doubt(a->answer, &e, &words), hole);
        assert_int_equal(answer_edge_doubt(a->answer, &e, NULL), hole);
        if (!btr_span_equal(btr_buffer_view(&words), btr_span_of(expected)))
            fail_msg("%u to %u: \"%.*s\" is not \"%s\"", (unsigned)from, (unsigned)to,
                     (int)words.size, (const char *)words.at, expected);
        btr_buffer_fini(&words);
        return;
    }
    fail_msg("no edge from %u to %u", (unsigned)from, (unsigned)to);
}

static void back(struct world_answer *a, struct world *w)
{
    world_publish(w, "web01.log");
    world_trace(a, w, 8, AT(200), BTR_WALK_BACKWARD, NULL, NULL);
}

static void end(struct world_answer *a, struct world *w)
{
    world_answer_free(a);
    world_close(w);
}

static void hole(struct world *w, uint32_t stream, int64_t from_s, int64_t until_s, uint64_t count)
{
    world_gap(w, stream, BTR_GAP_HOLE, AT(from_s), AT(until_s), "serials are missing")->count =
        count;
}

/* No hole is told of: only what was so without one. */
static void assert_sound(const struct world_answer *a)
{
    assert_doubt(a, 2, false, "it began before web01's records do (08:58:00.000)");
    for (uint64_t i = 3; i <= 7; i++)
        assert_doubt(a, i, false, "");
    assert_edge(a, 2, 4, false, btr_doubt_text(BTR_DOUBT_PARENT_BY_PPID));
    assert_edge(a, 7, 2, false, "");
}

static void what_is_whole_doubts_nothing_but_its_beginning(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    back(&a, &w);
    assert_sound(&a);
    end(&a, &w);
}

static void holes_of_other_hosts_and_later_ones_hide_no_origin(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    hole(&w, DB01, 90, 91, 100);
    hole(&w, WEB01, 110, 111, 5);
    world_gap(&w, WEB01, BTR_GAP_RULES, AT(50), AT(51), "the rules");
    world_gap(&w, WEB01, BTR_GAP_CLOCK, AT(50), AT(51), "the clock");
    back(&a, &w);
    assert_sound(&a);
    end(&a, &w);
}

static void what_is_first_seen_behind_a_hole_says_what_is_missing(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    hole(&w, WEB01, 60, 60, 3);
    hole(&w, WEB01, 98, 99, 2);
    back(&a, &w);
    assert_doubt(&a, 2, true,
                 "its start is not in the records: web01 lacks 5 records in 2 holes in the minute "
                 "before, the nearest (2 records) between 08:59:38.000 and 08:59:39.000; or it "
                 "began before web01's records do (08:58:00.000)");
    assert_doubt(&a, 3, true,
                 "nobody is seen to have written it: web01 lacks 5 records in 2 holes in the "
                 "minute before, the nearest (2 records) between 08:59:38.000 and 08:59:39.000; or "
                 "it is older than web01's records (08:58:00.000)");
    assert_doubt(&a, 5, false, ""); /* it was there before the holes */
    assert_doubt(&a, 6, true,
                 "nobody is seen to have written it: web01 lacks 5 records in 2 holes in the "
                 "minute before, the nearest (2 records) between 08:59:38.000 and 08:59:39.000; or "
                 "it is older than web01's records (08:58:00.000)");
    assert_doubt(&a, 7, false, ""); /* somebody wrote it */
    assert_edge(&a, 2, 4, true,
                "the fork was not recorded; the parent is told by ppid only: web01 lacks 5 records "
                "in 2 holes in the minute before, the nearest (2 records) between 08:59:38.000 and "
                "08:59:39.000");
    assert_edge(&a, 4, 7, false, "");
    end(&a, &w);
}

static void a_start_may_lie_in_a_hole_of_long_before(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    world_gap(&w, WEB01, BTR_GAP_UNDECODED, AT(20), AT(21), "bad")->count = 2;
    hole(&w, WEB01, 10, 10, 1);
    back(&a, &w);
    assert_doubt(&a, 2, true,
                 "its start is not in the records: web01 lacks 3 records in 2 holes, the nearest "
                 "between 08:58:20.000 and 08:58:21.000: records could not be decoded; or it began "
                 "before web01's records do (08:58:00.000)");
    assert_doubt(&a, 3, false, ""); /* long before all that is told here */
    end(&a, &w);
}

static void a_hole_of_unknown_size_is_told_by_its_cause(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    world_gap(&w, WEB01, BTR_GAP_BACKLOG, AT(95), AT(96), "overflow");
    back(&a, &w);
    assert_doubt(&a, 3, true,
                 "nobody is seen to have written it: web01 between 08:59:35.000 and 08:59:36.000: "
                 "the audit backlog overflowed; or it is older than web01's records "
                 "(08:58:00.000)");
    end(&a, &w);
}

static void a_step_says_which_wide_hole_lies_before_it(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    hole(&w, WEB01, 120, 130, 5113);
    back(&a, &w);
    /* The shell wrote the file before the hole, and it was read behind it. */
    assert_edge(&a, 7, 2, true,
                "between this and what is seen to have led to it web01 lacks 5,113 records between "
                "09:00:00.000 and 09:00:10.000");
    assert_edge(&a, 2, 8, false, ""); /* it was read behind the hole, and sent then */
    assert_edge(&a, 4, 7, false, "");
    end(&a, &w);
}

static void one_record_more_or_less_is_no_wide_hole(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    hole(&w, WEB01, 120, 130, 63);
    hole(&w, DB01, 120, 130, 640);
    back(&a, &w);
    assert_edge(&a, 7, 2, false, "");
    end(&a, &w);
}

static void what_lasts_over_a_wide_hole_says_so(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    world_note(&w, 9, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/srv/e", 0);
    struct btr_event *e = world_event(&w, 2, BTR_OP_OPEN_READ, 9, AT(105), AT(149));
    e->flags = BTR_EVENT_INTERVAL;
    e->doubt = BTR_DOUBT_INFERRED;
    hole(&w, WEB01, 120, 130, 64);
    back(&a, &w);
    assert_edge(&a, 9, 2, true,
                "not recorded; inferred from another record; while it lasted web01 lacks 64 "
                "records between 09:00:00.000 and 09:00:10.000");
    end(&a, &w);
}

static void a_descriptor_of_unknown_opening_may_be_opened_in_a_hole(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    world_note(&w, 9, BTR_KIND_CHANNEL, 0, "web01", 0);
    world_event(&w, 2, BTR_OP_READ, 9, AT(149), AT(149))->doubt = BTR_DOUBT_DESCRIPTOR_UNKNOWN;
    hole(&w, WEB01, 140, 140, 1);
    back(&a, &w);
    assert_edge(&a, 9, 2, true,
                "the opening of the descriptor is not in the records: web01 lacks 1 record at "
                "09:00:20.000");
    assert_doubt(&a, 9, true,
                 "nothing is seen to have made it: web01 lacks 1 record at 09:00:20.000; or it is "
                 "older than web01's records (08:58:00.000)");
    end(&a, &w);
}

static void a_connection_says_who_may_have_recorded_its_other_end(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    scene(&w);
    world_note(&w, 9, BTR_KIND_FLOW, BTR_ENTITY_HALF, NULL, BTR_ATTR_SOURCE_IP, "10.0.0.2", 0);
    world_event(&w, 2, BTR_OP_RECV, 9, AT(145), AT(145));
    hole(&w, DB01, 144, 144, 2);
    hole(&w, WEB01, 145, 145, 1);
    hole(&w, WEB01, 144, 145, 3);
    hole(&w, DB01, 140, 143, 50); /* too long before */
    back(&a, &w);
    assert_doubt(&a, 9, true,
                 "no record tells of its other end: about then db01 lacks 2 records at "
                 "09:00:24.000, web01 lacks 4 records in 2 holes between 09:00:24.000 and "
                 "09:00:25.000");
    end(&a, &w);
}

static void what_an_answer_left_out_is_no_hole(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    const struct btr_walk_limits limits = {.edge_max = 3}; /* 8, and what came to 2 */
    scene(&w);
    hole(&w, WEB01, 98, 98, 1);
    world_publish(&w, "web01.log");
    world_trace(&a, &w, 8, AT(200), BTR_WALK_BACKWARD, &limits, NULL);
    assert_int_equal(a.trace->cut, BTR_CUT_EDGES);
    assert_true(node(&a, 3)->hole);
    assert_int_equal(node(&a, 7)->rank, ANSWER_RANK_OBJECT); /* nothing in the answer wrote it */
    assert_doubt(&a, 7, false, "");
    end(&a, &w);
}

static void gaps_are_joined_and_none_is_left_out(void **state)
{
    (void)state;
    enum { GAPS = 1000, MOST = 64 };
    struct world w;
    struct world_answer a;
    struct answer_gap *gaps;
    uint32_t count, holes = 0;
    uint64_t missing = 0;
    scene(&w);
    for (int i = 0; i < GAPS; i++)
        world_gap(&w, WEB01, BTR_GAP_HOLE, AT(100) + i * (SECOND / 12 + i),
                  AT(100) + i * (SECOND / 12 + i) + 5, "missing")
            ->count = 2;
    world_gap(&w, WEB01, BTR_GAP_RULES, AT(110), AT(110), "the rules");
    back(&a, &w);
    assert_int_equal(a.answer->gap_count, GAPS + 1);
    assert_true(answer_gaps_join(a.answer, MOST, &gaps, &count));
    assert_true(count > 1 && count <= MOST + 1);
    for (uint32_t i = 0; i < count; i++) {
        holes += gaps[i].holes;
        missing += gaps[i].count;
        assert_true(i == 0 || gaps[i - 1].from_ns <= gaps[i].from_ns);
        assert_true(gaps[i].kind == BTR_GAP_HOLE || gaps[i].holes == 1);
    }
    assert_int_equal(holes, GAPS + 1);
    assert_int_equal(missing, 2 * GAPS);
    free(gaps);
    assert_true(answer_gaps_join(a.answer, 1, &gaps, &count));
    assert_int_equal(count, 2);
    free(gaps);
    end(&a, &w);
}

static void in_order(const struct btr_buffer *out, const char *const *parts, size_t count)
{
    const char *at = (const char *)out->at;
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(at, parts[i]);
        if (!found)
            fail_msg("\"%s\" is not there, or not after \"%s\":\n%s", parts[i],
                     i ? parts[i - 1] : "", (const char *)out->at);
        at = found + 1;
    }
}

static void every_export_tells_what_stands_on_a_hole(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    struct btr_buffer out = {0};
    static const struct btr_span SPEC = {(const uint8_t *)"record:web01/5", 14};
    struct btr_kept_pair pairs[] = {{world_id(2), world_id(4), 0.5, BTR_KEPT_SCORE}};
    struct btr_kept_way ways[] = {{world_id(2), 0.25}};
    const struct btr_kept_pairs kept = {
        .pairs = pairs, .pair_count = 1, .ways = ways, .way_count = 1};
    struct btr_answer_options options = {
        .strategy = BTR_SPAN("critical"), .specs = &SPEC, .no_stats = true, .kept = &kept};
    scene(&w);
    hole(&w, WEB01, 98, 98, 1);
    hole(&w, WEB01, 120, 130, 500);
    world_publish(&w, "web01.log");
    world_trace(&a, &w, 8, AT(200), BTR_WALK_BACKWARD, NULL, &options);
    world_export(&a, "text", &out);
    static const char *const STORY[] = {
        "Ways in considered",
        "a process whose start is not in the records",
        "            not certain: its start is not in the records: web01 lacks 1 record at",
        "Story",
        " of them stand on a hole in the records: ",
        "nginx[20] read /srv/a [?",
        "nginx[20] started /bin/sh[40] [?",
        "nginx[20] read /srv/d [?",
        "] not certain: ",
        "Gaps      2 gaps",
    };
    in_order(&out, STORY, sizeof STORY / sizeof *STORY);
    world_export(&a, "json", &out);
    static const char *const JSON[] = {
        "\"entries\":[",
        "\"doubt\":\"its start is not in the records: ",
        "\"gaps\":[",
        "\"missing\":500",
        "\"nodes\":[",
        "\"doubt\":null",
        "\"edges\":[",
        "\"doubt\":\"the fork was not recorded; the parent is told by ppid only: web01 lacks 1 ",
        "\"doubt\":\"between this and what is seen to have led to it web01 lacks 500 records ",
    };
    in_order(&out, JSON, sizeof JSON / sizeof *JSON);
    world_export(&a, "graphml", &out);
    assert_non_null(strstr((const char *)out.at, "<data key=\"doubt\">its start is not"));
    assert_non_null(strstr((const char *)out.at, "<data key=\"doubt\">between this and"));
    world_export(&a, "dot", &out);
    assert_non_null(strstr((const char *)out.at, "style=dashed, tooltip=\"its start is not"));
    world_answer_free(&a);
    options.view = BTR_VIEW_TIMELINE;
    world_trace(&a, &w, 8, AT(200), BTR_WALK_BACKWARD, NULL, &options);
    world_export(&a, "text", &out);
    assert_non_null(strstr((const char *)out.at, "not certain: between this and what is seen"));
    world_answer_free(&a);
    options.view = BTR_VIEW_TREE;
    world_trace(&a, &w, 8, AT(200), BTR_WALK_BACKWARD, NULL, &options);
    world_export(&a, "text", &out);
    assert_non_null(strstr((const char *)out.at, "not certain: its start is not in the records"));
    btr_buffer_fini(&out);
    end(&a, &w);
}

int holes_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_whole_doubts_nothing_but_its_beginning),
        cmocka_unit_test(holes_of_other_hosts_and_later_ones_hide_no_origin),
        cmocka_unit_test(what_is_first_seen_behind_a_hole_says_what_is_missing),
        cmocka_unit_test(a_start_may_lie_in_a_hole_of_long_before),
        cmocka_unit_test(a_hole_of_unknown_size_is_told_by_its_cause),
        cmocka_unit_test(a_step_says_which_wide_hole_lies_before_it),
        cmocka_unit_test(one_record_more_or_less_is_no_wide_hole),
        cmocka_unit_test(what_lasts_over_a_wide_hole_says_so),
        cmocka_unit_test(a_descriptor_of_unknown_opening_may_be_opened_in_a_hole),
        cmocka_unit_test(a_connection_says_who_may_have_recorded_its_other_end),
        cmocka_unit_test(what_an_answer_left_out_is_no_hole),
        cmocka_unit_test(gaps_are_joined_and_none_is_left_out),
        cmocka_unit_test(every_export_tells_what_stands_on_a_hole),
    };
    return cmocka_run_group_tests_name("holes", tests, NULL, NULL);
}
