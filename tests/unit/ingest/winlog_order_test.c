/* When Windows records happened, in which order, and what is missing between them. */
#include "winlog_run.h"

#define S INT64_C(1000000000)
#define ACTOR                                                                                      \
    "'ProcessGuid':'{aabbccdd-1000-6632-0100-000000000400}','ProcessId':'100','Image':'C:\\\\a."   \
    "exe'"

/* A record of the System log, with an id, as Winlogbeat tells it. */
static void system_record(struct win_run *run, uint64_t id, int64_t seconds)
{
    char json[512];
    (void)snprintf(
        json, sizeof(json),
        "{'winlog':{'channel':'System','event_id':7036,'record_id':%llu,'computer_name':'ws1'},"
        "'@timestamp':'2024-05-01T%02d:%02d:%02d.000Z'}",
        (unsigned long long)id, (int)(10 + seconds / 3600), (int)(seconds / 60 % 60),
        (int)(seconds % 60));
    assert_int_equal(win_run_line(run, json), 0);
}

static int64_t order_of(const struct win_run *run, uint64_t record_id)
{
    for (uint32_t i = 0; i < run->batch.event_count; i++)
        if (run->batch.events[i].record_id == record_id)
            return run->batch.events[i].first_ns - WIN_RUN_START_NS;
    fail();
    return 0;
}

static void flush(struct win_run *run)
{
    assert_int_equal(run->decoder->flush(run->state, INT64_MAX, &run->batch, run->arena), 0);
}

static void order_never_goes_back_within_a_channel(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    system_record(&run, 1, 10);
    system_record(&run, 2, 8);
    system_record(&run, 3, 10);
    system_record(&run, 4, 11);
    assert_int_equal(order_of(&run, 1), 10 * S);
    assert_int_equal(order_of(&run, 2), 10 * S + 1);
    assert_int_equal(order_of(&run, 3), 10 * S + 2);
    assert_int_equal(order_of(&run, 4), 11 * S);
    assert_int_equal(run.batch.gap_count, 0);
    win_run_fini(&run);
}

static void a_late_record_is_held_between_its_neighbours(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    system_record(&run, 1, 10);
    system_record(&run, 4, 14);
    system_record(&run, 3, 20);
    system_record(&run, 2, 12);
    flush(&run);
    assert_int_equal(order_of(&run, 3), 14 * S - 1);
    assert_int_equal(order_of(&run, 2), 12 * S);
    assert_int_equal(run.batch.gap_count, 0); /* both were missing for a while only */
    win_run_fini(&run);
}

static void missing_ids_are_told_as_one_gap(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    for (uint64_t id = 100; id < 400; id++)
        if (id % 3 != 1 || id == 100)
            system_record(&run, id, 1 + (int64_t)(id - 100) / 10);
    flush(&run);
    assert_int_equal(run.batch.gap_count, 1);
    const struct btr_gap *gap = &run.batch.gaps[0];
    assert_int_equal(gap->kind, BTR_GAP_HOLE);
    assert_int_equal(gap->count, 99);
    assert_int_equal(gap->from_id, 102);
    assert_int_equal(gap->until_id, 398);
    assert_true(gap->from_ns < gap->until_ns);
    win_run_fini(&run);
}

static void holes_far_apart_are_two_gaps(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    system_record(&run, 1, 0);
    system_record(&run, 5, 1);
    system_record(&run, 6, 500);
    system_record(&run, 9, 501);
    flush(&run);
    assert_int_equal(run.batch.gap_count, 2);
    assert_int_equal(run.batch.gaps[0].count, 3);
    assert_int_equal(run.batch.gaps[1].count, 2);
    win_run_fini(&run);
}

static void numbers_that_begin_anew_are_no_hole(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    system_record(&run, 500000, 0);
    system_record(&run, 500001, 1);
    system_record(&run, 1, 2);
    system_record(&run, 2, 3);
    flush(&run);
    assert_int_equal(run.batch.gap_count, 0);
    assert_int_equal(order_of(&run, 2), 3 * S);
    win_run_fini(&run);
}

