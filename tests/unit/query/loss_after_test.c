/* What an intrusion erased, and what it left behind, on a small history made by hand. */
#include "ledger.h"
#include "query_tests.h"
#include "test.h"

#define SECOND INT64_C(1000000000)
#define BEGIN (INT64_C(1795424284) * SECOND)
#define FILE_PATH BTR_ATTR_FILE_PATH

enum {
    CONNECTION = 1,
    SSHD,
    SHELL,
    DROPPER,
    RUN,
    REMOVER,
    LOG,
    LOGGER,
    SED,
    SED_FILE,
    KEYS,
    SCRATCH,
    GCC,
    HISTORY_REMOVER,
    PROFILE,
    CRON,
    TRAIL,
    STATE,
    OTHER_LOGGER,
    RENAMED_TO,
    HOST,
    WEB_FILE,
    AUDITCTL,
    READER,
    SETID,
    SETID_NO_MORE,
    LOCK
};

static const char ASSETS[] = "assets:\n"
                             "  - {host: web01, path: \"/etc/shadow\", name: hashes}\n"
                             "  - {host: db01, path: \"/srv/**\", name: orders}\n";

static void process(struct world *w, uint64_t number, const char *program, const char *command)
{
    world_note(w, number, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, program,
               BTR_ATTR_PROCESS_COMMAND_LINE, command, 0);
}

static void file(struct world *w, uint64_t number, const char *path)
{
    world_note(w, number, BTR_KIND_FILE, 0, "web01", FILE_PATH, path, 0);
}

static int64_t now;

static struct btr_event *does(struct world *w, uint64_t subject, enum btr_operation operation,
                              uint64_t object)
{
    now += SECOND;
    return world_event(w, subject, operation, object, now, now);
}

static void starts(struct world *w, uint64_t parent, uint64_t child)
{
    does(w, parent, BTR_OP_FORK, child);
}

static void entities(struct world *w)
{
    world_note(w, CONNECTION, BTR_KIND_FLOW, BTR_ENTITY_OUTSIDE, NULL, BTR_ATTR_NETWORK_TRANSPORT,
               "tcp", BTR_ATTR_SOURCE_IP, "10.9.9.9", BTR_ATTR_SOURCE_PORT, "4000",
               BTR_ATTR_DESTINATION_IP, "10.0.0.1", BTR_ATTR_DESTINATION_PORT, "22", 0);
    world_note(w, HOST, BTR_KIND_HOST, 0, "web01", BTR_ATTR_HOST_NAME, "web01", 0);
    process(w, SSHD, "/usr/sbin/sshd", "sshd: a");
    process(w, SHELL, "/bin/bash", "bash");
    process(w, RUN, "/bin/sh", "sh /tmp/.x");
    process(w, REMOVER, "/bin/rm", "rm -f /tmp/.x");
    process(w, LOGGER, "/usr/sbin/rsyslogd", "rsyslogd");
    process(w, OTHER_LOGGER, "/usr/sbin/traild", "traild");
    process(w, SED, "/bin/sed", "sed -i /10.9/d /var/log/auth.log");
    process(w, GCC, "/usr/bin/gcc", "gcc a.c");
    process(w, HISTORY_REMOVER, "/bin/rm", "rm -f .bash_history");
    process(w, AUDITCTL, "/sbin/auditctl", "auditctl -D");
    process(w, READER, "/usr/bin/tail", "tail");
    file(w, DROPPER, "/tmp/.x");
    file(w, LOG, "/var/log/auth.log");
    file(w, SED_FILE, "/var/log/sedAbC");
    file(w, KEYS, "/home/a/.ssh/authorized_keys");
    file(w, SCRATCH, "/tmp/ccAbC.o");
    file(w, PROFILE, "/home/a/.bashrc");
    file(w, CRON, "/etc/cron.d/job");
    file(w, TRAIL, "/srv/trail");
    file(w, STATE, "/srv/state");
    file(w, WEB_FILE, "/srv/left");
    world_note(w, SETID, BTR_KIND_FILE, 0, "web01", FILE_PATH, "/bin/dash", BTR_ATTR_FILE_MODE,
               "4755", 0);
    world_note(w, SETID_NO_MORE, BTR_KIND_FILE, 0, "web01", FILE_PATH, "/bin/ash",
               BTR_ATTR_FILE_MODE, "0755", 0);
    world_note(w, LOCK, BTR_KIND_FILE, 0, "web01", FILE_PATH, "/srv/lock", BTR_ATTR_FILE_MODE,
               "2644", 0);
}

