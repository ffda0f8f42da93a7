/* What records of the Security and System logs tell, and how they join with Sysmon's. */
#include <btr/identity.h>

#include "winlog_run.h"

#define GUID "{aabbccdd-12a0-6632-0100-000000000400}" /* started 10:00:00 */

static struct btr_id native(void)
{
    return btr_identity_process_native(BTR_SPAN("ws1"), BTR_SPAN(GUID));
}

static void one_row(unsigned event_id, const char *channel, const char *fields,
                    enum btr_operation operation)
{
    struct win_run run;
    char json[2048];
    win_run_init(&run, "ws1");
    (void)snprintf(json, sizeof(json),
                   "{'EventID':%u,'log_name':'%s','@timestamp':'2024-05-01T10:00:00.000Z',%s}",
                   event_id, channel, fields);
    if (win_run_line(&run, json) != 0)
        fail_msg("%u: %s", event_id, run.err.text);
    unsigned counted = 0;
    for (uint32_t i = 0; i < run.batch.event_count; i++)
        if (!(run.batch.events[i].flags & (BTR_EVENT_PART | BTR_EVENT_IMPLIED))) {
            if (run.batch.events[i].operation != operation)
                fail_msg("%u is %s", event_id, btr_operation_word(run.batch.events[i].operation));
            counted++;
        }
    assert_int_equal(counted, 1);
    win_run_fini(&run);
}

static void each_event_id_has_its_operation(void **state)
{
    (void)state;
    one_row(
        4624, "Security",
        "'TargetLogonId':'0x9b1ad0','TargetUserName':'eve','IpAddress':'10.0.0.9','IpPort':'50000'",
        BTR_OP_LOGIN);
    one_row(4624, "Security",
            "'TargetLogonId':'0x3e7','TargetUserName':'SYSTEM','ProcessId':'0x2c4'", BTR_OP_TOLD);
    one_row(4624, "Security", "'TargetLogonId':'0x9b1ad0','TargetUserName':'eve','IpAddress':'-'",
            BTR_OP_TOLD);
    one_row(4625, "Security",
            "'TargetUserName':'eve','ProcessId':'0x1d60','ProcessName':'C:\\\\spray.exe'",
            BTR_OP_LOGIN);
    one_row(4634, "Security", "'TargetLogonId':'0x9b1ad0'", BTR_OP_LOGOUT);
    one_row(4647, "Security", "'TargetLogonId':'0x9b1ad0'", BTR_OP_LOGOUT);
    one_row(4648, "Security", "'TargetUserName':'adm','ProcessId':'0x1d60'", BTR_OP_LOGIN);
    one_row(4688, "security",
            "'NewProcessId':'0x64','NewProcessName':'C:\\\\a.exe','ProcessId':'0x65'", BTR_OP_FORK);
    one_row(4689, "Security", "'ProcessId':'0x64'", BTR_OP_EXIT);
    one_row(4663, "Security",
            "'ObjectType':'File','ObjectName':'C:\\\\x','AccessMask':'0x1','ProcessId':'0x64'",
            BTR_OP_READ);
    one_row(4663, "Security",
            "'ObjectType':'File','ObjectName':'C:\\\\x','AccessMask':'0x3','ProcessId':'0x64'",
            BTR_OP_WRITE);
    one_row(4663, "Security",
            "'ObjectType':'Key','ObjectName':'\\\\REGISTRY\\\\MACHINE\\\\x','AccessMask':'0x1','"
            "ProcessId':'0x64'",
            BTR_OP_REG_READ);
    one_row(4656, "Security", "'ObjectType':'File','ObjectName':'C:\\\\x','ProcessId':'0x64'",
            BTR_OP_TOLD);
    one_row(4697, "Security", "'ServiceName':'s','ServiceFileName':'x.exe','ClientProcessId':'100'",
            BTR_OP_SERVICE_INSTALL);
    one_row(4698, "Security",
            "'TaskName':'\\\\\\\\t','TaskContent':'<Task/>','SubjectLogonId':'0x9b1ad0'",
            BTR_OP_TASK_SET);
    one_row(4702, "Security",
            "'TaskName':'\\\\\\\\t','TaskContentNew':'<Task/>','SubjectLogonId':'0x9b1ad0'",
            BTR_OP_TASK_SET);
    one_row(5140, "Security", "'ShareName':'\\\\\\\\*\\\\C$','SubjectLogonId':'0x9b1ad0'",
            BTR_OP_SHARE_ACCESS);
    one_row(
        5145, "Security",
        "'ShareName':'\\\\\\\\*\\\\IPC$','RelativeTargetName':'svcctl','SubjectLogonId':'0x9b1ad0'",
        BTR_OP_SHARE_ACCESS);
    one_row(5156, "Security",
            "'ProcessId':'100','Direction':'%%14593','Protocol':'6','SourceAddress':'10.0.0.1','"
            "SourcePort':'50000',"
            "'DestAddress':'10.0.0.2','DestPort':'443'",
            BTR_OP_CONNECT);
    one_row(1102, "Security", "'SubjectUserName':'eve','SubjectLogonId':'0x9b1ad0'",
            BTR_OP_LOG_CLEAR);
    one_row(104, "System", "'user_data':{'SubjectUserName':'eve','Channel':'System'}",
            BTR_OP_LOG_CLEAR);
    one_row(7045, "System", "'ServiceName':'s','ImagePath':'x.exe'", BTR_OP_SERVICE_INSTALL);
    one_row(7036, "System", "'param1':'s'", BTR_OP_TOLD);
    one_row(4104, "Microsoft-Windows-PowerShell/Operational",
            "'process_id':77,'ScriptBlockText':'x'", BTR_OP_TOLD);
    one_row(9999, "Somebody/Else", "'a':'b'", BTR_OP_TOLD);
}

