/* Exports hold whatever agents send: every format stays whole, and nothing reaches a terminal
 * unescaped. */
#include <cjson/cJSON.h>

#include "export/json_writer.h"
#include "query_tests.h"
#include "test.h"
#include "test_random.h"
#include "world.h"

/* Quotes, tags, line ends, a terminal's escape, text turned round, bytes that are not UTF-8, a
 * shell's quote. */
#define HOSTILE "a\"b\\c</svg>]]>&amp;\n\r\t\x1b[31m\xe2\x80\xae\xff\x01'$(id)`{}"

/* Every attribute of every node is hostile; 1 is the process at the end, 5 the file it reads. */
static void hostile_world(struct world *w)
{
    world_open(w);
    world_note(w, 1, BTR_KIND_PROCESS, 0, "web01", BTR_ATTR_PROCESS_COMMAND_LINE, HOSTILE,
               BTR_ATTR_PROCESS_EXECUTABLE, "/bin/" HOSTILE, BTR_ATTR_PROCESS_PID, "12" HOSTILE,
               BTR_ATTR_USER_NAME, HOSTILE, BTR_ATTR_CONTAINER_ID, HOSTILE, 0);
    world_note(w, 2, BTR_KIND_FLOW, BTR_ENTITY_HALF, NULL, BTR_ATTR_SOURCE_IP, HOSTILE,
               BTR_ATTR_DESTINATION_PORT, "99999999999999999999", BTR_ATTR_DESTINATION_DOMAIN,
               HOSTILE, 0);
    world_note(w, 3, BTR_KIND_REGISTRY, 0, HOSTILE, BTR_ATTR_REGISTRY_PATH, HOSTILE, 0);
    world_note(w, 4, BTR_KIND_SESSION, 0, "web01", BTR_ATTR_USER_NAME, HOSTILE, 0);
    world_note(w, 5, BTR_KIND_FILE, 0, "web01", BTR_ATTR_FILE_PATH, "/" HOSTILE, 0);
    world_note(w, 6, BTR_KIND_PROCESS, BTR_ENTITY_UNCERTAIN, HOSTILE, BTR_ATTR_PROCESS_PID, "7", 0);
    world_event(w, 6, BTR_OP_RECV, 2, 10, 10);
    world_event(w, 6, BTR_OP_REG_READ, 3, 11, 11);
    world_event(w, 4, BTR_OP_SESSION_OF, 6, 12, 12);
    world_event(w, 6, BTR_OP_WRITE, 5, 12, 20)->flags = BTR_EVENT_INTERVAL;
    world_event(w, 1, BTR_OP_READ, 5, 30, 30)->doubt = BTR_DOUBT_DESCRIPTOR_UNKNOWN;
    world_event(w, 9, BTR_OP_FORK, 1, 5, 5); /* 9 is never noted */
    world_gap(w, 0, BTR_GAP_LOST, 1, 25, HOSTILE);
    world_publish(w, "logs/" HOSTILE);
}

static void export_hostile(const char *format, struct btr_buffer *out)
{
    static const struct btr_span SPEC = {(const uint8_t *)HOSTILE, sizeof HOSTILE - 1};
    const struct btr_answer_options options = {
        .strategy = BTR_SPAN("backtracker"), .specs = &SPEC, .evidence_all = true, .again = SPEC};
    struct world w;
    struct world_answer a;
    hostile_world(&w);
    world_trace(&a, &w, 1, 100, BTR_WALK_BACKWARD, NULL, &options);
    world_export(&a, format, out);
    world_answer_free(&a);
    world_close(&w);
}

/* ---- JSON ---- */

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "(no string)";
}

static void json_parses_and_gives_names_back_unchanged(void **state)
{
    (void)state;
    struct btr_buffer out = {0};
    export_hostile("json", &out);
    /* cJSON turns a lone \udcff away: give it a stand-in of the same length. */
    for (char *at = (char *)out.at; (at = strstr(at, "\\udcff"));)
        memcpy(at, "\\u00ff", 6);
    cJSON *root = cJSON_Parse((const char *)out.at);
    assert_non_null(root);
    assert_string_equal(text_of(root, "schema"), "backtrail-trace/1");
    const cJSON *nodes = cJSON_GetObjectItemCaseSensitive(root, "nodes"), *node;
    assert_int_equal(cJSON_GetArraySize(nodes), 7);
    static const char UNCHANGED[] =
        "a\"b\\c</svg>]]>&amp;\n\r\t\x1b[31m\xe2\x80\xae\xc3\xbf\x01'$(id)`{}";
    bool found = false;
    cJSON_ArrayForEach(node, nodes)
    {
        const cJSON *process = cJSON_GetObjectItemCaseSensitive(node, "process");
        if (process && strcmp(text_of(process, "command_line"), UNCHANGED) == 0)
            found = true;
    }
    assert_true(found);
    const cJSON *edges = cJSON_GetObjectItemCaseSensitive(root, "edges");
    assert_int_equal(cJSON_GetArraySize(edges), 6);
    assert_true(
        cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(edges, 0), "interval")));
    cJSON_Delete(root);
    btr_buffer_fini(&out);
}

