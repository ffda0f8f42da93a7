/* When events come out, in which order, and that it does not depend on how the records of events
 * lie between each other. */
#include "audit_events.h"
#include "test_random.h"

static struct audit_events run;

static int setup(void **state)
{
    (void)state;
    audit_events_init(&run, 1024, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    audit_events_fini(&run);
    return 0;
}

static void add(const char *type, double time, unsigned long serial, const char *body)
{
    char line[1024];
    snprintf(line, sizeof(line), "type=%s msg=audit(%.3f:%lu): %s", type, time, serial, body);
    if (audit_events_line(&run, line) != 0)
        fail_msg("%s: %s", run.err.text, line);
}

#define CALL(items)                                                                                \
    "arch=c000003e syscall=0 success=yes exit=1 a0=3 a1=0 a2=0 a3=0 items=" items                  \
    " ppid=1 pid=2 auid=3 uid=4"

static void call(double time, unsigned long serial)
{
    add("SYSCALL", time, serial, CALL("0"));
}

static void title(double time, unsigned long serial)
{
    add("PROCTITLE", time, serial, "proctitle=\"t\"");
}

/* "class serial+records ..." of the events so far. */
static const char *told(void)
{
    static char out[8192];
    const char *text = audit_events_told(&run);
    size_t size = 0;
    out[0] = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        char word[64];
        unsigned long serial, records;
        if (sscanf(line, "refused %lu", &serial) == 1)
            size += (size_t)snprintf(out + size, sizeof(out) - size, "refused:%lu ", serial);
        else if (sscanf(line, "%63s %*s %lu@%*s records=%lu", word, &serial, &records) == 3)
            size += (size_t)snprintf(out + size, sizeof(out) - size, "%c%lu+%lu ", word[0], serial,
                                     records);
        else if (sscanf(line, "%63s %lu@%*s records=%lu", word, &serial, &records) ==
                 3) /* no type */
            size += (size_t)snprintf(out + size, sizeof(out) - size, "%c%lu+%lu ", word[0], serial,
                                     records);
    }
    return out;
}

static void an_event_ends_at_its_end_mark(void **state)
{
    (void)state;
    call(1, 10);
    assert_string_equal(told(), "");
    title(1, 10);
    assert_string_equal(told(), "");
    add("EOE", 1, 10, "");
    assert_string_equal(told(), "c10+2 ");
    add("EOE", 1, 10, ""); /* once more: tells nothing */
    assert_string_equal(told(), "");
    assert_int_equal(audit_assembler_waiting(run.assembler), 0);
}

static void an_event_ends_at_its_title_once_a_higher_serial_came(void **state)
{
    (void)state;
    call(1, 10);
    title(1, 10);
    call(1, 11);
    assert_string_equal(told(), "c10+2 ");
    assert_int_equal(audit_assembler_waiting(run.assembler), 1);
}

static void a_record_that_stands_alone_waits_for_lower_serials_only(void **state)
{
    (void)state;
    add("USER_LOGIN", 1, 9, "pid=1 uid=0");
    assert_string_equal(told(), "u9+1 ");
    call(1, 10);
    add("USER_LOGIN", 1, 11, "pid=1 uid=0");
    assert_string_equal(told(), "");
    add("EOE", 1, 10, "");
    assert_string_equal(told(), "c10+1 u11+1 ");
}

static void a_title_before_its_call_does_not_end_the_event(void **state)
{
    (void)state;
    title(1, 10);
    call(1, 12);
    call(1, 10);
    assert_string_equal(told(), "c10+2 ");
}

static void an_event_waits_for_paths_that_were_promised(void **state)
{
    (void)state;
    add("SYSCALL", 1, 10, CALL("1"));
    title(1, 10);
    call(1, 11);
    assert_string_equal(told(), "");
    add("PATH", 1, 10, "item=0 name=\"/a\" nametype=NORMAL");
    assert_string_equal(told(), "c10+3 ");
}

static void an_event_ends_when_enough_higher_serials_came(void **state)
{
    (void)state;
    call(1, 10);
    call(1, 10 + AUDIT_WINDOW_SERIALS - 1);
    assert_string_equal(told(), "");
    call(1, 10 + AUDIT_WINDOW_SERIALS);
    assert_string_equal(told(), "c10+1 ");
}

static void an_event_ends_when_enough_time_went_by(void **state)
{
    (void)state;
    call(1, 10);
    call(2.999, 11);
    assert_string_equal(told(), "");
    call(3, 12);
    assert_string_equal(told(), "c10+1 ");
}

static void a_call_that_blocked_for_long_is_not_late(void **state)
{
    (void)state;
    call(100, 10);
    title(100, 10);
    add("SYSCALL", 1, 11, CALL("0")); /* entered long ago: an accept */
    assert_string_equal(told(), "c10+2 ");
    title(1, 11);
    call(100, 12);
    assert_string_equal(told(), "c11+2 ");
}

