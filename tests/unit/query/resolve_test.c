/* What a SPEC names in a store. */
#include <btr/identity.h>

#include "query_tests.h"
#include "test.h"
#include "world.h"

#define SECOND INT64_C(1000000000)

/* Two processes share pid 77, two segments share record 1001; the file exists on the host and in a
 * container. */
static void resolve_world(struct world *w)
{
    world_open(w);
    world_note(w, 1, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "77", 0);
    world_note(w, 2, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_PID, "77", 0);
    world_note(w, 3, BTR_KIND_FLOW, 0, NULL, BTR_ATTR_SOURCE_IP, "10.0.0.9", BTR_ATTR_SOURCE_PORT,
               "4000", BTR_ATTR_DESTINATION_IP, "10.0.0.1", BTR_ATTR_DESTINATION_PORT, "80", 0);
    world_note(w, 4, BTR_KIND_FLOW, BTR_ENTITY_HALF, "web01", BTR_ATTR_SOURCE_IP, "10.0.0.9",
               BTR_ATTR_DESTINATION_IP, "10.0.0.1", BTR_ATTR_DESTINATION_PORT, "80", 0);
    world_note(w, 5, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/etc/x", BTR_ATTR_FILE_ROOT,
               "c1", 0);
    world_event(w, 1, BTR_OP_RECV, 3, 100 * SECOND, 100 * SECOND); /* records 1001, 1002, ... */
    world_event(w, 1, BTR_OP_SEND, 4, 110 * SECOND, 110 * SECOND);
    world_event(w, 2, BTR_OP_READ, 5, 200 * SECOND, 200 * SECOND);
    world_event(w, 2, BTR_OP_WRITE, 5, 210 * SECOND, 210 * SECOND);
    world_publish(w, "logs/web01.log");
}

static int resolve(struct world *w, const char *text, int64_t at_ns, struct btr_spec_match *match,
                   struct btr_buffer *candidates)
{
    struct btr_spec spec;
    struct btr_err err = {0};
    if (btr_spec_parse(&spec, btr_span_of(text), &err) != 0)
        fail_msg("%s", err.text);
    int rc = btr_spec_resolve(w->reader, &spec, at_ns, match, candidates, &err);
    if (rc < 0)
        assert_true(err.text[0] != 0);
    return rc;
}

static void names(struct world *w, const char *text, int64_t at_ns, uint64_t entity,
                  int64_t time_ns)
{
    struct btr_spec_match match;
    int rc = resolve(w, text, at_ns, &match, NULL);
    if (rc != 0)
        fail_msg("%s: %d", text, rc);
    if (!btr_id_equal(match.entity, world_id(entity)) || match.time_ns != time_ns)
        fail_msg("%s: another entity, or time %lld", text, (long long)match.time_ns);
}

static void a_spec_names_an_entity_and_a_time(void **state)
{
    (void)state;
    struct world w;
    resolve_world(&w);
    char id[BTR_ID_TEXT_SIZE], spec[64];
    btr_id_text(world_id(2), id);
    snprintf(spec, sizeof spec, "id:%s", id);
    names(&w, "record:web01/1001", INT64_MIN, 1, 100 * SECOND); /* recv: into the process */
    names(&w, "record:WEB01.example.com/1002", INT64_MIN, 4, 110 * SECOND); /* send: the flow */
    names(&w, "record:web01/auditd/1003", INT64_MIN, 2, 200 * SECOND);
    names(&w, "record:web01/1003", 5 * SECOND, 2, 5 * SECOND); /* --at wins */
    names(&w, "origin:web01.log:4", INT64_MIN, 5, 210 * SECOND);
    names(&w, "origin:logs/web01.log:4", INT64_MIN, 5, 210 * SECOND);
    names(&w, "process:web01/77@150", INT64_MIN, 1, 150 * SECOND);
    names(&w, "process:web01/77@205", INT64_MIN, 2, 205 * SECOND);
    names(&w, "process:web01/77@95", INT64_MIN, 1, 100 * SECOND); /* begins a little after */
    names(&w, "process:web01/77", 150 * SECOND, 1, 150 * SECOND);
    names(&w, "flow:10.0.0.1:80-10.0.0.9:4000", INT64_MIN, 3, 100 * SECOND);
    names(&w, "file:web01//etc/x", INT64_MIN, 5, 210 * SECOND); /* only a container has it */
    names(&w, spec, INT64_MIN, 2, 210 * SECOND);
    world_close(&w);
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    static const char *const NONE[] = {"record:web01/5",
                                       "record:db01/1001",
                                       "record:web01/Security/1001",
                                       "record:web01/1001@500",
                                       "origin:web01.log:99",
                                       "origin:eb01.log:1",
                                       "process:web01/78",
                                       "process:web01/77@20",
                                       "file:web01//etc/y",
                                       "flow:10.0.0.1:81-10.0.0.9:*",
                                       "id:00000000000000000000000000000001"};
    struct world w;
    resolve_world(&w);
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        struct btr_spec_match match;
        int rc = resolve(&w, NONE[i], INT64_MIN, &match, NULL);
        if (rc != BTR_E_NOTFOUND)
            fail_msg("%s: %d", NONE[i], rc);
    }
    world_close(&w);
}

