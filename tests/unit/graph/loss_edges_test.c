/*
 * What an intrusion had in its hands, and edges that tell apart what content cannot pass between.
 * A capital letter is a process, a to m a file, n to z an end of a connection, a digit a
 * rendezvous.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <btr/apart.h>
#include <btr/content.h>
#include <btr/extent.h>
#include <stdlib.h>

#include "memory_edges.h"
#include "story.h"

enum { IMAGES_MAX = 4 };

struct scene {
    struct story story;
    struct btr_fact_image images['Z' + 1][IMAGES_MAX];
    uint32_t image_count['Z' + 1];
    char whole, emptied; /* letters that the rules name; 0: none */
    struct btr_edges edges;
    struct btr_apart *apart;
    struct btr_trace *trace;
    struct btr_extent extent;
};

static uint8_t kind_of(struct btr_id id)
{
    char name = (char)id.lo;
    if (name >= 'A' && name <= 'Z')
        return BTR_KIND_PROCESS;
    if (name >= 'a' && name <= 'm')
        return BTR_KIND_FILE;
    return name >= 'n' && name <= 'z' ? BTR_KIND_FLOW : BTR_KIND_RENDEZVOUS;
}

static void tell(struct scene *s, char subject, enum btr_operation operation, char object,
                 int64_t ms)
{
    story_tell(&s->story, 0, subject, operation, object, ms, ms);
}

/* From a time on the process runs something else than before. */
static void runs(struct scene *s, char process, int64_t since_ms)
{
    uint32_t *count = &s->image_count[(int)process];
    if (*count == 0)
        s->images[(int)process][(*count)++] = (struct btr_fact_image){story_ms(0), 1};
    s->images[(int)process][*count] = (struct btr_fact_image){story_ms(since_ms), *count + 1};
    ++*count;
}

static int fact(void *self, struct btr_id id, struct btr_fact *out, struct btr_err *err)
{
    const struct scene *s = self;
    (void)err;
    *out = (struct btr_fact){.kind = kind_of(id)};
    if (out->kind == BTR_KIND_PROCESS) {
        out->images = s->images[id.lo];
        out->image_count = s->image_count[id.lo];
    }
    return 0;
}

static bool is_whole(void *self, struct btr_id id)
{
    const struct scene *s = self;
    return s->whole && btr_id_equal(id, story_id(s->whole));
}

static bool is_emptied(void *self, struct btr_id id)
{
    const struct scene *s = self;
    return s->emptied && btr_id_equal(id, story_id(s->emptied));
}

static void ready(struct scene *s)
{
    memory_edges_init(&s->story.memory, s->story.events, s->story.event_count);
    s->story.memory.kind_of = kind_of;
    s->edges = memory_edges_of(&s->story.memory);
}

static void end(struct scene *s)
{
    btr_trace_free(s->trace);
    btr_apart_free(s->apart);
    btr_extent_fini(&s->extent);
    story_end(&s->story);
}

/* ---- Extent ---- */

static void grow(struct scene *s, char from, enum btr_extent_role role, enum btr_extent_why why,
                 int64_t since_ms)
{
    struct btr_extent_item item = {.entity = story_id(from),
                                   .since_ns = story_ms(since_ms),
                                   .until_ns = INT64_MAX,
                                   .source = BTR_SOURCE_NONE,
                                   .by = UINT32_MAX,
                                   .role = (uint8_t)role,
                                   .why = (uint8_t)why};
    ready(s);
    assert_int_equal(btr_extent_add(&s->extent, &item, NULL), 0);
    assert_int_equal(btr_extent_find(&s->extent, 0, &s->edges, NULL, NULL), 0);
}

static const struct btr_extent_item *item_of(const struct scene *s, char name)
{
    for (uint32_t i = 0; i < s->extent.count; i++)
        if (btr_id_equal(s->extent.items[i].entity, story_id(name)))
            return &s->extent.items[i];
    return NULL;
}

