/* Answers over random small stores, against plain recounts. */
#include "query_tests.h"
#include "test.h"
#include "test_random.h"
#include "test_steps.h"
#include "world.h"

enum { NODES = 14, EVENTS = 160, ROUNDS = 60 };

/* Random times are multiples of this, which is more than what times of two sources may differ by.
 */
#define UNIT_NS (2 * BTR_SOURCE_ERROR_NS)

/* Processes are 0 .. 6, files 7 .. 13; times are few, so that there are ties. */
static void random_world(struct world *w, struct test_random *random)
{
    static const enum btr_operation OPERATIONS[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_OPEN_BOTH,
                                                    BTR_OP_EXEC, BTR_OP_CREATE};
    world_open(w);
    for (uint64_t i = 0; i < NODES; i++)
        world_note(w, i, i < NODES / 2 ? BTR_KIND_PROCESS : BTR_KIND_FILE, 0, "web01", 0);
    for (int i = 0; i < EVENTS; i++) {
        uint64_t process = test_random_below(random, NODES / 2);
        uint64_t other = NODES / 2 + test_random_below(random, NODES / 2);
        enum btr_operation operation = OPERATIONS[test_random_below(random, 5)];
        int64_t first = (int64_t)test_random_below(random, 60) * UNIT_NS;
        int64_t last = first + (int64_t)test_random_below(random, 8) * UNIT_NS;
        if (test_random_below(random, 8) == 0) {
            operation = BTR_OP_FORK;
            other = test_random_below(random, NODES / 2);
        }
        struct btr_event *e = world_event(w, process, operation, other, first, last);
        e->flags = test_random_below(random, 3) == 0 ? BTR_EVENT_INTERVAL : 0;
        e->doubt = test_random_below(random, 6) == 0 ? BTR_DOUBT_INFERRED : 0;
        if (test_random_below(random, 2))
            e->bytes = test_random_below(random, 1000);
        if (test_random_below(random, 4) == 0) { /* several events of one record */
            e->line = 1 + test_random_below(random, 20);
            e->record_id = 5000 + e->line;
        }
    }
    world_publish(w, "web01.log");
}

/* ---- Merging ---- */

static bool step_in_edge(const struct btr_trace *t, struct test_step at,
                         const struct answer_edge *e)
{
    const struct btr_manner *m = btr_step_manner(t, at.step);
    bool alike = t->merged || (m->operation == e->operation && m->doubt == e->doubt);
    return at.from == e->from && at.to == e->to && alike &&
           ((m->flags & BTR_EVENT_INTERVAL) != 0) == e->interval;
}

static bool record_seen(uint64_t (*seen)[2], size_t count, const struct btr_event *e)
{
    for (size_t i = 0; i < count; i++) {
        if (seen[i][0] == e->line && seen[i][1] == e->record_id)
            return true;
    }
    return false;
}

/* An edge recounted. */
struct recount {
    uint64_t seen[EVENTS * 2][2], bytes;
    size_t count;
    int64_t first, last;
    uint32_t steps;
};

static void step_recount(struct world *w, struct recount *r, const struct btr_trace_step *s)
{
    struct btr_event_full full;
    assert_int_equal(btr_reader_event(w->reader, s->ref, &full, NULL), 0);
    r->steps++;
    r->first = s->first_ns < r->first ? s->first_ns : r->first;
    r->last = s->last_ns > r->last ? s->last_ns : r->last;
    if (full.event.bytes != BTR_BYTES_UNKNOWN)
        r->bytes = (r->bytes == BTR_BYTES_UNKNOWN ? 0 : r->bytes) + full.event.bytes;
    if (record_seen(r->seen, r->count, &full.event))
        return;
    r->seen[r->count][0] = full.event.line;
    r->seen[r->count++][1] = full.event.record_id;
}

/* What is read of one edge alone is what it is among all. */
static void edge_is_cited(const struct world_answer *a, uint32_t node, uint32_t step,
                          const struct answer_edge *e)
{
    struct answer_cited cited;
    uint32_t count = e->step_count;
    const struct answer_record *records = answer_records_of(a->answer, e->step_begin, &count);
    assert_int_equal(answer_edge_cite(a->answer, node, step, &cited, NULL), 0);
    assert_int_equal(cited.edge.step_begin, e->step_begin);
    assert_int_equal(cited.edge.step_count, e->step_count);
    assert_int_equal(cited.edge.record_count, e->record_count);
    assert_true(cited.edge.bytes == e->bytes);
    assert_int_equal(cited.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(cited.records[i].line == records[i].line);
        assert_true(cited.records[i].record_id == records[i].record_id);
        assert_int_equal(cited.records[i].again, records[i].again);
    }
    free(cited.records);
}

