/*
 * The edges of backtrail-trace/1. There may be millions, and each is the same words around a few
 * numbers: what is known before is made before, and the rest goes straight into room that is there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "exports.h"
#include "json_writer.h"

/* What all records of an origin have in common: the text before the id, and that between it and the
 * line. Hundreds of thousands of records share a few. */
struct origin_text {
    struct btr_buffer before, between;
};

struct edge_writer {
    struct btr_answer *a;
    struct btr_buffer *out;
    struct btr_buffer words, hole; /* of a doubt that is of one edge alone; that as a member */
    struct origin_text *origins;
    struct btr_buffer operations[UINT8_MAX + 1]; /* behind the id of `to`; empty: not made yet */
    struct btr_buffer doubts[UINT8_MAX + 1];     /* until the evidence; empty: not made yet */
};

enum {
    EDGE_ROOM = 512, /* of an edge, beside the texts of its operation and doubt, and its evidence */
    RECORD_ROOM = 64, /* of a record, beside the texts of its origin */
    AHEAD = 12        /* edges that the processor is asked for before their time */
};

/* ---- What is made before -------------------------------------------------------------------- */

static void origin_text_make(struct origin_text *text, const struct answer_origin *o)
{
    struct json_writer before = {&text->before, true}, between = {&text->between, true};
    json_open(&before, NULL, '{');
    json_text(&before, "host", o->host);
    json_text(&before, "source", o->source);
    btr_buffer_text(&text->before, ",\"id\":\"");
    btr_buffer_text(&text->between, "\",\"origin\":{");
    const char *number = query_json_place(&between, o->input);
    btr_buffer_format(&text->between, ",\"%s\":", number);
}

static bool origin_texts_make(struct edge_writer *w)
{
    bool failed = false;
    w->origins = calloc((size_t)w->a->origin_count + 1, sizeof *w->origins);
    for (uint32_t i = 0; w->origins && i < w->a->origin_count; i++) {
        origin_text_make(&w->origins[i], &w->a->origins[i]);
        failed |= w->origins[i].before.failed || w->origins[i].between.failed;
    }
    return w->origins && !failed;
}

static struct btr_span operation_text(struct edge_writer *w, const struct answer_edge *e)
{
    struct btr_buffer *text = &w->operations[e->operation];
    if (text->size == 0) {
        struct json_writer json = {text, true};
        btr_buffer_text(text, "\",");
        json_text(&json, "operation", btr_span_of(query_edge_word(e)));
        w->out->failed |= text->failed;
    }
    return btr_buffer_view(text);
}

/* Of an edge with several. */
static void operations_list(struct edge_writer *w, uint64_t operations)
{
    const char *between = ",\"operations\":[";
    if ((operations & (operations - 1)) == 0)
        return;
    for (unsigned i = 0; i <= BTR_OP_MAX; i++)
        if (operations & ANSWER_BIT(i)) {
            btr_buffer_format(w->out, "%s\"%s\"", between, btr_operation_word(i));
            between = ",";
        }
    btr_buffer_text(w->out, "]");
}

static struct btr_span doubt_text(struct edge_writer *w, const struct answer_edge *e)
{
    uint8_t doubt = e->doubt;
    btr_buffer_clear(&w->words);
    if (w->a->holes.hole_count && answer_edge_doubt(w->a, e, &w->words)) {
        struct json_writer json = {&w->hole, true};
        btr_buffer_clear(&w->hole);
        btr_buffer_u8(&w->hole, ',');
        json_text(&json, "doubt", btr_buffer_view(&w->words));
        btr_buffer_text(&w->hole, ",\"evidence\":[");
        w->out->failed |= w->hole.failed || w->words.failed;
        return btr_buffer_view(&w->hole);
    }
    struct btr_buffer *text = &w->doubts[doubt];
    if (text->size == 0) {
        struct json_writer json = {text, true};
        const char *why = btr_doubt_text(doubt);
        btr_buffer_u8(text, ',');
        if (why)
            json_text(&json, "doubt", btr_span_of(why));
        else
            json_null(&json, "doubt");
        btr_buffer_text(text, ",\"evidence\":[");
        w->out->failed |= text->failed;
    }
    return btr_buffer_view(text);
}

static void writer_fini(struct edge_writer *w)
{
    for (uint32_t i = 0; w->origins && i < w->a->origin_count; i++) {
        btr_buffer_fini(&w->origins[i].before);
        btr_buffer_fini(&w->origins[i].between);
    }
    free(w->origins);
    btr_buffer_fini(&w->words);
    btr_buffer_fini(&w->hole);
    for (unsigned i = 0; i <= UINT8_MAX; i++) {
        btr_buffer_fini(&w->operations[i]);
        btr_buffer_fini(&w->doubts[i]);
    }
}

/* ---- One edge ------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, struct btr_span text)
{
    memcpy(at, text.at, text.size);
    return at + text.size;
}

#define PUT(at, literal) put(at, BTR_SPAN(literal))

static uint8_t *put_time(uint8_t *at, int64_t ns)
{
    if (ns < 0)
        *at++ = '-';
    return json_put_digits(at, ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns);
}

static uint8_t *put_score(uint8_t *at, double score)
{
    char text[32];
    if (score == 0)
        return PUT(at, ",\"score\":0");
    int size = snprintf(text, sizeof text, "%.6g", score);
    at = PUT(at, ",\"score\":");
    return put(at, (struct btr_span){(const uint8_t *)text, (size_t)size});
}

/* What a record of an edge with several operations or doubts tells. */
static void record_manner(struct edge_writer *w, const struct btr_manner *manner)
{
    const char *word = btr_operation_word(manner->operation);
    const char *doubt = btr_doubt_text(manner->doubt);
    btr_buffer_format(w->out, ",\"operation\":\"%s\"", word ? word : "unknown");
    if (doubt)
        btr_buffer_format(w->out, ",\"doubt\":\"%s\"", doubt); /* plain words */
}

