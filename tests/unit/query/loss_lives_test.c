/* Which file a name was for whom, on a small history made by hand. */
#include "ledger.h"
#include "loss/loss.h"
#include "query_tests.h"
#include "test.h"

enum { EARLY = 1, LATE, HEIR, NAME, DRAFT, EDITOR, STILL };

static void who_had_opened_it_before_may_read_what_it_was(void **state)
{
    struct loss_lives lives = {0};
    struct ledger l;
    struct world w;
    (void)state;
    world_open(&w);
    for (uint64_t i = EARLY; i <= HEIR; i++)
        world_note(&w, i, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, "/bin/p", 0);
    world_file(&w, NAME, "web01", "/srv/name");
    world_file(&w, DRAFT, "web01", "/srv/draft");
    world_file(&w, STILL, "web01", "/srv/still");
    int64_t opened = world_does(&w, EARLY, BTR_OP_OPEN_READ, NAME)->last_ns;
    world_does(&w, DRAFT, BTR_OP_RENAMED, NAME);
    int64_t replaced = world_does(&w, LATE, BTR_OP_OPEN_READ, NAME)->last_ns;
    int64_t read = world_does(&w, EARLY, BTR_OP_READ, NAME)->last_ns;
    world_does(&w, EARLY, BTR_OP_OPEN_BOTH, NAME);
    int64_t again = world_does(&w, EARLY, BTR_OP_READ, NAME)->last_ns;
    world_does(&w, LATE, BTR_OP_OPEN_READ, STILL);
    world_does(&w, EDITOR, BTR_OP_WRITE, STILL);
    world_publish(&w, "made.log");
    ledger_make(&l, &w, EARLY, w.now_ns, "assets:\n  - {host: web01, path: /srv/**, name: a}\n");
    assert_int_equal(loss_lives_find(&lives, l.loss, world_id(NAME), NULL), 0);
    assert_false(loss_lives_older(&lives, world_id(EARLY), opened, false));
    assert_true(loss_lives_older(&lives, world_id(EARLY), read, false));
    assert_false(loss_lives_older(&lives, world_id(LATE), replaced, false));
    assert_true(
        loss_lives_older(&lives, world_id(EARLY), again, false)); /* it may have both open */
    assert_true(
        loss_lives_older(&lives, world_id(LATE), replaced, true)); /* of EARLY, which is its own */
    assert_true(
        loss_lives_older(&lives, world_id(HEIR), again, false)); /* of whom nobody saw an open */
    assert_int_equal(loss_lives_find(&lives, l.loss, world_id(STILL), NULL), 0);
    assert_false(loss_lives_older(&lives, world_id(LATE), w.now_ns,
                                  false)); /* written to it is the same file */
    loss_lives_fini(&lives);
    ledger_free(&l);
    world_close(&w);
}

int loss_lives_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_had_opened_it_before_may_read_what_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