static void what_fits_several_is_refused_and_they_are_listed(void **state)
{
    (void)state;
    struct world w;
    struct btr_spec_match match;
    struct btr_buffer candidates = {0};
    resolve_world(&w);
    assert_int_equal(resolve(&w, "process:web01/77", INT64_MIN, &match, &candidates),
                     BTR_E_AMBIGUOUS);
    btr_buffer_u8(&candidates, 0);
    const char *second = strstr((const char *)candidates.at + 1, "id:");
    assert_non_null(second);
    assert_null(strstr(second + 1, "id:"));
    btr_buffer_clear(&candidates);
    assert_int_equal(resolve(&w, "flow:10.0.0.1:*-10.0.0.9:*", INT64_MIN, &match, &candidates),
                     BTR_E_AMBIGUOUS);
    btr_buffer_fini(&candidates);
    world_close(&w);
}

/* An audit serial that came again, as after a reboot. */
static void a_record_id_that_came_again_is_told_apart_by_its_time(void **state)
{
    (void)state;
    struct world w;
    struct btr_spec_match match;
    struct btr_buffer candidates = {0};
    resolve_world(&w);
    struct btr_event *e = world_event(&w, 2, BTR_OP_READ, 5, 900 * SECOND, 900 * SECOND);
    e->record_id = 1001;
    e->line = 50;
    world_publish(&w, "logs/web01.log.1");
    assert_int_equal(resolve(&w, "record:web01/1001", INT64_MIN, &match, &candidates),
                     BTR_E_AMBIGUOUS);
    btr_buffer_u8(&candidates, 0);
    assert_non_null(
        strstr((const char *)candidates.at, "record:web01/auditd/1001@1970-01-01T00:15:00Z"));
    names(&w, "record:web01/1001@900", INT64_MIN, 2, 900 * SECOND);
    names(&w, "record:web01/1001@100", INT64_MIN, 1, 100 * SECOND);
    btr_buffer_fini(&candidates);
    world_close(&w);
}

static void a_record_of_several_events_starts_where_its_information_ended(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    static const struct {
        enum btr_operation operation;
        uint64_t subject, object, record;
        unsigned flags;
    } ROWS[] = {
        {BTR_OP_READ, 1, 5, 1, 0}, /* sendfile: file to process to flow */
        {BTR_OP_SEND, 1, 3, 1, BTR_EVENT_PART},
        {BTR_OP_EXEC, 1, 6, 2, 0}, /* execve and its interpreter */
        {BTR_OP_LOAD, 1, 7, 2, BTR_EVENT_PART},
        {BTR_OP_SAME, 7, 6, 2, BTR_EVENT_IMPLIED},
        {BTR_OP_RENAME, 1, 8, 3, 0}, /* rename of 6 to 8 */
        {BTR_OP_DELETE, 1, 6, 3, BTR_EVENT_PART},
        {BTR_OP_RENAMED, 6, 8, 3, BTR_EVENT_PART},
        {BTR_OP_ACCEPT, 1, 3, 4, 0}, /* both ways: the connection */
        {BTR_OP_MEET_SERVER, 3, 9, 4, BTR_EVENT_IMPLIED},
        {BTR_OP_TOLD, 1, 8, 5, 0}, /* no flow: who did it */
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct btr_event *e =
            world_event(&w, ROWS[i].subject, ROWS[i].operation, ROWS[i].object, 100, 100);
        e->record_id = ROWS[i].record;
        e->line = ROWS[i].record;
        e->flags = (uint8_t)ROWS[i].flags;
    }
    world_publish(&w, "web01.log");
    names(&w, "record:web01/1", INT64_MIN, 3, 100);
    names(&w, "record:web01/2", INT64_MIN, 1, 100);
    names(&w, "record:web01/3", INT64_MIN, 8, 100);
    names(&w, "record:web01/4", INT64_MIN, 3, 100);
    names(&w, "record:web01/5", INT64_MIN, 1, 100);
    world_close(&w);
}

int resolve_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spec_names_an_entity_and_a_time),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(what_fits_several_is_refused_and_they_are_listed),
        cmocka_unit_test(a_record_id_that_came_again_is_told_apart_by_its_time),
        cmocka_unit_test(a_record_of_several_events_starts_where_its_information_ended),
    };
    return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
