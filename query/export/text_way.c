/* Ways in as a strategy ranked them: those that differ in nothing that people look at are one. */
#include "../answer/story.h"
#include "text.h"

enum { NUMBERS_SHOWN = 8 };

struct way {
    uint32_t entry, alike; /* the best of them, and how many more */
};

static bool is_connection(const struct answer_entry *e)
{
    return e->rank >= ANSWER_RANK_FLOW;
}

/* Connections between the same two addresses. */
static bool way_alike(const struct btr_answer *a, const struct answer_entry *x,
                      const struct answer_entry *y)
{
    const struct answer_node *n = &a->nodes[x->node], *m = &a->nodes[y->node];
    if (x->node == y->node)
        return true;
    return x->rank == y->rank && is_connection(x) &&
           answer_addresses_alike(&n->entity, n->seen_ns, &m->entity, m->seen_ns);
}

static uint32_t ways_pick(const struct btr_answer *a, struct way ways[TEXT_WAYS])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->entry_count && a->entries[i].score > 0; i++) {
        uint32_t k = 0;
        while (k < count && !way_alike(a, &a->entries[ways[k].entry], &a->entries[i]))
            k++;
        if (k < count)
            ways[k].alike++;
        else if (count < TEXT_WAYS)
            ways[count++] = (struct way){i, 0};
    }
    return count;
}

static bool way_has(const struct btr_answer *a, const struct way *way, uint32_t node)
{
    for (uint32_t i = 0; i < a->entry_count; i++)
        if (a->entries[i].node == node && way_alike(a, &a->entries[way->entry], &a->entries[i]))
            return true;
    return false;
}

/* The told steps that begin (forward: end) at a way. */
static void numbers_say(const struct text_writer *w, const struct story *story,
                        const struct way *way)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < story->told_count; i++) {
        const struct story_step *s = &story->steps[story->told[i]];
        if (!way_has(w->a, way, w->a->direction == BTR_WALK_BACKWARD ? s->from : s->to))
            continue;
        if (count < NUMBERS_SHOWN)
            btr_buffer_format(w->out, "%s%u", count ? ", " : "; step ", (unsigned)s->number);
        else if (count == NUMBERS_SHOWN)
            btr_buffer_text(w->out, ", ...");
        count++;
    }
}

static void way_say(const struct text_writer *w, const struct story *story, const struct way *way,
                    uint32_t number)
{
    enum { INDENT = 11, ID = 37 };
    const struct answer_entry *e = &w->a->entries[way->entry];
    struct btr_span host = w->a->nodes[e->node].entity.host;
    btr_buffer_format(w->out, "  %u  %-5.3f  ", (unsigned)number, e->score);
    uint32_t used = INDENT;
    if (host.size) {
        used += text_fit(w, host, 16, false) + 2;
        btr_buffer_text(w->out, "  ");
    }
    text_name(w, e->node, TEXT_WIDTH - ID - used, true);
    btr_buffer_text(w->out, "  ");
    text_id(w, e->node);
    btr_buffer_format(w->out, "\n            %s", e->why);
    if (way->alike) {
        btr_buffer_text(w->out, "; ");
        text_number_of(w, way->alike, "more like it", "more like it");
    }
    numbers_say(w, story, way);
    btr_buffer_text(w->out, "\n");
    text_node_doubt(w, e->node);
}

/* Those that have no steps in the story. */
static void rivals_say(const struct text_writer *w)
{
    enum { INDENT = 11, ID = 37 };
    const struct btr_answer *a = w->a;
    char hex[BTR_ID_TEXT_SIZE];
    if (a->rival_count)
        btr_buffer_text(w->out, "  weighed as well, and not shown (trace --between SPEC ALERT "
                                "tells how one leads there)\n");
    for (uint32_t i = 0; i < a->rival_count; i++) {
        const struct answer_rival *r = &a->rivals[i];
        uint32_t used = INDENT;
        btr_buffer_format(w->out, "     %-5.3f  ", r->score);
        if (r->entity.host.size) {
            used += text_fit(w, r->entity.host, 16, false) + 2;
            btr_buffer_text(w->out, "  ");
        }
        (void)text_fit(w, r->label, TEXT_WIDTH - ID - used, true);
        btr_id_text(r->entity.id, hex);
        btr_buffer_format(w->out, "  id:%s\n", hex);
    }
}

void text_ways(const struct text_writer *w, const struct story *story, uint32_t *first)
{
    struct way ways[TEXT_WAYS];
    bool backward = w->a->direction == BTR_WALK_BACKWARD;
    uint32_t count = ways_pick(w->a, ways), told = 0;
    *first = count ? w->a->entries[ways[0].entry].node : ANSWER_NONE;
    if (count == 0) {
        text_heading(w, backward ? "\nNo way in" : "\nNo way out");
        btr_buffer_text(w->out, backward
                                    ? ": nothing in the records leads to the alert\n"
                                    : ": no connection to an end without records was reached\n");
        rivals_say(w);
        return;
    }
    text_heading(w, backward ? "\nWays in considered" : "\nWays out considered");
    btr_buffer_text(w->out, ", the most likely first\n");
    for (uint32_t i = 0; i < count; i++) {
        way_say(w, story, &ways[i], i + 1);
        told += 1 + ways[i].alike;
    }
    if (told < w->a->entry_count) {
        btr_buffer_text(w->out, "  and ");
        text_number_of(w, w->a->entry_count - told, "other that may have brought it",
                       "others that may have brought it");
        btr_buffer_text(w->out, " (--output json)\n");
    }
    rivals_say(w);
}