static void a_pid_is_the_guid_that_lives_under_it(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 1, 500,
                   "'ProcessGuid':'" GUID "','ProcessId':'100','Image':'C:\\\\a.exe'");
    win_run_security(&run, 4688, 500,
                     "'NewProcessId':'0x64','NewProcessName':'C:\\\\A.exe','ProcessId':'0x65'");
    win_run_security(&run, 4697, 900,
                     "'ServiceName':'s','ServiceFileName':'x.exe','ClientProcessId':'100'");
    assert_true(btr_id_equal(win_run_event(&run, BTR_OP_FORK, 0)->object, native()));
    assert_true(btr_id_equal(win_run_event(&run, BTR_OP_SERVICE_INSTALL, 0)->subject, native()));
    assert_int_equal(win_run_event(&run, BTR_OP_SERVICE_INSTALL, 0)->doubt, BTR_DOUBT_GUID_BY_PID);
    win_run_security(&run, 4689, 5000, "'ProcessId':'0x64'");
    win_run_security(
        &run, 4663, 60000,
        "'ObjectType':'File','ObjectName':'C:\\\\x','AccessMask':'0x1','ProcessId':'0x64'");
    assert_false(btr_id_equal(win_run_event(&run, BTR_OP_READ, 0)->subject,
                              native())); /* it has ended: the pid is another's */
    win_run_fini(&run);
}

static void a_guid_that_comes_later_is_the_process_that_security_told(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_security(&run, 4688, 0,
                     "'NewProcessId':'0x64','NewProcessName':'C:\\\\a.exe','ProcessId':'0x65'");
    struct btr_id id = win_run_event(&run, BTR_OP_FORK, 0)->object;
    win_run_sysmon(&run, 11, 900,
                   "'ProcessGuid':'" GUID
                   "','ProcessId':'100','Image':'C:\\\\a.exe','TargetFilename':'C:\\\\f'");
    assert_true(btr_id_equal(win_run_event(&run, BTR_OP_CREATE, 0)->subject, id));
    assert_string_equal(win_run_attr(&run, id, BTR_ATTR_PROCESS_ENTITY_ID), GUID);
    win_run_fini(&run);
}

