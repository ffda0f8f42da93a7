/* What takes a "not lost" away, on a small history made by hand. */
#include "ledger.h"
#include "query_tests.h"
#include "test.h"

#define SECOND INT64_C(1000000000)
#define BEGIN (INT64_C(1795424284) * SECOND)

enum { WAY_IN = 1, SSHD, SHELL, HASHES, LOGIN, NOTES, SETTINGS, AGENT, FAR, TRAIL };

static const char ASSETS[] = "assets:\n"
                             "  - {host: web01, path: \"/etc/shadow\", name: hashes}\n";

enum lacks {
    NOTHING,
    RULES_BEFORE,
    RULES_SINCE,
    NUMBERS,
    RECORDS,
    OBEDIENCE,
    OBEDIENCE_BEFORE,
    DISK
};

static int64_t now;
static bool numbered;

static void does(struct world *w, uint64_t subject, enum btr_operation operation, uint64_t object)
{
    now += SECOND;
    struct btr_event *e = world_event(w, subject, operation, object, now, now);
    e->record_id = numbered ? e->record_id : 0;
}

static void process(struct world *w, uint64_t number, const char *program)
{
    world_note(w, number, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, program,
               BTR_ATTR_PROCESS_COMMAND_LINE, program, 0);
}

static void history(struct world *w)
{
    world_note(w, WAY_IN, BTR_KIND_FLOW, BTR_ENTITY_OUTSIDE, NULL, BTR_ATTR_NETWORK_TRANSPORT,
               "tcp", BTR_ATTR_SOURCE_IP, "10.9.9.9", BTR_ATTR_SOURCE_PORT, "4000",
               BTR_ATTR_DESTINATION_IP, "10.0.0.1", BTR_ATTR_DESTINATION_PORT, "22", 0);
    process(w, SSHD, "/usr/sbin/sshd");
    process(w, SHELL, "/bin/bash");
    process(w, LOGIN, "/bin/login");
    world_note(w, HASHES, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/etc/shadow", 0);
    world_note(w, NOTES, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/tmp/notes", 0);
    does(w, LOGIN, BTR_OP_READ, HASHES);
    does(w, SSHD, BTR_OP_ACCEPT, WAY_IN);
    does(w, SSHD, BTR_OP_RECV, WAY_IN);
    does(w, SSHD, BTR_OP_FORK, SHELL);
    does(w, SHELL, BTR_OP_READ, NOTES);
}

/* Somebody reads settings that the intrusion wrote, and speaks with the outside. */
static void obey(struct world *w, bool before)
{
    process(w, AGENT, "/usr/bin/rclone");
    world_note(w, SETTINGS, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/etc/rclone.conf", 0);
    world_note(w, FAR, BTR_KIND_FLOW, BTR_ENTITY_OUTSIDE, NULL, BTR_ATTR_NETWORK_TRANSPORT, "tcp",
               BTR_ATTR_SOURCE_IP, "10.0.0.1", BTR_ATTR_SOURCE_PORT, "5000",
               BTR_ATTR_DESTINATION_IP, "10.8.8.8", BTR_ATTR_DESTINATION_PORT, "443", 0);
    world_note(w, TRAIL, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/var/log/wtmp", 0);
    does(w, SSHD, BTR_OP_WRITE, TRAIL);
    does(w, AGENT, BTR_OP_READ, TRAIL); /* nothing that the intrusion drives wrote that */
    if (before)
        does(w, AGENT, BTR_OP_CONNECT, FAR);
    does(w, SHELL, BTR_OP_CREATE, SETTINGS);
    does(w, SHELL, BTR_OP_WRITE, SETTINGS);
    does(w, AGENT, BTR_OP_READ, SETTINGS);
    does(w, AGENT, BTR_OP_READ, HASHES);
    if (!before) {
        does(w, AGENT, BTR_OP_CONNECT, FAR);
        does(w, AGENT, BTR_OP_SEND, FAR);
    }
}

static void lack(struct world *w, enum lacks what)
{
    int64_t at_ns = what == RULES_BEFORE ? BEGIN + SECOND : BEGIN + 4 * SECOND;
    if (what == RULES_BEFORE || what == RULES_SINCE)
        world_gap(w, 0, BTR_GAP_RULES, at_ns, at_ns, "rules were changed");
    if (what == OBEDIENCE || what == OBEDIENCE_BEFORE)
        obey(w, what == OBEDIENCE_BEFORE);
    if (what == DISK) {
        world_note(w, SETTINGS, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/dev/nvme0n1p2", 0);
        does(w, SHELL, BTR_OP_READ, SETTINGS);
    }
    does(w, SHELL, BTR_OP_EXIT, SHELL);
    if (what == RECORDS)
        world_gap(w, 0, BTR_GAP_HOLE, at_ns, at_ns, "")->count = 3;
}

static void expect(enum lacks what, const char *verdict, const char *why)
{
    struct btr_buffer text = {0};
    struct ledger l;
    struct world w;
    now = BEGIN;
    numbered = what != NUMBERS;
    world_open(&w);
    history(&w);
    lack(&w, what);
    world_publish(&w, "made.log");
    ledger_make(&l, &w, SHELL, now, ASSETS);
    ledger_print(&l, &text, NULL);
    ledger_free(&l);
    const char *row = strstr((const char *)text.at, " hashes\n");
    assert_non_null(row);
    while (row > (const char *)text.at && row[-1] != '\n')
        row--;
    if (strncmp(row, verdict, strlen(verdict)) != 0 || !strstr(row, why))
        fail_msg("not \"%s\" with \"%s\":\n%s", verdict, why, row);
    world_close(&w);
    btr_buffer_fini(&text);
}

static void what_is_complete_certifies(void **state)
{
    (void)state;
    expect(NOTHING, "not lost", "nothing can have come to the intrusion");
}

static void missing_records_do_not(void **state)
{
    (void)state;
    expect(RECORDS, "cannot know", "web01 auditd lacks 3 records");
}

static void rules_that_were_changed_since_the_intrusion_came_do_not(void **state)
{
    (void)state;
    expect(RULES_SINCE, "cannot know", "the audit rules were changed");
    expect(RULES_BEFORE, "not lost", "nothing can have come to the intrusion");
}

static void records_without_numbers_do_not(void **state)
{
    (void)state;
    expect(NUMBERS, "cannot know", "web01: records of it have no numbers");
}

static void who_may_do_as_the_intrusion_wrote_and_turns_outside_does_not(void **state)
{
    (void)state;
    expect(OBEDIENCE, "cannot know", "/usr/bin/rclone, which read web01: /etc/rclone.conf at");
    expect(OBEDIENCE_BEFORE, "not lost", "nothing can have come to the intrusion");
}

static void who_reads_the_disk_itself_may_have_had_any_file(void **state)
{
    (void)state;
    expect(DISK, "cannot know", "web01: a process of the intrusion read a disk or memory itself");
}

int loss_gaps_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_complete_certifies),
        cmocka_unit_test(missing_records_do_not),
        cmocka_unit_test(rules_that_were_changed_since_the_intrusion_came_do_not),
        cmocka_unit_test(records_without_numbers_do_not),
        cmocka_unit_test(who_may_do_as_the_intrusion_wrote_and_turns_outside_does_not),
        cmocka_unit_test(who_reads_the_disk_itself_may_have_had_any_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
