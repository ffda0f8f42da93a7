/* "remaining" of backtrail-loss/1 (docs/LOSS.md, "What remains"). */
#include "loss/after.h"
#include "loss/json.h"

static int remain_put(struct ledger_writer *l, const struct loss_remain *r)
{
    json_newline(&l->w);
    json_open(&l->w, NULL, '{');
    json_text(&l->w, "host", r->host);
    json_text(&l->w, "path", r->path);
    json_text(&l->w, "kind", btr_span_of(r->kind));
    if (r->technique)
        json_text(&l->w, "technique", btr_span_of(r->technique));
    json_number(&l->w, "since_ns", r->at_ns);
    json_id(&l->w, "entity", r->entity);
    int rc = 0;
    if (!btr_id_is_none(r->process)) {
        json_id(&l->w, "process", r->process);
        rc = loss_label(l->loss, r->process, r->at_ns, &l->words, l->err);
        ledger_words(l, "by");
    }
    if (r->doubt)
        json_text(&l->w, "doubt", btr_span_of(r->doubt));
    json_open(&l->w, "evidence", '[');
    if (rc == 0)
        rc = ledger_record(l, r->ref);
    json_close(&l->w, ']');
    json_close(&l->w, '}');
    return rc;
}

int ledger_remaining(struct ledger_writer *l)
{
    const struct loss_after *after = l->loss->after;
    int rc = 0;
    json_open(&l->w, "remaining", '[');
    for (uint32_t i = 0; rc == 0 && i < after->remain_count; i++)
        rc = remain_put(l, &after->remains[i]);
    json_close(&l->w, ']');
    return rc;
}
