/* What Sysmon records tell. */
#include <btr/identity.h>

#include "winlog_run.h"

#define GUID_A "{aabbccdd-1000-6632-0100-000000000400}"
#define GUID_B "{aabbccdd-1001-6632-0200-000000000400}"
#define ACTOR                                                                                      \
    "'ProcessGuid':'" GUID_A "','ProcessId':'100','Image':'C:\\\\a.exe','User':'LAB\\\\eve'"

static struct btr_id process(const char *guid)
{
    return btr_identity_process_native(BTR_SPAN("ws1"), btr_span_of(guid));
}

static struct btr_id file(const char *path)
{
    return btr_identity_file(BTR_SPAN("ws1"), BTR_SPAN(""), btr_span_of(path));
}

static void assert_event(const struct win_run *run, enum btr_operation operation,
                         struct btr_id subject, struct btr_id object)
{
    const struct btr_event *e = win_run_event(run, operation, 0);
    assert_non_null(e);
    assert_true(btr_id_equal(e->subject, subject));
    assert_true(btr_id_equal(e->object, object));
}

static void a_create_tells_fork_exec_and_session(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(
        &run, 1, 1500,
        "'ProcessGuid':'" GUID_B
        "','ProcessId':'200','Image':'C:\\\\b.exe','CommandLine':'b -x','User':'LAB\\\\eve',"
        "'LogonId':'0x3719fb','Hashes':'SHA1=11,MD5=22,SHA256=33','CurrentDirectory':'C:\\\\','"
        "ParentProcessGuid':'" GUID_A
        "','ParentProcessId':'100','ParentImage':'C:\\\\a.exe','ParentCommandLine':'a'");
    assert_int_equal(run.batch.event_count, 3);
    assert_event(&run, BTR_OP_FORK, process(GUID_A), process(GUID_B));
    assert_event(&run, BTR_OP_EXEC, process(GUID_B), file("c:\\B.exe"));
    const struct btr_event *fork = win_run_event(&run, BTR_OP_FORK, 0),
                           *exec = win_run_event(&run, BTR_OP_EXEC, 0);
    assert_int_equal(fork->flags, 0);
    assert_int_equal(exec->flags, BTR_EVENT_PART);
    assert_int_equal(fork->first_ns, WIN_RUN_START_NS + 1500000000);
    assert_int_equal(fork->record_id, 1);
    assert_int_equal(fork->line, 1);
    assert_true(btr_id_equal(win_run_event(&run, BTR_OP_SESSION_OF, 0)->object, process(GUID_B)));
    assert_string_equal(win_run_attr(&run, process(GUID_B), BTR_ATTR_PROCESS_ENTITY_ID), GUID_B);
    assert_string_equal(win_run_attr(&run, process(GUID_B), BTR_ATTR_PROCESS_PID), "200");
    assert_string_equal(win_run_attr(&run, process(GUID_B), BTR_ATTR_PROCESS_COMMAND_LINE), "b -x");
    assert_string_equal(win_run_attr(&run, process(GUID_B), BTR_ATTR_PROCESS_HASH_SHA256), "33");
    assert_string_equal(win_run_attr(&run, process(GUID_B), BTR_ATTR_PROCESS_PARENT_PID), "100");
    assert_string_equal(win_run_attr(&run, process(GUID_B), BTR_ATTR_USER_NAME), "eve");
    assert_string_equal(win_run_attr(&run, process(GUID_B), BTR_ATTR_USER_DOMAIN), "LAB");
    assert_string_equal(win_run_attr(&run, process(GUID_A), BTR_ATTR_PROCESS_EXECUTABLE),
                        "C:\\a.exe");
    assert_string_equal(win_run_attr(&run, file("C:\\b.exe"), BTR_ATTR_FILE_HASH_MD5), "22");
    win_run_fini(&run);
}