/* Others' work before: a logger whose log has no name of one, a program that reads what it writes.
 */
static void peace(struct world *w)
{
    for (int i = 0; i < 4; i++) {
        does(w, LOGGER, BTR_OP_WRITE, LOG);
        does(w, OTHER_LOGGER, BTR_OP_WRITE, TRAIL);
        does(w, READER, BTR_OP_WRITE, STATE);
        does(w, READER, BTR_OP_READ, STATE);
    }
    does(w, READER, BTR_OP_READ, LOG);
}

static void intrusion(struct world *w)
{
    does(w, SSHD, BTR_OP_ACCEPT, CONNECTION);
    does(w, SSHD, BTR_OP_RECV, CONNECTION);
    starts(w, SSHD, SHELL);
    does(w, SHELL, BTR_OP_CREATE, DROPPER);
    starts(w, SHELL, RUN);
    does(w, RUN, BTR_OP_EXEC, DROPPER);
    starts(w, SHELL, REMOVER);
    does(w, REMOVER, BTR_OP_DELETE, DROPPER);
    starts(w, SHELL, SED);
    does(w, SED, BTR_OP_READ, LOG);
    does(w, SED, BTR_OP_CREATE, SED_FILE);
    does(w, SED, BTR_OP_RENAME, LOG);
    world_event(w, SED, BTR_OP_DELETE, SED_FILE, now, now)->flags = BTR_EVENT_PART;
    world_event(w, SED_FILE, BTR_OP_RENAMED, LOG, now, now)->flags = BTR_EVENT_PART;
    does(w, SHELL, BTR_OP_OPEN_WRITE, KEYS);
    starts(w, SHELL, GCC);
    does(w, GCC, BTR_OP_CREATE, SCRATCH);
    does(w, GCC, BTR_OP_DELETE, SCRATCH);
    starts(w, SHELL, HISTORY_REMOVER);
    does(w, HISTORY_REMOVER, BTR_OP_OPEN_READ, PROFILE);
    does(w, SHELL, BTR_OP_CREATE, CRON);
    does(w, REMOVER, BTR_OP_DELETE, CRON);
    does(w, SHELL, BTR_OP_OPEN_WRITE, TRAIL);
    does(w, SHELL, BTR_OP_OPEN_WRITE, STATE);
    does(w, REMOVER, BTR_OP_SETTIME, KEYS);
    starts(w, SHELL, AUDITCTL);
    does(w, AUDITCTL, BTR_OP_AUDIT_CHANGE, HOST);
    does(w, SHELL, BTR_OP_CREATE, WEB_FILE);
    does(w, SHELL, BTR_OP_CHMOD, SETID);
    does(w, SHELL, BTR_OP_CHMOD, SETID_NO_MORE);
    does(w, SHELL, BTR_OP_CHMOD, LOCK);
    for (uint64_t i = SSHD; i <= AUDITCTL; i++)
        if (i == SSHD || i == RUN || i == REMOVER || i == SED || i == GCC || i == HISTORY_REMOVER ||
            i == AUDITCTL)
            does(w, i, BTR_OP_EXIT, i);
}

struct told {
    struct btr_buffer json, text;
};

static int told_make(void **state)
{
    struct told *t = calloc(1, sizeof *t);
    struct world w;
    assert_non_null(t);
    now = BEGIN;
    world_open(&w);
    entities(&w);
    peace(&w);
    intrusion(&w);
    world_publish(&w, "made.log");
    struct ledger l;
    ledger_make(&l, &w, SHELL, now, ASSETS);
    ledger_print(&l, &t->text, &t->json);
    ledger_free(&l);
    world_close(&w);
    *state = t;
    return 0;
}

static int told_free(void **state)
{
    struct told *t = *state;
    btr_buffer_fini(&t->json);
    btr_buffer_fini(&t->text);
    free(t);
    return 0;
}

