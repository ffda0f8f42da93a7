/* The tables of the event model, and batches. */
#include <btr/event.h>

#include "test.h"
#include "test_random.h"

static void every_kind_is_found_by_its_word(void **state)
{
    (void)state;
    for (unsigned kind = 1; kind <= BTR_KIND_MAX; kind++) {
        assert_non_null(btr_kind_word(kind));
        assert_int_equal(btr_kind_find(btr_span_of(btr_kind_word(kind))), kind);
    }
    assert_null(btr_kind_word(0));
    assert_null(btr_kind_word(BTR_KIND_MAX + 1));
    assert_int_equal(btr_kind_find(BTR_SPAN("Process")), BTR_KIND_NONE);
    assert_int_equal(btr_kind_find(BTR_SPAN("")), BTR_KIND_NONE);
}

static void every_attribute_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned key = 1; key <= BTR_ATTR_MAX; key++) {
        assert_non_null(btr_attr_name(key));
        assert_int_equal(btr_attr_find(btr_span_of(btr_attr_name(key))), key);
    }
    assert_null(btr_attr_name(UINT32_MAX));
    assert_int_equal(btr_attr_find(BTR_SPAN("process.pid ")), BTR_ATTR_NONE);
}

static void every_operation_has_word_phrase_and_direction(void **state)
{
    (void)state;
    for (unsigned op = 1; op <= BTR_OP_MAX; op++) {
        assert_non_null(btr_operation_word(op));
        assert_non_null(btr_operation_phrase(op));
        assert_int_equal(btr_operation_find(btr_span_of(btr_operation_word(op))), op);
    }
    assert_int_equal(btr_operation_direction(BTR_OP_READ), BTR_FLOW_IN);
    assert_int_equal(btr_operation_direction(BTR_OP_WRITE), BTR_FLOW_OUT);
    assert_int_equal(btr_operation_direction(BTR_OP_MEET_CLIENT), BTR_FLOW_MEET);
    assert_int_equal(btr_operation_direction(BTR_OP_MAX + 1), BTR_FLOW_NONE);
    assert_null(btr_operation_word(BTR_OP_MAX + 1));
    assert_null(btr_operation_phrase(0));
}

static void doubts_and_gaps_have_texts(void **state)
{
    (void)state;
    for (unsigned doubt = 1; doubt <= BTR_DOUBT_MAX; doubt++)
        assert_non_null(btr_doubt_text(doubt));
    for (unsigned gap = 1; gap <= BTR_GAP_MAX; gap++) {
        assert_non_null(btr_gap_text(gap));
        assert_non_null(btr_gap_word(gap));
    }
    assert_null(btr_doubt_text(BTR_DOUBT_NONE));
    assert_null(btr_gap_text(BTR_GAP_MAX + 1));
    assert_null(btr_gap_word(BTR_GAP_NONE));
}

static void a_batch_grows_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct btr_batch batch;
    btr_batch_init(&batch);
    for (uint32_t i = 0; i < 1000; i++) {
        struct btr_event *event = btr_batch_event(&batch);
        assert_true(event->line == 0 && event->operation == 0);
        event->line = i;
        struct btr_note *note = btr_batch_note(&batch);
        note->host = i;
        assert_true(btr_batch_attr(&batch, BTR_ATTR_FILE_PATH, i, BTR_SPAN("/x")));
        assert_true(btr_batch_attr(&batch, BTR_ATTR_FILE_MODE, i, BTR_SPAN(""))); /* left out */
        assert_true(btr_batch_attr(&batch, BTR_ATTR_USER_ID, i, BTR_SPAN("0")));
        btr_batch_gap(&batch)->count = i;
        btr_batch_quarantine(&batch)->line = i;
    }
    assert_int_equal(batch.attr_count, 2000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(batch.events[i].line == i && batch.gaps[i].count == i &&
                    batch.quarantined[i].line == i);
        assert_true(batch.notes[i].host == i && batch.notes[i].attr_first == 2 * i);
        assert_int_equal(batch.notes[i].attr_count, 2);
        assert_int_equal(batch.attrs[2 * i + 1].key, BTR_ATTR_USER_ID);
    }
    btr_batch_fini(&batch);
}