static void
a_server_is_the_intrusions_while_it_serves_it_and_what_it_starts_then_for_good(void **state)
{
    (void)state;
    struct scene s = {0};
    tell(&s, 'P', BTR_OP_ACCEPT, 'o', 5); /* somebody else's */
    tell(&s, 'P', BTR_OP_ACCEPT, 'n', 10);
    tell(&s, 'P', BTR_OP_RECV, 'n', 11);
    tell(&s, 'P', BTR_OP_FORK, 'C', 15);
    tell(&s, 'P', BTR_OP_SEND, 'n', 20);
    tell(&s, 'P', BTR_OP_FORK, 'D', 30);
    tell(&s, 'C', BTR_OP_FORK, 'E', 40);
    grow(&s, 'n', BTR_EXTENT_CONNECTION, BTR_EXTENT_ADDRESS, 10);
    assert_non_null(item_of(&s, 'P'));
    assert_int_equal(item_of(&s, 'P')->role, BTR_EXTENT_SERVER);
    assert_int_equal(item_of(&s, 'P')->until_ns, story_ms(20));
    assert_int_equal(item_of(&s, 'C')->role, BTR_EXTENT_PROCESS);
    assert_non_null(item_of(&s, 'E'));
    assert_null(item_of(&s, 'D'));
    assert_null(item_of(&s, 'o'));
    end(&s);
}

static void who_serves_the_intrusion_alone_is_its_own(void **state)
{
    (void)state;
    struct scene s = {0};
    tell(&s, 'S', BTR_OP_FORK, 'P', 5);
    tell(&s, 'P', BTR_OP_RECV, 'n', 11);
    tell(&s, 'P', BTR_OP_SEND, 'n', 20);
    tell(&s, 'P', BTR_OP_FORK, 'C', 90);
    grow(&s, 'n', BTR_EXTENT_CONNECTION, BTR_EXTENT_ADDRESS, 10);
    assert_int_equal(item_of(&s, 'P')->role, BTR_EXTENT_PROCESS);
    assert_int_equal(item_of(&s, 'P')->until_ns, INT64_MAX);
    assert_non_null(item_of(&s, 'C'));
    assert_null(item_of(&s, 'S')); /* its parent is nobody's */
    end(&s);
}

static void its_connections_lead_to_who_serves_them_elsewhere_but_not_to_their_clients(void **state)
{
    (void)state;
    struct scene s = {0};
    tell(&s, 'A', BTR_OP_CONNECT, 'n', 10);
    tell(&s, 'n', BTR_OP_MEET_CLIENT, '1', 10);
    tell(&s, 'B', BTR_OP_ACCEPT, 'o', 11);
    tell(&s, 'o', BTR_OP_MEET_SERVER, '1', 11);
    tell(&s, 'B', BTR_OP_RECV, 'o', 12);
    tell(&s, 'A', BTR_OP_RECV, 'n', 13);
    tell(&s, 'D', BTR_OP_RECV, 'o', 14); /* B's child has the same end */
    grow(&s, 'A', BTR_EXTENT_PROCESS, BTR_EXTENT_GIVEN, 5);
    assert_non_null(item_of(&s, 'o'));
    assert_int_equal(item_of(&s, 'o')->why, BTR_EXTENT_OTHER_END);
    assert_non_null(item_of(&s, 'B'));
    assert_non_null(item_of(&s, 'D'));
    for (uint32_t i = 1; i < s.extent.count; i++) /* nobody came of itself, and A of nobody */
        assert_true(!btr_id_equal(s.extent.items[i].entity, story_id('A')) &&
                    s.extent.items[i].by < i);
    end(&s);
}

