/* The answer of a strategy that scores: its scores in the exports, the story, the views. */
#include <stdlib.h>

#include "answer/story.h"
#include "query_tests.h"
#include "test.h"
#include "world.h"

#define SECOND INT64_C(1000000000)
#define BEGIN (INT64_C(1795424284) * SECOND) /* 2026-11-23T08:58:04Z */
#define HOSTILE "a\"b\\c\n\r\t\x1b[31m\xe2\x80\xae\xff\x01'$(id)`{}"

enum { KEPT_MAX = 200 };

/* Pairs that a strategy kept, by the numbers of their entities. */
struct keeping {
    struct btr_kept_pair pairs[KEPT_MAX];
    struct btr_kept_way ways[4];
    struct btr_kept_pairs kept;
};

static int pair_compare(const void *x, const void *y)
{
    const struct btr_kept_pair *a = x, *b = y;
    int d = btr_id_compare(a->from, b->from);
    return d ? d : btr_id_compare(a->to, b->to);
}

static void keep(struct keeping *k, uint64_t from, uint64_t to, double score)
{
    assert_true(k->kept.pair_count < KEPT_MAX);
    k->pairs[k->kept.pair_count++] =
        (struct btr_kept_pair){world_id(from), world_id(to), score, BTR_KEPT_SCORE};
    k->kept.pairs = k->pairs;
    k->kept.ways = k->ways;
    qsort(k->pairs, k->kept.pair_count, sizeof *k->pairs, pair_compare);
}

static void keep_way(struct keeping *k, uint64_t node, double score)
{
    k->ways[k->kept.way_count++] = (struct btr_kept_way){world_id(node), score};
}

static const struct btr_span SPEC = {(const uint8_t *)"record:web01/5", 14};

static void trace_kept(struct world_answer *a, struct world *w, uint64_t start, int64_t time_ns,
                       const struct keeping *k, enum btr_view view)
{
    const struct btr_answer_options options = {.strategy = BTR_SPAN("critical"),
                                               .specs = &SPEC,
                                               .no_stats = true,
                                               .kept = &k->kept,
                                               .view = view};
    world_trace(a, w, start, time_ns, BTR_WALK_BACKWARD, NULL, &options);
}

/*
 * From outside (1) to a web server (2), through a socket (3, and 4 at its other end; they meet at
 * 5) to a worker (6), which starts a shell (7) that reads a database's answer (8, from 9 on db01)
 * and writes a file (10); the server reads it and sends it out (11, the alert).
 */