/* One row a record: what it holds, and the operation that it counts as. */
static void each_event_id_has_its_operation(void **state)
{
    (void)state;
    static const struct {
        unsigned event_id;
        enum btr_operation operation;
        const char *fields;
    } rows[] = {
        {2, BTR_OP_SETTIME, ACTOR ",'TargetFilename':'C:\\\\t'"},
        {3, BTR_OP_CONNECT,
         ACTOR ",'Protocol':'tcp','Initiated':'true','SourceIp':'10.0.0.1','SourcePort':'50000',"
               "'DestinationIp':'10.0.0.2','DestinationPort':'443'"},
        {3, BTR_OP_ACCEPT,
         ACTOR ",'Protocol':'tcp','Initiated':'false','SourceIp':'10.0.0.3','SourcePort':'50000',"
               "'DestinationIp':'10.0.0.1','DestinationPort':'445'"},
        {5, BTR_OP_EXIT, ACTOR},
        {6, BTR_OP_MODULE_LOAD, "'ImageLoaded':'C:\\\\d.sys','Signature':'S'"},
        {7, BTR_OP_LOAD, ACTOR ",'ImageLoaded':'C:\\\\l.dll','Hashes':'SHA256=1'"},
        {8, BTR_OP_INJECT,
         "'SourceProcessGuid':'" GUID_A "','SourceProcessId':'100','TargetProcessGuid':'" GUID_B
         "','TargetProcessId':'200'"},
        {9, BTR_OP_READ, ACTOR ",'Device':'\\\\Device\\\\HarddiskVolume2'"},
        {10, BTR_OP_ACCESS,
         "'SourceProcessGUID':'" GUID_A "','SourceProcessId':'100','TargetProcessGUID':'" GUID_B
         "','TargetProcessId':'200','GrantedAccess':'0x1410'"},
        {11, BTR_OP_CREATE, ACTOR ",'TargetFilename':'C:\\\\f'"},
        {12, BTR_OP_REG_SET, ACTOR ",'TargetObject':'HKLM\\\\k','EventType':'CreateKey'"},
        {12, BTR_OP_REG_DELETE, ACTOR ",'TargetObject':'HKLM\\\\k','EventType':'DeleteKey'"},
        {13, BTR_OP_REG_SET, ACTOR ",'TargetObject':'HKLM\\\\k\\\\v','Details':'1'"},
        {14, BTR_OP_REG_SET, ACTOR ",'TargetObject':'HKLM\\\\k','NewName':'HKLM\\\\n'"},
        {15, BTR_OP_CREATE, ACTOR ",'TargetFilename':'C:\\\\f:Zone.Identifier','Hash':'MD5=1'"},
        {17, BTR_OP_PIPE_CREATE, ACTOR ",'PipeName':'\\\\p'"},
        {18, BTR_OP_PIPE_CONNECT, ACTOR ",'PipeName':'\\\\p'"},
        {19, BTR_OP_WMI_SET, "'User':'LAB\\\\eve','Name':' \\'f\\'','Operation':'Created'"},
        {20, BTR_OP_WMI_SET, "'User':'LAB\\\\eve','Name':'c','Destination':'x.exe'"},
        {21, BTR_OP_WMI_SET,
         "'User':'LAB\\\\eve','Consumer':'CommandLineEventConsumer.Name=c','Filter':'__EventFilter."
         "Name=f'"},
        {22, BTR_OP_DNS_QUERY, ACTOR ",'QueryName':'evil.test'"},
        {23, BTR_OP_DELETE, ACTOR ",'TargetFilename':'C:\\\\f'"},
        {26, BTR_OP_DELETE, ACTOR ",'TargetFilename':'C:\\\\f'"},
        {24, BTR_OP_TOLD, ACTOR},
        {25, BTR_OP_TOLD, ACTOR ",'Type':'Image is replaced'"},
        {29, BTR_OP_TOLD, ACTOR ",'TargetFilename':'C:\\\\f'"},
        {255, BTR_OP_TOLD, "'ID':'QUEUE'"},
        {7, BTR_OP_TOLD, "'RuleName':'nothing is named'"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct win_run run;
        win_run_init(&run, "ws1");
        win_run_sysmon(&run, rows[i].event_id, 0, rows[i].fields);
        unsigned counted = 0;
        for (uint32_t k = 0; k < run.batch.event_count; k++)
            if (!(run.batch.events[k].flags & (BTR_EVENT_PART | BTR_EVENT_IMPLIED))) {
                if (run.batch.events[k].operation != rows[i].operation)
                    fail_msg("row %zu is %s", i, btr_operation_word(run.batch.events[k].operation));
                counted++;
            }
        assert_int_equal(counted, 1);
        win_run_fini(&run);
    }
}

static void what_only_the_message_tells_is_found_there(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 11, 0,
                   "'Message':'File created:\\r\\nRuleName: -\\r\\nProcessGuid: " GUID_A
                   "\\r\\nProcessId: 100\\r\\nImage: C:\\\\a.exe\\r\\nTargetFilename: C:\\\\x "
                   "y.txt \\r\\nEnd: -'");
    assert_event(&run, BTR_OP_CREATE, process(GUID_A), file("C:\\x y.txt"));
    win_run_fini(&run);
}