static void who_reads_what_it_wrote_is_none_of_it_but_who_runs_it_is(void **state)
{
    (void)state;
    struct scene s = {0};
    tell(&s, 'B', BTR_OP_EXEC, 'f', 5); /* before it was the intrusion's */
    tell(&s, 'A', BTR_OP_WRITE, 'f', 10);
    tell(&s, 'C', BTR_OP_READ, 'f', 12);
    tell(&s, 'f', BTR_OP_RENAMED, 'g', 14);
    tell(&s, 'D', BTR_OP_EXEC, 'g', 16);
    tell(&s, 'D', BTR_OP_FORK, 'E', 18);
    grow(&s, 'A', BTR_EXTENT_PROCESS, BTR_EXTENT_GIVEN, 8);
    assert_null(item_of(&s, 'B'));
    assert_null(item_of(&s, 'C'));
    assert_int_equal(item_of(&s, 'D')->why, BTR_EXTENT_RAN);
    assert_int_equal(item_of(&s, 'D')->since_ns, story_ms(16));
    assert_non_null(item_of(&s, 'E'));
    end(&s);
}

/* ---- Content ---- */

static int told_all(void *self, uint32_t source, struct btr_content_source *out,
                    struct btr_err *err)
{
    (void)source;
    (void)err;
    out->reads_told = out->writes_told = *(const bool *)self;
    return 0;
}

static void opens_carry_content_only_where_reads_are_not_recorded(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        struct scene s = {0};
        bool all = told != 0;
        tell(&s, 'A', BTR_OP_OPEN_READ, 'a', 10);
        tell(&s, 'A', BTR_OP_READ, 'b', 11);
        tell(&s, 'B', BTR_OP_CHMOD, 'b', 5);
        tell(&s, 'C', BTR_OP_WRITE, 'b', 6);
        ready(&s);
        struct btr_content content = {&s.edges, {&all, told_all}};
        struct btr_edges edges = btr_content_edges(&content);
        struct btr_start start = {story_id('A'), story_ms(50), 0};
        assert_int_equal(btr_walk(&s.story.trace, &edges, BTR_WALK_BACKWARD, &start, 1, NULL, NULL),
                         0);
        assert_int_equal(story_reached(&s.story, 'a'), !all);
        assert_true(story_reached(&s.story, 'b') && story_reached(&s.story, 'C'));
        assert_false(story_reached(&s.story, 'B'));
        end(&s);
    }
}

/* ---- Told apart ---- */

static void walk(struct scene *s, char from, int64_t at_ms)
{
    struct btr_facts facts = {s, fact, NULL, NULL};
    struct btr_apart_rules rules = {s, is_whole, is_emptied};
    struct btr_start start = {story_id(from), story_ms(at_ms), 0};
    ready(s);
    assert_int_equal(btr_apart_new(&s->apart, &s->edges, &facts, &rules, NULL), 0);
    struct btr_edges edges = btr_apart_edges(s->apart);
    assert_int_equal(btr_walk(&s->trace, &edges, BTR_WALK_BACKWARD, &start, 1, NULL, NULL), 0);
}

static bool reached(const struct scene *s, char name)
{
    for (uint32_t i = 0; i < s->trace->node_count; i++)
        if (btr_id_equal(btr_apart_whole_of(s->apart, s->trace->nodes[i].id), story_id(name)))
            return true;
    return false;
}

static void another_program_has_nothing_of_what_the_one_before_read(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct scene s = {.whole = whole ? 'A' : 0};
        tell(&s, 'A', BTR_OP_READ, 'a', 10);
        runs(&s, 'A', 20);
        tell(&s, 'A', BTR_OP_READ, 'b', 25);
        tell(&s, 'A', BTR_OP_WRITE, 'f', 30);
        tell(&s, 'B', BTR_OP_READ, 'f', 40);
        walk(&s, 'B', 50);
        assert_true(reached(&s, 'b'));
        assert_int_equal(reached(&s, 'a'), whole);
        end(&s);
    }
}

