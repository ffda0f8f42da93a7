/* backtrail-trace/1, the contract with scripts (docs/man/backtrail-trace.1, "JSON"). */
#include "entity_json.h"
#include "exports.h"
#include <btr/damage.h>
#include <stdlib.h>

/* @param spec  its place among the specs */
static void start(struct json_writer *w, const char *name, const struct btr_answer *a,
                  const struct btr_start *start, uint32_t spec)
{
    json_open(w, name, '{');
    json_id(w, "entity", start->entity);
    json_number(w, "time_ns", answer_start_told(a, start));
    json_text(w, "spec", a->options.specs ? a->options.specs[spec] : (struct btr_span){0});
    json_close(w, '}');
}

static void between(struct json_writer *w, const struct btr_answer *a)
{
    const struct btr_between *ends = a->options.between;
    const struct btr_between_searched *searched = a->options.searched;
    if (!ends)
        return;
    json_open(w, "between", '{');
    start(w, "from", a, &ends->from[0], a->start_count);
    start(w, "to", a, &ends->to[0], 0);
    json_bool(w, "path", !answer_has_no_path(a));
    json_open(w, "reached", '{'); /* from the one, until the other's time */
    json_count(w, "entities", searched->node_count);
    json_count(w, "flows", searched->event_count);
    json_close(w, '}');
    json_close(w, '}');
}

static void starts(struct json_writer *w, const struct btr_answer *a)
{
    if (a->start_count)
        start(w, "alert", a, &a->starts[0], 0);
    if (a->start_count < 2)
        return;
    json_open(w, "alerts", '[');
    for (uint32_t i = 0; i < a->start_count; i++)
        start(w, NULL, a, &a->starts[i], i);
    json_close(w, ']');
    json_open(w, "incidents", '['); /* of alerts that share a trace, by their numbers from 0 */
    for (uint32_t i = 0; i < a->start_count; i++) {
        if (a->incidents[i] != i)
            continue;
        json_open(w, NULL, '[');
        for (uint32_t k = i; k < a->start_count; k++)
            if (a->incidents[k] == i)
                json_count(w, NULL, k);
        json_close(w, ']');
    }
    json_close(w, ']');
}

static void without(struct json_writer *w, const struct btr_answer *a)
{
    if (!a->options.without)
        return;
    struct btr_without_stat stat = btr_without_stat(a->options.without);
    json_open(w, "without", '{');
    json_text(w, "filter", a->options.filter);
    json_count(w, "entities", stat.entity_count);
    json_count(w, "events", stat.event_count);
    json_close(w, '}');
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
        json_id(w, "entity", a->trace->nodes[e->node].id);
        json_real(w, "score", e->score);
        json_text(w, "why", btr_span_of(e->why));
        json_text_if(w, "doubt", a->nodes[e->node].doubt);
        json_close(w, '}');
    }
    json_close(w, ']');
}

/* Ways in that were weighed, and are none of the nodes. */
static void considered(struct json_writer *w, const struct btr_answer *a)
{
    if (a->rival_count == 0)
        return;
    json_open(w, "considered", '[');
    for (uint32_t i = 0; i < a->rival_count; i++) {
        json_newline(w);
        json_open(w, NULL, '{');
        json_id(w, "entity", a->rivals[i].entity.id);
        json_real(w, "score", a->rivals[i].score);
        json_text(w, "label", a->rivals[i].label);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void gaps(struct json_writer *w, const struct btr_answer *a)
{
    enum { GAPS_OF_SOURCE = 64 }; /* of a kind; closer ones are joined */
    struct answer_gap *list;
    uint32_t count;
    w->out->failed |= !answer_gaps_join(a, GAPS_OF_SOURCE, &list, &count);
    json_open(w, "gaps", '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct answer_gap *g = &list[i];
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
        if (g->holes > 1)
            json_count(w, "gaps", g->holes);
        json_close(w, '}');
    }
    json_close(w, ']');
    free(list);
}

static void clocks(struct json_writer *w, const struct btr_answer *a)
{
    json_open(w, "clocks", '[');
    for (uint32_t i = 0; i < a->clock_count; i++) {
        const struct btr_clock *c = &a->clocks[i];
        struct btr_buffer why = {0};
        query_clock_why(&why, c);
        json_newline(w);
        json_open(w, NULL, '{');
        json_text(w, "host", c->host);
        json_number(w, "offset_ns", c->ahead_ns);
        json_number(w, "error_ns", c->error_ns);
        json_count(w, "pairs", c->pair_count);
        json_text(w, "why", btr_buffer_view(&why));
        json_close(w, '}');
        w->out->failed |= why.failed;
        btr_buffer_fini(&why);
    }
    json_close(w, ']');
}

static void nodes(struct json_writer *w, const struct btr_answer *a)
{
    json_open(w, "nodes", '[');
    for (uint32_t i = 0; i < a->trace->node_count && query_drain(a, w->out); i++) {
        const struct answer_node *n = &a->nodes[i];
        struct entity_json e = {&n->entity, n->label, n->seen_ns};
        json_newline(w);
        json_open(w, NULL, '{');
        query_entity_json(w, &e);
        json_real(w, "score", n->score);
        if (n->doubt.size)
            json_text(w, "doubt", n->doubt);
        else
            json_null(w, "doubt");
        json_close(w, '}');
    }
    json_close(w, ']');
}

int query_export_json(struct btr_answer *a, bool colour, struct btr_buffer *out,
                      struct btr_err *err)
{
    (void)colour;
    struct json_writer w = {out, true};
    bool backward = a->direction == BTR_WALK_BACKWARD;
    int rc = answer_edges_need(a, err);
    if (rc < 0)
        return rc;
    json_open(&w, NULL, '{');
    json_text(&w, "schema", BTR_SPAN("backtrail-trace/1"));
    json_text(&w, "direction", backward ? BTR_SPAN("backward") : BTR_SPAN("forward"));
    json_text(&w, "strategy", a->options.strategy);
    starts(&w, a);
    between(&w, a);
    without(&w, a);
    cut(&w, a);
    stats(&w, a);
    entries(&w, a);
    considered(&w, a);
    gaps(&w, a);
    clocks(&w, a);
    nodes(&w, a);
    query_json_edges(&w, a);
    query_json_left_out(&w, a);
    if (a->options.shown) {
        btr_buffer_u8(out, ',');
        btr_shown_lack_json(out, a->options.shown);
    }
    json_close(&w, '}');
    btr_buffer_u8(out, '\n');
    return out->failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as JSON") : 0;
}
