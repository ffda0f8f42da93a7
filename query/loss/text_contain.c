/* What to cut first, for people. */
#include <inttypes.h>

#include "export/text.h"
#include "loss/contain.h"

enum { ASSETS_TOLD = 6, WORDS_MAX = 160 };

/* A label may be as long as somebody likes. */
static void words_cut(struct btr_buffer *words, size_t begin)
{
    size_t end = begin + WORDS_MAX;
    if (words->size <= end)
        return;
    while (end > begin && (words->at[end] & 0xc0) == 0x80)
        end--;
    words->size = end;
    btr_buffer_text(words, "...");
}

static void assets_say(const struct loss_containment *k, const uint32_t *nodes, uint32_t count,
                       struct btr_buffer *words)
{
    for (uint32_t i = 0; i < count && i < ASSETS_TOLD; i++) {
        const struct loss_hold *h = &k->holds[nodes[i]];
        btr_buffer_text(words, i ? ", " : "");
        if (h->kind == LOSS_HOLD_BEYOND)
            btr_buffer_text(words, "what may lie behind ");
        btr_buffer_span(words, h->kind == LOSS_HOLD_BEYOND ? h->host : h->name);
    }
    if (count > ASSETS_TOLD)
        btr_buffer_format(words, " and %u more", count - ASSETS_TOLD);
}

/* "  1  web01      close tcp/80 to the outside", and why. */
static void step_say(const struct loss_containment *k, uint32_t number, struct btr_buffer *out,
                     struct btr_buffer *words)
{
    const struct loss_cut_step *step = &k->steps[number];
    const struct loss_hold *h = &k->holds[step->hold];
    struct text_writer w = {.out = out};
    btr_buffer_format(words, "%u. ", number + 1);
    btr_buffer_span(words, h->host);
    btr_buffer_text(words, ": ");
    size_t begin = words->size;
    loss_hold_deed(h, words);
    words_cut(words, begin);
    text_pad(&w, 0, 2);
    text_wrap(&w, btr_buffer_view(words), 2, 5);
    out->failed |= words->failed; /* what could not be said is not left out */
    btr_buffer_clear(words);
    for (uint32_t i = 0; i < step->path_count; i++) {
        const struct loss_lead *lead = &k->leads[step->path[i]];
        begin = words->size;
        if (i == 0)
            loss_hold_words(&k->holds[lead->from], words);
        btr_buffer_text(words, " -> ");
        loss_hold_words(&k->holds[lead->to], words);
        words_cut(words, begin);
    }
    loss_text_more(out, words);
    btr_buffer_text(words, "keeps from it: ");
    assets_say(k, step->assets, step->asset_count, words);
    loss_text_more(out, words);
}

/* Secrets that are out are of use elsewhere, whatever is cut. */
static void change_say(struct btr_loss *loss, struct btr_buffer *out, struct btr_buffer *words)
{
    bool any = false;
    for (uint32_t i = 0; i < loss->row_count; i++) {
        if (!loss_is_to_change(loss, i))
            continue;
        btr_buffer_text(words, any ? ", " : "whatever is cut, change what is out: ");
        btr_buffer_span(words, btr_assets_at(loss->options.assets, i)->name);
        any = true;
    }
    if (any)
        loss_text_more(out, words);
}

int loss_containment_text(struct btr_loss *loss, struct btr_buffer *out, struct btr_err *err)
{
    const struct loss_containment *k = loss->after->containment;
    struct btr_buffer words = {0};
    (void)err;
    btr_buffer_text(out, "\nWhat to cut first\n");
    if (k->step_count == 0)
        btr_buffer_text(out, "  no way is known from what the intrusion holds to an asset that is "
                             "not lost\n");
    for (uint32_t i = 0; i < k->step_count; i++)
        step_say(k, i, out, &words);
    if (k->step_count) {
        btr_buffer_format(&words, "no set costs less than these, %" PRIu64 ", where", k->cost);
        for (unsigned kind = 0; kind < LOSS_HOLD_CUTTABLE; kind++)
            btr_buffer_format(&words, "%s %s costs %u", kind ? "," : "", loss_hold_word(kind),
                              loss_hold_cost(kind));
        loss_text_more(out, &words);
    }
    change_say(loss, out, &words);
    if (!loss_came_in(loss))
        btr_buffer_text(out, "  NO WAY IN was found: what else the intrusion holds is not known\n");
    else if (k->cut)
        btr_buffer_text(out, "  NOT ALL was looked at or is known: there may be more ways\n");
    btr_buffer_fini(&words);
    return 0;
}