static void one_time_far_ahead_ends_nothing(void **state)
{
    (void)state;
    call(100, 10);
    call(5000000, 11);
    call(100, 12);
    assert_string_equal(told(), "");
    title(100, 10);
    assert_string_equal(told(), "c10+2 ");
}

static void serials_come_out_in_order(void **state)
{
    (void)state;
    call(1, 12);
    title(1, 12);
    call(1, 10);
    title(1, 10);
    call(1, 11);
    title(1, 11);
    call(1, 13);
    assert_string_equal(told(), "c10+2 c11+2 c12+2 ");
}

static void serials_wrap(void **state)
{
    (void)state;
    call(1, 4294967295);
    call(1, 0);
    title(1, 0);
    call(1, 1);
    title(1, 1);
    title(1, 4294967295);
    assert_string_equal(told(), "c4294967295+2 c0+2 ");
    audit_events_flush(&run, INT64_MAX);
    assert_string_equal(told(), "c1+2 ");
}

static void a_counter_that_began_anew_stands_behind(void **state)
{
    (void)state;
    call(1, 500000);
    title(1, 500000);
    call(60, 5);
    assert_string_equal(told(), "c500000+2 ");
    title(60, 5);
    call(60, 6);
    assert_string_equal(told(), "c5+2 ");
    call(60, 4); /* late by little: of the new counter */
    title(60, 4);
    assert_string_equal(told(), "c4+2 ");
}

static void the_same_serial_at_another_time_is_another_event(void **state)
{
    (void)state;
    call(1, 10);
    title(1, 10);
    call(1.004, 10);
    title(1.004, 10);
    call(2, 11);
    assert_string_equal(told(), "c10+2 c10+2 ");
}

static void one_stray_serial_moves_nothing(void **state)
{
    (void)state;
    call(10, 500000);
    call(9, 7);
    title(9, 7);
    assert_string_equal(told(), "c7+2 ");
    title(10, 500000);
    call(10, 500001);
    assert_string_equal(told(), "c500000+2 ");
}

static void strays_in_a_row_are_a_new_counter_even_with_old_times(void **state)
{
    (void)state;
    call(10, 500000);
    title(10, 500000);
    for (unsigned long i = 0; i < 20; i++) {
        call(3, i);
        title(3, i);
    }
    audit_events_flush(&run, INT64_MAX);
    told();
    assert_int_equal(run.count, 21);
    call(3, 30);
    title(3, 30);
    call(3, 31);
    assert_string_equal(told(), "c30+2 ");
}

static void the_daemons_own_serials_do_not_count(void **state)
{
    (void)state;
    call(1, 500000);
    add("DAEMON_ROTATE", 1, 4711, "op=rotate-logs auid=-1 uid=0");
    assert_string_equal(told(), "");
    title(1, 500000);
    call(1, 500001);
    assert_string_equal(told(), "c500000+2 k4711+1 ");
    title(1, 500001);
    call(1, 500002);
    assert_string_equal(told(), "c500001+2 ");
}

static void a_login_inside_a_call_is_an_event_of_its_own(void **state)
{
    (void)state;
    add("LOGIN", 1, 10, "pid=2 uid=0 old-auid=4294967295 auid=7 ses=1 res=1");
    assert_string_equal(told(), "u10+1 ");
    call(1, 10);
    title(1, 10);
    call(1, 11);
    assert_string_equal(told(), "c10+2 ");
}

static void several_records_lead_events_of_their_own(void **state)
{
    (void)state;
    add("AVC", 1, 10, "avc: denied pid=1");
    add("CONFIG_CHANGE", 1, 10, "op=x res=1");
    call(1, 10);
    add("AVC", 1, 10, "avc: denied pid=2");
    add("EOE", 1, 10, "");
    assert_string_equal(told(), "o10+1 k10+1 o10+1 c10+1 ");
    assert_int_equal(audit_assembler_waiting(run.assembler), 0);
}

static void two_calls_with_one_stamp_are_refused_together(void **state)
{
    (void)state;
    call(1, 10);
    add("SYSCALL", 1, 10,
        "arch=c000003e syscall=1 success=yes exit=1 a0=3 a1=0 a2=0 a3=0 items=0 ppid=1 pid=2 "
        "auid=3 uid=4");
    title(1, 10);
    call(1, 11);
    assert_string_equal(told(), "refused:1 ");
    title(1, 11);
    call(1, 12);
    assert_string_equal(told(), "c11+2 ");
}

static void the_same_call_told_twice_is_one(void **state)
{
    (void)state;
    call(1, 10);
    call(1, 10);
    title(1, 10);
    call(1, 11);
    assert_string_equal(told(), "c10+3 ");
}

