/* All edges of an answer by the time of their first record, a line each. */
#include <stdlib.h>

#include "text.h"

enum { LINES_MAX = 10000, HOST_WIDTH = 12, NAME_WIDTH = 40 };

static bool is_process(const struct btr_answer *a, uint32_t node)
{
    return a->nodes[node].entity.kind == BTR_KIND_PROCESS;
}

/* Whether the subject is the one that it flowed to. */
static bool is_turned(const struct btr_answer *a, const struct answer_edge *e)
{
    enum btr_direction direction = btr_operation_direction(e->operation);
    return !e->pair &&
           (direction == BTR_FLOW_IN ||
            (direction == BTR_FLOW_BOTH && !is_process(a, e->from) && is_process(a, e->to)));
}

static void times_say(const struct text_writer *w, const struct answer_edge *e)
{
    text_style(w, TEXT_DIM);
    btr_buffer_text(w->out, "  ");
    text_hour(w, answer_told(e->first_ns, e->ahead_ns));
    if (e->last_ns - e->first_ns >= 1000000) {
        btr_buffer_text(w->out, " .. ");
        text_hour(w, answer_told(e->last_ns, e->ahead_ns));
        btr_buffer_text(w->out, e->ahead_ns ? TEXT_CLOCK_MARK " " : "  ");
    } else {
        btr_buffer_text(w->out, e->ahead_ns ? TEXT_CLOCK_MARK : " ");
        text_pad(w, 1, 18);
    }
    text_style(w, TEXT_PLAIN);
}

/* Where something passed, what only opened is left out, as in the story. */
static void phrase_make(const struct answer_edge *e, struct btr_buffer *out)
{
    uint64_t passed = e->operations & ~ANSWER_OPENS;
    if (e->pair)
        btr_buffer_text(out, "is one connection with ");
    else
        text_operations(out, passed ? passed : e->operations);
}

static void tail_make(const struct text_writer *w, const struct answer_edge *e,
                      struct text_doubts *doubts, bool *told, struct btr_buffer *out)
{
    const struct btr_answer *a = w->a;
    if (!e->pair)
        text_amount(out, e->bytes, e->record_count);
    if (e->thinned)
        btr_buffer_text(out, " thinned");
    (void)text_edge_doubt(w, out, doubts, e);
    for (int end = 0; end < 2; end++) { /* a node's stands with the first edge that tells of it */
        uint32_t node = end ? e->to : e->from;
        if (a->nodes[node].hole && !told[node])
            text_doubt(w, out, doubts, a->nodes[node].doubt);
        told[node] = true;
    }
    if (a->trace->nodes[e->from].start || a->trace->nodes[e->to].start)
        btr_buffer_text(out, "  <- alert");
}

static void edge_say(const struct text_writer *w, const struct answer_edge *e,
                     struct text_doubts *doubts, bool *told)
{
    enum { BEFORE = 46, LEAST = 24 }; /* columns before the names; of both names at least */
    bool turned = is_turned(w->a, e);
    uint32_t subject = turned ? e->to : e->from, object = turned ? e->from : e->to;
    struct btr_span host = w->a->nodes[subject].entity.host;
    struct btr_buffer phrase = {0}, tail = {0};
    phrase_make(e, &phrase);
    tail_make(w, e, doubts, told, &tail);
    uint32_t used = BEFORE + (uint32_t)phrase.size + 1 + (uint32_t)tail.size;
    uint32_t room = used + LEAST < TEXT_WIDTH ? TEXT_WIDTH - used : LEAST;
    times_say(w, e);
    text_pad(w, text_fit(w, host.size ? host : w->a->nodes[object].entity.host, HOST_WIDTH, false),
             HOST_WIDTH + 1);
    room -= text_name(w, subject, room / 2 < NAME_WIDTH ? room / 2 : NAME_WIDTH, false);
    btr_buffer_text(w->out, " ");
    btr_buffer_span(w->out, btr_buffer_view(&phrase));
    text_name(w, object, room, true);
    btr_buffer_span(w->out, btr_buffer_view(&tail));
    btr_buffer_text(w->out, "\n");
    w->out->failed |= tail.failed || phrase.failed;
    btr_buffer_fini(&phrase);
    btr_buffer_fini(&tail);
}

static void why_say(const struct text_writer *w, const struct answer_edge *e)
{
    const struct btr_trace_node *nodes = w->a->trace->nodes;
    const char *why = answer_why(w->a, e);
    if (why)
        btr_buffer_format(w->out, "      %.3f  %s\n",
                          answer_score(w->a, nodes[e->from].id, nodes[e->to].id), why);
}

int text_timeline(const struct text_writer *w, struct btr_err *err)
{
    struct btr_answer *a = w->a;
    char day[BTR_TIME_TEXT_SIZE] = "";
    struct text_doubts doubts = {.count = 0};
    int rc = answer_edges_need(a, err);
    if (rc < 0)
        return rc;
    bool *told = calloc((size_t)a->trace->node_count + 1, 1);
    if (!told)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as text");
    uint32_t shown = a->edge_count < LINES_MAX ? a->edge_count : LINES_MAX;
    uint32_t first = a->direction == BTR_WALK_BACKWARD ? a->edge_count - shown : 0;
    text_heading(w, "\nTimeline  ");
    text_number_of(w, a->edge_count, "step", "steps");
    if (shown < a->edge_count) {
        btr_buffer_format(w->out, "; CUT: the %s ", first ? "last" : "first");
        text_count(w, shown);
        btr_buffer_text(w->out, " are shown (all: --output json)");
    }
    btr_buffer_text(w->out, "\n");
    for (uint32_t i = first; i < first + shown && query_drain(a, w->out); i++) {
        struct answer_edge e = answer_edge_at(a, i);
        if (e.operations & ~ANSWER_OPENS)
            e.record_count = answer_edge_part(a, i, ~ANSWER_OPENS).record_count;
        text_day(w, day, answer_told(e.first_ns, e.ahead_ns));
        edge_say(w, &e, &doubts, told);
        why_say(w, &e);
    }
    text_doubts_say(w, &doubts);
    text_left_out(w);
    free(told);
    return 0;
}