/* Recounts one edge from the trace and the store, the slow way. */
static void edge_is_right(struct world *w, const struct world_answer *a, uint32_t index)
{
    struct answer_edge e = answer_edge_at(a->answer, index);
    struct recount r = {.bytes = BTR_BYTES_UNKNOWN, .first = INT64_MAX, .last = INT64_MIN};
    for (uint32_t n = 0; n < a->trace->node_count; n++) {
        for (uint32_t i = 0; i < a->trace->nodes[n].step_count; i++) {
            struct test_step s = test_step_of(a->trace, n, i);
            if (!step_in_edge(a->trace, s, &e))
                continue;
            step_recount(w, &r, s.step);
            uint32_t step = a->trace->nodes[n].step_begin + i;
            edge_is_cited(a, n, step, &e);
        }
    }
    assert_int_equal(e.step_count, r.steps);
    assert_int_equal(e.first_ns, r.first);
    assert_int_equal(e.last_ns, r.last);
    assert_true(e.bytes == r.bytes);
    assert_int_equal(e.record_count, r.count);
    uint32_t count = e.step_count;
    const struct answer_record *records = answer_records_of(a->answer, e.step_begin, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct btr_event cited = {.line = records[i].line, .record_id = records[i].record_id};
        assert_true(record_seen(r.seen, r.count, &cited));
        for (uint32_t k = 0; k < i; k++) { /* the first telling counts */
            bool same =
                records[k].line == records[i].line && records[k].record_id == records[i].record_id;
            assert_false(same && !records[i].again);
        }
    }
}

static void edges_are_right(struct world *w, struct world_answer *a)
{
    assert_int_equal(answer_edges_need(a->answer, NULL), 0);
    for (uint32_t i = 0; i < a->answer->edge_count; i++)
        edge_is_right(w, a, i);
    for (uint32_t i = 1; i < a->answer->edge_count; i++)
        assert_true(answer_edge_at(a->answer, i - 1).first_ns <=
                    answer_edge_at(a->answer, i).first_ns);
}

/* A part of a merged edge and the rest make the whole. */
static void edges_differ(const struct world_answer *a)
{
    for (uint32_t i = 0; i < a->answer->edge_count; i++) {
        struct answer_edge e = answer_edge_at(a->answer, i);
        uint64_t one = ANSWER_BIT(e.operation);
        struct answer_edge part = answer_edge_part(a->answer, i, one);
        struct answer_edge rest = answer_edge_part(a->answer, i, ~one);
        assert_true(part.operations == one && (part.operations | rest.operations) == e.operations);
        assert_int_equal(part.record_count + rest.record_count, e.record_count);
        assert_int_equal(part.doubt < rest.doubt ? part.doubt : rest.doubt, e.doubt);
        assert_true(e.mixed || rest.operations == 0);
    }
}

static void edges_keep_every_record_that_they_were_merged_from(void **state)
{
    (void)state;
    struct test_random random = {1};
    uint32_t fewer = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct world w;
        random_world(&w, &random);
        enum btr_walk_direction direction =
            test_random_below(&random, 2) ? BTR_WALK_BACKWARD : BTR_WALK_FORWARD;
        struct world_answer a;
        world_trace(&a, &w, test_random_below(&random, NODES),
                    (int64_t)test_random_below(&random, 70) * UNIT_NS, direction, NULL, NULL);
        edges_are_right(&w, &a);
        uint32_t apart = a.answer->edge_count;
        world_merge(&a, &w);
        edges_are_right(&w, &a);
        edges_differ(&a);
        assert_true(a.answer->edge_count <= apart);
        fewer += apart - a.answer->edge_count;
        world_answer_free(&a);
        world_close(&w);
    }
    assert_true(fewer > 0);
}

/* ---- Paths ---- */

/* Time as a backward walk sees it: forward, it is turned round. */
static int64_t begin_of(const struct btr_trace_step *s, bool forward)
{
    return forward ? -s->last_ns : s->first_ns;
}

static int64_t end_of(const struct btr_trace_step *s, bool forward)
{
    return forward ? -s->first_ns : s->last_ns;
}