/* Hot: once for each record of the evidence. @param manner  NULL: that of the edge */
static void record(struct edge_writer *w, const struct answer_record *r,
                   const struct btr_manner *manner, bool first)
{
    const struct origin_text *text = &w->origins[r->origin];
    if (!btr_buffer_reserve(w->out, text->before.size + text->between.size + RECORD_ROOM))
        return;
    uint8_t *at = w->out->at + w->out->size;
    if (!first)
        *at++ = ',';
    at = put(at, btr_buffer_view(&text->before));
    at = json_put_digits(at, r->record_id);
    at = put(at, btr_buffer_view(&text->between));
    at = json_put_digits(at, r->line);
    at = PUT(at, "}");
    w->out->size = (size_t)(at - w->out->at);
    if (manner)
        record_manner(w, manner);
    if (w->a->options.shown) {
        struct btr_kept_place place = query_record_place(w->a, r);
        btr_buffer_u8(w->out, ',');
        btr_shown_json(w->a->options.shown, &place, w->out);
    }
    btr_buffer_u8(w->out, '}');
}

/** Evidence of an edge on its way out: all of it, or the first and the last. */
struct evidence {
    struct edge_writer *w;
    uint32_t at, last; /* of those that are still told */
};

static void evidence_put(struct evidence *e, const struct answer_record *r,
                         const struct btr_manner *manner)
{
    if (e->w->a->options.evidence_all || e->at == 0 || e->at == e->last)
        record(e->w, r, manner, e->at == 0);
    e->at++;
}

static void evidence(struct edge_writer *w, const struct answer_edge *e)
{
    const struct btr_trace *t = w->a->trace;
    uint32_t count = e->step_count;
    const struct answer_record *records = answer_records_of(w->a, e->step_begin, &count);
    struct evidence out = {w, 0, e->record_count - e->thinned - 1};
    for (uint32_t i = 0; i < count; i++) {
        if (records[i].again)
            continue;
        const struct btr_trace_step *step = &t->steps[e->step_begin + i / (count / e->step_count)];
        const struct btr_manner *manner = e->mixed ? btr_step_manner(t, step) : NULL;
        evidence_put(&out, &records[i], manner);
        const struct answer_stand *stand = answer_stand_of(w->a, &records[i]);
        if (stand)
            evidence_put(&out, &stand->last, manner);
    }
}

static void edge(struct edge_writer *w, const struct answer_edge *e)
{
    const struct btr_trace_node *nodes = w->a->trace->nodes;
    struct btr_span operation = operation_text(w, e), doubt = doubt_text(w, e);
    if (!btr_buffer_reserve(w->out, EDGE_ROOM + operation.size + doubt.size))
        return;
    uint8_t *at = w->out->at + w->out->size;
    at = PUT(at, "{\"from\":\"");
    at = json_put_id(at, nodes[e->from].id);
    at = PUT(at, "\",\"to\":\"");
    at = json_put_id(at, nodes[e->to].id);
    at = put(at, operation);
    w->out->size = (size_t)(at - w->out->at);
    operations_list(w, e->operations);
    if (!btr_buffer_reserve(w->out, EDGE_ROOM + doubt.size))
        return;
    at = w->out->at + w->out->size;
    at = PUT(at, ",\"first_ns\":");
    at = put_time(at, answer_told(e->first_ns, e->ahead_ns));
    at = PUT(at, ",\"last_ns\":");
    at = put_time(at, answer_told(e->last_ns, e->ahead_ns));
    at = PUT(at, ",\"count\":");
    at = json_put_digits(at, e->record_count);
    if (e->bytes != BTR_BYTES_UNKNOWN) {
        at = PUT(at, ",\"bytes\":");
        at = json_put_digits(at, e->bytes);
    }
    at = e->interval ? PUT(at, ",\"interval\":true") : PUT(at, ",\"interval\":false");
    if (e->pair)
        at = PUT(at, ",\"pair\":true");
    if (e->thinned > 0) {
        at = PUT(at, ",\"thinned\":");
        at = json_put_digits(at, e->thinned);
    }
    at = put_score(at, answer_score(w->a, nodes[e->from].id, nodes[e->to].id));
    at = put(at, doubt);
    w->out->size = (size_t)(at - w->out->at);
    evidence(w, e);
    btr_buffer_text(w->out, "]");
    if (answer_why(w->a, e))
        btr_buffer_format(w->out, ",\"why\":\"%s\"", answer_why(w->a, e)); /* plain words */
    btr_buffer_text(w->out, "}");
}

/* Edges in the order in which they are shown have their steps all over the place. */
static void ask_ahead(const struct btr_answer *a, uint32_t i)
{
    if (i >= a->edge_count)
        return;
    uint32_t step = a->places[i].step_begin;
    __builtin_prefetch(&a->trace->steps[step]);
    __builtin_prefetch(&a->records[step]);
    __builtin_prefetch(&a->trace->nodes[a->places[i].node]);
}

void query_json_edges(struct json_writer *json, struct btr_answer *a)
{
    struct edge_writer w = {.a = a, .out = json->out};
    if (!origin_texts_make(&w))
        json->out->failed = true;
    json_open(json, "edges", '[');
    for (uint32_t i = 0; i < a->edge_count && !json->out->failed && query_drain(a, json->out);
         i++) {
        struct answer_edge e = answer_edge_at(a, i);
        ask_ahead(a, i + AHEAD);
        json_newline(json);
        edge(&w, &e);
        json->first = false;
    }
    json_close(json, ']');
    writer_fini(&w);
}
