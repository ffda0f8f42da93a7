/* Records of Sysmon (https://learn.microsoft.com/sysinternals/downloads/sysmon#events). */
#include "call.h"

enum {
    PROCESS_VM_READ =
        0x10, /* https://learn.microsoft.com/windows/win32/procthread/process-security-and-access-rights
               */
};

#define CREATION_NS                                                                                \
    INT64_C(                                                                                       \
        2000000000) /* the handle that comes with starting a process is opened within this time */

static void tell_details(struct win_call *c, struct btr_id child, struct btr_span parent_image)
{
    struct win_note note = {.id = child, .kind = BTR_KIND_PROCESS};
    uint64_t pid;
    if (win_number(WIN_FIELD(c, ParentProcessId), &pid))
        win_note_number(c, &note, BTR_ATTR_PROCESS_PARENT_PID, pid);
    win_note_attr(&note, BTR_ATTR_PROCESS_PARENT_EXECUTABLE, parent_image);
    win_note_attr(&note, BTR_ATTR_PROCESS_WORKING_DIRECTORY, WIN_FIELD(c, CurrentDirectory));
    struct win_note hashes = {0};
    win_note_hashes(&hashes, WIN_FIELD(c, Hashes));
    for (uint32_t i = 0; i < hashes.count; i++)
        if (hashes.attrs[i].key == BTR_ATTR_FILE_HASH_SHA256)
            win_note_attr(&note, BTR_ATTR_PROCESS_HASH_SHA256, hashes.attrs[i].value);
    win_note_tell(c, &note);
}

static void tell_create(struct win_call *c)
{
    struct win_mention parent = {
        .guid = win_field_either(c->f, WIN_NAME(ParentProcessGuid), WIN_NAME(ParentProcessGUID)),
        .pid_text = WIN_FIELD(c, ParentProcessId),
        .image = WIN_FIELD(c, ParentImage),
        .command_line = WIN_FIELD(c, ParentCommandLine),
        .user = WIN_FIELD(c, ParentUser)};
    struct win_mention child = {
        .guid = win_field_either(c->f, WIN_NAME(ProcessGuid), WIN_NAME(ProcessGUID)),
        .pid_text = WIN_FIELD(c, ProcessId),
        .image = WIN_FIELD(c, Image),
        .command_line = WIN_FIELD(c, CommandLine),
        .user = WIN_FIELD(c, User),
        .parent_pid = parent.pid_text,
        .begins = true};
    struct win_who from = win_process(c, &parent);
    struct win_who to = win_process_begins(c, &child);
    if (!to.known) {
        win_tell_only(c, from, (struct btr_id){0});
        return;
    }
    tell_details(c, to.id, parent.image);
    win_tell(c, BTR_OP_FORK, from, to.id, (enum btr_doubt)to.doubt, 0);
    win_tell(c, BTR_OP_EXEC, to, win_file(c, child.image, WIN_FIELD(c, Hashes)), BTR_DOUBT_NONE, 0);
    if (c->f->from_linux)
        return; /* LogonId is the number of the user there */
    struct btr_id session = win_session(c, WIN_FIELD(c, LogonId), (struct btr_span){0}, child.user);
    win_tell(c, BTR_OP_SESSION_OF, win_known(session), to.id, BTR_DOUBT_NONE, BTR_EVENT_PART);
    win_launch_begun(c, to, &child, parent.image);
}

static void tell_exit(struct win_call *c)
{
    struct win_mention m = {
        .guid = win_field_either(c->f, WIN_NAME(ProcessGuid), WIN_NAME(ProcessGUID)),
        .pid_text = WIN_FIELD(c, ProcessId),
        .image = WIN_FIELD(c, Image)};
    struct win_who who = win_actor(c);
    win_process_ends(c, &m);
    win_tell(c, BTR_OP_EXIT, who, who.id, BTR_DOUBT_NONE, 0);
}

