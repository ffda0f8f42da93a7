/* Memory runs out at each allocation in turn: parsing, answering and exporting say so, and leave
 * nothing behind (the leak checker looks). */
#include <btr/assets.h>

#include "query_tests.h"
#include "test.h"
#include "world.h"

/* The linker sends the allocations of this executable here (CMakeLists.txt: --wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static uint32_t allocations_left = UINT32_MAX; /* UINT32_MAX: never fails */

static bool fails(void)
{
    if (allocations_left == UINT32_MAX)
        return false;
    if (allocations_left == 0)
        return true;
    allocations_left--;
    return false;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

enum { ALLOCATIONS_MAX = 3000 };

static void a_filter_says_when_memory_runs_out(void **state)
{
    (void)state;
    const struct btr_span text =
        BTR_SPAN("process.name in (\"a\", \"b\", 3) and not (file.path matches /x+/i or "
                 "source.ip cidr \"10.0.0.0/8\") or user.id == \"33\" and user.name like \"*\"");
    int rc = BTR_E_NOMEM;
    for (uint32_t n = 0; rc != 0 && n < ALLOCATIONS_MAX; n++) {
        struct btr_filter *filter = NULL;
        struct btr_err err = {0};
        allocations_left = n;
        rc = btr_filter_parse(&filter, text, &err);
        allocations_left = UINT32_MAX;
        if (rc != 0 && rc != BTR_E_NOMEM &&
            rc != BTR_E_USAGE) /* PCRE2 has words of its own for it */
            fail_msg("%d: %s", rc, err.text);
        btr_filter_free(filter);
    }
    assert_int_equal(rc, 0);
}

/* A flow, two processes, a file, a gap: every part of an answer has something to hold. */
static void small_world(struct world *w)
{
    world_open(w);
    world_note(w, 1, BTR_KIND_FLOW, BTR_ENTITY_HALF, NULL, BTR_ATTR_SOURCE_IP, "10.0.0.9", 0);
    world_note(w, 2, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "20", 0);
    world_note(w, 3, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "30", 0);
    world_note(w, 4, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/tmp/x", 0);
    world_event(w, 2, BTR_OP_RECV, 1, 11, 11);
    world_event(w, 2, BTR_OP_WRITE, 4, 12, 12);
    world_event(w, 2, BTR_OP_WRITE, 4, 13, 13);
    world_event(w, 3, BTR_OP_READ, 4, 20, 20);
    world_gap(w, 0, BTR_GAP_LOST, 5, 8, "lost=5");
    world_publish(w, "web01.log");
}

static void an_answer_says_when_memory_runs_out(void **state)
{
    (void)state;
    struct world w;
    struct world_answer whole;
    small_world(&w);
    world_trace(&whole, &w, 3, 40, BTR_WALK_BACKWARD, NULL, NULL);
    int rc = BTR_E_NOMEM;
    uint32_t n = 0;
    for (; rc != 0 && n < ALLOCATIONS_MAX; n++) {
        struct btr_answer *answer = NULL;
        struct btr_err err = {0};
        const struct btr_answer_options options = {.strategy = BTR_SPAN("backtracker")};
        allocations_left = n;
        rc = btr_answer_make(&answer, w.reader, whole.trace, BTR_WALK_BACKWARD, &whole.start, 1,
                             &options, &err);
        allocations_left = UINT32_MAX;
        if (rc != 0 && rc != BTR_E_NOMEM)
            fail_msg("%d: %s", rc, err.text);
        btr_answer_free(answer);
    }
    assert_int_equal(rc, 0);
    assert_true(n > 10);
    world_answer_free(&whole);
    world_close(&w);
}

static void an_export_says_when_memory_runs_out(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    small_world(&w);
    world_trace(&a, &w, 3, 40, BTR_WALK_BACKWARD, NULL, NULL);
    for (const struct btr_export *e = btr_exports; e->name; e++) {
        int rc = BTR_E_NOMEM;
        for (uint32_t n = 0; rc != 0 && n < ALLOCATIONS_MAX; n++) {
            struct btr_buffer out = {0};
            allocations_left = n;
            rc = e->write(a.answer, true, &out, NULL);
            allocations_left = UINT32_MAX;
            assert_true(rc == 0 || rc == BTR_E_NOMEM);
            assert_true(rc != 0 || !out.failed);
            btr_buffer_fini(&out);
        }
        assert_int_equal(rc, 0);
    }
    world_answer_free(&a);
    world_close(&w);
}

/* The story of a strategy that scores, the timeline, the tree. */
static void a_text_says_when_memory_runs_out(void **state)
{
    (void)state;
    struct btr_kept_pair pair = {world_id(2), world_id(4), 0.5, BTR_KEPT_SCORE};
    const struct btr_kept_pairs kept = {.pairs = &pair, .pair_count = 1};
    struct world w;
    small_world(&w);
    for (int view = BTR_VIEW_STORY; view <= BTR_VIEW_TREE; view++) {
        const struct btr_answer_options options = {
            .strategy = BTR_SPAN("critical"), .kept = &kept, .view = (enum btr_view)view};
        int rc = BTR_E_NOMEM;
        uint32_t n = 0;
        for (; rc != 0 && n < ALLOCATIONS_MAX; n++) {
            struct world_answer a;
            struct btr_buffer out = {0};
            world_trace(&a, &w, 3, 40, BTR_WALK_BACKWARD, NULL, &options);
            allocations_left = n;
            rc = btr_exports[0].write(a.answer, true, &out, NULL);
            allocations_left = UINT32_MAX;
            assert_true(rc == 0 || rc == BTR_E_NOMEM);
            assert_true(rc != 0 || !out.failed);
            btr_buffer_fini(&out);
            world_answer_free(&a);
        }
        assert_int_equal(rc, 0);
        assert_true(n > 20);
    }
    world_close(&w);
}

static int asset_count(void *self, uint32_t asset, const struct btr_entity *entity,
                       const char *doubt)
{
    (void)asset;
    (void)entity;
    (void)doubt;
    ++*(uint32_t *)self;
    return 0;
}

/* Reads, learns and finds. */
static int assets_run(struct btr_reader *reader, uint32_t *found)
{
    const struct btr_span text =
        BTR_SPAN("assets:\n"
                 "- {name: a, path: '/tmp/**'}\n"
                 "- {name: b, host: web01}\n"
                 "- {name: c, container: x, path: '/y/*', owner: me}\n"
                 "- {name: d, service: tcp/80}\n"
                 "containers:\n"
                 "- {host: web01, name: x, root: /tmp/x, mounts: ['/tmp:/y', '/a:/b']}\n");
    struct btr_assets *assets = NULL;
    struct btr_err err = {0};
    *found = 0;
    int rc = btr_assets_read(&assets, text, "a.yaml", &err);
    if (rc == 0)
        rc = btr_assets_learn(assets, reader, &err);
    if (rc == 0)
        rc = btr_assets_find(assets, reader, asset_count, found, &err);
    btr_assets_free(assets);
    assert_true(rc == 0 || err.text[0] != 0);
    return rc;
}

static void an_inventory_says_when_memory_runs_out(void **state)
{
    (void)state;
    struct world w;
    small_world(&w);
    int rc = BTR_E_NOMEM;
    uint32_t n = 0, found = 0;
    for (; rc != 0 && n < ALLOCATIONS_MAX; n++) {
        allocations_left = n;
        rc = assets_run(w.reader, &found);
        allocations_left = UINT32_MAX;
        assert_true(rc == 0 || rc == BTR_E_NOMEM);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(found, 2); /* the file as the host and as the container name it */
    assert_true(n > 30);
    world_close(&w);
}

int nomem_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_says_when_memory_runs_out),
        cmocka_unit_test(an_answer_says_when_memory_runs_out),
        cmocka_unit_test(an_export_says_when_memory_runs_out),
        cmocka_unit_test(a_text_says_when_memory_runs_out),
        cmocka_unit_test(an_inventory_says_when_memory_runs_out),
    };
    return cmocka_run_group_tests_name("nomem", tests, NULL, NULL);
}