/* ---- DOT ---- */

static void dot_strings_are_closed_and_hold_no_control_bytes(void **state)
{
    (void)state;
    struct btr_buffer out = {0};
    export_hostile("dot", &out);
    bool inside = false;
    int depth = 0;
    for (size_t i = 0; i < out.size; i++) {
        uint8_t c = out.at[i];
        if (inside && c == '\\') {
            i++; /* whatever follows is escaped */
            continue;
        }
        if (c == '"')
            inside = !inside;
        if (inside)
            assert_true(c >= 0x20 && c != 0x7f);
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        assert_true(depth >= 0);
    }
    assert_false(inside);
    assert_int_equal(depth, 0);
    btr_buffer_fini(&out);
}

/* ---- GraphML ---- */

/* Reads one tag after '<'. @return the place behind '>' */
static const char *tag_read(const char *at, char names[8][16], int *depth)
{
    const char *end = strchr(at, '>');
    assert_non_null(end);
    size_t size = strcspn(at, " >/");
    if (*at == '/') {
        size = (size_t)(end - at - 1);
        assert_true(*depth > 0 && strncmp(names[*depth - 1], at + 1, size) == 0);
        --*depth;
    } else if (*at != '?' && end[-1] != '/') {
        assert_true(size < 16 && *depth < 8);
        memcpy(names[*depth], at, size);
        names[(*depth)++][size] = 0;
    }
    return end + 1;
}

static void graphml_is_well_formed(void **state)
{
    (void)state;
    struct btr_buffer out = {0};
    char names[8][16];
    int depth = 0, tags = 0;
    export_hostile("graphml", &out);
    for (const char *at = (const char *)out.at; *at;) {
        if (*at == '<') {
            at = tag_read(at + 1, names, &depth);
            tags++;
            continue;
        }
        if (*at == '&')
            assert_true(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
                        strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&quot;", 6) == 0 ||
                        strncmp(at, "&apos;", 6) == 0 || strncmp(at, "&#", 2) == 0);
        assert_true((unsigned char)*at >= 0x20 || *at == '\n' || *at == '\t');
        assert_true((unsigned char)*at != 0xff);
        at++;
    }
    assert_int_equal(depth, 0);
    assert_true(tags > 60);
    btr_buffer_fini(&out);
}

/* ---- Text ---- */

static void text_holds_nothing_that_moves_a_terminal(void **state)
{
    (void)state;
    struct btr_buffer out = {0};
    export_hostile("text", &out);
    for (size_t i = 0; i < out.size; i++) {
        assert_true(out.at[i] >= 0x20 || out.at[i] == '\n');
        assert_true(out.at[i] != 0x7f && out.at[i] != 0xff);
    }
    assert_null(strstr((const char *)out.at, "\xe2\x80\xae"));
    assert_non_null(strstr((const char *)out.at, "\\u{202e}"));
    btr_buffer_fini(&out);
}

/* ---- All ---- */

static void the_same_question_gives_the_same_bytes(void **state)
{
    (void)state;
    for (const struct btr_export *e = btr_exports; e->name; e++) {
        struct btr_buffer once = {0}, again = {0};
        struct btr_answer_options options = {.strategy = BTR_SPAN("backtracker"), .no_stats = true};
        struct world w;
        struct world_answer a;
        hostile_world(&w);
        world_trace(&a, &w, 1, 100, BTR_WALK_BACKWARD, NULL, &options);
        world_export(&a, e->name, &once);
        world_answer_free(&a);
        options.wall_ns = 12345; /* another time, told nowhere */
        world_trace(&a, &w, 1, 100, BTR_WALK_BACKWARD, NULL, &options);
        world_export(&a, e->name, &again);
        world_answer_free(&a);
        world_close(&w);
        assert_int_equal(once.size, again.size);
        assert_memory_equal(once.at, again.at, once.size);
        btr_buffer_fini(&once);
        btr_buffer_fini(&again);
    }
}

static void evidence_is_the_first_and_the_last_unless_all_is_asked_for(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    struct btr_buffer out = {0};
    world_open(&w);
    for (int64_t i = 0; i < 5; i++)
        world_event(&w, 2, BTR_OP_WRITE, 1, i, i)->record_id = 700 + (uint64_t)i;
    world_publish(&w, "web01.log");
    const struct btr_answer_options options = {.strategy = BTR_SPAN("backtracker")};
    world_trace(&a, &w, 1, 100, BTR_WALK_BACKWARD, NULL, &options);
    world_export(&a, "json", &out);
    const char *text = (const char *)out.at;
    assert_non_null(strstr(text, "\"count\":5"));
    assert_non_null(strstr(text, "\"id\":\"700\",\"origin\":{\"file\":\"web01.log\",\"line\":1}"));
    assert_non_null(strstr(text, "\"id\":\"704\""));
    assert_null(strstr(text, "\"id\":\"702\""));
    world_answer_free(&a);
    world_trace(&a, &w, 1, 100, BTR_WALK_BACKWARD, NULL, NULL);
    world_export(&a, "json", &out);
    assert_non_null(strstr((const char *)out.at, "\"id\":\"702\""));
    world_answer_free(&a);
    world_close(&w);
    btr_buffer_fini(&out);
}

