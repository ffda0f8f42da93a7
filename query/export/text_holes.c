/* What the head of a story says of holes in the records. */
#include <btr/escape.h>
#include <stdlib.h>

#include "../answer/holes.h"
#include "../answer/story.h"
#include "text.h"

enum { NUMBERS_SHOWN = 12, HOSTS_SHOWN = 3 };

/* Whether a step stands on a hole, or is the first to tell of something that does. */
static bool stands_on_hole(const struct btr_answer *a, const struct story_step *s, bool *seen)
{
    const uint32_t nodes[] = {s->from, s->via, s->to};
    bool hole = s->hole != ANSWER_NONE;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        if (nodes[i] == ANSWER_NONE)
            continue;
        hole |= a->nodes[nodes[i]].hole && !seen[nodes[i]];
        seen[nodes[i]] = true;
    }
    return hole;
}

/* "4 of them stand on a hole in the records: 1, 2, 3, 6" */
static void steps_say(const struct text_writer *w, const struct story *s)
{
    bool *seen = calloc((size_t)s->a->trace->node_count + 1, 1);
    struct btr_buffer numbers = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; seen && i < s->told_count; i++) {
        if (!stands_on_hole(s->a, &s->steps[s->told[i]], seen))
            continue;
        if (count < NUMBERS_SHOWN)
            btr_buffer_format(&numbers, "%s%u", count ? ", " : "", (unsigned)i + 1);
        count++;
    }
    if (count) {
        btr_buffer_format(w->out, "          %u of %s on a hole in the records: ", (unsigned)count,
                          count == 1 ? "them stands" : "them stand");
        btr_buffer_span(w->out, btr_buffer_view(&numbers));
        btr_buffer_text(w->out, count > NUMBERS_SHOWN ? ", ...\n" : "\n");
    }
    w->out->failed |= numbers.failed || !seen;
    btr_buffer_fini(&numbers);
    free(seen);
}

static bool is_told_of(const struct story *s, struct btr_span host)
{
    for (uint32_t i = 0; i < s->told_count; i++) {
        const struct story_step *step = &s->steps[s->told[i]];
        if (btr_span_equal(s->a->nodes[step->from].entity.host, host) ||
            btr_span_equal(s->a->nodes[step->to].entity.host, host))
            return true;
    }
    return false;
}

/* What the hosts of the story lack in its time; where they share a counter the same is told once.
 */
static void lacks_say(const struct text_writer *w, const struct story *s)
{
    const struct btr_answer *a = w->a;
    const struct answer_hole *last = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->holes.host_count && count < HOSTS_SHOWN; i++) {
        const struct answer_hole_host *host = &a->holes.hosts[i];
        int64_t last_ns = answer_host_told(a, host->host, a->last_ns);
        struct holes_lack lack =
            holes_between(&a->holes, host, answer_host_told(a, host->host, a->first_ns), last_ns);
        struct btr_buffer words = {0};
        if (!lack.nearest || !is_told_of(s, host->host) ||
            (last && holes_shared(last, lack.nearest)))
            continue;
        last = lack.nearest;
        count++;
        holes_stretch_words(&words, host->host, &lack, last_ns);
        btr_buffer_text(w->out, "          ");
        btr_escape_terminal(w->out, btr_buffer_view(&words));
        btr_buffer_text(w->out, ": steps may be missing\n");
        w->out->failed |= words.failed;
        btr_buffer_fini(&words);
    }
}

void text_story_holes(const struct text_writer *w, const struct story *story)
{
    if (w->a->holes.hole_count == 0)
        return;
    text_style(w, TEXT_DOUBT);
    steps_say(w, story);
    lacks_say(w, story);
    text_style(w, TEXT_PLAIN);
}