static void nxlog_hides_the_event_type_that_the_message_tells(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 12, 0,
                   ACTOR ",'EventType':'INFO','TargetObject':'HKLM\\\\k','Message':'Registry:"
                         "\\r\\nEventType: DeleteValue\\r\\n'");
    assert_int_equal(win_run_count(&run, BTR_OP_REG_DELETE), 1);
    win_run_fini(&run);
}

static void every_shipper_tells_the_same_event(void **state)
{
    (void)state;
    static const char *const records[] = {
        "{'EventID':11,'Channel':'Microsoft-Windows-Sysmon/"
        "Operational','Hostname':'WS1','RecordNumber':7,"
        "'UtcTime':'2024-05-01 10:00:00.000'," ACTOR ",'TargetFilename':'C:\\\\f'}",
        "{'event_id':11,'log_name':'Microsoft-Windows-Sysmon/"
        "Operational','computer_name':'WS1','record_number':'7',"
        "'@timestamp':'2024-05-01T10:00:01Z','host':{'name':'collector'},'event_data':{'UtcTime':'"
        "2024-05-01 10:00:00.000'," ACTOR ",'TargetFilename':'C:\\\\f'}}",
        "{'winlog':{'channel':'Microsoft-Windows-Sysmon/"
        "Operational','event_id':11,'record_id':7,'computer_name':'WS1',"
        "'event_data':{'UtcTime':'2024-05-01 10:00:00.000'," ACTOR ",'TargetFilename':'C:\\\\f'}},"
        "'@timestamp':'2024-05-01T10:00:01Z','event':{'code':'11'}}",
    };
    for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
        struct win_run run;
        win_run_init(&run, "ws1");
        assert_int_equal(win_run_line(&run, records[i]), 0);
        assert_event(&run, BTR_OP_CREATE, process(GUID_A), file("C:\\f"));
        assert_int_equal(run.batch.events[0].record_id, 7);
        assert_int_equal(run.batch.events[0].first_ns, WIN_RUN_START_NS);
        assert_string_equal((const char *)run.batch.streams[0].source.at,
                            "Microsoft-Windows-Sysmon/Operational");
        win_run_fini(&run);
    }
}

/* Members are found by an index of their names, or, of very many, without one: the first of a name
 * counts either way. */
static void what_stands_beside_the_fields_changes_nothing(void **state)
{
    (void)state;
    static const unsigned counts[] = {1, 50, 110, 118, 119, 120, 130, 200};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        char fields[8192];
        struct win_run run;
        int size = snprintf(fields, sizeof(fields), ACTOR ",'TargetFilename':'C:\\\\f'");
        for (unsigned k = 0; k < counts[i];
             k++) /* names that are one in size, first and last byte */
            size += snprintf(fields + size, sizeof(fields) - (size_t)size, ",'Target%03uname':'%u'",
                             k, k);
        (void)snprintf(fields + size, sizeof(fields) - (size_t)size,
                       ",'TargetFilename':'C:\\\\g','Image':'C:\\\\h.exe'");
        win_run_init(&run, "ws1");
        win_run_sysmon(&run, 11, 0, fields);
        assert_event(&run, BTR_OP_CREATE, process(GUID_A), file("C:\\f"));
        assert_string_equal(win_run_attr(&run, process(GUID_A), BTR_ATTR_PROCESS_EXECUTABLE),
                            "C:\\a.exe");
        win_run_fini(&run);
    }
}

static void one_guid_in_two_cases_is_one_process(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 11, 0, ACTOR ",'TargetFilename':'C:\\\\f'");
    win_run_sysmon(&run, 23, 1,
                   "'ProcessGuid':'{AABBCCDD-1000-6632-0100-000000000400}','ProcessId':'100','"
                   "Image':'C:\\\\A.EXE','TargetFilename':'C:\\\\F'");
    assert_event(&run, BTR_OP_CREATE, process(GUID_A), file("C:\\f"));
    assert_event(&run, BTR_OP_DELETE, process(GUID_A), file("C:\\f"));
    assert_string_equal(win_run_attr(&run, process(GUID_A), BTR_ATTR_PROCESS_EXECUTABLE),
                        "C:\\a.exe");
    win_run_fini(&run);
}