static void attack(struct world *w, struct keeping *k)
{
    world_open(w);
    *k = (struct keeping){.pairs = {{.score = 0}}};
    world_note(w, 1, BTR_KIND_FLOW, BTR_ENTITY_OUTSIDE, NULL, BTR_ATTR_NETWORK_TRANSPORT, "tcp",
               BTR_ATTR_SOURCE_IP, "10.9.9.9", BTR_ATTR_SOURCE_PORT, "4000",
               BTR_ATTR_DESTINATION_IP, "10.0.0.1", BTR_ATTR_DESTINATION_PORT, "80", 0);
    world_note(w, 2, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, "/usr/sbin/nginx",
               BTR_ATTR_PROCESS_COMMAND_LINE, "nginx: worker", BTR_ATTR_PROCESS_PID, "20", 0);
    world_note(w, 3, BTR_KIND_CHANNEL, BTR_ENTITY_HALF, "web01", BTR_ATTR_CHANNEL_NAME,
               "/run/php.sock", 0);
    world_note(w, 4, BTR_KIND_CHANNEL, BTR_ENTITY_HALF, "web01", BTR_ATTR_CHANNEL_NAME,
               "/run/php.sock", 0);
    world_note(w, 5, BTR_KIND_RENDEZVOUS, 0, NULL, 0);
    world_note(w, 6, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, "/usr/sbin/php-fpm",
               BTR_ATTR_PROCESS_PID, "60", 0);
    world_note(w, 7, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, "/bin/sh",
               BTR_ATTR_PROCESS_COMMAND_LINE, "sh -c dump", BTR_ATTR_PROCESS_PID, "70", 0);
    world_note(w, 8, BTR_KIND_FLOW, 0, NULL, BTR_ATTR_NETWORK_TRANSPORT, "tcp", BTR_ATTR_SOURCE_IP,
               "10.0.0.1", BTR_ATTR_SOURCE_PORT, "99", BTR_ATTR_DESTINATION_IP, "10.0.0.2",
               BTR_ATTR_DESTINATION_PORT, "5432", 0);
    world_note(w, 9, BTR_KIND_PROCESS, 0, "db01", BTR_ATTR_PROCESS_EXECUTABLE, "/usr/bin/postgres",
               BTR_ATTR_PROCESS_PID, "90", 0);
    world_note(w, 10, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/srv/pic.jpg", 0);
    world_note(w, 11, BTR_KIND_FLOW, BTR_ENTITY_OUTSIDE, NULL, BTR_ATTR_NETWORK_TRANSPORT, "tcp",
               BTR_ATTR_SOURCE_IP, "10.9.9.9", BTR_ATTR_SOURCE_PORT, "4001",
               BTR_ATTR_DESTINATION_IP, "10.0.0.1", BTR_ATTR_DESTINATION_PORT, "80", 0);
    world_note(w, 12, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/bin/sh", 0);
    int64_t t = BEGIN;
    world_event(w, 2, BTR_OP_RECV, 1, t + 1000000, t + 1000000)->bytes = 110;
    world_event(w, 2, BTR_OP_CONNECT, 3, t + 2000000, t + 2000000);
    world_event(w, 3, BTR_OP_MEET_CLIENT, 5, t + 2000000, t + 2000000);
    world_event(w, 2, BTR_OP_WRITE, 3, t + 3000000, t + 3000000)->bytes = 544;
    world_event(w, 6, BTR_OP_ACCEPT, 4, t + 4000000, t + 4000000);
    world_event(w, 4, BTR_OP_MEET_SERVER, 5, t + 4000000, t + 4000000);
    world_event(w, 6, BTR_OP_READ, 4, t + 5000000, t + 5000000)->bytes = 544;
    world_event(w, 6, BTR_OP_FORK, 7, t + 6000000, t + 6000000)->doubt = BTR_DOUBT_PARENT_BY_PPID;
    world_event(w, 7, BTR_OP_EXEC, 12, t + 7000000, t + 7000000);
    world_event(w, 9, BTR_OP_SEND, 8, t + 8000000, t + 8000000)->bytes = 2000000;
    for (int64_t i = 0; i < 3; i++)
        world_event(w, 7, BTR_OP_RECV, 8, t + 9000000 + i, t + 9000000 + i)->bytes = 700000;
    world_event(w, 7, BTR_OP_CREATE, 10, t + 10000000, t + 10000000);
    world_event(w, 7, BTR_OP_WRITE, 10, t + 11000000, t + 11000000)->bytes = 461091;
    world_event(w, 2, BTR_OP_READ, 10, t + 12 * SECOND, t + 12 * SECOND)->bytes = 461091;
    world_event(w, 2, BTR_OP_SEND, 11, t + 12 * SECOND + 1, t + 12 * SECOND + 1)->bytes = 461335;
    world_publish(w, "web01.log");
    keep(k, 1, 2, 0.3);
    keep(k, 2, 3, 0.4);
    keep(k, 3, 4, 0.4);
    keep(k, 4, 6, 0.4);
    keep(k, 6, 7, 0.5);
    keep(k, 12, 7, 0.01);
    keep(k, 9, 8, 0.6);
    keep(k, 8, 7, 0.625);
    keep(k, 7, 10, 0.9);
    keep(k, 10, 2, 0.95);
    keep(k, 2, 11, 1);
    keep_way(k, 1, 0.25);
}

static const char *text_of(struct btr_buffer *out)
{
    return out->at ? (const char *)out->at : "";
}

/* What stands in a text, in this order. */
static void in_order(struct btr_buffer *out, const char *const *parts, size_t count)
{
    const char *at = text_of(out);
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(at, parts[i]);
        if (!found)
            fail_msg("\"%s\" is not there, or not after \"%s\":\n%s", parts[i],
                     i ? parts[i - 1] : "", text_of(out));
        at = found + 1;
    }
}

static void the_story_tells_the_chain_in_steps(void **state)
{
    (void)state;
    struct world w;
    struct keeping k;
    struct world_answer a;
    struct btr_buffer out = {0};
    attack(&w, &k);
    trace_kept(&a, &w, 11, BEGIN + 13 * SECOND, &k, BTR_VIEW_STORY);
    world_export(&a, "text", &out);
    static const char *const PARTS[] = {
        "Alert  2026-11-23T08:58:17Z  tcp 10.9.9.9:4001 -> 10.0.0.1:80",
        "record:web01/5  id:",
        "Ways in considered",
        "1  0.250  tcp 10.9.9.9:4000 -> 10.0.0.1:80  id:",
        "outside the inventory; step 1\n",
        "Story     7 of 8 steps, those of the highest scores (all: --timeline)\n",
        "web01 db01 from",
        "2026-11-23 (UTC)\n",
        "   1  08:58:04.001  *     |           nginx: worker[20] received from tcp 10.9.9.9:4000 "
        "-> "
        "10.0.0.1:80 (110 bytes)\n",
        "   2  08:58:04.003  *     |    1      nginx[20] sent to /usr/sbin/php-fpm[60] via "
        "channel /run/php.sock (544 bytes) [?1]\n",
        "   3  08:58:04.006  *     |    2      php-fpm[60] started sh -c dump[70] [?2]\n",
        "   4  08:58:04.008  >     *           /usr/bin/postgres[90] sent to sh[70] via tcp "
        "10.0.0.1:99 -> 10.0.0.2:5432 (2.0 MB)\n",
        "   5  08:58:04.010  *     |    4      sh[70] created, wrote /srv/pic.jpg (461.1 KB, x2)\n",
        "   6  08:58:16.000  *     |    5      nginx[20] read /srv/pic.jpg (461.1 KB)\n",
        "   7  08:58:16.000  *     |    6      nginx[20] sent to tcp 10.9.9.9:4001 -> 10.0.0.1:80 "
        "(461.3 KB)  <- alert\n",
        "[?1] not certain: the two ends were paired by order and time\n",
        "[?2] not certain: the fork was not recorded",
        "Also      sh[70]",
        "1 file read; 7 events in all\n",
        "strategy \"critical\" keeps; all that can have led to the alert: --strategy backtracker",
        "What to try next",
        " --timeline",
    };
    in_order(&out, PARTS, sizeof PARTS / sizeof *PARTS);
    assert_null(strstr(text_of(&out), "not scored"));
    btr_buffer_fini(&out);
    world_answer_free(&a);
    world_close(&w);
}

static void scores_are_those_of_the_pairs_and_of_the_ways_in(void **state)
{
    (void)state;
    struct world w;
    struct keeping k;
    struct world_answer a;
    struct btr_buffer out = {0};
    attack(&w, &k);
    trace_kept(&a, &w, 11, BEGIN + 13 * SECOND, &k, BTR_VIEW_STORY);
    const struct btr_answer *answer = a.answer;
    for (uint32_t i = 0; i < a.trace->node_count; i++) {
        struct btr_id id = a.trace->nodes[i].id;
        double expected = btr_id_equal(id, world_id(1))    ? 0.25 /* a way in */
                          : btr_id_equal(id, world_id(2))  ? 1
                          : btr_id_equal(id, world_id(3))  ? 0.4
                          : btr_id_equal(id, world_id(8))  ? 0.625
                          : btr_id_equal(id, world_id(10)) ? 0.95
                          : btr_id_equal(id, world_id(12)) ? 0.01
                                                           : -1;
        if (expected >= 0)
            assert_true(answer->nodes[i].score == expected);
    }
    world_export(&a, "json", &out);
    static const char *const EDGES[] = {
        "\"operation\":\"recv\",\"first_ns\":1795424284001000000", "\"score\":0.3,\"doubt\":null",
        "\"operation\":\"recv\",\"first_ns\":1795424284009000000", "\"score\":0.625,\"doubt\":null",
        "\"operation\":\"send\",\"first_ns\":1795424296000000001", "\"score\":1,\"doubt\":null",
    };
    in_order(&out, EDGES, sizeof EDGES / sizeof *EDGES);
    world_export(&a, "graphml", &out);
    assert_non_null(strstr(text_of(&out), "<data key=\"score\">0.625</data>"));
    btr_buffer_fini(&out);
    world_answer_free(&a);
    world_close(&w);
}

static void without_scores_there_are_none(void **state)
{
    (void)state;
    struct world w;
    struct keeping k;
    struct world_answer a;
    struct btr_buffer out = {0};
    attack(&w, &k);
    world_trace(&a, &w, 11, BEGIN + 13 * SECOND, BTR_WALK_BACKWARD, NULL, NULL);
    world_export(&a, "json", &out);
    assert_non_null(strstr(text_of(&out), "\"score\":0,\"doubt\":null"));
    assert_null(strstr(text_of(&out), "\"score\":0.6"));
    world_export(&a, "text", &out);
    assert_non_null(strstr(text_of(&out), "Way in 1"));
    assert_null(strstr(text_of(&out), "Story"));
    btr_buffer_fini(&out);
    world_answer_free(&a);
    world_close(&w);
}

/* Two that write one pipe: nobody can tell whose words a reader took. */
static void a_message_has_one_writer_and_one_reader(void **state)
{
    (void)state;
    struct world w;
    struct keeping k = {.pairs = {{.score = 0}}};
    struct world_answer a;
    world_open(&w);
    for (uint64_t i = 1; i <= 4; i++)
        world_note(&w, i, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "7", 0);
    world_note(&w, 5, BTR_KIND_CHANNEL, 0, "web01", BTR_ATTR_CHANNEL_TYPE, "pipe", 0);
    world_note(&w, 6, BTR_KIND_CHANNEL, 0, "web01", BTR_ATTR_CHANNEL_TYPE, "pipe", 0);
    world_event(&w, 1, BTR_OP_WRITE, 5, 10, 10);
    world_event(&w, 2, BTR_OP_WRITE, 5, 11, 11);
    world_event(&w, 3, BTR_OP_READ, 5, 12, 12);
    world_event(&w, 3, BTR_OP_WRITE, 6, 13, 13);
    world_event(&w, 4, BTR_OP_READ, 6, 14, 14);
    world_publish(&w, "web01.log");
    keep(&k, 3, 6, 0.5);
    trace_kept(&a, &w, 4, 20, &k, BTR_VIEW_STORY);
    struct story s;
    assert_int_equal(story_make(&s, a.answer, NULL), 0);
    assert_int_equal(s.step_count, 5);
    assert_int_equal(story_join(&s, NULL), 0);
    assert_int_equal(s.step_count, 4);
    uint32_t messages = 0;
    for (uint32_t i = 0; i < s.step_count; i++) {
        if (s.steps[i].via == ANSWER_NONE)
            continue;
        messages++;
        assert_true(btr_id_equal(a.trace->nodes[s.steps[i].via].id, world_id(6)));
        assert_true(btr_id_equal(a.trace->nodes[s.steps[i].from].id, world_id(3)));
        assert_true(btr_id_equal(a.trace->nodes[s.steps[i].to].id, world_id(4)));
        assert_int_equal(s.steps[i].first_ns, 13);
        assert_int_equal(s.steps[i].last_ns, 14);
        assert_true(s.steps[i].score == 0.5);
    }
    assert_int_equal(messages, 1);
    story_fini(&s);
    world_answer_free(&a);
    world_close(&w);
}

/* A chain of files and processes, of one score, and one side branch of a higher one, far away. */
static void the_story_grows_from_the_alert(void **state)
{
    (void)state;
    enum { LINKS = 20, TOLD = 5 };
    static const int64_t EXPECTED_NS[TOLD] = {69, 72, 73, 76, 77};
    struct world w;
    struct keeping k = {.pairs = {{.score = 0}}};
    struct world_answer a;
    world_open(&w);
    for (uint64_t i = 0; i < LINKS; i++) {
        world_note(&w, 1 + 2 * i, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/tmp/x", 0);
        world_note(&w, 2 + 2 * i, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "7", 0);
        world_event(&w, 2 + 2 * i, BTR_OP_READ, 1 + 2 * i, (int64_t)(4 * i), (int64_t)(4 * i));
        world_event(&w, 2 + 2 * i, BTR_OP_WRITE, 3 + 2 * i, (int64_t)(4 * i) + 1,
                    (int64_t)(4 * i) + 1);
        keep(&k, 1 + 2 * i, 2 + 2 * i, i == 3 ? 0.9 : 0.5);
        keep(&k, 2 + 2 * i, 3 + 2 * i, 0.5);
    }
    world_publish(&w, "web01.log");
    trace_kept(&a, &w, 1 + 2 * LINKS, 1000, &k, BTR_VIEW_STORY);
    struct story s;
    assert_int_equal(story_make(&s, a.answer, NULL), 0);
    assert_int_equal(s.step_count, 2 * LINKS);
    assert_int_equal(story_pick(&s, TOLD, NULL), 0);
    assert_int_equal(s.told_count, TOLD);
    assert_int_equal(s.left_count, 2 * LINKS - TOLD);
    for (uint32_t i = 0; i < TOLD; i++) {
        const struct story_step *step = &s.steps[s.told[i]];
        struct story_carriers from;
        assert_int_equal(step->number, i + 1);
        assert_int_equal(step->first_ns, EXPECTED_NS[i]);
        assert_int_equal(story_carriers(&s, step, &from, NULL), 0);
        assert_int_equal(from.count, i > 0);
        assert_false(from.through);
        if (i > 0)
            assert_int_equal(from.numbers[0], i);
    }
    story_fini(&s);
    world_answer_free(&a);
    world_close(&w);
}

/* What 2 read (1) came into 3 and, by its child 4, into 5; 6 read both. The start of 4 is not told.
 */
static void a_cause_leads_through_steps_that_are_not_told(void **state)
{
    (void)state;
    static const struct {
        uint64_t from, to;
        double score;
    } PAIRS[] = {{1, 2, 0.9}, {2, 3, 0.9}, {2, 4, 0.1}, {4, 5, 0.9}, {3, 6, 0.9}, {5, 6, 0.9}};
    struct world w;
    struct keeping k = {.pairs = {{.score = 0}}};
    struct world_answer a;
    world_open(&w);
    for (uint64_t i = 1; i <= 6; i++)
        world_note(&w, i, i % 2 ? BTR_KIND_FILE : BTR_KIND_PROCESS, 0, "web01", 0);
    world_event(&w, 2, BTR_OP_READ, 1, 10, 10);
    world_event(&w, 2, BTR_OP_WRITE, 3, 11, 11);
    world_event(&w, 2, BTR_OP_FORK, 4, 12, 12);
    world_event(&w, 4, BTR_OP_WRITE, 5, 13, 13);
    world_event(&w, 6, BTR_OP_READ, 3, 14, 14);
    world_event(&w, 6, BTR_OP_READ, 5, 15, 15);
    world_publish(&w, "web01.log");
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++)
        keep(&k, PAIRS[i].from, PAIRS[i].to, PAIRS[i].score);
    trace_kept(&a, &w, 6, 20, &k, BTR_VIEW_STORY);
    struct story s;
    assert_int_equal(story_make(&s, a.answer, NULL), 0);
    assert_int_equal(story_pick(&s, 5, NULL), 0);
    assert_int_equal(s.told_count, 5);
    static const uint32_t CAUSES[] = {0, 1, 1, 2, 3};
    for (uint32_t i = 0; i < 5; i++) {
        struct story_carriers from;
        assert_int_equal(story_carriers(&s, &s.steps[s.told[i]], &from, NULL), 0);
        assert_int_equal(from.count, CAUSES[i] > 0);
        assert_int_equal(from.count ? from.numbers[0] : 0, CAUSES[i]);
        assert_true(from.count == 0 || from.through == (i == 2));
    }
    story_fini(&s);
    world_answer_free(&a);
    world_close(&w);
}

static void the_timeline_has_every_edge_and_the_tree_every_process(void **state)
{
    (void)state;
    struct world w;
    struct keeping k;
    struct world_answer a;
    struct btr_buffer out = {0};
    attack(&w, &k);
    trace_kept(&a, &w, 11, BEGIN + 13 * SECOND, &k, BTR_VIEW_TIMELINE);
    world_export(&a, "text", &out);
    static const char *const LINES[] = {
        "Timeline  15 steps\n",
        "  08:58:04.001                  web01        nginx[20] received from tcp 10.9.9.9:4000",
        "nginx[20] connected to channel /run/php.sock",
        " is one connection with channel /run/php.sock [?",
        "php-fpm[60] started sh -c dump[70] [?",
        "sh[70] received from tcp 10.0.0.1:99 -> 10.0.0.2:5432 (2.1 MB, x3)",
        "  08:58:16.000                  web01        nginx[20] sent to ",
        "  <- alert\n",
        "not certain: the two ends",
        "In all ",
    };
    in_order(&out, LINES, sizeof LINES / sizeof *LINES);
    world_answer_free(&a);
    trace_kept(&a, &w, 11, BEGIN + 13 * SECOND, &k, BTR_VIEW_TREE);
    world_export(&a, "text", &out);
    static const char *const TREE[] = {
        "Tree      4 processes\n",
        "\n  web01  nginx: worker[20]  id:",
        "\n    - read 1 file: /srv/pic.jpg\n",
        "\n    - used 2 connections: tcp 10.9.9.9:4001 -> 10.0.0.1:80, tcp 10.9.9.9:4000 -> ",
        "\n  web01  /usr/sbin/php-fpm[60]  id:",
        "\n    sh -c dump[70]  id:",
        "\n      - read 1 file: /bin/sh\n",
        "\n      - wrote 1 file: /srv/pic.jpg\n",
        "\n      - used 1 connection: tcp 10.0.0.1:99 -> 10.0.0.2:5432\n",
        "\n  db01  /usr/bin/postgres[90]  id:",
    };
    in_order(&out, TREE, sizeof TREE / sizeof *TREE);
    world_answer_free(&a);
    world_close(&w);
    btr_buffer_fini(&out);
}

/* Processes that are said to have started one another are told once each. */
static void a_circle_of_starts_ends(void **state)
{
    (void)state;
    struct world w;
    struct keeping k = {.pairs = {{.score = 0}}};
    struct world_answer a;
    struct btr_buffer out = {0};
    world_open(&w);
    for (uint64_t i = 1; i <= 3; i++)
        world_note(&w, i, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_COMMAND_LINE, "round", 0);
    for (uint64_t i = 1; i <= 3; i++)
        world_event(&w, i, BTR_OP_FORK, i % 3 + 1, (int64_t)i, (int64_t)i + 10)->flags =
            BTR_EVENT_INTERVAL;
    world_publish(&w, "web01.log");
    keep(&k, 1, 2, 0.5);
    trace_kept(&a, &w, 1, 40, &k, BTR_VIEW_TREE);
    world_export(&a, "text", &out);
    uint32_t told = 0;
    for (const char *at = text_of(&out); (at = strstr(at, "round  id:")); at++)
        told++;
    assert_int_equal(told, 3);
    btr_buffer_fini(&out);
    world_answer_free(&a);
    world_close(&w);
}

/* Every name is long and hostile. */
static void hostile_world(struct world *w, struct keeping *k)
{
    static char name[3000];
    size_t size = 0;
    while (size + sizeof HOSTILE < sizeof name) {
        memcpy(name + size, HOSTILE, sizeof HOSTILE - 1);
        size += sizeof HOSTILE - 1;
    }
    world_open(w);
    *k = (struct keeping){.pairs = {{.score = 0}}};
    for (uint64_t i = 0; i < 8; i++) {
        const char *host = i % 2 ? HOSTILE : name + i;
        world_note(w, 10 + i, BTR_KIND_PROCESS, 0, host, BTR_ATTR_PROCESS_COMMAND_LINE, name,
                   BTR_ATTR_PROCESS_EXECUTABLE, name, BTR_ATTR_PROCESS_PID, name, 0);
        world_note(w, 20 + i, BTR_KIND_FILE, 0, host, BTR_ATTR_FILE_PATH, name, 0);
        world_note(w, 30 + i, BTR_KIND_CHANNEL, 0, host, BTR_ATTR_CHANNEL_NAME, name, 0);
        world_event(w, 10 + i, BTR_OP_WRITE, 20 + i, (int64_t)i, (int64_t)i)->bytes = 123456789;
        world_event(w, 10 + i, BTR_OP_WRITE, 30 + i, (int64_t)i, (int64_t)i);
        world_event(w, 9, BTR_OP_READ, 20 + i, 40 + (int64_t)i, 40 + (int64_t)i)->doubt =
            BTR_DOUBT_DESCRIPTOR_UNKNOWN;
        world_event(w, 9, BTR_OP_READ, 30 + i, 40 + (int64_t)i, 40 + (int64_t)i);
        keep(k, 10 + i, 20 + i, 0.25);
    }
    world_note(w, 9, BTR_KIND_PROCESS, 0, name, BTR_ATTR_PROCESS_COMMAND_LINE, name, 0);
    world_publish(w, "web01.log");
    keep_way(k, 10, 0.5);
}

static void lines_hold_nothing_hostile_and_keep_their_width(void **state)
{
    (void)state;
    enum { WIDTH = 120 };
    struct world w;
    struct keeping k;
    struct btr_buffer out = {0}, again = {0};
    hostile_world(&w, &k);
    for (int view = BTR_VIEW_STORY; view <= BTR_VIEW_TREE; view++) {
        struct world_answer a;
        trace_kept(&a, &w, 9, 100, &k, (enum btr_view)view);
        world_export(&a, "text", &out);
        world_answer_free(&a);
        trace_kept(&a, &w, 9, 100, &k, (enum btr_view)view);
        world_export(&a, "text", &again);
        world_answer_free(&a);
        assert_int_equal(out.size, again.size);
        assert_memory_equal(out.at, again.at, out.size);
        for (size_t i = 0; i < out.size; i++)
            assert_true((out.at[i] >= 0x20 || out.at[i] == '\n') && out.at[i] != 0x7f);
        assert_null(strstr(text_of(&out), "\xe2\x80\xae"));
        const char *at = strstr(text_of(&out), view == BTR_VIEW_STORY      ? "\nWays in"
                                               : view == BTR_VIEW_TIMELINE ? "\nTimeline"
                                                                           : "\nTree");
        assert_non_null(at);
        const char *end = strstr(at, "\nIn all");
        assert_non_null(end);
        for (at++; at < end; at = strchr(at, '\n') + 1) {
            size_t columns = 0;
            for (const char *c = at; *c != '\n'; c++)
                columns += ((unsigned char)*c & 0xc0) != 0x80;
            if (columns > WIDTH)
                fail_msg("%zu columns: %.200s", columns, at);
        }
    }
    btr_buffer_fini(&out);
    btr_buffer_fini(&again);
    world_close(&w);
}

int story_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_story_tells_the_chain_in_steps),
        cmocka_unit_test(scores_are_those_of_the_pairs_and_of_the_ways_in),
        cmocka_unit_test(without_scores_there_are_none),
        cmocka_unit_test(a_message_has_one_writer_and_one_reader),
        cmocka_unit_test(the_story_grows_from_the_alert),
        cmocka_unit_test(a_cause_leads_through_steps_that_are_not_told),
        cmocka_unit_test(the_timeline_has_every_edge_and_the_tree_every_process),
        cmocka_unit_test(a_circle_of_starts_ends),
        cmocka_unit_test(lines_hold_nothing_hostile_and_keep_their_width),
    };
    return cmocka_run_group_tests_name("story", tests, NULL, NULL);
}
