/* What an intrusion erased, and what it left behind, on a small history made by hand. */
#include "ledger.h"
#include "query_tests.h"
#include "test.h"

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

static void starts(struct world *w, uint64_t parent, uint64_t child)
{
    world_does(w, parent, BTR_OP_FORK, child);
}

static void entities(struct world *w)
{
    world_connection(w, CONNECTION, BTR_ENTITY_OUTSIDE, "10.9.9.9", "4000", "10.0.0.1", "22");
    world_note(w, HOST, BTR_KIND_HOST, 0, "web01", BTR_ATTR_HOST_NAME, "web01", 0);
    world_process(w, SSHD, "web01", "/usr/sbin/sshd", "sshd: a", NULL);
    world_process(w, SHELL, "web01", "/bin/bash", "bash", NULL);
    world_process(w, RUN, "web01", "/bin/sh", "sh /tmp/.x", NULL);
    world_process(w, REMOVER, "web01", "/bin/rm", "rm -f /tmp/.x", NULL);
    world_process(w, LOGGER, "web01", "/usr/sbin/rsyslogd", "rsyslogd", NULL);
    world_process(w, OTHER_LOGGER, "web01", "/usr/sbin/traild", "traild", NULL);
    world_process(w, SED, "web01", "/bin/sed", "sed -i /10.9/d /var/log/auth.log", NULL);
    world_process(w, GCC, "web01", "/usr/bin/gcc", "gcc a.c", NULL);
    world_process(w, HISTORY_REMOVER, "web01", "/bin/rm", "rm -f .bash_history", NULL);
    world_process(w, AUDITCTL, "web01", "/sbin/auditctl", "auditctl -D", NULL);
    world_process(w, READER, "web01", "/usr/bin/tail", "tail", NULL);
    world_file(w, DROPPER, "web01", "/tmp/.x");
    world_file(w, LOG, "web01", "/var/log/auth.log");
    world_file(w, SED_FILE, "web01", "/var/log/sedAbC");
    world_file(w, KEYS, "web01", "/home/a/.ssh/authorized_keys");
    world_file(w, SCRATCH, "web01", "/tmp/ccAbC.o");
    world_file(w, PROFILE, "web01", "/home/a/.bashrc");
    world_file(w, CRON, "web01", "/etc/cron.d/job");
    world_file(w, TRAIL, "web01", "/srv/trail");
    world_file(w, STATE, "web01", "/srv/state");
    world_file(w, WEB_FILE, "web01", "/srv/left");
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
        world_does(w, LOGGER, BTR_OP_WRITE, LOG);
        world_does(w, OTHER_LOGGER, BTR_OP_WRITE, TRAIL);
        world_does(w, READER, BTR_OP_WRITE, STATE);
        world_does(w, READER, BTR_OP_READ, STATE);
    }
    world_does(w, READER, BTR_OP_READ, LOG);
}