static void the_end_of_the_input_ends_events(void **state)
{
    (void)state;
    call(1, 10);
    call(1, 11);
    audit_events_flush(&run, INT64_MAX);
    assert_string_equal(told(), "c10+1 c11+1 ");
}

static void an_event_cut_at_the_end_goes_on_in_the_next_input(void **state)
{
    (void)state;
    call(1, 10);
    title(1, 10);
    call(1, 11);
    assert_string_equal(told(), "c10+2 ");
    audit_events_flush(&run, INT64_MAX);
    assert_string_equal(told(), "");
    assert_int_equal(audit_assembler_waiting(run.assembler), 1);
    audit_events_move(&run);
    title(1, 11);
    call(1, 12);
    assert_string_equal(told(), "c11+2 ");
}

static void flushing_up_to_a_time_leaves_what_is_later(void **state)
{
    (void)state;
    call(1, 10);
    call(2, 11);
    audit_events_flush(&run, 1500000000);
    assert_string_equal(told(), "c10+1 ");
    assert_int_equal(audit_assembler_ahead(run.assembler), 2000000000);
    audit_events_flush(&run, INT64_MAX);
    assert_string_equal(told(), "c11+1 ");
    assert_int_equal(audit_assembler_ahead(run.assembler), INT64_MIN);
}

static void events_beyond_the_limit_are_given_out_early_and_counted(void **state)
{
    (void)state;
    audit_events_fini(&run);
    audit_events_init(&run, 4, 1 << 20);
    for (unsigned long i = 10; i < 15; i++)
        call(1, i);
    assert_string_equal(told(), "c10+1 ");
    assert_int_equal(audit_assembler_evicted(run.assembler), 1);
    assert_int_equal(audit_assembler_waiting(run.assembler), 4);
    audit_events_flush(&run, INT64_MAX);
    assert_string_equal(told(), "c11+1 c12+1 c13+1 c14+1 ");
    assert_int_equal(audit_assembler_evicted(run.assembler), 1);
}