static void a_record_dated_far_ahead_does_not_drag_those_behind_it(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    system_record(&run, 1, 10);
    system_record(&run, 2, 3000);
    system_record(&run, 3, 11);
    system_record(&run, 4, 12);
    assert_int_equal(order_of(&run, 2), 3000 * S);
    assert_int_equal(order_of(&run, 3), 11 * S);
    assert_int_equal(order_of(&run, 4), 12 * S);
    assert_int_equal(run.batch.gap_count, 1);
    assert_int_equal(run.batch.gaps[0].kind, BTR_GAP_CLOCK);
    win_run_fini(&run);
}

static void an_idle_hour_is_no_clock_gap(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    system_record(&run, 1, 10);
    system_record(&run, 2, 3000);
    system_record(&run, 3, 3001);
    system_record(&run, 4, 6500);
    system_record(&run, 5, 6501);
    assert_int_equal(order_of(&run, 3), 3001 * S);
    assert_int_equal(run.batch.gap_count, 0);
    win_run_fini(&run);
}

static void a_clock_that_is_set_back_is_followed(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    for (unsigned i = 1; i < 4; i++)
        system_record(&run, i, 3000 + i);
    for (unsigned i = 4; i < 9; i++)
        system_record(&run, i, 100 + i);
    assert_int_equal(order_of(&run, 8), 108 * S);
    assert_int_equal(run.batch.gap_count, 1);
    assert_int_equal(run.batch.gaps[0].kind, BTR_GAP_CLOCK);
    win_run_fini(&run);
}

static void sysmon_is_ordered_by_its_stamps(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 11, 30000, ACTOR ",'TargetFilename':'C:\\\\f'");
    win_run_sysmon(&run, 7, 2000, ACTOR ",'ImageLoaded':'C:\\\\l.dll'");
    win_run_sysmon(&run, 7, 2000, ACTOR ",'ImageLoaded':'C:\\\\m.dll'");
    assert_int_equal(order_of(&run, 1), 30 * S);
    assert_int_equal(order_of(&run, 2), 2 * S);
    assert_int_equal(order_of(&run, 3), 2 * S + 1);
    win_run_fini(&run);
}

static void a_connection_stamped_hours_off_is_dated_by_its_record(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 11, 1000, ACTOR ",'TargetFilename':'C:\\\\f'");
    assert_int_equal(
        win_run_line(
            &run, "{'EventID':22,'Channel':'Microsoft-Windows-Sysmon/Operational','RecordNumber':2,"
                  "'EventTime':'2024-05-01 12:00:05','UtcTime':'2024-05-01 02:14:00.000'," ACTOR
                  ",'QueryName':'x.test'}"),
        0);
    assert_int_equal(order_of(&run, 2), 5 * S);
    assert_int_equal(run.batch.events[1].time_ns,
                     WIN_RUN_START_NS - 27960 * S); /* as the agent told it */
    win_run_fini(&run);
}

static void whole_seconds_are_intervals(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_security(&run, 4689, 7250, "'ProcessId':'0x64','ProcessName':'C:\\\\a.exe'");
    const struct btr_event *e = win_run_event(&run, BTR_OP_EXIT, 0);
    assert_int_equal(e->first_ns, WIN_RUN_START_NS + 7 * S);
    assert_int_equal(e->last_ns, WIN_RUN_START_NS + 8 * S - 1);
    assert_int_equal(e->flags, BTR_EVENT_INTERVAL);
    win_run_fini(&run);
}

/* TimeCreated is local time that is stamped as UTC. */
static const char wrong_zone[] = "{'EventID':4689,'Channel':'Security','TimeCreated':'2024-05-"
                                 "01T03:00:07.500Z','ProcessId':'0x64'}";

