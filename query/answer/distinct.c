/* How many events the steps of an answer rest on: one that flows both ways is two steps. */
#include <stdlib.h>

#include "parts.h"

/* A bit for each event of a segment, up to the greatest that is asked for. */
struct marks {
    uint64_t **words;   /* by segment; NULL: none of its events is marked */
    uint32_t *greatest; /* event of each segment */
    uint32_t segment_count;
    uint64_t count; /* of bits that are set */
};

typedef void ref_visit(struct marks *marks, btr_event_ref ref);

static uint32_t segment_of(btr_event_ref ref)
{
    return (uint32_t)(ref >> 32);
}

static void refs_visit(struct marks *marks, const struct btr_trace *t, ref_visit *visit)
{
    for (uint32_t i = 0; i < t->step_count; i++) {
        if (!btr_step_is_pair(&t->steps[i]))
            visit(marks, t->steps[i].ref);
    }
    for (uint32_t i = 0; i < t->pair_count; i++) {
        visit(marks, t->pairs[i].client_ref);
        visit(marks, t->pairs[i].server_ref);
    }
}

static void segment_see(struct marks *marks, btr_event_ref ref)
{
    if (segment_of(ref) >= marks->segment_count)
        marks->segment_count = segment_of(ref) + 1;
}

static void greatest_see(struct marks *marks, btr_event_ref ref)
{
    uint32_t *greatest = &marks->greatest[segment_of(ref)];
    *greatest = (uint32_t)ref > *greatest ? (uint32_t)ref : *greatest;
}

static void mark(struct marks *marks, btr_event_ref ref)
{
    uint64_t *word = &marks->words[segment_of(ref)][(uint32_t)ref / 64];
    uint64_t bit = UINT64_C(1) << ((uint32_t)ref % 64);
    marks->count += (*word & bit) == 0;
    *word |= bit;
}

static bool marks_make(struct marks *marks, const struct btr_trace *t)
{
    refs_visit(marks, t, segment_see);
    marks->greatest = calloc((size_t)marks->segment_count + 1, sizeof *marks->greatest);
    marks->words = calloc((size_t)marks->segment_count + 1, sizeof(uint64_t *));
    if (!marks->greatest || !marks->words)
        return false;
    refs_visit(marks, t, greatest_see);
    for (uint32_t i = 0; i < marks->segment_count; i++) {
        marks->words[i] = calloc((size_t)marks->greatest[i] / 64 + 1, sizeof(uint64_t));
        if (!marks->words[i])
            return false;
    }
    refs_visit(marks, t, mark);
    return true;
}

int answer_events_count(struct btr_answer *a, struct btr_err *err)
{
    struct marks marks = {0};
    bool made = marks_make(&marks, a->trace);
    a->event_count = marks.count;
    for (uint32_t i = 0; marks.words && i < marks.segment_count; i++)
        free(marks.words[i]);
    free(marks.words);
    free(marks.greatest);
    return made ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "events of the answer");
}