static void tell_connection(struct win_call *c)
{
    struct win_who who = win_actor(c);
    struct win_ends ends = {.transport = WIN_FIELD(c, Protocol),
                            .ip_a = WIN_FIELD(c, SourceIp),
                            .ip_b = WIN_FIELD(c, DestinationIp)};
    bool ports = win_number(WIN_FIELD(c, SourcePort), &ends.port_a) &&
                 win_number(WIN_FIELD(c, DestinationPort), &ends.port_b);
    if (c->f->from_linux && ends.port_a == 0 && ends.port_b == 0)
        ports = false; /* a socket of no connection: all its ends are zeros */
    struct btr_id flow = ports ? win_flow(c, &ends) : (struct btr_id){0};
    if (!who.known || btr_id_is_none(flow)) {
        win_tell_only(c, who, flow);
        return;
    }
    win_connection_tell(c, who, &ends, flow,
                        win_equal_fold(WIN_FIELD(c, Initiated), BTR_SPAN("false")));
}

/* A process on a file. A stream ("x.exe:Zone.Identifier") is a file of its own, and part of its
 * file. */
static void tell_file(struct win_call *c, enum btr_operation operation, struct btr_span path,
                      struct btr_span hashes)
{
    struct win_who who = win_actor(c);
    struct btr_id file = win_file(c, path, hashes);
    if (!who.known || btr_id_is_none(file)) {
        win_tell_only(c, who, file);
        return;
    }
    win_tell(c, operation, who, file, BTR_DOUBT_NONE, 0);
    const uint8_t *stream = path.size > 2 ? memchr(path.at + 2, ':', path.size - 2) : NULL;
    if (stream && c->f->event_id == 15)
        win_tell(c, operation, who,
                 win_file(c, (struct btr_span){path.at, (size_t)(stream - path.at)},
                          (struct btr_span){0}),
                 BTR_DOUBT_NONE, BTR_EVENT_PART);
}

static void tell_driver(struct win_call *c)
{
    struct btr_id file = win_file(c, WIN_FIELD(c, ImageLoaded), WIN_FIELD(c, Hashes));
    struct win_note note = {.id = file, .kind = BTR_KIND_FILE};
    win_note_attr(&note, BTR_ATTR_FILE_SIGNATURE, WIN_FIELD(c, Signature));
    win_note_tell(c, &note);
    if (btr_id_is_none(file))
        win_tell_only(c, (struct win_who){0}, file);
    else
        win_tell(c, BTR_OP_MODULE_LOAD, win_known(file), win_host(c), BTR_DOUBT_NONE, 0);
}

static void tell_load(struct win_call *c)
{
    struct btr_span path = WIN_FIELD(c, ImageLoaded);
    struct win_note note = {.id = win_file(c, path, WIN_FIELD(c, Hashes)), .kind = BTR_KIND_FILE};
    win_note_attr(&note, BTR_ATTR_FILE_SIGNATURE, WIN_FIELD(c, Signature));
    win_note_tell(c, &note);
    tell_file(c, BTR_OP_LOAD, path, WIN_FIELD(c, Hashes));
}

static void mention_pair(struct win_call *c, struct win_mention *source, struct win_mention *target)
{
    *source = (struct win_mention){
        .guid = win_field_either(c->f, WIN_NAME(SourceProcessGuid), WIN_NAME(SourceProcessGUID)),
        .pid_text = WIN_FIELD(c, SourceProcessId),
        .image = WIN_FIELD(c, SourceImage),
        .user = WIN_FIELD(c, SourceUser)};
    *target = (struct win_mention){
        .guid = win_field_either(c->f, WIN_NAME(TargetProcessGuid), WIN_NAME(TargetProcessGUID)),
        .pid_text = WIN_FIELD(c, TargetProcessId),
        .image = WIN_FIELD(c, TargetImage),
        .user = WIN_FIELD(c, TargetUser)};
}