static void two_guids_of_one_start_are_one_process(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 1, 0, ACTOR ",'ParentProcessGuid':'" GUID_B "','ParentProcessId':'200'");
    win_run_sysmon(&run, 11, 5,
                   "'ProcessGuid':'{aabbccdd-1000-6632-9909-000000000300}','ProcessId':'100','"
                   "Image':'C:\\\\a.exe','TargetFilename':'C:\\\\f'");
    win_run_sysmon(&run, 23, 6,
                   "'ProcessGuid':'{aabbccdd-1009-6632-9909-000000000300}','ProcessId':'100','"
                   "Image':'C:\\\\a.exe','TargetFilename':'C:\\\\f'");
    assert_event(&run, BTR_OP_CREATE, process(GUID_A), file("C:\\f"));
    assert_int_equal(win_run_event(&run, BTR_OP_CREATE, 0)->doubt, BTR_DOUBT_GUID_BY_PID);
    assert_false(btr_id_equal(win_run_event(&run, BTR_OP_DELETE, 0)->subject,
                              process(GUID_A))); /* another second */
    win_run_fini(&run);
}

static void a_query_of_a_process_is_no_flow(void **state)
{
    (void)state;
    static const char fields[] = "'SourceProcessGUID':'" GUID_A "','TargetProcessGUID':'" GUID_B
                                 "','GrantedAccess':'0x1000'";
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 10, 0, fields);
    assert_event(&run, BTR_OP_TOLD, process(GUID_A), process(GUID_B));
    win_run_fini(&run);
}

static void the_handle_that_comes_with_a_start_is_no_flow(void **state)
{
    (void)state;
    struct win_run run; /* 0x6632110f is 10:00:15 of that day, local guids begin then */
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 10, 15500,
                   "'SourceProcessGUID':'" GUID_A "','TargetProcessGUID':'{aabbccdd-12af-6632-0300-"
                   "000000000400}','GrantedAccess':'0x1fffff'");
    assert_int_equal(win_run_count(&run, BTR_OP_ACCESS), 0);
    win_run_sysmon(&run, 10, 60000,
                   "'SourceProcessGUID':'" GUID_A "','TargetProcessGUID':'{aabbccdd-12af-6632-0300-"
                   "000000000400}','GrantedAccess':'0x1fffff'");
    assert_int_equal(win_run_count(&run, BTR_OP_ACCESS), 1);
    win_run_fini(&run);
}

static void both_hosts_of_a_connection_tell_one_flow(void **state)
{
    (void)state;
    struct win_run client, server;
    win_run_init(&client, "ws1");
    win_run_init(&server, "ws2");
    win_run_sysmon(&client, 3, 0,
                   ACTOR ",'Protocol':'tcp','Initiated':'true','SourceIp':'10.0.0.1','SourcePort':'"
                         "50000','DestinationIp':'10.0.0.2',"
                         "'DestinationPort':'445'");
    win_run_sysmon(&server, 3, 0,
                   ACTOR ",'Protocol':'tcp','Initiated':'false','SourceIp':'10.0.0.2','SourcePort':"
                         "'445','DestinationIp':'10.0.0.1',"
                         "'DestinationPort':'50000'");
    struct btr_id flow = win_run_event(&client, BTR_OP_CONNECT, 0)->object;
    assert_true(btr_id_equal(flow, win_run_event(&server, BTR_OP_ACCEPT, 0)->object));
    assert_string_equal(win_run_attr(&client, flow, BTR_ATTR_SOURCE_PORT), "50000");
    assert_string_equal(win_run_attr(&server, flow, BTR_ATTR_SOURCE_PORT), "50000");
    assert_string_equal(win_run_attr(&server, flow, BTR_ATTR_DESTINATION_IP), "10.0.0.2");
    win_run_fini(&client);
    win_run_fini(&server);
}

static void nothing_acts_before_it_is_born(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 1, 5000, ACTOR);
    win_run_sysmon(&run, 3, 3000,
                   ACTOR ",'Protocol':'tcp','Initiated':'true','SourceIp':'10.0.0.1','SourcePort':'"
                         "1','DestinationIp':'10.0.0.2','DestinationPort':'2'");
    const struct btr_event *e = win_run_event(&run, BTR_OP_CONNECT, 0);
    assert_int_equal(e->first_ns, WIN_RUN_START_NS + 5000000000);
    assert_int_equal(e->time_ns, WIN_RUN_START_NS + 3000000000);
    win_run_fini(&run);
}