static void a_pid_with_another_image_is_another_process(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 11, 0,
                   "'ProcessGuid':'" GUID
                   "','ProcessId':'100','Image':'C:\\\\a.exe','TargetFilename':'C:\\\\f'");
    win_run_security(&run, 4663, 900,
                     "'ObjectType':'File','ObjectName':'C:\\\\x','AccessMask':'0x1','ProcessId':'"
                     "0x64','ProcessName':'C:\\\\b.exe'");
    assert_false(btr_id_equal(win_run_event(&run, BTR_OP_READ, 0)->subject, native()));
    win_run_fini(&run);
}

#define LOGON                                                                                      \
    "'TargetLogonId':'0x9b1ad0','TargetUserName':'eve','IpAddress':'10.0.0.9','IpPort':'50000'"
#define ACCEPT                                                                                     \
    "'ProcessId':'4','Direction':'%%14592','Protocol':'6','SourceAddress':'10.0.0.9','SourcePort'" \
    ":'50000',"                                                                                    \
    "'DestAddress':'10.0.0.1','DestPort':'445'"

static void a_logon_leads_from_its_connection_to_what_runs_in_it(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_security(&run, 5156, 0, ACCEPT);
    win_run_security(&run, 4624, 100, LOGON);
    win_run_sysmon(&run, 1, 1500,
                   "'ProcessGuid':'" GUID
                   "','ProcessId':'100','Image':'C:\\\\a.exe','LogonId':'0x9B1AD0'");
    const struct btr_event *login = win_run_event(&run, BTR_OP_LOGIN, 0),
                           *held = win_run_event(&run, BTR_OP_SESSION_OF, 0);
    assert_true(btr_id_equal(login->subject, win_run_event(&run, BTR_OP_ACCEPT, 0)->object));
    assert_true(btr_id_equal(login->object, held->subject));
    assert_true(btr_id_equal(held->object, native()));
    assert_string_equal(win_run_attr(&run, login->object, BTR_ATTR_USER_NAME), "eve");
    win_run_fini(&run);
}

static void a_connection_told_after_its_logon_is_joined_to_it(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_security(&run, 4624, 100, LOGON);
    win_run_security(&run, 5156, 2000, ACCEPT);
    const struct btr_event *half = win_run_event(&run, BTR_OP_LOGIN, 0),
                           *whole = win_run_event(&run, BTR_OP_LOGIN, 1);
    assert_non_null(whole);
    assert_true(btr_id_equal(half->object, whole->object));
    assert_true(btr_id_equal(whole->subject, win_run_event(&run, BTR_OP_ACCEPT, 0)->object));
    assert_true(whole->flags & BTR_EVENT_IMPLIED);
    assert_int_equal(whole->first_ns, half->first_ns);
    win_run_fini(&run);
}

static void a_pipe_behind_ipc_is_the_pipe_that_sysmon_tells(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 17, 0,
                   "'ProcessGuid':'" GUID "','ProcessId':'100','PipeName':'\\\\svcctl'");
    win_run_security(&run, 5145, 100,
                     "'ShareName':'\\\\\\\\*\\\\IPC$','RelativeTargetName':'SVCCTL','"
                     "SubjectLogonId':'0x9b1ad0'");
    assert_true(btr_id_equal(win_run_event(&run, BTR_OP_PIPE_CREATE, 0)->object,
                             win_run_event(&run, BTR_OP_SHARE_ACCESS, 0)->object));
    win_run_fini(&run);
}

static void a_file_of_a_share_is_the_file_on_the_disk(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_security(&run, 5145, 0,
                     "'ShareName':'\\\\\\\\*\\\\C$','ShareLocalPath':'\\\\??\\\\C:\\\\','"
                     "RelativeTargetName':'Windows\\\\x.dll',"
                     "'SubjectLogonId':'0x9b1ad0'");
    struct btr_id file =
        btr_identity_file(BTR_SPAN("ws1"), BTR_SPAN(""), BTR_SPAN("c:\\windows\\x.DLL"));
    assert_true(btr_id_equal(win_run_event(&run, BTR_OP_SHARE_ACCESS, 0)->object, file));
    assert_string_equal(win_run_attr(&run, file, BTR_ATTR_FILE_PATH), "C:\\Windows\\x.dll");
    win_run_fini(&run);
}