/* Whether the list `name` of the ledger has an item of that path and technique. */
static bool has(const struct told *t, const char *name, const char *path, const char *technique)
{
    char begin[40], item[200];
    snprintf(begin, sizeof begin, "\"%s\":[", name);
    const char *at = strstr((const char *)t->json.at, begin);
    assert_non_null(at);
    const char *end = strstr(at, "]}]");
    const char *none = at + strlen(begin);
    if (*none == ']')
        return false;
    assert_non_null(end);
    snprintf(item, sizeof item, "\"path\":\"%s\"", path);
    for (const char *found = strstr(at, item); found && found < end;
         found = strstr(found + 1, item)) {
        char wanted[40];
        snprintf(wanted, sizeof wanted, "\"technique\":\"%s\"", technique);
        const char *is = strstr(found, wanted);
        const char *next = strstr(found, "\"host\":\"web01\",\"path\"");
        if (is && (!next || is < next))
            return true;
    }
    return false;
}

static void what_the_intrusion_made_and_removed_is_told(void **state)
{
    assert_true(has(*state, "erased", "/tmp/.x", "T1070.004"));
    assert_true(has(*state, "erased", "/etc/cron.d/job", "T1070.004"));
    assert_false(has(*state, "temporary", "/tmp/.x", "T1070.004"));
}

static void what_a_program_makes_and_removes_for_itself_is_told_apart(void **state)
{
    assert_true(has(*state, "temporary", "/tmp/ccAbC.o", "T1070.004"));
    assert_false(has(*state, "erased", "/tmp/ccAbC.o", "T1070.004"));
}

static void a_log_is_told_by_who_writes_it_not_by_its_name(void **state)
{
    assert_true(has(*state, "erased", "/var/log/auth.log", "T1070.002"));
    assert_true(has(*state, "erased", "/srv/trail", "T1070.002"));
    assert_false(has(*state, "erased", "/srv/state", "T1070.002"));
    assert_false(has(*state, "erased", "/var/log/sedAbC", "T1070.002"));
    assert_false(has(*state, "erased", "/var/log/sedAbC", "T1070.004"));
}

static void a_history_that_a_command_names_is_told_in_its_home(void **state)
{
    assert_true(has(*state, "erased", "/home/a/.bash_history", "T1070.003"));
}

static void times_set_on_what_another_program_wrote_are_told(void **state)
{
    assert_true(has(*state, "erased", "/home/a/.ssh/authorized_keys", "T1070.006"));
}

static void changed_audit_rules_are_told(void **state)
{
    const struct told *t = *state;
    assert_non_null(strstr((const char *)t->json.at, "\"technique\":\"T1562.012\""));
    assert_non_null(
        strstr((const char *)t->text.at, "audit rules changed (T1562.012) by auditctl -D"));
}

static void what_outlives_a_session_remains_unless_it_was_deleted(void **state)
{
    assert_true(has(*state, "remaining", "/home/a/.ssh/authorized_keys", "T1098.004"));
    assert_false(has(*state, "remaining", "/etc/cron.d/job", "T1053.003"));
    assert_false(has(*state, "remaining", "/tmp/.x", "T1105"));
}

static void a_program_that_runs_as_its_owner_now_remains(void **state)
{
    assert_true(has(*state, "remaining", "/bin/dash", "T1548.001"));
    assert_false(has(*state, "remaining", "/bin/ash", "T1548.001"));
    assert_false(has(*state, "remaining", "/srv/lock", "T1548.001"));
}

static void a_process_that_is_not_seen_to_end_remains(void **state)
{
    const struct told *t = *state;
    const char *begin = strstr((const char *)t->text.at, "Still there at the end");
    assert_non_null(begin);
    assert_non_null(
        strstr(begin, "web01      bash\n              process; its end is not recorded"));
    assert_null(strstr(begin, "sh /tmp/.x"));
}

int loss_after_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_intrusion_made_and_removed_is_told),
        cmocka_unit_test(what_a_program_makes_and_removes_for_itself_is_told_apart),
        cmocka_unit_test(a_log_is_told_by_who_writes_it_not_by_its_name),
        cmocka_unit_test(a_history_that_a_command_names_is_told_in_its_home),
        cmocka_unit_test(times_set_on_what_another_program_wrote_are_told),
        cmocka_unit_test(changed_audit_rules_are_told),
        cmocka_unit_test(what_outlives_a_session_remains_unless_it_was_deleted),
        cmocka_unit_test(a_program_that_runs_as_its_owner_now_remains),
        cmocka_unit_test(a_process_that_is_not_seen_to_end_remains),
    };
    return cmocka_run_group_tests(tests, told_make, told_free);
}
