/* The traces that were erased, for people. */
#include <btr/answer.h>

#include "export/text.h"
#include "loss/after.h"

enum { LABEL_BYTES = 100, HOST_COLUMNS = 10, TEMPORARY_TOLD = 20 };

void loss_text_head(const struct btr_loss *loss, struct btr_buffer *out, int64_t at_ns,
                    struct btr_span host, struct btr_span name)
{
    struct text_writer w = {.out = out};
    btr_buffer_text(out, "  ");
    loss_time(loss, at_ns, out);
    btr_buffer_text(out, "  ");
    uint32_t used = text_fit(&w, host, HOST_COLUMNS, false);
    text_pad(&w, used, HOST_COLUMNS);
    btr_buffer_u8(out, ' ');
    text_fit(&w, name, TEXT_WIDTH - HOST_COLUMNS - LOSS_TEXT_INDENT - 3, true);
    btr_buffer_u8(out, '\n');
}

void loss_text_more(struct btr_buffer *out, struct btr_buffer *words)
{
    struct text_writer w = {.out = out};
    text_pad(&w, 0, LOSS_TEXT_INDENT);
    text_wrap(&w, btr_buffer_view(words), LOSS_TEXT_INDENT, LOSS_TEXT_INDENT + 2);
    out->failed |= words->failed;
    btr_buffer_clear(words);
}

int loss_short_label(struct btr_loss *loss, struct btr_id id, int64_t at_ns, struct btr_buffer *out,
                     struct btr_err *err)
{
    struct btr_entity e;
    struct loss_end end = {{0}, {0}};
    struct btr_buffer label = {0};
    uint32_t piece = btr_idmap_get(&loss->of_piece, id);
    if (piece != LOSS_NONE) {
        btr_buffer_span(out, btr_assets_at(loss->options.assets, loss->pieces[piece].asset)->name);
        return 0;
    }
    int rc = loss_entity(loss, id, &e, err);
    if (rc == 0)
        rc = loss_far_end(loss, &e, &end, err);
    if (rc < 0)
        return rc;
    if (end.ip.size) {
        btr_buffer_span(out, end.ip);
        if (end.port.size) {
            btr_buffer_u8(out, ':');
            btr_buffer_span(out, end.port);
        }
        return 0;
    }
    btr_entity_label(&label, &e, at_ns);
    size_t size = label.size < LABEL_BYTES ? label.size : LABEL_BYTES;
    while (size < label.size && size > 0 && (label.at[size] & 0xc0) == 0x80)
        size--;
    btr_buffer_put(out, label.at, size);
    btr_buffer_text(out, size < label.size ? "..." : "");
    out->failed |= label.failed;
    btr_buffer_fini(&label);
    return 0;
}

/* "from A, B and 3 more" */
static int list_say(struct btr_loss *loss, const struct btr_id *ids, uint32_t count, int64_t at_ns,
                    struct btr_buffer *words, struct btr_err *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count && i < LOSS_LINEAGE_TOLD; i++) {
        btr_buffer_text(words, i ? ", " : "");
        rc = loss_short_label(loss, ids[i], at_ns, words, err);
    }
    if (count > LOSS_LINEAGE_TOLD)
        btr_buffer_format(words, " and %u more", count - LOSS_LINEAGE_TOLD);
    return rc;
}

static int lineage_say(struct btr_loss *loss, const struct loss_erasure *e, struct btr_buffer *out,
                       struct btr_buffer *words, struct btr_err *err)
{
    int rc = 0;
    if (!btr_id_is_none(e->writer)) {
        btr_buffer_text(words, "it held what this wrote: ");
        rc = loss_short_label(loss, e->writer, e->at_ns, words, err);
        loss_text_more(out, words);
    }
    if (rc == 0 && e->held_count) {
        btr_buffer_text(words, "that can have come from ");
        rc = list_say(loss, e->held, e->held_count, e->at_ns, words, err);
        loss_text_more(out, words);
    }
    if (rc == 0 && e->copy_count) {
        btr_buffer_text(words, "what it held can have gone to ");
        rc = list_say(loss, e->copies, e->copy_count, e->at_ns, words, err);
        loss_text_more(out, words);
    }
    return rc;
}

static int erasure_say(struct btr_loss *loss, const struct loss_erasure *e, struct btr_buffer *out,
                       struct btr_buffer *words, struct btr_err *err)
{
    int rc = 0;
    loss_text_head(loss, out, e->at_ns, e->host,
                   e->path.size ? e->path : BTR_SPAN("(the records of this host)"));
    btr_buffer_format(words, "%s (%s)", loss_deed_text(e->deed), e->technique);
    if (!btr_id_is_none(e->process)) {
        btr_buffer_text(words, " by ");
        rc = loss_short_label(loss, e->process, e->at_ns, words, err);
    }
    loss_text_more(out, words);
    if (rc == 0)
        rc = lineage_say(loss, e, out, words, err);
    if (e->doubt) {
        btr_buffer_format(words, "not certain: %s", e->doubt);
        loss_text_more(out, words);
    }
    return rc;
}

static int list_of(struct btr_loss *loss, const char *heading, bool temporary,
                   struct btr_buffer *out, struct btr_err *err)
{
    const struct loss_after *after = loss->after;
    struct btr_buffer words = {0};
    uint32_t told = 0, most = temporary ? TEMPORARY_TOLD : UINT32_MAX;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < after->erasure_count; i++) {
        if (after->erasures[i].temporary != temporary)
            continue;
        if (told == 0)
            btr_buffer_text(out, heading);
        if (told++ < most)
            rc = erasure_say(loss, &after->erasures[i], out, &words, err);
    }
    if (told > most)
        btr_buffer_format(out, "  and %u more (--output json)\n", told - most);
    btr_buffer_fini(&words);
    return rc;
}

int loss_erased_text(struct btr_loss *loss, struct btr_buffer *out, struct btr_err *err)
{
    int rc = list_of(loss, "\nErased traces\n", false, out, err);
    return rc == 0 ? list_of(loss, "\nTemporary files of its programs, removed by themselves\n",
                             true, out, err)
                   : rc;
}