/* The bound at a start that is of no source: wider by what sources may differ by. */
static int64_t start_bound(const struct world_answer *a, bool forward)
{
    return (forward ? -a->start.time_ns : a->start.time_ns) + BTR_SOURCE_ERROR_NS;
}

/* Latest bound of each node with at most n steps, n growing until nothing changes: the fewest steps
 * to reach it. */
static void plain_hops(const struct world_answer *a, bool forward, uint32_t hops[NODES])
{
    int64_t bound[NODES + 1], next[NODES + 1];
    uint32_t n = a->trace->node_count;
    for (uint32_t i = 0; i < n; i++) {
        bool start = a->trace->nodes[i].start;
        hops[i] = start ? 0 : UINT32_MAX;
        bound[i] = start ? start_bound(a, forward) : INT64_MIN;
    }
    for (uint32_t level = 1; level <= n * 4; level++) {
        memcpy(next, bound, sizeof next);
        for (uint32_t near = 0; near < n; near++) {
            for (uint32_t i = 0; i < a->trace->nodes[near].step_count; i++) {
                const struct btr_trace_step *s = test_step_of(a->trace, near, i).step;
                int64_t r = end_of(s, forward) < bound[near] ? end_of(s, forward) : bound[near];
                if (near == s->other || bound[near] == INT64_MIN ||
                    begin_of(s, forward) > bound[near])
                    continue;
                if (hops[s->other] == UINT32_MAX)
                    hops[s->other] = level;
                next[s->other] = r > next[s->other] ? r : next[s->other];
            }
        }
        memcpy(bound, next, sizeof bound);
    }
}

/* Follows a path from a node to the start; its times must be admissible on the way back. */
static void path_is_admissible(const struct world_answer *a, bool forward, uint32_t label)
{
    uint32_t path[NODES * 4], count = 0, node = UINT32_MAX;
    const struct answer_label *labels = a->answer->paths.labels;
    for (uint32_t at = label; labels[at].previous != ANSWER_NONE; at = labels[at].previous)
        path[count++] = at;
    int64_t bound = start_bound(a, forward);
    while (count > 0) {
        const struct answer_label *l = &labels[path[--count]];
        const struct btr_trace_step *s = &a->trace->steps[l->step];
        uint32_t near = labels[l->previous].node;
        const struct btr_trace_node *n = &a->trace->nodes[near];
        assert_true(node == UINT32_MAX ? n->start : near == node);
        assert_true(l->step >= n->step_begin && l->step < n->step_begin + n->step_count);
        assert_true(begin_of(s, forward) <= bound);
        bound = end_of(s, forward) < bound ? end_of(s, forward) : bound;
        node = s->other;
    }
}

static void every_node_has_a_path_of_fewest_steps_that_times_admit(void **state)
{
    (void)state;
    struct test_random random = {2};
    for (int round = 0; round < ROUNDS; round++) {
        struct world w;
        random_world(&w, &random);
        bool forward = test_random_below(&random, 2);
        struct world_answer a;
        world_trace(&a, &w, test_random_below(&random, NODES),
                    (int64_t)test_random_below(&random, 70) * UNIT_NS,
                    forward ? BTR_WALK_FORWARD : BTR_WALK_BACKWARD, NULL, NULL);
        uint32_t hops[NODES];
        plain_hops(&a, forward, hops);
        for (uint32_t i = 0; i < a.trace->node_count; i++) {
            uint32_t label = a.answer->paths.of_node[i];
            assert_true(label != ANSWER_NONE);
            assert_int_equal(a.answer->paths.labels[label].level, hops[i]);
            path_is_admissible(&a, forward, label);
        }
        world_answer_free(&a);
        world_close(&w);
    }
}

/* ---- Ways in ---- */

static const struct answer_entry *entry_of(const struct world_answer *a, uint64_t number)
{
    for (uint32_t i = 0; i < a->answer->entry_count; i++) {
        uint32_t node = a->answer->entries[i].node;
        if (btr_id_equal(a->trace->nodes[node].id, world_id(number)))
            return &a->answer->entries[i];
    }
    return NULL;
}

/* flow 1 (outside) -> server 2 (start unseen) -> shell 3 -> file 5 -> 6; library 4 read by all.
 * Alert: 6. */
