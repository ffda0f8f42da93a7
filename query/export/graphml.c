/* GraphML (graphml.graphdrawing.org), with times as nanoseconds since the epoch. */
#include <btr/damage.h>
#include <btr/escape.h>
#include <inttypes.h>

#include "exports.h"

static const char HEAD[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n"
    "<key id=\"complete\" for=\"graph\" attr.name=\"complete\" attr.type=\"boolean\"/>\n"
    "<key id=\"cut\" for=\"graph\" attr.name=\"cut\" attr.type=\"string\"/>\n"
    "<key id=\"damage\" for=\"graph\" attr.name=\"damage\" attr.type=\"string\"/>\n"
    "<key id=\"kind\" for=\"node\" attr.name=\"kind\" attr.type=\"string\"/>\n"
    "<key id=\"host\" for=\"node\" attr.name=\"host\" attr.type=\"string\"/>\n"
    "<key id=\"label\" for=\"node\" attr.name=\"label\" attr.type=\"string\"/>\n"
    "<key id=\"first\" for=\"all\" attr.name=\"first_ns\" attr.type=\"long\"/>\n"
    "<key id=\"last\" for=\"all\" attr.name=\"last_ns\" attr.type=\"long\"/>\n"
    "<key id=\"start\" for=\"node\" attr.name=\"start\" attr.type=\"boolean\"/>\n"
    "<key id=\"operation\" for=\"edge\" attr.name=\"operation\" attr.type=\"string\"/>\n"
    "<key id=\"operations\" for=\"edge\" attr.name=\"operations\" attr.type=\"string\"/>\n"
    "<key id=\"count\" for=\"edge\" attr.name=\"count\" attr.type=\"long\"/>\n"
    "<key id=\"thinned\" for=\"edge\" attr.name=\"thinned\" attr.type=\"long\"/>\n"
    "<key id=\"bytes\" for=\"edge\" attr.name=\"bytes\" attr.type=\"long\"/>\n"
    "<key id=\"score\" for=\"all\" attr.name=\"score\" attr.type=\"double\"/>\n"
    "<key id=\"doubt\" for=\"all\" attr.name=\"doubt\" attr.type=\"string\"/>\n";

static void data_text(struct btr_buffer *out, const char *key, struct btr_span text)
{
    btr_buffer_format(out, "<data key=\"%s\">", key);
    btr_escape_xml(out, text);
    btr_buffer_text(out, "</data>");
}

static void data_number(struct btr_buffer *out, const char *key, int64_t number)
{
    btr_buffer_format(out, "<data key=\"%s\">%" PRId64 "</data>", key, number);
}

static void data_score(struct btr_buffer *out, double score)
{
    if (score > 0)
        btr_buffer_format(out, "<data key=\"score\">%.6g</data>", score);
}

static void node(struct btr_buffer *out, const struct btr_answer *a, uint32_t i)
{
    const struct answer_node *n = &a->nodes[i];
    const char *kind = btr_kind_word(n->entity.kind);
    char id[BTR_ID_TEXT_SIZE];
    btr_id_text(a->trace->nodes[i].id, id);
    btr_buffer_format(out, "<node id=\"%s\">", id);
    data_text(out, "kind", btr_span_of(kind ? kind : "unknown"));
    if (n->entity.host.size)
        data_text(out, "host", n->entity.host);
    data_text(out, "label", n->label);
    data_number(out, "first", n->entity.first_ns);
    data_number(out, "last", n->entity.last_ns);
    data_score(out, n->score);
    if (n->doubt.size)
        data_text(out, "doubt", n->doubt);
    if (a->trace->nodes[i].start)
        data_text(out, "start", BTR_SPAN("true"));
    btr_buffer_text(out, "</node>\n");
}

static void edge(struct btr_buffer *out, struct btr_answer *a, const struct answer_edge *e)
{
    char from[BTR_ID_TEXT_SIZE], to[BTR_ID_TEXT_SIZE];
    struct btr_buffer doubt = {0}, words = {0};
    (void)answer_edge_doubt(a, e, &doubt);
    btr_id_text(a->trace->nodes[e->from].id, from);
    btr_id_text(a->trace->nodes[e->to].id, to);
    btr_buffer_format(out, "<edge source=\"%s\" target=\"%s\">", from, to);
    data_text(out, "operation", btr_span_of(query_edge_word(e)));
    query_edge_words(&words, e);
    data_text(out, "operations", btr_buffer_view(&words));
    data_number(out, "first", answer_told(e->first_ns, e->ahead_ns));
    data_number(out, "last", answer_told(e->last_ns, e->ahead_ns));
    data_number(out, "count", e->record_count);
    if (e->thinned > 0)
        data_number(out, "thinned", e->thinned);
    if (e->bytes != BTR_BYTES_UNKNOWN && e->bytes <= INT64_MAX)
        data_number(out, "bytes", (int64_t)e->bytes);
    data_score(out, answer_score(a, a->trace->nodes[e->from].id, a->trace->nodes[e->to].id));
    if (doubt.size)
        data_text(out, "doubt", btr_buffer_view(&doubt));
    btr_buffer_text(out, "</edge>\n");
    out->failed |= words.failed || doubt.failed;
    btr_buffer_fini(&words);
    btr_buffer_fini(&doubt);
}

static void complete_tell(struct btr_buffer *out, const struct btr_answer *a)
{
    bool is_cut = a->trace->cut != BTR_CUT_NONE;
    struct btr_buffer damage = {0}, cut = {0};
    data_text(out, "complete",
              is_cut || btr_damage_loses(a->reader) ? BTR_SPAN("false") : BTR_SPAN("true"));
    btr_damage_text(&damage, a->reader);
    if (damage.size)
        data_text(out, "damage", btr_buffer_view(&damage));
    if (is_cut) {
        query_cut_text(&cut, a);
        data_text(out, "cut", btr_buffer_view(&cut));
    }
    out->failed |= damage.failed || cut.failed;
    btr_buffer_fini(&damage);
    btr_buffer_fini(&cut);
}

int query_export_graphml(struct btr_answer *a, bool colour, struct btr_buffer *out,
                         struct btr_err *err)
{
    (void)colour;
    int rc = answer_edges_need(a, err);
    if (rc < 0)
        return rc;
    btr_buffer_text(out, HEAD);
    btr_buffer_text(out, "<graph id=\"trace\" edgedefault=\"directed\">\n");
    complete_tell(out, a);
    btr_buffer_text(out, "\n");
    for (uint32_t i = 0; i < a->trace->node_count && query_drain(a, out); i++)
        node(out, a, i);
    for (uint32_t i = 0; i < a->edge_count && query_drain(a, out); i++) {
        struct answer_edge e = answer_edge_at(a, i);
        edge(out, a, &e);
    }
    btr_buffer_text(out, "</graph>\n</graphml>\n");
    return out->failed ? btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "answer as GraphML") : 0;
}
