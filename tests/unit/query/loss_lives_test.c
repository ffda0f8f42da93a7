/* Which file a name was for whom, on a small history made by hand. */
#include "ledger.h"
#include "loss/loss.h"
#include "query_tests.h"
#include "test.h"

#define SECOND INT64_C(1000000000)
#define BEGIN (INT64_C(1795424284) * SECOND)

enum { EARLY = 1, LATE, HEIR, NAME, DRAFT, EDITOR, STILL };

static int64_t now;

static int64_t does(struct world *w, uint64_t subject, enum btr_operation operation,
                    uint64_t object)
{
    now += SECOND;
    world_event(w, subject, operation, object, now, now);
    return now;
}

static void file(struct world *w, uint64_t number, const char *path)
{
    world_note(w, number, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, path, 0);
}

static void who_had_opened_it_before_may_read_what_it_was(void **state)
{
    struct loss_lives lives = {0};
    struct ledger l;
    struct world w;
    (void)state;
    now = BEGIN;
    world_open(&w);
    for (uint64_t i = EARLY; i <= HEIR; i++)
        world_note(&w, i, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_EXECUTABLE, "/bin/p", 0);
    file(&w, NAME, "/srv/name");
    file(&w, DRAFT, "/srv/draft");
    file(&w, STILL, "/srv/still");
    int64_t opened = does(&w, EARLY, BTR_OP_OPEN_READ, NAME);
    does(&w, DRAFT, BTR_OP_RENAMED, NAME);
    int64_t replaced = does(&w, LATE, BTR_OP_OPEN_READ, NAME);
    int64_t read = does(&w, EARLY, BTR_OP_READ, NAME);
    does(&w, EARLY, BTR_OP_OPEN_BOTH, NAME);
    int64_t again = does(&w, EARLY, BTR_OP_READ, NAME);
    does(&w, LATE, BTR_OP_OPEN_READ, STILL);
    does(&w, EDITOR, BTR_OP_WRITE, STILL);
    world_publish(&w, "made.log");
    ledger_make(&l, &w, EARLY, now, "assets:\n  - {host: web01, path: /srv/**, name: a}\n");
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
    assert_false(
        loss_lives_older(&lives, world_id(LATE), now, false)); /* written to it is the same file */
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
