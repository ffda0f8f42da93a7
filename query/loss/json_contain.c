/* "containment" of backtrail-loss/1 (docs/LOSS.md, "Containment"). */
#include "loss/contain.h"
#include "loss/json.h"

static void names_put(struct ledger_writer *l, const char *name, const uint32_t *nodes,
                      uint32_t count)
{
    const struct loss_containment *k = l->loss->after->containment;
    json_open(&l->w, name, '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct loss_hold *h = &k->holds[nodes[i]];
        btr_buffer_text(&l->words, h->kind == LOSS_HOLD_BEYOND ? "what may lie behind " : "");
        btr_buffer_span(&l->words, h->kind == LOSS_HOLD_BEYOND ? h->host : h->name);
        ledger_words(l, NULL);
    }
    json_close(&l->w, ']');
}

static int lead_put(struct ledger_writer *l, const struct loss_lead *lead)
{
    const struct loss_containment *k = l->loss->after->containment;
    json_open(&l->w, NULL, '{');
    loss_hold_words(&k->holds[lead->from], &l->words);
    ledger_words(l, "from");
    loss_hold_words(&k->holds[lead->to], &l->words);
    ledger_words(l, "to");
    json_text(&l->w, "why", btr_span_of(lead->why));
    json_open(&l->w, "evidence", '[');
    int rc = ledger_record(l, lead->ref);
    json_close(&l->w, ']');
    json_close(&l->w, '}');
    return rc;
}

static int step_put(struct ledger_writer *l, const struct loss_cut_step *step)
{
    const struct loss_containment *k = l->loss->after->containment;
    const struct loss_hold *h = &k->holds[step->hold];
    int rc = 0;
    json_newline(&l->w);
    json_open(&l->w, NULL, '{');
    json_text(&l->w, "kind", btr_span_of(loss_hold_word(h->kind)));
    json_text(&l->w, "host", h->host);
    json_text(&l->w, "name", h->name);
    json_text_if(&l->w, "from", h->from);
    if (!btr_id_is_none(h->entity) && h->kind != LOSS_HOLD_ACCOUNT)
        json_id(&l->w, "entity", h->entity);
    json_count(&l->w, "cost", loss_hold_cost(h->kind));
    loss_hold_deed(h, &l->words);
    ledger_words(l, "suggestion");
    names_put(l, "protects", step->assets, step->asset_count);
    json_open(&l->w, "path", '[');
    for (uint32_t i = 0; rc == 0 && i < step->path_count; i++)
        rc = lead_put(l, &k->leads[step->path[i]]);
    json_close(&l->w, ']');
    json_close(&l->w, '}');
    return rc;
}

int ledger_containment(struct ledger_writer *l)
{
    const struct loss_containment *k = l->loss->after->containment;
    int rc = 0;
    json_open(&l->w, "containment", '{');
    json_bool(&l->w, "complete", !k->cut);
    json_open(&l->w, "costs", '{');
    for (unsigned kind = 0; kind < LOSS_HOLD_CUTTABLE; kind++)
        json_count(&l->w, loss_hold_word(kind), loss_hold_cost(kind));
    json_close(&l->w, '}');
    json_count(&l->w, "cost", k->cost);
    json_open(&l->w, "steps", '[');
    for (uint32_t i = 0; rc == 0 && i < k->step_count; i++)
        rc = step_put(l, &k->steps[i]);
    json_close(&l->w, ']');
    names_put(l, "open", k->open, k->open_count);
    json_open(&l->w, "change", '[');
    for (uint32_t i = 0; i < l->loss->row_count; i++)
        if (loss_is_to_change(l->loss, i))
            json_text(&l->w, NULL, btr_assets_at(l->loss->options.assets, i)->name);
    json_close(&l->w, ']');
    json_close(&l->w, '}');
    return rc;
}
