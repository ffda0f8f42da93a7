/* Records of the Security and System logs
   (https://learn.microsoft.com/previous-versions/windows/it-pro/windows-10/security/threat-protection/auditing/).
 */
#include "call.h"

enum { FILE_READ_DATA = 1, FILE_WRITE_DATA = 2, FILE_APPEND_DATA = 4, ACCESS_DELETE = 0x10000 };

/* 5156 calls its pid ProcessID. NXLog writes the logger's own pid under that name, as a JSON
 * number. */
static struct btr_span pid_text(struct win_call *c)
{
    struct btr_span text = win_field_either(c->f, WIN_NAME(ProcessId), WIN_NAME(CallerProcessId));
    if (text.size)
        return text;
    const struct btr_json_member *m = win_member(c->f, WIN_NAME(ProcessID));
    bool own = m && m->type == BTR_JSON_STRING && !win_member(c->f, WIN_NAME(SourceModuleType));
    return own ? m->value : win_message_field(c->f, BTR_SPAN("\tProcess ID"));
}

static struct win_who client_process(struct win_call *c)
{
    struct win_mention m = {.pid_text = WIN_FIELD(c, ClientProcessId)};
    return win_process(c, &m);
}

static struct win_who subject_session(struct win_call *c)
{
    return win_known(win_session(c, WIN_FIELD(c, SubjectLogonId), WIN_FIELD(c, SubjectDomainName),
                                 WIN_FIELD(c, SubjectUserName)));
}

struct win_who win_security_actor(struct win_call *c)
{
    struct win_mention m = {
        .pid_text = pid_text(c),
        .image = win_field_either(c->f, WIN_NAME(ProcessName), WIN_NAME(CallerProcessName))};
    struct win_who who = win_process(c, &m);
    if (!who.known)
        who = client_process(c);
    return who.known ? who : subject_session(c);
}

/* ---- Processes ------------------------------------------------------------------------------ */

static struct btr_span user_field(struct win_call *c, enum win_name target, enum win_name subject)
{
    struct btr_span value = win_field(c->f, target);
    return value.size ? value : win_field(c->f, subject);
}

static void process_created(struct win_call *c)
{
    struct win_mention parent = {.pid_text = WIN_FIELD(c, ProcessId),
                                 .image = WIN_FIELD(c, ParentProcessName)};
    struct win_mention child = {
        .pid_text = WIN_FIELD(c, NewProcessId),
        .image = WIN_FIELD(c, NewProcessName),
        .command_line = WIN_FIELD(c, CommandLine),
        .user = user_field(c, WIN_NAME(TargetUserName), WIN_NAME(SubjectUserName))};
    struct win_who from = win_process(c, &parent), to = win_process_begins(c, &child);
    if (!to.known) {
        win_tell_only(c, from, to.id);
        return;
    }
    win_tell(c, BTR_OP_FORK, from, to.id, (enum btr_doubt)to.doubt, 0);
    win_tell(c, BTR_OP_EXEC, to, win_file(c, child.image, (struct btr_span){0}), BTR_DOUBT_NONE, 0);
    struct btr_id session =
        win_session(c, WIN_FIELD(c, TargetLogonId), WIN_FIELD(c, TargetDomainName), child.user);
    struct win_who holder = btr_id_is_none(session) ? subject_session(c) : win_known(session);
    win_tell(c, BTR_OP_SESSION_OF, holder, to.id, BTR_DOUBT_NONE, BTR_EVENT_PART);
    win_launch_begun(c, to, &child, parent.image);
}

static void process_ended(struct win_call *c)
{
    struct win_mention m = {.pid_text = WIN_FIELD(c, ProcessId),
                            .image = WIN_FIELD(c, ProcessName)};
    struct win_who who = win_process(c, &m);
    win_process_ends(c, &m);
    if (who.known)
        win_tell(c, BTR_OP_EXIT, who, who.id, BTR_DOUBT_NONE, 0);
    else
        win_tell_only(c, who, who.id);
}

/* ---- Services, tasks, logs ------------------------------------------------------------------ */

/* Who asked for it: the client's process where Windows tells it, else the session. */
static struct win_who client(struct win_call *c)
{
    struct win_who who = client_process(c);
    return who.known ? who : subject_session(c);
}