static void tell_inject(struct win_call *c)
{
    struct win_mention source, target;
    mention_pair(c, &source, &target);
    struct win_who from = win_process(c, &source), to = win_process(c, &target);
    if (from.known && to.known)
        win_tell(c, BTR_OP_INJECT, from, to.id, (enum btr_doubt)to.doubt, 0);
    else
        win_tell_only(c, from, to.id);
}

/* To open a process is no flow by itself. With the right to read its memory, its content may reach
   the opener. The right to write is not taken for writing: half of all openings ask for everything;
   writes are told by 8 and 25. */
static void tell_access(struct win_call *c)
{
    struct win_mention source, target;
    mention_pair(c, &source, &target);
    struct win_who from = win_process(c, &source), to = win_process(c, &target);
    uint64_t rights = 0;
    const struct win_item *item = win_process_item(c, &target);
    bool at_birth = item && item->start_ns != INT64_MIN &&
                    c->first_ns - CREATION_NS < item->start_ns + 1000000000;
    bool reads =
        win_number(WIN_FIELD(c, GrantedAccess), &rights) && (rights & PROCESS_VM_READ) && !at_birth;
    if (from.known && to.known && reads)
        win_tell(c, BTR_OP_ACCESS, from, to.id, (enum btr_doubt)to.doubt, 0);
    else
        win_tell_only(c, from, to.id);
}

/* Services are set in the registry by services.exe, whoever asked it to: then the service exists.
 */
static void tell_service_key(struct win_call *c, struct win_who who, struct btr_span path)
{
    struct btr_span key = BTR_SPAN("\\Services\\");
    size_t at = win_find_fold(path, key);
    if (at == SIZE_MAX || !win_ends_fold(path, BTR_SPAN("\\ImagePath")))
        return;
    struct btr_span name = {path.at + at + key.size, path.size - at - key.size};
    name.size -= sizeof("ImagePath"); /* and the backslash before it */
    if (name.size == 0 || name.size > path.size || memchr(name.at, '\\', name.size))
        return;
    win_launch_service_set(c, name, WIN_FIELD(c, Details));
    win_imply(c, BTR_OP_SERVICE_INSTALL, who, win_service(c, name));
}

/* NXLog has a field EventType of its own; Sysmon's is then in the message only. */
static bool registry_deletes(struct win_call *c)
{
    struct btr_span type = WIN_FIELD(c, EventType);
    if (type.size < 6 || win_equal_fold(type, BTR_SPAN("INFO")))
        type = win_message_field(c->f, BTR_SPAN("EventType"));
    return win_find_fold(type, BTR_SPAN("Delete")) != SIZE_MAX;
}

static void tell_registry(struct win_call *c)
{
    struct win_who who = win_actor(c);
    struct btr_span path = WIN_FIELD(c, TargetObject);
    struct btr_id key =
        win_registry(c, path, c->f->event_id == 13 ? WIN_FIELD(c, Details) : (struct btr_span){0});
    if (!who.known || btr_id_is_none(key)) {
        win_tell_only(c, who, key);
    } else if (c->f->event_id == 14) {
        struct btr_id renamed = win_registry(c, WIN_FIELD(c, NewName), (struct btr_span){0});
        win_tell(c, BTR_OP_REG_SET, who, btr_id_is_none(renamed) ? key : renamed, BTR_DOUBT_NONE,
                 0);
        win_tell(c, BTR_OP_REG_DELETE, who, key, BTR_DOUBT_NONE, BTR_EVENT_PART);
        win_tell(c, BTR_OP_RENAMED, win_known(key), renamed, BTR_DOUBT_NONE, BTR_EVENT_PART);
    } else {
        bool deletes = c->f->event_id == 12 && registry_deletes(c);
        win_tell(c, deletes ? BTR_OP_REG_DELETE : BTR_OP_REG_SET, who, key, BTR_DOUBT_NONE, 0);
        if (c->f->event_id == 13)
            tell_service_key(c, who, path);
    }
}

