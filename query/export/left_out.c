/* What a strategy left out of an answer, the best of it first, and why (--explain). */
#include "exports.h"
#include "json_writer.h"
#include "text.h"

enum { LINES_MAX = 20, FROM_WIDTH = 44, TO_WIDTH = 50 };

static const struct btr_kept_pairs *left_of(const struct btr_answer *a)
{
    const struct btr_kept_pairs *kept = a->options.explain ? a->options.kept : NULL;
    return kept && kept->left_out ? kept : NULL;
}

static uint64_t all_of(const struct btr_kept_pairs *kept)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < BTR_LEFT_WHY_COUNT; i++)
        all += kept->left_out_all[i];
    return all;
}

/* Most of them are no nodes of the answer: they are asked for. */
static void label_make(const struct btr_answer *a, struct btr_id id, struct btr_buffer *out)
{
    struct btr_entity entity = {.id = id};
    char text[BTR_ID_TEXT_SIZE];
    btr_buffer_clear(out);
    if (btr_reader_entity(a->reader, id, a->arena, &entity, NULL) == 0)
        btr_entity_label(out, &entity, a->last_ns);
    btr_id_text(id, text);
    if (out->size == 0)
        btr_buffer_format(out, "id:%s", text);
}

/* ---- JSON ---- */

static void pair_json(struct json_writer *w, const struct btr_answer *a,
                      const struct btr_left_pair *pair, struct btr_buffer *label)
{
    json_newline(w);
    json_open(w, NULL, '{');
    json_id(w, "from", pair->from);
    label_make(a, pair->from, label);
    json_text(w, "from_label", btr_buffer_view(label));
    json_id(w, "to", pair->to);
    label_make(a, pair->to, label);
    json_text(w, "to_label", btr_buffer_view(label));
    json_real(w, "score", pair->score);
    json_text(w, "why", btr_span_of(btr_left_why_text(pair->why)));
    json_close(w, '}');
}

void query_json_left_out(struct json_writer *w, const struct btr_answer *a)
{
    const struct btr_kept_pairs *kept = left_of(a);
    struct btr_buffer label = {0};
    if (!kept)
        return;
    json_open(w, "left_out", '{');
    json_count(w, "pairs", all_of(kept));
    json_open(w, "best", '[');
    for (uint32_t i = 0; i < kept->left_out_count; i++)
        pair_json(w, a, &kept->left_out[i], &label);
    json_close(w, ']');
    json_close(w, '}');
    w->out->failed |= label.failed;
    btr_buffer_fini(&label);
}

/* ---- Text ---- */

static void pair_say(const struct text_writer *w, const struct btr_left_pair *pair,
                     struct btr_buffer *label)
{
    btr_buffer_format(w->out, "  %.3f  ", pair->score);
    label_make(w->a, pair->from, label);
    text_pad(w, text_fit(w, btr_buffer_view(label), FROM_WIDTH, false), FROM_WIDTH);
    btr_buffer_text(w->out, " -> ");
    label_make(w->a, pair->to, label);
    text_fit(w, btr_buffer_view(label), TO_WIDTH, false);
    btr_buffer_format(w->out, "\n         %s\n", btr_left_why_text(pair->why));
}

void text_left_out(const struct text_writer *w)
{
    const struct btr_kept_pairs *kept = left_of(w->a);
    struct btr_buffer label = {0};
    if (!kept)
        return;
    text_heading(w, "\nLeft out  ");
    text_number_of(w, all_of(kept), "pair of entities", "pairs of entities");
    btr_buffer_text(w->out, " that the walk had come to\n");
    for (unsigned i = 0; i < BTR_LEFT_WHY_COUNT; i++) {
        btr_buffer_text(w->out, "  ");
        text_count(w, kept->left_out_all[i]);
        btr_buffer_format(w->out, ": %s\n", btr_left_why_text((uint8_t)i));
    }
    uint32_t shown = kept->left_out_count < LINES_MAX ? kept->left_out_count : LINES_MAX;
    if (shown > 0)
        btr_buffer_text(w->out, "  those of the best paths from the alert:\n");
    for (uint32_t i = 0; i < shown; i++)
        pair_say(w, &kept->left_out[i], &label);
    w->out->failed |= label.failed;
    btr_buffer_fini(&label);
}