static void evidence_of_a_topic_names_partition_and_offset(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    struct btr_buffer out = {0};
    world_open(&w);
    world_event(&w, 2, BTR_OP_WRITE, 1, 5, 5)->record_id = 700;
    world_publish(&w, "audit-raw:3");
    world_trace(&a, &w, 1, 100, BTR_WALK_BACKWARD, NULL, NULL);
    world_export(&a, "json", &out);
    assert_non_null(strstr((const char *)out.at,
                           "\"origin\":{\"topic\":\"audit-raw\",\"partition\":3,\"offset\":1}"));
    world_answer_free(&a);
    world_close(&w);
    btr_buffer_fini(&out);
}

/* ---- Piece by piece ---- */

static struct btr_buffer taken;
static uint32_t takes, takes_max;

static bool take(struct btr_buffer *out)
{
    assert_true(takes < takes_max || takes - takes_max < 3); /* of what was refused, a little */
    if (takes < takes_max)
        btr_buffer_span(&taken, btr_buffer_view(out));
    btr_buffer_clear(out);
    return ++takes < takes_max;
}

/* Process 2 reads many files and writes 1. */
static void wide_world(struct world *w)
{
    world_open(w);
    for (uint64_t i = 0; i < 1500; i++)
        world_event(w, 2, BTR_OP_READ, 10 + i, (int64_t)i, (int64_t)i)->bytes = i * i * i * i * i;
    world_event(w, 2, BTR_OP_WRITE, 1, 2000, 2000);
    world_publish(w, "web01.log");
}

static void what_is_drained_piece_by_piece_is_the_whole(void **state)
{
    (void)state;
    struct world w;
    struct world_answer a;
    struct btr_buffer whole = {0}, rest = {0};
    wide_world(&w);
    for (const struct btr_export *e = btr_exports; e->name; e++) {
        struct btr_answer_options options = {.strategy = BTR_SPAN("backtracker"), .no_stats = true};
        world_trace(&a, &w, 1, 3000, BTR_WALK_BACKWARD, NULL, &options);
        world_export(&a, e->name, &whole);
        world_answer_free(&a);
        for (takes_max = UINT32_MAX; takes_max > 0; takes_max = takes_max > 2 ? 2 : takes_max - 1) {
            options.drain = take;
            takes = 0;
            btr_buffer_clear(&taken);
            world_trace(&a, &w, 1, 3000, BTR_WALK_BACKWARD, NULL, &options);
            world_export(&a, e->name, &rest);
            world_answer_free(&a);
            if (takes_max == UINT32_MAX) {
                btr_buffer_span(&taken, btr_buffer_view(&rest));
                assert_int_equal(taken.size, whole.size);
            }
            assert_true(takes > 0 || strcmp(e->name, "text") == 0);
            assert_true(taken.size <= whole.size);
            assert_memory_equal(taken.size ? taken.at : whole.at, whole.at, taken.size);
        }
    }
    world_close(&w);
    btr_buffer_fini(&taken);
    btr_buffer_fini(&whole);
    btr_buffer_fini(&rest);
}

static void numbers_and_ids_are_written_as_printf_does(void **state)
{
    (void)state;
    struct test_random random = {3};
    for (int i = 0; i < 20000; i++) {
        char expected[64];
        uint8_t written[64];
        uint64_t number = test_random_next(&random) >> test_random_below(&random, 64);
        number = i < 300 ? (uint64_t)i : i == 300 ? UINT64_MAX : number;
        int size = snprintf(expected, sizeof expected, "%llu", (unsigned long long)number);
        assert_ptr_equal(json_put_digits(written, number), written + size);
        assert_memory_equal(written, expected, (size_t)size);
        struct btr_id id = {number, test_random_next(&random)};
        btr_id_text(id, expected);
        assert_ptr_equal(json_put_id(written, id), written + 32);
        assert_memory_equal(written, expected, 32);
    }
}

int export_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_parses_and_gives_names_back_unchanged),
        cmocka_unit_test(dot_strings_are_closed_and_hold_no_control_bytes),
        cmocka_unit_test(graphml_is_well_formed),
        cmocka_unit_test(text_holds_nothing_that_moves_a_terminal),
        cmocka_unit_test(the_same_question_gives_the_same_bytes),
        cmocka_unit_test(evidence_is_the_first_and_the_last_unless_all_is_asked_for),
        cmocka_unit_test(evidence_of_a_topic_names_partition_and_offset),
        cmocka_unit_test(what_is_drained_piece_by_piece_is_the_whole),
        cmocka_unit_test(numbers_and_ids_are_written_as_printf_does),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