static void tell_pipe(struct win_call *c, enum btr_operation operation)
{
    struct win_who who = win_actor(c);
    struct btr_id pipe = win_pipe(c, WIN_FIELD(c, PipeName), who.id);
    if (who.known && !btr_id_is_none(pipe))
        win_tell(c, operation, who, pipe, BTR_DOUBT_NONE, 0);
    else
        win_tell_only(c, who, pipe);
}

static void tell_dns(struct win_call *c)
{
    struct win_who who = win_actor(c);
    struct btr_id name = win_dns(c, WIN_FIELD(c, QueryName));
    if (who.known && !btr_id_is_none(name))
        win_tell(c, BTR_OP_DNS_QUERY, who, name, BTR_DOUBT_NONE, 0);
    else
        win_tell_only(c, who, name);
}

/* ---- WMI subscriptions ---------------------------------------------------------------------- */

static struct btr_span unquoted(struct btr_span s)
{
    while (s.size && (s.at[0] == '"' || s.at[0] == ' ' || s.at[0] == '\\'))
        s = (struct btr_span){s.at + 1, s.size - 1};
    while (s.size &&
           (s.at[s.size - 1] == '"' || s.at[s.size - 1] == ' ' || s.at[s.size - 1] == '\\'))
        s.size--;
    return s;
}

/* x out of  "\\.\ROOT\subscription:ActiveScriptEventConsumer.Name=\"x\"" */
static struct btr_span name_in_path(struct btr_span path)
{
    struct btr_span key = BTR_SPAN(".Name=");
    size_t at = win_find_fold(path, key);
    return unquoted(at == SIZE_MAX
                        ? path
                        : (struct btr_span){path.at + at + key.size, path.size - at - key.size});
}

static void tell_binding(struct win_call *c, struct win_who who)
{
    struct btr_span consumer_path = WIN_FIELD(c, Consumer);
    struct btr_span filter = name_in_path(WIN_FIELD(c, Filter)),
                    consumer = name_in_path(consumer_path);
    if (filter.size == 0 || consumer.size == 0) {
        win_tell_only(c, who, (struct btr_id){0});
        return;
    }
    struct btr_buffer joined = {0};
    struct btr_span name = consumer;
    btr_buffer_span(&joined, filter);
    btr_buffer_text(&joined, " to ");
    btr_buffer_span(&joined, consumer);
    if (joined.failed || !btr_arena_copy(c->arena, btr_buffer_view(&joined), &name))
        c->rc = BTR_E_NOMEM;
    btr_buffer_fini(&joined);
    struct btr_id binding = win_wmi(c, BTR_SPAN("binding"), name);
    win_tell(c, BTR_OP_WMI_SET, who, binding, BTR_DOUBT_NONE, 0);
    win_tell(c, BTR_OP_WMI_SET, win_known(win_wmi(c, BTR_SPAN("filter"), filter)), binding,
             BTR_DOUBT_NONE, BTR_EVENT_PART);
    win_tell(c, BTR_OP_WMI_SET, win_known(win_wmi(c, BTR_SPAN("consumer"), consumer)), binding,
             BTR_DOUBT_NONE, BTR_EVENT_PART);
    win_launch_binding_set(c, name, consumer,
                           win_find_fold(consumer_path, BTR_SPAN("Script")) != SIZE_MAX);
}

static void tell_wmi(struct win_call *c)
{
    struct win_who who = win_user_acts(c, WIN_FIELD(c, User));
    struct btr_span name = unquoted(WIN_FIELD(c, Name));
    if (c->f->event_id == 21) {
        tell_binding(c, who);
        return;
    }
    bool consumer = c->f->event_id == 20;
    struct btr_id part = win_wmi(c, consumer ? BTR_SPAN("consumer") : BTR_SPAN("filter"), name);
    if (!who.known || btr_id_is_none(part)) {
        win_tell_only(c, who, part);
        return;
    }
    if (consumer)
        win_launch_consumer_set(c, name, unquoted(WIN_FIELD(c, Destination)));
    win_tell(c, BTR_OP_WMI_SET, who, part, BTR_DOUBT_NONE, 0);
}