static void service_installed(struct win_call *c)
{
    struct btr_span name = WIN_FIELD(c, ServiceName);
    struct btr_id service = win_service(c, name);
    struct win_who who = client(c);
    if (!who.known) {
        who = win_process_named(c, BTR_SPAN("services.exe"));
        who.doubt = BTR_DOUBT_INFERRED;
    }
    if (btr_id_is_none(service)) {
        win_tell_only(c, who, service);
        return;
    }
    win_launch_service_set(c, name,
                           win_field_either(c->f, WIN_NAME(ServiceFileName), WIN_NAME(ImagePath)));
    win_tell(c, BTR_OP_SERVICE_INSTALL, who.known ? who : win_known(win_host(c)), service,
             BTR_DOUBT_NONE, 0);
}

static void task_changed(struct win_call *c)
{
    struct btr_span name = WIN_FIELD(c, TaskName);
    struct btr_id task = win_task(c, name);
    struct win_who who = client(c);
    if (btr_id_is_none(task)) {
        win_tell_only(c, who, task);
        return;
    }
    win_launch_task_set(c, name,
                        win_field_either(c->f, WIN_NAME(TaskContent), WIN_NAME(TaskContentNew)));
    win_tell(c, BTR_OP_TASK_SET, who.known ? who : win_known(win_host(c)), task, BTR_DOUBT_NONE, 0);
}

static void log_cleared(struct win_call *c)
{
    struct win_who who = client(c);
    if (!who.known)
        who =
            win_known(win_user(c, WIN_FIELD(c, SubjectDomainName), WIN_FIELD(c, SubjectUserName)));
    win_tell(c, BTR_OP_LOG_CLEAR, who.known ? who : win_known(win_host(c)), win_host(c),
             BTR_DOUBT_NONE, 0);
    win_gap(c, BTR_GAP_CLEARED,
            BTR_SPAN("the log was cleared: what it held before is gone from the host"));
}

static void rules_changed(struct win_call *c)
{
    struct win_who who = client(c);
    win_tell(c, BTR_OP_AUDIT_CHANGE, who.known ? who : win_known(win_host(c)), win_host(c),
             BTR_DOUBT_NONE, 0);
    win_gap(c, BTR_GAP_RULES, BTR_SPAN("the audit policy was changed"));
}

static void log_stopped(struct win_call *c)
{
    win_tell_only(c, (struct win_who){0}, (struct btr_id){0});
    win_gap(c, BTR_GAP_STOPPED, BTR_SPAN("the event log service was stopped"));
}

/* ---- Shares and objects --------------------------------------------------------------------- */

/* What of a share was touched: a file, a pipe behind IPC$, or the share itself. */
static struct btr_id share_object(struct win_call *c)
{
    struct btr_span share = WIN_FIELD(c, ShareName), local = WIN_FIELD(c, ShareLocalPath);
    struct btr_span name = WIN_FIELD(c, RelativeTargetName);
    if (name.size == 0 || win_equal_fold(name, BTR_SPAN("\\")))
        return win_share(c, share);
    struct btr_buffer path = {0};
    struct btr_span whole;
    if (local.size == 0) {
        btr_buffer_text(&path, name.at[0] == '\\' ? "" : "\\");
    } else {
        if (btr_span_begins(local, BTR_SPAN("\\??\\")))
            local = (struct btr_span){local.at + 4, local.size - 4};
        btr_buffer_span(&path, local);
        btr_buffer_text(&path, local.size && local.at[local.size - 1] == '\\' ? "" : "\\");
    }
    btr_buffer_span(&path, name);
    bool good = !path.failed && btr_arena_copy(c->arena, btr_buffer_view(&path), &whole);
    btr_buffer_fini(&path);
    if (!good) {
        c->rc = BTR_E_NOMEM;
        return (struct btr_id){0};
    }
    return local.size ? win_file(c, whole, (struct btr_span){0})
                      : win_pipe(c, whole, (struct btr_id){0});
}

static void share_accessed(struct win_call *c)
{
    struct btr_id object = share_object(c);
    uint64_t port = 0;
    win_number(WIN_FIELD(c, IpPort), &port);
    struct btr_id flow = win_connection_find(c, WIN_FIELD(c, IpAddress), port);
    if (!btr_id_is_none(object)) {
        win_tell(c, BTR_OP_SHARE_ACCESS, subject_session(c), object, BTR_DOUBT_NONE, 0);
        win_tell(c, BTR_OP_SHARE_ACCESS, win_known(flow), object, BTR_DOUBT_NONE, 0);
    }
    if (!c->first_told)
        win_tell_only(c, subject_session(c), object);
}