static void intrusion(struct world *w)
{
    world_does(w, SSHD, BTR_OP_ACCEPT, CONNECTION);
    world_does(w, SSHD, BTR_OP_RECV, CONNECTION);
    starts(w, SSHD, SHELL);
    world_does(w, SHELL, BTR_OP_CREATE, DROPPER);
    starts(w, SHELL, RUN);
    world_does(w, RUN, BTR_OP_EXEC, DROPPER);
    starts(w, SHELL, REMOVER);
    world_does(w, REMOVER, BTR_OP_DELETE, DROPPER);
    starts(w, SHELL, SED);
    world_does(w, SED, BTR_OP_READ, LOG);
    world_does(w, SED, BTR_OP_CREATE, SED_FILE);
    world_does(w, SED, BTR_OP_RENAME, LOG);
    world_event(w, SED, BTR_OP_DELETE, SED_FILE, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
    world_event(w, SED_FILE, BTR_OP_RENAMED, LOG, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
    world_does(w, SHELL, BTR_OP_OPEN_WRITE, KEYS);
    starts(w, SHELL, GCC);
    world_does(w, GCC, BTR_OP_CREATE, SCRATCH);
    world_does(w, GCC, BTR_OP_DELETE, SCRATCH);
    starts(w, SHELL, HISTORY_REMOVER);
    world_does(w, HISTORY_REMOVER, BTR_OP_OPEN_READ, PROFILE);
    world_does(w, SHELL, BTR_OP_CREATE, CRON);
    world_does(w, REMOVER, BTR_OP_DELETE, CRON);
    world_does(w, SHELL, BTR_OP_OPEN_WRITE, TRAIL);
    world_does(w, SHELL, BTR_OP_OPEN_WRITE, STATE);
    world_does(w, REMOVER, BTR_OP_SETTIME, KEYS);
    starts(w, SHELL, AUDITCTL);
    world_does(w, AUDITCTL, BTR_OP_AUDIT_CHANGE, HOST);
    world_does(w, SHELL, BTR_OP_CREATE, WEB_FILE);
    world_does(w, SHELL, BTR_OP_CHMOD, SETID);
    world_does(w, SHELL, BTR_OP_CHMOD, SETID_NO_MORE);
    world_does(w, SHELL, BTR_OP_CHMOD, LOCK);
    for (uint64_t i = SSHD; i <= AUDITCTL; i++)
        if (i == SSHD || i == RUN || i == REMOVER || i == SED || i == GCC || i == HISTORY_REMOVER ||
            i == AUDITCTL)
            world_does(w, i, BTR_OP_EXIT, i);
}

struct told {
    struct btr_buffer json, text;
};

static int told_make(void **state)
{
    struct told *t = calloc(1, sizeof *t);
    struct world w;
    assert_non_null(t);
    world_open(&w);
    entities(&w);
    peace(&w);
    intrusion(&w);
    world_publish(&w, "made.log");
    struct ledger l;
    ledger_make(&l, &w, SHELL, w.now_ns, ASSETS);
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

static void of_many_temporary_files_the_text_has_some(void **state)
{
    enum { SCRATCHES = 30, FIRST = 1000 };
    char paths[SCRATCHES][32];
    struct told t = {{0}, {0}};
    struct ledger l;
    struct world w;
    (void)state;
    world_open(&w);
    entities(&w);
    world_does(&w, SSHD, BTR_OP_ACCEPT, CONNECTION);
    world_does(&w, SSHD, BTR_OP_RECV, CONNECTION);
    starts(&w, SSHD, SHELL);
    starts(&w, SHELL, GCC);
    for (uint64_t i = FIRST; i < FIRST + SCRATCHES; i++) {
        char *path = paths[i - FIRST]; /* as long as the world */
        snprintf(path, sizeof paths[0], "/tmp/cc%u.s", (unsigned)i);
        world_file(&w, i, "web01", path);
        world_does(&w, GCC, BTR_OP_CREATE, i);
        world_does(&w, GCC, BTR_OP_DELETE, i);
    }
    world_publish(&w, "made.log");
    ledger_make(&l, &w, SHELL, w.now_ns, ASSETS);
    ledger_print(&l, &t.text, &t.json);
    ledger_free(&l);
    world_close(&w);
    assert_true(has(&t, "temporary", "/tmp/cc1000.s", "T1070.004"));
    assert_true(has(&t, "temporary", "/tmp/cc1029.s", "T1070.004"));
    assert_null(strstr((const char *)t.json.at, "held_from")); /* it is not asked */
    assert_non_null(strstr((const char *)t.text.at, "/tmp/cc1019.s"));
    assert_null(strstr((const char *)t.text.at, "/tmp/cc1020.s"));
    assert_non_null(strstr((const char *)t.text.at, "and 10 more (--output json)"));
    btr_buffer_fini(&t.json);
    btr_buffer_fini(&t.text);
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
        cmocka_unit_test(of_many_temporary_files_the_text_has_some),
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
