/* backtrail-trace/1, the contract with scripts (docs/man/backtrail-trace.1, "JSON"). */
#include <btr/damage.h>
#include <stdlib.h>

#include "entity_json.h"
#include "exports.h"

static void id_text(struct json_writer *w, const char *name, struct btr_id id)
{
    char text[BTR_ID_TEXT_SIZE];
    btr_id_text(id, text);
    json_text(w, name, btr_span_of(text));
}

static void start(struct json_writer *w, const char *name, const struct btr_answer *a, uint32_t i)
{
    json_open(w, name, '{');
    id_text(w, "entity", a->starts[i].entity);
    json_number(w, "time_ns", a->starts[i].time_ns);
    json_text(w, "spec", a->options.specs ? a->options.specs[i] : (struct btr_span){0});
    json_close(w, '}');
}

static void starts(struct json_writer *w, const struct btr_answer *a)
{
    if (a->start_count)
        start(w, "alert", a, 0);
    if (a->start_count < 2)
        return;
    json_open(w, "alerts", '[');
    for (uint32_t i = 0; i < a->start_count; i++)
        start(w, NULL, a, i);
    json_close(w, ']');
}

static void cut(struct json_writer *w, const struct btr_answer *a)
{
    static const char *const REASONS[] = {"", "edges", "time", "memory"};
    json_bool(w, "complete", a->trace->cut == BTR_CUT_NONE && !btr_damage_loses(a->reader));
    if (btr_reader_damage_count(a->reader) > 0) {
        btr_buffer_u8(w->out, ',');
        btr_damage_json(w->out, a->reader);
    }
    if (a->trace->cut == BTR_CUT_NONE) {
        json_null(w, "cut");
        return;
    }
    struct btr_buffer bound = {0};
    query_cut_text(&bound, a);
    json_open(w, "cut", '{');
    json_text(w, "reason", btr_span_of(REASONS[a->trace->cut]));
    json_count(w, "unexplored_edges", a->trace->unexplored);
    json_text(w, "bound", btr_buffer_view(&bound));
    json_close(w, '}');
    w->out->failed |= bound.failed;
    btr_buffer_fini(&bound);
}

static void stats(struct json_writer *w, const struct btr_answer *a)
{
    if (a->options.no_stats)
        return;
    json_open(w, "stats", '{');
    json_count(w, "events_scanned", a->cost.events_scanned);
    json_count(w, "segments_opened", a->cost.segments_opened);
    json_count(w, "closure_nodes", a->trace->node_count);
    json_count(w, "closure_events", a->event_count);
    json_real(w, "wall_ms", (double)a->options.wall_ns / 1e6);
    json_close(w, '}');
}