static void a_key_has_one_name_for_security_and_sysmon(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_sysmon(&run, 12, 0,
                   "'ProcessGuid':'" GUID
                   "','TargetObject':'HKLM\\\\System\\\\CurrentControlSet\\\\Control\\\\Lsa','"
                   "EventType':'CreateKey'");
    win_run_security(&run, 4663, 100,
                     "'ObjectType':'Key','ObjectName':'"
                     "\\\\REGISTRY\\\\MACHINE\\\\SYSTEM\\\\ControlSet001\\\\Control\\\\Lsa',"
                     "'AccessMask':'0x1','ProcessId':'0x64'");
    assert_true(btr_id_equal(win_run_event(&run, BTR_OP_REG_SET, 0)->object,
                             win_run_event(&run, BTR_OP_REG_READ, 0)->object));
    win_run_fini(&run);
}

static void a_task_leads_from_who_set_it_to_what_it_runs(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_security(&run, 4698, 0,
                     "'TaskName':'\\\\t','SubjectLogonId':'0x9b1ad0','TaskContent':'<Actions><Exec>"
                     "<Command>C:\\\\x y.exe</Command>"
                     "<Arguments>-a &quot;b&quot;</Arguments></Exec></Actions>'");
    win_run_sysmon(
        &run, 1, 1500,
        "'ProcessGuid':'" GUID
        "','ProcessId':'100','Image':'C:\\\\x y.exe','CommandLine':'C:\\\\x y.exe  -a \\\"b\\\"',"
        "'ParentImage':'C:\\\\Windows\\\\System32\\\\svchost.exe'");
    const struct btr_event *set = win_run_event(&run, BTR_OP_TASK_SET, 0),
                           *ran = win_run_event(&run, BTR_OP_TASK_RUN, 0);
    assert_non_null(ran);
    assert_true(btr_id_equal(set->object, ran->subject));
    assert_true(btr_id_equal(ran->object, native()));
    win_run_fini(&run);
}

static void a_cleared_log_leaves_a_gap(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_security(&run, 1102, 0, "'SubjectUserName':'eve','SubjectLogonId':'0x9b1ad0'");
    assert_int_equal(run.batch.gap_count, 1);
    assert_int_equal(run.batch.gaps[0].kind, BTR_GAP_CLEARED);
    win_run_fini(&run);
}

static void a_failed_logon_is_marked(void **state)
{
    (void)state;
    struct win_run run;
    win_run_init(&run, "ws1");
    win_run_security(&run, 4625, 0,
                     "'TargetUserName':'adm','ProcessId':'0x64','ProcessName':'C:\\\\spray.exe'");
    assert_true(win_run_event(&run, BTR_OP_LOGIN, 0)->flags & BTR_EVENT_FAILED);
    win_run_fini(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_id_has_its_operation),
        cmocka_unit_test(a_pid_is_the_guid_that_lives_under_it),
        cmocka_unit_test(a_guid_that_comes_later_is_the_process_that_security_told),
        cmocka_unit_test(a_pid_with_another_image_is_another_process),
        cmocka_unit_test(a_logon_leads_from_its_connection_to_what_runs_in_it),
        cmocka_unit_test(a_connection_told_after_its_logon_is_joined_to_it),
        cmocka_unit_test(a_pipe_behind_ipc_is_the_pipe_that_sysmon_tells),
        cmocka_unit_test(a_file_of_a_share_is_the_file_on_the_disk),
        cmocka_unit_test(a_key_has_one_name_for_security_and_sysmon),
        cmocka_unit_test(a_task_leads_from_who_set_it_to_what_it_runs),
        cmocka_unit_test(a_cleared_log_leaves_a_gap),
        cmocka_unit_test(a_failed_logon_is_marked),
    };
    return cmocka_run_group_tests_name("winlog_security", tests, NULL, NULL);
}