static void a_cleared_batch_is_empty_and_keeps_epoch_and_input(void **state)
{
    (void)state;
    struct btr_batch batch;
    btr_batch_init(&batch);
    batch.epoch = 3;
    batch.input = 4;
    batch.record_count = 5;
    btr_batch_event(&batch);
    btr_batch_stream(&batch, BTR_SPAN("a"), BTR_SPAN("b"));
    btr_batch_clear(&batch);
    assert_true(batch.event_count == 0 && batch.stream_count == 0 && batch.record_count == 0);
    assert_true(batch.epoch == 3 && batch.input == 4 && batch.event_capacity > 0);
    btr_batch_fini(&batch);
}

static void streams_and_names_are_found_again(void **state)
{
    (void)state;
    struct btr_batch batch;
    btr_batch_init(&batch);
    assert_int_equal(btr_batch_stream(&batch, BTR_SPAN("a"), BTR_SPAN("auditd")), 0);
    assert_int_equal(btr_batch_stream(&batch, BTR_SPAN("b"), BTR_SPAN("auditd")), 1);
    assert_int_equal(btr_batch_stream(&batch, BTR_SPAN("a"), BTR_SPAN("Security")), 2);
    assert_int_equal(btr_batch_stream(&batch, BTR_SPAN("a"), BTR_SPAN("auditd")), 0);
    assert_int_equal(btr_batch_name(&batch, BTR_SPAN("a")), 0);
    assert_int_equal(btr_batch_name(&batch, BTR_SPAN("")), 1);
    assert_int_equal(btr_batch_name(&batch, BTR_SPAN("a")), 0);
    btr_batch_fini(&batch);
}

/* Of any number of streams and names each has one index, in the order in which they came. */
static void many_streams_and_names_are_found(void **state)
{
    (void)state;
    enum { KINDS = 700, ROUNDS = 6, ASKED = 4000 };
    static char texts[KINDS][8];
    struct test_random r = {20261130};
    struct btr_batch batch;
    btr_batch_init(&batch);
    for (unsigned i = 0; i < KINDS; i++)
        (void)snprintf(texts[i], sizeof texts[i], "%u", i);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint32_t streams[KINDS], names[KINDS], stream_count = 0, name_count = 0;
        unsigned kinds = round % 3 == 0 ? KINDS : round % 3 == 1 ? 17 : 16;
        memset(streams, 0xff, sizeof streams);
        memset(names, 0xff, sizeof names);
        for (unsigned n = 0; n < ASKED; n++) {
            unsigned i = (unsigned)test_random_below(&r, kinds);
            struct btr_span host = btr_span_of(texts[i / 3]), source = btr_span_of(texts[i % 3]);
            streams[i] = streams[i] == UINT32_MAX ? stream_count++ : streams[i];
            names[i] = names[i] == UINT32_MAX ? name_count++ : names[i];
            assert_int_equal(btr_batch_stream(&batch, host, source), streams[i]);
            assert_int_equal(btr_batch_name(&batch, btr_span_of(texts[i])), names[i]);
        }
        assert_int_equal(batch.stream_count, stream_count);
        assert_int_equal(batch.name_count, name_count);
        btr_batch_clear(&batch);
    }
    btr_batch_fini(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_streams_and_names_are_found),
        cmocka_unit_test(every_kind_is_found_by_its_word),
        cmocka_unit_test(every_attribute_is_found_by_its_name),
        cmocka_unit_test(every_operation_has_word_phrase_and_direction),
        cmocka_unit_test(doubts_and_gaps_have_texts),
        cmocka_unit_test(a_batch_grows_and_keeps_what_it_has),
        cmocka_unit_test(a_cleared_batch_is_empty_and_keeps_epoch_and_input),
        cmocka_unit_test(streams_and_names_are_found_again),
    };
    return cmocka_run_group_tests_name("base_event", tests, NULL, NULL);
}
