/* One path, in order of time, grouped by host and process: each line says what that process did. */
#include <btr/escape.h>
#include <stdlib.h>

#include "text.h"

enum { STEPS_SHOWN = 60 };

/* What was printed last, so that headings come only where something changes. */
struct place {
    uint32_t actor; /* node, or ANSWER_NONE */
    struct btr_span host;
    char day[BTR_TIME_TEXT_SIZE];
};

struct step_view {
    const struct btr_trace_step *step;
    const struct btr_manner *manner;
    struct answer_cited cited; /* all that is alike between the same two */
    uint32_t actor, other;     /* nodes; actor ANSWER_NONE when no process acts */
};

/* A step of a path, and the node that has it. */
struct path_step {
    uint32_t step, node;
};

static bool is_process(const struct btr_answer *a, uint32_t node)
{
    return a->nodes[node].entity.kind == BTR_KIND_PROCESS;
}

/* Who did it: the subject, and where a flow goes both ways the process of the two. */
static int view_make(struct btr_answer *a, struct path_step at, struct step_view *v,
                     struct btr_err *err)
{
    const struct btr_trace_step *s = &a->trace->steps[at.step];
    *v = (struct step_view){.step = s, .manner = btr_step_manner(a->trace, s)};
    int rc = answer_edge_cite(a, at.node, at.step, &v->cited, err);
    if (rc < 0)
        return rc;
    uint32_t from = v->cited.edge.from, to = v->cited.edge.to;
    enum btr_direction direction = btr_operation_direction(v->manner->operation);
    bool turned = direction == BTR_FLOW_IN ||
                  (direction == BTR_FLOW_BOTH && !is_process(a, from) && is_process(a, to));
    v->actor = turned ? to : from;
    v->other = turned ? from : to;
    if (v->manner->pair || !is_process(a, v->actor))
        v->actor = ANSWER_NONE;
    return 0;
}

static void actor_say(const struct text_writer *w, struct place *place, uint32_t actor)
{
    if (actor == ANSWER_NONE || actor == place->actor)
        return;
    struct btr_span host = w->a->nodes[actor].entity.host;
    if (!btr_span_equal(host, place->host)) {
        btr_buffer_text(w->out, "  ");
        text_style(w, TEXT_BOLD);
        btr_escape_terminal(w->out, host.size ? host : BTR_SPAN("(no host)"));
        text_style(w, TEXT_PLAIN);
        btr_buffer_text(w->out, "\n");
        place->host = host;
    }
    btr_buffer_text(w->out, "    ");
    text_node(w, actor);
    btr_buffer_text(w->out, "\n");
    place->actor = actor;
}

/* "(1.2 MB in 14 writes)", of all steps alike between the same two. */
static void amount_say(const struct text_writer *w, const struct answer_edge *e)
{
    static const struct {
        uint8_t operation;
        const char *many;
    } NOUNS[] = {{BTR_OP_READ, "reads"},
                 {BTR_OP_WRITE, "writes"},
                 {BTR_OP_SEND, "sends"},
                 {BTR_OP_RECV, "receives"}};
    bool bytes = e->bytes != BTR_BYTES_UNKNOWN;
    if (e->pair || (!bytes && e->record_count < 2))
        return;
    const char *many = bytes ? "calls" : "times";
    for (size_t i = 0; i < sizeof NOUNS / sizeof *NOUNS; i++) {
        if (NOUNS[i].operation == e->operation && bytes)
            many = NOUNS[i].many;
    }
    btr_buffer_text(w->out, " (");
    if (bytes)
        query_bytes_text(w->out, e->bytes);
    if (e->record_count > 1) {
        btr_buffer_text(w->out, bytes ? " in " : "");
        text_count(w, e->record_count);
        btr_buffer_format(w->out, " %s", many);
    }
    if (e->thinned > 0) {
        btr_buffer_text(w->out, ", ");
        text_count(w, e->thinned);
        btr_buffer_text(w->out, " of them thinned");
    }
    btr_buffer_text(w->out, ")");
}

static void doubt_say(const struct text_writer *w, const struct answer_edge *e)
{
    struct btr_buffer words = {0};
    (void)answer_edge_doubt(w->a, e, &words);
    if (words.size) {
        text_style(w, TEXT_DOUBT);
        btr_buffer_text(w->out, "  [not certain: ");
        btr_escape_terminal(w->out, btr_buffer_view(&words));
        btr_buffer_text(w->out, "]");
        text_style(w, TEXT_PLAIN);
    }
    w->out->failed |= words.failed;
    btr_buffer_fini(&words);
}