static void a_consumer_leads_from_who_set_it_to_what_it_runs(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 19, 0, "'User':'LAB\\\\eve','Name':'f'");
    win_run_sysmon(&run, 20, 1, "'User':'LAB\\\\eve','Name':'c','Destination':'script'");
    win_run_sysmon(&run, 21, 2,
                   "'User':'LAB\\\\eve','Consumer':'ActiveScriptEventConsumer.Name=c','Filter':'__"
                   "EventFilter.Name=f'");
    win_run_sysmon(&run, 1, 3,
                   "'ProcessGuid':'" GUID_B
                   "','ProcessId':'200','Image':'C:\\\\wbem\\\\scrcons.exe'");
    struct btr_id binding = win_run_event(&run, BTR_OP_WMI_SET, 2)->object;
    assert_int_equal(win_run_count(&run, BTR_OP_WMI_SET), 5);
    assert_true(btr_id_equal(win_run_event(&run, BTR_OP_WMI_SET, 3)->object, binding));
    assert_event(&run, BTR_OP_WMI_RUN, binding, process(GUID_B));
    assert_int_equal(win_run_event(&run, BTR_OP_WMI_RUN, 0)->doubt, BTR_DOUBT_INFERRED);
    win_run_fini(&run);
}

static void a_service_set_in_the_registry_leads_to_its_process(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(
        &run, 13, 0,
        ACTOR
        ",'TargetObject':'HKLM\\\\System\\\\CurrentControlSet\\\\Services\\\\updater\\\\ImagePath',"
        "'Details':'%%COMSPEC%% /c  start x.exe'");
    win_run_sysmon(&run, 1, 1,
                   "'ProcessGuid':'" GUID_B
                   "','ProcessId':'200','Image':'C:\\\\Windows\\\\System32\\\\cmd.exe',"
                   "'CommandLine':'C:\\\\Windows\\\\system32\\\\CMD.exe /C start "
                   "x.exe','ParentImage':'C:\\\\Windows\\\\services.exe'");
    struct btr_id service = win_run_event(&run, BTR_OP_SERVICE_INSTALL, 0)->object;
    assert_event(&run, BTR_OP_SERVICE_START, service, process(GUID_B));
    assert_string_equal(win_run_attr(&run, service, BTR_ATTR_SERVICE_NAME), "updater");
    win_run_fini(&run);
}

static void sysmon_that_stops_leaves_a_gap(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 4, 0, "'State':'Stopped'");
    win_run_sysmon(&run, 4, 1, "'State':'Started'");
    win_run_sysmon(&run, 16, 2, "'Configuration':'c.xml'");
    assert_int_equal(run.batch.gap_count, 3);
    assert_int_equal(run.batch.gaps[0].kind, BTR_GAP_STOPPED);
    assert_int_equal(run.batch.gaps[1].kind, BTR_GAP_STARTED);
    assert_int_equal(run.batch.gaps[2].kind, BTR_GAP_RULES);
    win_run_fini(&run);
}

static void an_entity_is_noted_again_in_a_new_segment(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 11, 0, ACTOR ",'TargetFilename':'C:\\\\f'");
    uint32_t notes = run.batch.note_count;
    win_run_sysmon(&run, 11, 1, ACTOR ",'TargetFilename':'C:\\\\f'");
    assert_int_equal(run.batch.note_count, notes);
    run.batch.epoch++;
    win_run_sysmon(&run, 11, 2, ACTOR ",'TargetFilename':'C:\\\\f'");
    assert_int_equal(run.batch.note_count, 2 * notes);
    win_run_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create_tells_fork_exec_and_session),
        cmocka_unit_test(each_event_id_has_its_operation),
        cmocka_unit_test(what_only_the_message_tells_is_found_there),
        cmocka_unit_test(nxlog_hides_the_event_type_that_the_message_tells),
        cmocka_unit_test(every_shipper_tells_the_same_event),
        cmocka_unit_test(what_stands_beside_the_fields_changes_nothing),
        cmocka_unit_test(one_guid_in_two_cases_is_one_process),
        cmocka_unit_test(two_guids_of_one_start_are_one_process),
        cmocka_unit_test(a_query_of_a_process_is_no_flow),
        cmocka_unit_test(the_handle_that_comes_with_a_start_is_no_flow),
        cmocka_unit_test(both_hosts_of_a_connection_tell_one_flow),
        cmocka_unit_test(nothing_acts_before_it_is_born),
        cmocka_unit_test(a_consumer_leads_from_who_set_it_to_what_it_runs),
        cmocka_unit_test(a_service_set_in_the_registry_leads_to_its_process),
        cmocka_unit_test(sysmon_that_stops_leaves_a_gap),
        cmocka_unit_test(an_entity_is_noted_again_in_a_new_segment),
    };
    return cmocka_run_group_tests_name("winlog_sysmon", tests, NULL, NULL);
}
