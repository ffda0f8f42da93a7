/* "erased" of backtrail-loss/1 (docs/LOSS.md, "Erased traces"). */
#include "loss/after.h"
#include "loss/json.h"

static int labels_put(struct ledger_writer *l, const char *name, const struct btr_id *ids,
                      uint32_t count, int64_t at_ns)
{
    int rc = 0;
    json_open(&l->w, name, '[');
    for (uint32_t i = 0; rc == 0 && i < count && i < LOSS_LINEAGE_TOLD; i++) {
        json_open(&l->w, NULL, '{');
        json_id(&l->w, "entity", ids[i]);
        rc = loss_label(l->loss, ids[i], at_ns, &l->words, l->err);
        ledger_words(l, "label");
        json_close(&l->w, '}');
    }
    json_close(&l->w, ']');
    return rc;
}

static int who_put(struct ledger_writer *l, const char *name, struct btr_id id, int64_t at_ns)
{
    if (btr_id_is_none(id))
        return 0;
    int rc = loss_label(l->loss, id, at_ns, &l->words, l->err);
    ledger_words(l, name);
    return rc;
}

static int lineage_put(struct ledger_writer *l, const struct loss_erasure *e)
{
    int rc = labels_put(l, "held_from", e->held, e->held_count, e->at_ns);
    json_count(&l->w, "held_from_count", e->held_count);
    if (rc == 0)
        rc = labels_put(l, "copies", e->copies, e->copy_count, e->at_ns);
    json_count(&l->w, "copy_count", e->copy_count);
    return rc;
}

static int erasure_put(struct ledger_writer *l, const struct loss_erasure *e)
{
    json_newline(&l->w);
    json_open(&l->w, NULL, '{');
    json_text(&l->w, "host", e->host);
    json_text_if(&l->w, "path", e->path);
    json_text(&l->w, "technique", btr_span_of(e->technique));
    json_text(&l->w, "how", btr_span_of(loss_deed_text(e->deed)));
    json_number(&l->w, "time_ns", e->at_ns);
    if (!btr_id_is_none(e->entity))
        json_id(&l->w, "entity", e->entity);
    if (!btr_id_is_none(e->process))
        json_id(&l->w, "process", e->process);
    int rc = who_put(l, "by", e->process, e->at_ns);
    if (rc == 0)
        rc = who_put(l, "written_by", e->writer, e->at_ns);
    if (rc == 0 && !e->temporary)
        rc = lineage_put(l, e);
    if (e->doubt)
        json_text(&l->w, "doubt", btr_span_of(e->doubt));
    json_open(&l->w, "evidence", '[');
    if (rc == 0)
        rc = ledger_record(l, e->ref);
    json_close(&l->w, ']');
    json_close(&l->w, '}');
    return rc;
}

static int list_put(struct ledger_writer *l, const char *name, bool temporary)
{
    const struct loss_after *after = l->loss->after;
    int rc = 0;
    json_open(&l->w, name, '[');
    for (uint32_t i = 0; rc == 0 && i < after->erasure_count; i++)
        if (after->erasures[i].temporary == temporary)
            rc = erasure_put(l, &after->erasures[i]);
    json_close(&l->w, ']');
    return rc;
}

int ledger_erased(struct ledger_writer *l)
{
    int rc = list_put(l, "erased", false);
    return rc == 0 ? list_put(l, "temporary", true) : rc;
}
