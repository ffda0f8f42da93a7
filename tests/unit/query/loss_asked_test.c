/* What others run because the intrusion wrote it, on a small history made by hand. */
#include "ledger.h"
#include "loss/after.h"
#include "query_tests.h"
#include "test.h"

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

static void entities(struct world *w)
{
    world_connection(w, WAY_IN, BTR_ENTITY_OUTSIDE, "10.9.9.9", "4000", "10.0.0.1", "22");
    world_process(w, SSHD, "web01", "/usr/sbin/sshd", "sshd", "root");
    world_process(w, SHELL, "web01", "/bin/bash", "bash", "ann");
    world_process(w, CRON, "web01", "/usr/sbin/cron", "cron -f", "root");
    world_process(w, OLD_FORK, "web01", "/usr/sbin/cron", "cron -f", "root");
    world_process(w, OLD_FORK_AGAIN, "web01", "/usr/sbin/cron", "cron -f", "root");
    world_process(w, NEW_FORK, "web01", "/usr/sbin/cron", "cron -f", "root");
    world_process(w, OTHER_FORK, "web01", "/usr/sbin/cron", "cron -f", "root");
    world_process(w, OLD_JOB, "web01", "/bin/sh", "sh -c backup", "ann");
    world_process(w, OLD_JOB_AGAIN, "web01", "/bin/sh", "sh -c backup", "ann");
    world_process(w, NEW_JOB, "web01", "/bin/sh", "sh -c /tmp/.x", "ann");
    world_process(w, OTHERS_JOB, "web01", "/bin/sh", "sh -c weekly", "root");
    world_process(w, MASK_FORK, "web01", "/usr/sbin/cron", "cron -f", "root");
    /* "sh -c '/tmp/.x; exec backup'": in the end it is a job that was there before */
    world_note(w, MASKED_JOB, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, "/bin/sh",
               BTR_ATTR_PROCESS_COMMAND_LINE, "a sh -c /tmp/.x; exec backup",
               BTR_ATTR_PROCESS_COMMAND_LINE, "sh -c backup", BTR_ATTR_USER_NAME, "ann", 0);
    world_process(w, INIT_RUNNER, "web01", "/bin/sh", "sh /etc/init.d/x", "root");
    world_file(w, INIT_SCRIPT, "web01", "/etc/init.d/x");
    world_process(w, RUNNER, "web01", "/usr/bin/perl", "perl -w ./rotate.pl", "root");
    world_process(w, CHILD, "web01", "/bin/id", "id", "root");
    world_process(w, VIEWER, "web01", "/bin/cat", "cat /opt/rotate.pl", "root");
    world_file(w, TABLE, "web01", "/var/spool/cron/crontabs/ann");
    world_file(w, SCRIPT, "web01", "/opt/rotate.pl");
}

static void job(struct world *w, uint64_t fork, uint64_t ran)
{
    world_does(w, CRON, BTR_OP_FORK, fork);
    world_does(w, fork, BTR_OP_FORK, ran);
}

static void history(struct world *w)
{
    job(w, OLD_FORK, OLD_JOB);
    world_does(w, SSHD, BTR_OP_ACCEPT, WAY_IN);
    world_does(w, SSHD, BTR_OP_RECV, WAY_IN);
    world_does(w, SSHD, BTR_OP_FORK, SHELL);
    world_does(w, SHELL, BTR_OP_WRITE, TABLE);
    world_does(w, SHELL, BTR_OP_WRITE, SCRIPT);
    world_does(w, CRON, BTR_OP_READ, TABLE);
    job(w, OLD_FORK_AGAIN, OLD_JOB_AGAIN);
    job(w, NEW_FORK, NEW_JOB);
    job(w, OTHER_FORK, OTHERS_JOB);
    job(w, MASK_FORK, MASKED_JOB);
    world_does(w, SHELL, BTR_OP_WRITE, INIT_SCRIPT);
    world_does(w, INIT_RUNNER, BTR_OP_READ, INIT_SCRIPT);
    world_does(w, INIT_RUNNER, BTR_OP_FORK, CHILD);
    world_does(w, RUNNER, BTR_OP_READ, SCRIPT);
    world_does(w, RUNNER, BTR_OP_FORK, CHILD);
    world_does(w, VIEWER, BTR_OP_READ, SCRIPT);
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
    world_open(&a->w);
    entities(&a->w);
    history(&a->w);
    world_publish(&a->w, "made.log");
    ledger_make(&a->l, &a->w, SHELL, a->w.now_ns, ASSETS);
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
