/* What others run because the intrusion wrote it, on a small history made by hand. */
#include "ledger.h"
#include "loss/after.h"
#include "query_tests.h"
#include "test.h"

#define SECOND INT64_C(1000000000)
#define BEGIN (INT64_C(1795424284) * SECOND)

enum {
    WAY_IN = 1,
    SSHD,
    SHELL,
    CRON,
    TABLE,
    OLD_FORK,
    OLD_JOB,
    OLD_FORK_AGAIN,
    OLD_JOB_AGAIN,
    NEW_FORK,
    NEW_JOB,
    OTHER_FORK,
    OTHERS_JOB,
    SCRIPT,
    RUNNER,
    CHILD,
    VIEWER,
    MASK_FORK,
    MASKED_JOB,
    INIT_SCRIPT,
    INIT_RUNNER
};

static const char ASSETS[] = "assets:\n  - {host: web01, path: \"/srv/**\", name: orders}\n";

static int64_t now;

static void does(struct world *w, uint64_t subject, enum btr_operation operation, uint64_t object)
{
    now += SECOND;
    world_event(w, subject, operation, object, now, now);
}

static void process(struct world *w, uint64_t number, const char *program, const char *command,
                    const char *user)
{
    world_note(w, number, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, program,
               BTR_ATTR_PROCESS_COMMAND_LINE, command, BTR_ATTR_USER_NAME, user, 0);
}