static void a_record_of_unknown_zone_waits_for_sysmon_and_keeps_its_line(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    assert_int_equal(win_run_line(&run, wrong_zone), 0);
    assert_int_equal(run.batch.event_count, 0);
    struct btr_decoder_stats stats;
    run.decoder->stats(run.state, &stats);
    assert_int_equal(stats.waiting, 1);
    assert_int_equal(
        win_run_line(
            &run,
            "{'EventID':11,'Channel':'Microsoft-Windows-Sysmon/Operational',"
            "'TimeCreated':'2024-05-01T03:00:09.100Z','UtcTime':'2024-05-01 10:00:09.000'," ACTOR
            ",'TargetFilename':'C:\\\\f'}"),
        0);
    assert_int_equal(run.batch.event_count, 2);
    assert_int_equal(run.batch.events[0].operation, BTR_OP_EXIT);
    assert_int_equal(run.batch.events[0].line, 1);
    assert_int_equal(run.batch.events[0].first_ns, WIN_RUN_START_NS + 7 * S + S / 2);
    assert_int_equal(run.batch.events[1].line, 2);
    win_run_fini(&run);
}

static void what_waits_is_told_at_the_end_of_the_input(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    assert_int_equal(win_run_line(&run, wrong_zone), 0);
    assert_int_equal(run.decoder->input_end(run.state, &run.batch, run.arena), 0);
    assert_int_equal(run.batch.event_count, 1);
    assert_int_equal(run.batch.events[0].line, 1);
    assert_int_equal(run.batch.events[0].first_ns, WIN_RUN_START_NS - 7 * 3600 * S + 7 * S + S / 2);
    win_run_fini(&run);
}

static void a_host_without_sysmon_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    unsigned fed = 0;
    while (run.batch.event_count == 0 && fed++ < 100000)
        assert_int_equal(win_run_line(&run, wrong_zone), 0);
    assert_int_equal(run.batch.event_count, fed);
    for (unsigned i = 0; i < fed; i++)
        assert_int_equal(run.batch.events[i].line, i + 1);
    win_run_fini(&run);
}

static void another_input_is_another_sequence_where_there_are_no_ids(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    assert_int_equal(
        win_run_line(&run, "{'EventID':1,'log_name':'X','@timestamp':'2024-05-01T10:00:30Z'}"), 0);
    run.batch.input = 1;
    assert_int_equal(
        win_run_line(&run, "{'EventID':1,'log_name':'X','@timestamp':'2024-05-01T10:00:25Z'}"), 0);
    assert_int_equal(run.batch.events[1].first_ns, WIN_RUN_START_NS + 25 * S);
    win_run_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_never_goes_back_within_a_channel),
        cmocka_unit_test(a_late_record_is_held_between_its_neighbours),
        cmocka_unit_test(missing_ids_are_told_as_one_gap),
        cmocka_unit_test(holes_far_apart_are_two_gaps),
        cmocka_unit_test(numbers_that_begin_anew_are_no_hole),
        cmocka_unit_test(a_record_dated_far_ahead_does_not_drag_those_behind_it),
        cmocka_unit_test(an_idle_hour_is_no_clock_gap),
        cmocka_unit_test(a_clock_that_is_set_back_is_followed),
        cmocka_unit_test(sysmon_is_ordered_by_its_stamps),
        cmocka_unit_test(a_connection_stamped_hours_off_is_dated_by_its_record),
        cmocka_unit_test(whole_seconds_are_intervals),
        cmocka_unit_test(a_record_of_unknown_zone_waits_for_sysmon_and_keeps_its_line),
        cmocka_unit_test(what_waits_is_told_at_the_end_of_the_input),
        cmocka_unit_test(a_host_without_sysmon_does_not_wait_for_ever),
        cmocka_unit_test(another_input_is_another_sequence_where_there_are_no_ids),
    };
    return cmocka_run_group_tests_name("winlog_order", tests, NULL, NULL);
}
