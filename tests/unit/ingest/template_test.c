/* The decoder that new ones are copied from works, and the table of decoders answers. */
#include <btr/identity.h>

#include "decode/decoders.h"
#include "test.h"

struct world {
    struct btr_decoder_state *state;
    struct btr_batch batch;
    struct btr_arena *arena;
    struct btr_err err;
};

static void world_init(struct world *w)
{
    struct btr_decoder_config config = {.host = BTR_SPAN("web01")};
    *w = (struct world){.state = btr_decoder_template.state_new(&config),
                        .arena = btr_arena_new(1 << 20)};
    assert_true(w->state && w->arena);
    btr_batch_init(&w->batch);
}

static void world_fini(struct world *w)
{
    btr_decoder_template.state_free(w->state);
    btr_batch_fini(&w->batch);
    btr_arena_free(w->arena);
}

static int decode(struct world *w, struct btr_span line)
{
    w->batch.line++;
    return btr_decoder_template.decode(w->state, line, &w->batch, w->arena, &w->err);
}

static void a_line_becomes_an_event_and_its_entities(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    assert_int_equal(decode(&w, BTR_SPAN("1700000000.5 web01 42 write /tmp/a b")), 0);
    assert_int_equal(decode(&w, BTR_SPAN("1700000000.1 web01 42 read /etc/x")), 0);
    assert_int_equal(w.batch.event_count, 2);
    assert_int_equal(w.batch.note_count, 4);
    const struct btr_event *e = w.batch.events;
    assert_int_equal(e[0].operation, BTR_OP_WRITE);
    assert_true(btr_id_equal(
        e[0].object, btr_identity_file(BTR_SPAN("web01"), BTR_SPAN(""), BTR_SPAN("/tmp/a b"))));
    assert_int_equal(e[1].operation, BTR_OP_READ);
    assert_int_equal(e[1].first_ns,
                     e[0].first_ns + 1); /* the clock went back; the order does not */
    assert_int_equal(e[1].line, 2);
    world_fini(&w);
}

static void a_wrong_line_is_refused_and_tells_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "x",
                                        "1700000000 web01 42 write",
                                        "soon web01 42 write /a",
                                        "1700000000 web01 -1 write /a",
                                        "1700000000 web01 42 eat /a"};
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        assert_int_equal(decode(&w, btr_span_of(lines[i])), BTR_E_FORMAT);
    assert_int_equal(w.batch.event_count + w.batch.note_count, 0);
    world_fini(&w);
}

static void a_state_goes_on_where_it_was_saved(void **state)
{
    (void)state;
    struct world a, b;
    struct btr_buffer saved = {0};
    world_init(&a);
    world_init(&b);
    assert_int_equal(decode(&a, BTR_SPAN("1700000000 web01 42 write /a")), 0);
    assert_int_equal(btr_decoder_template.state_save(a.state, &saved), 0);
    for (size_t size = 0; size < saved.size; size++)
        assert_int_equal(
            btr_decoder_template.state_load(b.state, (struct btr_span){saved.at, size}, &b.err),
            BTR_E_FORMAT);
    assert_int_equal(btr_decoder_template.state_load(b.state, btr_buffer_view(&saved), &b.err), 0);
    assert_int_equal(decode(&b, BTR_SPAN("1600000000 web01 42 write /a")), 0);
    assert_int_equal(b.batch.events[0].first_ns, a.batch.events[0].first_ns + 1);
    btr_buffer_fini(&saved);
    world_fini(&a);
    world_fini(&b);
}

static void decoders_are_found_by_name_and_by_their_records(void **state)
{
    (void)state;
    const struct btr_span windows[] = {BTR_SPAN("{\"EventID\":1,\"Channel\":\"Security\"}")};
    const struct btr_span quoting[] = {
        BTR_SPAN("{\"EventID\":1,\"Channel\":\"x\",\"y\":\"type=CWD msg=audit(1.0:1): \"}")};
    const struct btr_span around[] = {BTR_SPAN(" {\"log\":\"type=CWD msg=audit(1.0:1): \"}")};
    const struct btr_span nothing[] = {BTR_SPAN("hello"), BTR_SPAN("")};
    assert_ptr_equal(btr_decoder_find(BTR_SPAN("winlog")), &btr_decoder_winlog);
    assert_null(btr_decoder_find(BTR_SPAN("no such format")));
    assert_null(btr_decoder_find(BTR_SPAN("template"))); /* it is no format of anybody */
    assert_ptr_equal(btr_decoder_detect(windows, 1), &btr_decoder_winlog);
    assert_ptr_equal(btr_decoder_detect(quoting, 1), &btr_decoder_winlog);
    assert_null(btr_decoder_detect(around, 1)); /* text of a record in JSON is no record */
    assert_null(btr_decoder_detect(nothing, 2));
    assert_null(btr_decoder_detect(nothing, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_an_event_and_its_entities),
        cmocka_unit_test(a_wrong_line_is_refused_and_tells_nothing),
        cmocka_unit_test(a_state_goes_on_where_it_was_saved),
        cmocka_unit_test(decoders_are_found_by_name_and_by_their_records),
    };
    return cmocka_run_group_tests_name("decoder_template", tests, NULL, NULL);
}