/* 4663: an object was used. By its mask: content came in, went out, or was deleted. */
static void object_used(struct win_call *c)
{
    struct win_who who = win_security_actor(c);
    struct btr_span type = WIN_FIELD(c, ObjectType), name = WIN_FIELD(c, ObjectName);
    bool file = win_equal_fold(type, BTR_SPAN("File")), key = win_equal_fold(type, BTR_SPAN("Key"));
    uint64_t mask = 0;
    win_number(WIN_FIELD(c, AccessMask), &mask);
    struct btr_id object = file  ? win_file(c, name, (struct btr_span){0})
                           : key ? win_registry(c, name, (struct btr_span){0})
                                 : (struct btr_id){0};
    if (who.known && !btr_id_is_none(object)) {
        if (mask & (FILE_WRITE_DATA | FILE_APPEND_DATA))
            win_tell(c, file ? BTR_OP_WRITE : BTR_OP_REG_SET, who, object, BTR_DOUBT_NONE, 0);
        if (mask & FILE_READ_DATA)
            win_tell(c, file ? BTR_OP_READ : BTR_OP_REG_READ, who, object, BTR_DOUBT_NONE, 0);
        if (mask & ACCESS_DELETE)
            win_tell(c, file ? BTR_OP_DELETE : BTR_OP_REG_DELETE, who, object, BTR_DOUBT_NONE, 0);
    }
    if (!c->first_told)
        win_tell_only(c, who, object);
}

/* 4662: an object of the directory, used by a session. */
static void directory_used(struct win_call *c)
{
    struct win_who who = subject_session(c);
    struct btr_id object = win_share(c, WIN_FIELD(c, ObjectName));
    if (who.known && !btr_id_is_none(object))
        win_tell(c, BTR_OP_SHARE_ACCESS, who, object, BTR_DOUBT_NONE, 0);
    else
        win_tell_only(c, who, object);
}

/* ---- Network -------------------------------------------------------------------------------- */

static struct btr_span protocol_name(struct btr_span number)
{
    static const struct {
        const char *number, *name;
    } names[] = {{"1", "icmp"}, {"6", "tcp"}, {"17", "udp"}, {"58", "ipv6-icmp"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (btr_span_equal(number, btr_span_of(names[i].number)))
            return btr_span_of(names[i].name);
    return number;
}

static void connection_allowed(struct win_call *c)
{
    struct win_mention m = {.pid_text = pid_text(c), .image = WIN_FIELD(c, Application)};
    struct win_who who = win_process(c, &m);
    struct win_ends ends = {
        .transport = protocol_name(WIN_FIELD(c, Protocol)),
        .ip_a = WIN_FIELD(c, SourceAddress),
        .ip_b = win_field_either(c->f, WIN_NAME(DestAddress), WIN_NAME(DestinationAddress))};
    bool ports = win_number(WIN_FIELD(c, SourcePort), &ends.port_a) &&
                 win_number(win_field_either(c->f, WIN_NAME(DestPort), WIN_NAME(DestinationPort)),
                            &ends.port_b);
    struct btr_id flow = ports ? win_flow(c, &ends) : (struct btr_id){0};
    bool accepted = btr_span_equal(WIN_FIELD(c, Direction), BTR_SPAN("%%14592")) ||
                    win_equal_fold(WIN_FIELD(c, Direction), BTR_SPAN("Inbound"));
    if (!who.known || btr_id_is_none(flow)) {
        win_tell_only(c, who, flow);
        return;
    }
    win_connection_tell(c, who, &ends, flow, accepted);
}

bool win_security(struct win_call *c)
{
    if (win_logon(c))
        return true;
    switch (c->f->event_id) {
    case 1100:
        log_stopped(c);
        return true;
    case 1102:
        log_cleared(c);
        return true;
    case 4662:
        directory_used(c);
        return true;
    case 4663:
        object_used(c);
        return true;
    case 4688:
        process_created(c);
        return true;
    case 4689:
        process_ended(c);
        return true;
    case 4697:
        service_installed(c);
        return true;
    case 4698:
    case 4699:
    case 4700:
    case 4701:
    case 4702:
        task_changed(c);
        return true;
    case 4719:
        rules_changed(c);
        return true;
    case 5140:
    case 5145:
        share_accessed(c);
        return true;
    case 5156:
        connection_allowed(c);
        return true;
    default:
        return false;
    }
}

bool win_system(struct win_call *c)
{
    switch (c->f->event_id) {
    case 104:
        log_cleared(c);
        return true;
    case 7045:
        service_installed(c);
        return true;
    default:
        return false;
    }
}