static void entries(struct json_writer *w, const struct btr_answer *a)
{
    bool backward = a->direction == BTR_WALK_BACKWARD;
    json_open(w, "entries", '[');
    for (uint32_t i = 0; i < a->entry_count; i++) {
        const struct answer_entry *e = &a->entries[i];
        if (i == 0 && !backward) { /* forward has no ways in: these are ways out */
            json_close(w, ']');
            json_open(w, "exits", '[');
        }
        json_newline(w);
        json_open(w, NULL, '{');
        id_text(w, "entity", a->trace->nodes[e->node].id);
        json_real(w, "score", e->score);
        json_text(w, "why", btr_span_of(e->why));
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void gaps(struct json_writer *w, const struct btr_answer *a)
{
    json_open(w, "gaps", '[');
    for (uint32_t i = 0; i < a->gap_count; i++) {
        const struct answer_gap *g = &a->gaps[i];
        const char *kind = btr_gap_word(g->kind), *text = btr_gap_text(g->kind);
        json_newline(w);
        json_open(w, NULL, '{');
        json_text(w, "host", g->host);
        json_number(w, "from_ns", g->from_ns);
        json_number(w, "until_ns", g->until_ns);
        json_text(w, "why", g->why.size ? g->why : btr_span_of(text ? text : ""));
        json_text(w, "kind", btr_span_of(kind ? kind : "unknown"));
        json_text(w, "source", g->source);
        if (g->count)
            json_count(w, "missing", g->count);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void nodes(struct json_writer *w, const struct btr_answer *a)
{
    json_open(w, "nodes", '[');
    for (uint32_t i = 0; i < a->trace->node_count; i++) {
        const struct answer_node *n = &a->nodes[i];
        struct entity_json e = {&n->entity, n->label, n->seen_ns};
        json_newline(w);
        json_open(w, NULL, '{');
        query_entity_json(w, &e);
        json_real(w, "score", n->score);
        json_close(w, '}');
    }
    json_close(w, ']');
}

/* What all records of an origin have in common: the text before the id, and that between it and the
 * line. Hundreds of thousands of records share a few. */
struct origin_text {
    struct btr_buffer before, between;
};

static void origin_text_make(struct origin_text *text, const struct answer_origin *o)
{
    struct json_writer before = {&text->before, true}, between = {&text->between, true};
    json_open(&before, NULL, '{');
    json_text(&before, "host", o->host);
    json_text(&before, "source", o->source);
    btr_buffer_text(&text->before, ",\"id\":\"");
    btr_buffer_text(&text->between, "\",\"origin\":{");
    json_text(&between, "file", o->input);
    btr_buffer_text(&text->between, ",\"line\":");
}

static void origin_texts_free(struct origin_text *texts, uint32_t count)
{
    for (uint32_t i = 0; texts && i < count; i++) {
        btr_buffer_fini(&texts[i].before);
        btr_buffer_fini(&texts[i].between);
    }
    free(texts);
}

/* One for each origin of the answer, or NULL when out of memory. */
static struct origin_text *origin_texts_new(const struct btr_answer *a)
{
    struct origin_text *texts = calloc((size_t)a->origin_count + 1, sizeof *texts);
    bool failed = !texts;
    for (uint32_t i = 0; !failed && i < a->origin_count; i++) {
        origin_text_make(&texts[i], &a->origins[i]);
        failed = texts[i].before.failed || texts[i].between.failed;
    }
    if (!failed)
        return texts;
    origin_texts_free(texts, a->origin_count);
    return NULL;
}

/* Hot: once for each record of the evidence. */
static void record(struct json_writer *w, const struct answer_record *e,
                   const struct origin_text *texts)
{
    const struct origin_text *text = &texts[e->origin];
    if (!w->first)
        btr_buffer_u8(w->out, ',');
    w->first = false;
    btr_buffer_span(w->out, btr_buffer_view(&text->before));
    json_digits(w->out, e->record_id);
    btr_buffer_span(w->out, btr_buffer_view(&text->between));
    json_digits(w->out, e->line);
    btr_buffer_text(w->out, "}}");
}

static void evidence(struct json_writer *w, const struct btr_answer *a, const struct answer_edge *e,
                     const struct origin_text *texts)
{
    uint32_t count = e->step_count, last = e->record_count - 1;
    const struct answer_record *records = answer_records_of(a, e->step_begin, &count);
    json_open(w, "evidence", '[');
    for (uint32_t i = 0, k = 0; i < count; i++) {
        if (!records[i].again && (a->options.evidence_all || k == 0 || k == last))
            record(w, &records[i], texts);
        k += !records[i].again;
    }
    json_close(w, ']');
}

static void edge(struct json_writer *w, const struct btr_answer *a, const struct answer_edge *e,
                 const struct origin_text *texts)
{
    const char *doubt = btr_doubt_text(e->doubt);
    json_newline(w);
    json_open(w, NULL, '{');
    id_text(w, "from", a->trace->nodes[e->from].id);
    id_text(w, "to", a->trace->nodes[e->to].id);
    json_text(w, "operation", btr_span_of(query_edge_word(e)));
    json_number(w, "first_ns", e->first_ns);
    json_number(w, "last_ns", e->last_ns);
    json_count(w, "count", e->record_count);
    if (e->bytes != BTR_BYTES_UNKNOWN)
        json_count(w, "bytes", e->bytes);
    json_bool(w, "interval", e->interval);
    if (e->pair)
        json_bool(w, "pair", true);
    json_real(w, "score", 0);
    if (doubt)
        json_text(w, "doubt", btr_span_of(doubt));
    else
        json_null(w, "doubt");
    evidence(w, a, e, texts);
    json_close(w, '}');
}

static void edges(struct json_writer *w, const struct btr_answer *a)
{
    struct origin_text *texts = origin_texts_new(a);
    if (!texts) {
        w->out->failed = true;
        return;
    }
    json_open(w, "edges", '[');
    for (uint32_t i = 0; i < a->edge_count; i++) {
        struct answer_edge e = answer_edge_at(a, i);
        edge(w, a, &e, texts);
    }
    json_close(w, ']');
    origin_texts_free(texts, a->origin_count);
}

int query_export_json(const struct btr_answer *a, bool colour, struct btr_buffer *out,
                      struct btr_err *err)
{
    (void)colour;
    struct json_writer w = {out, true};
    bool backward = a->direction == BTR_WALK_BACKWARD;
    json_open(&w, NULL, '{');
    json_text(&w, "schema", BTR_SPAN("backtrail-trace/1"));
    json_text(&w, "direction", backward ? BTR_SPAN("backward") : BTR_SPAN("forward"));
    json_text(&w, "strategy", a->options.strategy);
    starts(&w, a);
    cut(&w, a);
    stats(&w, a);
    entries(&w, a);
    gaps(&w, a);
    nodes(&w, a);
    edges(&w, a);
    json_close(&w, '}');
    btr_buffer_u8(out, '\n');
    return out->failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as JSON") : 0;
}