static void time_say(const struct text_writer *w, const struct step_view *v)
{
    const struct btr_trace_step *s = v->step;
    text_style(w, TEXT_DIM);
    if (btr_manner_is_interval(v->manner) && s->first_ns != s->last_ns) {
        text_hour(w, answer_told(s->first_ns, v->cited.edge.ahead_ns));
        btr_buffer_text(w->out, " .. ");
    }
    text_hour(w, answer_told(s->last_ns, v->cited.edge.ahead_ns));
    text_style(w, TEXT_PLAIN);
    btr_buffer_text(w->out, "  ");
}

void text_record(const struct text_writer *w, const struct answer_record *record)
{
    static const char MARGIN[] = "          | ";
    struct btr_kept_place place = query_record_place(w->a, record);
    btr_shown_text(w->a->options.shown, &place, MARGIN, w->out);
    const struct answer_stand *stand = answer_stand_of(w->a, record);
    if (!stand)
        return;
    place = query_record_place(w->a, &stand->last);
    btr_shown_text(w->a->options.shown, &place, MARGIN, w->out);
}

/* The records that one step rests on; of those alike between the same two JSON shows more. */
static void records_say(const struct text_writer *w, uint32_t step,
                        const struct answer_cited *cited)
{
    uint32_t count = cited->count / cited->edge.step_count;
    if (!w->a->options.shown)
        return;
    const struct answer_record *records =
        cited->records + (size_t)(step - cited->edge.step_begin) * count;
    for (uint32_t i = 0; i < count; i++)
        text_record(w, &records[i]);
}

static int step_say(const struct text_writer *w, struct place *place, struct path_step step,
                    struct btr_err *err)
{
    struct step_view v;
    int rc = view_make(w->a, step, &v, err);
    if (rc < 0)
        return rc;
    const struct answer_edge *edge = &v.cited.edge;
    text_day(w, place->day, answer_told(v.step->last_ns, v.cited.edge.ahead_ns));
    actor_say(w, place, v.actor);
    btr_buffer_text(w->out, "      ");
    time_say(w, &v);
    const char *phrase = btr_operation_phrase(v.manner->operation);
    if (v.manner->pair) {
        btr_buffer_text(w->out, "the other end of it: ");
        text_node(w, edge->to);
    } else if (v.actor == ANSWER_NONE) {
        text_node(w, edge->from);
        btr_buffer_format(w->out, " %s ", phrase ? phrase : "to");
        text_node(w, edge->to);
    } else {
        btr_buffer_format(w->out, "%s ", phrase ? phrase : "touched");
        text_node(w, v.other);
    }
    amount_say(w, edge);
    doubt_say(w, edge);
    btr_buffer_text(w->out, "\n");
    records_say(w, step.step, &v.cited);
    free(v.cited.records);
    return 0;
}

/* Labels lead to the start; backward that is the order of time, forward the reverse. */
static struct path_step *steps_of(const struct btr_answer *a, const struct answer_entry *entry)
{
    struct path_step *steps = malloc(((size_t)entry->hops + 1) * sizeof *steps);
    uint32_t label = entry->label;
    for (uint32_t i = 0; steps && i < entry->hops; i++) {
        const struct answer_label *l = &a->paths.labels[label];
        uint32_t step = i == 0 ? answer_path_last(a, label) : l->step;
        steps[a->direction == BTR_WALK_BACKWARD ? i : entry->hops - 1 - i] =
            (struct path_step){step, a->paths.labels[l->previous].node};
        label = l->previous;
    }
    return steps;
}

int text_path(const struct text_writer *w, const struct answer_entry *entry, struct btr_err *err)
{
    struct place place = {.actor = ANSWER_NONE};
    int rc = 0;
    if (entry->label == ANSWER_NONE) {
        btr_buffer_text(w->out, "  no single path to it whose times are admissible\n");
        return 0;
    }
    struct path_step *steps = steps_of(w->a, entry);
    if (!steps)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as text");
    for (uint32_t i = 0; rc == 0 && i < entry->hops; i++) {
        if (entry->hops > STEPS_SHOWN && i == STEPS_SHOWN / 2) {
            i = entry->hops - STEPS_SHOWN / 2;
            btr_buffer_format(w->out, "      ... %u steps (all of them: --output json)\n",
                              (unsigned)(entry->hops - STEPS_SHOWN));
        }
        rc = step_say(w, &place, steps[i], err);
    }
    free(steps);
    return rc;
}