static void entities(struct world *w)
{
    world_note(w, WAY_IN, BTR_KIND_FLOW, BTR_ENTITY_OUTSIDE, NULL, BTR_ATTR_NETWORK_TRANSPORT,
               "tcp", BTR_ATTR_SOURCE_IP, "10.9.9.9", BTR_ATTR_SOURCE_PORT, "4000",
               BTR_ATTR_DESTINATION_IP, "10.0.0.1", BTR_ATTR_DESTINATION_PORT, "22", 0);
    process(w, SSHD, "/usr/sbin/sshd", "sshd", "root");
    process(w, SHELL, "/bin/bash", "bash", "ann");
    process(w, CRON, "/usr/sbin/cron", "cron -f", "root");
    process(w, OLD_FORK, "/usr/sbin/cron", "cron -f", "root");
    process(w, OLD_FORK_AGAIN, "/usr/sbin/cron", "cron -f", "root");
    process(w, NEW_FORK, "/usr/sbin/cron", "cron -f", "root");
    process(w, OTHER_FORK, "/usr/sbin/cron", "cron -f", "root");
    process(w, OLD_JOB, "/bin/sh", "sh -c backup", "ann");
    process(w, OLD_JOB_AGAIN, "/bin/sh", "sh -c backup", "ann");
    process(w, NEW_JOB, "/bin/sh", "sh -c /tmp/.x", "ann");
    process(w, OTHERS_JOB, "/bin/sh", "sh -c weekly", "root");
    process(w, MASK_FORK, "/usr/sbin/cron", "cron -f", "root");
    /* "sh -c '/tmp/.x; exec backup'": in the end it is a job that was there before */
    world_note(w, MASKED_JOB, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, "/bin/sh",
               BTR_ATTR_PROCESS_COMMAND_LINE, "a sh -c /tmp/.x; exec backup",
               BTR_ATTR_PROCESS_COMMAND_LINE, "sh -c backup", BTR_ATTR_USER_NAME, "ann", 0);
    process(w, INIT_RUNNER, "/bin/sh", "sh /etc/init.d/x", "root");
    world_note(w, INIT_SCRIPT, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/etc/init.d/x", 0);
    process(w, RUNNER, "/usr/bin/perl", "perl -w ./rotate.pl", "root");
    process(w, CHILD, "/bin/id", "id", "root");
    process(w, VIEWER, "/bin/cat", "cat /opt/rotate.pl", "root");
    world_note(w, TABLE, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH,
               "/var/spool/cron/crontabs/ann", 0);
    world_note(w, SCRIPT, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/opt/rotate.pl", 0);
}

static void job(struct world *w, uint64_t fork, uint64_t ran)
{
    does(w, CRON, BTR_OP_FORK, fork);
    does(w, fork, BTR_OP_FORK, ran);
}

static void history(struct world *w)
{
    job(w, OLD_FORK, OLD_JOB);
    does(w, SSHD, BTR_OP_ACCEPT, WAY_IN);
    does(w, SSHD, BTR_OP_RECV, WAY_IN);
    does(w, SSHD, BTR_OP_FORK, SHELL);
    does(w, SHELL, BTR_OP_WRITE, TABLE);
    does(w, SHELL, BTR_OP_WRITE, SCRIPT);
    does(w, CRON, BTR_OP_READ, TABLE);
    job(w, OLD_FORK_AGAIN, OLD_JOB_AGAIN);
    job(w, NEW_FORK, NEW_JOB);
    job(w, OTHER_FORK, OTHERS_JOB);
    job(w, MASK_FORK, MASKED_JOB);
    does(w, SHELL, BTR_OP_WRITE, INIT_SCRIPT);
    does(w, INIT_RUNNER, BTR_OP_READ, INIT_SCRIPT);
    does(w, INIT_RUNNER, BTR_OP_FORK, CHILD);
    does(w, RUNNER, BTR_OP_READ, SCRIPT);
    does(w, RUNNER, BTR_OP_FORK, CHILD);
    does(w, VIEWER, BTR_OP_READ, SCRIPT);
}

static bool is_intrusions(const struct ledger *l, uint64_t number)
{
    for (uint32_t i = 0; i < l->loss->extent.count; i++)
        if (btr_id_equal(l->loss->extent.items[i].entity, world_id(number)) &&
            l->loss->extent.items[i].role == BTR_EXTENT_PROCESS)
            return true;
    return false;
}

struct asked {
    struct world w;
    struct ledger l;
};

static int make(void **state)
{
    struct asked *a = calloc(1, sizeof *a);
    assert_non_null(a);
    now = BEGIN;
    world_open(&a->w);
    entities(&a->w);
    history(&a->w);
    world_publish(&a->w, "made.log");
    ledger_make(&a->l, &a->w, SHELL, now, ASSETS);
    *state = a;
    return 0;
}

static int unmake(void **state)
{
    struct asked *a = *state;
    ledger_free(&a->l);
    world_close(&a->w);
    free(a);
    return 0;
}

static void a_job_that_cron_never_started_before_is_the_intrusions(void **state)
{
    const struct asked *a = *state;
    assert_true(is_intrusions(&a->l, NEW_JOB));
    assert_false(is_intrusions(&a->l, NEW_FORK)); /* cron's own doing for it */
}

static void jobs_of_before_and_of_other_accounts_are_not(void **state)
{
    const struct asked *a = *state;
    assert_false(is_intrusions(&a->l, OLD_JOB));
    assert_false(is_intrusions(&a->l, OLD_JOB_AGAIN));
    assert_false(is_intrusions(&a->l, OTHERS_JOB));
    assert_false(is_intrusions(&a->l, CRON));
}

static void an_interpreter_that_is_told_to_run_its_script_is_the_intrusions(void **state)
{
    const struct asked *a = *state;
    assert_true(is_intrusions(&a->l, RUNNER));
    assert_true(is_intrusions(&a->l, CHILD));
    assert_false(is_intrusions(&a->l, VIEWER)); /* it looks, and does nothing */
}

static void a_job_that_ends_as_one_that_was_there_is_the_intrusions(void **state)
{
    const struct asked *a = *state;
    assert_true(is_intrusions(&a->l, MASKED_JOB));
}

static void a_script_in_a_place_of_jobs_is_a_script_too(void **state)
{
    const struct asked *a = *state;
    assert_true(is_intrusions(&a->l, INIT_RUNNER));
}

static void a_table_of_jobs_tells_whose_they_are(void **state)
{
    static const struct {
        const char *path, *account;
    } TABLES[] = {{"/var/spool/cron/crontabs/ann", "ann"},
                  {"/var/spool/cron/tabs/ann", "ann"},
                  {"/var/spool/cron/ann", "ann"},
                  {"/var/spool/cron/atjobs/a00001", ""},
                  {"/etc/cron.d/job", ""},
                  {"/var/spool/cron/", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof TABLES / sizeof *TABLES; i++)
        assert_true(btr_span_equal(loss_jobs_account(btr_span_of(TABLES[i].path)),
                                   btr_span_of(TABLES[i].account)));
}

int loss_asked_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_that_cron_never_started_before_is_the_intrusions),
        cmocka_unit_test(jobs_of_before_and_of_other_accounts_are_not),
        cmocka_unit_test(an_interpreter_that_is_told_to_run_its_script_is_the_intrusions),
        cmocka_unit_test(a_job_that_ends_as_one_that_was_there_is_the_intrusions),
        cmocka_unit_test(a_script_in_a_place_of_jobs_is_a_script_too),
        cmocka_unit_test(a_table_of_jobs_tells_whose_they_are),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
