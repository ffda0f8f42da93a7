/* What takes a "not lost" away, on a small history made by hand. */
#include "ledger.h"
#include "query_tests.h"
#include "test.h"

#define SECOND INT64_C(1000000000)

enum { WAY_IN = 1, SSHD, SHELL, HASHES, LOGIN, NOTES, SETTINGS, AGENT, FAR, TRAIL };

static const char ASSETS[] = "assets:\n"
                             "  - {host: web01, path: \"/etc/shadow\", name: hashes}\n";

enum lacks {
    NOTHING,
    RULES_BEFORE,
    RULES_SINCE,
    RULES_READS, /* since which no read is told */
    NUMBERS,
    RECORDS,
    OUTSIDE,
    OBEDIENCE,
    OBEDIENCE_BEFORE,
    DISK
};

static bool numbered, outside;

static void does(struct world *w, uint64_t subject, enum btr_operation operation, uint64_t object)
{
    struct btr_event *e = world_does(w, subject, operation, object);
    e->record_id = numbered ? e->record_id : 0;
}

static void history(struct world *w, bool reads)
{
    world_connection(w, WAY_IN, outside ? BTR_ENTITY_OUTSIDE : 0, "10.9.9.9", "4000", "10.0.0.1",
                     "22");
    world_process(w, SSHD, "web01", "/usr/sbin/sshd", "/usr/sbin/sshd", NULL);
    world_process(w, SHELL, "web01", "/bin/bash", "/bin/bash", NULL);
    world_process(w, LOGIN, "web01", "/bin/login", "/bin/login", NULL);
    world_file(w, HASHES, "web01", "/etc/shadow");
    world_file(w, NOTES, "web01", "/tmp/notes");
    does(w, LOGIN, BTR_OP_READ, HASHES);
    does(w, SSHD, BTR_OP_ACCEPT, WAY_IN);
    does(w, SSHD, BTR_OP_RECV, WAY_IN);
    does(w, SSHD, BTR_OP_FORK, SHELL);
    if (reads)
        does(w, SHELL, BTR_OP_READ, NOTES);
}

/* Somebody reads settings that the intrusion wrote, and speaks with the outside. */
static void obey(struct world *w, bool before)
{
    world_process(w, AGENT, "web01", "/usr/bin/rclone", "/usr/bin/rclone", NULL);
    world_file(w, SETTINGS, "web01", "/etc/rclone.conf");
    world_connection(w, FAR, BTR_ENTITY_OUTSIDE, "10.0.0.1", "5000", "10.8.8.8", "443");
    world_file(w, TRAIL, "web01", "/var/log/wtmp");
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
    bool before = what == RULES_BEFORE || what == RULES_READS;
    int64_t at_ns = before ? WORLD_BEGIN_NS + SECOND : WORLD_BEGIN_NS + 4 * SECOND;
    if (before || what == RULES_SINCE)
        world_gap(w, 0, BTR_GAP_RULES, at_ns, at_ns, "rules were changed");
    if (what == OBEDIENCE || what == OBEDIENCE_BEFORE)
        obey(w, what == OBEDIENCE_BEFORE);
    if (what == DISK) {
        world_file(w, SETTINGS, "web01", "/dev/nvme0n1p2");
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
    numbered = what != NUMBERS;
    outside = what != OUTSIDE;
    world_open(&w);
    history(&w, what != RULES_READS);
    lack(&w, what);
    world_publish(&w, "made.log");
    ledger_make(&l, &w, SHELL, w.now_ns, ASSETS);
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
    expect(RULES_READS, "cannot know", "the audit rules were changed");
}

static void an_intrusion_that_came_from_where_nobody_tells_of_does_not(void **state)
{
    (void)state;
    expect(OUTSIDE, "cannot know", "10.9.9.9: the intrusion came from there, which is not known");
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
        cmocka_unit_test(an_intrusion_that_came_from_where_nobody_tells_of_does_not),
        cmocka_unit_test(records_without_numbers_do_not),
        cmocka_unit_test(who_may_do_as_the_intrusion_wrote_and_turns_outside_does_not),
        cmocka_unit_test(who_reads_the_disk_itself_may_have_had_any_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