static void records_beyond_the_memory_are_given_out_early(void **state)
{
    (void)state;
    audit_events_fini(&run);
    audit_events_init(&run, 100, 2000);
    for (unsigned long i = 0; i < 100; i++)
        add("CWD", 1, 10, "cwd=\"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"");
    assert_true(audit_assembler_evicted(run.assembler) > 2);
    assert_true(audit_assembler_waiting(run.assembler) < 20);
}

/* ---- Any order, any cut --------------------------------------------------------------------- */

enum { EVENTS = 40, PARTS_MAX = 6, WINDOW = 12 };

struct made {
    char parts[PARTS_MAX][256];
    unsigned count, taken;
};

static void made_init(struct made *m, struct test_random *r, unsigned long serial, unsigned style)
{
    double time = 100 + (double)(serial % 1000) / 250;
    unsigned paths = (unsigned)test_random_below(r, 3);
    m->count = m->taken = 0;
    snprintf(m->parts[m->count++], 256,
             "type=SYSCALL msg=audit(%.3f:%lu): arch=c000003e syscall=%u success=yes exit=1 a0=3 "
             "a1=0 a2=0 a3=0 "
             "items=%u ppid=1 pid=%u auid=3 uid=4",
             time, serial, (unsigned)test_random_below(r, 300), paths,
             (unsigned)test_random_below(r, 999));
    for (unsigned i = 0; i < paths; i++)
        snprintf(m->parts[m->count++], 256,
                 "type=PATH msg=audit(%.3f:%lu): item=%u name=\"/p%u\" inode=%lu dev=fe:00 "
                 "nametype=NORMAL",
                 time, serial, i, (unsigned)test_random_below(r, 9), serial);
    if (style != 1)
        snprintf(m->parts[m->count++], 256,
                 "type=PROCTITLE msg=audit(%.3f:%lu): proctitle=\"t%lu\"", time, serial, serial);
    if (style != 0)
        snprintf(m->parts[m->count++], 256, "type=EOE msg=audit(%.3f:%lu): ", time, serial);
}

enum mix {
    MIX_NONE,  /* one event after the other */
    MIX_BEGUN, /* records of up to WINDOW events between each other; events begin in order */
    MIX_ANY,   /* and begin in any order */
};

/* Each event's own records stay in order. Moves the state into a new assembler in `moves` of a
 * hundred cases. */
static void feed(struct made *made, struct test_random *r, enum mix mix, unsigned moves)
{
    unsigned first = 0, begun = 0;
    while (first < EVENTS) {
        unsigned until = first + WINDOW < EVENTS ? first + WINDOW : EVENTS;
        until = mix == MIX_NONE                         ? first + 1
                : mix == MIX_BEGUN && begun + 1 < until ? begun + 1
                                                        : until;
        unsigned i = first + (unsigned)test_random_below(r, until - first);
        struct made *m = &made[i];
        begun = i == begun ? i + 1 : begun;
        if (m->taken < m->count)
            audit_events_line(&run, m->parts[m->taken++]);
        while (first < EVENTS && made[first].taken == made[first].count)
            first++;
        if (test_random_below(r, 100) < moves)
            audit_events_move(&run);
    }
    audit_events_flush(&run, INT64_MAX);
    assert_int_equal(audit_assembler_waiting(run.assembler), 0);
    assert_int_equal(run.count, EVENTS);
}

static int line_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a text in order of their bytes; the text is cut up. */
static void lines_sort(char *text, char *lines[EVENTS])
{
    for (unsigned i = 0; i < EVENTS; i++) {
        lines[i] = text;
        text = strchr(text, '\n');
        *text++ = 0;
    }
    qsort(lines, EVENTS, sizeof(*lines), line_order);
}

static void compare(char *plain, char *mixed, enum mix mix, unsigned seed)
{
    char *a[EVENTS] = {plain}, *b[EVENTS] = {mixed};
    if (mix == MIX_ANY) {
        lines_sort(plain, a);
        lines_sort(mixed, b);
    }
    for (unsigned i = 0; i < (mix == MIX_ANY ? EVENTS : 1); i++)
        if (strcmp(a[i], b[i]) != 0)
            fail_msg("seed %u:\n%s\nbut mixed:\n%s", seed, a[i], b[i]);
}

static char *feed_told(struct made *made, struct test_random *r, enum mix mix, unsigned moves)
{
    for (unsigned i = 0; i < EVENTS; i++)
        made[i].taken = 0;
    audit_events_fini(&run);
    audit_events_init(&run, 1024, 1 << 20);
    feed(made, r, mix, moves);
    return strdup(audit_events_told(&run));
}

static void mixtures(enum mix mix)
{
    static struct made made[EVENTS];
    for (unsigned seed = 0; seed < 200; seed++) {
        struct test_random r = {seed};
        unsigned long serial = seed % 7 == 0 ? 4294967290 : 1000;
        for (unsigned i = 0; i < EVENTS;
             i++, serial = (serial + 1 + test_random_below(&r, 4)) & UINT32_MAX)
            made_init(&made[i], &r, serial, seed % 3);
        char *plain = feed_told(made, &r, MIX_NONE, 0);
        char *mixed = feed_told(made, &r, mix, seed % 4 == 0 ? 20 : 0);
        compare(plain, mixed, mix, seed);
        free(plain);
        free(mixed);
    }
}

static void any_mixture_and_any_move_gives_the_same_events(void **state)
{
    (void)state;
    mixtures(MIX_ANY);
}

static void events_that_begin_in_order_come_out_in_order(void **state)
{
    (void)state;
    mixtures(MIX_BEGUN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_event_ends_at_its_end_mark),
        TEST(an_event_ends_at_its_title_once_a_higher_serial_came),
        TEST(a_record_that_stands_alone_waits_for_lower_serials_only),
        TEST(a_title_before_its_call_does_not_end_the_event),
        TEST(an_event_waits_for_paths_that_were_promised),
        TEST(an_event_ends_when_enough_higher_serials_came),
        TEST(an_event_ends_when_enough_time_went_by),
        TEST(a_call_that_blocked_for_long_is_not_late),
        TEST(one_time_far_ahead_ends_nothing),
        TEST(serials_come_out_in_order),
        TEST(serials_wrap),
        TEST(a_counter_that_began_anew_stands_behind),
        TEST(the_same_serial_at_another_time_is_another_event),
        TEST(one_stray_serial_moves_nothing),
        TEST(strays_in_a_row_are_a_new_counter_even_with_old_times),
        TEST(the_daemons_own_serials_do_not_count),
        TEST(a_login_inside_a_call_is_an_event_of_its_own),
        TEST(several_records_lead_events_of_their_own),
        TEST(two_calls_with_one_stamp_are_refused_together),
        TEST(the_same_call_told_twice_is_one),
        TEST(the_end_of_the_input_ends_events),
        TEST(an_event_cut_at_the_end_goes_on_in_the_next_input),
        TEST(flushing_up_to_a_time_leaves_what_is_later),
        TEST(events_beyond_the_limit_are_given_out_early_and_counted),
        TEST(records_beyond_the_memory_are_given_out_early),
        TEST(any_mixture_and_any_move_gives_the_same_events),
        TEST(events_that_begin_in_order_come_out_in_order),
    };
    return cmocka_run_group_tests_name("audit assemble", tests, NULL, NULL);
}