/* ---- Sysmon itself -------------------------------------------------------------------------- */

static void tell_service_state(struct win_call *c)
{
    bool stopped = win_equal_fold(WIN_FIELD(c, State), BTR_SPAN("Stopped"));
    win_tell_only(c, (struct win_who){0}, (struct btr_id){0});
    win_gap(c, stopped ? BTR_GAP_STOPPED : BTR_GAP_STARTED,
            stopped ? BTR_SPAN("Sysmon was stopped") : BTR_SPAN("Sysmon was started"));
}

static void tell_config(struct win_call *c)
{
    struct win_who who = win_actor(c);
    win_tell(c, BTR_OP_AUDIT_CHANGE, who.known ? who : win_known(win_host(c)), win_host(c),
             BTR_DOUBT_NONE, 0);
    win_gap(c, BTR_GAP_RULES, BTR_SPAN("the configuration of Sysmon was changed"));
}

/* An image that no longer is what was started: whoever started the process wrote it, as a rule. */
static void tell_tampering(struct win_call *c)
{
    struct win_who who = win_actor(c);
    win_tell_only(c, who, who.id);
    struct win_note note = {.id = who.id, .kind = BTR_KIND_PROCESS};
    win_note_attr(&note, BTR_ATTR_DETAIL, WIN_FIELD(c, Type));
    win_note_tell(c, &note);
}

static void tell_other(struct win_call *c)
{
    win_tell_only(c, win_actor(c), win_file(c, WIN_FIELD(c, TargetFilename), (struct btr_span){0}));
}

/* Files, by what was done to them. */
static void tell_time_set(struct win_call *c)
{
    tell_file(c, BTR_OP_SETTIME, WIN_FIELD(c, TargetFilename), (struct btr_span){0});
}

static void tell_raw_read(struct win_call *c)
{
    tell_file(c, BTR_OP_READ, WIN_FIELD(c, Device), (struct btr_span){0});
}

static void tell_file_created(struct win_call *c)
{
    tell_file(c, BTR_OP_CREATE, WIN_FIELD(c, TargetFilename),
              win_field_either(c->f, WIN_NAME(Hash), WIN_NAME(Hashes)));
}

static void tell_file_deleted(struct win_call *c)
{
    tell_file(c, BTR_OP_DELETE, WIN_FIELD(c, TargetFilename), WIN_FIELD(c, Hashes));
}

static void tell_pipe_created(struct win_call *c)
{
    tell_pipe(c, BTR_OP_PIPE_CREATE);
}

static void tell_pipe_connected(struct win_call *c)
{
    tell_pipe(c, BTR_OP_PIPE_CONNECT);
}

bool win_sysmon(struct win_call *c)
{
    static void (*const tellers[])(struct win_call *) = {
        [1] = tell_create,        [2] = tell_time_set,      [3] = tell_connection,
        [4] = tell_service_state, [5] = tell_exit,          [6] = tell_driver,
        [7] = tell_load,          [8] = tell_inject,        [9] = tell_raw_read,
        [10] = tell_access,       [11] = tell_file_created, [12] = tell_registry,
        [13] = tell_registry,     [14] = tell_registry,     [15] = tell_file_created,
        [16] = tell_config,       [17] = tell_pipe_created, [18] = tell_pipe_connected,
        [19] = tell_wmi,          [20] = tell_wmi,          [21] = tell_wmi,
        [22] = tell_dns,          [23] = tell_file_deleted, [25] = tell_tampering,
        [26] = tell_file_deleted,
    };
    uint32_t id = c->f->event_id;
    if (id < sizeof(tellers) / sizeof(*tellers) && tellers[id])
        tellers[id](c);
    else
        tell_other(c); /* of the process and the file that it names, with no flow */
    return true;
}