static void a_child_is_born_with_what_its_parent_had_however_late_that_is_told(void **state)
{
    (void)state;
    struct scene s = {0};
    tell(&s, 'P', BTR_OP_READ, 'a', 5);
    story_tell(&s.story, 0, 'P', BTR_OP_FORK, 'C', 8,
               30); /* told when the child ran something else */
    tell(&s, 'C', BTR_OP_WRITE, 'f', 10);
    runs(&s, 'C', 20);
    tell(&s, 'C', BTR_OP_WRITE, 'g', 40);
    tell(&s, 'B', BTR_OP_READ, 'f', 50);
    tell(&s, 'D', BTR_OP_READ, 'g', 50);
    walk(&s, 'B', 60);
    assert_true(reached(&s, 'a'));
    btr_trace_free(s.trace);
    btr_apart_free(s.apart);
    memory_edges_fini(&s.story.memory);
    walk(&s, 'D', 60);
    assert_false(reached(&s, 'a'));
    end(&s);
}

static void what_is_written_at_an_end_is_read_at_the_other_end_only(void **state)
{
    (void)state;
    struct scene s = {0};
    tell(&s, 'A', BTR_OP_CONNECT, 'n', 10);
    tell(&s, 'n', BTR_OP_MEET_CLIENT, '1', 10);
    tell(&s, 'B', BTR_OP_ACCEPT, 'o', 11);
    tell(&s, 'o', BTR_OP_MEET_SERVER, '1', 11);
    tell(&s, 'B', BTR_OP_READ, 'b', 12);
    tell(&s, 'B', BTR_OP_SEND, 'o', 13);
    tell(&s, 'C', BTR_OP_READ, 'c', 12);
    tell(&s, 'C', BTR_OP_SEND, 'n', 13); /* A's child, at A's end */
    tell(&s, 'A', BTR_OP_RECV, 'n', 20);
    walk(&s, 'A', 30);
    assert_true(reached(&s, 'b'));
    assert_false(reached(&s, 'c'));
    end(&s);
}

static void
an_open_that_empties_ends_what_was_in_a_file_and_a_truncation_alone_does_not(void **state)
{
    (void)state;
    for (int opened = 0; opened < 2; opened++) {
        struct scene s = {.emptied = 'f'};
        tell(&s, 'A', BTR_OP_WRITE, 'f', 10);
        if (opened)
            tell(&s, 'B', BTR_OP_OPEN_WRITE, 'f', 20);
        tell(&s, 'B', BTR_OP_TRUNCATE, 'f', 20);
        tell(&s, 'B', BTR_OP_WRITE, 'f', 25);
        tell(&s, 'C', BTR_OP_READ, 'f', 30);
        walk(&s, 'C', 40);
        assert_true(reached(&s, 'B'));
        assert_int_equal(reached(&s, 'A'), !opened);
        end(&s);
    }
}

/* ---- Random ---- */

static uint64_t seed;

static uint32_t below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static struct btr_id plain_id(char name, uint32_t number)
{
    return (struct btr_id){8 + number, (uint64_t)(unsigned char)name};
}

static uint32_t number_at(const struct scene *s, char name, int64_t at_ns)
{
    uint32_t number = 0;
    for (uint32_t i = 1;
         kind_of(story_id(name)) == BTR_KIND_PROCESS && i < s->image_count[(int)name]; i++)
        if (s->images[(int)name][i].since_ns <= at_ns)
            number = i;
    return number;
}

/* The same events with a process for each program, told by what the page says of them. */
static uint32_t plainly(const struct scene *s, struct btr_event *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->story.event_count; i++) {
        struct btr_event e = s->story.events[i];
        char a = (char)e.subject.lo, b = (char)e.object.lo;
        bool lasts = e.flags & BTR_EVENT_INTERVAL, born = e.operation == BTR_OP_FORK;
        uint32_t a_last = number_at(s, a, e.last_ns),
                 b_last = born ? 0 : number_at(s, b, e.last_ns);
        for (uint32_t m = lasts ? number_at(s, a, e.first_ns) : a_last; m <= a_last; m++)
            for (uint32_t n = lasts && !born ? number_at(s, b, e.first_ns) : b_last; n <= b_last;
                 n++) {
                e.subject = plain_id(a, m);
                e.object = plain_id(b, n);
                out[count++] = e;
            }
    }
    return count;
}

