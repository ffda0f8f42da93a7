#include "ledger.h"

#include "test.h"

void ledger_make(struct ledger *l, struct world *w, uint64_t start, int64_t at_ns,
                 const char *assets)
{
    static const struct btr_span SPEC = {(const uint8_t *)"process:web01/1", 15};
    struct btr_err err = {0};
    *l =
        (struct ledger){.start = {world_id(start), at_ns, UINT32_MAX}, .options = {.specs = &SPEC}};
    l->question = (struct btr_question){.reader = w->reader,
                                        .starts = &l->start,
                                        .start_count = 1,
                                        .direction = BTR_WALK_BACKWARD,
                                        .strategy = btr_strategy_find("critical")};
    assert_int_equal(btr_assets_read(&l->options.assets, btr_span_of(assets), "assets.yaml", &err),
                     0);
    assert_int_equal(btr_question_ask(&l->found, &l->question, &err), 0);
    if (btr_loss_find(&l->loss, &l->question, &l->found, &l->options, &err) != 0)
        fail_msg("%s", err.text);
}

void ledger_print(const struct ledger *l, struct btr_buffer *text, struct btr_buffer *json)
{
    struct btr_err err = {0};
    if (text) {
        assert_int_equal(btr_loss_text(l->loss, false, text, &err), 0);
        btr_buffer_u8(text, 0);
    }
    if (json) {
        assert_int_equal(btr_loss_json(l->loss, json, &err), 0);
        btr_buffer_u8(json, 0);
    }
}

void ledger_free(struct ledger *l)
{
    btr_loss_free(l->loss);
    btr_found_fini(&l->found);
    btr_assets_free(l->options.assets);
}
