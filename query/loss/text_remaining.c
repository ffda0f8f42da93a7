/* What remains, for people. */
#include "export/text.h"
#include "loss/after.h"

static int remain_say(struct btr_loss *loss, const struct loss_remain *r, struct btr_buffer *out,
                      struct btr_buffer *words, struct btr_err *err)
{
    int rc = 0;
    loss_text_head(loss, out, r->at_ns, r->host, r->path);
    btr_buffer_text(words, r->kind);
    if (r->technique)
        btr_buffer_format(words, " (%s)", r->technique);
    if (r->technique && !btr_id_is_none(r->process)) {
        btr_buffer_text(words, " left by ");
        rc = loss_short_label(loss, r->process, r->at_ns, words, err);
    }
    if (r->doubt)
        btr_buffer_format(words, "; %s", r->doubt);
    loss_text_more(out, words);
    return rc;
}

int loss_remaining_text(struct btr_loss *loss, struct btr_buffer *out, struct btr_err *err)
{
    const struct loss_after *after = loss->after;
    struct btr_buffer words = {0};
    int rc = 0;
    if (after->remain_count)
        btr_buffer_text(out, "\nStill there at the end of the records\n");
    for (uint32_t i = 0; rc == 0 && i < after->remain_count; i++)
        rc = remain_say(loss, &after->remains[i], out, &words, err);
    btr_buffer_fini(&words);
    return rc;
}