static void make_up(struct scene *s)
{
    static const enum btr_operation OPERATIONS[] = {BTR_OP_READ, BTR_OP_WRITE, BTR_OP_FORK,
                                                    BTR_OP_READ};
    for (uint32_t i = 0, count = 10 + below(40); i < count; i++) {
        enum btr_operation operation = OPERATIONS[below(4)];
        int64_t last = 1 + below(100);
        bool lasts = operation != BTR_OP_FORK && below(5) == 0;
        story_tell(&s->story, 0, (char)('A' + below(6)), operation,
                   (char)((operation == BTR_OP_FORK ? 'A' : 'a') + below(6)),
                   lasts ? last - below((uint32_t)last) : last, last);
        s->story.events[i].flags = lasts ? BTR_EVENT_INTERVAL : 0;
    }
    for (char name = 'A'; name < 'G'; name++)
        for (int64_t at = 1 + below(60); below(2) && s->image_count[(int)name] < IMAGES_MAX - 1;
             at += 1 + below(30))
            runs(s, name, at);
}

static bool plainly_reached(const struct btr_trace *t, char name)
{
    for (uint32_t i = 0; i < t->node_count; i++)
        if ((char)t->nodes[i].id.lo == name)
            return true;
    return false;
}

static void programs_told_apart_are_as_processes_of_their_own(void **state)
{
    (void)state;
    static struct btr_event plain[STORY_EVENTS_MAX * IMAGES_MAX * IMAGES_MAX];
    uint32_t less = 0;
    for (seed = 1; seed < 400000; seed += 200) {
        struct scene s = {0};
        struct memory_edges memory;
        struct btr_trace *expected = NULL;
        uint64_t round = seed;
        make_up(&s);
        walk(&s, 'a', 100);
        memory_edges_init(&memory, plain, plainly(&s, plain));
        struct btr_edges edges = memory_edges_of(&memory);
        struct btr_start start = {plain_id('a', 0), story_ms(100), 0};
        assert_int_equal(btr_walk(&expected, &edges, BTR_WALK_BACKWARD, &start, 1, NULL, NULL), 0);
        for (char name = 'A'; name <= 'f'; name++)
            if (reached(&s, name) != plainly_reached(expected, name))
                fail_msg("seed %lu: %c", (unsigned long)round, name);
        story_walk(&s.story, BTR_WALK_BACKWARD, 'a', 100);
        less += s.story.trace->node_count > expected->node_count;
        btr_trace_free(expected);
        memory_edges_fini(&memory);
        end(&s);
        seed = round;
    }
    assert_true(less > 20); /* else nothing was told apart that mattered */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_server_is_the_intrusions_while_it_serves_it_and_what_it_starts_then_for_good),
        cmocka_unit_test(who_serves_the_intrusion_alone_is_its_own),
        cmocka_unit_test(
            its_connections_lead_to_who_serves_them_elsewhere_but_not_to_their_clients),
        cmocka_unit_test(who_reads_what_it_wrote_is_none_of_it_but_who_runs_it_is),
        cmocka_unit_test(opens_carry_content_only_where_reads_are_not_recorded),
        cmocka_unit_test(another_program_has_nothing_of_what_the_one_before_read),
        cmocka_unit_test(a_child_is_born_with_what_its_parent_had_however_late_that_is_told),
        cmocka_unit_test(what_is_written_at_an_end_is_read_at_the_other_end_only),
        cmocka_unit_test(
            an_open_that_empties_ends_what_was_in_a_file_and_a_truncation_alone_does_not),
        cmocka_unit_test(programs_told_apart_are_as_processes_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