static void story(struct world *w)
{
    world_open(w);
    world_note(w, 1, BTR_KIND_FLOW, BTR_ENTITY_HALF | BTR_ENTITY_OUTSIDE, NULL, BTR_ATTR_SOURCE_IP,
               "10.0.0.9", BTR_ATTR_SOURCE_PORT, "4000", BTR_ATTR_DESTINATION_IP, "10.0.0.1",
               BTR_ATTR_DESTINATION_PORT, "80", 0);
    world_note(w, 2, BTR_KIND_PROCESS, BTR_ENTITY_UNCERTAIN, "web01", BTR_ATTR_PROCESS_PID, "20",
               BTR_ATTR_PROCESS_EXECUTABLE, "/usr/sbin/nginx", 0);
    world_note(w, 3, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "30",
               BTR_ATTR_PROCESS_EXECUTABLE, "/bin/sh", BTR_ATTR_USER_ID, "33", 0);
    world_note(w, 4, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/lib/libc.so.6", 0);
    world_note(w, 5, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/tmp/x", 0);
    world_note(w, 6, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "60", 0);
    world_event(w, 2, BTR_OP_ACCEPT, 1, 10, 10);
    world_event(w, 2, BTR_OP_RECV, 1, 11, 11)->bytes = 110;
    world_event(w, 2, BTR_OP_FORK, 3, 12, 12);
    world_event(w, 3, BTR_OP_LOAD, 4, 13, 13);
    for (int i = 0; i < 14; i++)
        world_event(w, 3, BTR_OP_WRITE, 5, 14 + i, 14 + i)->bytes = 100000;
    world_event(w, 3, BTR_OP_FORK, 6, 30, 30)->doubt = BTR_DOUBT_PARENT_BY_PPID;
    world_event(w, 6, BTR_OP_EXEC, 5, 31, 31);
    world_event(w, 6, BTR_OP_EXIT, 6, 90, 90);
    world_gap(w, 0, BTR_GAP_LOST, 20, 25, "lost=5");
    world_gap(w, 0, BTR_GAP_LOST, 200, 210, "later");
    world_gap(w, 1, BTR_GAP_HOLE, 20, 25, "another host");
    world_publish(w, "web01.log");
}

static void ways_in_are_what_nothing_explains_the_outside_first(void **state)
{
    (void)state;
    struct world w;
    story(&w);
    struct world_answer a;
    world_trace(&a, &w, 6, 40, BTR_WALK_BACKWARD, NULL, NULL);
    assert_int_equal(a.answer->entry_count, 3);
    assert_ptr_equal(entry_of(&a, 1), &a.answer->entries[0]);
    assert_ptr_equal(entry_of(&a, 2), &a.answer->entries[1]);
    assert_ptr_equal(entry_of(&a, 4), &a.answer->entries[2]);
    assert_non_null(strstr(a.answer->entries[0].why, "outside the inventory"));
    assert_non_null(strstr(a.answer->entries[1].why, "before the records begin"));
    assert_int_equal(a.answer->entries[0].hops, 3);
    assert_null(entry_of(&a, 6)); /* the alert itself */
    assert_null(entry_of(&a, 5)); /* somebody wrote it */
    world_answer_free(&a);
    world_close(&w);
}

static void note_client(struct world *w, uint64_t number, const char *address)
{
    world_note(w, number, BTR_KIND_FLOW, BTR_ENTITY_HALF | BTR_ENTITY_OUTSIDE, NULL,
               BTR_ATTR_SOURCE_IP, address, BTR_ATTR_DESTINATION_IP, "10.0.0.1", 0);
    world_event(w, 2, BTR_OP_ACCEPT, number, (int64_t)number * 10, (int64_t)number * 10);
}

/* All end in process 2, which sends to 70. Clients: 10 the one of the alert's address, 20 another,
 * 30 only opened. */
static void the_alerts_address_comes_first_and_what_was_only_opened_last(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    world_open(&w);
    world_note(&w, 2, BTR_KIND_PROCESS, 0, "web01", 0);
    note_client(&w, 10, "10.0.0.8");
    world_event(&w, 2, BTR_OP_RECV, 10, 101, 101);
    note_client(&w, 20, "10.0.0.9");
    world_event(&w, 2, BTR_OP_RECV, 20, 201, 201);
    note_client(&w, 30, "10.0.0.7");
    world_event(&w, 2, BTR_OP_RECV, 30, 301, 301)->doubt = BTR_DOUBT_INFERRED;
    note_client(&w, 70, "10.0.0.8");
    world_event(&w, 2, BTR_OP_SEND, 70, 800, 800);
    world_publish(&w, "web01.log");
    world_trace(&a, &w, 70, 900, BTR_WALK_BACKWARD, NULL, NULL);
    assert_ptr_equal(entry_of(&a, 10), &a.answer->entries[0]);
    assert_ptr_equal(entry_of(&a, 20), &a.answer->entries[1]);
    assert_ptr_equal(entry_of(&a, 30), &a.answer->entries[2]);
    for (uint32_t i = 1; i < a.answer->entry_count; i++)
        assert_true(a.answer->entries[i - 1].score >= a.answer->entries[i].score);
    world_answer_free(&a);
    world_close(&w);
}

/* Client 2 connects (3 is its half), server 5 accepts (4 is its half); they meet at 9. */
static void a_pair_cites_both_ends_and_its_doubt(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    world_open(&w);
    world_note(&w, 2, BTR_KIND_PROCESS, 0, "db01", 0);
    world_note(&w, 3, BTR_KIND_FLOW, BTR_ENTITY_HALF, "db01", 0);
    world_note(&w, 4, BTR_KIND_FLOW, BTR_ENTITY_HALF, "web01", 0);
    world_note(&w, 5, BTR_KIND_PROCESS, 0, "web01", 0);
    world_note(&w, 9, BTR_KIND_RENDEZVOUS, 0, NULL, 0);
    world_event(&w, 2, BTR_OP_CONNECT, 3, 10, 10);
    world_event(&w, 3, BTR_OP_MEET_CLIENT, 9, 10, 10)->line = 71;
    world_event(&w, 5, BTR_OP_ACCEPT, 4, 12, 12);
    world_event(&w, 4, BTR_OP_MEET_SERVER, 9, 12, 12)->line = 72;
    world_event(&w, 2, BTR_OP_SEND, 3, 13, 13);
    world_event(&w, 5, BTR_OP_RECV, 4, 15, 15);
    world_publish(&w, "web01.log");
    world_trace(&a, &w, 5, 40, BTR_WALK_BACKWARD, NULL, NULL);
    struct answer_edge pair = {.pair = false};
    assert_int_equal(answer_edges_need(a.answer, NULL), 0);
    for (uint32_t i = 0; i < a.answer->edge_count; i++) {
        struct answer_edge e = answer_edge_at(a.answer, i);
        if (e.pair && btr_id_equal(a.trace->nodes[e.from].id, world_id(3)))
            pair = e;
    }
    assert_true(pair.pair);
    assert_int_equal(pair.doubt, BTR_DOUBT_PAIR_BY_ORDER);
    assert_int_equal(pair.record_count, 2);
    uint32_t count = pair.step_count;
    const struct answer_record *records = answer_records_of(a.answer, pair.step_begin, &count);
    assert_int_equal(count, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(records[i].line, 71 + i);
    assert_null(entry_of(&a, 3)); /* no end outside: both are recorded */
    assert_null(entry_of(&a, 4));
    world_answer_free(&a);
    world_close(&w);
}

static void only_gaps_of_its_hosts_and_times_are_told(void **state)
{
    (void)state;
    struct world w;
    story(&w);
    struct world_answer a;
    world_trace(&a, &w, 6, 40, BTR_WALK_BACKWARD, NULL, NULL);
    assert_int_equal(a.answer->gap_count, 1);
    assert_memory_equal(a.answer->gaps[0].why.at, "lost=5", 6);
    world_answer_free(&a);
    world_close(&w);
}

static void text_tells_the_way_in_as_a_chain_in_words(void **state)
{
    (void)state;
    struct world w;
    struct btr_buffer out = {0};
    story(&w);
    struct world_answer a;
    world_trace(&a, &w, 6, 40, BTR_WALK_BACKWARD, NULL, NULL);
    world_export(&a, "text", &out);
    const char *text = (const char *)out.at;
    static const char *const ORDER[] = {
        "Alert  1970-01-01T00:00:00.000000040Z",
        "process 60 [pid 60]",
        "Way in 1",
        "10.0.0.9:4000 -> 10.0.0.1:80",
        "web01",
        "/usr/sbin/nginx [pid 20]",
        "received from ",
        "(110 bytes)",
        "started /bin/sh [pid 30, user 33]",
        "/bin/sh [pid 30, user 33]",
        "[not certain: the fork was not recorded",
        "In all    6 entities",
        "3 processes, 2 files, 1 connection",
        "Gaps      1 gap",
        "lost=5",
        "What to try next",
    };
    for (size_t i = 0; i < sizeof ORDER / sizeof *ORDER; i++) {
        const char *at = strstr(text, ORDER[i]);
        if (!at)
            fail_msg("\"%s\" is not there, or not after \"%s\":\n%s", ORDER[i],
                     i ? ORDER[i - 1] : "", (const char *)out.at);
        text = at;
    }
    btr_buffer_fini(&out);
    world_answer_free(&a);
    world_close(&w);
}

static void text_sums_what_was_moved(void **state)
{
    (void)state;
    struct world w;
    struct btr_buffer out = {0};
    story(&w);
    struct world_answer a;
    world_trace(&a, &w, 5, 29, BTR_WALK_BACKWARD, NULL, NULL);
    world_export(&a, "text", &out);
    assert_non_null(strstr((const char *)out.at, "wrote /tmp/x (1.4 MB in 14 writes)"));
    btr_buffer_fini(&out);
    world_answer_free(&a);
    world_close(&w);
}

static void a_cut_answer_says_so_first_in_every_format(void **state)
{
    (void)state;
    struct world w;
    struct btr_buffer out = {0};
    const struct btr_walk_limits limits = {.edge_max = 3};
    story(&w);
    struct world_answer a;
    world_trace(&a, &w, 6, 40, BTR_WALK_BACKWARD, &limits, NULL);
    world_export(&a, "text", &out);
    assert_memory_equal(out.at, "CUT by the budget of edges: ", 28);
    world_export(&a, "json", &out);
    assert_non_null(
        strstr((const char *)out.at, "\"complete\":false,\"cut\":{\"reason\":\"edges\""));
    world_export(&a, "dot", &out);
    assert_non_null(strstr((const char *)out.at, "CUT: "));
    world_export(&a, "graphml", &out);
    assert_non_null(strstr((const char *)out.at, "<data key=\"complete\">false</data>"));
    btr_buffer_fini(&out);
    world_answer_free(&a);
    world_close(&w);
}

/* So many that descriptions and paths are made at once: a process that reads files, each written by
 * a process of its own. */
static void many_nodes_are_described_and_have_paths(void **state)
{
    (void)state;
    enum { FILES = 3000, FIRST = 2, WRITERS = FIRST + FILES };
    struct world w;
    struct world_answer a;
    world_open(&w);
    world_note(&w, 1, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "1", 0);
    for (uint64_t i = 0; i < FILES; i++) {
        world_note(&w, FIRST + i, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/tmp/x", 0);
        world_note(&w, WRITERS + i, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "7", 0);
        world_event(&w, WRITERS + i, BTR_OP_WRITE, FIRST + i, 10, 10);
        world_event(&w, 1, BTR_OP_READ, FIRST + i, 20, 20);
    }
    world_publish(&w, "web01.log");
    world_trace(&a, &w, 1, 40, BTR_WALK_BACKWARD, NULL, NULL);
    const struct btr_answer *answer = a.answer;
    assert_int_equal(a.trace->node_count, 1 + 2 * FILES);
    assert_true(answer->event_count == 2 * FILES);
    assert_int_equal(answer->entry_count, FILES);
    for (uint32_t i = 0; i < a.trace->node_count; i++) {
        const struct answer_node *n = &answer->nodes[i];
        uint32_t label = answer->paths.of_node[i];
        assert_true(label < answer->paths.label_count);
        bool file = n->entity.kind == BTR_KIND_FILE;
        assert_int_equal(answer->paths.labels[label].level, a.trace->nodes[i].start ? 0 : 2 - file);
        assert_true(btr_span_equal(n->label, BTR_SPAN("/tmp/x")) == file);
    }
    world_answer_free(&a);
    world_close(&w);
}

int answer_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_keep_every_record_that_they_were_merged_from),
        cmocka_unit_test(every_node_has_a_path_of_fewest_steps_that_times_admit),
        cmocka_unit_test(many_nodes_are_described_and_have_paths),
        cmocka_unit_test(ways_in_are_what_nothing_explains_the_outside_first),
        cmocka_unit_test(the_alerts_address_comes_first_and_what_was_only_opened_last),
        cmocka_unit_test(a_pair_cites_both_ends_and_its_doubt),
        cmocka_unit_test(only_gaps_of_its_hosts_and_times_are_told),
        cmocka_unit_test(text_tells_the_way_in_as_a_chain_in_words),
        cmocka_unit_test(text_sums_what_was_moved),
        cmocka_unit_test(a_cut_answer_says_so_first_in_every_format),
    };
    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
